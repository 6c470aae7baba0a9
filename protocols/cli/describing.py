"""`protocols` and `show`."""

from collections.abc import Mapping

from protocols import library
from protocols.asking import find_protocol
from protocols.cli.exits import DONE, FAILED
from protocols.cli.table import lines, print_json, wrapped
from protocols.course import Course
from protocols.protocol import Protocol, Value, course_of, plan_session, roles, settings
from protocols.rehearsal import rehearse
from protocols.timetable import Timetable, timetable
from protocols.wording import describe as describe_course
from rig.apparatus import Drive
from rig.errors import ConfigError
from rig.session.load import LoadedBox, load_rig
from rig.steps import SessionPlan, describe


def protocols(*, as_json: bool) -> None:
    """Print the shipped protocols."""
    found = [find_protocol(name)[0] for name in library.names()]
    if as_json:
        told = {"name", "version", "summary", "source", "extends", "parameters", "required"}
        print_json(
            [
                p.model_dump(mode="json", include=told) | {"phases": [f.name for f in p.phase]}
                for p in found
            ]
        )
        return
    for p in found:
        print(p.name)
        print(wrapped(p.summary, 2))
        print(wrapped(f"phases: {', '.join(f.name for f in p.phase)}", 2, 10))


def show(
    name: str, rig: str, box: str | None, paired: str | None, assigned: list[str], *, as_json: bool
) -> int:
    """Print what a protocol does in one box; 1 when a phase cannot run there."""
    protocol, file = find_protocol(name)
    values = settings(protocol, assigned)
    loaded = load_rig(rig)
    where = loaded.box_named(box)
    roles(where.apparatus, paired)
    plans: dict[str, SessionPlan] = {}
    faults: dict[str, str] = {}
    for phase in protocol.in_box:
        try:
            plans[phase.name] = plan_session(
                protocol, phase.name, where.apparatus, paired or _any_side(where), values,
                frozenset(where.box.outputs), file, where.apparatus_file,
            )  # fmt: skip
        except ConfigError as error:
            faults[phase.name] = str(error)
    course = course_of(protocol, values, file=file) if protocol.study is not None else None
    dry = _dry_run(protocol, values, plans, where, file)
    code = FAILED if faults or dry.faults else DONE
    if as_json:
        print_json(
            {
                "protocol": protocol.name,
                "phases": {name: describe(plan) for name, plan in plans.items()},
                "faults": faults,
                "study": course.model_dump(mode="json") if course else None,
                "dry_run": {"faults": dry.faults, "notes": dry.notes},
            }
        )
        return code
    _print_head(protocol, values)
    if course is not None:
        _print_course(course)
    side = ""
    if paired or (protocol.chambers and _any_side(where)):
        side = f", paired chamber {paired or f'{_any_side(where)} for example'}"
    print(f"\nIn box {where.box.name} of rig {loaded.rig.name!r}{side}:")
    _print_sessions({name: describe(plan) for name, plan in plans.items()})
    for fault, names in _together(faults).items():
        print()
        print(wrapped(f"{', '.join(names)} cannot run here: {fault}", 0, 2))
    if dry.faults or dry.notes:
        print("\nDry run:")
    for line in (*(f"fault: {fault}" for fault in dry.faults), *dry.notes):
        print(wrapped(line, 2, 4))
    confines = any("confined to" in s for plan in plans.values() for s in describe(plan))
    for note in _notes(where, confines=confines):
        print()
        print(wrapped(f"Note: {note}", 0, 2))
    return code


def _dry_run(
    protocol: Protocol,
    values: Mapping[str, Value],
    plans: Mapping[str, SessionPlan],
    where: LoadedBox,
    file: str,
) -> Timetable:
    """Every session and every group's course followed; phases that share a fault are told once."""
    found: dict[str, list[str]] = {}
    for name, plan in plans.items():
        for fault in rehearse(plan, where.apparatus):
            found.setdefault(fault, []).append(name)
    faults = [f"{', '.join(names)}: {fault}" for fault, names in found.items()]
    if protocol.study is None:
        return Timetable(tuple(faults), ())
    groups = {group: course_of(protocol, values, group, file) for group in protocol.group}
    table = timetable(groups, plans)
    undecided = {name for course in groups.values() for name in course.undecided}
    notes = [
        f"to be decided before a study, --set {name}=...: {why}"
        for name, why in protocol.required.items()
        if name in undecided
    ]
    return Timetable((*faults, *table.faults), (*table.notes, *notes))


def _print_head(protocol: Protocol, values: Mapping[str, Value]) -> None:
    print(f"{protocol.name}, version {protocol.version}")
    print(wrapped(protocol.summary))
    if protocol.source:
        print(wrapped(f"Source: {protocol.source}."))
    if protocol.extends:
        print(wrapped(f"Where it does not say otherwise, as {protocol.extends}."))
    told = dict.fromkeys(protocol.required, "(to be decided)") | dict(values)
    if told:
        rows = [(key, _plain(value)) for key, value in told.items()]
        print("\n" + lines(rows, ("parameter", "value")))


def _plain(value: Value) -> Value:
    """A value as it stands in the file: a table would round it."""
    return f"{value:g}" if isinstance(value, float) else "(none)" if value == "" else value


def _print_course(course: Course) -> None:
    for heading, sentences in describe_course(course):
        print(f"\n{heading}:")
        for sentence in sentences:
            print(wrapped(sentence, 2, 4))


def _print_sessions(said: Mapping[str, list[str]]) -> None:
    """Each session's steps; those that are the same as an earlier one's are told by its name."""
    for i, (name, sentences) in enumerate(said.items()):
        same = next((p for p in list(said)[:i] if said[p] == sentences), None)
        print(f"\n{name}" + (f": as {same}" if same else ""))
        for sentence in () if same else sentences:
            print(wrapped(sentence, 2, 2 + len(sentence.partition(" ")[0]) + 1))


def _any_side(box: LoadedBox) -> str | None:
    sides = [c.name for c in box.apparatus.chamber if c.role != "neutral"]
    return sides[0] if sides else None


def _notes(box: LoadedBox, *, confines: bool) -> list[str]:
    apparatus = box.apparatus
    open_ways = [d.name for d in apparatus.doorway if d.drive is Drive.NONE]
    out = []
    if open_ways:
        alarm = "; an animal that leaves where it is confined to is an alarm" if confines else ""
        out.append(f"doorways without a door are always open: {', '.join(open_ways)}{alarm}")
    by_hand = [d.name for d in apparatus.doorway if d.drive is Drive.MANUAL]
    if by_hand:
        out.append(f"doors moved by hand, each confirmed by a key: {', '.join(by_hand)}")
    return out


def _together(faults: Mapping[str, str]) -> dict[str, list[str]]:
    """The phases that share a fault, by the fault without the phase's name."""
    out: dict[str, list[str]] = {}
    for phase, fault in faults.items():
        out.setdefault(fault.replace(f"phase {phase}.", ""), []).append(phase)
    return out
