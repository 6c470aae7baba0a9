"""The book of controlled drugs: what is left, its lines, and what is written into it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PyQt6.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui.page import button, card, label, set_role
from gui.run.words import breakable
from gui.study.bar import on_enter
from gui.study.desk import StudyDesk, words_of
from gui.study.rows import Cell, Rows, table
from gui.texts import say
from protocols.study import Study, booking, care
from protocols.study.people import who_is
from rig.errors import ConfigError

ROLES = ("preparer", "owner")
SETTLE = "settle"
FIELDS: Mapping[str, tuple[str, ...]] = {
    "received": ("drug", "mg", "lot", "witness", "note"),
    "drawn": ("drug", "mg", "lot", "witness", "note"),
    "given": ("drug", "mg", "note"),
    "wasted": ("drug", "mg", "witness", "note"),
    SETTLE: ("witness",),
}
"""What is asked for, by what is written."""
HEADS = ("at", "kind", "drug", "mg", "lot", "person", "witness", "note")
WIDTHS = (148, 78, 104, 60, 60, 60, 82, 60)


@dataclass(frozen=True)
class Told:
    """The book as it was read: its lines, mg by drug; and what was done just before."""

    lines: list[dict[str, Any]]
    stock: dict[str, dict[str, float]]
    said: str


class BookPanel(QWidget):
    """For preparers and owners. That it was read is kept, so it is opened only when asked for."""

    def __init__(self, desk: StudyDesk) -> None:
        super().__init__()
        self._desk = desk
        self._busy = False
        self._turn = 0
        """Counts who looked and turned away: an answer to an earlier one is dropped."""
        self.look = button(say("book.look"), "main")
        self.look.clicked.connect(self.read_book)
        self.kind = QComboBox()
        for kind in FIELDS:
            self.kind.addItem(say(f"book.do_{kind}"), kind)
        self.kind.currentIndexChanged.connect(lambda _: self._ask_for())
        self.drug = QComboBox()
        self.drug.setEditable(True)
        self.drug.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        if (line := self.drug.lineEdit()) is not None:
            on_enter(line, self.write)
        self.mg, self.lot, self.note = (on_enter(QLineEdit(), self.write) for _ in range(3))
        self.witness = on_enter(QLineEdit(), self.write)
        self.witness.setEchoMode(QLineEdit.EchoMode.Password)
        self.witness.setPlaceholderText(say("study.person_hint"))
        self.fields: dict[str, QLineEdit | QComboBox] = {
            "drug": self.drug,
            "mg": self.mg,
            "lot": self.lot,
            "witness": self.witness,
            "note": self.note,
        }
        self._form = QFormLayout()
        for key, field in (("kind", self.kind), *self.fields.items()):
            field.setAccessibleName(say(f"book.{key}"))
            self._form.addRow(say(f"book.{key}"), field)
        inside = QWidget()
        inside.setLayout(self._form)
        self.explained = label("", "muted", wrap=True)
        self.sign = button(say("book.write"), "main")
        self.sign.clicked.connect(self.write)
        self.said = label("", wrap=True)
        self.said.hide()
        self.left = label("", "title", wrap=True)
        self.rows = Rows(self)
        self.table = table(self.rows, say("book.lines"))
        beside = QVBoxLayout()
        beside.addWidget(label(say("book.title"), "title"))
        beside.addWidget(label(say("book.explained"), "muted", wrap=True))
        beside.addWidget(self.look)
        beside.addWidget(card(inside))
        for one in (self.explained, self.sign, self.said):
            beside.addWidget(one)
        beside.addStretch(1)
        right = QVBoxLayout()
        right.addWidget(self.left)
        right.addWidget(self.table, 1)
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 4, 0, 0)
        across.addLayout(beside, 2)
        across.addLayout(right, 3)
        self._ask_for()
        self.forget()

    def forget(self) -> None:
        """What stood in the book and what was typed go from the screen."""
        self._turn += 1
        self._busy = False
        for field in self.fields.values():
            field.clear()
        self.rows.put([], [])
        self.left.setText("")
        self.said.setText("")
        self.said.hide()
        self._enable()

    def _enable(self) -> None:
        person = self._desk.person
        may = person is not None and person.may(*ROLES)
        for one in (self.look, self.sign):
            one.setEnabled(may and not self._busy)
        if not may:
            self._say(say("book.whose"), "warn")

    def _ask_for(self) -> None:
        """The fields of what is written; secrets that are not asked for any more go."""
        kind = str(self.kind.currentData())
        for name, field in self.fields.items():
            self._form.setRowVisible(field, name in FIELDS[kind])
        self.witness.clear()
        self.explained.setText(say(f"book.{kind}_explained"))

    def read_book(self) -> None:
        """Show the book; that it was read stands in the study's trail."""
        if person := self._by():
            self._ask(person, None)

    def write(self) -> None:
        """Write what stands in the fields, or settle; then the book is shown as it is now."""
        person = self._by()
        if not person or self._busy:
            return
        kind = str(self.kind.currentData())
        told = {name: self._text(name) for name in FIELDS[kind]}
        self.witness.clear()
        try:
            mg = float(told["mg"].replace(",", ".")) if kind != SETTLE else 0.0
        except ValueError:
            self._say(say("book.no_number", text=told["mg"]), "bad")
            return
        if kind != SETTLE and not told["drug"]:
            self._say(say("book.no_drug"), "bad")
            return
        self._ask(person, _Line(kind, mg, told))

    def _text(self, name: str) -> str:
        field = self.fields[name]
        return (field.text() if isinstance(field, QLineEdit) else field.currentText()).strip()

    def _ask(self, person: str, line: "_Line | None") -> None:
        def work(study: Study) -> Told:
            said = "" if line is None else line.put(study, person)
            return Told(*care.read_book(study, person), said)

        asked, self._busy = self._turn, True
        self._enable()
        self._say(say("study.working"), "muted")
        self._desk.ask(work, self._show, self._failed, wanted=lambda: self._turn == asked)

    def _show(self, told: Told) -> None:
        self._busy = False
        self._enable()
        drug = self.drug.currentText()
        self.drug.clear()
        self.drug.addItems(list(told.stock))
        self.drug.setEditText(drug if not told.said else "")
        if told.said:
            for field in (self.mg, self.lot, self.note):
                field.clear()
        left = [_left(name, mg) for name, mg in told.stock.items()]
        self.left.setText(breakable("\n".join(left) or say("book.empty")))
        self.rows.put([say(f"book.head_{name}") for name in HEADS], [_row(o) for o in told.lines])
        for column, px in enumerate(WIDTHS):
            self.table.setColumnWidth(column, px)
        self.table.scrollToBottom()
        self._say(told.said or say("book.read", n=len(told.lines)), "good")

    def _failed(self, error: Exception) -> None:
        self._busy = False
        self._enable()
        self._say(words_of(error), "bad")

    def _by(self) -> str:
        person = self._desk.person
        if person is None or not person.may(*ROLES):
            self._say(say("book.whose"), "warn")
            return ""
        return person.name

    def _say(self, text: str, role: str) -> None:
        self.said.setText(breakable(text))
        set_role(self.said, role)
        self.said.show()


