"""One session's numbers from its table of rows: the same function live and offline. Pure.

A row holds from its time to the next row's, where both lie in the same run of scored rows: a
pause splits runs, and the time between them is nobody's. The last row of a run holds no time.

An untracked stretch runs from the first untracked row to the next tracked one; it also begins
at a row that is followed by none for longer than the gap (the camera was silent). One of at
most the gap keeps its rows' zones. A longer one is as a whole *inferred* where walls part the
chamber before it from all others and the animal was found in the same one after it, else
*lost*. Rows without a chamber are lost. Seen + inferred + lost = scored time, in integers.

Distance: positions are averaged over the last 0.15 s, then a reference follows them in steps: it
moves, and its step counts, only where the average is farther from it than a dead band: 0.5 cm (at
least 3 px), two fifths of it within 0.2 s of the last step. Averaging takes pixel noise down, the
band keeps the rest of it from adding up (science.md 5.2: an animal at rest with 1 px of noise
reads below 0.3 m in 20 min), and the narrower band follows a walking animal round its bends.
The method is this project's own. A step to a flagged jump does not count, nor one across a
long untracked stretch or a pause; one across a short stretch does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from rig.apparatus import Apparatus
from rig.model import NS_PER_S
from rig.table import Bools, Floats, Ints, Table, TableBuilder, from_text, table

__all__ = [
    "Measures", "Table", "TableBuilder", "Visit", "chamber_times", "from_text", "measure",
    "summary", "table",
]  # fmt: skip

SMOOTH_NS = 150_000_000
LOOK_NS = 66_000_000
"""How often the reference looks at the average, which moves more slowly than frames come."""
BAND_CM = 0.5
BAND_PX = 3.0
BLOCK = 16
WALKING_BAND = 0.4
WALKING_NS = 200_000_000
MAX_LOST_SHARE = 0.02
"""Lost time above this share of the scored time is flagged, and so is such a difference of lost
and inferred time between chambers."""
MAX_DROPPED_SHARE = 0.01
"""Frames that never came, above this share of those expected, are flagged."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A stay in a chamber or further zone, in ns from the first scored row, pauses counted in.

    Lost time and pauses end a visit. One that begins on the last row is 0 ns long.
    """

    zone: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Measures:
    """One session's numbers. Tuples hold one value a chamber (`zone_...`: a further zone).

    `first_ns`, `last_ns`: first and last scored row on the table's clock; None: nothing was
    scored. `lost_ns` is all lost time, `lost_after_ns` what of it came after each chamber (the
    rest: before the first position of a run, or positions in no chamber). `entries` leave out
    the first chamber of each run and those that were believed after positions behind a wall;
    `transitions` is their sum. `latency_ns`: scored time until the animal was first there; None:
    never. `mean_visit_ns`: of the visits' durations; None: none. `chamber_distance_m`: steps
    that end in the chamber. `speed_mean_cm_s`: over the time in which the animal was seen.
    `frames`: scored rows; `dropped`: frames missing between them; `untracked`: those without a
    position that counts. `lost_share` of the scored time, None without any. `flags` out of
    lost, lost_differs, dropped, through_wall, escape.
    """

    first_ns: int | None
    last_ns: int | None
    scored_ns: int
    seen_ns: tuple[int, ...]
    inferred_ns: tuple[int, ...]
    lost_after_ns: tuple[int, ...]
    lost_ns: int
    entries: tuple[int, ...]
    transitions: int
    latency_ns: tuple[int | None, ...]
    mean_visit_ns: tuple[float | None, ...]
    visits: tuple[Visit, ...]
    chamber_distance_m: tuple[float, ...]
    distance_m: float
    speed_mean_cm_s: float | None
    zone_ns: tuple[int, ...]
    zone_entries: tuple[int, ...]
    zone_visits: tuple[Visit, ...]
    frames: int
    dropped: int
    untracked: int
    lost_share: float | None
    flags: tuple[str, ...]


class _Kind(IntEnum):
    SEEN = 0
    INFERRED = 1
    LOST = 2


@dataclass(frozen=True, slots=True)
class _Rows:
    """The scored rows, one value a row. What a row holds for `dt_ns` is its `kind` and `place`."""

    t_ns: Ints
    joined: Bools  # the next row is in the same run
    dt_ns: Ints  # 0 where not joined
    begun_ns: Ints  # scored time before the row
    zone: Ints
    tracked: Bools
    long: Bools  # in a long untracked stretch
    kind: Ints
    place: Ints  # the chamber it was in; of a long stretch, the chamber before it


def measure(table: Table, apparatus: Apparatus, rate_hz: float) -> Measures:
    """The numbers of the scored rows of `table`; `rate_hz` is the camera's nominal rate.

    Where times go backwards no time passes.
    """
    chosen = np.flatnonzero(table.scored)
    walled = np.array([name in apparatus.walled for name in apparatus.chamber_names])
    r = _rows(table, chosen, walled, apparatus.gap_ns(rate_hz))
    chambers, zones = range(len(apparatus.chamber_names)), range(len(apparatus.zone_names))
    scored_ns = int(r.dt_ns.sum())
    held_ns = _held(r, len(chambers))
    seen, inferred, lost_after = (tuple(row[:-1]) for row in held_ns.tolist())
    lost_ns = int(held_ns[_Kind.LOST].sum())
    known = (r.zone >= 0) & (~r.long | r.tracked)  # at least at the row's own time
    entries = _entries(r, known, r.zone, ~table.believed[chosen])
    per_chamber = tuple(int(np.count_nonzero(r.zone[entries] == k)) for k in chambers)
    there = r.kind != _Kind.LOST
    visits = [_visits(r, there & (r.place == k), apparatus.chamber_names[k]) for k in chambers]
    zone_ns, zone_entries, zone_visits = [], [], []
    for k in zones:
        inside = table.in_zones[chosen, k]
        held = inside & ~r.long
        found = _entries(r, ~r.long | r.tracked, inside.astype(np.int64), inside)
        zone_ns.append(int(r.dt_ns[held].sum()))
        zone_entries.append(len(found))
        zone_visits.append(_visits(r, held, apparatus.zone_names[k]))
    at, steps_cm = _steps_cm(table, chosen, r, max(BAND_CM, BAND_PX / apparatus.px_per_cm_mean))
    by_chamber_cm = [float(steps_cm[r.zone[at] == k].sum()) for k in chambers]
    distance_cm = float(steps_cm.sum())
    seen_ns = int(r.dt_ns[~r.long & (r.tracked | (r.zone >= 0))].sum())
    dropped = int((np.diff(table.frame[chosen]) - 1).clip(0)[r.joined[:-1]].sum())
    return Measures(
        first_ns=int(r.t_ns[0]) if len(chosen) else None,
        last_ns=int(r.t_ns[-1]) if len(chosen) else None,
        scored_ns=scored_ns,
        seen_ns=seen,
        inferred_ns=inferred,
        lost_after_ns=lost_after,
        lost_ns=lost_ns,
        entries=per_chamber,
        transitions=len(entries),
        latency_ns=tuple(_latency_ns(r, known & (r.zone == k)) for k in chambers),
        mean_visit_ns=tuple(_mean_ns(stays) for stays in visits),
        visits=_in_order(visits),
        chamber_distance_m=tuple(cm / 100 for cm in by_chamber_cm),
        distance_m=distance_cm / 100,
        speed_mean_cm_s=distance_cm / (seen_ns / NS_PER_S) if seen_ns else None,
        zone_ns=tuple(zone_ns),
        zone_entries=tuple(zone_entries),
        zone_visits=_in_order(zone_visits),
        frames=len(chosen),
        dropped=dropped,
        untracked=int(np.count_nonzero(~r.tracked)),
        lost_share=lost_ns / scored_ns if scored_ns else None,
        flags=_flags(
            table, chosen, scored_ns, lost_ns, np.add(inferred, lost_after, dtype=np.int64), dropped
        ),
    )


def chamber_times(
    table: Table, apparatus: Apparatus, rate_hz: float
) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Of `measure` only scored, seen and inferred time (by chamber), ns: in a tenth of its time."""
    chosen = np.flatnonzero(table.scored)
    walled = np.array([name in apparatus.walled for name in apparatus.chamber_names])
    r = _rows(table, chosen, walled, apparatus.gap_ns(rate_hz))
    seen, inferred, _ = (tuple(row[:-1]) for row in _held(r, len(walled)).tolist())
    return int(r.dt_ns.sum()), seen, inferred


