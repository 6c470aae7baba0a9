"""One apparatus for many recordings: its reference picture laid over another picture. Pure.

Shift, turn, scale and a slight perspective. A box is nearly as good the wrong way round, so no
turn above LARGEST_DEG and no mirror image is ever taken: only a person can tell those. Where a
cue shows that the box lies the other way round, nothing is taken.
"""

from itertools import product
from math import atan2, degrees, hypot, sqrt
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rig.model import Gray
from rig.tracking.registration import difference, edges_of, shift, small

Matrix = NDArray[np.float64]
"""3 x 3: where a point of the reference lies in the picture, in px."""

LARGEST_DEG = 20.0
LARGEST_SCALE = 1.3
LARGEST_SLANT = 0.15
"""By how much the scale may differ from one side of the picture to the other."""
BETTER = 0.8
PLAINLY = 0.8
"""A box lies the other way round where that leaves so little of the difference, or less."""
FEATURES = 600
ALIKE = 0.8
"""A feature is matched where the next best is so much worse (Lowe 2004)."""
LEAST_MATCHES = 12
FINE_PX = 480
TILES = 6
RIM = 2.0
"""A tile tells the mean of its places. Where a lens bends, the rim is up to twice as far off."""
TRUSTED = 0.25
"""Response of the phases of a tile from which its shift is believed."""


class Laid(NamedTuple):
    """How a reference lies over a picture.

    `matrix` are the nine numbers of where a point of the reference lies in the picture, row by
    row, in px. `residual_px` is how far off it may still be where it fits worst; `turn_deg` is
    clockwise in the picture.
    """

    matrix: tuple[float, ...]
    residual_px: float
    dx_px: float
    dy_px: float
    turn_deg: float
    scale: float

    def point(self, x_px: float, y_px: float) -> tuple[float, float]:
        """Where a point of the reference lies in the picture."""
        a, b, c, d, e, f, g, h, i = self.matrix
        w = g * x_px + h * y_px + i
        return (a * x_px + b * y_px + c) / w, (d * x_px + e * y_px + f) / w


def lay(reference: Gray, picture: Gray) -> Laid | None:
    """`reference` laid over `picture`; None where no way plainly fits.

    Args:
        reference: height x width, of the empty box as the apparatus was drawn on it.
        picture: of the same size; the animal may be in it, or better not.

    From where phases and features say, the enhanced correlation coefficient is maximised
    (Evangelidis and Psarakis 2008). Raises ValueError for pictures of different sizes.
    """
    if reference.shape != picture.shape:
        raise ValueError(f"the reference is {reference.shape}, the picture {picture.shape}")
    one, step = small(reference)
    other, _ = small(picture)
    edges = edges_of(one)
    best, least = None, np.inf
    for start in _starts(reference, picture, one, other, step):
        found = _refined(one, other, start)
        if found is not None and (off := difference(_brought(other, found), one, edges)) < least:
            best, least = found, off
    if best is None:
        return None
    # what no fit at all would leave: the picture against itself a few pixels off
    aside = np.array(((1.0, 0.0, 4.0), (0.0, 1.0, 4.0), (0.0, 0.0, 1.0)))
    if least > BETTER * difference(_brought(one, aside), one, edges):
        return None
    if _other_way_round(one, other, least):
        return None
    fine_one, fine_step = small(reference, FINE_PX)
    fine_other, _ = small(picture, FINE_PX)
    coarse = _to_pixels(best, step)
    finer = _refined(fine_one, fine_other, _from_pixels(coarse, fine_step))
    whole = coarse if finer is None else _to_pixels(finer, fine_step)
    told = _told(whole, reference.shape)
    if told is None:
        return None
    residual = _residual(fine_one, fine_other, _from_pixels(whole, fine_step)) * fine_step
    return told._replace(residual_px=round(residual, 2))


def _other_way_round(one: NDArray[np.float32], other: NDArray[np.float32], least: float) -> bool:
    """Whether the mirrored or half-turned reference fits plainly better than the best so far."""
    window = np.asarray(cv2.createHanningWindow(one.shape[::-1], cv2.CV_32F), np.float32)
    for turned in (one[:, ::-1], one[::-1], one[::-1, ::-1]):
        turned = np.ascontiguousarray(turned)
        dx, dy = shift(turned, other, window)
        start = np.array(((1.0, 0.0, dx), (0.0, 1.0, dy), (0.0, 0.0, 1.0)))
        found = _refined(turned, other, start)
        if found is None:
            continue
        if difference(_brought(other, found), turned, edges_of(turned)) < PLAINLY * least:
            return True
    return False


def _starts(
    reference: Gray,
    picture: Gray,
    one: NDArray[np.float32],
    other: NDArray[np.float32],
    step: float,
) -> list[Matrix]:
    """Where to look from, in small pixels: as it lies, as the phases say, as features say."""
    window = np.asarray(cv2.createHanningWindow(one.shape[::-1], cv2.CV_32F), np.float32)
    dx, dy = shift(one, other, window)
    starts = [np.eye(3)]
    if hypot(dx, dy) > 0.5:
        starts.append(np.array(((1.0, 0.0, dx), (0.0, 1.0, dy), (0.0, 0.0, 1.0))))
    seen = _by_features(reference, picture)
    if seen is not None:
        starts.append(_from_pixels(seen, step))
    return starts


