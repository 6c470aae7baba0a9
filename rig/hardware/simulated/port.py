"""A simulated board behind a real port: a pseudo-terminal, or a socket where there are none.

The one place with calls that only POSIX systems have (`pty`, `tty`).
"""

import logging
import select
import socket
import sys
import threading
import typing
from collections.abc import Callable

from rig.errors import DoorError
from rig.hardware.simulated.board import Board

STEP_S = 0.005
READ_BYTES = 4096
logger = logging.getLogger(__name__)


class _End(typing.Protocol):
    """The board's end of a port."""

    port: str

    def read(self, timeout_s: float) -> bytes: ...
    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...


class ServedBoard:
    """A board on `port`, stepped by a thread in real time, 5 ms apart at most.

    The world may read positions and outputs of the board, and set beams and obstacles, from its
    own thread meanwhile.
    """

    def __init__(self, board: Board, clock: Callable[[], int], end: _End) -> None:
        self.board = board
        self.port = end.port
        self._clock = clock
        self._end = end
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"board {self.port}", daemon=True)
        self._thread.start()

    def reset(self, cause: str = "external") -> None:
        """Press the board's reset button."""
        with self._lock:
            self.board.reset(self._clock(), cause)

    def close(self) -> None:
        """End the thread; the port vanishes. The board stays as it is and can be served again."""
        self._ending.set()
        self._thread.join()
        self._end.close()

    def _run(self) -> None:
        while not self._ending.is_set():
            data = self._end.read(STEP_S)
            with self._lock:
                out = self.board.step(self._clock(), data)
            if out:
                self._end.write(out)


def serve(board: Board, clock: Callable[[], int], over: str = "") -> ServedBoard:
    """`board` on a port of its own, named by the result's `port`, until that is closed.

    Args:
        board: the board; nobody else steps it meanwhile.
        clock: nanoseconds, real time.
        over: "pty", "socket", or "" for a pseudo-terminal where the system has them.

    Raises DoorError when the system has no such thing.
    """
    if over not in ("", "pty", "socket"):
        raise ValueError(f"not a kind of port: {over!r}")
    over = over or ("socket" if sys.platform == "win32" else "pty")
    try:
        end: _End = _SocketEnd() if over == "socket" else _PtyEnd()
    except (ImportError, OSError) as error:
        raise DoorError(f"no {over} for the simulated board on this system: {error}") from error
    return ServedBoard(board, clock, end)


class _PtyEnd:
    """The controlling end of a pseudo-terminal. POSIX only."""

    def __init__(self) -> None:
        import os
        import pty
        import tty

        self._os = os
        self._master, self._slave = pty.openpty()
        # Its other end is kept open here too, so that the driver may close it and come back.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port = os.ttyname(self._slave)

    def read(self, timeout_s: float) -> bytes:
        ready, _, _ = select.select([self._master], [], [], timeout_s)
        return self._os.read(self._master, READ_BYTES) if ready else b""

    def write(self, data: bytes) -> None:
        try:
            self._os.write(self._master, data)
        except BlockingIOError:
            logger.debug("nobody reads %s", self.port)  # a wire has no memory

    def close(self) -> None:
        self._os.close(self._master)
        self._os.close(self._slave)


class _SocketEnd:
    """A listening socket on loopback; one caller at a time."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._caller: socket.socket | None = None
        self.port = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"

    def read(self, timeout_s: float) -> bytes:
        if self._caller is None:
            ready, _, _ = select.select([self._listener], [], [], timeout_s)
            if ready:
                self._caller = self._listener.accept()[0]
                self._caller.setblocking(False)
                self._caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return b""
        ready, _, _ = select.select([self._caller], [], [], timeout_s)
        if not ready:
            return b""
        try:
            data = self._caller.recv(READ_BYTES)
        except OSError:
            data = b""
        if not data:
            self._hang_up()
        return data

    def write(self, data: bytes) -> None:
        if self._caller is None:
            return
        try:
            self._caller.sendall(data)
        except OSError:
            self._hang_up()

    def close(self) -> None:
        self._hang_up()
        self._listener.close()

    def _hang_up(self) -> None:
        if self._caller is not None:
            self._caller.close()
            self._caller = None
