"""The book of controlled drugs at the window: by keyboard, with a witness's PIN, for who may."""

from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from gui import names
from gui.study.book_panel import BookPanel
from gui.study.desk import words_of as in_words
from gui.window import MainWindow
from protocols.study import add_person, care, open_study
from rig.errors import ConfigError
from tests.gui.hands import ALT, LIMIT_MS, Made, fill, pick, press, rows, sign_in, tab_to
from tests.gui.studies import OWNER, short_study
from tests.gui.words import words_of
from tests.hurry import hurry

LINES = "select kind, person, witness from drug_book order by id"


@pytest.fixture(autouse=True)
def stretched_less(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr(names, "_own", frozenset())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = short_study(tmp_path / "S1", "sim")
    with open_study(made) as study:
        add_person(study, "pat", ["preparer"], None, OWNER)
    return made


def opened(qtbot: QtBot, windows: Made, folder: Path, who: str) -> tuple[MainWindow, BookPanel]:
    """The book's part of the page, with this person in front of it."""
    window = windows("study")
    window.desk.open(folder)
    qtbot.waitUntil(lambda: window.desk.about is not None, timeout=LIMIT_MS)
    tab_to(qtbot, window.study_page.bar.told)
    sign_in(qtbot, window, who)
    qtbot.waitUntil(lambda: not window.desk.busy, timeout=LIMIT_MS)
    press(qtbot, Qt.Key.Key_5, ALT)
    book = window.study_page.book
    qtbot.waitUntil(book.isVisible, timeout=LIMIT_MS)
    return window, book


def write(qtbot: QtBot, book: BookPanel, kind: str, told: dict[str, str]) -> str:
    """A line, entered; what is said of it."""
    book.kind.setCurrentIndex(book.kind.findData(kind))
    for name, text in told.items():
        field = book.fields[name]
        field.setText(text) if isinstance(field, QLineEdit) else field.setEditText(text)
    book.write()
    qtbot.waitUntil(lambda: not book._desk.busy and not book._busy, timeout=LIMIT_MS)
    return book.said.text()


def test_a_bottle_comes_in_and_what_is_left_is_wasted_before_a_witness(
    qtbot: QtBot, windows: Made, folder: Path
) -> None:
    _, book = opened(qtbot, windows, folder, "pat")
    assert {"pretest", "posttest"} <= names._own  # a study's phases, its lab's own too
    names.learn(["novelty1"])
    error = ConfigError("--by", "", "M04 novelty3 is not box2's; it is in M04/novelty3")
    assert in_words(error) == "by: M04 novelty 3 is not box2's; it is in M04/novelty3"
    tab_to(qtbot, book.look)
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: book.left.text() != "", timeout=LIMIT_MS)
    assert book.rows.rowCount() == 0
    pick(qtbot, book.kind, "received")
    for name, text in (("drug", "cocaine"), ("mg", "500"), ("lot", "A17")):
        fill(qtbot, book.fields[name], text)
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: book.rows.rowCount() == 1, timeout=LIMIT_MS)
    said = book.said.text()
    assert said == "500 mg of cocaine: received. cocaine: 500 mg in stock, 0 mg drawn."
    assert "only 500 mg are in stock" in write(
        qtbot, book, "drawn", {"drug": "cocaine", "mg": "600"}
    )
    write(qtbot, book, "drawn", {"drug": "cocaine", "mg": "12,5"})
    assert "no number" in write(qtbot, book, "given", {"drug": "cocaine", "mg": "much"})
    write(qtbot, book, "given", {"drug": "cocaine", "mg": "10"})
    waste = {"drug": "cocaine", "mg": "2.5"}
    assert "is seen by another person" in write(qtbot, book, "wasted", waste)
    assert "it was counted" in write(qtbot, book, "wasted", {**waste, "witness": "4712"})
    assert "the witness is another person" in write(
        qtbot, book, "wasted", {**waste, "witness": "pat"}
    )
    assert book.rows.rowCount() == 3
    said = write(qtbot, book, "wasted", {**waste, "witness": "4711"})
    assert said == "2.5 mg of cocaine: wasted. cocaine: 487.5 mg in stock, 0 mg drawn."
    assert book.left.text() == "cocaine: 487.5 mg in stock, 0 mg drawn."
    assert "0 mg drawn" in write(qtbot, book, "settle", {"witness": "4711"})
    assert rows(folder, LINES)[:4] == [
        ("received", "pat", None), ("drawn", "pat", None), ("given", "pat", None),
        ("wasted", "pat", "eve"),
    ]  # fmt: skip
    assert book.witness.text() == ""
    with open_study(folder) as study:
        lines, stock = care.read_book(study, "pat")
    assert [one["amount_mg"] for one in lines] == [500, 12.5, 10, 2.5]
    assert stock == {"cocaine": {"stock_mg": 487.5, "in_hand_mg": 0.0}}
    # Who turns away takes it along.
    assert any("cocaine" in text for text in words_of(book))
    press(qtbot, Qt.Key.Key_1, ALT)
    qtbot.waitUntil(lambda: book.rows.rowCount() == 0, timeout=LIMIT_MS)
    assert not any("cocaine" in text for text in words_of(book))


def test_the_book_is_not_for_who_runs_animals(qtbot: QtBot, windows: Made, folder: Path) -> None:
    with open_study(folder) as study:
        care.book(study, "received", "cocaine", 500, "pat")
    window, book = opened(qtbot, windows, folder, "tom")
    assert not book.look.isEnabled()
    assert "who prepares syringes" in book.said.text()
    fill(qtbot, book.mg, "5")
    press(qtbot, Qt.Key.Key_Return)
    assert "who prepares syringes" in book.said.text()
    tab_to(qtbot, window.study_page.bar.told)
    sign_in(qtbot, window, OWNER)
    qtbot.waitUntil(book.look.isEnabled, timeout=LIMIT_MS)
    book.look.click()
    qtbot.waitUntil(lambda: book.rows.rowCount() == 1, timeout=LIMIT_MS)
    tab_to(qtbot, window.study_page.bar.told)
    sign_in(qtbot, window, "tom")
    qtbot.waitUntil(lambda: book.rows.rowCount() == 0, timeout=LIMIT_MS)
    assert len(rows(folder, LINES)) == 1
