"""The study's part of a protocol: phases with their days, what is given to whom, the rules. Pure.

A protocol file says it with parameters and slots; `protocols.protocol.course_of` puts the values
in and gives a `Course`. Who is in which group, and which animal has which order, is the study's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from protocols.criteria import Exclusion, Extinction, Scoring
from protocols.cues import Layout
from rig.config import Strict

Value = bool | int | float | str


class Kind(StrEnum):
    """What a phase is for. A kind is open to everybody: it is the same for every animal."""

    ACCLIMATION = "acclimation"
    HANDLING = "handling"
    HABITUATION = "habituation"
    PRETEST = "pretest"
    TREATMENT_ONLY = "treatment_only"  # outside the box
    STRESS = "stress"
    CONDITIONING = "conditioning"
    HOMECAGE_CONDITIONING = "homecage_conditioning"
    WASHOUT = "washout"
    POSTTEST = "posttest"
    EXTINCTION = "extinction"
    EXTINCTION_TEST = "extinction_test"
    PRIME = "prime"
    REINSTATEMENT_TEST = "reinstatement_test"
    ABSTINENCE = "abstinence"
    STATE_TEST = "state_test"
    RTPP = "rtpp"
    CONTROL = "control"


VARIANTS: Mapping[Kind, tuple[str, ...]] = {
    Kind.STRESS: ("swim", "defeat", "shock", "restraint", "cms"),
    Kind.CONDITIONING: ("paired", "unpaired"),
    Kind.EXTINCTION: ("confined", "free"),
    Kind.RTPP: ("baseline", "stim", "reversal", "laser_off_test"),
}
TESTS = (Kind.POSTTEST, Kind.EXTINCTION_TEST, Kind.REINSTATEMENT_TEST, Kind.STATE_TEST)
"""Kinds that are compared with the pre-test, and so are as long as it."""
OUTSIDE = (
    Kind.ACCLIMATION,
    Kind.HANDLING,
    Kind.TREATMENT_ONLY,
    Kind.STRESS,
    Kind.CONDITIONING,  # odour-paired stress: no conditioning in the box
    Kind.HOMECAGE_CONDITIONING,
    Kind.WASHOUT,
    Kind.PRIME,
    Kind.ABSTINENCE,
    Kind.CONTROL,
)
"""Kinds that may take place without a session in a box."""


class Design(StrEnum):
    """How the paired side follows from the pre-test."""

    UNBIASED = "unbiased"  # random in blocks, stratified
    BIASED = "biased"  # preference: the less preferred side; aversion: the more preferred one
    FORCED = "forced"  # the same side for all; asks for a typed justification
    COUNTERBALANCED_BIASED = "counterbalanced_biased"  # half the animals each
    REFERENCE_DOSE = "reference_dose"  # drug on both sides, different doses
    NONE = "none"  # nothing is paired


class Weekend(StrEnum):
    """What closed days between two days of the protocol do."""

    ALLOWED = "allowed"  # they may lie between, and are not counted
    COUNTED = "counted"  # they count as days; a phase due on one of them does not fit
    FORBIDDEN = "forbidden"  # days that follow each other here follow each other there


class Balance(StrEnum):
    """What allocation keeps equal between groups."""

    SIDE = "side"
    CUE_SET = "cue_set"
    ORDER = "order"
    TIME_SLOT = "time_slot"
    BOX = "box"
    SEX = "sex"
    CAGE = "cage"


Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


class Study(Strict, allow_inf_nan=False):
    """The design.

    `rotate`: parameters whose values are exchanged between animals, in balanced orders (two of
    them: either order; more: a Latin square). `working_h`: all that one animal's day holds has to
    fit into so many hours. `closed`: days on which nobody comes, where a study says no other.
    """

    design: Design
    direction: Literal["preference", "aversion"] = "preference"
    balance: tuple[Balance, ...] = (Balance.SIDE, Balance.BOX, Balance.SEX, Balance.CAGE)
    rotate: tuple[tuple[str, ...], ...] = ()
    weekend: Weekend = Weekend.ALLOWED
    working_h: float = Field(12.0, gt=0, le=24)
    closed: tuple[Weekday, ...] = ("Saturday", "Sunday")
    note: str = ""


class Means(StrEnum):
    """How a treatment is done."""

    INJECTION = "injection"
    INFUSION = "infusion"  # through a cannula
    SWIM = "swim"
    DEFEAT = "defeat"
    FOOTSHOCK = "footshock"
    RESTRAINT = "restraint"
    ODOUR = "odour"  # an odour alone, outside the box
    COMPANY = "company"  # with cage mates or a partner
    ISOLATION = "isolation"
    FOOD = "food"
    HANDLING = "handling"  # the sham of a stressor: same transport, cage change and timing
    NOTHING = "nothing"


class Treatment(Strict, allow_inf_nan=False):
    """One thing that is done to an animal. `times` of `lasts_s` each, `apart_s` between them.

    A blank that stands in the file is not decided yet; one that does not is missing. `interval_s`
    and its window are the treatment's own time to what comes next, where the procedure has none.
    """

    means: Means
    drug: str = ""
    dose_mg_per_kg: float | None = Field(None, ge=0)
    dose_as: Literal["salt", "base", "substance"] | None = None
    route: Literal["s.c.", "i.p.", "i.v.", "oral", "i.c.v.", "intracranial"] | None = None
    ml_per_kg: float | None = Field(None, gt=0)
    site: str = ""
    volume_ul: float | None = Field(None, gt=0)
    ul_per_min: float | None = Field(None, gt=0)
    diffusion_s: float | None = Field(None, ge=0)
    times: int = Field(1, ge=1)
    lasts_s: float | None = Field(0.0, ge=0)
    apart_s: float = Field(0.0, ge=0)
    interval_s: float | None = Field(None, ge=0)
    early_s: float | None = Field(None, ge=0)
    late_s: float | None = Field(None, ge=0)
    water_c: float | None = None
    water_within_c: float | None = Field(None, ge=0)
    shock_ma: float | None = Field(None, gt=0)
    shock_s: float | None = Field(None, gt=0)
    shock_every_s: tuple[float | None, float | None] | None = None  # shortest, longest time between
    odour: str = ""
    text: str = ""  # told to the person who does it

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wanted: tuple[str, ...] = {
            Means.INJECTION: ("drug", "dose_mg_per_kg", "route", "ml_per_kg"),
            Means.INFUSION: ("drug", "route", "site", "volume_ul", "ul_per_min", "diffusion_s"),
            Means.SWIM: ("lasts_s", "water_c", "water_within_c"),
            Means.DEFEAT: ("lasts_s",),
            Means.RESTRAINT: ("lasts_s",),
            Means.FOOTSHOCK: ("lasts_s", "shock_ma", "shock_s", "shock_every_s"),
        }.get(self.means, ())
        for name in wanted:
            if name not in self.model_fields_set:
                raise ValueError(f"{self.means}: {name} is missing")
        if self.means is Means.INJECTION and self.dose_mg_per_kg != 0 and self.dose_as is None:
            message = (
                'a dose is of the salt, the base or the substance itself: dose_as = "salt" ...'
            )
            raise ValueError(message)
        return self

    @property
    def total_s(self) -> float:
        """How long it takes, from the first start to the last end; 0 where it is not decided."""
        return self.times * (self.lasts_s or 0) + (self.times - 1) * self.apart_s


class Group(Strict):
    """Animals that are treated alike: which treatment stands for each slot.

    A slot's treatment may differ between the sessions in the paired and the unpaired context.
    `share`: animals of this group to those of the others. `set`: parameters that are this
    group's own.
    """

    share: int = Field(1, ge=1)
    control: bool = False
    gives: dict[str, str | dict[Literal["paired", "unpaired"], str]] = {}
    set: dict[str, Value] = {}


class CueSet(Strict, allow_inf_nan=False):
    """What makes one context: it, not a side, is what is paired."""

    floor: str = ""
    wall: str = ""
    odour: str = ""
    odour_ul: float | None = Field(None, gt=0)
    purge_s: float | None = Field(None, ge=0)  # air is changed so long before the next animal
    light: str = ""

    @model_validator(mode="after")
    def _odour(self) -> Self:
        if self.odour and not {"odour_ul", "purge_s"} <= self.model_fields_set:
            raise ValueError("an odour has its amount and purge time: odour_ul and purge_s")
        return self

    def words(self) -> dict[str, str]:
        """The cues that there are, as a session's plan has them."""
        told = {"floor": self.floor, "wall": self.wall, "odour": self.odour, "light": self.light}
        return {name: cue for name, cue in told.items() if cue}


