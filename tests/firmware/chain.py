"""Sessions of the whole chain against the binary: mouse, picture, tracking, interlock, link, ELF.

    python -m tests.firmware.chain --cases 500 [--first SEED] [--jobs N]

Everything is what a session runs on, in virtual time: the simulated mouse in its box, pictures of
it, the tracker, the engine, the host's half of the wire, and the shipped ELF in the simulator with
its servo, panel and switches. A case is one time that doors are told to close behind the animal.
Each session has several, with faults of mechanism, line, board, host and camera, and with
animals that run to and fro, stand, or sit with the tail in the doorway and go under a door that
is half closed. It is a seed and can be played again.

Judged by the truth, which is the outline of the mouse with its tail against the panel where the
mechanism has it, every 5 ms while it moves, and not by what the tracker or the board says:

* no servo goes on towards closed for more than 100 ms with the animal in its door while the
  doorway's beam is sound; where the beam lies as well, a fault of its own, none presses on the
  animal for longer;
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
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rig.apparatus import Interlock
from rig.engine import Outcome, run
from rig.firmware.build import build
from rig.hardware.link import Link, Phase
from rig.hardware.measured import DATA_VARIABLE, note_forces
from rig.hardware.orders import Order, Timing
from rig.hardware.simulated.builtin import builtin
from rig.hardware.simulated.camera import SimulatedCamera
from rig.hardware.simulated.experimenter import Experimenter
from rig.hardware.simulated.mouse import Manner, MouseSettings
from rig.hardware.simulated.world import World
from rig.hardware.wire import parse_line
from rig.model import DoorReport, Frame, Request, Silence, Tick
from rig.session import LoadedRig, Wish
from rig.session.load import LoadedBox
from rig.session.opened import OpenBox, OpenRig
from rig.session.prepare import look
from rig.session.recording import simulated_operator, start
from rig.steps import SessionPlan
from tests.firmware.simulator import Simulator, build_harness, lacking

BOX, DOOR, BOARD, NUMBER = "A", "middle", "board-1", 1
CASES_A_SESSION = 6
RATE_HZ = 30.0
SIZE_PX = (200, 120)
STEP_US = 5_000
UP_US = 200_000  # by then the board has answered hello
DRIVEN_ON_US = 100_000
FRAME_US = 30_000  # a servo is told where to go every 20 ms
CLOSED_PLACE = 0.03
OPEN_ENOUGH = 0.4
"""An animal goes under a panel that has come down by 3 cm of its 5."""
BODY_PLACE, TAIL_PLACE = 0.4, 0.08
"""How far a panel can come down on a body (2 cm) and on a tail (4 mm)."""
NEAR = Interlock(silhouette_cm=0.5, centroid_cm=3.0)
"""Three of four sessions let doors close on less distance than is usual: more begin to close, and
an animal is sooner back in its door."""
FAULTS = (
    "jam", "finger", "slow", "stuck", "stuck-beam", "stuck-beam", "noise",
    "reset", "unplug", "hung", "hung", "blind", "blind",
)  # fmt: skip
UNSEEING = ("hung", "blind", "blind", "stuck-beam")
"""With these nobody but the beam, or nobody but the camera, sees the animal come."""

# Short visits, so that an animal comes and goes while its door closes: one that runs to and fro,
# one that stands, one that goes in short bouts and so sits where it has just come through.
MANNERS = (
    Manner(22.0, 0.3, 0.6, 1.0, 5.0, 1.0),
    Manner(11.0, 0.8, 0.8, 1.0, 6.0, 1.0),
    Manner(9.0, 2.0, 0.8, 1.0, 5.0, 1.0, go_median_s=0.4),
)


def closing_behind(cases: int) -> SessionPlan:
    """The door opens, the animal goes to the other side, the door closes behind it; again."""
    steps: list[dict[str, Any]] = [{"do": "place", "chamber": "left", "doors": "closed"}]
    for k in range(cases):
        goal = ("right", "left")[k % 2]
        steps += [
            {"do": "open", "limit_s": 2.0, "on_limit": "next"},
            {
                "do": "explore",
                "until": "condition",
                "condition": {"in": goal, "entries": 1},
                "limit_s": 8.0,
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


class FlashedBoard:
    """The binary with its door and the host's link: what `VirtualBoard` is to sessions and worlds.

    Line, host and mechanism fail as `fault` says. What is true is judged as time goes on.
    """

    def __init__(self, simulator: Simulator, rng: random.Random) -> None:
        self.simulator, self.rng = simulator, rng
        self.link = Link(BOARD)
        self.world: World | None = None
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.plugged, self.hung, self.blind, self.noise = True, False, False, 0.0
        self._pending: list[tuple[int, Callable[[], None]]] = []
        self._listeners: list[Callable[[DoorReport], None]] = []
        self._to_host = b""
        self._beam_lies = self._switch_lies = self._disturbed = False
        self._inside = self._told_to_close = self._moves = False
        self._seen = 0
        self._driven: dict[str, tuple[int, int]] = {}  # since when, and when last
        while self.link.phase is not Phase.UP or simulator.t_us < UP_US:
            self._step(simulator.t_us + STEP_US)

    # What a session wants of a board.

    @property
    def name(self) -> str:
        return self.link.name

    def order(self, orders: Sequence[Order], now_ns: int) -> None:
        self.step_to(now_ns)
        if not self.hung:
            self._exchange(b"", orders)

    def alive(self, now_ns: int) -> None:
        self.step_to(now_ns)
        if not self.hung:
            self.link.alive(self.simulator.t_us * 1000)
            self._exchange(b"")

    def subscribe(
        self,
        listener: Callable[[DoorReport], None],
        timed: Callable[[Timing], None] | None = None,
    ) -> Callable[[], None]:
        for report in self.link.told(self.simulator.t_us * 1000):
            listener(report)
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # What a world wants of a board.

    def position(self, door: int) -> float:
        return self.simulator.places[door - 1]

    def output(self, number: int) -> bool:
        return False

    def block(self, door: int, blocked: bool) -> None:
        """Nothing: what stands in the door is looked at in every step, and how high it is."""

    def set_beam(self, number: int, blocked: bool) -> None:
        self.simulator.tell("beam", number, int(blocked))

    # Time.

    def step_to(self, now_ns: int) -> None:
        """Go on to `now_ns`, 5 ms at a time while the door moves."""
        until_us = now_ns // 1000
        while self.simulator.t_us < until_us:
            step_us = STEP_US if self._moves else 2 * STEP_US
            self._step(min(self.simulator.t_us + step_us, until_us))

    def _step(self, until_us: int) -> None:
        simulator = self.simulator
        due = [pair for pair in self._pending if pair[0] <= simulator.t_us]
        for pair in due:
            self._pending.remove(pair)
            pair[1]()
        self._look()
        before = simulator.servos[NUMBER - 1]
        said = simulator.run_to(until_us)
        self._judge(said, before)
        if self.plugged:
            self._to_host += self._garbled(said)
        if not self.hung:
            self._exchange(self._to_host)
            self._to_host = b""

    def _exchange(self, data: bytes, orders: Sequence[Order] = ()) -> None:
        out, reports = self.link.step(self.simulator.t_us * 1000, data, orders)
        for report in reports:
            for listener in self._listeners:
                listener(report)
        if out and self.plugged:
            self.simulator.send(self._garbled(out))

    def _garbled(self, data: bytes) -> bytes:
        if not self.noise:
            return data
        kept = bytearray()
        for byte in data:
            if self.rng.random() >= self.noise / 4:
                flips = self.rng.random() < self.noise
                kept.append(byte ^ 1 << self.rng.randrange(8) if flips else byte)
        return bytes(kept)

    # Truth.

    def _look(self) -> None:
        """Put the animal into the mechanism, as high as what of it is in the doorway."""
        if self.world is None or self._finger:
            return
        inside = self.world.in_doorway(BOX, DOOR)
        body = inside and self.world.in_doorway(BOX, DOOR, tail=False)
        place = BODY_PLACE if body else TAIL_PLACE if inside else None
        if place != self._put:
            self._put = place
            self.simulator.tell("finger", NUMBER, "-" if place is None else place)
        if inside and not self._inside:
            self.counts["in the doorway"] += 1
            self.counts["met"] += self._told_to_close
        self._inside = inside

    _put: float | None = None
    _finger = False

    def _judge(self, said: bytes, servo_before: float) -> None:
        simulator = self.simulator
        place, servo = simulator.places[NUMBER - 1], simulator.servos[NUMBER - 1]
        for line in said.splitlines(keepends=True):
            words = (parse_line(line) or "").split()
            if len(words) > 5 and words[3:5] == ["door", str(NUMBER)]:
                self._hear(words[5:], place)
            elif words[3:] == ["reset"]:
                self._told_to_close = False
        for happened in simulator.happened[self._seen :]:
            if happened.words[:2] == ("pressed", str(NUMBER)):
                us = int(happened.words[2])
                self.counts["longest press"] = max(self.counts["longest press"], us)
                self.check(us <= DRIVEN_ON_US, f"pressed for {us} us")
        self._seen = len(simulator.happened)
        closes = servo < servo_before - 1e-6
        self._moves = self._told_to_close or servo != servo_before
        lies = self._beam_lies or self._disturbed
        on_us = self._going_on("on", closes and self._inside)
        which = "driven on, beam lying" if lies else "driven on"
        self.counts[which] = max(self.counts[which], on_us)
        self.check(lies or on_us <= DRIVEN_ON_US, f"driven on for {on_us} us with the animal in it")
        untold_us = self._going_on("untold", closes and not self._told_to_close)
        free = self._disturbed or untold_us <= DRIVEN_ON_US
        self.check(free, f"towards closed for {untold_us} us, and nobody had told it to")
        self.check(not self._inside or place > CLOSED_PLACE, "closed on the animal")

    def _going_on(self, what: str, now: bool) -> int:
        """For how long something has gone on that shows once in every frame of the servo; us."""
        t_us = self.simulator.t_us
        since_us, last_us = self._driven.get(what, (t_us, 0))
        if now:
            if t_us - last_us > FRAME_US:
                since_us = t_us - STEP_US
            self._driven[what] = since_us, t_us
            return t_us - since_us
        return 0

    def _hear(self, words: list[str], place: float) -> None:
        """The board tells of its door."""
        state = words[0]
        self._told_to_close = state == "closing"
        if state == "reversed":
            self.counts[f"reversed {words[1]}"] += 1
        elif self.world is not None and self.world.animal_in(BOX):
            self.counts[state] += 1
        if state == "closed" and not self._switch_lies:
            self.check(place <= CLOSED_PLACE, f'"closed" is said at {place}')

    def check(self, good: bool, what: str) -> None:
        if not good:
            self.wrong.append(f"{what} ({self.simulator.t_us / 1e6:.3f} s)")

    # Faults.

    def fault(self, kinds: Sequence[str] = FAULTS, within_us: int = 1_000_000) -> None:
        """Something fails soon, and a while later does so no more."""
        rng, now_us = self.rng, self.simulator.t_us
        kind = rng.choice(kinds)
        self.counts[f"fault {kind}"] += 1
        begin, end = self._fault(kind)
        at_us = now_us + rng.randrange(0, within_us, 5_000)
        self._pending.append((at_us, begin))
        self._pending.append((at_us + rng.randrange(200_000, 1_500_000, 5_000), end))

    def _fault(self, kind: str) -> tuple[Callable[[], None], Callable[[], None]]:
        rng, tell = self.rng, self.simulator.tell
        match kind:
            case "jam":
                return partial(self._jam, 1), partial(self._jam, 0)
            case "finger":
                place = round(rng.uniform(0.05, 1.0), 3)
                return partial(self._hold, place), partial(self._hold, None)
            case "slow":
                speed = rng.choice((0.1, 0.3))
                return partial(tell, "slow", NUMBER, speed), partial(tell, "slow", NUMBER, 1)
            case "stuck":
                switch, value = rng.choice(("open", "closed")), rng.choice("01")
                return partial(self._stick, switch, value), partial(self._stick, switch, "-")
            case "stuck-beam":
                value = rng.choice("001")
                return partial(self._stick_beam, value), partial(self._stick_beam, "-")
            case "noise":
                share = rng.choice((0.002, 0.02, 0.1))
                return partial(setattr, self, "noise", share), partial(setattr, self, "noise", 0.0)
            case "reset":
                cause = rng.choice(("power", "external", "brownout", "watchdog"))
                us = rng.choice((0, 1_000, 60_000, 300_000))
                return partial(tell, "reset", cause, us), lambda: None
            case "unplug":
                return self._unplug, self._plug
        return partial(setattr, self, kind, True), partial(setattr, self, kind, False)

    def _jam(self, on: int) -> None:
        self._disturbed = True
        self.simulator.tell("jam", NUMBER, on)

    def _hold(self, place: float | None) -> None:
        self._disturbed = True
        self._finger = place is not None
        self._put = None
        self.simulator.tell("finger", NUMBER, "-" if place is None else place)

    def _stick(self, switch: str, value: str) -> None:
        self._disturbed = True
        self._switch_lies = switch == "closed" and value != "-"
        self.simulator.tell("stuck", NUMBER, switch, value)

    def _stick_beam(self, value: str) -> None:
        self._beam_lies = value != "-"
        self.simulator.tell("stuck-beam", NUMBER, value)

    def _unplug(self) -> None:
        self.plugged = False
        self._tell(self.link.lost(self.simulator.t_us * 1000))

    def _plug(self) -> None:
        self.plugged = True
        self.link.found(self.simulator.t_us * 1000)

    def _tell(self, reports: Sequence[DoorReport]) -> None:
        for report in reports:
            for listener in self._listeners:
                listener(report)

    def case(self) -> None:
        """Another time that the door closes: what was disturbed before is over."""
        self._disturbed = bool(self._pending) and self._disturbed

    def rest(self) -> None:
        """The host is silent: what moves comes to its end, and then nothing does."""
        for _, end in self._pending:
            end()
        self._pending = []
        self.hung, still = True, 0
        until_us = self.simulator.t_us + 4_000_000
        while still < 20 and self.simulator.t_us < until_us:
            before = self.simulator.places
            self._step(self.simulator.t_us + 2 * STEP_US)
            still = still + 1 if before == self.simulator.places else 0
        self.check(still == 20, "the door still moves in the end")


class FailingCamera(SimulatedCamera):
    """It gives no picture while the board's fault `blind` lasts."""

    board: FlashedBoard

    def next(self, timeout_s: float) -> Frame | Silence | None:
        if not self.board.blind:
            return super().next(timeout_s)
        self._step_to(self.now_ns + round(timeout_s * 1e9))
        while self._time_ns(self._k) <= self.now_ns:
            self._k += 1
        return Silence(self.now_ns)


