"""The host's half of the wire as a state machine: orders in, reports out. Pure.

```
            hello, then limits and state, all answered
  ASKING  -------------------------------------------->  UP
    ^  ^                                                 | |
    |  +------------- the board says reset --------------+ |
    |                                                      | three resends unanswered
    +--- hello every 200 ms is answered ---  DOWN  <-------+ (or the port is gone: LOST)
```

`Link.step(now_ns, bytes_in, orders) -> (bytes_out, reports)` is all there is; `Link.due_ns` tells
when it wants to be stepped if nothing comes before. One line is unanswered at a time. What goes
next: `stop` and `out N 0`, then the link's own questions, then orders as they came, then a beat
that is due. Reports name doors, outputs and beams by number as text; `rig.hardware.wiring` knows
their names.

Every `hello` is treated as a reset: the board's outputs are off, its doors are read, nothing is
moved, and orders that waited are forgotten. An order given while the link is not up is refused
(`link-down`) instead of kept: when the link is back it would be old evidence.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from rig.hardware.orders import Hello, Order, Timing, Verb
from rig.hardware.wire import Splitter, frame_line
from rig.model import DoorReport, DoorState, ReportKind

PROTOCOL = 1
NS_PER_MS = 1_000_000
NEVER_NS = 1 << 62
ANSWER_NS = 50 * NS_PER_MS
RESENDS = 3
BEAT_NS = 100 * NS_PER_MS
ALIVE_NS = 200 * NS_PER_MS
HELLO_NS = 200 * NS_PER_MS

_DOOR_LETTERS = {
    "o": DoorState.OPEN,
    "O": DoorState.OPENING,
    "c": DoorState.CLOSED,
    "C": DoorState.CLOSING,
    "j": DoorState.JAMMED,
    "u": DoorState.UNKNOWN,
    "f": DoorState.FAULT,
}
_DOOR_WORDS = frozenset(str(state) for state in DoorState)
_STATE_AFTER = {"reversed": "opening"}
_OUTPUT_WORDS = frozenset(("on", "off", "limit"))
_BEAM_WORDS = frozenset(("blocked", "clear"))
_CAUSES = frozenset(("", "permit", "beam", "stall", "time", "watchdog", "host"))

_SAFE = frozenset((Verb.STOP, Verb.OFF))
_WANTED = {
    Verb.OPEN: (ReportKind.DOOR, "open"),
    Verb.HOME: (ReportKind.DOOR, "open"),
    Verb.CLOSE: (ReportKind.DOOR, "closed"),
    Verb.OUT: (ReportKind.OUTPUT, "on"),
    Verb.TRAIN: (ReportKind.OUTPUT, "on"),
    Verb.OFF: (ReportKind.OUTPUT, "off"),
}
"""What the board says once an order has come about."""
_RENEWED = frozenset((Verb.PERMIT, Verb.OUT, Verb.TRAIN))


@dataclass(slots=True)
class _Line:
    """A line on its way: an order, or (order None) a question of the link's own or a beat."""

    text: str
    order: Order | None = None
    asked_ns: int = 0
    queued_ns: int = 0
    number: int = -1  # its id, once it is sent
    data: bytes = b""
    written_ns: int = 0
    sent: int = 0  # how often
    once: bool = False  # never sent again


class Phase(StrEnum):
    """Where a link stands."""

    ASKING = "asking"
    UP = "up"
    DOWN = "down"  # no answer; hello is tried again and again
    LOST = "lost"  # the port is gone; nothing can be sent


@dataclass(slots=True)
class _Known:
    """What the board last said: state words by number, 1 and up."""

    doors: dict[int, str] = field(default_factory=dict)
    outputs: dict[int, str] = field(default_factory=dict)
    beams: dict[int, str] = field(default_factory=dict)


Reports = tuple[DoorReport, ...]


