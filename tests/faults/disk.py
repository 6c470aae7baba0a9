"""What a disk does to the writer in a running session: full, read-only, failing, or not there.

Real sessions in real time, each in a process of its own. By a shim (gcc, Linux) calls fail from a
moment on; by a small tmpfs (root) the disk is really full, and by an ext4 in a loop device (root)
the system really makes it read-only. Then: the session has failed within a second, no further
command was sent but those that make safe, the laser is off, all that was written before is there
and reads, and when the disk is well again `study check` names it, and closing it, or going on with
it, makes it whole.
"""

import errno
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from rig.errors import RigError
from tests.faults import shim
from tests.faults.folder import counted, examine, go_on
from tests.faults.player import loaded
from tests.faults.row import Row
from tests.small import tick_until

AT_ONCE_S = 1.0
SECONDS = 2.5
FAULTS = (
    ("EIO in ticks.jsonl", "write", errno.EIO, "ticks.jsonl"),
    ("EIO in frames.csv", "write", errno.EIO, "frames.csv"),
    ("EIO in events.jsonl", "write", errno.EIO, "events.jsonl"),
    ("EIO in video.mkv", "write", errno.EIO, "video.mkv"),
    ("EIO at fsync", "fsync", errno.EIO, "behav"),
    ("disk full in all files (ENOSPC)", "write", errno.ENOSPC, "behav"),
    ("read-only from now on (EROFS)", "write", errno.EROFS, "behav"),
)
TMPFS, EXT4 = "disk full (tmpfs of 700 kB)", "file system gone read-only (ext4)"
Judged = tuple[float, str, str]
"""Seconds lost, what is wrong first, and what was done when the disk was well again."""


