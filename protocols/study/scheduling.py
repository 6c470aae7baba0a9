"""Sessions get their days, at the start and when extinction is decided.

`planned_first` keeps the first date for good, `planned_for` is the one that holds. A day that would
tell an animal's group is withheld (`due_hidden`) until it has come.
"""

import json
import secrets
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, RowMapping, select

from protocols.allocation import Dice
from protocols.course import Course, PhasePlan, numbered
from protocols.criteria import Extinction
from protocols.day.extinction import Outcome
from protocols.day.sealed import before_pairing
from protocols.days import WEEKDAYS, Misfit, laid_out, unrolled
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.adding import allowed, plan_session
from protocols.study.folder import Study
from protocols.study.signing import in_reach
from protocols.study.withheld import hide, secret_of, show
from protocols.timetable import WORK
from rig.errors import ConfigError


class Reads(typing.Protocol):
    """What can be read by: a change, or a `Reading`."""

    @property
    def connection(self) -> Connection:
        """The connection."""


LIVING = ("planned", "active", "substitute")
LATE_OK = ("done", "running")


def day_of(study: Study, when: datetime) -> date:
    """The day of the study that a moment belongs to: it begins at the hour that the rules say."""
    begins = time.fromisoformat(study.plan.day.begins)
    return (when - timedelta(hours=begins.hour, minutes=begins.minute)).date()


def open_days(study: Study) -> Callable[[date], bool]:
    """Whether somebody comes on a day."""
    named = study.plan.day.closed
    named = study.joined.course.study.closed if named is None else named
    shut = {WEEKDAYS.index(name) for name in named}
    holidays = set(study.plan.day.holidays)
    return lambda day: day.weekday() not in shut and day.isoformat() not in holidays


def cohort_of(study: Study, cohort: int) -> list[str]:
    """The animals of a cohort that are in the study. Raises ConfigError where there are none."""
    with study.store.read() as connection:
        asked = select(t.animal.c.id).where(
            t.animal.c.cohort == cohort, t.animal.c.status.in_(LIVING)
        )
        found = list(connection.execute(asked.order_by(t.animal.c.id)).scalars())
    if not found:
        raise ConfigError("--cohort", "", f"{cohort}: no animal of it is in the study")
    return found


def set_start(
    study: Study, start: date, person: str, animals: Sequence[str] = (), seed: str = ""
) -> list[str]:
    """Give animals their first day and all that follows from it; the ids of those that got one.

    `animals`: none are all that have no day yet. Their running order is drawn by `seed` (one from
    the system's dice where none is given), which is kept; where nothing comes before the pairing
    it is the one that was drawn when it was sealed. Raises ConfigError for a day from which the
    course does not fit, and for animals that have no session yet.
    """
    in_reach(start, "--start")
    course = study.joined.course
    is_open = open_days(study)
    if not is_open(start):
        raise ConfigError("--start", "", f"{start} is closed ({WEEKDAYS[start.weekday()]})")
    least = unrolled(course, [block.least for block in course.extinction])
    whole = laid_out(
        least,
        course.study.weekend,
        start.weekday(),
        lambda day: is_open(start + timedelta(days=day)),
    )
    if isinstance(whole, Misfit):
        message = f"from {WEEKDAYS[start.weekday()]} {start} on, {whole.phase} {whole.why}"
        raise ConfigError("--start", "", message)
    early = before_pairing(course)
    with study.store.change(person, f"start {start}") as change:
        allowed(change, person, ("technician", "owner"))
        read = change.connection.execute
        known = read(select(t.animal).where(t.animal.c.status.in_(LIVING))).mappings().all()
        dated = select(t.session.c.animal).where(t.session.c.planned_for.is_not(None))
        have = set(read(dated).scalars())
        for name in animals:
            if name not in {row["id"] for row in known}:
                raise ConfigError("--animal", "", f"{name!r}: no such animal in this study")
            if name in have:
                raise ConfigError("--animal", "", f"{name}: has its days; use `study shift`")
        chosen = [r for r in known if r["id"] not in have and (not animals or r["id"] in animals)]
        seed = seed or secrets.token_hex(8)
        change.note("running_order", seed=seed, start=start.isoformat())
        for place, row in enumerate(Dice(seed).shuffled(sorted(chosen, key=lambda r: r["id"])), 1):
            rows = {one["phase"]: one for one in sessions_of(change, row["id"])}
            for name in early:
                phase = course.phase_named(name)
                assert phase is not None
                if name in rows:
                    change.update(t.session, {"uid": rows[name]["uid"]}, place=place)
                    continue
                box = row["box"] if phase.in_box else None
                outside = int(not phase.in_box)
                uid = plan_session(change, row["id"], name, 1, place, box, outside=outside)
                plan_work(change, uid, phase)
            first = {one["phase"]: one for one in sessions_of(change, row["id"])}
            name = next((p.name for p in least if p.name in first), "")
            if not name:
                message = f"{row['id']} has no session yet: this protocol has no pre-test, so "
                message += "`study allocate` and `study seal` come before the days"
                raise ConfigError("--start", "", message)
            day = start + timedelta(days=whole[name])
            set_date(study, change, first[name], day, 1 + whole[name])
            redate(study, change, row["id"])
    return [row["id"] for row in chosen]


