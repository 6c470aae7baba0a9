"""Times, entries, visits, distance: on tables made by hand, made at random, and from a walk."""

import csv
import math
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig import apparatus, measures, zones
from rig.apparatus import Apparatus
from rig.measures import Measures, Table, Visit
from rig.model import NS_PER_S, Detection, Reason, Sample

# Ten pixels a cm; a and b stand 1 cm apart with a doorway between; c touches b without a wall.
TEXT = """
name = "three"
frame_size_px = [640, 480]
px_per_cm = 10.0
[[chamber]]
name = "a"
outline_px = [[0, 0], [200, 0], [200, 200], [0, 200]]
[[chamber]]
name = "b"
outline_px = [[210, 0], [410, 0], [410, 200], [210, 200]]
[[chamber]]
name = "c"
outline_px = [[410, 0], [610, 0], [610, 200], [410, 200]]
[[doorway]]
name = "way"
between = ["a", "b"]
line_px = [[205, 80], [205, 120]]
[[zone]]
name = "corner"
outline_px = [[0, 0], [50, 0], [50, 50], [0, 50]]
"""
# The same seen in a mirror.
MIRRORED = re.sub(r"\[(\d+), (\d+)\](?=[,\]])", lambda m: f"[{610 - int(m[1])}, {m[2]}]", TEXT)
BOX = apparatus.parse(TEXT, "three.toml")
HZ = 10
STEP_NS = NS_PER_S // HZ  # the gap is 0.5 s: five rows
X_CM = {"a": 10.0, "b": 31.0, "c": 51.0, "": 30.0}


def rows(text: str, step_ns: int = STEP_NS) -> list[Sample]:
    """A row a letter: the chamber, "." nowhere; upper case untracked; "!" the letter before is
    believed, "?" it is through a wall; "-" unscored; "_" nothing at all comes in that time.
    """
    out: list[Sample] = []
    k = -1
    for letter in text:
        if letter in "!?":
            flag = "through_wall+believed" if letter == "!" else "through_wall"
            out[-1] = changed(out[-1], flag=flag)
            continue
        k += 1
        if letter == "_":
            continue
        zone = letter.lower() if letter.lower() in "abc" else ""
        tracked = letter.islower() or letter == "."
        out.append(row(k, k * step_ns, zone, X_CM[zone] if tracked else None, letter != "-"))
    return out


def row(
    k: int, t_ns: int, zone: str, x_cm: float | None, scored: bool = True, flag: str = "",
    y_cm: float = 5.0, inside: bool = False,
) -> Sample:  # fmt: skip
    return Sample(
        k, t_ns, None, None, x_cm, None if x_cm is None else y_cm, None, None, None, None, None,
        0, 0.0, zone, "test", scored, flag, (inside,),
    )  # fmt: skip


def changed(sample: Sample, **values: object) -> Sample:
    values = {name: getattr(sample, name) for name in Sample.__slots__} | values
    return Sample(**values)  # type: ignore[arg-type]


def measured(samples: Sequence[Sample] | str, box: Apparatus = BOX, hz: float = HZ) -> Measures:
    if isinstance(samples, str):
        samples = rows(samples)
    return measures.measure(measures.table(samples, box), box, hz)


def s(*times_ns: float | None) -> tuple[float | None, ...]:
    return tuple(None if t is None else round(t / NS_PER_S, 9) for t in times_ns)


