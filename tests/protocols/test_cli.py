"""The command `placepref` as people and scripts use it."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from protocols import library
from protocols.cli import demonstration
from protocols.cli.app import LONG_BYTES, _helped, app
from protocols.cli.reporting import write_report
from protocols.cli.table import from_here, lines, wrapped
from protocols.demo import playing
from protocols.study import open_study
from protocols.study.exposure import ledger
from rig.channel import entries
from rig.hardware.doors import SerialBoard
from rig.session import processes
from rig.storage import SessionRecord, read_pairing, session_folder
from tests.hurry import hurry
from tests.protocols.conftest import Cli
from tests.small import ARENA, tick_until, write_clip, write_rig

ROOT = Path(__file__).parents[2]
MAIN = [sys.executable, "-c", "from protocols.cli import main; main()"]
COMMANDS = sorted(command.callback.__name__ for command in app.registered_commands)  # type: ignore[union-attr]
EXPLORE = ["run", "free-exploration", "--subject", "M01", "--out", "study"]
SIM_S = ["--rig", "sim", "--speed", "max", "--set", "test_s=3"]

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="ends processes as on POSIX")


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def placepref(*words: str) -> "subprocess.CompletedProcess[str]":
    """A process of its own, with no terminal."""
    return subprocess.run(
        [*MAIN, *words], env=environment(), capture_output=True, text=True, timeout=120
    )


@contextmanager
def process(*words: str, **options: Any) -> Iterator["subprocess.Popen[str]"]:
    """A process that does not outlive its test, however that ends."""
    with subprocess.Popen([*MAIN, *words], env=environment(), text=True, **options) as running:
        try:
            yield running
        finally:
            running.kill()


def session_of(study: Path, subject: str = "M01") -> Path:
    (session,) = (study / "rawdata" / f"sub-{subject}").iterdir()
    return session / "behav"


# help


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(cli: Cli, command: str) -> None:
    said = cli(command, "--help")
    assert (said.code, said.err) == (0, "")
    assert f"Example: placepref {command}" in " ".join(said.out.split())
    assert max(map(len, said.out.splitlines())) <= 80


def test_help_names_every_command_and_loads_nothing_slow(here: Path) -> None:
    program = (
        "import sys; sys.argv = ['placepref']\n"
        "try:\n    from protocols.cli import main; main()\n"
        "finally:\n"
        "    slow = {'numpy', 'cv2', 'av', 'pydantic', 'shapely', 'serial', 'PyQt6', 'rich'}\n"
        "    assert not slow & set(sys.modules), slow & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    for command in COMMANDS:
        assert f"\n  {command} " in done.stdout


# a session, start to score


def test_a_simulated_session_as_a_process(here: Path) -> None:
    done = placepref(*EXPLORE, *SIM_S, "--paired", "right", "--seed", "4")
    assert (done.returncode, done.stderr) == (0, "")  # no progress where there is no terminal
    folder = session_of(here / "study")
    text = done.stdout.splitlines()
    assert text[0] == "completed: the plan was carried out"
    assert text[1] == "chamber  time s  entries  latency s  mean visit s  distance m"
    assert text[-1] == f"recorded in {folder.relative_to(here)}"
    assert "None" not in done.stdout
    assert max(map(len, text)) <= 80
    assert read_pairing(here / "study") == {"M01": ("right", "left")}
    # Nothing in the session's own folder tells which chamber is paired.
    assert all("paired" not in p.read_text() for p in folder.glob("*.*s*") if p.suffix != ".mkv")
    setup = SessionRecord.open(folder).setup
    assert (setup.simulated, setup.codec, setup.phase) == (True, "h264", "exploration")


def test_the_same_seed_gives_the_same_session(cli: Cli, here: Path) -> None:
    for study, seed in (("a", 4), ("b", 4), ("c", 5)):
        assert cli(*EXPLORE, "--out", study, *SIM_S, "--seed", seed).code == 0
    rows = [(session_of(here / s) / "frames.csv").read_bytes() for s in "abc"]
    assert rows[0] == rows[1] != rows[2]


def test_a_recording_as_the_camera_then_verified_and_scored_again(cli: Cli, clip: Path) -> None:
    ran = cli(*EXPLORE, "--rig", "clip.rig.toml", "--speed", "max", "--codec", "lossless", "--json")
    live = json.loads(ran.out)
    assert (ran.code, ran.err, live["status"]) == (0, "", "completed")
    assert live["reason"] == "the recording ended"
    assert live["summary"]["entries_right"] == 1
    folder = session_of(Path("study"))
    assert Path(live["folder"]) == folder
    for name in (folder, folder.parent):
        verified = cli("verify", name, "--json")
        (verdict,) = json.loads(verified.out)
        assert (verified.code, verified.err, verdict["ok"]) == (0, "", True)
        assert (verdict["rows"], verdict["differing"], verdict["lossless"]) == (60, 0, True)
    assert cli("verify", folder).out.splitlines() == [
        f"{folder}: ok",
        f"  replay exact: 60 rows and {verdict['events']} events",
        "  tracked again (lossless): all 60 pictures equal",
    ]
    again = cli("rescore", folder.parent, "--out", "scored", "--json")
    (row,) = json.loads(again.out)
    assert (again.code, again.err) == (0, "")
    assert row["difference_s"] == {"left": 0.0, "right": 0.0}
    assert row["time_left_s"] == live["summary"]["time_left_s"]
    assert (Path(row["folder"]) / "rescore.json").is_file()


def test_verify_fails_for_a_session_that_was_changed(cli: Cli, clip: Path) -> None:
    cli(*EXPLORE, "--rig", "clip.rig.toml", "--speed", "max")
    folder = session_of(Path("study"))
    rows = (folder / "frames.csv").read_text()
    (folder / "frames.csv").write_text(rows.replace(",left,", ",right,", 1))
    said = cli("verify", folder)
    assert (said.code, said.err) == (1, "")
    assert said.out.startswith(f"{folder}: NOT ok\n")
    assert "frames.csv was changed after the session" in said.out


def test_rescore_of_a_recording(cli: Cli, clip: Path) -> None:
    asked = ["rescore", clip, "--apparatus", "arena.toml", "--out", "scored"]
    said = cli(*asked, "--paired", "left", "--end", "0:01.5")
    assert (said.code, said.err) == (0, "")
    text = said.out.splitlines()
    assert text[0] == "chamber  time s  entries  latency s  mean visit s  distance m"
    # It never came to the right chamber: there is no latency, and no mean visit.
    assert text[2].split()[:5] == ["right", "0.0", "0", "-", "-"]
    assert "paired 1.4 s, unpaired 0.0 s" in text
    assert text[-1] == f"written to {Path('scored/mouse')}"
    with Path("scored/summary.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["id"], row["latency_right_s"], row["entries_right"]) == ("mouse", "", "0")
    shutil.copy(clip, "other.mkv")
    said = cli(*asked, "other.mkv", "--out", "two", "--start", "1")
    assert said.out.count("written to ") == 2
    assert len(Path("two/summary.csv").read_text().splitlines()) == 3


def test_progress_for_another_program(cli: Cli, clip: Path) -> None:
    asked = ["rescore", clip, "--apparatus", "arena.toml", "--out", "scored", "--json"]
    said = cli(*asked, "--progress-json")
    assert said.code == 0
    told = [json.loads(line) for line in said.err.splitlines()]
    assert told[-1] == {"progress": str(clip), "done": 60, "total": 60}
    assert len(json.loads(said.out)) == 1
    assert "--progress-json" in cli("rescore", "--help").out


def test_an_aborted_session_exits_with_3(cli: Cli, clip: Path) -> None:
    Path("short.toml").write_text(
        'name = "short"\n[[phase]]\nname = "test"\n'
        '[[phase.step]]\ndo = "explore"\nduration_s = 60\nscored = true\n'
    )
    words = ["--rig", "clip.rig.toml", "--speed", "max"]
    said = cli("run", "short.toml", *EXPLORE[2:], *words)
    assert (said.code, said.err) == (3, "")
    assert said.out.startswith("aborted: the recording ended before the plan did\n")
    assert session_of(Path("study")).is_dir()


@pytest.mark.parametrize("drive", ["manual", "none"])
@pytest.mark.parametrize("name", ["cocaine-cpp", "free-exploration"])
def test_each_protocol_runs_without_motors_too(cli: Cli, here: Path, name: str, drive: str) -> None:
    source = write_rig(here, drive=drive, frame_size_px=(160, 120))
    phase = ["--phase", "pretest"] if name == "cocaine-cpp" else []
    words = ["--rig", source, "--speed", "max", "--set", "test_s=3", "--json"]
    said = cli("run", name, *EXPLORE[2:], *phase, *words)
    told = json.loads(said.out)
    assert (said.code, said.err, told["status"]) == (0, "", "completed")
    assert told["summary"]["test_s"] == pytest.approx(3, abs=0.1)


# what a protocol does in a box


SHOWN = {
    "motor": ({}, ["In box A of rig 'sim', paired chamber right:"], ["Note:"]),
    "manual": (
        {"drive": "manual"},
        ["Note: doors moved by hand, each confirmed by a key: left, right"],
        [],
    ),
    "no doors": (
        {"drive": "none"},
        ["Note: doorways without a door are always open: left, right; an animal that"],
        [],
    ),
}


@pytest.mark.parametrize(("options", "there", "missing"), SHOWN.values(), ids=SHOWN)
def test_show(
    cli: Cli, here: Path, options: dict[str, Any], there: list[str], missing: list[str]
) -> None:
    source = write_rig(here, **options)
    said = cli("show", "cocaine-cpp", "--rig", source, "--paired", "right", "--set", "test_s=90")
    assert (said.code, said.err) == (0, "")
    assert max(map(len, said.out.splitlines())) <= 80
    assert "posttest: as pretest" in said.out
    assert "are open for 1\n     min 30 s; scored." in said.out
    assert "conditioning1a\n  1. place: With the doors closed, the animal is placed in right" in (
        said.out
    )
    for text in there:
        assert text in said.out
    for text in missing:
        assert text not in said.out
    said = cli("show", "free-exploration", "--rig", source)
    assert (said.code, said.err) == (0, "")
    assert "output         (none)\n" in said.out


def test_show_says_what_cannot_run_in_a_box(cli: Cli, here: Path) -> None:
    source = write_rig(here, chambers=2)
    assert cli("show", "free-exploration", "--rig", source).code == 0
    said = cli("show", "cocaine-cpp", "--rig", source)
    assert (said.code, said.err) == (1, "")
    text = " ".join(said.out.split())
    assert f"pretest, posttest cannot run here: {here / 'A.toml'}: chamber.role: " in text
    told = json.loads(cli("show", "cocaine-cpp", "--rig", source, "--json").out)
    assert sorted(told["faults"]) == ["posttest", "pretest"]
    assert len(told["phases"]) == 4
    assert told["dry_run"]["faults"] == []


def test_show_tells_the_study_and_dry_runs_it(cli: Cli) -> None:
    said = cli("show", "u50488-cpa")
    assert (said.code, said.err) == (0, "")
    assert max(map(len, said.out.splitlines())) <= 80
    text = " ".join(said.out.split())
    assert "prime" not in text
    assert "U50,488 hydrochloride 2.5 mg/kg (salt) i.p., 10 ml/kg (paired)" in text
    assert "Day 4: posttest." in text
    assert "may start on a Monday or Tuesday" in text
    assert "each animal is 3.0 h in the box, in 6 sessions" in text
    assert "to be decided before a study, --set inject_to_place_s=...: seconds from" in text
    said = cli("show", "u50488-cpa", "--set", "inject_to_place_s=900", "--set", "inject_late_s=120")
    assert "to be decided" not in said.out
    assert "injection, 15 min ahead (15 min to 17 min)" in " ".join(said.out.split())


def test_show_ends_with_one_where_the_dry_run_finds_something(cli: Cli) -> None:
    said = cli("show", "cocaine-cpp", "--set", "between_sessions_s=50000", "--json")
    told = json.loads(said.out)
    assert (said.code, told["faults"]) == (1, {})
    assert len(told["dry_run"]["faults"]) == 2
    assert told["dry_run"]["faults"][0].startswith("day 2 (conditioning1a, conditioning1b) takes")


def test_a_protocol_of_ones_own_extends_a_shipped_one_and_runs(cli: Cli, here: Path) -> None:
    own = """
