"""What the host can order from a board, by number, and what a board says of itself. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Verb(StrEnum):
    """What can be ordered."""

    OPEN = "open"
    CLOSE = "close"
    PERMIT = "permit"
    STOP = "stop"
    HOME = "home"
    OUT = "out"
    TRAIN = "train"
    OFF = "off"
    TEST = "test"


_MANY = frozenset((Verb.OPEN, Verb.STOP, Verb.HOME))


@dataclass(frozen=True, slots=True)
class Order:
    """One line for the board, by number: doors 1 to 4 or outputs 1 to 4.

    Only open, stop and home take more than one number. `ms` is a permit or a lease.
    """

    verb: Verb
    numbers: tuple[int, ...] = ()
    ms: int = 0
    hz: int = 0
    width_us: int = 0

    def __post_init__(self) -> None:
        many = self.verb in _MANY
        if self.verb is not Verb.TEST and not (len(self.numbers) == 1 or (many and self.numbers)):
            raise ValueError(f"{self.verb} of {self.numbers}")

    def text(self) -> str:
        """What is said on the wire, without id and checksum."""
        verb, numbers = self.verb, " ".join(map(str, self.numbers))
        match verb:
            case Verb.OFF:
                return f"out {numbers} 0"
            case Verb.OUT:
                return f"out {numbers} 1 {self.ms}"
            case Verb.TRAIN:
                return f"train {numbers} {self.hz} {self.width_us} {self.ms}"
            case Verb.CLOSE | Verb.PERMIT:
                return f"{verb} {numbers} {self.ms}"
            case _:
                return f"{verb} {numbers}" if numbers else str(verb)


@dataclass(frozen=True, slots=True)
class Hello:
    """What a board says of itself; limits are () until they were asked."""

    name: str
    firmware: str
    protocol: int
    bad_bytes: int
    cause: str
    doors: int
    outputs: int
    beams: int
    door_limits_ms: tuple[int, ...] = ()
    output_limits_ms: tuple[int, ...] = ()
    output_totals_s: tuple[int, ...] = ()


class Timing(NamedTuple):
    """When one order was given, written to the port, and answered."""

    verb: Verb
    queued_ns: int
    written_ns: int
    answered_ns: int
