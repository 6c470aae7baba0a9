"""A short form of `python -m tests.fuzz`: each kind of file a few times, by hypothesis."""

import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.case import Bench, Came, Target, watch
from tests.fuzz.targets import TARGETS

CASES = 3
"""Of each kind: some are a whole rescoring. The long run is for the rest."""
QUICK = frozenset(
    ("apparatus file", "rig file", "table of animals", "corrections", "pairing, summary",
     "track as text", "track as HDF5", "picture", "ticks", "wire", "channel", "user's folders",
     "workbook", "by eye and hand")
)  # fmt: skip
"""Kinds of which a case takes a few ms."""
MANY = 30


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Bench]]:
    before = {name: os.environ.get(name) for name in ("PLACEPREF_CONFIG", "PLACEPREF_DATA")}
    root = logging.getLogger()
    # A window of an earlier test may write its log yet: that is no file of what is read here.
    others = [one for one in root.handlers if isinstance(one, logging.FileHandler)]
    for handler in others:
        root.removeHandler(handler)
    yield {}
    for handler in others:
        root.addHandler(handler)
    watch().on = False
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_is_spoilt_is_read_or_refused_in_one_line(
    target: Target, benches: dict[str, Bench], tmp_path_factory: pytest.TempPathFactory
) -> None:
    bench = Bench(target, tmp_path_factory.mktemp("bench") / "bench")
    came, words = bench.good()
    assert came is Came.READ, words

    @settings(
        max_examples=MANY if target.name in QUICK else CASES,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),  # making a case smaller may take hundreds of rescorings
    )
    @given(st.randoms(use_true_random=False))
    def check(dice: Random) -> None:
        name, data = bench.spoilt(dice)
        came, words = bench.run(name, data)
        assert came in (Came.READ, Came.REFUSED), f"{name}: {words}"

    check()


def test_the_watch_sees_what_is_written_outside(tmp_path: Path) -> None:
    """A kind that writes beside its output folder, starts a program, and changes what it read."""

    def make(folder: Path) -> None:
        (folder / "file").write_text("x")

    def beside(folder: Path, out: Path) -> None:
        (out.parent / "beside").write_text("x")

    def inside(folder: Path, out: Path) -> None:
        (folder / "file").write_text("changed")

    def starts(folder: Path, out: Path) -> None:
        os.posix_spawn("/bin/true", ["true"], {})

    def fails(folder: Path, out: Path) -> None:
        raise KeyError("x")

    for k, (read, wanted) in enumerate(
        ((beside, Came.OUTSIDE), (inside, Came.OUTSIDE), (starts, Came.OUTSIDE),
         (fails, Came.CRASHED))
    ):  # fmt: skip
        if read is starts and not Path("/bin/true").exists():
            continue
        target = Target("made up", make, (("file", lambda data, dice: data),), read)
        assert Bench(target, tmp_path / str(k)).good()[0] is wanted


def test_a_thread_of_somebody_else_is_not_the_case_s(tmp_path: Path) -> None:
    """One that is there already may write its files meanwhile; one that reading begins may not."""
    go, gone = threading.Event(), threading.Event()

    def write() -> None:
        (tmp_path / "elsewhere").write_text("x")
        gone.set()

    def wait() -> None:
        go.wait(10)
        write()

    def make(folder: Path) -> None:
        (folder / "file").write_text("x")

    def asks_another(folder: Path, out: Path) -> None:
        go.set()
        assert gone.wait(10)

    def begins_one(folder: Path, out: Path) -> None:
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()

    for read, wanted in ((asks_another, Came.READ), (begins_one, Came.OUTSIDE)):
        target = Target("made up", make, (("file", lambda data, dice: data),), read)
        bench = Bench(target, tmp_path / read.__name__)
        go.clear()
        gone.clear()
        other = threading.Thread(target=wait)
        other.start()
        came, _ = bench.run(Path("file"), b"x")
        go.set()
        other.join()
        assert came is wanted


def test_a_module_that_is_imported_for_the_first_time_is_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytecode would be: by the first run after a change, and never again."""
    (tmp_path / "imported_late.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.delitem(sys.modules, "imported_late", raising=False)

    def make(folder: Path) -> None:
        (folder / "file").write_text("x")

    def reads(folder: Path, out: Path) -> None:
        import imported_late  # type: ignore[import-not-found]

        assert imported_late.x == 1

    target = Target("made up", make, (("file", lambda data, dice: data),), reads)
    came, words = Bench(target, tmp_path / "bench").run(Path("file"), b"x")
    assert came is Came.READ, words
    assert sys.dont_write_bytecode is False
