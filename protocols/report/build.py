"""A study's report put together: what a lab has to see first, first."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from pathlib import Path

import rig
from protocols.allocation.model import Design
from protocols.report import arrive, byeye, changed, conduct, latency, results
from protocols.report.blocks import (
    Below,
    Block,
    Checklist,
    Facts,
    Grid,
    Notice,
    Part,
    Report,
    Words,
)
from protocols.report.records import Records, records_of
from protocols.report.saying import counted, day, distinct, listed
from protocols.scoring import StudyScores, score_study
from protocols.study import KEY, PROTOCOL, RULES, Study
from protocols.study.folder import sha256

Told = Callable[[float, float], None]
HEAVY = (
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
    "matplotlib.backends.backend_svg",
    "pingouin",
    "reportlab.platypus",
    "statsmodels.formula.api",
)


def report_of(study: Study, told: Told, workers: Executor | None = None) -> Report:
    """The report of an open study. `workers`: processes that measure, where some are there."""
    with _loading():
        found = score_study(study, "", told, workers)
    return build(study, found, records_of(study))


@contextmanager
def _loading() -> Iterator[None]:
    """Load meanwhile what tests and figures are made with: it takes seconds, and others measure."""

    def load() -> None:
        for name in HEAVY:
            import_module(name)

    thread = threading.Thread(target=load, name="load what a report is made with")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def build(study: Study, found: StudyScores, records: Records) -> Report:
    """The report from what was found and what was recorded."""
    software = f"placepref {rig.__version__}"
    groups = [one.name for one in study.plan.group]
    blocks: list[Block] = [*_warnings(study, found, records)]
    blocks.append(Part("Result", "result"))
    if found.blinded:
        blocks.append(
            Notice(f"Blinded. {found.why_blinded[0].upper()}{found.why_blinded[1:]}.", grave=True)
        )
        blocks.append(_rules(found))
    elif not found.animals:
        blocks.append(Words("No animal has both a pre-test and a post-test yet."))
    else:
        blocks += results.primary(found)
        blocks += changed.changed(found, records)
    blocks += [
        Part("Animals", "animals"),
        Words("Every animal from the first day to the analysis, and why some left."),
        conduct.flow(found, records, groups),
        *conduct.below("Balance", conduct.balance(found, groups)),
        Part("Conduct", "conduct"),
        *conduct.below("Deviations", conduct.deviations(found, records)),
        *conduct.below("Adverse events", conduct.adverse(records)),
        *conduct.below("The operator's guess", list(conduct.guess(found, records, study))),
        *conduct.below("Opening of the key", _key(records)),
    ]
    if found.animals:
        blocks += [Part("Secondary results", "secondary"), *results.secondary(found)]
    blocks += [Part("Quality of the recordings", "quality"), *results.quality(found)]
    blocks += latency.latency(found)
    blocks += byeye.by_eye(study.folder, records)
    blocks += [
        Part("Draft of the Methods", "methods"),
        Words(
            "A draft from what was recorded; what stands in brackets is not known to the program.",
            quiet=True,
        ),
        *(Words(text) for text in arrive.methods(study, found, records, software)),
        Part("ARRIVE 2.0", "arrive"),
        Words("The checklist as far as the data fill it.", quiet=True),
        _checklist(study, found, records, software),
        Part("Where it comes from", "provenance"),
        *_provenance(study, found, records, software),
    ]
    state = "blinded" if found.blinded else "unblinded"
    under = (
        f"{study.plan.design} design, {study.plan.aim}; protocol {records.study['protocol']}"
        f" version {records.study['protocol_version']}; {len(records.animals)} animals, {state}"
    )
    # The time of the newest thing in it, not of its making: the same study, the same report.
    newest = max(
        [
            records.study["created"],
            *(one.began for one in found.filed),
            *(one["at"] for one in records.key_events),
        ],
        key=datetime.fromisoformat,
    )
    made = f"As of {day(newest)}, by {software}"
    return Report(study.plan.name, under, made, blocks, found.blinded)


def _warnings(study: Study, found: StudyScores, records: Records) -> list[Block]:
    out: list[Block] = []
    vehicle = any(one.drug == one.vehicle for one in study.plan.group)
    if study.plan.design in (Design.BIASED, Design.FORCED) and not vehicle:
        out.append(
            Notice(
                f"The design is {study.plan.design}, and no group got vehicle on both sides. The"
                " change from pre-test to post-test then holds regression to the mean and"
                " habituation: in simulated studies without any learning a t test against zero"
                " rejects in 18, 24 and 34 % of studies of 8, 10 and 14 animals. Nothing in this"
                " report can tell that from conditioning.",
                grave=True,
            )
        )
    if records.faults:
        told = "; ".join(records.faults[:3])
        out.append(
            Notice(
                f"Trail and tables of the study do not agree: {told}. See placepref study check.",
                grave=True,
            )
        )
    simulated = sum(one.simulated for one in found.filed)
    if simulated:
        out.append(
            Notice(
                f"{simulated} of {len(found.filed)} sessions are simulated: these animals"
                " never existed."
            )
        )
    if found.since_lock:
        said = ". ".join(one[:1].upper() + one[1:] for one in found.since_lock)
        out.append(Notice(f"{said}. What was locked is not all of what is reported.", grave=True))
    notes = [one for one in found.notes if one not in found.since_lock]
    if notes:
        shown = notes[:8]
        more = f" And {len(notes) - 8} more." if len(notes) > 8 else ""
        out.append(
            Notice("To be known: " + ". ".join(n[:1].upper() + n[1:] for n in shown) + "." + more)
        )
    return out


def _rules(found: StudyScores) -> Facts:
    rules = found.rules
    window = "whole test" if rules.window_s is None else f"first {rules.window_s:g} s of both tests"
    return Facts([("Primary score", rules.primary), ("Scored window", window), ("Lock", rules.why)])


def _key(records: Records) -> list[Block]:
    rows = [
        [
            day(e["at"]),
            e["action"].replace("_", " "),
            e["scope"],
            e["reason"],
            records.roles.get(e["person"], e["person"]),
        ]
        for e in records.key_events
    ]
    if not rows:
        return [Words("The key has never been opened or used.")]
    return [Grid(("when", "what", "for", "reason", "by"), rows)]


def _checklist(study: Study, found: StudyScores, records: Records, software: str) -> Checklist:
    return arrive.checklist(study, found, records, software)


def _provenance(study: Study, found: StudyScores, records: Records, software: str) -> list[Block]:
    tests = [s for one in found.measured.values() for s in one.sessions.values()]
    recorded = listed(sorted({s.software for s in tests if s.software}))
    facts = [
        ("Study", f"{records.study['name']}, begun {day(records.study['created'])}"),
        ("Scored by", software),
        ("Recorded by", recorded or "nothing yet"),
        ("Rules", str(records.study["rules_sha256"])),
        ("Protocol", str(records.study["protocol_sha256"])),
        *((f"Allocation, cohort {a['cohort']}", str(a["sha256"])) for a in records.allocations),
        ("Key", _hash(study.folder / KEY)),
        (
            "Sessions",
            f"{counted(len(found.filed), 'session')}, {sum(o.known for o in found.filed)}"
            f" filed in the database; animals: {distinct(records.animals, 'status') or 'none'}",
        ),
        ("Versions", _versions()),
    ]
    rows = [
        [
            one.subject,
            one.phase_name,
            day(one.began),
            one.box,
            one.status,
            f"{one.sums_sha256[:16]}" or "none",
        ]
        for one in sorted(found.filed, key=lambda o: (o.subject, o.began))
    ]
    head = ("animal", "session", "began", "box", "ended", "SHA256SUMS, SHA-256 (first 16)")
    return [
        Words(
            f"SHA-256 of {RULES}, {PROTOCOL}, the allocations and the key; of each session that of"
            " its SHA256SUMS, which has every file's.",
            quiet=True,
        ),
        Facts(facts),
        Below("Sessions"),
        Grid(head, rows),
    ]


def _hash(path: Path) -> str:
    return sha256(path.read_text(encoding="utf-8")) if path.is_file() else "is not there"


def _versions() -> str:
    from importlib.metadata import version

    names = ("numpy", "scipy", "statsmodels", "pingouin", "matplotlib", "reportlab")
    return ", ".join(f"{name} {version(name)}" for name in names)
