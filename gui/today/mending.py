"""What went otherwise, put right: a deed is chosen, its fields are filled, and it is signed."""

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gui.page import button, label
from gui.run.words import breakable
from gui.study.desk import StudyDesk, words_of
from gui.texts import say
from protocols.conduct import EndedEarly
from protocols.study import Study, amending, care, doing, pretests_of
from protocols.study.calendar import ran
from protocols.wording import named

Values = dict[str, str]
SECRET = frozenset({"pin", "passphrase"})
SESSIONS = frozenset({"session", "first", "second"})
CHOICES = {
    "why": tuple(str(one) for one in amending.Why),
    "ended_as": ("", *(str(one) for one in EndedEarly)),
    "severity": care.SEVERITIES,
    "outcome": tuple(str(one) for one in amending.Outcome),
}
OWN_ANIMAL = "whose"
"""The animal that a deed is about is that of the card."""


@dataclass(frozen=True)
class Deed:
    """One way to put something right: its fields in order, the roles that may, what does it.

    `does` gets the study, the person, and what stands in the fields; it says what was done.
    """

    key: str
    fields: tuple[str, ...]
    roles: tuple[str, ...]
    does: Callable[[Study, str, Values], str]


def _swap(study: Study, by: str, told: Values) -> str:
    amending.swap(
        study, told["first"], told["second"], by, told["reason"], pin=told.get("pin") or None
    )
    return say("mend.did_swap", first=_called(told["first"]), second=_called(told["second"]))


def _session(study: Study, by: str, told: Values) -> str:
    changed = {key: told[key] for key in ("animal", "phase", "box") if told[key]}
    amending.reattribute(
        study, told["session"], by, told["reason"], animal=told["animal"] or None,
        phase=told["phase"] or None, box=told["box"] or None, pin=told.get("pin") or None,
    )  # fmt: skip
    to = ", ".join(named(one) if key == "phase" else one for key, one in changed.items())
    return say("mend.did_session", session=_called(told["session"]), to=to)


def _withdraw(study: Study, by: str, told: Values) -> str:
    why = amending.Why(told["why"])
    left = amending.withdraw(
        study, told[OWN_ANIMAL], why, told["reason"], by, pin=told.get("pin") or None
    )
    key = "did_withdraw_running" if left.running else "did_withdraw"
    return say(f"mend.{key}", animal=told[OWN_ANIMAL], n=left.cancelled)


def _substitute(study: Study, by: str, told: Values) -> str:
    holder = told["holder"], told["passphrase"]
    rows = pretests_of(study)
    whose, labels = amending.take_place(
        study, told[OWN_ANIMAL], by, rows, holder, pin=told.get("pin") or None
    )
    return say("mend.did_substitute", animal=told[OWN_ANIMAL], whose=whose, n=labels)


def _ended(study: Study, by: str, told: Values) -> str:
    word = EndedEarly(told["ended_as"]) if told["ended_as"] else None
    holder = (told["holder"], told["passphrase"]) if told["holder"] else None
    judged = amending.judge_ended(
        study, told["session"], by, told["reason"], word, holder=holder, pin=told.get("pin") or None
    )
    again = say("mend.again", label=judged.label or "-") if judged.again else ""
    return say("mend.did_ended", session=_called(told["session"]), how=judged.ended_as) + again


def _event(study: Study, by: str, told: Values) -> str:
    care.adverse_event(study, told[OWN_ANIMAL], told["severity"], told["what"], told["action"], by)
    return say("mend.did_event", animal=told[OWN_ANIMAL], severity=told["severity"])


def _injection(study: Study, by: str, told: Values) -> str:
    received = float(told["ml"].replace(",", ".")) if told["ml"] else None
    who = amending.note_injection(
        study, told["label"].upper(), amending.Outcome(told["outcome"]), by,
        received_ml=received, animal=told["animal"] or None, reason=told["reason"],
        pin=told.get("pin") or None,
    )  # fmt: skip
    return say("mend.did_injection", label=told["label"].upper(), animal=who, how=told["outcome"])


def _file(study: Study, by: str, told: Values) -> str:
    phase, status, _ = doing.file_session(study, told[OWN_ANIMAL], by, None)
    return say("mend.did_file", animal=told[OWN_ANIMAL], phase=named(phase), status=status)


