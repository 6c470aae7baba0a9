"""What the simulated mouse leaves to chance: how long, how fast, in which posture, where to."""

import math
from dataclasses import dataclass

import numpy as np

from rig.hardware.simulated.body import CLEARANCE_CM, Body, Posture
from rig.hardware.simulated.maze import Maze, Point, inside, middle, nearest, push
from rig.hardware.simulated.mouse import MouseSettings

ON_SHARE = 0.8  # of targets by a wall lie ahead, the others behind
DART_S = 0.8  # of a run for a doorway


@dataclass(slots=True)
class Bout:
    """One go: how long, how fast, how much of it is done."""

    length_s: float
    speed_cm_s: float
    done_s: float = 0.0


class Lots:
    """Draws for one mouse in one maze; each draw takes the next numbers of `rng`."""

    def __init__(self, maze: Maze, settings: MouseSettings, rng: np.random.Generator) -> None:
        self._maze, self._settings, self._rng = maze, settings, rng
        self._manner = settings.moves

    def activity(self, age_s: float) -> float:
        """What is left of the first activity, 1 down to `settled`."""
        manner = self._manner
        fade = math.exp(-age_s / manner.settling_s)
        return (1.0 - manner.settled) * fade + manner.settled

    def lognormal(self, median: float, sigma: float) -> float:
        """A length or a speed around its median."""
        return median * math.exp(sigma * float(self._rng.standard_normal()))

    def bout(self, dart_cm_s: float | None) -> Bout:
        """How long it goes and how fast; `dart_cm_s`: it runs, so fast."""
        manner = self._manner
        if dart_cm_s is not None:
            return Bout(DART_S, dart_cm_s)
        return Bout(
            max(0.1, self.lognormal(manner.go_median_s, manner.go_sigma)),
            self.lognormal(manner.speed_median_cm_s, manner.speed_sigma),
        )

    def posture_s(self, posture: Posture) -> float:
        """How long it stays in a posture."""
        if posture is Posture.GROOM:
            return self.lognormal(2.5, 0.89)
        return (
            self.lognormal(1.79, 0.40)
            if posture is Posture.REAR_WALL
            else self.lognormal(1.50, 0.46)
        )

    def visit_s(self, chamber: int, age_s: float) -> float:
        """How long it means to stay in a chamber, longer in a preferred one."""
        manner = self._manner
        slow = 1.0 / self.activity(age_s)
        if self._maze.neutral[chamber]:
            mean, sigma = manner.centre_visit_mean_s * math.sqrt(slow), manner.centre_visit_sigma
        else:
            beta = self._settings.beta if self._settings.preferred else 0.0
            sign = 0.5 if self._maze.names[chamber] == self._settings.preferred else -0.5
            mean, sigma = manner.side_visit_mean_s * slow, manner.side_visit_sigma
            mean *= math.exp(sign * beta)
        drawn = self.lognormal(mean * math.exp(-sigma * sigma / 2), sigma)
        return max(manner.shortest_visit_s, drawn)

    def target(
        self, room: int, body: Body, heading_rad: float, bout: Bout, *, wall: bool = True
    ) -> Point:
        """A point in the chamber: near a wall and not far along it, or anywhere."""
        rng = self._rng
        outline = self._maze.outlines[room]
        walls = self._maze.closed[room]
        if wall and float(rng.random()) < self._manner.wall_share:
            # as far along the wall as this bout goes, rather on than back
            place, forward = self._place_along(room, body, heading_rad)
            reach = 0.76 * bout.speed_cm_s * (bout.length_s - bout.done_s)
            on = forward if float(rng.random()) < ON_SHARE else -forward
            place += on * (2.0 + reach * float(rng.uniform(0.6, 1.2)))
            place %= sum(edge[4] for edge in walls)
            edge = walls[0]
            for edge in walls:
                if place <= edge[4]:
                    break
                place -= edge[4]
            wx, wy, ux, uy, length = edge
            off = CLEARANCE_CM + float(rng.standard_exponential())
            x, y = wx + ux * min(place, length), wy + uy * min(place, length)
            for sign in (1.0, -1.0):
                inner = (x - sign * uy * off, y + sign * ux * off)
                if inside(outline, *inner):
                    return push(walls, *inner, CLEARANCE_CM)
        xs, ys = [p[0] for p in outline], [p[1] for p in outline]
        for _ in range(20):
            x = float(rng.uniform(min(xs), max(xs)))
            y = float(rng.uniform(min(ys), max(ys)))
            if inside(outline, x, y) and nearest(walls, x, y)[0] >= CLEARANCE_CM**2:
                return x, y
        return middle(outline)

    def _place_along(self, room: int, body: Body, heading_rad: float) -> tuple[float, float]:
        """Where along its chamber's outline the mouse is, in cm, and the way it faces: 1 or -1."""
        best, place, before, forward = math.inf, 0.0, 0.0, 1.0
        cos, sin = math.cos(heading_rad), math.sin(heading_rad)
        for wall in self._maze.closed[room]:
            distance, x, y = nearest((wall,), body.x[1], body.y[1])
            if distance < best:
                best, place = distance, before + math.hypot(x - wall[0], y - wall[1])
                forward = 1.0 if wall[2] * cos + wall[3] * sin >= 0.0 else -1.0
            before += wall[4]
        return place, forward
