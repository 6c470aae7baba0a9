"""Detections of points that were given, not found: a person's word, or another program's track."""

from dataclasses import replace
from math import atan2, degrees, hypot

from rig.apparatus import Apparatus, EntryPoint
from rig.errors import ConfigError
from rig.model import NS_PER_S, Detection, Reason
from rig.tracking.choosing import FASTEST_CM_S, SLACK_CM

Point = tuple[float, float]


class Placer:
    """Makes detections of given points in the order of their times, and knows which are jumps.

    Args:
        apparatus: the box.
        rate_hz: the recording's nominal rate.
    """

    def __init__(self, apparatus: Apparatus, rate_hz: float) -> None:
        self._px_per_cm, self._rate_hz = apparatus.px_per_cm_mean, rate_hz
        self._last: tuple[Point, int] | None = None
        self._other = False  # the last position is not the one that the tracker had

    def place(
        self,
        t_ns: int,
        at: Point,
        nose: Point | None = None,
        tail: Point | None = None,
        confidence: float = 1.0,
    ) -> Detection:
        """The animal at a point (px), which is the centroid; it has no area and no silhouette."""
        x, y = round(at[0], 2), round(at[1], 2)
        jump = self._is_jump(x, y, t_ns)
        self._last, self._other = ((x, y), t_ns), True
        heading = None
        if nose is not None and tail is not None and nose != tail:
            heading = round(degrees(atan2(nose[1] - tail[1], nose[0] - tail[0])), 1)
        nose_x, nose_y = (None, None) if nose is None else (round(nose[0], 2), round(nose[1], 2))
        tail_x, tail_y = (None, None) if tail is None else (round(tail[0], 2), round(tail[1], 2))
        return Detection(
            Reason.FOUND,
            x_px=x,
            y_px=y,
            nose_x_px=nose_x,
            nose_y_px=nose_y,
            tail_x_px=tail_x,
            tail_y_px=tail_y,
            heading_deg=heading,
            confidence=round(confidence, 3),
            candidates=1,
            jump=jump,
        )

    def lose(self) -> Detection:
        """The animal is not to be seen."""
        self._other = True
        return Detection(Reason.NONE)

    def keep(self, t_ns: int, detection: Detection | None) -> Detection | None:
        """What the tracker found, with its jump told from the last position as it is now."""
        if detection is None or detection.x_px is None or detection.y_px is None:
            return detection
        at = (detection.x_px, detection.y_px)
        if self._other:
            detection = replace(detection, jump=self._is_jump(*at, t_ns))
        self._last, self._other = (at, t_ns), False
        return detection

    def _is_jump(self, x: float, y: float, t_ns: int) -> bool:
        if self._last is None:
            return False
        (last_x, last_y), last_ns = self._last
        elapsed_s = max((t_ns - last_ns) / NS_PER_S, 1 / self._rate_hz)
        reach_px = (SLACK_CM + FASTEST_CM_S * elapsed_s) * self._px_per_cm
        return hypot(x - last_x, y - last_y) > reach_px


def check_rule(apparatus: Apparatus, where: tuple[str, str]) -> None:
    """Raise ConfigError where the entry rule asks for silhouettes, which a point has none of."""
    if apparatus.entry.point is EntryPoint.BODY:
        message = 'the apparatus\'s entry point is "body", which counts pixels that a point has not'
        raise ConfigError(*where, f"{message}; use an entry point centroid or nose")
