"""From a picture to bytes in the board's port, and to the edge of an output, in real time.

python tests/load/latency.py --seconds 600 --rates 30 100 [--size 640x480]

One box, tracked and recorded as at a rig: a station of its own, a film of a mouse that walks,
repeated from memory, and a simulated board on a pseudo-terminal that this script serves. An
output is on while the mouse is in the left chamber. Prints a row a rate:

    decided    picture delivered to decision, each picture
    written    picture delivered to the bytes in the port, each command
    answered   picture delivered to the board's answer, each command
    edge       picture of the entry (or of leaving) to the output's edge, by the board's own steps

Exits with 1 if a session did not complete, dropped a picture after its first second, does not
verify, or kept not to 1 ms (p50) and 5 ms (p99) from picture to bytes.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boxes import RUNTIME, SPARE_S, Options, load_average, write_rigs  # type: ignore[import-not-found]

from rig.channel import ensure
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.port import serve
from rig.model import NS_PER_S
from rig.session import verify
from rig.session.opened import CLOCK
from rig.storage import SessionRecord

P50_MS, P99_MS = 1.0, 5.0
STAGES = ("decided", "written", "acknowledged")
PLACES = ("p50", "p95", "p99", "max")


class TimedBoard(Board):
    """A board that keeps when its first output went on and off, on the frame clock."""

    def __init__(self) -> None:
        super().__init__("board-1")
        self.edges: list[tuple[int, bool]] = []
        self._was = False

    def step(self, now_ns: int, bytes_in: bytes = b"") -> bytes:
        """As a board, and the edge is noted."""
        out = super().step(now_ns, bytes_in)
        if self.output(1) != self._was:
            self._was = not self._was
            self.edges.append((CLOCK(), self._was))
        return out


@dataclass
class Figures:
    """What one rate came to, in ms."""

    rate_hz: float
    stages: dict[str, list[float]] = field(default_factory=dict)
    edges: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def measure(rate_hz: float, seconds: float, size_px: tuple[int, int], folder: Path) -> Figures:
    """One session in a station; its figures."""
    folder.mkdir()
    found, board = Figures(rate_hz), TimedBoard()
    (rig,) = write_rigs(folder, Options(1, 1, size_px, rate_hz, seconds, "h264", 0))
    served = serve(board, CLOCK)
    try:
        rig.write_text(
            rig.read_text(encoding="utf-8").replace(
                "[video]", f'[[board]]\nname = "board-1"\nport = "{served.port}"\n[video]'
            )
            + 'outputs = { laser = "board-1/1" }\n',
            encoding="utf-8",
        )
        path = run_session(rig, folder / "out", seconds, found)
    finally:
        served.close()
    record = SessionRecord.open(path)
    stop = record.stop or {}
    for stage in STAGES:
        found.stages[stage] = [float(stop.get(f"latency_{stage}_{p}_ms", "nan")) for p in PLACES]
    decided = edges_of(record)
    for (at_ns, on), (edge_ns, is_on) in zip(decided, board.edges, strict=False):
        if on is is_on:
            found.edges.append((edge_ns - at_ns) / 1e6)
        else:
            found.problems.append("the board's edges are not those that were decided")
            break
    if stop.get("status") != "completed":
        found.problems.append(f"ended as {stop.get('status')}: {stop.get('reason')}")
    late = [e for e in record.events() if e["kind"] == "frames_dropped" and e["t_s"] > 1.0]
    found.problems += [f"dropped at {e['t_s']:.1f} s" for e in late]
    found.problems += verify(path, pixels=False).problems
    p50, _, p99, _ = found.stages["written"]
    if not (p50 <= P50_MS and p99 <= P99_MS):
        found.problems.append(f"picture to bytes: p50 {p50:g} ms, p99 {p99:g} ms")
    return found


def edges_of(record: SessionRecord) -> list[tuple[int, bool]]:
    """When the output was decided to go on and off: times of the pictures."""
    start_ns = next(record.ticks()).t_ns
    return [
        (start_ns + round(e["t_s"] * NS_PER_S), e["kind"] == "output_on")
        for e in record.events()
        if e["kind"] in ("output_on", "output_off")
    ]


def run_session(rig: Path, out: Path, seconds: float, found: Figures) -> Path:
    """The session's folder, once it has ended."""
    rule = {"while_in": "left", "output": "laser", "train": {"hz": 20, "width_us": 5000}}
    step: dict[str, Any] = {"do": "explore", "duration_s": seconds, "scored": True, "rule": [rule]}
    plan = {"protocol": "latency", "phase": "load", "step": [step]}
    wish = {"plan": plan, "subject": "M01", "phase": "load", "arming": "auto"}
    with ensure(str(rig), timeout_s=300) as client:
        try:
            began = client.request("start", box="A", wish=wish, out=str(out), timeout_s=60)
            end_s = time.monotonic() + seconds + SPARE_S
            while client.request("status")["boxes"]["A"]["state"] != "ended":
                if time.monotonic() > end_s:
                    found.problems.append("still running")
                    break
                time.sleep(0.5)
        finally:
            client.request("quit", force=True)
    return Path(began["folder"])


def show(found: Figures) -> None:
    """A table for one rate."""
    print(f"{found.rate_hz:g} frames/s" + " " * 8 + "  ".join(f"{p:>7}" for p in PLACES))
    for stage in STAGES:
        print(f"  {stage:14}" + "  ".join(f"{ms:7.2f}" for ms in found.stages[stage]))
    if found.edges:
        ranked = sorted(found.edges)
        places = [ranked[min(len(ranked) - 1, int(s * len(ranked)))] for s in (0.5, 0.95, 0.99, 1)]
        figures = "  ".join(f"{ms:7.2f}" for ms in places)
        print(f"  {'edge':14}{figures}  of {len(ranked)}")
    for problem in found.problems:
        print(f"  {problem}")


def main(words: Sequence[str] | None = None) -> int:
    """The command of the first lines; its exit code."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--seconds", type=float, default=600.0)
    ask.add_argument("--rates", type=float, nargs="+", default=[30.0, 100.0])
    ask.add_argument("--size", default="640x480", help="of the box's picture")
    wanted = ask.parse_args(words)
    width, height = map(int, wanted.size.split("x"))
    bad = False
    with tempfile.TemporaryDirectory() as scratch:
        os.environ[RUNTIME] = str(Path(scratch) / "run")
        for k, rate_hz in enumerate(wanted.rates):
            print(f"load before: {load_average()}, {os.cpu_count()} cores", flush=True)
            found = measure(rate_hz, wanted.seconds, (width, height), Path(scratch) / str(k))
            show(found)
            bad = bad or bool(found.problems)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
