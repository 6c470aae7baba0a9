"""What the tracker of a session starts from: a background, and pictures with the animal."""

import logging
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rig import tracking
from rig.apparatus import Animal, Apparatus
from rig.config import Strict
from rig.model import Gray
from rig.session.film import Film
from rig.setup import Setup
from rig.tracking import Prepared
from rig.tracking.combing import combed
from rig.video import VideoFile

_log = logging.getLogger(__name__)

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


def is_woven(film: Film, stack: NDArray[np.uint8]) -> bool:
    """Whether a film's pictures are woven of two fields: it says so, or pictures of it show it.

    Told in the log: nothing is changed, positions of a running animal lie between the two fields.
    """
    woven = film.interlaced or combed(stack)
    if woven:
        name = film.parts[0].path.name
        how = "says so" if film.interlaced else "its pictures show combs"
        _log.warning(
            "%s: interlaced (%s): a picture holds two moments, half an interval apart; where"
            " you can, record without",
            name,
            how,
        )
    return woven


def known_contrast(prepared: Prepared) -> dict[str, float]:
    """Headroom of this coat in each chamber; empty where neither file nor picture tells the coat.

    An animal that may be darker or lighter stands out from every floor: that says nothing.
    """
    settings = prepared.settings
    told = all(one.animal is not Animal.EITHER for one in settings.chamber.values())
    return tracking.contrast(prepared) if told or settings.coat is not None else {}


def empty_contrast(apparatus: Apparatus, empty: Gray, rate_hz: float) -> dict[str, float]:
    """Headroom in each chamber as far as the picture of the empty box alone tells; {} as above."""
    return known_contrast(tracking.prepare(apparatus, empty, rate_hz, [empty]))


def tracker(setup: Setup, background: Gray) -> Prepared:
    """The tracker of a recorded session again."""
    settings = tracking.Settings.model_validate(setup.tracker)
    return tracking.prepare(setup.apparatus, background, setup.rate_hz, settings=settings)
