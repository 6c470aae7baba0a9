"""Rows out of what was named: videos, sessions, folders, patterns, manifests. Each has an id."""

import glob
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from os.path import exists, isdir, isfile  # pathlib's raise for a name that no file can have
from pathlib import Path
from typing import Any, NamedTuple

from protocols import manifest
from protocols.formulas import is_formula
from rig.apparatus import Apparatus
from rig.errors import ConfigError
from rig.model import Gray
from rig.session.derive import session_id
from rig.session.files import load_apparatus
from rig.session.fitting import scaled
from rig.session.kept import background_of, row_of
from rig.session.rescoring import read_background
from rig.session.row import Amend, Moment, Row

VIDEOS = frozenset(
    (
        ".avi", ".mp4", ".m4v", ".mkv", ".mov", ".mpg", ".mpeg", ".m2ts", ".mts", ".ts", ".wmv",
        ".asf", ".webm", ".flv", ".ogv", ".vob", ".3gp", ".mj2", ".dv", ".h264", ".mjpeg", ".mjpg",
    )
)  # fmt: skip


RESCORED = "rescore.json"


class Defaults(NamedTuple):
    """What holds for each row that does not say it itself.

    Over what a rescored folder was asked with it holds, too. Corrections and tracks are of one
    recording: they cannot hold for two rows.
    """

    apparatus: Path | None = None
    crop: tuple[int, int, int, int] | None = None
    start: Moment | None = None
    end: Moment | None = None
    background: str | None = None
    paired: str | None = None
    scale: float | None = None
    amend: Amend = Amend()


def gather(
    sources: Sequence[Path], defaults: Defaults, out: Path, *, far: bool = False
) -> list[Row]:
    """The rows that `sources` stand for, in order, each with an id of its own.

    `far`: a manifest may name files that only the workers of a cluster see. Raises
    ConfigError for what is not there, cannot be read, or would share a folder.
    """
    read = _Read()
    lines: list[manifest.Line] = []
    seen: set[Path] = set()
    for source in sources:
        if source.suffix.lower() == ".csv":
            lines += manifest.read(source, far=far)
            continue
        for path in _named(source, out):
            if path.absolute() not in seen:
                seen.add(path.absolute())
                lines.append(manifest.Line("", (path,), {}))
    rows = [_row(line, defaults, read) for line in lines]
    for option, name in (("--corrections", "corrections"), ("--tracks", "tracks")):
        file = getattr(defaults.amend, name)
        if file is not None and sum(name not in line.said for line in lines) > 1:
            message = f"{file}: is of one recording; rescore them one at a time"
            raise ConfigError(option, "", f"{message}, or say it in a manifest's column {name}")
    wheres = [line.where or str(line.files[0]) for line in lines]
    return _with_ids(rows, wheres)


def videos_in(folder: Path, out: Path | None = None) -> list[Path]:
    """The videos below a folder and the sessions, in the order of their paths; not those in `out`.

    A session stands for the videos in it.
    """
    found: list[Path] = []
    places = [folder]
    while places:
        place = places.pop()
        inside = sorted(place.iterdir())
        if any(path.name == "setup.json" for path in inside):
            found.append(place)
            continue
        if any(path.name == RESCORED for path in inside):
            continue  # an overlay.mkv in it is no recording
        for path in inside:
            if path.name.startswith("."):
                continue
            if path.is_dir():
                if out is None or path.resolve() != out.resolve():
                    places.append(path)
            elif path.suffix.lower() in VIDEOS:
                found.append(path)
    return sorted(found)


def _named(source: Path, out: Path) -> Iterable[Path]:
    if isdir(source):
        if Row((source,)).session is not None or (source / RESCORED).is_file():
            return (source,)
        found = videos_in(source, out)
        if not found:
            found = sorted(path.parent for path in source.glob(f"*/{RESCORED}"))
        if not found:
            message = "this folder holds no session (no setup.json), no video and no rescored row"
            raise ConfigError(str(source), "", message)
        return found
    if exists(source):
        return (source,)
    if any(sign in str(source) for sign in "*?["):
        matching = sorted(glob.glob(str(source), recursive=True))
        if not matching:
            raise ConfigError(str(source), "", "no file is named like this")
        return [path for name in matching for path in _named(Path(name), out)]
    raise ConfigError(str(source), "", "no such file")


@dataclass
class _Read:
    """Files that many rows name, read once."""

    apparatuses: dict[Path, Apparatus] = field(default_factory=dict)

    def apparatus(self, path: Path) -> Apparatus:
        if path not in self.apparatuses:
            self.apparatuses[path] = load_apparatus(path)
        return self.apparatuses[path]


