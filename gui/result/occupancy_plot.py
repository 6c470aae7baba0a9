"""In which chamber the animal was when: the share of each bin, a line a chamber."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from gui.page import label
from gui.result import chamber_style
from gui.result.plot import colour_plot, plot_widget
from gui.result.session_facts import Facts
from gui.texts import say
from gui.theme import COLOURS, Theme
from rig.model import NS_PER_S


class OccupancyPlot(QWidget):
    """Share of time in percent over minutes (or seconds, in a short session)."""

    def __init__(self) -> None:
        super().__init__()
        self._title = label("", "muted", wrap=True)
        self._plot = plot_widget(say("result.occupancy_name"))
        self._plot.setYRange(-8, 132, padding=0)  # the legend stands above the lines
        self._plot.getAxis("left").setTicks([[(p, str(p)) for p in (0, 25, 50, 75, 100)]])
        self._plot.showGrid(x=False, y=True, alpha=0.25)
        self._legend: Any = self._plot.addLegend(offset=(-6, 1), horSpacing=12, colCount=4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._title)
        layout.addWidget(self._plot, 1)

    def draw(self, facts: Facts, theme: Theme) -> None:
        """Draw a session's occupancy in a theme."""
        colours = COLOURS[theme]
        self._plot.clear()
        self._legend.clear()
        colour_plot(self._plot, theme)
        self._legend.setLabelTextColor(colours.text)
        told = facts.occupancy
        edges_s = told.edges_ns / NS_PER_S
        long = bool(len(edges_s)) and float(edges_s[-1]) > 180
        unit = 60.0 if long else 1.0
        middle = (edges_s[:-1] + edges_s[1:]) / 2 / unit
        bin_s = float(edges_s[1] - edges_s[0]) if len(edges_s) > 1 else 0.0
        self._title.setText(say("result.occupancy", bin_s=f"{bin_s:g}"))
        self._plot.setLabel("bottom", say("result.minutes" if long else "result.seconds"))
        self._plot.setLabel("left", say("result.percent"))
        shares = told.shares() * 100
        for chamber, facts_of in enumerate(facts.chambers):
            shade = chamber_style.colour(theme, chamber)
            self._plot.plot(
                middle,
                shares[:, chamber],
                name=facts_of.name,
                pen=chamber_style.pen(theme, chamber, 2.0),
                symbol=chamber_style.sign(chamber),
                symbolSize=8,
                symbolBrush=shade,
                symbolPen=pg.mkPen(shade),
                connect="finite",
            )
        lost = told.lost_shares() * 100
        if np.nansum(lost) > 0:
            pen = pg.mkPen(colours.muted, width=1)
            name = say("result.lost_line")
            self._plot.plot(middle, lost, name=name, pen=pen, connect="finite")
        if len(edges_s) > 1:
            self._plot.setXRange(0, float(edges_s[-1]) / unit, padding=0.01)
