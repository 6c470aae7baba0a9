"""The shown claim on allocation: many seeds, constraints kept, nothing goes with the side.

`python -m tests.protocols.seeds [N]` (1,000) allocates 16 animals of both sexes in four cages and
two boxes by each seed. It counts seeds in which a constraint is not kept, and in which a side holds
more of a group, sex, cage or box than it has to; and over all seeds how often each animal was on
the left, given cocaine, and given it first: each alone is a coin. A chi-squared over animals beyond
its 0.9999 quantile, or an uneven seed, is exit code 1.
"""

import sys
from collections import Counter

from scipy.stats import chi2

from protocols.allocation import allocate
from tests.protocols.test_allocation import SCHEME, cohort


def main(seeds: int) -> int:
    """Print the figures; 0 where all hold."""
    animals = cohort()
    unmet = 0
    uneven: Counter[str] = Counter()
    drawn = {"left": Counter[str](), "cocaine": Counter[str](), "drug first": Counter[str]()}
    for seed in range(seeds):
        places, checks = allocate(SCHEME, animals, f"seed {seed}")
        unmet += any(not one.met for one in checks)
        on_left = [place.side == "left" for place in places]
        for factor in ("group", "sex", "cage", "box"):
            of = places if factor == "group" else animals
            level = [getattr(one, factor) for one in of]
            both = Counter(zip(level, on_left, strict=True))
            uneven[factor] += any(abs(both[k, True] - both[k, False]) > 1 for k in {*level})
        for place in places:
            drawn["left"][place.animal] += place.side == "left"
            drawn["cocaine"][place.animal] += place.group == "cocaine"
            drawn["drug first"][place.animal] += place.order == "drug_first"
    print(f"{seeds} seeds, {len(animals)} animals: a constraint not kept in {unmet}")
    for factor in ("group", "sex", "cage", "box"):
        print(f"side uneven by {factor}: {uneven[factor]} seeds")
    most = chi2.ppf(0.9999, len(animals))
    wrong = unmet + uneven.total()
    for what, count in drawn.items():
        counts = [count[one.animal] for one in animals]
        squared = sum((n - seeds / 2) ** 2 / (seeds / 4) for n in counts)
        wrong += squared > most
        share = f"{min(counts) / seeds:.3f} to {max(counts) / seeds:.3f} of the seeds"
        print(f"{what}: each animal in {share}; chi-squared {squared:.1f}, at most {most:.1f}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