# What is not said: all times and entries are 0, and the first scored row is in a.
TABLES: dict[str, tuple[str, dict[str, object]]] = {
    "nothing": ("", {"latency": (None, None, None)}),
    "one-row": ("a", {}),
    "last-row-holds-no-time": (
        "aab",
        {"seen": (0.2, 0, 0), "entries": (0, 1, 0), "latency": (0, 0.2, None)},
    ),
    "three-visits": (
        "aabbba",
        {"seen": (0.2, 0.3, 0), "entries": (1, 1, 0), "latency": (0, 0.2, None)},
    ),
    "all-untracked": ("NNNNNNNN", {"lost": 0.7, "latency": (None, None, None)}),
    "lost-before-the-first": (
        "NNNNNNNNaaa",
        {"seen": (0.2, 0, 0), "lost": 0.8, "latency": (0.8, None, None)},
    ),
    "briefly-lost-before-the-first": (
        "NNaaa",
        {"seen": (0.2, 0, 0), "lost": 0.2, "latency": (0.2, None, None)},
    ),
    "short-gap": ("aaAAAAAaa", {"seen": (0.8, 0, 0)}),
    "long-gap-behind-walls": ("aaAAAAANaa", {"seen": (0.3, 0, 0), "inferred": (0.6, 0, 0)}),
    "long-gap-without-walls": (
        "bbBBBBBNbb",
        {"seen": (0, 0.3, 0), "lost_after": (0, 0.6, 0), "lost": 0.6, "latency": (None, 0, None)},
    ),
    "lost-and-found-elsewhere": (
        "aaAAAAANbb",
        {
            "seen": (0.2, 0.1, 0),
            "lost_after": (0.6, 0, 0),
            "lost": 0.6,
            "entries": (0, 1, 0),
            "latency": (0, 0.8, None),
        },
    ),
    "lost-to-the-end": (
        "aaAAAAANNN",
        {"seen": (0.2, 0, 0), "lost_after": (0.7, 0, 0), "lost": 0.7},
    ),
    "short-gap-to-the-end": ("aaAAAA", {"seen": (0.5, 0, 0)}),
    "silence-in-a-walled-chamber": (
        "aa_____aa",
        {"seen": (0.2, 0, 0), "lost_after": (0.6, 0, 0), "lost": 0.6},
    ),
    "silence-of-just-the-gap": ("aa____aa", {"seen": (0.7, 0, 0)}),
    "silence-then-elsewhere": (
        "aa_____bb",
        {
            "seen": (0.1, 0.1, 0),
            "lost_after": (0.6, 0, 0),
            "lost": 0.6,
            "entries": (0, 1, 0),
            "latency": (0, 0.7, None),
        },
    ),
    "entered-just-before-a-silence": (
        "aab_____bb",
        {
            "seen": (0.2, 0.1, 0),
            "lost_after": (0, 0.6, 0),
            "lost": 0.6,
            "entries": (0, 1, 0),
            "latency": (0, 0.2, None),
        },
    ),
    "silence-within-a-stretch": (
        "aaA______Aaa",
        {"seen": (0.3, 0, 0), "lost_after": (0.8, 0, 0), "lost": 0.8},
    ),
    "silence-after-silence": (
        "a______a______b",
        {
            "lost_after": (1.4, 0, 0),
            "lost": 1.4,
            "entries": (0, 1, 0),
            "latency": (0, 1.4, None),
        },
    ),
    "pause-is-nobodys": (
        "aa---aab",
        {"seen": (0.3, 0, 0), "entries": (0, 1, 0), "latency": (0, 0.3, None)},
    ),
    "elsewhere-after-a-pause": ("aa---bb", {"seen": (0.1, 0.1, 0), "latency": (0, 0.1, None)}),
    "lost-into-a-pause": (
        "aAAAAAAN---aa",
        {"seen": (0.2, 0, 0), "lost_after": (0.6, 0, 0), "lost": 0.6},
    ),
    "unscored-rows-do-not-tell": ("---bbb---", {"seen": (0, 0.2, 0), "latency": (None, 0, None)}),
    "found-nowhere": ("..aa", {"seen": (0.1, 0, 0), "lost": 0.2, "latency": (0.2, None, None)}),
    "through-a-wall-briefly": ("aaa?a?a?a?aa", {"seen": (0.7, 0, 0)}),
    "through-a-wall-believed": (
        "aaa?a?a?a?a?a?b!bbb",
        {"seen": (0.2, 0.3, 0), "lost_after": (0.6, 0, 0), "lost": 0.6, "latency": (0, 0.8, None)},
    ),
}


