"""How the simulated mouse behaves: stop-and-go walking, visits that carry preference, postures.

Two models are joined. Which chamber for how long is a semi-Markov process: the length of a visit
is drawn when the visit begins, longer in a preferred chamber, and only when it is over may the
mouse head for a doorway. Within a chamber it walks and stops: at each start it picks a target,
mostly a point near a wall, and turns towards it while its speed rises and falls.

The mouse knows no clock; it is stepped by a fixed time and draws from its own generator, so what
it does depends on its seed, its settings and the doors alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from rig.hardware.simulated.body import (
    CLEARANCE_CM,
    HALF_WIDTH_CM,
    LINKS_CM,
    TIP,
    WALL_CM,
    Body,
    Care,
    Posture,
)
from rig.hardware.simulated.lots import Bout, Lots
from rig.hardware.simulated.maze import Gate, Maze, Point, Wall, inside, middle, nearest, push
from rig.hardware.simulated.mouse import MouseSettings

TURN_RAD_PER_S = 8.0
HEADING_NOISE_RAD_PER_ROOT_S = 0.6
SWING_RAD_PER_S = 6.0
PUSHED_RAD = 1.3  # from here on the neck may push the trunk instead of pulling it
RELAX_RAD_PER_S = 2.0
RELAXED_RAD = 0.4
BENT_S = 0.5
SET_OUT_S = 0.9  # what a visit lasts beyond its plan, on average, without this
BEND_RAD = 1.5  # how far the head can turn against the trunk


class _Leg(StrEnum):
    """Where the mouse is on its way through a gate."""

    NONE = "none"
    TO = "to"
    THROUGH = "through"
    BACK = "back"


@dataclass(slots=True)
class _Crossing:
    """A gate on the way from the first chamber to the second, with the points before and after."""

    gate: int
    source: int
    goal: int
    before: Point
    after: Point
    leg: _Leg = _Leg.TO


@dataclass(slots=True)
class _Stop:
    """One stop: what is left of it, and of the posture taken in it."""

    left_s: float
    posture: Posture = Posture.STAND
    posture_left_s: float = 0.0
    relaxing_s: float = 0.6


@dataclass(slots=True)
class _Visit:
    """How long the mouse is in this chamber and how long it means to stay."""

    planned_s: float
    done_s: float = 0.0
    came_by: int = -1


@dataclass(slots=True)
class _Plan:
    """What the mouse is up to."""

    visit: _Visit
    stop: _Stop | None
    bout: Bout = field(default_factory=lambda: Bout(0.0, 0.0))
    target: Point = (0.0, 0.0)
    crossing: _Crossing | None = None


class Mouse:
    """One mouse in one maze. `place` it, then `step` it by `step_s` seconds at a time."""

    def __init__(
        self, maze: Maze, settings: MouseSettings, rng: np.random.Generator, step_s: float
    ) -> None:
        self.maze = maze
        self.body = Body()
        self.chamber = 0
        """Index of the chamber that holds the centroid."""
        self.age_s = 0.0
        self._manner = settings.moves
        self._rng = rng
        self._lots = Lots(maze, settings, rng)
        self._step_s = step_s
        self._noise_rad = HEADING_NOISE_RAD_PER_ROOT_S * math.sqrt(step_s)
        self._room = 0  # the chamber of the neck, whose walls it keeps from
        self._heading_rad = 0.0
        self._threaded = False  # part of the body may be in a gate
        self._bent_s = 0.0  # for so long the trunk may still be where walls must push it
        self._standing_for: tuple[int, ...] = ()
        self._standing_walls: tuple[Wall, ...] = ()
        self._since_posture_s = 0.0
        self._dart_cm_s: float | None = None  # it runs for a doorway so fast
        self._plan = _Plan(_Visit(0.0), _Stop(0.0))

    def place(self, chamber: int) -> None:
        """Puts the mouse down in the middle of a chamber, standing still for a moment."""
        maze, rng = self.maze, self._rng
        x, y = middle(maze.outlines[chamber])
        x += float(rng.uniform(-1.0, 1.0))
        y += float(rng.uniform(-1.0, 1.0))
        first = float(rng.uniform(0.0, 2 * math.pi))
        turns = [first + 2 * math.pi * turn / 16 for turn in range(16)]
        outline, walls = maze.outlines[chamber], maze.closed[chamber]

        def lay(turn: float) -> float:
            # the trunk in the middle, so the neck a little ahead of it
            neck = (x + LINKS_CM[1] * math.cos(turn), y + LINKS_CM[1] * math.sin(turn))
            if not inside(outline, *neck):
                neck = (x, y)
            neck = push(walls, *neck, CLEARANCE_CM)
            return self.body.lay(outline, walls, neck, turn)

        self._heading_rad = min(turns, key=lay)
        lay(self._heading_rad)
        self.chamber = self._room = chamber
        self.age_s = 0.0
        self._threaded = False
        self._since_posture_s = 0.0
        self._dart_cm_s = None
        visit = _Visit(self._lots.visit_s(chamber, self.age_s))
        self._plan = _Plan(visit, _Stop(float(rng.uniform(0.5, 1.5))))

    def step(self, open_gates: Sequence[bool]) -> None:
        """One step. `open_gates` says of each gate of the maze whether a mouse can pass."""
        self.age_s += self._step_s
        self._plan.visit.done_s += self._step_s
        stop = self._plan.stop
        if stop is None:
            self._walk(open_gates)
            return
        stop.left_s -= self._step_s
        self._since_posture_s += self._step_s
        if stop.posture_left_s > 0.0:
            stop.posture_left_s -= self._step_s
            self.body.settle(stop.posture, self._step_s)
        elif self.body.amount > 0.0:
            self.body.settle(Posture.STAND, self._step_s)
        elif stop.relaxing_s > 0.0:
            stop.relaxing_s -= self._step_s
            self._relax(open_gates)
        if stop.left_s <= 0.0 and self.body.amount == 0.0:
            self._go(open_gates)

    def leave(self, dart_cm_s: float | None = None) -> None:
        """Its visit is over: as soon as it can it makes for a doorway that is open.

        `dart_cm_s`: it runs there, so fast, without a stop.
        """
        plan = self._plan
        plan.visit.planned_s = 0.0
        self._dart_cm_s = dart_cm_s
        if plan.stop is not None:
            plan.stop.left_s = plan.stop.posture_left_s = 0.0
        elif plan.crossing is None:
            plan.bout.length_s = min(plan.bout.length_s, plan.bout.done_s + self._step_s)

    # --- going

    def _go(self, open_gates: Sequence[bool]) -> None:
        """Begins a bout: towards a gate if the visit is over, else to a point in the chamber."""
        plan = self._plan
        plan.stop = None
        plan.bout = self._lots.bout(self._dart_cm_s)
        if plan.crossing is not None:
            return
        ways = [g for g in self.maze.gates_of[self._room] if open_gates[g]]
        if not ways:
            self._dart_cm_s = None
            if plan.visit.done_s >= plan.visit.planned_s:
                # no way out: by the time a door opens, the visit begins anew
                came_by = plan.visit.came_by
                plan.visit = _Visit(self._lots.visit_s(self.chamber, self.age_s), came_by=came_by)
        elif plan.visit.done_s + self._travel_s(ways) >= plan.visit.planned_s:
            self._head_for(self._choose(ways))
            return
        plan.target = self._draw_target()

    def _walk(self, open_gates: Sequence[bool]) -> None:
        plan, body, bout, step_s = self._plan, self.body, self._plan.bout, self._step_s
        crossing = plan.crossing
        through = crossing is not None and crossing.leg is not _Leg.TO
        bout.done_s += step_s
        if bout.done_s >= bout.length_s:
            if not through:
                self._halt(open_gates)
                return
            bout = plan.bout = self._lots.bout(self._dart_cm_s)  # nobody stops in a doorway
            bout.done_s = step_s
        if crossing is not None:
            if not open_gates[crossing.gate]:
                self._shut(crossing)
            elif crossing.leg is _Leg.THROUGH and self._astray(crossing):
                crossing.leg = _Leg.TO
                plan.target = crossing.before
        speed = bout.speed_cm_s * math.sqrt(math.sin(math.pi * bout.done_s / bout.length_s))
        x, y = body.x[1], body.y[1]
        dx, dy = plan.target[0] - x, plan.target[1] - y
        error = _wrap(math.atan2(dy, dx) - self._heading_rad)
        most = TURN_RAD_PER_S * step_s
        self._heading_rad += min(max(error, -most), most)
        self._heading_rad += self._noise_rad * float(self._rng.standard_normal())
        bend = _wrap(self._heading_rad - body.axis_rad())
        if abs(bend) > PUSHED_RAD:
            self._bent_s = BENT_S
        if abs(bend) > BEND_RAD:
            self._heading_rad -= bend - math.copysign(BEND_RAD, bend)
            walls = self._standing(open_gates) if self._threaded else self.maze.closed[self._room]
            body.swing(math.copysign(SWING_RAD_PER_S * step_s, bend), walls)
        if abs(error) > 0.5:  # slower in sharp turns, or it would circle its target
            speed *= max(0.3, 1.0 - 0.5 * (abs(error) - 0.5))
        x += speed * step_s * math.cos(self._heading_rad)
        y += speed * step_s * math.sin(self._heading_rad)
        self._put(x, y, through, open_gates)
        reach = 1.0 + speed * step_s
        if dx * dx + dy * dy < reach * reach:
            self._arrive(open_gates)

    def _put(self, x: float, y: float, through: bool, open_gates: Sequence[bool]) -> None:
        """Moves the neck as near to a point as walls allow, and keeps count of the chamber."""
        maze, body = self.maze, self.body
        standing = self._standing(open_gates) if through or self._threaded else ()
        walls = standing if through else maze.closed[self._room]
        squeeze = 1.0
        crossing = self._plan.crossing
        if crossing is not None and through:
            squeeze = min(1.0, _room_in(maze.gates[crossing.gate]) / HALF_WIDTH_CM)
            self._threaded = True
        neck = push(walls, x, y, HALF_WIDTH_CM * squeeze + WALL_CM)
        self._bent_s -= self._step_s
        care = Care.NONE
        if self._bent_s > 0.0 or not maze.convex[self._room]:
            care = Care.PUSHED
        elif self._threaded:
            care = Care.PULLED
        behind = standing if self._threaded else walls
        before = (body.x[:], body.y[:]) if self._threaded else None
        if not through:
            squeeze = 0.9
        core = maze.cores[self._room]
        if body.follow(neck, self._heading_rad, walls, behind, core, care, squeeze):
            self._bent_s = BENT_S
        if before is None:
            return
        chamber = maze.chamber_at(*body.centroid(), self.chamber)
        if chamber != self.chamber:
            joined = {self.chamber, chamber}
            ways = [g for g in maze.gates_of[chamber] if set(maze.gates[g].between) == joined]
            if any(open_gates[g] for g in ways):
                came_by = next(g for g in ways if open_gates[g])
                self.chamber, self._dart_cm_s = chamber, None
                self._plan.visit = _Visit(self._lots.visit_s(chamber, self.age_s), came_by=came_by)
            else:  # a door that shut on it is a wall to the trunk as well
                body.x[:], body.y[:] = before
        if not through and inside(maze.outlines[self._room], body.x[TIP], body.y[TIP]):
            self._threaded = False

    def _standing(self, open_gates: Sequence[bool]) -> tuple[Wall, ...]:
        """All walls and closed doors; a door that shuts on the mouse is not yet one of them."""
        crossing = self._plan.crossing
        own = -1 if crossing is None or crossing.leg is _Leg.TO else crossing.gate
        key = (own, *open_gates)
        if key != self._standing_for:
            ways = [is_open or gate == own for gate, is_open in enumerate(open_gates)]
            self._standing_for, self._standing_walls = key, self.maze.shut(ways)
        return self._standing_walls

    def _arrive(self, open_gates: Sequence[bool]) -> None:
        """At the target: the next leg of a crossing, or another target if the bout goes on."""
        plan = self._plan
        crossing = plan.crossing
        if crossing is None:
            if plan.bout.length_s - plan.bout.done_s > 0.2:
                plan.target = self._draw_target()
            else:
                self._halt(open_gates)
        elif crossing.leg is _Leg.TO:
            crossing.leg = _Leg.THROUGH
            plan.target = crossing.after
        else:
            self._room = crossing.goal if crossing.leg is _Leg.THROUGH else crossing.source
            if self.chamber == self._room:
                plan.crossing = None
                plan.target = self._draw_target()
            else:  # the neck is through, the trunk is not: further into the room
                plan.target = self._draw_target(wall=False)

    def _head_for(self, index: int) -> None:
        gate = self.maze.gates[index]
        source = self._room
        forward = gate.between[0] == source
        goal = gate.between[1] if forward else gate.between[0]
        sign = 1.0 if forward else -1.0
        room_before, room_after = gate.depth_cm if forward else gate.depth_cm[::-1]
        aside = max(0.0, gate.half_cm - CLEARANCE_CM - 0.2)
        beside = float(self._rng.uniform(-aside, aside))
        before = min(3.5, max(room_before - CLEARANCE_CM - 0.2, 0.5))
        after = min(5.0, max(room_after - CLEARANCE_CM - 0.2, 0.5))
        self._plan.crossing = _Crossing(
            index,
            source,
            goal,
            push(self.maze.closed[source], *gate.point(beside, -sign * before), CLEARANCE_CM),
            gate.point(beside, sign * after),
        )
        self._plan.target = self._plan.crossing.before

    def _shut(self, crossing: _Crossing) -> None:
        """The gate ahead is no longer open: back out, unless the trunk is already through."""
        plan, self._dart_cm_s = self._plan, None
        if crossing.leg is _Leg.TO:
            plan.crossing = None
            plan.target = self._draw_target()
        elif crossing.leg is _Leg.THROUGH and self.chamber == crossing.source:
            crossing.leg = _Leg.BACK
            plan.target = crossing.before

    def _astray(self, crossing: _Crossing) -> bool:
        """Whether the neck, still before the gate, is no longer in front of the gap."""
        gate = self.maze.gates[crossing.gate]
        x, y = self.body.x[1], self.body.y[1]
        across = gate.across_cm(x, y)
        if gate.between[0] != crossing.source:
            across = -across
        aside = max(0.8, gate.half_cm - HALF_WIDTH_CM + 0.4)
        return across < -HALF_WIDTH_CM and abs(gate.beside_cm(x, y)) > aside

    def _choose(self, ways: Sequence[int]) -> int:
        """The gate to leave by: on to another chamber, or back where it came from."""
        came_by = self._plan.visit.came_by
        others = [gate for gate in ways if gate != came_by]
        if came_by in ways and (
            not others or float(self._rng.random()) >= self._manner.cross_share
        ):
            return came_by
        return others[int(self._rng.integers(len(others)))]

    def _travel_s(self, ways: Sequence[int]) -> float:
        """About how long it takes to be through the nearest of these gates."""
        x, y = self.body.x[1], self.body.y[1]
        gates = (self.maze.gates[gate].centre for gate in ways)
        distance = min(math.hypot(x - gx, y - gy) for gx, gy in gates) + 2.0
        return SET_OUT_S + distance / (0.55 * self._manner.speed_median_cm_s)

    def _draw_target(self, *, wall: bool = True) -> Point:
        bout = self._plan.bout
        return self._lots.target(self._room, self.body, self._heading_rad, bout, wall=wall)

    # --- stopping

    def _halt(self, open_gates: Sequence[bool]) -> None:
        """Begins a stop, and perhaps a posture in it. One who means to leave stops briefly."""
        plan, manner = self._plan, self._manner
        if self._dart_cm_s is not None:
            plan.stop = _Stop(0.0, relaxing_s=0.0)
            return
        activity = self._lots.activity(self.age_s)
        left = self._lots.lognormal(manner.stop_median_s, manner.stop_sigma) / activity
        if plan.crossing is not None:
            plan.stop = _Stop(min(left, 0.3))
            return
        if any(open_gates[gate] for gate in self.maze.gates_of[self._room]):
            left = min(left, max(0.2, plan.visit.planned_s - plan.visit.done_s))
        stop = plan.stop = _Stop(left)
        if left < 0.8:
            self._since_posture_s += plan.bout.done_s
            return
        # as many as the rate asks for in the time since the last chance, this stop included;
        # the factors make up for stops that are too short or not by a wall
        minutes = (self._since_posture_s + plan.bout.done_s + left) / 60.0
        self._since_posture_s = -left
        chance = float(self._rng.random())
        near = nearest(self.maze.closed[self._room], self.body.x[0], self.body.y[0])[0] < 9.0
        rates = (
            (Posture.REAR_WALL, manner.rear_wall_per_min * activity * (1.8 if near else 0.0)),
            (Posture.REAR, 1.3 * manner.rear_per_min * activity),
            (Posture.GROOM, 1.3 * manner.groom_per_min / activity),
        )
        for posture, per_min in rates:
            chance -= per_min * minutes
            if chance < 0.0:
                stop.posture = posture
                stop.posture_left_s = min(self._lots.posture_s(posture), left - 0.3)
                break

    def _relax(self, open_gates: Sequence[bool]) -> None:
        """Turns the head back towards where the trunk points."""
        bend = _wrap(self._heading_rad - self.body.axis_rad())
        if abs(bend) > RELAXED_RAD:
            self._heading_rad -= math.copysign(RELAX_RAD_PER_S * self._step_s, bend)
            self._put(self.body.x[1], self.body.y[1], False, open_gates)


def _room_in(gate: Gate) -> float:
    """The widest half-width that fits through a gate, in cm."""
    return max(0.3, gate.half_cm - WALL_CM - 0.1)


def _wrap(angle_rad: float) -> float:
    """An angle within -pi to pi."""
    return (angle_rad + math.pi) % (2 * math.pi) - math.pi
