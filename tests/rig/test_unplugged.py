"""The board's cable pulled out and put back in a running session: pyserial on a pseudo-terminal."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rig.engine import Outcome, run
from rig.hardware.doors import SerialBoard
from rig.hardware.simulated.mouse import MANNERS, MouseSettings, Preset
from rig.hardware.simulated.port import ServedBoard, serve
from rig.model import NS_PER_S, Request, Tick
from rig.session import Wish, verify
from rig.session.opened import CLOCK, OpenRig, open_rig
from rig.session.prepare import look
from rig.session.recording import start
from rig.steps import SessionPlan
from rig.storage import SessionRecord
from tests.doorway import doored_rig

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")

PULL_NS, OUT_NS = NS_PER_S, NS_PER_S // 2
OFF_NS = 350_000_000
"""Within so long after the cable was pulled every output is off."""
PLAN = SessionPlan.model_validate(
    {
        "protocol": "unplugged",
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


class Cable:
    """A board's cable: the port has the same name whenever it is in.

    The board is stepped while the cable is out as well where it has a supply of its own; without
    one it starts anew when the cable is back.
    """

    def __init__(self, served: ServedBoard, link: Path, own_supply: bool) -> None:
        self.board, self.own_supply = served.board, own_supply
        self._served: ServedBoard | None = served
        self._link = link
        self.out_ns = 0
        link.symlink_to(served.port)

    def pull(self) -> None:
        assert self._served is not None
        self._link.unlink()
        self._served.close()
        self._served, self.out_ns = None, CLOCK()

    def step(self) -> None:
        if self._served is None and self.own_supply:
            self.board.step(CLOCK())

    def put_back(self) -> None:
        if not self.own_supply:
            self.board.reset(CLOCK(), "power")
        self._served = serve(self.board, CLOCK)
        self._link.symlink_to(self._served.port)

    def close(self) -> None:
        if self._served is not None:
            self._served.close()


def plugged(opened: OpenRig, link: Path, own_supply: bool) -> Cable:
    """The rig's only board on a cable that can be pulled."""
    opened.boards["board-1"].close()  # type: ignore[union-attr]
    cable = Cable(opened.served.pop(), link, own_supply)
    opened.boards["board-1"] = SerialBoard("board-1", str(link), CLOCK, retry_s=0.05)
    return cable


@pytest.mark.parametrize("own_supply", [True, False], ids=["own supply", "power from the cable"])
def test_a_session_goes_on_without_its_board_and_with_it_again(
    own_supply: bool, tmp_path: Path
) -> None:
    rig = doored_rig(rate_hz=20.0)
    still = MouseSettings(manner=MANNERS[Preset.U50])
    shut = {"A/left": "closed", "A/right": "closed"}
    opened = open_rig(rig, speed="1", seed=1, animals={"A": still}, doors_at=shut)
    cable = plugged(opened, tmp_path / "port", own_supply)
    world, box = opened.world, opened.boxes["A"]
    assert world is not None
    began: list[int] = []
    moved, lit = set(), {}
    pulled = put_back = False

    def hear(tick: Tick, outcome: Outcome) -> None:
        began.extend(e.t_ns for e in outcome.events if e.kind == "output_on")
        cable.step()
        moved.update(n for n in (1, 2) if cable.board.position(n) != 0.0)
        if cable.out_ns:
            lit[CLOCK() - cable.out_ns] = cable.board.output(1)

    def asks(now_ns: int) -> Sequence[Request]:
        nonlocal pulled, put_back
        if began and not pulled and now_ns - began[0] >= PULL_NS:
            cable.pull()
            pulled = True
        elif pulled and not put_back and now_ns - cable.out_ns >= OUT_NS:
            cable.put_back()
            put_back = True
        return ()

    try:
        world.place("A", "left")
        seen = look(opened.loaded, box, opened.camera)
        wish = Wish(plan=PLAN, subject="M01", phase="test")
        folder, loop = start(wish, opened, box, seen, tmp_path / "out", (hear,))
        ending = run(loop, opened.camera, asks, crop=box.crop, clock=CLOCK)
    finally:
        opened.close()
        cable.close()
    assert (str(ending.status), ending.reason) == ("completed", "the plan was carried out")
    assert put_back
    assert moved == set()  # a closed door stays closed, whatever becomes of cable and power
    if own_supply:  # without a supply there is nothing that could light
        assert lit
        assert not any(on for since_ns, on in lit.items() if since_ns > OFF_NS)

    record = SessionRecord.open(folder)
    told: list[tuple[str, dict[str, Any]]] = [(e["kind"], e["data"]) for e in record.events()]
    kinds = [kind for kind, _ in told]
    lost, back = kinds.index("controller_lost"), kinds.index("controller_back")
    assert kinds.index("output_on") < lost < back
    assert "the board is not reached" in [d.get("why") for k, d in told[lost:] if k == "output_off"]
    assert "output_on" not in kinds[lost:]  # it comes back by a new entry only
    assert {d["state"] for k, d in told if k == "door"} == {"closed"}
    assert "door_fault" not in kinds
    assert record.stop is not None
    assert record.stop["frames_dropped"] == 0
    verdict = verify(folder, pixels=False)
    assert (verdict.ok, verdict.problems) == (True, [])
