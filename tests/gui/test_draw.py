"""The draw at the window: its balance is seen by the owner before it is kept, then all planned."""

import csv
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from protocols.store import tables as t
from protocols.study import open_study, scheduling
from tests.gui.hands import ALT, LIMIT_MS, Made, fill, press, rows, sign_in, tab_to
from tests.gui.studies import IDS, OWNER, TELLING, WORDS, pretests, short_study
from tests.gui.words import words_of
from tests.hurry import hurry


@pytest.fixture(autouse=True)
def stretched_less(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four animals whose pre-tests are over, with their numbers as a session writes them."""
    made = short_study(tmp_path / "S1", "sim", start=-1, weight_g="")
    with open_study(made) as study, study.store.change(OWNER) as change:
        for animal in IDS:
            uid = next(one["uid"] for one in scheduling.sessions_of(change, animal))
            change.update(t.session, {"uid": uid}, status="done")
    for row in pretests(IDS):
        behav = made / "rawdata" / f"sub-{row['subject']}" / "ses-01_phase-pretest" / "behav"
        behav.mkdir(parents=True)
        with (behav / "summary.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["phase", *row])
            writer.writeheader()
            writer.writerow({"phase": "pretest", **row})
    return made


@pytest.mark.long
def test_the_balance_is_seen_then_the_draw_is_kept_and_all_sessions_are_planned(
    qtbot: QtBot, windows: Made, folder: Path
) -> None:
    window = windows("study")
    window.desk.open(folder)
    qtbot.waitUntil(lambda: window.desk.about is not None, timeout=LIMIT_MS)
    tab_to(qtbot, window.study_page.bar.told)
    sign_in(qtbot, window, OWNER)
    draw = window.study_page.draw
    before = set(words_of(window))

    def press_on(button: object) -> None:
        tab_to(qtbot, button)  # type: ignore[arg-type]
        press(qtbot, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: draw.look.isEnabled(), timeout=LIMIT_MS)

    press(qtbot, Qt.Key.Key_3, ALT)
    qtbot.waitUntil(draw.look.isVisible, timeout=LIMIT_MS)
    fill(qtbot, draw.over_gate, "four animals are few")
    press_on(draw.look)
    assert draw.said.text().startswith("Drawn, SHA-256"), draw.said.text()
    assert draw.rows.rowCount() > 0
    assert draw.keep_it.isEnabled()
    assert rows(folder, "select count(*) from allocation") == [(0,)]
    # Turned away from it: the draw is gone, and nothing was kept.
    press(qtbot, Qt.Key.Key_1, ALT)
    press(qtbot, Qt.Key.Key_3, ALT)
    assert draw.rows.rowCount() == 0
    assert not draw.keep_it.isEnabled()
    press_on(draw.look)
    sha = draw.said.text().split("SHA-256 ")[1].split()[0]
    press_on(draw.keep_it)
    assert draw.said.text().startswith("4 animals are allocated.")
    assert sha in draw.said.text()  # what is kept is what was looked at
    assert rows(folder, "select count(*) from withheld") == [(4,)]
    fill(qtbot, draw.holder, "bob")
    fill(qtbot, draw.words, WORDS["bob"])
    press_on(draw.seal_it)
    assert draw.said.text() == "All sessions are planned; labels: 8. What they hold is sealed."
    assert draw.words.text() == ""
    assert rows(folder, "select count(*) from label") == [(8,)]
    press(qtbot, Qt.Key.Key_1, ALT)
    qtbot.waitUntil(lambda: not window.desk.busy, timeout=LIMIT_MS)
    told = set(words_of(window)) - before
    assert [text for text in told if any(word in text for word in (*TELLING, WORDS["bob"]))] == []
