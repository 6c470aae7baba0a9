"""Video files, read and written: 8-bit luma in one way, times from the container's own stamps.

Reading. Plane 0 is the picture as it is for grey and for 8-bit planar YUV (no colour conversion,
no change of range); for anything else (palette, RGB, packed or 10-bit YUV) it is FFmpeg's `gray`.
A rotation written in the file is applied. A picture's `index` is its place in the file: one that
cannot be decoded leaves a gap and is counted in `VideoFile.broken`. A file torn off while it was
written gives every whole picture before the tear.

Writing. Matroska through a file object that the caller opened, so that every byte handed over so
far is readable after a crash. H.264 is coded monochrome and flagged full range; lossless is FFV1
with a checksum a slice.

This is the only module that knows PyAV.
"""

import logging
import queue
import threading
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.format import VideoFormat
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from rig.errors import ConfigError, StorageError
from rig.model import NS_PER_S, Gray

_log = logging.getLogger(__name__)

_NOT_VIDEO = frozenset({"tty", "bin", "xbin", "adf", "idf"})  # FFmpeg draws any text as a film
_DISORDER = 32  # places a stamp may lie from its place in time: deeper than any codec reorders
_EBML = bytes.fromhex("1a45dfa3")
_SEGMENT = bytes.fromhex("18538067")
_ONES = 0xFFFFFFFF
_TURNED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_PACKETS = 16  # read at once
_BLOCK_BYTES = 1 << 25  # blocks of very large pictures are made shorter, so that memory is bounded


class Times(StrEnum):
    """Where a file's picture times come from."""

    STAMPS = "stamps"  # the container's own
    FRAME_NUMBER = "frame_number"  # place in the file / nominal rate: the stamps are of no use


class Codec(StrEnum):
    """How a session's pictures are coded."""

    H264 = "h264"
    LOSSLESS = "lossless"


