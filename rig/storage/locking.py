"""One writer a session, one batch a folder: locks that the system lets go when the process ends.

The one place with system calls that differ: `flock` on POSIX, a byte far behind the end of the
file on Windows.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from rig.errors import ConfigError, StorageError

WAIT_S = 5.0
FRESH_S = 5.0
"""Rows go to the system every 100 ms: ticks that grew so recently have a writer."""
LOCK = ".lock"
"""The file in a folder of results that tells another batch to stay away; gone when it ends."""


def wait_for(file: BinaryIO, path: Path) -> None:
    """Wait for one's turn with a small shared file, while it is open. Raises StorageError."""
    end = time.monotonic() + WAIT_S
    while not _locked(file):
        if time.monotonic() > end:
            raise StorageError(f"{path} is held by another program for {WAIT_S:g} s; try again")
        time.sleep(0.01)


def lock(file: BinaryIO, folder: Path) -> None:
    """Keep other writers of the session away while `file` is open. Raises ConfigError."""
    if not _locked(file):
        raise ConfigError(str(folder), "", "another process is recording this session")


@contextmanager
def alone_in(folder: Path, option: str, wait_s: float = 0.0) -> Iterator[None]:
    """Keep other batches out of a folder of results, which is made where it is missing.

    At the end the lock is taken away, and what was made for it, where nothing came into it. Who
    holds it is waited for up to `wait_s`. Raises ConfigError, naming `option`, where another still
    holds it then; StorageError where it cannot be written.
    """
    made = [place for place in (folder, *folder.absolute().parents) if not place.exists()]
    path = folder / LOCK
    try:
        with _own(path, option, wait_s):
            try:
                yield
            finally:
                if sys.platform != "win32":  # while it is held: nobody locks what is gone then
                    path.unlink(missing_ok=True)
        if sys.platform == "win32":
            with suppress(OSError):  # open files stay there: another has it already
                path.unlink()
    finally:
        with suppress(OSError):
            for place in made:
                place.rmdir()


def _own(path: Path, option: str, wait_s: float) -> BinaryIO:
    """The lock's file, open and ours. Raises as `alone_in`."""
    end = time.monotonic() + wait_s
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("ab")
        except OSError as error:
            raise StorageError(f"{path.parent} cannot be written: {error.strerror}") from error
        if _locked(file) and _is_at(file, path):
            return file
        file.close()
        if time.monotonic() >= end:
            message = f"{path.parent}: another process writes results there; wait, or give another"
            raise ConfigError(option, "", message)
        time.sleep(0.01)


def _is_at(file: BinaryIO, path: Path) -> bool:
    # Who held the lock may have taken the file away between our opening and our locking it.
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def is_being_recorded(ticks: Path) -> bool:
    """Whether a process writes the session of this ticks.jsonl. False for one that cannot be read.

    The lock is only tried where no row came for a while, so that a session which starts at this
    moment is never kept from its own lock.
    """
    try:
        if time.time() - ticks.stat().st_mtime < FRESH_S:
            return True
        with ticks.open("rb") as file:
            return not _locked(file)
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 62

    def _locked(file: BinaryIO) -> bool:
        place = file.tell()
        file.seek(_FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(place)
        return True

else:
    import fcntl

    def _locked(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks: go on without
            return True
        return True
