"""Opening a study's database: SQLite in the study's folder, or PostgreSQL by URL.

One that is locked, damaged or of a newer program is told in one line; it is opened read-only
where it can be, and `why` then says what stands against writing.
"""

import json
import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from protocols.store.trail import Change
from rig.errors import ConfigError, InputError, StorageError
from rig.storage.folder import PRIVATE_FILE

FILE = "study.sqlite"
WAIT_S = 10.0
FOR_READING = "it was opened for reading"
"""Why a store is not written to that could be."""
_NEWER = "it was written by a newer program; nothing was changed; update this one"
_REMEDY = "put back the newest of backup/ (placepref study restore)"
_NOT_WRITTEN = (
    "it lies where this account cannot write; to go on with it, copy the study's whole folder to a "
    "disk of this computer"
)
_LOCK = 0x706C6163  # PostgreSQL's turn for writers of one study; any number that is ours


class DatabaseError(StorageError, InputError):
    """The database given cannot be used: damaged, locked, or another version's."""


class Store:
    """An open database. `why` is "" where it can be written, else what stands against it.

    `written`: a change was made through it, and kept.
    """

    def __init__(
        self, engine: Engine, name: str, why: str = "", kept: sqlite3.Connection | None = None
    ) -> None:
        self.engine, self.name, self.why = engine, name, why
        self.written = False
        self._kept = kept  # what holds a copy in memory

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read by. Raises StorageError."""
        with _told(self.name), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def change(self, person: str, reason: str = "") -> Iterator[Change]:
        """One transaction with its trail: all of it is kept, or nothing of it.

        Writers take turns from the first statement on, so what is read in here is still so when
        it is written. Raises StorageError where the database cannot be written.
        """
        if self.why:
            raise DatabaseError(f"{self.name} is open for reading only: {self.why}")
        with _told(self.name), _writing(self.engine) as connection:
            yield Change(connection, person, reason)
        self.written = True

    def close(self) -> None:
        """Let the database go."""
        self.engine.dispose()
        if self._kept is not None:
            self._kept.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def to_url(folder: Path, url: str | None = None) -> str:
    """The database's URL: the study's own SQLite file unless another is given."""
    return url or f"sqlite:///{(folder / FILE).absolute()}"


def create(url: str) -> Store:
    """A new, empty database with all tables. Raises ConfigError where one is there already."""
    name, path = _named(url)
    if path is not None and path.exists():
        raise ConfigError(name, "", "there is a database already")
    if path is not None:
        try:  # private from its first byte on
            make_file(path)
        except OSError as error:
            raise StorageError(f"{name} cannot be written: {error.strerror}") from error
    engine = _engine(url)
    try:
        with _told(name):
            with engine.connect() as connection:
                if inspect(connection).has_table("study"):
                    raise ConfigError(name, "", "holds a study already; give an empty database")
            _upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, name)


def open_store(url: str, *, write: bool = True) -> Store:
    """The database at `url`, brought to this program's version where it is older.

    With `write` False, or where it must not be written, it is opened read-only; an older file of
    SQLite is then brought up in a copy in memory alone. Raises ConfigError for one that is not
    there, StorageError for one that cannot even be read.
    """
    name, path = _named(url)
    if path is not None:
        if not path.is_file():
            raise ConfigError(name, "", f"there is no such database; {_REMEDY}")
        if _only_readable(path):
            return _brought_up(path, name, _NOT_WRITTEN if write else FOR_READING)
        damage = _damage(path)
        if damage:
            remedy = f"it is {damage}; nothing was changed; {_REMEDY}"
            return _readonly(path, name, remedy)
    engine = _engine(url)
    try:
        with _told(name):
            state = _version(engine)
            if state == "none":
                raise ConfigError(name, "", "holds no study")
            if state == "newer":
                why = _NEWER
                if path is not None:
                    engine.dispose()
                    return _readonly(path, name, why)
                return Store(engine, name, why)
            if state == "older" and not write:
                engine.dispose()
                if path is not None:
                    return _brought_up(path, name, FOR_READING)
                message = "was written by an older program, and here it is only read; a command "
                message += "that writes brings it up, as placepref study today; nothing was changed"
                raise DatabaseError(f"{name} {message}")
            if state == "older":
                if path is not None:
                    _copy(path, path.with_name(f"{path.name}.before-update"))
                _upgrade(engine)
                if path is not None:
                    _vacuum(path)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, name, "" if write else FOR_READING)


def backup(folder: Path, day: str, live: Path | None = None) -> Path | None:
    """Copy the study's SQLite to backup/ once a day, by its own copying; None where done or none.

    `live`: where it lies, if not in the study's folder.
    Raises StorageError.
    """
    source, target = live or folder / FILE, folder / "backup" / f"study-{day}.sqlite"
    if not source.is_file() or target.exists():
        return None
    try:
        target.parent.mkdir(exist_ok=True)
        _copy(source, target)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"{target} cannot be written: {error}") from error
    return target


def snapshot(store: Store, target: Path) -> None:
    """A copy of the whole database as it is at one moment, as an SQLite file of its own.

    Of PostgreSQL every table's rows are put into one. Raises StorageError.
    """
    from protocols.store.tables import metadata

    part = target.with_name(target.name + ".part")
    for path in (target, part):
        path.unlink(missing_ok=True)
    try:
        if store.engine.dialect.name == "sqlite":
            make_file(part)
            with store.read() as connection, closing(sqlite3.connect(part)) as new:
                raw: Any = connection.connection.driver_connection
                raw.backup(new)
        else:
            with store.read() as connection, create(f"sqlite:///{part.absolute()}") as copied:
                connection.execute(text("set transaction isolation level repeatable read"))
                with copied.engine.begin() as writing:
                    for table in metadata.sorted_tables:
                        rows = [dict(row) for row in connection.execute(select(table)).mappings()]
                        if rows:
                            writing.execute(table.insert(), rows)
            _settle(part)
        part.replace(target)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"{target} cannot be written: {error}") from error


def _settle(path: Path) -> None:
    """Have all of a database in its one file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma journal_mode = delete")


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    make_file(part)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(part)) as new:
        old.backup(new)
    part.replace(target)


