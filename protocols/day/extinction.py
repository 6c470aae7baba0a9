"""Whether an animal goes on with extinction, by the protocol's criterion. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from protocols.criteria import Extinction


class Outcome(StrEnum):
    """All that people who are blinded are told."""

    GOES_ON = "goes on"
    DONE = "done"
    NOT_ACQUIRED = "not acquired"


@dataclass(frozen=True)
class Judged:
    """`achieved`: the last value against the criterion; `extinguished`: False at the cap."""

    outcome: Outcome
    achieved: float
    extinguished: bool


def judge(
    block: Extinction, pretest_s: float, initial_s: float, tests_s: Sequence[float]
) -> Judged:
    """What follows from the tests so far: seconds in the paired chamber, one a cycle.

    `initial_s`: in the test before extinction. share_of_initial compares post-test less pre-test
    (science notes, 1.7). Raises ValueError without a test.
    """
    if not tests_s:
        raise ValueError("no test of extinction yet")
    initial = initial_s - pretest_s
    if block.criterion == "share_of_initial":
        if initial <= max(0.0, block.floor_s or 0.0):  # a share of nothing means nothing
            return Judged(Outcome.NOT_ACQUIRED, initial, False)
        values = [(paired - pretest_s) / initial for paired in tests_s]
        limit = block.share or 0.0
        met = [value <= limit for value in values]
    else:
        values = [abs(paired - pretest_s) for paired in tests_s]
        met = [value <= (block.within_s or 0.0) for value in values]
    enough = len(met) >= max(block.least, block.consecutive)
    if enough and all(met[-block.consecutive :]):
        return Judged(Outcome.DONE, values[-1], True)
    if len(met) >= block.most:
        return Judged(Outcome.DONE, values[-1], False)
    return Judged(Outcome.GOES_ON, values[-1], False)
