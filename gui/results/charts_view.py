"""Control charts of a study's boxes, and what in them has to be looked at."""

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QComboBox, QListWidget, QVBoxLayout, QWidget

from gui.names import spoken
from gui.page import label
from gui.results.plots import ChartPlot
from gui.texts import say
from gui.theme import Theme
from protocols.results import Watched

CHARTS = 3


class ChartsView(QWidget):
    """One box at a time. `wanted(folder)`: a session is to be seen."""

    wanted = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self._all: Sequence[Watched] = ()
        self._shown: list[Watched] = []
        self._odd: list[Path] = []
        self.boxes = QComboBox()
        self.boxes.setAccessibleName(say("results.box"))
        self.boxes.currentTextChanged.connect(lambda _: self._show())
        self.charts = [ChartPlot() for _ in range(CHARTS)]
        for k, chart in enumerate(self.charts):
            chart.wanted.connect(lambda place, k=k: self._open_watched(k, place))
        self.odd = QListWidget()
        self.odd.setAccessibleName(say("results.odd"))
        self.odd.setMaximumHeight(110)
        self.odd.itemActivated.connect(lambda _: self._open_odd())
        layout = QVBoxLayout(self)
        layout.addWidget(self.boxes)
        for chart in self.charts:
            layout.addWidget(chart, 1)
        layout.addWidget(label(say("results.odd"), "muted"))
        layout.addWidget(self.odd)

    def use_theme(self, theme: Theme) -> None:
        """Plots have colours of their own."""
        for chart in self.charts:
            chart.use_theme(theme)

    def put(self, charts: Sequence[Watched]) -> None:
        """Show these; the box that was chosen stays chosen."""
        self._all = charts
        before = self.boxes.currentText()
        self.boxes.blockSignals(True)
        self.boxes.clear()
        self.boxes.addItems(list(dict.fromkeys(one.box for one in charts)))
        if before:
            self.boxes.setCurrentText(before)
        self.boxes.blockSignals(False)
        self._show()

    def _show(self) -> None:
        box = self.boxes.currentText()
        self._shown = [one for one in self._all if one.box == box]
        self.odd.clear()
        self._odd = []
        for k, chart in enumerate(self.charts):
            watched = self._shown[k] if k < len(self._shown) else None
            chart.show_chart(watched)
            if watched is not None:
                self._list_odd(watched)

    def _list_odd(self, watched: Watched) -> None:
        chart = watched.chart
        what = say(f"results.chart_{watched.what}")
        for kind, places in (("beyond", chart.beyond), ("shifted", chart.shifted)):
            for place in places:
                value, name = f"{chart.values[place]:.1f}", spoken(watched.names[place])
                self.odd.addItem(say(f"results.{kind}", name=name, what=what, value=value))
                self._odd.append(watched.folders[place])

    def _open_watched(self, k: int, place: int) -> None:
        if k < len(self._shown):
            self.wanted.emit(self._shown[k].folders[place])

    def _open_odd(self) -> None:
        row = self.odd.currentRow()
        if 0 <= row < len(self._odd):
            self.wanted.emit(self._odd[row])
