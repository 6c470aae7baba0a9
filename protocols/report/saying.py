"""Numbers, times and names as they stand in a report. Pure."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from protocols.figures.style import words
from protocols.scores import NAMES

NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
"""A moment as `day` writes it: one word, which is not broken."""


def number(value: float | None, digits: int = 1) -> str:
    """A number with a real minus; a dash where there is none."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:.{digits}f}".replace("-", MINUS)


def of_score(value: float | None, score: str) -> str:
    """A score with the decimals that it deserves."""
    share = not score.endswith(("_s", "_per_min")) and score != "percent_of_session"
    return number(value, 3 if share else 1)


def unit(score: str) -> str:
    """A score's unit with a blank before it; nothing where it has none."""
    if score.endswith("_per_min"):
        return " s/min"
    return " s" if score.endswith("_s") else " %" if score == "percent_of_session" else ""


def interval(low: float, high: float, score: str) -> str:
    """A 95 % interval in words."""
    if math.isnan(low) or math.isnan(high):
        return "no interval"
    return f"95 % interval {of_score(low, score)} to {of_score(high, score)}{unit(score)}"


def day(text: str) -> str:
    """A date and time as a person writes it; what is no time stays as it is."""
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}"
    except ValueError:
        return text


def plainly(score: str) -> str:
    """A score's name for a person."""
    return words(score)


def counted(n: int, what: str, many: str = "") -> str:
    """1 animal, 2 animals."""
    return f"{n} {what if n == 1 else many or what + 's'}"


def listed(items: Sequence[str]) -> str:
    """a, b and c."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def spread(values: Sequence[float], what: str) -> str:
    """Mean and range of numbers."""
    if not values:
        return ""
    mean = sum(values) / len(values)
    return f"{number(mean)} {what} (range {number(min(values))} to {number(max(values))})"


def distinct(rows: Sequence[Mapping[str, Any]], column: str) -> str:
    """What a column says, each once, in order."""
    return listed(list(dict.fromkeys(str(r[column]) for r in rows if r.get(column))))


def in_words(sentence: str) -> str:
    """A test's sentence with the scores' names as a person says them, and real minus signs."""
    for name in sorted((*NAMES, "time_paired_s"), key=len, reverse=True):
        plain = words(name).partition(" (")[0]
        sentence = sentence.replace(name, plain)
    return re.sub(r"(?<![\w.])-(?=\d)", MINUS, sentence)
