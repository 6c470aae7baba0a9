"""The preparer's draw sheet of a day: what each label holds, while it is open and no longer."""

from datetime import datetime
from pathlib import Path

from PyQt6.QtCore import QEvent, QObject, QRect, Qt
from PyQt6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PyQt6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from gui.browse import pick_new
from gui.page import button, card, label, set_role
from gui.run.words import breakable
from gui.study.bar import on_enter
from gui.study.desk import StudyDesk, words_of
from gui.study.rows import Cell, Rows, table
from gui.texts import say
from protocols.study import Study
from protocols.study.drawing import Syringe
from protocols.study.people import who_is
from protocols.study.sheet import Sheet, open_sheet, put
from protocols.wording import named

ROLE = "preparer"
COLUMNS = ("label", "animal", "ml", "holds", "source", "dose", "session", "note")
WRAPPED = range(COLUMNS.index("holds"), COLUMNS.index("note"))
"""Columns that become narrower where there is no room: nothing of what is drawn is cut short."""
BESIDE_PX = 244
"""Width of what is asked for, beside the table until a sheet is open."""
LEAST_PX, NOTE_PX, ROW_PX, EDGE_PX = 96, 110, 30, 8
"""Least width of a column that wraps, and of notes; height of one line; what a cell keeps free."""


