"""Doors that close with an animal in the box: tick by tick, and sessions against the truth."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rig.apparatus import from_table
from rig.hardware.measured import note_forces
from rig.hardware.simulated.mouse import MouseSettings
from rig.model import CommandKind, Detection, DoorReport, ReportKind
from rig.session import verify
from rig.session.opened import NOT_WORKED
from rig.steps import SessionPlan
from rig.storage import SessionRecord
from tests.doorway import doored_rig, session, shutting_in
from tests.rig.test_engine import Session, ask, at, both, box, setup_for

OPEN, CLOSED = (0.0, 0.0), (0.3, 0.0)
PLACE: dict[str, object] = {"do": "place", "chamber": "centre", "doors": "closed"}
CONFINE: dict[str, object] = {
    "do": "confine", "name": "confine", "chamber": "left", "doors": "closed", "duration_s": 2.0,
    "scored": True, "limit_s": 10.0, "on_limit": "alarm",
}  # fmt: skip
STEPS = [
    PLACE,
    {"do": "open"},
    {"do": "explore", "until": "condition", "condition": {"in": "left", "entries": 1}},
    CONFINE,
]
PLACES = {"left": 0, "centre": 1, "right": 2}


def seen(place: str, sweep: tuple[float, float] = OPEN, left_px: float = 52.0) -> Detection:
    """A picture with both doors' sweeps so; an animal in it is `left_px` from the left doorway."""
    found = replace(at(place), sweep=(sweep, sweep))
    if not found.found:
        return found
    inside = tuple(500 if k == PLACES[place] else 0 for k in range(3))
    return replace(found, inside=inside, clear_px=((left_px - 20, left_px), (80.0, 98.0)))


def beam(name: str, value: str) -> DoorReport:
    return DoorReport(0, ReportKind.BEAM, name, value)


CLEAR = (beam("left", "clear"), beam("right", "clear"))


def closes(s: Session) -> list[tuple[str, ...]]:
    return [names for _, kind, names in s.commands if kind is CommandKind.CLOSE]


def stops(s: Session) -> list[tuple[str, ...]]:
    return [names for _, kind, names in s.commands if kind is CommandKind.STOP]


def until_confine(after: tuple[float, float] = CLOSED, **more: object) -> Session:
    """Both doors seen to close on the empty box and to open; the animal has just come in."""
    fields = {
        "unfit": {},
        "beams": ("left", "right"),
        "plan": {"on_door_fault": "continue"},
        **more,
    }
    s = Session(setup_for(STEPS, **fields))
    s.tick(seen("none"), ask("empty"), reports=(*both("open"), *CLEAR))
    s.ticks_of(seen("none"), 22)
    s.tick(seen("none", (0.15, 0.0)), reports=both("closing"))
    s.ticks_of(seen("none", after), 2)
    s.tick(seen("none", after), reports=both("closed"))
    s.ticks_of(seen("none", after), 5)
    s.ticks_of(seen("hand", (0.6, 0.0)), 5)
    s.ticks_of(seen("centre", after, 8.0), 12)
    s.tick(seen("centre", OPEN, 8.0), reports=both("opening"))
    s.tick(seen("centre", OPEN, 8.0), reports=both("open"))
    s.ticks_of(seen("left", OPEN, 25.0), 5)
    assert s.setup.plan.step_name(s.state.step) == "confine"
    s.commands.clear()
    return s


def test_a_door_that_moved_is_seen_to_have_moved() -> None:
    s = until_confine()
    told = [e.data for e in s.events if e.kind == "door_seen"]
    assert [(d["name"], d["before"], d["after"]) for d in told] == [
        ("left", [0.0, 0.0], [0.3, 0.0]),
        ("right", [0.0, 0.0], [0.3, 0.0]),
    ]
    assert s.state.seen_moving == {"left", "right"}


