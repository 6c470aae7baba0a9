import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.maps import fitting_bin_s, heat_map, occupancy, track
from rig import apparatus as apparatuses
from rig.measures import measure
from rig.model import NS_PER_S
from rig.table import Table, TableBuilder
from tests.small import ARENA

ARENA_OF = apparatuses.parse(ARENA, "arena.toml")
RATE_HZ = 10.0
GAP_NS = ARENA_OF.gap_ns(RATE_HZ)
Row = tuple[str, float, float, bool]  # zone, x, y (NaN: not seen), scored


def table_of(rows: list[Row], step_ns: int = NS_PER_S // 10) -> Table:
    builder = TableBuilder(ARENA_OF)
    for k, (zone, x, y, scored) in enumerate(rows):
        builder.add(k, k * step_ns, x, y, zone, scored, "")
    return builder.table()


LEFT: Row = ("left", 5.0, 10.0, True)
RIGHT: Row = ("right", 30.0, 10.0, True)
UNSEEN: Row = ("left", float("nan"), float("nan"), True)
NOWHERE: Row = ("", float("nan"), float("nan"), True)
BEFORE: Row = ("left", 5.0, 10.0, False)


@pytest.mark.parametrize(
    ("rows", "bins", "heat_s", "points"),
    [
        ([], 0, 0.0, 0),
        ([LEFT], 0, 0.0, 1),
        ([NOWHERE] * 11, 1, 0.0, 0),
        ([LEFT] + [UNSEEN] * 20, 1, 0.1, 1),
        ([BEFORE] * 5, 0, 0.0, 0),
        ([LEFT] * 11, 1, 1.0, 11),
        ([BEFORE] * 3 + [LEFT] * 11 + [BEFORE] * 3, 1, 1.0, 11),
    ],
    ids=["empty", "one-frame", "never-tracked", "all-lost", "not-scored", "whole", "window"],
)
def test_edges(rows: list[Row], bins: int, heat_s: float, points: int) -> None:
    table = table_of(rows)
    measures = measure(table, ARENA_OF, RATE_HZ)
    told = occupancy(table, measures, ARENA_OF)
    assert told.shares().shape == (bins, 2)
    assert heat_map(table, ARENA_OF, GAP_NS).total_s == pytest.approx(heat_s)
    drawn = track(table, GAP_NS)
    assert len(drawn.x_cm) == points
    assert not drawn.joined[-1:].any()
    for chamber in range(2):
        drawn.of_chamber(chamber)


rows = st.lists(st.sampled_from([LEFT, RIGHT, UNSEEN, NOWHERE, BEFORE]), max_size=120)


@given(rows, st.sampled_from([0.3, 1.0, 5.0]), st.sampled_from([50_000_000, 333_333_333]))
def test_occupancy_and_lost_add_up(rows: list[Row], bin_s: float, step_ns: int) -> None:
    table = table_of(rows, step_ns)
    m = measure(table, ARENA_OF, RATE_HZ)
    told = occupancy(table, m, ARENA_OF, bin_s)
    by_chamber = [seen + inferred for seen, inferred in zip(m.seen_ns, m.inferred_ns, strict=True)]
    assert told.chamber_ns.sum(axis=0).tolist() == by_chamber
    assert int(told.lost_ns.sum()) == m.lost_ns
    assert int(told.scored_ns.sum()) == m.scored_ns
    assert (told.chamber_ns.sum(axis=1) + told.lost_ns == told.scored_ns).all()
    whole = told.shares().sum(axis=1) + told.lost_shares()
    assert np.isnan(whole[told.scored_ns == 0]).all()
    assert whole[told.scored_ns > 0] == pytest.approx(1.0)


@given(rows)
def test_the_heat_map_holds_what_was_seen(rows: list[Row]) -> None:
    table = table_of(rows)
    heat = heat_map(table, ARENA_OF, GAP_NS)
    both = table.scored[:-1] & table.scored[1:] & table.tracked[:-1]
    assert heat.total_s + heat.outside_s == pytest.approx(both.sum() / 10)
    assert (heat.seconds_per_cm2 >= 0).all()


def test_a_place_is_where_it_was() -> None:
    heat = heat_map(table_of([LEFT] * 11), ARENA_OF, GAP_NS)
    row, column = np.unravel_index(heat.seconds_per_cm2.argmax(), heat.seconds_per_cm2.shape)
    assert heat.left_cm + column * heat.cell_cm <= 5.0 < heat.left_cm + (column + 1) * heat.cell_cm
    assert heat.top_cm + row * heat.cell_cm <= 10.0 < heat.top_cm + (row + 1) * heat.cell_cm


def test_far_outside_is_counted_not_drawn() -> None:
    far: Row = ("left", 500.0, 10.0, True)
    heat = heat_map(table_of([far] * 11), ARENA_OF, GAP_NS)
    assert (heat.total_s, heat.outside_s) == (0.0, pytest.approx(1.0))


@pytest.mark.parametrize(
    ("between", "joined"),
    [([], True), ([UNSEEN] * 3, True), ([UNSEEN] * 8, False), ([BEFORE], False)],
    ids=["next", "short-gap", "long-gap", "pause"],
)
def test_no_line_over_what_nobody_saw(between: list[Row], joined: bool) -> None:
    drawn = track(table_of([LEFT, *between, RIGHT]), GAP_NS)
    assert drawn.joined.tolist() == [joined, False]


def test_each_step_belongs_to_the_chamber_it_began_in() -> None:
    drawn = track(table_of([LEFT, LEFT, RIGHT, RIGHT, LEFT]), GAP_NS)
    x, _, joined = drawn.of_chamber(0)
    assert x.tolist() == [5.0, 5.0, 30.0]
    assert joined.tolist() == [True, True, False]
    x, _, joined = drawn.of_chamber(1)
    assert x.tolist() == [30.0, 30.0, 5.0]
    assert joined.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("scored_s", "bin_s"), [(0.0, 5.0), (300.0, 10.0), (1200.0, 30.0), (1800.0, 60.0), (1e6, 600.0)]
)
def test_bins_are_round(scored_s: float, bin_s: float) -> None:
    assert fitting_bin_s(scored_s) == bin_s
