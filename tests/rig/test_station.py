"""Stations as processes of their own, in real time, and one box of a station without its camera."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Client, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rig.channel import ChannelClient, Message, connect, ensure, entries, find
from rig.channel.entries import is_claimed
from rig.channel.messages import to_bytes
from rig.errors import ConfigError, StationError
from rig.model import NS_PER_S, Frame, Request, RequestKind, Silence
from rig.session import deriving, load_rig, record, verify
from rig.session.deriving import Deriving
from rig.session.processes import start
from rig.station.hosted import Hosted, Phase, Tap
from rig.station.station import Station
from rig.storage import SessionRecord
from rig.video import VideoWriter
from tests.rig.conftest import MakeRig, MakeWish
from tests.small import ARENA, CLIP_RIG, rig_tables, tick_until, write_clip, write_table

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="processes are ended and sockets made as on POSIX"
)

PLACE = {"do": "place", "chamber": "centre", "limit_s": 30}
EXPLORE = {"do": "explore", "duration_s": 3, "scored": True}
FOREVER = {"do": "explore", "duration_s": 600, "scored": True}


def plan(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"protocol": "short", "phase": "pretest", "step": list(steps)}


def wish(subject: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "plan": plan(*steps),
        "subject": subject,
        "phase": "pretest",
        "codec": "lossless",
    }


def box_of(client: ChannelClient, box: str) -> dict[str, Any]:
    found: dict[str, Any] = client.request("status")["boxes"][box]
    return found


def in_step(client: ChannelClient, box: str, step: int) -> bool:
    return bool(box_of(client, box).get("step", 0) >= step)


def when_ended(client: ChannelClient, box: str) -> dict[str, Any]:
    """The box's status once its session has ended and its files are complete."""

    def ended() -> dict[str, Any] | None:
        status = box_of(client, box)
        return status if status["state"] == "ended" else None

    status: dict[str, Any] = tick_until(ended)
    return status


def ask(client: ChannelClient, box: str, kind: str, **fields: str) -> None:
    client.request("request", box=box, request={"kind": kind, "who": "me", **fields})


def kinds(client: ChannelClient, box: str) -> list[str]:
    return [event["kind"] for event in client.request("events", box=box)["events"]]


def write_rig(folder: Path, boxes: int, drive: str) -> str:
    """A simulated rig's files; gives what names it on a command line."""
    table, apparatuses = rig_tables(boxes=boxes, drive=drive)
    for name, apparatus in apparatuses.items():
        write_table(folder / f"{name}.toml", apparatus)
    return f"sim:{write_table(folder / 'four.rig.toml', {**table, 'name': 'four boxes'})}"


def _let_go(what: str) -> bool:
    return not is_claimed(what)


def stop_all() -> None:
    """End every station of this runtime folder, whatever state a failed test left it in."""
    for entry in entries():
        try:
            with connect(entry) as client:
                client.request("quit", force=True)
        except StationError:
            os.kill(entry.pid, signal.SIGKILL)
        try:
            tick_until(partial(_let_go, entry.source))
        except AssertionError:
            os.kill(entry.pid, signal.SIGKILL)


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "run"
    monkeypatch.setenv("PLACEPREF_RUNTIME", str(folder))
    yield folder
    stop_all()


# stations as processes


