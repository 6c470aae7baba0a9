"""Every protocol of the library that can be a study, played as one; and the one that cannot."""

import os
from pathlib import Path

import pytest

from protocols import library
from protocols.days import unrolled
from protocols.study import open_study
from rig.errors import ConfigError
from tests.hurry import hurry
from tests.protocols.whole import DRIVES, Donors, begin, play

STUDIES = [name for name in library.names() if library.read(name).study is not None]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hurry(monkeypatch)
    monkeypatch.setenv("PLACEPREF_CONFIG", str(tmp_path / "config"))


@pytest.fixture(scope="module")
def donors() -> Donors:
    return {}


@pytest.mark.parametrize(
    ("name", "drive"),
    [
        pytest.param(name, DRIVES[k // 12 % 3], marks=() if k % 12 == 0 else pytest.mark.long)
        for k, name in enumerate(STUDIES)
    ],
)
def test_a_protocol_is_played_as_a_study(
    name: str, drive: str, donors: Donors, tmp_path: Path
) -> None:
    """One animal, doors of one kind, each different session run once; every sixth in short.

    `python -m tests.protocols.whole` plays two animals with doors of every kind, each session run.
    """
    played = play(name, drive, tmp_path / "S", 1, donors)
    assert played.faults == []
    with open_study(tmp_path / "S", write=False) as study:
        course = study.joined.course
    once = unrolled(course, [block.least for block in course.extinction])
    assert {phase.name for phase in once if phase.in_box} <= set(played.phases)


def test_one_that_says_nothing_of_days_or_groups_is_no_study(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        begin("free-exploration", tmp_path / "S", 1)
    assert "placepref run records it by itself; for a study, extend it" in str(error.value)
    assert not os.path.exists(tmp_path / "S")
