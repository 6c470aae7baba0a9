"""What is done on the day: weighed, injected, run, filed; and what is not as planned.

Refused outright is what would endanger an animal, and one that is running already. All else stops
once and goes on with a reason from a short list; the session carries the deviation.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping, select

from protocols.day.extinction import Outcome
from protocols.day.sealed import paired_chamber
from protocols.joining import contexts
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.adding import allowed, plan_session
from protocols.study.folder import Study
from protocols.study.scheduling import LIVING, Reading, Reads, day_of, decide, sessions_of
from protocols.study.today import phase_of, volume_of, weights_of, window_of
from protocols.study.withheld import paired_of
from protocols.subjects import check_weight
from rig.errors import ConfigError, RigError, StorageError
from rig.storage import SessionRecord
from rig.storage.folder import SETUP, SUMS

REASONS = {
    "rig": "a fault of the rig or a box",
    "animal": "the animal's state",
    "staff": "nobody was there",
    "mistake": "a mistake was made",
    "late": "the day ran late",
    "owner": "decided by the owner",
}
"""The short list; the words after --override."""
OUTCOMES = ("complete", "partial", "leaked", "repeated")
ENDINGS = {"completed": "done", "aborted": "aborted"}


class DeviationError(RigError):
    """Something is not as planned: it goes on with a reason."""

    def __init__(self, found: Sequence["Wrong"]) -> None:
        self.found = tuple(found)
        told = "; ".join(one.what for one in found)
        words = ", ".join(REASONS)
        super().__init__(f"{told}. Nothing was begun; to go on: --override REASON ({words})")


@dataclass(frozen=True)
class Wrong:
    """One thing that is not as planned; `kind` in one word."""

    kind: str
    what: str


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


def weigh(study: Study, animal: str, weight_g: float, person: str, now: datetime) -> list[str]:
    """Keep a weight; what is odd about it. Raises ConfigError for one that cannot be."""
    with study.store.change(person) as change:
        allowed(change, person, ("technician", "preparer", "owner"))
        row = _animal(change, animal)
        check_weight(weight_g, (row["species"] or "mouse").lower(), "--grams")
        before = weights_of(change, animal)
        change.insert(t.weight, animal=animal, at=_iso(now), weight_g=weight_g, person=person)
    if before and abs(weight_g / before[-1].weight_g - 1) > 0.1:
        was = before[-1].weight_g
        return [f"{animal}: {weight_g:g} g, {weight_g / was - 1:+.0%} since the last: weigh again"]
    return []


def tick(
    study: Study,
    animal: str,
    slot: str,
    person: str,
    now: datetime,
    *,
    started: datetime | None = None,
    outcome: str | None = None,
    temperature_c: float | None = None,
    note: str = "",
    label: str = "",
    override: str = "",
) -> tuple[str, RowMapping]:
    """Tick a procedure off, ended `now`; what is said of it, and its row as it was planned.

    `label`: the one that was read off the syringe, where somebody has.

    Raises DeviationError where its window or the weight is not as planned, RigError for a volume
    that would endanger the animal.
    """
    check_reason(override)
    if outcome is not None and outcome not in OUTCOMES:
        raise ConfigError("--outcome", "", f"{outcome!r}: one of {', '.join(OUTCOMES)}")
    with study.store.change(person, override) as change:
        allowed(change, person, ("technician", "preparer", "owner"))
        _animal(change, animal, living=True)
        session, row = _next_procedure(study, change, animal, slot, now)
        began = started or now - timedelta(seconds=row["lasts_s"])
        if began > now:
            raise ConfigError("--started", "", "is after its end")
        wrong = [*_wrong_day(study, session, now), *_wrong_before(change, session, row, began)]
        values: dict[str, Any] = {"outcome": outcome}
        if label and label != row["label"]:
            told = f"{animal}: label {label} was read, {row['label'] or 'none'} is for this"
            wrong.append(Wrong("label", told))
        if row["label"]:
            volume = volume_of(study, change, animal, row["label"], now)
            if volume.refused:
                raise RigError(f"{animal}: {'; '.join(volume.refused)}; nothing is injected")
            wrong += [Wrong("weight", f"{animal}: {line}") for line in volume.asks]
            values |= {"outcome": outcome or "complete", "volume_ml": volume.ml}
            values["weight_g"] = volume.weight_g
        _go_on(change, session["uid"], wrong, override)
        change.update(
            t.procedure,
            {"id": row["id"]},
            status="done",
            started=_iso(began),
            ended=_iso(now),
            person=person,
            temperature_c=temperature_c,
            note=note or None,
            **values,
        )
        left = [p for p in _around(change, session["uid"]) if p["status"] == "planned"]
        if session["outside"] and not left:
            change.update(
                t.session, {"uid": session["uid"]}, status="done", ended=_iso(now), person=person
            )
        if values["outcome"] not in (None, "complete"):
            _deviate(change, session["uid"], "outcome", f"{slot}: {outcome}", override or "animal")
    gap = window_of(row)
    said = f"{animal}: {slot} ticked off at {now:%H:%M}"
    if gap.most_s is not None:
        first, last = now + timedelta(seconds=gap.least_s), now + timedelta(seconds=gap.most_s)
        said += f"; next from {first:%H:%M:%S} to {last:%H:%M:%S}"
    return said, row


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
        _animal(change, animal, living=True)
        asked = select(t.session).where(t.session.c.status == "running")
        for other in change.connection.execute(asked).mappings():
            where = f"box {other['box']}" if other["box"] else "its box"
            if other["animal"] == animal:
                told = f"is running since {other['started']} on {other['rig']}, {where}"
                remedy = f"if it is not any more: placepref study file {study.folder} --subject"
                raise RigError(f"{animal} {told} ({other['phase']}); {remedy} {animal}")
        row, wrong = _due(study, change, animal, phase, now)
        if scanned and scanned != animal:
            wrong.insert(
                0, Wrong("animal", f"the tag that was read is {scanned}'s, not {animal}'s")
            )
        used = box or row["box"]
        taken = select(t.session).where(
            t.session.c.status == "running", t.session.c.box == used, t.session.c.rig == rig
        )
        busy = change.connection.execute(taken).mappings().first()
        if used and busy is not None:
            raise RigError(f"box {used} is in use: {busy['animal']} since {busy['started']}")
        if row["box"] and used != row["box"]:
            wrong.append(Wrong("box", f"{animal} is planned for box {row['box']}, not {used}"))
        wrong += _wrong_around(study, change, row, now)
        wrong += _knows(change, row, person)
        if row["status"] != "planned":
            row = _repeated(study, change, row, now)
        _go_on(change, row["uid"], wrong, override)
        if used and used not in set(change.connection.execute(select(t.box.c.name)).scalars()):
            change.insert(t.box, name=used, rig=rig)
        change.update(
            t.session,
            {"uid": row["uid"]},
            status="running",
            rig=rig,
            box=used,
            person=person,
            started=_iso(now),
        )
        return _begun(study, change, row, used)


def practise(study: Study, animal: str, now: datetime, phase: str | None = None) -> Begun:
    """What a session of this animal's would be, for practice: nothing is begun or written.

    Its uid is none of the study's, so that it cannot be filed. Raises ConfigError.
    """
    with study.store.read() as connection:
        reads = Reading(connection)
        row, _ = _due(study, reads, animal, phase, now)
        begun = _begun(study, reads, row, row["box"])
    return replace(begun, uid=secrets.token_hex(8))


def finish_session(
    study: Study, uid: str, folder: Path, status: str, person: str, now: datetime
) -> Outcome | None:
    """File a session that ended: its folder and sums; what is decided of extinction by it.

    Raises StorageError where the folder has no sums, or is another session's, as of a practice.
    """
    sums = folder / SUMS
    if not sums.is_file():
        raise StorageError(f"{folder}: it has no {SUMS}: resume or close it, then file it")
    if uid_in(folder) != uid or not folder.resolve().is_relative_to(study.folder.resolve()):
        raise StorageError(f"{folder}: it is not of this session; nothing was filed")
    with study.store.change(person) as change:
        change.update(
            t.session,
            {"uid": uid},
            status=ENDINGS.get(status, "failed"),
            ended=_iso(now),
            folder=folder.resolve().relative_to(study.folder.resolve()).as_posix(),
            sums_sha256=hashlib.sha256(sums.read_bytes()).hexdigest(),
        )
        asked = select(t.session).where(t.session.c.uid == uid)
        row = change.connection.execute(asked).mappings().one()
        for kind, what in _seen(folder):
            _deviate(change, uid, kind, what, "seen by the program")
        return decide(study, change, row, now) if row["status"] == "done" else None


def give_up(study: Study, uid: str, person: str, why: str) -> None:
    """Say that a session did not begin: it is planned again."""
    with study.store.change(person, why) as change:
        change.update(
            t.session, {"uid": uid}, status="planned", started=None, rig=None, person=None
        )


def file_session(study: Study, animal: str, person: str, now: datetime) -> tuple[str, str]:
    """File a session whose program ended before it could; its phase and status.

    Raises ConfigError where none is running, StorageError where it has no end yet.
    """
    with study.store.read() as connection:
        asked = select(t.session).where(
            t.session.c.animal == animal, t.session.c.status == "running"
        )
        row = connection.execute(asked).mappings().first()
    if row is None:
        raise ConfigError("--subject", "", f"{animal!r}: no session of it is running")
    folder = folder_of(study, animal, row["uid"])
    if folder is None:
        give_up(study, row["uid"], person, "no folder was made")
        return row["phase"], "planned"
    stop = _stop(folder)
    if stop is None:
        message = "has no end: placepref resume or close it, then file it"
        raise StorageError(f"{folder}: {message}")
    finish_session(study, row["uid"], folder, stop, person, now)
    return row["phase"], ENDINGS.get(stop, "failed")


def folder_of(study: Study, animal: str, uid: str) -> Path | None:
    """The folder of a planned session; None where none was made."""
    for setup in sorted(
        (study.folder / "rawdata" / f"sub-{animal}").glob("ses-*/behav/setup.json")
    ):
        if uid_in(setup.parent) == uid:
            return setup.parent
    return None


def uid_in(folder: Path) -> str:
    """The uid that a session's setup.json has; "" where it has none."""
    return str(json.loads((folder / SETUP).read_text(encoding="utf-8")).get("uid", ""))


