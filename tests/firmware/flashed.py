"""The binary as a session's board, in virtual time, its mechanism tied to a simulated world.

`FlashedBoard` stands where a session and a world want a board: the ELF in the simulator, the host's
link to it, and what can fail between them. What is true of doors and animal is judged as time goes
on, by the outline of the mouse and the mechanism, not by what tracker or board say.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rig.apparatus import Interlock
from rig.hardware.link import Link, Phase
from rig.hardware.orders import Order, Timing
from rig.hardware.simulated.builtin import builtin, builtin_apparatus
from rig.hardware.simulated.camera import SimulatedCamera
from rig.hardware.simulated.experimenter import Experimenter
from rig.hardware.simulated.mouse import MouseSettings
from rig.hardware.simulated.world import World
from rig.hardware.wire import parse_line
from rig.model import DoorReport, Frame, Silence
from rig.session import LoadedRig
from rig.session.load import LoadedBox
from rig.session.opened import OpenBox, OpenRig
from rig.setup import Worked
from tests.firmware.simulator import Simulator

SEEN = Worked(doors={"middle": "", "left": "", "right": ""}, outputs={"laser": ""})
"""All that is wired was worked before the session, and seen."""
BOX, BOARD = "A", "board-1"
DOORS: Mapping[int, Mapping[int, str]] = {2: {1: "middle"}, 3: {1: "left", 2: "right"}}
"""By chambers: the doors of the built-in box, by their number on the board."""
RATE_HZ = 30.0
SIZE_PX = (200, 120)
STEP_US = 5_000
UP_US = 200_000  # by then the board has answered hello
DRIVEN_ON_US = 100_000
FRAME_US = 30_000  # a servo is told where to go every 20 ms
CLOSED_PLACE, OPENS_PLACE = 0.03, 0.97
OPEN_ENOUGH = 0.4
"""An animal goes under a panel that has come down by 3 cm of its 5."""
BODY_PLACE, TAIL_PLACE = 0.4, 0.08
"""How far a panel can come down on a body (2 cm) and on a tail (4 mm)."""
FAULTS = (
    "jam", "finger", "slow", "stuck", "stuck-beam", "stuck-beam", "noise",
    "reset", "unplug", "hung", "hung", "blind", "blind",
)  # fmt: skip


@dataclass(slots=True)
class _Door:
    """One door: what is in it, what fails in it, and for how long it has been driven on."""

    number: int
    name: str
    inside: bool = False  # the animal, tail or body
    put: float | None = None  # how far the mechanism can close it now
    finger: float | None = None  # a fault's
    beam_lies: bool = False
    switch_lies: bool = False
    held: bool = False  # jammed, or a switch of it lies
    disturbed: bool = False  # by any fault
    told_to_close: bool = False
    moves: bool = False
    driven: dict[str, tuple[int, int]] = field(default_factory=dict)  # since when, and when last


class FlashedBoard:
    """The binary with its doors and the host's link: what `VirtualBoard` is to sessions and worlds.

    Line, host and mechanism fail as `fault` says. What is true is judged as time goes on.
    `chambers`: of the built-in box that it moves the doors of, two or three.
    """

    def __init__(self, simulator: Simulator, rng: random.Random, chambers: int = 2) -> None:
        self.simulator, self.rng = simulator, rng
        self.link = Link(BOARD)
        self.world: World | None = None
        self.px_per_cm = builtin_apparatus(chambers, SIZE_PX).px_per_cm_mean
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.plugged, self.hung, self.blind, self.noise = True, False, False, 0.0
        self.pending: list[tuple[int, Callable[[], None]]] = []
        self._listeners: list[Callable[[DoorReport], None]] = []
        self._to_host = b""
        self.chambers = chambers
        self.rewritten: Callable[[bytes], bytes] | None = None  # a line on its way to the host
        self.doors = {n: _Door(n, name) for n, name in DOORS[chambers].items()}
        self._seen = 0
        self._lit: dict[int, bool] = {}
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

    def rehearse(self, orders: Sequence[Order]) -> None:
        pass  # nobody waits for a picture in virtual time

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
        return self._lit.get(number, False)

    def block(self, door: int, blocked: bool) -> None:
        """Nothing: what stands in the door is looked at in every step, and how high it is."""

    def set_beam(self, number: int, blocked: bool) -> None:
        self.simulator.tell("beam", number, int(blocked))

    # Time.

    def step_to(self, now_ns: int) -> None:
        """Go on to `now_ns`, 5 ms at a time while a door moves."""
        until_us = now_ns // 1000
        while self.simulator.t_us < until_us:
            moves = any(door.moves for door in self.doors.values())
            step_us = STEP_US if moves else 2 * STEP_US
            self._step(min(self.simulator.t_us + step_us, until_us))

    def _step(self, until_us: int) -> None:
        simulator = self.simulator
        due = [pair for pair in self.pending if pair[0] <= simulator.t_us]
        for pair in due:
            self.pending.remove(pair)
            pair[1]()
        for door in self.doors.values():
            self._look(door)
        before = list(simulator.servos)
        said = simulator.run_to(until_us)
        self._judge(said, before)
        if self.rewritten is not None:
            said = b"".join(map(self.rewritten, said.splitlines(keepends=True)))
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

    def _look(self, door: _Door) -> None:
        """Put into the mechanism what is in the doorway, as high as it is there: animal, finger."""
        inside, place = False, None
        if self.world is not None:
            inside = self.world.in_doorway(BOX, door.name)
            body = inside and self.world.in_doorway(BOX, door.name, tail=False)
            place = BODY_PLACE if body else TAIL_PLACE if inside else None
            if inside and not door.inside:
                self.counts["in the doorway"] += 1
                self.counts["met"] += door.told_to_close
                at = self.simulator.places[door.number - 1]
                self.counts["met or just missed"] += at < OPENS_PLACE
                self.counts["met by the tail"] += door.told_to_close and not body
            self.counts["steps, tail alone under a closing door"] += (
                inside and not body and door.told_to_close
            )
            self.counts["steps, finger and animal under a closing door"] += (
                inside and door.finger is not None and door.told_to_close
            )
        door.inside = inside
        self._put(door, max((p for p in (place, door.finger) if p is not None), default=None))

    def _put(self, door: _Door, place: float | None) -> None:
        if place != door.put:
            door.put = place
            self.simulator.tell("finger", door.number, "-" if place is None else place)

    def _judge(self, said: bytes, before: Sequence[float]) -> None:
        simulator = self.simulator
        for line in said.splitlines(keepends=True):
            words = (parse_line(line) or "").split()
            if len(words) > 5 and words[3] == "door" and int(words[4]) in self.doors:
                self._hear(self.doors[int(words[4])], words[5:])
            elif words[3:] == ["reset"]:
                for door in self.doors.values():
                    door.told_to_close = False
        for happened in simulator.happened[self._seen :]:
            what, number, *more = happened.words
            if what == "pressed" and int(number) in self.doors:
                us = int(more[0])
                self.counts["longest press"] = max(self.counts["longest press"], us)
                self.check(us <= DRIVEN_ON_US, f"door {number} pressed for {us} us")
            elif what == "out":
                self._lit[int(number)] = more[0] == "1"
        self._seen = len(simulator.happened)
        for door in self.doors.values():
            self._judge_door(door, before[door.number - 1])

    def _judge_door(self, door: _Door, servo_before: float) -> None:
        place, servo = (
            self.simulator.places[door.number - 1],
            self.simulator.servos[door.number - 1],
        )
        closes = servo < servo_before - 1e-6
        door.moves = door.told_to_close or servo != servo_before
        lies = door.beam_lies or door.held
        on_us = self._going_on(door, "on", closes and door.inside)
        which = "driven on, beam lying" if lies else "driven on"
        self.counts[which] = max(self.counts[which], on_us)
        told = f"door {door.number}"
        good = lies or on_us <= DRIVEN_ON_US
        self.check(good, f"{told} driven on for {on_us} us with the animal in it")
        untold_us = self._going_on(door, "untold", closes and not door.told_to_close)
        free = door.disturbed or untold_us <= DRIVEN_ON_US
        self.check(free, f"{told} towards closed for {untold_us} us, and nobody had told it to")
        self.check(not door.inside or place > CLOSED_PLACE, f"{told} closed on the animal")

    def _going_on(self, door: _Door, what: str, now: bool) -> int:
        """For how long something has gone on that shows once in every frame of the servo; us."""
        t_us = self.simulator.t_us
        since_us, last_us = door.driven.get(what, (t_us, 0))
        if now:
            if t_us - last_us > FRAME_US:
                since_us = t_us - STEP_US
            door.driven[what] = since_us, t_us
            return t_us - since_us
        return 0

    def _hear(self, door: _Door, words: list[str]) -> None:
        """The board tells of a door."""
        state = words[0]
        door.told_to_close = state == "closing"
        if state == "reversed":
            self.counts[f"reversed {words[1]}"] += 1
        elif self.world is not None and self.world.animal_in(BOX):
            self.counts[state] += 1
        if state == "closed" and not door.switch_lies:
            place = self.simulator.places[door.number - 1]
            self.check(place <= CLOSED_PLACE, f'door {door.number}: "closed" is said at {place}')

    def check(self, good: bool, what: str) -> None:
        if not good:
            self.wrong.append(f"{what} ({self.simulator.t_us / 1e6:.3f} s)")

    # Faults.

    def fault(
        self, kinds: Sequence[str] = FAULTS, within_us: int = 1_000_000, in_us: int = 0
    ) -> None:
        """Something fails `in_us` from now or up to `within_us` later, and not for long."""
        rng, now_us = self.rng, self.simulator.t_us
        kind = rng.choice(kinds)
        self.counts[f"fault {kind}"] += 1
        begin, end = self._fault(kind)
        at_us = now_us + in_us + rng.randrange(0, within_us, 5_000)
        self.pending.append((at_us, begin))
        self.pending.append((at_us + rng.randrange(200_000, 1_500_000, 5_000), end))

    def _fault(self, kind: str) -> tuple[Callable[[], None], Callable[[], None]]:
        rng, tell = self.rng, self.simulator.tell
        door = rng.choice(list(self.doors.values()))
        match kind:
            case "jam":
                return partial(self.jam, door, 1), partial(self.jam, door, 0)
            case "finger":
                place = round(rng.uniform(0.05, 1.0), 3)
                return partial(self.finger, door, place), partial(self.finger, door, None)
            case "slow":
                speed = rng.choice((0.1, 0.3))
                slow = partial(tell, "slow", door.number)
                return partial(slow, speed), partial(slow, 1)
            case "stuck":
                switch, value = rng.choice(("open", "closed")), rng.choice("01")
                stick = partial(self.stick, door, switch)
                return partial(stick, value), partial(stick, "-")
            case "stuck-beam":
                value = rng.choice("001")
                return partial(self.stick_beam, door, value), partial(self.stick_beam, door, "-")
            case "noise":
                share = rng.choice((0.002, 0.02, 0.1))
                return partial(setattr, self, "noise", share), partial(setattr, self, "noise", 0.0)
            case "reset":
                cause = rng.choice(("power", "external", "brownout", "watchdog"))
                us = rng.choice((0, 1_000, 60_000, 300_000))
                return partial(tell, "reset", cause, us), lambda: None
            case "unplug":
                return self.unplug, self.plug
        return partial(setattr, self, kind, True), partial(setattr, self, kind, False)

    def jam(self, door: _Door, on: int) -> None:
        """A door that does not move, or does again."""
        door.held = door.disturbed = True
        self.simulator.tell("jam", door.number, on)

    def finger(self, door: _Door, place: float | None) -> None:
        """Something in a door that it cannot close beyond; None: no longer."""
        door.disturbed = True
        door.finger = place
        self._look(door)

    def stick(self, door: _Door, switch: str, value: str) -> None:
        """A limit switch (`open`, `closed`) that says 0 or 1 whatever is so; "-": no longer."""
        door.held = door.disturbed = True
        door.switch_lies = switch == "closed" and value != "-"
        self.simulator.tell("stuck", door.number, switch, value)

    def stick_beam(self, door: _Door, value: str) -> None:
        """A beam that says 0 or 1 whatever is so; "-": no longer."""
        door.beam_lies = value != "-"
        self.simulator.tell("stuck-beam", door.number, value)

    def unplug(self) -> None:
        """The cable is out; the board has a supply of its own."""
        self.plugged = False
        self._tell(self.link.lost(self.simulator.t_us * 1000))

    def plug(self) -> None:
        """The cable is in again."""
        self.plugged = True
        self.link.found(self.simulator.t_us * 1000)

    def _tell(self, reports: Sequence[DoorReport]) -> None:
        for report in reports:
            for listener in self._listeners:
                listener(report)

    def case(self) -> None:
        """Another time that doors close: what was disturbed before is over."""
        if not self.pending:
            for door in self.doors.values():
                door.held = door.disturbed = False

    def rest(self) -> None:
        """The host is silent: what moves comes to its end, and then nothing does."""
        for _, end in self.pending:
            end()
        self.pending = []
        self.hung, still = True, 0
        until_us = self.simulator.t_us + 4_000_000
        while still < 20 and self.simulator.t_us < until_us:
            before = self.simulator.places
            self._step(self.simulator.t_us + 2 * STEP_US)
            still = still + 1 if before == self.simulator.places else 0
        self.check(still == 20, "a door still moves in the end")


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
    rig, apparatuses = builtin(chambers=board.chambers, frame_size_px=SIZE_PX, rate_hz=RATE_HZ)
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
