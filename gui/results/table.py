"""A table that is read and copied; Enter asks to open what a row is of."""

from collections.abc import Sequence

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PyQt6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableWidget
from PyQt6.QtWidgets import QTableWidgetItem as Item

ROW_PX = 26


class ReadTable(QTableWidget):
    """Rows of text; `numbers` are set to the right. `wanted(row)`: Enter, or a double click."""

    wanted = pyqtSignal(int)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        rows = self.verticalHeader()
        columns = self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.setVisible(False)
        rows.setDefaultSectionSize(ROW_PX)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        columns.setStretchLastSection(True)
        self.cellDoubleClicked.connect(lambda row, _: self.wanted.emit(row))
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy)

    def fill(
        self,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        numbers: frozenset[int] = frozenset(),
    ) -> None:
        """Show these rows; the row that was chosen stays chosen by its number."""
        before = self.currentRow()
        self.setUpdatesEnabled(False)
        self.clear()
        self.setColumnCount(len(head))
        self.setRowCount(len(rows))
        self.setHorizontalHeaderLabels(list(head))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for row, cells in enumerate(rows):
            for column, text in enumerate(cells):
                item = Item(text)
                if column in numbers:
                    item.setTextAlignment(right)
                elif len(text) > 30:
                    item.setToolTip(text)
                self.setItem(row, column, item)
        self.setUpdatesEnabled(True)
        if rows:
            self.setCurrentCell(min(max(before, 0), len(rows) - 1), 0)

    def copy(self) -> None:
        """Put the whole table on the clipboard, cells parted by tabs."""
        heads = [self.horizontalHeaderItem(k) for k in range(self.columnCount())]
        lines = [[item.text() if item else "" for item in heads]]
        for row in range(self.rowCount()):
            cells = [self.item(row, k) for k in range(self.columnCount())]
            lines.append([item.text() if item else "" for item in cells])
        board = QApplication.clipboard()
        if board is not None:
            board.setText("\n".join("\t".join(line) for line in lines) + "\n")

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Enter opens."""
        if event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.currentRow() >= 0:
                self.wanted.emit(self.currentRow())
            return
        super().keyPressEvent(event)
