"""Whether the disk will hold a session to its end. Plain; every function may wait for the disk."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

TWICE = 2.0
GUESS_BYTES_S = 400_000.0
"""What a session writes a second where none has shown yet: 640 x 480 in H.264, with its tables."""
BYTES_PX = {"h264": 0.045, "lossless": 0.5}
"""What a pixel takes in a video, by codec: lossless with a noise of 2 grey levels; in H.264, which
leaves noise out, what `GUESS_BYTES_S` has for it. Still pictures take less than a tenth of that."""
ROW_BYTES = 1000
"""What a picture takes in tables."""
LEAST_BYTES = 50_000_000


@dataclass(frozen=True)
class Room:
    """Room on the disk, in bytes."""

    free: int
    needed: int

    @property
    def low(self) -> bool:
        """Whether it may not be enough."""
        return self.free < self.needed


def usual_bytes_s(size_px: tuple[int, int], rate_hz: float, codec: str) -> float:
    """What a session usually writes a second: pictures of this size, so many a second."""
    return rate_hz * (size_px[0] * size_px[1] * BYTES_PX[codec] + ROW_BYTES)


def room_for(out: Path, bytes_s: float, left_s: float) -> Room:
    """The room for `left_s` more seconds, twice over. Raises OSError."""
    return Room(shutil.disk_usage(_there(out)).free, round(TWICE * bytes_s * left_s) + LEAST_BYTES)


def room_of(folder: Path, elapsed_s: float, left_s: float) -> Room:
    """The room for the rest of a session, by what it has written. Raises OSError: folder gone."""
    with os.scandir(folder) as entries:  # closed too if a file goes away while it is looked at
        written = sum(entry.stat().st_size for entry in entries if entry.is_file())
    # The first seconds are mostly key frames and headers: no rate is taken from them.
    bytes_s = written / elapsed_s if elapsed_s > 5 else GUESS_BYTES_S
    return room_for(folder, bytes_s, left_s)


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
