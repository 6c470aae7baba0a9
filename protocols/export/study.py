"""A whole study handed on: its sessions with their roles, its animals, its rules and records."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from protocols.export.animals import NOBODY, Subjects, read_subjects
from protocols.export.names import nameless
from protocols.formulas import as_text
from protocols.ranges import first, placed_by
from protocols.report.records import Records, records_of
from protocols.scores import POSTTEST, PRETEST
from protocols.scoring import StudyScores, score_folder, score_study
from protocols.scoring.scored import pairs_of_sessions
from protocols.sessions import Session, measured_again, read_session, roles_of
from protocols.study import PROTOCOL, RULES, open_study
from rig.model import NS_PER_S
from rig.storage import read_pairing

LATIN = {"mouse": "Mus musculus", "rat": "Rattus norvegicus"}
ANIMALS = "animals.csv"


@dataclass(frozen=True)
class Handed:
    """What is handed on. `files`: further texts of the folder to share, by their place in it.

    `roles` says what stands for a person's name.
    """

    found: StudyScores
    sessions: Sequence[Session]
    subjects: Subjects
    files: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)

    @property
    def reveal(self) -> bool:
        """Whether group and pairing may be told."""
        return not self.found.blinded


def handed(folder: Path, told: Callable[[float, float], None]) -> Handed:
    """All that is to be handed on of a study, or of a folder of sessions. Raises ConfigError."""
    if not (folder / RULES).is_file():
        found = score_folder(folder, "", told)
        pairs = read_pairing(folder)
        by_folder = {one.folder: pairs[one.subject] for one in found.filed if one.subject in pairs}
        table = folder / ANIMALS
        subjects = read_subjects(table) if table.is_file() else NOBODY
        return Handed(found, _sessions(found, by_folder), subjects)
    with open_study(folder, write=False) as study:
        found = score_study(study, "", told)
        records = records_of(study)
        by_folder = {} if found.blinded else pairs_of_sessions(study, found)
    subjects = _subjects(found, records, folder)
    files = {} if found.blinded else dict(_texts(folder, found, records))
    return Handed(found, _sessions(found, by_folder), subjects, files, records.roles)


def _sessions(found: StudyScores, pairs: Mapping[Path, tuple[str, str]]) -> list[Session]:
    """Every completed session, placed by the rule that counts; tests know their window's end."""
    sessions = []
    for one in found.filed:
        if one.status != "completed":
            continue
        session = read_session(one.folder)
        if one.again is not None:
            session = measured_again(session, found.folder / one.again.folder)
        roles = roles_of(session.apparatus, pairs.get(one.folder), one.folder)
        session = replace(
            session,
            subject=one.subject,
            phase=one.phase or one.phase_name,
            box=one.box,
            roles=roles,
        )
        rule = found.rules.case
        if rule is not None and one.phase:
            session = placed_by(session, rule)
        measured = found.measured.get(one.subject)
        if one.phase and measured is not None and measured.window_s:
            cut = first(session.table, measured.window_s)
            kept = cut.t_ns[cut.scored]
            if len(kept):
                end_s = (int(kept[-1]) - int(kept[0])) / NS_PER_S
                session = replace_kept(session, window_end_s=end_s)
        sessions.append(session)
    return sessions


def replace_kept(session: Session, **changes: Any) -> Session:
    """The same with changes, and what was computed of it already."""
    changed = replace(session, **changes)
    for name in ("table", "measures"):
        if name in session.__dict__:
            changed.__dict__[name] = session.__dict__[name]
    return changed


def _subjects(found: StudyScores, records: Records, folder: Path) -> Subjects:
    weights = {one["animal"]: one["weight_g"] for one in records.weights}
    groups = {} if found.revealed is None else found.revealed.places
    animals = {}
    for row in records.animals:
        told = {
            "sex": row["sex"],
            "species": LATIN.get((row["species"] or "").lower(), row["species"]),
            "date_of_birth": row["born"],
            "weight_g": weights.get(row["id"]),
            "group": groups.get(row["id"], {}).get("group"),
            **{
                n: row[n]
                for n in (
                    "strain",
                    "genotype",
                    "cage",
                    "cohort",
                    "litter",
                    "vendor",
                    "housing",
                    "light_cycle",
                )
            },
        }
        animals[row["id"]] = {n: str(v) for n, v in told.items() if v not in (None, "")}
    return Subjects(str(folder), animals)


def _texts(folder: Path, found: StudyScores, records: Records) -> Iterator[tuple[str, str]]:
    """Rules with their lock, protocol, scores by them, and the study's records."""
    yield "rules/rules.json", json.dumps(found.rules.to_json(), indent=1) + "\n"
    rules = (folder / RULES).read_text(encoding="utf-8")
    kept = [
        line for line in rules.splitlines() if not line.replace(" ", "").startswith("database=")
    ]
    yield f"rules/{RULES}", "\n".join(kept) + "\n"
    yield f"rules/{PROTOCOL}", (folder / PROTOCOL).read_text(encoding="utf-8")
    roles = dict(records.roles)
    places = {} if found.revealed is None else found.revealed.places
    whose = {row["uid"]: (row["animal"], row["phase"]) for row in records.sessions}
    for name, rows in (
        (
            "allocation",
            [
                {
                    k: p.get(k)
                    for k in ("animal", "group", "side", "cue", "order", "slot", "box", "cohort")
                }
                for p in places.values()
            ],
        ),
        ("exclusions", records.exclusions),
        ("amendments", records.amendments),
        ("deviations", records.deviations),
        ("adverse_events", records.adverse),
        ("exposures", records.exposures),
        ("key", records.key_events),
    ):
        lines = [
            {
                k: whose[v][0] + " " + whose[v][1] if k == "session" and v in whose else v
                for k, v in nameless(dict(row), roles).items()
            }
            for row in rows
        ]
        if lines:
            yield f"records/{name}.csv", _csv(lines)
    yield "tables/scores.csv", _csv(list(_scores(found)))


def _scores(found: StudyScores) -> Iterator[dict[str, Any]]:
    """A line an analysed animal: seconds over the window, every score, the primary one's range."""
    primary = found.rules.primary
    for animal, one in zip(found.animals, found.scored, strict=True):
        measured = found.measured[animal.subject]
        row: dict[str, Any] = {
            "subject": one.subject,
            "group": one.group or "",
            "window_s": measured.window_s,
        }
        for short, phase in (("pre", PRETEST), ("post", POSTTEST)):
            for role in ("paired", "unpaired", "neutral"):
                row[f"{short}_{role}_s"] = getattr(animal.tests[phase], f"{role}_s")
        plain = one.to_json()
        row |= {name: plain[name] for name in one.scores.__dataclass_fields__}
        low, high = measured.ranges[primary]
        yield {
            **row,
            f"{primary}_lowest": low,
            f"{primary}_highest": high,
            "flags": "+".join(one.flags),
        }


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(columns), lineterminator="\n", restval="")
    table.writeheader()
    for row in rows:
        table.writerow({k: _cell(v) for k, v in row.items()})
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    return f"{round(value, 9):.15g}" if isinstance(value, float) else as_text(str(value))
