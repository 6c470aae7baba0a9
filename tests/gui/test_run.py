"""The page at the rig with real stations of simulated rigs, in real time, by keyboard."""

import os
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from gui.remembered import Remembered, config_folder
from gui.run.box_view import BoxView
from gui.run.drawn import chamber_notes
from gui.run.live import LiveBox, Standing
from gui.run.page import RunPage
from gui.texts import say
from gui.theme import Theme
from gui.watch import Preview
from rig.channel import entries
from rig.channel.entries import runtime_folder
from rig.session import verify
from rig.setup import parse as parse_setup
from rig.storage import SessionRecord, note_pairing, read_pairing
from rig.storage.room import Room, room_of
from tests.gui.hands import Made, press, typed
from tests.gui.made import record_session
from tests.small import ARENA, tick_until, write_clip, write_rig, write_table

Usage = namedtuple("Usage", "total used free")
ROOT = Path(__file__).parents[2]
LIMIT_MS = 60_000
PLAIN = "free-exploration"


def rig(folder: Path, **options: object) -> str:
    return write_rig(folder, frame_size_px=(160, 120), rate_hz=20.0, **options)


def choose(page: RunPage, source: str, out: Path, *, helper: bool, test_s: int) -> None:
    panel = page.choose_panel
    panel.put_rig(source)
    panel.out.setText(str(out))
    panel.put_value("test_s", str(test_s))
    panel.helper.setChecked(helper)
    page.setFocus()


def begin(qtbot: QtBot, page: RunPage, subject: str = "M01") -> LiveBox:
    """By scanner and keyboard, from the form to a session that runs."""
    typed(qtbot, subject)
    assert page.choose_panel.subject.text() == subject
    qtbot.waitUntil(page.choose_panel.start.isEnabled, timeout=LIMIT_MS)
    press(qtbot, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)

    def there() -> bool:
        live = page.live
        known = live is not None and live.state is Standing.RUNNING and live.setup is not None
        return known and live is not None and live.subject == subject

    qtbot.waitUntil(there, timeout=LIMIT_MS)
    assert page.live is not None
    return page.live


def by_foot(qtbot: QtBot, live: LiveBox, ask: str) -> None:
    """Wait until the session asks for this, and press the foot switch."""
    qtbot.waitUntil(lambda: live.prompt is not None and live.prompt.ask == ask, timeout=LIMIT_MS)
    press(qtbot, Qt.Key.Key_F9)
    qtbot.waitUntil(lambda: live.prompt is None or live.prompt.ask != ask, timeout=LIMIT_MS)


def record_of(live: LiveBox) -> SessionRecord:
    return SessionRecord.open(Path(live.folder))


