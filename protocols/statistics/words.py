"""How tests are told in words, and what they take for granted. Pure."""

import math
from dataclasses import replace

from protocols.statistics.effects import Floats, varies
from protocols.statistics.result import Result, number_text, p_text

LEAST = 3
"""Fewer animals than this are not tested."""
INDEPENDENT = "each animal counts once, and none tells of another (cage or litter mates may)"


def refused(asked: Result, values: Floats) -> Result | None:
    """The result that says why nothing was tested, or None where it can be."""
    if len(values) >= LEAST and varies(values):
        return None
    group = asked.groups[0] if asked.groups else None
    sentence = f"{of(group, len(values))}: {asked.score} not tested, {cause(values)}"
    return replace(asked, sentence=sentence)


def cause(*samples: Floats) -> str:
    """Why `samples` are not tested."""
    if min(map(len, samples)) < LEAST:
        return f"fewer than {LEAST} animals"
    return "no animal differs from another"


def named(group: str | None) -> tuple[str, ...]:
    """The group of a result of one."""
    return () if group is None else (group,)


def of(group: str | None, n: int) -> str:
    """Whom a sentence is of."""
    return f"{'all animals' if group is None else group} (n = {n})"


def more_in(off: float, group: str) -> str:
    """How far one group is above or below the other."""
    return f"{number_text(abs(off))} {'higher' if off >= 0 else 'lower'} in {group}"


def differs(p: float, what: str) -> str:
    """What a p value says of a difference."""
    if math.isnan(p):
        return f"no difference {what} could be tested"
    sure = "a difference" if p < 0.05 else "no clear difference"
    return f"{sure} {what} ({p_text(p)})"


def normal(what: str, values: Floats) -> str:
    """Whether `values` look normal, by Shapiro and Wilk."""
    from scipy.stats import shapiro

    if len(values) < LEAST or not varies(values):
        return f"{what} are normally distributed (too few to see)"
    p = float(shapiro(values).pvalue)
    seen = "nothing speaks against it" if p >= 0.05 else "they do not look so: prefer the ranks"
    return f"{what} are normally distributed ({seen}, Shapiro-Wilk {p_text(p)})"
