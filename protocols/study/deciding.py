"""What follows from a test of extinction: on, done, or not acquired; told in these words alone."""

import csv
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, select

from protocols.course import TESTS, Kind, numbered
from protocols.criteria import Extinction
from protocols.day.extinction import Judged, Outcome, judge
from protocols.day.sealed import paired_chamber
from protocols.days import unrolled
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.excluding import leave
from protocols.study.folder import Study
from protocols.study.measured import standing_in
from protocols.study.scheduling import (
    Reading,
    Reads,
    all_over,
    day_of,
    decided,
    decisions,
    first_name,
    hidden_phases,
    mates,
    redate,
    sessions_of,
)
from protocols.study.withheld import paired_of
from rig.errors import StorageError

Row = RowMapping | Mapping[str, Any]
RUN = ("done", "running")
OF_EXTINCTION = ("not_acquired", "not_extinguished")
"""Rules that this module applies."""


def decide(study: Study, change: Change, session: RowMapping, now: datetime) -> Outcome | None:
    """What follows from a test of extinction that has just been filed; None for other sessions.

    Further cycles that are not needed are cancelled, the next sessions get their days, and an
    animal that a rule puts out is excluded from the phase on that the rule names. A test that was
    repeated is judged in place of the one before, and what followed from that is taken back.
    """
    told, begin = None, day_of(study, now) + timedelta(days=1)
    for number, block in enumerate(study.joined.course.extinction):
        tests = _tests(block)
        if session["phase"] in tests:
            found = _settle(study, change, session["animal"], number, begin)
            told = found.verdicts.get(tests.index(session["phase"]))
        elif session["phase"] in _measured_against(study, block):  # filed after those it judges
            _settle(study, change, session["animal"], number, begin)
    return None if told is None else told.outcome


def redecide(study: Study, change: Change, animal: str, begin: date) -> bool:
    """Judge an animal's tests again after they were amended; whether anything else follows now.

    Nothing is laid out before `begin`.

    A block that goes on after all has its cancelled cycles back, one that is over loses them; an
    animal that a rule of extinction put out is in again where the rule does not hold any more.
    """
    changed = False
    for number in range(len(study.joined.course.extinction)):
        changed |= _settle(study, change, animal, number, begin, again=True).changed
    return changed


def is_judged(study: Study, reads: Reads, animal: str) -> bool:
    """Whether tests of extinction of this animal are filed: one that changes may turn it."""
    tests = {name for block in study.joined.course.extinction for name in _tests(block)}
    rows = sessions_of(reads, animal)
    return any(row["phase"] in tests and row["status"] == "done" for row in rows)


def extinction(study: Study) -> dict[str, str]:
    """Each animal's outcome so far, in the words that people who are blinded are told.

    Of an animal that a rule of extinction put out it says so.
    """
    found = {}
    with study.store.read() as connection:
        reads = Reading(connection)
        asked = select(t.animal).where(t.animal.c.id.in_(select(t.decision.c.animal)))
        for row in connection.execute(asked.order_by(t.animal.c.id)).mappings().all():
            for number in range(len(study.joined.course.extinction)):
                if told := decisions(reads, row["id"], number):
                    found[row["id"]] = str(told[-1]["outcome"])
            if row["status"] == "excluded" and row["status_reason"] in OF_EXTINCTION:
                found[row["id"]] += " (excluded)"
    return found


class _Settled(NamedTuple):
    """What each test says, by its cycle, and whether any says another thing than before."""

    verdicts: dict[int, Judged]
    changed: bool


