"""Cameras: a webcam or network stream through OpenCV, and a video file played as a camera.

Each gives `next(timeout_s) -> Frame | Silence | None` (None: the input has ended), `size_px`,
`rate_hz`, `clock_source` and `close()`. A frame's `t_ns` is the time of capture by the clock that
`clock_source` names. A camera that stamps its pictures itself (a hardware clock) is another class
of this shape: it gives its own stamps, moved once at the start onto the clock of the program.

Frames are dropped here and nowhere else: what a slow consumer misses shows as a gap in `index`.
OpenCV opens cameras and streams, never files.
"""

import logging
import platform
import queue
import re
import threading
import time
import typing
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rig.errors import CameraError
from rig.model import NS_PER_S, Frame, Gray, Silence
from rig.video import Picture, VideoFile

_log = logging.getLogger(__name__)

_SETTINGS: Mapping[str, int] = {
    "exposure": cv2.CAP_PROP_EXPOSURE,
    "auto_exposure": cv2.CAP_PROP_AUTO_EXPOSURE,
    "gain": cv2.CAP_PROP_GAIN,
    "white_balance": cv2.CAP_PROP_WB_TEMPERATURE,
    "auto_white_balance": cv2.CAP_PROP_AUTO_WB,
    "focus": cv2.CAP_PROP_FOCUS,
    "auto_focus": cv2.CAP_PROP_AUTOFOCUS,
    "brightness": cv2.CAP_PROP_BRIGHTNESS,
    "contrast": cv2.CAP_PROP_CONTRAST,
}
_USB2_BYTES_PER_S = 24_000_000  # beyond it a USB 2 camera must send JPEG to keep its rate


class Kind(StrEnum):
    """What a source names."""

    DEVICE = "device"
    STREAM = "stream"
    FILE = "file"


class Pace(StrEnum):
    """How fast a file is played."""

    REAL = "real"  # as it was taken, dropping what the consumer is too slow for
    MAX = "max"  # as fast as the consumer takes it, dropping nothing


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A connected camera. `identity` stays the same across reboots and, mostly, ports."""

    name: str
    identity: str
    address: int | str  # what OpenCV opens, today
    backend: int


@dataclass(frozen=True, slots=True)
class Target:
    """What a source leads to at this moment: address and backend for OpenCV, or a file's path."""

    kind: Kind
    address: int | str
    backend: int = cv2.CAP_ANY


def list_cameras() -> list[CameraInfo]:
    """The connected cameras, by identity; none is opened. Network streams cannot be listed."""
    if platform.system() == "Linux":
        return _linux_cameras(Path("/dev"), Path("/sys/class/video4linux"))
    return _enumerated_cameras()


def resolve(source: str, cameras: Sequence[CameraInfo] | None = None) -> Target:
    """What `source` leads to now: an identity, device path, URL, video file or bare index.

    Args:
        source: as in the rig file. A bare index is taken with a warning: it names another camera
            as soon as one is plugged in.
        cameras: the connected ones; None looks.

    Raises:
        CameraError: nothing is connected or found by that name.
    """
    if "://" in source:
        if source.startswith("file:"):
            raise CameraError(f"camera {source!r}: give a file's path, not a file: address")
        return Target(Kind.STREAM, source, cv2.CAP_FFMPEG)
    if source.isdigit():
        _log.warning(
            "camera %s: a bare index may be another camera tomorrow; use an identity", source
        )
        return Target(Kind.DEVICE, int(source), _device_backend())
    found = list_cameras() if cameras is None else cameras
    for info in found:
        if source == info.identity:
            return Target(Kind.DEVICE, info.address, info.backend)
    if source.startswith("/dev/"):
        return Target(Kind.DEVICE, source, _device_backend())
    if Path(source).is_file():
        return Target(Kind.FILE, source)
    known = ", ".join(info.identity for info in found) or "none"
    raise CameraError(f"no camera or video file {source!r}; connected cameras: {known}")


