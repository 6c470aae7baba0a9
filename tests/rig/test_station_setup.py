"""What a station answers while a rig is set up: whole pictures, changed looks, boards by hand."""

import json
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rig import png
from rig.channel import ChannelClient, connect, ensure, entries
from rig.errors import ConfigError, RigError, StationError
from tests.small import ARENA, CLIP_RIG, tick_until, write_clip, write_rig

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "run"
    monkeypatch.setenv("PLACEPREF_RUNTIME", str(folder))
    yield folder
    for entry in entries():
        with suppress(RigError), connect(entry) as client:
            client.request("quit", force=True)
    tick_until(lambda: not list(entries()))


def first_picture(client: ChannelClient) -> None:
    tick_until(lambda: client.request("status")["camera"]["frames"] > 0)


FOREVER = {
    "plan": {
        "protocol": "short",
        "phase": "pretest",
        "step": [{"do": "explore", "duration_s": 600, "scored": True}],
    },
    "subject": "M01",
    "phase": "pretest",
}


def test_the_whole_picture_is_shown_however_it_is_shared(tmp_path: Path) -> None:
    with ensure(write_rig(tmp_path, boxes=2, drive="none")) as client:
        first_picture(client)
        whole = client.ask("preview", {"box": "", "width_px": 1000, "height_px": 1000})
        one = client.ask("preview", {"box": "A", "width_px": 1000, "height_px": 1000})
        assert whole.data["size_px"] == [320, 240]
        assert client.request("status")["camera"]["size_px"] == [320, 240]
        assert one.data["size_px"] == [160, 240]
        after = whole.data["frame"]
        newer = client.ask("preview", {"box": "", "after": after, "wait_s": 5})
        assert newer.data["frame"] > after


def test_a_look_may_try_other_settings_and_keeps_none(tmp_path: Path) -> None:
    with ensure(write_rig(tmp_path, drive="none")) as client:
        first_picture(client)
        usual = client.ask("look", {"box": "A"}).data
        assert usual["known"]
        other = client.ask("look", {"box": "A", "threshold": 77, "animal": "lighter"}).data
        assert {c["threshold"] for c in other["tracker"]["chamber"].values()} == {77}
        assert {c["animal"] for c in other["tracker"]["chamber"].values()} == {"lighter"}
        again = client.ask("look", {"box": "A"}).data
        assert again["tracker"]["chamber"] == usual["tracker"]["chamber"]
        either = client.ask("look", {"box": "A", "animal": "either"}).data
        assert not either["known"], "an animal of either side stands out from every floor"

        # Another apparatus on a part of the camera's picture, with an empty-box picture of it.
        drawn = {
            "name": "drawn",
            "frame_size_px": [160, 240],
            "px_per_cm": 6.0,
            "chamber": [{"name": "half", "outline_px": [[5, 5], [155, 5], [155, 235], [5, 235]]}],
        }
        crop = {"box": "", "crop_px": [0, 0, 160, 240]}
        picture = client.ask("look", crop)
        assert (picture.data["silhouette"], len(picture.body)) == (False, 160 * 240)
        empty = client.ask("empty", crop)
        assert empty.data["pictures"] > 1
        assert empty.data["moved"] < 0.001
        file = tmp_path / "half.png"
        file.write_bytes(empty.body)
        assert png.read_gray(empty.body, "x").shape == (240, 160)
        seen = client.ask("look", {**crop, "apparatus": drawn, "background": str(file)})
        assert set(seen.data["contrast"]) == {"half"}
        assert len(seen.body) == 160 * 240 + 160 * 240 // 8
        bits = np.unpackbits(np.frombuffer(seen.body[160 * 240 :], np.uint8))
        assert bits.mean() < 0.001

        with pytest.raises(ConfigError, match=r"crop_px: \[300, 0, 160, 240\] is no part"):
            client.ask("look", {"box": "", "crop_px": [300, 0, 160, 240]})
        with pytest.raises(ConfigError, match="the picture is 320x240 px"):
            client.ask("look", {"box": "", "apparatus": drawn, "background": str(file)})
        with pytest.raises(ConfigError, match="cannot be read"):
            client.ask("look", {**crop, "apparatus": drawn, "background": str(tmp_path / "no")})
        with pytest.raises(ConfigError, match="look: threshold"):
            client.ask("look", {"box": "A", "threshold": 0})
        chamber = {"name": "a b", "outline_px": [[5, 5], [155, 5], [155, 235]]}
        bad = {**drawn, "chamber": [chamber]}
        with pytest.raises(ConfigError, match=r"chamber\[0\].name: 'a b'"):
            client.ask("look", {**crop, "apparatus": bad})

        client.request("start", box="A", wish=FOREVER, out=str(tmp_path), timeout_s=30)
        with pytest.raises(StationError, match="its settings are frozen"):
            client.ask("look", {"box": "A", "threshold": 77})
        with pytest.raises(StationError, match="is not taken while a session runs"):
            client.ask("empty", crop)
        with pytest.raises(StationError, match="boards are not tried while a session runs"):
            client.ask("board")


