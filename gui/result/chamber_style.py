"""How chambers are told apart: by colour, and by line and sign as well. The same everywhere."""

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap

from gui.theme import COLOURS, Theme

LINES = (
    Qt.PenStyle.SolidLine,
    Qt.PenStyle.DashLine,
    Qt.PenStyle.DotLine,
    Qt.PenStyle.DashDotLine,
    Qt.PenStyle.DashDotDotLine,
)
SIGNS = ("o", "t1", "s", "d", "x", "star")
SWATCH_PX = (26, 14)


def colour(theme: Theme, chamber: int) -> QColor:
    """The colour of the chamber with this number."""
    chambers = COLOURS[theme].chambers
    return QColor(chambers[chamber % len(chambers)])


def pen(theme: Theme, chamber: int, width_px: float = 2.0) -> QPen:
    """The line of the chamber with this number, as wide at any zoom."""
    made = QPen(colour(theme, chamber), width_px, LINES[chamber % len(LINES)])
    made.setCosmetic(True)
    return made


def sign(chamber: int) -> str:
    """The mark of the chamber with this number, by pyqtgraph's name for it."""
    return SIGNS[chamber % len(SIGNS)]


def swatch(theme: Theme, chamber: int, scale: float = 1.0) -> QIcon:
    """A short piece of the chamber's line, to stand beside its name."""
    width, height = SWATCH_PX
    picture = QPixmap(round(width * scale), round(height * scale))
    picture.setDevicePixelRatio(scale)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(pen(theme, chamber, 3.0))
    painter.drawLine(QPointF(1, height / 2), QPointF(width - 1, height / 2))
    _mark(painter, chamber, QRectF(width / 2 - 4, height / 2 - 4, 8, 8), colour(theme, chamber))
    painter.end()
    return QIcon(picture)


def _mark(painter: QPainter, chamber: int, where: QRectF, fill: QColor) -> None:
    from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols

    painter.translate(where.center())
    painter.scale(where.width(), where.height())
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    painter.drawPath(Symbols[sign(chamber)])
    painter.resetTransform()
