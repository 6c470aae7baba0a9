"""A study's rules joined with its protocol's course: one plan, and no two that differ. Pure.

`study.toml` may leave out what the protocol says. Where both say something, they say the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from protocols import dosing
from protocols.allocation import Design
from protocols.allocation.model import DRUG_FIRST, VEHICLE_FIRST
from protocols.course import Course, Kind, Means, PhasePlan, Procedure, Treatment, Value
from protocols.course import Design as CourseDesign
from protocols.filling import read_as
from protocols.orders import orders
from protocols.planning import Planning
from protocols.protocol import Protocol, course_of, outline
from rig.config import check
from rig.errors import ConfigError

_RULES = {
    "side_share": "side_share_max",
    "side_difference_s": "side_difference_max_s",
    "neutral_share": "neutral_share_max",
    "side_entries": "entries_min",
    "lost_share": "lost_share_max",
    "chamber_share_range": "chamber_share_max",
    "distance_m": "distance_min_m",
}
"""Exclusion rules of a course that allocation applies, and what the study's rules call them."""


@dataclass(frozen=True)
class Joined:
    """A study's plan, whole. `courses`: group and order to the course of such an animal.

    `course` is the protocol's own, for all that is the same for every animal.
    """

    plan: Planning
    values: Mapping[str, Value]
    course: Course
    courses: Mapping[tuple[str, str], Course]


def join(planning: Planning, protocol: Protocol, file: str) -> Joined:
    """Both as one. Raises ConfigError naming the key in which they differ, or what is missing."""
    values = _values(planning, protocol, file)
    course = course_of(protocol, values, file=file)
    for key in course.undecided:
        raise ConfigError(file, f"parameters.{key}", f"missing: {protocol.required[key]}")
    rows = _rows(course, values)
    courses = {
        (group, order): course_of(protocol, dict(values) | row, group, file)
        for group in course.group
        for order, row in rows.items()
    }
    first = {group: courses[group, next(iter(rows))] for group in course.group}
    _same_for_all(protocol, courses, values, file)
    updates = _updates(planning, course, first, tuple(rows) if len(rows) > 1 else (), file)
    told = planning.model_dump(exclude_unset=True) | updates
    plan = check(told, Planning, file)
    for treatment in _injections(courses.values()):
        _same_volume(planning, treatment, file)
    return Joined(plan, values, course, courses)


def same_drug(stock: str, named: str) -> bool:
    """Whether the study's name of a drug is the protocol's: "cocaine" is cocaine hydrochloride."""
    return named == stock or named.startswith(f"{stock} ")


def stock_of(plan: Planning, treatment: Treatment) -> dosing.Drug | None:
    """The solution that a treatment is drawn from, where the study's rules name one."""
    return next((one for one in plan.drug if same_drug(one.name, treatment.drug)), None)


def contexts(course: Course, values: Mapping[str, Value]) -> tuple[str, ...]:
    """Parameters that name a context and are exchanged between animals, as first and second."""
    words = ("paired", "unpaired")
    return tuple(n for row in course.study.rotate for n in row if values.get(n) in words)


def _values(planning: Planning, protocol: Protocol, file: str) -> dict[str, Value]:
    values = dict(protocol.parameters)
    for key, value in planning.parameters.items():
        if key not in values and key not in protocol.required:
            have = ", ".join([*values, *protocol.required]) or "none"
            message = f"{protocol.name} has no such parameter (it has: {have})"
            raise ConfigError(file, f"parameters.{key}", message)
        try:
            values[key] = read_as(values.get(key, 0.0), str(value), key)
        except ConfigError as error:
            raise ConfigError(file, f"parameters.{key}", error.message) from None
    return values


def _rows(course: Course, values: Mapping[str, Value]) -> dict[str, dict[str, Value]]:
    """Each order that an animal may have, by its name, with the parameters that it sets."""
    found: dict[str, dict[str, Value]] = {}
    turned = contexts(course, values)
    for number, row in enumerate(orders(course.study.rotate), 1):
        given = {name: values[taken] for name, taken in row.items()}
        name = ""
        if turned:
            name = DRUG_FIRST if given[turned[0]] == "paired" else VEHICLE_FIRST
        if not turned or name in found:
            name = f"{name}_{number}" if name else f"order_{number}"
        found[name] = given
    return found


