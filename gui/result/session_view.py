"""One session on the page: what it is, its numbers, its plots, how good it is, what happened."""

from PyQt6.QtCore import Qt, QUrl, pyqtSignal
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gui.happened import ALARMS, sentence, spell_clock
from gui.page import button, card, label, set_role
from gui.result.numbers_table import NumbersTable
from gui.result.occupancy_plot import OccupancyPlot
from gui.result.session_facts import Facts
from gui.result.session_quality import Finding, Verdict
from gui.result.track_plot import HeatPlot, TrackPlot
from gui.result.verifying import Verifying
from gui.texts import say
from gui.theme import Theme
from protocols.wording import named

MOST_EVENTS = 100
WIDE = 1.6
"""Plans of an apparatus so much wider than high stand one above the other."""
ENDED = {"completed": "good", "aborted": "warn", "failed": "bad"}


class SessionView(QWidget):
    """Shows the facts of one folder.

    Signals: rescore(folder) asks to score a session again, watch(folder) to play it.
    """

    rescore = pyqtSignal(str)
    watch = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self._facts: Facts | None = None
        self._theme = Theme.DARK
        self.title, self.ending = label("", "title"), label("", "", wrap=True)
        self.where = label("", "muted", wrap=True)
        self.verdict = label("", "", wrap=True)
        self.roles = label("", "big", wrap=True)
        self.verifying = Verifying(self)
        self.verifying.told.connect(self._say_verdict)
        self.open_button = button(say("result.open_folder"))
        self.verify_button = button(say("result.verify"))
        self.rescore_button = button(say("result.rescore"))
        self.watch_button = button(say("result.watch"))
        self.watch_button.clicked.connect(self._ask_watch)
        self.open_button.clicked.connect(self._open_folder)
        self.verify_button.clicked.connect(self._verify)
        self.rescore_button.clicked.connect(self._ask_rescore)
        self.verify_button.setToolTip(say("result.verify_help"))
        self.rescore_button.setToolTip(say("result.rescore_help"))
        self.numbers = NumbersTable()
        self.track, self.heat, self.occupancy = TrackPlot(), HeatPlot(), OccupancyPlot()
        self._quality, self._events = _rows(), _rows()
        self._happened = card(label(say("result.events"), "muted"), self._events)
        self._plans = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._lay_out()

    def _lay_out(self) -> None:
        self.track.setMinimumSize(200, 150)
        self.heat.setMinimumSize(200, 150)
        self.occupancy.setMinimumHeight(170)
        plans = self._plans
        plans.addWidget(self.track, 1)
        plans.addWidget(self.heat, 1)
        right = card()
        inside = right.layout()
        assert isinstance(inside, QBoxLayout)
        inside.addLayout(plans, 3)
        inside.addWidget(self.occupancy, 2)
        told = QWidget()
        left = QVBoxLayout(told)
        left.setContentsMargins(0, 0, 0, 0)
        left.addWidget(card(self.roles, self.numbers))
        left.addWidget(card(label(say("result.quality"), "muted"), self._quality))
        left.addWidget(self._happened)
        left.addStretch(1)
        across = QHBoxLayout()
        across.addWidget(_scrolled(told), 10)
        across.addWidget(_scrolled(right), 10)
        head = QGridLayout()
        head.addWidget(self.title, 0, 0)
        buttons = QHBoxLayout()
        for one in (
            self.watch_button, self.open_button, self.verify_button, self.rescore_button
        ):  # fmt: skip
            buttons.addWidget(one)
        head.addLayout(buttons, 0, 1, 1, 1, Qt.AlignmentFlag.AlignRight)
        head.addWidget(self.ending, 1, 0, 1, 2)
        head.addWidget(self.where, 2, 0, 1, 2)
        head.addWidget(self.verdict, 3, 0, 1, 2)
        head.setColumnStretch(0, 1)
        layout = QVBoxLayout(self)
        layout.addLayout(head)
        layout.addLayout(across, 1)

    def show_facts(self, facts: Facts) -> None:
        """Show a folder's facts."""
        self.verifying.stop()
        self._facts = facts
        who = (facts.subject, named(facts.phase)) if facts.subject else (facts.id,)
        again = say("result.rescored_title") if facts.rescored else ""
        shown = (*who, again, facts.began)
        self.title.setText("  ·  ".join(filter(None, shown)))
        self._say_ending(facts)
        self.where.setText(str(facts.folder))
        self.verdict.hide()
        self.verify_button.setVisible(not facts.rescored)
        self.verify_button.setEnabled(not facts.running)
        self.rescore_button.setVisible(not facts.rescored)
        self.rescore_button.setEnabled(not facts.running)
        self.watch_button.setEnabled(not facts.running)
        self.roles.setText(
            "   ".join(
                f"{say(f'result.{role}')} {time_s:.1f} s" for role, time_s in facts.roles.items()
            )
        )
        self.roles.setVisible(bool(facts.roles))
        _fill(self._quality, [_finding(one) for one in facts.quality])
        self._happened.setVisible(not facts.rescored)
        shown_events = facts.events[:MOST_EVENTS]
        lines = [
            (
                "muted",
                spell_clock(e.t_s),
                "warn" if e.kind in ALARMS else "",
                sentence(e.kind, e.data),
            )
            for e in shown_events
        ]
        if len(facts.events) > MOST_EVENTS:
            more = len(facts.events) - MOST_EVENTS
            lines.append(("", "", "muted", say("result.more_events", count=more)))
        _fill(self._events, lines or [("", "", "muted", say("result.no_events"))])
        self._draw()

    def use_theme(self, theme: Theme) -> None:
        """Plots have colours of their own."""
        self._theme = theme
        self._draw()

    def close_down(self) -> None:
        """A verification that runs ends."""
        self.verifying.stop()

    def _draw(self) -> None:
        if self._facts is None:
            return
        corners = [point for outline in self._facts.apparatus.chambers_cm for point in outline]
        width, height = (max(c) - min(c) for c in zip(*corners, strict=True))
        wide = width > WIDE * height
        ways = QBoxLayout.Direction
        self._plans.setDirection(ways.TopToBottom if wide else ways.LeftToRight)
        self.numbers.show_facts(self._facts, self._theme)
        for plot in (self.track, self.heat, self.occupancy):
            plot.draw(self._facts, self._theme)

    def _say_ending(self, facts: Facts) -> None:
        if facts.rescored:
            set_role(self.ending, "muted")
            self.ending.setText(say("result.rescored_from", source=facts.reason))
        elif facts.running:
            set_role(self.ending, "warn")
            self.ending.setText(say("result.running"))
        elif facts.unfinished:
            set_role(self.ending, "bad")
            self.ending.setText(say("result.unfinished", folder=facts.folder))
        else:
            set_role(self.ending, ENDED.get(facts.ended, "bad"))
            words = say(f"result.{facts.ended}") if facts.ended in ENDED else facts.ended
            self.ending.setText(f"{words}: {facts.reason}" if facts.reason else words)

    def _open_folder(self) -> None:
        if self._facts is None:
            return
        folder = self._facts.folder
        if not folder.is_dir() or not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self._say_verdict("warn", say("result.not_opened", folder=folder))

    def _verify(self) -> None:
        if self._facts is not None:
            self._say_verdict("muted", say("verify.running"))
            self.verify_button.setEnabled(False)
            self.verifying.start(self._facts.folder)

    def _say_verdict(self, role: str, text: str) -> None:
        set_role(self.verdict, role)
        self.verdict.setText(text)
        self.verdict.show()
        self.verify_button.setEnabled(True)

    def _ask_watch(self) -> None:
        if self._facts is not None:
            self.watch.emit(str(self._facts.folder))

    def _ask_rescore(self) -> None:
        if self._facts is not None:
            self.rescore.emit(str(self._facts.folder))


