import errno
import io
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from rig import png
from rig.errors import ConfigError, StorageError
from rig.ledger import Ledger
from rig.model import Event, Gray, Tick
from rig.setup import Setup
from rig.storage import SessionRecord, SessionWriter, session_folder
from rig.video import VideoFile
from tests.rig.storage.small import follow, picture, session, tick


class Coder:
    """Stands in for the video: writes a byte a picture, and waits where it is told to."""

    gate: threading.Event | None = None
    fails_at = -1

    def __init__(self, file: BinaryIO, *_: Any) -> None:
        self.file, self.times = file, list[int]()

    def write(self, image: Gray, t_ns: int) -> None:
        if self.gate is not None:
            assert self.gate.wait(20)
        if len(self.times) == self.fails_at:
            raise StorageError("video cannot be written: No space left on device")
        self.times.append(t_ns)
        self.file.write(b".")

    def close(self) -> None:
        self.file.write(b"|")


class FullDisk(io.FileIO):
    """A file on a disk that takes so many more bytes, then refuses."""

    def __init__(self, path: Path, room: int) -> None:
        super().__init__(path, "xb")
        self.left = room
        self.refused = threading.Event()

    def write(self, data: Any) -> int:
        if not self.left:
            self.refused.set()
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = super().write(memoryview(data)[: self.left])
        self.left -= taken
        return taken


@dataclass(frozen=True)
class Truth:
    x_px: float = 1.0
    y_px: float = 2.0
    nose_x_px: float = 3.0
    nose_y_px: float = 4.0
    tail_x_px: float = 5.0
    tail_y_px: float = 6.0
    chamber: str = "left"


def expected(setup: Setup, ticks: int) -> dict[str, bytes]:
    ledger = Ledger.for_setup(setup)
    rows = [ledger.add(t, samples, events) for t, _, samples, events in session(ticks)]
    return {
        "ticks.jsonl": b"".join(r.ticks for r in rows),
        "frames.csv": ledger.header() + b"".join(r.frames for r in rows),
        "events.jsonl": b"".join(r.events for r in rows),
    }


def test_a_whole_session(setup: Setup, tmp_path: Path) -> None:
    folder = session_folder(tmp_path, "M01", "pretest")
    background = np.arange(24 * 32, dtype=np.uint8).reshape(24, 32)
    writer = SessionWriter(folder, setup, background)
    for item in session(30):
        assert writer.wait_room(10)
        writer.append(*item)
    writer.close()
    writer.close()
    assert writer.error is None
    assert (folder / "setup.json").read_bytes() == setup.to_bytes()
    assert np.array_equal(png.read_gray((folder / "background.png").read_bytes(), ""), background)
    for name, data in expected(setup, 30).items():
        assert (folder / name).read_bytes() == data
    names = ["background.png", "events.jsonl", "frames.csv", "setup.json", "ticks.jsonl"]
    assert sorted(p.name for p in folder.iterdir()) == ["SHA256SUMS", *names, "video.mkv"]
    record = SessionRecord.open(folder)
    assert record.problems() == []
    assert record.stop is not None
    shown = [k for k in range(30) if tick(k).frame is not None]
    pictures = list(VideoFile.open(folder / "video.mkv").read())
    assert [p.image[0, 0] for p in pictures] == [picture(k)[0, 0] for k in shown]
    assert [p.t_ns for p in pictures] == [k * 100_000_000 for k in shown]


def test_a_folder_that_looks_like_a_session_has_all_its_files(setup: Setup, tmp_path: Path) -> None:
    """Killed between two of them, it would be one that can neither be read nor closed."""
    folder = tmp_path / "behav"
    seen: list[set[str]] = []

    def look(event: str, _: tuple[Any, ...]) -> None:
        if looking and event in ("open", "os.rename", "os.mkdir", "os.remove") and folder.is_dir():
            seen.append({path.name for path in folder.iterdir()})

    looking: list[bool] = []
    sys.addaudithook(look)  # it cannot be taken away again: told when to look
    looking.append(True)
    writer = SessionWriter(
        folder, setup, np.zeros((24, 32), np.uint8), truth=dict[int, Truth]().get, open_video=Coder
    )
    seen.append({path.name for path in folder.iterdir()})
    looking.clear()
    writer.close()
    first = {"background.png", "ticks.jsonl", "frames.csv", "events.jsonl", "truth.csv"}
    assert len(seen) > len(first)
    assert [there for there in seen if "setup.json" in there and not first <= there] == []
    assert seen[-1] == {*first, "setup.json"}


