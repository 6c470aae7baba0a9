"""Plane geometry for outlines and floors, in plain floats: quick enough for every frame. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Points = Sequence[Point]
Map = tuple[float, ...]
"""A 3 x 3 projective map of the plane, its nine numbers row by row."""

Matrix = NDArray[np.float64]

MIN_SPREAD = 1e-4


def area(outline: Points) -> float:
    """The signed area inside a closed outline, in its unit squared: positive if it runs clockwise.

    Clockwise as seen in a picture, whose y goes down (the shoelace formula).
    """
    return 0.5 * math.fsum(
        x1 * y2 - x2 * y1
        for (x1, y1), (x2, y2) in zip(outline, (*outline[1:], outline[0]), strict=True)
    )


def to_segment(ends: tuple[Point, Point], x: float, y: float) -> float:
    """Distance of a point to the segment between two ends, in their unit."""
    (x1, y1), (x2, y2) = ends
    dx, dy = x2 - x1, y2 - y1
    length2 = dx * dx + dy * dy
    along = ((x - x1) * dx + (y - y1) * dy) / length2 if length2 > 0 else 0.0
    along = min(max(along, 0.0), 1.0)
    # as np.hypot, a tenth of its time for two numbers
    return abs(complex(x - x1 - along * dx, y - y1 - along * dy))


def apply(plane: Map, x: float, y: float) -> Point:
    """Where `plane` takes the point x, y."""
    a, b, c, d, e, f, g, h, i = plane
    w = g * x + h * y + i
    return (a * x + b * y + c) / w, (d * x + e * y + f) / w


def least_step(plane: Map, points: Points) -> float:
    """The shortest way that a step of 1 in any direction from any of `points` becomes on `plane`.

    The least singular value of the map's derivative, least of all the points.
    """
    least = math.inf
    for x, y in points:
        u, v = apply(plane, x, y)
        w = depth(plane, x, y)
        a, b = (plane[0] - u * plane[6]) / w, (plane[1] - u * plane[7]) / w
        c, d = (plane[3] - v * plane[6]) / w, (plane[4] - v * plane[7]) / w
        squares, turned = a * a + b * b + c * c + d * d, a * d - b * c
        root = math.sqrt(max(squares * squares - 4 * turned * turned, 0.0))
        least = min(least, math.sqrt(max((squares - root) / 2, 0.0)))
    return least


def depth(plane: Map, x: float, y: float) -> float:
    """Positive on this side of the plane's horizon, 0 on it, negative beyond."""
    return plane[6] * x + plane[7] * y + plane[8]


def fit(points: Points, targets: Points) -> Map:
    """The projective map that takes `points` to `targets`, four or more of each, in least squares.

    Signed so that `depth` is positive in the middle of `points`. The normalised direct linear
    transform: Hartley and Zisserman, Multiple View Geometry, 2nd edition, algorithm 4.2. Raises
    ValueError where three of four lie on a line, or all do, so that there is no single map.
    """
    here, to_here = _normalised(points)
    there, to_there = _normalised(targets)
    rows = []
    for (x, y), (u, v) in zip(here.tolist(), there.tolist(), strict=True):
        rows.append([-x, -y, -1.0, 0.0, 0.0, 0.0, u * x, u * y, u])
        rows.append([0.0, 0.0, 0.0, -x, -y, -1.0, v * x, v * y, v])
    if len(rows) == 8:
        rows.append([0.0] * 9)
    _, sizes, axes = np.linalg.svd(np.array(rows))
    inner = axes[-1].reshape(3, 3)
    if sizes[7] < MIN_SPREAD * sizes[0] or abs(np.linalg.det(inner)) < MIN_SPREAD:
        raise ValueError("the points lie (nearly) on one line, or several at one place")
    plane = np.linalg.inv(to_there) @ inner @ to_here
    x, y = np.asarray(points, dtype=float).mean(axis=0)
    sign = 1.0 if plane[2] @ (x, y, 1.0) > 0 else -1.0
    plane *= sign / np.abs(plane[2]).max()
    return tuple(float(v) for v in plane.ravel())


def _normalised(points: Points) -> tuple[Matrix, Matrix]:
    # Moved to their centre and scaled to a mean distance of sqrt(2) from it.
    p = np.asarray(points, dtype=float)
    centre = p.mean(axis=0)
    spread = float(np.hypot(*(p - centre).T).mean())
    if spread == 0:
        raise ValueError("the points are all at one place")
    s = math.sqrt(2) / spread
    return (p - centre) * s, np.array([[s, 0, -s * centre[0]], [0, s, -s * centre[1]], [0, 0, 1]])


@dataclass(frozen=True, slots=True)
class Outline:
    """A closed outline made ready for `inside`: its rectangle, and a tuple of numbers an edge."""

    left: float
    top: float
    right: float
    bottom: float
    edges: tuple[tuple[float, float, float, float, float, float], ...]

    @classmethod
    def of(cls, points: Points) -> "Outline":
        """The outline through `points`; the last is joined to the first."""
        edges = []
        for (x1, y1), (x2, y2) in zip(points, (*points[1:], points[0]), strict=True):
            dx, dy = x2 - x1, y2 - y1
            if dx or dy:
                edges.append((x1, y1, dx, dy, y2, 1 / (dx * dx + dy * dy)))
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        return cls(min(xs), min(ys), max(xs), max(ys), tuple(edges))

    def holds(self, x: float, y: float) -> bool:
        """Whether the point is inside the outline (on it: either), far quicker than `inside`."""
        within = False
        for x1, y1, dx, dy, y2, _ in self.edges:
            if (y1 > y) is not (y2 > y) and x - x1 < dx * (y - y1) / dy:
                within = not within
        return within

    def inside(self, x: float, y: float) -> float:
        """How far inside the outline the point is: positive inside, 0 on it, negative outside."""
        nearest, within = math.inf, False
        for x1, y1, dx, dy, y2, scale in self.edges:
            px, py = x - x1, y - y1
            along = (px * dx + py * dy) * scale
            if along > 0.0:
                if along > 1.0:
                    along = 1.0
                ex, ey = px - along * dx, py - along * dy
            else:
                ex, ey = px, py
            square = ex * ex + ey * ey
            if square < nearest:
                nearest = square
            if (y1 > y) is not (y2 > y) and px < dx * py / dy:
                within = not within
        return math.sqrt(nearest) if within else -math.sqrt(nearest)