def test_four_boxes_start_abort_and_end_on_their_own(runtime: Path, tmp_path: Path) -> None:
    source, out = write_rig(tmp_path, 4, "none"), str(tmp_path / "study")
    with ensure(source) as client:
        folders = {}
        for box, last in (("A", EXPLORE), ("B", EXPLORE), ("C", FOREVER), ("D", FOREVER)):
            reply = client.request("start", box=box, wish=wish(f"M{box}", PLACE, last), out=out)
            folders[box] = Path(reply["folder"])
        with pytest.raises(StationError, match="box A: the session pretest of MA is running"):
            client.request("start", box="A", wish=wish("MX", PLACE), out=out)
        tick_until(lambda: in_step(client, "B", 2))
        client.request("wave", box="B", hold_s=0.8)
        tick_until(lambda: in_step(client, "C", 2) and in_step(client, "D", 2))
        writes = box_of(client, "C")["writes"]
        ask(client, "C", "abort", text="bitten")
        ask(client, "D", "note", text="calm")
        ask(client, "D", "end")
        ends = {box: when_ended(client, box) for box in folders}
        heard = {box: kinds(client, box) for box in folders}
        told = client.request("events", box="A", since=2**40)
        with pytest.raises(StationError, match=r"box C: no session runs \(ended\)"):
            ask(client, "C", "pause")

    statuses = {box: (e["ending"]["status"], e["ending"]["reason"]) for box, e in ends.items()}
    assert statuses == {
        "A": ("completed", "the plan was carried out"),
        "B": ("completed", "the plan was carried out"),
        "C": ("aborted", "bitten"),
        "D": ("completed", "ended by the operator"),
    }
    assert writes["folder"] == str(folders["C"])
    assert 560 < writes["left_s"] < 600
    assert not any("writes" in end for end in ends.values())
    assert told["events"] == []
    assert told["ended"]["status"] == "completed"
    assert told["ended"]["summary"]["test_s"] == pytest.approx(3, abs=0.2)
    assert "hand_in_view" in heard["B"]
    assert not any("hand_in_view" in heard[box] for box in "ACD")
    assert "note" in heard["D"]
    for box, folder in folders.items():
        record = SessionRecord.open(folder)
        stop = record.stop
        assert stop is not None
        assert stop["status"] == statuses[box][0]
        assert [event["kind"] for event in record.events()] == heard[box]
        assert record.setup.box == box
        assert (folder / "summary.csv").is_file()
        assert (folder / "SHA256SUMS").is_file()
    verdict = verify(folders["B"])
    assert (verdict.problems, verdict.differing) == ([], 0)
    # The hand over B is a hand there; what A had meanwhile is an animal in every picture.
    assert ends["A"]["counts"]["untracked"] == 0
    assert ends["B"]["counts"]["untracked"] > 0


STARTER = """
import json, sys, threading
from rig.channel import ensure
client = ensure(sys.argv[1])
print(json.dumps(client.request("start", **json.loads(sys.argv[2]))), flush=True)
threading.Event().wait()
"""


def test_clients_that_die_talk_nonsense_or_never_read_change_nothing(
    runtime: Path, tmp_path: Path
) -> None:
    # Doors that a board moves: the world's own board, behind a pseudo-terminal.
    steps = ({**PLACE, "doors": "open"}, EXPLORE)
    order = {"wish": wish("M01", *steps), "out": str(tmp_path)}
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, "sim", json.dumps(order)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    )
    assert starter.stdout is not None
    with starter, starter.stdout:
        started = json.loads(starter.stdout.readline())
        os.killpg(starter.pid, signal.SIGKILL)
    entry = find("sim")
    assert entry is not None
    with socket.socket(socket.AF_UNIX) as stranger, Client(entry.address) as deaf:
        stranger.connect(entry.address)
        stranger.sendall(bytes(range(256)))
        answer_challenge(deaf, entry.key())
        deliver_challenge(deaf, entry.key())
        os.set_blocking(deaf.fileno(), False)
        preview = to_bytes(Message("look"))
        with suppress(BlockingIOError):
            while True:  # until nothing fits into the socket any more
                deaf.send_bytes(preview)
        with connect(entry) as client:
            status = when_ended(client, "A")
    assert status["folder"] == started["folder"]
    assert status["ending"]["status"] == "completed"
    # At 15 frames/s; a station that waited for the deaf client would have missed far more.
    assert status["counts"]["dropped"] < 15
    record = SessionRecord.open(Path(started["folder"]))
    assert {"open"} == set(status["doors"].values())
    assert record.setup.box == "A"


