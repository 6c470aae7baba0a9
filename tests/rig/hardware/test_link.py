"""The host's half: transcripts, figures, and a line that loses and garbles."""

import random
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rig.hardware.link import Link, Phase
from rig.hardware.orders import Order, Timing, Verb
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.panel import DoorPins
from rig.hardware.wire import frame_line
from rig.model import ReportKind

MS = 1_000_000


@pytest.mark.parametrize(
    "name",
    [
        "link-beats.txt",
        "link-resend.txt",
        "link-silent.txt",
        "link-safe.txt",
        "link-gap.txt",
        "link-stale.txt",
        "link-reset.txt",
        "link-wrong.txt",
    ],
)
def test_transcript(name: str, play_link: Callable[[str], None]) -> None:
    play_link(name)


@pytest.mark.parametrize(
    ("order", "text"),
    [
        (Order(Verb.OPEN, (1, 2)), "open 1 2"),
        (Order(Verb.CLOSE, (1,), 300), "close 1 300"),
        (Order(Verb.PERMIT, (4,), 500), "permit 4 500"),
        (Order(Verb.STOP, (1, 3)), "stop 1 3"),
        (Order(Verb.HOME, (2,)), "home 2"),
        (Order(Verb.OUT, (1,), 300), "out 1 1 300"),
        (Order(Verb.OFF, (1,)), "out 1 0"),
        (Order(Verb.TRAIN, (1,), 300, 20, 5000), "train 1 20 5000 300"),
        (Order(Verb.TEST), "test"),
    ],
)
def test_order_as_text(order: Order, text: str) -> None:
    assert order.text() == text


@pytest.mark.parametrize("numbers", [(), (1, 2)])
def test_a_permit_is_for_one_door(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="permit"):
        Order(Verb.PERMIT, numbers, 300)


def connect(link: Link, board: Board, now_ns: int = 0) -> None:
    back = b""
    while True:
        out, _ = link.step(now_ns, back)
        back = board.step(now_ns, out)
        if not back:
            return


def test_an_idle_link_and_board_sleep() -> None:
    link, board = Link(), Board()
    connect(link, board)
    assert link.phase is Phase.UP
    assert link.name == "board-1"
    assert link.due_ns > 1 << 60  # nobody is alive: nothing to do, for ever
    link.alive(0)
    assert link.due_ns == 0
    out, _ = link.step(0)
    link.step(0, board.step(0, out))
    assert link.due_ns == 100 * MS
    assert link.step(99 * MS) == (b"", ())
    assert link.step(100 * MS)[0] == frame_line("5 beat")


def test_what_is_rehearsed_is_what_would_be_sent_and_nothing_follows() -> None:
    link, other, board = Link(), Link(), Board()
    connect(link, board)
    connect(other, Board())
    order = Order(Verb.TRAIN, (1,), 300, 20, 5000)
    for n in range(3):
        assert link.rehearse(n * MS, [order]) == frame_line("0 train 1 20 5000 300")
    assert link.idle
    assert (link.due_ns, list(link.timings)) == (other.due_ns, [])
    assert link.step(3 * MS, b"", [order]) == other.step(3 * MS, b"", [order])
    link.rehearse(4 * MS, [order])  # while a line is unanswered
    assert link.step(60 * MS) == other.step(60 * MS)
    assert link.step(70 * MS, board.step(70 * MS, b"")) == other.step(70 * MS, b"")


def test_each_order_is_timed_from_its_picture_to_its_switch() -> None:
    link = Link()
    board = Board(doors=[DoorPins(travel_ms=100, start=0.0), DoorPins(travel_ms=200, start=0.0)])
    connect(link, board)
    orders = [Order(Verb.OPEN, (1, 2)), Order(Verb.OFF, (1,))]
    out, _ = link.step(10 * MS, b"", orders, 8 * MS)
    link.wrote(11 * MS)
    out, _ = link.step(12 * MS, board.step(12 * MS, out))
    out, _ = link.step(14 * MS, board.step(14 * MS, out))
    off, opened = link.timings
    # The output was off already. The doors are open when the slower one is.
    assert off == Timing(Verb.OFF, (1,), 8 * MS, 10 * MS, 11 * MS, 12 * MS, 12 * MS)
    assert opened == Timing(Verb.OPEN, (1, 2), 8 * MS, 10 * MS, 12 * MS, 14 * MS)
    for t_ms in range(16, 230, 2):
        link.step(t_ms * MS, board.step(t_ms * MS, out))
        out = b""
        if t_ms < 210:
            assert opened.confirmed_ns is None
    assert opened.confirmed_ns == 214 * MS


