"""Keys, foot switch and barcode scanner: what is pressed on the page becomes what it means.

A scanner types a tag within a few hundredths of a second and ends it with Enter. It reaches the
page whatever field has the focus; that field then gets back the text it had.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

QUICK_S = 0.05
"""Longest pause between two letters of a scanner."""
LEAST = 3
"""Fewer letters are no tag."""
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
MOVES = (
    *ENTER,
    Qt.Key.Key_Tab,
    Qt.Key.Key_Backtab,
    Qt.Key.Key_Backspace,
    Qt.Key.Key_Delete,
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
)
"""Keys that fields and lists live on."""
MODIFIERS = (Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta)


@dataclass
class Scan:
    """Letters as they come. Plain: `letter` and `enter` are told the time."""

    text: str = ""
    last_s: float = -1e9

    def letter(self, letter: str, now_s: float) -> bool:
        """Take one in; whether it begins a new word."""
        fresh = now_s - self.last_s > QUICK_S or not self.text
        self.text = letter if fresh else self.text + letter
        self.last_s = now_s
        return fresh

    def enter(self, now_s: float) -> str:
        """The tag that this Enter ends; empty when a person typed."""
        text, quick = self.text, now_s - self.last_s <= QUICK_S
        self.text = ""
        return text if quick and len(text) >= LEAST else ""


@dataclass
class Actions:
    """What the page does. `scan` says whether the tag was taken; `space`, whether it is a key.

    `learnt(key)`: this one is the foot switch now. `refused(key, why)`: it cannot be, `why` being
    "types", "moves" or "used"; another one is waited for.
    """

    answer: Callable[[], None]
    scan: Callable[[str], bool]
    space: Callable[[], bool]
    others: dict[Qt.Key, Callable[[], None]]
    start: Callable[[], None]
    learnt: Callable[[str], None]
    refused: Callable[[str, str], None]


class Keys(QObject):
    """Listens to the keys of one page while it is in view."""

    def __init__(self, page: QWidget, actions: Actions, footswitch: str) -> None:
        super().__init__(page)
        self._page, self._actions = page, actions
        self.footswitch = footswitch
        self.learning = False
        self._scan = Scan()
        self._before: tuple[QLineEdit, str] | None = None
        self._listening = False

    def listen(self, *, on: bool) -> None:
        """Begin or end."""
        application = QApplication.instance()
        if application is None or on == self._listening:
            return
        self._listening = on
        if on:
            application.installEventFilter(self)
        else:
            application.removeEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Takes the keys that mean something here; all others go on."""
        if not isinstance(event, QKeyEvent):
            return False
        if event.type() == QEvent.Type.ShortcutOverride and self.learning:
            event.accept()  # comes as a press: no key turns the page while one is being learnt
            return True
        if event.type() != QEvent.Type.KeyPress:
            return False
        focus = QApplication.focusWidget()
        if watched is not focus or focus is None:
            return False  # on its way to the widget that has the focus, or past it
        if focus is not self._page and not self._page.isAncestorOf(focus):
            return False
        return self._press(event, focus)

    def _press(self, event: QKeyEvent, focus: QWidget) -> bool:
        key, text = Qt.Key(event.key()), event.text()
        name = QKeySequence(event.keyCombination()).toString()
        if self.learning and key is not Qt.Key.Key_Escape:
            self._learn(name, key, text)
            return True
        if event.isAutoRepeat():
            return name == self.footswitch or key in self._actions.others
        if name == self.footswitch and not (key == Qt.Key.Key_Space and _writes(focus)):
            self._actions.answer()
            return True
        if (
            key in self._actions.others
            and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        ):
            self._actions.others[key]()
            return key is not Qt.Key.Key_Escape
        if key in ENTER:
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                self._actions.start()
                return True
            return self._enter()
        if key == Qt.Key.Key_Space and not _writes(focus) and self._actions.space():
            self._actions.answer()
            return True
        if text.isprintable() and text and text != " ":
            line = _line(focus)
            before = line.text() if line is not None else ""
            if self._scan.letter(text, time.monotonic()):
                self._before = None if line is None else (line, before)
        return False

    def _learn(self, name: str, key: Qt.Key, text: str) -> None:
        if key in MODIFIERS or not name:
            return  # the beginning of a press
        why = self._not_free(name, key, text)
        if why:
            self._actions.refused(name, why)
            return
        self.learning, self.footswitch = False, name
        self._actions.learnt(name)

    def _not_free(self, name: str, key: Qt.Key, text: str) -> str:
        """Why a key cannot be the foot switch; empty where it can."""
        if key in MOVES:
            return "moves"
        if text.isprintable() and text.strip():  # a scanner or a note may have it
            return "types"
        window = self._page.window()
        keys = window.findChildren(QShortcut) if window is not None else []
        used = {one.key().toString() for one in keys}
        return "used" if key in self._actions.others or name in used else ""

    def _enter(self) -> bool:
        tag = self._scan.enter(time.monotonic())
        if not tag or not self._actions.scan(tag):
            return False
        if self._before is not None:
            line, text = self._before
            if line.text() != tag:  # else it was typed where it belongs
                line.setText(text)
        self._before = None
        return True


def _line(widget: QWidget) -> QLineEdit | None:
    if isinstance(widget, QLineEdit):
        return widget
    if isinstance(widget, QComboBox):
        return widget.lineEdit()
    return widget.lineEdit() if isinstance(widget, QAbstractSpinBox) else None


def _writes(widget: QWidget) -> bool:
    return _line(widget) is not None or isinstance(widget, QPlainTextEdit)
