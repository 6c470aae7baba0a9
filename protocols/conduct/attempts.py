"""Which attempt of a session counts. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from protocols.conduct.rules import AttemptPlan, Counts, EndedEarly

ENDED = ("done", "aborted", "failed")


class Attempt(NamedTuple):
    """One run of a session; `ended_as`: what was said of it afterwards, "" for nothing."""

    uid: str
    number: int
    status: str
    ended_as: str = ""


def is_valid(plan: AttemptPlan, one: Attempt) -> bool:
    """Whether it may count: run to its end or counted all the same, and not taken back."""
    if one.ended_as:
        return one.ended_as == EndedEarly.COUNTED
    if one.status in ("aborted", "failed"):
        return plan.ended_early is EndedEarly.COUNTED
    return one.status == "done"


def counting(plan: AttemptPlan, attempts: Sequence[Attempt]) -> str:
    """The uid of the attempt that counts, by the rule written before; "" where none does."""
    run = sorted((one for one in attempts if one.status in ENDED), key=lambda one: one.number)
    if plan.counts is Counts.NONE and len(run) > 1:
        return ""
    valid = [one.uid for one in run if is_valid(plan, one)]
    if not valid:
        return ""
    return valid[-1] if plan.counts is Counts.LAST_VALID else valid[0]
