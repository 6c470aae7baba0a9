"""The window under load: how soon it answers a key, what it costs, what the stations feel of it.

python tests/load/window.py --cameras 4 --boxes-per-camera 4 --seconds 60

Boxes as in boxes.py: each camera a station of its own, its film repeated, a recorded session of
free exploration in each box (its one step; nobody is there to place an animal). The sessions run
twice, first without a window, then with the real one open at the page of the rig, showing every
box. The window is a process of its own, under Xvfb where that is installed, else on Qt's
offscreen screen. What is told:

    answer    from a key put into Qt's queue by another thread, at a random time, to the end of
              the painting that shows what it did (Page Down: the next box is the chosen one)
    share     the window's processor time by the clock, as a part of one core: idle before any
              station runs, with the sessions, and idle again when the stations have ended
    painted   how often a part of the window was painted anew
    latency   of the stations, picture due to commands handed over, without the window and with it
    dropped   gaps in the index of the pictures, both times

Exits with 1 only for what may never happen: a session that did not complete, a folder that does
not verify, a window that ended by itself. The figures are the machine's too: they are told beside
its cores and load, not judged.
"""

import argparse
import math
import multiprocessing
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

# beside this script
from boxes import (  # type: ignore[import-not-found]
    RUNTIME,
    Options,
    Row,
    Run,
    load_average,
    read_session,
    run_sessions,
    table,
    write_rigs,
)
from PyQt6.QtCore import QCoreApplication, QEvent, QMetaObject, Qt
from PyQt6.QtGui import QKeyEvent, QPaintEvent
from PyQt6.QtWidgets import QApplication

import gui.run.grid
from gui.remembered import CONFIG_VARIABLE
from gui.run.box_view import BoxView, Said, Seen  # type: ignore[attr-defined]
from gui.window import MainWindow, drop_foreign_qt
from rig.errors import RigError
from rig.scheduling import yield_to_others

IDLE_S = 10.0
SETTLE_S = 4.0
"""A window is idle when so long nothing has happened to it; opening it is over by then."""
PAUSES_S = (0.2, 0.6)
"""Between one key and the next: the tick of the page's clock is no multiple of them."""
UNSEEN_S = 10.0
"""A key that shows nothing for so long is counted with this time."""
ALL_SHOWN_S = 60.0

Told = dict[str, Any]


# the window's process


