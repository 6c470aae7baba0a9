"""The page of a day: the running order of this rig, one card, and all that runs out."""

from collections.abc import Callable
from datetime import datetime

from PyQt6.QtCore import QModelIndex, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gui.page import Page, button, label, set_role
from gui.remembered import Remembered
from gui.run.alarm_bar import AlarmBar
from gui.run.boxes import Boxes
from gui.run.foot import SWITCH
from gui.run.keys import Actions, Keys
from gui.run.live import Standing as BoxStanding
from gui.run.words import breakable
from gui.study.bar import StudyBar
from gui.study.desk import StudyDesk
from gui.study.rows import Rows, table
from gui.texts import say
from gui.theme import Theme
from gui.today.card_view import CardView
from gui.today.day import HEADS, Day, lines_of, read_day, warnings_of
from gui.today.doing import Doing
from gui.today.mending import MendPanel
from gui.today.stopped import StoppedCard
from gui.today.strip import Strip
from gui.today.warned import Warned
from protocols.wording import named

TICK_MS = 1000
READ_S = 30
CARD_PX = 470


class TodayPage(Page):
    """The technician's page.

    `started(key)`: a session runs in this box now; `back_wanted()`: its end was seen on the page of
    the rig, and this page is wanted again.
    """

    started = pyqtSignal(object)
    back_wanted = pyqtSignal()

    def __init__(
        self, desk: StudyDesk, boxes: Boxes, remembered: Remembered, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._desk, self._boxes, self._remembered = desk, boxes, remembered
        self.now: Callable[[], datetime] = lambda: datetime.now().astimezone()
        self.day: Day | None = None
        self._entered = False
        self._reading = self._again = False
        self._seconds = 0
        self._filing: set[str] = set()
        self.animals: list[str] = []
        self._lines: list[str] = []
        self._build()
        self._keys = Keys(
            self,
            Actions(
                self.doing.deed, self._scanned, lambda: False, {
                    Qt.Key.Key_F6: self._to_grams,
                    Qt.Key.Key_F7: self._to_mending,
                    Qt.Key.Key_F8: self._saw_alarms,
                    Qt.Key.Key_PageDown: lambda: self._go(1),
                    Qt.Key.Key_PageUp: lambda: self._go(-1),
                    Qt.Key.Key_Escape: self._escape,
                },
                self.doing.deed, lambda key: None, lambda key, why: None,
            ),
            remembered.text("footswitch", SWITCH),
        )  # fmt: skip
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        desk.opened.connect(self._another)
        desk.changed.connect(self._changed)
        desk.person_changed.connect(self._person)
        boxes.changed.connect(self._look_for_ends)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    # --- made once

    def _build(self) -> None:
        self.bar = StudyBar(self._desk)
        self.alarm = AlarmBar()
        self.alarm.seen.connect(self._saw_alarms)
        self.strip = Strip()
        self.rig = QComboBox()
        self.rig.setEditable(True)
        self.rig.setMinimumContentsLength(14)
        self.rig.addItems([*dict.fromkeys([*self._remembered.texts("rigs"), "sim"])])
        self.rig.setAccessibleName(say("today.rig"))
        self.rig.currentTextChanged.connect(self._another_rig)
        self.helper = QCheckBox(say("run.helper"))
        self.people = QSpinBox()
        self.people.setRange(1, 9)
        self.people.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.people.setPrefix(say("today.people"))
        self.people.valueChanged.connect(self.read)
        self.mend = button(say("today.mend"))
        self.mend.clicked.connect(self._to_mending)
        self.rows = Rows(self)
        self.order = table(self.rows, say("today.order"))
        self.order.activated.connect(self._activated)
        self.order.clicked.connect(self._activated)
        self.warned = Warned()
        self.filed = label("", "good", wrap=True)
        self.filed.hide()
        above = QHBoxLayout()
        above.addWidget(label(say("today.rig"), "muted"))
        above.addWidget(self.rig, 1)
        above.addWidget(self.people)
        above.addWidget(self.mend)
        listed = QWidget()
        left = QVBoxLayout(listed)
        left.setContentsMargins(0, 0, 0, 0)
        left.addLayout(above)
        left.addWidget(self.helper)
        left.addWidget(self.filed)
        left.addWidget(self.order, 1)
        left.addWidget(self.warned)
        self.mending = MendPanel(self._desk)
        self.mending.left.connect(self._leave_mending)
        self.mending.done.connect(self._mended)
        self._left = QStackedWidget()
        self._left.addWidget(listed)
        self._left.addWidget(self.mending)
        self.view = CardView()
        self.stopped = StoppedCard()
        right = QStackedWidget()
        right.setFixedWidth(CARD_PX)
        right.addWidget(self.view)
        right.addWidget(self.stopped)
        self.stopped.shown.connect(lambda: right.setCurrentWidget(self.stopped))
        self.stopped.gone.connect(lambda: right.setCurrentWidget(self.view))
        self.doing = Doing(
            self._desk, self._boxes, self.view, self.stopped, lambda: self.now(), self
        )
        self.doing.began.connect(self._began)
        self.doing.done.connect(self._done)
        self.doing.nobody.connect(self._who)
        across = QHBoxLayout()
        across.addWidget(self._left, 1)
        across.addWidget(right)
        whole = QVBoxLayout(self)
        for one in (self.bar, self.alarm, self.strip):
            whole.addWidget(one)
        whole.addLayout(across, 1)
        self._another_rig()

    # --- the window's page

    def enter(self) -> None:
        """Read the day; from now on the page follows it."""
        self._entered = True
        self._keys.footswitch = self._remembered.text("footswitch", SWITCH)
        self._keys.listen(on=True)
        self._timer.start()
        self.read()
        self.setFocus()

    def leave(self) -> None:
        """Time goes on where it is looked at."""
        self._entered = False
        self._keys.listen(on=False)
        self._timer.stop()

    def use_theme(self, theme: Theme) -> None:
        """Pictures and tables are painted by hand."""
        self.view.picture.use_theme(theme)
        self.rows.use_theme(theme)

    def close_down(self) -> None:
        """The page looks no more; sessions go on."""
        self._keys.listen(on=False)
        self._timer.stop()

    # --- the day

    def read(self) -> None:
        """The day as it is now."""
        if self._desk.about is None:
            return
        if self._reading:
            self._again = True
            return
        self._reading, self._again = True, False
        people, now = self.people.value(), self.now()
        self._desk.ask(lambda study: read_day(study, people, now), self._read, self._unread)

    def _read(self, day: Day) -> None:
        self._reading = False
        self.day = day
        lines = lines_of(day, self._boxes_here())
        # A line a deed: who is gone through by keys is an animal.
        self.animals = list(dict.fromkeys(animal for animal, _ in lines))
        self._lines = [animal for animal, _ in lines]
        self.rows.put([say(f"today.head_{name}") for name in HEADS], [row for _, row in lines])
        times = self.order.fontMetrics()
        wide = max((times.horizontalAdvance(row[0].text) for _, row in lines), default=0) + 20
        for column, px in enumerate((max(56, wide), 48, 86, 84, 50, 132)):
            self.order.setColumnWidth(column, px)
        self.warned.put(warnings_of(day))
        self.strip.put(day.countdowns)
        self.strip.tick(self.now())
        if day.filed:
            self._say_filed(day)
        elif self.doing.animal:
            self.doing.show_again()
        if self._again:
            self.read()

    def _unread(self, error: Exception) -> None:
        self._reading = False
        self._desk.tell(error)

    def _say_filed(self, day: Day) -> None:
        lines = []
        for one in day.filed:
            decided = say("today.decided", what=one.decided) if one.decided else ""
            key = "filed_done" if one.status == "done" else "filed_other"
            told = {"animal": one.animal, "phase": named(one.phase), "status": one.status}
            lines.append(say(f"today.{key}", **told) + decided)
        self.filed.setText("\n".join(lines))
        set_role(self.filed, "good" if all(o.status == "done" for o in day.filed) else "warn")
        self.filed.show()
        self.doing.show_again()

    def _boxes_here(self) -> list[str]:
        """The study's boxes that are of the chosen rig; none are known: all of them."""
        about, rig = self._desk.about, self.doing.rig
        known = about.boxes if about is not None else {}
        return [name for name, its in known.items() if its == rig]

    def _look_for_ends(self) -> None:
        """A session that the study has running has ended in its station: it is filed."""
        running = {one.uid for one in self.day.running} if self.day is not None else set()
        ended = {
            live.uid
            for live in self._boxes.lives.values()
            if live.state is BoxStanding.ENDED and live.uid in running
        }
        if ended - self._filing:
            self._filing |= ended
            self.read()

    def _tick(self) -> None:
        self._seconds += 1
        self.strip.tick(self.now())
        self.alarm.show_alarms(self._boxes.lives.values(), sound=False)
        if self._seconds % READ_S == 0:
            self.read()

    # --- what a person does

    def choose(self, animal: str) -> None:
        """Show an animal's card."""
        self.doing.show(animal)
        if animal in self._lines:
            self.order.selectRow(self._lines.index(animal))

    def _activated(self, index: QModelIndex) -> None:
        self.choose(self._lines[index.row()])
        self.setFocus()

    def _go(self, by: int) -> None:
        if self.animals:
            here = self.doing.animal
            at = self.animals.index(here) + by if here in self.animals else 0
            self.choose(self.animals[at % len(self.animals)])

    def _scanned(self, text: str) -> bool:
        """A tag, a label or a badge; what is typed into a field is the field's."""
        if self.focus_writes() or self.stopped.asks or self._desk.about is None:
            return False
        self.view.scan.clear()
        self.doing.scanned(text)
        return True

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  (Qt's name)
        """What is typed on the page is an animal, a label or a person."""
        text = event.text() if event is not None else ""
        if text.strip() and text.isprintable() and self._desk.about is not None:
            self.view.scan.setFocus()
            self.view.scan.setText(text)
            return
        super().keyPressEvent(event)

    def focus_writes(self) -> bool:
        """Whether a field has the focus that is not for scans."""
        focus = self.focusWidget()
        writes = focus is not None and focus.inherits("QLineEdit")
        return bool(writes and focus is not self.view.scan)

    def _to_grams(self) -> None:
        self.view.grams.setFocus()

    def _to_mending(self) -> None:
        self._left.setCurrentWidget(self.mending)
        self.mending.begin(self.doing.animal)

    def _leave_mending(self) -> None:
        self._left.setCurrentIndex(0)
        self.setFocus()

    def _mended(self, said: str) -> None:
        self._leave_mending()
        self.filed.setText(breakable(said))
        set_role(self.filed, "good")
        self.filed.show()
        self.read()

    def _escape(self) -> None:
        if self.stopped.asks:
            self.stopped.leave()
        elif self._left.currentWidget() is self.mending:
            self._leave_mending()
        self.setFocus()

    def _who(self) -> None:
        self._desk.trouble.emit(say("today.who_first"))
        self.bar.told.setFocus()

    def _saw_alarms(self) -> None:
        for live in self._boxes.lives.values():
            live.alarms.saw()
        self.alarm.show_alarms(self._boxes.lives.values(), sound=False)

    def _done(self) -> None:
        self.read()
        self.setFocus()

    def _began(self, key: object) -> None:
        self.filed.hide()
        self.read()
        self._remembered.put_first("rigs", self.doing.rig)
        self.started.emit(key)

    def seen(self, uid: str, tag: str) -> None:
        """The end of a session was put away on the page of the rig; `tag` was scanned there."""
        if uid in self.doing.mine:
            self.back_wanted.emit()
            if tag:
                self.doing.scanned(tag)

    def _another(self) -> None:
        self.day, self.animals, self._lines = None, [], []
        self._reading = self._again = False
        self.rows.put([], [])
        self.strip.put(())
        self.filed.hide()
        self.warned.put(())
        self.view.has_study = self._desk.about is not None
        self.doing.forget()
        self._offer_rigs()
        if self._entered:
            self.read()

    def _changed(self) -> None:
        """Something was written: boxes may have got their rigs."""
        self._offer_rigs()
        if self._entered:
            self.read()

    def _offer_rigs(self) -> None:
        """The rigs of the study's boxes are in the list, and the first is chosen if none is."""
        about = self._desk.about
        rigs = list(dict.fromkeys(its for its in (about.boxes.values() if about else ()) if its))
        for rig in reversed(rigs):
            if self.rig.findText(rig) < 0:
                self.rig.insertItem(0, rig)
        if rigs and self.rig.currentText().strip() not in rigs:
            self.rig.setEditText(rigs[0])

    def _another_rig(self) -> None:
        rig = self.rig.currentText().strip()
        self.helper.setVisible(rig.startswith("sim"))
        self.doing.put_rig(rig, by_hand=lambda: not self.helper.isChecked())
        if self.day is not None:
            self.read()

    def _person(self) -> None:
        self.mending.forget()
        self.doing.show_again()  # who it is decides whether a guess is asked for
        if self._entered:
            self.setFocus()
