"""Which number on which board each door, beam and output of a box is; a box's doors for its engine.

Pure: the boards are objects that others open.
"""

import typing
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from rig.errors import ConfigError
from rig.hardware.orders import Hello, Order, Timing, Verb
from rig.model import Command, CommandKind, DoorReport, ReportKind
from rig.rigfile import Box, RigFile
from rig.rigfile import wired as read_place

_DOORS, _BEAMS, _OUTPUTS = "doors", "beams", "outputs"
_KINDS = (_DOORS, _BEAMS, _OUTPUTS)
_OF_DOORS = frozenset((Verb.OPEN, Verb.CLOSE, Verb.PERMIT, Verb.STOP, Verb.HOME))
_TABLE = {ReportKind.DOOR: _DOORS, ReportKind.BEAM: _BEAMS, ReportKind.OUTPUT: _OUTPUTS}
KEPT_TIMINGS = 4096
_VERBS = {kind: Verb(kind) for kind in CommandKind}


class Pin(typing.NamedTuple):
    """A number on a board."""

    board: str
    number: int


@dataclass(frozen=True, slots=True)
class Wiring:
    """One box: the apparatus's names to numbers on boards."""

    doors: Mapping[str, Pin]
    beams: Mapping[str, Pin]
    outputs: Mapping[str, Pin]

    @property
    def boards(self) -> frozenset[str]:
        """Names of the boards that this box is wired to."""
        tables = (self.doors, self.beams, self.outputs)
        return frozenset(pin.board for table in tables for pin in table.values())


def wiring(box: Box, file: str = "rig file") -> Wiring:
    """The wiring of `box`. Raises ConfigError naming `file` for what is no "board/number"."""
    return Wiring(*({n: _pin(box, kind, n, file) for n in getattr(box, kind)} for kind in _KINDS))


def wirings(rig: RigFile, file: str = "rig file") -> dict[str, Wiring]:
    """The wiring of each box of `rig` by the box's name. Raises as `wiring` does."""
    return {box.name: wiring(box, file) for box in rig.box}


def check_boards(
    rig: RigFile, wired: Mapping[str, Wiring], hellos: Mapping[str, Hello], file: str = "rig file"
) -> None:
    """Nothing, where each board has the doors, beams and outputs that the boxes are wired to.

    Boards of which there is no hello are passed over. Raises ConfigError naming `file`, the key
    and the value for the first number that a board lacks.
    """
    for k, box in enumerate(rig.box):
        for kind, table in _tables(wired[box.name]):
            for name, pin in table.items():
                has = getattr(hellos.get(pin.board), kind, pin.number)
                if pin.number > has:
                    text = f"{pin.board}/{pin.number}: this board has {has} {kind}"
                    raise ConfigError(file, f"box[{k}].{kind}.{name}", text)


class OpenBoard(typing.Protocol):
    """What a box needs of a board: `SerialBoard` at the rig, `VirtualBoard` in virtual time."""

    @property
    def name(self) -> str:
        """What the board is called in reports and rig files."""
        ...

    def order(self, orders: Sequence[Order], now_ns: int) -> None:
        """Send orders."""
        ...

    def rehearse(self, orders: Sequence[Order]) -> None:
        """Go through sending orders; nothing follows from it."""
        ...

    def subscribe(
        self,
        listener: Callable[[DoorReport], None],
        timed: Callable[[Timing], None] | None = None,
    ) -> Callable[[], None]:
        """Call `listener` with what is known, then with each report; `timed` with each timing."""
        ...

    def alive(self, now_ns: int) -> None:
        """The session loop lives."""
        ...


