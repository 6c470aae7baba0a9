"""The real pyserial driver over a real pseudo-terminal, against the served simulated board."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial

from rig.errors import DoorError
from rig.hardware import doors
from rig.hardware.doors import SerialBoard, close_boards, list_ports, open_boards
from rig.hardware.orders import Order, Verb
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.panel import DoorPins
from rig.hardware.simulated.port import ServedBoard, serve
from rig.hardware.wiring import BoxDoors, Pin, Wiring
from rig.model import Command, CommandKind, DoorReport, ReportKind
from rig.rigfile import parse
from tests.small import tick_until

PATIENCE_S = 20.0
TOGETHER_NS = 50_000_000


def clock() -> int:
    """Real time, four times slower: a machine that is busy for a second trips no watchdog."""
    return time.monotonic_ns() // 4


class Heard:
    """Keeps reports; waits for one without sleeping."""

    def __init__(self) -> None:
        self.reports: list[DoorReport] = []
        self.changed = threading.Condition()

    def __call__(self, report: DoorReport) -> None:
        with self.changed:
            self.reports.append(report)
            self.changed.notify_all()

    def find(self, kind: ReportKind, name: str, value: str) -> DoorReport | None:
        same = (r for r in self.reports if (r.kind, r.name, r.value) == (kind, name, value))
        return next(same, None)

    def wait(self, kind: ReportKind, name: str, value: str = "") -> DoorReport:
        with self.changed:
            found = self.changed.wait_for(lambda: self.find(kind, name, value), PATIENCE_S)
        assert found, f"no {kind} {name} {value} in {self.reports}"
        return found

    def forget(self) -> None:
        with self.changed:
            self.reports.clear()


@pytest.fixture
def board() -> Board:
    return Board(doors=[DoorPins(travel_ms=100, limit_ms=900), DoorPins(travel_ms=100, start=0.0)])


@pytest.fixture
def served(board: Board) -> Iterator[ServedBoard]:
    served = serve(board, clock)
    yield served
    served.close()


@pytest.fixture
def opened(served: ServedBoard) -> Iterator[tuple[SerialBoard, Heard]]:
    before = threading.active_count()
    opened = SerialBoard("board-1", served.port, clock)
    heard = Heard()
    opened.subscribe(heard)
    yield opened, heard
    opened.close()
    assert threading.active_count() <= before  # another test's may have ended meanwhile


def live(opened: SerialBoard) -> Callable[[], None]:
    """A session loop that lives until what this gives back is called."""
    end = threading.Event()

    def loop() -> None:
        while not end.wait(0.1):
            opened.alive()

    thread = threading.Thread(target=loop)
    thread.start()

    def stop() -> None:
        end.set()
        thread.join()

    return stop


def test_nothing_reaches_the_board_by_a_rehearsal(board: Board) -> None:
    served, heard = serve(board, clock), Heard()
    driver = SerialBoard("board-1", served.port, clock)
    driver.subscribe(heard)
    heard.forget()
    for _ in range(3):
        driver.rehearse([Order(Verb.OUT, (1,), 300)])
    driver.order([Order(Verb.OPEN, (2,))])
    heard.wait(ReportKind.DOOR, "2", "open")
    assert {r.name for r in heard.reports if r.kind is not ReportKind.LINK} == {"2"}
    assert [timing.verb for timing in driver.timings()] == [Verb.OPEN]
    served.close()
    heard.wait(ReportKind.LINK, "board-1", "down")
    driver.rehearse([Order(Verb.OUT, (1,), 300)])  # and raises nothing where no port is
    driver.close()


def test_it_comes_up_and_tells_what_is_known(opened: tuple[SerialBoard, Heard]) -> None:
    driver, heard = opened
    assert driver.up
    assert driver.name == "board-1"
    assert (driver.hello.doors, driver.hello.door_limits_ms) == (2, (900, 1500))
    assert heard.find(ReportKind.LINK, "board-1", "up")
    assert heard.find(ReportKind.DOOR, "1", "open")
    assert heard.find(ReportKind.DOOR, "2", "closed")
    assert heard.find(ReportKind.BEAM, "2", "clear")


def test_open_and_close_under_permits(opened: tuple[SerialBoard, Heard], board: Board) -> None:
    driver, heard = opened
    stop = live(driver)
    try:
        asked_ns = clock()
        driver.order([Order(Verb.OPEN, (2,)), Order(Verb.CLOSE, (1,), 90)])
        heard.wait(ReportKind.DOOR, "1", "closing")
        while not heard.find(ReportKind.DOOR, "1", "closed"):
            assert clock() - asked_ns < PATIENCE_S * 1e9 / 4, heard.reports
            with heard.changed:
                heard.changed.wait(0.1)
            # not with its lock held: the link's thread wants that while it holds the driver's
            driver.order([Order(Verb.PERMIT, (1,), 500)])
        assert board.position(1) == 0.0
        done = heard.wait(ReportKind.DOOR, "2", "open")
        assert done.t_ns > asked_ns
        assert done.board_ms is not None
        assert heard.find(ReportKind.REFUSED, "permit 1", "not-closing") is None
    finally:
        stop()


def test_a_permit_that_is_not_renewed_lapses(opened: tuple[SerialBoard, Heard]) -> None:
    driver, heard = opened
    stop = live(driver)
    try:
        driver.order([Order(Verb.CLOSE, (1,), 40)])
        assert heard.wait(ReportKind.DOOR, "1", "reversed").cause == "permit"
        heard.forget()
        heard.wait(ReportKind.DOOR, "1", "open")
    finally:
        stop()


def test_an_output_goes_off_when_its_lease_ends(
    opened: tuple[SerialBoard, Heard], board: Board
) -> None:
    driver, heard = opened
    stop = live(driver)
    try:
        driver.order([Order(Verb.OUT, (1,), 80)])
        on = heard.wait(ReportKind.OUTPUT, "1", "on")
        heard.forget()
        off = heard.wait(ReportKind.OUTPUT, "1", "off")
        assert on.board_ms is not None
        assert off.board_ms is not None
        assert off.board_ms - on.board_ms >= 80
        assert not board.output(1)
    finally:
        stop()
    figures = driver.timings()
    assert [figure.verb for figure in figures] == [Verb.OUT]
    (timed,) = figures
    assert timed.asked_ns == timed.queued_ns <= timed.written_ns <= timed.answered_ns
    assert timed.confirmed_ns is not None
    assert driver.timings() == ()


def test_a_loop_that_hangs_lets_the_watchdog_act(opened: tuple[SerialBoard, Heard]) -> None:
    driver, heard = opened
    driver.order([Order(Verb.OUT, (1,), 2000)])
    heard.wait(ReportKind.OUTPUT, "1", "on")
    heard.forget()
    heard.wait(ReportKind.WATCHDOG, "board-1")
    heard.wait(ReportKind.OUTPUT, "1", "off")


def test_a_reset_is_told_and_survived(
    opened: tuple[SerialBoard, Heard], served: ServedBoard
) -> None:
    driver, heard = opened
    heard.forget()
    served.reset()
    heard.wait(ReportKind.RESET, "board-1")
    heard.wait(ReportKind.LINK, "board-1", "up")
    heard.wait(ReportKind.DOOR, "2", "closed")
    assert driver.hello.cause == "external"


def test_a_port_that_vanishes_and_comes_back(board: Board, tmp_path: Path) -> None:
    link = tmp_path / "board"
    first = serve(board, clock, "pty")
    link.symlink_to(first.port)
    driver = SerialBoard("board-1", str(link), clock, retry_s=0.02)
    heard = Heard()
    driver.subscribe(heard)
    try:
        first.close()
        assert heard.wait(ReportKind.LINK, "board-1", "down").cause == "port"
        assert not driver.up
        driver.order([Order(Verb.OPEN, (2,))])
        heard.wait(ReportKind.REFUSED, "open 2", "link-down")
        heard.forget()
        link.unlink()
        second = serve(board, clock, "pty")
        try:
            link.symlink_to(second.port)
            heard.wait(ReportKind.LINK, "board-1", "up")
            heard.wait(ReportKind.DOOR, "2", "closed")
            driver.order([Order(Verb.OPEN, (2,))])
            heard.wait(ReportKind.DOOR, "2", "opening")
        finally:
            driver.close()
            second.close()
    finally:
        driver.close()


def test_a_thread_that_is_woken_late_loses_no_port(
    served: ServedBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All bytes are out, and pyserial says that it took too long: as on a starved computer."""
    monkeypatch.setattr(doors, "WRITE_S", 1e-9)
    driver = SerialBoard("board-1", served.port, clock)
    heard = Heard()
    driver.subscribe(heard)
    stop = live(driver)
    try:
        heard.forget()
        driver.order([Order(Verb.OUT, (1,), 2000), Order(Verb.OPEN, (2,))])
        heard.wait(ReportKind.OUTPUT, "1", "on")
        heard.wait(ReportKind.DOOR, "2", "open")
        assert heard.find(ReportKind.LINK, "board-1", "down") is None
    finally:
        stop()
        driver.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_port_that_takes_no_more_bytes_is_lost_and_found_again(
    board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = serve(board, clock, "pty")
    link = tmp_path / "board"
    link.symlink_to(first.port)
    driver = SerialBoard("board-1", str(link), clock, retry_s=0.02)
    heard = Heard()
    driver.subscribe(heard)
    stop = live(driver)
    try:
        driver.order([Order(Verb.OUT, (1,), 2000)])
        heard.wait(ReportKind.OUTPUT, "1", "on")
        heard.forget()
        full = threading.Event()

        def refuse(data: bytes) -> int:
            full.set()
            raise serial.SerialTimeoutException("Write timeout")

        monkeypatch.setattr(driver._serial, "write", refuse)
        assert full.wait(PATIENCE_S)
        # The link goes down by what is not answered; meanwhile the board has made all safe.
        assert heard.wait(ReportKind.LINK, "board-1", "down").cause == "no answer"
        heard.wait(ReportKind.LINK, "board-1", "up")  # the port was opened anew
        assert not board.output(1)
    finally:
        stop()
        driver.close()
        first.close()


def test_closing_makes_safe(served: ServedBoard, board: Board) -> None:
    driver = SerialBoard("", served.port, clock)
    heard = Heard()
    driver.subscribe(heard)
    driver.order([Order(Verb.OUT, (2,), 2000), Order(Verb.CLOSE, (1,), 500)])
    heard.wait(ReportKind.DOOR, "1", "closing")
    assert board.output(2)
    driver.close()
    assert not board.output(2)
    assert heard.find(ReportKind.OUTPUT, "2", "off")
    assert heard.find(ReportKind.DOOR, "1", "reversed")
    driver.close()  # a second time does nothing


class SlowToTell(Board):
    """What nobody asked for is told a step later than the answer."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._later = b""

    def step(self, now_ns: int, bytes_in: bytes = b"") -> bytes:
        lines = super().step(now_ns, bytes_in).splitlines(keepends=True)
        out = b"".join(line for line in lines if not line.startswith(b"!")) or self._later
        if out is self._later:
            self._later = b""
        self._later += b"".join(line for line in lines if line.startswith(b"!"))
        return out


def test_what_is_told_after_the_answer_to_the_last_order_is_heard() -> None:
    slow = SlowToTell("board-1")
    served = serve(slow, clock)
    driver = SerialBoard("", served.port, clock)
    heard = Heard()
    driver.subscribe(heard)
    driver.order([Order(Verb.CLOSE, (1,), 500)])
    heard.wait(ReportKind.DOOR, "1", "closing")
    driver.close()
    served.close()
    assert heard.find(ReportKind.DOOR, "1", "reversed")


def test_a_listener_that_fails_harms_nobody(
    opened: tuple[SerialBoard, Heard], caplog: pytest.LogCaptureFixture
) -> None:
    driver, _ = opened
    broken: list[str] = []

    def listen(report: DoorReport) -> None:
        if broken:
            raise RuntimeError(broken[0])

    end = driver.subscribe(listen)
    broken.append("screen gone")
    later = Heard()
    driver.subscribe(later)
    driver.order([Order(Verb.OPEN, (2,))])
    later.wait(ReportKind.DOOR, "2", "opening")
    assert "screen gone" in caplog.text
    end()


def test_over_a_socket(board: Board) -> None:
    served = serve(board, clock, "socket")
    assert served.port.startswith("socket://127.0.0.1:")
    driver = SerialBoard("board-1", served.port, clock)
    heard = Heard()
    driver.subscribe(heard)
    try:
        driver.order([Order(Verb.OPEN, (2,))])
        heard.wait(ReportKind.DOOR, "2", "opening")
    finally:
        driver.close()
        served.close()


def test_no_other_way_to_serve(board: Board) -> None:
    with pytest.raises(ValueError, match="pigeon"):
        serve(board, clock, "pigeon")


# Ports that cannot be used: one clear line.


def test_a_port_that_is_not_there() -> None:
    with pytest.raises(DoorError, match=r"port /dev/ttyNONE is not there; plug") as caught:
        SerialBoard("b", "/dev/ttyNONE", clock)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="there a file is no port by its name alone")
def test_a_file_is_no_port(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no port")
    with pytest.raises(DoorError, match=r"notes.txt is no serial port; name the board's") as caught:
        SerialBoard("b", str(file), clock)
    assert "\n" not in str(caught.value)
    assert file.read_text() == "no port"


def test_a_port_in_use(opened: tuple[SerialBoard, Heard], served: ServedBoard) -> None:
    with pytest.raises(DoorError, match=f"port {served.port} is in use by another program"):
        SerialBoard("board-1", served.port, clock)


def test_another_board_than_expected(served: ServedBoard) -> None:
    with pytest.raises(DoorError, match="it calls itself board-1, not board-2"):
        SerialBoard("board-2", served.port, clock)


class FakePort:
    """A port of which only opening matters, or that says nothing."""

    in_waiting = 0

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.closed = False

    def open(self) -> None:
        if self.error is not None:
            raise self.error

    def read(self, size: int) -> bytes:
        return b""

    def write(self, data: bytes) -> int:
        return len(data)

    def close(self) -> None:
        self.closed = True


def test_permission_names_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    port = FakePort(serial.SerialException(13, "could not open port"))
    monkeypatch.setattr(doors.serial, "serial_for_url", lambda *_, **__: port)  # type: ignore[attr-defined]
    with pytest.raises(DoorError, match="permission denied; join the group 'dialout'"):
        SerialBoard("b", "/dev/ttyNONE", clock)


def test_something_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    port = FakePort()
    monkeypatch.setattr(doors.serial, "serial_for_url", lambda *_, **__: port)  # type: ignore[attr-defined]
    with pytest.raises(DoorError, match=r"no board answered within 0.1 s \(0 bytes"):
        SerialBoard("b", "/dev/ttyNONE", clock, answer_s=0.1)
    assert port.closed


# Several boards.

RIG = """
name = "rack"
[camera]
source = "sim"
[[board]]
name = "board-1"
port = "{one}"
[[board]]
name = "b2"
port = "{two}"
[[board]]
name = "b3"
port = "sim"
[[box]]
apparatus = "a.toml"
"""


def test_all_boards_of_a_rig(served: ServedBoard) -> None:
    other = serve(Board("b2"), clock)
    rig = parse(RIG.format(one=served.port, two=other.port), "rack")
    boards = open_boards(rig, clock)
    assert {name: board.name for name, board in boards.items()} == {
        "board-1": "board-1",
        "b2": "b2",
    }
    close_boards(boards)
    other.close()


def test_doors_of_two_boards_open_together() -> None:
    """As those of one board do, by the clock of pictures, though a line may be unanswered."""
    closed = [DoorPins(travel_ms=100, limit_ms=900, start=0.0)]
    ends = [serve(Board(name, doors=closed), clock) for name in ("b1", "b2")]
    boards = {f"b{k}": SerialBoard(f"b{k}", end.port, clock) for k, end in enumerate(ends, 1)}
    both = BoxDoors(Wiring({"l": Pin("b1", 1), "r": Pin("b2", 1)}, {}, {}), boards)
    heard: list[DoorReport] = []

    def at(value: str) -> list[int]:
        heard.extend(both.reports())
        return [r.t_ns for r in heard if (r.kind, r.value) == (ReportKind.DOOR, value)]

    try:
        assert len(at("closed")) == 2
        boards["b1"].alive()  # a beat is on its way to one of them
        both.send([Command(CommandKind.OPEN, ("l", "r"))], clock())
        tick_until(lambda: len(at("open")) == 2)
        for value in ("opening", "open"):
            first, last = sorted(at(value))
            assert last - first <= TOGETHER_NS, value
    finally:
        both.close()
        close_boards(boards)
        for end in ends:
            end.close()


def test_every_board_that_fails_is_named(served: ServedBoard) -> None:
    before = threading.active_count()
    rig = parse(RIG.format(one="/dev/ttyX1", two="/dev/ttyX2"), "rack")
    with pytest.raises(DoorError, match=r"ttyX1 is not there.*; port /dev/ttyX2 is not there"):
        open_boards(rig, clock)
    rig = parse(RIG.format(one=served.port, two="/dev/ttyX2"), "rack")
    with pytest.raises(DoorError, match="ttyX2"):
        open_boards(rig, clock)
    assert threading.active_count() <= before


def test_ports_are_listed_and_none_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    class Known:
        device, description, serial_number = "/dev/ttyACM0", "Uno", None

    monkeypatch.setattr(doors.system_ports, "comports", lambda: [Known()])  # type: ignore[attr-defined]
    monkeypatch.setattr(doors.serial, "serial_for_url", lambda *_, **__: pytest.fail("opened"))  # type: ignore[attr-defined]
    assert list_ports() == (("/dev/ttyACM0", "Uno", ""),)


# The program that holds the board is killed.

HOST = """
import sys, time
sys.path.insert(0, {root!r})
from rig.hardware.doors import SerialBoard
from rig.hardware.orders import Order, Verb
board = SerialBoard("board-1", {port!r}, time.monotonic_ns)
board.alive()
board.order([Order(Verb.OUT, (1,), 2000), Order(Verb.CLOSE, (1,), 500)])
while True:
    time.sleep(0.02)
    board.alive()
    board.order([Order(Verb.PERMIT, (1,), 500), Order(Verb.OUT, (1,), 2000)])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a port is shared by name between processes")
def test_a_host_killed_in_the_middle_of_closing_and_stimulation_leaves_all_safe() -> None:
    """Within 350 ms by the board's own clock the door reverses and the output is off."""
    board = Board(doors=[DoorPins(travel_ms=5000, limit_ms=8000)])
    served = serve(board, clock, "pty")
    program = HOST.format(root=str(Path(__file__).parents[3]), port=served.port)
    host = subprocess.Popen([sys.executable, "-c", program])
    try:
        closing = tick_until(lambda: board.output(1) and 0.2 < board.position(1) < 0.98)
        assert closing
        host.kill()
        host.wait()
        killed_ns, at = clock(), board.position(1)
        tick_until(lambda: not board.output(1) and board._letters() == "O")
        took_ns = clock() - killed_ns
        assert 0.1 < at < 1.0  # it was on its way
        assert took_ns <= 350 * 1_000_000
        assert tick_until(lambda: board._letters() == "o")
    finally:
        host.kill()
        host.wait()
        served.close()


@pytest.mark.parametrize("way", ["spy", "SPY", "alt", "os"])
def test_an_address_that_is_no_way_to_a_board_opens_nothing(way: str, tmp_path: Path) -> None:
    """pyserial's `spy` writes what is said to a file: a rig file could name any."""
    mine = tmp_path / "mine"
    mine.write_text("years")
    with pytest.raises(DoorError, match="is no way to a board"):
        doors._open(f"{way}://loop://?file={mine}")
    assert mine.read_text() == "years"
