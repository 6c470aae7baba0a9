"""The primary result before and after sessions were measured otherwise: zones, rules, tracks."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from protocols.report.blocks import Below, Block, Grid, Notice, Words
from protocols.report.records import Records
from protocols.report.saying import counted, day, listed, of_score, plainly
from protocols.scores import Scored, Times, score_animals
from protocols.scoring import StudyScores
from protocols.scoring.measuring import Measured
from protocols.statistics import Result as Test
from protocols.statistics import all_tests, group_scores
from protocols.statistics.result import p_text
from protocols.study.measured import Remeasured

BETWEEN = ("welch_t", "welch_anova", "ancova")


def changed(found: StudyScores, records: Records) -> Iterator[Block]:
    """What was measured again and why, and the primary result with each measurement."""
    yield Below("Before and after anything was measured otherwise")
    first = _changed(found, lambda one: one.first_zones)
    if not first and not records.measured:
        yield Words("No zone, rule or track was changed after a session.", quiet=True)
        return
    if records.measured:
        yield _made(records)
    again = _changed(found, lambda one: one.as_recorded)
    late = _changed(found, lambda one: one.not_blind)
    if again:
        yield Notice(
            f"Tests of {counted(len(again), 'animal')} were measured again, blind; the result"
            " above goes by that. Here it stands beside what they were as recorded."
        )
        yield _beside(found, again, "as recorded", "as measured again")
    elif records.measured and found.animals:
        yield Words("None of it changes a test that is scored here.")
    if late:
        yield Notice(
            f"Tests of {counted(len(late), 'animal')} were measured again by somebody who was not"
            " blind. That does not count: the result above goes without it.",
            grave=True,
        )
        yield _beside(found, late, "measured again, not blind", "as it counts")
    if first:
        yield Notice(f"Zones of {counted(len(first), 'animal')} were changed between sessions.")
        yield _beside(found, first, "as first drawn", "as changed")


def _changed(
    found: StudyScores, of: Callable[[Measured], Mapping[str, Times]]
) -> dict[str, Mapping[str, Times]]:
    mine = {a.subject for a in found.animals}
    return {k: told for k, one in found.measured.items() if k in mine and (told := of(one))}


def _made(records: Records) -> Grid:
    """A line each time sessions were measured again."""
    by_time: dict[str, list[Remeasured]] = {}
    for one in records.measured:
        by_time.setdefault(PurePosixPath(one.folder).parent.name, []).append(one)
    rows = []
    for own in by_time.values():
        one = own[0]
        what = list(dict.fromkeys(word for each in own for word in each.changed))
        blind = f"no: {one.not_blind}" if one.not_blind else "yes"
        who = records.roles.get(one.person, one.person)
        rows.append([day(one.at), str(len(own)), listed(what), one.reason, who, blind])
    head = ("when", "sessions", "what changed", "reason", "by", "blind")
    caption = "Sessions that were measured again; what they were before is kept."
    return Grid(head, rows, caption, frozenset({1}))


def _beside(
    found: StudyScores, other: Mapping[str, Mapping[str, Times]], label: str, counts: str
) -> Grid:
    name = found.rules.primary
    animals = [replace(a, tests={**a.tests, **other.get(a.subject, {})}) for a in found.animals]
    scored = score_animals(animals)
    rows = _rows(label, scored, name, all_tests(animals, scored, name))
    rows += _rows(counts, found.scored, name, all_tests(found.animals, found.scored, name))
    moved = [
        abs(getattr(now.scores, name) - getattr(then.scores, name))
        for now, then in zip(found.scored, scored, strict=True)
    ]
    known = [value for value in moved if not math.isnan(value)]
    caption = (
        f"{plainly(name).capitalize()} under both; the largest change of an animal is"
        f" {of_score(max(known, default=math.nan), name)}."
    )
    head = ("measured", "group or test", "n", "mean, or p", "95 % from", "to")
    return Grid(head, rows, caption, frozenset({2, 3, 4, 5}))


def _rows(label: str, scored: Sequence[Scored], name: str, tests: list[Test]) -> list[list[str]]:
    rows = []
    for one in group_scores(scored):
        s = one.scores[name]
        numbers = [of_score(value, name) for value in (s.mean, s.low, s.high)]
        rows.append([label, one.group or "all animals", str(s.n), *numbers])
    for test in tests:
        if test.test in BETWEEN and test.score == name and not math.isnan(test.p):
            rows.append([label, test.test.replace("_", " "), "", p_text(test.p), "", ""])
    return rows
