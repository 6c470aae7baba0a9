"""A camera's picture with shapes on it that are dragged by mouse or moved by keys.

It knows nothing of chambers: whoever shows shapes is told when one was chosen or changed.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui.picture import paintable
from gui.texts import say
from gui.theme import COLOURS, Theme

Point = tuple[float, float]
Points = tuple[Point, ...]
REACH = 9.0
"""So near, in points of the screen, a corner is meant."""
MARGIN = 10


@dataclass(frozen=True)
class Shape:
    """Something drawn on the picture, in its pixels.

    `colour` is the place among the theme's chamber colours; below 0 it is the accent's.
    A `rectangle` stays one, whichever corner is moved; `dashed` tells doors and zones from walls.
    """

    key: Hashable
    label: str
    points: Points
    colour: int = -1
    closed: bool = True
    rectangle: bool = False
    dashed: bool = False


Snap = Callable[[Hashable, int, Point, float], Point]


class Canvas(QWidget):
    """A picture, fitted into the widget, and shapes on it.

    Signals:
        chosen(key, corner): a shape, or None; the corner's number or -1.
        edited(key, points): a shape has these points now, at the end of a drag or key.
        dragged(key, points): it would have them if the drag ended here.
        corner_added(key, corner), corner_removed(key, corner): asked for by key.
        removed(key): asked for by key, where no corner is chosen.
    """

    chosen = pyqtSignal(object, int)
    edited = pyqtSignal(object, object)
    dragged = pyqtSignal(object, object)
    corner_added = pyqtSignal(object, int)
    corner_removed = pyqtSignal(object, int)
    removed = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 180)
        self.setAccessibleName(say("setup.canvas"))
        self.snap: Snap | None = None
        self.shapes: tuple[Shape, ...] = ()
        self.key: Hashable | None = None
        self.corner = -1
        self.empty_text = ""
        self._size_px = (4, 3)
        self._picture: NDArray[np.uint8] | None = None
        self._image: QImage | None = None
        self._mask: QImage | None = None
        self._theme = Theme.DARK
        self._drag: tuple[Point, Points] | None = None  # where it began, the points then
        self._draft: Points | None = None

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """As large as there is room for."""
        return QSize(800, 600)

    # --- what is shown

    def show_picture(self, image: NDArray[np.uint8] | None, size_px: tuple[int, int]) -> None:
        """A picture that stands for one of `size_px`; None: none yet."""
        self._size_px = (max(1, size_px[0]), max(1, size_px[1]))
        self._picture = image
        self._make_image()
        self.update()

    def show_silhouette(self, mask: NDArray[np.bool_] | None) -> None:
        """Lay what stands out over the picture; None: no more."""
        self._mask = None if mask is None else _veil(mask, QColor(COLOURS[self._theme].accent))
        self.update()

    def show_shapes(self, shapes: Sequence[Shape], key: Hashable | None, corner: int = -1) -> None:
        """Draw these, `key` being chosen."""
        self.shapes, self.key, self.corner = tuple(shapes), key, corner
        if self._drag is not None and self._shape() is None:
            self._drag, self._draft = None, None
        self.update()

    def use_theme(self, theme: Theme) -> None:
        """Other colours."""
        self._theme = theme
        self._make_image()
        self.update()

    def _make_image(self) -> None:
        image = self._picture
        self._image = None if image is None else paintable(image, self._theme)

    # --- where things are

    def _place(self) -> tuple[float, float, float]:
        """Left, top and points a pixel."""
        width, height = self._size_px
        across, down = self.width() - 2 * MARGIN, self.height() - 2 * MARGIN
        scale = max(0.05, min(across / width, down / height))
        return (self.width() - width * scale) / 2, (self.height() - height * scale) / 2, scale

    def to_widget(self, point: Point) -> QPointF:
        """Where a pixel of the picture is in the widget."""
        left, top, scale = self._place()
        return QPointF(left + point[0] * scale, top + point[1] * scale)

    def to_picture(self, at: QPointF) -> Point:
        """The pixel at a place of the widget."""
        left, top, scale = self._place()
        return (at.x() - left) / scale, (at.y() - top) / scale

    def _shape(self) -> Shape | None:
        return next((shape for shape in self.shapes if shape.key == self.key), None)

    def _points(self, shape: Shape) -> Points:
        if shape.key == self.key and self._draft is not None:
            return self._draft
        return shape.points

    # --- mouse

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Choose what is under the mouse, and take hold of it."""
        if event is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        key, corner = self._under(event.position())
        if (key, corner) != (self.key, self.corner):
            self.key, self.corner = key, corner
            self.chosen.emit(key, corner)
        shape = self._shape()
        if shape is not None:
            self._drag = self.to_picture(event.position()), shape.points
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Drag what was taken hold of."""
        shape = self._shape()
        if event is None or self._drag is None or shape is None:
            return
        begun, points = self._drag
        x, y = self.to_picture(event.position())
        free = event.modifiers() & Qt.KeyboardModifier.AltModifier
        self._draft = self._carried(shape, points, x - begun[0], y - begun[1], snap=not free)
        self.dragged.emit(shape.key, self._draft)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Let go: now it is so."""
        draft, shape = self._draft, self._shape()
        self._drag, self._draft = None, None
        if draft is not None and shape is not None and draft != shape.points:
            self.edited.emit(shape.key, draft)
        self.update()

    def _under(self, at: QPointF) -> tuple[Hashable | None, int]:
        """The shape and corner at a place: corners of the chosen one first, then what is small."""
        mine = [shape for shape in self.shapes if shape.key == self.key]
        others = [shape for shape in reversed(self.shapes) if shape.key != self.key]
        for shape in (*mine, *others):
            for k, point in enumerate(shape.points):
                spot = self.to_widget(point)
                if math.hypot(spot.x() - at.x(), spot.y() - at.y()) <= REACH:
                    return shape.key, k
        found: list[tuple[float, Shape]] = []
        for shape in self.shapes:
            outline = QPolygonF([self.to_widget(point) for point in shape.points])
            if shape.closed and outline.containsPoint(at, Qt.FillRule.OddEvenFill):
                bounds = outline.boundingRect()
                found.append((bounds.width() * bounds.height(), shape))
            elif not shape.closed and _near_line(outline, at) <= REACH:
                found.append((0.0, shape))
        if not found:
            return None, -1
        return min(found, key=lambda one: one[0])[1].key, -1

    def _carried(self, shape: Shape, points: Points, dx: float, dy: float, *, snap: bool) -> Points:
        """The shape's points after a drag by so many pixels of its corner, or of all of it."""
        width, height = self._size_px
        if self.corner < 0:
            xs, ys = [x for x, _ in points], [y for _, y in points]
            dx = min(max(dx, -min(xs)), width - max(xs))
            dy = min(max(dy, -min(ys)), height - max(ys))
            return tuple((_round(x + dx), _round(y + dy)) for x, y in points)
        k = min(self.corner, len(points) - 1)
        x = min(max(points[k][0] + dx, 0.0), width)
        y = min(max(points[k][1] + dy, 0.0), height)
        if snap and self.snap is not None:
            x, y = self.snap(shape.key, k, (x, y), REACH / self._place()[2])
        moved = list(points)
        moved[k] = (_round(x), _round(y))
        if shape.rectangle and len(points) == 4:
            # The two beside it go along: one keeps its row, the other its column.
            flat, steep = ((k + 1) % 4, (k - 1) % 4) if k % 2 == 0 else ((k - 1) % 4, (k + 1) % 4)
            moved[flat] = (moved[flat][0], moved[k][1])
            moved[steep] = (moved[k][0], moved[steep][1])
        return tuple(moved)

    # --- keys

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Arrows move (Shift: ten pixels), comma and point go from corner to corner."""
        if event is None:
            return
        key, shape = event.key(), self._shape()
        steps = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        if key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown) and self.shapes:
            self._walk(1 if key == Qt.Key.Key_PageDown else -1)
        elif shape is None:
            super().keyPressEvent(event)
        elif key in steps:
            far = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            dx, dy = steps[Qt.Key(key)]
            points = self._carried(shape, shape.points, dx * far, dy * far, snap=False)
            if points != shape.points:
                self.edited.emit(shape.key, points)
        elif key in (Qt.Key.Key_Comma, Qt.Key.Key_Period):
            n = len(shape.points) + 1  # all of it comes after the last corner
            step = 1 if key == Qt.Key.Key_Period else -1
            self.corner = (self.corner + 1 + step) % n - 1
            self.chosen.emit(shape.key, self.corner)
            self.update()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            if self.corner >= 0:
                self.corner_removed.emit(shape.key, self.corner)
            else:
                self.removed.emit(shape.key)
        elif key == Qt.Key.Key_Insert and self.corner >= 0:
            self.corner_added.emit(shape.key, self.corner)
        else:
            super().keyPressEvent(event)

    def _walk(self, step: int) -> None:
        keys = [shape.key for shape in self.shapes]
        at = keys.index(self.key) if self.key in keys else (-1 if step > 0 else 0)
        self.key, self.corner = keys[(at + step) % len(keys)], -1
        self.chosen.emit(self.key, -1)
        self.update()

    # --- painting

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802
        """Picture, silhouette, shapes, and a frame where the keys go here."""
        colours = COLOURS[self._theme]
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.fillRect(self.rect(), QColor(colours.picture))
            left, top, scale = self._place()
            width, height = self._size_px
            whole = QRectF(left, top, width * scale, height * scale)
            if self._image is None:
                painter.setPen(QColor("#b8bec8" if self._theme is not Theme.RED else colours.muted))
                # Above the shapes, where there are some: the text is not crossed by lines.
                upright = (
                    Qt.AlignmentFlag.AlignTop if self.shapes else Qt.AlignmentFlag.AlignVCenter
                )
                flags = upright | Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
                painter.drawText(
                    QRectF(self.rect()).adjusted(30, 30, -30, -30), flags, self.empty_text
                )
            else:
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.drawImage(whole, self._image)
            if self._mask is not None and self._image is not None:
                painter.drawImage(whole, self._mask)
            for shape in self.shapes:
                if shape.key != self.key:
                    self._paint(painter, shape, chosen=False)
            for shape in self.shapes:
                if shape.key == self.key:
                    self._paint(painter, shape, chosen=True)
            if self.hasFocus():
                painter.setPen(QPen(QColor(colours.accent), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))

    def _paint(self, painter: QPainter, shape: Shape, *, chosen: bool) -> None:
        colours = COLOURS[self._theme]
        # A light line on a dark one: seen on any floor.
        bright = COLOURS[Theme.DARK if self._theme is Theme.LIGHT else self._theme]
        name = bright.accent if shape.colour < 0 else bright.chambers[shape.colour % 6]
        if self._theme is Theme.RED:  # its chambers' dark reds are lost on a red picture
            name = colours.text if shape.closed and not shape.dashed else colours.bad
        points = [self.to_widget(point) for point in self._points(shape)]
        outline = QPolygonF(points)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        style = Qt.PenStyle.DashLine if shape.dashed else Qt.PenStyle.SolidLine
        width = 3.0 if chosen else 2.0
        for pen in (QPen(QColor(0, 0, 0, 150), width + 2), QPen(QColor(name), width, style)):
            painter.setPen(pen)
            if shape.closed:
                painter.drawPolygon(outline)
            else:
                painter.drawPolyline(outline)
        if chosen:
            for k, point in enumerate(points):
                full = k == self.corner
                painter.setPen(QPen(QColor(colours.picture), 1))
                painter.setBrush(
                    QColor("#ffffff" if full and self._theme is not Theme.RED else name)
                )
                half = 7.0 if full else 4.5
                painter.drawRect(QRectF(point.x() - half, point.y() - half, 2 * half, 2 * half))
        if shape.label:
            self._write(painter, shape, outline, name)

    def _write(self, painter: QPainter, shape: Shape, outline: QPolygonF, name: str) -> None:
        metrics = painter.fontMetrics()
        bounds = outline.boundingRect()
        room = max(60, int(bounds.width()) - 8) if shape.closed and not shape.dashed else 140
        text = metrics.elidedText(shape.label, Qt.TextElideMode.ElideRight, room)
        size = metrics.size(0, text)
        if shape.closed and not shape.dashed:
            x, y = bounds.center().x() - size.width() / 2, bounds.top() + 6
        else:
            x, y = bounds.center().x() - size.width() / 2, bounds.bottom() + 4
        x = min(max(x, 2.0), self.width() - size.width() - 8.0)
        y = min(max(y, 2.0), self.height() - size.height() - 4.0)
        box = QRectF(x - 3, y, size.width() + 6, size.height())
        painter.fillRect(box, QColor(0, 0, 0, 170))
        painter.setPen(QColor(name))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _veil(mask: NDArray[np.bool_], colour: QColor) -> QImage:
    """Stripes of a colour where the mask is set: seen as a pattern, too."""
    height, width = mask.shape
    rows, cols = np.indices(mask.shape)
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[mask] = (colour.red(), colour.green(), colour.blue(), 110)
    pixels[mask & ((rows + cols) // 2 % 2 == 0)] = (
        colour.red(),
        colour.green(),
        colour.blue(),
        230,
    )
    made = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return made.copy()


def _near_line(line: QPolygonF, at: QPointF) -> float:
    best = math.inf
    for i in range(line.count() - 1):
        p, q = line.at(i), line.at(i + 1)
        dx, dy = q.x() - p.x(), q.y() - p.y()
        square = dx * dx + dy * dy
        share = ((at.x() - p.x()) * dx + (at.y() - p.y()) * dy) / square if square else 0.0
        share = min(max(share, 0.0), 1.0)
        best = min(best, math.hypot(p.x() + dx * share - at.x(), p.y() + dy * share - at.y()))
    return best


def _round(value: float) -> float:
    return round(float(value), 1)
