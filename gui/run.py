"""The page at the rig: choose, check, run, watch."""

import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QKeySequence
from PyQt6.QtWidgets import (
    QApplication,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
)

from gui.alarms import Severity, loudest
from gui.behind import Behind
from gui.box_panel import BoxPanel, clock_words, say_prompt
from gui.box_view import BoxView, Said, Seen
from gui.choose import ChoosePanel
from gui.disk import Room, room_of, spell_bytes
from gui.grid import Grid, Key
from gui.keys import Actions, Keys
from gui.live import LiveBox, Standing, next_to_answer, scanned
from gui.page import Page, button, label, set_role
from gui.preflight import Checked, check
from gui.remembered import Remembered
from gui.texts import say
from gui.theme import Theme
from gui.times import Following, Times, Turns
from gui.watch import Preview, Stations, Watch
from protocols.asking import start, station
from rig.channel import entries, find, spell_source
from rig.errors import RigError
from rig.session import load_rig
from rig.setup import Setup
from rig.setup import parse as parse_setup
from rig.steps import Do

TICK_MS = 100
FIND_S = 2.0
DISK_S = 5.0
PANEL_PX = 400


class RunPage(Page):
    """Runs sessions. `finished(folder)` asks to show one that has ended."""

    finished = pyqtSignal(str)

    def __init__(self, stations: Stations, remembered: Remembered) -> None:
        super().__init__()
        self._stations, self._remembered = stations, remembered
        self._behind = Behind(self)
        self._turns = Turns(time.perf_counter)
        self.lives: dict[Key, LiveBox] = {}
        self._watches: dict[str, Watch] = {}
        self._following: dict[Key, Following] = {}
        self._times: dict[Key, Times] = {}
        self._starting: set[Key] = set()
        self._checking = 0
        self.checked: Checked | None = None
        self.chosen: Key | None = None
        self._due = {"find": 0.0, "disk": 0.0}
        self._entered = False
        self._told: set[tuple[Key, str]] = set()
        self._build()
        self._keys = Keys(
            self,
            Actions(
                self.answer, self._scan, self._space, {
                    Qt.Key.Key_F6: self._key_pause,
                    Qt.Key.Key_F7: self.panel.begin_note,
                    Qt.Key.Key_F8: self.saw_alarms,
                    Qt.Key.Key_F10: lambda: self._key_confirm("end"),
                    Qt.Key.Key_F12: lambda: self._key_confirm("abort"),
                    Qt.Key.Key_PageDown: lambda: self._go(1),
                    Qt.Key.Key_PageUp: lambda: self._go(-1),
                    Qt.Key.Key_Escape: self._escape,
                },
                self.start, self._learnt,
            ),
            remembered.text("footswitch", "F9"),
        )  # fmt: skip
        self._learnt(self._keys.footswitch)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    # --- made once

    def _build(self) -> None:
        self._edge = QFrame()
        self._edge.setObjectName("edge")
        self.alarm_text = label("", wrap=True)
        self.alarm_seen = button(say("run.seen"))
        self.alarm_seen.clicked.connect(self.saw_alarms)
        self.alarm = QFrame()
        self.alarm.setObjectName("alarm")
        row = QHBoxLayout(self.alarm)
        row.addWidget(self.alarm_text, 1)
        row.addWidget(self.alarm_seen)
        self.alarm.hide()
        self.grid = Grid()
        self.grid.chosen.connect(self.choose)
        self.card = BoxView()
        self.choose_panel = ChoosePanel(self._remembered)
        self.panel = BoxPanel()
        self._left = QStackedWidget()
        self._left.addWidget(self.card)
        self._left.addWidget(self.grid)
        self._right = QStackedWidget()
        self._right.addWidget(self.choose_panel)
        self._right.addWidget(self.panel)
        self._right.setFixedWidth(PANEL_PX)
        self._help = label("", "muted", wrap=True)
        self._switch = QToolButton()
        self._switch.clicked.connect(self._learn)
        self.sound = QCheckBox(say("run.sound"))
        self.sound.setChecked(self._remembered.text("sound") == "on")
        self.sound.toggled.connect(lambda on: self._remembered.put("sound", "on" if on else ""))
        foot = QHBoxLayout()
        foot.addWidget(self._help, 1)
        foot.addWidget(self.sound)
        foot.addWidget(self._switch)
        across = QHBoxLayout()
        across.addWidget(self._left, 1)
        across.addWidget(self._right)
        inside = QVBoxLayout(self._edge)
        inside.setContentsMargins(4, 4, 4, 2)
        inside.addWidget(self.alarm)
        inside.addLayout(across, 1)
        inside.addLayout(foot)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._edge)
        choose = self.choose_panel
        choose.changed.connect(self.check)
        choose.start_wanted.connect(self.start)
        choose.look_wanted.connect(self.look)
        choose.box.currentTextChanged.connect(self._box_named)
        panel = self.panel
        panel.answered.connect(self.answer)
        panel.asked.connect(lambda kind, fields: self._request(self.live, kind, **fields))
        panel.noted.connect(self._note)
        panel.sure.connect(lambda what: self._request(self.live, what))
        panel.seen.connect(self.saw_alarms)
        panel.next_wanted.connect(self.next_session)
        panel.result_wanted.connect(self.finished)

    # --- the window's page

    def enter(self) -> None:
        """Look for what runs; from now on the page follows it."""
        self._entered = True
        self._keys.listen(on=True)
        self._timer.start()
        self._find_stations()
        self.check()
        self._ask_pictures()
        self.setFocus()

    def leave(self) -> None:
        """Pictures are not needed; alarms and events still are."""
        self._entered = False
        self._keys.listen(on=False)
        self._ask_pictures()

    def use_theme(self, theme: Theme) -> None:
        """Pictures are painted by hand."""
        self.grid.use_theme(theme)
        self.card.use_theme(theme)

    def close_down(self) -> None:
        """The page looks no more; sessions go on."""
        self._keys.listen(on=False)
        self._timer.stop()
        self._behind.close()

    def offer_rig(self, source: str) -> None:
        """A rig file was saved: it is in the list of rigs, and chosen."""
        self._remembered.put_first("rigs", source)
        self.choose_panel.put_rig(source)

    # --- stations

    def _find_stations(self) -> None:
        """Watch every station of this user: what runs is found again by any window."""
        with suppress(RigError, OSError):
            for entry in entries():
                self._watch(entry.source)

    def _watch(self, source: str) -> Watch:
        source = spell_source(source)
        if source not in self._watches:
            watch = self._stations.of(source)
            self._watches[source] = watch
            watch.changed.connect(lambda: self._changed(source))
            watch.heard.connect(lambda box, events: self._heard((source, box), events))
            watch.pictured.connect(lambda preview: self._pictured(source, preview))
            watch.over.connect(lambda box, ended: self._over((source, box), ended))
            watch.lost.connect(lambda why: self._lost(source))
            watch.back.connect(lambda: self._back(source))
            watch.begin()
            if watch.connected and watch.status:
                self._changed(source)
        return self._watches[source]

    def _live(self, key: Key) -> LiveBox:
        if key not in self.lives:
            self.lives[key] = LiveBox(*key)
        return self.lives[key]

    def _changed(self, source: str) -> None:
        for box, status in self._watches[source].status.get("boxes", {}).items():
            live = self._live((source, box))
            before, was = live.uid, live.shown
            live.stand(status, time.monotonic())
            if live.uid != before:
                self._renewed((source, box), live)
            if live.shown and not was and self.chosen is None:
                self.chosen = (source, box)
        self._arrange()

    def _renewed(self, key: Key, live: LiveBox) -> None:
        """Another session is in the box: what was known of the last one goes."""
        self._following.pop(key, None)
        self._times.pop(key, None)
        self._turns.forget(str(key))
        live.blinded = live.uid in self._remembered.texts("blinded")
        folder, uid = Path(live.folder), live.uid

        def read() -> Setup:
            return parse_setup((folder / "setup.json").read_bytes(), str(folder))

        def known(setup: Setup) -> None:
            if live.uid == uid:
                live.know(setup)
                self._following[key] = Following(folder, setup.apparatus, setup.rate_hz)
                self._arrange()

        if live.folder:
            self._behind.do(read, known, lambda error: self._gone(live, error))

    @staticmethod
    def _gone(live: LiveBox, error: Exception) -> None:
        live.alarms.raise_("folder_gone", folder=live.folder, why=str(error))

    def _heard(self, key: Key, events: list[dict[str, Any]]) -> None:
        self._live(key).hear(events)

    def _over(self, key: Key, ended: Mapping[str, Any]) -> None:
        self._live(key).end(ended)

    def _pictured(self, source: str, preview: Preview) -> None:
        view = self.grid.views.get((source, preview.box))
        if view is not None:
            view.set_preview(preview)
        if self.chosen == (source, preview.box):
            self.card.set_preview(preview)

    def _lost(self, source: str) -> None:
        for (rig, _), live in self.lives.items():
            if rig == source:
                live.lose()
                if not live.lost and live.state is Standing.ENDED:
                    live.status.pop("doors", None)

    def _back(self, source: str) -> None:
        for (rig, _), live in self.lives.items():
            if rig == source:
                live.find()
        self._ask_pictures()

    # --- which boxes are there

    @property
    def live(self) -> LiveBox | None:
        """The chosen box."""
        return self.lives.get(self.chosen) if self.chosen is not None else None

    def _keys_shown(self) -> list[Key]:
        keys = [key for key, live in self.lives.items() if live.shown]
        checked = self.checked
        if checked is not None and checked.loaded is not None:
            source = spell_source(checked.wanted.choice.rig)
            own = [(source, name) for name in checked.loaded.boxes]
            keys = own + [key for key in keys if key not in own]
        return keys

    def _arrange(self) -> None:
        """The grid and the panel that belong to what is known now."""
        keys = self._keys_shown()
        if self.chosen not in keys:
            self.chosen = keys[0] if keys else None
        before = list(self.grid.views)
        self.grid.set_boxes(keys)
        if list(self.grid.views) != before:
            self._ask_pictures()
        self._left.setCurrentWidget(self.grid if keys else self.card)
        live = self.live
        shown = live is not None and live.shown
        wanted = self.panel if shown else self.choose_panel
        if self._right.currentWidget() is not wanted:
            had = self._right.isAncestorOf(QApplication.focusWidget() or self)
            self._right.setCurrentWidget(wanted)
            if had and self._entered:
                self.setFocus()
        self._paint_all()

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
        if (source, name) in self.grid.views and self._right.currentWidget() is self.choose_panel:
            self.chosen = (source, name)

    def _go(self, by: int) -> None:
        keys = list(self.grid.views)
        if keys:
            at = keys.index(self.chosen) if self.chosen in keys else 0
            self.choose(keys[(at + by) % len(keys)])

    def _ask_pictures(self) -> None:
        size, rate_hz = self.grid.preview_px(), self.grid.rate_hz()
        wanted = set(self.grid.views) if self._entered else set()
        for key in self.lives.keys() | set(self.grid.views):
            watch = self._watches.get(key[0])
            if watch is not None:
                watch.show(key[1], size if key in wanted else None, rate_hz)

    # --- choosing and starting

    def check(self) -> None:
        """Have the choice looked at, behind; its lines come when they are known."""
        self._checking += 1
        number, wanted = self._checking, self.choose_panel.wanted()
        status: dict[str, Any] = {}
        if wanted.choice.rig:
            source = spell_source(wanted.choice.rig)
            if source in self._watches and self._watches[source].connected:
                status = self._watches[source].status

        def known(checked: Checked) -> None:
            if number == self._checking:
                self._checked(checked)

        def failed(error: Exception) -> None:
            self.choose_panel.say_trouble(say("run.unforeseen", why=error))

        self._behind.do(lambda: check(wanted, status), known, failed)

    def _checked(self, checked: Checked) -> None:
        self.checked = checked
        names = list(checked.loaded.boxes) if checked.loaded is not None else []
        apparatus = checked.apparatus
        sides = [c.name for c in apparatus.chamber if c.role != "neutral"] if apparatus else []
        if checked.loaded is not None:
            self.choose_panel.put_boxes(names, sides)
        here = (spell_source(checked.wanted.choice.rig), checked.wanted.choice.box or "")
        self.choose_panel.put_checked(checked, starting=here in self._starting)
        if self._right.currentWidget() is self.choose_panel and here[1] in names:
            self.chosen = here
        self._arrange()

    def look(self) -> None:
        """Start the rig's station, and see the picture of its boxes."""
        rig = self.choose_panel.wanted().choice.rig
        self.choose_panel.say_trouble("")

        def work() -> None:
            station(rig, load_rig(rig).digest).close()

        def there(_: None) -> None:
            self._watch(rig)
            self._ask_pictures()

        self._behind.do(
            work, there, lambda error: self.choose_panel.say_trouble(say("run.no_look", why=error))
        )

    def start(self) -> None:
        """Ask for the session that was chosen; it is there when its station says so."""
        checked = self.checked
        if self._right.currentWidget() is not self.choose_panel:
            return
        if checked is None or not checked.ready or checked.wanted != self.choose_panel.wanted():
            return
        assert checked.wish is not None
        assert checked.loaded is not None
        assert checked.box is not None
        choice, wish, pairing = checked.wanted.recorded, checked.wish, checked.pairing
        digest, box, by_hand = checked.loaded.digest, checked.box.box.name, checked.wanted.by_hand
        key = (spell_source(choice.rig), box)
        if key in self._starting:
            return
        self._starting.add(key)
        self.choose_panel.say_trouble("")
        self.choose_panel.put_checked(checked, starting=True)
        self.choose_panel.keep()
        if checked.wanted.blinded:
            self._remembered.put_first("blinded", wish.uid, most=256)
        self._watch(choice.rig)

        def work() -> Path:
            alone = find(spell_source(choice.rig)) is None
            with station(choice.rig, digest) as client:
                return start(
                    client, box, wish, choice.out, pairing, alone=alone, experimenter=not by_hand
                )

        def done(folder: Path) -> None:
            self._starting.discard(key)
            self.choose_panel.subject.clear()  # the next animal is another one
            self.chosen = key
            self._ask_pictures()

        def failed(error: Exception) -> None:
            self._starting.discard(key)
            self.choose_panel.say_trouble(say("run.not_started", why=error))
            self.check()  # with a fresh name for the session

        self._behind.do(work, done, failed)

    def next_session(self) -> None:
        """The ended session is seen; the form takes its place."""
        if self.live is not None:
            self.live.put_it_away()
        self._arrange()
        self.check()

    # --- what a person asks of a session

    def _request(self, live: LiveBox | None, kind: str, **fields: str) -> None:
        if live is None:
            return

        def failed(error: RigError) -> None:
            live.alarms.raise_("not_asked", why=str(error))

        live.alarms.end("not_asked")
        who = self.choose_panel.operator.text().strip()
        self._watches[live.rig].request(live.name, kind, failed, who=who, **fields)

    def answer(self) -> None:
        """The foot switch: what the prompt asks; or go to the box that waits longest."""
        live = next_to_answer(list(self.lives.values()), self.live)
        if live is None:
            return
        if live is not self.live:
            self.choose((live.rig, live.name))
            return
        for deed in live.answer():
            if not deed.hand:
                self._request(live, deed.kind, **deed.fields)
                continue
            told: Any = {"do": deed.kind, **deed.fields}
            self._watches[live.rig].ask("hand", box=live.name, **told)
            if deed.kind in ("bring", "take"):
                live.done_by_hand("place" if deed.kind == "bring" else "take")

    def _scan(self, text: str) -> bool:
        """A tag was read: an animal to choose, or the one that a session waits for."""
        text = text.strip()
        lives = list(self.lives.values())
        live = scanned(lives, self.live, text)
        if live is not None:
            self.choose((live.rig, live.name))
            self._request(live, "arm", text=say("run.scanned", text=text))
            return True
        if self._right.currentWidget() is self.choose_panel:
            self.choose_panel.scan(text)
            return True
        if self.live is not None and self.live.arming:
            self.live.alarms.raise_("wrong_animal", text=text, subject=self.live.subject)
            return True
        return False

    def _space(self) -> bool:
        return self.live is not None and self.live.live

    def _note(self, text: str) -> None:
        self._request(self.live, "note", text=text)
        self.setFocus()

    def _key_pause(self) -> None:
        if self.panel.pause.isEnabled() and self._right.currentWidget() is self.panel:
            self.panel.pause.click()

    def _key_confirm(self, what: str) -> None:
        pressed = self.panel.end if what == "end" else self.panel.abort
        if self._right.currentWidget() is self.panel and pressed.isEnabled():
            self.panel.confirm_key(what)

    def _escape(self) -> None:
        self._keys.learning = False
        self._learnt(self._keys.footswitch)
        self.panel.confirm("")
        self.panel.leave_note()
        self.setFocus()

    def saw_alarms(self) -> None:
        """Somebody has seen the alarms: the edge is calm until another comes."""
        for live in self.lives.values():
            live.alarms.saw()
        self._show_alarms()

    def _learn(self) -> None:
        self._keys.learning = True
        self._switch.setText(say("run.switch_press"))
        self.setFocus()

    def _learnt(self, name: str) -> None:
        if name != self._remembered.text("footswitch", "F9"):
            self._remembered.put("footswitch", name)
        shown = QKeySequence(name).toString(QKeySequence.SequenceFormat.NativeText)
        self._switch.setText(say("run.switch", key=shown))
        self._help.setText(say("run.keys", key=shown))

    # --- ten times a second

    def _tick(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._due["find"]:
            self._due["find"] = now_s + FIND_S
            self._find_stations()
        if now_s >= self._due["disk"]:
            self._due["disk"] = now_s + DISK_S
            for live in self.lives.values():
                if live.state is Standing.RUNNING and not live.lost:
                    self._look_at_disk(live, now_s)
        self._follow()
        self._show_alarms()
        if self._entered:
            self._paint_all()

    def _follow(self) -> None:
        for key, following in self._following.items():
            live = self.lives[key]
            if live.state not in (Standing.RUNNING, Standing.FINISHING, Standing.ENDED):
                continue
            try:
                more = following.read()
            except (OSError, ValueError) as error:
                if live.state is Standing.RUNNING:
                    self._gone(live, error)
                continue
            if (more or key not in self._times) and not live.blinded:
                self._turns.take(str(key), partial(self._measure, key, following))

    def _measure(self, key: Key, following: Following) -> None:
        self._times[key] = following.times()

    def _look_at_disk(self, live: LiveBox, now_s: float) -> None:
        elapsed_s, left_s = float(live.status.get("t_s") or 0.0), live.left_s(now_s)
        folder, uid = Path(live.folder), live.uid

        def known(room: Room) -> None:
            if live.uid != uid:
                return
            live.alarms.end("folder_gone")
            if room.low:
                free, needed = spell_bytes(room.free), spell_bytes(room.needed)
                if "disk_low" not in live.alarms.standing:
                    live.alarms.raise_("disk_low", elapsed_s, free=free, needed=needed)
            else:
                live.alarms.end("disk_low")

        self._behind.do(
            lambda: room_of(folder, elapsed_s, left_s),
            known,
            lambda error: self._gone(live, error) if live.uid == uid else None,
        )

    def _show_alarms(self) -> None:
        boxes = [(live.name, live.alarms) for live in self.lives.values()]
        loud = loudest(boxes)
        self.alarm.setVisible(bool(loud))
        if bool(loud) != bool(self._edge.property("loud")):
            self._edge.setProperty("loud", bool(loud))
            set_role(self._edge, "loud" if loud else "calm")
        lines = [
            say(
                "run.alarm",
                box=box,
                what=say(f"alarm.{a.name}", **a.values),
                do=say(f"alarm.{a.name}_do"),
            )
            for box, a in loud
        ]
        more = [say("run.alarms_more", n=len(lines) - 2)] if len(lines) > 2 else []
        self.alarm_text.setText("\n".join(lines[:2] + more))
        now = {((live.rig, live.name), a.name) for live in self.lives.values()
               for a in live.alarms.worst_first() if a.loud}  # fmt: skip
        if now - self._told and self.sound.isChecked():
            QApplication.beep()
        self._told = now

    # --- what is drawn

    def _paint_all(self) -> None:
        now_s = time.monotonic()
        for key, view in self.grid.views.items():
            self._paint_view(view, key, now_s)
        live = self.live
        if live is not None and live.shown:
            self.panel.show_box(live, self._times.get(key_of(live)), now_s)

    def _paint_view(self, view: BoxView, key: Key, now_s: float) -> None:
        live = self.lives.get(key)
        is_chosen = key == self.chosen and len(self.grid.views) > 1
        if live is None or not live.shown:
            self._paint_card(view, key, is_chosen=is_chosen)
            return
        view.set_apparatus(live.setup.apparatus if live.setup is not None else None)
        zone = str(live.status.get("zone") or "")
        following = self._following.get(key)
        trail = [(x, y) for _, x, y in following.trail] if following and not live.blinded else []
        worst = live.alarms.worst_first()
        loud, below = "", say("view.zone", zone=zone) if zone and live.live else ""
        if live.prompt is not None and live.live:
            loud, below = "warn", say_prompt(live)
        if worst and worst[0].severity is Severity.ALARM:
            loud = "bad"
            below = say(f"alarm.{worst[0].name}", **worst[0].values)
        right = clock_words(live, now_s) if live.state is Standing.RUNNING else ""
        if live.paused and live.live:
            right = say("box.paused")
        if not live.live:
            loud = "" if loud != "bad" else loud
            status = str((live.ended or {}).get("status", ""))
            below = say(f"view.{status}") if status else ""
        left = say(
            "view.who", box=live.name, subject=live.subject, step=live.status.get("step_name", "")
        )
        said = Said(left, right, below, loud)
        view.set_said(said, Seen(live.doors(), trail, {}, zone), is_chosen=is_chosen)

    def _paint_card(self, view: BoxView, key: Key, *, is_chosen: bool) -> None:
        """The box seen from above, before a session: which chamber is what."""
        checked = self.checked
        if checked is None or checked.loaded is None:
            return
        if key[0] != spell_source(checked.wanted.choice.rig) or key[1] not in checked.loaded.boxes:
            return
        view.set_apparatus(checked.loaded.boxes[key[1]].apparatus)
        mine = checked.box is not None and key[1] == checked.box.box.name
        notes = chamber_notes(checked) if mine else {}
        below = say("view.card") if mine and len(self.grid.views) == 1 else say("view.free")
        if key in self._starting:
            below = say("run.starting")
        view.set_said(
            Said(say("view.box", box=key[1], rig=checked.loaded.rig.name), "", below),
            Seen({}, (), notes),
            is_chosen=is_chosen,
        )


def key_of(live: LiveBox) -> Key:
    """The key of a box."""
    return live.rig, live.name


def chamber_notes(checked: Checked) -> dict[str, str]:
    """What each chamber of the chosen box is in the chosen session: a few words a line."""
    apparatus, plan = checked.apparatus, checked.wish.plan if checked.wish is not None else None
    if apparatus is None:
        return {}
    notes: dict[str, list[str]] = {chamber.name: [] for chamber in apparatus.chamber}
    for chamber in apparatus.chamber:
        if chamber.role == "neutral":
            notes[chamber.name].append(say("view.neutral"))
        elif checked.paired is not None and not checked.wanted.blinded:
            is_paired = chamber.name == checked.paired
            notes[chamber.name].append(say("view.paired" if is_paired else "view.unpaired"))
        for kind, cue in (plan.cues.get(chamber.name, {}) if plan else {}).items():
            notes[chamber.name].append(f"{kind}: {cue}")
    for step in plan.step if plan else ():
        if step.chamber in notes and step.do is Do.PLACE:
            notes[step.chamber].append(say("view.start_here"))
            break
    return {name: "\n".join(lines) for name, lines in notes.items()}
