"""Another program's track in place of the tracker: a detection for each picture, in order."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rig.apparatus import Apparatus
from rig.errors import ConfigError
from rig.model import LONGEST_S, NS_PER_S, Tick
from rig.session.placing import Placer, Point, check_rule
from rig.session.tracks.track import Part, Track

USUAL: Mapping[str, tuple[str, ...]] = {
    "centroid": (
        "centroid", "centre", "center", "bodycentre", "bodycenter", "centerpoint", "centrepoint",
        "mousecenter", "ratcenter", "body", "midbody", "bodymiddle", "spinemid", "midback", "torso",
    ),
    "nose": ("nose", "snout", "nosetip", "nosepoint", "head"),
    "tail": ("tailbase", "tailroot", "basetail", "tailstart", "tail", "tail1"),
}  # fmt: skip
"""What our points are usually called there, without regard to case and punctuation."""


@dataclass(frozen=True)
class Choice:
    """How to read a track that is not ours.

    `parts`: our centroid, nose, tail, and what they are called there. `min_likelihood`: a point
    below it is none. `origin_px`: where its 0, 0 lies in the picture. `unit`: px, cm, mm, where
    the file does not say. `shift_s`: time of the recording at which its time 0 is.
    """

    parts: Mapping[str, str] = field(default_factory=dict)
    min_likelihood: float = 0.6
    individual: str | None = None
    origin_px: Point | None = None
    unit: str | None = None
    shift_s: float = 0.0


def choose_parts(names: Collection[str], file: str, parts: Mapping[str, str]) -> dict[str, str]:
    """Our points, and their names among a file's. Raises ConfigError without a centroid."""
    have = ", ".join(names)
    chosen = {}
    for ours, theirs in parts.items():
        if ours not in USUAL:
            raise ConfigError("--part", "", f"{ours!r}: one of {', '.join(USUAL)}")
        if theirs not in names:
            raise ConfigError("--part", "", f"{ours}={theirs}: {file} has {have}")
        chosen[ours] = theirs
    plain = {re.sub(r"[\W_]+", "", name).lower(): name for name in names}
    for ours, usual in USUAL.items():
        found = next((plain[name] for name in usual if name in plain), None)
        if ours not in chosen and found is not None and found not in chosen.values():
            chosen[ours] = found
    if "centroid" not in chosen:
        message = f"none of its points ({have}) is called as a body's centre; say --part centroid="
        raise ConfigError(file, "", message + "NAME")
    return chosen


class Following:
    """Detections of a track, picture by picture.

    Args:
        track: of another program.
        choice: which of its points is what.
        apparatus: the box; its scale is used where the track is in cm or mm.
        rate_hz: of the recording.

    Raises ConfigError where the choice does not fit.
    """

    def __init__(self, track: Track, choice: Choice, apparatus: Apparatus, rate_hz: float) -> None:
        check_rule(apparatus, ("--tracks", ""))
        self.names = choose_parts(track.parts, track.file, choice.parts)
        # all points of a long file would be in memory twice, and most of them are not asked for
        self._track, self._choice = replace(track, parts={}), choice
        self._placer = Placer(apparatus, rate_hz)
        if track.centred and choice.origin_px is None:
            message = f"{track.program} does not say where its 0, 0 lies: give X,Y in px"
            raise ConfigError("--tracks-origin", "", message)
        unit = choice.unit or track.unit
        scale = {"px": 1.0, "cm": apparatus.px_per_cm_mean, "mm": apparatus.px_per_cm_mean / 10}
        if unit not in scale:
            raise ConfigError("--tracks-unit", "", f"{unit!r}: one of px, cm, mm")
        self._points = {
            ours: self._in_px(track.parts[theirs], scale[unit])
            for ours, theirs in self.names.items()
        }
        self._t_ns = np.empty(0, np.int64)
        self._reach_ns = 0
        if track.t_s is not None and track.frame is None:
            moved_s = track.t_s + choice.shift_s
            if (wrong := np.flatnonzero(~(np.abs(moved_s) <= LONGEST_S))).size:
                message = f"{moved_s[wrong[0]]:g} s: is no time in a recording"
                raise ConfigError(track.file, f"row {wrong[0] + 1}", message)
            times_ns = (moved_s * NS_PER_S).round().astype(np.int64)
            step_ns = float(np.median(np.diff(times_ns))) if len(times_ns) > 1 else 0.0
            self._t_ns = times_ns
            self._reach_ns = round(0.51 * max(step_ns, NS_PER_S / rate_hz))

    def to_json(self) -> dict[str, Any]:
        """As rescore.json keeps it."""
        return {
            "file": self._track.file,
            "program": self._track.program,
            "parts": self.names,
            "min_likelihood": self._choice.min_likelihood,
            "origin_px": self._choice.origin_px,
            "unit": self._choice.unit or self._track.unit,
            "shift_s": self._choice.shift_s,
        }

    def replace(self, ticks: Iterable[Tick]) -> Iterator[Tick]:
        """The same ticks with this track's detections in them."""
        zero_ns: int | None = None
        for tick in ticks:
            zero_ns = tick.t_ns if zero_ns is None else zero_ns
            if tick.frame is None:
                yield tick
                continue
            row = self._row(tick.frame, tick.t_ns - zero_ns)
            at = self._point("centroid", row)
            if row is None or at is None:
                yield replace(tick, detection=self._placer.lose())
                continue
            nose, tail = self._point("nose", row), self._point("tail", row)
            likelihood = self._points["centroid"].likelihood
            sure = 1.0 if likelihood is None else min(1.0, float(likelihood[row]))
            seen = self._placer.place(tick.t_ns, at, nose, tail, sure)
            yield replace(tick, detection=seen)

    def _in_px(self, part: Part, scale: float) -> Part:
        x0, y0 = self._choice.origin_px or (0.0, 0.0)
        down = -scale if self._track.y_up else scale
        x, y = x0 + part.x * scale, y0 + part.y * down
        if part.likelihood is not None:
            unsure = ~(part.likelihood >= self._choice.min_likelihood)
            x, y = np.where(unsure, np.nan, x), np.where(unsure, np.nan, y)
        return Part(x, y, part.likelihood)

    def _row(self, frame: int, t_ns: int) -> int | None:
        if not len(self._t_ns):
            frames = self._track.frame
            assert frames is not None
            k = int(np.searchsorted(frames, frame))
            return k if k < len(frames) and frames[k] == frame else None
        k = int(np.searchsorted(self._t_ns, t_ns))
        near = [n for n in (k - 1, k) if 0 <= n < len(self._t_ns)]
        best = min(near, key=lambda n: abs(self._t_ns[n] - t_ns))
        return best if abs(self._t_ns[best] - t_ns) <= self._reach_ns else None

    def _point(self, name: str, row: int | None) -> Point | None:
        part = self._points.get(name)
        if part is None or row is None or np.isnan(part.x[row]) or np.isnan(part.y[row]):
            return None
        return float(part.x[row]), float(part.y[row])
