"""What the tracker of a session starts from: a background, and pictures with the animal."""

import logging
from collections.abc import Callable
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
from rig.tracking.ghosts import SEEN_SHARE, cleared, seen_in
from rig.video import VideoFile

_log = logging.getLogger(__name__)

SAMPLES = 48
"""Pictures from which a background and the tracker's settings are chosen."""
LEAST_SAMPLES = 4
MORE_SAMPLES = 240
"""Pictures from which a background is made again, fewer where they would be above 64 MB."""


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
    stack = _cut(stack, crop_px)
    background = tracking.background_from(
        stack, apparatus.tracking.animal, tracking.reach(apparatus)
    )
    return Seen(background=background, kind="median", samples=tuple(stack))


def again(
    seen: Seen,
    apparatus: Apparatus,
    crop_px: tuple[int, int, int, int] | None,
    more: Callable[[], NDArray[np.uint8]],
    name: str,
) -> Seen:
    """The background made a second time, where few pictures show an animal against the first.

    It hardly moved, then, and is in the background itself. `more`: gives many pictures of the
    recording; called only then. What was never seen without it is told in the log, by `name`.
    """
    within = tracking.reach(apparatus)
    cm2 = apparatus.px_per_cm_mean**2
    least_px = apparatus.tracking.min_area_cm2 * cm2
    most_px = apparatus.tracking.max_area_cm2 * cm2
    some = seen.samples[1::3]
    if len(some) < LEAST_SAMPLES:
        return seen
    if seen_in(np.stack(some), seen.background, within, least_px, most_px) >= SEEN_SHARE:
        return seen
    better = cleared(_cut(more(), crop_px), seen.background, within, least_px, most_px)
    if better.filled_px:
        _log.warning(
            "%s: the animal never left one place: %.0f cm2 of the background are filled from"
            " around it; better give a picture of the empty box with --background",
            name,
            better.filled_px / cm2,
        )
    elif better.seen < SEEN_SHARE:
        _log.warning(
            "%s: an animal stands out from the background in only %.0f %% of the pictures; where"
            " one is in the box all the time, give a picture of the empty box with --background",
            name,
            100 * better.seen,
        )
    return seen.model_copy(update={"background": better.background})


def _cut(stack: NDArray[np.uint8], crop_px: tuple[int, int, int, int] | None) -> NDArray[np.uint8]:
    if crop_px is None:
        return stack
    x, y, width, height = crop_px
    return stack[:, y : y + height, x : x + width]


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
