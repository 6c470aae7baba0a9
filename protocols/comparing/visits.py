"""Two tables of visits: which stays both have, how long they are, the zone second by second."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from protocols.agreement import kappa
from protocols.comparing.comparison import Comparison, Measure, zone_rows
from rig.errors import ConfigError
from rig.session.sheet import Sheet

LONGEST_S = 7 * 86_400.0
"""Zones are compared second by second; a number beyond this would take all memory first."""
TOUCH_S = 1e-3
"""Visits that overlap by less than this follow each other."""


@dataclass(frozen=True)
class Visit:
    """A stay, in seconds from the first scored row."""

    zone: str
    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """How long it was."""
        return self.end_s - self.start_s

    def __str__(self) -> str:
        return f"{self.zone} {self.start_s:.2f} to {self.end_s:.2f} s"


def visits(sheet: Sheet, zones: tuple[str, ...] = ()) -> list[Visit]:
    """The visits of a table with zone, start_s, end_s, in order; only those of `zones` if given.

    Raises ConfigError for one that ends before it starts, or beyond a week, and for two that
    overlap: chambers do not, further zones may, so say which zones are to be compared.
    """
    starts, ends = sheet.numbers("start_s"), sheet.numbers("end_s")
    found: list[tuple[Visit, int]] = []
    for row, zone in enumerate(sheet.texts("zone")):
        if zones and zone not in zones:
            continue
        visit = Visit(zone, float(starts[row]), float(ends[row]))
        if not visit.end_s >= visit.start_s:
            raise sheet.error(row, f"column end_s: {sheet.texts('end_s')[row]!r}: before start_s")
        if visit.end_s > LONGEST_S:
            message = "beyond a week of recording; are these seconds?"
            raise sheet.error(row, f"column end_s: {sheet.texts('end_s')[row]!r}: {message}")
        found.append((visit, row))
    found.sort(key=lambda one: one[0].start_s)
    for (one, first), (other, row) in pairwise(found):
        if other.start_s < one.end_s - TOUCH_S:
            message = f"{other} overlaps line {sheet.lines[first]} ({one}); say --zone for each"
            raise sheet.error(row, f"{message} chamber to compare")
    return [visit for visit, _ in found]


def compare_visits(file_a: str, a: list[Visit], file_b: str, b: list[Visit]) -> Comparison:
    """Visits of one zone that overlap most are the same visit; the rest are in one table only."""
    if not a or not b:
        raise ConfigError(file_b if a else file_a, "", "holds no visit to compare")
    pairs = _paired(a, b)
    done = Comparison("visits", file_a, file_b, "visits", len(pairs))
    with_a, with_b = {i for i, _ in pairs}, {j for _, j in pairs}
    done.only_a = [str(visit) for i, visit in enumerate(a) if i not in with_a]
    done.only_b = [str(visit) for j, visit in enumerate(b) if j not in with_b]
    done.outliers = [f"only in A: {name}" for name in done.only_a]
    done.outliers += [f"only in B: {name}" for name in done.only_b]
    for name in ("start_s", "duration_s"):
        x = np.array([getattr(a[i], name) for i, _ in pairs], dtype=np.float64)
        y = np.array([getattr(b[j], name) for _, j in pairs], dtype=np.float64)
        done.measures.append(Measure(name, x, y, "s"))
    end_s = max(visit.end_s for visit in (*a, *b))
    seconds_a, seconds_b = _per_second(a, end_s), _per_second(b, end_s)
    done.seconds = len(seconds_a)
    done.seconds_same = sum(x == y for x, y in zip(seconds_a, seconds_b, strict=True))
    done.kappa = kappa(seconds_a, seconds_b)
    names = sorted({visit.zone for visit in (*a, *b)})
    parts = {name: (_held_s(a, name), _held_s(b, name)) for name in names}
    # the first stay is no entry, as in summary.csv
    entries = {name: (_entries(a, name), _entries(b, name)) for name in names}
    done.zones = zone_rows(seconds_a, seconds_b, parts, entries)
    return done


def _paired(a: list[Visit], b: list[Visit]) -> list[tuple[int, int]]:
    """Each visit at most once, the longest overlaps first; in order of time."""
    overlaps: list[tuple[float, int, int]] = []
    first = 0
    for i, one in enumerate(a):
        while first < len(b) and b[first].end_s < one.start_s:
            first += 1
        for j in range(first, len(b)):
            if b[j].start_s > one.end_s:
                break
            both_s = min(one.end_s, b[j].end_s) - max(one.start_s, b[j].start_s)
            if b[j].zone == one.zone and both_s > 0:
                overlaps.append((-both_s, i, j))
    taken_a: set[int] = set()
    taken_b: set[int] = set()
    pairs = []
    for _, i, j in sorted(overlaps):
        if i not in taken_a and j not in taken_b:
            taken_a.add(i)
            taken_b.add(j)
            pairs.append((i, j))
    return sorted(pairs)


def _per_second(visits: list[Visit], end_s: float) -> list[str]:
    """The zone that holds most of each second up to `end_s`; "" where none holds any of it."""
    held: list[dict[str, float]] = [defaultdict(float) for _ in range(max(1, int(np.ceil(end_s))))]
    for visit in visits:
        for second in range(max(0, int(visit.start_s)), int(np.ceil(visit.end_s))):
            part_s = min(visit.end_s, second + 1) - max(visit.start_s, second)
            held[second][visit.zone] += part_s
    return [max(of, key=of.__getitem__) if of else "" for of in held]


def _held_s(visits: list[Visit], zone: str) -> float:
    return float(sum(visit.duration_s for visit in visits if visit.zone == zone))


def _entries(visits: list[Visit], zone: str) -> int:
    return sum(visit.zone == zone for visit in visits[1:])
