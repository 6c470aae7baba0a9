"""Whether what an animal received puts it out, by a rule written before. Pure."""

from typing import NamedTuple

from protocols.conduct.rules import ExposurePlan


class Given(NamedTuple):
    """An animal's conditioning so far: minutes that were due, that it had, and that were wrong."""

    due_min: float
    had_min: float
    wrong_min: float
    doses_amiss: int


class Out(NamedTuple):
    """A rule that puts an animal out, with what was found and the limit."""

    rule: str
    value: float
    limit: float


def out_by(plan: ExposurePlan, given: Given) -> tuple[Out, ...]:
    """The rules that put an animal out; none where nothing was due yet."""
    found = []
    share = given.had_min / given.due_min if given.due_min > 0 else 1.0
    if plan.share_min is not None and share < plan.share_min:
        found.append(Out("exposure_share", share, plan.share_min))
    if plan.wrong_min_max is not None and given.wrong_min > plan.wrong_min_max:
        found.append(Out("wrong_chamber_min", given.wrong_min, plan.wrong_min_max))
    if plan.doses_amiss_max is not None and given.doses_amiss > plan.doses_amiss_max:
        found.append(Out("doses_amiss", given.doses_amiss, plan.doses_amiss_max))
    return tuple(found)
