"""What is drawn, what is decided of extinction, and how rules and protocol become one plan."""

from datetime import date

import pytest

from protocols import library, planning
from protocols.allocation import Dice, Place
from protocols.criteria import Extinction
from protocols.day.extinction import Outcome, judge
from protocols.day.sealed import due_of
from protocols.day.volumes import Weighed, drawn
from protocols.extending import whole
from protocols.joining import Joined, join
from protocols.protocol import parse
from protocols.study.sealing import spread
from rig.errors import ConfigError

HOUR = 3600.0
NOW = 1e9


@pytest.mark.parametrize(
    ("weights", "per_kg", "ml", "asks", "refused"),
    [
        ([], 10, None, 0, 1),
        ([(1, 24.0)], 10, 0.24, 0, 0),
        ([(25, 24.0)], 10, 0.24, 1, 0),  # stale
        ([(24 * 8, 24.0)], 10, None, 0, 1),  # too old
        ([(30, 24.0), (1, 20.0)], 10, 0.2, 1, 0),  # lost 17 %
        ([(1, 12.0)], 10, 0.12, 1, 0),  # no usual mouse
        ([(1, 24.0)], 12, 0.29, 1, 0),  # more than is usual
        ([(1, 24.0)], 21, None, 0, 1),  # endangers it
        ([(1, 16.0)], 1, 0.02, 1, 0),  # rounded by 25 %
        ([(1, 16.0)], 0.1, None, 0, 1),  # less than the syringe has
        ([(-5, 24.0)], 10, None, 0, 1),  # taken later
    ],
)
def test_a_volume_has_guards(
    weights: list[tuple[float, float]], per_kg: float, ml: float | None, asks: int, refused: int
) -> None:
    taken = [Weighed(NOW - hours * HOUR, grams) for hours, grams in weights]
    volume = drawn(per_kg, taken, NOW)
    assert volume.ml == ml
    assert (len(volume.asks), len(volume.refused)) == (asks, refused)


SHARE = Extinction(
    method="free", cycle=("e1",), test="e1", criterion="share_of_initial", share=0.15, floor_s=20,
    most=3,
)  # fmt: skip
NEAR = Extinction(
    method="free", cycle=("e1",), test="e1", criterion="near_pretest", within_s=30, most=4,
    consecutive=2, least=2,
)  # fmt: skip


@pytest.mark.parametrize(
    ("block", "initial", "tests", "outcome", "extinguished"),
    [
        (SHARE, 700, [520], Outcome.GOES_ON, False),  # 40 of 220 s: 18 %
        (SHARE, 700, [500, 510], Outcome.DONE, True),  # 30 of 220 s: 13.6 %
        (SHARE, 700, [600, 600, 600], Outcome.DONE, False),  # the cap
        (SHARE, 500, [480], Outcome.NOT_ACQUIRED, False),  # 20 s is at most the floor
        (SHARE, 480, [480], Outcome.NOT_ACQUIRED, False),
        (NEAR, 700, [490], Outcome.GOES_ON, False),
        (NEAR, 700, [490, 600, 500], Outcome.GOES_ON, False),
        (NEAR, 700, [600, 455, 500], Outcome.DONE, True),
    ],
)
def test_extinction_is_decided_by_the_criterion(
    block: Extinction, initial: float, tests: list[float], outcome: Outcome, extinguished: bool
) -> None:
    judged = judge(block, 480, initial, tests)
    assert (judged.outcome, judged.extinguished) == (outcome, extinguished)


def joined(name: str, rules: str = "") -> Joined:
    protocol = library.read(name)
    text = f'name = "S"\n{rules}'
    if protocol.required and "[parameters]" not in text:
        text += "[parameters]\n" + "".join(f"{key} = 1\n" for key in protocol.required)
    plan = planning.parse(text, "study.toml", [p.name for p in protocol.phase])
    return join(plan, protocol, "study.toml")


