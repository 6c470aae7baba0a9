"""A row: the unit of rescoring. One or more files in order, a box or crop, a start and an end."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os.path import isfile  # pathlib's raises for a name that no file can have
from pathlib import Path
from typing import Any, Literal

from rig import __version__, tracking
from rig.apparatus import Apparatus
from rig.errors import ConfigError
from rig.model import LONGEST_S, Gray
from rig.session.pieces import Crop
from rig.session.tracks import Choice


@dataclass(frozen=True)
class Moment:
    """A moment of a recording: seconds after its first picture, a picture's place, or neither.

    Neither means `auto`: hands out, and one animal alone for a second, as at the rig.
    """

    s: float | None = None
    frame: int | None = None

    @property
    def auto(self) -> bool:
        """Whether it is to be found."""
        return self.s is None and self.frame is None

    def __str__(self) -> str:
        """As a person writes it."""
        if self.frame is not None:
            return f"f{self.frame}"
        return "auto" if self.s is None else repr(self.s).removesuffix(".0")


def moment(text: str) -> Moment:
    """What `text` says: seconds, mm:ss, h:mm:ss, a frame `f1234`, or `auto`.

    Raises ValueError, which says what to write.
    """
    text = text.strip().lower()
    if text == "auto":
        return Moment()
    if text.startswith("f") and text[1:].isdecimal():
        return Moment(frame=int(text[1:]))
    *larger, rest = text.split(":")
    try:
        seconds = float(rest)
        for place, part in enumerate(reversed(larger), 1):
            seconds += int(part) * 60**place
    except ValueError:
        seconds = math.nan
    if not (0 <= seconds <= LONGEST_S and len(larger) <= 2):
        raise ValueError(f"{text!r}: write seconds, mm:ss or h:mm:ss")
    return Moment(s=seconds)


@dataclass(frozen=True)
class Nudge:
    """How a person moved an apparatus over a picture: shifted, then turned about its middle."""

    dx_px: float = 0.0
    dy_px: float = 0.0
    turn_deg: float = 0.0


@dataclass(frozen=True)
class Amend:
    """What is asked of a row beside scoring it.

    `corrections`: a file of them. `tracks`: a file of another program's, scored in place of ours as
    `choice` says. `overlay`: draw overlay.mkv.
    """

    corrections: Path | None = None
    tracks: Path | None = None
    choice: Choice = field(default_factory=Choice)
    overlay: bool = False

    def to_json(self) -> dict[str, Any] | None:
        """As `asked` keeps it, files by their content; None: nothing. Raises ConfigError."""
        if self == Amend():
            return None
        files = {"corrections": self.corrections, "tracks": self.tracks}
        sums = {name: path and stamp(path)["sha256"] for name, path in files.items()}
        choice = {**vars(self.choice), "parts": dict(self.choice.parts)}
        return {**sums, "choice": choice, "overlay": self.overlay}


@dataclass(frozen=True, eq=False)
class Row:
    """One row, all that it needs read and checked.

    `files`: one session's folder, or videos in order. `end` and `duration_s`: one of them, or
    neither. `fps` or `true_duration_s` override a clock that is consistent but wrong; start and
    end are then of the true clock. `drawn_px`: size of the pictures that the apparatus was drawn
    for, where it was scaled. `cues`: chamber -> cue set. `decision`: a person's, on the check
    sheet. `hidden`: nothing that is written may name where the recording lies. `again`: a rescored
    folder whose kept detections may do. `as_seen`: of a session what it saw then is taken wherever
    that does, though its video may have been compressed since.
    """

    files: tuple[Path, ...]
    id: str = ""
    box: str = ""
    crop: Crop | None = None
    subject: str = ""
    phase: str = ""
    date: str = ""
    group: str = ""
    start: Moment = Moment(0.0)
    end: Moment | None = None
    duration_s: float | None = None
    fps: float | None = None
    true_duration_s: float | None = None
    apparatus: Apparatus | None = None
    apparatus_file: str = ""
    drawn_px: tuple[int, int] | None = None
    background: Gray | Literal["new"] | None = None
    paired: str | None = None
    cues: Mapping[str, str] = field(default_factory=dict)
    nudge: Nudge | None = None
    decision: Mapping[str, str] = field(default_factory=dict)
    hidden: bool = False
    amend: Amend = Amend()
    again: Path | None = None
    as_seen: bool = False

    @property
    def film(self) -> tuple[object, ...]:
        """Rows of one film share its pictures: the same files on the same clock.

        A session is a film of its own.
        """
        if self.session is not None:
            return (str(self.files[0].absolute()), self.id)
        files = tuple(str(path.absolute()) for path in self.files)
        return (*files, self.fps, self.true_duration_s)

    @property
    def session(self) -> Path | None:
        """The session's folder, where the row is a recorded session."""
        if len(self.files) != 1:
            return None
        places = (self.files[0], self.files[0] / "behav")
        return next((place for place in places if isfile(place / "setup.json")), None)

    def sources(self) -> list[Path]:
        """The files whose content decides the result."""
        folder = self.session
        if folder is None:
            return list(self.files)
        kept = (folder / "setup.json", folder / "ticks.jsonl", *sorted(folder.glob("video*.mkv")))
        return [path for path in kept if path.is_file()]


