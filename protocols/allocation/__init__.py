"""Which animal is paired with what, in which group, order and time slot. Pure and seeded."""

from protocols.allocation.balance import Check, check, table
from protocols.allocation.blocks import allocate
from protocols.allocation.dice import Dice
from protocols.allocation.exclusion import Exclusion, Outcome, Rules, exclude
from protocols.allocation.freezing import ALGORITHM, freeze
from protocols.allocation.gate import BoxBias, Gate, Verdict, judge
from protocols.allocation.later import minimise, substitute
from protocols.allocation.model import Aim, Candidate, Design, Group, Place, Scheme

__all__ = [
    "ALGORITHM",
    "Aim",
    "BoxBias",
    "Candidate",
    "Check",
    "Design",
    "Dice",
    "Exclusion",
    "Gate",
    "Group",
    "Outcome",
    "Place",
    "Rules",
    "Scheme",
    "Verdict",
    "allocate",
    "check",
    "exclude",
    "freeze",
    "judge",
    "minimise",
    "substitute",
    "table",
]
