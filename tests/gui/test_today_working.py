"""A study on a camera's rig with a board: its doors are worked as the box is made ready."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from gui.today.next_deed import Deed
from rig import png
from rig.channel import connect, find
from rig.hardware.measured import DATA_VARIABLE, note_forces
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.port import serve
from rig.model import NS_PER_S
from rig.session.opened import CLOCK
from rig.storage import SessionRecord
from rig.video import VideoWriter
from tests.gui.hands import LIMIT_MS, Made, card_of, open_on, press, wait_for
from tests.gui.studies import short_study
from tests.hurry import hurry
from tests.small import tick_until

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal"),
    pytest.mark.long,
]
RATE_HZ, SIZE_PX = 20.0, (160, 120)
BOX = """name = "box"
frame_size_px = [160, 120]
px_per_cm = 4.0
tracking = { animal = "darker" }
chamber = [
  { name = "left", outline_px = [[0, 0], [60, 0], [60, 120], [0, 120]] },
  { name = "centre", role = "neutral", outline_px = [[60, 0], [100, 0], [100, 120], [60, 120]] },
  { name = "right", outline_px = [[100, 0], [160, 0], [160, 120], [100, 120]] },
]
[[doorway]]
name = "left"
between = ["left", "centre"]
line_px = [[60, 40], [60, 80]]
sweep_px = [[56, 36], [64, 36], [64, 84], [56, 84]]
drive = "board"
[[doorway]]
name = "right"
between = ["centre", "right"]
line_px = [[100, 40], [100, 80]]
drive = "none"
"""
RIG = """name = "filmed"
[camera]
source = "floor.mkv"
repeat = true
rate_hz = 20.0
[[board]]
name = "board-1"
port = "{port}"
[[box]]
name = "A"
apparatus = "box.toml"
background = "empty.png"
doors = {{ left = "board-1/1" }}
"""


@contextmanager
def rig_on(folder: Path) -> Iterator[tuple[str, Board]]:
    """A film of an empty box, repeated as a webcam goes on, and a board that says it is real."""
    board = Board("board-1")
    served = serve(board, CLOCK)
    rng = np.random.default_rng(1)
    empty = np.full(SIZE_PX[::-1], 190.0)
    empty[:, :3] = empty[:, -3:] = empty[:3] = empty[-3:] = 60
    empty[:, 58:62] = empty[:, 98:102] = 90
    with (
        (folder / "floor.mkv").open("wb") as file,
        VideoWriter(file, SIZE_PX, RATE_HZ, "lossless") as video,
    ):
        for k in range(20):
            noisy = empty + rng.normal(0, 2, empty.shape)
            video.write(np.clip(noisy, 0, 255).astype(np.uint8), round(k * NS_PER_S / RATE_HZ))
    (folder / "empty.png").write_bytes(png.write_gray(empty.astype(np.uint8)))
    (folder / "box.toml").write_text(BOX, encoding="utf-8")
    path = folder / "filmed.rig.toml"
    path.write_text(RIG.format(port=served.port), encoding="utf-8")
    try:
        yield str(path), board
    finally:
        served.close()


def test_doors_are_worked_as_the_box_is_made_ready(
    qtbot: QtBot, windows: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    monkeypatch.setattr("rig.hardware.simulated.board.FIRMWARE", "1.0")
    note_forces("board-1", {1: 0.3}, datetime.now(UTC))
    unseen = "it was not seen to move in this box's picture"  # no door moves in a film
    with rig_on(tmp_path) as (rig, board):
        window = windows("today")
        page = open_on(qtbot, window, short_study(tmp_path / "S1", rig))
        card_of(qtbot, page, "M02", Deed.READY)
        page.setFocus()
        press(qtbot, Qt.Key.Key_F9)
        positions: list[float] = []

        def worked() -> bool:
            positions.append(board.position(1))
            return page.doing.standing.looked.text != ""

        qtbot.waitUntil(worked, timeout=LIMIT_MS)
        assert min(positions) < 0.5  # it was moved,
        assert board.position(1) == 1.0  # there and back
        first = page.view.looked.text().replace("\u200b", "").splitlines()[0]
        assert first == f"!  Door left: {unseen}. It closes on no animal in this session."
        assert page.view.looked.property("role") == "warn"
        assert "In order: camera, light" in page.view.fine.text().replace("\u200b", "")
        assert page.view.fine.property("role") == "good"  # whatever is not in order
        assert page.view.looked.isVisible()
        assert page.view.fine.isVisible()
        wait_for(qtbot, page, Deed.START)
        press(qtbot, Qt.Key.Key_F9)
        qtbot.waitUntil(lambda: window.run_page.live is not None
                        and window.run_page.live.setup is not None, timeout=LIMIT_MS)  # fmt: skip
        (folder,) = (tmp_path / "S1").glob("rawdata/sub-M02/ses-*/behav")
        assert SessionRecord.open(folder).setup.unfit == {"left": unseen}
        entry = find(rig)
        assert entry is not None
        with connect(entry) as client:
            client.request("quit", force=True)
        tick_until(lambda: SessionRecord.open(folder).complete)
