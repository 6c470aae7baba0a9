"""Processes of our own that are asked and answer over pipes, in pickles."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import rig
from rig.scheduling import COLLECTED_AT

HELPER = "from rig.session.pieces import main; main()"
"""Code of a process that helps to look at a recording."""

_FIRST = (
    "import gc, signal; signal.signal(signal.SIGINT, signal.SIG_IGN);"
    f" gc.set_threshold({COLLECTED_AT})"
)
"""Ctrl-C is for the process that asks, from the first on: one that is still loading would answer
with a traceback. And what is loaded makes no circles to be looked for."""


class Look(NamedTuple):
    """What a helper may be asked while both still load: to look through a file, and at samples."""

    path: Path


@dataclass(eq=False)
class _Begun:
    """A process that nobody has asked for yet, and what it was asked at once, if anything."""

    code: str
    process: subprocess.Popen[bytes]
    asked: object = None

    def answer(self) -> Any:
        """What it says to that; None where it ended."""
        self.asked = None
        assert self.process.stdout is not None
        try:
            return pickle.load(self.process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            return None


_ahead: list[_Begun] = []


@contextmanager
def ahead(code: str, count: int, ask: object = None) -> Iterator[None]:
    """`count` processes that run `code`, begun before they are asked for; `start` gives them.

    So they load what they need while the one that will ask loads its own. Each is asked `ask` at
    once, and `answered` gives what one says to it. Those that nobody has asked for end with the
    block.
    """
    begun = [_Begun(code, _begin(code), ask) for _ in range(count)]
    if ask is not None:
        for one in begun:
            assert one.process.stdin is not None
            with suppress(OSError):  # it ended at once: so much is seen when it is asked for
                send(one.process.stdin, ask)
    _ahead.extend(begun)
    try:
        yield
    finally:
        for one in begun:
            if one in _ahead:
                _ahead.remove(one)
                end(one.process)


def answered(ask: object) -> Any:
    """What a process begun ahead says to what it was asked then; None: nobody was asked this."""
    for one in _ahead:
        if one.asked is not None and one.asked == ask:
            return one.answer()
    return None


def start(code: str) -> subprocess.Popen[bytes]:
    """A Python that runs `code`, with pipes to its input and from its output."""
    for one in _ahead:
        if one.code == code and one.process.poll() is None:
            _ahead.remove(one)
            if one.asked is not None:
                one.answer()  # to something that nobody wants to know any more
            return one.process
    return _begin(code)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process, whatever it does, and close the pipes to it."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        with suppress(OSError):  # what was not sent is not needed
            pipe.close()


def _begin(code: str) -> subprocess.Popen[bytes]:
    # As `-c`, so that a script that asks needs no `__main__` guard.
    env = dict(os.environ)
    code = f"{_FIRST}; {code}"
    here = str(Path(rig.__file__).parents[1])
    env["PYTHONPATH"] = os.pathsep.join([here, *filter(None, [env.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    )


def send(pipe: IO[bytes], what: object) -> None:
    """Say `what`, whole, at once.

    Where nothing is buffered (PYTHONUNBUFFERED) a write that a signal interrupts, as after Ctrl-Z
    and `fg`, takes a part and says how much; whoever reads would wait for the rest for ever.
    """
    left = memoryview(pickle.dumps(what, pickle.HIGHEST_PROTOCOL))
    while left:
        left = left[pipe.write(left) :]
    pipe.flush()
