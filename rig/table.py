"""A session's rows as columns, for the measures: built row by row, or from frames.csv. Pure."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from rig.apparatus import Apparatus
from rig.model import NS_PER_S, Sample

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


FARTHEST_CM = 1e6
"""No position is so far from its box's corner: a larger one is no measurement, but damage."""


@dataclass(frozen=True, slots=True)
class Table:
    """A session's rows as columns of one length n, in the order of their times.

    `x_cm`, `y_cm`: NaN without a position. `zone`: the chamber's number, -1 none. `tracked`: with
    a position that was not dismissed as through a wall. `in_zones`: n x further zones. Times
    are ns from any zero; only differences count.
    """

    frame: Ints
    t_ns: Ints
    x_cm: Floats
    y_cm: Floats
    zone: NDArray[np.int16]
    scored: Bools
    tracked: Bools
    believed: Bools
    jump: Bools
    escape: Bools
    through_wall: Bools
    in_zones: Bools

    def __len__(self) -> int:
        return len(self.t_ns)

    def __getitem__(self, rows: slice) -> "Table":
        """The rows of a slice, not copied."""
        return Table(*(getattr(self, f.name)[rows] for f in fields(self)))


class TableBuilder:
    """A table that grows row by row, for live use: a row costs microseconds, `table` nothing."""

    def __init__(self, apparatus: Apparatus, capacity: int = 4096) -> None:
        self._zones = {"": -1, **{name: k for k, name in enumerate(apparatus.chamber_names)}}
        self._flags: dict[str, tuple[bool, ...]] = {}
        self._rows = 0
        self._columns = _columns(capacity, len(apparatus.zone_names))

    def __len__(self) -> int:
        return self._rows

    def append(self, sample: Sample, zero_ns: int = 0) -> None:
        """Add one row, its time from `zero_ns` (that of tick 0, as in frames.csv).

        Raises ValueError for a chamber that the apparatus does not have.
        """
        self.add(
            sample.frame,
            sample.t_ns - zero_ns,
            math.nan if sample.x_cm is None else sample.x_cm,
            math.nan if sample.y_cm is None else sample.y_cm,
            sample.zone,
            sample.scored,
            sample.flag,
            sample.in_zones,
        )

    def add(
        self,
        frame: int,
        t_ns: int,
        x_cm: float,
        y_cm: float,
        zone: str,
        scored: bool,
        flag: str,
        in_zones: Sequence[bool] = (),
    ) -> None:
        """Add one row as it stands in frames.csv; NaN for a blank position. Raises as `append`."""
        if zone not in self._zones:
            raise ValueError(f"{zone!r}: the apparatus has no such chamber")
        row, c = self._rows, self._columns
        if row == len(c.t_ns):
            self._columns = c = _grown(c)
        told = self._flags.get(flag)
        if told is None:
            told = self._flags[flag] = _told(flag)
        c.believed[row], c.jump[row], c.escape[row], c.through_wall[row], dismissed = told
        c.frame[row], c.t_ns[row] = frame, t_ns
        c.zone[row], c.scored[row] = self._zones[zone], scored
        c.x_cm[row], c.y_cm[row] = x_cm, y_cm
        c.tracked[row] = x_cm == x_cm and y_cm == y_cm and not dismissed
        if in_zones:
            c.in_zones[row] = in_zones
        self._rows += 1

    def table(self) -> Table:
        """The rows so far; rows added later do not show in it."""
        return self._columns[: self._rows]


def table(samples: Sequence[Sample], apparatus: Apparatus) -> Table:
    """The table of `samples`. Raises ValueError for a chamber that the apparatus does not have."""
    builder = TableBuilder(apparatus, max(1, len(samples)))
    for sample in samples:
        builder.append(sample)
    return builder.table()


