"""The sessions of a study: those that its database has, and folders that it does not know."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from protocols.scores import POSTTEST, PRETEST
from protocols.store import tables as t
from protocols.study.adding import usual_cues
from protocols.study.amending import filed as attempts_of
from protocols.study.folder import Study
from protocols.study.measured import (
    CORRECTED,
    Remeasured,
    Standing,
    remeasurements,
    standing,
)
from protocols.study.remeasuring import drawn
from protocols.times import phase_of
from rig.errors import RigError
from rig.steps import SessionPlan
from rig.storage import SessionRecord
from rig.storage.folder import SUMS

BUDGET_MS: float = SessionPlan.model_fields["latency_budget_ms"].default


@dataclass(frozen=True)
class Filed:
    """A session's folder, whose it is and what it was; `phase` as scores call it, "" if no test.

    Where the database has it, its word counts: what was amended is amended there. `cues`: chamber
    to cue set. `known`: the database has it. `whole`: its SHA256SUMS are those that were filed;
    None where there is nothing to compare. `status`: of the session's own stop record. `zones`: a
    hash of its chambers, doorways and scale. `rule`: whether it is the attempt that is scored, by
    the study's `[attempts]`; None where the database does not know it. `again`: the measurement
    that counts in place of its own; `not_blind`: a later one that does not. `latency`: its reaction
    times in ms by the stop record's own names, none of a session that did not run in real time;
    `budget_ms`: what its plan allows.
    """

    folder: Path
    subject: str
    phase_name: str
    phase: str
    attempt: int
    began: str
    box: str
    status: str
    reason: str
    uid: str
    sums_sha256: str
    known: bool
    whole: bool | None
    cues: Mapping[str, str]
    subject_then: str
    zones: str
    simulated: bool = False
    rule: bool | None = None
    again: Remeasured | None = None
    not_blind: Remeasured | None = None
    latency: Mapping[str, float] = field(default_factory=dict)
    budget_ms: float = BUDGET_MS

    @property
    def is_posttest(self) -> bool:
        """Whether it is the test after conditioning."""
        return self.phase == POSTTEST

    @property
    def counts(self) -> bool:
        """Whether it is a test that is scored: by the rule, else if it was carried out whole."""
        if not self.phase or not self.status:  # without a stop record nobody knows how it ended
            return False
        return self.status == "completed" if self.rule is None else self.rule


def filed_sessions(study: Study) -> tuple[list[Filed], list[str]]:
    """Every session of a study in order of their beginning, and what is to be known of some."""
    with study.store.read() as connection:
        rows = connection.execute(select(t.session).where(t.session.c.folder.is_not(None)))
        known = {row["folder"]: dict(row) for row in rows.mappings()}
        animals = set(connection.execute(select(t.animal.c.id)).scalars())
    attempts = attempts_of(study)
    counting = {one.uid: one.counts for one in attempts}
    measured = standing(study)
    found: list[Filed] = []
    notes: list[str] = []
    for name in sorted(known):
        if not (study.folder / name).is_dir():
            notes.append(f"{name}: the database has it, and it is not there; it is left out")
    for path in _folders(study.folder):
        name = path.relative_to(study.folder).as_posix()
        row = known.get(name)
        one = _read(path, row, study.plan.pretest, notes)
        if one is None:
            continue
        if study.plan.cues and not one.cues and one.phase == PRETEST:
            one = replace(one, cues=usual_cues(study, one.phase_name))  # nothing was drawn yet
        if one.subject not in animals:
            notes.append(f"{name}: {one.subject} is no animal of this study; it is left out")
        else:
            if one.known:
                now = measured.get(name, Standing(None, None))
                rule = counting.get(one.uid, False)
                one = replace(one, rule=rule, again=now.counts, not_blind=now.beside)
            if one.whole is False:
                notes.append(f"{name}: its {SUMS} is not the one that was filed")
            found.append(one)
    for run in attempts:
        if run.counts and not run.folder and phase_of(run.phase):
            notes.append(
                f"{run.animal} {run.phase} was run outside the program: no recording, no score"
            )
    notes += _left_behind(study, found)
    strays = sum(not one.known for one in found)
    if strays:
        notes.append(
            f"{strays} of {len(found)} sessions are not in the database: taken by what their"
            " folders say; placepref study check names them"
        )
    return sorted(found, key=lambda one: one.began), notes


def found_sessions(folder: Path) -> tuple[list[Filed], list[str]]:
    """The sessions of a folder that is no study, as `placepref run` leaves them."""
    notes: list[str] = []
    read = (_read(path, None, PRETEST, notes) for path in _folders(folder))
    return sorted((one for one in read if one is not None), key=lambda one: one.began), notes


def tests_of(filed: Sequence[Filed], notes: list[str]) -> dict[str, dict[str, Filed]]:
    """The tests that count by animal and phase; of several without a rule, the last."""
    tests: dict[str, dict[str, Filed]] = {}
    for one in sorted(filed, key=lambda one: (one.began, one.attempt)):
        if one.phase and not one.counts:
            why = one.status or "without a stop record"
            if one.status == "completed":
                why = "another attempt counts, or none, by the rule [attempts]"
            elif one.reason:
                why += f", {one.reason}"
            notes.append(f"{one.subject} {one.phase}: {one.folder.parent.name}: {why}; not scored")
        if not one.counts:
            continue
        own = tests.setdefault(one.subject, {})
        if one.phase in own and own[one.phase].rule and one.rule is None:
            notes.append(
                f"{one.subject} {one.phase}: {one.folder.parent.name} is not in the database; the"
                " attempt that counts by the rule is scored"
            )
            continue
        if one.phase in own:
            first = own[one.phase].folder.parent.name
            notes.append(
                f"{one.subject} is in {one.phase} more than once; the last counts, not {first}"
            )
        own[one.phase] = one
    return tests


def _folders(folder: Path) -> list[Path]:
    return sorted(path.parent for path in (folder / "rawdata").glob("sub-*/ses-*/behav/setup.json"))


def _read(
    folder: Path, row: Mapping[str, Any] | None, pretest: str, notes: list[str]
) -> Filed | None:
    """One session's heads: its setup as plain data and its stop record, not its rows."""
    try:
        record = SessionRecord.open(folder)
        setup = json.loads(record.setup_bytes)
        subject, phase, began = setup["subject"], setup["phase"], setup["anchor"]["wall"]
        stop = _stop(record)
        sums = _digest(folder / SUMS)
    except (RigError, OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        notes.append(f"{folder.parent.name}: cannot be read and is left out: {error}")
        return None
    row = row or {}
    name = row.get("phase") or phase
    wanted = row.get("sums_sha256")
    return Filed(
        folder=folder,
        subject=row.get("animal") or subject,
        phase_name=name,
        phase=PRETEST if name == pretest else phase_of(name) or "",
        attempt=int(row.get("attempt") or setup.get("attempt", 1)),
        began=began,
        box=row.get("box") or setup.get("box", ""),
        status=stop.get("status", ""),
        reason=stop.get("reason", ""),
        uid=row.get("uid") or setup.get("uid", ""),
        sums_sha256=sums,
        known=bool(row),
        whole=None if not wanted else sums == wanted,
        cues=json.loads(row["cues"]) if row.get("cues") else {},
        subject_then=subject,
        zones=drawn(setup["apparatus"]),
        simulated=bool(setup.get("simulated", False)),
        latency={
            name: float(value)
            for name, value in stop.items()
            if name.startswith("latency_") and isinstance(value, int | float)
        },
        budget_ms=float(setup.get("plan", {}).get("latency_budget_ms", BUDGET_MS)),
    )


def _left_behind(study: Study, found: Sequence[Filed]) -> list[str]:
    """Sessions that came to a box and camera position after its others were measured again."""
    redrawn = {one.of for one in remeasurements(study) if one.changed != (CORRECTED,)}
    by_place: dict[tuple[str, str], list[tuple[Filed, bool]]] = {}
    for one in found:
        done = one.folder.relative_to(study.folder).as_posix() in redrawn
        by_place.setdefault((one.box, one.zones), []).append((one, done))
    notes = []
    for own in by_place.values():
        lacking = [one for one, done in own if not done]
        if lacking and len(lacking) < len(own):
            names = ", ".join(f"{one.subject} {one.phase_name}" for one in lacking[:3])
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            notes.append(
                f"{names}{more}: not measured again, as the others of box {lacking[0].box} at that"
                " camera position were; give placepref study remeasure once more"
            )
    return notes


def _stop(record: SessionRecord) -> Mapping[str, Any]:
    """The stop record, which is the last event; empty without one."""
    lines = (record.folder / "events.jsonl").read_bytes().rstrip().rsplit(b"\n", 3)
    for line in reversed(lines):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if event.get("kind") == "stop":
            data: Mapping[str, Any] = event["data"]
            return data
    return {}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
