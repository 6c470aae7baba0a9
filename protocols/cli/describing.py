"""`protocols` and `show`."""

import json
import re
from pathlib import Path

from protocols import library
from protocols.cli.table import lines
from protocols.protocol import Protocol, parse, plan_session, settings
from rig.apparatus import Drive
from rig.errors import ConfigError
from rig.session.load import LoadedBox, load_rig, read_text
from rig.steps import describe


def find_protocol(name: str) -> tuple[Protocol, str]:
    """A shipped protocol or a protocol file, and what to call it in errors. Raises ConfigError."""
    if name in library.names():
        return parse(library.text(name), name), name
    path = Path(name)
    if path.suffix == ".toml" or path.exists():
        return parse(read_text(path, "protocol file"), str(path)), str(path)
    have = ", ".join(library.names())
    raise ConfigError(name, "", f"no such protocol; shipped are {have}, or give a .toml file")


def protocols(*, as_json: bool) -> None:
    """Print the shipped protocols."""
    found = [find_protocol(name)[0] for name in library.names()]
    if as_json:
        print(
            json.dumps(
                [
                    p.model_dump(
                        mode="json", include={"name", "version", "summary", "source", "parameters"}
                    )
                    | {"phases": [f.name for f in p.phase]}
                    for p in found
                ]
            )
        )
        return
    for p in found:
        print(f"{p.name}\n  {p.summary}\n  phases: {', '.join(f.name for f in p.phase)}")


def show(
    name: str, rig: str, box: str | None, paired: str | None, assigned: list[str], *, as_json: bool
) -> int:
    """Print what a protocol does in one box; 1 when a phase cannot run there."""
    protocol, file = find_protocol(name)
    values = settings(protocol, assigned)
    loaded = load_rig(rig)
    where = loaded.box_named(box)
    said: dict[str, list[str]] = {}
    faults: dict[str, str] = {}
    for phase in protocol.phase:
        try:
            plan = plan_session(
                protocol, phase.name, where.apparatus, paired or _any_side(where), values,
                frozenset(where.box.outputs), file,
            )  # fmt: skip
            said[phase.name] = describe(plan)
        except ConfigError as error:
            faults[phase.name] = str(error)
    if as_json:
        print(json.dumps({"protocol": protocol.name, "phases": said, "faults": faults}))
        return 1 if faults else 0
    print(f"{protocol.name}, version {protocol.version}\n{protocol.summary}")
    if protocol.source:
        print(f"Source: {protocol.source}.")
    if protocol.parameters:
        print("\n" + lines(list(values.items()), ("parameter", "value")))
    side = (
        ""
        if paired or not protocol.chambers
        else f", paired chamber {_any_side(where)} for example"
    )
    print(f"\nIn box {where.box.name} of rig {loaded.rig.name!r}{side}:")
    for i, (phase_name, sentences) in enumerate(said.items()):
        same = next((p for p in list(said)[:i] if said[p] == sentences), None)
        print(f"\n{phase_name}" + (f": as {same}" if same else ""))
        for sentence in () if same else sentences:
            print(_wrapped(sentence))
    for phase_name, fault in faults.items():
        print(f"\n{phase_name} cannot run here: {fault}")
    for warning in _warnings(where):
        print(f"\nnote: {warning}")
    return 1 if faults else 0


def _any_side(box: LoadedBox) -> str | None:
    sides = [c.name for c in box.apparatus.chamber if c.role != "neutral"]
    return sides[0] if sides else None


def _warnings(box: LoadedBox) -> list[str]:
    apparatus = box.apparatus
    open_ways = [d.name for d in apparatus.doorway if d.drive is Drive.NONE]
    out = []
    if open_ways:
        out.append(f"doorways without a door are always open: {', '.join(open_ways)}")
    by_hand = [d.name for d in apparatus.doorway if d.drive is Drive.MANUAL]
    if by_hand:
        out.append(f"doors moved by hand, each confirmed by a key: {', '.join(by_hand)}")
    return out


def _wrapped(sentence: str) -> str:
    import textwrap

    indent = " " * (2 + len(re.match(r"\d+\. ", sentence)[0]))  # type: ignore[index]
    return textwrap.fill(sentence, 79, initial_indent="  ", subsequent_indent=indent)
