"""What is sealed never gets into a technician's process: its whole memory is searched."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from protocols import blinding, library, study
from protocols.study import withheld

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="memory is read under /proc/PID/mem"
)
ROOT = Path(__file__).parents[2]
ANN, WORDS = "ann", "a horse by the river"
RULES = """name = "Cocaine, 15 mg/kg"
sides = ["left", "right"]
pretest_limit = 0.05
[gate]
stop_when = "both"
band = 0.49
[day]
closed = []
"""
HELD = """
import sys
from protocols.cli.app import app
marker = "".join(("held", "-", "by", "-", sys.argv[1]))
for line in sys.stdin:
    words = line.rstrip("\\n").split("\\t")
    if words == [""]:
        break
    code = app(words, standalone_mode=False)
    print("\\ncode", code or 0, flush=True)
print("held", flush=True)
sys.stdin.readline()
"""
"""Runs commands, a line each, and then stays as it is."""


HOLDER = """
import sys
from pathlib import Path
from protocols import blinding
words = sys.stdin.readline().strip()
key = blinding.read_key(Path(sys.argv[1]).read_text(), "key")
raw = blinding._unwrap(key, sys.argv[2], words).private_bytes_raw()
written = raw.hex()
parts = [blinding._json(one.content) for one in blinding.unseal(key, sys.argv[2], words)]
seeds = [one.content["seed"] for one in blinding.unseal(key, sys.argv[2], words, "running_order")]
print("held", flush=True)
sys.stdin.readline()
"""
"""A holder's program that keeps all that it has opened."""


WINDOW = """
import sys
from pathlib import Path
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication
from gui.window import MainWindow

application = QApplication(["placepref"])
window = MainWindow()
window.show()


def until(what):
    for _ in range(1200):
        if what():
            return
        QTest.qWait(25)
    sys.exit("never came")


window.go("today")
window.desk.open(Path(sys.argv[1]))
until(lambda: window.today_page.day is not None and application.focusWidget() is not None)
for letter in "tom":
    QTest.keyClicks(application.focusWidget(), letter)
QTest.keyClick(application.focusWidget(), Qt.Key.Key_Return)
until(lambda: window.desk.person is not None and window.desk.person.name == "tom")
for page in ("study", "results", "result", "run", "today"):
    window.go(page)
    QTest.qWait(300)
kept = "".join(("shown", "-", "to", "-", window.desk.person.name))
print("held", flush=True)
sys.stdin.readline()
"""
"""A technician's window, on each of its pages for a moment."""


