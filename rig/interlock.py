"""May this door close now? Was this door moved? Evidence in, verdict out. Pure.

Until closing on an animal is built, a door closes only on an empty box (design section 8):
nothing the size of a quarter of the smallest animal in the box outside the doors' sweeps for
2 s, against the empty-box picture, beams clear, this coat visible in every chamber, and the
operator's word. Unknown is unsafe: what is not known counts against closing.

A door moved by hand is where a person says it is, and the picture is asked whether it bears that
out. Whether the picture of the empty box shows a door open or closed is not known, so only a
change can be looked for: a door that was moved looks other than it did before.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rig.model import DoorState, Swept

EMPTY_NS = 2_000_000_000
FRESH_NS = 200_000_000
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


def may_close(evidence: Evidence) -> Verdict:
    """The verdict on closing a door of an empty box."""
    against = []
    if evidence.animal_in:
        against.append("an animal was placed in this box")
    if not evidence.empty_picture:
        against.append("the background is not a picture of the empty box")
    if not evidence.contrast:
        against.append(
            'contrast is not known: say animal = "darker" or "lighter" in the apparatus file'
        )
    for chamber, headroom in evidence.contrast.items():
        if headroom < MIN_HEADROOM:
            against.append(
                f"the animal would hardly be seen in {chamber} ({headroom:.0f} grey levels)"
            )
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
    return Verdict(not against, tuple(against))


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
