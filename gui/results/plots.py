"""The report's plots, with dots that open what they stand for."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from gui.page import label
from gui.result import chamber_style
from gui.result.plot import colour_plot, plot_widget
from gui.results.told import Dot
from gui.texts import say
from gui.theme import COLOURS, Theme
from protocols.figures.style import beeswarm, words
from protocols.results import Watched

DOT_PX, CHOSEN_PX = 9, 15


class DotPlot(QWidget):
    """Base of both plots of animals. `wanted(subject)`: its dot was pressed."""

    wanted = pyqtSignal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._theme = Theme.DARK
        self._dots: Sequence[Dot] = ()
        self._score, self._chosen = "", ""
        self.plot = plot_widget(say(f"results.{name}"))
        self.title = label(say(f"results.{name}"), "muted", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.title)
        layout.addWidget(self.plot, 1)

    def show_dots(self, dots: Sequence[Dot], score: str) -> None:
        """Other animals, or another score."""
        self._dots, self._score = dots, score
        self.draw()

    def choose(self, subject: str) -> None:
        """This animal stands out."""
        if subject != self._chosen:
            self._chosen = subject
            self.draw()

    def use_theme(self, theme: Theme) -> None:
        """Other colours."""
        self._theme = theme
        self.draw()

    @abstractmethod
    def draw(self) -> None:
        """Paint it anew."""

    @property
    def _groups(self) -> list[str]:
        return list(dict.fromkeys(dot.group for dot in self._dots))

    def _scatter(self, x: Sequence[float], y: Sequence[float], dots: Sequence[Dot], k: int) -> None:
        shade, panel = chamber_style.colour(self._theme, k), COLOURS[self._theme].panel
        text = COLOURS[self._theme].text
        spots = [
            {
                "pos": (float(px), float(py)),
                "data": dot.subject,
                "size": CHOSEN_PX if dot.subject == self._chosen else DOT_PX,
                "symbol": chamber_style.sign(k),
                # Hollow: flagged. The chosen one has a rim that is seen.
                "brush": pg.mkBrush(panel if dot.flagged else shade),
                "pen": pg.mkPen(text, width=2) if dot.subject == self._chosen else pg.mkPen(shade),
            }
            for px, py, dot in zip(x, y, dots, strict=True)
        ]
        item = pg.ScatterPlotItem(spots)
        item.sigClicked.connect(self._clicked)
        self.plot.addItem(item)

    def _clicked(self, _: Any, points: Any, *__: Any) -> None:
        if len(points):
            self.wanted.emit(str(points[0].data()))

    def _begin(self) -> None:
        self.plot.clear()
        colour_plot(self.plot, self._theme)


class ScorePlot(DotPlot):
    """One score of each animal, a column a group; the bar is how far it hangs on the rules."""

    def __init__(self) -> None:
        super().__init__("plot_scores")

    def draw(self) -> None:
        """Paint it anew."""
        self._begin()
        ticks = []
        for k, group in enumerate(self._groups):
            own = [dot for dot in self._dots if dot.group == group]
            values = [dot.score for dot in own]
            spread = max(values) - min(values) or 1.0
            offsets = np.array(beeswarm(values, 0.3, spread / 30)) if len(own) > 1 else [0.0]
            x = [k + float(offset) for offset in offsets]
            faint = chamber_style.colour(self._theme, k)
            faint.setAlpha(90)
            for px, dot in zip(x, own, strict=True):
                self.plot.plot([px, px], [dot.low, dot.high], pen=pg.mkPen(faint, width=1))
            mean = float(np.mean(values))
            line = pg.mkPen(COLOURS[self._theme].text, width=2)
            self.plot.plot([k - 0.3, k + 0.3], [mean, mean], pen=line)
            self._scatter(x, values, own, k)
            ticks.append((k, f"{group or say('results.all')} ({len(own)})"))
        self.plot.getAxis("bottom").setTicks([ticks])
        self.plot.setLabel("left", words(self._score))
        self.plot.setXRange(-0.6, max(0.6, len(ticks) - 0.4), padding=0)
        self.plot.addLine(y=0, pen=pg.mkPen(COLOURS[self._theme].muted, width=1))


class BeforeAfterPlot(DotPlot):
    """Paired time of each animal in pre-test and post-test."""

    def __init__(self) -> None:
        super().__init__("plot_before")

    def draw(self) -> None:
        """Paint it anew."""
        self._begin()
        ticks = []
        for k, group in enumerate(self._groups):
            own = [dot for dot in self._dots if dot.group == group]
            left, right = 3.0 * k, 3.0 * k + 1.6
            for dot in own:
                shade = chamber_style.colour(self._theme, k)
                chosen = dot.subject == self._chosen
                shade.setAlpha(255 if chosen else 110)
                pen = pg.mkPen(shade, width=3 if chosen else 1)
                self.plot.plot([left, right], [dot.before_s, dot.after_s], pen=pen)
            self._scatter([left] * len(own), [dot.before_s for dot in own], own, k)
            self._scatter([right] * len(own), [dot.after_s for dot in own], own, k)
            ticks.append((left + 0.8, group or say("results.all")))
        self.plot.getAxis("bottom").setTicks([ticks])
        self.plot.setLabel("left", say("results.paired_s"))
        self.plot.setXRange(-0.8, max(2.4, 3.0 * len(ticks) - 0.6), padding=0)


class ChartPlot(QWidget):
    """One control chart. `wanted(place)`: the value at this place was pressed."""

    wanted = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__()
        self._theme = Theme.DARK
        self._watched: Watched | None = None
        self.plot = plot_widget(say("results.chart"))
        self.plot.plotItem.setContentsMargins(0, 8, 0, 0)  # the highest number is not cut
        self.title = label("", "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.title)
        layout.addWidget(self.plot, 1)

    def show_chart(self, watched: Watched | None) -> None:
        """Another box, or another value."""
        self._watched = watched
        self.draw()

    def use_theme(self, theme: Theme) -> None:
        """Other colours."""
        self._theme = theme
        self.draw()

    def draw(self) -> None:
        """Paint it anew."""
        colours = COLOURS[self._theme]
        self.plot.clear()
        colour_plot(self.plot, self._theme)
        if self._watched is None:
            self.title.clear()
            return
        chart = self._watched.chart
        self.title.setText(say(f"results.chart_{self._watched.what}"))
        x = list(range(1, len(chart.values) + 1))
        self.plot.plot(x, list(chart.values), pen=pg.mkPen(colours.muted, width=1))
        for value, dashed in ((chart.middle, False), (chart.low, True), (chart.high, True)):
            if value == value:
                style = pg.QtCore.Qt.PenStyle.DashLine if dashed else None
                self.plot.addLine(y=value, pen=pg.mkPen(colours.accent, width=1, style=style))
        spots = []
        for k, value in enumerate(chart.values):
            out, shifted = k in chart.beyond, k in chart.shifted
            hue = colours.bad if out else colours.warn if shifted else colours.text
            spots.append(
                {
                    "pos": (x[k], value), "data": k, "size": 12 if out else 8,
                    "symbol": "x" if out else "t1" if shifted else "o",
                    "brush": pg.mkBrush(hue), "pen": pg.mkPen(hue),
                }
            )  # fmt: skip
        item = pg.ScatterPlotItem(spots)
        item.sigClicked.connect(self._clicked)
        self.plot.addItem(item)
        shown = [*chart.values, *(v for v in (chart.low, chart.high) if v == v)] or [0.0]
        room = 0.08 * (max(shown) - min(shown)) or 1.0
        least = -0.1 * max(shown) or -0.1  # a share is not below nought
        self.plot.getAxis("left").setWidth(46)
        self.plot.setYRange(max(min(shown) - room, least), max(shown) + room, padding=0)
        self.plot.setXRange(0.5, max(1.5, len(x) + 0.5), padding=0)

    def _clicked(self, _: Any, points: Any, *__: Any) -> None:
        if len(points):
            self.wanted.emit(int(points[0].data()))
