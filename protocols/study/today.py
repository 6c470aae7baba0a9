"""What is due on a day, laid out with times: who, what, when, in which box."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping, select

from protocols.conduct import loss_of
from protocols.course import PhasePlan
from protocols.day.chains import ANY, Chain, DayOrder, Do, Gap, Link, Step, clock, counted
from protocols.day.planner import plan_day
from protocols.day.volumes import Volume, Weighed, drawn
from protocols.protocol import outline
from protocols.store import tables as t
from protocols.study.folder import Study
from protocols.study.scheduling import (
    LIVING,
    Reading,
    Reads,
    day_of,
    first_name,
    hidden_phases,
    reveal_due,
)
from protocols.timetable import WORK, box_s

DUE = ("planned", "running")


@dataclass(frozen=True)
class Line:
    """One line of the day's page. `person`: 1 and on; 0 for nobody. `note`: label and volume."""

    start_s: int
    end_s: int
    person: int
    animal: str
    phase: str
    what: str
    box: str
    note: str

    @property
    def time(self) -> str:
        """When it starts, as 09:05; 04:24 (+1) is after the day's midnight."""
        return clock(self.start_s)


@dataclass(frozen=True)
class Today:
    """A day: its lines in order, what does not hold, and what has to be looked at."""

    study: str
    day: date
    made: datetime
    people: int
    lines: tuple[Line, ...]
    broken: tuple[str, ...]
    asks: tuple[str, ...]
    missed: tuple[str, ...]


def today(study: Study, people: int, now: datetime) -> Today:
    """The running order from `now` on; a later call lays out what is left. It is kept.

    Raises ValueError without people.
    """
    day = day_of(study, now)
    if hidden_phases(study) and study.store.why == "":
        with study.store.change("today") as change:
            reveal_due(study, change, now)
    with study.store.read() as connection:
        reads = Reading(connection)
        sheet = _Sheet(study, reads, day, now)
        chains = sheet.chains()
        starts, ends = (_clock_s(getattr(study.plan.day, k)) for k in ("starts", "ends"))
        now_s = max(starts, sheet.second(now)) if not sheet.begun else sheet.second(now)
        order = plan_day(chains, people, _minute(now_s), ends, sheet.busy)
        lines = tuple(line for step in order.steps if (line := sheet.line(step)) is not None)
        made = Today(
            study.plan.name,
            day,
            now,
            people,
            lines,
            (*order.broken, *sheet.too_late(order.steps)),
            tuple(dict.fromkeys(sheet.asks)),
            tuple(sheet.missed()),
        )
    if study.store.why == "":
        _keep(study, made, order)
    return made


def _keep(study: Study, made: Today, order: DayOrder) -> None:
    """Put the order into the database, where it is not the newest one already."""
    plan = json.dumps(
        [[s.chain.key, s.what.named or str(s.what.do), s.start_s, s.person] for s in order.steps]
    )
    with study.store.change("today") as change:
        asked = select(t.running_order).order_by(t.running_order.c.id.desc()).limit(1)
        last = change.connection.execute(asked).mappings().first()
        day = made.day.isoformat()
        if last is None or (last["day"], last["plan"]) != (day, plan):
            change.insert(t.running_order, day=day, at=change.at, people=made.people, plan=plan)


