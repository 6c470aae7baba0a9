"""What the tracker of a session starts from: a background, and pictures with the animal."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rig import tracking
from rig.apparatus import Animal, Apparatus
from rig.config import Strict
from rig.model import Gray
from rig.setup import Setup
from rig.tracking import Prepared
from rig.video import VideoFile

SAMPLES = 48
"""Pictures from which a background and the tracker's settings are chosen."""


class Seen(Strict, arbitrary_types_allowed=True):
    """What the tracker starts from: a background, where it came from, pictures with the animal."""

    background: Gray
    kind: Literal["picture", "live", "median"]
    samples: tuple[Gray, ...] = ()


def median(
    video: VideoFile, apparatus: Apparatus, crop_px: tuple[int, int, int, int] | None = None
) -> Seen:
    """The background of one box from a video file itself."""
    return median_of(video.sample(SAMPLES), apparatus, crop_px)


def median_of(
    stack: NDArray[np.uint8],
    apparatus: Apparatus,
    crop_px: tuple[int, int, int, int] | None = None,
) -> Seen:
    """The background of one box from pictures (n, height, width) of a recording."""
    if crop_px is not None:
        x, y, width, height = crop_px
        stack = stack[:, y : y + height, x : x + width]
    background = tracking.background_from(
        stack, apparatus.tracking.animal, tracking.reach(apparatus)
    )
    return Seen(background=background, kind="median", samples=tuple(stack))


def known_contrast(prepared: Prepared) -> dict[str, float]:
    """Headroom of this coat in each chamber; empty where neither file nor picture tells the coat.

    An animal that may be darker or lighter stands out from every floor: that says nothing.
    """
    settings = prepared.settings
    told = all(one.animal is not Animal.EITHER for one in settings.chamber.values())
    return tracking.contrast(prepared) if told or settings.coat is not None else {}


def tracker(setup: Setup, background: Gray) -> Prepared:
    """The tracker of a recorded session again."""
    settings = tracking.Settings.model_validate(setup.tracker)
    return tracking.prepare(setup.apparatus, background, setup.rate_hz, settings=settings)
