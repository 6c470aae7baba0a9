"""Walls and ways through them, in centimetres: what the simulated mouse can bump into.

Built from an Apparatus. A doorway is a gap in the walls; chambers that touch without a doorway
have a gap as wide as they touch. Centimetres here are crop pixels over the scale, so their
origin is the crop's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from rig.apparatus import Apparatus, Doorway, Drive

Point = tuple[float, float]
Wall = tuple[float, float, float, float, float]
"""A piece of wall: start x and y, unit direction x and y, length; all in cm."""

Core = tuple[float, float, float, float]
"""An upright rectangle inside a chamber: least x and y, greatest x and y; in cm."""

WALL_REACH_CM = 1.25  # a doorway's line lies within 1 cm of both its chambers
TOUCH_CM = 0.3
NARROWEST_TOUCH_CM = 3.0


@dataclass(frozen=True, slots=True)
class Gate:
    """A gap between two chambers (by index). `normal` points from the first to the second.

    `depth_cm` is how far it is from the gate to the opposite wall, in each of the two.
    `name` is the doorway's, or "" where two chambers merely touch.
    """

    name: str
    between: tuple[int, int]
    centre: Point
    along: Point
    normal: Point
    half_cm: float
    depth_cm: tuple[float, float]
    drive: Drive

    def across_cm(self, x: float, y: float) -> float:
        """How far a point is past the gate's line, positive in the second chamber."""
        return (x - self.centre[0]) * self.normal[0] + (y - self.centre[1]) * self.normal[1]

    def beside_cm(self, x: float, y: float) -> float:
        """How far a point is from the gate's axis, along its line."""
        return (x - self.centre[0]) * self.along[0] + (y - self.centre[1]) * self.along[1]

    def point(self, beside_cm: float, across_cm: float) -> Point:
        """The point so far along the line and so far past it."""
        return (
            self.centre[0] + self.along[0] * beside_cm + self.normal[0] * across_cm,
            self.centre[1] + self.along[1] * beside_cm + self.normal[1] * across_cm,
        )


@dataclass(frozen=True, slots=True)
class Maze:
    """The chambers of one box: walls of each without gaps (`closed`), all with gaps (`opened`)."""

    names: tuple[str, ...]
    neutral: tuple[bool, ...]
    outlines: tuple[tuple[Point, ...], ...]
    closed: tuple[tuple[Wall, ...], ...]
    opened: tuple[Wall, ...]
    gates: tuple[Gate, ...]
    gates_of: tuple[tuple[int, ...], ...] = field(default=())
    convex: tuple[bool, ...] = field(default=())
    cores: tuple[Core, ...] = field(default=())

    def shut(self, open_gates: Sequence[bool]) -> tuple[Wall, ...]:
        """All walls with their gaps, and a wall in each gap that is not open."""
        doors = (
            _wall(gate.point(-gate.half_cm, 0.0), gate.point(gate.half_cm, 0.0))
            for gate, is_open in zip(self.gates, open_gates, strict=True)
            if not is_open
        )
        return (*self.opened, *doors)

    def chamber_at(self, x: float, y: float, before: int) -> int:
        """The index of the chamber around a point; `before` where there is none."""
        if inside(self.outlines[before], x, y):
            return before
        for index, outline in enumerate(self.outlines):
            if index != before and inside(outline, x, y):
                return index
        return before

    def gate(self, name: str) -> Gate:
        """The gate of the doorway called `name`. Raises ValueError where there is none."""
        for gate in self.gates:
            if gate.name == name and name:
                return gate
        raise ValueError(f"no doorway {name!r} in this box")


