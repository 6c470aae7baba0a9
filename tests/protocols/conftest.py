"""The command line in this process, in an empty folder."""

import logging
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import typer.main

from protocols import library
from protocols.cli import main
from protocols.protocol import parse, plan_session, settings
from rig.channel import connect, entries
from rig.channel.entries import is_claimed
from rig.hardware.simulated.builtin import builtin
from rig.session import LoadedRig, Wish, record
from rig.session.load import LoadedBox
from rig.storage import note_pairing
from tests.small import ARENA, CLIP_RIG, tick_until, write_clip


class Said(NamedTuple):
    """What a command left: its exit code, what it printed, what it said and warned of."""

    code: int
    out: str
    err: str


Cli = Callable[..., Said]
_commands = cache(typer.main.get_command)
"""All commands with their options, made once: that takes 30 ms, as long as many a command."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and folders of its own for stations and settings beside it."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("PLACEPREF_RUNTIME", str(tmp_path / "run"))
    monkeypatch.setenv("PLACEPREF_CONFIG", str(tmp_path / "config"))
    return work


class Kept:
    """What one test made in its folders, for all later ones of this process to begin with."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def begin(self, name: str, here: Path, make: Callable[[], object]) -> None:
        """The working folder and the settings as `make` leaves them; it is called once a `name`."""
        kept, base = self._root / name, here.parent
        if kept.is_dir():
            shutil.copytree(kept, base, dirs_exist_ok=True)
            return
        make()
        for place in ("work", "config"):
            shutil.copytree(base / place, kept / place)


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def clip(here: Path) -> Path:
    """A recording, its apparatus file arena.toml, and clip.rig.toml that plays it as a camera."""
    (here / "arena.toml").write_text(ARENA)
    (here / "clip.rig.toml").write_text(CLIP_RIG)
    return write_clip(here)


@pytest.fixture
def cli(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Cli:
    """Runs `placepref` with these words; warnings of the log are told as standard error."""
    monkeypatch.setattr(typer.main, "get_command", _commands)

    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["placepref", *map(str, words)])
        capsys.readouterr()
        caplog.clear()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        warned = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
        code = ended.value.code
        assert isinstance(code, int)
        return Said(code, out, err + "".join(f"{line}\n" for line in warned))

    return run


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pre-test (20 s) and post-test (12 s) of a simulated mouse, and its pairing.csv."""
    out = tmp_path_factory.mktemp("study")
    note_pairing(out, "M01", "left", "right")
    record_tests(out, {"pretest": 20.0, "posttest": 12.0})
    return out


def record_tests(out: Path, tests: Mapping[str, float], hysteresis_cm: float = 1.0) -> list[Path]:
    """Sessions of one simulated mouse; gives their folders. The same mouse at every call."""
    rig, apparatuses = builtin()
    plain = apparatuses["A"]
    entry = plain.entry.model_copy(update={"hysteresis_cm": hysteresis_cm})
    apparatus = plain.model_copy(update={"entry": entry})
    boxes = {box.name: LoadedBox(box, apparatus, "sim", None) for box in rig.box}
    loaded = LoadedRig("sim", rig, boxes, Path())
    protocol = parse(library.text("cocaine-cpp"), "cocaine-cpp")
    folders = []
    for seed, (phase, test_s) in enumerate(tests.items()):
        values = settings(protocol, [f"test_s={test_s:g}"])
        plan = plan_session(protocol, phase, apparatus, "left", values)
        wish = Wish(plan=plan, subject="M01", phase=phase, operator="Doe, Jane")
        folders.append(record(wish, loaded, out=out, seed=seed).folder)
    return folders


@pytest.fixture
def stations(here: Path) -> Iterator[None]:
    """Ends the stations that a test started."""
    yield
    for entry in entries():
        with connect(entry) as client:
            client.request("quit", force=True)
        tick_until(lambda source=entry.source: not is_claimed(source))
