"""Sessions filed under the wrong animal, phase or box: what was run goes to where it belongs.

A row of the plan keeps its uid, animal, phase, chamber and label; what was run (when, by whom, in
which folder) is taken off one row and put on another. The folder stays where it is and tells of it
in `amendments.jsonl`, written before the transaction is kept.
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import func, select

from protocols.conduct.attempts import ENDED
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.amending import chain
from protocols.study.amending.leaving import PRESENT
from protocols.study.deciding import redecide
from protocols.study.folder import Study
from protocols.study.scheduling import day_of, mates, sessions_of, when_of
from protocols.study.shifting import Moved, replan
from protocols.study.signing import in_open, sign
from rig.errors import ConfigError, StorageError
from rig.storage.folder import check_below

RUN = (
    "status",
    "rig",
    "person",
    "started",
    "ended",
    "folder",
    "sums_sha256",
    "entered_afterwards",
    "box",
)
"""What of a session's row tells how it was run."""
PLANNED = (
    "day",
    "place",
    "planned_for",
    "planned_first",
    "chamber",
    "cues",
    "box",
    "outside",
)
"""What of it tells how it was planned."""
Row = Mapping[str, Any]


def reattribute(
    study: Study,
    session: str,
    person: str,
    reason: str,
    *,
    animal: str | None = None,
    phase: str | None = None,
    box: str | None = None,
    begin: date | None = None,
    pin: str | None = None,
) -> tuple[str, list[Moved]]:
    """File a session that was run under the animal, phase or box that it was.

    `session`: its uid, or its folder. The plan that it was taken from is to be run again, not
    before `begin` (today). Gives the row's uid, and the sessions that have another day by it.
    Raises ConfigError.
    """
    said = in_open(study, reason, "--reason")
    with study.store.change(person, said) as change:
        sign(change, person, pin, ("technician", "owner"))
        row = was_run(change, session)
        if box is not None:
            known(change, t.box.c.name, box, "--box")
        wanted = {"animal": animal or row["animal"], "phase": phase or row["phase"]}
        known(change, t.animal.c.id, wanted["animal"], "--animal")
        phases = [one.name for one in study.protocol.phase]
        if phase is not None and phase not in phases:
            asked = select(t.session.c.phase).where(t.session.c.phase == phase).limit(1)
            if change.connection.execute(asked).first() is None:
                message = f"{phase!r}: no phase of this study (it has: {', '.join(phases)})"
                raise ConfigError("--phase", "", message)
        before, dates = _identity(row), dates_of(study, change, {row["animal"], wanted["animal"]})
        if (wanted["animal"], wanted["phase"]) == (row["animal"], row["phase"]):
            if box is None or box == row["box"]:
                raise ConfigError("--animal", "", "this is how the session is filed; no change")
            change.update(t.session, {"uid": row["uid"]}, box=box)
            target = row
        else:
            target = _free_row(change, row, wanted)
            _exchange(change, row, target, box)
        after = _identity({**target, "box": box or row["box"]})
        kind = "animal" if animal else "phase" if phase else "box"
        moved = laid_out_anew(study, change, dates, begin)
        record(study, change, target["uid"], row["folder"], kind, before, after, said)
    return str(target["uid"]), moved


