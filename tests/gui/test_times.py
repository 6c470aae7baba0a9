import shutil
from functools import partial
from pathlib import Path

import pytest

from gui.run.times import MEASURE_EVERY_S, Following, Turns
from protocols.asking import Choice, make_wish
from rig.session import load_rig, record
from rig.storage import SessionRecord


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    choice = Choice("cocaine-cpp", "M01", "sim", out, "pretest", assigned=["test_s=6"])
    wish, _ = make_wish(choice, load_rig("sim"), "auto")
    return record(wish, out=out).folder


def test_live_times_are_the_offline_ones(session: Path, tmp_path: Path) -> None:
    setup = SessionRecord.open(session).setup
    whole = (session / "frames.csv").read_bytes()
    copy = tmp_path / "frames.csv"
    copy.write_bytes(b"")
    following = Following(tmp_path, setup.apparatus, setup.rate_hz)
    assert not following.read()
    assert following.times().scored_s == 0
    for end in range(0, len(whole) + 700, 700):  # mostly in the middle of a line
        copy.write_bytes(whole[:end])
        following.read()
    assert len(following) == whole.count(b"\n") - 1
    times = following.times()
    row = (session / "summary.csv").read_text().splitlines()
    offline = dict(zip(row[0].split(","), row[1].split(","), strict=True))
    for name, time_s, entries in zip(times.chambers, times.time_s, times.entries, strict=True):
        assert time_s == float(offline[f"time_{name}_s"])
        assert entries == int(offline[f"entries_{name}"])
    assert times.lost_s == float(offline["time_lost_s"])
    assert following.trail
    assert following.trail[-1][0] - following.trail[0][0] <= 8_000_000_000


def test_a_folder_that_went_away_is_an_error(session: Path, tmp_path: Path) -> None:
    setup = SessionRecord.open(session).setup
    shutil.copy(session / "frames.csv", tmp_path)
    following = Following(tmp_path, setup.apparatus, setup.rate_hz)
    assert following.read()
    (tmp_path / "frames.csv").unlink()
    with pytest.raises(OSError, match=r"frames\.csv"):
        following.read()


def test_measuring_takes_at_most_a_tenth_of_the_time() -> None:
    now_s, spent_s = 0.0, 0.0

    def cost(key: str) -> None:
        nonlocal now_s, spent_s
        done[key] += 1
        now_s += 0.3
        spent_s += 0.3

    turns = Turns(lambda: now_s)
    done = dict.fromkeys("ABCD", 0)
    while now_s < 100:
        turns.take({key: partial(cost, key) for key in done})
        now_s += 0.1
    assert spent_s <= 0.11 * now_s
    assert max(done.values()) - min(done.values()) <= 1


def test_a_box_is_measured_once_a_second_at_most() -> None:
    now_s = 0.0
    turns = Turns(lambda: now_s)
    count = 0
    for _ in range(100):
        count += turns.take({"A": lambda: None})
        now_s += 0.1
    assert count == pytest.approx(10 / MEASURE_EVERY_S, abs=1)
