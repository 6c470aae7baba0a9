"""The picture of one box with what is known about it: outlines, doors, trail, animal, words.

Painted by one cheap widget: a grey image and a few lines. Only the newest picture is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QTransform,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui.texts import say
from gui.theme import COLOURS, Colours, Theme
from gui.watch import Preview
from rig.apparatus import Apparatus, Drive
from rig.model import DoorState

EDGE_PX = 5
MOVING = (DoorState.OPENING, DoorState.CLOSING, DoorState.REVERSED)


@dataclass(frozen=True)
class Said:
    """The words around a picture, and how loud they are ("": not, warn, bad)."""

    left: str = ""
    right: str = ""
    below: str = ""
    loud: str = ""


@dataclass
class Seen:
    """What is drawn over the picture, in its pixels."""

    doors: Mapping[str, str] = field(default_factory=dict)
    trail: Sequence[tuple[float, float]] = ()
    notes: Mapping[str, str] = field(default_factory=dict)  # a word below a chamber's name
    zone: str = ""


class BoxView(QWidget):
    """One box. `chosen()` says that it was pressed."""

    chosen = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._colours: Colours = COLOURS[Theme.DARK]
        self._red, self._dark = False, True
        self._apparatus: Apparatus | None = None
        self._preview: Preview | None = None
        self._image: QImage | None = None
        self._said, self._seen = Said(), Seen()
        self._is_chosen = False
        self._outlines: list[QPolygonF] = []

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Room for a picture."""
        return QSize(480, 360)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Sixteen of them fit beside a panel."""
        return QSize(120, 100)

    # --- what it shows

    def use_theme(self, theme: Theme) -> None:
        """Its colours; beside an animal the picture itself is red."""
        self._colours, self._red = COLOURS[theme], theme is Theme.RED
        self._dark = theme is not Theme.LIGHT
        self._make_image()
        self.update()

    def set_apparatus(self, apparatus: Apparatus | None) -> None:
        """What is where."""
        if apparatus is self._apparatus:
            return
        self._apparatus = apparatus
        chambers = apparatus.chamber if apparatus else ()
        self._outlines = [
            QPolygonF([QPointF(x, y) for x, y in chamber.outline_px]) for chamber in chambers
        ]
        self.update()

    def set_preview(self, preview: Preview | None) -> None:
        """The newest picture, or none."""
        if preview is None and self._preview is None:
            return
        self._preview = preview
        self._make_image()
        self.update()

    def set_said(self, said: Said, seen: Seen, *, is_chosen: bool) -> None:
        """The words around it and what is drawn over it."""
        if (said, seen, is_chosen) != (self._said, self._seen, self._is_chosen):
            self._said, self._seen, self._is_chosen = said, seen, is_chosen
            self.update()

    def _make_image(self) -> None:
        if self._preview is None:
            self._image = None
            return
        grey = self._preview.image
        height, width = grey.shape
        form = QImage.Format.Format_Indexed8 if self._red else QImage.Format.Format_Grayscale8
        # The bytes stay alive with the preview that is kept.
        image = QImage(grey.tobytes(), width, height, width, form).copy()
        if self._red:
            image.setColorTable([0xFF000000 | (level // 2) << 16 for level in range(256)])
        self._image = image

    # --- painting

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  (Qt's name)
        """It is chosen."""
        self.chosen.emit()
        super().mousePressEvent(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802  (Qt's name)
        """The whole of it, each time: it is little."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(self._colours.panel))
        small = self.width() < 330
        font = QFont(self.font())
        font.setPointSizeF(9 if small else 12)
        font.setBold(True)
        line = QFontMetricsF(font).height() + (2 if small else 8)
        inner = QRectF(self.rect()).adjusted(EDGE_PX, EDGE_PX, -EDGE_PX, -EDGE_PX)
        picture = inner.adjusted(0, line, 0, -line)
        self._paint_picture(painter, picture, small=small)
        painter.setFont(font)
        self._paint_words(painter, inner, line)
        self._paint_edge(painter)
        painter.end()

    def _paint_words(self, painter: QPainter, inner: QRectF, line: float) -> None:
        colours, said = self._colours, self._said
        metrics = QFontMetricsF(painter.font())
        top = QRectF(inner.left() + 4, inner.top(), inner.width() - 8, line)
        right_px = metrics.horizontalAdvance(said.right)
        painter.setPen(QColor(colours.text))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(top, middle | Qt.AlignmentFlag.AlignRight, said.right)
        room = max(0.0, top.width() - right_px - 8)
        left = metrics.elidedText(said.left, Qt.TextElideMode.ElideRight, room)
        painter.drawText(top, middle | Qt.AlignmentFlag.AlignLeft, left)
        bottom = QRectF(inner.left() + 4, inner.bottom() - line, inner.width() - 8, line)
        colour = {"bad": colours.bad, "warn": colours.warn}.get(said.loud, colours.muted)
        painter.setPen(QColor(colour))
        below = metrics.elidedText(said.below, Qt.TextElideMode.ElideRight, bottom.width())
        painter.drawText(bottom, middle | Qt.AlignmentFlag.AlignLeft, below)

    def _paint_edge(self, painter: QPainter) -> None:
        colours = self._colours
        if self._said.loud == "bad":
            pen = QPen(QColor(colours.bad), 2 * EDGE_PX)
        elif self._said.loud == "warn":
            pen = QPen(QColor(colours.warn), EDGE_PX)
        elif self._is_chosen:
            pen = QPen(QColor(colours.accent), 4)
        else:
            pen = QPen(QColor(colours.line), 1)
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(self.rect()))
        if self._is_chosen and self._said.loud:
            painter.setPen(QPen(QColor(colours.accent), 2))
            inside = 2 * EDGE_PX - 3
            painter.drawRect(QRectF(self.rect()).adjusted(inside, inside, -inside, -inside))

    def _paint_picture(self, painter: QPainter, room: QRectF, *, small: bool) -> None:
        if self._apparatus is not None:
            width, height = self._apparatus.frame_size_px
        elif self._preview is not None:
            step = self._preview.data["step"]
            width, height = self._preview.data["width"] * step, self._preview.data["height"] * step
        else:
            painter.setPen(QColor(self._colours.muted))
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, say("view.nothing"))
            return
        scale = min(room.width() / width, room.height() / height)
        at = QRectF(0, 0, width * scale, height * scale)
        at.moveCenter(room.center())
        painter.save()
        painter.setClipRect(at)
        painter.fillRect(
            at, QColor(self._colours.picture if self._image is not None else self._colours.window)
        )
        if self._image is not None:
            assert self._preview is not None
            step = self._preview.data["step"]
            shown = QRectF(
                at.left(), at.top(),
                self._image.width() * step * scale, self._image.height() * step * scale,
            )  # fmt: skip
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale * step > 1)
            painter.drawImage(shown, self._image)
        # A pixel's centre is its position: the picture's corner is half a pixel before it.
        view = QTransform(scale, 0, 0, scale, at.left() + scale / 2, at.top() + scale / 2)
        self._paint_chambers(painter, view, small=small)
        self._paint_trail(painter, view)
        self._paint_animal(painter, view, scale)
        self._paint_doors(painter, view, small=small)
        painter.restore()

    def _paint_chambers(self, painter: QPainter, view: QTransform, *, small: bool) -> None:
        if self._apparatus is None:
            return
        hues = self._colours.chambers
        font = QFont(self.font())
        font.setPointSizeF(8 if small else 12)
        font.setBold(True)
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        for k, (chamber, outline) in enumerate(
            zip(self._apparatus.chamber, self._outlines, strict=True)
        ):
            hue = QColor(hues[k % len(hues)])
            here = view.map(outline)
            if self._image is None:
                fill = QColor(hue)
                fill.setAlpha(60)
                painter.setBrush(fill)
            else:
                painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(hue, 3 if chamber.name == self._seen.zone else 1.5))
            painter.drawPolygon(here)
            frame = here.boundingRect().adjusted(5, 4, -5, -4)
            words = [chamber.name, *self._seen.notes.get(chamber.name, "").splitlines()]
            if small:
                words = words[:1]
            for n, word in enumerate(words):
                if n == 1:
                    font.setBold(False)
                    font.setPointSizeF(10)
                    painter.setFont(font)
                text = QFontMetricsF(font).elidedText(
                    word, Qt.TextElideMode.ElideRight, frame.width()
                )
                spot = QPointF(frame.left(), frame.top() + metrics.ascent() + n * metrics.height())
                if small and text != word:
                    continue  # the rim of a name says nothing
                if self._image is not None:  # a dark plate: floors may have any grey
                    size = QFontMetricsF(font)
                    plate = QRectF(
                        spot.x() - 2,
                        spot.y() - size.ascent(),
                        size.horizontalAdvance(text) + 4,
                        size.height(),
                    )
                    painter.fillRect(plate, QColor(0, 0, 0, 150))
                lit = self._image is not None or self._dark
                painter.setPen(
                    QColor(self._colours.text) if self._red else hue.lighter(130) if lit else hue
                )
                painter.drawText(spot, text)
            font.setBold(True)
            font.setPointSizeF(8 if small else 12)
            painter.setFont(font)

    def _paint_trail(self, painter: QPainter, view: QTransform) -> None:
        points = [view.map(QPointF(x, y)) for x, y in self._seen.trail]
        if len(points) < 2:
            return
        colour = QColor(self._colours.accent)
        third = len(points) // 3 + 1
        for part in range(3):  # the older, the fainter
            colour.setAlpha(110 + 70 * part)
            painter.setPen(QPen(colour, 2))
            painter.drawPolyline(QPolygonF(points[part * third : (part + 1) * third + 1]))

    def _paint_animal(self, painter: QPainter, view: QTransform, scale: float) -> None:
        data = self._preview.data if self._preview is not None else {}
        seen = data.get("detection") or {}
        if seen.get("x_px") is None:
            return
        centre = view.map(QPointF(seen["x_px"], seen["y_px"]))
        area_px = float(seen.get("area_px") or 100)
        # A mouse is about twice as long as it is wide.
        half = max(4.0, (area_px / 1.57) ** 0.5 * scale / 1.4)
        painter.save()
        painter.translate(centre)
        painter.rotate(float(seen.get("heading_deg") or 0.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self._colours.good), 2))
        round_ = seen.get("heading_deg") is None
        painter.drawEllipse(
            QPointF(0, 0), half * (1 if round_ else 1.3), half * (1 if round_ else 0.7)
        )
        painter.restore()
        painter.setBrush(QColor(self._colours.good))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawEllipse(centre, 2.5, 2.5)
        if seen.get("nose_x_px") is not None:
            painter.setBrush(QColor(self._colours.warn))
            painter.drawEllipse(view.map(QPointF(seen["nose_x_px"], seen["nose_y_px"])), 3, 3)

    def _paint_doors(self, painter: QPainter, view: QTransform, *, small: bool) -> None:
        if self._apparatus is None:
            return
        wide = 3.0 if small else 6.0
        for doorway in self._apparatus.doorway:
            if doorway.drive is Drive.NONE:
                continue
            a, b = (view.map(QPointF(*point)) for point in doorway.line_px)
            state = self._seen.doors.get(doorway.name, DoorState.UNKNOWN)
            _paint_door(painter, self._colours, a, b, state, wide)


