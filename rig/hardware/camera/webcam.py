"""A webcam or a network stream through OpenCV, captured in a thread of its own."""

import logging
import platform
import queue
import threading
import time
import typing
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from rig.errors import CameraError
from rig.hardware.camera.listing import (
    Kind,
    Target,
    resolve,
)
from rig.hardware.waiting import slots_for
from rig.model import Frame, Gray, Silence
from rig.scheduling import decide_at_once

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
            None: those of 0.2 s.
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
        slots: int | None = None,
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
        self._slots = slots_for(rate_hz) if slots is None else slots
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
        decide_at_once()  # a picture's time is when it is taken in
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
