"""What was lost put back from copies: the damaged database is kept aside, nothing thrown away."""

import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from protocols.store import places
from protocols.store.opening import FILE
from protocols.study.folder import PROTOCOL, RULES, open_study
from protocols.study.second.copying import bring_back, small_files
from rig.config import parse_toml
from rig.errors import ConfigError, StorageError
from rig.session.files import read_text
from rig.storage.folder import make_private, open_private


@dataclass(frozen=True)
class Restored:
    """What was put back: the database's copy (None: it was left as it is), and sessions.

    `aside`: where the database lies that was there before.
    """

    database: Path | None
    aside: Path | None
    sessions: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def restore(
    folder: Path,
    person: str,
    source: Path | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Restored:
    """Put back the newest whole backup of the database, or `source`, and what else `source` has.

    `source` is a copy of the database, or a study's folder in a second place: then rules, protocol
    and keys that are missing are brought back, each session that is missing, verified by its sums,
    and the database. Whoever else has the study open closes it first. The trail of what was put
    back says so. Raises ConfigError where there is no study, or no whole backup, or the database is
    PostgreSQL's; StorageError.
    """
    if source is None or not source.is_dir():
        taken, aside = _database(folder, person, source)
        return Restored(taken, aside)
    copies = sorted((source / "backup").glob("study-*.sqlite"))
    if not (source / RULES).is_file() or not copies:
        raise ConfigError("--from", "", f"{source}: is no copy of a study in a second place")
    make_private(folder)
    files = small_files(source, folder)
    _same_study(source, folder)
    for name in ("rawdata", "derivatives", "backup"):
        make_private(folder / name)
    sessions = bring_back(source, folder, tell)
    whole = [path for path in copies if _is_whole(path)]
    taken, aside = _database(folder, person, whole[-1] if whole else copies[-1])
    return Restored(taken, aside, tuple(sessions), tuple(files))


def _same_study(source: Path, folder: Path) -> None:
    """Raise ConfigError where the rules here are not those of the copy."""
    for name in (RULES, PROTOCOL):
        if (source / name).read_bytes() != (folder / name).read_bytes():
            message = f"{source}: its {name} is not this study's; nothing was put back"
            raise ConfigError("--from", "", message)


def _database(folder: Path, person: str, source: Path | None) -> tuple[Path, Path | None]:
    if not (folder / RULES).is_file():
        raise ConfigError(str(folder), "", f"is no study: it holds no {RULES}")
    rules = parse_toml(read_text(folder / RULES, "file of rules"), str(folder / RULES))
    if rules.get("database"):
        message = "the database is PostgreSQL's: put it back there, from a copy by pg_dump"
        raise ConfigError(str(folder), "", message)
    found = [source] if source is not None else sorted((folder / "backup").glob("study-*.sqlite"))
    whole = [path for path in found if _is_whole(path)]
    if not whole:
        told = ", ".join(str(path) for path in found) or str(folder / "backup")
        raise ConfigError("--from", "", f"{told}: holds no whole copy of the study's database")
    taken, live = whole[-1], places.local_of(folder) or folder / FILE
    aside = folder / "backup" / f"replaced-{datetime.now():%Y%m%dT%H%M%S}"
    kept = None
    part = live.with_name(live.name + ".part")
    try:
        part.unlink(missing_ok=True)
        # Whole beside it first: nothing is moved before it is there.
        with taken.open("rb") as old, open(part, "xb", opener=open_private) as new:
            shutil.copyfileobj(old, new)
        for path in (live, *(live.with_name(live.name + end) for end in ("-wal", "-shm"))):
            if path.exists():
                aside.mkdir(parents=True, exist_ok=True)
                shutil.move(path, aside / path.name)
                kept = aside
        part.replace(live)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"{live} cannot be put back: {error.strerror or error}") from error
    digest = hashlib.sha256(taken.read_bytes()).hexdigest()
    with open_study(folder) as study, study.store.change(person, "put back from a copy") as change:
        change.note("restored", file=taken.name, sha256=digest)
    return taken, kept


def _is_whole(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("select count(*) from study").fetchone()
            return bool(connection.execute("pragma quick_check(1)").fetchone()[0] == "ok")
    except (sqlite3.Error, UnicodeDecodeError):  # the latter: what it says of its own damage
        return False
