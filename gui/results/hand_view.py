"""The report and the exports of a study: what is written, into which folder, and opened."""

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QUrl
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui.browse import pick_file
from gui.page import button, label
from gui.results.handing import EXPORTS, TELLING, Handing, free_path
from gui.texts import say
from protocols.results import Overview

WIDE_PX = 190


class HandView(QWidget):
    """Buttons for the report and each export. `tell(role, sentence)` is how it says something."""

    def __init__(self, handing: Handing, tell: Callable[[str, str], None]) -> None:
        super().__init__()
        self._handing, self._tell = handing, tell
        self._found: Overview | None = None
        self._written = ""
        self.report_button = button(say("results.write_report"), "main")
        self.report_button.clicked.connect(self.report)
        self.open_button = button(say("results.open_written"))
        self.open_button.clicked.connect(self._open_written)
        self.open_button.setEnabled(False)
        self.about = QLineEdit()
        self.about.setPlaceholderText(say("results.about_hint"))
        self.about.setAccessibleName(say("results.about"))
        self.about_button = button(say("results.choose_about"))
        self.about_button.clicked.connect(self._choose_about)
        self.exports = {kind: button(say(f"results.export_{kind}")) for kind in EXPORTS}
        for kind, made in self.exports.items():
            made.clicked.connect(lambda _, kind=kind: self.export(kind))
            made.setMinimumWidth(WIDE_PX)
        self._lay_out()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.addWidget(label(say("results.report_explain"), "muted", wrap=True))
        row = QHBoxLayout()
        row.addWidget(self.report_button)
        row.addWidget(self.open_button)
        row.addStretch(1)
        layout.addLayout(row)
        layout.addWidget(label(say("results.export_explain"), "muted", wrap=True))
        about = QHBoxLayout()
        about.addWidget(self.about, 1)
        about.addWidget(self.about_button)
        layout.addLayout(about)
        for kind, one in self.exports.items():
            line = QHBoxLayout()
            line.addWidget(one)
            line.addWidget(label(say(f"results.explain_{kind}"), "muted", wrap=True), 1)
            layout.addLayout(line)
        layout.addStretch(1)

    def put(self, found: Overview | None) -> None:
        """Another study, or none; or something is under way now, or over."""
        self._found = found
        free = found is not None and not self._handing.busy
        self.report_button.setEnabled(free)
        for kind, made in self.exports.items():
            early = found is not None and found.blinded and kind in TELLING
            made.setEnabled(free and not early)
            made.setToolTip(say("results.not_before") if early else "")

    def report(self) -> None:
        """Write the report."""
        if self._found is not None:
            self._handing.report(self._found.folder)

    def export(self, kind: str) -> None:
        """Hand the study on."""
        if self._found is None:
            return
        about = self.about.text().strip()
        if kind == "share" and not about:
            self._tell("warn", say("results.about_missing"))
            self.about.setFocus()
            return
        out = free_path(self._found.folder / "derivatives" / f"export-{kind}")
        self._handing.export(self._found.folder, kind, out, Path(about) if about else None)

    def wrote(self, path: str) -> None:
        """This was written; it can be opened."""
        self._written = path
        self.open_button.setEnabled(True)

    def _open_written(self) -> None:
        path = Path(self._written)
        if not path.exists() or not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self._tell("warn", say("results.not_shown", path=path))

    def _choose_about(self) -> None:
        kinds = say("results.about_files")
        pick_file(self, say("results.choose_about"), kinds, self.about.setText, self.about.text())
