"""Up to sixteen boxes side by side, each with its own picture; one of them is the chosen one."""

import math
from collections.abc import Sequence

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QWidget

from gui.run.box_view import BoxView
from gui.theme import Theme

Key = tuple[str, str]
"""A rig's source and a box's name."""
MOST = 16


class Grid(QWidget):
    """The boxes. `chosen(key)` says which was pressed."""

    chosen = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._theme = Theme.DARK
        self.views: dict[Key, BoxView] = {}

    def use_theme(self, theme: Theme) -> None:
        """Colours of all pictures."""
        self._theme = theme
        for view in self.views.values():
            view.use_theme(theme)

    def set_boxes(self, keys: Sequence[Key]) -> None:
        """Which boxes there are, in order."""
        keys = list(keys)[:MOST]
        if list(self.views) == keys:
            return
        for key in list(self.views):
            self._layout.removeWidget(self.views[key])
            if key not in keys:
                gone = self.views.pop(key)
                gone.hide()
                gone.deleteLater()
        self.views = {key: self.views.get(key) or self._made(key) for key in keys}
        across = math.ceil(math.sqrt(len(keys))) if keys else 1
        for k, view in enumerate(self.views.values()):
            self._layout.addWidget(view, k // across, k % across)
        for n in range(4):
            self._layout.setColumnStretch(n, 1 if n < across else 0)
            self._layout.setRowStretch(n, 1 if n < math.ceil(len(keys) / across) else 0)

    def _made(self, key: Key) -> BoxView:
        view = BoxView()
        view.use_theme(self._theme)
        view.chosen.connect(lambda: self.chosen.emit(key))
        return view

    def preview_px(self) -> tuple[int, int]:
        """How large a picture is worth asking for."""
        for view in self.views.values():
            return max(120, view.width()), max(100, view.height())
        return 480, 360
