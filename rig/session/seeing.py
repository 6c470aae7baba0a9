"""What the tracker of a session starts from: a background, and pictures with the animal."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rig import tracking
from rig.apparatus import Animal, Apparatus
from rig.config import Strict, check
from rig.errors import ConfigError
from rig.model import Gray
from rig.session.film import Film
from rig.session.pieces import SAMPLES
from rig.setup import Setup
from rig.tracking import Prepared
from rig.tracking.combing import combed
from rig.tracking.ghosts import SEEN_SHARE, cleared
from rig.video import VideoFile

_log = logging.getLogger(__name__)

LEAST_SAMPLES = 4
MORE_SAMPLES = 240
MORE_BYTES = 1 << 26


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
    within, parts = tracking.reach(apparatus), partial(tracking.territories, apparatus)
    background = tracking.background_from(stack, apparatus.tracking.animal, within, parts)
    return Seen(background=background, kind="median", samples=tuple(stack))


class Again(NamedTuple):
    """What making the background a second time came to, as rescore.json has it.

    `shown`: share of the pictures in which an animal stood out from the first one, and from the
    second. `frames`: those in which the animal was elsewhere, from which it was made.
    `filled_cm2`: of it, what was never seen without the animal. `taken`: it was the better one.
    """

    shown: tuple[float, float]
    looked_at: int
    frames: tuple[int, ...]
    filled_cm2: float
    taken: bool


Fit = Callable[[Gray], Prepared]
"""Makes the tracker with a background."""


def again(
    seen: Seen,
    prepared: Prepared,
    fit: Fit,
    apparatus: Apparatus,
    crop_px: tuple[int, int, int, int] | None,
    more: Callable[[], tuple[Sequence[int], NDArray[np.uint8]]],
    name: str,
) -> tuple[Seen, Prepared, Again | None]:
    """The background made a second time, where few pictures show an animal against the first.

    It hardly moved, then, and is in the background itself. The second is taken only where more of
    them show an animal against it. What was never seen without it is told in the log, by `name`.

    Args:
        seen: with the first background.
        prepared: the tracker with it.
        fit: gives the tracker with another background.
        apparatus: the box.
        crop_px: its part of the pictures.
        more: gives many pictures of the recording with their places; called only where needed.
        name: of the recording.
    """
    some = seen.samples[1::3]
    if len(some) < LEAST_SAMPLES:
        return seen, prepared, None
    before, in_one_place = _shown(some, prepared)
    if in_one_place:
        before = 0.0
    if before >= SEEN_SHARE:
        return seen, prepared, None
    cm2 = apparatus.px_per_cm_mean**2
    sizes_px = (apparatus.tracking.min_area_cm2 * cm2, float(max(prepared.max_area_px)))
    places, stack = more()
    better = cleared(_cut(stack, crop_px), seen.background, tracking.reach(apparatus), *sizes_px)
    second = fit(better.background)
    after, _ = _shown(some, second)
    taken = after > before
    told = Again(
        shown=(round(before, 3), round(after, 3)),
        looked_at=len(stack),
        frames=tuple(places[n] for n in better.used),
        filled_cm2=round(better.filled_px / cm2, 1),
        taken=taken,
    )
    if taken and better.filled_px:
        _log.warning(
            "%s: the animal never left one place: %.0f cm2 of the background are filled from"
            " around it; better give a picture of the empty box with --background",
            name,
            better.filled_px / cm2,
        )
    elif max(before, after) < SEEN_SHARE:
        _log.warning(
            "%s: an animal stands out from the background in only %.0f %% of the pictures; where"
            " one is in the box all the time, give a picture of the empty box with --background",
            name,
            100 * max(before, after),
        )
    if not taken:
        return seen, prepared, told
    return seen.model_copy(update={"background": better.background}), second, told


def _shown(pictures: Sequence[Gray], prepared: Prepared) -> tuple[float, bool]:
    """Share of the pictures in which the tracker finds an animal in the chambers, and how.

    True where it is found in one place alone, no larger than an animal: that may be the rim of one
    that is in the background, and stirs.
    """
    at = []
    for picture in pictures:
        found = tracking.find(picture, prepared)
        for one in found.candidates:
            if 2 * sum(one.inside[: found.chambers]) >= one.area_px:
                at.append((one.x_px, one.y_px))
                break
    apart_px = float(np.hypot(*np.ptp(np.array(at), axis=0))) if at else 0.0
    return len(at) / len(pictures), apart_px**2 <= max(prepared.max_area_px)


def many(size_px: tuple[int, int]) -> int:
    """How many pictures a background is made again from: 240, fewer where above 64 MB."""
    width, height = size_px
    return max(SAMPLES, min(MORE_SAMPLES, MORE_BYTES // (width * height)))


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
    """The tracker of a recorded session again. Raises ConfigError for settings of no tracker."""
    return chosen_before(setup.tracker, setup.apparatus, background, setup.rate_hz, "setup.json")


def chosen_before(
    table: Mapping[str, Any], apparatus: Apparatus, background: Gray, rate_hz: float, file: str
) -> Prepared:
    """The tracker with the settings that `file` keeps. Raises ConfigError where they are none."""
    settings = check(table, tracking.Settings, file)
    try:
        return tracking.prepare(apparatus, background, rate_hz, settings=settings)
    except ValueError as error:
        raise ConfigError(file, "tracker", str(error)) from None
