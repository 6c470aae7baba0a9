"""A session that is due begins: it is running then, and its rig knows what it has to."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select

from protocols.day.sealed import paired_chamber
from protocols.joining import contexts
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.amending.repeating import once_more
from protocols.study.doing.due import animal_of, due
from protocols.study.doing.reasons import Wrong, check_reason, go_on, iso
from protocols.study.doing.wrong import wrong_air, wrong_around, wrong_loss, wrong_person
from protocols.study.folder import Study
from protocols.study.scheduling import day_of
from protocols.study.today import phase_of
from protocols.study.withheld import paired_of
from rig.errors import RigError


@dataclass(frozen=True)
class Begun:
    """A session that is running now, and all that its rig has to know."""

    uid: str
    animal: str
    phase: str
    attempt: int
    box: str | None
    paired: str | None
    assigned: tuple[str, ...]
    cues: Mapping[str, str] | None


def begin(
    study: Study,
    animal: str,
    person: str,
    rig: str,
    now: datetime,
    *,
    box: str | None = None,
    phase: str | None = None,
    scanned: str = "",
    override: str = "",
) -> Begun:
    """Take an animal's session that is due; it is running then.

    `scanned`: the animal whose tag was read at the box, where somebody has.

    Raises DeviationError where anything is not as planned and no reason is given, RigError for an
    animal that is running already or a box in use.
    """
    check_reason(override)
    with study.store.change(person, override) as change:
        allowed(change, person, ("technician", "owner"))
        animal_of(change, animal, living=True)
        asked = select(t.session).where(t.session.c.status == "running")
        for other in change.connection.execute(asked).mappings():
            where = f"box {other['box']}" if other["box"] else "its box"
            if other["animal"] == animal:
                told = f"is running since {other['started']} on {other['rig']}, {where}"
                remedy = f"if it is not any more: placepref study file {study.folder} --subject"
                raise RigError(f"{animal} {told} ({other['phase']}); {remedy} {animal}")
        row, wrong = due(study, change, animal, phase, now)
        if scanned and scanned != animal:
            told = f"the tag that was read is {scanned}'s, not {animal}'s"
            wrong.insert(0, Wrong("animal", told))
        used = box or row["box"]
        taken = select(t.session).where(
            t.session.c.status == "running", t.session.c.box == used, t.session.c.rig == rig
        )
        busy = change.connection.execute(taken).mappings().first()
        if used and busy is not None:
            raise RigError(f"box {used} is in use: {busy['animal']} since {busy['started']}")
        if row["box"] and used != row["box"]:
            wrong.append(Wrong("box", f"{animal} is planned for box {row['box']}, not {used}"))
        wrong += wrong_loss(study, change, animal)
        wrong += wrong_around(study, change, row, now)
        wrong += wrong_air(study, change, used, rig, now)
        wrong += wrong_person(change, row, person)
        if row["status"] != "planned":
            row = once_more(change, dict(row), day_of(study, now))
        go_on(change, row["uid"], wrong, override)
        if used and used not in set(change.connection.execute(select(t.box.c.name)).scalars()):
            change.insert(t.box, name=used, rig=rig)
        change.update(
            t.session,
            {"uid": row["uid"]},
            status="running",
            rig=rig,
            box=used,
            person=person,
            started=iso(now),
        )
        return _begun(study, change, row, used)


def practise(
    study: Study, animal: str, person: str, now: datetime, phase: str | None = None
) -> Begun:
    """What a session of this animal's would be, for practice: nothing is begun.

    Its uid is none of the study's, so that it cannot be filed. Raises ConfigError.
    """
    with study.store.change(person, "practice") as change:
        allowed(change, person, ("technician", "owner"))
        row, _ = due(study, change, animal, phase, now)
        begun = _begun(study, change, row, row["box"])
    return replace(begun, uid=secrets.token_hex(8))


def _begun(study: Study, change: Change, row: RowMapping, box: str | None) -> Begun:
    """What the rig has to know: the chamber stands for itself, whatever the animal's order."""
    phase = phase_of(study, row["phase"])
    joined = study.joined
    cue = paired_of(study, change.connection, row["animal"])
    cues = json.loads(row["cues"]) if row["cues"] else None
    paired = paired_chamber(phase.layout, study.plan.sides, cues or {}, cue) if cue else None
    values: dict[str, Any] = dict(joined.values)
    if row["chamber"]:
        role = "paired" if row["chamber"] == paired else "unpaired"
        values |= dict.fromkeys(contexts(joined.course, joined.values), role)
    assigned = tuple(f"{key}={_word(value)}" for key, value in values.items())
    return Begun(
        row["uid"],
        row["animal"],
        row["phase"],
        row["attempt"],
        box,
        paired or None,
        assigned,
        cues,
    )


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
