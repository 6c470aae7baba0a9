"""The main window, and the application it lives in."""

import logging
import os
import sys
import threading
from collections.abc import MutableMapping, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, cast

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QApplication,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMainWindow,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.log import LogPage, catch_unforeseen, keep_log
from gui.page import LaterPage, Page
from gui.remembered import Remembered
from gui.result.page import ResultPage
from gui.run.grid import Key
from gui.run.page import RunPage
from gui.setup.page import SetupPage
from gui.setup.provisional import remove_abandoned
from gui.texts import say
from gui.theme import Theme, sheet
from gui.watch import Stations
from protocols.asking import is_study
from rig.scheduling import yield_to_others

if TYPE_CHECKING:
    from gui.results.page import ResultsPage
    from gui.review.page import ReviewPage
    from gui.study.desk import StudyDesk
    from gui.study.page import StudyPage
    from gui.today.page import TodayPage

CV2_QT_VARIABLES = ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")
KEYS = {
    "run": "F2",
    "setup": "F3",
    "result": "F4",
    "log": "F5",
    "today": "Shift+F3",
    "study": "Shift+F2",
    "review": "Shift+F4",
    "results": "Shift+F5",
}
"""Which key shows which page: F6 to F12 mean something at the rig."""
NEXT_THEME = {Theme.LIGHT: Theme.DARK, Theme.DARK: Theme.RED, Theme.RED: Theme.LIGHT}


