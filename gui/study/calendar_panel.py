"""The days of every animal: done, due, late, to come; a first day given, days shifted."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial

from PyQt6.QtCore import QItemSelectionModel, QModelIndex
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from gui.names import spoken
from gui.page import button, label, set_role
from gui.run.words import breakable
from gui.study.bar import on_enter
from gui.study.desk import StudyDesk, words_of
from gui.study.rows import Cell, Rows, table
from gui.texts import say
from protocols.study import Study, scheduling, shifting
from protocols.study.calendar import Entry, Row, calendar
from protocols.study.second import Kept, Safety, kept_of, lines_of
from protocols.wording import named

SIGNS = {
    "done": "✓", "due": "●", "late": "!", "running": "▶", "aborted": "✗", "failed": "✗",
    "planned": "", "undated": "?",
}  # fmt: skip
ROLES = {
    "done": "good", "due": "warn", "late": "bad", "running": "accent", "aborted": "bad",
    "failed": "bad", "undated": "muted",
}  # fmt: skip


TIMES = "\N{MULTIPLICATION SIGN}"
PLACES = {Safety.TWO: f"2{TIMES}", Safety.WAITS: f"1{TIMES}", Safety.ONE: ""}
"""In how many places a recording lies; nothing where only one is meant."""


class CalendarPanel(QWidget):
    """A row an animal, a column a phase. Rows that are chosen are what is shifted."""

    def __init__(self, desk: StudyDesk) -> None:
        super().__init__()
        self._desk = desk
        self.now: Callable[[], datetime] = lambda: datetime.now().astimezone()
        self._animals: list[str] = []
        self._days: list[Row] = []
        self._kept: Kept | None = None
        desk.opened.connect(self._another)
        self.counted = label("", wrap=True)
        self.cohort = QComboBox()
        self.cohort.setAccessibleName(say("study.choose_cohort"))
        self.cohort.activated.connect(self.choose_cohort)
        self.cohort.hide()
        self.rows = Rows(self)
        self.table = table(self.rows, say("study.calendar"), several=True)
        self.kept = label("", "muted", wrap=True)
        self.legend = label(say("study.legend"), "muted", wrap=True)
        self.start = QLineEdit()
        self.start.setPlaceholderText(say("study.start_hint"))
        self.start.setAccessibleName(say("study.start"))
        on_enter(self.start, self.give_days)
        self.give = button(say("study.start_do"))
        self.give.clicked.connect(self.give_days)
        self.days = QSpinBox()
        self.days.setRange(-99, 99)
        self.days.setValue(1)
        self.days.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.days.setAccessibleName(say("study.shift_days"))
        self.days.setSuffix(say("study.days"))
        self.reason = QLineEdit()
        self.reason.setPlaceholderText(say("study.shift_reason"))
        self.reason.setAccessibleName(say("study.shift_reason"))
        on_enter(self.reason, self.shift)
        self.move_them = button(say("study.shift_do"))
        self.move_them.clicked.connect(self.shift)
        self.said = label("", wrap=True)
        self.said.hide()
        row = QHBoxLayout()
        row.addWidget(label(say("study.start"), "muted"))
        row.addWidget(self.start, 1)
        row.addWidget(self.give)
        row.addSpacing(24)
        row.addWidget(label(say("study.shift"), "muted"))
        row.addWidget(self.days)
        row.addWidget(self.reason, 2)
        row.addWidget(self.move_them)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 4, 0, 0)
        above = QHBoxLayout()
        above.addWidget(self.counted, 1)
        above.addWidget(self.cohort)
        whole.addLayout(above)
        for one in (self.kept, self.table, self.legend):
            whole.addWidget(one)
        whole.addLayout(row)
        whole.addWidget(self.said)

    def read(self) -> None:
        """The days as they are now, and then in how many places what was recorded lies."""
        now = self.now()
        self._desk.ask(lambda study: calendar(study, now), self._show)
        self._desk.ask(kept_of, self._show_kept)

    def _another(self) -> None:
        self._kept = None
        self.kept.setText("")

    def _show(self, days: list[Row]) -> None:
        self._animals, self._days = [one.animal for one in days], days
        phases = list(dict.fromkeys(e.phase for one in days for e in one.entries))
        first = {e.phase: e.day for one in reversed(days) for e in one.entries if e.day}
        phases.sort(key=lambda name: first.get(name, "9"))
        heads = [say(f"study.head_{name}") for name in ("animal", "cohort", "box", "status")]
        found = {} if self._kept is None else self._kept.found
        self.rows.put([*heads, *map(named, phases)], [_row(one, phases, found) for one in days])
        widths = (96, 72, 64, 90, *(max(116, 26 + 9 * len(named(name))) for name in phases))
        for column, px in enumerate(widths):
            self.table.setColumnWidth(column, px)
        self._offer_cohorts(sorted({one.cohort for one in days}))
        counts = {key: sum(one.count(key) for one in days) for key in ("done", "due", "late")}
        self.counted.setText(say("study.counted", animals=len(days), **counts))

    def _show_kept(self, kept: Kept) -> None:
        waits = kept.away or any(one is Safety.WAITS for one in kept.found.values())
        told, more = lines_of(kept.found, kept.place, away=kept.away), 2 if kept.away else 1
        line = "; ".join(told[:more])
        self.kept.setText(breakable(f"{line[:1].upper()}{line[1:]}."))
        self.kept.setToolTip(kept.place)
        set_role(self.kept, "warn" if waits else "muted" if not kept.place else "good")
        if self._kept is None or kept.found != self._kept.found:
            self._kept = kept
            self._show(self._days)

    def _offer_cohorts(self, cohorts: list[int]) -> None:
        """Cohorts to choose the rows of, where there are several."""
        self.table.setColumnHidden(1, len(cohorts) < 2)
        self.cohort.setVisible(len(cohorts) > 1)
        if cohorts == [self.cohort.itemData(k) for k in range(1, self.cohort.count())]:
            return
        self.cohort.clear()
        self.cohort.addItem(say("study.choose_cohort"), None)
        for number in cohorts:
            self.cohort.addItem(say("study.cohort", n=number), number)

    def choose_cohort(self) -> None:
        """Choose the rows of a cohort, or none."""
        model = self.table.selectionModel()
        if model is None:
            return
        model.clearSelection()
        whole_row = (
            QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        )
        for row, one in enumerate(self._days):
            if one.cohort == self.cohort.currentData():
                model.select(self.rows.index(row, 0), whole_row)

    def chosen(self) -> list[str]:
        """The animals whose rows are chosen; all of them where none is."""
        model = self.table.selectionModel()
        rows: list[QModelIndex] = model.selectedRows() if model is not None else []
        return [self._animals[index.row()] for index in rows]

    def give_days(self) -> None:
        """Give the chosen animals, or all without days, their first day."""
        person = self._desk.person
        if person is None:
            self._say(say("today.who_first"), wrong=True)
            return
        try:
            first = date.fromisoformat(self.start.text().strip() or f"{self.now():%Y-%m-%d}")
        except ValueError:
            self._say(say("study.start_wrong", text=self.start.text()), wrong=True)
            return
        animals = self.chosen()

        def given(names: list[str]) -> None:
            self._say(say("study.started", n=len(names), day=first))
            self._desk.changed.emit()

        self._desk.ask(
            lambda study: scheduling.set_start(study, first, person.name, animals),
            given,
            self._failed,
        )

    def shift(self) -> None:
        """Move the chosen animals' days, or of all that have something planned."""
        person, days, reason = self._desk.person, self.days.value(), self.reason.text().strip()
        if person is None:
            self._say(say("today.who_first"), wrong=True)
            return
        if not reason:
            self._say(say("study.shift_why"), wrong=True)
            self.reason.setFocus()
            return
        animals = self.chosen()
        if not animals:
            self._say(say("study.shift_whom"), wrong=True)
            return

        def work(study: Study) -> tuple[int, list[str]]:
            moved = shifting.shift(study, animals, days, person.name, reason)
            return len(moved), shifting.broken_intervals(study)

        def moved(told: tuple[int, list[str]]) -> None:
            number, broken = told
            self.reason.clear()
            key = "study.shifted_broken" if broken else "study.shifted"
            self._say(say(key, n=number, broken=spoken("; ".join(broken))), wrong=bool(broken))
            self._desk.changed.emit()

        self._desk.ask(work, moved, self._failed)

    def _failed(self, error: Exception) -> None:
        self._say(words_of(error), wrong=True)

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.said.setText(breakable(text))
        set_role(self.said, "bad" if wrong else "good")
        self.said.show()


