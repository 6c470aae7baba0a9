"""What is drawn over a picture so that a person can check a track: in grey, as videos are here."""

from collections.abc import Sequence

import cv2
import numpy as np

from rig.apparatus import Apparatus, OutlinePx, PointPx
from rig.model import Gray
from rig.tracking.outlines import Contour

_SHIFT = 3  # OpenCV draws at eighths of a pixel
_FONT = cv2.FONT_HERSHEY_SIMPLEX
LIGHT, DARK, FAINT = 255, 0, 160
STRIP_PX = 24
LEAST_STRIP_PX = 12


class Drawing:
    """Draws on pictures of one box; a strip for the words is added below each.

    Args:
        apparatus: its chambers and zones are drawn, the one the animal is in brighter.

    Attributes:
        size_px: width and height of what `draw` gives.
    """

    def __init__(self, apparatus: Apparatus) -> None:
        width, height = apparatus.frame_size_px
        self._strip_px = STRIP_PX if width >= 20 * STRIP_PX else LEAST_STRIP_PX
        self.size_px = (width, height + self._strip_px)
        self._chambers = {c.name: _polygon(c.outline_px) for c in apparatus.chamber}
        self._zones = {z.name: _polygon(z.outline_px) for z in apparatus.zone}

    def draw(
        self,
        picture: Gray,
        *,
        zones: Sequence[str],
        trail: Sequence[Sequence[PointPx]],
        outline: Contour | None,
        at: PointPx | None,
        words: str,
    ) -> Gray:
        """A new picture, the strip included.

        Args:
            picture: height x width of the apparatus; not changed.
            zones: the chamber and further zones that the animal counts as being in.
            trail: where it was just before, in pieces where it was followed without a break.
            outline: of its silhouette.
            at: its centroid.
            words: for the strip, ASCII.
        """
        width, height = self.size_px
        out = np.zeros((height, width), np.uint8)
        out[: height - self._strip_px] = picture
        view = out[: height - self._strip_px]
        for name, polygon in (self._chambers | self._zones).items():
            inside = name in zones
            cv2.polylines(view, [polygon], True, DARK, 3 if inside else 2, cv2.LINE_AA, _SHIFT)
            cv2.polylines(view, [polygon], True, LIGHT if inside else FAINT, 1, cv2.LINE_AA, _SHIFT)
        for piece in trail:
            if len(piece) > 1:
                line = _polygon(piece)
                cv2.polylines(view, [line], False, DARK, 3, cv2.LINE_AA, _SHIFT)
                cv2.polylines(view, [line], False, LIGHT, 1, cv2.LINE_AA, _SHIFT)
        if outline is not None:
            cv2.polylines(view, [outline], True, LIGHT, 1)
        if at is not None:
            centre = (round(at[0]), round(at[1]))
            cv2.circle(view, centre, 3, DARK, cv2.FILLED)
            cv2.circle(view, centre, 2, LIGHT, cv2.FILLED)
        self._write(out, words)
        return out

    def _write(self, out: Gray, words: str) -> None:
        room_px = self.size_px[0] - 8
        scale = 0.5 * self._strip_px / STRIP_PX
        wide_px = cv2.getTextSize(words, _FONT, scale, 1)[0][0]
        scale = min(scale, scale * room_px / max(wide_px, 1))
        base = (4, self.size_px[1] - self._strip_px // 3)
        cv2.putText(out, words, base, _FONT, scale, LIGHT, 1, cv2.LINE_AA)


def _polygon(points: OutlinePx | Sequence[PointPx]) -> Contour:
    scaled = np.asarray(points, np.float64) * (1 << _SHIFT)
    return np.asarray(scaled.round(), np.int32)