class MainWindow(QMainWindow):
    """The one window of placepref. Creating it changes nothing; `show()` opens it."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle(say("window.title"))
        self.remembered = Remembered()
        self.stations = Stations()
        self.run_page = RunPage(self.stations, self.remembered)
        self.setup_page = SetupPage(self.stations, self.remembered)
        self.result_page = ResultPage(self.remembered)
        self.log_page = LogPage()
        self.pages: dict[str, Page] = {
            "today": LaterPage(self._make_today),
            "study": LaterPage(self._make_study),
            "review": LaterPage(self._make_review),
            "results": LaterPage(self._make_results),
            "run": self.run_page,
            "setup": self.setup_page,
            "result": self.result_page,
            "log": self.log_page,
        }
        self.run_page.finished.connect(self.open_session)
        self.setup_page.saved.connect(self.run_page.offer_rig)
        self.result_page.watch.connect(self.watch_folder)
        self._stack = QStackedWidget()
        self._notice = QLabel()
        self._notice.setTextFormat(Qt.TextFormat.PlainText)
        self._notice.setWordWrap(True)
        self._notice_frame = QFrame()
        self._notice_frame.setObjectName("notice")
        notice = QHBoxLayout(self._notice_frame)
        notice.addWidget(self._notice, 1)
        hide = QToolButton()
        hide.setText("✕")
        hide.clicked.connect(self._notice_frame.hide)
        notice.addWidget(hide)
        self._notice_frame.hide()
        body = QVBoxLayout()
        body.setContentsMargins(0, 0, 0, 0)
        body.addWidget(self._notice_frame)
        body.addWidget(self._stack, 1)
        whole = QWidget()
        across = QHBoxLayout(whole)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(self._rail())
        across.addLayout(body, 1)
        self.setCentralWidget(whole)
        self.setAcceptDrops(True)
        for field in whole.findChildren(QLineEdit):
            field.setAcceptDrops(False)  # a file dropped on a field is meant for the window
        remembered = self.remembered.text("theme", Theme.DARK)
        self.theme = Theme(remembered) if remembered in set(Theme) else Theme.DARK
        self.use_theme(self.theme)
        self._shown: Page | None = None
        self.resize(1280, 800)
        self.setMinimumSize(1000, 640)

    # What a study needs is loaded when it is first wanted: the pages at the rig need none of it.

    @cached_property
    def desk(self) -> "StudyDesk":
        """The study that lies open."""
        from gui.study.desk import StudyDesk

        return StudyDesk(self.remembered, self)

    @property
    def study_page(self) -> "StudyPage":
        """The page of a study."""
        return cast("StudyPage", cast(LaterPage, self.pages["study"]).page)

    @property
    def today_page(self) -> "TodayPage":
        """The page of a day."""
        return cast("TodayPage", cast(LaterPage, self.pages["today"]).page)

    def _make_study(self, parent: QWidget) -> Page:
        from gui.study.page import StudyPage

        return StudyPage(self.desk, parent)

    def _make_today(self, parent: QWidget) -> Page:
        from gui.today.page import TodayPage

        page = TodayPage(self.desk, self.run_page.boxes, self.remembered, parent)
        page.started.connect(self.watch_box)
        page.back_wanted.connect(lambda: self.go("today"))
        self.run_page.put_away.connect(page.seen)
        return page

    @property
    def review_page(self) -> "ReviewPage":
        """The page where recordings are looked at."""
        return cast("ReviewPage", cast(LaterPage, self.pages["review"]).page)

    @property
    def results_page(self) -> "ResultsPage":
        """The page of a study's results."""
        return cast("ResultsPage", cast(LaterPage, self.pages["results"]).page)

    def _make_review(self, parent: QWidget) -> Page:
        from gui.review.page import ReviewPage

        page = ReviewPage(self.remembered, parent)
        page.kept.connect(lambda study: self.desk.kept(study))
        return page

    def _make_results(self, parent: QWidget) -> Page:
        from gui.results.page import ResultsPage

        page = ResultsPage(self.remembered, parent)
        page.watch.connect(self.watch_session)
        return page

    def _rail(self) -> QFrame:
        rail = QFrame()
        rail.setObjectName("rail")
        layout = QVBoxLayout(rail)
        layout.setContentsMargins(0, 8, 0, 8)
        self._buttons = QButtonGroup(self)
        for place, (key, page) in enumerate(self.pages.items()):
            self._stack.addWidget(page)
            short = KEYS[key]
            made = QToolButton()
            made.setText(f"{say(f'window.{key}')}\n{short}")
            made.setCheckable(True)
            made.setToolTip(say("window.page_help", page=say(f"window.{key}"), key=short))
            self._buttons.addButton(made, place)
            layout.addWidget(made)
            shortcut = QShortcut(QKeySequence(short), self)
            shortcut.activated.connect(lambda key=key: self.go(key))
        self._buttons.idClicked.connect(lambda place: self.go(list(self.pages)[place]))
        layout.addStretch(1)
        theme = QToolButton()
        theme.setText(f"{say('window.theme')}\nF11")
        theme.setToolTip(say("window.theme_help"))
        theme.clicked.connect(self._next_theme)
        QShortcut(QKeySequence("F11"), self).activated.connect(self._next_theme)
        layout.addWidget(theme)
        return rail

    def go(self, key: str) -> None:
        """Show a page: today, study, run, setup, result or log."""
        page = self.pages[key]
        if self._shown is page:
            return
        if self._shown is not None:
            self._shown.leave()
        self._shown = page
        self._stack.setCurrentWidget(page)
        chosen = self._buttons.button(list(self.pages).index(key))
        if chosen is not None:
            chosen.setChecked(True)
        page.enter()

    def open_session(self, folder: str) -> None:
        """Show a session that has ended."""
        self.result_page.open_session(folder)
        self.go("result")

    def watch_session(self, study: Path, folder: Path) -> None:
        """Play a session of a study."""
        self.review_page.open_session(study, folder)
        self.go("review")

    def watch_folder(self, folder: str) -> None:
        """Play a session or a rescored recording."""
        self.review_page.take([Path(folder)])
        self.go("review")

    def watch_box(self, key: Key) -> None:
        """Show a box in which a session of the study runs."""
        self.run_page.follow(key)
        self.go("run")

    def use_theme(self, theme: Theme) -> None:
        """Light, dark, or red on black."""
        self.theme = theme
        self.setStyleSheet(sheet(theme))
        for page in self.pages.values():
            page.use_theme(theme)

    def _next_theme(self) -> None:
        self.use_theme(NEXT_THEME[self.theme])
        self.remembered.put("theme", self.theme)

    def notice(self, text: str) -> None:
        """Say something across the top of every page until it is put away."""
        self._notice.setText(text)
        self._notice_frame.show()

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Files and folders may be dropped on any page."""
        if event is not None and _dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Videos are scored, a session's folder is opened."""
        paths = [] if event is None else _dropped(event)
        if event is not None and paths:
            event.acceptProposedAction()
            if is_study(paths[0]):
                self.desk.open(paths[0])
                self.go("today")
                return
            self.go("result")
            self.result_page.take(paths)

    def closeEvent(self, event: QCloseEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Threads and connections end; sessions go on in their stations."""
        for page in self.pages.values():
            page.close_down()
        if "desk" in self.__dict__:  # a study was asked for; its answers have nobody any more
            self.desk.close()
        self.stations.close()
        super().closeEvent(event)


def _dropped(event: QDropEvent) -> list[Path]:
    data = event.mimeData()
    urls = [] if data is None else data.urls()
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]


def drop_foreign_qt(environ: MutableMapping[str, str]) -> list[str]:
    """The names of the variables removed from `environ`, because they led Qt into cv2's folder.

    Importing cv2 (some of its wheels bring a Qt of their own) points Qt's plugin and font
    folders at itself; PyQt6 would then load plugins built for another Qt and abort. A folder
    that the user chose is left alone.
    """
    foreign = [name for name in CV2_QT_VARIABLES if "cv2" in PurePath(environ.get(name, "")).parts]
    for name in foreign:
        del environ[name]
    return foreign


STUDY_ROOMS = (
    "gui.today.page", "gui.study.page", "gui.review.page", "gui.results.page", "protocols.report"
)  # fmt: skip


def load_studies() -> None:
    """Load what the pages of a study need; those at the rig need none of it."""
    from protocols.store.opening import versions

    for room in STUDY_ROOMS:
        import_module(room)
    versions()


def start(arguments: Sequence[str] | None = None) -> int:
    """Open the main window and wait until it is closed. Gives back the process's exit code.

    `arguments` are Qt's, the program's name first; None takes the process's own.
    """
    drop_foreign_qt(os.environ)
    yield_to_others()  # a station's decision goes before a picture of it
    application = QApplication(list(sys.argv if arguments is None else arguments))
    application.setApplicationName("placepref")
    application.setStyle("Fusion")  # the same on every system, and it obeys the style sheet
    logging.getLogger().setLevel(logging.INFO)
    handler = keep_log()
    remove_abandoned()
    window = MainWindow()
    catch_unforeseen(lambda what: window.notice(say("window.unforeseen", what=what)))
    window.go("run")
    window.show()
    # Behind the first page, so that the pages of a study open at once.
    threading.Thread(target=load_studies, name="load", daemon=True).start()
    try:
        return application.exec()
    finally:
        sys.excepthook = sys.__excepthook__
        logging.getLogger().removeHandler(handler)
        handler.close()
