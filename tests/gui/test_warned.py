"""What does not hold on a day is read by keyboard, all of it."""

from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from gui.texts import say
from gui.today.warned import FEW, Warned
from tests.gui.hands import press, tab_to


def test_all_lines_are_shown_at_a_press_and_fewer_again(qtbot: QtBot) -> None:
    warned = Warned()
    qtbot.addWidget(warned)
    warned.show()
    warned.activateWindow()
    qtbot.waitUntil(warned.isActiveWindow)
    lines = [f"Does not hold: M{k:02d}" for k in range(1, 11)]
    warned.put(lines)
    assert warned.lines.text().splitlines() == lines[:FEW]
    assert warned.more.text() == say("today.warned_all", n=10)
    warned.more.setFocus()
    tab_to(qtbot, warned.more)
    press(qtbot, Qt.Key.Key_Space)
    assert warned.every.text().splitlines() == lines
    assert warned.rolled.isVisible()
    warned.put(lines[:-1])  # read anew: it stays open
    assert warned.every.text().splitlines() == lines[:-1]
    warned.put(lines[:FEW])
    assert not warned.more.isVisible()
    assert warned.lines.isVisible()
    warned.put(())
    assert not warned.isVisible()