def swap(
    study: Study,
    first: str,
    second: str,
    person: str,
    reason: str,
    *,
    begin: date | None = None,
    pin: str | None = None,
) -> list[Moved]:
    """Two sessions that were filed under each other's animal, put right in one step.

    What is planned of both animals is laid out anew where their sessions were on different days,
    not before `begin` (today); gives the sessions that have another day by it. Raises ConfigError
    where one of them was not run, or both are of one animal.
    """
    said = in_open(study, reason, "--reason")
    with study.store.change(person, said) as change:
        sign(change, person, pin, ("technician", "owner"))
        one, other = was_run(change, first), was_run(change, second)
        if one["animal"] == other["animal"]:
            message = f"both sessions are of {one['animal']}: say --phase of each by itself"
            raise ConfigError("swap", "", message)
        dates = dates_of(study, change, {one["animal"], other["animal"]})
        taken = {name: one[name] for name in RUN}
        given = {name: other[name] for name in RUN}
        change.update(t.session, {"uid": one["uid"]}, folder=None)  # no folder stands twice
        change.update(t.session, {"uid": other["uid"]}, **taken)
        change.update(t.session, {"uid": one["uid"]}, **given)
        others = {one["uid"]: other, other["uid"]: one}
        for exposure in _exposures(change, tuple(others)):
            to = others[exposure["session"]]
            change.update(
                t.exposure, {"id": exposure["id"]}, animal=to["animal"], session=to["uid"]
            )
        moved = laid_out_anew(study, change, dates, begin)
        for row, to in ((one, other), (other, one)):
            after = _identity({**to, "box": row["box"]})
            record(study, change, to["uid"], row["folder"], "swap", _identity(row), after, said)
        return moved


Dates = Mapping[str, tuple[bool, date | None]]
"""Phase to whether it is still planned, and when it is or was."""


def dates_of(study: Study, change: Change, animals: Iterable[str]) -> dict[str, Dates]:
    """The sessions of these animals, by animal."""
    return {
        animal: {
            row["phase"]: (row["status"] == "planned", when_of(study, row))
            for row in sessions_of(change, animal)
        }
        for animal in sorted(animals)
    }


def laid_out_anew(
    study: Study, change: Change, before: Mapping[str, Dates], begin: date | None
) -> list[Moved]:
    """What follows from sessions that are others' now: tests judged again, days laid out anew.

    `before`: as `dates_of` told them. What moved, of animals too that wait for one of these.
    """
    day = begin or day_of(study, datetime.now().astimezone())
    everyone = dict.fromkeys(one for animal in before for one in (animal, *mates(change, animal)))
    was = {animal: _open_dates(change, animal) for animal in everyone}
    for animal, dates in before.items():
        judged = redecide(study, change, animal, day)
        if judged or dates_of(study, change, [animal])[animal] != dates:
            replan(study, change, animal, day)
    moved = []
    for animal, old in was.items():
        new = _open_dates(change, animal)
        moved += [
            Moved(animal, phase, old.get(phase, "none"), new.get(phase, "none"))
            for phase in dict.fromkeys((*old, *new))
            if old.get(phase) != new.get(phase)
        ]
    return moved


def _open_dates(change: Change, animal: str) -> dict[str, str]:
    """The days of what is planned; those that are withheld are not among them."""
    rows = sorted(
        (row["planned_for"], row["phase"])
        for row in sessions_of(change, animal)
        if row["status"] == "planned" and row["planned_for"]
    )
    return {phase: planned_for for planned_for, phase in rows}


def was_run(change: Change, session: str) -> Row:
    """The row of a session that was run, by its uid or folder. Raises ConfigError."""
    row = find(change, session)
    if row["status"] not in ENDED:
        message = f"{session}: was not run to an end (it is {row['status']})"
        raise ConfigError("--session", "", message)
    return row


def find(change: Change, session: str) -> Row:
    """The row of a session by its uid, its folder, or ANIMAL/PHASE[/ATTEMPT]. ConfigError."""
    parts = PurePosixPath(session.replace("\\", "/")).parts
    asked = select(t.session)
    wanted = asked.where(t.session.c.uid == session)
    if "rawdata" in parts:
        inside = "/".join(parts[parts.index("rawdata") : parts.index("rawdata") + 3])
        wanted = asked.where(t.session.c.folder.startswith(inside, autoescape=True))
    elif 2 <= len(parts) <= 3:
        wanted = asked.where(t.session.c.animal == parts[0], t.session.c.phase == parts[1])
        if len(parts) == 3:
            number = int(parts[2]) if parts[2].isdigit() else 0
            wanted = wanted.where(t.session.c.attempt == number)
    rows = change.connection.execute(wanted.order_by(t.session.c.attempt)).mappings().all()
    if not rows:
        raise ConfigError("--session", "", f"{session!r}: there is no such session")
    if len(rows) > 1:
        message = f"{session!r}: was run {len(rows)} times; add the attempt, as {session}/1"
        raise ConfigError("--session", "", message)
    return dict(rows[0])


