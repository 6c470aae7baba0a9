"""Names to numbers on boards, and one box's doors for its engine."""

from collections.abc import Callable, Sequence

import pytest

from rig.errors import ConfigError
from rig.hardware.orders import Order, Verb
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.panel import DoorPins
from rig.hardware.simulated.virtual import VirtualBoard
from rig.hardware.wiring import BoxDoors, Pin, Wiring, check_boards, wiring, wirings
from rig.model import Command, CommandKind, DoorReport, ReportKind
from rig.rigfile import Box, RigFile, parse

MS = 1_000_000
RIG = """
name = "rack"
[camera]
source = "sim"
[[board]]
name = "b1"
port = "sim"
[[board]]
name = "b2"
port = "sim"
[[box]]
name = "A"
apparatus = "a.toml"
doors = { left = "b1/1", right = "b1/2" }
beams = { left = "b1/1" }
outputs = { laser = "b1/1", light = "b2/1" }
[[box]]
name = "B"
apparatus = "a.toml"
doors = { left = "b1/3", far = "b2/1" }
outputs = { laser = "b1/2" }
"""


def rig() -> RigFile:
    return parse(RIG, "rack.rig.toml")


def wired(name: str) -> Wiring:
    return wirings(rig())[name]


def test_names_become_pins() -> None:
    assert wired("A").doors == {"left": Pin("b1", 1), "right": Pin("b1", 2)}
    assert wired("B").outputs == {"laser": Pin("b1", 2)}
    assert wired("A").boards == {"b1", "b2"}


def test_a_wire_that_leads_nowhere() -> None:
    with pytest.raises(ConfigError, match=r"rack: box A.doors.left: 'b1': write"):
        wiring(Box(apparatus="a.toml", doors={"left": "b1"}), "rack")


def test_a_box_without_wires_needs_no_board() -> None:
    bare = wiring(Box(apparatus="a.toml"))
    assert bare.boards == frozenset()
    doors = BoxDoors(bare, {})
    doors.send([Command(CommandKind.OPEN, ("left",))], 0)
    doors.alive(0)
    assert doors.reports() == ()


def open_all(doors: int = 4) -> dict[str, VirtualBoard]:
    return {name: VirtualBoard(Board(name, [DoorPins()] * doors)) for name in ("b1", "b2")}


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        pytest.param(2, "this board has 2 doors", id="too-few"),
        pytest.param(3, "", id="enough"),
    ],
)
def test_a_door_that_the_board_lacks(numbers: int, message: str) -> None:
    hello = open_all(numbers)["b1"].link.hello
    assert hello is not None
    if not message:
        check_boards(rig(), wirings(rig()), {"b1": hello}, "rack")
        return
    with pytest.raises(ConfigError) as caught:
        check_boards(rig(), wirings(rig()), {"b1": hello}, "rack")
    assert str(caught.value) == f"rack: box[1].doors.left: b1/3: {message}"


def test_boards_that_are_not_open() -> None:
    with pytest.raises(ValueError, match="b2"):
        BoxDoors(wired("A"), {"b1": open_all()["b1"]})


class Listed:
    """A board that only keeps what it was told."""

    name = "b1"

    def __init__(self) -> None:
        self.orders: list[list[Order]] = []
        self.rehearsed: list[list[Order]] = []
        self.lived_ns: list[int] = []

    def order(self, orders: Sequence[Order], now_ns: int) -> None:
        self.orders.append(list(orders))

    def rehearse(self, orders: Sequence[Order]) -> None:
        self.rehearsed.append(list(orders))

    def alive(self, now_ns: int) -> None:
        self.lived_ns.append(now_ns)

    def subscribe(
        self, listener: Callable[[DoorReport], None], timed: object = None
    ) -> Callable[[], None]:
        return lambda: None


WIRED = Wiring({"l": Pin("b1", 1), "r": Pin("b1", 2)}, {}, {"laser": Pin("b1", 3)})


