"""Animals from a table that a spreadsheet saved: each cell checked, or its row and column named."""

import csv
import re
import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from protocols.manifest import spreadsheet
from protocols.store.tables import animal
from rig.errors import ConfigError
from rig.storage.folder import check_word

_OURS = {"cohort", "status", "status_since", "status_reason", "status_by", "stands_for"}
COLUMNS = (*(c.name for c in animal.columns if c.name not in _OURS), "weight_g", "group")
_WEIGHT_G = {"mouse": (8.0, 60.0), "rat": (30.0, 1000.0)}
_OLDEST_DAYS = 4 * 366


T = TypeVar("T")


class Subject(NamedTuple):
    """One animal: its columns, and its weight in g if that was given."""

    columns: dict[str, Any]
    weight_g: float | None


def read(
    path: Path, groups: Sequence[str], known: Sequence[str], today: date
) -> tuple[list[Subject], list[str]]:
    """The animals in the table at `path`, and what is worth saying about how it was read.

    `known` are the ids that the study has. Raises ConfigError naming row and column for an id that
    is there twice, an impossible weight or date, an unknown group.
    """
    subjects: list[Subject] = []
    seen = {id.casefold(): "the study" for id in known}
    tags: dict[str, str] = {}
    commas = False
    for where, cells in spreadsheet(path, COLUMNS, ("id",)):
        row = dict(cells)
        if "id" not in row:
            raise ConfigError(where, "id", "is blank")
        check_word(row["id"], f"{where}: id")
        if earlier := seen.get(row["id"].casefold()):
            raise ConfigError(where, "id", f"{row['id']}: is in {earlier} already")
        seen[row["id"].casefold()] = where.rpartition(": ")[2]
        if tag := row.get("rfid"):
            if tag in tags:
                raise ConfigError(where, "rfid", f"{tag}: is {tags[tag]}'s already")
            tags[tag] = row["id"]
        _no_group(row.pop("group", ""), groups, where)
        if "sex" in row:
            row["sex"] = _sex(row["sex"], where)
        for column in ("born", "single_since"):
            if column in row:
                row[column] = _day(row[column], where, column, today)
        species = row.setdefault("species", "mouse").lower()
        weight = row.pop("weight_g", "")
        commas |= "," in weight
        subjects.append(Subject(row, _weight(weight, species, where) if weight else None))
    if not subjects:
        raise ConfigError(str(path), "", "holds a head and no animal")
    said = []
    if path.read_bytes().partition(b"\n")[0].count(b";"):
        said.append("read with semicolons between the columns")
    if commas:
        said.append("read with decimal commas")
    return subjects, said


def write_table(text: str, use: Callable[[Path], T]) -> T:
    """What `use` makes of a table that was typed, or pasted from a spreadsheet with tabs.

    The file is there as long as it is used. Raises ConfigError for no table, and what `use` raises.
    """
    if not text.strip():
        raise ConfigError("animals", "", "there is no table: a head with id, then a line an animal")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "typed.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            if "\t" in text:
                csv.writer(file).writerows(line.split("\t") for line in text.splitlines())
            else:
                file.write(text.strip() + "\n")
        try:
            return use(path)
        except ConfigError as error:
            where = error.file.replace(str(path), "the table that was typed")
            raise ConfigError(where, error.key, error.message) from None


def _no_group(written: str, groups: Sequence[str], where: str) -> None:
    if written and written not in groups:
        known = ", ".join(groups)
        raise ConfigError(where, "group", f"{written!r}: the study has no such group ({known})")
    if written:
        message = "groups are drawn by `study allocate` and sealed; take this column out"
        raise ConfigError(where, "group", f"{written!r}: {message}")


def _sex(text: str, where: str) -> str:
    sex = {"m": "M", "male": "M", "f": "F", "female": "F", "u": "U", "o": "O"}.get(text.lower())
    if sex is None:
        raise ConfigError(where, "sex", f"{text!r}: M, F, U (unknown) or O (other)")
    return sex


def _day(text: str, where: str, column: str, today: date) -> str:
    found = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text)
    dotted = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text)
    parts = found.groups() if found else dotted.groups()[::-1] if dotted else None
    if parts is None:
        raise ConfigError(where, column, f"{text!r}: write 2026-01-05 or 05.01.2026")
    try:
        day = date(*(int(part) for part in parts))
    except ValueError:
        raise ConfigError(where, column, f"{text!r}: there is no such day") from None
    if day > today:
        raise ConfigError(where, column, f"{text!r}: is still to come")
    if (today - day).days > _OLDEST_DAYS:
        raise ConfigError(where, column, f"{text!r}: more than four years ago")
    return day.isoformat()


def _weight(text: str, species: str, where: str) -> float:
    try:
        weight_g = float(text.replace(",", "."))
    except ValueError:
        raise ConfigError(where, "weight_g", f"{text!r}: a number of grams is wanted") from None
    check_weight(weight_g, species, where, "weight_g", text)
    return weight_g


def check_weight(weight_g: float, species: str, where: str, key: str = "", text: str = "") -> None:
    """Raise ConfigError for what is no weight of this species, in g."""
    low, high = _WEIGHT_G.get(species, (1.0, 100_000.0))
    if not low <= weight_g <= high:
        shown = text or f"{weight_g:g}"
        message = f"{shown} g: no weight of a {species} ({low:g} to {high:g} g)"
        raise ConfigError(where, key, message)
