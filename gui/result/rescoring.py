"""Recordings scored again, one after the other, each by a process of its own."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from gui.result.command import Command
from gui.result.rescore_queue import Job, Pace, Queue, State, Wishes, progress_of
from gui.texts import say

HINTS = {
    "frame_size_px": "hint_size",
    "is there already": "hint_there",
    "is no video": "hint_video",
    "No space left": "hint_space",
    "--apparatus": "hint_apparatus",
    "--paired": "hint_paired",
    "--start": "hint_times",
    "--end": "hint_times",
    "breaks off": "hint_torn",
    "Permission": "hint_permission",
}
"""Parts of what `placepref rescore` says, and what there is to do then."""


class Rescoring(QObject):
    """The queue and the process that works on it.

    Signals: changed(): a job or its progress is another; done(folder): one is finished;
    idle(): nothing runs or waits any more.
    """

    changed = pyqtSignal()
    done = pyqtSignal(str)
    idle = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.queue = Queue()
        self.pace = Pace()
        self._command: Command | None = None
        self._cancelled = False

    def add(self, sources: Sequence[Path], wishes: Wishes) -> None:
        """Put recordings at the end of the queue, and begin where nothing runs."""
        self.queue.add(sources, wishes)
        self._next()

    def cancel(self) -> None:
        """End the one that runs; it leaves nothing. The rest goes on."""
        if self._command is not None and not self.pace.over:
            self._cancelled = True
            self._command.kill()

    def cancel_all(self) -> None:
        """End the one that runs, and begin none of the rest."""
        self.queue.cancel_waiting()
        self.cancel()
        self.changed.emit()

    @property
    def pid(self) -> int:
        """Of the process that works; 0 where none does."""
        return 0 if self._command is None else self._command.pid

    def close(self) -> None:
        """The window closes: the process ends, and leaves nothing half-made."""
        self.queue.cancel_waiting()
        if self._command is not None:
            self._command.close()
            self._command = None

    def _next(self) -> None:
        job = self.queue.take()
        if job is not None:
            self.pace, self._cancelled = Pace(), False
            self._command = command = Command(job.arguments(), self)
            command.told.connect(self._hear)
            command.ended.connect(lambda *how: self._end(job, *how))
            command.start()
        self.changed.emit()
        if job is None and self.queue.running is None:
            self.idle.emit()

    def _hear(self, line: str) -> None:
        told = progress_of(line)
        if told is not None:
            self.pace.tell(time.monotonic(), *told)
            self.changed.emit()

    def _end(self, job: Job, code: int | None, output: str, said: list[str]) -> None:
        if self._command is not None:
            self._command.deleteLater()
            self._command = None
        folder = _written(output) if code == 0 else None
        if folder is not None:
            job.state, job.result = State.DONE, folder
        elif self._cancelled:
            job.state = State.CANCELLED
        else:
            job.state, job.why = State.FAILED, why(said)
        if folder is not None:
            self.done.emit(str(folder))
        self._next()


def why(said: Sequence[str]) -> str:
    """What went wrong and what there is to do, of what the process said last."""
    lines = [line for line in said if progress_of(line) is None]
    told = next((line for line in reversed(lines) if line.startswith("placepref: ")), "")
    what = told.removeprefix("placepref: ") or (lines[-1] if lines else say("rescore.ended_early"))
    hint = next((key for part, key in HINTS.items() if part in what), "hint_any")
    return f"{what}. {say(f'rescore.{hint}')}"


def _written(output: str) -> Path | None:
    try:
        return Path(str(json.loads(output)[0]["folder"]))
    except (ValueError, LookupError, TypeError):
        return None
