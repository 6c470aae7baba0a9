"""Figures of where animals were: heat maps on one scale, tracks. A row an animal, a column a phase.

Pure. More animals than a page holds go on further pages, whose scale is the same.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from protocols.figures import style
from protocols.maps import MARGIN_CM, heat_map, track
from protocols.scores import phase_order
from protocols.sessions import Session

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROWS = 8
"""Animals on a page."""
TOP_SHARE = 0.995
"""The scale ends here among all cells that were visited: one corner in which an animal slept must
not make everything else dark."""
BESIDE_MM = 30.0
"""Names to the left and the scale to the right."""
UNKNOWN = "#404040"
DRAW = Callable[["Axes", Session], None]


def heat_maps(sessions: Sequence[Session]) -> list["Figure"]:
    """How long each animal was where, in s per square cm on one scale for all."""
    from matplotlib.colors import Normalize

    maps = {
        id(session): heat_map(session.table, session.apparatus, session.gap_ns)
        for session in sessions
    }
    seen = np.concatenate([m.seconds_per_cm2[m.seconds_per_cm2 > 0] for m in maps.values()])
    top = float(np.quantile(seen, TOP_SHARE)) if len(seen) else 1.0
    scale = Normalize(0, top)

    def draw(axes: "Axes", session: Session) -> None:
        told = maps[id(session)]
        rows, columns = told.seconds_per_cm2.shape
        right, bottom = told.left_cm + columns * told.cell_cm, told.top_cm + rows * told.cell_cm
        axes.imshow(
            told.seconds_per_cm2, norm=scale, cmap="cividis", interpolation="nearest",
            extent=(told.left_cm, right, bottom, told.top_cm), aspect="equal",
        )  # fmt: skip
        _outlines(axes, session, "white")

    figures = []
    with style.styled():
        from matplotlib.cm import ScalarMappable

        for figure in _pages(sessions, draw):
            mapped = ScalarMappable(scale, "cividis")
            bar = figure.colorbar(mapped, ax=figure.axes, extend="max", shrink=0.6, aspect=25)
            bar.set_label("s / cm\N{SUPERSCRIPT TWO}")
            bar.outline.set_visible(False)
            figures.append(figure)
    return figures


def tracks(sessions: Sequence[Session]) -> list["Figure"]:
    """Where each animal walked; a line's colour is its chamber's, which its place tells too."""

    def draw(axes: "Axes", session: Session) -> None:
        walked = track(session.table, session.gap_ns)
        for chamber, name in enumerate(session.apparatus.chamber_names):
            x, y, joined = walked.of_chamber(chamber)
            cut = np.flatnonzero(~joined) + 1
            xs, ys = np.insert(x, cut, np.nan), np.insert(y, cut, np.nan)
            shown = style.ROLES.get(session.roles.get(name, ""), UNKNOWN)
            axes.plot(xs, ys, color=shown, linewidth=0.3, solid_joinstyle="round", rasterized=True)
        _outlines(axes, session, style.INK)

    with style.styled():
        return list(_pages(sessions, draw))


def _pages(sessions: Sequence[Session], draw: DRAW) -> Iterator["Figure"]:
    subjects = list(dict.fromkeys(session.subject for session in sessions))
    phases = sorted({session.phase for session in sessions}, key=phase_order)
    latest = {(s.subject, s.phase): s for s in sorted(sessions, key=lambda s: s.began)}
    wide, high = _size_cm(sessions)
    widths = {1: style.COLUMN_MM, 2: style.HALF_MORE_MM}
    width_mm = widths.get(len(phases), style.PAGE_MM)
    each_mm = (width_mm - BESIDE_MM) / len(phases) * high / wide
    rows = max(1, min(ROWS, int((style.TALLEST_MM - 15) / (each_mm + 3))))
    for first in range(0, len(subjects), rows):
        own = subjects[first : first + rows]
        figure = style.blank(width_mm, (each_mm + 3) * len(own) + 8)
        grid = figure.subplots(len(own), len(phases), squeeze=False)
        for row, subject in zip(grid, own, strict=True):
            for axes, phase in zip(row, phases, strict=True):
                axes.set_xticks([])
                axes.set_yticks([])
                axes.spines[:].set_visible(False)
                if (subject, phase) in latest:
                    draw(axes, latest[subject, phase])
            row[0].set_ylabel(subject, rotation=0, ha="right", va="center")
        for axes, phase in zip(grid[0], phases, strict=True):
            axes.set_title(style.words(phase))
        _length(grid[-1][0])
        yield figure


def _size_cm(sessions: Sequence[Session]) -> tuple[float, float]:
    sizes = [
        np.ptp(np.array([p for outline in s.apparatus.chambers_cm for p in outline]), axis=0)
        for s in sessions
    ]
    wide, high = np.max(sizes, axis=0) + 2 * MARGIN_CM
    return float(wide), float(high)


def _outlines(axes: "Axes", session: Session, colour: str) -> None:
    """The chambers with their roles, as they are seen from above; y goes down."""
    corners = []
    for chamber, outline in zip(
        session.apparatus.chamber, session.apparatus.chambers_cm, strict=True
    ):
        points = np.array([*outline, outline[0]])
        corners.append(points)
        axes.plot(points[:, 0], points[:, 1], color=colour, linewidth=0.6)
        role = session.roles.get(chamber.name, "")
        middle, below = float(points[:, 0].mean()), float(points[:, 1].max())
        label = role if role in ("paired", "unpaired") else ""
        axes.text(middle, below + 0.4, label, ha="center", va="top", fontsize=5.5, color=colour)
    box = np.concatenate(corners)
    low, high = box.min(axis=0) - MARGIN_CM, box.max(axis=0) + MARGIN_CM
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(high[1], low[1])
    axes.set_aspect("equal")


def _length(axes: "Axes") -> None:
    """A bar of 10 cm below the first map of the last row."""
    if not axes.lines:
        return
    x, y = axes.get_xlim()[0] + MARGIN_CM, axes.get_ylim()[0] + 1.2
    axes.plot((x, x + 10), (y, y), color=style.INK, linewidth=1.2, clip_on=False)
    axes.text(x + 10.7, y, "10 cm", va="center", fontsize=5.5)
