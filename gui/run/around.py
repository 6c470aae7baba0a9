"""The words around the picture of a box, broken into lines: what is to be done is never cut."""

from dataclasses import dataclass

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QFont, QFontMetricsF, QTextLayout, QTextOption

GAP_PX = 8
MOST_LINES = 4
"""More would leave no picture; the whole text is the tile's tooltip."""


@dataclass(frozen=True)
class Said:
    """The words around a picture, and how loud they are ("": not, warn, bad).

    Where `left` does not fit, `short` takes its place, or else `head`: a box and, below it, its
    animal. `brief` takes the place of `below` among many boxes.
    """

    left: str = ""
    right: str = ""
    below: str = ""
    loud: str = ""
    short: str = ""
    head: tuple[str, str] = ("", "")
    brief: str = ""

    @property
    def tip(self) -> str:
        """All of it, for whoever points at the box."""
        return "\n".join(text for text in (self.left, self.below) if text)


@dataclass(frozen=True)
class Laid:
    """`Said` in lines of a width; `right` stands at the end of the first line of `top`."""

    top: tuple[str, ...]
    right: str
    below: tuple[str, ...]


def lay_out(said: Said, font: QFont, width_px: float, *, small: bool) -> Laid:
    """Break the words around a picture of this width; `small`: one of many boxes."""
    metrics = QFontMetricsF(font)
    room = max(0.0, width_px - metrics.horizontalAdvance(said.right) - GAP_PX)
    wordings = (said.left, said.short or said.left)
    left = next((text for text in wordings if metrics.horizontalAdvance(text) <= room), None)
    box, animal = said.head
    if left is not None:
        top: tuple[str, ...] = (left,)
    elif animal:
        middle = Qt.TextElideMode.ElideMiddle
        top = (box, metrics.elidedText(animal, middle, width_px))
    else:
        top = (metrics.elidedText(said.left, Qt.TextElideMode.ElideRight, room),)
    below = said.brief if small and said.brief else said.below
    return Laid(top, said.right, lines_of(below, font, width_px) or ("",))


def lines_of(text: str, font: QFont, width_px: float) -> tuple[str, ...]:
    """A text in lines of this width, MOST_LINES at most; the last one is cut where more follows."""
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout = QTextLayout(text, font)
    layout.setTextOption(option)
    layout.beginLayout()
    lines: list[str] = []
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width_px)
        if len(lines) == MOST_LINES - 1:
            rest = text[line.textStart() :]
            mode = Qt.TextElideMode.ElideRight
            lines.append(QFontMetricsF(font).elidedText(rest, mode, width_px))
            break
        lines.append(text[line.textStart() : line.textStart() + line.textLength()].rstrip())
    layout.endLayout()
    return tuple(lines)
