"""kill -9 of a program at each of its calls that change a session's folder, one after the other.

A moment that is drawn seldom falls between two files that are made within a millisecond. So a
session is recorded, closed, and gone on with, each in a process of its own (virtual time), which is
killed before the first file that it opens for writing, makes, renames or removes, then before the
second, and so on until it is through. Each time: `study check` names what is there, and it can be
closed, or gone on with, or holds nothing and may be deleted; what was recorded stays the beginning.

    python -m tests.faults --only calls
"""

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from protocols.study.interrupted import interrupted
from rig.engine import Outcome
from rig.errors import RigError
from rig.model import Tick
from rig.session import Wish, close, record, resume
from rig.storage.folder import SETUP, TICKS
from rig.storage.record import whole_lines
from tests.faults.folder import counted, examine, go_on, left_alone
from tests.faults.player import loaded, plan_of
from tests.faults.row import Row

SECONDS = 2.0
CUT_TICK = 60
"""The session that is closed or gone on with was killed at this one."""
HANDED_OVER_S = 0.3
"""In this time rows are with the system, which in virtual time are younger than that otherwise."""
MOST = 400
"""More calls than any of them makes."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link"}
Judged = tuple[str, str]
"""What was done with what was left, and what is wrong first."""


def rows(short: bool) -> Iterator[Row]:
    """A row for each thing that a program does to a session's folder."""
    if sys.platform == "win32":
        yield Row("kill -9 at each call", 0, 0, None, "skipped: there is no SIGKILL on Windows")
        return
    every = 3 if short else 1
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        cut = work / "cut"
        assert killed(partial(_session, cut, CUT_TICK), cut, MOST)
        assert next(cut.glob("rawdata/*/*/behav/ticks.jsonl")).stat().st_size
        yield _row("recorded", _recorded(work / "recorded", every))
        yield _row("closed", _mended(work / "closed", cut, partial(close, reason="cut"), every))
        resumed = partial(resume, rig=loaded(), speed="max")
        yield _row("gone on with", _mended(work / "resumed", cut, resumed, every))


def _row(what: str, judged: Iterator[Judged]) -> Row:
    found = list(judged)
    bad = [wrong for _, wrong in found if wrong]
    note = counted([did for did, _ in found]) + (f"; wrong: {bad[0]}" if bad else "")
    fault = f"killed at each call while a session is {what}"
    return Row(fault, len(found), len(found) - len(bad), None, note)


def _session(out: Path, cut: int = -1) -> None:
    """Record a session; at the tick `cut` its process is killed."""

    def hear(tick: Tick, _: Outcome) -> None:
        if tick.k == cut:
            threading.Event().wait(HANDED_OVER_S)
            os.kill(os.getpid(), signal.SIGKILL)

    wish = Wish(plan=plan_of(SECONDS), subject="M01", phase="test", codec="lossless")
    record(wish, loaded(), out=out, listeners=(hear,))


def _recorded(work: Path, every: int) -> Iterator[Judged]:
    for n in range(1, MOST, every):
        study = work / str(n)
        if not killed(partial(_session, study), study, n):
            return
        yield _judged(study, n)


def _mended(work: Path, cut: Path, mend: Callable[[Path], object], every: int) -> Iterator[Judged]:
    for n in range(1, MOST, every):
        study = work / str(n)
        shutil.copytree(cut, study)
        (folder,) = study.glob("rawdata/*/*/behav")
        before = whole_lines((folder / TICKS).read_bytes())
        if not killed(partial(mend, folder), study, n):
            return
        did, wrong = _judged(study, n)
        if not wrong and not (folder / TICKS).read_bytes().startswith(before):
            wrong = "what was recorded is not the beginning of what is there now"
        yield did, wrong


def _judged(study: Path, n: int) -> Judged:
    """Look at what is left and do what `study check` says."""
    left_alone(study)
    sessions = list(study.glob("rawdata/*/*"))
    said = interrupted(study)
    if not sessions:
        return "nothing made", "; ".join(said)
    (session,) = sessions
    folder = session / "behav"
    if not (folder / SETUP).is_file():
        wrong = "" if "nothing was recorded" in "".join(said) else f"study check says {said}"
        return "may be deleted", wrong
    try:
        found = examine(folder, 0)
        return go_on(folder, found, loaded(), "killed", resumes=n % 2 == 0), "; ".join(found.wrong)
    except RigError as error:
        return "broke off", f"{n}: {error}"


def killed(do: Callable[[], object], root: Path, n: int) -> bool:
    """Whether a process that does it was killed before its `n`-th change below `root` (POSIX)."""
    # It has all that it needs, and starts at once.
    process = multiprocessing.get_context("fork").Process(target=_until, args=(do, root, n))
    process.start()
    process.join()
    if process.exitcode not in (0, -signal.SIGKILL):
        raise RuntimeError(f"what was to be killed at call {n} ended with {process.exitcode}")
    return process.exitcode == -signal.SIGKILL


def _until(do: Callable[[], object], root: Path, n: int) -> None:
    calls, below = 0, str(root)

    def count(event: str, args: tuple[Any, ...]) -> None:
        nonlocal calls
        changes = event in CHANGES or (event == "open" and bool(args[2] & WRITES))
        if changes and str(args[0]).startswith(below):
            calls += 1
            if calls == n:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    do()
