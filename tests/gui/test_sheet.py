"""The preparer's draw sheet at the window: by passphrase, for nobody else, and gone again."""

import logging
import shutil
from datetime import datetime
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from gui.study.sheet_panel import SheetPanel, lots_in
from gui.window import MainWindow
from protocols.study import add_person, booking, care, doing, open_study
from rig.errors import ConfigError
from tests.gui.hands import ALT, CTRL, LIMIT_MS, Made, fill, press, rows, sign_in, tab_to
from tests.gui.studies import OWNER, sealed_study
from tests.gui.words import words_of
from tests.hurry import hurry

WORDS = "seven red umbrellas"
SEALED = ("cocaine", "saline", "mg/kg", "mg/ml", "L23", WORDS)
"""What a sheet says and nothing else may; the lot was typed for it."""
OPENED = "select count(*) from draw"


@pytest.fixture(autouse=True)
def stretched_less(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with its settings beside it, made once; its first conditioning is due today."""
    here = tmp_path_factory.mktemp("planned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLACEPREF_CONFIG", str(here / "config"))
        hurry(patch)
        made = sealed_study(here / "S1", "sim", preparers={"pat": WORDS})
        now = datetime.now().astimezone()
        with open_study(made) as study:
            add_person(study, "pat", ["preparer"], "8642", OWNER)
            care.book(study, "received", "cocaine", 500, "pat")
            for animal in ("M01", "M02", "M03"):
                doing.weigh(study, animal, 24.3, "tom", now)
    return here


@pytest.fixture
def folder(planned: Path, tmp_path: Path) -> Path:
    shutil.copytree(planned, tmp_path, dirs_exist_ok=True)
    return tmp_path / "S1"


def opened(qtbot: QtBot, windows: Made, folder: Path, told: str, who: str) -> MainWindow:
    """The sheet's part of the page, with this person in front of it."""
    window = windows("study")
    window.desk.open(folder)
    qtbot.waitUntil(lambda: window.desk.about is not None, timeout=LIMIT_MS)
    switch(qtbot, window, told, who)
    press(qtbot, Qt.Key.Key_6, ALT)
    qtbot.waitUntil(window.study_page.sheet.isVisible, timeout=LIMIT_MS)
    return window


def switch(qtbot: QtBot, window: MainWindow, told: str, who: str) -> None:
    tab_to(qtbot, window.study_page.bar.told)
    sign_in(qtbot, window, told, who)
    qtbot.waitUntil(lambda: not window.desk.busy, timeout=LIMIT_MS)


def type_words(qtbot: QtBot, sheet: SheetPanel, words: str) -> None:
    """A passphrase and Enter; waits for what is said of it."""
    fill(qtbot, sheet.words, words)
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not sheet._busy and not sheet._desk.busy, timeout=LIMIT_MS)


def seen(window: MainWindow) -> set[str]:
    """Texts of the window and the clipboard that name what a sheet says; the library's stay."""
    return {text for text in words_of(window) if any(word in text for word in SEALED)}


