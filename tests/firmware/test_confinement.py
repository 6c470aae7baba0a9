"""A confinement on the binary, in virtual time, and what may befall it: no closed door moves."""

import random
from pathlib import Path
from typing import Any

import pytest

from rig.apparatus import Interlock
from rig.engine import Outcome, run
from rig.hardware.link import Link
from rig.hardware.orders import Order, Verb
from rig.hardware.simulated.mouse import MANNERS, MouseSettings, Preset
from rig.model import Tick
from rig.session import Wish
from rig.session.prepare import look
from rig.session.recording import start
from rig.steps import SessionPlan
from rig.storage import SessionRecord
from tests.firmware.flashed import BOARD, BOX, SEEN, FlashedBoard, opened_on
from tests.firmware.simulator import Simulator

PLAN = SessionPlan.model_validate(
    {
        "protocol": "befallen",
        "step": [
            {
                "do": "confine",
                "chamber": "left",
                "doors": "closed",
                "duration_s": 3.0,
                "scored": True,
                "rule": [{"while_in": "left", "output": "laser"}],
            }
        ],
    }
)
SAFE_US = 350_000
EDGE_US = 50_000
"""From the time of the picture that shows the entry to the edge at the pin: the wire and a step."""
BEFALLS_US, OVER_US = 1_000_000, 600_000


class Case:
    """One thing that happens a second after the output is on, and is over 0.6 s later."""

    def __init__(self, board: FlashedBoard, kind: str) -> None:
        self.board, self.kind = board, kind

    def begin(self) -> None:
        match self.kind:
            case "reset":
                self.board.simulator.tell("reset", "external", 1000)
            case "unplugged, own supply" | "unplugged, power from the cable":
                self.board.unplug()
            case "host hung":
                self.board.hung = True

    def end(self) -> None:
        match self.kind:
            case "unplugged, power from the cable":
                self.board.simulator.tell("reset", "power", 1000)
                self.board.plug()
            case "unplugged, own supply":
                self.board.plug()
            case "host hung":
                self.board.hung = False


TOLD = {
    "nothing": set[str](),
    "reset": {"reset"},
    "unplugged, own supply": {"controller_lost", "controller_back"},
    "unplugged, power from the cable": {"controller_lost", "controller_back"},
    "host hung": {"watchdog"},
}


@pytest.mark.parametrize("kind", TOLD)
def test_a_closed_door_stays_closed(kind: str, workshop: Path, elf: Path, tmp_path: Path) -> None:
    with Simulator(workshop / "harness", elf) as simulator:
        simulator.tell("place", 1, 0.0)
        board = FlashedBoard(simulator, random.Random(0))
        still = MouseSettings(manner=MANNERS[Preset.U50])
        opened, box, world = opened_on(board, 1, still, Interlock())
        case = Case(board, kind)
        places, on_us = set(), 0

        def hear(tick: Tick, outcome: Outcome) -> None:
            nonlocal on_us
            places.add(simulator.places[0])
            if not on_us and any(e.kind == "output_on" for e in outcome.events):
                on_us = tick.t_ns // 1000
                at_us = on_us + BEFALLS_US
                board.pending += [(at_us, case.begin), (at_us + OVER_US, case.end)]

        world.place(BOX, "left")
        seen = look(opened.loaded, box, opened.camera)
        wish = Wish(plan=PLAN, subject="M01", phase="test")
        folder, loop = start(wish, opened, box, seen, tmp_path, (hear,), SEEN)
        ending = run(loop, opened.camera, crop=box.crop)
        board.rest()
        assert board.wrong == []
    assert str(ending.status) == "completed"
    assert places == {0.0}
    edges = [(h.t_us, h.words[2]) for h in simulator.happened if h.words[:2] == ("out", "1")]
    assert edges[0][1] == "1"
    assert 0 <= edges[0][0] - on_us <= EDGE_US  # zone entry to output edge
    events = SessionRecord.open(folder).events()
    told: list[tuple[str, dict[str, Any]]] = [(e["kind"], e["data"]) for e in events]
    kinds = [kind for kind, _ in told]
    assert {d["state"] for k, d in told if k == "door"} == {"closed"}
    assert "door_fault" not in kinds
    befell_us = on_us + BEFALLS_US
    off_us = [t for t, level in edges if level == "0"]
    if kind != "nothing":
        assert befell_us <= off_us[0] <= befell_us + SAFE_US
        assert set(kinds) >= TOLD[kind]


def test_the_host_is_killed_while_a_door_closes_and_an_output_is_on(
    workshop: Path, elf: Path
) -> None:
    with Simulator(workshop / "harness", elf) as simulator:
        board = FlashedBoard(simulator, random.Random(0))
        now_ns = simulator.t_us * 1000
        board.order([Order(Verb.OUT, (1,), 2000), Order(Verb.CLOSE, (1,), 500)], now_ns)
        for _ in range(50):
            now_ns += 10_000_000
            board.alive(now_ns)
            board.order([Order(Verb.PERMIT, (1,), 500)], now_ns)
        assert 0.3 < simulator.places[0] < 0.9
        board.hung = True
        killed_us, places = simulator.t_us, [simulator.places[0]]
        board.step_to(now_ns + 300_000_000)
        while simulator.t_us < killed_us + SAFE_US:
            places.append(simulator.places[0])
            board.step_to(simulator.t_us * 1000 + 5_000_000)
        assert simulator.places[0] > places[-2]  # on its way to open
        off_us = [h.t_us for h in simulator.happened if h.words == ("out", "1", "0")]
        assert killed_us < off_us[0] <= killed_us + SAFE_US
        board.rest()
        assert simulator.places[0] > 0.97
        assert board.wrong == []
        # The host again, as another process: it reads the door and moves nothing.
        board.hung, board.link = False, Link(BOARD)
        at = simulator.places[0]
        board.step_to(simulator.t_us * 1000 + 1_000_000_000)
        assert board.link.phase == "up"
        assert simulator.places[0] == at
