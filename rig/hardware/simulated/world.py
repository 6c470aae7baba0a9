"""One seeded world per rig: boxes, doors, light, mice and hands, under one clock.

The world calls no clock: whoever owns it says what time it is with `step_to`. Inside it moves in
fixed steps of 1/60 s from the first time it was told, so what happens does not depend on how
finely it is stepped. Every box, and the sensor's noise, has its own stream of random numbers.

What people do (bring, take, move a door by hand) is asked for from any thread and happens at
the next step; everything else belongs to the thread that steps.
"""

import zlib
from collections import deque
from collections.abc import Callable, Collection, Mapping
from functools import partial

import numpy as np

from rig.apparatus import Apparatus, Drive
from rig.hardware.simulated.behaviour import Mouse
from rig.hardware.simulated.boxes import BODY_MARGIN_CM, BoardView, BoxState, Truth, furnish
from rig.hardware.simulated.hand import HOLD_S, Errand, Hand, edge_px
from rig.hardware.simulated.maze import Maze, middle
from rig.hardware.simulated.mouse import MouseSettings
from rig.hardware.simulated.scene import Look, Place, Scene
from rig.hardware.simulated.trouble import Trouble, Troubles
from rig.model import NS_PER_S, Gray
from rig.rigfile import RigFile

STEPS_PER_S = 60
SLOW_HZ, SLOW_STEPS_PER_S = 10.0, 30
"""For a camera of no more frames/s than this fewer steps will do; they are the most of its work."""
OPEN_ENOUGH = 0.9  # a door that is less open is a wall


