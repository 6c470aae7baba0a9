"""A technician's first hour, in one window and by keys alone: from no rig to a rescored session."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QComboBox, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from gui.run.live import Standing
from gui.setup.drawing import Kind, Part
from gui.texts import say
from gui.window import MainWindow
from rig.session import verify
from rig.session.load import load_rig
from rig.storage import SessionRecord

LONG_MS = 60_000
MANY_TABS = 150
CONTROL = Qt.KeyboardModifier.ControlModifier


class Hands:
    """Nothing but keys: they go to whatever has the focus, and focus moves by Tab."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier | None = None) -> None:
        focus = QApplication.focusWidget()
        assert focus is not None
        self.qtbot.keyClick(focus, key, modifier or Qt.KeyboardModifier.NoModifier)

    def write(self, text: str) -> None:
        for letter in text:
            focus = QApplication.focusWidget()
            assert focus is not None
            self.qtbot.keyClicks(focus, letter)

    def tab_to(self, widget: QWidget) -> None:
        for _ in range(MANY_TABS):
            focus = QApplication.focusWidget()
            if focus is widget or (focus is not None and widget.focusProxy() is focus):
                return
            self.press(Qt.Key.Key_Tab)
        raise AssertionError(f"no Tab leads to {widget!r}")

    def fill(self, field: QWidget, text: str) -> None:
        self.tab_to(field)
        self.press(Qt.Key.Key_A, CONTROL)
        self.write(text)
        self.press(Qt.Key.Key_Tab)

    def push(self, widget: QWidget) -> None:
        self.qtbot.waitUntil(lambda: widget.isVisible() and widget.isEnabled(), timeout=LONG_MS)
        self.tab_to(widget)
        self.press(Qt.Key.Key_Space)

    def pick(self, combo: QComboBox, text: str) -> None:
        """The entry with this text, by arrows."""
        self.tab_to(combo)
        self.press(Qt.Key.Key_Home)
        for _ in range(combo.count()):
            if combo.currentText() == text:
                return
            self.press(Qt.Key.Key_Down)
        raise AssertionError(f"no {text!r} in {[combo.itemText(k) for k in range(combo.count())]}")


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    made = MainWindow()
    qtbot.addWidget(made)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    made.close()


def test_from_no_rig_to_a_rescored_session_by_keys_alone(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    hands = Hands(qtbot)
    source = set_up(hands, window, tmp_path)
    folder = run(hands, window, source, tmp_path / "study")
    look_and_rescore(hands, window, folder)


def set_up(hands: Hands, window: MainWindow, folder: Path) -> str:
    """The simulated rig with three chambers, doors moved by hand; saved."""
    qtbot, page = hands.qtbot, window.setup_page
    window.setFocus()
    hands.press(Qt.Key.Key_F3)
    qtbot.waitUntil(page.isVisible)
    hands.tab_to(page.camera.sources)
    hands.press(Qt.Key.Key_Home)
    hands.press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.desk.picture is not None, timeout=LONG_MS)
    alt = Qt.KeyboardModifier.AltModifier
    hands.press(Qt.Key.Key_3, alt)
    hands.push(page.chambers.templates[3])
    for k in range(2):
        hands.tab_to(page.canvas)
        while page.chambers.part != Part(Kind.DOORWAY, k):
            hands.press(Qt.Key.Key_PageDown)
        hands.pick(page.chambers.drive, say("setup.drive_manual"))
    hands.press(Qt.Key.Key_4, alt)
    hands.tab_to(page.scale.length)
    hands.press(Qt.Key.Key_A, CONTROL)
    hands.write("47")
    hands.press(Qt.Key.Key_Return)
    hands.press(Qt.Key.Key_5, alt)
    hands.push(page.empty.take)
    qtbot.waitUntil(lambda: bool(page.desk.box and page.desk.box.picture), timeout=LONG_MS)
    hands.press(Qt.Key.Key_S, CONTROL)
    hands.fill(page.save.folder, str(folder))
    with qtbot.waitSignal(page.saved) as told:
        hands.push(page.save.go)
    assert told.args is not None
    source = str(told.args[0])
    doorways = load_rig(source).boxes["A"].apparatus.doorway
    assert [doorway.drive for doorway in doorways] == ["manual", "manual"]
    return source


def run(hands: Hands, window: MainWindow, source: str, out: Path) -> Path:
    """A short pre-test on it, asked and answered by keys; the session's folder."""
    qtbot, page = hands.qtbot, window.run_page
    panel = page.choose_panel
    hands.press(Qt.Key.Key_F2)
    qtbot.waitUntil(page.isVisible)
    assert panel.rig.currentText() == source  # the rig just saved is chosen
    hands.pick(panel.protocol, "cocaine-cpp")
    hands.pick(panel.phase, "Pre-test")
    hands.fill(panel.subject, "M01")
    hands.fill(panel.out, str(out))
    hands.fill(panel.operator, "ann")
    if panel.helper.isChecked():
        hands.push(panel.helper)
    hands.push(panel.more)
    hands.fill(values_of(panel)["test_s"], "2")
    qtbot.waitUntil(panel.start.isEnabled, timeout=LONG_MS)
    hands.press(Qt.Key.Key_Return, CONTROL)
    qtbot.waitUntil(
        lambda: page.live is not None and page.live.state is Standing.RUNNING, timeout=LONG_MS
    )
    live = page.live
    assert live is not None
    answered = set()

    def answer() -> bool:
        """Whatever is asked, by the foot switch; once for each question."""
        if live.prompt is not None:
            asked = (live.prompt.ask, live.prompt.door, live.prompt.value)
            if asked not in answered:
                answered.add(asked)
                hands.press(Qt.Key.Key_F9)
        return live.ended is not None

    qtbot.waitUntil(answer, timeout=LONG_MS)
    assert live.ended is not None
    assert live.ended["status"] == "completed"
    assert {"arm", "place", "door", "take"} <= {ask for ask, _, _ in answered}
    folder = Path(live.folder)
    assert SessionRecord.open(folder).setup.operator == "ann"
    assert verify(folder).ok
    return folder


def values_of(panel: object) -> dict[str, QLineEdit]:
    values: dict[str, QLineEdit] = panel._values  # type: ignore[attr-defined]
    return values


def look_and_rescore(hands: Hands, window: MainWindow, folder: Path) -> None:
    """Its result from the button that the session ends with, and the same scored again."""
    qtbot, result = hands.qtbot, window.result_page
    hands.push(window.run_page.panel.result)
    qtbot.waitUntil(lambda: result.tabs.currentWidget() is result.session, timeout=LONG_MS)
    hands.push(result.session.rescore_button)
    assert result.rescore.chosen == [folder]
    hands.push(result.rescore.go_button)
    qtbot.waitUntil(lambda: result.tabs.currentWidget() is result.session, timeout=LONG_MS)
    table = result.session.numbers
    cell = table.item(table.rowCount() - 1, 0)
    assert cell is not None
    assert cell.text() == "+0.000"
    assert list((folder.parents[3] / "derivatives" / "rescored").glob("**/frames.csv"))
