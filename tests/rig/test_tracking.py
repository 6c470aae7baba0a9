"""rig.tracking on drawn pictures whose truth is known, and on the start of a real recording."""

import csv
import json
import pickle
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.apparatus import Animal, Apparatus, parse
from rig.model import NS_PER_S, Detection, Gray, Reason
from rig.tracking import (
    LiveBackground,
    Prepared,
    Prior,
    Settings,
    background,
    background_from,
    choose,
    contrast,
    fill,
    find,
    next_prior,
    outline,
    prepare,
    reach,
    sample_indices,
    territories,
)

SHARED = Path(__file__).parents[2].parent / "shared"
PX_PER_CM = 5.0
WIDTH, HEIGHT = 320, 240
FLOOR = 150
TWO_CHAMBERS = """
name = "two"
frame_size_px = [320, 240]
px_per_cm = 5.0
[[chamber]]
name = "left"
outline_px = [[20, 20], [158, 20], [158, 220], [20, 220]]
[[chamber]]
name = "right"
outline_px = [[162, 20], [300, 20], [300, 220], [162, 220]]
[[doorway]]
name = "door"
between = ["left", "right"]
line_px = [[160, 100], [160, 140]]
sweep_px = [[152, 96], [168, 96], [168, 144], [152, 144]]
[[zone]]
name = "top"
outline_px = [[20, 20], [300, 20], [300, 120], [20, 120]]
"""


def apparatus(extra: str = "") -> Apparatus:
    return parse(TWO_CHAMBERS + extra, "two.toml")


def floor(level: int = FLOOR) -> Gray:
    return np.full((HEIGHT, WIDTH), level, np.uint8)


