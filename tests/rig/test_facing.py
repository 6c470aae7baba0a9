"""Which end is the nose: a belief that tail and motion settle, not a guess a picture."""

import pytest

from rig.ledger import parse_tick, tick_line
from rig.model import NS_PER_S, Detection, Reason, Tick
from rig.tracking import Candidate, Found, choose, next_prior
from rig.tracking.facing import Facing, Step, ends, face, fade
from rig.tracking.pose import Pose

STILL = Step(0.0, 0.0, 1 / 30)
WALK = Step(0.5, 0.0, 1 / 30)  # 15 cm/s towards 0 degrees


def pose(heading_deg: float, told: bool) -> Pose:
    return Pose(20.0, 0.0, -20.0, 0.0, heading_deg, told)


def after(pictures: list[tuple[Pose, Step | None]], facing: Facing | None = None) -> Facing:
    for seen, step in pictures:
        facing = face(seen, facing, step)
    assert facing is not None
    return facing


def test_a_tail_tells_at_once_and_an_end_without_one_is_no_nose() -> None:
    assert ends(pose(0.0, True), face(pose(0.0, True), None, None)) == pose(0.0, True)
    assert ends(pose(0.0, False), face(pose(0.0, False), None, None)) is None


def test_walking_tells_which_end_is_the_nose_without_a_tail() -> None:
    facing = after([(pose(180.0, False), None), *[(pose(180.0, False), WALK)] * 6])
    assert abs(facing.heading_deg) < 90
    swapped = ends(pose(180.0, False), facing)
    assert swapped is not None
    assert (swapped.nose_x_px, swapped.tail_x_px, swapped.heading_deg) == (-20.0, 20.0, 0.0)


def test_what_looks_like_a_tail_in_front_does_not_outweigh_where_it_walks() -> None:
    """A cable: the silhouette says in each picture that the nose is where the animal comes from."""
    wrong = pose(180.0, True)
    start = face(wrong, None, None)
    assert abs(after([(wrong, STILL)], start).heading_deg) > 90
    settled = after([(wrong, WALK)] * 30, start)
    assert abs(settled.heading_deg) < 90
    assert ends(wrong, settled) is not None


def test_backing_off_for_two_centimetres_turns_nobody_round() -> None:
    sure = Facing(180.0, 6.0)
    facing = after([(pose(180.0, False), WALK)] * 4, sure)
    assert facing.heading_deg == 180.0
    assert facing.odds == pytest.approx(4.0)


def test_an_axis_that_turns_is_followed_and_one_across_tells_nothing() -> None:
    facing = Facing(0.0, 5.0)
    for turned in range(20, 200, 20):
        # the picture alone names the ends the wrong way round from 100 degrees on
        seen = pose(float(turned if turned <= 90 else turned - 180), False)
        facing = face(seen, facing, STILL)
    assert facing == Facing(180.0, 5.0)
    assert face(pose(90.0, False), Facing(0.0, 5.0), STILL).odds == 0.0


def test_a_curled_animal_may_turn() -> None:
    assert fade(Facing(0.0, 6.0), 1.0).odds < 1.0


@pytest.mark.parametrize("rate_hz", [15, 30, 60])
def test_the_same_walk_settles_it_alike_at_every_rate(rate_hz: int) -> None:
    step = Step(3.0 / rate_hz, 0.0, 1 / rate_hz)  # too slow to tell: the tail alone does
    facing = after([(pose(0.0, True), step)] * (rate_hz // 3), Facing(0.0, 2.5))
    assert facing.odds == pytest.approx(2.5 + 5 / 3, abs=0.15)


def found(x_px: float, seen: Pose | None) -> Found:
    one = Candidate(x_px, 50.0, 500, 0, 0, seen, 1.0, (), ())
    return Found((one,), 500, False, False, 5.0, 30.0)


def test_the_belief_is_in_the_detection_and_in_the_tick() -> None:
    """So who goes on from recorded ticks believes the same as who never stopped."""
    prior, seen = None, []
    for k in range(20):
        t_ns = k * NS_PER_S // 30
        one = choose(found(50.0 + 2.5 * k, pose(180.0, False) if k % 7 else None), prior, t_ns)
        tick = parse_tick(tick_line(Tick(k, t_ns, k, one)))
        assert tick.detection == one
        prior = next_prior(prior, tick.detection, t_ns)
        seen.append(one)
    assert seen[0].facing is seen[0].nose_confidence is None
    assert seen[1].heading_deg is seen[1].nose_x_px is None
    assert seen[1].nose_confidence is not None
    assert seen[-1].heading_deg == 0.0
    assert seen[-1].nose_x_px == -20.0
    assert (seen[-1].nose_confidence or 0) > 0.88
    assert seen[14].heading_deg is None, "a picture without an axis has no heading"
    jumped = choose(found(5000.0, pose(180.0, True)), prior, 20 * NS_PER_S // 30)
    assert (jumped.jump, jumped.heading_deg) == (True, 180.0)


def test_a_tick_written_before_there_was_a_belief_is_read() -> None:
    line = '{"k":0,"t":0,"frame":0,"d":{"x":1.0,"y":2.0,"h":90.0},"reports":[],"requests":[]}'
    assert parse_tick(line).detection == Detection(Reason.FOUND, 1.0, 2.0, heading_deg=90.0)
