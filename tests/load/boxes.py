"""Boxes under load: sessions in real time, tracked and recorded as at a rig, and what they lost.

python tests/load/boxes.py --cameras 1 --boxes-per-camera 4 --seconds 120

Each camera is a station, a process of its own as `placepref run` starts it; its boxes are crops
of one picture. The camera is a film of mice that walk, repeated from memory (`repeat = true` in
the rig file), so that neither drawing nor decoding is measured. Prints a table, a row a box:

    due       pictures that the camera showed from the session's first to its end, by the clock
    captured  rows in frames.csv
    written   pictures in the video, counted
    dropped   gaps in the index up to a second after the last box has begun, and after it
    ms        picture due to commands handed over, from summary.csv
    replay    what `placepref verify` says

Exits with 1 if a session did not end as planned, if due is not captured and dropped together, if
captured and written differ, if a folder does not verify, or if more pictures were dropped after
the first second than allowed. Latency and memory are told, and judged only where it is asked for
(--p50, --p99: ms in each box; --grows: peak MB of a station from 10 s on): they are the machine's
too, and what else runs on it is told beside them.

Sixteen boxes on two cores for ten minutes, within the design's budgets, in both forms:

python tests/load/boxes.py --seconds 600 --p50 3 --p99 10 --grows 8 --cameras 4
python tests/load/boxes.py --seconds 600 --p50 3 --p99 10 --grows 8 \
    --cameras 16 --boxes-per-camera 1
"""

import argparse
import csv
import math
import multiprocessing
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rig import png
from rig.channel import ChannelClient, Entry, connect, ensure, find
from rig.errors import RigError
from rig.model import NS_PER_S
from rig.session import verify
from rig.storage import SessionRecord
from rig.video import VideoFile, VideoWriter, count_frames

NOISE = 2.0
"""Standard deviation of each pixel, in grey levels."""
TURN_S = 4.0
"""Length of the film: the mouse is then where it began."""
FIRST_S = 1.0
"""What is dropped up to so long after the last box has begun is the start's."""
EARLY_S = 10.0
"""When memory is read for the first time: what a session needs is there by then."""
SPARE_S = 60.0
"""How much longer than planned the sessions may take, with the completing of their files."""
RUNTIME = "PLACEPREF_RUNTIME"

