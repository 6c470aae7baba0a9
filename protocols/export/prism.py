"""Tables as Prism pastes them: a column a group, or two of them before and after. Pure.

No commas in headings, ASCII, at most 32 characters; a blank is missing; one line of headings.
"""

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from protocols.scores import NAMES, POSTTEST, PRETEST, Animal, Scored, phase_order
from protocols.statistics.groups import groups_of

LONGEST = 32
Grid = list[list[str]]


def prism_tables(animals: Sequence[Animal], scored: Sequence[Scored]) -> Mapping[str, Grid]:
    """By name: each score as a column table, before-after, and the phases as a grouped table."""
    tables = {f"column_{name}": column_table(scored, name) for name in NAMES}
    tables["before-after_time_paired_s"] = before_after_table(animals, scored)
    tables["grouped_time_paired_s"] = grouped_table(animals, scored)
    return tables


def column_table(scored: Sequence[Scored], score: str) -> Grid:
    """One score, a column a group; an animal without it leaves no gap."""
    columns = []
    for name, ones in groups_of(scored).items():
        values = [getattr(one.scores, score) for one in ones]
        columns.append((name or "all", [_cell(v) for v in values if not math.isnan(v)]))
    return _grid(columns)


def before_after_table(animals: Sequence[Animal], scored: Sequence[Scored]) -> Grid:
    """Seconds in the paired chamber: two columns a group, a line an animal."""
    by_name = {animal.subject: animal for animal in animals}
    columns = []
    for name, ones in groups_of(scored).items():
        for short, phase in (("pre", PRETEST), ("post", POSTTEST)):
            values = [_cell(by_name[one.subject].tests[phase].paired_s) for one in ones]
            columns.append((f"{name} {short}" if name else short, values))
    return _grid(columns)


def grouped_table(animals: Sequence[Animal], scored: Sequence[Scored]) -> Grid:
    """Seconds in the paired chamber: a line a phase, a group's animals side by side.

    Every group has as many columns, of the same heading, as the largest has animals: so Prism
    takes them as replicates.
    """
    by_name = {animal.subject: animal for animal in animals}
    groups = groups_of(scored)
    phases = sorted({p for animal in animals for p in animal.tests}, key=phase_order)
    most = max((len(ones) for ones in groups.values()), default=0)
    names = heading_names([name or "all" for name in groups])
    grid = [["phase", *(name for name in names for _ in range(most))]]
    for phase in phases:
        line = [phase]
        for ones in groups.values():
            tests = [by_name[one.subject].tests.get(phase) for one in ones]
            cells = ["" if test is None else _cell(test.paired_s) for test in tests]
            line += cells + [""] * (most - len(cells))
        grid.append(line)
    return grid


def heading_names(names: Sequence[str]) -> list[str]:
    """The names as Prism takes them, each another."""
    made: list[str] = []
    for name in names:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        plain = " ".join(plain.replace(",", " ").split()) or "group"
        taken, number = plain[:LONGEST], 2
        while taken in made:
            ending = f" {number}"
            taken, number = plain[: LONGEST - len(ending)] + ending, number + 1
        made.append(taken)
    return made


def _grid(columns: Sequence[tuple[str, Sequence[str]]]) -> Grid:
    heads = heading_names([name for name, _ in columns])
    lines = zip_longest(*(values for _, values in columns), fillvalue="")
    return [heads, *_lists(lines)]


def _lists(lines: Iterator[tuple[str, ...]]) -> Iterator[list[str]]:
    for line in lines:
        yield list(line)


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{round(value, 6):.10g}"
