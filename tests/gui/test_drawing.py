"""The plain models behind the rig page: drawing, history, scale, TOML."""

import math
import tomllib
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.setup.drawing import ALL, Drawing, Kind, Part, rectangle
from gui.setup.history import History
from gui.setup.rig_draft import BoxDraft, check_box
from gui.setup.scale import FloorPoints, Ruler, Scale, floor_of, side_cm
from gui.setup.templates import template
from gui.setup.toml_text import toml_text

SIZE = (320, 240)
LEFT, DOOR = Part(Kind.CHAMBER, 0), Part(Kind.DOORWAY, 0)


@given(st.lists(st.sampled_from(["do", "undo", "redo"]) | st.integers(), max_size=40))
def test_redo_after_undo_gives_the_same(steps: list[Any]) -> None:
    history = History(0)
    for step in steps:
        if isinstance(step, int):
            history.do(step)
        elif step == "undo":
            before = history.now
            if history.undo():
                assert history.redo()
                assert history.now == before
                history.undo()
        else:
            history.redo()
    while history.undo():
        pass
    assert history.now == 0


def test_a_new_value_ends_what_was_taken_back_and_the_same_is_none() -> None:
    history = History("a")
    assert not history.do("a")
    assert not history.can_undo
    history.do("b")
    history.undo()
    history.do("c")
    assert not history.can_redo
    assert history.now == "c"


@given(
    st.sampled_from([1, 2, 3]),
    st.integers(120, 2000),
    st.integers(120, 2000),
    st.sampled_from(["none", "manual", "board"]),
)
def test_a_template_is_a_valid_apparatus(n: int, width: int, height: int, drive: str) -> None:
    drawing = template(n, (width, height), drive)
    widest = max(x for chamber in drawing.chambers for x, _ in chamber.points)
    least = min(x for chamber in drawing.chambers for x, _ in chamber.points)
    total_cm = {1: 40.0, 2: 40.0, 3: 47.0}[n]
    scale = Scale((widest - least) / total_cm)
    found = check_box(BoxDraft("A", drawing, scale=scale))
    assert len(found.chamber) == n
    assert not found.touching, "a doorway is between all of them"
    assert {d.drive for d in found.doorway} <= {drive}


coordinates = st.floats(-500, 900)


@given(st.integers(0, 3), coordinates, coordinates)
def test_corners_stay_in_the_picture(k: int, x: float, y: float) -> None:
    drawing = template(3, SIZE)
    points = list(drawing.points(LEFT))
    points[k] = (x, y)
    for px, py in drawing.with_points(LEFT, points).points(LEFT):
        assert 0 <= px <= SIZE[0]
        assert 0 <= py <= SIZE[1]


@given(coordinates, coordinates)
def test_a_moved_part_keeps_its_shape(dx: float, dy: float) -> None:
    drawing = template(2, SIZE)
    before, after = drawing.points(LEFT), drawing.moved(LEFT, dx, dy).points(LEFT)
    for (p, q), (r, s) in zip(pairwise(before), pairwise(after), strict=True):
        assert math.dist(p, q) == pytest.approx(math.dist(r, s), abs=0.3)


def test_the_whole_box_is_stretched_with_all_that_is_in_it() -> None:
    drawing = template(3, SIZE)
    before = drawing.points(ALL)
    stretched = drawing.with_points(ALL, rectangle(10, 20, 310, 220))
    assert stretched.points(ALL) == rectangle(10, 20, 310, 220)
    share = [
        (d.points(DOOR)[0][0] - d.points(ALL)[0][0]) / (d.points(ALL)[1][0] - d.points(ALL)[0][0])
        for d in (drawing, stretched)
    ]
    assert share[0] == pytest.approx(share[1], abs=0.01)
    assert drawing.with_points(ALL, [before[0]] * 4) == drawing, "no such picture of a box"


@pytest.mark.parametrize(
    ("point", "where"),
    [
        ((141.0, 64.0), "corner"),
        ((140.0, 100.0), "edge"),
        ((30.0, 100.0), "none"),
        ((2.0, 2.0), "picture"),
    ],
    ids=["corner", "edge", "none", "picture"],
)
def test_a_corner_is_drawn_to_what_is_near(point: tuple[float, float], where: str) -> None:
    drawing = Drawing(SIZE).added(Kind.CHAMBER)[0].added(Kind.CHAMBER)[0]
    drawing = drawing.with_points(LEFT, rectangle(20, 62, 139, 170))
    other = Part(Kind.CHAMBER, 1)
    found = drawing.snapped(other, 0, point, 5.0)
    expected = {"corner": (139, 62), "edge": (139, 100), "none": point, "picture": (0, 0)}[where]
    assert found == expected


