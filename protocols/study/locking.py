"""The analysis locked before the key is opened: what is scored, by what, on which sessions."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, func, select

from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.folder import Study
from rig.errors import ConfigError


def lock(study: Study, person: str, primary: str, files: Sequence[Path]) -> str:
    """Write down the primary score, the analysis's files and all sessions by hash; the hash.

    Raises ConfigError for a file that cannot be read, or a key that was opened already.
    """
    lines = [f"primary {primary}"]
    for path in files:
        try:
            lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")
        except OSError as error:
            message = f"{path}: cannot be read: {error.strerror}"
            raise ConfigError("--file", "", message) from None
    with study.store.change(person, "the analysis is locked") as change:
        allowed(change, person, ("owner",))
        if opened_all(change.connection):
            raise ConfigError("study lock", "", "the key was opened already; it is too late")
        asked = select(t.session.c.folder, t.session.c.sums_sha256).where(
            t.session.c.folder.is_not(None)
        )
        rows = change.connection.execute(asked.order_by(t.session.c.folder)).all()
        lines += [f"{row.sums_sha256}  {row.folder}" for row in rows]
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        change.note(
            "analysis_locked",
            primary=primary,
            files=lines[1 : 1 + len(files)],
            sessions=len(rows),
            sha256=digest,
        )
    return digest


def is_locked(study: Study) -> bool:
    """Whether the analysis was locked."""
    with study.store.read() as connection:
        asked = select(func.count()).where(t.audit.c.action == "analysis_locked")
        return bool(connection.execute(asked).scalar())


def opened_all(connection: Connection) -> bool:
    """Whether the key was opened for more than one animal."""
    asked = select(t.audit.c.after).where(t.audit.c.action == "key_opened")
    return any('"scope":"all"' in (text or "") for text in connection.execute(asked).scalars())
