"""One box of the simulated world: its doors and beams, its animal and hand, and how it begins."""

import typing
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from rig.apparatus import Apparatus, Drive
from rig.errors import ConfigError
from rig.hardware.simulated.behaviour import Mouse
from rig.hardware.simulated.body import Pose
from rig.hardware.simulated.hand import Hand
from rig.hardware.simulated.maze import Maze, build
from rig.hardware.simulated.scene import Place
from rig.hardware.wiring import Pin, wiring
from rig.rigfile import Box

MANUAL_DOOR_S = 0.5  # from end to end
BODY_MARGIN_CM = 0.0  # the body to its skin; walls keep the skin of a mouse beside the door away


class BoardView(typing.Protocol):
    """What the world needs of a board: doors, outputs to look at; doors, beams to stand in."""

    def position(self, door: int) -> float:
        """0 closed to 1 open."""
        ...

    def output(self, number: int) -> bool:
        """Whether an output is on."""
        ...

    def block(self, door: int, blocked: bool) -> None:
        """Something stands in the door, or no longer does."""
        ...

    def set_beam(self, number: int, blocked: bool) -> None:
        """A beam is broken, or no longer is."""
        ...


@dataclass(frozen=True, slots=True)
class Truth:
    """Where a mouse is in its box's picture (pixels of the crop) and in which chamber.

    The centroid is that of the body without the tail; the tail point is the tail's base.
    """

    x_px: float
    y_px: float
    nose_x_px: float
    nose_y_px: float
    tail_x_px: float
    tail_y_px: float
    chamber: str


@dataclass(slots=True)
class BoxState:
    """One box as it is now: its doors, its animal, and the hand in it."""

    box: Box
    place: Place
    mouse: Mouse
    hand_rng: np.random.Generator
    boards: tuple[tuple[BoardView, int] | None, ...]
    beams: tuple[tuple[BoardView, int] | None, ...]
    in_the_way: list[bool]
    manual: list[float]
    manual_goal: list[float]
    positions: list[float]
    open_gates: list[bool]
    outputs: Mapping[str, tuple[BoardView, int]]
    present: bool = False
    hand: Hand | None = None
    pose: Pose | None = None
    posed: tuple[object, ...] = ()  # the body that `pose` is of
    truth: tuple[Pose, Truth] | None = None
    felt_at: tuple[float, ...] = ()  # where the animal was when the boards last felt it
    waiting: deque[Hand] = field(default_factory=deque)

    def step_doors(self, steps_per_s: int, open_enough: float) -> None:
        """Where each door is after one step, and whether an animal goes under it."""
        for index, board in enumerate(self.boards):
            if board is not None:
                position = board[0].position(board[1])
            else:
                position, goal = self.manual[index], self.manual_goal[index]
                if position != goal:
                    change = 1.0 / (MANUAL_DOOR_S * steps_per_s)
                    closing = goal < position
                    if closing and self.present and self.blocked(index):
                        continue  # nobody lowers a door on an animal
                    position = max(goal, position - change) if closing else position + change
                    self.manual[index] = position = min(position, 1.0)
            self.positions[index] = position
            self.open_gates[index] = position >= open_enough

    def stand_in_doors(self) -> None:
        """Lets the boards feel the animal in their doors and beams."""
        body = self.mouse.body
        felt_at = (body.x[0], body.y[0], body.x[-1], body.y[-1]) if self.present else ()
        if felt_at == self.felt_at:
            return
        self.felt_at = felt_at
        for index, board in enumerate(self.boards):
            beam = self.beams[index]
            if board is None and beam is None:
                continue
            blocked = self.present and self.blocked(index)
            if blocked != self.in_the_way[index]:
                self.in_the_way[index] = blocked
                if board is not None:
                    board[0].block(board[1], blocked)
                if beam is not None:
                    beam[0].set_beam(beam[1], blocked)

    def blocked(self, index: int) -> bool:
        """Whether the animal, but for its tail, is where a door would close."""
        return self.mouse.body.in_gate(self.place.maze.gates[index], BODY_MARGIN_CM)

    def seen_pose(self) -> Pose:
        """The animal as it is drawn, made anew where it has moved."""
        body = self.mouse.body
        posed = (body.posture, body.amount, *body.x, *body.y)
        if self.pose is None or posed != self.posed:
            self.pose, self.posed = body.pose(), posed
        return self.pose

    @property
    def lit(self) -> bool:
        """Whether an output of the box is on."""
        return any(board.output(number) for board, number in self.outputs.values())


def furnish(
    box: Box,
    apparatus: Apparatus,
    boards: Mapping[str, BoardView],
    mouse: Callable[[Maze], Mouse],
    hand_rng: np.random.Generator,
    rig: str,
    frame_size_px: tuple[int, int],
    *,
    manual_open: bool,
    open_enough: float,
) -> BoxState:
    """A box with its doors as they begin, wired to the boards that are there.

    `mouse` makes its animal; `rig` is the rig's name, for errors. Raises ConfigError where the box
    does not fit the picture or names a door that is not there.
    """
    maze = build(apparatus)
    x, y, width, height = box.crop_px or (0, 0, *apparatus.frame_size_px)
    if x < 0 or y < 0 or x + width > frame_size_px[0] or y + height > frame_size_px[1]:
        raise ConfigError(
            rig,
            f"box {box.name}.crop_px",
            f"[{x}, {y}, {width}, {height}] reaches beyond the picture of "
            f"{frame_size_px[0]} x {frame_size_px[1]} px",
        )
    wires = wiring(box, rig)
    moved = {gate.name for gate in maze.gates if gate.drive is Drive.BOARD}
    missing = sorted(moved - wires.doors.keys())
    if missing:
        raise ConfigError(rig, f"box {box.name}.doors", f"no board for door {missing[0]!r}")

    def held(pin: Pin | None) -> tuple[BoardView, int] | None:
        return (boards[pin.board], pin.number) if pin and pin.board in boards else None

    views = tuple(
        held(wires.doors[gate.name]) if gate.name in moved else None for gate in maze.gates
    )
    beams = tuple(held(wires.beams.get(gate.name)) for gate in maze.gates)
    outputs = {name: view for name, pin in wires.outputs.items() if (view := held(pin))}
    manual = [0.0 if gate.drive is Drive.MANUAL and not manual_open else 1.0 for gate in maze.gates]
    positions = [
        position if view is None else view[0].position(view[1])
        for position, view in zip(manual, views, strict=True)
    ]
    return BoxState(
        box=box,
        place=Place(
            (x, y),
            (width, height),
            apparatus.px_per_cm_mean,
            maze,
            {door.name: door.sweep_px for door in apparatus.doorway if door.sweep_px},
        ),
        mouse=mouse(maze),
        hand_rng=hand_rng,
        boards=views,
        beams=beams,
        in_the_way=[False] * len(maze.gates),
        manual=manual,
        manual_goal=list(manual),
        positions=positions,
        open_gates=[position >= open_enough for position in positions],
        outputs=outputs,
    )
