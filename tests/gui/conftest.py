"""Windows of tests: settings, logs and stations in folders of their own, nothing left behind."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.window import MainWindow
from rig.channel import connect, entries
from rig.errors import RigError
from tests.small import tick_until

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the window remembers things; not there before it does."""
    folder = tmp_path / "config"
    monkeypatch.setenv("PLACEPREF_CONFIG", str(folder))
    return folder


@pytest.fixture(autouse=True)
def stations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where stations are found; those of the test end with it."""
    folder = tmp_path / "run"
    monkeypatch.setenv("PLACEPREF_RUNTIME", str(folder))
    yield folder
    for entry in entries():
        with suppress(RigError), connect(entry) as client:
            client.request("quit", force=True)
    tick_until(lambda: not list(entries()))


@pytest.fixture(autouse=True)
def nothing_left(stations: Path) -> Iterator[None]:
    """No top-level widget and no thread outlives a test."""
    before = set(threading.enumerate())
    yield
    left = [w for w in QApplication.topLevelWidgets() if w.isVisible()]
    assert not left, left
    tick_until(lambda: not (set(threading.enumerate()) - before - _named_stations()))


def _named_stations() -> set[threading.Thread]:
    # These wait for a detached process, which the fixture of stations ends after this one.
    return {thread for thread in threading.enumerate() if thread.name == "station"}


@pytest.fixture(autouse=True)
def empty_clipboard(qapp: QApplication) -> None:
    """What a test looks for on the clipboard is none of an earlier test's."""
    board = qapp.clipboard()
    assert board is not None
    board.clear()


@pytest.fixture
def windows(qtbot: QtBot) -> Iterator[Callable[[str], MainWindow]]:
    """Opens windows; they close with the test."""
    made: list[MainWindow] = []

    def make(page: str) -> MainWindow:
        window = MainWindow()
        made.append(window)
        qtbot.addWidget(window)
        window.go(page)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return window

    yield make
    for window in made:
        window.close()
