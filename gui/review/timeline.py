"""A recording from beginning to end: a lane a chamber, doors, what is lost, what is corrected."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFontMetricsF,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gui.result import chamber_style
from gui.texts import say
from gui.theme import COLOURS, Theme
from protocols.review.footage import DOORS, LOST, MENDED, Footage, Stretch, runs

LANE_PX = 15
LEAST_PX = 1.5
"""What is shorter would not be seen."""


@dataclass(frozen=True)
class Lane:
    """One row of the time line: its name, its stretches of seconds, or moments."""

    name: str
    stretches: Sequence[tuple[float, float]] = ()
    moments: Sequence[float] = ()
    chamber: int = -1
    loud: bool = False


class Timeline(QWidget):
    """Shows where one is; `asked(t_s)` says that a moment was pressed."""

    asked = pyqtSignal(float)

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(say("review.timeline"))
        self._theme = Theme.DARK
        self._lanes: tuple[Lane, ...] = ()
        self._scored: tuple[tuple[float, float], ...] = ()
        self._ends = (0.0, 1.0)
        self._now = 0.0
        self._stretch: tuple[float, float] | None = None
        self._layer: QPixmap | None = None

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """As high as there are lanes."""
        return QSize(400, max(1, len(self._lanes)) * LANE_PX + 8)

    minimumSizeHint = sizeHint  # noqa: N815  (Qt's name)

    def use_theme(self, theme: Theme) -> None:
        """Other colours."""
        self._theme, self._layer = theme, None
        self.update()

    def show_footage(self, footage: Footage | None, corrected: Sequence[Stretch] = ()) -> None:
        """Another recording; `corrected`: rows that are corrected, beside those it has."""
        self._layer, self._stretch = None, None
        if footage is None:
            self._lanes, self._scored = (), ()
        else:
            self._lanes = tuple(lanes(footage, corrected))
            self._scored = tuple(_seconds(footage, runs(footage.scored)))
            self._ends = (float(footage.t_s[0]), max(float(footage.t_s[-1]), 1e-3))
        self.updateGeometry()
        self.update()

    def put(self, t_s: float, stretch: tuple[float, float] | None) -> None:
        """Where one is, and the stretch that is chosen."""
        if (self._now, self._stretch) != (t_s, stretch):
            self._now, self._stretch = t_s, stretch
            self.update()

    # --- mouse

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Go there."""
        if event is not None and self._lanes:
            self.asked.emit(self._t_s(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Go along."""
        self.mousePressEvent(event)

    # --- painting

    def resizeEvent(self, event: object) -> None:  # noqa: N802  (Qt's name)
        """All is painted anew."""
        self._layer = None

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Lanes from a picture kept; only the cursor is new each time."""
        if self._layer is None:
            self._layer = self._painted()
        colours = COLOURS[self._theme]
        with QPainter(self) as painter:
            painter.drawPixmap(0, 0, self._layer)
            if not self._lanes:
                return
            high = float(self.height())
            if self._stretch is not None:
                veil = QColor(colours.accent)
                veil.setAlpha(70)
                x0, x1 = self._x(self._stretch[0]), self._x(self._stretch[1])
                painter.fillRect(QRectF(x0, 0, max(x1 - x0, 2.0), high), veil)
            painter.setPen(QPen(QColor(colours.text), 2))
            x = self._x(self._now)
            painter.drawLine(QPointF(x, 0), QPointF(x, high))

    def _painted(self) -> QPixmap:
        colours = COLOURS[self._theme]
        ratio = self.devicePixelRatioF()
        layer = QPixmap(self.size() * ratio)
        layer.setDevicePixelRatio(ratio)
        layer.fill(QColor(colours.window))
        with QPainter(layer) as painter:
            font = painter.font()
            font.setPointSizeF(8.5)
            painter.setFont(font)
            metrics = QFontMetricsF(font)
            for k, lane in enumerate(self._lanes):
                top = 4 + k * LANE_PX
                room = QRectF(self._left, top + 1, self.width() - self._left - 4, LANE_PX - 3)
                painter.fillRect(room, QColor(colours.panel))
                for first, last in self._scored:
                    x0, x1 = self._x(first), self._x(last)
                    inside = QRectF(x0, room.top(), x1 - x0, room.height())
                    painter.fillRect(inside, QColor(colours.raised))
                name = metrics.elidedText(lane.name, Qt.TextElideMode.ElideRight, self._left - 10)
                painter.setPen(QColor(colours.muted))
                painter.drawText(
                    QRectF(4, top, self._left - 8, LANE_PX), Qt.AlignmentFlag.AlignVCenter, name
                )
                self._paint_lane(painter, lane, room)
        return layer

    def _paint_lane(self, painter: QPainter, lane: Lane, room: QRectF) -> None:
        colours = COLOURS[self._theme]
        if lane.chamber >= 0:
            shade = chamber_style.colour(self._theme, lane.chamber)
        else:
            shade = QColor(colours.bad if lane.loud else colours.accent)
        for first, last in lane.stretches:
            x0, x1 = self._x(first), self._x(last)
            painter.fillRect(QRectF(x0, room.top(), max(x1 - x0, LEAST_PX), room.height()), shade)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.text))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for moment in lane.moments:
            x, half = self._x(moment), room.height() / 2
            points = [(x - half * 0.7, room.top()), (x + half * 0.7, room.top())]
            points.append((x, room.bottom()))
            painter.drawPolygon(QPolygonF([QPointF(*point) for point in points]))

    @property
    def _left(self) -> float:
        return 92.0

    def _x(self, t_s: float) -> float:
        first, last = self._ends
        share = (t_s - first) / (last - first) if last > first else 0.0
        return self._left + min(max(share, 0.0), 1.0) * (self.width() - self._left - 6)

    def _t_s(self, x: float) -> float:
        first, last = self._ends
        share = (x - self._left) / max(1.0, self.width() - self._left - 6)
        return first + min(max(share, 0.0), 1.0) * (last - first)


def lanes(footage: Footage, corrected: Sequence[Stretch] = ()) -> list[Lane]:
    """The lanes of a recording; doors and corrections only where there are any."""
    found = [
        Lane(name, _seconds(footage, runs(np.asarray(footage.zone == k))), chamber=k)
        for k, name in enumerate(footage.apparatus.chamber_names)
    ]
    if footage.doors:
        moments = [float(footage.t_s[row]) for row in footage.marks(DOORS)]
        found.append(Lane(say("review.lane_doors"), moments=moments))
    lost = _seconds(footage, footage.stretches(LOST))
    found.append(Lane(say("review.lane_lost"), lost, loud=True))
    mended = [*footage.stretches(MENDED), *corrected]
    found.append(Lane(say("review.lane_corrected"), _seconds(footage, mended)))
    return found


def _seconds(footage: Footage, stretches: Sequence[Stretch]) -> list[tuple[float, float]]:
    """From the first row to the row after the last."""
    end = len(footage) - 1
    return [
        (float(footage.t_s[one.first]), float(footage.t_s[min(one.last + 1, end)]))
        for one in stretches
    ]
