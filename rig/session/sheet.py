"""Tables as people and other programs save them: a line of column names, then a line a row.

Comma, semicolon or tab; UTF-8 or UTF-16 with its mark, else Windows' Latin letters; a decimal
comma where commas do not part the columns. Or the first sheet of an Excel workbook.
"""

import codecs
import csv
import math
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from rig.errors import ConfigError

BLANKS = frozenset(
    (
        "", "-", "\N{EN DASH}", "\N{EM DASH}", ".", "na", "n/a", "n.a.", "nd", "n.d.", "nan",
        "null", "none", "missing", "#n/a", "#value!", "#div/0!", "#num!", "#ref!",
    )
)  # fmt: skip
"""What stands for "no value", whatever its case."""
_LARGEST = 2.0**53
"""Beyond it not every whole number is one of a spreadsheet's."""
_PART = 1 << 20
_PACKED = b"PK\x03\x04"


class Cells(Sequence[str]):
    """A column's texts, their bytes one after the other: a long table is a million small texts."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._bytes, self._ends = bytearray(), array("Q", (0,))
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        """Add one below the others."""
        self._bytes += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._ends) - 1

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        """One, or a list of some."""
        if isinstance(at, slice):
            return [self[k] for k in range(*at.indices(len(self)))]
        at = range(len(self))[at]
        return self._text(self._ends[at], self._ends[at + 1])

    def __iter__(self) -> Iterator[str]:
        """All of them in order."""
        return (self._text(start, end) for start, end in pairwise(self._ends))

    def _text(self, start: int, end: int) -> str:
        return self._bytes[start:end].decode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Sheet:
    """Columns by name; `lines` are the rows' numbers in the file, the column names being in one."""

    file: str
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    decimal_comma: bool = False

    def __len__(self) -> int:
        return len(self.lines)

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def texts(self, name: str) -> Sequence[str]:
        """A column's cells. Raises ConfigError where there is no such column."""
        if name not in self.columns:
            have = ", ".join(list(self.columns)[:12])
            raise ConfigError(self.file, name, f"this column is missing; there are {have}")
        return self.columns[name]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column's numbers, NaN for blanks. Raises ConfigError naming column and row."""
        texts = self.texts(name)
        numbers = (self._number(name, k, text) for k, text in enumerate(texts))
        return np.fromiter(numbers, np.float64, len(texts))

    def wholes(self, name: str) -> NDArray[np.int64]:
        """A column's whole numbers, none of them blank. Raises ConfigError."""
        numbers = self.numbers(name)
        for k in np.flatnonzero(
            ~((np.floor(numbers) == numbers) & (np.abs(numbers) <= _LARGEST))
        ).tolist():
            raise self.error(k, f"column {name}: {self.columns[name][k]!r}: no whole number")
        return numbers.astype(np.int64)

    def only(self, rows: Sequence[int]) -> "Sheet":
        """The table with these rows alone."""
        columns = {name: Cells(cells[k] for k in rows) for name, cells in self.columns.items()}
        lines = array("q", (self.lines[k] for k in rows))
        return Sheet(self.file, columns, lines, self.decimal_comma)

    def error(self, row: int, message: str) -> ConfigError:
        """What is wrong in a row."""
        return ConfigError(self.file, f"line {self.lines[row]}", message)

    def _number(self, name: str, row: int, text: str) -> float:
        if text.lower() in BLANKS:
            return math.nan
        try:
            number = float(text.replace(",", ".") if self.decimal_comma else text)
            if abs(number) <= _LARGEST:  # what is larger can be reckoned with no more
                return number
        except ValueError:
            pass
        raise self.error(row, f"column {name}: {text!r}: not a number")


def read_sheet(path: Path, what: str = "table") -> Sheet:
    """The table in a file, its first line the column names. Raises ConfigError."""
    return sheet(read_lines(path, what), str(path))


def read_lines(path: Path, what: str = "table") -> list[str]:
    """A text file's lines, whatever program wrote it. Raises ConfigError."""
    return list(each_line(path, what))


