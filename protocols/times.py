"""A table of times, a line an animal and phase: read, checked, and put together by animal.

What can be read without a guess is read, and told of where it is not plain; what cannot is refused
with its row and column.
"""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from protocols.scores import POSTTEST, PRETEST, Animal, Times
from rig.errors import ConfigError
from rig.session.sheet import BLANKS, Sheet, delimiter_of, read_lines, sheet

NEEDED = ("subject", "phase", "time_paired_s", "time_unpaired_s")
TIMES = ("time_paired_s", "time_unpaired_s", "time_neutral_s")
NUMBERS = (*TIMES, "test_s")
FACTORS = ("paired_side", "side", "box", "order", "cue_set", "sex", "cohort", "litter", "cage")
"""Columns that are checked for an effect where they are there and vary."""
SESSION_FLAGS = ("lost", "lost_differs", "dropped", "through_wall", "escape", "length")
"""What `summary.csv` says of a session's quality; each is carried over with its phase."""

OVER_S, OVER_SHARE = 2.0, 0.005
"""Times may add up to so much more than the test, by rounding: the larger of both."""
FRACTION_S = 1.01
"""A row or test that is no longer is a share of something, not seconds."""
DAY_S = 86_400.0
HOURS_S = 6 * 3600.0
"""A test of which nobody says how long it was is not taken to be longer."""
PERCENT_OF_S = 300.0
"""Where all tests are as long, and none of several rows adds up to more than 100, it is percent."""
BIASED_AT = 6
"""So many animals, all paired with the side they liked less, are no accident (1 in 64)."""

_PHASE = re.compile(
    r"[\W_]*(?:(pre|post)[\W_]*test|(extinction|reinstatement))[\W_]*?(0*)([0-9]*)[\W_]*"
)
_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}[.,]\d{3}")


@dataclass(frozen=True)
class TimesTable:
    """The animals of a table, in the order of their first rows; `notes` say what was made of it."""

    file: str
    animals: tuple[Animal, ...]
    notes: tuple[str, ...]


def read_times(path: Path, columns: Mapping[str, str] | None = None) -> TimesTable:
    """The animals in the table at `path`. `columns`: what it calls ours. Raises ConfigError."""
    lines = read_lines(path)
    first = 0
    while first < len(lines) and not lines[first].strip(" \t;,"):
        first += 1
    if first < len(lines) and re.fullmatch(r"\W*sep=.\W*", lines[first].lower()):
        first += 1  # a spreadsheet's own note of what parts the cells
    try:
        table = sheet(lines[first:], str(path), first + 1)
    except ConfigError as error:
        if "cells in a table" not in error.message or delimiter_of(lines[first]) != ",":
            raise
        message = f"{error.message}; are there decimal commas? save it with semicolons"
        raise ConfigError(error.file, error.key, message) from None
    return times_table(_named(table, columns or {}))


def times_table(table: Sheet) -> TimesTable:
    """The animals in `table`, whose columns are named as ours. Raises ConfigError."""
    for name in NEEDED:
        if name not in table:
            have = ", ".join(list(table.columns)[:12])
            message = f"this column is missing; there are {have}"
            message += (
                "; a row an animal and phase is read"
                if name == "phase"
                else f"; under another name it is read by --column {name}=NAME"
            )
            raise ConfigError(table.file, name, message)
        table.texts(name)
    if not len(table):
        raise ConfigError(table.file, "", "holds a line of column names and no row")
    notes: list[str] = []
    phases, kept = _kept(table, notes)
    table = _rows(table, kept)
    _check_decimals(table, notes)
    rows = _times(table)
    _check_units(table, rows)
    for k, times in enumerate(rows):
        _check_row(table, k, times)
    animals = _animals(table, phases, rows, notes)
    notes += _told(animals)
    return TimesTable(table.file, tuple(animals), tuple(notes))


def phase_of(text: str) -> str | None:
    """The phase that `text` names, as it stands on disk; None for one that is not scored.

    Case, blanks, hyphens and leading zeros do not count; without a number it is the first.
    """
    word = _PHASE.fullmatch(text.casefold())
    if word is None or (word[3] and not word[4]):  # a test 0 is not the first
        return None
    number = word[4] or "1"
    if word[1]:
        return f"{word[1]}test" if number == "1" else None
    return f"{word[2]}{number}"


