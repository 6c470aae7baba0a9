"""`bench`: what this machine does, as ratios where that is possible."""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from protocols.asking import find_protocol
from protocols.cli.table import lines, progress
from protocols.protocol import plan_session, settings
from rig import tracking
from rig.errors import ConfigError, RigError
from rig.rigfile import Box
from rig.session import Wish, load_apparatus, load_rig, record
from rig.session.load import LoadedBox
from rig.session.prepare import check_size
from rig.session.seeing import median
from rig.tracking.threads import use_one_thread
from rig.video import VideoFile

SIMULATED_S = 120
PAIRS = 5
BLOCK = 16

Row = tuple[str, str, str, str]

_DECODE = "import sys; from rig.video import VideoFile; all(VideoFile.open(sys.argv[1]).read())"
_RESCORE = "from protocols.cli import main; main()"


def bench(video: Path | None, apparatus: Path | None) -> int:
    """Print the figures; those on a recording only where one is given."""
    if video is not None:
        if apparatus is None:
            raise ConfigError("--apparatus", "", f"missing: the apparatus file of {video}")
        box = LoadedBox(Box(apparatus=""), load_apparatus(apparatus), str(apparatus), None)
        check_size(box, VideoFile.open(video).size_px, video.name)
    use_one_thread()
    print(_machine(), flush=True)
    rows: list[Row] = []
    with progress("measuring") as told, tempfile.TemporaryDirectory() as scratch:
        if video is not None and apparatus is not None:
            rows.append(_detection(video, apparatus))
            told(1, 2 + PAIRS)
        rows.append(_simulated(Path(scratch)))
        if video is not None and apparatus is not None:
            rows += _rescoring(
                video, apparatus, Path(scratch), lambda pair: told(2 + pair, 2 + PAIRS)
            )
    print(lines(rows, ("what", "figure", "budget", "how")))
    if video is None:
        print("give a VIDEO and --apparatus to measure detection and rescoring too")
    return 0


def _machine() -> str:
    parts = [f"{os.cpu_count()} cores", platform.machine(), platform.system()]
    parts.append(f"Python {platform.python_version()}")
    if hasattr(os, "getloadavg"):  # POSIX only
        parts.append(f"load {os.getloadavg()[0]:.2f} before")
    return ", ".join(parts)


def _detection(path: Path, apparatus_file: Path) -> Row:
    video, apparatus = VideoFile.open(path), load_apparatus(apparatus_file)
    seen = median(video, apparatus)
    prepared = tracking.prepare(apparatus, seen.background, video.rate_hz, seen.samples)
    pictures, prior, n, took_ns = video.read(), None, 0, 0
    while block := list(islice(pictures, BLOCK)):
        began_ns = time.thread_time_ns()  # what other programs take of the processor is not in it
        for _, t_ns, image in block:
            detection = tracking.choose(tracking.find(image, prepared), prior, t_ns)
            prior = tracking.next_prior(prior, detection, t_ns)
        took_ns += time.thread_time_ns() - began_ns
        n += len(block)
    size = "x".join(map(str, video.size_px))
    how = f"one thread, {n} pictures"
    return (f"detection {size}", f"{took_ns / n / 1e6:.3f} ms a picture", "0.3", how)


def _simulated(scratch: Path) -> Row:
    loaded = load_rig("sim")
    protocol, _ = find_protocol("cocaine-cpp")
    plan = plan_session(
        protocol,
        "pretest",
        loaded.box_named(None).apparatus,
        values=settings(protocol, [f"test_s={SIMULATED_S}"]),
    )
    began = time.perf_counter()
    session = record(Wish(plan=plan, subject="bench", phase="pretest"), loaded, out=scratch)
    took_s = time.perf_counter() - began
    simulated_s = float(session.summary["end_s"])
    size = "x".join(map(str, loaded.rig.camera.frame_size_px or ()))
    how = f"{size} at {loaded.rig.camera.rate_hz:g} Hz, recorded"
    return ("simulated session", f"{simulated_s / took_s:.0f} x real time", "", how)


def _rescoring(
    path: Path, apparatus: Path, scratch: Path, told: Callable[[int], None]
) -> list[Row]:
    """Decoding only and rescoring in turn, each from the start of its process to its end."""
    frames = VideoFile.open(path).frames
    ratios, rates = [], []
    for pair in range(PAIRS):
        decode_s = _process_s(_DECODE, str(path))
        out = scratch / f"scored-{pair}"
        options = ("--apparatus", str(apparatus), "--out", str(out))
        score_s = _process_s(_RESCORE, "rescore", str(path), *options)
        ratios.append(decode_s / score_s)
        rates.append(frames / score_s)
        told(pair + 1)
    how = f"processes, median of {PAIRS} pairs"
    return [
        ("rescoring", f"{statistics.median(ratios):.2f} of decoding", "0.8", how),
        ("", f"{statistics.median(rates):.0f} pictures/s", "", "all files written"),
    ]


def _process_s(program: str, *arguments: str) -> float:
    """Wall time of a Python process."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise RigError(f"bench: the process measured ended with {done.returncode}")
    return time.perf_counter() - began
