"""The pin table of a simulated board, and the mechanism of one of its doors. Pure."""

from dataclasses import dataclass

NS_PER_MS = 1_000_000
STALL_NS = 50 * NS_PER_MS
"""How long a door stands still under power before that is a stall."""
HOME_STALL_NS = 200 * NS_PER_MS
"""The same where the firmware does not know where the door is: its servo goes in pushes."""
START_NS = 20 * NS_PER_MS
"""How much longer at the beginning of a run: a servo hears its pulse every 20 ms."""


@dataclass(frozen=True, slots=True)
class DoorPins:
    """One row of the pin table: a door.

    `travel_ms` is what the simulated panel takes from end to end, `limit_ms` the longest run the
    firmware allows. `start` is the position at power-on, 0 closed to 1 open. `beam` is the
    number of the doorway's beam, None for a door without one.
    """

    travel_ms: int = 1000
    limit_ms: int = 1500
    start: float = 1.0
    beam: int | None = None


@dataclass(frozen=True, slots=True)
class OutputPins:
    """One row of the pin table: an output and its ceilings of on-time."""

    continuous_ms: int = 600_000
    total_s: int = 7200


class Panel:
    """The mechanism of one simulated door: 0 is closed, 1 is open; a motor moves it evenly."""

    __slots__ = ("blocked", "jammed", "motor", "moved_ns", "position", "stall_ns", "travel_ns")

    def __init__(self, position: float, travel_ms: int) -> None:
        self.position = position
        self.travel_ns = travel_ms * NS_PER_MS
        self.motor = 0  # -1 towards closed, 0 off, 1 towards open
        self.blocked = False  # something stands in it: it cannot go further towards closed
        self.jammed = False  # it cannot go either way
        self.stall_ns = STALL_NS
        self.moved_ns = 0  # when it last moved; begins a little after a run does

    def move(self, now_ns: int, dt_ns: int) -> None:
        """Go on for `dt_ns`, up to `now_ns`."""
        if self.jammed or (self.blocked and self.motor < 0):
            return
        position = self.position + self.motor * dt_ns / self.travel_ns
        position = min(1.0, max(0.0, position))
        # A run in equal steps must end on the switch, not a rounding error before it.
        self.position = round(position, 9)
        self.moved_ns = max(self.moved_ns, now_ns)

    def run(self, motor: int, now_ns: int, stall_ns: int = STALL_NS) -> None:
        """Motor on, towards open (1) or closed (-1)."""
        self.motor, self.stall_ns = motor, stall_ns
        self.moved_ns = now_ns + START_NS

    def stalled(self, now_ns: int) -> bool:
        """Whether it has stood still under power for as long as the firmware takes for a stall."""
        return now_ns - self.moved_ns >= self.stall_ns
