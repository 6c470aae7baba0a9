"""Which stations there are: a file each in the user's runtime folder, and what each one holds.

A claim is a lock that the system frees when its process ends, so a crashed station leaves
nothing that stands in the way: its entry is seen to be stale and removed.
"""

import json
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import platformdirs

from rig.channel.system import forget_address, is_private, lock
from rig.errors import StationError

RUNTIME_VARIABLE = "PLACEPREF_RUNTIME"


def runtime_folder() -> Path:
    """The folder of this user's stations, made if it is missing. Raises StationError.

    The environment variable PLACEPREF_RUNTIME names another one.
    """
    named = os.environ.get(RUNTIME_VARIABLE)
    folder = Path(named) if named else _usual_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        private = is_private(folder)
    except OSError as error:
        raise StationError(
            f"{folder}: the folder of the stations cannot be made: {error}"
        ) from None
    if not private:
        message = "others may write in it, so no station is run or asked there"
        raise StationError(f"{folder}: {message}; remove it or set {RUNTIME_VARIABLE}")
    return folder


def _usual_folder() -> Path:
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR a folder below the temporary one is as good.
        warnings.simplefilter("ignore")
        try:
            return platformdirs.user_runtime_path("placepref")
        except OSError as error:  # somebody else's is in its place
            message = f"there is no folder for the stations: {error}; set {RUNTIME_VARIABLE}"
            raise StationError(message) from None


def spell_source(source: str) -> str:
    """A rig as it is named from any folder: "sim" or "/whole/path", with "sim:" before it or not.

    "sim:FILE" says of a file that it is simulated; it is the same rig without that word.
    """
    return source if source == "sim" else str(Path(source.removeprefix("sim:")).resolve())


def name_of(what: str) -> str:
    """The file name (without suffix) that stands for a rig, camera or port."""
    return sha256(what.encode()).hexdigest()[:16]


class Claim:
    """A rig, camera or port that is this process's own until it lets go or ends."""

    def __init__(self, what: str, fd: int) -> None:
        self.what, self._fd = what, fd

    def release(self) -> None:
        """Let go. A second call does nothing."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


def claim(things: Sequence[str], rig: str) -> list[Claim]:
    """All of `things` (a rig, its camera, its ports) for the station of the rig `rig`, or none.

    Raises StationError naming the station that has one of them.
    """
    folder = runtime_folder()
    claims: list[Claim] = []
    try:
        for what in things:
            claims.append(_claim(folder, what, rig))
    except BaseException:
        for one in claims:
            one.release()
        raise
    return claims


def _claim(folder: Path, what: str, rig: str) -> Claim:
    path = folder / f"{name_of(what)}.lock"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    # Someone who only looks whether it is held has it for a moment: try for a little while.
    held = lock(fd)
    for _ in range(10):
        if held:
            break
        time.sleep(0.02)
        held = lock(fd)
    if not held:
        os.close(fd)
        owner = _owner(path)
        by = f"the station of rig {owner.get('rig', '?')!r} (process {owner.get('pid', '?')})"
        raise StationError(f"{what} is in use by {by}; ask that one, or end it first")
    os.lseek(fd, 0, os.SEEK_SET)
    os.ftruncate(fd, 0)
    os.write(fd, json.dumps({"what": what, "rig": rig, "pid": os.getpid()}).encode())
    return Claim(what, fd)


def _owner(path: Path) -> dict[str, Any]:
    try:
        owner = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return owner if isinstance(owner, dict) else {}


def is_claimed(what: str) -> bool:
    """Whether a living process holds this rig, camera or port."""
    path = runtime_folder() / f"{name_of(what)}.lock"
    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not lock(fd)
    finally:
        os.close(fd)


@dataclass(frozen=True, slots=True)
class Entry:
    """One station as it is found: what it owns and where it listens.

    `source` names the rig as in `spell_source`; a living station has a claim on it. `camera`
    and `ports` are what it owns. `started` is ISO 8601 with offset.
    """

    rig: str
    source: str
    camera: str
    ports: tuple[str, ...]
    pid: int
    address: str
    key_file: str
    started: str

    def write(self) -> None:
        """Make the station findable."""
        path = runtime_folder() / f"{name_of(self.source)}.json"
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self)), encoding="utf-8")
        fresh.replace(path)

    def key(self) -> bytes:
        """The random key that proves a client is of the same user. Raises StationError."""
        try:
            return Path(self.key_file).read_bytes()
        except OSError as error:
            raise StationError(f"{self.key_file}: the station's key: {error}") from None

    def remove(self) -> None:
        """Make the station unfindable, its key and socket with it.

        A damaged entry may name any file: none is removed that is not where stations have theirs.
        """
        folder = runtime_folder()
        (folder / f"{name_of(self.source)}.json").unlink(missing_ok=True)
        (folder / f"{name_of(self.source)}.key").unlink(missing_ok=True)
        forget_address(folder, self.address)


def write_key(folder: Path, name: str) -> tuple[Path, bytes]:
    """A fresh random key and its file, which only this user reads."""
    path, key = folder / f"{name}.key", os.urandom(32)
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    fd = os.open(path, flags, 0o600)
    try:
        os.write(fd, key)
    finally:
        os.close(fd)
    return path, key


def entries() -> list[Entry]:
    """Every station of this user that lives, by name; entries of dead ones are removed."""
    living = []
    for path in sorted(runtime_folder().glob("*.json")):
        entry = _read(path)
        if entry is None:
            continue
        if is_claimed(entry.source):
            living.append(entry)
        else:
            entry.remove()
    return sorted(living, key=lambda entry: entry.rig)


def _read(path: Path) -> Entry | None:
    """The entry in a file; None, and the file is removed, where there is none in it."""
    try:
        table = json.loads(path.read_bytes())
        entry = Entry(**{**table, "ports": tuple(table["ports"])})
        texts = (entry.rig, entry.source, entry.camera, entry.address, entry.key_file)
        if name_of(entry.source) != path.stem or not all(isinstance(t, str) for t in texts):
            raise ValueError(path.stem)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        path.unlink(missing_ok=True)
        return None
    return entry


def find(source: str) -> Entry | None:
    """The living station of a rig named as on a command line, if there is one."""
    wanted = spell_source(source)
    return next((entry for entry in entries() if entry.source == wanted), None)
