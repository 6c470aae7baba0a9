"""An animal that hardly moves: out of the background, and found where it is."""

import csv
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


def film(file: Path, where: Where, coat: int = 40, floor: Gray | None = None) -> None:
    """A film with a mouse at `where(k)`: x, y, and its angle in degrees."""
    rng = np.random.default_rng(4)
    empty = box() if floor is None else floor
    with file.open("xb") as whole, VideoWriter(whole, (320, 240), RATE_HZ, Codec.LOSSLESS) as out:
        for k in range(PICTURES):
            picture = empty.copy()
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


@pytest.mark.parametrize(("coat", "bright"), [(40, False), (235, True)], ids=["dark", "light"])
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


def test_an_animal_that_never_left_is_found_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film(tmp_path / "a.mkv", stays)
    wrong, lost = off(scored(tmp_path), stays)
    assert lost == 0
    assert max(wrong) < 0.12 * 48
    assert "never left one place" in caplog.text
    assert "--background" in caplog.text


def test_a_thing_that_lies_still_is_no_animal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film(tmp_path / "a.mkv", lambda k: (90, 120, 0))
    got = scored(tmp_path)
    assert off(got, stays)[1] == PICTURES
    assert got.measures.lost_ns == got.measures.scored_ns
    assert "stands out from the background in only 0 %" in caplog.text
