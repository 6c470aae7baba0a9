"""Every animal's tests measured from what its sessions saw; nothing is decoded or tracked again."""

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from protocols.ranges import CASES, OWN, Case, common_window_s, score_ranges, times_by_case
from protocols.scores import POSTTEST, PRETEST, Scores, Times, phase_order, scores
from protocols.sessions import Session, measured_again, read_session, roles_of
from rig.errors import RigError
from rig.table import Table

FEW = 4
"""So many animals are measured sooner here than other processes are begun."""
SHORTENED = "shortened"


@dataclass(frozen=True)
class Job:
    """One animal's tests: the folder, the paired and the unpaired chamber of each, by phase.

    `pairs` is empty where nothing may be known of the pairing: then only times by chamber are told.
    `first`: for a test whose zones were changed, a session of that box with the zones of before.
    `again`: where a test was measured again, blind; `not_blind`: the same, otherwise.
    """

    subject: str
    folders: Mapping[str, Path]
    pairs: Mapping[str, tuple[str, str]]
    window_s: float | None
    rule: Case | None
    cases: Sequence[Case] = CASES
    first: Mapping[str, Path] = field(default_factory=dict)
    again: Mapping[str, Path] = field(default_factory=dict)
    not_blind: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """One animal's tests, over the window that pre-test and post-test both have.

    `times`: by phase, by the rule that counts. `beside`: the pre-test over the window of a later
    test that is shorter. `cases`: the post-test's scores by other rules; `ranges` over them and
    over wherever lost time was spent. `left_out`: cases that cannot be had, with the reason.
    `sessions`: by phase, without their text. `problem`: why nothing was measured. `first_zones`:
    tests whose zones were changed, with those that were drawn first. `as_recorded`: tests that were
    measured again, as they were before; `not_blind`: tests as they were measured again by somebody
    who was not blind, which does not count.
    """

    subject: str
    times: Mapping[str, Times]
    beside: Mapping[str, Times]
    cases: Mapping[str, Scores]
    ranges: Mapping[str, tuple[float, float]]
    left_out: Mapping[str, str]
    window_s: float
    sessions: Mapping[str, Session]
    problem: str = ""
    first_zones: Mapping[str, Times] = field(default_factory=dict)
    as_recorded: Mapping[str, Times] = field(default_factory=dict)
    not_blind: Mapping[str, Times] = field(default_factory=dict)


def measure_all(
    jobs: Sequence[Job],
    told: Callable[[float, float], None] = lambda done, total: None,
    workers: Executor | None = None,
) -> list[Measured]:
    """The jobs' animals in their order, on all cores. `workers`: processes that are there."""
    done: dict[str, Measured] = {}
    if len(jobs) <= FEW:
        for job in jobs:
            done[job.subject] = measured(job)
            told(len(done), len(jobs))
    else:
        context = multiprocessing.get_context("spawn")
        most = min(len(jobs), os.cpu_count() or 1)
        with nullcontext(workers) if workers else ProcessPoolExecutor(most, context) as pool:
            for one in as_completed([pool.submit(measured, job) for job in jobs]):
                done[one.result().subject] = one.result()
                told(len(done), len(jobs))
    return [done[job.subject] for job in jobs]


def measured(job: Job) -> Measured:
    """One animal's tests. What cannot be read or placed again is told in `problem`."""
    with collector_off():
        try:
            return _measured(job)
        except RigError as error:
            return Measured(job.subject, {}, {}, {}, {}, {}, 0.0, {}, str(error))


@contextmanager
def collector_off() -> Iterator[None]:
    """Look for no cycles of objects meanwhile.

    Where millions of small texts and numbers live at once, that takes a third of the time, and
    there are hardly any.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _measured(job: Job) -> Measured:
    recorded: dict[str, Session] = {}
    sessions: dict[str, Session] = {}
    for phase in sorted(job.folders, key=phase_order):
        recorded[phase] = _named(job, phase, read_session(job.folders[phase]))
        sessions[phase] = _other(job, phase, recorded[phase], job.again)
    kept = {phase: _light(session) for phase, session in sessions.items()}
    empty = Measured(job.subject, {}, {}, {}, {}, {}, 0.0, kept)
    if not job.pairs or not {PRETEST, POSTTEST} <= sessions.keys():
        return empty
    main = [sessions[PRETEST].test_s, sessions[POSTTEST].test_s]
    window_s, shortened = common_window_s(main, job.window_s)
    times: dict[str, Times] = {}
    beside: dict[str, Times] = {}
    by_case: dict[str, list[Times]] = {}
    left_out: dict[str, str] = {}
    for phase, session in sessions.items():
        is_main = phase in (PRETEST, POSTTEST)
        own_s, cut = common_window_s([window_s, session.test_s], window_s)
        found, missing = times_by_case(session, own_s, job.cases if is_main else (), job.rule)
        flags = (*session.measures.flags, *([SHORTENED] if cut or (is_main and shortened) else []))
        times[phase] = replace(found[OWN], flags=flags)
        if is_main:
            left_out |= missing
            for name, one in found.items():
                by_case.setdefault(name, []).append(one)
        elif cut:
            before, _ = times_by_case(sessions[PRETEST], own_s, (), job.rule)
            beside[phase] = before[OWN]
    both = {name: (t[0], t[1]) for name, t in by_case.items() if len(t) == 2}
    return Measured(
        job.subject,
        times,
        beside,
        {name: scores(*pair) for name, pair in both.items()},
        score_ranges(both),
        left_out,
        window_s,
        kept,
        first_zones=_with_first_zones(job, sessions, window_s),
        as_recorded=_times_of(job, {p: recorded[p] for p in job.again}, window_s),
        not_blind=_times_of(
            job, {p: _other(job, p, recorded[p], job.not_blind) for p in job.not_blind}, window_s
        ),
    )


def _named(job: Job, phase: str, session: Session) -> Session:
    roles = roles_of(session.apparatus, job.pairs.get(phase), job.folders[phase])
    return replace(session, subject=job.subject, phase=phase, roles=roles)


def _other(job: Job, phase: str, session: Session, where: Mapping[str, Path]) -> Session:
    """The session as it was measured again, if it was."""
    folder = where.get(phase)
    return session if folder is None else _named(job, phase, measured_again(session, folder))


def _times_of(job: Job, sessions: Mapping[str, Session], window_s: float) -> dict[str, Times]:
    found = {}
    for phase, session in sessions.items():
        own_s, _ = common_window_s([window_s, session.test_s], window_s)
        told, _ = times_by_case(session, own_s, (), job.rule)
        found[phase] = told[OWN]
    return found


def _with_first_zones(
    job: Job, sessions: Mapping[str, Session], window_s: float
) -> dict[str, Times]:
    found = {}
    for phase, folder in job.first.items():
        session = sessions.get(phase)
        apparatus = read_session(folder).apparatus
        if session is None or apparatus.chamber_names != session.apparatus.chamber_names:
            continue
        told, _ = times_by_case(replace(session, apparatus=apparatus), window_s, (), _as_drawn(job))
        found[phase] = told[OWN]
    return found


def _as_drawn(job: Job) -> Case:
    """The rule that counts; naming one makes the pictures be placed again."""
    return job.rule or Case(OWN)


def _light(session: Session) -> Session:
    """The same with its rows as numbers, without their text and what it was read from."""
    known: dict[str, Any] = {"table": session.table, "measures": session.measures}
    light = replace(session, columns={})
    light.__dict__.update(known)
    table: Table = light.table
    assert len(table) or not len(session.table)
    return light
