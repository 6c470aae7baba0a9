"""What the watch for a bumped camera costs the thread that decides.

python tests/load/watching.py [--seconds S] [--rate HZ] [--bumped]

Pictures of 640x480 come at a camera's pace from a seeded floor with a mouse-sized thing that
walks; each is given to `CameraWatch` as a session gives it, in real time, beside nothing else.
Printed: what `news` and `see` take of the calling thread for each picture (wall and processor
time), and what a look takes in the thread of its own. With `--bumped` the camera stands elsewhere
from the middle on, so that shifts are measured, too. Exits with 1 where the mean is above 0.05 ms
or nothing was looked at.
"""

import argparse
import statistics
import sys
import time

import numpy as np

from rig.model import NS_PER_S, Frame, Gray
from rig.session.watching import CameraWatch
from rig.tracking.standing import Standing
from rig.tracking.threads import use_one_thread

SIZE_PX = (640, 480)
BUDGET_MS = 0.05
BUMP_PX = (5, 3)


def floor(rng: np.random.Generator) -> Gray:
    """A floor with things on it that stand still."""
    picture = rng.integers(150, 200, (SIZE_PX[1] // 8, SIZE_PX[0] // 8), np.uint8)
    return np.kron(picture, np.ones((8, 8), np.uint8))


def main() -> int:
    """Print the figures; 0 where the mean is within its budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=30.0)
    parser.add_argument("--bumped", action="store_true")
    given = parser.parse_args()
    use_one_thread()
    reference = floor(np.random.default_rng(1))
    bumped = np.roll(reference, BUMP_PX, (1, 0))
    looks_ms: list[float] = []
    own = Standing.look

    def timed(self: Standing, *picture: object) -> object:
        began = time.perf_counter()
        try:
            return own(self, *picture)  # type: ignore[arg-type]
        finally:
            looks_ms.append((time.perf_counter() - began) * 1e3)

    Standing.look = timed  # type: ignore[assignment, method-assign]
    watch = CameraWatch(reference, None, real=True)
    walls_ms, cpus_ms, news = [], [], []
    count, began = round(given.seconds * given.rate), time.perf_counter()
    for k in range(count):
        image = (bumped if given.bumped and 2 * k > count else reference).copy()
        x = 100 + abs((k * 3) % 800 - 400)
        image[200:220, x : x + 40] = 20
        wait_s = began + k / given.rate - time.perf_counter()
        if wait_s > 0:
            time.sleep(wait_s)
        frame = Frame(image=image, index=k, t_ns=round(k * NS_PER_S / given.rate))
        wall, cpu = time.perf_counter(), time.thread_time()
        told = watch.news()
        watch.see(frame)
        walls_ms.append((time.perf_counter() - wall) * 1e3)
        cpus_ms.append((time.thread_time() - cpu) * 1e3)
        if told is not None:
            news.append(told)
    watch.close()
    for what, taken in (("wall", walls_ms), ("processor", cpus_ms)):
        ordered, mean = sorted(taken), statistics.mean(taken)
        p50, p99 = ordered[count // 2], ordered[99 * count // 100]
        print(f"{what:10} ms a picture: mean {mean:.4f}, p50 {p50:.4f}, p99 {p99:.3f}, ", end="")
        print(f"max {ordered[-1]:.3f}")
    look_ms = statistics.median(looks_ms or [0.0])
    print(f"{len(looks_ms)} looks beside it, ms each: {look_ms:.2f} in the median")
    for one in news:
        print(f"told: {one.how}, {one.move.dx_px:g}, {one.move.dy_px:g} px")
    within = statistics.mean(walls_ms) <= BUDGET_MS and bool(looks_ms)
    print(f"{count} pictures at {given.rate:g} a second; budget {BUDGET_MS} ms: {within=}")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
