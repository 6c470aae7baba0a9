"""kill -9 of a program in the middle of transactions of the study's database.

A process weighs an animal again and again, a transaction each with its trail, and says how often
it was told that one is kept. Killed at a random moment, every one that was told is there, at most
one more is, each whole with its trail, and `study check` finds nothing. SQLite and, where it is
installed, PostgreSQL, whose server lives on; for SQLite a power cut too, by the shim.
"""

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import func, select

from protocols import study as verbs
from protocols.store import tables as t
from protocols.study import doing
from rig.errors import RigError
from tests.faults import shim
from tests.faults.kills import OWNER, RULES, made_study
from tests.faults.power import MODES, Disk, records
from tests.faults.row import Row
from tests.postgres import NoServerError, postgres

LONGEST_S = 0.4
ANIMAL = "M000"


def weigh_on(folder: str, said: "Connection[int, int]") -> None:
    """Weigh until killed; after each that is kept its number is said."""
    with verbs.open_study(Path(folder)) as study:
        for number in range(1, 1 << 30):
            said.send(number)  # it is about to be written
            doing.weigh(study, ANIMAL, 22.0, OWNER, datetime.now().astimezone())


def rows(short: bool) -> Iterator[Row]:
    """A row a database, and one for SQLite's file after a power cut."""
    if sys.platform == "win32":
        yield Row("kill -9 in a transaction", 0, 0, None, "skipped: Windows has no SIGKILL")
        return
    times = 4 if short else 100
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        os.environ["PLACEPREF_DATA"] = str(work / "data")
        made_study(work / "study", 1)
        yield _killed("kill -9 in a transaction, SQLite", work / "study", times)
        if not short:
            yield _powered(work)
            yield from _postgres(work, times)


def _killed(fault: str, folder: Path, times: int) -> Row:
    rng = random.Random(5)
    killed = [_kill(folder, rng.uniform(0.0, LONGEST_S)) for _ in range(times)]
    bad = [wrong for _, wrong in killed if wrong]
    undone = sum(gone for gone, _ in killed)
    note = f"undone {undone} times, kept {times - undone} times"
    return Row(fault, times, times - len(bad), None, f"wrong: {bad[0]}" if bad else note)


def _kill(folder: Path, after_s: float) -> tuple[bool, str]:
    """Whether the weight that was under way is undone, and what is wrong after one kill."""
    before = weights(folder)
    context = multiprocessing.get_context("fork")  # it has all that it needs: it starts at once
    hears, says = context.Pipe(duplex=False)
    process = context.Process(target=weigh_on, args=(str(folder), says))
    process.start()
    says.close()
    begun = hears.recv()
    threading.Event().wait(after_s)  # a moment, not a state: it may fall anywhere
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with suppress(EOFError):
        while True:
            begun = hears.recv()
    kept = weights(folder) - before
    if kept not in (begun - 1, begun):
        return False, f"{kept} of {begun - 1} weights are kept"
    return kept < begun, "; ".join(checked(folder))


def weights(folder: Path) -> int:
    """How many are in the database."""
    with verbs.open_study(folder) as study, study.store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(t.weight)).scalar() or 0)


def checked(folder: Path) -> list[str]:
    """What `study check` finds, and how many weights lack a line in the trail."""
    with verbs.open_study(folder) as study:
        faults = verbs.check(study, {}, OWNER)
        with study.store.read() as connection:
            told = select(func.count()).where(t.audit.c.about == "weight")
            count = int(connection.execute(told).scalar() or 0)
    there = weights(folder)
    return faults if count == there else [*faults, f"{there} weights, {count} in the trail"]


# a power cut


def _powered(work: Path) -> Row:
    fault = "power cut in a transaction, SQLite"
    if why := shim.lacking():
        return Row(fault, 0, 0, None, why)
    root, log = work / "powered", work / "log"
    shutil.copytree(work / "study", root / "study")
    env = shim.environment(shim.compiled(work), root, log)
    words = [sys.executable, "-m", "tests.faults.database", str(root / "study"), "40"]
    before, began_ns = weights(root / "study"), time.monotonic_ns()
    disk = Disk(str(root))
    disk.take()
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=True)
    told = [int(line) for line in done.stdout.split()]
    rng, wrong = random.Random(9), []
    moments = sorted(rng.randrange(began_ns, told[-1]) for _ in range(100))
    todo = list(records(log))
    for k, moment_ns in enumerate(moments):
        while todo and todo[0][0] <= moment_ns:
            disk.apply(*todo.pop(0)[1:])
        target = work / f"cut-{k}"
        # What is torn inside a page of the database's own file is SQLite's to bear: it syncs first.
        disk.write(target, MODES[k % 2], rng)
        kept_told = sum(at_ns <= moment_ns for at_ns in told)
        wrong.append(_cut(target / "study", before + kept_told))
        shutil.rmtree(target)
    bad = [one for one in wrong if one]
    return Row(fault, len(wrong), len(wrong) - len(bad), None, f"wrong: {bad[0]}" if bad else "")


def _cut(folder: Path, least: int) -> str:
    (folder / "study.sqlite-shm").unlink(missing_ok=True)  # memory: a power cut takes it
    try:
        kept = weights(folder)
        if kept not in (least, least + 1):
            return f"{kept} weights are kept, {least} were told"
        return "; ".join(checked(folder))
    except RigError as error:
        return str(error)


# PostgreSQL


def _postgres(work: Path, times: int) -> Iterator[Row]:
    fault = "kill -9 in a transaction, PostgreSQL"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        yield Row(fault, 0, 0, None, "skipped: psycopg is not installed")
        return
    try:
        with postgres(fsync=True) as url:
            folder = work / "on-server"
            made_study(folder, 1, f'database = "{url}"\n{RULES}')
            yield _killed(fault, folder, times)
    except NoServerError as error:
        yield Row(fault, 0, 0, None, f"skipped: {error}")


def main() -> int:
    """Weigh so many times; prints when each was kept, ns of the monotonic clock."""
    with verbs.open_study(Path(sys.argv[1])) as study:
        for _ in range(int(sys.argv[2])):
            doing.weigh(study, ANIMAL, 22.0, OWNER, datetime.now().astimezone())
            print(time.monotonic_ns(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
