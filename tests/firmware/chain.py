"""Sessions of the whole chain against the binary: mouse, picture, tracking, interlock, link, ELF.

    python -m tests.firmware.chain --cases 500 [--chambers 2|3] [--first SEED] [--jobs N]

Everything is what a session runs on, in virtual time: the simulated mouse in its box, pictures of
it, the tracker, the engine, the host's half of the wire, and the shipped ELF in the simulator with
its servo, panel and switches. A case is one time that doors are told to close behind the animal.
Each session has several, with faults of mechanism, line, board, host and camera, and with
animals that run to and fro, stand, or sit with the tail in the doorway, dart for the door as it
begins to close and go under one that is half closed. Two chambers have a door, three have two that
close together. A session is a seed and can be played again.

Judged by the truth, which is the outline of the mouse with its tail against the panel where the
mechanism has it, every 5 ms while it moves, and not by what the tracker or the board says:

* no servo goes on towards closed for more than 100 ms with the animal in its door while the
  doorway's beam is sound, a finger beside the animal or not; where the beam lies as well, a fault
  of its own, none presses on the animal for longer;
* no panel is closed on the animal, and "closed" is said only where the closed switch is pressed;
* a door that has reversed, or whose board was reset, goes towards closed only when told to again;
* in the end, when the host is silent, no door moves.
"""

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rig.apparatus import Interlock
from rig.engine import Outcome, run
from rig.firmware.build import build
from rig.hardware.measured import DATA_VARIABLE, note_forces
from rig.hardware.simulated.mouse import Manner, MouseSettings
from rig.hardware.simulated.world import World
from rig.model import Request, RequestKind, Tick
from rig.session import Wish
from rig.session.prepare import look
from rig.session.recording import simulated_operator, start
from rig.steps import SessionPlan
from tests.firmware.flashed import BOARD, BOX, DOORS, SEEN, UP_US, FlashedBoard, opened_on
from tests.firmware.simulator import Simulator, build_harness, lacking

CASES_A_SESSION = 6
NEAR = Interlock(silhouette_cm=0.5, centroid_cm=3.0)
"""Three of four sessions let doors close on less distance than is usual: more begin to close, and
an animal is sooner back in its door."""
UNSEEING = ("hung", "blind", "blind", "stuck-beam")
"""With these nobody but the beam, or nobody but the camera, sees the animal come."""
AT_ONCE = (
    (), (), ("hung",), ("blind",), ("blind",), ("stuck-beam",), ("finger",), ("finger", "blind"),
    ("stuck-beam", "blind"),
)  # fmt: skip
"""What fails in the moment in which doors close and an animal runs for them."""
LINGER_S = 4.0
"""So long at most until doors are told to close behind an animal that has come in."""
AWAY_CM, AWAY_NS = 2.5, 600_000_000
"""It runs back once it was so far from its doors for so long that they might close."""
AT_CM = (1.5, 7.0)
"""Doors are told to close when it is so near on its way back: the worst moment there is."""
DARTS_CM_S = (45.0, 60.0, 80.0)
"""An animal that runs for the door as soon as that begins to close, or walks there (40 %)."""

# Short visits, so that an animal comes and goes while its door closes: one that runs to and fro,
# one that stands, one that goes in short bouts and so sits where it has just come through, and two
# that are all over the box.
MANNERS = (
    Manner(22.0, 0.3, 0.6, 1.0, 5.0, 1.0),
    Manner(11.0, 0.8, 0.8, 1.0, 6.0, 1.0),
    Manner(9.0, 2.0, 0.8, 1.0, 5.0, 1.0, go_median_s=0.4),
    Manner(30.0, 0.2, 0.4, 1.0, 5.0, 1.0, wall_share=0.3),
    Manner(30.0, 0.2, 0.4, 1.0, 3.0, 0.5, wall_share=0.3),
)


