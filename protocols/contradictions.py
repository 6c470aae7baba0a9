"""What contradicts itself in a course, each with the key where it stands. Pure."""

from collections.abc import Iterator

from protocols.course import (
    INTERVAL,
    NUMBERED,
    Course,
    PhasePlan,
    Procedure,
    Treatment,
    numbered,
)


def check(course: Course) -> list[tuple[str, str]]:
    """What contradicts itself, each as (key, message); empty when all is well."""
    return list(_faults(course))


def _faults(course: Course) -> Iterator[tuple[str, str]]:
    names = [phase.name for phase in course.phase]
    for group, its in course.group.items():
        for slot, meant in its.gives.items():
            for treatment in meant.values() if isinstance(meant, dict) else (meant,):
                if treatment not in course.treatment:
                    have = ", ".join(course.treatment) or "none"
                    message = f"{treatment!r}: there is no such treatment (there is: {have})"
                    yield f"group.{group}.gives.{slot}", message
    for i, phase in enumerate(course.phase):
        at = f"phase {phase.name}"
        before = [p.day for p in course.phase[:i] if p.day is not None]
        if phase.day is not None and before and phase.day < max(before):
            yield f"{at}.day", f"{phase.day}: stands after a phase of day {max(before)}"
        if phase.after and phase.after not in names[:i]:
            yield f"{at}.after", f"{phase.after!r}: no phase of this name comes before"
        for j, procedure in enumerate(phase.procedure):
            yield from _procedure_faults(course, phase, j, f"{at}.procedure[{j}]", names)
            for group in course.group:
                if course.given(group, phase, procedure) is None:
                    where = f" in the {phase.context} context" if phase.context else ""
                    message = f"{procedure.give!r}: group {group} does not say what it gets{where}"
                    yield f"{at}.procedure[{j}].give", message
    yield from _cycle_faults(course, names)
    for k, rule in enumerate(course.exclusion):
        for key, name in (("phase", rule.phase), ("from_phase", rule.from_phase)):
            if name and name not in names:
                yield f"exclusion[{k}].{key}", f"{name!r}: no such phase"


def _cycle_faults(course: Course, names: list[str]) -> Iterator[tuple[str, str]]:
    taken: dict[str, str] = {}
    for k, block in enumerate(course.extinction):
        at = f"extinction[{k}].cycle"
        for name in block.cycle:
            if name not in names:
                yield at, f"{name!r}: no such phase"
                continue
            if NUMBERED.fullmatch(name) is None:
                yield at, f"{name!r}: a phase that is repeated has one number in its name"
                continue
            for later in (numbered(name, cycle) for cycle in range(block.most)):
                other = taken.setdefault(later, name)
                if other != name or (later != name and later in names):
                    yield at, f"{later!r}: a later cycle of {name}, and the name of another phase"
                    return


def _procedure_faults(
    course: Course, phase: PhasePlan, j: int, at: str, names: list[str]
) -> Iterator[tuple[str, str]]:
    procedure = phase.procedure[j]
    if procedure.to != "next" and procedure.to not in names:
        yield f"{at}.to", f"{procedure.to!r}: no such phase"
    elif procedure.to != "next" and names.index(procedure.to) <= names.index(phase.name):
        yield f"{at}.to", f"{procedure.to!r}: does not come after this phase"
    if not phase.in_box and procedure.when != "before":
        yield f"{at}.when", f"{procedure.when!r}: this phase has no session in the box"
    followed = phase.in_box or j + 1 < len(phase.procedure) or procedure.to != "next"
    if procedure.when == "during" or not followed:
        return
    own: list[Procedure | Treatment | None]
    own = [procedure] if INTERVAL & procedure.model_fields_set else []
    sources = own or [course.given(group, phase, procedure) for group in course.group]
    for key in ("interval_s", "early_s", "late_s"):
        if any(source and key not in source.model_fields_set for source in sources):
            what = "how long from its end to what comes next"
            what = what if key == "interval_s" else "how far that interval may be off"
            message = f"missing: {what}; 15 or 60 min can turn a result round"
            yield f"{at}.{key}", message
