"""The proof sheet of a rescored batch, worked through by key: accept, nudge, reject."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QImage, QKeyEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gui.behind import Behind
from gui.browse import pick_folder
from gui.page import button, label, set_role
from gui.remembered import Remembered
from gui.review.signer import Signer
from gui.review.zones_panel import draft_of
from gui.setup.canvas import Canvas, Shape
from gui.setup.drawing_panel import drawn_shapes
from gui.texts import say
from gui.theme import Theme
from protocols.proof import Line, decide, sheet_lines
from rig.errors import ConfigError, RigError
from rig.session.fitting import moved
from rig.session.row import Nudge

REMEMBERED = "proof"
SIGNS = {"accept": "✓", "nudge": "↔", "reject": "✗", "": "…"}
STEPS = {
    Qt.Key.Key_Left: (-1.0, 0.0, 0.0), Qt.Key.Key_Right: (1.0, 0.0, 0.0),
    Qt.Key.Key_Up: (0.0, -1.0, 0.0), Qt.Key.Key_Down: (0.0, 1.0, 0.0),
    Qt.Key.Key_Comma: (0.0, 0.0, -0.2), Qt.Key.Key_Period: (0.0, 0.0, 0.2),
}  # fmt: skip
"""What a key moves the apparatus by: px, px, degrees; with Shift ten times as far."""


class ProofView(QWidget):
    """Rows worst first; each is decided with one key, and the next one comes.

    Signal: wrote(folder): a decision is kept there.
    """

    wrote = pyqtSignal(object)

    def __init__(self, remembered: Remembered) -> None:
        super().__init__()
        self._remembered = remembered
        self._reading = Behind(self, newest_only=True)
        self.lines: list[Line] = []
        self.nudge = Nudge()
        self._out = Path()
        self._last_picture = False
        self.folder = QLineEdit(remembered.text(REMEMBERED))
        self.folder.setPlaceholderText(say("review.proof_folder"))
        self.folder.setAccessibleName(say("review.proof_folder"))
        self.folder.returnPressed.connect(lambda: self.open_sheet(Path(self.folder.text())))
        self.choose_button = button(say("review.choose"))
        self.choose_button.clicked.connect(self._choose)
        self.said = label("", "muted", wrap=True)
        self.signer = Signer(remembered)
        self.signer.asks_pin(on=False)
        self.list = QListWidget()
        self.list.setAccessibleName(say("review.proof_rows"))
        self.list.setFixedWidth(240)
        self.list.currentRowChanged.connect(self._chosen)
        self.list.installEventFilter(self)
        self.canvas = Canvas()
        self.canvas.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.canvas.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.facts = label("", "", wrap=True)
        self.odd = label("", "warn", wrap=True)
        self.moved = label("", "muted", wrap=True)
        self.buttons = {
            word: button(say(f"review.{word}")) for word in ("accept", "nudge", "reject")
        }
        for word, made in self.buttons.items():
            made.clicked.connect(lambda _, word=word: self.decide(word))
        self._lay_out()
        self._show()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.folder, 1)
        top.addWidget(self.choose_button)
        left = QVBoxLayout()
        left.addWidget(self.signer)
        left.addWidget(self.list, 1)
        below = QHBoxLayout()
        for made in self.buttons.values():
            below.addWidget(made)
        below.addWidget(self.moved, 1)
        right = QVBoxLayout()
        right.addWidget(self.canvas, 1)
        for made_label in (self.facts, self.odd):
            right.addWidget(made_label)
        right.addLayout(below)
        right.addWidget(label(say("review.proof_keys"), "muted", wrap=True))
        across = QHBoxLayout()
        side = QWidget()
        side.setFixedWidth(250)
        side.setLayout(left)
        across.addWidget(side)
        across.addLayout(right, 1)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(self.said)
        layout.addLayout(across, 1)

    # --- the sheet

    def open_sheet(self, out: Path) -> None:
        """The sheet in the folder that was named with `--out`."""
        self.folder.setText(str(out))
        self._say("muted", say("review.proof_reading"))
        self._reading.do(
            lambda: sheet_lines(out),
            lambda lines: self._opened(out, lines),
            lambda error: self._failed(out, error),
        )

    def _opened(self, out: Path, lines: list[Line]) -> None:
        self._out, self.lines = out, lines
        self._remembered.put(REMEMBERED, str(out))
        self.list.clear()
        for line in lines:
            self.list.addItem(QListWidgetItem(_called(line)))
        first = next((k for k, line in enumerate(lines) if not line.decision), 0)
        self.list.setCurrentRow(first)
        self._say_left()
        self.list.setFocus()

    def _failed(self, out: Path, error: Exception) -> None:
        self.lines = []
        self.list.clear()
        why = error.message if isinstance(error, ConfigError) else str(error)
        self._say("bad", say("review.not_opened", folder=out, why=why))
        self._show()

    @property
    def line(self) -> Line | None:
        """The row that is looked at."""
        row = self.list.currentRow()
        return self.lines[row] if 0 <= row < len(self.lines) else None

    def decide(self, word: str) -> None:
        """Write what was decided of the row, and go on to the next that is not."""
        line, row = self.line, self.list.currentRow()
        if line is None:
            return
        if not self.signer.who:
            self._say("warn", say("review.no_who"))
            self.signer.name.setFocus()
            return
        if word == "nudge" and self.nudge == Nudge():
            self._say("warn", say("review.no_nudge"))
            return
        if word != "reject" and line.error:
            self._say("warn", say("review.only_reject"))
            return
        nudge = self.nudge if word == "nudge" else None
        try:
            decide(self._out, line.id, word, self.signer.who, nudge)
        except RigError as error:
            self._say("bad", str(error))
            return
        self.wrote.emit(self._out)
        self.signer.remember()
        kept = self.nudge if word == "nudge" else Nudge()
        done = replace(line, decision=word, nudge=kept, who=self.signer.who)
        self.lines[row] = done
        item = self.list.item(row)
        if item is not None:
            item.setText(_called(done))
        self._say_left()
        after = [*range(row + 1, len(self.lines)), *range(row)]
        self.list.setCurrentRow(next((k for k in after if not self.lines[k].decision), row))
        self._show()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """The keys of the list: one decides, Shift and arrows move the apparatus."""
        if not (isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress):
            return super().eventFilter(watched, event)
        key, line = Qt.Key(event.key()), self.line
        words = {Qt.Key.Key_A: "accept", Qt.Key.Key_N: "nudge", Qt.Key.Key_R: "reject"}
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if line is None:
            return super().eventFilter(watched, event)
        if key in words:
            self.decide(words[key])
        elif key is Qt.Key.Key_L:
            self._last_picture = not self._last_picture
            self._show()
        elif key in STEPS and (shift or control or key not in (Qt.Key.Key_Up, Qt.Key.Key_Down)):
            far = 10 if control else 1
            dx, dy, turn = STEPS[key]
            n = self.nudge
            self._move(
                Nudge(n.dx_px + far * dx, n.dy_px + far * dy, round(n.turn_deg + far * turn, 2))
            )
        elif key is Qt.Key.Key_Escape:
            self._move(Nudge())
        else:
            return super().eventFilter(watched, event)
        return True

    def _move(self, nudge: Nudge) -> None:
        self.nudge = nudge
        self._show()

    # --- shown

    def _chosen(self, _: int) -> None:
        line = self.line
        self.nudge = Nudge() if line is None else line.nudge
        self._last_picture = False
        self._show()

    def _show(self) -> None:
        line = self.line
        for made in self.buttons.values():
            made.setEnabled(line is not None)
        if line is None:
            self.canvas.empty_text = say("review.proof_none")
            self.canvas.show_picture(None, (4, 3))
            self.canvas.show_shapes((), None)
            for told in (self.facts, self.odd, self.moved):
                told.clear()
            return
        size = (4, 3) if line.apparatus is None else line.apparatus.frame_size_px
        self.canvas.empty_text = line.error
        self.canvas.show_picture(_grey(line.last if self._last_picture else line.first), size)
        self.canvas.show_shapes(self._shapes(line), None)
        which = say("review.last_picture" if self._last_picture else "review.first_picture")
        self.facts.setText("  ·  ".join(filter(None, (line.id, which, line.facts))))
        self.odd.setText("; ".join(filter(None, (line.error, *line.flags))))
        n = self.nudge
        self.moved.setText(
            "" if n == Nudge() else say("review.nudged", dx=f"{n.dx_px:g}", dy=f"{n.dy_px:g}",
                                        turn=f"{n.turn_deg:g}")
        )  # fmt: skip

    def _shapes(self, line: Line) -> list[Shape]:
        if line.apparatus is None:
            return []
        try:
            lies = line.apparatus if self.nudge == Nudge() else moved(line.apparatus, self.nudge)
        except ConfigError as error:
            self._say("warn", error.message)
            return []
        return drawn_shapes(draft_of(lies).drawing)

    def use_theme(self, theme: Theme) -> None:
        """The picture's colours."""
        self.canvas.use_theme(theme)

    def close_down(self) -> None:
        """Its thread ends."""
        self._reading.close()

    def _say_left(self) -> None:
        left = sum(not line.decision for line in self.lines)
        if left:
            self._say("muted", say("review.proof_left", count=left, of=len(self.lines)))
        else:
            self._say("good", say("review.proof_done", out=self._out))

    def _choose(self) -> None:
        title = say("review.choose")
        pick_folder(self, title, lambda name: self.open_sheet(Path(name)), self.folder.text())

    def _say(self, role: str, text: str) -> None:
        set_role(self.said, role)
        self.said.setText(text)


def _called(line: Line) -> str:
    odd = f" ({len(line.flags)})" if line.flags else ""
    return f"{SIGNS[line.decision]} {line.id}{' ✗' if line.error else odd}"


def _grey(jpeg: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]] | None:
    """A JPEG file's picture, height x width; None for none."""
    image = QImage.fromData(jpeg, "JPEG").convertToFormat(QImage.Format.Format_Grayscale8)
    if image.isNull():
        return None
    bits = image.constBits()
    assert bits is not None
    bits.setsize(image.sizeInBytes())
    rows = np.frombuffer(bits.asstring(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return np.array(rows[:, : image.width()])
