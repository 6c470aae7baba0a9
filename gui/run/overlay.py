"""What is drawn over a box's picture that seldom changes: chambers with their names, and doors."""

from collections.abc import Mapping
from dataclasses import dataclass

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF, QTransform

from gui.run.around import lines_of
from gui.theme import COLOURS, Theme
from rig.apparatus import Apparatus, Drive
from rig.model import DoorState

MOVING = (DoorState.OPENING, DoorState.CLOSING, DoorState.REVERSED)
LEAST_PT = 9.0
"""Size of a chamber's name, where it is narrow."""


@dataclass(frozen=True)
class Overlay:
    """The facts. Two that are equal look the same at the same size.

    `notes`: a word or more below a chamber's name. `small`: one of many boxes. `pictured`: there
    is a picture below.
    """

    apparatus: Apparatus
    doors: Mapping[str, str]
    notes: Mapping[str, str]
    zone: str
    theme: Theme
    small: bool
    pictured: bool

    def paint(self, painter: QPainter, view: QTransform, usual: QFont) -> None:
        """Draw it; `view` leads from the picture's pixels to the painter's."""
        hues = COLOURS[self.theme].chambers
        # Names over a picture stand on dark plates: there the light room's dark hues are lost.
        light = self.theme is Theme.LIGHT and self.pictured
        inks = COLOURS[Theme.DARK].chambers if light else hues
        for k, chamber in enumerate(self.apparatus.chamber):
            hue = QColor(hues[k % len(hues)])
            outline = QPolygonF([QPointF(x, y) for x, y in chamber.outline_px])
            here = view.map(outline)
            # Beside an animal a pale red, thinned over black, would look grey.
            fill = QColor(hue.red(), 0, 0) if self.theme is Theme.RED else QColor(hue)
            fill.setAlpha(0 if self.pictured else 60)
            painter.setBrush(fill)
            painter.setPen(QPen(hue, 3 if chamber.name == self.zone else 1.5))
            painter.drawPolygon(here)
            ink = QColor(inks[k % len(inks)])
            self._paint_words(painter, here.boundingRect(), chamber.name, ink, usual)
        self._paint_doors(painter, view)

    def _paint_words(
        self, painter: QPainter, around: QRectF, name: str, hue: QColor, usual: QFont
    ) -> None:
        room = around.adjusted(5, 4, -5, -4)
        notes = [] if self.small else self.notes.get(name, "").splitlines()
        down = room.top()
        large, normal = QFont(usual), QFont(usual)
        large.setBold(True)
        large.setPointSizeF(8 if self.small else 12)
        normal.setPointSizeF(10)
        if not self.small:  # a narrow chamber's name is written smaller, before it is cut
            wide = QFontMetricsF(large).horizontalAdvance(name)
            large.setPointSizeF(min(12.0, max(LEAST_PT, 12 * room.width() / max(wide + 2, 1))))
        words = [(name, large)]
        words += [(line, normal) for note in notes for line in lines_of(note, normal, room.width())]
        for word, font in words:
            metrics = QFontMetricsF(font)
            text = metrics.elidedText(word, Qt.TextElideMode.ElideRight, room.width())
            if self.small and text != word:
                return  # the rim of a name says nothing
            if self.pictured:  # a dark plate: floors may have any grey
                width = metrics.horizontalAdvance(text) + 4
                painter.fillRect(
                    QRectF(room.left() - 2, down, width, metrics.height()), QColor(0, 0, 0, 150)
                )
            ink = hue.lighter(130) if self.pictured or self.theme is not Theme.LIGHT else hue
            if self.theme is Theme.RED:
                ink = QColor(COLOURS[self.theme].text)
            painter.setFont(font)
            painter.setPen(ink)
            painter.drawText(QPointF(room.left(), down + metrics.ascent()), text)
            down += metrics.height()

    def _paint_doors(self, painter: QPainter, view: QTransform) -> None:
        wide = 3.0 if self.small else 6.0
        for doorway in self.apparatus.doorway:
            if doorway.drive is Drive.NONE:
                continue
            a, b = (view.map(QPointF(*point)) for point in doorway.line_px)
            state = self.doors.get(doorway.name, DoorState.UNKNOWN)
            _paint_door(painter, self.theme, a, b, state, wide)


def _paint_door(
    painter: QPainter, theme: Theme, a: QPointF, b: QPointF, state: str, wide: float
) -> None:
    """Closed: a bar. Open: its two posts. Moving: a broken bar. Else: a bar in alarm, crossed."""
    colours = COLOURS[theme]
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
