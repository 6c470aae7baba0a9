"""How far the tracker is from published positions of real mice, and how long a picture takes.

python tests/accuracy/tracktor.py

Reads ../shared/data/tracktor-mouse and branco-escape with default settings, prints tables and
exits with 1 if a figure of the tracktor clip is beyond its limit. The time is told, not judged.
"""

import csv
import os
import pickle
import sys
import time
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np

from rig.apparatus import Apparatus, parse
from rig.model import Detection
from rig.tracking import (
    Prepared,
    background_from,
    choose,
    contrast,
    find,
    next_prior,
    prepare,
    reach,
)
from rig.video import VideoFile

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
HYSTERESIS_PX = 5.0
DWELL_S = 0.2


def track(
    file: Path, apparatus: Apparatus, sample: int = 48
) -> tuple[Prepared, list[Detection], VideoFile, list[int]]:
    """Every frame's detection, in order, and the processor time each took in ns."""
    video = VideoFile.open(file)
    stack = video.sample(sample)
    background = background_from(stack, apparatus.tracking.animal, reach(apparatus))
    prepared = prepare(apparatus, background, video.rate_hz, tuple(stack))
    prior, detections, took_ns = None, [], []
    pictures = video.read()
    # decoded first, 16 at a time, so that decoding neither runs beside nor is in the time
    while block := list(islice(pictures, 16)):
        for picture in block:
            start = time.thread_time_ns()
            detection = choose(find(picture.image, prepared), prior, picture.t_ns)
            prior = next_prior(prior, detection, picture.t_ns)
            took_ns.append(time.thread_time_ns() - start)
            detections.append(detection)
    return prepared, detections, video, took_ns


def crossings(x_px: np.ndarray, line_px: float, rate_hz: float) -> int:
    """Changes of side: past the line by the hysteresis, and there for the least dwell."""
    side, since, count = np.sign(x_px[0] - line_px), None, 0
    for k, x in enumerate(x_px):
        beyond = (x - line_px) * -side
        if since is None:
            since = k if beyond >= HYSTERESIS_PX else None
        elif beyond <= 0:
            since = None
        if since is not None and (k - since) / rate_hz >= DWELL_S:
            side, since, count = -side, None, count + 1
    return count


def columns(file: Path) -> dict[str, np.ndarray]:
    with file.open() as lines:
        rows = list(csv.DictReader(lines))
    return {key: np.array([float(row[key] or "nan") for row in rows]) for key in rows[0]}


def positions(detections: list[Detection]) -> np.ndarray:
    return np.array([(d.x_px, d.y_px) if d.found else (np.nan, np.nan) for d in detections], float)


def told(prepared: Prepared, took_ns: list[int]) -> None:
    print("settings  ", prepared.settings.model_dump(mode="json"))
    print("contrast  ", contrast(prepared))
    took = np.array(took_ns[20:]) / 1e6
    spread = " ".join(f"p{q} {np.percentile(took, q):.3f}" for q in (50, 95, 99))
    print(f"cpu/frame  mean {took.mean():.3f} {spread} ms, {os.cpu_count()} cores, one thread")
    print(f"prepared   {len(pickle.dumps(prepared)) / 1e6:.1f} MB pickled")