def _paint_door(
    painter: QPainter, colours: Colours, a: QPointF, b: QPointF, state: str, wide: float
) -> None:
    """Closed: a bar. Open: its two posts. Moving: a broken bar. Else: a bar in alarm, crossed."""
    pen = QPen(QColor(colours.text), wide)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if state == DoorState.CLOSED:
        painter.setPen(pen)
        painter.drawLine(a, b)
    elif state == DoorState.OPEN:
        painter.setPen(pen)
        along = b - a
        painter.drawLine(a, a + along * 0.14)
        painter.drawLine(b - along * 0.14, b)
    elif state in MOVING:
        pen.setStyle(Qt.PenStyle.DotLine)
        pen.setColor(QColor(colours.warn))
        painter.setPen(pen)
        painter.drawLine(a, b)
    else:
        known = state != DoorState.UNKNOWN
        pen.setColor(QColor(colours.bad if known else colours.muted))
        pen.setWidthF(wide * 0.6)
        if not known:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.drawLine(a, b)
        if known:
            middle, cross = (a + b) / 2, 2.0 * wide
            painter.drawLine(middle + QPointF(-cross, -cross), middle + QPointF(cross, cross))
            painter.drawLine(middle + QPointF(-cross, cross), middle + QPointF(cross, -cross))
