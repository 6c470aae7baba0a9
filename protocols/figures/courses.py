"""Figures of what happened when: cumulative preference, bins, occupancy. Pure."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from protocols.figures import style
from protocols.maps import occupancy
from protocols.scores import phase_order
from protocols.sessions import Session, in_order
from protocols.statistics.effects import Floats
from rig.model import NS_PER_S

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

STEP_S = 1.0
"""The grid on which courses of several animals are averaged."""
BIN_S = 300.0
ROW_MM = 4.5
PAGE_ROWS = 40
LEVELS = {"paired": 0.66, "neutral": 0.38, "unpaired": 0.1}
LEVEL = 0.24
"""Where in a session's row a chamber stands, and how high: what it is does not hang on colour."""


def cumulative(sessions: Sequence[Session]) -> "Figure":
    """Seconds paired less unpaired, summed from the start: a line an animal, a panel a phase."""

    def course(session: Session) -> tuple[Floats, Floats]:
        end_s = _length_s(session)
        at = np.append(np.arange(0, end_s, STEP_S), end_s)
        in_role = [_time_until(session, role, at) for role in ("paired", "unpaired")]
        return at / 60, in_role[0] - in_role[1]

    return _panels(sessions, course, "paired less unpaired,\nsummed (s)", bins=False)


def bins(sessions: Sequence[Session], bin_s: float = BIN_S) -> "Figure":
    """Share of the time in both chambers that was spent in the paired one, bin by bin."""

    def course(session: Session) -> tuple[Floats, Floats]:
        told = occupancy(session.table, session.measures, session.apparatus, bin_s)
        paired, unpaired = (
            told.chamber_ns[:, list(session.chambers(role))].sum(axis=1)
            for role in ("paired", "unpaired")
        )
        both = paired + unpaired
        share = np.full(len(both), np.nan)
        share[both > 0] = 100 * paired[both > 0] / both[both > 0]
        middles = (told.edges_ns[:-1] + told.edges_ns[1:]) / 2 / NS_PER_S / 60
        return middles, share

    return _panels(sessions, course, "time in the paired chamber\n(% of both)", bins=True)


def raster(sessions: Sequence[Session]) -> list["Figure"]:
    """Where each animal was at each moment: a row a session, one height and colour a chamber."""
    ordered = sorted(in_order(sessions), key=lambda s: phase_order(s.phase))
    with style.styled():
        return [
            _raster(ordered[first : first + PAGE_ROWS])
            for first in range(0, len(ordered), PAGE_ROWS)
        ]


def _raster(sessions: Sequence[Session]) -> "Figure":
    from matplotlib.patches import Patch

    figure = style.blank(style.PAGE_MM, ROW_MM * len(sessions) + 22)
    axes = figure.subplots()
    for row, session in enumerate(sessions):
        for role, level in LEVELS.items():
            names = {session.apparatus.chamber_names[k] for k in session.chambers(role)}
            spans = [
                (v.start_ns / NS_PER_S / 60, (v.end_ns - v.start_ns) / NS_PER_S / 60)
                for v in session.measures.visits
                if v.zone in names
            ]
            height = LEVEL if role != "neutral" else LEVEL * 0.8
            axes.broken_barh(
                spans, (row - 0.5 + 1 - level - LEVEL, height), color=style.ROLES[role], linewidth=0
            )
        if row and session.phase != sessions[row - 1].phase:
            axes.axhline(row - 0.5, color=style.MUTED, linewidth=0.6)
    axes.set_ylim(len(sessions) - 0.5, -0.5)
    axes.set_xlim(0, max(_length_s(s) for s in sessions) / 60)
    axes.xaxis.set_major_locator(_minutes(sessions))
    axes.set_yticks(
        range(len(sessions)), [f"{s.subject}  {style.words(s.phase)}" for s in sessions]
    )
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("min")
    words = {"paired": "paired (top)", "neutral": "neutral (middle)", "unpaired": "unpaired (low)"}
    handles = [Patch(color=style.ROLES[role], label=words[role]) for role in LEVELS]
    handles.append(Patch(facecolor="white", edgecolor=style.FAINT, label="lost, or not scored"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _panels(sessions: Sequence[Session], course: Any, label: str, *, bins: bool) -> "Figure":
    phases = sorted({s.phase for s in sessions}, key=phase_order)
    with style.styled():
        width = min(max(style.COLUMN_MM, 20 + 38 * len(phases)), style.PAGE_MM)
        figure = style.blank(width, 58)
        panels = figure.subplots(1, len(phases), sharex=True, sharey=True, squeeze=False)[0]
        for axes, phase in zip(panels, phases, strict=True):
            own = [course(s) for s in sessions if s.phase == phase]
            axes.axhline(50 if bins else 0, color=style.MUTED, linewidth=0.6, zorder=0)
            for x, y in own:
                axes.plot(
                    x, y, color=style.COLOURS[0], alpha=0.4, linewidth=0.7,
                    marker="o" if bins else "", markersize=2,
                )  # fmt: skip
            _mean_course(axes, own, bins=bins)
            axes.set_title(f"{style.words(phase)} (n = {len(own)})")
            axes.set_xlabel("min")
        panels[0].set_ylabel(label)
        if bins:
            panels[0].set_ylim(0, 100)
        panels[0].set_xlim(0, max(_length_s(s) for s in sessions) / 60)
        panels[0].xaxis.set_major_locator(_minutes(sessions))
        if len(sessions) > len(phases):
            figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center")
    return figure


def _mean_course(axes: "Axes", own: Sequence[tuple[Floats, Floats]], *, bins: bool) -> None:
    """The mean over the animals, as long as all of them were in the test."""
    if len(own) < 2:
        return
    n = min(len(y) for _, y in own)
    rows = np.array([y[:n] for _, y in own])
    known = ~np.isnan(rows).all(axis=0)
    middle = np.nanmean(rows[:, known], axis=0)
    axes.plot(
        own[0][0][:n][known], middle, color=style.INK, linewidth=1.5, label="mean",
        marker="s" if bins else "", markersize=3,
    )  # fmt: skip


def _minutes(sessions: Sequence[Session]) -> "Locator":
    """A tick every 1, 2, 5 or 10 min."""
    from matplotlib.ticker import MultipleLocator

    longest = max(_length_s(s) for s in sessions) / 60
    return MultipleLocator(next((m for m in (1, 2, 5, 10, 20) if longest <= 6 * m), 60))


def _length_s(session: Session) -> float:
    first, last = session.measures.first_ns, session.measures.last_ns
    return 0.0 if first is None or last is None else (last - first) / NS_PER_S


def _time_until(session: Session, role: str, at_s: Floats) -> Floats:
    """Seconds in a role's chambers until each moment."""
    names = {session.apparatus.chamber_names[k] for k in session.chambers(role)}
    spans = list(_spans(session, names))
    if not spans:
        return np.zeros(len(at_s))
    starts, ends = np.array(spans).T
    held = np.minimum(at_s[:, None], ends[None, :]) - starts[None, :]
    total: Floats = held.clip(0).sum(axis=1)
    return total


def _spans(session: Session, names: set[str]) -> Iterator[tuple[float, float]]:
    for visit in session.measures.visits:
        if visit.zone in names:
            yield visit.start_ns / NS_PER_S, visit.end_ns / NS_PER_S
