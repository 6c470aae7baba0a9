"""Which of the things found is the animal. Pure and cheap; called in frame order."""

from math import hypot
from typing import NamedTuple

from rig.model import NS_PER_S, Detection, Reason
from rig.tracking.facing import Facing, Step, ends, face, fade
from rig.tracking.finding import Candidate, Found

FASTEST_CM_S = 150.0
"""Faster than a mouse or a rat runs; a position farther away is flagged as a jump."""
SLACK_CM = 4.0
"""A centroid moves that far when the animal rears, turns or comes out from behind something."""
OUTSTANDING = 2.5
"""So many times larger than the next, a candidate is the animal without further evidence."""
REMEMBERED_S = 2.0
"""For so long the last position tells which of two is the animal; later either could be."""
UNWATCHED_S = 0.25
"""In so long an animal that is not seen may turn round."""
APART = 1.5
"""Of the root of their areas together: so far apart, two things are not halves of one body, whose
length is about twice the root of its area."""
MOSTLY_INSIDE = 0.5
HARDLY_INSIDE = 0.1
NO_POSE = (None, None, None, None, None, None)


class Prior(NamedTuple):
    """Where the animal was last seen, how large it usually is, and which way it faced."""

    x_px: float
    y_px: float
    area_px: float
    t_ns: int
    facing: Facing | None = None


def choose(found: Found, prior: Prior | None, t_ns: int) -> Detection:
    """The detection of one picture taken at `t_ns`.

    A single candidate is taken wherever it is. Of several, those outside the chambers (a
    reflection in a wall) give way to those inside, a much larger one wins, else the nearest to
    `prior`; without a prior of the last two seconds the reason is TWO.

    Confidence is 1 where the body is at least two thresholds away from its floor, less in
    proportion; half where another could have been the animal; half where it jumped or is 2.5
    times larger or smaller than it usually is. Which end is the nose is settled over time
    (`facing`); until it is, nose, tail base and heading are None.
    """
    count, blob_px, sweep = len(found.candidates), found.blob_px, found.sweep
    if found.hand:
        return Detection(Reason.HAND, candidates=count, blob_px=blob_px, sweep=sweep)
    if not count:
        reason = Reason.LARGE if found.large else Reason.SMALL if blob_px else Reason.NONE
        return Detection(reason, blob_px=blob_px, sweep=sweep)
    likely = _likely(found)
    best, alone = _pick(likely, prior, t_ns)
    if best is None:
        return Detection(Reason.TWO, candidates=count, blob_px=blob_px, sweep=sweep)
    confidence = best.strength * (1.0 if alone else 0.5)
    jump = False
    if prior is not None:
        jump = _distance_px(best, prior) > _reach_px(found, prior, t_ns)
        if jump or not 0.4 <= best.area_px / prior.area_px <= 2.5:
            confidence *= 0.5
    facing = _facing(found, best, None if jump else prior, t_ns)
    pose = None if best.pose is None or facing is None else ends(best.pose, facing)
    nose_x, nose_y, tail_x, tail_y, heading, _ = pose or NO_POSE
    return Detection(  # by place: to name twenty costs half as much again
        Reason.FOUND,
        best.x_px,
        best.y_px,
        best.area_px,
        best.sum_x_px,
        best.sum_y_px,
        nose_x,
        nose_y,
        tail_x,
        tail_y,
        heading,
        round(confidence, 3),
        count,
        blob_px,
        jump,
        best.inside,
        best.clear_px,
        sweep,
        facing,
        None if alone else _other(likely, best),
    )


def next_prior(prior: Prior | None, detection: Detection, t_ns: int) -> Prior | None:
    """The prior for the next picture: this position if there is one, else the old one."""
    if detection.x_px is None or detection.y_px is None:
        return prior
    area = float(detection.area_px)
    if prior is not None:
        area = prior.area_px + (area - prior.area_px) / 32
    facing = None if detection.facing is None else Facing(*detection.facing)
    return Prior(detection.x_px, detection.y_px, area, t_ns, facing)


def _facing(found: Found, best: Candidate, prior: Prior | None, t_ns: int) -> Facing | None:
    """Which way the animal is thought to face; None where nothing is known of it."""
    before, step = None, None
    if prior is not None and prior.facing is not None:
        elapsed_s = (t_ns - prior.t_ns) / NS_PER_S
        if 0 < elapsed_s <= REMEMBERED_S:
            before = prior.facing
            if best.pose is None or elapsed_s > UNWATCHED_S:
                before = fade(before, elapsed_s)
            dx_px, dy_px = best.x_px - prior.x_px, best.y_px - prior.y_px
            step = Step(dx_px / found.px_per_cm, dy_px / found.px_per_cm, elapsed_s)
    return before if best.pose is None else face(best.pose, before, step)


def _likely(found: Found) -> tuple[Candidate, ...]:
    """The candidates without those outside the chambers, if one is inside.

    Zones have no say: they may lie over chambers, beside them, and be drawn anew later.
    """
    candidates = found.candidates
    if len(candidates) < 2:
        return candidates
    shares = [sum(one.inside[: found.chambers]) / one.area_px for one in candidates]
    if max(shares) < MOSTLY_INSIDE:
        return candidates
    return tuple(
        one for one, share in zip(candidates, shares, strict=True) if share > HARDLY_INSIDE
    )


def _pick(
    candidates: tuple[Candidate, ...], prior: Prior | None, t_ns: int
) -> tuple[Candidate | None, bool]:
    """The animal among the candidates (largest first), and whether nothing else could be it."""
    first = candidates[0]
    if len(candidates) == 1:
        return first, True
    if first.area_px > OUTSTANDING * candidates[1].area_px:
        return first, False
    if prior is None or t_ns - prior.t_ns > REMEMBERED_S * NS_PER_S:
        return None, False
    return min(candidates, key=lambda one: _distance_px(one, prior)), False


def _other(candidates: tuple[Candidate, ...], best: Candidate) -> tuple[float, float] | None:
    """The largest that could be a second animal: of its size, and not a part of its body."""
    for one in candidates:
        if one is best or OUTSTANDING * one.area_px < best.area_px:
            continue
        apart_px = hypot(one.x_px - best.x_px, one.y_px - best.y_px)
        if apart_px > APART * (one.area_px + best.area_px) ** 0.5:
            return one.x_px, one.y_px
    return None


def _distance_px(one: Candidate, prior: Prior) -> float:
    return hypot(one.x_px - prior.x_px, one.y_px - prior.y_px)


def _reach_px(found: Found, prior: Prior, t_ns: int) -> float:
    elapsed_s = max((t_ns - prior.t_ns) / NS_PER_S, 1 / found.rate_hz)
    return (SLACK_CM + FASTEST_CM_S * elapsed_s) * found.px_per_cm
