"""Video files: pixels, times, tears."""

import io
import threading
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.format import VideoFormat
from av.video.frame import PictureType
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import ConfigError, StorageError
from rig.model import NS_PER_S, Gray
from rig.video import Codec, Times, VideoFile, VideoWriter, WriterAhead, count_frames
from rig.video.decoding import Luma
from rig.video.times import multiples
from rig.video.writing import quantiser

CLIP = Path(__file__).parents[2].parent / "shared" / "data" / "tracktor-mouse" / "mouse_video.mp4"


def pictures(count: int, size_px: tuple[int, int] = (32, 24), seed: int = 1) -> list[Gray]:
    """Pictures that differ: a ramp 0..255 with noise of 2 grey levels and a moving bright spot."""
    rng = np.random.default_rng(seed)
    width, height = size_px
    ramp = np.linspace(0, 255, width)[None, :] + np.zeros((height, 1))
    made = []
    for i in range(count):
        image = np.clip(ramp + rng.normal(0, 2, ramp.shape), 0, 255).astype(np.uint8)
        image[i % height, (3 * i) % width] = 255
        made.append(image)
    return made


def write(
    path: Path,
    images: Sequence[Gray],
    codec: str = "lossless",
    rate_hz: float = 30.0,
    times_ns: Sequence[int] | None = None,
) -> Path:
    height, width = images[0].shape
    with path.open("wb") as file, VideoWriter(file, (width, height), rate_hz, codec) as writer:
        for i, image in enumerate(images):
            writer.write(image, times_ns[i] if times_ns else round(i * NS_PER_S / rate_hz))
    return path


