"""Chambers, doorways and zones as they are drawn on a box's picture. Plain.

Nothing is changed in place: each step gives a new drawing. Whether it is a usable apparatus is
`rig.apparatus`'s to say.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from rig import geometry

Point = tuple[float, float]
Points = tuple[Point, ...]
SWEEP_SHARE = 0.12
"""Half the depth of a door's sweep, of its doorway's length."""


class Kind(StrEnum):
    """What a part of a drawing is."""

    CHAMBER = "chamber"
    DOORWAY = "doorway"
    SWEEP = "sweep"  # where a doorway's moving door is seen
    ZONE = "zone"
    ALL = "all"  # the corners of all chambers together: all follow them


class Part(NamedTuple):
    """One part of a drawing, by kind and place in its list."""

    kind: Kind
    place: int


ALL = Part(Kind.ALL, 0)


@dataclass(frozen=True)
class Chamber:
    """`rest` is what its table holds besides, kept as it is."""

    name: str
    points: Points
    role: str = ""
    rest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Doorway:
    """An opening between two chambers; `sweep` is () where no door is seen to move."""

    name: str
    between: tuple[str, str]
    points: Points
    sweep: Points = ()
    drive: str = "none"
    rest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Zone:
    """A further region."""

    name: str
    points: Points
    rest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawing:
    """What is drawn on a picture of `size_px`."""

    size_px: tuple[int, int]
    chambers: tuple[Chamber, ...] = ()
    doorways: tuple[Doorway, ...] = ()
    zones: tuple[Zone, ...] = ()

    def parts(self) -> list[Part]:
        """Every part that can be chosen, as a list shows them."""
        found = [Part(Kind.CHAMBER, k) for k in range(len(self.chambers))]
        for k, doorway in enumerate(self.doorways):
            found.append(Part(Kind.DOORWAY, k))
            if doorway.sweep:
                found.append(Part(Kind.SWEEP, k))
        found += [Part(Kind.ZONE, k) for k in range(len(self.zones))]
        return [*found, ALL] if self.chambers else found

    def name(self, part: Part) -> str:
        """What a part is called; "" for all together."""
        if part.kind is Kind.ALL:
            return ""
        return self._thing(part).name

    def points(self, part: Part) -> Points:
        """Its corners, or the ends of its line."""
        if part.kind is Kind.ALL:
            return self._bounds()
        thing = self._thing(part)
        return thing.sweep if part.kind is Kind.SWEEP else thing.points  # type: ignore[union-attr]

    def least_points(self, part: Part) -> int:
        """Fewer than so many it cannot have."""
        return {Kind.DOORWAY: 2, Kind.ALL: 4}.get(part.kind, 3)

    def with_points(self, part: Part, points: Sequence[Point]) -> "Drawing":
        """The part with other corners; they stay inside the picture."""
        inside = tuple(self._inside(point) for point in points)
        if part.kind is Kind.ALL:
            return self._stretched(self._bounds(), inside)
        thing = self._thing(part)
        changed = {"sweep" if part.kind is Kind.SWEEP else "points": inside}
        return self._with(part, replace(thing, **changed))  # type: ignore[arg-type]

    def moved(self, part: Part, dx: float, dy: float) -> "Drawing":
        """The whole part moved, as far as the picture reaches."""
        points = self.points(part)
        xs, ys = [x for x, _ in points], [y for _, y in points]
        dx = min(max(dx, -min(xs)), self.size_px[0] - max(xs))
        dy = min(max(dy, -min(ys)), self.size_px[1] - max(ys))
        return self.with_points(part, [(x + dx, y + dy) for x, y in points])

    def with_corner(self, part: Part, k: int) -> "Drawing":
        """One more corner, in the middle between corner `k` and the next."""
        points = list(self.points(part))
        if part.kind in (Kind.DOORWAY, Kind.ALL):
            return self
        (x1, y1), (x2, y2) = points[k], points[(k + 1) % len(points)]
        points.insert(k + 1, ((x1 + x2) / 2, (y1 + y2) / 2))
        return self.with_points(part, points)

    def without_corner(self, part: Part, k: int) -> "Drawing":
        """One corner less, where it has corners to spare."""
        points = self.points(part)
        if part.kind is Kind.ALL or len(points) <= self.least_points(part):
            return self
        return self.with_points(part, points[:k] + points[k + 1 :])

    def snapped(self, part: Part, k: int, point: Point, reach_px: float) -> Point:
        """`point` drawn to what is near: corners of others, lines, its neighbours' row or column.

        `k` is the corner of `part` that is dragged; it does not attract itself.
        """
        x, y = self._inside(point)
        own = self.points(part)
        corners = [p for other in self._solid(part) for p in self.points(other)]
        corners += [(0.0, 0.0), (float(self.size_px[0]), 0.0)]
        corners += [(0.0, float(self.size_px[1])), (float(self.size_px[0]), float(self.size_px[1]))]
        near = [(math.dist((x, y), p), p) for p in corners]
        if near and min(near)[0] <= reach_px:
            return min(near)[1]
        best: tuple[float, Point] | None = None
        for other in self._solid(part):
            outline = self.points(other)
            for p, q in zip(outline, (*outline[1:], outline[0]), strict=True):
                foot = _foot(p, q, (x, y))
                away = math.dist(foot, (x, y))
                if away <= reach_px and (best is None or away < best[0]):
                    best = away, foot
        if best is not None:
            return self._inside(best[1])
        beside = [p for j, p in enumerate(own) if j != k]
        x = min(
            (p[0] for p in beside if abs(p[0] - x) <= reach_px), key=lambda v: abs(v - x), default=x
        )
        y = min(
            (p[1] for p in beside if abs(p[1] - y) <= reach_px), key=lambda v: abs(v - y), default=y
        )
        return x, y

    def added(self, kind: Kind) -> tuple["Drawing", Part]:
        """A new chamber, doorway or zone in the middle of the picture, and which part it is."""
        width, height = self.size_px
        x0, y0, x1, y1 = width * 0.35, height * 0.35, width * 0.65, height * 0.65
        box = rectangle(x0, y0, x1, y1)
        if kind is Kind.CHAMBER:
            chambers = (*self.chambers, Chamber(self._free_name("chamber"), box))
            return replace(self, chambers=chambers), Part(kind, len(chambers) - 1)
        if kind is Kind.ZONE:
            zones = (*self.zones, Zone(self._free_name("zone"), box))
            return replace(self, zones=zones), Part(kind, len(zones) - 1)
        between, line = self._gap()
        doorways = (*self.doorways, Doorway(self._free_name("door"), between, line))
        return replace(self, doorways=doorways), Part(Kind.DOORWAY, len(doorways) - 1)

    def removed(self, part: Part) -> "Drawing":
        """Without a part; a chamber takes its doorways with it."""
        if part.kind is Kind.ALL:
            return replace(self, chambers=(), doorways=(), zones=())
        if part.kind is Kind.SWEEP:
            return self._with(part, replace(self.doorways[part.place], sweep=()))
        if part.kind is Kind.ZONE:
            return replace(self, zones=_without(self.zones, part.place))
        if part.kind is Kind.DOORWAY:
            return replace(self, doorways=_without(self.doorways, part.place))
        gone = self.chambers[part.place].name
        kept = tuple(d for d in self.doorways if gone not in d.between)
        return replace(self, chambers=_without(self.chambers, part.place), doorways=kept)

    def renamed(self, part: Part, name: str) -> "Drawing":
        """Another name; doorways keep leading to a chamber that is called otherwise."""
        if part.kind is Kind.ALL:
            return self
        old = self.name(part)
        changed = self._with(part, replace(self._thing(part), name=name))
        if part.kind is not Kind.CHAMBER:
            return changed
        doorways = tuple(
            replace(
                d, between=(_instead(d.between[0], old, name), _instead(d.between[1], old, name))
            )
            for d in changed.doorways
        )
        return replace(changed, doorways=doorways)

    def with_role(self, part: Part, role: str) -> "Drawing":
        """A chamber that is neutral, or not."""
        return self._with(part, replace(self.chambers[part.place], role=role))

    def with_between(self, part: Part, between: tuple[str, str]) -> "Drawing":
        """A doorway that joins two other chambers."""
        return self._with(part, replace(self.doorways[part.place], between=between))

    def with_drive(self, part: Part, drive: str) -> "Drawing":
        """A doorway whose door is moved otherwise; one that moves gets a sweep to begin with."""
        doorway = self.doorways[part.place]
        sweep = doorway.sweep
        if drive == "none":
            sweep = ()
        elif not sweep:
            sweep = tuple(self._inside(p) for p in _around(doorway.points))
        return self._with(part, replace(doorway, drive=drive, sweep=sweep))

    def onto(self, size_px: tuple[int, int], dx: float, dy: float) -> "Drawing":
        """The same drawing on another part of the picture, its origin moved by so many pixels."""
        fresh = replace(self, size_px=size_px)

        def to(points: Points) -> Points:
            return tuple(fresh._inside((x - dx, y - dy)) for x, y in points)

        return fresh._all(to)

    # --- inside

    def _thing(self, part: Part) -> Chamber | Doorway | Zone:
        if part.kind is Kind.CHAMBER:
            return self.chambers[part.place]
        if part.kind is Kind.ZONE:
            return self.zones[part.place]
        return self.doorways[part.place]

    def _with(self, part: Part, thing: Chamber | Doorway | Zone) -> "Drawing":
        k = part.place
        if isinstance(thing, Chamber):
            return replace(self, chambers=(*self.chambers[:k], thing, *self.chambers[k + 1 :]))
        if isinstance(thing, Zone):
            return replace(self, zones=(*self.zones[:k], thing, *self.zones[k + 1 :]))
        return replace(self, doorways=(*self.doorways[:k], thing, *self.doorways[k + 1 :]))

    def _solid(self, without: Part) -> list[Part]:
        """What attracts a corner: chambers and lines of doorways, not the dragged part itself."""
        solid = (Kind.CHAMBER, Kind.DOORWAY)
        return [p for p in self.parts() if p.kind in solid and p != without]

    def _inside(self, point: Point) -> Point:
        x, y = point
        width, height = self.size_px
        return _round(min(max(x, 0.0), width)), _round(min(max(y, 0.0), height))

    def _bounds(self) -> Points:
        xs = [x for chamber in self.chambers for x, _ in chamber.points]
        ys = [y for chamber in self.chambers for _, y in chamber.points]
        return rectangle(min(xs), min(ys), max(xs), max(ys))

    def _stretched(self, before: Points, after: Points) -> "Drawing":
        try:
            plane = geometry.fit(before, after)
        except ValueError:
            return self  # three corners on a line: no such picture of a box

        def to(points: Points) -> Points:
            return tuple(self._inside(geometry.apply(plane, x, y)) for x, y in points)

        return self._all(to)

    def _all(self, to: Callable[[Points], Points]) -> "Drawing":
        return replace(
            self,
            chambers=tuple(replace(c, points=to(c.points)) for c in self.chambers),
            doorways=tuple(
                replace(d, points=to(d.points), sweep=to(d.sweep)) for d in self.doorways
            ),
            zones=tuple(replace(z, points=to(z.points)) for z in self.zones),
        )

    def _free_name(self, prefix: str) -> str:
        taken = {self.name(part).lower() for part in self.parts()}
        return next(f"{prefix}-{n}" for n in range(1, 1000) if f"{prefix}-{n}" not in taken)

    def _gap(self) -> tuple[tuple[str, str], Points]:
        """Two chambers that no doorway joins yet, and a line in the middle between them."""
        width, height = self.size_px
        line = ((width / 2, height * 0.45), (width / 2, height * 0.55))
        joined = {frozenset(d.between) for d in self.doorways}
        names = [c.name for c in self.chambers]
        pairs = [
            (one, other) for i, one in enumerate(self.chambers) for other in self.chambers[i + 1 :]
        ]
        free = [pair for pair in pairs if frozenset((pair[0].name, pair[1].name)) not in joined]
        chosen = min(free or pairs, key=lambda pair: _apart(*pair), default=None)
        if chosen is None:
            return (names[0] if names else "", ""), line
        one, other = chosen
        a, b = _shared(one.points, other.points) or line
        return (one.name, other.name), (
            self._inside(_along(a, b, 0.375)),
            self._inside(_along(a, b, 0.625)),
        )


def rectangle(x0: float, y0: float, x1: float, y1: float) -> Points:
    """The corners, clockwise from the top left."""
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def _instead(name: str, old: str, new: str) -> str:
    return new if name == old else name


def _round(value: float) -> float:
    return round(float(value), 1)


def _without(things: tuple[Any, ...], k: int) -> tuple[Any, ...]:
    return things[:k] + things[k + 1 :]


def _along(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def _foot(p: Point, q: Point, point: Point) -> Point:
    """The point of the stretch from p to q that is nearest."""
    dx, dy = q[0] - p[0], q[1] - p[1]
    square = dx * dx + dy * dy
    if not square:
        return p
    share = ((point[0] - p[0]) * dx + (point[1] - p[1]) * dy) / square
    return _along(p, q, min(max(share, 0.0), 1.0))


def _around(line: Points) -> Points:
    """A thin rectangle around a line, a little longer than it."""
    (x1, y1), (x2, y2) = line
    length = math.dist(line[0], line[1]) or 1.0
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    deep = SWEEP_SHARE * length
    a, b = (x1 - ux * deep, y1 - uy * deep), (x2 + ux * deep, y2 + uy * deep)
    nx, ny = -uy * deep, ux * deep
    return (
        (a[0] + nx, a[1] + ny),
        (a[0] - nx, a[1] - ny),
        (b[0] - nx, b[1] - ny),
        (b[0] + nx, b[1] + ny),
    )


def _middle(points: Points) -> Point:
    return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)


def _apart(one: Chamber, other: Chamber) -> float:
    return math.dist(_middle(one.points), _middle(other.points))


def _shared(one: Points, other: Points) -> tuple[Point, Point] | None:
    """The edge of `one` whose middle is nearest to `other`."""
    goal = _middle(other)
    edges = list(zip(one, (*one[1:], one[0]), strict=True))
    return min(edges, key=lambda e: math.dist(_along(e[0], e[1], 0.5), goal), default=None)
