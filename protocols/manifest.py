"""A manifest: a CSV as a spreadsheet saves it, a line a row; and making one from files' names."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os.path import exists, isfile  # pathlib's raise for a name that no file can have
from pathlib import Path
from typing import Any, NamedTuple

from rig.errors import ConfigError
from rig.session.row import Moment, moment

COLUMNS = (
    "id",
    "files",
    "box",
    "crop",
    "subject",
    "phase",
    "date",
    "group",
    "start",
    "end",
    "duration_s",
    "fps",
    "true_duration_s",
    "apparatus",
    "paired",
    "background",
    "corrections",
    "tracks",
)
"""Beside these: `cue_CHAMBER`, and whatever begins with `note`, which is not read."""
_FILES = ("apparatus", "background", "corrections", "tracks")
_LABELS = ("id", "box", "subject", "phase", "date", "group", "paired", *_FILES)
_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


class Line(NamedTuple):
    """One line of a manifest, read; what it does not say is not in `said`.

    `where`: the file and line, for messages. `said` holds the values by the names of `Row`, and
    `apparatus`, `background` (a path, or new), `corrections` and `tracks` as they were written.
    """

    where: str
    files: tuple[Path, ...]
    said: Mapping[str, Any]


def read(path: Path, *, far: bool = False) -> list[Line]:
    """The lines of the manifest at `path`, relative paths from its folder.

    `far`: files lie where others see them, not this machine. Raises ConfigError, naming line and
    column, for anything that cannot be used, also for a file that is not there.
    """
    text = _text(_bytes(path, "manifest"), str(path))
    return parse(text, str(path), path.parent, far=far)


def spreadsheet(
    path: Path, columns: Sequence[str], needed: Sequence[str]
) -> Iterator[tuple[str, dict[str, str]]]:
    """The lines of any small table that a spreadsheet may have saved: file and line, and cells.

    Raises ConfigError for columns that are not among `columns`, and for a needed one that lacks.
    """
    text = _text(_bytes(path, "table"), str(path))
    between = max(";\t,", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between)
    try:
        lines = [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise ConfigError(str(path), f"line {reader.line_num}", str(error)) from None
    head = [re.sub(r"[\s-]+", "_", cell.strip()).lower() for cell in (lines[0][1] if lines else [])]
    for name in needed:
        if name not in head:
            raise ConfigError(str(path), name, "this column is missing")
    for k, name in enumerate(head):
        if name and name not in columns:
            raise ConfigError(str(path), repr(name), f"unknown; known are {', '.join(columns)}")
        if name and name in head[:k]:
            raise ConfigError(str(path), repr(name), "this column is there twice")
    for number, cells in lines[1:]:
        if any(cell.strip() for cell in cells):
            if any(cell.strip() for cell in cells[len(head) :]):  # as of a decimal comma
                message = f"{len(cells)} cells, but {len(head)} columns; quote a cell with a comma"
                raise ConfigError(f"{path}: line {number}", "", message)
            pairs = zip(head, (cell.strip() for cell in cells), strict=False)
            yield f"{path}: line {number}", {k: cell for k, cell in pairs if cell}


def _bytes(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(str(path), "", f"there is no such {what}") from None
    except OSError as error:
        message = f"this {what} cannot be read: {error.strerror}"
        raise ConfigError(str(path), "", message) from None


def _text(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # "Unicode text"
        return data.decode("utf-16", errors="replace")
    if data.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        raise ConfigError(name, "", "a spreadsheet: save it as CSV")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # what a spreadsheet on Windows writes


def parse(text: str, name: str, folder: Path, *, far: bool = False) -> list[Line]:
    """The lines in a manifest's text; `name` is only named in errors. Raises ConfigError."""
    first = next((line for line in text.splitlines() if line.strip(' \t,;"')), "")
    if not first:
        raise ConfigError(name, "", "holds no line")
    between = max(";\t,", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between, skipinitialspace=True)
    head: list[str] | None = None
    lines: list[Line] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if head is None:
                if cells[0].strip().lower() != "sep=":  # a spreadsheet's note of what parts cells
                    head = _head(cells, name)
                continue
            where = f"{name}: line {reader.line_num}"
            if any(cell.strip() for cell in cells[len(head) :]):
                message = f"{len(cells)} cells, but {len(head)} columns; quote a cell with a comma"
                raise ConfigError(where, "", message)
            pairs = zip(head, (cell.strip() for cell in cells), strict=False)
            lines.append(_line({key: cell for key, cell in pairs if cell}, where, folder, far))
    except csv.Error as error:
        raise ConfigError(name, f"line {reader.line_num}", str(error)) from None
    if not lines:
        raise ConfigError(name, "", "holds a head and no row")
    return lines


def _head(cells: Sequence[str], name: str) -> list[str]:
    head = []
    for cell in cells:
        word = re.sub(r"[\s-]+", "_", cell.strip())
        low = word.lower()
        if low.startswith("cue_") and len(low) > 4:
            low = "cue_" + word[4:]  # chambers' names keep their case
        elif low and low not in COLUMNS and not low.startswith("note"):
            message = f"unknown column; known are {', '.join(COLUMNS)}, cue_CHAMBER and note..."
            raise ConfigError(name, repr(cell.strip()), message)
        if low and low in head and not low.startswith("note"):
            raise ConfigError(name, repr(cell.strip()), "this column is there twice")
        head.append(low)
    if "files" not in head:
        raise ConfigError(name, "files", "this column is missing")
    return head