def rows(short: bool) -> Iterator[Row]:
    """A row a fault."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        yield from _shimmed(work, short)
        yield _mounted(TMPFS, work / "tmpfs", _full, 1 if short else 10)
        if not short:
            yield _mounted(EXT4, work / "ext4", _read_only, 10)
        yield _refused(work / "refused")


def _row(fault: str, judged: list[Judged]) -> Row:
    bad = [wrong for _, wrong, _ in judged if wrong]
    note = counted([did for *_, did in judged]) + (f"; wrong: {bad[0]}" if bad else "")
    worst = max(lost_s for lost_s, *_ in judged)
    return Row(fault, len(judged), len(judged) - len(bad), worst, note)


def _shimmed(work: Path, short: bool) -> Iterator[Row]:
    faults = FAULTS[:4:3] if short else FAULTS
    if why := shim.lacking():
        for name, *_ in faults:
            yield Row(name, 0, 0, None, why)
        return
    made, times, rng = shim.compiled(work), 1 if short else 10, random.Random(3)
    for name, call, number, part in faults:
        playing = []
        for k in range(times):
            root, fail = work / f"{call}-{part}-{number}-{k}", work / f"fail-{part}-{number}-{k}"
            root.mkdir()
            env = shim.environment(made, root, fail=fail)
            at = ("--at", rng.randrange(30, 140), fail, f"{call} {number} {part}\n")
            codec = ("lossless", "h264")[k % 2]
            words = (root, "--seconds", SECONDS, "--codec", codec, "--seed", k, *at)
            playing.append(shim.player(env, *words))
            if len(playing) % 2 == 0:
                playing[-2].wait(shim.LIMIT_S)
        told = [shim.told(process) for process in playing]
        yield _row(name, [judge(one, resumes=k % 4 > 1) for k, one in enumerate(told)])


def judge(
    told: dict[str, Any], well: Callable[[], object] = lambda: None, *, resumes: bool
) -> Judged:
    """What came of a session that failed; `well` mends its disk."""
    wrong, did = [], "left"
    if told["status"] != "failed":
        return 0.0, f"the session ended as {told['status']}: {told['reason']}", did
    if "cannot be written" not in told["reason"]:
        wrong.append(f"it failed as: {told['reason']}")
    after_s = told["failed_after_s"]
    if after_s is None or after_s > AT_ONCE_S:
        wrong.append(f"it failed {after_s} s after the fault")
    if told["commands_after"] or told["output_on"]:
        wrong.append(f"{told['commands_after']} commands after, laser on: {told['output_on']}")
    folder = Path(told["folder"])
    try:
        found = examine(folder, told["fault_ns"])
        well()
        did = go_on(folder, found, loaded(), "the disk failed", resumes=resumes)
        wrong += found.wrong
    except RigError as error:
        return 0.0, str(error), did
    return found.lost_s, wrong[0] if wrong else "", did


# with a file system of its own, as root


def _mounted(name: str, work: Path, fault: Callable[[Path, int], Judged], times: int) -> Row:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return Row(name, 0, 0, None, "skipped: a file system is mounted by root, on Linux")
    work.mkdir()
    judged = []
    for k in range(times):
        place = work / str(k)
        place.mkdir()
        try:
            judged.append(fault(place, k))
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            return Row(name, 0, 0, None, f"skipped: cannot be mounted here: {error}")
    return _row(name, judged)


def do(*words: object) -> None:
    """Run a command. Raises CalledProcessError where it fails."""
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


@contextmanager
def mount(place: Path, *words: object) -> Iterator[None]:
    """A file system at `place` while the block lasts. Raises CalledProcessError."""
    do("mount", *words, place)
    try:
        yield
    finally:
        do("umount", place)


def _full(place: Path, k: int) -> Judged:
    """The disk has room for a part of the session only."""
    with mount(place, "-t", "tmpfs", "-o", "size=700k", "placepref-faults"):
        out = place / "study"
        env = shim.environment(None, out)
        # The tick is a guess of when it is full: what was written then tells what was lost.
        told = shim.told(shim.player(env, out, "--seconds", 6, "--seed", k))
        told |= {"fault_ns": told["last_ns"], "failed_after_s": 0.0}
        well = partial(do, "mount", "-o", "remount,size=20m", place)
        return judge(told, well, resumes=k % 2 == 1)


def _read_only(place: Path, k: int) -> Judged:
    """The kernel finds the file system damaged and lets nobody write any more."""
    image, at = place / "image", place / "mounted"
    with image.open("wb") as file:
        file.truncate(24 << 20)
    do("mkfs.ext4", "-q", "-F", "-e", "remount-ro", image)
    at.mkdir()
    fail = place / "now"
    with mount(at, "-o", "loop", image):
        process = shim.player(
            shim.environment(None, at), at / "study",
            "--seconds", SECONDS, "--seed", k, "--at", 60 + 7 * k, fail, "now",
        )  # fmt: skip
        tick_until(lambda: fail.exists() or process.poll() is not None)
        device = subprocess.run(
            ["findmnt", "-n", "-o", "SOURCE", str(at)], check=True, capture_output=True, text=True
        ).stdout.strip()
        trigger = Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error"
        with suppress(OSError):  # it says "Structure needs cleaning", and that is what it did
            trigger.write_text("a fault")
        told = shim.told(process)
    subprocess.run(["e2fsck", "-y", str(image)], check=False, capture_output=True)
    with mount(at, "-o", "loop", image):
        return judge(told, resumes=k % 2 == 1)


def _refused(work: Path) -> Row:
    """A folder in which nothing can be written: refused before anything is made."""
    name = "a study's folder that cannot be written"
    if why := shim.lacking():
        return Row(name, 0, 0, None, why)
    work.mkdir()
    root, fail = work / "study", work / "fail"
    root.mkdir()
    fail.write_text(f"open {errno.EROFS} frames.csv\n")
    env = shim.environment(shim.compiled(work), root, fail=fail)
    told = shim.told(shim.player(env, root))
    left = [path for path in root.rglob("*") if path.is_file()]
    good = told["status"] == "refused" and not left
    shutil.rmtree(root)
    return Row(name, 1, int(good), None, "" if good else f"wrong: {told}, left {left}")
