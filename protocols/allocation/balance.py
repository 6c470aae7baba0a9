"""What an allocation has to keep, in the order in which it yields, and how far it was kept.

A constraint is written "ROWS by COLUMN": within each level of ROWS the levels of COLUMN have the
shares that were planned, to the animal: a share of 2.5 is kept by 2 and by 3, one of 2 by 2 alone.
ROWS is "all", or factors joined by "+". "pretest by COLUMN": the levels' mean pre-test seconds in
what is to be paired differ by less than the scheme's limit.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from protocols.allocation.model import Candidate, Design, Place, Scheme

PRETEST = "pretest"
_ROWS = ("sex", "cage", "box", "band", "group", "side", "cue", "order", "slot", "pairing")
DEFAULT = (
    "all by group",
    "all by pairing",
    "group by pairing",
    "all by side",
    "group by side",
    "box by slot",
    "box by group",
    "box by side",
    "pretest by group",
    "pretest by side",
    "sex by group",
    "sex by side",
    "sex by pairing",
    "cage by group",
    "cage by side",
    "group by order",
    "side by order",
    "all by slot",
    "slot by group",
    "slot by side",
    "group by cue",
    "side by cue",
    "group+side by order",
    "box by order",
    "sex by order",
)
"""From what yields last to what yields first."""
LATER = ("band by group", "band by side")
"""Beside these where animals come one by one: there are no blocks of like pre-tests then."""


@dataclass(frozen=True)
class Constraint:
    """One line of the list: `rows` are empty for "all", and for the pre-test's means."""

    key: str
    rows: tuple[str, ...]
    column: str
    means: bool = False


@dataclass(frozen=True)
class Check:
    """How far a constraint was kept: the largest difference, in animals or as share of the test.

    `where` is the row it was found in; `rank` counts from 1, the largest number yields first.
    """

    key: str
    rank: int
    met: bool
    worst: float
    where: str


def constraints(scheme: Scheme, further: Sequence[str] = ()) -> tuple[Constraint, ...]:
    """Those that this scheme can be held to. Raises ValueError for a key that says nothing."""
    drawn = scheme.factors()
    derived = {"side"} - drawn.keys()
    if scheme.cues and not scheme.cues_move:
        derived.add("cue")
    steered = scheme.design is Design.COUNTERBALANCED_BIASED
    out: dict[str, Constraint] = {}
    for key in (*(scheme.yields_last_to_first or DEFAULT), *further):
        one = _parse(key)
        if steered and one.column == "side" and one.rows not in ((), ("group",)):
            continue  # the pairing is balanced there; both at once seldom can be
        if one.column in derived and not steered and not (one.column == "cue" and "side" in drawn):
            # Nothing moves the side: what can be balanced is the drawn factor within each side.
            if len(one.rows) != 1 or one.rows[0] not in drawn:
                continue
            one = Constraint(f"{one.column} by {one.rows[0]}", (one.column,), one.rows[0])
        elif one.column not in drawn and one.column not in derived:
            continue
        if not all(_known(row, drawn, derived) for row in one.rows):
            continue
        if not one.means or len(weights_of(scheme, one.column)) > 1:
            out.setdefault(one.key, one)
    return tuple(out.values())


def _known(row: str, drawn: Mapping[str, object], derived: set[str]) -> bool:
    return row in ("sex", "cage", "box", "band") or row in drawn or row in derived


def _parse(key: str) -> Constraint:
    rows, by, column = key.partition(" by ")
    if not by or column not in _ROWS[4:]:
        raise ValueError(f"{key!r}: write ROWS by COLUMN; columns are {', '.join(_ROWS[4:])}")
    if rows in ("all", PRETEST):
        return Constraint(key, (), column, means=rows == PRETEST)
    parts = tuple(rows.split("+"))
    for part in parts:
        if part not in _ROWS or part == column:
            raise ValueError(f"{key!r}: {part!r} is none of all, pretest, {', '.join(_ROWS)}")
    return Constraint(key, parts, column)


def weights_of(scheme: Scheme, column: str) -> dict[str, int]:
    """The levels of a column with their weights, also of a side or cue set that is not drawn."""
    fixed = {"side": dict.fromkeys(scheme.sides, 1), "cue": dict.fromkeys(scheme.cues, 1)}
    return scheme.factors().get(column) or fixed.get(column, {})