@pytest.mark.parametrize(("text", "expected"), TABLES.values(), ids=TABLES)
def test_table(text: str, expected: dict[str, object]) -> None:
    m, none = measured(text), (0, 0, 0)
    assert s(*m.seen_ns) == expected.get("seen", none)
    assert s(*m.inferred_ns) == expected.get("inferred", none)
    assert s(*m.lost_after_ns) == expected.get("lost_after", none)
    assert s(m.lost_ns) == (expected.get("lost", 0),)
    assert m.entries == expected.get("entries", none)
    assert s(*m.latency_ns) == expected.get("latency", (0, None, None))
    assert m.transitions == sum(m.entries)
    assert sum(m.seen_ns) + sum(m.inferred_ns) + m.lost_ns == m.scored_ns


def test_visits() -> None:
    m = measured("aabbAAAAANNa-bb")
    assert m.visits == (
        Visit("a", 0, 2 * STEP_NS),
        Visit("b", 2 * STEP_NS, 4 * STEP_NS),
        Visit("a", 11 * STEP_NS, 11 * STEP_NS),
        Visit("b", 13 * STEP_NS, 14 * STEP_NS),
    )
    assert s(*m.mean_visit_ns) == (0.1, 0.15, None)


def test_inferred_time_goes_on_with_the_visit() -> None:
    assert measured("aaAAAAANaab").visits[0] == Visit("a", 0, 10 * STEP_NS)


def test_frames_are_counted() -> None:
    m = measured("-aaA_aN__a--_-aa")
    assert (m.frames, m.untracked, m.dropped) == (8, 2, 3)
    assert (m.first_ns, m.last_ns) == (STEP_NS, 15 * STEP_NS)


def test_further_zones() -> None:
    inside = "00111100N1111NNNNNNNN110"
    samples = [
        row(k, k * STEP_NS, "a", None if told == "N" else 2.0, inside=told == "1")
        for k, told in enumerate(inside)
    ]
    m = measured(samples)
    assert s(*m.zone_ns) == (1.0,)
    assert m.zone_entries == (2,)
    assert [s(v.start_ns, v.end_ns) for v in m.zone_visits] == [(0.2, 0.6), (0.9, 1.3), (2.1, 2.3)]


FLAGS = {
    "lost": ("a" * 100 + "N" * 8 + "b" * 100, ("lost", "lost_differs")),
    "inferred-only": ("a" * 100 + "N" * 8 + "a" * 100, ("lost_differs",)),
    "a-little": ("a" * 300 + "N" * 6 + "b" * 100, ()),
    "dropped": ("a" * 100 + "__" + "a" * 50, ("dropped",)),
    "a-few-dropped": ("a" * 100 + "_" + "b" * 100, ()),
    "through-wall": ("a" * 9 + "a?" + "a" * 9, ("through_wall",)),
}


@pytest.mark.parametrize(("text", "flags"), FLAGS.values(), ids=FLAGS)
def test_flags(text: str, flags: tuple[str, ...]) -> None:
    assert measured(text).flags == flags


def test_escape_is_flagged() -> None:
    samples = rows("aaaa")
    samples[2] = changed(samples[2], flag="jump+escape")
    assert measured(samples).flags == ("escape",)


