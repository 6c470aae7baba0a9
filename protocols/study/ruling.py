"""Rules of the protocol that put an animal out by what befell it in a session.

Those on the pre-test are applied by the allocation, those of extinction when its tests are judged.
What a session tells may be a false alarm, as an escape that a shadow made; so the program says who
is out by the rules, and the owner's command applies them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select

from protocols.conduct.exposed import Out
from protocols.conduct.rules import Withdrawn
from protocols.course import Course
from protocols.criteria import Exclusion
from protocols.days import unrolled
from protocols.store import tables as t
from protocols.study.amending.leaving import PRESENT
from protocols.study.excluding import standing
from protocols.study.folder import Study
from protocols.study.measured import standing_in
from protocols.study.scheduling import Reading, first_name, sessions_of
from rig.storage.tables import read_summary

EVENTS = {"escape": "escape", "door_fault": "door_fault", "wrong_side": "side"}
"""What a rule is by, and the deviation that a session carries of it."""
LABEL = "label"
"""The deviation of a session for which another label was read."""


def by_events(study: Study) -> dict[str, list[str]]:
    """Animals that are out by rules on events and not excluded yet, with the rules."""
    found = _events(study, ())
    with study.store.read() as connection:
        asked = select(t.animal.c.id).where(t.animal.c.status.in_(PRESENT))
        present = set(connection.execute(asked).scalars())
    return {animal: [one.rule for one in out] for animal, out in found.items() if animal in present}


def ruled_out(study: Study, wrong: Iterable[tuple[str, str]]) -> dict[str, list[Out]]:
    """Animals that are out by the protocol's rules on sessions that count, with the rules.

    `wrong`: animal and phase of each label that was another session's. The value of an event is in
    how many sessions it was seen; limits are as in the rules.
    """
    found = _events(study, wrong)
    measured = [rule for rule in _rules(study) if rule.limit is not None]
    if measured:
        with study.store.read() as connection:
            measured_again = standing_in(connection)
            animals = connection.execute(select(t.animal.c.id).order_by(t.animal.c.id)).scalars()
            for animal in animals.all():
                for row in sessions_of(Reading(connection), animal):
                    if row["status"] != "done" or not row["folder"]:
                        continue
                    again = measured_again.get(row["folder"])
                    counts = None if again is None else again.counts
                    folder = row["folder"] if counts is None else counts.folder
                    cells = (read_summary(study.folder / folder) or [{}])[-1]
                    for rule in measured:
                        if rule.phase == row["phase"] and (out := _beyond(study, rule, cells)):
                            found.setdefault(animal, []).append(out)
    return found


def partly_out(study: Study) -> dict[str, str]:
    """Animals that are out from a phase on alone, with that phase: what came before it counts.

    To leave out of everything who did not extinguish, or did not acquire, would choose the animals
    by the result.
    """
    starts = {rule.by: rule.from_phase for rule in study.joined.course.exclusion}
    names = [phase.name for phase in study.joined.course.phase]
    found: dict[str, list[str]] = {}
    with study.store.read() as connection:
        for row in connection.execute(standing(t.exclusion.c.animal, t.exclusion.c.rule)):
            found.setdefault(row.animal, []).append(starts.get(row.rule, ""))
    return {animal: min(own, key=names.index) for animal, own in found.items() if all(own)}


class Leaver(NamedTuple):
    """An animal that was withdrawn: when, why, and why its tests do not count; "": they do."""

    since: str
    reason: str
    why_not: str


def leavers(study: Study) -> dict[str, Leaver]:
    """All that were withdrawn; what they did before that counts by the rule `[attempts]`.

    For whom a substitute stands does not count: the place would be filled twice.
    """
    asked = select(t.animal.c.stands_for, t.animal.c.id).where(t.animal.c.stands_for.is_not(None))
    left_out = study.plan.attempts.withdrawn is Withdrawn.LEFT_OUT
    found = {}
    with study.store.read() as connection:
        stands = {row.stands_for: row.id for row in connection.execute(asked)}
        gone = select(t.animal).where(t.animal.c.status == "withdrawn").order_by(t.animal.c.id)
        for row in connection.execute(gone).mappings():
            why_not = "left out by the rule [attempts]" if left_out else ""
            if row["id"] in stands:
                why_not = f"{stands[row['id']]} stands for it"
            since, reason = row["status_since"], row["status_reason"]
            found[row["id"]] = Leaver(since or "", reason or "withdrawn", why_not)
    return found


def is_before(course: Course, phase: str, start: str) -> bool:
    """Whether a phase, by its own or its cycle's name, comes before another in the course."""
    names = [one.name for one in course.phase]
    own = first_name(course.extinction, phase)
    return own not in names or names.index(own) < names.index(start)


