"""A file shared out over processes gives what it gives when it is read in one go."""

import io
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from rig import tracking
from rig.model import NS_PER_S
from rig.session import load_apparatus, pieces, processes, rescore
from rig.session.pieces import Crew, Looked
from rig.session.seeing import median
from rig.tracking import Prepared
from rig.video import Codec, VideoFile, VideoWriter
from tests.small import ARENA, RATE_HZ, SIZE_PX

FRAMES = 520


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings of one walk, H.264 with a key frame a second and FFV1, and an apparatus."""
    folder = tmp_path_factory.mktemp("pieces")
    (folder / "arena.toml").write_text(ARENA, encoding="utf-8")
    rng = np.random.default_rng(1)
    for codec in Codec:
        with (
            (folder / f"{codec}.mkv").open("wb") as file,
            VideoWriter(file, SIZE_PX, RATE_HZ, codec) as video,
        ):
            for k in range(FRAMES):
                picture = rng.integers(198, 203, SIZE_PX[::-1], np.uint8)
                x = round(70 + 60 * np.sin(k / 17))
                picture[50:64, x : x + 20] = 20
                video.write(picture, round(k * NS_PER_S / RATE_HZ))
    return folder


def _prepared(folder: Path, video: VideoFile) -> Prepared:
    apparatus = load_apparatus(folder / "arena.toml")
    seen = median(video, apparatus)
    return tracking.prepare(apparatus, seen.background, video.rate_hz, seen.samples)


def _look(path: Path, prepared: Prepared, workers: int) -> tuple[list[Looked], int]:
    video = VideoFile.open(path)
    with Crew(workers) as crew:
        return list(crew.look(video, prepared)), video.broken


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("workers", [pytest.param(2, marks=pytest.mark.long), 3])
def test_the_rows_are_the_same_however_many_helped(
    folder: Path, tmp_path: Path, codec: str, workers: int
) -> None:
    rows = []
    for count in (1, workers):
        scored = rescore(
            folder / f"{codec}.mkv",
            apparatus=folder / "arena.toml",
            out=tmp_path / str(count),
            workers=count,
        )
        rows.append((scored.folder / "frames.csv").read_bytes())
        assert scored.summary["frames"] == FRAMES
    assert rows[0] == rows[1]


def test_the_file_is_really_shared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = VideoFile.open(folder / "h264.mkv")
    prepared = _prepared(folder, video)
    monkeypatch.setattr(VideoFile, "blocks", None)  # reading in one go would fail
    with Crew(2) as crew:
        looked = list(crew.look(video, prepared))
    assert [one.place for one in looked] == list(range(FRAMES))
    assert [one.t_ns for one in looked] == list(video.times_ns)


def test_pieces_too_long_to_be_held_are_not_shared(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = VideoFile.open(folder / "h264.mkv")
    prepared = _prepared(folder, video)
    longest = max(piece.stop - piece.first for piece in video.pieces(pieces.LEAST_PICTURES))
    monkeypatch.setattr(pieces, "MOST_PICTURES", longest - 1)
    monkeypatch.setattr(VideoFile, "by_piece", None)  # sharing would fail
    with Crew(2) as crew:
        assert [one.place for one in crew.look(video, prepared)] == list(range(FRAMES))


def test_a_crop_and_an_end_hold_for_helpers_too(folder: Path) -> None:
    video = VideoFile.open(folder / "h264.mkv")
    prepared = _prepared(folder, video)
    with Crew(2) as crew:
        part = list(crew.look(video, prepared, (0, 0, *SIZE_PX), 22.0))
    with Crew(1) as alone:
        assert part == list(alone.look(video, prepared, None, 22.0))
    assert len(part) == 440


def _remuxed(source: Path, target: Path) -> Path:
    with av.open(str(source)) as into, av.open(str(target), "w", format="mpegts") as out:
        stream = into.streams.video[0]
        copy = out.add_stream_from_template(stream)
        for packet in into.demux(stream):
            if packet.size:
                packet.stream = copy
                out.mux(packet)
    return target


def test_a_container_that_seeks_badly_gives_the_same(folder: Path, tmp_path: Path) -> None:
    path = _remuxed(folder / "h264.mkv", tmp_path / "stream.ts")
    prepared = _prepared(folder, VideoFile.open(path))
    assert _look(path, prepared, 2) == _look(path, prepared, 1)


@pytest.mark.parametrize("codec", list(Codec))
def test_broken_pictures_are_broken_however_many_helped(
    folder: Path, tmp_path: Path, codec: str
) -> None:
    data = bytearray((folder / f"{codec}.mkv").read_bytes())
    at = len(data) * 2 // 3
    data[at : at + 64] = bytes(64)
    path = tmp_path / "broken.mkv"
    path.write_bytes(data)
    prepared = _prepared(folder, VideoFile.open(path))
    alone = _look(path, prepared, 1)
    assert alone[1] > 0 or len(alone[0]) < FRAMES
    assert _look(path, prepared, 2) == alone


def test_a_helper_that_ends_early_is_made_up_for(folder: Path) -> None:
    video = VideoFile.open(folder / "h264.mkv")
    prepared = _prepared(folder, video)
    with Crew(3) as crew:
        crew.call(video)
        for helper in crew._helpers:
            helper._process.kill()
        looked = list(crew.look(video, prepared))
    with Crew(1) as alone:
        assert looked == list(alone.look(video, prepared))


def test_who_stops_reading_leaves_no_process(folder: Path) -> None:
    video = VideoFile.open(folder / "h264.mkv")
    with Crew(2) as crew:
        looked: Iterator[Looked] = crew.look(video, _prepared(folder, video))
        assert next(looked).place == 0
        processes = [helper._process for helper in crew._helpers]
        assert len(processes) == 1
        looked.close()  # type: ignore[attr-defined]
        assert all(process.returncode is not None for process in processes)


def test_one_crew_takes_one_file_after_the_other(folder: Path) -> None:
    videos = [VideoFile.open(folder / f"{codec}.mkv") for codec in Codec]
    prepared = _prepared(folder, videos[0])
    with Crew(2) as crew:
        shared = [list(crew.look(video, prepared)) for video in videos]
    with Crew(1) as alone:
        assert shared == [list(alone.look(video, prepared)) for video in videos]


def test_a_helper_begun_ahead_is_taken_and_one_that_nobody_asks_for_ends(folder: Path) -> None:
    video = VideoFile.open(folder / "h264.mkv")
    prepared = _prepared(folder, video)
    with processes.ahead(processes.HELPER, 2):
        first, second = (one.process for one in processes._ahead)
        with Crew(2) as crew:
            looked = list(crew.look(video, prepared))
            assert [helper._process for helper in crew._helpers] == [first]
        assert first.returncode is not None
        assert second.poll() is None
    assert second.returncode is not None
    assert not processes._ahead
    with Crew(1) as alone:
        assert looked == list(alone.look(video, prepared))


def test_a_helper_begun_ahead_that_ended_is_not_taken() -> None:
    with processes.ahead(processes.HELPER, 1):
        (gone,) = (one.process for one in processes._ahead)
        gone.kill()
        gone.wait()
        other = processes.start(processes.HELPER)
        assert other is not gone
        processes.end(other)


def test_what_a_helper_saw_ahead_gives_the_same_rows_and_is_asked_for_once(
    folder: Path, tmp_path: Path
) -> None:
    source = folder / "h264.mkv"
    with processes.ahead(processes.HELPER, 1, processes.Look(source)):
        found = pieces.sampled_ahead((source,))
        assert found is not None
        assert found.video == VideoFile.open(source)
        assert (found.stack == VideoFile.open(source).sample(pieces.SAMPLES)).all()
        assert pieces.sampled_ahead((source,)) is None
    scored = []
    for workers in (2, 1):
        out = tmp_path / str(workers)
        with processes.ahead(processes.HELPER, workers - 1, processes.Look(source)):
            one = rescore(source, apparatus=folder / "arena.toml", out=out, workers=workers)
            assert not processes._ahead
        scored.append((one.folder / "frames.csv").read_bytes())
    assert scored[0] == scored[1]


def test_a_helper_asked_ahead_of_another_file_helps_with_this_one(folder: Path) -> None:
    video = VideoFile.open(folder / "h264.mkv")
    with (
        processes.ahead(processes.HELPER, 1, processes.Look(folder / "arena.toml")),
        Crew(2) as crew,
    ):
        assert pieces.sampled_ahead((folder / "arena.toml",)) is None  # no video: see yourself
        assert len(list(crew.look(video, _prepared(folder, video)))) == FRAMES
    with (
        processes.ahead(processes.HELPER, 1, processes.Look(folder / "ffv1.mkv")),
        Crew(2) as crew,
    ):
        assert len(list(crew.look(video, _prepared(folder, video)))) == FRAMES
        assert not processes._ahead


def test_no_worker_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 workers"):
        Crew(0)


KILLED = """
import sys
from pathlib import Path
from typing import Any
from rig.session import rescore

