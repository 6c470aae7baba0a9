"""The page where recordings are looked at: watched, proofed, checked by eye."""

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from gui.page import Page
from gui.remembered import Remembered
from gui.review.proof_view import ProofView
from gui.review.spot_view import SpotView
from gui.review.watch_view import WatchView
from gui.texts import say
from gui.theme import Theme
from protocols.review.coding import study_of


class ReviewPage(Page):
    """Plays recordings under codes, and takes down what a person says of them.

    Signal: kept(study): something of that was written in a study's folder.
    """

    kept = pyqtSignal(object)

    def __init__(self, remembered: Remembered, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.watch = WatchView(remembered)
        self.proof = ProofView(remembered)
        self.spot = SpotView(remembered)
        self.watch.shelved.connect(self.spot.show_shelf)
        self.tabs = QTabWidget()
        for key, view in (("watch", self.watch), ("proof", self.proof), ("spot", self.spot)):
            self.tabs.addTab(view, say(f"review.page_{key}"))
            view.wrote.connect(self._wrote)
        self.tabs.currentChanged.connect(lambda _: self.leave())
        layout = QVBoxLayout(self)
        layout.addWidget(self.tabs, 1)

    def enter(self) -> None:
        """Open what was open the last time."""
        self.watch.enter()

    def leave(self) -> None:
        """Nothing plays on unseen."""
        self.watch.leave()
        self.spot.leave()

    def use_theme(self, theme: Theme) -> None:
        """Pictures have colours of their own."""
        for view in (self.watch, self.proof, self.spot):
            view.use_theme(theme)

    def close_down(self) -> None:
        """Threads and processes end."""
        for view in (self.watch, self.proof, self.spot):
            view.close_down()

    def _wrote(self, path: Path) -> None:
        study = study_of(path)
        if study is not None:
            self.kept.emit(study)

    def open_session(self, study: Path, folder: Path) -> None:
        """Show one session of a study."""
        self.tabs.setCurrentWidget(self.watch)
        self.watch.open_folder(study, folder)

    def take(self, paths: Sequence[Path]) -> None:
        """A study, a session or a rescored folder was dropped."""
        if paths:
            self.tabs.setCurrentWidget(self.watch)
            self.watch.open_folder(paths[0])
