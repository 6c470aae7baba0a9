"""Dry runs: sessions by their doors and places, courses by their days, hours and tests."""

from collections.abc import Mapping
from typing import Any

import pytest

from protocols import library
from protocols.course import PhasePlan, Weekend
from protocols.days import Misfit, placed, unrolled
from protocols.protocol import Protocol, course_of, parse, plan_session, settings
from protocols.rehearsal import rehearse
from protocols.timetable import timetable
from rig.apparatus import Apparatus
from rig.hardware.simulated.builtin import builtin_apparatus
from rig.steps import SessionPlan

PLACE = {"do": "place", "name": "place", "chamber": "centre", "doors": "closed"}
TEST = {"do": "explore", "name": "test", "start": "opened", "duration_s": 60, "scored": True}
STAY = {"do": "confine", "name": "stay", "chamber": "left", "duration_s": 60}
IN_LEFT = {"until": "condition", "condition": {"in": "left", "for_s": 5}}


def walked(*steps: Mapping[str, Any], drive: str = "board", chambers: int = 3) -> list[str]:
    plan = SessionPlan.model_validate({"protocol": "p", "step": steps})
    return rehearse(plan, builtin_apparatus(chambers, drive=drive))


@pytest.mark.parametrize("drive", ["board", "manual", "none"])
def test_a_test_and_a_confinement_are_as_they_should_be(drive: str) -> None:
    assert walked(PLACE, TEST, drive=drive) == []
    assert walked(PLACE | {"chamber": "left"}, STAY, drive=drive) == []
    assert walked(PLACE, {"do": "open"}, TEST | {"start": "now"}, drive=drive) == []


FAULTS: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "never opened": (
        [PLACE, TEST | {"start": "now"}],
        [
            "test is free exploration, but doors left, right are not opened first: the animal"
            " cannot come into left, right"
        ],
    ),
    "one of two opened": (
        [PLACE, {"do": "open", "door": ["left"]}, TEST | {"start": "now"}],
        [
            "test is free exploration, but door right is not opened first: the animal cannot"
            " come into right"
        ],
    ),
    "left as found": (
        [PLACE | {"doors": None}, TEST | {"start": "now"}],
        [
            "test is free exploration, but doors left, right are not opened first: the animal"
            " cannot come into left, right"
        ],
    ),
    "never closed": (
        [PLACE | {"chamber": "left", "doors": None}, STAY],
        ["stay confines to left, but door left is not closed first"],
    ),
    "opened again": (
        [PLACE | {"chamber": "left"}, {"do": "open", "door": ["left"]}, STAY],
        ["stay confines to left, but door left is not closed first"],
    ),
    "placed elsewhere": ([PLACE, STAY], ["stay confines to left, but the animal is in centre"]),
    "after the end": (
        [PLACE, TEST | {"duration_s": None, "on_input_end": "completed"}, STAY, {"do": "open"}],
        ["test never ends by itself: stay, open-4 cannot be reached"],
    ),
    "waits in vain": (
        [PLACE, {"do": "record", "name": "look", **IN_LEFT}, TEST],
        ["look never ends: the animal cannot come into left: test cannot be reached"],
    ),
    "waits in vain to its limit": (
        [PLACE, {"do": "record", "name": "look", "limit_s": 90, "on_limit": "next", **IN_LEFT}],
        ["look ends by its limit of 1 min 30 s alone: the animal cannot come into left"],
    ),
    "an output that never comes on": (
        [PLACE, TEST | {"start": "now", "rule": [{"while_in": "left", "output": "laser"}]}],
        ["test: output laser never comes on, left is shut off"],
    ),
}


@pytest.mark.parametrize(("steps", "faults"), FAULTS.values(), ids=FAULTS)
def test_a_session_that_cannot_be(steps: list[dict[str, Any]], faults: list[str]) -> None:
    assert walked(*steps)[-len(faults) :] == faults


def test_chambers_without_a_wall_are_always_reached() -> None:
    table = builtin_apparatus(3).model_dump(mode="json", exclude_defaults=True)
    del table["doorway"]
    apparatus = Apparatus.model_validate(table)
    plan = SessionPlan.model_validate({"protocol": "p", "step": [PLACE, TEST | {"start": "now"}]})
    assert rehearse(plan, apparatus) == []


# days


def days_of(name: str, starts_on: int, *cycles: int, **values: Any) -> dict[str, int] | Misfit:
    protocol = library.read(name)
    course = course_of(protocol, {**protocol.parameters, **values})
    return placed(unrolled(course, cycles), course.study.weekend, starts_on)


def test_a_course_from_monday_on() -> None:
    assert days_of("cocaine-cpp", 0) == {
        "pretest": 0,
        "conditioning1a": 1,
        "conditioning1b": 1,
        "conditioning2a": 2,
        "conditioning2b": 2,
        "posttest": 3,
    }


