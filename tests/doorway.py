"""A session in which a door closes behind the animal, held against the simulated world's truth.

python -m tests.doorway [--sessions 100] [--first 0] [--no-beams] [--rate 60]

By the truth, and not by the tracker: no door is closed with any part of the animal, its tail too,
in the doorway, and none is driven on towards closed for more than 100 ms with it there. Prints
what the sessions came to; exits with 1 where one of them did harm or came to no end.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.engine import Outcome, run
from rig.hardware.simulated.builtin import builtin
from rig.hardware.simulated.mouse import MouseSettings, Preset
from rig.hardware.simulated.virtual import VirtualBoard
from rig.hardware.wiring import wiring
from rig.model import NS_PER_S, Request, Tick
from rig.session import LoadedRig, Wish
from rig.session.load import LoadedBox
from rig.session.opened import open_rig
from rig.session.prepare import look
from rig.session.recording import simulated_operator, start
from rig.steps import SessionPlan

BOX = "A"
DRIVEN_ON_NS = 100_000_000
RATE_HZ = 60.0
"""As often as the simulated world moves: nothing happens between two pictures."""


def shutting_in(limit_s: float = 240.0, confined_s: float = 2.0) -> SessionPlan:
    """The animal goes where it likes; when it enters the left chamber, the doors close on it."""
    return SessionPlan.model_validate(
        {
            "protocol": "shutting-in",
            "on_door_fault": "continue",
            "step": [
                {"do": "place", "chamber": "centre", "doors": "closed"},
                {"do": "open"},
                {
                    "do": "explore",
                    "name": "choose",
                    "until": "condition",
                    "condition": {"in": "left", "entries": 1},
                    "on_limit": "next",
                },
                {
                    "do": "confine",
                    "name": "confined",
                    "chamber": "left",
                    "doors": "closed",
                    "duration_s": confined_s,
                    "scored": True,
                    "limit_s": limit_s,
                    "on_limit": "alarm",
                },
            ],
        }
    )


def doored_rig(beams: bool = True, **options: Any) -> LoadedRig:
    """The built-in rig with its motor doors, with beams in its doorways or without."""
    rig, apparatuses = builtin(**options)
    if not beams:
        rig = rig.model_copy(
            update={"box": tuple(b.model_copy(update={"beams": {}}) for b in rig.box)}
        )
    boxes = {b.name: LoadedBox(b, apparatuses[b.name], "sim", None) for b in rig.box}
    return LoadedRig("sim", rig, boxes, Path())


@dataclass
class Told:
    """One session and what was true in it."""

    folder: Path
    status: str = ""
    kinds: Counter[str] = field(default_factory=Counter)
    events: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    closed_on: int = 0  # pictures with a closed door and the animal in it
    longest_ns: int = 0  # that a door was driven towards closed with the animal in it
    with_animal: int = 0  # closings that were begun with the animal in the box
    shut_in: bool = False  # both doors closed, the animal in the left chamber
    waited_s: float = 0.0  # from the step's begin to both doors closed

    @property
    def harmless(self) -> bool:
        """Whether no door closed, or went on closing, on the animal."""
        return self.closed_on == 0 and self.longest_ns <= DRIVEN_ON_NS


def session(
    out: Path,
    seed: int,
    rig: LoadedRig,
    plan: SessionPlan,
    animal: MouseSettings,
    asked: Sequence[tuple[float, Request]] = (),
) -> Told:
    """One session in virtual time. `asked`: requests of a person, at seconds of the session."""
    opened = open_rig(rig, speed="max", seed=seed, animals={BOX: animal})
    world = opened.world
    assert world is not None
    box = opened.boxes[BOX]
    doors = {
        name: (opened.boards[pin.board], pin.number)
        for name, pin in wiring(box.loaded.box).doors.items()
    }
    events: list[Any] = []
    since: dict[str, int] = {}
    waiting = list(asked)
    told: Told

    def hear(tick: Tick, outcome: Outcome) -> None:
        events.extend(outcome.events)
        for name, (board, number) in doors.items():
            assert isinstance(board, VirtualBoard)
            inside = world.in_doorway(BOX, name)
            position = board.board.position(number)
            told.closed_on += inside and position == 0.0
            closing = outcome.state.door(name) == "closing"
            if inside and closing and position < 1.0:
                told.longest_ns = max(
                    told.longest_ns, tick.t_ns - since.setdefault(name, tick.t_ns)
                )
            else:
                since.pop(name, None)

    try:
        wish = Wish(plan=plan, subject=f"S{seed}", phase="test", codec="h264")
        folder, loop = start(
            wish, opened, box, look(opened.loaded, box, opened.camera), out, (hear,)
        )
        told = Told(folder)
        person = simulated_operator(box)

        def asks(now_ns: int) -> list[Request]:
            new = list(events[len(told.events) :])
            told.events += [(e.t_ns, e.kind, dict(e.data)) for e in new]
            due = [request for at_s, request in waiting if at_s * NS_PER_S <= now_ns]
            waiting[:] = [pair for pair in waiting if pair[0] * NS_PER_S > now_ns]
            return [*due, *person(now_ns, new)]

        ending = run(loop, opened.camera, asks, crop=box.crop, stall_s=0.2)
        told.events += [(e.t_ns, e.kind, dict(e.data)) for e in events[len(told.events) :]]
        truth = world.truth(BOX)
        told.shut_in = truth is not None and truth.chamber == "left"
    finally:
        opened.close()
    told.status = str(ending.status)
    told.kinds = Counter(kind for _, kind, _ in told.events)
    told.with_animal = sum(
        kind == "closing_permitted" and "clear_cm" in data for _, kind, data in told.events
    )
    begun = [t for t, kind, data in told.events if kind == "step_started" and data["step"] == 4]
    scored = [t for t, kind, _ in told.events if kind == "scoring_started"]
    if begun and scored:
        told.waited_s = (scored[-1] - begun[0]) / NS_PER_S
    return told


def main(words: Sequence[str] | None = None) -> int:
    """The command of the first lines; its exit code."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--sessions", type=int, default=100)
    ask.add_argument("--first", type=int, default=0, help="the first seed")
    ask.add_argument("--no-beams", action="store_true")
    ask.add_argument("--rate", type=float, default=RATE_HZ, help="pictures a second")
    wanted = ask.parse_args(words)
    rig = doored_rig(beams=not wanted.no_beams, rate_hz=wanted.rate)
    plan, kinds = shutting_in(), list(Preset)
    held, closings, ended, waited, worst_ns, bad = 0, 0, 0, [], 0, []
    reversals: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as out:
        for seed in range(wanted.first, wanted.first + wanted.sessions):
            animal = MouseSettings(kinds[seed % len(kinds)], beta=0.5, preferred="left")
            one = session(Path(out), seed, rig, plan, animal)
            held += one.kinds["door_held"] > 0
            closings += one.with_animal
            ended += one.status == "completed" and one.shut_in
            waited.append(one.waited_s)
            worst_ns = max(worst_ns, one.longest_ns)
            reversals.update(
                data["cause"]
                for _, kind, data in one.events
                if kind == "door" and data["state"] == "reversed"
            )
            if not one.harmless or one.status != "completed":
                bad.append(f"seed {seed}: {one}")
    waited.sort()
    print(
        f"{wanted.sessions} sessions, {ended} completed with the animal shut in, {held} with a door"
        f" held, {closings} closings begun with the animal in the box"
    )
    print(f"reversals: {dict(reversals)}")
    print(
        f"from the step's begin to both doors closed: median {waited[len(waited) // 2]:.1f} s,"
        f" longest {waited[-1]:.1f} s"
    )
    print(
        f"driven on towards closed with the animal in the doorway: {worst_ns / 1e6:.0f} ms at most"
    )
    for line in bad:
        print(line[:600], file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