@pytest.fixture
def sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study with a sealed cohort and a technician."""
    monkeypatch.setenv("PLACEPREF_CONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(blinding, "_N", 2**14)  # the smallest that a key's file allows
    text = library.text("cocaine-cpp").replace("test_s = 1800", "test_s = 12")
    text = text.replace("conditioning_s = 1800", "conditioning_s = 12")
    text = text.replace("between_sessions_s = 14400", "between_sessions_s = 60")
    folder = tmp_path / "S1"
    holders = {ANN: WORDS, "bob": "two boats on the lake"}
    study.new(folder, text, RULES, ANN, holders, sheet=False)
    rows = ["id,sex,cage,box,born,weight_g"]
    for i in range(8):
        rows.append(f"M{i:02d},{'FM'[(i // 4) % 2]},C{i // 4},A,2025-10-05,24")
    (tmp_path / "animals.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    tests = [
        {"subject": f"M{i:02d}", "test_s": "1200", "time_left_s": f"{480 + 5 * i}",
         "time_right_s": f"{520 - 5 * i}", "time_lost_s": "0"}
        for i in range(8)
    ]  # fmt: skip
    with study.open_study(folder) as opened:
        study.add_animals(opened, tmp_path / "animals.csv", ANN)
        study.allocate_cohort(opened, ANN, tests, over_gate="made up")
        study.seal_sessions(opened, ANN, (ANN, WORDS), date(2026, 1, 5))
        study.add_person(opened, "tom", ["technician"], None, ANN)
    return folder


def needles(folder: Path) -> dict[str, bytes]:
    """What must not be found, by what it is.

    Of the sealed parts, as they are before they are sealed, 48 bytes from the middle of one of each
    kind.
    """
    with study.open_study(folder, write=False) as opened:
        key = opened.key
    private = blinding._unwrap(key, ANN, WORDS).private_bytes_raw()
    found = {"passphrase": WORDS.encode(), "the key": private, "in hex": private.hex().encode()}
    for part in blinding.unseal(key, ANN, WORDS):
        if part.kind == withheld.PART:
            continue  # the account that runs sessions has it, and has to
        if part.kind in ("allocation", "running_order"):
            whole = json.loads(part.content) if part.kind == "allocation" else part.content
            found[f"the seed of the {part.kind}"] = whole["seed"].encode()
        what = part.kind
        if what.startswith(blinding.ANIMAL):
            what = f"an animal's {', '.join(part.content)}"
        clear = blinding._json(part.content)
        middle = len(clear) // 2
        if part.kind != "running_order":  # which is its seed
            found.setdefault(what, clear[middle : middle + 48])
    assert found.keys() > {"allocation", "labels", "an animal's place", "an animal's labels"}
    assert len(found) == 9
    return found


@contextmanager
def process(*commands: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """A process that has run these commands and still is there: its id, and what they said."""
    child = subprocess.Popen(
        [sys.executable, "-c", HELD, "tom"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        for words in commands:
            child.stdin.write("\t".join(words) + "\n")
        child.stdin.write("\n")
        child.stdin.flush()
        said = ""
        for line in child.stdout:
            if line == "held\n":
                break
            said += line
        yield child.pid, said
        child.kill()


def in_memory(pid: int, wanted: dict[str, bytes]) -> set[str]:
    """Which of these are somewhere in a process's memory."""
    found: set[str] = set()
    longest = max(map(len, wanted.values()))
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, mode = line.split()[:2]
            if not mode.startswith("rw"):
                continue
            start, stop = (int(part, 16) for part in span.split("-"))
            last = b""
            while start < stop:
                try:
                    memory.seek(start)
                    piece = memory.read(min(1 << 24, stop - start))
                except OSError:  # the system's own
                    break
                if not piece:
                    break
                whole = last + piece
                found |= {
                    name for name, needle in wanted.items() if name not in found and needle in whole
                }
                last, start = piece[-longest:], start + len(piece)
    return found


def test_a_technicians_process_never_holds_what_is_sealed(sealed: Path) -> None:
    secrets = needles(sealed)
    run = ("study", "run", str(sealed), "--subject", "M03", "--phase", "conditioning1a", "--rig",
           "sim", "--by", "tom", "--speed", "max", "--override", "mistake")  # fmt: skip
    commands = [("study", verb, str(sealed)) for verb in ("status", "today")]
    with process(*commands, run) as (pid, said):
        assert said.count("code 0") == 3, said
        there = {"what it held itself": b"held-by-tom", "its animal": b"M03"}
        assert in_memory(pid, there) == set(there), "the search finds what is there"
        assert in_memory(pid, secrets) == set()


@pytest.mark.long
def test_a_technicians_window_never_holds_what_is_sealed(sealed: Path, tmp_path: Path) -> None:
    secrets = needles(sealed)
    # Qt keeps texts in 16 bits
    secrets |= {
        f"{name}, as Qt has it": what.decode().encode("utf-16-le")
        for name, what in secrets.items()
        if name != "the key"
    }
    child = subprocess.Popen(
        [sys.executable, "-c", WINDOW, str(sealed)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={
            **os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen",
            "PLACEPREF_RUNTIME": str(tmp_path / "run"),
        },
    )  # fmt: skip
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        there = {"its own": b"shown-to-tom", "an animal": "M03".encode("utf-16-le")}
        assert in_memory(child.pid, there) == set(there)
        assert in_memory(child.pid, secrets) == set()
        child.kill()


def test_the_search_finds_all_of_it_in_a_process_that_holds_it(sealed: Path) -> None:
    secrets = needles(sealed)
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(sealed / "key.sealed"), ANN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(WORDS + "\n")
        child.stdin.flush()
        assert child.stdout.readline() == "held\n"
        assert in_memory(child.pid, secrets) == set(secrets)
        child.kill()


def test_the_search_finds_what_a_holders_process_holds(sealed: Path) -> None:
    secrets = needles(sealed)
    words = sealed.parent / "words"
    words.write_text(f"{ANN}: {WORDS}\n", encoding="utf-8")
    opening = ("study", "unblind", str(sealed), "--by", ANN, "--holder", ANN, "--reason",
               "the analysis is locked", "--passphrases", str(words))  # fmt: skip
    with process(opening) as (pid, said):
        assert "code 0" in said, said
        assert in_memory(pid, secrets), "unblinding unseals"