def test_a_weekend_that_may_not_lie_between() -> None:
    assert days_of("cocaine-cpp", 2) == Misfit("posttest", "falls on or over a Saturday")


def test_a_weekend_that_does_not_count() -> None:
    days = days_of("food-cpp", 3)
    assert isinstance(days, dict)
    assert [days[f"conditioning{n}"] for n in ("1a", "1b", "2a")] == [1, 4, 5]


@pytest.mark.parametrize(
    ("early", "late", "found"),
    [
        (0, 0, Misfit("two", "falls on a Sunday")),
        (0, 1, 10),
        (1, 0, Misfit("two", "falls on a Sunday")),
        (2, 0, 7),
        (2, 1, 10),
    ],
)
def test_a_day_that_counts_and_has_a_window(early: int, late: int, found: int | Misfit) -> None:
    phases = [
        PhasePlan(name="one", kind="pretest", in_box=True, day=1),
        PhasePlan(
            name="two", kind="posttest", in_box=True, after="one", days=9,
            early_days=early, late_days=late, weekend=Weekend.COUNTED,
        ),
    ]  # fmt: skip
    days = placed(phases, Weekend.FORBIDDEN, 4)
    assert (days if isinstance(days, Misfit) else days["two"]) == found


def test_extinction_is_unrolled_and_what_follows_comes_after_its_last_cycle() -> None:
    days = days_of("reinstatement-cocaine", 0, 3)
    assert isinstance(days, dict)
    assert [name for name in days if name.startswith("extinction2")] == [
        "extinction2a", "extinction2b", "extinction2c", "extinction2d", "extinction2",
    ]  # fmt: skip
    tests = [days[f"extinction{n}"] for n in (1, 2, 3)]
    assert days["reinstatement1"] == tests[-1] + 1
    assert "extinction4" not in days


def test_each_block_of_several_is_unrolled_by_itself() -> None:
    days = days_of("reinstatement-primes", 0, 1, 2, 1, 1)
    assert isinstance(days, dict)
    order = [name for name in days if name.startswith("reinstatement") or name[-1].isdigit()]
    assert order == [
        "extinction1", "reinstatement1", "extinction11", "extinction12", "reinstatement2",
        "extinction21", "reinstatement3", "extinction31", "reinstatement4",
    ]  # fmt: skip
    assert sorted(days.values()) == list(days.values())


# the whole course


def dry(protocol: Protocol, *words: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    values = settings(protocol, list(words))
    plans = {
        phase.name: plan_session(protocol, phase.name, builtin_apparatus(3), "left", values)
        for phase in protocol.in_box
    }
    groups = {group: course_of(protocol, values, group) for group in protocol.group}
    told = timetable(groups, plans)
    return told.faults, told.notes


def changed(text: str) -> Protocol:
    return parse(f'name = "own"\nextends = "delayed-test"\n{text}', "own.toml", library.text)


def test_a_test_shorter_than_its_pretest_is_a_fault() -> None:
    text = """
    [parameters]
    short_s = 900
    [[phase]]
    name = "posttest"
      [[phase.step]]
      do = "place"
      chamber = "neutral"
      doors = "closed"
      [[phase.step]]
      do = "explore"
      start = "opened"
      duration_s = "short_s"
      scored = true
    """
    faults, _ = dry(changed(text))
    assert faults == (
        "posttest is scored for 15 min, its pre-test pretest for 30 min: make them as long as each"
        " other",
    )
    assert dry(changed(text), "short_s=1800")[0] == ()


def test_a_day_that_is_too_long_is_a_fault() -> None:
    faults, _ = dry(library.read("cocaine-cpp-u50488-60min"), "between_sessions_s=36000")
    assert faults == (
        "day 2 (conditioning1a, conditioning1b) takes 13.0 h of one animal; a working day has 12 h"
        " (working_h)",
        "day 3 (conditioning2a, conditioning2b) takes 13.0 h of one animal; a working day has 12 h"
        " (working_h)",
    )


def test_days_that_never_fit_are_a_fault() -> None:
    text = '[[phase]]\nname = "posttest"\nday = 7\nweekend = "forbidden"'
    faults, _ = dry(changed(text))
    assert faults == (
        "no day to start on fits (Saturday, Sunday closed): from a Monday on, posttest falls on or"
        " over a Saturday",
    )
    assert dry(changed(f"{text}\n[study]\nclosed = []"))[0] == ()


def test_groups_that_differ_are_told_apart() -> None:
    _, notes = dry(library.read("delayed-test"))
    assert notes[0].startswith("delay1: takes 4 days")
    assert "delay14: takes 17 days (Saturday, Sunday closed); may start on a Monday, " in notes[3]
    assert "each animal is 3.0 h in the box, in 6 sessions" in notes
