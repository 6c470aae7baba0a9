"""The log: what nobody foresaw, kept in a file, shown, and saved for a report."""

import logging
import os
import platform
import sys
import traceback
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

import platformdirs
from PyQt6.QtCore import QT_VERSION_STR
from PyQt6.QtWidgets import QFileDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout

import rig
from gui.page import Page, button, label
from gui.remembered import CONFIG_VARIABLE, config_folder
from gui.texts import say

log = logging.getLogger(__name__)

LARGEST_BYTES = 1 << 20


def log_file() -> Path:
    """Where this window's log is."""
    if os.environ.get(CONFIG_VARIABLE):
        return config_folder() / "window.log"
    return platformdirs.user_log_path("placepref") / "window.log"


def keep_log() -> logging.Handler:
    """Write warnings and errors of this process to the log file from now on."""
    path = log_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = RotatingFileHandler(
        path, maxBytes=LARGEST_BYTES, backupCount=1, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.INFO)
    logging.getLogger().addHandler(handler)
    return handler


def catch_unforeseen(told: Callable[[str], None]) -> None:
    """From now on an error that nothing caught goes to the log, and `told` hears one line of it."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        lines = "".join(traceback.format_exception(kind, error, trace))
        log.error("unforeseen\n%s", lines)
        told(f"{kind.__name__}: {error}")

    sys.excepthook = hook


class LogPage(Page):
    """Shows the newest of the log, and saves all of it."""

    def __init__(self) -> None:
        super().__init__()
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setPlaceholderText(say("log.empty"))
        self._save = button(say("log.save"))
        self._save.clicked.connect(self._ask_where)
        self._said = label("", "muted", wrap=True)
        below = QHBoxLayout()
        below.addWidget(self._save)
        below.addWidget(self._said, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(label(say("log.title"), "title"))
        layout.addWidget(label(say("log.explain"), "muted", wrap=True))
        layout.addWidget(self._text, 1)
        layout.addLayout(below)

    def enter(self) -> None:
        """Read it afresh."""
        self._text.setPlainText(_newest(200_000))
        bar = self._text.verticalScrollBar()
        if bar is not None:
            bar.setValue(bar.maximum())

    def _ask_where(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, say("log.save"), "placepref-report.txt")
        if name:
            self.save(Path(name))

    def save(self, path: Path) -> None:
        """Write log and versions to `path`; a failure is said in the page."""
        about = f"placepref {rig.__version__}, Python {platform.python_version()}"
        about += f", Qt {QT_VERSION_STR}, {platform.platform()}\n\n"
        try:
            path.write_text(about + _newest(LARGEST_BYTES), encoding="utf-8")
        except OSError as error:
            self._said.setText(say("log.not_saved", path=path, why=error.strerror))
        else:
            self._said.setText(say("log.saved", path=path))


def _newest(count: int) -> str:
    try:
        return log_file().read_text(encoding="utf-8", errors="replace")[-count:]
    except OSError:
        return ""
