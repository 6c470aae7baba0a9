"""`replay`: the recorded ticks through `advance` once more. Pure."""

from collections.abc import Iterable, Iterator

from rig.engine.advance import Outcome, advance
from rig.engine.state import State, begin
from rig.errors import StorageError
from rig.model import Tick
from rig.setup import Setup


class ReplayError(StorageError):
    """Ticks that no session can have had."""


def replay(
    setup: Setup, ticks: Iterable[Tick], state: State | None = None
) -> Iterator[tuple[Tick, Outcome]]:
    """Each tick with what it leads to, from the beginning or from `state` on.

    Raises ReplayError where ticks cannot follow each other so: somebody changed them.
    """
    now = begin(setup) if state is None else state
    for tick in ticks:
        try:
            outcome = advance(setup, now, tick)
        except (ValueError, AssertionError) as error:
            raise ReplayError(f"ticks.jsonl cannot be replayed: {error}") from None
        now = outcome.state
        yield tick, outcome