def test_an_empty_picture_tells_that_something_moved(tmp_path: Path) -> None:
    with ensure(write_rig(tmp_path, drive="none")) as client:
        first_picture(client)
        client.request("wave", box="A", hold_s=0.2)
        moved = tick_until(lambda: client.ask("empty", {"box": "A"}).data["moved"] > 0.002)
        assert moved


def test_a_box_shown_to_be_empty_is_the_next_sessions_background(tmp_path: Path) -> None:
    with ensure(write_rig(tmp_path, boxes=2, drive="none")) as client:
        first_picture(client)
        told = {"out": str(tmp_path), "timeout_s": 30}
        with pytest.raises(StationError, match="no picture of the empty box is kept"):
            client.request("start", box="A", wish=FOREVER, ready=True, **told)
        client.request("hand", box="A", do="bring")
        tick_until(lambda: client.ask("look", {"box": "A"}).data["detection"].get("x_px"))
        animal = client.ask("empty", {"box": "A", "keep": True}).data
        assert (animal["kept"], animal["known"]) == (False, True)
        assert animal["standing_px"] > 20
        client.request("hand", box="A", do="take")
        # While a session runs in the other box, which is left alone.
        client.request("start", box="B", wish=FOREVER, **told)
        tick_until(lambda: client.ask("empty", {"box": "A", "keep": True}).data["kept"])
        with pytest.raises(StationError, match="box B: a session runs in it"):
            client.ask("empty", {"box": "B", "keep": True})
        with pytest.raises(StationError, match="is not taken while a session runs"):
            client.ask("empty", {"box": "A"})
        wish = FOREVER | {"uid": "a" * 16, "subject": "M02"}
        folder = client.request("start", box="A", wish=wish, ready=True, **told)["folder"]
        assert json.loads((Path(folder) / "setup.json").read_bytes())["background"] == "picture"
        client.request("request", box="A", request={"kind": "abort"})
        tick_until(lambda: client.request("status")["boxes"]["A"]["state"] == "ended")
        with pytest.raises(StationError, match="no picture of the empty box is kept"):
            client.request("start", box="A", wish=wish, ready=True, **told)