def test_summary_has_the_columns_in_order() -> None:
    row = measures.summary(measured("aabbba"), BOX, {"a": "paired", "b": "unpaired"})
    per_chamber = [
        f"{before}{name}{after}"
        for name in "abc"
        for before, after in (
            ("time_", "_s"), ("time_inferred_", "_s"), ("time_lost_after_", "_s"), ("entries_", ""),
            ("latency_", "_s"), ("mean_visit_", "_s"), ("distance_", "_m"),
        )
    ]  # fmt: skip
    assert list(row) == [
        *per_chamber, "time_corner_s", "entries_corner", "time_lost_s", "transitions",
        "distance_m", "speed_mean_cm_s", "frames", "frames_dropped", "frames_untracked",
        "lost_share", "flags", "time_paired_s", "time_unpaired_s", "time_neutral_s",
    ]  # fmt: skip
    assert (row["time_a_s"], row["time_paired_s"], row["time_unpaired_s"]) == (0.2, 0.2, 0.3)
    assert (row["latency_c_s"], row["mean_visit_c_s"], row["time_neutral_s"]) == (None, None, 0.0)
    assert "time_paired_s" not in measures.summary(measured("aab"), BOX)


def test_summary_counts_inferred_time_in() -> None:
    row = measures.summary(measured("aaAAAAANaa"), BOX)
    assert (row["time_a_s"], row["time_inferred_a_s"], row["lost_share"]) == (0.9, 0.6, 0.0)


def test_summary_of_nothing_is_blank() -> None:
    row = measures.summary(measured(""), BOX)
    assert (row["lost_share"], row["speed_mean_cm_s"], row["frames"]) == (None, None, 0)


# -- tables at random ---------------------------------------------------------------------------

moment = st.tuples(
    st.sampled_from(["", "a", "b", "c"]),
    st.one_of(st.none(), st.floats(-10, 70)),
    st.sampled_from([True, True, True, False]),
    st.sampled_from(["", "", "", "jump", "through_wall", "through_wall+believed", "escape+gap"]),
    st.one_of(st.just(STEP_NS), st.integers(-STEP_NS, 20 * STEP_NS)),
    st.booleans(),
)


def scatter(moments: Sequence[tuple[str, float | None, bool, str, int, bool]]) -> list[Sample]:
    t_ns, out = 12_345, []
    for k, (zone, x_cm, scored, flag, step_ns, inside) in enumerate(moments):
        t_ns += step_ns
        out.append(row(k, t_ns, zone, x_cm, scored, flag, inside=inside))
    return out


@given(st.lists(moment, max_size=30))
def test_time_adds_up_to_the_nanosecond(
    moments: list[tuple[str, float | None, bool, str, int, bool]],
) -> None:
    samples = scatter(moments)
    m = measured(samples)
    scored_ns = sum(max(0, b.t_ns - a.t_ns) for a, b in pairwise(samples) if a.scored and b.scored)
    assert m.scored_ns == scored_ns
    assert sum(m.seen_ns) + sum(m.inferred_ns) + m.lost_ns == scored_ns
    assert sum(m.lost_after_ns) <= m.lost_ns
    assert m.inferred_ns[1:] == (0, 0)  # b and c touch
    assert all(ns >= 0 for ns in (*m.seen_ns, *m.inferred_ns, *m.lost_after_ns, *m.zone_ns))
    assert all(visit.end_ns >= visit.start_ns for visit in m.visits)
    assert m.transitions == sum(m.entries)
    assert measures.summary(m, BOX)


@given(st.lists(moment, max_size=30))
def test_visits_add_up_where_time_runs_on(
    moments: list[tuple[str, float | None, bool, str, int, bool]],
) -> None:
    m = measured(scatter([(*m[:4], abs(m[4]), m[5]) for m in moments]))
    for k, name in enumerate(BOX.chamber_names):
        stays = [visit.end_ns - visit.start_ns for visit in m.visits if visit.zone == name]
        assert sum(stays) == m.seen_ns[k] + m.inferred_ns[k]
    assert sum(visit.end_ns - visit.start_ns for visit in m.zone_visits) == m.zone_ns[0]


