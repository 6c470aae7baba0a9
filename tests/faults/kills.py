"""kill -9 of a station at random moments of a session, and what becomes of the session.

A real station of a simulated rig, in real time, with its board on a pseudo-terminal and video; the
session is one that a study planned. The moment is drawn evenly from the start that was asked for
to a while after the end. Then: the folder reads, at most one second of rows and of pictures is
lost, `study check` names what is unfinished and what to do, and the session is closed, or goes on
in the same folder with the gap marked, or was over; it is filed, `study check` finds nothing, and
every file of the sessions before it is what it was.

    python -m tests.faults.kills 40 [SEED]      so many kills, from another seed
"""

import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from protocols import library
from protocols import study as verbs
from protocols.asking import Choice, make_wish
from protocols.study import doing, scheduling
from protocols.study.interrupted import interrupted
from rig.channel import connect, ensure, find
from rig.channel.entries import RUNTIME_VARIABLE, is_claimed
from rig.errors import ConfigError, RigError
from rig.session import close, load_rig, resume
from rig.session.opened import CLOCK
from rig.storage import SessionRecord
from rig.storage.folder import TICKS
from rig.storage.record import whole_lines
from tests.faults.folder import contents, examine, has_end, left_alone, whole
from tests.faults.row import Row
from tests.small import tick_until, write_rig

OWNER, WORDS = "ann", {"ann": "a horse by the river", "bob": "two boats on the lake"}
RULES = """name = "kills"
sides = ["left", "right"]
pretest_limit = 0.05
[gate]
stop_when = "both"
[scoring]
primary = "cpp_score_s"
[day]
starts = "00:00"
ends = "23:59"
closed = []
[parameters]
test_s = {test_s}
"""
TEST_S = 2
LIFE_S = 8.0
"""From the start that was asked for to a while after the session's end."""
CLOSING_S = 0.3
BEFORE, DURING, AFTER = "before its first row", "while recording", "after its stop record"


@dataclass
class Killed:
    """One kill: when in the session, what was done then, what was lost, what did not hold."""

    when: str = BEFORE
    did: str = ""
    lost_s: float = 0.0
    wrong: list[str] = field(default_factory=list)


def made_study(folder: Path, animals: int, rules: str = RULES) -> None:
    """A study with so many animals whose pre-test is due today."""
    rules = rules.format(test_s=TEST_S)
    verbs.new(folder, library.text("cocaine-cpp"), rules, OWNER, WORDS, sheet=False)
    table = folder.parent / "animals.csv"
    lines = ["id,sex,cage,box,weight_g", *(f"M{k:03d},F,C1,A,22" for k in range(animals))]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with verbs.open_study(folder) as study:
        verbs.add_box(study, "A", "own", OWNER)
        verbs.add_animals(study, table, OWNER)
        # the study's own today, which at night is still yesterday
        today = scheduling.day_of(study, datetime.now().astimezone())
        scheduling.set_start(study, today, OWNER)


def kills(work: Path, count: int, seed: int) -> list[Killed]:
    """So many kills, one after the other, in a study of their own."""
    os.environ[RUNTIME_VARIABLE] = str(work / "run")
    os.environ["PLACEPREF_DATA"] = str(work / "data")
    work.mkdir(parents=True, exist_ok=True)
    source = write_rig(work, frame_size_px=(160, 120), rate_hz=30.0)
    folder = work / "study"
    made_study(folder, count)
    rng = random.Random(seed)
    found = []
    for k in range(count):
        with verbs.open_study(folder) as study:
            try:
                found.append(_kill(study, f"M{k:03d}", source, rng, k))
            except RigError as error:  # told at the end, and nothing of the others lost for it
                found.append(Killed(did="broke off", wrong=[str(error)]))
        told = "; ".join(found[-1].wrong) or "survived"
        print(f"{seed}-{k}: {found[-1].when}: {told}", file=sys.stderr, flush=True)
    return found


def _kill(study: verbs.Study, animal: str, source: str, rng: random.Random, k: int) -> Killed:
    killed = Killed()
    begun = doing.begin(study, animal, OWNER, "own", datetime.now().astimezone())
    codec = ("h264", "lossless")[k % 2]
    choice = Choice(
        name=str(study.folder / verbs.PROTOCOL),
        subject=animal,
        rig=source,
        out=study.folder,
        phase=begun.phase,
        assigned=begun.assigned,
        operator=OWNER,
        codec=codec,
        uid=begun.uid,
        attempt=begun.attempt,
        cues=begun.cues,
        withheld=True,
    )
    wish, _ = make_wish(choice, load_rig(source), "auto")
    others = contents(study.folder / "rawdata")
    killed_ns = _killed_at(
        source,
        wish.model_dump(mode="json", by_alias=True, exclude_none=True),
        study.folder,
        rng.uniform(0.0, LIFE_S),
        rng.randrange(1 << 30),
    )
    folder = doing.folder_of(study, animal, begun.uid)
    said = _check(study)
    if folder is None:
        if not any(animal in line for line in said) and interrupted(study.folder):
            killed.wrong.append(f"study check does not name it: {said}")
        for session in (study.folder / "rawdata").glob(f"sub-{animal}/ses-*"):
            if not any(session.name in line for line in said):
                killed.wrong.append(f"study check does not name {session.name}")
            for part in (session / "behav", session):  # as it was told
                for file in part.glob("*"):
                    file.unlink()
                with suppress(FileNotFoundError):
                    part.rmdir()
        doing.file_session(study, animal, OWNER, datetime.now().astimezone())
        killed.did = "planned again"
    else:
        _mend(study, folder, killed, killed_ns, source, said, k)
        status = doing.file_session(study, animal, OWNER, datetime.now().astimezone())[1]
        killed.wrong += [] if status in ("done", "failed") else [f"it was filed as {status}"]
    killed.wrong += [f"afterwards: {line}" for line in _check(study)]
    now = contents(study.folder / "rawdata")
    killed.wrong += [f"{file} was changed" for file in others if now.get(file) != others[file]]
    return killed


