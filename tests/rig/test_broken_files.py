"""Files with faults: what cannot be seen is counted and lost, and nothing is made up for it."""

import csv
import json
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from rig.model import Gray
from rig.session.rescoring import Rescored, rescore
from rig.video import Times, VideoFile
from tests.small import ARENA

FRAMES, RATE_HZ, GOP = 240, 20, 20
FLOOR = np.random.default_rng(3).normal(200, 3, (120, 160))


def where(k: float) -> tuple[float, float]:
    """The animal's middle in picture k: to and fro through both chambers."""
    return 26 + abs((k + 60) % 120 - 60) * 1.7, 60 + 20 * np.sin(k / 15)


def picture(k: int) -> Gray:
    image = FLOOR + np.random.default_rng(k).normal(0, 2, FLOOR.shape)
    x, y = (round(v) for v in where(k))
    image[y - 7 : y + 8, x - 10 : x + 11] = 25
    return np.clip(image, 0, 255).astype(np.uint8)


def film(path: Path, codec: str) -> bytearray:
    """The file's bytes; a key frame a second. `path` tells the container."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=RATE_HZ)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = 160, 120
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = GOP
        stream.codec_context.bit_rate = 1_500_000
        if codec == "libx264":
            reordered = "0" if path.suffix == ".avi" else "2"
            stream.options = {"preset": "ultrafast", "bf": reordered, "sc_threshold": "0"}
        for k in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(picture(k), "gray").reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = k, Fraction(1, RATE_HZ)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return bytearray(path.read_bytes())


def scored(file: Path, workers: int = 1) -> Rescored:
    (file.parent / "arena.toml").write_text(ARENA, encoding="utf-8")
    out = file.parent / f"out{workers}"
    return rescore(file, apparatus=file.parent / "arena.toml", out=out, workers=workers)


def check(got: Rescored, least: int = 1) -> None:
    """Every row is where the animal was at its time, and what is missing is told and lost."""
    used = json.loads((got.folder / "rescore.json").read_bytes())
    with (got.folder / "frames.csv").open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["x_px"]]
    off = []
    for row in rows:
        x, y = where(float(row["t_s"]) * RATE_HZ)
        off.append(np.hypot(float(row["x_px"]) - x, float(row["y_px"]) - y))
    assert max(off) < 3
    assert FRAMES - len(rows) >= least
    m = got.measures
    times = [float(row["t_s"]) for row in rows]
    gaps = np.diff([0.0, *times, (FRAMES - 1) / RATE_HZ])
    assert m.scored_ns == pytest.approx((FRAMES - 1) / RATE_HZ * 1e9, abs=1e6)
    assert m.lost_ns == pytest.approx(gaps[gaps > 0.51].sum() * 1e9, abs=0.06e9)
    assert ("broken" in str(got.summary["flags"]).split("+")) is (used["frames_broken"] > 0)


def spoil(data: bytearray, at: int, count: int) -> None:
    data[at : at + count] = np.random.default_rng(at).bytes(count)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mkv", "libx264"),
        ("a.mp4", "libx264"),
        pytest.param("a.avi", "libx264", marks=pytest.mark.long),
        ("a.ts", "libx264"),
        ("a.avi", "mpeg4"),
        ("a.ts", "mpeg2video"),
    ],
    ids=str,
)
def test_no_position_is_made_up_from_what_is_broken(
    tmp_path: Path, name: str, codec: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = film(tmp_path / name, codec)
    for share in (0.31, 0.57, 0.72):
        spoil(data, round(share * len(data)), 60)
    (tmp_path / name).write_bytes(data)
    got = scored(tmp_path / name)
    check(got)
    assert "their time is lost time" in caplog.text
    if name == "a.mkv":
        again = scored(tmp_path / name, workers=2)
        for file in ("frames.csv", "visits.csv"):
            assert (got.folder / file).read_bytes() == (again.folder / file).read_bytes()


@pytest.mark.parametrize("name", ["a.avi", "a.mkv"])
def test_a_jpeg_whose_data_make_no_sense_is_left_out_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    data = film(path, "mjpeg")
    with av.open(str(path)) as container:
        packets = [bytes(p) for p in container.demux(container.streams.video[0]) if p.size]
    for k in (50, 51, 130):
        at = data.find(packets[k]) + 3 * len(packets[k]) // 5
        data[at : at + 40] = b"\xff\x00" * 20  # all ones: no code of any table
    path.write_bytes(data)
    file = VideoFile.open(path)
    assert {p.index for p in file.read()} == set(range(FRAMES)) - {50, 51, 130}
    assert file.broken == 3
    check(scored(path), 3)


def test_a_key_frame_that_is_broken_takes_all_that_is_made_from_it(tmp_path: Path) -> None:
    data = film(tmp_path / "a.mkv", "libx264")
    with av.open(str(tmp_path / "a.mkv")) as container:
        keys = [p for p in container.demux(container.streams.video[0]) if p.is_keyframe]
        at = data.find(bytes(keys[4])[-100:])
    spoil(data, at, 90)
    (tmp_path / "a.mkv").write_bytes(data)
    file = VideoFile.open(tmp_path / "a.mkv")
    places = {picture.index for picture in file.read()}
    assert set(range(FRAMES)) - places >= set(range(80, 100))
    assert places >= {*range(75), *range(100, FRAMES)}
    assert file.broken == FRAMES - len(places)
    got = scored(tmp_path / "a.mkv")
    check(got, 20)
    assert got.measures.lost_ns == pytest.approx(1.05e9, abs=0.26e9)


@pytest.mark.parametrize("codec", ["mjpeg", "mpeg4"])
def test_a_packet_that_an_avi_lost_leaves_its_time_empty(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.avi"
    data = film(path, codec)
    with av.open(str(path)) as container:
        entries = list(container.streams.video[0].index_entries)
    for entry in entries[100:104]:
        data[entry.pos : entry.pos + 8] = bytes(8)
    path.write_bytes(data)
    file = VideoFile.open(path)
    assert not file.torn
    assert file.times is Times.STAMPS
    assert file.times_ns[-1] == (FRAMES - 1) * 10**9 // RATE_HZ
    got = scored(path)
    check(got, 4)
    assert json.loads((got.folder / "rescore.json").read_bytes())["frames_broken"] >= 4


@pytest.mark.parametrize("factor", [0.5, 2], ids=str)
def test_an_avi_header_that_lies_about_its_length_is_not_believed(
    tmp_path: Path, factor: float
) -> None:
    path = tmp_path / "a.avi"
    data = film(path, "mpeg4")
    length = data.find(b"strh") + 8 + 32
    assert struct.unpack_from("<I", data, length) == (FRAMES,)
    struct.pack_into("<I", data, length, round(factor * FRAMES))
    struct.pack_into("<I", data, data.find(b"avih") + 8 + 16, round(factor * FRAMES))
    path.write_bytes(data)
    file = VideoFile.open(path)
    assert (file.frames, file.torn) == (FRAMES, False)
    got = scored(path)
    check(got, 0)
    assert not got.measures.lost_ns


@pytest.mark.parametrize("ended", [False, True])
def test_an_avi_without_its_index(tmp_path: Path, ended: bool) -> None:
    path = tmp_path / "a.avi"
    data = film(path, "mpeg4")
    data = data[: data.rfind(b"idx1") * 2 // 3]
    if not ended:  # as a recorder leaves it that crashed: its size was never written
        data[4:8] = bytes(4)
    path.write_bytes(data)
    file = VideoFile.open(path)
    assert file.torn is ended
    assert 100 < file.frames < FRAMES
    for shown in file.read():
        x, y = (round(v) for v in where(shown.index))
        assert shown.image[y - 4 : y + 5, x - 7 : x + 8].mean() < 50
    assert file.broken <= 1


def test_a_transport_stream_that_breaks_off(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    data = film(path, "libx264")
    path.write_bytes(data[: len(data) * 2 // 3])
    got = scored(path)
    last_s = VideoFile.open(path).duration_ns / 1e9
    assert 6 < last_s < 10
    assert got.measures.scored_ns == pytest.approx(last_s * 1e9, abs=1e8)
    assert got.measures.lost_ns <= 0.06e9


def test_pictures_that_are_broken_at_the_start_and_the_end_are_lost_time(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    data = film(path, "libx264")
    with av.open(str(path)) as container:
        whole = [bytes(p) for p in container.demux(container.streams.video[0]) if p.size]
    for packet in (whole[0], *whole[220:]):
        spoil(data, data.find(packet) + len(packet) // 3, len(packet) // 2)
    path.write_bytes(data)
    got = scored(path)
    check(got, 40)
    assert got.measures.lost_ns == pytest.approx(2.05e9, abs=0.11e9)
