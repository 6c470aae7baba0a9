"""What does not hold on a day: the first lines, and all of them at a press."""

from collections.abc import Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from gui.page import button, label
from gui.run.words import breakable
from gui.texts import say

FEW = 3
ALL_PX = 240
"""Height of all of them, which then scroll by the arrow keys."""


class Warned(QWidget):
    """Lines below the running order. More than a few are counted on a button, which shows them."""

    def __init__(self) -> None:
        super().__init__()
        self._told: tuple[str, ...] = ()
        self.lines = label("", "warn", wrap=True)
        self.lines.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.rolled = QScrollArea()
        self.rolled.setWidgetResizable(True)
        self.rolled.setAccessibleName(say("today.warned"))
        self.every = label("", "warn", wrap=True)
        self.every.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.rolled.setWidget(self.every)
        self.rolled.setFixedHeight(ALL_PX)
        self.rolled.hide()
        self.more = button("", "small")
        self.more.setCheckable(True)
        self.more.toggled.connect(lambda _: self._show())
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(2)
        for one in (self.lines, self.rolled):
            whole.addWidget(one)
        whole.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        self.put(())

    def put(self, told: Sequence[str]) -> None:
        """These stand now; whether all are shown stays as it was chosen."""
        self._told = tuple(told)
        self._show()

    def _show(self) -> None:
        many = len(self._told) > FEW
        full = many and self.more.isChecked()
        self.lines.setText(breakable("\n".join(self._told[:FEW])))
        self.every.setText(breakable("\n".join(self._told)) if full else "")
        self.lines.setVisible(not full)
        self.rolled.setVisible(full)
        self.more.setVisible(many)
        key = "warned_few" if full else "warned_all"
        self.more.setText(say(f"today.{key}", n=len(self._told)))
        self.setVisible(bool(self._told))
