"""Folders of rigs in the making: they go with their window, or at the next start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gui.setup.provisional import ProvisionalStation, remove_abandoned
from rig.channel import Entry

ROOT = Path(__file__).parents[2]
WINDOW = """
import sys
from gui.setup.provisional import ProvisionalStation
station = ProvisionalStation()
folder = station.folder()
(folder / "1").mkdir()
print(folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(config: Path) -> subprocess.Popen[str]:
    """Another window's process, with a folder of its own."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", WINDOW], cwd=ROOT, stdin=pipe, stdout=pipe, text=True
    )


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def told(process: subprocess.Popen[str]) -> Path:
    assert process.stdout is not None
    return Path(process.stdout.readline().strip())


def test_the_folder_of_a_crashed_window_goes_at_the_next_start(
    other: subprocess.Popen[str], config: Path
) -> None:
    folder = told(other)
    mine = ProvisionalStation()
    own = mine.folder()
    by_hand = config / "provisional" / "notes"
    by_hand.mkdir()
    remove_abandoned()
    assert folder.is_dir(), "its window lives"
    end(other)
    remove_abandoned()
    assert not folder.exists()
    assert own.is_dir()
    assert by_hand.is_dir(), "nothing that a window did not make"
    mine.close_down()
    assert not own.exists()


def test_a_folder_that_a_station_still_uses_stays(
    other: subprocess.Popen[str], config: Path, station_on: list[str]
) -> None:
    folder = told(other)
    end(other)
    station_on.append(str(folder / "1" / "provisional.rig.toml"))
    remove_abandoned()
    assert folder.is_dir()


@pytest.fixture
def station_on(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Rigs whose stations are found, as their entries say."""
    rigs: list[str] = []

    def found() -> list[Entry]:
        return [Entry("rig", rig, "sim", (), os.getpid(), "", "", "") for rig in rigs]

    monkeypatch.setattr("gui.setup.provisional.entries", found)
    return rigs


def test_nothing_to_remove_is_no_error(config: Path) -> None:
    remove_abandoned()
    assert not config.exists()
