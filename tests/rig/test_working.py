"""Doors and lights of a box worked before a session, in real time on the simulated rig."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rig.channel import Message
from rig.errors import DoorError, StationError
from rig.hardware.measured import DATA_VARIABLE, note_forces
from rig.hardware.simulated.trouble import Trouble
from rig.hardware.simulated.world import World
from rig.session import load_rig
from rig.session.opened import NOT_WORKED, open_rig
from rig.session.preflight import Finding, Level
from rig.setup import Worked
from rig.station.answers import Answers
from rig.station.station import Station
from rig.station.working import TakenError
from tests.small import tick_until, write_rig

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="a simulated board is served on a pseudo-terminal"
)


@contextmanager
def deciding(source: str) -> Iterator[Station]:
    """A station whose deciding thread runs meanwhile."""
    station = Station(load_rig(source))
    over = threading.Event()

    def decide() -> None:
        while not over.is_set():
            station._step(0.2)

    thread = threading.Thread(target=decide)
    thread.start()
    try:
        yield station
    finally:
        over.set()
        thread.join()
        station.close()


def work(station: Station, box: str = "A", *, empty: bool = True) -> Worked:
    told = dict(Answers(station).answer(Message("work", {"box": box, "empty": empty})).data)
    assert told.pop("box") == box
    if "taken" in told:
        raise TakenError(told["taken"])
    return Worked.model_validate(told)


def put_lamps(station: Station) -> None:
    """A lamp beside each box, which its output switches, in the picture of that box alone."""
    world = station.opened.world
    assert world is not None
    apparatuses = {name: box.apparatus for name, box in station.loaded.boxes.items()}
    lit = World(station.loaded.rig, apparatuses, 0, troubles=[Trouble.LED])
    world._troubles = lit._troubles


def test_all_is_looked_at_before_a_session_a_line_each(tmp_path: Path) -> None:
    """By the station of a simulated rig: what would be a fail at a camera is a warning there."""
    with deciding(write_rig(tmp_path, chambers=2, rate_hz=30.0)) as station:
        asked = Message("ready", {"box": "A", "boards": True})

        def ready() -> dict[str, Finding]:
            told = Answers(station).answer(asked).data["findings"]
            return {one.what: one for one in map(Finding.from_json, told)}

        found = ready()
        wanted = ["camera", "light", "focus", "place", "animal", "board board-1", "sleep"]
        assert list(found) == wanted
        assert all(one.todo for one in found.values() if one.level is not Level.PASS)
        good = {name for name, one in found.items() if one.level is Level.PASS}
        assert {"light", "place", "board board-1"} <= good
        assert station.opened.world is not None
        station.opened.world.set_light(0.3)
        tick_until(lambda: ready()["light"].level is Level.WARN)
        assert "as dark as in the picture of the empty box" in ready()["light"].found


def test_each_door_is_moved_once_seen_and_left_as_it_was(tmp_path: Path) -> None:
    with deciding(write_rig(tmp_path, chambers=2, rate_hz=30.0)) as station:
        put_lamps(station)
        with pytest.raises(DoorError, match="before it is said that it is empty"):
            work(station, empty=False)
        worked = work(station)
        world = station.opened.world
        assert world is not None
        assert world.door_position("A", "middle") == 1.0
        assert not world.output_on("A", "laser")
        # What came of it is for the next session only.
        assert station.working.use("A") == worked
        assert station.working.use("A") is None
    assert worked.doors == {"middle": ""}
    assert worked.outputs == {"laser": ""}


def test_a_box_in_which_a_session_begins_is_not_worked(tmp_path: Path) -> None:
    """Whoever comes second hears of the other, in whatever order the two come."""
    with deciding(write_rig(tmp_path, boxes=2, chambers=2, rate_hz=30.0)) as station:
        world = station.opened.world
        assert world is not None
        with station.starting("A"), pytest.raises(StationError, match="a session runs in it"):
            work(station, "A")
        assert world.door_position("A", "middle") == 1.0
        assert station.working.holds("A") is None
        with station.starting("B"):
            work(station, "A")
        assert station.working.holds("A") is not None


def test_swapped_boxes_are_found_and_only_one_is_worked_at_a_time(tmp_path: Path) -> None:
    with deciding(write_rig(tmp_path, boxes=2, chambers=2, rate_hz=30.0)) as station:
        put_lamps(station)
        a, b = station.boxes["A"], station.boxes["B"]
        crop = {n: h.box.loaded.box.crop_px for n, h in station.boxes.items()}
        for hosted, other in ((a, "B"), (b, "A")):  # each is shown the other's picture
            box = hosted.box.loaded.box.model_copy(update={"crop_px": crop[other]})
            hosted.box = replace(hosted.box, loaded=replace(hosted.box.loaded, box=box))
        found: list[Worked] = []
        thread = threading.Thread(target=lambda: found.append(work(station, "A")))
        thread.start()
        try:
            tick_until(lambda: station.working.works("A"))
            with pytest.raises(TakenError, match="box A is being worked: one after the other"):
                work(station, "B")
        finally:
            thread.join()
        assert found[0].doors == {
            "middle": "it was not seen to move, but door middle of box B was:"
            " cables or cameras are swapped"
        }
        assert "its light was not seen in this box's picture" in found[0].outputs["laser"]


def test_what_was_not_worked_stays_off_on_a_real_board_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    note_forces("board-1", {1: 0.3, 2: 0.3}, datetime.now(UTC))
    opened = open_rig(load_rig("sim"), speed="max")
    box = opened.boxes["A"]
    try:
        assert opened.unfit(box) == opened.unlit(box) == {}  # a simulated board counts as worked
        opened._simulates = lambda board: False  # type: ignore[method-assign]
        monkeypatch.setattr("rig.session.opened.is_simulated", lambda hello: False)
        assert opened.unfit(box) == {"left": NOT_WORKED, "right": NOT_WORKED}
        worked = Worked(doors={"left": "", "right": "it was not seen to move"})
        assert opened.unfit(box, worked) == {"right": "it was not seen to move"}
        assert opened.unlit(box) == {"laser": NOT_WORKED}
        assert opened.unlit(box, Worked(outputs={"laser": ""})) == {}
        assert opened.unlit(box, Worked(outputs={"laser": "dark"})) == {"laser": "dark"}
    finally:
        opened.close()
