"""One animal's session as a card beside the box, and what runs out for all of them.

Nothing withheld or sealed is read: chamber, cue sets, labels and volumes are open.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, func, or_, select

from protocols.protocol import outline
from protocols.store import tables as t
from protocols.study.folder import Study
from protocols.study.scheduling import LIVING, Reading, Reads, day_of, sessions_of
from protocols.study.today import due_on, phase_of, volume_of, weights_of, window_of
from protocols.timetable import box_s
from rig.errors import ConfigError

PLACE, TAKE_OUT = "place", "take out"
LEFT = ("planned", "running", "aborted", "failed")


@dataclass(frozen=True)
class Around:
    """A procedure of a session. `volume`: "0.25 ml", or what stands against it; "" without label.

    `ended`: when it was ticked off.
    """

    slot: str
    moment: str
    label: str
    volume: str
    asks: tuple[str, ...]
    status: str
    outcome: str
    ended: datetime | None


@dataclass(frozen=True)
class Card:
    """What a person has to know of the session that is next for an animal; all of it is open.

    `cues`: chamber to its cues by kind. `phase` is "" where nothing is planned. `weigh`: it has to
    be weighed before its syringe is drawn.
    """

    animal: str
    marks: str
    status: str
    phase: str = ""
    attempt: int = 1
    planned_for: str = ""
    box: str = ""
    chamber: str = ""
    cues: Mapping[str, Mapping[str, str]] | None = None
    around: tuple[Around, ...] = ()
    session: str = ""
    started: datetime | None = None
    weight_g: float | None = None
    weigh: bool = False
    outside: bool = False

    @property
    def next(self) -> Around | None:
        """What is to be ticked off now: before the placement, or after a session that is done."""
        moment = {"planned": "before", "done": "after"}.get(self.session)
        left = (one for one in self.around if one.status == "planned" and one.moment == moment)
        return next(left, None)


@dataclass(frozen=True)
class Countdown:
    """What has to happen to an animal from `first` (None: now) to `last` (None: no end)."""

    animal: str
    what: str
    box: str
    first: datetime | None
    last: datetime | None

    @property
    def due(self) -> datetime:
        """The time that it is sorted by."""
        due = self.last or self.first
        assert due is not None
        return due


def find_animal(study: Study, told: str) -> tuple[str, str]:
    """The animal of this id, tag, ear tag or syringe label, and the label if it was one.

    Raises ConfigError for what is none of the study, or an ear tag that several have.
    """
    told = told.strip()
    columns = t.animal.c
    same = or_(func.lower(columns.id) == told.lower(), columns.rfid == told)
    with study.store.read() as connection:
        found = connection.execute(select(columns.id).where(same)).scalars().all()
        if not found:
            labelled = select(t.label.c.animal).where(t.label.c.code == told.upper())
            if (owner := connection.execute(labelled).scalar()) is not None:
                return str(owner), told.upper()
            found = (
                connection.execute(select(columns.id).where(columns.ear_tag == told))
                .scalars()
                .all()
            )
    if len(found) != 1:
        why = f"is the ear tag of {', '.join(found)}" if found else "no animal of this study"
        raise ConfigError(told, "", f"{why}; scan or type the animal's id")
    return str(found[0]), ""


def card(study: Study, animal: str, now: datetime) -> Card:
    """The card of an animal: the session that runs, else the first that is left.

    One that is done comes first while something is to be done after it.

    Raises ConfigError for an animal that the study has not.
    """
    with study.store.read() as connection:
        reads = Reading(connection)
        asked = select(t.animal).where(t.animal.c.id == animal)
        row = connection.execute(asked).mappings().first()
        if row is None:
            raise ConfigError(animal, "", "no such animal in this study")
        marks = ", ".join(
            f"{name} {row[column]}"
            for name, column in (("sex", "sex"), ("cage", "cage"), ("ear", "ear_tag"))
            if row[column]
        )
        weights = weights_of(reads, animal)
        last_g = weights[-1].weight_g if weights else None
        session = None
        if row["status"] in LIVING:
            session = _unfinished(study, reads, animal, now) or _next(study, reads, animal)
        if session is None:
            return Card(animal, marks, row["status"], weight_g=last_g)
        rows = _procedures(reads, session["uid"])
        around = tuple(_around(study, reads, animal, one, now) for one in rows)
        today = day_of(study, now)
        weighed = bool(weights) and day_of(study, _when(weights[-1].at_s, now)) == today
        drawn = any(one["label"] and one["status"] == "planned" for one in rows)
        return Card(
            animal,
            marks,
            row["status"],
            session["phase"],
            session["attempt"],
            session["planned_for"] or "",
            session["box"] or row["box"] or "",
            session["chamber"] or "",
            _cues(study, session),
            around,
            session["status"],
            _time(session["started"]) if session["status"] == "running" else None,
            last_g,
            drawn and not weighed,
            bool(session["outside"]),
        )


def countdowns(study: Study, now: datetime) -> list[Countdown]:
    """All that runs out or is waited for today, the most urgent first."""
    day = day_of(study, now)
    with study.store.read() as connection:
        reads = Reading(connection)
        rows = {row["uid"]: row for row in due_on(reads, day)}
        running = select(t.session).where(t.session.c.status == "running")
        rows |= {row["uid"]: row for row in connection.execute(running).mappings()}
        around: dict[str, list[RowMapping]] = {}
        asked = select(t.procedure).where(t.procedure.c.session.in_(rows))
        for one in connection.execute(asked.order_by(t.procedure.c.place)).mappings():
            around.setdefault(one["session"], []).append(one)
    found: list[Countdown] = []
    for uid, row in rows.items():
        found += _of_session(study, row, around.get(uid, []))
    found += _rests(study, list(rows.values()), now)
    return sorted(found, key=lambda one: one.due)


def _of_session(study: Study, row: RowMapping, around: Sequence[RowMapping]) -> list[Countdown]:
    """What follows from what was done of a session: the next procedure, placing, taking out."""
    who, box = row["animal"], row["box"] or ""
    if row["status"] == "running" and row["started"]:
        stay = box_s(outline(study.protocol, row["phase"], study.joined.values))
        out = datetime.fromisoformat(row["started"]) + timedelta(seconds=stay)
        return [Countdown(who, TAKE_OUT, box, None, out)]
    before = [one for one in around if one["moment"] == "before" and one["status"] != "skipped"]
    if row["status"] == "planned":
        done = [one for one in before if one["status"] == "done"]
        left = [one["slot"] for one in before if one["status"] == "planned"]
        if not done or (row["outside"] and not left):
            return []
        return _window(done[-1], who, left[0] if left else PLACE, box)
    ended = _time(row["ended"])
    after = [one for one in around if one["moment"] == "after" and one["status"] == "planned"]
    if ended is None or not after:
        return []
    gap = window_of(after[0])
    if gap.most_s is None:
        return []
    first, last = (ended + timedelta(seconds=s) for s in (gap.least_s, gap.most_s))
    return [Countdown(who, after[0]["slot"], box, first, last)]


def _window(done: RowMapping, animal: str, what: str, box: str) -> list[Countdown]:
    gap, ended = window_of(done), datetime.fromisoformat(done["ended"])
    first = ended + timedelta(seconds=gap.least_s)
    last = None if gap.most_s is None else ended + timedelta(seconds=gap.most_s)
    return [Countdown(animal, what, box, first, last)] if last or gap.least_s else []


def _rests(study: Study, rows: Sequence[RowMapping], now: datetime) -> list[Countdown]:
    """Animals between two sessions of a day: from when on the second may begin."""
    found = []
    for row in rows:
        gap_s = phase_of(study, row["phase"]).gap_s
        if row["status"] != "planned" or not gap_s:
            continue
        ends = [_time(o["ended"]) for o in rows if o["animal"] == row["animal"] and o["ended"]]
        last = max((end for end in ends if end is not None), default=None)
        if last is not None and last + timedelta(seconds=gap_s) > now:
            first = last + timedelta(seconds=gap_s)
            found.append(Countdown(row["animal"], row["phase"], row["box"] or "", first, None))
    return found


def _next(study: Study, reads: Reads, animal: str) -> RowMapping | None:
    names = [phase.name for phase in study.joined.course.phase]
    rows = [r for r in sessions_of(reads, animal) if r["status"] in LEFT]

    def turn(row: RowMapping) -> tuple[bool, str, int, int]:
        place = names.index(phase_of(study, row["phase"]).name)
        day = row["planned_for"] or "9"
        return row["status"] != "running", day, place, row["day"]

    return min(rows, key=turn, default=None)


def _unfinished(study: Study, reads: Reads, animal: str, now: datetime) -> RowMapping | None:
    """Today's session that is done, with something still to be done after it."""
    asked = (
        select(t.session)
        .join(t.procedure, t.procedure.c.session == t.session.c.uid)
        .where(
            t.session.c.animal == animal,
            t.session.c.status == "done",
            t.session.c.planned_for == day_of(study, now).isoformat(),
            t.procedure.c.moment == "after",
            t.procedure.c.status == "planned",
        )
    )
    return reads.connection.execute(asked.order_by(t.session.c.ended)).mappings().first()


def _procedures(reads: Reads, uid: str) -> Sequence[RowMapping]:
    asked = select(t.procedure).where(t.procedure.c.session == uid).order_by(t.procedure.c.place)
    return reads.connection.execute(asked).mappings().all()


def _around(study: Study, reads: Reads, animal: str, row: RowMapping, now: datetime) -> Around:
    volume = ""
    asks: tuple[str, ...] = ()
    if row["label"]:
        made = volume_of(study, reads, animal, row["label"], now)
        volume = "; ".join(made.refused) if made.ml is None else f"{made.ml:.2f} ml"
        asks = made.asks
    return Around(
        row["slot"],
        row["moment"],
        row["label"] or "",
        volume,
        asks,
        row["status"],
        row["outcome"] or "",
        _time(row["ended"]),
    )


def _cues(study: Study, session: RowMapping) -> Mapping[str, Mapping[str, str]] | None:
    if not session["cues"]:
        return None
    sets = study.joined.course.cue_set
    laid = json.loads(session["cues"])
    return {place: sets[name].words() if name in sets else {} for place, name in laid.items()}


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _when(at_s: float, now: datetime) -> datetime:
    return datetime.fromtimestamp(at_s, now.tzinfo)