def noisy(image: Gray, seed: int, sigma: float = 2.5) -> Gray:
    noise = np.random.default_rng(seed).normal(0, sigma, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def mouse(
    image: Gray, x: float, y: float, angle: float = 0.0, coat: int = 30, tail: bool = True
) -> Gray:
    """A body of 8 x 3.6 cm centred on x, y with its nose towards `angle`, and a tail of 7 cm."""
    image = image.copy()
    cv2.ellipse(image, ((x, y), (40.0, 18.0), angle), coat, -1)
    if tail:
        back = np.radians(angle + 180)
        reach_px = np.linspace(18, 53, 12)
        bend = 6 * np.sin(np.linspace(0, 3, 12))
        xs = x + reach_px * np.cos(back) - bend * np.sin(back)
        ys = y + reach_px * np.sin(back) + bend * np.cos(back)
        points = np.stack([xs, ys], axis=1).round().astype(np.int32)
        cv2.polylines(image, [points], False, coat, 2)
    return image


def walk(level: int = FLOOR, coat: int = 30, count: int = 40) -> list[Gray]:
    """Pictures of one animal all over the box."""
    rng = np.random.default_rng(5)
    places = zip(rng.integers(50, 270, count), rng.integers(50, 190, count), strict=True)
    return [
        noisy(mouse(floor(level), int(x), int(y), float(rng.integers(0, 360)), coat), k)
        for k, (x, y) in enumerate(places)
    ]


def prepared(extra: str = "", level: int = FLOOR, coat: int | None = 30) -> Prepared:
    samples = [] if coat is None else walk(level, coat)
    return prepare(apparatus(extra), floor(level), 30.0, samples)


@pytest.fixture(scope="module")
def dark() -> Prepared:
    return prepared()


def see(image: Gray, tracker: Prepared, prior: Prior | None = None, t_ns: int = 0) -> Detection:
    return choose(find(image, tracker), prior, t_ns)


def off_px(one: Detection, x: float, y: float) -> float:
    assert one.x_px is not None
    assert one.y_px is not None
    return float(np.hypot(one.x_px - x, one.y_px - y))


# backgrounds


@pytest.mark.parametrize(
    ("n_frames", "count", "expected"),
    [
        pytest.param(0, 5, [], id="no frames"),
        pytest.param(1, 5, [0], id="one frame"),
        pytest.param(3, 5, [0, 1, 2], id="fewer than wanted"),
        pytest.param(100, 4, [12, 37, 62, 87], id="middles of quarters"),
    ],
)
def test_sample_indices(n_frames: int, count: int, expected: list[int]) -> None:
    assert sample_indices(n_frames, count) == expected


def sitting(coat: int, level: int, share: float = 0.6) -> list[Gray]:
    """An animal that sits in one place for `share` of the pictures, in one stretch, then walks."""
    n = 40
    still = round(share * n)
    moving = walk(level, coat, n - still)
    return [noisy(mouse(floor(level), 90, 120, 20, coat), k) for k in range(still)] + moving


@pytest.mark.parametrize("told", [True, False], ids=["told", "found out"])
@pytest.mark.parametrize(
    ("coat", "level", "animal"),
    [
        pytest.param(30, 150, Animal.DARKER, id="dark on light"),
        pytest.param(220, 60, Animal.LIGHTER, id="light on dark"),
    ],
)
def test_still_animal_is_not_burnt_in(coat: int, level: int, animal: Animal, told: bool) -> None:
    stack = np.stack(sitting(coat, level))
    burnt = np.median(stack, axis=0)
    assert abs(burnt[120, 90] - coat) < 10, "the plain median has the animal in it"
    clean = background_from(stack, animal if told else None)
    assert np.abs(clean.astype(int) - level).max() <= 10


def test_still_animal_of_either_kind_is_not_burnt_in() -> None:
    clean = background_from(np.stack(sitting(30, 150)), Animal.EITHER)
    assert np.mean(np.abs(clean.astype(int) - 150) > 12) < 0.001


def test_background_with_a_change_of_light() -> None:
    pictures = sitting(30, 150)
    stack = np.stack([p if k < 15 else (p * 0.8).astype(np.uint8) for k, p in enumerate(pictures)])
    clean = background_from(stack, None).astype(int)
    assert clean.max() - clean.min() <= 20


def test_passing_hand_is_not_burnt_in() -> None:
    pictures = walk()
    for picture in pictures[:3]:
        cv2.rectangle(picture, (0, 60), (200, 130), 215, -1)
    assert np.abs(background(pictures, Animal.DARKER).astype(int) - FLOOR).max() <= 10


def test_background_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no pictures"):
        background([])
    with pytest.raises(ValueError, match="no picture"):
        LiveBackground().image()


def live(pictures: Sequence[Gray], rate_hz: float = 10.0) -> tuple[LiveBackground, float | None]:
    collected, ready_s = LiveBackground(), None
    for k, picture in enumerate(pictures):
        collected.add(picture, round(k * NS_PER_S / rate_hz))
        if ready_s is None and collected.ready:
            ready_s = k / rate_hz
    return collected, ready_s


def test_live_background_of_an_empty_box_is_ready_soon() -> None:
    collected, ready_s = live([noisy(floor(), k) for k in range(40)])
    assert ready_s is not None
    assert 1.5 <= ready_s <= 3.0
    assert np.abs(collected.image().astype(int) - FLOOR).max() <= 8


def test_live_background_waits_until_every_place_was_free() -> None:
    # restless in one place for 8 s, then elsewhere
    pictures = [mouse(floor(), 90 + 3 * (k % 2), 120, 40 * (k // 3 % 9)) for k in range(80)]
    pictures += [mouse(floor(), 240, 120, 40 * (k // 3 % 9)) for k in range(60)]
    collected, ready_s = live([noisy(p, k) for k, p in enumerate(pictures)])
    assert ready_s is not None
    assert ready_s >= 9.0
    assert np.abs(collected.image().astype(int) - FLOOR).max() <= 10
    assert len(collected.samples()) <= LiveBackground.KEEP


def test_live_background_gives_up_waiting_after_its_limit() -> None:
    collected = LiveBackground(limit_s=60)
    for second in range(61):
        for part in range(4):
            flicker = floor(100 + 50 * (part % 2))
            collected.add(flicker, round((second + part / 4) * NS_PER_S))
        assert collected.ready == (second >= 60)


# masks


@given(
    cut=st.floats(5, 35),
    tilt=st.floats(-4, 4),
    box=st.tuples(st.floats(0, 4), st.floats(0, 4), st.floats(36, 40), st.floats(26, 30)),
)
@settings(max_examples=60, deadline=None)
def test_neighbours_share_no_pixel_and_leave_none_out(
    cut: float, tilt: float, box: tuple[float, float, float, float]
) -> None:
    x0, y0, x1, y1 = box
    whole = fill([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], (30, 40)) > 0
    left = fill([(x0, y0), (cut + tilt, y0), (cut - tilt, y1), (x0, y1)], (30, 40)) > 0
    right = fill([(cut + tilt, y0), (x1, y0), (x1, y1), (cut - tilt, y1)], (30, 40)) > 0
    if x0 <= min(cut + tilt, cut - tilt) and max(cut + tilt, cut - tilt) <= x1:
        assert not (left & right).any()
        assert ((left | right) == whole).all()


def test_fill_counts_pixel_centres() -> None:
    assert np.count_nonzero(fill([(0, 0), (4, 0), (4, 3), (0, 3)], (10, 10))) == 12
    assert fill([(0, 0), (320, 0), (320, 240), (0, 240)], (240, 320)).all()


def test_reach_goes_beyond_the_chambers_but_not_into_what_is_ignored() -> None:
    wide = reach(apparatus("[tracking]\nignore_px = [[[0, 0], [60, 0], [60, 60], [0, 60]]]"))
    assert wide[120, 5] == 255
    assert wide[40, 40] == 0


# settings


@pytest.mark.parametrize(
    ("coat", "level", "animal"),
    [
        pytest.param(30, 150, Animal.DARKER, id="dark on light"),
        pytest.param(220, 60, Animal.LIGHTER, id="light on dark"),
        pytest.param(90, 150, Animal.DARKER, id="grey on light"),
    ],
)
def test_polarity_threshold_and_coat_come_from_the_samples(
    coat: int, level: int, animal: Animal
) -> None:
    chosen = prepared(level=level, coat=coat).settings
    assert {one.animal for one in chosen.chamber.values()} == {animal}
    assert chosen.coat == pytest.approx(coat, abs=4)
    for one in chosen.chamber.values():
        assert 10 <= one.threshold < abs(level - coat) / 2


def test_nothing_to_learn_from_gives_defaults() -> None:
    chosen = prepared(coat=None).settings
    assert chosen.coat is None
    assert {(one.animal, one.threshold) for one in chosen.chamber.values()} == {(Animal.EITHER, 25)}


def test_settings_as_plain_data_make_the_same_tracker(dark: Prepared) -> None:
    text = json.dumps(dark.settings.model_dump(mode="json"))
    again = prepare(apparatus(), floor(), 30.0, settings=Settings.model_validate(json.loads(text)))
    for k, picture in enumerate(walk(count=8)):
        assert find(picture, again) == find(picture, dark), k


def test_what_is_written_wins_and_a_chamber_overrules_the_box() -> None:
    extra = '[tracking]\nanimal = "darker"\nthreshold = 40\nmin_area_cm2 = 3.0'
    text = TWO_CHAMBERS.replace(
        'name = "right"\n', 'name = "right"\ntracking = { threshold = 12 }\n'
    )
    chosen = prepare(parse(text + extra, "two.toml"), floor(), 30.0, walk()).settings.chamber
    assert (chosen["left"].threshold, chosen["right"].threshold) == (40, 12)
    assert chosen["left"].least == 40
    assert chosen["right"].animal is Animal.DARKER
    assert chosen["right"].min_area_cm2 == 3.0


def test_settings_of_another_apparatus_are_refused(dark: Prepared) -> None:
    text = TWO_CHAMBERS.replace('"right"', '"other"')
    with pytest.raises(ValueError, match="other"):
        prepare(parse(text, "x.toml"), floor(), 30.0, settings=dark.settings)


def test_contrast_tells_a_blind_chamber() -> None:
    empty = floor()
    empty[:, 160:] = 30
    extra = '[tracking]\nanimal = "darker"\nthreshold = 25'
    headroom = contrast(prepare(apparatus(extra), empty, 30.0))
    assert headroom == {"left": 125.0, "right": 5.0}


# one animal


@pytest.mark.parametrize(
    ("coat", "level"),
    [
        pytest.param(30, 150, id="dark on light"),
        pytest.param(220, 60, id="light on dark"),
        pytest.param(20, 235, id="black on white"),
        pytest.param(90, 150, id="grey on light"),
    ],
)
@pytest.mark.parametrize("angle", [0, 65, 140, 290])
def test_the_body_without_its_tail(coat: int, level: int, angle: int) -> None:
    tracker = prepared(level=level, coat=coat)
    one = see(noisy(mouse(floor(level), 90, 120, angle, coat), 3), tracker)
    assert one.reason is Reason.FOUND
    assert off_px(one, 90, 120) < 1.5
    assert one.area_px == pytest.approx(np.pi * 20 * 9, rel=0.15)
    assert one.x_px == round(one.sum_x_px / one.area_px, 2)
    assert one.y_px == round(one.sum_y_px / one.area_px, 2)
    assert (one.candidates, one.jump) == (1, False)
    assert 0.5 < one.confidence <= 1


def test_a_dark_animal_is_found_in_a_dark_chamber_too() -> None:
    empty = floor(200)
    empty[:, 160:] = 70
    samples = []
    for k in range(40):
        x, y = 50 + (k * 37) % 220, 60 + (k * 53) % 120
        samples.append(noisy(mouse(empty, x, y, 30.0 * k, coat=25), k))
    tracker = prepare(apparatus(), background_from(np.stack(samples)), 30.0, samples)
    chosen = tracker.settings.chamber
    assert chosen["right"].threshold < chosen["left"].threshold
    for x in (90, 230):
        assert off_px(see(noisy(mouse(empty, x, 120, 30, 25), 90), tracker), x, 120) < 2
    headroom = contrast(tracker)
    assert headroom["left"] > headroom["right"] > 10


@pytest.mark.parametrize("sigma", [2.0, 3.0])
@pytest.mark.parametrize("coat", [30, None], ids=["learned", "defaults"])
def test_an_empty_box_is_empty(sigma: float, coat: int | None) -> None:
    tracker = prepared(coat=coat)
    for seed in range(25):
        one = see(noisy(floor(), 1000 + seed, sigma), tracker)
        assert (one.reason, one.blob_px, one.x_px) == (Reason.NONE, 0, None)


def boli(image: Gray) -> Gray:
    image = image.copy()
    for k in range(9):
        place = (40 + 27 * k, 60 + (k * 67) % 120)
        cv2.ellipse(image, place, (4, 2), 40 * k, 0, 360, 40, -1)
    return image


def test_boli_are_no_animal(dark: Prepared) -> None:
    one = see(noisy(boli(floor()), 1), dark)
    assert one.reason is Reason.SMALL
    assert 0 < one.blob_px < 60
    assert off_px(see(noisy(boli(mouse(floor(), 200, 150, 30)), 2), dark), 200, 150) < 2


def test_a_bolus_at_the_flank_hardly_moves_the_centroid(dark: Prepared) -> None:
    image = mouse(floor(), 90, 120)
    cv2.ellipse(image, (90, 132), (4, 2), 0, 0, 360, 40, -1)
    assert off_px(see(image, dark), 90, 120) < 1.5


@pytest.mark.parametrize("gain", [0.8, 1.2])
def test_a_step_of_light_changes_nothing(dark: Prepared, gain: float) -> None:
    empty = np.clip(floor() * gain, 0, 255).astype(np.uint8)
    one = see(noisy(empty, 1), dark)
    assert (one.reason, one.blob_px) == (Reason.NONE, 0)
    picture = np.clip(mouse(floor(), 90, 120, 30) * gain, 0, 255).astype(np.uint8)
    assert off_px(see(noisy(picture, 2), dark), 90, 120) < 1.5


def test_a_step_of_light_over_dark_and_light_floors() -> None:
    empty = floor(200)
    empty[:, 160:] = 60
    tracker = prepare(apparatus('[tracking]\nanimal = "either"'), empty, 30.0)
    darker = (empty * 0.8 + 6).astype(np.uint8)
    one = see(noisy(darker, 4), tracker)
    assert (one.reason, one.blob_px) == (Reason.NONE, 0)


def shaded(image: Gray, x: int, depth: float = 0.18) -> Gray:
    """A soft shadow of 16 cm across, as of a person passing a lamp."""
    shade = np.zeros(image.shape, np.float32)
    cv2.ellipse(shade, (x, 120), (40, 70), 0, 0, 360, depth, -1)
    return (image * (1 - cv2.GaussianBlur(shade, (0, 0), 8))).astype(np.uint8)


@pytest.mark.parametrize("x", [0, 60, 120, 180, 240])
def test_a_moving_shadow_is_no_animal_and_no_hand(dark: Prepared, x: int) -> None:
    assert see(noisy(shaded(floor(), x), x), dark).reason is Reason.NONE
    one = see(noisy(shaded(mouse(floor(), 110, 120, 30), x), x), dark)
    assert off_px(one, 110, 120) < 2


@pytest.mark.parametrize("skin", [205, 25], ids=["pale", "dark glove"])
def test_an_arm_over_the_edge_is_a_hand(dark: Prepared, skin: int) -> None:
    for beside in (floor(), mouse(floor(), 250, 60)):
        image = beside.copy()
        cv2.rectangle(image, (70, 0), (115, 110), skin, -1)
        one = see(noisy(image, 1), dark)
        assert (one.reason, one.x_px, one.clear_px) == (Reason.HAND, None, None)


def test_what_moves_beside_the_box_is_no_hand(dark: Prepared) -> None:
    image = mouse(floor(), 250, 60)
    cv2.rectangle(image, (0, 0), (320, 10), 205, -1)
    cv2.rectangle(image, (0, 230), (320, 239), 20, -1)
    assert off_px(see(image, dark), 250, 60) < 1.5


def test_something_large_in_the_middle_is_large(dark: Prepared) -> None:
    image = floor()
    cv2.rectangle(image, (60, 50), (250, 190), 30, -1)
    one = see(image, dark)
    assert one.reason is Reason.LARGE
    assert one.blob_px > 20_000


# several


def pair() -> Gray:
    return mouse(mouse(floor(), 80, 80, tail=False), 240, 160, tail=False)


def test_two_alike_cannot_be_told_apart(dark: Prepared) -> None:
    one = see(pair(), dark)
    assert (one.reason, one.candidates, one.x_px) == (Reason.TWO, 2, None)


def test_the_nearer_to_the_last_position_is_taken_with_less_confidence(dark: Prepared) -> None:
    alone = see(mouse(floor(), 240, 160, tail=False), dark)
    for x, y in ((80, 80), (240, 160)):
        one = see(pair(), dark, Prior(x + 8, y - 5, 560, 0), NS_PER_S // 30)
        assert off_px(one, x, y) < 1
        assert one.confidence < alone.confidence
        assert one.candidates == 2


def test_an_old_position_tells_nothing(dark: Prepared) -> None:
    assert see(pair(), dark, Prior(80, 80, 560, 0), 10 * NS_PER_S).reason is Reason.TWO


def test_a_much_larger_thing_is_the_animal(dark: Prepared) -> None:
    image = mouse(floor(), 80, 80, tail=False)
    cv2.circle(image, (240, 160), 7, 30, -1)
    assert off_px(see(image, dark), 80, 80) < 1


def test_a_reflection_outside_the_chambers_gives_way(dark: Prepared) -> None:
    image = mouse(mouse(floor(), 45, 120, 90, tail=False), 8, 120, 90, tail=False)
    one = see(image, dark)
    assert off_px(one, 45, 120) < 1.5
    assert one.candidates == 2


def test_a_zone_drawn_over_a_reflection_makes_no_animal_of_it(dark: Prepared) -> None:
    zone = '[[zone]]\nname = "wall"\noutline_px = [[0, 0], [60, 0], [60, 240], [0, 240]]\n'
    image = mouse(mouse(floor(), 45, 120, 90, tail=False), 8, 120, 90, tail=False)
    assert see(image, prepared(zone)).x_px == see(image, dark).x_px


def test_two_close_together_are_two(dark: Prepared) -> None:
    image = mouse(mouse(floor(), 90, 100, tail=False), 90, 121, tail=False)
    assert see(image, dark).reason is Reason.TWO


@given(x=st.integers(0, 319), y=st.integers(0, 239), dt_ms=st.integers(1, 100_000))
@settings(max_examples=40, deadline=None)
def test_a_single_candidate_is_taken_wherever_it_is(x: int, y: int, dt_ms: int) -> None:
    found = find(mouse(floor(), 90, 120), _TRACKER)
    free = choose(found, None, 0)
    bound = choose(found, Prior(x, y, 560.0, 0), dt_ms * 1_000_000)
    assert (bound.x_px, bound.y_px, bound.area_px) == (free.x_px, free.y_px, free.area_px)
    far_px = np.hypot(x - 90, y - 120) - (4 + 150 * max(dt_ms / 1000, 1 / 30)) * PX_PER_CM
    if abs(far_px) > 3:
        assert bound.jump == (far_px > 0)


_TRACKER = prepared()


def test_a_position_outside_all_chambers_is_kept(dark: Prepared) -> None:
    one = see(mouse(floor(), 3, 120, 90, tail=False), dark)
    assert one.found
    assert sum(one.inside[:2]) == 0


def test_prior_follows_and_survives_a_lost_picture() -> None:
    first = Detection(Reason.FOUND, 10.0, 20.0, area_px=500)
    assert next_prior(None, Detection(Reason.NONE), 5) is None
    prior = next_prior(None, first, 5)
    assert prior == Prior(10.0, 20.0, 500.0, 5)
    assert next_prior(prior, Detection(Reason.HAND), 9) == prior
    moved = next_prior(prior, Detection(Reason.FOUND, 12.0, 20.0, area_px=820), 9)
    assert moved == Prior(12.0, 20.0, 510.0, 9)


# what a detection holds besides the position


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        pytest.param(80, 60, ("all", 0, "all"), id="left and top"),
        pytest.param(240, 180, (0, "all", 0), id="right"),
        pytest.param(240, 120, (0, "all", "half"), id="half in the zone"),
    ],
)
def test_pixels_in_chambers_and_zones(
    dark: Prepared, x: int, y: int, expected: tuple[object, ...]
) -> None:
    one = see(mouse(floor(), x, y, tail=False), dark)
    for count, share in zip(one.inside, expected, strict=True):
        if share == "all":
            assert count == one.area_px
        elif share == "half":
            assert count == pytest.approx(one.area_px / 2, rel=0.1)
        else:
            assert count == 0


def test_pixels_in_the_wall_between_belong_to_no_chamber(dark: Prepared) -> None:
    one = see(mouse(floor(), 160, 120, tail=False), dark)
    left, right, _ = one.inside
    assert left == pytest.approx(right, rel=0.15)
    assert one.area_px - left - right == pytest.approx(4 * 18, rel=0.2)


@pytest.mark.parametrize(("x", "angle"), [(100, 180), (100, 0), (60, 90), (220, 0)])
def test_distance_to_the_doorway_is_that_of_the_silhouette_with_tail(
    dark: Prepared, x: int, angle: int
) -> None:
    image = mouse(floor(), x, 110, angle)
    one = see(image, dark)
    ys, xs = np.nonzero(image < 100)
    nearest = np.hypot(xs - 160, ys - np.clip(ys, 100, 140)).min()
    assert one.clear_px is not None
    ((silhouette, centroid),) = one.clear_px
    assert silhouette == pytest.approx(nearest, abs=0.02)
    assert centroid == pytest.approx(abs(160 - x), abs=1.5)


def door(image: Gray) -> Gray:
    image = image.copy()
    cv2.rectangle(image, (154, 98), (165, 142), 60, -1)
    return image


def test_a_door_in_its_sweep_is_nothing(dark: Prepared) -> None:
    one = see(door(floor()), dark)
    assert (one.reason, one.blob_px) == (Reason.NONE, 0)
    beside = see(door(mouse(floor(), 100, 120, 180, tail=False)), dark)
    assert off_px(beside, 100, 120) < 1.5
    assert beside.clear_px is not None
    assert beside.clear_px[0][0] == pytest.approx(40, abs=1)


def test_an_animal_that_touches_the_door_is_at_the_door(dark: Prepared) -> None:
    one = see(door(mouse(floor(), 136, 120, 0, tail=False)), dark)
    assert one.clear_px is not None
    assert one.clear_px[0][0] < 2
    assert one.blob_px > 0


def by_hand(level: int = FLOOR, extra: str = "") -> Prepared:
    text = TWO_CHAMBERS.replace("[[zone]]", 'drive = "manual"\n[[zone]]') + extra
    return prepare(parse(text, "two.toml"), floor(level), 30.0, walk(level))


@pytest.mark.parametrize(
    ("level", "plate", "expected"),
    [
        pytest.param(FLOOR, 60, (0.7, 0.0), id="a darker door"),
        pytest.param(FLOOR, 200, (0.0, 0.7), id="a lighter door"),
        pytest.param(FLOOR, FLOOR - 20, (0.0, 0.0), id="a door like the floor"),
        pytest.param(10, 0, (0.0, 0.0), id="nothing is darker than black"),
    ],
)
def test_how_a_sweep_differs(level: int, plate: int, expected: tuple[float, float]) -> None:
    tracker = by_hand(level)
    image = floor(level)
    cv2.rectangle(image, (154, 98), (165, 142), plate, -1)
    (sweep,) = see(image, tracker).sweep
    assert sweep == pytest.approx(expected, abs=0.01)
    assert see(floor(level), tracker).sweep == ((0.0, 0.0),)


def test_a_sweep_is_looked_at_in_the_light_of_the_background() -> None:
    tracker = by_hand()
    dim = (door(floor()) * 0.7).astype(np.uint8)
    assert see(dim, tracker).sweep == see(door(floor()), tracker).sweep


def test_a_sweep_is_told_whatever_is_in_it() -> None:
    tracker = by_hand()
    at_door, alone = mouse(floor(), 160, 120, 90), mouse(floor(), 80, 60)
    assert see(at_door, tracker).sweep[0] > (0.3, 0.0)
    assert see(alone, tracker).sweep == ((0.0, 0.0),)
    arm = floor()
    arm[100:, 140:180] = 90
    seen = see(arm, tracker)
    assert (seen.reason, seen.sweep[0][0] > 0.5) == (Reason.HAND, True)


def test_only_doors_moved_by_hand_are_looked_at(dark: Prepared) -> None:
    with_door = door(mouse(floor(), 100, 120, 180))
    seen = see(with_door, dark)
    assert seen.sweep == ()
    assert replace(see(with_door, by_hand()), sweep=()) == seen
    text = TWO_CHAMBERS.replace("sweep_px", "# sweep_px")
    text = text.replace("[[zone]]", 'drive = "manual"\n[[zone]]')
    assert see(floor(), prepare(parse(text, "two.toml"), floor(), 30.0)).sweep == ()


@pytest.mark.parametrize("angle", range(-170, 181, 35))
def test_heading_nose_and_tail(dark: Prepared, angle: int) -> None:
    one = see(noisy(mouse(floor(), 90, 120, angle), angle + 200), dark)
    assert one.heading_deg is not None
    assert abs((one.heading_deg - angle + 180) % 360 - 180) < 8
    assert one.nose_x_px is not None
    assert one.tail_x_px is not None
    assert one.nose_y_px is not None
    assert one.tail_y_px is not None
    ux, uy = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    assert np.hypot(one.nose_x_px - 90 - 20 * ux, one.nose_y_px - 120 - 20 * uy) < 4
    assert np.hypot(one.tail_x_px - 90 + 20 * ux, one.tail_y_px - 120 + 20 * uy) < 5


def blob(image: Gray) -> Gray:
    cv2.circle(image, (90, 120), 19, 30, -1)
    return image


def test_no_tail_no_pose(dark: Prepared) -> None:
    for one in (
        see(mouse(floor(), 90, 120, 30, tail=False), dark),
        see(blob(mouse(floor(), 90, 120, 30)), dark),
    ):
        assert one.found
        assert one.heading_deg is one.nose_x_px is one.tail_y_px is None


# how it may be called


def test_find_remembers_nothing_and_may_travel(dark: Prepared) -> None:
    pictures = [*walk(count=6), floor(), pair(), (mouse(floor(), 90, 120) * 0.8).astype(np.uint8)]
    forth = [find(picture, dark) for picture in pictures]
    back = [find(picture, dark) for picture in reversed(pictures)][::-1]
    elsewhere = pickle.loads(pickle.dumps(dark))
    assert forth == back == [find(picture, elsewhere) for picture in pictures]
    assert pickle.loads(pickle.dumps(forth)) == forth


def test_a_picture_with_padded_rows_that_cannot_be_written_to(dark: Prepared) -> None:
    picture = noisy(mouse(floor(), 90, 120, 30), 1)
    padded = np.zeros((HEIGHT, 384), np.uint8)
    padded[:, :WIDTH] = picture
    view = padded[:, :WIDTH]
    view.flags.writeable = False
    assert find(view, dark) == find(picture, dark)


@pytest.mark.parametrize("size", [(317, 233), (318, 234), (319, 239)], ids=str)
def test_sizes_that_are_no_whole_blocks(size: tuple[int, int]) -> None:
    width, height = size
    text = TWO_CHAMBERS.replace("[320, 240]", f"[{width}, {height}]")
    empty = np.full((height, width), FLOOR, np.uint8)
    tracker = prepare(parse(text, "x.toml"), empty, 30.0)
    one = see(mouse(empty, 285, 200, 0, tail=False), tracker)
    assert off_px(one, 285, 200) < 1


@pytest.mark.parametrize("factor", [0.4, 1.0, 2.5], ids="scale {}".format)
def test_any_scale(factor: float) -> None:
    shape = (round(240 * factor), round(320 * factor))
    text = f"""
name = "one"
frame_size_px = [{shape[1]}, {shape[0]}]
px_per_cm = {5 * factor}
[[chamber]]
name = "all"
outline_px = [[0, 0], [{shape[1]}, 0], [{shape[1]}, {shape[0]}], [0, {shape[0]}]]
[tracking]
animal = "darker"
"""
    tracker = prepare(parse(text, "x.toml"), np.full(shape, FLOOR, np.uint8), 30.0)
    large = cv2.resize(mouse(floor(), 90, 120, 30), shape[::-1], interpolation=cv2.INTER_AREA)
    one = see(np.asarray(large, np.uint8), tracker)
    centre = (90 + 0.5) * factor - 0.5, (120 + 0.5) * factor - 0.5
    assert off_px(one, *centre) < max(0.6, 1.2 * factor)


@pytest.mark.parametrize(("k", "area_px"), [(0, 5618), (1, 5586), (2, 5618), (3, 5666)])
def test_a_body_thinned_by_two_keeps_its_last_row(k: int, area_px: int) -> None:
    text = TWO_CHAMBERS.replace("px_per_cm = 5.0", "px_per_cm = 12.0")
    tracker = prepare(parse(text, "near.toml"), floor(), 30.0)
    assert tracker.open_step == 2
    picture = floor()
    picture[50 + k : 113 + k, 40 + k : 131 + k] = 30  # its corners are rounded off
    seen = see(picture, tracker)
    assert seen.area_px == area_px
    assert off_px(seen, 85 + k, 81 + k) < 0.6


def test_pictures_of_another_size_are_refused(dark: Prepared) -> None:
    with pytest.raises(ValueError, match="picture"):
        find(floor()[:-1], dark)
    with pytest.raises(ValueError, match="background"):
        prepare(apparatus(), floor()[:, :-1], 30.0)


# a real mouse


def test_the_start_of_a_real_recording() -> None:
    folder = SHARED / "data" / "tracktor-mouse"
    if not folder.is_dir():
        pytest.skip(f"the recording is not there: {folder}")
    from rig.video import VideoFile

    real = parse((folder / "apparatus.toml").read_text(), "apparatus.toml")
    video = VideoFile.open(folder / "mouse_video.mp4")
    stack = video.sample(24)
    tracker = prepare(real, background_from(stack, None, reach(real)), 30.0, tuple(stack))
    with (folder / "published_tracks.csv").open() as lines:
        rows = list(csv.DictReader(lines))[:300]
    prior, off = None, []
    for picture, row in zip(video.read(end_s=300 / 30), rows, strict=False):
        one = see(picture.image, tracker, prior, picture.t_ns)
        prior = next_prior(prior, one, picture.t_ns)
        assert one.found, picture.index
        off.append(off_px(one, float(row["tracktor_x_px"]), float(row["tracktor_y_px"])))
    assert len(off) == 300
    assert np.median(off) <= 3
    assert np.percentile(off, 99) <= 10


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 17, 48, 60])
@pytest.mark.parametrize("levels", [2, 256])
def test_samples_are_sorted_pixel_by_pixel(n: int, levels: int) -> None:
    _sorted = sys.modules[
        "rig.tracking.background"
    ]._sorted  # the package has a function of that name
    stack = np.random.default_rng(n).integers(0, levels, (n, 7, 11)).astype(np.uint8)
    ordered = _sorted(stack)
    assert np.array_equal(ordered, np.sort(stack, axis=0))


@pytest.mark.parametrize(("x", "y", "angle"), [(90, 120, 0), (250, 60, 130), (60, 190, -40)])
def test_the_outline_goes_around_body_and_tail(
    dark: Prepared, x: int, y: int, angle: float
) -> None:
    drawn = mouse(floor(), x, y, angle)
    image = noisy(drawn, 3)
    seen = choose(find(image, dark), None, 0)
    corners = outline(image, dark, seen)
    assert 12 <= len(corners) <= 60
    filled = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(filled, [np.array(corners, np.int32)], 1)
    truth = drawn < FLOOR
    assert np.count_nonzero((filled > 0) & truth) > 0.93 * np.count_nonzero(truth)
    assert np.count_nonzero((filled > 0) & ~truth) < 0.15 * np.count_nonzero(truth)


def test_the_outline_is_of_the_animal_that_was_chosen(dark: Prepared) -> None:
    image = mouse(mouse(floor(), 90, 60), 90, 110)
    seen = replace(choose(find(mouse(floor(), 90, 110), dark), None, 0))
    ys = [y for _, y in outline(image, dark, seen)]
    assert min(ys) > 85


def test_there_is_no_outline_of_nothing(dark: Prepared) -> None:
    seen = choose(find(mouse(floor(), 90, 110), dark), None, 0)
    assert outline(floor(), dark, seen) == []
    assert outline(mouse(floor(), 90, 110), dark, Detection(Reason.NONE)) == []
    assert outline(floor()[:100], dark, seen) == []


# an animal of another size, and one that is on either side of the floor


def roaming(scale: float, count: int = 24) -> list[Gray]:
    """One animal of 8 x 3.6 cm times `scale` all over the box, without its tail."""
    rng = np.random.default_rng(8)
    pictures = []
    for k in range(count):
        image = floor()
        x, y = int(rng.integers(80, 240)), int(rng.integers(80, 160))
        turn = float(rng.integers(0, 360))
        cv2.ellipse(image, ((x, y), (40.0 * scale, 18.0 * scale), turn), 30, -1)
        pictures.append(noisy(image, k))
    return pictures


@pytest.mark.parametrize(
    ("scale", "least", "most"),
    [
        pytest.param(1.0, 4.0, 80.0, id="a mouse"),
        pytest.param(2.2, 4.0, 273.0, id="a rat"),
        pytest.param(0.4, 1.1, 80.0, id="a pup"),
    ],
)
def test_an_animal_of_another_size_is_one_too(scale: float, least: float, most: float) -> None:
    tracker = prepare(apparatus(), floor(), 30.0, roaming(scale))
    (one, _) = tracker.settings.chamber.values()
    assert one.min_area_cm2 == pytest.approx(least, rel=0.2)
    assert one.max_area_cm2 == pytest.approx(most, rel=0.1)
    seen = [see(picture, tracker).reason for picture in roaming(scale)]
    assert set(seen) == {Reason.FOUND}
    said = prepare(
        apparatus("[tracking]\nmin_area_cm2 = 5.0\nmax_area_cm2 = 70.0"),
        floor(), 30.0, roaming(scale),
    )  # fmt: skip
    (one, _) = said.settings.chamber.values()
    assert (one.min_area_cm2, one.max_area_cm2) == (5.0, 70.0), "a person said so"


def test_droppings_an_arm_and_a_few_samples_make_no_other_size() -> None:
    spots = [noisy(floor(), k) for k in range(24)]
    for k, image in enumerate(spots):
        for n in range(k // 3):
            cv2.circle(image, (60 + 22 * n, 70 + 40 * (n % 3)), 3, 40, -1)
    arms = [noisy(floor(), k) for k in range(24)]
    for k, image in enumerate(arms):
        cv2.line(image, (100 + 3 * k, 0), (120 + 2 * k, 110), 40, 30)
    for samples in (spots, arms, roaming(2.2, 6)):
        tracker = prepare(apparatus(), floor(), 30.0, samples)
        (one, _) = tracker.settings.chamber.values()
        assert (one.min_area_cm2, one.max_area_cm2) == (4.0, 80.0)


def test_a_grey_animal_is_lighter_in_a_black_chamber_and_darker_in_a_white_one() -> None:
    """It rests beside a wall of its own grey level; the background must not keep it."""
    box = floor(40)
    box[:, 160:] = 215
    cv2.rectangle(box, (18, 18), (302, 222), 100, 6)
    rng = np.random.default_rng(2)
    stack, truth = [], []
    for k in range(40):
        far = k % 2 == 0
        x = 42 if k < 18 else int(rng.integers(190, 270)) if far else int(rng.integers(50, 130))
        y = 44 if k < 18 else int(rng.integers(60, 180))
        stack.append(noisy(mouse(box, x, y, float(rng.integers(0, 30)), coat=105), k))
        truth.append((x, y))
    within, parts = reach(apparatus()), partial(territories, apparatus())
    empty = background_from(np.stack(stack), None, within, parts)
    off = np.abs(empty.astype(int) - box)[24:216, 24:296]
    assert np.percentile(off, 99.5) < 12
    tracker = prepare(apparatus(), empty, 30.0, stack)
    assert [one.animal for one in tracker.settings.chamber.values()] == [
        Animal.LIGHTER,
        Animal.DARKER,
    ]
    for picture, (x, y) in zip(stack, truth, strict=True):
        assert off_px(see(picture, tracker), x, y) < 0.12 * 40
