"""The very ELF that is flashed: pins, pulses, times, resets; and its serial line elsewhere."""

import itertools
import os
import re
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.firmware.build import SKETCH, PinTableError, build, main
from rig.hardware.wire import frame_line, parse_line
from tests.firmware.simulator import Simulator

MS = 1000
Simulate = Callable[..., Simulator]


def order(simulator: Simulator, text: str, ms: int = 10) -> list[str]:
    """Send a line and go on; the texts that came meanwhile."""
    simulator.send(frame_line(text))
    return texts(simulator.run_to(simulator.t_us + ms * MS))


def texts(said: bytes) -> list[str]:
    return [str(parse_line(line)) for line in said.splitlines(keepends=True)]


def keep(simulator: Simulator, ms: int, renew: str = "beat") -> list[str]:
    """Go on with a line every 50 ms; the texts of all but its answers."""
    said: list[str] = []
    for k in range(ms // 50):
        said += order(simulator, f"{100 + k % 100} {renew}", 50)
    return [text for text in said if text[0] == "!"]


def edges(simulator: Simulator, output: int) -> list[tuple[int, int]]:
    return [
        (h.t_us, int(h.words[2])) for h in simulator.happened if h.words[:2] == ("out", str(output))
    ]


def test_trains_keep_their_time(simulate: Simulate) -> None:
    """Four trains at once, and doors and lines meanwhile: each edge within 50 us."""
    simulator = simulate()
    simulator.run_to(50 * MS)
    asked = {1: (100, 1000), 2: (7, 20000), 3: (20, 5000), 4: (97, 50)}
    for output, (hz, width_us) in asked.items():
        order(simulator, f"{output} train {output} {hz} {width_us} 1500", 5)
    order(simulator, "9 close 1 500", 5)
    keep(simulator, 900, "permit 1 500")
    simulator.run_to(2_000 * MS)
    for output, (hz, width_us) in asked.items():
        seen = edges(simulator, output)
        rises = [t for t, level in seen if level]
        falls = [t for t, level in seen if not level]
        # The watchdog ends them all 250 ms after the last line.
        assert len(rises) >= hz * 1.1, output
        for k, rise in enumerate(rises):
            assert abs(rise - rises[0] - k * 1e6 / hz) < 50, (output, k)
        for rise, fall in zip(rises[:-1], falls, strict=False):
            assert abs(fall - rise - width_us) < 50, (output, rise)


def test_extending_a_train_leaves_no_gap(simulate: Simulate) -> None:
    simulator = simulate()
    simulator.run_to(50 * MS)
    for k in range(10):
        order(simulator, f"{k} train 1 50 3000 100", 70)
    rises = [t for t, level in edges(simulator, 1) if level]
    assert len(rises) in (34, 35, 36)
    assert max(abs(b - a - 20_000) for a, b in itertools.pairwise(rises)) < 50


@pytest.mark.parametrize("cause", ["beam", "stall", "permit", "watchdog"])
def test_a_closing_door_reverses_within_100_ms(simulate: Simulate, cause: str) -> None:
    simulator = simulate()
    simulator.run_to(50 * MS)
    order(simulator, "1 close 1 500")
    keep(simulator, 400, "permit 1 500")
    began = simulator.t_us
    if cause == "beam":
        simulator.tell("beam", 1, 1)
    elif cause == "stall":
        simulator.tell("finger", 1, "1.0")
    elif cause == "permit":
        order(simulator, "1 permit 1 60", 10)
        began += 62 * MS
    else:
        began += 200 * MS  # 250 after the last line, which is 50 old
    lowest, lowest_us = 1.0, 0
    said: list[str] = []
    while simulator.t_us < began + 300 * MS:
        said += texts(simulator.run_to(simulator.t_us + 5 * MS))
        if simulator.places[0] < lowest - 1e-9:
            lowest, lowest_us = simulator.places[0], simulator.t_us
    assert f"door 1 reversed {cause}" in " ".join(said)
    assert lowest_us <= began + 100 * MS
    assert simulator.places[0] > lowest + 0.05 or cause == "stall"
    simulator.run_to(simulator.t_us + 1500 * MS)
    assert simulator.places[0] > 0.97


def test_no_jump_and_at_most_5_cm_s(simulate: Simulate) -> None:
    simulator = simulate()
    simulator.tell("place", 2, 0.5)  # nobody knows where it is
    simulator.run_to(50 * MS)
    order(simulator, "1 close 1 500")
    keep(simulator, 1200, "permit 1 500")
    order(simulator, "2 open 1 2")
    keep(simulator, 1500)
    assert order(simulator, "3 state") == ["3 ok oooo 0000 00000000"]
    fastest = {h.words[1]: float(h.words[2]) for h in simulator.happened if h.words[0] == "fast"}
    assert 45 < fastest["1"] <= 52
    assert fastest["2"] <= 57  # in pushes


def test_doors_told_to_open_together_do(simulate: Simulate) -> None:
    simulator = simulate()
    for door in (1, 2, 3, 4):
        simulator.tell("place", door, 0.0)
    simulator.run_to(50 * MS)
    order(simulator, "1 open 1 2 3 4")
    said = keep(simulator, 1200)
    opened = [int(text.split()[2]) for text in said if text.endswith(" open")]
    assert len(opened) == 4
    assert max(opened) - min(opened) <= 20


@pytest.mark.parametrize("cause", ["power", "external", "brownout", "watchdog"])
def test_after_a_reset_nothing_moves(simulate: Simulate, cause: str) -> None:
    simulator = simulate()
    simulator.tell("place", 2, 0.0)
    simulator.run_to(50 * MS)
    order(simulator, "1 close 1 500")
    order(simulator, "2 out 1 1 2000")
    order(simulator, "3 train 2 100 5000 2000")
    keep(simulator, 400, "permit 1 500")
    at = simulator.t_us
    simulator.tell("reset", cause, 500 * MS)
    said = texts(simulator.run_to(at + 600 * MS))
    places = simulator.places
    assert said == ["! 0 0 reset"]
    assert [level for t, level in edges(simulator, 1) + edges(simulator, 2) if t > at] == []
    assert edges(simulator, 1)[-1][1] == edges(simulator, 2)[-1][1] == 0
    assert order(simulator, "4 state") == ["4 ok ucoo 0000 00000000"]
    assert order(simulator, "5 hello")[0].split()[6] == cause
    keep(simulator, 500)
    assert simulator.places == places
    assert places[0] == pytest.approx(0.6, abs=0.05)


def test_sync_pulses_are_random_and_said(simulate: Simulate) -> None:
    simulator = simulate()
    simulator.run_to(50 * MS)
    order(simulator, "1 hello")
    said: list[str] = []
    while simulator.t_us < 45_000 * MS:
        said += texts(simulator.run_to(simulator.t_us + 1000 * MS))
    began = [h.t_us for h in simulator.happened if h.words == ("sync", "1")]
    ended = [h.t_us for h in simulator.happened if h.words == ("sync", "0")]
    told = [int(text.split()[2]) * MS for text in said if text.endswith("sync")]
    assert len(began) == len(told) >= 4
    offset = began[0] - told[0]
    for a, b in zip(began, told, strict=True):
        assert abs(a - b - offset) <= MS
    assert all(abs(b - a - 20 * MS) <= MS for a, b in zip(began, ended, strict=False))
    gaps = [b - a for a, b in itertools.pairwise(began)]
    assert min(gaps) >= 3900 * MS
    assert max(gaps) <= 12_100 * MS
    assert len({round(gap / MS) for gap in gaps}) == len(gaps)


def test_a_switch_that_lies_makes_no_door_fall(simulate: Simulate) -> None:
    simulator = simulate()
    simulator.run_to(50 * MS)
    order(simulator, "1 close 1 500")
    keep(simulator, 450, "permit 1 500")
    simulator.tell("jam", 1, 1)
    said = keep(simulator, 300, "permit 1 500")
    assert said[-1].endswith("door 1 jammed")
    simulator.tell("jam", 1, 0)
    simulator.run_to(simulator.t_us + 100 * MS)
    simulator.tell("stuck", 1, "closed", 1)
    before = simulator.places[0]
    order(simulator, "2 open 1", 5)
    lowest = before
    for k in range(150):
        order(simulator, f"{k} beat", 10)
        lowest = min(lowest, simulator.places[0])
    assert lowest > before - 0.07
    assert simulator.places[0] > 0.97


def test_a_cable_that_is_out_closes_no_door(simulate: Simulate) -> None:
    """All inputs high, as with the 74HC165 unplugged."""
    simulator = simulate()
    for number in range(1, 9):
        simulator.tell("stuck-beam", number, 1)
    for door in (1, 2, 3, 4):
        simulator.tell("stuck", door, "open", 0)
    simulator.run_to(50 * MS)
    assert order(simulator, "1 state") == ["1 ok uuuu 0000 11111111"]
    assert order(simulator, "2 close 1 500") == ["2 no not-open"]


def test_a_burst_of_lines_loses_no_time_and_ram_suffices(simulate: Simulate) -> None:
    simulator = simulate()
    for door in (1, 2, 3, 4):
        simulator.tell("place", door, 1.0)
    simulator.run_to(50 * MS)
    for k in (1, 2, 3, 4):
        order(simulator, f"{k} close {k} 500", 5)
    for k in (1, 2, 3, 4):
        order(simulator, f"{10 + k} train {k} 100 4000 2000", 5)
    order(simulator, "19 beat", 100)
    order(simulator, "20 hello outputs", 40)
    for number in range(1, 9):
        simulator.tell("beam", number, 1)
    said = texts(simulator.run_to(simulator.t_us + 100 * MS))
    counts = [int(text.split()[1]) for text in said if text[0] == "!"]
    assert counts == list(range(counts[0], counts[0] + len(counts)))
    assert simulator.ask("stack") > 96
    assert simulator.ask("load") < 0.6


@pytest.mark.parametrize(
    ("was", "now", "why"),
    [
        ("{1000, 2000, 50}", "{400, 2000, 50}", "end points"),
        ("{1000, 2000, 50}", "{1000, 2000, 60}", "5 cm/s"),
        ("{1000, 1500, 1}", "{1000, 900, 1}", "limit longer"),
        ('BOARD_NAME "board-1"', 'BOARD_NAME "a-name-that-is-far-too-long"', "16 characters"),
        ("DOORS 4", "DOORS 5", "at most 4 doors"),
        ("{600000, 7200}", "{9600000, 7200}", "3600000 ms"),
    ],
    ids=["servo", "speed", "limit", "name", "doors", "ceiling"],
)
def test_a_pin_table_that_cannot_be(
    workshop: Path, tmp_path: Path, was: str, now: str, why: str
) -> None:
    text = (SKETCH / "pins.h").read_text(encoding="ascii")
    assert was in text
    table = tmp_path / "pins.h"
    table.write_text(text.replace(was, now), encoding="ascii")
    shutil.copyfile(workshop / "core.a", tmp_path / "core.a")
    old = tmp_path / f"{SKETCH.name}.hex"
    old.touch()
    with pytest.raises(PinTableError, match=why) as caught:
        build(tmp_path, table)
    assert str(caught.value).startswith(f"{table}: ")
    assert "\n" not in str(caught.value)
    assert not old.exists()  # or it would be flashed


def test_a_servo_end_point_out_of_range_is_one_line(
    workshop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (SKETCH / "pins.h").read_text(encoding="ascii")
    rows = text.split("{1000, 2000, 50}")
    table = tmp_path / "mine.h"
    table.write_text(
        "{1000, 2000, 50}".join(rows[:2])
        + "{1000, 2600, 50}"
        + "".join(f"{row}{{1000, 2000, 50}}" for row in rows[2:-1])
        + rows[-1],
        encoding="ascii",
    )
    shutil.copyfile(workshop / "core.a", tmp_path / "core.a")
    assert main(["--out", str(tmp_path), "--pins", str(table)]) == 2
    assert capsys.readouterr().err == (
        f"{table}: SERVO_TABLE, row 2: end points are 500 to 2500 us and differ\n"
    )


def test_the_same_sources_give_the_same_binary(workshop: Path, elf: Path, tmp_path: Path) -> None:
    shutil.copyfile(workshop / "core.a", tmp_path / "core.a")
    again = build(tmp_path).with_suffix(".hex").read_bytes()
    assert again == elf.with_suffix(".hex").read_bytes()


def test_the_hex_file_is_the_elf_that_is_tested(elf: Path, tmp_path: Path) -> None:
    """Each byte that avrdude would write is what the simulator loads from the ELF."""
    image = tmp_path / "image.bin"
    subprocess.run(["avr-objcopy", "-O", "binary", "-R", ".eeprom", elf, image], check=True)
    flash = bytearray()
    for line in elf.with_suffix(".hex").read_text(encoding="ascii").splitlines():
        record = bytes.fromhex(line[1:])
        assert line[0] == ":"
        assert sum(record) & 0xFF == 0
        size, at, kind = record[0], int.from_bytes(record[1:3], "big"), record[3]
        assert kind in (0, 1)  # data or the end: all within 64 KiB
        if kind == 0:
            assert at == len(flash)
            flash += record[4 : 4 + size]
    assert bytes(flash) == image.read_bytes()
    assert len(flash) <= 32768 - 2048  # the largest bootloader has room beside it


def test_the_sketch_is_laid_out_as_the_arduino_ide_wants_it() -> None:
    sketches = [file.name for file in SKETCH.iterdir() if file.suffix == ".ino"]
    assert sketches == [f"{SKETCH.name}.ino"]
    for file in SKETCH.iterdir():
        assert file.suffix in (".ino", ".h", ".cpp"), file.name
        for name in re.findall(r'#include "(.+)"', file.read_text(encoding="ascii")):
            assert (SKETCH / name).is_file(), f"{file.name} includes {name}"


def test_avrdude_takes_the_documented_words(elf: Path) -> None:
    """It gets as far as the port, which is not there: no word of the command is refused."""
    avrdude = shutil.which("avrdude")
    if avrdude is None:
        pytest.skip("no avrdude (apt-get install avrdude)")
    page = (Path(__file__).parents[2] / "docs" / "wiring.md").read_text(encoding="utf-8")
    (command,) = [line for line in page.splitlines() if line.startswith("avrdude ")]
    words = command.replace("PORT", "/dev/ttyNONE").split()[1:]
    words[-1] = f"flash:w:{elf.with_suffix('.hex')}:i"
    done = subprocess.run([avrdude, *words], capture_output=True, text=True, check=False)
    assert "ttyNONE" in done.stderr
    assert not re.search("(?i)usage|invalid|unknown|not found in", done.stderr), done.stderr


def read_lines(end: int, wanted: int, timeout_s: float = 10.0) -> list[str]:
    """Whole lines from a file descriptor, at least so many."""
    data = b""
    until = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector:
        selector.register(end, selectors.EVENT_READ)
        while data.count(b"\n") < wanted and time.monotonic() < until:
            if selector.select(0.1):
                data += os.read(end, 4096)
    assert data, "nothing came"
    return texts(data)


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of POSIX systems")
def test_on_a_pseudo_terminal_unplugged_and_plugged(
    workshop: Path, elf: Path, tmp_path: Path
) -> None:
    link = tmp_path / "board"
    command = [str(workshop / "harness"), "--pty", str(link), str(elf)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline().decode().strip() == str(link)
            end = os.open(link, os.O_RDWR | os.O_NOCTTY)
            assert read_lines(end, 1) == ["! 0 0 reset"]
            os.write(end, frame_line("1 hello"))
            assert read_lines(end, 1)[:1] == ["1 ok board-1 1.0 1 0 power 4 4 8"]
            os.close(end)
            process.stdin.write(b"unplug\nplug\n")
            process.stdin.flush()
            again = -1
            until = time.monotonic() + 20
            while again < 0 and time.monotonic() < until:
                try:
                    again = os.open(link, os.O_RDWR | os.O_NOCTTY)
                    os.write(again, frame_line("2 state"))
                    assert "2 ok" in " ".join(read_lines(again, 1, 2.0))
                except (OSError, AssertionError):
                    again = -1
            assert again >= 0
            os.close(again)
        finally:
            process.stdin.close()
            process.wait(20)


def test_a_second_simulator_says_the_same(elf: Path, tmp_path: Path) -> None:
    """qemu-system-avr, for the serial part: what needs no pins.

    QEMU goes back to the beginning of a block when it meets SLEEP, with interrupts still off there,
    and never wakes. So this one instruction is a NOP in the copy that it is given.
    """
    qemu = shutil.which("qemu-system-avr")
    if qemu is None:
        pytest.skip("no qemu-system-avr (apt-get install qemu-system-misc)")
    asked = ["1 hello", "2 hello doors", "3 hello outputs", "4 dance", "5 open 9", "6 close 1 501"]
    asked += ["7 train 1 100 10001 100", "8 out 1 0", "8 out 1 0", "9 open 1 1"]
    image = tmp_path / "image.bin"
    subprocess.run(["avr-objcopy", "-O", "binary", str(elf), str(image)], check=True)
    code = image.read_bytes()
    sleeps = [at for at in range(0, len(code), 2) if code[at : at + 2] == b"\x88\x95"]
    assert len(sleeps) == 1
    image.write_bytes(code[: sleeps[0]] + bytes(2) + code[sleeps[0] + 2 :])
    command = [qemu, "-machine", "uno", "-bios", str(image), "-serial", "stdio", "-display", "none"]
    with subprocess.Popen(
        [*command, "-monitor", "none"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            said = read_lines(process.stdout.fileno(), 1)
            for text in asked:
                process.stdin.write(frame_line(text))
                process.stdin.flush()
                said += read_lines(process.stdout.fileno(), 1)
        finally:
            process.kill()
    answers = [text for text in said if text[0] != "!"]
    assert [re.sub(r"(power|external|brownout|watchdog)", "CAUSE", text) for text in answers] == [
        "1 ok board-1 1.0 1 0 CAUSE 4 4 8",
        "2 ok 1500 1500 1500 1500",
        "3 ok 600000/7200 600000/7200 600000/7200 600000/7200",
        "4 no unknown-verb",
        "5 no out-of-range",
        "6 no out-of-range",
        "7 no pulse-too-wide",
        "8 ok",
        "8 ok",
        "9 no bad-argument",
    ]
