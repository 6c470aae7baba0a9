"""How large an animal is where nobody said so, from what stands out in samples. Pure.

The defaults are a mouse's. A rat is larger, and in another's scale, or very young, an animal may be
smaller: then what would be asked for is never found.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from rig.apparatus import Animal, TrackingSettings
from rig.model import Gray

USUAL_CM2 = tuple(
    TrackingSettings.model_fields[name].default for name in ("min_area_cm2", "max_area_cm2")
)
"""Least and largest area that hold for whoever says nothing."""
NO_MOUSE_CM2 = (8.0, 80.0)
"""Usual areas, tail and shadow with them, below and above which it is no mouse."""
EXTREME_CM2 = (0.3, 400.0)
LOOKED_AT, ENOUGH = 16, 8
"""Samples that are looked at, and in how many at least something has to stand out."""
LARGER, SMALLER = 2.5, 0.3
"""Of its usual area: between these an animal stays when it rears, curls or stretches."""
SURE = 0.8
"""Something smaller than a mouse has to stand out in so many samples: droppings come late."""
STEADY = 4.0
"""Its area in nine of ten samples is no more than so many times that in one of ten: noise's is."""
FAR, APART = 5.0, 2.0
"""It was in places so many times its own size apart: what lies somewhere is no animal. A rat
cannot be as far apart from itself in its box as a pup."""
LEFT = 0.3
"""So many of its places at least are free in the last sample: a spot stays where it came."""


class Thing(NamedTuple):
    """The largest thing that stands out in a picture: its area and where it is, in px.

    `reaches_in`: it goes on beyond where the animal can be, as an arm does.
    """

    area_px: float
    x_px: float
    y_px: float
    reaches_in: bool


def sized(
    wishes: Sequence[TrackingSettings],
    pictures: Sequence[Gray],
    background: Gray,
    within: Gray,
    animal: Animal,
    apart: int,
    px_per_cm: float,
) -> tuple[list[TrackingSettings], float | None]:
    """The wishes of chambers with other least and largest areas, where samples show that.

    With the animal's usual area in cm2 then; None: a mouse's, or not known.

    Args:
        wishes: of the chambers; areas that are not the defaults are left alone.
        pictures: samples in the background's light, height x width.
        background: likewise.
        within: 255 where the animal can be.
        animal: on which side of the floor it stands out.
        apart: grey levels by which.
        px_per_cm: scale.
    """
    step = max(1, len(pictures) // LOOKED_AT)
    few = pictures[::step]
    if len(few) < ENOUGH:
        return list(wishes), None
    cm2 = px_per_cm * px_per_cm
    kernel = np.ones((3, 3), np.uint8)
    rim = within & ~np.asarray(cv2.erode(within, kernel, borderValue=0), np.uint8)
    most_px = EXTREME_CM2[1] * cm2
    beyond = [_beyond(one, background, within, animal, apart) for one in few]
    found = [_largest(one, rim, most_px) for one in beyond]
    things = [thing for thing in found if thing is not None and not thing.reaches_in]
    free = len(few) - sum(thing is not None and thing.reaches_in for thing in found)
    least_cm2, most_cm2 = USUAL_CM2
    large = [thing for thing in things if thing.area_px >= least_cm2 * cm2]
    if 2 * len(large) > max(free, ENOUGH) and _moves(large, beyond[-1], APART):
        usual_cm2 = float(np.median([thing.area_px for thing in large])) / cm2
        if usual_cm2 > NO_MOUSE_CM2[1]:
            most_cm2 = min(LARGER * usual_cm2, EXTREME_CM2[1])
            changed = [_with(wish, least_cm2, round(most_cm2, 1)) for wish in wishes]
            return changed, round(usual_cm2, 1)
    small = [thing for thing in things if thing.area_px >= EXTREME_CM2[0] * cm2]
    if len(small) >= SURE * max(free, ENOUGH) and _moves(small, beyond[-1], FAR):
        usual_cm2 = float(np.median([thing.area_px for thing in small])) / cm2
        if usual_cm2 < NO_MOUSE_CM2[0]:
            least_cm2 = max(SMALLER * usual_cm2, EXTREME_CM2[0])
            changed = [_with(wish, round(least_cm2, 2), most_cm2) for wish in wishes]
            return changed, round(usual_cm2, 1)
    return list(wishes), None


def _with(wish: TrackingSettings, least_cm2: float, most_cm2: float) -> TrackingSettings:
    said = {}
    if wish.min_area_cm2 == USUAL_CM2[0]:
        said["min_area_cm2"] = least_cm2
    if wish.max_area_cm2 == USUAL_CM2[1]:
        said["max_area_cm2"] = most_cm2
    return wish.model_copy(update=said)


def _moves(things: Sequence[Thing], last: Gray, far: float) -> bool:
    areas = np.array([thing.area_px for thing in things])
    low, high = np.percentile(areas, (10, 90))
    extent = np.hypot(np.ptp([thing.x_px for thing in things]), np.ptp([t.y_px for t in things]))
    free = [not last.item(round(thing.y_px), round(thing.x_px)) for thing in things]
    goes = np.mean(free) >= LEFT
    return bool(high <= STEADY * low and goes and extent > far * np.sqrt(np.median(areas)))


def _beyond(picture: Gray, background: Gray, within: Gray, animal: Animal, apart: int) -> Gray:
    """255 where the picture stands out."""
    if animal is Animal.DARKER:
        change = cv2.subtract(background, picture)
    elif animal is Animal.LIGHTER:
        change = cv2.subtract(picture, background)
    else:
        change = cv2.absdiff(picture, background)
    _, beyond = cv2.threshold(change, max(apart, 12), 255, cv2.THRESH_BINARY)
    return np.asarray(cv2.bitwise_and(beyond, within), np.uint8)


def _largest(beyond: Gray, rim: Gray, most_px: float) -> Thing | None:
    n, labels, stats, middles = cv2.connectedComponentsWithStats(beyond, connectivity=8)
    sizes = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    sizes[0] = 0
    best = int(np.argmax(sizes))
    if n < 2 or not 0 < sizes[best] <= most_px:
        return None
    reaches_in = bool((rim[labels == best] > 0).any())
    return Thing(sizes.item(best), middles.item(best, 0), middles.item(best, 1), reaches_in)
