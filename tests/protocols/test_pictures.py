"""A report's figures drawn ahead, some of them by a process of its own."""

import numpy as np

from protocols.figures import style
from protocols.report import draw_ahead
from protocols.report.blocks import Picture, Report, Words
from protocols.report.pictures import FEW, drawn


def pictures() -> list[Picture]:
    made = []
    for k in range(FEW + 3):
        with style.styled():
            figure = style.blank(60, 40)
            axes = figure.subplots()
            axes.plot(np.arange(4), np.arange(4) * k, color=style.colour(k))
            axes.set_title(f"animal {k}")
        made.append(Picture(f"figure-{k}", figure, "", dense=k % 3 == 0))
    return made


def test_figures_drawn_ahead_are_byte_by_byte_what_is_drawn_here() -> None:
    ahead, here = pictures(), pictures()
    draw_ahead(Report("study", "", "", [Words("first"), *ahead]))
    for one, other in zip(ahead, here, strict=True):
        for ending in ("png",) if one.dense else ("svg", "pdf"):
            assert drawn(one, ending) == drawn(other, ending), (one.name, ending)
