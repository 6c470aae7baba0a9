"""What follows from a test of extinction: on, done, or not acquired; told in these words alone."""

import csv
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, select

from protocols.course import TESTS, Kind, numbered
from protocols.criteria import Extinction
from protocols.day.extinction import Judged, Outcome, judge
from protocols.day.sealed import paired_chamber
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.excluding import leave
from protocols.study.folder import Study
from protocols.study.scheduling import (
    all_over,
    day_of,
    decided,
    decisions,
    first_name,
    mates,
    redate,
    sessions_of,
)
from protocols.study.withheld import paired_of
from rig.errors import StorageError


def decide(study: Study, change: Change, session: RowMapping, now: datetime) -> Outcome | None:
    """What follows from a test of extinction that has just been filed; None for other sessions.

    Further cycles that are not needed are cancelled, the next sessions get their days, and an
    animal that a rule puts out is excluded from the phase on that the rule names.
    """
    course = study.joined.course
    found = [
        (number, block, tests)
        for number, block in enumerate(course.extinction)
        if session["phase"] in (tests := [numbered(block.test, k) for k in range(block.most)])
    ]
    if not found:
        return None
    number, block, tests = found[0]
    cycle = tests.index(session["phase"])
    animal = session["animal"]
    judged = _judged(study, change, animal, block, tests[: cycle + 1])
    if judged is None:
        return None
    told = decisions(change, animal, number)
    over = [r for r in told if r["outcome"] != Outcome.GOES_ON and r["cycle"] < cycle]
    outcome = Outcome(over[0]["outcome"]) if over else judged.outcome
    _write(change, animal, number, cycle, session["uid"], outcome)
    rules = []
    if judged.outcome is Outcome.NOT_ACQUIRED:
        rules = ["not_acquired"]
    elif outcome is Outcome.DONE and not judged.extinguished and not over:
        rules = ["not_extinguished"]
    if outcome is Outcome.GOES_ON:
        if animal in mates(change, animal):
            redate(study, change, animal, lenient=True)
        return outcome
    _put_out(study, change, animal, rules)
    _follow(study, change, animal, number, now)
    return outcome


def redecide(study: Study, change: Change, animal: str, now: datetime) -> bool:
    """Judge an animal's tests again after they were amended; whether anything else follows now.

    A block that goes on after all has its cancelled cycles back; one that is over loses them.
    """
    anything = False
    for number, block in enumerate(study.joined.course.extinction):
        tests = [numbered(block.test, k) for k in range(block.most)]
        over, changed = "", False
        for told in decisions(change, animal, number):
            judged = _judged(study, change, animal, block, tests[: told["cycle"] + 1])
            if judged is None:
                continue
            outcome = over or str(judged.outcome)
            over = outcome if outcome != Outcome.GOES_ON else ""
            if outcome != told["outcome"]:
                change.update(t.decision, {"id": told["id"]}, outcome=outcome)
                changed = True
        if changed:
            _bring_back(study, change, animal, number)
            _follow(study, change, animal, number, now)
        anything |= changed
    return anything


def _write(
    change: Change, animal: str, block: int, cycle: int, session: str, outcome: Outcome
) -> None:
    """The decision of a cycle; that of an attempt before gives way to it."""
    asked = select(t.decision.c.id).where(
        t.decision.c.animal == animal, t.decision.c.block == block, t.decision.c.cycle == cycle
    )
    there = change.connection.execute(asked).scalar()
    values = {"session": session, "outcome": str(outcome), "at": change.at}
    if there is not None:
        change.update(t.decision, {"id": there}, **values)
    else:
        change.insert(t.decision, animal=animal, block=block, cycle=cycle, **values)


def _follow(study: Study, change: Change, animal: str, number: int, now: datetime) -> None:
    """Days and cycles of all animals that wait for each other at the end of this block."""
    for mate in mates(change, animal):
        redate(study, change, mate, begin=day_of(study, now) + timedelta(days=1), lenient=True)
        _drop_cycles(study, change, mate, number)


