from pathlib import Path

import pytest

from gui.result.rescore_queue import Job, Pace, Queue, State, Wishes, progress_of, sort_out
from gui.result.rescoring import why
from gui.texts import say


def test_a_video_is_asked_for_with_all_wishes(tmp_path: Path) -> None:
    wishes = Wishes(tmp_path / "out", tmp_path / "box.toml", "left", "10", "1:00")
    assert Job(tmp_path / "a.mp4", wishes).arguments() == [
        "rescore", str(tmp_path / "a.mp4"), "--out", str(tmp_path / "out"), "--json",
        "--progress-json", "--paired", "left", "--apparatus", str(tmp_path / "box.toml"),
        "--start", "10", "--end", "1:00",
    ]  # fmt: skip


def test_a_session_has_its_own_apparatus_and_window(tmp_path: Path) -> None:
    (tmp_path / "behav").mkdir()
    (tmp_path / "behav" / "setup.json").touch()
    job = Job(tmp_path / "behav", Wishes(tmp_path, tmp_path / "box.toml", "", "10", "20"))
    assert job.arguments()[1:] == [
        str(tmp_path / "behav"), "--out", str(tmp_path), "--json", "--progress-json",
    ]  # fmt: skip


def test_zones_that_were_drawn_anew_hold_for_a_session_too(tmp_path: Path) -> None:
    (tmp_path / "behav").mkdir()
    (tmp_path / "behav" / "setup.json").touch()
    wishes = Wishes(tmp_path, redrawn=tmp_path / "z.toml", corrections=tmp_path / "c.csv")
    assert Job(tmp_path / "behav", wishes).arguments()[6:] == [
        "--apparatus", str(tmp_path / "z.toml"), "--corrections", str(tmp_path / "c.csv"),
    ]  # fmt: skip


def test_one_after_the_other(tmp_path: Path) -> None:
    queue = Queue()
    first, second = queue.add([tmp_path / "a", tmp_path / "b"], Wishes(tmp_path))
    assert queue.take() is first
    assert queue.take() is None
    assert queue.waiting == 1
    first.state = State.FAILED
    assert queue.take() is second
    second.state = State.DONE
    assert queue.take() is None


def test_those_that_wait_can_be_cancelled(tmp_path: Path) -> None:
    queue = Queue()
    queue.add([tmp_path / "a", tmp_path / "b"], Wishes(tmp_path))
    queue.take()
    queue.cancel_waiting()
    assert [job.state for job in queue.jobs] == [State.RUNNING, State.CANCELLED]


def test_pace_is_of_the_last_seconds() -> None:
    pace = Pace()
    assert (pace.rate_hz, pace.left_s, pace.over) == (None, None, False)
    pace.tell(0.0, 100, 1000)
    pace.tell(0.1, 200, 1000)
    assert pace.rate_hz is None  # too short a time to say
    pace.tell(1.0, 300, 1000)
    assert pace.rate_hz == 200.0
    assert pace.left_s == 3.5
    for second in range(2, 12):
        pace.tell(float(second), 300 + 10 * second, 1000)
    assert pace.rate_hz == pytest.approx(10.0)
    pace.tell(12.0, 1000, 1000)
    assert pace.over


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"progress": "a", "done": 3, "total": 9}', (3, 9)),
        ('{"progress": "a"}', None),
        ("placepref: no", None),
        ("[1]", None),
        ("7", None),
        ("", None),
    ],
)
def test_lines_of_progress(line: str, told: tuple[int, int] | None) -> None:
    assert progress_of(line) == told


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("placepref: box.toml: frame_size_px: 640x480, but a.mp4 is 320x240 px", "hint_size"),
        ("placepref: --out: x is there already; nothing is overwritten", "hint_there"),
        ("placepref: x cannot be written: No space left on device", "hint_space"),
        ("placepref: --paired: 'up': not one of the chambers left, right", "hint_paired"),
        ("placepref: something else", "hint_any"),
    ],
)
def test_what_there_is_to_do(line: str, hint: str) -> None:
    said = ['{"progress": "a", "done": 3, "total": 9}', line, "WARNING: a helper ended early"]
    told = why(said)
    assert told.startswith(line.removeprefix("placepref: "))
    assert told.endswith(say(f"rescore.{hint}"))


def test_a_process_that_said_nothing() -> None:
    assert why([]).startswith(say("rescore.ended_early"))


def test_what_was_dropped(tmp_path: Path) -> None:
    session = tmp_path / "behav"
    session.mkdir()
    for path in ("a.mp4", "b.AVI", "box.toml", "notes.txt", "behav/setup.json", "behav/video.mkv"):
        (tmp_path / path).touch()
    taken = sort_out([tmp_path / name for name in ("a.mp4", "b.AVI", "box.toml", "a.mp4")])
    assert taken.recordings == (tmp_path / "a.mp4", tmp_path / "b.AVI")
    assert taken.apparatus == tmp_path / "box.toml"
    taken = sort_out(
        [session / "video.mkv", session, tmp_path / "notes.txt", tmp_path / "gone.avi"]
    )
    assert taken.recordings == (session,)  # a session's own video stands for the session
    assert taken.folders == (session,)
    assert taken.unknown == (tmp_path / "notes.txt", tmp_path / "gone.avi")
    assert sort_out([]) == sort_out(())
