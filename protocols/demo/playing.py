"""A study played from its first day to its opened key, as people would: page by page."""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from sqlalchemy import select

from protocols import library
from protocols import study as verbs
from protocols.asking import Choice
from protocols.demo.working import one_session
from protocols.demo.world import Creature
from protocols.scores import cpp_score_s
from protocols.store import tables as t
from protocols.study import Study, deciding, doing, scheduling
from protocols.study import today as days
from protocols.study.drawing import draw_sheet
from protocols.study.withheld import CONFIG_VARIABLE

OWNER, OTHER, PREPARER, TECHNICIAN = "owner", "colleague", "preparer", "technician"
BOXES = ("A", "B")
PEOPLE = 2
LONGEST_DAYS = 40
Told = Callable[[float, float], None]


@dataclass(frozen=True)
class Scored:
    """One animal when the key was opened. Seconds in the paired chamber; None: not run."""

    subject: str
    group: str
    paired: str
    pre_s: float | None
    post_s: float | None
    extinguished_s: float | None
    reinstated_s: float | None
    status: str

    @property
    def score_s(self) -> float | None:
        """Post-test less pre-test."""
        if self.pre_s is None or self.post_s is None:
            return None
        return cpp_score_s(self.pre_s, self.post_s)


@dataclass(frozen=True)
class Played:
    """What the demonstration leaves."""

    animals: tuple[Scored, ...]
    sessions: int
    days: int
    faults: tuple[str, ...]