@settings(max_examples=40)
@given(st.lists(moment, max_size=30))
def test_other_names_change_nothing_else(
    moments: list[tuple[str, float | None, bool, str, int, bool]],
) -> None:
    new = {"": "", "a": "x", "b": "y", "c": "z"}
    text = TEXT
    for old in "abc":
        text = text.replace(f'"{old}"', f'"{new[old]}"')
    samples = scatter(moments)
    one = measured(samples)
    other = measured(
        [changed(sample, zone=new[sample.zone]) for sample in samples],
        apparatus.parse(text, "other.toml"),
    )
    assert other.seen_ns == one.seen_ns
    assert other.entries == one.entries
    assert [new[visit.zone] for visit in one.visits] == [visit.zone for visit in other.visits]


@given(st.lists(moment, min_size=3, max_size=30), st.data())
def test_parts_that_share_a_tracked_row_add_up(
    moments: list[tuple[str, float | None, bool, str, int, bool]], data: st.DataObject
) -> None:
    samples = scatter(moments)
    k = data.draw(st.integers(0, len(samples) - 1))
    x_cm = 30.0 if samples[k].x_cm is None else samples[k].x_cm
    zone = samples[k].zone or "a"
    samples[k] = changed(samples[k], x_cm=x_cm, y_cm=5.0, zone=zone, flag="", scored=True)
    whole, first, second = measured(samples), measured(samples[: k + 1]), measured(samples[k:])
    for name in ("seen_ns", "inferred_ns", "lost_after_ns", "entries", "zone_ns", "zone_entries"):
        parts = np.add(getattr(first, name), getattr(second, name))
        assert tuple(parts.tolist()) == getattr(whole, name), name
    assert first.lost_ns + second.lost_ns == whole.lost_ns


@settings(max_examples=40)
@given(st.lists(moment, max_size=40))
def test_a_table_from_text_is_the_same(
    moments: list[tuple[str, float | None, bool, str, int, bool]],
) -> None:
    samples = scatter(moments)
    live = measures.table(samples, BOX)

    def text(value: float | None) -> str:
        return "" if value is None else repr(value)

    columns = {
        "frame": [str(v.frame) for v in samples],
        "t_s": [f"{v.t_ns / NS_PER_S:.9f}" for v in samples],
        "x_cm": [text(v.x_cm) for v in samples],
        "y_cm": [text(v.y_cm) for v in samples],
        "zone": [v.zone for v in samples],
        "scored": [str(int(v.scored)) for v in samples],
        "flag": [v.flag for v in samples],
        "in_corner": [str(int(v.in_zones[0])) for v in samples],
    }
    read = measures.from_text(columns, BOX)
    for name in Table.__slots__:
        np.testing.assert_array_equal(getattr(read, name), getattr(live, name), err_msg=name)


def test_builder_grows_and_earlier_tables_stay() -> None:
    builder, samples = measures.TableBuilder(BOX, capacity=2), rows("abcabc")
    tables = []
    for sample in samples:
        builder.append(sample)
        tables.append(builder.table())
    assert [len(t) for t in tables] == [1, 2, 3, 4, 5, 6]
    assert [t.zone.tolist() for t in (tables[1], tables[5])] == [[0, 1], [0, 1, 2, 0, 1, 2]]


def test_unknown_chamber_is_refused() -> None:
    with pytest.raises(ValueError, match="'d'"):
        measures.table([row(0, 0, "d", 1.0)], BOX)


# -- distance -----------------------------------------------------------------------------------


def track(x_cm: np.ndarray, y_cm: np.ndarray, hz: float) -> Table:
    n = len(x_cm)
    no, yes = np.zeros(n, dtype=np.bool_), np.ones(n, dtype=np.bool_)
    return Table(
        np.arange(n), np.round(np.arange(n) * (NS_PER_S / hz)).astype(np.int64), x_cm, y_cm,
        np.zeros(n, dtype=np.int16), yes, yes, no, no, no, no, np.zeros((n, 1), dtype=np.bool_),
    )  # fmt: skip


def distance_m(x_cm: np.ndarray, y_cm: np.ndarray, hz: float) -> float:
    return measures.measure(track(x_cm, y_cm, hz), BOX, hz).distance_m