def mux(
    path: Path,
    images: Sequence[np.ndarray],
    codec: str,
    pix_fmt: str,
    pts: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 1000),
    quarter_turns: int = 0,
    source: str = "gray",
) -> Path:
    """A file written by FFmpeg in any codec and pixel format, with any stamps."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.time_base = time_base
        stream.codec_context.gop_size = 10
        if quarter_turns:
            stream.set_display_rotation(90 * quarter_turns)
        packets = []
        for i, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format=source)
            frame.pts, frame.time_base = i, Fraction(1, 30)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for i, packet in enumerate(packets):
            if pts is not None:
                packet.time_base = time_base
                packet.pts, packet.dts = pts[i], min(i, pts[i])
            container.mux(packet)
    return path


def packets(path: Path) -> list[tuple[int | None, bool]]:
    with av.open(str(path)) as container:
        found = container.demux(container.streams.video[0])
        return [(p.pts, p.is_keyframe) for p in found if p.size]


@pytest.mark.parametrize("size_px", [(32, 24), (33, 25), (17, 31), (320, 3)], ids=str)
def test_lossless_comes_back_exactly(tmp_path: Path, size_px: tuple[int, int]) -> None:
    images = pictures(20, size_px)
    file = VideoFile.open(write(tmp_path / "a.mkv", images))
    assert (file.size_px, file.frames, file.times) == (size_px, 20, Times.STAMPS)
    got = list(file.read())
    assert [p.index for p in got] == list(range(20))
    for picture, image in zip(got, images, strict=True):
        np.testing.assert_array_equal(picture.image, image)


@pytest.mark.parametrize("size_px", [(256, 48), (255, 47)], ids=str)
def test_h264_keeps_full_range(tmp_path: Path, size_px: tuple[int, int]) -> None:
    width, height = size_px
    ramp = np.broadcast_to(np.linspace(0, 255, width).astype(np.uint8), (height, width)).copy()
    path = write(tmp_path / "a.mkv", [ramp] * 5, "h264")
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).color_range == av.video.reformatter.ColorRange.JPEG
    for picture in VideoFile.open(path).read():
        assert picture.image.shape == ramp.shape
        assert np.abs(picture.image.astype(int) - ramp).max() <= 6
        assert picture.image.min() <= 2
        assert picture.image.max() >= 253


def test_crop_of_a_larger_picture_is_written_as_it_is(tmp_path: Path) -> None:
    whole = pictures(3, (64, 48))
    crops = [image[5:29, 7:40] for image in whole]
    turned = [image.T for image in pictures(3, (24, 33))]
    got = VideoFile.open(write(tmp_path / "a.mkv", [*crops[:2]])).read()
    for picture, crop in zip(got, crops[:2], strict=True):
        np.testing.assert_array_equal(picture.image, crop)
    assert turned[0].strides[1] != 1
    first = next(VideoFile.open(write(tmp_path / "b.mkv", turned)).read())
    np.testing.assert_array_equal(first.image, turned[0])


def test_picture_is_read_only_and_outlives_the_reader(tmp_path: Path) -> None:
    images = pictures(40)
    kept = [p.image for p in VideoFile.open(write(tmp_path / "a.mkv", images)).read()]
    with pytest.raises(ValueError, match="read-only"):
        kept[0][0, 0] = 1
    for image, expected in zip(kept, images, strict=True):
        np.testing.assert_array_equal(image, expected)


def test_times_are_kept_in_milliseconds_and_never_equal(tmp_path: Path) -> None:
    times_ns = [0, 33_333_333, 33_400_000, 40_600_000, 2_000_000_499]
    file = VideoFile.open(write(tmp_path / "a.mkv", pictures(5), times_ns=times_ns))
    assert [t // 1_000_000 for t in file.times_ns] == [0, 33, 34, 41, 2000]
    assert [p.t_ns for p in file.read()] == list(file.times_ns)


def test_a_key_frame_a_second_by_frame_time(tmp_path: Path) -> None:
    gone = set(range(40, 62))
    times_ns = [round(i * NS_PER_S / 30) for i in range(150) if i not in gone]
    path = write(tmp_path / "a.mkv", pictures(128), "h264", times_ns=times_ns)
    keys_ms = [pts for pts, key in packets(path) if key]
    assert keys_ms == [0, 1000, 2067, 3067, 4067]  # 2067: the first after the gap


def test_variable_rate_keeps_its_own_times_exactly(tmp_path: Path) -> None:
    pts = [1024, 1536, 2048, 5000, 5001, 9000]
    base = Fraction(1, 15360)
    file = VideoFile.open(mux(tmp_path / "a.mp4", pictures(6), "mpeg4", "yuv420p", pts, base))
    assert file.times is Times.STAMPS
    assert [p.t_ns for p in file.read()] == [
        round(Fraction((p - pts[0]) * NS_PER_S, 15360)) for p in pts
    ]
    assert file.duration_ns == file.times_ns[-1]


def test_pictures_coded_out_of_order_come_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "3", "b_strategy": "0"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(30):
            image = np.full((48, 64), 16 + 7 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="gray")))
        container.mux(stream.encode(None))
    stamps = [pts for pts, _ in packets(path) if pts is not None]
    assert stamps != sorted(stamps)
    file = VideoFile.open(path)
    got = list(file.read())
    assert [p.index for p in got] == list(range(30))
    assert [p.t_ns for p in got] == [40_000_000 * i for i in range(30)]
    means = [p.image.mean() for p in got]
    assert means == sorted(means)


def test_edges_of_blocks_stay_only_in_pictures_of_which_no_other_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        options = {"bf": "3", "b_strategy": "0", "crf": "32", "b-pyramid": "none"}
        stream = container.add_stream("libx264", rate=30, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        floor = np.random.default_rng(3).integers(0, 60, (120, 160)).astype(np.uint8)
        for i in range(40):
            image = np.roll(floor, (i * i % 7, 3 * i), (0, 1)) + np.uint8(3 * i)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="gray")))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    whole = [(PictureType(frame.pict_type), frame.to_ndarray()[:120]) for frame in frames]
    changed: set[PictureType] = set()
    for picture, (kind, plain) in zip(VideoFile.open(path).read(), whole, strict=True):
        apart = np.abs(picture.image.astype(int) - plain)
        assert apart.max() <= 16
        assert apart.mean() < 1
        if apart.any():
            changed.add(kind)
    assert changed == {PictureType.B}


@pytest.mark.parametrize(
    ("noise", "expected"), [(0.0, 24), (2.0, 24), (3.0, 27), (5.0, 31), (6.0, 32), (50.0, 32)]
)
def test_a_quantiser_for_each_noise(noise: float, expected: int) -> None:
    assert quantiser(noise) == expected


def test_noise_is_not_coded_anew_with_each_picture(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    images = [np.clip(rng.normal(120, 5, (120, 160)), 0, 255).astype(np.uint8) for _ in range(30)]
    sizes = []
    for noise in (2.0, 5.0):
        path = tmp_path / f"{noise}.mkv"
        with path.open("wb") as file, VideoWriter(file, (160, 120), 30.0, noise=noise) as writer:
            for i, image in enumerate(images):
                writer.write(image, i * 33_000_000)
        sizes.append(path.stat().st_size)
    assert sizes[1] < sizes[0] / 5


def test_raw_stream_without_stamps_counts_frames(tmp_path: Path) -> None:
    path = mux(tmp_path / "a.h264", pictures(12), "libx264", "gray")
    file = VideoFile.open(path)
    assert file.times is Times.FRAME_NUMBER
    got = list(file.read())
    assert [p.index for p in got] == list(range(12))
    assert [p.t_ns for p in got] == [round(k * NS_PER_S / file.rate_hz) for k in range(12)]
    assert [p.index for p in file.read(start_s=5 / file.rate_hz)] == list(range(5, 12))


@pytest.mark.parametrize(
    "pts",
    [[700] * 120, [1000 + 33 * ((i * 37) % 120) for i in range(120)]],
    ids=["all-equal", "shuffled"],
)
def test_stamps_that_make_no_sense_are_not_used(tmp_path: Path, pts: list[int]) -> None:
    images = pictures(120)
    file = VideoFile.open(mux(tmp_path / "a.mkv", images, "ffv1", "gray", pts))
    assert file.times is Times.FRAME_NUMBER
    got = list(file.read())
    assert [p.t_ns for p in got] == [round(k * NS_PER_S / 30) for k in range(120)]
    for picture, image in zip(got, images, strict=True):
        np.testing.assert_array_equal(picture.image, image)


def test_a_stamp_that_stands_still_is_spread(tmp_path: Path) -> None:
    pts = [40 * i for i in range(150)]
    pts[70] = pts[69]
    file = VideoFile.open(mux(tmp_path / "a.mkv", pictures(150), "ffv1", "gray", pts))
    assert file.times is Times.STAMPS
    got = list(file.read())
    assert [p.index for p in got] == list(range(150))
    expected = [t * 1_000_000 for t in pts]
    expected[70] += 40_000_000
    assert [p.t_ns for p in got] == expected


BAD = {
    "empty": b"",
    "text": b"a mouse in a box\n" * 50,
    "noise": np.random.default_rng(3).bytes(5000),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("suffix", [".mp4", ".txt", ".mkv", ".avi"])
def test_not_a_video_is_one_line_that_names_the_file(
    tmp_path: Path, name: str, suffix: str
) -> None:
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(BAD[name])
    with pytest.raises(ConfigError, match="bad") as caught:
        VideoFile.open(path)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.mkv", tmp_path):
        with pytest.raises(ConfigError, match="no such file"):
            VideoFile.open(path)
    with pytest.raises(ConfigError, match="no such file"):
        count_frames(tmp_path / "none.mkv")


def test_truncated_without_its_index_is_refused(tmp_path: Path) -> None:
    whole = mux(tmp_path / "whole.mp4", pictures(30), "mpeg4", "yuv420p").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match=r"cut\.mp4"):
        VideoFile.open(cut)


def test_video_without_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with path.open("wb") as file:
        VideoWriter(file, (32, 24), 30.0).close()
    with pytest.raises(ConfigError, match="before its first picture"):
        VideoFile.open(path)
    assert count_frames(path) == 0
    path.write_bytes(b"")
    assert count_frames(path) == 0


@pytest.mark.parametrize("codec", list(Codec))
def test_torn_file_gives_every_picture_before_the_tear(tmp_path: Path, codec: Codec) -> None:
    whole = write(tmp_path / "whole.mkv", pictures(60), codec)
    expected = [p.image for p in VideoFile.open(whole).read()]
    data = whole.read_bytes()
    counts = []
    for cut in range(len(data) // 10, len(data), len(data) // 23):
        torn = tmp_path / "torn.mkv"
        torn.write_bytes(data[:cut])
        count = count_frames(torn)
        counts.append(count)
        if count == 0:
            continue
        file = VideoFile.open(torn)
        got = list(file.read())
        assert [p.index for p in got] == list(range(count)) == list(range(file.frames))
        assert file.broken == 0
        for picture, image in zip(got, expected, strict=False):
            np.testing.assert_array_equal(picture.image, image)
    assert counts == sorted(counts)
    assert counts[-1] >= 45


def test_torn_with_its_index_in_front_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mpeg4", rate=30)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for image in pictures(40):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="gray")))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    path.write_bytes(data[: (data.find(b"mdat") + len(data)) // 2])
    file = VideoFile.open(path)
    assert file.torn
    assert 0 < file.frames < 40
    assert len(list(file.read())) == file.frames == count_frames(path)


@pytest.mark.parametrize("codec", list(Codec))
def test_what_was_handed_over_is_readable_without_an_end(tmp_path: Path, codec: Codec) -> None:
    path = tmp_path / "a.mkv"
    images = pictures(91)
    with path.open("wb", buffering=0) as file:
        writer = VideoWriter(file, (32, 24), 30.0, codec)
        for i, image in enumerate(images):
            writer.write(image, round(i * NS_PER_S / 30))
        assert count_frames(path) >= 90 - 7  # at most 200 ms wait in a cluster
        assert len(list(VideoFile.open(path).read())) == count_frames(path)
        writer.close()
    assert count_frames(path) == 91


def test_broken_h264_goes_on_after_the_fault(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", pictures(90, (160, 120)), "h264")
    whole = [p.image for p in VideoFile.open(path).read()]
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 30] = np.random.default_rng(0).bytes(30)
    path.write_bytes(data)
    file = VideoFile.open(path)
    got = list(file.read())
    assert file.broken >= 1
    assert len(got) < 90
    for picture in (got[0], got[-1]):  # before the fault, and after the next key frame
        np.testing.assert_array_equal(picture.image, whole[picture.index])
    assert got[-1].index == 89


def test_broken_in_the_middle_is_counted_and_left_out(tmp_path: Path) -> None:
    images = pictures(30)
    path = write(tmp_path / "a.mkv", images)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    path.write_bytes(data)
    file = VideoFile.open(path)
    got = list(file.read())
    assert 1 <= file.broken <= 2
    assert len(got) == 30 - file.broken
    assert got[-1].index == 29
    for picture in got:
        np.testing.assert_array_equal(picture.image, images[picture.index])
        assert picture.t_ns == file.times_ns[picture.index]


RAMP = np.broadcast_to(np.arange(0, 256, 4, dtype=np.uint8), (48, 64)).copy()


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [
        (".mkv", "ffv1", "gray"),
        (".mkv", "ffv1", "yuv420p"),
        (".mkv", "ffv1", "yuv444p"),
        (".mkv", "ffv1", "yuva420p"),
        (".nut", "rawvideo", "nv12"),
        (".avi", "rawvideo", "yuv420p"),
    ],
)
def test_eight_bit_luma_is_taken_as_it_is(
    tmp_path: Path, suffix: str, codec: str, pix_fmt: str
) -> None:
    path = tmp_path / f"a{suffix}"
    mux(path, [RAMP] * 3, codec, pix_fmt)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert frame.format.name == pix_fmt
        stored = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(48, -1)[:, :64]
    got = list(VideoFile.open(path).read())
    assert len(got) == 3
    np.testing.assert_array_equal(got[0].image, stored)


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [
        (".mkv", "ffv1", "gray10le"),
        (".mkv", "ffv1", "yuv420p10le"),
        (".mkv", "ffv1", "bgr0"),
        (".avi", "png", "rgb24"),
        (".avi", "rawvideo", "bgr24"),  # stored bottom up
        (".nut", "rawvideo", "yuyv422"),
        (".avi", "png", "pal8"),
    ],
)
def test_anything_else_becomes_grey(tmp_path: Path, suffix: str, codec: str, pix_fmt: str) -> None:
    image = RAMP.copy()
    image[:8] = 255 - image[:8]  # so that up and down differ
    if pix_fmt == "pal8":
        path = mux_palette(tmp_path / f"a{suffix}", image)
    else:
        path = mux(tmp_path / f"a{suffix}", [image] * 3, codec, pix_fmt)
    file = VideoFile.open(path)
    assert file.pixel_format == pix_fmt
    got = list(file.read())
    assert len(got) == 3
    assert got[0].image.dtype == np.uint8
    assert np.abs(got[0].image.astype(int) - image).max() <= 3


def test_a_plane_stored_bottom_up_is_turned() -> None:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=64, height=48, format=VideoFormat("gray"), time_base=Fraction(1, 30)
    )
    graph.link_nodes(source, graph.add("vflip"), graph.add("buffersink")).configure()
    image = pictures(1, (64, 48))[0]
    graph.push(av.VideoFrame.from_ndarray(image, format="gray"))
    frame = graph.pull()
    assert isinstance(frame, av.VideoFrame)
    assert frame.planes[0].line_size < 0
    np.testing.assert_array_equal(Luma().of(frame), image[::-1])


def mux_palette(path: Path, image: Gray) -> Path:
    palette = np.repeat(np.arange(256, dtype=np.uint32)[:, None], 4, axis=1).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=30)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = image.shape
        stream.pix_fmt = "pal8"
        for _ in range(3):
            frame = av.VideoFrame(64, 48, "pal8")
            frame.planes[0].update(image.tobytes())
            frame.planes[1].update(palette.tobytes())
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_rotation_in_the_header_is_applied(tmp_path: Path, quarter_turns: int) -> None:
    image = np.zeros((48, 64), np.uint8)
    image[:16, :16] = 200  # top left
    path = mux(tmp_path / "a.mp4", [image] * 3, "mpeg4", "yuv420p", quarter_turns=quarter_turns)
    file = VideoFile.open(path)
    expected = np.rot90(image, quarter_turns)
    picture = next(file.read())
    assert picture.image.shape == expected.shape == file.size_px[::-1]
    assert np.abs(picture.image.astype(int) - expected).mean() < 20
    assert picture.image.flags.c_contiguous


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("span_s", [(0.0, 1.0), (1.5, 3.0), (2.0, None), (2.9, 2.9), (9.0, None)])
def test_a_span_is_a_slice_of_the_whole(
    tmp_path: Path, codec: Codec, span_s: tuple[float, float | None]
) -> None:
    file = VideoFile.open(write(tmp_path / "a.mkv", pictures(120), codec))
    start_s, end_s = span_s
    whole = [
        p
        for p in file.read()
        if p.t_ns >= start_s * NS_PER_S and (end_s is None or p.t_ns < end_s * NS_PER_S)
    ]
    for got in (
        list(file.read(start_s=start_s, end_s=end_s)),
        [p for block in file.blocks(7, start_s=start_s, end_s=end_s) for p in block],
        list(file.read(start_s=start_s, end_s=end_s, threads=2)),
    ):
        assert [p[:2] for p in got] == [p[:2] for p in whole]
        for a, b in zip(got, whole, strict=True):
            np.testing.assert_array_equal(a.image, b.image)


def test_blocks_have_their_size_and_end_their_thread(tmp_path: Path) -> None:
    file = VideoFile.open(write(tmp_path / "a.mkv", pictures(50)))
    assert [len(block) for block in file.blocks(16)] == [16, 16, 16, 2]
    blocks = file.blocks(1)
    next(blocks)
    assert any(thread.name == "decode a.mkv" for thread in threading.enumerate())
    blocks.close()
    assert not any(thread.name == "decode a.mkv" for thread in threading.enumerate())


def test_blocks_pass_an_error_on(tmp_path: Path) -> None:
    file = VideoFile.open(write(tmp_path / "a.mkv", pictures(5)))
    file.path.unlink()
    with pytest.raises(ConfigError, match="no such file"):
        list(file.blocks())


def test_sample_takes_key_frames_where_there_are_many(tmp_path: Path) -> None:
    file = VideoFile.open(write(tmp_path / "a.mkv", pictures(300), "h264"))
    sample = file.sample(10)
    whole = [p.image for p in file.read()]
    assert sample.shape == (10, 24, 32)
    for image, k in zip(sample, range(0, 300, 30), strict=True):
        np.testing.assert_array_equal(image, whole[k])
    np.testing.assert_array_equal(sample, file.sample(10))


@pytest.mark.parametrize(("count", "n"), [(40, 40), (1, 1), (1000, 120)])
def test_sample_decodes_through_where_there_are_few(tmp_path: Path, count: int, n: int) -> None:
    path = mux(tmp_path / "a.h264", pictures(120), "libx264", "gray")
    file = VideoFile.open(path)
    sample = file.sample(count)
    whole = [p.image for p in file.read()]
    assert len(sample) == n
    for i, image in enumerate(sample):
        np.testing.assert_array_equal(image, whole[(2 * i + 1) * 120 // (2 * n)])


def test_sample_of_a_span(tmp_path: Path) -> None:
    images = pictures(90)
    file = VideoFile.open(write(tmp_path / "a.mkv", images))
    sample = file.sample(3, start_s=1.0, end_s=2.0)
    for image, k in zip(sample, [35, 45, 55], strict=True):
        np.testing.assert_array_equal(image, images[k])
    assert file.sample(3, start_s=50.0).shape == (0, 24, 32)


class Full(io.BytesIO):
    """A disk with room for `room` bytes that takes a few at a time."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: object) -> int:
        part = bytes(data)[:100]  # type: ignore[call-overload]
        if self.tell() + len(part) > self.room:
            raise OSError(28, "No space left on device")
        return super().write(part)


