"""The sessions and rescorings below a folder, in one line each. Plain, no Qt."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gui.result.session_facts import RESCORED, SESSION
from rig.errors import RigError
from rig.storage import is_being_recorded

TAIL_BYTES = 1 << 16
"""The stop record is the last line, and it is short."""
MOST = 5000
DEEPEST = 6


@dataclass(frozen=True)
class Listed:
    """One folder in the list.

    `state`: completed, aborted, failed, unfinished, running, damaged, or rescored.
    """

    folder: Path
    subject: str
    session: str
    phase: str
    state: str


def sessions(below: Path) -> list[Listed]:
    """What is below a folder, in the order of its path; at most MOST. Raises OSError."""
    if not below.is_dir():
        raise NotADirectoryError(f"{below}: no such folder")
    found = []
    for folder in _folders(below):
        found.append(_listed(folder))
        if len(found) == MOST:
            break
    return found


def _folders(below: Path) -> Iterator[Path]:
    for place, names, files in os.walk(below):
        here = Path(place)
        names.sort()
        if SESSION in files or RESCORED in files:
            names.clear()  # a session holds no session
            yield here
        elif len(here.relative_to(below).parts) >= DEEPEST:
            names.clear()


def _listed(folder: Path) -> Listed:
    if (folder / RESCORED).is_file():
        return Listed(folder, folder.name, "", "", "rescored")
    session = folder.parent if folder.name == "behav" else folder
    words = _words(session.name)
    subject = _words(session.parent.name).get("sub") or session.name
    date = words.get("date", "")
    if len(date) == 8:
        date = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    number = " ".join(filter(None, (words.get("ses", ""), date)))
    return Listed(folder, subject, number, words.get("phase", ""), state(folder))


def state(folder: Path) -> str:
    """How a session stands, by the last line of its events and by whether somebody writes it."""
    try:
        with (folder / "events.jsonl").open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            lines = file.read().split(b"\n")
        last = json.loads(lines[-2]) if len(lines) > 1 else {}
        if isinstance(last, dict) and last.get("kind") == "stop":
            return str(last["data"]["status"])
        return "running" if is_being_recorded(folder / "ticks.jsonl") else "unfinished"
    except FileNotFoundError:
        return "unfinished"
    except (OSError, ValueError, RecursionError, KeyError, TypeError, RigError):
        return "damaged"


def _words(name: str) -> dict[str, str]:
    """Keys and values of a NeuroBlueprint name."""
    return dict(part.split("-", 1) for part in name.split("_") if "-" in part)
