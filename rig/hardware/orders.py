"""What the host can order from a board, by number, and what a board says of itself. Pure."""

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(slots=True)
class Timing:
    """When one order was wanted, queued, written to the port, answered, and seen to be so.

    `asked_ns` is the time of the picture (or silence) that it was decided on, else `queued_ns`.
    `confirmed_ns` comes last and may never come: the doors have arrived by their switches, the
    output is on or off by the board's word; None for orders that change neither.
    """

    verb: Verb
    numbers: tuple[int, ...]
    asked_ns: int
    queued_ns: int
    written_ns: int
    answered_ns: int
    confirmed_ns: int | None = None