class Ledger:
    """Animals with their levels, and how far each constraint is from being kept.

    `levels` holds one table of factor to level an animal, `before` those that are fixed.
    """

    def __init__(
        self,
        scheme: Scheme,
        before: Sequence[tuple[Candidate, Mapping[str, str]]] = (),
        further: Sequence[str] = (),
    ) -> None:
        self.constraints = constraints(scheme, further)
        self._scheme = scheme
        self._weights = {c.column: weights_of(scheme, c.column) for c in self.constraints}
        self._before = [_row(candidate, levels) for candidate, levels in before]
        self._before_s = [paired_share(scheme, c, levels) for c, levels in before]

    def rows(
        self, candidates: Sequence[Candidate], levels: Sequence[Mapping[str, str]]
    ) -> list[dict[str, str]]:
        """All that constraints ask of each animal, as words."""
        return [_row(c, one) for c, one in zip(candidates, levels, strict=True)]

    def distance(
        self, one: Constraint, rows: Sequence[Mapping[str, str]], paired: Sequence[float]
    ) -> float:
        """0 where kept, else how far from it; `paired` as `paired_share` gives it."""
        if one.means:
            spread = self._spread(one, rows, paired)
            return max(0.0, spread / self._scheme.pretest_limit - 1 + 1e-9)
        return sum(off for _, off in self._off(one, rows) if off > 1 - 1e-9)

    def squares(self, one: Constraint, rows: Sequence[Mapping[str, str]], new: int) -> float:
        """Sum of squared differences from the planned shares in the rows of animal `new`."""
        mine = tuple(rows[new][part] for part in one.rows)
        return sum(off * off for where, off in self._off(one, rows) if where == mine)

    def check(
        self, rows: Sequence[Mapping[str, str]], paired: Sequence[float]
    ) -> tuple[Check, ...]:
        """Every constraint judged, in order."""
        out = []
        for rank, one in enumerate(self.constraints, 1):
            if one.means:
                worst, where = self._spread(one, rows, paired), one.column
            else:
                off = max(self._off(one, rows), key=lambda item: item[1], default=((), 0.0))
                worst, where = off[1], "+".join(off[0]) or "all"
            met = self.distance(one, rows, paired) == 0
            out.append(Check(one.key, rank, met, round(worst, 6), where))
        return tuple(out)

    def _off(
        self, one: Constraint, rows: Sequence[Mapping[str, str]]
    ) -> list[tuple[tuple[str, ...], float]]:
        counts: defaultdict[tuple[str, ...], defaultdict[str, int]]
        counts = defaultdict(lambda: defaultdict(int))
        for source in (self._before, rows):
            for row in source:
                counts[tuple(row[part] for part in one.rows)][row[one.column]] += 1
        weights = self._weights[one.column]
        total = sum(weights.values())
        out = []
        for where, cells in counts.items():
            n = sum(cells.values())
            for level, weight in weights.items():
                out.append((where, abs(cells[level] - n * weight / total)))
        return out

    def _spread(
        self, one: Constraint, rows: Sequence[Mapping[str, str]], paired: Sequence[float]
    ) -> float:
        sums: defaultdict[str, list[float]] = defaultdict(list)
        both = ((self._before, self._before_s), (rows, paired))
        for source, values in both:
            for row, value in zip(source, values, strict=True):
                sums[row[one.column]].append(value)
        means = [sum(values) / len(values) for values in sums.values()]
        return max(means) - min(means) if means else 0.0


def _row(candidate: Candidate, levels: Mapping[str, str]) -> dict[str, str]:
    own = {"sex": candidate.sex, "cage": candidate.cage, "box": candidate.box}
    return {"slot": "", "order": "", "cue": "", **levels, **own, "band": candidate.band}


def paired_share(scheme: Scheme, candidate: Candidate, levels: Mapping[str, str]) -> float:
    """Pre-test seconds in what is to be paired, as a share of the test."""
    k = scheme.sides.index(levels["side"])
    # A cue set that is moved is judged by where it lay at the pre-test.
    if scheme.cues_move and candidate.first_cue and levels.get("cue"):
        k = 0 if levels["cue"] == candidate.first_cue else 1
    return candidate.sides_s[k] / candidate.test_s


def levels_of(scheme: Scheme, candidate: Candidate, place: Place) -> dict[str, str]:
    """A place as factor to level, the pairing with or against the preference too."""
    first, second = candidate.sides_s
    preferred = scheme.sides[0] if first > second else scheme.sides[1]
    return {
        "group": place.group,
        "side": place.side,
        "cue": place.cue,
        "order": place.order,
        "slot": place.slot,
        "pairing": "preferred" if place.side == preferred else "other",
    }


def check(
    scheme: Scheme, candidates: Sequence[Candidate], places: Sequence[Place]
) -> tuple[Check, ...]:
    """An allocation judged against the scheme's constraints, whoever made it."""
    ledger = Ledger(scheme)
    levels = [levels_of(scheme, c, p) for c, p in zip(candidates, places, strict=True)]
    paired = [paired_share(scheme, c, one) for c, one in zip(candidates, levels, strict=True)]
    return ledger.check(ledger.rows(candidates, levels), paired)


def table(
    scheme: Scheme, candidates: Sequence[Candidate], places: Sequence[Place], fewest: int = 4
) -> list[dict[str, str]]:
    """The balance table: a line a level of sex, box, side, order and slot, a column a group.

    A line of fewer than `fewest` animals, or with all of them in one group, would tell an animal's
    group to who reads it: that factor's numbers are all "-". The last line is the pre-test's mean.
    """
    names = [group.name for group in scheme.groups]
    levels = [levels_of(scheme, c, p) for c, p in zip(candidates, places, strict=True)]
    rows = Ledger(scheme).rows(candidates, levels)
    out = [{"what": "animals", **{g: str(sum(r["group"] == g for r in rows)) for g in names}}]
    for factor in ("sex", "box", "cage", "band", "side", "cue", "order", "slot"):
        counts = {
            level: [sum(r[factor] == level and r["group"] == g for r in rows) for g in names]
            for level in sorted({row[factor] for row in rows if row[factor]})
        }
        # One line alone left out could be counted from the others, so all of a factor's are.
        telling = any(
            sum(line) < fewest or (len(names) > 1 and max(line) == sum(line))
            for line in counts.values()
        )
        for level, line in counts.items():
            cells = ["-" if telling else str(count) for count in line]
            out.append({"what": f"{factor} {level}", **dict(zip(names, cells, strict=True))})
    means = {}
    for name in names:
        values = [
            paired_share(scheme, c, one)
            for c, one in zip(candidates, levels, strict=True)
            if one["group"] == name
        ]
        few = len(values) < fewest
        means[name] = "-" if few else f"{100 * sum(values) / len(values):.1f} %"
    out.append({"what": "pre-test, share of the test in what is paired", **means})
    return out