class _Sheet:
    """What the database knows of one day, as chains."""

    def __init__(self, study: Study, reads: Reads, day: date, now: datetime) -> None:
        self._study, self._reads, self._day, self._now = study, reads, day, now
        self._rows = due_on(reads, day)
        self._procedures: dict[str, list[RowMapping]] = {}
        uids = [row["uid"] for row in self._rows]
        asked = select(t.procedure).where(t.procedure.c.session.in_(uids))
        for one in reads.connection.execute(asked.order_by(t.procedure.c.place)).mappings():
            self._procedures.setdefault(one["session"], []).append(one)
        # Asked once for all: a day of sixty animals has some hundred labels.
        animals = {row["animal"] for row in self._rows}
        self._weights: dict[str, list[Weighed]] = {animal: [] for animal in animals}
        weights = select(t.weight).where(t.weight.c.animal.in_(animals)).order_by(t.weight.c.id)
        for w in reads.connection.execute(weights).mappings():
            self._weights[w["animal"]].append(_weighed(w))
        species = select(t.animal.c.id, t.animal.c.species).where(t.animal.c.id.in_(animals))
        self._species: dict[str, str] = {
            row.id: row.species for row in reads.connection.execute(species)
        }
        per_kg = select(t.label.c.code, t.label.c.ml_per_kg).where(t.label.c.session.in_(uids))
        self._per_kg = {row.code: row.ml_per_kg for row in reads.connection.execute(per_kg)}
        self._leading = leading(reads, animals)
        self._weighing: set[str] = set()
        self._notes: dict[tuple[str, str], str] = {}
        self._latest: dict[str, int] = {}
        self.asks: list[str] = []
        self.busy: dict[str, int] = {}
        self.begun = any(row["status"] == "running" for row in self._rows)

    def second(self, moment: datetime) -> int:
        """Seconds from the day's midnight."""
        midnight = datetime.combine(self._day, datetime.min.time(), moment.tzinfo)
        return int((moment - midnight).total_seconds())

    def chains(self) -> list[Chain]:
        rounds: dict[str, int] = {}
        before: dict[str, RowMapping] = {}
        found: list[tuple[int, int, Chain]] = []
        for row in sorted(self._rows, key=self._in_course):
            turn = rounds[row["animal"]] = rounds.get(row["animal"], -1) + 1
            chain = self._chain(row, before.get(row["animal"]), first=turn == 0)
            before[row["animal"]] = row
            if chain is not None:
                found.append((turn, row["place"], chain))
        for animal in sorted({chain.animal for *_, chain in found}):
            loss = loss_of(self._study.plan.humane, [w.weight_g for w in self._weights[animal]])
            if loss is not None and loss.verdict == "end_point":
                self.asks.append(f"{animal}: {loss.told}; the owner decides whether it goes on")
        return [chain for *_, chain in sorted(found, key=lambda one: one[:2])]

    def _in_course(self, row: RowMapping) -> int:
        names = [phase.name for phase in self._study.joined.course.phase]
        return names.index(self._phase(row).name)

    def _phase(self, row: RowMapping) -> PhasePlan:
        return phase_of(self._study, row["phase"])

    def _chain(self, row: RowMapping, before: RowMapping | None, *, first: bool) -> Chain | None:
        if row["status"] not in DUE:
            return None
        phase, rules = self._phase(row), self._study.plan.day
        links: list[Link] = []
        around = self._procedures.get(row["uid"], [])
        drawn_for = first and any(p["label"] and p["status"] == "planned" for p in around)
        if drawn_for and not self._weighed_today(row["animal"]):
            self._weighing.add(row["animal"])
            links.append(Link(Do.WEIGH, rules.weigh_s, ANY))
        gap = ANY
        for one in (p for p in around if p["moment"] == "before" and p["status"] != "skipped"):
            links.append(self._link(row, one, gap))
            gap = window_of(one)
        if not row["outside"]:
            links += self._in_box(row, phase, gap)
        for one in (p for p in around if p["moment"] == "after" and p["status"] != "skipped"):
            links.append(self._link(row, one, window_of(one)))
        if not links:
            return None
        after = before["uid"] if before is not None else ""
        not_before = self._led_to(row, links)
        if before is not None and before["status"] not in DUE and before["ended"]:
            ended = self.second(datetime.fromisoformat(before["ended"]))
            not_before = max(not_before, ended + int(phase.gap_s))
        return Chain(
            row["uid"],
            row["animal"],
            row["phase"],
            row["box"] or None,
            tuple(links),
            after,
            int(phase.gap_s),
            not_before,
        )

    def _led_to(self, row: RowMapping, links: Sequence[Link]) -> int:
        """When a chain begins at the soonest, by intervals that run to its placement."""
        place = next((k for k, link in enumerate(links) if link.do is Do.PLACE), None)
        begins = 0
        if place is None:
            return begins
        ahead = sum(link.lasts_s for link in links[:place])
        ahead += sum(link.gap.wanted_s for link in links[1 : place + 1])
        for one in self._leading.get((row["animal"], row["phase"]), ()):
            gap = window_of(one)
            if one["status"] != "done" or gap.most_s is None:
                continue
            ended = self.second(datetime.fromisoformat(one["ended"]))
            self._latest[row["uid"]] = min(
                self._latest.get(row["uid"], ended + gap.most_s), ended + gap.most_s
            )
            begins = max(begins, ended + gap.wanted_s - ahead)
        return begins

    def too_late(self, steps: Sequence[Step]) -> Iterator[str]:
        """Placements after the window that was opened by a procedure of an earlier phase."""
        for step in steps:
            latest = self._latest.get(step.chain.key)
            if step.what.do is Do.PLACE and latest is not None and step.start_s > latest:
                told = f"place by {clock(latest)}, but not before {clock(step.start_s)}"
                yield f"{step.chain.animal} {step.chain.phase}: {told}"

    def _link(self, row: RowMapping, one: RowMapping, gap: Gap) -> Link:
        rules = self._study.plan.day
        done = None
        if one["status"] == "done":
            ended = self.second(datetime.fromisoformat(one["ended"]))
            started = self.second(datetime.fromisoformat(one["started"] or one["ended"]))
            done = (started, ended)
        elif one["label"]:
            self._notes[row["uid"], one["slot"]] = self._draw(row["animal"], one["label"])
        lasts_s = max(int(one["lasts_s"]), rules.inject_s if one["label"] else 0)
        return Link(
            Do.PROCEDURE, lasts_s, gap, apart=not one["blind"], named=one["slot"], done=done
        )

    def _in_box(self, row: RowMapping, phase: PhasePlan, gap: Gap) -> list[Link]:
        rules = self._study.plan.day
        stay = int(box_s(outline(self._study.protocol, row["phase"], self._study.joined.values)))
        dry = max(rules.dry_s, int(purge_s(self._study)))
        place, inside = Link(Do.PLACE, rules.place_s, gap), Link(Do.SESSION, stay, attended=False)
        if row["status"] == "running" and row["started"]:
            start = self.second(datetime.fromisoformat(row["started"]))
            end = max(self.second(self._now), start + stay)
            place = Link(Do.PLACE, 0, gap, done=(start, start))
            inside = Link(Do.SESSION, stay, attended=False, done=(start, end))
            if row["box"]:
                self.busy[row["box"]] = end
        return [
            place,
            inside,
            Link(Do.REMOVE, rules.remove_s),
            Link(Do.CLEAN, rules.clean_s),
            Link(Do.DRY, dry, attended=False),
        ]

    def _weighed_today(self, animal: str) -> bool:
        zone = self._now.tzinfo
        taken = (datetime.fromtimestamp(w.at_s, zone) for w in self._weights[animal])
        return any(day_of(self._study, at) == self._day for at in taken)

    def _draw(self, animal: str, label: str) -> str:
        per_kg, species = self._per_kg.get(label), self._species.get(animal)
        volume = _volume(self._study, per_kg, species, self._weights[animal], self._now)
        if animal not in self._weighing:
            self.asks += [f"{animal}: {line}" for line in (*volume.refused, *volume.asks)]
        ml = "weigh first" if volume.ml is None else f"{volume.ml:.2f} ml"
        if animal in self._weighing and volume.ml is not None:
            ml = f"about {ml}"
        return f"label {label}, {ml}"

    def line(self, step: Step) -> Line | None:
        what = step.what
        if what.do in (Do.SESSION, Do.DRY):
            return None
        row = next(one for one in self._rows if one["uid"] == step.chain.key)
        note = self._notes.get((step.chain.key, what.named), "")
        if what.do is Do.PLACE:
            note = f"in {row['chamber']}" if row["chamber"] else ""
            during = [
                p["slot"] for p in self._procedures.get(row["uid"], []) if p["moment"] == "during"
            ]
            note = "; ".join([*filter(None, [note]), *(f"during it {slot}" for slot in during)])
        return Line(
            step.start_s,
            step.end_s,
            step.person,
            step.chain.animal,
            step.chain.phase,
            what.named or str(what.do),
            (step.chain.box or "") if what.do is not Do.WEIGH else "",
            note,
        )

    def missed(self) -> list[str]:
        """Sessions of earlier days that nobody ran."""
        asked = (
            select(t.session)
            .join(t.animal, t.animal.c.id == t.session.c.animal)
            .where(
                t.session.c.status == "planned",
                t.session.c.planned_for < self._day.isoformat(),
                t.animal.c.status.in_(LIVING),
            )
            .order_by(t.session.c.planned_for, t.session.c.animal)
        )
        return [
            f"{row['animal']} {row['phase']} was due on {row['planned_for']}"
            for row in self._reads.connection.execute(asked).mappings()
            if not row["outside"] or self._phase(row).kind in WORK
        ]


