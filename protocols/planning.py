"""A study's rules, `study.toml`: groups, drugs, design, gate, exclusion, days. Pure.

What the protocol says may be left out: `protocols.joining` puts it in. The rules are written before
the first animal, and the database keeps their hash: one that was edited afterwards is refused. Here
groups and drugs are named; who is in which stands nowhere in the open.
"""

import re
from collections.abc import Sequence

from pydantic import Field, field_validator, model_validator

from protocols.allocation import Aim, Design, Gate, Group, Rules, Scheme
from protocols.allocation.gate import StopWhen
from protocols.allocation.model import DRUG_FIRST, VEHICLE_FIRST
from protocols.conduct import AttemptPlan, ExposurePlan, HumanePlan, UnblindingPlan
from protocols.course import Value, Weekday
from protocols.dosing import Drug, check_volumes, ml_per_kg
from protocols.statistics.nulls import NULLS
from rig.apparatus import EntryPoint
from rig.config import Strict, check, parse_toml
from rig.errors import ConfigError

_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_TELLING = ("drug", "vehicle", "paired", "unpaired", "control", "saline")


class GroupPlan(Strict):
    """A group: what its animals get in the drug sessions and in the others, both drugs by name."""

    name: str = Field(min_length=1)
    weight: int = Field(1, ge=1)
    drug: str = ""
    dose_mg_kg: float | None = Field(None, gt=0)
    vehicle: str = ""


class GatePlan(Strict):
    """`protocols.allocation.Gate`, as it is written."""

    stop_when: StopWhen = StopWhen.BOTH
    band: float = 0.05
    confidence: float = 0.95
    fewest: int = 4


class ExclusionPlan(Strict):
    """`protocols.allocation.Rules`, as it is written."""

    side_share_max: float | None = None
    side_difference_max_s: float | None = None
    neutral_share_max: float | None = None
    entries_min: int | None = None
    lost_share_max: float | None = None
    chamber_share_max: float | None = None
    distance_min_m: float | None = None


