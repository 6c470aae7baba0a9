"""A simulated board and its link in virtual time: both halves of the wire stepped together."""

from collections.abc import Callable, Sequence

from rig.errors import DoorError
from rig.hardware.link import Link, Phase
from rig.hardware.orders import Order, Timing
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.panel import NS_PER_MS
from rig.model import DoorReport

MAX_STEP_NS = 10 * NS_PER_MS


class VirtualBoard:
    """A board with its link on a virtual clock: the same calls as `rig.hardware.doors.SerialBoard`.

    Bytes take no time. While a door moves, both halves are stepped every 10 ms at most; while none
    does, only at the times at which one of them has something to do, which gives the same bytes.
    The link is up when this is made. Raises DoorError when `name` is not what the board says.
    """

    def __init__(self, board: Board, name: str = "", now_ns: int = 0) -> None:
        self.board = board
        self.link = Link(name or board.name)
        self._now_ns = now_ns
        self._listeners: list[Callable[[DoorReport], None]] = []
        self._exchange(now_ns)
        if self.link.phase is not Phase.UP:
            raise DoorError(f"simulated board: {self.link.fault}")

    @property
    def name(self) -> str:
        """What the board is called in reports and rig files."""
        return self.link.name

    def order(self, orders: Sequence[Order], now_ns: int) -> None:
        """Send `orders` at `now_ns`; they are carried out when this returns."""
        self.step_to(now_ns)
        self._exchange(self._now_ns, orders, now_ns)

    def rehearse(self, orders: Sequence[Order]) -> None:
        """Go through making the line; nothing follows from it."""
        self.link.rehearse(self._now_ns, orders)

    def alive(self, now_ns: int) -> None:
        """The session loop lives; beats go out for 200 ms from here."""
        self.step_to(now_ns)
        self.link.alive(self._now_ns)
        if self.link.due_ns <= self._now_ns:
            self._exchange(self._now_ns)

    def subscribe(
        self,
        listener: Callable[[DoorReport], None],
        timed: Callable[[Timing], None] | None = None,
    ) -> Callable[[], None]:
        """Call `listener` with what is known, then with each report; gives back what ends that.

        Nothing takes time here, so `timed` is never called.
        """
        for report in self.link.told(self._now_ns):
            listener(report)
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def step_to(self, now_ns: int) -> None:
        """Let both halves go on to `now_ns`. A time that has passed already does nothing."""
        board, link = self.board, self.link
        while True:
            due_ns = min(board.due_ns, link.due_ns)
            if due_ns > now_ns:
                break
            self._now_ns = max(self._now_ns, due_ns)
            self._exchange(self._now_ns)
        if now_ns > self._now_ns:
            self._now_ns = now_ns
            if board.moving:
                self._exchange(now_ns)  # the picture of this moment shows the door where it is

    def _exchange(
        self, now_ns: int, orders: Sequence[Order] = (), asked_ns: int | None = None
    ) -> None:
        """Step both halves at one moment until neither has more to say."""
        to_host = b""
        while True:
            to_board, reports = self.link.step(now_ns, to_host, orders, asked_ns)
            orders = ()
            for report in reports:
                for listener in self._listeners:
                    listener(report)
            to_host = self.board.step(now_ns, to_board)
            if not to_host:
                return