class Link:
    """One board's conversation. Not thread-safe: its owner steps it under a lock.

    Args:
        name: what reports call the board, and what it must say in `hello`; "" takes any board and
            then its name.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.expected = name
        self.phase = Phase.ASKING
        self.hello: Hello | None = None
        self.fault = ""  # why a board that answers cannot be used
        self.tested: tuple[str, ...] = ()  # the fields of the last answer to `test`
        self.lost_events = 0  # gaps seen in the count of unasked lines
        self.timings: deque[Timing] = deque(maxlen=4096)
        self.due_ns = 0
        self._splitter = Splitter()
        self._next_id = 0
        self._flying: _Line | None = None
        self._deadline_ns = 0  # when it should be answered
        self._urgent: deque[_Line] = deque()
        self._asks: deque[_Line] = deque((_Line("hello"),))
        self._waiting: deque[_Line] = deque()
        self._silent = 0  # lines sent once, in a row, that nobody answered
        self._hello_ns = 0  # when hello may be sent again
        self._alive_ns = -NEVER_NS
        self._beat_ns = 0
        self._count: int | None = None
        self._board_ms = 0
        self._known = _Known()
        self._settings: dict[int, tuple[Verb, int, int]] = {}  # last asked of each output
        self._awaited: list[tuple[Timing, set[tuple[ReportKind, int, str]]]] = []
        self._asking_all = True  # the next state is told whole
        self._said = ""  # up or down, as last reported
        self._reports: list[DoorReport] = []

    @property
    def bad_bytes(self) -> int:
        """Bytes received that were no valid line."""
        return self._splitter.bad_bytes

    @property
    def idle(self) -> bool:
        """Whether nothing is unanswered and nothing waits."""
        return self._flying is None and not (self._urgent or self._asks or self._waiting)

    @property
    def at_rest(self) -> bool:
        """Whether, as far as it is known, no door closes and no output is on."""
        known = self._known
        return "closing" not in known.doors.values() and "on" not in known.outputs.values()

    def alive(self, now_ns: int) -> None:
        """The session loop says that it lives; beats go out for 200 ms from here."""
        self._alive_ns = now_ns
        if self._flying is None and self.phase is Phase.UP and self._beat_ns < self.due_ns:
            self.due_ns = self._beat_ns

    def told(self, now_ns: int) -> Reports:
        """All that is known now, as reports: for someone who begins to listen later."""
        if self.phase is not Phase.UP:
            return (DoorReport(now_ns, ReportKind.LINK, self.name, "down"),)
        known = self._known
        return (
            DoorReport(now_ns, ReportKind.LINK, self.name, "up"),
            *(DoorReport(now_ns, ReportKind.DOOR, str(n), w) for n, w in known.doors.items()),
            *(DoorReport(now_ns, ReportKind.OUTPUT, str(n), w) for n, w in known.outputs.items()),
            *(DoorReport(now_ns, ReportKind.BEAM, str(n), w) for n, w in known.beams.items()),
        )

    def lost(self, now_ns: int) -> Reports:
        """The port is gone. Nothing is sent until `found`."""
        self._forget(now_ns, Phase.LOST)
        self._splitter.clear()
        self._say(now_ns, "down", "port")
        return self._take()

    def found(self, now_ns: int) -> None:
        """The port is (back) there: begin with `hello`, as after a reset."""
        self._forget(now_ns, Phase.ASKING)

    def wrote(self, now_ns: int) -> None:
        """The bytes of the last step are out: sharpens `timings`, which hold the step's time."""
        if self._flying is not None and self._flying.sent == 1:
            self._flying.written_ns = now_ns

    def rehearse(self, now_ns: int, orders: Sequence[Order]) -> bytes:
        """What `orders` would be on an idle line; nothing follows from it.

        What sending them needs is then in the processor's caches.
        """
        line = Link(self.name)
        line.phase, line._known = Phase.UP, self._known
        line._asks.clear()
        return line.step(now_ns, b"", orders)[0]

    def step(
        self,
        now_ns: int,
        bytes_in: bytes = b"",
        orders: Sequence[Order] = (),
        asked_ns: int | None = None,
    ) -> tuple[bytes, Reports]:
        """What to send now, and what the board said. Time never goes back.

        `asked_ns`: the time of the picture that `orders` were decided on; None: now.
        """
        if not bytes_in and not orders and now_ns < self.due_ns:
            return b"", ()
        if bytes_in:
            for text in self._splitter.feed(bytes_in):
                self._hear(text, now_ns)
        for order in orders:
            self._queue(order, now_ns, now_ns if asked_ns is None else asked_ns)
        out = self._check_answer(now_ns)
        while self._flying is None:
            line = self._pick(now_ns)
            if line is None:
                break
            out += self._send(line, now_ns)
        self._plan(now_ns)
        return out, self._take()

    # Sending.

    def _queue(self, order: Order, now_ns: int, asked_ns: int) -> None:
        if self.phase is not Phase.UP:
            self._refuse(order, now_ns, "link-down")
            return
        line = _Line(order.text(), order, asked_ns, now_ns)
        frame_line("255 " + line.text)  # too long is the caller's mistake: ValueError, here
        if order.verb in _SAFE:
            # Whatever waits for these doors or outputs was wanted before, and must not follow.
            self._waiting = deque(w for w in self._waiting if not _undone(w.order, order))
            self._urgent.append(line)
            return
        if order.verb in _RENEWED:
            for waiting in self._waiting:
                if waiting.order is not None and _renews(order, waiting.order):
                    waiting.text, waiting.order = line.text, order
                    waiting.asked_ns, waiting.queued_ns = asked_ns, now_ns
                    return
        self._waiting.append(line)

    def _pick(self, now_ns: int) -> _Line | None:
        if self.phase is Phase.LOST:
            return None
        if self._urgent:
            return self._urgent.popleft()
        if self._asks:
            if self.phase is Phase.DOWN and now_ns < self._hello_ns:
                return None
            return self._asks.popleft()
        if self._waiting:
            return self._waiting.popleft()
        if self.phase is Phase.UP and now_ns >= self._beat_ns and self._lives(now_ns):
            late_ns = now_ns - self._beat_ns
            self._beat_ns = (self._beat_ns if late_ns < BEAT_NS else now_ns) + BEAT_NS
            return _Line("beat", once=True)
        return None

    def _lives(self, now_ns: int) -> bool:
        return now_ns - self._alive_ns <= ALIVE_NS

    def _send(self, line: _Line, now_ns: int) -> bytes:
        if not line.data:
            line.number = self._next_id
            self._next_id = (self._next_id + 1) & 0xFF
            line.data = frame_line(f"{line.number} {line.text}")
            if line.order is not None and line.order.verb in _RENEWED:
                line.once = self._extends(line.order)
            line.written_ns = now_ns
        line.sent += 1
        self._flying = line
        self._deadline_ns = now_ns + ANSWER_NS
        self._hello_ns = now_ns + HELLO_NS
        return line.data

    def _extends(self, order: Order) -> bool:
        """Whether this renews a permit, or an output that is on in the same way by its board."""
        if order.verb is Verb.PERMIT:
            return True
        number, setting = order.numbers[0], (order.verb, order.hz, order.width_us)
        same = self._settings.get(number) == setting
        self._settings[number] = setting
        return same and self._known.outputs.get(number) == "on"

    def _check_answer(self, now_ns: int) -> bytes:
        """Deal with a line that was not answered in time: the bytes to send again, if any."""
        line = self._flying
        if line is None or now_ns < self._deadline_ns:
            return b""
        self._flying = None
        if self.phase is Phase.DOWN:
            self._asks.appendleft(_Line("hello"))
        elif line.once:
            self._silent += 1
            if self._silent > RESENDS:
                self._go_down(now_ns, "no answer")
        elif line.sent > RESENDS:
            self._flying = line  # it is refused with all that waits
            self._go_down(now_ns, "no answer")
        elif not self._urgent or line.order is None or line.order.verb in _SAFE:
            return self._send(line, now_ns)
        elif not any(u.order is not None and _undone(line.order, u.order) for u in self._urgent):
            self._waiting.appendleft(line)  # what makes safe goes first
        return b""

    def _go_down(self, now_ns: int, cause: str) -> None:
        self._forget(now_ns, Phase.DOWN)
        self._hello_ns = now_ns + HELLO_NS
        self._say(now_ns, "down", cause)

    def _forget(self, now_ns: int, phase: Phase) -> None:
        """Drop all that waits; whoever gave an order hears that it was not carried out."""
        lines = [*self._urgent, *self._waiting]
        if self._flying is not None:
            lines.insert(0, self._flying)
        for line in lines:
            if line.order is not None:
                self._refuse(line.order, now_ns, "link-down")
        self._flying = None
        self._urgent.clear()
        self._waiting.clear()
        self._asks = deque((_Line("hello"),))
        self._asking_all = True
        self._awaited.clear()
        self._silent = 0
        self._count = None
        self._hello_ns = self.due_ns = now_ns
        self.phase = phase
        if phase is Phase.LOST:
            self.due_ns = NEVER_NS

    def _plan(self, now_ns: int) -> None:
        if self._flying is not None:
            self.due_ns = self._deadline_ns
        elif self.phase is Phase.DOWN:
            self.due_ns = self._hello_ns
        elif self.phase is Phase.UP and self._lives(max(now_ns, self._beat_ns)):
            self.due_ns = self._beat_ns
        else:
            self.due_ns = NEVER_NS

    # Hearing.

    def _hear(self, text: str, now_ns: int) -> None:
        head, _, rest = text.partition(" ")
        if self.phase is Phase.LOST:
            return
        if head == "!":
            self._hear_event(rest.split(" "), now_ns)
            return
        line = self._flying
        if line is None or not head.isdecimal() or int(head) != line.number:
            return  # the answer to a line that was given up
        word, _, fields = rest.partition(" ")
        if word not in ("ok", "no"):
            return
        self._flying = None
        self._silent = 0
        if line.order is not None:
            self._answered(line, word, fields, now_ns)
        elif line.text != "beat":
            self._told(line, word, fields.split(" "), now_ns)
        elif fields.isdecimal():
            # The board's next event by its own count: a lost one shows though none follows it.
            gap = self._count is not None and int(fields) != self._count
            self._count = int(fields) & 0xFF
            if gap:
                self._missed()

    def _answered(self, line: _Line, word: str, fields: str, now_ns: int) -> None:
        order = line.order
        assert order is not None
        timing = Timing(
            order.verb, order.numbers, line.asked_ns, line.queued_ns, line.written_ns, now_ns
        )
        self.timings.append(timing)
        if word == "ok":
            self._await(timing)
        if word == "no":
            # A permit that comes too late is no news: the door's own event came before it.
            if not (order.verb is Verb.PERMIT and fields == "not-closing"):
                self._refuse(order, now_ns, fields)
        elif order.verb is Verb.TEST:
            self.tested = tuple(fields.split(" "))

    def _await(self, timing: Timing) -> None:
        """Look out for the state that an order that was taken leads to."""
        wanted = _WANTED.get(timing.verb)
        if wanted is None:
            return
        kind, word = wanted
        table = self._known.doors if kind is ReportKind.DOOR else self._known.outputs
        missing = {(kind, n, word) for n in timing.numbers if table.get(n) != word}
        touched = {(kind, n) for n in timing.numbers}
        self._awaited = [
            (other, left)
            for other, left in self._awaited
            if not any((of, n) in touched for of, n, _ in left)  # it is wanted otherwise by now
        ]
        if missing:
            self._awaited.append((timing, missing))
        else:
            timing.confirmed_ns = timing.answered_ns

    def _confirm(self, now_ns: int, kind: ReportKind, name: str, value: str) -> None:
        for timing, left in self._awaited:
            left.discard((kind, int(name), value))
            if not left:
                timing.confirmed_ns = now_ns
        self._awaited = [(timing, left) for timing, left in self._awaited if left]

    def _told(self, line: _Line, word: str, fields: list[str], now_ns: int) -> None:
        """An answer to one of the link's own questions."""
        try:
            if word == "no":
                raise ValueError(" ".join(fields))
            if line.text == "hello":
                self._greeted(fields, now_ns)
            elif line.text.startswith("hello"):
                self._limits(fields, doors=line.text == "hello doors")
            elif line.sent > 1:
                # The board gives the same bytes its first answer again, which may be older than an
                # event heard since.
                self._asks.appendleft(_Line("state"))
            else:
                self._read_state(fields, now_ns)
        except ValueError as error:
            self.fault = f"{error} (answer to {line.text!r}: {' '.join((word, *fields))!r})"
            self._go_down(now_ns, self.fault)

    def _greeted(self, fields: list[str], now_ns: int) -> None:
        if len(fields) > 2 and fields[2].isdecimal() and int(fields[2]) != PROTOCOL:
            raise ValueError(f"it speaks protocol {fields[2]}, this program {PROTOCOL}")
        if len(fields) != 8:
            raise ValueError("this is no controller of ours")
        name, firmware, _, bad, cause, *counts = fields
        doors, outputs, beams = map(int, counts)
        hello = Hello(name, firmware, PROTOCOL, int(bad), cause, doors, outputs, beams)
        if self.expected not in ("", name):
            raise ValueError(f"it calls itself {name}, not {self.expected}")
        if set(name) & set("/\\:"):  # what is measured at its doors is kept in a file of its name
            raise ValueError(f"it calls itself {name}, which is no name")
        self.name = name
        self.hello = hello
        self.fault = ""
        self.phase = Phase.ASKING
        self._known = _Known()
        self._asks.extend((_Line("hello doors"), _Line("hello outputs"), _Line("state")))

    def _limits(self, fields: list[str], doors: bool) -> None:
        assert self.hello is not None
        fields = [] if fields == ["-"] else fields
        if doors:
            self.hello = replace(self.hello, door_limits_ms=tuple(map(int, fields)))
            return
        pairs = [field.split("/") for field in fields]
        self.hello = replace(
            self.hello,
            output_limits_ms=tuple(int(ms) for ms, _ in pairs),
            output_totals_s=tuple(int(s) for _, s in pairs),
        )

    def _read_state(self, fields: list[str], now_ns: int) -> None:
        doors, outputs, beams = ("" if part == "-" else part for part in fields)
        if not (set(doors) <= _DOOR_LETTERS.keys() and set(outputs + beams) <= {"0", "1"}):
            raise ValueError("not a state")
        whole, self._asking_all = self._asking_all, False
        if whole:
            self.phase = Phase.UP
            self._beat_ns = now_ns
            self._say(now_ns, "up")
        known = self._known
        for kind, table, words in (
            (ReportKind.DOOR, known.doors, [str(_DOOR_LETTERS[letter]) for letter in doors]),
            (ReportKind.OUTPUT, known.outputs, ["on" if c == "1" else "off" for c in outputs]),
            (ReportKind.BEAM, known.beams, ["blocked" if c == "1" else "clear" for c in beams]),
        ):
            for number, word in enumerate(words, 1):
                if whole or table.get(number) != word:
                    table[number] = word
                    self._report(now_ns, kind, str(number), word)

    def _hear_event(self, fields: list[str], now_ns: int) -> None:
        if len(fields) < 3 or not (fields[0].isdecimal() and fields[1].isdecimal()):
            return
        count, board_ms, what, *more = int(fields[0]), int(fields[1]), fields[2], *fields[3:]
        backwards = self._count is not None and (board_ms - self._board_ms) & 0xFFFFFFFF > 1 << 31
        gap = self._count is not None and count != self._count
        self._count = (count + 1) & 0xFF
        self._board_ms = board_ms
        if what == "reset" or backwards:
            if self.phase is Phase.UP or (self.phase is Phase.ASKING and self.hello is not None):
                self._forget(now_ns, Phase.ASKING)
                self._report(now_ns, ReportKind.RESET, self.name, board_ms=board_ms)
            self._hello_ns = now_ns  # a board that has just started is worth asking at once
            self._count = (count + 1) & 0xFF
            return
        if gap:
            self._missed()
        if self.phase is Phase.UP:
            self._hear_change(what, more, now_ns, board_ms)

    def _missed(self) -> None:
        self.lost_events += 1
        if not any(line.text == "state" for line in self._asks):
            self._asks.append(_Line("state"))

    def _hear_change(self, what: str, more: list[str], now_ns: int, board_ms: int) -> None:
        if what == "watchdog":
            self._report(now_ns, ReportKind.WATCHDOG, self.name, board_ms=board_ms)
            return
        if what == "sync":
            self._report(now_ns, ReportKind.SYNC, self.name, board_ms=board_ms)
            return
        number, word, cause = (*more, "", "", "")[:3]
        if not number.isdecimal() or cause not in _CAUSES:
            return
        if what == "door" and word in _DOOR_WORDS:
            self._known.doors[int(number)] = _STATE_AFTER.get(word, word)
            self._report(now_ns, ReportKind.DOOR, number, word, cause, board_ms)
        elif what == "out" and word in _OUTPUT_WORDS:
            self._known.outputs[int(number)] = "on" if word == "on" else "off"
            self._report(now_ns, ReportKind.OUTPUT, number, word, board_ms=board_ms)
        elif what == "beam" and word in _BEAM_WORDS:
            self._known.beams[int(number)] = word
            self._report(now_ns, ReportKind.BEAM, number, word, board_ms=board_ms)

    # Reporting.

    def _say(self, now_ns: int, value: str, cause: str = "") -> None:
        if value == "up" or self._said != "down":
            self._report(now_ns, ReportKind.LINK, self.name, value, cause)
        self._said = value

    def _refuse(self, order: Order, now_ns: int, reason: str) -> None:
        asked = " ".join((order.verb, *map(str, order.numbers)))
        self._report(now_ns, ReportKind.REFUSED, asked, reason)

    def _report(
        self,
        now_ns: int,
        kind: ReportKind,
        name: str,
        value: str = "",
        cause: str = "",
        board_ms: int | None = None,
    ) -> None:
        if self._awaited and kind in (ReportKind.DOOR, ReportKind.OUTPUT):
            self._confirm(now_ns, kind, name, value)
        self._reports.append(DoorReport(now_ns, kind, name, value, cause, board_ms=board_ms))

    def _take(self) -> Reports:
        if not self._reports:
            return ()
        reports = tuple(self._reports)
        self._reports.clear()
        return reports


def _renews(order: Order, waiting: Order) -> bool:
    """Whether `order` replaces `waiting`: the same thing of the same door or output, later."""
    if order.verb is Verb.PERMIT:
        return waiting.verb is Verb.PERMIT and waiting.numbers == order.numbers
    return waiting.verb in (Verb.OUT, Verb.TRAIN) and waiting.numbers == order.numbers


def _undone(order: Order | None, by: Order) -> bool:
    """Whether `by` (a stop or an off) makes `order` void as a whole."""
    if order is None:
        return False
    if by.verb is Verb.OFF:
        return order.verb in (Verb.OUT, Verb.TRAIN) and order.numbers == by.numbers
    return order.verb in (Verb.CLOSE, Verb.PERMIT) and set(order.numbers) <= set(by.numbers)
