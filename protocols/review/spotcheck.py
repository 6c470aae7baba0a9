"""A person scores random clips, blind to what the program found; how far the two agree.

Clips are drawn from the scored windows of sessions that count, at random and without telling whose
they are; the eye's chamber at each moment comes from keys that are pressed as the animal goes over.
A finished check is a file of its own, with who and when, and is never changed.
"""

import json
import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from protocols.agreement import Agreement, agreement, kappa
from protocols.comparing.frames import per_second
from protocols.review.footage import Footage, entries
from rig.errors import ConfigError, StorageError
from rig.session.clock import wall_now
from rig.storage.folder import replace

T = TypeVar("T")
FOLDER = "spotchecks"
CLIPS, CLIP_S = 10, 20.0
LEAD_S = 1.0
"""Shown before a clip is scored, so that nobody begins with a surprise."""


@dataclass(frozen=True)
class Clip:
    """Seconds `start_s` to `end_s` of the session at `place` of the list it was drawn from."""

    place: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Press:
    """From `t_s` of the recording on the animal is in `chamber`; "" none."""

    t_s: float
    chamber: str


@dataclass(frozen=True)
class Scored:
    """One clip as the person and as the program have it: a chamber each second, time, entries."""

    clip: Clip
    eye: tuple[str, ...]
    program: tuple[str, ...]
    eye_s: dict[str, float]
    program_s: dict[str, float]
    eye_entries: int
    program_entries: int


@dataclass(frozen=True)
class Outcome:
    """How far person and program agree; the program less the person in both agreements.

    `kappa`: of the chamber in each second. `time`: seconds in each chamber of each clip. `entries`:
    of each clip.
    """

    clips: int
    seconds: int
    same: int
    kappa: float
    time: Agreement
    entries: Agreement