class SheetPanel(QWidget):
    """For preparers. What it shows goes with the person, the part, the page, or Esc."""

    def __init__(self, desk: StudyDesk) -> None:
        super().__init__()
        self._desk = desk
        self._busy = False
        self._opening = 0
        """Counts what was opened and closed: an answer to an earlier one is dropped."""
        self._sheet: Sheet | None = None
        self.day, self.lots, self.words, self.witness = (
            on_enter(QLineEdit(), self.open_it) for _ in range(4)
        )
        self.day.setPlaceholderText(say("sheet.day_hint"))
        self.lots.setPlaceholderText(say("sheet.lots_hint"))
        self.witness.setPlaceholderText(say("sheet.witness_hint"))
        for secret in (self.words, self.witness):
            secret.setEchoMode(QLineEdit.EchoMode.Password)
        form = QFormLayout()
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        for key, field in (
            ("passphrase", self.words), ("day", self.day), ("lots", self.lots),
            ("witness", self.witness),
        ):  # fmt: skip
            field.setAccessibleName(say(f"sheet.{key}"))
            form.addRow(say(f"sheet.{key}"), field)
        inside = QWidget()
        inside.setLayout(form)
        self.look = button(say("sheet.open"), "main")
        self.look.clicked.connect(self.open_it)
        self.save = button(say("sheet.save"))
        self.save.clicked.connect(self._pick)
        self.shut = button(say("sheet.close"))
        self.shut.clicked.connect(self.forget)
        self.said = label("", wrap=True)
        self.head = label("", "title", wrap=True)
        self.booked = label("", wrap=True)
        for told in (self.said, self.head, self.booked):
            # Nothing of it is to be had on the clipboard.
            told.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self.rows = Rows(self)
        self.table = table(self.rows, say("sheet.rows"))
        self.table.installEventFilter(self)
        if (shown := self.table.viewport()) is not None:
            shown.installEventFilter(self)
        if (heads := self.table.horizontalHeader()) is not None:
            heads.setStretchLastSection(False)  # `_fit` says how wide it is
        QShortcut(
            QKeySequence(Qt.Key.Key_Escape), self, self.forget,
            context=Qt.ShortcutContext.WidgetWithChildrenShortcut,
        )  # fmt: skip
        self._left = QWidget()
        self._left.setFixedWidth(BESIDE_PX)
        beside = QVBoxLayout(self._left)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(label(say("sheet.title"), "title", wrap=True))
        beside.addWidget(label(say("sheet.explained"), "muted", wrap=True))
        beside.addWidget(card(inside))
        beside.addWidget(self.look)
        beside.addStretch(1)
        top = QHBoxLayout()
        top.addWidget(self.head, 1)
        top.addWidget(self.save)
        top.addWidget(self.shut)
        right = QVBoxLayout()
        right.addLayout(top)
        right.addWidget(self.table, 1)
        right.addWidget(self.booked)
        across = QHBoxLayout()
        across.addWidget(self._left)
        across.addLayout(right, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 4, 0, 0)
        whole.addWidget(self.said)
        whole.addLayout(across, 1)
        self.forget()

    def forget(self) -> None:
        """The sheet is closed: what stood in it and what was typed go from the screen."""
        self._opening += 1
        self._sheet, self._busy = None, False
        for field in (self.day, self.lots, self.words, self.witness):
            field.setText("")  # unlike clear(), not to be undone
        self.rows.put([], [])
        for told in (self.head, self.booked, self.said):
            told.setText("")
            told.hide()
        self._enable()

    def _enable(self) -> None:
        person = self._desk.person
        may = person is not None and person.may(ROLE)
        self.look.setEnabled(may and not self._busy)
        is_open = self._sheet is not None
        self.save.setEnabled(may and is_open)
        self.shut.setEnabled(is_open)
        for one in (self.save, self.shut):
            one.setVisible(is_open)
        self._left.setVisible(not is_open)  # an open sheet has all of the width
        if not may:
            self._say(say("sheet.whose"), "warn")

    def open_it(self) -> None:
        """Open the sheet of the day in the field, with the preparer's own passphrase."""
        person, words, witness = self._by(), self.words.text(), self.witness.text().strip()
        day = self.day.text().strip() or None
        lots = lots_in(self.lots.text())
        if not person or self._busy:
            return
        self.words.setText("")
        self.witness.setText("")
        if not words:
            self._say(say("sheet.no_words"), "bad")
            return

        def work(study: Study) -> Sheet:
            seen = who_is(study, witness).name if witness else None
            now = datetime.now().astimezone()
            return open_sheet(study, person, words, now, day=day, lots=lots, witness=seen)

        self._opening += 1
        asked, self._busy = self._opening, True
        self._enable()
        self._say(say("study.working"), "muted")
        self._desk.ask(work, self._show, self._failed, wanted=lambda: self._opening == asked)

    def _show(self, sheet: Sheet) -> None:
        self._sheet, self._busy = sheet, False
        self._enable()
        heads = [say(f"sheet.head_{name}") for name in COLUMNS]
        self.rows.put(heads, [_row(one) for one in sheet.rows])
        self._fit()
        day = f"{sheet.day:%A %Y-%m-%d}"
        _put(self.head, say("sheet.head" if sheet.rows else "sheet.empty", day=day, n=sheet.labels))
        told = "\n".join(sheet.booked)
        if sheet.unbooked:
            told = say("sheet.unbooked", why=sheet.unbooked)
        _put(self.booked, told, "bad" if sheet.unbooked else "muted")
        self._say(say("sheet.opened"), "warn")
        self.table.setFocus()

    def _fit(self) -> None:
        """All columns within the table's width, if need be with rows of more than one line."""
        self.table.setWordWrap(False)  # as wide as their texts
        self.table.resizeColumnsToContents()
        view, bar = self.table.viewport(), self.table.verticalScrollBar()
        if self._sheet is None or view is None or bar is None:
            return
        last = len(COLUMNS) - 1
        room = view.width() - (0 if bar.isVisible() else bar.sizeHint().width())
        left = room - sum(map(self.table.columnWidth, range(last)))
        wraps = left < NOTE_PX
        while left < NOTE_PX:
            widest = max(WRAPPED, key=self.table.columnWidth)
            wide = self.table.columnWidth(widest)
            if wide <= LEAST_PX:
                break
            self.table.setColumnWidth(widest, wide - 1)
            left += 1
        self.table.setColumnWidth(last, max(NOTE_PX, left))
        self.table.setWordWrap(wraps)
        for row in range(self.rows.rowCount()):
            high = max(self._height(row, column) for column in WRAPPED) if wraps else ROW_PX
            self.table.setRowHeight(row, high)

    def _height(self, row: int, column: int) -> int:
        text = str(self.rows.data(self.rows.index(row, column)))
        area = QRect(0, 0, self.table.columnWidth(column) - EDGE_PX, ROW_PX)
        need = self.table.fontMetrics().boundingRect(area, Qt.TextFlag.TextWordWrap, text)
        return max(ROW_PX, need.height() + EDGE_PX)

    def _pick(self) -> None:
        if self._sheet is not None:
            at = str(Path.home() / f"draw-sheet-{self._sheet.day}.html")
            pick_new(self, say("sheet.save"), say("sheet.kinds"), self.write, at)

    def write(self, path: str) -> None:
        """Write the open sheet with its labels into a file that is not there yet."""
        sheet, about, asked = self._sheet, self._desk.about, self._opening
        if sheet is None or about is None or not self._by():
            return
        out = Path(path if Path(path).suffix else f"{path}.html")

        def told(text: str, role: str) -> None:
            if self._opening == asked:
                self._say(text, role)

        self._desk.do(
            lambda: put(sheet, about.folder, out),
            lambda _: told(say("sheet.saved", n=sheet.labels, path=out), "good"),
            lambda error: told(words_of(error), "bad"),
        )

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802  (Qt's name)
        """Nothing is copied out of the table: the clipboard is not gone with the sheet.

        Its columns fit each new width.
        """
        if isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.Copy):
            event.accept()
            return True
        if event is not None and event.type() == QEvent.Type.Resize and watched is not self.table:
            self._fit()
        return super().eventFilter(watched, event)

    def _failed(self, error: Exception) -> None:
        self._busy = False
        self._enable()
        self._say(words_of(error), "bad")
        self.words.setFocus()

    def _by(self) -> str:
        person = self._desk.person
        if person is None or not person.may(ROLE):
            self._say(say("sheet.whose"), "warn")
            return ""
        return person.name

    def _say(self, text: str, role: str) -> None:
        _put(self.said, text, role)


def lots_in(text: str) -> list[str]:
    """The lots of a line, DRUG=LOT each with commas between; a drug's own comma stays in it."""
    found: list[str] = []
    for piece in filter(None, map(str.strip, text.split(","))):
        if found and "=" not in found[-1]:
            found[-1] += f",{piece}"
        else:
            found.append(piece)
    return found


def _put(where: QLabel, text: str, role: str = "title") -> None:
    where.setText(breakable(text))
    set_role(where, role)
    where.setVisible(bool(text))


def _row(one: Syringe) -> list[Cell]:
    ml = "" if one.ml is None else f"{one.ml:.2f}"
    if one.label and one.ml is None:
        ml = say("sheet.weigh")
    note = "; ".join(one.said)
    lot = say("sheet.lot", lot=one.lot) if one.lot else ""
    told = (
        one.label, one.animal, ml, one.holds, ", ".join(filter(None, (one.concentration, lot))),
        " ".join(filter(None, (one.dose, one.route))), f"{named(one.phase)}, {one.slot}", note,
    )  # fmt: skip
    role = "warn" if one.label and one.ml is None else ""
    return [Cell(text, role, note) for text in told]
