"""The entry rule, gaps, walls and further zones, frame by frame."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig import apparatus, measures, zones
from rig.model import NS_PER_S, Detection, DoorState, Reason, Sample

# Ten pixels a cm: a is 20 cm square, b 7 cm, c 20 cm; y from 14 to 34 cm, in cm from 0 to 20.
BOX = """
name = "three"
frame_size_px = [640, 480]
px_per_cm = 10.0
[[chamber]]
name = "a"
outline_px = [[0, 140], [200, 140], [200, 340], [0, 340]]
[[chamber]]
name = "b"
outline_px = [[200, 140], [270, 140], [270, 340], [200, 340]]
[[chamber]]
name = "c"
outline_px = [[270, 140], [470, 140], [470, 340], [270, 340]]
"""
DOORS = """
[[doorway]]
name = "left"
between = ["a", "b"]
line_px = [[200, 215], [200, 265]]
drive = "board"
[[doorway]]
name = "right"
between = ["b", "c"]
line_px = [[270, 215], [270, 265]]
drive = "board"
"""
ZONE = """
[[zone]]
name = "corner"
outline_px = [[0, 140], [50, 140], [50, 190], [0, 190]]
"""
HZ = 30
FRAME_NS = NS_PER_S // HZ
A, B, C, OUT, FAR = 100.0, 235.0, 370.0, 500.0, 600.0  # x in px; OUT is 3 cm off, FAR 13 cm
OPEN: Mapping[str, str] = {"left": "open", "right": "open"}
CLOSED: Mapping[str, str] = {"left": "closed", "right": "closed"}


def layout(
    text: str = BOX + DOORS, *, point: str = "centroid", hz: float = HZ, **entry: float
) -> zones.Layout:
    keys = "".join(f"{key} = {value}\n" for key, value in entry.items())
    return zones.Layout(
        apparatus.parse(f'{text}\n[entry]\npoint = "{point}"\n{keys}', "t"), rate_hz=hz
    )


def at(x: float, y: float = 240.0, **more: object) -> Detection:
    return Detection(Reason.FOUND, x, y, 300, **more)  # type: ignore[arg-type]


def nothing(reason: Reason = Reason.NONE) -> Detection:
    return Detection(reason)


def run(
    place: zones.Layout,
    seen: Sequence[float | Detection | None],
    doors: Mapping[str, str] = OPEN,
    frame_ns: int = FRAME_NS,
) -> list[zones.Zoned]:
    """One frame after the other; a number is the animal's x in px, None a silent camera."""
    state, out = zones.begin(place), []
    for k, item in enumerate(seen):
        detection = at(item) if isinstance(item, float) else item
        state, zoned = zones.advance(place, state, k * frame_ns, detection, doors)
        out.append(zoned)
    return out


def names(zoned: Sequence[zones.Zoned]) -> list[str]:
    return [z.zone for z in zoned]


def first_in(zoned: Sequence[zones.Zoned], name: str) -> int:
    return names(zoned).index(name)


def test_first_position_counts_at_once_and_is_no_entry() -> None:
    (zoned,) = run(layout(), [201.0])
    assert (zoned.zone, zoned.entered, zoned.flag) == ("b", "", "")
    assert (zoned.x_cm, zoned.y_cm) == (20.1, 10.0)


FIRST = {
    "inside": (A, "a"),
    "on-the-outer-line": (470.0, "c"),
    "three-cm-outside": (OUT, "c"),
    "five-cm-outside": (520.0, "c"),
    "more-than-five": (520.1, ""),
}


@pytest.mark.parametrize(("x", "zone"), FIRST.values(), ids=FIRST)
def test_first_position(x: float, zone: str) -> None:
    assert names(run(layout(), [x])) == [zone]


def test_before_the_first_position_there_is_none() -> None:
    zoned = run(layout(), [nothing(), None, FAR, A])
    assert names(zoned) == ["", "", "", "a"]
    assert [z.flag for z in zoned] == ["none", "gap", "", ""]
    assert not any(z.entered for z in zoned)