def _row(one: Row, phases: list[str], kept: Mapping[str, Safety]) -> list[Cell]:
    attempts: dict[str, list[Entry]] = {}
    for entry in sorted(one.entries, key=lambda entry: entry.attempt):
        attempts.setdefault(entry.phase, []).append(entry)
    out = [
        Cell(one.animal),
        Cell(str(one.cohort)),
        Cell(one.box),
        Cell(one.status, "" if one.status == "active" else "muted"),
    ]
    return out + [_cell(attempts.get(phase, []), kept) for phase in phases]


def _cell(attempts: Sequence[Entry], kept: Mapping[str, Safety]) -> Cell:
    """The last attempt; in how many places that one of them lies that lies in the fewest."""
    if not attempts:
        return Cell("")
    entry = attempts[-1]
    day = entry.day[5:] if entry.day else ""
    safe = {one.attempt: kept[one.folder] for one in attempts if one.folder in kept}
    found = set(safe.values())
    safety = next((one for one in (Safety.ONE, Safety.WAITS, Safety.TWO) if one in found), None)
    text = f"{SIGNS.get(entry.stands, '')} {day} {PLACES[safety] if safety else ''}".strip()
    if entry.deviations:
        text += f"  *{entry.deviations}"
    if entry.attempt > 1:
        text += f"  ({entry.attempt})"
    return Cell(text, ROLES.get(entry.stands, ""), partial(_tip, entry, safe))


def _tip(entry: Entry, safe: Mapping[int, Safety]) -> str:
    """What a cell means, in words: made when somebody asks, for there are some thousand cells."""
    tip = say(f"study.stands_{entry.stands}", day=entry.day)
    tip += say("study.moved", day=entry.moved) if entry.moved else ""
    tip += say("study.deviations", n=entry.deviations) if entry.deviations else ""
    for attempt, where in safe.items():
        before = say("study.attempt", n=attempt) if attempt != entry.attempt else ""
        tip += f"; {before}{where}"
    return tip
