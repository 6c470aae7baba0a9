"""What is in a video file's container: packets, whole pictures, tears, checksums."""

import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from os.path import isfile  # pathlib's raises for a name that no file can have
from pathlib import Path
from typing import BinaryIO, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from rig.errors import ConfigError
from rig.model import Gray

_NOT_VIDEO = frozenset({"tty", "bin", "xbin", "adf", "idf"})  # FFmpeg draws any text as a film
_LISTS = frozenset({"hls", "concat", "dash", "imf", "sdp", "rtsp", "image2"})  # of other files
_EBML = bytes.fromhex("1a45dfa3")
_SEGMENT = bytes.fromhex("18538067")
_ONES = 0xFFFFFFFF
_TURNED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_CHUNK_HEAD = 8  # bytes of an AVI chunk's name and size
_NO_SIZE = (0, _ONES)  # of a RIFF chunk that was not ended
_PACKETS = 16  # read at once
# Edges of blocks are not smoothed in pictures of which no other is made: a quarter of decoding,
# and what a silhouette's outline gains by it was not to be measured (decision 036).
_UNSMOOTHED = {"skip_loop_filter": "noref"}
_OPTIONS = {
    "h264": _UNSMOOTHED,
    "hevc": _UNSMOOTHED,
    # else a picture whose data stop making sense is given as if it were whole
    "mjpeg": {"err_detect": "explode"},
}


class Marks(NamedTuple):
    """The file's whole packets in its order, some bytes each: a long recording has many.

    `stamps` in the stream's time base, 0 where they are not known; `keys` and `unknown`: places, in
    the file's order, of the key frames and of the stamps that are not known.
    """

    stamps: "array[int]"
    keys: "array[int]"
    unknown: "array[int]"

    @property
    def known(self) -> NDArray[np.int64]:
        """The stamps that are known, in the file's order."""
        return np.delete(np.asarray(self.stamps, np.int64), np.asarray(self.unknown, np.int64))

    @property
    def of_keys(self) -> NDArray[np.int64]:
        """The stamps of the key frames that have one."""
        places = np.setdiff1d(np.asarray(self.keys, np.int64), np.asarray(self.unknown, np.int64))
        return np.asarray(self.stamps, np.int64)[places]

    def __len__(self) -> int:
        """How many packets."""
        return len(self.stamps)


class Luma:
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
        plane = VideoPlane(frame, 0)  # `planes` makes them all
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
def opened(path: Path, threads: int = 1) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file's container and first video stream, ready to decode; ConfigError if it has none."""
    if not isfile(path):
        raise ConfigError(str(path), "", "no such file")
    try:
        # A play list that calls itself a film asks for other files and hosts: no host is asked.
        only = {"protocol_whitelist": "file"}
        container = av.open(f"file:{path}", "r", metadata_errors="replace", options=only)
    except (OSError, av.FFmpegError) as error:
        if torn_header(path):
            raise ConfigError(str(path), "", "breaks off before its first picture") from None
        raise ConfigError(str(path), "", f"is no video that can be read: {words(error)}") from None
    with container:
        if not container.streams.video or container.format.name in _NOT_VIDEO | _LISTS:
            raise ConfigError(str(path), "", "is no video")
        stream = container.streams.video[0]
        context = stream.codec_context
        if context is None:  # a codec that FFmpeg does not know, or that no longer says its name
            raise ConfigError(str(path), "", "is a video of a kind that cannot be decoded here")
        context.thread_count = threads
        context.thread_type = "AUTO" if threads != 1 else "NONE"
        context.options = _OPTIONS.get(context.name, {})
        yield container, stream


def marks_of(container: InputContainer, stream: VideoStream) -> tuple[Marks, bool]:
    """The packets of the stream, and whether the file broke off.

    What is not whole at its end is none of them.
    """
    stamps, keys, unknown = array("q"), array("q"), array("q")
    torn = 0  # packets at the end that are not whole
    broke = False
    try:
        for packet in _demuxed(container, stream):
            if packet.size and not packet.is_discard:
                stamp = packet.pts
                if packet.is_keyframe:
                    keys.append(len(stamps))
                if stamp is None:
                    unknown.append(len(stamps))
                stamps.append(stamp or 0)
                torn = torn + 1 if packet.is_corrupt else 0
    except (OSError, av.FFmpegError):
        broke = True
    whole = len(stamps) - torn
    del stamps[whole:], keys[bisect_left(keys, whole) :], unknown[bisect_left(unknown, whole) :]
    return Marks(stamps, keys, unknown), broke or torn > 0


