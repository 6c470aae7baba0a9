"""The first sheet of an Excel workbook (.xlsx), as the lines of a table parted by tabs.

EthoVision and many laboratories' own tables come like that. Only what is needed of ECMA-376 part 1
is read: shared and inline texts, numbers, and times and dates by their format. Nothing is
calculated: of a formula its last value counts.
"""

import csv
import io
import logging
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO
from xml.etree import ElementTree
from xml.parsers import expat

from rig.errors import ConfigError

_log = logging.getLogger(__name__)

MOST_BYTES = 1 << 30
"""Of one part when it is unpacked; more is no table."""
MOST_COLUMNS = 16_384
MOST_ROWS = 1 << 20
"""Columns and rows of a sheet that Excel itself knows."""
MOST_LETTERS = 1 << 28
"""Of all cells together: a text that is shared stands in the file once, however often it is meant.
"""
MOST_TREE = 1 << 24
"""Bytes of a part that is held as a whole."""
MOST_TEXTS = 1 << 21
MOST_FORMAT = 255
MOST_HELD = 8 * MOST_COLUMNS
"""Elements in memory at once, beside the rows that were read: a row's, and what is told after them.
"""
_DATES = frozenset((14, 15, 16, 17, 22))
_SPANS = frozenset((18, 19, 20, 21, 45, 46, 47))
"""Formats of dates, and of times of day or spans, that stand in no file (18.8.30)."""
_NOT_A_TIME = re.compile(r'"[^"]*"|\\.|_.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.I)
"""What of a format is text, a blank, or a colour."""
_FAULTS = (
    zipfile.BadZipFile, zlib.error, ElementTree.ParseError, expat.ExpatError, KeyError, ValueError,
    IndexError, OverflowError, RuntimeError, EOFError, AttributeError,
)  # fmt: skip
"""What is raised at a file that is damaged, locked by a password, or no workbook."""


def lines_of(path: Path, what: str = "table") -> Iterator[str]:
    """The first sheet's rows, cells parted by tabs. Raises ConfigError, OSError."""
    try:
        with zipfile.ZipFile(path) as parts:
            yield from _lines(parts, path)
    except _FAULTS as error:
        message = f"this {what} cannot be read as a workbook ({_said(error)}); save it as CSV"
        raise ConfigError(str(path), "", message) from None


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _lines(parts: zipfile.ZipFile, path: Path) -> Iterator[str]:
    sheets = _sheets(parts)
    if len(sheets) > 1:
        others = ", ".join(name for name, _ in sheets[1:6])
        _log.warning("%s: sheet %r is read; there are also %s", path, sheets[0][0], others)
    texts = _texts(parts)
    times = _times(parts)
    last = held = letters = 0
    with _part(parts, sheets[0][1], MOST_BYTES) as file:
        for _, row in ElementTree.iterparse(file):
            held += 1
            if held > MOST_HELD:
                raise ValueError("a row holds more than a sheet has columns")
            if _tag(row) != "row":
                continue
            number = int(row.get("r") or last + 1)
            if not last < number <= MOST_ROWS:
                raise ValueError(f"row {number}: out of its sheet's order")
            yield from ("" for _ in range(number - last - 1))  # rows left out
            last = number
            cells = _cells(row, texts, times)
            letters += sum(map(len, cells))
            if letters > MOST_LETTERS:
                raise ValueError("its cells hold more than a table can")
            yield _joined(cells)
            held -= sum(1 for _ in row.iter())
            row.clear()


def _cells(row: ElementTree.Element, texts: list[str], times: dict[int, str]) -> list[str]:
    """A row's texts; those left out before a cell are blank, and no blank is last."""
    cells: list[str] = []
    blank = 0  # cells without a text since the last one with
    for cell in row:
        at = _column(cell.get("r", ""), len(cells) + blank)
        text = _text(cell, texts, times)
        if text:
            cells += [""] * (at - len(cells))
            cells.append(text)
            blank = 0
        else:
            blank = at + 1 - len(cells)
    return cells


def _joined(cells: list[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, delimiter="\t", lineterminator="").writerow(cells)
    return line.getvalue()


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _part(parts: zipfile.ZipFile, name: str, most: int) -> IO[bytes]:
    facts = parts.getinfo(name)
    if facts.file_size > most:
        raise ValueError(f"{name} says that it holds {facts.file_size} bytes")
    if facts.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is packed in a way that no workbook is")
    with parts.open(facts) as file:
        _no_type(file, name)
    return parts.open(facts)


def _no_type(file: IO[bytes], name: str) -> None:
    """Raise ValueError where a part declares a document type: with one a small file can grow.

    No workbook has one. It stands before the first element, however far in and in what encoding.
    """
    found: list[str] = []
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = lambda *_: found.append("type")
    parser.StartElementHandler = lambda *_: found.append("element")
    while not found and (piece := file.read(4096)):
        parser.Parse(piece)
    if found[:1] == ["type"]:
        raise ValueError(f"{name} declares a document type")


def _tree(parts: zipfile.ZipFile, name: str) -> ElementTree.Element:
    with _part(parts, name, MOST_TREE) as file:
        return ElementTree.parse(file).getroot()


def _sheets(parts: zipfile.ZipFile) -> list[tuple[str, str]]:
    """Names of the sheets and of their parts, in order."""
    links = _tree(parts, "xl/_rels/workbook.xml.rels")
    where = {link.get("Id", ""): link.get("Target", "") for link in links}
    found = []
    for one in _tree(parts, "xl/workbook.xml").iter():
        if _tag(one) == "sheet":
            id = next(value for key, value in one.attrib.items() if key.endswith("}id"))
            target = where[id]
            inside = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            if "worksheets" in inside:  # a chart has a sheet of its own, too
                found.append((one.get("name", ""), posixpath.normpath(inside)))
    if not found:
        raise ValueError("it has no sheet")
    return found


def _texts(parts: zipfile.ZipFile) -> list[str]:
    """The texts that cells share."""
    if "xl/sharedStrings.xml" not in parts.namelist():
        return []
    found: list[str] = []
    letters = 0
    with _part(parts, "xl/sharedStrings.xml", MOST_BYTES) as file:
        events = ElementTree.iterparse(file, ("start", "end"))
        _, root = next(events)
        for event, one in events:
            if event == "end" and _tag(one) == "si":
                found.append(_plain(one))
                letters += len(found[-1])
                if letters > MOST_LETTERS or len(found) > MOST_TEXTS:
                    raise ValueError("it shares more texts than a table can have")
                root.clear()
    return found


def _plain(element: ElementTree.Element) -> str:
    """The text in it, without that for reading aloud."""
    found = []
    for one in element:
        if _tag(one) == "t":
            found.append(one.text or "")
        elif _tag(one) == "r":
            found.append(_plain(one))
    return " ".join("".join(found).split("\n"))


def _times(parts: zipfile.ZipFile) -> dict[int, str]:
    """The styles by which a number is a time or a date, and their formats."""
    if "xl/styles.xml" not in parts.namelist():
        return {}
    root = _tree(parts, "xl/styles.xml")
    own = {
        int(one.get("numFmtId", "0")): _NOT_A_TIME.sub("", said)
        for one in root.iter()
        if _tag(one) == "numFmt" and (said := one.get("formatCode", "")[:MOST_FORMAT])
    }
    styles = next((one for one in root if _tag(one) == "cellXfs"), ())
    found = {}
    for k, one in enumerate(styles):
        id = int(one.get("numFmtId", "0"))
        usual = "y h" if id in _DATES else "h" if id in _SPANS else ""
        said = own.get(id, usual)
        if re.search(r"[hydms]", said, re.I):
            found[k] = said.lower()
    return found


def _column(name: str, at: int) -> int:
    """The place of the column with a cell of this name; `at` where it has none."""
    letters = name.rstrip("0123456789")
    if not letters:
        return at
    if len(letters) > 3:
        raise ValueError(f"cell {name[:12]}: there is no such column")
    place = 0
    for letter in letters:
        place = 26 * place + ord(letter) - 64
    if not at < place <= MOST_COLUMNS:
        raise ValueError(f"cell {name}: out of its row's order")
    return place - 1


def _text(cell: ElementTree.Element, texts: list[str], times: dict[int, str]) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return "".join(_plain(one) for one in cell if _tag(one) == "is")
    value = next((one.text or "" for one in cell if _tag(one) == "v"), "")
    if kind == "s":
        return texts[int(value)] if value else ""
    said = times.get(int(cell.get("s", "0")), "") if kind == "n" and value else ""
    return _time(float(value), said) if said else value


def _time(days: float, said: str) -> str:
    """A time or a date as a person writes it; `days` since the last day of 1899."""
    if "y" in said or "d" in said:
        # the 29th of February 1900, which there is in a workbook, was none
        then = datetime(1899, 12, 30) + timedelta(days=days)
        then += timedelta(microseconds=500_000 if then.microsecond >= 500_000 else 0)
        whole = "h" not in said or not days % 1
        return f"{then:%Y-%m-%d}" if whole else f"{then:%Y-%m-%d %H:%M:%S}"
    milliseconds = round(days * 86_400_000)
    seconds, rest = divmod(milliseconds, 1000)
    text = f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{rest:03d}" if rest else text
