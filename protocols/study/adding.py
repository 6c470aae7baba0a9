"""Animals, people and boxes put into a study, and who may do what."""

import json
import secrets
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from protocols import subjects
from protocols.cues import laid
from protocols.day.sealed import cue_map
from protocols.store import ROLES, Change, hash_pin, is_pin
from protocols.store import tables as t
from protocols.study.folder import Study
from rig.errors import ConfigError

SCAN = "scan"
"""In place of a name: whoever's badge is scanned."""


def add_animals(study: Study, path: Path, person: str) -> tuple[int, list[str]]:
    """Put in the animals of a table, each with its pre-test; how many, and how it was read.

    Raises ConfigError.
    """
    with study.store.change(person, f"animals of {path.name}") as change:
        allowed(change, person, ("technician", "owner"))
        known = list(change.connection.execute(select(t.animal.c.id)).scalars())
        boxes = set(change.connection.execute(select(t.box.c.name)).scalars())
        groups = [group.name for group in study.plan.group]
        found, said = subjects.read(path, groups, known, date.today())
        cohorts = change.connection.execute(select(func.max(t.allocation.c.cohort))).scalar() or 0
        for place, subject in enumerate(found):
            box = subject.columns.get("box")
            if box and box not in boxes:
                boxes.add(box)
                change.insert(t.box, name=box)
            id = subject.columns["id"]
            change.insert(t.animal, **subject.columns, cohort=cohorts + 1, status="active")
            if subject.weight_g is not None:
                change.insert(t.weight, animal=id, at=change.at, weight_g=subject.weight_g)
            if study.plan.pretest:
                usual = usual_cues(study, study.plan.pretest)
                cues = json.dumps(usual) if usual else None
                plan_session(change, id, study.plan.pretest, 1, place, box, cues=cues)
    return len(found), said


def add_person(
    study: Study,
    name: str,
    roles: Sequence[str],
    pin: str | None,
    by: str,
    badge: str | None = None,
) -> None:
    """Put in a person with roles; PIN and badge are kept hashed.

    One who is in the study since it began, as its preparers are, gets a first PIN or badge. Raises
    ConfigError.
    """
    if name == SCAN:
        raise ConfigError("--person", "", f"{name!r}: is the word for a badge; take another name")
    for role in roles:
        if role not in ROLES:
            raise ConfigError("--role", "", f"{role!r}: one of {', '.join(ROLES)}")
    if not roles:
        raise ConfigError("--role", "", f"missing: one of {', '.join(ROLES)}")
    try:
        hashed = None if pin is None else hash_pin(pin)
    except ValueError as error:
        raise ConfigError("--pin", "", str(error)) from None
    try:
        scan = None if badge is None else hash_pin(badge)
    except ValueError:
        raise ConfigError("--badge", "", "a badge gives four characters or more") from None
    with study.store.change(by) as change:
        allowed(change, by, ("owner",))
        known = change.connection.execute(select(t.person).where(t.person.c.name == name)).first()
        gets = known is not None and not known.pin and not known.scan and (pin or badge)
        if known is not None and not (gets and set(roles) <= set(known.roles.split())):
            raise ConfigError("--person", "", f"{name!r}: is in the study already")
        if badge is not None:
            asked = select(t.person.c.name, t.person.c.scan).where(t.person.c.scan.is_not(None))
            for other in change.connection.execute(asked):
                if is_pin(badge, other.scan):
                    raise ConfigError("--badge", "", f"this badge is {other.name}'s already")
        if gets:
            change.update(t.person, {"name": name}, pin=hashed, scan=scan)
            return
        change.insert(t.person, name=name, roles=" ".join(roles), pin=hashed, scan=scan, active=1)


def add_box(study: Study, name: str, rig: str | None, by: str) -> None:
    """Put in a box. Raises ConfigError."""
    with study.store.change(by) as change:
        allowed(change, by, ("technician", "owner"))
        if _there(change, t.box.c.name, name):
            raise ConfigError("--box", "", f"{name!r}: is in the study already")
        change.insert(t.box, name=name, rig=rig)


def usual_cues(study: Study, phase: str) -> dict[str, str]:
    """Chamber to cue set in a session before anything is drawn; empty where none are told apart."""
    usual = cue_map(study.plan, "", "")
    planned = study.joined.course.phase_named(phase)
    if not usual or planned is None or planned.layout == "context":
        return usual
    return dict(laid(planned.layout, usual))


def plan_session(
    change: Change,
    animal: str,
    phase: str,
    day: int,
    place: int,
    box: str | None,
    chamber: str | None = None,
    attempt: int = 1,
    **more: Any,
) -> str:
    """Put in a planned session, `more` of its columns too; its uid."""
    uid = secrets.token_hex(8)
    change.insert(
        t.session,
        uid=uid,
        animal=animal,
        phase=phase,
        attempt=attempt,
        day=day,
        place=place,
        box=box,
        chamber=chamber,
        status="planned",
        entered_afterwards=0,
        **more,
    )
    return uid


def allowed(change: Change, person: str, roles: Sequence[str]) -> None:
    """Raise ConfigError unless `person` is of this study, and has one of `roles`."""
    found = change.connection.execute(
        select(t.person.c.roles, t.person.c.active).where(t.person.c.name == person)
    ).first()
    if found is None or not found.active:
        raise ConfigError("--by", "", f"{person!r}: is not a person of this study")
    if not set(roles) & set(found.roles.split()):
        raise ConfigError("--by", "", f"{person!r}: this is for {' or '.join(roles)}")


def _there(change: Change, column: Any, value: str) -> bool:
    return change.connection.execute(select(column).where(column == value)).first() is not None