def test_truth_has_a_row_a_picture(setup: Setup, tmp_path: Path) -> None:
    folder = tmp_path / "behav"
    truths = {0: Truth(), 1: None, 2: Truth(x_px=1.234, chamber="a,b")}
    writer = SessionWriter(folder, setup, truth=truths.get, open_video=Coder)
    for item in session(4):
        writer.append(*item)
    writer.close()
    assert (folder / "truth.csv").read_text() == (
        "frame,t_s,x_px,y_px,nose_x_px,nose_y_px,tail_x_px,tail_y_px,chamber\n"
        "0,0.000000000,1.00,2.00,3.00,4.00,5.00,6.00,left\n"
        "1,0.100000000,,,,,,,\n"
        '2,0.200000000,1.23,2.00,3.00,4.00,5.00,6.00,"a,b"\n'
    )


def test_rows_reach_the_system_without_close(setup: Setup, tmp_path: Path) -> None:
    # The last tick lets the coder go on, so its rows were made; then nothing more is appended.
    seen = threading.Event()

    class Watched(io.FileIO):
        def write(self, data: Any) -> int:
            taken = super().write(data)
            if tmp_path.joinpath("behav/ticks.jsonl").stat().st_size >= len(wanted):
                seen.set()
            return taken

    wanted = b""
    ledger = Ledger.for_setup(setup)
    for k in range(5):
        wanted += ledger.add(*follow(tick(k))).ticks
    writer = SessionWriter(
        tmp_path / "behav", setup, open_file=lambda p: Watched(p, "xb"), open_video=Coder
    )
    for k in range(5):
        seen_tick, samples, events = follow(tick(k))
        writer.append(seen_tick, None, samples, events)
    assert seen.wait(20)
    assert (tmp_path / "behav" / "ticks.jsonl").read_bytes() == wanted
    writer.close()


