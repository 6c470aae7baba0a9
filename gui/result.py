"""The page after a session: its numbers, track, heat map and quality; and rescoring a video."""

from PyQt6.QtWidgets import QVBoxLayout

from gui.page import Page, label
from gui.remembered import Remembered
from gui.texts import say


class ResultPage(Page):
    """Shows a session that has ended."""

    def __init__(self, remembered: Remembered) -> None:
        super().__init__()
        self._remembered = remembered
        QVBoxLayout(self).addWidget(label(say("window.result"), "title"))

    def open_session(self, folder: str) -> None:
        """Show the session in `folder`."""
