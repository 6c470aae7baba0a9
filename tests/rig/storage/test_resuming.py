from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rig.errors import ConfigError, StorageError
from rig.setup import Setup
from rig.storage import Mended, SessionRecord, SessionWriter, resume
from rig.video import VideoFile
from tests.rig.storage.small import Followed, follow, picture, session, stopped, tick
from tests.rig.storage.test_writer import Truth, expected

TEXTS = ("ticks.jsonl", "frames.csv", "events.jsonl")
N = 20


def replayed(record: SessionRecord) -> Iterator[Followed]:
    return map(follow, record.ticks())


def crashed(setup: Setup, folder: Path, **options: Any) -> dict[str, bytes]:
    """The folder of a session that was cut off in its middle; its files as they would be."""
    writer = SessionWriter(folder, setup, np.zeros((24, 32), np.uint8), **options)
    for item in list(session(N))[:-1]:
        assert writer.wait_room(20)
        writer.append(*item)
    writer.close()
    (folder / "SHA256SUMS").unlink()
    return {name: (folder / name).read_bytes() for name in TEXTS}


def go_on(folder: Path, **options: Any) -> Mended:
    record = SessionRecord.open(folder)
    writer, mended = resume(record, replayed(record), **options)
    for k in range(mended.ticks, 2 * N):
        seen, samples, events = follow(tick(k))
        assert writer.wait_room(20)
        writer.append(seen, None if seen.frame is None else picture(k), samples, events)
    seen, samples, events = stopped(tick(2 * N))
    writer.append(seen, None, samples, events)
    writer.close()
    return mended


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("left", [0.0, 0.02, 0.3, 0.71, 0.999], ids=str)
def test_a_session_cut_anywhere_goes_on_as_if_nothing_was(
    setup: Setup, tmp_path: Path, name: str, left: float
) -> None:
    folder = tmp_path / "behav"
    whole = crashed(setup, folder)
    kept = whole[name][: int(left * len(whole[name]))]
    (folder / name).write_bytes(kept)
    mended = go_on(folder)
    for text, data in expected(setup, 2 * N).items():
        assert (folder / text).read_bytes() == data
    record = SessionRecord.open(folder)
    assert record.problems() == []
    assert [v.name for v in record.videos] == ["video.mkv", "video-2.mkv"]
    # nothing is lost: what was cut off stands in torn/
    torn = {p.name: p.read_bytes() for p in (folder / "torn").glob("*")}
    half = kept[kept.rfind(b"\n") + 1 :]
    assert {n: len(t) for n, t in torn.items()} == mended.cut
    if name == "ticks.jsonl":
        assert torn.get(name, b"") == half
        assert mended.ticks == kept.count(b"\n")
    else:
        assert torn == ({name: half} if half else {})
        assert mended.ticks == N
        assert mended.made_again == {name: len(whole[name]) - len(kept) + len(half)}
    pictures = sum(tick(k).frame is not None for k in range(N))
    assert mended.pictures == {"video.mkv": pictures}
    assert mended.frames == sum(tick(k).frame is not None for k in range(mended.ticks))


def test_an_untorn_crash_is_only_gone_on_with(setup: Setup, tmp_path: Path) -> None:
    folder = tmp_path / "behav"
    crashed(setup, folder)
    video = (folder / "video.mkv").read_bytes()
    mended = go_on(folder)
    assert mended.to_json() == {
        "ticks": N,
        "frames": 15,
        "cut": {},
        "made_again": {},
        "pictures": {"video.mkv": 15},
    }
    assert not (folder / "torn").exists()
    assert (folder / "video.mkv").read_bytes() == video
    first = next(VideoFile.open(folder / "video-2.mkv").read())
    assert first.image[0, 0] == picture(N)[0, 0]


def test_a_tail_of_zeros_after_a_power_cut_is_set_aside(setup: Setup, tmp_path: Path) -> None:
    folder = tmp_path / "behav"
    whole = crashed(setup, folder)
    for name in TEXTS:
        (folder / name).write_bytes(whole[name][:600] + bytes(4000))
    mended = go_on(folder)
    assert set(mended.cut) == set(TEXTS)
    for text, data in expected(setup, 2 * N).items():
        assert (folder / text).read_bytes() == data


def test_a_session_is_resumed_again_and_again(setup: Setup, tmp_path: Path) -> None:
    folder = tmp_path / "behav"
    crashed(setup, folder)
    for _ in range(2):
        with (folder / "frames.csv").open("ab") as file:
            file.write(b"half")
        record = SessionRecord.open(folder)
        writer, mended = resume(record, replayed(record))
        for k in range(mended.ticks, mended.ticks + 3):
            seen, samples, events = follow(tick(k))
            writer.append(seen, picture(k), samples, events)
        writer.close()
        (folder / "SHA256SUMS").unlink()
    go_on(folder)
    torn = sorted(p.name for p in (folder / "torn").iterdir())
    assert torn == ["frames-2.csv", "frames.csv"]
    record = SessionRecord.open(folder)
    assert [v.name for v in record.videos] == [f"video{n}.mkv" for n in ("", "-2", "-3", "-4")]
    assert record.problems() == []


def test_closing_makes_no_further_video(setup: Setup, tmp_path: Path) -> None:
    folder = tmp_path / "behav"
    crashed(setup, folder)
    record = SessionRecord.open(folder)
    writer, mended = resume(record, replayed(record))
    seen, samples, events = stopped(tick(mended.ticks))
    writer.append(seen, None, samples, events)
    writer.close()
    again = SessionRecord.open(folder)
    assert again.problems() == []
    assert len(again.videos) == 1


def test_truth_goes_on_behind_the_last_tick(setup: Setup, tmp_path: Path) -> None:
    folder = tmp_path / "behav"
    whole = crashed(setup, folder, truth=lambda index: Truth())
    (folder / "ticks.jsonl").write_bytes(whole["ticks.jsonl"][: len(whole["ticks.jsonl"]) // 2])
    go_on(folder, truth=lambda index: Truth(x_px=9.0))
    frames = [line.split(",")[0] for line in (folder / "truth.csv").read_text().split("\n")[1:-1]]
    assert frames == [str(k) for k in range(2 * N) if tick(k).frame is not None]


@pytest.mark.parametrize("name", ["frames.csv", "events.jsonl"])
def test_files_that_contradict_the_ticks_are_left_alone(
    setup: Setup, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "behav"
    data = crashed(setup, folder)[name]
    changed = data.replace(b"left", b"rite", 1).replace("µ5".encode(), "µ6".encode(), 1)
    assert changed != data
    (folder / name).write_bytes(changed)
    with (folder / "ticks.jsonl").open("ab") as file:
        file.write(b"half")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    record = SessionRecord.open(folder)
    with pytest.raises(StorageError, match=f"{name}: what is recorded after byte"):
        resume(record, replayed(record))
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_an_ended_session_does_not_go_on(setup: Setup, tmp_path: Path) -> None:
    folder = tmp_path / "behav"
    crashed(setup, folder)
    go_on(folder)
    record = SessionRecord.open(folder)
    with pytest.raises(ConfigError, match="has ended"):
        resume(record, replayed(record))


def test_a_session_that_is_being_recorded_is_left_alone(setup: Setup, tmp_path: Path) -> None:
    folder = tmp_path / "behav"
    writer = SessionWriter(folder, setup)
    record = SessionRecord.open(folder)
    with pytest.raises(ConfigError, match="another process is recording"):
        resume(record, replayed(record))
    writer.close()
    second, _ = resume(record, replayed(record))
    with pytest.raises(ConfigError, match="another process is recording"):
        resume(record, replayed(record))
    second.close()
