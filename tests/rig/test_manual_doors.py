"""Doors moved by hand: the person's word, and what the picture says of it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from rig.engine import Outcome, advance, begin, run
from rig.engine.state import End
from rig.hardware.simulated.experimenter import Experimenter
from rig.model import NS_PER_S, Detection, Event, Reason, Request, Tick
from rig.session import LoadedRig, Wish, rescore, verify
from rig.session.opened import open_rig
from rig.session.prepare import look
from rig.session.recording import consent, start
from rig.steps import SessionPlan
from rig.storage import SessionRecord
from tests.rig.conftest import MakeRig, MakeWish
from tests.rig.test_engine import PRETEST, Session, ask, at, setup_for

OPEN, CLOSED = (0.0, 0.0), (0.3, 0.0)
MOVE: list[dict[str, object]] = [
    {"do": "close", "door": ["left"]},
    {"do": "open", "name": "open", "door": ["left"]},
    {"do": "explore", "name": "test", "duration_s": 2.0, "scored": True},
]


def box(
    left: tuple[float, float] = OPEN,
    place: str = "none",
    right: tuple[float, float] = OPEN,
    clear_px: float = 20.0,
) -> Detection:
    """A picture with the sweeps so; an animal in it is `clear_px` from either doorway."""
    seen = replace(at(place), sweep=(left, right))
    return replace(seen, clear_px=((clear_px, 30.0),) * 2) if seen.found else seen


def session(steps: list[dict[str, object]] = MOVE, **more: object) -> Session:
    return Session(setup_for(steps, drive="manual", **more))


def told(s: Session, kind: str = "door") -> list[tuple[object, ...]]:
    return [(e.data["name"], e.data["state"], e.data["seen"]) for e in s.events if e.kind == kind]


def closed(s: Session) -> None:
    """The left door was open, is closed, and was seen to be."""
    s.ticks_of(box(OPEN), 5)
    s.ticks_of(box(CLOSED), 5)
    s.tick(box(CLOSED), ask("confirm", "left"))
    assert told(s) == [("left", "closed", True)]
    assert s.state.step == 1


def test_a_move_that_is_seen_is_believed_at_once() -> None:
    s = session()
    closed(s)
    s.ticks_of(box(OPEN), 5)
    s.tick(box(OPEN), ask("confirm", "left"))
    assert told(s)[-1] == ("left", "open", True)
    (door,) = [e for e in s.events if e.kind == "door" and e.data["state"] == "open"]
    assert (door.data["before"], door.data["after"]) == ([0.3, 0.0], [0.0, 0.0])
    assert s.event("scoring_started").t_ns == s.ticks[-1].t_ns


def test_a_hand_that_leaves_after_the_word_moves_no_time_zero() -> None:
    s = session()
    closed(s)
    s.ticks_of(box((0.6, 0.0), "hand"), 5)
    s.tick(box((0.5, 0.0), "hand"), ask("confirm", "left"))
    said_ns = s.ticks[-1].t_ns
    assert s.state.door("left") == "unknown"
    s.ticks_of(box((0.5, 0.0), "hand"), 4)
    rows = len(s.samples)
    s.ticks_of(box(OPEN, "left"), 3)
    assert len(s.samples) == rows  # they wait for the picture's word
    s.tick(box(OPEN, "left"))
    assert told(s)[-1] == ("left", "open", True)
    (door,) = [e for e in s.events if e.kind == "door" and e.data["state"] == "open"]
    assert door.t_ns == said_ns
    assert s.event("scoring_started").t_ns == said_ns
    s.ticks_of(box(OPEN, "left"), 30)
    times = s.times_s()
    assert times[0] == said_ns / NS_PER_S
    assert times[-1] - times[0] == pytest.approx(2.0)
    frames = [row.frame for row in s.samples]
    assert frames == sorted(set(frames))
    assert s.state.ending is not None
    assert {row.step for row in s.samples if row.scored} == {"test"}


def test_a_word_that_the_picture_contradicts_is_asked_for_again() -> None:
    s = session()
    closed(s)
    s.ticks_of(box(CLOSED), 3)
    s.tick(box(CLOSED), ask("confirm", "left"))
    s.ticks_of(box(CLOSED), 14)
    assert told(s, "door_doubted") == []  # perhaps it is still on its way
    s.tick(box(CLOSED))
    assert told(s, "door_doubted") == [("left", "unknown", False)]
    assert "left" in str(s.event("door_doubted").data["text"])
    assert s.state.door("left") == "unknown"
    assert s.state.step == 1
    again = s.events[-1].data
    assert (s.events[-1].kind, again["door"], again["again"]) == ("prompt", "left", True)
    s.ticks_of(box(CLOSED), 20)
    assert s.state.step == 1  # nothing goes on by itself
    s.ticks_of(box(OPEN), 4)
    s.tick(box(OPEN), ask("confirm", "left"))
    assert told(s)[-1] == ("left", "open", True)
    assert s.event("scoring_started").t_ns == s.ticks[-1].t_ns


def test_a_word_that_is_given_again_stands_and_says_what_was_seen() -> None:
    s = session([*MOVE[:2], {"do": "close", "name": "shut", "door": ["left"]}, MOVE[2]])
    closed(s)
    for _ in range(2):
        s.tick(box(CLOSED), ask("confirm", "left"))
        s.ticks_of(box(CLOSED), 16)
    assert told(s)[-1] == ("left", "open", False)
    assert len(told(s, "door_doubted")) == 1
    # Now nobody knows what the picture shows: it does not speak against the next word.
    s.tick(box(CLOSED), ask("confirm", "left"))
    s.ticks_of(box(CLOSED), 16)
    assert told(s)[-1] == ("left", "closed", None)
    assert len(told(s, "door_doubted")) == 1


def test_a_door_that_was_moved_before_it_was_asked_for() -> None:
    s = session([MOVE[0], {"do": "wait", "name": "wait", "until": "confirmed"}, *MOVE[1:]])
    closed(s)
    s.ticks_of(box(OPEN), 10)
    s.tick(box(OPEN), ask("confirm"))
    s.tick(box(OPEN), ask("confirm", "left"))
    assert told(s)[-1] == ("left", "open", True)


def test_the_first_word_about_a_door_cannot_be_contradicted() -> None:
    s = session()
    s.ticks_of(box(CLOSED), 5)
    s.tick(box(CLOSED), ask("confirm", "left"))
    s.ticks_of(box(CLOSED), 16)
    assert told(s) == [("left", "closed", None)]
    # But then it is known how it looks, and that it stands out.
    s.tick(box(CLOSED), ask("confirm", "left"))
    s.ticks_of(box(CLOSED), 16)
    assert told(s, "door_doubted") == [("left", "unknown", False)]


def test_a_door_that_nothing_tells_from_the_floor_is_not_doubted() -> None:
    s = session()
    for _ in range(2):
        s.ticks_of(box(OPEN), 5)
        s.tick(box(OPEN), ask("confirm", "left"))
        s.ticks_of(box(OPEN), 16)
    assert told(s) == [("left", "closed", None), ("left", "open", None)]
    assert told(s, "door_doubted") == []


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(box(CLOSED, "hand"), id="a hand"),
        pytest.param(box(CLOSED, "two"), id="two things"),
        pytest.param(box(CLOSED, "centre", clear_px=4.0), id="an animal at the door"),
        pytest.param(replace(box(CLOSED, "centre"), candidates=2), id="an animal and a thing"),
        pytest.param(Detection(Reason.SMALL, blob_px=40, sweep=(CLOSED, OPEN)), id="a finger"),
        pytest.param(Detection(Reason.LARGE, blob_px=4000, sweep=(CLOSED, OPEN)), id="an arm"),
        pytest.param(None, id="no picture"),
    ],
)
def test_what_cannot_be_seen_is_believed_and_said_to_be_unseen(seen: Detection | None) -> None:
    s = session()
    closed(s)
    s.ticks_of(box(CLOSED), 5)
    s.tick(seen, ask("confirm", "left"))
    said_ns = s.ticks[-1].t_ns
    s.ticks_of(seen, 14)
    assert len(told(s)) == 1
    s.tick(seen)
    assert told(s)[-1] == ("left", "open", None)
    assert s.event("scoring_started").t_ns == said_ns


def test_an_animal_that_is_in_the_box_and_not_seen_may_be_in_the_sweep() -> None:
    s = session([{"do": "place", "until": "confirmed", "doors": "closed"}, MOVE[1]])
    s.ticks_of(box(OPEN), 5)
    s.ticks_of(box(CLOSED), 5)
    s.tick(box(CLOSED), ask("confirm", "left"), ask("confirm", "right"))
    s.ticks_of(box(CLOSED), 16)
    s.tick(box(CLOSED), ask("confirm"))
    s.tick(box(CLOSED), ask("confirm", "left"))
    s.ticks_of(box(CLOSED), 16)
    assert told(s)[-1] == ("left", "open", None)


@pytest.mark.parametrize("later", [OPEN, CLOSED], ids=["moved", "not moved"])
def test_what_was_in_the_way_is_looked_at_when_it_is_gone(later: tuple[float, float]) -> None:
    s = session([*MOVE[:2], {**MOVE[2], "duration_s": 60.0}])
    closed(s)
    s.tick(box(later, "centre", clear_px=4.0), ask("confirm", "left"))
    s.ticks_of(box(later, "centre", clear_px=4.0), 20)
    assert told(s)[-1] == ("left", "open", None)
    assert s.state.scored
    s.ticks_of(box(later, "right"), 5)
    if later == OPEN:
        assert told(s, "door_seen") == [("left", "open", True)]
        return
    assert told(s, "door_doubted") == [("left", "unknown", False)]
    assert s.state.scored  # an alarm; whether the test is worth anything is a person's word
    s.tick(box(OPEN, "right"), ask("confirm", "left"))
    s.ticks_of(box(OPEN, "right"), 4)
    assert told(s)[-1] == ("left", "open", True)
    assert s.state.door("left") == "open"
    assert s.kinds().count("scoring_started") == 1
    assert all(row.scored for row in s.samples[-20:])


def test_two_doors_the_later_word_is_time_zero() -> None:
    s = session(PRETEST)
    s.ticks_of(box(OPEN, "none", OPEN), 5)
    s.ticks_of(box(CLOSED, "none", CLOSED), 4)
    s.tick(box(CLOSED, "none", CLOSED), ask("confirm", "left"), ask("confirm", "right"))
    s.ticks_of(box(CLOSED, "hand", CLOSED), 4)
    s.ticks_of(box(CLOSED, "centre", CLOSED), 12)
    s.tick(box(CLOSED, "hand", CLOSED), ask("confirm", "left"))
    s.ticks_of(box(OPEN, "centre", CLOSED), 2)
    s.ticks_of(box(OPEN, "centre", OPEN), 4)
    assert told(s)[-1] == ("left", "open", True)
    s.tick(box(OPEN, "centre", OPEN), ask("confirm", "right"))
    assert s.event("scoring_started").t_ns == s.ticks[-1].t_ns


def test_a_pause_while_a_picture_is_asked_dates_nothing_back_beyond_it() -> None:
    s = session()
    closed(s)
    s.tick(box(CLOSED, "hand"), ask("confirm", "left"))
    s.tick(box(CLOSED, "hand"), ask("pause"))
    s.ticks_of(box(CLOSED, "hand"), 5)
    s.tick(box(OPEN, "left"), ask("resume"))
    resumed_ns = s.ticks[-1].t_ns
    s.ticks_of(box(OPEN, "left"), 40)
    assert s.event("scoring_started").t_ns >= resumed_ns
    times = s.times_s()
    assert times[-1] - times[0] == pytest.approx(2.0)


def test_a_word_is_given_once() -> None:
    s = session()
    closed(s)
    s.tick(box(CLOSED, "hand"), ask("confirm", "left"))
    s.tick(box(CLOSED, "hand"), ask("confirm", "left"), ask("confirm", "right"))
    refused = [(e.data["what"], e.data["why"]) for e in s.events if e.kind == "refused"]
    assert refused == [
        ("confirm left", "it was confirmed already"),
        ("confirm right", "no one asked for this door"),
    ]


def test_an_end_while_a_picture_is_asked_keeps_every_row() -> None:
    s = session()
    closed(s)
    s.tick(box(CLOSED, "hand"), ask("confirm", "left"))
    s.ticks_of(box(CLOSED, "hand"), 3)
    s.tick(box(CLOSED, "hand"), ask("abort"))
    s.tick(None, ask("closing"))
    assert [row.frame for row in s.samples] == list(range(s.frame))


def test_replay_of_a_doubted_word_gives_the_same_again() -> None:
    s = session()
    closed(s)
    for _ in range(2):
        s.tick(box(CLOSED), ask("confirm", "left"))
        s.ticks_of(box(CLOSED), 20)
    state, samples, events = begin(s.setup), [], []
    for tick in s.ticks:
        outcome = advance(s.setup, state, tick)
        state = outcome.state
        samples += outcome.samples
        events += outcome.events
    assert samples == s.samples
    assert events == s.events


def test_who_says_yes_to_all_does_not_overrule_the_picture() -> None:
    s = session()
    closed(s)
    yes, heard, asked = consent("T"), list(s.events[-2:]), list[Request]()
    for _ in range(60):
        requests = yes(s.t_ns, heard)
        asked += requests
        heard = list(s.tick(box(CLOSED), *requests).events)
    assert len(asked) == 1
    assert s.state.door("left") == "unknown"
    assert s.state.step == 1


# whole sessions


def recorded(
    rig: LoadedRig, out: Path, wish: Wish, seed: int, forgets: Mapping[tuple[str, str], int]
) -> SessionRecord:
    """A session whose simulated person may forget to move a door and confirm it all the same."""
    opened = open_rig(rig, speed="max", seed=seed)
    world, room = opened.world, opened.boxes["A"]
    assert world is not None
    person, heard = Experimenter(world, "A", seed, forgets), list[Event]()

    def hear(tick: Tick, outcome: Outcome) -> None:
        heard.extend(outcome.events)

    def asks(now_ns: int) -> list[Request]:
        person.hear(heard)
        heard.clear()
        return person.requests(now_ns)

    folder, loop = start(wish, opened, room, look(rig, room, opened.camera), out, [hear])
    ending = run(loop, opened.camera, asks, crop=room.crop)
    opened.close()
    assert ending.status is End.COMPLETED
    return SessionRecord.open(folder)


def doors(record: SessionRecord, kind: str = "door") -> list[tuple[str, str, bool | None]]:
    data = [e["data"] for e in record.events() if e["kind"] == kind]
    return [(d["name"], d.get("said", d["state"]), d["seen"]) for d in data]


PLAN = SessionPlan.model_validate(
    {
        "protocol": "doors",
        "step": [
            {"do": "close"},
            {"do": "open", "name": "open"},
            {"do": "place", "until": "hands_out"},
            {"do": "explore", "duration_s": 3, "scored": True},
        ],
    }
)
SHUT = [("left", "closed", True), ("right", "closed", True)]


@pytest.mark.parametrize(
    ("slips", "opened", "doubted"),
    [
        pytest.param(0, ("left", "open", True), [], id="moved"),
        pytest.param(1, ("left", "open", True), [("left", "open", False)], id="forgotten"),
        pytest.param(2, ("left", "open", False), [("left", "open", False)], id="insisted"),
    ],
)
def test_a_session_whose_doors_are_opened_by_hand(
    slips: int,
    opened: tuple[str, str, bool],
    doubted: list[tuple[str, str, bool]],
    make_rig: MakeRig,
    tmp_path: Path,
) -> None:
    wish = Wish(plan=PLAN, subject="M01", phase="test", codec="lossless")
    rig = make_rig(drive="manual")
    record = recorded(rig, tmp_path, wish, 3, {("left", "open"): slips})
    assert sorted(doors(record)) == sorted([*SHUT, opened, ("right", "open", True)])
    assert doors(record, "door_doubted") == doubted
    verdict = verify(record.folder)
    assert (verdict.problems, verdict.differing) == ([], 0)
    assert set(rescore(record.folder, out=tmp_path / "scored").difference_s.values()) == {0.0}


@pytest.mark.parametrize(
    "slips", [pytest.param(0, marks=pytest.mark.long), 1], ids=["moved", "forgotten"]
)
@pytest.mark.parametrize("seed", [3, pytest.param(5, marks=pytest.mark.long)])
def test_a_pretest_with_an_animal_at_the_doors(
    seed: int, slips: int, make_rig: MakeRig, make_wish: MakeWish, tmp_path: Path
) -> None:
    rig = make_rig(drive="manual")
    wish = make_wish(rig, assigned=("test_s=8",))
    record = recorded(rig, tmp_path, wish, seed, {("left", "open"): slips})
    assert len(doors(record, "door_doubted")) == slips
    left = [seen for door in ("door", "door_seen") for name, state, seen in doors(record, door)
            if (name, state) == ("left", "open")]  # fmt: skip
    assert True in left
    assert False not in left
    assert verify(record.folder).ok
    again = rescore(record.folder, out=tmp_path / "scored")
    assert set(again.difference_s.values()) == {0.0}
    assert again.summary["test_s"] == pytest.approx(8.0, abs=1e-6)
