"""The draw: its balance is seen by the owner before it is kept; then all sessions are planned."""

from datetime import date

from PyQt6.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui.page import button, card, label, set_role
from gui.run.words import breakable
from gui.study.desk import StudyDesk, words_of
from gui.study.rows import Cell, Rows, table
from gui.texts import say
from protocols.study import (
    Allocated,
    Proposed,
    Study,
    allocate_cohort,
    pretests_of,
    propose_cohort,
    seal_sessions,
    status,
)


class DrawPanel(QWidget):
    """For owners. Groups stand in it as counts alone, and no longer than the owner looks."""

    def __init__(self, desk: StudyDesk) -> None:
        super().__init__()
        self._desk = desk
        self._proposed: Proposed | None = None
        self.stands = label("", wrap=True)
        self.over_gate = QLineEdit()
        self.holder = QLineEdit()
        self.words = QLineEdit()
        self.words.setEchoMode(QLineEdit.EchoMode.Password)
        self.begin = QLineEdit()
        self.begin.setPlaceholderText(say("study.start_hint"))
        form = QFormLayout()
        for key, field in (
            ("over_gate", self.over_gate),
            ("holder", self.holder),
            ("passphrase", self.words),
            ("begin", self.begin),
        ):
            field.setAccessibleName(say(f"study.{key}"))
            form.addRow(say(f"study.{key}"), field)
        inside = QWidget()
        inside.setLayout(form)
        self.look = button(say("study.draw_look"), "main")
        self.look.clicked.connect(self.draw)
        self.keep_it = button(say("study.draw_keep"), "main")
        self.keep_it.clicked.connect(self.keep)
        self.seal_it = button(say("study.seal_do"), "main")
        self.seal_it.clicked.connect(self.seal)
        self.rows = Rows(self)
        self.table = table(self.rows, say("study.balance"))
        self.told = label("", wrap=True)
        self.said = label("", wrap=True)
        self.said.hide()
        left = QVBoxLayout()
        left.addWidget(label(say("study.draw_title"), "title"))
        left.addWidget(self.stands)
        left.addWidget(card(inside))
        for number, made in enumerate((self.look, self.keep_it, self.seal_it), 1):
            left.addWidget(label(say(f"study.draw_step{number}"), "muted", wrap=True))
            left.addWidget(made)
        left.addWidget(self.said)
        left.addStretch(1)
        right = QVBoxLayout()
        right.addWidget(label(say("study.balance"), "title"))
        right.addWidget(label(say("study.balance_explained"), "muted", wrap=True))
        right.addWidget(self.table, 1)
        right.addWidget(self.told)
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 4, 0, 0)
        across.addLayout(left, 2)
        across.addLayout(right, 3)
        self.forget()

    def read(self) -> None:
        """How far the study is."""
        self._desk.ask(status, self._stand)

    def _stand(self, told: dict[str, object]) -> None:
        kept, holders = told["allocations"], told["holders"]
        assert isinstance(kept, list)
        assert isinstance(holders, list)
        drawn = sum(int(one["animals"]) for one in kept)
        self.stands.setText(
            say("study.drawn", n=drawn, cohorts=len(kept), holders=", ".join(map(str, holders)))
        )

    def forget(self) -> None:
        """What was drawn and not kept, its balance, and what was typed go."""
        self._proposed = None
        self.words.clear()
        self.rows.put([], [])
        self.told.setText("")
        self.said.hide()
        self._enable()

    def _enable(self) -> None:
        owner = self._desk.person is not None and self._desk.person.may("owner")
        self.look.setEnabled(owner)
        self.seal_it.setEnabled(owner)
        self.keep_it.setEnabled(owner and self._proposed is not None)
        if not owner:
            self._say(say("study.owner_only"), wrong=True)

    def _holder(self) -> tuple[str, str] | None:
        name, words = self.holder.text().strip(), self.words.text()
        return (name, words) if name and words else None

    def draw(self) -> None:
        """Draw, and show the balance. Nothing is kept."""
        person, gate, holder = self._by(), self.over_gate.text().strip(), self._holder()
        if not person:
            return

        def work(study: Study) -> Proposed:
            return propose_cohort(study, person, pretests_of(study), holder, gate)

        self._busy()
        self._desk.ask(work, self._drawn, self._failed)

    def _drawn(self, made: Proposed) -> None:
        self._proposed = made
        self._show(made.told)
        self._enable()
        self._say(say("study.drawn_look", sha=made.told.sha256[:12]))

    def keep(self) -> None:
        """Keep what was drawn, as it is."""
        person, gate, made = self._by(), self.over_gate.text().strip(), self._proposed
        if not person or made is None:
            return

        def work(study: Study) -> Allocated:
            return allocate_cohort(study, person, pretests_of(study), None, gate, proposed=made)

        def kept(told: Allocated) -> None:
            self._proposed = None
            self._enable()
            self._say(say("study.kept", n=told.animals, sha=told.sha256))
            self._desk.changed.emit()

        self._busy()
        self._desk.ask(work, kept, self._failed)

    def seal(self) -> None:
        """Plan all sessions, with a label and a volume for each injection."""
        person, holder = self._by(), self._holder()
        if not person:
            return
        if holder is None:
            self._say(say("study.seal_holder"), wrong=True)
            return
        try:
            text = self.begin.text().strip()
            day = date.fromisoformat(text) if text else date.today()
        except ValueError:
            self._say(say("study.start_wrong", text=self.begin.text()), wrong=True)
            return

        def sealed(labels: int) -> None:
            self._enable()
            self._say(say("study.sealed", n=labels))
            self._desk.changed.emit()

        self._busy()
        self._desk.ask(
            lambda study: seal_sessions(study, person, holder, day), sealed, self._failed
        )
        self.words.clear()

    def _busy(self) -> None:
        for one in (self.look, self.keep_it, self.seal_it):
            one.setEnabled(False)
        self._say(say("study.working"))

    def _by(self) -> str:
        person = self._desk.person
        if person is None or not person.may("owner"):
            self._say(say("study.owner_only"), wrong=True)
            return ""
        return person.name

    def _show(self, told: Allocated) -> None:
        heads = list(told.balance[0]) if told.balance else []
        shown = [say("study.head_what") if name == "what" else name for name in heads]
        self.rows.put(shown, [[Cell(row.get(name, "")) for name in heads] for row in told.balance])
        self.table.setColumnWidth(0, 260)
        unmet = [one for one in told.checks if not one.met]
        lines = [say("study.gate", why=told.verdict.why)]
        lines += [
            say("study.excluded", animal=one.animal, rule=one.rule, value=f"{one.value:.3g}")
            for one in told.excluded
        ]
        lines += [say("study.unmet", key=one.key, worst=f"{one.worst:g}") for one in unmet]
        if not unmet:
            lines.append(say("study.all_met", n=len(told.checks)))
        self.told.setText(breakable("\n".join(lines)))

    def _failed(self, error: Exception) -> None:
        self._enable()
        self._say(words_of(error), wrong=True)

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.said.setText(breakable(text))
        set_role(self.said, "bad" if wrong else "good")
        self.said.show()
