"""Everything that is read from outside, spoilt at random and read again; counted in a table.

    python -m tests.fuzz --seconds 600
    python -m tests.fuzz --only "track as HDF5" --only manifest --seconds 60 --keep found
    python -m tests.fuzz --only manifest --case 4711          one case, with its traceback

Each kind is read in a process of its own, which is killed where a case takes more than --hang
seconds of the processor, or six times as long by the clock, and begun anew. Exits with 1 after a
crash, a hang, or something written where nothing may be. `tests.fuzz.case` says what counts as
what; a case is known by its kind and number. The slowest of a kind is told where it took long.
"""

import argparse
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psutil

from tests.fuzz.case import Bench, Came
from tests.fuzz.targets import TARGETS

HEAD = ("what is read", "cases", "refused", "read", "crashes", "hangs", "outside")
MOST_TOLD = 12
SLOW_S = 2.0
"""Of the processor: a case that takes longer is told, the slowest of its kind."""
BY_CLOCK = 6
"""How often --hang by the clock: on a machine full of other work, a case waits for its turn."""


@dataclass
class Tally:
    """What came of one kind."""

    name: str
    came: Counter[str] = field(default_factory=Counter)
    found: dict[str, int] = field(default_factory=dict)  # words of a fault: its first case
    slowest: tuple[float, int] = 0.0, -1  # seconds of the processor, and its case

    @property
    def faults(self) -> int:
        """Crashes, hangs, and what was written outside."""
        return sum(self.came[word] for word in (Came.CRASHED, Came.OUTSIDE, "hung"))

    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        counts = (self.came[w] for w in (Came.REFUSED, Came.READ, Came.CRASHED, "hung",
                                         Came.OUTSIDE))  # fmt: skip
        return self.name, str(self.came.total()), *map(str, counts)


def main() -> int:
    """Run the kinds that are asked for; the exit code."""
    options = _options()
    if options.worker:
        return _work(options)
    chosen = [target for target in TARGETS if not options.only or target.name in options.only]
    if options.case is not None:
        return _one(chosen[0].name, options.case, options.keep)
    tallies = [Tally(target.name) for target in chosen]
    share_s = options.seconds / len(chosen)
    print(_line(HEAD), flush=True)
    for tally in tallies:
        _fuzz(tally, share_s, options)
        print(_line(tally.cells()), flush=True)
    whole = Tally("all")
    for tally in tallies:
        whole.came.update(tally.came)
    print(_line(whole.cells()))
    for tally in tallies:
        for words, case in list(tally.found.items())[:MOST_TOLD]:
            print(f"{tally.name}, case {case}: {words}")
    for tally in tallies:
        seconds, case = tally.slowest
        if seconds >= SLOW_S:
            print(f"{tally.name}, case {case}: took {seconds:.1f} s")
    return 1 if whole.faults else 0


def _options() -> Any:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [target.name for target in TARGETS]
    parser.add_argument("--seconds", type=float, default=600.0, metavar="S", help="in all")
    parser.add_argument("--only", action="append", choices=names, metavar="KIND", default=[])
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the first case")
    parser.add_argument("--hang", type=float, default=20.0, metavar="S", help="most for a case")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="spoilt files of faults go there")
    parser.add_argument("--case", type=int, metavar="N", help="one case again; give --only with it")
    parser.add_argument("--worker", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def _line(cells: tuple[str, ...]) -> str:
    return f"{cells[0]:<18}" + "".join(f"{cell:>9}" for cell in cells[1:])


# one kind, in a process of its own


def _fuzz(tally: Tally, seconds: float, options: Any) -> None:
    end_s, case = time.monotonic() + seconds, options.first
    while time.monotonic() < end_s:
        words = [sys.executable, "-m", "tests.fuzz", "--worker", tally.name, "--first", str(case)]
        words += ["--seconds", f"{end_s - time.monotonic():.1f}"]
        words += ["--keep", str(options.keep)] if options.keep else []
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=said, text=True)
            case, reached = _follow(process, tally, case, options.hang)
            said.seek(0)
            last = said.read().decode(errors="replace").strip()
        if case < 0:
            return
        if not reached:
            tally.came["hung"] += 1
            tally.found[f"could not be begun: {last[-600:]}"] = -1
            return


