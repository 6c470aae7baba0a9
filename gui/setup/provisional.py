"""The rig being made, in front of its camera: a station on a provisional rig file.

The files lie in a folder of the window's own. The station is told to quit as soon as another
camera is chosen or the page is left, so that a session finds camera and board free.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from gui.remembered import config_folder
from gui.setup.drawing import Chamber, Drawing, rectangle
from gui.setup.rig_draft import (
    SIM,
    WHOLE,
    BoxDraft,
    RigDraft,
    apparatus_table,
    checked,
    file_names,
    rig_table,
)
from gui.setup.rig_files import open_rig
from gui.setup.scale import Scale
from gui.setup.toml_text import toml_text
from gui.watch import Preview, Watch
from rig.channel import Message, connect, entries, find
from rig.channel.system import lock
from rig.errors import ConfigError, RigError

WHOLE_BOX = ""
"""Names the camera's whole picture to a station."""
LARGEST_PX = (1280, 1024)
GONE_MS = 50
FILE = "provisional.rig.toml"
HELD = "held"
"""A file in the folder of each window, locked while its process lives, however that ends."""
DEFAULT_SIZE_PX = (640, 480)


def provisional(draft: RigDraft, size_px: tuple[int, int] | None = None) -> RigDraft:
    """What a station can be started on: the draft, or its camera alone while it is unfinished.

    `size_px` is the picture's size, if one was seen.
    """
    if draft.boxes:
        with suppress(ConfigError):
            checked(draft)
            return draft
    if draft.simulated:
        return open_rig(SIM)  # its world is drawn from its boxes: those that are built in
    width, height = draft.size_px or size_px or DEFAULT_SIZE_PX
    whole = Chamber(WHOLE, rectangle(0.0, 0.0, float(width), float(height)))
    box = BoxDraft("whole", Drawing((width, height), (whole,)), scale=Scale(10.0))
    return RigDraft(
        name=draft.name,
        source=draft.source,
        size_px=draft.size_px,
        rate_hz=draft.rate_hz,
        settings=draft.settings,
        boxes=(box,),
        camera_rest=draft.camera_rest,
    )