BOTH, ALL = ("technician", "owner"), ("technician", "preparer", "owner")
DEEDS = (
    Deed("session", ("session", "animal", "phase", "box", "reason"), BOTH, _session),
    Deed("swap", ("first", "second", "reason"), BOTH, _swap),
    Deed("injection", ("label", "outcome", "ml", "animal", "reason"), ALL, _injection),
    Deed("ended", ("session", "ended_as", "reason", "holder", "passphrase"), BOTH, _ended),
    Deed("event", (OWN_ANIMAL, "severity", "what", "action"), ALL, _event),
    Deed("withdraw", (OWN_ANIMAL, "why", "reason"), BOTH, _withdraw),
    Deed("substitute", (OWN_ANIMAL, "holder", "passphrase"), ("owner",), _substitute),
    Deed("file", (OWN_ANIMAL,), BOTH, _file),
)
"""The most frequent first."""
UNSIGNED = frozenset({"event", "file"})


class DeedList(QListWidget):
    """The deeds. `chosen()`: by its digit, or by Enter."""

    chosen = pyqtSignal()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  (Qt's name)
        """A digit chooses a deed; Enter goes on to its fields."""
        text = event.text() if event is not None else ""
        if text.isdigit() and 1 <= int(text) <= self.count():
            self.setCurrentRow(int(text) - 1)
            self.chosen.emit()
        elif event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit()
        else:
            super().keyPressEvent(event)


class MendPanel(QWidget):
    """Deeds on the left, the fields of the chosen one beside them. `left()`; `done(said)`."""

    left = pyqtSignal()
    done = pyqtSignal(str)

    def __init__(self, desk: StudyDesk) -> None:
        super().__init__()
        self._desk = desk
        self._animal = ""
        self._sessions: list[str] = []
        self._phases: list[str] = []
        self.fields: dict[str, QLineEdit | QComboBox] = {}
        self.deeds = DeedList()
        self.deeds.chosen.connect(self._to_fields)
        self.deeds.setAccessibleName(say("mend.deeds"))
        for number, deed in enumerate(DEEDS, 1):
            self.deeds.addItem(f"{number}  {say(f'mend.{deed.key}')}")
        self.deeds.setMaximumWidth(230)
        self.deeds.currentRowChanged.connect(self._make_form)
        self.explained = label("", "muted", wrap=True)
        self._form = QFormLayout()
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.said = label("", "bad", wrap=True)
        self.said.hide()
        self.sign = button(say("mend.sign"), "main")
        self.sign.clicked.connect(self.put_right)
        self.back = button(say("mend.back"))
        self.back.clicked.connect(self.left)
        beside = QVBoxLayout()
        beside.addWidget(self.explained)
        beside.addLayout(self._form)
        beside.addWidget(self.said)
        beside.addStretch(1)
        row = QHBoxLayout()
        row.addWidget(self.back)
        row.addWidget(self.sign, 1)
        beside.addLayout(row)
        across = QHBoxLayout()
        across.addWidget(self.deeds)
        across.addLayout(beside, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(label(say("mend.title"), "title"))
        whole.addLayout(across, 1)

    def begin(self, animal: str) -> None:
        """Something is to be put right, of this animal first."""
        self._animal = animal
        self.say_trouble("")
        self._make_form(max(0, self.deeds.currentRow()))
        self.deeds.setCurrentRow(max(0, self.deeds.currentRow()))
        self.deeds.setFocus()
        self._desk.ask(_ran_and_phases, self._know_sessions)

    def forget(self) -> None:
        """Another person: what was typed, secrets too, goes."""
        for field in self.fields.values():
            if isinstance(field, QLineEdit):
                field.clear()
        self.say_trouble("")

    def say_trouble(self, text: str) -> None:
        """Why it was not done; "" for nothing."""
        self.said.setText(breakable(text))
        self.said.setVisible(bool(text))

    def _know_sessions(self, told: tuple[list[str], list[str]]) -> None:
        sessions, self._phases = told
        own = [one for one in sessions if one.startswith(f"{self._animal}/")]
        self._sessions = own + [one for one in sessions if one not in own]
        for name in SESSIONS & set(self.fields):
            field = self.fields[name]
            if isinstance(field, QComboBox):
                before = field.currentText()
                field.clear()
                self._offer_sessions(field)
                field.setEditText(before or field.itemText(0))
        if isinstance(choice := self.fields.get("phase"), QComboBox):
            chosen = choice.currentData()
            choice.clear()
            self._offer_phases(choice)
            choice.setCurrentIndex(max(0, choice.findData(chosen)))

    def _offer_sessions(self, field: QComboBox) -> None:
        for one in self._sessions:
            field.addItem(_called(one), one)

    def _offer_phases(self, field: QComboBox) -> None:
        field.addItem(say("mend.phase_stays"), "")
        for name in self._phases:
            field.addItem(named(name), name)

    @property
    def deed(self) -> Deed:
        """The chosen one."""
        return DEEDS[max(0, self.deeds.currentRow())]

    def _make_form(self, place: int) -> None:
        if place < 0:
            return
        while self._form.rowCount():
            self._form.removeRow(0)
        deed = DEEDS[place]
        self.fields = {name: self._field(name) for name in deed.fields}
        person = self._desk.person
        if person is not None and person.has_pin and deed.key not in UNSIGNED:
            self.fields["pin"] = self._field("pin")
        for name, field in self.fields.items():
            self._form.addRow(say(f"mend.field_{name}"), field)
            field.setAccessibleName(say(f"mend.field_{name}"))
        self.explained.setText(say(f"mend.{deed.key}_explained"))
        self.say_trouble("")

    def _field(self, name: str) -> QLineEdit | QComboBox:
        if name in CHOICES:
            made = QComboBox()
            for one in CHOICES[name]:
                made.addItem(say(f"mend.{name}_{one or 'rule'}"), one)
            return made
        if name in SESSIONS:
            made = QComboBox()
            made.setEditable(True)
            made.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self._offer_sessions(made)
            if (line := made.lineEdit()) is not None:
                line.returnPressed.connect(self.put_right)
            return made
        if name == "phase":
            made = QComboBox()
            self._offer_phases(made)
            return made
        line = QLineEdit(self._animal if name == OWN_ANIMAL else "")
        if name in SECRET:
            line.setEchoMode(QLineEdit.EchoMode.Password)
        line.returnPressed.connect(self.put_right)
        return line

    def put_right(self) -> None:
        """Do it, signed by who is in front of the window."""
        person, deed = self._desk.person, self.deed
        if person is None:
            self.say_trouble(say("today.who_first"))
            return
        if not person.may(*deed.roles):
            roles = say("mend.or").join(deed.roles)
            self.say_trouble(say("mend.not_yours", name=person.name, roles=roles))
            return
        told = {name: _text(field) for name, field in self.fields.items()}
        for name in SECRET & set(self.fields):
            field = self.fields[name]
            if isinstance(field, QLineEdit):
                field.clear()
        try:
            _check(told)
        except ValueError as error:
            self.say_trouble(str(error))
            return
        self.sign.setEnabled(False)

        def did(said: str) -> None:
            self.sign.setEnabled(True)
            self.forget()
            self.done.emit(said)

        def failed(error: Exception) -> None:
            self.sign.setEnabled(True)
            self.say_trouble(words_of(error))

        self._desk.ask(lambda study: deed.does(study, person.name, told), did, failed)

    def _to_fields(self) -> None:
        QTimer.singleShot(0, self._focus_first)  # fields that were just made take no focus yet

    def _focus_first(self) -> None:
        next(iter(self.fields.values())).setFocus()


def _text(field: QLineEdit | QComboBox) -> str:
    if isinstance(field, QLineEdit):
        return field.text().strip()
    if not field.isEditable():
        return str(field.currentData())
    text = field.currentText().strip()
    at = field.findText(text)
    return str(field.itemData(at)) if at >= 0 else text


def _called(session: str) -> str:
    """A session as people call it: M01/conditioning1a/2 -> M01, Conditioning 1a (2)."""
    animal, phase, attempt = (*session.split("/"), "", "")[:3]
    again = f" ({attempt})" if attempt not in ("", "1") else ""
    return f"{animal}, {named(phase)}{again}" if phase else session


def _ran_and_phases(study: Study) -> tuple[list[str], list[str]]:
    sessions = ran(study)
    phases = [one.name for one in study.protocol.phase]
    return sessions, list(dict.fromkeys([*phases, *(one.split("/")[1] for one in sessions)]))


def _check(told: Values) -> None:
    """Raise ValueError for a number that is none."""
    if told.get("ml"):
        try:
            float(told["ml"].replace(",", "."))
        except ValueError:
            raise ValueError(say("mend.no_number", text=told["ml"])) from None