@dataclass(frozen=True)
class _Line:
    """What is to be written, as it was typed. The witness proves who it is, as at the window."""

    kind: str
    mg: float
    told: Mapping[str, str]

    def put(self, study: Study, person: str) -> str:
        """Write it; what was done, in words. Raises RigError and ConfigError."""
        words = self.told.get("witness", "")
        witness = who_is(study, words).name if words else None
        if self.kind != SETTLE:
            drug = self.told["drug"]
            left = care.book(
                study, self.kind, drug, self.mg, person,
                lot=self.told.get("lot", ""), witness=witness, note=self.told.get("note", ""),
            )  # fmt: skip
            did = say(f"book.did_{self.kind}", mg=f"{self.mg:g}", drug=drug)
            return f"{did} {_left(drug, left)}"
        if (found := booking.settle(study, person, witness)) == []:
            raise ConfigError("book", "", say("book.nothing"))
        return "\n".join(
            say(
                "book.did_settle", drug=one.drug, n=one.labels,
                given=f"{one.mg['given']:.3f}", wasted=f"{one.mg['wasted']:.3f}",
            ) + f" {_left(one.drug, one.left)}"
            for one in found
        )  # fmt: skip


def _left(drug: str, mg: Mapping[str, float]) -> str:
    return say("book.left", drug=drug, stock=f"{mg['stock_mg']:g}", hand=f"{mg['in_hand_mg']:g}")


def _row(line: Mapping[str, Any]) -> list[Cell]:
    when = datetime.fromisoformat(str(line["at"])).astimezone()
    kind = str(line["kind"])
    told = (
        f"{when:%Y-%m-%d %H:%M}", say(f"book.kind_{kind}"), line["drug"],
        f"{line['amount_mg']:.10g}", line["lot"], line["person"], line["witness"], line["note"],
    )  # fmt: skip
    note = str(line["note"] or "")
    return [Cell(str(one or ""), "", note) for one in told]
