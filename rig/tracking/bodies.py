"""The animal's body in what stands out: thick, without tail, legs and cables. Pure."""

from collections.abc import Iterator
from math import pi, sqrt
from typing import NamedTuple, cast

import cv2
import numpy as np

from rig.model import Gray
from rig.tracking.places import Window
from rig.tracking.preparing import Prepared

SOLID = 0.85
"""Share of its moments' ellipse that one body fills; two side by side or apart fill less."""


class Body(NamedTuple):
    """One body without tail: its pixels (255) in the window, and sums over these pixels.

    `sum_x`, `sum_y` are of the places in the window; `xx`, `xy`, `yy` of their products, counted
    from the centroid.
    """

    pixels: Gray
    area_px: int
    sum_x: float
    sum_y: float
    xx: float
    xy: float
    yy: float


def bodies(window: Window, prepared: Prepared) -> Iterator[Body]:
    """The thick parts of the thing, each in one piece."""
    thing, step = window.thing, prepared.open_step
    if step > 1:
        thinned = np.ascontiguousarray(thing[step // 2 :: step, step // 2 :: step])
        thick = _opened(thinned, prepared.open_kernel)
        thick = thick.repeat(step, axis=0).repeat(step, axis=1)
        pad_y, pad_x = thing.shape[0] - thick.shape[0], thing.shape[1] - thick.shape[1]
        if pad_y > 0 or pad_x > 0:
            ends = (0, max(pad_y, 0), 0, max(pad_x, 0))
            # as np.pad with mode "edge", in a tenth of its time
            thick = cast(Gray, cv2.copyMakeBorder(thick, *ends, cv2.BORDER_REPLICATE))
        thick = thick[: thing.shape[0], : thing.shape[1]] & thing
    else:
        thick = _opened(thing, prepared.open_kernel)
    whole = _body(thick)
    if whole.area_px and _solid(whole):
        yield whole
    elif whole.area_px:
        n, labels, stats, _ = cv2.connectedComponentsWithStats(
            thick, connectivity=8, ltype=cv2.CV_16U
        )
        for i in range(1, n):
            if stats[i, cv2.CC_STAT_AREA] >= prepared.least_px:
                yield _body((labels == i).view(np.uint8) * np.uint8(255))


def _opened(mask: Gray, kernel: Gray) -> Gray:
    opened = cv2.morphologyEx(
        mask, cv2.MORPH_OPEN, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    return cast(Gray, opened)


def _body(pixels: Gray) -> Body:
    # each pixel counts 255 times, which is exact and sooner told than that it is not 0
    m = cv2.moments(pixels)
    area = m["m00"] / 255
    if not area:
        return Body(pixels, 0, 0.0, 0.0, 0.0, 0.0, 0.0)
    sum_x, sum_y = m["m10"] / 255, m["m01"] / 255
    x, y = sum_x * (1 / area), sum_y * (1 / area)
    return Body(
        pixels,
        int(area),
        sum_x,
        sum_y,
        m["m20"] / 255 - sum_x * x,
        m["m11"] / 255 - sum_x * y,
        m["m02"] / 255 - sum_y * y,
    )


def _solid(body: Body) -> bool:
    """Whether the pixels fill the ellipse of their own moments, so are plainly one piece."""
    area = body.area_px
    spread = (body.xx * body.yy - body.xy**2) / area**2
    return area >= SOLID * 4 * pi * sqrt(max(spread, 0.0))
