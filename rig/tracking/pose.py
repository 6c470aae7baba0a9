"""The two ends of a silhouette's body, and what its tail says of which is which. Pure.

One picture alone does not settle it: a cable looks like a tail, and a tail under the body like
none. `facing` weighs what many pictures show.
"""

from math import atan2, cos, degrees, hypot, sin, sqrt
from typing import NamedTuple

import cv2
import numpy as np
from cv2.typing import MatLike

from rig.model import Gray
from rig.tracking.bodies import Body

LONG = 1.25
"""Length to width from which a body has an axis: a grooming or rearing animal has none."""
TAIL_CM = 2.0
"""How far the tail must reach beyond the body: less could be a leg or a whisker's shadow."""
THIN_CM = 1.5
"""A tail is no wider where it leaves the body; a shadow or a second animal is."""
AT_THE_END = 0.6
"""How far along the half axis the tail must begin; one that lies along the flank tells nothing."""
SKIN = 1.3
"""Where the body ends: the moments' ellipse has 1 here; snout, ears and feet are beyond it."""
SNOUT_CM = 1.0
"""So far beyond the ellipse the body's ends reach; what reaches farther is no body."""


class Pose(NamedTuple):
    """The body's ends in px (0.01), and the heading in degrees (0.1) from `tail` to `nose`.

    Headings run from x to y: clockwise in the picture. Where `told` is false the silhouette does
    not say which end is which, and each may be the other.
    """

    nose_x_px: float
    nose_y_px: float
    tail_x_px: float
    tail_y_px: float
    heading_deg: float
    told: bool


def pose(silhouette: Gray, body: Body, px_per_cm: float, left: int, top: int) -> Pose | None:
    """The pose of a body in its silhouette with tail; None where it is about as broad as long.

    The tail's tip is the outline's point farthest out of the body's ellipse; followed back along
    both of its sides it ends where the body begins; the nose is at the body's other end.

    Args:
        silhouette: 255 on body and tail, in the window.
        body: without tail, in the same window.
        px_per_cm: scale.
        left: where the window begins in the picture, in px.
        top: likewise.
    """
    area = body.area_px
    x, y = body.sum_x / area, body.sum_y / area
    a, b, c = body.xx / area, body.xy / area, body.yy / area
    root = sqrt((a - c) ** 2 + 4 * b * b)
    longer, shorter = (a + c + root) / 2, max((a + c - root) / 2, 0.1)
    if longer < LONG * LONG * shorter:
        return None
    half, width = 2 * sqrt(longer), 2 * sqrt(shorter)
    outlines, _ = cv2.findContours(silhouette, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=len)
    # along the axis and across it, in half axes of the body's ellipse; single precision is
    # far finer than a pixel, and each step saved here is saved in every picture
    axis = 0.5 * atan2(2 * b, a - c)
    ux, uy = cos(axis), sin(axis)
    turn = np.array(
        (
            (ux / half, uy / half, -(x * ux + y * uy) / half),
            (-uy / width, ux / width, (x * uy - y * ux) / width),
        )
    )
    points = cv2.transform(outline.astype(np.float32), turn)  # n x 1 x 2: along, across
    most = 1 + SNOUT_CM * px_per_cm / half
    base = _tail_base(points, half, width, px_per_cm)
    front = -1.0 if base is not None and base[0] > 0 else 1.0
    nose, snout = _end(points, front, most)
    if base is not None and snout:
        tail_x, tail_y = x + base[0] * ux - base[1] * uy, y + base[0] * uy + base[1] * ux
    else:  # no tail; or a second one, a cable, another animal
        base = None
        rump, _ = _end(points, -front, most)
        tail_x, tail_y = outline[rump, 0].tolist()
    return Pose(
        float(left + outline.item(nose, 0, 0)),
        float(top + outline.item(nose, 0, 1)),
        round(left + tail_x, 2),
        round(top + tail_y, 2),
        round(degrees(atan2(front * uy, front * ux)), 1),
        base is not None,
    )


def _tail_base(
    points: MatLike, half: float, width: float, px_per_cm: float
) -> tuple[float, float] | None:
    """Where the tail leaves the body, in px along the axis and across; None where unsure.

    Args:
        points: of the outline, along the axis and across it in half axes.
        half: the axis's half length in px.
        width: likewise across it.
        px_per_cm: scale.
    """
    squares = points * points
    away = squares[:, 0, 0] + squares[:, 0, 1]
    tip = int(away.argmax())
    u, v = points.item(tip, 0, 0), points.item(tip, 0, 1)
    if hypot(u * half, v * width) < half + TAIL_CM * px_per_cm:
        return None
    skin = (away < SKIN).tobytes()  # a byte for each point: 1 on the body, 0 beyond its end
    # the last point of the body before the tail and the first behind it, around the outline
    i, j = skin.rfind(1, 0, tip), skin.find(1, tip)
    if i < 0:
        i = skin.rfind(1)
    if j < 0:
        j = skin.find(1)
    if i < 0:
        return None
    (u1, v1), (u2, v2) = points[i, 0].tolist(), points[j, 0].tolist()
    if hypot((u1 - u2) * half, (v1 - v2) * width) > THIN_CM * px_per_cm:
        return None
    base = ((u1 + u2) / 2 * half, (v1 + v2) / 2 * width)
    return None if abs(base[0]) < AT_THE_END * half else base


def _end(points: MatLike, way: float, most: float) -> tuple[int, bool]:
    """Which point is the body's end that way (1 or -1), and whether nothing goes on beyond it."""
    forth = points[:, 0, 0]
    end = int(forth.argmax() if way > 0 else forth.argmin())
    alone = True
    if not 0 < way * forth.item(end) <= most or abs(points.item(end, 0, 1)) > 1:
        # the farthest of the body, within its width: what is beside it counts as the middle
        within = way * forth * (abs(points[:, 0, 1]) <= 1)
        alone = bool(within.max() <= most)
        end = int((within * (abs(within) <= most)).argmax())
    return end, alone
