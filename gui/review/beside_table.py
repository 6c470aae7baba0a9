"""Numbers as they were and as they are, side by side."""

from collections.abc import Sequence

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from gui.texts import say
from protocols.review.mending import Beside

FORMS = {"time": ".1f", "lost": ".1f", "latency": ".1f", "distance": ".2f", "entries": ".0f"}


class BesideTable(QTableWidget):
    """A row a number; what changed is bold."""

    def __init__(self) -> None:
        super().__init__(0, 3)
        self.setAccessibleName(say("review.beside"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setHorizontalHeaderLabels([say(f"review.{c}") for c in ("old", "new", "change")])
        columns, rows = self.horizontalHeader(), self.verticalHeader()
        if columns is not None:
            columns.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
            columns.setMinimumSectionSize(40)
        if rows is not None:
            rows.setDefaultSectionSize(24)
        for header in (columns, rows):
            if header is not None:
                font = header.font()
                font.setPointSizeF(9.5)
                header.setFont(font)
                header.setStyleSheet("QHeaderView::section { padding: 2px; font-weight: 400; }")

    def show_rows(self, told: Sequence[Beside]) -> None:
        """Fill it."""
        self.setRowCount(len(told))
        for row, one in enumerate(told):
            name = say(f"review.number_{one.name}", chamber=one.chamber)
            self.setVerticalHeaderItem(row, QTableWidgetItem(name))
            form = FORMS[one.name]
            by = one.by
            cells = (written(one.old, form), written(one.new, form), written(by, "+" + form))
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                font = item.font()
                font.setBold(by is None or abs(by) > 0.5 * 10 ** -int(form[1]))
                item.setFont(font)
                self.setItem(row, column, item)


def written(value: float | None, form: str) -> str:
    """A number in this form; "-" for none."""
    if value is None:
        return "-"
    places = int(form.lstrip("+")[1])
    return format(round(float(value), places) + 0.0, form)  # never "-0.00"
