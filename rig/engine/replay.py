"""`replay`: the recorded ticks through `advance` once more. Pure."""

from collections.abc import Iterable, Iterator

from rig.engine.advance import Outcome, advance
from rig.engine.state import State, begin
from rig.model import Tick
from rig.setup import Setup


def replay(
    setup: Setup, ticks: Iterable[Tick], state: State | None = None
) -> Iterator[tuple[Tick, Outcome]]:
    """Each tick with what it leads to, from the beginning or from `state` on."""
    now = begin(setup) if state is None else state
    for tick in ticks:
        outcome = advance(setup, now, tick)
        now = outcome.state
        yield tick, outcome
