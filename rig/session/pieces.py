"""What is in each picture of a file, found by several processes that each take a piece at a time.

`find` has no memory, so a piece between key frames may be decoded and looked at anywhere; the
results are joined here in order, and are the same however many helped. A file that is short, has
few key frames, or gives other pictures when it is not read from its start is read in one go.
"""

import logging
import os
import pickle
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rig.model import Gray
from rig.scheduling import few_collections
from rig.session.processes import HELPER, Look, answered, end, send, start
from rig.tracking import Found, Prepared, find
from rig.tracking.registration import Move, steady
from rig.tracking.threads import use_one_thread
from rig.video import Picture, Piece, ReadPiece, VideoFile

_log = logging.getLogger(__name__)

Crop = tuple[int, int, int, int]
"""x, y, width and height in px of the part that is looked at."""

SAMPLES = 48
"""Pictures from which a background and the tracker's settings are chosen."""
LEAST_PICTURES = 100
"""A piece holds so many or more: a seek costs as much as a few pictures."""
LEAST_PIECES = 4
MOST_PICTURES = 5000
"""What a piece shows is held in memory as a whole: with longer ones a file is read in one go."""
WORTH_PX = 500_000_000
"""Pixels in all from which a helper, which takes half a second to start, pays."""
MOST_PROCESSES = 8


class Looked(NamedTuple):
    """One picture of a file, looked at: its place, its time after the first, what it shows."""

    place: int
    t_ns: int
    found: Found


class Eye(NamedTuple):
    """What is looked for in a picture, and in which part of it (None: all)."""

    prepared: Prepared
    crop: Crop | None = None


class Shown(NamedTuple):
    """One picture of a file, looked at by several eyes, each with its own `found`."""

    place: int
    t_ns: int
    found: tuple[Found, ...]


class Crew:
    """This process and its helpers, for one file after the other.

    Args:
        workers: processes in all; None: as many as the machine has cores, 8 at most.
        threads: of this process, where it reads a file in one go. 1: it decodes and looks in
            turn; 2 (None): it decodes in a second thread; more are the codec's.

    Raises ValueError for less than one worker. Used as a context manager: the helpers end with it.
    """

    def __init__(self, workers: int | None = None, threads: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"{workers} workers: one or more")
        self._threads = 2 if threads is None else threads
        self._own_choice = workers is None
        self._helpers_wanted = (workers or min(os.cpu_count() or 1, MOST_PROCESSES)) - 1
        self._helpers: list[_Helper] = []

    def call(self, video: VideoFile) -> None:
        """Start the helpers if `video` is worth it: they start up while the caller prepares."""
        width, height = video.size_px
        if self._own_choice and video.frames * width * height < WORTH_PX:
            return
        wanted = min(self._helpers_wanted, len(video.pieces(LEAST_PICTURES)) - 1)
        while len(self._helpers) < wanted:
            self._helpers.append(_Helper())

    def look(
        self,
        video: VideoFile,
        prepared: Prepared,
        crop: Crop | None = None,
        end_s: float | None = None,
    ) -> Iterator[Looked]:
        """All pictures of `video` up to `end_s`, in order.

        Args:
            video: the file.
            prepared: what to look for; of the crop's size.
            crop: the part of the picture to look at; None: all of it.
            end_s: seconds after the first picture; None: to the end.
        """
        for place, t_ns, (found,) in self.look_with(video, (Eye(prepared, crop),), end_s):
            yield Looked(place, t_ns, found)

    def look_with(
        self,
        video: VideoFile,
        eyes: Sequence[Eye],
        end_s: float | None = None,
        moves: Sequence[Move] = (),
    ) -> Iterator[Shown]:
        """The same for several eyes; each picture is decoded once for all of them.

        `moves` of the camera (places are the file's) are put right first.
        """
        self.call(video)
        job = _Job(video, tuple(eyes), tuple(moves))
        pieces = video.pieces(LEAST_PICTURES, end_s)
        reached = 0
        longest = max(piece.stop - piece.first for piece in pieces)
        if self._helpers and len(pieces) >= LEAST_PIECES and longest <= MOST_PICTURES:
            for shown in self._share(job, pieces):
                if shown is None:
                    _log.info("%s: read in one go from picture %d on", video.path, reached)
                    break
                yield from shown
                reached = shown[-1].place + 1
            else:
                return
        with closing(self._blocks(video, end_s)) as blocks:
            for block in blocks:
                for place, t_ns, image in block:
                    if place >= reached:
                        yield Shown(place, t_ns, job.find(place, image))

    def _blocks(self, video: VideoFile, end_s: float | None) -> Generator[list[Picture]]:
        if self._threads > 1:
            yield from video.blocks(end_s=end_s, threads=self._threads - 1)
            return
        pictures, at_once = video.read(end_s=end_s), video.at_once()
        while block := list(islice(pictures, at_once)):
            yield block

    def _share(self, job: "_Job", pieces: list[Piece]) -> Iterator[list[Shown] | None]:
        """The pieces in order; None for one that is not as it would be in the whole file."""
        todo = deque(pieces)
        answers: SimpleQueue[tuple[Piece, _Answer]] = SimpleQueue()
        done: dict[Piece, list[Shown] | None] = {}

        def note(piece: Piece, answer: _Answer) -> None:
            if isinstance(answer, _Gone):
                todo.appendleft(piece)
            else:
                done[piece] = answer

        for helper in self._helpers:
            helper.start(job, todo, answers)
        ended = False
        try:
            with job.video.by_piece() as read:
                for piece in pieces:
                    while piece not in done:
                        try:
                            own = todo.popleft()
                        except IndexError:
                            note(*answers.get())
                        else:
                            done[own] = job.look(read, own)
                        while True:
                            try:
                                note(*answers.get_nowait())
                            except Empty:
                                break
                    yield done.pop(piece)
            ended = True
        finally:
            if ended:
                for helper in self._helpers:
                    helper.wait()
            else:  # they are in the middle of something that nobody waits for
                self._close()

    def __enter__(self) -> Self:
        """The crew itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends the helpers."""
        self._close()

    def _close(self) -> None:
        for helper in self._helpers:
            helper.close()
        self._helpers.clear()