def rig_of(study: Study, animal: str) -> str:
    """The rig of the box that an animal is in. Raises ConfigError where none is known."""
    with study.store.read() as connection:
        asked = (
            select(t.box.c.name, t.box.c.rig)
            .join(t.animal, t.animal.c.box == t.box.c.name)
            .where(t.animal.c.id == animal)
        )
        row = connection.execute(asked).first()
    if row is None or not row.rig:
        where = f"box {row.name}" if row is not None else f"{animal}'s box"
        message = f"missing: {where} has no rig; give one, or placepref study add --box --rig"
        raise ConfigError("--rig", "", message)
    return str(row.rig)


def after(began: datetime, folder: Path) -> datetime:
    """The end of a simulated session that was pretended to begin then."""
    times = SessionRecord.open(folder).text_columns()["t_s"]
    return began + timedelta(seconds=float(times[-1]) if len(times) else 0.0)


def guess(study: Study, animal: str, group: str, person: str, sure: int) -> None:
    """Keep which group a person thinks an animal was in, as its number in the rules."""
    names = [one.name for one in study.plan.group]
    if group not in names:
        raise ConfigError("--group", "", f"{group!r}: one of {', '.join(names)}")
    if not 1 <= sure <= 5:
        raise ConfigError("--sure", "", f"{sure}: 1 to 5")
    with study.store.change(person) as change:
        allowed(change, person, ("technician", "preparer", "scorer", "owner"))
        _animal(change, animal)
        asked = select(t.guess.c.id).where(t.guess.c.animal == animal, t.guess.c.person == person)
        if change.connection.execute(asked).first() is not None:
            raise ConfigError("--subject", "", f"{person} has guessed the group of {animal} before")
        change.insert(
            t.guess,
            animal=animal,
            group_number=names.index(group) + 1,
            sure=sure,
            at=change.at,
            person=person,
        )


