"""How far the program agrees with people who scored clips by eye, blind to what it had found."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from protocols.figures.agreeing import differences
from protocols.report.blocks import Below, Block, Grid, Notice, Picture, Words
from protocols.report.records import Records
from protocols.report.saying import counted, day, number
from protocols.review.coding import kept_in
from protocols.review.spotcheck import Scored, finished, outcome

ALL = "all together"
STRANGER = "not of the study"
HEAD = (
    "when", "by", "clips", "same seconds", "kappa", "time: bias", "from", "to", "entries: bias",
    "from", "to",
)  # fmt: skip


def by_eye(study: Path, records: Records) -> Iterator[Block]:
    """The spot checks of a study: each, and all together. Nothing in it tells a group."""
    yield Below("Checked by eye")
    checks, damaged = finished(kept_in(study))
    if damaged:
        yield Notice(
            f"{counted(len(damaged), 'check')} by eye cannot be read and is not counted:"
            f" {', '.join(damaged)}.",
            grave=True,
        )
    if not checks:
        yield Words("Nobody has checked the program's scores by eye.", quiet=True)
        return
    every = [clip for one in checks for clip in one.scored]
    rows = [_row(day(one.when), records.roles.get(one.who, STRANGER), one.scored) for one in checks]
    if len(checks) > 1:
        rows.append(_row(ALL, "", every))
    told = outcome(every)
    yield Words(
        f"{counted(len(every), 'clip')} drawn at random, {counted(told.seconds, 'second')}, scored"
        " by keys without seeing what the program had found. The chamber was the same in"
        f" {told.same} of {told.seconds} seconds."
    )
    yield Grid(
        HEAD,
        rows,
        "Program less person, with limits of agreement: of the seconds in each chamber of each"
        " clip, and of the entries of each clip. Kappa is of the chamber in each second; a dash:"
        " the animal never changed chambers, or there is too little to tell.",
        frozenset(range(2, 11)),
    )
    time_s = [(one.eye_s[name], one.program_s[name]) for one in every for name in one.eye_s]
    entries = [(float(one.eye_entries), float(one.program_entries)) for one in every]
    yield Picture(
        "by-eye",
        differences([("time in a chamber", "s", time_s), ("entries", "", entries)]),
        "The program against the eye, a dot for each chamber of each clip, and for each clip.",
    )


def _row(when: str, who: str, scored: Sequence[Scored]) -> list[str]:
    told = outcome(scored)
    numbers = [
        number(value, 2)
        for one in (told.time, told.entries)
        for value in (one.bias, one.low, one.high)
    ]
    same = f"{told.same} of {told.seconds}"
    return [when, who, str(told.clips), same, number(told.kappa, 2), *numbers]