def from_text(columns: Mapping[str, Sequence[str]], apparatus: Apparatus) -> Table:
    """The table in the columns of a frames.csv, by name, as text.

    Raises ValueError (KeyError for a column that is not there) where the text makes no sense.
    Needs frame, t_s, x_cm, y_cm, zone, scored, flag and an in_NAME for each further zone.
    """
    frame, t_s, x_cm, y_cm, zone, scored, flag, *inside = (
        columns[name] for name in _needed(apparatus)
    )
    if len({len(column) for column in (frame, t_s, x_cm, y_cm, zone, scored, flag, *inside)}) > 1:
        raise ValueError("its columns are not of one length")
    # Column by column: row by row through `TableBuilder` takes six times as long.
    seconds, x, y = (
        np.array([float(text or "nan") for text in column], dtype=np.float64)
        for column in (t_s, x_cm, y_cm)
    )
    if np.isnan(seconds).any():
        raise ValueError("t_s: a row has no time")
    beyond = np.flatnonzero(np.abs(seconds) >= 2**63 / NS_PER_S)
    if beyond.size:
        k = int(beyond[0])
        raise ValueError(f"frame {frame[k][:30]} at {t_s[k][:30]} s: no such number fits")
    for name, column, values in (("x_cm", x_cm, x), ("y_cm", y_cm, y)):
        if (beyond := np.flatnonzero(np.abs(values) > FARTHEST_CM)).size:
            k = int(beyond[0])
            raise ValueError(f"{name}: {column[k][:30]} in frame {frame[k][:30]}: is in no box")
    try:
        numbers = np.array([int(text) for text in frame], dtype=np.int64)
    except OverflowError:
        raise ValueError("frame: no such number fits") from None
    told = {text: _told(text) for text in set(flag)}
    flags = np.array([told[text] for text in flag], dtype=np.bool_).reshape(-1, 5)
    believed, jump, escape, through_wall, dismissed = np.ascontiguousarray(flags.T)
    return Table(
        frame=numbers,
        t_ns=np.rint(seconds * NS_PER_S).astype(np.int64),  # nine decimals: exact below 50 days
        x_cm=x,
        y_cm=y,
        zone=np.array(_numbered(zone, apparatus), dtype=np.int16),
        scored=_ones(scored),
        tracked=~(np.isnan(x) | np.isnan(y) | dismissed),
        believed=believed,
        jump=jump,
        escape=escape,
        through_wall=through_wall,
        in_zones=np.array([_ones(column) for column in inside], dtype=np.bool_)
        .reshape(len(inside), len(frame))
        .T.copy(),
    )


def _numbered(zone: Sequence[str], apparatus: Apparatus) -> list[int]:
    known = {"": -1, **{name: k for k, name in enumerate(apparatus.chamber_names)}}
    for name in set(zone):
        if name not in known:
            raise ValueError(f"{name!r}: the apparatus has no such chamber")
    return [known[name] for name in zone]


def _ones(column: Sequence[str]) -> Bools:
    return np.array([text == "1" for text in column], dtype=np.bool_)


def from_rows(rows: Iterator[Sequence[str]], apparatus: Apparatus) -> Table:
    """The same from the lines of a frames.csv, its head first. Raises as `from_text`."""
    head = list(next(rows, ()))
    there = {name: k for k, name in enumerate(head)}
    at = [there[name] for name in _needed(apparatus)]
    return _filled(([cells[k] for k in at] for cells in rows), apparatus)


def _needed(apparatus: Apparatus) -> list[str]:
    inside = [f"in_{name}" for name in apparatus.zone_names]
    return ["frame", "t_s", "x_cm", "y_cm", "zone", "scored", "flag", *inside]


def _filled(rows: Iterable[Sequence[str]], apparatus: Apparatus, capacity: int = 4096) -> Table:
    builder = TableBuilder(apparatus, max(1, capacity))
    for frame, t_s, x_cm, y_cm, zone, scored, flag, *in_zones in rows:
        try:
            builder.add(
                int(frame),
                round(float(t_s) * NS_PER_S),  # nine decimals: exact below 50 days
                float(x_cm or "nan"),
                float(y_cm or "nan"),
                zone,
                scored == "1",
                flag,
                [value == "1" for value in in_zones],
            )
        except OverflowError:
            raise ValueError(f"frame {frame[:30]} at {t_s[:30]} s: no such number fits") from None
    return builder.table()


def _told(flag: str) -> tuple[bool, ...]:
    flags = flag.split("+")
    believed, through_wall = "believed" in flags, "through_wall" in flags
    dismissed = through_wall and not believed
    return believed, "jump" in flags, "escape" in flags, through_wall, dismissed


def _columns(rows: int, zones: int) -> Table:
    def bools() -> Bools:
        return np.zeros(rows, dtype=np.bool_)

    return Table(
        frame=np.zeros(rows, dtype=np.int64),
        t_ns=np.zeros(rows, dtype=np.int64),
        x_cm=np.full(rows, np.nan),
        y_cm=np.full(rows, np.nan),
        zone=np.full(rows, -1, dtype=np.int16),
        scored=bools(),
        tracked=bools(),
        believed=bools(),
        jump=bools(),
        escape=bools(),
        through_wall=bools(),
        in_zones=np.zeros((rows, zones), dtype=np.bool_),
    )


def _grown(c: Table) -> Table:
    grown = _columns(2 * len(c), c.in_zones.shape[1])
    for f in fields(Table):
        getattr(grown, f.name)[: len(c)] = getattr(c, f.name)
    return grown