def check_reason(override: str) -> None:
    """Raise ConfigError for a reason that is not one of the list."""
    if override and override not in REASONS:
        have = ", ".join(f"{word} ({what})" for word, what in REASONS.items())
        raise ConfigError("--override", "", f"{override!r}: one of {have}")


def _animal(change: Change, animal: str, *, living: bool = False) -> RowMapping:
    asked = select(t.animal).where(t.animal.c.id == animal)
    row = change.connection.execute(asked).mappings().first()
    if row is None:
        raise ConfigError("--subject", "", f"{animal!r}: no such animal in this study")
    if living and row["status"] not in LIVING:
        raise RigError(f"{animal} is {row['status']} ({row['status_reason']}): it is not run")
    return row


def _due(
    study: Study, change: Reads, animal: str, phase: str | None, now: datetime
) -> tuple[RowMapping, list[Wrong]]:
    """The session that is next, and what is wrong with its day and order."""
    order = _order(study)
    rows = sorted(
        (r for r in sessions_of(change, animal) if not r["outside"]),
        key=lambda r: order.get(r["phase"], len(order)),
    )
    left = [r for r in rows if r["status"] in ("planned", "aborted", "failed")]
    dated = [r for r in left if r["planned_for"]]
    if phase is not None:
        named = [r for r in rows if r["phase"] == phase]
        if not named:
            have = ", ".join(r["phase"] for r in left) or "none"
            message = f"{phase!r}: {animal} has no such session (left: {have})"
            raise ConfigError("--phase", "", message)
        if named[0]["status"] == "done":
            message = f"{animal}: {phase} was done already; an amendment says which one counts"
            raise RigError(message)
        row = named[0]
    elif dated:
        row = dated[0]
    else:
        raise ConfigError("--subject", "", f"{animal}: nothing is planned for it now")
    wrong = _wrong_day(study, row, now)
    before = [r for r in left if order.get(r["phase"], 0) < order.get(row["phase"], 0)]
    if before:
        names = ", ".join(r["phase"] for r in before)
        wrong.append(Wrong("order", f"{animal}: {row['phase']} would come before {names}"))
    if row["status"] != "planned":
        wrong.append(Wrong("repeat", f"{animal}: {row['phase']} was {row['status']} before"))
    return row, wrong


