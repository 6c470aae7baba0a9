"""The page of a study's results. Nothing blinded is shown, or asked for, before the key is open."""

from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from gui.behind import Behind
from gui.browse import pick_folder
from gui.names import learn, spoken
from gui.page import Page, button, label, set_role
from gui.remembered import STUDIES, Remembered
from gui.results.animals_view import AnimalsView
from gui.results.blocks_view import BlocksView
from gui.results.charts_view import ChartsView
from gui.results.figures_view import FiguresView
from gui.results.hand_view import HandView
from gui.results.handing import Handing
from gui.texts import say
from gui.theme import Theme
from protocols.results import Conduct, Overview, conduct_of, keep_scores, overview
from rig.errors import ConfigError


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
        self.animals = AnimalsView()
        self.animals.wanted.connect(self._watch)
        self.animals.said.connect(self._say)
        self.blocks = BlocksView()
        self.charts = ChartsView()
        self.charts.wanted.connect(self._watch)
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
            ("animals", self.animals), ("figures", self.figures), ("conduct", self.blocks),
            ("charts", self.charts), ("hand", self.hand),
        ):  # fmt: skip
            self.tabs.addTab(made, say(f"results.tab_{key}"))
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addLayout(head)
        layout.addWidget(self.state)
        layout.addWidget(self.said)
        layout.addWidget(self.tabs, 1)

    # --- the page

    def enter(self) -> None:
        """The study may have grown since, or another one lies open now."""
        newest = self._remembered.newest_study()
        if newest and newest != self._followed:
            self._followed = newest
            self.folder.setText(newest)
        if self.folder.text():
            self.open_study(Path(self.folder.text()))
        self.animals.table.setFocus()

    def use_theme(self, theme: Theme) -> None:
        """Plots have colours of their own."""
        self.animals.use_theme(theme)
        self.charts.use_theme(theme)
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
        learn(found.phases)
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
        self.charts.put(found.charts)
        self.animals.put_tests(found.tests)

    # --- shown

    def _show(self) -> None:
        found = self.overview
        self.title.setText(found.folder.name if found is not None else "")
        self._show_busy()
        self.figures.put(found)
        self._say_state(found)
        self.animals.put(found)
        self.animals.put_tests(None if self.conduct is None else self.conduct.tests)
        if self.conduct is None:  # nothing of a study that was open before
            self.blocks.show_parts(())
            self.charts.put(())

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

    def _watch(self, folder: object) -> None:
        if self.overview is not None:
            self.watch.emit(self.overview.folder, folder)

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


def _why(error: Exception) -> str:
    if isinstance(error, ConfigError):
        told = f"{error.key}: {error.message}" if error.key else error.message
        return spoken(told)
    return spoken(str(error))
