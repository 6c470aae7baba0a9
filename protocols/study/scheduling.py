"""Sessions get their days: at the start, when extinction is decided, and when some are shifted.

`planned_first` keeps the first date for good, `planned_for` is the one that holds.
"""

import csv
import json
import secrets
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, RowMapping, select

from protocols.allocation import Dice
from protocols.course import TESTS, Kind, PhasePlan, numbered
from protocols.criteria import Extinction
from protocols.day.extinction import Judged, Outcome, judge
from protocols.day.sealed import before_pairing, paired_chamber
from protocols.days import WEEKDAYS, Misfit, laid_out, unrolled
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.adding import allowed, plan_session
from protocols.study.folder import Study
from protocols.study.withheld import paired_of
from rig.errors import ConfigError, StorageError


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


def set_start(study: Study, start: date, person: str, animals: Sequence[str] = ()) -> list[str]:
    """Give animals their first day and all that follows from it; the ids of those that got one.

    `animals`: none are all that have no day yet. Their running order is drawn, its seed is kept.
    Raises ConfigError for a day from which the course does not fit.
    """
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
        seed = secrets.token_hex(8)
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
                plan_session(change, row["id"], name, 1, place, box, outside=outside)
            first = {one["phase"]: one for one in sessions_of(change, row["id"])}
            name = next(p.name for p in least if p.name in first)
            _date(change, first[name]["uid"], start + timedelta(days=whole[name]), 1 + whole[name])
            redate(study, change, row["id"])
    return [row["id"] for row in chosen]


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
) -> None:
    """Give every session of an animal that is decided on its day; those that have one keep it.

    Nothing new is set before `begin`. Raises ConfigError where no day fits; `lenient` takes the
    next open day then, and the session carries the deviation.
    """
    rows = {row["phase"]: row for row in sessions_of(change, animal)}
    dates = {name: _when(study, row) for name, row in rows.items()}
    fixed = {name: day for name, day in dates.items() if day is not None}
    if not fixed:
        return
    course = study.joined.course
    named = _decided(study, change, animal)
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
    if new and begin is not None and start + timedelta(days=days[new[0]]) < begin:
        day = begin
        while not is_open(day):
            day += timedelta(days=1)
        relative[new[0]] = (day - start).days
        days = laid()
    for name in new:
        _date(change, rows[name]["uid"], start + timedelta(days=days[name]), days[name] + 1)
    for name, why in set_anyway.items():
        change.insert(
            t.deviation,
            session=rows[name]["uid"],
            at=change.at,
            kind="day",
            what=f"{name} {why}: put on the next open day",
            reason="seen by the program",
            person=change.person,
        )


def _date(change: Change, uid: str, day: date, number: int) -> None:
    """Set a session's day; the first one stays beside it."""
    found = change.connection.execute(
        select(t.session.c.planned_first).where(t.session.c.uid == uid)
    ).scalar()
    told = day.isoformat()
    values = {"planned_for": told, "day": number}
    change.update(t.session, {"uid": uid}, **values, planned_first=found or told)


def _when(study: Study, row: RowMapping) -> date | None:
    """The day on which a session took place, or is planned."""
    if row["started"] and row["status"] in LATE_OK:
        return day_of(study, datetime.fromisoformat(row["started"]))
    return date.fromisoformat(row["planned_for"]) if row["planned_for"] else None


def _decided(study: Study, change: Reads, animal: str) -> tuple[list[int], set[str]]:
    """How many cycles of each block there are so far, and the phases up to what is undecided."""
    course = study.joined.course
    cycles, ended = [], []
    for number, block in enumerate(course.extinction):
        told = _decisions(change, animal, number)
        over = bool(told) and told[-1]["outcome"] != Outcome.GOES_ON
        waits = block.then != "go_on" and over and not _all_over(study, change, animal, number)
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


def _decisions(change: Reads, animal: str, block: int) -> Sequence[RowMapping]:
    asked = (
        select(t.decision)
        .where(t.decision.c.animal == animal, t.decision.c.block == block)
        .order_by(t.decision.c.cycle)
    )
    return change.connection.execute(asked).mappings().all()


