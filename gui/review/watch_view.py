"""Recordings under their codes, one of them played; it is corrected and drawn anew beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from gui.behind import Behind
from gui.browse import pick_folder
from gui.page import button, label, set_role
from gui.remembered import STUDIES, Remembered
from gui.review.beside_table import BesideTable
from gui.review.correct_panel import CorrectPanel
from gui.review.filing import Filing
from gui.review.player import Player
from gui.review.signer import Signer
from gui.review.zones_panel import ZonesPanel
from gui.texts import say
from gui.theme import Theme
from protocols.review.coding import Item, Shelf, above, shelf, veiled
from protocols.review.footage import Footage, read_footage
from protocols.review.mending import Beside, side_by_side
from rig.errors import ConfigError
from rig.session.viewing import changed

REMEMBERED = "review"
PLACE = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Opened:
    """A recording that was read, and, after it was scored again, how it was before."""

    item: Item
    footage: Footage
    beside: Sequence[Beside] = ()


class WatchView(QWidget):
    """The list, the player and the panels.

    Signals: shelved(shelf): another folder was opened; wrote(path): what a person made of a
    recording was written there.
    """

    shelved = pyqtSignal(object)
    wrote = pyqtSignal(object)

    def __init__(self, remembered: Remembered) -> None:
        super().__init__()
        self._remembered = remembered
        self._reading = Behind(self, newest_only=True)
        self._checking = Behind(self, newest_only=True)
        self._listing = Behind(self, newest_only=True)
        self.shelf: Shelf | None = None
        self._followed = ""
        self._is_listing = False
        self._asked = False  # for a folder, since the window was opened
        self.opened: Opened | None = None
        self.folder = QLineEdit(remembered.text(REMEMBERED))
        self.folder.setPlaceholderText(say("review.folder"))
        self.folder.setAccessibleName(say("review.folder"))
        self.folder.returnPressed.connect(lambda: self.open_folder(Path(self.folder.text())))
        self.choose_button = button(say("review.choose"))
        self.choose_button.clicked.connect(self._choose)
        self.names = QCheckBox(say("review.show_names"))
        self.names.setToolTip(say("review.show_names_help"))
        self.names.toggled.connect(self._names_toggled)
        self.list = QListWidget()
        self.list.setAccessibleName(say("review.list"))
        self.list.setUniformItemSizes(True)
        self.list.itemActivated.connect(self._activated)
        self.said = label("", "muted", wrap=True)
        self.whole = label("", "muted", wrap=True)
        self.player = Player()
        self.player.pressed.connect(self._pressed)
        self.player.broken.connect(self._broken)
        self.player.canvas.installEventFilter(self)
        self.signer = Signer(remembered)
        self.filing = Filing(self)
        self.filing.told.connect(self._filed)
        self.correct = CorrectPanel(self.player, self.signer)
        self.zones = ZonesPanel(self.player)
        self.beside = BesideTable()
        for panel in (self.correct, self.zones):
            panel.scored.connect(self._scored)
            panel.file.connect(self._file)
            panel.wrote.connect(self.wrote)
        self.panels = QTabWidget()
        for key, shown in zip(
            ("correct", "zones", "beside"), (self.correct, self.zones, self.beside), strict=True
        ):
            self.panels.addTab(shown, say(f"review.tab_{key}"))
        self.panels.setTabEnabled(2, False)
        self._lay_out()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.folder, 1)
        top.addWidget(self.choose_button)
        top.addWidget(self.names)
        left = QWidget()
        left.setFixedWidth(150)
        inside = QVBoxLayout(left)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.list, 1)
        middle = QVBoxLayout()
        middle.addWidget(self.player, 1)
        middle.addWidget(self.whole)
        middle.addWidget(label(say("review.keys"), "muted", wrap=True))
        across = QHBoxLayout()
        across.addWidget(left)
        across.addLayout(middle, 1)
        right = QWidget()
        right.setFixedWidth(336)
        inside = QVBoxLayout(right)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.signer)
        inside.addWidget(self.panels, 1)
        across.addWidget(right)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(self.said)
        layout.addLayout(across, 1)

    @property
    def hidden(self) -> bool:
        """Whether what is shown may not tell whose it is."""
        return not self.names.isChecked()

    # --- the list

    def enter(self) -> None:
        """The page is looked at: open what was open the last time."""
        newest = self._remembered.newest_study()
        if self._is_listing:
            pass  # somebody said what to open: it is not read twice at once
        elif newest and newest != self._followed:
            self._followed = newest
            self.folder.setText(newest)
            self.open_folder(Path(newest))
        elif self.shelf is None and not self._asked and self.folder.text():
            self.open_folder(Path(self.folder.text()))
        self.list.setFocus()

    def open_folder(self, folder: Path, then_open: Path | None = None) -> None:
        """List what is in a folder; `then_open`: one of its recordings is opened at once."""
        self._asked = self._is_listing = True
        self.folder.setText(str(folder))
        self._say("muted", say("review.reading"))
        self._listing.do(
            lambda: shelf(folder),
            lambda found: self._shelved(found, then_open),
            lambda error: self._not_shelved(folder, error),
        )

    def _shelved(self, found: Shelf, then_open: Path | None) -> None:
        self._is_listing = False
        self.folder.setText(str(above(found.folder)))
        self._remembered.put(REMEMBERED, self.folder.text())
        self.shelf = found
        self.signer.asks_pin(on=found.study)
        if found.study:
            self._followed = str(found.folder)
            self._remembered.put_first(STUDIES, self._followed)
        self._show_list()
        count = len(found.items)
        key = "count_study" if found.study else "count"
        self._say("muted", say(f"review.{key}", count=count))
        self.shelved.emit(found)
        wanted = None if then_open is None else then_open.absolute()
        for row, item in enumerate(found.items):
            places = [place.absolute() for place in (item.folder, item.session) if place]
            if count == 1 or wanted in places:
                self.list.setCurrentRow(row)
                self.open_item(item)
                break

    def _not_shelved(self, folder: Path, error: Exception) -> None:
        self._is_listing = False
        self.shelf = None
        self.list.clear()
        why = error.message if isinstance(error, ConfigError) else str(error)
        self._say("bad", say("review.not_opened", folder=folder, why=why))

    def _show_list(self) -> None:
        self.list.clear()
        for place, item in enumerate(() if self.shelf is None else self.shelf.items):
            made = QListWidgetItem(self.called(item, place))
            made.setData(PLACE, place)
            self.list.addItem(made)
        if self.list.count():
            self.list.setCurrentRow(0)

    def called(self, item: Item, place: int | None = None) -> str:
        """What a recording is called on the page."""
        if not self.hidden and item.subject:
            return item.named
        if item.code:
            return item.code
        if place is None:
            items = () if self.shelf is None else self.shelf.items
            place = items.index(item) if item in items else 0
        return say("review.recording", number=place + 1)

    def _activated(self, made: QListWidgetItem) -> None:
        if self.shelf is not None:
            self.open_item(self.shelf.items[int(made.data(PLACE))])

    # --- one recording

    def open_item(self, item: Item) -> None:
        """Read a recording and show it."""
        self._say("muted", say("review.opening", name=self.called(item)))
        self._reading.do(
            lambda: Opened(item, read_footage(item.folder)),
            self._show,
            lambda error: self._not_opened(item, error),
        )

    def _show(self, opened: Opened) -> None:
        self.opened = opened
        item, footage = opened.item, opened.footage
        if self.shelf is not None and item in self.shelf.items:
            self.list.setCurrentRow(list(self.shelf.items).index(item))
        self.player.show_footage(footage, self.called(item))
        self.correct.show_item(item, footage, hidden=self.hidden)
        self.zones.show_item(item, footage, hidden=self.hidden)
        self.panels.setTabEnabled(2, bool(opened.beside))
        if opened.beside:
            self.beside.show_rows(opened.beside)
            self.panels.setCurrentIndex(2)
        elif self.panels.currentIndex() == 2:
            self.panels.setCurrentIndex(0)
        self._say("muted", say("review.opened", name=self.called(item), frames=len(footage)))
        self.whole.clear()
        if footage.gone:
            self._say_whole("bad", self._veil(item, say("review.gone", file=footage.gone)))
        elif not footage.source.why:
            self._checking.do(
                lambda: changed(footage.folder, footage.source),
                self._checked,
                lambda error: self._say_whole("bad", say("review.not_checked")),
            )
        self.player.setFocus()

    def _checked(self, what: str) -> None:
        if what and self.opened is not None:
            told = self._veil(self.opened.item, what)
            self._say_whole("bad", say("review.changed", what=told))
        else:
            self._say_whole("muted", say("review.unchanged"))

    def _not_opened(self, item: Item, error: Exception) -> None:
        why = error.message if isinstance(error, ConfigError) else str(error)
        self._say("bad", say("review.damaged", name=self.called(item), why=self._veil(item, why)))

    def _broken(self, error: Exception) -> None:
        if self.opened is None or self.opened.footage.gone:
            return  # that has been said, and what to do
        item = self.opened.item
        why = error.message if isinstance(error, ConfigError) else str(error)
        if isinstance(error, ConfigError) and error.file:
            why = f"{Path(error.file).name} {why}"
        self._say_whole("bad", say("review.no_pictures", why=self._veil(item, why)))

    def _scored(self, folder: str) -> None:
        """It was scored again: the new beside the old."""
        before = self.opened
        if before is None:
            return
        item = before.item

        def read() -> Opened:
            fresh = read_footage(Path(folder))
            return Opened(item, fresh, side_by_side(before.footage, fresh))

        self._reading.do(read, self._show_beside, lambda error: self._not_opened(item, error))

    def _show_beside(self, opened: Opened) -> None:
        before = self.opened
        if before is None or before.item != opened.item:
            return  # somebody has gone on to another
        frame = self.player.frame
        self._show(opened)
        self.player.seek(opened.footage.row_of(frame))
        self._say("good", say("review.scored_again", name=self.called(opened.item)))

    def _file(self, option: str, file: str, reason: str) -> None:
        """The study shall hold to it."""
        found, opened = self.shelf, self.opened
        panel = self._panel()
        if found is None or opened is None or opened.item.session is None:
            return
        if not self.signer.who:
            panel.tell("warn", say("review.no_who"))
            self.signer.name.setFocus()
        elif self.filing.busy:
            panel.tell("warn", say("review.filing_busy"))
        else:
            panel.tell("muted", say("review.filing"))
            uid, who, pin = opened.item.uid, self.signer.who, self.signer.pin
            self.filing.file(found.folder, uid, option, file, reason, who, pin)

    def _filed(self, role: str, text: str, done: bool) -> None:
        self._panel().tell(role, text)
        if done and self.shelf is not None and self.opened is not None:
            self._refresh(self.shelf, self.opened.item.uid)

    def _refresh(self, before: Shelf, uid: str) -> None:
        """The list again: the measurement that counts is another now."""

        def put(found: Shelf) -> None:
            if self.shelf is before:
                self.shelf = found
                opened = self.opened
                fresh = next((one for one in found.items if one.uid == uid), None)
                if opened is not None and fresh is not None and opened.item.uid == uid:
                    self.opened = Opened(fresh, opened.footage, opened.beside)

        self._listing.do(lambda: shelf(before.folder), put, lambda error: None)

    def _panel(self) -> CorrectPanel | ZonesPanel:
        return self.zones if self.panels.currentWidget() is self.zones else self.correct

    # --- keys and themes

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Enter and Escape on the picture that is drawn on."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            for panel in (self.correct, self.zones):
                if panel.keys_on_canvas(event):
                    return True
        return super().eventFilter(watched, event)

    def _pressed(self, key: int) -> None:
        if self.correct.key(key):
            self.panels.setCurrentWidget(self.correct)
        elif key == Qt.Key.Key_Z:
            self.panels.setCurrentWidget(self.zones)
            self.zones.redraw()
        elif key in (Qt.Key.Key_N, Qt.Key.Key_P):
            self._open_beside(1 if key == Qt.Key.Key_N else -1)

    def _open_beside(self, way: int) -> None:
        """The next recording of the list, or the one before."""
        if self.shelf is None:
            return
        place = self.list.currentRow() + way
        if 0 <= place < len(self.shelf.items):
            self.list.setCurrentRow(place)
            self.open_item(self.shelf.items[place])

    def use_theme(self, theme: Theme) -> None:
        """Pictures and time line have colours of their own."""
        self.player.use_theme(theme)

    def leave(self) -> None:
        """The page is left: it does not play on unseen."""
        self.player.pause()

    def close_down(self) -> None:
        """Threads and processes end."""
        for behind in (self._reading, self._checking, self._listing, self.filing):
            behind.close()
        for part in (self.player, self.correct, self.zones):
            part.close_down()

    # --- inside

    def _names_toggled(self) -> None:
        row = self.list.currentRow()
        self._show_list()
        self.list.setCurrentRow(row)
        if self.opened is not None:
            self._show(Opened(self.opened.item, self.opened.footage, self.opened.beside))

    def _veil(self, item: Item, text: str) -> str:
        if not self.hidden:
            return text
        opened = self.opened
        files = () if opened is None or opened.item != item else opened.footage.source.files
        return veiled(text, item, [name for path in files for name in (path.name, path.stem)
                                   if path.stem.rstrip("-0123456789") != "video"])  # fmt: skip

    def _choose(self) -> None:
        pick_folder(
            self, say("review.choose"), lambda name: self.open_folder(Path(name)),
            self.folder.text(),
        )  # fmt: skip

    def _say(self, role: str, text: str) -> None:
        set_role(self.said, role)
        self.said.setText(text)

    def _say_whole(self, role: str, text: str) -> None:
        set_role(self.whole, role)
        self.whole.setText(text)
