"""Several files in order as one recording on one clock."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rig.errors import ConfigError
from rig.model import NS_PER_S, Gray
from rig.session.pieces import Crew, Eye, Shown
from rig.session.row import Moment
from rig.tracking.registration import Move
from rig.video import VideoFile

SLOWEST_HZ, FASTEST_HZ = 0.001, 100_000.0
"""The rates that an overridden clock may give: from time lapse to a high-speed camera."""


@dataclass(frozen=True)
class Film:
    """Files in order: a picture's place counts through, a file begins a frame after the one before.

    `scale`: true time over the files' own. `starts_ns` and `firsts`: time (of the files' clock)
    and place at which each file begins.
    """

    parts: tuple[VideoFile, ...]
    scale: Fraction = Fraction(1)

    @classmethod
    def open(
        cls, files: Sequence[Path], fps: float | None = None, true_duration_s: float | None = None
    ) -> Self:
        """The files looked through. Raises ConfigError, also for files of different sizes.

        Args:
            files: in order.
            fps: the true rate, where the files' clock is consistent but wrong.
            true_duration_s: the true time from the first picture to the last, likewise.
        """
        return cls.of(tuple(VideoFile.open(path) for path in files), fps, true_duration_s)

    @classmethod
    def of(
        cls,
        parts: tuple[VideoFile, ...],
        fps: float | None = None,
        true_duration_s: float | None = None,
    ) -> Self:
        """The same of files that were looked through before. Raises what `open` raises."""
        for part in parts[1:]:
            if part.size_px != parts[0].size_px:
                (w, h), (w0, h0) = part.size_px, parts[0].size_px
                message = f"{w}x{h} px, but {parts[0].path.name} is {w0}x{h0}; one row, one size"
                raise ConfigError(str(part.path), "", message)
        film = cls(parts)
        if fps is not None:
            film = cls(parts, Fraction(film.rate_hz) / Fraction(fps))
            film._check_rate("fps", fps)
        elif true_duration_s is not None:
            film = cls(parts, Fraction(true_duration_s) * NS_PER_S / max(1, film.duration_ns))
            film._check_rate("true_duration_s", true_duration_s)
        return film

    def _check_rate(self, key: str, given: float) -> None:
        """Before times are reckoned from it: those of an absurd rate fit into no table."""
        try:
            rate_hz = self.rate_hz
        except (OverflowError, ZeroDivisionError):
            rate_hz = 0.0
        if not SLOWEST_HZ <= rate_hz <= FASTEST_HZ:
            message = f"{given:g}: no camera takes {rate_hz:g} pictures a second"
            raise ConfigError(str(self.parts[0].path), key, message)

    @property
    def starts_ns(self) -> list[int]:
        """When each file begins, on the files' own clock."""
        lengths = (part.duration_ns + round(NS_PER_S / part.rate_hz) for part in self.parts)
        return [0, *accumulate(lengths)][:-1]

    @property
    def firsts(self) -> list[int]:
        """The place of each file's first picture."""
        return [0, *accumulate(part.frames for part in self.parts)][:-1]

    @property
    def frames(self) -> int:
        """Pictures in all."""
        return sum(part.frames for part in self.parts)

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        return self.parts[0].size_px

    @property
    def rate_hz(self) -> float:
        """Nominal, on the true clock."""
        return float(Fraction(self.parts[0].rate_hz) / self.scale)

    @property
    def duration_ns(self) -> int:
        """From the first picture to the last."""
        return self.clock_ns(self.starts_ns[-1] + self.parts[-1].duration_ns)

    @property
    def interlaced(self) -> bool:
        """Whether a file says that its pictures are woven of two fields."""
        return any(part.interlaced for part in self.parts)

    @property
    def broken(self) -> int:
        """Pictures that could not be decoded in the newest reading."""
        return sum(part.broken for part in self.parts)

    @property
    def torn_s(self) -> float | None:
        """Where the first file that breaks off ends, in seconds; None: all are whole."""
        for part, start_ns in zip(self.parts, self.starts_ns, strict=True):
            if part.torn:
                return self.clock_ns(start_ns + part.duration_ns) / NS_PER_S
        return None

    def clock_ns(self, t_ns: int) -> int:
        """A time of the files' own clock on the true one."""
        above, below = self.scale.as_integer_ratio()
        return t_ns if above == below else (2 * t_ns * above + below) // (2 * below)

    def _clock_ns(self, start_ns: int, t_ns: int) -> int:
        return self.clock_ns(start_ns + t_ns)

    def time_ns(self, place: int) -> int:
        """When the picture at `place` was taken."""
        k = max(i for i, first in enumerate(self.firsts) if first <= place)
        return self.clock_ns(self.starts_ns[k] + self.parts[k].times_ns[place - self.firsts[k]])

    def times(self) -> Iterator[int]:
        """When each picture was taken, in order."""
        for part, start_ns in zip(self.parts, self.starts_ns, strict=True):
            for t_ns in part.times_ns:
                yield self.clock_ns(start_ns + t_ns)

    def place(self, t_ns: int) -> int:
        """The place of the first picture at `t_ns` or later; `frames` where there is none."""
        for part, start_ns, first in zip(self.parts, self.starts_ns, self.firsts, strict=True):
            at = bisect_left(part.times_ns, t_ns, key=partial(self._clock_ns, start_ns))
            if at < part.frames:
                return first + at
        return self.frames

    def moment_ns(self, moment: Moment, option: str) -> int:
        """The time of a moment that is said. Raises ConfigError for one outside the film."""
        end_s = self.duration_ns / NS_PER_S
        if moment.frame is not None:
            if moment.frame >= self.frames:
                message = (
                    f"{moment}: the video has {self.frames} pictures, f0 to f{self.frames - 1}"
                )
                raise ConfigError(option, "", message)
            return self.time_ns(moment.frame)
        assert moment.s is not None
        t_ns = round(moment.s * NS_PER_S)
        if option == "--start" and not 0 <= t_ns <= self.duration_ns:
            raise ConfigError(option, "", f"{moment.s:g} s: the video ends at {end_s:g} s")
        return t_ns

    def picture(self, place: int) -> Gray:
        """The picture at `place`, or the first after it that can be decoded; before, at the end.

        Raises ConfigError where there is none.
        """
        k = max(i for i, first in enumerate(self.firsts) if first <= place)
        part = self.parts[k]
        at = place - self.firsts[k]
        for begin in (at, max(0, at - 250), 0):
            newest = None
            for picture in part.read(start_s=part.times_ns[begin] / NS_PER_S):
                newest = picture
                if picture.index >= at:
                    break
            if newest is not None:
                return newest.image.copy()
        raise ConfigError(str(part.path), "", "holds no picture that can be decoded")

    def sampled(self, count: int) -> tuple[list[int], NDArray[np.uint8]]:
        """Up to `count` pictures spread over all files (n, height, width), after their places."""
        shares = [max(1, round(count * part.frames / self.frames)) for part in self.parts]
        places: list[int] = []
        stacks = []
        for part, first, share in zip(self.parts, self.firsts, shares, strict=True):
            own, stack = part.sampled(share)
            places += [first + place for place in own]
            stacks.append(stack)
        return places, stacks[0] if len(stacks) == 1 else np.concatenate(stacks)

    def pictures(self, places: Sequence[int]) -> list[Gray]:
        """The pictures at these places, in order, as far as they can be decoded."""
        images: list[Gray] = []
        for part, first in zip(self.parts, self.firsts, strict=True):
            own = [place - first for place in places if 0 <= place - first < part.frames]
            images += [picture.image for picture in part.chosen(own)]
        return images

    def look(
        self, crew: Crew, eyes: Sequence[Eye], stop: int, moves: Sequence[Move] = ()
    ) -> Iterator[Shown]:
        """All pictures up to the place `stop`, in order, each decoded once for all `eyes`.

        `moves` of the camera are put right before anything is looked for.
        """
        for part, start_ns, first in zip(self.parts, self.starts_ns, self.firsts, strict=True):
            if first >= stop:
                return
            end = part.times_ns[stop - first] / NS_PER_S if stop - first < part.frames else None
            own = tuple(move._replace(first=move.first - first) for move in moves)
            if not (first or start_ns) and self.scale == 1:
                yield from crew.look_with(part, eyes, end, own)
                continue
            for place, t_ns, found in crew.look_with(part, eyes, end, own):
                yield Shown(first + place, self.clock_ns(start_ns + t_ns), found)
