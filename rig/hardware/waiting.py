"""How many pictures may wait for a consumer that is late."""

import math

FRESH_S = 0.2
"""A picture older than this is not fresh any more: doors no longer close on it."""


def slots_for(rate_hz: float) -> int:
    """As many as come while a picture stays fresh, at least three.

    A machine that stops for a tenth of a second loses nothing then, at any rate; one that is too
    slow throughout decides on pictures that are at most so old.
    """
    return max(3, math.ceil(FRESH_S * rate_hz))
