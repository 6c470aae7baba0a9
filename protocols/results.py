"""What is known of a study at a glance: its animals, the scores as last measured, its conduct.

Measuring a study takes a while; what came of it is kept in `derivatives/scores.json` together with
what it was measured from, so that it is told at once, and told as old where something has changed
since. While the key is sealed it holds nothing that depends on the pairing, as `score --json`.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocols.control import Chart, control_chart
from protocols.scores import PRETEST
from rig import __version__
from rig.errors import RigError, StorageError

if TYPE_CHECKING:  # what needs the database is loaded when a study is opened
    from protocols.report.blocks import Block
    from protocols.report.records import Records
    from protocols.scoring.filed import Filed
    from protocols.study import Study

KEPT = "derivatives/scores.json"
FIGURES, LIST = "derivatives/report-figures", "figures.json"
"""The figures of the report for the window, and the list of them in that folder."""


@dataclass(frozen=True)
class Overview:
    """A study as it stands. `scores`: as `score --json` told last; None: never measured.

    `made_of`: what scores measured now would be of; `current`: those that are kept are. `animals`:
    the database's rows. `phases`: the names of the protocol's.
    """

    folder: Path
    name: str
    blinded: bool
    animals: Sequence[Mapping[str, Any]]
    made_of: str
    scores: Mapping[str, Any] | None
    current: bool
    phases: Sequence[str] = ()


@dataclass(frozen=True)
class Watched:
    """A control chart of one box: `what` is side, lost or dropped, all in percent.

    `names` and `folders` are of the sessions, in the chart's order.
    """

    box: str
    what: str
    chart: Chart
    names: Sequence[str]
    folders: Sequence[Path]


@dataclass(frozen=True)
class Conduct:
    """What did not go as planned, the boxes' charts, and which session is which test.

    `tests`: by animal and phase, the folder of the session that counts. `parts`: the name of each
    with its blocks, as the report has them.
    """

    tests: Mapping[tuple[str, str], Path]
    parts: Sequence[tuple[str, Sequence["Block"]]]
    charts: Sequence[Watched]
    sessions: int


@dataclass(frozen=True)
class Figure:
    """One figure of the report, a PNG file."""

    path: Path
    title: str
    caption: str


@dataclass(frozen=True)
class Figures:
    """The figures of the report that was written last. `written`: when, as a person reads it."""

    written: str
    ones: Sequence[Figure]


def overview(folder: Path) -> Overview:
    """A study's animals, and its scores as they were last measured. Raises RigError."""
    from sqlalchemy import select

    from protocols.store import tables as t
    from protocols.study import open_study
    from protocols.study.revealed import revealed

    with open_study(folder, write=False) as study:
        with study.store.read() as connection:
            asked = connection.execute(select(t.animal).order_by(t.animal.c.id)).mappings()
            animals = [dict(row) for row in asked]
        made_of = _made_of(study)
        blinded = revealed(study) is None
        name, phases = study.plan.name, [phase.name for phase in study.protocol.phase]
    kept = _kept(folder)
    scores = None if kept is None else kept["scores"]
    if blinded and scores is not None and not scores.get("blinded", True):
        scores = None  # a copy from elsewhere: nothing that it says may be told here
    current = kept is not None and kept["made_of"] == made_of and scores is not None
    return Overview(folder, name, blinded, animals, made_of, scores, current, phases)


def keep_scores(folder: Path, made_of: str, output: str) -> Mapping[str, Any]:
    """Keep what `score --json` printed; gives it. Raises StorageError."""
    from rig.storage.folder import replace

    path = folder / KEPT
    try:
        scores: Mapping[str, Any] = json.loads(output)
        if not {"blinded", "animals"} <= scores.keys():
            raise ValueError("no scores in it")
        path.parent.mkdir(exist_ok=True)
        replace(path, (json.dumps({"made_of": made_of, "scores": scores}) + "\n").encode())
    except (OSError, ValueError, AttributeError) as error:
        raise StorageError(f"{path}: {error}") from None
    return scores


def figures_of(folder: Path, *, blinded: bool) -> Figures | None:
    """The figures of a study's report; None where none were written.

    `blinded`: the key is sealed. Figures that depend on it, as in a copy from elsewhere, are none.
    """
    there = folder / FIGURES
    told = listed(there)
    if not told["figures"] or (blinded and not told["blinded"]):
        return None
    ones = [
        Figure(there / Path(str(one["file"])).name, str(one["title"]), str(one["caption"]))
        for one in told["figures"]
    ]
    written = datetime.fromtimestamp((there / LIST).stat().st_mtime)
    return Figures(f"{written:%Y-%m-%d %H:%M}", ones)


def listed(folder: Path) -> Mapping[str, Any]:
    """What a folder of figures says of them; no figures where it says nothing that makes sense."""
    try:
        told: Mapping[str, Any] = json.loads((folder / LIST).read_text(encoding="utf-8"))
        found = [
            {key: str(one[key]) for key in ("file", "title", "caption")} for one in told["figures"]
        ]
        return {"blinded": told["blinded"] is True, "figures": found}
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return {"blinded": False, "figures": []}


