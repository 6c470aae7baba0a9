"""The board in the simulator, driven from a test: in virtual time and lockstep, or on a port."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from rig.firmware.build import SKETCH, missing

FOLDER = Path(__file__).parent
SIMAVR = Path("/usr/include/simavr/sim_avr.h")
BYTE_US = 10e6 / 115200
HOST = "host.so"


def lacking() -> str:
    """Why the binary cannot be built and run here; empty when it can."""
    gone = [*missing(), *(() if SIMAVR.exists() else ("libsimavr-dev",))]
    gone += [] if shutil.which("gcc") else ["gcc"]
    return f"no {', '.join(gone)} (apt-get install {PACKAGES})" if gone else ""


PACKAGES = "gcc-avr avr-libc arduino-core-avr libsimavr-dev gcc g++"


def build_harness(out: Path) -> Path:
    """The harness as a program."""
    program = out / "harness"
    compile_with("gcc", "-O2", "-o", program, FOLDER / "harness.c", "-lsimavr", "-lm")
    return program


def build_host(out: Path) -> Path:
    """The firmware's decisions as a library of this computer."""
    library = out / HOST
    sources = (FOLDER / "host.cpp", SKETCH / "controller.cpp", SKETCH / "wire.cpp")
    compile_with(
        "g++", "-std=c++11", "-shared", "-fPIC", "-O1", f"-I{SKETCH}", "-o", library, *sources
    )
    return library


def compile_with(compiler: str, *words: str | Path) -> None:
    command = [compiler, "-Wall", "-Wextra", "-Werror", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Happened:
    """One thing that the simulator told: when, and its words."""

    t_us: int
    words: tuple[str, ...]


class Simulator:
    """The binary with its mechanism, at power-on; `with` ends it.

    Times are microseconds since power-on. `lines` collects what the board said, with the time at
    which the last byte was out; `happened` all else.
    """

    def __init__(self, harness: Path, elf: Path) -> None:
        command = [str(harness), "--script", str(elf)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1 << 16
        )
        self.t_us = 0
        self.places = [1.0] * 4  # of the panels, 0 closed to 1 open
        self.servos = [1.0] * 4  # as far as their strings would let the panels
        self.lines: list[tuple[int, bytes]] = []
        self.happened: list[Happened] = []

    def __enter__(self) -> "Simulator":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.communicate("quit\n")

    def tell(self, *words: object) -> None:
        """A command of the harness that has no answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")

    def ask(self, word: str) -> float:
        """A command with a number as its answer."""
        self.tell(word)
        return float(self._read())

    def send(self, data: bytes) -> None:
        """Bytes to the board's serial line, from now on."""
        if data:
            self.tell("send", data.hex())

    def run_to(self, t_us: int) -> bytes:
        """Go on to `t_us`; the bytes that the board sent in whole lines meanwhile."""
        if t_us <= self.t_us:
            return b""
        self.tell("run", t_us - self.t_us)
        said = b""
        while True:
            time, *words = self._read().split()
            if words[0] == ".":
                self.t_us = int(time)
                places = [float(place) for place in words[1:]]
                self.places, self.servos = places[:4], places[4:]
                return said
            if words[0] == "tx":
                line = bytes.fromhex(words[1])
                said += line
                self.lines.append((int(time), line))
            else:
                self.happened.append(Happened(int(time), tuple(words)))

    def _read(self) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the simulator ended"
        return line


class OnPort:
    """The binary with its mechanism in real time, behind a link to a pseudo-terminal.

    Times are microseconds since power-on. `happened` collects what the simulator told up to the
    last `where`. `with` ends it.
    """

    def __init__(self, harness: Path, elf: Path, link: Path) -> None:
        self.link = link
        self.happened: list[Happened] = []
        command = [str(harness), "--pty", str(link), str(elf)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self._read() == str(link)

    def __enter__(self) -> "OnPort":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.communicate("quit\n", timeout=20)

    def tell(self, *words: object) -> None:
        """A command of the harness."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()

    def where(self) -> tuple[int, list[float]]:
        """The board's time, and where its panels are: 0 closed to 1 open."""
        self.tell("where")
        while True:
            time, *words = self._read().split()
            if words[0] == ".":
                return int(time), [float(place) for place in words[1:5]]
            self.happened.append(Happened(int(time), tuple(words)))

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the simulator ended"
        return line.strip()