class DayPlan(Strict):
    """A day's work. `begins`: the hour at which a day of the study turns into the next.

    `closed`: weekdays, where they are others than the protocol's; `holidays`: dates. Seconds are
    what a person is busy for; `dry_s`: how long a box is left to dry after cleaning.
    """

    begins: str = Field("04:00", pattern=_CLOCK)
    starts: str = Field("08:00", pattern=_CLOCK)
    ends: str = Field("18:00", pattern=_CLOCK)
    closed: tuple[Weekday, ...] | None = None
    holidays: tuple[str, ...] = ()
    weigh_s: int = Field(60, ge=0)
    inject_s: int = Field(60, ge=0)
    place_s: int = Field(60, ge=0)
    remove_s: int = Field(60, ge=0)
    clean_s: int = Field(120, ge=0)
    dry_s: int = Field(120, ge=0)
    weight_age_h: float = Field(24.0, gt=0, le=168)
    syringe_ml: float = Field(0.01, gt=0, le=0.1)

    @field_validator("holidays")
    @classmethod
    def _dates(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
                raise ValueError(f"{value!r}: write 2026-12-24")
        return values


class ScoringPlan(Strict):
    """What counts as the result; it is named before the first animal, with the other rules.

    `primary`: a score by name. `window_s`: the first so many scored seconds of every test; None:
    all. `point`, `hysteresis_cm`, `min_dwell_s`: an entry rule in place of the apparatus's own.
    """

    primary: str
    window_s: float | None = Field(None, gt=0)
    point: EntryPoint | None = None
    hysteresis_cm: float | None = Field(None, ge=0)
    min_dwell_s: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _known(self) -> "ScoringPlan":
        if self.primary not in NULLS:
            raise ValueError(f"primary {self.primary!r}: one of {', '.join(NULLS)}")
        return self


class AuthorsPlan(Strict):
    """What only the authors can say, for the report: its checklist and its draft of the Methods."""

    sample_size: str = ""
    covariates: str = ""
    procedures: str = ""
    abstract: str = ""
    background: str = ""
    objectives: str = ""
    ethics: str = ""
    housing: str = ""
    humane_endpoints: str = ""
    interpretation: str = ""
    generalisability: str = ""
    registration: str = ""
    data_access: str = ""
    interests: str = ""


class Planning(Strict):
    """What `study.toml` says. `conditioning`: pairs of phases, one of each with drug.

    `parameters` are the protocol's, with other values. `orders` are drawn too; they follow from
    what the protocol exchanges between animals.
    """

    name: str = Field(min_length=1)
    database: str = ""
    design: Design = Design.UNBIASED
    aim: Aim = Aim.PREFERENCE
    forced_side: str = ""
    justification: str = ""
    sides: tuple[str, str] = ("left", "right")
    cues: tuple[str, ...] = ()
    cues_move: bool = False
    slots: tuple[str, ...] = ()
    pretest_limit: float = 0.05
    yields_last_to_first: tuple[str, ...] = ()
    pretest: str = "pretest"
    conditioning: tuple[tuple[str, str], ...] = ()
    gate: GatePlan = GatePlan()
    exclusion: ExclusionPlan = ExclusionPlan()
    attempts: AttemptPlan = AttemptPlan()
    exposure: ExposurePlan = ExposurePlan()
    humane: HumanePlan = HumanePlan()
    unblinding: UnblindingPlan = UnblindingPlan()
    scoring: ScoringPlan | None = None
    authors: AuthorsPlan = AuthorsPlan()
    group: tuple[GroupPlan, ...] = ()
    drug: tuple[Drug, ...] = ()
    parameters: dict[str, Value] = {}
    orders: tuple[str, ...] | None = None
    day: DayPlan = DayPlan()

    @model_validator(mode="after")
    def _holds(self) -> "Planning":
        if self.group:  # else the protocol's are put in, and all is judged then
            self.scheme()
        self.gate_rule()
        self.exclusion_rules()
        names = [drug.name for drug in self.drug]
        for group in self.group:
            for wanted in filter(None, (group.drug, group.vehicle)):
                if names.count(wanted) != 1:
                    have = ", ".join(names) or "none"
                    raise ValueError(f"group {group.name}: no drug {wanted!r} (there are: {have})")
        return self

    def scheme(self) -> Scheme:
        """What allocation asks. Raises ValueError."""
        orders = (DRUG_FIRST, VEHICLE_FIRST) if self.conditioning else ()
        return Scheme(
            groups=tuple(Group(one.name, one.weight) for one in self.group),
            sides=self.sides,
            design=self.design,
            aim=self.aim,
            cues=self.cues,
            cues_move=self.cues_move,
            orders=orders if self.orders is None else self.orders,
            slots=self.slots,
            forced_side=self.forced_side,
            justification=self.justification,
            pretest_limit=self.pretest_limit,
            yields_last_to_first=self.yields_last_to_first,
        )

    def gate_rule(self) -> Gate:
        """The rule before the allocation. Raises ValueError."""
        return Gate(**self.gate.model_dump())

    def exclusion_rules(self) -> Rules:
        """Who is out after the pre-test. Raises ValueError."""
        return Rules(**self.exclusion.model_dump())

    def drug_named(self, name: str) -> Drug:
        """The drug of this name."""
        return next(drug for drug in self.drug if drug.name == name)

    def ml_per_kg(self, file: str) -> float:
        """The one volume per weight of all injections. Raises ConfigError where they differ."""
        told: dict[str, float] = {}
        for group in self.group:
            if not group.drug or not group.vehicle:
                continue
            try:
                told[f"{group.name} {group.drug}"] = ml_per_kg(
                    self.drug_named(group.drug), group.dose_mg_kg
                )
                told[f"{group.name} {group.vehicle}"] = ml_per_kg(
                    self.drug_named(group.vehicle), None
                )
            except ValueError as error:
                raise ConfigError(file, f"group {group.name}", str(error)) from None
        return check_volumes(told, file) if told else 0.0


def parse(text: str, file: str, phases: Sequence[str]) -> Planning:
    """The rules in `text`, for a protocol with these phases. Raises ConfigError.

    Phases whose names tell which session is which are refused: they stand in folders' names.
    """
    planning = check(parse_toml(text, file), Planning, file)
    for pair in planning.conditioning:
        for phase in pair:
            if phase not in phases:
                have = ", ".join(phases)
                message = f"{phase!r}: no phase of the protocol (it has: {have})"
                raise ConfigError(file, "conditioning", message)
    if planning.pretest not in phases and "pretest" in planning.model_fields_set:
        message = f"{planning.pretest!r}: no phase of the protocol (it has: {', '.join(phases)})"
        raise ConfigError(file, "pretest", message)
    telling = {*_TELLING, *(g.name.lower() for g in planning.group)}
    telling |= {drug.name.lower() for drug in planning.drug}
    for phase in phases:
        for word in telling:
            if re.search(rf"(?i){re.escape(word)}", phase):
                message = f"{phase!r}: a phase's name stands in folders and tells {word!r}"
                raise ConfigError(file, "phase", message)
    if planning.conditioning and planning.group:
        planning.ml_per_kg(file)
    return planning
