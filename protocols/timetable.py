"""A dry run of a whole course: its days, hours and tests, for every group. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from protocols.course import TESTS, Course, Kind, PhasePlan, numbered
from protocols.days import WEEKDAYS, Misfit, placed, unrolled
from rig.steps import SessionPlan, Until, spell_s

WORK = (Kind.HANDLING, Kind.HABITUATION, Kind.STRESS, Kind.TREATMENT_ONLY, Kind.PRIME)
"""Kinds that take somebody's day though not in the box; housing and abstinence do not."""

Sessions = Mapping[str, SessionPlan]
"""The plans of the phases that can run, by the phase's name as the protocol writes it."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """One line each: what cannot be, and what the course takes."""

    faults: tuple[str, ...]
    notes: tuple[str, ...]


def timetable(groups: Mapping[str, Course], sessions: Sessions) -> Timetable:
    """The course of every group laid out; groups that are alike are told together."""
    said: dict[tuple[bool, str], list[str]] = {}
    for group, course in groups.items():
        for wrong, line in _lines(course, group, sessions):
            said.setdefault((wrong, line), []).append(group)
    told = [
        (wrong, line if len(who) == len(groups) else f"{', '.join(who)}: {line}")
        for (wrong, line), who in said.items()
    ]
    return Timetable(
        tuple(line for wrong, line in told if wrong),
        tuple(line for wrong, line in told if not wrong),
    )


def _lines(course: Course, group: str, sessions: Sessions) -> Iterator[tuple[bool, str]]:
    for line in _shorter(course, sessions):
        yield True, line
    for line in _long_days(course, group, sessions):
        yield True, line
    yield _fits(course)
    yield False, _box_time(course, sessions)


def _shorter(course: Course, sessions: Sessions) -> Iterator[str]:
    """Tests that are scored for less time than the pre-test that they are compared with."""
    tests = {block.test for block in course.extinction}
    before: PhasePlan | None = None
    for phase in course.phase:
        if phase.name not in sessions:
            continue
        if phase.kind is Kind.PRETEST:
            before = phase
        elif before and (phase.kind in TESTS or phase.name in tests):
            now, then = scored_s(sessions[phase.name]), scored_s(sessions[before.name])
            if now < then:
                yield (
                    f"{phase.name} is scored for {spell_s(now)}, its pre-test {before.name} for"
                    f" {spell_s(then)}: make them as long as each other"
                )


def scored_s(plan: SessionPlan) -> float:
    """How long a session is scored."""
    return sum(step.duration_s or 0 for step in plan.step if step.scored)


def box_s(plan: SessionPlan) -> float:
    """How long a session's steps take that have a time; what waits for a person is not in it."""
    return sum(step.duration_s or 0 for step in plan.step if step.end is Until.TIME)


def _cycles(course: Course) -> list[list[int]]:
    """Numbers of cycles to try, one list for each block: all the least, then one more, ..."""
    if not course.extinction:
        return [[]]
    least = min(block.least for block in course.extinction)
    most = max(block.most for block in course.extinction)
    tried = [
        [min(max(n, block.least), block.most) for block in course.extinction]
        for n in range(least, most + 1)
    ]
    return [one for k, one in enumerate(tried) if one not in tried[:k]]


def _written(course: Course, cycles: Sequence[int]) -> dict[str, str]:
    """The name that a phase of an unrolled course has in the protocol."""
    names = {phase.name: phase.name for phase in course.phase}
    for block, n in zip(course.extinction, cycles, strict=True):
        names |= {numbered(name, k): name for name in block.cycle for k in range(n)}
    return names


def _fits(course: Course) -> tuple[bool, str]:
    """From which weekdays on the course has a day for every phase, and how many days it takes."""
    closed = frozenset(WEEKDAYS.index(day) for day in course.study.closed)
    starts = [day for day in range(7) if day not in closed]
    tried = _cycles(course)
    fitting: dict[int, list[int]] = {}
    lengths: list[int] = []
    misfit = ""
    for start in starts:
        for k, cycles in enumerate(tried):
            days = placed(unrolled(course, cycles), course.study.weekend, start, closed)
            if isinstance(days, Misfit):
                misfit = misfit or (
                    f"from a {WEEKDAYS[start]} on{_with(course, cycles)}, {days.phase} {days.why}"
                )
            else:
                fitting.setdefault(start, []).append(k)
                lengths.append(max(days.values()) + 1)
    shut = f" ({', '.join(course.study.closed)} closed)" if closed else ""
    if not fitting:
        return True, f"no day to start on fits{shut}: {misfit}"
    length = (
        str(min(lengths)) if min(lengths) == max(lengths) else f"{min(lengths)} to {max(lengths)}"
    )
    line = f"takes {length} days{shut}"
    whole = [start for start, found in fitting.items() if len(found) == len(tried)]
    if len(whole) == len(starts):
        return False, f"{line}; may start on any open day"
    if whole:
        return False, f"{line}; may start on a {_or([WEEKDAYS[start] for start in whole])}"
    return False, f"{line}; no start fits in every case: {misfit}"


def _with(course: Course, cycles: Sequence[int]) -> str:
    if not course.extinction:
        return ""
    numbers = list(dict.fromkeys(cycles))
    cycle = "cycle" if numbers == [1] else "cycles"
    return f" with {_or([str(n) for n in numbers])} {cycle} of extinction"


def _or(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _long_days(course: Course, group: str, sessions: Sessions) -> Iterator[str]:
    """Days that hold more of one animal's work than a working day has."""
    cycles = _cycles(course)[0]
    phases = unrolled(course, cycles)
    days = placed(phases, course.study.weekend, 0, frozenset())
    assert not isinstance(days, Misfit)  # no day is closed
    names = _written(course, cycles)
    spent: dict[int, float] = {}
    for phase in phases:
        day = days[phase.name]
        took = _takes_s(course, group, phase, sessions.get(names[phase.name]))
        spent[day] = spent.get(day, 0.0) + took + (phase.gap_s if day in spent else 0.0)
    for day, took in spent.items():
        if took > course.study.working_h * 3600:
            held = ", ".join(name for name, its in days.items() if its == day)
            yield (
                f"day {day + 1} ({held}) takes {took / 3600:.1f} h of one animal;"
                f" a working day has {course.study.working_h:g} h (working_h)"
            )


def _takes_s(course: Course, group: str, phase: PhasePlan, plan: SessionPlan | None) -> float:
    took = phase.lasts_s if phase.kind in WORK else 0.0
    took += box_s(plan) if plan is not None else 0.0
    for procedure in phase.procedure:
        treatment = course.given(group, phase, procedure)
        if procedure.when == "during" or phase.kind is Kind.HOMECAGE_CONDITIONING:
            continue
        took += treatment.total_s if treatment else 0.0
        if procedure.to == "next":
            took += course.window(group, phase, procedure).interval_s or 0.0
    return took


def _box_time(course: Course, sessions: Sessions) -> str:
    told = []
    for cycles in (_cycles(course)[0], _cycles(course)[-1]):
        names = _written(course, cycles)
        plans = [sessions.get(names[phase.name]) for phase in unrolled(course, cycles)]
        done = [box_s(plan) for plan in plans if plan is not None]
        noun = "session" if len(done) == 1 else "sessions"
        told.append(f"{sum(done) / 3600:.1f} h in the box, in {len(done)} {noun}")
    if told[0] == told[1]:
        return f"each animal is {told[0]}"
    return f"each animal is {told[0]}, up to {told[1]}"
