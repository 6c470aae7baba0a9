"""A session's or a rescored folder's rows and events, as who looks at its pictures needs them."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.sessions import Session, read_session
from rig.apparatus import Apparatus
from rig.errors import ConfigError, StorageError
from rig.measures import Measures
from rig.model import NS_PER_S
from rig.session.correcting import Correction
from rig.session.used import read_used
from rig.session.viewing import Reel, Whence, missing, open_reel, whence

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
TRAIL_S = 2.0
ENTRIES, DOORS, LOST, MENDED = "entries", "doors", "lost", "corrected"
KINDS = (ENTRIES, DOORS, LOST, MENDED)
"""What can be jumped to."""


@dataclass(frozen=True)
class Door:
    """A door that was told to be in another state, from `t_s` on."""

    t_s: float
    door: str
    state: str


@dataclass(frozen=True)
class Stretch:
    """Rows `first` to `last`, both included."""

    first: int
    last: int


@dataclass(frozen=True)
class Footage:
    """One recording as it was measured. Columns have a value a row, in order of `t_s`.

    `folder`: the session's or the rescored one. `frame`: numbers as in frames.csv. `x_px`, `y_px`:
    NaN where the animal was not seen. `zone`: the chamber's number, -1 none. `corrected`: by a
    person. `given`: those corrections. `source`: where its pictures come from.
    """

    folder: Path
    session: Session
    source: Whence
    frame: Ints
    t_s: Floats
    x_px: Floats
    y_px: Floats
    zone: NDArray[np.int16]
    scored: Bools
    corrected: Bools
    flags: Sequence[str]
    steps: Sequence[str]
    doors: tuple[Door, ...]
    resumed: tuple[int, ...]
    given: tuple[Correction, ...]

    @property
    def apparatus(self) -> Apparatus:
        """The box as it was drawn."""
        return self.session.apparatus

    @property
    def measures(self) -> Measures:
        """The numbers of these rows."""
        return self.session.measures

    @property
    def rescored(self) -> bool:
        """Whether it is a rescored folder, not a session's own."""
        return self.session.record is None

    @property
    def gone(self) -> str:
        """The name of a file of pictures that is gone; "" where all are there."""
        return missing(self.source)

    def __len__(self) -> int:
        return len(self.frame)

    def reel(self) -> Reel:
        """Its pictures. Raises ConfigError, as for a file that is gone."""
        return open_reel(self.source, self.frame, self.resumed)

    def at(self, row: int) -> tuple[float, float] | None:
        """Where the animal was in a row, px; None where it was not seen."""
        x, y = float(self.x_px[row]), float(self.y_px[row])
        return None if math.isnan(x) or math.isnan(y) else (x, y)

    def chamber(self, row: int) -> str:
        """The chamber that a row counts for; "" none."""
        zone = int(self.zone[row])
        return self.apparatus.chamber_names[zone] if zone >= 0 else ""

    def trail(self, row: int, over_s: float = TRAIL_S) -> list[tuple[float, float]]:
        """Where it was in the seconds up to a row, without the time before it was last lost."""
        first = int(np.searchsorted(self.t_s, self.t_s[row] - over_s))
        x, y = self.x_px[first : row + 1], self.y_px[first : row + 1]
        blank = np.flatnonzero(np.isnan(x))
        begin = int(blank[-1]) + 1 if len(blank) else 0
        return list(zip(x[begin:].tolist(), y[begin:].tolist(), strict=True))

    def door_states(self, row: int) -> dict[str, str]:
        """Each door's state at a row."""
        until = bisect_right([one.t_s for one in self.doors], float(self.t_s[row]))
        return {one.door: one.state for one in self.doors[:until]}

    def row_at(self, t_s: float) -> int:
        """The row nearest to a moment."""
        place = int(np.searchsorted(self.t_s, t_s))
        near = [k for k in (place - 1, place) if 0 <= k < len(self)]
        return min(near, key=lambda k: abs(float(self.t_s[k]) - t_s), default=0)

    def row_of(self, frame: int) -> int:
        """The row of a frame, or the next one."""
        return min(int(np.searchsorted(self.frame, frame)), len(self) - 1)

    def marks(self, kind: str) -> list[int]:
        """The rows to jump to: entries, doors, and where lost or corrected stretches begin."""
        if kind == ENTRIES:
            return entries(self.zone)
        if kind == DOORS:
            return sorted({self.row_at(one.t_s) for one in self.doors})
        return [one.first for one in self.stretches(kind)]

    def stretches(self, kind: str) -> list[Stretch]:
        """The runs of rows without a position (LOST), or that a person corrected (MENDED)."""
        return runs(np.isnan(self.x_px) if kind == LOST else self.corrected)


