"""Processes of our own that are asked and answer over pipes, in pickles."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

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

_ahead: list[tuple[str, subprocess.Popen[bytes]]] = []


@contextmanager
def ahead(code: str, count: int) -> Iterator[None]:
    """`count` processes that run `code`, begun before they are asked for; `start` gives them.

    So they load what they need while the one that will ask loads its own. Those that nobody has
    asked for end with the block.
    """
    begun = [(code, _begin(code)) for _ in range(count)]
    _ahead.extend(begun)
    try:
        yield
    finally:
        for one in begun:
            if one in _ahead:
                _ahead.remove(one)
                end(one[1])


def start(code: str) -> subprocess.Popen[bytes]:
    """A Python that runs `code`, with pipes to its input and from its output."""
    for one in _ahead:
        if one[0] == code and one[1].poll() is None:
            _ahead.remove(one)
            return one[1]
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
    """Say `what`, whole, at once."""
    pipe.write(pickle.dumps(what, pickle.HIGHEST_PROTOCOL))
    pipe.flush()