def test_a_file_plays_from_its_beginning_for_each_session(runtime: Path, tmp_path: Path) -> None:
    frames, rate_hz, size_px = 24, 24.0, (160, 120)
    with (
        (tmp_path / "mouse.mkv").open("wb") as file,
        VideoWriter(file, size_px, rate_hz, "lossless") as video,
    ):
        for k in range(frames):
            picture = np.full(size_px[::-1], 200, np.uint8)
            picture[50:64, 10 + 5 * k : 30 + 5 * k] = 20
            video.write(picture, round(k * NS_PER_S / rate_hz))
    (tmp_path / "arena.toml").write_text(
        'name = "arena"\nframe_size_px = [160, 120]\npx_per_cm = 4.0\n'
        'chamber = [{ name = "left", outline_px = [[0, 0], [80, 0], [80, 120], [0, 120]] },'
        '{ name = "right", outline_px = [[80, 0], [160, 0], [160, 120], [80, 120]] }]\n'
    )
    rig = tmp_path / "clip.rig.toml"
    rig.write_text(
        'name = "clip"\n[camera]\nsource = "mouse.mkv"\nrate_hz = 24.0\n'
        '[[box]]\napparatus = "arena.toml"\nbackground = "median"\n'
    )
    whole = {"do": "explore", "scored": True, "on_input_end": "completed"}
    with ensure(str(rig)) as client:
        for subject in ("M01", "M02"):
            client.request("start", wish=wish(subject, whole), out=str(tmp_path), timeout_s=30)
            status = when_ended(client, "A")
            assert status["ending"] == {"status": "completed", "reason": "the recording ended"}
            counts = status["counts"]
            assert counts["frames"] + counts["dropped"] == frames
            assert counts["frames"] > frames / 2, "dropped here, not skipped"
            assert counts["untracked"] == 0
            assert kinds(client, "A").count("input_ended") == 1
        assert status["zone"] == "right"


def test_a_repeated_file_runs_on_as_a_camera_does(runtime: Path, tmp_path: Path) -> None:
    write_clip(tmp_path, 20)  # a second
    (tmp_path / "arena.toml").write_text(ARENA)
    rig = tmp_path / "clip.rig.toml"
    rig.write_text(CLIP_RIG.replace('"mouse.mkv"', '"mouse.mkv"\nrepeat = true'))
    with ensure(str(rig)) as client:
        tick_until(lambda: client.request("status")["camera"]["frames"] > 20)
        assert client.ask("preview").data["width"] == 160, "there are pictures before any session"
        client.request("start", wish=wish("M01", EXPLORE), out=str(tmp_path), timeout_s=30)
        status = when_ended(client, "A")
        assert status["ending"] == {"status": "completed", "reason": "the plan was carried out"}
        assert "input_ended" not in kinds(client, "A")
    frames = SessionRecord.open(Path(status["folder"])).columns()["frame"]
    assert frames[-1] - frames[0] >= 3 * 20, "three times the file"
    verdict = verify(Path(status["folder"]))
    assert (verdict.problems, verdict.differing) == ([], 0)


def test_a_second_station_is_refused_and_names_the_first(runtime: Path) -> None:
    with ensure("sim") as first:
        second = subprocess.run(
            [sys.executable, "-m", "rig.station", "sim"],
            capture_output=True,
            text=True,
            timeout=30,
            cwd=Path(__file__).parents[2],
        )
        assert second.returncode == 1
        entry = find("sim")
        assert entry is not None
        line = second.stderr.strip().splitlines()[-1]
        assert f"sim is in use by the station of rig 'sim' (process {entry.pid})" in line
        assert first.request("hello")["rig"] == "sim"
        with ensure("sim") as again:
            assert again.request("hello") == first.request("hello")


