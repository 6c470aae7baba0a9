"""The simulated mouse's body: a chain of joints that follows its head, and its outline from above.

Lengths and widths are those of an adult C57BL/6J of 20 to 30 g: 9.4 cm from nose to tail base,
3.2 cm wide at the hips, about 20 cm2 from above, and a tail of 7.8 cm.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from rig.hardware.simulated.maze import (
    Core,
    Gate,
    Point,
    Wall,
    inside,
    nearest,
    push,
    reach,
)

LINKS_CM = (2.8, 2.3, 2.2, 2.1, 1.95, 1.95, 1.95, 1.95)
"""Nose, neck, trunk, hips, tail base, and four pieces of tail: the lengths between them."""
NOSE, NECK, TRUNK, HIPS, BASE, TIP = 0, 1, 2, 3, 4, 8
JOINT_RADII_CM = (0.4, 1.05, 1.5, 1.6, 0.55, 0.2, 0.2, 0.2, 0.2)
HALF_WIDTH_CM = 1.6
WALL_CM = 0.2  # half of a wall's thickness
CLEARANCE_CM = HALF_WIDTH_CM + WALL_CM

_OUTLINE_AT_CM = (0.0, 0.5, 1.1, 1.8, 2.6, 3.5, 4.4, 5.3, 6.2, 7.1, 7.9, 8.6, 9.2)
_OUTLINE_RADII_CM = (0.32, 0.52, 0.78, 0.95, 1.02, 1.18, 1.38, 1.52, 1.6, 1.6, 1.42, 1.02, 0.6)
_TAIL_AT_CM = tuple(9.4 + 7.8 * i / 9 for i in range(10))
_POSTURE_RATE_PER_S = 1 / 0.25
_BENDS = tuple(  # cosine and sine of how far each joint bends; the trunk's is the mouse's heading
    (-2.0, 0.0) if joint < 3 else (math.cos(most), math.sin(most))
    for joint, most in enumerate((0.0, 0.0, 0.0, 0.6, 0.6, 0.9, 0.9, 0.9, 0.9))
)


class Posture(StrEnum):
    """What a mouse that stands still does."""

    STAND = "stand"
    REAR_WALL = "rear_wall"
    REAR = "rear"
    GROOM = "groom"


_SHAPES = {  # length left of the whole, width against standing, the joint that stays
    Posture.REAR_WALL: (0.58, 1.0, NECK),
    Posture.REAR: (0.55, 1.0, HIPS),
    Posture.GROOM: (0.60, 1.12, HIPS),
}


class Care(StrEnum):
    """How much the joints that follow need to mind walls."""

    NONE = "none"  # where the neck went in a convex chamber, what it pulls can go
    PULLED = "pulled"  # pulled round the edge of a gap
    PUSHED = "pushed"  # pushed somewhere the neck has not been


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """The mouse from above, in centimetres: body circles along the spine, tail, and what is true.

    `spine_cm` is (13, 2), nose first; `radii_cm` (13,); `tail_cm` (10, 2), base first. The centroid
    is the body's without the tail.
    """

    spine_cm: NDArray[np.float64]
    radii_cm: NDArray[np.float64]
    tail_cm: NDArray[np.float64]
    centroid_cm: Point
    nose_cm: Point
    base_cm: Point


def _through_joints(at_cm: Sequence[float]) -> NDArray[np.float64]:
    """Weights (samples, joints) of a smooth curve through the joints (Catmull-Rom)."""
    starts = np.concatenate([[0.0], np.cumsum(LINKS_CM)])
    last = len(LINKS_CM)
    weights = np.zeros((len(at_cm), last + 1))
    for row, at in enumerate(at_cm):
        link = min(int(np.searchsorted(starts, at, side="right")) - 1, last - 1)
        t = min((at - starts[link]) / LINKS_CM[link], 1.0)
        four = (
            (-t + 2 * t**2 - t**3) / 2,
            (2 - 5 * t**2 + 3 * t**3) / 2,
            (t + 4 * t**2 - 3 * t**3) / 2,
            (-(t**2) + t**3) / 2,
        )
        for offset, weight in zip((-1, 0, 1, 2), four, strict=True):
            joint = link + offset
            # beyond an end the curve goes straight on
            if joint < 0:
                weights[row, 0] += 2 * weight
                weights[row, 1] -= weight
            elif joint > last:
                weights[row, last] += 2 * weight
                weights[row, last - 1] -= weight
            else:
                weights[row, joint] += weight
    weights.setflags(write=False)
    return weights


def _centroid_weights() -> tuple[float, ...]:
    """How much each joint counts for the centroid of the outline, circles laid over each other."""
    along = np.linspace(-1.0, 11.0, 481)
    off = along[:, None] - np.array(_OUTLINE_AT_CM)
    half = np.sqrt(np.clip(np.array(_OUTLINE_RADII_CM) ** 2 - off**2, 0.0, None)).max(axis=1)
    ends = np.clip(along, _OUTLINE_AT_CM[0], _OUTLINE_AT_CM[-1])
    joints = (half / half.sum()) @ _through_joints(ends.tolist())
    return tuple(float(weight) for weight in joints)


_CURVE = _through_joints(_OUTLINE_AT_CM + _TAIL_AT_CM)
_RADII = np.array(_OUTLINE_RADII_CM)
_RADII.setflags(write=False)
_CENTROID = _centroid_weights()
_BODY_POINTS = len(_OUTLINE_AT_CM)


class Body:
    """Nine joints. The neck is moved, the nose looks ahead of it, all others are pulled along."""

    def __init__(self) -> None:
        self.x = [0.0] * len(JOINT_RADII_CM)
        self.y = [0.0] * len(JOINT_RADII_CM)
        self.posture = Posture.STAND
        self.amount = 0.0
        """How far the posture is taken: 0 standing to 1."""

    def lay(
        self,
        outline: Sequence[Point],
        walls: Sequence[Wall],
        neck: Point,
        heading_rad: float,
    ) -> float:
        """Lays the body down in a chamber, its neck at a point; how far it had to bend, in rad."""
        self.posture, self.amount = Posture.STAND, 0.0
        x, y = self.x[NECK], self.y[NECK] = neck
        bent = self._lay_joint(NOSE, x, y, heading_rad, outline, walls)[1]
        back = heading_rad + math.pi
        for joint in range(TRUNK, TIP + 1):
            back, more = self._lay_joint(joint, x, y, back, outline, walls)
            x, y = self.x[joint], self.y[joint]
            bent += more
        return bent

    def _lay_joint(
        self,
        joint: int,
        x: float,
        y: float,
        towards_rad: float,
        outline: Sequence[Point],
        walls: Sequence[Wall],
    ) -> tuple[float, float]:
        """Puts a joint a link away from a point, as nearly `towards` as walls let it."""
        link = LINKS_CM[joint - 1] if joint else LINKS_CM[0]
        least = (JOINT_RADII_CM[joint] + WALL_CM) ** 2
        for tenth in range(32):
            for turn in (tenth / 10, -tenth / 10):
                at_x = x + link * math.cos(towards_rad + turn)
                at_y = y + link * math.sin(towards_rad + turn)
                self.x[joint], self.y[joint] = at_x, at_y
                if inside(outline, at_x, at_y) and nearest(walls, at_x, at_y)[0] >= least:
                    return towards_rad + turn, tenth / 10
        self.x[joint], self.y[joint] = x, y  # too small a chamber: curled up
        return towards_rad, math.pi

    def follow(
        self,
        neck: Point,
        heading_rad: float,
        ahead: Sequence[Wall],
        behind: Sequence[Wall],
        core: Core,
        care: Care,
        squeeze: float,
    ) -> bool:
        """Moves the neck and lets the rest follow; whether a joint bent too far had to give way.

        `ahead` are the walls the nose keeps from, `behind` those of all other joints, which are
        kept from them with `care`; in the `core` there is no wall. `squeeze` narrows the body in
        a gap.
        """
        xs, ys = self.x, self.y
        x, y = neck
        nose_x = x + LINKS_CM[0] * math.cos(heading_rad)
        nose_y = y + LINKS_CM[0] * math.sin(heading_rad)
        clearance = JOINT_RADII_CM[0] + WALL_CM
        core_x0, core_y0, core_x1, core_y1 = core
        kept_x, kept_y = nose_x, nose_y
        if not (
            core_x0 + clearance < nose_x < core_x1 - clearance
            and core_y0 + clearance < nose_y < core_y1 - clearance
        ):
            kept_x, kept_y = reach(ahead, neck, nose_x, nose_y, clearance)
        if kept_x != nose_x or kept_y != nose_y:
            # turn the head along the wall at its full length, then make sure of the wall
            length = math.hypot(kept_x - x, kept_y - y) or 1.0
            kept_x = x + (kept_x - x) * LINKS_CM[0] / length
            kept_y = y + (kept_y - y) * LINKS_CM[0] / length
            kept_x, kept_y = reach(ahead, neck, kept_x, kept_y, clearance)
        xs[0], ys[0] = kept_x, kept_y
        xs[1], ys[1] = x, y
        on_x = on_y = 0.0
        pushed = False
        for joint in range(2, 9):
            link = LINKS_CM[joint - 1]
            dx = xs[joint] - x
            dy = ys[joint] - y
            length = math.sqrt(dx * dx + dy * dy) or 1.0
            dx /= length
            dy /= length
            cos, sin = _BENDS[joint]
            if dx * on_x + dy * on_y < cos:
                if on_x * dy < on_y * dx:
                    sin = -sin
                dx = on_x * cos - on_y * sin
                dy = on_y * cos + on_x * sin
                care, pushed = Care.PUSHED, True
            on_x, on_y = dx, dy
            before = (x, y)
            x += dx * link
            y += dy * link
            if care is not Care.NONE:
                clearance = JOINT_RADII_CM[joint] * squeeze + WALL_CM
                if (
                    core_x0 + clearance < x < core_x1 - clearance
                    and core_y0 + clearance < y < core_y1 - clearance
                ):
                    pass
                elif care is Care.PULLED:
                    x, y = push(behind, x, y, clearance)
                else:
                    x, y = reach(behind, before, x, y, clearance)
            xs[joint] = x
            ys[joint] = y
        return pushed

    def axis_rad(self) -> float:
        """Where the trunk points."""
        return math.atan2(self.y[NECK] - self.y[TRUNK], self.x[NECK] - self.x[TRUNK])

    def swing(self, turn_rad: float, walls: Sequence[Wall]) -> None:
        """Turns the trunk about the neck, as a mouse does that turns on the spot."""
        dx, dy = self.x[TRUNK] - self.x[NECK], self.y[TRUNK] - self.y[NECK]
        cos, sin = math.cos(turn_rad), math.sin(turn_rad)
        self.x[TRUNK], self.y[TRUNK] = reach(
            walls,
            (self.x[NECK], self.y[NECK]),
            self.x[NECK] + dx * cos - dy * sin,
            self.y[NECK] + dx * sin + dy * cos,
            JOINT_RADII_CM[TRUNK] + WALL_CM,
        )

    def settle(self, posture: Posture, step_s: float) -> None:
        """Moves one step towards a posture, by way of standing."""
        change = step_s * _POSTURE_RATE_PER_S
        if posture is self.posture and posture is not Posture.STAND:
            self.amount = min(1.0, self.amount + change)
        elif self.amount > 0.0:
            self.amount = max(0.0, self.amount - change)
        else:
            self.posture = posture

    def centroid(self) -> Point:
        """The centre of the body without the tail, in cm."""
        x = y = 0.0
        for joint in range(7):
            weight = _CENTROID[joint]
            x += weight * self.x[joint]
            y += weight * self.y[joint]
        if self.amount > 0.0:
            length, _, anchor = _SHAPES[self.posture]
            scale = 1.0 - self.amount * (1.0 - length)
            x = self.x[anchor] + (x - self.x[anchor]) * scale
            y = self.y[anchor] + (y - self.y[anchor]) * scale
        return x, y

    def pose(self) -> Pose:
        """The body as it is now."""
        curve = _CURVE @ np.array((self.x, self.y)).T
        spine, tail, radii = curve[:_BODY_POINTS], curve[_BODY_POINTS:], _RADII
        base = (self.x[BASE], self.y[BASE])
        nose = (self.x[NOSE], self.y[NOSE])
        if self.amount > 0.0:
            length, width, anchor = _SHAPES[self.posture]
            scale = 1.0 - self.amount * (1.0 - length)
            fixed_x, fixed_y = self.x[anchor], self.y[anchor]
            fixed = np.array((fixed_x, fixed_y))
            spine = fixed + (spine - fixed) * scale
            radii = _RADII * (1.0 + self.amount * (width - 1.0))
            moved = (
                (fixed_x - base[0]) * (1.0 - scale),
                (fixed_y - base[1]) * (1.0 - scale),
            )
            base = (base[0] + moved[0], base[1] + moved[1])
            tail = tail + moved
            nose = (fixed_x + (nose[0] - fixed_x) * scale, fixed_y + (nose[1] - fixed_y) * scale)
        return Pose(spine, radii, tail, self.centroid(), nose, base)

    def in_gate(self, gate: Gate, margin_cm: float, tail: bool = True) -> bool:
        """Whether any part, the tail too if asked, is within `margin_cm` of the gate's line."""
        centre_x, centre_y = gate.centre
        normal_x, normal_y = gate.normal
        along_x, along_y = gate.along
        wide = gate.half_cm + HALF_WIDTH_CM + margin_cm
        before_across = before_beside = before_radius = 0.0
        for joint, radius in enumerate(JOINT_RADII_CM if tail else JOINT_RADII_CM[: BASE + 1]):
            dx = self.x[joint] - centre_x
            dy = self.y[joint] - centre_y
            across = dx * normal_x + dy * normal_y
            beside = dx * along_x + dy * along_y
            least = radius + margin_cm
            if -least < across < least and -wide < beside < wide:
                off = max(0.0, abs(beside) - gate.half_cm)
                if across * across + off * off < least * least:
                    return True
            if joint and (across > 0.0) != (before_across > 0.0):
                # the piece between goes through the gate's plane: within the gap?
                share = across / (across - before_across)
                at = beside + (before_beside - beside) * share
                if abs(at) < gate.half_cm + min(radius, before_radius) + margin_cm:
                    return True
            before_across, before_beside, before_radius = across, beside, radius
        return False
