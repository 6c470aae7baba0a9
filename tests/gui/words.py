"""Every word that a window could show somebody: for who looks for what must not stand there."""

from collections.abc import Iterator

from PyQt6.QtCore import QAbstractItemModel, Qt
from PyQt6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QGroupBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QTabBar,
    QTableView,
    QTableWidget,
    QTabWidget,
    QTextEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from gui.run.box_view import BoxView
from gui.setup.canvas import Canvas


def words_of(window: QWidget) -> list[str]:
    """Texts, tooltips, titles and names of a window and all in it, and the clipboard."""
    found = [text for widget in (window, *window.findChildren(QWidget)) for text in _of(widget)]
    board = QApplication.clipboard()
    if board is not None:
        found.append(board.text())
    return [text for text in found if text]


def _of(widget: QWidget) -> Iterator[str]:
    yield from (widget.toolTip(), widget.windowTitle(), widget.statusTip(), widget.whatsThis())
    yield from (widget.accessibleName(), widget.accessibleDescription())
    if isinstance(widget, QLabel | QLineEdit | QAbstractButton):
        yield widget.text()
    if isinstance(widget, QLineEdit):
        yield widget.placeholderText()
    if isinstance(widget, QGroupBox):
        yield widget.title()
    if isinstance(widget, QPlainTextEdit | QTextEdit):
        yield widget.toPlainText()
    if isinstance(widget, QComboBox):
        yield from (widget.itemText(k) for k in range(widget.count()))
        yield widget.currentText()
    if isinstance(widget, QTabWidget):
        for k in range(widget.count()):
            yield from (widget.tabText(k), widget.tabToolTip(k))
    if isinstance(widget, QListWidget):
        for k in range(widget.count()):
            item = widget.item(k)
            if item is not None:
                yield from (item.text(), item.toolTip())
    if isinstance(widget, QTableWidget):
        yield from _of_table(widget)
    elif isinstance(widget, QTableView) and widget.model() is not None:
        yield from _of_model(widget.model())
    if isinstance(widget, QTabBar):
        for k in range(widget.count()):
            yield from (widget.tabText(k), widget.tabToolTip(k))
    if isinstance(widget, QTreeWidget):
        for k in range(widget.topLevelItemCount()):
            yield from _of_tree(widget.topLevelItem(k))
    if isinstance(widget, BoxView):  # painted, not written in labels
        said = widget._said
        yield from (said.left, said.right, said.below, said.short, *said.head, said.brief)
        yield from widget._seen.notes.values()
    if isinstance(widget, Canvas):
        yield widget.empty_text
        yield from (shape.label for shape in widget.shapes)


def _of_table(table: QTableWidget) -> Iterator[str]:
    for column in range(table.columnCount()):
        head = table.horizontalHeaderItem(column)
        if head is not None:
            yield from (head.text(), head.toolTip())
    for row in range(table.rowCount()):
        head = table.verticalHeaderItem(row)
        cells = [table.item(row, column) for column in range(table.columnCount())]
        for item in (head, *cells):
            if item is not None:
                yield from (item.text(), item.toolTip())


def _of_model(model: QAbstractItemModel | None) -> Iterator[str]:
    assert model is not None
    for row in range(model.rowCount()):
        for column in range(model.columnCount()):
            for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
                yield str(model.data(model.index(row, column), role) or "")


def _of_tree(item: QTreeWidgetItem | None) -> Iterator[str]:
    if item is None:
        return
    for column in range(item.columnCount()):
        yield from (item.text(column), item.toolTip(column))
    for k in range(item.childCount()):
        yield from _of_tree(item.child(k))
