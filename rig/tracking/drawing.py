"""What is drawn over a picture so that a person can check a track: in grey, as videos are here.

A long recording has a hundred thousand pictures: the lines of the box, the same in many of them,
are drawn once and put into each.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

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
        self._outlines = {c.name: _polygon(c.outline_px) for c in apparatus.chamber} | {
            z.name: _polygon(z.outline_px) for z in apparatus.zone
        }
        self._lines: dict[tuple[str, ...], _Lines] = {}

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
        out = np.empty((height, width), np.uint8)
        view, strip = out[: height - self._strip_px], out[height - self._strip_px :]
        np.copyto(view, picture)
        strip[:] = 0
        self._box(tuple(zones)).over(view)
        for piece in trail:
            if len(piece) > 1:
                line = _polygon(piece)
                cv2.polylines(view, [line], False, DARK, 3, cv2.LINE_8, _SHIFT)
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

    def _box(self, zones: tuple[str, ...]) -> "_Lines":
        lines = self._lines.get(zones)
        if lines is None:
            width, height = self.size_px
            grounds = [np.full((height - self._strip_px, width), v, np.uint8) for v in (0, 255)]
            for ground in grounds:
                for name, polygon in self._outlines.items():
                    thick, level = (3, LIGHT) if name in zones else (2, FAINT)
                    cv2.polylines(ground, [polygon], True, DARK, thick, cv2.LINE_AA, _SHIFT)
                    cv2.polylines(ground, [polygon], True, level, 1, cv2.LINE_AA, _SHIFT)
            lines = self._lines[zones] = _Lines.between(*grounds)
        return lines


class _Lines(NamedTuple):
    """Lines that were drawn once: at which pixels, what of the picture stays there, what is added.

    As drawing blends, in 256ths: p becomes (p * stays + added) / 256.
    """

    places: NDArray[np.intp]
    stays: NDArray[np.uint16]
    added: NDArray[np.uint16]

    @classmethod
    def between(cls, on_black: Gray, on_white: Gray) -> "_Lines":
        """From the same lines on a black ground and on a white one."""
        places = np.flatnonzero((on_black != 0) | (on_white != 255))
        black, white = (one.ravel()[places].astype(np.uint16) for one in (on_black, on_white))
        stays = (white - np.minimum(black, white)) * 256 // 255
        return cls(places, stays, black * 256)

    def over(self, picture: Gray) -> None:
        """Put into a picture of the same size, whose rows follow each other."""
        flat = picture.reshape(-1)
        here = flat.take(self.places) * self.stays
        here += self.added
        here >>= 8
        flat[self.places] = here


def _polygon(points: OutlinePx | Sequence[PointPx]) -> Contour:
    scaled = np.asarray(points, np.float64) * (1 << _SHIFT)
    return np.asarray(scaled.round(), np.int32)
