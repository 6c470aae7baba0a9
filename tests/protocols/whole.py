"""Any protocol of the library played as a study, from its first day to its last.

    python -m tests.protocols.whole [NAME ...]      every one, with doors of every kind
    python -m tests.protocols.whole --animals 1     one animal instead of two: half as long

Short sessions and small pictures, at full speed, with a clock of the study's own. What a person
does is done by the verbs that the commands call; each session runs on the simulated rig.
"""

import argparse
import os
import sys
import tempfile
import time as clock
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import RowMapping, select

from protocols import library, study
from protocols.asking import Choice, make_wish
from protocols.course import Kind
from protocols.days import Misfit, laid_out, unrolled
from protocols.store import tables as t
from protocols.study import Study, deciding, doing, scheduling
from protocols.study import today as days
from protocols.study.today import phase_of
from protocols.timetable import WORK
from rig.hardware.simulated.builtin import builtin
from rig.session import LoadedRig, record
from rig.session.load import LoadedBox
from rig.session.verifying import verify
from tests.protocols.making import transplant

DRIVES = ("board", "manual", "none")
SHORT = {
    "test_s": 2, "conditioning_s": 2, "exposure_s": 2, "baseline_s": 2, "most_cycles": 2,
    "most": 2, "between_sessions_s": 3600,
}  # fmt: skip
"""Parameters that make a course short; those that a protocol has are taken."""
REQUIRED = 1
"""Stands for whatever a protocol leaves to the laboratory."""
RATE_HZ = 5.0
WORDS = {"ann": "a horse by the river", "bob": "two boats on the lake"}
HOLDER = ("ann", WORDS["ann"])
MONDAY = date(2026, 1, 5)
LONGEST_DAYS = 150


@dataclass
class Played:
    """What came of it: the phase of each session, and what is not as it should be."""

    phases: list[str] = field(default_factory=list)
    days: int = 0
    faults: list[str] = field(default_factory=list)


Donors = dict[str, Path]
"""Sessions that were run, by their doors and steps."""


def play(
    name: str, drive: str, folder: Path, animals: int = 2, donors: Donors | None = None
) -> Played:
    """Play one protocol with doors of one kind; `folder` is made.

    With `donors` a session is run only where none with its doors and steps was run before; the
    others are written from those, as `tests.protocols.making` does it.
    """
    rig = small_rig(len(library.read(name).chambers), drive)
    begin(name, folder, animals)
    played = Played()
    with patch.object(deciding, "paired_s", _paired_s), study.open_study(folder) as opened:
        for day in _days(opened, played):
            _day(opened, rig, day, played, donors)
            if opened.plan.pretest in played.phases and not _sealed(opened):
                _seal(opened, day + timedelta(days=1))
        played.faults += [*_left(opened, drive), *study.check(opened, WORDS, "ann")]
    return played


def _paired_s(opened: Study, row: RowMapping, paired: str) -> float:
    """What extinction is judged by: in a test of 2 s no animal shows that it learnt or forgot."""
    return 1200.0 if phase_of(opened, row["phase"]).kind is Kind.POSTTEST else 900.0


def begin(name: str, folder: Path, animals: int) -> None:
    """The study of a protocol, with its animals and their first days."""
    protocol = library.read(name)
    told = {k: v for k, v in SHORT.items() if k in protocol.parameters}
    told |= dict.fromkeys(protocol.required, REQUIRED)
    rules = (
        'name = "S"\npretest_limit = 1.0\n[exclusion]\n[gate]\nstop_when = "never"\n[parameters]\n'
    )
    rules += "".join(f"{key} = {value}\n" for key, value in told.items())
    text = library.text(name)
    study.new(folder, text, rules, "ann", WORDS, sheet=False, protocol_file=name)
    table = folder.parent / f"{folder.name}.csv"
    rows = "".join(f"M{k},{'FM'[k % 2]},C1,A,24\n" for k in range(1, animals + 1))
    table.write_text("id,sex,cage,box,weight_g\n" + rows, encoding="utf-8")
    with study.open_study(folder) as opened:
        study.add_box(opened, "A", "sim", "ann")
        study.add_person(opened, "tom", ("technician",), None, "ann")
        study.add_person(opened, "sue", ("technician",), None, "ann")
        study.add_animals(opened, table, "ann")
        if not opened.plan.pretest:
            _seal(opened, MONDAY)
        scheduling.set_start(opened, first_day(opened), "ann")


def first_day(opened: Study) -> date:
    """The first day from a Monday on from which the course fits."""
    course, is_open = opened.joined.course, scheduling.open_days(opened)
    phases = unrolled(course, [block.least for block in course.extinction])
    for day in (MONDAY + timedelta(days=n) for n in range(7)):
        found = laid_out(
            phases, course.study.weekend, day.weekday(),
            lambda n, day=day: is_open(day + timedelta(days=n)),
        )  # fmt: skip
        if is_open(day) and not isinstance(found, Misfit):
            return day
    raise AssertionError("no day to begin on")


def small_rig(chambers: int, drive: str) -> LoadedRig:
    """The built-in rig with small pictures."""
    rig, apparatuses = builtin(
        chambers=chambers, drive=drive, frame_size_px=(160, 120), rate_hz=RATE_HZ
    )
    boxes = {box.name: LoadedBox(box, apparatuses[box.name], "sim", None) for box in rig.box}
    return LoadedRig("sim", rig, boxes, Path())


