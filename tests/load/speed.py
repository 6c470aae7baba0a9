"""How fast `placepref rescore` is beside decoding only: whole processes in turn, medians.

python tests/load/speed.py [FILE APPARATUS] [--minutes M] [--times N]

FILE is H.264, best of 640x480; without it a film of the simulated rig is made. Each figure is taken
from whole processes, all files written, one kind after the other in every round:

* one video: `placepref rescore` at its defaults, and `ffmpeg -i FILE -f null -` at FFmpeg's own
  choice of threads (budget: 0.8 of its speed);
* two workers: two copies of the video with `--threads 1`, by one worker and by two; and two
  `ffmpeg -threads 1`, one after the other and both at once (budget: 0.85 of the gain).

Exits with 1 where a median is below its budget.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.accuracy import simulated

RESCORE = [sys.executable, "-c", "from protocols.cli import main; main()", "rescore"]
SPEED, GAIN = 0.8, 0.85


def ffmpeg(file: Path, *options: str) -> list[str]:
    """The command that decodes a file and keeps nothing."""
    return ["ffmpeg", "-nostdin", *options, "-i", str(file), "-f", "null", "-"]


def took_s(*commands: Sequence[str]) -> float:
    """How long the commands took, begun at once, s.

    Raises SystemExit where one failed.
    """
    # an installed program has its modules compiled; one that runs from its sources, only if asked
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    running = [
        subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env
        )
        for command in commands
    ]
    for process in running:
        _, said = process.communicate()
        if process.returncode:
            raise SystemExit(said)
    return time.perf_counter() - began


def film(folder: Path, minutes: float) -> tuple[Path, Path]:
    """A simulated recording as a lab's camera saves it, and its apparatus."""
    lossless = folder / "lossless.mkv"
    (scene,) = (s for s in simulated.SCENES if s.name == "plain")
    apparatus, _ = simulated.record(scene, lossless, minutes)
    (folder / "apparatus.toml").write_text(simulated.toml(apparatus), encoding="utf-8")
    video = folder / "video.mp4"
    encode = ["-c:v", "libx264", "-preset", "medium", "-crf", "23", "-pix_fmt", "yuv420p"]
    took_s(["ffmpeg", "-nostdin", "-i", str(lossless), *encode, str(video)])
    lossless.unlink()
    return video, folder / "apparatus.toml"


def main() -> int:
    """Print the figures; 0 where both medians are within their budgets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("apparatus", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--times", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        video, apparatus = given.file, given.apparatus
        if video is None:
            video, apparatus = film(folder, given.minutes)
        if apparatus is None:
            parser.error("a FILE needs its APPARATUS")
        pair = [folder / f"{name}{video.suffix}" for name in ("one", "two")]
        for copy in pair:
            shutil.copyfile(video, copy)
        turn = 0

        def rescored_s(files: Sequence[Path], *options: str) -> float:
            nonlocal turn
            turn += 1  # a folder of its own: what is done already is not repeated
            out = ["--apparatus", str(apparatus), "--out", str(folder / f"out-{turn}")]
            took = took_s([*RESCORE, *map(str, files), *out, *options])
            shutil.rmtree(folder / f"out-{turn}")
            return took

        single = ("--threads", "1")
        print(
            "round  rescore  ffmpeg    of   1 worker  2 workers  gain   ffmpeg  at once  gain    of"
        )
        speeds, gains = [], []
        for k in range(given.times):
            ours_s = rescored_s([video])
            theirs_s = took_s(ffmpeg(video))
            speeds.append(theirs_s / ours_s)
            one_s = rescored_s(pair, "--workers", "1", *single)
            two_s = rescored_s(pair, "--workers", "2", *single)
            lone = [ffmpeg(copy, "-threads", "1") for copy in pair]
            turns_s = sum(took_s(command) for command in lone)
            both_s = took_s(*lone)
            gains.append((one_s / two_s) / (turns_s / both_s))
            print(
                f"{k + 1:5}{ours_s:8.1f}s{theirs_s:7.1f}s{speeds[-1]:6.2f}{one_s:10.1f}s"
                f"{two_s:10.1f}s{one_s / two_s:6.2f}{turns_s:8.1f}s{both_s:8.1f}s"
                f"{turns_s / both_s:6.2f}{gains[-1]:6.2f}",
                flush=True,
            )
    speed, gain = statistics.median(speeds), statistics.median(gains)
    print(f"{os.cpu_count()} cores; medians: {speed:.2f} of ffmpeg (budget {SPEED}), ", end="")
    print(f"{gain:.2f} of its gain by two (budget {GAIN})")
    return 0 if speed >= SPEED and gain >= GAIN else 1


if __name__ == "__main__":
    sys.exit(main())
