"""Many allocations of one cohort: are the constraints always met, does anything go with the side?

python tests/accuracy/allocation.py --first 0 --seeds 1000

Twenty-four animals of both sexes in cages of four and three boxes, two groups. For each seed the
constraints are judged, and how far the groups' and sides' counts differ within each sex, cage and
box. Over the seeds each animal has to be a fair coin for side, group and order, and each pair of
cage mates and of box mates as often apart as balance asks. Exit code 1 where that is not so.
"""

import argparse
import math
import sys
from collections import Counter
from itertools import combinations

from protocols.allocation import Candidate, Dice, Group, Scheme, allocate

TEST_S = 1200.0
SCHEME = Scheme((Group("saline"), Group("cocaine")), ("left", "right"))
FACTORS = ("sex", "cage", "box", "group")


def cohort(n: int = 24) -> list[Candidate]:
    """The animals; their pre-tests lie between 38 and 62 %."""
    dice = Dice("the cohort")
    out = []
    for i in range(n):
        left_s = 1000 * (0.38 + 0.24 * dice.share())
        sex, cage, box = "FM"[(i // 4) % 2], f"C{i // 4}", f"box{i % 3}"
        out.append(Candidate(f"M{i:02d}", sex, cage, box, (left_s, 1000 - left_s), TEST_S))
    return out


def main() -> int:
    """Print the figures; 1 where a constraint failed or something is associated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1000)
    args = parser.parse_args()
    animals = cohort()
    coins: dict[str, Counter[str]] = {"side": Counter(), "group": Counter(), "order": Counter()}
    worst, failed = Counter[str](), Counter[str]()
    largest_v = Counter[str]()
    mates: Counter[str] = Counter()
    for seed in range(args.first, args.first + args.seeds):
        places, checks = allocate(SCHEME, animals, f"seed {seed}")
        failed.update(one.key for one in checks if not one.met)
        for animal, place in zip(animals, places, strict=True):
            coins["side"][animal.animal] += place.side == "left"
            coins["group"][animal.animal] += place.group == "cocaine"
            coins["order"][animal.animal] += place.order == "drug_first"
        for factor in FACTORS:
            rows: dict[str, Counter[str]] = {}
            for animal, place in zip(animals, places, strict=True):
                level = place.group if factor == "group" else getattr(animal, factor)
                rows.setdefault(level, Counter())[place.side] += 1
            off = max(abs(row["left"] - row["right"]) for row in rows.values())
            worst[factor] = max(worst[factor], off)
            chi = sum((row["left"] - row["right"]) ** 2 / row.total() for row in rows.values())
            largest_v[factor] = max(largest_v[factor], chi)
        for (a, p), (b, q) in combinations(zip(animals, places, strict=True), 2):
            if a.cage == b.cage:
                mates["apart"] += p.side != q.side
                mates["pairs"] += 1
    n = args.seeds
    print(f"{n} seeds from {args.first}, {len(animals)} animals")
    print("constraints that were not met:", dict(failed) or "none")
    for factor in FACTORS:
        print(
            f"side within {factor}: counts differ by {worst[factor]} at most, "
            f"largest chi-squared of a seed {largest_v[factor]:.2f}"
        )
    bad = bool(failed)
    for name, counts in coins.items():
        squares = sum((counts[a.animal] - n / 2) ** 2 / (n / 4) for a in animals)
        far = max(abs(counts[a.animal] - n / 2) for a in animals) / math.sqrt(n / 4)
        # 24 coins: chi-squared has a mean of 24 and a 0.9999 quantile of 59.
        print(f"{name}: each animal's share over the seeds: chi-squared {squares:.1f} of about")
        print(f"    {len(animals)}, farthest animal {far:.1f} standard deviations from one half")
        bad |= squares > 59 or far > 4.5
    share = mates["apart"] / mates["pairs"]
    print(f"cage mates are paired with different sides in {100 * share:.1f} % (2 of 4: 66.7 %)")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
