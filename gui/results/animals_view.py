"""The animals with their scores: a table, the tests of the chosen one, and two plots beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QListWidget, QVBoxLayout, QWidget

from gui.page import label
from gui.results.plots import BeforeAfterPlot, ScorePlot
from gui.results.table import ReadTable
from gui.results.told import Rows, dots, rows_of, score_names
from gui.texts import say
from gui.theme import Theme
from protocols.figures.style import words
from protocols.results import Overview
from protocols.scores import POSTTEST, phase_order
from protocols.wording import named

HEADS = (
    "animal", "group", "score", "lowest", "highest", "before", "after", "flags", "sex", "box",
    "cage", "state", "cohort", "test", "length", "lost",
)  # fmt: skip


class AnimalsView(QWidget):
    """Shows what a study was scored as. `wanted(folder)`: a session; `said(role, text)`."""

    wanted = pyqtSignal(object)
    said = pyqtSignal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._found: Overview | None = None
        self._tests: Mapping[tuple[str, str], Path] | None = None
        self.shown: Rows | None = None
        self.score = QComboBox()
        self.score.setAccessibleName(say("results.score"))
        self.score.currentIndexChanged.connect(lambda _: self._show_scores())
        self.meant = label("", "muted", wrap=True)
        self.table = ReadTable(say("results.tab_animals"))
        self.table.wanted.connect(self._open_row)
        self.table.currentCellChanged.connect(lambda row, *_: self._row_chosen(row))
        self._hint = label(say("results.tests_hint"), "muted")
        self.tests = QListWidget()
        self.tests.setAccessibleName(say("results.tests"))
        self.tests.setMaximumHeight(120)
        self.tests.itemActivated.connect(lambda _: self._open_test())
        self.scores_plot, self.before_plot = ScorePlot(), BeforeAfterPlot()
        left = QVBoxLayout()
        left.addWidget(self.score)
        left.addWidget(self.meant)
        left.addWidget(self.table, 1)
        left.addWidget(self._hint)
        left.addWidget(self.tests)
        self._plots = QWidget()
        right = QVBoxLayout(self._plots)
        right.setContentsMargins(0, 0, 0, 0)
        for plot in (self.scores_plot, self.before_plot):
            plot.wanted.connect(self._open_subject)
            right.addWidget(plot, 1)
        across = QHBoxLayout(self)
        across.addLayout(left, 5)
        across.addWidget(self._plots, 4)

    def use_theme(self, theme: Theme) -> None:
        """Plots have colours of their own."""
        for plot in (self.scores_plot, self.before_plot):
            plot.use_theme(theme)

    def put(self, found: Overview | None) -> None:
        """Show a study's scores as last measured; None: no study."""
        self._found = found
        names = score_names(found) if found is not None else []
        if names != [self.score.itemData(k) for k in range(self.score.count())]:
            self._offer(names)
        self.score.setVisible(bool(names))
        self.meant.setVisible(bool(names))
        for one in (self.tests, self._hint):
            one.setVisible(bool(names) or (found is not None and found.scores is None))
        self._plots.setVisible(bool(names))
        self._show_scores()

    def put_tests(self, tests: Mapping[tuple[str, str], Path] | None) -> None:
        """The session of each test, by animal and phase; None: not read yet."""
        self._tests = tests
        self._row_chosen(self.table.currentRow())

    def _offer(self, names: Sequence[str]) -> None:
        """These scores, in words; what each is called in tables and what it is, in its tip."""
        self.score.blockSignals(True)
        self.score.clear()
        for k, name in enumerate(names):
            self.score.addItem(words(name), name)
            self.score.setItemData(k, _meaning(name), Qt.ItemDataRole.ToolTipRole)
        self.score.blockSignals(False)

    def _show_scores(self) -> None:
        if self._found is None:
            self.shown = None
            self.table.fill([], [])
            self.tests.clear()
            return
        score = str(self.score.currentData() or "")
        self.meant.setText(_meaning(score) if score else "")
        heads = {name: say(f"results.head_{name}") for name in HEADS}
        self.shown = rows_of(self._found, score, heads)
        self.table.fill(self.shown.head, self.shown.cells, self.shown.numbers)
        told = dots(self._found, score)
        for plot in (self.scores_plot, self.before_plot):
            plot.show_dots(told, score)
        self._row_chosen(self.table.currentRow())

    def _row_chosen(self, row: int) -> None:
        if self.shown is None or not 0 <= row < len(self.shown.subjects):
            return
        subject = self.shown.subjects[row]
        for plot in (self.scores_plot, self.before_plot):
            plot.choose(subject)
        before = self.tests.currentRow()
        self.tests.clear()
        self.tests.addItems([f"{subject}  {named(phase)}" for phase in self._phases(subject)])
        self.tests.setCurrentRow(min(max(before, 0), self.tests.count() - 1))

    def _phases(self, subject: str) -> list[str]:
        tests = self._tests or {}
        return sorted((phase for one, phase in tests if one == subject), key=phase_order)

    def _open_row(self, row: int) -> None:
        if self.shown is not None and 0 <= row < len(self.shown.subjects):
            self._open(self.shown.subjects[row], self.shown.phases[row])

    def _open_subject(self, subject: str) -> None:
        if self.shown is not None and subject in self.shown.subjects:
            self.table.setCurrentCell(list(self.shown.subjects).index(subject), 0)
        self._open(subject, "")

    def _open_test(self) -> None:
        row, at = self.table.currentRow(), self.tests.currentRow()
        if self.shown is None or row < 0 or at < 0:
            return
        subject = self.shown.subjects[row]
        self._open(subject, self._phases(subject)[at])

    def _open(self, subject: str, phase: str) -> None:
        """A test of an animal; without a phase its post-test, or the last that there is."""
        if self._tests is None:
            self.said.emit("muted", say("results.still_reading"))
            return
        phases = self._phases(subject)
        wanted = phase or (POSTTEST if POSTTEST in phases else phases[-1] if phases else "")
        folder = self._tests.get((subject, wanted))
        if folder is None:
            self.said.emit("warn", say("results.no_test", subject=subject))
        else:
            self.wanted.emit(folder)


def _meaning(score: str) -> str:
    """What a score is, and its name in tables and files."""
    return say("results.meaning", what=say(f"results.means_{score}"), name=score)
