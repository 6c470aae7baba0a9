"""One session of the simulated rig in virtual time, with a fault done to it at a moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rig.engine import Outcome, run
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.builtin import builtin
from rig.hardware.simulated.camera import Fault, SimulatedCamera
from rig.hardware.simulated.experimenter import Deed, Experimenter
from rig.hardware.simulated.mouse import MANNERS, Manner, MouseSettings, Preset
from rig.hardware.simulated.trouble import Trouble
from rig.hardware.simulated.virtual import VirtualBoard
from rig.hardware.simulated.world import World
from rig.model import NS_PER_S, Frame, Gray, Request, Silence, Tick
from rig.session import LoadedRig, Wish
from rig.session.derive import derive
from rig.session.load import LoadedBox
from rig.session.opened import OpenRig, open_rig
from rig.session.prepare import look
from rig.session.recording import start
from rig.steps import SessionPlan

BOX, SIZE_PX, RATE_HZ = "A", (160, 120), 15.0
Paint = Callable[[Gray, Gray, float], Gray]
"""A picture, the empty box and the seconds since the fault began, to what the camera gives."""
Act = Callable[["Stage", int], None]
"""What is done to the stage at a time, ns."""


class FaultyCamera(SimulatedCamera):
    """Gives pictures painted over from a time on, and some of them twice."""

    paint: Paint | None = None
    doubled = False
    from_ns = 1 << 62
    until_ns = 1 << 62
    changed = 0
    """How many pictures it gave were not those of the world."""
    empty: Gray

    def next(self, timeout_s: float) -> Frame | Silence | None:
        seen = super().next(timeout_s)
        if not isinstance(seen, Frame):
            return seen
        image = seen.image
        if self.from_ns <= seen.t_ns < self.until_ns:
            if self.paint is not None:
                image = self.paint(image, self.empty, (seen.t_ns - self.from_ns) / NS_PER_S)
            if self.doubled and seen.index % 2:
                image = self._last
            self.changed += image is not seen.image and not np.array_equal(image, seen.image)
        self._last = image
        return Frame(seen.index, seen.t_ns, image)

    _last: Gray


class Mistaken(Experimenter):
    """Puts the animal into the wrong chamber, whatever is asked."""

    def _place(self, chamber: str) -> Deed:
        return super()._place("right")


class Deaf:
    """A board that reads nothing and says nothing, and does what it does without a host."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def __getattr__(self, name: str) -> Any:
        return getattr(self._board, name)

    def step(self, now_ns: int, bytes_in: bytes = b"") -> bytes:
        self._board.step(now_ns)
        return b""


@dataclass(frozen=True)
class Scene:
    """A fault: what is done, what must be recorded, and how the session must end.

    `anchor`: the event of the same session without the fault that the time counts from; "": from
    the first picture. `events`: kinds that must follow in this order, of a group any one.
    `dark_s`: how long after the fault the outputs stay off, once `off_s` has gone. `manner`: how
    the animal moves, which with `troubles` holds from the first picture on.
    """

    fault: str
    plan: SessionPlan
    events: tuple[str | tuple[str, ...], ...] = ()
    status: str = "completed"
    acts: tuple[tuple[float, Act], ...] = ()
    camera: Callable[[float], Sequence[Fault]] | None = None
    paint: Paint | None = None
    doubled: bool = False
    lasts_s: float = 1e9
    anchor: str = "scoring_started"
    after_s: float = 2.0
    dark_s: float = 0.0
    off_s: float = 0.6  # six pictures without the animal, at 15 a second, and a little
    troubles: tuple[Trouble, ...] = ()
    manner: Manner | None = None
    mistaken: bool = False
    check: Callable[["Stage"], str] | None = None

    @property
    def throughout(self) -> bool:
        """Whether the fault is there from the first picture on."""
        return bool(self.troubles) or self.manner is not None


