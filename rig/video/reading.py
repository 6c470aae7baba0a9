"""A video file as pictures with place, time and luma."""

import logging
import queue
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Self

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from rig.errors import ConfigError
from rig.model import NS_PER_S, Gray
from rig.video.decoding import Luma, decoded, indexed, marks_of, opened, says_more, torn_header
from rig.video.times import Times, judge, multiples, spread

_log = logging.getLogger(__name__)
BLOCK = 16
"""Pictures that are handled together: one kind of work on many at a time is quicker."""
_BLOCK_BYTES = 1 << 25


class Piece(NamedTuple):
    """A stretch of a file's pictures, by place: from a key frame up to, not including, `stop`."""

    first: int
    stop: int


ReadPiece = Callable[[Piece], Iterator["Picture"]]
"""Gives the pictures of one piece, as `VideoFile.read` would."""


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
    middle of its data, `interlaced` that its first picture is said to be woven of two fields.
    `broken` counts the pictures that the newest read came past and could not give: they do not
    decode, or are made from one that did not.
    """

    path: Path
    size_px: tuple[int, int]
    rate_hz: float
    codec: str
    pixel_format: str
    times: Times
    times_ns: Sequence[int]
    torn: bool
    interlaced: bool = False
    broken: int = 0
    _stamps: Sequence[int] = field(default=(), repr=False)  # sorted; () unless times is STAMPS
    _unplaced: int = field(default=0, repr=False)  # pictures that are lost, or without a stamp
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
        with opened(path) as (container, stream):
            marks, torn = marks_of(container, stream)
            pictures = indexed(container, stream)
            claimed, form = stream.frames, container.format.name
            header_rate = stream.average_rate or stream.guessed_rate or stream.base_rate
            ns_per_stamp = Fraction(stream.time_base or 0) * NS_PER_S
        with opened(path) as (container, stream):
            frames = decoded(container, stream) if len(marks) else ()
            frame = next((frame for frame in frames if frame is not None), None)
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
            interlaced = frame.interlaced_frame
        rate_hz, times, known = judge(marks.known, len(marks.unknown), ns_per_stamp, header_rate)
        if rate_hz is None:
            raise ConfigError(str(path), "", "holds neither usable time stamps nor a frame rate")
        if times is Times.STAMPS:
            stamps = np.asarray(known, np.int64)
            times_ns = spread(multiples(stamps - stamps[0], ns_per_stamp), rate_hz)
            places = np.unique(np.searchsorted(known, marks.of_keys))
            keys = array("q", places.astype(np.int64).tobytes())
        else:
            try:
                times_ns = multiples(range(len(marks)), NS_PER_S / Fraction(rate_hz))
            except OverflowError:
                message = f"is said to last {len(marks) / rate_hz:.3g} s; its head is damaged"
                raise ConfigError(str(path), "", message) from None
            keys = array("q")
        # An AVI header's number of pictures is often wrong; its index and its size are not.
        torn = torn or (claimed > len(marks) and form != "avi") or says_more(path)
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
            interlaced=interlaced,
            _stamps=known,
            _unplaced=max(pictures, len(marks)) - len(known) if known else 0,
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
        self.broken = given = 0
        if first >= stop:
            return
        key = self._keys[bisect_right(self._keys, first) - 1] if first and self._keys else 0
        pictures = self._pictures(key, threads)
        head = next(pictures, None)
        if key and (head is None or head.index > first):  # the container cannot seek exactly
            pictures = self._pictures(0, threads)
            head = next(pictures, None)
        for picture in chain(() if head is None else (head,), pictures):
            if picture.index >= stop and stop < self.frames:
                break
            if picture.index >= first:
                given += 1
                self.broken = max(0, picture.index + 1 - first - given)
                yield picture
        self.broken = max(0, stop - first - given)
        if not first and stop == self.frames:
            self.broken += self._unplaced

    def pieces(self, least: int, end_s: float | None = None) -> list[Piece]:
        """The pictures up to `end_s`, cut at key frames into pieces of `least` or more.

        One piece for a file without usable stamps. The last may be shorter.
        """
        _, stop = self._span(0.0, end_s)
        cuts = [0]
        for key in self._keys:
            if key - cuts[-1] >= least and key < stop:
                cuts.append(key)
        return [Piece(a, b) for a, b in zip(cuts, [*cuts[1:], stop], strict=True)]

    @contextmanager
    def by_piece(self) -> Iterator[ReadPiece]:
        """A way to read pieces in any order, with the file opened once.

        What it gives is what `read` gives for the same places only if it is all of the piece,
        place by place: a container that cannot seek exactly, or a picture that breaks, shows as
        a place that is missing or too many.
        """
        with opened(self.path) as (container, stream):

            def read_piece(piece: Piece) -> Iterator[Picture]:
                try:
                    container.seek(self._stamps[piece.first], stream=stream)
                except av.FFmpegError:
                    return
                for picture in self._placed(decoded(container, stream, summed=True)):
                    if picture.index >= piece.stop and piece.stop < self.frames:
                        return
                    if picture.index >= piece.first:  # others lead up to the key frame
                        yield picture

            yield read_piece

    def at_once(self, most: int = BLOCK) -> int:
        """How many pictures to hold at once: `most`, fewer where they would be above 32 MB."""
        width, height = self.size_px
        return max(1, min(most, _BLOCK_BYTES // (width * height)))

    def blocks(
        self,
        size: int = BLOCK,
        *,
        start_s: float = 0.0,
        end_s: float | None = None,
        threads: int = 1,
        ahead: int = 2,
    ) -> Generator[list[Picture]]:
        """The same pictures as `read` in lists of `size`, decoded ahead in a thread of its own.

        At most `ahead` lists wait. Lists are shorter than `size` at the end, and as `at_once`
        says. Closing the iterator ends the thread.
        """
        size = self.at_once(size)
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
        """Up to `count` pictures spread evenly over the span, as one array (n, height, width)."""
        return self.sampled(count, start_s=start_s, end_s=end_s)[1]

    def sampled(
        self, count: int, *, start_s: float = 0.0, end_s: float | None = None
    ) -> tuple[list[int], NDArray[np.uint8]]:
        """Up to `count` pictures spread evenly over the span, and their places before them.

        Where the file has many key frames (half of `count` or more, spread over the span) only
        those nearest to the even places are decoded, which is cheap; else the whole span is
        decoded. The same file gives the same pictures each time. n is 0 only for a span
        without pictures.
        """
        first, stop = self._span(start_s, end_s)
        count = min(count, stop - first)
        even = [first + (2 * i + 1) * (stop - first) // (2 * count) for i in range(count)]
        inside = slice(bisect_left(self._keys, first), bisect_left(self._keys, stop))
        keys = _nearest(self._keys[inside], even)
        gap = max((b - a for a, b in zip([first, *keys], [*keys, stop], strict=True)), default=0)
        if keys and 2 * len(keys) >= count and gap * count <= 4 * (stop - first):
            stack = self._at_keys(keys)
            if stack is not None:
                return keys, stack
        taken = self.chosen(even)
        width, height = self.size_px
        images = [one.image for one in taken]
        stack = np.stack(images) if images else np.empty((0, height, width), np.uint8)
        return [one.index for one in taken], stack

    def chosen(self, places: Sequence[int]) -> list[Picture]:
        """Copies of the pictures at these places, as far as they can be decoded."""
        if not places:
            return []
        wanted, last = set(places), max(places)
        taken: list[Picture] = []
        for picture in self.read(start_s=self.times_ns[min(places)] / NS_PER_S):
            if picture.index in wanted:
                taken.append(picture._replace(image=picture.image.copy()))
            if picture.index >= last:
                break
        return taken

    def _span(self, start_s: float, end_s: float | None) -> tuple[int, int]:
        """First place in the span, and the place after its last."""
        first = bisect_left(self.times_ns, round(start_s * NS_PER_S))
        if end_s is None:
            return first, self.frames
        return first, max(first, bisect_left(self.times_ns, round(end_s * NS_PER_S)))

    def _pictures(self, key: int, threads: int) -> Iterator[Picture]:
        """Pictures from the key frame at place `key` on; the container may start elsewhere."""
        with opened(self.path, threads) as (container, stream):
            if key:
                try:
                    container.seek(self._stamps[key], stream=stream)
                except av.FFmpegError:
                    return
            yield from self._placed(decoded(container, stream))

    def _placed(self, frames: Iterator[VideoFrame | None]) -> Iterator[Picture]:
        """`frames` as pictures with place and time; one that is missing leaves its place empty."""
        stamps, times_ns, turns = self._stamps, self.times_ns, self._quarter_turns
        shape = self.size_px[::-1] if turns % 2 == 0 else self.size_px
        luma = Luma()
        k, last_ns = 0, -1
        for frame in frames:
            if frame is None or (frame.height, frame.width) != shape:
                k += not stamps  # else the next picture's stamp tells its place
                continue
            stamp = frame.pts
            if stamp is None and self._unplaced:
                continue  # nothing tells when it was
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

    def _at_keys(self, keys: Sequence[int]) -> NDArray[np.uint8] | None:
        """Key frames at the places `keys` (n, height, width); None if the container misses one."""
        width, height = self.size_px
        stack = np.empty((len(keys), height, width), np.uint8)
        with opened(self.path) as (container, stream):
            for image, key in zip(stack, keys, strict=True):
                try:
                    container.seek(self._stamps[key], stream=stream)
                except av.FFmpegError:
                    return None
                pictures = self._placed(decoded(container, stream))
                picture = next(pictures, None)
                if picture is None or picture.index != key:
                    return None
                image[:] = picture.image
        return stack


def count_frames(path: Path | str) -> int:
    """Number of pictures in the file, without decoding them; 0 for one torn before the first.

    Raises:
        ConfigError: the file is missing or is no video. An empty file counts as torn.
    """
    path = Path(path)
    try:
        with opened(path) as (container, stream):
            return len(marks_of(container, stream)[0])
    except ConfigError:
        if torn_header(path):
            return 0
        raise


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