def _named(table: Sheet, columns: Mapping[str, str]) -> Sheet:
    """The same with its columns called as ours, without regard to case, blanks and brackets."""
    given = {_plain(theirs): ours for ours, theirs in columns.items()}
    missing = [
        theirs for theirs in columns.values() if _plain(theirs) not in map(_plain, table.columns)
    ]
    if missing:
        have = ", ".join(list(table.columns)[:12])
        raise ConfigError(table.file, missing[0], f"this column is missing; there are {have}")
    named: dict[str, Sequence[str]] = {}
    for name, cells in table.columns.items():
        ours = given.get(_plain(name))
        if ours is None:
            ours = _plain(name)
            if ours in columns:  # another column was given in its place
                continue
        if ours in named and (ours in (*NEEDED, *NUMBERS, "group")):
            raise ConfigError(table.file, name, f"two columns are called {ours}")
        named[ours] = cells
    return Sheet(table.file, named, table.lines, table.decimal_comma)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def _kept(table: Sheet, notes: list[str]) -> tuple[list[str], list[int]]:
    """The phases of the rows that are scored, and which rows; the others are told of."""
    phases: list[str] = []
    kept: list[int] = []
    left: dict[str, int] = {}
    for k, text in enumerate(table.texts("phase")):
        if text.lower() in BLANKS:
            raise table.error(k, "column phase: is blank")
        phase = phase_of(text)
        if phase is None:
            left[text] = left.get(text, 0) + 1
        else:
            phases.append(phase)
            kept.append(k)
    known = "pretest, posttest, extinctionN, reinstatementN"
    if left:
        told = ", ".join(f"{text} ({count})" for text, count in left.items())
        notes.append(f"left out, as not one of {known}: {told}")
    if not kept:
        first = next(iter(left))
        raise table.error(0, f"column phase: {first!r}: no row is of {known}")
    return phases, kept


def _rows(table: Sheet, kept: Sequence[int]) -> Sheet:
    columns = {name: [cells[k] for k in kept] for name, cells in table.columns.items()}
    return Sheet(table.file, columns, [table.lines[k] for k in kept], table.decimal_comma)


def _cells(table: Sheet) -> list[tuple[int, str, str]]:
    """Row, column and text of each cell that holds a number."""
    return [
        (k, name, text)
        for k in range(len(table))
        for name in NUMBERS
        if name in table and (text := table.texts(name)[k]).lower() not in BLANKS
    ]


def _check_decimals(table: Sheet, notes: list[str]) -> None:
    """A comma or point that may stand for a decimal or for thousands is never guessed at."""
    cells = _cells(table)
    commas = [cell for cell in cells if "," in cell[2]]
    points = [cell for cell in cells if "." in cell[2]]
    if not table.decimal_comma:
        for k, name, text in commas[:1]:
            message = (
                f"column {name}: {text!r}: a comma inside a number, in a table whose cells commas"
                " part; write a decimal point, or save with semicolons"
            )
            raise table.error(k, message)
        return
    if commas and points:
        k, name, text = min(commas, points, key=len)[0]
        message = f"column {name}: {text!r}: other numbers have a {',' if '.' in text else '.'}"
        raise table.error(k, f"{message} in them; write decimals in one way, and no thousands")
    marked = commas or points
    whole = [text for _, _, text in cells if re.fullmatch(r"\d{3,}", text)]
    if marked and whole and all(_THOUSANDS.fullmatch(text) for _, _, text in marked):
        k, name, text = marked[0]
        digits = re.sub(r"[.,]", "", text)
        message = f"column {name}: {text!r} may be {digits} or {digits[:-3]}.{digits[-3:]}"
        raise table.error(k, f"{message}; write thousands without a mark")
    if commas:
        notes.append("read with decimal commas")


def _times(table: Sheet) -> list[Times]:
    n = len(table)
    paired, unpaired, neutral, test = (
        table.numbers(name) if name in table else np.full(n, math.nan) for name in NUMBERS
    )
    if np.isnan(paired).all() or np.isnan(unpaired).all():
        name = "time_paired_s" if np.isnan(paired).all() else "time_unpaired_s"
        message = "holds no number in any row that is scored; was a paired chamber given?"
        raise ConfigError(table.file, name, message)
    flags = table.texts("flags") if "flags" in table else [""] * n
    return [
        Times(
            float(paired[k]),
            float(unpaired[k]),
            float(neutral[k]),
            float(test[k]),
            tuple(f for f in flags[k].split("+") if f in SESSION_FLAGS),
        )
        for k in range(n)
    ]