name = "ours"
extends = "extinction-saline"
[parameters]
test_s = 2
conditioning_s = 2
[[phase]]
name = "rest1"
kind = "washout"
after = "extinction1"
days = 2
"""
    (here / "ours.toml").write_text(own)
    asked = ("run", "ours.toml", "--subject", "M01", "--rig", "sim", "--paired", "left")
    fast = ("--speed", "max", "--out", "study")
    said = cli(*asked, "--phase", "extinction4c", *fast)
    assert (said.code, said.err) == (0, "")
    (folder,) = (here / "study" / "rawdata" / "sub-M01").iterdir()
    assert folder.name.endswith("_phase-extinction4c")
    said = cli(*asked, "--phase", "extinction6c", *fast)
    assert said.code == 2
    assert "'extinction6c': ours has no such phase" in said.err
    said = cli(*asked, "--phase", "rest1", *fast)
    assert (said.code, said.out) == (2, "")
    assert "'rest1': takes place outside the box; there is no session to run" in said.err
    said = cli(*asked, *fast)
    assert "rest1" not in said.err
    assert "--phase: missing: ours has pretest, " in said.err
    (here / "second.toml").write_text(own.replace("extinction-saline", "ours.toml"))
    assert cli("show", "second.toml").code == 0
    (here / "third.toml").write_text(own.replace("extinction-saline", "nowhere.toml"))
    said = cli("show", "third.toml")
    assert (said.code, said.out) == (2, "")
    assert "nowhere.toml: there is no such protocol file" in said.err


def test_protocols(cli: Cli) -> None:
    said = cli("protocols")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("cocaine-cpp\n  Cocaine place preference")
    told = json.loads(cli("protocols", "--json").out)
    assert [p["name"] for p in told] == library.names()
    assert told[0]["phases"][0] == "pretest"
    assert told[0]["parameters"]["test_s"] == 1800


# hardware


def test_cameras_and_ports_are_listed(cli: Cli) -> None:
    for words in (["cameras"], ["doors"], ["doors", "list"]):
        said = cli(*words)
        assert (said.code, said.err) == (0, "")
        assert said.out
        assert isinstance(json.loads(cli(*words, "--json").out), list)


@needs_posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_simulated_board_is_served_until_it_is_ended(here: Path, number: int) -> None:
    as_json = ["--json"] if number == signal.SIGTERM else []
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with process("doors", "--simulate", *as_json, **pipes) as serving:
        assert serving.stdout is not None
        assert serving.stderr is not None
        line = serving.stdout.readline()
        port = json.loads(line)["port"] if as_json else line.strip()
        board = SerialBoard("board-1", port, time.monotonic_ns)
        assert board.hello.name == "board-1"
        board.close()
        made_ns = os.stat(port).st_ctime_ns
        serving.send_signal(number)
        assert serving.wait(10) == 0
        assert (serving.stdout.read(), serving.stderr.read()) == ("", "")
    # Another process's port may have its number by now.
    assert not Path(port).exists() or os.stat(port).st_ctime_ns != made_ns


TOLD_ANYWHERE = """import signal, sys
from protocols.cli import hardware

