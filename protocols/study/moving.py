"""A study's live database taken off a share: onto this computer, where it can be written."""

import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select

from protocols.store import open_store, places, verify
from protocols.store import tables as t
from protocols.store.opening import FILE, FOR_READING, make_file
from protocols.study.adding import allowed
from protocols.study.folder import RULES, open_study
from rig.config import parse_toml
from rig.errors import ConfigError, StorageError
from rig.session.files import read_text


class Moved(NamedTuple):
    """Where the live database is now, on what kind of share the folder lies, what is kept there."""

    live: Path
    share: str
    aside: Path


def move(folder: Path, person: str) -> Moved:
    """Take the live database out of a study's folder that lies on a share; the folder stays.

    Nobody else may have the study open. The copy is read through, trail and tables, before the one
    on the share is put aside into backup/. Raises ConfigError where there is nothing to be moved,
    StorageError where the database is damaged or cannot be copied; nothing was changed then.
    """
    if not (folder / RULES).is_file():
        raise ConfigError(str(folder), "", f"is no study: it holds no {RULES}")
    rules = parse_toml(read_text(folder / RULES, "file of rules"), str(folder / RULES))
    if rules.get("database"):
        message = "its database is PostgreSQL's, wherever the folder lies: nothing is to be moved"
        raise ConfigError(str(folder), "", message)
    if (live := places.local_of(folder)) is not None:
        raise ConfigError(str(folder), "", f"its live database is on this computer: {live}")
    share = places.shared(folder)
    if not share:
        raise ConfigError(str(folder), "", "lies on a local disk: nothing is to be moved")
    source = folder / FILE
    with open_study(folder, write=False) as study:
        uid = study.uid
        if study.store.why != FOR_READING:
            raise StorageError(f"{source}: {study.store.why}; nothing was moved")
        with study.store.read() as connection:
            faults = verify(connection)
    if faults:
        first = f"{faults[0].where}: {faults[0].what}"
        message = f"{source}: trail and tables do not agree ({first}); nothing was moved"
        raise StorageError(message)
    live = places.live_path(uid)
    if live.exists():
        message = f"{live} is there already, from before; put it away first; nothing was moved"
        raise StorageError(message)
    aside = folder / "backup" / f"moved-{datetime.now():%Y%m%dT%H%M%S}"
    part = live.with_name(live.name + ".part")
    try:
        _copy(source, part)
        with open_store(f"sqlite:///{part.absolute()}") as store:
            with store.change(person, f"off {share}") as change:
                allowed(change, person, ("owner",))
                known = change.connection.execute(select(t.study.c.uid)).scalar()
                change.note("moved", share=share)
            with store.read() as connection:
                if known != uid or verify(connection):
                    raise StorageError(f"{source}: its copy is not the same; nothing was moved")
        part.replace(live)
        places.point_to(folder, live)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"{live} cannot be written: {error}; nothing was moved") from error
    finally:
        for end in ("", "-wal", "-shm"):
            part.with_name(part.name + end).unlink(missing_ok=True)
    for path in (source, *(source.with_name(source.name + end) for end in ("-wal", "-shm"))):
        if path.exists():
            aside.mkdir(parents=True, exist_ok=True)
            shutil.move(path, aside / path.name)
    return Moved(live, share, aside)


def _copy(source: Path, target: Path) -> None:
    """A whole copy by SQLite's own way, what stands in the write-ahead log with it."""
    target.unlink(missing_ok=True)
    make_file(target)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
