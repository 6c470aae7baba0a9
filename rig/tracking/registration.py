"""Whether the camera was moved: pictures of one place laid over each other. Pure.

A picture is compared in what stands still (edges of floor and walls). The animal covers little of
it, and a median of several pictures covers less.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import atan2, degrees, hypot
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from rig.model import Gray

Matrix = NDArray[np.float64]
"""2 x 3: where a point of the reference lies in the picture, in px."""

WIDE_PX = 240
"""Pictures are compared about so wide: a shift of a pixel still shows, and noise does not."""
LEAST_PX = 0.75
"""A smaller shift is none: it moves no animal across a line."""
BETTER = 0.75
"""A shift is believed where it leaves so little of the difference that was there, or less."""
LARGEST_SHARE = 0.1
"""Of the picture's width: a camera that moved farther shows another scene."""
LARGEST_DEG = 10.0
EDGES = 85
"""Percentile of the gradient from which a place tells where it lies; the rest is floor."""
BLOCK = 6
"""So many samples make a picture without the animal."""


class Move(NamedTuple):
    """From the picture `first` on the camera stood otherwise than at the start.

    `matrix` are the six numbers of where a point at the start lies now, row by row, in px. At the
    centre of the picture that is a shift of `dx_px`, `dy_px` and a turn of `turn_deg`, clockwise
    in the picture. All zero: it stood as at the start again.
    """

    first: int
    matrix: tuple[float, ...]
    dx_px: float
    dy_px: float
    turn_deg: float

    @property
    def shift_px(self) -> float:
        """How far the middle of the picture moved."""
        return hypot(self.dx_px, self.dy_px)

    @property
    def still(self) -> bool:
        """Whether it stands as at the start."""
        return not (self.dx_px or self.dy_px or self.turn_deg)


