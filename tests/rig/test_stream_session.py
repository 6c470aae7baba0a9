"""A session from a real network stream on loopback, which stalls, hangs up, and comes back."""

import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from protocols import library
from protocols.protocol import parse, plan_session, settings
from rig.engine import Outcome
from rig.model import NS_PER_S, Tick
from rig.session import Wish, load_rig, record, verify
from rig.storage import SessionRecord
from tests.streams import Stream

SIZE_PX = (160, 120)
RATE_HZ = 20.0
ROUND_S = 4.0
TEST_S = 5.0
STALL_AT_S, CUT_AT_S = 1.0, 3.0
STALL_S = 1.0  # longer than max_gap_s, shorter than what makes the camera connect anew


def picture(t_s: float) -> bytes:
    """A dark blob that goes round on a light floor, once in ROUND_S, as JPEG."""
    width, height = SIZE_PX
    angle = 2 * math.pi * t_s / ROUND_S
    image = np.full((height, width), 200, np.uint8)
    x, y = width / 2 + 50 * math.cos(angle), height / 2 + 32 * math.sin(angle)
    cv2.ellipse(image, ((x, y), (26, 15), math.degrees(angle) + 90), 30, -1, cv2.LINE_AA)
    return bytes(cv2.imencode(".jpg", image)[1].tobytes())


@pytest.fixture
def stream() -> Iterator[Stream]:
    served = Stream(lambda k: picture(k / RATE_HZ), RATE_HZ)
    yield served
    served.close()


class Trouble:
    """Listens to a session; has the stream stall once, later hang up once, and come back."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.started_ns: int | None = None
        self.due = ["stall", "cut"]
        self.stalled_ns: int | None = None

    def __call__(self, tick: Tick, outcome: Outcome) -> None:
        if outcome.state.scored and self.started_ns is None:
            self.started_ns = tick.t_ns
        if self.started_ns is None:
            return
        t_s = (tick.t_ns - self.started_ns) / NS_PER_S
        if self.due == ["stall", "cut"] and t_s >= STALL_AT_S:
            self.due.remove("stall")
            self.stalled_ns = tick.t_ns
            self.stream.flowing.clear()
        elif self.due == ["cut"] and t_s >= CUT_AT_S:
            self.due.remove("cut")
            self.stream.cut.set()
        if self.stalled_ns is not None and tick.t_ns - self.stalled_ns >= STALL_S * NS_PER_S:
            self.stream.flowing.set()
        if self.stream.cut.is_set() and tick.frame is None:
            self.stream.cut.clear()  # it has hung up: the next connection is served


def write_rig(folder: Path, url: str) -> str:
    (folder / "arena.toml").write_text(
        'name = "arena"\nframe_size_px = [160, 120]\npx_per_cm = 4.0\n'
        'chamber = [{ name = "left", outline_px = [[0, 0], [80, 0], [80, 120], [0, 120]] },'
        '{ name = "right", outline_px = [[80, 0], [160, 0], [160, 120], [80, 120]] }]\n'
    )
    path = folder / "stream.rig.toml"
    path.write_text(
        f'name = "stream"\n[camera]\nsource = "{url}"\nframe_size_px = [160, 120]\n'
        f'rate_hz = {RATE_HZ}\n[[box]]\napparatus = "arena.toml"\nbackground = "live"\n'
    )
    return str(path)


@pytest.mark.long
def test_a_session_outlives_a_stream_that_stalls_and_one_that_hangs_up(
    stream: Stream, tmp_path: Path
) -> None:
    rig = load_rig(write_rig(tmp_path, stream.url))
    protocol = parse(library.text("free-exploration"), "free-exploration")
    plan = plan_session(
        protocol,
        "exploration",
        rig.box_named(None).apparatus,
        values=settings(protocol, [f"test_s={TEST_S}"]),
    )
    wish = Wish(plan=plan, subject="M01", phase="exploration", codec="lossless")
    live = record(wish, rig, out=tmp_path, speed="1", listeners=(Trouble(stream),))
    assert live.ending.status == "completed"
    assert stream.connections >= 2

    kept = SessionRecord.open(live.folder)
    assert kept.setup.background == "live"
    events = kept.events()
    camera = [e for e in events if e["kind"] in ("camera_stalled", "camera_back")]
    assert [e["kind"] for e in camera] == ["camera_stalled", "camera_back"] * 2
    stalled, back, _, _ = (e["t_s"] for e in camera)
    assert back - stalled == pytest.approx(STALL_S, abs=0.5)

    # Silence is ticks without a picture, and no row: nothing is invented.
    ticks, rows = list(kept.ticks()), kept.columns()
    silent = [tick for tick in ticks if tick.frame is None and tick.detection is None]
    assert len(silent) >= 2
    assert sum(tick.frame is not None for tick in ticks) == len(rows["frame"])
    assert np.all(np.diff(rows["frame"]) >= 1), "frames go on counting after a reconnection"

    # Each stretch without pictures that is longer than the gap is lost, whole and to the ns.
    times_ns = rows["t_ns"][rows["scored"]]
    spans_ns = np.diff(times_ns)
    lost_ns = int(spans_ns[spans_ns > 0.5 * NS_PER_S].sum())
    assert lost_ns > 0.7 * STALL_S * NS_PER_S
    summary = live.summary
    assert round(summary["time_lost_s"] * NS_PER_S) == lost_ns
    scored_ns = int(times_ns[-1] - times_ns[0])
    assert round(summary["test_s"] * NS_PER_S) == scored_ns
    parts = [summary["time_left_s"], summary["time_right_s"], summary["time_lost_s"]]
    assert round(sum(parts) * NS_PER_S) == scored_ns
    assert summary["time_inferred_left_s"] == summary["time_inferred_right_s"] == 0
    assert summary["test_s"] == pytest.approx(TEST_S, abs=0.5)
    assert summary["entries_left"] + summary["entries_right"] >= 1

    verdict = verify(live.folder)
    assert verdict.problems == []
    assert verdict.ok
    assert (verdict.differing, verdict.lossless) == (0, True)
    assert verdict.pictures == len(rows["frame"])
