"""The firmware's decisions on this computer: each state crossed with each event, and the same
lines as the simulated board for whatever comes.
"""

import ctypes
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.hardware.simulated.board import Board
from rig.hardware.simulated.panel import DoorPins, OutputPins
from rig.hardware.wire import frame_line, parse_line

MS = 1_000_000
LIMIT_MS = 1500


class Decisions:
    """The controller, compiled for this computer; door 1 has beam 1. Times in ms."""

    def __init__(
        self,
        library: ctypes.CDLL,
        doors: int = 1,
        outputs: tuple[tuple[int, int], ...] = ((600_000, 7200),),
        beams: int = 1,
        travel_ms: int = 1000,
        switches: str = "o",
    ) -> None:
        library.make.restype = ctypes.c_void_p
        library.letter.restype = ctypes.c_char
        self._library = library
        rows = [n for k in range(doors) for n in (travel_ms, LIMIT_MS, k + 1 if k < beams else 0)]
        ceilings = [n for pair in outputs for n in pair]
        self._host = ctypes.c_void_p(
            library.make(
                b"board-1",
                doors,
                (ctypes.c_uint16 * max(1, len(rows)))(*rows),
                len(outputs),
                (ctypes.c_uint32 * max(1, len(ceilings)))(*ceilings),
                beams,
            )
        )
        self.t_ms = 0
        self.number = 254
        self.switches = {"o": (1, 0), "c": (0, 1), "u": (0, 0), "both": (1, 1)}[switches]
        self.stripes = self.beams = 0
        library.start(self._host, *self.switches, 0, 0, b"power")

    def close(self) -> None:
        self._library.destroy(self._host)

    def tick(self) -> None:
        self.t_ms += 1
        self._library.tick(self._host, self.t_ms, *self.switches, self.stripes, self.beams)

    def run(self, ms: int, moving: bool = True, beat: bool = True) -> None:
        """Go on; the panel moves, and the host beats, unless told otherwise."""
        for _ in range(ms):
            if beat and self.t_ms % 100 == 0:
                self.give(f"{self.t_ms // 100 % 256} beat")
            self.stripes ^= int(moving)
            self.tick()

    def order(self, text: str) -> None:
        """A line of its own: the same bytes as the last would do nothing."""
        self.number = 509 - self.number
        self.give(f"{self.number} {text}")

    def give(self, text: str) -> None:
        self.receive(frame_line(text))

    def receive(self, data: bytes) -> None:
        self._library.receive(self._host, data, len(data))

    def said(self) -> bytes:
        lines = ctypes.create_string_buffer(4096)
        size = self._library.sent(self._host, lines)
        return lines.raw[:size]

    def words(self) -> list[str]:
        """What was said, without the answers to beats and the events' numbers and times."""
        texts = [str(parse_line(line)) for line in self.said().splitlines()]
        events = [text.split(" ", 3)[3] for text in texts if text[0] == "!"]
        return events + [text.split(" ", 1)[1] for text in texts if text[:4] in ("254 ", "255 ")]

    @property
    def letter(self) -> str:
        return self._library.letter(self._host, 0).decode()

    @property
    def motor(self) -> int:
        return self._library.motor(self._host, 0)

    @property
    def output(self) -> bool:
        return bool(self._library.output(self._host, 0))


def bring(library: ctypes.CDLL, state: str, reversals: int = 0) -> Decisions:
    """A controller whose door is in `state`, after so many reversals."""
    board = Decisions(library, switches=state if state in "ocu" else "o")
    if state == "f" and not reversals:
        board.switches = (0, 0)
        board.tick()
    for _ in range(reversals):
        board.order("close 1 500")
        board.switches = (0, 0)
        board.beams = 1
        board.run(2)
        board.beams = 0
        board.switches = (1, 0)
        board.run(2)
    if state in "CO":
        board.order("close 1 500")
        board.switches = (0, 0)
        board.run(60)
    if state == "O":
        board.order("stop 1")
        board.run(60)
    if state == "j":
        board.switches = (0, 0)
        board.run(2)
        board.order("open 1")
        board.run(250, moving=False)
    assert board.letter == state
    board.said()
    return board


# What happens to a door, and what it is told. Each makes one thing of `board` and lets 2 ms pass.
def line(text: str) -> Callable[[Decisions], None]:
    return lambda board: (board.order(f"{text}"), board.run(2, beat=False))[0]


def world(**changes: object) -> Callable[[Decisions], None]:
    def act(board: Decisions) -> None:
        for name, value in changes.items():
            setattr(board, name, value)
        board.run(2, beat=False)

    return act


