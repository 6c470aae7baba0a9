"""Figures of many animals' scores: before and after, by group, over extinction. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from protocols.figures import style
from protocols.scores import (
    EXTINCTION,
    EXTINGUISHED_BELOW,
    POSTTEST,
    PRETEST,
    Animal,
    Scored,
    cpp_score_s,
    phase_order,
)
from protocols.statistics.effects import Floats, interval, mean
from protocols.statistics.groups import groups_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REACH = 0.22
"""How far dots of a group may go to either side, where groups are 1 apart."""
BESIDE = 0.36
"""Where a group's mean stands beside its dots."""


def before_after(animals: Sequence[Animal], scored: Sequence[Scored]) -> "Figure":
    """Seconds in the paired chamber in pre-test and post-test: a line an animal, a panel a group.

    The group's mean stands beside, with the bootstrap's 95 % interval. An animal with a flag is
    dashed.
    """
    by_name = {animal.subject: animal for animal in animals}
    groups = groups_of(scored)
    with style.styled():
        figure = style.blank(_width_mm(len(groups), 34), 62)
        panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
        for k, (axes, (name, ones)) in enumerate(zip(panels, groups.items(), strict=True)):
            pairs = [_paired_s(by_name[one.subject]) for one in ones]
            for one, pair in zip(ones, pairs, strict=True):
                axes.plot(
                    (0, 1), pair, color=style.colour(k), alpha=0.55, linewidth=0.8,
                    linestyle=style.LINES[1] if one.flags else "-",
                    marker=_sex(by_name[one.subject]), markersize=3,
                    markerfacecolor="white" if one.flags else style.colour(k),
                )  # fmt: skip
            whole = [pair for pair in pairs if not math.isnan(sum(pair))]
            for x, values in zip((-BESIDE, 1 + BESIDE), zip(*whole, strict=True), strict=False):
                _mean(axes, x, values, style.INK)
            axes.set_xlim(-0.65, 1.65)
            axes.set_xticks((0, 1), (style.words(PRETEST), style.words(POSTTEST)))
            axes.set_title(_n(name, len(whole)))
        panels[0].set_ylim(bottom=0)
        panels[0].set_ylabel("time in the paired chamber (s)")
        _legend(figure, animals, flagged=any(one.flags for one in scored))
    return figure


def scores_by_group(
    animals: Sequence[Animal], scored: Sequence[Scored], score: str = "cpp_score_s"
) -> "Figure":
    """One score: a dot an animal, and each group's mean with the bootstrap's 95 % interval."""
    by_name = {animal.subject: animal for animal in animals}
    groups = groups_of(scored)
    values = {name: [getattr(one.scores, score) for one in ones] for name, ones in groups.items()}
    known = [v for of in values.values() for v in of if not math.isnan(v)]
    span = (max(known) - min(min(known), 0)) if known else 1.0
    with style.styled():
        figure = style.blank(_width_mm(len(groups), 24), 62)
        axes = figure.subplots()
        style.zero_line(axes)
        ticks = []
        for k, (name, ones) in enumerate(groups.items()):
            have = [
                (one, v) for one, v in zip(ones, values[name], strict=True) if not math.isnan(v)
            ]
            aside = style.beeswarm([v for _, v in have], REACH, span / 25)
            for (one, value), dx in zip(have, aside, strict=True):
                axes.plot(
                    k + dx - 0.08, value, linestyle="none", alpha=0.85, markeredgewidth=0.7,
                    marker=_sex(by_name[one.subject]), color=style.colour(k),
                    markerfacecolor="white" if one.flags else style.colour(k),
                )  # fmt: skip
            _mean(axes, k + BESIDE - 0.04, [v for _, v in have], style.INK)
            ticks.append(_n(name, len(have), "\n"))
        axes.set_xlim(-0.6, len(groups) - 0.4)
        axes.set_xticks(range(len(groups)), ticks)
        axes.set_ylabel(style.words(score))
        _legend(figure, animals, flagged=any(one.flags for one in scored))
    return figure


