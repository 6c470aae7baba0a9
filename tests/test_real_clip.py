"""A recording of a real mouse: scored against three published trackers, and played as a camera.

The recording is not part of the project; without it these tests say that they are skipped.
"""

import csv
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from rig import zones
from rig.model import NS_PER_S, Detection, Reason
from rig.session import Rescored, load_apparatus, rescore, verify
from rig.video import VideoFile
from tests.accuracy.edges import compare
from tests.accuracy.table import errors, real
from tests.rig.test_real_time import (
    completed,
    needs_terminal,
    placepref,
    stations_in,
    whole,
)

DATA = Path(__file__).parents[2] / "shared" / "data"
FOLDER = DATA / "tracktor-mouse"
VIDEO, APPARATUS = FOLDER / "mouse_video.mp4", FOLDER / "apparatus.toml"
FRAMES, RATE_HZ, MIDDLE_PX = 10_000, 30.0, 309.0
PLAYED_S = 20.0
POINTS = 0.005
"""Half a percentage point."""

pytestmark = pytest.mark.skipif(
    not VIDEO.is_file(), reason=f"the recording of a real mouse is not there: {VIDEO}"
)
Positions = NDArray[np.float64]
"""Frames x 2: x and y in pixels; NaN where there is none."""


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Rescored:
    """The whole recording, scored once with default settings."""
    out = tmp_path_factory.mktemp("scored")
    return rescore(VIDEO, out=out, apparatus=APPARATUS)


@pytest.fixture(scope="module")
def rows(scored: Rescored) -> dict[str, list[str]]:
    with (scored.folder / "frames.csv").open() as file:
        lines = list(csv.DictReader(file))
    return {name: [line[name] for line in lines] for name in lines[0]}


@pytest.fixture(scope="module")
def ours(rows: dict[str, list[str]]) -> Positions:
    return _positions(rows["x_px"], rows["y_px"])


@pytest.fixture(scope="module")
def published() -> dict[str, Positions]:
    with (FOLDER / "published_tracks.csv").open() as file:
        lines = list(csv.DictReader(file))
    return {
        name: _positions(
            [row[f"{name}_x_px"] for row in lines], [row[f"{name}_y_px"] for row in lines]
        )
        for name in ("tracktor", "idtracker", "toxtrac")
    }


def _positions(x: list[str], y: list[str]) -> Positions:
    return np.array([[float(a or "nan"), float(b or "nan")] for a, b in zip(x, y, strict=True)])


def _by_the_rule(track: Positions) -> list[str]:
    """The chamber of each frame, by the apparatus's own entry rule, of positions from elsewhere."""
    layout = zones.Layout(load_apparatus(APPARATUS), RATE_HZ)
    state, chambers = zones.begin(layout), []
    for k, (x, y) in enumerate(track):
        seen = Detection(Reason.FOUND, round(float(x), 2), round(float(y), 2), candidates=1)
        state, zoned = zones.advance(layout, state, round(k * NS_PER_S / RATE_HZ), seen, {})
        chambers.append(zoned.zone)
    return chambers


def test_every_frame_has_a_position(scored: Rescored, ours: Positions) -> None:
    assert len(ours) == FRAMES
    assert np.isfinite(ours).all()
    assert scored.summary["frames_untracked"] == 0
    assert scored.summary["time_lost_s"] == 0
    assert scored.summary["test_s"] == pytest.approx((FRAMES - 1) / RATE_HZ, abs=1e-6)


@pytest.mark.parametrize(
    ("tracker", "median_px", "p99_px"),
    [("tracktor", 3.0, 10.0), ("idtracker", 4.0, 10.0), ("toxtrac", 3.0, np.inf)],
)
def test_positions_are_as_near_to_published_ones_as_those_to_each_other(
    tracker: str, median_px: float, p99_px: float, ours: Positions, published: dict[str, Positions]
) -> None:
    off_px = np.hypot(*(ours - published[tracker]).T)
    off_px = off_px[np.isfinite(off_px)]
    assert len(off_px) > 0.9 * FRAMES
    assert np.median(off_px) <= median_px
    assert np.percentile(off_px, 99) <= p99_px


@pytest.mark.parametrize("tracker", ["tracktor", "idtracker"])
def test_the_share_of_time_in_each_half_is_that_of_published_positions(
    tracker: str, rows: dict[str, list[str]], ours: Positions, published: dict[str, Positions]
) -> None:
    """Like is held against like, in both ways that there are.

    By the entry rule: our zone column against the published positions put through the same rule
    (hysteresis and dwell move each change of side a few frames on, to the same side for all).
    By position alone: frames left of the line, against the shares in the recording's README.
    """
    theirs = published[tracker]
    by_rule = np.mean(np.array(rows["zone"]) == "left")
    assert abs(by_rule - np.mean(np.array(_by_the_rule(theirs)) == "left")) <= POINTS
    assert set(rows["zone"]) == {"left", "right"}, "so the other half is the rest"

    by_position = np.mean(ours[:, 0] < MIDDLE_PX)
    assert abs(by_position - {"tracktor": 0.3805, "idtracker": 0.3772}[tracker]) <= POINTS
    assert np.mean(theirs[:, 0] < MIDDLE_PX) == pytest.approx(
        {"tracktor": 0.3805, "idtracker": 0.3772}[tracker], abs=1e-3
    ), "the README's figures, found anew"


