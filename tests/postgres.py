"""A PostgreSQL server of our own, for as long as it is wanted."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoServerError(Exception):
    """There is none here; the message says why."""


@contextmanager
def postgres(*, fsync: bool) -> Iterator[str]:
    """The URL of a server without a database of ours, which ends with the context.

    `fsync`: what was committed is on the disk, as a lab's server has it. Raises NoServerError.
    """
    found = shutil.which("initdb")
    at = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    tools = Path(found).resolve().parent if found else (at[-1].parent if at else None)
    if tools is None or sys.platform == "win32":
        raise NoServerError("PostgreSQL is not installed: initdb was not found")
    root = os.getuid() == 0
    if root and shutil.which("runuser") is None:
        raise NoServerError("PostgreSQL does not start as root, and runuser was not found")
    # The server refuses to run as root: as a user of its own, in a folder of that user's.
    be = ["runuser", "-u", "postgres", "--"] if root else []
    # A socket's path has 107 characters at most, so not in pytest's folders.
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    try:
        if root:
            try:
                shutil.chown(folder, "postgres")
            except LookupError:
                message = "PostgreSQL does not start as root, and has no user postgres here"
                raise NoServerError(message) from None
        data = str(folder / "data")
        words = ["-D", data, "-U", "lab", "-A", "trust", "--no-sync", "-E", "UTF8"]
        subprocess.run(
            [*be, str(tools / "initdb"), *words], check=True, capture_output=True, cwd="/"
        )
        options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
        if not fsync:
            options += " -c fsync=off"
        control = [*be, str(tools / "pg_ctl"), "-D", data, "-w"]
        log = ["-l", str(folder / "log"), "-o", options, "start"]
        subprocess.run([*control, *log], check=True, stdout=subprocess.DEVNULL, cwd="/")
        try:
            yield f"postgresql://lab@/postgres?host={folder}"
        finally:
            stop = [*control, "-m", "immediate", "stop"]
            subprocess.run(stop, check=True, capture_output=True, cwd="/")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