def test_a_preparer_opens_the_sheet_and_it_is_gone_when_it_is_closed(
    qtbot: QtBot, windows: Made, folder: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    window = opened(qtbot, windows, folder, "8642", "pat")
    sheet = window.study_page.sheet
    before = seen(window)
    fill(qtbot, sheet.lots, "cocaine=L23")
    type_words(qtbot, sheet, "seven red umbrella")
    assert "wrong so far" in sheet.said.text()
    assert sheet.rows.rowCount() == 0
    type_words(qtbot, sheet, WORDS)
    shown = [[str(sheet.rows.data(sheet.rows.index(r, c))) for c in range(8)]
             for r in range(sheet.rows.rowCount())]  # fmt: skip
    codes = {code for (code,) in rows(folder, "select code from label")}
    # Two conditionings of each animal today; of the two with drug one is with it.
    assert len(shown) == 8
    assert {row[0] for row in shown} <= codes
    drug = [row for row in shown if "cocaine" in row[3]]
    assert len({row[1] for row in drug}) == len(drug) == 2
    assert {(row[4], row[5]) for row in drug} == {
        ("1.5 mg/ml (salt), lot L23", "15 mg/kg (salt) s.c.")
    }
    assert {row[2] for row in shown if row[1] != "M04"} == {"0.24"}
    assert {row[2] for row in shown if row[1] == "M04"} == {"weigh"}  # not weighed yet
    across = sheet.table.horizontalScrollBar()
    assert across is not None
    assert window.width() == 1280
    qtbot.waitUntil(lambda: across.maximum() == 0, timeout=LIMIT_MS)  # all of it is seen at once
    n = sum(row[2] == "0.24" for row in drug)
    left = f"{n} labels into the book; {500 - 0.36 * n:g} mg in stock"
    assert sheet.booked.text() == f"cocaine: {0.36 * n:.3f} mg of {left}"
    assert rows(folder, OPENED) == [(4,)]
    press(qtbot, Qt.Key.Key_Down)
    press(qtbot, Qt.Key.Key_C, CTRL)
    board = QApplication.clipboard()
    assert board is not None
    assert board.text() == ""
    page = tmp_path / "sheet.html"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(page), ""))
    sheet.save.click()
    qtbot.waitUntil(lambda: "print it and delete it" in sheet.said.text(), timeout=LIMIT_MS)
    told = page.read_text(encoding="utf-8")
    assert told.count("<svg") == 8
    assert all(f"<b>{row[0]}</b>" in told for row in shown)
    sheet.save.click()
    qtbot.waitUntil(lambda: "nothing is overwritten" in sheet.said.text(), timeout=LIMIT_MS)
    sheet.write(str(folder / "sheet.html"))
    qtbot.waitUntil(lambda: "it would unblind it" in sheet.said.text(), timeout=LIMIT_MS)
    assert not (folder / "sheet.html").exists()
    assert seen(window) > before
    press(qtbot, Qt.Key.Key_Escape)
    assert sheet.rows.rowCount() == 0
    assert seen(window) == before
    # Another person comes to the window while it is open.
    type_words(qtbot, sheet, WORDS)
    assert sheet.rows.rowCount() == 8
    switch(qtbot, window, "tom", "tom")
    assert sheet.rows.rowCount() == 0
    assert seen(window) == before
    assert not sheet.save.isEnabled()
    # What was asked for by somebody who has gone when it comes is not shown.
    switch(qtbot, window, "8642", "pat")
    fill(qtbot, sheet.words, WORDS)
    press(qtbot, Qt.Key.Key_Return)
    assert sheet._busy
    window.desk.leave()
    qtbot.waitUntil(lambda: not window.desk.busy, timeout=LIMIT_MS)
    assert sheet.rows.rowCount() == 0
    assert seen(window) == before
    assert not [word for word in SEALED if word in caplog.text]
    assert not [p for p in (tmp_path / "config").rglob("*") if p.is_file()
                and any(w.encode() in p.read_bytes() for w in SEALED)]  # fmt: skip


@pytest.mark.long
def test_who_turns_away_takes_the_sheet_along(qtbot: QtBot, windows: Made, folder: Path) -> None:
    window = opened(qtbot, windows, folder, "8642", "pat")
    page, before = window.study_page, seen(window)
    sheet = page.sheet

    def gone() -> bool:
        return sheet.rows.rowCount() == 0 and seen(window) == before

    def other_page() -> None:
        window.go("today")
        window.go("study")

    for away in (lambda: press(qtbot, Qt.Key.Key_1, ALT), other_page, page.bar.leave.click):
        page.show_panel("sheet")
        if window.desk.person is None or window.desk.person.name != "pat":
            switch(qtbot, window, "8642", "pat")
        type_words(qtbot, sheet, WORDS)
        assert sheet.rows.rowCount() == 8
        assert not gone()
        away()
        qtbot.waitUntil(gone, timeout=LIMIT_MS)
        assert not sheet.save.isEnabled()
    # The drug book, too.
    switch(qtbot, window, "8642", "pat")
    page.show_panel("book")
    page.book.look.click()
    window.desk.leave()
    qtbot.waitUntil(lambda: not window.desk.busy, timeout=LIMIT_MS)
    assert page.book.rows.rowCount() == 0
    assert gone()


def test_the_sheet_is_not_for_who_tests_or_owns(qtbot: QtBot, windows: Made, folder: Path) -> None:
    window = opened(qtbot, windows, folder, "tom", "tom")
    sheet = window.study_page.sheet
    for who in ("tom", OWNER):
        switch(qtbot, window, who, who)
        assert sheet.said.text() == "This is for who prepares syringes."
        assert not sheet.look.isEnabled()
        type_words(qtbot, sheet, WORDS)
        assert sheet.said.text() == "This is for who prepares syringes."
        assert sheet.rows.rowCount() == 0
    assert rows(folder, OPENED) == [(0,)]


def test_nobody_is_his_own_witness_and_a_first_pin_is_given_once(folder: Path) -> None:
    with open_study(folder) as study:
        with pytest.raises(ConfigError, match="the witness is another person"):
            booking.settle(study, "pat", "pat")
        with pytest.raises(ConfigError, match="is in the study already"):
            add_person(study, "pat", ["preparer"], "1357", OWNER)
        with pytest.raises(ConfigError, match="is in the study already"):
            add_person(study, "tom", ["technician", "owner"], "1357", OWNER)


def test_a_drugs_own_comma_does_not_part_it_from_its_lot() -> None:
    assert lots_in("cocaine=L23, U50,488 hydrochloride=L1 ,") == [
        "cocaine=L23",
        "U50,488 hydrochloride=L1",
    ]
