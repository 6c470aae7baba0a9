"""How far constraints are from being kept, kept up to date while single levels change."""

from collections.abc import Sequence
from typing import Any

from protocols.allocation.balance import Ledger, paired_share, weights_of
from protocols.allocation.model import Candidate, Scheme

Row = tuple[Any, ...]


class Tallies:
    """The tables of a scheme's constraints over animals, counted once, then changed in place.

    `off` holds each constraint's distance in their order, as `Ledger.distance` gives it.
    """

    def __init__(
        self, scheme: Scheme, candidates: Sequence[Candidate], rows: Sequence[dict[str, str]]
    ) -> None:
        self._scheme, self._candidates = scheme, candidates
        self._rows = [dict(row) for row in rows]
        self._asked = Ledger(scheme).constraints
        self._known: dict[tuple[int, str, str], float] = {}
        self._shares: list[dict[str, float]] = []
        for one in self._asked:
            weights = weights_of(scheme, one.column)
            total = sum(weights.values())
            self._shares.append({level: w / total for level, w in weights.items()})
        # By factor: the constraints whose columns it is, and those where it moves an animal to
        # another row, or (of means) changes what is to be paired.
        self._within: dict[str, list[int]] = {}
        self._across: dict[str, list[int]] = {}
        for k, one in enumerate(self._asked):
            for name in {one.column, "side", "cue"} if one.means else one.rows:
                self._across.setdefault(name, []).append(k)
            if not one.means and one.column not in one.rows:
                self._within.setdefault(one.column, []).append(k)
        self._counts: list[dict[Row, dict[str, int]]] = [{} for _ in self._asked]
        self._row_off: list[dict[Row, float]] = [{} for _ in self._asked]
        self._sums: list[dict[str, list[float]]] = [{} for _ in self._asked]
        self._places = [one.rows for one in self._asked]
        self._means = [one.means for one in self._asked]
        self._columns = [one.column for one in self._asked]
        self.off = [0.0] * len(self._asked)
        for k in range(len(self._asked)):
            for i in range(len(self._rows)):
                self._add(k, i, 1)

    def put(self, i: int, name: str, level: str) -> None:
        """Give animal `i` another level of one factor."""
        row = self._rows[i]
        old = row[name]
        if old == level:
            return
        within = self._within.get(name, ())
        across = self._across.get(name, ())
        for k in across:
            self._add(k, i, -1)
        row[name] = level
        for k in across:
            self._add(k, i, 1)
        for k in within:  # the animal stays in its row
            key = tuple([row[part] for part in self._places[k]])
            cells = self._counts[k][key]
            cells[old] -= 1
            cells[level] += 1
            self._judge(k, key, cells)

    def swap(self, i: int, j: int, name: str) -> None:
        """Let two animals change the level of a factor that decides no other."""
        one, other = self._rows[i], self._rows[j]
        a, b = one[name], other[name]
        if a == b:
            return
        across = self._across.get(name, ())
        for k in across:
            self._add(k, i, -1)
            self._add(k, j, -1)
        one[name], other[name] = b, a
        for k in across:
            self._add(k, i, 1)
            self._add(k, j, 1)
        for k in self._within.get(name, ()):
            places = self._places[k]
            here = tuple([one[part] for part in places])
            there = tuple([other[part] for part in places])
            if here == there:
                continue
            for key, less, more in ((here, a, b), (there, b, a)):
                cells = self._counts[k][key]
                cells[less] -= 1
                cells[more] += 1
                self._judge(k, key, cells)

    def suspects(self, k: int) -> list[int]:
        """The animals in those rows where constraint `k` is not kept; all of them for means."""
        if self._means[k]:
            return list(range(len(self._rows)))
        off, places = self._row_off[k], self._places[k]
        return [
            i
            for i, row in enumerate(self._rows)
            if off.get(tuple([row[part] for part in places]), 0.0) > 0
        ]

    def parts(self, k: int) -> tuple[str, ...]:
        """The factors whose levels decide constraint `k`."""
        return (self._columns[k], *self._places[k])

    def _add(self, k: int, i: int, step: int) -> None:
        row, column = self._rows[i], self._columns[k]
        if self._means[k]:
            pair = self._sums[k].setdefault(row[column], [0.0, 0.0])
            pair[0] += step * self._paired(i)
            pair[1] += step
            means = [total / n for total, n in self._sums[k].values() if n]
            spread = max(means) - min(means) if means else 0.0
            self.off[k] = max(0.0, spread / self._scheme.pretest_limit - 1 + 1e-9)
            return
        key = tuple([row[part] for part in self._places[k]])
        cells = self._counts[k].get(key)
        if cells is None:
            cells = self._counts[k][key] = dict.fromkeys(self._shares[k], 0)
            self._row_off[k][key] = 0.0
        cells[row[column]] += step
        self._judge(k, key, cells)

    def _judge(self, k: int, key: Row, cells: dict[str, int]) -> None:
        n, total = sum(cells.values()), 0.0
        for level, share in self._shares[k].items():
            away = abs(cells[level] - n * share)
            if away > 1 - 1e-9:
                total += away
        offs = self._row_off[k]
        if offs[key] != total:
            offs[key] = total
            self.off[k] = sum(offs.values())

    def _paired(self, i: int) -> float:
        row = self._rows[i]
        at = i, row["side"], row["cue"]
        if at not in self._known:
            self._known[at] = paired_share(self._scheme, self._candidates[i], row)
        return self._known[at]
