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
    """Words that may not stand in a name, and those that may not even be inside another one.

    All words of this protocol's groups, treatments and drugs; the whole names, and drugs' words.
    """
    drugs = [str(treatment.get("drug", "")) for treatment in protocol.treatment.values()]
    named = [_runs(name) for name in (*protocol.treatment, *protocol.group, *drugs)]
    words = {word for run in named for word in run if len(word) > 1}
    whole = {"".join(run) for run in named} | {word for drug in drugs for word in _runs(drug)}
    return words - _KINDS, {name for name in whole if len(name) >= _LEAST} - _KINDS


def _runs(name: str) -> list[str]:
    return re.findall(r"[a-z]+", name.lower())


def _told(name: str, key: str, own: tuple[set[str], set[str]]) -> Iterator[tuple[str, str]]:
    runs = _runs(name)
    flat = "".join(runs)
    found = [word for word in (*_TELLING, *sorted(own[1])) if word in flat]
    found += [word for word in runs if word in own[0]]
    if found:
        message = f"{name!r}: {found[0]!r} tells drug or group, and folders and screens show it"
        yield key, f"{message}; choose a neutral word"