def test_an_idle_station_shows_pictures_refuses_nonsense_and_quits(
    runtime: Path, tmp_path: Path
) -> None:
    with ensure("sim", ["--linger", "0.2"]) as client:
        tick_until(lambda: client.request("status")["camera"]["frames"] > 0)
        seen = client.ask("preview", {"width_px": 100, "height_px": 100})
        assert len(seen.body) == seen.data["width"] * seen.data["height"]
        assert seen.data["width"] <= 100
        newer = client.ask("preview", {"after": seen.data["frame"], "wait_s": 5})
        assert newer.data["frame"] > seen.data["frame"]
        look = client.ask("look")
        pixels = look.data["width"] * look.data["height"]
        assert len(look.body) == pixels + pixels // 8
        assert all(look.data["good"].values())
        assert look.data["detection"]["reason"] == "none"
        with pytest.raises(StationError, match="has no settings"):
            client.request("camera")
        with pytest.raises(StationError, match="a station is not asked that"):
            client.request("dance")
        with pytest.raises(ConfigError, match="'Z': rig 'sim' has the boxes A"):
            ask(client, "Z", "abort")
        for never in ("failed", "closing", "resumed", "input_ended", "", "x"):
            with pytest.raises(StationError, match="a session is not asked that"):
                ask(client, "A", never)
        with pytest.raises(StationError, match=r"request\.data: unknown key"):
            ask(client, "A", "note", data="x")
        with pytest.raises(StationError, match="request = 'abort': kind, name"):
            client.request("request", box="A", request="abort")
        with pytest.raises(ConfigError, match=r"start: wish\.plan\.step: "):
            client.request("start", wish=wish("M01"), out=str(tmp_path))
        with pytest.raises(ConfigError, match="'here': a station needs the whole path"):
            client.request("start", wish=wish("M01", EXPLORE), out="here")
        with pytest.raises(ConfigError, match="'roof': the box has the chambers"):
            client.request(
                "start",
                wish=wish("M01", EXPLORE),
                out=str(tmp_path),
                animal={"preset": "cocaine", "preferred": "roof"},
            )
        with pytest.raises(ConfigError, match="'a/b'"):
            client.request("start", wish=wish("a/b", EXPLORE), out=str(tmp_path))
        assert box_of(client, "A")["state"] == "idle"
        assert not (tmp_path / "rawdata").exists()
        entry = find("sim")
        assert entry is not None
    # No session, no watcher, 0.2 s: it ends by itself and leaves no entry, key or socket.
    tick_until(lambda: not is_claimed("sim"))
    assert {path.suffix for path in runtime.iterdir()} <= {".lock", ".log"}


def test_quit_is_refused_while_a_session_runs_unless_forced(runtime: Path, tmp_path: Path) -> None:
    with ensure("sim") as client:
        started = client.request("start", wish=wish("M01", PLACE, FOREVER), out=str(tmp_path))
        with pytest.raises(StationError, match="a session runs in A"):
            client.request("quit")
        assert client.request("quit", force=True) == {"aborted": ["A"]}
    tick_until(lambda: not is_claimed("sim"))
    stop = SessionRecord.open(Path(started["folder"])).stop
    assert stop is not None
    assert (stop["status"], stop["reason"]) == ("aborted", "the station was told to end")


def test_a_station_that_cannot_open_its_rig_says_why_in_one_line(
    runtime: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"^/.*no\.rig\.toml: there is no such rig file$"):
        ensure(str(tmp_path / "no.rig.toml"))
    assert entries() == []


# one box


class Sink:
    """A writer with or without room."""

    def __init__(self) -> None:
        self.room = True

    def wait_room(self, timeout_s: float) -> bool:
        assert timeout_s == 0.0, "the deciding thread waits for no box"
        return self.room


class Loop:
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.sink, self.ending, self.doors = Sink(), None, object()
        self.seen: list[Frame | Silence] = []
        self.requests: list[Request] = []
        self.fails = False
        self.finished = threading.Event()
        self.failure = ""

    def turn(self, seen: Frame | Silence, requests: list[Request]) -> None:
        if self.fails:
            raise ArithmeticError("wrong")
        self.seen.append(seen)
        self.requests += requests

    def finish(self, t_ns: int, failure: str) -> str:
        self.failure = failure
        return "failed"