def test_doors_close_behind_the_animal_once_it_is_clear_of_them() -> None:
    s = until_confine()
    (reasons,) = [e.data["reasons"] for e in s.events if e.kind == "door_held"]
    assert reasons == [
        "door left: the body and tail is 1.0 cm from it, not 2.0 cm",
        "door left: the centroid is 5.0 cm from it, not 6.0 cm",
    ]
    s.tick(seen("left"))
    assert closes(s) == [("left", "right")]
    permitted = [e.data for e in s.events if e.kind == "closing_permitted"][-1]
    assert permitted["chamber"] == "left"
    assert permitted["clear_cm"] == {"left": [6.4, 10.4], "right": [16.0, 19.6]}
    s.tick(seen("left", (0.1, 0.0)), reports=both("closing"))
    s.ticks_of(seen("left", (0.2, 0.0)), 5)
    assert [k for _, k, _ in s.commands].count(CommandKind.PERMIT) == 6
    s.tick(seen("left", CLOSED), reports=both("closed"))
    assert "scoring_started" in s.kinds()
    assert stops(s) == []


@pytest.mark.parametrize(
    "then",
    [
        pytest.param(seen("left", left_px=29.9), id="too near"),
        pytest.param(seen("centre"), id="in another chamber"),
        pytest.param(seen("two"), id="two"),
        pytest.param(replace(seen("left"), jump=True), id="jumped"),
        pytest.param(replace(seen("left"), confidence=0.4), id="seen badly"),
        pytest.param(seen("none"), id="not seen"),
        pytest.param(None, id="no picture"),
    ],
)
def test_a_door_that_closes_is_turned_at_once_where_the_evidence_ends(
    then: Detection | None,
) -> None:
    s = until_confine()
    s.tick(seen("left"))
    s.tick(seen("left"), reports=both("closing"))
    s.tick(then)
    assert stops(s) == [("left", "right")]
    held = s.events[-1] if then is None else [e for e in s.events if e.kind == "door_held"][-1]
    assert (held.kind, held.t_ns) == ("door_held", s.ticks[-1].t_ns)
    # It closes again when it is open and the evidence is back; that was no try that failed.
    s.tick(seen("left"), reports=both("opening"))
    assert len(closes(s)) == 1
    s.tick(seen("left"), reports=both("open"))
    assert len(closes(s)) == 2
    assert s.state.tries == 0


@pytest.mark.parametrize(
    ("more", "against"),
    [
        pytest.param({"unfit": {"left": "not measured"}}, "door left: not measured", id="force"),
        pytest.param({"beams": ()}, "", id="no beam, far enough"),
        pytest.param({"after": OPEN}, "never seen to move", id="another box's door"),
        pytest.param({"after": (0.05, 0.0)}, "never seen to move", id="hardly seen"),
    ],
)
def test_what_a_door_must_be_to_close_on_an_animal(more: dict[str, object], against: str) -> None:
    s = until_confine(**more)  # type: ignore[arg-type]
    s.ticks_of(seen("left"), 8)
    assert closes(s) == ([] if against else [("left", "right")])
    reasons = [r for e in s.events if e.kind == "door_held" for r in e.data["reasons"]]
    assert any(against in reason for reason in reasons)


def test_a_door_that_moves_elsewhere_is_told() -> None:
    s = until_confine(after=OPEN)
    told = {e.data["name"]: e.data for e in s.events if e.kind == "door_unseen"}
    assert told["left"]["before"] == told["left"]["after"] == [0.0, 0.0]
    assert told.keys() == {"left", "right"}


def test_a_session_from_before_closes_on_an_empty_box_only() -> None:
    s = until_confine(unfit=None)
    s.ticks_of(seen("left"), 60)
    assert closes(s) == []
    assert any("an animal was placed" in r for r in s.event("door_held").data["reasons"])


def test_the_doorway_s_beam_is_clear_for_half_a_second_first() -> None:
    s = until_confine()
    s.tick(seen("left"), reports=(beam("left", "blocked"),))
    s.tick(seen("left"), reports=(beam("left", "clear"),))
    s.ticks_of(seen("left"), 4)
    assert closes(s) == []
    s.tick(seen("left"))
    assert len(closes(s)) == 1


def test_a_lost_board_closes_nothing_and_its_beams_count_anew() -> None:
    s = until_confine()
    link = DoorReport(0, ReportKind.LINK, "board-1", "down")
    s.tick(seen("left"), reports=(link,))
    s.ticks_of(seen("left"), 10)
    assert closes(s) == []
    s.tick(seen("left"), reports=(replace(link, value="up"), *both("open"), *CLEAR))
    s.ticks_of(seen("left"), 4)
    assert closes(s) == []
    s.tick(seen("left"))
    assert len(closes(s)) == 1


