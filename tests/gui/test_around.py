import pytest
from PyQt6.QtGui import QFont, QFontMetricsF
from pytestqt.qtbot import QtBot

from gui.run.around import MOST_LINES, Said, lay_out, lines_of
from gui.run.box_view import BoxView
from gui.run.drawn import session
from gui.run.live import LiveBox
from gui.texts import say
from rig.apparatus import parse
from tests.small import ARENA

TILE_PX = 164.0
"""Room for words in one of sixteen boxes, where the window is 1280 pixels wide."""
NAME = "M12CohortBLongAcclimatised"


@pytest.fixture
def font(qapp: object) -> QFont:
    made = QFont()
    made.setPointSizeF(9)
    made.setBold(True)
    return made


def waiting(**prompt: str) -> Said:
    live = LiveBox("sim", "G")
    status = {"state": "running", "uid": "u", "subject": NAME, "step_name": "place", "stage": "go"}
    live.stand(status, 0.0)
    live.hear([{"kind": "prompt", "t_s": 1.0, "data": prompt}])
    return session(live, (), 0.0)[0]


@pytest.mark.parametrize(
    "prompt",
    [
        {"ask": "empty"},
        {"ask": "arm"},
        {"ask": "door", "door": "left-of-the-centre", "value": "closed"},
        {"ask": "place", "chamber": "compartment-on-the-left"},
        {"ask": "confirm", "text": "take the bedding out of the box, close the lid, then confirm"},
    ],
    ids=lambda prompt: prompt["ask"],
)
def test_what_is_to_be_done_is_not_cut_in_the_smallest_tile(
    qtbot: QtBot, font: QFont, prompt: dict[str, str]
) -> None:
    said = waiting(**prompt)
    laid = lay_out(said, font, TILE_PX, small=True)
    assert "…" not in "".join(laid.below)
    assert "".join(laid.below).replace(" ", "") == (said.brief or said.below).replace(" ", "")
    metrics = QFontMetricsF(font)
    assert all(metrics.horizontalAdvance(line) <= TILE_PX for line in laid.below)
    assert said.below in said.tip


def test_a_long_name_has_a_line_of_its_own(qtbot: QtBot, font: QFont) -> None:
    laid = lay_out(waiting(ask="empty"), font, TILE_PX, small=True)
    assert laid.right == say("box.waits")
    assert laid.top[0] == "G"
    width = QFontMetricsF(font).horizontalAdvance(NAME)
    assert laid.top[1] == NAME or width > TILE_PX


def test_a_short_name_needs_one_line(qtbot: QtBot, font: QFont) -> None:
    said = Said("A  M01  place", "waits", "in left", short="A  M01", head=("A", "M01"))
    assert lay_out(said, font, TILE_PX, small=True).top == (said.left,)


def test_words_without_end_leave_room_for_the_picture(qtbot: QtBot, font: QFont) -> None:
    said = Said(below="look at the box " * 40)
    below = lay_out(said, font, TILE_PX, small=True).below
    assert len(below) == MOST_LINES
    assert below[-1].endswith("…")
    assert said.tip == said.below


def test_a_box_close_up_fills_the_view_and_no_cue_is_cut(qtbot: QtBot) -> None:
    apparatus = parse(ARENA, "arena.toml")
    small = apparatus.model_copy(update={"frame_size_px": (640, 480)})  # a box in a wide picture
    views = [BoxView(close_up=near) for near in (False, True)]
    widths = []
    for view in views:
        qtbot.addWidget(view)
        view.resize(480, 360)
        view.set_apparatus(small)
        part = view._part(*small.frame_size_px)
        widths.append(160 * min(470 / part.width(), 350 / part.height()))
        assert not view.grab().isNull()
    assert widths[1] > 2.5 * widths[0]
    font = views[0].font()
    told = "wall: horizontal stripes"
    lines = lines_of(told, font, 90)
    assert len(lines) > 1
    assert " ".join(lines) == told
