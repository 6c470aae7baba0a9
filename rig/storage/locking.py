"""One writer a session: a lock that the system lets go when the process ends, however it ends.

The one place with system calls that differ: `flock` on POSIX, a byte far behind the end of the
file on Windows.
"""

import sys
import time
from pathlib import Path
from typing import BinaryIO

from rig.errors import ConfigError, StorageError

WAIT_S = 5.0
FRESH_S = 5.0
"""Rows go to the system every 100 ms: ticks that grew so recently have a writer."""


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