def test_why_doors_wait_is_said_again_when_it_is_for_another_reason() -> None:
    s = until_confine()
    for px in range(20, 29):
        s.tick(seen("left", left_px=float(px)))
    assert s.kinds().count("door_held") == 1  # nearer or farther is the same reason
    s.tick(seen("two"))
    assert s.kinds().count("door_held") == 2


def test_an_animal_that_stays_in_the_doorway_is_an_alarm_and_no_end() -> None:
    s = until_confine()
    s.ticks_of(seen("left", left_px=22.0), 100)
    limit = s.event("limit")
    assert (limit.data["name"], limit.data["waiting"]) == ("confine", "for its doors")
    assert s.state.ending is None
    assert closes(s) == []
    s.tick(seen("left"))
    assert len(closes(s)) == 1


def test_a_person_closes_a_door_on_the_same_evidence() -> None:
    s = until_confine()
    s.tick(seen("left", left_px=25.0), ask("door", "left", value="close"))
    (refused,) = [e.data for e in s.events if e.kind == "refused"]
    assert "the centroid is 5.0 cm from it" in str(refused["why"])
    assert closes(s) == []


def test_no_distance_is_told_longer_than_it_is_where_the_camera_looks_obliquely() -> None:
    table = box().model_dump(mode="json", exclude_none=True, exclude={"px_per_cm"})
    table["floor"] = {
        "points_px": [[10, 70], [260, 70], [300, 170], [0, 170]],
        "points_cm": [[0, 0], [50, 0], [50, 20], [0, 20]],
    }
    oblique = from_table(table, "oblique.toml")
    scale = setup_for(STEPS, apparatus=oblique).guarded["left"].cm_per_px
    steps = []
    for chamber in oblique.chamber[:2]:
        for x, y in chamber.outline_px:
            for to in ((x + 0.01, y), (x, y + 0.01)):
                steps.append(math.dist(oblique.to_cm(x, y), oblique.to_cm(*to)) / 0.01)
    assert 0.9 * min(steps) < scale <= min(steps) + 1e-6
    assert setup_for(STEPS).guarded["left"].cm_per_px == 0.2


# whole sessions


def told_of(record: SessionRecord, kind: str) -> list[dict[str, object]]:
    return [e["data"] for e in record.events() if e["kind"] == kind]


@pytest.mark.parametrize(
    "beams",
    [True, pytest.param(False, marks=pytest.mark.long)],
    ids=["beams", "no beams"],
)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_the_animal_walks_in_and_the_doors_close_behind_it(
    seed: int, beams: bool, tmp_path: Path
) -> None:
    rig = doored_rig(beams, rate_hz=20.0)
    told = session(tmp_path, seed, rig, shutting_in(), MouseSettings(beta=0.5, preferred="left"))
    assert (told.status, told.shut_in, told.harmless) == ("completed", True, True)
    assert told.kinds["door_held"] >= 1  # it has just come in: its tail is in the doorway
    assert told.with_animal >= 1
    record = SessionRecord.open(told.folder)
    assert record.setup.unfit == {}
    assert [d["seen"] for d in told_of(record, "door_seen")] == [True, True]
    verdict = verify(told.folder, pixels=False)
    assert (verdict.ok, verdict.problems) == (True, [])


def test_what_was_measured_of_the_doors_goes_into_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACEPREF_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("rig.hardware.simulated.board.FIRMWARE", "1.0")
    now = datetime.now(UTC)
    note_forces("board-1", {2: 0.3}, now - timedelta(days=91))
    note_forces("board-1", {1: 0.3}, now)
    rig = doored_rig(rate_hz=10.0, frame_size_px=(160, 120))
    plan = SessionPlan.model_validate(
        {"protocol": "x", "step": [{"do": "wait", "duration_s": 0.5}]}
    )
    record = SessionRecord.open(session(tmp_path, 1, rig, plan, MouseSettings()).folder)
    assert record.setup.unfit is not None
    assert record.setup.unfit.keys() == {"left", "right"}
    assert record.setup.unfit["left"] == NOT_WORKED  # measured; nobody worked it before the session
    assert "not in the last 90 days" in record.setup.unfit["right"]