def _settle(
    study: Study, change: Change, animal: str, number: int, begin: date, *, again: bool = False
) -> _Settled:
    """Judge all filed tests of a block, write down what differs, and do what follows.

    `again`: sessions were amended, so that others may have to wait, or not any more.
    """
    block = study.joined.course.extinction[number]
    rows = {row["phase"]: row for row in sessions_of(change, animal)}
    asked = select(t.decision).where(t.decision.c.animal == animal, t.decision.c.block == number)
    known = {row["cycle"]: row for row in change.connection.execute(asked).mappings()}
    verdicts = _verdicts(study, change, animal, block, rows)
    if not verdicts and not known:
        return _Settled({}, changed=False)
    stood = {row["cycle"]: row["outcome"] for row in decisions(change, animal, number)}
    stands = stood | {cycle: str(judged.outcome) for cycle, judged in verdicts.items()}
    was_over, is_over = (set(s.values()) - {Outcome.GOES_ON} != set() for s in (stood, stands))
    later = _run_after(study, block, rows)
    ended = any(row["outcome"] != Outcome.GOES_ON for row in known.values())
    if ended and not is_over and later is not None:
        # What was run cannot be unrun: the decision stays, and the session tells of it.
        _deviate(change, later, "was run, and by its tests extinction was not over")
        return _Settled({}, changed=False)
    changed = False
    for cycle, judged in verdicts.items():
        values = {"session": rows[_tests(block)[cycle]]["uid"], "outcome": str(judged.outcome)}
        if cycle not in known:
            key = {"animal": animal, "block": number, "cycle": cycle}
            change.insert(t.decision, **key, **values, at=change.at)
        elif all(known[cycle][name] == value for name, value in values.items()):
            continue
        else:
            change.update(t.decision, {"id": known[cycle]["id"]}, **values, at=change.at)
        changed = True
    ends = next((one for one in verdicts.values() if one.outcome is not Outcome.GOES_ON), None)
    if ends is not None or not is_over:
        _apply_rules(study, change, animal, ends)
    if animal in mates(change, animal) and not is_over:
        cycles = {numbered(name, k) for name in block.cycle for k in range(block.most)}
        _bring_back(study, change, animal, cycles)
    if again or is_over or was_over:
        _follow(study, change, animal, number, begin)
    elif animal in mates(change, animal):
        redate(study, change, animal, lenient=True)
    return _Settled(verdicts, changed)


def _verdicts(
    study: Study,
    change: Change,
    animal: str,
    block: Extinction,
    rows: Mapping[str, RowMapping],
) -> dict[int, Judged]:
    """The criterion on the tests that are filed, by cycle; one without those before it is left out.

    Once a block is over, it stays so in the cycles that maintain it.
    """
    filed = [name for name in _tests(block) if name in rows and rows[name]["status"] == "done"]
    if not filed:  # then nothing that is withheld is asked for, either
        return {}
    paired = paired_of(study, change.connection, animal)
    names = _measured_against(study, block)
    pretest, initial = (
        _seconds(study, change, rows.get(name), paired) for name in names or ("", "")
    )
    if pretest is None or initial is None:
        return {}
    found: dict[int, Judged] = {}
    seconds: list[float] = []
    over: Judged | None = None
    for cycle, name in enumerate(_tests(block)):
        spent = _seconds(study, change, rows.get(name), paired)
        if spent is None:
            break
        seconds.append(spent)
        judged = over or judge(block, pretest, initial, seconds)
        over = judged if judged.outcome is not Outcome.GOES_ON else None
        found[cycle] = judged
    return found


def _tests(block: Extinction) -> list[str]:
    return [numbered(block.test, k) for k in range(block.most)]


def _measured_against(study: Study, block: Extinction) -> list[str]:
    """The phases that a test of extinction is compared with: the pre-test, and the first test."""
    before = [p for p in study.joined.course.phase if p.kind in TESTS and p.name not in block.cycle]
    initial = next((p for p in before if p.kind is Kind.POSTTEST), before[0] if before else None)
    return [study.plan.pretest, initial.name] if initial is not None else []


def _run_after(
    study: Study, block: Extinction, rows: Mapping[str, RowMapping]
) -> RowMapping | None:
    """The first session after a block that was run already; None where none was."""
    course = study.joined.course
    names = [phase.name for phase in course.phase]
    last = max(names.index(name) for name in block.cycle)
    run = {
        names.index(first_name(course.extinction, name)): row
        for name, row in rows.items()
        if row["status"] in RUN
    }
    return next((run[place] for place in sorted(run) if place > last), None)


def _deviate(change: Change, session: RowMapping, what: str) -> None:
    """Put it on a session, once."""
    asked = select(t.deviation.c.id).where(
        t.deviation.c.session == session["uid"], t.deviation.c.what == what
    )
    if change.connection.execute(asked).first() is None:
        change.insert(
            t.deviation,
            session=session["uid"],
            at=change.at,
            kind="extinction",
            what=what,
            reason="seen by the program",
            person=change.person,
        )


def _apply_rules(study: Study, change: Change, animal: str, over: Judged | None) -> None:
    """Put an animal out by what extinction says of it, or in again where it says so no more."""
    broken = ""
    if over is not None and over.outcome is Outcome.NOT_ACQUIRED:
        broken = "not_acquired"
    elif over is not None and not over.extinguished:
        broken = "not_extinguished"
    asked = select(t.animal.c.status, t.animal.c.status_reason).where(t.animal.c.id == animal)
    now = change.connection.execute(asked).one()
    by_rule = now.status == "excluded" and now.status_reason in OF_EXTINCTION
    if by_rule and now.status_reason != broken:
        _take_in(study, change, animal, str(now.status_reason))
        by_rule = False
    if not by_rule and broken and animal in mates(change, animal):
        _put_out(study, change, animal, [broken])


