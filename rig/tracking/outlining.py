"""The animal's own outline in a picture, for who wants to see what was measured. Pure."""

import cv2
import numpy as np
from numpy.typing import NDArray

from rig.model import Gray
from rig.tracking.light import cells
from rig.tracking.places import places_in, window
from rig.tracking.preparing import Prepared

Contour = NDArray[np.int32]
"""Points x, y in px of the picture, n x 2."""

BESIDE_PX = 3.0
"""So far from its silhouette lies the centroid of a curled animal at most."""


def outline(image: Gray, prepared: Prepared, x_px: float, y_px: float) -> Contour | None:
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
        contours, _ = cv2.findContours(seen.thing, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for contour in contours:
            at = (x_px - origin[0], y_px - origin[1])
            depth = cv2.pointPolygonTest(contour, at, True)
            if depth >= deepest:
                deepest, best = depth, np.asarray(contour[:, 0] + origin, np.int32)
    return best
