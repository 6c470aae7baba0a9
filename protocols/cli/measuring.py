"""`bench`: what this machine does, as ratios where that is possible."""

import os
import platform
import tempfile
import time
from pathlib import Path

from protocols.cli.describing import find_protocol
from protocols.cli.table import lines
from protocols.protocol import plan_session, settings
from rig import tracking
from rig.errors import ConfigError
from rig.rigfile import Box
from rig.session import Wish, load_apparatus, load_rig, record, rescore
from rig.session.load import LoadedBox
from rig.session.prepare import check_size, median
from rig.tracking.threads import use_one_thread
from rig.video import VideoFile

SIMULATED_S = 120
ROUNDS = 3


def bench(video: Path | None, apparatus: Path | None) -> int:
    """Print the figures; those on a recording only where one is given."""
    if video is not None:
        if apparatus is None:
            raise ConfigError("--apparatus", "", f"missing: the apparatus file of {video}")
        box = LoadedBox(Box(apparatus=""), load_apparatus(apparatus), str(apparatus), None)
        check_size(box, VideoFile.open(video).size_px, video.name)
    use_one_thread()
    rows: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory() as scratch:
        rows.append(_simulated(Path(scratch)))
        if video is not None and apparatus is not None:
            rows += _detection(video, apparatus)
            rows += _rescoring(video, apparatus, Path(scratch))
    print(f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}")
    print(lines(rows, ("what", "figure", "how")))
    if video is None:
        print("give a VIDEO and --apparatus to measure detection and rescoring too")
    return 0


def _simulated(scratch: Path) -> tuple[str, str, str]:
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
    how = f"{size}, {loaded.rig.camera.rate_hz:g} Hz, drawn, tracked, recorded"
    return ("simulated session", f"{simulated_s / took_s:.0f} x real time", how)


def _detection(path: Path, apparatus_file: Path) -> list[tuple[str, str, str]]:
    video, apparatus = VideoFile.open(path), load_apparatus(apparatus_file)
    seen = median(video, LoadedBox(Box(apparatus=""), apparatus, str(apparatus_file), None))
    prepared = tracking.prepare(apparatus, seen.background, video.rate_hz, seen.samples)
    prior, n, took_ns = None, 0, 0
    for index, t_ns, image in video.read():
        began = time.perf_counter_ns()
        detection = tracking.choose(tracking.find(image, prepared), prior, t_ns)
        prior = tracking.next_prior(prior, detection, t_ns)
        took_ns += time.perf_counter_ns() - began
        n = index + 1
    size = f"{video.size_px[0]}x{video.size_px[1]}"
    return [("detection", f"{took_ns / n / 1e6:.3f} ms a frame", f"{size}, one thread, {n} frames")]


def _rescoring(path: Path, apparatus: Path, scratch: Path) -> list[tuple[str, str, str]]:
    ratios, rates = [], []
    for i in range(ROUNDS):
        began = time.perf_counter()
        frames = sum(1 for _ in VideoFile.open(path).read())
        decode_s = time.perf_counter() - began
        began = time.perf_counter()
        rescore(path, apparatus=apparatus, out=scratch / f"scored-{i}")
        score_s = time.perf_counter() - began
        ratios.append(decode_s / score_s)
        rates.append(frames / score_s)
    middle = sorted(ratios)[ROUNDS // 2]
    rate = sorted(rates)[ROUNDS // 2]
    how = f"median of {ROUNDS}, all files written"
    return [
        ("rescoring", f"{middle:.2f} of decoding only", how),
        ("", f"{rate:.0f} frames/s", how),
    ]
