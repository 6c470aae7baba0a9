"""Rules written before the data: extinction, exclusion, the score and what counts as in. Pure."""

from typing import Literal, Self

from pydantic import Field, model_validator

from rig.config import Strict

MOST_CYCLES = 365
"""Each is a session or two of an animal; all that there may be are looked at one by one."""


class Extinction(Strict, allow_inf_nan=False):
    """Phases that are repeated until the animal's criterion: one cycle, as its first is named.

    share_of_initial: the score at most `share` of the first one; an animal whose first score is
    at most `floor_s` did not acquire. near_pretest: the paired time within `within_s` of the
    pre-test's. `consecutive` tests have to fulfil it. After `most` cycles without: not
    extinguished. Those who are done wait, are maintained by further cycles, or go on.
    """

    method: Literal["saline_both", "free", "confined"]
    cycle: tuple[str, ...] = Field(min_length=1)
    test: str
    criterion: Literal["share_of_initial", "near_pretest"]
    share: float | None = Field(None, ge=0, lt=1)
    floor_s: float | None = None
    within_s: float | None = Field(None, gt=0)
    consecutive: int = Field(1, ge=1, le=MOST_CYCLES)
    least: int = Field(1, ge=1, le=MOST_CYCLES)
    most: int = Field(ge=1, le=MOST_CYCLES)
    every_days: int = Field(1, ge=1, le=365)
    then: Literal["wait", "maintain", "go_on"] = "go_on"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.test not in self.cycle:
            raise ValueError(f"test {self.test!r}: not one of the cycle's phases")
        said = self.model_fields_set
        if self.criterion == "share_of_initial" and not {"share", "floor_s"} <= said:
            raise ValueError("share_of_initial has share = ... and floor_s = ...")
        if self.criterion == "near_pretest" and "within_s" not in said:
            raise ValueError("near_pretest has within_s = ...")
        if self.least > self.most:
            raise ValueError(f"least = {self.least} is more than most = {self.most}")
        return self


class Exclusion(Strict, allow_inf_nan=False):
    """A rule written before the data: an animal beyond `limit` is out.

    Out of everything, or from a phase on.
    """

    by: Literal[
        "side_share",  # larger side's share of the time in both sides, above
        "side_difference_s",  # between the sides, above
        "chamber_share_range",  # any chamber's share of the session above limit or below 1 - limit
        "neutral_share",  # of the session, above
        "side_entries",  # into both sides, below
        "distance_m",  # below
        "lost_share",  # frames not tracked, above
        "not_acquired",  # first score at most the floor of extinction
        "not_extinguished",
        "wrong_treatment",
        "wrong_side",
        "door_fault",
        "escape",
    ]
    phase: str = ""  # "" for rules of the whole study
    limit: float | None = None
    from_phase: str = ""  # "": out of everything

    @model_validator(mode="after")
    def _limit(self) -> Self:
        measured = self.by.endswith(("share", "_s", "_m", "range", "entries"))
        if measured != (self.limit is not None):
            raise ValueError(f"{self.by}: limit is {'missing' if measured else 'not wanted'}")
        if measured and not self.phase:
            raise ValueError(f"{self.by}: phase is missing")
        return self


class Entry(Strict, allow_inf_nan=False):
    """When the animal counts as in a chamber; the study writes it into each apparatus."""

    point: Literal["centroid", "nose", "body"] = "centroid"
    body_fraction: float = Field(0.8, gt=0, le=1)
    hysteresis_cm: float = Field(1.0, ge=0)
    min_dwell_s: float = Field(0.2, ge=0)


class Scoring(Strict, allow_inf_nan=False):
    """What is scored, decided before the data. The window counts from the start of scoring."""

    primary: Literal[
        "cpp_score_s",
        "paired_minus_unpaired_s",
        "delta_difference_s",
        "preference_index",
        "preference_ratio",
        "preference_ratio_change",
        "percent_of_session",
        "split_neutral_s",
        "normalised",
        "log_ratio",
        "log_ratio_change",
        "rate_paired_s_per_min",
        "ancova_residual",
    ] = "cpp_score_s"
    from_s: float = Field(0.0, ge=0)
    to_s: float | None = Field(None, gt=0)  # None: the end of the test
    entry: Entry = Entry()
