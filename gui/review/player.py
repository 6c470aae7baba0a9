"""A recording played with what was found drawn over it: at any speed, frame by frame, by key."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from gui.page import button, label
from gui.review.projector import Projector
from gui.review.timeline import Timeline
from gui.run.around import Said
from gui.run.box_view import BoxView, Seen
from gui.setup.canvas import Canvas
from gui.texts import say
from gui.theme import Theme
from gui.watch import Preview
from protocols.review.footage import DOORS, ENTRIES, LOST, MENDED, Footage, Stretch
from rig.session.viewing import Look

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
TICK_MS = 25
STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
JUMPS = {
    Qt.Key.Key_E: ENTRIES,
    Qt.Key.Key_D: DOORS,
    Qt.Key.Key_L: LOST,
    Qt.Key.Key_C: MENDED,
}


class Player(QWidget):
    """One recording. `title` is all that it says of whose it is.

    Signals: moved(row); pressed(key), for a key that means nothing here; broken(error): its
    pictures cannot be had.
    """

    moved = pyqtSignal(int)
    pressed = pyqtSignal(int)
    broken = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(say("review.player"))
        self.footage: Footage | None = None
        self.row = 0
        self.speed = 1.0
        self.playing = False
        self.mark: int | None = None  # where a stretch that is chosen begins
        self.shown_frame = -1
        self._title, self._bare = "", False
        self._image: NDArray[np.uint8] | None = None
        self._position_s, self._tick_s, self._end_s = 0.0, 0.0, 0.0
        self._reel = 0
        self.projector = Projector(self)
        self.projector.shown.connect(self._show)
        self.projector.failed.connect(self._fail)
        self.view, self.canvas = BoxView(nothing=say("review.no_recording")), Canvas()
        self.view.chosen.connect(self.setFocus)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.view)
        self.stack.addWidget(self.canvas)
        self.timeline = Timeline()
        self.timeline.asked.connect(self._go_to_s)
        self.clock = label("", "title")
        self.where = label("", "warn")
        self.buttons = {
            name: button(say(f"review.{name}"), "small")
            for name in ("back", "play", "on", "slower", "faster")
        }
        for name, act in (
            ("back", lambda: self.step(-1)), ("play", self.toggle), ("on", lambda: self.step(1)),
            ("slower", lambda: self.change_speed(-1)), ("faster", lambda: self.change_speed(1)),
        ):  # fmt: skip
            self.buttons[name].setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keys stay with it
            self.buttons[name].clicked.connect(act)
        self.pace = label("", "muted")
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        controls = QHBoxLayout()
        for name in ("back", "play", "on"):
            controls.addWidget(self.buttons[name])
        controls.addWidget(self.clock)
        controls.addWidget(self.where, 1)
        controls.addWidget(self.pace)
        for name in ("slower", "faster"):
            controls.addWidget(self.buttons[name])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.stack, 1)
        layout.addLayout(controls)
        layout.addWidget(self.timeline)
        self._say_pace()

    # --- what is shown

    def show_footage(self, footage: Footage | None, title: str = "", *, bare: bool = False) -> None:
        """Another recording from its start; `bare`: nothing that was found is drawn over it."""
        self.pause()
        self.footage, self._title, self._bare = footage, title, bare
        self.row, self.mark, self.shown_frame, self._image = 0, None, -1, None
        self.watch()
        self.view.set_preview(None)
        self.view.set_apparatus(None if footage is None or bare else footage.apparatus)
        self.timeline.setVisible(not bare)
        for name in ("back", "play", "on"):
            self.buttons[name].setVisible(not bare)  # a check has keys of its own
        self.timeline.show_footage(None if bare else footage)
        self._reel = self.projector.put_in(None if footage is None else footage.reel)
        for one in self.buttons.values():
            one.setEnabled(footage is not None)
        self._say()
        if footage is not None:
            self.seek(0)

    def show_corrected(self, corrected: Sequence[Stretch]) -> None:
        """Rows that a person has corrected, not scored yet."""
        self.timeline.show_footage(self.footage, corrected)
        self._say()

    def use_theme(self, theme: Theme) -> None:
        """Colours of pictures and time line."""
        for one in (self.view, self.canvas, self.timeline):
            one.use_theme(theme)

    def close_down(self) -> None:
        """Its thread ends."""
        self.pause()
        self.projector.close()

    @property
    def frame(self) -> int:
        """The frame's number as in frames.csv; -1 where nothing is shown."""
        return -1 if self.footage is None else int(self.footage.frame[self.row])

    @property
    def image(self) -> NDArray[np.uint8] | None:
        """The picture of `frame`, once it is there."""
        return self._image if self.shown_frame == self.frame else None

    def edit(self) -> None:
        """Show the picture to be drawn on: on `canvas`."""
        self.pause()
        if self.footage is not None:
            self.canvas.show_picture(self._image, self.footage.apparatus.frame_size_px)
        self.stack.setCurrentWidget(self.canvas)
        self.canvas.setFocus()

    def watch(self) -> None:
        """Show the picture to be looked at."""
        if self.stack.currentWidget() is self.canvas:
            self.canvas.show_shapes((), None)
            self.stack.setCurrentWidget(self.view)
            self.setFocus()

    # --- going to and fro

    def seek(self, row: int) -> None:
        """Go to a row, as far as there are rows."""
        if self.footage is None:
            return
        self.row = min(max(row, 0), len(self.footage) - 1)
        self._position_s = float(self.footage.t_s[self.row])
        self.projector.ask(self.frame, None if self._bare else self.footage.at(self.row))
        self._say()
        self.moved.emit(self.row)

    def step(self, rows: int) -> None:
        """So many frames on, or back."""
        self.pause()
        self.seek(self.row + rows)

    def skip(self, seconds: float) -> None:
        """So many seconds on, or back."""
        if self.footage is not None:
            self.seek(self.footage.row_at(float(self.footage.t_s[self.row]) + seconds))

    def jump(self, kind: str, way: int) -> bool:
        """To the next (`way` 1) or the last (-1) of a kind; False where there is none."""
        if self.footage is None:
            return False
        marks = self.footage.marks(kind)
        further = [m for m in marks if (m > self.row if way > 0 else m < self.row)]
        if not further:
            return False
        self.pause()
        self.seek(further[0] if way > 0 else further[-1])
        return True

    def toggle(self) -> None:
        """Play, or stop."""
        if self.playing:
            self.pause()
        else:
            self.play()

    def play(self, until_s: float | None = None) -> None:
        """Play on to the end, or to a moment."""
        if self.footage is None:
            return
        if until_s is None and self.row == len(self.footage) - 1:
            self.seek(0)
        last_s = float(self.footage.t_s[-1])
        self._end_s = last_s if until_s is None else min(until_s, last_s)
        self.playing, self._tick_s = True, time.monotonic()
        self._timer.start()
        self.buttons["play"].setText(say("review.pause"))

    def pause(self) -> None:
        """Stop where it is."""
        self.playing = False
        self._timer.stop()
        self.buttons["play"].setText(say("review.play"))

    def change_speed(self, way: int) -> None:
        """One step faster or slower."""
        place = min(max(SPEEDS.index(self.speed) + way, 0), len(SPEEDS) - 1)
        self.speed = SPEEDS[place]
        self._say_pace()

    def stretch(self) -> tuple[int, int]:
        """The rows that are chosen: from the mark to here, or here alone."""
        first = self.row if self.mark is None else self.mark
        return min(first, self.row), max(first, self.row)

    def set_mark(self, *, on: bool) -> None:
        """Begin a stretch here, or choose none."""
        self.mark = self.row if on else None
        self._say()

    # --- keys

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  (Qt's name)
        """All of it by key; the page says which."""
        if event is None:
            return
        key, modifiers = Qt.Key(event.key()), event.modifiers()
        shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        if modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            super().keyPressEvent(event)
        elif self._bare or self.footage is None:
            self.pressed.emit(key)
        elif key is Qt.Key.Key_Space:
            self.toggle()
        elif key in STEPS and shift:
            self.skip(STEPS[key])
        elif key in STEPS:
            self.step(STEPS[key])
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.skip(-10 if key is Qt.Key.Key_PageUp else 10)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.change_speed(1 if key is Qt.Key.Key_Up else -1)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self.seek(0 if key is Qt.Key.Key_Home else len(self.footage) - 1)
        elif key in JUMPS:
            if not self.jump(JUMPS[key], -1 if shift else 1):
                kind = say(f"review.kind_{JUMPS[key]}")
                self.where.setText(say("review.none_before" if shift else "review.none_further",
                                       kind=kind))  # fmt: skip
        elif key is Qt.Key.Key_I:
            self.set_mark(on=self.mark is None)
        else:
            self.pressed.emit(key)

    # --- inside

    def _tick(self) -> None:
        footage = self.footage
        if footage is None or not self.playing:
            return
        now_s = time.monotonic()
        self._position_s += (now_s - self._tick_s) * self.speed
        self._tick_s = now_s
        position_s = self._position_s
        row = int(np.searchsorted(footage.t_s, position_s, side="right")) - 1
        if row != self.row:
            self.seek(row)
            self._position_s = position_s
        if position_s >= self._end_s:
            self.pause()

    def _go_to_s(self, t_s: float) -> None:
        self.setFocus()
        if self.footage is not None:
            self.seek(self.footage.row_at(t_s))

    def _show(self, look: Look, number: int) -> None:
        footage = self.footage
        if number != self._reel or footage is None:
            return
        self.shown_frame, self._image = look.frame, look.image
        if look.image is None:
            self.view.set_preview(None)
        else:
            row = footage.row_of(look.frame)
            at = None if self._bare else footage.at(row)
            seen = {} if at is None else {"x_px": at[0], "y_px": at[1]}
            data = {
                "step": 1, "width": look.image.shape[1], "height": look.image.shape[0],
                "detection": seen, "outline": list(look.outline),
            }  # fmt: skip
            self.view.set_preview(Preview("", look.image, data))
        if self.stack.currentWidget() is self.canvas:
            self.canvas.show_picture(look.image, footage.apparatus.frame_size_px)
        self._say()

    def _fail(self, error: Exception, number: int) -> None:
        if number == self._reel:
            self.broken.emit(error)

    def _say(self) -> None:
        footage = self.footage
        if footage is None:
            self.clock.clear()
            self.where.clear()
            self.view.set_said(Said(), Seen(), is_chosen=False)
            return
        t_s = float(footage.t_s[self.row])
        minutes, rest = divmod(t_s, 60)
        self.clock.setText(f"{int(minutes)}:{rest:06.3f}")
        shown = max(0, footage.row_of(self.shown_frame)) if self.shown_frame >= 0 else self.row
        seen = Seen()
        if not self._bare:
            chamber = footage.chamber(shown)
            seen = Seen(footage.door_states(shown), footage.trail(shown), {}, chamber)
        self.where.clear()
        self.view.set_said(Said(left=self._title, right=self.words), seen, is_chosen=False)
        stretch = None
        if self.mark is not None:
            first, last = self.stretch()
            stretch = (float(footage.t_s[first]), float(footage.t_s[last]))
        self.timeline.put(t_s, stretch)

    @property
    def words(self) -> str:
        """What is known of the frame: its number, where the animal is; "" where nothing may be."""
        footage, row = self.footage, self.row
        if footage is None or self._bare:
            return ""
        where = footage.chamber(row) or say("review.nowhere")
        seen = "" if footage.at(row) is not None else say("review.not_seen")
        scored = "" if footage.scored[row] else say("review.not_scored")
        mended = say("review.corrected") if footage.corrected[row] else ""
        frame = say("review.frame", frame=self.frame)
        return "  ·  ".join(filter(None, (frame, where, seen, scored, mended)))

    def _say_pace(self) -> None:
        self.pace.setText(say("review.speed", speed=f"{self.speed:g}"))
