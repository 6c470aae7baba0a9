"""A rig that is open: camera, boards and, where it is simulated, the world behind them."""

import logging
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rig.engine import Camera, Doors
from rig.engine.loop import NoDoors
from rig.errors import CameraError, ConfigError, DoorError
from rig.hardware import camera as cameras
from rig.hardware.doors import SerialBoard
from rig.hardware.measured import is_simulated, unmeasured
from rig.hardware.orders import Hello
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.boxes import Truth
from rig.hardware.simulated.camera import Pace, SimulatedCamera
from rig.hardware.simulated.experimenter import Experimenter
from rig.hardware.simulated.mouse import MouseSettings
from rig.hardware.simulated.panel import DoorPins
from rig.hardware.simulated.port import ServedBoard, serve
from rig.hardware.simulated.trouble import Trouble
from rig.hardware.simulated.virtual import VirtualBoard
from rig.hardware.simulated.world import World
from rig.hardware.wiring import BoxDoors, check_boards, wiring
from rig.model import DoorState, Frame, Gray
from rig.session.load import LoadedBox, LoadedRig
from rig.setup import Worked
from rig.steps import Rule, SessionPlan, needs_board

log = logging.getLogger(__name__)

CLOCK = time.perf_counter_ns if sys.platform == "win32" else time.monotonic_ns
"""The frame clock in real time; on Windows `monotonic_ns` counts in steps of 16 ms."""

NOT_WORKED = "it was not worked before this session"
UNWORKED: Mapping[str, str] = {}

VIDEO_SUFFIXES = {
    ".mp4", ".mkv", ".avi", ".mov", ".m4v", ".mpg", ".mpeg", ".wmv", ".webm", ".ts", ".mts", ".flv",
}  # fmt: skip


@dataclass(frozen=True)
class OpenBox:
    """One box of an open rig."""

    loaded: LoadedBox
    empty: Gray | None  # picture of the empty box
    experimenter: Experimenter | None = None

    def crop(self, frame: Frame) -> Frame:
        """This box's part of the camera's picture (a view)."""
        area = self.loaded.box.crop_px
        if area is None:
            return frame
        x, y, width, height = area
        return Frame(frame.index, frame.t_ns, frame.image[y : y + height, x : x + width])


