"""Who is out after the pre-test, by rules that were written before it."""

from collections.abc import Sequence
from dataclasses import dataclass

from protocols.allocation.model import Candidate


@dataclass(frozen=True)
class Rules:
    """Limits; None where a rule is not used. Shares are 0 to 1.

    `side_share_max`: of one side in the time on both. `side_difference_max_s`: between the sides.
    `neutral_share_max`: of the neutral chamber in the test. `entries_min`: into the two sides.
    `lost_share_max`: of lost time in the test. `distance_min_m`: gone in the test.
    `chamber_share_max`: of either side in the whole test; nor may it be below the rest to 1.
    """

    side_share_max: float | None = None
    side_difference_max_s: float | None = None
    neutral_share_max: float | None = None
    entries_min: int | None = None
    lost_share_max: float | None = None
    chamber_share_max: float | None = None
    distance_min_m: float | None = None

    def __post_init__(self) -> None:
        for name in ("neutral_share_max", "lost_share_max"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise ValueError(f"{name} {value:g}: above 0, up to 1")
        for name in ("side_share_max", "chamber_share_max"):
            share = getattr(self, name)
            if share is not None and not 0.5 < share <= 1:
                raise ValueError(f"{name} {share:g}: above 0.5, up to 1")


@dataclass(frozen=True)
class Outcome:
    """What rules ask of a pre-test beside the seconds on the sides."""

    candidate: Candidate
    neutral_s: float = 0.0
    entries: int | None = None
    lost_s: float = 0.0
    distance_m: float | None = None


@dataclass(frozen=True)
class Exclusion:
    """An animal that is out, by which rule, with the value and the limit."""

    animal: str
    rule: str
    value: float
    limit: float


def exclude(rules: Rules, outcomes: Sequence[Outcome]) -> tuple[Exclusion, ...]:
    """Every rule that an animal breaks, in the order of the animals.

    Raises ValueError where a rule asks for entries or a distance and an animal's are not known.
    """
    out = []
    for outcome in outcomes:
        c = outcome.candidate
        if rules.entries_min is not None and outcome.entries is None:
            raise ValueError(f"animal {c.animal}: the rule entries_min needs its entries")
        if rules.distance_min_m is not None and outcome.distance_m is None:
            raise ValueError(f"animal {c.animal}: the rule distance_min_m needs its distance")
        shares = [side_s / c.test_s for side_s in c.sides_s]
        broken = (
            ("side_share_max", max(c.share, 1 - c.share), rules.side_share_max),
            (
                "side_difference_max_s",
                abs(c.sides_s[0] - c.sides_s[1]),
                rules.side_difference_max_s,
            ),
            ("neutral_share_max", outcome.neutral_s / c.test_s, rules.neutral_share_max),
            ("lost_share_max", outcome.lost_s / c.test_s, rules.lost_share_max),
            (
                "chamber_share_max",
                max(max(shares), 1 - min(shares)),
                rules.chamber_share_max,
            ),
        )
        out += [
            Exclusion(c.animal, name, value, limit)
            for name, value, limit in broken
            if limit is not None and value > limit
        ]
        fewest = rules.entries_min
        if fewest is not None and outcome.entries is not None and outcome.entries < fewest:
            out.append(Exclusion(c.animal, "entries_min", outcome.entries, fewest))
        least, gone = rules.distance_min_m, outcome.distance_m
        if least is not None and gone is not None and gone < least:
            out.append(Exclusion(c.animal, "distance_min_m", gone, least))
    return tuple(out)
