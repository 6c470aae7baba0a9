"""One table over all recordings: `placepref rescore` as a person runs it, against what is known.

python tests/accuracy/table.py [NAME ...] [--minutes M]

Real recordings lie in ../shared/data; simulated ones are those of simulated.py. Each is scored by
a process of its own with default settings and all files written, and then decoded only, by
`ffmpeg -i FILE -f null -` at its own choice of threads. Prints a line for each (median and 99th
percentile of the error in px and in % of body length; frames lost while the animal is there;
positions given while it is not; seconds and entries in each chamber, ours/reference; frames a
second; share of the speed of decoding) and exits with 1 where one is beyond its limits.
"""

import csv
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rig.apparatus import Apparatus, parse
from rig.hardware.simulated.boxes import Truth
from rig.model import NS_PER_S
from rig.video import VideoFile
from tests.accuracy import simulated
from tests.accuracy.tracktor import SHARED, columns

HERE = Path(__file__).parents[2]
RESCORE = "from protocols.cli import main; main()"
Points = list[Truth | None]


@dataclass(frozen=True)
class Limits:
    """Error in shares of body length, time in a wrong chamber as a share of all of it."""

    median: float
    p99: float
    wrong: float
    entries_in_5_min: int


@dataclass(frozen=True)
class Known:
    """A recording and what is known of it.

    `points`: the reference at each frame, None where no animal is. `labelled`: the frames at
    which it holds; None: all. `in_zones`: whether time and entries follow from it.
    """

    name: str
    file: Path
    apparatus: Path
    points: Points
    body_px: float
    limits: Limits
    labelled: tuple[int, ...] | None = None
    in_zones: bool = True


def point(x_px: float, y_px: float) -> Truth | None:
    known = math.isfinite(x_px) and math.isfinite(y_px)
    return Truth(x_px, y_px, 0.0, 0.0, 0.0, 0.0, "") if known else None


def real(scratch: Path) -> Iterator[Known]:
    folder = SHARED / "tracktor-mouse"
    tracks = columns(folder / "published_tracks.csv")
    # the figures for published trackers, of a body of 37 px
    far = {"tracktor": (3.0, 10.0), "idtracker": (4.0, 10.0), "toxtrac": (3.0, math.inf)}
    for name, (median, p99) in far.items():
        pairs = zip(tracks[f"{name}_x_px"], tracks[f"{name}_y_px"], strict=True)
        points = [point(float(x), float(y)) for x, y in pairs]
        known = tuple(k for k, one in enumerate(points) if one is not None)
        limits = Limits(median / 37, p99 / 37, 0.005, 1)
        yield Known(
            f"tracktor / {name}", folder / "mouse_video.mp4", folder / "apparatus.toml",
            points, 37.0, limits, known, in_zones=len(known) == len(points),
        )  # fmt: skip
    folder = SHARED / "branco-escape"
    labels = columns(folder / "eye_labels.csv")
    frames = tuple(int(frame) for frame in labels["frame"])
    by_eye: Points = [None] * 300
    for frame, x, y in zip(frames, labels["x_px"], labels["y_px"], strict=True):
        by_eye[frame] = point(float(x), float(y))
    angles = np.radians(np.arange(0, 360, 10))
    rim = [[round(382 + 331 * np.cos(a)), round(378 + 331 * np.sin(a))] for a in angles]
    file = scratch / "platform.toml"
    file.write_text(
        'name = "platform"\nframe_size_px = [760, 760]\npx_per_cm = 7.2\n'
        f'[[chamber]]\nname = "platform"\noutline_px = {rim}\n',
        encoding="utf-8",
    )
    yield Known(
        "branco / by eye", folder / "circle_wall_up_CA3481_visual-0.avi", file,
        by_eye, 65.0, Limits(0.12, 0.40, 0.0, 0), frames, in_zones=False,
    )  # fmt: skip


def made(scene: simulated.Scene, scratch: Path, minutes: float) -> Known:
    file, apparatus_file = scratch / "video.mkv", scratch / "apparatus.toml"
    apparatus, truths = simulated.record(scene, file, minutes)
    apparatus_file.write_text(simulated.toml(apparatus), encoding="utf-8")
    limits = Limits(simulated.MEDIAN, simulated.P99, simulated.WRONG, 0)
    body_px = simulated.BODY_CM * apparatus.px_per_cm_mean
    points = [truth for _, truth in truths]
    return Known(f"simulated, {scene.name}", file, apparatus_file, points, body_px, limits)