def known(change: Change, column: Any, value: str, option: str) -> None:
    """Raise ConfigError unless the study has this."""
    if change.connection.execute(select(column).where(column == value)).first() is None:
        raise ConfigError(option, "", f"{value!r}: is not in the study")


def next_attempt(change: Change, animal: str, phase: str) -> int:
    """The number of one more attempt."""
    asked = select(func.max(t.session.c.attempt)).where(
        t.session.c.animal == animal, t.session.c.phase == phase
    )
    return int(change.connection.execute(asked).scalar() or 0) + 1


def add_row(change: Change, like: Row, **other: Any) -> dict[str, Any]:
    """A new planned row as `like`, with nothing of how that was run."""
    row = {name: like[name] for name in PLANNED}
    row |= {"uid": secrets.token_hex(8), "status": "planned", "entered_afterwards": 0, **other}
    change.insert(t.session, **row)
    return row


def _free_row(change: Change, row: Row, wanted: Mapping[str, str]) -> Row:
    """The planned row that a session is put on, or a further attempt where all were run."""
    asked = (
        select(t.session)
        .where(
            t.session.c.animal == wanted["animal"],
            t.session.c.phase == wanted["phase"],
            t.session.c.status.in_(("planned", "cancelled")),
        )
        .order_by(t.session.c.attempt)
    )
    found = change.connection.execute(asked).mappings().first()
    if found is not None:
        return dict(found)
    attempt = next_attempt(change, wanted["animal"], wanted["phase"])
    return add_row(change, row, **wanted, attempt=attempt)


def _exchange(change: Change, row: Row, target: Row, box: str | None) -> None:
    """Put what was run on `target`; `row` is to be run again, if its animal goes on."""
    asked = select(t.animal.c.status, t.animal.c.box).where(t.animal.c.id == row["animal"])
    animal = change.connection.execute(asked).one()
    cleared: dict[str, Any] = dict.fromkeys(RUN)
    status = "planned" if animal.status in PRESENT else "cancelled"
    cleared |= {"status": status, "entered_afterwards": 0}
    cleared["box"] = target.get("box") or animal.box
    change.update(t.session, {"uid": row["uid"]}, **cleared)
    run = {name: row[name] for name in RUN}
    change.update(t.session, {"uid": target["uid"]}, **(run | {"box": box or row["box"]}))
    for exposure in _exposures(change, (row["uid"],)):
        change.update(
            t.exposure,
            {"id": exposure["id"]},
            animal=target["animal"],
            session=target["uid"],
        )


def _exposures(change: Change, sessions: tuple[str, ...]) -> list[Row]:
    asked = select(t.exposure).where(t.exposure.c.session.in_(sessions)).order_by(t.exposure.c.id)
    return [dict(one) for one in change.connection.execute(asked).mappings()]


def _identity(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("uid", "animal", "phase", "attempt", "box")}


def record(
    study: Study,
    change: Change,
    session: str,
    folder: str | None,
    kind: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    reason: str,
) -> None:
    """The amendment in the database, and in the session's folder if it has one.

    It comes last in its transaction: a line in a folder is not taken back with it.
    """
    told: dict[str, Any] = dict(after)
    if folder is not None:
        path = study.folder / check_below(folder, study.store.name)
        if not path.is_dir():
            raise StorageError(f"{path}: is not there; nothing was changed")
        entry = {
            "at": change.at,
            "person": change.person,
            "kind": kind,
            "before": dict(before),
            "after": dict(after),
            "reason": reason,
        }
        told["line_sha256"] = chain.append(path, entry)
    change.insert(
        t.amendment,
        session=session,
        kind=kind,
        before=json.dumps(dict(before), sort_keys=True),
        after=json.dumps(told, sort_keys=True),
        reason=reason,
        at=change.at,
        person=change.person,
    )