def build(apparatus: Apparatus) -> Maze:
    """The maze of an apparatus."""
    scale = apparatus.px_per_cm_mean
    names = tuple(chamber.name for chamber in apparatus.chamber)
    outlines = tuple(
        tuple((x / scale, y / scale) for x, y in chamber.outline_px)
        for chamber in apparatus.chamber
    )
    closed = tuple(_edges(outline) for outline in outlines)
    gates = [_gate(doorway, names, outlines, closed, scale) for doorway in apparatus.doorway]
    joined = {frozenset(gate.between) for gate in gates}
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            if frozenset((first, second)) not in joined:
                touch = _touch(closed[first], closed[second])
                if touch is not None:
                    gates.append(
                        _between("", (first, second), *touch, outlines, closed, Drive.NONE)
                    )
    opened: list[Wall] = [wall for walls in closed for wall in walls]
    for gate in gates:
        opened = _cut(opened, gate)
    return Maze(
        names=names,
        neutral=tuple(chamber.role == "neutral" for chamber in apparatus.chamber),
        outlines=outlines,
        closed=closed,
        opened=tuple(opened),
        gates=tuple(gates),
        gates_of=tuple(
            tuple(g for g, gate in enumerate(gates) if index in gate.between)
            for index in range(len(names))
        ),
        convex=tuple(_is_convex(outline) for outline in outlines),
        cores=tuple(_core(outline, walls) for outline, walls in zip(outlines, closed, strict=True)),
    )


def inside(outline: Sequence[Point], x: float, y: float) -> bool:
    """Whether a point is inside an outline, by the even-odd rule."""
    within = False
    x0, y0 = outline[-1]
    for x1, y1 in outline:
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            within = not within
        x0, y0 = x1, y1
    return within


def middle(outline: Sequence[Point]) -> Point:
    """The centre of an outline's area."""
    area = sum_x = sum_y = 0.0
    x0, y0 = outline[-1]
    for x1, y1 in outline:
        cross = x0 * y1 - x1 * y0
        area += cross
        sum_x += (x0 + x1) * cross
        sum_y += (y0 + y1) * cross
        x0, y0 = x1, y1
    return sum_x / (3 * area), sum_y / (3 * area)


def nearest(walls: Sequence[Wall], x: float, y: float) -> tuple[float, float, float]:
    """The squared distance to the nearest wall (cm^2) and the point on it."""
    best = math.inf
    best_x = best_y = 0.0
    for wx, wy, ux, uy, length in walls:
        dx = x - wx
        dy = y - wy
        along = dx * ux + dy * uy
        if along <= 0.0:
            along = 0.0
        elif along > length:
            along = length
        qx = ux * along
        qy = uy * along
        distance = (dx - qx) * (dx - qx) + (dy - qy) * (dy - qy)
        if distance < best:
            best = distance
            best_x = wx + qx
            best_y = wy + qy
    return best, best_x, best_y


def push(walls: Sequence[Wall], x: float, y: float, clearance_cm: float) -> Point:
    """The point moved so that it keeps `clearance_cm` from the walls, as nearly as they allow."""
    for _ in range(4):
        best = clearance_cm * clearance_cm
        wall_x = wall_y = math.nan
        for wx, wy, ux, uy, length in walls:
            dx = x - wx
            dy = y - wy
            aside = dy * ux - dx * uy
            # most walls are far: out on the cheapest test
            if aside >= clearance_cm or aside <= -clearance_cm:
                continue
            along = dx * ux + dy * uy
            if along <= 0.0:
                along = 0.0
            elif along >= length:
                along = length
            dx -= ux * along
            dy -= uy * along
            distance = dx * dx + dy * dy
            if distance < best:
                best = distance
                wall_x = x - dx
                wall_y = y - dy
        if wall_x != wall_x or best == 0.0:
            break
        # a hair more than asked, so that rounding does not ask again
        factor = clearance_cm * 1.000001 / math.sqrt(best)
        x = wall_x + (x - wall_x) * factor
        y = wall_y + (y - wall_y) * factor
    return x, y


