"""Brightness matched per picture from that picture alone. Pure."""

from math import sqrt
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from rig.model import Gray

POINTS = 160
"""Places looked at; the animal covers far fewer than half of them."""
NOTICEABLE = 3
"""Grey levels; a smaller median change is left as it is."""
SPREAD = 50
"""Grey levels between dark and light places from which an offset is told from a gain."""


class Light:
    """How the light of a picture compares with the background's: medians over fixed places.

    With dark and light places in the background both gain and offset follow, with an even floor
    the gain alone. Nothing is remembered from picture to picture.

    It looks at every `step`-th pixel of a picture only, as `cells` gives them.

    Args:
        background: height x width.
        within: 255 at the places to look at; None: all.
        step: pixels from cell to cell; None: as `step_px` says.
    """

    __slots__ = (
        "_dark_level",
        "_floor",
        "_least",
        "_light_level",
        "_most",
        "_n_dark",
        "_n_light",
        "_places",
        "step",
    )

    def __init__(
        self, background: Gray, within: Gray | None = None, step: int | None = None
    ) -> None:
        self.step: int = step_px(background.shape) if step is None else step
        background = cells(background, self.step)
        within = None if within is None else cells(within, self.step)
        usable = (background > 15) & (background < 240)
        if within is not None:
            usable &= within > 0
        flat = np.flatnonzero(usable)
        order = flat[np.argsort(background.ravel()[flat], kind="stable")]
        half = len(order) // 2
        groups = [order[:half], order[half:]]
        levels = [_level(background, group) for group in groups]
        if half < POINTS // 2 or levels[1] - levels[0] < SPREAD:
            groups, levels = [flat[:0], flat], [0, _level(background, flat)]
        dark, light = (_thin(np.sort(group)) for group in groups)
        self._places = np.concatenate([dark, light])
        self._n_dark, self._n_light = len(dark), len(light)
        self._floor = background.ravel()[self._places]
        # places near black or white were left out, so no limit is beyond them
        self._least, self._most = self._floor - (NOTICEABLE - 1), self._floor + (NOTICEABLE - 1)
        self._dark_level, self._light_level = levels

    def change(self, seen: Gray) -> tuple[float, float] | None:
        """Gain and offset to the background's light from `cells`; None: nothing to do."""
        if self._n_light < 16:
            return None
        values = seen.take(self._places)
        # quick and usual: with fewer than half of either group noticeable, no median is
        alike = cv2.countNonZero(cv2.inRange(values, self._least, self._most))
        if 2 * (values.size - alike) < min(self._n_light, self._n_dark or self._n_light):
            return None
        change = values.astype(np.int16) - self._floor
        light = _middle(change[self._n_dark :])
        dark = _middle(change[: self._n_dark]) if self._n_dark else 0
        if -NOTICEABLE < light < NOTICEABLE and -NOTICEABLE < dark < NOTICEABLE:
            return None
        if self._n_dark:
            span = self._light_level - self._dark_level
            gain = span / max(span + light - dark, span // 4)
            return gain, self._light_level - gain * (self._light_level + light)
        return self._light_level / max(self._light_level + light, self._light_level // 4), 0.0

    def levels(self, seen: Gray) -> Gray | None:
        """For `scaled`: what each grey level becomes in the background's light; None: itself."""
        change = self.change(seen)
        if change is None:
            return None
        gain, offset = change
        levels: Gray = np.clip(np.rint(np.arange(256) * gain + offset), 0, 255).astype(np.uint8)
        return levels

    def match(self, image: Gray) -> Gray:
        """`image` in the background's light: itself where nothing is to be done, else a copy."""
        levels = self.levels(cells(image, self.step))
        return image if levels is None else scaled(image, levels)


def step_px(shape: tuple[int, ...]) -> int:
    """Pixels from cell to cell that leave about 80 x 60 cells of any picture."""
    return max(1, round(sqrt(shape[0] * shape[1] / 4800)))


def cells(image: Gray, step: int) -> Gray:
    """Every `step`-th pixel of every `step`-th row, from the middle of the first cell."""
    rows = image[step // 2 :: step].copy()  # whole rows first: quicker to fetch
    return rows[:, step // 2 :: step].copy()


def scaled(image: Gray, levels: Gray) -> Gray:
    """`image` with each grey level turned into what `levels` has for it."""
    return cast(Gray, cv2.LUT(image, levels))


def _middle(values: NDArray[np.int16]) -> int:
    """A value in the middle of `values` (no mean of two), 0 for none."""
    half = len(values) // 2
    return int(np.partition(values, half).item(half)) if len(values) else 0


def _level(image: Gray, places: NDArray[np.intp]) -> int:
    return _middle(image.ravel()[places].astype(np.int16))


def _thin(places: NDArray[np.intp]) -> NDArray[np.intp]:
    """At most POINTS of the places, spread evenly, the same every time."""
    if len(places) <= POINTS:
        return places
    # steps of the golden ratio: equal steps would walk down a few columns of the picture
    spread = np.sort(np.arange(POINTS) * 0.6180339887498949 % 1.0)
    return places[(spread * len(places)).astype(np.intp)]