def purge_s(study: Study) -> float:
    """How long a box has fresh air between two animals: the longest of any odour, or none."""
    return max((one.purge_s or 0.0 for one in study.joined.course.cue_set.values()), default=0.0)


def phase_of(study: Study, name: str) -> PhasePlan:
    """The phase of the protocol that a session is of, a later cycle's too."""
    course = study.joined.course
    found = course.phase_named(first_name(course.extinction, name))
    assert found is not None  # the study planned it
    return found


def window_of(procedure: RowMapping) -> Gap:
    """The interval after a procedure, as it is planned."""
    wanted = int(procedure["interval_s"] or 0)
    early, late = int(procedure["early_s"] or 0), procedure["late_s"]
    if procedure["interval_s"] is None and late is None:
        return ANY
    return Gap(max(0, wanted - early), wanted, wanted + int(late or 0))


def leading_to(reads: Reads, animal: str, phase: str) -> Sequence[RowMapping]:
    """Procedures of an animal's other phases whose interval runs to the placement of this one.

    With `phase`, the one that they are of.
    """
    return leading(reads, [animal]).get((animal, phase), ())


def leading(
    reads: Reads, animals: Collection[str]
) -> Mapping[tuple[str, str], Sequence[RowMapping]]:
    """The same of several animals at once, by animal and the phase that the intervals run to."""
    asked = (
        select(t.procedure, t.session.c.animal, t.session.c.phase)
        .join(t.session, t.session.c.uid == t.procedure.c.session)
        .where(
            t.session.c.animal.in_(animals),
            t.session.c.status != "cancelled",
            t.procedure.c.runs_to.is_not(None),
            t.procedure.c.status != "skipped",
        )
        .order_by(t.procedure.c.id)
    )
    found: dict[tuple[str, str], list[RowMapping]] = {}
    for one in reads.connection.execute(asked).mappings():
        found.setdefault((one["animal"], one["runs_to"]), []).append(one)
    for key, rows in found.items():
        done = {one["slot"] for one in rows if one["status"] == "done"}
        found[key] = [one for one in rows if one["status"] == "done" or one["slot"] not in done]
    return found


