"""What is wrong with a board, its port, or what a plan asks of it: one line, exit code 2.

Ports are pseudo-terminals and opened by pyserial; nothing is moved and nothing is left behind.
A servo's end points are in the sketch's table: `tests/firmware/test_binary.py`.
"""

import errno
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import serial

from protocols.cli import hardware
from rig.hardware.doors import SerialBoard
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.port import serve
from rig.hardware.wire import frame_line, parse_line
from tests.protocols.conftest import Cli

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")

Device = Callable[[Callable[[bytes], bytes]], str]
ANSWER_S = 0.3
PLAN = """name = "p"
version = 1
source = "x"
chambers = ["left"]
[[phase]]
name = "test"
"""
PULSES = """[[phase.step]]
do = "explore"
duration_s = 2
scored = true
[[phase.step.rule]]
while_in = "left"
output = "{output}"
train = {{ hz = 20, width_us = {width_us} }}
"""
CONFINE = '[[phase.step]]\ndo = "close"\ndoor = ["cellar"]\n'


@pytest.fixture
def device() -> Iterator[Device]:
    """Something on a port of its own that answers what it reads as it is told to."""
    import pty
    import tty

    ended = threading.Event()
    threads: list[threading.Thread] = []
    ends: list[int] = []

    def start(answer: Callable[[bytes], bytes]) -> str:
        ours, theirs = pty.openpty()
        ends.extend((ours, theirs))
        tty.setraw(theirs)
        os.set_blocking(ours, False)

        def work() -> None:
            while not ended.wait(0.01):
                try:
                    read = os.read(ours, 4096)
                except BlockingIOError:
                    continue
                for line in read.splitlines(keepends=True):
                    os.write(ours, answer(line))

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        return os.ttyname(theirs)

    yield start
    ended.set()
    for thread in threads:
        thread.join()
    for end in ends:
        os.close(end)


def refused(cli: Cli, *words: object) -> str:
    """The one line of a command that was refused."""
    said = cli(*words)
    assert (said.code, said.out) == (2, ""), said
    assert said.err.count("\n") == 1, said.err
    return said.err.removeprefix("placepref: ")


def framed(text: str, line: bytes) -> bytes:
    """`text` as the answer to a line of the wire."""
    asked = parse_line(line)
    return frame_line(f"{asked.split()[0]} ok {text}") if asked else b""


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda line: b"OK\r\nERROR\r\n", "no board answered within 0.3 s ("),
        (lambda line: b"", "no board answered within 0.3 s (0 bytes"),
        (partial(framed, "board-1 9.0 9 0 power 4 4 8"), "speaks protocol 9"),
        (partial(framed, "hello world"), "hello"),
    ],
    ids=["a modem", "silent", "protocol", "other firmware"],
)
def test_another_device_or_firmware(
    cli: Cli,
    device: Device,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[bytes], bytes],
    why: str,
) -> None:
    monkeypatch.setattr(hardware, "SerialBoard", partial(SerialBoard, answer_s=ANSWER_S))
    port = device(answer)
    line = refused(cli, "doors", "open", "--port", port)
    assert line.startswith(f"--port: port {port}: ")
    assert why in line
    assert "is it the right port" in line


def test_a_port_in_use(cli: Cli) -> None:
    board = Board("board-1")
    served = serve(board, time.monotonic_ns)
    try:
        with serial.Serial(served.port, exclusive=True):
            line = refused(cli, "doors", "open", "--port", served.port)
        assert line == (
            f"--port: port {served.port} is in use by another program; end it, or name another"
            " port\n"
        )
        assert refused(cli, "doors", "open", "--port", served.port, "--door", 9).startswith(
            "--door: 9: board board-1 has doors 1 to "
        )
    finally:
        served.close()


def test_no_port_and_no_permission(cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = here / "notes.txt"
    file.write_text("no port")
    for name, why in (
        ("/dev/ttyNONE", "is not there; plug the board in"),
        (file, "is no serial port; name the board's"),
    ):
        assert why in refused(cli, "doors", "open", "--port", name)

    def forbidden(*_: object, **__: object) -> object:  # whoever runs this may open everything
        raise serial.SerialException(errno.EACCES, "could not open port")

    monkeypatch.setattr(serial, "serial_for_url", forbidden)
    line = refused(cli, "doors", "open", "--port", "/dev/ttyNONE")
    assert "permission denied; join the group 'dialout' (`sudo usermod -aG dialout" in line
    line = refused(cli, "doors", "open", "--port", "/dev/null")
    assert "permission denied, and only its owner" in line


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (CONFINE, "'cellar': "),
        (PULSES.format(output="blue", width_us=5000), "'blue': the box is not wired to such an"),
        (PULSES.format(output="laser", width_us=60_000), "width_us = 60000: a pulse at 20 Hz must"),
    ],
    ids=["door", "output", "pulse"],
)
def test_a_plan_that_asks_for_what_is_not_there(cli: Cli, here: Path, step: str, why: str) -> None:
    (here / "p.toml").write_text(PLAN + step)
    words = ["run", "p.toml", "--phase", "test", "--subject", "M1", "--rig", "sim"]
    line = refused(cli, *words, "--out", "study", "--speed", "max")
    assert line.startswith("p.toml: ") or line.startswith("p: ")
    assert why in line
    assert not (here / "study").exists()