def _follow(
    process: "subprocess.Popen[str]", tally: Tally, case: int, hang_s: float
) -> tuple[int, bool]:
    """Count what a worker tells until it ends; the next case to begin with, -1 where it is done."""
    lines: queue.Queue[str | None] = queue.Queue()
    assert process.stdout is not None
    stdout = process.stdout

    def read() -> None:
        for line in stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    watched, begun, wait_s = psutil.Process(process.pid), False, 120.0  # good files are made first
    began, used_s = time.monotonic(), 0.0
    while True:
        try:
            line = lines.get(timeout=1.0)
        except queue.Empty:
            with suppress(psutil.Error):
                spent_s = sum(watched.cpu_times()[:2]) - used_s
                if spent_s < wait_s and time.monotonic() - began < BY_CLOCK * wait_s:
                    continue
            process.send_signal(signal.SIGABRT)
            process.wait()
            tally.came["hung"] += 1
            tally.found.setdefault(f"hung for {wait_s:g} s", case)
            return case + 1, begun
        if line is None:
            code = process.wait()
            if code == 0:
                return -1, True
            if begun:
                tally.came[Came.CRASHED] += 1
                tally.found.setdefault(f"the process ended with {code}", case)
            return case + 1, begun
        told = json.loads(line)
        begun, wait_s, began = True, hang_s, time.monotonic()
        with suppress(psutil.Error):  # it may have ended since
            used_s = sum(watched.cpu_times()[:2])
        if "came" in told:
            tally.came[told["came"]] += 1
            tally.slowest = max(tally.slowest, (told["seconds"], case))
            if told["words"]:
                tally.found.setdefault(told["words"], case)
        else:
            case = told["case"]


def _work(options: Any) -> int:
    """In the worker: cases one after the other, a line at each begin and each end."""
    import faulthandler
    import logging

    faulthandler.enable()
    logging.disable()
    tell = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    target = next(target for target in TARGETS if target.name == options.worker)
    with tempfile.TemporaryDirectory(prefix="placepref-fuzz-") as folder:
        bench = Bench(target, Path(folder) / "bench")
        came, words = bench.good()
        if came is not Came.READ:
            print(f"good files: {came}: {words}", file=sys.stderr)
            return 3
        end_s, case = time.monotonic() + options.seconds, options.first
        while time.monotonic() < end_s:
            tell.write(json.dumps({"case": case}) + "\n")
            name, data = bench.spoilt(Random(f"{target.name} {case}"))
            began_s = time.process_time()
            came, words = bench.run(name, data)
            seconds = time.process_time() - began_s
            fault = came in (Came.CRASHED, Came.OUTSIDE)
            if fault and options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                kept = f"{target.name.replace(' ', '-')}-{case}-{name.name}"
                (options.keep / kept).write_bytes(data)
            words = f"{name.as_posix()}: {words}" if fault else ""
            tell.write(json.dumps({"came": came, "words": words, "seconds": seconds}) + "\n")
            case += 1
    return 0


def _one(name: str, case: int, keep: Path | None) -> int:
    """One case with its traceback, in this process."""
    target = next(target for target in TARGETS if target.name == name)
    with tempfile.TemporaryDirectory(prefix="placepref-fuzz-") as folder:
        bench = Bench(target, Path(folder) / "bench")
        file, data = bench.spoilt(Random(f"{name} {case}"))
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / file.name).write_bytes(data)
        came, words = bench.run(file, data)
        print(f"{file}: {came}: {words}")
        if came is Came.CRASHED:
            bench.run(file, data)
            target.read(Path(folder) / "bench" / "in", Path(folder) / "bench" / "out")
    return 0


if __name__ == "__main__":
    sys.exit(main())
