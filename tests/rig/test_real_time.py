"""Sessions in real time through a station: the simulated rig with its board on a pseudo-terminal,
and what a session does with boards that it does not need, or does not find.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rig.model import NS_PER_S
from rig.session import rescore, verify
from rig.storage import SessionRecord
from rig.video import VideoWriter
from tests.rig.test_station import stop_all

needs_terminal = pytest.mark.skipif(
    sys.platform == "win32", reason="a simulated board is served on a pseudo-terminal"
)
TEST_S = 6
LONG_S = 90.0  # longer than anything here takes
CODECS = ("lossless", "h264")

Done = subprocess.CompletedProcess[str]


def placepref(*words: object, runtime: Path | None = None) -> Done:
    """The command line, to its end, as a script would call it: without a terminal.

    `runtime`: where it looks for stations, if not where this process does.
    """
    more = {} if runtime is None else {"PLACEPREF_RUNTIME": str(runtime)}
    return subprocess.run(
        [sys.executable, "-c", "from protocols.cli import main; main()", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=LONG_S,
        stdin=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **more},
    )


def completed(done: Done) -> dict[str, Any]:
    """What `run --json` says of a session that was completed."""
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["status"] == "completed"
    return told


def whole(folder: Path, summary: dict[str, Any]) -> SessionRecord:
    """The record of a session in real time: no picture missing, no figure of a live run either."""
    record = SessionRecord.open(folder)
    frames = record.columns()["frame"]
    assert summary["frames_dropped"] == 0
    assert np.all(np.diff(frames) == 1)
    assert sum(tick.frame is not None for tick in record.ticks()) == len(frames)
    latencies_ms = [float(summary[f"latency_{p}_ms"]) for p in ("p50", "p95", "p99", "max")]
    assert latencies_ms[0] > 0
    assert latencies_ms == sorted(latencies_ms)
    stop = record.stop
    assert stop is not None
    assert (stop["frames"], stop["frames_dropped"]) == (len(frames), 0)
    return record


@contextmanager
def stations_in(folder: Path) -> Iterator[None]:
    """Stations are looked for in this folder meanwhile, and ended after it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLACEPREF_RUNTIME", str(folder))
        try:
            yield
        finally:
            stop_all()


# the simulated rig


