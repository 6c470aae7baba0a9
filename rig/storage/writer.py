"""Writes one session's folder as it happens: rows and pictures, on a thread of its own."""

import logging
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from rig import png
from rig.errors import ConfigError, RigError, StorageError
from rig.ledger import Ledger
from rig.model import Event, Gray, Sample, Tick
from rig.scheduling import yield_to_others
from rig.setup import Setup
from rig.storage import folder as folders
from rig.storage.folder import BACKGROUND, EVENTS, FRAMES, SETUP, TICKS, TRUTH
from rig.storage.locking import lock
from rig.storage.truth import TRUTH_COLUMNS, Truth, TruthRow, truth_line
from rig.video import NOISE, VideoWriter

log = logging.getLogger(__name__)

QUEUE_S = 2
HAND_OVER_S = 0.1
SYNC_S = 0.5

OpenFile = Callable[[Path], BinaryIO]


class Pictures(Protocol):
    """What takes the pictures of one video file; made, used and closed on the writer's thread."""

    def write(self, image: Gray, t_ns: int) -> None:
        """Code one picture at `t_ns` from tick 0."""

    def close(self) -> None:
        """End the file."""


OpenVideo = Callable[[BinaryIO, tuple[int, int], float, str, float], Pictures]


class _Item(NamedTuple):
    """One tick on its way to the thread."""

    tick: Tick
    image: Gray | None
    samples: Sequence[Sample]
    events: Sequence[Event]
    truth: TruthRow | None


