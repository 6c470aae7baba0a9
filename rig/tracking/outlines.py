"""The rim of the animal's silhouette, for whoever looks at a picture. Pure; decides nothing."""

import cv2

from rig.model import Detection, Gray
from rig.tracking.light import cells, scaled
from rig.tracking.places import foreground
from rig.tracking.preparing import Prepared

MOST_POINTS = 60
AROUND = 3.5
"""Half the side of the square looked at, in roots of the body's area: room for a tail."""


def outline(image: Gray, prepared: Prepared, seen: Detection) -> list[tuple[int, int]]:
    """The outline with tail of the thing at the detection's position, in pixels of `image`.

    At most `MOST_POINTS` corners; empty without a position, or where nothing stands out there.
    """
    if seen.x_px is None or seen.y_px is None or image.shape != prepared.shape:
        return []
    levels = prepared.light.levels(cells(image, prepared.light.step))
    top, left = prepared.rows.start, prepared.cols.start
    image = image[prepared.rows, prepared.cols]
    x, y = round(seen.x_px) - left, round(seen.y_px) - top
    half = max(8, round(AROUND * seen.area_px**0.5))
    rows, cols = slice(max(0, y - half), y + half + 1), slice(max(0, x - half), x + half + 1)
    part = image[rows, cols]
    if not part.size:
        return []
    if levels is not None:
        part = scaled(part, levels)
    low, high = prepared.low, prepared.high
    thing = foreground(
        part,
        None if low is None else low[rows, cols],
        None if high is None else high[rows, cols],
    )
    rims, _ = cv2.findContours(thing, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    at = float(x - cols.start), float(y - rows.start)
    rim = max(rims, key=lambda one: cv2.pointPolygonTest(one, at, True), default=None)
    if rim is None or cv2.pointPolygonTest(rim, at, False) < 0:
        return []
    coarse, slack = rim, 0.7
    while len(coarse) > MOST_POINTS or slack == 0.7:
        coarse = cv2.approxPolyDP(rim, slack, True)
        slack *= 1.5
    dx, dy = left + cols.start, top + rows.start
    return [(int(px) + dx, int(py) + dy) for px, py in coarse.reshape(-1, 2).tolist()]
