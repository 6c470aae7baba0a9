"""The working copy of one `advance`: the new state, and what goes out beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rig.engine.state import End, Ending, State
from rig.model import Command, CommandKind, Detection, DoorState, Event, Tick
from rig.setup import Setup
from rig.zones import Zoned


@dataclass(slots=True)
class Draft:
    """One tick being decided. Everything in here belongs to this call alone."""

    setup: Setup
    tick: Tick
    s: State
    events: list[Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    zoned: Zoned | None = None  # None: no picture in this tick
    believed: bool = False  # a word about a door moved by hand was believed in this tick
    doors_ns: int | None = None  # when the doors were confirmed that the plan waited for until now

    @property
    def t_ns(self) -> int:
        """This tick's time."""
        return self.tick.t_ns

    @property
    def work_ns(self) -> int:
        """This tick's time less the pauses."""
        return self.s.work_ns(self.tick.t_ns)

    @property
    def detection(self) -> Detection | None:
        """What was seen in this tick's picture."""
        return self.tick.detection

    def tell(self, kind: str, at_ns: int | None = None, /, **data: Any) -> None:
        """Add an event, now unless `at_ns` says otherwise."""
        self.events.append(Event(self.tick.t_ns if at_ns is None else at_ns, kind, data))

    def ask(self, what: str, key: str, **data: Any) -> None:
        """Prompt the operator, once a step for each `key`."""
        if key not in self.s.asked:
            self.s.asked |= {key}
            self.tell("prompt", ask=what, **data)

    def order(self, kind: CommandKind, names: tuple[str, ...], **rest: int) -> None:
        """Add a command."""
        self.commands.append(Command(kind, names, **rest))

    def finish(self, status: End, reason: str) -> None:
        """Decide the end (the first one wins) and make safe; it is recorded after the clean-up."""
        if self.s.ending is None:
            self.s.ending = Ending(status, reason)
            self.tell("ending", status=str(status), reason=reason)
            self.make_safe()

    def make_safe(self) -> None:
        """Closing doors reverse, resting doors stay, outputs off."""
        # `stop` reverses a closing door, lets an opening one go on and leaves a resting one: it is
        # right whatever the door has done since its last report.
        told = [n for n in self.setup.board_doors if n in self.s.moving]
        closing = [n for n in self.setup.board_doors if self.s.door(n) == DoorState.CLOSING]
        if names := tuple(dict.fromkeys((*closing, *told))):
            self.order(CommandKind.STOP, names)
            self.expect(names)
        if self.setup.outputs:
            self.order(CommandKind.OFF, self.setup.outputs)
        for name in self.s.on:
            self.tell("output_off", output=name, why="made safe")
        self.s.on, self.s.latched, self.s.lease_ns = {}, {}, {}

    def fail(self, reason: str) -> None:
        """Failed, whatever was decided before: what is not on the disk was not completed."""
        if self.s.ending is None:
            self.finish(End.FAILED, reason)
        elif not self.s.stopped:
            self.s.ending = Ending(End.FAILED, reason)
            self.tell("ending", status=str(End.FAILED), reason=reason)

    def expect(self, names: tuple[str, ...]) -> None:
        """These doors were told to move."""
        self.s.moving = {**self.s.moving, **dict.fromkeys(names, self.t_ns)}

    def still(self, name: str) -> None:
        """This door is not on its way any more."""
        self.s.moving = without(self.s.moving, name)

    def set_door(self, name: str, state: str) -> None:
        """Note a door's state in a fresh mapping."""
        self.s.doors = {**self.s.doors, name: state}


def without(mapping: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The mapping less one key."""
    return {key: value for key, value in mapping.items() if key != name}