def each_line(path: Path, what: str = "table") -> Iterator[str]:
    """The same, one after the other: a long file is never in memory as a whole."""
    try:
        with path.open("rb") as begun:
            packed = begun.read(len(_PACKED)) == _PACKED
        if packed:
            from rig.session import workbook  # rarely needed, and loads half of the library

            yield from workbook.lines_of(path, what)
            return
        encoding = _encoding(path)
        if encoding is None:
            message = f"this {what} is no text; is it another kind of file? Save it as CSV or xlsx"
            raise ConfigError(str(path), "", message)
        with path.open(encoding=encoding, errors="replace") as file:
            for line in file:
                yield line.rstrip("\n")
    except FileNotFoundError:
        raise ConfigError(str(path), "", f"there is no such {what}") from None
    except OSError as error:
        message = f"this {what} cannot be read: {error.strerror}"
        raise ConfigError(str(path), "", message) from None


def _encoding(path: Path) -> str | None:
    """How a text file is written; None for one that is no text. Raises OSError."""
    with path.open("rb") as file:
        marked = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        encoding = "utf-16" if marked else "utf-8-sig"
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        while True:
            part = file.read(_PART)
            try:
                text = decoder.decode(part, final=not part)
            except UnicodeDecodeError:
                if marked:
                    return None
                encoding, decoder = "cp1252", codecs.getincrementaldecoder("latin-1")()
                text = decoder.decode(part)
            if "\0" in text:
                return None
            if not part:
                return encoding


def sheet(
    lines: Iterable[str], file: str, first: int = 1, kept: Callable[[str], bool] | None = None
) -> Sheet:
    """The table in `lines`, the first of which has the column names and is `first` in the file.

    `kept`: which columns are wanted, by their names; the others are passed over. Raises ConfigError
    for no columns, two of one name, or a line of another length.
    """
    source = iter(lines)
    top = next(source, "")
    if re.fullmatch(r"\W*sep=.\W*", top, re.I):  # a spreadsheet's own note of what parts the cells
        top, first = next(source, ""), first + 1
    if not top.strip():
        raise ConfigError(file, "", "holds no line with column names")
    delimiter = delimiter_of(top)
    try:
        names = [name.strip() for name in next(csv.reader([top], delimiter=delimiter))]
    except csv.Error as error:
        raise ConfigError(file, f"line {first}", str(error)) from None
    while names and not names[-1]:  # a delimiter at the end of each line
        names.pop()
    for k, name in enumerate(names):
        if name and name in names[:k] and (kept is None or kept(name)):
            raise ConfigError(file, name, "two columns are called so")
    columns = {
        name: (k, Cells()) for k, name in enumerate(names) if name and (kept is None or kept(name))
    }
    numbers = array("q")
    reader = csv.reader((line + "\n" for line in source), delimiter=delimiter)
    try:
        for row in reader:
            number = first + reader.line_num
            texts = [cell.strip() for cell in row]
            if not any(texts):
                continue
            while len(texts) > len(names) and not texts[-1]:
                texts.pop()
            if len(texts) > len(names):
                message = f"{len(texts)} cells in a table of {len(names)} columns"
                raise ConfigError(file, f"line {number}", message)
            for k, cells in columns.values():
                cells.append(texts[k] if k < len(texts) else "")
            numbers.append(number)
    except csv.Error as error:
        raise ConfigError(file, f"line {first + reader.line_num}", str(error)) from None
    named = {name: cells for name, (_, cells) in columns.items()}
    return Sheet(file, named, numbers, decimal_comma=delimiter != ",")


def names_in(line: str) -> list[str]:
    """The column names in a table's first line; none where it cannot be read."""
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter_of(line)), [])]
    except csv.Error:
        return []


def delimiter_of(line: str) -> str:
    """What parts the cells of a line: tab, semicolon or comma, whichever it has most of."""
    return max("\t;,", key=line.count)