@dataclass(slots=True, eq=False)
class _Order:
    """A setting on its way to the capture thread, the only one that may touch the camera."""

    name: str
    value: float
    withdrawn: bool = False  # nobody waits for it any more, so it must not happen later
    taken: bool = False
    done: threading.Event = field(default_factory=threading.Event)


class Capture(typing.Protocol):
    """The part of `cv2.VideoCapture` that a webcam uses."""

    def grab(self) -> bool:
        """Whether a picture was captured; blocks until then."""

    def retrieve(self) -> tuple[bool, Any]:
        """Whether the captured picture could be decoded, and it."""

    def get(self, prop: int, /) -> float:
        """A property; -1 where the camera has none such."""

    def set(self, prop: int, value: float, /) -> bool:
        """Whether the camera took the property."""

    def release(self) -> None:
        """Closes it."""


class Webcam:
    """A camera or network stream, captured in a thread of its own.

    Args:
        source: identity, device path, URL or index, as for `resolve`; looked up anew at each
            reconnection, because a camera plugged in again may get another address.
        size_px: width and height to ask for; None takes what comes.
        rate_hz: frames per second to ask for.
        clock: integer nanoseconds; read when a grab returns, in the capture thread.
        slots: frames kept for a consumer that is late; the oldest is dropped for a new one.
        reconnect_after_s: silence of a stream after which it is opened anew.
        retry_s: wait before the first and, doubling, longest wait before a further attempt.
        open_timeout_s: how long the first opening may take.
        open_capture: opens a target; for tests.

    Raises:
        CameraError: it cannot be opened, or does not give the size that was asked for.

    Attributes:
        size_px, rate_hz: as the camera has them.
        dropped: frames dropped for want of a free slot so far.
        reconnections: times it was opened anew so far.
    """

    clock_source = "the program's monotonic clock when the grab returns"

    def __init__(
        self,
        source: str,
        size_px: tuple[int, int] | None = None,
        rate_hz: float = 30.0,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        slots: int = 3,
        reconnect_after_s: float = 2.0,
        retry_s: tuple[float, float] = (0.2, 5.0),
        open_timeout_s: float = 10.0,
        open_capture: Callable[[Target], Capture] | None = None,
    ) -> None:
        """Opens it and waits for its first frame."""
        self.size_px = size_px or (0, 0)
        self.rate_hz = rate_hz
        self.dropped = 0
        self.reconnections = 0
        self._source = source
        self._clock = clock
        self._reconnect_after_s = reconnect_after_s
        self._retry_s = retry_s
        self._open_timeout_s = open_timeout_s
        self._open_capture = open_capture or self._open_cv
        self._changed = threading.Condition()
        self._ready: deque[Frame] = deque()
        self._slots = slots
        self._index = 0
        self._last_ns = -1
        self._opened = False
        self._fault = ""
        self._stop = threading.Event()
        self._frozen = 0
        self._wanted: dict[str, float] = {}  # set again after a reconnection
        self._settings: dict[str, float] = {}
        self._orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"capture {source}", daemon=True)
        self._thread.start()
        with self._changed:
            came = self._changed.wait_for(lambda: self._opened or self._fault, open_timeout_s)
        if not self._opened:
            self.close()
            reason = self._fault if came else f"no picture within {open_timeout_s:g} s"
            raise CameraError(f"camera {source!r}: {reason}")

    def next(self, timeout_s: float) -> Frame | Silence | None:
        """The oldest frame waiting, or the next to come within `timeout_s`; else Silence.

        None once it is closed. Never waits longer, whatever the camera does.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._stop.is_set(), timeout_s)
            if self._ready:
                return self._ready.popleft()
        return None if self._stop.is_set() else Silence(self._clock())

    def settings(self) -> dict[str, float]:
        """The settings that the camera has, by name, as it gave them last (raw units)."""
        with self._changed:
            return dict(self._settings)

    def set(self, **changes: float) -> dict[str, float]:
        """The settings after `changes`, which hold across reconnections.

        Args:
            changes: `exposure`, `gain`, `white_balance`, `focus`, `brightness`, `contrast` in the
                camera's own units; `auto_exposure`, `auto_white_balance`, `auto_focus` 0 to lock,
                1 to free.

        Raises:
            ValueError: an unknown name.
            CameraError: a session runs (`freeze`), or the camera refuses or does not answer.
        """
        for name, value in changes.items():
            if name not in _SETTINGS:
                raise ValueError(f"no camera setting {name!r}; there are {', '.join(_SETTINGS)}")
            if self._frozen:
                raise CameraError(
                    f"camera {self._source!r}: {name} cannot be changed while a session runs"
                )
            order = _Order(name, value)
            self._orders.put(order)
            if not order.done.wait(self._reconnect_after_s):
                order.withdrawn = True
                raise CameraError(f"camera {self._source!r}: silent, {name} not set")
            if not order.taken:
                raise CameraError(f"camera {self._source!r}: refuses {name} = {value:g}")
        return self.settings()

    def freeze(self) -> None:
        """Refuses changes of settings until `thaw` was called as often: one call a session."""
        self._frozen += 1

    def thaw(self) -> None:
        """Ends one `freeze`."""
        self._frozen = max(0, self._frozen - 1)

    def close(self) -> None:
        """Ends the capture; `next` gives what is left, then None."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(2 * self._reconnect_after_s)  # a stream's grab returns within one
        if self._thread.is_alive():
            _log.warning("camera %r: its driver does not return; left behind", self._source)

    def _run(self) -> None:
        """The capture thread: opens, grabs until it fails, opens anew."""
        wait_s, longest_s = self._retry_s
        while not self._stop.is_set():
            before = self._index
            fault = self._capture_once()
            if self._stop.is_set():
                return
            if not self._opened:
                with self._changed:
                    self._fault = fault
                    self._changed.notify_all()
                return
            if self._index > before:  # it worked for a while
                wait_s = self._retry_s[0]
                _log.warning("camera %r: %s; reconnecting", self._source, fault)
            self._stop.wait(wait_s)
            wait_s = min(2 * wait_s, longest_s)
            self.reconnections += 1

    def _capture_once(self) -> str:
        """Opens and grabs until something fails; says what."""
        try:
            capture = self._open_capture(resolve(self._source))
        except (CameraError, cv2.error) as error:
            return " ".join(str(error).split())
        try:
            for name, value in self._wanted.items():
                capture.set(_SETTINGS[name], _raw(name, value))
            self._read_settings(capture)
            while not self._stop.is_set():
                self._obey(capture)
                if not capture.grab():
                    return "gives no picture"
                t_ns = self._clock()
                taken, image = capture.retrieve()
                fault = self._publish(t_ns, grey(image) if taken else None)
                if fault:
                    return fault
            return "closed"
        except cv2.error as error:
            return " ".join(str(error).split())
        finally:
            capture.release()

    def _publish(self, t_ns: int, image: Gray | None) -> str:
        """Hands a captured picture over (None: undecodable, a gap); says what is wrong."""
        index, self._index = self._index, self._index + 1
        if image is None:
            return ""
        size_px = (image.shape[1], image.shape[0])
        if self.size_px != (0, 0) and size_px != self.size_px:
            return f"gives {_by(size_px)} pixels, not {_by(self.size_px)}"
        self._last_ns = t_ns = max(t_ns, self._last_ns + 1)  # a coarse clock may stand still
        with self._changed:
            self.size_px = size_px
            self._opened = True
            if len(self._ready) == self._slots:
                self._ready.popleft()
                self.dropped += 1
            self._ready.append(Frame(index, t_ns, image))
            self._changed.notify_all()
        return ""

    def _obey(self, capture: Capture) -> None:
        """Carries out settings that were asked for since the last frame."""
        while not self._orders.empty():
            order = self._orders.get()
            if order.withdrawn:
                continue
            value = _raw(order.name, order.value)
            order.taken = bool(capture.set(_SETTINGS[order.name], value))
            if order.taken:
                self._wanted[order.name] = order.value
                self._read_settings(capture)
            order.done.set()

    def _read_settings(self, capture: Capture) -> None:
        values = {name: float(capture.get(prop)) for name, prop in _SETTINGS.items()}
        with self._changed:
            self._settings = {name: value for name, value in values.items() if value != -1}

    def _open_cv(self, target: Target) -> Capture:
        """The target opened by OpenCV, with size and rate asked for."""
        if target.kind is Kind.FILE:
            raise CameraError(f"{target.address!r} is a file: it is played, not captured")
        capture = cv2.VideoCapture()
        if target.kind is Kind.STREAM:
            limits = [
                *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(self._open_timeout_s * 1000)),
                *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(self._reconnect_after_s * 1000)),
            ]
            opened = capture.open(str(target.address), target.backend, limits)
        elif isinstance(target.address, int):
            opened = capture.open(target.address, target.backend)
        else:
            opened = capture.open(target.address, target.backend)
        if not opened:
            raise CameraError("cannot be opened; is it connected, and not in use elsewhere?")
        if target.kind is Kind.STREAM:
            return capture
        if self.size_px != (0, 0):
            width, height = self.size_px
            if 2 * width * height * self.rate_hz > _USB2_BYTES_PER_S:
                capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        capture.set(cv2.CAP_PROP_FPS, self.rate_hz)
        return capture


