"""Choose a camera, see it, lock what it would change by itself."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
)

from gui.browse import pick_file
from gui.page import button, card, label
from gui.setup.canvas import Canvas
from gui.setup.drawing import Drawing
from gui.setup.listing import Listing
from gui.setup.rig_desk import RigDesk, is_file, usual_background
from gui.setup.rig_draft import RATE_HZ, SIM, RigDraft
from gui.setup.rig_files import open_rig
from gui.setup.section import (
    Section,
    across,
    add_row,
    beside,
    choice,
    form,
    line,
    number,
    pick,
    put,
    quiet,
)
from gui.texts import say
from rig.channel import Message
from rig.errors import RigError

SIZES = ((640, 480), (1280, 720), (1280, 960), (1920, 1080))
LOCKS = {"exposure": "auto_exposure", "gain": "", "white_balance": "auto_white_balance"}
"""What is locked, and the camera's own setting that would change it."""
VIDEOS = "*.mp4 *.mkv *.avi *.mov *.m4v *.mpg *.mpeg *.wmv *.webm"


class CameraPanel(Section):
    """Cameras, the simulated rig and video files in one list."""

    key = "camera"
    whole = True

    def __init__(self, desk: RigDesk, canvas: Canvas) -> None:
        super().__init__(desk, canvas)
        self._cameras: list[dict[str, Any]] = []
        self._others: list[str] = []  # files and addresses that were given
        self._listing = Listing(["cameras"], self._listed, self._not_listed, self)
        self.sources = QListWidget()
        self.sources.setAccessibleName(say("setup.sources"))
        self.sources.setMinimumHeight(110)
        self.sources.setMaximumHeight(190)
        self.sources.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.sources.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.sources.itemActivated.connect(lambda item: self.use(item.data(_SOURCE)))
        self.sources.itemClicked.connect(lambda item: self.use(item.data(_SOURCE)))
        self.again = button(say("setup.list_again"))
        self.again.clicked.connect(self.list_cameras)
        self.file = button(say("setup.video_file"))
        self.file.clicked.connect(self._ask_file)
        self.address = line(self._use_address)
        self.address.setPlaceholderText(say("setup.address_hint"))
        self.body.addWidget(self.sources)
        self.body.addLayout(across(self.again, self.file))
        fields = form()
        add_row(fields, say("setup.address"), self.address)
        sizes = [(say("setup.size_own"), None), *((f"{w} x {h}", (w, h)) for w, h in SIZES)]
        self.picture_size = choice(sizes, self._use_size)
        add_row(fields, say("setup.size"), self.picture_size)
        self.rate = number(self._use_rate, 1, 500, suffix=" /s")
        add_row(fields, say("setup.rate"), self.rate)
        self.body.addLayout(fields)
        self._settings = label("", "muted", wrap=True)
        self.fields: dict[str, QDoubleSpinBox] = {}
        self.locks: dict[str, QCheckBox] = {}
        inside = form()
        for name in LOCKS:
            self.fields[name] = number(partial(self._set, name), -1e5, 1e5)
            lock = self.locks[name] = QCheckBox(say("setup.locked"))
            lock.setAccessibleName(say("setup.lock_of", what=say(f"setup.{name}")))
            lock.clicked.connect(partial(self._lock, name))
            add_row(inside, say(f"setup.{name}"), beside(self.fields[name], lock))
        group = card(label(say("setup.locks"), "muted"), self._settings)
        layout = group.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.addLayout(inside)
        self.body.addWidget(group)
        self.finish()
        desk.station.ready.connect(self._ask_settings)
        self._know: dict[str, float] = {}
        self._show_settings({})

    # --- the list

    def enter(self) -> None:
        """Look for cameras the first time."""
        if not self._cameras and not self._listing.busy:
            self.list_cameras()

    def list_cameras(self) -> None:
        """Ask which cameras there are."""
        self.again.setEnabled(False)
        self._listing.ask()

    def _listed(self, found: list[dict[str, Any]]) -> None:
        self._cameras = found
        self.again.setEnabled(True)
        self.tell("" if found else say("setup.no_camera"), "muted")
        self._fill()

    def _not_listed(self, why: str) -> None:
        self.again.setEnabled(True)
        self.tell(say("setup.not_listed", why=why), "warn")

    def _fill(self) -> None:
        rows: list[tuple[str, str]] = [(say("setup.simulated"), SIM)]
        for camera in self._cameras:
            rows.append((f"{camera['name']}\n{camera['identity']}", str(camera["identity"])))
        known = {source for _, source in rows}
        for source in [*self._others, self.desk.draft.source]:
            if source and source not in known:
                known.add(source)
                rows.append((_named(source), source))
        with quiet(self.sources):
            self.sources.clear()
            for text, source in rows:
                item = QListWidgetItem(text)
                item.setData(_SOURCE, source)
                item.setToolTip(source)
                self.sources.addItem(item)
                if source == self.desk.draft.source:
                    self.sources.setCurrentItem(item)

    # --- choosing

    def use(self, source: str) -> None:
        """Have this camera; what was drawn for another one stays."""
        if source == self.desk.draft.source and self.desk.station.runs:
            return
        draft = self.desk.draft
        if source != draft.source:
            fresh = replace(draft, source=source, settings={})
            if source == SIM:
                built_in = open_rig(SIM)
                fresh = replace(fresh, size_px=built_in.size_px, rate_hz=built_in.rate_hz)
            elif is_file(source) or draft.simulated:
                fresh = replace(fresh, size_px=None, rate_hz=RATE_HZ)
            self.desk.do(_with_backgrounds(fresh))
        self._show_settings({})
        self.desk.look_through_camera()

    def use_file(self, path: Path) -> None:
        """Play this file as the camera."""
        source = str(path.resolve())
        if source not in self._others:
            self._others.append(source)
        self.use(source)

    def _ask_file(self) -> None:
        kinds = f"{say('setup.videos')} ({VIDEOS})"
        pick_file(self, say("setup.video_file"), kinds, lambda name: self.use_file(Path(name)))

    def _use_address(self, address: str) -> None:
        if not address:
            return
        if Path(address).is_file() and not address.startswith("/dev/"):
            self.use_file(Path(address))
        else:
            self._others.append(address)
            self.use(address)

    def _use_size(self, size: object) -> None:
        chosen = tuple(size) if isinstance(size, tuple | list) else None
        wanted = None if chosen is None else (int(chosen[0]), int(chosen[1]))
        if wanted != self.desk.draft.size_px:
            self.desk.do(replace(self.desk.draft, size_px=wanted))
            self.desk.look_through_camera()

    def _use_rate(self, rate_hz: float) -> None:
        if rate_hz != self.desk.draft.rate_hz:
            self.desk.do(replace(self.desk.draft, rate_hz=rate_hz))
            self.desk.look_through_camera()

    def refresh(self) -> None:
        """Show the draft's camera."""
        draft = self.desk.draft
        self._fill()
        sizes = list(SIZES)
        if draft.size_px is not None and draft.size_px not in sizes:
            self.picture_size.addItem(f"{draft.size_px[0]} x {draft.size_px[1]}", draft.size_px)
        pick(self.picture_size, draft.size_px)
        put(self.rate, draft.rate_hz)
        free = not (draft.simulated or is_file(draft.source))
        self.picture_size.setEnabled(free)
        self.rate.setEnabled(free)

    # --- locking

    def _ask_settings(self) -> None:
        if is_file(self.desk.draft.source):
            self.desk.station.ask("play", on=True)
        if self.desk.draft.simulated or is_file(self.desk.draft.source):
            self._show_settings({})
            return
        self.desk.station.ask("camera", self._settings_came, self._no_settings)

    def _settings_came(self, reply: Message) -> None:
        self._show_settings(dict(reply.data["settings"]))

    def _no_settings(self, error: RigError) -> None:
        self._show_settings({})
        self._settings.setText(say("setup.settings_refused", why=error))
        self._settings.show()

    def _show_settings(self, settings: dict[str, float]) -> None:
        self._know = settings
        held = self.desk.draft.settings
        for name, automatic in LOCKS.items():
            there = name in settings
            self.fields[name].setEnabled(there)
            self.locks[name].setEnabled(there)
            if there:
                put(self.fields[name], settings[name])
            with quiet(self.locks[name]):
                self.locks[name].setChecked(held.get(automatic) == 0 if automatic else name in held)
        self._settings.setText("" if settings else say("setup.no_settings"))
        self._settings.setVisible(not settings)

    def _set(self, name: str, value: float) -> None:
        if name in self._know and value != self._know[name]:
            self._change({**_locked(name), name: value})

    def _lock(self, name: str, on: bool) -> None:
        automatic = LOCKS[name]
        if on:
            self._change({**_locked(name), name: self.fields[name].value()})
        elif automatic:
            self._change({automatic: 1.0}, (name, automatic))
        else:
            self._change({}, (name,))

    def _change(self, changes: dict[str, float], forget: Sequence[str] = ()) -> None:
        """Ask the camera for it; the draft has it once the camera does."""

        def taken(reply: Message) -> None:
            held = {k: v for k, v in self.desk.draft.settings.items() if k not in forget}
            held |= {k: v for k, v in changes.items() if k not in forget}
            self.desk.do(replace(self.desk.draft, settings=held))
            self.tell("")
            self._settings_came(reply)

        def refused(error: RigError) -> None:
            self.tell(say("setup.setting_refused", why=error), "bad")
            self._show_settings(self._know)

        self.desk.station.ask("camera", taken, refused, set=changes)

    def close_down(self) -> None:
        """Listen to no command any more."""
        self._listing.close_down()


_SOURCE = Qt.ItemDataRole.UserRole


def _locked(name: str) -> dict[str, float]:
    return {LOCKS[name]: 0.0} if LOCKS[name] else {}


def _named(source: str) -> str:
    if is_file(source):
        return f"{Path(source).name}\n{Path(source).parent}"
    return source


def _with_backgrounds(draft: RigDraft) -> RigDraft:
    """Each box's background as its new camera has one; pictures of another camera are no use."""
    usual = usual_background(draft)
    boxes = tuple(replace(box, background=usual, picture=b"") for box in draft.boxes)
    empty = all(box.drawing == Drawing(box.drawing.size_px) for box in boxes)
    return replace(draft, boxes=() if empty else boxes)