class _Gone:
    """The answer of a helper that ended before it had one."""


_Answer = list[Shown] | None | _Gone


class _Job(NamedTuple):
    """What a helper has to know of a file."""

    video: VideoFile
    eyes: tuple[Eye, ...]
    moves: tuple[Move, ...] = ()

    def find(self, place: int, image: Gray) -> tuple[Found, ...]:
        """What each eye finds in a picture."""
        if self.moves:
            image = steady(image, place, self.moves)
        return tuple(find(_cut(image, crop), prepared) for prepared, crop in self.eyes)

    def look(self, read: ReadPiece, piece: Piece) -> list[Shown] | None:
        """The piece's pictures; None unless each of its places was there, and nothing else."""
        shown: list[Shown] = []
        pictures, at_once = read(piece), self.video.at_once()
        while block := list(islice(pictures, at_once)):
            for place, t_ns, image in block:
                if place != piece.first + len(shown):
                    return None
                shown.append(Shown(place, t_ns, self.find(place, image)))
        return shown if len(shown) == piece.stop - piece.first else None


class _Helper:
    """A process that looks at pieces, and how to talk to it."""

    def __init__(self) -> None:
        self._process = start(HELPER)
        self._thread: threading.Thread | None = None
        self._closing = False

    def start(
        self, job: _Job, todo: deque[Piece], answers: "SimpleQueue[tuple[Piece, _Answer]]"
    ) -> None:
        """Have it take pieces from `todo` until none is left."""
        self._thread = threading.Thread(target=self._work, args=(job, todo, answers), daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until it has nothing more to do."""
        if self._thread is not None:
            self._thread.join()

    def _work(
        self, job: _Job, todo: deque[Piece], answers: "SimpleQueue[tuple[Piece, _Answer]]"
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            send(self._process.stdin, job)
        except OSError:
            return
        while todo:
            try:
                piece = todo.popleft()
            except IndexError:
                return
            answer: _Answer
            try:
                send(self._process.stdin, piece)
                answer = pickle.load(self._process.stdout)
            except (OSError, EOFError, pickle.UnpicklingError):
                if not self._closing:
                    _log.warning("a helper ended early; its piece is looked at again")
                answer = _Gone()
            answers.put((piece, answer))
            if isinstance(answer, _Gone):
                return

    def close(self) -> None:
        """End it."""
        self._closing = True
        self._process.kill()  # the thread hears that its answer will not come
        self._process.wait()
        self.wait()
        end(self._process)


class Sampled(NamedTuple):
    """A file looked through, and up to `SAMPLES` of its pictures (n, height, width)."""

    video: VideoFile
    places: list[int]
    stack: NDArray[np.uint8]


def sampled_ahead(files: Sequence[Path]) -> Sampled | None:
    """This file as a helper that was begun ahead saw it; None: nobody did, see for yourself."""
    found = answered(Look(files[0])) if len(files) == 1 else None
    return found if isinstance(found, Sampled) else None


def _sampled(path: Path) -> Sampled | None:
    """None where something is to be told of the file: who asks sees it, and tells it, himself."""
    listener = _Listener()
    logging.getLogger().addHandler(listener)
    try:
        video = VideoFile.open(path)
        places, stack = video.sampled(SAMPLES)
    except Exception:  # who asks comes upon it, too
        return None
    finally:
        logging.getLogger().removeHandler(listener)
    return None if listener.heard else Sampled(video, places, stack)


class _Listener(logging.Handler):
    """Notes whether anything was said."""

    heard = False

    def emit(self, record: logging.LogRecord) -> None:
        self.heard = True


def _cut(image: Gray, crop: Crop | None) -> Gray:
    if crop is None:
        return image
    x, y, width, height = crop
    return image[y : y + height, x : x + width]


def main() -> None:
    """A helper: a job, then pieces of it, then perhaps another job; an answer to each piece.

    It ends when nobody asks or listens any more, however the process that asks has ended.
    """
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    use_one_thread()
    try:
        with few_collections():
            said = pickle.load(sys.stdin.buffer)
            if isinstance(said, Look):
                send(answers, _sampled(said.path))
                said = pickle.load(sys.stdin.buffer)
            while True:
                job: _Job = said
                with job.video.by_piece() as read:
                    while isinstance(said := pickle.load(sys.stdin.buffer), Piece):
                        send(answers, job.look(read, said))
    except (EOFError, pickle.UnpicklingError):  # a question may be cut off in its middle
        pass
    except BrokenPipeError:
        os._exit(1)  # at once: an answer that nobody reads is not tried again


if __name__ == "__main__":
    main()
