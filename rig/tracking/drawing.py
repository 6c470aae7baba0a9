"""What is drawn over a picture so that a person can check a track: in grey, as videos are here.

A long recording has a hundred thousand pictures: what is the same in many of them (lines of the
box, letters) is drawn once, and put into each.
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
        self._letters = _Letters(0.5 * self._strip_px / STRIP_PX, self._strip_px)

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
        self._letters.write(strip, words)
        return out

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

    As drawing blends: p becomes (p * stays) / 255 + added.
    """

    places: NDArray[np.intp]
    stays: NDArray[np.uint16]
    added: NDArray[np.uint16]

    @classmethod
    def between(cls, on_black: Gray, on_white: Gray) -> "_Lines":
        """From the same lines on a black ground and on a white one."""
        places = np.flatnonzero((on_black != 0) | (on_white != 255))
        black, white = (one.ravel()[places].astype(np.uint16) for one in (on_black, on_white))
        return cls(places, white - np.minimum(black, white), black)

    def over(self, picture: Gray) -> None:
        """Put into a picture of the same size, whose rows follow each other."""
        flat = picture.reshape(-1)
        here = flat[self.places] * self.stays
        here //= 255
        here += self.added
        flat[self.places] = here


class _Letters:
    """Words from letters that were drawn once, each as often narrower as the room wanted it."""

    def __init__(self, scale: float, height: int) -> None:
        self._scale, self._height = scale, height
        self._drawn: dict[tuple[str, float], Gray] = {}

    def write(self, strip: Gray, words: str) -> None:
        """Fill the strip with these words on black; smaller where they would not fit."""
        strip[:] = 0
        room, scale = strip.shape[1] - 8, self._scale
        letters = [self._letter(letter, scale) for letter in words]
        wide = sum(letter.shape[1] for letter in letters)
        if wide > room:
            # in steps, so that few sizes are drawn
            scale = self._scale * max(1, int(16 * room / wide)) / 16
            letters = [self._letter(letter, scale) for letter in words]
        if letters:
            line = np.concatenate(letters, axis=1)[:, :room]
            strip[:, 4 : 4 + line.shape[1]] = line

    def _letter(self, letter: str, scale: float) -> Gray:
        drawn = self._drawn.get((letter, scale))
        if drawn is None:
            wide = max(1, cv2.getTextSize(letter, _FONT, scale, 1)[0][0])
            drawn = np.zeros((self._height, wide), np.uint8)
            base = (0, self._height - self._height // 3)
            cv2.putText(drawn, letter, base, _FONT, scale, LIGHT, 1, cv2.LINE_AA)
            self._drawn[letter, scale] = drawn
        return drawn


def _polygon(points: OutlinePx | Sequence[PointPx]) -> Contour:
    scaled = np.asarray(points, np.float64) * (1 << _SHIFT)
    return np.asarray(scaled.round(), np.int32)
