"""A camera's rig that is not as it should be: the session is not begun, and each thing is said."""

import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from protocols.asking import Choice, beside, make_wish
from rig import png
from rig.channel import ensure, find
from rig.model import NS_PER_S
from rig.session import LoadedRig, Wish, load_rig, preflight
from rig.session.load import LoadedBox
from rig.session.preflight import Level
from rig.session.prepare import going
from rig.storage.room import LEAST_BYTES
from rig.video import VideoWriter
from tests.protocols.conftest import Cli
from tests.small import ARENA, SIZE_PX, tick_until, write_rig

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="stations are found by name: the channel's own tests"
)
Usage = namedtuple("Usage", "total used free")
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


def test_the_disk_is_to_hold_what_another_station_records_too(
    here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At one moment: none of its sessions has written enough to be judged by."""
    words = ["run", "free-exploration", "--rig", "sim", "--box", "A", "--subject", "M02"]
    own = going(*wish_of("sim"), Path("study"))
    free = round(2.5 * own.bytes_left()) + LEAST_BYTES
    monkeypatch.setattr("rig.storage.room.shutil.disk_usage", lambda _: Usage(0, 0, free))
    source = write_rig(here)
    wish, _, box = wish_of(source, 7200)
    assert preflight.disk(own, beside()).level is Level.PASS
    with ensure(source) as client:
        order = {"wish": wish.model_dump(mode="json"), "yes": True}
        client.request("start", box=box.box.name, out=str(here / "study"), **order)
        (other,) = beside()
        assert other.left_s > 2 * own.left_s
        said = cli(*words, "--out", "study", "--set", "test_s=600", "--speed", "max")
        client.request("quit", force=True)
    assert said.code == 1, said.err
    assert "not started: disk: " in said.err
    assert "twice what is needed, 1 other session with it; make room" in said.err
    assert not list((here / "study").glob("**/sub-M02"))
    tick_until(lambda: find(source) is None)
    assert beside() == []


def wish_of(source: str, test_s: int = 600) -> tuple[Wish, LoadedRig, LoadedBox]:
    words = (f"test_s={test_s}",)
    choice = Choice("free-exploration", "M01", source, Path("study"), box="A", assigned=words)
    loaded = load_rig(source)
    return make_wish(choice, loaded, "auto")[0], loaded, loaded.box_named("A")
