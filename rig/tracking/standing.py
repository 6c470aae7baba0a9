"""Whether the camera still stands where it stood, looked at now and then in a session. Pure.

Once a second one picture, made small, is compared with the background by phases. Where they say
that it lies elsewhere, the shift is measured twice, each time on the median of a few pictures, and
believed where both agree: a hand, an animal or a door that moves is no bumped camera.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from math import hypot
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rig.model import NS_PER_S, Gray
from rig.tracking.registration import (
    STILL,
    Matrix,
    Move,
    apart,
    evened,
    laid_over,
    middle_of,
    shift,
    smaller,
    told,
    too_far,
)

LOOK_NS = NS_PER_S
CLOSER_NS = NS_PER_S // 10
"""Between the pictures from which a shift is measured."""
PICTURES = 4
QUICK_WIDE_PX = 150
QUICK_LEAST_PX = 0.4
"""Of a picture about so wide: a smaller shift may be the animal."""
LEAST_SIDE_PX = 48
"""A smaller picture shows too little that stands still."""


class How(StrEnum):
    """How a camera stands."""

    STILL = "still"  # as at the start
    MOVED = "moved"  # a little otherwise: its pictures can be put right
    AWAY = "away"  # so far that it shows another scene


class Stand(NamedTuple):
    """How the camera stands now, and by how much otherwise than at the start.

    `unsure_ns`: so long before now it was last seen to stand as it did before.
    """

    how: How
    move: Move
    unsure_ns: int

    @property
    def matrix(self) -> tuple[float, ...] | None:
        """As in the move, where pictures are put right by it; else None."""
        return self.move.matrix if self.how is How.MOVED else None

    def told(self, px_per_cm: float) -> dict[str, Any]:
        """The same as plain data: px, degrees, cm and s."""
        move = self.move
        return {
            "how": str(self.how),
            "matrix": list(move.matrix),
            "dx_px": move.dx_px,
            "dy_px": move.dy_px,
            "turn_deg": move.turn_deg,
            "shift_px": round(move.shift_px, 2),
            "shift_cm": round(move.shift_px / px_per_cm, 2),
            "unsure_s": round(self.unsure_ns / NS_PER_S, 3),
        }


class Standing:
    """What is remembered of where the camera stands; pictures in, news out.

    Args:
        reference: the background, height x width.
        matrix: how the camera stands in the first pictures, where a session goes on, as in a Move.

    Attributes:
        next_ns: a picture before this time is not needed.
    """

    def __init__(self, reference: Gray, matrix: Sequence[float] | None = None) -> None:
        self.next_ns = -(1 << 62)
        self._reference = reference
        self._matrix: Matrix = STILL if matrix is None else np.reshape(matrix, (2, 3))
        self._quick = _Quick(reference, self._matrix)
        self._pictures: list[Gray] = []
        self._measured: Matrix | None = None
        self._sure_ns: int | None = None

    def look(self, picture: Gray, place: int, t_ns: int) -> Stand | None:
        """What this picture tells that was not known before, if anything.

        Args:
            picture: as the camera gave it, of the reference's size.
            place: its number, for the move.
            t_ns: its time.
        """
        if min(picture.shape) < LEAST_SIDE_PX:
            self.next_ns = t_ns + 3600 * LOOK_NS
            return None
        if not self._pictures and self._measured is None and not self._quick.is_off(picture):
            self._sure_ns, self.next_ns = t_ns, t_ns + LOOK_NS
            return None
        self._pictures.append(picture)
        self.next_ns = t_ns + CLOSER_NS
        if len(self._pictures) < PICTURES:
            return None
        middle, self._pictures = middle_of(self._pictures), []
        if not self._quick.is_off(middle):  # it was something that moves
            self._measured, self.next_ns = None, t_ns + LOOK_NS
            return None
        way = laid_over(self._reference, middle)
        before, self._measured = self._measured, way
        if way is None or not apart(way, self._matrix, picture.shape):
            # as before; or covered, or in another scene: then it is looked at again soon
            self._measured, self.next_ns = None, t_ns + LOOK_NS
            if way is not None:
                self._quick.learn(middle)
            return None
        if before is None or apart(way, before, picture.shape):
            return None
        return self._news(way, place, t_ns)

    def _news(self, way: Matrix, place: int, t_ns: int) -> Stand:
        shape = self._reference.shape
        way = way if apart(way, STILL, shape) else STILL
        move = told(place, way, shape)
        how = How.STILL if move.still else How.AWAY if too_far(move, shape) else How.MOVED
        since_ns = t_ns if self._sure_ns is None else self._sure_ns
        self._matrix, self._measured, self._sure_ns = way, None, t_ns
        self._quick = _Quick(self._reference, way)
        self.next_ns = t_ns + LOOK_NS
        return Stand(how, move, t_ns - since_ns)


class _Quick:
    """Whether a picture seems to lie elsewhere than the camera is thought to stand: in 0.5 ms.

    Both halves are asked by themselves, and both must have moved: an animal is in one of them, and
    where the camera was turned about the middle, one went up and the other down.
    """

    def __init__(self, reference: Gray, matrix: Matrix) -> None:
        height, width = reference.shape
        # what the reference shows, as the camera takes it now
        now = cv2.warpAffine(reference, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        self._times = max(1, width // QUICK_WIDE_PX)
        self._halves = self._of(np.asarray(now, np.uint8))
        size = self._halves[0].shape[::-1]
        self._window = np.asarray(cv2.createHanningWindow(size, cv2.CV_32F), np.float32)
        self._usual: NDArray[np.float64] = np.zeros((2, 2))

    def is_off(self, picture: Gray) -> bool:
        """Whether it is worth a closer look: not where the first half stands still."""
        otherwise = False
        for pair, usual in zip(self._pairs(picture), self._usual, strict=True):
            moved = shift(*pair, self._window)
            if hypot(*moved) <= QUICK_LEAST_PX:
                return False
            otherwise = otherwise or np.abs(moved - usual).max() > QUICK_LEAST_PX / 2
        return otherwise

    def learn(self, picture: Gray) -> None:
        """This is how a picture looks whose camera stands where it is thought to stand."""
        self._usual = np.array([shift(*pair, self._window) for pair in self._pairs(picture)])

    def _pairs(self, picture: Gray) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        return zip(self._halves, self._of(picture), strict=True)

    def _of(self, picture: Gray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        less = evened(smaller(picture, self._times))
        half = less.shape[1] // 2
        return less[:, :half], less[:, half : 2 * half]
