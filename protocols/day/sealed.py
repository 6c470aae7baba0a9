"""Every session that one animal may have, from its place in the allocation. Pure.

It is laid out once, by whoever holds the key: chambers and windows are open then, what is given is
sealed. Later cycles of extinction are laid out too, and get a day when they are decided on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from protocols.allocation import Place
from protocols.course import Course, Kind, Means, PhasePlan, Treatment, Window
from protocols.cues import chambers_with, laid
from protocols.days import unrolled
from protocols.joining import Joined, stock_of
from protocols.planning import Planning


@dataclass(frozen=True)
class Given:
    """A procedure as it is open, and what it is for this animal (`treatment`).

    `lasts_s` is the longest that it is for any animal, so that a plan of the day tells nothing.
    `ml_per_kg`: None where no animal is injected then.
    """

    slot: str
    when: str
    to: str
    blind: bool
    lasts_s: float
    window: Window
    ml_per_kg: float | None
    treatment: Treatment


@dataclass(frozen=True)
class Due:
    """A session, or a phase outside the box. `chamber`: where it is confined; "" for none."""

    phase: PhasePlan
    chamber: str
    cues: Mapping[str, str]
    given: tuple[Given, ...] = field(default=())


def due_of(joined: Joined, place: Place) -> list[Due]:
    """All sessions of an animal with this place, with as many cycles as there may be."""
    order = place.order if (place.group, place.order) in joined.courses else ""
    order = order or next(name for group, name in joined.courses if group == place.group)
    course = joined.courses[place.group, order]
    alike = [c for (_, name), c in joined.courses.items() if name == order]
    cycles = [block.most for block in course.extinction]
    others = [unrolled(one, cycles) for one in alike]
    out = []
    for k, phase in enumerate(unrolled(course, cycles)):
        cues = cue_map(joined.plan, place.side, place.cue)
        known = cues or {side: side for side in joined.plan.sides}
        paired = place.cue or place.side
        there = where(phase, known, paired) if phase.in_box else ""
        shown = dict(laid(phase.layout, cues, context_cue(phase, known, paired))) if cues else {}
        same = [(one, phases[k]) for one, phases in zip(alike, others, strict=True)]
        given = tuple(
            made for j in range(len(phase.procedure))
            if (made := _given(course, place.group, phase, j, same)) is not None
        )  # fmt: skip
        out.append(Due(phase, there, shown, given))
    return out


def cue_map(plan: Planning, side: str, cue: str) -> dict[str, str]:
    """Chamber to cue set where nothing is swapped; empty where the study tells none apart."""
    if not plan.cues:
        return {}
    first, second = plan.cues
    if cue and plan.cues_move and side == plan.sides[plan.cues.index(cue) ^ 1]:
        first, second = second, first
    return {plan.sides[0]: first, plan.sides[1]: second}


def context_cue(phase: PhasePlan, usual: Mapping[str, str], paired: str) -> str | None:
    """The cue set of a phase's context; None where it has none."""
    if phase.context is None:
        return None
    other = next(name for name in usual.values() if name != paired)
    return paired if phase.context == "paired" else other


def where(phase: PhasePlan, usual: Mapping[str, str], paired: str) -> str:
    """The one chamber with the context's cue set in this session; "" where there is no such."""
    cue = context_cue(phase, usual, paired)
    if cue is None:
        return ""
    found = chambers_with(cue, laid(phase.layout, usual, cue))
    return found[0] if len(found) == 1 else ""


def paired_chamber(layout: str, sides: Sequence[str], cues: Mapping[str, str], paired: str) -> str:
    """Where the paired cue set is in a session with this layout; "" where it is everywhere."""
    if cues:
        found = chambers_with(paired, cues)
        return found[0] if len(found) == 1 else ""
    if layout == "swapped":
        return next(side for side in sides if side != paired)
    return paired if layout == "usual" else ""


def before_pairing(course: Course) -> tuple[str, ...]:
    """Phases up to the pre-test, which take place before anything is drawn."""
    tests = [k for k, phase in enumerate(course.phase) if phase.kind is Kind.PRETEST]
    return tuple(phase.name for phase in course.phase[: tests[-1] + 1]) if tests else ()


def holds(plan: Planning, treatment: Treatment) -> str:
    """What a treatment is, as the draw sheet says it: the solution's name, or what is done."""
    if treatment.means in (Means.INJECTION, Means.INFUSION):
        stock = stock_of(plan, treatment)
        return stock.name if stock else treatment.drug
    return str(treatment.means)


def _given(
    course: Course,
    group: str,
    phase: PhasePlan,
    j: int,
    same: Sequence[tuple[Course, PhasePlan]],
) -> Given | None:
    procedure = phase.procedure[j]
    own = course.given(group, phase, procedure)
    if own is None:
        return None
    every = [own]
    for other, its in same:
        turned = "unpaired" if its.context == "paired" else "paired"
        for context in {its.context, turned if its.context else None}:
            told = its.model_copy(update={"context": context})
            found = [other.given(name, told, its.procedure[j]) for name in other.group]
            every += [one for one in found if one is not None]
    volumes = [one.ml_per_kg for one in every if one.means is Means.INJECTION and one.ml_per_kg]
    return Given(
        slot=procedure.give,
        when=procedure.when,
        to=procedure.to,
        blind=procedure.blind,
        lasts_s=max(one.total_s for one in every),
        window=course.window(group, phase, procedure),
        ml_per_kg=max(volumes) if volumes else None,
        treatment=own,
    )
