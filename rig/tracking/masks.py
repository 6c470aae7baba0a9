"""Outlines and lines turned into pictures: which pixels lie inside, how far each one is. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rig.apparatus import Apparatus, PointPx
from rig.model import Gray

REACH_CM = 7.0
"""How far outside the chambers an animal is still followed: beyond 5 cm it counts as escaped."""


class Region(NamedTuple):
    """A part of the picture: 255 on it, and how many of its pixels are above and left of each."""

    mask: Gray
    sums: NDArray[np.int32]

    def size_px(self, rows: slice, cols: slice) -> int:
        """How many of its pixels lie in these rows and columns, from four numbers."""
        y0, y1, x0, x1, at = rows.start, rows.stop, cols.start, cols.stop, self.sums.item
        return at(y1, x1) - at(y0, x1) - at(y1, x0) + at(y0, x0)


def region(mask: Gray) -> Region:
    """The part of the picture where the mask is 255."""
    return Region(mask, np.asarray(cv2.integral(mask // 255), np.int32))


def picture(mask: NDArray[np.bool_]) -> Gray:
    """255 where true, else 0."""
    return np.where(mask, np.uint8(255), np.uint8(0))


def fill(outline_px: Sequence[PointPx], shape: tuple[int, ...]) -> Gray:
    """255 for pixels whose centre is inside the outline, else 0; height x width of `shape`.

    Notes:
        Even-odd rule, half open: two outlines that share an edge share no pixel and leave none
        out.
    """
    height, width = shape[:2]
    inside = np.zeros((height, width), np.bool_)
    xs = np.arange(width, dtype=np.float64)
    ends = zip(outline_px, [*outline_px[1:], outline_px[0]], strict=True)
    for a, b in ends:
        # from the upper end always: both owners of a shared edge round it alike
        (x1, y1), (x2, y2) = (a, b) if a[1] <= b[1] else (b, a)
        first, last = max(0, int(np.ceil(y1))), min(height, int(np.ceil(y2)))
        if first < last:
            ys = np.arange(first, last, dtype=np.float64)
            cross = x1 + (ys - y1) * ((x2 - x1) / (y2 - y1))
            inside[first:last] ^= xs[None, :] < cross[:, None]
    return picture(inside)


def union(outlines_px: Sequence[Sequence[PointPx]], shape: tuple[int, ...]) -> Gray:
    """255 where any of the outlines is, else 0."""
    whole = np.zeros(shape[:2], np.uint8)
    for outline in outlines_px:
        whole |= fill(outline, shape)
    return whole


def away_px(mask: Gray) -> NDArray[np.float32]:
    """Distance of each pixel to the nearest pixel that is not 0 in `mask`, in px; 0 on it."""
    return np.asarray(cv2.distanceTransform(255 - mask, cv2.DIST_L2, 5), np.float32)


def line_distance_px(
    line_px: tuple[PointPx, PointPx], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Distance of each pixel's centre to the segment `line_px`, in px."""
    height, width = shape[:2]
    (x1, y1), (x2, y2) = line_px
    xs = np.arange(width, dtype=np.float64)[None, :] - x1
    ys = np.arange(height, dtype=np.float64)[:, None] - y1
    dx, dy = x2 - x1, y2 - y1
    length2 = dx * dx + dy * dy
    along = np.clip((xs * dx + ys * dy) / length2, 0.0, 1.0) if length2 > 0 else 0.0
    return np.hypot(xs - along * dx, ys - along * dy).astype(np.float32)


def reach(apparatus: Apparatus) -> Gray:
    """255 where the animal is looked for: the chambers grown by 7 cm, without `ignore_px`."""
    width, height = apparatus.frame_size_px
    shape = (height, width)
    chambers = union([chamber.outline_px for chamber in apparatus.chamber], shape)
    near = away_px(chambers) <= REACH_CM * apparatus.px_per_cm_mean
    ignored = list(apparatus.tracking.ignore_px)
    for chamber in apparatus.chamber:
        ignored += chamber.tracking.ignore_px if chamber.tracking is not None else ()
    return picture(near & (union(ignored, shape) == 0))


def territories(apparatus: Apparatus) -> list[Gray]:
    """For each chamber 255 where the animal is looked for and no other chamber is nearer."""
    within = reach(apparatus)
    away = [away_px(fill(one.outline_px, within.shape)) for one in apparatus.chamber]
    nearest = np.argmin(np.stack(away), axis=0)
    return [picture((nearest == k) & (within > 0)) for k in range(len(away))]


def limits(background: Gray, threshold: Gray) -> tuple[Gray, Gray]:
    """`background` minus and plus `threshold`, cut off at 0 and 255: what is beyond stands out."""
    low, high = cv2.subtract(background, threshold), cv2.add(background, threshold)
    return np.asarray(low, np.uint8), np.asarray(high, np.uint8)
