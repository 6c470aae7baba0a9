"""Scores as the page tells them: rows of its table, dots of its plots. Plain, no Qt."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protocols.figures.style import words
from protocols.results import Overview
from protocols.scores import NAMES, POSTTEST, PRETEST, phase_order
from protocols.wording import named

NOTHING = "-"


@dataclass(frozen=True)
class Dot:
    """One animal in a plot."""

    subject: str
    group: str
    score: float
    low: float
    high: float
    before_s: float
    after_s: float
    flagged: bool


@dataclass(frozen=True)
class Rows:
    """A table, and for each row whose it is and which test Enter opens ("" the post-test)."""

    head: Sequence[str]
    cells: Sequence[Sequence[str]]
    numbers: frozenset[int]
    subjects: Sequence[str]
    phases: Sequence[str]


def number(name: str, value: Any) -> str:
    """A score as it is written: seconds and percent with one decimal, ratios with three."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NOTHING
    plain = name.endswith(("_s", "_min")) or "percent" in name
    return f"{float(value) + 0.0:.{1 if plain else 3}f}"


def flag_words(flags: Sequence[str]) -> str:
    """Flags as a person reads them: posttest:length_differs -> post-test: length differs."""
    told = []
    for flag in flags:
        of, _, what = flag.rpartition(":")
        told.append(f"{words(of)}: {what}" if of else what)
    return ", ".join(told).replace("_", " ")


def score_names(overview: Overview) -> list[str]:
    """The scores that there are, the primary one first; none while blinded."""
    told = overview.scores
    if told is None or told["blinded"]:
        return []
    primary = str(told["primary"])
    return [primary, *(name for name in NAMES if name != primary)]


def rows_of(overview: Overview, score: str, heads: Mapping[str, str]) -> Rows:
    """The table: animals with a score once it is open, tests by chamber before, else animals.

    `heads`: the columns' words.
    """
    told = overview.scores
    if told is None:
        return _plain(overview, heads)
    return _blinded(told, heads) if told["blinded"] else _opened(overview, told, score, heads)


def dots(overview: Overview, score: str) -> list[Dot]:
    """The animals that have this score."""
    told = overview.scores
    if told is None or told["blinded"]:
        return []
    found = []
    for one in told["animals"]:
        value = one.get(score)
        times = one.get("times", {})
        before, after = (times.get(phase, {}).get("paired_s") for phase in (PRETEST, POSTTEST))
        if value is None or before is None or after is None:
            continue
        ends = one.get("ranges", {}).get(score) or (value, value)
        low, high = (value if end is None else end for end in ends)
        found.append(
            Dot(
                one["subject"], one.get("group") or "", float(value), float(low), float(high),
                float(before), float(after), bool(one.get("flags")),
            )
        )  # fmt: skip
    return found


def _plain(overview: Overview, heads: Mapping[str, str]) -> Rows:
    columns = ("animal", "state", "sex", "box", "cage", "cohort")
    cells = [
        [_text(row["id"]), _text(row["status"]),
         *(_text(row.get(name)) for name in ("sex", "box", "cage", "cohort"))]
        for row in overview.animals
    ]  # fmt: skip
    subjects = [str(row["id"]) for row in overview.animals]
    return Rows([heads[c] for c in columns], cells, frozenset(), subjects, [""] * len(cells))


def _blinded(told: Mapping[str, Any], heads: Mapping[str, str]) -> Rows:
    animals = sorted(told["animals"], key=lambda r: (r["subject"], phase_order(r["phase"])))
    names = list(
        dict.fromkeys(
            key for row in animals for key in row if key.startswith("time_") and key.endswith("_s")
        )
    )
    head = [heads["animal"], heads["test"], heads["length"],
            *(name[5:-2] for name in names), heads["lost"], heads["flags"]]  # fmt: skip
    cells = [
        [
            row["subject"],
            named(row["phase"]),
            f"{row['test_s']:.1f}",
            *(f"{row[name]:.1f}" if name in row else NOTHING for name in names),
            NOTHING if row["lost_share"] is None else f"{100 * row['lost_share']:.1f} %",
            flag_words(row["flags"]),
        ]
        for row in animals
    ]
    numbers = frozenset(range(2, 4 + len(names)))
    return Rows(
        head, cells, numbers, [r["subject"] for r in animals], [r["phase"] for r in animals]
    )


def _opened(
    overview: Overview, told: Mapping[str, Any], score: str, heads: Mapping[str, str]
) -> Rows:
    known = {str(row["id"]): row for row in overview.animals}
    columns = ("animal", "group", "score", "lowest", "highest", "before", "after", "flags",
               "sex", "box", "cage")  # fmt: skip
    cells = []
    for one in told["animals"]:
        row = known.get(one["subject"], {})
        low, high = one.get("ranges", {}).get(score) or (None, None)
        times = one.get("times", {})
        cells.append(
            [
                one["subject"],
                one.get("group") or NOTHING,
                number(score, one.get(score)),
                number(score, low),
                number(score, high),
                *(
                    number("_s", times.get(phase, {}).get("paired_s"))
                    for phase in (PRETEST, POSTTEST)
                ),
                flag_words(one.get("flags", ())),
                *(_text(row.get(name)) for name in ("sex", "box", "cage")),
            ]
        )
    subjects = [one["subject"] for one in told["animals"]]
    head = [heads[c] for c in columns]
    return Rows(head, cells, frozenset(range(2, 7)), subjects, [""] * len(cells))


def _text(value: Any) -> str:
    return "" if value is None else str(value)
