"""Small tables: what is derived from a session, and the pairing of a study without a database."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rig.errors import ConfigError, StorageError
from rig.ledger import seconds
from rig.storage.folder import make_private, open_private, replace
from rig.storage.locking import wait_for

SUMMARY, VISITS, PAIRING = "summary.csv", "visits.csv", "pairing.csv"
_PAIRING_COLUMNS = ("subject", "paired", "unpaired")


class Stay(Protocol):
    """A stay in a chamber or zone, in ns from the first scored row."""

    @property
    def zone(self) -> str:
        """The chamber's or zone's name."""

    @property
    def start_ns(self) -> int:
        """Its beginning."""

    @property
    def end_ns(self) -> int:
        """Its end."""


def write_summary(folder: Path, row: Mapping[str, object], *, append: bool = False) -> None:
    """Write `folder`/summary.csv: one row, in the order of `row`; None and NaN are blank.

    With `append` the rows that are there stay, and columns that they did not have come last.
    Raises StorageError.
    """
    path = folder / SUMMARY
    columns, rows = _read(path) if append and path.exists() else ([], [])
    columns += [name for name in row if name not in columns]
    rows.append({name: _cell(value) for name, value in row.items()})
    _write(path, columns, rows)


def read_summary(folder: Path) -> list[dict[str, str]]:
    """The lines of `folder`/summary.csv; [] where there is none. Raises ConfigError."""
    path = folder / SUMMARY
    return _read(path)[1] if path.exists() else []


def write_summaries(folder: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write `folder`/summary.csv anew: columns as they first come. Raises StorageError."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = ({name: _cell(value) for name, value in row.items()} for row in rows)
    _write(folder / SUMMARY, columns, cells)


def write_visits(folder: Path, visits: Iterable[Stay]) -> None:
    """Write `folder`/visits.csv: zone,start_s,end_s,duration_s with nine decimals.

    Raises StorageError.
    """
    rows = [
        {
            "zone": visit.zone,
            "start_s": seconds(visit.start_ns),
            "end_s": seconds(visit.end_ns),
            "duration_s": seconds(visit.end_ns - visit.start_ns),
        }
        for visit in visits
    ]
    _write(folder / VISITS, ["zone", "start_s", "end_s", "duration_s"], rows)


def note_pairing(out: Path, subject: str, paired: str, unpaired: str) -> None:
    """Note in `out`/pairing.csv which chamber is paired for `subject`; twice the same is once.

    Raises ConfigError where another pairing stands there, StorageError where it cannot be
    written.
    """
    path = out / PAIRING
    try:
        make_private(out)
        with open(path, "a+b", opener=open_private) as file:
            wait_for(file, path)  # two programs may note two animals at the same time
            if is_noted(out, subject, paired, unpaired):
                return
            row = ",".join((subject, paired, unpaired))
            file.seek(0, 2)  # another program may have written since it was opened
            head = "" if file.tell() else ",".join(_PAIRING_COLUMNS) + "\n"
            file.write(f"{head}{row}\n".encode())
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def is_noted(out: Path, subject: str, paired: str, unpaired: str) -> bool:
    """Whether `out`/pairing.csv says already what is paired for `subject`.

    Raises ConfigError where it says something else.
    """
    have = read_pairing(out).get(subject)
    if have is not None and have != (paired, unpaired):
        message = f"{paired!r}: {out / PAIRING} says {have[0]!r} for {subject}"
        raise ConfigError("--paired", "", message)
    return have is not None


def read_pairing(out: Path) -> dict[str, tuple[str, str]]:
    """Paired and unpaired chamber by subject, of `out`/pairing.csv; empty where there is none.

    Raises ConfigError for a file without the columns subject, paired, unpaired.
    """
    path = out / PAIRING
    if not path.exists() or path.stat().st_size == 0:
        return {}
    columns, rows = _read(path)
    for name in _PAIRING_COLUMNS:
        if name not in columns:
            raise ConfigError(str(path), name, "this column is missing")
    return {row["subject"]: (row["paired"] or "", row["unpaired"] or "") for row in rows}


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")  # a spreadsheet may have put a mark before it
        reader = csv.DictReader(io.StringIO(text, newline=""), restval="", strict=True)
        rows = list(reader)
        if any(None in row for row in rows):
            raise csv.Error("a line has more cells than the first")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(str(path), "", f"cannot be read: {error}") from None
    return list(reader.fieldnames or ()), rows


def _write(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    replace(path, text.getvalue().encode())
