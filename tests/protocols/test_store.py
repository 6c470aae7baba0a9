"""The study's database: its trail, its versions, what is wrong with it, and many who ask at once.

PostgreSQL is a real server, started as a user of its own in a temporary folder.
"""

import json
import multiprocessing
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from protocols.store import (
    Change,
    Store,
    create,
    finish,
    give,
    hash_pin,
    is_pin,
    open_store,
    opening,
    to_url,
    verify,
)
from protocols.store.opening import backup
from protocols.store.tables import animal, audit, box, metadata, person, session, study, weight
from rig.errors import ConfigError, StorageError
from tests.postgres import NoServerError, postgres

ANIMALS = 200


def begin(url: str, animals: int = 3) -> Store:
    """A new study with some animals, a session each."""
    store = create(url)
    with store.change("ann", "a new study") as change:
        change.insert(
            study,
            uid="u-1",
            name="s",
            protocol="cocaine-cpp",
            protocol_version=1,
            protocol_sha256="0",
            rules_sha256="0",
            created="2026-01-05T09:00:00+00:00",
        )
        change.insert(person, name="ann", roles="owner", active=1)
        change.insert(box, name="A")
        for k in range(animals):
            change.insert(animal, id=f"M{k:03d}", cohort=1, status="active", sex="F")
            change.insert(
                session,
                uid=f"s{k:03d}",
                animal=f"M{k:03d}",
                phase="pretest",
                attempt=1,
                day=1,
                place=k,
                status="planned",
                entered_afterwards=0,
            )
    return store


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server without a database of ours; skips where there is none."""
    try:
        with postgres(fsync=False) as url:
            yield url
    except NoServerError as why:
        pytest.skip(str(why))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a new database, in both kinds."""
    if request.param == "sqlite":
        return to_url(tmp_path)
    address: str = request.getfixturevalue("server")
    name = f"study_{abs(hash(tmp_path)) % 10**9}"
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return address.replace("/postgres?", f"/{name}?")


def test_every_change_is_in_the_trail_and_the_trail_makes_the_tables_again(url: str) -> None:
    with begin(url) as store:
        with store.change("bob", "weighed") as change:
            change.insert(weight, animal="M000", at="2026-01-05T09:00:00+00:00", weight_g=24.3)
            assert change.update(animal, {"id": "M000"}, sex="M", cage="C1")
            assert not change.update(animal, {"id": "M000"}, sex="M")
            with pytest.raises(LookupError):
                change.update(animal, {"id": "M999"}, sex="M")
            change.note("key_opened", scope="M000")
        with store.read() as connection:
            assert verify(connection) == []
            last = connection.execute(select(audit).order_by(audit.c.n)).mappings().all()[-2:]
        assert last[0]["before"] == '{"cage":null,"sex":"F"}'
        assert last[0]["after"] == '{"cage":"C1","sex":"M"}'
        assert (last[1]["action"], last[1]["person"], last[1]["reason"]) == (
            "key_opened",
            "bob",
            "weighed",
        )


def test_a_change_that_fails_leaves_neither_row_nor_trail(url: str) -> None:
    with begin(url) as store:

        def fail() -> None:
            with store.change("bob") as change:
                change.insert(box, name="B")
                change.insert(weight, animal="nobody", at="now", weight_g=20.0)

        with pytest.raises(StorageError, match=r"(?i)foreign key"):
            fail()
        with store.read() as connection:
            assert connection.execute(select(box.c.name)).scalars().all() == ["A"]
            assert verify(connection) == []


def test_the_trail_only_grows_and_changes_behind_it_show(url: str) -> None:
    with begin(url) as store:
        for words in ("delete from audit", "update audit set person = 'eve'"):
            with store.engine.connect() as connection, connection.begin():
                with pytest.raises(DBAPIError, match="only grows"):
                    connection.execute(text(words))
                connection.rollback()
        with store.engine.connect() as connection:
            connection.execute(text("update animal set sex = 'M' where id = 'M001'"))
            connection.execute(text("delete from session where uid = 's002'"))
            connection.execute(text("insert into box (name) values ('Z')"))
            connection.commit()
        with store.read() as connection:
            faults = [f"{fault.where}: {fault.what}" for fault in verify(connection)]
    assert faults == [
        "box Z: is there, but the trail put it nowhere",
        "animal M001: sex: not as the trail left it",
        "session s002: the trail put it there, and it is gone",
    ]