def _updates(
    planning: Planning,
    course: Course,
    groups: Mapping[str, Course],
    orders: tuple[str, ...],
    file: str,
) -> dict[str, Any]:
    said = planning.model_fields_set
    out: dict[str, Any] = {"orders": orders}
    derived: dict[str, Any] = {
        "aim": course.study.direction,
        "pretest": next((p.name for p in course.phase if p.kind is Kind.PRETEST), ""),
        "conditioning": _pairs(course),
    }
    if course.study.design is not CourseDesign.NONE:
        derived["design"] = Design(course.study.design)
    if not derived["pretest"] and "pretest" not in said:
        out["pretest"] = ""  # nothing comes before the pairing
    for key, value in derived.items():
        if key in said and getattr(planning, key) != value and value:
            _differ(file, key, getattr(planning, key), value)
        if key not in said and value:
            out[key] = value
    out["exclusion"] = _exclusion(planning, course, out.get("pretest", planning.pretest), file)
    if planning.group:
        for group in planning.group:
            _same_group(planning, group.name, groups, file)
        missing = set(groups) - {group.name for group in planning.group}
        if missing:
            _differ(file, "group", "no " + ", no ".join(sorted(missing)), ", ".join(groups))
    else:
        out["group"] = [_group(planning, name, its) for name, its in groups.items()]
        out["drug"] = [*planning.model_dump()["drug"], *_drugs(planning, groups)]
    return out


def _differ(file: str, key: str, ours: object, protocols: object) -> None:
    message = f"{_spelled(ours)} here and {_spelled(protocols)} in the protocol; leave it out here"
    raise ConfigError(file, key, message)


def _spelled(value: object) -> str:
    if isinstance(value, tuple):
        return "; ".join(_spelled(one) for one in value) or "none"
    return str(value)


def _pairs(course: Course) -> tuple[tuple[str, str], ...]:
    """Conditioning sessions two by two, one in each context."""
    found = [p for p in course.phase if p.kind is Kind.CONDITIONING and p.in_box and p.context]
    pairs = []
    waiting: PhasePlan | None = None
    for phase in found:
        if waiting is not None and waiting.context != phase.context:
            pairs.append((waiting.name, phase.name))
            waiting = None
        else:
            waiting = phase
    return tuple(pairs)


def _exclusion(planning: Planning, course: Course, pretest: str, file: str) -> dict[str, Any]:
    out = planning.exclusion.model_dump(exclude_unset=True)
    for rule in course.exclusion:
        name = _RULES.get(rule.by)
        if name is None or rule.phase != pretest or rule.limit is None:
            continue
        if out.get(name) not in (None, rule.limit):
            _differ(file, f"exclusion.{name}", out[name], rule.limit)
        out[name] = int(rule.limit) if name == "entries_min" else rule.limit
    return out


def _conditioned(course: Course, group: str) -> dict[str, Treatment]:
    """What a group is injected in the paired and in the unpaired context, the last of each."""
    found: dict[str, Treatment] = {}
    for phase in course.phase:
        for procedure in phase.procedure:
            given = course.given(group, phase, procedure)
            if phase.kind is Kind.CONDITIONING and given and given.means is Means.INJECTION:
                found[phase.context or ""] = given
    return found


def _group(planning: Planning, name: str, course: Course) -> dict[str, Any]:
    given = _conditioned(course, name)
    drug, vehicle = given.get("paired"), given.get("unpaired")
    table: dict[str, Any] = {"name": name, "weight": course.group[name].share}
    for key, given_then in (("drug", drug), ("vehicle", vehicle)):
        stock = stock_of(planning, given_then) if given_then else None
        table[key] = stock.name if stock else given_then.drug if given_then else ""
    if drug and drug.dose_mg_per_kg:
        table["dose_mg_kg"] = drug.dose_mg_per_kg
    return table


def _drugs(planning: Planning, groups: Mapping[str, Course]) -> list[dict[str, Any]]:
    """A solution for each drug that the rules do not name: its dose in the protocol's volume."""
    found: dict[str, dict[str, Any]] = {}
    for treatment in _injections(groups.values()):
        if stock_of(planning, treatment) or treatment.drug in found or not treatment.ml_per_kg:
            continue
        table: dict[str, Any] = {"name": treatment.drug, "route": treatment.route or ""}
        if treatment.dose_mg_per_kg:
            its = "base" if treatment.dose_as == "base" else "salt"
            table |= {"concentration_as": its, "dose_as": its}
            table["concentration_mg_ml"] = treatment.dose_mg_per_kg / treatment.ml_per_kg
        else:
            table["vehicle_ml_per_kg"] = treatment.ml_per_kg
        found[treatment.drug] = table
    return list(found.values())


