"""One board's doors moved from a command line: opened, closed, and tested run by run.

No camera looks here, so a door closes on the operator's word that its box is empty, and all that
the board itself watches (beam, stall, time, permit) holds as in a session.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from rig.errors import ConfigError, DoorError
from rig.hardware.doors import SerialBoard
from rig.hardware.orders import Order, Verb
from rig.model import DoorReport, DoorState, ReportKind

CLOCK = time.perf_counter_ns  # on Windows `monotonic_ns` counts in steps of 16 ms
PERMIT_MS = 300
RENEW_NS = 100_000_000
TURN_S = 0.02
GRACE_MS = 1000
"""How much longer than the board's own limit an arrival is waited for; a reversal takes time."""
RUNS = 10
MOST_SKEW_MS = 50
_ENDS = (DoorState.OPEN, DoorState.CLOSED, DoorState.JAMMED, DoorState.FAULT)


@dataclass(slots=True)
class Runs:
    """What the runs of one door gave: durations by the board's own clock, in ms."""

    door: int
    open_ms: list[int] = field(default_factory=list)
    close_ms: list[int] = field(default_factory=list)
    reversals: list[str] = field(default_factory=list)  # the causes
    failures: list[str] = field(default_factory=list)

    def told(self) -> dict[str, object]:
        """As plain data."""
        return {
            "door": self.door,
            "open_ms": _spread(self.open_ms),
            "close_ms": _spread(self.close_ms),
            "reversals": self.reversals,
            "failures": self.failures,
        }


def _spread(values: Sequence[int]) -> dict[str, float] | None:
    if not values:
        return None
    return {"runs": len(values), "median": median(values), "max": max(values)}


class Trying:
    """Some doors of an open board. Waits in the calling thread; the board's link has its own."""

    def __init__(self, board: SerialBoard, doors: Sequence[int], clock: Callable[[], int]) -> None:
        """Listen to the board. No doors named: all it has. Raises ConfigError for one it lacks."""
        has = board.hello.doors
        self.doors = tuple(doors) or tuple(range(1, has + 1))
        for number in self.doors:
            if not 1 <= number <= has:
                have = f"doors 1 to {has}" if has else "no door"
                raise ConfigError("--door", "", f"{number}: board {board.name} has {have}")
        if not self.doors:
            raise ConfigError("--port", "", f"board {board.name} has no door")
        self._board, self._clock = board, clock
        self._changed = threading.Condition()
        self._heard: list[DoorReport] = []
        self.states: dict[int, str] = {}
        self._end = board.subscribe(self._hear)

    def close(self) -> None:
        """Listen no longer."""
        self._end()

    def open(self) -> dict[int, Runs]:
        """Open the doors together; what each did."""
        return self._run(Verb.OPEN)

    def shut(self) -> dict[int, Runs]:
        """Close the doors, on the operator's word that their boxes are empty."""
        return self._run(Verb.CLOSE)

    def test(
        self, runs: int = RUNS, told: Callable[[int, int], None] = lambda done, all_: None
    ) -> tuple[dict[int, Runs], list[int]]:
        """Close and open all doors `runs` times: each door's runs, and the skew of each opening.

        Skew: from the first open switch to the last, ms. Ends early where a door fails; the doors
        are left open where they can be.
        """
        total = {number: Runs(number) for number in self.doors}
        skew_ms: list[int] = []
        self._add(total, self.open())
        for one in total.values():
            one.open_ms.clear()  # from wherever it was
        for n in range(runs):
            if any(one.failures for one in total.values()):
                break
            self._add(total, self.shut())
            opened = self.open()
            self._add(total, opened)
            at_ms = [self._open_at.get(number) for number in self.doors]
            known = [ms for ms in at_ms if ms is not None]
            if len(known) == len(at_ms) > 1:
                skew_ms.append(max(known) - min(known))
            told(n + 1, runs)
        return total, skew_ms

    @staticmethod
    def _add(total: dict[int, Runs], more: dict[int, Runs]) -> None:
        for number, one in more.items():
            total[number].open_ms += one.open_ms
            total[number].close_ms += one.close_ms
            total[number].reversals += one.reversals
            total[number].failures += one.failures

    def _hear(self, report: DoorReport) -> None:
        with self._changed:
            self._heard.append(report)
            if report.kind is ReportKind.DOOR:
                after = DoorState.OPENING if report.value == DoorState.REVERSED else report.value
                self.states[int(report.name)] = str(after)
            self._changed.notify_all()

    def _run(self, verb: Verb) -> dict[int, Runs]:
        goal = DoorState.OPEN if verb is Verb.OPEN else DoorState.CLOSED
        limits = self._board.hello.door_limits_ms
        longest_ms = max(limits[number - 1] for number in self.doors) * 2 + GRACE_MS
        with self._changed:
            self._heard.clear()
            going = {n for n in self.doors if self.states.get(n) != goal}
        found = {number: Runs(number) for number in self.doors}
        began_ms: dict[int, int] = {}
        self._open_at: dict[int, int] = {}
        if verb is Verb.OPEN:
            orders = [Order(verb, tuple(sorted(going)))] if going else []
        else:
            orders = [Order(verb, (number,), PERMIT_MS) for number in sorted(going)]
        self._board.alive()
        self._board.order(orders)
        until_ns = self._clock() + longest_ms * 1_000_000
        renewed_ns = self._clock()
        while going:
            now_ns = self._clock()
            if now_ns > until_ns:
                for number in going:
                    state = self.states.get(number, DoorState.UNKNOWN)
                    found[number].failures.append(f"did not arrive: {state}")
                break
            self._board.alive()
            closing = [n for n in going if self.states.get(n) == DoorState.CLOSING]
            if closing and now_ns - renewed_ns >= RENEW_NS:
                renewed_ns = now_ns
                self._board.order([Order(Verb.PERMIT, (n,), PERMIT_MS) for n in closing])
            with self._changed:
                if not self._heard:
                    self._changed.wait(TURN_S)
                heard, self._heard = self._heard, []
            for report in heard:
                self._take(report, goal, found, began_ms, going)
        return found

    def _take(
        self,
        report: DoorReport,
        goal: DoorState,
        found: dict[int, Runs],
        began_ms: dict[int, int],
        going: set[int],
    ) -> None:
        if report.kind is ReportKind.LINK and report.value == "down":
            raise DoorError(f"board {report.name} does not answer any more ({report.cause})")
        if report.kind is ReportKind.REFUSED:
            verb, *numbers = report.name.split(" ")
            for number in map(int, numbers):
                if number in going and verb != Verb.PERMIT:
                    found[number].failures.append(f"{verb} was refused: {report.value}")
                    going.discard(number)
            return
        if report.kind is not ReportKind.DOOR or int(report.name) not in going:
            return
        number, state, board_ms = int(report.name), report.value, report.board_ms
        one = found[number]
        if state in (DoorState.OPENING, DoorState.CLOSING) and board_ms is not None:
            began_ms[number] = board_ms
        elif state == DoorState.REVERSED:
            one.reversals.append(report.cause)
        elif state in _ENDS:
            going.discard(number)
            if state != goal:
                one.failures.append(f"is {state}")
            elif board_ms is not None and number in began_ms:
                times = one.open_ms if goal is DoorState.OPEN else one.close_ms
                times.append(board_ms - began_ms[number])
            if state == DoorState.OPEN and board_ms is not None:
                self._open_at[number] = board_ms
