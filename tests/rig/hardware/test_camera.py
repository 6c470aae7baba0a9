"""Cameras: a real stream on loopback, a scripted webcam, files played as cameras."""

import itertools
import logging
import platform
import queue
import sys
import threading
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rig.errors import CameraError, ConfigError
from rig.hardware.camera import (
    CameraInfo,
    Capture,
    FileCamera,
    Kind,
    Target,
    Webcam,
    grey,
    list_cameras,
    played,
    resolve,
)
from rig.hardware.camera.listing import _identity, linux_cameras
from rig.model import NS_PER_S, Frame, Silence
from rig.video import VideoWriter
from tests.streams import Stream

MS = 1_000_000
LONG_S = 5.0  # longer than anything here takes


def grey_jpeg(k: int) -> bytes:
    image = np.full((48, 64, 3), 10 * (k % 25), np.uint8)
    return bytes(cv2.imencode(".jpg", image)[1].tobytes())


@pytest.fixture
def stream() -> Iterator[Stream]:
    served = Stream(grey_jpeg, 100)
    yield served
    served.close()


def until(camera: Webcam, kind: type, tries: int = 200, timeout_s: float = 0.05) -> Any:
    """The first result of that kind."""
    for _ in range(tries):
        got = camera.next(timeout_s)
        if isinstance(got, kind):
            return got
    raise AssertionError(f"no {kind.__name__} in {tries} tries")


def test_a_real_stream_that_stalls_and_comes_back(stream: Stream) -> None:
    camera = Webcam(stream.url, reconnect_after_s=0.3, retry_s=(0.05, 0.1))
    try:
        assert camera.size_px == (64, 48)
        before = [until(camera, Frame) for _ in range(5)]
        assert all(f.image.shape == (48, 64) and f.image.dtype == np.uint8 for f in before)

        stream.flowing.clear()
        silences = [until(camera, Silence) for _ in range(10)]  # half a second: longer than 0.3
        stream.flowing.set()
        after = [until(camera, Frame) for _ in range(5)]

        for got in (before, silences, after):
            assert all(b.t_ns > a.t_ns for a, b in itertools.pairwise(got))
        assert before[-1].t_ns < silences[0].t_ns < silences[-1].t_ns < after[-1].t_ns
        indices = [f.index for f in (*before, *after)]
        assert all(b > a for a, b in itertools.pairwise(indices))
        assert camera.reconnections >= 1
        assert stream.connections >= 2

        stream.cut.set()  # the server hangs up
        until(camera, Silence)
        stream.cut.clear()
        assert until(camera, Frame).index > after[-1].index
    finally:
        camera.close()
    while camera.next(0) is not None:
        pass
    assert not any(t.name.startswith("capture") for t in threading.enumerate())


def test_no_server_is_one_line() -> None:
    with pytest.raises(CameraError, match="cannot be opened") as caught:
        Webcam("http://127.0.0.1:9/none.mjpg", open_timeout_s=LONG_S)
    assert "\n" not in str(caught.value)


class Scripted:
    """A capture that gives what the test puts into `feed`: a picture, False, or None (broken)."""

    def __init__(self) -> None:
        self.feed: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.idle = threading.Event()
        self.opened = 0
        self.props: dict[int, float] = {cv2.CAP_PROP_GAIN: 5.0, cv2.CAP_PROP_EXPOSURE: -6.0}
        self.current: Any = None
        self.wait_s: float | None = None
        self.released = 0

    def open(self, target: Target) -> Capture:
        self.opened += 1
        return self

    def give(self, *items: Any) -> None:
        """Feeds and waits until all was grabbed."""
        self.idle.clear()
        for item in items:
            self.feed.put(item)
        self.feed.put("mark")
        assert self.idle.wait(LONG_S)

    def grab(self) -> bool:
        while True:
            try:
                self.current = self.feed.get(timeout=self.wait_s)
            except queue.Empty:
                self.current = None
            if isinstance(self.current, str):
                self.idle.set()
                continue
            return self.current is not False

    def flow(self) -> None:
        """From now on grabs return by themselves, with pictures that cannot be decoded."""
        self.wait_s = 0.001
        self.feed.put(None)

    def retrieve(self) -> tuple[bool, Any]:
        return self.current is not None, self.current

    def get(self, prop: int, /) -> float:
        return self.props.get(prop, -1.0)

    def set(self, prop: int, value: float, /) -> bool:
        if prop not in self.props:
            return False
        self.props[prop] = value
        return True

    def release(self) -> None:
        self.released += 1


