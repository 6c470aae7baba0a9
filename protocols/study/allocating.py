"""A cohort drawn and sealed.

What is sealed is written to the key first and told in the database after it, so that a crash
between them leaves a part that nobody counts.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import select

from protocols import blinding
from protocols.allocation import (
    ALGORITHM,
    Candidate,
    Check,
    Exclusion,
    Outcome,
    Place,
    Scheme,
    Verdict,
    allocate,
    exclude,
    freeze,
    judge,
    minimise,
    table,
)
from protocols.blinding import Key
from protocols.planning import Planning
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.excluding import leave, note_exclusions
from protocols.study.folder import KEY, RULES, Study
from protocols.study.opening import allocations, cohorts, opened, pairs_of
from protocols.study.signing import in_open
from protocols.study.withheld import hide, secret_of
from rig.errors import ConfigError, RigError
from rig.storage.folder import replace as replace_file

_NO_PRETEST: Mapping[str, str] = {}
"""The line of an animal whose protocol has none: it counts as having preferred neither side."""


@dataclass(frozen=True)
class Allocated:
    """What an allocation tells in the open."""

    cohort: int
    animals: int
    sha256: str
    verdict: Verdict
    excluded: tuple[Exclusion, ...]
    checks: tuple[Check, ...]
    balance: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Proposed:
    """An allocation that was drawn and is not kept yet. What it holds is shown to nobody.

    `told`: what it tells in the open, as the allocation will.
    """

    told: Allocated
    candidates: tuple[Candidate, ...]
    places: tuple[Place, ...]
    text: str


def propose_cohort(
    study: Study,
    person: str,
    pretests: Sequence[Mapping[str, str]],
    holder: tuple[str, str] | None = None,
    over_gate: str = "",
) -> Proposed:
    """Draw as `allocate_cohort` does, and keep nothing, so that its balance can be looked at.

    Every draw stands in the trail by its hash: who draws until it pleases is seen. Raises as that.
    """
    scheme = study.plan.scheme()
    secret_of(study)
    before = _before(study, person, holder)
    with study.store.change(person, over_gate) as change:
        allowed(change, person, ("owner",))
        outcomes = _outcomes(study, change, pretests)
        drawn = _draw(study, outcomes, before, over_gate)
        change.note("allocation_proposed", cohort=drawn.told.cohort, sha256=drawn.told.sha256)
    return replace(drawn, told=replace(drawn.told, balance=_balance(scheme, drawn)))


def allocate_cohort(
    study: Study,
    person: str,
    pretests: Sequence[Mapping[str, str]],
    holder: tuple[str, str] | None = None,
    over_gate: str = "",
    seed: str = "",
    proposed: Proposed | None = None,
) -> Allocated:
    """Draw pairing, group, order and slot for the animals that have none, and seal them.

    `pretests` are lines as in a session's `summary.csv`. A later cohort is drawn on the totals of
    the earlier ones, for which the key is opened: `holder` is a name and a passphrase. `over_gate`
    is the reason for going on where the gate stops. `seed`: one from the system's dice where none
    is given. `proposed` is taken as it was drawn, if the animals and their pre-tests are the same
    still. Where the protocol has no pre-test, gate and exclusion are passed over. Raises
    ConfigError, or RigError at the gate.
    """
    scheme = study.plan.scheme()
    secret = secret_of(study)
    over_gate = in_open(study, over_gate, "--over-gate") if over_gate else ""
    before = _before(study, person, holder) if proposed is None else []
    with study.store.change(person, over_gate) as change:
        allowed(change, person, ("owner",))
        outcomes = _outcomes(study, change, pretests)
        drawn = proposed or _draw(study, outcomes, before, over_gate, seed)
        out = {one.animal for one in drawn.told.excluded}
        left = [one.candidate for one in outcomes if one.candidate.animal not in out]
        if tuple(left) != drawn.candidates or drawn.told.cohort != cohorts(study) + 1:
            message = "animals or pre-tests are others than when it was drawn; draw again"
            raise ConfigError("--pretest", "", message)
        for one in drawn.told.excluded:
            note_exclusions(change, one.animal, [one])
        for animal in sorted(out):
            leave(change, animal, "excluded", "by the rules of the study")
        key = blinding.seal(study.key, "allocation", drawn.text, change.at)
        key = seal_places(key, drawn.places, change.at)
        replace_file(study.folder / KEY, key.text().encode())
        change.insert(
            t.allocation,
            cohort=drawn.told.cohort,
            at=change.at,
            sha256=drawn.told.sha256,
            algorithm=ALGORITHM,
            animals=len(drawn.places),
            unmet=", ".join(one.key for one in drawn.told.checks if not one.met),
            gate=drawn.told.verdict.why,
            person=person,
        )
        for place in sorted(drawn.places, key=lambda one: one.animal):
            paired = hide(secret, f"paired {place.animal}", place.cue or place.side)
            change.insert(t.withheld, animal=place.animal, paired=paired)
    return replace(drawn.told, balance=_balance(scheme, drawn))


def _before(
    study: Study, person: str, holder: tuple[str, str] | None
) -> list[tuple[Candidate, Place]]:
    """Who was allocated earlier and counts: the key is opened for it."""
    if not cohorts(study):
        return []
    if holder is None:
        message = "missing: a later cohort is drawn on the totals of the first, in the key"
        raise ConfigError("--holder", "", message)
    parts = opened(study, person, *holder, "a later cohort")
    before = [pair for one in allocations(study, parts) for pair in pairs_of(one)]
    return [pair for pair in before if pair[1].animal not in _replaced(study)]


def _draw(
    study: Study,
    outcomes: Sequence[Outcome],
    before: Sequence[tuple[Candidate, Place]],
    over_gate: str,
    seed: str = "",
) -> Proposed:
    """Gate, exclusion and the draw; nothing is written."""
    plan, scheme = study.plan, study.plan.scheme()
    candidates = [one.candidate for one in outcomes]
    verdict = Verdict(go=True, why="the protocol has no pre-test", boxes=())
    if plan.pretest:
        verdict = judge(plan.gate_rule(), candidates, plan.sides[0])
    if not verdict.go and not over_gate:
        raise RigError(f"stopped by the gate, nothing was allocated: {verdict.why}")
    excluded = exclude(plan.exclusion_rules(), outcomes) if plan.pretest else ()
    out = {one.animal for one in excluded}
    left = [one for one in candidates if one.animal not in out]
    if not left:
        raise ConfigError(RULES, "exclusion", "the rules leave no animal")
    seed, salt = seed or secrets.token_hex(16), secrets.token_hex(16)
    cohort = cohorts(study) + 1
    try:
        if before:
            places, checks = minimise(scheme, left, before, seed, cohort)
        else:
            places, checks = allocate(scheme, left, seed, cohort)
    except ValueError as error:
        raise ConfigError("--pretest", "", str(error)) from None
    text, digest = freeze(scheme, left, places, checks, seed, salt)
    told = Allocated(cohort, len(places), digest, verdict, tuple(excluded), tuple(checks), ())
    return Proposed(told, tuple(left), tuple(places), text)


def _balance(scheme: Scheme, drawn: Proposed) -> tuple[Mapping[str, str], ...]:
    return tuple(table(scheme, drawn.candidates, drawn.places))


def seal_places(key: Key, places: Sequence[Place], at: str) -> Key:
    """The key with a part of each animal alone, so that one is opened without the others."""
    own = {place.animal: {"place": asdict(place)} for place in places}
    return blinding.seal_each(key, own, at)


def _replaced(study: Study) -> set[str]:
    """Animals that left and for which another stands: their place counts once."""
    with study.store.read() as connection:
        asked = select(t.animal.c.stands_for).where(t.animal.c.stands_for.is_not(None))
        return {str(animal) for animal in connection.execute(asked).scalars()}


def _outcomes(study: Study, change: Change, pretests: Sequence[Mapping[str, str]]) -> list[Outcome]:
    """The animals that are to be allocated, with their pre-tests."""
    placed = select(t.withheld.c.animal)
    wanted = (
        select(t.animal)
        .where(t.animal.c.status == "active", t.animal.c.id.not_in(placed))
        .order_by(t.animal.c.id)
    )
    animals = change.connection.execute(wanted).mappings().all()
    if not animals:
        raise ConfigError("--pretest", "", "every active animal has its place already")
    rows = {row.get("subject", ""): row for row in pretests}
    if not study.plan.pretest:
        rows = {one["id"]: _NO_PRETEST for one in animals}
    lacking = [one["id"] for one in animals if one["id"] not in rows]
    if lacking:
        raise ConfigError("--pretest", "", f"no pre-test of {', '.join(lacking)}")
    return [outcome_of(study.plan, one, rows[one["id"]]) for one in map(dict, animals)]


def outcome_of(plan: Planning, animal: Mapping[str, Any], row: Mapping[str, str]) -> Outcome:
    """An animal with its pre-test, a line as in `summary.csv`. Raises ConfigError."""

    def number(column: str, default: float | None = None) -> float:
        cell = row.get(column, "")
        if cell in ("", None) and default is not None:
            return default
        try:
            return float(cell.replace(",", "."))
        except (ValueError, AttributeError):
            where = f"pre-test of {animal['id']}"
            raise ConfigError(where, column, f"{cell!r}: a number is wanted") from None

    first, second = plan.sides
    if row is _NO_PRETEST:
        row = {"test_s": "1", f"time_{first}_s": "0", f"time_{second}_s": "0"}
    for column in ("sex", "cage", "box"):
        if not animal[column]:
            message = "missing: allocation is stratified by sex, cage and box"
            raise ConfigError(f"animal {animal['id']}", column, message)
    sides_s = number(f"time_{first}_s"), number(f"time_{second}_s")
    test_s, lost_s = number("test_s"), number("time_lost_s", 0.0)
    entries = None
    if row.get(f"entries_{first}") and row.get(f"entries_{second}"):
        entries = int(number(f"entries_{first}") + number(f"entries_{second}"))
    candidate = Candidate(
        animal["id"],
        animal["sex"],
        animal["cage"],
        animal["box"],
        sides_s,
        test_s,
        row.get("first_cue", ""),
    )
    gone_m = number("distance_m") if row.get("distance_m") else None
    return Outcome(candidate, max(0.0, test_s - sum(sides_s) - lost_s), entries, lost_s, gone_m)
