"""`study plan|shift|today|weigh|done|run|file|guess`: what they do."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from protocols import study as verbs
from protocols.cli import running
from protocols.cli.exits import DONE, in_words, of_ending
from protocols.cli.table import from_here, lines, print_json
from protocols.cli.who import day_of, moment, signed
from protocols.day import paper
from protocols.study import doing, scheduling, shifting
from protocols.study import today as days
from protocols.study.placing import choice_of
from protocols.study.second import copy_in_background, kept_of, lines_of
from rig.errors import ConfigError, RigError, StorageError
from rig.session import load_rig
from rig.storage import SessionRecord

MOST_PEOPLE = 100
"""More are at no rig; each has a line in the plan of the day."""


def plan(folder: Path, start: str, by: str, animals: Sequence[str], pins: Path | None) -> int:
    """Give animals their days."""
    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pins)
        names = scheduling.set_start(opened, day_of(start, "--start"), by, animals)
    print(f"{len(names)} animals begin on {start}; placepref study today {folder} on that day")
    return DONE


def shift(
    folder: Path,
    days_: int,
    reason: str,
    by: str,
    animals: Sequence[str],
    cohort: int | None,
    phase: str,
    pins: Path | None,
) -> int:
    """Move what is planned."""
    if (cohort is None) == (not animals):
        raise ConfigError("study shift", "", "give --animal, or --cohort")
    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pins)
        who = animals or scheduling.cohort_of(opened, cohort or 0)
        moved = shifting.shift(opened, who, days_, by, reason, phase=phase)
        broken = shifting.broken_intervals(opened)
    print(lines(moved, ("animal", "session", "was", "is")))
    for line in broken:
        print(f"placepref: {line}", file=sys.stderr)
    if not broken:
        print("all intervals are as the protocol says")
    return DONE


def today(folder: Path, people: int, at: str | None, print_: Path | None, *, as_json: bool) -> int:
    """The day's page."""
    if not 1 <= people <= MOST_PEOPLE:
        raise ConfigError("--people", "", f"{people}: 1 to {MOST_PEOPLE}")
    with verbs.open_study(folder) as opened:
        made = days.today(opened, people, moment(at, ahead=True))
        kept = kept_of(opened)
    if print_ is not None:
        text = paper.plain(made) if print_.suffix == ".txt" else paper.page(made)
        try:
            print_.write_text(text, encoding="utf-8")
        except OSError as error:
            raise StorageError(f"{print_} cannot be written: {error.strerror}") from error
    if as_json:
        print_json({**days.to_json(made), "second_place": kept.to_json()})
    else:
        print(paper.plain(made), end="")
        if kept.place:
            print("\n".join(lines_of(kept.found, kept.place, away=kept.away)))
    copy_in_background(folder)
    return DONE


def weigh(
    folder: Path, subject: str, grams: float, by: str, at: str | None, pins: Path | None
) -> int:
    """Keep a weight."""
    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pins)
        odd = doing.weigh(opened, subject, grams, by, moment(at))
    print(f"{subject}: {grams:g} g")
    for line in odd:
        print(f"placepref: {line}", file=sys.stderr)
    return DONE


@dataclass(frozen=True)
class Ticked:
    """The command line of `done`."""

    subject: str
    procedure: str
    by: str
    at: str | None
    started: str | None
    outcome: str | None
    water_c: float | None
    note: str
    override: str


def done(folder: Path, asked: Ticked, pins: Path | None, *, as_json: bool) -> int:
    """Tick a procedure off."""
    with verbs.open_study(folder) as opened:
        asked = replace(asked, by=signed(opened, asked.by, pins))
        said, row = doing.tick(
            opened,
            asked.subject,
            asked.procedure,
            asked.by,
            moment(asked.at),
            started=None if asked.started is None else moment(asked.started),
            outcome=asked.outcome,
            temperature_c=asked.water_c,
            note=asked.note,
            override=asked.override,
        )
    if as_json:
        told = {"animal": asked.subject, "procedure": row["slot"], "label": row["label"]}
        print_json({**told, "said": said})
    else:
        print(said)
    return DONE


@dataclass(frozen=True)
class Run:
    """The command line of `run`."""

    subject: str
    by: str
    rig: str | None
    box: str | None
    phase: str | None
    override: str
    at: str | None
    manner: running.Manner