def _check_units(table: Sheet, rows: Sequence[Times]) -> None:
    """Refuse numbers that are plainly in another unit than seconds, row by row."""
    for k, t in enumerate(rows):
        if t.test_s <= 0:
            raise table.error(k, f"column test_s: {t.test_s:g}: more than 0 is wanted")
        if t.test_s > DAY_S or t.test_s <= FRACTION_S:
            unit = "milliseconds" if t.test_s > DAY_S else "a fraction"
            raise table.error(k, _looks("test_s", t.test_s, unit))
        name, value = _largest(t)
        times_over = t.accounted_s / t.test_s
        if value > DAY_S or 100 < times_over <= 1100:
            raise table.error(k, _looks(name, value, "milliseconds", t.test_s))
        if math.isnan(t.test_s) and t.accounted_s > HOURS_S:
            message = f"{_looks(name, value, 'milliseconds')}, and test_s if the test was so long"
            raise table.error(k, message)
        if 30 < times_over <= 61:
            beside = f" beside {value:g} s in one chamber"
            raise table.error(k, _looks("test_s", t.test_s, f"minutes{beside}"))
        if 0 < t.accounted_s <= FRACTION_S and all(v >= 0 for v in _known(t)):
            message = f"the times of this row add up to {t.accounted_s:g}"
            raise table.error(k, f"{_looks(name, value, 'a fraction', t.test_s)} ({message})")
    whole = [t for t in rows if not math.isnan(t.paired_s + t.unpaired_s)]
    if len(whole) > 1:
        _check_all(table, rows.index(whole[0]), whole)


def _check_all(table: Sheet, k: int, whole: Sequence[Times]) -> None:
    """Refuse what looks like another unit only in all rows together; `k` is the first of them."""
    first = whole[0]

    def refuse(unit: str, why: str) -> ConfigError:
        return table.error(k, f"{_looks(TIMES[0], first.paired_s, unit, first.test_s)} ({why})")

    if all(abs(t.accounted_s - 100) <= 0.5 and not abs(t.test_s - 100) <= 1 for t in whole):
        raise refuse("percent", "every row adds up to 100")
    if all(0.9 <= 60 * t.accounted_s / t.test_s <= 1.02 for t in whole):
        raise refuse("minutes", "every row adds up to its test in minutes")
    if len(whole) >= 4 and all(t.accounted_s <= 100.5 and t.test_s >= PERCENT_OF_S for t in whole):
        raise refuse("percent", "no row adds up to more than 100")


def _check_row(table: Sheet, k: int, t: Times) -> None:
    for name, value in zip(TIMES, (t.paired_s, t.unpaired_s, t.neutral_s), strict=True):
        if value < 0:
            raise table.error(k, f"column {name}: {value:g}: a time cannot be below 0")
    over_s = max(OVER_S, OVER_SHARE * t.test_s)
    name, value = _largest(t)
    if value > t.test_s + over_s:
        raise table.error(k, _longer(name, value, t.test_s))
    if t.accounted_s > t.test_s + over_s:
        message = f"column test_s: {t.test_s:g}: the times of this row add up to {t.accounted_s:g}"
        raise table.error(k, f"{message} s, which is longer than the test")
    if _known(t) and not any(_known(t)) and not math.isnan(t.paired_s + t.unpaired_s):
        raise table.error(k, "column time_paired_s: 0: all times of this row are zero")


def _animals(
    table: Sheet, phases: Sequence[str], rows: Sequence[Times], notes: Sequence[str]
) -> list[Animal]:
    order: dict[str, dict[str, int]] = {}
    for k, (subject, phase) in enumerate(zip(table.texts("subject"), phases, strict=True)):
        if subject.lower() in BLANKS:
            raise table.error(k, "column subject: is blank")
        mine = order.setdefault(subject, {})
        if phase in mine:
            first = mine[phase]
            message = f"column phase: {subject} is in {phase} a second time; the first is in line"
            message += f" {table.lines[first]}"
            if "group" in table and table.texts("group")[k] != table.texts("group")[first]:
                message += ", in another group: each animal needs an id of its own"
            raise table.error(k, message)
        mine[phase] = k
    for subject, mine in order.items():
        for phase in (PRETEST, POSTTEST):
            if phase not in mine:
                k = next(iter(mine.values()))
                message = f"column phase: {subject} has no {phase}, only {', '.join(mine)}"
                others = [s for s in order if s != subject and _plain(s) == _plain(subject)]
                if others:
                    message += f"; is {others[0]} the same animal? write it in one way"
                raise table.error(k, "; ".join([message, *notes[:1]]))
    groups = _groups(table, order)
    return [
        Animal(
            subject,
            groups[subject],
            {phase: rows[k] for phase, k in mine.items()},
            _factors(table, list(mine.values())),
        )
        for subject, mine in order.items()
    ]


