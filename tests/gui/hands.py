"""Nothing but keys: what a person, a scanner and a foot switch do to the window."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QComboBox, QWidget
from pytestqt.qtbot import QtBot

from gui.today.next_deed import Deed
from gui.today.page import TodayPage
from gui.window import MainWindow

LIMIT_MS = 30_000
MANY_TABS = 60
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier
Made = Callable[[str], MainWindow]
"""Opens a window on the page of this name; the fixture `windows` gives it."""


def press(qtbot: QtBot, key: Qt.Key, modifier: Qt.KeyboardModifier | None = None) -> None:
    """A key, to whatever has the focus."""
    focus = QApplication.focusWidget()
    assert focus is not None
    qtbot.keyClick(focus, key, modifier or Qt.KeyboardModifier.NoModifier)


def typed(qtbot: QtBot, text: str, *, enter: bool = True) -> None:
    """What a scanner does: letters in one burst, then Enter."""
    for letter in text:
        focus = QApplication.focusWidget()
        assert focus is not None
        if letter == "\n":
            qtbot.keyClick(focus, Qt.Key.Key_Return)
        else:
            qtbot.keyClicks(focus, letter)
    if enter:
        press(qtbot, Qt.Key.Key_Return)


def tab_to(qtbot: QtBot, field: QWidget) -> None:
    """By the tab key alone."""
    seen: list[str] = []
    for _ in range(MANY_TABS):
        focus = QApplication.focusWidget()
        if focus is field or (focus is not None and field.focusProxy() is focus):
            return
        seen.append(f"{type(focus).__name__} {focus.accessibleName() if focus else ''}")
        press(qtbot, Qt.Key.Key_Tab)
    raise AssertionError(f"{field.accessibleName()} is not reached by the tab key: {seen}")


def fill(qtbot: QtBot, field: QWidget, text: str) -> None:
    """Go to a field, and write over what stands there."""
    tab_to(qtbot, field)
    press(qtbot, Qt.Key.Key_A, CTRL)
    typed(qtbot, text, enter=False)


def pick(qtbot: QtBot, field: QComboBox, data: object) -> None:
    """Go to a list, and choose by its arrows."""
    tab_to(qtbot, field)
    press(qtbot, Qt.Key.Key_Home)
    for _ in range(field.count()):
        if field.currentData() == data:
            return
        press(qtbot, Qt.Key.Key_Down)
    raise AssertionError(f"no {data!r} in {field.accessibleName()}")


# the page of a day


def open_on(qtbot: QtBot, window: MainWindow, folder: Path, who: str = "tom") -> TodayPage:
    """The study in the window, on the page of the day, and this person in front of it."""
    page = window.today_page
    window.desk.open(folder)
    qtbot.waitUntil(lambda: page.day is not None, timeout=LIMIT_MS)
    sign_in(qtbot, window, who)
    return page


def sign_in(qtbot: QtBot, window: MainWindow, told: str, who: str = "") -> None:
    """By name, PIN or badge; `who` that is, where it is not the name."""
    typed(qtbot, told)

    def there() -> bool:
        person = window.desk.person
        return person is not None and person.name == (who or told)

    qtbot.waitUntil(there, timeout=LIMIT_MS)


def card_of(qtbot: QtBot, page: TodayPage, animal: str, deed: Deed) -> None:
    """An animal's card, by its tag."""
    typed(qtbot, animal)
    qtbot.waitUntil(lambda: page.doing.animal == animal, timeout=LIMIT_MS)
    wait_for(qtbot, page, deed)


def wait_for(qtbot: QtBot, page: TodayPage, deed: Deed) -> None:
    """Until the one key does this."""

    def there() -> bool:
        standing = page.doing.standing
        return standing.deed is deed and not standing.waits

    qtbot.waitUntil(there, timeout=LIMIT_MS)


def rows(folder: Path, sql: str) -> list[tuple]:
    """What the study's database says."""
    with closing(sqlite3.connect(folder / "study.sqlite")) as connection:
        return connection.execute(sql).fetchall()