class TimedView(BoxView):
    """A box of the grid that knows whether it has painted itself as the chosen one."""

    def __init__(self) -> None:
        super().__init__()
        self.is_chosen = self.painted_chosen = False
        self.pictures = 0

    def set_said(self, said: Said, seen: Seen, *, is_chosen: bool) -> None:
        super().set_said(said, seen, is_chosen=is_chosen)
        self.is_chosen = is_chosen

    def set_preview(self, preview: Any) -> None:
        super().set_preview(preview)
        self.pictures += 1

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802  (Qt's name)
        super().paintEvent(event)
        self.painted_chosen = self.is_chosen


class TimedWindow(MainWindow):
    """Says when a key's effect has been painted. Whatever is painted, is in an UpdateRequest."""

    def __init__(self) -> None:
        super().__init__()
        self.paintings = 0
        self.answered = threading.Event()
        self.posted_ns = self.seen_ns = 0
        self._before: object = None

    def event(self, event: QEvent | None) -> bool:
        done = super().event(event)
        if event is not None and event.type() == QEvent.Type.UpdateRequest:
            self.paintings += 1
            chosen = self.run_page.chosen
            if self.posted_ns and chosen is not None and chosen != self._before:
                view = self.run_page.grid.views.get(chosen)
                if isinstance(view, TimedView) and view.painted_chosen:
                    self.seen_ns, self.posted_ns = time.monotonic_ns(), 0
                    self.answered.set()
        return done

    def press(self) -> float:
        """Put a key into the queue, from any thread; milliseconds until its effect was painted."""
        key, none = Qt.Key.Key_PageDown, Qt.KeyboardModifier.NoModifier
        press = QKeyEvent(QEvent.Type.KeyPress, key, none)
        release = QKeyEvent(QEvent.Type.KeyRelease, key, none)
        handle = self.windowHandle()
        self._before = self.run_page.chosen
        self.answered.clear()
        began_ns = self.posted_ns = time.monotonic_ns()
        QCoreApplication.postEvent(handle, press)
        QCoreApplication.postEvent(handle, release)
        if not self.answered.wait(UNSEEN_S):
            self.posted_ns = 0
            return UNSEEN_S * 1000
        return (self.seen_ns - began_ns) / 1e6


def be_window(orders: Connection, screen: dict[str, str]) -> None:
    """The window's process: opens it and measures what it is told to, until told to close."""
    os.environ.update(screen)
    drop_foreign_qt(os.environ)
    yield_to_others()
    gui.run.grid.BoxView = TimedView  # type: ignore[attr-defined,misc]
    application = QApplication(["placepref"])
    application.setStyle("Fusion")
    window = TimedWindow()
    window.go("run")
    window.show()
    window.activateWindow()

    def obey() -> None:
        # The parent's end of the pipe may be gone: then the window has no use any more.
        with suppress(EOFError, OSError):
            while (order := orders.recv()) is not None:
                what, boxes, seconds = order
                orders.send(measure_idle(window) if what == "idle" else
                            measure_keys(window, boxes, seconds))  # fmt: skip
        QMetaObject.invokeMethod(window, "close", Qt.ConnectionType.QueuedConnection)

    threading.Thread(target=obey, name="orders", daemon=True).start()
    sys.exit(application.exec())


def measure_idle(window: TimedWindow) -> Told:
    """What it costs when nothing happens."""
    time.sleep(SETTLE_S)
    with using(window) as used:
        time.sleep(IDLE_S)
    return used


def measure_keys(window: TimedWindow, boxes: int, seconds: float) -> Told:
    """Press keys, as soon as every box has a picture, while the sessions run."""
    given_up_s = time.monotonic() + ALL_SHOWN_S
    while shown(window) < boxes and time.monotonic() < given_up_s:
        time.sleep(0.1)
    time.sleep(1.0)  # the rate of the pictures is settled by then
    chance = random.Random(1)
    answers_ms = []
    pictures = sum(view.pictures for view in views(window))
    with using(window) as used:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            time.sleep(chance.uniform(*PAUSES_S))
            answers_ms.append(window.press())
    pictures = sum(view.pictures for view in views(window)) - pictures
    return {**used, "answers_ms": answers_ms, "shown": shown(window), "pictures": pictures}


def views(window: TimedWindow) -> list[TimedView]:
    return [v for v in list(window.run_page.grid.views.values()) if isinstance(v, TimedView)]


def shown(window: TimedWindow) -> int:
    """Boxes in view that have a picture."""
    return sum(view.isVisible() and view.pictures > 0 for view in views(window))


@contextmanager
def using(window: TimedWindow) -> Iterator[Told]:
    """What the process uses meanwhile, all its threads together."""
    told: Told = {}
    began_s, used_s, paintings = time.monotonic(), time.process_time(), window.paintings
    yield told
    lasted_s = time.monotonic() - began_s
    told["share"] = (time.process_time() - used_s) / lasted_s
    told["paintings_hz"] = (window.paintings - paintings) / lasted_s


# the screen


@contextmanager
def a_screen() -> Iterator[dict[str, str]]:
    """The environment of a process with a screen: Xvfb's, ended afterwards, or Qt's offscreen."""
    program = shutil.which("Xvfb")
    if program is None:
        yield {"QT_QPA_PLATFORM": "offscreen"}
        return
    reads, writes = os.pipe()
    command = [program, "-displayfd", str(writes), "-screen", "0", "1920x1080x24"]
    server = subprocess.Popen(
        [*command, "-nolisten", "tcp"],
        pass_fds=[writes], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writes)
    try:
        with os.fdopen(reads) as said:
            display = said.readline().strip()
        if display:
            yield {"QT_QPA_PLATFORM": "xcb", "DISPLAY": f":{display}"}
        else:
            yield {"QT_QPA_PLATFORM": "offscreen"}
    finally:
        server.terminate()
        server.wait()


# the measurement


@dataclass
class Outcome:
    """All that was measured."""

    screen: str = ""
    idle: Told = field(default_factory=dict)
    busy: Told = field(default_factory=dict)
    after: Told = field(default_factory=dict)
    alone: list[Row] = field(default_factory=list)
    watched: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Window:
    """The window's process as this script sees it."""

    def __init__(self, screen: dict[str, str]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._orders, theirs = spawn.Pipe()
        self.process = spawn.Process(target=be_window, args=(theirs, screen))
        self.process.start()
        theirs.close()

    def order(self, what: str, boxes: int = 0, seconds: float = 0.0) -> None:
        with suppress(OSError):
            self._orders.send((what, boxes, seconds))

    def told(self, timeout_s: float) -> Told:
        """What was measured; empty where the window is gone or does not answer."""
        with suppress(EOFError, OSError):
            if self._orders.poll(timeout_s):
                told: Told = self._orders.recv()
                return told
        return {}

    def close(self) -> int | None:
        """Close it; its exit code."""
        with suppress(OSError):
            self._orders.send(None)
        self.process.join(20)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        return self.process.exitcode


def measure(options: Options, scratch: Path) -> Outcome:
    """Sessions alone, then the window: idle, with sessions, and idle again."""
    outcome = Outcome()
    rigs = write_rigs(scratch, options)
    boxes = options.cameras * options.boxes_per_camera
    with a_screen() as screen:
        outcome.screen = "Xvfb" if "DISPLAY" in screen else "offscreen"
        alone = run_sessions(rigs, scratch / "alone", options)
        window = Window(screen)
        window.order("idle")
        outcome.idle = window.told(60 + SETTLE_S + IDLE_S)
        seconds = options.seconds - 10  # it is done before the sessions are
        window.order("keys", boxes, seconds)
        watched = run_sessions(rigs, scratch / "watched", options)
        outcome.busy = window.told(ALL_SHOWN_S + seconds + UNSEEN_S)
        window.order("idle")
        outcome.after = window.told(60 + SETTLE_S + IDLE_S)
        lived = window.process.is_alive()
        code = window.close()
    if not lived or code != 0:
        outcome.problems.append(f"the window ended by itself or did not close: exit code {code}")
    film = scratch / "mice.mkv"
    outcome.alone = read_rows(alone, film, outcome)
    outcome.watched = read_rows(watched, film, outcome)
    return outcome


def read_rows(run: Run, film: Path, outcome: Outcome) -> list[Row]:
    """The sessions of a run, each replayed."""
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(read_session, box, run.folders[box], film) for box in run.folders]
        rows = [job.result() for job in jobs]
    outcome.problems += run.problems
    outcome.problems += [f"{row.box}: {problem}" for row in rows for problem in row.problems]
    return rows


def never(outcome: Outcome) -> bool:
    """Whether something happened that never may."""
    return bool(outcome.problems)


# the report


def at(values: Sequence[float], part: float) -> float:
    """The value that so large a part of them does not exceed."""
    return sorted(values)[min(len(values) - 1, math.ceil(part * len(values)) - 1)]


def report(outcome: Outcome) -> bool:
    """Print it; whether nothing failed."""
    told: list[list[str]] = []
    answers = outcome.busy.get("answers_ms", [])
    if answers:
        figures = f"p50 {at(answers, 0.5):.0f}, p95 {at(answers, 0.95):.0f}, max {max(answers):.0f}"
        told.append([f"answer to a key, ms, {len(answers)} keys", figures, "100"])
    boxes = outcome.busy.get("shown", 0)
    for name, used, aim in (
        ("share, idle, no station", outcome.idle, "5"),
        (f"share, {boxes} boxes shown", outcome.busy, ""),
        ("share, idle, stations ended", outcome.after, "5"),
    ):
        if used:
            words = f"{100 * used['share']:.1f} % of a core, {used['paintings_hz']:.1f} painted/s"
            if "pictures" in used and answers:
                words += f", {used['pictures']} pictures"
            told.append([name, words, aim])
    for name, rows in (("without", outcome.alone), ("with", outcome.watched)):
        known = [[float(ms) for ms in row.latency_ms] for row in rows if row.latency_ms]
        if known:
            p50, _, p99, _ = zip(*known, strict=True)
            words = f"p50 {median(p50):.1f} (worst box {max(p50):.1f}),"
            words += f" p99 {median(p99):.1f} (worst box {max(p99):.1f})"
            aim = "1, 5" if len(rows) == 1 else "3, 10"
            told.append([f"latency {name} the window, ms", words, aim])
        lost = sum(missing for row in rows for _, missing in row.gaps)
        captured = sum(row.captured for row in rows)
        told.append([f"dropped {name} the window", f"{lost} of {lost + captured}", "0"])
    print(table(["what", "figure", "aim"], told))
    for problem in outcome.problems:
        print(problem)
    replayed = [row.verified for row in (*outcome.alone, *outcome.watched)]
    print(f"{len(replayed)} sessions, {replayed.count('exact')} replay exactly", end="")
    print(": FAILED" if never(outcome) else ": passed")
    return not never(outcome)


def main(args: Sequence[str] | None = None) -> int:
    """Measure, report; 0 where nothing failed, 1 where something did."""
    options = parse(args)
    scratch = Path(tempfile.mkdtemp(prefix="load-"))
    # Stations and settings of its own, beside those that this user may have.
    os.environ[RUNTIME] = str(scratch / "run")
    os.environ[CONFIG_VARIABLE] = str(scratch / "config")
    try:
        before = load_average()
        outcome = measure(options, scratch)
        size = "x".join(map(str, options.size_px))
        print(
            f"{options.cameras} x {options.boxes_per_camera} boxes of {size},"
            f" {options.rate_hz:g} frames/s, {options.seconds:g} s, window on {outcome.screen}"
        )
        print(
            f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()},"
            f" Python {platform.python_version()}, load {before} before, {load_average()}"
            " at the end\n"
        )
        return 0 if report(outcome) else 1
    except RigError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def parse(args: Sequence[str] | None) -> Options:
    """The command line; ends the program with 2 where it makes no sense."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cameras", default=4, type=int, metavar="N", help="stations")
    parser.add_argument("--boxes-per-camera", default=4, type=int, metavar="N")
    parser.add_argument("--size", default="640x480", metavar="WxH", help="of a box, in pixels")
    parser.add_argument("--rate", default=30.0, type=float, metavar="HZ")
    parser.add_argument("--seconds", default=60.0, type=float, metavar="S", help="at least 15")
    told: Any = parser.parse_args(args)
    try:
        width, height = map(int, told.size.split("x"))
    except ValueError:
        parser.error(f"--size {told.size}: such as 640x480")
    if min(told.cameras, told.rate) <= 0 or not 1 <= told.boxes_per_camera <= 16:
        parser.error("cameras and rate are above 0; a camera has 1 to 16 boxes")
    if not 2 <= told.cameras * told.boxes_per_camera <= gui.run.grid.MOST or told.seconds < 15:
        parser.error(f"2 to {gui.run.grid.MOST} boxes in all, for at least 15 s")
    return Options(
        cameras=told.cameras,
        boxes_per_camera=told.boxes_per_camera,
        size_px=(width, height),
        rate_hz=told.rate,
        seconds=told.seconds,
        codec="h264",
        allow_dropped=0,
    )


if __name__ == "__main__":
    sys.exit(main())
