"""The transcripts of the wire, played to the binary: the same lines as from the simulated board.

What differs is time: a byte takes 87 us, a switch counts after 3 ms, a servo hears its pulse
every 20 ms. So events may be TOLERANCE_MS early or late by the board's own clock, and answers come
when their bytes are through. Which lines, in which order, and with which numbers, is compared.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.firmware.build import SKETCH, build
from rig.hardware.simulated.board import FIRMWARE
from rig.hardware.wire import parse_line
from tests.firmware.simulator import BYTE_US, Simulator
from tests.rig.hardware.conftest import FOLDER, Transcript

TOLERANCE_MS = 40
EVENT = re.compile(r"! (\d+) (\d+) (.*)")


def pins(transcript: Transcript) -> str:
    """The pin table of a transcript's board: the shipped one, with other numbers."""
    get = transcript.settings.get
    beams = int(get("beams", "2"))
    continuous, total = get("ceiling", "600000/7200").split("/")
    text = (SKETCH / "pins.h").read_text(encoding="ascii")
    for name, value in (
        ("DOORS", len(get("doors", "oo"))),
        ("OUTPUTS", get("outputs", "4")),
        ("BEAMS", beams),
    ):
        text = re.sub(rf"#define {name} \d+", f"#define {name} {value}", text)
    text = text.replace("{600000, 7200}", f"{{{continuous}, {total}}}")
    for number in range(beams + 1, 5):  # a door without a beam
        text = text.replace(f"{{1000, 1500, {number}}}", "{1000, 1500, 0}")
    return text


def play(simulator: Simulator, transcript: Transcript) -> list[str]:
    """What was expected."""
    for number, letter in enumerate(transcript.settings.get("doors", "oo"), 1):
        simulator.tell("place", number, 1.0 if letter == "o" else 0.0)
    expected = []
    for entry in transcript.entries:
        if entry.kind == "<":
            expected.append(entry.text.removesuffix("*HH"))
            continue
        if entry.kind == "do":
            words = entry.text.split()
            if words == ["sync"]:
                # The board gives its sync pulses itself; nothing follows.
                simulator.run_to(simulator.t_us + 18_000)
                return expected
            simulator.run_to(entry.t_ms * 1000)
            match words:
                case ["beam", number, state]:
                    simulator.tell("beam", number, int(state == "blocked"))
                case ["block", number, state]:
                    simulator.tell("finger", number, "1.0" if state == "on" else "-")
                case ["jam", number, state]:
                    simulator.tell("jam", number, int(state == "on"))
                case ["push", number, place]:
                    simulator.tell("place", number, place)
                case ["reset"]:
                    simulator.tell("reset", "external", 0)
                case _:
                    raise AssertionError(words)
            continue
        data = entry.data()
        # The line's last byte comes when the transcript says so.
        simulator.run_to(int(entry.t_ms * 1000 - len(data) * BYTE_US))
        simulator.send(data)
    simulator.run_to(simulator.t_us + 60_000)
    return expected


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("board-*.txt")))
def test_transcript(
    name: str, workshop: Path, tmp_path: Path, simulate: Callable[..., Simulator]
) -> None:
    transcript = Transcript((FOLDER / name).read_text(encoding="ascii"), name)
    table = tmp_path / "pins.h"
    table.write_text(pins(transcript), encoding="ascii")
    (tmp_path / "core.a").write_bytes((workshop / "core.a").read_bytes())
    simulator = simulate(build(tmp_path, table))
    expected = play(simulator, transcript)
    said = [
        str(parse_line(line)).replace(" 1.0 1 ", f" {FIRMWARE} 1 ") for _, line in simulator.lines
    ]
    assert [EVENT.sub(r"! \1 \3", line) for line in said] == [
        EVENT.sub(r"! \1 \3", line) for line in expected
    ]
    for line, wanted in zip(said, expected, strict=True):
        if event := EVENT.match(line):
            wanted_event = EVENT.match(wanted)
            assert wanted_event is not None
            assert abs(int(event[2]) - int(wanted_event[2])) <= TOLERANCE_MS, (line, wanted)
