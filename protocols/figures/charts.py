"""Figures of the apparatus and its recordings: quality of each session, control charts. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from protocols.control import LEAST, RUN, control_chart
from protocols.figures import style
from protocols.scores import PRETEST
from protocols.sessions import LATENCIES, Session
from rig.measures import MAX_DROPPED_SHARE, MAX_LOST_SHARE
from rig.table import Bools
from rig.tracking.masks import fill

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

LATENCY_LABELS = ("median", "95 %", "99 %", "longest")
MOST_TICKS = 30


@dataclass(frozen=True)
class Watched:
    """What a control chart follows: its label, a session's value, the ends of what it can be."""

    label: str
    value: Callable[[Session], float]
    least: float = 0.0
    most: float = 100.0


def side_share(session: Session) -> float:
    """The first chamber's share of the time in the first and last chamber, in percent.

    The neutral ones do not count; NaN where there are not two others.
    """
    m = session.measures
    sides = [
        (m.seen_ns[k] + m.inferred_ns[k])
        for k, chamber in enumerate(session.apparatus.chamber)
        if chamber.role != "neutral"
    ]
    both = sum(sides)
    return 100 * sides[0] / both if len(sides) == 2 and both else math.nan


def lost_percent(session: Session) -> float:
    """Lost time in percent of the scored time."""
    share = session.measures.lost_share
    return math.nan if share is None else 100 * share


def dropped_percent(session: Session) -> float:
    """Frames that never came, in percent of those expected."""
    m = session.measures
    return 100 * m.dropped / (m.frames + m.dropped) if m.frames else math.nan


def light(session: Session) -> float:
    """Mean grey of the empty box within its chambers, 0 to 255; NaN without such a picture."""
    image = session.background()
    if image is None:
        return math.nan
    inside = _inside(session, image.shape)
    return float(image[inside].mean()) if inside.any() else math.nan


WATCHED = (
    Watched("first side's share\nof both sides (%)", side_share),
    Watched("light in the empty\nbox (grey level)", light, most=255.0),
    Watched("lost time (%)", lost_percent),
)


def control_charts(sessions: Sequence[Session]) -> "Figure":
    """Side share of pre-tests, light and lost time of all sessions: a column a box, by date."""
    boxes: dict[str, list[Session]] = {}
    for session in sorted(sessions, key=lambda s: s.began):
        boxes.setdefault(session.box, []).append(session)
    with style.styled():
        width = min(max(style.HALF_MORE_MM, 24 + 42 * len(boxes)), style.PAGE_MM)
        figure = style.blank(width, 34 * len(WATCHED) + 12)
        grid = figure.subplots(len(WATCHED), len(boxes), sharey="row", squeeze=False)
        for column, (box, own) in enumerate(boxes.items()):
            for watched, row in zip(WATCHED, grid, strict=True):
                shown = own
                if watched.value is side_share:  # what is learned later is no fault of the box
                    shown = [s for s in own if s.phase == PRETEST]
                _chart(row[column], shown, watched)
            if len(boxes) > 1:
                grid[0][column].set_title(f"box {box or 'not named'}")
            grid[-1][column].set_xlabel("session, by date")
        for watched, row in zip(WATCHED, grid, strict=True):
            row[0].set_ylabel(watched.label)
            low, high = row[0].dataLim.y0, row[0].dataLim.y1
            for axes in row[1:]:
                low, high = min(low, axes.dataLim.y0), max(high, axes.dataLim.y1)
            if low == high:  # one value throughout, in all boxes: they share their scale
                row[0].set_ylim(max(low - 1, watched.least), low + 1)
        figure.legend(handles=_chart_legend(), loc="outside lower center", ncols=4)
    return figure