def _mates(change: Reads, animal: str) -> list[str]:
    """The animals of its cohort that are still in the study."""
    own = select(t.animal.c.cohort).where(t.animal.c.id == animal).scalar_subquery()
    asked = select(t.animal.c.id).where(t.animal.c.cohort == own, t.animal.c.status.in_(LIVING))
    return list(change.connection.execute(asked).scalars())


def _all_over(study: Study, change: Reads, animal: str, block: int) -> bool:
    told = [_decisions(change, mate, block) for mate in _mates(change, animal)]
    return all(rows and rows[-1]["outcome"] != Outcome.GOES_ON for rows in told)


def decide(study: Study, change: Change, session: RowMapping, now: datetime) -> Outcome | None:
    """What follows from a test of extinction that has just been filed; None for other sessions.

    Further cycles that are not needed are cancelled, the next sessions get their days, and an
    animal that a rule puts out is excluded from the phase on that the rule names.
    """
    course = study.joined.course
    found = [
        (number, block, tests)
        for number, block in enumerate(course.extinction)
        if session["phase"] in (tests := [numbered(block.test, k) for k in range(block.most)])
    ]
    if not found:
        return None
    number, block, tests = found[0]
    cycle = tests.index(session["phase"])
    animal = session["animal"]
    judged = _judged(study, change, animal, block, tests[: cycle + 1])
    if judged is None:
        return None
    over = [r for r in _decisions(change, animal, number) if r["outcome"] != Outcome.GOES_ON]
    outcome = Outcome(over[0]["outcome"]) if over else judged.outcome
    change.insert(
        t.decision,
        animal=animal,
        block=number,
        cycle=cycle,
        session=session["uid"],
        outcome=str(outcome),
        at=change.at,
    )
    if outcome is not Outcome.GOES_ON:
        rules = []
        if judged.outcome is Outcome.NOT_ACQUIRED:
            rules = ["not_acquired"]
        elif not judged.extinguished and not over:
            rules = ["not_extinguished"]
        _put_out(study, change, animal, rules, judged.achieved)
        for mate in _mates(change, animal):
            redate(study, change, mate, begin=day_of(study, now) + timedelta(days=1), lenient=True)
            _drop_cycles(study, change, mate, number)
    elif animal in _mates(change, animal):
        redate(study, change, animal, lenient=True)
    return outcome


def _drop_cycles(study: Study, change: Change, animal: str, number: int) -> None:
    """Cancel what is left of a block that is over."""
    course = study.joined.course
    cycles, _ = _decided(study, change, animal)
    told = _decisions(change, animal, number)
    if not told or told[-1]["outcome"] == Outcome.GOES_ON:
        return
    block = course.extinction[number]
    if block.then == "maintain" and not _all_over(study, change, animal, number):
        return
    left = {numbered(n, k) for n in block.cycle for k in range(cycles[number], block.most)}
    for row in sessions_of(change, animal):
        if row["phase"] in left and row["status"] == "planned":
            change.update(t.session, {"uid": row["uid"]}, status="cancelled")


def _put_out(study: Study, change: Change, animal: str, rules: Sequence[str], value: float) -> None:
    course = study.joined.course
    for rule in course.exclusion:
        if rule.by not in rules:
            continue
        change.insert(
            t.exclusion, animal=animal, rule=rule.by, value=None, rule_limit=None, at=change.at
        )
        names = [phase.name for phase in course.phase]
        gone = set(names[names.index(rule.from_phase) :] if rule.from_phase else names)
        for row in sessions_of(change, animal):
            if first_name(course.extinction, row["phase"]) in gone and row["status"] == "planned":
                change.update(t.session, {"uid": row["uid"]}, status="cancelled")
        change.update(
            t.animal,
            {"id": animal},
            status="excluded",
            status_since=change.at,
            status_reason=rule.by,
            status_by=change.person,
        )


