"""Each door and light of one box worked once before a session, and looked for in its picture.

A camera may look at another box than the board moves: two cables or two cameras swapped. So the
doors of a box are moved one after the other, and never while another box's door moves, because
two that move at one moment cannot be told apart. What is not seen stays off for the session: a
door does not close on an animal, an output is not switched.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rig.errors import DoorError, StationError
from rig.interlock import moved
from rig.model import NS_PER_S, DoorState, Frame, Gray, ReportKind, Swept
from rig.session.opened import OpenRig
from rig.setup import Worked
from rig.station.hosted import Hosted, Phase
from rig.station.trial import Trial, Try
from rig.tracking.sweeps import door_sweeps, swept

PICTURES = 5
"""So many make one that is compared: what flickers does not count."""
PICTURES_S = 3.0
MOVES_S = 8.0
"""Longest that a door may take; the board gives up sooner."""
SAYS_S = 1.0
ON_MS = 2000
LIT_LEVELS = 20
LIT_PX = 4
"""A light is seen where so many pixels become so many grey levels brighter, and dark again."""
TRIES = 3
POLL_S = 0.02
HOLDS_S = 1800.0
"""For so long what came of it holds, and for the next session only."""
_MOVING = (DoorState.OPENING, DoorState.CLOSING)
_RESTING = (DoorState.OPEN, DoorState.CLOSED)
Place = tuple[str, str]
"""A box and its door."""


class TakenError(StationError):
    """It is not this box's turn: another one is being worked."""


@dataclass
class Working:
    """Works one box at a time. `work` is called by the channel's threads, `step` by the deciding.

    `opened`: the rig; `boxes`: its boxes as they run; `clock`: the frame clock.
    """

    opened: OpenRig
    boxes: Mapping[str, Hosted]
    clock: Callable[[], int]
    _one: threading.Lock = field(default_factory=threading.Lock)
    _trial: Trial | None = None
    _name: str = ""
    _came: dict[str, tuple[int, Worked]] = field(default_factory=dict)  # when, and what

    @property
    def active(self) -> bool:
        """Whether a box is being worked: then `step` is to be called every 100 ms."""
        return self._trial is not None

    def works(self, name: str) -> bool:
        """Whether this box is being worked."""
        return self.active and self._name == name

    def step(self, now_ns: int) -> None:
        """Renew what is closing, and say that somebody is here."""
        trial = self._trial
        if trial is not None:
            trial.step(now_ns)

    def work(self, name: str, *, empty: bool, begins: Callable[[], bool] = lambda: False) -> Worked:
        """Work what is wired to the box `name`; how each stood, and each is left as it was.

        `empty`: the operator's word that no animal is in it; `begins`: whether a session does in
        it. Raises TakenError where another box is being worked, DoorError for what cannot be tried
        at all, StationError where a session runs or begins in the box.
        """
        self._came.pop(name, None)
        if not empty:
            raise DoorError(f"box {name}: nothing is worked before it is said that it is empty")
        if not self._one.acquire(blocking=False):
            message = f"box {self._name} is being worked: one after the other, or none can be told"
            raise TakenError(message)
        try:
            self._name, self._trial = name, Trial(self.opened, self.clock, (name,))
            # Asked once `works` tells of it: a session's start says first that it begins, and asks
            # that then, so that one of the two always hears of the other.
            if begins() or self.boxes[name].busy:
                raise StationError(f"box {name}: a session runs in it; nothing is worked")
            worked = _One(self, name, self._trial).work()
            self._came[name] = (self.clock(), worked)
            return worked
        finally:
            trial, self._trial = self._trial, None
            if trial is not None:
                trial.end()
            self._one.release()

    def holds(self, name: str) -> Worked | None:
        """What came of working a box, where it still holds and no session has used it."""
        at_ns, worked = self._came.get(name, (0, None))
        return worked if worked and self.clock() - at_ns <= HOLDS_S * NS_PER_S else None

    def use(self, name: str) -> Worked | None:
        """What `holds`, for the one session that follows."""
        worked = self.holds(name)
        self._came.pop(name, None)
        return worked


