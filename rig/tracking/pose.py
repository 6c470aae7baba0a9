"""Nose, base of the tail and heading of a silhouette, where the tail is plainly seen. Pure."""

from collections.abc import Mapping
from math import atan2, cos, degrees, hypot, sin, sqrt
from typing import NamedTuple

import cv2
import numpy as np

from rig.model import Gray

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
    """Points in px of the window; heading in degrees from x to y (clockwise in the picture)."""

    nose_x: float
    nose_y: float
    tail_x: float
    tail_y: float
    heading_deg: float


def pose(silhouette: Gray, moments: Mapping[str, float], px_per_cm: float) -> Pose | None:
    """The pose of a body in its silhouette with tail; None where unsure.

    The tail's tip is the outline's farthest point from the body's centre; followed back along
    both of its sides it ends where the body begins; the nose is at the body's other end.

    Args:
        silhouette: 255 on body and tail, in the window.
        moments: of the body without tail, in the same window.
        px_per_cm: scale.
    """
    area = moments["m00"]
    x, y = moments["m10"] / area, moments["m01"] / area
    a, b, c = moments["mu20"] / area, moments["mu11"] / area, moments["mu02"] / area
    root = sqrt((a - c) ** 2 + 4 * b * b)
    longer, shorter = (a + c + root) / 2, max((a + c - root) / 2, 0.1)
    if longer < LONG * LONG * shorter:
        return None
    half, width = 2 * sqrt(longer), 2 * sqrt(shorter)
    outlines, _ = cv2.findContours(silhouette, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=len)
    # along the axis and across it, in half axes of the body's ellipse
    axis = 0.5 * atan2(2 * b, a - c)
    ux, uy = cos(axis), sin(axis)
    turn = np.array([[ux / half, -uy / width], [uy / half, ux / width]])
    edge = outline[:, 0, :] @ turn
    edge -= (x * ux + y * uy) / half, (y * ux - x * uy) / width
    squares = edge * edge
    away = squares @ (half * half, width * width)
    tip = int(away.argmax())
    if sqrt(away[tip]) < half + TAIL_CM * px_per_cm:
        return None
    skin = (squares @ (1.0, 1.0) < SKIN).nonzero()[0]
    if not len(skin):
        return None
    after = int(skin.searchsorted(tip))
    (u1, v1), (u2, v2) = edge[skin[[after - 1, after % len(skin)]]].tolist()
    if hypot((u1 - u2) * half, (v1 - v2) * width) > THIN_CM * px_per_cm:
        return None
    base = ((u1 + u2) / 2 * half, (v1 + v2) / 2 * width)
    if abs(base[0]) < AT_THE_END * half:
        return None
    front = -1.0 if base[0] > 0 else 1.0
    # the farthest of the body the other way, within its width
    forth = edge[:, 0] * front * (squares[:, 1] <= 1)
    end = int(forth.argmax())
    if (forth[end] - 1) * half > px_per_cm:
        return None  # a second tail, a cable, another animal
    return Pose(
        nose_x=float(outline[end, 0, 0]),
        nose_y=float(outline[end, 0, 1]),
        tail_x=x + base[0] * ux - base[1] * uy,
        tail_y=y + base[0] * uy + base[1] * ux,
        heading_deg=degrees(atan2(front * uy, front * ux)),
    )
