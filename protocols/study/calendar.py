"""Every animal's days: what is done, due, late, and still to come."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from protocols.store import tables as t
from protocols.study.folder import Study
from protocols.study.scheduling import LIVING, day_of
from protocols.study.today import phase_of
from protocols.timetable import WORK


@dataclass(frozen=True)
class Entry:
    """A session's day. `stands`: done, due, late, planned, undated, running, aborted or failed.

    `moved`: the first date, where it is another; `deviations`: how many there are; `folder`: of
    its recording, in the study's; "" none.
    """

    phase: str
    attempt: int
    day: str
    stands: str
    moved: str
    deviations: int
    folder: str = ""


@dataclass(frozen=True)
class Row:
    """An animal with its entries in order of their days."""

    animal: str
    status: str
    cohort: int
    box: str
    entries: tuple[Entry, ...]

    def count(self, stands: str) -> int:
        """How many entries stand so."""
        return sum(one.stands == stands for one in self.entries)


def calendar(study: Study, now: datetime) -> list[Row]:
    """All animals, by their ids."""
    today = day_of(study, now).isoformat()
    with study.store.read() as connection:
        animals = connection.execute(select(t.animal).order_by(t.animal.c.id)).mappings().all()
        counted = select(t.deviation.c.session, func.count()).group_by(t.deviation.c.session)
        amiss: dict[str, int] = {uid: int(n) for uid, n in connection.execute(counted)}
        asked = select(t.session).where(t.session.c.status != "cancelled")
        sessions = connection.execute(
            asked.order_by(t.session.c.day, t.session.c.place, t.session.c.attempt)
        )
        entries: dict[str, list[Entry]] = {}
        living = {row["id"]: row["status"] in LIVING for row in animals}
        for row in sessions.mappings():
            if row["outside"] and phase_of(study, row["phase"]).kind not in WORK:
                continue
            stands = row["status"]
            if stands == "planned" and living[row["animal"]]:
                stands = _stands(row["planned_for"] or "", today)
            day = (row["started"] or "")[:10] or row["planned_for"] or ""
            first = row["planned_first"] or ""
            moved = first if first and first != (row["planned_for"] or first) else ""
            wrong, folder = amiss.get(row["uid"], 0), row["folder"] or ""
            one = Entry(row["phase"], row["attempt"], day, stands, moved, wrong, folder)
            entries.setdefault(row["animal"], []).append(one)
    return [
        Row(
            row["id"],
            row["status"],
            row["cohort"],
            row["box"] or "",
            tuple(sorted(entries.get(row["id"], []), key=lambda one: one.day or "9")),
        )
        for row in animals
    ]


def _stands(planned_for: str, today: str) -> str:
    if not planned_for:
        return "undated"
    return "late" if planned_for < today else "due" if planned_for == today else "planned"


def ran(study: Study, most: int = 200) -> list[str]:
    """Sessions that were run to an end, as an amendment names them, the newest first."""
    asked = (
        select(t.session)
        .where(t.session.c.status.in_(("done", "aborted", "failed")), t.session.c.outside.isnot(1))
        .order_by(t.session.c.started.desc())
        .limit(most)
    )
    with study.store.read() as connection:
        rows = connection.execute(asked).mappings().all()
    return [f"{row['animal']}/{row['phase']}/{row['attempt']}" for row in rows]
