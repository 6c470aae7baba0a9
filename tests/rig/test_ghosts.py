"""An animal that hardly moves: out of the background, and found where it is."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from rig.model import NS_PER_S, Gray
from rig.session.rescoring import Rescored, rescore
from rig.video import Codec, VideoWriter
from tests.rig.test_registration import APPARATUS, box

PICTURES, RATE_HZ = 240, 10.0
Where = Callable[[int], tuple[float, float, float]]


def film(
    file: Path,
    where: Where,
    coat: int = 40,
    floor: Gray | None = None,
    lit: Callable[[int, Gray], None] = lambda k, picture: None,
) -> None:
    """A film with a mouse at `where(k)`: x, y, and its angle in degrees; `lit` changes the rest."""
    rng = np.random.default_rng(4)
    empty = box() if floor is None else floor
    with file.open("xb") as whole, VideoWriter(whole, (320, 240), RATE_HZ, Codec.LOSSLESS) as out:
        for k in range(PICTURES):
            picture = empty.copy()
            lit(k, picture)
            x, y, turn = where(k)
            middle = (round(16 * x), round(16 * y))
            cv2.ellipse(picture, middle, (24 * 16, 11 * 16), turn, 0, 360, coat, -1, cv2.LINE_AA, 4)
            rough = picture + rng.normal(0, 1.5, picture.shape)
            out.write(np.clip(rough, 0, 255).astype(np.uint8), round(k * NS_PER_S / RATE_HZ))


def rests(k: int) -> tuple[float, float, float]:
    """In one place, but for one walk to the other side, which is a twentieth of the time."""
    if 150 <= k < 162:
        return 90 + 140 * np.sin((k - 150) / 12 * np.pi), 120 + 20 * np.sin(k), 0
    return 90 + 0.5 * np.sin(k), 120, 3 * np.sin(k / 2)


def stays(k: int) -> tuple[float, float, float]:
    """Never elsewhere; it turns a little."""
    return 90 + 2 * np.sin(k / 3), 120 + np.sin(k / 5), 12 * np.sin(k / 7)


def scored(folder: Path) -> Rescored:
    (folder / "box.toml").write_text(APPARATUS, encoding="utf-8")
    return rescore(folder / "a.mkv", apparatus=folder / "box.toml", out=folder / "out", workers=1)


def off(got: Rescored, where: Where) -> tuple[list[float], int]:
    """Each position's error in px, and how many pictures have none."""
    with (got.folder / "frames.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    wrong = []
    for k, row in enumerate(rows):
        if row["x_px"]:
            x, y, _ = where(k)
            wrong.append(float(np.hypot(float(row["x_px"]) - x, float(row["y_px"]) - y)))
    return wrong, len(rows) - len(wrong)


@pytest.mark.parametrize(
    ("coat", "bright"),
    [(40, False), pytest.param(235, True, marks=pytest.mark.long)],
    ids=["dark", "light"],
)
def test_an_animal_that_rests_for_nearly_all_of_the_time(
    tmp_path: Path, coat: int, bright: bool
) -> None:
    floor = (255 - box()) if bright else box()
    film(tmp_path / "a.mkv", rests, coat, floor)
    got = scored(tmp_path)
    wrong, lost = off(got, rests)
    assert lost == 0
    assert np.median(wrong) < 0.04 * 48
    assert np.percentile(wrong, 99) < 0.12 * 48
    left = 1e9 * sum(rests(k)[0] < 160 for k in range(PICTURES)) / RATE_HZ
    assert got.measures.seen_ns[0] == pytest.approx(left, abs=0.5e9)
    assert got.measures.entries == (1, 1)
    told = json.loads((got.folder / "rescore.json").read_bytes())["background_again"]
    assert told["taken"]
    assert told["shown"][0] < 0.5 < told["shown"][1]
    assert {150 <= k < 163 for k in told["frames"]} == {True}
    assert told["filled_cm2"] == 0


def test_an_animal_that_never_left_is_found_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film(tmp_path / "a.mkv", stays)
    got = scored(tmp_path)
    wrong, lost = off(got, stays)
    assert lost == 0
    assert max(wrong) < 0.12 * 48
    assert "never left one place" in caplog.text
    told = json.loads((got.folder / "rescore.json").read_bytes())["background_again"]
    assert (told["taken"], told["frames"]) == (True, [])
    assert told["filled_cm2"] > 10
    assert "--background" in caplog.text


def runs(k: int) -> tuple[float, float, float]:
    """Everywhere, along walls and over holes."""
    return 160 + 95 * np.cos(k / 11), 120 + 45 * np.sin(k / 7), 90 * np.sin(k / 13)


def test_an_animal_that_runs_about_is_not_sought_in_the_background(tmp_path: Path) -> None:
    """A platform with holes like the animal, in a picture whose border changes its brightness."""
    floor = np.full((240, 320), 225, np.uint8)
    for k in range(14):
        at = (round(160 + 112 * np.cos(k * np.pi / 7)), round(120 + 62 * np.sin(k * np.pi / 7)))
        cv2.circle(floor, at, 12, 45, -1, cv2.LINE_AA)

    def lit(k: int, picture: Gray) -> None:
        inside = picture[50:190, 40:280].copy()
        picture[30:210, 20:300] = (20, 110, 120, 205)[k // 5 % 4]
        picture[50:190, 40:280] = inside

    film(tmp_path / "a.mkv", runs, floor=floor, lit=lit)
    got = scored(tmp_path)
    wrong, lost = off(got, runs)
    assert lost < 0.05 * PICTURES
    assert np.median(wrong) < 0.12 * 48
    assert json.loads((got.folder / "rescore.json").read_bytes())["background_again"] is None


def test_a_thing_that_lies_still_is_no_animal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film(tmp_path / "a.mkv", lambda k: (90, 120, 0))
    got = scored(tmp_path)
    assert off(got, stays)[1] == PICTURES
    assert got.measures.lost_ns == got.measures.scored_ns
    assert "stands out from the background in only 0 %" in caplog.text
