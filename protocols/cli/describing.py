"""`protocols` and `show`."""

from collections.abc import Mapping

from protocols import library
from protocols.asking import find_protocol
from protocols.cli.exits import DONE, FAILED
from protocols.cli.table import lines, print_json, wrapped
from protocols.protocol import plan_session, roles, settings
from rig.apparatus import Drive
from rig.errors import ConfigError
from rig.session.load import LoadedBox, load_rig
from rig.steps import describe


def protocols(*, as_json: bool) -> None:
    """Print the shipped protocols."""
    found = [find_protocol(name)[0] for name in library.names()]
    if as_json:
        told = {"name", "version", "summary", "source", "parameters"}
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
    said: dict[str, list[str]] = {}
    faults: dict[str, str] = {}
    for phase in protocol.phase:
        try:
            plan = plan_session(
                protocol, phase.name, where.apparatus, paired or _any_side(where), values,
                frozenset(where.box.outputs), file, where.apparatus_file,
            )  # fmt: skip
            said[phase.name] = describe(plan)
        except ConfigError as error:
            faults[phase.name] = str(error)
    if as_json:
        print_json({"protocol": protocol.name, "phases": said, "faults": faults})
        return FAILED if faults else DONE
    print(f"{protocol.name}, version {protocol.version}")
    print(wrapped(protocol.summary))
    if protocol.source:
        print(wrapped(f"Source: {protocol.source}."))
    if protocol.parameters:
        rows = [(key, "(none)" if value == "" else value) for key, value in values.items()]
        print("\n" + lines(rows, ("parameter", "value")))
    side = ""
    if paired or (protocol.chambers and _any_side(where)):
        side = f", paired chamber {paired or f'{_any_side(where)} for example'}"
    print(f"\nIn box {where.box.name} of rig {loaded.rig.name!r}{side}:")
    for i, (phase_name, sentences) in enumerate(said.items()):
        same = next((p for p in list(said)[:i] if said[p] == sentences), None)
        print(f"\n{phase_name}" + (f": as {same}" if same else ""))
        for sentence in () if same else sentences:
            print(wrapped(sentence, 2, 2 + len(sentence.partition(" ")[0]) + 1))
    for fault, names in _together(faults).items():
        print()
        print(wrapped(f"{', '.join(names)} cannot run here: {fault}", 0, 2))
    for note in _notes(where, confines=any("confined to" in s for p in said.values() for s in p)):
        print()
        print(wrapped(f"Note: {note}", 0, 2))
    return FAILED if faults else DONE


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
