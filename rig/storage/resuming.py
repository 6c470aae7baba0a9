"""An interrupted session made fit to go on: torn ends set aside, missing rows made again."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from rig.errors import ConfigError, StorageError
from rig.ledger import Ledger
from rig.model import Event, Sample, Tick
from rig.storage import folder as folders
from rig.storage.folder import EVENTS, FRAMES, TICKS, TORN, TRUTH
from rig.storage.locking import lock
from rig.storage.record import SessionRecord, is_whole, whole_lines
from rig.storage.truth import Truth
from rig.storage.writer import OpenFile, OpenVideo, SessionWriter
from rig.video import count_frames

Replayed = Iterable[tuple[Tick, Sequence[Sample], Sequence[Event]]]
"""The recorded ticks in order, each with the samples and events that follow from it."""


@dataclass(slots=True)
class Mended:
    """What was done to go on, for the `resumed` record.

    `cut`: bytes moved to torn/, by file. `made_again`: bytes appended because the ticks lead to
    them. `ticks`, `frames`: recorded so far; `frames` counts ticks with a picture. `pictures`:
    what each video really holds, by file; they belong to the first of its rows.
    """

    ticks: int = 0
    frames: int = 0
    cut: dict[str, int] = field(default_factory=dict)
    made_again: dict[str, int] = field(default_factory=dict)
    pictures: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain data for a request or event."""
        return {
            "ticks": self.ticks,
            "frames": self.frames,
            "cut": dict(self.cut),
            "made_again": dict(self.made_again),
            "pictures": dict(self.pictures),
        }


class _Comparing:
    """A recorded file against the lines that follow from the ticks: where do they part?"""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.file = path, file
        self.same = 0  # bytes that are recorded and follow
        self.missing = bytearray()  # what follows but is not recorded

    def expect(self, lines: bytes) -> None:
        """The next lines that follow. Raises StorageError where others are recorded."""
        if not lines:
            return
        if self.missing:
            self.missing += lines
            return
        have = self.file.read(len(lines))
        if have != lines:
            # Only whole lines count; a torn one is cut and made again.
            have = whole_lines(have + self.file.read())
            if not lines.startswith(have):
                raise StorageError(
                    f"{self.path}: what is recorded after byte {self.same} does not follow from"
                    f" {TICKS}; the session can be read, but not go on"
                )
            self.missing += lines[len(have) :]
        self.same += len(have)

    def mend(self, mended: Mended, torn: Path) -> None:
        """Set aside what does not follow, append what is missing; the file is at its end then."""
        self.file.seek(self.same)
        rest = self.file.read()
        if rest:
            torn.mkdir(exist_ok=True)
            with _free(torn / self.path.name).open("xb") as aside:
                aside.write(rest)
                aside.flush()
                os.fsync(aside.fileno())
            folders.sync_folder(torn)
            self.file.truncate(self.same)
            mended.cut[self.path.name] = len(rest)
        self.file.seek(self.same)
        if self.missing:
            self.file.write(self.missing)
            self.file.flush()
            mended.made_again[self.path.name] = len(self.missing)
        os.fsync(self.file.fileno())


def resume(
    record: SessionRecord,
    replayed: Replayed,
    *,
    truth: Truth | None = None,
    open_file: OpenFile | None = None,
    open_video: OpenVideo | None = None,
) -> tuple[SessionWriter, Mended]:
    """A writer that goes on in the folder of an interrupted session, and what was done to it.

    `replayed` must be the engine's replay of `record.ticks()`. The ticks are the truth: whatever
    stands in the other files after what follows from them is moved to torn/, whatever is missing
    is appended. No video is touched; further pictures go to the next video-N.mkv. Nothing is
    changed until everything has been compared.

    A stop record without sums is no end yet: the process may have died before the sums, or the
    events may have come to the disk before the ticks that lead to them.

    Raises ConfigError for a session that has ended or is being recorded, StorageError for files
    that cannot be read or written, or that contradict each other.
    """
    folder = record.folder
    if record.complete:
        raise ConfigError(str(folder), "", "this session has ended; it cannot go on")
    folders.refuse_links(folder)
    setup = record.setup
    names = [TICKS, FRAMES, EVENTS] + ([TRUTH] if (folder / TRUTH).exists() else [])
    files: dict[str, _Comparing] = {}
    try:
        for name in names:
            path = folder / name
            # Rows are handed over in this order, so a crash at the start may leave the last out.
            mode = "r+b" if path.exists() else "x+b"
            files[name] = _Comparing(path, path.open(mode, buffering=1 << 16))  # type: ignore[arg-type]
        lock(files[TICKS].file, folder)
        ledger = Ledger.for_setup(setup, record.setup_bytes)
        mended, start_ns = Mended(), _compare(ledger, replayed, files)
        mended.ticks, mended.frames = ledger.ticks, ledger.frames
        for path in folders.videos(folder):
            mended.pictures[path.name] = count_frames(path)
        for file in files.values():
            file.mend(mended, folder / TORN)
        folders.sync_folder(folder)
    except BaseException as error:
        for file in files.values():
            file.file.close()
        if isinstance(error, OSError):
            message = f"{folder} cannot be mended: {error.strerror or error}"
            raise StorageError(message) from error
        raise
    opened = [(file.path, _unbuffered(file.file)) for file in files.values()]
    writer = SessionWriter.continuing(
        folder,
        setup,
        ledger,
        opened,
        start_ns,
        truth=truth,
        open_file=open_file,
        open_video=open_video,
    )
    return writer, mended


def _compare(ledger: Ledger, replayed: Replayed, files: dict[str, _Comparing]) -> int:
    """Put the replay beside the files; gives the time of tick 0."""
    files[FRAMES].expect(ledger.header())
    start_ns, last_frame = 0, -1
    for tick, samples, events in replayed:
        if not ledger.ticks:
            start_ns = tick.t_ns
        if tick.frame is not None:
            last_frame = tick.frame
        rows = ledger.add(tick, samples, events)
        files[TICKS].expect(rows.ticks)
        files[FRAMES].expect(rows.frames)
        files[EVENTS].expect(rows.events)
    if TRUTH in files:
        truth = files[TRUTH]
        for line in truth.file:
            frame = line.partition(b",")[0]
            if not is_whole(line) or (frame.isdigit() and int(frame) > last_frame):
                break
            truth.same += len(line)
    return start_ns


def _unbuffered(file: BinaryIO) -> BinaryIO:
    # What was read ahead is dropped, the place kept, the lock kept: it is the same open file.
    file.flush()
    place = file.tell()
    raw: BinaryIO = file.detach()  # type: ignore[attr-defined]
    raw.seek(place)
    return raw


def _free(path: Path) -> Path:
    """`path`, or the first of `NAME-2`, `NAME-3` ... that is not there."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free