def _judged(
    study: Study, change: Change, animal: str, block: Extinction, tests: Sequence[str]
) -> Judged | None:
    """The criterion on the sessions that are filed; None where one is missing."""
    course = study.joined.course
    before = [p for p in course.phase if p.kind in TESTS and p.name not in block.cycle]
    initial = next((p for p in before if p.kind is Kind.POSTTEST), before[0] if before else None)
    rows = {row["phase"]: row for row in sessions_of(change, animal)}
    if initial is None:
        return None
    wanted = [rows.get(name) for name in (study.plan.pretest, initial.name, *tests)]
    paired = paired_of(study, change.connection, animal)
    seconds = []
    for row in wanted:
        if row is None or paired is None or row["status"] != "done":
            return None
        found = paired_s(study, row, paired)
        if found is None:
            return None
        seconds.append(found)
    return judge(block, seconds[0], seconds[1], seconds[2:])


def paired_s(study: Study, row: RowMapping, paired: str) -> float | None:
    """Seconds in the paired chamber of a session that is filed; None where they are not there."""
    if not row["folder"]:
        return None
    course = study.joined.course
    phase = course.phase_named(first_name(course.extinction, row["phase"]))
    cues = json.loads(row["cues"]) if row["cues"] else {}
    layout = phase.layout if phase else "usual"
    chamber = paired_chamber(layout, study.plan.sides, cues, paired)
    path = study.folder / row["folder"] / "summary.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            cells = list(csv.DictReader(file))
        return float(cells[-1][f"time_{chamber}_s"])
    except (OSError, IndexError, KeyError, ValueError) as error:
        message = f"{path}: the time in {chamber} cannot be read: {error}"
        raise StorageError(message) from None


def shift(
    study: Study,
    animals: Sequence[str],
    days: int,
    person: str,
    reason: str,
    *,
    phase: str = "",
) -> list[tuple[str, str, str, str]]:
    """Move all that is planned, from `phase` on, by so many days; animal, phase, old, new date.

    The first keeps the shift, what follows it is laid out anew by the course, so that every
    interval holds. Raises ConfigError, and nothing is moved, where no day fits.
    """
    course = study.joined.course
    is_open = open_days(study)
    moved = []
    with study.store.change(person, reason) as change:
        allowed(change, person, ("technician", "owner"))
        for animal in animals:
            order = [p.name for p in unrolled(course, [b.most for b in course.extinction])]
            rows = sorted(
                (r for r in sessions_of(change, animal) if r["planned_for"]),
                key=lambda r: order.index(r["phase"]),
            )
            due = [r for r in rows if r["status"] == "planned"]
            if phase:
                names = [r["phase"] for r in due]
                due = due[names.index(phase) :] if phase in names else []
            if not due:
                raise ConfigError("--animal", "", f"{animal}: has nothing planned to be shifted")
            first = date.fromisoformat(due[0]["planned_for"]) + timedelta(days=days)
            if not is_open(first):
                message = f"{animal}: {due[0]['phase']} would fall on {first}, which is closed"
                raise ConfigError("--days", "", message)
            for row in due:
                change.update(t.session, {"uid": row["uid"]}, planned_for=None)
            before = [d for r in rows if r not in due and (d := _when(study, r))]
            start = min([*before, first])
            _date(change, due[0]["uid"], first, (first - start).days + 1)
            redate(study, change, animal)
            now = {r["uid"]: r["planned_for"] for r in sessions_of(change, animal)}
            moved += [(animal, r["phase"], r["planned_for"], now[r["uid"]]) for r in due]
            lost = [r["phase"] for r in due if now[r["uid"]] is None]
            assert not lost, lost
    return moved


def broken_intervals(study: Study) -> list[str]:
    """Sessions whose days are not as the course wants them, a line each."""
    with study.store.read() as connection:
        animals = connection.execute(select(t.animal.c.id).order_by(t.animal.c.id)).scalars().all()
        return [line for animal in animals for line in _broken(study, Reading(connection), animal)]


@dataclass(frozen=True)
class Reading:
    """A connection to read by, where a change is not wanted."""

    connection: Connection


def _broken(study: Study, reads: Reading, animal: str) -> Iterator[str]:
    course, is_open = study.joined.course, open_days(study)
    rows = {r["phase"]: r for r in sessions_of(reads, animal)}
    dates = {n: d for n, r in rows.items() if (d := _when(study, r)) is not None}
    if not dates:
        return
    start = min(dates.values())
    seen: list[PhasePlan] = []
    fixed: dict[str, int] = {}
    for phase in unrolled(course, _decided(study, reads, animal)[0]):
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