def summary(
    measures: Measures, apparatus: Apparatus, roles: Mapping[str, str] | None = None
) -> dict[str, float | int | str | None]:
    """The columns of summary.csv that come from the table, in its order; None is a blank.

    `time_NAME_s` is seen and inferred time together, `time_inferred_NAME_s` the inferred part of
    it. With `roles` (chamber -> paired, unpaired, neutral) the time in each role comes last.
    Further zones follow the chambers, with time and entries. Flags are joined by "+".
    """
    m = measures
    row: dict[str, float | int | str | None] = {}
    for k, name in enumerate(apparatus.chamber_names):
        row[f"time_{name}_s"] = _s(m.seen_ns[k] + m.inferred_ns[k])
        row[f"time_inferred_{name}_s"] = _s(m.inferred_ns[k])
        row[f"time_lost_after_{name}_s"] = _s(m.lost_after_ns[k])
        row[f"entries_{name}"] = m.entries[k]
        row[f"latency_{name}_s"] = _s(m.latency_ns[k])
        row[f"mean_visit_{name}_s"] = _s(m.mean_visit_ns[k])
        row[f"distance_{name}_m"] = m.chamber_distance_m[k]
    for k, name in enumerate(apparatus.zone_names):
        row[f"time_{name}_s"] = _s(m.zone_ns[k])
        row[f"entries_{name}"] = m.zone_entries[k]
    row |= {
        "time_lost_s": _s(m.lost_ns),
        "transitions": m.transitions,
        "distance_m": m.distance_m,
        "speed_mean_cm_s": m.speed_mean_cm_s,
        "frames": m.frames,
        "frames_dropped": m.dropped,
        "frames_untracked": m.untracked,
        "lost_share": m.lost_share,
        "flags": "+".join(m.flags),
    }
    if roles:
        for role in ("paired", "unpaired", "neutral"):
            row[f"time_{role}_s"] = _s(
                sum(
                    m.seen_ns[k] + m.inferred_ns[k]
                    for k, name in enumerate(apparatus.chamber_names)
                    if roles.get(name) == role
                )
            )
    return row