def closing_behind(cases: int, chambers: int = 2) -> SessionPlan:
    """The doors open, the animal goes to the other side, the doors close behind it; again."""
    first = "left" if chambers == 2 else "centre"
    steps: list[dict[str, Any]] = [{"do": "place", "chamber": first, "doors": "closed"}]
    for k in range(cases):
        goal = ("right", "left")[k % 2]
        steps += [
            {"do": "open", "limit_s": 2.0, "on_limit": "next"},
            {
                "do": "explore",
                "until": "condition",
                "condition": {"in": goal, "entries": 1},
                "limit_s": 8.0 if chambers == 2 else 12.0,
                "on_limit": "next",
            },
            {
                "do": "explore",
                "name": f"linger-{k}",
                "until": "confirmed",
                "limit_s": LINGER_S,
                "on_limit": "next",
            },
            {
                "do": "confine",
                "chamber": goal,
                "doors": "closed",
                "duration_s": 0.3,
                "limit_s": 5.0,
                "on_limit": "next",
            },
        ]
    plan = {"protocol": "closing-behind", "on_door_fault": "continue", "step": steps}
    return SessionPlan.model_validate(plan)


class _Near:
    """Has an animal run back to the door it came by, and tells when it is near: doors close then.

    Most times something fails in that moment that could have seen it, or a finger is there too.
    """

    def __init__(self, board: FlashedBoard, world: World, rng: random.Random) -> None:
        self.told = False
        self._board, self._world, self._rng = board, world, rng
        self._waits = self._runs = False
        self._away_ns: int | None = None  # since when
        self._last_cm = self._at_cm = 0.0

    def begin(self, lingers: bool) -> None:
        """It lingers from now on, or does so no more."""
        self._runs, self._away_ns = False, None
        self._waits = lingers and self._rng.random() < 0.8
        self._at_cm = self._rng.uniform(*AT_CM)

    def look(self, tick: Tick) -> None:
        """A picture: is it time to run, or does it come near?"""
        seen = tick.detection
        if seen is None or not seen.clear_px:
            return
        now_cm = min(px for px, _ in seen.clear_px) / self._board.px_per_cm
        comes, self._last_cm = now_cm < self._last_cm, now_cm
        if now_cm < AWAY_CM:
            self._away_ns = None
        elif self._away_ns is None:
            self._away_ns = tick.t_ns
        elif self._waits and tick.t_ns - self._away_ns > AWAY_NS:
            self._waits, self._runs = False, True
            self._world.leave(BOX, self._rng.choice(DARTS_CM_S))
        if self._runs and comes and now_cm <= self._at_cm:
            self._runs, self.told = False, True
            for kind in self._rng.choice(AT_ONCE):
                self._board.fault((kind,), 100_000)


def session(
    seed: int, cases: int, harness: Path, elf: Path, chambers: int
) -> tuple[Counter[str], list[str]]:
    """What was counted in one session, and what was wrong."""
    rng = random.Random(seed)
    animal = MouseSettings(manner=MANNERS[seed % len(MANNERS)])
    with Simulator(harness, elf) as simulator, tempfile.TemporaryDirectory() as out:
        board = FlashedBoard(simulator, rng, chambers)
        opened, box, world = opened_on(board, seed, animal, NEAR if seed % 4 else Interlock())
        person = simulated_operator(box)
        asked: list[Any] = []
        near = _Near(board, world, rng)

        def hear(tick: Tick, outcome: Outcome) -> None:
            asked.extend(e for e in outcome.events if e.data.get("ask") != "confirm")
            near.look(tick)
            for event in outcome.events:
                if event.kind == "step_started":
                    near.begin(event.data["name"].startswith("linger"))
                    if event.data["do"] == "confine":
                        board.counts["cases"] += 1
                        board.case()
                        if rng.random() < 0.2:
                            board.fault()
                elif event.kind == "closing_permitted" and "clear_cm" in event.data:
                    if rng.random() < 0.8:
                        world.leave(BOX, rng.choice((*DARTS_CM_S, None, None)))
                    if rng.random() < 0.5:
                        board.fault(UNSEEING, 200_000)
                    elif rng.random() < 0.5:
                        board.fault()

        def asks(now_ns: int) -> Sequence[Request]:
            events, asked[:] = list(asked), []
            mine = [Request(RequestKind.CONFIRM)] if near.told else []
            near.told = False
            return [*mine, *person(now_ns, events)]

        plan = closing_behind(cases, chambers)
        wish = Wish(plan=plan, subject=f"S{seed}", phase="test", codec="h264")
        seen = look(opened.loaded, box, opened.camera)
        _, loop = start(wish, opened, box, seen, Path(out), (hear,), SEEN)
        ending = run(loop, opened.camera, asks, crop=box.crop, stall_s=0.2)
        board.check(str(ending.status) == "completed", f"the session {ending.status}")
        board.counts["seconds"] = round((simulator.t_us - UP_US) / 1e6)
        board.rest()
        return board.counts, board.wrong


