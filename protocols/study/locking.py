"""The analysis locked before the key is opened: what is scored, by what, on which sessions."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from protocols.statistics.nulls import NULLS
from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.folder import Study
from rig.errors import ConfigError

USUAL = "cpp_score_s"
MOST = 4
"""So many things of one kind are named; of more, how many."""


def lock(study: Study, person: str, primary: str | None, files: Sequence[Path]) -> tuple[str, str]:
    """Write down the primary score, the analysis's files and all sessions by hash.

    `primary` None: that of the rules. Gives the score and the hash. Raises ConfigError for a score
    that there is not or that the rules do not name, a file that cannot be read, or a key that was
    opened already.
    """
    named = None if study.plan.scoring is None else study.plan.scoring.primary
    primary = primary or named or USUAL
    if primary not in NULLS:
        raise ConfigError("--primary", "", f"{primary!r}: one of {', '.join(NULLS)}")
    if named is not None and primary != named:
        message = f"{primary}: the rules name {named}, and they were there first"
        raise ConfigError("--primary", "", message)
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
    return primary, digest


def since_lock(study: Study) -> list[str]:
    """What was altered since the analysis was last locked, a line for each kind; by the trail.

    Empty where nothing was, or nothing was ever locked.
    """
    with study.store.read() as connection:
        asked = select(t.audit.c.n, t.audit.c.at).where(t.audit.c.action == "analysis_locked")
        last = connection.execute(asked.order_by(t.audit.c.n.desc()).limit(1)).first()
        if last is None:
            return []
        whose = {
            row.uid: f"{row.animal} {row.phase}"
            for row in connection.execute(
                select(t.session.c.uid, t.session.c.animal, t.session.c.phase)
            )
        }
        opened = select(func.min(t.audit.c.n)).where(
            t.audit.c.action == "key_opened", t.audit.c.after.contains('"scope":"all"')
        )
        key_n = connection.execute(opened).scalar()
        rows = connection.execute(
            select(t.audit)
            .where(t.audit.c.n > last.n, t.audit.c.about.in_(_WATCHED))
            .order_by(t.audit.c.n)
        ).mappings()
        told: dict[str, dict[str, None]] = {}
        for row in rows:
            open_now = (
                ", after the key was opened" if key_n is not None and row["n"] > key_n else ""
            )
            for kind, what in _altered(dict(row), whose):
                told.setdefault(kind + open_now, {})[what] = None
    since = f"since the analysis was locked ({last.at[:16].replace('T', ' ')})"
    return [f"{since}, {kind}: {_some([*what])}" for kind, what in told.items()]


_WATCHED = ("amendment", "exclusion", "animal", "session")


def _altered(row: dict[str, Any], whose: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What a row of the trail alters of a result: its kind, and which."""
    after, before = json.loads(row["after"]), json.loads(row["before"] or "{}")
    if row["about"] == "amendment":
        of = whose.get(after["session"], after["session"])
        yield "amended", f"{of} ({after['kind']}, {after['reason']})"
    elif row["about"] == "exclusion":
        yield "excluded", f"{after['animal']} ({after['rule']})"
    elif row["about"] == "animal" and row["action"] == "update" and "status" in after:
        if after["status"] != "excluded":
            yield f"now {after['status']}", row["row_key"]
    elif row["about"] == "session" and after.get("folder"):
        of = whose.get(row["row_key"], row["row_key"])
        yield ("filed anew" if before.get("folder") else "filed"), of


def _some(what: Sequence[str]) -> str:
    more = f" and {len(what) - MOST} more" if len(what) > MOST else ""
    return ", ".join(what[:MOST]) + more


def is_locked(study: Study) -> bool:
    """Whether the analysis was locked."""
    with study.store.read() as connection:
        asked = select(func.count()).where(t.audit.c.action == "analysis_locked")
        return bool(connection.execute(asked).scalar())


def opened_all(connection: Connection) -> bool:
    """Whether the key was opened for more than one animal."""
    asked = select(t.audit.c.after).where(t.audit.c.action == "key_opened")
    return any('"scope":"all"' in (text or "") for text in connection.execute(asked).scalars())
