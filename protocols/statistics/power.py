"""How many animals the next study needs, from what this one found."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from protocols.statistics.result import NAN, Result

POWERS = (0.8, 0.9)
ALPHA = 0.05
MOST = 1000
"""More animals than this are not planned; the number is then not told."""

CAUTION = (
    "an effect found in few animals is mostly larger than it is: plan with the lower end of its"
    " interval, or with the smallest effect worth finding"
)


@dataclass(frozen=True, slots=True)
class Planned:
    """Animals (each group, where there are two) for `power` at `effect`; NaN beyond a thousand.

    `n_low` is for the end of the effect's interval that is nearer to nothing; NaN where the
    interval holds zero. `power_now` is the power that this study's own number had for `effect`.
    """

    test: str
    score: str
    groups: tuple[str, ...]
    effect_name: str
    effect: float
    power: float
    n: float
    n_low: float
    power_now: float
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def plan_next(results: Sequence[Result]) -> list[Planned]:
    """Sample sizes for the primary questions that `results` answer by t tests."""
    planned = []
    for one in results:
        fits = one.role == "primary" and one.test in ("one_sample_t", "welch_t", "games_howell")
        if fits and math.isfinite(one.effect) and one.effect != 0:
            planned += [_planned(one, power) for power in POWERS]
    return planned


def animals_needed(effect: float, power: float, *, two_groups: bool) -> float:
    """Animals, in each group of two, at alpha 0.05 two-sided; NaN beyond a thousand."""
    low, high = 2, MOST
    if power_of(effect, high, two_groups=two_groups) < power:
        return NAN
    while low < high:
        middle = (low + high) // 2
        if power_of(effect, middle, two_groups=two_groups) < power:
            low = middle + 1
        else:
            high = middle
    return float(low)


def power_of(effect: float, n: float, *, two_groups: bool) -> float:
    """The power of a t test with `n` animals (in each group), at alpha 0.05 two-sided."""
    from statsmodels.stats.power import TTestIndPower, TTestPower

    model = TTestIndPower() if two_groups else TTestPower()
    given = {"nobs1": n} if two_groups else {"nobs": n}
    return float(model.power(abs(effect), alpha=ALPHA, **given))


def _planned(one: Result, power: float) -> Planned:
    two = one.test != "one_sample_t"
    near = min(abs(one.effect_low), abs(one.effect_high))
    crosses = not one.effect_low * one.effect_high > 0
    n = animals_needed(one.effect, power, two_groups=two)
    n_low = NAN if crosses else animals_needed(near, power, two_groups=two)
    each = " in each group" if two else ""
    of = " and ".join(one.groups) or "all animals"
    if math.isnan(n):
        sentence = f"{of}: more than {MOST} animals{each} for {power:.0%} power at this effect"
    else:
        more = ", its interval holds none" if crosses else f", {_animals(n_low)} at its lower end"
        size = f"{one.effect_name} {one.effect:.2f}"
        sentence = f"{of}: {n:.0f} animals{each} for {power:.0%} power at {size}{more}"
    return Planned(
        one.test, one.score, one.groups, one.effect_name, one.effect, power, n, n_low,
        power_of(one.effect, one.n / 2 if two else one.n, two_groups=two), sentence,
    )  # fmt: skip


def _animals(n: float) -> str:
    return f"more than {MOST}" if math.isnan(n) else f"{n:.0f}"