def test_a_writer_that_is_woken_writes_at_once(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rig.storage.writer.HAND_OVER_S", 1000.0)  # nothing else wakes it
    monkeypatch.setattr("rig.storage.writer.SYNC_S", 1000.0)
    coded = threading.Event()

    class Telling(Coder):
        def write(self, image: Gray, t_ns: int) -> None:
            super().write(image, t_ns)
            coded.set()

    writer = SessionWriter(tmp_path / "behav", setup, open_video=Telling)
    for item in list(session(2))[:2]:
        coded.clear()
        writer.append(*item)
        writer.wake()
        assert coded.wait(20)
    writer.close()


def test_the_queue_holds_two_seconds_of_pictures(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    monkeypatch.setattr(Coder, "gate", gate)
    writer = SessionWriter(tmp_path / "behav", setup, open_video=Coder)
    for k in range(20):  # 10 pictures a second
        assert writer.room()
        writer.append(Tick(k, k, k), picture(k), (), ())
    assert not writer.room()
    assert not writer.wait_room(0.0)
    with pytest.raises(ValueError, match="20 pictures wait"):
        writer.append(Tick(20, 20, 20), picture(20), (), ())
    for k in range(20, 60):  # what needs no room always fits
        writer.append(Tick(k, k), None, (), [Event(k, "note")])
    gate.set()
    assert writer.wait_room(20)
    writer.append(Tick(60, 60, 60), picture(60), (), ())
    writer.close()
    record = SessionRecord.open(tmp_path / "behav")
    assert [t.k for t in record.ticks()] == list(range(61))
    assert (tmp_path / "behav" / "video.mkv").read_bytes() == b"." * 21 + b"|"
    with pytest.raises(ValueError, match="closed"):
        writer.append(Tick(61, 61), None, (), ())


@pytest.mark.parametrize("name", ["ticks.jsonl", "frames.csv", "events.jsonl"])
@pytest.mark.parametrize("room", [0, 150, 1000])
def test_a_full_disk_is_seen_and_the_prefix_stays_readable(
    setup: Setup, tmp_path: Path, name: str, room: int
) -> None:
    folder = tmp_path / "behav"
    header = len(Ledger.for_setup(setup).header()) if name == "frames.csv" else 0

    def open_file(path: Path) -> BinaryIO:
        return FullDisk(path, room + header if path.name == name else 1 << 30)

    writer = SessionWriter(folder, setup, open_file=open_file, open_video=Coder)
    for item in session(40):
        assert writer.wait_room(20)
        writer.append(*item)
    with pytest.raises(StorageError, match="not complete"):
        writer.close()
    assert isinstance(writer.error, StorageError)
    assert str(writer.error) == f"{folder / name} cannot be written: No space left on device"
    assert writer.room()
    record = SessionRecord.open(folder)
    whole = expected(setup, 40)
    assert (folder / name).read_bytes() == whole[name][: room + header]
    assert whole["ticks.jsonl"].startswith(b"".join(record._lines("ticks.jsonl")))
    assert record.verify_chain() == []
    assert not (folder / "SHA256SUMS").exists()
    record.columns()


def test_a_disk_that_was_full_gets_the_rest(setup: Setup, tmp_path: Path) -> None:
    files: list[FullDisk] = []

    def open_file(path: Path) -> BinaryIO:
        files.append(FullDisk(path, 500))
        return files[-1]

    writer = SessionWriter(tmp_path / "behav", setup, open_file=open_file, open_video=Coder)
    items = list(session(40))
    for item in items[:-1]:
        assert writer.wait_room(20)
        writer.append(*item)
    assert files[0].refused.wait(20)  # ticks.jsonl is handed over first
    for file in files:
        file.left = 1 << 30
    writer.append(*items[-1])
    with pytest.raises(StorageError, match="not complete"):
        writer.close()
    record = SessionRecord.open(tmp_path / "behav")
    assert record.stop is not None
    assert record.torn() == {}
    assert record.problems() == []


def test_a_video_that_fails_leaves_the_rows_whole(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Coder, "fails_at", 3)
    writer = SessionWriter(tmp_path / "behav", setup, open_video=Coder)
    for item in session(40):
        assert writer.wait_room(20)
        writer.append(*item)
    with pytest.raises(StorageError, match="video cannot be written"):
        writer.close()
    for name, data in expected(setup, 40).items():
        assert (tmp_path / "behav" / name).read_bytes() == data
    assert SessionRecord.open(tmp_path / "behav").problems() == []


def test_a_row_that_cannot_be_made_ends_the_rows(setup: Setup, tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "behav", setup, open_video=Coder)
    writer.append(*follow_item(0))
    writer.append(tick(1), None, (), [Event(0, "note", {"value": float("nan")})])
    writer.append(*follow_item(2))
    with pytest.raises(StorageError, match="not complete"):
        writer.close()
    assert "ValueError" in str(writer.error)
    assert [t.k for t in SessionRecord.open(tmp_path / "behav").ticks()] == [0]


def follow_item(k: int) -> tuple[Any, ...]:
    seen, samples, events = follow(tick(k))
    return seen, None, samples, events


def test_a_folder_is_never_used_twice(setup: Setup, tmp_path: Path) -> None:
    SessionWriter(tmp_path / "behav", setup).close()
    before = sorted(p.name for p in (tmp_path / "behav").iterdir())
    with pytest.raises(ConfigError, match=r"--out: .*behav holds a session already"):
        SessionWriter(tmp_path / "behav", setup)
    assert sorted(p.name for p in (tmp_path / "behav").iterdir()) == before


@pytest.mark.parametrize("broken", ["setup.json", "frames.csv"])
def test_a_start_that_fails_leaves_nothing(
    setup: Setup, tmp_path: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> BinaryIO:
        raise OSError(errno.ENOSPC, "No space left on device")

    if broken == "setup.json":
        monkeypatch.setattr("os.fsync", refuse)
    folder = session_folder(tmp_path / "study", "M01", "pretest")
    with pytest.raises(StorageError, match="No space left on device"):
        SessionWriter(folder, setup, open_file=refuse)
    assert list((tmp_path / "study").iterdir()) == []