def _row(line: manifest.Line, defaults: Defaults, read: _Read) -> Row:
    said: dict[str, Any] = dict(line.said)
    again = line.files[0] if isfile(line.files[0] / RESCORED) else None
    files, then = (line.files, {}) if again is None else row_of(again)
    own, amended = then.pop("own", None), then.pop("amended", ())
    if again is not None:
        for key, rivals in (("end", ("duration_s",)), ("duration_s", ("end",))):
            if said.get(key) or getattr(defaults, key, None) is not None:
                for rival in (key, *rivals):
                    then.pop(rival, None)
        for key in ("start", "crop", "paired"):
            if getattr(defaults, key) is not None:
                then.pop(key, None)
        said = {**then, **said}
    file = said.pop("apparatus", defaults.apparatus)
    asked = {key: said.pop(key, getattr(defaults.amend, key)) for key in ("corrections", "tracks")}
    for key in amended:
        if asked[key] is None:
            message = f"{again} was scored with {key}: give them again, with --{key} or a column"
            raise ConfigError(line.where or str(again), key, message)
    picture_of = said.pop("background", defaults.background)
    row = Row(files, **said, amend=replace(defaults.amend, **asked), again=again)
    if own is not None and file is None:
        row = replace(row, apparatus=own, apparatus_file=str(again), nudge=None)
    changes: dict[str, Any] = {}
    if "start" not in said and defaults.start is not None:
        changes["start"] = defaults.start
    if "end" not in said and "duration_s" not in said and defaults.end is not None:
        changes["end"] = defaults.end
    if "crop" not in said and defaults.crop is not None:
        changes["crop"] = defaults.crop
    if "paired" not in said and defaults.paired is not None:
        changes["paired"] = defaults.paired
    picture: Gray | None = None
    if file is not None and _is_rig(file):
        box_crop, picture, changes["apparatus"] = _box(file, row.box or None, line.where)
        if row.crop is None and box_crop is not None:
            changes["crop"] = box_crop
    elif file is not None:
        changes["apparatus"] = read.apparatus(file)
    if file is not None:
        changes["apparatus_file"] = str(file)
        if defaults.scale is not None:
            changes["drawn_px"] = changes["apparatus"].frame_size_px
            changes["apparatus"] = scaled(changes["apparatus"], defaults.scale, str(file))
            picture = None  # it is of the size that was
    row = replace(row, **changes)
    background = read_background(picture_of, row)
    if background is None and again is not None:
        background = background_of(again)
    return replace(row, background=picture if background is None else background)


def _is_rig(file: Path) -> bool:
    if file.name.lower().endswith(".rig.toml"):
        return True
    try:
        return "camera" in tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # ValueError: no text, no TOML, too long a number
        return False  # said when it is read as an apparatus


def _box(
    file: Path, name: str | None, where: str
) -> tuple[tuple[int, int, int, int] | None, Gray | None, Apparatus]:
    from rig.session.load import load_rig

    try:
        box = load_rig(str(file)).box_named(name)
    except ConfigError as error:
        if error.file != "--box":
            raise
        raise ConfigError(where or str(file), "box", error.message) from None
    return box.box.crop_px, box.picture, box.apparatus


# ids


def _with_ids(rows: list[Row], wheres: Sequence[str]) -> list[Row]:
    ids = [row.id or _own_id(row) for row in rows]
    for alike in _shared(ids):
        parts = _differing([rows[k].files[0].absolute().parts[:-1] for k in alike])
        for k, part in zip(alike, parts, strict=True):
            ids[k] = f"{part}_{ids[k]}" if part else ids[k]
    for alike in _shared(ids):
        names = {rows[k].files[0].name.lower() for k in alike}
        for k in alike:
            row = rows[k]
            if row.box:
                ids[k] = f"{ids[k]}_{row.box}"
            elif len(names) == len(alike):  # they differ by their suffix at least
                name = row.files[0].stem if row.id or row.subject else row.files[0].name
                ids[k] = f"{ids[k]}_{name}" if row.id or row.subject else name
            elif row.crop is not None:
                ids[k] = f"{ids[k]}_x{row.crop[0]}y{row.crop[1]}"
    for alike in _shared(ids):
        one, other = wheres[alike[0]], wheres[alike[1]]
        message = f"would share the folder {ids[alike[0]]!r} with {other}; give each an id"
        raise ConfigError(one, "", message)
    for id, row, where in zip(ids, rows, wheres, strict=True):
        for name in (id, *map(str, row.files)):
            if name != name.encode("utf-8", "replace").decode():
                message = f"{name!r}: a name that is no text cannot be written down; rename it"
                raise ConfigError(where, "", message)
        for key in ("id", "subject", "phase", "group", "box"):
            text = id if key == "id" else getattr(row, key)
            if is_formula(text or ""):
                message = f"{text!r}: a spreadsheet would calculate it; name it otherwise"
                raise ConfigError(where, key, message)
        if row.id or row.subject or row.box:
            manifest.check_id(id, where)
    return [replace(row, id=id) for row, id in zip(rows, ids, strict=True)]


def _own_id(row: Row) -> str:
    if row.subject and row.phase:
        return f"{row.subject}_{row.phase}"
    if row.session is not None:
        return session_id(row.files[0].resolve())
    return row.files[0].stem


def _shared(ids: Sequence[str]) -> Iterator[list[int]]:
    often = Counter(id.casefold() for id in ids)
    for name, count in often.items():
        if count > 1:
            yield [k for k, id in enumerate(ids) if id.casefold() == name]


def _differing(folders: Sequence[Sequence[str]]) -> list[str]:
    """What is left of each path without the beginning and the end that all have."""
    shortest = min(map(len, folders))
    head = next((i for i in range(shortest) if len({f[i] for f in folders}) > 1), shortest)
    cut = [folder[head:] for folder in folders]
    shortest = min(map(len, cut))
    tail = next((i for i in range(shortest) if len({f[-1 - i] for f in cut}) > 1), shortest)
    return ["_".join(folder[: len(folder) - tail]) for folder in cut]