def reach(walls: Sequence[Wall], start: Point, x: float, y: float, clearance_cm: float) -> Point:
    """The point, brought back to `start`'s side of every wall between, `clearance_cm` from it."""
    from_x, from_y = start
    far = abs(x - from_x) + abs(y - from_y)
    for _ in range(2):  # brought back from one wall it may be beyond another
        crossed = False
        for wx, wy, ux, uy, length in walls:
            other = (y - wy) * ux - (x - wx) * uy
            if other > far or other < -far:
                continue
            side = (from_y - wy) * ux - (from_x - wx) * uy
            if side * other > 0.0 or side == other:
                continue
            share = side / (side - other)
            meet_x = from_x + (x - from_x) * share - wx
            meet_y = from_y + (y - from_y) * share - wy
            if 0.0 <= meet_x * ux + meet_y * uy <= length:
                back = (clearance_cm if side > 0.0 else -clearance_cm) - other
                x -= uy * back
                y += ux * back
                crossed = True
        if not crossed:
            break
    return push(walls, x, y, clearance_cm)


def segments_apart_cm(a: Point, b: Point, c: Point, d: Point) -> float:
    """The distance between the segments a-b and c-d, 0 where they cross."""

    def side(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    if side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0:
        return 0.0
    first, second = _wall(a, b), _wall(c, d)
    return math.sqrt(
        min(
            nearest((second,), *a)[0],
            nearest((second,), *b)[0],
            nearest((first,), *c)[0],
            nearest((first,), *d)[0],
        )
    )


def _wall(a: Point, b: Point) -> Wall:
    length = math.dist(a, b)
    if length == 0.0:
        return a[0], a[1], 1.0, 0.0, 0.0
    return a[0], a[1], (b[0] - a[0]) / length, (b[1] - a[1]) / length, length


def _edges(outline: Sequence[Point]) -> tuple[Wall, ...]:
    ends = (*outline[1:], outline[0])
    return tuple(_wall(a, b) for a, b in zip(outline, ends, strict=True) if a != b)


def _gate(
    doorway: Doorway,
    names: tuple[str, ...],
    outlines: tuple[tuple[Point, ...], ...],
    closed: tuple[tuple[Wall, ...], ...],
    scale: float,
) -> Gate:
    a, b = ((x / scale, y / scale) for x, y in doorway.line_px)
    between = (names.index(doorway.between[0]), names.index(doorway.between[1]))
    return _between(doorway.name, between, a, b, outlines, closed, doorway.drive)


def _between(
    name: str,
    between: tuple[int, int],
    a: Point,
    b: Point,
    outlines: tuple[tuple[Point, ...], ...],
    closed: tuple[tuple[Wall, ...], ...],
    drive: Drive,
) -> Gate:
    length = math.dist(a, b)
    along = ((b[0] - a[0]) / length, (b[1] - a[1]) / length)
    normal = (-along[1], along[0])
    centre = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
    from_xy, to_xy = middle(outlines[between[0]]), middle(outlines[between[1]])
    if (to_xy[0] - from_xy[0]) * normal[0] + (to_xy[1] - from_xy[1]) * normal[1] < 0:
        normal = (-normal[0], -normal[1])
    back = (-normal[0], -normal[1])
    depth = (_depth(closed[between[0]], centre, back), _depth(closed[between[1]], centre, normal))
    return Gate(name, between, centre, along, normal, length / 2, depth, drive)


def _depth(walls: Sequence[Wall], start: Point, direction: Point) -> float:
    """How far a ray goes before it meets the wall opposite."""
    best = math.inf
    for wx, wy, ux, uy, length in walls:
        cross = direction[0] * uy - direction[1] * ux
        if abs(cross) < 1e-9:
            continue
        dx, dy = wx - start[0], wy - start[1]
        ray = (dx * uy - dy * ux) / cross
        along = (dx * direction[1] - dy * direction[0]) / cross
        if ray > WALL_REACH_CM + 0.1 and -1e-9 <= along <= length + 1e-9:
            best = min(best, ray)
    return best if math.isfinite(best) else 10.0


def _touch(first: Sequence[Wall], second: Sequence[Wall]) -> tuple[Point, Point] | None:
    """The longest stretch along which two chambers share an edge, if any."""
    best: tuple[float, Point, Point] | None = None
    for x, y, ux, uy, length in first:
        for vx, vy, wx, wy, other in second:
            start = ((vx - x) * ux + (vy - y) * uy, (vy - y) * ux - (vx - x) * uy)
            ex, ey = vx + wx * other, vy + wy * other
            end = ((ex - x) * ux + (ey - y) * uy, (ey - y) * ux - (ex - x) * uy)
            if abs(start[1]) > TOUCH_CM or abs(end[1]) > TOUCH_CM:
                continue
            low, high = max(0.0, min(start[0], end[0])), min(length, max(start[0], end[0]))
            if high - low >= NARROWEST_TOUCH_CM and (best is None or high - low > best[0]):
                a, b = (x + ux * low, y + uy * low), (x + ux * high, y + uy * high)
                best = (high - low, a, b)
    return None if best is None else (best[1], best[2])


def _cut(walls: Sequence[Wall], gate: Gate) -> list[Wall]:
    """The walls without what stands in the gate, with its jambs where the wall is thick."""
    reach = WALL_REACH_CM if gate.name else TOUCH_CM
    left: list[Wall] = []
    jambs: list[Wall] = []
    for wall in walls:
        wx, wy, ux, uy, length = wall
        low, high = 0.0, length
        for value, slope, limit in (
            (gate.beside_cm(wx, wy), ux * gate.along[0] + uy * gate.along[1], gate.half_cm - 1e-6),
            (gate.across_cm(wx, wy), ux * gate.normal[0] + uy * gate.normal[1], reach),
        ):
            if abs(slope) < 1e-12:
                if abs(value) > limit:
                    low, high = 1.0, 0.0
                continue
            ends = sorted(((-limit - value) / slope, (limit - value) / slope))
            low, high = max(low, ends[0]), min(high, ends[1])
        if low >= high:
            left.append(wall)
            continue
        for start, end, at in ((0.0, low, low), (high, length, high)):
            if end - start > 1e-6:
                left.append((wx + ux * start, wy + uy * start, ux, uy, end - start))
                point = (wx + ux * at, wy + uy * at)
                across = gate.across_cm(*point)
                if gate.name and abs(across) > 0.05:
                    foot = (point[0] - gate.normal[0] * across, point[1] - gate.normal[1] * across)
                    jambs.append(_wall(point, foot))
    return left + jambs


def _core(outline: Sequence[Point], walls: Sequence[Wall]) -> Core:
    """The largest rectangle of the outline's own proportions about its middle that no wall cuts."""
    x, y = middle(outline)
    left, right = x - min(p[0] for p in outline), max(p[0] for p in outline) - x
    above, below = y - min(p[1] for p in outline), max(p[1] for p in outline) - y
    low, high = 0.0, 2.0  # the first try is the whole
    for _ in range(20):
        share = (low + high) / 2
        x0, x1 = x - left * share + 1e-9, x + right * share - 1e-9
        y0, y1 = y - above * share + 1e-9, y + below * share - 1e-9
        corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
        sides = zip(corners, (*corners[1:], corners[0]), strict=True)
        clear = all(inside(outline, *corner) for corner in corners) and all(
            segments_apart_cm(a, b, (wx, wy), (wx + ux * length, wy + uy * length)) > 0.0
            for a, b in sides
            for wx, wy, ux, uy, length in walls
        )
        if clear:
            low = share
        else:
            high = share
    return x - left * low, y - above * low, x + right * low, y + below * low


def _is_convex(outline: Sequence[Point]) -> bool:
    signs = set()
    count = len(outline)
    for i in range(count):
        (x0, y0), (x1, y1), (x2, y2) = (outline[(i + k) % count] for k in range(3))
        cross = (x1 - x0) * (y2 - y1) - (y1 - y0) * (x2 - x1)
        if abs(cross) > 1e-3:
            signs.add(cross > 0)
    return len(signs) < 2
