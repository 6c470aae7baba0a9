"""The boards of a station tried by hand while no session runs: doors and outputs, one by one.

The rules of the wire hold as in a session: a closing goes on only while its permit is renewed,
and the board itself reverses it. What is missing here is the camera's evidence; a door closes on
the operator's word that its box is empty, with its beam clear.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Literal

from pydantic import Field

from rig.config import Strict
from rig.errors import DoorError
from rig.hardware.orders import Order, Verb
from rig.hardware.wiring import BoxDoors, Pin, wiring
from rig.model import NS_PER_S, DoorReport, DoorState, ReportKind
from rig.session.opened import OpenRig

PERMIT_MS = 300
RENEW_NS = 100_000_000
LONGEST_CLOSING_S = 20.0
MOST_ON_MS = 2000
HEARD = 40
_MOVING = (DoorState.OPENING, DoorState.CLOSING)


class Try(Strict):
    """One thing to try: a door and what it does, or an output and for how long it is on."""

    door: str = ""
    do: Literal["open", "close", "home", "stop"] = "stop"
    empty: bool = False  # the operator's word
    output: str = ""
    on_ms: int = Field(500, ge=0, le=MOST_ON_MS)  # 0: off


class _Box:
    """One box's doors, beams and outputs as they were last reported."""

    def __init__(self, opened: OpenRig, name: str) -> None:
        self.wired = wiring(opened.boxes[name].loaded.box)
        self.doors = BoxDoors(self.wired, opened.boards)
        self.known: dict[ReportKind, dict[str, str]] = {
            ReportKind.DOOR: {},
            ReportKind.BEAM: {},
            ReportKind.OUTPUT: {},
        }
        self.up: dict[str, bool] = {}
        self.heard: deque[dict[str, Any]] = deque(maxlen=HEARD)
        self.n = 0
        self.permits: dict[str, tuple[int, int]] = {}  # door: begun, last renewed

    def hear(self) -> None:
        for report in self.doors.reports():
            self._hear(report)

    def _hear(self, report: DoorReport) -> None:
        kind, value = report.kind, report.value
        if kind is ReportKind.LINK:
            self.up[report.name] = value == "up"
        elif kind in self.known:
            after = DoorState.OPENING if value == DoorState.REVERSED else value
            self.known[kind][report.name] = str(after)
        self.n += 1
        told = {"kind": str(kind), "name": report.name, "value": value, "cause": report.cause}
        self.heard.append({"n": self.n, **told})

    def told(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, kind, pins in (
            ("doors", ReportKind.DOOR, self.wired.doors),
            ("beams", ReportKind.BEAM, self.wired.beams),
            ("outputs", ReportKind.OUTPUT, self.wired.outputs),
        ):
            out[key] = {name: self.known[kind].get(name, "unknown") for name in pins}
        return out | {"heard": list(self.heard)}


class Trial:
    """Boards tried by hand. `step` is the deciding thread's; the rest may be called from any.

    `names`: the boxes whose doors and outputs are tried; None: all of the rig.
    """

    def __init__(
        self, opened: OpenRig, clock: Callable[[], int], names: Sequence[str] | None = None
    ) -> None:
        self._opened, self._clock = opened, clock
        self._names = tuple(opened.boxes) if names is None else tuple(names)
        self._lock = threading.Lock()
        self._boxes: dict[str, _Box] = {}

    @property
    def active(self) -> bool:
        """Whether boards are being tried: then `step` is to be called every 100 ms."""
        return bool(self._boxes)

    def board(self) -> dict[str, Any]:
        """The boards, opened at the first call, and how each door, beam and output stands.

        Raises ConfigError for a board that cannot be opened or lacks what is wired.
        """
        with self._lock:
            self._open()
            boards = {}
            for source in self._opened.loaded.rig.board:
                board: Any = self._opened.boards[source.name]
                hello = board.hello
                boards[source.name] = {
                    "port": source.port,
                    "up": board.up,
                    "firmware": hello.firmware,
                    "doors": hello.doors,
                    "outputs": hello.outputs,
                    "beams": hello.beams,
                }
            boxes = {}
            for name, box in self._boxes.items():
                box.hear()
                boxes[name] = box.told()
            return {"boards": boards, "boxes": boxes}

    def known(self, name: str, kind: ReportKind, what: str) -> str:
        """What was last reported of a door, beam or output of a box; "unknown" before."""
        with self._lock:
            box = self._boxes[name]
            box.hear()
            return box.known[kind].get(what, "unknown")

    def attempt(self, name: str, what: Try) -> None:
        """Try one thing in the box `name`. Raises DoorError for what is not allowed or not there.

        Returns when it is ordered; `board` tells what came of it.
        """
        with self._lock:
            self._open()
            box = self._boxes[name]
            box.hear()
            if what.output:
                pin = self._pin(box.wired.outputs, what.output, f"box {name}: no output")
                verb = Verb.OUT if what.on_ms else Verb.OFF
                self._order(pin, Order(verb, (pin.number,), what.on_ms))
                return
            pin = self._pin(box.wired.doors, what.door, f"box {name}: no door")
            if what.do == "close":
                self._close(name, box, what, pin)
                return
            box.permits.pop(what.door, None)
            self._order(pin, Order(Verb(what.do), (pin.number,)))

    def step(self, now_ns: int) -> None:
        """Renew what is closing while its beam is clear, and say that somebody is here."""
        if not self._boxes:
            return
        with self._lock:
            for box in self._boxes.values():
                box.hear()
                box.doors.alive(now_ns)
                for door in list(box.permits):
                    self._renew(box, door, now_ns)

    def end(self) -> None:
        """Outputs off, moving doors made safe, and nobody listens. The boards stay open."""
        with self._lock:
            boxes, self._boxes = self._boxes, {}
            for box in boxes.values():
                box.hear()
                for name, pin in box.wired.outputs.items():
                    if box.known[ReportKind.OUTPUT].get(name) != "off":
                        self._order(pin, Order(Verb.OFF, (pin.number,)))
                for name, pin in box.wired.doors.items():
                    if box.known[ReportKind.DOOR].get(name) in _MOVING:
                        self._order(pin, Order(Verb.STOP, (pin.number,)))
                box.doors.close()

    # Below: with the lock held.

    def _open(self) -> None:
        if self._boxes:
            return
        self._opened.open_boards()
        self._boxes = {name: _Box(self._opened, name) for name in self._names}

    def _order(self, pin: Pin, order: Order) -> None:
        self._opened.boards[pin.board].order([order], self._clock())

    @staticmethod
    def _pin(pins: Any, name: str, what: str) -> Pin:
        pin = pins.get(name)
        if pin is None:
            have = ", ".join(pins) or "none"
            raise DoorError(f"{what} {name!r} is wired to a board (wired: {have})")
        return Pin(*pin)

    def _close(self, name: str, box: _Box, what: Try, pin: Pin) -> None:
        against = []
        if not what.empty:
            against.append("the operator has not said that the box is empty")
        beam = box.known[ReportKind.BEAM].get(what.door)
        if what.door in box.wired.beams and beam != "clear":
            against.append(f"its beam is {beam or 'not known'}")
        if not box.up.get(pin.board):
            against.append(f"{pin.board} does not answer")
        if against:
            raise DoorError(f"box {name}: door {what.door} stays as it is: {'; '.join(against)}")
        now_ns = self._clock()
        box.permits[what.door] = (now_ns, now_ns)
        self._order(pin, Order(Verb.CLOSE, (pin.number,), PERMIT_MS))

    def _renew(self, box: _Box, door: str, now_ns: int) -> None:
        begun_ns, last_ns = box.permits[door]
        state = box.known[ReportKind.DOOR].get(door)
        late = now_ns - begun_ns > LONGEST_CLOSING_S * NS_PER_S
        began = now_ns - begun_ns > PERMIT_MS * 1_000_000
        blocked = box.known[ReportKind.BEAM].get(door) == "blocked"
        if late or blocked or (began and state != DoorState.CLOSING):
            del box.permits[door]  # the permit lapses, or it is closed
        elif state == DoorState.CLOSING and now_ns - last_ns >= RENEW_NS:
            pin = box.wired.doors[door]
            box.permits[door] = (begun_ns, now_ns)
            self._order(pin, Order(Verb.PERMIT, (pin.number,), PERMIT_MS))
