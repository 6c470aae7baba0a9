"""How large the box is: a ruler over it, or four points of its floor. Plain."""

import math
from dataclasses import dataclass
from typing import Any

from gui.setup.drawing import Point, Points, rectangle
from rig import geometry


@dataclass(frozen=True)
class Scale:
    """One number, or points of the floor in px and in cm; neither where it is not known yet."""

    px_per_cm: float | None = None
    points_px: Points = ()
    points_cm: Points = ()

    @property
    def known(self) -> bool:
        """Whether there is a scale."""
        return self.px_per_cm is not None or bool(self.points_px)

    def table(self) -> dict[str, Any]:
        """Its keys in an apparatus file."""
        if self.points_px:
            return {
                "floor": {
                    "points_px": [list(point) for point in self.points_px],
                    "points_cm": [list(point) for point in self.points_cm],
                }
            }
        return {} if self.px_per_cm is None else {"px_per_cm": self.px_per_cm}

    def onto(self, dx: float, dy: float) -> "Scale":
        """The same scale on another part of the picture, its origin moved by so many pixels."""
        moved = tuple((round(x - dx, 1), round(y - dy, 1)) for x, y in self.points_px)
        return Scale(self.px_per_cm, moved, self.points_cm)


@dataclass(frozen=True)
class Ruler:
    """A stretch of the picture whose length is known."""

    ends_px: tuple[Point, Point]
    length_cm: float

    @property
    def length_px(self) -> float:
        """How long it is in the picture."""
        return math.dist(*self.ends_px)

    def scale(self) -> Scale:
        """The scale it gives. Raises ValueError for a ruler without length."""
        if self.length_px < 2 or self.length_cm <= 0:
            raise ValueError("a ruler without length")
        return Scale(px_per_cm=round(self.length_px / self.length_cm, 3))


@dataclass(frozen=True)
class FloorPoints:
    """The four corners, clockwise from the top left, of a rectangle on the floor."""

    corners_px: Points
    width_cm: float
    depth_cm: float

    def scale(self) -> Scale:
        """The scale it gives. Raises ValueError for corners that give none."""
        if min(self.width_cm, self.depth_cm) <= 0:
            raise ValueError("a floor without size")
        corners_cm = rectangle(0.0, 0.0, self.width_cm, self.depth_cm)
        plane = geometry.fit(self.corners_px, corners_cm)
        if geometry.area(self.corners_px) <= 0:
            raise ValueError("the corners do not run clockwise from the top left")
        for corner in self.corners_px:
            if geometry.depth(plane, *corner) <= 0:
                raise ValueError("one corner lies beyond the horizon of the others")
        return Scale(points_px=self.corners_px, points_cm=corners_cm)


def floor_of(scale: Scale) -> FloorPoints | None:
    """The four corners that a scale was made from; None where it was made otherwise."""
    points_cm = scale.points_cm
    if len(points_cm) != 4:
        return None
    width, depth = points_cm[2]
    if points_cm != rectangle(0.0, 0.0, width, depth):
        return None
    return FloorPoints(scale.points_px, width, depth)


def side_cm(scale: Scale, one: Point, other: Point) -> float | None:
    """The length of a stretch of the picture in cm, if the scale is known and can tell."""
    if scale.px_per_cm is not None:
        return math.dist(one, other) / scale.px_per_cm
    if len(scale.points_px) < 4:
        return None
    try:
        plane = geometry.fit(scale.points_px, scale.points_cm)
    except ValueError:
        return None
    if min(geometry.depth(plane, *one), geometry.depth(plane, *other)) <= 0:
        return None
    return math.dist(geometry.apply(plane, *one), geometry.apply(plane, *other))
