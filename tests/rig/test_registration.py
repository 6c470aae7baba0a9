"""A camera that is moved: told from one that is not, when, by how much, and put right."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rig.errors import ConfigError
from rig.model import NS_PER_S, Gray
from rig.session.rescoring import rescore
from rig.tracking.registration import (
    STILL,
    Move,
    brought_back,
    first_moved,
    laid_over,
    matrix_of,
    steady,
    stood,
    told,
    too_far,
)
from rig.video import Codec, VideoWriter

SIZE_PX = (320, 240)
RNG = np.random.default_rng(3)
GRAIN = RNG.normal(0.0, 1.5, (240, 320))

APPARATUS = """
name = "two"
frame_size_px = [320, 240]
px_per_cm = 7.0
[[chamber]]
name = "left"
outline_px = [[40, 50], [160, 50], [160, 190], [40, 190]]
[[chamber]]
name = "right"
outline_px = [[160, 50], [280, 50], [280, 190], [160, 190]]
"""


def box() -> Gray:
    picture = np.full((240, 320), 120, np.uint8)
    cv2.rectangle(picture, (40, 50), (280, 190), 190, -1)
    cv2.rectangle(picture, (40, 50), (280, 190), 90, 4)
    for y in (50, 150):
        cv2.line(picture, (160, y), (160, y + 40), 90, 4)
    return np.clip(picture + GRAIN, 0, 255).astype(np.uint8)


def matrix(dx: float, dy: float, turn_deg: float) -> np.ndarray:
    turn = cv2.getRotationMatrix2D((160, 120), -turn_deg, 1.0)  # clockwise is positive here
    turn[:, 2] += np.array((dx, dy))
    return np.asarray(turn, np.float64)


def moved(picture: Gray, way: np.ndarray) -> Gray:
    return np.asarray(
        cv2.warpAffine(picture, way, SIZE_PX, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def where(k: int) -> tuple[float, float]:
    return 60 + 1.7 * k % 200, 120 + 45 * np.sin(k / 9)


def film(pictures: int, at: int, way: np.ndarray, *, noise: float = 1.5) -> list[Gray]:
    """A mouse that runs about; the camera stands otherwise from picture `at` on."""
    floor, seen = box(), []
    for k in range(pictures):
        picture = floor.copy()
        x, y = where(k)
        cv2.ellipse(picture, (round(x), round(y)), (24, 11), 20 * k, 0, 360, 40, -1, cv2.LINE_AA)
        picture = moved(picture, way) if k >= at else picture
        rough = RNG.normal(0.0, noise, picture.shape)
        seen.append(np.clip(picture + rough, 0, 255).astype(np.uint8))
    return seen


@pytest.mark.parametrize(("dx", "dy", "turn"), [(4, -3, 0), (-7, 2, 1.5), (1.5, 0, 0), (0, 0, -1)])
def test_how_far_it_moved(dx: float, dy: float, turn: float) -> None:
    found = laid_over(box(), moved(box(), matrix(dx, dy, turn)))
    assert found is not None
    move = told(5, found, (240, 320))
    assert (move.dx_px, move.dy_px) == pytest.approx((dx, dy), abs=0.25)
    assert move.turn_deg == pytest.approx(turn, abs=0.15)
    np.testing.assert_allclose(matrix_of(move), found, atol=1e-5)


def test_pictures_of_something_else_are_not_laid_over_each_other() -> None:
    other = np.clip(RNG.normal(128, 40, (240, 320)), 0, 255).astype(np.uint8)
    assert laid_over(box(), cv2.GaussianBlur(other, (0, 0), 5)) is None


@pytest.mark.parametrize("light", [1.0, 0.75])
def test_a_camera_that_stands_still_never_moved(light: float) -> None:
    samples = film(48, 99, STILL)
    samples = samples[:24] + [(picture * light).astype(np.uint8) for picture in samples[24:]]
    assert stood(samples) == []


def test_pictures_without_anything_that_stands_still_tell_nothing() -> None:
    noise = RNG.normal(128, 20, (48, 240, 320))
    assert stood(list(np.clip(noise, 0, 255).astype(np.uint8))) == []


def test_there_and_back_again() -> None:
    way = matrix(5, 4, 0)
    samples = film(16, 0, STILL) + film(16, 0, way) + film(16, 0, STILL)
    (last, first, there), (still_there, back_at, back) = stood(samples)
    assert last < 16 <= first
    assert still_there < 32 <= back_at
    assert told(0, there, (240, 320))[2:4] == pytest.approx((5, 4), abs=0.25)
    np.testing.assert_array_equal(back, STILL)


@pytest.mark.parametrize("at", [0, 1, 7, 10])
def test_the_first_picture_after_a_move(at: int) -> None:
    way = matrix(4, 2, 0)
    assert first_moved(box(), film(10, at, way), STILL, way) == at


def test_a_small_move_is_the_same_scene_and_a_large_one_is_not() -> None:
    assert not too_far(told(0, matrix(20, 0, 5), (240, 320)), (240, 320))
    assert too_far(told(0, matrix(40, 0, 0), (240, 320)), (240, 320))
    assert too_far(told(0, matrix(0, 0, 12), (240, 320)), (240, 320))


def test_a_picture_is_put_right_from_its_move_on() -> None:
    way = matrix(6, -4, 0)
    moves = [told(10, way, (240, 320)), Move(20, tuple(STILL.ravel()), 0.0, 0.0, 0.0)]
    picture = moved(box(), way)
    assert steady(picture, 9, moves) is picture
    assert steady(picture, 20, moves) is picture
    right = steady(picture, 15, moves)
    np.testing.assert_array_equal(right, brought_back(picture, matrix_of(moves[0])))
    assert np.abs(right.astype(int) - box())[20:-20, 20:-20].max() <= 1


def write(file: Path, pictures: list[Gray]) -> None:
    with file.open("xb") as whole, VideoWriter(whole, SIZE_PX, 30.0, Codec.LOSSLESS) as writer:
        for k, picture in enumerate(pictures):
            writer.write(picture, k * NS_PER_S // 30)


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.long), 2])
def test_a_recording_with_a_bumped_camera_is_scored_as_if_it_had_stood_still(
    tmp_path: Path, workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "box.toml").write_text(APPARATUS, encoding="utf-8")
    write(tmp_path / "moved.mkv", film(240, 131, matrix(7, -5, 1)))
    got = rescore(
        tmp_path / "moved.mkv",
        apparatus=tmp_path / "box.toml",
        out=tmp_path / f"out{workers}",
        workers=workers,
    )
    (told_of,) = json.loads((got.folder / "rescore.json").read_bytes())["camera_moved"]
    assert told_of["frame"] == 131
    assert told_of["shift_cm"] == pytest.approx(np.hypot(7, 5) / 7, abs=0.06)
    assert "camera_moved" in str(got.summary["flags"])
    assert "the camera was moved at 4.367 s" in caplog.text
    with (got.folder / "frames.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    off = [
        np.hypot(float(row["x_px"]) - where(k)[0], float(row["y_px"]) - where(k)[1])
        for k, row in enumerate(rows)
    ]
    assert max(off) < 1.5


def test_a_camera_that_was_turned_to_another_scene_is_refused(tmp_path: Path) -> None:
    (tmp_path / "box.toml").write_text(APPARATUS, encoding="utf-8")
    write(tmp_path / "far.mkv", film(96, 48, matrix(40, 0, 0)))
    with pytest.raises(ConfigError, match=r"far\.mkv: the camera was moved at 1\.600 s .*--end"):
        rescore(tmp_path / "far.mkv", apparatus=tmp_path / "box.toml", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