def entries(zone: NDArray[np.int16]) -> list[int]:
    """The rows with which a chamber is entered: another one than the last that was known."""
    known = np.flatnonzero(zone >= 0)
    values = zone[known]
    new = np.flatnonzero(np.diff(values, prepend=-2))
    return [int(row) for row in known[new]]


def runs(flags: Bools) -> list[Stretch]:
    """The runs of true values."""
    edges = np.diff(np.concatenate(([False], flags, [False])).astype(np.int8))
    firsts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [Stretch(int(a), int(b) - 1) for a, b in zip(firsts, ends, strict=True)]


def read_footage(folder: Path) -> Footage:
    """What is in a session's or a rescored folder. Raises RigError."""
    session = read_session(folder)
    table, columns = session.table, session.columns
    if not len(table):
        raise StorageError(f"{session.folder}: frames.csv holds no row")
    flags = list(columns.get("flag", [""] * len(table)))
    try:
        source = whence(session.folder)
    except ConfigError as error:  # as of a blind row: its numbers are there all the same
        source = Whence(None, (), why=error.message)
    doors, resumed = _told(source, table.t_ns)
    return Footage(
        folder=session.folder,
        session=session,
        source=source,
        frame=table.frame,
        t_s=table.t_ns / NS_PER_S,
        x_px=_numbers(columns["x_px"]),
        y_px=_numbers(columns["y_px"]),
        zone=table.zone,
        scored=table.scored,
        corrected=np.array(["corrected" in flag.split("+") for flag in flags], dtype=np.bool_),
        flags=flags,
        steps=list(columns.get("step", [""] * len(table))),
        doors=doors,
        resumed=tuple(int(table.frame[row]) for row in resumed),
        given=_given(folder),
    )


def _numbers(texts: Sequence[str]) -> Floats:
    return np.array([text or "nan" for text in texts], dtype=np.float64)


def _told(source: Whence, t_ns: Ints) -> tuple[tuple[Door, ...], list[int]]:
    """Doors' states in order, and the rows with which the session was resumed."""
    if source.record is None:
        return (), []
    doors, resumed = [], []
    for event in source.record.events():
        data: Mapping[str, Any] = event["data"]
        if event["kind"] == "door" and "name" in data and "state" in data:
            doors.append(Door(float(event["t_s"]), str(data["name"]), str(data["state"])))
        elif event["kind"] == "resumed":
            row = int(np.searchsorted(t_ns, round(float(event["t_s"]) * NS_PER_S)))
            if row < len(t_ns):
                resumed.append(row)
    return tuple(doors), resumed


def _given(folder: Path) -> tuple[Correction, ...]:
    path = folder / "rescore.json"
    if not path.is_file():
        return ()
    used = read_used(folder)
    return tuple(
        Correction(
            int(one["frame_from"]),
            int(one["frame_to"]),
            None if one.get("lost") else (float(one["x_px"]), float(one["y_px"])),
            str(one["reason"]),
            str(one.get("who", "")),
        )
        for one in used.get("corrections", {}).get("given", ())
    )
