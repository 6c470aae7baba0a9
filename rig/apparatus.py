"""Chambers, doorways, zones and scale of one box: parsed from TOML, checked, frozen. Pure.

Outlines are in pixels of the recorded picture (the box's crop). Centimetres go x right and y
down; their origin is the apparatus's top-left corner: the smallest x and the smallest y (in cm)
of all the chambers' outlines, whether the scale is one number or a floor.
"""

import math
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from itertools import chain, combinations
from typing import Annotated, Literal

from pydantic import Field

from rig import geometry
from rig.config import Strict, check, parse_toml
from rig.errors import ConfigError
from rig.model import LONGEST_S, NS_PER_S, WIDEST_PX

Finite = Annotated[float, Field(allow_inf_nan=False)]
PointPx = tuple[Finite, Finite]
PointCm = tuple[float, float]
OutlinePx = Annotated[tuple[PointPx, ...], Field(min_length=3)]
OutlineCm = tuple[PointCm, ...]

LARGEST_CM = 10_000.0
"""No box is a hundred metres long, and nothing can be reckoned with far larger ones."""
REACH_CM = 1.0
"""A doorway's line lies this near to both its chambers."""
TOUCH_CM = 0.2
"""Chambers nearer than this have no wall between them: thinner than walls are, wider than a
slip of the hand that drew them."""
HALF_WIDTH_CM = 1.6
"""Half the width of a mouse (science.md 6.1)."""
MAX_MISFIT_CM = 1.0
"""A floor point farther than this from where the others put it is a slip of the pen."""
ROLES = ("paired", "unpaired", "neutral")


class Animal(StrEnum):
    """How the animal stands out from the floor."""

    DARKER = "darker"
    LIGHTER = "lighter"
    EITHER = "either"


class EntryPoint(StrEnum):
    """Which part of the animal counts as "in"."""

    CENTROID = "centroid"
    NOSE = "nose"
    BODY = "body"


class Drive(StrEnum):
    """What moves a door."""

    BOARD = "board"
    MANUAL = "manual"
    NONE = "none"


class TrackingSettings(Strict):
    """How the animal is found. None: chosen from the video itself."""

    animal: Animal | None = None
    threshold: int | None = Field(None, ge=1, le=254)  # grey levels from the background
    min_area_cm2: Finite = Field(4.0, gt=0)
    max_area_cm2: Finite = Field(80.0, gt=0)
    ignore_px: tuple[OutlinePx, ...] = ()


class Chamber(Strict):
    """A place the animal can be. `role = "neutral"` marks the one that is never paired."""

    name: str
    role: Literal["", "neutral"] = ""
    outline_px: OutlinePx
    tracking: TrackingSettings | None = None


class Doorway(Strict):
    """An opening in the wall between two chambers, with a door or without (`drive = "none"`)."""

    name: str
    between: tuple[str, str]
    line_px: tuple[PointPx, PointPx]
    sweep_px: OutlinePx | None = None
    drive: Drive = Drive.NONE


class Zone(Strict):
    """A further region; may overlap chambers and other zones."""

    name: str
    outline_px: OutlinePx


class Entry(Strict):
    """When the animal is "in": which point, how far past the line, for how long."""

    point: EntryPoint = EntryPoint.CENTROID
    body_fraction: float = Field(0.8, gt=0.5, le=1.0)
    hysteresis_cm: Finite = Field(1.0, ge=0, le=LARGEST_CM)
    min_dwell_s: Finite = Field(0.2, ge=0, le=LONGEST_S)
    max_gap_s: Finite = Field(0.5, ge=0, le=LONGEST_S)


class Interlock(Strict):
    """Distances a door needs from the animal before it may close."""

    silhouette_cm: Finite = Field(2.0, ge=0)
    centroid_cm: Finite = Field(6.0, ge=0)


class Floor(Strict):
    """Four or more points of the floor, in px and in cm, where the camera looks obliquely."""

    points_px: tuple[PointPx, ...] = Field(min_length=4)
    points_cm: tuple[PointPx, ...] = Field(min_length=4)


