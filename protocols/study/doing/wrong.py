"""What is not as planned: the day, intervals before a session, its box's air, who runs it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, select

from protocols.conduct import loss_of
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.doing.reasons import HUMANE, Wrong
from protocols.study.folder import Study
from protocols.study.people import knows
from protocols.study.scheduling import day_of
from protocols.study.today import leading_to, phase_of, purge_s, weights_of, window_of


def wrong_day(study: Study, row: RowMapping, now: datetime) -> list[Wrong]:
    """A session that is not planned for this day."""
    day = day_of(study, now).isoformat()
    if row["planned_for"] == day:
        return []
    when = f"is planned for {row['planned_for']}" if row["planned_for"] else "has no day yet"
    if row["due_hidden"]:
        when = "is not due yet, its day would tell the group"
    return [Wrong("day", f"{row['animal']}: {row['phase']} {when}, today is {day}")]


def around(change: Change, uid: str) -> Sequence[RowMapping]:
    """The procedures of a session, in their order."""
    asked = select(t.procedure).where(t.procedure.c.session == uid)
    return change.connection.execute(asked.order_by(t.procedure.c.place)).mappings().all()


def wrong_around(study: Study, change: Change, row: RowMapping, now: datetime) -> list[Wrong]:
    """Procedures that have to come before, their intervals, and the gap from the session before.

    What was given for an earlier attempt, and is not given anew, counts its interval from then.
    """
    wrong = []
    own = [p for p in around(change, row["uid"]) if p["moment"] == "before"]
    slots = {p["slot"] for p in own}
    earlier = [p for p in _earlier(change, row) if p["slot"] not in slots]
    before = [p for p in (*earlier, *own) if p["runs_to"] == "next"]
    missing = [p["slot"] for p in own if p["status"] == "planned"]
    if missing:
        told = f"{row['animal']}: {', '.join(missing)} is not ticked off"
        wrong.append(Wrong("procedure", told))
    elif before and before[-1]["status"] == "done":
        wrong += _interval(row["animal"], before[-1], "placed", now)
    for one in leading_to(change, row["animal"], row["phase"]):
        if one["status"] == "planned":
            told = f"{row['animal']}: {one['slot']} of {one['phase']} is not ticked off"
            wrong.append(Wrong("procedure", told))
        elif one["status"] == "done":
            wrong += _interval(row["animal"], one, "placed", now)
    phase = phase_of(study, row["phase"])
    if phase.gap_s:
        asked = select(t.session.c.ended).where(
            t.session.c.animal == row["animal"], t.session.c.ended.is_not(None)
        )
        ends = [datetime.fromisoformat(at) for at in change.connection.execute(asked).scalars()]
        last = max(ends, default=None)
        if last is not None and (now - last).total_seconds() < phase.gap_s:
            since = (now - last).total_seconds() / 60
            told = f"{since:.0f} min after the session before, {phase.gap_s / 60:.0f} are wanted"
            wrong.append(Wrong("early", f"{row['animal']}: {told}"))
    return wrong


def wrong_air(
    study: Study, change: Change, box: str | None, rig: str, now: datetime
) -> list[Wrong]:
    """A box whose odour has not been purged since the animal before."""
    wanted_s = purge_s(study)
    if not wanted_s or box is None:
        return []
    asked = select(t.session.c.ended, t.session.c.animal).where(
        t.session.c.box == box, t.session.c.rig == rig, t.session.c.ended.is_not(None)
    )
    found = [(datetime.fromisoformat(r.ended), r.animal) for r in change.connection.execute(asked)]
    if not found:
        return []
    ended, animal = max(found)
    since_s = (now - ended).total_seconds()
    if since_s >= wanted_s:
        return []
    told = (
        f"box {box}: {since_s / 60:.1f} min of fresh air since {animal}, {wanted_s / 60:g} wanted"
    )
    return [Wrong("purge", told)]


def wrong_before(
    change: Change, session: RowMapping, row: RowMapping, began: datetime
) -> list[Wrong]:
    """The interval from the procedure before, and the session's own order."""
    beside = list(around(change, session["uid"]))
    earlier = [p for p in beside if p["place"] < row["place"] and p["moment"] == row["moment"]]
    wrong = []
    missing = [p["slot"] for p in earlier if p["status"] == "planned"]
    earlier = [p for p in earlier if p["runs_to"] == "next"]
    if missing:
        told = f"{session['animal']}: {', '.join(missing)} is not ticked off"
        wrong.append(Wrong("procedure", told))
    elif earlier and earlier[-1]["status"] == "done":
        wrong += _interval(session["animal"], earlier[-1], row["slot"], began)
    if row["moment"] == "after" and session["status"] == "planned":
        told = (
            f"{session['animal']}: {row['slot']} comes after {session['phase']}, which is not run"
        )
        wrong.append(Wrong("order", told))
    return wrong


def wrong_loss(study: Study, change: Change, animal: str) -> list[Wrong]:
    """An animal whose last weight is at the humane end point; the owner decides on it."""
    loss = loss_of(study.plan.humane, [one.weight_g for one in weights_of(change, animal)])
    if loss is None or loss.verdict != "end_point":
        return []
    return [Wrong(HUMANE, f"{animal}: {loss.told}; weigh it again, or act by your protocol")]


def wrong_person(change: Change, row: RowMapping, person: str) -> list[Wrong]:
    """A person who may know the group: testing the animal is for another."""
    how = knows(change.connection, row["animal"], person)
    if not how:
        return []
    return [Wrong("blind", f"{person} {how} and may know the group of {row['animal']}")]


def _earlier(change: Change, row: RowMapping) -> list[RowMapping]:
    """What was done before the earlier attempts of a session, in the order of the attempts."""
    if row["attempt"] < 2:
        return []
    asked = (
        select(t.procedure)
        .join(t.session, t.session.c.uid == t.procedure.c.session)
        .where(
            t.session.c.animal == row["animal"],
            t.session.c.phase == row["phase"],
            t.session.c.attempt < row["attempt"],
            t.procedure.c.moment == "before",
            t.procedure.c.status == "done",
        )
        .order_by(t.session.c.attempt, t.procedure.c.place)
    )
    return list(change.connection.execute(asked).mappings())


def _interval(animal: str, done: RowMapping, what: str, now: datetime) -> list[Wrong]:
    gap = window_of(done)
    waited = (now - datetime.fromisoformat(done["ended"])).total_seconds()
    ended = f"{waited / 60:.1f} min after {done['slot']}"
    if gap.most_s is not None and waited > gap.most_s:
        told = f"{animal}: {what} {ended}, {gap.most_s / 60:g} min at most"
        return [Wrong("late", told)]
    if waited < gap.least_s:
        told = f"{animal}: {what} {ended}, {gap.least_s / 60:g} min at least"
        return [Wrong("early", told)]
    return []
