"""The list of sessions below a study's folder, each with its state in words."""

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gui.behind import Behind
from gui.browse import pick_folder
from gui.page import button, label, set_role
from gui.remembered import Remembered
from gui.result.session_list import MOST, Listed, sessions
from gui.texts import say
from protocols.wording import named

FOLDER = Qt.ItemDataRole.UserRole
REMEMBERED = "study"


class SessionsView(QWidget):
    """A folder is chosen, its sessions listed. `chosen(folder)` asks to open one."""

    chosen = pyqtSignal(str)

    def __init__(self, remembered: Remembered) -> None:
        super().__init__()
        self._remembered = remembered
        self._reading = Behind(self, newest_only=True)
        self.folder = QLineEdit(remembered.text(REMEMBERED))
        self.folder.setPlaceholderText(say("sessions.folder"))
        self.folder.setAccessibleName(say("sessions.folder"))
        self.folder.returnPressed.connect(lambda: self.list_below(Path(self.folder.text())))
        self.choose_button = button(say("sessions.choose"))
        self.choose_button.clicked.connect(self._choose)
        self.again_button = button(say("sessions.again"))
        self.again_button.clicked.connect(self.refresh)
        self.open_button = button(say("sessions.open"), "main")
        self.open_button.clicked.connect(self._open_current)
        self.said = label("", "muted", wrap=True)
        self.list = QTreeWidget()
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setStyleSheet("QTreeWidget::item { padding: 4px 2px; }")
        self.list.setAllColumnsShowFocus(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setHeaderLabels(
            [say(f"sessions.{c}") for c in ("subject", "session", "phase", "state", "path")]
        )
        self.list.itemActivated.connect(self._open)  # Enter, and a double click
        header = self.list.header()
        if header is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setStretchLastSection(True)
        top = QHBoxLayout()
        top.addWidget(self.folder, 1)
        for one in (self.choose_button, self.again_button, self.open_button):
            top.addWidget(one)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(self.said)
        layout.addWidget(self.list, 1)
        self._say("muted", say("sessions.none_chosen"))

    def refresh(self) -> None:
        """List the chosen folder afresh; nothing where none is chosen."""
        if self.folder.text():
            self.list_below(Path(self.folder.text()))

    def list_below(self, folder: Path) -> None:
        """List what is below a folder, and remember it."""
        self.folder.setText(str(folder))
        self._say("muted", say("sessions.reading"))
        self._reading.do(
            lambda: sessions(folder),
            lambda found: self._show(folder, found),
            lambda error: self._fail(folder),
        )

    def close_down(self) -> None:
        """The window closes."""
        self._reading.close()

    def _show(self, folder: Path, found: Sequence[Listed]) -> None:
        self._remembered.put(REMEMBERED, str(folder))
        current = self.list.currentItem()
        before = current.data(0, FOLDER) if current is not None else None
        self.list.clear()
        for one in found:
            words = say(f"state.{one.state}") if one.state in STATES else one.state
            path = one.folder.relative_to(folder) if one.folder != folder else one.folder
            item = QTreeWidgetItem([one.subject, one.session, named(one.phase), words, str(path)])
            item.setData(0, FOLDER, str(one.folder))
            item.setToolTip(4, str(one.folder))
            if one.state in LOUD:
                font = item.font(3)
                font.setBold(True)
                item.setFont(3, font)
            self.list.addTopLevelItem(item)
            if str(one.folder) == before:
                self.list.setCurrentItem(item)
        if self.list.currentItem() is None and found:
            self.list.setCurrentItem(self.list.topLevelItem(0))
        self._say_count(folder, found)

    def _say_count(self, folder: Path, found: Sequence[Listed]) -> None:
        open_ones = sum(one.state == "unfinished" for one in found)
        if not found:
            self._say("warn", say("sessions.empty", folder=folder))
        elif len(found) == MOST:
            self._say("warn", say("sessions.many", count=MOST))
        elif open_ones:
            self._say("warn", say("sessions.count_unfinished", count=len(found), open=open_ones))
        else:
            self._say("muted", say("sessions.count", count=len(found)))

    def _fail(self, folder: Path) -> None:
        self.list.clear()
        self._say("bad", say("sessions.gone", folder=folder))

    def _say(self, role: str, text: str) -> None:
        set_role(self.said, role)
        self.said.setText(text)

    def _choose(self) -> None:
        title = say("sessions.choose")
        pick_folder(self, title, lambda name: self.list_below(Path(name)), self.folder.text())

    def _open_current(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self._open(item)

    def _open(self, item: QTreeWidgetItem) -> None:
        self.chosen.emit(str(item.data(0, FOLDER)))


STATES = frozenset(
    ("completed", "aborted", "failed", "unfinished", "running", "damaged", "rescored")
)
LOUD = frozenset(("failed", "unfinished", "running", "damaged"))
