"""Who watches a session, killed or frozen: the session notices nothing.

A real station in real time; beside it processes that watch a box as the window does, with its
picture. One is killed (kill -9), one is stopped in the middle (SIGSTOP) and holds its connection.
Another one that is opened then finds the session and sees its picture. The session is completed,
none of its pictures is missed for it, and the folder verifies.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rig.channel import connect, ensure, find
from rig.channel.entries import RUNTIME_VARIABLE, is_claimed
from rig.errors import RigError
from rig.session import verify
from rig.storage import SessionRecord
from tests.faults import shim
from tests.faults.folder import untold_s
from tests.faults.player import plan_of
from tests.faults.row import Row
from tests.small import tick_until, write_rig

SECONDS, RATE_HZ = 3.0, 30.0
FAULTS = {"window killed (kill -9)": signal.SIGKILL, "window frozen (SIGSTOP)": signal.SIGSTOP}
WATCH = """import sys
from rig.channel import connect, find
client = connect(find(sys.argv[1]))
after = None
print("watches", flush=True)
while True:
    client.request("status")
    after = client.request("preview", box="A", after=after).get("frame")
"""


def rows(short: bool) -> Iterator[Row]:
    """A row a fault."""
    if sys.platform == "win32":
        for fault in FAULTS:
            yield Row(fault, 0, 0, None, "skipped: Windows has no such signals")
        return
    times = 1 if short else 10
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        os.environ[RUNTIME_VARIABLE] = str(work / "run")
        source = write_rig(work, frame_size_px=(160, 120), rate_hz=RATE_HZ)
        for fault, number in FAULTS.items():
            told = [_watched(source, work / f"{number}-{k}", number, k) for k in range(times)]
            bad = [wrong for _, wrong in told if wrong]
            worst_s = max(lost_s for lost_s, _ in told)
            note = f"wrong: {bad[0]}" if bad else "nothing in the session tells of it"
            yield Row(fault, times, times - len(bad), worst_s, note)
        _end(source)


def _end(source: str) -> None:
    entry = find(source)
    if entry is not None:
        with suppress(RigError), connect(entry) as client:
            client.request("quit", force=True)
        tick_until(lambda: not is_claimed(entry.source))


def _watched(source: str, out: Path, number: int, seed: int) -> tuple[float, str]:
    """Seconds lost, and what is wrong of a session whose watcher got this signal."""
    wish = {"plan": plan_of(SECONDS).model_dump(mode="json"), "subject": "M01", "phase": "test"}
    with ensure(source) as client:
        reply = client.request(
            "start", box="A", wish={**wish, "codec": "lossless"}, out=str(out), seed=seed,
            timeout_s=60.0,
        )  # fmt: skip
        words = [sys.executable, "-c", WATCH, source]
        env = shim.environment(None, out)
        with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) as watcher:
            assert watcher.stdout is not None
            watching = watcher.stdout.readline() == "watches\n"
            threading.Event().wait(0.2)  # in the middle of something
            watcher.send_signal(number)
            again = _attached(source)
            ended = tick_until(
                lambda: client.request("events", box="A", since=1 << 40)["ended"], 60.0
            )
            watcher.kill()
    record = SessionRecord.open(Path(reply["folder"]))
    lost_s = untold_s(record, RATE_HZ)
    if not watching or ended["status"] != "completed":
        return lost_s, f"watched: {watching}; ended as {ended}"
    if again != "running":
        return lost_s, f"another window finds the box {again}"
    verdict = verify(record.folder)
    if not verdict.ok:
        return lost_s, "; ".join(verdict.problems) or "its pictures are found otherwise"
    missed = (record.stop or {}).get("frames_dropped")
    return lost_s, f"{missed} pictures were missed" if missed and missed > 3 else ""


def _attached(source: str) -> str:
    """How the box stands for another window that is opened now, which sees its picture too."""
    entry = find(source)
    assert entry is not None
    with connect(entry) as client:
        state = str(client.request("status")["boxes"]["A"]["state"])
        frame = client.request("preview", box="A").get("frame")
    return state if frame is not None else "without a picture"
