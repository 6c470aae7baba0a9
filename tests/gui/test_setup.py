"""A rig set up from nothing in the window, by mouse and by keys, and read by the command line."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from gui.remembered import Remembered
from gui.setup.drawing import ALL, Kind, Part
from gui.setup.page import SetupPage
from gui.setup.silhouette_panel import verdict
from gui.theme import Theme
from gui.watch import Stations
from protocols.cli import main
from rig.channel import ensure, entries
from rig.session.load import load_rig
from tests.small import ARENA, CLIP_RIG, write_clip, write_rig

LEFT = Part(Kind.CHAMBER, 0)
LONG = 30_000
NONE = Qt.KeyboardModifier.NoModifier
HAND: Any = QTest  # its types say that it is made first


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[SetupPage]:
    stations = Stations()
    made = SetupPage(stations, Remembered())
    qtbot.addWidget(made)
    made.resize(1160, 760)
    made.show()
    made.activateWindow()
    made.enter()
    yield made
    made.leave()
    made.close_down()
    stations.close()
    made.hide()


def click(qtbot: QtBot, widget: QWidget) -> None:
    assert widget.isEnabled()
    HAND.mouseClick(widget, Qt.MouseButton.LeftButton)


def key(
    widget: QWidget,
    which: Qt.Key,
    modifier: Qt.KeyboardModifier = NONE,
) -> None:
    HAND.keyClick(widget, which, modifier)


def write(widget: QWidget, text: str) -> None:
    for letter in text:
        HAND.keyClick(widget, letter)


def section(page: SetupPage, name: str) -> None:
    page.tabs.setCurrentIndex([one.key for one in page.sections].index(name))


def has_picture(qtbot: QtBot, page: SetupPage) -> None:
    qtbot.waitUntil(lambda: page.desk.picture is not None, timeout=LONG)


def simulated(qtbot: QtBot, page: SetupPage) -> None:
    page.camera.use("sim")
    has_picture(qtbot, page)


def drawn(qtbot: QtBot, page: SetupPage, chambers: int = 3) -> None:
    """A template with its scale."""
    section(page, "chambers")
    click(qtbot, page.chambers.templates[chambers])
    section(page, "scale")
    page.scale.length.setValue({1: 40.0, 2: 40.0, 3: 47.0}[chambers])


def saved(qtbot: QtBot, page: SetupPage, folder: Path) -> str:
    section(page, "save")
    assert page.save.go.isEnabled(), page.save.ready.text()
    page.save.folder.setText(str(folder))
    with qtbot.waitSignal(page.saved) as told:
        click(qtbot, page.save.go)
    assert told.args is not None
    return str(told.args[0])


def drag(
    qtbot: QtBot, page: SetupPage, start: tuple[float, float], end: tuple[float, float]
) -> None:
    """Drag on the picture, from pixel to pixel of it."""
    canvas = page.canvas
    a, b = (canvas.to_widget(point).toPoint() for point in (start, end))
    HAND.mousePress(canvas, Qt.MouseButton.LeftButton, NONE, a)
    HAND.mouseMove(canvas, pos=(a + b) / 2)
    HAND.mouseMove(canvas, pos=b)
    HAND.mouseRelease(canvas, Qt.MouseButton.LeftButton, NONE, b)


def cli(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["placepref", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    code = ended.value.code
    assert isinstance(code, int)
    return code


def test_a_simulated_rig_from_nothing_by_mouse(
    qtbot: QtBot, page: SetupPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = page.camera.sources.visualItemRect(page.camera.sources.item(0))
    viewport = page.camera.sources.viewport()
    assert viewport is not None
    HAND.mouseClick(viewport, Qt.MouseButton.LeftButton, NONE, row.center())
    has_picture(qtbot, page)
    drawn(qtbot, page)
    section(page, "board")
    click(qtbot, page.board.add)
    page.board.output.setText("laser")
    click(qtbot, page.board.add_output)
    for k, name in enumerate(("left", "right")):
        page.board._drive(k, "board")
        page.board._wire("doors", name, f"board-1/{k + 1}")
        page.board._wire("beams", name, f"board-1/{k + 1}")

    section(page, "empty")
    qtbot.waitUntil(lambda: page.desk.picture is not None, timeout=LONG)  # it looks as drawn
    qtbot.waitUntil(page.empty.take.isEnabled, timeout=LONG)
    click(qtbot, page.empty.take)
    qtbot.waitUntil(lambda: bool(page.desk.box and page.desk.box.picture), timeout=LONG)
    assert "nothing moved" in page.empty.taken.text()
    page.empty.animal.setCurrentIndex(1)
    page.empty.animal.activated.emit(1)
    qtbot.waitUntil(lambda: page.empty.verdicts[0].text().startswith("✓ left"), timeout=LONG)
    page.empty.automatic.click()
    page.empty.slider.setValue(200)
    qtbot.waitUntil(lambda: "✗ left" in page.empty.verdicts[0].text(), timeout=LONG)
    page.empty.slider.setValue(40)
    qtbot.waitUntil(lambda: page.desk.draft.boxes[0].threshold == 40)

    source = saved(qtbot, page, tmp_path)
    assert source == f"sim:{tmp_path / 'rig.rig.toml'}"
    loaded = load_rig(source)
    box = loaded.boxes["A"]
    assert box.apparatus.chamber_names == ("left", "centre", "right")
    assert box.apparatus.tracking.threshold == 40
    assert box.picture is not None
    assert dict(box.box.doors) == {"left": "board-1/1", "right": "board-1/2"}
    # The command line carries a session out on it.
    words = ("--phase", "exploration", "--subject", "M01", "--rig", source, "--speed", "max")
    fast = ("--set", "test_s=3", "--out", tmp_path / "study")
    page.leave()
    assert cli(monkeypatch, "run", "free-exploration", *words, *fast) == 0


def test_a_video_file_by_keys(
    qtbot: QtBot, page: SetupPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_clip(tmp_path, frames=30)
    qtbot.waitUntil(page.isActiveWindow)
    page.camera.address.setFocus()
    write(page.camera.address, str(tmp_path / "mouse.mkv"))
    key(page.camera.address, Qt.Key.Key_Return)
    has_picture(qtbot, page)
    assert page.desk.picture_px == (160, 120)

    key(page, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
    assert page.chambers.isVisible()
    page.chambers.templates[2].setFocus()
    key(page.chambers.templates[2], Qt.Key.Key_Space)
    canvas = page.canvas
    canvas.setFocus()
    key(canvas, Qt.Key.Key_PageDown)
    assert page.chambers.part == LEFT
    key(canvas, Qt.Key.Key_Period)
    assert page.chambers.corner == 0
    before = page.desk.box.drawing.points(LEFT)[0]  # type: ignore[union-attr]
    key(canvas, Qt.Key.Key_Left)
    key(canvas, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    box = page.desk.box
    assert box is not None
    assert box.drawing.points(LEFT)[0] == (before[0] - 1, before[1] - 10)
    key(page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    key(page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    box = page.desk.box
    assert box is not None
    assert box.drawing.points(LEFT)[0] == before

    key(page, Qt.Key.Key_4, Qt.KeyboardModifier.AltModifier)
    page.scale.length.setFocus()
    page.scale.length.selectAll()
    write(page.scale.length, "40")
    key(page.scale.length, Qt.Key.Key_Return)
    assert page.desk.box is not None
    assert page.desk.box.scale.known
    key(page, Qt.Key.Key_5, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(page.empty.take.isEnabled, timeout=LONG)
    page.empty.take.setFocus()
    key(page.empty.take, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: "left" in page.empty.verdicts[0].text(), timeout=LONG)

    key(page, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    page.save.folder.setFocus()
    write(page.save.folder, str(tmp_path))
    page.save.go.setFocus()
    with qtbot.waitSignal(page.saved):
        key(page.save.go, Qt.Key.Key_Space)
    loaded = load_rig(str(tmp_path / "rig.rig.toml"))
    assert loaded.rig.camera.source == "mouse.mkv"
    assert loaded.boxes["A"].box.background == "median"
    apparatus = ("--apparatus", tmp_path / "apparatus.toml", "--out", tmp_path / "out")
    assert cli(monkeypatch, "rescore", tmp_path / "mouse.mkv", *apparatus) == 0


def test_dragging_snaps_undoes_and_takes_numbers(qtbot: QtBot, page: SetupPage) -> None:
    simulated(qtbot, page)
    drawn(qtbot, page, 2)
    section(page, "chambers")
    box = page.desk.box
    assert box is not None
    first = box.drawing
    page.chambers.chosen(LEFT, -1)
    corner = first.points(LEFT)[0]
    drag(qtbot, page, corner, (corner[0] + 2, corner[1] - 20))
    moved = page.desk.box.drawing.points(LEFT)[0]  # type: ignore[union-attr]
    assert moved[0] == corner[0], "it is drawn to the column of the corner below"
    assert moved[1] == pytest.approx(corner[1] - 20, abs=1)
    click(qtbot, page.undo)
    assert page.desk.box is not None
    assert page.desk.box.drawing == first
    click(qtbot, page.redo)
    assert page.desk.box.drawing.points(LEFT)[0] == moved

    item = page.chambers.corners.item(0, 1)
    assert item is not None
    item.setText("70,5")
    assert page.desk.box.drawing.points(LEFT)[0] == (moved[0], 70.5)
    item = page.chambers.corners.item(0, 1)
    assert item is not None
    item.setText("high")
    assert "high is no number" in page.chambers.told
    assert page.desk.box.drawing.points(LEFT)[0] == (moved[0], 70.5)

    page.chambers.chosen(ALL, -1)
    drag(qtbot, page, page.desk.box.drawing.points(ALL)[2], (310, 225))
    assert page.desk.box.drawing.points(ALL)[2] == pytest.approx((310, 225), abs=1)


def test_two_boxes_share_the_picture(qtbot: QtBot, page: SetupPage, tmp_path: Path) -> None:
    simulated(qtbot, page)
    section(page, "boxes")
    click(qtbot, page.boxes.share)
    assert [b.crop_px for b in page.desk.draft.boxes] == [(0, 0, 160, 240), (160, 0, 160, 240)]
    page.boxes.name.setText("B")
    page.boxes.name.editingFinished.emit()
    assert "B is not free" in page.boxes.told
    drag(qtbot, page, (160, 240), (150, 230))  # the corner of the first
    for place in (0, 1):
        page.desk.choose(place)
        drawn(qtbot, page, 2)
    crops = [b.crop_px for b in page.desk.draft.boxes]
    assert crops == [(0, 0, 150, 230), (160, 0, 160, 240)]
    loaded = load_rig(saved(qtbot, page, tmp_path))
    assert [b.crop_px for b in loaded.rig.box] == crops
    assert loaded.boxes["A"].apparatus.frame_size_px == (150, 230)


def test_the_board_is_tried_door_by_door(qtbot: QtBot, page: SetupPage) -> None:
    simulated(qtbot, page)
    drawn(qtbot, page)
    section(page, "board")
    click(qtbot, page.board.add)
    page.board._drive(0, "board")
    click(qtbot, page.board.try_them)
    assert "motor door" in page.board.told, "it is not wired yet"
    page.board._wire("doors", "left", "board-1/1")
    page.board._wire("beams", "left", "board-1/1")
    page.board._wire("outputs", "laser", "board-1/1")
    click(qtbot, page.board.try_them)
    states = page.board.rows.states
    door, laser = ("doors", "left"), ("outputs", "laser")
    qtbot.waitUntil(lambda: states[door].text() == "open", timeout=LONG)
    click(qtbot, page.board.rows.buttons["left", "close"])
    qtbot.waitUntil(lambda: "has not said that the box is empty" in page.board.told)
    assert states[door].text() == "open"
    page.board.is_empty.click()
    click(qtbot, page.board.rows.buttons["left", "close"])
    qtbot.waitUntil(lambda: states[door].text() == "closed", timeout=LONG)
    click(qtbot, page.board.rows.buttons["left", "open"])
    qtbot.waitUntil(lambda: states[door].text() == "open", timeout=LONG)
    click(qtbot, page.board.rows.buttons["laser", "on"])
    qtbot.waitUntil(lambda: states[laser].text() == "on", timeout=LONG)
    qtbot.waitUntil(lambda: states[laser].text() == "off", timeout=LONG)
    section(page, "save")
    section(page, "board")
    assert not page.board.is_empty.isChecked(), "a word is not kept"


def test_nothing_is_written_over_without_a_second_press(
    qtbot: QtBot, page: SetupPage, tmp_path: Path
) -> None:
    simulated(qtbot, page)
    drawn(qtbot, page, 2)
    saved(qtbot, page, tmp_path)
    before = (tmp_path / "apparatus.toml").read_bytes()
    section(page, "chambers")
    page.chambers.lay(1)
    section(page, "save")
    click(qtbot, page.save.go)
    assert "apparatus.toml" in page.save.told
    assert (tmp_path / "apparatus.toml").read_bytes() == before
    with qtbot.waitSignal(page.saved):
        click(qtbot, page.save.go)
    assert (tmp_path / "apparatus.toml").read_bytes() != before


# what goes wrong


def test_a_folder_that_cannot_be_written(qtbot: QtBot, page: SetupPage, tmp_path: Path) -> None:
    simulated(qtbot, page)
    drawn(qtbot, page, 2)
    section(page, "save")
    click(qtbot, page.save.go)
    assert page.save.told == "Choose a folder first."
    (tmp_path / "file").write_text("x")
    page.save.folder.setText(str(tmp_path / "file" / "below"))
    click(qtbot, page.save.go)
    assert page.save.told.startswith("Not saved")
    assert "No file of the rig was changed" in page.save.told
    page.save.file_name.setText("a/b")
    click(qtbot, page.save.go)
    assert "cannot be a file's name" in page.save.told


def test_a_camera_that_is_not_there(qtbot: QtBot, page: SetupPage) -> None:
    page.camera.use("usb-none_such")
    qtbot.waitUntil(lambda: "usb-none_such" in page.said.text(), timeout=LONG)
    assert "Plug the camera in" in page.said.text()
    assert "provisional" not in page.said.text()
    simulated(qtbot, page)
    assert page.said.text() == ""


def test_a_board_whose_port_is_gone(qtbot: QtBot, page: SetupPage, tmp_path: Path) -> None:
    write_clip(tmp_path, frames=30)
    page.camera.use_file(tmp_path / "mouse.mkv")
    has_picture(qtbot, page)
    drawn(qtbot, page, 2)
    section(page, "board")
    click(qtbot, page.board.add)
    page.board._set_port("/dev/nothing")
    page.board._wire("outputs", "laser", "board-1/1")
    click(qtbot, page.board.try_them)
    qtbot.waitUntil(
        lambda: "/dev/nothing is not there" in page.board.board_says.text(), timeout=LONG
    )
    assert "Nothing was moved" in page.board.board_says.text()
    assert not page.board.rows.buttons["laser", "on"].isEnabled()


def test_a_file_edited_into_nonsense(qtbot: QtBot, page: SetupPage, tmp_path: Path) -> None:
    path = tmp_path / "own.rig.toml"
    write_rig(tmp_path)
    good = path.read_text()
    for text, why in (
        (good.replace("rate_hz", "rate_herz"), "rate_herz"),
        ("[[[", "not valid TOML"),
        ("\0\xff", "own.rig.toml"),
    ):
        path.write_text(text)
        page.open_file(path)
        assert why in page.said.text()
        assert page.desk.draft.source == ""
    page.open_file(tmp_path / "none.toml")
    assert "there is no such rig file" in page.said.text()
    path.write_text(good)
    page.open_file(path)
    assert page.said.text() == ""
    has_picture(qtbot, page)
    assert page.desk.draft.boxes[0].drawing.chambers


def test_a_rig_whose_session_runs_is_not_written(
    qtbot: QtBot, page: SetupPage, tmp_path: Path
) -> None:
    source = write_rig(tmp_path, drive="none")
    before = (tmp_path / "own.rig.toml").read_bytes()
    wish = {
        "plan": {
            "protocol": "short",
            "phase": "pretest",
            "step": [{"do": "explore", "duration_s": 600, "scored": True}],
        },
        "subject": "M01",
        "phase": "pretest",
    }
    with ensure(source) as client:
        client.request("start", box="A", wish=wish, out=str(tmp_path / "study"), timeout_s=30)
        page.open_file(tmp_path / "own.rig.toml")
        section(page, "save")
        page.save.name.setText("other")
        page.save.name.editingFinished.emit()
        click(qtbot, page.save.go)
        click(qtbot, page.save.go)
        qtbot.waitUntil(lambda: "A session runs on this rig in box A" in page.save.told)
        assert (tmp_path / "own.rig.toml").read_bytes() == before


def test_a_listing_that_fails_and_one_that_comes(qtbot: QtBot, page: SetupPage) -> None:
    page.camera._not_listed("no such command")
    assert "Cameras cannot be listed" in page.camera.told
    assert page.camera.sources.count() >= 1
    page.camera._listed([{"name": "Cam", "identity": "usb-cam", "address": 0, "backend": 0}])
    texts = [page.camera.sources.item(k).text() for k in range(page.camera.sources.count())]  # type: ignore[union-attr]
    assert any("usb-cam" in text for text in texts)


# the page itself


def test_the_station_ends_with_the_page_and_comes_back(qtbot: QtBot, page: SetupPage) -> None:
    simulated(qtbot, page)
    assert len(entries()) == 1
    page.leave()
    qtbot.waitUntil(lambda: not entries(), timeout=LONG)
    page.enter()
    has_picture(qtbot, page)
    page.camera.use("usb-none_such")
    qtbot.waitUntil(lambda: not entries(), timeout=LONG)


def test_every_field_is_named_and_reached_by_keys(qtbot: QtBot, page: SetupPage) -> None:
    simulated(qtbot, page)
    drawn(qtbot, page)
    fields = ("QLineEdit", "QComboBox", "QDoubleSpinBox", "QSpinBox", "QSlider", "QListWidget")
    for one in page.sections:
        section(page, one.key)
        for child in one.findChildren(QWidget):
            kind = type(child).__name__
            if kind not in fields or child.objectName().startswith("qt_"):
                continue
            assert child.accessibleName(), f"{one.key}: a {kind} without a name"
            policy = child.focusPolicy()
            assert policy & Qt.FocusPolicy.TabFocus or kind == "QLineEdit", f"{one.key}: {kind}"


@pytest.mark.parametrize("theme", list(Theme))
def test_it_is_painted_in_every_theme(qtbot: QtBot, page: SetupPage, theme: Theme) -> None:
    simulated(qtbot, page)
    drawn(qtbot, page)
    page.use_theme(theme)
    section(page, "chambers")
    page.chambers.chosen(LEFT, 0)
    page.canvas.show_silhouette(np.eye(240, 320, dtype=np.bool_))
    picture = page.canvas.grab().toImage()
    middle = picture.pixelColor(picture.width() // 2, picture.height() // 2)
    if theme is Theme.RED:
        assert middle.red() > 2 * max(middle.green(), middle.blue())
    else:
        assert middle.lightness() > 60


def test_nothing_reaches_out_of_a_small_window(qtbot: QtBot, page: SetupPage) -> None:
    simulated(qtbot, page)
    drawn(qtbot, page)
    page.resize(1160, 760)
    page.desk.do(page.desk.draft)
    for one in page.sections:
        section(page, one.key)
        QApplication.processEvents()
        area = one.parentWidget()
        assert area is not None
        assert one.width() <= area.width() + 1, f"{one.key} is cut"


@pytest.mark.parametrize(
    ("headroom", "known", "expected"),
    [(40.0, True, "good"), (15.0, True, "good"), (14.9, True, "weak"), (0.0, True, "none"),
     (80.0, False, "unknown")],
)  # fmt: skip
def test_the_verdict_says_what_the_interlock_does(
    headroom: float, known: bool, expected: str
) -> None:
    assert verdict(headroom, known=known)[0] == expected


def test_the_clip_rig_is_edited_and_keeps_its_words(
    qtbot: QtBot, page: SetupPage, tmp_path: Path
) -> None:
    write_clip(tmp_path, frames=30)
    (tmp_path / "arena.toml").write_text(ARENA)
    (tmp_path / "clip.rig.toml").write_text(f"# ours\n{CLIP_RIG}")
    page.open_file(tmp_path / "clip.rig.toml")
    has_picture(qtbot, page)
    section(page, "save")
    with qtbot.waitSignal(page.saved):
        click(qtbot, page.save.go)
    assert (tmp_path / "clip.rig.toml").read_text().startswith("# ours"), "nothing had changed"
