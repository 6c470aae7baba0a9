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

from rig.errors import ConfigError

_log = logging.getLogger(__name__)

MOST_BYTES = 1 << 30
"""Of one part when it is unpacked; more is no table."""
MOST_COLUMNS = 16_384
_DATES = frozenset((14, 15, 16, 17, 22))
_SPANS = frozenset((18, 19, 20, 21, 45, 46, 47))
"""Formats of dates, and of times of day or spans, that stand in no file (18.8.30)."""
_NOT_A_TIME = re.compile(r'"[^"]*"|\\.|_.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.I)
"""What of a format is text, a blank, or a colour."""
_FAULTS = (
    zipfile.BadZipFile, zlib.error, ElementTree.ParseError, KeyError, ValueError, IndexError,
    OverflowError, RuntimeError, EOFError, AttributeError,
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
    last = 0
    with _part(parts, sheets[0][1]) as file:
        for _, row in ElementTree.iterparse(file):
            if _tag(row) != "row":
                continue
            cells: list[str] = []
            for cell in row:
                at = _column(cell.get("r", ""), len(cells))
                cells += [""] * (at - len(cells))
                cells.append(_text(cell, texts, times))
            number = int(row.get("r") or last + 1)
            yield from ("" for _ in range(min(number - last - 1, 1 << 20)))  # rows left out
            last = number
            yield _joined(cells)
            row.clear()


def _joined(cells: list[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, delimiter="\t", lineterminator="").writerow(cells)
    return line.getvalue()


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _part(parts: zipfile.ZipFile, name: str) -> IO[bytes]:
    facts = parts.getinfo(name)
    if facts.file_size > MOST_BYTES:
        raise ValueError(f"{name} says that it holds {facts.file_size} bytes")
    with parts.open(facts) as file:
        if b"<!DOCTYPE" in file.read(4096):  # none has one; with it a file can be made to grow
            raise ValueError(f"{name} declares a document type")
    return parts.open(facts)


def _tree(parts: zipfile.ZipFile, name: str) -> ElementTree.Element:
    with _part(parts, name) as file:
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
    return [_plain(one) for one in _tree(parts, "xl/sharedStrings.xml") if _tag(one) == "si"]


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
        if _tag(one) == "numFmt" and (said := one.get("formatCode", ""))
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
