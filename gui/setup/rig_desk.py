"""What the sections of the rig page share: the draft with its past, its station, its picture."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QObject, pyqtSignal

from gui.setup.drawing import Drawing
from gui.setup.history import History
from gui.setup.provisional import ProvisionalStation, provisional
from gui.setup.rig_draft import SIM, BoxDraft, RigDraft
from gui.texts import say
from gui.watch import Preview, Stations, Watch
from rig.errors import ConfigError

Picture = NDArray[np.uint8]


class RigDesk(QObject):
    """The rig being made.

    Signals:
        changed(): `draft` is another one, another box is chosen, or the camera is opened anew.
        pictured(): `picture` is new.
        said(role, text): something to tell the person; role as for a label. "" takes it back.
    """

    changed = pyqtSignal()
    pictured = pyqtSignal()
    said = pyqtSignal(str, str)

    def __init__(self, stations: Stations, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stations = stations
        self.station = ProvisionalStation(self)
        self.station.pictured.connect(self._picture)
        self.history = History(RigDraft())
        self.opened: Path | None = None  # the rig file that is edited
        self.picture: Picture | None = None
        self.picture_px = (0, 0)  # the camera's own size
        self.picture_step = 1
        self._box = 0
        self._running: RigDraft | None = None

    @property
    def draft(self) -> RigDraft:
        """The rig as it is now."""
        return self.history.now

    @property
    def place(self) -> int:
        """The chosen box's place."""
        return min(self._box, max(0, len(self.draft.boxes) - 1))

    @property
    def box(self) -> BoxDraft | None:
        """The chosen box, if there is one."""
        boxes = self.draft.boxes
        return boxes[self.place] if boxes else None

    def choose(self, place: int) -> None:
        """Work on another box."""
        if place != self._box:
            self._box = place
            self.changed.emit()

    def do(self, draft: RigDraft) -> None:
        """Have another draft; the one before can be had back."""
        if self.history.do(_redrawn(self.draft, draft)):
            self.changed.emit()

    def change_box(self, change: Callable[[BoxDraft], BoxDraft]) -> None:
        """Have another box in the place of the chosen one."""
        box = self.box
        if box is not None:
            self.do(self.draft.with_box(self.place, change(box)))

    def undo(self) -> None:
        """Take the last step back."""
        if self.history.undo():
            self.changed.emit()

    def redo(self) -> None:
        """Take the taking back back."""
        if self.history.redo():
            self.changed.emit()

    def begin_anew(self, draft: RigDraft, opened: Path | None = None) -> None:
        """Work on another rig; the one before is forgotten."""
        self.history = History(draft)
        self.opened = opened
        self._box = 0
        self.look_through_camera()

    def look_through_camera(self) -> None:
        """Have a station on the draft's camera as it is now; none where no camera is chosen."""
        self.picture, self.picture_px = None, (0, 0)
        self._running = None
        draft = self.draft
        if not draft.source:
            self.station.end()
            self.changed.emit()
            return
        started = provisional(draft)
        try:
            self.station.begin(started)
        except OSError as error:
            self.said.emit("bad", say("setup.no_folder", why=error.strerror or error))
        except ConfigError as error:
            self.said.emit("bad", say("setup.unusable", why=error))
        else:
            self._running = started
        self.changed.emit()

    def pause(self) -> None:
        """Let the camera go until `go_on`."""
        self.station.end()
        self._running = None

    def go_on(self) -> None:
        """Look through the camera again."""
        if not self.station.runs and self.draft.source:
            self.look_through_camera()

    def other(self, source: str) -> Watch:
        """The window's watch of another rig's station."""
        return self._stations.of(source)

    def look_as_drawn(self) -> None:
        """Have the simulated world look as it is drawn; a real camera looks on."""
        draft = self.draft
        if draft.simulated and draft.boxes and self._running is not None:
            drawn = provisional(draft)
            if _world(drawn) != _world(self._running):
                self.look_through_camera()

    def running_rig(self) -> RigDraft | None:
        """What the station runs on."""
        return self._running

    def _picture(self, preview: Preview) -> None:
        size = preview.data.get("size_px", (preview.image.shape[1], preview.image.shape[0]))
        first = self.picture is None
        self.picture = preview.image
        self.picture_px = (int(size[0]), int(size[1]))
        self.picture_step = int(preview.data["step"])
        if first:
            self._fit_boxes()
        self.pictured.emit()

    def _fit_boxes(self) -> None:
        """A first box over the whole picture, once its size is known."""
        draft = self.draft
        if not draft.boxes:
            width, height = self.picture_px
            box = BoxDraft("A", Drawing((width, height)), background=usual_background(draft))
            self.history = History(replace(draft, boxes=(box,)))
            self.changed.emit()

    def box_picture(self) -> Picture | None:
        """The chosen box's part of the picture, as coarse as that is."""
        box, picture = self.box, self.picture
        if picture is None or box is None or box.crop_px is None:
            return picture
        x, y, width, height = box.crop_px
        step = self.picture_step
        part = picture[y // step : (y + height) // step, x // step : (x + width) // step]
        return part if part.size else None


def _world(draft: RigDraft) -> object:
    """What a simulated world is made from."""
    boxes = tuple((b.name, b.crop_px, b.drawing, b.scale, b.doors, b.beams) for b in draft.boxes)
    return draft.boards, boxes


def _redrawn(before: RigDraft, after: RigDraft) -> RigDraft:
    """`after`, without pictures of a simulated box that looks otherwise now: it is as drawn."""
    if not after.simulated:
        return after
    looks = {b.name: (b.drawing, b.scale, b.crop_px) for b in before.boxes}
    boxes = tuple(
        box
        if looks.get(box.name) == (box.drawing, box.scale, box.crop_px)
        else replace(box, picture=b"", background=SIM)
        for box in after.boxes
    )
    return replace(after, boxes=boxes)


def usual_background(draft: RigDraft) -> str:
    """What a new box's background is, until a picture of it was taken."""
    if draft.simulated:
        return "sim"
    return "median" if is_file(draft.source) else "live"


def is_file(source: str) -> bool:
    """Whether a source names a video file."""
    return Path(source).is_absolute() and not source.startswith("/dev/")
