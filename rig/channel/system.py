"""What differs between systems, all in this one place."""

import os
import secrets
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import IO, Any

LOCK_BYTE = 1 << 30
"""Where Windows locks: beyond the text, so that others can read who holds it."""

SOCKET_PATH_BYTES = 100
"""Systems cut a socket's path at 104 or 108 bytes."""


def lock(fd: int) -> bool:
    """Whether this process holds the file from now on; its end, even a crash, frees it."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(fd, LOCK_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_private(folder: Path) -> bool:
    """Whether the folder belongs to this user and no other may write in it."""
    if sys.platform == "win32":
        return True  # the user's own profile: its access list is inherited
    facts, above = folder.stat(), folder.absolute().parent.stat()
    if above.st_uid not in (0, os.getuid()):
        return False  # who owns the one above can put another in its place
    return facts.st_uid == os.getuid() and not facts.st_mode & 0o022


def address_for(folder: Path, name: str) -> str:
    """A fresh address to listen at: a socket file in the folder, or a named pipe."""
    if sys.platform == "win32":
        return rf"\\.\pipe\placepref-{name}-{secrets.token_hex(8)}"
    path = folder / f"{name}.sock"
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES:
        path = Path(tempfile.mkdtemp(prefix="placepref-")) / "s"
    path.unlink(missing_ok=True)
    return str(path)


def forget_address(folder: Path, address: str) -> None:
    """Remove what a closed (or crashed) listener of this folder left on the disk.

    Only a socket where `address_for` puts one: nothing else that is named is touched.
    """
    if sys.platform == "win32" or not address:
        return
    path = Path(address)
    passing = path.name == "s" and path.parent.name.startswith("placepref-")
    if path.parent == folder or (passing and path.parent.parent == Path(tempfile.gettempdir())):
        with suppress(OSError):
            if path.is_socket():
                path.unlink()
            if passing:
                path.parent.rmdir()


def limit_waits(connection: "Connection[Any, Any]", limit_s: float) -> None:
    """From now on a read or write in the middle of a message fails after `limit_s`.

    Named pipes carry whole messages and need no limit.
    """
    if sys.platform == "win32":
        return
    import socket
    import struct

    limit = struct.pack("ll", int(limit_s), round(limit_s % 1 * 1e6))
    with socket.socket(fileno=os.dup(connection.fileno())) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def spawn_detached(args: Sequence[str], log: IO[bytes], env: dict[str, str]) -> "Popen[bytes]":
    """A process that neither Ctrl-C in this terminal nor a closed window reaches."""
    if sys.platform == "win32":
        from subprocess import CREATE_NEW_PROCESS_GROUP, DETACHED_PROCESS

        flags = DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
        return Popen(args, stdin=DEVNULL, stdout=log, stderr=log, env=env, creationflags=flags)
    return Popen(args, stdin=DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True)