def stamp(path: Path) -> dict[str, Any]:
    """What tells a file from another: path, size, time of change, SHA-256. Raises ConfigError."""
    try:
        facts = path.stat()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(str(path), "", f"cannot be read: {error.strerror}") from None
    return {
        "path": str(path.absolute()),
        "bytes": facts.st_size,
        "mtime_ns": facts.st_mtime_ns,
        "sha256": digest,
    }


def stamps(row: Row, kept: Iterable[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """The stamps of a row's sources; of files that look as in `kept`, or are gone, those there."""
    known = {one.get("path"): dict(one) for one in kept if {"bytes", "sha256"} <= one.keys()}
    found = []
    for path in row.sources():
        old = known.get(str(path.absolute()))
        if old and not path.is_file():  # seen by others only, who saw it last time
            found.append(old)
            continue
        try:
            facts = path.stat()
        except OSError as error:
            raise ConfigError(str(path), "", f"cannot be read: {error.strerror}") from None
        same = old and (old["bytes"], old.get("mtime_ns")) == (facts.st_size, facts.st_mtime_ns)
        found.append(old if old and same else stamp(path))
    return found


def asked(row: Row, sums: Sequence[str]) -> dict[str, Any]:
    """All that decides a row's result, as it is compared later; `sums` of its `sources`."""
    given = row.background
    picture = given if given is None or isinstance(given, str) else _digest(given)
    shape = row.apparatus and row.apparatus.model_dump_json(exclude_none=True)
    # Older folders do not have this key; it is compared only where it is said.
    return ({"as_seen": True} if row.as_seen else {}) | {
        "videos": list(sums),
        "apparatus": shape and hashlib.sha256(shape.encode()).hexdigest(),
        "crop": None if row.crop is None else list(row.crop),
        "start": str(row.start),
        "end": None if row.end is None else str(row.end),
        "duration_s": row.duration_s,
        "fps": row.fps,
        "true_duration_s": row.true_duration_s,
        "background": picture,
        "subject": row.subject,
        "phase": row.phase,
        "paired": row.paired,
        "cues": dict(row.cues),
        "nudge": None if row.nudge is None else list(vars(row.nudge).values()),
        "amend": row.amend.to_json(),
        "version": __version__,
        "tracking": tracking.VERSION,
    }


def _digest(picture: Gray) -> str:
    return hashlib.sha256(picture.tobytes()).hexdigest()


def change(row: Row, kept: Mapping[str, Any]) -> str | None:
    """What is other now than when `kept` (a rescore.json) was written; None: nothing.

    A file of the same size and time of change is taken for the same; else its content decides.
    """
    then = kept.get("asked")
    if not isinstance(then, Mapping):
        return "how it was asked for is not known"
    sums = [one["sha256"] for one in stamps(row, kept.get("files", ()))]
    now = json.loads(json.dumps(asked(row, sums)))
    for key, value in now.items():
        if then.get(key) != value:
            if key in ("videos", "apparatus"):
                return f"{key}: the content is another now"
            return f"{key}: was {_said(then.get(key))}, now {_said(value)}"
    return None


def _said(value: Any) -> str:
    return "not given" if value in (None, "", {}) else str(value)[:40]