def test_entry_after_the_dwell_from_the_frame_of_the_hysteresis() -> None:
    zoned = run(layout(), [A] * 5 + [B] * 20)
    assert first_in(zoned, "b") == 5 + 6  # 0.2 s at 30 frames/s
    assert [k for k, z in enumerate(zoned) if z.entered] == [11]
    assert zoned[11].entered == "b"


DEPTHS = {
    "on-the-line": (200.0, False),
    "half-way": (205.0, False),
    "just-short": (209.9, False),
    "deep-enough": (210.0, True),
}


@pytest.mark.parametrize(("x", "enters"), DEPTHS.values(), ids=DEPTHS)
def test_hysteresis(x: float, enters: bool) -> None:
    assert names(run(layout(), [A] * 3 + [x] * 20))[-1] == ("b" if enters else "a")


def test_hysteresis_holds_towards_walls_too() -> None:
    along_the_wall = [at(235.0, 145.0)] * 20
    assert names(run(layout(), [A, A, *along_the_wall]))[-1] == "a"


def test_shallow_after_deep_still_dwells() -> None:
    zoned = run(layout(), [A, A, 211.0, *[203.0] * 10])
    assert first_in(zoned, "b") == 2 + 6


def test_a_visit_shorter_than_the_dwell_belongs_to_the_one_before() -> None:
    zoned = run(layout(), [A] * 5 + [B] * 6 + [A] * 20)
    assert set(names(zoned)) == {"a"}


def test_interrupted_dwell_starts_anew() -> None:
    zoned = run(layout(), [A] * 2 + [B] * 4 + [A] + [B] * 20)
    assert first_in(zoned, "b") == 7 + 6


def test_no_dwell_and_no_hysteresis() -> None:
    zoned = run(layout(min_dwell_s=0, hysteresis_cm=0), [A, 200.0, 200.1, 199.9])
    assert names(zoned) == ["a", "a", "b", "a"]


@pytest.mark.parametrize("jitter_ns", [-3_000_000, 0, 3_000_000], ids=["early", "even", "late"])
def test_jitter_does_not_cost_a_frame(jitter_ns: int) -> None:
    place, state = layout(hz=15), zones.begin(layout(hz=15))
    for k, x in enumerate([A, B, B, B, B]):
        t_ns = k * NS_PER_S // 15 + (jitter_ns if k == 4 else 0)
        state, zoned = zones.advance(place, state, t_ns, at(x), OPEN)
    assert zoned.zone == "b"


def test_outside_all_chambers_keeps_the_last() -> None:
    zoned = run(layout(), [C] * 3 + [OUT] * 60)
    assert set(names(zoned)) == {"c"}
    assert {z.flag for z in zoned} == {""}


def test_escape_is_flagged_after_the_gap() -> None:
    zoned = run(layout(), [C] * 3 + [FAR] * 30 + [C])
    flags = [z.flag for z in zoned]
    assert flags.index("escape") == 3 + 16  # the first frame more than 0.5 s later
    assert set(flags[19:33]) == {"escape"}
    assert flags[-1] == ""
    assert set(names(zoned)) == {"c"}


def test_untracked_keeps_the_zone_for_the_gap_only() -> None:
    zoned = run(layout(), [A] * 2 + [nothing(Reason.HAND)] * 20)
    assert [k for k, z in enumerate(zoned) if z.zone][-1] == 2 + 15  # 0.5 s after the first
    assert {z.flag for z in zoned[2:]} == {"hand"}
    assert zoned[-1].x_cm is None


