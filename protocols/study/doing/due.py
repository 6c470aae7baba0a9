"""What is next for an animal: its session, and the procedures around it."""

from datetime import datetime

from sqlalchemy import RowMapping, select

from protocols.conduct import Attempt, is_valid
from protocols.days import unrolled
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.amending.repeating import ended_as
from protocols.study.doing.reasons import Wrong
from protocols.study.doing.wrong import around, wrong_day
from protocols.study.folder import Study
from protocols.study.scheduling import LIVING, reveal_due, sessions_of
from rig.errors import ConfigError, RigError


def animal_of(change: Change, animal: str, *, living: bool = False) -> RowMapping:
    """An animal's row. Raises ConfigError where there is none; `living`: RigError if it left."""
    asked = select(t.animal).where(t.animal.c.id == animal)
    row = change.connection.execute(asked).mappings().first()
    if row is None:
        raise ConfigError("--subject", "", f"{animal!r}: no such animal in this study")
    if living and row["status"] not in LIVING:
        raise RigError(f"{animal} is {row['status']} ({row['status_reason']}): it is not run")
    return row


def due(
    study: Study, change: Change, animal: str, phase: str | None, now: datetime
) -> tuple[RowMapping, list[Wrong]]:
    """The session that is next, and what is wrong with its day and order.

    One that ended early is next again, unless it counts as it is.
    """
    reveal_due(study, change, now, animal)
    order = _order(study)
    rows = sorted(
        (r for r in sessions_of(change, animal) if not r["outside"]),
        key=lambda r: order.get(r["phase"], len(order)),
    )
    left = [r for r in rows if r["status"] == "planned" or _again(study, change, r)]
    dated = [r for r in left if r["planned_for"]]
    if phase is not None:
        named = [r for r in rows if r["phase"] == phase]
        if not named:
            have = ", ".join(r["phase"] for r in left) or "none"
            message = f"{phase!r}: {animal} has no such session (left: {have})"
            raise ConfigError("--phase", "", message)
        if named[0]["status"] == "done":
            message = f"{animal}: {phase} was done already; an amendment says which one counts"
            raise RigError(message)
        row = named[0]
    elif dated:
        row = dated[0]
    else:
        raise ConfigError("--subject", "", f"{animal}: nothing is planned for it now")
    wrong = wrong_day(study, row, now)
    before = [r for r in left if order.get(r["phase"], 0) < order.get(row["phase"], 0)]
    if before:
        names = ", ".join(r["phase"] for r in before)
        wrong.append(Wrong("order", f"{animal}: {row['phase']} would come before {names}"))
    if row["status"] != "planned":
        told = f"{animal}: {row['phase']} was {row['status']} before"
        if any(one["label"] for one in around(change, row["uid"])):
            told += (
                "; what it was given then stands, for a new syringe: placepref study amend "
                f"{study.folder} ended {animal}/{row['phase']} --as repeated --holder NAME"
            )
        wrong.append(Wrong("repeat", told))
    return row, wrong


def next_procedure(
    study: Study, change: Change, animal: str, slot: str, now: datetime
) -> tuple[RowMapping, RowMapping]:
    """The procedure of this slot that is next: of the session that is due, the earliest left.

    Raises ConfigError where none is planned.
    """
    reveal_due(study, change, now, animal)
    order = _order(study)
    rows = sorted(
        (r for r in sessions_of(change, animal) if r["planned_for"]),
        key=lambda r: order.get(r["phase"], len(order)),
    )
    left: list[str] = []
    for row in rows:
        for one in around(change, row["uid"]):
            if one["status"] != "planned":
                continue
            past = row["status"] != "planned" and one["moment"] == "before"
            if one["slot"] == slot and not past:
                return row, one
            left.append(one["slot"])
    have = ", ".join(dict.fromkeys(left)) or "none"
    message = f"{slot!r}: nothing of that name is planned for {animal} (there is: {have})"
    raise ConfigError("--procedure", "", message)


def _again(study: Study, change: Change, row: RowMapping) -> bool:
    """Whether a session that ended early is to be run once more."""
    if row["status"] not in ("aborted", "failed"):
        return False
    said = ended_as(change.connection).get(row["uid"], "")
    return not is_valid(
        study.plan.attempts, Attempt(row["uid"], row["attempt"], row["status"], said)
    )


def _order(study: Study) -> dict[str, int]:
    course = study.joined.course
    phases = unrolled(course, [block.most for block in course.extinction])
    return {phase.name: k for k, phase in enumerate(phases)}
