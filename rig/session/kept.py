"""Detections kept beside a row's results: a row is measured again from them without a picture.

`detections.jsonl.gz` holds a line of facts, then the row's ticks as in ticks.jsonl, as they were
found, before any correction. What is known only at the end stands in rescore.json.
"""

import base64
import gzip
import json
import shutil
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, Literal, Self

import numpy as np

from rig import png, tracking
from rig.apparatus import Apparatus, EntryPoint
from rig.errors import ConfigError, StorageError
from rig.ledger import parse_tick, tick_line
from rig.model import Gray, Tick
from rig.session.row import Nudge, Row, asked, moment, stamps
from rig.session.used import read_used
from rig.tracking.registration import Move
from rig.video import Times, VideoFile

FILE = "detections.jsonl.gz"
MOST_IN_MEMORY = 1 << 22
LINES_AT_ONCE = 256
MOST_FACTS, MOST_LINE = 1 << 28, 1 << 20
"""Bytes of the first line and of each other; a small file can unpack to any length of them."""
_NOT_SEEN = ("name", "reference", "entry", "zone", "interlock")
"""Of an apparatus, what decides nothing about where the animal is found."""


def shape_of(apparatus: Apparatus) -> dict[str, Any]:
    """All of an apparatus that decides where the animal is found."""
    table = apparatus.model_dump(mode="json", exclude_none=True)
    return {key: value for key, value in table.items() if key not in _NOT_SEEN}


def zones_of(apparatus: Apparatus) -> list[Any]:
    """The outlines of the further zones, in whose order a detection counts pixels."""
    return [json.loads(json.dumps(zone.outline_px)) for zone in apparatus.zone]


def facts_of(
    apparatus: Apparatus,
    background: Gray,
    kind: str,
    tracker: Mapping[str, Any],
    moves: Iterable[Move] = (),
    parts: Iterable[VideoFile] = (),
) -> dict[str, Any]:
    """What detections were made with: the apparatus as it lay, the empty box, the tracker."""
    return {
        "apparatus": shape_of(apparatus),
        "zones": zones_of(apparatus),
        "background": base64.b64encode(png.write_gray(background)).decode(),
        "kind": kind,
        "tracker": dict(tracker),
        "moves": [list(move) for move in moves],
        "parts": [_part(part) for part in parts],
    }


def _part(part: VideoFile) -> dict[str, Any]:
    told = {key: getattr(part, key) for key in ("size_px", "rate_hz", "codec", "pixel_format")}
    steps = np.diff(np.asarray(part.times_ns, np.int64), prepend=0).astype("<i8")
    packed = base64.b64encode(zlib.compress(steps.tobytes())).decode()
    return {
        **told,
        "times": str(part.times),
        "torn": part.torn,
        "interlaced": part.interlaced,
        "steps_ns": packed,
    }