class Box:
    """The middle of the picture, and nothing else that a box has."""

    def __init__(self) -> None:
        self.loaded = self.box = self
        self.name = "A"

    def crop(self, frame: Frame) -> Frame:
        return Frame(frame.index, frame.t_ns, frame.image[1:3, 1:3])


@pytest.fixture
def running() -> tuple[Hosted, Loop]:
    opened: Any = type("Opened", (), {"world": None, "camera": object()})()
    box: Any = Box()
    hosted = Hosted(opened, box, lambda: 99, threading.Condition(), threading.Lock())
    loop: Any = Loop()
    hosted.loop, hosted.phase, hosted.folder = loop, Phase.RUNNING, Path("nowhere")
    return hosted, loop


PICTURE = Frame(5, 70, np.zeros((4, 4), np.uint8))


def test_a_box_whose_writer_is_full_gets_silence(running: tuple[Hosted, Loop]) -> None:
    hosted, loop = running
    hosted.turn(PICTURE)
    loop.sink.room = False
    hosted.turn(PICTURE)
    hosted.turn(Silence(80))
    first, second, third = loop.seen
    assert isinstance(first, Frame)
    assert first.image.shape == (2, 2), "a box sees its own part"
    assert second == Silence(70)
    assert third == Silence(80)


def test_every_box_is_decided_before_any_is_written() -> None:
    log: list[str] = []

    class Turns:
        phase, loop = Phase.RUNNING, None

        def __init__(self, name: str) -> None:
            self.name = name

        def turn(self, seen: Frame | Silence | None) -> None:
            log.append(f"turn {self.name}")

        def write(self) -> None:
            log.append(f"write {self.name}")

    station = Station(load_rig("sim"))
    try:
        boxes: Any = {name: Turns(name) for name in "AB"}
        station.boxes = boxes
        station._step(1.0)
    finally:
        station.close()
    assert log == ["turn A", "turn B", "write A", "write B"]


def test_requests_come_in_order_and_once(running: tuple[Hosted, Loop]) -> None:
    hosted, loop = running
    for kind in (RequestKind.ARM, RequestKind.NOTE):
        hosted.ask(Request(kind))
    hosted.turn(PICTURE)
    hosted.turn(PICTURE)
    assert [r.kind for r in loop.requests] == [RequestKind.ARM, RequestKind.NOTE]


def test_preparing_can_be_aborted_and_nothing_else(running: tuple[Hosted, Loop]) -> None:
    hosted, loop = running
    camera: Any = type("Camera", (), {"size_px": (4, 4), "rate_hz": 30.0})()
    tap = Tap(camera)
    hosted.phase, hosted._tap = Phase.PREPARING, tap
    for _ in range(6):
        hosted.turn(PICTURE)  # more than it has room for
    assert tap.next(0.0) == PICTURE, "the whole picture: preparing takes its own part"
    with pytest.raises(StationError, match="still being prepared"):
        hosted.ask(Request(RequestKind.PAUSE))
    hosted.ask(Request(RequestKind.ABORT))
    assert tap.next(0.0) is None
    hosted.phase, hosted._tap = Phase.RUNNING, None
    hosted.turn(PICTURE)
    assert [r.kind for r in loop.requests] == [RequestKind.ABORT]


def test_the_end_of_a_file_is_the_end_of_input(running: tuple[Hosted, Loop]) -> None:
    hosted, loop = running
    hosted.turn(None)
    assert loop.seen == [Silence(99)]
    assert [r.kind for r in loop.requests] == [RequestKind.INPUT_ENDED]


def test_an_error_fails_this_box_and_is_not_raised(
    running: tuple[Hosted, Loop], caplog: pytest.LogCaptureFixture
) -> None:
    hosted, loop = running
    loop.fails = True
    hosted.turn(PICTURE)
    hosted.wait(5)
    assert loop.failure == "ArithmeticError: wrong"
    assert hosted.phase is Phase.ENDED
    assert "the session fails" in caplog.text
    with pytest.raises(StationError, match="no session runs"):
        hosted.ask(Request(RequestKind.ABORT))