_Line = tuple[str, str, str, str]
"""Role and text of what stands first, role and text of the rest."""


def _finding(finding: Finding) -> _Line:
    sign = {Verdict.GOOD: "✓", Verdict.WARN: "!", Verdict.BAD: "✗"}[finding.verdict]
    word = say(f"quality.{finding.verdict}")
    text = say(f"quality.{finding.key}", **finding.values)
    return str(finding.verdict), f"{sign} {word}", "", text


def _scrolled(inside: QWidget) -> QScrollArea:
    """As wide as there is room, and higher only where there is not."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(inside)
    area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # so that keys scroll it
    return area


def _rows() -> QFrame:
    frame = QFrame()
    layout = QGridLayout(frame)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setVerticalSpacing(3)
    layout.setHorizontalSpacing(10)
    layout.setColumnStretch(1, 1)
    return frame


def _fill(frame: QFrame, lines: list[_Line]) -> None:
    """Texts with their roles, one below the other."""
    layout = frame.layout()
    assert isinstance(layout, QGridLayout)
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.setParent(None)
            widget.deleteLater()
    for row, (role, first, rest_role, rest) in enumerate(lines):
        if first:
            layout.addWidget(label(first, role), row, 0, Qt.AlignmentFlag.AlignTop)
        place = (row, 1, 1, 1) if first else (row, 0, 1, 2)
        layout.addWidget(label(rest, rest_role, wrap=True), *place)
