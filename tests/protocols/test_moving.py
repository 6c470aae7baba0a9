"""A study's database off a share, its free pages, and a new version of its protocol."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from protocols import library
from protocols.store import Change, open_store, opening, places
from protocols.store import tables as t
from protocols.study import open_study
from tests.protocols.conftest import Cli
from tests.protocols.test_study import begun as begun
from tests.protocols.test_study import quick as quick

BY = ("--by", "ann")


@pytest.fixture
def shared(begun: Path, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study that was moved as a folder onto a network mount."""

    class Part:
        def __init__(self, mountpoint: Path, fstype: str) -> None:
            self.mountpoint, self.fstype, self.opts = str(mountpoint), fstype, "rw"

    net = here / "net"
    net.mkdir()
    shutil.move(begun, net / "S1")
    mounts = [Part(Path(tmp_path.anchor), "ext4"), Part(net, "nfs4")]
    monkeypatch.setattr(places.psutil, "disk_partitions", lambda all: mounts)  # type: ignore[attr-defined]
    monkeypatch.setenv("PLACEPREF_DATA", str(tmp_path / "data"))
    return net / "S1"


def test_a_live_database_is_taken_off_a_share(cli: Cli, shared: Path, tmp_path: Path) -> None:
    assert cli("study", "status", shared).code == 0
    said = cli("study", "add", shared, "--box", "C", *BY)
    assert said.code == 2
    assert f"to keep it on this computer: placepref study move {shared} --by OWNER" in said.err
    assert "'tom': is not a person" in cli("study", "move", shared, "--by", "tom").err
    assert not (shared / "database.local").exists()
    assert not list((tmp_path / "data").rglob("*.sqlite*"))
    said = cli("study", "move", shared, *BY)
    assert said.code == 0, said.err
    [live] = (tmp_path / "data" / "studies").glob("*.sqlite")
    assert str(live) in " ".join(said.out.split())
    assert "the one on nfs4 is kept in" in " ".join(said.out.split())
    assert not list(shared.glob("study.sqlite*"))
    assert len(list(shared.glob("backup/moved-*/study.sqlite"))) == 1
    assert cli("study", "add", shared, "--box", "C", *BY).code == 0
    said = cli("study", "check", shared)
    assert (said.code, said.err) == (0, "")
    with open_study(shared) as study, study.store.read() as connection:
        asked = text("select person, reason from audit where action = 'moved'")
        assert connection.execute(asked).all() == [("ann", "off nfs4")]
    again = cli("study", "move", shared, *BY)
    assert (again.code, "its live database is on this computer" in again.err) == (2, True)


def test_what_is_not_whole_or_not_on_a_share_is_not_moved(
    cli: Cli, shared: Path, here: Path, tmp_path: Path
) -> None:
    path = shared / "study.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("update animal set cage = 'C9' where id = 'M02'")
        connection.commit()
    said = cli("study", "move", shared, *BY)
    assert said.code == 1
    assert "animal M02: cage: not as the trail left it); nothing was moved" in said.err
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"x" * 8192 + data[12288:])
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    said = cli("study", "move", shared, *BY)
    assert said.code != 0
    assert "damaged" in said.err
    assert path.exists()
    assert not list((tmp_path / "data").rglob("*.sqlite*"))
    shutil.move(shared, here / "S2")
    said = cli("study", "move", "S2", *BY)
    assert (said.code, "lies on a local disk" in said.err) == (2, True)
    assert "is no study" in cli("study", "move", here, *BY).err


def test_free_pages_of_an_older_database_hold_nothing_after_its_update(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    url = f"sqlite:///{path}"
    config = Config()
    config.set_main_option("script_location", str(opening._scripts()))
    engine = opening._engine(url)
    with opening._writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "3")
        change = Change(connection, "ann")
        facts = dict.fromkeys(("name", "protocol", "protocol_sha256", "rules_sha256"), "x")
        change.insert(t.study, uid="u", protocol_version=1, created="2026-01-05", **facts)
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:  # as an older program wrote it
        connection.execute("pragma secure_delete = off")
        connection.execute("create table old (a text)")
        connection.executemany("insert into old values (?)", [("left paired M07" * 20,)] * 200)
        connection.commit()
        connection.execute("drop table old")
        connection.commit()
    assert b"left paired M07" in path.read_bytes()
    with open_store(url) as store, store.read() as reading:
        assert reading.execute(text("pragma secure_delete")).scalar() == 1
    assert b"left paired M07" not in b"".join(p.read_bytes() for p in tmp_path.glob("study.sqlite"))


def test_a_new_version_of_the_protocol_needs_a_reason_and_the_same_plan(
    cli: Cli, begun: Path, here: Path
) -> None:
    kept = (begun / "protocol.toml").read_text(encoding="utf-8")

    def revised(written: str, reason: str = "the doors are slow", code: int = 2) -> str:
        (here / "new.toml").write_text(written, encoding="utf-8")
        words = ("--protocol", "new.toml", "--reason", reason)
        said = cli("study", "revise", "S1", *words, *BY)
        assert said.code == code, said.err
        return said.err

    old = library.text("cocaine-cpp")
    new = old.replace("version = 2", "version = 3", 1)
    longer = new.replace("place_limit_s = 600", "place_limit_s = 900", 1)
    assert longer != new
    assert "a text that was altered has a higher one" in revised(old)
    assert "everybody can read it" in revised(longer, "less cocaine")
    assert "treatment: is another than before" in revised(
        new.replace('route = "s.c."', 'route = "i.p."')
    )
    assert "phase posttest: is another" in revised(new.replace("day = 4", "day = 5", 1))
    assert (begun / "protocol.toml").read_text(encoding="utf-8") == kept
    revised(longer, code=0)
    assert (begun / "backup" / "protocol-2.toml").read_text(encoding="utf-8") == kept
    with open_study(begun) as study:
        assert (study.protocol.version, study.joined.values["place_limit_s"]) == (3, 900)
        with study.store.read() as connection:
            asked = text("select person, reason, after from audit where about = 'study'")
            person, reason, after = connection.execute(asked).all()[-1]
    assert (person, reason) == ("ann", "the doors are slow")
    assert json.loads(after)["protocol_version"] == 3
    assert cli("study", "check", "S1").code == 0
    edited = (begun / "protocol.toml").read_text(encoding="utf-8").replace("900", "901")
    (begun / "protocol.toml").write_text(edited, encoding="utf-8")
    said = cli("study", "status", "S1")
    assert "was edited after the study began" in said.err
    assert "placepref study revise" in said.err
