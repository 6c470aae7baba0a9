"""Plane geometry: the quick answer agrees with the exact one."""

from hypothesis import given
from hypothesis import strategies as st

from rig.geometry import Outline

CORNERS = [(0.0, 0.0), (9.0, 1.0), (7.0, 5.0), (9.0, 9.0), (1.0, 8.0)]


@given(st.floats(-2, 11), st.floats(-2, 11))
def test_a_point_is_held_where_it_is_inside(x: float, y: float) -> None:
    outline = Outline.of(CORNERS)
    if abs(outline.inside(x, y)) > 1e-9:
        assert outline.holds(x, y) is (outline.inside(x, y) > 0)