def passing(ms: int, moving: bool = True, renew: str = "") -> Callable[[Decisions], None]:
    def act(board: Decisions) -> None:
        for _ in range(ms // 50):
            if renew:
                board.give(f"{board.t_ms // 50 % 200} {renew}")
            board.run(50, moving, beat=bool(renew))

    return act


def reset(board: Decisions) -> None:
    board._library.start(board._host, *board.switches, board.stripes, board.beams, b"external")
    board.t_ms = 0
    board.run(2, beat=False)


EVENTS: dict[str, Callable[[Decisions], None]] = {
    "open": line("open 1"),
    "home": line("home 1"),
    "close": line("close 1 300"),
    "permit": line("permit 1 300"),
    "stop": line("stop 1"),
    "hello": line("hello"),
    "state": line("state"),
    "test": line("test"),
    "beat": line("beat"),
    "beam": world(beams=1),
    "open-switch": world(switches=(1, 0)),
    "closed-switch": world(switches=(0, 1)),
    "both-switches": world(switches=(1, 1)),
    "no-switch": world(switches=(0, 0)),
    "stall": passing(100, moving=False, renew="permit 1 500"),
    "permit-lapses": passing(500, renew="beat"),
    "too-long": passing(1600, renew="permit 1 500"),
    "watchdog": passing(300),
    "reset": reset,
}

# The letter afterwards, and how the motor is, where a state and an event do not leave both as they
# were. In the states C and O no switch is pressed, in o and c their own, in u, j and f none.
STAYS = {
    state: {"o": 0, "O": 1, "c": 0, "C": -1, "j": 0, "u": 0, "f": 0}[state] for state in "oOcCjuf"
}
CHANGES: dict[tuple[str, str], str] = {
    **{(state, verb): "O" for state in "cCjuf" for verb in ("open", "home")},
    ("o", "close"): "C",
    ("C", "stop"): "O",
    ("C", "hello"): "O",
    ("C", "beam"): "O",
    ("C", "stall"): "O",
    ("C", "permit-lapses"): "O",
    ("C", "too-long"): "O",
    ("C", "watchdog"): "O",
    ("C", "closed-switch"): "c",
    ("O", "open-switch"): "o",
    ("O", "stall"): "j",
    ("O", "too-long"): "j",
    ("o", "closed-switch"): "f",
    ("o", "both-switches"): "f",
    ("o", "no-switch"): "f",
    ("c", "open-switch"): "f",
    ("c", "both-switches"): "f",
    ("c", "no-switch"): "f",
    ("u", "open-switch"): "o",
    ("u", "closed-switch"): "c",
    **{(state, "reset"): "u" for state in "OCjf"},
}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(STAYS, EVENTS)))
def test_every_state_and_event(host: ctypes.CDLL, state: str, event: str) -> None:
    for reversals in range(3) if state in "oC" else (0,):
        board = bring(host, state, reversals)
        EVENTS[event](board)
        after = CHANGES.get((state, event), state)
        assert (board.letter, board.motor) == (after, STAYS[after]), reversals
        said = board.words()
        if after == "c" and state != "c":
            assert board.switches == (0, 1)
        for word in ("closed", "closing"):  # nothing begins to close but a close from open
            if any(word in text.split() for text in said):
                assert (state, event) in {
                    ("o", "close"),
                    ("C", "closed-switch"),
                    ("u", "closed-switch"),
                }
        board.close()


@pytest.mark.parametrize("cause", ["beam", "stall", "permit", "time", "watchdog"])
def test_the_third_reversal_leaves_the_door_open(host: ctypes.CDLL, cause: str) -> None:
    board = bring(host, "C", 2)
    acts = {"beam": "beam", "stall": "stall", "permit": "permit-lapses", "time": "too-long"}
    EVENTS[acts.get(cause, cause)](board)
    said = board.words()
    assert f"door 1 reversed {cause}" in said
    board.beams = 0
    if board.letter == "O":
        board.switches = (1, 0)
        board.run(2)
        assert board.words()[-2:] == ["door 1 open", "door 1 fault"]
        assert board.letter == "f"
    board.order("close 1 300")
    assert board.words() in (["no fault"], ["no not-open"])
    board.close()


def test_a_door_that_does_not_leave_its_open_switch_goes_back(host: ctypes.CDLL) -> None:
    board = Decisions(host)
    board.order("close 1 500")
    board.run(205)
    assert "door 1 reversed stall" in board.words()
    # Its switch says open all the while; it goes on until it stands still.
    board.run(180)
    assert (board.letter, board.motor) == ("O", 1)
    board.run(80, moving=False)
    assert board.words() == ["door 1 jammed"]
    assert board.motor == 0
    board.close()


