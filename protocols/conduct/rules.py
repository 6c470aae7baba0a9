"""The rules as `study.toml` has them. Pure."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from rig.config import Strict


class Counts(StrEnum):
    """Which attempt of a session counts where there were several."""

    FIRST_VALID = "first_valid"
    LAST_VALID = "last_valid"
    NONE = "none"  # a session that was run twice counts not at all


class EndedEarly(StrEnum):
    """What becomes of a session that did not reach its end."""

    COUNTED = "counted"
    REPEATED = "repeated"
    WITHDRAWN = "withdrawn"  # and the animal with it


class Withdrawn(StrEnum):
    """What becomes of the tests of an animal that was withdrawn after its post-test."""

    COUNTED = "counted"  # who died later was not chosen by the result
    LEFT_OUT = "left_out"


class AttemptPlan(Strict):
    """Sessions that are repeated, ended early, or followed by the animal's withdrawal."""

    counts: Counts = Counts.FIRST_VALID
    ended_early: EndedEarly = EndedEarly.REPEATED
    withdrawn: Withdrawn = Withdrawn.COUNTED


class ExposurePlan(Strict):
    """From when on an animal is out by what it received; what is left out is not asked.

    `share_min`: of the planned conditioning time, 0 to 1. `wrong_min_max`: minutes of conditioning
    in a chamber that was not meant. `doses_amiss_max`: injections that were partial, leaked,
    repeated, outside their window, or with another session's label.
    """

    share_min: float | None = Field(None, gt=0, le=1)
    wrong_min_max: float | None = Field(None, ge=0)
    doses_amiss_max: int | None = Field(None, ge=0)


class HumanePlan(Strict):
    """Weight loss as a share of a reference weight: told from `warn` on, the end point at `max`."""

    weight_loss_max: float | None = Field(None, gt=0, lt=1)
    weight_loss_warn: float | None = Field(None, gt=0, lt=1)
    against: Literal["first", "highest"] = "first"


class UnblindingPlan(Strict):
    """Whether the whole key opens only once the analysis was locked."""

    lock_first: bool = False
