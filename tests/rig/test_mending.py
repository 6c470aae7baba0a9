"""A session that is cut off in the middle: closed, or gone on with."""

import multiprocessing
import os
import signal
import time
from itertools import pairwise
from pathlib import Path

import pytest

from rig.errors import ConfigError
from rig.session import LoadedRig, Wish, close, mending, record, rescore, resume, verify
from rig.storage import SessionRecord, read_summary
from tests.rig.conftest import MakeRig, MakeWish

DEADLINE_S = 60.0


def _record(wish: Wish, rig: LoadedRig, out: Path) -> None:
    record(wish, rig, out=out, seed=5)


@pytest.fixture
def cut_off(make_rig: MakeRig, make_wish: MakeWish, tmp_path: Path) -> tuple[LoadedRig, Path]:
    """The folder of a session whose process was killed in the middle of its test."""
    rig = make_rig(frame_size_px=(160, 120), rate_hz=10.0)
    wish = make_wish(rig, codec="h264", assigned=("test_s=240",))
    process = multiprocessing.get_context("spawn").Process(
        target=_record, args=(wish, rig, tmp_path)
    )
    process.start()
    end = time.monotonic() + DEADLINE_S
    folder = None
    while time.monotonic() < end:
        folder = next(iter(tmp_path.glob("rawdata/sub-*/ses-*/behav")), None)
        events = folder / "events.jsonl" if folder else None
        if events is not None and events.exists() and b"scoring_started" in events.read_bytes():
            break
        process.join(0.02)
    assert folder is not None
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    process.join()
    process.close()
    return rig, folder


def told(folder: Path) -> tuple[str, str]:
    """How a session ended and how often it was gone on with, by its line in summary.csv."""
    (row,) = read_summary(folder)
    assert list(row)[-2:] == ["status", "resumed"]
    return row["status"], row["resumed"]


def test_a_session_that_was_cut_off_is_unfinished_and_can_be_closed(
    cut_off: tuple[LoadedRig, Path],
) -> None:
    _, folder = cut_off
    assert SessionRecord.open(folder).stop is None
    closed = close(folder, "power cut")
    assert closed.ending.status == "failed"
    assert closed.ending.reason == "interrupted: power cut"
    assert SessionRecord.open(folder).stop is not None
    assert (folder / "SHA256SUMS").exists()
    assert told(folder) == ("failed", "0")
    verdict = verify(folder)
    assert verdict.ok, verdict.problems
    with pytest.raises(ConfigError, match="ended"):
        close(folder, "again")


@pytest.mark.long
def test_a_session_that_was_cut_off_goes_on_in_its_own_folder(
    cut_off: tuple[LoadedRig, Path], tmp_path: Path
) -> None:
    rig, folder = cut_off
    before = (folder / "ticks.jsonl").read_bytes()
    cut = SessionRecord.open(folder)
    scored_before = sum(cut.columns()["scored"])
    on = resume(folder, rig, speed="max", seed=6)
    assert on.ending.status == "completed"
    assert told(folder) == ("completed", "1")
    assert on.folder == folder
    after = (folder / "ticks.jsonl").read_bytes()
    assert after.startswith(before[: before.rindex(b"\n") + 1])
    record = SessionRecord.open(folder)
    resumed = next(e for e in record.events() if e["kind"] == "resumed")
    gap_s = resumed["data"]["gap_s"]
    # The step's clock stood still in the gap, and the gap is lost time in the score.
    assert float(on.summary["test_s"]) == pytest.approx(240 + gap_s, abs=0.25)
    assert gap_s == 1.0, "virtual time has no wall clock to go by"
    assert float(on.summary["time_lost_s"]) == pytest.approx(gap_s, abs=0.25)
    times = pairwise(record.columns()["t_ns"])
    assert all(a < b for a, b in times), "no two rows at one time"
    assert sum(record.columns()["scored"]) > scored_before
    assert (folder / "video-2.mkv").exists()
    moved = [e for e in record.events() if e["kind"] == "door" and e["t_s"] > resumed["t_s"]]
    assert moved == []
    verdict = verify(folder)
    assert verdict.ok, verdict.problems
    again = rescore(folder, out=tmp_path / "scored")
    assert sum(abs(s) for s in again.difference_s.values()) <= 0.1 * (verdict.gone + 1) + 1.0


def test_a_session_that_ended_is_said_to_have_ended_however_long_ago(
    make_rig: MakeRig, make_wish: MakeWish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig(frame_size_px=(160, 120), rate_hz=10.0)
    ended = record(make_wish(rig, assigned=("test_s=2",)), rig, out=tmp_path)
    monkeypatch.setattr(mending, "_gap_ns", lambda *_: 10**15)
    with pytest.raises(ConfigError, match="this session has ended"):
        resume(ended.folder, rig, speed="max")


def test_a_session_on_another_rig_is_not_resumed(
    cut_off: tuple[LoadedRig, Path], make_rig: MakeRig
) -> None:
    _, folder = cut_off
    with pytest.raises(ConfigError, match="apparatus"):
        resume(folder, make_rig(frame_size_px=(320, 240)), speed="max")
