"""May this door close now? Was this door moved? Evidence in, verdict out. Pure.

Evidence is of one of two kinds (design section 8). *Box empty*: nothing the size of a quarter of
the smallest animal in the box outside the doors' sweeps for 2 s, against the empty-box picture,
beams clear, this coat visible in every chamber, and the operator's word. *Animal clear*, once an
animal is in: it is seen alone in the chamber that the step names, its silhouette with tail and its
centroid far enough from the door, the doorway's beam clear for 0.5 s, and the door itself fit for
it: measured with a spring gauge, seen to move in this box's picture once, in a chamber that is long
enough. Unknown is unsafe: what is not known counts against closing.

A door moved by hand is where a person says it is, and the picture is asked whether it bears that
out. Whether the picture of the empty box shows a door open or closed is not known, so only a
change can be looked for: a door that was moved looks other than it did before.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rig.model import DoorState, Swept

EMPTY_NS = 2_000_000_000
FRESH_NS = 200_000_000
BEAM_NS = 500_000_000
MIN_CONFIDENCE = 0.5
MIN_HEADROOM = 15.0
"""Grey levels by which the coat must stand clear of the threshold in each chamber."""
CHANGED = 0.08
"""Share of its sweep that looks another way when a door was moved: a plate 1 mm thick in 1 cm."""
SAME = 0.03
"""Share of its sweep up to which a door looks as it did: noise, a shadow, a dropping."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one box at one moment.

    `empty_ns`: for how long nothing was seen in it; None: not empty now. `frame_age_ns`: age of
    the newest picture. `contrast`: grey levels of headroom per chamber; empty: not measured.
    """

    word: bool
    animal_in: bool
    empty_picture: bool
    empty_ns: int | None
    frame_age_ns: int
    beams_blocked: tuple[str, ...]
    contrast: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether closing is allowed and, where not, each thing that stands against it."""

    allowed: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DoorEvidence:
    """What is known about one door and the animal before it.

    Distances (cm) are from the doorway's line; None: not known. `sweep_cm`: how far the door's
    sweep reaches from it, None without a sweep. `beam_ns`: for how long its beam was clear; None:
    it is not, or not known. `unfit`: why this door never closes on an animal, "" if it may.
    """

    name: str
    silhouette_cm: float | None
    centroid_cm: float | None
    sweep_cm: float | None
    has_beam: bool
    beam_ns: int | None
    short: tuple[str, ...]  # chambers beside it that are too short for the distances
    seen_moving: bool
    unfit: str


@dataclass(frozen=True, slots=True)
class AnimalEvidence:
    """What is known about an animal in a box and the doors that are to close.

    `place`: the chamber it is in; `wanted`: the one that the step names, None where it names none.
    `alone`: one thing of an animal's size was seen, not where it cannot have run to.
    """

    found: bool
    alone: bool
    confidence: float
    place: str
    wanted: str | None
    frame_age_ns: int
    contrast: Mapping[str, float]
    silhouette_cm: float  # the least distances
    centroid_cm: float
    doors: tuple[DoorEvidence, ...]


def may_close(evidence: Evidence | AnimalEvidence) -> Verdict:
    """The verdict on closing doors: of an empty box, or with an animal in it."""
    against = _box(evidence) if isinstance(evidence, Evidence) else _animal(evidence)
    return Verdict(not against, tuple(against))


def _animal(evidence: AnimalEvidence) -> list[str]:
    against = []
    if not evidence.found:
        against.append("the animal is not seen")
    elif not evidence.alone:
        against.append("something else may be the animal")
    elif evidence.confidence < MIN_CONFIDENCE:
        against.append(f"the animal is seen badly (confidence {evidence.confidence:.2f})")
    if evidence.frame_age_ns >= FRESH_NS:
        against.append("the camera's picture is old")
    if evidence.wanted is None:
        against.append("the step names no chamber for the animal")
    elif evidence.place != evidence.wanted:
        place = evidence.place or "no chamber"
        against.append(f"the animal is in {place}, not in {evidence.wanted}")
    against += _coat(evidence.contrast)
    for door in evidence.doors:
        against += [f"door {door.name}: {why}" for why in _door(door, evidence)]
    return against


