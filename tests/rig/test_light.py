"""Outputs beside their rules: dry run, the first crossing, what light does to the picture."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from protocols import library
from protocols.protocol import parse, plan_session, settings
from rig.engine import run
from rig.engine.light import LEAST_FRAMES, Light
from rig.hardware.simulated.mouse import MouseSettings
from rig.hardware.simulated.trouble import Trouble
from rig.model import CommandKind, Detection, Reason
from rig.session import LoadedRig, Wish, verify
from rig.session.derive import derive
from rig.session.opened import open_rig
from rig.session.prepare import look
from rig.session.recording import simulated_operator, start
from rig.setup import Stimulation
from rig.storage import SessionRecord
from tests.rig.conftest import MakeRig
from tests.rig.test_engine import Session, setup_for

RULE: dict[str, object] = {"while_in": "left", "output": "laser"}
CROSS: list[dict[str, object]] = [
    {"do": "place", "chamber": "right"},
    {
        "do": "explore",
        "name": "test",
        "start": "crossing",
        "duration_s": 3.0,
        "scored": True,
        "rule": [RULE],
        "limit_s": 20.0,
    },
]
ALL = (Trouble.GLOW, Trouble.PUMP, Trouble.CABLE)


def until_placed(**more: object) -> Session:
    s = Session(setup_for(CROSS, drive="none", stimulation=Stimulation(), **more))
    s.ticks_of("hand", 3)
    s.ticks_of("right", 15)
    return s


def test_the_clock_waits_for_the_first_crossing_and_stimulation_with_it() -> None:
    s = until_placed()
    s.ticks_of("right", 40)
    assert "scoring_started" not in s.kinds()
    s.ticks_of("centre", 5)
    crossed = s.event("first_crossing")
    assert crossed.data == {"zone": "centre"}
    assert s.event("scoring_started").t_ns == crossed.t_ns
    assert s.times_s()[0] == crossed.t_ns / 1e9
    s.ticks_of("left", 40)
    assert s.times_s()[-1] - s.times_s()[0] == pytest.approx(3.0)


def test_what_is_entered_by_the_first_crossing_is_stimulated_at_once() -> None:
    s = until_placed()
    s.ticks_of("left", 5)
    on, crossed = s.event("output_on"), s.event("first_crossing")
    assert (crossed.data["zone"], on.t_ns) == ("left", crossed.t_ns)


def test_an_animal_that_never_crosses_is_waited_for_up_to_the_limit() -> None:
    s = until_placed()
    s.ticks_of("right", 200)
    assert s.state.ending is not None
    assert s.state.ending.reason == "step test waited for the first crossing for 20 s"


def test_a_dry_run_decides_and_switches_nothing() -> None:
    s = Session(setup_for(CROSS, drive="none", stimulation=Stimulation(dry_run=True)))
    s.ticks_of("hand", 3)
    s.ticks_of("right", 15)
    s.ticks_of("left", 10)
    s.ticks_of("right", 5)
    edges = [(e.kind, e.data.get("dry_run")) for e in s.events if e.kind.startswith("output")]
    assert edges == [("output_on", True), ("output_off", True)]
    assert not {CommandKind.OUT, CommandKind.TRAIN} & {kind for _, kind, _ in s.commands}


# what was seen


def seen(heading: float = 0.0, area: int = 500, confidence: float = 1.0) -> Detection:
    return Detection(
        Reason.FOUND, 1.0, 1.0, area, heading_deg=heading, confidence=confidence, candidates=1
    )


@pytest.mark.parametrize(
    ("lit", "n", "differs"),
    [
        pytest.param(seen(), LEAST_FRAMES, [], id="alike"),
        pytest.param(Detection(Reason.NONE), LEAST_FRAMES, ["lost"], id="lost"),
        pytest.param(seen(area=424), LEAST_FRAMES, ["area"], id="smaller"),
        pytest.param(seen(area=426), LEAST_FRAMES, [], id="a little smaller"),
        pytest.param(seen(confidence=0.89), LEAST_FRAMES, ["confidence"], id="seen badly"),
        pytest.param(Detection(Reason.NONE), LEAST_FRAMES - 1, [], id="too few to say"),
    ],
)
def test_a_difference_between_on_and_off_is_told(
    lit: Detection, n: int, differs: list[str]
) -> None:
    light = Light()
    for k in range(200):
        light = light.seen(lit if k < n else seen(), lit=k < n, counts=True)
    assert light.differs() == differs


@pytest.mark.parametrize(
    ("headings", "rotations"),
    [
        pytest.param([10.0 * k for k in range(37)], 1.0, id="once round to the right"),
        pytest.param([-10.0 * k for k in range(55)], -1.5, id="to the left"),
        pytest.param([10.0, 190.0, 12.0, -170.0, 14.0], 0.01, id="head taken for tail"),
        pytest.param([0.0, 80.0, 0.0, 80.0, 0.0], 0.0, id="to and fro"),
    ],
)
def test_turns_of_the_animal(headings: list[float], rotations: float) -> None:
    light = Light()
    for heading in headings:
        light = light.seen(seen((heading + 180) % 360 - 180), lit=False, counts=False)
    assert light.rotations == pytest.approx(rotations, abs=0.005)


# whole sessions


def real_time(
    rig: LoadedRig, out: Path, seed: int, troubles: Collection[Trouble], stimulation: Stimulation
) -> tuple[SessionRecord, dict[str, Any]]:
    """Twenty seconds from the first crossing on, of an animal that is fond of the left side."""
    protocol = parse(library.text("real-time-place-preference"), "real-time")
    chosen = settings(protocol, ["test_s=20", "clock=crossing"])
    box = rig.boxes["A"]
    plan = plan_session(
        protocol, "realtime", box.apparatus, "left", chosen, frozenset(box.box.outputs)
    )
    fond = MouseSettings(beta=1.0, preferred="left")
    opened = open_rig(rig, speed="max", seed=seed, animals={"A": fond}, troubles=troubles)
    events: list[Any] = []
    try:
        one = opened.boxes["A"]
        wish = Wish(
            plan=plan, subject="M01", phase="realtime", codec="lossless", stimulation=stimulation
        )
        background = look(rig, one, opened.camera)
        hear = lambda tick, outcome: events.extend(outcome.events)  # noqa: E731
        folder, loop = start(wish, opened, one, background, out, (hear,))
        person = simulated_operator(one)

        def asks(now_ns: int) -> Any:
            new, events[:] = list(events), []
            return person(now_ns, new)

        run(loop, opened.camera, asks, crop=one.crop)
    finally:
        opened.close()
    return SessionRecord.open(folder), derive(folder)


def on_the_other_side(record: SessionRecord) -> int:
    """Scored pictures with the point across the line from the animal, 0.5 cm beyond or more."""
    box = record.setup.apparatus
    line, scale = box.doorway[0].line_px[0][0], box.px_per_cm_mean
    columns = record.columns()
    truth = (record.folder / "truth.csv").read_text().splitlines()[1:]
    wrong = 0
    for row, x, scored in zip(truth, columns["x_px"], columns["scored"], strict=True):
        true_x = row.split(",")[2]
        if scored and true_x and abs(float(true_x) - line) > 0.5 * scale:
            wrong += (x - line) * (float(true_x) - line) <= 0
    return wrong


def test_light_cord_and_exposure_move_the_point_across_no_line(
    make_rig: MakeRig, tmp_path: Path
) -> None:
    rig = make_rig(chambers=2, drive="none")
    told = Stimulation(fibre="M01-left", power_mw=8.5)
    record, row = real_time(rig, tmp_path, 1, ALL, told)
    assert on_the_other_side(record) == 0
    (light,) = [e["data"] for e in record.events() if e["kind"] == "light"]
    assert (light["fibre"], light["power_mw"], light["dry_run"]) == ("M01-left", 8.5, False)
    assert light["on"]["frames"] >= LEAST_FRAMES
    assert light["off"]["frames"] >= LEAST_FRAMES
    assert ("light" in row["flags"]) == bool(light["differs"])
    assert verify(record.folder).problems == []


@pytest.mark.parametrize(
    ("troubles", "differs"),
    [
        pytest.param((), None, marks=pytest.mark.long),
        ((Trouble.GLOW, Trouble.PUMP), ["area"]),
    ],
)
def test_light_that_hides_part_of_the_animal_flags_the_session(
    troubles: tuple[Trouble, ...], differs: list[str] | None, make_rig: MakeRig, tmp_path: Path
) -> None:
    rig = make_rig(chambers=2, drive="none")
    record, row = real_time(rig, tmp_path, 0, troubles, Stimulation())
    assert record.stop is not None
    assert record.stop.get("light_differs") == differs
    assert row["flags"] == ("light" if differs else "")
    assert on_the_other_side(record) == 0


def test_a_dry_run_needs_no_board(make_rig: MakeRig, tmp_path: Path) -> None:
    rig = make_rig(chambers=2, drive="none")
    record, _ = real_time(rig, tmp_path, 1, ALL, Stimulation(dry_run=True))
    kinds = {e["kind"] for e in record.events()}
    assert "output_on" in kinds
    assert "output" not in kinds  # no board said that it switched
    (light,) = [e["data"] for e in record.events() if e["kind"] == "light"]
    assert (light["dry_run"], light["on"]["frames"]) == (True, 0)
