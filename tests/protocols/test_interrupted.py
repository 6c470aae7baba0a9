"""`study check` and the sessions that were cut off."""

import os
import time
from pathlib import Path

from protocols.study.interrupted import interrupted
from rig.session import close
from tests.protocols.conftest import record_tests


def names(lines: list[str]) -> list[str]:
    """What is said after the folder's name."""
    return [line.partition(": ")[2] for line in lines]


def test_each_session_without_a_whole_end_is_told_with_what_to_do(tmp_path: Path) -> None:
    first, second = record_tests(tmp_path, {"pretest": 4.0, "posttest": 3.0})
    assert interrupted(tmp_path) == []
    for folder in (first, second):
        for name in ("SHA256SUMS", "summary.csv", "visits.csv"):
            (folder / name).unlink()
    for name in ("ticks.jsonl", "events.jsonl"):
        data = (first / name).read_bytes()
        (first / name).write_bytes(data[: len(data) // 2])
    data = (first / "video.mkv").read_bytes()
    (first / "video.mkv").write_bytes(data[: len(data) // 2])
    (tmp_path / "rawdata" / "sub-M01" / "ses-09").mkdir()
    old = time.time() - 60
    for folder in (first, second):
        os.utime(folder / "ticks.jsonl", (old, old))
    cut, over, empty = names(interrupted(tmp_path))
    assert cut.startswith("has no end (")
    assert "ticks.jsonl ends in half a line of" in cut
    assert "video.mkv holds" in cut
    assert cut.endswith("placepref resume or close it, then file it")
    assert over == "ended (completed) but was not completed: placepref close it"
    assert "nothing was recorded; the folder may be deleted" in empty
    close(first, "cut")
    close(second, "cut")
    (tmp_path / "rawdata" / "sub-M01" / "ses-09").rmdir()
    assert interrupted(tmp_path) == []
    (second / "summary.csv").unlink()
    assert names(interrupted(tmp_path)) == ["its tables are not there: placepref close it"]


def test_one_that_is_recorded_now_is_left_alone(tmp_path: Path) -> None:
    (folder,) = record_tests(tmp_path, {"pretest": 3.0})
    for name in ("SHA256SUMS", "summary.csv", "visits.csv", "events.jsonl"):
        (folder / name).unlink()
    (folder / "events.jsonl").touch()
    (folder / "ticks.jsonl").touch()
    assert interrupted(tmp_path) == []


def test_a_folder_whose_program_died_as_it_made_the_files_holds_nothing(tmp_path: Path) -> None:
    """Earlier versions made setup.json first; a kill then left a folder that nothing could end."""
    first, second = record_tests(tmp_path, {"pretest": 3.0, "posttest": 3.0})
    for folder in (first, second):
        for path in folder.iterdir():
            if path.name not in ("setup.json", "ticks.jsonl"):
                path.unlink()
    os.utime(first / "ticks.jsonl", (1, 1))
    (second / "ticks.jsonl").write_bytes(b"")
    os.utime(second / "ticks.jsonl", (1, 1))
    told, bare = interrupted(tmp_path)
    assert "events.jsonl cannot be read" in told  # something was recorded: not to be deleted
    assert bare.startswith("rawdata/sub-M01/ses-02")
    assert bare.endswith("nothing was recorded; the folder may be deleted")
