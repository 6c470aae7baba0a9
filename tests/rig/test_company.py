"""A second animal beside the one that is followed: told, outputs off, no position made up."""

from dataclasses import replace
from math import sin

import pytest

from rig.engine.replay import replay
from rig.ledger import parse_tick, tick_line
from rig.model import CommandKind, Detection
from rig.tracking import Prior, choose
from rig.tracking.finding import Candidate, Found
from tests.rig.test_engine import Session, at, setup_for

PX_PER_CM = 5.0
RULE: dict[str, object] = {
    "do": "explore",
    "duration_s": 60.0,
    "scored": True,
    "rule": [{"while_in": "left", "output": "laser", "dwell_s": 0.5}],
}


def beside(place: str, other: tuple[float, float]) -> Detection:
    """The mouse in a chamber, and another one at a point."""
    return replace(at(place), candidates=2, other=other)


def walking(k: int) -> tuple[float, float]:
    """Where a second mouse is in the k-th picture: 4 cm to each side."""
    return 210.0 + 20 * sin(k / 3), 120.0


def stimulated() -> Session:
    """A session in which the animal is in the stimulated chamber, and the laser is on."""
    s = Session(setup_for([RULE], drive="none"))
    s.ticks_of("left", 10)
    assert s.kinds()[-1] == "output_on"
    return s


def told(s: Session) -> list[str]:
    kinds = ("output_on", "output_off", "two_animals", "track_lost", "track_found", "hand_in_view")
    return [event.kind for event in s.events if event.kind in kinds]


def test_a_second_animal_is_told_and_outputs_stay_off_until_it_is_gone() -> None:
    s = stimulated()
    for k in range(30):
        s.tick(beside("left", walking(k)))
    assert told(s)[1:] == ["two_animals", "output_off"]
    at_s = s.event("two_animals").t_ns / 1e9
    assert 1.4 < at_s < 1.7, "half a second after it came"
    assert s.commands[-1][1] is CommandKind.OFF
    # Out of the stimulated chamber and in again: no entry counts while there are two.
    for k in range(30):
        s.tick(beside("right", (60.0 + 20 * sin(k / 3), 120.0)))
    for k in range(30):
        s.tick(beside("left", walking(k)))
    assert told(s)[1:] == ["two_animals", "output_off"]
    s.ticks_of("left", 25)
    assert told(s)[1:] == ["two_animals", "output_off", "track_found"]
    s.ticks_of("right", 10)
    s.ticks_of("left", 10)
    assert told(s)[-1] == "output_on"


def test_its_rows_keep_their_position_and_say_so() -> None:
    s = stimulated()
    for k in range(20):
        s.tick(beside("left", walking(k)))
    row = s.samples[-1]
    assert (row.x_px, row.zone, row.flag) == (60.0, "left", "two")
    assert s.samples[12].flag == ""
    assert s.state.untracked == 0


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param([beside("left", (210.0, 120.0))] * 100, id="a-spot-that-lies-there"),
        pytest.param(
            [beside("left", walking(k)) for k in range(4)] + [at("left")] * 40, id="brief"
        ),
        pytest.param(
            [beside("left", walking(k)) if k % 4 == 0 else at("left") for k in range(100)],
            id="now-and-then",
        ),
        pytest.param(
            [beside("left", (180.0 + 60 * (k % 2), 120.0)) for k in range(100)], id="two-spots"
        ),
        pytest.param([replace(at("left"), candidates=2)] * 100, id="a-part-of-it"),
    ],
)
def test_what_is_no_animal_is_none(seen: list[Detection]) -> None:
    s = stimulated()
    for one in seen:
        s.tick(one)
    assert told(s) == ["output_on"]
    assert s.state.company_ns == 0


def test_both_as_one_thing_and_a_hand_that_takes_it_out() -> None:
    s = stimulated()
    for k in range(20):
        s.tick(beside("left", walking(k)))
    s.ticks_of("none", 20)  # they sit on each other: larger than an animal
    assert told(s)[1:] == ["two_animals", "output_off"]
    s.ticks_of("hand", 10)
    assert told(s)[1:] == ["two_animals", "output_off"]
    s.ticks_of("left", 40)
    assert told(s)[-1] == "track_found"


def test_a_hand_beside_two_that_are_seen_is_told() -> None:
    s = stimulated()
    for k in range(20):
        s.tick(beside("left", walking(k)))
    s.ticks_of("hand", 10)
    assert told(s)[1:] == ["two_animals", "output_off", "hand_in_view"]


def test_replay_leads_to_the_same() -> None:
    s = stimulated()
    for k in range(30):
        s.tick(beside("left", walking(k)))
    ticks = [parse_tick(tick_line(tick)) for tick in s.ticks]
    assert ticks == s.ticks
    events = [event for _, outcome in replay(s.setup, ticks) for event in outcome.events]
    assert events == s.events


def candidate(x: float, y: float, area_px: int) -> Candidate:
    inside = (area_px, 0)
    return Candidate(x, y, area_px, int(x * area_px), int(y * area_px), None, 1.0, inside, ())


def chosen(*candidates: Candidate) -> Detection:
    found = Found(candidates, 500, False, False, PX_PER_CM, 30.0, (), 2)
    return choose(found, Prior(60, 60, 500, 0), 33_000_000)


@pytest.mark.parametrize(
    ("x", "area_px", "other"),
    [
        pytest.param(200, 400, (200, 60), id="another-mouse"),
        pytest.param(200, 150, None, id="a-much-smaller-thing"),
        pytest.param(90, 400, None, id="half-of-a-body"),
    ],
)
def test_the_other_one_in_a_picture(x: float, area_px: int, other: object) -> None:
    seen = chosen(candidate(60, 60, 500), candidate(x, 60, area_px))
    assert (seen.x_px, seen.candidates, seen.other) == (60, 2, other)


def test_alone_there_is_no_other() -> None:
    assert chosen(candidate(60, 60, 500)).other is None
