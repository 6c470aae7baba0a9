"""Apparatus files: what is refused and how it is said, scale, walls, geometry."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point, Polygon

from rig import apparatus, geometry
from rig.errors import ConfigError

THREE = """
name = "three-chamber"
frame_size_px = [640, 480]
px_per_cm = 10.0
[[chamber]]
name = "left"
outline_px = [[20, 140], [220, 140], [220, 340], [20, 340]]
[[chamber]]
name = "centre"
role = "neutral"
outline_px = [[220, 140], [290, 140], [290, 340], [220, 340]]
[[chamber]]
name = "right"
outline_px = [[290, 140], [490, 140], [490, 340], [290, 340]]
[[doorway]]
name = "left"
between = ["left", "centre"]
line_px = [[220, 215], [220, 265]]
sweep_px = [[214, 210], [226, 210], [226, 270], [214, 270]]
drive = "board"
[[doorway]]
name = "right"
between = ["centre", "right"]
line_px = [[290, 215], [290, 265]]
drive = "manual"
[[zone]]
name = "door-left"
outline_px = [[205, 205], [235, 205], [235, 275], [205, 275]]
[entry]
hysteresis_cm = 1.0
"""
SCALE = "px_per_cm = 10.0"
FLOOR = "[floor]\npoints_px = {px}\npoints_cm = {cm}\n[entry]"
SQUARE_PX = [[0, 0], [640, 0], [640, 480], [0, 480]]
SQUARE_CM = [[0, 0], [64, 0], [64, 48], [0, 48]]


def parse(*swaps: tuple[str, str]) -> apparatus.Apparatus:
    text = THREE
    for old, new in swaps:
        assert old in text
        text = text.replace(old, new, 1)
    return apparatus.parse(text, "box.toml")


def with_floor(px: object, cm: object) -> apparatus.Apparatus:
    floor = FLOOR.format(px=json.dumps(px), cm=json.dumps(cm))
    return parse((SCALE, ""), ("[entry]", floor))


def test_three_chambers_read() -> None:
    box = parse()
    assert box.chamber_names == ("left", "centre", "right")
    assert box.zone_names == ("door-left",)
    assert box.doorway_names == ("left", "right")
    assert box.touching == frozenset()
    assert box.walled == {"left", "centre", "right"}
    assert box.area_px(4.0) == 400.0
    assert box.gap_ns(30.0) == 500_000_000
    assert box.gap_ns(2.0) == 1_500_000_000


LEFT = "[[20, 140], [220, 140], [220, 340], [20, 340]]"
FAULTS = {
    "unknown-key": ((SCALE, "px_per_mm = 1.0"), "px_per_mm", "unknown key"),
    "wrong-type": (("[640, 480]", '"big"'), "frame_size_px", "'big'"),
    "no-name": (('name = "centre"\n', ""), "chamber[1].name", "missing"),
    "two-corners": ((LEFT, "[[20, 140], [220, 140]]"), "chamber[0].outline_px", "at least 3"),
    "crosses-itself": (
        (LEFT, "[[20, 140], [220, 140], [20, 340], [220, 340]]"),
        "chamber[0].outline_px",
        "crosses or touches itself at [120, 240]",
    ),
    "ignored-crosses-itself": (
        ("[entry]", "[tracking]\nignore_px = [[[0, 0], [9, 9], [9, 0], [0, 9]]]\n[entry]"),
        "tracking.ignore_px[0]",
        "crosses or touches itself",
    ),
    "on-one-line": (
        (LEFT, "[[20, 140], [220, 140], [120, 140]]"),
        "chamber[0].outline_px",
        "the outline",
    ),
    "outside-picture": (
        ("[490, 340], [290, 340]", "[640.5, 340], [290, 340]"),
        "chamber[2].outline_px",
        "[640.5, 340] lies outside the picture of 640 x 480 px",
    ),
    "not-a-number": (("[20, 140]", "[nan, 140]"), "chamber[0].outline_px[0][0]", "nan"),
    "line-outside": (
        ("[220, 215], [220, 265]", "[220, -1], [220, 265]"),
        "doorway[0].line_px",
        "[220, -1]",
    ),
    "no-picture": (("[640, 480]", "[0, 480]"), "frame_size_px", "[0, 480]"),
    "overlap": (
        ("[290, 340], [220, 340]", "[291, 340], [220, 340]"),
        "chamber[2].outline_px",
        "'right' overlaps 'centre' (chamber[1]) by 100 px",
    ),
    "same-chamber-twice": (('"centre"\nrole', '"Left"\nrole'), "chamber[1].name", "'Left'"),
    "zone-as-chamber": (('"door-left"', '"right"'), "zone[0].name", "chamber[2].name"),
    "same-doorway-twice": (
        ('name = "right"\nbetween', 'name = "left"\nbetween'),
        "doorway[1].name",
        "'left'",
    ),
    "slash": (('"door-left"', '"door/left"'), "zone[0].name", "'door/left'"),
    "empty-name": (('"door-left"', '""'), "zone[0].name", "''"),
    "umlaut": (('"door-left"', '"Tür"'), "zone[0].name", "'Tür'"),
    "newline": (('"door-left"', '"door\\n"'), "zone[0].name", "door"),
    "role-as-name": (('"door-left"', '"paired"'), "zone[0].name", "a role"),
    "lost-as-name": (('"door-left"', '"lost"'), "zone[0].name", "'lost'"),
    "unknown-chamber": (
        ('["left", "centre"]', '["left", "middle"]'),
        "doorway[0].between",
        "'middle': there is no such chamber (left, centre, right)",
    ),
    "one-chamber-doorway": (
        ('["left", "centre"]', '["left", "left"]'),
        "doorway[0].between",
        "two different",
    ),
    "line-too-far": (
        ("[220, 215], [220, 265]", "[231, 215], [231, 265]"),
        "doorway[0].line_px",
        "1.1 cm from 'left'",
    ),
    "line-without-length": (
        ("[220, 215], [220, 265]", "[220, 215], [220, 215]"),
        "doorway[0].line_px",
        "no length",
    ),
    "unknown-drive": (('"board"', '"steam"'), "doorway[0].drive", "'steam'"),
    "no-scale": ((SCALE, ""), "px_per_cm", "missing"),
    "no-size": ((SCALE, "px_per_cm = 0.0"), "px_per_cm", "0.0"),
    "infinite-scale": ((SCALE, "px_per_cm = inf"), "px_per_cm", "inf"),
    "areas": (
        ("[entry]", "[tracking]\nmin_area_cm2 = 90.0\n[entry]"),
        "tracking.min_area_cm2",
        "90: is not below max_area_cm2, 80",
    ),
    "too-narrow-to-enter": (
        ("hysteresis_cm = 1.0", "hysteresis_cm = 1.6"),
        "entry.hysteresis_cm",
        "1.6: no point of 'door-left'",
    ),
}


@pytest.mark.parametrize(("swap", "key", "part"), FAULTS.values(), ids=FAULTS)
def test_fault_is_one_line_with_file_key_and_value(
    swap: tuple[str, str], key: str, part: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(swap)
    assert caught.value.key == key
    assert part in caught.value.message
    assert str(caught.value).startswith(f"box.toml: {key}: ")
    assert "\n" not in str(caught.value)


def test_broken_toml_is_one_line() -> None:
    with pytest.raises(ConfigError, match="line 1") as caught:
        apparatus.parse("name = = 1", "box.toml")
    assert "\n" not in str(caught.value)


ALLOWED = {
    "reaches-the-edge": (("[490, 340], [290, 340]", "[640, 340], [290, 340]"),),
    "overlap-of-one-pixel": (("[290, 340], [220, 340]", "[290.01, 340], [220, 340]"),),
    "line-one-cm-off": (("[220, 215], [220, 265]", "[230, 215], [230, 265]"),),
    "neutral-is-named-so": (('"centre"\nrole', '"neutral"\nrole'),
                            ('["left", "centre"]', '["left", "neutral"]'),
                            ('["centre", "right"]', '["neutral", "right"]')),
}  # fmt: skip


@pytest.mark.parametrize("swaps", ALLOWED.values(), ids=ALLOWED)
def test_allowed(swaps: tuple[tuple[str, str], ...]) -> None:
    parse(*swaps)


FLOOR_FAULTS = {
    "fewer-cm-points": (SQUARE_PX, [*SQUARE_CM, [1, 1]], "5 points for 4"),
    "on-one-line": ([[0, 0], [10, 10], [20, 20], [30, 30]], SQUARE_CM, "one line"),
    "three-on-one-line": ([[0, 0], [10, 10], [20, 20], [30, 0]], SQUARE_CM, "one line"),
    "one-place": ([[5, 5]] * 4, SQUARE_CM, "one place"),
    "mirrored": (SQUARE_PX, [[0, 48], [64, 48], [64, 0], [0, 0]], "mirrored"),
    "slip": ([*SQUARE_PX, [320, 240]], [*SQUARE_CM, [32, 42]], "from there"),
    "horizon": ([[200, 300], [440, 300], [640, 400], [0, 400]],
                [[0, 0], [10, 0], [10, 30], [0, 30]], "beyond the horizon"),
}  # fmt: skip


@pytest.mark.parametrize(("px", "cm", "part"), FLOOR_FAULTS.values(), ids=FLOOR_FAULTS)
def test_floor_fault(px: object, cm: object, part: str) -> None:
    with pytest.raises(ConfigError, match=part) as caught:
        with_floor(px, cm)
    assert caught.value.key.startswith("floor")


def test_scale_and_floor_together_are_refused() -> None:
    floor = FLOOR.format(px=SQUARE_PX, cm=SQUARE_CM)
    with pytest.raises(ConfigError, match="not both"):
        parse(("[entry]", floor))


def test_cm_begin_at_the_top_left_corner() -> None:
    box = parse()
    assert box.to_cm(20, 140) == (0.0, 0.0)
    assert box.to_cm(490, 340) == pytest.approx((47.0, 20.0))
    assert box.px_per_cm_mean == 10.0


def test_square_floor_is_the_same_as_a_scale() -> None:
    box, same = with_floor(SQUARE_PX, SQUARE_CM), parse()
    assert box.to_cm(333, 222) == pytest.approx(same.to_cm(333, 222))
    assert box.px_per_cm_mean == pytest.approx(10.0)


def test_oblique_floor_maps_its_points_and_counts_from_the_corner() -> None:
    px = [[100, 100], [540, 100], [640, 480], [0, 480]]
    box = with_floor(px, SQUARE_CM)
    x0, y0 = box.to_cm(*px[0])
    for (x, y), (x_cm, y_cm) in zip(px, SQUARE_CM, strict=True):
        assert box.to_cm(x, y) == pytest.approx((x_cm + x0, y_cm + y0), abs=1e-6)
    corners = [corner for outline in box.chambers_cm for corner in outline]
    assert min(x for x, _ in corners) == pytest.approx(0.0)
    assert min(y for _, y in corners) == pytest.approx(0.0)


TOUCHING = {
    "shared-edge": ("[[220, 140], [490, 140], [490, 340], [220, 340]]", True),
    "a-slip-of-2-px": ("[[222, 140], [490, 140], [490, 340], [222, 340]]", True),
    "wall-of-5-mm": ("[[225, 140], [490, 140], [490, 340], [225, 340]]", False),
    "corner-to-corner": ("[[220, 340], [490, 340], [490, 440], [220, 440]]", False),
}


@pytest.mark.parametrize(("outline", "touch"), TOUCHING.values(), ids=TOUCHING)
def test_touching(outline: str, touch: bool) -> None:
    text = THREE.split('[[chamber]]\nname = "centre"')[0]
    box = apparatus.parse(f'{text}[[chamber]]\nname = "b"\noutline_px = {outline}\n', "box.toml")
    assert box.touching == (frozenset({frozenset({"left", "b"})}) if touch else frozenset())
    assert box.walled == (frozenset() if touch else {"left", "b"})


def test_short_chamber_is_named() -> None:
    assert parse().short_chambers == ()
    far = "hysteresis_cm = 1.0\n[interlock]\ncentroid_cm = 9.0"
    assert parse(("hysteresis_cm = 1.0", far)).short_chambers == ("centre",)
    farther = far.replace("9.0", "40.0")
    assert parse(("hysteresis_cm = 1.0", farther)).short_chambers == ("left", "centre", "right")


def test_clip_of_a_real_mouse() -> None:
    folder = Path(__file__).parents[2].parent / "shared" / "data" / "tracktor-mouse"
    if not folder.is_dir():
        pytest.skip("the shared recordings are not there")
    box = apparatus.parse((folder / "apparatus.toml").read_text(), "apparatus.toml")
    assert box.touching == {frozenset({"left", "right"})}


def test_it_survives_setup_json() -> None:
    box = parse()
    again = apparatus.from_table(json.loads(box.model_dump_json()), "setup.json")
    assert again == box
    assert again.chambers_cm == box.chambers_cm


coordinate = st.floats(-20, 20).map(lambda v: round(v, 3))


@given(st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=8), coordinate, coordinate)
def test_inside_agrees_with_shapely(points: list[tuple[float, float]], x: float, y: float) -> None:
    polygon = Polygon(points)
    if not polygon.is_valid or polygon.area < 0.01:
        return
    depth = geometry.Outline.of(points).inside(x, y)
    assert abs(depth) == pytest.approx(polygon.exterior.distance(Point(x, y)), abs=1e-9)
    if abs(depth) > 1e-9:
        assert (depth > 0) == polygon.contains(Point(x, y))


@pytest.mark.parametrize(
    ("written", "instead", "key"),
    [
        ("px_per_cm = 10.0", 'px_per_cm = "10"', "px_per_cm"),
        ("px_per_cm = 10.0", "px_per_cm = true", "px_per_cm"),
        ("[20, 140]", '["20", 140]', r"chamber\[0\].outline_px\[0\]\[0\]"),
    ],
    ids=["quoted", "yes-or-no", "quoted-in-a-point"],
)
def test_what_is_no_number_is_not_taken_for_one(written: str, instead: str, key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}: .*: a number is wanted"):
        apparatus.parse(THREE.replace(written, instead, 1), "box.toml")
