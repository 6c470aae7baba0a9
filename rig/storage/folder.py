"""Names in a study's folder, and what a session's folder is made of."""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from rig.errors import ConfigError, StorageError

SETUP, BACKGROUND, VIDEO = "setup.json", "background.png", "video.mkv"
TICKS, FRAMES, EVENTS, TRUTH = "ticks.jsonl", "frames.csv", "events.jsonl", "truth.csv"
SUMS, TORN = "SHA256SUMS", "torn"
CLOSED = "closed.json"
"""In torn/: when and why a session that was cut off was closed, and what was done to its files."""
AFTERWARDS = frozenset((SUMS, "summary.csv", "visits.csv", "amendments.jsonl"))
"""Written or remade after the end, so not among the sums."""

PRIVATE, PRIVATE_FILE = 0o700, 0o600
"""Modes of what is this user's alone; no umask gives more."""

_WORD = re.compile(r"[A-Za-z0-9]{1,40}")
_RESERVED = re.compile(r"(?i)con|prn|aux|nul|com[0-9]|lpt[0-9]")
_NUMBER = re.compile(r"ses-(\d+)(?:_|$)")


def check_word(value: str, option: str) -> str:
    """`value`, if it can be part of a folder's name.

    Letters and digits only, at most 40: in NeuroBlueprint names "-" and "_" part key and value.
    Words that Windows keeps for devices are refused, since exports are named by them. Raises
    ConfigError naming `option`.
    """
    if not _WORD.fullmatch(value):
        message = f"{value!r}: 1 to 40 letters and digits (a to z, 0 to 9), nothing else"
        raise ConfigError(option, "", message)
    if _RESERVED.fullmatch(value):
        raise ConfigError(option, "", f"{value!r}: Windows keeps this word for itself")
    return value


def check_subject(subject: str) -> str:
    """`subject`, if it can be an animal's id in files and folders. Raises ConfigError."""
    return check_word(subject, "--subject")


def session_folder(
    study: Path, subject: str, phase: str, attempt: int = 1, when: date | None = None
) -> Path:
    """The path of a new session's `behav` folder; its parent is made, it is not.

    The session number is the subject's next free one, also among processes that ask at the same
    time. `when` is today unless given. Raises ConfigError for a subject, phase or study that
    cannot be used, StorageError where the system does not let the folder be made.
    """
    check_subject(subject)
    check_word(phase, "--phase")
    if (study / SETUP).exists() or (study / "behav" / SETUP).exists():
        raise ConfigError("--out", "", f"{study} holds a session itself; name the study's folder")
    rawdata = study / "rawdata"
    name = f"date-{when or date.today():%Y%m%d}_phase-{phase}"
    name += f"_attempt-{attempt}" if attempt > 1 else ""
    try:
        make_private(rawdata)
        for other in rawdata.glob("sub-*"):
            written = other.name.removeprefix("sub-")
            if written != subject and written.casefold() == subject.casefold():
                message = f"{subject!r}: this study has {written!r}; write it the same way"
                raise ConfigError("--subject", "", message)
        animal = rawdata / f"sub-{subject}"
        animal.mkdir(exist_ok=True)
        return _take_number(animal, name) / "behav"
    except (FileExistsError, NotADirectoryError):
        raise _in_the_way(study) from None
    except OSError as error:
        raise StorageError(f"{study}: no folder can be made there: {error.strerror}") from error


def check_study(study: Path) -> None:
    """Raise ConfigError where no folder can ever be: it, or one above it, is a file."""
    there = next((part for part in (study, *study.parents) if part.exists()), None)
    if there is not None and not there.is_dir():
        raise _in_the_way(study)


def _in_the_way(study: Path) -> ConfigError:
    return ConfigError("--out", "", f"{study} is in the way: not a folder")


