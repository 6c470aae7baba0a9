"""A running order with times: every interval holds, no box and no person is wanted twice. Pure.

Chains are put in one by one, in the order given, each as early as it fits. A chain that was begun
comes first: its windows are running. What cannot hold is named.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from protocols.day.chains import Chain, DayOrder, Do, Link, Step, box_time, clock

STEP_S = 30
"""Starts are tried so far apart."""
_LATEST_S = 30 * 3600


Span = tuple[int, int]
Slot = tuple[int, int, int]
"""A link's place in its chain, and when it is, counted from the start of the first one."""


class _Busy:
    """Stretches of time that are taken, those that overlap as one, in order."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def clash(self, start_s: int, end_s: int) -> Span | None:
        """The last stretch that is taken already of this one; None where it is free."""
        k = bisect_left(self._starts, end_s) - 1
        if k < 0 or self._ends[k] <= start_s:
            return None
        return self._starts[k], self._ends[k]

    def take(self, start_s: int, end_s: int) -> None:
        if end_s <= start_s:
            return
        while (found := self.clash(start_s, end_s)) is not None:
            k = self._starts.index(found[0])
            start_s, end_s = min(start_s, found[0]), max(end_s, found[1])
            del self._starts[k], self._ends[k]
        k = bisect_left(self._starts, start_s)
        self._starts.insert(k, start_s)
        self._ends.insert(k, end_s)


def plan_day(
    chains: Sequence[Chain], people: int, now_s: int, ends_s: int, busy: Mapping[str, int] = {}
) -> DayOrder:
    """The day from `now_s` on. `busy`: boxes that are in use, and until when.

    Raises ValueError without people.
    """
    if people < 1:
        raise ValueError("nobody is there")
    return _Day(people, now_s, ends_s, busy).plan(chains)


class _Day:
    def __init__(self, people: int, now_s: int, ends_s: int, busy: Mapping[str, int]) -> None:
        self._people = [_Busy() for _ in range(people)]
        self._boxes: dict[str, _Busy] = {}
        self._now_s, self._ends_s = now_s, ends_s
        self._ended: dict[str, int] = {}
        self._broken: list[str] = []
        for box, until_s in busy.items():
            self._boxes.setdefault(box, _Busy()).take(min(now_s, until_s), until_s)

    def plan(self, chains: Sequence[Chain]) -> DayOrder:
        begun = [c for c in chains if any(link.done for link in c.links)]
        order = [*sorted(begun, key=_deadline), *(c for c in chains if c not in begun)]
        steps: list[Step] = []
        waiting = list(order)
        while waiting:
            # One that waits for another comes after it, whatever the order says.
            keys = {c.key for c in waiting}
            chain = next((c for c in waiting if c.after not in keys), waiting[0])
            waiting.remove(chain)
            steps += self._put(chain)
        steps.sort(key=lambda s: (s.start_s, s.end_s, s.chain.key, s.link))
        return DayOrder(tuple(steps), tuple(self._broken))

    def _put(self, chain: Chain) -> list[Step]:
        first = next((k for k, link in enumerate(chain.links) if link.done is None), None)
        if first is None:
            ends = [link.done[1] for link in chain.links if link.done]
            self._ended[chain.key] = max(ends, default=self._now_s)
            return []
        earliest = max(self._now_s, chain.not_before_s)
        if chain.after in self._ended and first == 0:
            earliest = max(earliest, self._ended[chain.after] + chain.gap_s)
        wanted, latest = earliest, None
        if first:
            before = chain.links[first - 1].done
            gap = chain.links[first].gap
            assert before is not None  # links are done in their order
            wanted = max(earliest, before[1] + gap.wanted_s)
            earliest = max(earliest, before[1] + gap.least_s)
            latest = None if gap.most_s is None else before[1] + gap.most_s
        slots = _slots(chain, first)
        held = box_time([Step(chain, k, a, b, 0) for k, a, b in slots])
        skip = (0, 0)
        for start_s in _starts(earliest, wanted, latest):
            if skip[0] < start_s < skip[1]:
                continue
            found = self._fit(chain, slots, held, start_s)
            if isinstance(found, list):
                steps = found
                break
            skip = found
        else:  # nobody is ever free: as if there were one more
            steps = [Step(chain, k, wanted + a, wanted + b, 0) for k, a, b in slots]
        start_s = steps[0].start_s
        if latest is not None and start_s > latest:
            what = f"{chain.animal} {chain.phase}: {_name(steps[0])}"
            self._broken.append(f"{what} by {clock(latest)}, but not before {clock(start_s)}")
        self._take(chain, steps)
        if self._ended[chain.key] > self._ends_s:
            over = f"over at {clock(self._ended[chain.key])}, the day ends {clock(self._ends_s)}"
            self._broken.append(f"{chain.animal} {chain.phase}: {over}")
        return steps

    def _fit(
        self, chain: Chain, slots: Sequence[Slot], held: Span | None, start_s: int
    ) -> list[Step] | Span:
        """The rest of a chain from a time on, if box (`held` so long) and people are free.

        Else the starts, its ends left out, from which it does not fit for the same reason.
        """
        if held and chain.box:
            box = self._boxes.setdefault(chain.box, _Busy())
            taken = box.clash(start_s + held[0], start_s + held[1])
            if taken is not None:
                return taken[0] - held[1], taken[1] - held[0]
        return self._staffed(chain, slots, start_s)

    def _staffed(self, chain: Chain, slots: Sequence[Slot], start_s: int) -> list[Step] | Span:
        """The steps with a person each; who does what is not blind does nothing else here."""
        apart = any(chain.links[k].apart for k, _, _ in slots)
        others = range(len(self._people)) if apart and len(self._people) > 1 else [None]
        nobody = (start_s, start_s)
        for other in others:
            people = []
            for k, a, b in slots:
                found = self._person(chain.links[k], start_s + a, start_s + b, other)
                if isinstance(found, tuple):
                    nobody = (found[0] - b, found[1] - a) if other is None else nobody
                    break
                people.append(found)
            else:
                return [
                    Step(chain, k, start_s + a, start_s + b, person)
                    for (k, a, b), person in zip(slots, people, strict=True)
                ]
        return nobody

    def _person(self, link: Link, start_s: int, end_s: int, other: int | None) -> int | Span:
        """Who does a link, from 1; 0: nobody has to. Else when all are busy who could."""
        if not link.attended or end_s == start_s:
            return 0
        all_busy = (-_LATEST_S, 2 * _LATEST_S)
        for k, busy in enumerate(self._people):
            if other is not None and (k == other) != link.apart:
                continue
            taken = busy.clash(start_s, end_s)
            if taken is None:
                return k + 1
            all_busy = max(all_busy[0], taken[0]), min(all_busy[1], taken[1])
        return all_busy

    def _take(self, chain: Chain, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.person:
                self._people[step.person - 1].take(step.start_s, step.end_s)
        held = box_time(steps)
        if held is not None and chain.box is not None:
            self._boxes.setdefault(chain.box, _Busy()).take(*held)
        out = [s.end_s for s in steps if s.what.do not in (Do.CLEAN, Do.DRY)]
        self._ended[chain.key] = max(out, default=steps[-1].end_s if steps else self._now_s)


def _slots(chain: Chain, first: int) -> list[Slot]:
    """The links from `first` on, with their intervals as wanted."""
    slots, at = [], 0
    for k in range(first, len(chain.links)):
        link = chain.links[k]
        if k > first:
            at += link.gap.wanted_s
        slots.append((k, at, at + link.lasts_s))
        at += link.lasts_s
    return slots


def _starts(earliest: int, wanted: int, latest: int | None) -> Iterator[int]:
    """Starts as they are liked: as wanted, then later, then earlier, then too late."""
    end = _LATEST_S if latest is None else latest
    yield from range(wanted, end + 1, STEP_S)
    if latest is not None:
        yield from range(wanted - STEP_S, earliest - 1, -STEP_S)
        yield from range(max(wanted, latest + 1), _LATEST_S, STEP_S)


def _deadline(chain: Chain) -> int:
    """When the window of what comes next closes, of a chain that was begun."""
    for before, link in zip(chain.links, chain.links[1:], strict=False):
        if before.done and not link.done:
            return before.done[1] + (link.gap.most_s if link.gap.most_s is not None else _LATEST_S)
    return _LATEST_S


def _name(step: Step) -> str:
    return step.what.named or str(step.what.do)
