"""The chain of a rig measured: picture, decision, port, board, and a lamp that the camera sees."""

import sys
from dataclasses import replace

import pytest

from rig.hardware.simulated.trouble import Trouble
from rig.session.delays import LEARN, SETTLE, measure_delays
from rig.session.opened import open_rig
from tests.doorway import doored_rig

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
SMALL = {"frame_size_px": (160, 120), "rate_hz": 50.0}


@pytest.mark.parametrize("lamp", [True, False], ids=["lamp", "no lamp"])
def test_the_loop_is_closed_by_a_lamp_in_view(lamp: bool) -> None:
    rig = doored_rig(**SMALL)
    opened = open_rig(rig, speed="1", troubles=(Trouble.LED,) if lamp else ())
    board = opened.served[0].board
    told: list[int] = []
    try:
        box = opened.boxes["A"]
        pictures = 2 * (SETTLE + LEARN) + 40
        found = measure_delays(opened, box, "laser", pictures, told.append)
        assert found.seen is not None
        if lamp:
            assert found.spot_px >= 9
            assert found.seen.n >= 1
            # The lamp is lit some ms after the picture on which it was ordered: seen in the next,
            # or in one of those after it where the machine is busy.
            assert 0.9 * 20e6 <= found.seen.max_ns <= SETTLE * 20e6
            assert told[-1] == pictures
        else:
            assert (found.spot_px, found.seen.n) == (0, 0)
        assert found.written.n >= 1
        assert found.written.figures()["latency_p50_ms"] > 0
        assert (
            found.written.figures()["latency_p50_ms"]
            <= found.acknowledged.figures()["latency_p50_ms"]
        )
    finally:
        opened.close()
    assert not board.output(1)


def test_without_an_output_nothing_is_switched() -> None:
    opened = open_rig(doored_rig(**SMALL), speed="1")
    board = opened.served[0].board
    lit = []
    try:
        found = measure_delays(
            opened, opened.boxes["A"], None, 20, lambda done: lit.append(board.output(1))
        )
    finally:
        opened.close()
    assert lit == [False] * 20
    assert found.decided.n == 20
    assert found.written.n >= 3
    assert found.seen is None


def test_a_rig_without_outputs_is_measured_to_the_decision() -> None:
    rig = doored_rig(**SMALL, drive="none")
    box = rig.boxes["A"]
    rig.boxes["A"] = replace(box, box=box.box.model_copy(update={"outputs": {}}))
    opened = open_rig(rig, speed="1")
    try:
        found = measure_delays(opened, opened.boxes["A"], None, 5)
    finally:
        opened.close()
    assert (found.decided.n, found.written.n) == (5, 0)
