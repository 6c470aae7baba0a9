"""Zones drawn anew, another entry rule or threshold: tried on one recording, then on all."""

from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
)

from gui.page import button, label
from gui.result.rescore_queue import Wishes
from gui.review.again import ScoresAgain
from gui.review.player import Player
from gui.setup.canvas import Point, Points
from gui.setup.drawing import Drawing, Kind, Part
from gui.setup.drawing_panel import drawn_shapes
from gui.setup.rig_draft import BoxDraft, box_from, check_box
from gui.setup.toml_text import toml_text
from gui.texts import say
from protocols.review import mending
from protocols.review.coding import Item, work_folder
from protocols.review.footage import Footage
from rig.apparatus import Apparatus, EntryPoint
from rig.errors import ConfigError, RigError

OWN_THRESHOLD = 0
TRIED = "tried"


class ZonesPanel(ScoresAgain):
    """Works on what the player shows.

    Signals: scored(folder): this recording was scored so; file(option, file, reason): the study
    shall hold to it, in all sessions of this box and camera position.
    """

    def __init__(self, player: Player) -> None:
        super().__init__()
        self._player = player
        self._box: BoxDraft | None = None
        self._before: list[BoxDraft] = []
        self._part: Part | None = None
        self._corner = -1
        self.editing = False
        self.draw_button = button(say("review.redraw"))
        self.undo_button = button(say("review.undo"))
        self.try_button = button(say("review.try_here"))
        self.apply_button = button(say("review.apply"), "main")
        for one, act in (
            (self.draw_button, self.redraw), (self.undo_button, self.undo),
            (self.try_button, self.try_here), (self.apply_button, self._apply),
        ):  # fmt: skip
            one.clicked.connect(act)
        self.point = QComboBox()
        for point in EntryPoint:
            self.point.addItem(say(f"review.point_{point.value}"), point.value)
        self.hysteresis, self.dwell = QDoubleSpinBox(), QDoubleSpinBox()
        for box, unit, most in ((self.hysteresis, "cm", 10.0), (self.dwell, "s", 10.0)):
            box.setSuffix(f" {unit}")
            box.setRange(0.0, most)
            box.setSingleStep(0.1)
        self.threshold = QSpinBox()
        self.threshold.setRange(OWN_THRESHOLD, 254)
        self.threshold.setSpecialValueText(say("review.threshold_own"))
        self.reason = QLineEdit()
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for name in ("point", "hysteresis", "dwell", "threshold"):
            field = getattr(self, name)
            field.setAccessibleName(say(f"review.rule_{name}"))
            form.addRow(say(f"review.rule_{name}"), field)
        self.reason.setAccessibleName(say("review.reason"))
        form.addRow(say("review.reason"), self.reason)
        layout = QVBoxLayout(self)
        layout.addWidget(label(say("review.zones_explain"), "muted", wrap=True))
        layout.addWidget(self.draw_button)
        layout.addWidget(self.undo_button)
        layout.addLayout(form)
        layout.addWidget(self.try_button)
        layout.addWidget(self.apply_button)
        layout.addWidget(self.progress)
        layout.addWidget(self.said)
        layout.addStretch(1)
        canvas = player.canvas
        canvas.chosen.connect(self._chosen)
        canvas.edited.connect(self._edited)
        canvas.corner_added.connect(self._corner_added)
        canvas.corner_removed.connect(self._corner_removed)
        self.show_item(None, None, hidden=True)

    # --- which recording

    def show_item(self, item: Item | None, footage: Footage | None, *, hidden: bool) -> None:
        """Another recording, its zones and rule as they are."""
        self._item, self._hidden = item, hidden
        self._box, self._before, self.editing = None, [], False
        self._tell("muted", "")
        if footage is not None:
            entry, shape = footage.apparatus.entry, footage.apparatus
            self._box = draft_of(shape)
            self.point.setCurrentIndex(self.point.findData(entry.point.value))
            self.hysteresis.setValue(entry.hysteresis_cm)
            self.dwell.setValue(entry.min_dwell_s)
            self.threshold.setValue(shape.tracking.threshold or OWN_THRESHOLD)
        for field in (
            self.draw_button, self.try_button, self.point, self.hysteresis, self.dwell,
            self.threshold,
        ):  # fmt: skip
            field.setEnabled(self._box is not None)
        in_study = item is not None and item.session is not None
        self.apply_button.setEnabled(in_study)
        self.apply_button.setToolTip("" if in_study else say("review.apply_not"))
        self.undo_button.setEnabled(False)

    # --- drawing

    def redraw(self) -> None:
        """Draw on the picture: corners are moved by mouse or keys."""
        if self._box is None:
            return
        self.editing = True
        self._player.edit()
        self._player.canvas.snap = self._snap
        self._show_shapes()
        self._tell("muted", say("review.redrawing"))

    def leave(self) -> None:
        """Back to looking; what was drawn stays as a draft."""
        self.editing = False
        self._player.canvas.snap = None
        self._player.watch()

    def undo(self) -> None:
        """One step of drawing back."""
        if self._before:
            self._box = self._before.pop()
            self.undo_button.setEnabled(bool(self._before))
            self._show_shapes()

    def keys_on_canvas(self, event: QKeyEvent) -> bool:
        """Escape and Enter end the drawing, Ctrl+Z takes back."""
        if not self.editing:
            return False
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.leave()
        elif event.key() == Qt.Key.Key_Z and control:
            self.undo()
        else:
            return False
        return True

    # --- asked for

    def write(self) -> Path:
        """The apparatus as it is drawn now, written. Raises RigError."""
        assert self._item is not None
        apparatus = self.apparatus()
        table = apparatus.model_dump(mode="json", exclude_none=True, exclude={"reference"})
        folder = work_folder(self._item.folder, self._item.code)
        path = mending.save_zones(folder, toml_text(table))
        self.wrote.emit(path)
        return path

    def apparatus(self) -> Apparatus:
        """As it is drawn, with the rule of the fields. Raises ConfigError."""
        assert self._box is not None
        threshold = self.threshold.value() or None
        made = check_box(replace(self._box, threshold=threshold))
        entry = made.entry.model_copy(
            update={
                "point": EntryPoint(self.point.currentData()),
                "hysteresis_cm": self.hysteresis.value(),
                "min_dwell_s": self.dwell.value(),
            }
        )
        return made.model_copy(update={"entry": entry})

    def try_here(self) -> None:
        """Score this recording so, into a folder of its own, to be seen beside the old."""
        file = self._file()
        if file is None or self._item is None:
            return
        out = file.parent / mending.free_folder(file.parent, TRIED)
        corrections = file.parent / mending.FILE
        has = corrections if corrections.is_file() and mending.read(file.parent) else None
        self._tell("muted", say("review.scoring"))
        self.rescoring.add([self._item.folder], Wishes(out, redrawn=file, corrections=has))

    def _apply(self) -> None:
        if not self.reason.text().strip():
            self._tell("warn", say("review.no_reason"))
            self.reason.setFocus()
            return
        file = self._file()
        if file is not None:
            self.file.emit("--apparatus", str(file), self.reason.text().strip())

    def _file(self) -> Path | None:
        try:
            return self.write()
        except (RigError, OSError) as error:
            self._tell("bad", self._veiled(_why(error)))
            return None

    def tell(self, role: str, text: str) -> None:
        """Say how it went with all recordings."""
        self._tell(role, self._veiled(text))

    # --- inside

    def _show_shapes(self) -> None:
        if self._box is None or not self.editing:
            return
        self._player.canvas.show_shapes(drawn_shapes(self._box.drawing), self._part, self._corner)

    def _chosen(self, key: Hashable | None, corner: int) -> None:
        if self.editing:
            self._part = key if isinstance(key, Part) else None
            self._corner = corner
            self._show_shapes()

    def _edited(self, key: Hashable, points: Points) -> None:
        if self.editing and self._box is not None and isinstance(key, Part):
            self._do(self._box.drawing.with_points(key, points))

    def _corner_added(self, key: Hashable, corner: int) -> None:
        if self.editing and self._box is not None and isinstance(key, Part):
            self._do(self._box.drawing.with_corner(key, corner))

    def _corner_removed(self, key: Hashable, corner: int) -> None:
        if self.editing and self._box is not None and isinstance(key, Part) and corner >= 0:
            self._corner = -1
            self._do(self._box.drawing.without_corner(key, corner))

    def _snap(self, key: Hashable, corner: int, point: Point, reach_px: float) -> Point:
        if self._box is None or not isinstance(key, Part) or key.kind is Kind.ALL:
            return point
        return self._box.drawing.snapped(key, corner, point, reach_px)

    def _do(self, drawing: Drawing) -> None:
        assert self._box is not None
        self._before.append(self._box)
        self._box = replace(self._box, drawing=drawing)
        self.undo_button.setEnabled(True)
        self._show_shapes()
        try:
            self.apparatus()
            self._tell("good", say("review.drawn_good"))
        except ConfigError as error:
            self._tell("warn", say("review.drawn_wrong", why=_why(error)))


def draft_of(apparatus: Apparatus) -> BoxDraft:
    """An apparatus as the drawing has it."""
    table = apparatus.model_dump(mode="json", exclude_none=True, exclude={"reference"})
    return box_from("box", table, {"apparatus": ""}, b"")


def _why(error: Exception) -> str:
    if isinstance(error, ConfigError):
        return f"{error.key}: {error.message}" if error.key else error.message
    return str(error)
