"""One apparatus for many recordings: a reference picture laid over another."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from protocols.rows import Defaults, gather
from rig import png
from rig.apparatus import parse
from rig.errors import ConfigError
from rig.model import Gray
from rig.session.fitting import scaled
from rig.session.rescoring import Rescored, rescore, score
from rig.tracking.laying import lay, resized
from tests.rig.test_registration import APPARATUS, STILL, box, film, write  # type: ignore[attr-defined]
from tests.small import write_table

RNG = np.random.default_rng(8)
MARKED = APPARATUS.replace("px_per_cm = 7.0", 'px_per_cm = 7.0\nreference = "box.png"')


def way(dx: float, dy: float, turn_deg: float, scale: float, slant: float = 0.0) -> np.ndarray:
    turn = cv2.getRotationMatrix2D((160, 120), -turn_deg, scale)
    turn[:, 2] += np.array((dx, dy))
    whole = np.vstack((turn, (0, 0, 1))) @ np.array(((1, 0, 0), (0, 1, 0), (slant, 0, 1)))
    return np.asarray(whole / whole[2, 2], np.float64)


def seen(picture: Gray, matrix: np.ndarray, light: float = 0.9) -> Gray:
    other = cv2.warpPerspective(picture, matrix, (320, 240), borderMode=cv2.BORDER_REPLICATE)
    return np.clip(other * light + RNG.normal(0, 2, other.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("dx", "dy", "turn", "scale", "slant"),
    [(0, 0, 0, 1, 0), (6, -4, 1, 1, 0), (25, 12, 5, 1.05, 0), (-20, 10, -12, 0.93, 0),
     (10, 5, 3, 1.02, 4e-5)],
)  # fmt: skip
def test_corners_come_to_lie_where_they_are(
    dx: float, dy: float, turn: float, scale: float, slant: float
) -> None:
    matrix = way(dx, dy, turn, scale, slant)
    laid = lay(box(), seen(box(), matrix))
    assert laid is not None
    for x, y in ((40, 50), (280, 50), (280, 190), (40, 190)):
        there = matrix @ (x, y, 1)
        assert laid.point(x, y) == pytest.approx(tuple(there[:2] / there[2]), abs=0.3)
    assert laid.residual_px < 0.7
    assert laid.turn_deg == pytest.approx(turn, abs=0.5)


@pytest.mark.parametrize(
    "bend", [-0.08, *(pytest.param(b, marks=pytest.mark.long) for b in (-0.04, 0.05)), 0.12]
)
def test_the_residual_is_no_less_than_what_a_lens_leaves(bend: float) -> None:
    """No plane lies over a picture through another lens: how far off it is has to be told."""
    ys, xs = np.mgrid[0:240, 0:320].astype(np.float32)
    cx, cy, unit = 170.0, 112.0, 160.0
    ux, uy = (xs - cx) / unit, (ys - cy) / unit
    dx, dy = ux.copy(), uy.copy()
    for _ in range(20):  # where each pixel comes from
        grown = 1 + bend * (dx * dx + dy * dy)
        dx, dy = ux / grown, uy / grown
    picture = cv2.remap(box(), cx + unit * dx, cy + unit * dy, cv2.INTER_LINEAR)
    laid = lay(box(), seen(picture, way(0, 0, 0, 1)))
    assert laid is not None
    off = []
    for x, y in ((40, 50), (280, 50), (280, 190), (40, 190), (160, 50), (160, 190)):
        rx, ry = (x - cx) / unit, (y - cy) / unit
        grown = 1 + bend * (rx * rx + ry * ry)
        there = (cx + unit * rx * grown, cy + unit * ry * grown)
        off.append(float(np.hypot(*np.subtract(laid.point(x, y), there))))
    assert max(off) <= laid.residual_px <= 4 * max(off) + 0.5


@pytest.mark.parametrize("turn", [40, 90])
def test_a_large_turn_is_never_taken(turn: int) -> None:
    assert lay(box(), seen(box(), way(0, 0, turn, 1))) is None


@pytest.mark.parametrize("way_round", [(1, -1), (-1, 1), (-1, -1)])
def test_a_cue_that_lies_the_other_way_round_stops_it(way_round: tuple[int, int]) -> None:
    marked = box()
    cv2.rectangle(marked, (60, 70), (110, 110), 60, -1)
    down, across = way_round
    assert lay(marked, seen(marked[::down, ::across].copy(), way(0, 0, 0, 1))) is None
    assert lay(marked, seen(marked, way(8, 3, 0, 1))) is not None


def test_another_scene_is_not_laid_over_it() -> None:
    other = cv2.GaussianBlur(RNG.normal(128, 60, (240, 320)), (0, 0), 5)
    assert lay(box(), np.clip(other, 0, 255).astype(np.uint8)) is None


def test_pictures_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="240, 320"):
        lay(box(), box()[:200])


def test_zones_follow_the_reference_picture_into_another_recording(tmp_path: Path) -> None:
    (tmp_path / "box.toml").write_text(MARKED, encoding="utf-8")
    (tmp_path / "box.png").write_bytes(png.write_gray(box()))
    shifted = way(15, -8, 2, 1)
    pictures = [seen(picture, shifted, 1.0) for picture in film(96, 999, STILL)]
    write(tmp_path / "other.mkv", pictures)
    got = rescore(tmp_path / "other.mkv", apparatus=tmp_path / "box.toml", out=tmp_path / "out")
    used = json.loads((got.folder / "rescore.json").read_bytes())["apparatus"]
    corner = used["chamber"][0]["outline_px"][0]
    there = shifted @ (40, 50, 1)
    assert corner == pytest.approx(there[:2].tolist(), abs=0.6)


def test_a_reference_that_does_not_fit_stops_it(tmp_path: Path) -> None:
    (tmp_path / "box.toml").write_text(MARKED, encoding="utf-8")
    other = cv2.GaussianBlur(RNG.normal(128, 60, (240, 320)), (0, 0), 5)
    picture = np.clip(other, 0, 255).astype(np.uint8)
    (tmp_path / "box.png").write_bytes(png.write_gray(picture))
    write(tmp_path / "video.mkv", film(60, 999, STILL))
    with pytest.raises(ConfigError, match=r"box\.png: cannot be laid over this recording"):
        rescore(tmp_path / "video.mkv", apparatus=tmp_path / "box.toml", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_a_reference_goes_with_an_apparatus_of_another_size(tmp_path: Path, scale: float) -> None:
    drawn = scaled(parse(MARKED, "box.toml"), 1 / scale, "box.toml")
    table = drawn.model_dump(mode="json", exclude_none=True)
    write_table(tmp_path / "box.toml", table)
    (tmp_path / "box.png").write_bytes(png.write_gray(resized(box(), drawn.frame_size_px)))
    shifted = way(15, -8, 2, 1)
    video = tmp_path / "other.mkv"
    write(video, [seen(picture, shifted, 1.0) for picture in film(96, 999, STILL)])
    asked = Defaults(apparatus=tmp_path / "box.toml", scale=scale)
    (got,) = score(gather([video], asked, tmp_path / "out"), tmp_path / "out")
    assert isinstance(got, Rescored)
    used = json.loads((got.folder / "rescore.json").read_bytes())["apparatus"]
    there = shifted @ (40, 50, 1)
    assert used["chamber"][0]["outline_px"][0] == pytest.approx(there[:2].tolist(), abs=0.6)


def test_points_of_a_resized_picture_are_where_the_ratio_says() -> None:
    dot = np.zeros((60, 80), np.float32)
    dot[20, 30] = 255
    dot = cv2.GaussianBlur(dot, (0, 0), 3)
    for times in (0.5, 3.0):
        other = resized(np.asarray(dot * 4, np.uint8), (round(80 * times), round(60 * times)))
        moments = cv2.moments(other)
        middle = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
        assert middle == pytest.approx((30 * times, 20 * times), abs=0.05)
