"""What is looked at before a session: each finding, of a rig in order and of one that is not."""

import json
import os
from collections import namedtuple
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
import pytest

from rig import png
from rig.apparatus import Apparatus, parse
from rig.model import Gray
from rig.rigfile import Box
from rig.session import preflight
from rig.session.load import LoadedBox
from rig.session.preflight import Finding, Level
from rig.station.awake import Awake
from rig.station.drawn import as_drawn
from rig.storage import session_folder
from rig.storage.room import LEAST_BYTES, Going, room_of, usual_bytes_s
from rig.video import VideoWriter
from tests.small import ARENA

NOW = datetime.now(UTC)
Battery = namedtuple("Battery", "percent secsleft power_plugged")
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def arena() -> Apparatus:
    return parse(ARENA, "arena")


@pytest.fixture
def empty() -> Gray:
    """A light floor with darker walls, a lid's edge and a label, and a little noise."""
    image = np.full((120, 160), 180.0)
    image[:, :6] = image[:, -6:] = image[:6] = image[-6:] = 60
    image[6:114, 78:82] = 90
    image[20:34, 20:44] = 120
    image[80:100, 110:140] = 130
    image += np.random.default_rng(1).normal(0, 2, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def blurred(image: Gray, times: int) -> Gray:
    out = image.astype(np.float32)
    for _ in range(times):
        for axis in (0, 1):
            out = (np.roll(out, 1, axis) + out + np.roll(out, -1, axis)) / 3
    return out.astype(np.uint8)


def levels(findings: list[Finding]) -> dict[str, Level]:
    return {one.what: one.level for one in findings}


@pytest.mark.parametrize(
    ("hz", "drop", "level"),
    [
        pytest.param(30.0, False, Level.PASS, id="as-asked"),
        pytest.param(28.0, False, Level.WARN, id="a-little-slow"),
        pytest.param(15.0, False, Level.FAIL, id="half"),
        pytest.param(30.0, True, Level.WARN, id="one-dropped"),
    ],
)
def test_the_cameras_rate(hz: float, drop: bool, level: Level) -> None:
    t_ns = [round(k * 1e9 / hz) for k in range(60)]
    numbers = [k + (drop and k > 30) for k in range(60)]
    found = preflight.rate(30.0, t_ns, numbers)
    assert found.level is level
    assert bool(found.todo) is (level is not Level.PASS)


def test_a_camera_that_gives_nothing_fails() -> None:
    for t_ns in ([], [5]):
        assert preflight.rate(30.0, t_ns, [0] * len(t_ns)).level is Level.FAIL


def test_a_picture_as_the_empty_box_is_passes(arena: Apparatus, empty: Gray) -> None:
    again = np.clip(empty + np.random.default_rng(2).normal(0, 2, empty.shape), 0, 255)
    found = preflight.picture(arena, again.astype(np.uint8), empty)
    assert levels(found) == {"light": Level.PASS, "focus": Level.PASS, "place": Level.PASS}


def test_what_is_not_as_the_empty_box_is_named(arena: Apparatus, empty: Gray) -> None:
    dim = (empty * 0.7).astype(np.uint8)
    assert levels(preflight.picture(arena, dim, empty)) == {
        "light": Level.WARN, "focus": Level.PASS, "place": Level.PASS
    }  # fmt: skip
    dark = (empty * 0.2).astype(np.uint8)
    assert levels(preflight.picture(arena, dark, empty))["light"] is Level.FAIL
    assert "dark" in preflight.picture(arena, dark, empty)[0].found
    assert levels(preflight.picture(arena, blurred(empty, 3), empty))["focus"] is Level.WARN
    assert levels(preflight.picture(arena, blurred(empty, 20), empty))["focus"] is Level.FAIL
    moved = np.roll(empty, 5, axis=1)  # 1.25 cm
    found = {one.what: one for one in preflight.picture(arena, moved, empty)}
    assert found["place"].level is Level.FAIL
    assert "1.2 cm" in found["place"].found or "1.3 cm" in found["place"].found
    assert levels(preflight.picture(arena, empty, None))["picture"] is Level.WARN
    small = empty[:100]
    assert levels(preflight.picture(arena, small, empty)) == {"picture": Level.FAIL}


def test_a_box_that_lies_otherwise_than_it_was_drawn_is_told(
    arena: Apparatus, empty: Gray, tmp_path: Path
) -> None:
    (tmp_path / "box.png").write_bytes(png.write_gray(empty))
    drawn = arena.model_copy(update={"reference": "box.png"})
    box = LoadedBox(Box(apparatus="arena.toml"), drawn, str(tmp_path / "arena.toml"), None)
    (good,) = as_drawn(box, empty)
    assert (good.what, good.level) == ("drawn", Level.PASS)
    (off,) = as_drawn(box, np.roll(empty, 5, axis=1))  # 1.25 cm
    assert off.level is Level.FAIL
    assert "from the picture that the box was drawn on" in off.found
    assert off.todo
    (tmp_path / "box.png").unlink()
    (gone,) = as_drawn(box, empty)
    assert (gone.level, bool(gone.todo)) == (Level.WARN, True)
    assert as_drawn(replace(box, apparatus=arena), empty) == []


def test_the_disk_is_to_hold_the_session_twice(tmp_path: Path) -> None:
    free = psutil.disk_usage(str(tmp_path)).free
    assert preflight.disk(Going(tmp_path / "new", 0, 60)).level is Level.PASS
    assert preflight.disk(Going(tmp_path, 0, 60, free / 60 * 0.8)).level is Level.WARN
    assert preflight.disk(Going(tmp_path, 0, 60, free / 60 * 4)).level is Level.FAIL
    (tmp_path / "file").touch()
    assert preflight.disk(Going(tmp_path / "file", 0, 60)).level is Level.FAIL


def test_the_disk_is_to_hold_what_runs_in_other_boxes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rig.storage.room.shutil.disk_usage", lambda _: Usage(1000, 0, 250_000_000))
    own = Going(tmp_path / "new", 0.0, 60.0, 1e6)  # 120 MB with as much again, and 50
    assert preflight.disk(own).level is Level.PASS
    (tmp_path / "begun").mkdir()
    others = [Going(tmp_path / "begun", 4.0, 30.0, 1e6), Going(tmp_path / "gone", 9.0, 600.0)]
    told = preflight.disk(own, others)
    assert (told.level, bool(told.todo)) == (Level.PASS, False)  # 230 MB: the one gone is over
    (tmp_path / "running").mkdir()
    (tmp_path / "running" / "frames.csv").write_bytes(bytes(1_000_000))
    others.append(Going(tmp_path / "running", 10.0, 600.0))  # 60 MB by its own rate
    told = preflight.disk(own, others)
    assert told.level is Level.WARN
    assert told.found.endswith("350.0 MB are twice what is needed, 3 other sessions with it")
    others += [Going(tmp_path, 0.0, 60.0, 1e6)]
    assert preflight.disk(own, others).level is Level.WARN
    others += [Going(tmp_path, 0.0, 60.0, 1e6)]
    assert preflight.disk(own, others).level is Level.FAIL  # 590 MB, half of which are not there


def test_what_is_written_to_another_disk_takes_no_room_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, real = tmp_path / "away", Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = real(self, follow_symlinks=follow_symlinks)
        return os.stat_result((*found[:2], found.st_dev + (self == away), *found[3:10]))

    away.mkdir()
    own, other = Going(tmp_path, 0.0, 60.0), Going(away, 0.0, 60.0)
    needed = room_of(own).needed
    assert room_of(own, [other]).needed == 2 * needed - LEAST_BYTES
    monkeypatch.setattr(Path, "stat", stat)
    assert room_of(own, [other]).needed == needed


def test_what_a_session_will_write_comes_over_the_channel_whole() -> None:
    going = Going(Path("there"), 1.5, 600.0, 2e5)
    assert Going.from_json(json.loads(json.dumps(going.to_json()))) == going
    for table in ({}, {**going.to_json(), "left_s": None}, {**going.to_json(), "folder": 3}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            Going.from_json(table)


@pytest.mark.parametrize("codec", ["h264", "lossless"])
def test_what_a_session_writes_is_guessed_by_its_pictures(codec: str) -> None:
    size_px = 320, 240
    rng, file = np.random.default_rng(1), BytesIO()
    with VideoWriter(file, size_px, 30.0, codec) as video:
        for k in range(30):
            noisy = np.full(size_px[::-1], 150.0) + rng.normal(0, 2, size_px[::-1])
            noisy[40:60, 20 + 2 * k : 60 + 2 * k] = 30
            video.write(noisy.astype(np.uint8), round(k * 1e9 / 30))
    written, guessed = len(file.getvalue()), usual_bytes_s(size_px, 30.0, codec)
    assert written < guessed, "the disk would be full before the end"
    assert codec == "h264" or guessed < 2 * written, f"{written} were written in a second"


def test_a_clock_before_what_is_there_is_wrong(tmp_path: Path) -> None:
    assert preflight.clock(tmp_path, NOW).level is Level.PASS
    assert preflight.clock(tmp_path, NOW - timedelta(days=9000)).level is Level.FAIL
    session_folder(tmp_path, "M01", "pretest", when=NOW.date() + timedelta(days=40))
    found = preflight.clock(tmp_path, NOW)
    assert found.level is Level.FAIL
    assert f"{NOW.date() + timedelta(days=40)}" in found.found


@pytest.mark.parametrize(
    ("battery", "level"),
    [
        pytest.param(None, Level.PASS, id="no-battery"),
        pytest.param(Battery(80, psutil.POWER_TIME_UNLIMITED, True), Level.PASS, id="plugged-in"),
        pytest.param(Battery(80, 9000, False), Level.WARN, id="long-enough"),
        pytest.param(Battery(80, 700, False), Level.FAIL, id="not-to-the-end"),
        pytest.param(Battery(9, psutil.POWER_TIME_UNKNOWN, False), Level.FAIL, id="nearly-empty"),
    ],
)
def test_power(battery: object, level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: battery, raising=False)
    assert preflight.power(1200.0).level is level


def test_boards_and_the_way_over_the_channel() -> None:
    found = preflight.boards({"hub": True, "other": False})
    assert [one.level for one in found] == [Level.PASS, Level.FAIL]
    assert str(found[1]) == "fail  board other: does not answer; check its cable and power"
    assert [Finding.from_json(one.to_json()) for one in found] == found


def test_the_system_is_kept_awake_while_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAKEPY_FAKE_SUCCESS", "1")
    awake = Awake()
    assert preflight.sleep(*awake.told()).level is Level.WARN
    awake.want(True)
    assert preflight.sleep(*awake.told()).level is Level.PASS
    awake.want(False)
    awake.want(True)
    assert awake.told()[0]
    awake.close()
    assert preflight.sleep(*awake.told(0.0)).level is Level.WARN


def test_a_system_that_cannot_be_kept_awake_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(**_: object) -> object:
        raise OSError("no message bus")

    monkeypatch.setattr("wakepy.keep.running", fails)
    awake = Awake()
    awake.want(True)
    found = preflight.sleep(*awake.told())
    assert found.level is Level.WARN
    assert "no message bus" in found.found
    assert "switch sleep off" in found.todo
    awake.close()