def test_ceilings_and_leases(host: ctypes.CDLL) -> None:
    board = Decisions(host, outputs=((500, 1),))
    for k in range(40):  # renewed for ever
        board.order(f"out 1 1 {100 + k}")
        board.run(20, beat=False)
        assert board.output == (20 * k < 500 - 20)
    assert [word for word in board.words() if word.startswith("out")] == ["out 1 on", "out 1 limit"]
    board.close()


NUMBERS = st.integers(0, 3).map(str)
SOME_MS = st.sampled_from(["1", "60", "200", "500", "501", "2000", "2001", "x", ""])
LINES = st.one_of(
    st.sampled_from(["beat", "state", "hello", "hello doors", "hello outputs", "hello x", "test"]),
    st.sampled_from(["open", "", " ", "state ", "beat 1", "open 1 1", "home 1 2", "stop 2 1", "x"]),
    st.tuples(st.sampled_from(["open", "stop", "home"]), NUMBERS).map(" ".join),
    st.tuples(st.sampled_from(["close", "permit"]), NUMBERS, SOME_MS).map(" ".join),
    st.tuples(st.just("out"), NUMBERS, st.just("1"), SOME_MS).map(" ".join),
    st.tuples(
        st.just("train"), NUMBERS, st.sampled_from(["20 5000", "100 10001", "3 7"]), SOME_MS
    ).map(" ".join),
    st.tuples(st.just("out"), NUMBERS, st.just("0")).map(" ".join),
)
ACTS = st.one_of(
    LINES.map(lambda text: ("line", text)),
    st.binary(max_size=80).map(lambda data: ("bytes", data)),
    st.tuples(st.sampled_from(["beam", "block", "jam"]), st.booleans()),
    st.tuples(st.just("push"), st.sampled_from([0.0, 0.3, 1.0])),
    st.just(("reset", None)),
    st.just(("sync", None)),
    st.just(("again", None)),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 30), ACTS), max_size=50), st.integers(0, 255))
def test_the_same_lines_as_the_simulated_board(
    host: ctypes.CDLL, schedule: list[tuple[int, tuple[str, object]]], number: int
) -> None:
    """Byte for byte, in every millisecond, with the mechanism of the simulated board."""
    outputs = ((700, 1), (600_000, 7200))
    pins = [DoorPins(travel_ms=400, beam=1), DoorPins(travel_ms=400, start=0.5)]
    board = Board("board-1", pins, [OutputPins(*pair) for pair in outputs], beams=1)
    ours = Decisions(host, 2, outputs, 1, 400)
    before = [board.position(1), board.position(2)]
    look(ours, board)
    began = 0

    def restart(cause: bytes) -> None:
        host.start(ours._host, *ours.switches, ours.stripes, ours.beams, cause)
        ours.t_ms = 0

    restart(b"power")
    ours.said()
    sent = board.step(0)
    host.start(ours._host, *ours.switches, ours.stripes, ours.beams, b"power")
    assert ours.said() == sent
    t_ms, last = 0, b""
    for wait, (kind, what) in schedule:
        for _ in range(wait * 10 + 1):
            t_ms += 1
            sent = board.step(t_ms * MS)
            now = [board.position(1), board.position(2)]
            for k in (0, 1):
                ours.stripes ^= int(now[k] != before[k]) << k
            before = now
            look(ours, board)
            ours.t_ms = t_ms - began - 1
            ours.tick()
            assert ours.said() == sent, t_ms
        data = b""
        if kind == "line":
            number = (number + 1) % 256
            data = last = frame_line(f"{number} {what}")
        elif kind == "again":
            data = last
        elif kind == "bytes":
            data = bytes(what) + b"\n"  # type: ignore[arg-type]
        elif kind == "reset":
            board.reset(t_ms * MS)
            look(ours, board)
            restart(b"external")
            began = t_ms
        elif kind == "sync":
            board.sync()
            host.give_sync(ours._host)
        elif kind == "push":
            board.push(1, float(what))  # type: ignore[arg-type]
            before[0] = board.position(1)
        else:
            {"beam": board.set_beam, "block": board.block, "jam": board.jam}[kind](1, bool(what))
            if kind == "beam":
                ours.beams = int(bool(what))
        if data:
            sent = board.step(t_ms * MS, data)
            ours.receive(data)
            assert ours.said() == sent, data
    ours.close()


def look(ours: Decisions, board: Board) -> None:
    """The switches of `ours` say what the doors of `board` do."""
    places = [board.position(1), board.position(2)]
    ours.switches = (
        sum(1 << k for k, place in enumerate(places) if place == 1.0),
        sum(1 << k for k, place in enumerate(places) if place == 0.0),
    )