def _line(cells: Mapping[str, str], where: str, folder: Path, far: bool) -> Line:
    if "files" not in cells:
        raise ConfigError(where, "files", "says no file")
    files = tuple(_path(folder, part) for part in cells["files"].split("|") if part.strip())
    for file in files:
        if not far and not exists(file):
            raise ConfigError(where, "files", f"{file}: there is no such file")
    said: dict[str, Any] = {key: cells[key] for key in _LABELS if key in cells}
    for key in _FILES:
        if key in said and (key, said[key]) != ("background", "new"):
            said[key] = _path(folder, said[key])
            if not isfile(said[key]):
                raise ConfigError(where, key, f"{said[key]}: there is no such file")
    readers: dict[str, Callable[[str], Any]] = {
        "crop": crop,
        "start": _moment,
        "end": _end,
        "duration_s": _positive,
        "fps": _positive,
        "true_duration_s": _positive,
    }
    for key, reader in readers.items():
        if key in cells:
            try:
                said[key] = reader(cells[key])
            except ValueError as error:
                raise ConfigError(where, key, str(error)) from None
    for one, other in (("end", "duration_s"), ("fps", "true_duration_s")):
        if one in said and other in said:
            raise ConfigError(where, other, f"{cells[other]}: give {one} or {other}, not both")
    if "id" in said:
        check_id(said["id"], where)
    cues = {key[4:]: cell for key, cell in cells.items() if key.startswith("cue_")}
    return Line(where, files, {**said, **({"cues": cues} if cues else {})})


def _path(folder: Path, text: str) -> Path:
    """The file that is meant: a manifest may be written on Windows and read elsewhere."""
    path = folder / text.strip()
    other = folder / text.strip().replace("\\", "/")
    return other if other != path and not exists(path) and exists(other) else path


def check_id(text: str, where: str) -> None:
    """Raise ConfigError unless `text` can name a folder on every system."""
    stem = text.split(".")[0].lower()
    reserved = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}
    bad = _NOT_IN_NAMES.search(text) or text.startswith(".") or text[-1:] in ("", ".", " ")
    if bad or stem in reserved or len(text) > 120:
        raise ConfigError(where, "id", f"{text!r}: cannot name a folder")


def _moment(text: str) -> Moment:
    return moment(text.replace(",", "."))  # a decimal comma


def _end(text: str) -> Moment:
    end = _moment(text)
    if end.auto:
        raise ValueError(f"{text!r}: only a start can be found by itself")
    return end


def _positive(text: str) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = 0.0
    if not 0 < value < 1e7:
        raise ValueError(f"{text!r}: a number above 0 is wanted")
    return value


def crop(text: str) -> tuple[int, int, int, int]:
    """X, Y, width and height in whole pixels. Raises ValueError."""
    try:
        x, y, width, height = (int(part) for part in re.split(r"[,;\s]+", text.strip()))
    except ValueError:
        raise ValueError(f"{text!r}: write X,Y,W,H in whole pixels") from None
    return x, y, width, height


# making one

FIELDS = ("id", "subject", "phase", "date", "group", "box")


def pattern_of(pattern: str) -> re.Pattern[str]:
    """What `pattern`, as "{subject}_{phase}_{date}.avi", finds in a path below the folder.

    A field is one of id, subject, phase, date, group, box, or begins with note; without a
    suffix any file's is allowed. Raises ConfigError.
    """
    text, names = "", []
    for part in re.split(r"(\{[^{}]*\})", pattern.replace("\\", "/")):
        name = part[1:-1].strip().lower() if part.startswith("{") else ""
        if not part.startswith("{"):
            if "{" in part or "}" in part:
                raise ConfigError("--pattern", "", f"{pattern!r}: a brace stands alone")
            text += re.escape(part).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
        elif name in names:
            text += f"(?P={name})"
        elif name not in FIELDS and not re.fullmatch(r"note\w*", name):
            known = ", ".join(FIELDS)
            raise ConfigError("--pattern", "", f"{part}: unknown field; known are {known}, note...")
        else:
            names.append(name)
            text += f"(?P<{name}>[^/]+?)"
    if not names:
        raise ConfigError("--pattern", "", f"{pattern!r}: names no field, as {{subject}}")
    suffix = "" if re.search(r"\.[^./{}]+$", pattern) else r"(?:\.[^./]+)?"
    return re.compile(text + suffix, re.IGNORECASE)


def made(
    videos: Iterable[Path], folder: Path, pattern: str, beside: Path
) -> tuple[str, list[Path]]:
    """The text of a manifest of `videos` below `folder`, and the videos that did not match.

    `beside`: the folder in which the manifest will lie; files are named from there where they can
    be. Raises ConfigError for a pattern that cannot be used.
    """
    found = pattern_of(pattern)
    rows: list[dict[str, str]] = []
    rest: list[Path] = []
    for video in videos:
        inside = video.relative_to(folder).as_posix()
        match = found.fullmatch(inside) or found.fullmatch(video.name)
        if match is None:
            rest.append(video)
            continue
        try:
            file = video.resolve().relative_to(beside.resolve()).as_posix()
        except ValueError:
            file = str(video.resolve())
        rows.append({"files": file, **{k: v for k, v in match.groupdict().items() if v}})
    columns = ["files", *found.groupindex]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue(), rest
