"""Two result tables (a line a session) joined by subject and phase."""

import re
from collections.abc import Sequence

import numpy as np

from protocols.agreement import outliers
from protocols.comparing.comparison import Comparison, Measure
from rig.errors import ConfigError
from rig.session.sheet import Sheet

KEYS = ("subject", "phase")
NOT_MEASURED = frozenset((*KEYS, "id", "attempt", "version", "flags", "box", "date"))


def compare_results(a: Sheet, b: Sheet, wanted: Sequence[str] = ()) -> Comparison:
    """Every number that both have of the same subject and phase.

    Names are matched without regard to case, blanks and punctuation ("Pre-Test" is "pretest").
    Raises ConfigError for two rows of one subject and phase, no row or no measure in common, and
    a cell that is no number.
    """
    left, right = _keyed(a), _keyed(b)
    pairs = [(left[key], right[key]) for key in left if key in right]
    if not pairs:
        raise ConfigError(
            b.file, "subject, phase", f"no row is of the same subject and phase as one in {a.file}"
        )
    names = wanted or [n for n in a.columns if n in b.columns and n not in NOT_MEASURED]
    rows = [_name(a, i) for i, _ in pairs]
    done = Comparison("results", a.file, b.file, "sessions", len(pairs))
    done.only_a = [_name(a, i) for key, i in left.items() if key not in right]
    done.only_b = [_name(b, j) for key, j in right.items() if key not in left]
    for name in names:
        if not wanted and not (_numeric(a, name) and _numeric(b, name)):
            continue
        x, y = a.numbers(name)[[i for i, _ in pairs]], b.numbers(name)[[j for _, j in pairs]]
        both = ~(np.isnan(x) | np.isnan(y))
        if not both.any():
            continue
        x, y, of = x[both], y[both], [r for r, here in zip(rows, both, strict=True) if here]
        unit = name.rpartition("_")[2] if name.endswith(("_s", "_m", "_ms")) else ""
        done.measures.append(Measure(name, x, y, unit))
        done.outliers += [f"{of[k]}: {name} {x[k]:g} in A, {y[k]:g} in B" for k in outliers(x, y)]
    if not done.measures:
        raise ConfigError(b.file, "", f"has no column of numbers in common with {a.file}")
    return done


def _keyed(sheet: Sheet) -> dict[tuple[str, str], int]:
    keyed: dict[tuple[str, str], int] = {}
    for row, key in enumerate(zip(*(sheet.texts(name) for name in KEYS), strict=True)):
        if not any(key) and "id" in sheet:  # a video that was rescored without either
            key = (sheet.texts("id")[row], "")
        subject, phase = (re.sub(r"[\W_]+", "", text).casefold() for text in key)
        if (subject, phase) in keyed:
            first = sheet.lines[keyed[subject, phase]]
            raise sheet.error(row, f"{_name(sheet, row)}: line {first} is of the same two")
        keyed[subject, phase] = row
    return keyed


def _name(sheet: Sheet, row: int) -> str:
    name = " ".join(sheet.texts(name)[row] for name in KEYS).strip()
    return name or (sheet.texts("id")[row] if "id" in sheet else f"line {sheet.lines[row]}")


def _numeric(sheet: Sheet, name: str) -> bool:
    """Whether the first cell that says something is a number: what is wrong later is told."""
    for row, text in enumerate(sheet.texts(name)):
        one = Sheet(sheet.file, {name: (text,)}, (sheet.lines[row],), sheet.decimal_comma)
        try:
            if not np.isnan(one.numbers(name)[0]):
                return True
        except ConfigError:
            return False
    return False
