"""A session's pictures placed again under another entry rule, exactly as `rig.zones` places them.

Most pictures change nothing: the animal is seen, and is where it was. Which those are is found for
all pictures at once; only the others go through `rig.zones.advance`.
"""

from bisect import bisect_left
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from protocols.ranges.seen import Seen
from rig.apparatus import Apparatus, EntryPoint
from rig.geometry import Outline
from rig.table import Bools, Floats, Table
from rig.zones import ESCAPE_CM, TINY_CM, Flag, Layout, ZoneState, advance, begin

Shift = tuple[float, float]


class Placing:
    """The pictures of one session in one apparatus; distances to its lines are kept.

    Args:
        seen: the pictures.
        apparatus: the session's own.
        rate_hz: the camera's nominal rate.
        table: the session's own rows, as many as pictures.
    """

    def __init__(self, seen: Seen, apparatus: Apparatus, rate_hz: float, table: Table) -> None:
        self.seen, self.rate_hz, self.table = seen, rate_hz, table
        # Further zones do not decide in which chamber an animal is.
        self.plain = apparatus.model_copy(update={"zone": ()})
        self._kept: dict[tuple[EntryPoint, Shift], Floats] = {}

    def placed(self, apparatus: Apparatus, shift_cm: Shift = (0.0, 0.0)) -> Table:
        """The rows under the entry rule of `apparatus`, all lines moved by `shift_cm`.

        Of the flags only those that measures ask for are set, and the positions are not rounded.
        """
        layout = Layout(self.plain.model_copy(update={"entry": apparatus.entry}), self.rate_hz)
        layout.chambers = _moved(self.plain, shift_cm)
        zone, flagged = self._zones(layout, shift_cm)
        n = len(zone)
        told = {k: flag.split("+") for k, flag in flagged.items() if flag}

        def flags(name: Flag) -> Bools:
            column = np.zeros(n, dtype=np.bool_)
            column[[k for k, words in told.items() if name in words]] = True
            return column

        believed, through_wall = flags(Flag.BELIEVED), flags(Flag.THROUGH_WALL)
        x_cm, y_cm = self._centroid
        return replace(
            self.table,
            x_cm=x_cm,
            y_cm=y_cm,
            zone=zone,
            tracked=self.seen.found & ~(through_wall & ~believed),
            believed=believed,
            jump=self.seen.jump & self.seen.found,
            escape=flags(Flag.ESCAPE),
            through_wall=through_wall,
        )

    def _zones(self, layout: Layout, shift_cm: Shift) -> tuple[NDArray[np.int16], dict[int, str]]:
        """The chamber of each picture, and the flags of those that were looked at one by one."""
        seen = self.seen
        times = seen.t_ns.tolist()
        n = len(times)
        zone = np.full(n, -1, dtype=np.int16)
        number = {name: k for k, name in enumerate(layout.chamber_names)}
        breaks = [np.flatnonzero(~still).tolist() for still in self._still(layout, shift_cm)]
        flagged: dict[int, str] = {}
        state = begin(layout)
        k = 0
        while k < n:
            if _rests(state):
                own = breaks[state.last]
                place = bisect_left(own, k)
                until = own[place] if place < len(own) else n
                if until > k:
                    zone[k:until] = state.last
                    state = replace(state, frame_ns=times[until - 1])
                    k = until
                    continue
            if k in seen.fresh:
                state = begin(layout)
            state, zoned = advance(layout, state, times[k], seen.detection(k), seen.doors_at(k))
            if zoned.zone:
                zone[k] = number[zoned.zone]
            flagged[k] = zoned.flag
            k += 1
        return zone, flagged

    def _still(self, layout: Layout, shift_cm: Shift) -> list[Bools]:
        """For each chamber: pictures that leave an animal there that rested there before."""
        seen = self.seen
        soon = np.zeros(len(seen.t_ns), dtype=np.bool_)
        soon[1:] = np.diff(seen.t_ns) <= layout.gap_ns
        soon &= seen.found
        soon[list(seen.fresh)] = False
        chambers = range(len(layout.chambers))
        depth = self._depth(
            EntryPoint.CENTROID if layout.point is EntryPoint.BODY else layout.point, shift_cm
        )
        near = depth.max(axis=0) >= -ESCAPE_CM
        if layout.point is EntryPoint.BODY:
            assert seen.inside is not None
            with np.errstate(invalid="ignore", divide="ignore"):
                share = np.round(seen.inside[:, : len(chambers)].T / seen.area_px, 3)
            most = share.max(axis=0)
            undecided = np.where(most >= 0.5, most < layout.body_fraction, near)
            return [soon & ((share[k] >= 0.5) | undecided) for k in chambers]
        still = []
        for k in chambers:
            others = [depth[j] for j in chambers if j != k]
            deepest = np.max(others, axis=0) if others else np.full(len(soon), -np.inf)
            # Shallow in another is not in it; and in none of them it stays the last one's.
            shallow = (deepest < max(layout.deep_cm, -TINY_CM)) & near
            still.append(soon & ((depth[k] >= -TINY_CM) | shallow))
        return still

    def _depth(self, point: EntryPoint, shift_cm: Shift) -> Floats:
        """How far inside each chamber the point is, cm: a row a chamber, negative outside."""
        kept = self._kept.get((point, shift_cm))
        if kept is None:
            x, y = self._centroid
            if point is EntryPoint.NOSE:
                there = np.isfinite(self.seen.nose_x_px)
                nose = self._to_cm(self.seen.nose_x_px, self.seen.nose_y_px)
                x, y = np.where(there, nose[0], x), np.where(there, nose[1], y)
            outlines = _moved(self.plain, shift_cm)
            kept = np.array([_inside(outline, x, y) for outline in outlines])
            self._kept[point, shift_cm] = kept
        return kept

    @cached_property
    def _centroid(self) -> tuple[Floats, Floats]:
        return self._to_cm(self.seen.x_px, self.seen.y_px)

    def _to_cm(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        a, b, c, d, e, f, g, h, i = self.plain.floor_cm
        w = g * x + h * y + i
        return (a * x + b * y + c) / w, (d * x + e * y + f) / w


def _rests(state: ZoneState) -> bool:
    """Whether nothing is pending: the animal was seen where it is, and waits for nothing."""
    return (
        state.last >= 0
        and state.frame_ns is not None
        and state.lost_ns is None
        and state.new < 0
        and state.outside_ns is None
        and not state.artefact
    )


def _moved(apparatus: Apparatus, shift_cm: Shift) -> tuple[Outline, ...]:
    dx, dy = shift_cm
    if (dx, dy) == (0.0, 0.0):
        return tuple(Outline.of(outline) for outline in apparatus.chambers_cm)
    return tuple(
        Outline.of([(x + dx, y + dy) for x, y in outline]) for outline in apparatus.chambers_cm
    )


def _inside(outline: Outline, x: Floats, y: Floats) -> Floats:
    """`rig.geometry.Outline.inside` of many points, by the same steps."""
    nearest = np.full(len(x), np.inf)
    within = np.zeros(len(x), dtype=np.bool_)
    with np.errstate(invalid="ignore", divide="ignore"):
        for x1, y1, dx, dy, y2, scale in outline.edges:
            px, py = x - x1, y - y1
            along = np.clip((px * dx + py * dy) * scale, 0.0, 1.0)
            ex, ey = px - along * dx, py - along * dy
            nearest = np.fmin(nearest, ex * ex + ey * ey)
            if dy:
                within ^= ((y1 > y) != (y2 > y)) & (px < dx * py / dy)
        away = np.sqrt(nearest)
    return np.where(np.isfinite(x), np.where(within, away, -away), -np.inf)
