"""The simulated world and its camera: pictures, truth, doors, hands, faults, sameness."""

import hashlib
import itertools
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from rig.apparatus import Apparatus
from rig.errors import ConfigError
from rig.hardware.orders import Order, Verb
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.boxes import Truth
from rig.hardware.simulated.builtin import builtin
from rig.hardware.simulated.camera import (
    Dropped,
    Fault,
    Jitter,
    Pace,
    SimulatedCamera,
    Stalled,
)
from rig.hardware.simulated.mouse import MouseSettings, Preset
from rig.hardware.simulated.scene import Look
from rig.hardware.simulated.virtual import VirtualBoard
from rig.hardware.simulated.world import World
from rig.model import NS_PER_S, Frame, Gray, Silence

SECOND = NS_PER_S


class StillBoard:
    """Doors where they are put, outputs as they are set; remembers what stands in them."""

    def __init__(self) -> None:
        self.doors = [1.0] * 4
        self.on = False
        self.blocked: dict[int, bool] = {}
        self.beams: dict[int, bool] = {}

    def position(self, door: int) -> float:
        return self.doors[door - 1]

    def output(self, number: int) -> bool:
        return self.on

    def block(self, door: int, blocked: bool) -> None:
        self.blocked[door] = blocked

    def set_beam(self, number: int, blocked: bool) -> None:
        self.beams[number] = blocked


def world(seed: int = 1, preset: Preset = Preset.PRETEST, look: Look | None = None) -> World:
    rig, apparatuses = builtin()
    return World(rig, apparatuses, seed, animals={"A": MouseSettings(preset)}, look=look)


def frame(camera: SimulatedCamera) -> Frame:
    got = camera.next(0.5)
    assert isinstance(got, Frame)
    return got


def truth(camera: SimulatedCamera, index: int, box: str = "A") -> Truth:
    got = camera.truth_at(index, box)
    assert got is not None
    return got


