"""Each group's scores in sum. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from protocols.scores import NAMES, Scored
from protocols.statistics.effects import Floats, interval, mean


@dataclass(frozen=True, slots=True)
class Summed:
    """A score over the animals that have it; NaN for what too few animals cannot tell.

    `low` and `high` are the bootstrap's 95 % interval of the mean.
    """

    n: int
    mean: float
    sd: float
    sem: float
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class GroupScores:
    """A group (None: the table names none), its animals, and each score by name."""

    group: str | None
    subjects: tuple[str, ...]
    scores: Mapping[str, Summed]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "group": self.group,
            "n": len(self.subjects),
            "subjects": list(self.subjects),
            "scores": {name: asdict(summed) for name, summed in self.scores.items()},
        }


def groups_of(scored: Sequence[Scored]) -> dict[str | None, list[Scored]]:
    """The animals by group, groups in the order in which they first come."""
    groups: dict[str | None, list[Scored]] = {}
    for one in scored:
        groups.setdefault(one.group, []).append(one)
    return groups


def values_of(scored: Sequence[Scored], score: str) -> Floats:
    """One score of each animal that has it."""
    values = np.array([getattr(one.scores, score) for one in scored], dtype=np.float64)
    return values[~np.isnan(values)]


def group_scores(scored: Sequence[Scored]) -> list[GroupScores]:
    """All groups, in the order in which they first come."""
    return [
        GroupScores(
            group,
            tuple(one.subject for one in animals),
            {name: _summed(values_of(animals, name)) for name in NAMES},
        )
        for group, animals in groups_of(scored).items()
    ]


def _summed(values: Floats) -> Summed:
    n = len(values)
    sd = float(np.std(values, ddof=1)) if n > 1 else math.nan
    return Summed(
        n,
        float(values.mean()) if n else math.nan,
        sd,
        sd / math.sqrt(n) if n else math.nan,
        float(np.median(values)) if n else math.nan,
        *(interval([values], mean) if n else (math.nan, math.nan)),
    )
