"""Conditioning planned under labels, and the key opened for good."""

import secrets
from dataclasses import asdict
from typing import Any

from sqlalchemy import select

from protocols import blinding
from protocols.allocation import Dice
from protocols.allocation.model import DRUG_FIRST
from protocols.store import tables as t
from protocols.study.adding import allowed, plan_session
from protocols.study.folder import KEY, RULES, Study
from protocols.study.opening import allocations, opened, pairs_of
from rig.errors import ConfigError
from rig.storage.folder import replace


def seal_sessions(study: Study, person: str, holder: tuple[str, str]) -> int:
    """Plan the conditioning of every allocated animal, with a label a session; how many labels.

    Which session is with drug goes into the key; the database gets chamber, label and volume per
    weight. An animal that has its sessions already is left as it is. Raises ConfigError.
    """
    plan = study.plan
    per_kg = plan.ml_per_kg(str(study.folder / RULES)) if plan.conditioning else 0.0
    parts = opened(study, person, *holder, "sessions and labels")
    places = [place for one in allocations(study, parts) for _, place in pairs_of(one)]
    dice = Dice(secrets.token_hex(16))
    groups = {group.name: group for group in plan.group}
    with study.store.change(person) as change:
        allowed(change, person, ("owner",))
        read = change.connection.execute
        done = set(read(select(t.label.c.animal)).scalars())
        gone = set(read(select(t.animal.c.id).where(t.animal.c.status == "withdrawn")).scalars())
        todo = [p for p in places if p.animal not in done | gone]
        if not plan.conditioning or not todo:
            return 0
        taken = set(read(select(t.label.c.code)).scalars())
        codes = blinding.label_codes(2 * len(plan.conditioning) * len(todo), taken)
        sealed = []
        for running, place in enumerate(dice.shuffled(todo)):
            other = plan.sides[1 - plan.sides.index(place.side)]
            group = groups[place.group]
            for day, pair in enumerate(plan.conditioning, 2):
                for k, phase in enumerate(pair):
                    with_drug = (k == 0) == (place.order == DRUG_FIRST)
                    code = codes.pop()
                    chamber = place.side if with_drug else other
                    uid = plan_session(
                        change, place.animal, phase, day, running, place.box, chamber
                    )
                    change.insert(
                        t.label, code=code, animal=place.animal, session=uid, ml_per_kg=per_kg
                    )
                    sealed.append(
                        {
                            "label": code,
                            "animal": place.animal,
                            "phase": phase,
                            "holds": group.drug if with_drug else group.vehicle,
                            "dose_mg_kg": group.dose_mg_kg if with_drug else None,
                        }
                    )
        key = blinding.seal(study.key, "labels", sealed, change.at)
        replace(study.folder / KEY, key.text().encode())
    return len(sealed)


def unblind(
    study: Study, person: str, reason: str, holder: tuple[str, str], animal: str | None = None
) -> list[dict[str, Any]]:
    """Who was in which group and paired with what, of all animals or of one; it is recorded.

    Raises ConfigError for an animal that has no place, or no reason; WrongPassphraseError.
    """
    if len(reason.split()) < 2:
        raise ConfigError("--reason", "", f"{reason!r}: say it in words; it is kept")
    parts = opened(study, person, *holder, reason)
    rows = [asdict(p) for one in allocations(study, parts) for _, p in pairs_of(one)]
    if animal is not None:
        rows = [row for row in rows if row["animal"] == animal]
        if not rows:
            raise ConfigError("--animal", "", f"{animal!r}: has no place in the allocation")
    labels = [one for part in parts if part.kind == "labels" for one in part.content]
    with study.store.read() as connection:
        known = set(connection.execute(select(t.label.c.code)).scalars())
    for row in rows:
        row["labels"] = {
            one["label"]: one["holds"]
            for one in labels
            if one["animal"] == row["animal"] and one["label"] in known
        }
    with study.store.change(person, reason) as change:
        # What was opened for good is open: scores, report and exports read it from the trail.
        told = {} if animal is not None else {"allocation": rows}
        change.note("key_opened", scope=animal or "all", holder=holder[0], **told)
    return rows