def plan_work(change: Change, uid: str, phase: PhasePlan) -> None:
    """What is to be ticked off of a phase outside the box that has no procedure of its own."""
    if phase.in_box or phase.procedure or phase.kind not in WORK:
        return
    change.insert(
        t.procedure,
        session=uid,
        place=0,
        slot=str(phase.kind),
        moment="before",
        runs_to="next",
        blind=1,
        lasts_s=phase.lasts_s,
        status="planned",
    )


def sessions_of(change: Reads, animal: str) -> Sequence[RowMapping]:
    """An animal's sessions, each phase's newest attempt, cancelled ones left out."""
    asked = (
        select(t.session)
        .where(t.session.c.animal == animal, t.session.c.status != "cancelled")
        .order_by(t.session.c.attempt)
    )
    newest = {row["phase"]: row for row in change.connection.execute(asked).mappings()}
    return list(newest.values())


def redate(
    study: Study,
    change: Change,
    animal: str,
    *,
    begin: date | None = None,
    lenient: bool = False,
    own: Course | None = None,
) -> None:
    """Give every session of an animal that is decided on its day; those that have one keep it.

    Nothing new is set before `begin`. Raises ConfigError where no day fits; `lenient` takes the
    next open day then, and the session carries the deviation. `own`: the animal's course, where
    groups differ in their days; only who has the key knows it.
    """
    rows = {row["phase"]: row for row in sessions_of(change, animal)}
    dates = {name: when_of(study, row) for name, row in rows.items()}
    fixed = {name: day for name, day in dates.items() if day is not None}
    if not fixed:
        return
    course = own or study.joined.course
    named = decided(study, change, animal)
    phases = [p for p in unrolled(course, named[0]) if p.name in rows or p.name in named[1]]
    phases = [p for p in phases if p.name in named[1]]
    start = min(fixed.values())
    is_open = open_days(study)
    relative = {name: (day - start).days for name, day in fixed.items()}

    def laid() -> dict[str, int]:
        while True:
            found = laid_out(
                phases,
                course.study.weekend,
                start.weekday(),
                lambda day: is_open(start + timedelta(days=day)),
                relative,
            )
            if not isinstance(found, Misfit):
                return found
            if not lenient or found.phase not in rows:
                message = f"{found.why}; give another day to begin with"
                raise ConfigError(animal, found.phase, message)
            late = start + timedelta(days=max(relative.values()) + 1)
            while not is_open(late):
                late += timedelta(days=1)
            relative[found.phase] = (late - start).days
            set_anyway[found.phase] = found.why

    set_anyway: dict[str, str] = {}
    days = laid()
    new = [p.name for p in phases if p.name not in fixed and p.name in rows]
    for name in new if begin is not None else ():
        assert begin is not None
        if start + timedelta(days=days[name]) < begin:  # nor before what comes before it
            while not is_open(begin):
                begin += timedelta(days=1)
            relative[name] = (begin - start).days
            days = laid()
        begin = max(begin, start + timedelta(days=days[name]))
    for name in new:
        set_date(study, change, rows[name], start + timedelta(days=days[name]), days[name] + 1)
    hidden = hidden_phases(study)
    for name, why in set_anyway.items():
        told = f"{name} " if first_name(course.extinction, name) in hidden else f"{name} {why}: "
        change.insert(
            t.deviation,
            session=rows[name]["uid"],
            at=change.at,
            kind="day",
            what=f"{told}put on the next open day",
            reason="seen by the program",
            person=change.person,
        )


def set_date(study: Study, change: Change, row: RowMapping, day: date, number: int) -> None:
    """Set a session's day; the first one stays beside it."""
    told = day.isoformat()
    if first_name(study.joined.course.extinction, row["phase"]) in hidden_phases(study):
        first, _ = _hidden(study, row) if row["due_hidden"] else (told, "")
        text = json.dumps({"first": first, "day": told})
        values = {"due_hidden": hide(secret_of(study), f"day {row['uid']}", text), "day": 0}
        change.update(t.session, {"uid": row["uid"]}, planned_for=None, **values)
        return
    asked = select(t.session.c.planned_first).where(t.session.c.uid == row["uid"])
    first = change.connection.execute(asked).scalar() or told
    change.update(t.session, {"uid": row["uid"]}, planned_for=told, day=number, planned_first=first)


def hidden_phases(study: Study) -> frozenset[str]:
    """Phases whose day differs between groups, and so tells, with all that come after them."""
    courses = list(study.joined.courses.values())
    days = [[(p.day, p.after, p.days) for p in course.phase] for course in courses]
    names = [phase.name for phase in study.joined.course.phase]
    for k, name in enumerate(names):
        if len({told[k] for told in days}) > 1:
            return frozenset(names[names.index(name) :])
    return frozenset()


