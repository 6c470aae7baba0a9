"""A session's pictures into Matroska, readable after a crash up to the last cluster."""

import math
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from fractions import Fraction
from types import TracebackType
from typing import BinaryIO, Self

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from rig.errors import StorageError
from rig.model import Gray
from rig.video.decoding import words

CLUSTER_MS = "200"
"""How much may wait for the rest of its cluster. With a sync every 500 ms, no second is lost."""
NOISE = 2.0
"""Standard deviation of a still pixel, grey levels, where nobody has measured it: a webcam's."""
_FINEST, _COARSEST = 24, 32  # x264's quantiser: below, nothing is gained; above, outlines suffer


class Codec(StrEnum):
    """How a session's pictures are coded."""

    H264 = "h264"
    LOSSLESS = "lossless"


class Stamps:
    """The stamps of one file's pictures: whole milliseconds, each later than the one before."""

    def __init__(self) -> None:
        self._last_ms = -(10**9)

    def of(self, t_ns: int) -> int:
        """The next picture's stamp, ms; it was taken at `t_ns` from the start."""
        self._last_ms = max((t_ns + 500_000) // 1_000_000, self._last_ms + 1)
        return self._last_ms


def quantiser(noise: float) -> int:
    """The constant quantiser (x264, 24 to 32) for pictures whose still pixels vary by `noise`.

    Its step, 2 ** ((q - 4) / 6) grey levels, is 4.3 standard deviations: what stands still is not
    coded anew for its noise. A rate factor would choose about the same and look at each picture at
    half its size for it, which is half of all coding (decision 036).
    """
    step = 4.3 * max(noise, 0.1)
    return min(_COARSEST, max(_FINEST, math.ceil(4 + 6 * math.log2(step))))


class VideoWriter:
    """Writes pictures to `file` as Matroska; made, used and closed on one thread.

    Args:
        file: binary, writable; seekable if the header is to get its duration at the end. The
            caller opened it, syncs it and closes it.
        size_px: width and height of every picture; odd ones too.
        rate_hz: nominal, for the header only.
        codec: "h264" (a key frame a second of frame time) or "lossless" (FFV1).
        noise: standard deviation of a still pixel, grey levels; chooses the quantiser of "h264".

    Attributes:
        frames: pictures written so far.
    """

    def __init__(
        self,
        file: BinaryIO,
        size_px: tuple[int, int],
        rate_hz: float,
        codec: str = Codec.H264,
        noise: float = NOISE,
    ) -> None:
        """Writes the header. Raises StorageError when that fails."""
        self.frames = 0
        self._shape = (size_px[1], size_px[0])
        self._lossless = Codec(codec) is Codec.LOSSLESS
        self._stamps, self._key_ms = Stamps(), -(10**9)
        self._key_after_ms = 1000 - round(500 / rate_hz)  # half a frame early: no second too long
        self._closed = False
        try:
            self._container = av.open(
                _Whole(file),
                "w",
                format="matroska",
                options={"cluster_time_limit": CLUSTER_MS, "flush_packets": "1"},
            )
            rate = Fraction(rate_hz).limit_denominator(1001)
            name = "ffv1" if self._lossless else "libx264"
            stream = self._container.add_stream(name, rate=rate)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height = size_px
            stream.pix_fmt = "gray"
            context = stream.codec_context
            context.time_base = Fraction(1, 1000)
            context.color_range = ColorRange.JPEG
            context.thread_count = 1
            context.thread_type = "NONE"
            if self._lossless:
                context.gop_size = 1
                context.options = {"level": "3", "slices": "4", "slicecrc": "1"}
            else:
                context.gop_size = max(1, round(2 * rate_hz))
                context.options = {
                    "preset": "ultrafast",
                    "tune": "zerolatency",
                    "qp": str(quantiser(noise)),
                    "forced-idr": "1",
                }
            self._stream = stream
            self._container.start_encoding()
        except (OSError, av.FFmpegError) as error:
            raise StorageError(f"video cannot be started: {words(error)}") from error

    def write(self, image: Gray, t_ns: int) -> None:
        """Codes `image` (height x width, uint8) at `t_ns` from the start, kept in milliseconds.

        Two pictures within one millisecond get stamps one apart. Raises ValueError for another
        size or type, StorageError when the file cannot be written.
        """
        if image.shape != self._shape or image.dtype != np.uint8:
            raise ValueError(
                f"picture is {image.dtype} {image.shape}, video is uint8 {self._shape}"
            )
        if image.strides[1] != 1 or image.strides[0] < image.shape[1]:
            image = np.ascontiguousarray(image)
        ms = self._stamps.of(t_ns)
        frame = VideoFrame.from_numpy_buffer(image, format="gray")
        frame.pts, frame.time_base = ms, Fraction(1, 1000)
        frame.color_range = ColorRange.JPEG
        if not self._lossless and ms - self._key_ms >= self._key_after_ms:
            frame.pict_type = PictureType.I
            self._key_ms = ms
        self._mux(frame)
        self.frames += 1

    def close(self) -> None:
        """Writes what is left and the end of the file; the file object stays open."""
        if self._closed:
            return
        self._closed = True
        try:
            self._mux(None)
        finally:
            try:
                self._container.close()
            except (OSError, av.FFmpegError) as error:
                raise StorageError(f"video cannot be ended: {words(error)}") from error

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes it."""
        self.close()

    def _mux(self, frame: VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (OSError, av.FFmpegError) as error:
            raise StorageError(f"video cannot be written: {words(error)}") from error


class WriterAhead:
    """The same in a thread of its own: pictures are handed over, at most `AHEAD` of them wait.

    Args:
        begin: begins the writer, in that thread.

    What goes wrong there is raised by the next `write`, or by `close`.
    """

    AHEAD = 16

    def __init__(self, begin: Callable[[], VideoWriter]) -> None:
        self._begin = begin
        self._pictures: queue.Queue[tuple[Gray, int] | None] = queue.Queue(self.AHEAD)
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._write, name="write video", daemon=True)
        self._thread.start()

    def write(self, image: Gray, t_ns: int) -> None:
        """Hand over `image`, which nobody changes any more. Raises as `VideoWriter` does."""
        if self._error is not None:
            raise self._error
        self._pictures.put((image, t_ns))

    def close(self) -> None:
        """Wait until all is written. Raises StorageError."""
        self._pictures.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes it; what went wrong before that is not hidden by what goes wrong here."""
        try:
            self.close()
        except (StorageError, ValueError):
            if error is None:
                raise

    def _write(self) -> None:
        ended = False
        try:
            writer = self._begin()
            try:
                while not ended:
                    picture = self._pictures.get()
                    ended = picture is None
                    if picture is not None:
                        writer.write(*picture)
            except Exception:
                with suppress(StorageError):  # what went wrong first is told
                    writer.close()
                raise
            writer.close()
        except Exception as error:  # handed to whoever writes
            self._error = error
        while not ended:  # so that nobody waits for room
            ended = self._pictures.get() is None


class _Whole:
    """A file object that writes all it is given: PyAV takes a short write for a full one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seekable = file.seekable
        self.seek = file.seek
        self.tell = file.tell

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]
        return len(data)
