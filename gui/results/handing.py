"""`placepref score`, `report` and `export` for a study, each in a process of its own."""

import json
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from gui.result.command import Command
from gui.result.rescoring import why
from gui.texts import say
from protocols.results import FIGURES

EXPORTS = ("csv", "prism", "nwb", "share")
TELLING = ("prism", "share")
"""What is made of groups and pairing, and is nothing without them."""


class Handing(QObject):
    """Signals: began(what); told(role, sentence, path): how it ended, and what was written.

    `measured(output)`: what `score --json` printed.
    """

    began = pyqtSignal(str)
    told = pyqtSignal(str, str, str)
    measured = pyqtSignal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._command: Command | None = None

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._command is not None

    def measure(self, study: Path) -> None:
        """Measure and score all animals."""
        self._start("measure", ["score", str(study), "--json"], self._scored)

    def report(self, study: Path) -> None:
        """Write the report's page and PDF, and its figures for the window."""
        figures = ["--figures", str(study / FIGURES)]
        self._start("report", ["report", str(study), *figures, "--json"], self._reported)

    def export(self, study: Path, kind: str, out: Path, about: Path | None) -> None:
        """Hand the study on, as `kind`, into a folder that is not there yet."""
        arguments = ["export", str(study), "--to", kind, "--out", str(out), "--json"]
        if about is not None:
            arguments += ["--about", str(about)]
        self._start(kind, arguments, self._exported)

    def close(self) -> None:
        """What runs ends, and leaves nothing half-made."""
        if self._command is not None:
            self._command.close()
            self._command = None

    def _start(self, what: str, arguments: list[str], then: Callable[[str], None]) -> None:
        if self.busy:
            return

        def end(code: int | None, output: str, said: list[str]) -> None:
            if self._command is not None:
                self._command.deleteLater()
                self._command = None
            if code == 0:
                then(output)
            else:
                told = why(said)
                self.told.emit("bad", say("results.failed", what=say(f"results.{what}"), why=told),
                               "")  # fmt: skip

        self._command = Command(arguments, self)
        self._command.ended.connect(end)
        self.began.emit(what)
        self._command.start()

    def _scored(self, output: str) -> None:
        self.measured.emit(output)

    def _reported(self, output: str) -> None:
        path = str(json.loads(output)["html"])
        self.told.emit("good", say("results.report_done", path=path), path)

    def _exported(self, output: str) -> None:
        done = json.loads(output)
        key = "export_blinded" if done["blinded"] else "export_done"
        path = str(done["folder"])
        self.told.emit("good", say(f"results.{key}", path=path, count=done["sessions"]), path)


def free_path(folder: Path) -> Path:
    """`folder`, or with -2, -3 ... after its name: what is there stays."""
    numbered = (folder if k == 1 else folder.with_name(f"{folder.name}-{k}")
                for k in range(1, 10_000))  # fmt: skip
    return next(one for one in numbered if not one.exists())