class Keeper:
    """Takes detections down as they come by; `write` puts them beside a row's results."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._file = SpooledTemporaryFile(MOST_IN_MEMORY)  # noqa: SIM115  # `close` closes it
        self._zip = gzip.GzipFile("", "wb", 1, self._file, mtime=0)
        self._zip.write(json.dumps(facts).encode() + b"\n")
        self._lines: list[bytes] = []
        self.pictures, self.several, self.stop = 0, 0, 0

    def keep(self, ticks: Iterable[Tick], frames: int) -> Iterator[Tick]:
        """The same ticks; they end before the place `frames`, if nobody ends them earlier."""
        for tick in ticks:
            self._lines.append(tick_line(tick))
            if len(self._lines) >= LINES_AT_ONCE:
                self._flush()
            if tick.frame is not None:
                self.pictures, self.stop = self.pictures + 1, tick.frame + 1
                self.several += tick.detection is not None and tick.detection.candidates > 1
            yield tick
        self.stop = frames

    def _flush(self) -> None:
        self._zip.write(b"".join(self._lines))
        self._lines.clear()

    def write(self, folder: Path) -> None:
        """Write `folder`/detections.jsonl.gz."""
        self._flush()
        self._zip.close()
        self._file.seek(0)
        with (folder / FILE).open("wb") as file:
            shutil.copyfileobj(self._file, file)

    def close(self) -> None:
        """Let go of what was taken down."""
        self._file.close()


@dataclass(frozen=True)
class Kept:
    """A rescored folder with its detections. `used`: its rescore.json; `facts`: as `facts_of`."""

    folder: Path
    used: Mapping[str, Any]
    facts: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Self | None:
        """What is kept in a rescored folder; None where no detections are, or cannot be read."""
        try:
            used = read_used(folder)
            with gzip.open(folder / FILE) as file:
                facts = json.loads(file.readline(MOST_FACTS))
            return cls(folder, used, facts) if used.get("detections") else None
        except (OSError, EOFError, ValueError, RecursionError, zlib.error, StorageError):
            return None

    @property
    def background(self) -> Gray:
        """The picture of the empty box that they were made with. Raises ConfigError."""
        data = base64.b64decode(self.facts["background"])
        return png.read_gray(data, str(self.folder / FILE))

    @property
    def moves(self) -> tuple[Move, ...]:
        """How the camera was moved."""
        return tuple(Move(a, tuple(b), *rest) for a, b, *rest in self.facts["moves"])

    @property
    def broken(self) -> int:
        """Pictures that could not be decoded."""
        return int(self.used["frames_broken"])

    def parts(self, row: Row) -> tuple[VideoFile, ...]:
        """The row's files as they were when they were looked through; they are not opened."""
        found = []
        for path, one in zip(row.files, self.facts["parts"], strict=True):
            packed = base64.b64decode(one["steps_ns"])
            steps = np.frombuffer(zlib.decompressobj().decompress(packed, MOST_FACTS), "<i8")
            times = array("q", np.cumsum(steps, dtype=np.int64).tobytes())
            told = {**one, "size_px": tuple(one["size_px"]), "times": Times(one["times"])}
            del told["steps_ns"]
            found.append(VideoFile(path=path, times_ns=times, **told))
        return tuple(found)

    def source_changed(self, row: Row) -> str:
        """Why the row's pictures, or how they are looked at, are others now; "": they are not.

        The apparatus is asked for by `apparatus_changed`, when it is known where it lies.
        """
        if self.used.get("tracker_version") != tracking.VERSION:
            return "they were found by another version of the tracking"
        then = self.used["asked"]
        now = json.loads(json.dumps(asked(row, [one["sha256"] for one in self.stamps(row)])))
        if now["videos"] != then["videos"]:
            return "the content of the recording is another now"
        for key in ("crop", "fps", "true_duration_s"):
            if now[key] != then[key]:
                return f"{key} is another now"
        given = now["background"]
        same = given == then["background"] or (given in (None, "new") and self._from_recording)
        return "" if same else "the background is another now"

    @property
    def _from_recording(self) -> bool:
        return bool(self.facts["parts"]) and self.facts["kind"] == "median"

    def apparatus_changed(self, apparatus: Apparatus) -> str:
        """Why these detections do not do for an apparatus as it lies there; "": they do."""
        now, then = shape_of(apparatus), self.facts["apparatus"]
        for key in now | then:
            if now.get(key) != then.get(key):
                return f"{key}, which the tracking uses, is another now"
        return zones_changed(apparatus, self.facts["zones"])

    def facts_for(self, apparatus: Apparatus) -> dict[str, Any]:
        """The facts of `ticks(apparatus)`."""
        zones = zones_of(apparatus)
        return {**self.facts, "zones": zones if zones == self.facts["zones"] else []}

    def stamps(self, row: Row) -> list[dict[str, Any]]:
        """The row's files, those not hashed anew that look as they did; gone ones as they were."""
        return stamps(row, self.used["files"])

    def lines(self) -> Iterator[bytes]:
        """The ticks as `ledger.tick_line` wrote them. Raises StorageError for a damaged file."""
        path = self.folder / FILE
        try:
            with gzip.open(path) as file:
                file.readline(MOST_FACTS)
                yield from iter(partial(file.readline, MOST_LINE), b"")
        except (OSError, EOFError, zlib.error) as error:
            raise self._damaged(error) from None

    def ticks(self, apparatus: Apparatus, stop: int | None = None) -> Iterator[Tick]:
        """The ticks up to the place `stop`. Raises StorageError for a damaged file."""
        same = zones_of(apparatus) == self.facts["zones"]
        for line in self.lines():
            try:
                tick = parse_tick(line)
            except ValueError as error:
                raise self._damaged(error) from None
            if stop is not None and tick.frame is not None and tick.frame >= stop:
                return
            yield tick if same else without_zones(tick, apparatus)

    def _damaged(self, error: Exception) -> StorageError:
        message = f"{self.folder / FILE} is damaged ({error}); score the recording itself again"
        return StorageError(message)


