"""How far two ways of measuring the same agree: numbers in, numbers out. Pure.

Pearson's r tells whether one follows the other, not whether they agree: concordance (Lin 1989,
Biometrics 45:255) and the intraclass correlation of single absolute values (ICC(A,1), McGraw and
Wong 1996, Psychological Methods 1:30; two-way, ICC(2,1) of Shrout and Fleiss 1979) also fall when
one reads higher or wider than the other. Bias and limits of agreement are in the measure's own
unit (Bland and Altman 1986, Lancet 327:307). Kappa is Cohen's (1960).
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LIMIT_SDS = 1.96
"""Limits of agreement are so many standard deviations of the differences from the bias."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two measurements of the same n things, b less a; NaN where n or the spread is too small.

    `bias` is the mean difference, `sd` that of the differences (n - 1), `low` and `high` the
    limits of agreement.
    """

    n: int
    mean_a: float
    mean_b: float
    pearson: float
    concordance: float
    icc: float
    bias: float
    sd: float
    low: float
    high: float


def agreement(a: Sequence[float] | Floats, b: Sequence[float] | Floats) -> Agreement:
    """How far `b` agrees with `a`, pair by pair. Raises ValueError for unequal lengths."""
    x, y = _pair(a, b)
    differences = y - x
    n = len(x)
    bias = float(differences.mean()) if n else math.nan
    sd = float(differences.std(ddof=1)) if n > 1 else math.nan
    return Agreement(
        n=n,
        mean_a=float(x.mean()) if n else math.nan,
        mean_b=float(y.mean()) if n else math.nan,
        pearson=pearson(x, y),
        concordance=concordance(x, y),
        icc=icc(x, y),
        bias=bias,
        sd=sd,
        low=bias - LIMIT_SDS * sd,
        high=bias + LIMIT_SDS * sd,
    )


def pearson(a: Sequence[float] | Floats, b: Sequence[float] | Floats) -> float:
    """Pearson's correlation, -1 to 1; NaN where one of both does not vary."""
    x, y = _pair(a, b)
    if len(x) < 2:
        return math.nan
    dx, dy = x - x.mean(), y - y.mean()
    spread = float(np.sqrt((dx @ dx) * (dy @ dy)))
    return min(1.0, max(-1.0, float(dx @ dy) / spread)) if spread > 0 else math.nan


def concordance(a: Sequence[float] | Floats, b: Sequence[float] | Floats) -> float:
    """Lin's concordance, -1 to 1, with variances over n; NaN where all are the same number."""
    x, y = _pair(a, b)
    if len(x) < 2:
        return math.nan
    dx, dy, apart = x - x.mean(), y - y.mean(), x.mean() - y.mean()
    whole = float((dx @ dx + dy @ dy) / len(x) + apart * apart)
    return float(2 * (dx @ dy) / len(x)) / whole if whole > 0 else math.nan


def icc(*raters: Sequence[float] | Floats) -> float:
    """ICC(A,1) of two or more raters of the same things; 1 at most, NaN where nothing varies.

    Raises ValueError for fewer than two raters, or unequal lengths.
    """
    if len(raters) < 2 or len({len(rater) for rater in raters}) > 1:
        raise ValueError("two or more raters of equally many things")
    table = np.array([np.asarray(rater, dtype=np.float64) for rater in raters]).T
    n, k = table.shape
    if n < 2:
        return math.nan
    things, judges, all_ = table.mean(axis=1), table.mean(axis=0), table.mean()
    between = k * float(((things - all_) ** 2).sum()) / (n - 1)
    raters_ms = n * float(((judges - all_) ** 2).sum()) / (k - 1)
    rest = table - things[:, None] - judges[None, :] + all_
    error = float((rest**2).sum()) / ((n - 1) * (k - 1))
    whole = between + (k - 1) * error + k * (raters_ms - error) / n
    return (between - error) / whole if whole > 0 else math.nan


def kappa(a: Sequence[Hashable], b: Sequence[Hashable]) -> float:
    """Cohen's kappa of two sequences of labels; NaN where chance alone agrees in all.

    Raises ValueError for unequal lengths.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} labels and {len(b)}")
    n = len(a)
    if not n:
        return math.nan
    same = sum(x == y for x, y in zip(a, b, strict=True))
    left: dict[Hashable, int] = {}
    right: dict[Hashable, int] = {}
    for label in a:
        left[label] = left.get(label, 0) + 1
    for label in b:
        right[label] = right.get(label, 0) + 1
    chance = sum(count * right.get(label, 0) for label, count in left.items())
    if chance == n * n:
        return math.nan
    return (n * same - chance) / (n * n - chance)


def outliers(a: Sequence[float] | Floats, b: Sequence[float] | Floats) -> list[int]:
    """Places of the pairs outside the limits of agreement, the farthest first."""
    x, y = _pair(a, b)
    told = agreement(x, y)
    off = np.abs(y - x - told.bias)
    beyond = np.flatnonzero(off > LIMIT_SDS * told.sd * (1 + 1e-9))
    return [int(place) for place in beyond[np.argsort(-off[beyond], kind="stable")]]


def _pair(a: Sequence[float] | Floats, b: Sequence[float] | Floats) -> tuple[Floats, Floats]:
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"{x.shape} and {y.shape}: two lists of one length")
    return x, y