def make_file(path: Path) -> None:
    """An empty file for a database that only this user reads; its log takes after it.

    Raises OSError, also where there is one.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))


def _vacuum(path: Path) -> None:
    """Write the file anew, without pages that are free."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=WAIT_S)) as connection:
        connection.execute("vacuum")


def _named(url: str) -> tuple[str, Path | None]:
    """What a message calls the database (without a password), and its file if it is one."""
    try:
        made = make_url(url)
        made.get_dialect()
    except (SQLAlchemyError, ImportError, NoSuchModuleError) as error:
        shown = url.split("@")[-1]
        raise ConfigError("--database", "", f"{shown!r}: no URL of a database: {error}") from None
    if made.get_backend_name() == "sqlite":
        return str(made.database), Path(str(made.database))
    if made.get_backend_name() != "postgresql":
        raise ConfigError("--database", "", f"{made.drivername}: SQLite or PostgreSQL is wanted")
    return made.render_as_string(hide_password=True), None


def _engine(url: str) -> Engine:
    made = make_url(url)
    if made.get_backend_name() == "postgresql":
        try:
            import psycopg  # noqa: F401
        except ImportError:
            message = 'needs psycopg: python -m pip install "placepref[postgres]"'
            raise ConfigError("--database", "", message) from None
        made = made.set(drivername="postgresql+psycopg")
        return create_engine(made, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    engine = create_engine(made, connect_args={"timeout": WAIT_S})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, not the driver
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        # What is withheld now may have stood here in clear, in a version before.
        connection.execute("pragma secure_delete = on")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its turn at once: what it reads is then still so when it writes.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("begin immediate" if writes else "begin")

    return engine


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    """A transaction whose turn it is to write."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"select pg_advisory_xact_lock({_LOCK})"))
        yield connection


def _readonly(path: Path, name: str, why: str) -> Store:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT_S)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    with _told(name):
        with suppress(DBAPIError, StorageError):  # what is damaged may be the very place
            if _version(engine) == "older":
                return _brought_up(path, name, why)
        with engine.connect() as connection:
            connection.execute(text("select count(*) from study"))
    return Store(engine, name, why)


def _brought_up(path: Path, name: str, why: str) -> Store:
    """A copy in memory with this program's tables, to be read; the file stays as it was written."""
    uri = f"file:placepref-{secrets.token_hex(8)}?mode=memory&cache=shared"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=WAIT_S)

    kept = sqlite3.connect(uri, uri=True, check_same_thread=False)
    try:
        with _told(name):
            try:
                with _source(path) as source, closing(source) as old:
                    old.backup(kept)
                said = str(kept.execute("pragma quick_check(1)").fetchone()[0])
            except (sqlite3.Error, OSError) as error:
                raise DatabaseError(f"{name} cannot be read: {error}; {_REMEDY}") from error
            engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
            state = _version(engine)
            if said != "ok" and "damaged" not in why:
                why = f"it is damaged ({said.splitlines()[-1]}); nothing was changed; {_REMEDY}"
            elif state == "newer":
                why = _NEWER
            if state == "older":
                _upgrade(engine)
    except BaseException:
        kept.close()
        raise
    return Store(engine, name, why, kept)


