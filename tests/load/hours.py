"""One long session in accelerated time: memory over its hours, and whether its files are right.

    python tests/load/hours.py --hours 8

A simulated mouse is recorded at full speed by one process, with video, as `placepref run --speed
max` does it. Prints a line each simulated hour (a tenth of the session where that is shorter):
pictures so far, resident memory, simulated hours an hour. At the end the folder is read back:
ticks, rows and pictures in the video are as many as were captured, the parts of the time add up,
chain, checkpoints and sums hold, and a replay gives the same bytes. Exits with 1 where something of
it does not hold, or where memory at the end is above that of the first mark by more than --grows.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from rig.engine import Outcome
from rig.hardware.simulated.builtin import builtin
from rig.model import NS_PER_S, Tick
from rig.session import LoadedRig, Wish, record, verify
from rig.session.load import LoadedBox
from rig.storage import SessionRecord
from rig.video import count_frames


class Marks:
    """Tells how far it is and what it holds."""

    def __init__(self, every_s: float) -> None:
        self._every_ns = round(every_s * NS_PER_S)
        self._next_ns = self._every_ns
        self._process, self._began_s = psutil.Process(), time.monotonic()
        self.memory_mib: list[float] = []
        self.pictures = 0

    def __call__(self, tick: Tick, outcome: Outcome) -> None:
        """A listener of the session."""
        self.pictures += tick.frame is not None
        if outcome.state.zero_ns is None or tick.t_ns - outcome.state.zero_ns < self._next_ns:
            return
        hours = self._next_ns / NS_PER_S / 3600
        self._next_ns += self._every_ns
        self.memory_mib.append(self._process.memory_info().rss / 2**20)
        speed = hours * 3600 / (time.monotonic() - self._began_s)
        print(f"{hours:>7.2f} {self.pictures:>10} {self.memory_mib[-1]:>12.1f} {speed:>12.0f}",
              flush=True)  # fmt: skip


def main() -> int:
    """The command line; gives the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--rate", type=float, default=15.0, metavar="HZ")
    parser.add_argument("--size", default="320x240", metavar="WxH")
    parser.add_argument("--grows", type=float, default=8.0, metavar="MIB", help="at most so much")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="keep the session here")
    asked = parser.parse_args()
    width, height = map(int, asked.size.split("x"))
    rig, apparatuses = builtin(frame_size_px=(width, height), rate_hz=asked.rate, drive="none")
    boxes = {box.name: LoadedBox(box, apparatuses[box.name], "sim", None) for box in rig.box}
    loaded = LoadedRig("sim", rig, boxes, Path())
    lasts_s = asked.hours * 3600
    steps: list[dict[str, Any]] = [
        {"do": "place", "chamber": "centre", "limit_s": 60},
        {"do": "explore", "duration_s": lasts_s, "scored": True},
    ]
    plan = {"protocol": "long", "phase": "pretest", "step": steps}
    wish = Wish.model_validate({"plan": plan, "subject": "M01", "phase": "pretest"})
    marks = Marks(min(3600.0, lasts_s / 10))
    print(f"{asked.hours:g} h, {asked.size} at {asked.rate:g} frames/s, h264")
    print("  hours   pictures   memory MiB   times real")
    with tempfile.TemporaryDirectory(prefix="hours-") as scratch:
        out = asked.out or Path(scratch) / "study"
        done = record(wish, loaded, out=out, speed="max", seed=3, listeners=(marks,))
        return _checked(done.folder, str(done.ending.status), marks, asked.grows)


def _checked(folder: Path, status: str, marks: Marks, grows: float) -> int:
    sizes = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
    print(", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sorted(sizes.items())))
    faults = [] if status == "completed" else [f"the session ended {status}"]
    session = SessionRecord.open(folder)
    faults += session.problems()
    ticks = rows = 0
    for tick in session.ticks():
        ticks += tick.frame is not None
    rows = sum(1 for _ in session.rows()) - 1
    pictures = sum(count_frames(video) for video in session.videos)
    if not ticks == rows == pictures == marks.pictures:
        faults.append(f"{marks.pictures} captured, {ticks} ticks, {rows} rows, {pictures} pictures")
    if not verify(folder).ok:
        faults.append("replay differs")
    grown = marks.memory_mib[-1] - marks.memory_mib[0]
    if grown > grows:
        faults.append(f"memory grew by {grown:.1f} MiB after the first mark")
    for fault in faults:
        print(f"FAULT: {fault}")
    print(f"{pictures} pictures, memory {grown:+.1f} MiB from the first mark to the last: "
          f"{'FAILED' if faults else 'passed'}")  # fmt: skip
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
