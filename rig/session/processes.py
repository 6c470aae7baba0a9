"""Processes of our own that are asked and answer over pipes, in pickles."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import IO

import rig


def start(code: str) -> subprocess.Popen[bytes]:
    """A Python that runs `code`, with pipes to its input and from its output.

    Started as `-c`, so that a script that asks needs no `__main__` guard.
    """
    env = dict(os.environ)
    here = str(Path(rig.__file__).parents[1])
    env["PYTHONPATH"] = os.pathsep.join([here, *filter(None, [env.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    )


def send(pipe: IO[bytes], what: object) -> None:
    """Say `what`, whole, at once."""
    pipe.write(pickle.dumps(what, pickle.HIGHEST_PROTOCOL))
    pipe.flush()