def test_corners_are_added_and_removed_but_not_the_last_three() -> None:
    drawing = template(2, SIZE)
    more = drawing.with_corner(LEFT, 0)
    assert len(more.points(LEFT)) == 5
    assert more.without_corner(LEFT, 1) == drawing
    three = drawing.without_corner(LEFT, 0)
    assert three.without_corner(LEFT, 0) == three
    assert drawing.with_corner(DOOR, 0) == drawing
    assert drawing.without_corner(DOOR, 0) == drawing


def test_names_lead_on() -> None:
    drawing = template(3, SIZE).renamed(LEFT, "black")
    assert drawing.doorways[0].between == ("black", "centre")
    gone = drawing.removed(LEFT)
    assert [d.name for d in gone.doorways] == ["right"]
    assert drawing.removed(ALL) == Drawing(SIZE)
    added, part = gone.added(Kind.ZONE)
    assert added.name(part) == "zone-1"
    assert added.removed(part) == gone


def test_a_doorway_is_put_between_chambers_that_none_joins() -> None:
    drawing = template(3, SIZE).removed(Part(Kind.DOORWAY, 1))
    added, part = drawing.added(Kind.DOORWAY)
    assert added.doorways[part.place].between == ("centre", "right")
    check_box(BoxDraft("A", added, scale=Scale(5.7)))


@given(st.integers(-60, 60), st.integers(-60, 60))
def test_another_crop_leaves_the_drawing_over_the_same_places(dx: int, dy: int) -> None:
    drawing = template(2, (200, 200))
    moved = drawing.onto((1000, 1000), -100 - dx, -100 - dy)
    for (x, y), (u, v) in zip(drawing.points(LEFT), moved.points(LEFT), strict=True):
        assert [u - x, v - y] == pytest.approx([100 + dx, 100 + dy])


def test_a_door_that_moves_has_a_sweep_and_one_that_does_not_has_none() -> None:
    drawing = template(2, SIZE, "none")
    assert not drawing.doorways[0].sweep
    assert drawing.with_drive(DOOR, "board").doorways[0].sweep
    assert drawing.with_drive(DOOR, "board").with_drive(DOOR, "none") == drawing


# scale


@given(st.floats(10, 500), st.floats(0.5, 200))
def test_a_ruler_gives_its_length_back(length_px: float, length_cm: float) -> None:
    scale = Ruler(((5.0, 5.0), (5.0 + length_px, 5.0)), length_cm).scale()
    back = side_cm(scale, (0.0, 0.0), (0.0, length_px))
    assert back == pytest.approx(length_cm, rel=0.05)


def test_four_points_give_the_floor_back() -> None:
    corners = ((60.0, 40.0), (260.0, 40.0), (310.0, 220.0), (10.0, 220.0))
    floor = FloorPoints(corners, 40.0, 20.0)
    scale = floor.scale()
    assert floor_of(scale) == floor
    assert side_cm(scale, corners[0], corners[1]) == pytest.approx(40.0)
    assert side_cm(scale, corners[1], corners[2]) == pytest.approx(20.0)
    drawing = replace(template(1, SIZE))
    assert check_box(BoxDraft("A", drawing, scale=scale)).floor is not None


@pytest.mark.parametrize(
    "corners",
    [
        ((0.0, 0.0), (10.0, 0.0), (20.0, 0.0), (30.0, 0.0)),
        ((0.0, 0.0), (0.0, 100.0), (100.0, 100.0), (100.0, 0.0)),
        ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
    ],
    ids=["line", "mirrored", "spot"],
)
def test_points_that_give_no_scale_are_refused(corners: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match=r"floor|point|corner"):
        FloorPoints(corners, 40.0, 20.0).scale()


def test_a_ruler_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="without length"):
        Ruler(((1.0, 1.0), (1.0, 1.0)), 10.0).scale()


# TOML

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(texts, values, max_size=5))
def test_toml_says_what_it_was_given(table: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(table)) == table