STUDIES = [n for n in library.names() if library.read(n).study is not None]


@pytest.mark.parametrize("name", STUDIES)
def test_every_protocol_of_the_library_can_be_a_study(name: str) -> None:
    one = joined(name)
    text = whole(library.text(name), name, library.text)
    assert parse(text, name).model_dump(exclude={"extends"}) == library.read(name).model_dump(
        exclude={"extends"}
    )
    for (group, order), course in one.courses.items():
        place = Place("M1", group, one.plan.sides[1], "", order, "", "A")
        due = due_of(one, place)
        assert [d.phase.name for d in due][: len(course.phase)]
        assert {d.chamber for d in due} <= {"", *one.plan.sides}
        for d in due:
            if d.phase.context and d.phase.in_box and d.phase.layout == "usual":
                assert (d.chamber == one.plan.sides[1]) == (d.phase.context == "paired")


def test_what_is_open_of_a_session_is_the_same_for_every_group() -> None:
    for name in STUDIES:
        one = joined(name)
        if name == "delayed-test":
            continue  # its days are what its groups differ in
        orders = {order for _, order in one.courses}
        for order in orders:
            seen = set()
            for group in {group for group, _ in one.courses}:
                due = due_of(one, Place("M1", group, "left", "", order, "", "A"))
                seen.add(
                    tuple(
                        (d.phase.name, d.chamber, g.slot, g.lasts_s, g.ml_per_kg)
                        for d in due
                        for g in d.given
                        if g.blind
                    )
                )
            assert len(seen) == 1, (name, order)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ('design = "biased"\n', "design: biased here and unbiased in the protocol"),
        ('aim = "aversion"\n', "aim: aversion here and preference in the protocol"),
        ('conditioning = [["conditioning1a", "conditioning2a"]]\n', "conditioning: conditioning1a"),
        ("[exclusion]\nside_share_max = 0.7\n", "exclusion.side_share_max: 0.7 here and 0.8"),
        ("[parameters]\ntset_s = 4\n", "parameters.tset_s: cocaine-cpp has no such parameter"),
        ('[parameters]\ntest_s = "long"\n', "parameters.test_s: 'long': a number is wanted"),
        (
            '[[drug]]\nname = "cocaine"\nconcentration_mg_ml = 3\ndose_as = "salt"\n',
            "drug cocaine: 5 ml/kg (by its concentration) here and 10 ml/kg in the protocol",
        ),
        (
            '[[group]]\nname = "heroin"\ndrug = "saline"\nvehicle = "saline"\n'
            '[[drug]]\nname = "saline"\nvehicle_ml_per_kg = 10\n',
            "group heroin: is a group here and there are cocaine, saline in the protocol",
        ),
    ],
)
def test_rules_that_say_another_thing_than_the_protocol_are_refused(
    rules: str, message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        joined("cocaine-cpp", rules)
    assert message in str(error.value)


def test_groups_and_orders_take_turns_over_the_day() -> None:
    places = [Place(f"M{k}", "ab"[k % 2], "left", "", f"o{k // 2 % 2}", "", "A") for k in range(16)]
    order = spread((), places, Dice("seed"))
    assert sorted(p.animal for p in order) == sorted(p.animal for p in places)
    for k in range(0, 16, 4):
        assert len({(p.group, p.order) for p in order[k : k + 4]}) == 4
    assert order != spread((), places, Dice("another"))


def test_a_day_that_starts_at_an_hour() -> None:
    from datetime import datetime
    from types import SimpleNamespace
    from typing import Any

    from protocols.study.scheduling import day_of

    study: Any = SimpleNamespace(plan=joined("cocaine-cpp").plan)
    assert day_of(study, datetime(2026, 1, 6, 3, 59)) == date(2026, 1, 5)
    assert day_of(study, datetime(2026, 1, 6, 4, 0)) == date(2026, 1, 6)