class Picture(NamedTuple):
    """One picture of a file: its place, its time after the first picture's stamp, its luma.

    `image` (height x width) is a read-only view into the decoder's memory wherever that is
    possible: rows may be padded (`strides[0] > width`), it stays valid as long as it is held, and
    holding many of them holds that many decoded frames. Copy what is to be kept.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    t_ns: int
    image: Gray


@dataclass(slots=True)
class VideoFile:
    """A video file that was looked through once, without decoding it; `open` makes it.

    `frames` is the number of pictures in it (not the header's claim), `times_ns` their times
    after the first, strictly increasing, and `duration_ns` the last of them. `rate_hz` is
    nominal. `size_px` is width and height after rotation. `torn` says that the file ends in the
    middle of its data. `broken` counts the pictures that the newest read could not decode.
    """

    path: Path
    size_px: tuple[int, int]
    rate_hz: float
    codec: str
    pixel_format: str
    times: Times
    times_ns: Sequence[int]
    torn: bool
    broken: int = 0
    _stamps: Sequence[int] = field(default=(), repr=False)  # sorted; () unless times is STAMPS
    _ns_per_stamp: Fraction = field(default=Fraction(0), repr=False)
    _keys: Sequence[int] = field(default=(), repr=False)  # places of the key frames, sorted
    _quarter_turns: int = field(default=0, repr=False)  # counter-clockwise

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """The file at `path`, looked through.

        Raises:
            ConfigError: it is missing, is no video, or holds no picture that can be decoded.
        """
        path = Path(path)
        with _opened(path) as (container, stream):
            marks, torn = _marks(container, stream)
            claimed = stream.frames
            header_rate = stream.average_rate or stream.guessed_rate or stream.base_rate
            ns_per_stamp = Fraction(stream.time_base or 0) * NS_PER_S
        with _opened(path) as (container, stream):
            frame = next(_decoded(container, stream, lambda: None), None) if marks else None
            if frame is None:
                raise ConfigError(str(path), "", "holds no picture that can be decoded")
            turns, rest = divmod(frame.rotation, 90)
            if rest:
                _log.warning(
                    "%s: turned by %d degrees in its header, ignored", path, frame.rotation
                )
                turns = 0
            size_px = (frame.width, frame.height)
            codec, pixel_format = stream.codec_context.name, frame.format.name
        stamps = [mark.stamp for mark in marks]
        rate_hz, times, known = _judge(stamps, ns_per_stamp, header_rate)
        if rate_hz is None:
            raise ConfigError(str(path), "", "holds neither usable time stamps nor a frame rate")
        if times is Times.STAMPS:
            times_ns = _spread(_multiples([s - known[0] for s in known], ns_per_stamp), rate_hz)
            keys = sorted(
                {bisect_left(known, m.stamp) for m in marks if m.key and m.stamp is not None}
            )
        else:
            times_ns = _multiples(range(len(marks)), NS_PER_S / Fraction(rate_hz))
            keys = []
        torn = torn or claimed > len(marks) or _says_more(path)
        if torn:
            _log.info("%s: torn off after %d pictures", path, len(marks))
        return cls(
            path=path,
            size_px=(size_px[1], size_px[0]) if turns % 2 else size_px,
            rate_hz=rate_hz,
            codec=codec,
            pixel_format=pixel_format,
            times=times,
            times_ns=times_ns,
            torn=torn,
            _stamps=known,
            _ns_per_stamp=ns_per_stamp,
            _keys=keys,
            _quarter_turns=turns % 4,
        )

    @property
    def frames(self) -> int:
        """Number of pictures in the file."""
        return len(self.times_ns)

    @property
    def duration_ns(self) -> int:
        """Time from the first picture to the last."""
        return self.times_ns[-1]

    def read(
        self, *, start_s: float = 0.0, end_s: float | None = None, threads: int = 1
    ) -> Iterator[Picture]:
        """The pictures from `start_s` up to but not including `end_s`, in order of time.

        Args:
            start_s: seconds after the first picture.
            end_s: seconds after the first picture; None for all to the end.
            threads: for the codec. 1 (none) costs least in all; more are faster only where the
                other cores have nothing to do.

        Notes:
            A picture's index and time do not depend on where the reading starts. Pictures that
            break are counted in `broken`, which each read sets to 0 first; nothing is raised
            once reading has begun, a tear ends it.
        """
        first, stop = self._span(start_s, end_s)
        if first >= stop:
            self.broken = 0
            return
        key = self._keys[bisect_right(self._keys, first) - 1] if first and self._keys else 0
        pictures = self._pictures(key, threads)
        head = next(pictures, None)
        if key and (head is None or head.index > first):  # the container cannot seek exactly
            pictures = self._pictures(0, threads)
            head = next(pictures, None)
        if head is None:
            return
        for picture in chain((head,), pictures):
            if picture.index >= stop and stop < self.frames:
                return
            if picture.index >= first:
                yield picture

    def blocks(
        self,
        size: int = 16,
        *,
        start_s: float = 0.0,
        end_s: float | None = None,
        threads: int = 1,
        ahead: int = 2,
    ) -> Generator[list[Picture]]:
        """The same pictures as `read` in lists of `size`, decoded ahead in a thread of its own.

        At most `ahead` lists wait. Lists are shorter than `size` at the end, and for pictures so
        large that a list would hold more than 32 MB. Closing the iterator ends the thread.
        """
        width, height = self.size_px
        size = max(1, min(size, _BLOCK_BYTES // (width * height)))
        ready: queue.Queue[list[Picture] | Exception | None] = queue.Queue(ahead)
        closed = threading.Event()

        def decode() -> None:
            end: Exception | None = None
            try:
                block: list[Picture] = []
                for picture in self.read(start_s=start_s, end_s=end_s, threads=threads):
                    block.append(picture)
                    if len(block) == size:
                        ready.put(block)
                        block = []
                        if closed.is_set():
                            return
                if block:
                    ready.put(block)
            except Exception as error:  # handed to the reader, who raises it
                end = error
            ready.put(end)

        thread = threading.Thread(target=decode, name=f"decode {self.path.name}", daemon=True)
        thread.start()
        try:
            while (block := ready.get()) is not None:
                if isinstance(block, Exception):
                    raise block
                yield block
        finally:
            closed.set()
            while thread.is_alive():  # it may wait for room in the queue
                try:
                    ready.get_nowait()
                except queue.Empty:
                    thread.join(0.01)

    def sample(
        self, count: int, *, start_s: float = 0.0, end_s: float | None = None
    ) -> NDArray[np.uint8]:
        """Up to `count` pictures spread evenly over the span, as one array (n, height, width).

        Where the file has many key frames (half of `count` or more, spread over the span) only
        those nearest to the even places are decoded, which is cheap; else the whole span is
        decoded. The same file gives the same pictures each time. n is 0 only for a span
        without pictures.
        """
        first, stop = self._span(start_s, end_s)
        count = min(count, stop - first)
        even = [first + (2 * i + 1) * (stop - first) // (2 * count) for i in range(count)]
        keys = _nearest([k for k in self._keys if first <= k < stop], even)
        gap = max((b - a for a, b in zip([first, *keys], [*keys, stop], strict=True)), default=0)
        images: list[Gray] = []
        if 2 * len(keys) >= count and gap * count <= 4 * (stop - first):
            images = self._at_keys(keys)
        if not images:
            wanted = set(even)
            images = [
                p.image.copy() for p in self.read(start_s=start_s, end_s=end_s) if p.index in wanted
            ]
        width, height = self.size_px
        return np.stack(images) if images else np.empty((0, height, width), np.uint8)

    def _span(self, start_s: float, end_s: float | None) -> tuple[int, int]:
        """First place in the span, and the place after its last."""
        first = bisect_left(self.times_ns, round(start_s * NS_PER_S))
        if end_s is None:
            return first, self.frames
        return first, max(first, bisect_left(self.times_ns, round(end_s * NS_PER_S)))

    def _pictures(self, key: int, threads: int) -> Iterator[Picture]:
        """Pictures from the key frame at place `key` on; the container may start elsewhere."""
        self.broken = 0
        with _opened(self.path, threads) as (container, stream):
            if key:
                try:
                    container.seek(self._stamps[key], stream=stream)
                except av.FFmpegError:
                    return
            yield from self._placed(_decoded(container, stream, self._count_broken))

    def _count_broken(self) -> None:
        self.broken += 1

    def _placed(self, frames: Iterator[VideoFrame]) -> Iterator[Picture]:
        """`frames` as pictures with place and time."""
        stamps, times_ns, turns = self._stamps, self.times_ns, self._quarter_turns
        shape = self.size_px[::-1] if turns % 2 == 0 else self.size_px
        luma = _Luma()
        k, last_ns = 0, -1
        for frame in frames:
            if (frame.height, frame.width) != shape:
                self.broken += 1
                continue
            stamp = frame.pts
            if stamps and stamp is not None and not (k < len(stamps) and stamps[k] == stamp):
                place = bisect_left(stamps, stamp, min(k, len(stamps)))
                if place < len(stamps) and stamps[place] == stamp:
                    k = place
            # beyond the last packet's time: some codecs pack two pictures into one packet
            t_ns = times_ns[k] if k < len(times_ns) else last_ns + round(NS_PER_S / self.rate_hz)
            image = luma.of(frame)
            if turns:
                image = np.ascontiguousarray(np.rot90(image, turns))
            yield Picture(k, t_ns, image)
            k, last_ns = k + 1, t_ns

    def _at_keys(self, keys: Sequence[int]) -> list[Gray]:
        """Copies of the key frames at the places `keys`; [] if the container misses one."""
        images: list[Gray] = []
        with _opened(self.path) as (container, stream):
            for key in keys:
                try:
                    container.seek(self._stamps[key], stream=stream)
                except av.FFmpegError:
                    return []
                pictures = self._placed(_decoded(container, stream, self._count_broken))
                picture = next(pictures, None)
                if picture is None or picture.index != key:
                    return []
                images.append(picture.image.copy())
        return images


def count_frames(path: Path | str) -> int:
    """Number of pictures in the file, without decoding them; 0 for one torn before the first.

    Raises:
        ConfigError: the file is missing or is no video. An empty file counts as torn.
    """
    path = Path(path)
    try:
        with _opened(path) as (container, stream):
            return len(_marks(container, stream)[0])
    except ConfigError:
        if _torn_header(path):
            return 0
        raise


class VideoWriter:
    """Writes pictures to `file` as Matroska; made, used and closed on one thread.

    Args:
        file: binary, writable; seekable if the header is to get its duration at the end. The
            caller opened it, syncs it and closes it.
        size_px: width and height of every picture; odd ones too.
        rate_hz: nominal, for the header only.
        codec: "h264" (crf 26, a key frame a second of frame time) or "lossless" (FFV1).

    Attributes:
        frames: pictures written so far.
    """

    def __init__(
        self, file: BinaryIO, size_px: tuple[int, int], rate_hz: float, codec: str = Codec.H264
    ) -> None:
        """Writes the header. Raises StorageError when that fails."""
        self.frames = 0
        self._shape = (size_px[1], size_px[0])
        self._lossless = Codec(codec) is Codec.LOSSLESS
        self._last_ms = self._key_ms = -(10**9)
        self._key_after_ms = 1000 - round(500 / rate_hz)  # half a frame early: no second too long
        self._closed = False
        try:
            self._container = av.open(
                _Whole(file),
                "w",
                format="matroska",
                options={"cluster_time_limit": "500", "flush_packets": "1"},
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
                    "crf": "26",
                    "forced-idr": "1",
                }
            self._stream = stream
            self._container.start_encoding()
        except (OSError, av.FFmpegError) as error:
            raise StorageError(f"video cannot be started: {_words(error)}") from error

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
        ms = max((t_ns + 500_000) // 1_000_000, self._last_ms + 1)
        frame = VideoFrame.from_numpy_buffer(image, format="gray")
        frame.pts, frame.time_base = ms, Fraction(1, 1000)
        frame.color_range = ColorRange.JPEG
        if not self._lossless and ms - self._key_ms >= self._key_after_ms:
            frame.pict_type = PictureType.I
            self._key_ms = ms
        self._mux(frame)
        self._last_ms = ms
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
                raise StorageError(f"video cannot be ended: {_words(error)}") from error

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
            raise StorageError(f"video cannot be written: {_words(error)}") from error


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


class _Mark(NamedTuple):
    """One packet of the file: its stamp in the stream's time base; whether it is a key frame."""

    stamp: int | None
    key: bool


class _Luma:
    """Takes the luma out of decoded frames: a view of plane 0, or FFmpeg's grey."""

    def __init__(self) -> None:
        self._format = ""
        self._plain = False
        self._reformatter = VideoReformatter()

    def of(self, frame: VideoFrame) -> Gray:
        """Luma of `frame`, read-only."""
        name = frame.format.name
        if name != self._format:
            self._format, self._plain = name, _plain(frame.format)
        if not self._plain:
            frame = self._reformatter.reformat(frame, format="gray", threads=1)
        plane = frame.planes[0]
        step = plane.line_size
        shape = (frame.height, frame.width)
        image: Gray = np.ndarray(shape, np.uint8, memoryview(plane), 0, (abs(step), 1))
        if step < 0:  # stored bottom up; OpenCV takes no negative steps
            image = np.ascontiguousarray(image[::-1])
        image.flags.writeable = False  # the decoder predicts further pictures from this memory
        return image


def _plain(form: VideoFormat) -> bool:
    """Whether plane 0 of this pixel format is 8-bit luma and nothing else."""
    luma, *others = form.components
    return (
        luma.bits == 8
        and luma.is_luma
        and luma.plane == 0
        and not form.is_rgb
        and not form.has_palette
        and all(other.plane != 0 for other in others)
    )


@contextmanager
def _opened(path: Path, threads: int = 1) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file's container and first video stream, ready to decode; ConfigError if it has none."""
    if not path.is_file():
        raise ConfigError(str(path), "", "no such file")
    try:
        container = av.open(f"file:{path}", "r", metadata_errors="replace")
    except (OSError, av.FFmpegError) as error:
        if _torn_header(path):
            raise ConfigError(str(path), "", "breaks off before its first picture") from None
        raise ConfigError(str(path), "", f"is no video that can be read: {_words(error)}") from None
    with container:
        if not container.streams.video or container.format.name in _NOT_VIDEO:
            raise ConfigError(str(path), "", "is no video")
        stream = container.streams.video[0]
        context = stream.codec_context
        context.thread_count = threads
        context.thread_type = "AUTO" if threads != 1 else "NONE"
        yield container, stream


def _marks(container: InputContainer, stream: VideoStream) -> tuple[list[_Mark], bool]:
    """A mark for each whole packet of the stream, and whether the file broke off."""
    marks: list[_Mark] = []
    torn = 0  # packets at the end that are not whole
    try:
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard:
                marks.append(_Mark(packet.pts, packet.is_keyframe))
                torn = torn + 1 if packet.is_corrupt else 0
    except (OSError, av.FFmpegError):
        return marks[: len(marks) - torn], True
    return marks[: len(marks) - torn], torn > 0


def _decoded(
    container: InputContainer, stream: VideoStream, broken: Callable[[], None]
) -> Iterator[VideoFrame]:
    """All frames that decode without fault; `broken` is called for each one that does not."""
    sums = stream.codec_context.name == "ffv1"
    summed = False  # FFV1 with checksums: known from the first packet that fulfils them
    for packet in _packets(container, stream):
        if packet is not None and (packet.size == 0 or packet.is_corrupt):
            if packet.size:
                broken()
            continue
        try:
            frames = stream.decode(packet)
        except (OSError, av.FFmpegError):
            broken()
            continue
        intact = True
        if sums and packet is not None:
            intact = _intact(bytes(packet))
            summed = summed or intact
        for frame in frames:
            if frame.is_corrupt or (summed and not intact):  # concealed: partly invented
                broken()
            else:
                yield frame


def _packets(
    container: InputContainer, stream: VideoStream
) -> Iterator["Packet[VideoStream] | None"]:
    """The stream's packets, whatever they hold, up to its end or a tear; then None.

    Taken and let go several at once: each call into PyAV lets another thread have the
    interpreter, and between the long ones, which decode, there shall be few of the short.
    """
    packets = container.demux(stream)
    ended, most = False, 1
    while not ended:
        batch: list[Packet[VideoStream]] = []
        try:
            for packet in islice(packets, most):
                if packet.size == 0 and packet.dts is None:
                    break
                batch.append(packet)
        except (OSError, av.FFmpegError):
            pass
        ended, most = len(batch) < most, min(2 * most, _PACKETS)
        yield from batch
    yield None


def _torn_header(path: Path) -> bool:
    """Whether the file is an empty one, or begins as Matroska: a recording that had just begun."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(len(_EBML))
    return start == _EBML[: len(start)]


def _says_more(path: Path) -> bool:
    """Whether the file is Matroska that says it is longer than it is: a copy that broke off.

    One that was never ended (a crash) does not say how long it is. RFC 8794, 6 (sizes) and
    RFC 9559, 5.1 (the segment).
    """
    with path.open("rb") as file:
        if file.read(len(_EBML)) != _EBML:
            return False
        file.seek(_element_size(file) or 0, 1)
        if file.read(len(_SEGMENT)) != _SEGMENT:
            return False
        size = _element_size(file)
        return size is not None and file.tell() + size > path.stat().st_size


def _element_size(file: BinaryIO) -> int | None:
    """The size of an EBML element, whose id was just read; None where it is not known."""
    start = file.read(1)
    length = 9 - start[0].bit_length() if start else 9
    most = (1 << 7 * length) - 1
    size = int.from_bytes(start + file.read(length - 1), "big") & most
    return size if length < 9 and size != most else None


def _intact(packet: bytes) -> bool:
    """Whether all slices of an FFV1 packet fulfil their checksums.

    FFmpeg only logs a mismatch and puts old pixels in the slice's place. A slice ends with its
    size (3 bytes, without this end), a status byte and four bytes that bring the CRC-32 of the
    whole slice (polynomial 0x04C11DB7, most significant bit first, initial 0) to 0; RFC 9043, 4.9.
    zlib's CRC is the same on bytes with their bits turned round.
    """
    end = len(packet)
    while end > 8:
        start = end - 8 - int.from_bytes(packet[end - 8 : end - 5], "big")
        if start < 0 or zlib.crc32(packet[start:end].translate(_TURNED), _ONES) != _ONES:
            return False
        end = start
    return end == 0


def _judge(
    stamps: Sequence[int | None], ns_per_stamp: Fraction, header_rate: Fraction | None
) -> tuple[float | None, Times, list[int]]:
    """Nominal rate (None: unknown), where times come from, and the stamps in order of time.

    Stamps are of use where every packet has one, none lies far from its place in time, and not
    more than one in a hundred is equal to another.
    """
    known = sorted(s for s in stamps if s is not None)
    header_hz = float(header_rate) if header_rate else None
    usable = len(known) == len(stamps) and ns_per_stamp > 0
    usable = usable and len(known) - len(set(known)) <= len(known) // 100
    usable = usable and all(
        s is not None
        and known[max(0, i - _DISORDER)] <= s <= known[min(len(known) - 1, i + _DISORDER)]
        for i, s in enumerate(stamps)
    )
    if not usable:
        return header_hz, Times.FRAME_NUMBER, []
    if len(known) < 2:
        return header_hz or 25.0, Times.STAMPS, known
    steps = np.diff(np.asarray(known, np.int64))
    typical_hz = float(NS_PER_S / (Fraction(int(np.median(steps)) or 1) * ns_per_stamp))
    mean_hz = float(NS_PER_S * (len(known) - 1) / ((known[-1] - known[0]) * ns_per_stamp))
    if header_hz and min(abs(header_hz / hz - 1) for hz in (typical_hz, mean_hz)) < 0.1:
        return header_hz, Times.STAMPS, known
    return typical_hz, Times.STAMPS, known


def _multiples(counts: Sequence[int], step: Fraction) -> list[int]:
    """`round(count * step)` of each, in integers: a file has many."""
    above, below = step.as_integer_ratio()
    out = []
    for count in counts:
        whole, rest = divmod(count * above, below)
        out.append(whole + (2 * rest > below or (2 * rest == below and whole % 2)))
    return out


def _spread(times_ns: list[int], rate_hz: float) -> list[int]:
    """Sorted times made strictly increasing: equal ones spread evenly up to the next."""
    i = 0
    while i < len(times_ns):
        j = i + 1
        while j < len(times_ns) and times_ns[j] == times_ns[i]:
            j += 1
        if j - i > 1:
            end_ns = times_ns[j] if j < len(times_ns) else None
            step_ns = (
                round(NS_PER_S / rate_hz) if end_ns is None else (end_ns - times_ns[i]) // (j - i)
            )
            for k in range(i + 1, j):
                times_ns[k] = times_ns[i] + (k - i) * step_ns
        i = j
    return times_ns


def _nearest(keys: Sequence[int], even: Sequence[int]) -> list[int]:
    """For each place in `even` the nearest of `keys` (the earlier of two), each key once."""
    if not keys:
        return []
    chosen = set()
    for place in even:
        at = bisect_left(keys, place)
        near = keys[max(0, at - 1) : at + 1]
        chosen.add(min(near, key=lambda key: (abs(key - place), key)))
    return sorted(chosen)


def _words(error: Exception) -> str:
    """The system's own words of an error, in one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
