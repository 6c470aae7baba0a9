"""A session's numbers as a table, a row a chamber; Ctrl+C copies it for a spreadsheet."""

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableWidget
from PyQt6.QtWidgets import QTableWidgetItem as Item

from gui import chamber_style
from gui.session_facts import ChamberFacts, Facts
from gui.texts import say
from gui.theme import Theme

NOTHING = "-"


class NumbersTable(QTableWidget):
    """All numbers are those of summary.csv, with one decimal (distance two)."""

    def __init__(self) -> None:
        super().__init__()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(say("result.numbers"))
        self.setIconSize(QSize(*chamber_style.SWATCH_PX))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setToolTip(say("result.copy_help"))
        header, rows = self.horizontalHeader(), self.verticalHeader()
        assert header is not None
        assert rows is not None
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        rows.setVisible(False)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy)

    def show_facts(self, facts: Facts, theme: Theme) -> None:
        """Fill it."""
        columns = ["chamber", "time", "share", "entries", "latency", "visit", "distance"]
        if any(c.inferred_s or c.lost_after_s for c in facts.chambers):
            columns[3:3] = ["inferred", "lost"]
        if any(c.difference_s is not None for c in facts.chambers):
            columns.append("difference")
        self.clear()
        self.setColumnCount(len(columns))
        self.setRowCount(len(facts.chambers) + len(facts.apparatus.zone_names) + 1)
        for place, column in enumerate(columns):
            head = Item(say(f"numbers.{column}"))
            head.setToolTip(say(f"numbers.{column}_help"))
            self.setHorizontalHeaderItem(place, head)
        for row, chamber in enumerate(facts.chambers):
            self._fill(row, [_cell(chamber, column) for column in columns])
            first = self.item(row, 0)
            assert first is not None
            first.setIcon(chamber_style.swatch(theme, row, self.devicePixelRatioF()))
        for row, zone in enumerate(facts.apparatus.zone_names, len(facts.chambers)):
            told = {
                "chamber": say("numbers.zone", name=zone),
                "time": f"{facts.row[f'time_{zone}_s']:.1f}",
                "entries": str(facts.row[f"entries_{zone}"]),
            }
            self._fill(row, [told.get(column, "") for column in columns])
        total = {
            "chamber": say("numbers.all"),
            "time": f"{facts.scored_s:.1f}",
            "lost": f"{facts.row['time_lost_s']:.1f}",
            "entries": str(facts.row["transitions"]),
            "distance": f"{facts.row['distance_m']:.2f}",
        }
        self._fill(self.rowCount() - 1, [total.get(column, "") for column in columns])
        self.resizeColumnsToContents()
        self._fit()

    def copy(self) -> None:
        """Put the whole table on the clipboard, cells parted by tabs."""
        heads = [self.horizontalHeaderItem(c) for c in range(self.columnCount())]
        lines = [[head.text() if head else "" for head in heads]]
        for row in range(self.rowCount()):
            cells = [self.item(row, column) for column in range(self.columnCount())]
            lines.append([cell.text() if cell else "" for cell in cells])
        board = QApplication.clipboard()
        if board is not None:
            board.setText("\n".join("\t".join(line) for line in lines) + "\n")

    def _fill(self, row: int, texts: list[str]) -> None:
        for column, text in enumerate(texts):
            item = Item(text)
            if column:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.setItem(row, column, item)

    def _fit(self) -> None:
        header, bar = self.horizontalHeader(), self.horizontalScrollBar()
        assert header is not None
        assert bar is not None
        self.resizeRowsToContents()
        rows = sum(self.rowHeight(row) for row in range(self.rowCount()))
        self.setFixedHeight(header.sizeHint().height() + rows + bar.sizeHint().height() + 4)


def _cell(chamber: ChamberFacts, column: str) -> str:
    if column == "chamber":
        return chamber.name
    number = {
        "time": chamber.time_s,
        "share": None if chamber.share is None else 100 * chamber.share,
        "inferred": chamber.inferred_s,
        "lost": chamber.lost_after_s,
        "latency": chamber.latency_s,
        "visit": chamber.mean_visit_s,
        "distance": chamber.distance_m,
        "difference": chamber.difference_s,
        "entries": chamber.entries,
    }[column]
    if number is None:
        return NOTHING
    form = {"distance": ".2f", "difference": "+.3f", "entries": "d"}.get(column, ".1f")
    return format(number, form)
