"""An animal whose paired chamber nobody has chosen yet: a person who may know it does, once.

Shown in the form of a blinded session. What was chosen is written to the folder's pairing.csv and
seen here no more.
"""

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QComboBox, QFrame, QSizePolicy, QVBoxLayout

from gui.page import button, label
from gui.run.preflight import Checked
from gui.run.words import breakable
from gui.texts import say


class PairingCard(QFrame):
    """`chosen(chamber)`: pressed twice, so that no slip of a finger is written."""

    chosen = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("card")
        self._for: tuple[object, ...] = ()
        self._sure = False
        self.title = label("", "warn", wrap=True)
        self.explained = label("", "muted", wrap=True)
        self.chamber = QComboBox()
        self.chamber.setAccessibleName(say("run.paired"))
        self.chamber.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.chamber.currentIndexChanged.connect(self._ask_again)
        self.note = button("")
        self.note.clicked.connect(self._press)
        layout = QVBoxLayout(self)
        for one in (self.title, self.explained, self.chamber, self.note):
            layout.addWidget(one)
        self.hide()

    def show_for(self, checked: Checked) -> None:
        """Ask, where this choice wants it; a question about another animal is forgotten."""
        choice = checked.wanted.recorded
        key = (checked.pairing_open, choice.subject, choice.out, *checked.sides)
        if key != self._for:
            self._for = key
            self.chamber.clear()
            self.chamber.addItems([say("run.pairing_choose"), *checked.sides])
            self.title.setText(breakable(say("run.pairing_title", subject=choice.subject)))
            file = checked.pairing_file
            self.explained.setText(breakable(say("run.pairing_explained", file=file)))
        self._ask_again()
        self.setVisible(checked.pairing_open)

    def forget(self) -> None:
        """What was chosen is seen here no more."""
        self.chamber.setCurrentIndex(0)
        self._ask_again()

    def _ask_again(self) -> None:
        self._sure = False
        self.note.setText(say("run.pairing_note"))
        self.note.setEnabled(self.chamber.currentIndex() > 0)

    def _press(self) -> None:
        if self._sure:
            chamber = self.chamber.currentText()
            self.forget()
            self.chosen.emit(chamber)
            return
        self._sure = True
        self.note.setText(say("run.pairing_sure"))