def image(level: int = 0, size_px: tuple[int, int] = (8, 6)) -> np.ndarray[Any, Any]:
    return np.full((size_px[1], size_px[0]), level, np.uint8)


@pytest.fixture
def scripted() -> Iterator[tuple[Webcam, Scripted]]:
    script = Scripted()
    ticks = itertools.count(1000)
    script.feed.put(image(1))
    camera = Webcam(
        "/dev/video7",
        (8, 6),
        clock=lambda: next(ticks),
        slots=3,
        reconnect_after_s=LONG_S,
        retry_s=(0.001, 0.002),
        open_capture=script.open,
    )
    yield camera, script
    camera._stop.set()
    script.feed.put(False)
    camera.close()


def test_frames_are_dropped_at_the_camera_and_the_gap_shows(
    scripted: tuple[Webcam, Scripted],
) -> None:
    camera, script = scripted
    first = camera.next(LONG_S)
    assert isinstance(first, Frame)
    assert first.index == 0
    script.give(*[image(level) for level in range(10, 20)])
    kept = [camera.next(LONG_S) for _ in range(3)]
    assert [f.index for f in kept if isinstance(f, Frame)] == [8, 9, 10]
    assert [int(f.image[0, 0]) for f in kept if isinstance(f, Frame)] == [17, 18, 19]
    assert camera.dropped == 7
    assert isinstance(camera.next(0.0), Silence)


def test_stamps_are_read_once_a_grab_and_never_stand_still() -> None:
    script = Scripted()
    script.feed.put(image())
    camera = Webcam("/dev/video7", clock=lambda: 500, open_capture=script.open, slots=9)
    script.give(image(), image())
    got = [camera.next(LONG_S) for _ in range(3)]
    assert [f.t_ns for f in got if isinstance(f, Frame)] == [500, 501, 502]
    assert camera.next(0.0) == Silence(500)
    assert camera.size_px == (8, 6)
    camera._stop.set()
    script.feed.put(False)
    camera.close()
    assert camera.next(0.0) is None
    assert script.released == 1


def test_a_picture_that_cannot_be_decoded_is_a_gap(scripted: tuple[Webcam, Scripted]) -> None:
    camera, script = scripted
    script.give(None, image(3))
    got = [camera.next(LONG_S), camera.next(LONG_S)]
    assert [f.index for f in got if isinstance(f, Frame)] == [0, 2]


def test_unplugged_and_plugged_in_again(scripted: tuple[Webcam, Scripted]) -> None:
    camera, script = scripted
    script.flow()
    assert camera.set(gain=9.0)["gain"] == 9.0
    script.props[cv2.CAP_PROP_GAIN] = 0.0  # a camera forgets when it loses power
    script.give(False, image(7))
    last = [camera.next(LONG_S), camera.next(LONG_S)][-1]
    assert isinstance(last, Frame)
    assert last.image[0, 0] == 7
    assert (script.opened, camera.reconnections) == (2, 1)
    assert camera.settings()["gain"] == 9.0


