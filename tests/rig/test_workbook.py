"""Tables in Excel workbooks, read as any other table is."""

import logging
import zipfile
from pathlib import Path

import pytest

from rig.errors import ConfigError
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