@pytest.mark.parametrize("hz", [15, 30, 60])
@pytest.mark.parametrize("noise_cm", [0.1, 0.2], ids=["1-px-at-10", "2-px-at-10"])
def test_a_still_animal_with_noise_goes_nowhere(hz: int, noise_cm: float) -> None:
    noise = np.random.default_rng(1).normal(0, noise_cm, (2, 20 * 60 * hz))
    assert distance_m(10 + noise[0], 10 + noise[1], hz) < 0.3


def spiral(hz: float, speed_cm_s: float) -> tuple[np.ndarray, np.ndarray]:
    # 60 s of circles of 4 cm with stops: 1.5 s of walking, 1.5 s of rest.
    t = np.arange(60 * hz) / hz
    along = speed_cm_s * (np.floor(t / 3) * 1.5 + np.minimum(t % 3, 1.5))
    return 10 + 4 * np.cos(along / 4), 10 + 4 * np.sin(along / 4)


@pytest.mark.parametrize("hz", [15, 30, 60])
@pytest.mark.parametrize("speed_cm_s", [4, 10, 20])
def test_the_path_of_a_walking_animal(hz: int, speed_cm_s: float) -> None:
    x, y = spiral(hz, speed_cm_s)
    noise = np.random.default_rng(2).normal(0, 0.1, (2, len(x)))
    assert distance_m(x + noise[0], y + noise[1], hz) == pytest.approx(speed_cm_s * 0.3, rel=0.05)


def test_jumps_and_long_gaps_are_no_distance() -> None:
    assert measured("a" * 20 + "b" * 20).distance_m == pytest.approx(0.21, abs=0.02)
    assert measured("a" * 20 + "N" * 8 + "b" * 20).distance_m == 0.0
    assert measured("a" * 20 + "---" + "b" * 20).distance_m == 0.0
    assert measured("a" * 20 + "A" * 3 + "b" * 20).distance_m == pytest.approx(0.21, abs=0.02)
    samples = rows("a" * 20 + "b" * 20)
    samples[20] = changed(samples[20], flag="jump")
    assert measured(samples).distance_m == 0.0


def test_distance_belongs_to_the_chamber_it_ends_in() -> None:
    x = np.linspace(0, 60, 601)
    samples = [
        row(k, k * STEP_NS, "a" if v < 20.5 else "b" if v < 41 else "c", v) for k, v in enumerate(x)
    ]
    m = measured(samples)
    assert m.chamber_distance_m == pytest.approx((0.205, 0.205, 0.19), abs=0.011)
    assert sum(m.chamber_distance_m) == pytest.approx(m.distance_m)
    assert m.speed_mean_cm_s == pytest.approx(1.0, rel=0.02)


# -- a walk through the zones -------------------------------------------------------------------


def walk(seed: int, seconds: int = 400) -> tuple[np.ndarray, np.ndarray]:
    # At 60 Hz, in px: from point to point at 12 cm/s with rests, through the doorway.
    rng = np.random.default_rng(seed)
    x, y = [100.0], [100.0]
    while len(x) < 60 * seconds:
        here = 0 if x[-1] < 205 else 1
        there = here if rng.random() < 0.7 else 1 - here
        targets = [(100 + 210 * there + rng.uniform(-80, 80), rng.uniform(20, 180))]
        if there != here:
            targets.insert(0, (205.0, 100.0))
        for to_x, to_y in targets:
            steps = max(1, int(math.hypot(to_x - x[-1], to_y - y[-1]) / 2))
            x += np.linspace(x[-1], to_x, steps + 1)[1:].tolist()
            y += np.linspace(y[-1], to_y, steps + 1)[1:].tolist()
        rest = int(rng.exponential(120))
        x += [x[-1]] * rest
        y += [y[-1]] * rest
    return np.array(x[: 60 * seconds]), np.array(y[: 60 * seconds])


