"""The page after a session: its numbers, track, heat map and quality; and rescoring a video."""

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QTabWidget, QVBoxLayout

from gui.behind import Behind
from gui.page import Page, label, set_role
from gui.remembered import Remembered
from gui.result.rescore_queue import sort_out
from gui.result.rescore_view import RescoreView
from gui.result.session_facts import Facts, NotShownError, is_result, read
from gui.result.session_view import SessionView
from gui.result.sessions_view import SessionsView
from gui.texts import say
from gui.theme import Theme


class ResultPage(Page):
    """Shows a session that has ended, lists others, and scores recordings again.

    `watch(folder)` asks to play one.
    """

    watch = pyqtSignal(str)

    def __init__(self, remembered: Remembered) -> None:
        super().__init__()
        self._reading = Behind(self, newest_only=True)
        self.said = label("", "bad", wrap=True)
        self.said.hide()
        self.session = SessionView()
        self.sessions = SessionsView(remembered)
        self.rescore = RescoreView(remembered)
        self.tabs = QTabWidget()
        for key, view in (
            ("sessions", self.sessions),
            ("session", self.session),
            ("rescore", self.rescore),
        ):
            self.tabs.addTab(view, say(f"result.tab_{key}"))
        self.tabs.setTabEnabled(1, False)
        self.tabs.setTabToolTip(1, say("result.tab_session_help"))
        self.sessions.chosen.connect(self.open_session)
        self.session.rescore.connect(lambda folder: self._offer([Path(folder)]))
        self.session.watch.connect(self.watch)
        self.rescore.opened.connect(self.open_session)
        layout = QVBoxLayout(self)
        layout.addWidget(self.said)
        layout.addWidget(self.tabs, 1)

    def enter(self) -> None:
        """The list may have grown since."""
        self.sessions.refresh()
        if self.tabs.currentWidget() is self.sessions:
            self.sessions.list.setFocus()

    def use_theme(self, theme: Theme) -> None:
        """Plots have colours of their own."""
        self.session.use_theme(theme)

    def close_down(self) -> None:
        """Reading, rescoring and verifying end with the window; nothing half-made is left."""
        self._reading.close()
        self.sessions.close_down()
        self.session.close_down()
        self.rescore.close_down()

    def open_session(self, folder: str) -> None:
        """Show the session or the rescoring in `folder`."""
        self._say("muted", say("result.reading", folder=folder))
        self._reading.do(lambda: read(Path(folder)), self._show, self._fail)

    def take(self, paths: Sequence[Path]) -> None:
        """What was dropped on the window: videos to score, a session to open, a study to list."""
        taken = sort_out(paths)
        results = [folder for folder in taken.folders if is_result(folder)]
        self.said.hide()
        if taken.recordings or taken.apparatus is not None:
            self._offer([*taken.recordings, *results], taken.apparatus)
        elif len(results) == 1:
            self.open_session(str(results[0]))
        elif results:
            self._offer(results)
        elif taken.folders:
            self.tabs.setCurrentWidget(self.sessions)
            self.sessions.list_below(taken.folders[0])
        if taken.unknown:
            names = ", ".join(path.name or str(path) for path in taken.unknown)
            self._say("warn", say("result.unknown", names=names))

    def _offer(self, recordings: Sequence[Path], apparatus: Path | None = None) -> None:
        self.tabs.setCurrentWidget(self.rescore)
        self.rescore.offer(recordings, apparatus)

    def _show(self, facts: Facts) -> None:
        self.said.hide()
        self.session.show_facts(facts)
        self.tabs.setTabEnabled(1, True)
        self.tabs.setCurrentWidget(self.session)
        self.session.numbers.setFocus()

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, NotShownError):
            raise error  # the log has it, and the window says so
        self._say("bad", say(f"result.{error.key}", folder=error.folder, why=error.why))

    def _say(self, role: str, text: str) -> None:
        set_role(self.said, role)
        self.said.setText(text)
        self.said.show()
