"""Boxes to begin with: one, two or three chambers. Plain."""

from dataclasses import replace

from gui.setup.drawing import Chamber, Doorway, Drawing, Kind, Part, rectangle

MARGIN = 0.08
"""Of the picture's width and height that a template leaves free on each side."""


def template(chambers: int, size_px: tuple[int, int], drive: str = "manual") -> Drawing:
    """A box of one, two or three chambers that fills most of the picture.

    Three are `left`, a narrower `centre` (neutral) and `right`, with a doorway on either side of
    the centre; two are `left` and `right` with the doorway `middle`.
    """
    widths = {1: [40.0], 2: [20.0, 20.0], 3: [20.0, 7.0, 20.0]}[chambers]
    names = {1: ["field"], 2: ["left", "right"], 3: ["left", "centre", "right"]}[chambers]
    doors = {1: [], 2: ["middle"], 3: ["left", "right"]}[chambers]
    width, height = size_px
    scale = min(width * (1 - 2 * MARGIN) / sum(widths), height * (1 - 2 * MARGIN) / 20.0)
    x, y0 = (width - sum(widths) * scale) / 2, (height - 20.0 * scale) / 2
    y1, middle = y0 + 20.0 * scale, height / 2
    drawn, edges = [], []
    for name, wide in zip(names, widths, strict=True):
        x0, x = x, x + wide * scale
        edges.append(_tenth(x))
        outline = rectangle(_tenth(x0), _tenth(y0), _tenth(x), _tenth(y1))
        drawn.append(Chamber(name, outline, "neutral" if name == "centre" else ""))
    half = 2.5 * scale
    drawing = Drawing(size_px, tuple(drawn))
    for k, door in enumerate(doors):
        line = ((edges[k], _tenth(middle - half)), (edges[k], _tenth(middle + half)))
        doorway = Doorway(door, (names[k], names[k + 1]), line)
        drawing = replace(drawing, doorways=(*drawing.doorways, doorway))
        drawing = drawing.with_drive(Part(Kind.DOORWAY, k), drive)
    return drawing


def _tenth(value: float) -> float:
    return round(float(value), 1)