@pytest.fixture
def ending(
    running: tuple[Hosted, Loop], make_rig: MakeRig, make_wish: MakeWish, tmp_path: Path
) -> tuple[Hosted, dict[str, bytes]]:
    """A box whose session's folder lacks its tables, and what they must say."""
    hosted, _ = running
    rig = make_rig(drive="none")
    made = record(make_wish(rig, assigned=("test_s=2",)), rig, out=tmp_path)
    hosted.folder = made.folder
    tables = {name: (made.folder / name).read_bytes() for name in ("summary.csv", "visits.csv")}
    for name in tables:
        (made.folder / name).unlink()
    return hosted, tables


def _complete(hosted: Hosted, names: Iterable[str]) -> dict[str, bytes]:
    hosted.fail("over")
    hosted.wait(60)
    assert hosted.phase is Phase.ENDED
    assert hosted.error == ""
    assert hosted.summary is not None
    assert hosted.folder is not None
    return {name: (hosted.folder / name).read_bytes() for name in names}


@pytest.fixture
def apart() -> Iterator[Deriving]:
    deriving = Deriving()
    yield deriving
    deriving.close()


def test_a_summary_is_worked_out_in_another_process(
    ending: tuple[Hosted, dict[str, bytes]], apart: Deriving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(folder: Path) -> None:
        pytest.fail("the deciding thread would wait for this process's interpreter")

    hosted, tables = ending
    hosted._derive = apart.derive
    monkeypatch.setattr(deriving, "derived", here)
    assert _complete(hosted, tables) == tables


@pytest.mark.parametrize("code", ["raise SystemExit(1)", deriving.CODE])
def test_a_process_that_gives_no_summary_costs_none(
    ending: tuple[Hosted, dict[str, bytes]],
    apart: Deriving,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hosted, tables = ending
    hosted._derive = apart.derive
    with monkeypatch.context() as patched:
        patched.setattr(deriving, "CODE", code)
        apart.prepare()
    assert apart._process is not None
    apart._process.kill()
    assert _complete(hosted, tables) == tables
    assert "worked out by the station itself" in caplog.text
    assert hosted.folder is not None
    assert str(apart.derive(hosted.folder)["id"]).startswith("sub-M01"), "another one is begun"
    assert caplog.text.count("by the station itself") == 1


def test_who_works_out_summaries_ends_with_the_station() -> None:
    process = start(deriving.CODE)
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        process.stdin.close()
        assert process.wait(60) == 0


def test_only_beside_boxes_that_go_on_another_process_is_asked(tmp_path: Path) -> None:
    asked: list[str] = []
    station = Station(load_rig("sim"))
    try:
        apart: Any = type("Apart", (), {"derive": lambda self, folder: asked.append(folder.name)})
        station._deriving.close()
        station._deriving = apart()
        apart.close = lambda self: None
        station.boxes["A"].phase = Phase.RUNNING
        station._derive(tmp_path / "beside")
        station.boxes["A"].phase = Phase.FINISHING
        with pytest.raises(ConfigError, match="alone: holds no session"):
            station._derive(tmp_path / "alone")
    finally:
        station.boxes["A"].phase = Phase.IDLE
        station.close()
    assert asked == ["beside"]


def test_the_simulated_hand_does_as_told(runtime: Path, tmp_path: Path) -> None:
    source = write_rig(tmp_path, 1, "manual")
    with ensure(source) as client:
        client.request("hand", box="A", do="door", door="left", value="close")
        client.request("hand", box="A", do="bring", chamber="left")
        client.request("hand", box="A", do="take")
        for asked, says in (
            ({"do": "pat"}, "bring, take, door"),
            ({"do": "bring", "chamber": "attic"}, "no chamber 'attic'"),
            ({"do": "door", "door": "front", "value": "open"}, "no doorway 'front'"),
        ):
            with pytest.raises(StationError, match=says):
                client.request("hand", box="A", **asked)
