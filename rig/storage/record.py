"""A session's folder read back; nothing in it is changed."""

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from os.path import exists, isfile, islink  # pathlib's raise for a name that no file can have
from pathlib import Path
from typing import Any

import numpy as np

from rig import png
from rig import setup as setups
from rig.errors import ConfigError, StorageError
from rig.ledger import chain_hash, json_text, nanoseconds, parse_tick, to_utf8
from rig.model import LONGEST_S, Gray, Tick
from rig.setup import Setup
from rig.storage import folder as folders
from rig.storage.folder import BACKGROUND, EVENTS, FRAMES, SETUP, SUMS, TICKS, TRUTH, VIDEO
from rig.video import count_frames

_READ = (SETUP, TICKS, FRAMES, EVENTS, BACKGROUND, SUMS)
_INTEGERS = frozenset(("frame", "area_px"))
_TEXTS = frozenset(("zone", "step", "flag"))


def is_whole(line: bytes) -> bool:
    """Whether a line of a text file of ours was written to its end.

    After a power cut a file may be as long as it was, with zeros where data had not come to the
    disk; we never write one.
    """
    return line.endswith(b"\n") and b"\0" not in line


def whole_lines(data: bytes) -> bytes:
    """A text file of ours as far as its lines are whole."""
    data = data.partition(b"\0")[0]
    return data[: data.rfind(b"\n") + 1]