def quality(sessions: Sequence[Session]) -> "Figure":
    """Lost time, dropped frames and reaction time of each session, in the order of their dates."""
    ordered = sorted(sessions, key=lambda s: s.began)
    timed = [[_number(s.summary, name) for name in LATENCIES] for s in ordered]
    has_times = any(not math.isnan(v) for row in timed for v in row)
    x = np.arange(len(ordered))
    with style.styled():
        rows = 3 if has_times else 2
        figure = style.blank(style.PAGE_MM, 30 * rows + 26)
        panels = figure.subplots(rows, 1, sharex=True)
        for axes, label, value, limit in (
            (panels[0], "lost time (%)", lost_percent, MAX_LOST_SHARE),
            (panels[1], "dropped frames (%)", dropped_percent, MAX_DROPPED_SHARE),
        ):
            values = np.array([value(s) for s in ordered])
            axes.vlines(x, 0, values, color=style.FAINT, linewidth=0.8)
            over = values > 100 * limit
            axes.plot(x[~over], values[~over], "o", color=style.COLOURS[0], clip_on=False)
            axes.plot(x[over], values[over], "X", color=style.COLOURS[1], markersize=5)
            axes.axhline(100 * limit, color=style.MUTED, linewidth=0.7, linestyle=style.LINES[1])
            axes.set_ylim(0, max(1.3 * 100 * limit, 1.1 * float(np.nanmax(values, initial=0))))
            axes.set_ylabel(label)
        if has_times:
            for k, label in enumerate(LATENCY_LABELS):
                own = [row[k] for row in timed]
                panels[2].plot(
                    x, own, linestyle="none", marker=style.sign(k), color=style.colour(k),
                    label=label,
                )  # fmt: skip
            panels[2].set_yscale("log")
            panels[2].yaxis.set_major_formatter("{x:g}")
            panels[2].yaxis.set_major_formatter("{x:g}")
            panels[2].yaxis.set_minor_formatter("")
            panels[2].set_ylabel("frame to command (ms)")
            panels[2].legend(loc="center left", bbox_to_anchor=(1, 0.5))
        step = -(-len(ordered) // MOST_TICKS)
        labels = [f"{s.subject} {style.words(s.phase)}" for s in ordered]
        panels[-1].set_xticks(x[::step], labels[::step], rotation=90)
        panels[-1].set_xlim(-0.6, len(ordered) - 0.4)
    return figure


def _chart(axes: "Axes", sessions: Sequence[Session], watched: Watched) -> None:
    # Rounded, or values that differ by nothing but rounding would stretch the axis.
    known = [(s, round(v, 6)) for s in sessions if not math.isnan(v := watched.value(s))]
    if not known:
        axes.set_axis_off()
        told = axes.text(
            0.5, 0.5, "not known", transform=axes.transAxes, ha="center", color=style.MUTED
        )
        told.set_in_layout(False)  # a narrow column is not made narrower by it
        return
    chart = control_chart([v for _, v in known], watched.least, watched.most)
    x = np.arange(1, len(known) + 1)
    axes.plot(
        x, chart.values, color=style.COLOURS[0], linewidth=0.7, marker="o", markersize=3,
        clip_on=False,
    )  # fmt: skip
    axes.axhline(chart.middle, color=style.MUTED, linewidth=0.7)
    for limit in (chart.low, chart.high):
        if not math.isnan(limit) and watched.least < limit < watched.most:
            axes.axhline(limit, color=style.MUTED, linewidth=0.7, linestyle=style.LINES[1])
    for places, sign, size in ((chart.shifted, "o", 5.5), (chart.beyond, "X", 5.5)):
        axes.plot(
            [x[k] for k in places], [chart.values[k] for k in places], sign, markersize=size,
            markerfacecolor=style.COLOURS[1] if sign == "X" else "none",
            markeredgecolor=style.COLOURS[1], linestyle="none",
        )  # fmt: skip
    starts, first = [], 1
    for date, own in groupby(known, key=lambda one: one[0].began[:10]):
        starts.append((first, date))
        first += len(list(own))
    step = -(-len(starts) // 4)
    axes.set_xticks([at for at, _ in starts[::step]], [date[5:] for _, date in starts[::step]])
    axes.set_xlim(0.4, len(known) + 0.6)
    if len(known) < LEAST:
        few = axes.text(
            1, 1.02, f"no limits from {len(known)}", transform=axes.transAxes, ha="right",
            fontsize=5.5, color=style.MUTED,
        )  # fmt: skip
        few.set_in_layout(False)


def _chart_legend() -> list["Line2D"]:
    from matplotlib.lines import Line2D

    red, grey = style.COLOURS[1], style.MUTED
    return [
        Line2D([], [], color=grey, linewidth=0.7, label="mean"),
        Line2D(
            [], [], color=grey, linewidth=0.7, linestyle=style.LINES[1], label="limits (3 sd)"
        ),
        Line2D([], [], marker="X", color=red, linestyle="none", markersize=5.5, label="beyond"),
        Line2D(
            [], [], marker="o", color=red, markerfacecolor="none", linestyle="none",
            label=f"{RUN} on one side",
        ),
    ]  # fmt: skip


def _inside(session: Session, shape: tuple[int, ...]) -> Bools:
    found = np.zeros(shape[:2], dtype=np.bool_)
    for chamber in session.apparatus.chamber:
        found |= fill(chamber.outline_px, shape) > 0
    return found


def _number(summary: Mapping[str, str], name: str) -> float:
    try:
        return float(summary.get(name) or "nan")
    except ValueError:
        return math.nan
