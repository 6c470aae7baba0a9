"""How many pixels a centimetre has: a ruler over the picture, or four points of the floor."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

from PyQt6.QtWidgets import QButtonGroup, QRadioButton

from gui.page import label
from gui.setup.canvas import Canvas, Point, Points, Shape
from gui.setup.drawing import rectangle
from gui.setup.drawing_panel import drawn_shapes
from gui.setup.rig_desk import RigDesk
from gui.setup.scale import FloorPoints, Ruler, floor_of, side_cm
from gui.setup.section import Section, add_row, form, number, put, quiet
from gui.texts import say

RULER, FLOOR = "ruler", "floor"


class ScalePanel(Section):
    """The scale of the chosen box."""

    key = "scale"
    drawn_on = True

    def __init__(self, desk: RigDesk, canvas: Canvas) -> None:
        super().__init__(desk, canvas)
        self._of: tuple[int, tuple[int, int]] | None = None  # box and picture the tools lie on
        self._ends: tuple[Point, Point] = ((0.0, 0.0), (1.0, 0.0))
        self._corners: Points = rectangle(0.0, 0.0, 1.0, 1.0)
        self.by_ruler = QRadioButton(say("setup.by_ruler"))
        self.by_floor = QRadioButton(say("setup.by_floor"))
        self.by_ruler.setChecked(True)
        group = QButtonGroup(self)
        for made in (self.by_ruler, self.by_floor):
            group.addButton(made)
            made.clicked.connect(self._tool_chosen)
        # None of them has a value of its own: nobody is to take a default for a measure.
        self.length = number(self._measured, 0, 1000, suffix=" cm")
        self.width_cm = number(self._measured, 0, 1000, suffix=" cm")
        self.depth_cm = number(self._measured, 0, 1000, suffix=" cm")
        for field in (self.length, self.width_cm, self.depth_cm):
            field.setSpecialValueText(say("setup.not_measured"))
        self.px_per_cm = number(self._typed, 0.1, 1000, decimals=3, suffix=" px/cm")
        self.numbers = [number(self._placed, 0, 16384, suffix=" px") for _ in range(8)]
        self.body.addWidget(self.by_ruler)
        self.body.addWidget(self.by_floor)
        self._fields = form()
        add_row(self._fields, say("setup.ruler_length"), self.length)
        add_row(self._fields, say("setup.px_per_cm"), self.px_per_cm)
        add_row(self._fields, say("setup.floor_width"), self.width_cm)
        add_row(self._fields, say("setup.floor_depth"), self.depth_cm)
        for k, field in enumerate(self.numbers):
            axis = say("setup.x") if k % 2 == 0 else say("setup.y")
            add_row(self._fields, say("setup.point_axis", n=k // 2 + 1, axis=axis), field)
        self.body.addLayout(self._fields)
        self.sides = label("", "muted", wrap=True)
        self.body.addWidget(self.sides)
        self.finish()

    @property
    def tool(self) -> str:
        """Ruler or floor."""
        return RULER if self.by_ruler.isChecked() else FLOOR

    def refresh(self) -> None:
        """Show the box's scale, and the tools where they were left."""
        box = self.desk.box
        if box is None:
            self.tell(say("setup.no_picture_yet"), "muted")
            return
        if self._of != (self.desk.place, box.drawing.size_px):
            self._of = (self.desk.place, box.drawing.size_px)
            self._lay_tools()
        floor = self.tool == FLOOR
        for field in (self.length, self.px_per_cm):
            self._fields.setRowVisible(field, not floor)
        for field in (self.width_cm, self.depth_cm):
            self._fields.setRowVisible(field, floor)
        points = self._corners if floor else self._ends
        for k, field in enumerate(self.numbers):
            self._fields.setRowVisible(field, k < 2 * len(points))
            if k < 2 * len(points):
                put(field, points[k // 2][k % 2])
        scale = box.scale
        if scale.px_per_cm is not None:
            put(self.px_per_cm, scale.px_per_cm)
        if not scale.known:
            self.tell(say("setup.no_scale"), "warn")
        elif scale.px_per_cm is not None:
            self.tell(say("setup.scale_is", px=f"{scale.px_per_cm:.4g}"), "good")
        else:
            self.tell(say("setup.scale_floor"), "good")
        self.sides.setText(self._sides())
        self.canvas.show_shapes(self.shapes(), self.canvas.key, self.canvas.corner)

    def _lay_tools(self) -> None:
        """Ruler and corners where they are easily taken, or where the box's scale came from."""
        box = self.desk.box
        assert box is not None
        width, height = box.drawing.size_px
        self._ends = ((width * 0.25, height * 0.5), (width * 0.75, height * 0.5))
        self._corners = rectangle(width * 0.2, height * 0.2, width * 0.8, height * 0.8)
        if box.drawing.chambers:
            xs = [x for c in box.drawing.chambers for x, _ in c.points]
            ys = [y for c in box.drawing.chambers for _, y in c.points]
            middle = (min(ys) + max(ys)) / 2
            self._ends = ((min(xs), middle), (max(xs), middle))
            self._corners = rectangle(min(xs), min(ys), max(xs), max(ys))
        scale = box.scale
        floor = floor_of(scale)
        with quiet(self.length), quiet(self.width_cm), quiet(self.depth_cm):
            for field in (self.length, self.width_cm, self.depth_cm):
                field.setValue(0.0)
            if scale.px_per_cm is not None:
                length_px = abs(self._ends[1][0] - self._ends[0][0])
                self.length.setValue(round(length_px / scale.px_per_cm, 1))
            if floor is not None:
                self._corners = floor.corners_px
                self.width_cm.setValue(floor.width_cm)
                self.depth_cm.setValue(floor.depth_cm)
        (self.by_floor if scale.points_px else self.by_ruler).setChecked(True)

    def _sides(self) -> str:
        """How long each chamber's first two sides are by this scale: does that look right?"""
        box = self.desk.box
        if box is None or not box.scale.known:
            return ""
        lines = []
        for chamber in box.drawing.chambers:
            a, b, c = chamber.points[:3]
            one, other = side_cm(box.scale, a, b), side_cm(box.scale, b, c)
            if one is not None and other is not None:
                lines.append(
                    say("setup.sides", name=chamber.name, one=f"{one:.1f}", other=f"{other:.1f}")
                )
        return "\n".join(lines)

    def shapes(self) -> Sequence[Shape]:
        """The drawing faintly, and the tool."""
        box = self.desk.box
        if box is None:
            return ()
        if self.tool == RULER:
            text = say("setup.ruler_label", cm=self.length.text())
            tool = Shape(RULER, text, self._ends, -1, closed=False)
        else:
            tool = Shape(FLOOR, say("setup.floor_label"), self._corners, -1)
        return (*(replace(s, key=(None, s.key), label="") for s in drawn_shapes(box.drawing)), tool)

    def snap(self, key: Hashable, corner: int, point: Point, reach_px: float) -> Point:
        """The tools, too, are drawn to what is drawn."""
        box = self.desk.box
        near = [p for c in box.drawing.chambers for p in c.points] if box is not None else []
        best = min(near, key=lambda p: _away(p, point), default=point)
        return best if _away(best, point) <= reach_px else point

    def edited(self, key: Hashable, points: Points) -> None:
        """The tool was moved."""
        if key == RULER:
            self._ends = (points[0], points[1])
        elif key == FLOOR:
            self._corners = points
        else:
            self.refresh()  # the drawing is not changed here
            return
        self._measured()

    def _placed(self, _: float) -> None:
        values = [field.value() for field in self.numbers]
        points = tuple((values[k], values[k + 1]) for k in range(0, 8, 2))
        if self.tool == RULER:
            self._ends = (points[0], points[1])
        else:
            self._corners = points
        self._measured()

    def _tool_chosen(self) -> None:
        self.canvas.key, self.canvas.corner = self.tool, -1
        self._measured()

    def _typed(self, px_per_cm: float) -> None:
        scale = Ruler(((0.0, 0.0), (px_per_cm * 100, 0.0)), 100.0).scale()
        ends = abs(self._ends[1][0] - self._ends[0][0])
        put(self.length, round(ends / px_per_cm, 1))
        self.desk.change_box(lambda box: replace(box, scale=scale))
        self.refresh()

    def _measured(self, _: float = 0.0) -> None:
        """The tool's scale becomes the box's."""
        floor = self.tool == FLOOR
        if not all(
            f.value() for f in ((self.width_cm, self.depth_cm) if floor else (self.length,))
        ):
            self.refresh()
            return
        try:
            if self.tool == RULER:
                scale = Ruler(self._ends, self.length.value()).scale()
            else:
                depth = self.depth_cm.value()
                scale = FloorPoints(self._corners, self.width_cm.value(), depth).scale()
        except ValueError as error:
            self.refresh()
            self.tell(say("setup.no_such_scale", why=error), "bad")
            return
        self.desk.change_box(lambda box: replace(box, scale=scale))
        self.refresh()


def _away(a: Point, b: Point) -> float:
    return max(abs(a[0] - b[0]), abs(a[1] - b[1]))
