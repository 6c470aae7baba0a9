"""A cohort allocated at once: permuted blocks of like animals, then swaps until all is balanced.

Blocks of groups times sides are cut from the animals in the order of sex, box, cage and pre-test
share. Blocks alone leave cages and slots to chance, so levels are then swapped between animals
drawn at random, ever more strictly such that the constraints come nearer (annealing). Neither
looks at the name of a level, so each animal is as likely on the one side as on the other.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import product

from protocols.allocation.balance import Check, Ledger, paired_share
from protocols.allocation.dice import Dice
from protocols.allocation.model import Candidate, Place, Scheme, cue_of, placed, side_of
from protocols.allocation.tallies import Tallies

_MOVES = 150
"""An animal and start."""
_STARTS = 16
"""What none of these keeps is told as not kept."""
_WARM, _COLD, _STEEP = 2.0, 0.05, 1.12
"""Annealing: the first and last temperature, and how much more each constraint weighs than the
next in the order in which they yield."""


def allocate(
    scheme: Scheme, candidates: Sequence[Candidate], seed: str, cohort: int = 1
) -> tuple[tuple[Place, ...], tuple[Check, ...]]:
    """A place for each candidate, in their order, and how far each constraint was kept.

    The same seed, scheme and animals give the same places, whatever the order of the animals.
    Raises ValueError for an animal given twice, a pre-test without time, or an unknown cue set.
    """
    check_candidates(scheme, candidates)
    ordered = sorted(candidates, key=lambda c: c.animal)
    dice = Dice(seed)
    best: tuple[list[float], list[dict[str, str]]] | None = None
    for _ in range(_STARTS):
        tried = _Arrangement(scheme, ordered, dice)
        tried.anneal(dice)
        if best is None or tried.off < best[0]:  # in order: what yields last decides first
            best = list(tried.off), tried.levels
        if not any(best[0]):
            break
    assert best is not None
    drawn = [*scheme.factors(), "tie"]
    places = {
        c.animal: placed(scheme, c, {name: one[name] for name in drawn}, cohort)
        for c, one in zip(ordered, best[1], strict=True)
    }
    ledger = Ledger(scheme)
    paired = [paired_share(scheme, c, one) for c, one in zip(ordered, best[1], strict=True)]
    checks = ledger.check(ledger.rows(ordered, best[1]), paired)
    return tuple(places[c.animal] for c in candidates), checks


def check_candidates(scheme: Scheme, candidates: Sequence[Candidate]) -> None:
    """Raise ValueError for candidates that cannot be allocated under this scheme."""
    names: set[str] = set()
    for c in candidates:
        if c.animal in names:
            raise ValueError(f"animal {c.animal} stands twice")
        names.add(c.animal)
        if not c.test_s > 0 or min(c.sides_s) < 0 or not sum(c.sides_s) <= c.test_s * (1 + 1e-6):
            raise ValueError(
                f"animal {c.animal}: {c.sides_s[0]:g} s and {c.sides_s[1]:g} s on the two sides "
                f"of a pre-test of {c.test_s:g} s"
            )
        if scheme.cues and c.first_cue not in ("", *scheme.cues):
            raise ValueError(f"animal {c.animal}: cue set {c.first_cue!r} is not of this study")
        if scheme.cues and not scheme.cues_move and not c.first_cue:
            raise ValueError(f"animal {c.animal}: which cue set lay where at its pre-test?")


class _Arrangement:
    """Levels of all animals while they are swapped."""

    def __init__(self, scheme: Scheme, candidates: Sequence[Candidate], dice: Dice) -> None:
        self._scheme, self._candidates = scheme, candidates
        self._factors = {name: list(levels) for name, levels in scheme.factors().items()}
        self.levels = _blocked(scheme, candidates, dice)
        for candidate, levels in zip(candidates, self.levels, strict=True):
            levels["tie"] = dice.choose(scheme.sides)
            self._derive(candidate, levels)
        rows = Ledger(scheme).rows(candidates, self.levels)
        self._tallies = Tallies(scheme, candidates, rows)

    @property
    def off(self) -> list[float]:
        """How far each constraint is from being kept, in their order; 0 where it is."""
        return self._tallies.off

    def _derive(self, candidate: Candidate, levels: dict[str, str]) -> None:
        drawn = {k: levels[k] for k in (*self._factors, "tie")}
        levels["side"] = side_of(self._scheme, candidate, drawn)
        levels["cue"] = cue_of(self._scheme, candidate, levels["side"], drawn)

    def anneal(self, dice: Dice) -> None:
        """Swap until all is kept or the moves are used up."""
        n, names, off = len(self._candidates), list(self._factors), self._tallies.off
        if n < 2 or not names:
            return
        weights = [_STEEP ** (len(off) - k - 1) for k in range(len(off))]
        energy = sum(w * o for w, o in zip(weights, off, strict=True))
        moves = _MOVES * n
        for move in range(moves):
            if not any(off):
                return
            warmth = _WARM * (_COLD / _WARM) ** (move / moves)
            name, i, j = self._proposed(dice, names, n)
            old = self.levels[i][name], self.levels[j][name]
            new = old[1], old[0]
            if i == j:  # one alone changes, where a total is off
                level = dice.choose(self._factors[name])
                new = level, level
            if new == old:
                continue
            self._change(i, j, name, new)
            now = sum(w * o for w, o in zip(weights, off, strict=True))
            if now <= energy or dice.share() < math.exp((energy - now) / warmth):
                energy = now
            else:
                self._change(i, j, name, old)

    def _proposed(self, dice: Dice, names: Sequence[str], n: int) -> tuple[str, int, int]:
        """A factor, and two animals to swap its levels: mostly where a constraint is not kept."""
        j = dice.below(n)
        if dice.below(4) > 0:
            off = self._tallies.off
            k = dice.choose([k for k, away in enumerate(off) if away])
            parts = self._tallies.parts(k)
            moving = [name for name in names if name in parts]
            if moving:
                return dice.choose(moving), dice.choose(self._tallies.suspects(k)), j
        return dice.choose(names), dice.below(n), j

    def _change(self, i: int, j: int, name: str, levels: tuple[str, str]) -> None:
        if i != j and name in ("group", "order", "slot"):
            self._tallies.swap(i, j, name)
            self.levels[i][name], self.levels[j][name] = levels
        else:
            self._put(i, name, levels[0])
            self._put(j, name, levels[1])

    def _put(self, i: int, name: str, level: str) -> None:
        levels = self.levels[i]
        before = levels["side"], levels["cue"]
        levels[name] = level
        self._tallies.put(i, name, level)
        if name not in ("group", "order", "slot"):
            self._derive(self._candidates[i], levels)
            for derived, was in zip(("side", "cue"), before, strict=True):
                if levels[derived] != was and derived != name:
                    self._tallies.put(i, derived, levels[derived])


def _blocked(scheme: Scheme, candidates: Sequence[Candidate], dice: Dice) -> list[dict[str, str]]:
    """Levels by permuted blocks, for each candidate in order."""
    factors = scheme.factors()
    cell_names: list[str] = [name for name in ("group", "side", "pairing") if name in factors]
    weighted = [
        [level for level, weight in factors[name].items() for _ in range(weight)]
        for name in cell_names
    ]
    block = [dict(zip(cell_names, cell, strict=True)) for cell in product(*weighted)]
    ties = dice.shuffled(range(len(candidates)))
    alike = sorted(
        range(len(candidates)),
        key=lambda i: (*_stratum(candidates[i]), candidates[i].share, ties[i]),
    )
    out: list[dict[str, str]] = [{} for _ in candidates]
    for start in range(0, len(alike), len(block)):
        cells = dice.shuffled(block)
        for i, cell in zip(alike[start : start + len(block)], cells, strict=False):
            out[i] |= cell
    for name, levels in factors.items():  # the others within those cells, turn about
        if name not in cell_names:
            _deal(name, list(levels), out, dice)
    return out


def _stratum(candidate: Candidate) -> tuple[str, str, str]:
    return candidate.sex, candidate.box, candidate.cage


def _deal(name: str, levels: Sequence[str], out: Sequence[dict[str, str]], dice: Dice) -> None:
    cells: dict[tuple[str, ...], list[int]] = {}
    for i, one in enumerate(out):
        cells.setdefault(_cell(one), []).append(i)
    turn = dice.shuffled(levels)
    k = 0
    for key in dice.shuffled(sorted(cells)):
        for i in dice.shuffled(cells[key]):
            out[i][name] = turn[k % len(turn)]
            k += 1


def _cell(levels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(levels.get(name, "") for name in ("group", "side", "pairing"))