@pytest.mark.long
def test_a_pretest_by_keyboard_alone_with_motor_doors(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    page = windows("run").run_page
    choose(page, rig(tmp_path), tmp_path / "study", helper=False, test_s=2)
    live = begin(qtbot, page)
    by_foot(qtbot, live, "empty")
    by_foot(qtbot, live, "arm")
    by_foot(qtbot, live, "place")
    press(qtbot, Qt.Key.Key_F7)
    typed(qtbot, "he sniffs")
    by_foot(qtbot, live, "take")
    qtbot.waitUntil(lambda: live.ended is not None, timeout=LIMIT_MS)
    assert live.ended is not None
    assert live.ended["status"] == "completed"
    record = record_of(live)
    assert record.folder.is_relative_to(tmp_path / "study")
    assert record.setup.arming == "operator"
    assert [e["data"]["text"] for e in record.events() if e["kind"] == "note"] == ["he sniffs"]
    assert verify(record.folder).ok
    page._tick()
    times = page.boxes.times[page.chosen or ("", "")]
    assert times.scored_s == pytest.approx(float(live.ended["summary"]["test_s"]), abs=1e-6)
    with qtbot.waitSignal(page.finished) as told:
        page.panel.result.click()
    assert told.args == [live.folder]


@pytest.mark.long
def test_a_pretest_by_keyboard_alone_with_doors_moved_by_hand(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    page = windows("run").run_page
    source = rig(tmp_path, drive="manual")
    choose(page, source, tmp_path / "study", helper=False, test_s=2)
    page.choose_panel.practice.setChecked(True)
    live = begin(qtbot, page)
    assert live.practice
    for _ in range(2):
        by_foot_door(qtbot, live)
    typed(qtbot, "M02")  # the wrong animal arms nothing
    assert "wrong_animal" in live.alarms.standing
    qtbot.waitUntil(page.alarm.isVisible)
    press(qtbot, Qt.Key.Key_F8)
    assert not page.alarm.isVisible()
    typed(qtbot, "M01")
    by_foot(qtbot, live, "place")
    for _ in range(2):
        by_foot_door(qtbot, live)
    by_foot(qtbot, live, "take")
    qtbot.waitUntil(lambda: live.ended is not None, timeout=LIMIT_MS)
    assert live.ended is not None
    assert live.ended["status"] == "completed"
    assert record_of(live).folder.is_relative_to(tmp_path / "study-practice")
    assert not (tmp_path / "study").exists()
    page._tick()
    assert not page.choose_panel.isVisible()
    typed(qtbot, "M03")  # the next animal's tag is all that it takes to go on
    qtbot.waitUntil(page.choose_panel.isVisible)
    assert page.choose_panel.subject.text() == "M03"


def by_foot_door(qtbot: QtBot, live: LiveBox) -> None:
    qtbot.waitUntil(lambda: live.prompt is not None and live.prompt.ask == "door", timeout=LIMIT_MS)
    assert live.prompt is not None
    door = live.prompt.door, live.prompt.value
    press(qtbot, Qt.Key.Key_F9)
    qtbot.waitUntil(
        lambda: live.prompt is None or (live.prompt.door, live.prompt.value) != door,
        timeout=LIMIT_MS,
    )


def test_pause_doors_and_abort_are_asked_and_told(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    page = windows("run").run_page
    choose(page, rig(tmp_path), tmp_path / "study", helper=True, test_s=60)
    live = begin(qtbot, page)
    qtbot.waitUntil(lambda: bool(live.status.get("scored")), timeout=LIMIT_MS)
    seen: list[Preview] = []
    page.boxes.pictured.connect(lambda key, preview: seen.append(preview))
    qtbot.waitUntil(lambda: any(len(p.data.get("outline", ())) > 4 for p in seen), timeout=LIMIT_MS)
    press(qtbot, Qt.Key.Key_F6)
    qtbot.waitUntil(lambda: live.paused, timeout=LIMIT_MS)
    page._paint_all()
    press(qtbot, Qt.Key.Key_F6)
    qtbot.waitUntil(lambda: not live.paused, timeout=LIMIT_MS)
    page._paint_all()
    _, (_, close) = page.panel._doors["left"]
    close.click()
    qtbot.waitUntil(lambda: "refused" in live.alarms.standing, timeout=LIMIT_MS)
    page._paint_all()
    assert "close left: the step names no chamber for the animal" in page.panel.alarms.text()
    press(qtbot, Qt.Key.Key_F12)
    assert page.panel.confirm_card.isVisible()
    press(qtbot, Qt.Key.Key_Escape)
    assert not page.panel.confirm_card.isVisible()
    press(qtbot, Qt.Key.Key_F12)
    press(qtbot, Qt.Key.Key_F12)
    assert page.hasFocus()
    qtbot.waitUntil(lambda: live.ended is not None, timeout=LIMIT_MS)
    assert live.ended is not None
    assert live.ended["status"] == "aborted"
    press(qtbot, Qt.Key.Key_F12)  # nothing to abort: nothing happens
    page.panel.next.click()
    assert not live.shown
    qtbot.waitUntil(page.choose_panel.isVisible)


def test_blinded_hides_what_tells(qtbot: QtBot, windows: Made, tmp_path: Path) -> None:
    window = windows("run")
    page = window.run_page
    choose(page, rig(tmp_path), tmp_path / "study", helper=True, test_s=60)
    page.choose_panel.blinded.setChecked(True)
    assert not page.choose_panel.paired.isVisible()
    live = begin(qtbot, page)
    qtbot.waitUntil(lambda: bool(live.status.get("scored")), timeout=LIMIT_MS)
    page._tick()
    assert live.blinded
    assert not page.boxes.times
    assert not page.boxes.trail((live.rig, live.name))
    window.close()
    again = windows("run").run_page
    qtbot.waitUntil(lambda: again.live is not None and again.live.blinded, timeout=LIMIT_MS)
    # Neither what the window remembers nor the station's log tells where the animal was.
    kept = (config_folder() / "window.json").read_text(encoding="utf-8")
    logs = "".join(path.read_text(encoding="utf-8") for path in runtime_folder().glob("*.log"))
    assert live.uid in kept
    assert not [word for word in ("left", "right", "paired") if word in kept + logs]


def test_the_paired_chamber_of_a_blinded_animal_is_chosen_by_keyboard_and_then_hidden(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    page = windows("run").run_page
    panel, out = page.choose_panel, tmp_path / "study"
    choose(page, rig(tmp_path), out, helper=True, test_s=60)
    panel.blinded.setChecked(True)
    panel.phase.setCurrentText("Conditioning 1a")
    typed(qtbot, "M01")
    card = panel.pairing
    qtbot.waitUntil(card.isVisible, timeout=LIMIT_MS)
    assert "M01" in card.title.text()
    assert not card.note.isEnabled()
    card.chamber.setFocus()
    press(qtbot, Qt.Key.Key_Down)
    chamber = card.chamber.currentText()
    assert chamber == "left"
    card.note.setFocus()
    press(qtbot, Qt.Key.Key_Return)
    assert not out.exists(), "asked once more"
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not card.isVisible(), timeout=LIMIT_MS)
    assert read_pairing(out) == {"M01": ("left", "right")}
    assert card.chamber.currentText() != chamber
    qtbot.waitUntil(panel.start.isEnabled, timeout=LIMIT_MS)
    shown = " ".join(label.text() for label in panel.findChildren(QLabel) if label.isVisible())
    assert "a person has chosen" in shown
    assert page.checked is not None
    assert page.checked.pairing == ("M01", "left", "right")
    assert "paired" not in " ".join(chamber_notes(page.checked).values())
    panel.subject.setText("M02")  # another animal is asked for anew
    qtbot.waitUntil(card.isVisible, timeout=LIMIT_MS)
    assert card.chamber.currentIndex() == 0


def test_a_pairing_that_somebody_else_wrote_meanwhile_stays_and_is_not_told(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    page = windows("run").run_page
    panel, out = page.choose_panel, tmp_path / "study"
    choose(page, rig(tmp_path), out, helper=True, test_s=60)
    panel.blinded.setChecked(True)
    panel.phase.setCurrentText("Conditioning 1a")
    typed(qtbot, "M01")
    qtbot.waitUntil(panel.pairing.isVisible, timeout=LIMIT_MS)
    note_pairing(out, "M01", "right", "left")
    panel.pairing.chamber.setCurrentText("left")
    panel.pairing.note.click()
    panel.pairing.note.click()
    qtbot.waitUntil(panel.trouble.isVisible, timeout=LIMIT_MS)
    assert "right" not in panel.trouble.text()
    assert read_pairing(out) == {"M01": ("right", "left")}
    qtbot.waitUntil(panel.start.isEnabled, timeout=LIMIT_MS)


def test_two_windows_on_one_rig(qtbot: QtBot, windows: Made, tmp_path: Path) -> None:
    one = windows("run").run_page
    source = rig(tmp_path)
    choose(one, source, tmp_path / "study", helper=True, test_s=60)
    live = begin(qtbot, one)
    two = windows("run").run_page
    qtbot.waitUntil(lambda: two.live is not None and two.live.uid == live.uid, timeout=LIMIT_MS)
    qtbot.waitUntil(two.panel.isVisible, timeout=LIMIT_MS)  # arranged at the next turn
    two._request(two.live, "abort")
    qtbot.waitUntil(lambda: live.ended is not None, timeout=LIMIT_MS)
    assert live.ended is not None
    assert live.ended["status"] == "aborted"


def test_what_cannot_start_says_why_and_nothing_is_left(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    page = windows("run").run_page
    source = rig(tmp_path)
    choose(page, source, tmp_path / "study", helper=True, test_s=60)
    typed(qtbot, "M01")
    qtbot.waitUntil(page.choose_panel.start.isEnabled, timeout=LIMIT_MS)
    Path(source.removeprefix("sim:")).write_text("name = [", encoding="utf-8")
    press(qtbot, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(page.choose_panel.trouble.isVisible, timeout=LIMIT_MS)
    assert "Not started" in page.choose_panel.trouble.text()
    assert not (tmp_path / "study").exists()
    qtbot.waitUntil(lambda: not page.choose_panel.start.isEnabled())


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"camera": {"source": "gone.mkv"}}, "gone.mkv"),
        ({"board": [{"name": "b", "port": "no-such-port"}]}, "no-such-port"),
    ],
    ids=["camera", "port"],
)
def test_a_camera_or_a_port_that_is_not_there_starts_nothing(
    qtbot: QtBot, windows: Made, tmp_path: Path, table: dict[str, Any], words: str
) -> None:
    page = windows("run").run_page
    door = '[[doorway]]\nname = "way"\nbetween = ["left", "right"]\ndrive = "board"\n'
    line = "line_px = [[80, 40], [80, 80]]\n"
    with_door = ARENA + door + line if "board" in table else ARENA
    (tmp_path / "arena.toml").write_text(with_door, encoding="utf-8")
    write_clip(tmp_path)
    told: dict[str, Any] = {"name": "r", "camera": {"source": "mouse.mkv"}, **table}
    box: dict[str, Any] = {"name": "A", "apparatus": "arena.toml", "background": "median"}
    if "board" in told:
        box["doors"] = {"way": "b/1"}
    source = str(write_table(tmp_path / "r.rig.toml", {**told, "box": [box]}))
    choose(page, source, tmp_path / "study", helper=True, test_s=60)
    page.choose_panel.protocol.setCurrentText(PLAIN)
    typed(qtbot, "M01")
    trouble = page.choose_panel.trouble

    def is_checked() -> bool:  # the check that the button knows may be of the text before
        checked = page.choosing.checked
        is_now = checked is not None and page.choosing.is_now(checked)
        return is_now and page.choose_panel.start.isEnabled()

    qtbot.waitUntil(is_checked, timeout=LIMIT_MS)
    page.choosing.start()

    def is_told() -> None:
        where = page.choosing.starting.under_way, page.live, page._right.currentWidget()
        assert trouble.isVisible(), (trouble.text(), where, list((tmp_path / "run").iterdir()))

    qtbot.waitUntil(is_told, timeout=LIMIT_MS)
    assert "Not started" in trouble.text()
    assert words in trouble.text()
    assert "Traceback" not in trouble.text()
    assert not list((tmp_path / "study").rglob("setup.json"))


def test_of_two_windows_that_start_the_same_box_one_is_told_why_not(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    one, two, source = windows("run").run_page, windows("run").run_page, rig(tmp_path)
    for page, subject in ((one, "M01"), (two, "M02")):
        choose(page, source, tmp_path / "study", helper=True, test_s=60)
        page.choose_panel.subject.setText(subject)
    for page in (one, two):
        qtbot.waitUntil(page.choose_panel.start.isEnabled, timeout=LIMIT_MS)
    for page in (one, two):
        page.choosing.start()  # neither has heard of the other

    def told() -> list[str]:
        texts = [page.choose_panel.trouble.text() for page in (one, two)]
        return [text for text in texts if text]

    qtbot.waitUntil(lambda: bool(told()), timeout=LIMIT_MS)
    (text,) = told()
    assert "Not started" in text
    started = tmp_path / "study"
    qtbot.waitUntil(lambda: len(list(started.rglob("setup.json"))) == 1, timeout=LIMIT_MS)
    assert len(told()) == 1


def test_a_full_disk_ends_the_session_and_the_page_says_what_is_safe(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    page = windows("run").run_page
    live = running(page, tmp_path)
    reason = "video.mkv cannot be written: No space left on device"
    live.stand({**live.status, "state": "ended"}, 0.0)
    live.end({"status": "failed", "reason": reason, "folder": str(tmp_path)})
    page._paint_all()
    text = page.panel.end_text.text().replace("\u200b", "")
    assert page.panel.end_card.isVisible()
    assert reason in text
    assert "outputs are off" in text
    assert str(tmp_path) in text


@pytest.mark.parametrize("text", ["nonsense", "[1, 2]", '{"theme": 7, "rigs": {"a": 1}}', ""])
def test_what_the_window_remembers_edited_into_nonsense_is_no_error(
    qtbot: QtBot, windows: Made, config: Path, text: str
) -> None:
    config.mkdir()
    (config / "window.json").write_text(text, encoding="utf-8")
    page = windows("run").run_page
    qtbot.waitUntil(lambda: page.checked is not None, timeout=LIMIT_MS)
    assert page.choose_panel.rig.currentText() == "sim"


def test_a_session_whose_setup_was_edited_into_nonsense_is_an_alarm(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    page = windows("run").run_page
    (tmp_path / "setup.json").write_text("{", encoding="utf-8")
    live = running(page, tmp_path)
    page.boxes._renew(("sim", "A"), live)
    qtbot.waitUntil(lambda: "folder_gone" in live.alarms.standing, timeout=LIMIT_MS)
    page._show_alarms()
    assert page.alarm.isVisible()


def test_the_foot_switch_can_be_another_key(qtbot: QtBot, windows: Made) -> None:
    page = windows("run").run_page
    page._learn()
    press(qtbot, Qt.Key.Key_F1)
    assert page._keys.footswitch == "F1"
    assert "F1" in page.foot.help.text()
    assert Remembered().text("footswitch") == "F1"


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (Qt.Key.Key_F6, "F6 cannot be the foot switch: it is taken (pause)"),
        (Qt.Key.Key_F4, "F4 cannot be the foot switch: it is taken (page Session)"),
        (Qt.Key.Key_F11, "F11 cannot be the foot switch: it is taken (light of the room)"),
        (Qt.Key.Key_PageDown, "(next box)"),
        (Qt.Key.Key_B, "B cannot be the foot switch: it types"),
        (Qt.Key.Key_Minus, "it types"),
        (Qt.Key.Key_Return, "fields and lists need it"),
        (Qt.Key.Key_Left, "fields and lists need it"),
    ],
)
def test_a_key_that_cannot_be_the_foot_switch_says_why_and_which_can(
    qtbot: QtBot, windows: Made, key: Qt.Key, says: str
) -> None:
    window = windows("run")
    page, theme = window.run_page, window.theme
    page._learn()
    assert "Esc leaves it" in page.foot.help.text()
    press(qtbot, key)
    assert says in page.foot.help.text()
    assert "F1, Space" in page.foot.help.text()
    assert (page._keys.learning, page._keys.footswitch) == (True, "F9")
    assert page.isVisible(), "the page was not turned"
    assert window.theme is theme
    press(qtbot, Qt.Key.Key_Escape)
    assert not page._keys.learning
    assert "F6 pause" in page.foot.help.text()
    press(qtbot, Qt.Key.Key_F4)
    assert not page.isVisible()


def test_space_as_foot_switch_still_writes_in_a_note(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    page = windows("run").run_page
    page._learn()
    press(qtbot, Qt.Key.Key_Space)
    assert page._keys.footswitch == "Space"
    running(page, tmp_path)
    page._paint_all()
    page.panel.note.setFocus()
    press(qtbot, Qt.Key.Key_Space)
    assert page.panel.note.text() == " "


def test_a_scan_gives_a_field_its_text_back(qtbot: QtBot, windows: Made) -> None:
    page = windows("run").run_page
    panel = page.choose_panel
    panel.operator.setText("Ada")
    panel.operator.setFocus()
    typed(qtbot, "M042")
    assert (panel.subject.text(), panel.operator.text()) == ("M042", "Ada")


WINDOW = """
import sys
from pathlib import Path
from PyQt6.QtCore import QTimer
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication, QLabel
import gui.window

def page():
    return next(w for w in QApplication.topLevelWidgets() if hasattr(w, "run_page")).run_page

def fill():
    panel = page().choose_panel
    panel.put_rig(sys.argv[1]); panel.out.setText(sys.argv[2]); panel.subject.setText("M01")
    panel.put_value("test_s", "3")
    start()

def start():
    if page().choose_panel.start.isEnabled():
        page().choosing.start(); tell()
    else:
        QTimer.singleShot(20, start)

def tell():
    live = page().live
    if live is not None and live.state == "running":
        print("running", flush=True)
    else:
        QTimer.singleShot(20, tell)

QTimer.singleShot(0, fill)
sys.exit(gui.window.start(["placepref"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_killed_window_leaves_the_session_and_another_finds_it(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    source = rig(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", WINDOW, source, str(tmp_path / "study")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        os.kill(process.pid, signal.SIGKILL)
    page = windows("run").run_page
    qtbot.waitUntil(lambda: page.live is not None and page.live.shown, timeout=LIMIT_MS)
    live = page.live
    assert live is not None
    qtbot.waitUntil(lambda: live.ended is not None, timeout=LIMIT_MS)
    assert live.ended is not None
    assert live.ended["status"] == "completed"
    assert verify(Path(live.folder)).ok


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_killed_station_is_an_alarm_that_says_where_the_record_is(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    page = windows("run").run_page
    choose(page, rig(tmp_path), tmp_path / "study", helper=True, test_s=60)
    live = begin(qtbot, page)
    (entry,) = entries()
    os.kill(entry.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: live.lost, timeout=LIMIT_MS)
    page._tick()
    assert page.alarm.isVisible()
    assert live.folder in page.panel.end_text.text().replace("\u200b", "")
    assert page.panel.next.isVisible()
    page.panel.next.click()
    assert not live.shown
    tick_until(lambda: not list(entries()))


NAMED = {
    "track_lost": {"reason": "none", "zone": "left"},
    "camera_stalled": {"silent_s": 0.2},
    "door_fault": {"name": "left", "why": "is jammed"},
    "door_doubted": {"name": "left", "said": "open"},
    "wrong_chamber": {"expected": "left", "found": "right"},
    "escape": {"x_px": 1.0, "y_px": 2.0},
    "two_animals": {"reason": "two"},
    "controller_lost": {"board": "board-1", "why": "no answer"},
    "limit": {"step": 1, "name": "place", "limit_s": 600, "waiting": "for hands out"},
}


def running(page: RunPage, folder: Path, box: str = "A") -> LiveBox:
    live = page.boxes.live(("sim", box))
    status = {"state": "running", "uid": "u", "subject": "M01", "phase": "pretest", "step": 1}
    live.stand({**status, "t_s": 9.0}, 0.0)
    live.status["folder"] = str(folder)
    page.chosen = ("sim", box)
    page._arrange()
    return live


@pytest.mark.parametrize("name", NAMED)
def test_an_alarm_takes_the_edge_of_the_page_and_says_what_to_do(
    qtbot: QtBot, windows: Made, tmp_path: Path, name: str
) -> None:
    page = windows("run").run_page
    live = running(page, tmp_path)
    live.hear([{"kind": name, "t_s": 1.0, "data": NAMED[name]}])
    page._show_alarms()
    assert page.alarm.isVisible()
    assert say(f"alarm.{name}_do") in page.alarm.text.text()
    assert "Box A" in page.alarm.text.text()
    assert page._edge.property("role") == "loud"
    press(qtbot, Qt.Key.Key_F8)
    assert page._edge.property("role") == "calm"


def test_a_low_disk_and_a_folder_that_went_away_are_alarms(
    qtbot: QtBot, windows: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = windows("run").run_page
    live = running(page, tmp_path)
    monkeypatch.setattr("gui.run.boxes.room_of", lambda *_: Room(free=10, needed=20))
    page.boxes.look_at_disks()
    qtbot.waitUntil(lambda: "disk_low" in live.alarms.standing)
    monkeypatch.setattr("gui.run.boxes.room_of", room_of)
    live.status["folder"] = str(tmp_path / "gone")
    page.boxes.look_at_disks()
    qtbot.waitUntil(lambda: "folder_gone" in live.alarms.standing)


def test_the_disk_is_to_hold_all_boxes_that_run(
    qtbot: QtBot, windows: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = windows("run").run_page
    lives = [running(page, tmp_path / box, box) for box in "AB"]
    for box, live in zip("AB", lives, strict=True):
        (tmp_path / box).mkdir()
        (tmp_path / box / "video.mkv").write_bytes(bytes(900_000))  # in 9 s
        monkeypatch.setattr(live, "left_s", lambda _: 600.0)  # 60 MB, twice over
    monkeypatch.setattr("rig.storage.room.shutil.disk_usage", lambda _: Usage(0, 0, 289_000_000))
    page.boxes.look_at_disks()
    qtbot.waitUntil(lambda: all("disk_low" in live.alarms.standing for live in lives))
    monkeypatch.setattr("rig.storage.room.shutil.disk_usage", lambda _: Usage(0, 0, 291_000_000))
    page.boxes.look_at_disks()
    qtbot.waitUntil(lambda: not any("disk_low" in live.alarms.standing for live in lives))


def test_space_does_what_is_asked_but_not_in_a_field(
    qtbot: QtBot, windows: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = windows("run").run_page
    live = running(page, tmp_path)
    live.hear([{"kind": "prompt", "t_s": 1.0, "data": {"ask": "arm", "text": "press"}}])
    page._paint_all()
    asked: list[str] = []
    monkeypatch.setattr(page.boxes, "request", lambda live, kind, who, **f: asked.append(kind))
    page.panel.note.setFocus()
    press(qtbot, Qt.Key.Key_Space)
    assert asked == []
    page.panel.abort.setFocus()
    press(qtbot, Qt.Key.Key_Space)
    assert asked == ["arm"]
    assert not page.panel.confirm_card.isVisible()


def test_sixteen_boxes_that_run_leave_no_room_for_the_one_that_is_chosen_anew(
    qtbot: QtBot, windows: Made
) -> None:
    page = windows("run").run_page
    qtbot.waitUntil(lambda: page.checked is not None and page.checked.loaded is not None)
    assert ("sim", "A") in page.grid.views
    status = {"state": "running", "uid": "u", "subject": "M01", "phase": "pretest", "step": 1}
    running = [("rig.toml", f"B{n}") for n in range(16)]
    for key in running:
        page.boxes.live(key).stand({**status, "t_s": 9.0}, 0.0)
    page._arrange()
    assert list(page.grid.views) == running


@pytest.mark.parametrize(
    "theme",
    [one if one == Theme.DARK else pytest.param(one, marks=pytest.mark.long) for one in Theme],
)
def test_sixteen_boxes_are_painted_within_the_time_of_a_key(
    qtbot: QtBot, windows: Made, tmp_path: Path, theme: Theme
) -> None:
    window = windows("run")
    window.use_theme(theme)
    page = window.run_page
    page.choose_panel.put_rig(rig(tmp_path, boxes=16))
    qtbot.waitUntil(lambda: len(page.grid.views) == 16, timeout=LIMIT_MS)
    image = np.zeros((120, 160), np.uint8)
    data = {"step": 1, "width": 160, "height": 120, "frame": 1}
    seen = {"reason": "found", "x_px": 20.0, "y_px": 20.0, "area_px": 90, "heading_deg": 30.0}
    began_s = time.perf_counter()
    for (_, name), view in page.grid.views.items():
        view.set_preview(Preview(name, image, {**data, "detection": seen}))
        view.grab()
    assert time.perf_counter() - began_s < 1.0  # some 5 ms a box; room for a busy machine


def test_boxes_started_one_after_the_other_each_get_their_own_animal(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    page = windows("run").run_page
    source = write_rig(tmp_path, boxes=4, frame_size_px=(240, 180), rate_hz=10.0)
    choose(page, source, tmp_path / "study", helper=True, test_s=60)
    qtbot.waitUntil(lambda: len(page.grid.views) == 4, timeout=LIMIT_MS)
    for name in "ABC":  # each as soon as the form lets it, while the others are still starting
        page.choose(next(key for key in page.grid.views if key[1] == name))
        qtbot.waitUntil(page.choose_panel.isVisible)
        page.choose_panel.subject.setText(f"M{name}")
        qtbot.waitUntil(page.choose_panel.start.isEnabled, timeout=LIMIT_MS)
        page.choosing.start()
    lives = page.boxes.lives

    def all_run() -> bool:
        return [live.name for live in lives.values() if live.setup is not None] == list("ABC")

    qtbot.waitUntil(all_run, timeout=LIMIT_MS)
    running = [live for live in lives.values() if live.live]
    assert [(live.name, live.subject) for live in running] == [(n, f"M{n}") for n in "ABC"]
    page._request(running[1], "abort")
    qtbot.waitUntil(lambda: running[1].ended is not None, timeout=LIMIT_MS)
    assert running[0].live
    assert running[2].live


def test_with_every_alarm_at_once_doors_and_the_end_stay_in_reach(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    session = record_session(tmp_path / "study", test_s=2)
    window = windows("run")
    window.resize(1280, 800)
    page = window.run_page
    live = running(page, tmp_path)
    live.know(parse_setup((session / "setup.json").read_bytes(), str(session)))
    live.stand({**live.status, "doors": {"left": "open", "right": "jammed"}}, 0.0)
    live.hear([{"kind": "prompt", "t_s": 1.0, "data": {"ask": "empty", "text": "empty?"}}])
    live.hear([{"kind": name, "t_s": 1.0, "data": data} for name, data in NAMED.items()])
    page._show_alarms()
    page._paint_all()
    panel = page.panel
    panel.confirm("abort")
    qtbot.wait(20)  # laid out
    doors = [one for _, made in panel._doors.values() for one in made]
    assert len(doors) == 4
    for one in (*doors, panel.empty_word, panel.pause, panel.end, panel.abort, panel.yes, panel.no):
        assert one.isVisible()
        assert one.visibleRegion().boundingRect() == one.rect()
    assert panel.answer.visibleRegion().boundingRect() == panel.answer.rect()
    assert say("alarm.escape", **NAMED["escape"]) in panel.alarms.text()
    assert say("alarm.escape_do") in panel.alarms.toolTip()


def test_a_simulated_rig_is_seen_once_however_its_file_is_named(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    page = windows("run").run_page
    source = rig(tmp_path)
    for named in (source, source.removeprefix("sim:")):
        page.choose_panel.put_rig(named)
        page.choosing.look()
        qtbot.waitUntil(lambda n=named: len(page.boxes.status(n)) > 0, timeout=LIMIT_MS)
    qtbot.waitUntil(
        lambda: page.checked is not None and page.checked.wanted == page.choose_panel.wanted(),
        timeout=LIMIT_MS,
    )
    assert len(page.grid.views) == 1
    assert len(entries()) == 1
    assert len(page.boxes.lives) == 1


def test_the_outline_is_drawn_and_an_ellipse_where_there_is_none(qtbot: QtBot) -> None:
    view = BoxView()
    qtbot.addWidget(view)
    view.resize(480, 700)
    seen = {"reason": "", "x_px": 80.0, "y_px": 60.0, "area_px": 300, "heading_deg": 0.0}
    data = {"step": 1, "width": 160, "height": 120, "frame": 1, "detection": seen}
    image, corners = np.zeros((120, 160), np.uint8), [[20, 20], [140, 20], [140, 100], [20, 100]]
    view.set_preview(Preview("A", image, data))
    ellipse = view.grab().toImage()
    view.set_preview(Preview("A", image, {**data, "outline": corners}))
    outlined = view.grab().toImage()
    scale = 470 / 160  # the picture is as wide as the view within its edge
    left, middle = round(5 + 20.5 * scale), 350
    near = range(left - 2, left + 3)

    def green(image: QImage) -> int:
        return max(image.pixelColor(x, middle).green() for x in near)

    assert green(outlined) > 100
    assert green(ellipse) == 0


def test_an_idle_station_is_ended_by_two_presses_and_a_busy_one_by_none(
    qtbot: QtBot, windows: Made, tmp_path: Path
) -> None:
    page = windows("run").run_page
    source = rig(tmp_path)
    page.choose_panel.put_rig(source)
    shown = page.choose_panel.open_rigs
    assert not shown.isVisible()
    page.choosing.look()
    qtbot.waitUntil(shown.isVisible, timeout=LIMIT_MS)
    ((text, end),) = shown._lines.values()
    assert "no session" in text.text()
    end.click()
    assert end.text() == say("run.station_sure")
    assert entries()
    shown.show_stations({s: {"boxes": {"A": {"state": "running"}}} for s in shown._lines})
    assert not end.isEnabled()
    assert end.text() == say("run.station_end"), "the question is taken back"
    page._arrange()
    end.click()
    end.click()
    qtbot.waitUntil(lambda: not shown.isVisible(), timeout=LIMIT_MS)
    tick_until(lambda: not entries())


def test_a_station_in_a_session_is_not_ended(qtbot: QtBot, windows: Made, tmp_path: Path) -> None:
    page = windows("run").run_page
    choose(page, rig(tmp_path), tmp_path / "study", helper=True, test_s=60)
    live = begin(qtbot, page)
    page.choose_panel.open_rigs.end_wanted.emit(live.rig)
    trouble = page.choose_panel.trouble
    qtbot.waitUntil(lambda: "not closed" in trouble.text(), timeout=LIMIT_MS)
    assert live.live
