"""A new study, step by step: protocol, rules, who holds the key; and all of it in plain words."""

from pathlib import Path

from PyQt6.QtCore import QTimer, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gui.browse import pick_folder
from gui.names import learn, spoken
from gui.page import button, label, set_role
from gui.run.words import breakable
from gui.study.desk import StudyDesk, words_of
from gui.texts import say
from protocols import library
from protocols.study.drafting import Draft, begin, folder_name, in_words, lacking

STEPS = ("protocol", "rules", "key")
HOLDERS = 2
SETTLE_MS = 300


class NewPanel(QWidget):
    """`begun(folder)`: the study is there. What is typed is forgotten then."""

    begun = pyqtSignal(str)

    def __init__(self, desk: StudyDesk) -> None:
        super().__init__()
        self._desk = desk
        self._newest = 0
        self._there = ""  # the study that was begun, while its recovery words are shown
        self.values: dict[str, QLineEdit] = {}
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._describe)
        self._build()
        self._read_protocol()

    # --- made once

    def _build(self) -> None:
        self.head = label("", "title")
        self.explained = label("", "muted", wrap=True)
        self.protocol = QComboBox()
        self.protocol.addItems(library.names())
        self.protocol.setEditable(True)
        self.protocol.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.protocol.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.summary = label("", wrap=True)
        self.name = QLineEdit()
        self.folder = QLineEdit(str(Path.home() / "placepref"))
        self.browse = button(say("study.open"))
        self.browse.clicked.connect(
            lambda: pick_folder(self, say("study.new_in"), self.folder.setText)
        )
        self.more = QPlainTextEdit()
        self.more.setTabChangesFocus(True)
        self.more.setPlaceholderText(say("study.more_hint"))
        self.owner = QLineEdit()
        self.holders = [(QLineEdit(), _secret()) for _ in range(HOLDERS)]
        self.sheet = QCheckBox(say("study.sheet"))
        self.preparer = (QLineEdit(), _secret())
        self._parameters = QFormLayout()
        self.steps = QStackedWidget()
        for make in (self._step_protocol, self._step_rules, self._step_key):
            self.steps.addWidget(make())
        self.words = QPlainTextEdit()
        self.words.setReadOnly(True)
        self.words.setTabChangesFocus(True)
        self.words.setAccessibleName(say("study.in_words"))
        self.said = label("", wrap=True)
        self.said.hide()
        self.back = button(say("study.step_back"))
        self.back.clicked.connect(lambda: self.turn(self.step - 1))
        self.on = button("", "main")
        self.on.clicked.connect(self.go_on)
        row = QHBoxLayout()
        row.addWidget(self.back)
        row.addWidget(self.on, 1)
        left = QVBoxLayout()
        for one in (self.head, self.explained, self.steps):
            left.addWidget(one)
        left.addStretch(1)
        left.addWidget(self.said)
        left.addLayout(row)
        right = QVBoxLayout()
        right.addWidget(label(say("study.in_words"), "title"))
        right.addWidget(self.words, 1)
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 4, 0, 0)
        across.addLayout(left, 1)
        across.addLayout(right, 1)
        self.protocol.currentTextChanged.connect(self._read_protocol)
        self.name.textChanged.connect(self._soon)
        self.more.textChanged.connect(self._soon)
        for field in (
            self.name,
            self.folder,
            self.owner,
            *(f for pair in self.holders for f in pair),
        ):
            field.returnPressed.connect(self.go_on)
        self.setFocusProxy(self.protocol)
        self.turn(0)

    def _step_protocol(self) -> QWidget:
        return _formed(("protocol", self.protocol), ("", self.summary))

    def _step_rules(self) -> QWidget:
        where = QWidget()
        row = QHBoxLayout(where)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.folder, 1)
        row.addWidget(self.browse)
        parameters = QWidget()
        parameters.setLayout(self._parameters)
        self._parameters.setContentsMargins(0, 0, 0, 0)
        return _formed(
            ("study_name", self.name),
            ("new_in", where),
            ("decide", parameters),
            ("more_rules", self.more),
        )

    def _step_key(self) -> QWidget:
        pairs = [*self.holders, self.preparer]
        rows: list[tuple[str, QWidget]] = [("owner", self.owner)]
        for number, (name, words) in enumerate(pairs):
            key = "preparer" if number == len(self.holders) else "key_holder"
            both = QWidget()
            row = QHBoxLayout(both)
            row.setContentsMargins(0, 0, 0, 0)
            name.setPlaceholderText(say("study.name"))
            words.setPlaceholderText(say("study.passphrase"))
            name.setAccessibleName(f"{say(f'study.{key}')} {number + 1}")
            words.setAccessibleName(f"{say('study.passphrase')} {number + 1}")
            row.addWidget(name, 1)
            row.addWidget(words, 2)
            rows.append((key, both))
        return _formed(*rows, ("", self.sheet))

    # --- steps

    @property
    def step(self) -> int:
        """Which step is seen, from 0."""
        return self.steps.currentIndex()

    def turn(self, step: int) -> None:
        """Go to a step."""
        self.steps.setCurrentIndex(step)
        name = STEPS[step]
        self.head.setText(
            say("study.step", n=step + 1, of=len(STEPS), what=say(f"study.step_{name}"))
        )
        self.explained.setText(say(f"study.step_{name}_explained"))
        self.back.setVisible(step > 0)
        last = step == len(STEPS) - 1
        self.on.setText(say("study.begin_study" if last else "study.step_on"))
        first = {"protocol": self.protocol, "rules": self.name, "key": self.owner}[name]
        first.setFocus()

    def go_on(self) -> None:
        """The next step; after the last one the study is begun."""
        if self.step < len(STEPS) - 1:
            self.turn(self.step + 1)
            return
        if self._there:  # the recovery words were shown, and are gone now
            folder, self._there = self._there, ""
            self._leave(folder)
            return
        draft = self.draft()
        self.on.setEnabled(False)
        self._say(say("study.working"))

        def there(sheet: str | None) -> None:
            self.on.setEnabled(True)
            self.forget()
            folder = str(draft.folder)
            if not sheet:
                self._leave(folder)
                return
            self._there = folder
            self.on.setText(say("study.go_on"))
            self._say(say("study.begun_sheet", words=sheet, folder=folder))

        def failed(error: Exception) -> None:
            self.on.setEnabled(True)
            self._say(words_of(error), wrong=True)

        self._desk.do(lambda: begin(draft), there, failed)

    def _leave(self, folder: str) -> None:
        """On to the study that was begun; the form is for the next one."""
        for field in (self.name, self.owner, *(name for name, _ in (*self.holders, self.preparer))):
            field.clear()
        self.forget()
        self.turn(0)
        self.begun.emit(folder)

    def draft(self) -> Draft:
        """What stands in the form."""
        name = self.name.text().strip()
        preparer, words = (field.text() for field in self.preparer)
        return Draft(
            Path(self.folder.text().strip()).expanduser() / folder_name(name),
            name,
            self.protocol.currentText().strip(),
            self.owner.text().strip(),
            {
                key: field.text().strip()
                for key, field in self.values.items()
                if field.text().strip()
            },
            self.more.toPlainText(),
            {n.text().strip(): w.text() for n, w in self.holders if n.text().strip()},
            {preparer.strip(): words} if preparer.strip() else {},
            self.sheet.isChecked(),
        )

    def forget(self) -> None:
        """Passphrases, and what tells groups, are on the screen no more."""
        for _, words in (*self.holders, self.preparer):
            words.clear()
        self.words.clear()
        self.said.hide()

    # --- in plain words

    def _read_protocol(self) -> None:
        while self._parameters.rowCount():
            self._parameters.removeRow(0)
        self.values = {}
        try:
            wanted = lacking(self.protocol.currentText().strip())
        except Exception as error:
            self.summary.setText(words_of(error))
            return
        learn(wanted.phases)
        self.summary.setText(breakable(wanted.summary))
        for key, why in wanted.required.items():
            field = QLineEdit()
            field.setPlaceholderText(why)
            field.setToolTip(why)
            field.setAccessibleName(key)
            field.textChanged.connect(self._soon)
            self.values[key] = field
            self._parameters.addRow(key, field)
        if not self.values:
            self._parameters.addRow(label(say("study.nothing_to_decide"), "muted"))
        self._soon()

    def _soon(self) -> None:
        self._settle.start()

    def _describe(self) -> None:
        if not self.isVisible():
            return
        draft = self.draft()
        self._newest += 1
        number = self._newest

        def known(parts: list[tuple[str, list[str]]]) -> None:
            if number == self._newest:
                lines = [f"{head}\n  " + "\n  ".join(said) for head, said in parts]
                self.words.setPlainText(spoken("\n\n".join(lines)))

        def failed(error: Exception) -> None:
            if number == self._newest:
                self.words.setPlainText(say("study.not_yet", why=words_of(error)))

        self._desk.do(lambda: in_words(draft), known, failed)

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.said.setText(breakable(text))
        set_role(self.said, "bad" if wrong else "good")
        self.said.show()


def _secret() -> QLineEdit:
    made = QLineEdit()
    made.setEchoMode(QLineEdit.EchoMode.Password)
    return made


def _formed(*rows: tuple[str, QWidget]) -> QWidget:
    inside = QWidget()
    form = QFormLayout(inside)
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    for key, field in rows:
        if key:
            form.addRow(say(f"study.{key}"), field)
            if not field.accessibleName():
                field.setAccessibleName(say(f"study.{key}"))
        else:
            form.addRow(field)
    return inside
