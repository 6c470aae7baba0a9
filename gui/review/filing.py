"""A measurement made again is filed in its study, by `placepref study remeasure` in a process."""

import json
import tempfile
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from gui.result.command import Command
from gui.result.rescoring import why
from gui.texts import say


class Filing(QObject):
    """One at a time. `told(role, sentence, done)`: how it went; `done`: it is filed."""

    told = pyqtSignal(str, str, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._command: Command | None = None
        self._pins: Path | None = None

    @property
    def busy(self) -> bool:
        """Whether one runs."""
        return self._command is not None

    def file(
        self, study: Path, session: str, option: str, file: str, reason: str, who: str, pin: str
    ) -> None:
        """Ask for it: `option` is --apparatus or --corrections, `file` what follows it.

        `session`: the uid of the one that was looked at.
        """
        if self.busy:
            return
        arguments = [
            "study", "remeasure", str(study), "--session", session, option, file,
            "--reason", reason, "--by", who, "--json",
        ]  # fmt: skip
        if pin:
            with tempfile.NamedTemporaryFile(
                "w", suffix=".pin", delete=False, encoding="utf-8"
            ) as kept:  # readable by nobody else, and gone when the command has ended
                kept.write(f"{who}: {pin}\n")
            self._pins = Path(kept.name)
            arguments += ["--pin-file", kept.name]
        self._command = Command(arguments, self)
        self._command.ended.connect(self._end)
        self._command.start()

    def close(self) -> None:
        """What runs ends."""
        if self._command is not None:
            self._command.close()
            self._command = None
        self._forget()

    def _end(self, code: int | None, output: str, said: list[str]) -> None:
        if self._command is not None:
            self._command.deleteLater()
            self._command = None
        self._forget()
        if code != 0:
            self.told.emit("bad", say("review.not_filed", why=why(said)), False)
            return
        try:
            done = json.loads(output)
            made, left = len(done["made"]), len(done["left_out"])
            blind = not any(one["not_blind"] for one in done["made"])
        except (ValueError, KeyError, TypeError):
            self.told.emit("bad", say("review.not_filed", why=say("review.filed_unclear")), False)
            return
        text = say("review.filed" if blind else "review.filed_beside", count=made)
        if left:
            text = f"{text} {say('review.filed_left', count=left)}"
        self.told.emit("good" if blind else "warn", text, True)

    def _forget(self) -> None:
        if self._pins is not None:
            self._pins.unlink(missing_ok=True)
            self._pins = None
