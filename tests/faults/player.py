"""One session of a simulated rig in real time, in a process of its own, that a fault is done to.

    python -m tests.faults.player OUT [--seconds S] [--codec CODEC] [--at TICK FILE TEXT]

At the tick named, FILE is made with TEXT in it: what a shim (or whoever waits for the file) takes
for its word to begin. Prints one line of JSON: how the session ended, its folder, and of the time
after the tick when it failed and whether an output was switched on or a door was moved then.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rig.engine import Outcome, run
from rig.errors import RigError
from rig.hardware.simulated.builtin import builtin
from rig.hardware.simulated.mouse import MANNERS, MouseSettings, Preset
from rig.model import CommandKind, ReportKind, Tick
from rig.session import LoadedRig, Wish
from rig.session.load import LoadedBox
from rig.session.opened import OpenRig, open_rig
from rig.session.prepare import look
from rig.session.recording import silence_s, simulated_operator, start
from rig.steps import SessionPlan
from tests.small import tick_until

BOX = "A"
SAFE = (CommandKind.OPEN, CommandKind.STOP, CommandKind.OFF)


def plan_of(seconds: float) -> SessionPlan:
    """The animal is put into the middle and goes where it likes; on the left the laser is on."""
    rule = {"while_in": "left", "output": "laser", "dwell_s": 0.1, "max_on_s": 1, "rearm_s": 0.2}
    return SessionPlan.model_validate(
        {
            "protocol": "a fault",
            "step": [
                {"do": "place", "chamber": "left"},
                {"do": "explore", "duration_s": seconds, "scored": True, "rule": [rule]},
            ],
        }
    )


def loaded(rate_hz: float = 30.0) -> LoadedRig:
    """A small box without doors in its doorways, and a board for its laser."""
    rig, apparatuses = builtin(frame_size_px=(160, 120), rate_hz=rate_hz)
    boxes = {b.name: LoadedBox(b, apparatuses[b.name], "sim", None) for b in rig.box}
    return LoadedRig("sim", rig, boxes, Path())


def play(
    out: Path, seconds: float, codec: str, seed: int, at: tuple[int, Path, str] | None
) -> dict[str, Any]:
    """Run it; what is printed."""
    manner = MANNERS[Preset.PRETEST]
    animals = {BOX: MouseSettings(Preset.PRETEST, 1.0, "left", manner)}
    opened = open_rig(loaded(), speed="1", seed=seed, animals=animals)
    told: dict[str, Any] = {"commands_after": 0, "failed_after_s": None}
    fault_ns = 0
    errored = False
    events: list[Any] = []

    def hear(tick: Tick, outcome: Outcome) -> None:
        nonlocal fault_ns, errored
        events.extend(outcome.events)
        told["last_ns"] = tick.t_ns
        told.setdefault("first_ns", tick.t_ns)
        if at is not None and tick.k == at[0]:
            fault_ns = tick.t_ns
            at[1].write_text(at[2], encoding="utf-8")
        if errored:
            told["commands_after"] += sum(c.kind not in SAFE for c in outcome.commands)
        if any(report.kind is ReportKind.STORAGE for report in tick.reports):
            errored = True
            told["failed_after_s"] = (tick.t_ns - fault_ns) / 1e9

    try:
        box = opened.boxes[BOX]
        wish = Wish.model_validate(
            {"plan": plan_of(seconds), "subject": "M01", "phase": "test", "codec": codec}
        )
        seen = look(opened.loaded, box, opened.camera)
        folder, loop = start(wish, opened, box, seen, out, (hear,))
        told["folder"] = str(folder)
        person = simulated_operator(box)

        def asks(now_ns: int) -> Sequence[Any]:
            new, events[:] = list(events), []
            return person(now_ns, new)

        ending = run(
            loop, opened.camera, asks,
            crop=box.crop, stall_s=silence_s(opened), clock=opened.clock,
        )  # fmt: skip
        told |= {"status": str(ending.status), "reason": ending.reason, "fault_ns": fault_ns}
        told["output_on"] = _stays_on(opened)
    except RigError as error:
        told |= {"status": "refused", "reason": str(error)}
    finally:
        opened.close()
    return told


def _stays_on(opened: OpenRig) -> bool:
    """Whether the laser is on when its board has had a second to hear that it is to be off."""
    world = opened.world
    assert world is not None
    with suppress(AssertionError):
        tick_until(lambda: not world.output_on(BOX, "laser"), 1.0)
    return world.output_on(BOX, "laser")


def main(words: Sequence[str] | None = None) -> int:
    """The command of the first lines."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("out", type=Path)
    ask.add_argument("--seconds", type=float, default=3.0)
    ask.add_argument("--codec", default="lossless")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--at", nargs=3, metavar=("TICK", "FILE", "TEXT"))
    wanted = ask.parse_args(words)
    at = None
    if wanted.at is not None:
        at = (int(wanted.at[0]), Path(wanted.at[1]), wanted.at[2])
    print(json.dumps(play(wanted.out, wanted.seconds, wanted.codec, wanted.seed, at)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
