"""Transcripts of the wire, played to either half; wrong, missing and unread lines all fail.

A transcript is a text file. ``#`` begins a comment. The first line says which board it is about:

    board NAME doors=oc outputs=4 beams=2 ceiling=600000/7200

(a letter a door, o open or c closed at power-on; door N has beam N where there is one; travel 1 s,
1.5 s allowed). Every further line has a time in ms since power-on and a kind:

    @T > TEXT*HH    host to board. A literal HH stands for the right checksum; other two
                    characters are sent as they stand. LF is added.
    @T >x 0A FF     bytes as they are, in hex
    @T < TEXT*HH    board to host
    @T do WORDS     what the world does: "beam 1 blocked", "block 1 on", "jam 1 on",
                    "push 1 0.5", "reset", "sync" at the board; "order close 1 300", "alive 500"
                    (the loop lives, every 20 ms, until then), "lost", "found" at the host
    @T says WORDS   a report of the host's half: kind, name, value, cause

Whichever half is tested, what the other one sends is fed to it, and what it sends is compared:
the lines, their order, and the time of each.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.hardware.link import Link
from rig.hardware.orders import Order, Verb
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.panel import DoorPins, OutputPins
from rig.hardware.wire import frame_line
from rig.model import DoorReport

NS_PER_MS = 1_000_000
FOLDER = Path(__file__).parent / "transcripts"


@dataclass(frozen=True)
class Entry:
    where: str
    t_ms: int
    kind: str
    text: str

    def data(self) -> bytes:
        if self.kind.endswith("x"):
            return bytes.fromhex(self.text)
        if self.text.endswith("*HH"):
            return frame_line(self.text[:-3])
        return self.text.encode() + b"\n"


class Transcript:
    def __init__(self, text: str, name: str = "transcript") -> None:
        lines = [
            (number, line.split("#")[0].strip()) for number, line in enumerate(text.split("\n"), 1)
        ]
        lines = [(number, line) for number, line in lines if line]
        head = lines.pop(0)[1].split()
        assert head[0] == "board", name
        self.name = head[1]
        self.settings = dict(pair.split("=") for pair in head[2:])
        self.entries = []
        for number, line in lines:
            time, kind, rest = line.split(maxsplit=2)
            self.entries.append(Entry(f"{name}:{number}", int(time.removeprefix("@")), kind, rest))

    def board(self) -> Board:
        get = self.settings.get
        beams = int(get("beams", "2"))
        continuous_ms, total_s = map(int, get("ceiling", "600000/7200").split("/"))
        doors = [
            DoorPins(start=1.0 if letter == "o" else 0.0, beam=n if n <= beams else None)
            for n, letter in enumerate(get("doors", "oo"), 1)
        ]
        outputs = [OutputPins(continuous_ms, total_s)] * int(get("outputs", "4"))
        return Board(self.name, doors, outputs, beams)


class Player:
    """One half, stepped every millisecond; what it said is kept until it is asked for."""

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self.t_ms = 0
        self.alive_until_ms = -1
        self.lines: deque[tuple[int, bytes]] = deque()
        self.says: deque[tuple[int, str]] = deque()

    def step(self, t_ms: int, data: bytes = b"") -> None:
        raise NotImplementedError

    def do(self, t_ms: int, words: list[str]) -> None:
        raise NotImplementedError

    def keep(self, t_ms: int, data: bytes) -> None:
        self.lines.extend((t_ms, line + b"\n") for line in data.split(b"\n")[:-1])

    def run_to(self, t_ms: int) -> None:
        while self.t_ms < t_ms:
            self.t_ms += 1
            self.step(self.t_ms)

    def play(self, feeds: str) -> None:
        self.step(0)
        for entry in self.transcript.entries:
            self.run_to(entry.t_ms)
            if entry.kind == "do":
                self.do(entry.t_ms, entry.text.split())
            elif entry.kind == "says":
                self.expect(entry, self.says, entry.text)
            elif entry.kind[0] == feeds:
                self.step(entry.t_ms, entry.data())
            else:
                self.expect(entry, self.lines, entry.data())
        assert not self.lines, f"unread: {list(self.lines)}"
        assert not self.says, f"unread: {list(self.says)}"

    def expect(self, entry: Entry, said: deque, wanted: object) -> None:
        assert said, f"{entry.where}: missing: {entry.text}"
        assert (entry.where, *said.popleft()) == (entry.where, entry.t_ms, wanted)


class BoardPlayer(Player):
    def __init__(self, transcript: Transcript) -> None:
        super().__init__(transcript)
        self.board = transcript.board()

    def step(self, t_ms: int, data: bytes = b"") -> None:
        self.keep(t_ms, self.board.step(t_ms * NS_PER_MS, data))

    def do(self, t_ms: int, words: list[str]) -> None:
        board = self.board
        match words:
            case ["beam", number, state]:
                board.set_beam(int(number), state == "blocked")
            case ["block", number, state]:
                board.block(int(number), state == "on")
            case ["jam", number, state]:
                board.jam(int(number), state == "on")
            case ["push", number, position]:
                board.push(int(number), float(position))
            case ["reset"]:
                board.reset(t_ms * NS_PER_MS)
            case ["sync"]:
                board.sync()
            case _:
                raise AssertionError(words)
        self.step(t_ms)


class LinkPlayer(Player):
    def __init__(self, transcript: Transcript) -> None:
        super().__init__(transcript)
        self.link = Link(transcript.name)

    def step(self, t_ms: int, data: bytes = b"", orders: tuple[Order, ...] = ()) -> None:
        if t_ms <= self.alive_until_ms and t_ms % 20 == 0:
            self.link.alive(t_ms * NS_PER_MS)
        out, reports = self.link.step(t_ms * NS_PER_MS, data, orders)
        self.keep(t_ms, out)
        self.hear(reports)

    def hear(self, reports: tuple[DoorReport, ...]) -> None:
        for r in reports:
            words = " ".join(word for word in (r.kind, r.name, r.value, r.cause) if word)
            self.says.append((r.t_ns // NS_PER_MS, words))

    def do(self, t_ms: int, words: list[str]) -> None:
        match words:
            case ["order", *texts]:
                orders = [parse_order(text.split()) for text in " ".join(texts).split(",")]
                self.step(t_ms, b"", tuple(orders))
            case ["alive", until]:
                self.alive_until_ms = int(until)
                self.link.alive(t_ms * NS_PER_MS)
                self.step(t_ms)
            case ["lost"]:
                self.hear(self.link.lost(t_ms * NS_PER_MS))
            case ["found"]:
                self.link.found(t_ms * NS_PER_MS)
                self.step(t_ms)
            case _:
                raise AssertionError(words)


def parse_order(words: list[str]) -> Order:
    verb, *numbers = words
    values = list(map(int, numbers))
    match verb:
        case "out":
            assert values[1] == 1
            return Order(Verb.OUT, (values[0],), values[2])
        case "train":
            return Order(Verb.TRAIN, (values[0],), values[3], values[1], values[2])
        case "close" | "permit":
            return Order(Verb(verb), (values[0],), values[1])
        case _:
            return Order(Verb(verb), tuple(values))


def read(name: str) -> Transcript:
    return Transcript((FOLDER / name).read_text(encoding="ascii"), name)


@pytest.fixture
def play_board() -> Callable[[str], None]:
    return lambda name: BoardPlayer(read(name)).play(feeds=">")


@pytest.fixture
def play_link() -> Callable[[str], None]:
    return lambda name: LinkPlayer(read(name)).play(feeds="<")


@pytest.fixture
def play_text() -> Callable[[str], None]:
    """Play a transcript given as text to the board."""
    return lambda text: BoardPlayer(Transcript(text)).play(feeds=">")
