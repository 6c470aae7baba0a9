"""One line of the fault bench's table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A fault, how often it was injected, how often all that must hold held.

    `seconds_lost`: of session time not on the disk afterwards, the most of any injection. `note`:
    what happens then, or why the fault was not injected here (then `injected` is 0), or, where one
    did not hold, what was wrong with the first that did not.
    """

    fault: str
    injected: int
    survived: int
    seconds_lost: float
    note: str = ""
