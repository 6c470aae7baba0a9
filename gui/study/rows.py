"""A table of plain texts, each with its role in the theme; quick with some thousand cells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from gui.theme import COLOURS, Theme


@dataclass(frozen=True)
class Cell:
    """A text; `role` is muted, good, warn, bad or none. `tip` tells more, or makes what does."""

    text: str
    role: str = ""
    tip: str | Callable[[], str] = ""


class Rows(QAbstractTableModel):
    """Cells by row and column under their heads."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._heads: tuple[str, ...] = ()
        self._rows: tuple[tuple[Cell, ...], ...] = ()
        self._theme = Theme.DARK

    def put(self, heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Show these."""
        self.beginResetModel()
        self._heads, self._rows = tuple(heads), tuple(tuple(row) for row in rows)
        self.endResetModel()

    def use_theme(self, theme: Theme) -> None:
        """Colours of the roles."""
        self._theme = theme
        self.layoutChanged.emit()

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802  (Qt's name)
        """How many rows."""
        return len(self._rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802  (Qt's name)
        """How many columns."""
        return len(self._heads)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell's text, tip or colour."""
        row = self._rows[index.row()]
        cell = row[index.column()] if index.column() < len(row) else Cell("")
        if role == Qt.ItemDataRole.DisplayRole:
            return cell.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return (cell.tip() if callable(cell.tip) else cell.tip) or None
        if role == Qt.ItemDataRole.ForegroundRole and cell.role:
            return QColor(getattr(COLOURS[self._theme], cell.role))
        return None

    def headerData(  # noqa: N802  (Qt's name)
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """A column's head."""
        shown = role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal
        return self._heads[section] if shown and section < len(self._heads) else None


def table(rows: Rows, name: str, *, several: bool = False) -> QTableView:
    """A view of rows, to be gone through by keys."""
    made = QTableView()
    made.setModel(rows)
    made.setAccessibleName(name)
    made.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    mode = QAbstractItemView.SelectionMode
    made.setSelectionMode(mode.ExtendedSelection if several else mode.SingleSelection)
    made.setTabKeyNavigation(False)
    made.setWordWrap(False)
    made.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    if (beside := made.verticalHeader()) is not None:
        beside.hide()
        beside.setDefaultSectionSize(30)
    if (above := made.horizontalHeader()) is not None:
        above.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        above.setStretchLastSection(True)
        above.setHighlightSections(False)
    return made