def run(folder: Path, asked: Run, pins: Path | None) -> int:
    """Run the session that is due, and file it; the exit code is the session's."""
    with verbs.open_study(folder) as opened:
        asked = replace(asked, by=signed(opened, asked.by, pins))
        rig = asked.rig or doing.rig_of(opened, asked.subject)
        if asked.at is not None and not (rig == "sim" or rig.startswith("sim:")):
            raise ConfigError("--at", "", "a time is pretended on a simulated rig alone")
        if asked.manner.speed not in ("1", "max"):
            raise ConfigError("--speed", "", f"{asked.manner.speed!r}: 1 or max")
        boxes = list(load_rig(rig).boxes)
        begun = doing.begin(
            opened,
            asked.subject,
            asked.by,
            rig,
            moment(asked.at),
            box=asked.box,
            phase=asked.phase,
            override=asked.override,
        )
        try:
            ended = running.carry_out(
                _words(folder, asked, begun, rig), choice_of(folder, begun, rig, boxes, asked.by)
            )
        except BaseException as error:
            _left(opened, asked, begun, error)
            raise
        decided = doing.finish_session(
            opened,
            begun.uid,
            ended.folder,
            ended.status,
            asked.by,
            doing.after(moment(asked.at), ended.folder) if asked.at else moment(None),
        )
        wanted = doing.is_asked(opened, asked.subject, asked.by)
    copy_in_background(folder)
    if asked.manner.as_json:
        told = {"folder": str(ended.folder), "status": ended.status, "reason": ended.reason}
        print_json({**told, "phase": begun.phase, "extinction": decided and str(decided)})
    else:
        print(f"{asked.subject} {begun.phase}: {in_words(ended.status, ended.reason)}")
        if decided is not None:
            print(f"extinction: {decided}")
        print(f"filed: {from_here(ended.folder)}")
        if wanted:
            _ask(folder, asked.subject, asked.by)
    return of_ending(ended.status)


def _words(folder: Path, asked: Run, begun: doing.Begun, rig: str) -> running.Asked:
    return running.Asked(
        name=str(folder / verbs.PROTOCOL),
        subject=begun.animal,
        rig=rig,
        out=folder,
        phase=begun.phase,
        box=begun.box,
        paired=None,
        assigned=[],
        operator=asked.by,
        codec=None,
        manner=asked.manner,
    )


def _left(opened: verbs.Study, asked: Run, begun: doing.Begun, error: BaseException) -> None:
    """What stands of a session that could not be watched to its end."""
    made = doing.folder_of(opened, begun.animal, begun.uid)
    if made is None:
        doing.give_up(opened, begun.uid, asked.by, f"did not begin: {error}"[:200])
        return
    try:
        stop = SessionRecord.open(made).stop
    except RigError:
        stop = None
    if stop is not None:
        status = str(stop["status"])
        now = doing.after(moment(asked.at), made) if asked.at else moment(None)
        doing.finish_session(opened, begun.uid, made, status, asked.by, now)
    else:
        message = f"{begun.animal} may still be running; then: placepref study file {opened.folder}"
        print(f"placepref: {message} --subject {begun.animal}", file=sys.stderr)


def file(folder: Path, subject: str, by: str, at: str | None, pins: Path | None) -> int:
    """File what was left."""
    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pins)
        ended = None if at is None else moment(at)
        phase, status, decided = doing.file_session(opened, subject, by, ended)
        wanted = doing.is_asked(opened, subject, by)
    copy_in_background(folder)
    print(f"{subject} {phase}: filed as {status}")
    if decided is not None:
        print(f"extinction: {decided}")
    if wanted:
        _ask(folder, subject, by)
    return DONE


def _ask(folder: Path, subject: str, by: str) -> None:
    """Ask the operator for a guess, now that the animal is through."""
    print(
        f"{subject} is through. In which group was it, do you think? That tells how blind it was:"
    )
    print(f"  placepref study guess {folder} --subject {subject} --by {by} --sure 2 --group NAME")


def guess(folder: Path, subject: str, group: str, by: str, sure: int, pins: Path | None) -> int:
    """Keep a guess."""
    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pins)
        doing.guess(opened, subject, group, by, sure)
    print(f"{subject}: kept; it is compared when the key is opened")
    return DONE