def animal(picture: Gray) -> tuple[float, float, float]:
    """Centre and area of the animal's body in a picture: what is darker than wall and tail."""
    body = cv2.morphologyEx((picture < 54).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
    ys, xs = np.nonzero(body)
    return float(xs.mean()), float(ys.mean()), float(len(xs))


# --- truth and picture


def test_truth_is_where_the_dark_pixels_are() -> None:
    simulated = world(3)
    camera = SimulatedCamera(simulated)
    simulated.place("A", "left")
    off, areas_cm2 = [], []
    for _ in range(300):
        got = frame(camera)
        x, y, area_px = animal(got.image)
        known = truth(camera, got.index)
        off.append(np.hypot(x - known.x_px, y - known.y_px))
        areas_cm2.append(area_px / 6.4**2)
    assert np.median(off) < 1.2
    assert np.quantile(off, 0.95) < 1.6
    assert 18 < np.quantile(areas_cm2, 0.9) < 24


def test_nose_and_tail_base_are_at_the_ends() -> None:
    simulated = world(3)
    camera = SimulatedCamera(simulated)
    simulated.place("A", "right")
    known = truth(camera, frame(camera).index)
    nose = np.hypot(known.nose_x_px - known.x_px, known.nose_y_px - known.y_px) / 6.4
    tail = np.hypot(known.tail_x_px - known.x_px, known.tail_y_px - known.y_px) / 6.4
    assert 4.0 < nose < 6.0
    assert 3.0 < tail < 5.0
    assert known.chamber == "right"


def test_an_empty_box_differs_from_its_picture_by_noise_alone() -> None:
    simulated = world()
    empty = simulated.empty_picture("A").astype(int)
    got = frame(SimulatedCamera(simulated)).image
    assert got.dtype == np.uint8
    assert got.shape == (240, 320)
    difference = got - empty
    assert abs(difference.mean()) < 0.1
    assert difference.std() == pytest.approx(2.0, abs=0.2)
    assert np.median(empty[60:100, 40:100]) == pytest.approx(190, abs=4)


def test_noise_is_new_in_each_frame() -> None:
    camera = SimulatedCamera(world())
    first, second = frame(camera).image.astype(float), frame(camera).image.astype(float)
    floor = (slice(100, 140), slice(40, 100))
    apart = (first - second)[floor]
    assert apart.std() == pytest.approx(2.0 * np.sqrt(2), rel=0.15)


def test_floors_of_different_brightness_and_a_light_mouse() -> None:
    look = Look(chamber_luma={"left": 30}, mouse_luma=230, noise=0.0, texture=0.0)
    simulated = world(look=look)
    camera = SimulatedCamera(simulated)
    simulated.place("A", "left")
    got = frame(camera)
    known = truth(camera, got.index)
    assert got.image[round(known.y_px), round(known.x_px)] == 230
    assert simulated.empty_picture("A")[70, 30] == 30


def test_the_light_can_change() -> None:
    simulated = world()
    camera = SimulatedCamera(simulated)
    before = frame(camera).image[100, 40:100].mean()
    simulated.set_light(0.8)
    assert frame(camera).image[100, 40:100].mean() == pytest.approx(0.8 * before, rel=0.03)


# --- sameness


def run_of(seed: int, steps_ns: int, frames: int = 120) -> str:
    """A fingerprint of truth and pixels, with the world also stepped in between."""
    simulated = world(seed)
    simulated.step_to(0)
    simulated.bring("A", "centre")
    digest = hashlib.sha256()
    for k in range(frames):
        due_ns = round(k * SECOND / 15)
        for now_ns in range(simulated.now_ns, due_ns, steps_ns):
            simulated.step_to(now_ns)
        simulated.step_to(due_ns)
        digest.update(simulated.picture(k).tobytes())
        digest.update(repr(simulated.truth("A")).encode())
    return digest.hexdigest()


def test_same_seed_same_pixels_however_finely_it_is_stepped() -> None:
    coarse = run_of(4, SECOND)
    assert coarse == run_of(4, SECOND)
    assert coarse == run_of(4, 3_000_000)
    assert coarse != run_of(5, SECOND)


def test_the_clock_may_begin_anywhere() -> None:
    def pixels(start_ns: int) -> bytes:
        simulated = world(6)
        simulated.place("A", "left")
        camera = SimulatedCamera(simulated, start_ns=start_ns)
        return b"".join(frame(camera).image.tobytes() for _ in range(20))

    assert pixels(0) == pixels(987_654_321_000_000_001)


def test_boxes_do_not_share_their_dice() -> None:
    rig, apparatuses = builtin(boxes=4, frame_size_px=(640, 480))

    def track(*placed: str) -> list[Truth | None]:
        simulated = World(rig, apparatuses, 1)
        for box in placed:
            simulated.place(box, "left")
        camera = SimulatedCamera(simulated)
        return [camera.truth_at(frame(camera).index, "C") for _ in range(60)]

    assert track("C") == track("A", "B", "C")


# --- four boxes


def test_four_boxes_in_one_picture() -> None:
    rig, apparatuses = builtin(boxes=4, frame_size_px=(640, 480))
    simulated = World(rig, apparatuses, 2)
    for name, chamber in zip("ABCD", ("left", "centre", "right", "left"), strict=True):
        simulated.place(name, chamber)
    camera = SimulatedCamera(simulated)
    assert camera.size_px == (640, 480)
    for _ in range(30):
        got = frame(camera)
    places = set()
    for box in rig.box:
        assert box.crop_px is not None
        x, y, width, height = box.crop_px
        at_x, at_y, _ = animal(got.image[y : y + height, x : x + width])
        known = truth(camera, got.index, box.name)
        assert np.hypot(at_x - known.x_px, at_y - known.y_px) < 2.0
        places.add((known.x_px, known.y_px))
        assert simulated.empty_picture(box.name).shape == (height, width)
    assert len(places) == 4


def test_an_arm_over_one_box_leaves_the_others_alone() -> None:
    rig, apparatuses = builtin(boxes=4, frame_size_px=(640, 480))
    simulated = World(rig, apparatuses, 2)
    camera = SimulatedCamera(simulated)
    empty = {box: simulated.empty_picture(box).astype(int) for box in simulated.boxes}
    simulated.wave("A", hold_s=0.5)
    for _ in range(18):
        got = frame(camera)
    changed = {}
    for box in rig.box:
        assert box.crop_px is not None
        x, y, width, height = box.crop_px
        view = got.image[y : y + height, x : x + width]
        changed[box.name] = int((abs(view - empty[box.name]) > 30).sum())
    assert changed["A"] > 1000
    assert changed["B"] == changed["C"] == changed["D"] == 0


# --- doors


def test_a_door_is_seen_only_in_its_sweep() -> None:
    rig, apparatuses = builtin()
    board = StillBoard()
    simulated = World(rig, apparatuses, 1, {"board-1": board}, look=Look(noise=0.0))
    camera = SimulatedCamera(simulated)
    opened = frame(camera).image
    board.doors[0] = 0.0
    closed = frame(camera).image
    ys, xs = np.nonzero(opened != closed)
    sweep = np.array(apparatuses["A"].doorway[0].sweep_px)
    assert len(xs) > 30
    assert xs.min() >= sweep[:, 0].min() - 1
    assert xs.max() <= sweep[:, 0].max() + 1
    assert ys.min() >= sweep[:, 1].min() - 1
    assert ys.max() <= sweep[:, 1].max() + 1
    board.doors[0] = 0.5
    half = frame(camera).image
    assert 0 < (half != opened).sum() < len(xs)
    # the empty-box picture stays as it was at the start
    assert np.array_equal(simulated.empty_picture("A"), opened)


def test_a_door_that_is_not_fully_open_is_a_wall() -> None:
    rig, apparatuses = builtin()
    board = StillBoard()
    board.doors = [0.85, 0.0, 1.0, 1.0]
    animals = {"A": MouseSettings(Preset.COCAINE)}
    simulated = World(rig, apparatuses, 1, {"board-1": board}, animals)
    simulated.place("A", "centre")
    seen = set()
    for second in range(120):
        simulated.step_to(second * SECOND)
        now = simulated.truth("A")
        seen.add(now.chamber if now else "")
    assert seen == {"centre"}
    board.doors[0] = 0.95
    for second in range(120, 300):
        simulated.step_to(second * SECOND)
        now = simulated.truth("A")
        seen.add(now.chamber if now else "")
    assert seen == {"centre", "left"}


def test_boards_feel_the_animal_in_the_doorway() -> None:
    rig, apparatuses = builtin()
    board = StillBoard()
    animals = {"A": MouseSettings(Preset.COCAINE)}
    simulated = World(rig, apparatuses, 1, {"board-1": board}, animals)
    simulated.place("A", "centre")
    felt = {True: 0, False: 0}
    for tick in range(1, 60 * 60):
        simulated.step_to(tick * SECOND // 60)
        for door, number in (("left", 1), ("right", 2)):
            standing = simulated.in_doorway("A", door)
            assert board.blocked.get(number, False) == standing
            assert board.beams.get(number, False) == standing
            felt[standing] += 1
    assert felt[True] > 20
    assert felt[False] > felt[True]
    simulated.remove("A")
    simulated.step_to(61 * SECOND)
    assert not any(board.blocked.values())


def test_it_works_with_the_simulated_board() -> None:
    rig, apparatuses = builtin()
    board = Board("board-1")
    simulated = World(rig, apparatuses, 1, {"board-1": board})
    simulated.place("A", "centre")
    simulated.step_to(SECOND)
    assert simulated.door_position("A", "left") == 1.0
    assert not simulated.output_on("A", "laser")


def test_a_manual_door_is_moved_by_hand_and_never_onto_the_animal() -> None:
    rig, apparatuses = builtin(drive="manual")
    animals = {"A": MouseSettings(Preset.COCAINE)}
    simulated = World(rig, apparatuses, 3, animals=animals)
    simulated.step_to(0)
    simulated.set_manual_door("A", "left", open=False)
    simulated.step_to(SECOND // 4)
    assert 0 < simulated.door_position("A", "left") < 1
    simulated.step_to(SECOND)
    assert simulated.door_position("A", "left") == 0.0
    simulated.set_manual_door("A", "left", open=True)
    simulated.place("A", "centre")
    simulated.step_to(2 * SECOND)
    assert simulated.door_position("A", "left") == 1.0
    ticks = itertools.count(121)
    while not simulated.in_doorway("A", "left"):
        simulated.step_to(next(ticks) * SECOND // 60)
    simulated.set_manual_door("A", "left", open=False)
    tick = next(ticks)
    simulated.step_to(tick * SECOND // 60)
    assert simulated.in_doorway("A", "left")
    assert simulated.door_position("A", "left") == 1.0


def test_doors_of_another_kind_or_name_are_refused() -> None:
    simulated = world()
    with pytest.raises(ValueError, match="not moved by hand"):
        simulated.set_manual_door("A", "left", open=True)
    with pytest.raises(ValueError, match="no doorway 'top'"):
        simulated.in_doorway("A", "top")
    with pytest.raises(ValueError, match="no box 'Q'"):
        simulated.truth("Q")
    with pytest.raises(ValueError, match="no chamber 'attic', only left, centre, right"):
        simulated.bring("A", "attic")


# --- hands


def test_the_hand_brings_the_animal_and_takes_it_away() -> None:
    simulated = world(8)
    camera = SimulatedCamera(simulated)
    empty = simulated.empty_picture("A").astype(int)
    frame(camera)
    simulated.bring("A", "right")
    dark, there, hand = [], [], []
    for _ in range(60):
        got = frame(camera)
        dark.append(int((abs(got.image - empty) > 40).sum()))
        there.append(camera.truth_at(got.index, "A") is not None)
        hand.append(simulated.hand_in("A"))
        if dark[-1] > 2000:
            assert (abs(got.image[-1] - empty[-1]) > 40).any(), "an arm reaches the edge"
    assert max(dark) > 3 * dark[-1] > 0
    arrived = there.index(True)
    assert 10 <= arrived <= 30  # let go after about 1.3 s
    assert all(there[arrived:])
    gone = len(hand) - hand[::-1].index(True)
    assert 30 <= gone <= 45  # all of it takes two to three seconds
    assert truth(camera, got.index).chamber == "right"
    assert 500 < dark[-1] < 1500  # the animal alone
    simulated.take("A")
    for _ in range(45):
        got = frame(camera)
    assert camera.truth_at(got.index, "A") is None
    assert not simulated.hand_in("A")
    assert not simulated.animal_in("A")
    assert (abs(got.image - empty) > 40).sum() == 0


def test_another_animal_is_not_in_the_box_until_it_is_placed() -> None:
    simulated = world(8)
    simulated.place("A", "left")
    simulated.step_to(0)
    assert simulated.animal_in("A")
    simulated.set_animal("A", MouseSettings(Preset.U50, -1.0, "left"))
    simulated.step_to(SECOND)
    assert not simulated.animal_in("A")
    with pytest.raises(ValueError, match="no chamber 'attic' to prefer"):
        simulated.set_animal("A", MouseSettings(beta=1.0, preferred="attic"))


def test_a_picture_does_not_depend_on_which_were_asked_for_before() -> None:
    """What is as it was is not drawn again; whatever changes is."""

    def at(k: int, simulated: World, board: StillBoard) -> None:
        if k == 3:  # it stands where it was put
            simulated.set_light(0.8)
        if k == 4:
            board.doors[0] = 0.4
        if k == 45:
            simulated.wave("A")
        if k == 110:
            simulated.remove("A")
        simulated.step_to(k * SECOND // 10)

    def start() -> tuple[World, StillBoard]:
        rig, apparatuses = builtin(frame_size_px=(160, 120), rate_hz=10.0)
        board = StillBoard()
        boards = {source.name: board for source in rig.board}
        simulated = World(rig, apparatuses, 6, boards)
        simulated.place("A", "centre")
        return simulated, board

    simulated, board = start()
    pictures = []
    for k in range(114):
        at(k, simulated, board)
        pictures.append((simulated.picture(k), simulated.truth("A")))
    still = sum(a[1] == b[1] for a, b in itertools.pairwise(pictures))
    assert 10 < still < 100
    assert all(pictures[k][1] == pictures[1][1] for k in (2, 3, 4))
    for last in (2, 3, 4, 30, 80, 112):
        simulated, board = start()
        for k in range(last + 1):
            at(k, simulated, board)
        assert np.array_equal(simulated.picture(last), pictures[last][0]), last
        assert simulated.truth("A") == pictures[last][1]


# --- camera


def test_increments_in_which_nothing_is_due_change_nothing_by_being_left_out() -> None:
    def run(rests: bool) -> tuple[list[str], list[Truth | None], str, int]:
        rig, apparatuses = builtin(frame_size_px=(160, 120), rate_hz=10.0)
        boards = {source.name: Board(source.name) for source in rig.board}
        lines = {name: VirtualBoard(board) for name, board in boards.items()}
        told: list[str] = []
        calls: list[int] = []
        for line in lines.values():
            line.subscribe(lambda report: told.append(repr(report)))
        simulated = World(rig, apparatuses, 8, boards)
        camera = SimulatedCamera(
            simulated,
            steppers=[calls.append, *(line.step_to for line in lines.values())],
            resting=(lambda: not any(b.moving for b in boards.values())) if rests else None,
        )
        simulated.place("A", "centre")
        digest, truths = hashlib.sha256(), []
        for k in range(300):
            digest.update(frame(camera).image.tobytes())
            truths.append(camera.truth_at(k, "A"))
            for line in lines.values():
                line.alive(camera.now_ns)
                now_ns = camera.now_ns + 3_000_000  # a door then moves between the increments
                if k % 60 == 20:
                    line.order([Order(Verb.CLOSE, (1,), 300)], now_ns)
                elif k % 60 < 40:
                    line.order([Order(Verb.PERMIT, (1,), 300)], now_ns)
                elif k % 60 == 40:
                    line.order([Order(Verb.OPEN, (1,))], now_ns)
        return told, truths, digest.hexdigest(), len(calls)

    rested, whole = run(True), run(False)
    assert rested[:3] == whole[:3]
    assert any("reversed" in report or "closed" in report for report in rested[0])
    assert rested[3] < 0.7 * whole[3]


def test_virtual_time_is_exact_and_finely_stepped() -> None:
    stepped: list[int] = []
    camera = SimulatedCamera(world(), start_ns=5, steppers=[stepped.append])
    times = [frame(camera).t_ns for _ in range(31)]
    assert times == [5 + round(k * 1e9 / 15) for k in range(31)]
    assert camera.now_ns == times[-1]
    assert set(times) <= set(stepped)
    apart = np.diff(stepped)
    assert apart.min() >= 0
    assert apart.max() <= 10_000_000


def test_dropped_frames_are_gaps_in_the_index() -> None:
    camera = SimulatedCamera(world(), faults=[Dropped(at_s=1.0, frames=3)])
    got = [frame(camera) for _ in range(20)]
    assert [f.index for f in got] == [*range(15), *range(18, 23)]
    assert [f.t_ns for f in got] == [round(f.index * 1e9 / 15) for f in got]


def test_dropped_frames_leave_truth_and_pixels_as_they_were() -> None:
    def seen(*faults: Fault) -> dict[int, tuple[Truth | None, bytes]]:
        simulated = world()
        simulated.place("A", "left")
        camera = SimulatedCamera(simulated, faults=faults)
        frames = [frame(camera) for _ in range(20)]
        return {f.index: (camera.truth_at(f.index, "A"), f.image.tobytes()) for f in frames}

    whole, torn = seen(), seen(Dropped(0.4, 4))
    both = whole.keys() & torn.keys()
    assert len(both) == 16
    assert all(whole[index] == torn[index] for index in both)


def test_a_stall_is_silence() -> None:
    camera = SimulatedCamera(world(), faults=[Stalled(at_s=1.0, length_s=1.0)])
    got = [camera.next(0.2) for _ in range(25)]
    silent = [g for g in got if isinstance(g, Silence)]
    frames = [g for g in got if isinstance(g, Frame)]
    assert [s.t_ns for s in silent] == [14 * SECOND // 15 + n * SECOND // 5 for n in range(1, 6)]
    assert [f.index for f in frames] == list(range(20))
    assert frames[15].t_ns == 2 * SECOND


def test_jitter_delays_time_stamps_and_keeps_their_order() -> None:
    camera = SimulatedCamera(world(), faults=[Jitter(scale_ms=8.0)], seed=3)
    times = np.array([frame(camera).t_ns for _ in range(100)])
    late = times - np.round(np.arange(100) * 1e9 / 15)
    assert late.min() >= 0
    assert 1e6 < late.std() < 30e6
    assert (np.diff(times) > 0).all()


class Clock:
    """A clock that only waiting moves, and an owner that may be slow."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self.waited: list[float] = []

    def __call__(self) -> int:
        return self.now_ns

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now_ns += round(seconds * 1e9)


def paced(start_ns: int = 100, faults: tuple[Fault, ...] = ()) -> tuple[SimulatedCamera, Clock]:
    clock = Clock(start_ns)
    pace = Pace(clock, clock.wait)
    return SimulatedCamera(world(), start_ns=start_ns, pace=pace, faults=faults), clock


def test_real_time_waits_for_each_frame() -> None:
    camera, clock = paced()
    times = [frame(camera).t_ns for _ in range(10)]
    assert times == [100 + round(k * 1e9 / 15) for k in range(10)]
    assert clock.now_ns == times[-1]


def test_real_time_begins_with_the_first_look() -> None:
    camera, clock = paced()
    clock.now_ns += 3 * SECOND
    first = frame(camera)
    assert first.index == 0
    assert first.t_ns == 100 + 3 * SECOND
    assert frame(camera).index == 1


def test_real_time_drops_what_came_too_late() -> None:
    camera, clock = paced()
    frame(camera)
    clock.now_ns += 8 * SECOND // 15 + 1_000_000
    late = [frame(camera) for _ in range(4)]
    assert [f.index for f in late] == [6, 7, 8, 9], "three were waiting, the newest of eight"
    assert [f.t_ns for f in late] == [100 + round(k * 1e9 / 15) for k in (6, 7, 8, 9)]


def test_a_hiccup_in_real_time_loses_nothing() -> None:
    camera, clock = paced()
    frame(camera)
    clock.now_ns += SECOND // 5
    assert [frame(camera).index for _ in range(6)] == [1, 2, 3, 4, 5, 6]


def test_real_time_stall_is_silence() -> None:
    camera, clock = paced(faults=(Stalled(0.1, 0.5),))
    got = [camera.next(0.2) for _ in range(6)]
    kinds = [type(g).__name__ for g in got]
    assert kinds == ["Frame", "Frame", "Silence", "Silence", "Frame", "Frame"]
    assert clock.now_ns == got[-1].t_ns if isinstance(got[-1], Frame) else False


def test_a_slow_rate_gives_silences_between() -> None:
    camera = SimulatedCamera(world(), rate_hz=2.0)
    kinds = [type(camera.next(0.2)).__name__ for _ in range(7)]
    assert kinds == ["Frame", "Silence", "Silence", "Frame", "Silence", "Silence", "Frame"]


def test_closed_means_no_more() -> None:
    camera = SimulatedCamera(world())
    frame(camera)
    camera.close()
    assert camera.next(0.2) is None


def test_truth_of_a_frame_that_never_was() -> None:
    camera = SimulatedCamera(world())
    frame(camera)
    with pytest.raises(KeyError):
        camera.truth_at(7, "A")


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, float("nan")])
def test_a_rate_that_is_none(rate_hz: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        SimulatedCamera(world(), rate_hz=rate_hz)


# --- the rig that is built in


@pytest.mark.parametrize("boxes", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("chambers", [1, 2, 3])
def test_builtin_rigs_can_be_built(boxes: int, chambers: int) -> None:
    rig, apparatuses = builtin(boxes, chambers, frame_size_px=(960, 720))
    simulated = World(rig, apparatuses, 1)
    assert simulated.picture(0).shape == (720, 960)
    for box in rig.box:
        assert box.crop_px is not None
        assert apparatuses[box.name].frame_size_px == box.crop_px[2:]


def test_builtin_has_the_names_that_are_promised() -> None:
    rig, apparatuses = builtin()
    apparatus = apparatuses["A"]
    assert [c.name for c in apparatus.chamber] == ["left", "centre", "right"]
    assert apparatus.chamber[1].role == "neutral"
    assert [(d.name, str(d.drive)) for d in apparatus.doorway] == [
        ("left", "board"),
        ("right", "board"),
    ]
    assert rig.camera.frame_size_px == (320, 240)
    assert rig.camera.rate_hz == 15.0
    assert rig.box[0].outputs == {"laser": "board-1/1"}


@pytest.mark.parametrize(
    ("build", "what"),
    [
        (lambda: builtin(boxes=0), "1 to 16 boxes"),
        (lambda: builtin(chambers=5), "1, 2 or 3 chambers"),
    ],
    ids=["boxes", "chambers"],
)
def test_builtin_refuses(build: Callable[[], object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        build()


def test_a_crop_beyond_the_picture() -> None:
    rig, apparatuses = builtin()
    with pytest.raises(ConfigError, match=r"box A\.crop_px.*beyond the picture of 300 x 240"):
        World(rig, apparatuses, 1, frame_size_px=(300, 240))


def test_a_board_door_without_a_wire() -> None:
    rig, apparatuses = builtin()
    box = rig.box[0].model_copy(update={"doors": {"left": "board-1/1"}})
    torn = rig.model_copy(update={"box": (box,)})
    with pytest.raises(ConfigError, match="no board for door 'right'"):
        World(torn, apparatuses, 1)


def test_a_world_without_a_rig_size_holds_all_boxes() -> None:
    rig, apparatuses = builtin(boxes=2, frame_size_px=(640, 240))
    camera = rig.camera.model_copy(update={"frame_size_px": None})
    simulated = World(rig.model_copy(update={"camera": camera}), apparatuses, 1)
    assert simulated.frame_size_px == (640, 240)


def test_an_oblique_floor_gives_a_scale() -> None:
    corners_px = ((10.0, 10.0), (210.0, 10.0), (210.0, 210.0), (10.0, 210.0))
    floor = {
        "points_px": corners_px,
        "points_cm": [((x - 10) / 5, (y - 10) / 5) for x, y in corners_px],
    }
    table = {
        "name": "oblique",
        "frame_size_px": (220, 220),
        "floor": floor,
        "chamber": [{"name": "field", "outline_px": corners_px}],
    }
    rig, _ = builtin(chambers=1, frame_size_px=(220, 220))
    simulated = World(rig, {"A": Apparatus.model_validate(table)}, 1)
    simulated.place("A", "field")
    simulated.step_to(0)
    known = simulated.truth("A")
    assert known is not None
    length = np.hypot(known.nose_x_px - known.tail_x_px, known.nose_y_px - known.tail_y_px)
    assert 35 < length < 50
