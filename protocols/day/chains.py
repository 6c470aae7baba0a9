"""What is done with one animal for one session, as a chain with intervals between its links. Pure.

Times are whole seconds from midnight of the day.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

DAY_S = 24 * 3600


class Do(StrEnum):
    """What a link is."""

    WEIGH = "weigh"
    PROCEDURE = "procedure"  # injected, swum, handled ...
    PLACE = "place"
    SESSION = "session"
    REMOVE = "remove"
    CLEAN = "clean"
    DRY = "dry"


@dataclass(frozen=True)
class Gap:
    """Seconds from the end of the link before: least, wanted, most (None: as long as it takes)."""

    least_s: int = 0
    wanted_s: int = 0
    most_s: int | None = 0


ANY = Gap(0, 0, None)


@dataclass(frozen=True)
class Link:
    """One thing that is done. `attended`: a person is busy with it. `apart`: not by who tests.

    `named`: what is said of a procedure, as its slot. `done`: start and end, where it was done.
    """

    do: Do
    lasts_s: int
    gap: Gap = Gap()
    attended: bool = True
    apart: bool = False
    named: str = ""
    done: tuple[int, int] | None = None


@dataclass(frozen=True)
class Chain:
    """All of one session. `after`: the chain that has to have ended `gap_s` before this begins."""

    key: str
    animal: str
    phase: str
    box: str | None
    links: tuple[Link, ...]
    after: str = ""
    gap_s: int = 0
    not_before_s: int = 0


@dataclass(frozen=True)
class Step:
    """A link with its time and the person, counted from 1; 0 for nobody."""

    chain: Chain
    link: int
    start_s: int
    end_s: int
    person: int

    @property
    def what(self) -> Link:
        """The link."""
        return self.chain.links[self.link]


@dataclass(frozen=True)
class DayOrder:
    """A day's steps in order of their times, and what does not hold, a line each."""

    steps: tuple[Step, ...]
    broken: tuple[str, ...] = field(default=())


def clock(second: int) -> str:
    """Seconds from the day's midnight as it is said: 09:05; after the next midnight 01:10 (+1)."""
    days, of_day = divmod(second, DAY_S)
    told = f"{of_day // 3600:02d}:{of_day % 3600 // 60:02d}"
    return f"{told} ({days:+d})" if days else told


def counted(second: int) -> str:
    """The same for a machine, which sorts it: after midnight the hours count on, as 25:10."""
    return f"{second // 3600:02d}:{second % 3600 // 60:02d}"


def box_time(steps: Sequence[Step]) -> tuple[int, int] | None:
    """From placing to dry: when one chain has its box; None without one."""
    held = [s for s in steps if s.what.do in (Do.PLACE, Do.SESSION, Do.REMOVE, Do.CLEAN, Do.DRY)]
    if not held or held[0].chain.box is None:
        return None
    return held[0].start_s, held[-1].end_s