STILL: Matrix = np.array(((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))


def small(picture: Gray, wide_px: int = WIDE_PX) -> tuple[NDArray[np.float32], float]:
    """The picture made small and evenly lit, and how many of its pixels one of these is."""
    less = _reduced(picture, wide_px)
    return evened(less), picture.shape[1] / less.shape[1]


def _reduced(picture: Gray, wide_px: int = WIDE_PX) -> Gray:
    height, width = picture.shape
    step = max(1.0, width / wide_px)
    size = (round(width / step), round(height / step))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def smaller(picture: Gray, times: int) -> Gray:
    """The picture made smaller by a whole number, which is quicker than by any other."""
    height, width = (side // times for side in picture.shape)
    part = picture[: height * times, : width * times]
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def evened(less: Gray) -> NDArray[np.float32]:
    """A small picture relative to its surroundings: other light changes nothing in it."""
    smooth = cv2.GaussianBlur(less.astype(np.float32), (0, 0), 1.0)
    side = round(less.shape[1] * 25 / WIDE_PX) | 1
    around = cv2.blur(cv2.blur(smooth, (side, side)), (side, side))
    return np.asarray(smooth / np.maximum(around, 8.0), np.float32)


def shift(
    reference: NDArray[np.float32], picture: NDArray[np.float32], window: NDArray[np.float32]
) -> tuple[float, float]:
    """How far one small picture is moved against another, in its pixels, by their phases."""
    # OpenCV lays the window over its inputs themselves where their size suits it
    (dx, dy), _ = cv2.phaseCorrelate(reference.copy(), picture.copy(), window)
    return dx, dy


def laid_over(reference: Gray, picture: Gray) -> Matrix | None:
    """Shift and turn that lay `reference` over `picture`.

    STILL where it lies there as it is, None where no way is plainly better.

    Args:
        reference: height x width.
        picture: of the same size.

    The enhanced correlation coefficient is maximised (Evangelidis and Psarakis 2008) from where
    the phases of both say, first with all of the picture, then without what differs most.
    """
    one, step = small(reference)
    other, _ = small(picture)
    height, width = one.shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    dx, dy = shift(one, other, np.asarray(window, np.float32))
    mask = np.zeros(one.shape, np.uint8)
    mask[2:-2, 2:-2] = 255
    edges = np.asarray(cv2.bitwise_and(mask, edges_of(one)), np.uint8)
    before = difference(other, one, edges)
    start = np.array(((1.0, 0.0, dx), (0.0, 1.0, dy)), np.float32)
    best, after = STILL.astype(np.float32), before
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-6)
    for _ in range(2):
        try:
            _, found = cv2.findTransformECC(
                one, other, start.copy(), cv2.MOTION_EUCLIDEAN, criteria, mask, 3
            )
        except cv2.error:  # it does not converge: these are no pictures of one place
            break
        warp = np.asarray(found, np.float32)
        off = np.abs(brought(other, warp) - one)
        left = difference(brought(other, warp), one, edges)
        if left < after:
            best, after = warp, left
        # the animal, where the two show it, is no part of what stands still
        mask[off > np.percentile(off, 97)] = 0
        start = best
    if after > BETTER * before:
        # it lies there as it is where a small pixel's shift would be worse; else not at all
        aside = np.array(((1.0, 0.0, 1.0), (0.0, 1.0, 1.0)), np.float32)
        return STILL if before < difference(brought(one, aside), one, edges) else None
    warp = best
    matrix = warp.astype(np.float64)
    # from small pixels to pixels: a pixel's centre is its place
    matrix[:, 2] = step * (matrix[:, 2] + (matrix[:, :2] @ (0.5, 0.5)) - 0.5) - (
        matrix[:, :2] @ (0.5, 0.5) - 0.5
    )
    return matrix


def brought_back(picture: Gray, matrix: Matrix, background: Gray | None = None) -> Gray:
    """`picture` as it would be had the camera not moved; `background` where it shows nothing."""
    height, width = picture.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    if background is None:
        return cast(
            Gray,
            cv2.warpAffine(
                picture, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
            ),
        )
    return cast(
        Gray,
        cv2.warpAffine(
            picture, matrix, (width, height), background.copy(),
            flags=flags, borderMode=cv2.BORDER_TRANSPARENT,
        ),
    )  # fmt: skip


def matrix_of(move: Move | None) -> Matrix:
    """The matrix of a move; None: the camera stands where it stood."""
    return STILL if move is None else np.array(move.matrix).reshape(2, 3)


def righted(picture: Gray, matrix: Sequence[float] | None) -> Gray:
    """`picture` as it would be had the camera not moved; `matrix` as in a Move, None: as it is."""
    return picture if matrix is None else brought_back(picture, np.reshape(matrix, (2, 3)))


def steady(image: Gray, place: int, moves: Sequence[Move]) -> Gray:
    """The picture at `place` as if the camera had stayed where it stood at the start."""
    move = next((move for move in reversed(moves) if move.first <= place), None)
    return image if move is None or move.still else brought_back(image, matrix_of(move))


def told(first: int, matrix: Matrix, shape: tuple[int, ...]) -> Move:
    """The move that a matrix is."""
    middle = np.array((shape[1] / 2, shape[0] / 2, 1.0))
    dx, dy = matrix @ middle - middle[:2]
    turn = degrees(atan2(matrix[1, 0], matrix[0, 0]))
    flat = tuple(round(float(value), 6) for value in matrix.ravel())
    return Move(first, flat, round(float(dx), 2), round(float(dy), 2), round(turn, 2))


def too_far(move: Move, shape: tuple[int, ...]) -> bool:
    """Whether what the camera sees now is another scene rather than the same one, bumped."""
    return move.shift_px > LARGEST_SHARE * shape[1] or abs(move.turn_deg) > LARGEST_DEG


def stood(samples: Sequence[Gray]) -> list[tuple[int, int, Matrix]]:
    """Where the camera stood in pictures in the order of time.

    One entry for each time that it stood otherwise than before: a sample that was surely before
    it, one that surely is after it, and how it stands from then on. Nothing for a
    camera that never moved, which is the usual case and soon told.
    """
    if len(samples) < 2 * BLOCK or min(samples[0].shape) < 48:
        return []
    firsts = list(range(0, len(samples) - BLOCK + 1, BLOCK))
    ends = [*firsts[1:], len(samples)]
    reduced = [_reduced(sample) for sample in samples]
    blocks = [evened(middle_of(reduced[a:b])) for a, b in zip(firsts, ends, strict=True)]
    height, width = blocks[0].shape
    window = np.asarray(cv2.createHanningWindow((width, height), cv2.CV_32F), np.float32)
    least = LEAST_PX * width / samples[0].shape[1]
    if all(hypot(*shift(one, other, window)) <= least for one, other in pairwise(blocks)):
        return []
    shape = samples[0].shape
    middles = [middle_of(samples[a:b]) for a, b in zip(firsts, ends, strict=True)]
    ways = [STILL, *(laid_over(middles[0], middle) for middle in middles[1:])]
    # a block in which it was moved fits neither way: it tells nothing but that it happened there
    sure = [
        way is not None
        and any(beside is not None and not apart(way, beside, shape) for beside in besides)
        for way, besides in zip(
            ways, zip([None, *ways[:-1]], [*ways[1:], None], strict=True), strict=True
        )
    ]
    if not sure[0] or sum(sure) < len(ways) // 2:
        return []  # there is nothing in these pictures that stands still
    runs: list[list[int]] = []
    for n, way in enumerate(ways):
        if not sure[n] or way is None:
            continue
        before = ways[runs[-1][-1]] if runs else None
        if before is None or apart(way, before, shape):
            runs.append([])
        runs[-1].append(n)
    found: list[tuple[int, int, Matrix]] = []
    now = STILL
    for before_it, run in pairwise(runs):
        # a block in which it was moved is a little off; most of a run are not
        way = np.median(np.stack([way for n in run if (way := ways[n]) is not None]), axis=0)
        way = way if apart(way, STILL, shape) else STILL
        if apart(way, now, shape):
            last, first = firsts[before_it[-1]], firsts[run[0]]
            # and shows what most of its samples do
            found.append((last + 2, min(first + BLOCK - 2, ends[run[0]] - 1), way))
            now = way
    return found


def first_moved(reference: Gray, pictures: Sequence[Gray], before: Matrix, after: Matrix) -> int:
    """Which of some pictures in order is the first that `after` brings back better.

    Gives the number of pictures where none is.
    """
    one, step = small(reference)
    mask = edges_of(one)

    def off(picture: Gray, matrix: Matrix) -> float:
        scaled = matrix.copy()
        scaled[:, 2] /= step
        return difference(brought(small(picture)[0], scaled.astype(np.float32)), one, mask)

    later = [off(picture, after) < off(picture, before) for picture in pictures]
    # the place that most pictures agree with: before it not moved, from it on moved
    right = [sum(not moved for moved in later[:n]) + sum(later[n:]) for n in range(len(later) + 1)]
    return int(np.argmax(right))


def edges_of(picture: NDArray[np.float32]) -> Gray:
    """255 where something begins or ends in a small picture."""
    across, down = cv2.Sobel(picture, cv2.CV_32F, 1, 0), cv2.Sobel(picture, cv2.CV_32F, 0, 1)
    steep = np.hypot(across, down)
    return np.where(steep >= np.percentile(steep, EDGES), np.uint8(255), np.uint8(0))


def apart(one: Matrix, other: Matrix, shape: tuple[int, ...]) -> bool:
    """Whether two ways to stand differ noticeably anywhere in the picture."""
    height, width = shape[:2]
    corners = np.array(((0, 0, 1), (width, 0, 1), (0, height, 1), (width, height, 1)), np.float64)
    return bool(np.hypot(*((one - other) @ corners.T)).max() > 2 * LEAST_PX)


def middle_of(pictures: Sequence[Gray]) -> Gray:
    """The median of each pixel; of an even number the brighter of the two in the middle."""
    ordered = np.sort(np.stack(pictures), axis=0)
    middle: Gray = ordered[len(ordered) // 2]
    return middle


def brought(picture: NDArray[np.float32], warp: NDArray[np.float32]) -> NDArray[np.float32]:
    """A small picture as it would be had the camera not moved; `warp` in its own pixels."""
    height, width = picture.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    brought = cv2.warpAffine(
        picture, warp, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(brought, np.float32)


def difference(one: NDArray[np.float32], other: NDArray[np.float32], mask: Gray) -> float:
    """How much two small pictures differ on average where the mask is not 0."""
    return float(np.abs(one - other)[mask > 0].mean())
