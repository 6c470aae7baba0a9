"""Who is no watcher gets no answer, and the session does not notice."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.channel import ensure, entries, find
from rig.session import verify
from rig.storage import SessionRecord, note_pairing
from rig.storage.folder import make_private, replace, session_folder
from tests.rig.attacks import ATTACKS, Siege, begun, ended
from tests.small import tick_until, tree, write_rig

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="these attacks speak to a socket file below the channel"
)
NOBODY = 65534


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder that every user of the system can look into; not one of pytest's, which is shut."""
    folder = Path(tempfile.mkdtemp(prefix="placepref-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def lax() -> Iterator[None]:
    """A user whose umask takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_session_notices_no_attack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACEPREF_RUNTIME", str(tmp_path / "run"))
    source, executed = write_rig(tmp_path, drive="none"), tmp_path / "executed"
    with ensure(source) as client:
        folder = begun(client, tmp_path / "study", 600.0)
        entry = find(source)
        assert entry is not None
        siege = Siege(entry, executed)
        for name in ATTACKS:
            siege.once(name)
        siege.end_quietly()
        status = client.request("status")["boxes"]["A"]
        assert status["state"] == "running", "all of it fell into the session"
        client.request("request", box="A", request={"kind": "end", "who": "me"})
        ending = ended(client, 60.0)
        client.request("quit")
    tick_until(lambda: not entries())
    assert siege.faults == []
    assert set(siege.tried) == set(ATTACKS)
    assert not executed.exists()
    assert ending["ending"]["status"] == "completed"
    ticks = list(SessionRecord.open(folder).ticks())
    assert [tick.k for tick in ticks] == list(range(len(ticks)))
    assert verify(folder).ok
    assert [path for path in tree(tmp_path) if "passwd" in path] == []


def reads(user: int, path: Path) -> bool:
    """Whether another user reads a file, or sees what is in a folder."""
    words = ["ls" if path.is_dir() else "cat", str(path)]
    done = subprocess.run(words, user=user, group=user, extra_groups=[], capture_output=True)
    return done.returncode == 0


@pytest.mark.usefixtures("lax")
def test_what_a_station_and_a_study_make_is_read_by_no_other_user(
    open_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can try it as another user")
    monkeypatch.setenv("PLACEPREF_RUNTIME", str(open_place / "run"))
    (open_place / "open").write_text("x")
    (open_place / "shared").mkdir()
    source = write_rig(open_place, drive="none")
    with ensure(source) as client:
        entry = find(source)
        assert entry is not None
        out = open_place / "study"
        folder = begun(client, out, 600.0)
        note_pairing(out, "M01", "left", "right")
        note_pairing(open_place / "shared", "M01", "left", "right")
        # It can look where it may; so it is the modes that keep it out.
        assert reads(NOBODY, open_place)
        assert reads(NOBODY, open_place / "open")
        kept = [Path(entry.key_file), Path(entry.address), open_place / "run", out, folder,
                folder / "setup.json", out / "pairing.csv",
                open_place / "shared" / "pairing.csv"]  # fmt: skip
        for path in kept:
            assert path.exists()
            assert not reads(NOBODY, path), path
        knock = (
            "import socket, sys\n"
            "s = socket.socket(socket.AF_UNIX)\n"
            "try:\n    s.connect(sys.argv[1])\n"
            "except PermissionError:\n    sys.exit(7)\n"
        )
        words = ["/usr/bin/python3", "-I", "-c", knock, entry.address]
        if Path(words[0]).exists():
            done = subprocess.run(words, user=NOBODY, group=NOBODY, extra_groups=[])
            assert done.returncode == 7
        client.request("quit", force=True)
    tick_until(lambda: not entries())


@pytest.mark.usefixtures("lax")
def test_what_is_made_private_is_so_whatever_the_umask(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    make_private(deep)
    assert {path.stat().st_mode & 0o777 for path in (deep, deep.parent)} == {0o700}
    make_private(deep)  # is there already
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        make_private(tmp_path / "file" / "below")
    session_folder(tmp_path / "study", "M01", "pretest")
    assert (tmp_path / "study").stat().st_mode & 0o777 == 0o700

    secret, plain = deep / "secret", deep / "plain"
    replace(secret, b"1", private=True)
    replace(secret, b"2")
    assert (secret.read_bytes(), secret.stat().st_mode & 0o777) == (b"2", 0o600)
    replace(plain, b"1")
    assert plain.stat().st_mode & 0o777 == 0o666
    plain.chmod(0o640)
    replace(plain, b"2", private=True)
    assert plain.stat().st_mode & 0o777 == 0o640, "who may read it was somebody's decision"