def test_a_trail_that_was_altered_by_force_is_told_by_its_row(tmp_path: Path) -> None:
    begin(to_url(tmp_path)).close()
    with closing(sqlite3.connect(tmp_path / "study.sqlite")) as connection:
        connection.executescript(
            "drop trigger audit_update; drop trigger audit_delete;"
            "update audit set person = 'eve' where n = 2; delete from audit where n = 4;"
        )
    with open_store(to_url(tmp_path)) as store, store.read() as connection:
        faults = verify(connection)
    assert [fault.where for fault in faults[:2]] == ["audit row 2", "audit row 5"]
    assert faults[1].what == "rows 4 to 4 are missing"


def test_a_trail_whose_text_is_torn_is_told_by_its_row(tmp_path: Path) -> None:
    """Found by `tests.fuzz`: a flipped byte in it ended `study check` in a traceback."""
    begin(to_url(tmp_path)).close()
    with closing(sqlite3.connect(tmp_path / "study.sqlite")) as connection:
        connection.executescript(
            "drop trigger audit_update;"
            "update audit set after = replace(after, ':', '#') where n = 2;"
            "update audit set reason = x'ff00' where n = 3;"
        )
    with open_store(to_url(tmp_path)) as store:
        with store.read() as connection:
            faults = [(fault.where, fault.what) for fault in verify(connection)]
        with pytest.raises(StorageError, match="damaged in one of its rows"), store.read():
            json.loads('{"animal"#"M01"}')
    assert ("audit row 2", "its hash is not that of its text and the row before") in faults
    assert any(where == "audit row 2" and what.endswith("cannot be read") for where, what in faults)
    assert ("audit row 3", "its hash is not that of its text and the row before") in faults


def test_the_migrations_make_the_tables_that_the_program_uses(url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with create(url) as store, store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    with pytest.raises(ConfigError, match="already"):
        create(url)


# what can be wrong with it


def test_a_newer_database_is_opened_for_reading_only(url: str) -> None:
    with begin(url) as store, store.engine.connect() as connection:
        connection.execute(text("update alembic_version set version_num = '999'"))
        connection.commit()
    with open_store(url) as store:
        with store.read() as connection:
            assert len(connection.execute(select(animal.c.id)).all()) == 3
        with pytest.raises(StorageError, match="written by a newer program"), store.change("bob"):
            pass


def test_an_older_database_is_read_as_this_programs_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    engine = opening._engine(to_url(tmp_path))
    with opening._writing(engine) as connection:
        config = Config()
        config.set_main_option("script_location", str(opening._scripts()))
        config.attributes["connection"] = connection
        command.upgrade(config, "1")
        facts = dict.fromkeys(("name", "protocol", "protocol_sha256", "rules_sha256"), "x")
        change = Change(connection, "ann")
        change.insert(study, uid="u", protocol_version=1, created="2026-01-05", **facts)
    engine.dispose()
    opening._settle(path)
    whole = path.read_bytes()
    with open_store(to_url(tmp_path), write=False) as store:
        for table in metadata.sorted_tables:  # each has the columns that are asked for
            with store.read() as connection:
                connection.execute(select(table)).all()
        with store.read() as connection, store.read() as another:
            assert verify(connection) == verify(another) == []
        with pytest.raises(StorageError, match="reading only"), store.change("bob"):
            pass
    assert not list(tmp_path.glob("*.before-update"))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select version_num from alembic_version").fetchone() == ("1",)
        asked = "select rootpage from sqlite_master where name = 'adverse_event'"
        at = 4096 * (connection.execute(asked).fetchone()[0] - 1)
    path.write_bytes(whole[:at] + b"\xa5" * 4096 + whole[at + 4096 :])  # older, and damaged too
    with open_store(to_url(tmp_path)) as store, store.read() as connection:
        assert "damaged" in store.why
        assert connection.execute(select(session)).all() == []


def test_a_damaged_database_is_said_to_be_and_left_alone(tmp_path: Path) -> None:
    begin(to_url(tmp_path), animals=60).close()
    path = tmp_path / "study.sqlite"
    whole = path.read_bytes()
    assert backup(tmp_path, "20260105") is not None
    assert backup(tmp_path, "20260105") is None
    torn = whole[:-8192] + b"\xa5" * 8192
    path.write_bytes(torn)
    with open_store(to_url(tmp_path)) as store:
        assert "damaged" in store.why
        assert "put back the newest of backup/" in store.why
        with pytest.raises(StorageError, match="reading only"), store.change("bob"):
            pass
    assert path.read_bytes() == torn
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError, match=r"damaged.*put back"):
        open_store(to_url(tmp_path))
    shutil.copy(tmp_path / "backup" / "study-20260105.sqlite", path)
    with open_store(to_url(tmp_path)) as store, store.read() as connection:
        assert verify(connection) == []