def _bring_back(study: Study, change: Change, animal: str, number: int) -> None:
    """Plan cancelled cycles of a block again, as far as it goes on."""
    if animal not in mates(change, animal):
        return
    block, (cycles, _) = study.joined.course.extinction[number], decided(study, change, animal)
    wanted = {numbered(name, k) for name in block.cycle for k in range(cycles[number])}
    there = {row["phase"] for row in sessions_of(change, animal)}
    asked = select(t.session.c.uid, t.session.c.phase).where(
        t.session.c.animal == animal, t.session.c.status == "cancelled"
    )
    for row in change.connection.execute(asked.order_by(t.session.c.attempt)).all():
        if row.phase in wanted - there:
            change.update(t.session, {"uid": row.uid}, status="planned", planned_for=None)


def _drop_cycles(study: Study, change: Change, animal: str, number: int) -> None:
    """Cancel what is left of a block that is over."""
    course = study.joined.course
    cycles, _ = decided(study, change, animal)
    told = decisions(change, animal, number)
    if not told or told[-1]["outcome"] == Outcome.GOES_ON:
        return
    block = course.extinction[number]
    if block.then == "maintain" and not all_over(study, change, animal, number):
        return
    left = {numbered(n, k) for n in block.cycle for k in range(cycles[number], block.most)}
    for row in sessions_of(change, animal):
        if row["phase"] in left and row["status"] == "planned":
            change.update(t.session, {"uid": row["uid"]}, status="cancelled")


def _put_out(study: Study, change: Change, animal: str, rules: Sequence[str]) -> None:
    course = study.joined.course
    names = [phase.name for phase in course.phase]
    for rule in course.exclusion:
        if rule.by not in rules:
            continue
        change.insert(
            t.exclusion, animal=animal, rule=rule.by, value=None, rule_limit=None, at=change.at
        )
        gone = set(names[names.index(rule.from_phase) :] if rule.from_phase else names)
        out = {r["phase"] for r in sessions_of(change, animal)}
        out = {name for name in out if first_name(course.extinction, name) in gone}
        leave(change, animal, "excluded", rule.by, phases=out)


def _judged(
    study: Study, change: Change, animal: str, block: Extinction, tests: Sequence[str]
) -> Judged | None:
    """The criterion on the sessions that are filed; None where one is missing."""
    course = study.joined.course
    before = [p for p in course.phase if p.kind in TESTS and p.name not in block.cycle]
    initial = next((p for p in before if p.kind is Kind.POSTTEST), before[0] if before else None)
    rows = {row["phase"]: row for row in sessions_of(change, animal)}
    if initial is None:
        return None
    wanted = [rows.get(name) for name in (study.plan.pretest, initial.name, *tests)]
    paired = paired_of(study, change.connection, animal)
    seconds = []
    for row in wanted:
        if row is None or paired is None or row["status"] != "done":
            return None
        found = paired_s(study, row, paired)
        if found is None:
            return None
        seconds.append(found)
    return judge(block, seconds[0], seconds[1], seconds[2:])


def paired_s(study: Study, row: RowMapping, paired: str) -> float | None:
    """Seconds in the paired chamber of a session that is filed; None where they are not there."""
    if not row["folder"]:
        return None
    course = study.joined.course
    phase = course.phase_named(first_name(course.extinction, row["phase"]))
    cues = json.loads(row["cues"]) if row["cues"] else {}
    layout = phase.layout if phase else "usual"
    chamber = paired_chamber(layout, study.plan.sides, cues, paired)
    path = study.folder / row["folder"] / "summary.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            cells = list(csv.DictReader(file))
        return float(cells[-1][f"time_{chamber}_s"])
    except (OSError, IndexError, KeyError, ValueError) as error:
        message = f"{path}: the time in {chamber} cannot be read: {error}"
        raise StorageError(message) from None
