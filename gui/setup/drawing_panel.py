"""Draw chambers, doorways and zones: from a template, with the mouse, with keys, or by numbers."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHeaderView,
    QListWidget,
    QListWidgetItem,
    QTableWidget,
    QTableWidgetItem,
)

from gui.page import button, label
from gui.setup.canvas import Canvas, Point, Points, Shape
from gui.setup.drawing import ALL, Drawing, Kind, Part
from gui.setup.rig_desk import RigDesk
from gui.setup.rig_draft import BoxDraft, check_box
from gui.setup.section import Section, across, add_row, choice, form, line, offer, pick, put, quiet
from gui.setup.templates import template
from gui.texts import say
from rig.errors import ConfigError

DRIVES = ("none", "manual", "board")


class DrawingPanel(Section):
    """The drawing of the chosen box."""

    key = "chambers"
    drawn_on = True

    def __init__(self, desk: RigDesk, canvas: Canvas) -> None:
        super().__init__(desk, canvas)
        self.part: Part | None = None
        self.corner = -1
        self.templates = {n: button(say(f"setup.template_{n}")) for n in (1, 2, 3)}
        for n, made in self.templates.items():
            made.clicked.connect(lambda _, n=n: self.lay(n))
        self.adds = {
            kind: button(say(f"setup.add_{kind}"))
            for kind in (Kind.CHAMBER, Kind.DOORWAY, Kind.ZONE)
        }
        for kind, made in self.adds.items():
            made.clicked.connect(lambda _, kind=kind: self.add(kind))
        self.parts = QListWidget()
        self.parts.setAccessibleName(say("setup.parts"))
        self.parts.setMinimumHeight(110)
        self.parts.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.parts.setMaximumHeight(170)
        self.parts.currentRowChanged.connect(self._row)
        self.name = line(self._rename)
        self.neutral = QCheckBox(say("setup.neutral"))
        self.neutral.clicked.connect(self._set_neutral)
        self.drive = choice([(say(f"setup.drive_{d}"), d) for d in DRIVES], self._set_drive)
        self.one, self.other = choice((), self._set_between), choice((), self._set_between)
        self.corners = QTableWidget(0, 2)
        self.corners.setAccessibleName(say("setup.corners"))
        self.corners.setHorizontalHeaderLabels([say("setup.x"), say("setup.y")])
        header = self.corners.horizontalHeader()
        if header is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.corners.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.corners.setMinimumHeight(120)
        self.corners.setTabKeyNavigation(False)
        self.corners.cellChanged.connect(self._cell)
        self.corners.currentCellChanged.connect(lambda row, *_: self._corner(row))
        self.more = button(say("setup.add_corner"))
        self.more.clicked.connect(lambda: self.corner_added(self.part, max(self.corner, 0)))
        self.less = button(say("setup.remove_corner"))
        self.less.clicked.connect(lambda: self.corner_removed(self.part, self.corner))
        self.remove = button(say("setup.remove_part"))
        self.remove.clicked.connect(lambda: self.removed(self.part))
        self.body.addWidget(label(say("setup.templates"), "muted", wrap=True))
        self.body.addLayout(across(*self.templates.values()))
        self.body.addLayout(across(*self.adds.values()))
        self.body.addWidget(self.parts)
        self._fields = form()
        add_row(self._fields, say("setup.part_name"), self.name)
        self._fields.addRow("", self.neutral)
        add_row(self._fields, say("setup.from_chamber"), self.one)
        add_row(self._fields, say("setup.to_chamber"), self.other)
        add_row(self._fields, say("setup.drive"), self.drive)
        self.body.addLayout(self._fields)
        self.body.addWidget(self.corners)
        self.body.addLayout(across(self.more, self.less))
        self.body.addWidget(self.remove)
        self.finish()

    @property
    def drawing(self) -> Drawing | None:
        """What is drawn of the chosen box."""
        return None if self.desk.box is None else self.desk.box.drawing

    def lay(self, chambers: int) -> None:
        """Begin with a template; what was drawn can be had back by undo."""
        drawing = self.drawing
        if drawing is not None:
            drive = "board" if self.desk.draft.boards else "manual"
            self._do(template(chambers, drawing.size_px, drive), ALL)

    def add(self, kind: Kind) -> None:
        """One more chamber, doorway or zone."""
        drawing = self.drawing
        if drawing is None:
            return
        if kind is Kind.DOORWAY and len(drawing.chambers) < 2:
            self.tell(say("setup.two_chambers_first"), "warn")
            return
        self._do(*drawing.added(kind))

    def _do(self, drawing: Drawing, part: Part | None = None, corner: int = -1) -> None:
        if part is not None:
            self.part, self.corner = part, corner
        self.desk.change_box(lambda box: _redrawn(box, drawing))
        self.refresh()

    # --- shown

    def refresh(self) -> None:
        """Show the drawing and its chosen part."""
        drawing = self.drawing
        parts = [] if drawing is None else drawing.parts()
        if self.part not in parts:
            self.part, self.corner = None, -1
        with quiet(self.parts):
            self.parts.clear()
            for part in parts:
                assert drawing is not None
                item = QListWidgetItem(_called(drawing, part))
                item.setData(_PART, part)
                item.setToolTip(item.text())
                self.parts.addItem(item)
            self.parts.setCurrentRow(parts.index(self.part) if self.part in parts else -1)
        for made in (*self.templates.values(), *self.adds.values()):
            made.setEnabled(drawing is not None)
        self._show_part(drawing)
        self._check()
        self.canvas.show_shapes(self.shapes(), self.part, self.corner)

    def _show_part(self, drawing: Drawing | None) -> None:
        part = self.part
        there = drawing is not None and part is not None
        kind = part.kind if part is not None else None
        self.name.setEnabled(there and kind is not Kind.ALL)
        put(self.name, drawing.name(part) if drawing is not None and part is not None else "")
        doorway = kind in (Kind.DOORWAY, Kind.SWEEP)
        self._fields.setRowVisible(self.neutral, kind is Kind.CHAMBER)
        for field in (self.one, self.other, self.drive):
            self._fields.setRowVisible(field, doorway)
        if drawing is not None and part is not None and kind is Kind.CHAMBER:
            with quiet(self.neutral):
                self.neutral.setChecked(drawing.chambers[part.place].role == "neutral")
        if drawing is not None and part is not None and doorway:
            chosen = drawing.doorways[part.place]
            names = [(chamber.name, chamber.name) for chamber in drawing.chambers]
            for box, name in zip((self.one, self.other), chosen.between, strict=True):
                offer(box, names)
                pick(box, name)
            pick(self.drive, chosen.drive)
        points = drawing.points(part) if drawing is not None and part is not None else ()
        with quiet(self.corners):
            self.corners.setRowCount(len(points))
            for k, point in enumerate(points):
                for column in (0, 1):
                    cell = self.corners.item(k, column)
                    if cell is None:
                        self.corners.setItem(k, column, QTableWidgetItem(f"{point[column]:g}"))
                    else:  # it may just be telling of its change
                        cell.setText(f"{point[column]:g}")
            if 0 <= self.corner < len(points) and self.corners.currentRow() != self.corner:
                self.corners.setCurrentCell(self.corner, 0)
        least = drawing.least_points(part) if drawing is not None and part is not None else 0
        outline = there and kind not in (Kind.ALL, Kind.DOORWAY)
        self.more.setEnabled(outline)
        self.less.setEnabled(outline and self.corner >= 0 and len(points) > least)
        self.remove.setEnabled(there)

    def _check(self) -> None:
        """Say what is still wrong with the drawing; the scale has its own section."""
        box = self.desk.box
        if box is None:
            self.tell(say("setup.no_picture_yet"), "muted")
        elif not box.drawing.chambers:
            self.tell(say("setup.nothing_drawn"), "muted")
        else:
            fault = drawing_fault(box)
            self.tell(say("setup.drawing_wrong", why=fault) if fault else say("setup.drawing_good"),
                      "warn" if fault else "good")  # fmt: skip

    def shapes(self) -> Sequence[Shape]:
        """Every part of the drawing."""
        drawing = self.drawing
        if drawing is None:
            return ()
        return drawn_shapes(drawing, corners_too=self.part == ALL)

    # --- changed

    def _row(self, row: int) -> None:
        item = self.parts.item(row)
        if item is not None:
            self.part, self.corner = item.data(_PART), -1
            self.refresh()

    def _corner(self, row: int) -> None:
        if row != self.corner:
            self.corner = row
            self.canvas.show_shapes(self.shapes(), self.part, row)
            self.less.setEnabled(self.more.isEnabled() and row >= 0)

    def chosen(self, key: Hashable | None, corner: int) -> None:
        """A part was chosen on the picture."""
        self.part = key if isinstance(key, Part) else None
        self.corner = corner
        self.refresh()

    def edited(self, key: Hashable, points: Points) -> None:
        """A part was dragged or moved by keys."""
        if self.drawing is not None and isinstance(key, Part):
            self._do(self.drawing.with_points(key, points), key, self.corner)

    def snap(self, key: Hashable, corner: int, point: Point, reach_px: float) -> Point:
        """Corners are drawn to what is near."""
        if self.drawing is None or not isinstance(key, Part) or key.kind is Kind.ALL:
            return point
        return self.drawing.snapped(key, corner, point, reach_px)

    def corner_added(self, key: Hashable, corner: int) -> None:
        """One more corner after this one."""
        if self.drawing is not None and isinstance(key, Part):
            self._do(self.drawing.with_corner(key, corner), key, corner + 1)

    def corner_removed(self, key: Hashable, corner: int) -> None:
        """One corner less."""
        if self.drawing is not None and isinstance(key, Part) and corner >= 0:
            self._do(self.drawing.without_corner(key, corner), key, -1)

    def removed(self, key: Hashable) -> None:
        """The part shall go."""
        if self.drawing is not None and isinstance(key, Part):
            drawing = self.drawing.removed(key)
            self.part, self.corner = None, -1
            self._do(drawing)

    def _cell(self, row: int, column: int) -> None:
        item = self.corners.item(row, column)
        if item is None or self.drawing is None or self.part is None:
            return
        points, text = [list(point) for point in self.drawing.points(self.part)], item.text()
        try:
            points[row][column] = float(text.replace(",", "."))
        except ValueError:
            self.refresh()
            self.tell(say("setup.no_number", text=text), "bad")
            return
        moved = tuple((x, y) for x, y in points)
        self._do(self.drawing.with_points(self.part, moved), self.part, row)

    def _rename(self, name: str) -> None:
        if self.drawing is not None and self.part is not None and name:
            if name != self.drawing.name(self.part):
                self.desk.change_box(lambda box: _renamed(box, self.part, name))
        elif self.drawing is not None and self.part is not None:
            put(self.name, self.drawing.name(self.part))

    def _set_neutral(self, on: bool) -> None:
        if self.drawing is not None and self.part is not None:
            self._do(self.drawing.with_role(self.part, "neutral" if on else ""))

    def _set_drive(self, drive: object) -> None:
        if self.drawing is not None and self.part is not None:
            self._do(self.drawing.with_drive(Part(Kind.DOORWAY, self.part.place), str(drive)))

    def _set_between(self, _: object) -> None:
        if self.drawing is not None and self.part is not None:
            between = (str(self.one.currentData()), str(self.other.currentData()))
            self._do(self.drawing.with_between(self.part, between))


_PART = Qt.ItemDataRole.UserRole


def drawing_fault(box: BoxDraft) -> str:
    """What is wrong with what is drawn, whatever the scale; "" for nothing."""
    if not box.scale.known:
        # Any scale will do to look at the lines; one that makes the box about 40 cm wide.
        box = replace(box, scale=replace(box.scale, px_per_cm=box.drawing.size_px[0] / 40))
    try:
        check_box(box)
    except ConfigError as error:
        return f"{error.key}: {error.message}"
    return ""


def drawn_shapes(drawing: Drawing, *, corners_too: bool = False) -> list[Shape]:
    """A drawing as shapes for the canvas."""
    found = []
    for part in drawing.parts():
        points = drawing.points(part)
        if part.kind is Kind.CHAMBER:
            found.append(Shape(part, drawing.name(part), points, part.place))
        elif part.kind is Kind.DOORWAY:
            found.append(Shape(part, drawing.name(part), points, 4, closed=False))
        elif part.kind is Kind.SWEEP:
            found.append(Shape(part, "", points, 4, dashed=True))
        elif part.kind is Kind.ZONE:
            found.append(Shape(part, drawing.name(part), points, 3 + part.place, dashed=True))
        elif corners_too:
            found.append(Shape(part, "", points, -1, dashed=True))
    return found


def _called(drawing: Drawing, part: Part) -> str:
    if part.kind is Kind.ALL:
        return say("setup.part_all")
    return say(f"setup.part_{part.kind}", name=drawing.name(part))


def _redrawn(box: BoxDraft, drawing: Drawing) -> BoxDraft:
    """The box with another drawing; wires of doors that are gone, or no motor's, are taken off."""
    motors = {d.name for d in drawing.doorways if d.drive == "board"}
    doorways = {d.name for d in drawing.doorways}
    doors = {name: place for name, place in box.doors.items() if name in motors}
    beams = {name: place for name, place in box.beams.items() if name in doorways}
    return replace(box, drawing=drawing, doors=doors, beams=beams)


def _renamed(box: BoxDraft, part: Part | None, name: str) -> BoxDraft:
    """The part with another name; a doorway's wires go with it."""
    if part is None:
        return box
    old = box.drawing.name(part)
    fresh = box.drawing.renamed(part, name)
    if part.kind not in (Kind.DOORWAY, Kind.SWEEP):
        return replace(box, drawing=fresh)

    def wires(table: dict[str, str]) -> dict[str, str]:
        return {name if k == old else k: place for k, place in table.items()}

    return replace(box, drawing=fresh, doors=wires(dict(box.doors)), beams=wires(dict(box.beams)))
