"""A process of its own that works out what sessions say, for a station whose other boxes go on."""

import logging
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from rig.session.derive import Derived, derived, write_derived
from rig.session.processes import end, send, start

log = logging.getLogger(__name__)

CODE = (
    "from rig.scheduling import stand_back; stand_back();"
    " from rig.session.deriving import main; main()"
)


class Deriving:
    """Does what `derive` does without this process's interpreter.

    Twenty minutes at 30 frames/s are two seconds of Python, in which a deciding thread would wait
    for the interpreter again and again, and drop pictures. To start a process takes a second too,
    so it is kept. It gets what is left over of the processor, and does one session after the other.

    What it cannot do is done here: late pictures, but no session without its summary. It only
    reads; were the station killed, it would write into nobody's way, and it ends.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._asking = threading.Lock()

    def prepare(self) -> None:
        """Have it load what it needs. Never waits."""
        if self._process is None:
            try:
                self._process = start(CODE)
            except OSError as error:
                log.warning("no process for summaries: %s", error)

    def derive(self, folder: Path) -> dict[str, Any]:
        """As `rig.session.derive.derive`, and raises as that does. Waits for the one before."""
        with self._asking:
            found = self._ask(folder.absolute())
        if found is None:
            log.warning("%s: its summary was worked out by the station itself", folder)
            found = derived(folder)
        return write_derived(folder, found)

    def _ask(self, folder: Path) -> Derived | None:
        self.prepare()
        process = self._process
        if process is None:
            return None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            send(process.stdin, folder)
            found: Derived = pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            self.close()
            return None
        return found

    def close(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None:
            end(process)


def main() -> None:
    """Answer each folder with what it says, until nobody asks any more.

    One that cannot be read ends it without an answer: who asked finds out why.
    """
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    try:
        while True:
            send(answers, derived(pickle.load(sys.stdin.buffer)))
    except (EOFError, BrokenPipeError):
        os._exit(0)  # at once: an answer that nobody reads is not tried again