def zones_changed(apparatus: Apparatus, zones: list[Any]) -> str:
    """Why detections made with the outlines `zones` do not do for the apparatus's; "": they do."""
    if zones_of(apparatus) == zones:
        return ""
    if apparatus.entry.point is EntryPoint.BODY:
        return 'the entry point "body" counts pixels in zones that are others now'
    return ""


def without_zones(tick: Tick, apparatus: Apparatus) -> Tick:
    """The tick with pixels counted in chambers only: those of the zones are not known."""
    seen = tick.detection
    if seen is None or not seen.inside:
        return tick
    return replace(tick, detection=replace(seen, inside=seen.inside[: len(apparatus.chamber)]))


def row_of(folder: Path) -> tuple[tuple[Path, ...], dict[str, Any]]:
    """What a rescored folder is of: its files, and what was said of the row, by names of `Row`.

    Raises ConfigError for one that does not tell.
    """
    file = folder / "rescore.json"
    try:
        used = read_used(folder)
        paths = tuple(Path(one["path"]) for one in used["files"] if "path" in one)
        if not paths:
            message = "a blind row: it does not tell its recording; name the recording itself"
            raise ConfigError(str(folder), "", message)
        then, labels = used["asked"], used["labels"]
        table = {**used["apparatus"], "reference": None}
        said: dict[str, Any] = {
            "id": used["id"],
            "subject": then["subject"],
            "phase": then["phase"],
            "paired": then["paired"],
            "cues": then["cues"],
            "start": moment(then["start"]),
            "end": None if then["end"] is None else moment(then["end"]),
            "duration_s": then["duration_s"],
            "fps": then["fps"],
            "true_duration_s": then["true_duration_s"],
            "crop": None if then["crop"] is None else tuple(then["crop"]),
            "nudge": None if then["nudge"] is None else Nudge(*then["nudge"]),
            "own": Apparatus.model_validate(table),
            **{key: labels[key] for key in ("box", "date", "group")},
        }
        amended = [key for key in ("corrections", "tracks") if (then["amend"] or {}).get(key)]
        files = (paths[0].parent,) if used["times"] == "frames.csv" else paths
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(str(file), "", f"cannot be read: {error}") from None
    except StorageError as error:
        raise ConfigError("", "", str(error)) from None
    return files, {**{k: v for k, v in said.items() if v not in (None, "")}, "amended": amended}


def background_of(folder: Path) -> Gray | Literal["new"] | None:
    """What a rescored folder was asked to take for the empty box. Raises RigError."""
    given = (read_used(folder).get("asked") or {}).get("background")
    if given is None or given == "new":
        return "new" if given else None
    kept = Kept.open(folder)
    if kept is None:
        message = f"{folder} was scored with a picture that is not kept: give it again"
        raise ConfigError("--background", "", message)
    return kept.background
