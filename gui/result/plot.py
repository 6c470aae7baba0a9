"""What all plots of the window have in common: colours of the theme, nothing to drag by mistake."""

from typing import Any

import pyqtgraph as pg
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QFont
from PyQt6.QtWidgets import QSizePolicy

from gui.theme import COLOURS, Theme


def plot_widget(name: str) -> Any:
    """An empty plot; `name` is what a screen reader calls it."""
    widget = pg.PlotWidget()
    widget.setMouseEnabled(x=False, y=False)
    widget.setMenuEnabled(False)
    widget.hideButtons()
    widget.setAntialiasing(True)
    widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    widget.setFrameShape(pg.QtWidgets.QFrame.Shape.NoFrame)
    widget.setAccessibleName(name)
    for side in ("left", "bottom"):  # seconds stay seconds: no "x0.001" beside small ones
        widget.getAxis(side).enableAutoSIPrefix(False)
    # As large as there is room: its own wish would make the page scroll.
    fit = QSizePolicy.Policy.Ignored
    widget.setSizePolicy(fit, fit)
    return widget


def floor_plan(widget: Any) -> None:
    """Make a plot one of places in cm: one scale, y down, no axes."""
    widget.setAspectLocked(True)
    widget.invertY(True)
    for side in ("left", "bottom"):
        widget.hideAxis(side)


def colour_plot(widget: Any, theme: Theme) -> None:
    """Background, axes and labels in the theme's colours."""
    colours = COLOURS[theme]
    widget.setBackground(colours.panel)
    for side in ("left", "bottom", "right", "top"):
        axis = widget.getAxis(side)
        axis.setPen(colours.line)
        axis.setTextPen(colours.muted)


def writing(bold: bool = False) -> QFont:
    """The font of names inside plots."""
    font = QFont()
    font.setPointSizeF(10.0)
    font.setBold(bold)
    return font