MOST = frozenset(("longest press", "driven on", "driven on, beam lying"))


def play_all(
    seeds: Sequence[int], cases: int, harness: Path, elf: Path, jobs: int, chambers: int = 2
) -> tuple[Counter[str], list[str]]:
    """The same for many sessions; of what is longest the longest is kept, the rest added up."""
    one = partial(session, cases=cases, harness=harness, elf=elf, chambers=chambers)
    total: Counter[str] = Counter()
    wrong = []
    with tempfile.TemporaryDirectory() as data:
        os.environ[DATA_VARIABLE] = data
        try:
            # The firmware is a real board's: its closing force was measured.
            note_forces(BOARD, dict.fromkeys(DOORS[chambers], 0.3), datetime.now(UTC))
            if jobs == 1:
                results = [one(seed) for seed in seeds]
            else:
                with ProcessPoolExecutor(jobs) as pool:
                    results = list(pool.map(one, seeds))
        finally:
            del os.environ[DATA_VARIABLE]
    for seed, (counts, faults) in zip(seeds, results, strict=True):
        for name, n in counts.items():
            total[name] = max(total[name], n) if name in MOST else total[name] + n
        wrong += [f"seed {seed}: {fault}" for fault in faults]
    return total, wrong


def told(total: Counter[str], wrong: Sequence[str]) -> str:
    """What a person wants to read of it."""
    causes = {name.split()[1]: n for name, n in total.items() if name.startswith("reversed ")}
    faults = {name.split()[1]: n for name, n in total.items() if name.startswith("fault ")}
    reversals = ", ".join(f"{cause} {n}" for cause, n in sorted(causes.items()))
    failed = ", ".join(f"{kind} {n}" for kind, n in sorted(faults.items()))
    return (
        f"{total['cases']} cases in {total['seconds']} s of virtual time, the animal"
        f" {total['in the doorway']} times in the doorway, {total['met']} of them while the door"
        f" closed, {total['met or just missed']} before it was open again"
        f" ({total['met by the tail']} by the tail alone; the tail alone was under it"
        f" {total['steps, tail alone under a closing door']} steps of 5 ms, a finger beside the"
        f" animal {total['steps, finger and animal under a closing door']});"
        f" {sum(faults.values())} faults ({failed});"
        f" with the animal in the box {total['closing']} closings begun,"
        f" {total['closed']} finished;"
        f" {sum(causes.values())} reversals ({reversals}); towards closed with the animal in the"
        f" door {total['driven on'] / 1000:.0f} ms at most, where the beam lied or something else"
        f" held the door {total['driven on, beam lying'] / 1000:.0f} ms; longest press"
        f" {total['longest press'] / 1000:.0f} ms (0: below 50); {len(wrong)} wrong"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Play sessions as the command line says; exit code 1 when anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.firmware.chain")
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--chambers", type=int, choices=(2, 3), default=2)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args(arguments)
    if why := lacking():
        sys.stderr.write(f"cannot build and simulate the firmware: {why}\n")
        return 1
    sessions = -(-given.cases // CASES_A_SESSION)
    seeds = range(given.first, given.first + sessions)
    with tempfile.TemporaryDirectory() as folder:
        elf, harness = build(Path(folder)), build_harness(Path(folder))
        total, wrong = play_all(seeds, CASES_A_SESSION, harness, elf, given.jobs, given.chambers)
    for line in wrong[:50]:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{told(total, wrong)}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