def tracktor() -> bool:
    folder = SHARED / "tracktor-mouse"
    apparatus = parse((folder / "apparatus.toml").read_text(), "apparatus.toml")
    prepared, detections, video, took_ns = track(folder / "mouse_video.mp4", apparatus)
    published = columns(folder / "published_tracks.csv")
    ours = positions(detections)
    print(f"\ntracktor-mouse, {len(ours)} frames")
    told(prepared, took_ns)
    good = bool(np.isfinite(ours).all())
    print(f"found      {np.isfinite(ours[:, 0]).sum()} of {len(ours)}")
    limits = {"tracktor": (3.0, 10.0), "idtracker": (4.0, 10.0), "toxtrac": (3.0, np.inf)}
    for name, (median, far) in limits.items():
        theirs = np.stack([published[f"{name}_x_px"], published[f"{name}_y_px"]], axis=1)
        off = np.hypot(*(ours - theirs).T)
        bias = np.nanmedian(ours - theirs, axis=0)
        p50, p99 = np.nanpercentile(off, 50), np.nanpercentile(off, 99)
        both = np.isfinite(off)
        share = abs(np.mean(ours[both, 0] < 309) - np.mean(theirs[both, 0] < 309)) * 100
        fits = p50 <= median and p99 <= far and (name == "toxtrac" or share <= 0.5)
        good &= bool(fits)
        print(
            f"{name:10s} median {p50:5.2f} p95 {np.nanpercentile(off, 95):5.2f} p99 {p99:5.2f} "
            f"max {np.nanmax(off):6.2f} px  bias {bias[0]:+.2f} {bias[1]:+.2f}  "
            f"share {share:.2f} points  {'ok' if fits else 'BEYOND'}"
        )
    count = crossings(ours[:, 0], 309.0, video.rate_hz)
    good &= count == 15
    left = np.mean(ours[:, 0] < 309)
    print(f"left       {left:.4f}   crossings {count} {'ok' if count == 15 else 'BEYOND'}")
    area = np.array([d.area_px for d in detections])
    several = np.bincount([d.candidates for d in detections])
    print(f"area px    {np.percentile(area, [0, 1, 50, 99, 100])}")
    print(f"candidates {several}  jumps {sum(d.jump for d in detections)}")
    pose(detections, ours, apparatus.px_per_cm_mean, video.rate_hz)
    return good


def pose(detections: list[Detection], ours: np.ndarray, px_per_cm: float, rate_hz: float) -> None:
    """Heading against the direction of running: the only truth that the clip holds."""
    heading = np.array([np.nan if d.heading_deg is None else d.heading_deg for d in detections])
    step = np.full_like(ours, np.nan)
    step[2:-2] = ours[4:] - ours[:-4]
    speed = np.hypot(*step.T) / 4 * rate_hz / px_per_cm
    off = np.abs((heading - np.degrees(np.arctan2(step[:, 1], step[:, 0])) + 180) % 360 - 180)
    running = (speed > 8) & np.isfinite(heading)
    known = np.isfinite(heading)
    flips = sum(
        abs((b - a + 180) % 360 - 180) > 90
        for a, b in pairwise(heading)
        if np.isfinite(a) and np.isfinite(b)
    )
    print(
        f"heading    in {known.mean():.1%} of frames; running: {running.sum()} frames, "
        f"median off {np.nanmedian(off[running]):.1f} deg, "
        f"backwards (>90) {np.mean(off[running] > 90):.2%}; turns >90 a frame: {flips}"
    )


def branco() -> None:
    folder = SHARED / "branco-escape"
    angles = np.radians(np.arange(0, 360, 10))
    rim = ", ".join(f"[{382 + 331 * np.cos(a):.0f}, {378 + 331 * np.sin(a):.0f}]" for a in angles)
    apparatus = parse(
        f'name = "platform"\nframe_size_px = [760, 760]\npx_per_cm = 7.2\n'
        f'[[chamber]]\nname = "platform"\noutline_px = [{rim}]\n',
        "platform",
    )
    file = folder / "circle_wall_up_CA3481_visual-0.avi"
    prepared, detections, _, took_ns = track(file, apparatus)
    labels = columns(folder / "eye_labels.csv")
    frames = labels["frame"].astype(int)
    ours = positions(detections)
    off = np.hypot(ours[frames, 0] - labels["x_px"], ours[frames, 1] - labels["y_px"]) / 65 * 100
    print(f"\nbranco-escape, {len(ours)} frames")
    told(prepared, took_ns)
    print(f"found      {np.isfinite(ours[:, 0]).sum()} of {len(ours)}")
    print(
        f"off        median {np.nanmedian(off):.0f}, p99 {np.nanpercentile(off, 99):.0f} % of body "
        f"length;",
        dict(zip(frames.tolist(), np.round(off).tolist(), strict=True)),
    )
    print(
        "reasons   ",
        {str(d.reason): 0 for d in detections}
        | {r: sum(d.reason == r for d in detections) for r in {d.reason.value for d in detections}},
    )


if __name__ == "__main__":
    cv2.setNumThreads(1)
    if not SHARED.is_dir():
        sys.exit(f"the recordings are not there: {SHARED}")
    fits = tracktor()
    branco()
    sys.exit(0 if fits else 1)
