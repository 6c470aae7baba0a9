"""Who is of the study and may do what; its boxes; its animals put in from a table."""

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from gui.browse import pick_file
from gui.page import button, card, label, set_role
from gui.run.words import breakable
from gui.study.desk import StudyDesk, words_of
from gui.study.rows import Cell, Rows, table
from gui.texts import say
from protocols.store.people import ROLES
from protocols.study import Study, add_animals, add_box, add_person
from protocols.subjects import write_table


class PeoplePanel(QWidget):
    """People, boxes and animals, put in one after the other."""

    def __init__(self, desk: StudyDesk) -> None:
        super().__init__()
        self._desk = desk
        self.rows = Rows(self)
        self.table = table(self.rows, say("study.people"))
        self.name = _line("study.name")
        self.roles = {role: QCheckBox(say(f"study.role_{role}")) for role in ROLES}
        self.pin = _line("study.pin", secret=True)
        self.badge = _line("study.badge", secret=True)
        self.put_person = button(say("study.put_person"), "main")
        self.put_person.clicked.connect(self.add_person)
        self.box = _line("study.box")
        self.rig = _line("study.rig")
        self.put_box = button(say("study.put_box"), "main")
        self.put_box.clicked.connect(self.add_box)
        self.boxes = label("", "muted", wrap=True)
        self.animals = QPlainTextEdit()
        self.animals.setPlaceholderText(say("study.animals_hint"))
        self.animals.setAccessibleName(say("study.animals"))
        self.animals.setTabChangesFocus(True)
        self.put_animals = button(say("study.put_animals"), "main")
        self.put_animals.clicked.connect(self.add_typed)
        self.browse = button(say("study.animals_file"))
        self.browse.clicked.connect(self._browse)
        self.said = label("", wrap=True)
        self.said.hide()
        person = QFormLayout()
        person.addRow(say("study.name"), self.name)
        roles = QVBoxLayout()
        for tick in self.roles.values():
            roles.addWidget(tick)
        person.addRow(say("study.roles"), roles)
        person.addRow(say("study.pin"), self.pin)
        person.addRow(say("study.badge"), self.badge)
        person.addRow(self.put_person)
        box = QFormLayout()
        box.addRow(say("study.box"), self.box)
        box.addRow(say("study.rig"), self.rig)
        box.addRow(self.put_box)
        row = QHBoxLayout()
        row.addWidget(self.browse)
        row.addWidget(self.put_animals, 1)
        left, middle, right = QVBoxLayout(), QVBoxLayout(), QVBoxLayout()
        left.addWidget(label(say("study.people"), "title"))
        left.addWidget(self.table, 1)
        middle.addWidget(_formed("study.new_person", person))
        middle.addWidget(_formed("study.new_box", box))
        middle.addWidget(self.boxes)
        middle.addStretch(1)
        right.addWidget(label(say("study.animals"), "title"))
        right.addWidget(label(say("study.animals_explained"), "muted", wrap=True))
        right.addWidget(self.animals, 1)
        right.addLayout(row)
        across = QHBoxLayout()
        for column, share in ((left, 3), (middle, 3), (right, 3)):
            across.addLayout(column, share)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 4, 0, 0)
        whole.addLayout(across, 1)
        whole.addWidget(self.said)

    def read(self) -> None:
        """What the desk knows."""
        about = self._desk.about
        people = about.people if about is not None else ()
        heads = [say("study.name"), say("study.roles"), say("study.pin")]
        rows = [
            [
                Cell(one.name),
                Cell(", ".join(one.roles)),
                Cell(say("study.has_pin") if one.has_pin else "-", "" if one.has_pin else "muted"),
            ]
            for one in people
        ]
        self.rows.put(heads, rows)
        for column, px in enumerate((80, 170, 60)):
            self.table.setColumnWidth(column, px)
        boxes = about.boxes if about is not None else {}
        told = [say("study.box_of", box=name, rig=rig or "-") for name, rig in boxes.items()]
        self.boxes.setText(breakable("\n".join(told)))

    def forget(self) -> None:
        """Secrets that were typed go."""
        self.pin.clear()
        self.badge.clear()
        self.said.hide()

    def add_person(self) -> None:
        """Put in a person."""
        name, pin, badge = self.name.text().strip(), self.pin.text(), self.badge.text()
        roles = [role for role, tick in self.roles.items() if tick.isChecked()]
        self._write(
            lambda study, by: add_person(study, name, roles, pin or None, by, badge or None),
            say("study.person_in", name=name),
            [self.name, self.pin, self.badge],
        )

    def add_box(self) -> None:
        """Put in a box."""
        name, rig = self.box.text().strip(), self.rig.text().strip()
        self._write(
            lambda study, by: add_box(study, name, rig or None, by),
            say("study.box_in", name=name),
            [self.box],
        )

    def add_typed(self) -> None:
        """Put in the animals that stand in the field, a table with its heads."""
        text = self.animals.toPlainText()
        self._put_in(lambda study, by: write_table(text, lambda path: add_animals(study, path, by)))

    def add_file(self, path: Path) -> None:
        """Put in the animals of a table."""
        self._put_in(lambda study, by: add_animals(study, path, by))

    def _browse(self) -> None:
        pick_file(
            self, say("study.animals"), say("study.tables"), lambda path: self.add_file(Path(path))
        )

    def _put_in(self, work: Callable[[Study, str], tuple[int, list[str]]]) -> None:
        person = self._desk.person
        if person is None:
            self._say(say("today.who_first"), wrong=True)
            return

        def there(told: tuple[int, list[str]]) -> None:
            self.animals.clear()
            self._say("\n".join([say("study.animals_in", n=told[0]), *told[1]]))
            self._desk.look_again()

        self._desk.ask(lambda study: work(study, person.name), there, self._failed)

    def _write(
        self, work: Callable[[Study, str], None], said: str, fields: list[QLineEdit]
    ) -> None:
        person = self._desk.person
        if person is None:
            self._say(say("today.who_first"), wrong=True)
            return

        def there(_: None) -> None:
            for field in fields:
                field.clear()
            self._say(said)
            self._desk.look_again()

        self._desk.ask(lambda study: work(study, person.name), there, self._failed)

    def _failed(self, error: Exception) -> None:
        self._say(words_of(error), wrong=True)

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.said.setText(breakable(text))
        set_role(self.said, "bad" if wrong else "good")
        self.said.show()


def _line(key: str, *, secret: bool = False) -> QLineEdit:
    made = QLineEdit()
    made.setAccessibleName(say(key))
    if secret:
        made.setEchoMode(QLineEdit.EchoMode.Password)
    return made


def _formed(key: str, form: QFormLayout) -> QWidget:
    inside = QWidget()
    inside.setLayout(form)
    return card(label(say(key), "muted"), inside)
