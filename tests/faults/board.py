"""Faults of the controller board, its line and its mechanism, put into sessions with the binary.

    python -m tests.faults.board [--times N]

The sessions are whole: simulated world, pictures, tracker, engine, link, and the shipped ELF in the
simulator, in virtual time. Half of the faults come in a confinement with the light on, half while
the door closes on the empty box. One is survived when the session was completed, its folder
verifies, the log names the fault, no door moved that nobody told to, none was driven on with
something in it, a closed door stayed closed, and outputs were off in time.
"""

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rig.apparatus import Interlock
from rig.engine import Outcome, run
from rig.firmware.build import build
from rig.hardware.measured import DATA_VARIABLE, note_forces
from rig.hardware.simulated.mouse import MANNERS, MouseSettings, Preset
from rig.hardware.wire import frame_line, parse_line
from rig.model import Request, Tick
from rig.session import Wish, verify
from rig.session.prepare import look
from rig.session.recording import simulated_operator, start
from rig.steps import SessionPlan
from rig.storage import SessionRecord
from tests.faults.folder import untold_s
from tests.faults.row import Row
from tests.firmware.flashed import (
    BOARD,
    BOX,
    RATE_HZ,
    SEEN,
    TAIL_PLACE,
    FlashedBoard,
    opened_on,
)
from tests.firmware.simulator import Simulator, build_harness, lacking

SAFE_US = 350_000
EARLIEST_US, LATEST_US = 100_000, 1_200_000
LASTS_US = 700_000
TIMES, FEW = 5, 1
CONFINED = [
    {
        "do": "confine",
        "chamber": "left",
        "doors": "closed",
        "duration_s": 3.5,
        "scored": True,
        "rule": [{"while_in": "left", "output": "laser"}],
    }
]
CLOSING = [
    {"do": "place", "chamber": "left", "doors": "closed", "limit_s": 30},
    {"do": "explore", "duration_s": 2.0, "scored": True},
]
Do = Callable[[FlashedBoard], object]


@dataclass(frozen=True)
class Fault:
    """What fails and is mended again, and what the log says of it then.

    `closing`: it comes while the door closes on the empty box, not in a confinement. `dark`: the
    output goes off for it. `ends`: how the session ends: where nobody knows any more where a door
    is, or it is jammed, the step's limit ends it, because no session moves such a door.
    """

    name: str
    begin: Do
    end: Do
    told: tuple[str, ...]
    closing: bool = False
    dark: bool = False
    ends: str = "completed"


def door(board: FlashedBoard) -> Any:
    """The one door of the box."""
    return board.doors[1]


def reset(cause: str, us: int) -> Do:
    return lambda board: board.simulator.tell("reset", cause, us)


def stalls(on: bool) -> Do:
    """The port is there, and nothing comes through."""
    return lambda board: setattr(board, "plugged", not on)


def unlit(board: FlashedBoard, deaf: bool) -> None:
    """The board never says that its output is on: its word is put in another's place."""

    def instead(line: bytes) -> bytes:
        words = (parse_line(line) or "").split()
        if words[3:] == ["out", "1", "on"]:
            return frame_line(" ".join((*words[:3], "beam", "8", "clear")))
        return line

    board.rewritten = instead if deaf else None


def nothing(board: FlashedBoard) -> None:
    """It is over by itself."""


def replugged(board: FlashedBoard) -> None:
    """The cable gives the board its power too."""
    board.simulator.tell("reset", "power", 1000)
    board.plug()


FAULTS = (
    Fault(
        "serial line lost, board has its own supply",
        FlashedBoard.unplug,
        FlashedBoard.plug,
        ("controller_lost", "controller_back"),
        dark=True,
    ),
    Fault(
        "serial line lost with the power",
        FlashedBoard.unplug,
        replugged,
        ("controller_lost", "controller_back"),
        dark=True,
    ),
    Fault(
        "serial line lost while a door closes",
        FlashedBoard.unplug,
        FlashedBoard.plug,
        ("controller_lost", "controller_back"),
        closing=True,
    ),
    Fault(
        "serial stall",
        stalls(True),
        stalls(False),
        ("controller_lost", "controller_back"),
        dark=True,
    ),
    Fault("board reset", reset("external", 1000), nothing, ("reset",), dark=True),
    Fault(
        "board reset while a door closes",
        reset("external", 1000),
        nothing,
        ("reset", "limit"),
        closing=True,
        ends="aborted",
    ),
    Fault("brown-out", reset("brownout", 300_000), nothing, ("reset",), dark=True),
    Fault(
        "limit switch stuck, door closed",
        lambda board: board.stick(door(board), "closed", "0"),
        lambda board: board.stick(door(board), "closed", "-"),
        ("door_fault",),
    ),
    Fault(
        "limit switch stuck while a door closes",
        lambda board: board.stick(door(board), "closed", "0"),
        lambda board: board.stick(door(board), "closed", "-"),
        ("door",),
        closing=True,
    ),
    Fault(
        "door jam",
        lambda board: board.jam(door(board), 1),
        lambda board: board.jam(door(board), 0),
        ("door", "door_fault", "limit"),
        closing=True,
        ends="aborted",
    ),
    Fault(
        "tail under the door",
        lambda board: board.finger(door(board), TAIL_PLACE),
        lambda board: board.finger(door(board), None),
        ("door",),
        closing=True,
    ),
    Fault(
        "beam stuck blocked",
        lambda board: board.stick_beam(door(board), "1"),
        lambda board: board.stick_beam(door(board), "-"),
        ("beam",),
        closing=True,
    ),
    Fault(
        "laser feedback missing",
        partial(unlit, deaf=True),
        partial(unlit, deaf=False),
        ("output_unconfirmed",),
    ),
)