def _killed_at(source: str, wish: dict[str, object], out: Path, after_s: float, seed: int) -> int:
    """Start the session and kill its station so long after; when, on the frame clock, ns."""
    with ensure(source):
        entry = find(source)
        assert entry is not None

        def start() -> None:
            with suppress(RigError), connect(entry) as client:
                client.request("start", box="A", wish=wish, out=str(out), seed=seed)

        asking = threading.Thread(target=start)
        asking.start()
        # A moment is waited for, not a state: that it falls anywhere is the point.
        threading.Event().wait(after_s)
        os.kill(entry.pid, signal.SIGKILL)
        killed_ns = CLOCK()
        asking.join()
    tick_until(lambda: not is_claimed(entry.source))
    return killed_ns


def _mend(
    study: verbs.Study, folder: Path, killed: Killed, killed_ns: int, source: str,
    said: Sequence[str], k: int,
) -> None:  # fmt: skip
    found = examine(folder, killed_ns)
    killed.wrong += found.wrong
    killed.lost_s = found.lost_s
    if found.ticks:
        killed.when = AFTER if found.stopped else DURING
    record = SessionRecord.open(folder)
    name = folder.relative_to(study.folder).as_posix()
    told = [line for line in said if line.startswith(name)]
    if bool(told) == has_end(folder):
        killed.wrong.append(f"study check says of it: {told or 'nothing'}")
    if record.complete and not told:
        killed.did = "was whole"
        return
    before, ticks = contents(folder), whole_lines((folder / TICKS).read_bytes())
    if found.stopped or k % 3 == 0 or not found.ticks:
        if k % 2:
            _kill_closing(folder, k)
        try:
            ended = close(folder, "killed")
        except ConfigError:  # the one that was killed had come to its end
            killed.did = "closed"
            killed.wrong += whole(folder)
            return
        killed.did = "closed, killed in it before" if k % 2 else "closed"
        interrupted_so = str(ended.ending.reason).startswith("interrupted")
        if not (found.stopped or interrupted_so or ended.ending.status == "completed"):
            killed.wrong.append(f"closed as {ended.ending.status}: {ended.ending.reason}")
    else:
        speed = ("max", "1")[k % 3 - 1]
        try:
            resume(folder, source, speed=speed, seed=k)
            killed.did = f"resumed, speed {speed}"
            events = [e for e in SessionRecord.open(folder).events() if e["kind"] == "resumed"]
            if len(events) != 1 or not events[0]["data"]["gap_s"] > 0:
                killed.wrong.append(f"the gap is not marked: {events}")
        except RigError as error:
            if "this session has ended" not in str(error):
                raise
            close(folder, "killed")  # its end was decided, and its stop record not yet written
            killed.did = killed.did or "closed"
    killed.wrong += whole(folder)
    if not (folder / TICKS).read_bytes().startswith(ticks):
        killed.wrong.append("what was recorded is not the beginning of what is there now")
    after = contents(folder)
    killed.wrong += [
        f"{file} was changed"
        for file in before
        if file.startswith(("video", "background", "setup")) and after.get(file) != before[file]
    ]


def _kill_closing(folder: Path, k: int) -> None:
    """Kill a process that closes the session, somewhere in it."""
    context = multiprocessing.get_context("fork")  # it has all that it needs: it starts at once
    process = context.Process(target=close, args=(folder, "killed"))
    process.start()
    threading.Event().wait(random.Random(k).uniform(0.0, CLOSING_S))
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def _check(study: verbs.Study) -> list[str]:
    """`study check` when the kill is a while ago."""
    left_alone(study.folder / "rawdata")
    return verbs.check(study, {}, OWNER)


def rows(short: bool, total: int | None = None, seed: int = 0) -> Iterator[Row]:
    """A row for each time of a session in which the kills fell; `total`: another number of them."""
    if sys.platform == "win32":
        yield Row("kill -9 of the station", 0, 0, None, "skipped: there is no SIGKILL on Windows")
        return
    jobs = 2
    total = total or (5 if short else 200)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        counts = [total // jobs + (j < total % jobs) for j in range(jobs)]
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, mp_context=context) as pool:
            seeds = range(seed, seed + jobs)
            done = pool.map(kills, (work / str(j) for j in range(jobs)), counts, seeds)
            found = [killed for some in done for killed in some]
    for when in (BEFORE, DURING, AFTER):
        mine = [one for one in found if one.when == when]
        if mine:
            yield _row(f"kill -9 of the station, {when}", mine)


def _row(fault: str, found: Sequence[Killed]) -> Row:
    bad = [one for one in found if one.wrong]
    did: dict[str, int] = defaultdict(int)
    for one in found:
        did[one.did] += 1
    note = ", ".join(f"{n} {what}" for what, n in sorted(did.items()))
    if bad:
        note = f"{note}; wrong: {bad[0].wrong[0]}"
    lost_s = max(one.lost_s for one in found)
    return Row(fault, len(found), len(found) - len(bad), lost_s, note)


if __name__ == "__main__":
    for one in rows(False, int(sys.argv[1]), *map(int, sys.argv[2:3])):
        print(f"{one.fault:46} {one.injected:4d} {one.survived:4d} {one.lost:>6}")
        print(f"    {one.note}")
