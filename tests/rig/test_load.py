"""Rigs as they lie on the disk: files beside each other, and a simulated rig of one's own."""

from pathlib import Path

import pytest

from rig import png
from rig.errors import ConfigError
from rig.session import load_rig, record, verify
from rig.session.opened import open_rig
from tests.rig.conftest import MakeWish
from tests.small import rig_tables, write_table

SIM = """
name = "my rack"
[camera]
source = "sim"
frame_size_px = [320, 120]
rate_hz = 10.0
[[board]]
name = "board-1"
port = "sim"
[[box]]
name = "one"
crop_px = [0, 0, 160, 120]
apparatus = "box.toml"
background = "sim"
doors = { left = "board-1/1", right = "board-1/2" }
outputs = { lamp = "board-1/3" }
[[box]]
name = "two"
crop_px = [160, 0, 160, 120]
apparatus = "free.toml"
background = "sim"
"""


@pytest.fixture
def my_rig(tmp_path: Path) -> Path:
    for file, drive in (("box.toml", "board"), ("free.toml", "none")):
        _, apparatuses = rig_tables(frame_size_px=(160, 120), drive=drive)
        write_table(tmp_path / file, apparatuses["A"])
    (tmp_path / "my.rig.toml").write_text(SIM, encoding="utf-8")
    return tmp_path / "my.rig.toml"


@pytest.mark.parametrize("box", ["one", "two"])
def test_a_simulated_rig_of_ones_own_runs(
    box: str, my_rig: Path, make_wish: MakeWish, tmp_path: Path
) -> None:
    loaded = load_rig(f"sim:{my_rig}")
    assert loaded.simulated
    wish = make_wish(loaded, box=box, assigned=("test_s=5",))
    session = record(wish, loaded, out=tmp_path / "study", box=box, seed=2)
    assert session.ending.status == "completed"
    assert verify(session.folder).ok


def test_several_boxes_want_a_name(my_rig: Path) -> None:
    loaded = load_rig(f"sim:{my_rig}")
    with pytest.raises(ConfigError, match="several boxes: one of one, two"):
        loaded.box_named(None)
    with pytest.raises(ConfigError, match="no such box"):
        loaded.box_named("three")


def test_sim_wants_a_simulated_camera(my_rig: Path) -> None:
    text = my_rig.read_text().replace('source = "sim"', 'source = "clip.mp4"')
    my_rig.write_text(text)
    with pytest.raises(ConfigError, match=r"camera\.source"):
        load_rig(f"sim:{my_rig}")


def test_only_a_video_file_is_repeated(my_rig: Path) -> None:
    text = my_rig.read_text().replace('source = "sim"', 'source = "sim"\nrepeat = true')
    my_rig.write_text(text)
    with pytest.raises(ConfigError, match=r"my\.rig\.toml: camera\.repeat: 'sim' is no video file"):
        open_rig(load_rig(f"sim:{my_rig}"))


def test_an_empty_box_picture_must_fit(my_rig: Path) -> None:
    import numpy as np

    picture = my_rig.parent / "empty.png"
    picture.write_bytes(png.write_gray(np.full((60, 80), 200, np.uint8)))
    my_rig.write_text(my_rig.read_text().replace('background = "sim"', 'background = "empty.png"'))
    with pytest.raises(ConfigError, match="80x60 px, but the apparatus says 160x120"):
        load_rig(f"sim:{my_rig}")


def test_a_rule_beyond_the_boards_ceiling_is_refused(make_wish: MakeWish, tmp_path: Path) -> None:
    loaded = load_rig("sim")
    wish = make_wish(
        loaded,
        name="free-exploration",
        phase="exploration",
        assigned=("output=laser", "while_in=left"),
    )
    table = wish.model_dump(mode="json", by_alias=True, exclude_none=True)
    table["plan"]["step"][2]["rule"][0]["max_on_s"] = 3600
    with pytest.raises(ConfigError, match=r"step\[2\]\.rule\[0\]\.max_on_s: 3600 s: board board-1"):
        record(type(wish).model_validate(table), loaded, out=tmp_path / "study")
    assert not (tmp_path / "study").exists()