def _take_in(study: Study, change: Change, animal: str, rule: str) -> None:
    """Undo an exclusion: the status from before, by the trail, and what was cancelled with it."""
    course = study.joined.course
    asked = (
        select(t.audit.c.before, t.audit.c.after)
        .where(t.audit.c.about == t.animal.name, t.audit.c.row_key == animal)
        .order_by(t.audit.c.n.desc())
    )
    for row in change.connection.execute(asked):
        if row.before is not None and json.loads(row.after).get("status") == "excluded":
            status = json.loads(row.before)["status"]
            break
    else:
        raise StorageError(f"{animal}: the trail does not tell what it was before it was excluded")
    change.update(
        t.animal,
        {"id": animal},
        status=status,
        status_since=change.at,
        status_reason=f"{rule} does not hold after an amendment",
        status_by=change.person,
    )
    phases = {p.name for p in unrolled(course, [b.most for b in course.extinction])}
    for number, block in enumerate(course.extinction):
        if any(r["outcome"] != Outcome.GOES_ON for r in decisions(change, animal, number)):
            phases -= {numbered(name, k) for name in block.cycle for k in range(block.most)}
    _bring_back(study, change, animal, phases)


def _follow(study: Study, change: Change, animal: str, number: int, begin: date) -> None:
    """Days and cycles of all animals that wait for each other at the end of this block."""
    for mate in mates(change, animal):
        _undate(study, change, mate)
        redate(study, change, mate, begin=begin, lenient=True)
        _drop_cycles(study, change, mate, number)


def _undate(study: Study, change: Change, animal: str) -> None:
    """Take the days from sessions that wait for a decision again."""
    course = study.joined.course
    if hidden_phases(study):  # who has not the key knows neither their days nor their order
        return
    _, names = decided(study, change, animal)
    every = {p.name for p in unrolled(course, [b.most for b in course.extinction])}
    for row in sessions_of(change, animal):
        if row["status"] == "planned" and row["planned_for"] and row["phase"] in every - names:
            change.update(t.session, {"uid": row["uid"]}, planned_for=None)


def _bring_back(study: Study, change: Change, animal: str, phases: Collection[str]) -> None:
    """Plan cancelled sessions of these phases again, where none of the phase is left."""
    there = {row["phase"] for row in sessions_of(change, animal)}
    asked = select(t.session.c.uid, t.session.c.phase).where(
        t.session.c.animal == animal, t.session.c.status == "cancelled"
    )
    newest = change.connection.execute(asked.order_by(t.session.c.attempt)).all()
    for phase, uid in {row.phase: row.uid for row in newest}.items():
        if phase in set(phases) - there:
            change.update(t.session, {"uid": uid}, status="planned", planned_for=None)


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


def _seconds(study: Study, change: Change, row: Row | None, paired: str | None) -> float | None:
    """Seconds in the paired chamber of a session that is filed; None where they are not known.

    Where it was measured again, and that counts, by that.
    """
    if row is None or paired is None or row["status"] != "done":
        return None
    if not row["folder"]:
        return _noted_s(study, change, row, paired)
    again = standing_in(change.connection).get(row["folder"])
    if again is not None and again.counts is not None:
        row = {**row, "folder": again.counts.folder}
    return paired_s(study, row, paired)


def paired_s(study: Study, row: Row, paired: str) -> float | None:
    """Seconds in the paired chamber of a session that is filed; None where they are not there."""
    if not row["folder"]:
        return None
    chamber = _paired_in(study, row, paired)
    path = study.folder / row["folder"] / "summary.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            cells = list(csv.DictReader(file))
        return float(cells[-1][f"time_{chamber}_s"])
    except (OSError, IndexError, KeyError, ValueError) as error:
        message = f"{path}: the time in {chamber} cannot be read: {error}"
        raise StorageError(message) from None


def _noted_s(study: Study, change: Change, row: Row, paired: str) -> float | None:
    """The same of a session that was entered afterwards, by the minutes that somebody noted."""
    asked = select(t.exposure.c.received).where(
        t.exposure.c.session == row["uid"],
        t.exposure.c.kind == "cue_set",
        t.exposure.c.what == _paired_in(study, row, paired),
    )
    minutes = change.connection.execute(asked).scalar()
    return None if minutes is None else 60.0 * float(minutes)


def _paired_in(study: Study, row: Row, paired: str) -> str:
    """The chamber that is paired in a session."""
    course = study.joined.course
    phase = course.phase_named(first_name(course.extinction, row["phase"]))
    cues = json.loads(row["cues"]) if row["cues"] else {}
    layout = phase.layout if phase else "usual"
    return paired_chamber(layout, study.plan.sides, cues, paired)