class Procedure(Strict, allow_inf_nan=False):
    """Something done outside the tracking, ticked off with its time.

    `give` is a slot of the groups, or a treatment. Its end is `interval_s` before the next
    procedure, the placement, or the placement of the phase that `to` names; the window is open
    from `early_s` before to `late_s` after that. Blank: not decided yet; none of the three stands
    there: the treatment's own. `during`: while the
    animal is in the box. `after`: `interval_s` after it was taken out. Not `blind`: who does it
    sees what it is, and so neither tests nor scores this animal.
    """

    give: str
    when: Literal["before", "during", "after"] = "before"
    to: str = "next"
    interval_s: float | None = Field(None, ge=0)
    early_s: float | None = Field(None, ge=0)
    late_s: float | None = Field(None, ge=0)
    blind: bool = True
    text: str = ""


NUMBERED = re.compile(r"([a-z]+)([0-9]+)([a-z]*)")
INTERVAL = {"interval_s", "early_s", "late_s"}


@dataclass(frozen=True, slots=True)
class Window:
    """Seconds to what comes next, and how much less or more is right. None: not decided yet."""

    interval_s: float | None
    early_s: float | None
    late_s: float | None


LONGEST_DAYS = 3650
"""No animal lives longer; each day of a course is looked at one by one."""


