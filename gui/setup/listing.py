"""What the commands list: cameras and ports, asked of `placepref ... --json` as a process."""

import json
import sys
from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QObject, QProcess

COMMAND = "from protocols.cli import main; main()"
Listed = Callable[[list[dict[str, Any]]], None]


class Listing(QObject):
    """Runs one listing command; `then` gets what it listed, `failed` why it could not."""

    def __init__(
        self, words: list[str], then: Listed, failed: Callable[[str], None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._words, self._then, self._failed = words, then, failed
        self._process = QProcess(self)
        self._process.finished.connect(self._ended)
        self._process.errorOccurred.connect(self._not_started)

    @property
    def busy(self) -> bool:
        """Whether it is being asked just now."""
        return self._process.state() is not QProcess.ProcessState.NotRunning

    def ask(self) -> None:
        """List anew; nothing happens while that is going on."""
        if not self.busy:
            self._process.start(sys.executable, ["-c", COMMAND, *self._words, "--json"])

    def close_down(self) -> None:
        """Listen no more, and end it."""
        self._process.blockSignals(True)
        if self.busy:
            self._process.kill()
            self._process.waitForFinished(3000)

    def _not_started(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._failed(self._process.errorString())

    def _ended(self, code: int) -> None:
        said = bytes(self._process.readAllStandardError().data()).decode(errors="replace")
        out = bytes(self._process.readAllStandardOutput().data())
        try:
            found = json.loads(out)
        except ValueError:
            lines = said.strip().splitlines()
            self._failed(lines[-1] if lines else f"exit code {code}")
            return
        self._then(found if isinstance(found, list) else [found])
