"""Doors and lights worked from the form: asked twice, looked for in the picture, told as lines."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from gui.run.choose import ChoosePanel
from gui.texts import say
from gui.window import MainWindow
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.port import serve
from rig.session.opened import CLOCK
from tests.firmware.filmed import write_filmed_rig

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
LIMIT_MS = 60_000


@pytest.fixture
def board() -> Iterator[Board]:
    """A board of its own on a port; `port` is where."""
    made = Board("board-1")
    served = serve(made, CLOCK)
    made.port = served.port  # type: ignore[attr-defined]
    yield made
    served.close()


def lines(panel: ChoosePanel) -> list[str]:
    shown = [panel.lines.itemAt(k).widget() for k in range(panel.lines.count())]  # type: ignore[union-attr]
    return [str(w.property("text")).replace("\u200b", "") for w in shown if w and w.isVisible()]


def test_doors_are_worked_on_the_second_press_and_what_was_seen_is_told(
    qtbot: QtBot, board: Board, tmp_path: Path
) -> None:
    source = str(write_filmed_rig(tmp_path, Path(board.port)))  # type: ignore[attr-defined]
    window = MainWindow()
    qtbot.addWidget(window)
    window.resize(1200, 800)
    window.go("run")
    window.show()
    panel = window.run_page.choose_panel
    panel.put_rig(source)
    panel.out.setText(str(tmp_path / "study"))
    panel.protocol.setEditText("free-exploration")
    panel.subject.setText("M01")
    qtbot.waitUntil(panel.work.isVisible, timeout=LIMIT_MS)
    assert any("middle: not worked before the camera" in line for line in lines(panel))

    qtbot.mouseClick(panel.work, Qt.MouseButton.LeftButton)
    assert panel.work.text() == say("run.work_sure")
    panel.subject.setText("M02")  # whatever is chosen anew takes the word back
    assert panel.work.text() == say("run.work")
    told = "Door middle: it was not seen to move in this box's picture"  # no door moves in a film
    qtbot.waitUntil(panel.start.isEnabled, timeout=LIMIT_MS)
    positions = []
    for _ in range(2):
        qtbot.mouseClick(panel.work, Qt.MouseButton.LeftButton)
    assert panel.work.text() == say("run.working")

    def worked() -> bool:
        positions.append(board.position(1))
        return any(told in line for line in lines(panel))

    qtbot.waitUntil(worked, timeout=LIMIT_MS)
    assert min(positions) < 0.5  # it was moved,
    assert board.position(1) == 1.0  # there and back
    qtbot.waitUntil(panel.work.isEnabled, timeout=LIMIT_MS)
    assert panel.work.text() == say("run.work")
    assert any("no camera sees it: laser" in line for line in lines(panel))  # as its rig file says
    window.close()