@contextmanager
def _source(path: Path) -> Iterator[sqlite3.Connection]:
    """A database to be copied; also one beside which nothing can be written."""
    uri = path.absolute().as_uri()
    log = path.with_name(path.name + "-wal")
    if not _only_readable(path):
        yield sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=WAIT_S)
    elif not log.is_file() or log.stat().st_size == 0:
        yield sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True)
    else:  # its newest rows are in the log, for which SQLite wants a file beside it
        with tempfile.TemporaryDirectory() as folder:
            for one in (path, log):
                shutil.copyfile(one, Path(folder) / one.name)
            yield sqlite3.connect(Path(folder) / path.name)


def _only_readable(path: Path) -> bool:
    """Whether SQLite does not even read it, for it finds no place for its files beside it."""
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return False
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=WAIT_S)) as connection:
            connection.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        return "unable to open" in str(error) or "readonly" in str(error)
    except sqlite3.DatabaseError:  # damaged: told as such
        return False
    return False


def _damage(path: Path) -> str:
    """Nothing where SQLite finds its file whole, else "damaged" with its words."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=WAIT_S)) as connection:
            said = connection.execute("pragma quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise DatabaseError(f"{path}: {_locked()}") from None
        return f"damaged ({error})"
    except sqlite3.DatabaseError as error:
        return f"damaged ({error})"
    found = [line for line in said.splitlines() if not line.startswith("***")]
    return "" if said == "ok" else f"damaged ({''.join(found[:1]) or said})"


def _locked() -> str:
    return (
        f"another program has been writing for {WAIT_S:.0f} s; nothing was changed; try again, "
        "or close that program"
    )


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Errors of the database as one line with what to do."""
    try:
        yield
    except DBAPIError as error:
        said = " ".join(str(error.orig).split())
        if "locked" in said:
            raise DatabaseError(f"{name}: {_locked()}") from error
        if "malformed" in said or "not a database" in said:
            message = f"is damaged; nothing was changed; {_REMEDY}"
            raise DatabaseError(f"{name} {message} ({said})") from error
        raise StorageError(f"{name}: {said}") from error
    except json.JSONDecodeError as error:  # a row's text is not what was written into it
        message = f"is damaged in one of its rows; nothing was changed; {_REMEDY}"
        raise DatabaseError(f"{name} {message} ({error})") from error


def _version(engine: Engine) -> str:
    """How old the tables are against this program's: "none", "older", "same" or "newer"."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return "none"
        found = connection.execute(text("select version_num from alembic_version")).scalar()
    known = versions()
    if found not in known:
        return "newer"
    return "same" if found == known[0] else "older"


@cache
def versions() -> tuple[str, ...]:
    """The versions of the tables that this program knows, newest first.

    They are read from the program's own files, which takes longer than to open a database: once.
    """
    from alembic.script import ScriptDirectory

    return tuple(one.revision for one in ScriptDirectory(str(_scripts())).walk_revisions())


def _scripts() -> Path:
    return Path(__file__).parent / "migrations"


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    with _writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def uid_of(store: Store) -> str:
    """The study's uid."""
    from protocols.store.tables import study

    with store.read() as connection:
        return str(connection.execute(select(study.c.uid)).scalar())
