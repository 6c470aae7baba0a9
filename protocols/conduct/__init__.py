"""What was written before about things that go otherwise: attempts, exposure, weight. Pure."""

from protocols.conduct.attempts import Attempt, counting, is_valid
from protocols.conduct.exposed import Given, out_by
from protocols.conduct.loss import Loss, loss_of
from protocols.conduct.rules import (
    AttemptPlan,
    Counts,
    EndedEarly,
    ExposurePlan,
    HumanePlan,
    UnblindingPlan,
)

__all__ = [
    "Attempt",
    "AttemptPlan",
    "Counts",
    "EndedEarly",
    "ExposurePlan",
    "Given",
    "HumanePlan",
    "Loss",
    "UnblindingPlan",
    "counting",
    "is_valid",
    "loss_of",
    "out_by",
]
