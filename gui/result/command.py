"""The command `placepref` in a process of its own: what it says, line by line, and its end."""

import os
import sys
from pathlib import Path

from PyQt6.QtCore import QObject, QProcess, QProcessEnvironment, pyqtSignal

import protocols

WAIT_MS = 5000
MOST_LINES = 200


class Command(QObject):
    """One run of `placepref`. It never outlives the window.

    Signals: told(line), a line on standard error; ended(code, output, said), its exit code (None
    where it was killed or ended by itself), its standard output, its last lines on standard error.
    """

    told = pyqtSignal(str)
    ended = pyqtSignal(object, str, list)

    def __init__(self, arguments: list[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._said: list[str] = []
        self._half = b""
        self._over = False
        self._process = process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        here = str(Path(protocols.__file__).parents[1])  # not installed: run from a folder
        paths = [here, *filter(None, [environment.value("PYTHONPATH")])]
        environment.insert("PYTHONPATH", os.pathsep.join(paths))
        environment.insert("PYTHONIOENCODING", "utf-8")
        process.setProcessEnvironment(environment)
        process.setProgram(sys.executable)
        process.setArguments(["-P", "-c", "from protocols.cli import main; main()", *arguments])
        process.setStandardInputFile(QProcess.nullDevice())
        process.readyReadStandardError.connect(self._hear)
        process.finished.connect(self._finish)
        process.errorOccurred.connect(self._fail)

    def start(self) -> None:
        """Begin."""
        self._process.start()

    @property
    def pid(self) -> int:
        """The process's id; 0 where none runs."""
        return int(self._process.processId())

    def kill(self) -> None:
        """End it at once; `ended` follows."""
        self._process.kill()

    def close(self) -> None:
        """End it and wait; nothing is told any more."""
        self._over = True
        if self._process.state() is not QProcess.ProcessState.NotRunning:
            self._process.kill()
            self._process.waitForFinished(WAIT_MS)

    def _hear(self) -> None:
        *lines, self._half = (self._half + self._process.readAllStandardError().data()).split(b"\n")
        for line in lines:
            self._say(line)

    def _say(self, line: bytes) -> None:
        text = line.decode(errors="replace").strip()
        if text and not self._over:
            self._said = [*self._said[-MOST_LINES:], text]
            self.told.emit(text)

    def _finish(self, code: int, status: QProcess.ExitStatus) -> None:
        self._hear()
        self._say(self._half)
        if self._over:
            return
        self._over = True
        output = self._process.readAllStandardOutput().data().decode(errors="replace")
        normal = status is QProcess.ExitStatus.NormalExit
        self.ended.emit(code if normal else None, output, self._said)

    def _fail(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart and not self._over:
            self._over = True
            self.ended.emit(None, "", [self._process.errorString()])
