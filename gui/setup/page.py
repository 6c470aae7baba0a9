"""The page where a rig is set up: camera, boxes, chambers, scale, background, board."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from gui.browse import pick_file
from gui.page import Page, button, label, set_role
from gui.remembered import Remembered
from gui.setup.board_panel import BoardPanel
from gui.setup.boxes_panel import BoxesPanel
from gui.setup.camera_panel import CameraPanel
from gui.setup.canvas import Canvas
from gui.setup.drawing_panel import DrawingPanel
from gui.setup.rig_desk import RigDesk
from gui.setup.rig_draft import RigDraft
from gui.setup.rig_files import open_rig
from gui.setup.save_panel import SavePanel
from gui.setup.scale_panel import ScalePanel
from gui.setup.section import Section, choice, offer, pick
from gui.setup.silhouette_panel import SilhouettePanel
from gui.texts import say
from gui.theme import Theme
from gui.watch import Stations
from rig.errors import ConfigError

PANEL_WIDTH = 420
BAR_WIDTH = 22


class SetupPage(Page):
    """Sets up a rig. `saved(source)` says that its files were written."""

    saved = pyqtSignal(str)

    def __init__(self, stations: Stations, remembered: Remembered) -> None:
        super().__init__()
        self._stations, self._remembered = stations, remembered
        self.desk = RigDesk(stations, self)
        self.canvas = Canvas()
        self.camera = CameraPanel(self.desk, self.canvas)
        self.boxes = BoxesPanel(self.desk, self.canvas)
        self.chambers = DrawingPanel(self.desk, self.canvas)
        self.scale = ScalePanel(self.desk, self.canvas)
        self.empty = SilhouettePanel(self.desk, self.canvas)
        self.board = BoardPanel(self.desk, self.canvas)
        self.save = SavePanel(self.desk, self.canvas)
        self.sections: tuple[Section, ...] = (
            *(self.camera, self.boxes, self.chambers, self.scale),
            *(self.empty, self.board, self.save),
        )
        self._shown = False
        self.tabs = QTabBar()
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        self.tabs.setAccessibleName(say("setup.sections"))
        self._stack = QStackedWidget()
        for k, section in enumerate(self.sections):
            self.tabs.addTab(f"{k + 1}  {say(f'setup.{section.key}')}")
            area = QScrollArea()
            area.setWidgetResizable(True)
            area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            area.setWidget(section)
            area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self._stack.addWidget(area)
            self._key(f"Alt+{k + 1}", partial(self.tabs.setCurrentIndex, k))
        self.said = label("", "", wrap=True)
        self.said.hide()
        self.help = label(say("setup.canvas_help"), "muted", wrap=True)
        self._lay_out()
        self._connect()
        self._section: Section = self.sections[0]
        self._show_section(0)

    def _lay_out(self) -> None:
        self.new = button(say("setup.new"))
        self.open = button(say("setup.open"))
        self.undo, self.redo = button(say("setup.undo")), button(say("setup.redo"))
        self.undo.setToolTip("Ctrl+Z")
        self.redo.setToolTip("Ctrl+Shift+Z")
        self.which = choice((), lambda place: self.desk.choose(int(str(place))))
        self.which.setAccessibleName(say("setup.which_box"))
        self._which_name = label(say("setup.which_box"), "muted")
        top = QHBoxLayout()
        top.addWidget(label(say("setup.title"), "title"))
        top.addStretch(1)
        for widget in (self._which_name, self.which, self.undo, self.redo, self.new, self.open):
            top.addWidget(widget)
        picture = QWidget()
        beside = QVBoxLayout(picture)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(self.canvas, 1)
        beside.addWidget(self.help)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        self._stack.setMinimumWidth(340)
        split.addWidget(self._stack)
        split.addWidget(picture)
        split.setStretchFactor(1, 1)
        split.setSizes([PANEL_WIDTH, 800])
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(self.tabs)
        layout.addWidget(self.said)
        layout.addWidget(split, 1)

    def _connect(self) -> None:
        self.tabs.currentChanged.connect(self._show_section)
        self.new.clicked.connect(self.begin_new)
        self.open.clicked.connect(self._ask_which)
        self.undo.clicked.connect(self.desk.undo)
        self.redo.clicked.connect(self.desk.redo)
        self._key(QKeySequence(QKeySequence.StandardKey.Undo), self.desk.undo)
        self._key("Ctrl+Shift+Z", self.desk.redo)
        self._key("Ctrl+Y", self.desk.redo)
        self._key("Ctrl+S", lambda: self.tabs.setCurrentIndex(len(self.sections) - 1))
        self.desk.changed.connect(self._refresh)
        self.desk.pictured.connect(self._picture)
        self.desk.said.connect(self.tell)
        self.desk.station.lost.connect(self._lost)
        self.desk.station.ready.connect(self._ready)
        self.desk.station.stands.connect(self._stands)
        self.save.saved.connect(self._saved)
        canvas = self.canvas
        canvas.snap = lambda *given: self._section.snap(*given)
        canvas.chosen.connect(lambda key, corner: self._section.chosen(key, corner))
        canvas.dragged.connect(lambda key, points: self._section.dragged(key, points))
        canvas.edited.connect(lambda key, points: self._section.edited(key, points))
        canvas.corner_added.connect(lambda key, k: self._section.corner_added(key, k))
        canvas.corner_removed.connect(lambda key, k: self._section.corner_removed(key, k))
        canvas.removed.connect(lambda key: self._section.removed(key))

    def _key(self, keys: str | QKeySequence, does: Callable[[], object]) -> None:
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(does)

    # --- the page comes and goes

    def enter(self) -> None:
        """Look through the camera again."""
        self._shown = True
        self.desk.go_on()
        self._section.enter()
        self._refresh()

    def leave(self) -> None:
        """Camera and board are free for a session."""
        self._shown = False
        self._section.leave()
        self.desk.pause()

    def use_theme(self, theme: Theme) -> None:
        """The picture's own colours."""
        self.canvas.use_theme(theme)

    def close_down(self) -> None:
        """The provisional station ends with the window."""
        for section in self.sections:
            section.close_down()
        self.desk.station.close_down()

    # --- which rig

    def begin_new(self) -> None:
        """Begin another rig from nothing."""
        self.save.forget()
        self.tell("", "")
        self.desk.begin_anew(RigDraft())
        self.tabs.setCurrentIndex(0)

    def _ask_which(self) -> None:
        pick_file(self, say("setup.open"), "*.toml", lambda name: self.open_file(Path(name)))

    def open_file(self, path: Path) -> None:
        """Edit a rig that is there; what cannot be used is said, and nothing changes."""
        try:
            try:
                draft = open_rig(str(path))
            except OSError as error:
                raise ConfigError(str(path), "", str(error.strerror)) from None
        except ConfigError as error:
            self.tell("bad", say("setup.not_opened", why=error))
            return
        self.tell("", "")
        self.save.forget()
        self.desk.begin_anew(draft, path)
        self._remembered.put_first("rigs edited", str(path))

    def _saved(self, source: str) -> None:
        self.saved.emit(source)

    # --- shown

    def tell(self, role: str, text: str) -> None:
        """Say something above the section; "" takes it back."""
        self.said.setText(text)
        set_role(self.said, role)
        self.said.setVisible(bool(text))

    def _show_section(self, place: int) -> None:
        if self._shown:
            self._section.leave()
        self._section = self.sections[place]
        self._stack.setCurrentIndex(place)
        self.canvas.show_silhouette(None)
        self.canvas.key, self.canvas.corner = None, -1
        self._refresh()
        if self._shown:
            self._section.enter()

    def _refresh(self) -> None:
        draft, history = self.desk.draft, self.desk.history
        self.undo.setEnabled(history.can_undo)
        self.redo.setEnabled(history.can_redo)
        several = len(draft.boxes) > 1
        offer(self.which, [(box.name, k) for k, box in enumerate(draft.boxes)])
        pick(self.which, self.desk.place)
        self.which.setVisible(several)
        self._which_name.setVisible(several)
        section = self._section
        section.refresh()
        self._stack.setMinimumWidth(max(340, section.minimumSizeHint().width() + BAR_WIDTH))
        self.canvas.show_shapes(section.shapes(), *section.selection())
        self._picture()

    def _picture(self) -> None:
        desk, section = self.desk, self._section
        if not desk.draft.source:
            self.canvas.empty_text = say("setup.choose_camera")
        elif not self.said.text():
            self.canvas.empty_text = say("setup.picture_comes")
        if section.whole or desk.box is None:
            self.canvas.show_picture(desk.picture, _size(desk.picture_px, desk.draft.size_px))
        else:
            self.canvas.show_picture(desk.box_picture(), desk.box.drawing.size_px)
        self.help.setVisible(section.drawn_on and bool(self.canvas.shapes))

    # --- the station

    def _lost(self, why: str) -> None:
        self.tell("bad", say("setup.camera_lost", why=why))
        self.canvas.empty_text = say("setup.no_camera_picture")
        self.canvas.update()

    def _ready(self) -> None:
        self.tell("", "")
        self._section.refresh()

    def _stands(self) -> None:
        camera = self.desk.station.status.get("camera", {})
        silent = bool(camera.get("silent")) and self.desk.picture is not None
        if silent:
            self.tell("bad", say("setup.camera_silent"))
        elif self.said.text() == say("setup.camera_silent"):
            self.tell("", "")


def _size(seen: tuple[int, int], wanted: tuple[int, int] | None) -> tuple[int, int]:
    return seen if seen[0] else wanted or (4, 3)