def weights_of(reads: Reads, animal: str) -> list[Weighed]:
    """An animal's weights, oldest first, their times as seconds since 1970."""
    asked = select(t.weight).where(t.weight.c.animal == animal).order_by(t.weight.c.id)
    return [_weighed(w) for w in reads.connection.execute(asked).mappings()]


def _weighed(row: RowMapping) -> Weighed:
    return Weighed(datetime.fromisoformat(row["at"]).timestamp(), row["weight_g"])


def volume_of(study: Study, reads: Reads, animal: str, label: str, now: datetime) -> Volume:
    """What is drawn for a label, by its own ml/kg and the animal's weight alone."""
    read = reads.connection.execute
    per_kg = read(select(t.label.c.ml_per_kg).where(t.label.c.code == label)).scalar()
    species = read(select(t.animal.c.species).where(t.animal.c.id == animal)).scalar()
    return _volume(study, per_kg, species, weights_of(reads, animal), now)


def _volume(
    study: Study,
    per_kg: float | None,
    species: str | None,
    weights: Sequence[Weighed],
    now: datetime,
) -> Volume:
    rules = study.plan.day
    return drawn(
        float(per_kg or 0),
        weights,
        now.timestamp(),
        species=(species or "mouse").lower(),
        step_ml=rules.syringe_ml,
        age_h=rules.weight_age_h,
    )


def due_on(reads: Reads, day: date) -> Sequence[RowMapping]:
    """Sessions of a day, those that are over too; of animals that are in the study."""
    asked = (
        select(t.session)
        .join(t.animal, t.animal.c.id == t.session.c.animal)
        .where(
            t.session.c.planned_for == day.isoformat(),
            t.session.c.status != "cancelled",
            t.animal.c.status.in_(LIVING),
        )
    )
    return reads.connection.execute(asked).mappings().all()


def _clock_s(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def _minute(second: int) -> int:
    """The next whole minute."""
    return -(-second // 60) * 60


def to_json(made: Today) -> dict[str, Any]:
    """The day for a machine."""
    return {
        "study": made.study,
        "day": made.day.isoformat(),
        "people": made.people,
        "lines": [
            {
                "time": counted(line.start_s),
                "until": counted(line.end_s),
                "person": line.person or None,
                "animal": line.animal,
                "phase": line.phase,
                "what": line.what,
                "box": line.box or None,
                "note": line.note,
            }
            for line in made.lines
        ],
        "broken": list(made.broken),
        "asks": list(made.asks),
        "missed": list(made.missed),
    }
