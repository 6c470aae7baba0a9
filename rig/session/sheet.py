"""Tables as people and other programs save them: a line of column names, then a line a row.

Comma, semicolon or tab; UTF-8 or UTF-16 with its mark, else Windows' Latin letters; a decimal
comma where commas do not part the columns.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
        return np.array([self._number(name, k, text) for k, text in enumerate(self.texts(name))])

    def wholes(self, name: str) -> NDArray[np.int64]:
        """A column's whole numbers, none of them blank. Raises ConfigError."""
        numbers = self.numbers(name)
        for k, number in enumerate(numbers):
            if not float(number).is_integer() or abs(number) > _LARGEST:
                raise self.error(k, f"column {name}: {self.columns[name][k]!r}: no whole number")
        return numbers.astype(np.int64)

    def error(self, row: int, message: str) -> ConfigError:
        """What is wrong in a row."""
        return ConfigError(self.file, f"line {self.lines[row]}", message)

    def _number(self, name: str, row: int, text: str) -> float:
        if text.lower() in BLANKS:
            return math.nan
        try:
            number = float(text.replace(",", ".") if self.decimal_comma else text)
            if math.isfinite(number):
                return number
        except ValueError:
            pass
        raise self.error(row, f"column {name}: {text!r}: not a number")


def read_sheet(path: Path, what: str = "table") -> Sheet:
    """The table in a file, its first line the column names. Raises ConfigError."""
    return sheet(read_lines(path, what), str(path))


def read_lines(path: Path, what: str = "table") -> list[str]:
    """A text file's lines, whatever program wrote it. Raises ConfigError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(str(path), "", f"there is no such {what}") from None
    except OSError as error:
        message = f"this {what} cannot be read: {error.strerror}"
        raise ConfigError(str(path), "", message) from None
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0" if marked else data.decode("cp1252", "replace")
    if "\0" in text:
        raise ConfigError(str(path), "", f"this {what} is no text; is it another kind of file?")
    return text.splitlines()


def sheet(lines: Sequence[str], file: str, first: int = 1) -> Sheet:
    """The table in `lines`, the first of which has the column names and is `first` in the file.

    Raises ConfigError for no columns, two of one name, or a line of another length.
    """
    if not lines or not lines[0].strip():
        raise ConfigError(file, "", "holds no line with column names")
    delimiter = delimiter_of(lines[0])
    try:
        names = [name.strip() for name in next(csv.reader([lines[0]], delimiter=delimiter))]
    except csv.Error as error:
        raise ConfigError(file, f"line {first}", str(error)) from None
    while names and not names[-1]:  # a delimiter at the end of each line
        names.pop()
    for k, name in enumerate(names):
        if name and name in names[:k]:
            raise ConfigError(file, name, "two columns are called so")
    cells: list[list[str]] = []
    numbers: list[int] = []
    reader = csv.reader(io.StringIO("\n".join(lines[1:]), newline=""), delimiter=delimiter)
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
            cells.append(texts + [""] * (len(names) - len(texts)))
            numbers.append(number)
    except csv.Error as error:
        raise ConfigError(file, f"line {first + reader.line_num}", str(error)) from None
    columns = list(zip(*cells, strict=True)) or [()] * len(names)
    named = {name: column for name, column in zip(names, columns, strict=True) if name}
    return Sheet(file, named, numbers, decimal_comma=delimiter != ",")


def delimiter_of(line: str) -> str:
    """What parts the cells of a line: tab, semicolon or comma, whichever it has most of."""
    return max("\t;,", key=line.count)
