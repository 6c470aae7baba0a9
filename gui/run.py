"""The page at the rig: choose, check, run, watch."""

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QVBoxLayout

from gui.page import Page, label
from gui.remembered import Remembered
from gui.texts import say
from gui.watch import Stations


class RunPage(Page):
    """Runs sessions. `finished(folder)` asks to show one that has ended."""

    finished = pyqtSignal(str)

    def __init__(self, stations: Stations, remembered: Remembered) -> None:
        super().__init__()
        self._stations, self._remembered = stations, remembered
        QVBoxLayout(self).addWidget(label(say("window.run"), "title"))

    def offer_rig(self, source: str) -> None:
        """A rig file was saved: it is in the list of rigs, and chosen."""
        self._remembered.put_first("rigs", source)