def decoded(
    container: InputContainer, stream: VideoStream, summed: bool = False
) -> Iterator[VideoFrame | None]:
    """All frames that decode without fault; None for each one that does not.

    What follows a fault is made from the broken picture, whatever the decoder says of it: it is
    left out until a key frame, from which no picture looks back.

    `summed` says that FFV1's checksums must hold; else that is known from the first packet that
    fulfils them.
    """
    sums = stream.codec_context.name == "ffv1"
    fault = _Fault()
    for packet in _packets(container, stream):
        if packet is not None and packet.size == 0:
            continue
        if packet is not None and packet.is_corrupt:
            fault.found(packet.pts)
            yield None
            continue
        try:
            frames = stream.decode(packet)
        except (OSError, av.FFmpegError):
            fault.found(None if packet is None else packet.pts)
            yield None
            continue
        intact = True
        if packet is not None:
            fault.key_ahead = fault.key_ahead or packet.is_keyframe
            if sums:
                intact = _intact(bytes(packet))
                summed = summed or intact
        for frame in frames:
            if frame.is_corrupt or (summed and not intact):  # concealed: partly invented
                fault.found(frame.pts)
                yield None
            else:
                yield None if fault.reaches(frame) else frame


class _Fault:
    """How far a fault reaches: to the next key frame, in the order in which pictures are shown.

    Frames come out later than their packets go in. So a key frame ends it only if its stamp is
    after the fault's; where the fault has none, if a key frame went in since.
    """

    def __init__(self) -> None:
        self._is_on = False
        self._stamp: int | None = None
        self.key_ahead = False

    def found(self, stamp: int | None) -> None:
        """There is a fault at this stamp."""
        if self._is_on and stamp is not None and self._stamp is not None:
            stamp = max(stamp, self._stamp)
        self._is_on, self._stamp, self.key_ahead = True, stamp, False

    def reaches(self, frame: VideoFrame) -> bool:
        """Whether `frame`, the next that is shown, is made from what is broken."""
        if self._is_on and frame.key_frame:
            if self._stamp is None or frame.pts is None:
                self._is_on = not self.key_ahead
            else:
                self._is_on = frame.pts <= self._stamp
        return self._is_on


def _packets(
    container: InputContainer, stream: VideoStream
) -> Iterator["Packet[VideoStream] | None"]:
    """The stream's packets, whatever they hold, up to its end or a tear; then None.

    Taken and let go several at once: each call into PyAV lets another thread have the
    interpreter, and between the long ones, which decode, there shall be few of the short.
    """
    packets = _demuxed(container, stream)
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


def _demuxed(container: InputContainer, stream: VideoStream) -> Iterator["Packet[VideoStream]"]:
    """The stream's packets; those of an AVI file with the stamps that its index gives them.

    AVI has no stamps: a packet's is its number, and where one is lost FFmpeg counts on as if it
    had never been, so that all that follows comes too early. What follows is marked corrupt, if
    it is no key frame: it is made from what was lost.
    """
    numbers = _numbers(container, stream)
    if not numbers:
        yield from container.demux(stream)
        return
    late = 0
    for packet in container.demux(stream):
        if packet.dts is not None:
            number = numbers.get(packet.pos) if packet.pos is not None else None
            before, late = late, late if number is None else number - packet.dts
            if late:
                packet.dts += late
                packet.pts = None if packet.pts is None else packet.pts + late
            if late > before and not packet.is_keyframe:
                packet.is_corrupt = True
        yield packet


def _numbers(container: InputContainer, stream: VideoStream) -> dict[int, int]:
    """The number of each packet of an AVI file by where it lies, as its index has it."""
    if container.format.name != "avi":
        return {}
    entries = stream.index_entries
    return {entry.pos + _CHUNK_HEAD: entry.timestamp for entry in entries if entry.size}


def indexed(container: InputContainer, stream: VideoStream) -> int:
    """How many pictures the index of an AVI file has; 0 for others, and without one."""
    return len(_numbers(container, stream))


def torn_header(path: Path) -> bool:
    """Whether the file is an empty one, or begins as Matroska: a recording that had just begun.

    So is one of zeros: the power was cut before its first bytes had come to the disk.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(len(_EBML))
    return start == _EBML[: len(start)] or not any(start)


def says_more(path: Path) -> bool:
    """Whether the file is Matroska or AVI that says it is longer than it is: a torn copy.

    One that was never ended (a crash) does not say how long it is. RFC 8794, 6 (sizes) and
    RFC 9559, 5.1 (the segment). Above 1 GB an AVI file is several RIFF chunks in a row.
    """
    end = path.stat().st_size
    with path.open("rb") as file:
        while (head := file.read(_CHUNK_HEAD))[:4] == b"RIFF":
            length = int.from_bytes(head[4:], "little")
            if length in _NO_SIZE:
                return False
            if file.tell() + length > end:
                return True
            file.seek(length + length % 2, 1)
        file.seek(0)
        if file.read(len(_EBML)) != _EBML:
            return False
        file.seek(_element_size(file) or 0, 1)
        if file.read(len(_SEGMENT)) != _SEGMENT:
            return False
        size = _element_size(file)
        return size is not None and file.tell() + size > end


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


def words(error: Exception) -> str:
    """The system's own words of an error, in one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
