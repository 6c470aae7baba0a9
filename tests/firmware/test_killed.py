"""The host killed in the middle of a confinement, and the session resumed: with the binary.

Real processes, in real time: a station with the session in it, pyserial on a pseudo-terminal, and
the shipped ELF behind that.
"""

import os
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rig.channel import ChannelClient, connect, ensure, find
from rig.errors import StationError
from rig.hardware.measured import DATA_VARIABLE, note_forces
from rig.session import resume, verify
from rig.storage import SessionRecord
from tests.firmware.filmed import write_filmed_rig
from tests.firmware.flashed import BOARD
from tests.firmware.simulator import OnPort
from tests.small import tick_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")

CONFINED_S = 3.5
PLAN = {
    "protocol": "killed",
    "step": [
        {
            "do": "confine",
            "chamber": "left",
            "doors": "closed",
            "duration_s": CONFINED_S,
            "scored": True,
            "rule": [{"while_in": "left", "output": "laser"}],
        }
    ],
}
SAFE_US = 350_000


def closed(board: OnPort, rests: float) -> int:
    """The board's time; its closed door has not moved."""
    t_us, places = board.where()
    assert places[0] == rests
    return t_us


def heard(client: ChannelClient) -> list[str]:
    return [e["kind"] for e in client.request("events", box="A")["events"]]


def test_a_killed_session_is_resumed_and_its_closed_door_never_moves(
    workshop: Path, elf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACEPREF_RUNTIME", str(tmp_path / "run"))
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    note_forces(BOARD, {1: 0.3}, datetime.now(UTC))
    with OnPort(workshop / "harness", elf, tmp_path / "port") as board:
        board.tell("place", 1, 0.0)
        board.tell("reset", "power", 1000)
        rig = write_filmed_rig(tmp_path, tmp_path / "port")
        with ensure(str(rig)) as client:
            entry = find(str(rig))
            assert entry is not None
            # The light may be switched: it was, once. No door moves in a film.
            worked = client.request("work", box="A", empty=True, timeout_s=60)
            assert worked["outputs"] == {"laser": ""}
            assert worked["doors"] == {"middle": "it was not seen to move in this box's picture"}
            began_us, (rests, *_) = board.where()
            assert rests < 0.02  # on its switch
            wish = {"plan": PLAN, "subject": "M01", "phase": "test"}
            told = client.request("start", box="A", wish=wish, out=str(tmp_path / "out"), yes=True)
            folder = Path(told["folder"])
            # At most a second is lost, so wait until the light is on the disk as well.
            tick_until(lambda: '"output_on"' in (folder / "events.jsonl").read_text("utf-8"))
            tick_until(lambda: "output_on" in heard(client))
            killed_us = closed(board, rests)
            os.kill(entry.pid, signal.SIGKILL)
        # Nobody tells the board: it finds out by itself.
        tick_until(lambda: closed(board, rests) > killed_us + SAFE_US)
        happened = [h for h in board.happened if h.t_us > began_us]
        laser = [(h.t_us, h.words[2]) for h in happened if h.words[:2] == ("out", "1")]
        assert [level for _, level in laser] == ["1", "0"]
        # A machine that is too busy may have kept the host from its board before it was killed.
        assert laser[0][0] < laser[1][0] <= killed_us + SAFE_US
        with pytest.raises(StationError), connect(entry) as client:
            client.request("status")
        before = SessionRecord.open(folder)
        assert before.stop is None
        # What came of working the box holds in its session: no closing on an animal, but the light.
        assert before.setup.unfit == worked["doors"]
        assert before.setup.unlit is None

        recorded = resume(folder, str(rig), operator=lambda now_ns, events: ())
        closed(board, rests)
        happened = [h for h in board.happened if h.t_us > began_us]
        assert not any(h.words[0] == "door" for h in happened)
        laser = [(h.t_us, h.words[2]) for h in happened if h.words[:2] == ("out", "1")]
    assert (str(recorded.ending.status), recorded.ending.reason) == (
        "completed",
        "the plan was carried out",
    )
    record = SessionRecord.open(folder)
    events: list[tuple[str, dict[str, Any]]] = [(e["kind"], e["data"]) for e in record.events()]
    kinds = [kind for kind, _ in events]
    resumed = kinds.index("resumed")
    assert kinds.index("output_on") < resumed
    # Off until the animal is seen to enter anew, and it only sits.
    assert "output_on" not in kinds[resumed:]
    assert [level for _, level in laser] == ["1", "0"]
    assert events[resumed][1]["gap_s"] > SAFE_US / 1e6
    assert {d["state"] for k, d in events if k == "door"} == {"closed"}
    assert "door_fault" not in kinds
    # The gap is lost time: the step is no shorter for it.
    assert float(recorded.summary["test_s"]) >= CONFINED_S
    verdict = verify(folder, pixels=False)
    assert (verdict.ok, verdict.problems) == (True, [])


def test_a_door_that_closes_turns_back_when_its_host_is_killed(
    workshop: Path, elf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACEPREF_RUNTIME", str(tmp_path / "run"))
    with OnPort(workshop / "harness", elf, tmp_path / "port") as board:
        rig = write_filmed_rig(tmp_path, tmp_path / "port")
        with ensure(str(rig)) as client:
            entry = find(str(rig))
            assert entry is not None
            # Nobody waits for the answer: it never comes.
            asking = threading.Thread(target=asked_and_lost, args=(client,))
            asking.start()
            tick_until(lambda: board.where()[1][0] < 0.8)
            lowest_us, (lowest, *_) = board.where()
            os.kill(entry.pid, signal.SIGKILL)
            killed_us, _ = board.where()
            # On a busy machine it may have turned back before it is looked at again.
            asking.join()

        def turned() -> bool:
            nonlocal lowest, lowest_us
            t_us, (place, *_) = board.where()
            if place < lowest:
                lowest, lowest_us = place, t_us
            return place > 0.97

        tick_until(turned)
        assert 0.1 < lowest < 0.8  # it was under way, and came back from there
        assert lowest_us <= killed_us + SAFE_US


def asked_and_lost(client: ChannelClient) -> None:
    with pytest.raises(StationError):
        client.request("work", box="A", empty=True, timeout_s=60)