def _by_features(reference: Gray, picture: Gray) -> Matrix | None:
    """Shift, turn and scale by features that both show; None without enough of them."""
    orb = cv2.ORB.create(FEATURES)
    everywhere = np.full(reference.shape, 255, np.uint8)
    mine, my_words = orb.detectAndCompute(reference, everywhere)
    theirs, their_words = orb.detectAndCompute(picture, everywhere)
    if my_words is None or their_words is None or min(len(mine), len(theirs)) < LEAST_MATCHES:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(my_words, their_words, k=2)
    good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < ALIKE * p[1].distance]
    if len(good) < LEAST_MATCHES:
        return None
    a = np.array([mine[m.queryIdx].pt for m in good], np.float32)
    b = np.array([theirs[m.trainIdx].pt for m in good], np.float32)
    cv2.setRNGSeed(1)  # the same every time
    found, kept = cv2.estimateAffinePartial2D(a, b, method=cv2.RANSAC, ransacReprojThreshold=4.0)
    if found is None or int(kept.sum()) < LEAST_MATCHES:
        return None
    return np.vstack((found, (0.0, 0.0, 1.0)))


def _refined(one: NDArray[np.float32], other: NDArray[np.float32], start: Matrix) -> Matrix | None:
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 80, 1e-6)
    everywhere = np.full(one.shape, 255, np.uint8)
    warp = start.astype(np.float32)
    try:
        _, affine = cv2.findTransformECC(
            one, other, warp[:2].copy(), cv2.MOTION_AFFINE, criteria, everywhere, 5
        )
        warp[:2] = affine
        _, found = cv2.findTransformECC(
            one, other, warp, cv2.MOTION_HOMOGRAPHY, criteria, everywhere, 3
        )
    except cv2.error:  # it does not converge
        return None
    whole = np.asarray(found, np.float64)
    return whole / whole[2, 2] if np.isfinite(whole).all() and whole[2, 2] else None


def _told(matrix: Matrix, shape: tuple[int, ...]) -> Laid | None:
    """The numbers of a matrix; None for a way that is not to be taken."""
    height, width = shape[:2]
    flat = tuple(round(float(value), 9) for value in matrix.ravel())
    laid = Laid(flat, 0.0, 0.0, 0.0, 0.0, 1.0)
    middle = laid.point(width / 2, height / 2)
    right = laid.point(width / 2 + 1, height / 2)
    turn = degrees(atan2(right[1] - middle[1], right[0] - middle[0]))
    scales = [_scale(laid, x, y) for x, y in product((0, width), (0, height))]
    scale = sqrt(max(_scale(laid, width / 2, height / 2), 0.0))
    if min(scales) <= 0 or abs(turn) > LARGEST_DEG:
        return None
    if not 1 / LARGEST_SCALE <= scale <= LARGEST_SCALE:
        return None
    if sqrt(max(scales) / min(scales)) - 1 > LARGEST_SLANT:
        return None
    return laid._replace(
        dx_px=round(middle[0] - width / 2, 2),
        dy_px=round(middle[1] - height / 2, 2),
        turn_deg=round(turn, 2),
        scale=round(scale, 4),
    )


def _scale(laid: Laid, x: float, y: float) -> float:
    """By how much an area at a point grows; below 0: mirrored."""
    (x0, y0), (x1, y1), (x2, y2) = laid.point(x, y), laid.point(x + 1, y), laid.point(x, y + 1)
    return (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)


def _residual(one: NDArray[np.float32], other: NDArray[np.float32], matrix: Matrix) -> float:
    """How far tiles of the two are still off each other where they are worst, in their pixels."""
    brought = _brought(other, matrix)
    edges = edges_of(one)
    height, width = one.shape
    tall, wide = height // TILES, width // TILES
    window = np.asarray(cv2.createHanningWindow((wide, tall), cv2.CV_32F), np.float32)
    off = []
    for row, col in product(range(TILES), range(TILES)):
        tile = slice(row * tall, (row + 1) * tall), slice(col * wide, (col + 1) * wide)
        if np.count_nonzero(edges[tile]) < 0.05 * tall * wide:
            continue
        # copies: OpenCV lays the window over its inputs themselves where their size suits it
        (dx, dy), response = cv2.phaseCorrelate(one[tile].copy(), brought[tile].copy(), window)
        if response >= TRUSTED:
            off.append(hypot(dx, dy))
    return RIM * max(off) if off else float("inf")


def _brought(picture: NDArray[np.float32], matrix: Matrix) -> NDArray[np.float32]:
    height, width = picture.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    brought = cv2.warpPerspective(
        picture, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(brought, np.float32)


def _to_pixels(matrix: Matrix, step: float) -> Matrix:
    """From small pixels to pixels: a pixel's centre is its place."""
    grow = np.array(((step, 0, (step - 1) / 2), (0, step, (step - 1) / 2), (0, 0, 1)))
    return _even(grow @ matrix @ np.linalg.inv(grow))


def _from_pixels(matrix: Matrix, step: float) -> Matrix:
    grow = np.array(((step, 0, (step - 1) / 2), (0, step, (step - 1) / 2), (0, 0, 1)))
    return _even(np.linalg.inv(grow) @ matrix @ grow)


def _even(matrix: Matrix) -> Matrix:
    evened: Matrix = matrix / matrix[2, 2]
    return evened
