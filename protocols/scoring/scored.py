"""A study's scores: the locked rules' result first; nothing tells the pairing while blinded."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import select

from protocols.scores import POSTTEST, PRETEST, Animal, Scored, score_animals
from protocols.scoring.filed import Filed, filed_sessions, found_sessions, tests_of
from protocols.scoring.measuring import Job, Measured, measure_all
from protocols.scoring.rules import Rules, rules_of, rules_of_folder
from protocols.statistics.result import Result
from protocols.store import tables as t
from protocols.study.folder import RULES, Study, open_study
from protocols.study.locking import since_lock
from protocols.study.revealed import Revealed, revealed
from protocols.study.ruling import Leaver, is_before, leavers, partly_out
from rig.errors import ConfigError
from rig.storage import read_pairing

Told = Callable[[float, float], None]
IN = ("active", "substitute")
"""Animals of these states are analysed whole; planned and excluded ones are not, and of withdrawn
ones what the rules say."""
TIMES = ("paired_s", "unpaired_s", "neutral_s", "test_s")
FACTORS = ("sex", "box", "cage", "litter", "cohort")


def _silent(done: float, total: float) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class StudyScores:
    """What was measured of a study, and scored of it where that may be known.

    `animals` is empty while `blinded`. `measured`: every animal that has a test. `rows`: the
    database's own row of each animal; empty for a folder that is no study. `partly`: animals that
    a rule put out from a phase on, which is told; their tests before it are analysed. `leavers`:
    those that were withdrawn after their post-test. `since_lock`: what was altered after the
    analysis was locked; it is in the notes, too.
    """

    folder: Path
    name: str
    rules: Rules
    blinded: bool
    why_blinded: str
    revealed: Revealed | None
    filed: Sequence[Filed]
    measured: Mapping[str, Measured]
    animals: Sequence[Animal]
    rows: Mapping[str, Mapping[str, Any]]
    notes: Sequence[str] = field(default_factory=tuple)
    partly: Mapping[str, str] = field(default_factory=dict)
    leavers: Mapping[str, Leaver] = field(default_factory=dict)
    since_lock: Sequence[str] = ()

    @cached_property
    def scored(self) -> list[Scored]:
        """Every analysed animal's scores."""
        return score_animals(self.animals)

    @cached_property
    def tests(self) -> list[Result]:
        """All tests, the primary score's first; empty while blinded."""
        from protocols.statistics import Role, all_tests

        if not self.animals:
            return []
        results = all_tests(self.animals, self.scored, self.rules.primary)
        if self.rules.locked:
            return results
        from dataclasses import replace

        # What was not chosen beforehand is not what the study was made for.
        return [
            replace(one, role=Role.SECONDARY) if one.role == Role.PRIMARY else one
            for one in results
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data, named as that of a table of times; `animals` is by chamber while blinded."""
        from protocols.statistics import group_scores, plan_next

        open_part: dict[str, Any] = {
            "study": self.name,
            "blinded": self.blinded,
            "why_blinded": self.why_blinded,
            "rules": self.rules.to_json(),
            "primary": self.rules.primary,
            "notes": list(self.notes),
        }
        if self.blinded:
            return {**open_part, "animals": by_chamber(self), "groups": [], "tests": []}
        scored = [{**one.to_json(), **_fragile(self.measured[one.subject])} for one in self.scored]
        return {
            **open_part,
            "animals": scored,
            "groups": [one.to_json() for one in group_scores(self.scored)],
            "tests": [one.to_json() for one in self.tests],
            "power": [one.to_json() for one in plan_next(self.tests)],
        }


def score_folder(folder: Path, primary: str = "", told: Told = _silent) -> StudyScores:
    """The scores of a study, or of a folder of sessions with a pairing.csv.

    `primary`: a further score that is asked for; in a study it stays secondary. Raises ConfigError
    for a folder that is neither.
    """
    if (folder / RULES).is_file():
        with open_study(folder, write=False) as study:
            return score_study(study, primary, told)
    filed, notes = found_sessions(folder)
    if not filed:
        message = "holds no study (no study.toml) and no sessions (rawdata/sub-*/ses-*/behav)"
        raise ConfigError(str(folder), "", message)
    pairs = read_pairing(folder)
    if not pairs:
        message = "is missing: without it nobody knows which chamber was paired"
        raise ConfigError(str(folder / "pairing.csv"), "", message)
    tests = tests_of(filed, notes)
    rules = rules_of_folder(primary)
    jobs = []
    for subject, own in sorted(tests.items()):
        if subject not in pairs:
            notes.append(f"{subject}: pairing.csv does not name it; it is left out")
            continue
        folders = {phase: one.folder for phase, one in own.items()}
        jobs.append(Job(subject, folders, dict.fromkeys(folders, pairs[subject]), None, None))
    measured = {one.subject: one for one in measure_all(jobs, told)}
    animals = []
    for subject, one in measured.items():
        if _whole(one, notes):
            side = {"paired_side": pairs[subject][0]}
            animals.append(Animal(subject, None, one.times, side, one.beside))
    return StudyScores(
        folder, folder.name, rules, False, "", None, filed, measured, animals, {}, tuple(notes)
    )


def score_study(
    study: Study, primary: str = "", told: Told = _silent, workers: Executor | None = None
) -> StudyScores:
    """The same of an open study, by processes that are there or new ones. Raises ConfigError."""
    filed, notes = filed_sessions(study)
    altered = since_lock(study)
    notes = [*altered, *notes]
    rules = rules_of(study, filed, primary)
    opened = revealed(study)
    with study.store.read() as connection:
        rows = {
            row["id"]: dict(row)
            for row in connection.execute(select(t.animal).order_by(t.animal.c.id)).mappings()
        }
    tests = tests_of(filed, notes)
    partly = partly_out(study)
    for subject, start in partly.items():
        own = tests.get(subject, {})
        tests[subject] = {
            phase: one
            for phase, one in own.items()
            if is_before(study.joined.course, one.phase_name, start)
        }
        notes.append(f"{subject}: is out by a rule from {start} on; its tests before that count")
    left = _left_after(leavers(study), tests, notes)
    # What was opened stands in the trail, so no account needs the study's key for it.
    places = {} if opened is None else opened.places
    paired = {animal: place["cue"] or place["side"] for animal, place in places.items()}
    drawn: dict[str, Filed] = {}
    for one in filed:
        drawn.setdefault(one.box, one)
    jobs = []
    for subject, own in sorted(tests.items()):
        pairs = {
            phase: _chambers(study, one, paired[subject])
            for phase, one in own.items()
            if subject in paired
        }
        folders = {phase: one.folder for phase, one in own.items()}
        first = {
            phase: drawn[one.box].folder
            for phase, one in own.items()
            if one.zones != drawn[one.box].zones and subject in paired and one.again is None
        }
        again = {p: study.folder / one.again.folder for p, one in own.items() if one.again}
        late = {p: study.folder / one.not_blind.folder for p, one in own.items() if one.not_blind}
        jobs.append(
            Job(
                subject,
                folders,
                pairs,
                rules.window_s,
                rules.case,
                first=first,
                again=again,
                not_blind=late,
            )
        )
    measured = {one.subject: one for one in measure_all(jobs, told, workers)}
    inside = {*partly, *(subject for subject, one in left.items() if not one.why_not)}
    animals = [] if opened is None else _animals(rows, measured, opened, notes, inside)
    order = [group.name for group in study.plan.group]
    animals.sort(key=lambda one: order.index(one.group) if one.group in order else len(order))
    if animals:
        notes += [
            f"no animal of {name} is analysed: nothing can be compared with that group"
            for name in order
            if name not in {one.group for one in animals}
        ]
    why = (
        ""
        if opened is not None
        else (
            "the key is sealed: no group and nothing that depends on the pairing is told before"
            " placepref study unblind"
        )
    )
    return StudyScores(
        study.folder,
        study.plan.name,
        rules,
        opened is None,
        why,
        opened,
        filed,
        measured,
        animals,
        rows,
        tuple(notes),
        partly,
        left,
        altered,
    )


def pairs_of_sessions(study: Study, found: StudyScores) -> dict[Path, tuple[str, str]]:
    """The paired and the unpaired chamber of every session, by its folder; once they are open."""
    places = {} if found.revealed is None else found.revealed.places
    return {
        one.folder: _chambers(study, one, place["cue"] or place["side"])
        for one in found.filed
        if (place := places.get(one.subject)) is not None
    }


def by_chamber(found: StudyScores) -> list[dict[str, Any]]:
    """What may be told while blinded: each test's time by the chambers' own names."""
    rows = []
    for subject, one in found.measured.items():
        for phase, session in one.sessions.items():
            m = session.measures
            held = zip(session.apparatus.chamber_names, m.seen_ns, m.inferred_ns, strict=True)
            rows.append(
                {
                    "subject": subject,
                    "phase": phase,
                    "test_s": round(session.test_s, 3),
                    **{f"time_{name}_s": round((a + b) / 1e9, 3) for name, a, b in held},
                    "lost_share": m.lost_share,
                    "flags": list(m.flags),
                }
            )
    return rows


def _animals(
    rows: Mapping[str, Mapping[str, Any]],
    measured: Mapping[str, Measured],
    opened: Revealed,
    notes: list[str],
    inside: Collection[str],
) -> list[Animal]:
    animals = []
    for subject, row in rows.items():
        if row["status"] not in IN and subject not in inside:
            continue
        place = opened.places.get(subject)
        one = measured.get(subject)
        if place is None:
            if one is not None and POSTTEST in one.sessions:
                notes.append(f"{subject}: has no place in the opened allocation; it is left out")
            continue
        if one is None:
            notes.append(f"{subject}: has no test that was completed; it is left out")
        elif _whole(one, notes):
            factors = {name: str(row[name]) for name in FACTORS if row.get(name) not in (None, "")}
            factors |= {"paired_side": place["side"]}
            factors |= {name: place[name] for name in ("order", "cue") if place.get(name)}
            animals.append(Animal(subject, place["group"], one.times, factors, one.beside))
    return animals


def _left_after(
    gone: Mapping[str, Leaver], tests: dict[str, dict[str, Filed]], notes: list[str]
) -> dict[str, Leaver]:
    """Who was withdrawn after its post-test; what was run in its name later counts for none."""
    found = {}
    for subject, one in gone.items():
        since = datetime.fromisoformat(one.since)
        own = {
            phase: test
            for phase, test in tests.get(subject, {}).items()
            if datetime.fromisoformat(test.began) < since
        }
        if not own.keys() >= {PRETEST, POSTTEST}:
            continue
        tests[subject], found[subject] = own, one
        said = one.why_not or "its tests before that count, by the rule [attempts]"
        notes.append(f"{subject}: was withdrawn on {since:%Y-%m-%d} ({one.reason}); {said}")
    return found


def _whole(one: Measured, notes: list[str]) -> bool:
    """Whether an animal has what a score needs; what it lacks is noted."""
    if one.problem:
        notes.append(f"{one.subject}: {one.problem}; it is left out")
        return False
    lacks = [phase for phase in (PRETEST, POSTTEST) if phase not in one.sessions]
    if lacks:
        notes.append(f"{one.subject}: has no {' and no '.join(lacks)}; it is left out")
    return not lacks and POSTTEST in one.times


def _chambers(study: Study, one: Filed, paired: str) -> tuple[str, str]:
    """The paired and the unpaired chamber of a session; where cues move, by its own cue map."""
    first, second = study.plan.sides
    if not study.plan.cues:
        if paired not in (first, second):
            message = f"{paired!r}: the study pairs {first} or {second}"
            raise ConfigError(str(study.folder), "pairing", message)
        return (first, second) if paired == first else (second, first)
    where = [name for name, cue in one.cues.items() if cue == paired]
    if len(where) != 1 or where[0] not in (first, second):
        message = f"its cue map does not say where {paired!r} was: {dict(one.cues) or 'none'}"
        raise ConfigError(str(one.folder), "cues", message)
    return where[0], second if where[0] == first else first


def _known(seconds: float) -> float | None:
    return None if seconds != seconds else round(seconds, 9)


def _fragile(one: Measured) -> dict[str, Any]:
    return {
        "window_s": one.window_s,
        "times": {
            phase: {name: _known(getattr(told, name)) for name in TIMES}
            for phase, told in one.times.items()
        },
        "ranges": {name: list(ends) for name, ends in one.ranges.items()},
        "left_out": dict(one.left_out),
    }
