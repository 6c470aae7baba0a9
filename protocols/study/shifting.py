"""What is planned is moved: by so many days, or laid out anew after sessions were amended."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import RowMapping, select

from protocols.course import LONGEST_DAYS, PhasePlan
from protocols.days import Misfit, laid_out, unrolled
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.folder import Study
from protocols.study.scheduling import (
    Reading,
    Reads,
    decided,
    hidden_phases,
    open_days,
    redate,
    sessions_of,
    set_date,
    when_of,
)
from protocols.study.signing import in_open
from rig.errors import ConfigError


class Moved(NamedTuple):
    """A session that got another day; "withheld" for days that would tell a group."""

    animal: str
    phase: str
    was: str
    now: str


WITHHELD = "withheld"


def shift(
    study: Study,
    animals: Sequence[str],
    days: int,
    person: str,
    reason: str,
    *,
    phase: str = "",
) -> list[Moved]:
    """Move all that is planned, from `phase` on, by so many days; what was moved.

    The first keeps the shift, what follows it is laid out anew by the course, so that every
    interval holds. Raises ConfigError, and nothing is moved, where no day fits.
    """
    if abs(days) > LONGEST_DAYS:
        raise ConfigError("--days", "", f"{days}: {LONGEST_DAYS} at most")
    is_open, said = open_days(study), in_open(study, reason, "--reason")
    moved: list[Moved] = []
    with study.store.change(person, said) as change:
        allowed(change, person, ("technician", "owner"))
        for animal in animals:
            rows = _dated(study, change, animal)
            due = [r for r in rows if r["status"] == "planned"]
            if phase:
                names = [r["phase"] for r in due]
                due = due[names.index(phase) :] if phase in names else []
            if not due:
                raise ConfigError("--animal", "", f"{animal}: has nothing planned to be shifted")
            if hidden_phases(study):  # by group, which is sealed: what there is keeps its distances
                moved += [_moved(study, change, row, days, is_open) for row in due]
                continue
            first = date.fromisoformat(due[0]["planned_for"]) + timedelta(days=days)
            if not is_open(first):
                message = f"{animal}: {due[0]['phase']} would fall on {first}, which is closed"
                raise ConfigError("--days", "", message)
            before = [d for r in rows if r not in due and (d := when_of(study, r))]
            _lay_out(study, change, animal, due, first, before)
            now = {r["uid"]: r["planned_for"] for r in sessions_of(change, animal)}
            moved += [Moved(animal, r["phase"], r["planned_for"], now[r["uid"]]) for r in due]
    return moved


def replan(study: Study, change: Change, animal: str, begin: date) -> list[Moved]:
    """Lay an animal's planned sessions out anew by those that were run; what was moved.

    None comes before `begin`. Where groups differ in their days, which are sealed, only what should
    have been run before it is moved, to it.
    """
    is_open = open_days(study)
    rows = _dated(study, change, animal)
    due = [r for r in rows if r["status"] == "planned" and r["planned_for"]]
    run = [d for r in rows if r["status"] != "planned" and (d := when_of(study, r))]
    if not due:
        return []
    soonest = begin
    while not is_open(soonest):
        soonest += timedelta(days=1)
    if hidden_phases(study):
        for row in due:
            if date.fromisoformat(row["planned_for"]) < begin:
                set_date(study, change, row, soonest, row["day"])
    elif run:
        for row in due:
            change.update(t.session, {"uid": row["uid"]}, planned_for=None)
        redate(study, change, animal, begin=begin, lenient=True)
    else:
        first = max(soonest, date.fromisoformat(due[0]["planned_for"]))
        _lay_out(study, change, animal, due, first, [])
    later = {r["uid"]: r["planned_for"] for r in sessions_of(change, animal)}
    return [
        Moved(animal, r["phase"], r["planned_for"], later[r["uid"]] or "none")
        for r in due
        if later.get(r["uid"], r["planned_for"]) != r["planned_for"]
    ]


def _lay_out(
    study: Study,
    change: Change,
    animal: str,
    due: Sequence[RowMapping],
    first: date,
    before: Sequence[date],
) -> None:
    """Put the first of `due` on a day, and what follows it where the course wants it."""
    for row in due:
        change.update(t.session, {"uid": row["uid"]}, planned_for=None)
    start = min([*before, first])
    set_date(study, change, due[0], first, (first - start).days + 1)
    redate(study, change, animal)
    now = {r["uid"]: r["planned_for"] for r in sessions_of(change, animal)}
    lost = [r["phase"] for r in due if now[r["uid"]] is None]
    assert not lost, lost


def _dated(study: Study, reads: Reads, animal: str) -> list[RowMapping]:
    """An animal's sessions that have a day, withheld or not, in order of the course."""
    course = study.joined.course
    order = [p.name for p in unrolled(course, [b.most for b in course.extinction])]
    rows = (r for r in sessions_of(reads, animal) if r["planned_for"] or r["due_hidden"])
    return sorted(rows, key=lambda r: order.index(r["phase"]))


def _moved(
    study: Study, change: Change, row: RowMapping, days: int, is_open: Callable[[date], bool]
) -> Moved:
    was = when_of(study, row)
    assert was is not None  # it has a day, withheld or not
    day, hidden = was + timedelta(days=days), bool(row["due_hidden"])
    if not is_open(day):
        where = "a session whose day is withheld" if hidden else f"{row['phase']} ({day})"
        message = f"{row['animal']}: {where} would fall on a day that is closed"
        raise ConfigError("--days", "", message)
    set_date(study, change, row, day, row["day"] + days)
    told = (WITHHELD, WITHHELD) if hidden else (was.isoformat(), day.isoformat())
    return Moved(row["animal"], row["phase"], *told)


def broken_intervals(study: Study) -> list[str]:
    """Sessions whose days are not as the course wants them, a line each.

    Of a study whose groups differ in their days nothing can be said without the key.
    """
    if hidden_phases(study):
        return []
    with study.store.read() as connection:
        animals = connection.execute(select(t.animal.c.id).order_by(t.animal.c.id)).scalars().all()
        return [line for animal in animals for line in _broken(study, Reading(connection), animal)]


def _broken(study: Study, reads: Reading, animal: str) -> Iterator[str]:
    course, is_open = study.joined.course, open_days(study)
    rows = {r["phase"]: r for r in sessions_of(reads, animal)}
    dates = {n: d for n, r in rows.items() if (d := when_of(study, r)) is not None}
    if not dates:
        return
    start = min(dates.values())
    seen: list[PhasePlan] = []
    fixed: dict[str, int] = {}
    for phase in unrolled(course, decided(study, reads, animal)[0]):
        if phase.name not in dates or phase.after not in ("", *dates):
            continue
        seen.append(phase)
        meant = laid_out(
            seen,
            course.study.weekend,
            start.weekday(),
            lambda day: is_open(start + timedelta(days=day)),
            fixed,
        )
        fixed[phase.name] = (dates[phase.name] - start).days
        if isinstance(meant, Misfit):
            yield f"{animal}: {phase.name} {meant.why}"
        elif (off := fixed[phase.name] - meant[phase.name]) != 0:
            how = f"{abs(off)} day{'s' if abs(off) > 1 else ''}"
            way = "later" if off > 0 else "earlier"
            yield f"{animal}: {phase.name} is {how} {way} than the protocol says"