def test_a_file_is_played_for_whoever_looks_and_anew_for_a_session(tmp_path: Path) -> None:
    (tmp_path / "arena.toml").write_text(ARENA)
    (tmp_path / "clip.rig.toml").write_text(CLIP_RIG)
    write_clip(tmp_path, frames=20)
    with ensure(str(tmp_path / "clip.rig.toml")) as client:
        assert client.ask("preview", {"box": "", "wait_s": 0.1}).body == b""
        client.request("play", on=True)
        # Twenty pictures are over in a second: it begins again by itself.
        tick_until(lambda: client.request("status")["camera"]["frames"] > 25)
        median = client.ask("empty", {"box": "", "apparatus": tomllib.loads(ARENA)})
        assert median.data["width"] == 160
        started = {**FOREVER, "codec": "lossless"}
        client.request("start", wish=started, out=str(tmp_path), timeout_s=30)
        status = tick_until(
            lambda: (s := client.request("status")["boxes"]["A"])["state"] == "ended" and s
        )
        counts = status["counts"]
        assert counts["frames"] + counts["dropped"] == 20
        client.request("play", on=False)
        with pytest.raises(ConfigError, match="wants an apparatus"):
            client.ask("empty", {"box": ""})


def door(client: ChannelClient, name: str) -> str:
    return str(client.request("board")["boxes"]["A"]["doors"][name])


def reach(client: ChannelClient, name: str, state: str) -> None:
    tick_until(lambda: door(client, name) == state)


def test_doors_and_outputs_are_tried_by_name(tmp_path: Path) -> None:
    with ensure(write_rig(tmp_path)) as client:
        board = client.request("board")
        assert board["boards"]["board-1"]["up"]
        assert set(board["boxes"]["A"]["doors"]) == {"left", "right"}
        assert set(board["boxes"]["A"]["outputs"]) == {"laser"}

        reach(client, "left", "open")
        with pytest.raises(StationError, match="has not said that the box is empty"):
            client.request("try", door="left", do="close")
        client.request("try", door="left", do="close", empty=True)
        reach(client, "left", "closing")
        reach(client, "left", "closed")  # a second: longer than one permit
        assert door(client, "right") == "open"
        client.request("try", door="left", do="open")
        reach(client, "left", "open")
        client.request("try", door="left", do="close", empty=True)
        reach(client, "left", "closing")
        client.request("try", door="left", do="home")
        reach(client, "left", "open")

        client.request("try", output="laser", on_ms=2000)
        tick_until(lambda: client.request("board")["boxes"]["A"]["outputs"]["laser"] == "on")
        client.request("try", output="laser", on_ms=0)
        tick_until(lambda: client.request("board")["boxes"]["A"]["outputs"]["laser"] == "off")
        told = [(h["name"], h["value"]) for h in said(client)]
        assert ("laser", "on") in told
        with pytest.raises(ConfigError, match="on_ms"):
            client.request("try", output="laser", on_ms=2001)
        with pytest.raises(StationError, match="no door 'roof' is wired"):
            client.request("try", door="roof", do="open")
        with pytest.raises(StationError, match=r"no output 'x' is wired to a board \(wired: laser"):
            client.request("try", output="x")


def said(client: ChannelClient) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = client.request("board")["boxes"]["A"]["heard"]
    return heard


def test_a_session_ends_what_is_tried(tmp_path: Path) -> None:
    with ensure(write_rig(tmp_path)) as client:
        reach(client, "left", "open")
        client.request("try", door="left", do="close", empty=True)
        reach(client, "left", "closing")
        client.request("start", box="A", wish=FOREVER, out=str(tmp_path), timeout_s=30)
        with pytest.raises(StationError, match="boards are not tried"):
            client.request("try", door="left", do="open")
        client.request("request", box="A", request={"kind": "abort", "who": "me"})
        tick_until(lambda: client.request("status")["boxes"]["A"]["state"] == "ended")
        # Nothing renewed the permit: the door went back.
        reach(client, "left", "open")


def test_a_board_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "arena.toml").write_text(ARENA)
    text = CLIP_RIG + 'outputs = { laser = "b/1" }\n[[board]]\nname = "b"\nport = "/dev/nothing"\n'
    (tmp_path / "clip.rig.toml").write_text(text)
    write_clip(tmp_path)
    with (
        ensure(str(tmp_path / "clip.rig.toml")) as client,
        pytest.raises(ConfigError, match="port /dev/nothing is not there; plug the board in"),
    ):
        client.request("board")