def _groups(table: Sheet, order: Mapping[str, Mapping[str, int]]) -> dict[str, str | None]:
    """Each animal's group; None throughout where the table names none at all."""
    cells = table.texts("group") if "group" in table else [""] * len(table)
    blank = [text.lower() in BLANKS - {"none"} for text in cells]
    if all(blank):
        return dict.fromkeys(order)
    groups: dict[str, str | None] = {}
    known: dict[str, str] = {}
    for subject, mine in order.items():
        for k in mine.values():
            if blank[k]:
                raise table.error(k, f"column group: is blank, so {subject}'s group is empty")
            if groups.setdefault(subject, cells[k]) != cells[k]:
                message = f"column group: {cells[k]!r}: {subject} is in {groups[subject]!r} before"
                raise table.error(k, message)
            alike = " ".join(unicodedata.normalize("NFKC", cells[k]).casefold().split())
            other = known.setdefault(alike, cells[k])
            if other != cells[k]:
                message = f"column group: {cells[k]!r}: is this the group {other!r}?"
                raise table.error(k, f"{message} write it in one way")
    return groups


def _factors(table: Sheet, mine: Sequence[int]) -> dict[str, str]:
    """What the columns of factors say of an animal, where all its rows say the same."""
    factors = {}
    for name in FACTORS:
        said = {table.texts(name)[k] for k in mine} if name in table else set()
        if len(said) == 1 and (text := said.pop()).lower() not in BLANKS:
            factors[name] = text
    return factors


def _told(animals: Sequence[Animal]) -> list[str]:
    """What a person should know before believing the scores."""
    notes = []
    for animal in animals:
        for phase, t in animal.tests.items():
            if t.short:
                share = t.accounted_s / t.test_s
                what = f"{t.accounted_s:.4g} of {t.test_s:.4g} s accounted for ({share:.0%})"
                notes.append(
                    f"{animal.subject} {phase}: {what}: flagged short, and scored as it is"
                )
            if math.isnan(t.paired_s) or math.isnan(t.unpaired_s):
                notes.append(f"{animal.subject} {phase}: a time is blank, and what needs it is too")
    pre = [animal.tests[PRETEST] for animal in animals]
    if all(t.accounted_s <= 60 and not t.test_s > 60 for t in pre):
        notes.append("no pre-test is longer than 60 s: are these times in minutes?")
    less = [t.paired_s < t.unpaired_s for t in pre]
    if len(pre) >= BIASED_AT and all(less):
        notes.append(
            "every animal spent less of its pre-test in the paired chamber: after such a biased"
            " assignment the change holds regression to the mean, and a test of it against zero"
            " rejects where nothing was learned (18 to 34 % for 8 to 14 animals); it needs a"
            " vehicle-vehicle group assigned by the same rule"
        )
    return notes


def _known(t: Times) -> list[float]:
    return [v for v in (t.paired_s, t.unpaired_s, t.neutral_s) if not math.isnan(v)]


def _largest(t: Times) -> tuple[str, float]:
    """The longest time of a row and its column; the first column and NaN where all are blank."""
    values = (t.paired_s, t.unpaired_s, t.neutral_s)
    known = [(v, -k) for k, v in enumerate(values) if not math.isnan(v)]
    value, k = max(known, default=(math.nan, 0))
    return TIMES[-k], value


def _looks(name: str, value: float, unit: str, test_s: float = math.nan) -> str:
    of = "" if math.isnan(test_s) else f" in a test of {test_s:g} s"
    return f"column {name}: {value:g}: looks like {unit}{of}; write seconds"


def _longer(name: str, value: float, test_s: float) -> str:
    return f"column {name}: {value:g}: longer than the test of {test_s:g} s"