class Play:
    """The people of the demonstration, with a clock of their own."""

    def __init__(
        self, folder: Path, animals: int, seed: int, pool: Executor, told: Told, **parameters: float
    ) -> None:
        self._folder, self._pool, self._told, self._seed = folder, pool, told, seed
        self._names = [f"M{k + 1:02d}" for k in range(animals)]
        self._creatures = {
            name: Creature.born(1000 * seed + k) for k, name in enumerate(self._names)
        }
        self._words = {name: secrets.token_hex(8) for name in (OWNER, OTHER, PREPARER)}
        self._parameters = parameters
        self._running: dict[str, tuple[doing.Begun, datetime, Future[tuple[Path, str]]]] = {}
        self._sessions = 0

    def play(self) -> Played:
        """All of it; nothing is left in this account's settings. Raises RigError."""
        with _own_settings():
            return self._play()

    def _play(self) -> Played:
        start = _monday()
        self._begin(start)
        day = start
        with verbs.open_study(self._folder) as study:
            while (day - start).days < LONGEST_DAYS:
                self._day(study, day)
                if day == start:
                    self._allocate(study, day)
                if self._over(study):
                    break
                day += timedelta(days=1)
            rows = verbs.unblind(
                study, OWNER, "the demonstration is over", (OWNER, self._words[OWNER])
            )
            animals = self._scored(study, {row["animal"]: row for row in rows})
            faults = verbs.check(study, {n: self._words[n] for n in (OWNER, OTHER)}, OWNER)
        return Played(tuple(animals), self._sessions, (day - start).days + 1, tuple(faults))

    def _drawn(self, what: str) -> str:
        """The seed of a drawing, from the demonstration's own: its allocation is fixed by it."""
        return hashlib.sha256(f"{what} {self._seed}".encode()).hexdigest()[:32]

    def _begin(self, start: date) -> None:
        rules = _text("rules.toml")
        if self._parameters:
            rules += "\n[parameters]\n"
            rules += "".join(f"{key} = {value:g}\n" for key, value in self._parameters.items())
        holders = {name: self._words[name] for name in (OWNER, OTHER)}
        verbs.new(
            self._folder,
            _text("protocol.toml"),
            rules,
            OWNER,
            holders,
            sheet=False,
            protocol_file="demo",
            base=library.text,
            preparers={PREPARER: self._words[PREPARER]},
        )
        table = self._folder / "derivatives" / "animals.csv"
        rows = ["id,sex,cage,box,weight_g"]
        for k, name in enumerate(self._names):
            rows.append(f"{name},{'FM'[k // 2 % 2]},C{k // 2 + 1},{BOXES[k % 2]},{22 + k % 5}")
        table.write_text("\n".join(rows) + "\n", encoding="utf-8")
        with verbs.open_study(self._folder) as study:
            for box in BOXES:
                verbs.add_box(study, box, "sim", OWNER)
            verbs.add_person(study, TECHNICIAN, ("technician",), None, OWNER)
            verbs.add_animals(study, table, OWNER)
            scheduling.set_start(study, start, OWNER, seed=self._drawn("start"))

    def _allocate(self, study: Study, day: date) -> None:
        pretests = verbs.pretests_of(study)
        reason = "a demonstration goes on"
        verbs.allocate_cohort(study, OWNER, pretests, None, reason, self._drawn("allocation"))
        words = (OWNER, self._words[OWNER])
        begin = day + timedelta(days=1)
        verbs.seal_sessions(study, OWNER, words, begin, self._drawn("sealing"))

    def _day(self, study: Study, day: date) -> None:
        """What the day's page says, line by line, both boxes at once."""
        morning = datetime.combine(day, time(8, 0)).astimezone()
        made = days.today(study, PEOPLE, morning)
        if not made.lines:
            return
        words = self._words[PREPARER]
        sheet = {
            one.label: one.holds for one in draw_sheet(study, PREPARER, words, day, {}, morning)
        }
        midnight = datetime.combine(day, time(0, 0)).astimezone()
        for line in made.lines:
            at = midnight + timedelta(seconds=line.start_s)
            if line.what == "weigh":
                weight_g = 22 + self._names.index(line.animal) % 5 + 0.1 * (day.day % 4)
                doing.weigh(study, line.animal, weight_g, TECHNICIAN, at)
            elif line.what == "place":
                self._wait(study, line.box)
                self._place(study, line, at)
            elif line.note.startswith("label"):
                self._wait(study, line.box)  # of a session before, which has to be filed
                ended = midnight + timedelta(seconds=line.end_s)
                _, row = doing.tick(study, line.animal, line.what, TECHNICIAN, ended)
                self._creatures[line.animal].injected(sheet[row["label"]])
        for box in list(self._running):
            self._wait(study, box)

    def _place(self, study: Study, line: days.Line, at: datetime) -> None:
        begun = doing.begin(study, line.animal, TECHNICIAN, f"sim {line.box}", at)
        with study.store.read() as connection:
            asked = select(t.session.c.chamber).where(t.session.c.uid == begun.uid)
            chamber = connection.execute(asked).scalar() or ""
        choice = Choice(
            name=str(self._folder / verbs.PROTOCOL),
            subject=begun.animal,
            rig="sim",
            out=self._folder,
            phase=begun.phase,
            paired=begun.paired,
            assigned=begun.assigned,
            operator=TECHNICIAN,
            uid=begun.uid,
            attempt=begun.attempt,
            cues=begun.cues,
            withheld=True,
        )
        animal = self._creatures[line.animal].in_session(chamber)
        self._sessions += 1
        seed = 10000 * self._seed + self._sessions
        job = self._pool.submit(one_session, choice, seed, animal)
        self._running[line.box] = begun, at, job

    def _wait(self, study: Study, box: str) -> None:
        """File the session that is in a box."""
        if box not in self._running:
            return
        begun, at, job = self._running.pop(box)
        folder, status = job.result()
        ended = doing.after(at, folder)
        doing.finish_session(study, begun.uid, folder, status, TECHNICIAN, ended)
        with study.store.read() as connection:
            left = connection.execute(
                select(t.session.c.uid).where(
                    t.session.c.status == "planned", t.session.c.outside.is_not(1)
                )
            ).all()
        self._told(self._sessions, self._sessions + len(left))

    def _over(self, study: Study) -> bool:
        with study.store.read() as connection:
            asked = select(t.session.c.uid).where(
                t.session.c.status == "planned", t.session.c.planned_for.is_not(None)
            )
            return connection.execute(asked.limit(1)).first() is None

    def _scored(self, study: Study, places: Mapping[str, Mapping[str, Any]]) -> list[Scored]:
        out = []
        with study.store.read() as connection:
            reads = scheduling.Reading(connection)
            told = connection.execute(select(t.animal.c.id, t.animal.c.status)).all()
            status = {row.id: row.status for row in told}
            for name in self._names:
                place = places.get(name)
                rows = {
                    row["phase"]: row
                    for row in scheduling.sessions_of(reads, name)
                    if row["status"] == "done"
                }
                paired = str(place["side"]) if place else ""
                times = {
                    phase: deciding.paired_s(study, row, paired) if paired else None
                    for phase, row in rows.items()
                }
                last = max((phase for phase in rows if phase.startswith("extinction")), default="")
                out.append(
                    Scored(
                        name,
                        str(place["group"]) if place else "",
                        paired,
                        times.get("pretest"),
                        times.get("posttest"),
                        times.get(last),
                        times.get("reinstatement1"),
                        status[name],
                    )
                )
        return out


@contextmanager
def _own_settings() -> Iterator[None]:
    """The key of what is withheld lies in a folder that is gone afterwards: all is open then."""
    before = os.environ.get(CONFIG_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="placepref-demo-") as private:
        os.environ[CONFIG_VARIABLE] = private
        try:
            yield
        finally:
            if before is None:
                del os.environ[CONFIG_VARIABLE]
            else:
                os.environ[CONFIG_VARIABLE] = before


def _text(name: str) -> str:
    return resources.files("protocols.demo").joinpath(name).read_text(encoding="utf-8")


def _monday() -> date:
    """A Monday long enough ago that the whole study lies behind."""
    day = date.today() - timedelta(days=LONGEST_DAYS + 7)
    return day - timedelta(days=day.weekday())
