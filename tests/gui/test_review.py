"""The review page by keyboard: recordings played, corrected, drawn anew, proofed, spot-checked."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from gui.remembered import Remembered
from gui.review.beside_table import written
from gui.review.page import ReviewPage
from gui.review.player import SPEEDS, Player
from gui.texts import say
from gui.theme import Theme
from protocols.proof import look_at
from protocols.rows import Defaults, gather
from tests.gui.made import record_session, rescore_clip
from tests.small import ARENA, tree, write_clip

LONG_MS = 300_000
KEY = Qt.Key
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_session(tmp_path_factory.mktemp("study"))


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[ReviewPage]:
    made = ReviewPage(Remembered())
    qtbot.addWidget(made)
    made.resize(1170, 790)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    made.close_down()
    made.close()


def shown(qtbot: QtBot, player: Player) -> None:
    """The picture of the frame one is at."""
    qtbot.waitUntil(lambda: player.image is not None, timeout=LONG_MS)


def opened(qtbot: QtBot, page: ReviewPage, folder: Path) -> Player:
    """Type the folder, Enter; the first recording, Enter."""
    watch = page.watch
    watch.folder.setFocus()
    watch.folder.setText(str(folder))
    qtbot.keyClick(watch.folder, KEY.Key_Return)
    qtbot.waitUntil(lambda: watch.shelf is not None, timeout=LONG_MS)
    if watch.opened is None and watch.shelf is not None and len(watch.shelf.items) > 1:
        qtbot.keyClick(watch.list, KEY.Key_Return)
    qtbot.waitUntil(lambda: watch.opened is not None, timeout=LONG_MS)
    shown(qtbot, watch.player)
    return watch.player


def press(qtbot: QtBot, widget: QWidget, *keys: KEY, shift: bool = False) -> None:
    for key in keys:
        qtbot.keyClick(widget, key, SHIFT if shift else Qt.KeyboardModifier.NoModifier)


def said_of(page: ReviewPage, names: tuple[str, ...]) -> list[str]:
    """Every text of the page in which one of these words stands."""
    from tests.gui.words import words_of

    return [text for text in words_of(page) if any(name in text for name in names)]


# watching


@pytest.mark.parametrize("theme", list(Theme))
def test_a_recording_is_played_and_stepped_by_key(
    qtbot: QtBot, page: ReviewPage, recorded: Path, theme: Theme
) -> None:
    page.use_theme(theme)
    player = opened(qtbot, page, recorded)
    footage = player.footage
    assert footage is not None
    press(qtbot, player, KEY.Key_Right, KEY.Key_Right, KEY.Key_Left)
    assert player.row == 1
    press(qtbot, player, KEY.Key_E)
    entry = footage.marks("entries")[0]
    assert player.row == entry
    shown(qtbot, player)
    assert f"frame {player.frame}" in player.words
    press(qtbot, player, KEY.Key_E)
    press(qtbot, player, KEY.Key_E, shift=True)
    assert player.row == entry
    press(qtbot, player, KEY.Key_D)
    assert player.row in footage.marks("doors")
    press(qtbot, player, KEY.Key_C)
    assert player.where.text() == say("review.none_further", kind=say("review.kind_corrected"))
    press(qtbot, player, KEY.Key_Up)
    assert player.speed == SPEEDS[SPEEDS.index(1.0) + 1]
    before = player.row
    press(qtbot, player, KEY.Key_Space)
    qtbot.waitUntil(lambda: player.row > before + 3, timeout=LONG_MS)
    press(qtbot, player, KEY.Key_Space)
    assert not player.playing
    press(qtbot, player, KEY.Key_End)
    assert player.row == len(footage) - 1
    shown(qtbot, player)
    assert not page.grab().isNull()


def test_pictures_are_those_of_their_frames(qtbot: QtBot, page: ReviewPage, recorded: Path) -> None:
    """What is shown after going to and fro is the picture that reading in order gives."""
    from rig.video import VideoFile

    player = opened(qtbot, page, recorded)
    footage = player.footage
    assert footage is not None
    for row in (40, 39, 120, 3):
        player.seek(row)
        shown(qtbot, player)
        (path,) = footage.source.files
        (there,) = VideoFile.open(path).chosen([row])
        assert player.image is not None
        assert (player.image == there.image).all()


def test_it_does_not_tell_whose_it_is(qtbot: QtBot, page: ReviewPage, recorded: Path) -> None:
    opened(qtbot, page, recorded)
    assert said_of(page, ("M01", "pretest")) == []
    page.watch.names.setFocus()
    press(qtbot, page.watch.names, KEY.Key_Space)
    qtbot.waitUntil(lambda: bool(said_of(page, ("M01",))), timeout=LONG_MS)
    assert page.watch.player.footage is not None


# correcting


def corrected(qtbot: QtBot, page: ReviewPage, folder: Path) -> Player:
    """A stretch of 11 frames lost, and one point moved by ten pixels: by key."""
    player = opened(qtbot, page, folder)
    panel = page.watch.correct
    press(qtbot, player, KEY.Key_X)
    assert panel.said.text() == say("review.no_reason")
    assert panel.reason.hasFocus()
    qtbot.keyClicks(panel.reason, "reflection")
    page.watch.signer.name.setFocus()
    qtbot.keyClicks(page.watch.signer.name, "AB")
    player.setFocus()
    footage = player.footage
    assert footage is not None
    while not footage.scored[player.row]:  # before, a hand is in the box
        press(qtbot, player, KEY.Key_E)
    press(qtbot, player, KEY.Key_I, *[KEY.Key_Right] * 10, KEY.Key_X)
    press(qtbot, player, *[KEY.Key_Right] * 5)
    shown(qtbot, player)
    press(qtbot, player, KEY.Key_M)
    press(qtbot, player.canvas, KEY.Key_Right, shift=True)
    press(qtbot, player.canvas, KEY.Key_Return)
    assert player.hasFocus()
    return player


def test_a_track_is_corrected_and_scored_again(
    qtbot: QtBot, page: ReviewPage, recorded: Path
) -> None:
    before = tree(recorded)
    player = corrected(qtbot, page, recorded)
    panel, footage = page.watch.correct, player.footage
    assert footage is not None
    row = next(row for row in footage.marks("entries") if footage.scored[row])
    first, last = panel.corrections
    assert (first.frame_from, first.frame_to, first.at) == (
        footage.frame[row], footage.frame[row + 10], None,
    )  # fmt: skip
    found = footage.at(row + 15)
    assert found is not None
    assert last.at == pytest.approx((found[0] + 10, found[1]), abs=0.1)
    assert (last.reason, last.who) == ("reflection", "AB")

    panel.score_button.setFocus()
    press(qtbot, panel.score_button, KEY.Key_Return)
    qtbot.waitUntil(lambda: bool(page.watch.opened and page.watch.opened.beside), timeout=LONG_MS)
    shown(qtbot, player)
    told = page.watch.opened
    assert told is not None
    assert told.footage.given == panel.corrections == (first, last)
    assert tree(recorded) == before
    table = page.watch.beside
    assert table.isVisible()
    lost = next(one for one in told.beside if one.name == "lost")
    assert lost.new is not None
    assert lost.by is not None
    item = table.item(table.rowCount() - 1, 2)
    assert item is not None
    assert item.text() == f"{lost.by:+.1f}"

    # They are kept: another window finds them, and takes one back.
    other = ReviewPage(Remembered())
    qtbot.addWidget(other)
    other.show()
    opened(qtbot, other, recorded)
    assert other.watch.correct.corrections == (first, last)
    other.watch.correct.list.setFocus()
    press(qtbot, other.watch.correct.list, KEY.Key_Delete)
    assert other.watch.correct.corrections == (last,)
    other.close_down()
    other.close()


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [(-0.001, "+.2f", "+0.00"), (-0.04, "+.1f", "+0.0"), (-0.06, "+.1f", "-0.1"),
     (None, ".1f", "-"), (-0.2, "+.0f", "+0"), (1.25, ".2f", "1.25")],
)  # fmt: skip
def test_a_number_that_is_nothing_has_no_sign_of_less(
    value: float | None, form: str, text: str
) -> None:
    assert written(value, form) == text


def test_a_point_that_is_left_stays(qtbot: QtBot, page: ReviewPage, tmp_path: Path) -> None:
    player = opened(qtbot, page, rescore_clip(tmp_path / "clips"))
    panel = page.watch.correct
    panel.reason.setCurrentText("shadow")
    page.watch.signer.name.setCurrentText("AB")
    press(qtbot, player, KEY.Key_M)
    press(qtbot, player.canvas, KEY.Key_Right, KEY.Key_Escape)
    assert panel.corrections == ()
    assert not panel.editing
    assert player.stack.currentWidget() is player.view


def test_zones_are_drawn_anew_and_tried(qtbot: QtBot, page: ReviewPage, tmp_path: Path) -> None:
    """The line between the halves is moved to the right by 20 px: time goes from right to left."""
    player = opened(qtbot, page, rescore_clip(tmp_path / "clips", frames=120))
    zones = page.watch.zones
    press(qtbot, player, KEY.Key_Z)
    canvas = player.canvas
    for corner_keys, times in (((), 1), ((), 1)):
        press(qtbot, canvas, KEY.Key_PageDown)  # left, then right
        press(qtbot, canvas, *corner_keys)
        assert times
        points = next(shape.points for shape in canvas.shapes if shape.key == canvas.key)
        for k, (x, _) in enumerate(points):
            if x == 80:
                while canvas.corner != k:
                    press(qtbot, canvas, KEY.Key_Period)
                press(qtbot, canvas, KEY.Key_Right, KEY.Key_Right, shift=True)
    assert zones.said.text() == say("review.drawn_good")
    press(qtbot, canvas, KEY.Key_Return)
    assert not zones.editing
    assert not zones.apply_button.isEnabled()
    zones.try_button.setFocus()
    press(qtbot, zones.try_button, KEY.Key_Return)
    qtbot.waitUntil(lambda: bool(page.watch.opened and page.watch.opened.beside), timeout=LONG_MS)
    told = page.watch.opened
    assert told is not None
    by = {one.chamber: one.by for one in told.beside if one.name == "time"}
    assert by["left"] is not None
    assert by["left"] > 0.5
    assert by["left"] == pytest.approx(-(by["right"] or 0.0), abs=0.06)
    assert told.footage.apparatus.chamber[0].outline_px[1] == (100.0, 0.0)


def test_drawing_is_taken_back(qtbot: QtBot, page: ReviewPage, tmp_path: Path) -> None:
    player = opened(qtbot, page, rescore_clip(tmp_path / "clips"))
    press(qtbot, player, KEY.Key_Z)
    canvas, zones = player.canvas, page.watch.zones
    press(qtbot, canvas, KEY.Key_PageDown, KEY.Key_Period, KEY.Key_Right)
    assert zones.apparatus().chamber[0].outline_px[0] == (1.0, 0.0)
    qtbot.keyClick(canvas, KEY.Key_Z, CONTROL)
    assert zones.apparatus().chamber[0].outline_px[0] == (0.0, 0.0)


# what goes wrong


def test_a_recording_that_is_gone_since(qtbot: QtBot, page: ReviewPage, tmp_path: Path) -> None:
    folder = rescore_clip(tmp_path / "clips")
    (tmp_path / "clips" / "mouse.mkv").unlink()
    watch = page.watch
    watch.open_folder(folder)
    told = say("review.gone", file="(hidden)")  # a video's name may tell whose it is
    qtbot.waitUntil(lambda: watch.whole.text() == told, timeout=LONG_MS)
    assert watch.player.footage is not None  # its rows are there all the same


def test_a_recording_that_is_another_since(qtbot: QtBot, page: ReviewPage, tmp_path: Path) -> None:
    folder = rescore_clip(tmp_path / "clips")
    shutil.copy(tmp_path / "clips" / "mouse.mkv", tmp_path / "kept.mkv")
    write_clip(tmp_path / "clips", 70)
    opened(qtbot, page, folder)
    what = say("review.changed", what="(hidden) is another")
    qtbot.waitUntil(lambda: page.watch.whole.text() == what, timeout=LONG_MS)
    assert page.watch.whole.property("role") == "bad"


@pytest.mark.parametrize("kind", ["nowhere", "empty", "damaged"])
def test_a_folder_that_cannot_be_opened(
    qtbot: QtBot, page: ReviewPage, recorded: Path, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "sub-M01" / "ses-01_phase-pretest" / "behav"
    if kind == "empty":
        folder.mkdir(parents=True)
    elif kind == "damaged":
        shutil.copytree(recorded, folder)
        (folder / "frames.csv").write_text("nonsense\n", encoding="utf-8")
    page.watch.open_folder(folder)
    qtbot.waitUntil(lambda: page.watch.said.property("role") == "bad", timeout=LONG_MS)
    if kind == "damaged":
        assert "M01" not in page.watch.said.text()
        assert "pretest" not in page.watch.said.text()
    assert page.watch.player.footage is None


# the proof sheet


def test_a_proof_sheet_is_worked_through_by_key(
    qtbot: QtBot, page: ReviewPage, tmp_path: Path
) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "arena.toml").write_text(ARENA, encoding="utf-8")
    for name in ("fine.mkv", "good.mkv"):
        write_clip(tmp_path / "videos", 60, name)
    (tmp_path / "videos" / "worse.avi").write_bytes(b"nothing")
    out = tmp_path / "out"
    rows = gather([tmp_path / "videos"], Defaults(apparatus=tmp_path / "arena.toml"), out)
    look_at(rows, out)
    page.tabs.setCurrentIndex(1)
    proof = page.proof
    proof.folder.setFocus()
    proof.folder.setText(str(out))
    press(qtbot, proof.folder, KEY.Key_Return)
    qtbot.waitUntil(lambda: len(proof.lines) == 3, timeout=LONG_MS)
    assert proof.line is not None
    assert proof.line.id == "worse"
    press(qtbot, proof.list, KEY.Key_A)
    assert proof.said.text() == say("review.no_who")
    qtbot.keyClicks(proof.signer.name, "AB")
    proof.list.setFocus()
    press(qtbot, proof.list, KEY.Key_A)
    assert proof.said.text() == say("review.only_reject")
    press(qtbot, proof.list, KEY.Key_R, KEY.Key_A)
    assert proof.line.id == "good"
    press(qtbot, proof.list, KEY.Key_N)
    assert proof.said.text() == say("review.no_nudge")
    press(qtbot, proof.list, KEY.Key_Left, KEY.Key_Left, KEY.Key_Period)
    press(qtbot, proof.list, KEY.Key_Up, shift=True)
    assert proof.canvas.shapes[0].points[1] == pytest.approx((78.0, 0.0), abs=0.5)
    press(qtbot, proof.list, KEY.Key_N)
    assert proof.said.text() == say("review.proof_done", out=out)
    with (out / "decisions.csv").open(encoding="utf-8-sig", newline="") as file:
        told = {row["id"]: row for row in csv.DictReader(file)}
    assert [told[id]["decision"] for id in ("worse", "fine", "good")] == [
        "reject", "accept", "nudge",
    ]  # fmt: skip
    assert [told["good"][k] for k in ("dx_px", "dy_px", "turn_deg")] == ["-2", "-1", "0.2"]
    assert {row["who"] for row in told.values()} == {"AB"}
    assert all(row["when"] for row in told.values())


# the spot check


def test_a_person_scores_clips_and_is_told_how_far_both_agree(
    qtbot: QtBot, page: ReviewPage, tmp_path: Path
) -> None:
    folder = rescore_clip(tmp_path / "clips", frames=150)  # 7.5 s
    opened(qtbot, page, folder)
    page.tabs.setCurrentIndex(2)
    spot = page.spot
    spot.signer.name.setCurrentText("AB")
    spot.count.setValue(2)
    spot.seconds.setValue(3)
    spot.player.speed = SPEEDS[0]  # it is led on row by row: a busy machine misses none
    spot.draw_button.setFocus()
    press(qtbot, spot.draw_button, KEY.Key_Return)
    for number in (1, 2):
        title = say("review.spot_clip", number=number, of=2)
        qtbot.waitUntil(lambda t=title: spot.player.view._said.left == t, timeout=LONG_MS)
        drawn = spot.drawn
        assert drawn is not None
        shown(qtbot, spot.player)
        assert spot.player.words == ""
        assert not spot.player.timeline.isVisible()
        footage, clip = drawn.footage[spot.at], drawn.clips[spot.at]
        spot.player.seek(footage.row_at(clip.start_s))
        press(qtbot, spot.player, KEY.Key_Return)
        assert spot.said.text() == say("review.spot_not_over")
        names = footage.apparatus.chamber_names
        keys = {name: KEY(KEY.Key_1 + k) for k, name in enumerate(names)}
        pressed = footage.chamber(footage.row_at(clip.start_s))
        press(qtbot, spot.player, keys[pressed])
        assert spot.player.playing
        for row in range(footage.row_at(clip.start_s), footage.row_at(clip.end_s) + 1):
            spot.player.seek(row)
            here = footage.chamber(row)
            if here and here != pressed and footage.t_s[row] < clip.end_s:
                pressed = here
                press(qtbot, spot.player, keys[here])
        spot.player.pause()
        press(qtbot, spot.player, KEY.Key_Return)
    told = spot.outcome
    assert told is not None
    assert told.clips == 2
    assert told.seconds == 6
    assert told.same == told.seconds
    assert abs(told.time.bias) < 0.06
    assert told.entries.bias == 0
    qtbot.waitUntil(lambda: spot.said.property("role") == "good", timeout=LONG_MS)
    (path,) = (tmp_path / "clips" / "scored" / "spotchecks").glob("*.json")
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert (kept["who"], kept["clip_s"], len(kept["clips"])) == ("AB", 3.0, 2)
    assert "mouse" not in json.dumps(kept["clips"])
    assert "Kappa" in spot.result.toPlainText()
