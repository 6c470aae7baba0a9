"""Sessions that ended early or went wrong: counted, repeated, or the animal withdrawn."""

import json
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select

from protocols import blinding
from protocols.conduct import EndedEarly
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.amending.leaving import leave, present
from protocols.study.amending.sessions import Row, add_row, next_attempt, record, was_run
from protocols.study.amending.signing import in_open, sign
from protocols.study.folder import DRAW, KEY, Study
from protocols.study.opening import opened
from protocols.study.scheduling import day_of
from rig.errors import ConfigError
from rig.storage.folder import replace


class Judged(NamedTuple):
    """What became of a session: by the rule written before or not; the new attempt's uid or ""."""

    ended_as: EndedEarly
    by_rule: bool
    again: str
    label: str


def judge_ended(
    study: Study,
    session: str,
    person: str,
    reason: str,
    ended_as: EndedEarly | None = None,
    *,
    holder: tuple[str, str] | None = None,
    pin: str | None = None,
) -> Judged:
    """Say what becomes of a session that ended early or is not valid; the study's rule if unsaid.

    What was given stays as given. A repeated session with an injection of its own gets a new label
    of the same content, for which `holder` (name, passphrase) opens the key; without it the new
    attempt has no injection. Raises ConfigError, WrongPassphraseError.
    """
    said = in_open(study, reason, "--reason")
    rule = study.plan.attempts.ended_early
    chosen = ended_as or rule
    sealed = _sealed_labels(study, person, holder) if holder is not None else None
    with study.store.change(person, said) as change:
        sign(change, person, pin, ("technician", "owner"))
        row = was_run(change, session)
        again, label = "", ""
        if chosen is EndedEarly.REPEATED:
            present(change, row["animal"])
            again, label = _again(study, change, row, sealed)
        elif chosen is EndedEarly.WITHDRAWN:
            present(change, row["animal"])
            leave(change, row["animal"], "withdrawn", f"dropped: {said}")
        before = {"uid": row["uid"], "attempt": row["attempt"], "status": row["status"]}
        after = before | {"ended_as": str(chosen), "rule": str(rule)}
        record(study, change, row["uid"], row["folder"], "outcome", before, after, said)
        if chosen is not rule:
            change.note("deviation", session=row["uid"], what="ended_early", rule=str(rule))
    return Judged(chosen, chosen is rule, again, label)


def ended_as(connection: Any) -> dict[str, str]:
    """Session's uid to what was last said of how it ended."""
    asked = select(t.amendment).where(t.amendment.c.kind == "outcome").order_by(t.amendment.c.id)
    found = {}
    for row in connection.execute(asked).mappings():
        told = json.loads(row["after"])
        if "ended_as" in told:
            found[row["session"]] = told["ended_as"]
    return found


def _again(
    study: Study, change: Change, row: Row, sealed: dict[str, dict[str, Any]] | None
) -> tuple[str, str]:
    """One more attempt planned, with a label of its own if the key was opened for it."""
    attempt = next_attempt(change, row["animal"], row["phase"])
    new = add_row(
        change,
        row,
        animal=row["animal"],
        phase=row["phase"],
        attempt=attempt,
        planned_for=day_of(study, datetime.now().astimezone()).isoformat(),
    )
    if sealed is None:
        return str(new["uid"]), ""
    asked = select(t.label).where(t.label.c.session == row["uid"]).order_by(t.label.c.code)
    old = change.connection.execute(asked).mappings().all()
    if not old:
        return str(new["uid"]), ""
    taken = set(change.connection.execute(select(t.label.c.code)).scalars())
    codes = blinding.label_codes(len(old), taken)
    contents = []
    for code, label in zip(codes, old, strict=True):
        if label["code"] not in sealed:
            message = f"does not hold label {label['code']}; put back a copy of it"
            raise ConfigError(str(study.folder / KEY), "", message)
        change.insert(
            t.label,
            code=code,
            animal=row["animal"],
            session=new["uid"],
            ml_per_kg=label["ml_per_kg"],
        )
        contents.append({**sealed[label["code"]], "label": code})
        _procedures(change, row["uid"], new["uid"], label["code"], code)
    key = blinding.seal(study.key, "labels", contents, change.at)
    key = blinding.seal_each(key, {row["animal"]: {"labels": contents}}, change.at)
    replace(study.folder / KEY, key.text().encode())
    if (study.folder / DRAW).is_file():
        drawn = blinding.seal(study.key_named(DRAW), "labels", contents, change.at)
        replace(study.folder / DRAW, drawn.text().encode())
    return str(new["uid"]), ", ".join(codes)


def _procedures(change: Change, before: str, uid: str, old: str, new: str) -> None:
    """The procedure of a label planned once more, with the new one."""
    asked = select(t.procedure).where(t.procedure.c.session == before, t.procedure.c.label == old)
    kept = (
        "place", "slot", "moment", "runs_to", "blind", "lasts_s", "interval_s", "early_s", "late_s",
    )  # fmt: skip
    for row in change.connection.execute(asked).mappings().all():
        planned = {name: row[name] for name in kept}
        change.insert(t.procedure, session=uid, label=new, status="planned", **planned)


def _sealed_labels(study: Study, person: str, holder: tuple[str, str]) -> dict[str, dict[str, Any]]:
    parts = opened(study, person, *holder, "a session is repeated")
    return {one["label"]: one for part in parts if part.kind == "labels" for one in part.content}
