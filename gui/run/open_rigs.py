"""The rigs whose stations run, and a button to end one in which no session is."""

from collections.abc import Mapping
from typing import Any

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui.page import button, label
from gui.texts import say

BUSY = frozenset({"preparing", "running", "finishing"})


class OpenRigs(QWidget):
    """A line a station; hidden without any. `end_wanted(source)`: pressed, and pressed again."""

    end_wanted = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[str, tuple[QLabel, QPushButton]] = {}
        self._asked = ""  # the rig whose end waits for a second press
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self._layout.addWidget(label(say("run.open_rigs"), "muted"))
        self.hide()

    def show_stations(self, stations: Mapping[str, Mapping[str, Any]]) -> None:
        """What runs: the status of each station by its rig's source."""
        if list(self._lines) != list(stations):
            self._make_lines(list(stations))
        for source, status in stations.items():
            text, end = self._lines[source]
            boxes = status.get("boxes") or {}
            busy = [name for name, box in boxes.items() if box.get("state") in BUSY]
            key = "run.station_busy" if busy else "run.station_idle"
            text.setText(say(key, rig=status.get("rig", source), boxes=", ".join(busy)))
            text.setToolTip(source)
            end.setEnabled(not busy)
            if busy and self._asked == source:
                self._asked = ""
            end.setText(say("run.station_sure" if self._asked == source else "run.station_end"))
        self.setVisible(bool(stations))

    def _make_lines(self, sources: list[str]) -> None:
        while self._layout.count() > 1:
            item = self._layout.takeAt(1)
            gone = item.widget() if item is not None else None
            if gone is not None:
                gone.deleteLater()
        self._lines, self._asked = {}, ""
        for source in sources:
            line, text = QWidget(), label("", wrap=True)
            end = button(say("run.station_end"), "small")
            end.setToolTip(say("run.station_end_help"))
            end.clicked.connect(lambda _=False, source=source: self._press(source))
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 0, 0, 0)
            row.addWidget(text, 1)
            row.addWidget(end)
            self._layout.addWidget(line)
            self._lines[source] = (text, end)

    def _press(self, source: str) -> None:
        if self._asked == source:
            self._asked = ""
            self.end_wanted.emit(source)
            return
        self._asked = source
        for other, (_, end) in self._lines.items():
            end.setText(say("run.station_sure" if other == source else "run.station_end"))