def test_gap_is_at_least_three_frame_intervals() -> None:
    zoned = run(layout(hz=2), [A, *[nothing()] * 4, A], frame_ns=NS_PER_S // 2)
    assert names(zoned) == ["a", "a", "a", "a", "a", "a"]
    zoned = run(layout(hz=2), [A, *[nothing()] * 5, A], frame_ns=NS_PER_S // 2)
    assert names(zoned) == ["a", "a", "a", "a", "a", "", "a"]


def test_short_gap_does_not_break_a_dwell() -> None:
    zoned = run(layout(), [A, A, B, nothing(), nothing(), nothing(), B, B, B])
    assert first_in(zoned, "b") == 8


def test_found_after_a_long_gap_counts_at_once() -> None:
    zoned = run(layout(), [A] * 2 + [nothing()] * 20 + [205.0, 205.0])
    assert names(zoned)[-3:] == ["", "b", "b"]
    assert [z.entered for z in zoned[-2:]] == ["b", ""]


def test_found_in_the_same_chamber_is_no_entry() -> None:
    zoned = run(layout(), [A] * 2 + [nothing()] * 20 + [A])
    assert (zoned[-1].zone, zoned[-1].entered) == ("a", "")


def test_found_far_outside_after_a_long_gap_is_nowhere() -> None:
    zoned = run(layout(), [A] * 2 + [nothing()] * 20 + [FAR, FAR, B])
    assert names(zoned)[-3:] == ["", "", "b"]
    assert zoned[-1].entered == "b"


def test_silence_is_a_gap_whether_it_was_told_or_not() -> None:
    place = layout()
    for ticks in ([], [NS_PER_S // 4], [NS_PER_S // 4, NS_PER_S // 2 + 1]):
        state = zones.begin(place)
        state, _ = zones.advance(place, state, 0, at(A), OPEN)
        for t_ns in ticks:
            state, silent = zones.advance(place, state, t_ns, None, OPEN)
            assert silent.zone == ("a" if t_ns <= NS_PER_S // 2 else "")
            assert silent.flag == "gap"
        state, zoned = zones.advance(place, state, 6 * NS_PER_S // 10, at(B), OPEN)
        assert (zoned.zone, zoned.flag, zoned.entered) == ("b", "gap", "b")


def test_through_a_closed_door_is_an_artefact() -> None:
    zoned = run(layout(), [A] * 3 + [B] * 10 + [A] * 3, CLOSED)
    assert [z.flag for z in zoned] == [""] * 3 + ["through_wall"] * 10 + [""] * 3
    assert set(names(zoned)) == {"a"}
    assert zoned[5].x_cm == 23.5


def test_an_artefact_counts_as_untracked_and_the_zone_lapses() -> None:
    zoned = run(layout(), [A] * 3 + [B] * 40 + [A] * 3, CLOSED)
    assert [k for k, z in enumerate(zoned) if not z.zone] == list(range(3 + 16, 43))
    assert names(zoned)[-3:] == ["a"] * 3
    assert not any(z.entered for z in zoned)


def test_an_artefact_that_lasts_is_believed_and_is_no_entry() -> None:
    zoned = run(layout(), [A] * 3 + [B] * 80, CLOSED)
    k = first_in(zoned, "b")
    assert k == 3 + 61  # the first frame more than 2 s later
    assert zoned[k].flag == "through_wall+believed"
    assert {z.flag for z in zoned[k + 1 :]} == {""}
    assert not any(z.entered for z in zoned)


def test_an_artefact_that_flickers_is_believed_too() -> None:
    once: list[float | Detection | None] = [
        B,
        B,
        nothing(),
        B,
        at(235.0, 120.0),
        nothing(),
        nothing(),
    ]
    zoned = run(layout(), [A, A, A, *once * 14], CLOSED)
    assert names(zoned)[-1] == "b"
    assert not any(z.entered for z in zoned)


def test_time_out_of_sight_does_not_make_an_artefact_believed() -> None:
    zoned = run(layout(), [A] * 3 + [B] * 3 + [nothing()] * 70 + [B] * 3, CLOSED)
    assert {z.flag for z in zoned[-3:]} == {"through_wall"}
    assert names(zoned)[-1] == ""


def test_found_behind_a_wall_after_a_long_gap_is_believed_at_once() -> None:
    zoned = run(layout(), [A] * 3 + [nothing()] * 20 + [B, B], CLOSED)
    assert names(zoned)[-2:] == ["b", "b"]
    assert [z.flag for z in zoned[-2:]] == ["through_wall+believed", ""]
    assert not any(z.entered for z in zoned)


DOOR_STATES = {state: state is not DoorState.CLOSED for state in DoorState}


@pytest.mark.parametrize(("state", "passes"), DOOR_STATES.items(), ids=[*DOOR_STATES])
def test_only_a_closed_door_is_a_wall(state: DoorState, passes: bool) -> None:
    zoned = run(layout(), [A] * 3 + [B] * 20, {"left": state})
    assert names(zoned)[-1] == ("b" if passes else "")


def test_doors_that_nobody_speaks_of_are_open() -> None:
    assert names(run(layout(), [A] * 3 + [B] * 20, {}))[-1] == "b"


def test_doorway_without_a_door_is_always_open() -> None:
    place = layout(BOX + DOORS.replace('"board"', '"none"'))
    assert names(run(place, [A] * 3 + [B] * 20, CLOSED))[-1] == "b"


def test_reached_through_the_chamber_between() -> None:
    half = {"left": "open", "right": "closed"}
    assert names(run(layout(), [A] * 3 + [C] * 10, OPEN))[-1] == "c"
    assert names(run(layout(), [A] * 3 + [C] * 10, half))[-1] == "a"


def test_chambers_that_touch_need_no_doorway() -> None:
    zoned = run(layout(BOX), [A] * 3 + [C] * 10)
    assert zoned[9].entered == "c"
    assert {z.flag for z in zoned} == {""}


def test_door_that_opens_lets_the_animal_be_where_it_is() -> None:
    place, state = layout(), zones.begin(layout())
    seen = []
    for k in range(30):
        doors = CLOSED if k < 20 else OPEN
        state, zoned = zones.advance(place, state, k * FRAME_NS, at(A if k < 3 else B), doors)
        seen.append(zoned)
    assert (seen[19].flag, seen[20].entered) == ("through_wall", "b")


def test_door_that_closes_behind_the_animal_does_not_undo_its_way() -> None:
    place = layout()
    state = zones.begin(place)
    for k in range(12):
        doors = OPEN if k < 5 else CLOSED
        state, zoned = zones.advance(place, state, k * FRAME_NS, at(A if k < 3 else B), doors)
        assert (zoned.zone, zoned.flag) == ("a" if k < 9 else "b", "")


def test_nose_decides_and_the_centroid_stands_in_for_it() -> None:
    place = layout(point="nose")
    there = at(A, nose_x_px=B, nose_y_px=240.0)
    zoned = run(place, [at(A, nose_x_px=A, nose_y_px=240.0), *[there] * 10])
    assert names(zoned)[-1] == "b"
    assert zoned[-1].x_cm == 10.0
    zoned = run(place, [at(A, nose_x_px=A, nose_y_px=240.0), *[A] * 10])
    assert (zoned[-1].zone, zoned[-1].flag) == ("a", "no_nose")


def body(*inside: int) -> Detection:
    return at(A, inside=inside)


def test_body_share_decides() -> None:
    place = layout(point="body")
    zoned = run(place, [body(300, 0, 0)] * 2 + [body(61, 239, 0)] * 20)
    assert set(names(zoned)) == {"a"}
    zoned = run(place, [body(300, 0, 0)] * 2 + [body(60, 240, 0)] * 7)
    assert (first_in(zoned, "b"), zoned[-1].shares) == (8, (0.2, 0.8, 0.0))


def test_body_dwell_goes_on_while_half_of_it_is_in() -> None:
    seen = [body(300, 0, 0), body(0, 300, 0), *[body(140, 160, 0)] * 6]
    assert names(run(layout(point="body"), seen))[-1] == "b"
    seen = [body(300, 0, 0), body(0, 300, 0), *[body(160, 140, 0)] * 6]
    assert names(run(layout(point="body"), seen))[-1] == "a"


def test_body_without_shares_is_refused() -> None:
    with pytest.raises(ValueError, match="no shares"):
        run(layout(point="body"), [A])


def test_body_first_counts_where_most_of_it_is() -> None:
    assert names(run(layout(point="body"), [body(100, 110, 0)])) == ["b"]
    assert names(run(layout(point="body"), [body(0, 0, 0)])) == ["a"]


def test_jump_is_passed_on() -> None:
    assert [z.flag for z in run(layout(), [A, at(A, jump=True)])] == ["", "jump"]


def test_further_zones_follow_the_point_with_hysteresis_and_dwell() -> None:
    place = layout(BOX + DOORS + ZONE)
    inside, edge, shy, away = at(25, 165), at(45, 165), at(55, 165), at(65, 165)
    zoned = run(place, [at(A), *[edge] * 10, *[inside] * 7, *[edge] * 9, *[shy] * 9, *[away] * 7])
    told = [z.in_zones[0] for z in zoned]
    assert told.index(True) == 11 + 6
    assert len(told) - told[::-1].index(True) == 36 + 6
    assert run(place, [edge])[0].in_zones == (True,)
    assert run(place, [inside, *[nothing()] * 20])[-1].in_zones == (False,)


def test_cm_are_rounded_without_minus_zero() -> None:
    (zoned,) = run(layout(), [at(-0.001, 140.0)])
    assert (repr(zoned.x_cm), repr(zoned.y_cm)) == ("0.0", "0.0")
    (zoned,) = run(layout(), [at(1.23456, 140.0)])
    assert zoned.x_cm == 0.12


position = st.one_of(
    st.none(),
    st.sampled_from([nothing(), nothing(Reason.HAND), *map(at, (A, B, C, OUT, FAR, 205.0, 275.0))]),
    st.builds(at, st.floats(-50, 690), st.floats(-50, 530)),
)
door = st.sampled_from(["open", "closed", "unknown"])


@given(st.lists(st.tuples(position, st.sampled_from([1, 1, 1, 7, 40]), door), max_size=80))
def test_whatever_comes_the_rules_hold(
    frames: list[tuple[Detection | None, int, str]],
) -> None:
    place = layout(BOX + DOORS + ZONE)
    state, t_ns, inside = zones.begin(place), 0, ""
    for detection, steps, left in frames:
        t_ns += steps * FRAME_NS
        before = inside
        state, zoned = zones.advance(place, state, t_ns, detection, {"left": left})
        flags = zoned.flag.split("+")
        assert all(flag in {"", *zones.Flag} for flag in flags)
        assert zoned.zone in ("", *place.chamber_names)
        assert (zoned.x_cm is None) == (detection is None or not detection.found)
        assert len(zoned.in_zones) == 1
        if zoned.entered:
            assert zoned.entered == zoned.zone != before
            assert "through_wall" not in flags
        elif zoned.zone and before and zoned.zone != before:
            assert "believed" in flags
        inside = zoned.zone or inside


@given(
    st.lists(st.tuples(position.filter(lambda d: d is not None), st.sampled_from([1, 1, 9, 40])),
             max_size=80)
)  # fmt: skip
def test_entries_told_are_entries_measured(frames: list[tuple[Detection, int]]) -> None:
    box = apparatus.parse(BOX + DOORS, "t")
    place = zones.Layout(box, rate_hz=HZ)
    state, t_ns, rows, entered = zones.begin(place), 0, [], []
    for k, (detection, steps) in enumerate(frames):
        t_ns += steps * FRAME_NS
        state, z = zones.advance(place, state, t_ns, detection, {"left": "closed"})
        rows.append(sample(k, t_ns, z))
        entered += [z.entered] if z.entered else []
    measured = measures.measure(measures.table(rows, box), box, HZ)
    assert measured.entries == tuple(entered.count(name) for name in box.chamber_names)


def sample(k: int, t_ns: int, z: zones.Zoned) -> Sample:
    return Sample(
        k, t_ns, None, None, z.x_cm, z.y_cm, None, None, None, None, None, 0, 0.0,
        z.zone, "test", True, z.flag, z.in_zones, z.shares,
    )  # fmt: skip
