"""Where the animal was: its track by chamber, and how long it was where as a heat map."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui.page import label
from gui.result import chamber_style
from gui.result.plot import colour_plot, floor_plan, plot_widget, writing
from gui.result.session_facts import Facts
from gui.texts import say
from gui.theme import COLOURS, Theme

SHADES = 256
MOST_POINTS = 20_000
"""A track of more is drawn in fewer steps: the eye sees no difference, the painter does."""


class TrackPlot(QWidget):
    """The floor plan with the track, a colour a chamber."""

    def __init__(self) -> None:
        super().__init__()
        self._plot = plot_widget(say("result.track"))
        floor_plan(self._plot)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(label(say("result.track"), "muted"))
        layout.addWidget(self._plot, 1)
        self._below = label("", "muted")
        layout.addWidget(self._below)  # as high as what stands below the heat map

    def draw(self, facts: Facts, theme: Theme) -> None:
        """Draw a session's track in a theme."""
        self._below.setText(say("result.walked", distance=f"{facts.row['distance_m']:.2f}"))
        self._plot.clear()
        colour_plot(self._plot, theme)
        for chamber in range(len(facts.chambers)):
            x, y, joined = facts.track.of_chamber(chamber)
            step = max(1, len(x) // MOST_POINTS)
            if step > 1:
                keep = np.arange(0, len(x), step)
                whole = np.minimum.reduceat(joined, keep)  # a gap in between stays a gap
                x, y, joined = x[keep], y[keep], whole
            shade = chamber_style.colour(theme, chamber)
            shade.setAlpha(190)
            line = pg.mkPen(shade, width=1)
            self._plot.addItem(pg.PlotCurveItem(x, y, connect=joined.astype(np.int32), pen=line))
        _plan(self._plot, facts, theme)


class HeatPlot(QWidget):
    """The floor plan with the time spent in each square, and what a shade means."""

    def __init__(self) -> None:
        super().__init__()
        self._plot = plot_widget(say("result.heat"))
        floor_plan(self._plot)
        self._least, self._most = label("0", "muted"), label("", "muted")
        self._ramp = _Ramp()
        below = QHBoxLayout()
        for widget, stretch in ((self._least, 0), (self._ramp, 1), (self._most, 0)):
            below.addWidget(widget, stretch)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(label(say("result.heat"), "muted"))
        layout.addWidget(self._plot, 1)
        layout.addLayout(below)

    def draw(self, facts: Facts, theme: Theme) -> None:
        """Draw a session's heat map in a theme."""
        self._plot.clear()
        colour_plot(self._plot, theme)
        heat, table = facts.heat, shades(theme)
        density = heat.seconds_per_cm2
        most = _full_shade(density)
        image = pg.ImageItem(density, axisOrder="row-major", levels=(0.0, most), lut=table)
        rows, columns = density.shape
        cell = heat.cell_cm
        image.setRect(QRectF(heat.left_cm, heat.top_cm, columns * cell, rows * cell))
        self._plot.addItem(image)
        _plan(self._plot, facts, theme)
        self._most.setText(say("result.heat_most", most=f"{most:.2g}"))
        self._ramp.show_shades(table)


class _Ramp(QWidget):
    """The shades side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(10)
        self._shades: Any = np.zeros((0, 4), dtype=np.uint8)

    def show_shades(self, table: Any) -> None:
        self._shades = table
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802  (Qt's name)
        painter = QPainter(self)
        width = self.width() / max(1, len(self._shades))
        for place, shade in enumerate(self._shades.tolist()):
            # A little wider than its share: no gap between two at any scale.
            painter.fillRect(QRectF(place * width, 0, width + 1, self.height()), QColor(*shade))


def shades(theme: Theme) -> Any:
    """SHADES x 4 bytes, from the panel to the brightest (in the light room: darkest) colour."""
    colours = COLOURS[theme]
    ends = {
        Theme.LIGHT: (colours.panel, "#7fb8dd", colours.accent, "#06243a"),
        Theme.DARK: (colours.panel, "#7a2f6a", "#e0663c", "#fff3b0"),
        Theme.RED: (colours.panel, "#4a0404", "#a81414", colours.text),
    }[theme]
    stops = np.array([QColor(one).getRgb() for one in ends], dtype=np.float64)
    at, wanted = np.linspace(0, 1, len(ends)), np.linspace(0, 1, SHADES)
    channels = [np.interp(wanted, at, stops[:, k]) for k in range(4)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def _full_shade(density: Any) -> float:
    """The time that is drawn in the fullest shade: one nest must not make all else pale."""
    visited = density[density > 0]
    return float(np.percentile(visited, 98)) if len(visited) else 1.0


def _plan(plot: Any, facts: Facts, theme: Theme) -> None:
    """Chambers with their names and lines, over what is drawn already."""
    for chamber, outline in enumerate(facts.apparatus.chambers_cm):
        points = np.array([*outline, outline[0]])
        pen = chamber_style.pen(theme, chamber, 2.0)
        plot.addItem(pg.PlotCurveItem(points[:, 0], points[:, 1], pen=pen))
        name = pg.TextItem(
            facts.chambers[chamber].name,
            color=COLOURS[theme].text,
            anchor=(0.5, 1.0),
        )
        name.setFont(writing(bold=True))
        low, high = points.min(axis=0), points.max(axis=0)
        name.setPos(float(low[0] + high[0]) / 2, float(low[1]))
        plot.addItem(name)
    corners = np.concatenate([np.array(o) for o in facts.apparatus.chambers_cm])
    low, high = corners.min(axis=0), corners.max(axis=0)
    high_cm = float(high[1] - low[1])
    room = QRectF(low[0], low[1] - 0.21 * high_cm, high[0] - low[0], 1.23 * high_cm)
    plot.setRange(room, padding=0.02)
