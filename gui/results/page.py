"""The page of a study's results. Nothing blinded is shown, or asked for, before the key is open."""

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QProgressBar,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from gui.behind import Behind
from gui.browse import pick_folder
from gui.page import Page, button, label, set_role
from gui.remembered import STUDIES, Remembered
from gui.results.blocks_view import BlocksView
from gui.results.figures_view import FiguresView
from gui.results.hand_view import HandView
from gui.results.handing import Handing
from gui.results.plots import BeforeAfterPlot, ChartPlot, ScorePlot
from gui.results.table import ReadTable
from gui.results.told import Rows, dots, rows_of, score_names
from gui.texts import say
from gui.theme import Theme
from protocols.figures.style import words
from protocols.results import Conduct, Overview, Watched, conduct_of, keep_scores, overview
from protocols.scores import POSTTEST, phase_order
from rig.errors import ConfigError

HEADS = (
    "animal", "group", "score", "lowest", "highest", "before", "after", "flags", "sex", "box",
    "cage", "state", "cohort", "test", "length", "lost",
)  # fmt: skip


class ResultsPage(Page):
    """Shows one study. `watch(study, folder)` asks to see a session of it."""

    watch = pyqtSignal(object, object)

    def __init__(self, remembered: Remembered, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._remembered = remembered
        self._reading = Behind(self, newest_only=True)
        self._conducting = Behind(self, newest_only=True)
        self.overview: Overview | None = None
        self.conduct: Conduct | None = None
        self._rows: Rows | None = None
        self._followed = ""
        self._measuring: Overview | None = None
        self.handing = Handing(self)
        self.handing.began.connect(self._began)
        self.handing.told.connect(self._told)
        self.handing.measured.connect(self._measured)
        self.folder = QLineEdit()
        self.folder.setPlaceholderText(say("results.folder"))
        self.folder.setAccessibleName(say("results.folder"))
        self.folder.returnPressed.connect(lambda: self.open_study(Path(self.folder.text())))
        self.choose_button = button(say("results.choose"))
        self.choose_button.clicked.connect(self._choose)
        self.title, self.state = label("", "title"), label("", "muted", wrap=True)
        self.said = label("", "muted", wrap=True)
        self.measure_button = button(say("results.measure_again"), "main")
        self.measure_button.setToolTip(say("results.measure_help"))
        self.measure_button.clicked.connect(self.measure)
        QShortcut(QKeySequence("Ctrl+M"), self).activated.connect(self.measure)
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.hide()
        self.score = QComboBox()
        self.score.setAccessibleName(say("results.score"))
        self.score.currentIndexChanged.connect(lambda _: self._show_scores())
        self.meant = label("", "muted", wrap=True)
        self.table = ReadTable(say("results.tab_animals"))
        self.table.wanted.connect(self._open_row)
        self.table.currentCellChanged.connect(lambda row, *_: self._row_chosen(row))
        self.tests = QListWidget()
        self.tests.setAccessibleName(say("results.tests"))
        self.tests.setMaximumHeight(120)
        self.tests.itemActivated.connect(lambda _: self._open_test())
        self.scores_plot, self.before_plot = ScorePlot(), BeforeAfterPlot()
        for plot in (self.scores_plot, self.before_plot):
            plot.wanted.connect(self._open_subject)
        self.blocks = BlocksView()
        self.boxes = QComboBox()
        self.boxes.setAccessibleName(say("results.box"))
        self.boxes.currentTextChanged.connect(lambda _: self._show_charts())
        self.charts = [ChartPlot() for _ in range(3)]
        self._watched: list[Watched] = []
        for k, chart in enumerate(self.charts):
            chart.wanted.connect(lambda place, k=k: self._open_watched(k, place))
        self.odd = QListWidget()
        self.odd.setAccessibleName(say("results.odd"))
        self.odd.setMaximumHeight(110)
        self.odd.itemActivated.connect(lambda _: self._open_odd())
        self._odd: list[Path] = []
        self.hand = HandView(self.handing, self._say)
        self.figures = FiguresView()
        self.figures.wanted.connect(self.hand.report)
        self._lay_out()
        self._show()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.folder, 1)
        top.addWidget(self.choose_button)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.progress)
        head.addWidget(self.measure_button)
        self.tabs = QTabWidget()
        for key, made in (
            ("animals", self._animals()), ("figures", self.figures), ("conduct", self.blocks),
            ("charts", self._charts()), ("hand", self.hand),
        ):  # fmt: skip
            self.tabs.addTab(made, say(f"results.tab_{key}"))
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addLayout(head)
        layout.addWidget(self.state)
        layout.addWidget(self.said)
        layout.addWidget(self.tabs, 1)

    def _animals(self) -> QWidget:
        left = QVBoxLayout()
        left.addWidget(self.score)
        left.addWidget(self.meant)
        left.addWidget(self.table, 1)
        self._hint = label(say("results.tests_hint"), "muted")
        left.addWidget(self._hint)
        left.addWidget(self.tests)
        self._plots = QWidget()
        right = QVBoxLayout(self._plots)
        right.setContentsMargins(0, 0, 0, 0)
        right.addWidget(self.scores_plot, 1)
        right.addWidget(self.before_plot, 1)
        made = QWidget()
        across = QHBoxLayout(made)
        across.addLayout(left, 5)
        across.addWidget(self._plots, 4)
        return made

    def _charts(self) -> QWidget:
        made = QWidget()
        layout = QVBoxLayout(made)
        layout.addWidget(self.boxes)
        for chart in self.charts:
            layout.addWidget(chart, 1)
        layout.addWidget(label(say("results.odd"), "muted"))
        layout.addWidget(self.odd)
        return made

    # --- the page

    def enter(self) -> None:
        """The study may have grown since, or another one lies open now."""
        newest = self._remembered.newest_study()
        if newest and newest != self._followed:
            self._followed = newest
            self.folder.setText(newest)
        if self.folder.text():
            self.open_study(Path(self.folder.text()))
        self.table.setFocus()

    def use_theme(self, theme: Theme) -> None:
        """Plots have colours of their own."""
        for plot in (self.scores_plot, self.before_plot):
            plot.use_theme(theme)
        for chart in self.charts:
            chart.use_theme(theme)
        self.figures.use_theme(theme)

    def close_down(self) -> None:
        """Threads and processes end."""
        self._reading.close()
        self._conducting.close()
        self.handing.close()
        self.figures.close_down()

    def open_study(self, folder: Path) -> None:
        """Show a study as it stands."""
        self.folder.setText(str(folder))
        self._say("muted", say("results.reading"))
        self._reading.do(
            lambda: overview(folder), self._opened, lambda error: self._not_opened(folder, error)
        )

    def _opened(self, found: Overview) -> None:
        if self.overview is None or self.overview.folder != found.folder:
            self.conduct = None
        self.overview = found
        self._followed = str(found.folder)
        self._remembered.put_first(STUDIES, self._followed)
        self._say("muted", "")
        self._show()
        self._conducting.do(
            lambda: conduct_of(found.folder),
            lambda conduct: self._conducted(found.folder, conduct),
            lambda error: self._say("bad", say("results.no_conduct", why=_why(error))),
        )

    def _not_opened(self, folder: Path, error: Exception) -> None:
        self.overview, self.conduct = None, None
        self._show()
        self._say("bad", say("results.not_opened", folder=folder, why=_why(error)))

    def _conducted(self, folder: Path, found: Conduct) -> None:
        if self.overview is None or self.overview.folder != folder:
            return
        self.conduct = found
        self.blocks.show_parts(found.parts)
        before = self.boxes.currentText()
        self.boxes.clear()
        self.boxes.addItems(list(dict.fromkeys(one.box for one in found.charts)))
        if before:
            self.boxes.setCurrentText(before)
        self._show_charts()
        self._row_chosen(self.table.currentRow())

    # --- shown

    def _show(self) -> None:
        found = self.overview
        self.title.setText(found.folder.name if found is not None else "")
        names = score_names(found) if found is not None else []
        if names != [self.score.itemData(k) for k in range(self.score.count())]:
            self._offer(names)
        self.score.setVisible(bool(names))
        self.meant.setVisible(bool(names))
        for one in (self._plots, self.tests, self._hint):
            one.setVisible(bool(names) or (found is not None and found.scores is None))
        self._plots.setVisible(bool(names))
        self._show_busy()
        self.figures.put(found)
        self._say_state(found)
        self._show_scores()

    def _offer(self, names: Sequence[str]) -> None:
        """These scores, in words; what each is called in tables and what it is, in its tip."""
        self.score.blockSignals(True)
        self.score.clear()
        for k, name in enumerate(names):
            self.score.addItem(words(name), name)
            self.score.setItemData(k, _meaning(name), Qt.ItemDataRole.ToolTipRole)
        self.score.blockSignals(False)

    def _say_state(self, found: Overview | None) -> None:
        if found is None:
            self.state.setText(say("results.none"))
            return
        parts = [say("results.blinded" if found.blinded else "results.unblinded")]
        if found.scores is None:
            parts.append(say("results.never_measured"))
        else:
            parts.append(str(found.scores["rules"]["why"]).rstrip(".") + ".")
            if not found.current:
                parts.append(say("results.old"))
        set_role(self.state, "muted" if found.current or found.scores is None else "warn")
        self.state.setText(" ".join(part[:1].upper() + part[1:] for part in parts))

    def _show_scores(self) -> None:
        found = self.overview
        if found is None:
            self._rows = None
            self.table.fill([], [])
            self.tests.clear()
            return
        score = str(self.score.currentData() or "")
        self.meant.setText(_meaning(score) if score else "")
        heads = {name: say(f"results.head_{name}") for name in HEADS}
        self._rows = rows_of(found, score, heads)
        self.table.fill(self._rows.head, self._rows.cells, self._rows.numbers)
        told = dots(found, score)
        for plot in (self.scores_plot, self.before_plot):
            plot.show_dots(told, score)
        self._row_chosen(self.table.currentRow())

    def _row_chosen(self, row: int) -> None:
        if self._rows is None or not 0 <= row < len(self._rows.subjects):
            return
        subject = self._rows.subjects[row]
        for plot in (self.scores_plot, self.before_plot):
            plot.choose(subject)
        before = self.tests.currentRow()
        self.tests.clear()
        self.tests.addItems([f"{subject}  {words(phase)}" for phase in self._phases(subject)])
        self.tests.setCurrentRow(min(max(before, 0), self.tests.count() - 1))

    def _phases(self, subject: str) -> list[str]:
        tests = {} if self.conduct is None else self.conduct.tests
        return sorted((phase for one, phase in tests if one == subject), key=phase_order)

    def _show_charts(self) -> None:
        found = self.conduct
        box = self.boxes.currentText()
        self._watched = [] if found is None else [one for one in found.charts if one.box == box]
        self.odd.clear()
        self._odd = []
        for k, chart in enumerate(self.charts):
            watched = self._watched[k] if k < len(self._watched) else None
            chart.show_chart(watched)
            if watched is None:
                continue
            for kind, places in (("beyond", watched.chart.beyond), ("shifted",
                                  watched.chart.shifted)):  # fmt: skip
                for place in places:
                    value = f"{watched.chart.values[place]:.1f}"
                    what = say(f"results.chart_{watched.what}")
                    name = watched.names[place]
                    self.odd.addItem(say(f"results.{kind}", name=name, what=what, value=value))
                    self._odd.append(watched.folders[place])

    # --- opening a session

    def _open_row(self, row: int) -> None:
        if self._rows is not None and 0 <= row < len(self._rows.subjects):
            self._open(self._rows.subjects[row], self._rows.phases[row])

    def _open_subject(self, subject: str) -> None:
        if self._rows is not None and subject in self._rows.subjects:
            self.table.setCurrentCell(list(self._rows.subjects).index(subject), 0)
        self._open(subject, "")

    def _open_test(self) -> None:
        row, at = self.table.currentRow(), self.tests.currentRow()
        if self._rows is None or row < 0 or at < 0:
            return
        subject = self._rows.subjects[row]
        self._open(subject, self._phases(subject)[at])

    def _open(self, subject: str, phase: str) -> None:
        """A test of an animal; without a phase its post-test, or the last that there is."""
        if self.overview is None:
            return
        if self.conduct is None:
            self._say("muted", say("results.still_reading"))
            return
        phases = self._phases(subject)
        wanted = phase or (POSTTEST if POSTTEST in phases else phases[-1] if phases else "")
        folder = self.conduct.tests.get((subject, wanted))
        if folder is None:
            self._say("warn", say("results.no_test", subject=subject))
        else:
            self.watch.emit(self.overview.folder, folder)

    def _open_watched(self, k: int, place: int) -> None:
        if self.overview is not None:
            self.watch.emit(self.overview.folder, self._watched[k].folders[place])

    def _open_odd(self) -> None:
        row = self.odd.currentRow()
        if self.overview is not None and 0 <= row < len(self._odd):
            self.watch.emit(self.overview.folder, self._odd[row])

    # --- measured, reported, handed on

    def measure(self) -> None:
        """Measure and score all animals, in a process of its own."""
        if self.overview is not None and not self.handing.busy:
            self._measuring = self.overview
            self.handing.measure(self.overview.folder)

    def _began(self, what: str) -> None:
        self.progress.show()
        self._say("muted", say("results.began", what=say(f"results.{what}")))
        self._show_busy()

    def _measured(self, output: str) -> None:
        of, self._measuring = self._measuring, None
        self.progress.hide()
        if of is None:
            return
        self._reading.do(
            lambda: (keep_scores(of.folder, of.made_of, output), overview(of.folder))[1],
            self._opened,
            lambda error: self._say("bad", _why(error)),
        )

    def _told(self, role: str, text: str, path: str) -> None:
        self._measuring = None
        self.progress.hide()
        self._say(role, text)
        if path:
            self.hand.wrote(path)
        self.figures.put(self.overview)
        self._show_busy()

    def _show_busy(self) -> None:
        self.measure_button.setEnabled(self.overview is not None and not self.handing.busy)
        self.hand.put(self.overview)

    def _choose(self) -> None:
        title = say("results.choose")
        pick_folder(
            self, title, lambda name: self.open_study(Path(name)), self.folder.text()
        )  # fmt: skip

    def _say(self, role: str, text: str) -> None:
        set_role(self.said, role)
        self.said.setText(text)


def _meaning(score: str) -> str:
    """What a score is, and its name in tables and files."""
    return say("results.meaning", what=say(f"results.means_{score}"), name=score)


def _why(error: Exception) -> str:
    if isinstance(error, ConfigError):
        return f"{error.key}: {error.message}" if error.key else error.message
    return str(error)