class BoxDoors:
    """The doors and outputs of one box, by name: what `rig.engine` asks for as `Doors`.

    Reports of other boxes' doors are not passed on; link, reset, watchdog and sync of each board
    that this box is wired to are. Doors that are not wired (moved by hand, or none) are left
    alone. Boards may report from another thread.
    """

    def __init__(self, wiring: Wiring, boards: Mapping[str, OpenBoard]) -> None:
        """Listen to the boards; the first reports say what is known of each.

        Raises ValueError when a board that the box is wired to is not in `boards`.
        """
        missing = wiring.boards - boards.keys()
        if missing:
            raise ValueError(f"boards that are not open: {sorted(missing)}")
        self._wiring = wiring
        self._boards = {name: boards[name] for name in sorted(wiring.boards)}
        self._names = {
            (kind, *pin): name for kind, table in _tables(wiring) for name, pin in table.items()
        }
        self._heard: deque[DoorReport] = deque()
        self._timed: deque[tuple[int, int, int]] = deque(maxlen=KEPT_TIMINGS)
        self._ends = [
            board.subscribe(partial(self._hear, name), partial(self._time, name))
            for name, board in self._boards.items()
        ]

    def send(self, commands: Sequence[Command], now_ns: int) -> None:
        """Hand `commands` to the boards; all doors that open (or stop) do so in one line a board.

        An output that is not wired is answered by a report (`refused`, `not-wired`).
        """
        if commands:
            for board, listed in self._orders(commands, now_ns).items():
                self._boards[board].order(listed, now_ns)

    def rehearse(self) -> None:
        """Go through what `send` does for an output or a door; nothing follows from it."""
        wired = self._wiring
        switched = (Command(CommandKind.OUT, (name,), 1) for name in wired.outputs)
        moved = (Command(CommandKind.STOP, (name,)) for name in wired.doors)
        for board, listed in self._orders([*switched, *moved][:1], 0).items():
            self._boards[board].rehearse(listed)

    def _orders(self, commands: Sequence[Command], now_ns: int) -> dict[str, list[Order]]:
        orders: dict[str, list[Order]] = {}
        together: dict[tuple[CommandKind, str], list[int]] = {}
        for command in commands:
            kind = command.kind
            of_doors = _VERBS[kind] in _OF_DOORS
            table = self._wiring.doors if of_doors else self._wiring.outputs
            for name in command.names:
                pin = table.get(name)
                if pin is None:
                    if not of_doors:
                        refused = DoorReport(
                            now_ns, ReportKind.REFUSED, f"{kind} {name}", "not-wired"
                        )
                        self._heard.append(refused)
                elif kind in (CommandKind.OPEN, CommandKind.STOP):
                    numbers = together.setdefault((kind, pin.board), [])
                    if pin.number not in numbers:
                        numbers.append(pin.number)
                else:
                    orders.setdefault(pin.board, []).append(_order(command, pin.number))
        for (kind, board), numbers in together.items():
            orders.setdefault(board, []).insert(0, Order(_VERBS[kind], tuple(numbers)))
        return orders

    def reports(self) -> tuple[DoorReport, ...]:
        """What was heard since the last call, in order, by the apparatus's names."""
        heard = self._heard
        if not heard:
            return ()
        return tuple(heard.popleft() for _ in range(len(heard)))

    def timings(self) -> tuple[tuple[int, int, int], ...]:
        """When each order of this box was asked for, written, answered (ns) since the last call.

        Asked for: the time of the picture that it was decided on.
        """
        timed = self._timed
        return tuple(timed.popleft() for _ in range(len(timed))) if timed else ()

    def alive(self, now_ns: int) -> None:
        """Tell each board that this box's session loop lives."""
        for board in self._boards.values():
            board.alive(now_ns)

    def close(self) -> None:
        """Listen no longer. The boards stay open: they belong to the station."""
        for end in self._ends:
            end()
        self._ends = []

    def _hear(self, board: str, report: DoorReport) -> None:
        named = self._named(board, report)
        if named is not None:
            self._heard.append(named)

    def _time(self, board: str, timing: Timing) -> None:
        kind = _DOORS if timing.verb in _OF_DOORS else _OUTPUTS
        if any((kind, board, number) in self._names for number in timing.numbers):
            self._timed.append((timing.asked_ns, timing.written_ns, timing.answered_ns))

    def _named(self, board: str, report: DoorReport) -> DoorReport | None:
        """`report` by this box's names; None when it is not about this box."""
        if report.kind is ReportKind.REFUSED:
            verb, *numbers = report.name.split(" ")
            kind = _DOORS if verb in _OF_DOORS else _OUTPUTS
            names = [self._names.get((kind, board, int(number))) for number in numbers]
            ours = [name for name in names if name is not None]
            return _renamed(report, " ".join((verb, *ours))) if ours else None
        table = _TABLE.get(report.kind)
        if table is None:
            return report
        name = self._names.get((table, board, int(report.name)))
        return None if name is None else _renamed(report, name)


def _pin(box: Box, kind: str, name: str, file: str) -> Pin:
    try:
        return Pin(*read_place(getattr(box, kind)[name]))
    except ValueError as error:
        raise ConfigError(file, f"box {box.name}.{kind}.{name}", str(error)) from None


def _tables(wiring: Wiring) -> tuple[tuple[str, Mapping[str, Pin]], ...]:
    return ((_DOORS, wiring.doors), (_BEAMS, wiring.beams), (_OUTPUTS, wiring.outputs))


def _order(command: Command, number: int) -> Order:
    verb = _VERBS[command.kind]
    return Order(verb, (number,), command.ms, command.hz, command.width_us)


def _renamed(report: DoorReport, name: str) -> DoorReport:
    return DoorReport(
        report.t_ns,
        report.kind,
        name,
        report.value,
        report.cause,
        report.source,
        report.board_ms,
    )
