"""Which end of the animal is its nose: a belief that tail and motion settle over time. Pure.

It is kept as log odds, so that evidence adds up: of the tail by the time that it is seen, of
motion by the way that is walked, for an animal walks nose first. Time in which the body shows no
axis takes from it. A cable that looks like a tail is outweighed after some steps; an animal that
backs off for a moment is not turned round.
"""

from math import cos, exp, hypot, radians, sin
from typing import NamedTuple

from rig.tracking.pose import Pose

MOST = 6.0
"""Log odds are not believed beyond this: it takes so much to turn the animal round."""
SURE = 2.0
"""Log odds from which nose, tail base and heading are told: 0.88."""
FIRST = 2.5
"""What a tail says that is seen for the first time."""
TAIL_A_S = 5.0
"""What a tail says in a second in which it is seen."""
WALKED_A_CM = 1.0
"""What a cm says that was walked along the axis."""
WALKING_CM_S = 4.0
"""Slower, the centroid moves because the animal turns, rears or grooms."""
ALONG = 0.7
"""Cosine between axis and motion from which it is walking along the axis."""
ACROSS = 0.4
"""Twice the cosine to the old axis up to which a new one tells nothing of the old ends."""
CURLED_S = 0.4
"""Seen without an axis for so long, an animal may have turned: the odds are down to a third."""


class Facing(NamedTuple):
    """A heading in degrees and the log odds (0.01) that the nose is there, not at the other end."""

    heading_deg: float
    odds: float


class Step(NamedTuple):
    """How the centroid moved since it was seen last, in cm, and how long that took, in s."""

    dx_cm: float
    dy_cm: float
    elapsed_s: float


def face(pose: Pose, before: Facing | None, step: Step | None) -> Facing:
    """What is believed with one more picture.

    Args:
        pose: what the picture shows; its heading may be the wrong way round.
        before: what was believed; None: nothing yet.
        step: since then; None where the animal was not seen shortly before.
    """
    heading = pose.heading_deg
    if before is None or step is None:
        return Facing(heading, FIRST if pose.told else 0.0)
    odds, told = before.odds, 1.0 if pose.told else 0.0
    # the end that is nearer to where the nose was; an axis across the old one may be either
    same = cos(radians(heading - before.heading_deg))
    if same < 0:
        heading, told = _opposite(heading), -told
    odds *= max(0.0, min(2 * abs(same) - ACROSS, 1.0))
    odds += told * TAIL_A_S * min(step.elapsed_s, 0.1)
    way_cm = hypot(step.dx_cm, step.dy_cm)
    if way_cm > WALKING_CM_S * step.elapsed_s:
        angle = radians(heading)
        along_cm = step.dx_cm * cos(angle) + step.dy_cm * sin(angle)
        if abs(along_cm) > ALONG * way_cm:
            odds += WALKED_A_CM * max(-3.0, min(along_cm, 3.0))
    if told and not before.odds:
        odds = told * FIRST
    if odds < 0:
        heading, odds = _opposite(heading), -odds
    return Facing(heading, round(min(odds, MOST), 2))


def fade(before: Facing, elapsed_s: float) -> Facing:
    """What is still believed when the body showed no axis for so long."""
    return before._replace(odds=round(before.odds * exp(-elapsed_s / CURLED_S), 2))


def ends(pose: Pose, facing: Facing) -> Pose | None:
    """The pose as it is believed to be; None where that is not sure."""
    if facing.odds < SURE:
        return None
    if abs((facing.heading_deg - pose.heading_deg + 180) % 360 - 180) < 90:
        return pose
    nose_x, nose_y, tail_x, tail_y, _, told = pose
    return Pose(tail_x, tail_y, nose_x, nose_y, facing.heading_deg, told)


def _opposite(heading_deg: float) -> float:
    return round(heading_deg - 180 if heading_deg > 0 else heading_deg + 180, 1)