def make_private(folder: Path) -> None:
    """Make a folder and those above it that are missing; whatever is made is this user's alone.

    Whoever wants to let a group in changes the mode of that one folder; what is in it is made as
    the user's umask says. One that is there already stays as it is. On Windows a folder has the
    access list of the one above it. Raises OSError.
    """
    missing = []
    for path in (folder, *folder.parents):
        if path.exists():
            break
        missing.append(path)
    for path in reversed(missing):
        path.mkdir(mode=PRIVATE, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def _take_number(animal: Path, name: str) -> Path:
    # The bare `ses-03` can be made by one process only. Whoever makes it after another has
    # already renamed his sees that one's full name, and goes on to the next number.
    number = 1 + max(_numbers(animal), default=0)
    while True:
        bare = animal / f"ses-{number:02d}"
        try:
            bare.mkdir()
        except FileExistsError:
            number += 1
            continue
        if _numbers(animal).count(number) == 1:
            return bare.rename(animal / f"{bare.name}_{name}")
        bare.rmdir()
        number += 1


def _numbers(animal: Path) -> list[int]:
    found = (_NUMBER.match(entry.name) for entry in animal.iterdir())
    return [int(match[1]) for match in found if match]


def discard(folder: Path) -> None:
    """Remove an unused session's empty folder, and those above it that are then empty."""
    for part in (folder, *folder.parents[:3]):  # behav, ses-, sub-, rawdata
        try:
            part.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return


def video_number(path: Path) -> int:
    """1 for video.mkv, 2 for video-2.mkv ..."""
    return int(path.stem.partition("-")[2] or 1)


def next_video(there: Iterable[str]) -> str:
    """The name of a session's next recording beside those that are there.

    Raises ValueError for a name that is none of a recording.
    """
    numbers = [video_number(Path(name)) for name in there]
    return f"video-{max(numbers) + 1}.mkv" if numbers else VIDEO


def videos(folder: Path) -> list[Path]:
    """The recordings of a session, in order."""
    return sorted(folder.glob("video*.mkv"), key=video_number)


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS, as the command of that name does, and have it on the disk."""
    lines = [f"{digest}  {name}\n" for name, digest in sums(folder).items()]
    replace(folder / SUMS, "".join(lines).encode())
    sync_folder(folder)


def sums(folder: Path) -> dict[str, str]:
    """SHA-256, hex, of each file of a session by its name; what is remade at will left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in AFTERWARDS and path.suffix != ".part":
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def replace(path: Path, data: bytes, *, private: bool = False) -> None:
    """Put `data` at `path` whole or not at all. Raises StorageError.

    A file that is replaced keeps who may read it; a new one that is `private` is read by this user
    alone.
    """
    part = path.with_name(path.name + ".part")
    try:
        mode = _mode(path)
        if mode is None and private:
            mode = PRIVATE_FILE
        part.unlink(missing_ok=True)
        with open(part, "xb", opener=None if mode is None else open_private) as file:
            if mode is not None:
                part.chmod(mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error


def check_below(name: str, where: str, *, deep: bool = True) -> str:
    """`name`, if it is that of a file or folder below the one whose table holds it.

    Who hands on a table could else have any file of its reader's read and written. One that is not
    `deep` is in that folder itself. Raises ConfigError, naming `where` it stands.
    """
    parts = re.split(r"[/\\]", name)
    far = len(parts) > 1 and not deep
    if far or ":" in parts[0] or {"", ".", ".."} & set(parts) or "\0" in name:
        raise ConfigError(where, "", f"{name!r}: would lie in another folder")
    return name


def refuse_links(folder: Path) -> None:
    """Raise StorageError where a file of a session is a link: what is written would go elsewhere.

    The folder itself may be one, or lie behind one: that is where somebody put it.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            said = "is a link; a session's files lie in its own folder; nothing was changed"
            raise StorageError(f"{path} {said}")


def open_private(path: str | Path, flags: int) -> int:
    """How `open` makes a file that only this user reads and writes."""
    return os.open(path, flags, PRIVATE_FILE)


def _mode(path: Path) -> int | None:
    """Who may read and write a file, as its mode says; None where it is not there."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def sync_entries(folder: Path) -> None:
    """Have a new session's entries on the disk, in each folder above it up to the study's."""
    above = folder.parents[:4] if "rawdata" in folder.parts[-4:-3] else folder.parents[:2]
    for part in (folder, *above):
        sync_folder(part)


def sync_folder(folder: Path) -> None:
    """Have a folder's entries on the disk, where the system knows how (POSIX)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
