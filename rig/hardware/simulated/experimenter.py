"""The simulated person: hears what a session asks for, does it in the world, and answers.

Prompts are events of the kind `prompt` whose data say what is asked (`ask`: arm, empty, place,
take, door or confirm) and of which chamber or door. Everything takes a person's time, drawn from
the experimenter's own seeded stream and counted on the world's clock.
"""

import logging
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rig.hardware.simulated.world import World
from rig.model import NS_PER_S, DoorState, Event, Request, RequestKind

WHO = "simulated experimenter"
ANSWER_S = (0.4, 0.7)
FETCH_S = (0.8, 1.3)
LOOK_AGAIN_S = 0.1

_log = logging.getLogger(__name__)

Deed = Generator[float, None, Request | None]
"""Yields how many seconds to wait before it goes on; returns the answer, if there is one."""


@dataclass(slots=True)
class _Doing:
    at_ns: int
    deed: Deed


class Experimenter:
    """One person at one box of a simulated world. Same seed, same pauses.

    `forgets`: by door and state, how many times a door is confirmed without having been moved.
    """

    def __init__(
        self,
        world: World,
        box: str,
        seed: int,
        forgets: Mapping[tuple[str, str], int] | None = None,
    ) -> None:
        self._world = world
        self._box = box
        self._rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(3,)))
        self._doing: list[_Doing] = []
        self._forgets = dict(forgets or {})

    def hear(self, events: Sequence[Event]) -> None:
        """Takes note of the prompts among a session's events; their time is when they are heard."""
        for event in events:
            if event.kind == "prompt":
                deed = self._deed(event)
                if deed is not None:
                    wait_ns = round(next(deed) * NS_PER_S)
                    self._doing.append(_Doing(event.t_ns + wait_ns, deed))

    def requests(self, now_ns: int) -> list[Request]:
        """Does what is due at `now_ns`, in the order it was asked for, and gives the answers."""
        answers: list[Request] = []
        unfinished: list[_Doing] = []
        for doing in self._doing:
            if doing.at_ns <= now_ns:
                try:
                    doing.at_ns = now_ns + round(next(doing.deed) * NS_PER_S)
                except StopIteration as end:
                    if end.value is not None:
                        answers.append(end.value)
                    continue
            unfinished.append(doing)
        self._doing = unfinished
        return answers

    # --- deeds

    def _deed(self, event: Event) -> Deed | None:
        ask = event.data.get("ask", "")
        chamber = str(event.data.get("chamber") or "")
        door = str(event.data.get("door") or "")
        if ask == "empty":
            return self._say_empty()
        if ask == "arm":
            return self._answer(RequestKind.ARM, "")
        if ask == "confirm":
            return self._answer(RequestKind.CONFIRM, door or chamber)
        if ask == "place":
            return self._place(chamber)
        if ask == "take":
            return self._take()
        if ask == "door":
            return self._move_door(door, str(event.data.get("value") or DoorState.OPEN))
        _log.warning("the simulated experimenter does not know what to do when asked %r", ask)
        return None

    def _answer(self, kind: RequestKind, name: str) -> Deed:
        yield self._pause_s(ANSWER_S)
        return Request(kind, name=name, who=WHO)

    def _say_empty(self) -> Deed:
        yield self._pause_s(ANSWER_S)
        while self._busy():
            yield LOOK_AGAIN_S
        return Request(RequestKind.EMPTY, who=WHO)

    def _place(self, chamber: str) -> Deed:
        yield self._pause_s(FETCH_S)
        if self._world.animal_in(self._box):
            self._world.take(self._box)
            while self._busy():
                yield LOOK_AGAIN_S
            yield self._pause_s(FETCH_S)
        self._world.bring(self._box, chamber or self._world.usual_chamber(self._box))
        return None

    def _take(self) -> Deed:
        yield self._pause_s(FETCH_S)
        if self._world.animal_in(self._box):
            self._world.take(self._box)
        return None

    def _move_door(self, door: str, state: str) -> Deed:
        yield self._pause_s(ANSWER_S)
        if self._forgets.get((door, state), 0):
            self._forgets[door, state] -= 1
            return Request(RequestKind.CONFIRM, name=door, who=WHO)
        open_it = state == DoorState.OPEN
        self._world.set_manual_door(self._box, door, open_it)
        goal = 1.0 if open_it else 0.0
        while self._world.door_position(self._box, door) != goal:
            yield LOOK_AGAIN_S
        yield LOOK_AGAIN_S
        return Request(RequestKind.CONFIRM, name=door, who=WHO)

    def _busy(self) -> bool:
        return self._world.animal_in(self._box) or self._world.hand_in(self._box)

    def _pause_s(self, between_s: tuple[float, float]) -> float:
        return float(self._rng.uniform(*between_s))
