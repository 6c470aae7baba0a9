"""A row for each door, beam and output of a box: what moves it, where it is wired, how it is."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gui.page import button, label, set_role
from gui.setup.drawing_panel import DRIVES
from gui.setup.rig_draft import BoxDraft
from gui.setup.section import choice, pick
from gui.texts import say
from rig.rigfile import NUMBERS

GOOD = frozenset(("open", "closed", "on", "off", "clear"))
BAD = frozenset(("jammed", "fault", "limit"))

NAME_WIDTH = 100


class WireRows(QWidget):
    """The rows of one box.

    Signals:
        driven(place, drive): the doorway at this place shall have its door moved so.
        wired(kind, name, place): a door, beam or output shall be at "board/number"; "": nowhere.
        tried(name, what): try open, close, stop, home, on or off.
    """

    driven = pyqtSignal(int, str)
    wired = pyqtSignal(str, str, str)
    tried = pyqtSignal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 4, 0, 0)
        self.states: dict[tuple[str, str], QLabel] = {}
        self.buttons: dict[tuple[str, str], QPushButton] = {}
        self._built: object = None

    def show_states(self, stands: Mapping[str, Mapping[str, str]]) -> None:
        """How each door, beam and output stands, by kind and name; nothing where not known."""
        for (kind, name), shown in self.states.items():
            word = stands.get(kind, {}).get(name, "")
            shown.setText(say(f"setup.is_{word}") if word else "")
            set_role(shown, "good" if word in GOOD else "bad" if word in BAD else "warn")

    def show_box(self, box: BoxDraft | None, boards: list[str]) -> None:
        """The rows of this box, made anew where something is otherwise."""
        wires = box and (box.name, box.drawing.doorways, box.doors, box.beams, box.outputs)
        if (wires, boards) == self._built:
            return
        self._built = (wires, boards)
        old = self._rows.takeAt(0)
        if old is not None and (widget := old.widget()) is not None:
            widget.hide()
            widget.deleteLater()
        self.states, self.buttons = {}, {}
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(1, 1)
        self._rows.addWidget(inside)
        if box is not None:
            self._fill(grid, box, boards)

    def _fill(self, grid: QGridLayout, box: BoxDraft, boards: list[str]) -> None:
        row = 0
        for k, doorway in enumerate(box.drawing.doorways):
            drives = choice([(say(f"setup.drive_{d}"), d) for d in DRIVES], partial(self._drive, k))
            pick(drives, doorway.drive)
            drives.setAccessibleName(say("setup.drive_of", name=doorway.name))
            row = self._row(grid, row, say("setup.door", name=doorway.name), drives)
            if not boards:
                continue
            if doorway.drive == "board":
                place = self._pins("doors", box.doors, doorway.name, boards)
                row = self._row(grid, row, say("setup.motor"), place, ("doors", doorway.name))
                row = self._actions(grid, row, doorway.name, ("open", "close", "stop", "home"))
            place = self._pins("beams", box.beams, doorway.name, boards)
            row = self._row(grid, row, say("setup.beam"), place, ("beams", doorway.name))
        for name in box.outputs:
            place = self._pins("outputs", box.outputs, name, boards)
            title = say("setup.output", name=name)
            row = self._row(grid, row, title, place, ("outputs", name))
            row = self._actions(grid, row, name, ("on", "off"))

    def _row(
        self,
        grid: QGridLayout,
        row: int,
        title: str,
        field: QComboBox,
        state: tuple[str, str] | None = None,
    ) -> int:
        name = label("")
        name.setText(name.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, NAME_WIDTH))
        name.setToolTip(title)
        name.setBuddy(field)
        grid.addWidget(name, row, 0)
        grid.addWidget(field, row, 1)
        if state is not None:
            self.states[state] = label("")
            self.states[state].setMinimumWidth(74)
            grid.addWidget(self.states[state], row, 2)
        return row + 1

    def _actions(self, grid: QGridLayout, row: int, name: str, what: tuple[str, ...]) -> int:
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for one in what:
            made = button(say(f"setup.try_{one}"), "small")
            made.setAccessibleName(say("setup.try_of", what=say(f"setup.try_{one}"), name=name))
            made.clicked.connect(partial(self._try, name, one))
            self.buttons[name, one] = made
            buttons.addWidget(made)
        grid.addLayout(buttons, row, 0, 1, 3)
        return row + 1

    def _pins(self, kind: str, table: Mapping[str, str], name: str, boards: list[str]) -> QComboBox:
        places = [f"{board}/{n}" for board in boards for n in range(1, NUMBERS[kind] + 1)]
        items: list[tuple[str, object]] = [(place, place) for place in places]
        made = choice([(say("setup.not_wired"), ""), *items], partial(self._wire, kind, name))
        made.setAccessibleName(say(f"setup.place_of_{kind}", name=name))
        pick(made, table.get(name, ""))
        return made

    def _drive(self, k: int, drive: object) -> None:
        self.driven.emit(k, str(drive))

    def _wire(self, kind: str, name: str, place: object) -> None:
        self.wired.emit(kind, name, str(place))

    def _try(self, name: str, what: str, _: Any = None) -> None:
        self.tried.emit(name, what)
