"""Every session planned under its labels, and the key opened for good."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import func, select

from protocols import blinding
from protocols.allocation import Dice, Place
from protocols.day.sealed import Due, Given, before_pairing, course_for, due_of, holds
from protocols.days import Misfit, laid_out
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.adding import allowed, plan_session
from protocols.study.folder import DRAW, KEY, RULES, Study
from protocols.study.locking import is_locked
from protocols.study.opening import allocations, opened, pairs_of
from protocols.study.scheduling import first_name, hidden_phases, plan_work, redate
from protocols.study.signing import in_open
from rig.errors import ConfigError
from rig.storage.folder import replace


def seal_sessions(
    study: Study, person: str, holder: tuple[str, str], begin: date | None = None, seed: str = ""
) -> int:
    """Plan all that comes after the pre-test for every allocated animal; how many labels.

    Each session has its chamber, windows and, where something is injected, a label with its volume
    per weight. What that holds goes into the key. Days are set as far as they are decided, not
    before `begin`. An animal that has its sessions already is left as it is. `seed` draws the
    running order; one from the system's dice where none is given. Raises ConfigError.
    """
    parts = opened(study, person, *holder, "sessions and labels")
    places = [place for one in allocations(study, parts) for _, place in pairs_of(one)]
    seed = seed or secrets.token_hex(16)
    dice = Dice(seed)
    with study.store.change(person) as change:
        allowed(change, person, ("owner",))
        read = change.connection.execute
        early = before_pairing(study.joined.course)
        later = select(t.session.c.animal).where(t.session.c.phase.not_in(early))
        done = set(read(later).scalars())
        left = select(t.animal.c.id).where(t.animal.c.status.in_(("withdrawn", "excluded")))
        gone = set(read(left).scalars())
        todo = [p for p in places if p.animal not in done | gone]
        due = {p.animal: due_of(study.joined, p) for p in todo}
        for its in due.values():
            its[:] = [one for one in its if one.phase.name not in early]
        if not todo:
            return 0
        taken = set(read(select(t.label.c.code)).scalars())
        wanted = sum(
            given.ml_per_kg is not None
            for its in due.values()
            for one in its
            for given in one.given
        )
        codes = blinding.label_codes(wanted, taken)
        before = read(select(func.max(t.session.c.place))).scalar() or 0
        sealed: list[dict[str, Any]] = []
        for running, place in enumerate(spread(study.plan.slots, todo, dice), before + 1):
            sealed += _put(study, change, place, due[place.animal], running, codes)
        for name in (KEY, DRAW):
            if name == KEY or (study.folder / DRAW).is_file():
                key = blinding.seal(study.key_named(name), "labels", sealed, change.at)
                if name == KEY:
                    key = blinding.seal(key, "running_order", {"seed": seed}, change.at)
                    own: dict[str, list[dict[str, Any]]] = {p.animal: [] for p in todo}
                    for one in sealed:
                        own[one["animal"]].append(one)
                    each = {animal: {"labels": its} for animal, its in own.items()}
                    key = blinding.seal_each(key, each, change.at)
                replace(study.folder / name, key.text().encode())
        for place in todo:
            course = course_for(study.joined, place)
            redate(study, change, place.animal, begin=begin, own=course)
    return wanted


def spread(slots: Sequence[str], places: Sequence[Place], dice: Dice) -> list[Place]:
    """Places in running order: by slot, and in each one of every group and order in turn.

    Who is next of a group is drawn, and in which order the groups take their turn, each time anew.
    """
    out = []
    for slot in dict.fromkeys([*slots, *sorted({p.slot for p in places})]):
        kinds: dict[tuple[str, str], list[Place]] = {}
        for place in dice.shuffled([p for p in places if p.slot == slot]):
            kinds.setdefault((place.group, place.order), []).append(place)
        while kinds:
            for kind in dice.shuffled(sorted(kinds)):
                out.append(kinds[kind].pop())
                if not kinds[kind]:
                    del kinds[kind]
    return out


def _put(
    study: Study, change: Change, place: Place, due: Sequence[Due], running: int, codes: list[str]
) -> list[dict[str, Any]]:
    """One animal's sessions and procedures; what of them is sealed."""
    nominal = laid_out(
        (one.phase for one in due_of(study.joined, place)),
        study.joined.course.study.weekend,
        0,
        lambda day: True,
    )
    assert not isinstance(nominal, Misfit)  # no day is closed
    sealed: list[dict[str, Any]] = []
    hidden, blocks = hidden_phases(study), study.joined.course.extinction
    for one in due:
        day = 0 if first_name(blocks, one.phase.name) in hidden else nominal[one.phase.name] + 1
        uid = plan_session(
            change,
            place.animal,
            one.phase.name,
            day,
            running,
            place.box if one.phase.in_box else None,
            one.chamber or None,
            cues=json.dumps(one.cues) if one.cues else None,
            outside=int(not one.phase.in_box),
        )
        plan_work(change, uid, one.phase)
        for number, given in enumerate(one.given):
            code = None
            if given.ml_per_kg is not None:
                code = codes.pop()
                change.insert(
                    t.label, code=code, animal=place.animal, session=uid, ml_per_kg=given.ml_per_kg
                )
            _plan_procedure(change, uid, number, given, code)
            sealed.append(_sealed(study, place, one, given, code))
    return sealed


