"""Controller boards on serial ports: opened, kept, and closed safely."""

import errno
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import serial
from serial.tools import list_ports as system_ports

from rig.errors import DoorError
from rig.hardware.link import Link, Phase
from rig.hardware.orders import Hello, Order, Timing, Verb
from rig.model import DoorReport, ReportKind
from rig.rigfile import RigFile

BAUD = 115200
READ_S = 0.02
"""Longest sleep of the reading thread; bytes wake it at once, a resend is late by this at most."""
WRITE_S = 0.02
"""Longest that writing one line may hold the session's loop up."""
ANSWER_S = 5.0
"""How long a board may take for its first answer: one that was reset by opening its port boots."""
RETRY_S = 0.25
FAREWELL_S = 0.3
NS_PER_S = 1_000_000_000

logger = logging.getLogger(__name__)
Clock = Callable[[], int]
Listener = Callable[[DoorReport], None]
TimingListener = Callable[[Timing], None]
KEPT_TIMINGS = 4096
_NOBODYS = ("root", "wheel")
"""Groups that nobody is to join for a port."""


class PortFound(NamedTuple):
    """A serial port that the system knows of."""

    device: str
    description: str
    serial_number: str


def list_ports() -> tuple[PortFound, ...]:
    """The serial ports that the system knows of, in its own words. Opens none."""
    found = sorted(system_ports.comports(), key=lambda port: str(port.device))
    return tuple(
        PortFound(port.device, port.description or "", port.serial_number or "") for port in found
    )