def test_what_is_undone_is_never_confirmed() -> None:
    link, board = Link(), Board()
    connect(link, board)
    for t_ms, order in (
        (0, Order(Verb.CLOSE, (1,), 500)),
        (20, Order(Verb.OPEN, (1,))),
        (40, Order(Verb.OUT, (2,), 100)),
    ):
        out, _ = link.step(t_ms * MS, b"", [order])
        link.step(t_ms * MS, board.step(t_ms * MS, out))
    for t_ms in range(50, 200, 5):
        link.step(t_ms * MS, board.step(t_ms * MS))
    closing, opening, on = link.timings
    assert closing.confirmed_ns is None
    assert 20 * MS < (opening.confirmed_ns or 0) < 60 * MS
    assert on.confirmed_ns == 40 * MS


def test_ids_wrap() -> None:
    link, board = Link(), Board()
    connect(link, board)
    for k in range(600):
        out, _ = link.step(k * MS, b"", [Order(Verb.OPEN, (1,))])
        link.step(k * MS, board.step(k * MS, out))
        assert link.idle
    assert out == frame_line(f"{(599 + 4) % 256} open 1")


@given(st.lists(st.binary(max_size=70), max_size=20))
def test_random_bytes_never_raise_or_report(pieces: list[bytes]) -> None:
    link, board = Link(), Board()
    connect(link, board)
    for k, piece in enumerate(pieces):
        out, reports = link.step(k * MS, piece)
        assert reports == ()
        link.step(k * MS, board.step(k * MS, out))


@given(st.lists(st.text(alphabet="! 0123456789abdehlnoptu-/", max_size=30), max_size=20))
def test_random_valid_lines_never_raise(texts: list[str]) -> None:
    link = Link()
    for k, text in enumerate(texts):
        if text:
            link.step(k * MS, frame_line(text))


@settings(max_examples=40)
@example(558, 0.01)  # the answer to `state` is lost, and sent again after the door has arrived
@example(657, 0.01)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.01, 0.1]))
def test_through_a_bad_line_both_ends_agree_afterwards(seed: int, share: float) -> None:
    """Bytes are lost and flipped for 3 s, then no more: the link is up and knows the truth."""
    rng = random.Random(seed)

    def garble(data: bytes) -> bytes:
        return bytes(
            byte ^ (1 << rng.randrange(8)) if rng.random() < share else byte
            for byte in data
            if rng.random() > share
        )

    link, board = Link("board-1"), Board()
    known: dict[tuple[ReportKind, str], str] = {}
    choices = [
        Order(Verb.OPEN, (1, 2)),
        Order(Verb.CLOSE, (1,), 500),
        Order(Verb.PERMIT, (1,), 500),
        Order(Verb.STOP, (1,)),
        Order(Verb.OUT, (1,), 200),
        Order(Verb.TRAIN, (1,), 200, 20, 5000),
        Order(Verb.OFF, (1,)),
    ]
    to_host = b""
    for t_ms in range(0, 6000, 2):
        noisy = t_ms < 3000
        if t_ms % 30 == 0:
            link.alive(t_ms * MS)
        orders = [rng.choice(choices)] if noisy and t_ms % 40 == 0 else []
        to_board, reports = link.step(t_ms * MS, to_host, orders)
        for report in reports:
            known[report.kind, report.name] = report.value
        to_host = board.step(t_ms * MS, garble(to_board) if noisy else to_board)
        to_host = garble(to_host) if noisy else to_host
    assert link.phase is Phase.UP
    letters = {"open": "o", "closed": "c", "jammed": "j", "fault": "f", "unknown": "u"}
    told = [letters[known[ReportKind.DOOR, number]] for number in ("1", "2")]
    assert "".join(told) == board._letters()
    assert (known[ReportKind.OUTPUT, "1"] == "on") == board.output(1)
