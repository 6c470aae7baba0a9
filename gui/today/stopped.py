"""Something is not as planned: it is said once, and a reason by one key goes on."""

from collections.abc import Callable, Sequence

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QFrame, QVBoxLayout

from gui.page import button, label
from gui.run.words import breakable
from gui.texts import say
from protocols.study.doing import REASONS

ALONE_MS = 80
"""A digit that a scanner types is followed by the next one sooner than this."""


class StoppedCard(QFrame):
    """Says what is wrong. 1 to 6 is a reason, Esc leaves it. `shown()`, `gone()`."""

    shown = pyqtSignal()
    gone = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._go_on: Callable[[str], None] | None = None
        self._leave: Callable[[], None] | None = None
        self._pressed = ""
        self._alone = QTimer(self)
        self._alone.setSingleShot(True)
        self._alone.setInterval(ALONE_MS)
        self._alone.timeout.connect(self._sure)
        self.title = label(say("today.stopped"), "bad")
        self.what = label("", wrap=True)
        self.what.setStyleSheet("font-size: 14pt; font-weight: 600;")
        self.asked = label(say("today.stopped_reason"), "muted", wrap=True)
        self.buttons = []
        layout = QVBoxLayout(self)
        layout.setSpacing(3)
        for one in (self.title, self.what, self.asked):
            layout.addWidget(one)
        for number, reason in enumerate(REASONS, 1):
            told = say("today.reason", n=number, what=say(f"today.because_{reason}"))
            made = button(told, "small")
            made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            made.clicked.connect(lambda _=False, reason=reason: self._choose(reason))
            layout.addWidget(made)
            self.buttons.append(made)
        self.no = button(say("today.stopped_leave"), "main")
        self.no.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.no.clicked.connect(self.leave)
        layout.addWidget(self.no)
        layout.addStretch(1)

    def ask(
        self, wrong: Sequence[str], go_on: Callable[[str], None], leave: Callable[[], None]
    ) -> None:
        """Say what is wrong; `go_on` gets the word of the reason that is chosen."""
        self._go_on, self._leave, self._pressed = go_on, leave, ""
        self.what.setText(breakable("\n".join(wrong)))
        self.shown.emit()
        self.setFocus()

    @property
    def asks(self) -> bool:
        """Whether something waits for a reason."""
        return self._leave is not None

    def leave(self) -> None:
        """Nothing was done, and nothing is."""
        leave = self._leave
        self._put_away()
        if leave is not None:
            leave()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  (Qt's name)
        """One digit is a reason; a digit among others is a scan."""
        if event is None:
            return
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
            return
        self._pressed += event.text()
        self._alone.start()

    def _sure(self) -> None:
        pressed, self._pressed = self._pressed, ""
        names = list(REASONS)
        if pressed.isdigit() and len(pressed) == 1 and 1 <= int(pressed) <= len(names):
            self._choose(names[int(pressed) - 1])

    def _choose(self, reason: str) -> None:
        go_on = self._go_on
        self._put_away()
        if go_on is not None:
            go_on(reason)

    def _put_away(self) -> None:
        self._go_on = self._leave = None
        self._alone.stop()
        self.gone.emit()
