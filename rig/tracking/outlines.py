"""The animal's own outline in a picture, for who wants to see what was measured. Pure."""

import cv2
import numpy as np
from numpy.typing import NDArray

from rig.model import Detection, Gray
from rig.tracking.light import cells
from rig.tracking.places import places_in, window
from rig.tracking.preparing import Prepared

MOST_POINTS = 60
"""A screen needs no more of them."""
Contour = NDArray[np.int32]
"""Points x, y in px of the picture, n x 2."""

BESIDE_PX = 3.0
"""So far from its silhouette lies the centroid of a curled animal at most."""


def contour(image: Gray, prepared: Prepared, x_px: float, y_px: float) -> Contour | None:
    """The contour of the silhouette, tail and all, at this point; None where there is none.

    Found as `find` finds it: the same limits, blocks and windows.
    """
    levels = prepared.light.levels(cells(image, prepared.light.step))
    part = image[prepared.rows, prepared.cols]
    places = places_in(part, levels, prepared)
    best: Contour | None = None
    deepest, left, top = -BESIDE_PX, prepared.cols.start, prepared.rows.start
    for place in places:
        around = (place.x - 1, place.y - 1, place.x + place.width + 1, place.y + place.height + 1)
        x0, y0, x1, y1 = (side * prepared.block for side in around)
        if not (x0 <= x_px - left <= x1 and y0 <= y_px - top <= y1):
            continue
        seen = window(part, levels, place, places, prepared)
        origin = (left + seen.cols.start, top + seen.rows.start)
        rims, _ = cv2.findContours(seen.thing, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for rim in rims:
            at = (x_px - origin[0], y_px - origin[1])
            depth = cv2.pointPolygonTest(rim, at, True)
            if depth >= deepest:
                deepest, best = depth, np.asarray(rim[:, 0] + origin, np.int32)
    return best


def outline(image: Gray, prepared: Prepared, seen: Detection) -> list[tuple[int, int]]:
    """The same at a detection's position, coarse: at most `MOST_POINTS` corners, in px.

    Empty without a position, where nothing stands out there, or for a picture of another size.
    """
    if seen.x_px is None or seen.y_px is None or image.shape != prepared.shape:
        return []
    rim = contour(image, prepared, seen.x_px, seen.y_px)
    if rim is None:
        return []
    slack = 0.7
    coarse = cv2.approxPolyDP(rim, slack, True)
    while len(coarse) > MOST_POINTS:
        slack *= 1.5
        coarse = cv2.approxPolyDP(rim, slack, True)
    return [(int(x), int(y)) for x, y in coarse.reshape(-1, 2).tolist()]
