"""Folders as a kill near the end, or a power cut, leaves them: read as they are, then closed."""

import json
from pathlib import Path

import pytest

from rig.errors import ConfigError
from rig.session import LoadedRig, close, record, resume, verify
from rig.session.overlaying import session_pictures
from rig.session.viewing import open_reel, whence
from rig.storage import SessionRecord
from tests.rig.conftest import MakeRig, MakeWish
from tests.small import tree

SEED = 5


@pytest.fixture
def ended(make_rig: MakeRig, make_wish: MakeWish, tmp_path: Path) -> tuple[LoadedRig, Path]:
    """A session that was completed."""
    rig = make_rig(frame_size_px=(160, 120), rate_hz=10.0, drive="none")
    wish = make_wish(rig, assigned=("test_s=6",))
    return rig, record(wish, rig, out=tmp_path, seed=SEED).folder


@pytest.fixture
def without_sums(ended: tuple[LoadedRig, Path]) -> tuple[LoadedRig, Path]:
    """Its process was killed between the stop record and the sums."""
    for name in ("SHA256SUMS", "summary.csv", "visits.csv"):
        (ended[1] / name).unlink()
    return ended


def cut(path: Path, lines: int) -> None:
    """Leave out the last lines of a file."""
    kept = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(kept[:-lines]))


def closed(folder: Path) -> SessionRecord:
    """The session once it is closed; it is whole then."""
    close(folder, "power cut")
    verdict = verify(folder)
    assert verdict.ok, verdict.problems
    with pytest.raises(ConfigError, match="ended"):
        close(folder, "again")
    return SessionRecord.open(folder)


def test_an_end_that_was_not_completed_is_told_and_kept_when_it_is_closed(
    without_sums: tuple[LoadedRig, Path],
) -> None:
    rig, folder = without_sums
    before = tree(folder)
    problems = verify(folder).problems
    assert problems == ["SHA256SUMS is missing: `placepref close` completes the session's end"]
    with pytest.raises(ConfigError, match="close it"):
        resume(folder, rig, speed="max")
    assert tree(folder) == before
    stop = closed(folder).stop
    assert stop is not None
    assert (stop["status"], stop["reason"]) == ("completed", "the plan was carried out")
    told = json.loads((folder / "torn" / "closed.json").read_bytes())
    assert told["reason"] == "power cut"
    assert told["cut"] == {}


def test_tables_that_were_not_written_are_made_when_it_is_closed(
    ended: tuple[LoadedRig, Path],
) -> None:
    _, folder = ended
    summary = (folder / "summary.csv").read_bytes()
    for name in ("summary.csv", "visits.csv"):
        (folder / name).unlink()
    sums = (folder / "SHA256SUMS").read_bytes()
    closed(folder)
    assert (folder / "summary.csv").read_bytes() == summary
    assert (folder / "SHA256SUMS").read_bytes() == sums


def test_zeros_after_the_last_line_are_torn_off(without_sums: tuple[LoadedRig, Path]) -> None:
    _, folder = without_sums
    for name in ("ticks.jsonl", "frames.csv", "events.jsonl"):
        cut(folder / name, 20 if name != "events.jsonl" else 8)
        with (folder / name).open("ab") as file:
            file.write(bytes(4096) + b'"late":1}\n')
    record = SessionRecord.open(folder)
    assert record.torn()["ticks.jsonl"] == 4096 + 10
    verdict = verify(folder)
    assert verdict.ok, verdict.problems
    record = closed(folder)
    assert record.stop is not None
    assert record.stop["reason"] == "interrupted: power cut"
    assert (folder / "torn" / "ticks.jsonl").read_bytes().startswith(bytes(4096))


def test_rows_ahead_of_their_ticks_are_set_aside(without_sums: tuple[LoadedRig, Path]) -> None:
    """The events and rows of the last second came to the disk, the ticks did not."""
    _, folder = without_sums
    cut(folder / "ticks.jsonl", 12)
    rows = (folder / "frames.csv").read_bytes()
    before = tree(folder)
    assert verify(folder).problems == [
        "SHA256SUMS is missing: `placepref close` completes the session's end"
    ]
    assert tree(folder) == before
    record = closed(folder)
    assert record.stop is not None
    assert record.stop["reason"] == "interrupted: power cut"
    assert rows.endswith((folder / "torn" / "frames.csv").read_bytes())
    assert b'"stop"' in (folder / "torn" / "events.jsonl").read_bytes()


def test_a_video_of_zeros_is_none(without_sums: tuple[LoadedRig, Path]) -> None:
    _, folder = without_sums
    video = folder / "video.mkv"
    video.write_bytes(bytes(video.stat().st_size))
    closed(folder)
    assert verify(folder).gone > 0


@pytest.mark.parametrize("again", [False, True], ids=["resumed", "resumed before a picture"])
def test_pictures_of_a_session_that_goes_on_without_its_first_video_are_found(
    without_sums: tuple[LoadedRig, Path], again: bool
) -> None:
    """A power cut took the video's name; what follows has a name of its own, or that one."""
    rig, folder = without_sums
    for name in ("ticks.jsonl", "frames.csv", "events.jsonl", "truth.csv"):
        path = folder / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if again:  # a resume that came to no picture leaves no trace but its own video
        (folder / "video-2.mkv").write_bytes(b"")
    else:
        (folder / "video.mkv").unlink()
    assert resume(folder, rig, speed="max", seed=SEED).ending.status == "completed"
    found = SessionRecord.open(folder)
    names = [None if path is None else path.name for path in found.parts]
    assert names == (["video.mkv", "video-3.mkv"] if again else [None, "video.mkv"])
    verdict = verify(folder)
    assert (verdict.problems, verdict.differing) == ([], 0)
    resumed = next(t.k for t in found.ticks() if any(r.kind == "resumed" for r in t.requests))
    mine = [t.frame for t in found.ticks() if t.frame is not None and t.k >= resumed]
    shown = [frame for frame, _ in session_pictures(found)]
    assert shown[-len(mine) :] == mine
    reel = open_reel(whence(folder), found.columns()["frame"], mine[:1])
    assert reel.picture(mine[-1]) is not None


def test_pictures_that_lack_in_the_middle_leave_the_others_with_their_rows(
    without_sums: tuple[LoadedRig, Path],
) -> None:
    _, folder = without_sums
    video = folder / "video.mkv"
    data = bytearray(video.read_bytes())
    size = len(data)
    data[size // 3 : size // 3 + 20_000] = bytes(20_000)
    video.write_bytes(data)
    closed(folder)
    verdict = verify(folder)
    assert 0 < verdict.gone < 20
    assert verdict.pictures > 20
    assert verdict.differing == 0, "a picture went with another row"


def test_a_session_that_ended_in_order_is_not_excused(ended: tuple[LoadedRig, Path]) -> None:
    _, folder = ended
    cut(folder / "ticks.jsonl", 12)
    assert not verify(folder).ok