def test_full_disk_is_a_storage_error_and_close_does_not_hang() -> None:
    file = Full(20_000)
    writer = VideoWriter(file, (32, 24), 30.0, "lossless")
    images = pictures(200)

    def run() -> None:
        for i, image in enumerate(images):
            writer.write(image, round(i * NS_PER_S / 30))

    with pytest.raises(StorageError, match="No space left"):
        run()
    with pytest.raises(StorageError):
        writer.close()
    writer.close()
    assert not file.closed


def test_a_full_disk_is_told_to_who_hands_pictures_over_and_nobody_waits_for_ever() -> None:
    with pytest.raises(StorageError, match="No space left"):
        hand_over(Full(20_000), 400)


def test_pictures_that_were_handed_over_are_all_written() -> None:
    file = io.BytesIO()
    hand_over(file, 3 * WriterAhead.AHEAD)
    alone = io.BytesIO()
    with VideoWriter(alone, (32, 24), 30.0, "lossless") as writer:
        for i, image in enumerate(pictures(3 * WriterAhead.AHEAD)):
            writer.write(image, round(i * NS_PER_S / 30))
    assert len(file.getvalue()) == len(alone.getvalue())


def hand_over(file: io.BytesIO, count: int) -> None:
    with WriterAhead(partial(VideoWriter, file, (32, 24), 30.0, "lossless")) as writer:
        for i, image in enumerate(pictures(count)):
            writer.write(image, round(i * NS_PER_S / 30))