class PhasePlan(Strict, allow_inf_nan=False):
    """One phase in the study. `day` counts from 1, or the phase is `days` after another one.

    `early_days`, `late_days`: how far the day may be off. `gap_s`: least time from the end of the
    phase before on the same day. `context`: the cue set it takes place in. `layout`: where the cue
    sets are: in their usual chambers, swapped, or the one of the context everywhere. `lasts_s`:
    of a phase outside the box; a session's length follows from its steps.
    """

    name: str
    kind: Kind
    variant: str = ""
    in_box: bool
    day: int | None = Field(None, ge=1, le=LONGEST_DAYS)
    after: str = ""
    days: float | None = Field(None, ge=0, le=LONGEST_DAYS)
    early_days: float = Field(0.0, ge=0, le=LONGEST_DAYS)
    late_days: float = Field(0.0, ge=0, le=LONGEST_DAYS)
    weekend: Weekend | None = None
    gap_s: float = Field(0.0, ge=0)
    context: Literal["paired", "unpaired"] | None = None
    layout: Layout = "usual"
    blind: bool = True
    lasts_s: float = Field(0.0, ge=0)
    procedure: tuple[Procedure, ...] = ()

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if (self.day is None) == (not self.after):
            raise ValueError("a phase has either day = N or after = PHASE with days = N")
        if self.after and self.days is None:
            raise ValueError("days is missing: how many days after")
        if self.variant and self.variant not in VARIANTS.get(self.kind, ()):
            have = ", ".join(VARIANTS.get(self.kind, ())) or "none"
            raise ValueError(f"variant {self.variant!r}: {self.kind} has {have}")
        if not self.in_box and self.kind not in OUTSIDE:
            raise ValueError(f"steps are missing: {self.kind} takes place in the box")
        return self


class Course(Strict):
    """All of a protocol that a study needs, with the values of its parameters put in."""

    protocol: str
    version: int
    source: str
    study: Study
    treatment: dict[str, Treatment] = {}
    group: dict[str, Group] = Field(min_length=1)
    cue_set: dict[str, CueSet] = {}
    phase: tuple[PhasePlan, ...] = Field(min_length=1)
    extinction: tuple[Extinction, ...] = ()
    exclusion: tuple[Exclusion, ...] = ()
    score: Scoring = Scoring()
    undecided: tuple[str, ...] = ()

    def phase_named(self, name: str) -> PhasePlan | None:
        """The phase of this name, or None."""
        return next((phase for phase in self.phase if phase.name == name), None)

    def given(self, group: str, phase: PhasePlan, procedure: Procedure) -> Treatment | None:
        """What a procedure of a phase is for an animal of a group; None where nothing says."""
        meant = self.group[group].gives.get(procedure.give, procedure.give)
        if isinstance(meant, dict):
            meant = meant.get(phase.context, "") if phase.context else ""
        return self.treatment.get(meant)

    def window(self, group: str, phase: PhasePlan, procedure: Procedure) -> Window:
        """The time from a procedure's end to what comes next: its own, or its treatment's."""
        said = procedure if INTERVAL & procedure.model_fields_set else None
        source = said or self.given(group, phase, procedure) or procedure
        return Window(source.interval_s, source.early_s, source.late_s)

    def used(self) -> dict[str, Treatment]:
        """The treatments that some animal gets in some phase, by name, in order of the file."""
        found = [
            self.given(group, phase, procedure)
            for group in self.group
            for phase in self.phase
            for procedure in phase.procedure
        ]
        return {name: treatment for name, treatment in self.treatment.items() if treatment in found}

    @property
    def drugs(self) -> tuple[str, ...]:
        """Every drug that is given, in order of the file."""
        named = (treatment.drug for treatment in self.used().values())
        return tuple(dict.fromkeys(drug for drug in named if drug))


def numbered(name: str, cycle: int) -> str:
    """A phase's name in a later cycle: extinction1a, 2 -> extinction3a. Raises ValueError."""
    found = NUMBERED.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r}: a phase that is repeated has one number in its name")
    return f"{found[1]}{int(found[2]) + cycle}{found[3]}"
