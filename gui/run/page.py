"""The page at the rig: choose, check, run, watch."""

import time

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
)

from gui.behind import Behind
from gui.page import Page, set_role
from gui.remembered import Remembered
from gui.run.alarm_bar import AlarmBar
from gui.run.box_panel import BoxPanel
from gui.run.box_view import BoxView
from gui.run.boxes import Boxes
from gui.run.choose import ChoosePanel
from gui.run.choosing import Choosing
from gui.run.drawn import Known, draw
from gui.run.foot import Foot
from gui.run.grid import MOST, Grid, Key
from gui.run.keys import Actions, Keys
from gui.run.live import LiveBox, next_to_answer, scanned
from gui.run.pace import Pace
from gui.run.preflight import Checked
from gui.texts import say
from gui.theme import Theme
from gui.watch import Preview, Stations
from rig.channel import spell_source

TICK_MS = 100
CALM = 4
"""With more boxes than this the page draws at every second tick: they share the machine."""
FIND_S = 2.0
DISK_S = 5.0
PANEL_PX = 400


class RunPage(Page):
    """Runs sessions. `finished(folder)` asks to show one that has ended.

    `put_away(uid, tag)`: somebody has seen how a session ended, and goes on; with the next animal's
    tag, if that was scanned.
    """

    finished = pyqtSignal(str)
    put_away = pyqtSignal(str, str)

    def __init__(self, stations: Stations, remembered: Remembered) -> None:
        super().__init__()
        self._remembered = remembered
        self._behind = Behind(self)
        self.boxes = Boxes(stations, remembered, self._behind, self)
        self.chosen: Key | None = None
        self._wanted: Key | None = None  # to be chosen when it comes
        self._due = {"find": 0.0, "disk": 0.0}
        self._entered = False
        self._stale = False  # a box stands otherwise than was last drawn
        self._ticks = 0
        self._fresh: dict[Key, Preview] = {}  # pictures that wait to be drawn together
        self._pace = Pace(TICK_MS / 1000)
        self._build()
        self._keys = Keys(
            self,
            Actions(
                self.answer, self._scan, lambda: self.live is not None and self.live.live, {
                    Qt.Key.Key_F6: self.panel.pause_key,
                    Qt.Key.Key_F7: self.panel.begin_note,
                    Qt.Key.Key_F8: self.saw_alarms,
                    Qt.Key.Key_F10: lambda: self.panel.confirm_key("end"),
                    Qt.Key.Key_F12: lambda: self.panel.confirm_key("abort"),
                    Qt.Key.Key_PageDown: lambda: self._go(1),
                    Qt.Key.Key_PageUp: lambda: self._go(-1),
                    Qt.Key.Key_Escape: self._escape,
                },
                self.choosing.start, self.foot.put_switch, self.foot.put_refused,
            ),
            self.foot.remembered_switch,
        )  # fmt: skip
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    # --- made once

    def _build(self) -> None:
        self._edge = QFrame()
        self._edge.setObjectName("edge")
        self.alarm = AlarmBar()
        self.alarm.seen.connect(self.saw_alarms)
        self.grid = Grid()
        self.grid.chosen.connect(self.choose)
        self.nothing = BoxView()  # where no box is to be shown
        self.choose_panel = ChoosePanel(self._remembered)
        self.panel = BoxPanel()
        self._left = QStackedWidget()
        self._left.addWidget(self.nothing)
        self._left.addWidget(self.grid)
        self._right = QStackedWidget()
        self._right.addWidget(self.choose_panel)
        self._right.addWidget(self.panel)
        self._right.setFixedWidth(PANEL_PX)
        self.foot = Foot(self._remembered)
        self.foot.learn_wanted.connect(self._learn)
        across = QHBoxLayout()
        across.addWidget(self._left, 1)
        across.addWidget(self._right)
        inside = QVBoxLayout(self._edge)
        inside.setContentsMargins(4, 4, 4, 2)
        inside.addWidget(self.alarm)
        inside.addLayout(across, 1)
        inside.addWidget(self.foot)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._edge)
        self.choosing = Choosing(self.choose_panel, self.boxes, self._behind, self._forming, self)
        self.choosing.looked_at.connect(self._looked_at)
        self.choosing.to_see.connect(self._ask_pictures)
        self.boxes.changed.connect(self._go_stale)
        self.boxes.pictured.connect(self._pictured)
        self.boxes.back.connect(lambda rig: self._ask_pictures())
        self.choose_panel.box.currentTextChanged.connect(self._box_named)
        panel = self.panel
        panel.answered.connect(self.answer)
        panel.asked.connect(lambda kind, fields: self._request(self.live, kind, **fields))
        panel.noted.connect(self._note)
        panel.sure.connect(self._sure)
        panel.next_wanted.connect(lambda: self.next_session())
        panel.result_wanted.connect(self.finished)

    # --- the window's page

    def enter(self) -> None:
        """Look for what runs; from now on the page follows it."""
        self._entered = True
        self._keys.listen(on=True)
        self._timer.start()
        self.boxes.find()
        self.choosing.check()
        self._ask_pictures()
        self.setFocus()

    def leave(self) -> None:
        """Pictures are not needed; alarms and events still are."""
        self._stop_learning()
        self._entered = False
        self._keys.listen(on=False)
        self._ask_pictures()

    def use_theme(self, theme: Theme) -> None:
        """Pictures are painted by hand."""
        self.grid.use_theme(theme)
        self.nothing.use_theme(theme)

    def close_down(self) -> None:
        """The page looks no more; sessions go on."""
        self._keys.listen(on=False)
        self._timer.stop()
        self._behind.close()

    def offer_rig(self, source: str) -> None:
        """A rig file was saved: it is in the list of rigs, and chosen."""
        self._remembered.put_first("rigs", source)
        self.choose_panel.put_rig(source)

    # --- which boxes are there

    @property
    def _many(self) -> bool:
        return len(self.grid.views) > CALM

    def _pictured(self, key: Key, preview: Preview) -> None:
        self._fresh[key] = preview
        if not self._many:  # else every picture would have the window drawn once more
            self._show_pictures()

    def _show_pictures(self) -> None:
        fresh, self._fresh = self._fresh, {}
        for key, preview in fresh.items():
            view = self.grid.views.get(key)
            if view is not None:
                view.set_preview(preview)

    @property
    def checked(self) -> Checked | None:
        """The choice that was looked at last."""
        return self.choosing.checked

    def _forming(self) -> bool:
        return self._right.currentWidget() is self.choose_panel

    @property
    def live(self) -> LiveBox | None:
        """The chosen box."""
        return self.boxes.lives.get(self.chosen) if self.chosen is not None else None

    def _keys_shown(self) -> list[Key]:
        keys = [key for key, live in self.boxes.lives.items() if live.shown]
        checked = self.checked
        if checked is not None and checked.loaded is not None:
            source = spell_source(checked.wanted.choice.rig)
            own = [(source, name) for name in checked.loaded.boxes]
            # Where there is no room for all, those in which something runs are seen.
            room = max(0, MOST - len(keys))
            idle = [key for key in own if key not in keys][:room]
            keys = [k for k in own if k in keys or k in idle] + [k for k in keys if k not in own]
        return keys

    def _go_stale(self) -> None:
        # Four stations tell of their boxes five times a second each: arranged once for all.
        self._stale = True

    def _arrange(self) -> None:
        """The grid and the panel that belong to what is known now."""
        self._stale = False
        keys = self._keys_shown()
        if self._wanted in keys:
            self.chosen, self._wanted = self._wanted, None
        if self.chosen not in keys:
            self.chosen = keys[0] if keys else None
        before = list(self.grid.views)
        self.grid.set_boxes(keys)
        if list(self.grid.views) != before:
            self._ask_pictures()
        self._left.setCurrentWidget(self.grid if keys else self.nothing)
        live = self.live
        shown = live is not None and live.shown
        wanted = self.panel if shown else self.choose_panel
        if self._right.currentWidget() is not wanted:
            had = self._right.isAncestorOf(QApplication.focusWidget() or self)
            self._right.setCurrentWidget(wanted)
            if had and self._entered:
                self.setFocus()
        self.choose_panel.open_rigs.show_stations(self.boxes.stations())
        self._paint_all()

    def follow(self, key: Key) -> None:
        """A session was begun in this box by another page: show it as soon as it is there."""
        self.boxes.watch(key[0])
        self._wanted = key
        self._arrange()

    def choose(self, key: Key) -> None:
        """A box is chosen: by mouse, by key, or because it waits."""
        if key not in self.grid.views:
            return
        self.chosen = key
        checked = self.checked
        if checked is not None and key[0] == spell_source(checked.wanted.choice.rig):
            self.choose_panel.put_box(key[1])
        self._arrange()

    def _box_named(self, name: str) -> None:
        source = spell_source(self.choose_panel.rig.currentText().strip() or "sim")
        if (source, name) in self.grid.views and self._forming():
            self.chosen = (source, name)

    def _go(self, by: int) -> None:
        keys = list(self.grid.views)
        if keys:
            at = keys.index(self.chosen) if self.chosen in keys else 0
            self.choose(keys[(at + by) % len(keys)])

    def _ask_pictures(self) -> None:
        wanted = set(self.grid.views) if self._entered else set()
        self.boxes.ask_pictures(wanted, self.grid.preview_px(), self._pace.rate_hz(len(wanted)))

    def _looked_at(self, checked: Checked) -> None:
        here = (spell_source(checked.wanted.choice.rig), checked.wanted.choice.box or "")
        if here in self._keys_shown() and self.choosing.is_now(checked):
            self.chosen = here
        self._arrange()

    def next_session(self, tag: str = "") -> None:
        """The ended session is seen; the form takes its place. `tag`: the next animal's."""
        if self.live is not None:
            uid = self.live.uid
            self.live.put_it_away()
            self.choose((self.live.rig, self.live.name))
            self.put_away.emit(uid, tag)
        self.choosing.check()

    # --- what a person asks of a session

    def _request(self, live: LiveBox | None, kind: str, **fields: str) -> None:
        if live is not None:
            self.boxes.request(live, kind, self.choose_panel.who, **fields)

    def answer(self) -> None:
        """The foot switch: what the prompt asks; or go to the box that waits longest."""
        live = next_to_answer(list(self.boxes.lives.values()), self.live)
        if live is None:
            return
        if live is self.live:
            self.boxes.answer(live, self.choose_panel.who)
        else:
            self.choose((live.rig, live.name))

    def _scan(self, text: str) -> bool:
        """A tag was read: an animal to choose, or the one that a session waits for."""
        text = text.strip()
        lives = list(self.boxes.lives.values())
        live = scanned(lives, self.live, text)
        if live is not None:
            self.choose((live.rig, live.name))
            self._request(live, "arm", text=say("run.scanned", text=text))
            return True
        if self._forming():
            self.choose_panel.scan(text)
            return True
        if self.live is not None and self.live.arming:
            self.live.alarms.raise_("wrong_animal", text=text, subject=self.live.subject)
            return True
        ended = self.live.ended if self.live is not None else None
        if ended is not None and ended["status"] == "completed":  # all else is to be looked at
            self.next_session(text)
            if self._entered:
                self.choose_panel.scan(text)
            return True
        return False

    def _sure(self, what: str) -> None:
        self._request(self.live, what)
        self.setFocus()  # else the key after it would press whatever comes next

    def _note(self, text: str) -> None:
        self._request(self.live, "note", text=text)
        self.setFocus()

    def _escape(self) -> None:
        self._stop_learning()
        self.panel.confirm("")
        self.panel.leave_note()
        self.setFocus()

    def saw_alarms(self) -> None:
        """Somebody has seen the alarms: the edge is calm until another comes."""
        for live in self.boxes.lives.values():
            live.alarms.saw()
        self._show_alarms()

    def _learn(self) -> None:
        self._keys.learning = True
        self.foot.put_learning()
        self.setFocus()

    def _stop_learning(self) -> None:
        self._keys.learning = False
        self.foot.put_switch(self._keys.footswitch)

    # --- ten times a second, five with many boxes

    def _tick(self) -> None:
        now_s = time.monotonic()
        if self._pace.tick(now_s):
            self._ask_pictures()
        if now_s >= self._due["find"]:
            self._due["find"] = now_s + FIND_S
            self.boxes.find()
        if now_s >= self._due["disk"]:
            self._due["disk"] = now_s + DISK_S
            self.boxes.look_at_disks()
        self._ticks += 1
        if self._many and self._ticks % 2:
            return
        self.boxes.follow()
        self._show_alarms()
        self._show_pictures()
        if self._stale:
            self._arrange()
        elif self._entered:
            self._paint_all()

    def _show_alarms(self) -> None:
        loud = self.alarm.show_alarms(self.boxes.lives.values(), sound=self.foot.sound.isChecked())
        set_role(self._edge, "loud" if loud else "calm")

    # --- what is drawn

    def _paint_all(self) -> None:
        now_s = time.monotonic()
        many = len(self.grid.views) > 1
        for key, view in self.grid.views.items():
            known = Known(
                self.boxes.lives.get(key),
                self.boxes.trail(key),
                self.checked,
                starting=key in self.choosing.starting.under_way,
                is_chosen=many and key == self.chosen,
                only=not many,
            )
            draw(view, key, known, now_s)
        live = self.live
        if live is not None and live.shown:
            self.panel.show_box(live, self.boxes.times.get((live.rig, live.name)), now_s)