class Apparatus(Strict):
    """One box as the camera sees it."""

    name: str
    frame_size_px: tuple[int, int]
    px_per_cm: Finite | None = Field(None, gt=0)
    floor: Floor | None = None
    reference: str | None = None
    chamber: tuple[Chamber, ...] = Field(min_length=1)
    doorway: tuple[Doorway, ...] = ()
    zone: tuple[Zone, ...] = ()
    entry: Entry = Entry()
    tracking: TrackingSettings = TrackingSettings()
    interlock: Interlock = Interlock()

    @cached_property
    def chamber_names(self) -> tuple[str, ...]:
        """The chambers' names, in the file's order."""
        return tuple(chamber.name for chamber in self.chamber)

    @cached_property
    def zone_names(self) -> tuple[str, ...]:
        """The further zones' names, in the file's order."""
        return tuple(zone.name for zone in self.zone)

    @cached_property
    def doorway_names(self) -> tuple[str, ...]:
        """The doorways' names, in the file's order."""
        return tuple(doorway.name for doorway in self.doorway)

    @cached_property
    def floor_cm(self) -> geometry.Map:
        """The map from pixels to cm, as nine numbers; `to_cm` applies it.

        Raises ValueError without a scale or with floor points that give none (never after `parse`).
        """
        if self.px_per_cm is not None:
            plane: geometry.Map = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, self.px_per_cm)
        elif self.floor is not None:
            plane = geometry.fit(self.floor.points_px, self.floor.points_cm)
        else:
            raise ValueError(f"apparatus {self.name!r} has neither px_per_cm nor [floor]")
        corners = [geometry.apply(plane, x, y) for c in self.chamber for x, y in c.outline_px]
        x0, y0 = min(x for x, _ in corners), min(y for _, y in corners)
        a, b, c, d, e, f, g, h, i = plane
        return a - x0 * g, b - x0 * h, c - x0 * i, d - y0 * g, e - y0 * h, f - y0 * i, g, h, i

    def to_cm(self, x_px: float, y_px: float) -> PointCm:
        """Where on the floor a point of the picture lies, in cm; not rounded."""
        return geometry.apply(self.floor_cm, x_px, y_px)

    @cached_property
    def px_per_cm_mean(self) -> float:
        """Pixels a cm; with a floor the root of the chambers' area in px2 over that in cm2."""
        if self.px_per_cm is not None:
            return self.px_per_cm
        px2 = sum(abs(geometry.area(chamber.outline_px)) for chamber in self.chamber)
        return math.sqrt(px2 / sum(abs(geometry.area(outline)) for outline in self.chambers_cm))

    def area_px(self, area_cm2: float) -> float:
        """How many pixels cover `area_cm2`, at the mean scale."""
        return area_cm2 * self.px_per_cm_mean**2

    def gap_ns(self, rate_hz: float) -> int:
        """How long an unseen animal keeps its zone: max_gap_s, at least three frame intervals."""
        return round(max(self.entry.max_gap_s, 3 / rate_hz) * NS_PER_S)

    @cached_property
    def chambers_cm(self) -> tuple[OutlineCm, ...]:
        """Each chamber's outline in cm."""
        return tuple(self._on_floor(chamber.outline_px) for chamber in self.chamber)

    @cached_property
    def zones_cm(self) -> tuple[OutlineCm, ...]:
        """Each further zone's outline in cm."""
        return tuple(self._on_floor(zone.outline_px) for zone in self.zone)

    @cached_property
    def lines_cm(self) -> tuple[OutlineCm, ...]:
        """The two ends of each doorway's line in cm."""
        return tuple(self._on_floor(doorway.line_px) for doorway in self.doorway)

    def _on_floor(self, points_px: Sequence[PointPx]) -> OutlineCm:
        return tuple(self.to_cm(x, y) for x, y in points_px)

    @cached_property
    def touching(self) -> frozenset[frozenset[str]]:
        """Pairs of chambers that share an edge without a doorway: no wall is between them.

        An edge is shared where the outlines run within 2 mm (at least 1 px) for 1 cm or more.
        """
        from shapely import LineString, Polygon  # 0.2 s that `placepref --help` does not need

        apart = {frozenset(doorway.between) for doorway in self.doorway}
        near_cm = max(TOUCH_CM, 1 / self.px_per_cm_mean)
        pairs = set()
        for (i, one), (j, other) in combinations(enumerate(self.chambers_cm), 2):
            pair = frozenset((self.chamber[i].name, self.chamber[j].name))
            edge = LineString([*one, one[0]]).intersection(Polygon(other).buffer(near_cm))
            # Corner to corner, at most some 3 * near_cm of an outline are that near.
            if pair not in apart and edge.length >= max(1.0, 4 * near_cm):
                pairs.add(pair)
        return frozenset(pairs)

    @cached_property
    def walled(self) -> frozenset[str]:
        """Chambers that walls separate from all others: they touch none."""
        return frozenset(self.chamber_names).difference(*self.touching)

    @cached_property
    def short_chambers(self) -> tuple[str, ...]:
        """Chambers too short for the interlock: a door there closes only on an empty box.

        Nowhere in them, half a mouse's width from the walls, is its centroid `centroid_cm` and
        its flank `silhouette_cm` away from the lines of all their doors.
        """
        from shapely import LineString, Polygon

        away_cm = max(self.interlock.centroid_cm, self.interlock.silhouette_cm + HALF_WIDTH_CM)
        short = []
        for name, outline in zip(self.chamber_names, self.chambers_cm, strict=True):
            doors = [
                line
                for doorway, line in zip(self.doorway, self.lines_cm, strict=True)
                if name in doorway.between and doorway.drive is not Drive.NONE
            ]
            free = Polygon(outline).buffer(-HALF_WIDTH_CM)
            for line in doors:
                free = free.difference(LineString(line).buffer(away_cm))
            if doors and free.is_empty:
                short.append(name)
        return tuple(short)