class _Lines:
    """One text file that only grows: whole lines wait here until the system takes them.

    What the system did not take stays, so that the file is a prefix of what was meant.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.file = path, file
        self.waiting = bytearray()

    def hand_over(self) -> None:
        """Give what waits to the system. Raises StorageError."""
        try:
            while self.waiting:
                taken = self.file.write(self.waiting)
                del self.waiting[:taken]
        except OSError as error:
            raise _failure(self.path, error) from error


class SessionWriter:
    """The sink of one session: ticks, what followed from them, and pictures, in order.

    `append` never waits. Rows are made, pictures coded and everything synced on a thread of low
    priority, which sleeps until `wake` where it has nothing left to do, 100 ms at most: boxes of
    one camera are decided one after the other, and the first one's writing would hold up the
    second's decision, because both want the interpreter. Rows go to the system every 100 ms and to
    the disk every 500 ms, by the wall clock.
    After an error pictures are no longer coded, rows are still tried, and `error` says why.

    Args:
        folder: the `behav` folder that `session_folder` named. It is made here and must not be
            there; when that fails, nothing is left behind.
        setup: what is fixed before tick 0; its codec, rate and picture size are the video's.
        background: what the tracker starts from, for background.png.
        truth: of a simulated rig, for truth.csv; asked in `append`.
        open_file: opens a new file for unbuffered writing.
        open_video: begins a video in an open file.

    Raises ConfigError where a session is already, StorageError where nothing can be written.
    """

    def __init__(
        self,
        folder: Path,
        setup: Setup,
        background: Gray | None = None,
        *,
        truth: Truth | None = None,
        open_file: OpenFile | None = None,
        open_video: OpenVideo | None = None,
    ) -> None:
        open_file = open_file or open_new
        ledger = Ledger.for_setup(setup)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise ConfigError("--out", "", f"{folder} holds a session already") from None
        except OSError as error:
            raise _failure(folder, error) from error
        lines: list[_Lines] = []
        try:
            if background is not None:
                folders.replace(folder / BACKGROUND, png.write_gray(background))
            headers = {TICKS: b"", FRAMES: ledger.header(), EVENTS: b""}
            if truth is not None:
                headers[TRUTH] = TRUTH_COLUMNS
            for name, header in headers.items():
                lines.append(_Lines(folder / name, open_file(folder / name)))
                lines[-1].waiting += header
                lines[-1].hand_over()
            lock(lines[0].file, folder)
            folders.sync_entries(folder)
            # The mark of a session comes last: where it is, all that is read with it is there too,
            # whenever the process is killed. Without it nothing was recorded.
            folders.replace(folder / SETUP, setup.to_bytes())
            folders.sync_folder(folder)
        except BaseException as error:
            for line in lines:
                line.file.close()
            shutil.rmtree(folder, ignore_errors=True)
            folders.discard(folder)
            if isinstance(error, OSError):
                raise _failure(folder, error) from error
            raise
        self._begin(folder, setup, ledger, lines, 0, truth, open_file, open_video)

    @classmethod
    def continuing(
        cls,
        folder: Path,
        setup: Setup,
        ledger: Ledger,
        files: Sequence[tuple[Path, BinaryIO]],
        start_ns: int,
        *,
        truth: Truth | None = None,
        open_file: OpenFile | None = None,
        open_video: OpenVideo | None = None,
    ) -> "SessionWriter":
        """A writer that goes on where `ledger` stands; `files` are open at their ends.

        Pictures go to the next free video-N.mkv. `rig.storage.resume` brings a folder there.
        """
        writer = cls.__new__(cls)
        lines = [_Lines(path, file) for path, file in files]
        writer._begin(
            folder, setup, ledger, lines, start_ns, truth, open_file or open_new, open_video
        )
        return writer

    def _begin(
        self,
        folder: Path,
        setup: Setup,
        ledger: Ledger,
        lines: Sequence[_Lines],
        start_ns: int,
        truth: Truth | None,
        open_file: OpenFile,
        open_video: OpenVideo | None,
    ) -> None:
        self.folder = folder
        self._setup, self._ledger, self._start_ns, self._truth = setup, ledger, start_ns, truth
        self._lines = {line.path.name: line for line in lines}
        self._open_file, self._open_video = open_file, open_video or VideoWriter
        self._video: Pictures | None = None
        self._video_file: BinaryIO | None = None
        self._pictures_end = self._rows_end = False
        self._error: Exception | None = None
        self._most = max(2, int(QUEUE_S * setup.rate_hz))
        self._queue: deque[_Item] = deque()
        self._pictures = 0  # in the queue or being coded
        self._closing = self._dirty = self._new_entry = False
        mutex = threading.Lock()
        self._arrived, self._freed = threading.Condition(mutex), threading.Condition(mutex)
        name = f"write {setup.subject} {setup.box}".strip()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    # the session's side

    @property
    def error(self) -> Exception | None:
        """What stopped the writing first, if anything: a RigError of one line."""
        return self._error

    def room(self) -> bool:
        """Whether a picture can be taken without more than 2 s waiting; True after an error."""
        return self._pictures < self._most or self._error is not None

    def wait_room(self, timeout_s: float) -> bool:
        """`room`, waiting for it at most so long."""
        if self.room():
            return True
        with self._freed:
            return self._freed.wait_for(self.room, timeout_s)

    def append(
        self,
        tick: Tick,
        image: Gray | None,
        samples: Sequence[Sample],
        events: Sequence[Event],
    ) -> None:
        """Queue one tick's rows and picture, then call `wake` when all is decided.

        The picture is not copied: leave it as it is. Raises ValueError for a picture without room,
        and after `close`.
        """
        truth = None
        if image is not None:
            if not self.room():
                raise ValueError(f"{self._most} pictures wait already; ask wait_room first")
            if self._truth is not None and tick.frame is not None:
                truth = self._truth(tick.frame)
        item = _Item(tick, image, samples, events, truth)
        with self._arrived:
            if self._closing:
                raise ValueError("the session's folder is closed")
            self._queue.append(item)
            self._pictures += image is not None

    def wake(self) -> None:
        """Have what is queued written now."""
        with self._arrived:
            self._arrived.notify()

    def close(self) -> None:
        """Write and sync all that waits, end the video, write SHA256SUMS. Twice is once.

        Raises StorageError if anything was not written, now or before.
        """
        with self._arrived:
            again, self._closing = self._closing, True
            self._arrived.notify()
        self._thread.join()
        if again:
            return
        if not any(line.waiting for line in self._lines.values()):
            try:
                folders.write_sums(self.folder)
            except (OSError, StorageError) as error:
                self._fail(error)
        if self._error is not None:
            raise StorageError(f"{self.folder}: not complete: {self._error}") from self._error

    # the thread's side

    def _run(self) -> None:
        try:
            yield_to_others()
            self._work()
        except Exception as error:
            self._fail(error)
        for file in self._files():
            try:
                file.close()
            except OSError as error:
                self._fail(error)

    def _work(self) -> None:
        now = time.monotonic()
        hand_over_at, sync_at = now + HAND_OVER_S, now + SYNC_S
        open_ended = True
        while open_ended:
            with self._arrived:
                if not self._queue and not self._closing:
                    # In time for what is due, and for what nobody woke it for.
                    due = min(hand_over_at, sync_at) - now if self._dirty else HAND_OVER_S
                    self._arrived.wait(max(0.0, due))
                item = self._queue.popleft() if self._queue else None
                open_ended = item is not None or not self._closing
            if item is not None:
                self._take(item)
            now = time.monotonic()
            if now >= hand_over_at and self._dirty:
                self._hand_over()
                hand_over_at = now + HAND_OVER_S
            if now >= sync_at and self._dirty:
                self._sync()
                now = time.monotonic()
                sync_at = now + SYNC_S
        self._end_video()
        self._hand_over()
        self._sync()

    def _take(self, item: _Item) -> None:
        tick, image = item.tick, item.image
        self._dirty = True
        try:
            if not self._rows_end:
                if not self._ledger.ticks:
                    self._start_ns = tick.t_ns
                self._add_rows(item)
            if image is not None and not self._pictures_end:
                if self._video is None:
                    self._video = self._begin_video()
                self._video.write(image, tick.t_ns - self._start_ns)
        except Exception as error:  # whatever it is, the session hears of it at its next tick
            self._fail(error)
        finally:
            if image is not None:
                with self._freed:
                    self._pictures -= 1
                    self._freed.notify_all()

    def _add_rows(self, item: _Item) -> None:
        try:
            rows = self._ledger.add(item.tick, item.samples, item.events)
        except Exception:
            self._rows_end = True  # a tick is missing: what came after would not replay
            raise
        lines = self._lines
        lines[TICKS].waiting += rows.ticks
        lines[FRAMES].waiting += rows.frames
        lines[EVENTS].waiting += rows.events
        if TRUTH in lines and item.image is not None:
            tick = item.tick
            lines[TRUTH].waiting += truth_line(tick.frame, tick.t_ns - self._start_ns, item.truth)

    def _begin_video(self) -> Pictures:
        name = folders.next_video(path.name for path in folders.videos(self.folder))
        self._video_file = self._open_file(self.folder / name)
        self._new_entry = True
        setup = self._setup
        size_px = setup.apparatus.frame_size_px
        noise = float(setup.tracker.get("noise", NOISE))
        return self._open_video(self._video_file, size_px, setup.rate_hz, setup.codec, noise)

    def _end_video(self) -> None:
        if self._video is not None:
            try:
                self._video.close()
            except Exception as error:
                self._fail(error)

    def _hand_over(self) -> None:
        # ticks.jsonl goes first: the rest can be made from it again.
        try:
            for line in self._lines.values():
                line.hand_over()
        except StorageError as error:
            self._fail(error)

    def _sync(self) -> None:
        self._dirty = False
        try:
            for file in self._files():
                os.fsync(file.fileno())
            if self._new_entry:  # or a power cut leaves a video that no folder names
                folders.sync_folder(self.folder)
                self._new_entry = False
        except OSError as error:
            self._fail(_failure(self.folder, error))

    def _files(self) -> list[BinaryIO]:
        files = [line.file for line in self._lines.values()]
        return files if self._video_file is None else [*files, self._video_file]

    def _fail(self, error: Exception) -> None:
        self._pictures_end = True
        if self._error is not None:
            return
        if isinstance(error, OSError):
            error = _failure(self.folder, error)
        elif not isinstance(error, RigError):
            log.error("a row cannot be made", exc_info=error)
            error = StorageError(f"{self.folder}: {type(error).__name__}: {error}")
        with self._freed:
            self._error = error
            self._freed.notify_all()


def open_new(path: Path) -> BinaryIO:
    """A new file, open for unbuffered writing. Raises OSError, also where one is there."""
    return path.open("xb", buffering=0)


def _failure(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} cannot be written: {error.strerror or error}")
