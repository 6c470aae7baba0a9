"""A running order with times: every interval holds, no box and no person is wanted twice. Pure.

Chains are put in one by one, in the order given, each as early as it fits. A chain that was begun
comes first: its windows are running. What cannot hold is named.
"""

from collections.abc import Iterator, Mapping, Sequence

from protocols.day.chains import Chain, DayOrder, Do, Step, box_time, clock

STEP_S = 30
"""Starts are tried so far apart."""
_LATEST_S = 30 * 3600


class _Busy:
    """Stretches of time that are taken."""

    def __init__(self) -> None:
        self._taken: list[tuple[int, int]] = []

    def free(self, start_s: int, end_s: int) -> bool:
        return all(end_s <= a or start_s >= b for a, b in self._taken)

    def take(self, start_s: int, end_s: int) -> None:
        if end_s > start_s:
            self._taken.append((start_s, end_s))


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
        for start_s in _starts(earliest, wanted, latest):
            steps = self._fit(chain, first, start_s)
            if steps is not None:
                break
        else:  # nobody is ever free: as if there were one more
            steps = self._fit(chain, first, wanted, alone=True) or []
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
        self, chain: Chain, first: int, start_s: int, *, alone: bool = False
    ) -> list[Step] | None:
        """The rest of a chain from a time on, if boxes and people are free, all as wanted."""
        times = []
        at = start_s
        for k in range(first, len(chain.links)):
            link = chain.links[k]
            if k > first:
                at += link.gap.wanted_s
            times.append((k, at, at + link.lasts_s))
            at += link.lasts_s
        draft = [Step(chain, k, a, b, 0) for k, a, b in times]
        held = box_time(draft)
        if alone:
            return draft
        box = chain.box
        if held and box and not self._boxes.setdefault(box, _Busy()).free(*held):
            return None
        return self._staffed(draft)

    def _staffed(self, draft: Sequence[Step]) -> list[Step] | None:
        """The steps with a person each; who does what is not blind does nothing else here."""
        apart = any(step.what.apart for step in draft)
        others = range(len(self._people)) if apart and len(self._people) > 1 else [None]
        for other in others:
            found = [self._person(step, other) for step in draft]
            if all(p is not None for p in found):
                return [
                    Step(s.chain, s.link, s.start_s, s.end_s, p or 0)
                    for s, p in zip(draft, found, strict=True)
                ]
        return None

    def _person(self, step: Step, other: int | None) -> int | None:
        """Who does a step, from 1; 0: nobody has to. None: nobody is free."""
        if not step.what.attended or step.end_s == step.start_s:
            return 0
        for k, busy in enumerate(self._people):
            fits = other is None or (k == other) == step.what.apart
            if fits and busy.free(step.start_s, step.end_s):
                return k + 1
        return None

    def _take(self, chain: Chain, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.person:
                self._people[step.person - 1].take(step.start_s, step.end_s)
        held = box_time(steps)
        if held is not None and chain.box is not None:
            self._boxes.setdefault(chain.box, _Busy()).take(*held)
        out = [s.end_s for s in steps if s.what.do not in (Do.CLEAN, Do.DRY)]
        self._ended[chain.key] = max(out, default=steps[-1].end_s if steps else self._now_s)


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