def scored(x: np.ndarray, y: np.ndarray, hz: int, box: Apparatus = BOX) -> Measures:
    place = zones.Layout(box, rate_hz=hz)
    state, builder, step_ns = zones.begin(place), measures.TableBuilder(box), NS_PER_S // hz
    every = 60 // hz
    for k, (px, py) in enumerate(zip(x[::every].tolist(), y[::every].tolist(), strict=True)):
        seen = Detection(Reason.FOUND, round(px, 2), round(py, 2), 300)
        state, z = zones.advance(place, state, k * step_ns, seen, {})
        assert z.x_cm is not None
        assert z.y_cm is not None
        builder.add(k, k * step_ns, z.x_cm, z.y_cm, z.zone, True, z.flag, z.in_zones)
    return measures.measure(builder.table(), box, hz)


def test_frame_rate_changes_times_by_less_than_a_percent() -> None:
    x, y = walk(3)
    at = {hz: scored(x, y, hz) for hz in (15, 30, 60)}
    assert min(at[60].entries[:2]) > 10
    for hz in (15, 30):
        assert at[hz].entries == at[60].entries
        assert at[hz].seen_ns[:2] == pytest.approx(at[60].seen_ns[:2], rel=0.01)
        assert at[hz].zone_ns == pytest.approx(at[60].zone_ns, rel=0.02)
        assert at[hz].distance_m == pytest.approx(at[60].distance_m, rel=0.02)


def test_a_mirror_changes_nothing() -> None:
    x, y = walk(4, 120)
    mirrored = apparatus.parse(MIRRORED, "mirrored.toml")
    one, other = scored(x, y, 30), scored(610 - x, y, 30, mirrored)
    assert other.seen_ns == one.seen_ns
    assert other.entries == one.entries
    assert other.visits == one.visits
    assert other.distance_m == pytest.approx(one.distance_m)


# How often each published track crosses the line with 5 and 7 px of hysteresis, and its share of
# frames on the left, are in the recording's README.
CROSSINGS = [
    ("tracktor", 1.0, 15),
    ("tracktor", 1.4, 15),
    ("idtracker", 1.0, 17),
    ("idtracker", 1.4, 15),
]
SHARES = {"tracktor": 0.3805, "idtracker": 0.3772}


@pytest.mark.parametrize(("tracker", "hysteresis_cm", "crossings"), CROSSINGS)
def test_published_positions_of_a_real_mouse(
    tracker: str, hysteresis_cm: float, crossings: int
) -> None:
    folder = Path(__file__).parents[2].parent / "shared" / "data" / "tracktor-mouse"
    if not folder.is_dir():
        pytest.skip("the shared recordings are not there")
    text = (folder / "apparatus.toml").read_text()
    text = text.replace("hysteresis_cm = 1.0", f"hysteresis_cm = {hysteresis_cm}")
    box = apparatus.parse(text, "apparatus.toml")
    place, builder = zones.Layout(box, rate_hz=30), measures.TableBuilder(box)
    state = zones.begin(place)
    with (folder / "published_tracks.csv").open() as lines:
        for k, line in enumerate(csv.DictReader(lines)):
            x, y = line[f"{tracker}_x_px"], line[f"{tracker}_y_px"]
            seen = Detection(Reason.FOUND, float(x), float(y), 700) if x else Detection(Reason.NONE)
            state, z = zones.advance(place, state, k * NS_PER_S // 30, seen, {})
            x_cm, y_cm = (math.nan if v is None else v for v in (z.x_cm, z.y_cm))
            builder.add(k, k * NS_PER_S // 30, x_cm, y_cm, z.zone, True, z.flag)
    m = measures.measure(builder.table(), box, 30)
    assert m.transitions == crossings
    # Where it stands on the line, the side it came from keeps it: up to 0.8 points more.
    assert m.seen_ns[0] / m.scored_ns == pytest.approx(SHARES[tracker], abs=0.01)
    assert m.lost_ns == 0
