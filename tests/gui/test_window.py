import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from gui.page import label
from gui.theme import Theme
from gui.window import KEYS, MainWindow, drop_foreign_qt

ROOT = Path(__file__).parents[2]

# Imports cv2 first, as a process that also tracks would, then opens the window as `python -m gui`
# does; a timer closes it once it has been painted.
OPEN_AFTER_CV2 = """
import os, sys
import cv2
if "--bait" in sys.argv:  # where this build of cv2 sets nothing, set what others set
    folder = os.path.join(os.path.dirname(cv2.__file__), "qt")
    os.environ["QT_QPA_PLATFORM_PLUGIN_PATH"] = os.path.join(folder, "plugins")
    os.environ["QT_QPA_FONTDIR"] = os.path.join(folder, "fonts")
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication
import gui.window

def look():
    windows = QApplication.topLevelWidgets()  # the lists of closed choices among them
    window, = [w for w in windows if isinstance(w, gui.window.MainWindow)]
    painted = not window.grab().isNull()
    print(QApplication.platformName(), window.windowTitle(), window.isVisible(), painted)
    window.close()

QTimer.singleShot(0, look)
sys.exit(gui.window.start(["placepref"]))
"""


@pytest.fixture
def display() -> Iterator[str]:
    """A virtual X server of our own on a display that it finds free itself."""
    xvfb = shutil.which("Xvfb")
    if xvfb is None:
        pytest.skip("Xvfb is not installed (Debian: apt-get install xvfb)")
    reader, writer = os.pipe()
    server = subprocess.Popen(
        [xvfb, "-displayfd", str(writer), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
        pass_fds=[writer],
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        ready, _, _ = select.select([reader], [], [], 20.0)
        number = os.read(reader, 16).decode().strip() if ready else ""
        assert number, "Xvfb did not start within 20 s"
        yield f":{number}"
    finally:
        os.close(reader)
        server.terminate()
        server.wait(10)


def open_after_cv2(environ: dict[str, str], *options: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}
    done = subprocess.run(
        [sys.executable, "-c", OPEN_AFTER_CV2, *options],
        env=clean | environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "options",
    [pytest.param((), marks=pytest.mark.long), ("--bait",)],
    ids=["this-cv2", "variables-set"],
)
def test_window_opens_after_cv2_offscreen(options: tuple[str, ...]) -> None:
    environ = {"QT_QPA_PLATFORM": "offscreen"}
    assert open_after_cv2(environ, *options) == "offscreen placepref True True"


@pytest.mark.parametrize(
    "options",
    [pytest.param((), marks=pytest.mark.long), ("--bait",)],
    ids=["this-cv2", "variables-set"],
)
def test_window_opens_after_cv2_under_x(display: str, options: tuple[str, ...]) -> None:
    environ = {"QT_QPA_PLATFORM": "xcb", "DISPLAY": display}
    assert open_after_cv2(environ, *options) == "xcb placepref True True"


def test_making_the_window_changes_nothing(qtbot: QtBot, config: Path) -> None:
    window = MainWindow()
    qtbot.addWidget(window)
    assert window.windowTitle() == "placepref"
    assert not window.isVisible()
    for name in window.pages:
        window.go(name)
    window.close()
    assert not config.exists()


def test_keys_lead_to_every_page_and_theme(qtbot: QtBot, config: Path) -> None:
    window = MainWindow()
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    assert set(KEYS) >= set(window.pages)
    for name, page in window.pages.items():
        qtbot.keySequence(window, KEYS[name])
        assert page.isVisible()
    first = window.theme
    themes = set()
    for _ in Theme:
        qtbot.keyClick(window, Qt.Key.Key_F11)
        themes.add(window.theme)
    assert themes == set(Theme)
    assert window.theme is first
    window.close()


@pytest.mark.parametrize(
    ("value", "removed"),
    [
        ("/x/site-packages/cv2/qt/plugins", True),
        ("/opt/qt/plugins", False),
        ("/home/cv2user/plugins", False),
        ("", False),
    ],
    ids=["in-cv2", "the-user's", "cv2-in-a-name", "empty"],
)
def test_only_variables_into_cv2_are_dropped(value: str, removed: bool) -> None:
    environ = {"QT_QPA_PLATFORM_PLUGIN_PATH": value, "OTHER": "/cv2/"}
    assert drop_foreign_qt(environ) == (["QT_QPA_PLATFORM_PLUGIN_PATH"] if removed else [])
    assert ("QT_QPA_PLATFORM_PLUGIN_PATH" not in environ) is removed
    assert environ["OTHER"] == "/cv2/"


def test_a_name_with_a_mark_in_it_is_shown_as_it_is(qtbot: QtBot) -> None:
    """Qt takes what looks like HTML for it, and would load the picture it names."""
    name = '<img src="/dev/zero"> <b>S1</b>'
    assert label(name).textFormat() is Qt.TextFormat.PlainText
    window = MainWindow()
    qtbot.addWidget(window)
    for key in window.pages:
        window.go(key)
    texts = window.findChildren(QLabel)
    assert len(texts) > 20
    assert {one.text() for one in texts if one.textFormat() is not Qt.TextFormat.PlainText} <= {""}
