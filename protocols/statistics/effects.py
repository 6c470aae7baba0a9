"""Effect sizes and bootstrap intervals, the same at every run. Pure.

Arrays may have further dimensions before the last, which holds the animals: a bootstrap computes
all its resamples at once.
"""

import math
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

RESAMPLES = 2000
SEED = 1
LEAST_FOR_INTERVAL = 4
"""Resamples of fewer animals than this are too much alike to say how far a value may be off."""


def mean(values: ArrayLike, axis: int = -1) -> Floats:
    """The mean."""
    return np.asarray(np.mean(np.asarray(values, dtype=np.float64), axis=axis))


def mean_difference(a: ArrayLike, b: ArrayLike, axis: int = -1) -> Floats:
    """Mean of `a` less mean of `b`."""
    return np.asarray(mean(a, axis) - mean(b, axis))


def cohen_dz(differences: ArrayLike, axis: int = -1) -> Floats:
    """Mean over standard deviation of differences within animals (Lakens 2013)."""
    values = np.asarray(differences, dtype=np.float64)
    return _over(mean(values, axis), np.std(values, axis=axis, ddof=1))


def hedges_g(a: ArrayLike, b: ArrayLike, axis: int = -1) -> Floats:
    """Difference of the means over the pooled standard deviation, corrected for few animals."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    n, m = x.shape[axis], y.shape[axis]
    squares = (n - 1) * np.var(x, axis=axis, ddof=1) + (m - 1) * np.var(y, axis=axis, ddof=1)
    pooled = np.sqrt(squares / (n + m - 2))
    return np.asarray(_over(mean_difference(x, y, axis), pooled) * (1 - 3 / (4 * (n + m) - 9)))


def varies(values: ArrayLike) -> bool:
    """Whether values differ by more than the last digits of floats."""
    array = np.asarray(values, dtype=np.float64)
    return len(array) > 0 and float(np.ptp(array)) > 1e-9 * max(1.0, float(np.abs(array).max()))


def interval(
    samples: Sequence[ArrayLike], statistic: Callable[..., Floats], share: float = 0.95
) -> tuple[float, float]:
    """Bootstrap interval of `statistic` over the animals, bias-corrected and accelerated (BCa).

    Each of `samples` is resampled on its own. NaN for fewer than four animals in one of them, and
    where they do not vary.
    """
    from scipy.stats import bootstrap

    arrays = [np.asarray(sample, dtype=np.float64) for sample in samples]
    if min(map(len, arrays)) < LEAST_FOR_INTERVAL or not any(varies(a) for a in arrays):
        return math.nan, math.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ends that are not finite are told as NaN
        told = bootstrap(
            arrays,
            statistic,
            confidence_level=share,
            n_resamples=RESAMPLES,
            method="BCa",
            vectorized=True,
            axis=-1,
            rng=np.random.default_rng(SEED),
        )
    low, high = (float(end) for end in told.confidence_interval)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else (math.nan, math.nan)


def _over(a: Floats, b: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        endless = np.where(a == 0, 0.0, np.copysign(np.inf, a))  # no spread: a resample of one
        return np.asarray(np.where(b > 0, a / b, endless))
