"""The page where a rig is set up: camera, boxes, chambers, scale, background, board."""

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QVBoxLayout

from gui.page import Page, label
from gui.remembered import Remembered
from gui.texts import say
from gui.watch import Stations


class SetupPage(Page):
    """Sets up a rig. `saved(source)` says that its files were written."""

    saved = pyqtSignal(str)

    def __init__(self, stations: Stations, remembered: Remembered) -> None:
        super().__init__()
        self._stations, self._remembered = stations, remembered
        QVBoxLayout(self).addWidget(label(say("window.setup"), "title"))