def opened_on(
    board: FlashedBoard, seed: int, animal: MouseSettings, near: Interlock
) -> tuple[OpenRig, OpenBox, World]:
    """The simulated rig with the binary as its board, in virtual time from now on."""
    rig, apparatuses = builtin(chambers=2, frame_size_px=SIZE_PX, rate_hz=RATE_HZ)
    apparatuses = {
        name: one.model_copy(update={"interlock": near}) for name, one in apparatuses.items()
    }
    loaded_boxes = {b.name: LoadedBox(b, apparatuses[b.name], "sim", None) for b in rig.box}
    loaded = LoadedRig("sim", rig, loaded_boxes, Path())
    world = World(rig, apparatuses, seed, {BOARD: board}, {BOX: animal}, open_enough=OPEN_ENOUGH)
    board.world = world
    start_ns = board.simulator.t_us * 1000
    camera = FailingCamera(world, start_ns=start_ns, steppers=[board.step_to])
    camera.board = board
    person = Experimenter(world, BOX, seed)
    box = OpenBox(loaded_boxes[BOX], world.empty_picture(BOX), person)
    boards: Any = {BOARD: board}
    return OpenRig(loaded, camera, {BOX: box}, None, world, boards), box, world


def session(seed: int, cases: int, harness: Path, elf: Path) -> tuple[Counter[str], list[str]]:
    """What was counted in one session, and what was wrong."""
    rng = random.Random(seed)
    animal = MouseSettings(manner=MANNERS[seed % len(MANNERS)])
    with Simulator(harness, elf) as simulator, tempfile.TemporaryDirectory() as out:
        board = FlashedBoard(simulator, rng)
        opened, box, world = opened_on(board, seed, animal, NEAR if seed % 4 else Interlock())
        asked: list[Any] = []

        def hear(tick: Tick, outcome: Outcome) -> None:
            asked.extend(outcome.events)
            for event in outcome.events:
                if event.kind == "step_started" and event.data.get("do") == "confine":
                    board.counts["cases"] += 1
                    board.case()
                    if rng.random() < 0.2:
                        board.fault()
                elif event.kind == "closing_permitted" and "clear_cm" in event.data:
                    if rng.random() < 0.8:
                        world.leave(BOX)
                    if rng.random() < 0.5:
                        board.fault(UNSEEING, 200_000)
                    elif rng.random() < 0.5:
                        board.fault()

        answer = simulated_operator(box)

        def asks(now_ns: int) -> Sequence[Request]:
            events, asked[:] = list(asked), []
            return answer(now_ns, events)

        wish = Wish(plan=closing_behind(cases), subject=f"S{seed}", phase="test", codec="h264")
        seen = look(opened.loaded, box, opened.camera)
        _, loop = start(wish, opened, box, seen, Path(out), (hear,))
        ending = run(loop, opened.camera, asks, crop=box.crop, stall_s=0.2)
        board.check(str(ending.status) == "completed", f"the session {ending.status}")
        board.counts["seconds"] = round((simulator.t_us - UP_US) / 1e6)
        board.rest()
        return board.counts, board.wrong


MOST = frozenset(("longest press", "driven on", "driven on, beam lying"))


def play_all(
    seeds: Sequence[int], cases: int, harness: Path, elf: Path, jobs: int
) -> tuple[Counter[str], list[str]]:
    """The same for many sessions; of what is longest the longest is kept, the rest added up."""
    one = partial(session, cases=cases, harness=harness, elf=elf)
    total: Counter[str] = Counter()
    wrong = []
    with tempfile.TemporaryDirectory() as data:
        os.environ[DATA_VARIABLE] = data
        try:
            # The firmware is a real board's: its closing force was measured.
            note_forces(BOARD, {NUMBER: 0.3}, datetime.now(UTC))
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
        f" closed; {sum(faults.values())} faults ({failed});"
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
        total, wrong = play_all(seeds, CASES_A_SESSION, harness, elf, given.jobs)
    for line in wrong[:50]:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{told(total, wrong)}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