def test_settings_freeze_while_sessions_run(scripted: tuple[Webcam, Scripted]) -> None:
    camera, script = scripted
    assert camera.settings() == {"gain": 5.0, "exposure": -6.0}
    camera.freeze()
    camera.freeze()
    camera.thaw()
    with pytest.raises(CameraError, match="while a session runs"):
        camera.set(exposure=-7.0)
    camera.thaw()
    script.flow()
    assert camera.set(exposure=-7.0)["exposure"] == -7.0
    with pytest.raises(CameraError, match="refuses focus = 3"):
        camera.set(focus=3.0)
    with pytest.raises(ValueError, match="no camera setting 'zoom'"):
        camera.set(zoom=1.0)


def test_a_setting_nobody_waits_for_is_not_made_later() -> None:
    script = Scripted()
    script.feed.put(image())
    camera = Webcam("/dev/video7", open_capture=script.open, reconnect_after_s=0.01)
    script.give()
    with pytest.raises(CameraError, match="silent, gain not set"):
        camera.set(gain=1.0)
    script.give(image(), image())
    assert script.props[cv2.CAP_PROP_GAIN] == 5.0
    camera._stop.set()
    script.feed.put(False)
    camera.close()


def test_automatic_exposure_is_spelt_as_the_system_wants(
    scripted: tuple[Webcam, Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    camera, script = scripted
    script.props[cv2.CAP_PROP_AUTO_EXPOSURE] = 0.0
    script.flow()
    for system, value in (("Linux", 1.0), ("Windows", 0.25)):
        monkeypatch.setattr(platform, "system", lambda system=system: system)
        assert camera.set(auto_exposure=0)["auto_exposure"] == value


def test_another_size_than_asked_for_is_refused() -> None:
    script = Scripted()
    script.feed.put(image(size_px=(640, 480)))
    with pytest.raises(CameraError, match="gives 640 x 480 pixels, not 1280 x 960"):
        Webcam("/dev/video7", (1280, 960), open_capture=script.open)


def test_a_camera_that_sends_nothing_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    script = Scripted()
    with pytest.raises(CameraError, match=r"no picture within 0\.05 s"):
        Webcam(
            "/dev/video7",
            open_timeout_s=0.05,
            reconnect_after_s=0.01,
            open_capture=script.open,
        )
    assert "left behind" in caplog.text
    script.feed.put(False)


def test_a_file_is_not_captured(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    path.write_bytes(b"x")
    with pytest.raises(CameraError, match="played, not captured"):
        Webcam(str(path))


@pytest.mark.parametrize(
    ("picture", "level"),
    [
        (np.full((6, 8), 90, np.uint8), 90),
        (np.full((6, 8, 1), 90, np.uint8), 90),
        (np.full((6, 8, 3), 90, np.uint8), 90),
        (np.full((6, 8, 4), 90, np.uint8), 90),
        (np.full((6, 8), 90 * 256 + 255, np.uint16), 90),
        (np.stack([image(200), image(0), image(0)], axis=2), 23),  # blue weighs 0.114
    ],
    ids=["grey", "one-plane", "bgr", "bgra", "16-bit", "blue"],
)
def test_everything_becomes_grey_once(picture: np.ndarray[Any, Any], level: int) -> None:
    got = grey(picture)
    assert got.shape == (6, 8)
    assert got.dtype == np.uint8
    assert (got == level).all()


def film(path: Path, times_ms: Sequence[int], size_px: tuple[int, int] = (33, 25)) -> Path:
    with path.open("wb") as file, VideoWriter(file, size_px, 25.0, "lossless") as writer:
        for i, ms in enumerate(times_ms):
            writer.write(image(i % 256, size_px), ms * MS)
    return path


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now_ns = 7_000 * NS_PER_S

    def __call__(self) -> int:
        return self.now_ns

    def wait(self, seconds: float) -> None:
        assert seconds > 0
        self.now_ns += round(seconds * NS_PER_S)


def test_at_full_speed_all_frames_come_with_the_files_times(tmp_path: Path) -> None:
    times_ms = [0, 40, 80, 95, 300, 1300, 1340]
    clock = Clock()
    camera = FileCamera(film(tmp_path / "a.mkv", times_ms), clock=clock, wait=clock.wait)
    assert (camera.size_px, camera.rate_hz) == ((33, 25), 25.0)
    start_ns = clock.now_ns
    got = [camera.next(0.2) for _ in times_ms]
    assert [f.index for f in got if isinstance(f, Frame)] == list(range(7))
    assert [f.t_ns - start_ns for f in got if isinstance(f, Frame)] == [ms * MS for ms in times_ms]
    assert [int(f.image[0, 0]) for f in got if isinstance(f, Frame)] == list(range(7))
    assert [camera.next(0.2), camera.next(0.2)] == [None, None]
    assert clock.now_ns == start_ns
    assert camera.dropped == 0


def test_at_real_pace_frames_come_when_due_and_silence_between(tmp_path: Path) -> None:
    clock = Clock()
    path = film(tmp_path / "a.mkv", [0, 40, 80, 580, 620])
    camera = FileCamera(path, "real", clock=clock, wait=clock.wait)
    start_ns = clock.now_ns
    log = []
    while (got := camera.next(0.2)) is not None:
        assert got.t_ns == clock.now_ns
        log.append((type(got), (got.t_ns - start_ns) // MS))
    assert log == [
        (Frame, 0),
        (Frame, 40),
        (Frame, 80),
        (Silence, 280),
        (Silence, 480),
        (Frame, 580),
        (Frame, 620),
    ]
    assert camera.dropped == 0


def test_at_real_pace_a_slow_consumer_loses_frames_not_time(tmp_path: Path) -> None:
    clock = Clock()
    path = film(tmp_path / "a.mkv", range(0, 4000, 40))
    camera = FileCamera(path, "real", clock=clock, wait=clock.wait, slots=3)
    start_ns = clock.now_ns
    indices = []
    while (got := camera.next(0.2)) is not None:
        assert isinstance(got, Frame)
        assert got.t_ns == start_ns + got.index * 40 * MS  # its own time, however late it is
        if got.index < 97:  # the last three stay, as the newest that a camera holds
            assert clock.now_ns - got.t_ns < 3 * 40 * MS
        indices.append(got.index)
        clock.now_ns += 400 * MS
    assert len(indices) <= 13
    assert indices[:3] == [0, 8, 18]
    assert camera.dropped == 100 - len(indices)


def test_at_real_pace_a_hiccup_within_the_slots_loses_nothing(tmp_path: Path) -> None:
    clock = Clock()
    path = film(tmp_path / "a.mkv", range(0, 2000, 40))
    camera = FileCamera(path, "real", clock=clock, wait=clock.wait, slots=3)
    indices = []
    while (got := camera.next(0.2)) is not None:
        if isinstance(got, Frame):
            indices.append(got.index)
            clock.now_ns += 119 * MS if got.index % 10 == 0 else 0
    assert indices == list(range(50))


@pytest.mark.parametrize(("rate_hz", "late_ms"), [(25.0, 199), (100.0, 199), (10.0, 290)])
def test_a_hiccup_that_leaves_pictures_fresh_loses_nothing(
    rate_hz: float, late_ms: int, tmp_path: Path
) -> None:
    clock = Clock()
    every_ms = round(1000 / rate_hz)
    path = film(tmp_path / "a.mkv", range(0, 60 * every_ms, every_ms))
    camera = FileCamera(path, "real", clock=clock, wait=clock.wait)
    indices = []
    while (got := camera.next(0.2)) is not None:
        if isinstance(got, Frame):
            indices.append(got.index)
            clock.now_ns += late_ms * MS if got.index == 20 else 0
    assert indices == list(range(60))


def test_a_part_of_a_file(tmp_path: Path) -> None:
    clock = Clock()
    path = film(tmp_path / "a.mkv", range(0, 2000, 40))
    camera = FileCamera(path, clock=clock, start_s=0.4, end_s=0.6)
    got = [camera.next(0.2) for _ in range(6)]
    assert [f.index for f in got if isinstance(f, Frame)] == [10, 11, 12, 13, 14]
    assert isinstance(got[0], Frame)
    assert got[0].t_ns == clock.now_ns


def test_a_torn_file_ends_at_the_tear(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", range(0, 4000, 40))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    camera = FileCamera(path)
    count = 0
    while camera.next(0.2) is not None:
        count += 1
    assert 30 < count < 100
    assert count == camera.file.frames


@pytest.mark.parametrize("content", [None, b"", b"no video at all\n" * 99], ids=str)
def test_a_bad_file_is_the_persons_mistake(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"a\.mp4"):
        FileCamera(path)


def test_closing_a_file_ends_its_thread(tmp_path: Path) -> None:
    camera = FileCamera(film(tmp_path / "closing.mkv", range(0, 8000, 40)))
    assert isinstance(camera.next(0.2), Frame)
    camera.close()
    assert camera.next(0.2) is None
    assert not any(thread.name == "decode closing.mkv" for thread in threading.enumerate())


def test_a_repeated_file_never_ends_and_its_time_goes_on(tmp_path: Path) -> None:
    clock = Clock()
    path = film(tmp_path / "a.mkv", [0, 40, 80, 120])
    camera = FileCamera(path, "real", clock=clock, wait=clock.wait, repeat=True)
    start_ns = clock.now_ns
    path.unlink()  # it is in memory
    got = [camera.next(0.2) for _ in range(10)]
    assert [f.index for f in got if isinstance(f, Frame)] == list(range(10))
    times_ms = [(f.t_ns - start_ns) // MS for f in got if isinstance(f, Frame)]
    assert times_ms == list(range(0, 400, 40))
    assert [int(f.image[0, 0]) for f in got if isinstance(f, Frame)] == [0, 1, 2, 3] * 2 + [0, 1]
    assert camera.dropped == 0
    camera.close()
    assert camera.next(0.2) is None


def test_a_slow_consumer_of_a_repeated_file_misses_the_oldest(tmp_path: Path) -> None:
    clock = Clock()
    path = film(tmp_path / "a.mkv", range(0, 400, 40))
    camera = FileCamera(path, "real", clock=clock, wait=clock.wait, slots=3, repeat=True)
    start_ns, seen = clock.now_ns, []
    for late_ms in (0, 4000, 0, 0, 0, 0):  # ten turns of the film
        got = camera.next(0.2)
        assert isinstance(got, Frame)
        seen.append(got)
        clock.now_ns += late_ms * MS
    # Picture 101 is due with the 4.04th second, in which the hiccup ends; three are kept.
    assert [f.index for f in seen] == [0, 1, 99, 100, 101, 102]
    assert [(f.t_ns - start_ns) // (40 * MS) for f in seen] == [f.index for f in seen]
    assert [int(f.image[0, 0]) for f in seen] == [0, 1, 9, 0, 1, 2]
    assert camera.dropped == 97


def test_a_file_too_long_for_the_memory_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(played, "MOST_KEPT_BYTES", 10 * 33 * 25)
    assert FileCamera(film(tmp_path / "a.mkv", range(0, 400, 40)), repeat=True).file.frames == 10
    with pytest.raises(ConfigError, match=r"b\.mkv: is too long to be repeated: its 11 pictures"):
        FileCamera(film(tmp_path / "b.mkv", range(0, 440, 40)), repeat=True)


KNOWN = [
    CameraInfo("C920", "usb-046d_C920_8A3B", "/dev/video2", cv2.CAP_V4L2),
    CameraInfo("internal", "/dev/video0", "/dev/video0", cv2.CAP_V4L2),
]


def test_resolve(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.avi"
    path.write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        found = resolve("usb-046d_C920_8A3B", KNOWN)
        assert (found.kind, found.address) == (Kind.DEVICE, "/dev/video2")
        assert resolve("/dev/video5", KNOWN).address == "/dev/video5"
        assert resolve("rtsp://box-3/live", KNOWN).kind is Kind.STREAM
        assert resolve(str(path), KNOWN) == Target(Kind.FILE, str(path))
    assert not caplog.records
    assert resolve("1", KNOWN).address == 1
    assert "bare index" in caplog.text


@pytest.mark.parametrize("source", ["usb-046d_C920_FFFF", "nowhere.mkv", "file:///a.mkv", ""])
def test_resolve_what_is_not_there(source: str) -> None:
    with pytest.raises(CameraError) as caught:
        resolve(source, KNOWN)
    assert "\n" not in str(caught.value)
    if not source.startswith("file"):
        assert "usb-046d_C920_8A3B" in str(caught.value)


@pytest.mark.parametrize(
    "source", ["concat://a|b", "subfile,,start,0,end,9,,:http://x", "ftp://x/a", "pipe://0"]
)
def test_resolve_what_is_no_camera_s_address(source: str) -> None:
    with pytest.raises(CameraError, match="no camera's address"):
        resolve(source, KNOWN)


def test_linux_cameras_by_serial_number_then_port(tmp_path: Path) -> None:
    dev, classes = tmp_path / "dev", tmp_path / "class"
    nodes = [("video10", "0", "Twin"), ("video2", "0", "C920"), ("video3", "1", "C920")]
    for node, index, name in [*nodes, ("video4", "0", "loop")]:
        (classes / node).mkdir(parents=True)
        (classes / node / "index").write_text(index + "\n")
        (classes / node / "name").write_text(name + "\n")
    links = {
        "by-id/usb-046d_C920_8A3B-video-index0": "video2",
        "by-id/usb-046d_C920_8A3B-video-index1": "video3",
        "by-path/pci-0000-usb-0-1-video-index0": "video2",
        "by-path/pci-0000-usb-0-2-video-index0": "video10",
    }
    for link, node in links.items():
        (dev / "v4l" / link).parent.mkdir(parents=True, exist_ok=True)
        (dev / "v4l" / link).symlink_to(f"../../{node}")
    assert [(c.identity, c.name, c.address) for c in linux_cameras(dev, classes)] == [
        ("usb-046d_C920_8A3B", "C920", str(dev / "video2")),
        (str(dev / "video4"), "loop", str(dev / "video4")),
        ("pci-0000-usb-0-2", "Twin", str(dev / "video10")),
    ]
    assert linux_cameras(tmp_path / "none", tmp_path / "none") == []


@pytest.mark.parametrize(
    ("vid", "pid", "path", "identity"),
    [
        (
            0x046D,
            0x082D,
            "\\\\?\\usb#vid_046d&pid_082d&mi_00#6&2A3B&0&0000#{65e8}\\global",
            "usb-046d_082d_6-2a3b-0-0000",
        ),
        (0x05AC, 0x8600, "0x1420000005ac8600", "usb-05ac_8600_0x1420000005ac8600"),
        (None, None, "OBS Virtual Camera", "camera-obs-virtual-camera"),
        (None, None, None, "camera-"),
    ],
)
def test_identity_elsewhere(
    vid: int | None, pid: int | None, path: str | None, identity: str
) -> None:
    assert _identity(vid, pid, path) == identity


def test_other_systems_are_asked_through_a_package(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found = types.SimpleNamespace(name="C920", index=1, path="x#y#SER", vid=1, pid=2)
    package = types.ModuleType("cv2_enumerate_cameras")
    package.enumerate_cameras = lambda backend: [found]  # type: ignore[attr-defined]
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    monkeypatch.setitem(sys.modules, "cv2_enumerate_cameras", package)
    assert list_cameras() == [CameraInfo("C920", "usb-0001_0002_ser", 1, cv2.CAP_DSHOW)]
    monkeypatch.setitem(sys.modules, "cv2_enumerate_cameras", None)
    assert list_cameras() == []
    assert "cannot be listed" in caplog.text