class ProvisionalStation(QObject):
    """The station of the rig being made; at most one at a time.

    Signals:
        pictured(Preview): the camera's whole picture.
        stands(): `status` is new.
        lost(str): it does not answer, and why.
        ready(): it answers.
    """

    pictured = pyqtSignal(object)
    stands = pyqtSignal()
    lost = pyqtSignal(str)
    ready = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._watch: Watch | None = None
        self._going: list[Watch] = []  # their stations quit, or will
        self._buried: list[Watch] = []  # those that were told
        self._next: Callable[[], None] | None = None
        self._count = 0
        self._held = -1  # the open file whose lock says that this process lives
        self._timer = QTimer(self)
        self._timer.setInterval(GONE_MS)
        self._timer.timeout.connect(self._see_gone)

    @property
    def runs(self) -> bool:
        """Whether there is a station, or one is coming up."""
        return self._watch is not None or self._next is not None

    @property
    def connected(self) -> bool:
        """Whether it answers."""
        return self._watch is not None and self._watch.connected

    @property
    def status(self) -> dict[str, Any]:
        """What it said last."""
        return {} if self._watch is None else self._watch.status

    @property
    def source(self) -> str:
        """What names its rig on a command line; "" without one."""
        return "" if self._watch is None else self._watch.source

    def begin(self, draft: RigDraft) -> None:
        """Have a station on this draft; the one before ends first. Raises OSError, ConfigError."""
        self.end()
        source = self._write(draft)
        self._next = lambda: self._start(source, draft)
        self._see_gone()
        if self._next is not None:
            self._timer.start()

    def end(self) -> None:
        """Have none: the one there quits. A second call does nothing."""
        self._next = None
        watch, self._watch = self._watch, None
        if watch is None:
            return
        for signal in (watch.changed, watch.pictured, watch.lost, watch.back):
            with suppress(TypeError):
                signal.disconnect()
        self._going.append(watch)
        if watch.connected:
            self._bury(watch)
        else:  # it is still coming up: it hears of its end as soon as it can
            watch.back.connect(lambda: self._bury(watch))
            watch.lost.connect(lambda _: self._bury(watch))
        self._timer.start()

    def close_down(self) -> None:
        """End it for good, and remove its files."""
        self.end()
        self._timer.stop()
        for watch in self._going:
            self._bury(watch)
        if self._held >= 0:
            os.close(self._held)
            self._held = -1
        shutil.rmtree(self._folder(), ignore_errors=True)

    def _bury(self, watch: Watch) -> None:
        if watch not in self._buried:
            self._buried.append(watch)
            watch.close()
            _tell_quit(watch.source)

    def ask(
        self,
        kind: str,
        then: Callable[[Message], None] | None = None,
        failed: Callable[[RigError], None] | None = None,
        **fields: Any,
    ) -> None:
        """Ask it; nothing happens without one."""
        if self._watch is not None:
            self._watch.ask(kind, then, failed, **fields)

    def folder(self) -> Path:
        """Where its files are; made if it is missing. Raises OSError."""
        folder = self._folder()
        folder.mkdir(parents=True, exist_ok=True)
        if self._held < 0:
            self._held = os.open(folder / HELD, os.O_RDWR | os.O_CREAT, 0o600)
            lock(self._held)
        return folder

    @staticmethod
    def _folder() -> Path:
        return _shelf() / str(os.getpid())

    def _write(self, draft: RigDraft) -> str:
        self._count += 1
        folder = self.folder() / str(self._count)
        folder.mkdir(exist_ok=True)
        names = file_names(draft)
        for k, box in enumerate(draft.boxes):
            _, picture_file = names[box.name]
            picture = f"{k}.png" if picture_file else ""
            names[box.name] = (f"{k}.toml", picture)
            (folder / f"{k}.toml").write_text(toml_text(apparatus_table(box)), encoding="utf-8")
            if picture:
                (folder / picture).write_bytes(box.picture)
        path = folder / FILE
        path.write_text(toml_text(rig_table(draft, names)), encoding="utf-8")
        return f"sim:{path}" if draft.simulated else str(path)

    def _see_gone(self) -> None:
        for watch in list(self._buried):
            if find(watch.source) is None:
                self._buried.remove(watch)
                self._going.remove(watch)
                watch.deleteLater()
        if self._going:
            return
        self._timer.stop()
        start, self._next = self._next, None
        if start is not None:
            start()

    def _start(self, source: str, draft: RigDraft) -> None:
        watch = self._watch = Watch(source, self)
        watch.changed.connect(self.stands)
        watch.pictured.connect(self._picture)
        watch.lost.connect(lambda why: self.lost.emit(in_short(why)))
        watch.back.connect(self.ready)
        watch.show(WHOLE_BOX, LARGEST_PX)
        watch.begin(start=True)

    def _picture(self, preview: Preview) -> None:
        self.pictured.emit(preview)


def remove_abandoned() -> None:
    """Remove the folders of windows that crashed; one that a window or station uses stays."""
    with suppress(OSError, RigError):
        used = [Path(entry.source) for entry in entries()]
        for folder in _shelf().iterdir():
            if folder.name.isdecimal() and not any(path.is_relative_to(folder) for path in used):
                _remove_unheld(folder)


def _remove_unheld(folder: Path) -> None:
    with suppress(OSError):
        fd = os.open(folder / HELD, os.O_RDWR)
        try:
            free = lock(fd)
        finally:
            os.close(fd)
        if free:
            shutil.rmtree(folder, ignore_errors=True)


def _shelf() -> Path:
    return config_folder().resolve() / "provisional"


def in_short(why: object) -> str:
    """An error without the provisional file, which nobody made by hand and nobody is to mend."""
    return str(why).rpartition(f"{FILE}: ")[2].removeprefix("camera.source: ")


def _tell_quit(source: str) -> None:
    """Have a station end now. Quick: it is this computer's own, and answers at once or is gone."""
    with suppress(RigError):
        entry = find(source)
        if entry is not None:
            with connect(entry, 1.0) as client:
                client.request("quit", timeout_s=2.0)
