"""Sessions that ended early or went wrong: counted, repeated, or the animal withdrawn."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, select

from protocols import blinding
from protocols.conduct import EndedEarly
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.amending.leaving import present
from protocols.study.amending.sessions import (
    Row,
    add_row,
    dates_of,
    laid_out_anew,
    next_attempt,
    record,
    was_run,
)
from protocols.study.excluding import leave
from protocols.study.folder import DRAW, KEY, Study
from protocols.study.opening import opened
from protocols.study.scheduling import day_of
from protocols.study.shifting import Moved
from protocols.study.signing import in_open, sign
from rig.errors import ConfigError
from rig.storage.folder import replace


class Judged(NamedTuple):
    """What became of a session: by the rule written before or not; the new attempt's uid or "".

    `moved`: the sessions that have another day by it.
    """

    ended_as: EndedEarly
    by_rule: bool
    again: str
    label: str
    moved: tuple[Moved, ...] = ()


def judge_ended(
    study: Study,
    session: str,
    person: str,
    reason: str,
    ended_as: EndedEarly | None = None,
    *,
    holder: tuple[str, str] | None = None,
    on: date | None = None,
    pin: str | None = None,
) -> Judged:
    """Say what becomes of a session that ended early or is not valid; the study's rule if unsaid.

    What was given stays as given. A repeated session with an injection of its own gets a new label
    of the same content, for which `holder` (name, passphrase) opens the key; without it the new
    attempt has no injection but what was not given yet. It is planned for the day `on`, or today,
    and what comes after it is laid out anew. Raises ConfigError, WrongPassphraseError.
    """
    day = on or day_of(study, datetime.now().astimezone())
    said = in_open(study, reason, "--reason")
    rule = study.plan.attempts.ended_early
    chosen = ended_as or rule
    sealed = _sealed_labels(study, person, holder) if holder is not None else None
    with study.store.change(person, said) as change:
        sign(change, person, pin, ("technician", "owner"))
        row = was_run(change, session)
        again, label, moved = "", "", list[Moved]()
        if chosen is EndedEarly.REPEATED:
            present(change, row["animal"])
            dates = dates_of(study, change, [row["animal"]])
            again, label = _again(study, change, row, day, sealed)
            moved = laid_out_anew(study, change, dates, day)
        elif chosen is EndedEarly.WITHDRAWN:
            present(change, row["animal"])
            leave(change, row["animal"], "withdrawn", f"dropped: {said}")
        before = {"uid": row["uid"], "attempt": row["attempt"], "status": row["status"]}
        after = before | {"ended_as": str(chosen), "rule": str(rule)}
        record(study, change, row["uid"], row["folder"], "outcome", before, after, said)
        if chosen is not rule:
            change.note("deviation", session=row["uid"], what="ended_early", rule=str(rule))
    return Judged(chosen, chosen is rule, again, label, tuple(moved))


def ended_as(connection: Any) -> dict[str, str]:
    """Session's uid to what was last said of how it ended."""
    asked = select(t.amendment).where(t.amendment.c.kind == "outcome").order_by(t.amendment.c.id)
    found = {}
    for row in connection.execute(asked).mappings():
        told = json.loads(row["after"])
        if "ended_as" in told:
            found[row["session"]] = told["ended_as"]
    return found


def once_more(
    change: Change, row: Row, day: date, labels: Mapping[str, str] | None = None
) -> RowMapping:
    """One more attempt of a session, on a day, with what is to be done around it; its row.

    `labels` are new ones for old: then all is planned anew. Without, what was given stands, and
    only what was not done yet goes over to the new attempt, with its label.
    """
    attempt = next_attempt(change, row["animal"], row["phase"])
    new = add_row(
        change,
        row,
        animal=row["animal"],
        phase=row["phase"],
        attempt=attempt,
        planned_for=day.isoformat(),
    )
    asked = select(t.procedure).where(t.procedure.c.session == row["uid"])
    for one in change.connection.execute(asked.order_by(t.procedure.c.place)).mappings().all():
        if labels is not None:
            planned = {name: one[name] for name in _PLANNED}
            code = labels.get(one["label"] or "")
            change.insert(t.procedure, session=new["uid"], label=code, status="planned", **planned)
        elif one["status"] == "planned":
            change.update(t.procedure, {"id": one["id"]}, session=new["uid"])
            if one["label"]:
                change.update(t.label, {"code": one["label"]}, session=new["uid"])
    found = select(t.session).where(t.session.c.uid == new["uid"])
    return change.connection.execute(found).mappings().one()


_PLANNED = (
    "place", "slot", "moment", "runs_to", "blind", "lasts_s", "interval_s", "early_s", "late_s",
)  # fmt: skip
"""What of a procedure tells how it was planned."""


def _again(
    study: Study, change: Change, row: Row, day: date, sealed: dict[str, dict[str, Any]] | None
) -> tuple[str, str]:
    """One more attempt planned, with labels of its own if the key was opened for it."""
    asked = select(t.label).where(t.label.c.session == row["uid"]).order_by(t.label.c.code)
    old = change.connection.execute(asked).mappings().all()
    if sealed is None or not old:
        return str(once_more(change, row, day, None if sealed is None else {})["uid"]), ""
    taken = set(change.connection.execute(select(t.label.c.code)).scalars())
    codes = blinding.label_codes(len(old), taken)
    contents = []
    for code, label in zip(codes, old, strict=True):
        if label["code"] not in sealed:
            message = f"does not hold label {label['code']}; put back a copy of it"
            raise ConfigError(str(study.folder / KEY), "", message)
        values = {"animal": row["animal"], "ml_per_kg": label["ml_per_kg"]}
        # Its session is there in a moment; a label has one from the start.
        change.insert(t.label, code=code, session=row["uid"], **values)
        contents.append({**sealed[label["code"]], "label": code})
    new_for = dict(zip((label["code"] for label in old), codes, strict=True))
    new = once_more(change, row, day, new_for)
    for code in codes:
        change.update(t.label, {"code": code}, session=new["uid"])
    key = blinding.seal(study.key, "labels", contents, change.at)
    key = blinding.seal_each(key, {row["animal"]: {"labels": contents}}, change.at)
    replace(study.folder / KEY, key.text().encode())
    if (study.folder / DRAW).is_file():
        drawn = blinding.seal(study.key_named(DRAW), "labels", contents, change.at)
        replace(study.folder / DRAW, drawn.text().encode())
    return str(new["uid"]), ", ".join(codes)


def _sealed_labels(study: Study, person: str, holder: tuple[str, str]) -> dict[str, dict[str, Any]]:
    parts = opened(study, person, *holder, "a session is repeated")
    return {one["label"]: one for part in parts if part.kind == "labels" for one in part.content}
