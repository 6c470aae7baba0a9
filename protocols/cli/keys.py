"""Single keys from a terminal, on each system its own way: the one place that asks which it is."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Keys = Callable[[], str]
"""Gives the key pressed since the last call, or ""; never waits."""


@contextmanager
def keys() -> Iterator[Keys]:
    """Keys without Enter while this lasts; none where standard input is no terminal."""
    if not sys.stdin.isatty():
        yield lambda: ""
    elif sys.platform == "win32":
        yield _windows
    else:
        with _posix() as read:
            yield read


def _windows() -> str:
    import msvcrt

    return msvcrt.getwch() if msvcrt.kbhit() else ""  # type: ignore[attr-defined,no-any-return,unused-ignore]


@contextmanager
def _posix() -> Iterator[Keys]:
    import termios
    import tty

    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)  # Ctrl-C still interrupts
        # Past Python's own buffer: what waits in there, select() does not see.
        yield lambda: os.read(fd, 1).decode(errors="replace") if _waits(fd) else ""
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _waits(fd: int) -> bool:
    import select

    return bool(select.select([fd], [], [], 0)[0])