class World:
    """Everything under one simulated camera.

    Args:
        rig: the rig; a board door is where the board that `boards` holds under its name says.
        apparatuses: the apparatus of each box by the box's name.
        seed: same seed, same mice and same pixels.
        boards: simulated boards by name. The animal stands in
            their doors and beams. A board that is missing leaves its doors open.
        animals: settings by the box's name; a box without gets a pre-test mouse.
        frame_size_px: the picture's size, if not the rig's.
        look: grey levels.
        manual_open: whether doors moved by hand start open.
        troubles: what makes the pictures hard to read.
        open_enough: how far a door must be open for an animal to go under it, 0 to 1.

    Raises ConfigError where a box does not fit the picture or names a door that is not there.
    """

    def __init__(
        self,
        rig: RigFile,
        apparatuses: Mapping[str, Apparatus],
        seed: int,
        boards: Mapping[str, BoardView] | None = None,
        animals: Mapping[str, MouseSettings] | None = None,
        frame_size_px: tuple[int, int] | None = None,
        look: Look | None = None,
        manual_open: bool = True,
        troubles: Collection[Trouble] = (),
        open_enough: float = OPEN_ENOUGH,
    ) -> None:
        self._rig = rig
        self._open_enough = open_enough
        self._seed = seed
        self._steps_per_s = SLOW_STEPS_PER_S if self.rate_hz <= SLOW_HZ else STEPS_PER_S
        self.frame_size_px = _frame_size_px(rig, apparatuses, frame_size_px)
        self._states = {
            box.name: furnish(
                box,
                apparatuses[box.name],
                boards or {},
                partial(self._mouse, box.name, (animals or {}).get(box.name, MouseSettings())),
                self._rng(box.name, 1),
                rig.name,
                self.frame_size_px,
                manual_open=manual_open,
                open_enough=open_enough,
            )
            for box in rig.box
        }
        self._scene = Scene(
            self.frame_size_px,
            [state.place for state in self._states.values()],
            look or Look(),
            np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,))),
        )
        self._troubles = Troubles(
            troubles,
            self.frame_size_px,
            [state.place for state in self._states.values()],
            np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(4,))),
        )
        self._orders: deque[Callable[[], None]] = deque()
        self._start_ns: int | None = None
        self._steps = 0
        self._next_ns = 0
        self.now_ns = 0
        self._at_start = self._look_at_doors()
        self._drawn: tuple[object, Gray] | None = None  # what was to be seen, and its picture

    # --- time

    @property
    def due_ns(self) -> int:
        """When the next step is due, on the caller's clock; until then `step_to` moves nothing."""
        return self._next_ns

    def step_to(self, now_ns: int) -> None:
        """Lets the world go on to a time, ns on the caller's clock. The first call is its zero."""
        if self._start_ns is None:
            self._start_ns = now_ns
            self._next_ns = now_ns
        while self._next_ns <= now_ns:
            self._step()
            self._steps += 1
            self._next_ns = self._start_ns + self._steps * NS_PER_S // self._steps_per_s
        self.now_ns = now_ns

    def _step(self) -> None:
        while self._orders:
            self._orders.popleft()()
        for state in self._states.values():
            state.step_doors(self._steps_per_s, self._open_enough)
            if state.hand is None and state.waiting:
                state.hand = state.waiting.popleft()
            if state.hand is not None:
                self._step_hand(state, state.hand)
            if state.present:
                state.mouse.step(state.open_gates)
            state.stand_in_doors()

    def _step_hand(self, state: BoxState, hand: Hand) -> None:
        if hand.errand is Errand.TAKE and not hand.acted and state.present:
            hand.follow(_in_picture(state.place, state.mouse.body.centroid()))
        if hand.step(1.0 / self._steps_per_s):
            if hand.errand is Errand.BRING:
                state.mouse.place(hand.chamber)
                state.present = True
            elif hand.errand is Errand.TAKE:
                state.present = False
            state.pose = None
        if hand.gone:
            state.hand = None

    # --- what people do

    def bring(self, box: str, chamber: str) -> None:
        """A hand brings the animal to a chamber, lets it go and leaves, in about 2.2 s."""
        state = self._state_of(box)
        index = _chamber(state.place.maze, chamber)
        goal = _in_picture(state.place, middle(state.place.maze.outlines[index]))
        self._orders.append(lambda: self._reach(state, Errand.BRING, goal, index))

    def usual_chamber(self, box: str) -> str:
        """Where an animal is put down when nobody says where: the middle one of the chambers."""
        names = self._state_of(box).place.maze.names
        return names[(len(names) - 1) // 2]

    def take(self, box: str) -> None:
        """A hand takes the animal out, in about 2.2 s."""
        state = self._state_of(box)
        goal = _in_picture(state.place, middle(state.place.maze.outlines[0]))
        self._orders.append(lambda: self._reach(state, Errand.TAKE, goal, 0))

    def wave(self, box: str, hold_s: float = HOLD_S) -> None:
        """A hand reaches over a box, stays for a while and leaves without touching anything."""
        state = self._state_of(box)
        maze = state.place.maze
        goal = _in_picture(state.place, middle(maze.outlines[len(maze.outlines) // 2]))
        self._orders.append(lambda: self._reach(state, Errand.WAVE, goal, 0, hold_s))

    def place(self, box: str, chamber: str) -> None:
        """The animal is in a chamber from the next step on, without a hand."""
        state = self._state_of(box)
        index = _chamber(state.place.maze, chamber)

        def put() -> None:
            state.mouse.place(index)
            state.present, state.pose = True, None

        self._orders.append(put)

    def leave(self, box: str, dart_cm_s: float | None = None) -> None:
        """The animal has seen enough of where it is: it makes for a doorway that is open.

        `dart_cm_s`: it runs there, so fast.
        """
        state = self._state_of(box)
        self._orders.append(lambda: state.mouse.leave(dart_cm_s))

    def remove(self, box: str) -> None:
        """The animal is out of its box from the next step on, without a hand."""
        state = self._state_of(box)

        def away() -> None:
            state.present, state.pose = False, None

        self._orders.append(away)

    def set_manual_door(self, box: str, name: str, open: bool) -> None:
        """A hand moves a door, in half a second. Raises ValueError where it is not manual."""
        state = self._state_of(box)
        index = state.place.maze.gates.index(state.place.maze.gate(name))
        if state.place.maze.gates[index].drive is not Drive.MANUAL:
            raise ValueError(f"door {name!r} of box {box!r} is not moved by hand")

        def move() -> None:
            state.manual_goal[index] = 1.0 if open else 0.0

        self._orders.append(move)

    def set_animal(self, box: str, settings: MouseSettings) -> None:
        """Another animal for a box, from the next step on; the box is empty until it is placed."""
        state = self._state_of(box)

        mouse = self._mouse(box, settings, state.place.maze)

        def change() -> None:
            state.mouse = mouse
            state.present, state.pose = False, None

        self._orders.append(change)

    def set_light(self, gain: float) -> None:
        """Everything brighter or darker by a factor, from the next step on."""

        def change() -> None:
            self._scene.set_light(gain)
            self._drawn = None

        self._orders.append(change)

    def _reach(
        self,
        state: BoxState,
        errand: Errand,
        goal: tuple[float, float],
        chamber: int,
        hold_s: float = HOLD_S,
    ) -> None:
        place = state.place
        centre = (
            place.corner_px[0] + place.size_px[0] / 2,
            place.corner_px[1] + place.size_px[1] / 2,
        )
        edge = edge_px(self.frame_size_px, centre, 12.0 * place.px_per_cm)
        # a person does not come in at the same place every time
        slant = float(state.hand_rng.uniform(-6.0, 6.0)) * place.px_per_cm
        sideways = not 0 <= edge[0] <= self.frame_size_px[0]
        edge = (edge[0], goal[1] + slant) if sideways else (goal[0] + slant, edge[1])
        pace = float(state.hand_rng.uniform(0.9, 1.2))
        hand = Hand(errand, edge, goal, chamber, pace, hold_s, sideways=sideways)
        state.waiting.append(hand)

    # --- what can be seen

    @property
    def boxes(self) -> tuple[str, ...]:
        """The boxes' names, in the rig's order."""
        return tuple(self._states)

    @property
    def rate_hz(self) -> float:
        """The rig's frame rate."""
        return self._rig.camera.rate_hz

    def picture(self, index: int) -> Gray:
        """A new picture of the world as it is now, with the noise of frame `index`."""
        scene = self._scene
        states = self._states.values()
        doors = self._look_at_doors()
        seen = None
        if not self._troubles.kinds and all(state.hand is None for state in states):
            # a mouse stands still in every third picture: what is as it was is not drawn again
            seen = doors, [state.seen_pose() if state.present else None for state in states]
            if self._drawn is not None and self._drawn[0] == seen:
                return scene.finish(self._drawn[1], index)
        picture = scene.begin(doors)
        t_s = (self.now_ns - (self._start_ns or 0)) / NS_PER_S
        troubles = self._troubles if self._troubles.kinds else None
        if troubles is not None:
            troubles.floor(picture, t_s)
        for state in states:
            if state.present:
                pose = state.seen_pose()
                if troubles is not None:
                    troubles.beside(picture, state.place, pose)
                scene.mouse(picture, state.place, pose)
                if troubles is not None:
                    troubles.above(picture, state.place, pose, state.lit)
        for state in states:
            if state.hand is not None:
                scene.hand(picture, state.place, state.hand.edge, state.hand.tip_px())
        if troubles is not None:
            for state in (one for one in states if one.lit):
                troubles.lamp(picture, state.place)
            picture = troubles.camera(picture, t_s, any(state.lit for state in states))
        if seen is not None:
            self._drawn = seen, picture
        return scene.finish(picture, index)

    def empty_picture(self, box: str) -> Gray:
        """The empty box, its doors as at the start, without noise."""
        place = self._state_of(box).place
        return place.crop(self._scene.empty(self._at_start)).copy()

    def truth(self, box: str) -> Truth | None:
        """Where the animal of a box is; None while it is not in the box."""
        state = self._state_of(box)
        if not state.present:
            return None
        pose, scale = state.seen_pose(), state.place.px_per_cm
        chamber = state.place.maze.names[state.mouse.chamber]
        before = state.truth
        if before is not None and before[0] is pose and before[1].chamber == chamber:
            return before[1]
        (x, y), nose, base = pose.centroid_cm, pose.nose_cm, pose.base_cm
        truth = Truth(
            round(x * scale, 3),
            round(y * scale, 3),
            round(nose[0] * scale, 3),
            round(nose[1] * scale, 3),
            round(base[0] * scale, 3),
            round(base[1] * scale, 3),
            chamber,
        )
        state.truth = pose, truth
        return truth

    def animal_in(self, box: str) -> bool:
        """Whether the animal is in its box."""
        return self._state_of(box).present

    def hand_in(self, box: str) -> bool:
        """Whether a hand is on an errand in this box, or about to be."""
        state = self._state_of(box)
        return state.hand is not None or bool(state.waiting)

    def door_position(self, box: str, door: str) -> float:
        """Where a door is: 0 closed to 1 open."""
        state = self._state_of(box)
        return state.positions[state.place.maze.gates.index(state.place.maze.gate(door))]

    def output_on(self, box: str, output: str) -> bool:
        """Whether an output of the box is on; false where no simulated board has it."""
        board = self._state_of(box).outputs.get(output)
        return board is not None and board[0].output(board[1])

    def in_doorway(self, box: str, door: str, tail: bool = True) -> bool:
        """Whether any part of the animal, its tail too if asked, is where the door would close."""
        state = self._state_of(box)
        gate = state.place.maze.gate(door)
        return state.present and state.mouse.body.in_gate(gate, BODY_MARGIN_CM, tail)

    # --- inside

    def _look_at_doors(self) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(state.positions) for state in self._states.values())

    def _state_of(self, box: str) -> BoxState:
        try:
            return self._states[box]
        except KeyError:
            raise ValueError(f"no box {box!r} in the simulated rig {self._rig.name!r}") from None

    def _rng(self, box: str, stream: int) -> np.random.Generator:
        key = (1, zlib.crc32(box.encode()), stream)
        return np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=key))

    def _mouse(self, box: str, settings: MouseSettings, maze: Maze) -> Mouse:
        if settings.preferred and settings.preferred not in maze.names:
            raise ValueError(f"box {box!r} has no chamber {settings.preferred!r} to prefer")
        return Mouse(maze, settings, self._rng(box, 0), 1.0 / self._steps_per_s)


def _frame_size_px(
    rig: RigFile, apparatuses: Mapping[str, Apparatus], given: tuple[int, int] | None
) -> tuple[int, int]:
    """The picture's size: as given, as the rig says, or just holding all boxes."""
    if given is not None:
        return given
    if rig.camera.frame_size_px is not None:
        return rig.camera.frame_size_px
    crops = [box.crop_px or (0, 0, *apparatuses[box.name].frame_size_px) for box in rig.box]
    return max(x + width for x, _, width, _ in crops), max(y + height for _, y, _, height in crops)


def _chamber(maze: Maze, name: str) -> int:
    """The index of a chamber. Raises ValueError where there is none of that name."""
    if name not in maze.names:
        raise ValueError(f"no chamber {name!r}, only {', '.join(maze.names)}")
    return maze.names.index(name)


def _in_picture(place: Place, at_cm: tuple[float, float]) -> tuple[float, float]:
    """A point of the box in pixels of the whole picture."""
    return (
        place.corner_px[0] + at_cm[0] * place.px_per_cm,
        place.corner_px[1] + at_cm[1] * place.px_per_cm,
    )
