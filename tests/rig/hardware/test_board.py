"""The board's half: transcripts, what it never does whatever comes, and virtual time."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.errors import DoorError
from rig.hardware.orders import Order, Verb
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.panel import DoorPins, OutputPins
from rig.hardware.simulated.virtual import VirtualBoard
from rig.hardware.wire import MAX_LINE, frame_line
from rig.model import DoorReport, ReportKind

MS = 1_000_000


@pytest.mark.parametrize(
    "name",
    [
        "board-hello.txt",
        "board-doors.txt",
        "board-reversals.txt",
        "board-jam.txt",
        "board-outputs.txt",
        "board-watchdog.txt",
        "board-refusals.txt",
    ],
)
def test_transcript(name: str, play_board: Callable[[str], None]) -> None:
    play_board(name)


@pytest.mark.parametrize(
    ("ends", "why"),
    [
        pytest.param("@10 > 1 beat*HH\n@10 < 2 ok 1*HH", "2 ok", id="wrong"),
        pytest.param("@10 > 1 beat*HH\n@11 < 1 ok 1*HH", "11", id="wrong-time"),
        pytest.param("@10 > 1 beat*HH\n@10 < 1 ok 1*HH\n@10 < 1 ok 1*HH", "missing", id="missing"),
        pytest.param("@10 > 1 beat*HH", "unread", id="unread"),
    ],
)
def test_transcripts_can_fail(ends: str, why: str, play_text: Callable[[str], None]) -> None:
    with pytest.raises(AssertionError, match=why):
        play_text("board b\n@0 < ! 0 0 reset*HH\n" + ends)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Board(name="a name"), id="blank-in-name"),
        pytest.param(lambda: Board(name="x" * 17), id="long-name"),
        pytest.param(lambda: Board(doors=[DoorPins()] * 5), id="five-doors"),
        pytest.param(lambda: Board(outputs=[OutputPins()] * 5), id="five-outputs"),
        pytest.param(lambda: Board(beams=9), id="nine-beams"),
        pytest.param(lambda: Board(doors=[DoorPins(beam=3)], beams=2), id="no-such-beam"),
    ],
)
def test_a_board_that_cannot_be(make: Callable[[], Board]) -> None:
    with pytest.raises(ValueError, match=r"board|at most|beam"):
        make()


def test_the_longest_answers_fit_a_line() -> None:
    doors = [DoorPins(limit_ms=99999)] * 4
    board = Board("x" * 16, doors, [OutputPins(999_999, 99_999)] * 4, 8)
    board.step(0, b"\xff" * 70_000 + b"\n")
    for verb in ("hello", "hello doors", "hello outputs", "state", "test"):
        answer = board.step(1, frame_line(f"255 {verb}"))
        assert b"255 ok " in answer
        assert max(map(len, answer.split(b"\n"))) < MAX_LINE


@given(st.lists(st.binary(max_size=80), max_size=12))
def test_random_bytes_do_nothing(pieces: list[bytes]) -> None:
    board = Board(doors=[DoorPins(), DoorPins(start=0.0)])
    board.step(0)
    for k, piece in enumerate(pieces):
        assert board.step(k * MS, piece) == b""
    assert [board.position(1), board.position(2)] == [1.0, 0.0]


NUMBERS = st.integers(0, 3).map(str)
SOME_MS = st.sampled_from(["1", "60", "200", "500", "501", "2000", "2001"])
LINES = st.one_of(
    st.just("beat"),
    st.just("state"),
    st.just("hello"),
    st.tuples(st.sampled_from(["open", "stop", "home"]), NUMBERS).map(" ".join),
    st.tuples(st.sampled_from(["close", "permit"]), NUMBERS, SOME_MS).map(" ".join),
    st.tuples(st.just("out"), NUMBERS, st.just("1"), SOME_MS).map(" ".join),
    st.tuples(st.just("train"), NUMBERS, st.just("20 5000"), SOME_MS).map(" ".join),
    st.tuples(st.just("out"), NUMBERS, st.just("0")).map(" ".join),
)
ACTS = st.one_of(
    LINES.map(lambda text: ("line", text)),
    st.tuples(st.sampled_from(["beam", "block", "jam"]), st.sampled_from([(1, True), (1, False)])),
    st.just(("reset", None)),
)


@given(st.lists(st.tuples(st.integers(0, 30), ACTS), max_size=60))
def test_what_no_schedule_makes_a_door_do(schedule: list[tuple[int, tuple[str, object]]]) -> None:
    """Never pushed on for 100 ms without permit, host, or way; never closed without its switch."""
    board = Board(doors=[DoorPins(travel_ms=400, beam=1), DoorPins(start=0.5)], beams=1)
    sent = board.step(0)
    heard_ms = bad_ms = 0
    leases_ms = {1: 0, 2: 0, 3: 0}
    permits_ms = {1: 0, 2: 0}
    blocked = {"beam": False, "block": False, "jam": False}
    before = [board.position(1), board.position(2)]
    number = t_ms = 0
    for wait, (kind, what) in schedule:
        for _ in range(wait * 10):
            t_ms += 1
            sent = board.step(t_ms * MS)
            now = [board.position(1), board.position(2)]
            for door in (1, 2):
                closing = now[door - 1] < before[door - 1]
                lapsed = t_ms > permits_ms[door] or t_ms > heard_ms + 250
                assert not (closing and lapsed), f"door {door} closes on its own at {t_ms}"
                if f"door {door} closed".encode() in sent:
                    assert now[door - 1] == 0.0
            pushed = board._doors[0].panel.motor < 0
            bad_ms = bad_ms + 1 if pushed and any(blocked.values()) else 0
            assert bad_ms <= 100
            for output in (1, 2, 3):
                if board.output(output):
                    assert t_ms < leases_ms[output]
                    assert t_ms < heard_ms + 250
            before = now
        if kind == "line":
            number = (number + 1) % 256
            answer = board.step(t_ms * MS, frame_line(f"{number} {what}"))
            heard_ms = t_ms
            verb, *args = str(what).split()
            if f"{number} ok".encode() in answer:
                if verb in ("close", "permit"):
                    permits_ms[int(args[0])] = t_ms + int(args[1])
                elif verb in ("out", "train"):
                    leases_ms[int(args[0])] = t_ms + int(args[-1])
        elif kind == "reset":
            board.reset(t_ms * MS)
        else:
            assert isinstance(what, tuple)
            {"beam": board.set_beam, "block": board.block, "jam": board.jam}[kind](*what)
            blocked[kind] = what[1]


# Virtual time: the board and its link together.


def hear(virtual: VirtualBoard) -> list[DoorReport]:
    reports: list[DoorReport] = []
    virtual.subscribe(reports.append)
    reports.clear()
    return reports


def words(reports: list[DoorReport], *kinds: ReportKind) -> list[tuple[int, str]]:
    return [
        (r.t_ns // MS, f"{r.name} {r.value} {r.cause}".strip())
        for r in reports
        if not kinds or r.kind in kinds
    ]


def test_it_is_up_at_once_and_tells_who_listens_later() -> None:
    virtual = VirtualBoard(Board("b", doors=[DoorPins(start=0.0)], beams=1), now_ns=5 * MS)
    reports: list[DoorReport] = []
    virtual.subscribe(reports.append)
    assert virtual.name == "b"
    assert words(reports, ReportKind.LINK, ReportKind.DOOR) == [(5, "b up"), (5, "1 closed")]
    assert virtual.link.hello is not None
    assert virtual.link.hello.door_limits_ms == (1500,)
    assert virtual.link.hello.output_totals_s == (7200,) * 4


def test_another_name_than_expected_is_an_error() -> None:
    with pytest.raises(DoorError, match="it calls itself b, not a"):
        VirtualBoard(Board("b"), "a")


def test_a_session_loop_closes_a_door_and_keeps_an_output_on() -> None:
    virtual = VirtualBoard(Board())
    reports = hear(virtual)
    virtual.order([Order(Verb.CLOSE, (2,), 300)], 0)
    for frame in range(1, 30):
        now_ns = frame * 66 * MS
        virtual.step_to(now_ns)
        virtual.alive(now_ns)
        virtual.order([Order(Verb.PERMIT, (2,), 300), Order(Verb.OUT, (1,), 100)], now_ns)
        assert virtual.board.position(2) == pytest.approx(max(0.0, 1 - now_ns / 1e9), abs=1e-6)
    virtual.step_to(5000 * MS)
    assert words(reports) == [
        (0, "2 closing"),
        (66, "1 on"),
        (1000, "2 closed"),
        (29 * 66 + 100, "1 off"),
        # the loop lives no more from 1914 ms on: its last beat goes at 2100
        (2350, "board-1"),
    ]


def test_what_is_due_now_is_done_now() -> None:
    virtual = VirtualBoard(Board())
    virtual.order([Order(Verb.OUT, (1,), 100)], 10 * MS)
    virtual.step_to(110 * MS - 1)
    assert virtual.board.output(1)
    virtual.step_to(110 * MS)
    assert not virtual.board.output(1)


def test_a_loop_that_lives_is_never_missed() -> None:
    virtual = VirtualBoard(Board())
    reports = hear(virtual)
    for frame in range(1, 600 * 15):
        virtual.step_to(frame * 66_666_667)
        virtual.alive(frame * 66_666_667)
    assert reports == []
    virtual.step_to(700_000 * MS)
    assert [r.kind for r in reports] == [ReportKind.WATCHDOG]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 4)), max_size=25))
def test_skipping_gives_the_same_as_every_millisecond(acts: list[tuple[int, int]]) -> None:
    """Virtual time jumps from one thing that happens to the next, and nothing else may differ."""
    jumping, creeping = VirtualBoard(Board()), VirtualBoard(Board())
    heard = hear(jumping), hear(creeping)
    t_ms = 0
    for wait, act in acts:
        for _ in range(wait):
            t_ms += 1
            creeping.link.due_ns = creeping.board._due_ns = 0  # no half may skip
            creeping.step_to(t_ms * MS)
        for virtual in (jumping, creeping):
            match act:
                case 0:
                    virtual.alive(t_ms * MS)
                case 1:
                    virtual.order([Order(Verb.OUT, (1,), 300)], t_ms * MS)
                case 2:
                    virtual.order([Order(Verb.OFF, (1,))], t_ms * MS)
                case 3:
                    virtual.step_to(t_ms * MS)
                    virtual.board.set_beam(1, t_ms % 2 == 0)
                case _:
                    virtual.order([Order(Verb.TRAIN, (2,), 500, 20, 5000)], t_ms * MS)
    for virtual in (jumping, creeping):
        virtual.step_to((t_ms + 5000) * MS)
    assert heard[0] == heard[1]


def test_a_reset_in_the_middle_moves_nothing() -> None:
    virtual = VirtualBoard(Board())
    reports = hear(virtual)
    virtual.order([Order(Verb.CLOSE, (1,), 500), Order(Verb.OUT, (1,), 2000)], 0)
    virtual.step_to(200 * MS)
    virtual.board.reset(200 * MS)
    virtual.step_to(2000 * MS)
    assert virtual.board.position(1) == pytest.approx(0.8)
    assert not virtual.board.output(1)
    assert words(reports, ReportKind.RESET, ReportKind.LINK) == [
        (200, "board-1"),
        (200, "board-1 up"),
    ]
    assert (200, "1 unknown") in words(reports, ReportKind.DOOR)


def test_doors_in_one_order_open_together() -> None:
    board = Board(doors=[DoorPins(start=0.0)] * 2)
    virtual = VirtualBoard(board)
    reports = hear(virtual)
    virtual.order([Order(Verb.OPEN, (1, 2))], 10 * MS)
    virtual.step_to(2000 * MS)
    assert words(reports, ReportKind.DOOR) == [
        (10, "1 opening"),
        (10, "2 opening"),
        (1010, "1 open"),
        (1010, "2 open"),
    ]
