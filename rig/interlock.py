"""May this door close now? Evidence in, verdict with every reason out. Pure.

Until closing on an animal is built, a door closes only on an empty box (design section 8):
nothing the size of a quarter of the smallest animal in the box outside the doors' sweeps for
2 s, against the empty-box picture, beams clear, this coat visible in every chamber, and the
operator's word. Unknown is unsafe: what is not known counts against closing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

EMPTY_NS = 2_000_000_000
FRESH_NS = 200_000_000
MIN_HEADROOM = 15.0
"""Grey levels by which the coat must stand clear of the threshold in each chamber."""


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
