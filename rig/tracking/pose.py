"""Nose, base of the tail and heading of a silhouette, where the tail is plainly seen. Pure."""

from math import atan2, cos, degrees, hypot, sin, sqrt
from typing import NamedTuple

import cv2
import numpy as np

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


class Pose(NamedTuple):
    """Points in px (0.01); heading in degrees (0.1) from x to y: clockwise in the picture."""

    nose_x_px: float
    nose_y_px: float
    tail_x_px: float
    tail_y_px: float
    heading_deg: float


def pose(silhouette: Gray, body: Body, px_per_cm: float, left: int, top: int) -> Pose | None:
    """The pose of a body in its silhouette with tail; None where unsure.

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
    tail_px = half + TAIL_CM * px_per_cm
    bottom, right = silhouette.shape
    if hypot(max(x + 1, right - x), max(y + 1, bottom - y)) < tail_px:
        return None  # not even beyond the window's corners is anything that far
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
    squares = points * points
    away = squares[:, 0, 0] + squares[:, 0, 1]
    tip = int(away.argmax())
    u, v = points.item(tip, 0, 0), points.item(tip, 0, 1)
    if hypot(u * half, v * width) < tail_px:
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
    if abs(base[0]) < AT_THE_END * half:
        return None
    front = -1.0 if base[0] > 0 else 1.0
    # the farthest of the body the other way, within its width
    forth = points[:, 0, 0]
    end = int(forth.argmax() if front > 0 else forth.argmin())
    if front * forth.item(end) <= 0 or abs(points.item(end, 0, 1)) > 1:
        forth = forth * (squares[:, 0, 1] <= 1)
        end = int(forth.argmax() if front > 0 else forth.argmin())
    if (abs(forth.item(end)) - 1) * half > px_per_cm:
        return None  # a second tail, a cable, another animal
    return Pose(
        float(left + outline.item(end, 0, 0)),
        float(top + outline.item(end, 0, 1)),
        round(left + x + base[0] * ux - base[1] * uy, 2),
        round(top + y + base[0] * uy + base[1] * ux, 2),
        round(degrees(atan2(front * uy, front * ux)), 1),
    )
