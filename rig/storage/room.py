"""Whether the disk will hold a session to its end. Plain; every function may wait for the disk."""

import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

TWICE = 2.0
GUESS_BYTES_S = 400_000.0
"""What a session writes a second where none has shown yet: 640 x 480 in H.264, with its tables."""
BYTES_PX = {"h264": 0.045, "lossless": 0.5}
"""What a pixel takes in a video, by codec: lossless with a noise of 2 grey levels; in H.264, which
leaves noise out, what `GUESS_BYTES_S` has for it. Still pictures take less than a tenth of that."""
ROW_BYTES = 1000
"""What a picture takes in tables."""
LEAST_BYTES = 50_000_000
RATED_S = 5.0
"""The first seconds are mostly key frames and headers: no rate is taken from them."""


@dataclass(frozen=True)
class Room:
    """Room on the disk, in bytes."""

    free: int
    needed: int

    @property
    def low(self) -> bool:
        """Whether it may not be enough."""
        return self.free < self.needed


@dataclass(frozen=True)
class Going:
    """A session that runs, begins or is to begin: where it writes, and how much it still will.

    `folder` is its own, or the study's before it has one. `elapsed_s`: for how long it has been
    writing; `left_s`: the longest that it still takes; `bytes_s`: what such a one usually writes.
    """

    folder: Path
    elapsed_s: float
    left_s: float
    bytes_s: float = GUESS_BYTES_S

    def bytes_left(self) -> float:
        """What it will still write, by what it has written. Raises OSError: its folder is gone."""
        if self.elapsed_s <= RATED_S:
            return self.bytes_s * self.left_s
        with os.scandir(self.folder) as entries:  # closed too if a file goes away meanwhile
            written = sum(entry.stat().st_size for entry in entries if entry.is_file())
        return written / self.elapsed_s * self.left_s

    def to_json(self) -> dict[str, Any]:
        """As it goes over the channel."""
        return {**asdict(self), "folder": str(self.folder)}

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> Self:
        """What `to_json` gave. Raises ValueError, TypeError or KeyError for another table."""
        elapsed_s, left_s, bytes_s = (float(table[k]) for k in ("elapsed_s", "left_s", "bytes_s"))
        return cls(Path(table["folder"]), elapsed_s, left_s, bytes_s)


def usual_bytes_s(size_px: tuple[int, int], rate_hz: float, codec: str) -> float:
    """What a session usually writes a second: pictures of this size, so many a second."""
    return rate_hz * (size_px[0] * size_px[1] * BYTES_PX[codec] + ROW_BYTES)


def room_of(going: Going, beside: Iterable[Going] = ()) -> Room:
    """The room for the rest of a session and of those `beside` it on its disk, twice over.

    Raises OSError: its folder is gone. One beside it whose folder is gone writes nothing any more.
    """
    there = _there(going.folder) if going.elapsed_s <= RATED_S else going.folder
    left, disk = going.bytes_left(), there.stat().st_dev
    for other in beside:
        with suppress(OSError):
            if _there(other.folder).stat().st_dev == disk:
                left += other.bytes_left()
    return Room(shutil.disk_usage(there).free, round(TWICE * left) + LEAST_BYTES)


def _there(path: Path) -> Path:
    """The nearest folder that exists already."""
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def can_hold(out: Path) -> bool:
    """Whether folders can be made in `out`, or where it would be made."""
    there = _there(out)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def spell_bytes(count: float) -> str:
    """Bytes for a person: 1500000 -> "1.5 MB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
