"""Where the animal counts as being, frame by frame: entry rule, gaps, walls. Pure and causal.

The zone changes on the frame at which the entry rule is fulfilled, and is never changed
afterwards: the point is `hysteresis_cm` inside the new chamber, and from that frame on stays in
it for `min_dwell_s`. A stay that does not fulfil it belongs to the chamber before. With the
body as the point, `body_fraction` of the silhouette stands in for the hysteresis, and half of
it for staying in.

* A position in no chamber keeps the last one (rearing on a wall).
* Without a position the last zone is kept for `Layout.gap_ns`, then there is none. Found after
  longer than that, or for the first time, the animal is at once where it is, without hysteresis
  or dwell: in the chamber that holds the point, else the nearest within 5 cm, else nowhere.
* A chamber that no open doorway and no missing wall leads to cannot have been entered: such a
  position is flagged `through_wall` and counts as none. After 2 s it is believed: the zone
  changes at once, flagged `through_wall` and `believed`, and that is no entry. So is a
  chamber behind a wall in which the animal is found after it was lost for longer than the gap.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from rig.apparatus import Apparatus, Drive, EntryPoint
from rig.geometry import Outline
from rig.model import NS_PER_S, Detection, DoorState

ESCAPE_CM = 5.0
BELIEVE_NS = 2 * NS_PER_S
TINY_CM = 1e-6
"""Keeps points that are drawn on a line on it, whatever the division by the scale left over."""


class Flag(StrEnum):
    """What is to be known about a row; several are joined by "+". Reasons as in model.Reason."""

    NONE = "none"
    SMALL = "small"
    LARGE = "large"
    HAND = "hand"
    TWO = "two"
    GAP = "gap"  # the camera gave no picture for longer than the gap, or gives none now
    JUMP = "jump"  # farther from the last position than an animal runs
    NO_NOSE = "no_nose"  # the entry point is the nose, which was not found: the centroid was used
    ESCAPE = "escape"  # beyond 5 cm from all chambers for longer than max_gap_s
    THROUGH_WALL = "through_wall"  # where no open doorway leads: an artefact
    BELIEVED = "believed"  # ... that lasted: the zone changes without an entry


class Layout:
    """An apparatus made ready for `advance`: outlines in cm, passages, times in ns.

    Args:
        apparatus: the box.
        rate_hz: the camera's nominal rate; an untracked stretch shorter than three of its
            intervals is never long.
    """

    __slots__ = (
        "body_fraction",
        "chamber_names",
        "chambers",
        "deep_cm",
        "dwell_ns",
        "escape_ns",
        "floor_cm",
        "gap_ns",
        "passages",
        "point",
        "zone_names",
        "zones",
    )

    def __init__(self, apparatus: Apparatus, rate_hz: float) -> None:
        entry = apparatus.entry
        self.chamber_names = apparatus.chamber_names
        self.zone_names = apparatus.zone_names
        self.chambers = tuple(Outline.of(outline) for outline in apparatus.chambers_cm)
        self.zones = tuple(Outline.of(outline) for outline in apparatus.zones_cm)
        self.floor_cm = apparatus.floor_cm
        self.point = entry.point
        self.body_fraction = entry.body_fraction
        self.deep_cm = entry.hysteresis_cm - TINY_CM
        # Frames come only so often and their times jitter: a dwell that is short of the rule by
        # less than a quarter of an interval is not made to wait for another frame.
        self.dwell_ns = round(entry.min_dwell_s * NS_PER_S - NS_PER_S / rate_hz / 4)
        self.gap_ns = apparatus.gap_ns(rate_hz)
        self.escape_ns = round(entry.max_gap_s * NS_PER_S)
        number = {name: k for k, name in enumerate(apparatus.chamber_names)}
        touching = sorted(
            tuple(sorted(number[name] for name in pair)) for pair in apparatus.touching
        )
        self.passages: tuple[tuple[int, int, str], ...] = (
            *((a, b, "") for a, b in touching),
            *(
                (
                    number[d.between[0]],
                    number[d.between[1]],
                    "" if d.drive is Drive.NONE else d.name,
                )
                for d in apparatus.doorway
            ),
        )
        """Two chambers, and the door that may be closed between them ("": none)."""


@dataclass(frozen=True, slots=True)
class ZoneState:
    """What the next frame has to know of those before. Chambers by number, -1 for none."""

    last: int = -1  # the chamber it was in when it was last known to be in one
    frame_ns: int | None = None  # the last frame
    lost_ns: int | None = None  # where the running untracked stretch began
    artefact: bool = False  # that stretch holds positions behind a wall
    new: int = -1  # a chamber that waits for its dwell, or to be believed
    new_ns: int = 0  # since when
    new_seen_ns: int = 0  # when the point was last seen in it
    new_open: bool = False  # a way led there meanwhile
    outside_ns: int | None = None  # since when it is beyond 5 cm of all chambers
    in_zones: tuple[bool, ...] = ()
    turned_ns: tuple[int | None, ...] = ()  # since when it is on a zone's other side


@dataclass(frozen=True, slots=True)
class Zoned:
    """Where the animal counts as being on one frame.

    `zone`: the chamber, "" before the first position and when lost for longer than the gap.
    `entered`: the chamber that was entered on this frame, "" if none: neither the first position
    nor a believed one is an entry. `x_cm`, `y_cm`: the centroid to 0.01 cm, None without a
    position. `in_zones`: one bool a further zone. `shares`: one fraction (0.001) a chamber where
    the entry point is the body. `flag`: `Flag`s joined by "+".
    """

    zone: str
    flag: str = ""
    in_zones: tuple[bool, ...] = ()
    shares: tuple[float, ...] = ()
    entered: str = ""
    x_cm: float | None = None
    y_cm: float | None = None


def begin(layout: Layout) -> ZoneState:
    """The state before the first frame."""
    n = len(layout.zones)
    return ZoneState(in_zones=(False,) * n, turned_ns=(None,) * n)


def advance(
    layout: Layout,
    state: ZoneState,
    t_ns: int,
    detection: Detection | None,
    doors: Mapping[str, DoorState] | Mapping[str, str],
) -> tuple[ZoneState, Zoned]:
    """The state after this frame, and where the animal counts as being on it.

    `detection` None: the camera is silent. `doors`: states by name; a door that is missing or
    anything but closed lets an animal pass. Raises ValueError where the entry point is the body
    and the detection holds no shares.
    """
    if detection is None:
        since_ns = state.lost_ns if state.lost_ns is not None else t_ns
        state = replace(state, lost_ns=_start(layout, state, t_ns, since_ns))
        return state, _unseen(layout, state, t_ns, Flag.GAP)
    lost_ns = _start(layout, state, t_ns, state.lost_ns)
    silent = state.frame_ns is not None and t_ns - state.frame_ns > layout.gap_ns
    if not detection.found:
        if lost_ns is None:
            lost_ns = t_ns
        flag = f"{detection.reason}+{Flag.GAP}" if silent else str(detection.reason)
        state = replace(state, frame_ns=t_ns, lost_ns=lost_ns)
        return state, _unseen(layout, state, t_ns, flag)
    return _seen(layout, state, t_ns, detection, doors, lost_ns, silent)


def _start(layout: Layout, state: ZoneState, t_ns: int, lost_ns: int | None) -> int | None:
    # A silent camera makes a stretch from the last frame on, whether silence was told or not.
    frame_ns = state.frame_ns
    if frame_ns is None or t_ns - frame_ns <= layout.gap_ns:
        return lost_ns
    return frame_ns if lost_ns is None else min(lost_ns, frame_ns)


def _unseen(layout: Layout, state: ZoneState, t_ns: int, flag: str) -> Zoned:
    assert state.lost_ns is not None
    if state.last >= 0 and t_ns - state.lost_ns <= layout.gap_ns:
        return Zoned(layout.chamber_names[state.last], flag, state.in_zones)
    return Zoned("", flag, (False,) * len(layout.zones))


def _seen(
    layout: Layout,
    state: ZoneState,
    t_ns: int,
    seen: Detection,
    doors: Mapping[str, DoorState] | Mapping[str, str],
    lost_ns: int | None,
    silent: bool,
) -> tuple[ZoneState, Zoned]:
    assert seen.x_px is not None
    assert seen.y_px is not None
    x_cm, y_cm = x, y = _to_cm(layout.floor_cm, seen.x_px, seen.y_px)
    flags: list[str] = [Flag.GAP] if silent else []
    if seen.jump:
        flags.append(Flag.JUMP)
    artefact = state.artefact and lost_ns is not None
    is_long = lost_ns is not None and t_ns - lost_ns > layout.gap_ns
    afresh = state.last < 0 or (is_long and not artefact)
    before = -1 if afresh else state.last
    shares: tuple[float, ...] = ()
    if layout.point is EntryPoint.BODY:
        shares = _shares(layout, seen)
        held, deep = _held_by_share(layout, shares, before)
    else:
        if layout.point is EntryPoint.NOSE:
            if seen.nose_x_px is None or seen.nose_y_px is None:
                flags.append(Flag.NO_NOSE)
            else:
                x, y = _to_cm(layout.floor_cm, seen.nose_x_px, seen.nose_y_px)
        held, deep = _held_by_point(layout, x, y, before)

    last, entered = state.last, -1
    new, new_ns, new_seen_ns, new_open = state.new, state.new_ns, state.new_seen_ns, state.new_open
    nearest, outside_ns = held, None
    if held < 0:
        nearest, away_cm = _nearest(layout.chambers, x, y)
        if away_cm > ESCAPE_CM:
            nearest = -1
            outside_ns = state.outside_ns if state.outside_ns is not None else t_ns
            if t_ns - outside_ns > layout.escape_ns:
                flags.append(Flag.ESCAPE)
        elif nearest == new and not new_open:
            held = new  # behind a wall, and rearing on it there
    behind_wall = False
    if afresh:
        new = -1
        if nearest >= 0 and last >= 0 and nearest != last:
            if _leads(layout, last, nearest, doors):
                last = entered = nearest
            elif held >= 0:
                last = nearest
                flags += (Flag.THROUGH_WALL, Flag.BELIEVED)
        elif nearest >= 0:
            last = nearest
    elif held < 0 or held == last:
        new = -1
    else:
        if new != held or t_ns - new_seen_ns > layout.gap_ns:
            new, new_ns, new_open = (held, t_ns, False) if deep else (-1, 0, False)
        if new >= 0:
            new_seen_ns = t_ns
            new_open = new_open or _leads(layout, last, new, doors)
            waited_ns = t_ns - new_ns
            if new_open:
                if waited_ns >= layout.dwell_ns:
                    last = entered = new
                    new = -1
            elif waited_ns > BELIEVE_NS:
                last, new = new, -1
                flags += (Flag.THROUGH_WALL, Flag.BELIEVED)
            else:
                behind_wall = True
                flags.append(Flag.THROUGH_WALL)

    in_zones, turned_ns = state.in_zones, state.turned_ns
    if behind_wall:
        # Not where the animal is: as if there were no position.
        lost_ns = lost_ns if lost_ns is not None else t_ns
        gone = t_ns - lost_ns > layout.gap_ns
        told = (False,) * len(in_zones) if gone else in_zones
    else:
        if in_zones:
            in_zones, turned_ns = _in_zones(
                layout, in_zones, turned_ns, t_ns, (x, y), shares, seen, state.last < 0 or is_long
            )
        gone = nearest < 0 and afresh  # found, but nowhere: the stretch goes on
        told = in_zones
        if not gone:
            lost_ns = None
    after = ZoneState(
        last, t_ns, lost_ns, behind_wall or (artefact and lost_ns is not None),
        new, new_ns, new_seen_ns, new_open, outside_ns, in_zones, turned_ns,
    )  # fmt: skip
    zoned = Zoned(
        layout.chamber_names[last] if last >= 0 and not gone else "",
        "+".join(flags),
        told,
        shares,
        layout.chamber_names[entered] if entered >= 0 else "",
        round(x_cm, 2) + 0.0,  # as frames.csv has it; never -0.0
        round(y_cm, 2) + 0.0,
    )
    return after, zoned


def _to_cm(floor_cm: tuple[float, ...], x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f, g, h, i = floor_cm
    w = g * x + h * y + i
    return (a * x + b * y + c) / w, (d * x + e * y + f) / w


def _held_by_point(layout: Layout, x: float, y: float, last: int) -> tuple[int, bool]:
    # The chamber that holds the point (the last one, if two share it), and whether deep enough.
    if last >= 0 and layout.chambers[last].holds(x, y):
        return last, True  # as below, but quicker; nearly always so
    held, deepest = -1, -math.inf
    for k, outline in enumerate(layout.chambers):
        if (
            outline.left - TINY_CM <= x <= outline.right + TINY_CM
            and outline.top - TINY_CM <= y <= outline.bottom + TINY_CM
        ):
            inside = outline.inside(x, y)
            if inside >= -TINY_CM:
                if k == last:
                    return k, True
                if inside > deepest:
                    held, deepest = k, inside
    return held, deepest >= layout.deep_cm


def _shares(layout: Layout, seen: Detection) -> tuple[float, ...]:
    n = len(layout.chambers)
    if len(seen.inside) < n + len(layout.zones) or seen.area_px <= 0:
        raise ValueError("the entry point is the body, but the detection holds no shares of it")
    return tuple(round(pixels / seen.area_px, 3) for pixels in seen.inside[:n])


def _held_by_share(layout: Layout, shares: Sequence[float], last: int) -> tuple[int, bool]:
    # Half of the body in a chamber is what the point inside its outline is otherwise; without a
    # last chamber the largest part of it will do.
    most = max(range(len(shares)), key=shares.__getitem__)
    if last < 0:
        return (most, True) if shares[most] > 0 else (-1, False)
    if shares[last] >= 0.5:
        return last, True
    return (most if shares[most] >= 0.5 else -1), shares[most] >= layout.body_fraction


def _nearest(outlines: Sequence[Outline], x: float, y: float) -> tuple[int, float]:
    away, nearest = min((-outline.inside(x, y), k) for k, outline in enumerate(outlines))
    return nearest, away


def _leads(
    layout: Layout, start: int, end: int, doors: Mapping[str, DoorState] | Mapping[str, str]
) -> bool:
    # Whether there is a way from one chamber to another through what is not closed now.
    reached, grew = {start}, True
    while grew and end not in reached:
        grew = False
        for a, b, door in layout.passages:
            if (a in reached) is not (b in reached) and (
                not door or doors.get(door) != DoorState.CLOSED
            ):
                reached |= {a, b}
                grew = True
    return end in reached


def _in_zones(
    layout: Layout,
    in_zones: tuple[bool, ...],
    turned_ns: tuple[int | None, ...],
    t_ns: int,
    point: tuple[float, float],
    shares: tuple[float, ...],
    seen: Detection,
    afresh: bool,
) -> tuple[tuple[bool, ...], tuple[int | None, ...]]:
    # The same rule for each zone by itself: so deep on its other side, and there for the dwell.
    x, y = point
    deep_cm = layout.deep_cm
    now: list[bool] = []
    turned: list[int | None] = []
    for k, outline in enumerate(layout.zones):
        was, since = in_zones[k], turned_ns[k]
        if shares:
            # Moved so that 0 is half the body, and the rule's share is the depth.
            depth = seen.inside[len(shares) + k] / seen.area_px - 0.5
            deep = layout.body_fraction - 0.5
        else:
            deep = deep_cm
            if (
                outline.left - deep <= x <= outline.right + deep
                and outline.top - deep <= y <= outline.bottom + deep
            ):
                depth = outline.inside(x, y)
            else:
                depth = -math.inf
        if afresh:
            was, since = depth >= -TINY_CM, None
        else:
            across = -depth if was else depth  # on the line is in
            if across < (TINY_CM if was else -TINY_CM) or (since is None and across < deep):
                since = None
            else:
                since = t_ns if since is None else since
                if t_ns - since >= layout.dwell_ns:
                    was, since = not was, None
        now.append(was)
        turned.append(since)
    return tuple(now), tuple(turned)
