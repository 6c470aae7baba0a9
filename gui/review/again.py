"""What the panels share that have a recording scored again: how far it is, and what is said."""

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QProgressBar, QWidget

from gui.page import label, set_role
from gui.result.rescore_queue import State
from gui.result.rescoring import Rescoring
from gui.texts import say
from protocols.review.coding import Item, veiled


class ScoresAgain(QWidget):
    """A panel beside the player; whoever derives from it lays out `said` and `progress`.

    Signals: scored(folder): the recording was scored again, into there; file(option, file, reason):
    the study shall hold to it; wrote(path): what a person made of it was written there.
    """

    scored = pyqtSignal(str)
    file = pyqtSignal(str, str, str)
    wrote = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self._item: Item | None = None
        self._hidden = True
        self.rescoring = Rescoring(self)
        self.rescoring.changed.connect(self._show_progress)
        self.rescoring.done.connect(self.scored)
        self.said = label("", "muted", wrap=True)
        self.progress = QProgressBar()
        self.progress.hide()

    def close_down(self) -> None:
        """What runs ends, and leaves nothing half-made."""
        self.rescoring.close()

    def _show_progress(self) -> None:
        queue, pace = self.rescoring.queue, self.rescoring.pace
        self.progress.setVisible(queue.running is not None)
        self.progress.setRange(0, pace.total)
        self.progress.setValue(pace.done)
        last = queue.jobs[-1] if queue.jobs else None
        if last is not None and last.state is State.FAILED:
            self._tell("bad", say("review.not_scored_again", why=self._veiled(last.why)))

    def _veiled(self, text: str) -> str:
        return text if self._item is None or not self._hidden else veiled(text, self._item)

    def _tell(self, role: str, text: str) -> None:
        set_role(self.said, role)
        self.said.setText(text)
