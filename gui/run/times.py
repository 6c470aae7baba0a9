"""Times per chamber while a session runs: what it writes, measured as the offline score is. Plain.

`Following` reads frames.csv as it grows. `Turns` sees to it that measuring never takes more than
a tenth of the window's time, however many boxes there are and however long they have run.
"""

import csv
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rig.apparatus import Apparatus
from rig.measures import measure
from rig.model import NS_PER_S
from rig.table import TableBuilder

FRAMES = "frames.csv"
MEASURE_EVERY_S = 1.0
SHARE = 0.1
TRAIL_S = 8.0
TRAIL_EVERY_S = 0.15
"""Nearer points of a trail are not seen, but painted for every box and picture."""
MOST_BYTES = 1 << 20
"""Read at one go: a window that was opened late takes several turns to catch up."""


@dataclass(frozen=True)
class Times:
    """What is known so far, one value a chamber."""

    chambers: tuple[str, ...]
    time_s: tuple[float, ...]
    entries: tuple[int, ...]
    scored_s: float
    lost_s: float


class Following:
    """The rows of one session so far. Raises OSError from `read` where the folder went away."""

    def __init__(self, folder: Path, apparatus: Apparatus, rate_hz: float) -> None:
        self._path, self._apparatus, self._rate_hz = folder / FRAMES, apparatus, rate_hz
        self._offset = 0
        self._columns: dict[str, int] = {}
        self._builder = TableBuilder(apparatus)
        self._inside: list[int] = []
        self.trail: deque[tuple[int, float, float]] = deque()
        self.fresh = False  # rows came since it was measured

    def read(self) -> bool:
        """Take in the whole lines that were written since; whether there were any."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            fresh = file.read(MOST_BYTES)
        whole = fresh.rfind(b"\n") + 1  # a torn last line waits for its rest
        if not whole:
            return False
        self._offset += whole
        self.fresh = True
        rows = csv.reader(fresh[:whole].decode().splitlines())
        for row in rows:
            self._take(row)
        return True

    def _take(self, row: list[str]) -> None:
        if not self._columns:
            self._columns = {name: k for k, name in enumerate(row)}
            self._inside = [self._columns[f"in_{n}"] for n in self._apparatus.zone_names]
            return
        c = self._columns
        t_ns = round(float(row[c["t_s"]]) * NS_PER_S)
        self._builder.add(
            int(row[c["frame"]]),
            t_ns,
            float(row[c["x_cm"]] or "nan"),
            float(row[c["y_cm"]] or "nan"),
            row[c["zone"]],
            row[c["scored"]] == "1",
            row[c["flag"]],
            [row[k] == "1" for k in self._inside],
        )
        x_px, y_px = row[c["x_px"]], row[c["y_px"]]
        if x_px and y_px:
            trail = self.trail
            if len(trail) > 1 and trail[-1][0] - trail[-2][0] < TRAIL_EVERY_S * NS_PER_S:
                trail.pop()  # the newest is always its end
            trail.append((t_ns, float(x_px), float(y_px)))
        while self.trail and t_ns - self.trail[0][0] > TRAIL_S * NS_PER_S:
            self.trail.popleft()

    def __len__(self) -> int:
        return len(self._builder)

    def times(self) -> Times:
        """The numbers of the rows so far, by the same function as the offline score's."""
        self.fresh = False
        m = measure(self._builder.table(), self._apparatus, self._rate_hz)
        held = zip(m.seen_ns, m.inferred_ns, strict=True)
        return Times(
            chambers=self._apparatus.chamber_names,
            time_s=tuple((seen + inferred) / NS_PER_S for seen, inferred in held),
            entries=m.entries,
            scored_s=m.scored_ns / NS_PER_S,
            lost_s=m.lost_ns / NS_PER_S,
        )


class Turns:
    """Who may do something costly now. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._free_s = -1e9
        self._last_s: dict[str, float] = {}

    def take(self, deeds: Mapping[str, Callable[[], None]]) -> bool:
        """Do the one that waits longest; whether one was done.

        None is where all had their turn within a second, or the tenth is used up.
        """
        now_s = self._clock()
        key = min(deeds, key=lambda k: self._last_s.get(k, -1e9), default=None)
        if key is None or now_s < self._free_s:
            return False
        if now_s - self._last_s.get(key, -1e9) < MEASURE_EVERY_S:
            return False
        deeds[key]()
        done_s = self._clock()
        self._last_s[key] = now_s
        self._free_s = done_s + (done_s - now_s) * (1 / SHARE - 1)
        return True

    def forget(self, key: str) -> None:
        """It takes no more turns."""
        self._last_s.pop(key, None)
