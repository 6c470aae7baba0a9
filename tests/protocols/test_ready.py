"""A camera's rig that is not as it should be: the session is not begun, and each thing is said."""

import sys
from pathlib import Path

import numpy as np
import pytest

from rig import png
from rig.channel import find
from rig.model import NS_PER_S
from rig.video import VideoWriter
from tests.protocols.conftest import Cli
from tests.small import ARENA, SIZE_PX, tick_until

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="stations are found by name: the channel's own tests"
)
RATE_HZ = 15.0
RIG = """name = "filmed"
[camera]
source = "floor.mkv"
repeat = true
rate_hz = 30.0
[[box]]
name = "A"
apparatus = "arena.toml"
background = "empty.png"
"""
"""A film that is repeated goes on as a webcam does, and nothing in it is taken for simulated."""


def floor() -> np.ndarray:
    image = np.full(SIZE_PX[::-1], 180.0)
    image[:, :6] = image[:, -6:] = image[:6] = image[-6:] = 60
    image[6:114, 78:82] = 90
    image[20:34, 20:44] = 120
    return image


def test_what_fails_on_a_camera_stands_against_the_start(here: Path, cli: Cli) -> None:
    """It is dim, and comes at half its rate."""
    rng = np.random.default_rng(1)
    with (
        (here / "floor.mkv").open("wb") as file,
        VideoWriter(file, SIZE_PX, RATE_HZ, "lossless") as video,
    ):
        for k in range(15):
            dim = 0.3 * floor() + rng.normal(0, 2, SIZE_PX[::-1])
            video.write(np.clip(dim, 0, 255).astype(np.uint8), round(k * NS_PER_S / RATE_HZ))
    (here / "arena.toml").write_text(ARENA, encoding="utf-8")
    (here / "empty.png").write_bytes(png.write_gray(floor().astype(np.uint8)))
    (here / "own.rig.toml").write_text(RIG, encoding="utf-8")
    words = ["run", "free-exploration", "--subject", "M01", "--rig", "own.rig.toml"]
    said = cli(*words, "--out", "study", "--set", "test_s=2", "--yes")
    assert said.code == 1
    assert "not started: camera: 15.0 pictures a second, 30 asked for; lower the rate" in said.err
    assert "times as dark as in the picture of the empty box; switch the box's light" in said.err
    assert "--anyway starts it all the same" in said.err
    assert not (here / "study").exists()
    tick_until(lambda: find(str(here / "own.rig.toml")) is None)  # nobody waits for its station
