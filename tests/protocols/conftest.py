"""The command line in this process, in an empty folder."""

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from protocols.cli import main
from rig.channel import connect, entries
from rig.channel.entries import is_claimed
from tests.small import ARENA, CLIP_RIG, tick_until, write_clip


class Said(NamedTuple):
    """What a command left: its exit code, what it printed, what it said and warned of."""

    code: int
    out: str
    err: str


Cli = Callable[..., Said]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and a runtime folder of its own beside it."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("PLACEPREF_RUNTIME", str(tmp_path / "run"))
    return work


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


@pytest.fixture
def stations(here: Path) -> Iterator[None]:
    """Ends the stations that a test started."""
    yield
    for entry in entries():
        with connect(entry) as client:
            client.request("quit", force=True)
        tick_until(lambda source=entry.source: not is_claimed(source))
