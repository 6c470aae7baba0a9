"""Exports written as folders of files: tidy CSV with its dictionary, Prism, NWB.

A folder is made whole or not at all, and what is there is not written over.
"""

import csv
import io
import math
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from protocols.export import tables
from protocols.export.animals import KNOWN, NOBODY, Subjects
from protocols.export.nwb import Lab, write_nwb
from protocols.export.prism import prism_tables
from protocols.formulas import as_text
from protocols.scores import Animal, score_animals
from protocols.sessions import Session
from rig.errors import ConfigError, StorageError
from rig.storage.folder import PRIVATE, make_private

DICTIONARY = "data_dictionary.csv"
FRAMES = "frames"
TEXTS = frozenset(KNOWN) - {"age_d", "weight_g"} | {
    "subject", "session", "phase", "attempt", "box", "began", "apparatus", "zone", "step", "flag",
    "version",
}  # fmt: skip
"""Columns whose cells stay as they are, however much one looks like a number."""


def export_csv(
    sessions: Sequence[Session],
    out: Path,
    subjects: Subjects = NOBODY,
    *,
    reveal: bool = False,
    european: bool = False,
) -> None:
    """Sessions, animals, bins, visits and frames as tables, and what each column is.

    `reveal`: group, pairing and scores are told. `european`: semicolons and decimal commas, for a
    spreadsheet of such a country. Raises ConfigError where `out` is there, StorageError.
    """
    with made(out) as folder:
        write_csv(sessions, folder, subjects, reveal=reveal, european=european)


def write_csv(
    sessions: Sequence[Session],
    folder: Path,
    subjects: Subjects,
    *,
    reveal: bool,
    european: bool = False,
) -> None:
    """The tables of `export_csv` into a folder that is there. Raises StorageError."""
    files = {
        "sessions.csv": list(tables.session_rows(sessions, subjects, reveal=reveal)),
        "visits.csv": list(tables.visit_rows(sessions, reveal=reveal)),
        "bins.csv": list(tables.bin_rows(sessions, reveal=reveal)),
    }
    animals = tables.times_of(sessions, subjects) if reveal else []
    if animals:
        scored = score_animals(animals)
        files["animals.csv"] = list(tables.animal_rows(animals, scored, subjects, reveal=reveal))
    columns: dict[str, None] = {}
    for name, rows in files.items():
        columns |= write_rows(folder / name, rows, european=european)
    (folder / FRAMES).mkdir()
    for session in sessions:
        columns |= _write_frames(folder / FRAMES / f"{session.id}.csv", session, european)
    write_rows(folder / DICTIONARY, tables.dictionary(columns), european=european)


def export_prism(
    sessions: Sequence[Session],
    out: Path,
    subjects: Subjects = NOBODY,
    animals: Sequence[Animal] = (),
) -> None:
    """Tables that Prism pastes; groups and pairing are told. Raises as `export_csv`.

    `animals`: as a study's rules measured them; without, from the whole of the sessions.
    """
    animals = animals or tables.times_of(sessions, subjects)
    if not animals:
        message = "no animal has a pre-test and a post-test with a pairing"
        raise ConfigError("--to", "prism", message)
    with made(out) as folder:
        for name, grid in prism_tables(animals, score_animals(animals)).items():
            write_text(folder / f"{name}.csv", _text([as_text(c) for c in line] for line in grid))


def export_nwb(
    sessions: Sequence[Session],
    out: Path,
    subjects: Subjects,
    lab: Lab | None = None,
    *,
    reveal: bool = False,
) -> None:
    """A file a session. Raises ConfigError as `write_nwb` and where `out` is there."""
    with made(out) as folder:
        for session in sessions:
            write_nwb(session, folder / f"{session.id}.nwb", subjects, lab, reveal=reveal)


@contextmanager
def made(out: Path) -> Iterator[Path]:
    """A folder beside `out` to write into; it becomes `out` when all is well, else it goes.

    Raises ConfigError where `out` is there already and not empty, StorageError where it cannot be
    made.
    """
    free(out)
    part = out.with_name(f"{out.name}.part")
    try:
        make_private(part.parent)
        part.mkdir(mode=PRIVATE)  # it becomes `out`: who hands it on lets others in
    except FileExistsError:
        message = "was left by an export that did not end; look at it and remove it"
        raise ConfigError(str(part), "", message) from None
    except OSError as error:
        raise StorageError(f"{part} cannot be made: {error.strerror}") from error
    try:
        yield part
        if out.exists():
            out.rmdir()
        part.rename(out)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def free(out: Path) -> None:
    """Raise ConfigError where `out` is there already and not empty."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(str(out), "", "is there already and not empty; name another folder")


def write_rows(
    path: Path, rows: Iterable[Mapping[str, Any]], *, european: bool = False
) -> dict[str, None]:
    """Write a CSV with the columns of all rows, in the order in which they first come.

    Gives the columns. UTF-8; None and NaN are blank. Raises StorageError.
    """
    taken = list(rows)
    columns = dict.fromkeys(name for row in taken for name in row)
    grid = [list(columns)]
    grid += [
        [_cell(row.get(name), european and name not in TEXTS) for name in columns] for row in taken
    ]
    write_text(path, _text(grid, ";" if european else ","))
    return columns


def _write_frames(path: Path, session: Session, european: bool) -> dict[str, None]:
    """The session's frames.csv with its id before each line, the columns as they are."""
    which = {"subject": session.subject, "session": session.id, "phase": session.phase}
    cells = [
        [cell.replace(".", ",") for cell in column] if european and name not in TEXTS else column
        for name, column in session.columns.items()
    ]
    first, columns = list(which.values()), [*which, *session.columns]
    grid = ([*first, *line] for line in zip(*cells, strict=True))
    write_text(path, _text([columns, *grid], ";" if european else ","))
    return dict.fromkeys(columns)


def write_text(path: Path, text: str) -> None:
    """Write a text file. Raises StorageError."""
    try:
        path.write_bytes(text.encode())
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def _text(grid: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(grid)
    return text.getvalue()


def _cell(value: object, european: bool) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    text = f"{round(value, 9):.15g}" if isinstance(value, float) else as_text(str(value))
    numeric = isinstance(value, float) or _is_number(text)
    return text.replace(".", ",") if european and numeric else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "." in text