def _plan_procedure(change: Change, uid: str, number: int, given: Given, label: str | None) -> None:
    change.insert(
        t.procedure,
        session=uid,
        place=number,
        slot=given.slot,
        moment=given.when,
        runs_to=given.to,
        blind=int(given.blind),
        lasts_s=given.lasts_s,
        interval_s=given.window.interval_s,
        early_s=given.window.early_s,
        late_s=given.window.late_s,
        label=label,
        status="planned",
    )


def _sealed(
    study: Study, place: Place, due: Due, given: Given, label: str | None
) -> dict[str, Any]:
    treatment = given.treatment
    return {
        "label": label or "",
        "animal": place.animal,
        "phase": due.phase.name,
        "slot": given.slot,
        "holds": holds(study.plan, treatment),
        "dose_mg_kg": treatment.dose_mg_per_kg or None,
        "dose_as": treatment.dose_as,
        "route": treatment.route,
        "treatment": treatment.model_dump(mode="json", exclude_unset=True),
    }


def unblind(
    study: Study, person: str, reason: str, holder: tuple[str, str], animal: str | None = None
) -> list[dict[str, Any]]:
    """Who was in which group and paired with what, of all animals or of one; it is recorded.

    Raises ConfigError for an animal that has no place, or no reason; WrongPassphraseError.
    """
    if len(reason.split()) < 2:
        raise ConfigError("--reason", "", f"{reason!r}: say it in words; it is kept")
    if animal is not None:  # the others stay blinded, and so do its words
        reason = in_open(study, reason, "--reason")
    locked = is_locked(study)
    if animal is None and study.plan.unblinding.lock_first and not locked:
        message = "the rules ask for the analysis to be locked first: placepref study lock"
        raise ConfigError(str(study.folder / RULES), "unblinding.lock_first", message)
    # In an emergency nothing of the other animals is opened.
    wanted = None if animal is None else f"{blinding.ANIMAL}{animal}"
    parts = opened(study, person, *holder, reason, wanted)
    if animal is not None:
        return _one(study, person, reason, holder[0], animal, parts)
    rows = [asdict(p) for one in allocations(study, parts) for _, p in pairs_of(one)]
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
        change.note("key_opened", scope="all", holder=holder[0], locked=locked, allocation=rows)
    return rows


def _one(
    study: Study,
    person: str,
    reason: str,
    holder: str,
    animal: str,
    parts: Sequence[blinding.Opened],
) -> list[dict[str, Any]]:
    """What the parts of one animal alone say of it."""
    found: dict[str, Any] = {}
    for part in parts:
        found |= part.content.get("place", {})
    if not found:
        raise ConfigError("--animal", "", f"{animal!r}: has no place in the allocation")
    labels = [one for part in parts for one in part.content.get("labels", ())]
    found["labels"] = {one["label"]: one["holds"] for one in labels}
    with study.store.change(person, reason) as change:
        change.note("key_opened", scope=animal, holder=holder)
    return [found]
