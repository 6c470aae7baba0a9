"""Two tables of positions, frame by frame: ours or another program's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from protocols.agreement import Floats, kappa
from protocols.comparing.comparison import (
    MOST_OUTLIERS,
    Comparison,
    Distance,
    Measure,
    zone_rows,
)
from rig.apparatus import Apparatus, EntryPoint
from rig.errors import ConfigError
from rig.model import NS_PER_S, Detection, Reason
from rig.session.sheet import Sheet
from rig.zones import Layout, advance, begin

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Track:
    """Positions of one file, a value a row: frame numbers, times, or both; zones where it has any.

    `scored` is all true where the file does not say.
    """

    file: str
    frame: Ints | None
    t_s: Floats | None
    x_px: Floats
    y_px: Floats
    zone: Sequence[str] | None
    scored: NDArray[np.bool_]

    def rows(self, places: Ints) -> "Track":
        """Some of its rows."""
        return replace(
            self,
            frame=None if self.frame is None else self.frame[places],
            t_s=None if self.t_s is None else self.t_s[places],
            x_px=self.x_px[places],
            y_px=self.y_px[places],
            zone=None if self.zone is None else [self.zone[k] for k in places.tolist()],
            scored=self.scored[places],
        )


def track(sheet: Sheet) -> Track:
    """The positions in a table with x_px, y_px and frame or t_s. Raises ConfigError."""
    frame = sheet.wholes("frame") if "frame" in sheet else None
    t_s = sheet.numbers("t_s") if "t_s" in sheet else None
    for name, values in (("frame", frame), ("t_s", t_s)):
        if values is not None:
            backwards = np.flatnonzero(~(np.diff(values) > 0))
            if len(backwards):
                row = int(backwards[0]) + 1
                message = f"{sheet.texts(name)[row]!r}: not after the row before it"
                raise sheet.error(row, f"column {name}: {message}")
    zone = sheet.texts("zone") if "zone" in sheet else None
    if "scored" in sheet:
        scored = np.array([text == "1" for text in sheet.texts("scored")], dtype=np.bool_)
    else:
        scored = np.ones(len(sheet), dtype=np.bool_)
    x, y = sheet.numbers("x_px"), sheet.numbers("y_px")
    return Track(sheet.file, frame, t_s, x, y, zone, scored)


def compare_frames(
    a: Track, b: Track, apparatus: Apparatus | None = None, rate_hz: float | None = None
) -> Comparison:
    """Positions, zone per second, time and entries per zone, over the rows that both score.

    Zones that a file does not hold are told from its positions by the apparatus's entry rule.
    `apparatus` also gives the scale. Raises ConfigError where nothing joins the two.
    """
    at_a, at_b = _joined(a, b)
    done = Comparison("frames", a.file, b.file, "frames", len(at_a))
    done.only_a = _left_out(a, at_a)
    done.only_b = _left_out(b, at_b)
    a, b = a.rows(at_a), b.rows(at_b)
    t_s = a.t_s if a.t_s is not None else b.t_s
    if t_s is None and rate_hz is not None and a.frame is not None:
        t_s = a.frame / rate_hz
    if t_s is None:
        done.notes.append("neither file has times: say --rate-hz for kappa and time per zone")
    else:
        a, b = _zoned(a, t_s, apparatus, done), _zoned(b, t_s, apparatus, done)
    kept = np.flatnonzero(a.scored & b.scored)
    if not len(kept):
        raise ConfigError(b.file, "", f"no frame is scored both here and in {a.file}")
    if len(kept) < len(at_a):
        done.notes.append(f"{len(at_a) - len(kept)} frames are not scored and were left out")
    a, b, t_s = a.rows(kept), b.rows(kept), None if t_s is None else t_s[kept]
    _positions(a, b, t_s, apparatus, done)
    if t_s is not None and a.zone is not None and b.zone is not None:
        _zones(a.zone, b.zone, t_s, apparatus, done)
    return done


def _joined(a: Track, b: Track) -> tuple[Ints, Ints]:
    """Places of the rows that belong together, in both."""
    if a.frame is not None and b.frame is not None:
        _, at_a, at_b = np.intersect1d(a.frame, b.frame, assume_unique=True, return_indices=True)
        by = "frame number"
    elif a.t_s is not None and b.t_s is not None:
        at_a, at_b = _nearest(a.t_s, b.t_s)
        by = "time"
    else:
        message = f"cannot be joined with {a.file}: both need a column frame, or both t_s"
        raise ConfigError(b.file, "", message)
    if not len(at_a):
        raise ConfigError(b.file, "", f"no row has the {by} of one in {a.file}")
    return at_a, at_b


def _nearest(a_s: Floats, b_s: Floats) -> tuple[Ints, Ints]:
    """Each row of the sparser table with the nearest of the other, at most half its step away."""
    if len(a_s) > len(b_s):
        at_b, at_a = _nearest(b_s, a_s)
        return at_a, at_b
    right = np.searchsorted(b_s, a_s).clip(0, len(b_s) - 1)
    left = (right - 1).clip(0)
    near = np.where(np.abs(b_s[left] - a_s) <= np.abs(b_s[right] - a_s), left, right)
    steps = np.concatenate((np.diff(a_s), np.diff(b_s)))
    step = float(np.median(steps)) if len(steps) else 0.0
    good = np.flatnonzero(np.abs(b_s[near] - a_s) <= step / 2 + 1e-9)
    places, first = np.unique(near[good], return_index=True)
    return good[first], places


def _left_out(track: Track, joined: Ints) -> list[str]:
    missing = np.setdiff1d(np.arange(len(track.x_px)), joined)
    names = track.frame if track.frame is not None else track.t_s
    assert names is not None
    return [f"{names[k]:g}" for k in missing.tolist()]


def _zoned(track: Track, t_s: Floats, apparatus: Apparatus | None, done: Comparison) -> Track:
    if track.zone is not None or apparatus is None:
        if track.zone is None:
            done.notes.append(f"{track.file} has no zones: say --apparatus for kappa and times")
        return track
    if apparatus.entry.point is EntryPoint.BODY:
        done.notes.append(f"{track.file} has no zones, and the entry rule asks for silhouettes")
        return track
    rate_hz = 1 / float(np.median(np.diff(t_s))) if len(t_s) > 1 else 1.0
    layout = Layout(apparatus, rate_hz)
    state, zones = begin(layout), []
    rows = zip((t_s * NS_PER_S).round().tolist(), track.x_px, track.y_px, strict=True)
    for t_ns, x, y in rows:
        lost = math.isnan(x) or math.isnan(y)
        seen = Detection(Reason.NONE) if lost else Detection(Reason.FOUND, float(x), float(y))
        state, zoned = advance(layout, state, int(t_ns), seen, {})
        zones.append(zoned.zone)
    done.notes.append(f"zones of {track.file}: from its positions, by the apparatus's entry rule")
    return replace(track, zone=zones)


def _positions(
    a: Track, b: Track, t_s: Floats | None, apparatus: Apparatus | None, done: Comparison
) -> None:
    off_px = np.hypot(b.x_px - a.x_px, b.y_px - a.y_px)
    both = ~np.isnan(off_px)
    for name, track, other in (("A", a, b), ("B", b, a)):
        only = np.isnan(other.x_px) & ~np.isnan(track.x_px)
        if only.any():
            done.notes.append(f"{int(only.sum())} frames have a position in {name} only")
    if not both.any():
        done.notes.append("no frame has a position in both")
        return
    done.measures += [
        Measure("x_px", a.x_px[both], b.x_px[both], "px"),
        Measure("y_px", a.y_px[both], b.y_px[both], "px"),
    ]
    done.distances.append(_distance(off_px[both], "px"))
    if apparatus is not None:
        pairs = zip(a.x_px[both], a.y_px[both], b.x_px[both], b.y_px[both], strict=True)
        off_cm = [
            math.dist(apparatus.to_cm(ax, ay), apparatus.to_cm(bx, by)) for ax, ay, bx, by in pairs
        ]
        done.distances.append(_distance(np.array(off_cm), "cm"))
    # beyond the 99th percentile and plainly more than usual: stretches, the worst first
    limit_px = max(done.distances[0].p99, 3 * done.distances[0].median)
    far = np.flatnonzero(both & (off_px > limit_px))
    names = a.frame if a.frame is not None else t_s
    what = "frame" if a.frame is not None else "at"
    assert names is not None
    stretches = np.split(far, np.flatnonzero(np.diff(far) > 1) + 1) if len(far) else []
    for places in sorted(stretches, key=lambda places: -float(off_px[places].max())):
        first, last = f"{names[places[0]]:g}", f"{names[places[-1]]:g}"
        where = f"{what} {first}" if first == last else f"{what}s {first} to {last}"
        done.outliers.append(f"{where}: {off_px[places].max():.1f} px apart")


def _distance(off: Floats, unit: str) -> Distance:
    median, p95, p99 = (float(v) for v in np.percentile(off, (50, 95, 99)))
    return Distance(unit, median, p95, p99, float(off.max()))


def _zones(
    zone_a: Sequence[str],
    zone_b: Sequence[str],
    t_s: Floats,
    apparatus: Apparatus | None,
    done: Comparison,
) -> None:
    dt_s = np.append(np.diff(t_s), 0.0)
    second = np.floor(t_s - t_s[0] + 1e-9).astype(np.int64)
    a, b = per_second(zone_a, second, dt_s), per_second(zone_b, second, dt_s)
    done.seconds, done.seconds_same = len(a), sum(x == y for x, y in zip(a, b, strict=True))
    done.kappa = kappa(a, b)
    known = apparatus.chamber_names if apparatus is not None else ()
    names = [*known, *sorted({*zone_a, *zone_b} - {"", *known})]
    parts = {n: (_held_s(zone_a, dt_s, n), _held_s(zone_b, dt_s, n)) for n in names}
    entries = {n: (_entries(zone_a, n), _entries(zone_b, n)) for n in names}
    done.zones = zone_rows(a, b, parts, entries)
    numbers = np.unique(second)
    told = [k for k in range(len(a)) if a[k] != b[k]]
    for k in told[:MOST_OUTLIERS]:
        done.outliers.append(f"second {numbers[k]}: {a[k] or 'none'} in A, {b[k] or 'none'} in B")


def per_second(zones: Sequence[str], second: Ints, dt_s: Floats) -> list[str]:
    """The zone that holds most of each second that has rows."""
    held: dict[int, dict[str, float]] = {}
    for zone, place, dt in zip(zones, second.tolist(), dt_s.tolist(), strict=True):
        of = held.setdefault(place, {})
        of[zone] = of.get(zone, 0.0) + dt
    return [max(of, key=of.__getitem__) for _, of in sorted(held.items())]


def _held_s(zones: Sequence[str], dt_s: Floats, name: str) -> float:
    return float(sum(dt for zone, dt in zip(zones, dt_s.tolist(), strict=True) if zone == name))


def _entries(zones: Sequence[str], name: str) -> int:
    known = [zone for zone in zones if zone]
    return sum(x != name and y == name for x, y in pairwise(known))
