"""Tables in Excel workbooks, read as any other table is."""

import logging
import zipfile
from pathlib import Path

import pytest

from rig.errors import ConfigError
from rig.session import workbook
from rig.session.sheet import read_lines, read_sheet
from tests.workbook import DATE, MARKED, SPAN, TIME, Cell, write_workbook


def test_the_first_sheet_is_read_cell_by_cell(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "old.xlsx"
    rows: list[list[Cell]] = [
        ["Animal", "Day", "Left", "Note", "When", "At", "Long", "Speed"],
        ["007", "Pre-Test", 612.25, None, (46354, DATE), (0.5, TIME), (1.5, SPAN), (3.5, MARKED)],
        [],
        ["M\t2", "Post", 0.1, 'ä "b" <c>', (46354.25, DATE), (1.2e-5, TIME), (5.8e-6, SPAN)],
        [12, True, None, "end"],
    ]
    write_workbook(path, {"Times": rows, "Notes": [["x"]]})
    with caplog.at_level(logging.WARNING):
        table = read_sheet(path)
    assert "sheet 'Times' is read; there are also Notes" in caplog.text
    assert list(table.lines) == [2, 4, 5]
    assert list(table.texts("Animal")) == ["007", "M\t2", "12"]
    assert list(table.texts("Note")) == ["", 'ä "b" <c>', "end"]
    assert table.numbers("Left").tolist()[:2] == [612.25, 0.1]
    assert list(table.texts("When"))[:2] == ["2026-11-28", "2026-11-28 06:00:00"]
    assert list(table.texts("At"))[:2] == ["12:00:00", "0:00:01.037"]
    assert list(table.texts("Long"))[:2] == ["36:00:00", "0:00:00.501"]
    assert table.texts("Speed")[0] == "3.5"
    assert table.texts("Day")[2] == "1"


@pytest.mark.parametrize(
    ("part", "content", "said"),
    [
        ("xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row>", "cannot be read as a"),
        ("xl/worksheets/sheet1.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "declares a document"),
        ("xl/workbook.xml", b"<workbook/>", "it has no sheet"),
        ("xl/sharedStrings.xml", b"<sst/>", "cannot be read as a workbook"),
    ],
)
def test_a_damaged_workbook_is_one_line(
    tmp_path: Path, part: str, content: bytes, said: str
) -> None:
    path, other = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    write_workbook(path, {"Times": [["Animal", "Day"], ["M1", "Pre"]]})
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    with pytest.raises(ConfigError, match="save it as CSV") as told:
        read_lines(other)
    assert said in str(told.value)
    assert str(told.value).count("\n") == 0


def test_what_is_packed_and_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "a.ods"
    with zipfile.ZipFile(path, "w") as parts:
        parts.writestr("content.xml", "<a/>")
    with pytest.raises(ConfigError, match="cannot be read as a workbook"):
        read_lines(path)
    path.write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(ConfigError, match="cannot be read as a workbook"):
        read_lines(path)


def _with(path: Path, part: str, content: bytes, how: int = zipfile.ZIP_DEFLATED) -> Path:
    """A small workbook with another content of one of its parts."""
    good = path.with_name("good.xlsx")
    write_workbook(good, {"Times": [["Animal", "Day"], ["M1", "Pre"]]})
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w", how) as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    return path


SHEET, TEXTS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
SHARED = '<c t="s"><v>0</v></c>'
GROWS = "<!DOCTYPE a [<!ENTITY b 'cccccccccc'>]><a>&b;</a>"


def _sheet(rows: str) -> bytes:
    return f"<worksheet><sheetData>{rows}</sheetData></worksheet>".encode()


@pytest.mark.parametrize(
    ("part", "content", "said"),
    [
        pytest.param(SHEET, f"<!--{' ' * 9000}-->{GROWS}".encode(), "document type", id="far-in"),
        pytest.param(TEXTS, GROWS.encode("utf-16"), "document type", id="utf-16"),
        pytest.param(
            SHEET, _sheet('<row r="900000"/><row r="1"/>' * 2000), "out of its", id="rows-again"
        ),
        pytest.param(SHEET, _sheet('<row r="9999999999"/>'), "out of its", id="a-row-far-down"),
        pytest.param(SHEET, _sheet(f"<row>{'<c/>' * 200_000}</row>"), "columns", id="a-wide-row"),
        pytest.param(SHEET, _sheet("<x/>" * 200_000), "columns", id="no-rows"),
        pytest.param(
            SHEET,
            _sheet(f"<row>{SHARED * 9000}</row>" * 9),
            "more than a table",
            id="one-text-many-times",
        ),
        pytest.param(
            SHEET, _sheet(f'<row><c r="{"X" * 99_999}1"/></row>'), "no such column", id="column"
        ),
        pytest.param(
            "xl/workbook.xml", b"<workbook>" + b" " * (1 << 24), "says that it holds", id="a-tree"
        ),
    ],
)
def test_a_small_workbook_that_would_grow_is_refused(
    tmp_path: Path, part: str, content: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_LETTERS", 1 << 16)
    with pytest.raises(ConfigError, match="save it as CSV") as told:
        read_lines(_with(tmp_path / "a.xlsx", part, content))
    assert said in str(told.value)


def test_a_part_that_is_packed_otherwise_is_refused(tmp_path: Path) -> None:
    path = _with(tmp_path / "a.xlsx", SHEET, b"x" * 3000, zipfile.ZIP_LZMA)
    with pytest.raises(ConfigError, match="packed in a way that no workbook is"):
        read_lines(path)


def test_blank_cells_at_a_row_s_end_are_none(tmp_path: Path) -> None:
    rows = '<row><c t="str"><v>a</v></c></row>' + '<row r="{}"><c r="XFD{}"/></row>' * 3
    path = _with(tmp_path / "a.xlsx", SHEET, _sheet(rows.format(2, 2, 5, 5, 6, 6)))
    assert read_lines(path) == ["a", "", "", "", "", ""]