def _door(door: DoorEvidence, evidence: AnimalEvidence) -> list[str]:
    against = []
    least_cm = evidence.silhouette_cm
    if not door.has_beam:
        if door.sweep_cm is None:
            against.append("it has neither beam nor sweep_px")
        else:
            least_cm += door.sweep_cm
    for what, at_cm, wanted_cm in (
        ("body and tail", door.silhouette_cm, least_cm),
        ("centroid", door.centroid_cm, evidence.centroid_cm),
    ):
        if at_cm is None:
            against.append(f"how far the {what} is from it is not known")
        elif at_cm < wanted_cm:
            against.append(f"the {what} is {at_cm:.1f} cm from it, not {wanted_cm:.1f} cm")
    if door.has_beam and door.beam_ns is None:
        against.append("its beam is not clear")
    elif door.has_beam and door.beam_ns is not None and door.beam_ns < BEAM_NS:
        against.append("its beam was not clear for 0.5 s yet")
    if door.short:
        against.append(f"too little room in {', '.join(door.short)}")
    if not door.seen_moving:
        against.append("it was never seen to move in this box's picture")
    if door.unfit:
        against.append(door.unfit)
    return against


def _coat(contrast: Mapping[str, float]) -> list[str]:
    if not contrast:
        return ['contrast is not known: say animal = "darker" or "lighter" in the apparatus file']
    return [
        f"the animal would hardly be seen in {chamber} ({headroom:.0f} grey levels)"
        for chamber, headroom in contrast.items()
        if headroom < MIN_HEADROOM
    ]


def _box(evidence: Evidence) -> list[str]:
    against = []
    if evidence.animal_in:
        against.append("an animal was placed in this box")
    if not evidence.empty_picture:
        against.append("the background is not a picture of the empty box")
    against += _coat(evidence.contrast)
    if evidence.frame_age_ns > FRESH_NS:
        against.append("the camera's picture is old")
    if evidence.empty_ns is None:
        against.append("something is in the box")
    elif evidence.empty_ns < EMPTY_NS:
        against.append("the box was not seen empty for 2 s yet")
    for beam in evidence.beams_blocked:
        against.append(f"beam {beam} is not clear")
    if not evidence.word:
        against.append("the operator has not said that the box is empty")
    return against


@dataclass(frozen=True, slots=True)
class Look:
    """How a door's sweep looked while the door was in a state; unknown: nobody knows in which."""

    state: str
    sweep: Swept


def alike(one: Swept, other: Swept) -> bool:
    """Whether a sweep looks the same twice."""
    return _change(one, other) <= SAME


def stands_out(sweep: Swept) -> bool:
    """Whether something in the sweep differs from the background: door and floor can be told."""
    return round(sum(sweep), 3) >= CHANGED


def bears_out(before: Look | None, said: str, after: Swept | None, told_apart: bool) -> bool | None:
    """Whether the picture shows that a door is in the state `said`; None: it cannot tell.

    Args:
        before: how it looked in its last state; None where that was never seen.
        said: the state that the person confirmed.
        after: how it looks since; None where hand or animal are still in the sweep.
        told_apart: whether something in this sweep ever stood out from the background; where
            nothing did, a door that is moved may well look as before.
    """
    if before is None or after is None:
        return None
    change = _change(before.sweep, after)
    if before.state == said:
        return True if change <= SAME else None
    if change >= CHANGED:
        return True
    known = before.state in (DoorState.OPEN, DoorState.CLOSED)
    return False if known and told_apart and change <= SAME else None


def _change(one: Swept, other: Swept) -> float:
    return round(max(abs(one[0] - other[0]), abs(one[1] - other[1])), 3)
