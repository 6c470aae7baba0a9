"""Many mice at once by the zone-level model of the science notes, section 6.4: seconds only."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TEST_S = 1200.0
HABITUATED, TAU_S = 0.5, 600.0
SIDE_S, SIDE_SD = 13.0, 1.0
CENTRE_S, CENTRE_SD, CENTRE_LEAST_S = 3.5, 0.8, 0.5
CROSSES = 0.60
BIAS_SD, DELTA_SD = 0.25, 0.40


def side_seconds(beta: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Seconds of one test in the side that `beta` is for, and in the other; all mice at once.

    Means of a lognormal: its mu is ln(mean) - sigma^2 / 2.
    """
    n = len(beta)
    t, left, right = np.zeros(n), np.zeros(n), np.zeros(n)
    at_left = rng.random(n) < 0.5
    live = np.arange(n)
    while len(live):
        now = t[live]
        slow = 1 / ((1 - HABITUATED) * np.exp(-now / TAU_S) + HABITUATED)
        mean = CENTRE_S * np.sqrt(slow)
        stay = mean * np.exp(CENTRE_SD * rng.standard_normal(len(live)) - CENTRE_SD**2 / 2)
        now = np.minimum(TEST_S, now + np.maximum(CENTRE_LEAST_S, stay))
        at_left[live] ^= rng.random(len(live)) < CROSSES
        here = at_left[live]
        mean = SIDE_S * np.exp(np.where(here, 0.5, -0.5) * beta[live]) * slow
        stay = mean * np.exp(SIDE_SD * rng.standard_normal(len(live)) - SIDE_SD**2 / 2)
        stay = np.minimum(stay, TEST_S - now)
        left[live] += np.where(here, stay, 0)
        right[live] += np.where(here, 0, stay)
        t[live] = now + stay
        live = live[t[live] < TEST_S]
    return left, right
