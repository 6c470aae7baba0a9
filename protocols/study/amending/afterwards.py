"""A session that was run outside the program, entered afterwards with its times and person."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import select

from protocols.course import numbered
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.amending.sessions import (
    PLANNED,
    Row,
    add_row,
    dates_of,
    known,
    laid_out_anew,
    next_attempt,
    record,
)
from protocols.study.folder import Study
from protocols.study.shifting import Moved
from protocols.study.signing import in_open, moment, sign
from rig.errors import ConfigError


def enter(
    study: Study,
    animal: str,
    phase: str,
    started: str,
    ended: str,
    ran_by: str,
    person: str,
    reason: str,
    *,
    minutes: Mapping[str, float] | None = None,
    box: str | None = None,
    begin: date | None = None,
    pin: str | None = None,
) -> tuple[str, list[Moved]]:
    """Enter it; its uid, and the sessions that have another day by it, none before `begin` (today).

    `minutes`: how long the animal was in each chamber, as was noted; a test of extinction is judged
    by them. The row is marked as entered afterwards for good. Raises ConfigError.
    """
    said = in_open(study, reason, "--reason")
    began, end = moment(started, "--started"), moment(ended, "--ended")
    if not 0 < (end - began).total_seconds() < 24 * 3600:
        raise ConfigError("--ended", "", f"{ended!r}: is not within a day after {started!r}")
    length_min = (end - began).total_seconds() / 60
    for chamber, spent in (minutes or {}).items():
        if spent < 0 or sum((minutes or {}).values()) > length_min + 0.5:
            message = f"{chamber}={spent:g}: more minutes than the session had ({length_min:.1f})"
            raise ConfigError("--minutes", "", message)
    with study.store.change(person, said) as change:
        sign(change, person, pin, ("technician", "owner"))
        known(change, t.animal.c.id, animal, "--animal")
        known(change, t.person.c.name, ran_by, "--ran-by")
        if box is not None:
            known(change, t.box.c.name, box, "--box")
        row = _row(study, change, animal, phase)
        _judged_by(study, phase, minutes or {})
        dates = dates_of(study, change, [animal])
        _, planned_for = dates[animal].get(phase, (True, None))
        dates[animal] = {**dates[animal], phase: (False, planned_for)}
        change.update(
            t.session,
            {"uid": row["uid"]},
            status="done",
            person=ran_by,
            started=began.isoformat(timespec="seconds"),
            ended=end.isoformat(timespec="seconds"),
            entered_afterwards=1,
            box=box or row["box"],
        )
        for chamber, spent in (minutes or {}).items():
            change.insert(
                t.exposure,
                animal=animal,
                session=row["uid"],
                kind="cue_set",
                what=chamber,
                received=spent,
                at=began.isoformat(timespec="seconds"),
                person=ran_by,
            )
        before = {"uid": row["uid"], "status": row["status"]}
        after = before | {"status": "done", "entered_afterwards": 1, "ran_by": ran_by}
        record(study, change, row["uid"], None, "afterwards", before, after, said)
        moved = laid_out_anew(study, change, dates, begin)
    return str(row["uid"]), moved


def _judged_by(study: Study, phase: str, minutes: Mapping[str, float]) -> None:
    """Raise ConfigError for a test of extinction without the minutes that it is judged by."""
    course = study.joined.course
    tests = {numbered(block.test, k) for block in course.extinction for k in range(block.most)}
    missing = [side for side in study.plan.sides if side not in minutes]
    if phase in tests and missing:
        message = f"{phase}: extinction is judged by it; the minutes in {missing[0]} are missing"
        raise ConfigError("--minutes", "", message)


def _row(study: Study, change: Change, animal: str, phase: str) -> Row:
    """The row that it is put on: the planned one, or a further attempt."""
    asked = (
        select(t.session)
        .where(t.session.c.animal == animal, t.session.c.phase == phase)
        .order_by(t.session.c.attempt)
    )
    rows = [dict(row) for row in change.connection.execute(asked).mappings()]
    for row in rows:
        if row["status"] in ("planned", "cancelled"):
            return row
    if rows:
        number = next_attempt(change, animal, phase)
        return add_row(change, rows[-1], animal=animal, phase=phase, attempt=number)
    if phase not in [one.name for one in study.protocol.phase]:
        have = ", ".join(one.name for one in study.protocol.phase)
        message = f"{phase!r}: no phase of this study (it has: {have})"
        raise ConfigError("--phase", "", message)
    like = {**dict.fromkeys(PLANNED), "day": 0, "place": 0}
    return add_row(change, like, animal=animal, phase=phase, attempt=1)