class FileCamera:
    """A video file played as a camera.

    A frame's `t_ns` is the time of the first `next` plus the file's own stamp after the first
    picture. At real pace it is delivered when that time has come; a consumer that falls behind
    by more than `slots` frames misses the oldest, as with a camera. At max pace nothing waits
    and nothing is dropped. Pictures are decoded ahead in a thread; their memory is the
    decoder's (see `rig.video.Picture`).

    Args:
        path: the video file.
        pace: "real" or "max".
        clock: integer nanoseconds.
        wait: waits so many seconds; goes with `clock`.
        slots: frames kept for a consumer that is late, at real pace.
        start_s, end_s: the part to play, seconds after the first picture.

    Raises:
        ConfigError: the file is missing or holds no video.

    Attributes:
        file: the VideoFile behind it (`file.times` says where the times come from).
        dropped: frames dropped so far.
    """

    clock_source = "the file's own stamps, from the program's clock at the first frame"

    def __init__(
        self,
        path: Path | str,
        pace: str = Pace.MAX,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        wait: Callable[[float], None] = time.sleep,
        slots: int = 3,
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> None:
        """Looks the file through; decoding begins with the first `next`."""
        self.file = VideoFile.open(path)
        self.size_px = self.file.size_px
        self.rate_hz = self.file.rate_hz
        self.dropped = 0
        self._real = Pace(pace) is Pace.REAL
        self._clock = clock
        self._wait = wait
        self._slots = slots
        self._blocks = self.file.blocks(start_s=start_s, end_s=end_s)
        self._pictures = chain.from_iterable(self._blocks)
        self._head: Picture | None = None
        self._zero_ns: int | None = None  # the clock's time of the file's first picture
        self._ended = False

    def next(self, timeout_s: float) -> Frame | Silence | None:
        """The next frame; Silence if it is not due within `timeout_s`; None after the last."""
        head = self._head or self._decode()
        if head is None:
            return None
        if self._zero_ns is None:
            self._zero_ns = self._clock() - head.t_ns
        if self._real:
            late_ns = self._clock() - self._zero_ns
            oldest = bisect_right(self.file.times_ns, late_ns) - self._slots
            while head is not None and head.index < oldest:
                self.dropped += 1
                head = self._decode()
            if head is None:
                return None
            early_ns = self._zero_ns + head.t_ns - self._clock()
            if early_ns > timeout_s * NS_PER_S:
                self._head = head
                self._wait(timeout_s)
                return Silence(self._clock())
            if early_ns > 0:
                self._wait(early_ns / NS_PER_S)
        self._head = None
        return Frame(head.index, self._zero_ns + head.t_ns, head.image)

    def close(self) -> None:
        """Ends it; `next` gives None from now on."""
        self._ended = True
        self._head = None
        self._blocks.close()

    def _decode(self) -> Picture | None:
        return None if self._ended else next(self._pictures, None)


def grey(image: np.ndarray[Any, Any]) -> Gray:
    """A captured picture as 8-bit luma, height x width; colour (BGR, BGRA) by OpenCV's weights."""
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if image.ndim == 3 and image.shape[2] in (3, 4):
        code = cv2.COLOR_BGR2GRAY if image.shape[2] == 3 else cv2.COLOR_BGRA2GRAY
        image = cv2.cvtColor(image, code)
    return image[:, :, 0] if image.ndim == 3 else image


def _raw(name: str, value: float) -> float:
    """A setting as the driver spells it: V4L2 says 1 for manual exposure and 3 for automatic."""
    if name != "auto_exposure":
        return value
    manual, automatic = (1.0, 3.0) if platform.system() == "Linux" else (0.25, 0.75)
    return automatic if value else manual


def _by(size_px: tuple[int, int]) -> str:
    return f"{size_px[0]} x {size_px[1]}"


def _device_backend() -> int:
    """OpenCV's way to cameras on this system."""
    if platform.system() == "Linux":
        return cv2.CAP_V4L2
    return cv2.CAP_DSHOW if platform.system() == "Windows" else cv2.CAP_AVFOUNDATION


def _linux_cameras(dev: Path, classes: Path) -> list[CameraInfo]:
    """Cameras from udev's links: by serial number where there is one, else by port."""
    links: dict[str, str] = {}
    for folder in ("by-path", "by-id"):  # by-id last: it is the better name
        for link in sorted((dev / "v4l" / folder).glob("*-video-index0")):
            links[link.resolve().name] = link.name.removesuffix("-video-index0")
    cameras = []
    for node in sorted(classes.glob("video*"), key=lambda node: int(node.name[5:])):
        if _text(node / "index") in ("", "0"):  # further indices are the same camera's metadata
            address = str(dev / node.name)
            identity = links.get(node.name, address)
            cameras.append(
                CameraInfo(_text(node / "name") or node.name, identity, address, cv2.CAP_V4L2)
            )
    return cameras


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _enumerated_cameras() -> list[CameraInfo]:
    """Cameras of Windows and macOS, through a small package that asks the system."""
    try:
        from cv2_enumerate_cameras import enumerate_cameras
    except ImportError as error:
        _log.warning("cameras cannot be listed (%s); install cv2-enumerate-cameras", error)
        return []
    backend = _device_backend()
    return [
        CameraInfo(found.name, _identity(found.vid, found.pid, found.path), found.index, backend)
        for found in enumerate_cameras(backend)
    ]


def _identity(vid: int | None, pid: int | None, path: str | None) -> str:
    r"""A name made of vendor, product and the system's own instance of the device.

    Windows: `\\?\usb#vid_046d&pid_082d&mi_00#6&2A3B&0&0000#{...}` -> `usb-046d_082d_6-2a3b-0-0000`.
    """
    parts = (path or "").split("#")
    instance = parts[2] if len(parts) > 2 else parts[0]
    instance = re.sub(r"[^0-9a-z]+", "-", instance.lower()).strip("-")
    if vid is None or pid is None:
        return f"camera-{instance}"
    return f"usb-{vid:04x}_{pid:04x}_{instance}"
