"""A dry run of one session in a box: its doors and places followed step by step. Pure."""

from collections.abc import Iterator, Sequence

from rig.apparatus import Apparatus, Drive
from rig.steps import Do, SessionPlan, Start, Step, Until, spell_s


def rehearse(plan: SessionPlan, apparatus: Apparatus) -> list[str]:
    """Steps that are never reached, places that cannot be, doors never opened or closed."""
    return list(_Walk(plan, apparatus).faults())


class _Walk:
    """A session followed with the doors' states: open, closed, or left as they were (None)."""

    def __init__(self, plan: SessionPlan, apparatus: Apparatus) -> None:
        self._plan, self._apparatus = plan, apparatus
        self._chambers = {chamber.name for chamber in apparatus.chamber}
        self._here = set(self._chambers)
        self._doors: dict[str, bool | None] = {
            d.name: True if d.drive is Drive.NONE else None for d in apparatus.doorway
        }
        self._walled = {frozenset(doorway.between): doorway.name for doorway in apparatus.doorway}

    def faults(self) -> Iterator[str]:
        for i, step in enumerate(self._plan.step):
            name = self._plan.step_name(i)
            self._move(step)
            yield from self._at(step, name)
            rest = [self._plan.step_name(k) for k in range(i + 1, len(self._plan.step))]
            endless = step.end is Until.TIME and step.duration_s is None
            if endless and rest:
                yield f"{name} never ends by itself: {', '.join(rest)} cannot be reached"
                return
            if self._waits_in_vain(step):
                assert step.condition is not None
                where = step.condition.in_
                lost = f": {', '.join(rest)} cannot be reached" if rest else ""
                ends = f"ends by its limit of {spell_s(step.limit_s)} alone"
                if step.on_limit == "next":
                    yield f"{name} {ends}: the animal cannot come into {where}"
                else:
                    yield f"{name} never ends: the animal cannot come into {where}{lost}"
                    return

    def _move(self, step: Step) -> None:
        if step.doors is not None:
            self._set(tuple(self._doors), step.doors == "open")
        if step.do in (Do.OPEN, Do.CLOSE):
            self._set(step.door or tuple(self._doors), step.do is Do.OPEN)
        if step.start is Start.OPENED:
            self._set(tuple(self._doors), True)
        if step.do is Do.PLACE:
            self._here = {step.chamber} if step.chamber else set(self._chambers)

    def _set(self, names: Sequence[str], is_open: bool) -> None:
        by_hand = {d.name for d in self._apparatus.doorway if d.drive is not Drive.NONE}
        self._doors |= {name: is_open for name in names if name in by_hand}

    def _at(self, step: Step, name: str) -> Iterator[str]:
        if step.do is Do.CONFINE and step.chamber is not None:
            if step.chamber not in self._reached(self._here):
                here = " or ".join(sorted(self._here))
                yield f"{name} confines to {step.chamber}, but the animal is in {here}"
            loose = [
                door
                for pair, door in self._walled.items()
                if step.chamber in pair and self._is_loose(door)
            ]
            if loose:
                yield f"{name} confines to {step.chamber}, but {_doors(loose)} not closed first"
            self._here = {step.chamber}
            return
        self._here = self._reached(self._here)
        if step.do is not Do.EXPLORE:
            return
        shut = sorted(door for door, is_open in self._doors.items() if not is_open)
        if shut:
            away = sorted(self._chambers - self._reached(self._here))
            lost = f": the animal cannot come into {', '.join(away)}" if away else ""
            yield f"{name} is free exploration, but {_doors(shut)} not opened first{lost}"
        for rule in step.rule:
            if rule.while_in in self._chambers - self._here:
                yield f"{name}: output {rule.output} never comes on, {rule.while_in} is shut off"

    def _is_loose(self, door: str) -> bool:
        fixed = {d.name for d in self._apparatus.doorway if d.drive is Drive.NONE}
        return door not in fixed and self._doors[door] is not False

    def _waits_in_vain(self, step: Step) -> bool:
        where = step.condition.in_ if step.condition else None
        return where in self._chambers - self._reached(self._here)

    def _reached(self, start: set[str]) -> set[str]:
        """Chambers that can be come to: through open doors, and where there is no wall."""
        found = set(start)
        while True:
            more = {other for pair in self._joined() if pair & found for other in pair} - found
            if not more:
                return found
            found |= more

    def _joined(self) -> list[frozenset[str]]:
        open_ways = [pair for pair, door in self._walled.items() if self._doors[door]]
        return [*open_ways, *self._apparatus.touching]


def _doors(names: Sequence[str]) -> str:
    verb = "is" if len(names) == 1 else "are"
    return f"door{'' if len(names) == 1 else 's'} {', '.join(names)} {verb}"