@dataclass(frozen=True)
class SessionRecord:
    """What was recorded in `folder`. A half last line, left by a crash, is not read."""

    folder: Path
    setup_bytes: bytes

    @classmethod
    def open(cls, folder: Path) -> "SessionRecord":
        """The session in `folder`, its `behav` folder or the one above.

        Raises ConfigError for a folder that holds no session.
        """
        for place in (folder, folder / "behav"):
            for name in _READ:
                path = place / name
                if exists(path) and not isfile(path):  # a pipe is waited at for ever
                    raise ConfigError(str(path), "", "is no file")
            try:
                return cls(place, (place / SETUP).read_bytes())
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise ConfigError(str(place), "", f"cannot be read: {error.strerror}") from None
        raise ConfigError(str(folder), "", "holds no session (no setup.json)")

    @cached_property
    def setup(self) -> Setup:
        """What was fixed before tick 0. Raises ConfigError."""
        return setups.parse(self.setup_bytes, str(self.folder / SETUP))

    def ticks(self) -> Iterator[Tick]:
        """The ticks in order, read as they are asked for. Raises StorageError."""
        for number, line in enumerate(self._lines(TICKS), 1):
            try:
                yield parse_tick(line)
            except ValueError as error:
                message = f"{self.folder / TICKS} line {number}: {error}"
                raise StorageError(message) from None

    def events(self) -> list[dict[str, Any]]:
        """The events: n, t_s, kind, data, hash. Raises StorageError."""
        return [event for _, event in self._events()]

    @property
    def stop(self) -> dict[str, Any] | None:
        """The stop record's data; None is the mark of a crash."""
        last = None
        for event in self.events():
            if event["kind"] == "stop":
                last = event["data"]
        return last

    @property
    def complete(self) -> bool:
        """Whether it has its stop record and its sums: nothing is to be added."""
        return (self.folder / SUMS).exists() and self.stop is not None

    def text_columns(self) -> dict[str, list[str]]:
        """The columns of frames.csv by name, as text. Raises StorageError."""
        header, *rows = self._at_once() or list(self.rows()) or [[]]
        columns = list(zip(*rows, strict=True)) or [()] * len(header)
        return {name: list(column) for name, column in zip(header, columns, strict=True)}

    def _at_once(self) -> list[list[str]]:
        """The cells of frames.csv, sooner than line by line; none where any line is odd."""
        try:
            lines = whole_lines((self.folder / FRAMES).read_bytes()).decode().split("\n")[:-1]
            cells = list(csv.reader(lines, strict=True))
        except (OSError, ValueError, csv.Error):
            return []
        return cells if len({len(one) for one in cells}) == 1 else []

    def rows(self) -> Iterator[list[str]]:
        """The cells of frames.csv, a list a line as they are asked for, its head first.

        Raises StorageError.
        """
        lines = (line.decode() for line in self._lines(FRAMES))
        reader = csv.reader(lines, strict=True)
        wide: int | None = None
        try:
            for cells in reader:
                wide = len(cells) if wide is None else wide
                if len(cells) != wide:
                    raise ValueError(f"{len(cells)} cells, the head has {wide}")
                yield cells
        except (csv.Error, ValueError) as error:
            message = f"{self.folder / FRAMES} line {reader.line_num}: {error}"
            raise StorageError(message) from None

    def columns(self) -> dict[str, Any]:
        """The columns of frames.csv by name, and `t_ns`, exact, from tick 0.

        Arrays of int64 (frame, area_px, t_ns), bool (scored, in_NAME) and float64 (the rest;
        NaN for blank), and lists of str (zone, step, flag). Raises StorageError.
        """
        out: dict[str, Any] = {}
        for name, texts in self.text_columns().items():
            try:
                if name in _TEXTS:
                    out[name] = texts
                elif name in _INTEGERS:
                    out[name] = np.array(texts, dtype=np.int64)
                elif name == "scored" or name.startswith("in_"):
                    out[name] = np.array([text == "1" for text in texts], dtype=np.bool_)
                else:
                    out[name] = np.array([text or "nan" for text in texts], dtype=np.float64)
                    if name == "t_s":
                        out["t_ns"] = np.array([nanoseconds(text) for text in texts], np.int64)
            except ValueError as error:
                message = f"{self.folder / FRAMES} column {name}: {error}"
                raise StorageError(message) from None
        return out

    @property
    def videos(self) -> list[Path]:
        """The recordings in order: video.mkv, then one more for each time it was resumed."""
        return folders.videos(self.folder)

    @property
    def filmed(self) -> list[Path]:
        """The recordings with a picture in them, in order; a crash may come before a part's first.

        A session's only recording is named in any case.
        """
        parts = self.videos
        return parts if len(parts) < 2 else [path for path in parts if count_frames(path)]

    @property
    def parts(self) -> list[Path | None]:
        """The recording of each part that resumes made of the session; None for one without any.

        A part's file is named as its first picture comes, after those that are there. Which these
        were the `resumed` event tells: a power cut may come before a picture, or take the name of
        a file that had some. Raises StorageError.
        """
        names = [VIDEO]
        try:
            for event in self.events():
                if event["kind"] != "resumed":
                    continue
                there = dict(event["data"]["pictures"])
                names[-1] = names[-1] if names[-1] in there else ""
                names.append(folders.next_video(there))
        except (KeyError, TypeError, ValueError) as error:
            message = f"{self.folder / EVENTS}: a resumed event tells of no videos ({error!r:.60})"
            raise StorageError(message) from None
        have = {path.name: path for path in self.videos}
        return [have.get(name) for name in names]

    def background(self) -> Gray:
        """background.png. Raises ConfigError for a damaged one, StorageError for none."""
        path = self.folder / BACKGROUND
        try:
            image = png.read_gray(path.read_bytes(), str(path))
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}") from error
        size, wanted = image.shape[::-1], self.setup.apparatus.frame_size_px
        if size != wanted:
            message = f"{size[0]}x{size[1]} px, but {wanted[0]}x{wanted[1]} were recorded"
            raise ConfigError(str(path), "", message)
        return image

    def torn(self) -> dict[str, int]:
        """Bytes of a half last line by file; empty for a session that ended in order."""
        found = {}
        for name in (TICKS, FRAMES, EVENTS, TRUTH):
            path = self.folder / name
            if path.is_file():
                rest = path.stat().st_size - sum(map(len, self._lines(name)))
                if rest:
                    found[name] = rest
        return found

    def verify_chain(self) -> list[str]:
        """What is wrong with the hash chain of events.jsonl; empty is good."""
        problems = []
        previous = hashlib.sha256(self.setup_bytes).hexdigest()
        for number, (line, event) in enumerate(self._events()):
            said = event.pop("hash", None)
            try:
                previous = chain_hash(previous, to_utf8(json_text(event)))
                whole = to_utf8(json_text({**event, "hash": said}) + "\n")
            except ValueError:  # NaN or infinity, which no writer of ours lets through
                whole = b""
            if said != previous or event.get("n") != number or whole != line:
                problems.append(f"{EVENTS} line {number + 1}: the hash chain breaks here")
                break
        return problems

    def check_checkpoints(self) -> list[str]:
        """Which running sums in `checkpoint` events do not fit the files; empty is good."""
        wanted = [e for e in self.events() if e["kind"] == "checkpoint"]
        return [
            *self._check_running(wanted, FRAMES, "rows", "frames_sha256", before=1),
            *self._check_running(wanted, TICKS, "ticks", "ticks_sha256", before=0),
        ]

    def check_sums(self) -> list[str]:
        """Which files differ from SHA256SUMS, are missing or were added; empty is good."""
        try:
            lines = (self.folder / SUMS).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return [f"{SUMS} is missing"]
        except (OSError, ValueError) as error:
            return [f"{SUMS} cannot be read: {error}"]
        said = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        have = folders.sums(self.folder)
        problems = []
        for name in sorted(said.keys() | have.keys()):
            if name not in have:
                problems.append(f"{name} is missing")
            elif name not in said:
                problems.append(f"{name} is not in {SUMS}")
            elif said[name] != have[name]:
                problems.append(f"{name} was changed after the session")
            if islink(self.folder / name):
                problems.append(f"{name} is a link; a session's files lie in its own folder")
        return problems

    def problems(self) -> list[str]:
        """Everything wrong with the files themselves. A crash's torn ends are no fault."""
        found = [*self.verify_chain(), *self.check_checkpoints()]
        if self.complete:
            found += [f"{name} ends in half a line" for name in self.torn()]
            found += self.check_sums()
        elif self.stop is not None:
            found.append(f"{SUMS} is missing: `placepref close` completes the session's end")
        return found

    def _lines(self, name: str) -> Iterator[bytes]:
        try:
            with (self.folder / name).open("rb") as file:
                for line in file:
                    if not is_whole(line):
                        return  # what a crash left of the last line, or a power cut after it
                    yield line
        except OSError as error:
            raise StorageError(f"{self.folder / name} cannot be read: {error.strerror}") from error

    def _events(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        for number, line in enumerate(self._lines(EVENTS), 1):
            try:
                event = json.loads(line)
                if not {"n", "t_s", "kind", "data", "hash"} <= event.keys():
                    raise ValueError("not an event")
                if not abs(event["t_s"]) <= LONGEST_S:
                    raise ValueError("t_s: no session is so long")
            except (ValueError, RecursionError, AttributeError, TypeError) as error:
                message = f"{self.folder / EVENTS} line {number}: {error}"
                raise StorageError(message) from None
            yield line, event

    def _check_running(
        self, checkpoints: list[dict[str, Any]], name: str, count: str, digest: str, before: int
    ) -> Iterator[str]:
        lines, running, taken = self._lines(name), hashlib.sha256(), 0
        for event in checkpoints:
            while taken < event["data"][count] + before:
                line = next(lines, None)
                if line is None and not self.complete:
                    return  # a power cut took it, and the rest of the session with it
                if line is None:
                    yield f"{name} has fewer lines than event {event['n']} says"
                    return
                running.update(line)
                taken += 1
            if running.hexdigest() != event["data"][digest]:
                yield f"{name} differs before line {taken} from what event {event['n']} says"
                return
