"""The board's half of the wire as a state machine: what the firmware does, and the doors it moves.

No threads, no clocks: `Board.step(now_ns, bytes_in) -> bytes_out`. It is written the way the
firmware is (verbs, refusals, leases, permits, reversals, watchdog, ceilings); `Panel` is the
mechanism below it, and all that the firmware knows of it are its switches and its stall.

Answers, fields parted by one blank (``-`` stands for a list without members):

* ``hello [doors|outputs]`` always acts, in each form: outputs go off, closing doors reverse,
  totals of on-time begin anew, the last line is forgotten.
  ``ID ok NAME FIRMWARE PROTOCOL BAD RESET DOORS OUTPUTS BEAMS``: name (at most 16 characters),
  firmware version (8), protocol version, bytes that were no valid line (stays at 65535), cause of
  the last reset (``power external brownout watchdog``), and how many doors, outputs and beams.
  ``hello doors``: ``ID ok MS...``, the longest time each door may take.
  ``hello outputs``: ``ID ok MS/S...``, ceilings of each output: continuous (ms), total (s).
* ``state``: ``ID ok DOORS OUTPUTS BEAMS``, a letter a door (``o O c C j u f``), a digit an output
  (1 on), a digit a beam (1 blocked).
* ``open N...``: opening always is allowed. Answer ``ok``, as for all that follow.
* ``close N MS``: from the open switch only; renews the permit of a closing door; nothing to do
  for a closed one.
* ``permit N MS``: extends a running closing.
* ``stop N...`` makes safe: a closing door reverses; an opening one goes on, so that a second stop
  never halts a reversal half-way; a resting one stays.
* ``home N...``: as ``open``.
* ``beat``: ``ID ok N``, the number that the next event will have.
* ``out N 0``, ``out N 1 MS``, ``train N HZ WIDTH_US MS`` (1 to 100 Hz; MS 1 to 2000).
* ``test``: ``ID ok SWITCHES BEAMS``, a digit a door (0 neither switch, 1 open, 2 closed, 3 both).
  Moves nothing.

Refusals: ``unknown-verb missing-argument bad-argument extra-argument out-of-range pulse-too-wide
not-closing not-open beam fault limit``. ``limit``: the output ran into a ceiling; the continuous
one is lifted by ``out N 0``, the total by ``hello``. ``fault``: the door reversed three times, or
it left its switch by itself; ``open`` or ``home`` takes it up again.

A door reverses on a lapsed permit, its beam, a stall, over time, the watchdog, or the host.
``reversed`` means that it now opens. The host's reversals are not counted; the third of the others
since the ``close`` that began (a closed door, ``open`` or ``home`` end the series) lets the door
open, then say ``fault``.
"""

from collections.abc import Sequence

from rig.hardware.simulated.panel import (
    HOME_STALL_NS,
    NS_PER_MS,
    STALL_NS,
    DoorPins,
    OutputPins,
    Panel,
)
from rig.hardware.wire import Splitter, frame_line

PROTOCOL = 1
FIRMWARE = "sim-1"
NEVER_NS = 1 << 62
WATCHDOG_NS = 250 * NS_PER_MS
MAX_STEP_NS = 10 * NS_PER_MS
MAX_PERMIT_MS = 500
MAX_LEASE_MS = 2000
MAX_REVERSALS = 3


TWO_DOORS = (DoorPins(beam=1), DoorPins(beam=2))
FOUR_OUTPUTS = (OutputPins(),) * 4


class _Door:
    """What the firmware keeps of one door."""

    __slots__ = ("letter", "number", "panel", "permit_ns", "pins", "reversals", "until_ns")

    def __init__(self, number: int, pins: DoorPins) -> None:
        self.number, self.pins = number, pins
        self.panel = Panel(pins.start, pins.travel_ms)
        self.letter = "u"
        self.permit_ns = 0
        self.until_ns = 0  # a run that lasts longer is over time
        self.reversals = 0

    def rest(self) -> None:
        """Motor off; the state is what the switches say."""
        self.panel.motor = 0
        self.letter = {1.0: "o", 0.0: "c"}.get(self.panel.position, "u")

    def run(self, motor: int, now_ns: int, stall_ns: int = STALL_NS) -> None:
        """Motor on, towards open (1) or closed (-1)."""
        self.panel.run(motor, now_ns, stall_ns)
        self.letter = "O" if motor > 0 else "C"
        self.until_ns = now_ns + self.pins.limit_ms * NS_PER_MS