def gone(study: Study, out: Sequence[Out]) -> Collection[str] | None:
    """The phases that are cancelled for an animal that is out by these; None: all to come."""
    rules: dict[str, str] = {rule.by: rule.from_phase for rule in study.joined.course.exclusion}
    starts = [rules.get(one.rule, "") for one in out]
    if not all(starts):
        return None
    course = study.joined.course
    names = [phase.name for phase in course.phase]
    first = min(starts, key=names.index)
    whole = unrolled(course, [block.most for block in course.extinction])
    return {phase.name for phase in whole if not is_before(course, phase.name, first)}


def _rules(study: Study) -> list[Exclusion]:
    """The protocol's rules that neither the allocation nor extinction applies."""
    done = ("not_acquired", "not_extinguished")
    pretest = study.plan.pretest
    return [
        rule
        for rule in study.joined.course.exclusion
        if rule.by not in done and (rule.limit is None or rule.phase != pretest)
    ]


def _events(study: Study, wrong: Iterable[tuple[str, str]]) -> dict[str, list[Out]]:
    with study.store.read() as connection:
        asked = select(t.session.c.animal, t.session.c.phase, t.deviation.c.kind).join(
            t.session, t.session.c.uid == t.deviation.c.session
        )
        seen = [tuple(row) for row in connection.execute(asked.order_by(t.deviation.c.id))]
    seen += [(animal, phase, LABEL) for animal, phase in wrong]
    found: dict[str, list[Out]] = {}
    for rule in _rules(study):
        kind = LABEL if rule.by == "wrong_treatment" else EVENTS.get(rule.by, "")
        sessions: dict[str, set[str]] = {}
        for animal, phase, of in seen:
            if of == kind and rule.phase in ("", phase):
                sessions.setdefault(animal, set()).add(phase)
        for animal in sorted(sessions):
            found.setdefault(animal, []).append(Out(rule.by, float(len(sessions[animal])), 0.0))
    return found


def _beyond(study: Study, rule: Exclusion, cells: Mapping[str, str]) -> Out | None:
    """What was measured of a session, where it is beyond the rule's limit."""
    limit = rule.limit
    assert limit is not None
    value = _value(rule.by, cells, study.plan.sides)
    if value is None:
        return None
    below = rule.by in ("side_entries", "distance_m")
    return Out(rule.by, value, limit) if (value < limit if below else value > limit) else None


def _value(by: str, cells: Mapping[str, str], sides: Sequence[str]) -> float | None:
    """The number that a rule asks for, by a line of summary.csv; None where it is not there."""

    def told(name: str) -> float:
        return float(cells[name])

    try:
        test_s = told("test_s")
        times = [told(f"time_{side}_s") for side in sides]
        if test_s <= 0:
            return None
        if by == "side_share":
            return max(times) / sum(times) if sum(times) > 0 else None
        if by == "side_difference_s":
            return max(times) - min(times)
        if by == "chamber_share_range":
            return max(max(times) / test_s, 1 - min(times) / test_s)
        if by == "neutral_share":
            return max(0.0, test_s - sum(times) - told("time_lost_s")) / test_s
        if by == "side_entries":
            return sum(told(f"entries_{side}") for side in sides)
        if by in ("distance_m", "lost_share"):
            return told(by)
    except (KeyError, ValueError):
        return None
    return None
