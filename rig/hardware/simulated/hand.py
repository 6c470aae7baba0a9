"""The experimenter's hand and arm over one box: comes in from the picture's edge, and leaves."""

import math
from dataclasses import dataclass
from enum import StrEnum

from rig.hardware.simulated.maze import Point

REACH_S = 0.9
HOLD_S = 0.4


class Errand(StrEnum):
    """What the hand is here for."""

    BRING = "bring"
    TAKE = "take"
    WAVE = "wave"


@dataclass(slots=True)
class Hand:
    """One reach: in from `edge` to `goal` (picture pixels), holding there, and out again.

    `pace` stretches it; 1.0 takes 1.8 s and the hold. `sideways`: the edge is left or right.
    """

    errand: Errand
    edge: Point
    goal: Point
    chamber: int = 0
    pace: float = 1.0
    hold_s: float = HOLD_S
    age_s: float = 0.0
    acted: bool = False
    sideways: bool = False

    def step(self, step_s: float) -> bool:
        """One step; whether this is the step at which it lets go or grasps."""
        self.age_s += step_s
        if not self.acted and self.age_s >= REACH_S * self.pace + self.hold_s:
            self.acted = True
            return True
        return False

    def follow(self, goal: Point) -> None:
        """Reaches for something that moves; the arm keeps its slant."""
        if self.sideways:
            self.edge = (self.edge[0], self.edge[1] + goal[1] - self.goal[1])
        else:
            self.edge = (self.edge[0] + goal[0] - self.goal[0], self.edge[1])
        self.goal = goal

    @property
    def gone(self) -> bool:
        """Whether it is out of the picture again."""
        return self.age_s >= 2 * REACH_S * self.pace + self.hold_s

    def tip_px(self) -> Point:
        """Where the palm is, in picture pixels."""
        reach_s = REACH_S * self.pace
        if self.age_s < reach_s:
            way = self.age_s / reach_s
        elif self.age_s < reach_s + self.hold_s:
            way = 1.0
        else:
            way = max(0.0, 1.0 - (self.age_s - reach_s - self.hold_s) / reach_s)
        way = (1.0 - math.cos(math.pi * way)) / 2
        return (
            self.edge[0] + (self.goal[0] - self.edge[0]) * way,
            self.edge[1] + (self.goal[1] - self.edge[1]) * way,
        )


def edge_px(frame_size_px: tuple[int, int], box_px: Point, margin_px: float) -> Point:
    """Where the arm comes in for a box centred there: the nearest edge, below before above."""
    width, height = frame_size_px
    x, y = box_px
    ways = (
        (height - y, (x, height + margin_px)),
        (y * 1.1, (x, -margin_px)),
        (x * 1.2, (-margin_px, y)),
        ((width - x) * 1.2, (width + margin_px, y)),
    )
    return min(ways)[1]