@pytest.fixture(scope="module")
def pretests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What `run` said of a pre-test recorded lossless and of one in H.264, at the same time.

    Each in a station of its own; the board is the station's, on a pseudo-terminal.
    """
    out = tmp_path_factory.mktemp("pretests")

    def pretest(codec: str) -> Done:
        return placepref(
            *("run", "cocaine-cpp", "--phase", "pretest", "--subject", "M01", "--rig", "sim"),
            *("--out", out / codec, "--set", f"test_s={TEST_S}", "--codec", codec),
            *("--seed", 3, "--json"),
            runtime=out / f"run-{codec}",
        )

    try:
        with ThreadPoolExecutor() as pool:
            done = list(pool.map(pretest, CODECS))
    finally:
        for codec in CODECS:
            with stations_in(out / f"run-{codec}"):
                pass
    return {codec: completed(one) for codec, one in zip(CODECS, done, strict=True)}


@needs_terminal
@pytest.mark.parametrize("codec", CODECS)
def test_a_pretest_in_real_time_is_recorded_whole_and_rescored_to_the_live_score(
    codec: str, pretests: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    folder, summary = Path(pretests[codec]["folder"]), pretests[codec]["summary"]
    record = whole(folder, summary)
    assert record.setup.codec == codec
    assert summary["test_s"] == pytest.approx(TEST_S, abs=0.1)

    # Both doors were closed and opened by the board, by its own clock; they opened together.
    moved = [e["data"] for e in record.events() if e["kind"] == "door"]
    moved = [door for door in moved if door["board_ms"] is not None]
    opened = {door["name"]: door["board_ms"] for door in moved if door["state"] == "open"}
    closed = {door["name"] for door in moved if door["state"] == "closed"}
    assert closed == opened.keys() == {"left", "right"}
    assert abs(opened["left"] - opened["right"]) <= 50

    # Every frame was timed to its decision, every command to the port and to the board's answer.
    stages = [
        [float(summary[f"latency_{stage}_{p}_ms"]) for p in ("p50", "p95", "p99", "max")]
        for stage in ("decided", "written", "acknowledged")
    ]
    for one in stages:
        assert 0 < one[0] <= one[1] <= one[2] <= one[3] + 0.011  # a step of 10 us
    assert stages[1][0] <= stages[2][0]

    verdict = verify(folder)
    assert verdict.problems == []
    assert verdict.ok
    assert verdict.pictures == verdict.rows > 10 * TEST_S

    again = rescore(folder, out=tmp_path / "scored")
    assert again.difference_s.keys() == {"left", "centre", "right"}
    if codec == "lossless":
        assert verdict.differing == 0
        assert again.measures == again.live
        live, new = ((place / "visits.csv").read_bytes() for place in (folder, again.folder))
        assert live == new
    else:
        assert max(map(abs, again.difference_s.values())) <= 0.2


# boards that are not there

DOORWAY = """
[[doorway]]
name = "middle"
between = ["left", "right"]
line_px = [[80, 40], [80, 80]]
sweep_px = [[76, 36], [84, 36], [84, 84], [76, 84]]
drive = "{}"
"""


def write_rig(folder: Path, drive: str) -> Path:
    """A video file of a dark mouse that walks through a box, played as the camera of a rig.

    The box has a doorway that is driven so ("": none, its halves touch), and the rig's board is
    on a port that is not there.
    """
    rate_hz, size_px, frames = 20.0, (160, 120), 60
    with (
        (folder / "mouse.mkv").open("wb") as file,
        VideoWriter(file, size_px, rate_hz, "lossless") as video,
    ):
        for k in range(frames):
            picture = np.full(size_px[::-1], 200, np.uint8)
            picture[52:66, 10 + 2 * k : 34 + 2 * k] = 20
            video.write(picture, round(k * NS_PER_S / rate_hz))
    (folder / "box.toml").write_text(
        'name = "box"\nframe_size_px = [160, 120]\npx_per_cm = 4.0\n'
        'chamber = [{ name = "left", outline_px = [[0, 0], [80, 0], [80, 120], [0, 120]] },'
        '{ name = "right", outline_px = [[80, 0], [160, 0], [160, 120], [80, 120]] }]\n'
        + (DOORWAY.format(drive) if drive else "")
    )
    doors = 'doors = { middle = "board-1/1" }\n' if drive == "board" else ""
    path = folder / "file.rig.toml"
    path.write_text(
        'name = "file"\n[camera]\nsource = "mouse.mkv"\n[[board]]\nname = "board-1"\n'
        f'port = "{folder / "no-such-port"}"\n[[box]]\napparatus = "box.toml"\n'
        f'outputs = {{ laser = "board-1/1" }}\n{doors}'
    )
    return path


def explore(rig: Path, out: Path, *more: str) -> Done:
    words = ("--subject", "M01", "--rig", rig, "--out", out, "--json", *more)
    return placepref("run", "free-exploration", *words)


@pytest.mark.parametrize("drive", ["", "manual"], ids=["no doors", "by hand"])
def test_a_plan_that_needs_no_board_opens_no_port(drive: str, tmp_path: Path) -> None:
    rig = write_rig(tmp_path, drive)
    told = completed(explore(rig, tmp_path / "out", "--speed", "max", "--yes"))
    assert told["summary"]["frames_dropped"] == 0
    assert told["summary"]["transitions"] == 1
    assert verify(Path(told["folder"])).ok


@needs_terminal
@pytest.mark.parametrize(
    ("drive", "assigned"),
    [("board", ()), ("", ("--set", "output=laser", "--set", "while_in=left"))],
    ids=["door", "output"],
)
def test_a_board_that_is_needed_and_not_there_is_one_line_and_nothing_is_left(
    drive: str, assigned: tuple[str, ...], tmp_path: Path
) -> None:
    rig, out = write_rig(tmp_path, drive), tmp_path / "out"
    with stations_in(tmp_path / "run"):
        done = explore(rig, out, *assigned)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert f"{rig}: board[0].port: port {tmp_path / 'no-such-port'} is not there" in line
    assert not out.exists()


def test_at_full_speed_a_real_board_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    rig, out = write_rig(tmp_path, "board"), tmp_path / "out"
    done = explore(rig, out, "--speed", "max")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert f"{rig}: board[0].port:" in line
    assert "a real board runs at --speed 1" in line
    assert not out.exists()