def _s(time_ns: float | None) -> float | None:
    return None if time_ns is None else time_ns / NS_PER_S


def _rows(table: Table, chosen: Ints, walled: Bools, gap_ns: int) -> _Rows:
    n = len(chosen)
    t_ns = table.t_ns[chosen]
    zone = table.zone[chosen].astype(np.int64)
    tracked = table.tracked[chosen]
    joined = np.zeros(n, dtype=np.bool_)
    joined[:-1] = np.diff(chosen) == 1
    dt_ns = np.zeros(n, dtype=np.int64)
    dt_ns[:-1] = np.where(joined[:-1], np.diff(t_ns).clip(0), 0)
    until_ns = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(dt_ns)))
    kind = np.where(zone >= 0, int(_Kind.SEEN), int(_Kind.LOST))
    place, long = zone.copy(), np.zeros(n, dtype=np.bool_)

    untold = ~tracked | (dt_ns > gap_ns)
    follows = np.zeros(n, dtype=np.bool_)  # goes on with the stretch that the row before is in
    follows[1:] = untold[:-1] & joined[:-1] & ~tracked[1:]
    firsts = np.flatnonzero(untold & ~follows)
    lasts = np.flatnonzero(untold & ~np.append(follows[1:], False))
    is_long = until_ns[lasts + 1] - until_ns[firsts] > gap_ns
    for first, last in zip(firsts[is_long].tolist(), lasts[is_long].tolist(), strict=True):
        before = after = -1
        if tracked[first]:
            before = int(zone[first])
        elif first > 0 and joined[first - 1]:
            before = int(zone[first - 1])
        if joined[last] and not table.believed[chosen[last + 1]]:
            after = int(zone[last + 1])
        # The camera's own silence proves nothing about the animal: such time is lost.
        silent = bool((dt_ns[first : last + 1] > gap_ns).any())
        same = before >= 0 and before == after and walled[before] and not silent
        kind[first : last + 1] = _Kind.INFERRED if same else _Kind.LOST
        place[first : last + 1] = before
        long[first : last + 1] = True
    return _Rows(t_ns, joined, dt_ns, until_ns[:-1], zone, tracked, long, kind, place)


def _held(r: _Rows, chambers: int) -> Ints:
    # Time by kind and chamber; the last column is in no chamber.
    held_ns = np.zeros((len(_Kind), chambers + 1), dtype=np.int64)
    np.add.at(held_ns, (r.kind, r.place), r.dt_ns)
    return held_ns


def _entries(r: _Rows, known: Bools, value: Ints, counts: Bools) -> Ints:
    # Rows at which the value differs from that of the last known row of the same run.
    run = np.cumsum(np.append(True, ~r.joined[:-1])[: len(r.joined)])
    rows = np.flatnonzero(known)
    changed = (value[rows][1:] != value[rows][:-1]) & (run[rows][1:] == run[rows][:-1])
    entered: Ints = rows[1:][changed & counts[rows][1:]]
    return entered


def _latency_ns(r: _Rows, here: Bools) -> int | None:
    first = int(here.argmax()) if len(here) else 0
    return int(r.begun_ns[first]) if here[first : first + 1].any() else None


def _visits(r: _Rows, here: Bools, name: str) -> list[Visit]:
    follows = np.zeros(len(here), dtype=np.bool_)
    follows[1:] = here[:-1] & r.joined[:-1]
    firsts = np.flatnonzero(here & ~follows)
    lasts = np.flatnonzero(here & ~np.append(here[1:] & follows[1:], False)[: len(here)])
    ends = r.t_ns[np.where(r.joined[lasts], lasts + 1, lasts)]
    times = np.stack((r.t_ns[firsts], np.maximum(ends, r.t_ns[firsts]))) - r.t_ns[:1]
    return [Visit(name, start, end) for start, end in times.T.tolist()]


