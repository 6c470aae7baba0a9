"""One test's result, told in words; corrections for several tests. Pure."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

NAN = math.nan


class Role(StrEnum):
    """What a test is for: what was asked beforehand, the rest, or what may disturb."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Result:
    """One test; NaN where it could not be computed, and `sentence` says why.

    `n` counts animals, `df` holds none, one or two degrees of freedom. `estimate` is in the score's
    own unit, `effect` has none and is called `effect_name`; both with their 95 % intervals.
    `p_adjusted` is `p` corrected by Holm among the tests of one question, NaN for one alone.
    """

    test: str
    role: Role
    score: str
    groups: tuple[str, ...]
    n: int
    sentence: str
    assumptions: tuple[str, ...]
    statistic: float = NAN
    df: tuple[float, ...] = ()
    p: float = NAN
    p_adjusted: float = NAN
    estimate: float = NAN
    estimate_low: float = NAN
    estimate_high: float = NAN
    effect_name: str = ""
    effect: float = NAN
    effect_low: float = NAN
    effect_high: float = NAN

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "role": str(self.role)}


def by_t(
    asked: Result,
    told: Any,
    estimate: float,
    effect: tuple[str, float, tuple[float, float]],
    sentence: str,
    assumptions: tuple[str, ...],
) -> Result:
    """`asked`, answered by one of scipy's t tests.

    Args:
        asked: the question.
        told: what scipy gave; its 95 % interval is that of `estimate`.
        estimate: a mean, or a difference, in the score's unit.
        effect: its name, its size and its 95 % interval.
        sentence: the answer in words.
        assumptions: what it takes for granted.
    """
    limits = told.confidence_interval(0.95)
    name, size, (low, high) = effect
    return replace(
        asked,
        statistic=float(told.statistic),
        df=(float(told.df),),
        p=float(told.pvalue),
        estimate=estimate,
        estimate_low=float(limits.low),
        estimate_high=float(limits.high),
        effect_name=name,
        effect=size,
        effect_low=low,
        effect_high=high,
        sentence=sentence,
        assumptions=assumptions,
    )


def by_ranks(
    asked: Result,
    row: Any,
    statistic: str,
    sentence: str,
    assumptions: tuple[str, ...],
    estimate: float = NAN,
) -> Result:
    """`asked`, answered by one of pingouin's tests by ranks: its `row`, in which `statistic` is."""
    return replace(
        asked,
        statistic=float(row[statistic]),
        p=float(row["p_val"]),
        estimate=estimate,
        effect_name="rank_biserial",
        effect=float(row["RBC"]),
        sentence=sentence,
        assumptions=assumptions,
    )


def ends_text(told: Any) -> str:
    """The 95 % interval of one of scipy's t tests, as words."""
    limits = told.confidence_interval(0.95)
    return f"{number_text(limits.low)} to {number_text(limits.high)}"


def holm(results: Sequence[Result]) -> list[Result]:
    """The same results with p corrected among them (Holm 1979); those without p stay."""
    order = sorted(
        (k for k, one in enumerate(results) if not math.isnan(one.p)), key=lambda k: results[k].p
    )
    if len(order) < 2:
        return list(results)
    corrected = list(results)
    largest = 0.0
    for rank, k in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * results[k].p))
        corrected[k] = replace(results[k], p_adjusted=largest)
    return corrected


def p_text(p: float) -> str:
    """A p value as it is written in a paper."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.4f}" if p < 0.1 else f"p = {p:.2f}"


def number_text(value: float) -> str:
    """A number with four digits at most that mean something."""
    return f"{value:.1f}" if abs(value) >= 1000 else f"{value:.4g}"
