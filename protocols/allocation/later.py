"""Animals that come later: a further cohort by minimisation on running totals, and substitutes."""

from collections.abc import Sequence

from protocols.allocation.balance import LATER, Check, Ledger, levels_of, paired_share
from protocols.allocation.blocks import check_candidates
from protocols.allocation.dice import Dice
from protocols.allocation.model import Candidate, Place, Scheme, cue_of, placed, side_of

CHANCE = 0.8
"""How often the level that balances best is taken; else one of the others by its weight."""


def minimise(
    scheme: Scheme,
    candidates: Sequence[Candidate],
    before: Sequence[tuple[Candidate, Place]],
    seed: str,
    cohort: int = 2,
    chance: float = CHANCE,
) -> tuple[tuple[Place, ...], tuple[Check, ...]]:
    """Places for a later cohort, in the candidates' order, and the constraints over all animals.

    The animals are taken in a drawn order; for each, factor after factor, the level with the least
    sum of squared differences (Pocock and Simon, weighted by rank) is taken with `chance`. Which
    time slot is a matter of room: it is never left to the chance. Raises ValueError as `allocate`
    does, and for an animal that has its place already.
    """
    check_candidates(scheme, candidates)
    known = {c.animal for c, _ in before}
    for candidate in candidates:
        if candidate.animal in known:
            raise ValueError(f"animal {candidate.animal} has its place already")
    if not 0.5 < chance <= 1:
        raise ValueError(f"chance {chance:g}: above 0.5, up to 1")
    dice = Dice(seed)
    candidates_before = [(c, levels_of(scheme, c, place)) for c, place in before]
    ledger = Ledger(scheme, candidates_before, LATER)
    done: list[tuple[Candidate, dict[str, str]]] = []
    for candidate in dice.shuffled(sorted(candidates, key=lambda c: c.animal)):
        levels: dict[str, str] = {"tie": dice.choose(scheme.sides)}
        for name, weights in scheme.factors().items():
            scores = {
                level: _imbalance(scheme, ledger, done, candidate, {**levels, name: level}, name)
                for level in weights
            }
            least = min(scores.values())
            best = [level for level, score in scores.items() if score <= least + 1e-9]
            level = dice.choose(best)
            rest = [one for one in weights for _ in range(weights[one]) if one not in best]
            if rest and name != "slot" and dice.share() >= chance:
                level = dice.choose(rest)
            levels[name] = level
        done.append((candidate, levels))
    places = {c.animal: placed(scheme, c, levels, cohort) for c, levels in done}
    full = [levels_of(scheme, c, places[c.animal]) for c in candidates]
    paired = [paired_share(scheme, c, one) for c, one in zip(candidates, full, strict=True)]
    checks = ledger.check(ledger.rows(candidates, full), paired)
    return tuple(places[c.animal] for c in candidates), checks


def _imbalance(
    scheme: Scheme,
    ledger: Ledger,
    done: Sequence[tuple[Candidate, dict[str, str]]],
    candidate: Candidate,
    levels: dict[str, str],
    name: str,
) -> float:
    """How uneven the tables of factor `name` would be with this animal at these levels."""
    own = dict(levels)
    if name in ("side", "pairing"):
        own["side"] = side_of(scheme, candidate, own)
        own["cue"] = cue_of(scheme, candidate, own["side"], own)
    elif "side" not in own and not {"side", "pairing"} & scheme.factors().keys():
        own["side"] = side_of(scheme, candidate, own)
    everyone = [*done, (candidate, own)]
    rows = ledger.rows([c for c, _ in everyone], [one for _, one in everyone])
    for row, (c, _) in zip(rows[:-1], everyone[:-1], strict=True):
        row["side"] = side_of(scheme, c, row)
        row["cue"] = cue_of(scheme, c, row["side"], {k: row[k] for k in scheme.factors()})
    total, ranks = 0.0, len(ledger.constraints)
    drawn = scheme.factors().keys()
    moved = {name} | ({"side", "cue"} if name in ("side", "pairing") else set())
    for rank, one in enumerate(ledger.constraints):
        used = {one.column, *one.rows}
        settled = not (used & drawn) - own.keys() and not used - rows[-1].keys()
        if not one.means and moved & used and settled:
            total += (ranks - rank) * ledger.squares(one, rows, len(rows) - 1)
    return total


def substitute(
    scheme: Scheme, candidate: Candidate, free: Sequence[tuple[Candidate, Place]], seed: str
) -> tuple[Place, int]:
    """The free place that a substitute takes, as its own, and which of `free` it is.

    `free` are the places of animals that left, with those animals. One of the same box and sex
    comes before one of the same box, that before any; among equals it is drawn. Where the pre-test
    decides the side (biased designs), the substitute's own does. Raises ValueError for none free.
    """
    if not free:
        raise ValueError(f"no place is free for animal {candidate.animal}")
    check_candidates(scheme, [candidate])
    dice = Dice(seed)
    fit = [(c.box == candidate.box) * 2 + (c.sex == candidate.sex) for c, _ in free]
    taken = dice.choose([k for k, worth in enumerate(fit) if worth == max(fit)])
    left = levels_of(scheme, *free[taken])
    drawn = {name: left[name] for name in scheme.factors()}
    drawn["tie"] = dice.choose(scheme.sides)
    return placed(scheme, candidate, drawn, free[taken][1].cohort), taken