def _in_order(visits: Sequence[list[Visit]]) -> tuple[Visit, ...]:
    return tuple(sorted((v for stays in visits for v in stays), key=lambda v: v.start_ns))


def _mean_ns(visits: Sequence[Visit]) -> float | None:
    if not visits:
        return None
    return sum(visit.end_ns - visit.start_ns for visit in visits) / len(visits)


def _steps_cm(table: Table, chosen: Ints, r: _Rows, band_cm: float) -> tuple[Ints, Floats]:
    # The rows at which the reference moved, and how far it did.
    at = np.flatnonzero(r.tracked)
    begun_ns = r.begun_ns[at]
    looks = np.flatnonzero(np.diff(begun_ns // LOOK_NS, prepend=-1) != 0)
    cuts = _cuts(table, chosen, r)[at]
    low = np.searchsorted(begun_ns, begun_ns[looks] - SMOOTH_NS, side="right")
    low = np.maximum(_starts(cuts)[looks], low)
    fresh = np.diff(cuts[looks], prepend=0) > 0
    del cuts
    smooth = []
    for column in (table.x_cm, table.y_cm):
        total = np.concatenate(([0.0], np.cumsum(column[chosen[at]])))
        smooth.append((total[looks + 1] - total[low]) / (looks + 1 - low))
        del total
    del low
    moved, steps_cm = _follow(smooth[0], smooth[1], begun_ns[looks], fresh, band_cm)
    return at[looks[moved]], steps_cm


def _cuts(table: Table, chosen: Ints, r: _Rows) -> Ints:
    # How many cuts there were up to each row: steps across one do not count.
    cut = np.ones(len(r.tracked), dtype=np.bool_)
    cut[1:] = ~r.joined[:-1] | r.long[:-1] | table.jump[chosen[1:]]
    counted: Ints = np.cumsum(cut)
    return counted


def _starts(cuts: Ints) -> Ints:
    # The place of the first row after the last cut, for each. A cut on a row without a position
    # holds for the next row with one.
    fresh = np.diff(cuts, prepend=0) > 0
    started: Ints = np.maximum.accumulate(np.where(fresh, np.arange(len(cuts)), 0))
    return started


def _follow(x: Floats, y: Floats, t_ns: Ints, fresh: Bools, band_cm: float) -> tuple[Ints, Floats]:
    # Where the reference steps, and how far; at fresh rows it starts anew. Blocks of rows that
    # are all near it are passed over by their extremes: animals rest most of the time.
    narrow_cm = band_cm * WALKING_BAND
    starts = np.union1d(np.arange(0, len(x), BLOCK), np.flatnonzero(fresh))
    extremes = (np.minimum, x), (np.maximum, x), (np.minimum, y), (np.maximum, y)
    sides = [of.reduceat(v, starts).tolist() if len(v) else [] for of, v in extremes]
    here, until_ns = 0j, -1  # the reference, and until when it counts as walking
    moved: list[int] = []
    steps_cm: list[float] = []
    bounds = zip(starts.tolist(), np.append(starts, len(x))[1:].tolist(), strict=True)
    blocks = zip(bounds, fresh[starts].tolist(), *sides, strict=True)
    for (first, end), anew, left, right, top, bottom in blocks:
        if anew:
            here, until_ns = complex(x[first], y[first]), -1
        dx = max(here.real - left, right - here.real)
        dy = max(here.imag - top, bottom - here.imag)
        if dx * dx + dy * dy <= narrow_cm * narrow_cm:
            continue
        points, times = (x[first:end] + 1j * y[first:end]).tolist(), t_ns[first:end].tolist()
        for k, (point, now_ns) in enumerate(zip(points, times, strict=True), first):
            far_cm = abs(point - here)
            if far_cm > narrow_cm and (far_cm > band_cm or now_ns <= until_ns):
                here, until_ns = point, now_ns + WALKING_NS
                moved.append(k)
                steps_cm.append(far_cm)
    return np.array(moved, dtype=np.int64), np.array(steps_cm, dtype=np.float64)


def _flags(
    table: Table, chosen: Ints, scored_ns: int, lost_ns: int, unseen_ns: Ints, dropped: int
) -> tuple[str, ...]:
    limit_ns = MAX_LOST_SHARE * scored_ns
    told = {
        "lost": lost_ns > limit_ns,
        "lost_differs": int(unseen_ns.max() - unseen_ns.min()) > limit_ns,
        "dropped": dropped > MAX_DROPPED_SHARE * (len(chosen) + dropped),
        "through_wall": bool(table.through_wall[chosen].any()),
        "escape": bool(table.escape[chosen].any()),
    }
    return tuple(flag for flag, is_so in told.items() if is_so)
