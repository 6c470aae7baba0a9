"""How far two ways of measuring agree, as a figure (Bland and Altman 1986). Pure."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from protocols.agreement import agreement
from protocols.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Pairs = Sequence[tuple[float, float]]
"""The same thing measured in one way and in the other."""


def differences(panels: Sequence[tuple[str, str, Pairs]]) -> "Figure":
    """For each panel (title, unit, pairs) the difference of a pair, second less first, by its mean.

    A line is the bias, dashed ones the limits of agreement. Pairs that fall on one another are one
    dot, the larger the more there are.
    """
    with style.styled():
        figure = style.blank(style.PAGE_MM, 62)
        row = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (title, unit, pairs) in zip(row, panels, strict=True):
            counts: dict[tuple[float, float], int] = {}
            for first, second in pairs:
                at = round((first + second) / 2, 3), round(second - first, 3)
                counts[at] = counts.get(at, 0) + 1
            axes.scatter(
                [x for x, _ in counts],
                [y for _, y in counts],
                s=[9 * math.sqrt(n) for n in counts.values()],
                color=style.COLOURS[0],
                alpha=0.75,
                linewidth=0,
                clip_on=False,
            )
            told = agreement([a for a, _ in pairs], [b for _, b in pairs])
            lines = ((told.bias, "-", "bias"), (told.low, style.LINES[1], "limits of agreement"),
                     (told.high, style.LINES[1], ""))  # fmt: skip
            for value, dashes, name in lines:
                if not math.isnan(value):
                    axes.axhline(
                        value, color=style.COLOURS[1], linewidth=0.8, linestyle=dashes, label=name
                    )
            style.zero_line(axes)
            axes.set_title(title)
            in_unit = f" ({unit})" if unit else ""
            axes.set_xlabel(f"mean of person and program{in_unit}")
            axes.set_ylabel(f"program less person{in_unit}")
            most = max((abs(y) for _, y in counts), default=0.0)
            if most == 0.0:  # they agree in all: an axis without a length would be none
                axes.set_ylim(-1, 1)
        handles, labels = row[0].get_legend_handles_labels()
        if handles:
            figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure
