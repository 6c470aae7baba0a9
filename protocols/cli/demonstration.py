"""`demo`: a whole blinded study with simulated animals, over both cores."""

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from protocols.cli.exits import DONE, FAILED
from protocols.cli.reporting import write_report
from protocols.cli.table import lines, print_json, progress
from protocols.demo.playing import Play, Played, Scored
from protocols.demo.working import FRAME_SIZE_PX, RATE_HZ
from rig.errors import ConfigError
from rig.session.rescoring import check_out

FEWEST_ANIMALS, MOST_ANIMALS = 8, 64
TEST_S = 300


def demo(out: Path | None, animals: int, seed: int, *, as_json: bool) -> int:
    """Play it, print each animal's score and where the study is."""
    if not FEWEST_ANIMALS <= animals <= MOST_ANIMALS:
        raise ConfigError("--animals", "", f"{animals}: {FEWEST_ANIMALS} to {MOST_ANIMALS}")
    if out is None:
        folder = free_folder()
    else:
        folder = out
        check_out(folder)
        if folder.is_dir() and any(folder.iterdir()):
            message = f"{folder} is not empty; the demonstration begins a study of its own"
            raise ConfigError("--out", "", message)
    began = time.monotonic()
    made = out is None or not folder.exists()
    try:
        played, html = _played_and_reported(folder, animals, seed)
    except KeyboardInterrupt:
        _cleared(folder, whole=made)
        raise
    if as_json:
        told = [{**asdict(one), "score_s": one.score_s} for one in played.animals]
        print_json(
            {"folder": str(folder), "animals": told, "faults": played.faults, "report": str(html)}
        )
    else:
        print(_said(folder, html, played, time.monotonic() - began))
    return FAILED if played.faults else DONE


def _cleared(folder: Path, *, whole: bool) -> None:
    """Take away what was played so far; the folder itself too if it was made for it."""
    for path in [folder] if whole else list(folder.iterdir()):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _said(folder: Path, html: Path, played: Played, took_s: float) -> str:
    head = ("animal", "group", "paired", "pre-test s", "post-test s", "score s", "extinct s")
    rows = [
        (
            *(a.subject, a.group or a.status, a.paired, a.pre_s, a.post_s, a.score_s),
            *(a.extinguished_s, a.reinstated_s),
        )
        for a in sorted(played.animals, key=lambda a: (a.group, a.subject))
    ]
    width, height = FRAME_SIZE_PX
    out = [lines(rows, (*head, "primed s")), ""]
    for group in dict.fromkeys(a.group for a in played.animals if a.group):
        scores = [s for a in played.animals if a.group == group and (s := a.score_s) is not None]
        mean = sum(scores) / max(1, len(scores))
        out.append(f"{group}: mean score {mean:+.0f} s, {len(scores)} animals")
    out += [
        "",
        f"Seconds of {TEST_S} in the paired chamber; score = post-test less pre-test; after",
        "extinction; after a prime. Groups and pairing were sealed until all was over.",
        f"Shortened: tests of {TEST_S // 60} min, {RATE_HZ:g} pictures/s, {width}x{height} px.",
        f"Simulated: {played.sessions} sessions of {played.days} days in {took_s:.0f} s. "
        "The animals never existed.",
        "",
        f"Report: {html} (and .pdf)",
        f"Study: {folder}",
        f"Next: placepref study status {folder}, placepref verify SESSION",
        *(f"not as it should be: {fault}" for fault in played.faults),
    ]
    return "\n".join(out)


def _played_and_reported(folder: Path, animals: int, seed: int) -> tuple[Played, Path]:
    """Played and reported with a process to a core, each kept; they end with this one."""
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        with _deaf_to_ctrl_c():  # and so are the processes that are begun here
            others = set(multiprocessing.active_children())
            workers = max(1, min(2, os.cpu_count() or 1))
            pool = stack.enter_context(ProcessPoolExecutor(workers, mp_context=context))
            for _ in range(workers):
                pool.submit(os.getpid)
        try:
            with progress("simulating") as told:
                played = Play(folder, animals, seed, pool, told).play()
            html, _ = write_report(folder, workers=pool)
            return played, html
        except BaseException:
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
            raise


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def free_folder() -> Path:
    """./placepref-demo, or -2, -3 ... where that is there already; it is made."""
    number = 1
    while True:
        folder = Path("placepref-demo" + (f"-{number}" if number > 1 else ""))
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


__all__ = ["Scored", "demo", "free_folder"]