def _order(study: Study) -> dict[str, int]:
    from protocols.days import unrolled

    course = study.joined.course
    phases = unrolled(course, [block.most for block in course.extinction])
    return {phase.name: k for k, phase in enumerate(phases)}


def _wrong_day(study: Study, row: RowMapping, now: datetime) -> list[Wrong]:
    day = day_of(study, now).isoformat()
    if row["planned_for"] == day:
        return []
    when = f"is planned for {row['planned_for']}" if row["planned_for"] else "has no day yet"
    return [Wrong("day", f"{row['animal']}: {row['phase']} {when}, today is {day}")]


def _around(change: Change, uid: str) -> Sequence[RowMapping]:
    asked = select(t.procedure).where(t.procedure.c.session == uid)
    return change.connection.execute(asked.order_by(t.procedure.c.place)).mappings().all()


def _wrong_around(study: Study, change: Change, row: RowMapping, now: datetime) -> list[Wrong]:
    """Procedures that have to come before, and the interval since the last; the gap of the day."""
    wrong = []
    around = [p for p in _around(change, row["uid"]) if p["moment"] == "before"]
    missing = [p["slot"] for p in around if p["status"] == "planned"]
    if missing:
        told = f"{row['animal']}: {', '.join(missing)} is not ticked off"
        wrong.append(Wrong("procedure", told))
    elif around and around[-1]["status"] == "done":
        wrong += _interval(row["animal"], around[-1], "placed", now)
    phase = phase_of(study, row["phase"])
    if phase.gap_s:
        asked = select(t.session.c.ended).where(
            t.session.c.animal == row["animal"], t.session.c.ended.is_not(None)
        )
        ends = [datetime.fromisoformat(at) for at in change.connection.execute(asked).scalars()]
        last = max(ends, default=None)
        if last is not None and (now - last).total_seconds() < phase.gap_s:
            since = (now - last).total_seconds() / 60
            told = f"{since:.0f} min after the session before, {phase.gap_s / 60:.0f} are wanted"
            wrong.append(Wrong("early", f"{row['animal']}: {told}"))
    return wrong


def _wrong_before(
    change: Change, session: RowMapping, row: RowMapping, began: datetime
) -> list[Wrong]:
    """The interval from the procedure before, and the session's own order."""
    around = list(_around(change, session["uid"]))
    earlier = [p for p in around if p["place"] < row["place"] and p["moment"] == row["moment"]]
    wrong = []
    missing = [p["slot"] for p in earlier if p["status"] == "planned"]
    if missing:
        told = f"{session['animal']}: {', '.join(missing)} is not ticked off"
        wrong.append(Wrong("procedure", told))
    elif earlier and earlier[-1]["status"] == "done":
        wrong += _interval(session["animal"], earlier[-1], row["slot"], began)
    if row["moment"] == "after" and session["status"] == "planned":
        told = (
            f"{session['animal']}: {row['slot']} comes after {session['phase']}, which is not run"
        )
        wrong.append(Wrong("order", told))
    return wrong