@dataclass
class Stage:
    """A session while it is played, and what came of it."""

    opened: OpenRig
    world: World
    folder: Path = Path()
    status: str = ""
    reason: str = ""
    stop: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    lit: list[tuple[float, bool]] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    at_s: float = 0.0
    """When the fault began."""

    @property
    def changed(self) -> int:
        """How many pictures were not those of the world."""
        assert isinstance(self.opened.camera, FaultyCamera)
        return self.opened.camera.changed

    @property
    def board(self) -> VirtualBoard:
        """The box's board."""
        found = self.opened.boards["board-1"]
        assert isinstance(found, VirtualBoard)
        return found

    def time_of(self, kind: str) -> float:
        """Seconds from the first picture to the first event of a kind."""
        return next(t_s for t_s, of, _ in self.events if of == kind)


def rig() -> LoadedRig:
    """A small box of three chambers with motor doors, beams and a laser."""
    made, apparatuses = builtin(frame_size_px=SIZE_PX, rate_hz=RATE_HZ)
    boxes = {b.name: LoadedBox(b, apparatuses[b.name], "sim", None) for b in made.box}
    return LoadedRig("sim", made, boxes, Path())


def play(out: Path, scene: Scene, seed: int, at_s: float | None) -> Stage:
    """The scene's session; `at_s`: when its fault begins, None: without it."""
    faulty = at_s is not None
    manner = scene.manner if faulty and scene.manner else MANNERS[Preset.PRETEST]
    animal = MouseSettings(Preset.PRETEST, 1.5, "left", manner)
    troubles = scene.troubles if faulty else ()
    opened = open_rig(rig(), speed="max", seed=seed, animals={BOX: animal}, troubles=troubles)
    assert opened.world is not None
    boards = [board for board in opened.boards.values() if isinstance(board, VirtualBoard)]
    box = opened.boxes[BOX]
    faults = scene.camera(at_s) if scene.camera and at_s is not None else ()
    camera = FaultyCamera(
        opened.world, steppers=[board.step_to for board in boards], faults=faults, seed=seed
    )
    assert box.empty is not None
    camera.empty = box.empty
    if at_s is not None:
        camera.paint, camera.doubled = scene.paint, scene.doubled
        camera.from_ns = round(at_s * NS_PER_S)
        camera.until_ns = camera.from_ns + round(min(scene.lasts_s, 1e6) * NS_PER_S)
    opened.camera = camera
    stage = Stage(opened, opened.world, at_s=at_s or 0.0)
    kind = Mistaken if scene.mistaken and faulty else Experimenter
    person = kind(opened.world, BOX, seed)
    waiting = sorted(scene.acts, key=lambda one: one[0]) if faulty else []
    fresh: list[Any] = []
    zero_ns: int | None = None

    def hear(tick: Tick, outcome: Outcome) -> None:
        nonlocal zero_ns
        zero_ns = tick.t_ns if zero_ns is None else zero_ns
        t_s = (tick.t_ns - zero_ns) / NS_PER_S
        fresh.extend(outcome.events)
        stage.events += [(t_s, e.kind, dict(e.data)) for e in outcome.events]
        stage.lit.append((t_s, stage.world.output_on(BOX, "laser")))

    def asks(now_ns: int) -> list[Request]:
        while waiting and at_s is not None and now_ns >= (at_s + waiting[0][0]) * NS_PER_S:
            waiting.pop(0)[1](stage, now_ns)
        new, fresh[:] = list(fresh), []
        person.hear(new)
        mine, stage.asked[:] = list(stage.asked), []
        return [*mine, *person.requests(now_ns)]

    try:
        wish = Wish(plan=scene.plan, subject=f"S{seed}", phase="test", codec="lossless")
        seen = look(opened.loaded, box, camera)
        stage.folder, loop = start(wish, opened, box, seen, out, (hear,))
        ending = run(loop, camera, asks, crop=box.crop, stall_s=0.2)
    finally:
        opened.close()
    stage.status, stage.reason = str(ending.status), ending.reason
    stage.stop = next(data for _, of, data in reversed(stage.events) if of == "stop")
    stage.summary = dict(derive(stage.folder))
    return stage
