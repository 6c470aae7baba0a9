"""One camera over several boxes: a part of the picture for each."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import partial

from PyQt6.QtWidgets import QListWidget

from gui.page import button, label
from gui.setup.canvas import Canvas, Points, Shape
from gui.setup.drawing import Drawing, rectangle
from gui.setup.rig_desk import RigDesk, usual_background
from gui.setup.rig_draft import BoxDraft
from gui.setup.section import (
    Section,
    across,
    add_row,
    beside,
    form,
    line,
    put,
    quiet,
    whole_number,
)
from gui.texts import say

LEAST_PX = 16
NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
Area = tuple[int, int, int, int]


class BoxesPanel(Section):
    """The boxes of the rig and their crops."""

    key = "boxes"
    drawn_on = True
    whole = True

    def __init__(self, desk: RigDesk, canvas: Canvas) -> None:
        super().__init__(desk, canvas)
        self.boxes = QListWidget()
        self.boxes.setAccessibleName(say("setup.boxes"))
        self.boxes.setMaximumHeight(150)
        self.boxes.currentRowChanged.connect(self._row)
        self.add = button(say("setup.add_box"))
        self.add.clicked.connect(self._add)
        self.remove = button(say("setup.remove_box"))
        self.remove.clicked.connect(self._remove)
        self.name = line(self._rename)
        self.crop = [whole_number(partial(self._set, k), 0, 16384, " px") for k in range(4)]
        self.all = button(say("setup.whole_picture"))
        self.all.clicked.connect(lambda: self._crop(None))
        self.columns, self.rows = (
            whole_number(lambda _: None, 1, 8),
            whole_number(lambda _: None, 1, 8),
        )
        self.share = button(say("setup.share"))
        self.share.clicked.connect(self._share)
        self.body.addWidget(self.boxes)
        self.body.addLayout(across(self.add, self.remove))
        fields = form()
        add_row(fields, say("setup.box_name"), self.name)
        for field, key in zip(self.crop, ("left", "top", "width", "height"), strict=True):
            add_row(fields, say(f"setup.crop_{key}"), field)
        self.body.addLayout(fields)
        self.body.addWidget(self.all)
        self.body.addWidget(label(say("setup.share_explain"), "muted", wrap=True))
        self.columns.setValue(2)
        self.columns.setAccessibleName(say("setup.columns"))
        self.rows.setAccessibleName(say("setup.rows"))
        times = label("x")
        self.body.addWidget(beside(self.columns, times, self.rows, self.share))
        self.finish()

    def refresh(self) -> None:
        """Show the boxes, and the chosen one's crop."""
        draft, box = self.desk.draft, self.desk.box
        with quiet(self.boxes):
            self.boxes.clear()
            for one in draft.boxes:
                self.boxes.addItem(f"{one.name}   {_spelled(one)}")
            self.boxes.setCurrentRow(self.desk.place if draft.boxes else -1)
        there = box is not None and self.desk.picture_px[0] > 0
        for widget in (self.name, *self.crop, self.all, self.add, self.share):
            widget.setEnabled(there)
        self.remove.setEnabled(len(draft.boxes) > 1)
        if box is None:
            self.tell(say("setup.no_picture_yet"), "muted")
            return
        self.tell("")
        put(self.name, box.name)
        for field, value in zip(self.crop, self._area(box), strict=True):
            put(field, value)

    def _row(self, row: int) -> None:
        if row >= 0:
            self.desk.choose(row)

    def shapes(self) -> Sequence[Shape]:
        """A rectangle a box."""
        found = []
        for k, box in enumerate(self.desk.draft.boxes):
            x, y, w, h = self._area(box)
            corners = rectangle(float(x), float(y), float(x + w), float(y + h))
            found.append(Shape(k, box.name, corners, k, rectangle=True))
        return found

    def selection(self) -> tuple[Hashable | None, int]:
        """The chosen box: where crops touch, its own corner is meant."""
        place = self.desk.place
        return place, self.canvas.corner if self.canvas.key == place else -1

    def chosen(self, key: Hashable | None, corner: int) -> None:
        """A box was chosen on the picture."""
        if isinstance(key, int):
            self.desk.choose(key)

    def edited(self, key: Hashable, points: Points) -> None:
        """A crop was dragged."""
        xs, ys = [round(x) for x, _ in points], [round(y) for _, y in points]
        self._crop((min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)))

    def dragged(self, key: Hashable, points: Points) -> None:
        """A crop is on its way."""
        xs, ys = [round(x) for x, _ in points], [round(y) for _, y in points]
        area = (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
        for field, value in zip(self.crop, area, strict=True):
            put(field, value)

    def removed(self, key: Hashable) -> None:
        """The box that was chosen on the picture shall go."""
        self._remove()

    def _area(self, box: BoxDraft) -> Area:
        if box.crop_px is not None:
            return box.crop_px
        width, height = self.desk.picture_px
        if not width:
            width, height = box.drawing.size_px
        return 0, 0, width, height

    def _set(self, k: int, value: int) -> None:
        box = self.desk.box
        if box is not None:
            x, y, w, h = (value if i == k else v for i, v in enumerate(self._area(box)))
            self._crop((x, y, w, h))

    def _crop(self, area: Area | None) -> None:
        width, height = self.desk.picture_px
        if not width:
            return
        if area is not None:
            x, y = min(max(0, area[0]), width - LEAST_PX), min(max(0, area[1]), height - LEAST_PX)
            w, h = min(max(LEAST_PX, area[2]), width - x), min(max(LEAST_PX, area[3]), height - y)
            area = None if (x, y, w, h) == (0, 0, width, height) else (x, y, w, h)
        self.desk.change_box(lambda box: self._cropped(box, area))
        self.refresh()

    def _cropped(self, box: BoxDraft, area: Area | None) -> BoxDraft:
        """The box on another part of the picture; what was drawn stays over the same places."""
        x0, y0, *_ = self._area(box)
        width, height = self.desk.picture_px
        x, y, w, h = area or (0, 0, width, height)
        if area == box.crop_px and box.drawing.size_px == (w, h):
            return box
        usual = usual_background(self.desk.draft)
        taken = box.background == "picture"
        return replace(
            box,
            crop_px=area,
            drawing=box.drawing.onto((w, h), x - x0, y - y0),
            scale=box.scale.onto(x - x0, y - y0),
            background=usual if taken else box.background,
            picture=b"",
        )

    def _add(self) -> None:
        draft, (width, height) = self.desk.draft, self.desk.picture_px
        taken = {box.name.lower() for box in draft.boxes}
        name = next(n for n in [*NAMES, *(f"box-{k}" for k in range(99))] if n.lower() not in taken)
        area = (width // 4, height // 4, width // 2, height // 2)
        box = BoxDraft(name, Drawing(area[2:]), area, background=usual_background(draft))
        self.desk.do(replace(draft, boxes=(*draft.boxes, box)))
        self.desk.choose(len(draft.boxes))

    def _remove(self) -> None:
        draft, k = self.desk.draft, self.desk.place
        if len(draft.boxes) > 1:
            self.desk.do(replace(draft, boxes=draft.boxes[:k] + draft.boxes[k + 1 :]))
            self.desk.choose(max(0, k - 1))

    def _rename(self, name: str) -> None:
        box = self.desk.box
        if box is None or name == box.name:
            return
        others = {b.name.lower() for b in self.desk.draft.boxes if b is not box}
        if not name or name.lower() in others:
            self.tell(say("setup.name_taken", name=name or "?"), "bad")
            self.name.setText(box.name)
            return
        self.tell("")
        self.desk.change_box(lambda one: replace(one, name=name))

    def _share(self) -> None:
        """The picture in equal parts, a box each; boxes that are there keep what is drawn."""
        draft, (width, height) = self.desk.draft, self.desk.picture_px
        columns, rows = self.columns.value(), self.rows.value()
        wide, high = width // columns, height // rows
        if min(wide, high) < LEAST_PX:
            self.tell(say("setup.too_many"), "bad")
            return
        boxes = list(draft.boxes[: columns * rows])
        names = iter(n for n in [*NAMES, *(f"box-{k}" for k in range(99))])
        for k in range(columns * rows):
            area = (k % columns * wide, k // columns * high, wide, high)
            if k < len(boxes):
                boxes[k] = self._cropped(boxes[k], area)
                continue
            taken = {box.name.lower() for box in boxes}
            name = next(n for n in names if n.lower() not in taken)
            boxes.append(
                BoxDraft(name, Drawing((wide, high)), area, background=usual_background(draft))
            )
        self.desk.do(replace(draft, boxes=tuple(boxes)))


def _spelled(box: BoxDraft) -> str:
    if box.crop_px is None:
        return say("setup.whole_picture")
    x, y, w, h = box.crop_px
    return f"{w} x {h} px + {x} + {y}"