def _same_group(planning: Planning, name: str, groups: Mapping[str, Course], file: str) -> None:
    if name not in groups:
        _differ(file, f"group {name}", "is a group", "there are " + ", ".join(groups))
    ours = next(one for one in planning.group if one.name == name)
    given = _conditioned(groups[name], name)
    for key, context in (("drug", "paired"), ("vehicle", "unpaired")):
        theirs, mine = given.get(context), getattr(ours, key)
        if theirs is not None and not same_drug(mine, theirs.drug):
            _differ(file, f"group {name}.{key}", mine or "nothing", theirs.drug)
    dose = given["paired"].dose_mg_per_kg or None if "paired" in given else ours.dose_mg_kg
    if ours.dose_mg_kg != dose:
        _differ(file, f"group {name}.dose_mg_kg", ours.dose_mg_kg, dose)


def _injections(courses: Any) -> Iterator[Treatment]:
    for course in courses:
        for treatment in course.used().values():
            if treatment.means is Means.INJECTION:
                yield treatment


def _same_volume(plan: Planning, treatment: Treatment, file: str) -> None:
    stock = stock_of(plan, treatment)
    if stock is None or treatment.ml_per_kg is None:
        return
    dose = treatment.dose_mg_per_kg or None
    if dose is not None and stock.concentration_mg_ml is None:
        _differ(file, f"drug {stock.name}", "a vehicle", f"{dose:g} mg/kg of {treatment.drug}")
    same_mass = stock.dose_as is None or str(stock.dose_as) == treatment.dose_as
    if dose is not None and treatment.dose_as != "substance" and not same_mass:
        _differ(file, f"drug {stock.name}.dose_as", stock.dose_as, treatment.dose_as)
    if dose is not None:
        per_kg = dosing.ml_per_kg(stock, dose)
    else:
        per_kg = stock.vehicle_ml_per_kg or treatment.ml_per_kg
    if abs(per_kg - treatment.ml_per_kg) > 1e-6 * per_kg:
        what = f"{per_kg:g} ml/kg (by its concentration)"
        _differ(file, f"drug {stock.name}", what, f"{treatment.ml_per_kg:g} ml/kg")


def _same_for_all(
    protocol: Protocol,
    courses: Mapping[tuple[str, str], Course],
    values: Mapping[str, Value],
    file: str,
) -> None:
    """Refuse a course in which volumes, intervals or the box itself tell an animal's group."""
    one = next(iter(courses.values()))
    for place, phase in enumerate(one.phase):
        if phase.in_box:
            for group in one.group:
                own = dict(values) | one.group[group].set
                if outline(protocol, phase.name, own) != outline(protocol, phase.name, values):
                    message = f"{group} sets what the session's own file tells: it is unblinded"
                    raise ConfigError(file, f"phase {phase.name}", message)
        for k, procedure in enumerate(phase.procedure):
            key = f"phase {phase.name}.procedure[{k}]"
            meant = list(_meant(courses, place, k))
            volumes = {
                given.ml_per_kg
                for _, given in meant
                if given.means is Means.INJECTION and procedure.blind
            }
            if len(volumes) > 1:
                told = ", ".join(f"{v:g}" for v in sorted(v for v in volumes if v))
                message = f"unblinded by volume: {told} ml/kg; dilute each so that all are the same"
                raise ConfigError(file, key, message)
            if procedure.blind and len({window for window, _ in meant}) > 1:
                message = "unblinded by its interval, which differs between groups; blind = false"
                raise ConfigError(file, key, message)


def _meant(
    courses: Mapping[tuple[str, str], Course], place: int, k: int
) -> Iterator[tuple[Any, Treatment]]:
    """What one procedure is for every kind of animal, with its window."""
    for (group, _), course in courses.items():
        phase = course.phase[place]
        procedure: Procedure = phase.procedure[k]
        given = course.given(group, phase, procedure)
        if given is not None:
            yield course.window(group, phase, procedure), given