def draw(
    windows: Sequence[tuple[float, float]], count: int, clip_s: float, seed: int
) -> list[Clip]:
    """`count` clips of `clip_s`, each session as likely as its window is long, none overlapping.

    Args:
        windows: the scored seconds of each session, from its first picture.
        count: how many.
        clip_s: how long each is.
        seed: the same gives the same clips.

    Raises ConfigError where there is not room for them.
    """
    slots = [
        (place, first + k * clip_s)
        for place, (first, last) in enumerate(windows)
        for k in range(int((last - first) // clip_s))
    ]
    if len(slots) < count:
        message = f"{count} clips of {clip_s:g} s: the sessions have room for {len(slots)}"
        raise ConfigError("clips", "", message)
    chosen = random.Random(seed).sample(slots, count)
    return [Clip(place, start_s, start_s + clip_s) for place, start_s in chosen]


def some(items: Sequence[T], most: int, seed: int) -> list[T]:
    """At most so many of them, at random; the same seed gives the same."""
    return random.Random(seed).sample(list(items), min(most, len(items)))


def scored_window(footage: Footage) -> tuple[float, float]:
    """The scored seconds of a session."""
    rows = np.flatnonzero(footage.scored)
    if not len(rows):
        return 0.0, 0.0
    return float(footage.t_s[rows[0]]), float(footage.t_s[rows[-1]])


def judged(clip: Clip, footage: Footage, presses: Sequence[Press]) -> Scored:
    """What the person pressed in a clip beside what the program found there."""
    first, end = (int(np.searchsorted(footage.t_s, t)) for t in (clip.start_s, clip.end_s))
    t_s = footage.t_s[first:end]
    dt_s = np.diff(np.append(t_s, clip.end_s))
    names = footage.apparatus.chamber_names
    moments = [one.t_s for one in presses]
    eye = [presses[k - 1].chamber if (k := bisect_right(moments, t)) else "" for t in t_s.tolist()]
    zone = footage.zone[first:end]
    program = [names[z] if z >= 0 else "" for z in zone.tolist()]
    second = np.floor(t_s - clip.start_s + 1e-9).astype(np.int64)
    numbers = {name: k for k, name in enumerate(names)}
    seen = np.array([numbers.get(name, -1) for name in eye], dtype=np.int16)
    return Scored(
        clip,
        tuple(per_second(eye, second, dt_s)),
        tuple(per_second(program, second, dt_s)),
        {name: _held(eye, dt_s, name) for name in names},
        {name: _held(program, dt_s, name) for name in names},
        max(0, len(entries(seen)) - 1),
        max(0, len(entries(zone)) - 1),
    )


def _held(zones: Sequence[str], dt_s: Any, name: str) -> float:
    return float(sum(dt for zone, dt in zip(zones, dt_s.tolist(), strict=True) if zone == name))


def outcome(scored: Sequence[Scored]) -> Outcome:
    """The agreement over all clips. The chamber that a clip begins in is no entry."""
    eye = [chamber for one in scored for chamber in one.eye]
    program = [chamber for one in scored for chamber in one.program]
    time = [(one.eye_s[name], one.program_s[name]) for one in scored for name in one.eye_s]
    return Outcome(
        len(scored),
        len(eye),
        sum(a == b for a, b in zip(eye, program, strict=True)),
        kappa(eye, program),
        agreement([a for a, _ in time], [b for _, b in time]),
        agreement([one.eye_entries for one in scored], [one.program_entries for one in scored]),
    )


def store(
    folder: Path, who: str, seed: int, clip_s: float, scored: Sequence[Scored], ids: Sequence[str]
) -> Path:
    """Keep a finished check in `folder`/spotchecks; its file. Raises StorageError.

    `ids`: what each clip's session is known by, its code in a study.
    """
    told = outcome(scored)
    at = wall_now()
    clips = [
        {"recording": id, **asdict(one)} for id, one in zip(ids, scored, strict=True)
    ]  # the codes, never whose they are
    kept = {
        "who": who,
        "when": at,
        "seed": seed,
        "clip_s": clip_s,
        "outcome": _plain(asdict(told)),
        "clips": clips,
    }
    stem = "".join(c for c in at[:19] if c.isdigit() or c == "T")
    place = folder / FOLDER
    try:
        place.mkdir(parents=True, exist_ok=True)
        names = (f"{stem}.json" if k == 1 else f"{stem}-{k}.json" for k in range(1, 100))
        path = next(place / name for name in names if not (place / name).exists())
        replace(path, (json.dumps(kept, indent=1, allow_nan=False) + "\n").encode())
    except OSError as error:
        raise StorageError(f"{place} cannot be written: {error.strerror}") from error
    return path


@dataclass(frozen=True)
class Kept:
    """A check that somebody finished."""

    who: str
    when: str
    clip_s: float
    scored: tuple[Scored, ...]


def finished(folder: Path) -> tuple[list[Kept], list[str]]:
    """The checks in `folder`/spotchecks, the oldest first, and the files that cannot be read."""
    kept: list[Kept] = []
    damaged: list[str] = []
    for path in sorted((folder / FOLDER).glob("*.json")):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            scored = tuple(_scored(one) for one in told["clips"])
            kept.append(Kept(str(told["who"]), str(told["when"]), float(told["clip_s"]), scored))
        except (
            OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError, OverflowError,
        ):  # fmt: skip
            damaged.append(path.name)
    return sorted(kept, key=lambda one: one.when), damaged


def _scored(told: dict[str, Any]) -> Scored:
    eye_s = {str(name): float(s) for name, s in told["eye_s"].items()}
    program_s = {str(name): float(s) for name, s in told["program_s"].items()}
    if eye_s.keys() != program_s.keys() or len(told["eye"]) != len(told["program"]):
        raise ValueError("eye and program are not of the same clip")
    return Scored(
        Clip(**told["clip"]),
        tuple(told["eye"]),
        tuple(told["program"]),
        eye_s,
        program_s,
        int(told["eye_entries"]),
        int(told["program_entries"]),
    )


def _plain(value: Any) -> Any:
    """The same without NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return None if isinstance(value, float) and value != value else value