@dataclass
class OpenRig:
    """Everything one station owns. Close it once.

    `clock` is the frame clock in real time, None where time is virtual.
    """

    loaded: LoadedRig
    camera: Camera
    boxes: dict[str, OpenBox]
    clock: Callable[[], int] | None
    world: World | None = None
    boards: dict[str, SerialBoard | VirtualBoard] = field(default_factory=dict)
    served: list[ServedBoard] = field(default_factory=list)

    def doors(self, box: OpenBox, plan: SessionPlan, dry_run: bool = False) -> Doors:
        """The doors and outputs of a box for one session; opens its boards where they are needed.

        In a dry run no output needs one.

        Raises ConfigError naming the rig file and its key for a port that cannot be opened or
        where no board of ours answers, and for what a board lacks.
        """
        if not needs_board(plan, box.loaded.apparatus, dry_run):
            return NoDoors()
        wired = wiring(box.loaded.box)
        for i, source in enumerate(self.loaded.rig.board):
            if source.name in wired.boards and source.name not in self.boards:
                self._open_board(i)
        for i, step in enumerate(plan.step):
            for j, rule in enumerate(step.rule):
                pin = wired.outputs[rule.output]
                _check_ceilings(
                    rule, _hello(self.boards[pin.board]), pin.number, f"[{i}].rule[{j}]"
                )
        return BoxDoors(wired, self.boards)

    def unfit(self, box: OpenBox, worked: Worked | None = None) -> dict[str, str]:
        """The motor doors of a box that may not close on an animal, each with why.

        For want of a closing force, or because they were not seen to move when the box was
        worked; of the boards that are open. Doors of simulated boards all may.
        """
        now, found = datetime.now(UTC), {}
        told = UNWORKED if worked is None else worked.doors
        for name, pin in wiring(box.loaded.box).doors.items():
            if pin.board in self.boards:
                hello = _hello(self.boards[pin.board])
                why = unmeasured(pin.board, hello, now).get(pin.number)
                if not (why or is_simulated(hello)):
                    why = told.get(name, NOT_WORKED)
                if why:
                    found[name] = why
        return found

    def unlit(self, box: OpenBox, worked: Worked | None = None) -> dict[str, str]:
        """The outputs of a box that stay off in a session, each with why; as `unfit`."""
        told = UNWORKED if worked is None else worked.outputs
        pins = wiring(box.loaded.box).outputs.items()
        real = [n for n, p in pins if p.board in self.boards and not self._simulates(p.board)]
        return {name: why for name in real if (why := told.get(name, NOT_WORKED))}

    def _simulates(self, board: str) -> bool:
        return is_simulated(_hello(self.boards[board]))

    def open_boards(self) -> None:
        """Open every board that is not open yet. Raises as `doors` does."""
        for i, source in enumerate(self.loaded.rig.board):
            if source.name not in self.boards:
                self._open_board(i)

    def _open_board(self, index: int) -> None:
        source = self.loaded.rig.board[index]
        file, key = self.loaded.source, f"board[{index}].port"
        port = source.port
        if self.clock is None:
            if port != "sim":
                raise ConfigError(file, key, f"{port!r}: a real board runs at --speed 1")
            raise AssertionError("virtual boards are open from the start")
        if port == "sim":
            served = serve(_board(self.loaded, source.name), self.clock)
            self.served.append(served)
            port = served.port
        try:
            board = SerialBoard(source.name, port, self.clock)
        except DoorError as error:
            raise ConfigError(file, key, str(error)) from None
        wired = {box.name: wiring(box) for box in self.loaded.rig.box}
        try:
            check_boards(self.loaded.rig, wired, {source.name: board.hello}, self.loaded.source)
        except ConfigError:
            board.close()
            raise
        self.boards[source.name] = board

    def truth(self, box: OpenBox) -> Callable[[int], Truth | None] | None:
        """Frame index to where the simulated animal of a box really was; None at a real rig."""
        camera, name = self.camera, box.loaded.box.name
        if not isinstance(camera, SimulatedCamera):
            return None
        return lambda frame: camera.truth_at(frame, name)

    def close(self) -> None:
        """Let every device go, each part guarded."""
        serial = [b.close for b in self.boards.values() if isinstance(b, SerialBoard)]
        for part in (self.camera.close, *serial, *(s.close for s in self.served)):
            try:
                part()
            except Exception:
                log.exception("closing a device failed; the rest goes on")


def _hello(board: SerialBoard | VirtualBoard) -> Hello:
    hello = board.hello if isinstance(board, SerialBoard) else board.link.hello
    assert hello is not None
    return hello


def _check_ceilings(rule: Rule, hello: Hello, number: int, at: str) -> None:
    """Raise ConfigError for a rule that asks for longer than the board's own ceiling."""
    for name, wanted_s, limits, per_s in (
        ("max_on_s", rule.max_on_s, hello.output_limits_ms, 1000),
        ("total_on_s", rule.total_on_s, hello.output_totals_s, 1),
    ):
        if wanted_s is not None and number <= len(limits) and wanted_s > limits[number - 1] / per_s:
            most = limits[number - 1] / per_s
            message = f"{wanted_s:g} s: board {hello.name} lets output {number} be on {most:g} s"
            raise ConfigError("plan", f"step{at}.{name}", message)


def is_video_file(source: str) -> bool:
    """Whether a camera source is a video file played as a camera."""
    return "://" not in source and Path(source).suffix.lower() in VIDEO_SUFFIXES


def open_rig(
    loaded: LoadedRig,
    *,
    speed: str = "1",
    seed: int = 0,
    animals: Mapping[str, MouseSettings] | None = None,
    doors_at: Mapping[str, str] | None = None,
    troubles: Collection[Trouble] = (),
) -> OpenRig:
    """Open a rig's camera, or its simulated world. Boards are opened when a session needs them.

    Args:
        loaded: the rig.
        speed: "1", real time; "max", as fast as the machine allows, for simulated rigs and
            video files.
        seed: of the simulated world.
        animals: how the simulated animal of a box behaves.
        doors_at: where simulated doors are to begin with, "box/door" to open or closed.
        troubles: what makes simulated pictures hard to read.

    Raises ConfigError or CameraError.
    """
    if speed not in ("1", "max"):
        raise ConfigError("--speed", "", f"{speed!r}: 1 or max")
    real = speed == "1"
    clock = CLOCK if real else None
    wanted = loaded.rig.camera
    if wanted.repeat and not is_video_file(wanted.source):
        message = f"{wanted.source!r} is no video file: only one is played again and again"
        raise ConfigError(loaded.source, "camera.repeat", message)
    if loaded.simulated:
        return _simulated(loaded, clock, seed, animals or {}, doors_at or {}, troubles)
    camera = _camera(loaded, real=real)
    boxes = {name: OpenBox(box, box.picture) for name, box in loaded.boxes.items()}
    rig = OpenRig(loaded, camera, boxes, clock)
    if not real:
        rig.boards = {
            s.name: VirtualBoard(_board(loaded, s.name), s.name)
            for s in loaded.rig.board
            if s.port == "sim"
        }
    return rig


