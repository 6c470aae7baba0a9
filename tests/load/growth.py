"""How the need for processor time grows with boxes, pixels and frame rate, and where it ends.

    python tests/load/growth.py --seconds 30

A small grid of loads (as tests/load/boxes.py makes them: stations in real time, tracked, recorded)
is measured one after the other, each by the processor time of its stations. What is fitted by
non-negative least squares:

    cores = stations x a + pictures/s x b + megapixels/s x c

a: what an open camera costs by itself; b: what each picture of a box costs whatever its size
(deciding, rows, waking up); c: what its pixels cost (detection, coding). Then prints for this
machine's cores, a fifth of them kept free, how many boxes one can expect at usual sizes and rates,
and what was measured beside what the fit says. A grid point in which pictures were dropped is
marked: it says where the limit is, and is left out of the fit.
"""

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import boxes  # type: ignore[import-not-found]
import numpy as np
from scipy.optimize import nnls

from rig.model import NS_PER_S

GRID = (
    (1, 1, "320x240", 15.0), (1, 1, "640x480", 30.0), (1, 4, "320x240", 30.0),
    (1, 4, "640x480", 15.0), (1, 4, "640x480", 30.0), (4, 1, "640x480", 30.0),
    (1, 1, "640x480", 100.0), (2, 4, "640x480", 30.0), (1, 1, "1280x960", 30.0),
)  # fmt: skip
"""Stations, boxes of each, size of a box, pictures a second."""
ASKED = (("320x240", 30.0), ("640x480", 30.0), ("640x480", 100.0), ("1280x960", 30.0))
FREE = 0.8
"""Of the cores: the rest is the system's, and for the peaks."""


@dataclass(frozen=True)
class Point:
    """One load, and what it took."""

    stations: int
    boxes: int
    size: str
    rate_hz: float
    cores: float
    dropped: int

    @property
    def terms(self) -> tuple[float, float, float]:
        """What the fit multiplies: stations, pictures a second, megapixels a second."""
        return terms(self.stations, self.boxes, self.size, self.rate_hz)


def terms(stations: int, count: int, size: str, rate_hz: float) -> tuple[float, float, float]:
    """See `Point.terms`; `count` are all boxes."""
    width, height = map(int, size.split("x"))
    pictures = count * rate_hz
    return float(stations), pictures, pictures * width * height / 1e6


def measured(stations: int, each: int, size: str, rate_hz: float, seconds: float) -> Point:
    """Run one load."""
    width, height = map(int, size.split("x"))
    options = boxes.Options(
        cameras=stations,
        boxes_per_camera=each,
        size_px=(width, height),
        rate_hz=rate_hz,
        seconds=seconds,
        codec="h264",
        allow_dropped=10**9,
    )
    scratch = Path(tempfile.mkdtemp(prefix="growth-"))
    os.environ[boxes.RUNTIME] = str(scratch / "run")
    try:
        rigs = boxes.write_rigs(scratch, options)
        run = boxes.run_sessions(rigs, scratch / "study", options)
        begun, late = run.readings["begun"], run.readings.get("late", run.readings["end"])
        lasted_s = late.at_s - begun.at_s
        pairs = zip(begun.stations_s, late.stations_s, strict=True)
        used_s = [b - a for a, b in pairs if a is not None and b is not None]
        rows = [boxes.read_session(box, folder, scratch / "mice.mkv")
                for box, folder in run.folders.items()]  # fmt: skip
        from_ns = max((row.first_ns for row in rows), default=0) + NS_PER_S
        dropped = sum(row.dropped(from_ns)[1] for row in rows)
        return Point(stations, stations * each, size, rate_hz, sum(used_s) / lasted_s, dropped)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def main() -> int:
    """The command line; gives the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S", help="of each load")
    parser.add_argument(
        "--first", type=int, default=len(GRID), metavar="N", help="loads of the grid"
    )
    asked = parser.parse_args()
    if not boxes._proc("stat"):
        print("SKIPPED: this system does not tell a process's time under /proc")
        return 0
    points = []
    for stations, each, size, rate_hz in GRID[: asked.first]:
        print(
            f"{stations} x {each} boxes of {size} at {rate_hz:g} ...", file=sys.stderr, flush=True
        )
        points.append(measured(stations, each, size, rate_hz, asked.seconds))
    sound = [point for point in points if not point.dropped]
    if len(sound) < 4:
        print("too many loads dropped pictures: the machine is busy with something else")
        return 1
    share, _ = nnls(np.array([p.terms for p in sound]), np.array([p.cores for p in sound]))
    rows = [
        [p.stations, p.boxes, p.size, f"{p.rate_hz:g}", f"{p.cores:.2f}",
         f"{float(np.dot(share, p.terms)):.2f}", p.dropped or ""]
        for p in points
    ]  # fmt: skip
    print(boxes.table(["stations", "boxes", "size", "frames/s", "cores", "fit", "dropped"], rows))
    a, b, c = share
    print(
        f"\ncores = {a:.3f} a station + {b * 1e3:.3f} ms a picture + {c * 1e3:.3f} ms a megapixel"
    )
    count = os.cpu_count() or 1
    print(f"\n{count} cores, a fifth kept free, four boxes to a camera: boxes that can be expected")
    limits = []
    for size, rate_hz in ASKED:
        one = float(np.dot(share, terms(1, 4, size, rate_hz))) / 4
        limits.append([size, f"{rate_hz:g}", f"{FREE * count / one:.0f}", f"{one:.3f}"])
    print(boxes.table(["size", "frames/s", "boxes", "cores a box"], limits))
    return 0


if __name__ == "__main__":
    sys.exit(main())