hardware.LOOK_S = 0.001

def tell_at(wanted):
    seen = 0
    def lines(frame, event, arg):
        nonlocal seen
        if event == "line" and said:
            seen += 1
            if seen == wanted:
                signal.raise_signal(signal.SIGINT)
        return lines
    def calls(frame, event, arg):
        ours = frame.f_code.co_name == "_serve" or frame.f_code.co_filename.endswith("threading.py")
        return lines if ours else None
    return calls

class Out:
    def write(self, text):
        said.append(text)
    def flush(self):
        pass

for wanted in range(1, 21):
    said, sys.stdout = [], Out()
    sys.settrace(tell_at(wanted))
    code = hardware.doors(hardware.Doors("list", None, (), False, 1, [], True), as_json=False)
    sys.settrace(None)
    sys.stdout = sys.__stdout__
    print(wanted, code, flush=True)
"""


@needs_posix
def test_a_simulated_board_is_ended_wherever_the_word_comes(here: Path) -> None:
    """Also between two lines of what it waits with: there an Event's lock may be held."""
    words = [sys.executable, "-c", TOLD_ANYWHERE]
    done = subprocess.run(
        words, env=environment(), capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.split("\n")[:-1] == [f"{line} 0" for line in range(1, 21)]


# interrupted sessions


@pytest.fixture
def cut_off(here: Path) -> Path:
    """A session whose process was killed in the middle of its test."""
    source = write_rig(here, frame_size_px=(160, 120))
    words = [*EXPLORE, "--rig", source, "--speed", "max", "--set", "test_s=100"]
    with process(*words):

        def scoring() -> bool:
            found = list(here.glob("study/rawdata/*/*/behav/events.jsonl"))
            return bool(found) and b"scoring_started" in found[0].read_bytes()

        tick_until(scoring)
    return session_of(here / "study")


def test_a_session_that_was_cut_off_is_closed(cli: Cli, cut_off: Path) -> None:
    said = cli("verify", cut_off)
    assert said.code == 0
    assert "  unfinished: it has no stop record; resume or close it\n" in said.out
    said = cli("close", cut_off, "--reason", "power cut")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("failed: interrupted: power cut\n")
    assert "None" not in said.out
    assert cli("verify", cut_off).out.startswith(f"{cut_off}: ok\n  replay exact: ")


def test_a_session_that_was_cut_off_goes_on(cli: Cli, cut_off: Path) -> None:
    said = cli("resume", cut_off, "--rig", "sim:own.rig.toml", "--speed", "max", "--yes")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("completed: the plan was carried out\n")
    assert said.out.endswith(f"recorded in {from_here(cut_off)}\n")
    assert (cut_off / "video-2.mkv").is_file()


def test_a_session_that_lost_only_its_last_lines_is_closed_as_it_had_ended(
    cli: Cli, clip: Path
) -> None:
    cli(*EXPLORE, "--rig", "clip.rig.toml", "--speed", "max")
    folder = session_of(Path("study"))
    whole = (folder / "events.jsonl").read_bytes()
    (folder / "events.jsonl").write_bytes(whole[: whole.rindex(b"{")])
    (folder / "SHA256SUMS").unlink()
    said = cli("close", folder, "--reason", "power cut")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("completed: the recording ended\n")
    assert (folder / "events.jsonl").read_bytes() == whole
    assert cli("verify", folder).code == 0


@needs_posix
@pytest.mark.usefixtures("stations")
def test_a_station_that_dies_leaves_one_line_and_a_session_to_close(clip: Path, cli: Cli) -> None:
    write_clip(clip.parent, frames=600)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with process(*EXPLORE, "--rig", "clip.rig.toml", **pipes) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert any("scoring started" in line for line in running.stdout)
        os.kill(entries()[0].pid, signal.SIGKILL)
        assert running.wait(10) == 1
        (line,) = running.stderr.read().splitlines()
    folder = session_of(Path("study"))
    assert line.startswith("placepref: the station is gone: ")
    assert line.endswith(f"; what was recorded is in {folder}: resume or close it")
    assert cli("close", folder, "--reason", "station killed").code == 0


# in real time


@needs_posix
@pytest.mark.usefixtures("stations")
def test_a_changed_rig_file_is_heard_by_the_next_session(
    cli: Cli, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAKEPY_FAKE_SUCCESS", "1")  # what keeps a system awake need not be here
    words = [*EXPLORE, "--rig", "clip.rig.toml", "--set", "test_s=1.5"]
    said = cli(*words, "--paired", "left")
    assert (said.code, said.err) == (0, "")
    text = said.out.splitlines()
    looked_at = text[: text.index(f"recording to {session_of(Path('study'))}")]
    assert {line.split()[1] for line in looked_at} >= {"disk:", "clock:", "power:", "sleep:"}
    assert {line.split()[0] for line in looked_at} <= {"pass", "warn"}
    assert "pass  sleep: the system stays awake while the rig is open" in looked_at
    assert "scoring started" in said.out
    assert text[-1] == f"recorded in {session_of(Path('study'))}"
    first = entries()[0].pid
    Path("arena.toml").write_text(ARENA.replace('"left"', '"west"'))
    said = cli(*words, "--subject", "M02", "--json", "--paired", "west")
    told = json.loads(said.out)
    assert (said.code, said.err, told["status"]) == (0, "", "completed")
    assert told["summary"]["time_west_s"] > 0
    assert entries()[0].pid != first
    assert read_pairing(Path("study")) == {"M01": ("left", "right"), "M02": ("west", "right")}


@needs_posix
@pytest.mark.usefixtures("stations")
def test_keys_and_ctrl_c_in_a_terminal(clip: Path) -> None:
    import pty
    import select

    write_clip(clip.parent, frames=600)  # 30 s, played in real time
    words = [*EXPLORE, "--rig", "clip.rig.toml", "--operator", "me"]
    terminal, end = pty.openpty()
    heard = b""

    def until(text: bytes) -> None:
        nonlocal heard

        def come() -> bool:
            nonlocal heard
            while select.select([terminal], [], [], 0)[0]:
                heard += os.read(terminal, 4096)
            return text in heard

        tick_until(come)
        heard = heard.split(text, 1)[1]

    ends = {"stdin": end, "stdout": end, "stderr": end}
    with process(*words, **ends, start_new_session=True) as running:
        until(b"Enter confirms, p pauses, e asks to end, Ctrl-C asks to abort")
        until(b"-> ")
        os.write(terminal, b"\n")
        until(b"scoring started")
        os.write(terminal, b"p")
        until(b"paused")
        os.write(terminal, b"p")
        until(b"goes on")
        os.write(terminal, b"e")
        until(b"end this session here, as completed? y, or any other key to go on: ")
        os.write(terminal, b"n")
        until(b"no\r\n")
        running.send_signal(signal.SIGINT)
        until(b"abort this session? y, or any other key to go on: ")
        os.write(terminal, b"y")
        until(b"aborted by the operator\r\n")
        until(b"recorded in study")
        assert running.wait(10) == 3
    os.close(end)
    os.close(terminal)
    stop = SessionRecord.open(session_of(Path("study"))).stop
    assert stop is not None
    assert (stop["status"], stop["reason"]) == ("aborted", "aborted by the operator")


# the demonstration


ours = playing._text


class _Here:
    """An executor that does it at once, in this process."""

    def submit(self, do: Callable[..., Any], *words: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(do(*words))
        return future


def test_the_demonstration_is_a_study_that_was_blind_until_its_end(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr(playing, "_text", lambda name: ours(name).replace("0.90", "1.0"))
    seconds = {"test_s": 4, "conditioning_s": 2, "most_cycles": 1}
    opens = playing.verbs.unblind  # type: ignore[attr-defined]

    def look_first(*words: Any) -> Any:
        """Until the key is opened nothing tells; what was opened stands in the trail then."""
        for path in (here / "demo").rglob("*"):
            if path.is_file() and path.suffix in (".json", ".jsonl", ".csv", ".sqlite"):
                data = path.read_bytes()
                assert b"hydrochloride" not in data, path
                assert b"drug_first" not in data, path
        return opens(*words)

    monkeypatch.setattr(playing.verbs, "unblind", look_first)  # type: ignore[attr-defined]
    drawn_by: list[str] = []
    allocates = playing.verbs.allocate_cohort  # type: ignore[attr-defined]

    def watched(*words: Any) -> Any:
        drawn_by.append(words[5])
        return allocates(*words)

    monkeypatch.setattr(playing.verbs, "allocate_cohort", watched)  # type: ignore[attr-defined]
    play = playing.Play(here / "demo", 2, 1, _Here(), lambda done, total: None, **seconds)
    played = play.play()
    assert played.faults == ()
    # The same seed draws the same allocation, another one another; nothing is left in the settings.
    same, other = (
        playing.Play(here / "x", 2, seed, _Here(), lambda done, total: None) for seed in (1, 2)
    )
    assert drawn_by == [same._drawn("allocation")] != [other._drawn("allocation")]
    assert not list(here.parent.glob("config/**/*.key"))
    assert sorted(a.group for a in played.animals) == ["cocaine", "saline"]
    assert played.sessions == 16
    assert all(a.reinstated_s is not None for a in played.animals)
    phases = [SessionRecord.open(f).setup.phase for f in (here / "demo").glob("rawdata/*/*/behav")]
    assert len(phases) == played.sessions
    assert not (here / "demo" / "pairing.csv").exists()
    with open_study(here / "demo", write=False) as study:
        lines = ledger(study)
    given = [line for line in lines if line.kind == "label"]
    assert len(given) == 2 * 5  # four in conditioning, one as a prime
    assert not [line for line in lines if line.amiss]  # placed in time, by the day that is played
    html, pdf = write_report(here / "demo")
    assert "cocaine" in html.read_text(encoding="utf-8")
    assert pdf.read_bytes().startswith(b"%PDF")


def test_the_demonstration_says_its_scores_and_takes_a_folder_of_its_own(
    cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def simulated(folder: Path, animals: int, seed: int) -> tuple[playing.Played, Path]:
        scored = [
            playing.Scored(f"M{k:02d}", "saline", "left", 100.25, 190.0, 110.0, 120.0, "active")
            for k in range(1, animals + 1)
        ]
        played = playing.Played(tuple(scored), 72, 12, ())
        return played, folder / "derivatives" / "report.html"

    monkeypatch.setattr(demonstration, "_played_and_reported", simulated)
    said = cli("demo", "--animals", "9")
    assert (said.code, said.err) == (0, "")
    text = said.out.splitlines()
    assert text[0].startswith("animal  group   paired  pre-test s  post-test s  score s")
    assert text[9].startswith("M09     saline  left         100.2        190.0     89.8")
    assert max(map(len, text)) <= 80
    where = Path("placepref-demo", "derivatives", "report.html")
    assert f"Report: {where} (and .pdf)" in text
    told = [json.loads(cli("demo", "--json").out)["folder"] for _ in range(2)]
    assert told == ["placepref-demo-2", "placepref-demo-3"]
    assert len(list(here.glob("placepref-demo*"))) == 3
    assert json.loads(cli("demo", "--json", "--out", "mine").out)["folder"] == "mine"


@pytest.mark.parametrize("words", [[], ["--out", "mine"], ["--out", "empty"]])
def test_a_demonstration_that_is_stopped_leaves_nothing(
    cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    (here / "empty").mkdir()

    def stopped(folder: Path, animals: int, seed: int) -> playing.Played:
        (folder / "rawdata").mkdir(parents=True)
        (folder / "study.toml").write_text("name", encoding="utf-8")
        raise KeyboardInterrupt

    monkeypatch.setattr(demonstration, "_played_and_reported", stopped)
    assert cli("demo", *words).code == 3
    assert [path.name for path in here.rglob("*")] == ["empty"]


# how things look


def test_tables_line_up_and_none_is_a_dash() -> None:
    table = lines([("left", 3.25, None), ("centre", 12.0, 1.0)], ("chamber", "s", "latency"))
    assert table.splitlines() == [
        "chamber     s  latency",
        "left      3.2        -",
        "centre   12.0      1.0",
    ]
    assert lines([("a", float("nan"))], ("x", "y")).splitlines()[1] == "a  -"


def test_long_text_is_wrapped_but_a_path_is_not() -> None:
    path = "study/" + "x" * 90
    text = wrapped(f"1. {'word ' * 30}{path}", 2, 5)
    assert path in text.splitlines()[-1]
    assert max(map(len, text.splitlines()[:-1])) <= 79
    assert all(line.startswith("     ") for line in text.splitlines()[1:])


def test_a_session_that_could_not_be_used_is_not_begun(cli: Cli, here: Path) -> None:
    later = date.today() + timedelta(days=40)
    session_folder(here / "study", "M02", "pretest", when=later)
    words = [*EXPLORE, "--rig", "sim", "--set", "test_s=2", "--speed", "max"]
    said = cli(*words)
    assert said.code == 1
    assert "not started: clock: " in said.err
    assert f"a session here is of {later}; set the computer's clock" in said.err
    assert [path.name for path in (here / "study" / "rawdata").iterdir()] == ["sub-M02"]
    assert cli(*words, "--anyway").code == 0


def test_a_helper_is_begun_for_one_long_recording_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def ahead(code: str, count: int, look: processes.Look) -> AbstractContextManager[None]:
        asked.append(look.path)
        return nullcontext()

    monkeypatch.setattr(processes, "ahead", ahead)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    for name, size in (("long.mp4", LONG_BYTES), ("two.mp4", LONG_BYTES), ("short.mp4", 1000)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    long, two, short = (str(tmp_path / f"{name}.mp4") for name in ("long", "two", "short"))
    rest = ["--apparatus", short, "--out", str(tmp_path)]
    with _helped(["rescore", long, *rest]), _helped(["rescore", *rest, "--end", "5", long]):
        assert asked == [Path(long)] * 2
    for words in (
        ["rescore", short, *rest],
        ["rescore", long, two, *rest],
        ["rescore", str(tmp_path), *rest],
        ["rescore", long, "--workers", "1"],
        ["rescore", long, "--workers=1"],
        ["rescore", long, "--scheduler", "tcp://10.0.0.1:8786"],
        ["rescore", "x" * 5000],
        ["verify", long],
        [],
    ):
        with _helped(words):
            pass
    assert len(asked) == 2
    with _helped(["rescore", long, "--workers", "12"]):
        assert len(asked) == 3
