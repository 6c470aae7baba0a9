"""Pictures woven of two fields: told by the file, or by the combs that they show."""

import json
import logging
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from rig.model import Gray
from rig.session.rescoring import rescore
from rig.tracking.combing import combed
from rig.video import VideoFile
from tests.rig.test_registration import APPARATUS, STILL, film, write  # type: ignore[attr-defined]


def woven(pictures: list[Gray]) -> list[Gray]:
    """Every second line from the picture after."""
    made = []
    for one, after in pairwise(pictures):
        picture = one.copy()
        picture[1::2] = after[1::2]
        made.append(picture)
    return made


def coded(file: Path, pictures: list[Gray], options: dict[str, str]) -> Path:
    with av.open(str(file), "w") as out:
        stream = out.add_stream("mpeg2video", rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.bit_rate = 4_000_000
        for k, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = k, Fraction(1, 30)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return file


def test_combs_are_seen_and_only_where_there_are_some() -> None:
    whole = film(97, 999, STILL)
    assert combed(np.stack(woven(whole)[::2]))
    assert not combed(np.stack(whole[::2]))
    noise = np.random.default_rng(2).normal(128, 25, (12, 240, 320))
    assert not combed(np.clip(noise, 0, 255).astype(np.uint8))
    assert not combed(np.stack(whole[:1]))


def test_a_file_that_says_so(tmp_path: Path) -> None:
    pictures = film(6, 999, STILL)
    plain = coded(tmp_path / "plain.mkv", pictures, {})
    said = coded(tmp_path / "said.mkv", pictures, {"flags": "+ildct+ilme", "field_order": "tt"})
    assert not VideoFile.open(plain).interlaced
    assert VideoFile.open(said).interlaced


@pytest.mark.parametrize("interlaced", [True, False])
def test_it_is_told(interlaced: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "box.toml").write_text(APPARATUS, encoding="utf-8")
    pictures = film(97, 999, STILL)
    write(tmp_path / "v.mkv", woven(pictures) if interlaced else pictures)
    with caplog.at_level(logging.WARNING):
        got = rescore(tmp_path / "v.mkv", apparatus=tmp_path / "box.toml", out=tmp_path / "out")
    assert json.loads((got.folder / "rescore.json").read_bytes())["interlaced"] is interlaced
    assert ("interlaced" in str(got.summary["flags"])) is interlaced
    assert ("v.mkv: interlaced" in caplog.text) is interlaced
