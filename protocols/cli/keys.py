"""Single keys from a terminal, on each system its own way: the one place that asks which it is."""

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
    import select
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)  # Ctrl-C still interrupts
        yield lambda: sys.stdin.read(1) if select.select([sys.stdin], [], [], 0)[0] else ""
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
