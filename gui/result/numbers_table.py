"""A session's numbers as a table, a column a chamber; Ctrl+C copies it for a spreadsheet."""

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableWidget
from PyQt6.QtWidgets import QTableWidgetItem as Item

from gui.result import chamber_style
from gui.result.session_facts import ChamberFacts, Facts
from gui.texts import say
from gui.theme import Theme

NOTHING = "-"
ROW_PX = 27


class NumbersTable(QTableWidget):
    """All numbers are those of summary.csv, with one decimal (distance two, differences three)."""

    def __init__(self) -> None:
        super().__init__()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(say("result.numbers"))
        self.setIconSize(QSize(*chamber_style.SWATCH_PX))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        columns, rows = self.horizontalHeader(), self.verticalHeader()
        assert columns is not None
        assert rows is not None
        columns.setVisible(False)  # names stand in the first row, beside a piece of their line
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        columns.setMinimumSectionSize(56)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW_PX)
        rows.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy)

    def show_facts(self, facts: Facts, theme: Theme) -> None:
        """Fill it."""
        rows = ["chamber", "time", "share", "entries", "latency", "visit", "distance"]
        if any(c.inferred_s or c.lost_after_s for c in facts.chambers):
            rows[3:3] = ["inferred", "lost"]
        if any(c.difference_s is not None for c in facts.chambers):
            rows.append("difference")
        columns = [{row: _cell(chamber, row) for row in rows} for chamber in facts.chambers]
        columns += [
            {
                "chamber": say("numbers.zone", name=zone),
                "time": f"{facts.row[f'time_{zone}_s']:.1f}",
                "entries": str(facts.row[f"entries_{zone}"]),
            }
            for zone in facts.apparatus.zone_names
        ]
        columns.append(
            {
                "chamber": say("numbers.all"),
                "time": f"{facts.scored_s:.1f}",
                "lost": f"{facts.row['time_lost_s']:.1f}",
                "entries": str(facts.row["transitions"]),
                "distance": f"{facts.row['distance_m']:.2f}",
            }
        )
        self.clear()
        self.setColumnCount(len(columns))
        self.setRowCount(len(rows))
        for place, row in enumerate(rows):
            head = Item(say(f"numbers.{row}"))
            head.setToolTip(say(f"numbers.{row}_help"))
            self.setVerticalHeaderItem(place, head)
        for place, column in enumerate(columns):
            self._fill(place, [column.get(row, "") for row in rows])
            first = self.item(0, place)
            if first is not None and place < len(facts.chambers):
                first.setIcon(chamber_style.swatch(theme, place, self.devicePixelRatioF()))
        bar = self.horizontalScrollBar()
        assert bar is not None
        crowded = len(columns) > 5
        room = bar.sizeHint().height() if crowded else 0
        policy = Qt.ScrollBarPolicy
        self.setHorizontalScrollBarPolicy(
            policy.ScrollBarAsNeeded if crowded else policy.ScrollBarAlwaysOff
        )
        self.setFixedHeight(len(rows) * ROW_PX + room + 14)

    def copy(self) -> None:
        """Put the whole table on the clipboard, cells parted by tabs."""
        lines = []
        for row in range(self.rowCount()):
            head = self.verticalHeaderItem(row)
            cells = [self.item(row, column) for column in range(self.columnCount())]
            lines.append([cell.text() if cell else "" for cell in (head, *cells)])
        board = QApplication.clipboard()
        if board is not None:
            board.setText("\n".join("\t".join(line) for line in lines) + "\n")

    def _fill(self, column: int, texts: list[str]) -> None:
        for row, text in enumerate(texts):
            item = Item(text)
            item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if row == 0:
                item.setToolTip(text)  # a long name may be cut
                font = item.font()
                font.setBold(True)
                item.setFont(font)
            self.setItem(row, column, item)


def _cell(chamber: ChamberFacts, row: str) -> str:
    if row == "chamber":
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
    }[row]
    if number is None:
        return NOTHING
    if row == "difference":
        number = round(float(number), 3) + 0.0  # no minus before a nought
    form = {"distance": ".2f", "difference": "+.3f", "entries": "d"}.get(row, ".1f")
    return format(number, form)
