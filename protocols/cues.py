"""Where the cue sets are in a session, and so which chamber is the paired one. Pure.

What is paired is a cue set. `usual` maps a chamber to its cue set where the study says nothing
else; floors or walls that are changed between sessions change the map, not the pairing.
"""

from collections.abc import Mapping
from typing import Literal

Layout = Literal["usual", "swapped", "context"]


def laid(layout: Layout, usual: Mapping[str, str], context: str | None = None) -> dict[str, str]:
    """Chamber -> cue set in a session.

    `swapped`: the two cue sets have changed places. `context`: the cue set of the session's
    context is everywhere. Raises ValueError where there are not two, or no context is given.
    """
    if layout == "usual":
        return dict(usual)
    if layout == "context":
        if context is None:
            raise ValueError("a session with one cue set everywhere has a context")
        return dict.fromkeys(usual, context)
    sets = list(dict.fromkeys(usual.values()))
    if len(sets) != 2:
        raise ValueError(f"cue sets change places where there are two, not {len(sets)}")
    other = {sets[0]: sets[1], sets[1]: sets[0]}
    return {chamber: other[name] for chamber, name in usual.items()}


def chambers_with(cue_set: str, laid_out: Mapping[str, str]) -> tuple[str, ...]:
    """The chambers that have this cue set in a session; with the paired one's, the paired ones."""
    return tuple(chamber for chamber, name in laid_out.items() if name == cue_set)
