"""A rig's files, opened for editing and written: all of them, or none."""

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gui.setup.rig_draft import (
    SIM,
    RigDraft,
    apparatus_table,
    box_from,
    checked,
    file_names,
    rig_from,
    rig_table,
)
from gui.setup.toml_text import toml_text
from rig import apparatus, rigfile
from rig.errors import ConfigError
from rig.session.load import load_rig


def open_rig(source: str) -> RigDraft:
    """The rig in a file, for editing; "sim" is the one that is built in.

    Raises ConfigError for what the command line could not use either.
    """
    loaded = load_rig(source)
    if source == SIM:
        return _built_in(loaded.rig.model_dump(mode="json", exclude_none=True), loaded)
    path = Path(source.removeprefix("sim:"))
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    boxes = []
    for box in table["box"]:
        name = box.get("name", "A")
        found = loaded.boxes[name]
        drawn = tomllib.loads(Path(found.apparatus_file).read_text(encoding="utf-8"))
        picture = b""
        if found.picture is not None:
            picture = (path.parent / found.box.background).read_bytes()
        boxes.append(box_from(name, drawn, box, picture))
    camera = str(table["camera"]["source"])
    if (path.parent / camera).is_file():
        camera = str((path.parent / camera).resolve())
    return rig_from(table, tuple(boxes), camera)


def _built_in(table: dict[str, Any], loaded: Any) -> RigDraft:
    boxes = tuple(
        replace(
            box_from(
                name,
                one.apparatus.model_dump(mode="json", exclude_defaults=True),
                one.box.model_dump(mode="json", exclude_none=True),
                b"",
            ),
            apparatus_file="",
        )
        for name, one in loaded.boxes.items()
    )
    return rig_from(table, boxes, SIM)


@dataclass(frozen=True)
class Plan:
    """What saving would write: whole files by path. `over` are there already and would change."""

    rig_file: Path
    files: Mapping[Path, bytes]
    over: tuple[Path, ...] = ()
    same: tuple[Path, ...] = field(default=())

    @property
    def source(self) -> str:
        """What names the rig on a command line."""
        simulated = tomllib.loads(self.files[self.rig_file].decode())["camera"]["source"] == SIM
        return f"sim:{self.rig_file}" if simulated else str(self.rig_file)


def plan_saving(draft: RigDraft, folder: Path, name: str) -> Plan:
    """What it takes to save `draft` as NAME.rig.toml in `folder`. Writes nothing.

    Raises ConfigError for a rig that could not be used.
    """
    checked(draft)
    names = file_names(draft)
    rig_file = folder / f"{name}.rig.toml"
    files: dict[Path, bytes] = {}
    for box in draft.boxes:
        apparatus_file, picture_file = names[box.name]
        files[folder / apparatus_file] = toml_text(apparatus_table(box)).encode()
        if picture_file and box.picture:
            files[folder / picture_file] = box.picture
    source = Path(draft.source)
    written = draft
    with suppress(ValueError):
        if source.is_absolute() and source.is_file():
            written = replace(draft, source=source.relative_to(folder.resolve()).as_posix())
    files[rig_file] = toml_text(rig_table(written, names)).encode()  # last: it names the others
    same = tuple(path for path, data in files.items() if _holds(path, data))
    over = tuple(path for path in files if path.exists() and path not in same)
    return Plan(rig_file, files, over, same)


def _holds(path: Path, data: bytes) -> bool:
    """Whether a file says the same already, in whatever words and with whatever comments."""
    try:
        there = path.read_bytes()
        if path.suffix != ".toml":
            return there == data
        return _meant(path, there) == _meant(path, data)
    except (OSError, ValueError, ConfigError):
        return False


def _meant(path: Path, data: bytes) -> object:
    """What a file says, with all that it leaves unsaid."""
    parse = rigfile.parse if path.name.endswith(".rig.toml") else apparatus.parse
    return parse(data.decode(), str(path))


def save(plan: Plan) -> str:
    """Write the files, and give back what names the rig on a command line.

    All are written beside their places first, and what was there is kept beside it; only then
    each takes its place, the rig file last. Raises OSError where that fails, ConfigError where
    the command line could not read the result; every file is as it was then.
    """
    fresh = [path for path in plan.files if path not in plan.same]
    parts = {path: path.with_name(f"{path.name}.part") for path in fresh}
    before = {path: path.with_name(f"{path.name}.before") for path in fresh if path.is_file()}
    made: list[Path] = []
    placed: list[Path] = []
    good = False
    try:
        for path, part in parts.items():
            made += _missing(path.parent)
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(part, plan.files[path])
        for path, kept in before.items():
            _write(kept, path.read_bytes())
        for path, part in parts.items():
            part.replace(path)
            placed.append(path)
        load_rig(plan.source)
        good = True
    except (OSError, ConfigError):
        for path in placed:
            with suppress(OSError):
                before[path].replace(path) if path in before else path.unlink()
        raise
    finally:
        for path in (*parts.values(), *before.values()):
            with suppress(OSError):
                path.unlink(missing_ok=True)
        if not good:
            for folder in reversed(made):
                with suppress(OSError):
                    folder.rmdir()
    return plan.source


def _missing(folder: Path) -> list[Path]:
    """The folders that are not there yet, the outermost first."""
    return [] if folder.exists() else [*_missing(folder.parent), folder]


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
