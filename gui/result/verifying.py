"""`placepref verify` in a process of its own, and its verdict in words."""

import json
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from gui.result.command import Command
from gui.result.rescoring import why
from gui.texts import say


class Verifying(QObject):
    """Asks whether a session's files say what was decided. `told(role, sentence)` at the end."""

    told = pyqtSignal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._command: Command | None = None

    def start(self, folder: Path) -> None:
        """Verify one session; another verification that runs is ended."""
        self.stop()
        self._command = Command(["verify", str(folder), "--json"], self)
        self._command.ended.connect(self._end)
        self._command.start()

    def stop(self) -> None:
        """End it; nothing is told."""
        if self._command is not None:
            self._command.close()
            self._command.deleteLater()
            self._command = None

    def _end(self, code: int | None, output: str, said: list[str]) -> None:
        if self._command is not None:
            self._command.deleteLater()
            self._command = None
        self.told.emit(*verdict(output, said))


def verdict(output: str, said: list[str]) -> tuple[str, str]:
    """Role and sentence of what `verify --json` gave."""
    try:
        v: dict[str, Any] = json.loads(output)[0]
        problems = [str(one) for one in v["problems"]]
        parts = []
        if v["unfinished"]:
            parts.append(say("verify.unfinished"))
        if problems:
            return "bad", " ".join([say("verify.bad"), *parts, "; ".join(problems) + "."])
        parts.append(say("verify.replay", rows=v["rows"], events=v["events"]))
        if v["differing"]:
            kind = "lossless" if v["lossless"] else "lossy"
            parts.append(say(f"verify.differing_{kind}", **v))
        else:
            parts.append(say("verify.same", pictures=v["pictures"]))
        good = bool(v["ok"])
        return ("good" if good else "bad"), " ".join(
            [say(f"verify.{'good' if good else 'bad'}"), *parts]
        )
    except (ValueError, LookupError, TypeError):
        return "bad", say("verify.not_done", why=why(said))