def extinction(animals: Sequence[Animal], scored: Sequence[Scored]) -> "Figure":
    """The preference score from the post-test over extinction to reinstatement, by group.

    Thin lines are animals, thick ones the groups' means with the bootstrap's 95 % interval; the
    dotted line is what counts as extinguished, by the mean of each group's post-test.
    """
    by_name = {animal.subject: animal for animal in animals}
    phases = sorted({p for one in scored for p in one.phases}, key=phase_order)
    shown = [POSTTEST, *phases]
    groups = groups_of(scored)
    with style.styled():
        figure = style.blank(max(style.COLUMN_MM, min(19.0 * len(shown), style.PAGE_MM)), 72)
        axes, dotted = figure.subplots(), False
        style.zero_line(axes)
        for k, (name, ones) in enumerate(groups.items()):
            shift = (k - (len(groups) - 1) / 2) * 0.12
            rows = np.array([[_score_s(by_name[one.subject], p) for p in shown] for one in ones])
            x = np.arange(len(shown)) + shift
            for row in rows:
                axes.plot(x, row, color=style.colour(k), alpha=0.25, linewidth=0.6)
            middles, lows, highs = _column_means(rows)
            axes.errorbar(
                x, middles, (middles - lows, highs - middles), color=style.colour(k),
                marker=style.sign(k), linestyle=style.line(k), linewidth=1.3, markersize=4.5,
                elinewidth=0.9, capsize=0, label=_n(name, len(ones)),
            )  # fmt: skip
            if middles[0] > 0 and any(p.startswith(EXTINCTION) for p in phases):
                at = EXTINGUISHED_BELOW * middles[0]
                axes.axhline(at, color=style.colour(k), linewidth=0.7, linestyle=":")
                dotted = True
        if dotted:
            label = f"{100 * EXTINGUISHED_BELOW:.0f} % of the group's post-test"
            axes.plot([], [], color=style.MUTED, linewidth=0.7, linestyle=":", label=label)
        axes.set_xticks(range(len(shown)), [style.words(p).replace(" ", "\n") for p in shown])
        axes.set_ylabel(style.words("cpp_score_s"))
        labels = axes.get_legend_handles_labels()[1]
        columns = min(2, style.columns_that_fit(labels, figure.get_figwidth()))
        figure.legend(loc="outside lower center", ncols=columns)
    return figure


def _paired_s(animal: Animal) -> tuple[float, float]:
    return animal.tests[PRETEST].paired_s, animal.tests[POSTTEST].paired_s


def _score_s(animal: Animal, phase: str) -> float:
    test = animal.tests.get(phase)
    return math.nan if test is None else cpp_score_s(animal.tests[PRETEST].paired_s, test.paired_s)


def _column_means(rows: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean and ends of its interval of each column; ends at the mean where there is no interval."""
    told = []
    for column in rows.T:
        values = column[~np.isnan(column)]
        middle = float(values.mean()) if len(values) else math.nan
        ends = interval([values], mean) if len(values) else (math.nan, math.nan)
        told.append((middle, *(middle if math.isnan(end) else end for end in ends)))
    middles, lows, highs = np.array(told).T
    return middles, lows, highs


def _mean(axes: "Axes", x: float, values: Sequence[float], colour: str) -> None:
    """A mean as a bar, with its interval where there are animals enough for one."""
    if not len(values):
        return
    middle = float(np.mean(values))
    axes.plot((x - 0.1, x + 0.1), (middle, middle), color=colour, linewidth=1.6, zorder=3)
    low, high = interval([np.asarray(values)], mean)
    if not math.isnan(low):
        axes.plot((x, x), (low, high), color=colour, linewidth=0.9, zorder=3)


def _n(name: str | None, n: int, between: str = " ") -> str:
    return f"n = {n}" if name is None else f"{name}{between}(n = {n})"


def _sex(animal: Animal) -> str:
    return style.SEXES.get(animal.factors.get("sex", "")[:1].casefold(), ("o", ""))[0]


def _legend(figure: "Figure", animals: Sequence[Animal], *, flagged: bool) -> None:
    """What signs mean, where they mean something."""
    from matplotlib.lines import Line2D

    def entry(sign: str, label: str, face: str) -> Line2D:
        return Line2D(
            [], [], marker=sign, linestyle="none", color=style.MUTED, label=label,
            markerfacecolor=face, markersize=3.5,
        )  # fmt: skip

    told: list[Line2D] = []
    sexes = {a.factors.get("sex", "")[:1].casefold() for a in animals} & style.SEXES.keys()
    if len(sexes) > 1:
        told += [entry(*style.SEXES[sex], style.MUTED) for sex in sorted(sexes)]
    if flagged:
        told.append(entry("o", "flagged", "white"))
    told.append(
        Line2D([], [], color=style.INK, linewidth=1.6, label="mean, 95 % interval", markersize=0)
    )
    labels = [str(one.get_label()) for one in told]
    columns = style.columns_that_fit(labels, figure.get_figwidth(), 1.2)
    figure.legend(handles=told, loc="outside lower center", ncols=columns, columnspacing=1.2)


def _width_mm(groups: int, each_mm: float) -> float:
    return min(max(style.COLUMN_MM * 0.8, 18 + each_mm * groups), style.PAGE_MM)


def table_figures(
    animals: Sequence[Animal], scored: Sequence[Scored], primary: str
) -> Mapping[str, Callable[[], "Figure"]]:
    """By name, how to draw each figure that these animals allow."""
    drawn: dict[str, Callable[[], Figure]] = {
        "before-after": lambda: before_after(animals, scored),
        f"scores-{primary.replace('_', '-')}": lambda: scores_by_group(animals, scored, primary),
    }
    if any(one.phases for one in scored):
        drawn["extinction"] = lambda: extinction(animals, scored)
    return drawn
