"""The line on top of a study's pages: which study, and who is in front of it."""

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from gui.browse import pick_folder
from gui.page import button, label, set_role
from gui.run.words import breakable
from gui.study.desk import StudyDesk
from gui.texts import say


class StudyBar(QWidget):
    """Chooses the study, switches the person, and says what stands against either."""

    def __init__(self, desk: StudyDesk) -> None:
        super().__init__()
        self._desk = desk
        self.study = QComboBox()
        self.study.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.study.setMinimumContentsLength(16)
        self.study.setAccessibleName(say("study.which"))
        self.study.setToolTip(say("study.which_help"))
        self.study.activated.connect(self._chosen)
        self.browse = button(say("study.open"))
        self.browse.clicked.connect(self._browse)
        self.who = label("", "warn")
        self.told = QLineEdit()
        self.told.setEchoMode(QLineEdit.EchoMode.Password)
        self.told.setPlaceholderText(say("study.person_hint"))
        self.told.setAccessibleName(say("study.person"))
        self.told.setMaximumWidth(230)
        self.told.returnPressed.connect(self._switch)
        self.leave = button(say("study.leave"), "small")
        self.leave.clicked.connect(desk.leave)
        self.said = label("", "bad", wrap=True)
        self.said.hide()
        row = QHBoxLayout()
        row.addWidget(self.study, 1)
        row.addWidget(self.browse)
        row.addSpacing(16)
        row.addWidget(self.who)
        row.addWidget(self.leave)
        row.addWidget(self.told)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addLayout(row)
        whole.addWidget(self.said)
        desk.opened.connect(self.show_study)
        desk.person_changed.connect(self.show_person)
        desk.trouble.connect(self.say_trouble)
        self.show_study()
        self.show_person()

    def show_study(self) -> None:
        """The list of studies, the open one chosen."""
        self.study.clear()
        about = self._desk.about
        if about is None:
            self.study.addItem(say("study.none_open"), "")
        for path in self._desk.recent:
            self.study.addItem(f"{Path(path).name}   {Path(path).parent}", path)
        if about is not None:
            self.study.setCurrentIndex(max(0, self.study.findData(str(about.folder))))
            self.study.setToolTip(str(about.folder))
            self.say_trouble(say("study.read_only", why=about.why) if about.why else "")

    def show_person(self) -> None:
        """Who is in front of it."""
        person = self._desk.person
        there = self._desk.about is not None
        self.told.clear()
        self.told.setEnabled(there)
        self.leave.setVisible(person is not None)
        if person is None:
            self.who.setText(say("study.nobody") if there else "")
            set_role(self.who, "warn")
        else:
            self.who.setText(say("study.is", name=person.name, roles=", ".join(person.roles)))
            set_role(self.who, "good")

    def say_trouble(self, text: str) -> None:
        """What went wrong; "" for nothing."""
        about = self._desk.about
        if not text and about is not None and about.why:
            text = say("study.read_only", why=about.why)
        self.said.setText(breakable(text))
        self.said.setVisible(bool(text))

    def _chosen(self, place: int) -> None:
        path = self.study.itemData(place)
        if path:
            self._desk.open(Path(path))

    def _browse(self) -> None:
        pick_folder(self, say("study.open"), lambda path: self._desk.open(Path(path)))

    def _switch(self) -> None:
        told = self.told.text().strip()
        self.told.clear()
        if told:
            self._desk.switch(told)


def on_enter(field: QLineEdit, then: Callable[[], None]) -> QLineEdit:
    """A field whose Enter does something."""
    field.returnPressed.connect(then)
    field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return field
