"""A video file played as a camera."""

import logging
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import chain, count
from pathlib import Path

from rig.errors import ConfigError
from rig.hardware.waiting import slots_for
from rig.model import NS_PER_S, Frame, Silence
from rig.video import Picture, VideoFile

_log = logging.getLogger(__name__)

MOST_KEPT_BYTES = 1 << 30
"""Pictures of a file that is repeated take at most so much memory."""


class Pace(StrEnum):
    """How fast a file is played."""

    REAL = "real"  # as it was taken, dropping what the consumer is too slow for
    MAX = "max"  # as fast as the consumer takes it, dropping nothing


class FileCamera:
    """A video file played as a camera.

    A frame's `t_ns` is the time of the first `next` plus the file's own stamp after the first
    picture. At real pace it is delivered when that time has come; a consumer that falls behind
    by more than `slots` frames misses the oldest, as with a camera. At max pace nothing waits
    and nothing is dropped. Pictures are decoded ahead in a thread; their memory is the
    decoder's (see `rig.video.Picture`).

    A file that is repeated is decoded once, when it is opened, and kept in memory. Its pictures
    come again and again, index and time going on, so it never ends: a rig is rehearsed with it,
    or put under load, and neither decoding nor drawing costs anything meanwhile.

    Args:
        path: the video file.
        pace: "real" or "max".
        clock: integer nanoseconds.
        wait: waits so many seconds; goes with `clock`.
        slots: frames kept for a consumer that is late, at real pace; None: those of 0.2 s.
        start_s, end_s: the part to play, seconds after the first picture.
        repeat: begin anew after the last picture; the whole file, without `start_s` and `end_s`.

    Raises:
        ConfigError: the file is missing, holds no video, or is too long to be repeated.

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
        slots: int | None = None,
        start_s: float = 0.0,
        end_s: float | None = None,
        repeat: bool = False,
    ) -> None:
        """Looks the file through; decoding begins with the first `next`, or is done here."""
        self.file = VideoFile.open(path)
        self.size_px = self.file.size_px
        self.rate_hz = self.file.rate_hz
        self.dropped = 0
        self._real = Pace(pace) is Pace.REAL
        self._clock = clock
        self._wait = wait
        self._slots = slots_for(self.rate_hz) if slots is None else slots
        self._blocks = self.file.blocks(start_s=start_s, end_s=end_s)
        # From a picture to the same one in the next turn: the last lasts as long as any.
        self._turn_ns = self.file.duration_ns + round(NS_PER_S / self.rate_hz) if repeat else 0
        self._pictures = self._repeated() if repeat else chain.from_iterable(self._blocks)
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
            oldest = self._due(late_ns) - self._slots
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

    def _due(self, late_ns: int) -> int:
        """How many pictures have been due so long after the first."""
        turns = 0
        if self._turn_ns:
            turns, late_ns = divmod(late_ns, self._turn_ns)
        return turns * self.file.frames + bisect_right(self.file.times_ns, late_ns)

    def _repeated(self) -> Iterator[Picture]:
        """The file's pictures, kept in memory, without end. Raises ConfigError for too many."""
        width, height = self.size_px
        need_bytes = width * height * self.file.frames
        if need_bytes > MOST_KEPT_BYTES:
            raise ConfigError(
                str(self.file.path),
                "",
                f"is too long to be repeated: its {self.file.frames} pictures take"
                f" {need_bytes / 1e6:.0f} MB of memory, and {MOST_KEPT_BYTES / 1e6:.0f} MB is the"
                " most; cut it",
            )
        kept = [Picture(k, t_ns, image.copy()) for k, t_ns, image in self.file.read()]
        return (
            Picture(turn * self.file.frames + k, turn * self._turn_ns + t_ns, image)
            for turn in count()
            for k, t_ns, image in kept
        )
