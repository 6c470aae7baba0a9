"""The days of a course: extinction unrolled, each phase on its day from a weekday on. Pure.

Days are counted from 0, the first; weekdays from 0, a Monday.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from protocols.course import Course, PhasePlan, Weekend, numbered
from protocols.criteria import Extinction

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CLOSED = frozenset({5, 6})


@dataclass(frozen=True, slots=True)
class Misfit:
    """A phase for which there is no day, and why."""

    phase: str
    why: str


def unrolled(course: Course, cycles: Sequence[int]) -> list[PhasePlan]:
    """The phases in order with each block of extinction as many times as `cycles` says.

    `cycles` has a number, at least 1, for each block. What comes after a block comes after its
    last cycle.
    """
    last = {
        name: numbered(name, n - 1)
        for block, n in zip(course.extinction, cycles, strict=True)
        for name in block.cycle
    }
    out: list[PhasePlan] = []
    done: set[str] = set()
    for phase in course.phase:
        if phase.name in done:
            continue
        found = [
            (block, n)
            for block, n in zip(course.extinction, cycles, strict=True)
            if phase.name in block.cycle
        ]
        if not found:
            after = last.get(phase.after, phase.after)
            out.append(phase.model_copy(update={"after": after}))
            continue
        block, n = found[0]
        done |= set(block.cycle)
        out += [_later(course, block, name, k, last) for k in range(n) for name in block.cycle]
    return out


def _later(
    course: Course, block: Extinction, name: str, cycle: int, last: Mapping[str, str]
) -> PhasePlan:
    phase = course.phase_named(name)
    assert phase is not None  # check() has seen to it
    changed: dict[str, object] = {"name": numbered(name, cycle)}
    if phase.after in block.cycle:
        changed["after"] = numbered(phase.after, cycle)
    elif cycle > 0:
        changed |= {"after": numbered(name, cycle - 1), "days": block.every_days, "day": None}
    else:
        changed["after"] = last.get(phase.after, phase.after)
    return phase.model_copy(update=changed)


def placed(
    phases: Iterable[PhasePlan],
    usual: Weekend,
    starts_on: int,
    closed: frozenset[int] = CLOSED,
) -> dict[str, int] | Misfit:
    """The day of each phase, when day 1 of the protocol is on a weekday; or the first misfit.

    `usual` holds where a phase does not say what closed days do.
    """
    return laid_out(phases, usual, starts_on, lambda day: (starts_on + day) % 7 not in closed)


def laid_out(
    phases: Iterable[PhasePlan],
    usual: Weekend,
    starts_on: int,
    is_open: Callable[[int], bool],
    fixed: Mapping[str, int] | None = None,
) -> dict[str, int] | Misfit:
    """As `placed`, with the days that are open asked one by one.

    `fixed`: phases whose day stands already, which the later ones follow.
    """
    days: dict[str, int] = {}
    newest = (1, 0)  # a day of the protocol, and its day
    for phase in phases:
        if phase.day is not None:
            day, count = newest[1], phase.day - newest[0]
        else:
            day, count = days[phase.after], round(phase.days or 0)
        found: int | Misfit | None = (fixed or {}).get(phase.name)
        if found is None:
            found = _open_day(phase, phase.weekend or usual, day, count, starts_on, is_open)
        if isinstance(found, Misfit):
            return found
        days[phase.name] = found
        if phase.day is not None:  # one that was repeated may lie after a later one
            newest = (phase.day, max(found, newest[1]))
    return days


def _open_day(
    phase: PhasePlan,
    weekend: Weekend,
    day: int,
    count: int,
    starts_on: int,
    is_open: Callable[[int], bool],
) -> int | Misfit:
    if weekend is Weekend.ALLOWED:
        for _ in range(count):
            day += 1
            while not is_open(day):
                day += 1
        return day if is_open(day) else Misfit(phase.name, _falls(starts_on, day))
    due = day + count
    if weekend is Weekend.FORBIDDEN:
        for one in range(day, due + 1):
            if not is_open(one):
                return Misfit(phase.name, _falls(starts_on, one, " or over"))
        return due
    later = [due + n for n in range(int(phase.late_days) + 1)]
    earlier = [due - n for n in range(1, int(phase.early_days) + 1)]
    for one in (*later, *earlier):
        if is_open(one):
            return one
    return Misfit(phase.name, _falls(starts_on, due))


def _falls(starts_on: int, day: int, how: str = "") -> str:
    return f"falls on{how} a {WEEKDAYS[(starts_on + day) % 7]}"