APPARATUS = """name = "three chambers"
frame_size_px = [{width}, {height}]
px_per_cm = {scale}
tracking = {{ animal = "darker" }}
chamber = [
  {{ name = "left", outline_px = [[{x0}, {y0}], [{x1}, {y0}], [{x1}, {y1}], [{x0}, {y1}]] }},
  {{ name = "centre", outline_px = [[{x1}, {y0}], [{x2}, {y0}], [{x2}, {y1}], [{x1}, {y1}]] }},
  {{ name = "right", outline_px = [[{x2}, {y0}], [{x3}, {y0}], [{x3}, {y1}], [{x2}, {y1}]] }},
]
doorway = [
  {{ name = "left", between = ["left", "centre"], line_px = [[{x1}, {d0}], [{x1}, {d1}]] }},
  {{ name = "right", between = ["centre", "right"], line_px = [[{x2}, {d0}], [{x2}, {d1}]] }},
]
"""

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Options:
    """What is run."""

    cameras: int
    boxes_per_camera: int
    size_px: tuple[int, int]  # of a box
    rate_hz: float
    seconds: float
    codec: str
    allow_dropped: int
    most_ms: tuple[float | None, float | None] = None, None  # p50 and p99 of each box
    grows_mb: float | None = None  # of each station, after the first seconds

    @property
    def boxes(self) -> list[tuple[str, tuple[int, int]]]:
        """Name of each box of a camera, and where its part of the picture begins."""
        width, height = self.size_px
        across = self._across
        return [
            (chr(ord("A") + k), (k % across * width, k // across * height))
            for k in range(self.boxes_per_camera)
        ]

    @property
    def frame_size_px(self) -> tuple[int, int]:
        """The camera's picture: its boxes side by side and below one another."""
        down = math.ceil(self.boxes_per_camera / self._across)
        return self._across * self.size_px[0], down * self.size_px[1]

    @property
    def _across(self) -> int:
        return math.ceil(math.sqrt(self.boxes_per_camera))


# what the cameras see


def floor(size_px: tuple[int, int]) -> tuple[Picture, str, float]:
    """A box of three chambers without its animal, its apparatus file, and its px per cm."""
    width, height = size_px
    scale = math.floor(10 * min(width / 50, height / 23)) / 10  # 47 x 20 cm and some room
    left, top = (width - 47 * scale) / 2, (height - 20 * scale) / 2
    x = [round(left + cm * scale) for cm in (0, 20, 27, 47)]
    y = [round(top), round(top + 20 * scale)]
    d = [round(height / 2 + cm * scale) for cm in (-2.5, 2.5)]
    picture = np.full((height, width), 60, np.uint8)
    for chamber, level in enumerate((200, 180, 160)):
        picture[y[0] : y[1], x[chamber] : x[chamber + 1]] = level
    ends = {f"x{k}": at for k, at in enumerate(x)} | {"y0": y[0], "y1": y[1]}
    text = APPARATUS.format(width=width, height=height, scale=scale, d0=d[0], d1=d[1], **ends)
    return picture, text, scale


def draw_mouse(picture: Picture, angle: float, scale: float) -> None:
    """A mouse with a tail on an eight through both doorways; `angle` is how far it has come."""
    height, width = picture.shape
    x, y = width / 2 + 15 * scale * math.sin(angle), height / 2 + 4 * scale * math.sin(2 * angle)
    heading = math.atan2(8 * math.cos(2 * angle), 15 * math.cos(angle))
    dx, dy = math.cos(heading), math.sin(heading)
    tail = [round(v - far * scale * d) for far in (3, 8) for v, d in ((x, dx), (y, dy))]
    cv2.line(picture, (tail[0], tail[1]), (tail[2], tail[3]), 60, max(1, round(0.3 * scale)))
    axes = (round(4 * scale), round(1.6 * scale))
    cv2.ellipse(picture, (round(x), round(y)), axes, math.degrees(heading), 0, 360, 30, -1)


def write_film(path: Path, options: Options) -> None:
    """A mouse in each box, each at another place of the same round, with noise in every pixel."""
    empty, _, scale = floor(options.size_px)
    width, height = options.size_px
    rng = np.random.default_rng(1)
    frames = round(TURN_S * options.rate_hz)
    size_px = options.frame_size_px
    with path.open("wb") as file, VideoWriter(file, size_px, options.rate_hz, "lossless") as video:
        for k in range(frames):
            whole = np.zeros(size_px[::-1], np.uint8)
            for number, (_, (x, y)) in enumerate(options.boxes):
                box = empty.copy()
                turn = k / frames + number / options.boxes_per_camera
                draw_mouse(box, 2 * math.pi * turn, scale)
                whole[y : y + height, x : x + width] = box
            noise = rng.standard_normal(whole.shape, np.float32) * NOISE
            seen = np.rint(np.clip(whole + noise, 0, 255)).astype(np.uint8)
            video.write(seen, round(k * NS_PER_S / options.rate_hz))


def write_rigs(folder: Path, options: Options) -> list[Path]:
    """A rig file a camera, and all that they name."""
    empty, apparatus, _ = floor(options.size_px)
    (folder / "box.toml").write_text(apparatus, encoding="utf-8")
    (folder / "empty.png").write_bytes(png.write_gray(empty))
    write_film(folder / "mice.mkv", options)
    boxes = "".join(
        f'[[box]]\nname = "{name}"\ncrop_px = [{x}, {y}, {options.size_px[0]},'
        f' {options.size_px[1]}]\napparatus = "box.toml"\nbackground = "empty.png"\n'
        for name, (x, y) in options.boxes
    )
    rigs = []
    for camera in range(1, options.cameras + 1):
        path = folder / f"{camera}.rig.toml"
        path.write_text(
            f'name = "load-{camera}"\n[camera]\nsource = "mice.mkv"\nrepeat = true\n'
            f'[video]\ncodec = "{options.codec}"\n{boxes}',
            encoding="utf-8",
        )
        rigs.append(path)
    return rigs


# the machine


class Reading(NamedTuple):
    """What the processes have used so far; None where the system does not tell (not Linux)."""

    at_s: float
    busy_s: float | None  # the whole machine's processor time that was not idle
    stolen_s: float | None  # of which other machines on the same hardware had this much
    own_s: float
    stations_s: list[float | None]
    peak_mb: list[float | None]


def read_machine(pids: Sequence[int]) -> Reading:
    """Processor time of the machine, this script and the stations; peak memory of the stations."""
    times = os.times()
    stations_s, peak_mb = [], []
    for pid in pids:
        stat = _proc(f"{pid}/stat")
        used = stat.rpartition(")")[2].split()[11:13]  # utime, stime: proc(5)
        stations_s.append(sum(map(int, used)) / _ticks_hz() if used else None)
        peak = [line.split()[1] for line in _proc(f"{pid}/status").splitlines() if "VmHWM" in line]
        peak_mb.append(int(peak[0]) / 1000 if peak else None)
    busy = stolen = None
    fields = _proc("stat").partition("\n")[0].split()[1:]
    if fields:
        user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
        busy = (user + nice + system + irq + softirq + steal) / _ticks_hz()
        stolen = steal / _ticks_hz()
    return Reading(time.monotonic(), busy, stolen, times.user + times.system, stations_s, peak_mb)


def _proc(name: str) -> str:
    try:
        return Path("/proc", name).read_text()
    except OSError:
        return ""


def _ticks_hz() -> int:
    return os.sysconf("SC_CLK_TCK")


def load_average() -> str:
    """The system's load over the last minute, as text."""
    return f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"


# the sessions


@dataclass
class Run:
    """What was run, and what the machine said meanwhile."""

    folders: dict[str, Path] = field(default_factory=dict)  # box, as "1A", to its session
    readings: dict[str, Reading] = field(default_factory=dict)  # begun, early, late, end
    problems: list[str] = field(default_factory=list)


def run_sessions(rigs: Sequence[Path], out: Path, options: Options) -> Run:
    """Start stations and a session in each box, wait until all have ended, end the stations."""
    run = Run()
    with ExitStack() as watching:
        watchers, pids = [], []
        for rig in rigs:
            # One after the other: each decodes the film when it opens its rig.
            watcher = ensure(str(rig), timeout_s=300)
            watching.callback(watcher.close)
            watching.callback(watcher.request, "quit", force=True)
            watchers.append(watcher)
            pids.append(entry_of(rig).pid)
        start_all(rigs, out, options, run)
        begun_s = time.monotonic()
        run.readings["begun"] = read_machine(pids)
        while set(box_states(watchers)) != {"ended"}:
            time.sleep(0.5)
            lasted_s = time.monotonic() - begun_s
            if set(box_states(watchers)) == {"running"}:  # completing takes memory of its own
                run.readings["late"] = read_machine(pids)
            if "early" not in run.readings and lasted_s >= min(EARLY_S, options.seconds / 2):
                run.readings["early"] = read_machine(pids)
            if lasted_s > options.seconds + SPARE_S:
                run.problems.append(f"still running after {lasted_s:.0f} s")
                break
        run.readings["end"] = read_machine(pids)
    return run


def entry_of(rig: Path) -> Entry:
    """The station that runs a rig."""
    entry = find(str(rig.resolve()))
    assert entry is not None, f"{rig} has no station"
    return entry


def start_all(rigs: Sequence[Path], out: Path, options: Options, run: Run) -> None:
    """Begin a session in every box, all at once: the last is asked while the first begins."""
    plan = {
        "protocol": "load",
        "phase": "load",
        "step": [{"do": "explore", "duration_s": options.seconds, "scored": True}],
    }

    def start(place: tuple[int, str]) -> tuple[str, Path]:
        camera, box = place
        subject = f"{camera + 1}{box}"
        wish = {"plan": plan, "subject": subject, "phase": "load", "arming": "auto"}
        with connect(entry_of(rigs[camera])) as client:
            began = client.request("start", box=box, wish=wish, out=str(out), timeout_s=60)
        return subject, Path(began["folder"])

    places = [(k, name) for name, _ in options.boxes for k in range(options.cameras)]
    with ThreadPoolExecutor(len(places)) as pool:
        run.folders = dict(sorted(pool.map(start, places)))


def box_states(watchers: Sequence[ChannelClient]) -> Iterator[str]:
    """Where each box is: preparing, running, finishing, ended."""
    for watcher in watchers:
        for box in watcher.request("status")["boxes"].values():
            yield box["state"]


# what is on the disk


@dataclass
class Row:
    """What one session's folder says."""

    box: str
    first_ns: int = 0
    last_ns: int = 0
    due: int = 0
    captured: int = 0
    written: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)  # time, pictures missing before it
    counted: int = 0
    latency_ms: list[str] = field(default_factory=list)
    verified: str = ""
    problems: list[str] = field(default_factory=list)

    def dropped(self, from_ns: int) -> tuple[int, int]:
        """Pictures dropped before a time, and from it on."""
        before = sum(missing for t_ns, missing in self.gaps if t_ns < from_ns)
        return before, sum(missing for _, missing in self.gaps) - before


def read_session(box: str, folder: Path, film: Path) -> Row:
    """A session held against the schedule of its camera, its own counts, and its replay."""
    row = Row(box)
    try:
        fill_row(row, folder, film)
    except (RigError, OSError, KeyError) as error:
        row.problems.append(f"{type(error).__name__}: {error}")
    return row


def fill_row(row: Row, folder: Path, film: Path) -> None:
    record = SessionRecord.open(folder)
    seen = [(tick.t_ns, tick.frame) for tick in record.ticks() if tick.frame is not None]
    stop = record.stop
    if stop is None or not seen:
        row.problems.append("has no stop record or no picture")
        return
    if stop["status"] != "completed":
        row.problems.append(f"{stop['status']}: {stop['reason']}")
    row.first_ns, row.last_ns = seen[0][0], seen[-1][0]
    row.captured = len(record.columns()["frame"])
    row.written = sum(count_frames(video) for video in record.videos)
    row.gaps = [
        (t_ns, frame - before - 1)
        for (_, before), (t_ns, frame) in pairwise(seen)
        if frame > before + 1
    ]
    row.counted = stop["frames_dropped"]
    # By the clock alone: how many pictures the film shows from the session's first to its end.
    played = VideoFile.open(film)
    turn_ns = played.duration_ns + NS_PER_S / played.rate_hz
    ended_s = next(event["t_s"] for event in record.events() if event["kind"] == "ending")
    lasted_ns = next(record.ticks()).t_ns + ended_s * NS_PER_S - row.first_ns
    row.due = int(lasted_ns / turn_ns * played.frames + 0.1) + 1
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as file:
        summary = next(csv.DictReader(file))
    row.latency_ms = [summary[f"latency_{name}_ms"] for name in ("p50", "p95", "p99", "max")]
    if not len(seen) == row.captured == row.written:
        row.problems.append(
            f"{len(seen)} pictures decided on, {row.captured} rows, {row.written} in the video"
        )
    lost = sum(missing for _, missing in row.gaps)
    if not row.counted == int(summary["frames_dropped"]) == lost == row.due - row.captured:
        row.problems.append(
            f"{row.counted} counted as dropped ({summary['frames_dropped']} in summary.csv), but"
            f" {lost} missing and {row.due - row.captured} too few by the clock"
        )
    verdict = verify(folder)
    row.problems += verdict.problems
    row.verified = "exact" if verdict.ok else "NOT EXACT"
    if not verdict.ok and not verdict.problems:
        row.problems.append(f"{verdict.differing} pictures tracked again differ")


# the report


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lines in columns, numbers to the right."""
    cells = [list(heads), *([str(value) for value in row] for row in rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(heads))]
    return "\n".join(
        "  ".join(
            value.ljust(width) if k == 0 else value.rjust(width)
            for k, (value, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def report(run: Run, rows: Sequence[Row], options: Options) -> bool:
    """Print all that was measured and all that is wrong; whether nothing is."""
    from_ns = max((row.first_ns for row in rows), default=0) + round(FIRST_S * NS_PER_S)
    heads = ["box", "due", "captured", "written", "dropped starting", "after"]
    heads += ["ms p50", "p95", "p99", "max", "replay"]
    lines = []
    after = 0
    for row in rows:
        starting, later = row.dropped(from_ns)
        after += later
        counts = (row.due, row.captured, row.written, starting, later)
        lines.append([row.box, *counts, *(row.latency_ms or [""] * 4), row.verified])
    print(table(heads, lines))
    print()
    begun, end = run.readings["begun"], run.readings["end"]
    early, late = (run.readings.get(name, end) for name in ("early", "late"))
    lasted_s = late.at_s - begun.at_s
    cores = [_less(b, a, lasted_s) for a, b in zip(begun.stations_s, late.stations_s, strict=True)]
    stations = [
        [k + 1, _told(used, 2), *(_told(reading.peak_mb[k], 0) for reading in (early, late, end))]
        for k, used in enumerate(cores)
    ]
    print(
        table(["station", "cores used", "peak MB at 10 s", "before the end", "after it"], stations)
    )
    print()
    told = [used for used in cores if used is not None]
    busy = _less(late.busy_s, begun.busy_s, lasted_s)
    if busy is not None:
        own = (late.own_s - begun.own_s) / lasted_s
        stolen = _less(late.stolen_s, begun.stolen_s, lasted_s) or 0.0
        other = max(0.0, busy - stolen - sum(told) - own)
        print(
            f"processor: stations {sum(told):.2f}, this script {own:.2f}, others {other:.2f}"
            f" of {os.cpu_count()} cores, {stolen:.2f} taken by other machines, {lasted_s:.0f} s"
        )
    for row in rows:
        for t_ns, missing in row.gaps:
            at_s, left_s = (t_ns - row.first_ns) / NS_PER_S, (row.last_ns - t_ns) / NS_PER_S
            print(f"{row.box}: {missing} dropped at {at_s:.1f} s, {left_s:.1f} s before its end")
    problems = list(run.problems)
    problems += [f"{row.box}: {problem}" for row in rows for problem in row.problems]
    if after > options.allow_dropped:
        allowed = f"{options.allow_dropped} allowed"
        problems.append(f"{after} pictures dropped after the first second, {allowed}")
    problems += too_slow(rows, options)
    if options.grows_mb is not None:
        for k, (first, last) in enumerate(zip(early.peak_mb, late.peak_mb, strict=True), 1):
            if first is None or last is None:
                problems.append(f"station {k}: this system does not tell its memory")
            elif last - first > options.grows_mb:
                problems.append(f"station {k}: its memory grew by {last - first:.0f} MB")
    for problem in problems:
        print(problem)
    captured = sum(row.captured for row in rows)
    print(f"{len(rows)} boxes, {captured} pictures, {after} dropped after the first second", end="")
    print(": FAILED" if problems else ": passed")
    return not problems


def too_slow(rows: Sequence[Row], options: Options) -> Iterator[str]:
    """Boxes whose latency is above what is asked for."""
    for row in rows:
        for name, place, most_ms in zip(("p50", "p99"), (0, 2), options.most_ms, strict=True):
            if most_ms is None:
                continue
            told = row.latency_ms[place] if row.latency_ms else ""
            if not told or float(told) > most_ms:
                yield f"{row.box}: latency {name} {told or 'unknown'} ms, at most {most_ms:g}"


def _less(end: float | None, begun: float | None, lasted_s: float) -> float | None:
    return None if end is None or begun is None else (end - begun) / lasted_s


def _told(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def main(args: Sequence[str] | None = None) -> int:
    """Run, report; 0 where nothing failed, 1 where something did, 2 for what cannot be run."""
    options, out = parse(args)
    scratch = Path(tempfile.mkdtemp(prefix="load-"))
    # Stations of its own, beside those that this user may run.
    os.environ[RUNTIME] = str(scratch / "run")
    try:
        size, whole = ("x".join(map(str, s)) for s in (options.size_px, options.frame_size_px))
        print(
            f"{options.cameras} x {options.boxes_per_camera} boxes of {size} ({whole} a camera),"
            f" {options.rate_hz:g} frames/s, {options.seconds:g} s, {options.codec}"
        )
        load_before = load_average()
        rigs = write_rigs(scratch, options)
        study = (out or scratch / "study").resolve()
        run = run_sessions(rigs, study, options)
        print(
            f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()},"
            f" Python {platform.python_version()}, load {load_before} before, {load_average()}"
            " at the end\n"
        )
        with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
            jobs = [
                pool.submit(read_session, box, folder, scratch / "mice.mkv")
                for box, folder in run.folders.items()
            ]
            rows = [job.result() for job in jobs]
        return 0 if report(run, rows, options) else 1
    except RigError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def parse(args: Sequence[str] | None) -> tuple[Options, Path | None]:
    """The command line; ends the program with 2 where it makes no sense."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cameras", default=1, type=int, metavar="N", help="stations")
    parser.add_argument("--boxes-per-camera", default=4, type=int, metavar="N")
    parser.add_argument("--size", default="640x480", metavar="WxH", help="of a box, in pixels")
    parser.add_argument("--rate", default=30.0, type=float, metavar="HZ")
    parser.add_argument("--seconds", default=60.0, type=float, metavar="S")
    parser.add_argument("--codec", default="h264", choices=("h264", "lossless"))
    parser.add_argument("--allow-dropped", default=0, type=int, metavar="N", help="in all boxes")
    parser.add_argument("--p50", type=float, metavar="MS", help="latency of each box at most")
    parser.add_argument("--p99", type=float, metavar="MS", help="the same")
    parser.add_argument("--grows", type=float, metavar="MB", help="memory of each station at most")
    parser.add_argument("--out", type=Path, help="keep the sessions here", metavar="FOLDER")
    told: Any = parser.parse_args(args)
    try:
        width, height = map(int, told.size.split("x"))
    except ValueError:
        parser.error(f"--size {told.size}: such as 640x480")
    if min(told.cameras, told.rate, told.seconds) <= 0 or not 1 <= told.boxes_per_camera <= 16:
        parser.error("cameras, rate and seconds are above 0; a camera has 1 to 16 boxes")
    options = Options(
        cameras=told.cameras,
        boxes_per_camera=told.boxes_per_camera,
        size_px=(width, height),
        rate_hz=told.rate,
        seconds=told.seconds,
        codec=told.codec,
        allow_dropped=told.allow_dropped,
        most_ms=(told.p50, told.p99),
        grows_mb=told.grows,
    )
    return options, told.out


if __name__ == "__main__":
    sys.exit(main())
