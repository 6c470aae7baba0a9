"""The camera's pictures as whoever watches a station asks for them: the newest, and their rate."""

from collections import deque
from dataclasses import dataclass, field

from rig.model import Frame

STAMPS, RATE_OVER_NS = 512, 2_000_000_000
"""The camera's rate is told by the pictures of the last two seconds."""


@dataclass
class Seen:
    """Written by the deciding thread, read by the channel's.

    `frame`: the newest picture, whole; `frames`: how many there were; `silent`: whether the one
    that was due did not come.
    """

    frame: Frame | None = None
    frames: int = 0
    silent: bool = False
    _stamps: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=STAMPS))

    def take(self, frame: Frame) -> None:
        """A picture has come."""
        self.frames += 1
        self.frame = frame
        self._stamps.append((frame.t_ns, frame.index))

    def lately(self, now_ns: int) -> list[tuple[int, int]]:
        """Time (ns) and number at the camera of each picture of the last two seconds."""
        return [one for one in list(self._stamps) if now_ns - one[0] < RATE_OVER_NS]