def parse(text: str, file: str) -> Apparatus:
    """The apparatus described by the TOML `text`; `file` is only named in errors.

    Raises ConfigError for anything that cannot be used.
    """
    return from_table(parse_toml(text, file), file)


def from_table(table: object, file: str) -> Apparatus:
    """The apparatus in a table that was read already. Raises ConfigError as `parse` does."""
    apparatus = check(table, Apparatus, file)
    for key, message in _faults(apparatus):
        raise ConfigError(file, key, message)
    return apparatus


def is_word(name: str) -> bool:
    """Whether `name` is safe in a file's or a column's name: ASCII letters, digits, - and _."""
    return re.fullmatch(r"[A-Za-z0-9_-]+", name) is not None


Faults = Iterator[tuple[str, str]]
"""Keys, and what is wrong with their values."""


def _faults(a: Apparatus) -> Faults:
    # Only the first is told: each check may rely on what those before it let through.
    yield from _name_faults(a)
    yield from _picture_faults(a)
    yield from _outline_faults(a)
    yield from _scale_faults(a)
    yield from _doorway_faults(a)
    yield from _setting_faults(a)


def _name_faults(a: Apparatus) -> Faults:
    places = [(f"chamber[{k}].name", chamber.name) for k, chamber in enumerate(a.chamber)]
    places += [(f"zone[{k}].name", zone.name) for k, zone in enumerate(a.zone)]
    doorways = [(f"doorway[{k}].name", doorway.name) for k, doorway in enumerate(a.doorway)]
    for named in (places, doorways):
        taken: dict[str, str] = {}
        for key, name in named:
            if not is_word(name):
                yield key, f"{name!r}: only letters, digits, - and _ can stand in a column's name"
            if name.lower() in taken:
                yield key, f"{name!r}: {taken[name.lower()]} is called that already"
            taken[name.lower()] = key
    neutral = [chamber.name for chamber in a.chamber if chamber.role == "neutral"]
    for key, name in places:
        # summary.csv has time_lost_s, time_inferred_NAME_s, time_paired_s ... beside time_NAME_s.
        if name == "lost" or name.startswith(("inferred_", "lost_after_")):
            yield key, f"{name!r}: would be mistaken for lost or inferred time in summary.csv"
        if name in ROLES and neutral != [name]:
            yield key, f"{name!r}: is a role, not a place; what is paired is said with the session"


def _outlines(a: Apparatus) -> Iterator[tuple[str, OutlinePx]]:
    for k, chamber in enumerate(a.chamber):
        yield f"chamber[{k}].outline_px", chamber.outline_px
        for j, ignored in enumerate(chamber.tracking.ignore_px if chamber.tracking else ()):
            yield f"chamber[{k}].tracking.ignore_px[{j}]", ignored
    for k, zone in enumerate(a.zone):
        yield f"zone[{k}].outline_px", zone.outline_px
    for k, doorway in enumerate(a.doorway):
        if doorway.sweep_px is not None:
            yield f"doorway[{k}].sweep_px", doorway.sweep_px
    for j, ignored in enumerate(a.tracking.ignore_px):
        yield f"tracking.ignore_px[{j}]", ignored


def _picture_faults(a: Apparatus) -> Faults:
    width, height = a.frame_size_px
    if not (1 <= width <= WIDEST_PX and 1 <= height <= WIDEST_PX):
        yield "frame_size_px", f"{[width, height]}: width and height are 1 to {WIDEST_PX}"
    lines = ((f"doorway[{k}].line_px", doorway.line_px) for k, doorway in enumerate(a.doorway))
    floor = (("floor.points_px", a.floor.points_px),) if a.floor else ()
    for key, points in chain(_outlines(a), lines, floor):
        for x, y in points:
            if not (0 <= x <= width and 0 <= y <= height):
                yield key, f"[{x:g}, {y:g}] lies outside the picture of {width} x {height} px"


