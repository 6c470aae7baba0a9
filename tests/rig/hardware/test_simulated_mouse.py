"""The simulated mouse without a picture: walls, doors, statistics, preference, determinism."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from rig.apparatus import Apparatus
from rig.hardware.simulated.behaviour import Mouse
from rig.hardware.simulated.body import JOINT_RADII_CM, NECK, NOSE
from rig.hardware.simulated.builtin import builtin_apparatus
from rig.hardware.simulated.maze import Maze, build, inside, nearest
from rig.hardware.simulated.mouse import (
    MANNERS,
    Manner,
    MouseSettings,
    Preset,
    betas,
)

THREE = build(builtin_apparatus())
TWO = build(builtin_apparatus(2))
STEP_S = 1 / 60


def mouse(
    seed: int,
    maze: Maze = THREE,
    settings: MouseSettings | None = None,
    chamber: int = 1,
    step_s: float = STEP_S,
) -> Mouse:
    animal = Mouse(maze, settings or MouseSettings(), np.random.default_rng(seed), step_s)
    animal.place(chamber)
    return animal


@dataclass
class Track:
    """Centroids at 15 a second, and chambers."""

    xy_cm: np.ndarray
    chamber: np.ndarray

    @property
    def minutes(self) -> float:
        return len(self.chamber) / 900

    @property
    def distance_m(self) -> float:
        return float(np.hypot(*np.diff(self.xy_cm, axis=0).T).sum()) / 100

    @property
    def crossings(self) -> int:
        return int((np.diff(self.chamber) != 0).sum())

    def share(self, chamber: int, *of: int) -> float:
        among = np.isin(self.chamber, of) if of else np.ones(len(self.chamber), bool)
        return float((self.chamber[among] == chamber).mean())


def walk(animal: Mouse, seconds: float, step_s: float = STEP_S) -> Track:
    """Lets a mouse go with all doors open."""
    every = round(1 / (15 * step_s))
    gates = [True] * len(animal.maze.gates)
    xy, chamber = [], []
    for step in range(round(seconds / step_s)):
        animal.step(gates)
        if step % every == 0:
            xy.append(animal.body.centroid())
            chamber.append(animal.chamber)
    return Track(np.array(xy), np.array(chamber))


# --- walls and doors


@pytest.mark.parametrize("chamber", [0, 1, 2], ids=["left", "centre", "right"])
def test_a_closed_door_is_a_wall(chamber: int) -> None:
    settings = MouseSettings(Preset.COCAINE)
    animal = mouse(11 + chamber, settings=settings, chamber=chamber)
    outline = THREE.outlines[chamber]
    walls = THREE.closed[chamber]
    for step in range(200 * 60):  # three chambers: ten minutes together
        animal.step([False, False])
        assert animal.chamber == chamber
        if step % 4 == 0:
            body = animal.body
            assert inside(outline, *body.centroid())
            for joint in (NOSE, NECK, 2, 3):
                x, y = body.x[joint], body.y[joint]
                assert inside(outline, x, y), f"joint {joint} is through the wall"
                assert nearest(walls, x, y)[0] > (0.8 * JOINT_RADII_CM[joint]) ** 2


def test_doors_that_shut_at_any_time_are_never_crossed() -> None:
    rng = np.random.default_rng(5)
    animal = mouse(5, settings=MouseSettings(Preset.COCAINE))
    gates, changes, before = [True, True], 0, animal.chamber
    for _ in range(400 * 60):
        if rng.random() < 0.01:
            gates[int(rng.integers(2))] ^= True
        animal.step(gates)
        if animal.chamber != before:
            gate = 0 if 0 in (animal.chamber, before) else 1
            assert gates[gate], f"went from {before} to {animal.chamber} through a closed door"
            changes, before = changes + 1, animal.chamber
    assert changes > 5


def test_a_door_that_opens_is_used() -> None:
    animal = mouse(2)
    for _ in range(60 * 60):
        animal.step([False, False])
    assert animal.chamber == 1
    for _ in range(60 * 60):
        animal.step([False, True])
        assert animal.chamber in (1, 2)
    assert walk(animal, 120).share(2) > 0


def test_it_walks_through_the_opening() -> None:
    animal = mouse(3, settings=MouseSettings(Preset.COCAINE))
    gate = THREE.gate("left")
    before = animal.chamber
    crossed = 0
    for _ in range(300 * 60):
        animal.step([True, True])
        if {before, animal.chamber} == {0, 1}:
            crossed += 1
            assert abs(gate.beside_cm(*animal.body.centroid())) < gate.half_cm
        before = animal.chamber
    assert crossed > 3


def test_in_gate_knows_body_and_tail() -> None:
    animal = mouse(4, chamber=0)
    gate = THREE.gate("left")
    body = animal.body
    y = gate.centre[1]

    def lie(head_cm: float, step_cm: float = 2.0) -> None:
        body.x[:] = [gate.centre[0] + head_cm - step_cm * joint for joint in range(9)]
        body.y[:] = [y] * 9

    lie(-0.6)
    assert not body.in_gate(gate, 0.0)
    lie(-0.2)
    assert body.in_gate(gate, 0.0)  # the nose
    lie(5.0)
    assert body.in_gate(gate, 0.0)  # the trunk
    lie(15.8)
    assert body.in_gate(gate, 0.0)  # the tip of the tail
    lie(16.4)
    assert not body.in_gate(gate, 0.0)
    body.y[:] = [y + gate.half_cm + 3.0] * 9
    lie_beside = [gate.centre[0] - 6 + 2.0 * joint for joint in range(9)]
    body.x[:] = lie_beside
    assert not body.in_gate(gate, 0.0)


# --- statistics: science.md 6.5, 20 min in a 20 x 20 | 7 x 20 | 20 x 20 cm box


@pytest.mark.parametrize(
    ("preset", "distance_m_per_min", "crossings_per_min", "centre"),
    [
        (Preset.HABITUATED, 23.7 / 20, 2.6, 0.12),
        (Preset.PRETEST, 38.1 / 20, 3.6, 0.11),
        (Preset.COCAINE, 79 / 20, 6.8, 0.10),
        (Preset.U50, 14.6 / 20, 1.1, 0.15),
    ],
    ids=[str(preset) for preset in Preset],
)
def test_presets_have_their_figures(
    preset: Preset, distance_m_per_min: float, crossings_per_min: float, centre: float
) -> None:
    minutes = 12 if preset is Preset.U50 else 7
    tracks = [
        walk(
            mouse(seed, settings=MouseSettings(preset), chamber=seed % 3, step_s=1 / 30),
            60 * minutes,
            1 / 30,
        )
        for seed in (3, 4, 5)
    ]
    distance = np.mean([track.distance_m / track.minutes for track in tracks])
    crossings = np.mean([track.crossings / track.minutes for track in tracks])
    share = np.mean([track.share(1) for track in tracks])
    assert distance == pytest.approx(distance_m_per_min, rel=0.35)
    assert crossings == pytest.approx(crossings_per_min, rel=0.5)
    assert 0.4 * centre < share < 2.2 * centre


def test_it_stays_near_walls_and_stops_often() -> None:
    track = walk(mouse(8, chamber=0), 600)
    speed = np.hypot(*np.diff(track.xy_cm, axis=0).T) * 15
    assert 0.2 < (speed > 3).mean() < 0.55
    side = track.chamber == 0
    outline = np.array(THREE.outlines[0])
    low, high = outline.min(axis=0), outline.max(axis=0)
    xy = track.xy_cm[side]
    off = np.minimum(xy - low, high - xy).min(axis=1)
    assert (off < 5).mean() > 0.7
    assert speed.max() < 70


def test_it_slows_down_with_time() -> None:
    early, late = [], []
    for seed in (1, 2, 3):
        animal = mouse(seed, chamber=0, step_s=1 / 30)
        early.append(walk(animal, 240, 1 / 30).distance_m)
        animal.age_s = 1100.0
        late.append(walk(animal, 240, 1 / 30).distance_m)
    assert np.mean(late) < 0.9 * np.mean(early)


def test_postures_are_taken_and_change_the_shape() -> None:
    animal = mouse(6)
    seen: dict[str, float] = {}
    for _ in range(300 * 60):
        animal.step([True, True])
        if animal.body.amount > 0.99:
            pose = animal.body.pose()
            length = float(np.hypot(*np.diff(pose.spine_cm, axis=0).T).sum())
            seen[str(animal.body.posture)] = length
    assert {"rear", "rear_wall"} <= seen.keys()
    assert all(length < 6.0 for length in seen.values())


# --- preference


@pytest.mark.parametrize("beta", [1.1, -1.1], ids=["preference", "aversion"])
def test_beta_is_about_the_log_odds_of_side_time(beta: float) -> None:
    shares = []
    for seed in range(4):
        settings = MouseSettings(Preset.PRETEST, beta, "left")
        animal = mouse(seed, settings=settings, step_s=1 / 30)
        shares.append(walk(animal, 700, 1 / 30).share(0, 0, 2))
    assert np.mean(shares) == pytest.approx(1 / (1 + math.exp(-beta)), abs=0.12)


def test_beta_in_two_chambers() -> None:
    settings = MouseSettings(Preset.PRETEST, 1.1, "right")
    shares = [
        walk(mouse(seed, TWO, settings, chamber=0, step_s=1 / 30), 700, 1 / 30).share(1)
        for seed in range(4)
    ]
    assert np.mean(shares) == pytest.approx(0.75, abs=0.13)


def test_betas_before_and_after() -> None:
    drawn = np.array([betas(seed, 0.8) for seed in range(400)])
    assert betas(7, 0.8) == betas(7, 0.8)
    assert drawn[:, 0].mean() == pytest.approx(0.0, abs=0.05)
    assert drawn[:, 0].std() == pytest.approx(0.25, abs=0.05)
    assert (drawn[:, 1] - drawn[:, 0]).mean() == pytest.approx(0.8, abs=0.08)


# --- sameness and shapes of boxes


def test_same_seed_same_track() -> None:
    first, second = walk(mouse(9), 60), walk(mouse(9), 60)
    assert np.array_equal(first.xy_cm, second.xy_cm)
    assert not np.array_equal(first.xy_cm, walk(mouse(10), 60).xy_cm)


def row_of(count: int) -> Apparatus:
    """Chambers in a row, 15 x 15 cm, with walls of 1 cm and doorways between."""
    chambers, doorways = [], []
    for n in range(count):
        x = 10 + 80 * n
        outline = [[x, 10], [x + 75, 10], [x + 75, 85], [x, 85]]
        chambers.append({"name": f"c{n}", "outline_px": outline})
        if n:
            line = [[x - 2.5, 35], [x - 2.5, 60]]
            doorways.append({"name": f"d{n}", "between": [f"c{n - 1}", f"c{n}"], "line_px": line})
    table = {
        "name": "row",
        "frame_size_px": [20 + 80 * count, 100],
        "px_per_cm": 5.0,
        "chamber": chambers,
        "doorway": doorways,
    }
    return Apparatus.model_validate(table)


def test_four_chambers_with_thick_walls() -> None:
    maze = build(row_of(4))
    animal = mouse(1, maze, MouseSettings(Preset.COCAINE), chamber=0)
    track = walk(animal, 400)
    assert set(track.chamber) == {0, 1, 2, 3}
    steps = np.abs(np.diff(track.chamber))
    assert steps.max() == 1  # from neighbour to neighbour only


def test_chambers_that_touch_have_no_wall() -> None:
    halves = [
        {"name": "left", "outline_px": [[0, 0], [100, 0], [100, 100], [0, 100]]},
        {"name": "right", "outline_px": [[100, 0], [200, 0], [200, 100], [100, 100]]},
    ]
    table = {"name": "halves", "frame_size_px": [200, 100], "px_per_cm": 5.0, "chamber": halves}
    maze = build(Apparatus.model_validate(table))
    assert [gate.name for gate in maze.gates] == [""]
    assert all(not (wall[0] == 20.0 == wall[0] + wall[2] * wall[4]) for wall in maze.opened)
    track = walk(mouse(1, maze, MouseSettings(Preset.COCAINE), chamber=0), 200)
    assert set(track.chamber) == {0, 1}


def test_a_round_chamber_and_one_with_a_corner_inwards() -> None:
    circle = [[100 + 90 * math.cos(a), 100 + 90 * math.sin(a)] for a in np.arange(0, 6.28, 0.3)]
    bent = [[200, 10], [400, 10], [400, 190], [310, 190], [310, 100], [200, 100]]
    table = {
        "name": "odd",
        "frame_size_px": [420, 200],
        "px_per_cm": 5.0,
        "chamber": [{"name": "circle", "outline_px": circle}, {"name": "bent", "outline_px": bent}],
    }
    maze = build(Apparatus.model_validate(table))
    assert maze.convex == (True, False)
    for chamber in (0, 1):
        animal = mouse(2, maze, MouseSettings(Preset.COCAINE), chamber=chamber)
        for _ in range(60 * 60):
            animal.step([])
            assert inside(maze.outlines[chamber], *animal.body.centroid())


def test_every_preset_has_a_manner() -> None:
    assert set(MANNERS) == set(Preset)
    own = Manner(5.0, 1.0, 1.0, 0.5, 10.0, 3.0)
    assert MouseSettings(manner=own).moves is own


def test_no_part_of_it_goes_through_a_door_that_is_closed() -> None:
    """Even where a door shut behind it while its tail was still in the next chamber."""
    settings = MouseSettings(Preset.COCAINE)
    animal = mouse(12, settings=settings, chamber=1)
    doors = [THREE.gate("left"), THREE.gate("right")]
    gates, closings, through = [True, True], 0, 0
    for step in range(300 * 60):
        if step % 600 == 0:
            gates = [True, True]
        elif step % 600 > 300:  # shut what is clear, as an interlock does
            for index, door in enumerate(doors):
                if gates[index] and not animal.body.in_gate(door, 0.0):
                    gates[index] = False
                    closings += 1
        animal.step(gates)
        if step % 5 == 0:
            for index, door in enumerate(doors):
                if not gates[index]:
                    through += animal.body.in_gate(door, 0.0)
    assert closings > 40
    assert through == 0