class _One:
    """One box, while it is worked."""

    def __init__(self, working: Working, name: str, trial: Trial) -> None:
        self._boxes, self._trial, self._name = working.boxes, trial, name
        self._box = working.boxes[name].box.loaded
        self._others = [h for n, h in working.boxes.items() if n != name]

    def work(self) -> Worked:
        self._trial.board()
        doors = {door: self._door(door) for door in self._box.box.doors}
        outputs = {output: self._output(output) for output in self._box.box.outputs}
        return Worked(doors=doors, outputs=outputs)

    # doors

    def _door(self, door: str) -> str:
        if self._state(door) not in _RESTING:
            self._trial.attempt(self._name, Try(door=door, do="home"))
            self._reaches(door, DoorState.OPEN)
        if self._state(door) not in _RESTING:
            return f"it is {self._state(door)}, and does not come to its open switch"
        for _ in range(TRIES):
            why = self._there_and_back(door)
            if why is not None:
                return why
        return "doors of other boxes moved in the same moments; work it again"

    def _there_and_back(self, door: str) -> str | None:
        """Why it was not seen to move; "" if it was; None: another box's door moved meanwhile."""
        first = self._state(door)
        other = DoorState.CLOSED if first == DoorState.OPEN else DoorState.OPEN
        whys: list[str | None] = []
        for goal in (other, DoorState(first)):
            before = self._pictures()
            do = "close" if goal == DoorState.CLOSED else "open"
            try:
                self._trial.attempt(self._name, Try(door=door, do=do, empty=True))
            except DoorError as error:
                return str(error)
            alone = self._reaches(door, goal)
            if self._state(door) != goal:
                self._trial.attempt(self._name, Try(door=door, do="stop"))
                return f"it did not {do}: it is {self._state(door)}"
            whys.append(self._judge(door, before, self._pictures()) if alone else None)
        return None if None in whys else next((why for why in whys if why), "")

    def _judge(self, door: str, before: Mapping[str, Gray], after: Mapping[str, Gray]) -> str:
        mine = self._changes(self._name, before, after)
        if door not in mine:
            return "its sweep_px is not drawn: nobody can see it move"
        if mine[door]:
            return ""
        for hosted in (self._boxes[self._name], *self._others):
            for other, seen in self._changes(hosted.name, before, after).items():
                if seen:
                    return (
                        f"it was not seen to move, but door {other} of box {hosted.name} was:"
                        " cables or cameras are swapped"
                    )
        return "it was not seen to move in this box's picture"

    def _changes(
        self, box: str, before: Mapping[str, Gray], after: Mapping[str, Gray]
    ) -> dict[str, bool]:
        """By door that has a sweep, whether it looks another way in this box's picture."""
        if box not in before or box not in after:
            return {}
        apparatus = self._boxes[box].box.loaded.apparatus
        sweeps = door_sweeps(apparatus, before[box], 0.0)
        seen: Sequence[Swept | None] = swept(after[box], None, sweeps)
        return {
            doorway.name: moved((0.0, 0.0), one) is True
            for doorway, one in zip(apparatus.doorway, seen, strict=False)
            if one is not None
        }

    def _reaches(self, door: str, goal: DoorState) -> bool:
        """Wait for a door's switch; whether no other box's door moved meanwhile."""
        alone, end_s = True, time.monotonic() + MOVES_S
        begun = False
        while time.monotonic() < end_s:
            alone = alone and not self._others_move()
            state = self._state(door)
            if state == goal or (begun and state not in _MOVING):
                break
            begun = begun or state in _MOVING
            time.sleep(POLL_S)
        return alone

    def _others_move(self) -> bool:
        loops = [h.loop for h in self._others if h.phase is Phase.RUNNING]
        return any(s in _MOVING for loop in loops if loop for s in loop.state.doors.values())

    # outputs

    def _output(self, output: str) -> str:
        dark = self._pictures()[self._name]
        self._trial.attempt(self._name, Try(output=output, on_ms=ON_MS))
        if not self._says(output, "on"):
            return "the board does not say that it is on"
        lit = self._pictures()[self._name]
        self._trial.attempt(self._name, Try(output=output, on_ms=0))
        if not self._says(output, "off"):
            return "the board does not say that it is off"
        if output in self._box.box.unseen:
            return ""
        after = self._pictures()[self._name]
        brighter = (lit > dark) & (lit - dark > LIT_LEVELS) & (lit > after)
        brighter &= lit - after > LIT_LEVELS
        if np.count_nonzero(brighter) >= LIT_PX:
            return ""
        return (
            "its light was not seen in this box's picture; where no camera can see it, say"
            f' unseen = ["{output}"] in the rig file and look yourself'
        )

    def _says(self, output: str, wanted: str) -> bool:
        end_s = time.monotonic() + SAYS_S
        while time.monotonic() < end_s:
            if self._known(ReportKind.OUTPUT, output) == wanted:
                return True
            time.sleep(POLL_S)
        return False

    # what is known

    def _state(self, door: str) -> str:
        return self._known(ReportKind.DOOR, door)

    def _known(self, kind: ReportKind, name: str) -> str:
        return self._trial.known(self._name, kind, name)

    def _pictures(self) -> dict[str, Gray]:
        """Each box as it looks now, from pictures that are taken from now on."""
        kept: dict[str, dict[int, Gray]] = {name: {} for name in self._boxes}
        first = self._newest()
        end_s = time.monotonic() + PICTURES_S
        while time.monotonic() < end_s and len(kept[self._name]) < PICTURES:
            for name, hosted in self._boxes.items():
                frame: Frame | None = hosted.frame
                # One that was being taken in while the door came to its end is not looked at.
                if frame is not None and frame.index > first + 1:
                    kept[name][frame.index] = frame.image
            time.sleep(POLL_S)
        if not kept[self._name]:
            raise StationError("the camera gives no picture; is it connected?")
        return {
            name: np.median(np.stack(list(taken.values())), axis=0).astype(np.uint8)
            for name, taken in kept.items()
            if taken
        }

    def _newest(self) -> int:
        frame = self._boxes[self._name].frame
        return -1 if frame is None else frame.index
