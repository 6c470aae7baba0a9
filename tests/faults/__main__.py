"""The fault bench: faults put into running sessions, and what became of the data.

    python -m tests.faults [--short] [--only NAME]...

Prints a table: the fault, how often it was injected, how often all that must hold held, and the
most seconds of session time that were lost by one (- where it is not about a session's time).
Exits with 1 where one was not survived. The short form is a few of each, and its kills and calls
are what CI runs. What a machine cannot do (mount a file system, compile the shim, run PostgreSQL)
is a row with 0 injections that says so.
"""

import argparse
import importlib
import importlib.util
import signal
import sys
import textwrap
import time
from collections.abc import Sequence

from tests.faults.row import Row

MODULES = (
    "scenes", "doors", "board", "watchers", "missed", "kills", "calls", "power", "disk", "batch",
    "database", "second",
)  # fmt: skip
WIDTH = 80
_NAME = 38


def head() -> str:
    return f"{'fault':{_NAME}} {'injected':>8} {'survived':>8} {'s lost':>7}"


def line(row: Row) -> str:
    """A row as text, its note below it."""
    first, *more = textwrap.wrap(row.fault, _NAME)
    told = [f"{first:{_NAME}} {row.injected:8d} {row.survived:8d} {row.lost:>7}", *more]
    told += textwrap.wrap(row.note, WIDTH - 4, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(told)


def run(names: Sequence[str], short: bool) -> list[Row]:
    """The rows of these modules, printed as they come."""
    rows: list[Row] = []
    for name in names:
        if importlib.util.find_spec(f"tests.faults.{name}") is None:
            continue
        began = time.monotonic()
        for row in importlib.import_module(f"tests.faults.{name}").rows(short):
            rows.append(row)
            print(line(row), flush=True)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return rows


def main(words: Sequence[str] | None = None) -> int:
    """The command of the first lines; its exit code."""
    ask = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    ask.add_argument("--short", action="store_true", help="few of each")
    ask.add_argument("--only", action="append", choices=MODULES, help="only this part; repeatable")
    wanted = ask.parse_args(words)
    print(head())
    rows = run(wanted.only or MODULES, wanted.short)
    injected, survived = sum(r.injected for r in rows), sum(r.survived for r in rows)
    worst = max((r.seconds_lost for r in rows if r.seconds_lost is not None), default=None)
    print(line(Row("all", injected, survived, worst)))
    return 0 if injected and injected == survived else 1


if __name__ == "__main__":
    # Ended from outside, it still ends its servers and takes its file systems down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