@pytest.mark.parametrize(
    ("commands", "orders"),
    [
        pytest.param([], [], id="none"),
        pytest.param(
            [Command(CommandKind.OPEN, ("l",)), Command(CommandKind.OPEN, ("r", "l"))],
            [[Order(Verb.OPEN, (1, 2))]],
            id="together",
        ),
        pytest.param(
            [Command(CommandKind.CLOSE, ("l", "r"), 300)],
            [[Order(Verb.CLOSE, (1,), 300), Order(Verb.CLOSE, (2,), 300)]],
            id="close-one-by-one",
        ),
        pytest.param(
            [
                Command(CommandKind.TRAIN, ("laser",), 300, 20, 5000),
                Command(CommandKind.STOP, ("r",)),
                Command(CommandKind.OFF, ("laser",)),
            ],
            [
                [
                    Order(Verb.STOP, (2,)),
                    Order(Verb.TRAIN, (3,), 300, 20, 5000),
                    Order(Verb.OFF, (3,)),
                ]
            ],
            id="train-stop-off",
        ),
        pytest.param([Command(CommandKind.OPEN, ("by-hand",))], [], id="manual"),
    ],
)
def test_commands_become_orders(commands: list[Command], orders: list[list[Order]]) -> None:
    board = Listed()
    doors = BoxDoors(WIRED, {"b1": board})
    doors.send(commands, 7)
    doors.alive(8)
    assert board.orders == orders
    assert board.lived_ns == [8]


@pytest.mark.parametrize(
    ("wired", "order"),
    [(WIRED, Order(Verb.OUT, (3,), 1)), (Wiring(WIRED.doors, {}, {}), Order(Verb.STOP, (1,)))],
    ids=["output", "door"],
)
def test_what_is_rehearsed_is_not_ordered(wired: Wiring, order: Order) -> None:
    board = Listed()
    doors = BoxDoors(wired, {"b1": board})
    doors.rehearse()
    assert (board.rehearsed, board.orders, doors.reports()) == ([[order]], [], ())
    BoxDoors(Wiring({}, {}, {}), {}).rehearse()


def test_an_output_without_a_wire_is_refused() -> None:
    doors = BoxDoors(WIRED, {"b1": Listed()})
    doors.send([Command(CommandKind.OUT, ("lamp",), 300)], 7)
    assert doors.reports() == (DoorReport(7, ReportKind.REFUSED, "out lamp", "not-wired"),)


def test_each_box_hears_of_its_own_things_only() -> None:
    boards = open_all()
    a, b = BoxDoors(wired("A"), boards), BoxDoors(wired("B"), boards)
    known = [(r.kind.value, r.name, r.value) for r in a.reports()]
    assert known == [
        ("link", "b1", "up"),
        ("door", "left", "open"),
        ("door", "right", "open"),
        ("output", "laser", "off"),
        ("beam", "left", "clear"),
        ("link", "b2", "up"),
        ("output", "light", "off"),
    ]
    b.reports()
    a.send([Command(CommandKind.CLOSE, ("left",), 500), Command(CommandKind.OUT, ("laser",), 9)], 0)
    b.send([Command(CommandKind.PERMIT, ("left",), 501)], MS)
    boards["b1"].step_to(20 * MS)
    assert [(r.name, r.value) for r in a.reports()] == [
        ("left", "closing"),
        ("laser", "on"),
        ("laser", "off"),
    ]
    assert [(r.kind.value, r.name, r.value) for r in b.reports()] == [
        ("refused", "permit left", "out-of-range")
    ]
    b.close()
    boards["b1"].step_to(1000 * MS)
    assert [(r.kind.value, r.name, r.cause) for r in a.reports()] == [
        ("watchdog", "b1", ""),
        ("door", "left", "watchdog"),
        ("door", "left", ""),
    ]
    assert b.reports() == ()
