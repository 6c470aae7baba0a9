"""The picture of the box without the animal, from pictures with it. Pure.

A median alone burns an animal that sits still for half of the clip into the background. Here a
place that had two brightnesses over time is told from one that had one, and the side that the
animal cannot be is taken, however long the animal sat there.
"""

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from rig.apparatus import Animal
from rig.model import NS_PER_S, Gray
from rig.tracking.light import Light
from rig.tracking.masks import limits

APART = 12
"""Grey levels between two brightnesses of one place that noise does not explain."""
LEAST_SHARE = 0.1
"""A brightness seen in fewer of the samples than this is a passing hand, not the floor."""
CROWD_SHARE = 0.2
"""A sample that differs in more of the picture than this shows a hand or other light."""
PLAINLY, VISITED = 6, 0.05
"""So many times more places of a part are darker than lighter, or the reverse, and they are such a
share of it: there it is plain. A piebald animal is both everywhere; a grey one is lighter than a
black floor and darker than a white one."""
STRIP = 1 << 16
"""Pixels sorted at once."""


def sample_indices(n_frames: int, count: int = 48) -> list[int]:
    """Numbers of at most `count` frames spread evenly over a clip of `n_frames`, ascending."""
    count = min(count, n_frames)
    return [(2 * i + 1) * n_frames // (2 * count) for i in range(count)]


def background_from(
    stack: NDArray[np.uint8],
    animal: Animal | None = None,
    within: Gray | None = None,
    parts: Callable[[], Sequence[Gray]] = tuple,
) -> Gray:
    """The box without the animal, height x width, from `stack` (samples x height x width).

    Right as long as each place was seen free of the animal in a tenth of the samples (and twice),
    whatever the animal did in the rest.

    Args:
        stack: pictures spread over the clip; 30 to 60 are plenty. A change of light among them
            is matched first.
        animal: darker or lighter than the floor; None: found out from the pictures themselves;
            either: the brightness is taken that joins its surroundings best.
        within: 255 where the animal can be (`reach`); used to find out `animal` only.
        parts: gives parts of the picture, 255 in each (`territories`); asked where `animal` is to
            be found out, for it may be another in some of them.

    Raises ValueError for an empty stack.
    """
    if stack.ndim != 3 or not stack.shape[0]:
        raise ValueError(f"no pictures to make a background from: shape {stack.shape}")
    ordered, plain = _ordered(stack)
    if len(stack) < 3:
        return plain
    light = Light(plain, within)
    matched = [light.match(picture) for picture in stack]
    if any(new is not old for new, old in zip(matched, stack, strict=True)):
        stack = np.stack(matched)
        ordered, plain = _ordered(stack)
    own: Sequence[Gray] = ()
    each: Sequence[Animal] = ()
    if animal is None:
        own = parts()
        animal, each = sides(stack, plain, within, own)
    if any(side is not animal for side in each):
        return _by_part(ordered, plain, own, each)
    if animal is Animal.DARKER:
        return _lighter_side(ordered, plain)
    inverted = 255 - ordered[::-1]
    if animal is Animal.LIGHTER:
        return 255 - _lighter_side(inverted, 255 - plain)
    return _smoother_side(
        plain, _lighter_side(ordered, plain), 255 - _lighter_side(inverted, 255 - plain)
    )


def background(pictures: Sequence[Gray], animal: Animal | None = None) -> Gray:
    """`background_from` of at most 48 of the pictures, spread evenly."""
    chosen = [pictures[i] for i in sample_indices(len(pictures))]
    if not chosen:
        raise ValueError("no pictures to make a background from")
    return background_from(np.stack(chosen), animal)


def sides(
    stack: NDArray[np.uint8],
    median: Gray,
    within: Gray | None = None,
    parts: Sequence[Gray] = (),
    apart: int = 2 * APART,
) -> tuple[Animal, list[Animal]]:
    """Whether what moves is darker or lighter than the median, on the whole and in each part.

    EITHER where that is not clear. Parts are as the whole unless one of them is plainly otherwise.

    An animal darkens every place it visits, while the ghost that it leaves in a median where it
    sat long lightens that one place: so places count, not time.
    """
    size = median.size if within is None else max(cv2.countNonZero(within), 1)
    low, high = limits(median, np.full_like(median, apart))
    darker, lighter = np.zeros_like(median), np.zeros_like(median)
    kernel = np.ones((3, 3), np.uint8)
    for picture in stack:
        # eroded: single pixels are noise, lines are things that shook a little
        below = cv2.erode(cv2.compare(picture, low, cv2.CMP_LT), kernel)
        above = cv2.erode(cv2.compare(picture, high, cv2.CMP_GT), kernel)
        if within is not None:
            below, above = cv2.bitwise_and(below, within), cv2.bitwise_and(above, within)
        if cv2.countNonZero(below) + cv2.countNonZero(above) <= CROWD_SHARE * size:
            cv2.bitwise_or(darker, below, darker)
            cv2.bitwise_or(lighter, above, lighter)
    whole = _side(cv2.countNonZero(darker), cv2.countNonZero(lighter), 2)
    each = []
    for part in parts:
        dark, light = (cv2.countNonZero(cv2.bitwise_and(one, part)) for one in (darker, lighter))
        seen = max(dark, light) >= VISITED * cv2.countNonZero(part)
        each.append(_side(dark, light, PLAINLY) if seen else Animal.EITHER)
    if all(side in (whole, Animal.EITHER) for side in each):
        each = [whole] * len(each)
    return whole, each


def _side(dark: int, light: int, times: int) -> Animal:
    if dark > times * light:
        return Animal.DARKER
    return Animal.LIGHTER if light > times * dark else Animal.EITHER


def _by_part(
    ordered: NDArray[np.uint8], plain: Gray, parts: Sequence[Gray], each: Sequence[Animal]
) -> Gray:
    """The background where the animal is darker in some parts and lighter in others."""
    lighter = _lighter_side(ordered, plain)
    darker = 255 - _lighter_side(255 - ordered[::-1], 255 - plain)
    result = _smoother_side(plain, lighter, darker)
    for part, side in zip(parts, each, strict=True):
        if side is not Animal.EITHER:
            np.copyto(result, lighter if side is Animal.DARKER else darker, where=part > 0)
    return result


def _ordered(stack: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Gray]:
    """The samples of each pixel in ascending order, and their median."""
    ordered = _sorted(stack)
    n = len(ordered)
    middle = ordered[(n - 1) // 2].astype(np.uint16) + ordered[n // 2]
    return ordered, (middle // 2).astype(np.uint8)


def _sorted(stack: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What `np.sort(stack, axis=0)` gives, in a tenth of its time.

    A sorting network exchanges whole pictures pixel by pixel, STRIP pixels at once so that they
    stay near the processor.
    """
    n = len(stack)
    flat = stack.reshape(n, -1)
    ordered = np.empty_like(flat)
    exchanges = list(_exchanges(n))
    for start in range(0, flat.shape[1], STRIP):
        rows = [row[start : start + STRIP].copy() for row in flat]
        spare = np.empty_like(rows[0])
        for i, j in exchanges:
            low, high = rows[i], rows[j]
            np.minimum(low, high, out=spare)
            np.maximum(low, high, out=high)
            rows[i], spare = spare, low
        for k, row in enumerate(rows):
            ordered[k, start : start + STRIP] = row
    return ordered.reshape(stack.shape)


def _exchanges(n: int) -> Iterator[tuple[int, int]]:
    """Pairs of places that, put in order one pair after the other, sort any n values.

    Batcher's merge exchange: Knuth, The Art of Computer Programming 3, algorithm 5.2.2 M.
    """
    top = 1 << max(n - 1, 0).bit_length() >> 1
    p = top
    while p:
        q, r, d = top, 0, p
        while True:
            yield from ((i, i + d) for i in range(n - d) if i & p == r)
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1


def _lighter_side(ordered: NDArray[np.uint8], plain: Gray) -> Gray:
    """`plain`, but the median of the lighter class wherever a pixel had two brightnesses.

    The classes are Otsu's (largest variance between them), pixel by pixel over time.
    """
    n = len(ordered)
    least = max(2, int(np.ceil(LEAST_SHARE * n)))
    if n < 2 * least:
        return plain
    result = plain.copy()
    ys, xs = np.nonzero(ordered[n - least].astype(np.int16) - plain >= APART)
    if not len(ys):
        return result
    values = ordered[:, ys, xs].astype(np.float32)
    below = np.cumsum(values, axis=0)[:-1]
    total = values.sum(axis=0)
    count = np.arange(1, n, dtype=np.float32)[:, None]
    between = (below / count - (total - below) / (n - count)) ** 2 * count * (n - count)
    split = np.argmax(between, axis=0) + 1  # first sample of the lighter class
    column = np.arange(len(ys))
    upper = values[(split + n - 1) // 2, column]
    lower = values[(split - 1) // 2, column]
    two = (upper - lower >= APART) & (n - split >= least)
    result[ys[two], xs[two]] = upper[two].astype(np.uint8)
    return result


def _smoother_side(plain: Gray, lighter: Gray, darker: Gray) -> Gray:
    """Place by place the one of two backgrounds that continues its surroundings best."""
    result = plain.copy()
    unsure = cv2.compare(lighter, darker, cv2.CMP_NE)
    unsure = cv2.dilate(unsure, np.ones((3, 3), np.uint8))
    n, labels, stats, _ = cv2.connectedComponentsWithStats(unsure, connectivity=8)
    for i in range(1, n):
        x, y, w, h = (int(v) for v in stats[i, :4])
        rows, cols = slice(max(0, y - 2), y + h + 2), slice(max(0, x - 2), x + w + 2)
        place = (labels[rows, cols] == i).astype(np.uint8)
        rim = (cv2.dilate(place, np.ones((5, 5), np.uint8)) - place) == 1
        core = (place - cv2.erode(place, np.ones((5, 5), np.uint8))) == 1
        if not rim.any():
            continue
        around = float(np.median(plain[rows, cols][rim]))
        best = min(
            (plain, lighter, darker),
            key=lambda side: abs(float(np.mean(side[rows, cols][core])) - around),
        )
        result[rows, cols][place == 1] = best[rows, cols][place == 1]
    return result


class LiveBackground:
    """Collects pictures while a session prepares, until each place was seen free of motion.

    Args:
        animal: as for `background_from`.
        within: 255 where it matters (`reach`); None: the whole picture.
        still_s: how long a place must not change to count as seen, in s.
        limit_s: after this long `ready` is true whatever was seen.
    """

    KEEP = 48
    FIRST_NS = NS_PER_S // 4

    def __init__(
        self,
        animal: Animal | None = None,
        within: Gray | None = None,
        still_s: float = 2.0,
        limit_s: float = 60.0,
    ) -> None:
        self._animal, self._within = animal, within
        self._still_ns, self._limit_ns = int(still_s * NS_PER_S), int(limit_s * NS_PER_S)
        self._every_ns = self.FIRST_NS
        self._start_ns = self._last_ns = 0
        self._kept: list[tuple[int, Gray]] = []
        self._reference: Gray | None = None
        self._since_ns: NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self._unseen: Gray = np.zeros((0, 0), np.uint8)
        self._over = False

    @property
    def ready(self) -> bool:
        """Whether each place was seen free of motion, or the time is over."""
        if self._over:
            return True
        return self._reference is not None and not cv2.countNonZero(self._unseen)

    def add(self, image: Gray, t_ns: int) -> None:
        """Take in the picture at `t_ns`; most are skipped, four a second are looked at."""
        if self._reference is None:
            self._start_ns = self._last_ns = t_ns
            self._reference = image.copy()
            self._kept = [(t_ns, self._reference)]
            self._since_ns = np.full(image.shape, t_ns, np.int64)
            self._unseen = (
                np.full(image.shape, 255, np.uint8) if self._within is None else self._within.copy()
            )
            return
        self._over = self._over or t_ns - self._start_ns >= self._limit_ns
        if t_ns - self._last_ns < self.FIRST_NS or (self.ready and len(self._kept) >= self.KEEP):
            return
        self._last_ns = t_ns
        # a blur first: noise of single pixels is no motion
        moved = cv2.absdiff(cv2.blur(image, (3, 3)), cv2.blur(self._reference, (3, 3))) > APART
        self._reference = np.where(moved, image, self._reference)
        self._since_ns[moved] = t_ns
        self._unseen[t_ns - self._since_ns >= self._still_ns] = 0
        if t_ns - self._kept[-1][0] >= self._every_ns:
            self._kept.append((t_ns, image.copy()))
            if len(self._kept) > self.KEEP:  # thin out, so that all of the time stays covered
                self._kept = self._kept[::2]
                self._every_ns *= 2

    def image(self) -> Gray:
        """The background from what was seen so far. Raises ValueError before the first picture."""
        if not self._kept:
            raise ValueError("no picture was added yet")
        return background_from(
            np.stack([image for _, image in self._kept]), self._animal, self._within
        )

    def samples(self) -> list[Gray]:
        """The pictures kept, for `prepare`."""
        return [image for _, image in self._kept]
