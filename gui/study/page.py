"""The page of a study: its animals' days, people and boxes, the draw, drugs; a new one."""

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import QStackedWidget, QTabBar, QVBoxLayout, QWidget

from gui.page import Page
from gui.study.bar import StudyBar
from gui.study.book_panel import BookPanel
from gui.study.calendar_panel import CalendarPanel
from gui.study.desk import StudyDesk
from gui.study.draw_panel import DrawPanel
from gui.study.new_panel import NewPanel
from gui.study.people_panel import PeoplePanel
from gui.study.sheet_panel import SheetPanel
from gui.texts import say
from gui.theme import Theme


class StudyPage(Page):
    """For who owns a study, and for who keeps its days."""

    def __init__(self, desk: StudyDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._entered = False
        self.bar = StudyBar(desk)
        self.calendar = CalendarPanel(desk)
        self.people = PeoplePanel(desk)
        self.draw = DrawPanel(desk)
        self.new = NewPanel(desk)
        self.book = BookPanel(desk)
        self.sheet = SheetPanel(desk)
        self.panels = {
            "calendar": self.calendar,
            "people": self.people,
            "draw": self.draw,
            "new": self.new,
            "book": self.book,
            "sheet": self.sheet,
        }
        self._reads: dict[QWidget | None, Callable[[], None]] = {
            self.calendar: self.calendar.read,
            self.people: self.people.read,
            self.draw: self.draw.read,
        }
        self.tabs = QTabBar()
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        self.tabs.setAccessibleName(say("study.parts"))
        self._stack = QStackedWidget()
        for number, (key, panel) in enumerate(self.panels.items(), 1):
            self.tabs.addTab(f"{number}  {say(f'study.tab_{key}')}")
            self._stack.addWidget(panel)
            shortcut = QShortcut(QKeySequence(f"Alt+{number}"), self)
            shortcut.activated.connect(lambda key=key: self.show_panel(key))
        self.tabs.currentChanged.connect(self._turn)
        self.new.begun.connect(self._begun)
        desk.opened.connect(self._opened)
        desk.changed.connect(self._read)
        desk.person_changed.connect(self._person)
        whole = QVBoxLayout(self)
        whole.addWidget(self.bar)
        whole.addWidget(self.tabs)
        whole.addWidget(self._stack, 1)

    def show_panel(self, key: str) -> None:
        """Turn to a part: calendar, people, draw, new, book or sheet."""
        self.tabs.setCurrentIndex(list(self.panels).index(key))
        self.panels[key].setFocus()

    def enter(self) -> None:
        """Read the study as it is now; without one, begin one."""
        self._entered = True
        if self._desk.about is None:
            self.show_panel("new")
        else:
            self._read()

    def leave(self) -> None:
        """What may be the owner's alone is not left on the screen."""
        self._entered = False
        self.draw.forget()
        self.book.forget()
        self.sheet.forget()

    def use_theme(self, theme: Theme) -> None:
        """Tables are painted by hand."""
        self.calendar.rows.use_theme(theme)
        self.people.rows.use_theme(theme)
        self.draw.rows.use_theme(theme)
        self.book.rows.use_theme(theme)
        self.sheet.rows.use_theme(theme)

    def _turn(self, place: int) -> None:
        self._stack.setCurrentIndex(place)
        self.draw.forget()
        self.book.forget()
        self.sheet.forget()
        self._read()

    def _opened(self) -> None:
        if self._desk.about is not None and self._stack.currentWidget() is self.new:
            self.show_panel("calendar")  # and that reads it
        else:
            self._read()

    def _read(self) -> None:
        """The part that is looked at; the others are read when they are turned to."""
        shown = self._stack.currentWidget()
        if self._entered and self._desk.about is not None and shown in self._reads:
            self._reads[shown]()

    def _person(self) -> None:
        self.draw.forget()
        self.book.forget()
        self.sheet.forget()
        self.people.forget()
        self.new.forget()

    def _begun(self, folder: str) -> None:
        self._desk.open(Path(folder))
        self.show_panel("people")