def inject(fault: Fault, seed: int, harness: Path, elf: Path) -> tuple[float, list[str]]:
    """One session with the fault in it: seconds lost, and what did not hold."""
    rng = random.Random(seed)
    with Simulator(harness, elf) as simulator, tempfile.TemporaryDirectory() as out:
        if not fault.closing:
            simulator.tell("place", 1, 0.0)
        board = FlashedBoard(simulator, rng)
        still = MouseSettings(manner=MANNERS[Preset.U50])
        opened, box, world = opened_on(board, seed, still, Interlock())
        early = fault.told == ("output_unconfirmed",)
        began_us, places, asked = 0, set(), []

        def hear(tick: Tick, outcome: Outcome) -> None:
            nonlocal began_us
            asked.extend(outcome.events)
            places.add(simulator.places[0])
            kinds = {e.kind for e in outcome.events}
            if began_us or not kinds & {"closing_permitted" if fault.closing else "output_on"}:
                return
            began_us = tick.t_ns // 1000 + rng.randrange(EARLIEST_US, LATEST_US, 5_000)
            if fault.closing:  # a door closes for a second
                began_us = tick.t_ns // 1000 + rng.randrange(EARLIEST_US, 800_000, 5_000)
            if not early:
                board.pending.append((began_us, lambda: fault.begin(board)))
            board.pending.append((began_us + LASTS_US, lambda: fault.end(board)))

        answer = simulated_operator(box)

        def asks(now_ns: int) -> Sequence[Request]:
            events, asked[:] = list(asked), []
            return answer(now_ns, events)

        if early:  # before it is asked for the first time
            fault.begin(board)
        if not fault.closing:
            world.place(BOX, "left")
        table = {
            "protocol": "faults",
            "on_door_fault": "continue",
            "on_controller_lost": "continue",
        }
        plan = SessionPlan.model_validate({**table, "step": CLOSING if fault.closing else CONFINED})
        wish = Wish(plan=plan, subject=f"S{seed}", phase="test", codec="h264")
        seen = look(opened.loaded, box, opened.camera)
        folder, loop = start(wish, opened, box, seen, Path(out), (hear,), SEEN)
        ending = run(loop, opened.camera, asks, crop=box.crop, stall_s=0.2)
        board.rest()
        wrong = list(board.wrong)
        if str(ending.status) != fault.ends:
            wrong.append(f"{ending.status}: {ending.reason}")
        if not fault.closing and places != {0.0}:
            wrong.append(f"the closed door moved: {sorted(places)[-1]}")
        record = SessionRecord.open(folder)
        events = [(e["kind"], e["t_s"]) for e in record.events()]
        wrong += [f"no {kind} in the log" for kind in fault.told if kind not in dict(events)]
        if fault.dark:
            off = [h.t_us for h in simulator.happened if h.words == ("out", "1", "0")]
            if not off or not began_us <= off[0] <= began_us + SAFE_US:
                wrong.append("the output was not off in time")
        wrong += verify(folder, pixels=False).problems
        return untold_s(record, RATE_HZ), wrong


@contextmanager
def built() -> Iterator[tuple[Path, Path]]:
    """The harness and the ELF, and a folder in which the door's closing force is measured."""
    with tempfile.TemporaryDirectory() as folder:
        elf, harness = build(Path(folder)), build_harness(Path(folder))
        before = os.environ.get(DATA_VARIABLE)
        os.environ[DATA_VARIABLE] = folder
        try:
            note_forces(BOARD, {1: 0.3}, datetime.now(UTC))
            yield harness, elf
        finally:
            if before is None:
                del os.environ[DATA_VARIABLE]
            else:
                os.environ[DATA_VARIABLE] = before


def rows(short: bool = False, times: int | None = None) -> list[Row]:
    """A row a fault; `short` injects each once."""
    if why := lacking():
        return [Row("controller board, all faults", 0, 0, None, why)]
    times = times or (FEW if short else TIMES)
    found = []
    with built() as (harness, elf):
        for fault in FAULTS:
            told = [inject(fault, seed, harness, elf) for seed in range(times)]
            bad = [wrong[0] for _, wrong in told if wrong]
            note = bad[0] if bad else f"{fault.ends}; in the log: {', '.join(fault.told)}"
            most_s = max(lost for lost, _ in told)
            found.append(Row(fault.name, times, times - len(bad), most_s, note))
    return found


def main(words: Sequence[str] | None = None) -> int:
    """The command of the first lines; exit code 1 where one was not survived."""
    ask = argparse.ArgumentParser(prog="python -m tests.faults.board", description=__doc__)
    ask.add_argument("--times", type=int, default=TIMES)
    wanted = ask.parse_args(words)
    print(f"{'fault':44} {'injected':>9} {'survived':>9} {'seconds lost':>13}")
    found = rows(times=wanted.times)
    for row in found:
        print(f"{row.fault:44} {row.injected:9} {row.survived:9} {row.lost:>13}")
        print(f"    {row.note}")
    return 0 if all(row.survived == row.injected > 0 for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
