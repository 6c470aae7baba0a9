"""The nouns of an allocation, frozen: who is to be allocated, over what, and what came out."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Design(StrEnum):
    """How the paired side follows from the pre-test (science notes, section 1.2)."""

    UNBIASED = "unbiased"
    BIASED = "biased"
    FORCED = "forced"
    COUNTERBALANCED_BIASED = "counterbalanced_biased"
    REFERENCE_DOSE = "reference_dose"


class Aim(StrEnum):
    """What is looked for: a biased design pairs the less preferred side, or the preferred one."""

    PREFERENCE = "preference"
    AVERSION = "aversion"


RISKS: Mapping[Design, str] = {
    Design.UNBIASED: "",
    Design.BIASED: "the gain from pre-test to post-test is contaminated by regression to the mean "
    "and by habituation of aversion; a vehicle-vehicle group assigned by the same rule is needed",
    Design.FORCED: "side and pairing are one: a drift of the animals' preference cannot be told "
    "from conditioning without a vehicle-vehicle group",
    Design.COUNTERBALANCED_BIASED: "analyse with the pre-test as covariate",
    Design.REFERENCE_DOSE: "the score is one dose less the other; no side is without drug",
}
"""What a report prints beside the design."""

DRUG_FIRST, VEHICLE_FIRST = "drug_first", "vehicle_first"
PREFERRED, OTHER = "preferred", "other"


@dataclass(frozen=True)
class Group:
    """A group by its name; `weight` is its share of the animals against the others'."""

    name: str
    weight: int = 1


@dataclass(frozen=True)
class Candidate:
    """An animal after its pre-test: seconds on the two sides, of a test of `test_s` seconds.

    `sides_s` is in the order of the scheme's sides; `first_cue` is the cue set that lay on the
    first side then, where cue sets are told apart.
    """

    animal: str
    sex: str
    cage: str
    box: str
    sides_s: tuple[float, float]
    test_s: float
    first_cue: str = ""

    @property
    def share(self) -> float:
        """Share of the first side in the time on both, 0 to 1; half where there was none."""
        total = sum(self.sides_s)
        return self.sides_s[0] / total if total > 0 else 0.5

    @property
    def band(self) -> str:
        """Which side was preferred, in three bands: "first", "even" (45 to 55 %), "second"."""
        return "first" if self.share > 0.55 else "second" if self.share < 0.45 else "even"


@dataclass(frozen=True)
class Scheme:
    """Over what animals are allocated, and how closely. One that holds no sense is ValueError.

    `cues_move`: the cue set that is paired is drawn too and laid on the paired side; else it is
    the one that lay there at the pre-test. `pretest_limit` is the largest difference between
    groups' mean pre-test seconds in what is to be paired, as a share of the test.
    """

    groups: tuple[Group, ...]
    sides: tuple[str, str]
    design: Design = Design.UNBIASED
    aim: Aim = Aim.PREFERENCE
    cues: tuple[str, ...] = ()
    cues_move: bool = False
    orders: tuple[str, ...] = (DRUG_FIRST, VEHICLE_FIRST)
    slots: tuple[str, ...] = ()
    forced_side: str = ""
    justification: str = ""
    pretest_limit: float = 0.05
    yields_last_to_first: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [group.name for group in self.groups]
        if not names or len(set(names)) < len(names) or any(g.weight < 1 for g in self.groups):
            raise ValueError(f"groups {names}: each once, with a weight of 1 or more")
        if self.sides[0] == self.sides[1]:
            raise ValueError(f"sides {list(self.sides)}: two that differ")
        if len(self.cues) not in (0, 2) or len(set(self.cues)) < len(self.cues):
            raise ValueError(f"cue sets {list(self.cues)}: none, or two that differ")
        if self.cues_move and not self.cues:
            raise ValueError("cue sets that are moved: name the two")
        if self.design is Design.FORCED:
            if self.forced_side not in self.sides:
                raise ValueError(f"forced side {self.forced_side!r}: one of {list(self.sides)}")
            if len(self.justification.split()) < 3:
                raise ValueError("a forced side needs a justification in words")
        elif self.forced_side:
            raise ValueError(f"forced side {self.forced_side!r}: the design is {self.design}")
        if not 0 < self.pretest_limit <= 1:
            raise ValueError(f"pre-test limit {self.pretest_limit:g}: above 0, up to 1")

    def factors(self) -> dict[str, dict[str, int]]:
        """What is drawn: factor to its levels with their weights; those of one level left out."""
        drawn = {"group": {group.name: group.weight for group in self.groups}}
        if self.design in (Design.UNBIASED, Design.REFERENCE_DOSE):
            drawn["side"] = dict.fromkeys(self.sides, 1)
        if self.design is Design.COUNTERBALANCED_BIASED:
            drawn["pairing"] = {PREFERRED: 1, OTHER: 1}
        drawn["order"] = dict.fromkeys(self.orders, 1)
        if self.cues_move:
            drawn["cue"] = dict.fromkeys(self.cues, 1)
        drawn["slot"] = dict.fromkeys(self.slots, 1)
        return {name: levels for name, levels in drawn.items() if len(levels) > 1}


@dataclass(frozen=True)
class Place:
    """What one animal was given; blank where the scheme has no such thing.

    `side` and `cue` are what is paired (in a group of vehicle alone: what is called so).
    """

    animal: str
    group: str
    side: str
    cue: str
    order: str
    slot: str
    box: str
    cohort: int = 1


def side_of(scheme: Scheme, candidate: Candidate, drawn: Mapping[str, str]) -> str:
    """The paired side: drawn, forced, or from the pre-test. A tie is the drawn `tie`'s."""
    if "side" in drawn:
        return drawn["side"]
    if scheme.design is Design.FORCED:
        return scheme.forced_side
    first, second = candidate.sides_s
    preferred = scheme.sides[0] if first > second else scheme.sides[1]
    if first == second:
        preferred = drawn["tie"]
    other = scheme.sides[1 - scheme.sides.index(preferred)]
    if scheme.design is Design.COUNTERBALANCED_BIASED:
        return preferred if drawn.get("pairing") == PREFERRED else other
    return other if scheme.aim is Aim.PREFERENCE else preferred


def cue_of(scheme: Scheme, candidate: Candidate, side: str, drawn: Mapping[str, str]) -> str:
    """The paired cue set: drawn, or the one that lay on the paired side; "" where there is none."""
    if "cue" in drawn:
        return drawn["cue"]
    if not scheme.cues or not candidate.first_cue:
        return ""
    first = scheme.cues.index(candidate.first_cue)
    return scheme.cues[first if side == scheme.sides[0] else 1 - first]


def placed(
    scheme: Scheme, candidate: Candidate, drawn: Mapping[str, str], cohort: int = 1
) -> Place:
    """The place that `drawn` levels give a candidate."""
    side = side_of(scheme, candidate, drawn)
    only_order = scheme.orders[0] if scheme.orders else ""
    only_slot = scheme.slots[0] if scheme.slots else ""
    return Place(
        animal=candidate.animal,
        group=drawn.get("group", scheme.groups[0].name),
        side=side,
        cue=cue_of(scheme, candidate, side, drawn),
        order=drawn.get("order", only_order),
        slot=drawn.get("slot", only_slot),
        box=candidate.box,
        cohort=cohort,
    )
