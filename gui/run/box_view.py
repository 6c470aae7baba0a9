"""The picture of one box with what is known about it: outlines, doors, trail, animal, words.

Painted by one cheap widget: a grey image and a few lines. Only the newest picture is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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
    QPixmap,
    QPolygonF,
    QTransform,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui.picture import paintable
from gui.run.around import Laid, Said, lay_out
from gui.run.overlay import Overlay
from gui.texts import say
from gui.theme import COLOURS, Colours, Theme
from gui.watch import Preview
from rig.apparatus import Apparatus

EDGE_PX = 5
SMALL_PX = 330
"""Narrower ones are painted with less care: there are many of them."""
BESIDE = 0.03
"""Around a box that is shown close up, of the picture's longer side."""
SMALL_TRAIL = 20
"""Points of the trail where there are many boxes."""


@dataclass
class Seen:
    """What is drawn over the picture, in its pixels."""

    doors: Mapping[str, str] = field(default_factory=dict)
    trail: Sequence[tuple[float, float]] = field(default=(), compare=False)
    notes: Mapping[str, str] = field(default_factory=dict)  # a word below a chamber's name
    zone: str = ""


class BoxView(QWidget):
    """One box. `chosen()`: it was pressed. `close_up`: the box, not all that the camera sees.

    `nothing`: what is said where there is nothing to show.
    """

    chosen = pyqtSignal()

    def __init__(self, *, close_up: bool = False, nothing: str = "") -> None:
        super().__init__()
        self._close_up, self._nothing = close_up, nothing or say("view.nothing")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._colours: Colours = COLOURS[Theme.DARK]
        self._apparatus: Apparatus | None = None
        self._preview: Preview | None = None
        self._image: QImage | None = None
        self._scaled: QImage | None = None  # `_image` as a small view shows it
        self._said, self._seen = Said(), Seen()
        self._laid: tuple[float, Laid] | None = None  # `_said` in lines of a width
        self._is_chosen = False
        self._theme = Theme.DARK
        self._layer: QPixmap | None = None
        self._layer_of: tuple[Overlay, QTransform, QSize] | None = None

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Room for a picture."""
        return QSize(480, 360)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Sixteen of them fit beside a panel."""
        return QSize(120, 100)

    # --- what it shows

    def use_theme(self, theme: Theme) -> None:
        """Its colours; beside an animal the picture itself is red."""
        self._colours, self._theme = COLOURS[theme], theme
        self._make_image()
        self.update()

    def set_apparatus(self, apparatus: Apparatus | None) -> None:
        """What is where."""
        if apparatus is self._apparatus:
            return
        self._apparatus = apparatus
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
        before = self._said, self._seen, self._is_chosen
        self._said, self._seen, self._is_chosen = said, seen, is_chosen
        if before[0] != said:
            self._laid = None
            self.setToolTip(said.tip)
        if before != (said, seen, is_chosen):  # a longer trail waits for the next picture
            self.update()

    def _make_image(self) -> None:
        self._scaled = None
        if self._preview is None:
            self._image = None
            return
        self._image = paintable(self._preview.image, self._theme)

    # --- painting

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  (Qt's name)
        """It is chosen."""
        self.chosen.emit()
        super().mousePressEvent(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802  (Qt's name)
        """The whole of it, each time: it is little."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._colours.panel))
        small = self.width() < SMALL_PX
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, not small)
        font = QFont(self.font())
        font.setPointSizeF(9 if small else 12)
        font.setBold(True)
        line = QFontMetricsF(font).height() + (2 if small else 8)
        inner = QRectF(self.rect()).adjusted(EDGE_PX, EDGE_PX, -EDGE_PX, -EDGE_PX)
        wide = inner.width() - 8
        if self._laid is None or self._laid[0] != wide:
            self._laid = (wide, lay_out(self._said, font, wide, small=small))
        laid = self._laid[1]
        picture = inner.adjusted(0, line * len(laid.top), 0, -line * len(laid.below))
        self._paint_picture(painter, picture, small=small)
        painter.setFont(font)
        self._paint_words(painter, inner.adjusted(4, 0, -4, 0), line, laid)
        self._paint_edge(painter)
        painter.end()

    def _paint_words(self, painter: QPainter, room: QRectF, line: float, laid: Laid) -> None:
        colours = self._colours
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        at = QRectF(room.left(), room.top(), room.width(), line)
        painter.setPen(QColor(colours.text))
        painter.drawText(
            at, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, laid.right
        )
        for k, text in enumerate(laid.top):
            painter.drawText(at.translated(0, k * line), left, text)
        at.moveTop(room.bottom() - line * len(laid.below))
        painter.setPen(
            QColor({"bad": colours.bad, "warn": colours.warn}.get(self._said.loud, colours.muted))
        )
        for k, text in enumerate(laid.below):
            painter.drawText(at.translated(0, k * line), left, text)

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
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, self._nothing)
            return
        part = self._part(width, height)
        scale = min(room.width() / part.width(), room.height() / part.height())
        at = QRectF(0, 0, part.width() * scale, part.height() * scale)
        at.moveCenter(room.center())
        corner = at.topLeft() - part.topLeft() * scale  # of the whole picture
        painter.save()
        painter.setClipRect(at)
        painter.fillRect(
            at, QColor(self._colours.picture if self._image is not None else self._colours.window)
        )
        if self._image is not None:
            assert self._preview is not None
            step = self._preview.data["step"]
            shown = QRectF(
                corner.x(), corner.y(),
                self._image.width() * step * scale, self._image.height() * step * scale,
            )  # fmt: skip
            if small:  # many boxes: nobody sees smoothness, all wait for it
                self._paint_small(painter, shown, self._image)
            else:
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale * step > 1)
                painter.drawImage(shown, self._image)
        # A pixel's centre is its position: the picture's corner is half a pixel before it.
        view = QTransform(scale, 0, 0, scale, corner.x() + scale / 2, corner.y() + scale / 2)
        self._paint_overlay(painter, view, small=small)
        self._paint_trail(painter, view, small=small)
        self._paint_animal(painter, view, scale, small=small)
        painter.restore()

    def _part(self, width: float, height: float) -> QRectF:
        """What is shown of a picture of this size, in its pixels."""
        whole = QRectF(0, 0, width, height)
        if not self._close_up or self._apparatus is None:
            return whole
        points = [QPointF(x, y) for one in self._apparatus.chamber for x, y in one.outline_px]
        around = BESIDE * max(width, height)
        box = QPolygonF(points).boundingRect().adjusted(-around, -around, around, around)
        return box.intersected(whole)

    def _paint_small(self, painter: QPainter, shown: QRectF, image: QImage) -> None:
        """The picture, brought to its size in the screen's own format once, then copied."""
        ratio = self.devicePixelRatioF()
        size = (shown.size() * ratio).toSize()
        if self._scaled is None or self._scaled.size() != size:
            form = QImage.Format.Format_RGB32
            self._scaled = image.convertToFormat(form).scaled(size)
            self._scaled.setDevicePixelRatio(ratio)
        painter.drawImage(shown.topLeft(), self._scaled)

    def _paint_overlay(self, painter: QPainter, view: QTransform, *, small: bool) -> None:
        """Outlines, names and doors, painted anew only when they are others."""
        if self._apparatus is None:
            return
        seen, pictured = self._seen, self._image is not None
        overlay = Overlay(
            self._apparatus, seen.doors, seen.notes, seen.zone, self._theme, small, pictured
        )
        if self._layer is None or self._layer_of != (overlay, view, self.size()):
            ratio = self.devicePixelRatioF()
            self._layer = QPixmap(self.size() * ratio)
            self._layer.setDevicePixelRatio(ratio)
            self._layer.fill(Qt.GlobalColor.transparent)
            layer = QPainter(self._layer)
            layer.setRenderHint(QPainter.RenderHint.Antialiasing)
            overlay.paint(layer, view, self.font())
            layer.end()
            self._layer_of = (overlay, view, self.size())
        painter.drawPixmap(0, 0, self._layer)

    def _paint_trail(self, painter: QPainter, view: QTransform, *, small: bool) -> None:
        trail = self._seen.trail
        if small:  # one thin line: its cost is paid for sixteen boxes at once
            trail = trail[-SMALL_TRAIL:]
        points = view.map(QPolygonF([QPointF(x, y) for x, y in trail]))
        if len(points) < 2:
            return
        colour = QColor(self._colours.accent)
        if small:
            painter.setPen(QPen(colour, 0))
            painter.drawPolyline(points)
            return
        half = len(points) // 2
        for part, alpha in ((slice(0, half + 1), 130), (slice(half, None), 230)):
            colour.setAlpha(alpha)  # the older, the fainter
            painter.setPen(QPen(colour, 1.5))
            painter.drawPolyline(QPolygonF([points[n] for n in range(len(points))[part]]))

    def _paint_animal(
        self, painter: QPainter, view: QTransform, scale: float, *, small: bool
    ) -> None:
        data = self._preview.data if self._preview is not None else {}
        seen = data.get("detection") or {}
        if seen.get("x_px") is None:
            return
        centre = view.map(QPointF(seen["x_px"], seen["y_px"]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self._colours.good), 1 if small else 2))
        corners = data.get("outline") or []
        if len(corners) > 2:
            painter.drawPolygon(view.map(QPolygonF([QPointF(x, y) for x, y in corners])))
        else:
            _paint_ellipse(painter, seen, centre, scale)
        painter.setBrush(QColor(self._colours.good))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawEllipse(centre, 2.5, 2.5)
        if seen.get("nose_x_px") is not None:
            painter.setBrush(QColor(self._colours.warn))
            painter.drawEllipse(view.map(QPointF(seen["nose_x_px"], seen["nose_y_px"])), 3, 3)


def _paint_ellipse(
    painter: QPainter, seen: Mapping[str, Any], centre: QPointF, scale: float
) -> None:
    """About the animal, where its outline is not known."""
    area_px = float(seen.get("area_px") or 100)
    # A mouse is about twice as long as it is wide.
    half = max(4.0, (area_px / 1.57) ** 0.5 * scale / 1.4)
    round_ = seen.get("heading_deg") is None
    painter.save()
    painter.translate(centre)
    painter.rotate(float(seen.get("heading_deg") or 0.0))
    painter.drawEllipse(QPointF(0, 0), half * (1 if round_ else 1.3), half * (1 if round_ else 0.7))
    painter.restore()