def reveal_due(study: Study, change: Change, now: datetime, animal: str | None = None) -> None:
    """Put days that were withheld into the open when they have come; not before, whoever asks.

    Raises ConfigError where this account has not the study's key for them.
    """
    asked = select(t.session).where(
        t.session.c.due_hidden.is_not(None), t.session.c.status == "planned"
    )
    if animal is not None:
        asked = asked.where(t.session.c.animal == animal)
    today = day_of(study, min(now, datetime.now().astimezone()))
    for row in change.connection.execute(asked.order_by(t.session.c.uid)).mappings().all():
        first, told = _hidden(study, row)
        if date.fromisoformat(told) > today:
            continue
        dated = select(t.session.c.planned_for).where(
            t.session.c.animal == row["animal"], t.session.c.planned_for.is_not(None)
        )
        begins = min(change.connection.execute(dated).scalars(), default=told)
        number = (date.fromisoformat(told) - date.fromisoformat(begins)).days + 1
        change.update(
            t.session,
            {"uid": row["uid"]},
            planned_for=told,
            planned_first=first,
            day=number,
            due_hidden=None,
        )


def _hidden(study: Study, row: RowMapping) -> tuple[str, str]:
    """The first day and the day that holds of a session whose day is withheld."""
    told = json.loads(show(secret_of(study), f"day {row['uid']}", row["due_hidden"]))
    return told["first"], told["day"]


def when_of(study: Study, row: RowMapping) -> date | None:
    """The day on which a session took place, or is planned; a day that is withheld too."""
    if row["started"] and row["status"] in LATE_OK:
        return day_of(study, datetime.fromisoformat(row["started"]))
    if row["due_hidden"]:
        return date.fromisoformat(_hidden(study, row)[1])
    return date.fromisoformat(row["planned_for"]) if row["planned_for"] else None


def decided(study: Study, change: Reads, animal: str) -> tuple[list[int], set[str]]:
    """How many cycles of each block there are so far, and the phases up to what is undecided."""
    course = study.joined.course
    cycles, ended = [], []
    for number, block in enumerate(course.extinction):
        told = decisions(change, animal, number)
        over = bool(told) and told[-1]["outcome"] != Outcome.GOES_ON
        waits = block.then != "go_on" and over and not all_over(study, change, animal, number)
        more = not over or (waits and block.then == "maintain")
        cycles.append(max(1, min(block.most, len(told) + more)))
        ended.append(over and not waits)
    names: set[str] = set()
    known = {name: k for k, block in enumerate(course.extinction) for name in block.cycle}
    stop = False
    blocks_passed: set[int] = set()
    for phase in course.phase:
        inside = known.get(phase.name)
        for k in sorted(blocks_passed):
            stop = stop or (inside != k and not ended[k])
        if stop:
            break
        if inside is not None:
            blocks_passed.add(inside)
        names.add(phase.name)
    out = set()
    for phase in unrolled(course, cycles):
        if first_name(course.extinction, phase.name) in names:
            out.add(phase.name)
    return cycles, out


def first_name(blocks: Sequence[Extinction], name: str) -> str:
    """What a phase is called in the first cycle of its block."""
    for block in blocks:
        for first in block.cycle:
            if name in {numbered(first, k) for k in range(block.most)}:
                return first
    return name


def decisions(change: Reads, animal: str, block: int) -> Sequence[RowMapping]:
    """What was decided of one block for an animal by tests that still stand as its, in order.

    One that is to be run again stands no more.
    """
    later = t.session.alias("later")
    again = select(later.c.uid).where(
        later.c.animal == t.session.c.animal,
        later.c.phase == t.session.c.phase,
        later.c.attempt > t.session.c.attempt,
        later.c.status != "cancelled",
    )
    asked = (
        select(t.decision)
        .join(t.session, t.session.c.uid == t.decision.c.session)
        .where(
            t.decision.c.animal == animal,
            t.decision.c.block == block,
            t.session.c.status == "done",
            ~again.exists(),
        )
        .order_by(t.decision.c.cycle)
    )
    return change.connection.execute(asked).mappings().all()


def mates(change: Reads, animal: str) -> list[str]:
    """The animals of its cohort that are still in the study."""
    own = select(t.animal.c.cohort).where(t.animal.c.id == animal).scalar_subquery()
    asked = select(t.animal.c.id).where(t.animal.c.cohort == own, t.animal.c.status.in_(LIVING))
    return list(change.connection.execute(asked).scalars())


def all_over(study: Study, change: Reads, animal: str, block: int) -> bool:
    """Whether a block is over for every animal of its cohort."""
    told = [decisions(change, mate, block) for mate in mates(change, animal)]
    return all(rows and rows[-1]["outcome"] != Outcome.GOES_ON for rows in told)


@dataclass(frozen=True)
class Reading:
    """A connection to read by, where a change is not wanted."""

    connection: Connection