def _interval(animal: str, done: RowMapping, what: str, now: datetime) -> list[Wrong]:
    gap = window_of(done)
    waited = (now - datetime.fromisoformat(done["ended"])).total_seconds()
    ended = f"{waited / 60:.1f} min after {done['slot']}"
    if gap.most_s is not None and waited > gap.most_s:
        told = f"{animal}: {what} {ended}, {gap.most_s / 60:g} min at most"
        return [Wrong("late", told)]
    if waited < gap.least_s:
        told = f"{animal}: {what} {ended}, {gap.least_s / 60:g} min at least"
        return [Wrong("early", told)]
    return []


def _knows(change: Change, row: RowMapping, person: str) -> list[Wrong]:
    """Who drew an animal's labels, or saw what was done, knows; testing it is for another."""
    read = change.connection.execute
    drew = read(
        select(t.draw.c.id).where(t.draw.c.animal == row["animal"], t.draw.c.person == person)
    ).first()
    saw = read(
        select(t.procedure.c.slot)
        .join(t.session, t.session.c.uid == t.procedure.c.session)
        .where(
            t.session.c.animal == row["animal"],
            t.procedure.c.blind == 0,
            t.procedure.c.person == person,
        )
    ).first()
    if drew is None and saw is None:
        return []
    how = "drew its syringes" if drew is not None else f"saw its {saw.slot}" if saw else ""
    return [Wrong("blind", f"{person} {how} and may know the group of {row['animal']}")]


def _next_procedure(
    study: Study, change: Change, animal: str, slot: str, now: datetime
) -> tuple[RowMapping, RowMapping]:
    """The procedure of this slot that is next: of the session that is due, the earliest left."""
    order = _order(study)
    rows = sorted(
        (r for r in sessions_of(change, animal) if r["planned_for"]),
        key=lambda r: order.get(r["phase"], len(order)),
    )
    left: list[str] = []
    for row in rows:
        for one in _around(change, row["uid"]):
            if one["status"] != "planned":
                continue
            past = row["status"] != "planned" and one["moment"] == "before"
            if one["slot"] == slot and not past:
                return row, one
            left.append(one["slot"])
    have = ", ".join(dict.fromkeys(left)) or "none"
    message = f"{slot!r}: nothing of that name is planned for {animal} (there is: {have})"
    raise ConfigError("--procedure", "", message)


def _repeated(study: Study, change: Change, row: RowMapping, now: datetime) -> RowMapping:
    """A further attempt, today, with what was not yet done around the one before."""
    uid = plan_session(
        change,
        row["animal"],
        row["phase"],
        row["day"],
        row["place"],
        row["box"],
        row["chamber"],
        row["attempt"] + 1,
        planned_for=day_of(study, now).isoformat(),
        cues=row["cues"],
        outside=row["outside"],
        planned_first=row["planned_first"],
    )
    found = select(t.session).where(t.session.c.uid == uid)
    return change.connection.execute(found).mappings().one()


def _begun(study: Study, change: Reads, row: RowMapping, box: str | None) -> Begun:
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


def _go_on(change: Change, uid: str, wrong: Sequence[Wrong], override: str) -> None:
    if wrong and not override:
        raise DeviationError(wrong)
    for one in wrong:
        _deviate(change, uid, one.kind, one.what, override)


def _deviate(change: Change, uid: str, kind: str, what: str, reason: str) -> None:
    change.insert(
        t.deviation,
        session=uid,
        at=change.at,
        kind=kind,
        what=what,
        reason=reason,
        person=change.person,
    )


def _seen(folder: Path) -> list[tuple[str, str]]:
    """What the session's own events say went otherwise."""
    found = {}
    for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        kind, data = event["kind"], event["data"]
        if kind == "wrong_chamber":
            found["side"] = f"the animal was in {data.get('found')}, not in {data.get('expected')}"
        elif kind in ("escape", "door_fault"):
            found[kind] = kind.replace("_", " ")
    return list(found.items())


def _stop(folder: Path) -> str | None:
    """The status of the stop record; None where there is none."""
    stop = SessionRecord.open(folder).stop
    return str(stop["status"]) if stop else None


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
