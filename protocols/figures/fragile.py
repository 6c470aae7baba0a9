"""How far a score depends on what was chosen: a bar an animal, over all rules. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from protocols.figures import style
from protocols.scores import Scored
from protocols.statistics.groups import groups_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Ranges = Mapping[str, Mapping[str, tuple[float, float]]]


def fragile(scored: Sequence[Scored], ranges: Ranges, score: str) -> "Figure":
    """Each animal's score by the rule that counts, in the range over all other rules.

    Animals in the order of their score, a panel a group.
    """
    groups = groups_of(scored)
    with style.styled():
        figure = style.blank(style.PAGE_MM, 66)
        sizes = [len(ones) + 1 for ones in groups.values()]
        panels = figure.subplots(1, len(groups), sharey=True, squeeze=False, width_ratios=sizes)[0]
        for k, (axes, (name, ones)) in enumerate(zip(panels, groups.items(), strict=True)):
            known = [one for one in ones if not math.isnan(getattr(one.scores, score))]
            known.sort(key=lambda one: getattr(one.scores, score))
            style.zero_line(axes)
            for x, one in enumerate(known):
                value = getattr(one.scores, score)
                low, high = ranges.get(one.subject, {}).get(score, (math.nan, math.nan))
                axes.plot(
                    (x, x), (low, high), color=style.colour(k), linewidth=2.2, alpha=0.35,
                    solid_capstyle="butt",
                )  # fmt: skip
                crosses = low < 0 < high
                axes.plot(
                    x, value, marker=style.sign(k), color=style.colour(k), linestyle="none",
                    markerfacecolor="white" if crosses else style.colour(k), markersize=3.4,
                )  # fmt: skip
            axes.set_xlim(-0.8, max(len(known), 1) - 0.2)
            axes.set_xticks([])
            axes.set_xlabel("animals, by score")
            axes.set_title(f"{name or 'all animals'} (n = {len(known)})")
        panels[0].set_ylabel(style.words(score))
    return figure