def test_a_locked_database_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "WAIT_S", 0.05)
    begin(to_url(tmp_path)).close()
    with closing(sqlite3.connect(tmp_path / "study.sqlite", isolation_level=None)) as other:
        other.execute("begin immediate")
        with open_store(to_url(tmp_path)) as store:
            with store.read() as connection:  # readers are not kept out
                assert connection.execute(select(box.c.name)).scalar() == "A"
            with pytest.raises(StorageError, match="another program has been writing"):
                store.change("bob").__enter__()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nonsense", "no URL"),
        ("mysql://x/y", "mysql"),
        ("sqlite:///none/there.sqlite", "no such database"),
    ],
)
def test_no_database_is_bad_input(address: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_store(address)


# people


def test_pins_are_hashed_with_a_salt() -> None:
    stored = hash_pin("4711")
    assert "4711" not in stored
    assert hash_pin("4711") != stored
    assert is_pin("4711", stored)
    assert not is_pin("4712", stored)
    assert not is_pin("4711", None)
    with pytest.raises(ValueError, match="four"):
        hash_pin("12")


# two rigs ask at once


def _rig(url: str, rig: str, both: Barrier) -> None:
    """Take animals until none is left, and end each session; the first when both have one."""
    with open_store(url) as store:
        given = give(store, rig, "ann")
        both.wait(60)  # else the quicker to start may have had them all
        while given:
            finish(store, given.uid, "ann", folder=f"{rig}/{given.uid}")
            given = give(store, rig, "ann")


def test_two_programs_give_out_every_animal_once(url: str) -> None:
    begin(url, ANIMALS).close()
    spawn = multiprocessing.get_context("spawn")
    both = spawn.Barrier(2)
    rigs = [spawn.Process(target=_rig, args=(url, f"rig{k}", both)) for k in range(2)]
    for rig in rigs:
        rig.start()
    for rig in rigs:
        rig.join(120)
        assert rig.exitcode == 0
    with open_store(url) as store, store.read() as connection:
        rows = connection.execute(select(session.c.rig, session.c.status)).all()
        starts = connection.execute(
            select(audit.c.row_key).where(audit.c.after.like('%"status":"running"%'))
        ).scalars()
        assert Counter(starts) == Counter(f"s{k:03d}" for k in range(ANIMALS))
        assert {row.status for row in rows} == {"done"}
        shares = Counter(row.rig for row in rows)
        assert shares.keys() == {"rig0", "rig1"}
        assert verify(connection) == []


def test_an_animal_in_a_box_is_not_given_again_nor_one_that_left(url: str) -> None:
    with begin(url, animals=2) as store:
        with store.change("ann") as change:
            change.insert(
                session,
                uid="again",
                animal="M000",
                phase="posttest",
                attempt=1,
                day=1,
                place=0,
                status="planned",
                entered_afterwards=0,
            )
            change.update(animal, {"id": "M001"}, status="withdrawn")
        first = give(store, "rig0", "ann")
        assert first is not None
        assert first.animal == "M000"
        assert give(store, "rig1", "ann") is None

        assert first.uid == "again"

        def both() -> None:
            with store.change("ann") as change:
                change.update(session, {"uid": "s000"}, status="running")

        with pytest.raises(StorageError, match=r"(?i)unique"):
            both()