def process_s(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(
        command, check=True, cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - began


def line(known: Known, scratch: Path) -> tuple[str, bool]:
    """The recording's line, and whether it is within its limits."""
    out = scratch / f"out-{known.name.replace('/', '-')}"
    options = ["rescore", str(known.file), "--apparatus", str(known.apparatus), "--out", str(out)]
    took_s = process_s([sys.executable, "-c", RESCORE, *options])
    decode_s = process_s(["ffmpeg", "-i", str(known.file), "-f", "null", "-"])
    folder = out / known.file.stem
    with (folder / "frames.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (folder / "summary.csv").open(encoding="utf-8") as file:
        (summary,) = csv.DictReader(file)
    px, lost, invented = errors(known, rows)
    median, p99 = (float(np.percentile(px, q)) for q in (50, 99))
    apparatus = parse(known.apparatus.read_text(encoding="utf-8"), str(known.apparatus))
    zones, wrong, apart = in_zones(known, apparatus, summary)
    limits = known.limits
    spans = max(1.0, float(summary["test_s"]) / 300)
    good = (
        median <= limits.median * known.body_px and p99 <= limits.p99 * known.body_px
        and wrong <= limits.wrong and apart <= limits.entries_in_5_min * spans
        and not lost and not invented
    )  # fmt: skip
    text = (
        f"{known.name:36}{median:6.2f}{p99:7.2f}"
        f"{100 * median / known.body_px:7.1f}{100 * p99 / known.body_px:6.1f}"
        f"{100 * lost / len(rows):7.2f}{invented:6d}{len(rows) / took_s:7.0f}"
        f"{decode_s / took_s:6.2f}  {zones}{'' if good else '  BEYOND'}"
    )
    return text, good


def errors(known: Known, rows: list[dict[str, str]]) -> tuple[list[float], int, int]:
    """Errors in px, frames lost while the animal is there, positions given while it is not."""
    off, lost, invented = [], 0, 0
    for k, (row, true) in enumerate(zip(rows, known.points, strict=True)):
        if true is not None and row["x_px"]:
            off.append(math.hypot(float(row["x_px"]) - true.x_px, float(row["y_px"]) - true.y_px))
        elif true is not None or (known.labelled is not None and not row["x_px"]):
            lost += 1
        elif row["x_px"]:
            invented += known.labelled is None or k in known.labelled
    return off or [0.0], lost, invented


def in_zones(known: Known, apparatus: Apparatus, summary: dict[str, str]) -> tuple[str, float, int]:
    """Seconds and entries by chamber in words, the share of time and the entries that differ."""
    names = apparatus.chamber_names
    ours_s = [float(summary[f"time_{name}_s"]) for name in names]
    ours_n = [int(summary[f"entries_{name}"]) for name in names]
    if not known.in_zones:
        pairs = zip(names, ours_s, ours_n, strict=True)
        return "; ".join(f"{name} {s:.1f} s, {n}" for name, s, n in pairs), 0.0, 0
    video = VideoFile.open(known.file)
    truths = list(zip(video.times_ns, known.points, strict=True))
    true = simulated.scored(apparatus, truths, video.rate_hz)
    true_s = [(a + b) / NS_PER_S for a, b in zip(true.seen_ns, true.inferred_ns, strict=True)]
    words = "; ".join(
        f"{name} {a:.1f}/{b:.1f} s, {n}/{m}"
        for name, a, b, n, m in zip(names, ours_s, true_s, ours_n, true.entries, strict=True)
    )
    wrong = sum(abs(a - b) for a, b in zip(ours_s, true_s, strict=True)) / 2
    apart = sum(abs(n - m) for n, m in zip(ours_n, true.entries, strict=True))
    return words, wrong / max(true.scored_ns / NS_PER_S, 1e-9), apart


def main(arguments: list[str]) -> int:
    """Print the table; 0 where everything is within its limits."""
    minutes = 2.0
    if "--minutes" in arguments:
        at = arguments.index("--minutes")
        minutes = float(arguments[at + 1])
        arguments = arguments[:at] + arguments[at + 2 :]
    print(f"{'':36}  error, px   % of body   lost  none frames    of")
    print(f"{'':36}median  p99  median  p99      %  none     /s decoding  by chamber: s, entries")
    fine = True

    def show(known: Known, scratch: Path) -> None:
        nonlocal fine
        text, good = line(known, scratch)
        print(text, flush=True)
        fine &= good

    with tempfile.TemporaryDirectory() as folder:
        if not SHARED.is_dir():
            print(f"the real recordings are not there: {SHARED}", file=sys.stderr)
        for known in real(Path(folder)) if SHARED.is_dir() else ():
            if not arguments or known.name in arguments:
                show(known, Path(folder))
    for scene in simulated.SCENES:
        if not arguments or scene.name in arguments:
            with tempfile.TemporaryDirectory() as folder:
                show(made(scene, Path(folder), minutes), Path(folder))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