class _Output:
    """What the firmware keeps of one output."""

    __slots__ = ("limited", "number", "on", "pins", "setting", "since_ns", "total_ns", "until_ns")

    def __init__(self, number: int, pins: OutputPins) -> None:
        self.number, self.pins = number, pins
        self.on = False
        self.setting: tuple[int, int] = (0, 0)  # Hz and width of a train, zeros for a level
        self.since_ns = 0
        self.until_ns = 0  # end of the lease
        self.total_ns = 0  # on-time since hello, without the running one
        self.limited = False

    def ceiling_ns(self) -> int:
        """When the running on-time reaches a ceiling."""
        left_ns = self.pins.total_s * 1000 * NS_PER_MS - self.total_ns
        return self.since_ns + min(self.pins.continuous_ms * NS_PER_MS, left_ns)


class _RefusedError(Exception):
    """A line is answered `no`; the message is the reason."""


class Board:
    """A controller board with its doors, in simulated time.

    The world looks in by `position` and `output`, and acts by `set_beam`, `block`, `jam`, `push`;
    those take effect at the next step. All of them may be called from another thread than the one
    that steps: each reads or writes one value.

    Args:
        name: what it says in `hello`; at most 16 characters without blanks.
        doors: up to four; outputs: up to four; beams: how many, up to eight.
    """

    def __init__(
        self,
        name: str = "board-1",
        doors: Sequence[DoorPins] = TWO_DOORS,
        outputs: Sequence[OutputPins] = FOUR_OUTPUTS,
        beams: int = 2,
    ) -> None:
        if not (0 < len(name) <= 16 and name.isascii() and name.isprintable()) or " " in name:
            raise ValueError(f"not a board's name: {name!r}")
        if len(doors) > 4 or len(outputs) > 4 or not 0 <= beams <= 8:
            raise ValueError("at most 4 doors, 4 outputs and 8 beams")
        for pins in doors:
            if pins.beam is not None and not 1 <= pins.beam <= beams:
                raise ValueError(f"a door's beam is {pins.beam}, and there are {beams}")
        self.name = name
        self._doors = [_Door(n, pins) for n, pins in enumerate(doors, 1)]
        self._outputs = [_Output(n, pins) for n, pins in enumerate(outputs, 1)]
        self._blocked = [False] * beams  # what the world says
        self._beams = [False] * beams  # what the firmware has seen
        self._splitter = Splitter()
        self._out: list[bytes] = []
        self._touched = False
        self._started = False
        self._cause = "power"
        self._now_ns = 0
        self._start(0)

    # What the world sees and does.

    @property
    def doors(self) -> int:
        """How many doors it has."""
        return len(self._doors)

    def position(self, door: int) -> float:
        """Where door number `door` is, 0 closed to 1 open, as of the last step."""
        return self._doors[door - 1].panel.position

    def output(self, number: int) -> bool:
        """Whether output `number` is on: a level or a train."""
        return self._outputs[number - 1].on

    @property
    def moving(self) -> bool:
        """Whether any door's motor runs."""
        return self._moving

    def set_beam(self, number: int, blocked: bool) -> None:
        """Break beam `number`, or clear it."""
        if self._blocked[number - 1] != blocked:
            self._blocked[number - 1] = blocked
            self._touched = True

    def block(self, door: int, blocked: bool) -> None:
        """Put something into the door, or take it out: it cannot close further."""
        self._doors[door - 1].panel.blocked = blocked

    def jam(self, door: int, jammed: bool) -> None:
        """Jam the door's mechanism, or free it: it cannot move either way."""
        self._doors[door - 1].panel.jammed = jammed

    def push(self, door: int, position: float) -> None:
        """Move the door by hand to `position`, 0 closed to 1 open."""
        self._doors[door - 1].panel.position = position
        self._touched = True

    def reset(self, now_ns: int, cause: str = "external") -> None:
        """Start anew, as by the reset button: outputs low, motors off, doors as switches say."""
        self._now_ns = now_ns
        self._cause = cause
        self._start(now_ns)

    def sync(self) -> None:
        """Give a pulse on the sync output, and say so at the next step."""
        self._sync = self._touched = True

    # The firmware.

    def _start(self, now_ns: int) -> None:
        self._boot_ns = self._moved_ns = self._due_ns = now_ns
        self._splitter = Splitter()
        self._bad_lines = 0
        self._last: tuple[str, bytes] | None = None
        self._heard_ns: int | None = None  # nobody is missed before the first valid line
        self._count = 0
        self._sync = False
        self._moving = False
        self._out = []
        for door in self._doors:
            door.rest()
            door.reversals = 0
        for output in self._outputs:
            output.on = output.limited = False
            output.total_ns = 0
        self._beams = list(self._blocked)
        self._event("reset")
        self._touched = True

    @property
    def due_ns(self) -> int:
        """When a step without bytes would do something; at most 10 ms on while a door moves."""
        return self._now_ns if self._touched else self._due_ns

    def step(self, now_ns: int, bytes_in: bytes = b"") -> bytes:
        """Go on to `now_ns`, then act on `bytes_in`; what the board sends by that.

        Time never goes back; steps are at most 10 ms apart while a door moves.
        """
        if not (bytes_in or self._touched or self._moving) and now_ns < self._due_ns:
            return b""
        if not self._started:  # power comes on at the first step
            self._started = True
            self._boot_ns = self._moved_ns = now_ns
        self._touched = False
        self._now_ns = now_ns
        if self._moving:
            dt_ns = now_ns - self._moved_ns
            for door in self._doors:
                if door.panel.motor:
                    door.panel.move(now_ns, dt_ns)
        self._moved_ns = now_ns
        self._watch(now_ns)
        if bytes_in:
            for text in self._splitter.feed(bytes_in):
                self._answer(text, now_ns)
        self._plan(now_ns)
        if not self._out:
            return b""
        sent = b"".join(self._out)
        self._out = []
        return sent

    def _event(self, what: str) -> None:
        t_ms = (self._now_ns - self._boot_ns) // NS_PER_MS & 0xFFFFFFFF
        self._out.append(frame_line(f"! {self._count} {t_ms} {what}"))
        self._count = (self._count + 1) & 0xFF

    def _watch(self, now_ns: int) -> None:
        """Everything that happens without a line from the host."""
        if self._sync:
            self._sync = False
            self._event("sync")
        for k, blocked in enumerate(self._blocked):
            if blocked != self._beams[k]:
                self._beams[k] = blocked
                self._event(f"beam {k + 1} {'blocked' if blocked else 'clear'}")
        if self._heard_ns is not None and now_ns - self._heard_ns >= WATCHDOG_NS:
            self._heard_ns = None
            self._event("watchdog")
            self._make_safe("watchdog")
        for output in self._outputs:
            if output.on:
                ceiling_ns = output.ceiling_ns()
                if now_ns >= min(output.until_ns, ceiling_ns):
                    output.limited = ceiling_ns <= output.until_ns
                    self._switch_off(output, "limit" if output.limited else "off")
        for door in self._doors:
            self._watch_door(door, now_ns)

    def _watch_door(self, door: _Door, now_ns: int) -> None:
        panel = door.panel
        at_open, at_closed = panel.position == 1.0, panel.position == 0.0
        if door.letter == "C":
            cause = self._hindrance(door, now_ns)
            if at_closed:
                door.rest()
                door.reversals = 0
                self._event(f"door {door.number} closed")
            elif cause:
                self._reverse(door, cause)
        elif door.letter == "O":
            if at_open:
                door.rest()
                self._event(f"door {door.number} open")
                if door.reversals >= MAX_REVERSALS:
                    door.letter = "f"
                    self._event(f"door {door.number} fault")
            elif panel.stalled(now_ns) or now_ns >= door.until_ns:
                panel.motor = 0
                door.letter = "j"
                self._event(f"door {door.number} jammed")
        elif (door.letter == "o" and not at_open) or (door.letter == "c" and not at_closed):
            door.letter = "f"
            self._event(f"door {door.number} fault")
        elif door.letter == "u" and (at_open or at_closed):
            door.rest()
            self._event(f"door {door.number} {'open' if at_open else 'closed'}")

    def _hindrance(self, door: _Door, now_ns: int) -> str:
        """Why a closing door must not go on; "" when it may."""
        beam = door.pins.beam
        if beam is not None and self._beams[beam - 1]:
            return "beam"
        if door.panel.stalled(now_ns):
            return "stall"
        if now_ns >= door.permit_ns:
            return "permit"
        return "time" if now_ns >= door.until_ns else ""

    def _reverse(self, door: _Door, cause: str) -> None:
        if cause != "host":
            door.reversals += 1
        door.run(1, self._now_ns)
        self._event(f"door {door.number} reversed {cause}")

    def _make_safe(self, cause: str) -> None:
        for door in self._doors:
            if door.letter == "C":
                self._reverse(door, cause)
        for output in self._outputs:
            if output.on:
                self._switch_off(output, "off")

    def _switch_off(self, output: _Output, word: str) -> None:
        output.on = False
        output.total_ns += self._now_ns - output.since_ns
        self._event(f"out {output.number} {word}")

    def _plan(self, now_ns: int) -> None:
        """Set when the next step without bytes has something to do."""
        due_ns = NEVER_NS if self._heard_ns is None else self._heard_ns + WATCHDOG_NS
        for output in self._outputs:
            if output.on:
                due_ns = min(due_ns, output.until_ns, output.ceiling_ns())
        self._moving = False
        for door in self._doors:
            if door.panel.motor:
                self._moving = True
                due_ns = min(due_ns, now_ns + MAX_STEP_NS)
                if door.letter == "C":
                    due_ns = min(due_ns, max(door.permit_ns, now_ns + 1))
        self._due_ns = due_ns

    # Lines from the host.

    def _answer(self, text: str, now_ns: int) -> None:
        number, _, rest = text.partition(" ")
        if not number.isdecimal() or len(number) > 3 or int(number) > 255 or not rest:
            self._bad_lines += len(text) + 4  # its sender cannot be answered
            return
        self._heard_ns = now_ns
        if self._last is not None and self._last[0] == text:
            self._out.append(self._last[1])
            return
        place = len(self._out)
        verb, *args = rest.split(" ")
        try:
            reply = self._act(verb, args)
        except _RefusedError as refusal:
            reply = f"no {refusal}"
        line = frame_line(f"{number} {reply}")
        self._out.insert(place, line)  # the answer first, then the events of what was done
        self._last = None if verb == "hello" else (text, line)

    def _act(self, verb: str, args: list[str]) -> str:
        match verb:
            case "beat":
                _numbers(args, 0)
                # The next event's number: the host sees by it that the newest event was lost.
                return f"ok {self._count}"
            case "permit":
                n, ms = _numbers(args, 2)
                door = self._door(n)
                _within(ms, 1, MAX_PERMIT_MS)
                if door.letter != "C":
                    raise _RefusedError("not-closing")
                door.permit_ns = self._now_ns + ms * NS_PER_MS
            case "out":
                n, on, *more = _numbers(args, 2, 3)
                output = self._output(n)
                _within(on, 0, 1)
                if on and not more:
                    raise _RefusedError("missing-argument")
                if more and not on:
                    raise _RefusedError("extra-argument")
                if on:
                    self._lease(output, more[0], (0, 0))
                else:
                    output.limited = False
                    if output.on:
                        self._switch_off(output, "off")
            case "train":
                n, hz, width_us, ms = _numbers(args, 4)
                output = self._output(n)
                _within(hz, 1, 100)
                _within(width_us, 1, 1_000_000)
                if width_us * hz > 1_000_000:
                    raise _RefusedError("pulse-too-wide")
                self._lease(output, ms, (hz, width_us))
            case "close":
                n, ms = _numbers(args, 2)
                door = self._door(n)
                _within(ms, 1, MAX_PERMIT_MS)
                self._close(door, ms)
            case "open" | "home":
                for door in self._list(args):
                    self._open(door)
            case "stop":
                for door in self._list(args):
                    if door.letter == "C":
                        self._reverse(door, "host")
            case "state":
                _numbers(args, 0)
                return f"ok {self._letters()} {self._levels()} {self._blocks()}"
            case "test":
                _numbers(args, 0)
                return f"ok {self._switches()} {self._blocks()}"
            case "hello":
                return self._hello(args)
            case _:
                raise _RefusedError("unknown-verb")
        return "ok"

    def _hello(self, args: list[str]) -> str:
        if len(args) > 1:
            raise _RefusedError("extra-argument")
        if args and args[0] not in ("doors", "outputs"):
            raise _RefusedError("bad-argument")
        self._make_safe("host")
        for output in self._outputs:
            output.total_ns = 0
            output.limited = False
        if not args:
            bad = min(self._splitter.bad_bytes + self._bad_lines, 65535)
            counts = f"{len(self._doors)} {len(self._outputs)} {len(self._beams)}"
            return f"ok {self.name} {FIRMWARE} {PROTOCOL} {bad} {self._cause} {counts}"
        if args[0] == "doors":
            limits = [f"{door.pins.limit_ms}" for door in self._doors]
        else:
            limits = [f"{o.pins.continuous_ms}/{o.pins.total_s}" for o in self._outputs]
        return f"ok {' '.join(limits) or '-'}"

    def _open(self, door: _Door) -> None:
        door.reversals = 0
        if door.letter == "C":
            self._reverse(door, "host")
        elif door.letter not in ("o", "O"):
            door.run(1, self._now_ns, STALL_NS if door.letter == "c" else HOME_STALL_NS)
            self._event(f"door {door.number} opening")

    def _close(self, door: _Door, ms: int) -> None:
        if door.letter == "f":
            raise _RefusedError("fault")
        if door.letter == "c":
            return
        if door.letter not in ("o", "C"):
            raise _RefusedError("not-open")
        if door.letter == "o":
            beam = door.pins.beam
            if beam is not None and self._beams[beam - 1]:
                raise _RefusedError("beam")
            door.run(-1, self._now_ns)
            self._event(f"door {door.number} closing")
        door.permit_ns = self._now_ns + ms * NS_PER_MS

    def _lease(self, output: _Output, ms: int, setting: tuple[int, int]) -> None:
        _within(ms, 1, MAX_LEASE_MS)
        if output.limited or output.total_ns >= output.pins.total_s * 1000 * NS_PER_MS:
            raise _RefusedError("limit")
        if not output.on:
            output.since_ns = self._now_ns
        if not output.on or output.setting != setting:
            output.on, output.setting = True, setting
            self._event(f"out {output.number} on")
        output.until_ns = self._now_ns + ms * NS_PER_MS

    def _door(self, number: int) -> _Door:
        _within(number, 1, len(self._doors))
        return self._doors[number - 1]

    def _output(self, number: int) -> _Output:
        _within(number, 1, len(self._outputs))
        return self._outputs[number - 1]

    def _list(self, args: list[str]) -> list[_Door]:
        numbers = _numbers(args, 1, 4)
        if len(set(numbers)) < len(numbers):
            raise _RefusedError("bad-argument")
        return [self._door(number) for number in numbers]

    def _letters(self) -> str:
        return "".join(door.letter for door in self._doors) or "-"

    def _switches(self) -> str:
        digits = {1.0: "1", 0.0: "2"}
        return "".join(digits.get(door.panel.position, "0") for door in self._doors) or "-"

    def _levels(self) -> str:
        return "".join("01"[output.on] for output in self._outputs) or "-"

    def _blocks(self) -> str:
        return "".join("01"[blocked] for blocked in self._beams) or "-"


def _numbers(args: list[str], least: int, most: int | None = None) -> list[int]:
    """The arguments as whole numbers, `least` to `most` of them (`least` exactly by default)."""
    if len(args) < least:
        raise _RefusedError("missing-argument")
    if len(args) > (least if most is None else most):
        raise _RefusedError("extra-argument")
    if not all(arg.isdecimal() and len(arg) <= 9 for arg in args):
        raise _RefusedError("bad-argument")
    return [int(arg) for arg in args]


def _within(value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise _RefusedError("out-of-range")
