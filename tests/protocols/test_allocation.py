"""Allocation: drawn again the same, balanced to the animal, blind to names; gate and exclusion."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from protocols import library
from protocols.allocation import (
    Aim,
    Candidate,
    Design,
    Dice,
    Gate,
    Group,
    Outcome,
    Place,
    Rules,
    Scheme,
    allocate,
    check,
    exclude,
    freeze,
    judge,
    minimise,
    substitute,
    table,
)
from protocols.allocation.gate import StopWhen, student_quantile
from protocols.joining import _RULES
from protocols.study.deciding import OF_EXTINCTION
from protocols.study.ruling import EVENTS

TEST_S = 1200.0
GROUPS = (Group("saline"), Group("cocaine"))
SCHEME = Scheme(GROUPS, ("left", "right"))


def cohort(n: int = 16, first: int = 0, boxes: int = 2) -> list[Candidate]:
    """Animals of both sexes in cages of four, in turn over the boxes; shares spread about half."""
    dice = Dice(f"cohort {first}")
    out = []
    for i in range(first, first + n):
        centre_s = 150 + 100 * dice.share()
        share = 0.38 + 0.24 * dice.share()
        left_s = (TEST_S - centre_s) * share
        sex = "M" if (i // 4) % 2 else "F"
        sides_s = (left_s, TEST_S - centre_s - left_s)
        out.append(Candidate(f"M{i:02d}", sex, f"C{i // 4}", f"box{i % boxes}", sides_s, TEST_S))
    return out


def unmet(scheme: Scheme, animals: Sequence[Candidate], places: Sequence[Place]) -> list[str]:
    return [one.key for one in check(scheme, animals, places) if not one.met]


def test_the_dice_are_the_same_for_ever() -> None:
    dice = Dice("seed")
    assert [dice.below(10) for _ in range(8)] == [1, 6, 8, 0, 3, 2, 2, 3]
    assert Dice("a").shuffled(range(5)) == Dice("a").shuffled(range(5))
    many = Dice("many")
    counts = Counter(many.below(3) for _ in range(3000))
    assert all(900 < counts[k] < 1100 for k in range(3))
    with pytest.raises(ValueError, match="nothing"):
        dice.below(0)


def test_the_same_seed_gives_the_same_places_in_whatever_order_the_animals_come() -> None:
    animals = cohort()
    places, _ = allocate(SCHEME, animals, "7")
    again, _ = allocate(SCHEME, animals[::-1], "7")
    assert places == again[::-1]
    assert [p.animal for p in places] == [c.animal for c in animals]
    assert allocate(SCHEME, animals, "8")[0] != places


def test_over_many_seeds_constraints_hold_and_nothing_goes_with_the_side() -> None:
    animals, seeds = cohort(), 24
    on_left: Counter[str] = Counter()
    cocaine: Counter[str] = Counter()
    first: Counter[str] = Counter()
    for seed in range(seeds):
        places, checks = allocate(SCHEME, animals, f"seed {seed}")
        assert [one.key for one in checks if not one.met] == []
        for factor, group in product(("sex", "cage", "box"), GROUPS):
            here = Counter(
                getattr(c, factor)
                for c, p in zip(animals, places, strict=True)
                if p.group == group.name
            )
            assert max(here.values()) == min(here.values())
        for place in places:
            on_left[place.animal] += place.side == "left"
            cocaine[place.animal] += place.group == "cocaine"
            first[place.animal] += place.order == "drug_first"
    # Each animal by itself is drawn like a coin: 16 of them, four standard deviations.
    for count in (on_left, cocaine, first):
        spread = 4 * math.sqrt(seeds) / 2
        assert all(abs(count[c.animal] - seeds / 2) < spread for c in animals)
        # Together they are a chi-squared of about 16; its 0.9999 quantile is 46.
        assert sum((count[c.animal] - seeds / 2) ** 2 / (seeds / 4) for c in animals) < 46


def test_an_allocation_by_hand_is_told_what_it_does_not_keep() -> None:
    animals = cohort()
    places, _ = allocate(SCHEME, animals, "7")
    boxed = [replace(p, group="saline" if p.box == "box0" else "cocaine") for p in places]
    broken = unmet(SCHEME, animals, boxed)
    assert "box by group" in broken
    assert unmet(SCHEME, animals, places) == []


def test_what_cannot_be_kept_is_named_and_yields_in_order() -> None:
    # Both animals of each box are in one cage, too; three cages of two, one box each, one sex.
    animals = [replace(c, sex="F", cage=f"C{i}", box=f"box{i}") for i, c in enumerate(cohort(6))]
    tight = replace(SCHEME, pretest_limit=0.0001)
    _, checks = allocate(tight, animals, "1")
    left = [one for one in checks if not one.met]
    assert {"pretest by group", "pretest by side"} >= {one.key for one in left} != set()
    assert [one.rank for one in checks] == list(range(1, len(checks) + 1))
    first = replace(tight, yields_last_to_first=("all by group", "pretest by group", "sex by side"))
    assert [one.key for one in allocate(first, animals, "1")[1]] == [
        "all by group",
        "pretest by group",
        "sex by side",
    ]
    with pytest.raises(ValueError, match="ROWS by COLUMN"):
        allocate(replace(tight, yields_last_to_first=("sex",)), animals, "1")
    with pytest.raises(ValueError, match="'sexe'"):
        allocate(replace(tight, yields_last_to_first=("sexe by side",)), animals, "1")


@pytest.mark.parametrize(
    ("aim", "wanted"), [(Aim.PREFERENCE, min), (Aim.AVERSION, max)], ids=["reward", "aversion"]
)
def test_biased_pairs_by_the_pre_test_and_still_balances_groups(aim: Aim, wanted: type) -> None:
    animals = cohort()
    scheme = replace(SCHEME, design=Design.BIASED, aim=aim)
    places, _ = allocate(scheme, animals, "3")
    for candidate, place in zip(animals, places, strict=True):
        k = scheme.sides.index(place.side)
        assert candidate.sides_s[k] == wanted(candidate.sides_s)
    assert Counter(p.group for p in places) == {"saline": 8, "cocaine": 8}


def test_forced_takes_one_side_and_asks_why() -> None:
    with pytest.raises(ValueError, match="justification"):
        replace(SCHEME, design=Design.FORCED, forced_side="left")
    forced = replace(
        SCHEME, design=Design.FORCED, forced_side="left", justification="white is avoided by all"
    )
    places, checks = allocate(forced, cohort(), "3")
    assert {p.side for p in places} == {"left"}
    assert all(one.met for one in checks if one.key == "box by group")


@pytest.mark.long
def test_counterbalanced_biased_pairs_half_with_what_they_preferred() -> None:
    animals = cohort()
    scheme = replace(SCHEME, design=Design.COUNTERBALANCED_BIASED)
    places, _ = allocate(scheme, animals, "3")
    for name in ("saline", "cocaine"):
        preferred = [
            c.sides_s[scheme.sides.index(p.side)] == max(c.sides_s)
            for c, p in zip(animals, places, strict=True)
            if p.group == name
        ]
        assert sum(preferred) == 4


def test_weights_cues_and_slots() -> None:
    groups = (Group("saline"), Group("cocaine", 2))
    animals = [
        replace(c, first_cue="mesh" if i % 4 < 2 else "rods") for i, c in enumerate(cohort(12))
    ]
    fixed = Scheme(groups, ("left", "right"), cues=("mesh", "rods"), slots=("1", "2", "3"))
    places, _ = allocate(fixed, animals, "5")
    assert Counter(p.group for p in places) == {"saline": 4, "cocaine": 8}
    for candidate, place in zip(animals, places, strict=True):
        other = {"mesh": "rods", "rods": "mesh"}[candidate.first_cue]
        assert place.cue == (candidate.first_cue if place.side == "left" else other)
    assert set(Counter((p.box, p.slot) for p in places).values()) == {2}
    moved = replace(fixed, cues_move=True)
    cells = Counter((p.side, p.cue) for p in allocate(moved, animals, "5")[0])
    assert set(cells.values()) == {3}
    with pytest.raises(ValueError, match="which cue set lay where"):
        allocate(fixed, cohort(4), "5")


def test_a_later_cohort_fills_what_the_first_left_uneven() -> None:
    first, later = cohort(13), cohort(11, first=13)
    places, _ = allocate(SCHEME, first, "1")
    before = list(zip(first, places, strict=True))
    off = []
    for seed in range(20):
        more, _ = minimise(SCHEME, later, before, f"{seed}")
        assert {p.cohort for p in more} == {2}
        both = Counter((p.group, p.side) for p in (*places, *more))
        off.append(max(abs(count - 6) for count in both.values()))
        groups = Counter(p.group for p in (*places, *more))
        assert abs(groups["saline"] - 12) <= 3
    assert sum(off) / len(off) < 1.6  # by a coin alone it would be near 2.3
    assert minimise(SCHEME, later, before, "3")[0] == minimise(SCHEME, later, before, "3")[0]
    assert minimise(SCHEME, later, before, "3")[0] != minimise(SCHEME, later, before, "4")[0]
    with pytest.raises(ValueError, match="has its place already"):
        minimise(SCHEME, first[:1], before, "1")


def test_a_substitute_takes_a_free_place_of_its_box_and_sex() -> None:
    animals = cohort()
    places, _ = allocate(SCHEME, animals, "1")
    free = list(zip(animals, places, strict=True))[:6]
    new = replace(animals[1], animal="M90")
    taken, k = substitute(SCHEME, new, free, "1")
    left = free[k][1]
    assert free[k][0].sex == new.sex
    assert left.box == new.box
    assert taken == replace(left, animal="M90")
    biased = replace(SCHEME, design=Design.BIASED)
    leaning = replace(new, sides_s=(900.0, 100.0))
    assert substitute(biased, leaning, free, "1")[0].side == "right"
    with pytest.raises(ValueError, match="no place is free"):
        substitute(SCHEME, new, [], "1")


def test_the_balance_table_tells_no_animals_group() -> None:
    animals = [replace(c, cage="alone") if c.animal == "M03" else c for c in cohort()]
    places, _ = allocate(SCHEME, animals, "1")
    rows = {row["what"]: row for row in table(SCHEME, animals, places)}
    assert rows["animals"] == {"what": "animals", "saline": "8", "cocaine": "8"}
    assert rows["sex F"]["saline"] == "4"
    assert rows["cage alone"] == {"what": "cage alone", "saline": "-", "cocaine": "-"}
    assert rows["cage C1"]["saline"] == "-"  # else it could be counted what is left out


def test_frozen_text_and_hash_change_with_any_place() -> None:
    animals = cohort(8)
    places, checks = allocate(SCHEME, animals, "1")
    text, digest = freeze(SCHEME, animals, places, checks, "1", "salt")
    assert '"seed":"1"' in text
    assert freeze(SCHEME, animals, places, checks, "1", "salt") == (text, digest)
    swapped = (replace(places[0], side=places[0].side[::-1]), *places[1:])
    assert freeze(SCHEME, animals, swapped, checks, "1", "salt")[1] != digest
    assert freeze(SCHEME, animals, places, checks, "1", "salt 2")[1] != digest


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        (Candidate("A", "F", "C", "B", (0.0, -1.0), TEST_S), "-1 s"),
        (Candidate("A", "F", "C", "B", (700.0, 700.0), TEST_S), "pre-test of 1200 s"),
        (Candidate("A", "F", "C", "B", (0.0, 0.0), 0.0), "pre-test of 0 s"),
    ],
    ids=["negative", "more-than-the-test", "no-test"],
)
def test_a_pre_test_that_cannot_be_is_refused(candidate: Candidate, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        allocate(SCHEME, [candidate], "1")


# the gate and the exclusion


@pytest.mark.parametrize(
    ("p", "freedom", "value"),
    [
        (0.975, 1, 12.7062047364),
        (0.975, 2, 4.3026527297),
        (0.975, 7, 2.3646242510),
        (0.995, 30, 2.7499956536),
        (0.95, 5, 2.0150483727),
        (0.5, 4, 0.0),
    ],
)
def test_students_quantiles_are_those_of_the_tables(p: float, freedom: int, value: float) -> None:
    assert student_quantile(p, freedom) == pytest.approx(value, rel=1e-8, abs=1e-8)


def shares(box: str, values: Sequence[float]) -> list[Candidate]:
    return [
        Candidate(f"{box}{k}", "F", "C", box, (1000 * v, 1000 - 1000 * v), TEST_S)
        for k, v in enumerate(values)
    ]


def test_the_gate_stops_for_a_box_with_a_side_of_its_own() -> None:
    even = shares("A", [0.44, 0.55, 0.47, 0.54, 0.5, 0.5])
    leaning = shares("B", [0.60, 0.66, 0.63, 0.58, 0.64, 0.61])
    assert judge(Gate(), even, "left").go
    verdict = judge(Gate(), even + leaning, "left")
    assert not verdict.go
    assert "box B: 62.0 % on left (59.0 to 65.0 %, 6 animals)" in verdict.why
    assert [one.box for one in verdict.boxes] == ["", "A", "B"]
    assert judge(Gate(StopWhen.NEVER), leaning, "left").go
    noisy = shares("C", [0.2, 0.9, 0.3, 0.85, 0.6, 0.6])  # the mean is out, the interval is not
    assert judge(Gate(StopWhen.BOTH), noisy, "left").go
    assert not judge(Gate(StopWhen.MEAN), noisy, "left").go
    sure = shares("D", [0.53, 0.531, 0.529, 0.53])
    assert judge(Gate(StopWhen.BOTH), sure, "left").go
    assert not judge(Gate(StopWhen.INTERVAL), sure, "left").go


def test_a_box_of_few_animals_is_named_and_not_judged_alone() -> None:
    verdict = judge(Gate(), shares("A", [0.5, 0.49, 0.51, 0.5]) + shares("B", [0.8]), "left")
    assert verdict.go
    assert "too few animals to judge alone: box B" in verdict.why
    assert math.isnan(verdict.boxes[2].low)


def test_exclusion_names_every_rule_that_is_broken() -> None:
    rules = Rules(
        side_share_max=0.75,
        side_difference_max_s=200,
        neutral_share_max=0.5,
        entries_min=10,
        lost_share_max=0.05,
    )
    kept = Outcome(Candidate("A", "F", "C", "B", (500.0, 500.0), TEST_S), 200.0, 10, 60.0)
    out = Outcome(Candidate("D", "F", "C", "B", (400.0, 100.0), TEST_S), 700.0, 9, 61.0)
    broken = exclude(rules, [kept, out])
    assert {one.animal for one in broken} == {"D"}
    assert [one.rule for one in broken] == [
        "side_share_max",
        "side_difference_max_s",
        "neutral_share_max",
        "lost_share_max",
        "entries_min",
    ]
    assert exclude(Rules(), [out]) == ()
    with pytest.raises(ValueError, match="entries_min needs"):
        exclude(rules, [replace(out, entries=None)])
    with pytest.raises(ValueError, match=r"above 0\.5"):
        Rules(side_share_max=0.4)


def test_a_rule_on_any_chamber_or_the_distance_is_applied_too() -> None:
    rules = Rules(chamber_share_max=0.75, distance_min_m=5.0)
    kept = Outcome(
        Candidate("A", "F", "C", "B", (0.30 * TEST_S, 0.70 * TEST_S), TEST_S), distance_m=5.0
    )
    shunned = Candidate("D", "F", "C", "B", (0.20 * TEST_S, 0.50 * TEST_S), TEST_S)
    broken = exclude(rules, [kept, Outcome(shunned, distance_m=4.0)])
    assert [(one.animal, one.rule, one.value) for one in broken] == [
        ("D", "chamber_share_max", pytest.approx(0.80)),
        ("D", "distance_min_m", 4.0),
    ]
    with pytest.raises(ValueError, match="distance_min_m needs"):
        exclude(rules, [replace(kept, distance_m=None)])


def test_every_rule_of_the_library_is_applied_by_somebody() -> None:
    """By the allocation, by extinction, or by what befell an animal: none is only written down."""
    known = {*EVENTS, *OF_EXTINCTION, "wrong_treatment"}
    seen = [(name, rule) for name in library.names() for rule in library.read(name).exclusion]
    assert len(seen) > 20
    for name, rule in seen:
        by_pretest = rule.get("phase") == "pretest" and rule["by"] in _RULES
        assert by_pretest if "limit" in rule else rule["by"] in known, (name, rule)