def _outline_faults(a: Apparatus) -> Faults:
    from shapely import Polygon
    from shapely.validation import explain_validity

    for key, outline in _outlines(a):
        polygon = Polygon(outline)
        if not polygon.is_valid:
            _, _, where = explain_validity(polygon).rstrip("]").partition("[")
            spot = ", ".join(f"{float(v):g}" for v in where.split())
            yield key, f"the outline crosses or touches itself at [{spot}]"
        if polygon.area < 1:
            yield key, f"the outline holds {polygon.area:g} px, less than one pixel"
    for (i, one), (j, other) in combinations(enumerate(a.chamber), 2):
        both = Polygon(one.outline_px).intersection(Polygon(other.outline_px))
        if both.area > 1:
            message = f"{other.name!r} overlaps {one.name!r} (chamber[{i}]) by {both.area:.4g} px"
            yield f"chamber[{j}].outline_px", message


def _scale_faults(a: Apparatus) -> Faults:
    if a.px_per_cm is None and a.floor is None:
        yield "px_per_cm", "missing: give px_per_cm, or [floor] with points_px and points_cm"
    elif a.px_per_cm is not None and max(a.frame_size_px) / a.px_per_cm > LARGEST_CM:
        yield "px_per_cm", f"{a.px_per_cm:g}: by this the picture is larger than any box"
    if a.floor is None:
        return
    if a.px_per_cm is not None:
        yield "px_per_cm", f"{a.px_per_cm:g}: give px_per_cm or [floor], not both"
    points_px, points_cm = a.floor.points_px, a.floor.points_cm
    if len(points_px) != len(points_cm):
        yield "floor.points_cm", f"{len(points_cm)} points for {len(points_px)} points_px"
    try:
        plane = geometry.fit(points_px, points_cm)
    except ValueError as error:
        yield "floor", str(error)
        return
    seen = [point for chamber in a.chamber for point in chamber.outline_px]
    for x, y in chain(points_px, seen):
        if geometry.depth(plane, x, y) <= 0:
            yield "floor", f"by these points [{x:g}, {y:g}] px would lie beyond the horizon"
    for k, (px, cm) in enumerate(zip(points_px, points_cm, strict=True)):
        off_cm = math.dist(geometry.apply(plane, *px), cm)
        if off_cm > MAX_MISFIT_CM:
            message = f"{list(cm)}: the points together put it {off_cm:.1f} cm from there"
            yield f"floor.points_cm[{k}]", message
    outline = a.chamber[0].outline_px
    if geometry.area(outline) * geometry.area([geometry.apply(plane, *p) for p in outline]) < 0:
        yield "floor.points_cm", "they are mirrored: in cm, too, x goes right and y down"


def _doorway_faults(a: Apparatus) -> Faults:
    from shapely import LineString, Polygon

    for k, doorway in enumerate(a.doorway):
        for name in doorway.between:
            if name not in a.chamber_names:
                have = ", ".join(a.chamber_names)
                yield f"doorway[{k}].between", f"{name!r}: there is no such chamber ({have})"
        if doorway.between[0] == doorway.between[1]:
            yield f"doorway[{k}].between", f"{list(doorway.between)}: needs two different chambers"
        line = LineString(a.lines_cm[k])
        if line.length == 0:
            yield f"doorway[{k}].line_px", f"{[list(p) for p in doorway.line_px]}: has no length"
        for name in doorway.between:
            chamber = Polygon(a.chambers_cm[a.chamber_names.index(name)])
            along = (line.interpolate(step / 32, normalized=True) for step in range(33))
            far_cm = max(chamber.distance(point) for point in along)
            if far_cm > REACH_CM + 1e-6:
                message = f"{[list(p) for p in doorway.line_px]}: {far_cm:.1f} cm from {name!r}"
                yield f"doorway[{k}].line_px", f"{message}, at most {REACH_CM:g} cm is a doorway"


def _setting_faults(a: Apparatus) -> Faults:
    from shapely import Polygon

    settings = [("tracking", a.tracking)]
    settings += [
        (f"chamber[{k}].tracking", c.tracking) for k, c in enumerate(a.chamber) if c.tracking
    ]
    for key, tracking in settings:
        low, high = tracking.min_area_cm2, tracking.max_area_cm2
        if low >= high:
            yield f"{key}.min_area_cm2", f"{low:g}: is not below max_area_cm2, {high:g}"
    if a.entry.point is EntryPoint.BODY:
        return
    deep_cm = a.entry.hysteresis_cm
    for name, outline in zip(
        a.chamber_names + a.zone_names, a.chambers_cm + a.zones_cm, strict=True
    ):
        if deep_cm > 0 and Polygon(outline).buffer(-deep_cm).is_empty:
            message = f"{deep_cm:g}: no point of {name!r} is that far inside, it cannot be entered"
            yield "entry.hysteresis_cm", message
