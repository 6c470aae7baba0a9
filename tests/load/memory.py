"""Peak memory of a rescoring against the length of the recording.

python tests/load/memory.py --frames 10000 60000 240000 864000

A small film of an animal that walks is made for each length (H.264, 160x120, 30 frames/s; 864,000
frames are eight hours) and rescored by a process of its own, as a worker does it. Prints a table, a
row a length: the film's size, the process's peak memory, and its frames a second. Exits with 1
where the peak is above the limit.

The pictures themselves weigh the same however many there are: a larger picture adds some of it to
each line alike. `--body` gives the apparatus zones and the entry point body, `--corrected` a
correction, so that frames_raw.csv is written, too.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from rig.model import NS_PER_S
from rig.video import VideoWriter
from tests.small import ARENA

SIZE_PX = (160, 120)
RATE_HZ = 30.0
LIMIT_MIB = 400
TURN = 240
"""Pictures after which the animal is where it began."""
ZONE = '[[zone]]\nname = "corner"\noutline_px = [[90, 30], [150, 30], [150, 110], [90, 110]]\n'
CORRECTION = "frame_from,frame_to,x_px,y_px,lost,reason,who\n5,24,,,1,to see what it costs,load\n"

WORKER = """import sys
from pathlib import Path
from rig.session import rescore
from rig.session.row import Amend
video, apparatus, out, corrections = sys.argv[1:]
amend = Amend(corrections=Path(corrections) if corrections else None)
rescore(Path(video), apparatus=Path(apparatus), out=Path(out), workers=1, amend=amend)
try:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak // 1024 if sys.platform != "darwin" else peak // 1024 // 1024)
except ImportError:
    print(-1)
"""


def make(path: Path, frames: int) -> None:
    """A dark animal that walks to and fro over a light floor."""
    floor = np.full(SIZE_PX[::-1], 200, np.uint8)
    pictures = []
    for k in range(TURN):
        picture = floor.copy()
        x = 8 + abs(k - TURN // 2)
        picture[50:64, x : x + 20] = 20
        pictures.append(picture)
    with path.open("wb") as file, VideoWriter(file, SIZE_PX, RATE_HZ) as video:
        for k in range(frames):
            video.write(pictures[k % TURN], round(k * NS_PER_S / RATE_HZ))


def measure(folder: Path, frames: int, *, body: bool, corrected: bool) -> int:
    """Print the line of one length; gives the peak in MiB."""
    video, apparatus, corrections = folder / "film.mkv", folder / "arena.toml", folder / "c.csv"
    make(video, frames)
    apparatus.write_text(ARENA + (ZONE + '[entry]\npoint = "body"\n' if body else ""))
    corrections.write_text(CORRECTION)
    asked = [str(video), str(apparatus), str(folder / "out"), str(corrections) if corrected else ""]
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", WORKER, *asked], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    took_s = time.perf_counter() - began
    peak = int(done.stdout)
    size = video.stat().st_size / 1e6
    hours = frames / RATE_HZ / 3600
    print(f"{frames:>9} {hours:>7.2f} {size:>9.1f} {peak:>9} {frames / took_s:>10.0f}", flush=True)
    return peak


def main() -> int:
    """Measure each length."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, nargs="+", default=[10_000, 60_000, 240_000])
    parser.add_argument("--body", action="store_true", help="zones, and the entry point body")
    parser.add_argument("--corrected", action="store_true", help="with a file of corrections")
    asked = parser.parse_args()
    print("   frames   hours   film MB  peak MiB   frames/s")
    most = 0
    for frames in asked.frames:
        with tempfile.TemporaryDirectory() as folder:
            peak = measure(Path(folder), frames, body=asked.body, corrected=asked.corrected)
            most = max(most, peak)
    if most > LIMIT_MIB:
        print(f"above {LIMIT_MIB} MiB")
        return 1
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    sys.exit(main())