def test_the_animal_crosses_fifteen_times(scored: Rescored, rows: dict[str, list[str]]) -> None:
    assert scored.summary["transitions"] == 15
    assert scored.summary["entries_left"] + scored.summary["entries_right"] == 15
    changes = sum(a != b for a, b in zip(rows["zone"], rows["zone"][1:], strict=False))
    assert changes == 15
    visits = (scored.folder / "visits.csv").read_text().splitlines()[1:]
    assert len(visits) == 16


@pytest.mark.skipif(
    not (DATA / "branco-escape").is_dir(), reason="the platform with holes is not there"
)
def test_a_mouse_on_a_platform_with_holes_is_found_where_it_was_read_by_eye(
    tmp_path: Path,
) -> None:
    (known,) = [one for one in real(tmp_path) if one.name == "branco / by eye"]
    got = rescore(known.file, out=tmp_path / "out", apparatus=known.apparatus)
    with (got.folder / "frames.csv").open() as file:
        off, lost, invented = errors(known, list(csv.DictReader(file)))
    assert (lost, invented, len(off)) == (0, 0, 12)
    assert np.median(off) <= known.limits.median * known.body_px
    assert max(off) <= known.limits.p99 * known.body_px


# played as a camera


def cut(to: Path) -> int:
    """The recording's first seconds as a file of their own, packets unchanged; gives its frames.

    It goes on after PLAYED_S to the next key frame, so that every picture can be decoded.
    """
    frames = 0
    with av.open(str(VIDEO)) as whole, av.open(str(to), "w") as part:
        stream = whole.streams.video[0]
        copy = part.add_stream_from_template(stream)
        assert stream.time_base is not None
        for packet in whole.demux(stream):
            if packet.pts is None:
                continue
            if packet.is_keyframe and packet.pts * stream.time_base >= PLAYED_S:
                break
            packet.stream = copy
            part.mux(packet)
            frames += 1
    return frames


@pytest.fixture
def board(tmp_path: Path) -> Iterator[str]:
    """The port of a simulated board that `placepref doors --simulate` serves."""
    main = "from protocols.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", main, "doors", "--simulate"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    ) as serving:
        assert serving.stdout is not None
        yield serving.stdout.readline().strip()
        serving.terminate()


@pytest.mark.long
@needs_terminal
def test_the_recording_as_the_camera_of_a_session_that_switches_an_output(
    board: str, tmp_path: Path
) -> None:
    """In real time, through a station and a pseudo-terminal.

    The whole recording by hand: `placepref run` as here, then `python tests/accuracy/edges.py`.
    """
    frames = cut(tmp_path / "clip.mp4")
    assert frames >= PLAYED_S * RATE_HZ
    assert VideoFile.open(tmp_path / "clip.mp4").frames == frames
    rig = tmp_path / "clip.rig.toml"
    rig.write_text(
        'name = "clip"\n[camera]\nsource = "clip.mp4"\n'
        f'[[board]]\nname = "board-1"\nport = "{board}"\n'
        f'[[box]]\napparatus = "{APPARATUS}"\noutputs = {{ laser = "board-1/1" }}\n'
    )
    with stations_in(tmp_path / "run"):
        done = placepref(
            *("run", "free-exploration", "--subject", "T1", "--rig", rig),
            *("--out", tmp_path / "out", "--codec", "lossless", "--json"),
            *("--set", "output=laser", "--set", "while_in=left"),
        )
    told = completed(done)
    folder = Path(told["folder"])
    assert told["reason"] == "the recording ended"
    record = whole(folder, told["summary"])
    assert len(record.columns()["frame"]) == frames
    assert told["summary"]["frames_untracked"] == 0

    verdict = verify(folder)
    assert verdict.problems == []
    assert (verdict.pictures, verdict.differing, verdict.lossless) == (frames, 0, True)

    (edges,) = compare(folder)
    assert edges.disagreements == [], edges.table()
    assert [edge.on for edge in edges.decided] == [True, False, True, False]
    assert len(edges.reported) == len(edges.delays_ms) == 4

    # The comparison would see another word from the board, another zone, a board that is slow.
    _tampered(folder, tmp_path / "board", "ticks.jsonl", '"value":"off"', '"value":"limit"')
    assert compare(tmp_path / "board")[0].disagreements
    _tampered(folder, tmp_path / "zone", "frames.csv", ",right,explore", ",left,explore")
    assert compare(tmp_path / "zone")[0].disagreements
    assert len(compare(folder, limit_ms=0.01)[0].disagreements) == 4


def _tampered(folder: Path, to: Path, file: str, old: str, new: str) -> None:
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("*.mkv"))
    text = (to / file).read_text()
    at = text.rindex(old)
    (to / file).write_text(text[:at] + text[at:].replace(old, new, 1))