def told(done, total):
    print("far", flush=True)
    sys.stdin.read()  # until it is killed, its helpers in the middle of their work

folder = Path(sys.argv[1])
rescore(folder / "ffv1.mkv", apparatus=folder / "arena.toml", out=Path(sys.argv[2]), workers=3,
        progress=told)
"""


def test_helpers_end_with_a_process_that_is_killed(folder: Path, tmp_path: Path) -> None:
    source, out = folder / f"{Codec.LOSSLESS}.mkv", tmp_path / "out"
    asked = subprocess.Popen(
        [sys.executable, "-c", KILLED.replace("ffv1.mkv", source.name), str(folder), str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert asked.stdout is not None
    assert asked.stdout.readline() == b"far\n"
    asked.kill()
    # The helpers have the same standard error: it ends when the last of them does.
    _, said = asked.communicate(timeout=60)
    assert said == b""
    assert not out.exists()


class _Interrupted(io.RawIOBase):
    """A pipe whose every write is cut short by a signal."""

    def __init__(self) -> None:
        self.got = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.got += data[:1000]
        return min(1000, len(data))


def test_what_is_said_is_said_whole_where_writes_are_interrupted() -> None:
    pipe, said = _Interrupted(), list(range(5000))
    processes.send(pipe, said)  # type: ignore[arg-type]
    assert pickle.loads(pipe.got) == said