def _camera(loaded: LoadedRig, *, real: bool) -> Camera:
    source = loaded.rig.camera.source
    if is_video_file(source):
        try:
            played = cameras.FileCamera(
                loaded.folder / source,
                pace="real" if real else "max",
                clock=CLOCK,
                repeat=loaded.rig.camera.repeat,
            )
        except ConfigError as error:
            message = f"{source!r}: {error.message}"
            raise ConfigError(loaded.source, "camera.source", message) from None
        if played.file.torn:
            played.close()
            message = f"{source!r}: breaks off after {played.file.frames} pictures"
            raise ConfigError(loaded.source, "camera.source", message)
        return played
    if not real:
        raise ConfigError("--speed", "", f"'max': {source!r} is a real camera, which runs at 1")
    wanted = loaded.rig.camera
    try:
        camera = cameras.Webcam(source, wanted.frame_size_px, wanted.rate_hz, clock=CLOCK)
    except CameraError as error:
        raise CameraError(f"{loaded.source}: camera.source: {error}") from None
    try:
        camera.set(**wanted.settings)
    except (CameraError, ValueError) as error:
        camera.close()
        raise CameraError(f"{loaded.source}: camera.settings: {error}") from None
    return camera


def _board(loaded: LoadedRig, name: str) -> Board:
    """A simulated board with as many doors and beams as the rig file wires to it."""
    wired = [wiring(box) for box in loaded.rig.box]
    doors = max((p.number for w in wired for p in w.doors.values() if p.board == name), default=0)
    beams = max((p.number for w in wired for p in w.beams.values() if p.board == name), default=0)
    if doors <= 2 and beams <= 2:
        return Board(name)
    return Board(name, [DoorPins(beam=n) for n in range(1, 5)], beams=8)


def _simulated(
    loaded: LoadedRig,
    clock: Callable[[], int] | None,
    seed: int,
    animals: Mapping[str, MouseSettings],
    doors_at: Mapping[str, str],
    troubles: Collection[Trouble],
) -> OpenRig:
    boards = {source.name: _board(loaded, source.name) for source in loaded.rig.board}
    for box in loaded.rig.box:
        for door, pin in wiring(box).doors.items():
            if f"{box.name}/{door}" in doors_at:
                at = 0.0 if doors_at[f"{box.name}/{door}"] == DoorState.CLOSED else 1.0
                boards[pin.board].push(pin.number, at)
    for board in boards.values():
        board.reset(0, "power")  # it starts with its doors there; nobody has pushed them
    apparatuses = {name: box.apparatus for name, box in loaded.boxes.items()}
    world = World(loaded.rig, apparatuses, seed, boards, animals=animals, troubles=troubles)
    served: list[ServedBoard] = []
    lines: dict[str, SerialBoard | VirtualBoard] = {}
    if clock is None:
        virtual = {name: VirtualBoard(board, name) for name, board in boards.items()}
        lines.update(virtual)
        steppers = [board.step_to for board in virtual.values()]
        moved = tuple(boards.values())
        camera = SimulatedCamera(
            world, steppers=steppers, resting=lambda: not any(board.moving for board in moved)
        )
    else:
        for name, board in boards.items():
            served.append(serve(board, clock))
            lines[name] = SerialBoard(name, served[-1].port, clock)
        camera = SimulatedCamera(world, start_ns=clock(), pace=Pace(clock, time.sleep))
    boxes = {
        name: OpenBox(
            box,
            world.empty_picture(name) if box.picture is None else box.picture,
            Experimenter(world, name, seed),
        )
        for name, box in loaded.boxes.items()
    }
    return OpenRig(loaded, camera, boxes, clock, world, lines, served)
