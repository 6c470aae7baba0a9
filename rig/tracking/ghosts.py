"""An animal that was taken for the floor, because it hardly moved, put out of the background. Pure.

A background tells a place's two brightnesses apart where each was seen often enough. An animal
that is nearly always in one place is in the background itself: it is not seen while it is there,
and leaves a ghost when it goes. A ghost is known by its outline: it is in the background and not
in the picture, while an animal's is in the picture and not in the background.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rig.model import Gray
from rig.tracking.background import APART, CROWD_SHARE
from rig.tracking.light import Light

SEEN_SHARE = 0.5
"""Fewer of the samples than this show the animal: it may be in the background."""
MOST_PICTURES = 48
"""In which is looked for an animal that never leaves its place."""
_RIM = np.ones((5, 5), np.uint8)


class Thing(NamedTuple):
    """What differs between a picture and a background, and on whose side its outline is."""

    mask: Gray  # 255 where it is; of the whole picture
    is_ghost: bool
    is_animal: bool


class Cleared(NamedTuple):
    """A background without ghosts.

    `used`: which of the samples show the animal elsewhere than in the first background: from them
    it was made. `filled_px`: pixels that were never seen without the animal, which have been filled
    from around them.
    """

    background: Gray
    used: tuple[int, ...]
    filled_px: int = 0


def seen_in(
    stack: NDArray[np.uint8], background: Gray, within: Gray, least_px: float, most_px: float
) -> float:
    """Share of the samples in which something like an animal stands out from the background.

    0 where all of it lies in one place no larger than an animal: that may be the rim of one that
    is in the background, and stirs.

    Args:
        stack: samples (n, height, width).
        background: height x width.
        within: 255 where the animal can be.
        least_px: area of the smallest animal.
        most_px: area of the largest.
    """
    light = Light(background, within)
    shown, everywhere = 0, np.zeros_like(background)
    for picture in stack:
        things = _things(light.match(picture), background, within, least_px)
        animals = [one.mask for one in things if one.is_animal]
        shown += bool(animals)
        for mask in animals:
            cv2.bitwise_or(everywhere, mask, everywhere)
    return shown / max(1, len(stack)) if cv2.countNonZero(everywhere) > most_px else 0.0


def cleared(
    stack: NDArray[np.uint8], background: Gray, within: Gray, least_px: float, most_px: float
) -> Cleared:
    """The background, built again per pixel from the samples in which the animal is elsewhere.

    A place that no sample shows without the animal is filled from around it, where it is
    animal-sized, stands out, and its outline is not still: an object's is.

    Args:
        stack: samples (n, height, width), the more the rarer it moves.
        background: the first one, in which it may be.
        within: 255 where the animal can be.
        least_px: area of the smallest animal.
        most_px: area of the largest.
    """
    light = Light(background, within)
    pictures = [light.match(picture) for picture in stack]
    seen: list[tuple[Gray, Gray]] = []
    used: list[int] = []
    for n, picture in enumerate(pictures):
        things = _things(picture, background, within, least_px)
        ghosts = [one.mask for one in things if one.is_ghost]
        animals = [one.mask for one in things if one.is_animal]
        if ghosts and animals:
            here = _grown(np.bitwise_or.reduce(animals))
            free = _grown(np.bitwise_or.reduce(ghosts)) & ~here
            seen.append((picture, free))
            used.append(n)
    result, filled = background, 0
    if seen:
        result = _rebuilt(background, seen)
    if not seen and seen_in(np.stack(pictures), result, within, least_px, most_px) < SEEN_SHARE:
        never = _never_empty(pictures, background, within, least_px, most_px)
        if never is not None:
            result = np.asarray(cv2.inpaint(background, never, 5, cv2.INPAINT_TELEA), np.uint8)
            filled = cv2.countNonZero(never)
    return Cleared(result, tuple(used), filled)


def _things(picture: Gray, background: Gray, within: Gray, least_px: float) -> list[Thing]:
    other = cv2.threshold(cv2.absdiff(picture, background), 2 * APART, 255, cv2.THRESH_BINARY)[1]
    other = cv2.bitwise_and(other, within)
    other = cv2.morphologyEx(other, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    if cv2.countNonZero(other) > CROWD_SHARE * cv2.countNonZero(within):
        return []
    n, labels, stats, _ = cv2.connectedComponentsWithStats(other, connectivity=8)
    things = []
    for i in range(1, n):
        if 2 * stats[i, cv2.CC_STAT_AREA] < least_px:
            continue
        mask = np.where(labels == i, np.uint8(255), np.uint8(0))
        now, before = _outlined(picture, mask), _outlined(background, mask)
        things.append(Thing(mask, before > now + APART, now > before + APART))
    return things


def _outlined(image: Gray, mask: Gray) -> float:
    """How far the inner rim of a thing stands out from what is around it, in grey levels."""
    inner = mask & ~_shrunk(mask)
    outer = _grown(mask) & ~mask
    return abs(cv2.mean(image, inner)[0] - cv2.mean(image, outer)[0])


def _rebuilt(background: Gray, seen: Sequence[tuple[Gray, Gray]]) -> Gray:
    """The median of each pixel over the samples in which it is free; else as it was."""
    result = background.copy()
    ys, xs = np.nonzero(np.bitwise_or.reduce([free for _, free in seen]))
    free = np.stack([free[ys, xs] > 0 for _, free in seen])
    values = np.stack([picture[ys, xs] for picture, _ in seen]).astype(np.uint16)
    values[~free] = 1 << 15  # behind all that count
    values.sort(axis=0)
    counted = free.sum(axis=0)
    every = np.arange(len(xs))
    middle = values[(counted - 1) // 2, every] + values[counted // 2, every]
    result[ys, xs] = (middle // 2).astype(np.uint8)
    return result


def _never_empty(
    pictures: Sequence[Gray], background: Gray, within: Gray, least_px: float, most_px: float
) -> Gray | None:
    """Where an animal stayed all the time, 255 there; None unless there is one such place.

    Around its outline pixels change, and what they enclose stands out from the floor.
    """
    few = np.stack(pictures[:: -(-len(pictures) // MOST_PICTURES)])
    k = len(few) // 10
    ordered = np.partition(few, (k, len(few) - 1 - k), axis=0)
    changing = cv2.absdiff(ordered[len(few) - 1 - k], ordered[k])
    changing = cv2.threshold(changing, 2 * APART, 255, cv2.THRESH_BINARY)[1] & within
    changing = cv2.morphologyEx(changing, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    contours, _ = cv2.findContours(changing, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    places = []
    for contour in contours:
        mask: Gray = np.zeros_like(background)
        cv2.drawContours(mask, [contour], -1, 255, -1)
        outer = _grown(mask) & ~mask
        apart = abs(cv2.mean(background, mask)[0] - cv2.mean(background, outer)[0])
        if least_px <= cv2.countNonZero(mask) <= most_px and apart > 2 * APART:
            places.append(_grown(mask))
    return places[0] if len(places) == 1 else None


def _grown(mask: Gray) -> Gray:
    return np.asarray(cv2.dilate(mask, _RIM), np.uint8)


def _shrunk(mask: Gray) -> Gray:
    return np.asarray(cv2.erode(mask, _RIM), np.uint8)
