"""`amendments.jsonl` in a session's folder: the only file that grows after the end.

A line's hash is SHA-256, hex, of the hash before it, LF, and the line's JSON without `hash` (keys
sorted, no blanks, UTF-8); before the first it is the SHA-256 of `setup.json`.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rig.errors import ConfigError, StorageError
from rig.storage.folder import SETUP

FILE = "amendments.jsonl"


def read(folder: Path) -> list[dict[str, Any]]:
    """The amendments of a session, checked. Raises ConfigError for a broken chain."""
    path = folder / FILE
    if not path.is_file():
        return []
    previous, out = _first(folder), []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "", f"cannot be read: {error}") from None
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            told, wanted = line.pop("hash"), _chain(previous, line)
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            raise ConfigError(str(path), f"line {number}", "is damaged") from None
        if told != wanted:
            message = "its hash is not that of its text and the line before"
            raise ConfigError(str(path), f"line {number}", message)
        out.append({**line, "hash": told})
        previous = told
    return out


def append(folder: Path, entry: Mapping[str, Any]) -> str:
    """Add a line and have it on the disk; its hash. Raises ConfigError, StorageError."""
    if (folder / FILE).is_symlink():
        raise ConfigError(str(folder / FILE), "", "is a link; nothing was written")
    before = read(folder)
    line = {"n": len(before), **entry}
    told = _chain(before[-1]["hash"] if before else _first(folder), line)
    text = _json({**line, "hash": told}) + "\n"
    try:
        with (folder / FILE).open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        message = f"{folder / FILE} cannot be written: {error.strerror or error}"
        raise StorageError(message) from error
    return told


def _first(folder: Path) -> str:
    try:
        return hashlib.sha256((folder / SETUP).read_bytes()).hexdigest()
    except OSError as error:
        raise StorageError(f"{folder / SETUP} cannot be read: {error.strerror}") from error


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _chain(previous: str, line: Mapping[str, Any]) -> str:
    return hashlib.sha256(f"{previous}\n{_json(line)}".encode()).hexdigest()
