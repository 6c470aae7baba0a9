"""Names that tell: phases' and steps' names are on screens and folders, and stay neutral. Pure."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from protocols.course import Kind

if TYPE_CHECKING:
    from protocols.protocol import Protocol

_TELLING = (
    "paired",
    "unpaired",
    "drug",
    "vehicle",
    "saline",
    "placebo",
    "sham",
    "control",
    "treated",
    "stress",
    "swim",
    "shock",
    "defeat",
    "naive",
)
_LEAST = 4
"""Letters that a name of the protocol's own has at least, to be looked for inside another one."""
_KINDS = {word for kind in Kind for word in kind.split("_")}


def check(protocol: "Protocol") -> Iterator[tuple[str, str]]:
    """Names and texts of phases and steps that tell drug or group, as (key, message)."""
    own = _own(protocol)
    for i, phase in enumerate(protocol.phase):
        yield from _told(phase.name, f"phase[{i}].name", own)
        for j, step in enumerate(phase.step):
            for key in ("name", "text"):
                yield from _told(str(step.get(key, "")), f"phase {phase.name}.step[{j}].{key}", own)


def _own(protocol: "Protocol") -> tuple[set[str], set[str]]:
    """This protocol's groups, treatments and drugs: the words of their names, and the names."""
    named = [*protocol.treatment, *protocol.group]
    named += [str(treatment.get("drug", "")) for treatment in protocol.treatment.values()]
    runs = [re.findall(r"[a-z]+", name.lower()) for name in named]
    words = {word for run in runs for word in run if len(word) > 1}
    return words - _KINDS, {"".join(run) for run in runs if len("".join(run)) >= _LEAST} - _KINDS


def _told(name: str, key: str, own: tuple[set[str], set[str]]) -> Iterator[tuple[str, str]]:
    runs = re.findall(r"[a-z]+", name.lower())
    flat = "".join(runs)
    found = [word for word in (*_TELLING, *sorted(own[1])) if word in flat]
    found += [word for word in runs if word in own[0]]
    if found:
        message = f"{name!r}: {found[0]!r} tells drug or group, and folders and screens show it"
        yield key, f"{message}; choose a neutral word"
