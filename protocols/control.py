"""Control charts of single values in the order of their dates. Pure.

Limits of an individuals chart: the mean, and 2.66 mean moving ranges to either side of it
(NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LIMIT = 3 / 1.128
"""Three standard deviations, by the mean range of two values."""
LEAST = 5
"""Fewer values say nothing about what is usual."""
RUN = 8
"""So many in a row on one side of the mean are a shift (Western Electric's fourth rule)."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Values and what is usual of them; limits NaN for fewer than five values.

    `beyond`: outside the limits; `shifted`: in a run of eight and more on one side of the mean.
    """

    values: tuple[float, ...]
    middle: float
    low: float
    high: float
    beyond: tuple[int, ...]
    shifted: tuple[int, ...]


def control_chart(
    values: Sequence[float], least: float = -math.inf, most: float = math.inf
) -> Chart:
    """The chart of `values` in their order; no limit lies below `least` or above `most`."""
    array = np.asarray(values, dtype=np.float64)
    middle = float(array.mean()) if len(array) else math.nan
    if len(array) < LEAST:
        return Chart(tuple(values), middle, math.nan, math.nan, (), ())
    away = LIMIT * float(np.abs(np.diff(array)).mean())
    low, high = max(middle - away, least), min(middle + away, most)
    beyond = np.flatnonzero((array < low) | (array > high))
    sides = np.sign(array - middle)
    shifted: list[int] = []
    first = 0
    for k in range(1, len(sides) + 1):
        if k == len(sides) or sides[k] != sides[first]:
            if k - first >= RUN and sides[first] != 0:
                shifted += range(first, k)
            first = k
    return Chart(tuple(values), middle, low, high, tuple(beyond.tolist()), tuple(shifted))
