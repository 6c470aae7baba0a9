"""The bench's own tools: what a disk keeps after a power cut, the table, calls that fail."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import __main__ as bench
from tests.faults import shim
from tests.faults.power import Disk, records
from tests.faults.row import Row

CHANGES = """import os, sys
from pathlib import Path
root = Path(sys.argv[1])
(root / "a").mkdir()
file = open(root / "a" / "new.part", "wb", buffering=0)
file.write(b"one")
os.fsync(file.fileno())
os.replace(root / "a" / "new.part", root / "a" / "new")
for folder in (root / "a", root):
    number = os.open(folder, os.O_RDONLY)
    os.fsync(number)
    os.close(number)
file.write(b"two")
(root / "a" / "unnamed").write_bytes(b"x")
try:
    (root / "refused").write_bytes(b"y")
except OSError as error:
    print(error.errno)
"""


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A folder that a process changed with the shim, the log of it, and what the process said."""
    if why := shim.lacking():
        pytest.skip(why)
    work = tmp_path_factory.mktemp("shim")
    root, log, fail = work / "root", work / "log", work / "fail"
    root.mkdir()
    fail.write_text("write 5 refused\n")
    env = shim.environment(shim.compiled(work), root, log, fail)
    words = [sys.executable, "-c", CHANGES, str(root)]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=True)
    return root, log, done.stdout


def test_a_call_that_is_to_fail_fails(changed: tuple[Path, Path, str]) -> None:
    root, _, said = changed
    assert said == "5\n"
    assert (root / "refused").read_bytes() == b""


def test_only_what_was_synced_is_left(changed: tuple[Path, Path, str], tmp_path: Path) -> None:
    root, log, _ = changed
    disk, rng = Disk(str(root)), random.Random(1)
    for _, *record in records(log):
        disk.apply(*record)
    disk.write(tmp_path / "synced", "synced", rng)
    assert tree(tmp_path / "synced") == {"a/new": b"one"}, "neither the rest nor the name"
    seen = set()
    for k in range(20):
        disk.write(tmp_path / f"zeros-{k}", "zeros", rng)
        left = tree(tmp_path / f"zeros-{k}")
        assert left["a/new"] == b"one\0\0\0"
        seen.add("a/unnamed" in left)
        disk.write(tmp_path / f"torn-{k}", "torn", rng)
        assert b"onetwo".startswith(tree(tmp_path / f"torn-{k}")["a/new"])
    assert seen == {True, False}


def test_before_the_folder_was_synced_it_has_no_names(
    changed: tuple[Path, Path, str], tmp_path: Path
) -> None:
    root, log, _ = changed
    disk = Disk(str(root))
    for _, op, *record in records(log):
        if op == "d":
            break
        disk.apply(op, *record)
    disk.write(tmp_path / "cut", "synced", random.Random(1))
    assert tree(tmp_path / "cut") == {}


def test_the_table_fits_a_terminal_and_one_that_was_not_survived_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [Row("x " * 40, 10, 9, 0.5, "wrong: " + "words " * 30), Row("not here", 0, 0, 0.0, "no")]
    monkeypatch.setattr(
        bench, "run", lambda names, short: [print(bench.line(r)) or r for r in rows]
    )
    assert bench.main(["--only", "kills"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert max(map(len, out)) <= 80
    assert out[-1].split() == ["all", "10", "9", "0.50"]
    rows[0] = Row("x", 10, 10, 0.5)
    assert bench.main([]) == 0
