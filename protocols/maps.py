"""Where and when the animal was: track, heat map, occupancy over time. Pure."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rig.apparatus import Apparatus
from rig.measures import Measures
from rig.model import NS_PER_S
from rig.table import Bools, Floats, Ints, Table

BIN_S = 60.0
CELLS_CM = (0.5, 1.0, 2.0, 5.0, 10.0)
MOST_CELLS = 60
"""Along the longer side of a heat map: a cell smaller than a step of the animal says nothing."""
MARGIN_CM = 3.0
"""Around the chambers: an animal that rears on a wall is seen beyond its line."""


@dataclass(frozen=True)
class Track:
    """Positions in cm in the order of their times, scored and tracked ones only.

    `joined[i]`: a line may be drawn from position i to the next one; none over pauses, stretches
    without a position, and jumps. `chamber`: its number, -1 none.
    """

    x_cm: Floats
    y_cm: Floats
    chamber: NDArray[np.int16]
    joined: Bools

    def of_chamber(self, chamber: int) -> tuple[Floats, Floats, Bools]:
        """The part of the track that begins in a chamber: x, y, and what is joined to its next."""
        own = self.joined & (self.chamber == chamber)
        keep = own.copy()
        keep[1:] |= own[:-1]
        return self.x_cm[keep], self.y_cm[keep], own[keep]


@dataclass(frozen=True)
class HeatMap:
    """Seconds per square cm: `seconds_per_cm2[row, column]`, row 0 at `top_cm`.

    `outside_s`: time at positions beyond the map.
    """

    seconds_per_cm2: Floats
    left_cm: float
    top_cm: float
    cell_cm: float
    outside_s: float

    @property
    def total_s(self) -> float:
        """Time in the map."""
        return float(self.seconds_per_cm2.sum()) * self.cell_cm**2


@dataclass(frozen=True)
class Occupancy:
    """Time in each chamber, bin by bin, counted from the first scored row, pauses counted in.

    `edges_ns`: n + 1 bounds; the last bin may be shorter. `chamber_ns`: n x chambers, seen and
    inferred together. `lost_ns` and `scored_ns`: n; chambers and lost add up to scored.
    """

    edges_ns: Ints
    chamber_ns: Ints
    lost_ns: Ints
    scored_ns: Ints

    def shares(self) -> Floats:
        """A row a bin, a column a chamber: share of its scored time; NaN where none was scored."""
        return self._of_scored(self.chamber_ns)

    def lost_shares(self) -> Floats:
        """One a bin: share of its scored time that was lost; NaN where none was scored."""
        return self._of_scored(self.lost_ns[:, None])[:, 0]

    def _of_scored(self, part_ns: Ints) -> Floats:
        shares = np.full(part_ns.shape, np.nan)
        scored = self.scored_ns > 0
        shares[scored] = part_ns[scored] / self.scored_ns[scored, None]
        return shares


def track(table: Table, gap_ns: int) -> Track:
    """The track of a session; `gap_ns` is how long an unseen animal keeps its zone."""
    at = np.flatnonzero(table.scored & table.tracked)
    joined = np.zeros(len(at), dtype=np.bool_)
    runs = np.cumsum(~table.scored)[at]  # differs where rows between were not scored
    near = np.diff(table.t_ns[at]) <= gap_ns
    joined[:-1] = (np.diff(runs) == 0) & near & ~table.jump[at][1:]
    return Track(table.x_cm[at], table.y_cm[at], table.zone[at], joined)


def heat_map(table: Table, apparatus: Apparatus, gap_ns: int) -> HeatMap:
    """How long the animal was where: scored time that rows with a position held.

    A row that none follows for longer than the gap (the camera was silent) counts for none.
    """
    held = _held_ns(table)
    counts = table.scored & table.tracked & (held <= gap_ns)
    corners = np.array([point for outline in apparatus.chambers_cm for point in outline])
    low, high = corners.min(axis=0) - MARGIN_CM, corners.max(axis=0) + MARGIN_CM
    longest = float((high - low).max())
    cell = next((c for c in CELLS_CM if longest / c <= MOST_CELLS), longest / MOST_CELLS)
    columns, rows = (int(n) for n in np.ceil((high - low) / cell))
    column = np.floor((table.x_cm[counts] - low[0]) / cell)
    row = np.floor((table.y_cm[counts] - low[1]) / cell)
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    time_ns = held[counts]
    sums = np.zeros((rows, columns), dtype=np.int64)
    place = row[inside].astype(np.int64), column[inside].astype(np.int64)
    np.add.at(sums, place, time_ns[inside])
    outside_s = int(time_ns[~inside].sum()) / NS_PER_S
    density = sums / NS_PER_S / cell**2
    return HeatMap(density, float(low[0]), float(low[1]), cell, outside_s)


def occupancy(
    table: Table, measures: Measures, apparatus: Apparatus, bin_s: float = BIN_S
) -> Occupancy:
    """Time in each chamber, bin by bin, from the same visits as all other numbers."""
    first, last = measures.first_ns, measures.last_ns
    length = 0 if first is None or last is None else max(0, last - first)
    step = round(bin_s * NS_PER_S)
    edges = np.append(np.arange(0, length, step, dtype=np.int64), length)
    names = apparatus.chamber_names
    chamber_ns = np.zeros((len(edges) - 1, len(names)), dtype=np.int64)
    scored_ns = np.zeros(len(edges) - 1, dtype=np.int64)
    for visit in measures.visits:
        column = chamber_ns[:, names.index(visit.zone)]
        _spread(column, edges, visit.start_ns, visit.end_ns)
    for start, end in _runs(table):
        _spread(scored_ns, edges, start, end)
    lost_ns = (scored_ns - chamber_ns.sum(axis=1)).clip(0)
    return Occupancy(edges, chamber_ns, lost_ns, scored_ns)


def fitting_bin_s(scored_s: float) -> float:
    """A round bin that gives a session about 10 to 40 of them."""
    return next((b for b in (5.0, 10.0, 30.0, 60.0, 120.0, 300.0) if scored_s <= 40 * b), 600.0)


def _held_ns(table: Table) -> Ints:
    """How long each row holds: to the next one, where both are scored; else 0."""
    held = np.zeros(len(table), dtype=np.int64)
    both = table.scored[:-1] & table.scored[1:]
    held[:-1] = np.where(both, np.diff(table.t_ns).clip(0), 0)
    return held


def _runs(table: Table) -> list[tuple[int, int]]:
    """Beginning and end of each run of scored rows, in ns from the first scored row."""
    chosen = np.flatnonzero(table.scored)
    if not len(chosen):
        return []
    cuts = np.flatnonzero(np.diff(chosen) > 1) + 1
    times = table.t_ns - table.t_ns[chosen[0]]
    bounds = [0, *cuts.tolist(), len(chosen)]
    return [(int(times[chosen[a]]), int(times[chosen[b - 1]])) for a, b in pairwise(bounds)]


def _spread(bins: Ints, edges: Ints, start: int, end: int) -> None:
    """Add the time from `start` to `end` to the bins that it lies in."""
    if len(bins):
        bins += (np.minimum(edges[1:], end) - np.maximum(edges[:-1], start)).clip(0)
