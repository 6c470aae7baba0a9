"""What is drawn for an animal, by its weight and its label's ml/kg alone. Pure.

Guards are those of the science notes, section 4.3. Times are seconds of one clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WEIGHT_G = {"mouse": (15.0, 50.0), "rat": (100.0, 800.0)}
USUAL_ML_PER_KG, MOST_ML_PER_KG = 10.0, 20.0
OLDEST_S = 7 * 86400.0
ODD_SHARE = 0.10
"""A weight that differs by more from the one before it is looked at again."""


@dataclass(frozen=True)
class Weighed:
    """A weight in g and when it was taken."""

    at_s: float
    weight_g: float


@dataclass(frozen=True)
class Volume:
    """Millilitres as drawn, or None where none may be; what is wrong, a line each.

    `asks` has to be looked at first, `refused` is not done at all.
    """

    ml: float | None
    weight_g: float | None
    asks: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def drawn(
    ml_per_kg: float,
    weights: Sequence[Weighed],
    now_s: float,
    *,
    species: str = "mouse",
    step_ml: float = 0.01,
    age_h: float = 24.0,
) -> Volume:
    """The volume for an animal with these weights, oldest first, rounded to the syringe's step.

    One that is taken later than `now_s` does not count.
    """
    weights = [one for one in weights if one.at_s <= now_s + 60]
    if not weights:
        return Volume(None, None, refused=("it was never weighed",))
    last = weights[-1]
    asks, refused = [], []
    age_s = now_s - last.at_s
    if age_s > OLDEST_S:
        refused.append(f"its weight is {age_s / 86400:.0f} days old: weigh it")
    elif age_s > age_h * 3600:
        asks.append(f"its weight is {age_s / 3600:.0f} h old")
    low, high = WEIGHT_G.get(species, (1.0, 100_000.0))
    if not low <= last.weight_g <= high:
        asks.append(f"{last.weight_g:g} g is odd for a {species} ({low:g} to {high:g} g)")
    if len(weights) > 1:
        change = last.weight_g / weights[-2].weight_g - 1
        if abs(change) > ODD_SHARE:
            asks.append(f"its weight changed by {change:+.0%} since the one before")
    if ml_per_kg > MOST_ML_PER_KG:
        refused.append(f"{ml_per_kg:g} ml/kg is above {MOST_ML_PER_KG:g}")
    elif ml_per_kg > USUAL_ML_PER_KG:
        asks.append(f"{ml_per_kg:g} ml/kg is above the usual {USUAL_ML_PER_KG:g}")
    exact = ml_per_kg * last.weight_g / 1000
    ml = round(round(exact / step_ml) * step_ml, 6)
    if ml <= 0:
        refused.append(f"{exact:.4f} ml is less than half a step of the syringe ({step_ml:g} ml)")
    elif abs(ml / exact - 1) > 0.05:
        asks.append(f"rounding to {ml:g} ml is off by {ml / exact - 1:+.0%}: a finer syringe")
    return Volume(None if refused else ml, last.weight_g, tuple(asks), tuple(refused))
