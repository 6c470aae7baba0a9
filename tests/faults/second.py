"""The second place fails while it is copied to: the process killed, the disk full or pulled out.

What is in the book as safe in two places verifies there, nothing half is taken for a copy, and
what waits is copied the next time.
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
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from protocols import study as verbs
from protocols.cli.daily import Run
from protocols.cli.daily import run as study_run
from protocols.cli.running import Manner
from protocols.study.second import Safety, copy_all, kept_of, set_place
from protocols.study.second.book import BY_HAND, DATABASE
from protocols.study.second.byhand import files_by_hand, state_by_hand
from rig.session import verify
from tests.faults.calls import MOST, killed
from tests.faults.folder import contents
from tests.faults.kills import OWNER, made_study
from tests.faults.row import Row
from tests.small import write_rig

SESSIONS = 3
LONGEST_S = 0.25
KILLED, FULL = "copying to the second place killed", "second place full, then larger"
AT_EACH_CALL = "copying to the second place killed at each call"
RESTORED = "what brings it back killed at each call"


def rows(short: bool) -> Iterator[Row]:
    """A row a fault."""
    if sys.platform == "win32":
        yield Row(KILLED, 0, 0, None, "skipped: Windows has no SIGKILL")
        return
    times = 2 if short else 50
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        os.environ["PLACEPREF_DATA"] = str(work / "data")
        os.environ["PLACEPREF_CONFIG"] = str(work / "config")
        study = made(work, 1 if short else SESSIONS)
        rng = random.Random(11)
        yield _row(KILLED, [_kill(work, study, k, rng.uniform(0, LONGEST_S)) for k in range(times)])
        yield _row(AT_EACH_CALL, list(_kill_each(work, study, 8 if short else 1)))
        yield _row(RESTORED, list(_restore_each(work, study, 8 if short else 1)))
        if not short:
            yield _full(work, study)


def made(work: Path, sessions: int) -> Path:
    """A study with filed sessions, and corrections of one that were not filed."""
    source = write_rig(work, frame_size_px=(160, 120), rate_hz=30.0)
    made_study(work / "S1", sessions)
    for k in range(sessions):
        words = Run(f"M{k:03d}", OWNER, source, None, None, "", None, Manner("max", k, False, True))
        with open(os.devnull, "w") as nowhere:
            out, sys.stdout = sys.stdout, nowhere
            try:
                study_run(work / "S1", words, None)
            finally:
                sys.stdout = out
    for k in range(sessions):
        corrections = work / "S1" / "derivatives" / "review" / f"CODE{k}" / "corrections.csv"
        corrections.parent.mkdir(parents=True)
        corrections.write_text("frame_from,frame_to\n" + "1,2\n" * 5000, encoding="utf-8")
    return work / "S1"


def _row(fault: str, wrong: list[str]) -> Row:
    bad = [one for one in wrong if one]
    note = f"wrong: {bad[0]}" if bad else ""
    return Row(fault, len(wrong), len(wrong) - len(bad), None, note)


def _fresh(work: Path, made: Path, name: str, place: Path) -> Path:
    study = Path(shutil.copytree(made, work / name))
    place.mkdir(exist_ok=True)
    with verbs.open_study(study) as opened:
        set_place(opened, place, OWNER)
    return study


def _copying(study: str) -> None:
    with verbs.open_study(Path(study)) as opened:
        copy_all(opened)


def _kill(work: Path, made: Path, k: int, after_s: float) -> str:
    place = work / f"place-{k}"
    study = _fresh(work, made, f"killed-{k}", place)
    process = multiprocessing.get_context("fork").Process(target=_copying, args=(str(study),))
    process.start()
    threading.Event().wait(after_s)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    return _left(study, place)


def _kill_each(work: Path, made: Path, every: int) -> Iterator[str]:
    """Before the first file that it opens for writing, makes, renames or removes, and so on."""
    for n in range(1, MOST, every):
        place = work / f"place-at-{n}"
        study = _fresh(work, made, f"killed-at-{n}", place)
        if not killed(partial(_copying, str(study)), work, n):
            return
        yield _left(study, place)


def _restore_each(work: Path, made: Path, every: int) -> Iterator[str]:
    """The database damaged, sessions, rules and key gone; likewise, and then restored once more."""
    with verbs.open_study(_fresh(work, made, "copied", work / "place-of-all")) as opened:
        kept = copy_all(opened)
    for n in range(1, MOST, every):
        study = Path(shutil.copytree(work / "copied", work / f"restored-at-{n}"))
        for name in ("rawdata", "derivatives"):
            shutil.rmtree(study / name)
        for name in ("study.toml", "key.sealed", "study.sqlite-wal", "study.sqlite-shm"):
            (study / name).unlink(missing_ok=True)
        damaged = bytes(4096) + (study / "study.sqlite").read_bytes()[4096:]
        (study / "study.sqlite").write_bytes(damaged)
        again = partial(verbs.restore, study, OWNER, Path(kept.place))
        if not killed(again, work, n):
            return
        before = [study / "study.sqlite", *study.glob("backup/replaced-*/study.sqlite")]
        aside = any(path.exists() and path.read_bytes() == damaged for path in before)
        yield _restored(study, work / "copied", again) if aside else "the damaged one is gone"
        shutil.rmtree(study)


def _restored(study: Path, whole: Path, again: Callable[[], object]) -> str:
    """What is wrong with a study when what was killed was done once more."""
    again()
    with verbs.open_study(study) as opened:
        said = verbs.check(opened, {}, OWNER)
    have, wanted = contents(study / "rawdata"), contents(whole / "rawdata")
    return "; ".join(
        [*said, *(f"{name} is another" for name in wanted if have.get(name) != wanted[name])]
    )


def _left(study: Path, place: Path) -> str:
    """What is wrong with what a copying that was killed left, and with the next one."""
    wrong = _wrong(study, lambda one: True) or _copied(study)
    shutil.rmtree(study)
    shutil.rmtree(place)
    return wrong


def _copied(study: Path) -> str:
    """Copied again: everything is safe then, and verifies."""
    with verbs.open_study(study) as opened:
        said: list[str] = []
        kept = copy_all(opened, said.append)
    if kept.waiting:
        return f"{said[-1]}"
    return _wrong(study, lambda one: one is Safety.TWO)


def _wrong(study: Path, expected: Callable[[Safety], bool]) -> str:
    """What is wrong with what is told to be safe."""
    with verbs.open_study(study, write=False) as opened:
        kept = kept_of(opened)
    place = Path(kept.place)
    for name, one in kept.found.items():
        if not expected(one):
            return f"{name} {one}"
        if one is not Safety.TWO:
            continue
        if name == DATABASE:
            if not list((place / "backup").glob("study-*.sqlite")):
                return "the database is not there"
        elif name == BY_HAND:
            if not files_by_hand(place) or state_by_hand(place) != state_by_hand(study):
                return f"{name} are not the same there"
        elif not verify(place / name, pixels=False).ok:
            return f"{name} does not verify there"
    return ""


def _full(work: Path, made: Path) -> Row:
    """A disk that holds a part of it, and more when somebody has made room."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return Row(FULL, 0, 0, None, "skipped: a file system is mounted by root, on Linux")
    place = work / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "placepref-faults", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        return Row(FULL, 0, 0, None, "skipped: nothing can be mounted here")
    try:
        study = _fresh(work, made, "full", place)
        with verbs.open_study(study) as opened:
            waiting = copy_all(opened).waiting
        wrong = "" if waiting else "nothing waits, though the disk is too small"
        wrong = wrong or _wrong(study, lambda one: True)
        more = ["mount", "-o", "remount,size=64m", str(place)]
        subprocess.run(more, check=True, capture_output=True)
        return _row(FULL, [wrong or _copied(study)])
    finally:
        subprocess.run(["umount", str(place)], check=False, capture_output=True)
