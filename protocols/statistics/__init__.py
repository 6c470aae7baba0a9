"""What the scores of many animals say: groups, tests with their sentences, power. Deterministic."""

from protocols.statistics.groups import GroupScores, group_scores
from protocols.statistics.nulls import NULLS
from protocols.statistics.power import Planned, plan_next
from protocols.statistics.questions import PRIMARY, all_tests
from protocols.statistics.result import Result, Role

__all__ = [
    "NULLS",
    "PRIMARY",
    "GroupScores",
    "Planned",
    "Result",
    "Role",
    "all_tests",
    "group_scores",
    "plan_next",
]
