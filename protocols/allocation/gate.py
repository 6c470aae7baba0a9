"""Before anything is allocated: do the animals prefer a side of a box by themselves?

The rule is written in the study's file before the pre-test; what it says is then done.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from protocols.allocation.model import Candidate


class StopWhen(StrEnum):
    """What stops an allocation: the mean outside the band, the interval off one half, or these."""

    NEVER = "never"
    MEAN = "mean"
    INTERVAL = "interval"
    BOTH = "both"
    EITHER = "either"


@dataclass(frozen=True)
class Gate:
    """The rule. `band` is how far the mean share of a side may lie from one half.

    `confidence` is of the interval. A box with fewer than `fewest` animals is judged by all boxes
    together alone. One that holds no sense is ValueError.
    """

    stop_when: StopWhen = StopWhen.BOTH
    band: float = 0.05
    confidence: float = 0.95
    fewest: int = 4

    def __post_init__(self) -> None:
        if not 0 < self.band < 0.5:
            raise ValueError(f"band {self.band:g}: above 0, below 0.5")
        if not 0.5 <= self.confidence < 1:
            raise ValueError(f"confidence {self.confidence:g}: from 0.5, below 1")
        if self.fewest < 2:
            raise ValueError(f"fewest {self.fewest}: 2 or more; one animal has no interval")


@dataclass(frozen=True)
class BoxBias:
    """Mean share of the first side in side time, 0 to 1, with its interval; "" is all boxes.

    `low` and `high` are NaN for a single animal. `stop` is None where too few animals were there.
    """

    box: str
    animals: int
    mean: float
    low: float
    high: float
    stop: bool | None


@dataclass(frozen=True)
class Verdict:
    """Stop or go, and every box's figures; `why` is one line."""

    go: bool
    why: str
    boxes: tuple[BoxBias, ...]


def judge(gate: Gate, candidates: Sequence[Candidate], first_side: str) -> Verdict:
    """The rule applied to all boxes together and to each. Raises ValueError for no animal."""
    if not candidates:
        raise ValueError("no animal has a pre-test")
    shares: defaultdict[str, list[float]] = defaultdict(list)
    for candidate in candidates:
        shares[candidate.box].append(candidate.share)
        shares[""].append(candidate.share)
    boxes = tuple(_judge(gate, box, shares[box]) for box in sorted(shares))
    stopped = [one for one in boxes if one.stop]
    if stopped:
        told = "; ".join(
            f"{f'box {one.box}' if one.box else 'all boxes'}: "
            f"{100 * one.mean:.1f} % on {first_side} ({100 * one.low:.1f} to "
            f"{100 * one.high:.1f} %, {one.animals} animals)"
            for one in stopped
        )
        return Verdict(False, told, boxes)
    few = [one.box for one in boxes if one.stop is None and one.box]
    why = "no side of a box is preferred beyond the rule"
    if few:
        why += f"; too few animals to judge alone: box {', '.join(few)}"
    return Verdict(True, why, boxes)


def _judge(gate: Gate, box: str, shares: Sequence[float]) -> BoxBias:
    n, mean = len(shares), math.fsum(shares) / len(shares)
    if n < 2:
        return BoxBias(box, n, mean, math.nan, math.nan, None)
    spread = math.sqrt(math.fsum((s - mean) ** 2 for s in shares) / (n - 1) / n)
    half = student_quantile(0.5 + gate.confidence / 2, n - 1) * spread
    low, high = mean - half, mean + half
    outside = abs(mean - 0.5) > gate.band + 1e-12
    off = not low <= 0.5 <= high
    said = {
        StopWhen.NEVER: False,
        StopWhen.MEAN: outside,
        StopWhen.INTERVAL: off,
        StopWhen.BOTH: outside and off,
        StopWhen.EITHER: outside or off,
    }[gate.stop_when]
    return BoxBias(box, n, mean, low, high, None if n < gate.fewest else said)


def student_quantile(p: float, freedom: int) -> float:
    """Student's t with `freedom` degrees that is not exceeded with probability `p`, 0.5 to 1.

    Good to 1e-9 of its value. Raises ValueError outside of that.
    """
    if not 0.5 <= p < 1 or freedom < 1:
        raise ValueError(f"p {p:g}, freedom {freedom}")
    high = 1.0
    while _student(high, freedom) < p:
        high *= 2
    low = 0.0
    while high - low > 1e-10 * max(1.0, high):
        middle = (low + high) / 2
        low, high = (middle, high) if _student(middle, freedom) < p else (low, middle)
    return (low + high) / 2


def _student(t: float, freedom: int) -> float:
    """Probability that Student's t is at most `t` >= 0 (Abramowitz and Stegun 26.7.3 and 4)."""
    angle = math.atan2(t, math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    if freedom % 2:
        term, total = cosine, cosine if freedom > 1 else 0.0
        for k in range(3, freedom - 1, 2):
            term *= cosine * cosine * (k - 1) / k
            total += term
        return 0.5 + (angle + sine * total) / math.pi
    term, total = 1.0, 1.0
    for k in range(2, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return 0.5 + sine * total / 2
