"""Choosing a session: rig, box, protocol, phase, animal, folder; and what stands against it."""

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QTimer, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.browse import pick_file, pick_folder
from gui.names import learn
from gui.page import button, label, set_role
from gui.remembered import Remembered
from gui.run.open_rigs import OpenRigs
from gui.run.pairing_card import PairingCard
from gui.run.preflight import PRACTICE, Checked, Level, Wanted
from gui.run.words import breakable
from gui.texts import say
from protocols import library
from protocols.asking import Choice, find_protocol
from protocols.protocol import Protocol, Value
from protocols.wording import named
from rig.errors import RigError

SIGN = {Level.GOOD: "✓", Level.WARN: "!", Level.BAD: "✗", Level.OPEN: "·"}
ROLE = {Level.GOOD: "good", Level.WARN: "warn", Level.BAD: "bad", Level.OPEN: "muted"}
SETTLE_MS = 200


class ChoosePanel(QWidget):
    """The form. `changed()`: look at the choice again; `start_wanted()`; `look_wanted()`.

    `work_wanted()`: doors and lights, on the word that the box is empty.
    It opens nothing and knows nothing of stations: the page has the choice checked, and tells.
    """

    changed = pyqtSignal()
    start_wanted = pyqtSignal()
    look_wanted = pyqtSignal()
    work_wanted = pyqtSignal()

    def __init__(self, remembered: Remembered) -> None:
        super().__init__()
        self._remembered = remembered
        self._protocol: Protocol | None = None
        self._values: dict[str, QLineEdit] = {}
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self.changed)
        self._build()
        self._fill()

    # --- made once

    def _build(self) -> None:
        self.rig = _combo(editable=True)
        self.box = _combo()
        self.protocol = _combo(editable=True)
        self.phase = _combo()
        self.subject = QLineEdit()
        self.subject.setPlaceholderText(say("run.subject_hint"))
        self.paired = _combo()
        self.paired_hidden = label(say("run.paired_hidden"), "muted", wrap=True)
        self.pairing = PairingCard()
        self.operator = QLineEdit()
        self.out = QLineEdit()
        self.practice = QCheckBox(say("run.practice"))
        self.practice_where = label("", "warn", wrap=True)
        self.blinded = QCheckBox(say("run.blinded"))
        self.helper = QCheckBox(say("run.helper"))
        self.helper.setChecked(True)
        self._form = QFormLayout()
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self._form.setVerticalSpacing(5)
        browse = say("run.browse")
        self._form.addRow(say("run.subject"), self.subject)
        self._form.addRow(
            say("run.protocol"), _beside(self.protocol, browse, self._browse_protocol)
        )
        self._form.addRow(say("run.phase"), self.phase)
        self._form.addRow(say("run.rig"), _beside(self.rig, browse, self._browse_rig))
        self._form.addRow(say("run.box"), self.box)
        self._form.addRow(say("run.paired"), self.paired)
        self._form.addRow(self.paired_hidden)
        self._form.addRow(self.pairing)
        self._form.addRow(say("run.out"), _beside(self.out, browse, self._browse_out))
        self._form.addRow(say("run.operator"), self.operator)
        for tick in (self.practice, self.practice_where, self.blinded, self.helper):
            self._form.addRow(tick)
        self._parameters = QFormLayout()
        self._parameters.setVerticalSpacing(3)
        self.more = QToolButton()
        self.more.setCheckable(True)
        self.more.toggled.connect(self._show_parameters)
        self._parameter_box = QWidget()
        self._parameter_box.setLayout(self._parameters)
        self._parameter_box.hide()
        self.lines = QVBoxLayout()
        self.lines.setSpacing(2)
        self.open_rigs = OpenRigs()
        self.trouble = label("", "bad", wrap=True)
        self.trouble.hide()
        inside = QWidget()
        body = QVBoxLayout(inside)
        body.setContentsMargins(0, 0, 6, 0)
        body.addWidget(label(say("run.title"), "title"))
        body.addWidget(self.trouble)
        body.addLayout(self._form)
        body.addWidget(self.more)
        body.addWidget(self._parameter_box)
        body.addWidget(label(say("run.preflight"), "muted"))
        body.addLayout(self.lines)
        body.addWidget(self.open_rigs)
        body.addStretch(1)
        self.rolled = QScrollArea()
        self.rolled.setWidgetResizable(True)
        self.rolled.setFrameShape(QFrame.Shape.NoFrame)
        self.rolled.setWidget(inside)
        self.start = button(say("run.start"), "main")
        self.start.clicked.connect(self.start_wanted)
        self.start.setEnabled(False)
        self.look = button(say("run.look"))
        self.look.setToolTip(say("run.look_help"))
        self.look.clicked.connect(self.look_wanted)
        self.work = button(say("run.work"))
        self.work.setToolTip(say("run.work_help"))
        self.work.clicked.connect(self._work)
        self.work.hide()
        self._sure = False
        row = QHBoxLayout()
        row.addWidget(self.look)
        row.addWidget(self.start, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.rolled, 1)
        whole.addWidget(self.work)
        whole.addLayout(row)

    def _fill(self) -> None:
        self.rig.addItems([*dict.fromkeys([*self._remembered.texts("rigs"), "sim"])])
        self.protocol.addItems(
            [*dict.fromkeys([*library.names(), *self._remembered.texts("protocols")])]
        )
        _choose(self.protocol, self._remembered.text("protocol", library.names()[0]))
        self.out.setText(self._remembered.text("out", str(Path.home() / "placepref")))
        self.operator.setText(self._remembered.text("operator"))
        self._read_protocol()
        self._choose_phase(self._remembered.text("phase"))
        for combo in (self.rig, self.protocol):
            combo.editTextChanged.connect(self._soon)
        for combo in (self.box, self.phase, self.paired):
            combo.currentTextChanged.connect(self._soon)
        for line in (self.subject, self.out, self.operator):
            line.textChanged.connect(self._soon)
        for tick in (self.practice, self.blinded, self.helper):
            tick.toggled.connect(self._soon)
        self.protocol.currentTextChanged.connect(self._read_protocol)
        self._ticks()

    def _soon(self) -> None:
        if self._sure:  # the word was about another box
            self.put_working(working=False)
        self.start.setEnabled(False)  # what was checked is not what stands there now
        self._ticks()
        self._settle.start()

    def _ticks(self) -> None:
        out = self.out.text().strip()
        self.practice_where.setVisible(self.practice.isChecked())
        self.practice_where.setText(say("run.practice_where", out=f"{out}{PRACTICE}"))
        hidden = self.blinded.isChecked()
        self.pairing.hide()  # until the choice has been looked at
        _row_visible(self._form, self.paired, visible=not hidden)
        self.paired_hidden.setVisible(hidden)
        self.helper.setVisible(self.rig.currentText().strip().startswith("sim"))

    # --- choosing

    def _browse_rig(self) -> None:
        pick_file(self, say("run.rig"), say("run.rig_files"), self.rig.setEditText)

    def _browse_protocol(self) -> None:
        pick_file(self, say("run.protocol"), "TOML (*.toml)", self.protocol.setEditText)

    def _browse_out(self) -> None:
        pick_folder(self, say("run.out"), self.out.setText, self.out.text())

    def put_rig(self, source: str) -> None:
        """A rig is in the list, and chosen."""
        if self.rig.findText(source) < 0:
            self.rig.insertItem(0, source)
        self.rig.setEditText(source)
        self._soon()

    def put_box(self, name: str) -> None:
        """A box is chosen."""
        _choose(self.box, name)

    def scan(self, text: str) -> None:
        """An animal's tag was read."""
        self.subject.setText(text)
        self.subject.setFocus()

    def _read_protocol(self) -> None:
        name = self.protocol.currentText().strip()
        try:
            self._protocol, _ = find_protocol(name)
        except (RigError, OSError):
            self._protocol = None  # the preflight lines say why
        before = self.phase.currentData()
        phases = [phase.name for phase in self._protocol.in_box] if self._protocol else []
        learn(phases)
        if phases != [self.phase.itemData(k) for k in range(self.phase.count())]:
            self.phase.clear()
            for name in phases:
                self.phase.addItem(named(name), name)
            self._choose_phase(before or "")
        self._make_parameters(dict(self._protocol.parameters) if self._protocol else {})

    def _choose_phase(self, name: str) -> None:
        if (at := self.phase.findData(name)) >= 0:
            self.phase.setCurrentIndex(at)

    def _make_parameters(self, parameters: dict[str, Value]) -> None:
        while self._parameters.rowCount():
            self._parameters.removeRow(0)
        self._values = {}
        for key, value in parameters.items():
            line = QLineEdit(str(value).lower() if isinstance(value, bool) else str(value))
            line.textChanged.connect(self._soon)
            line.textChanged.connect(self._show_parameters)
            self._parameters.addRow(key, line)
            self._values[key] = line
        self.more.setVisible(bool(parameters))
        self._show_parameters()

    def _show_parameters(self) -> None:
        shown = self.more.isChecked()
        self._parameter_box.setVisible(shown and bool(self._values))
        changed = len(self._assigned())
        key = "run.parameters_changed" if changed else "run.parameters"
        self.more.setText(f"{'▾' if shown else '▸'}  {say(key, n=len(self._values), m=changed)}")

    def put_value(self, key: str, value: str) -> None:
        """A parameter is given. Raises KeyError where the protocol has none of this name."""
        self._values[key].setText(value)

    def _assigned(self) -> list[str]:
        defaults = self._protocol.parameters if self._protocol else {}
        out = []
        for key, line in self._values.items():
            told = line.text().strip()
            usual = defaults[key]
            if told != (str(usual).lower() if isinstance(usual, bool) else str(usual)):
                out.append(f"{key}={told}")
        return out

    def wanted(self) -> Wanted:
        """What stands in the form."""
        paired = self.paired.currentData() if not self.blinded.isChecked() else None
        out = self.out.text().strip()
        rig = self.rig.currentText().strip()
        choice = Choice(
            name=self.protocol.currentText().strip(),
            subject=self.subject.text().strip(),
            rig=rig,
            out=Path(out).expanduser() if out else Path(),
            phase=self.phase.currentData() or None,
            box=self.box.currentText() or None,
            paired=paired or None,
            assigned=tuple(self._assigned()),
            operator=self.who,
        )
        by_hand = not (rig.startswith("sim") and self.helper.isChecked())
        return Wanted(choice, self.practice.isChecked(), self.blinded.isChecked(), by_hand)

    @property
    def who(self) -> str:
        """The person at the rig."""
        return self.operator.text().strip()

    def keep(self) -> None:
        """Remember what was chosen, for the next time. Never an animal."""
        wanted = self.wanted()
        self._remembered.put_first("rigs", wanted.choice.rig)
        self._remembered.put("protocol", wanted.choice.name)
        if wanted.choice.name not in library.names():
            self._remembered.put_first("protocols", wanted.choice.name)
        self._remembered.put("phase", wanted.choice.phase or "")
        self._remembered.put("out", str(wanted.choice.out))
        self._remembered.put("operator", wanted.choice.operator)

    def _work(self) -> None:
        """The first press asks, the second is the word that the box is empty."""
        self._sure = not self._sure
        self.work.setText(say("run.work_sure" if self._sure else "run.work"))
        if not self._sure:
            self.work_wanted.emit()

    def put_working(self, *, working: bool) -> None:
        """Doors and lights are being worked, or no longer."""
        self._sure = False
        self.work.setEnabled(not working)
        self.work.setText(say("run.working" if working else "run.work"))

    # --- told by the page

    def put_boxes(self, names: list[str], sides: list[str]) -> None:
        """The boxes of the rig, and the chambers of the chosen one that can be paired."""
        if names != [self.box.itemText(k) for k in range(self.box.count())]:
            before = self.box.currentText()
            self.box.clear()
            self.box.addItems(names)
            _choose(self.box, before)
        if sides != [self.paired.itemData(k) for k in range(1, self.paired.count())]:
            chosen = self.paired.currentData()
            self.paired.clear()
            self.paired.addItem(say("run.paired_none"), "")
            for side in sides:
                self.paired.addItem(side, side)
            self.paired.setCurrentIndex(max(0, self.paired.findData(chosen)))

    def put_checked(self, checked: Checked, *, starting: bool) -> None:
        """What stands against it, and whether it can be started."""
        for k, line in enumerate(checked.lines):
            if k < self.lines.count():
                item = self.lines.itemAt(k)
                shown = item.widget() if item is not None else None
            else:
                shown = label("", wrap=True)
                self.lines.addWidget(shown)
            assert shown is not None
            shown.setProperty("text", f"{SIGN[line.level]}  {breakable(line.text)}")
            set_role(shown, ROLE[line.level])
            shown.show()
        for k in range(len(checked.lines), self.lines.count()):
            item = self.lines.itemAt(k)
            spare = item.widget() if item is not None else None
            if spare is not None:
                spare.hide()
        self.work.setVisible(checked.works)
        newest = checked.wanted == self.wanted()
        self.start.setEnabled(checked.ready and newest and not starting)
        self.start.setText(say("run.starting" if starting else "run.start"))
        if newest:
            self.pairing.show_for(checked)

    def say_trouble(self, text: str) -> None:
        """Say what went wrong; empty: nothing did."""
        self.trouble.setText(text)
        self.trouble.setVisible(bool(text))
        if text:
            bar = self.rolled.verticalScrollBar()
            if bar is not None:
                bar.setValue(0)


def _combo(*, editable: bool = False) -> QComboBox:
    made = QComboBox()
    made.setEditable(editable)
    if editable:
        made.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    made.setMinimumContentsLength(8)
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return made


def _choose(combo: QComboBox, text: str) -> None:
    at = combo.findText(text)
    if at >= 0:
        combo.setCurrentIndex(at)
    elif combo.isEditable() and text:
        combo.setEditText(text)


def _beside(widget: QWidget, text: str, browse: Callable[[], None]) -> QWidget:
    both = QWidget()
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(widget, 1)
    more = QToolButton()
    more.setText("…")
    more.setStyleSheet("padding: 2px 8px; min-height: 1em;")
    more.setToolTip(text)
    more.clicked.connect(lambda: browse())
    row.addWidget(more)
    return both


def _row_visible(form: QFormLayout, field: QWidget, *, visible: bool) -> None:
    form.setRowVisible(field, visible)