def conduct_of(folder: Path) -> Conduct:
    """What did not go as planned, charts, tests' folders: every session's head is read."""
    from protocols.report import conduct
    from protocols.report.records import records_of
    from protocols.scoring.filed import filed_sessions, tests_of
    from protocols.scoring.rules import rules_of
    from protocols.scoring.scored import StudyScores
    from protocols.study import open_study
    from protocols.study.revealed import revealed

    with open_study(folder, write=False) as study:
        filed, notes = filed_sessions(study)
        records = records_of(study, verified=False)
        blinded = revealed(study) is None
        light = StudyScores(
            folder, study.plan.name, rules_of(study, filed), blinded, "", None, filed, {}, [], {}
        )
        sides = study.plan.sides
        deviations = conduct.deviations(light, records)
        adverse = conduct.adverse(records)
    tests = {
        (subject, phase): one.folder
        for subject, own in tests_of(filed, list(notes)).items()
        for phase, one in own.items()
    }
    parts = [
        ("exclusions", _exclusions(records)),
        ("deviations", deviations),
        ("adverse", adverse),
    ]
    return Conduct(tests, parts, list(_charts(folder, filed, sides)), len(filed))


def _exclusions(records: "Records") -> list["Block"]:
    """Animals that are not analysed, and why."""
    from protocols.report.blocks import Grid, Words
    from protocols.report.saying import day

    rules = {row["animal"]: row for row in records.exclusions}
    out = [row for row in records.animals if row["status"] in ("excluded", "withdrawn")]
    rows = [
        [
            row["id"],
            row["status"],
            day(row["status_since"]) if row["status_since"] else "",
            row["status_reason"] or "",
            _rule(rules.get(row["id"])),
        ]
        for row in out
    ]
    if not rows:
        return [Words("No animal was excluded or withdrawn.")]
    return [Grid(("animal", "state", "since", "reason", "rule"), rows)]


def _rule(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    numbers = [f"{row[key]:.4g}" for key in ("value", "rule_limit") if row[key] is not None]
    return " ".join([str(row["rule"]).replace("_", " "), " of at most ".join(numbers)]).strip()


def _charts(folder: Path, filed: Sequence["Filed"], sides: Sequence[str]) -> list[Watched]:
    from rig.storage import read_summary

    read: dict[str, list[tuple[Filed, Mapping[str, str]]]] = {}
    for one in sorted(filed, key=lambda one: one.began):
        place = one.folder if one.again is None else folder / one.again.folder
        try:
            rows = read_summary(place)
        except RigError:
            continue
        if rows and one.status:
            read.setdefault(one.box, []).append((one, rows[0]))
    found = []
    for box, own in sorted(read.items()):
        for what in ("side", "lost", "dropped"):
            shown = [(one, value) for one, row in own
                     if (what != "side" or one.phase == PRETEST)
                     and not math.isnan(value := _value(row, what, sides))]  # fmt: skip
            chart = control_chart([value for _, value in shown], 0.0, 100.0)
            names = [f"{one.subject} {one.phase_name}" for one, _ in shown]
            found.append(Watched(box, what, chart, names, [one.folder for one, _ in shown]))
    return found


def _value(row: Mapping[str, str], what: str, sides: Sequence[str]) -> float:
    """In percent; NaN where the summary does not tell."""
    try:
        if what == "side":
            first, second = (float(row[f"time_{side}_s"]) for side in sides)
            return 100 * first / (first + second) if first + second else math.nan
        if what == "lost":
            test_s = float(row["test_s"])
            return 100 * float(row["time_lost_s"]) / test_s if test_s else math.nan
        dropped, frames = float(row["frames_dropped"]), float(row["frames"])
        return 100 * dropped / (frames + dropped) if frames else math.nan
    except (KeyError, ValueError):
        return math.nan


def _made_of(study: "Study") -> str:
    """What scores are of: the newest row of the trail, the session folders, the program."""
    from sqlalchemy import select

    from protocols.store import tables as t

    with study.store.read() as connection:
        last = connection.execute(
            select(t.audit.c.n, t.audit.c.hash).order_by(t.audit.c.n.desc()).limit(1)
        ).first()
    folders = sorted(p.parent.name for p in (study.folder / "rawdata").glob("sub-*/ses-*/behav"))
    told = [str(last.n), str(last.hash)] if last is not None else []
    return hashlib.sha256("\n".join([__version__, *told, *folders]).encode()).hexdigest()


def _kept(folder: Path) -> Mapping[str, Any] | None:
    try:
        kept: Mapping[str, Any] = json.loads((folder / KEPT).read_text(encoding="utf-8"))
        return kept if {"made_of", "scores"} <= kept.keys() else None
    except (OSError, ValueError, RecursionError, AttributeError):
        return None
