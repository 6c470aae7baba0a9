"""The technician's page by keyboard, on a study with the simulated rig in real time."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.today.next_deed import Deed
from gui.today.page import TodayPage
from gui.window import MainWindow
from tests.gui.studies import quick, short_study
from tests.small import write_rig

LIMIT_MS = 20_000
Made = Callable[[], MainWindow]


@pytest.fixture(autouse=True)
def stretched_less(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)


@pytest.fixture
def windows(qtbot: QtBot) -> Iterator[Made]:
    made: list[MainWindow] = []

    def make() -> MainWindow:
        window = MainWindow()
        made.append(window)
        qtbot.addWidget(window)
        window.go("today")
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return window

    yield make
    for window in made:
        window.close()


def press(qtbot: QtBot, key: Qt.Key, modifier: Qt.KeyboardModifier | None = None) -> None:
    focus = QApplication.focusWidget()
    assert focus is not None
    qtbot.keyClick(focus, key, modifier or Qt.KeyboardModifier.NoModifier)


def typed(qtbot: QtBot, text: str) -> None:
    """What a scanner does: letters in one burst, then Enter."""
    for letter in text:
        focus = QApplication.focusWidget()
        assert focus is not None
        qtbot.keyClicks(focus, letter)
    press(qtbot, Qt.Key.Key_Return)


def open_on(qtbot: QtBot, window: MainWindow, folder: Path, who: str = "tom") -> TodayPage:
    page = window.today_page
    window.desk.open(folder)
    qtbot.waitUntil(lambda: page.day is not None, timeout=LIMIT_MS)
    typed(qtbot, who)
    qtbot.waitUntil(lambda: window.desk.person is not None, timeout=LIMIT_MS)
    return page


def card_of(qtbot: QtBot, page: TodayPage, animal: str, deed: Deed) -> None:
    typed(qtbot, animal)
    wait_for(qtbot, page, deed)
    assert page.doing.animal == animal


def wait_for(qtbot: QtBot, page: TodayPage, deed: Deed) -> None:
    def there() -> bool:
        standing = page.doing.standing
        return standing.deed is deed and not standing.waits

    qtbot.waitUntil(there, timeout=LIMIT_MS)


def rows(folder: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(folder / "study.sqlite")) as connection:
        return connection.execute(sql).fetchall()


def test_a_pretest_from_the_card_to_its_row_in_the_study(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    rig = write_rig(tmp_path, frame_size_px=(160, 120), rate_hz=20.0)
    folder = short_study(tmp_path / "S1", rig)
    window = windows()
    page = open_on(qtbot, window, folder)
    page.helper.setChecked(True)
    page.setFocus()
    assert page.doing.rig == rig
    assert sorted(page.animals) == ["M1", "M2", "M3", "M4"]
    card_of(qtbot, page, "M2", Deed.READY)
    press(qtbot, Qt.Key.Key_F9)
    wait_for(qtbot, page, Deed.START)
    assert page.doing.standing.role == "good"
    press(qtbot, Qt.Key.Key_F9)
    qtbot.waitUntil(lambda: window.run_page.isVisible(), timeout=LIMIT_MS)
    live = window.run_page
    qtbot.waitUntil(lambda: live.live is not None and live.live.subject == "M2", timeout=LIMIT_MS)
    assert live.live is not None
    qtbot.waitUntil(lambda: live.live is not None and live.live.blinded, timeout=LIMIT_MS)
    qtbot.waitUntil(lambda: rows(folder, "select status from session where animal = 'M2'")
                    == [("done",)], timeout=LIMIT_MS)  # fmt: skip
    qtbot.waitUntil(live.panel.next.isVisible, timeout=LIMIT_MS)
    qtbot.mouseClick(live.panel.next, Qt.MouseButton.LeftButton)
    assert page.isVisible()
    assert "M2 pretest: done" in page.filed.text()