def _days(opened: Study, played: Played) -> Iterator[date]:
    """The days on which somebody has to come, in order."""
    day = first_day(opened)
    while played.days < LONGEST_DAYS:
        yield day
        played.days += 1
        with opened.store.read() as connection:
            asked = select(t.session).where(t.session.c.status == "planned")
            rows = connection.execute(asked).mappings().all()
            left = [r for r in rows if _is_work(opened, r["phase"])]
            ahead = [when for r in left if (when := scheduling.when_of(opened, r)) is not None]
        if not ahead:
            return
        day = max(min(ahead), day + timedelta(days=1))


def _sealed(opened: Study) -> bool:
    with opened.store.read() as connection:
        return connection.execute(select(t.withheld).limit(1)).first() is not None


def _seal(opened: Study, day: date) -> None:
    """Allocated as if no side were preferred: in a test of 2 s one always is."""
    with opened.store.read() as connection:
        names = connection.execute(select(t.animal.c.id)).scalars().all()
    even = {f"time_{side}_s": "900" for side in opened.plan.sides}
    rows = [{"subject": name, "test_s": "1800", **even} for name in names]
    study.allocate_cohort(opened, "ann", rows, None, "a short one")
    study.seal_sessions(opened, "ann", HOLDER, day)


def _day(opened: Study, rig: LoadedRig, day: date, played: Played, donors: Donors | None) -> None:
    """All that the page of a day says, at its times."""
    midnight = datetime.combine(day, time()).astimezone()
    made = days.today(opened, 2, midnight + timedelta(hours=8))
    played.faults += [f"{day}: {line}" for line in made.broken]
    with opened.store.read() as connection:
        seen = {
            (row.animal, row.slot)
            for row in connection.execute(
                select(t.session.c.animal, t.procedure.c.slot)
                .join(t.session, t.session.c.uid == t.procedure.c.session)
                .where(t.procedure.c.blind == 0)
            )
        }
    for line in made.lines:
        start = midnight + timedelta(seconds=line.start_s)
        end = midnight + timedelta(seconds=line.end_s)
        if line.what == "weigh":
            doing.weigh(opened, line.animal, 24.5, "tom", start)
        elif line.what == "place":
            _run(opened, rig, line.animal, start, played, donors)
        elif line.what not in ("remove", "clean"):
            who = "sue" if (line.animal, line.what) in seen else "tom"
            doing.tick(opened, line.animal, line.what, who, end, started=start)


def _run(
    opened: Study,
    rig: LoadedRig,
    animal: str,
    at: datetime,
    played: Played,
    donors: Donors | None,
) -> None:
    begun = doing.begin(opened, animal, "tom", "sim", at)
    choice = Choice(
        name=str(opened.folder / study.PROTOCOL), subject=animal, rig="sim", out=opened.folder,
        phase=begun.phase, box="A", paired=begun.paired, assigned=begun.assigned,
        operator="tom", uid=begun.uid, attempt=begun.attempt, cues=begun.cues, withheld=True,
        codec="lossless",
    )  # fmt: skip
    wish, box = make_wish(choice, rig, "auto")
    steps = "".join(step.model_dump_json() for step in wish.plan.step)
    key = f"{[d.drive for d in box.apparatus.doorway]} {steps}"
    if donors is not None and key in donors:
        folder = transplant(donors[key], opened.folder, animal, begun.phase, at, "A", uid=begun.uid)
        status = ""
    else:
        seed = 1 + len(played.phases)
        done = record(wish, rig, out=opened.folder, box="A", seed=seed)
        folder, status = done.folder, str(done.ending.status)
        if status != "completed":
            played.faults.append(f"{animal} {begun.phase}: {status} ({done.ending.reason})")
        if donors is not None:
            donors[key] = folder
        found = verify(folder)
        if not found.ok:
            played.faults.append(f"{animal} {begun.phase}: {found}")
    ended = doing.after(at, folder)
    doing.finish_session(opened, begun.uid, folder, status or "completed", "tom", ended)
    played.phases.append(begun.phase)


def _left(opened: Study, drive: str) -> Iterator[str]:
    """Sessions that nobody ran, and what was not as planned."""
    with opened.store.read() as connection:
        for row in connection.execute(select(t.session)).mappings():
            if row["status"] not in ("done", "cancelled") and _is_work(opened, row["phase"]):
                yield f"{row['animal']} {row['phase']}: {row['status']}, {row['planned_for']}"
        for one in connection.execute(select(t.deviation.c.kind, t.deviation.c.what)):
            # No open day fits: told, and the next is taken. Without doors nobody is confined.
            if one.kind != "day" and not (one.kind == "side" and drive == "none"):
                yield f"deviation: {one.kind}: {one.what}"


def _is_work(opened: Study, phase: str) -> bool:
    found = phase_of(opened, phase)
    return found.in_box or bool(found.procedure) or found.kind in WORK


def main() -> int:
    """All protocols, or those that are named, with doors by motor, by hand and none."""
    asked = argparse.ArgumentParser(description=main.__doc__)
    asked.add_argument("names", nargs="*")
    asked.add_argument("--animals", type=int, default=2)
    told = asked.parse_args()
    every = [name for name in library.names() if library.read(name).study is not None]
    names = told.names or every
    sessions, faults = 0, 0
    for name in names:
        for drive in DRIVES:
            with tempfile.TemporaryDirectory() as folder:
                os.environ["PLACEPREF_CONFIG"] = folder
                began = clock.monotonic()
                played = play(name, drive, Path(folder) / "S", told.animals)
            sessions, faults = sessions + len(played.phases), faults + len(played.faults)
            took = clock.monotonic() - began
            print(f"{name:28} {drive:7} {len(played.phases):3} sessions {took:6.1f} s", flush=True)
            for line in played.faults:
                print(f"    {line}")
    print(f"{len(names)} protocols, {sessions} sessions completed and verified, {faults} faults")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