def test_short_writes_lose_nothing(tmp_path: Path) -> None:
    file = Full(10**9)
    images = pictures(40)
    with VideoWriter(file, (32, 24), 30.0, "lossless") as writer:
        for i, image in enumerate(images):
            writer.write(image, round(i * NS_PER_S / 30))
    assert not file.closed
    path = tmp_path / "a.mkv"
    path.write_bytes(file.getvalue())
    for picture, image in zip(VideoFile.open(path).read(), images, strict=True):
        np.testing.assert_array_equal(picture.image, image)


@pytest.mark.parametrize(
    "image",
    [np.zeros((24, 33), np.uint8), np.zeros((24, 32), np.uint16), np.zeros((24, 32, 3), np.uint8)],
    ids=["size", "type", "colour"],
)
def test_writer_refuses_other_pictures(image: Gray) -> None:
    with (
        VideoWriter(io.BytesIO(), (32, 24), 30.0) as writer,
        pytest.raises(ValueError, match="video is uint8"),
    ):
        writer.write(image, 0)


@pytest.mark.skipif(not CLIP.exists(), reason="the real clip in ../shared is not there")
def test_the_real_clip() -> None:
    file = VideoFile.open(CLIP)
    assert (file.size_px, file.frames, file.rate_hz) == ((640, 480), 10_000, 30.0)
    assert file.times is Times.STAMPS
    assert file.duration_ns == 333_300_000_000
    got = list(file.read(start_s=200.0, end_s=201.0))
    assert [p.index for p in got] == list(range(6000, 6030))
    assert len(file.sample(40)) == 40


@given(
    st.lists(st.integers(-(10**9), 10**12)),
    st.fractions(min_value=0, max_value=10**9, max_denominator=10**6),
)
def test_multiples_are_rounded_as_fractions_are(counts: list[int], step: Fraction) -> None:
    exact = [round(count * step) for count in counts]
    if all(-(2**63) <= one < 2**63 for one in exact):
        assert list(multiples(counts, step)) == exact
    else:
        with pytest.raises(OverflowError):
            multiples(counts, step)
