"""The loud alarms of all boxes across the page, in large letters; silent unless sound is on."""

from collections.abc import Iterable

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QApplication, QFrame, QHBoxLayout

from gui.page import button, label
from gui.run.alarms import loudest
from gui.run.live import LiveBox
from gui.texts import say

MOST = 2
"""So many in full; the others are counted."""


class AlarmBar(QFrame):
    """Shown while an alarm is loud. `seen()`: somebody says so."""

    seen = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("alarm")
        self.text = label("", wrap=True)
        self.button = button(say("run.seen"))
        self.button.clicked.connect(self.seen)
        row = QHBoxLayout(self)
        row.addWidget(self.text, 1)
        row.addWidget(self.button)
        self._told: set[tuple[str, str, str]] = set()
        self.hide()

    def show_alarms(self, lives: Iterable[LiveBox], *, sound: bool) -> bool:
        """Say what is loud now; whether anything is."""
        lives = list(lives)
        loud = loudest([(live.name, live.alarms) for live in lives])
        lines = [
            say(
                "run.alarm",
                box=box,
                what=say(f"alarm.{alarm.name}", **alarm.values),
                do=say(f"alarm.{alarm.name}_do"),
            )
            for box, alarm in loud
        ]
        more = [say("run.alarms_more", n=len(lines) - MOST)] if len(lines) > MOST else []
        self.text.setText("\n".join(lines[:MOST] + more))
        self.setVisible(bool(loud))
        now = {
            (live.rig, live.name, alarm.name)
            for live in lives
            for alarm in live.alarms.worst_first()
            if alarm.loud
        }
        if sound and now - self._told:
            QApplication.beep()
        self._told = now
        return bool(loud)
