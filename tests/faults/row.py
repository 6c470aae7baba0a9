"""One line of the fault bench's table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A fault, how often it was injected, how often all that must hold held.

    `seconds_lost`: of session time not on the disk afterwards, the most of any injection; None
    where it is not about a session's time. `note`: what happens then, or why the fault was not
    injected here (then `injected` is 0), or, where one did not hold, what was wrong with the first
    that did not.
    """

    fault: str
    injected: int
    survived: int
    seconds_lost: float | None
    note: str = ""

    @property
    def lost(self) -> str:
        """The seconds as the table has them."""
        return "-" if self.seconds_lost is None else f"{self.seconds_lost:.2f}"