class SerialBoard:
    """One board on a serial port, its link stepped by a thread.

    Opens the port for itself alone, says `hello` and waits for the answer. A port that is lost is
    opened again as soon as it is there; the link then begins as after a reset, and nothing is
    moved. All methods may be called from any thread. Listeners are called from whichever thread
    steps the link; they return at once and do not call back.

    Args:
        name: what the board must call itself; "" takes any.
        port: a device, or a URL that pyserial knows (``socket://127.0.0.1:7000``).
        clock: nanoseconds, the clock that frames are stamped with.
        answer_s: how long to wait for the first answer.
        retry_s: how often a lost port is looked for.

    Raises DoorError when the port cannot be opened or no board of that name answers.
    """

    def __init__(
        self,
        name: str,
        port: str,
        clock: Clock,
        answer_s: float = ANSWER_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self.port = port
        self._clock = clock
        self._retry_s = retry_s
        self._link = Link(name)
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._timing_listeners: list[TimingListener] = []
        self._timings: deque[Timing] = deque(maxlen=KEPT_TIMINGS)
        self._answered = threading.Event()
        self._ending = threading.Event()
        self._serial: Any = _open(port)
        self._broken = False
        self._thread = threading.Thread(target=self._run, name=f"link {port}", daemon=True)
        self._thread.start()
        self._answered.wait(answer_s)
        if self._link.phase is not Phase.UP:
            fault = self._link.fault
            heard = self._link.bad_bytes
            self.close()
            if fault:
                raise DoorError(f"port {port}: {fault}; is it the right port and firmware?")
            raise DoorError(
                f"port {port}: no board answered within {answer_s:g} s ({heard} bytes that are no"
                " line of ours); is it the right port, and is the firmware on the board?"
            )

    @property
    def name(self) -> str:
        """What the board calls itself."""
        return self._link.name

    @property
    def hello(self) -> Hello:
        """What the board said of itself when the link last came up."""
        hello = self._link.hello
        assert hello is not None
        return hello

    @property
    def up(self) -> bool:
        """Whether the board answers."""
        return self._link.phase is Phase.UP

    def order(self, orders: Sequence[Order], now_ns: int = 0) -> None:
        """Send `orders`; where nothing is unanswered, the bytes are written when this returns.

        `now_ns`: the time of the picture that they were decided on, for `timings`; 0: now.
        Never raises for the world: what cannot be carried out is reported (`refused`).
        """
        with self._lock:
            self._step(b"", orders, now_ns or None)

    def rehearse(self, orders: Sequence[Order]) -> None:
        """Go through all of `order`, and write nothing; nothing follows from it."""
        with self._lock:
            self._link.rehearse(self._clock(), orders)
            if self._serial is not None:
                try:
                    self._serial.write(b"")
                except (OSError, ValueError, TypeError):
                    logger.debug("port %s: nothing to rehearse", self.port)

    def alive(self, now_ns: int = 0) -> None:
        """The session loop lives; beats go out for 200 ms from here."""
        with self._lock:
            now_ns = self._clock()
            self._link.alive(now_ns)
            if self._link.due_ns <= now_ns:
                self._step(b"")

    def subscribe(
        self, listener: Listener, timed: TimingListener | None = None
    ) -> Callable[[], None]:
        """Call `listener` with what is known, then with each report; gives back what ends that.

        `timed` is called with the timing of each order that was answered.
        """
        with self._lock:
            for report in self._link.told(self._clock()):
                listener(report)
            self._listeners.append(listener)
            if timed is not None:
                self._timing_listeners.append(timed)

        def end() -> None:
            with self._lock:
                self._listeners.remove(listener)
                if timed is not None:
                    self._timing_listeners.remove(timed)

        return end

    def timings(self) -> tuple[Timing, ...]:
        """When each order was given, written, answered: since the last call, the last 4096.

        `confirmed_ns` is filled in when it is known, also in those that were given out.
        """
        with self._lock:
            timings = tuple(self._timings)
            self._timings.clear()
        return timings

    def close(self) -> None:
        """Closing doors reverse, outputs go off, then the port is closed. Each part is guarded."""
        if self._ending.is_set():
            return
        self._ending.set()
        self._wake()
        self._thread.join()
        with self._lock:
            try:
                self._farewell()
            except (OSError, ValueError) as error:
                logger.warning("port %s: not reached when closing: %s", self.port, error)
            port, self._serial = self._serial, None
        self._let_go(port)

    def _farewell(self) -> None:
        hello = self._link.hello
        if self._serial is None or self._broken or hello is None or not self.up:
            return
        doors, outputs = range(1, hello.doors + 1), range(1, hello.outputs + 1)
        orders = [Order(Verb.OFF, (number,)) for number in outputs]
        if hello.doors:
            orders.append(Order(Verb.STOP, tuple(doors)))
        self._step(b"", orders)
        until_ns = self._clock() + round(FAREWELL_S * NS_PER_S)
        # The board says first that it was asked, then that a door has turned: both are recorded.
        while not ((self._link.idle and self._link.at_rest) or self._broken):
            if self._clock() >= until_ns:
                break
            self._step(self._read())

    # Below: with the lock held, except for _run, _read and _wake.

    def _step(self, data: bytes, orders: Sequence[Order] = (), asked_ns: int | None = None) -> None:
        link = self._link
        out, reports = link.step(self._clock(), data, orders, asked_ns)
        if out and self._serial is not None:
            try:
                self._serial.write(out)
            except serial.SerialTimeoutException as error:
                # How much of it is out is not known: on a busy computer all of it may be, and this
                # thread was only woken late. A line that the board does not answer is sent again
                # or is old, and one that is cut short is no valid line: the link judges by answers.
                if link.phase is Phase.DOWN:
                    reports += self._break(error)  # neither takes bytes nor gives any: begin anew
            except (OSError, ValueError, TypeError) as error:
                reports += self._break(error)
            else:
                link.wrote(self._clock())
        self._tell(reports)
        while link.timings:
            timing = link.timings.popleft()
            self._timings.append(timing)
            for listener in self._timing_listeners:
                listener(timing)

    def _tell(self, reports: Sequence[DoorReport]) -> None:
        for report in reports:
            if report.kind is ReportKind.LINK:
                logger.info("board %s: link %s %s", report.name, report.value, report.cause)
                if report.value == "up":
                    self._answered.set()
            for listener in self._listeners:
                try:
                    listener(report)
                except Exception:
                    logger.exception("a listener of board %s failed", self.name)
        if self._link.fault:
            self._answered.set()

    def _break(self, error: Exception) -> tuple[DoorReport, ...]:
        """The port failed: the reading thread will look for it again."""
        if self._broken:
            return ()
        logger.warning("port %s lost: %s", self.port, error)
        self._broken = True
        self._wake()
        return self._link.lost(self._clock())

    def _let_go(self, port: Any) -> None:
        if port is not None:
            try:
                port.close()
            except (OSError, ValueError, TypeError) as error:
                logger.warning("port %s: %s", self.port, error)

    def _wake(self) -> None:
        port = self._serial
        if port is not None and hasattr(port, "cancel_read"):
            try:
                port.cancel_read()
            except (OSError, ValueError, TypeError):
                logger.debug("port %s: nothing to wake", self.port)

    def _read(self) -> bytes:
        port = self._serial
        data: bytes = port.read(1)
        if data:
            waiting = port.in_waiting
            while waiting:
                data += port.read(waiting)
                waiting = port.in_waiting
        return data

    def _run(self) -> None:
        while not self._ending.is_set():
            if self._broken:
                self._find()
                continue
            try:
                data = self._read()
            except (OSError, ValueError, TypeError) as error:
                with self._lock:
                    self._tell(self._break(error))
                continue
            if data or self._clock() >= self._link.due_ns:
                with self._lock:
                    self._step(data)

    def _find(self) -> None:
        """Close what is left of a lost port and try to open it, once."""
        with self._lock:
            port, self._serial = self._serial, None
        self._let_go(port)  # without the lock: a driver that drains may take its time
        self._ending.wait(self._retry_s)
        if self._ending.is_set():
            return
        try:
            port = _open(self.port)
        except DoorError as error:
            logger.debug("%s", error)
            return
        with self._lock:
            self._serial, self._broken = port, False
            self._link.found(self._clock())
            self._step(b"")


def open_boards(rig: RigFile, clock: Clock) -> dict[str, SerialBoard]:
    """The boards of `rig` by name, opened; those on port "sim" are left out.

    Raises DoorError that names every board that failed; those that did not are closed again.
    """
    opened: dict[str, SerialBoard] = {}
    failures = []
    for source in rig.board:
        if source.port == "sim":
            continue
        try:
            opened[source.name] = SerialBoard(source.name, source.port, clock)
        except DoorError as error:
            failures.append(str(error))
    if failures:
        close_boards(opened)
        raise DoorError("; ".join(failures))
    return opened


WAYS = ("socket", "rfc2217", "hwgrep", "loop")
"""Of pyserial's addresses those that lead to a board and nowhere else: `spy` writes any file."""


def close_boards(boards: Mapping[str, SerialBoard]) -> None:
    """Close each board; one that fails does not keep the others open."""
    for name, board in boards.items():
        try:
            board.close()
        except Exception:
            logger.exception("board %s was not closed", name)


def _open(port: str) -> Any:
    """The open port. Raises DoorError with one line for a technician."""
    scheme, far, _ = port.partition("://")
    if far and scheme.lower() not in WAYS:
        ways = ", ".join(f"{way}://" for way in WAYS)
        raise DoorError(f"port {port}: {scheme}:// is no way to a board; there are {ways}")
    try:
        opened = serial.serial_for_url(
            port,
            do_not_open=True,
            baudrate=BAUD,
            timeout=READ_S,
            write_timeout=WRITE_S,
            exclusive=True,
        )
        # Both lines held as the system raises them at opening: a change resets many boards.
        opened.dtr = opened.rts = True
        opened.open()
    except (OSError, ValueError) as error:
        raise DoorError(_why(port, error)) from error
    return opened


def _why(port: str, error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number == errno.ENOENT or "FileNotFoundError" in str(error):
        there = ", ".join(found.device for found in list_ports()) or "none"
        return f"port {port} is not there; plug the board in or correct the port (there: {there})"
    if number in (errno.EAGAIN, errno.EBUSY) or "PermissionError" in str(error):
        return f"port {port} is in use by another program; end it, or name another port"
    if number in (errno.EACCES, errno.EPERM):
        group = _group(port)
        if group in _NOBODYS:
            return (
                f"port {port}: permission denied, and only its owner {group!r} may use it; ask who"
                " looks after this computer for leave to use serial ports"
            )
        return (
            f"port {port}: permission denied; join the group {group!r} (`sudo usermod -aG"
            f" {group} $USER`), then log in again"
        )
    if number == errno.ENOTTY or "Could not configure port" in str(error):
        there = ", ".join(found.device for found in list_ports()) or "none"
        return f"port {port} is no serial port; name the board's (there: {there})"
    return f"port {port} cannot be opened: {error}"


def _group(port: str) -> str:
    try:
        return Path(port).group()
    except (OSError, KeyError, NotImplementedError):
        return "dialout"
