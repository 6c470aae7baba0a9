"""The fold, tick by tick, on detections made by hand: no pixels, no files."""

from dataclasses import replace
from itertools import pairwise

import pytest

from rig.apparatus import Apparatus
from rig.apparatus import parse as parse_apparatus
from rig.engine import Outcome, State, advance, begin
from rig.model import (
    NS_PER_S,
    CommandKind,
    Detection,
    DoorReport,
    Event,
    Reason,
    ReportKind,
    Request,
    RequestKind,
    Sample,
    Tick,
)
from rig.setup import Anchor, Setup
from rig.steps import SessionPlan

RATE_HZ = 10.0
BOX = """
name = "three"
frame_size_px = [320, 240]
px_per_cm = 5.0
[[chamber]]
name = "left"
outline_px = [[10, 70], [110, 70], [110, 170], [10, 170]]
[[chamber]]
name = "centre"
role = "neutral"
outline_px = [[114, 70], [156, 70], [156, 170], [114, 170]]
[[chamber]]
name = "right"
outline_px = [[160, 70], [260, 70], [260, 170], [160, 170]]
[[doorway]]
name = "left"
between = ["left", "centre"]
line_px = [[112, 105], [112, 135]]
sweep_px = [[109, 103], [115, 103], [115, 137], [109, 137]]
drive = "DRIVE"
[[doorway]]
name = "right"
between = ["centre", "right"]
line_px = [[158, 105], [158, 135]]
sweep_px = [[155, 103], [161, 103], [161, 137], [155, 137]]
drive = "DRIVE"
[tracking]
animal = "darker"
"""
AT = {"left": (60.0, 120.0), "centre": (135.0, 120.0), "right": (210.0, 120.0)}
CONTRAST = {"left": 100.0, "centre": 100.0, "right": 100.0}


def box(drive: str = "board") -> Apparatus:
    return parse_apparatus(BOX.replace("DRIVE", drive), "three.toml")


def setup_for(steps: list[dict[str, object]], drive: str = "board", **more: object) -> Setup:
    plan = {"protocol": "test", "step": steps, **more.pop("plan", {})}  # type: ignore[dict-item]
    fields: dict[str, object] = {
        "software": "0",
        "uid": "u",
        "subject": "M01",
        "phase": "pretest",
        "anchor": Anchor(wall="2026-01-05T09:00:00+01:00", t_ns=0),
        "rate_hz": RATE_HZ,
        "plan": SessionPlan.model_validate(plan),
        "apparatus": box(drive),
        "tracker": {},
        "background": "picture",
        "contrast": CONTRAST,
        "outputs": ("laser",),
        "arming": "auto",
        **more,
    }
    return Setup(**fields)  # type: ignore[arg-type]


def at(place: str) -> Detection:
    """A mouse of 500 px in a chamber; "hand", "none" and "two" are what they say."""
    if place == "none":
        return Detection(Reason.NONE)
    if place == "hand":
        return Detection(Reason.HAND, candidates=1, blob_px=5000)
    if place == "two":
        return Detection(Reason.TWO, candidates=2, blob_px=500)
    x, y = AT[place]
    return Detection(
        Reason.FOUND, x_px=x, y_px=y, area_px=500, candidates=1, blob_px=500, confidence=1.0
    )


class Session:
    """Feeds ticks of 100 ms and keeps what came out."""

    def __init__(self, setup: Setup) -> None:
        self.setup, self.state = setup, begin(setup)
        self.k = 0
        self.t_ns = 0
        self.frame = 0
        self.samples: list[Sample] = []
        self.events: list[Event] = []
        self.commands: list[tuple[int, CommandKind, tuple[str, ...]]] = []
        self.ticks: list[Tick] = []

    def tick(
        self,
        place: str | Detection | None,
        *requests: Request,
        reports: tuple[DoorReport, ...] = (),
        skip: int = 0,
    ) -> Outcome:
        self.frame += skip
        self.t_ns += skip * 100_000_000
        frame = None if place is None else self.frame
        seen = at(place) if isinstance(place, str) else place
        tick = Tick(self.k, self.t_ns, frame, seen, reports, requests)
        outcome = advance(self.setup, self.state, tick)
        self.ticks.append(tick)
        self.state = outcome.state
        self.samples += outcome.samples
        self.events += outcome.events
        self.commands += [(self.t_ns, c.kind, c.names) for c in outcome.commands]
        self.k += 1
        self.t_ns += 100_000_000
        self.frame += place is not None
        return outcome

    def ticks_of(self, place: str | Detection | None, n: int) -> None:
        for _ in range(n):
            self.tick(place)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def event(self, kind: str) -> Event:
        return next(event for event in self.events if event.kind == kind)

    def times_s(self, scored: bool = True) -> list[float]:
        return [s.t_ns / NS_PER_S for s in self.samples if s.scored == scored]


def door(name: str, state: str, t_ns: int = 0) -> DoorReport:
    return DoorReport(t_ns, ReportKind.DOOR, name, state)


def both(state: str) -> tuple[DoorReport, ...]:
    return (door("left", state), door("right", state))


def ask(kind: str, name: str = "", value: str = "") -> Request:
    return Request(RequestKind(kind), name=name, value=value, who="T")


PRETEST: list[dict[str, object]] = [
    {"do": "place", "name": "place", "chamber": "centre", "doors": "closed"},
    {"do": "explore", "name": "test", "start": "opened", "duration_s": 2.0, "scored": True},
]
EXPLORE: list[dict[str, object]] = [
    {"do": "explore", "name": "test", "duration_s": 2.0, "scored": True}
]


def place_animal(s: Session, chamber: str = "centre") -> None:
    """Arm, a hand for half a second, then the animal alone for 1.1 s."""
    s.tick("none", ask("arm"))
    s.ticks_of("hand", 5)
    s.ticks_of(chamber, 11)


def test_a_state_is_not_changed_by_advance() -> None:
    setup = setup_for(PRETEST)
    state = begin(setup)
    before = replace(state)
    advance(setup, state, Tick(0, 0, 0, at("none"), both("open")))
    assert state == before


def test_pretest_with_motor_doors_from_open_doors_to_completed() -> None:
    s = Session(setup_for(PRETEST, arming="operator"))
    s.tick("none", reports=both("open"))
    assert s.event("prompt").data["ask"] == "empty"
    s.tick("none", ask("empty"))
    s.ticks_of("none", 17)
    assert not s.commands  # empty for less than 2 s
    s.ticks_of("none", 3)
    assert s.commands[0][1] is CommandKind.CLOSE
    s.tick("none", reports=both("closing"))
    s.ticks_of("none", 3)
    permits = [c for c in s.commands if c[1] is CommandKind.PERMIT]
    assert len(permits) >= 3  # renewed every 100 ms while the evidence holds
    s.tick("none", reports=both("closed"))
    place_animal(s)
    assert s.event("hands_out").t_ns == s.event("armed").t_ns + 500_000_000 + 100_000_000
    opens = [c for c in s.commands if c[1] is CommandKind.OPEN]
    assert [c[2] for c in opens] == [("left", "right")]  # together, in one command
    s.tick("centre", reports=both("opening"))
    s.tick("centre", reports=(door("left", "open"),))
    assert "scoring_started" not in s.kinds()
    s.tick("centre", reports=(door("right", "open"),))
    zero_ns = s.event("scoring_started").t_ns
    assert zero_ns == s.ticks[-1].t_ns  # the later open switch
    s.ticks_of("left", 25)
    assert s.state.ending is not None
    assert s.state.ending.status == "completed"
    times = s.times_s()
    assert times[0] == zero_ns / NS_PER_S
    assert times[-1] - times[0] == pytest.approx(2.0)


def test_without_doors_scoring_is_back_dated_to_hands_out() -> None:
    s = Session(setup_for(PRETEST, drive="none"))
    s.ticks_of("none", 3)
    s.ticks_of("hand", 5)
    s.ticks_of("centre", 30)
    hands_out = s.event("hands_out").t_ns
    assert hands_out == 8 * 100_000_000
    assert s.event("scoring_started").t_ns == hands_out
    times = s.times_s()
    assert times[0] * NS_PER_S == hands_out
    assert times[-1] - times[0] == pytest.approx(2.0)
    assert {row.step for row in s.samples if row.scored} == {"test"}
    frames = [row.frame for row in s.samples]
    assert frames == sorted(frames)  # rows held back are written in order


def test_manual_doors_are_asked_for_and_confirmed_one_by_one() -> None:
    s = Session(setup_for(PRETEST, drive="manual"))
    s.tick("none")
    asked = [e.data["door"] for e in s.events if e.kind == "prompt"]
    assert asked == ["left", "right"]
    s.tick("none", ask("confirm", "left"))
    assert s.state.stage == "doors"
    s.tick("none", ask("confirm", "right"))
    assert s.state.doors == {"left": "closed", "right": "closed"}
    assert all(e.data["source"] == "operator" for e in s.events if e.kind == "door")
    s.ticks_of("hand", 4)
    s.ticks_of("centre", 12)
    s.tick("centre", ask("confirm", "left"))
    s.tick("centre", ask("confirm", "right"))
    assert s.event("scoring_started").t_ns == s.ticks[-1].t_ns


def test_a_hand_that_comes_back_starts_hands_out_anew() -> None:
    s = Session(setup_for(PRETEST, drive="none"))
    s.ticks_of("none", 2)
    s.ticks_of("centre", 8)
    s.ticks_of("hand", 3)
    assert "hands_out" not in s.kinds()
    s.ticks_of("centre", 12)
    assert s.event("hands_out").t_ns == 13 * 100_000_000
    assert len(s.samples) == len({row.frame for row in s.samples})


def test_an_animal_put_into_the_wrong_chamber_starts_no_clock() -> None:
    s = Session(setup_for(PRETEST, drive="none"))
    s.ticks_of("hand", 3)
    s.ticks_of("right", 30)
    assert s.event("wrong_chamber").data["found"] == "right"
    assert "scoring_started" not in s.kinds()
    assert s.kinds().count("wrong_chamber") == 1
    s.ticks_of("hand", 5)
    s.ticks_of("centre", 12)
    assert "scoring_started" in s.kinds()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"background": "live"}, "not a picture of the empty box"),
        ({"contrast": {"left": 5.0, "centre": 90.0, "right": 90.0}}, "hardly be seen in left"),
        ({"contrast": {}}, "contrast is not known"),
    ],
    ids=["live background", "blind chamber", "no contrast"],
)
def test_doors_stay_when_evidence_is_missing(change: dict[str, object], reason: str) -> None:
    s = Session(setup_for(PRETEST, **change))
    s.tick("none", ask("empty"), reports=both("open"))
    s.ticks_of("none", 40)
    assert not [c for c in s.commands if c[1] is CommandKind.CLOSE]
    assert any(reason in text for text in s.event("door_held").data["reasons"])


def test_doors_never_close_on_something_in_the_box() -> None:
    s = Session(setup_for(PRETEST))
    s.tick("centre", ask("empty"), reports=both("open"))
    s.ticks_of("centre", 40)
    assert not [c for c in s.commands if c[1] is CommandKind.CLOSE]


def test_a_permit_lapses_when_something_comes_in() -> None:
    s = Session(setup_for(PRETEST))
    s.tick("none", ask("empty"), reports=both("open"))
    s.ticks_of("none", 21)
    s.tick("none", reports=both("closing"))
    s.ticks_of("none", 2)
    s.ticks_of("hand", 1)
    n = len(s.commands)
    s.ticks_of("hand", 5)
    assert len(s.commands) == n  # no further permit: the board reverses by itself
    assert "door_held" in s.kinds()


@pytest.mark.parametrize("kind", ["pause", "abort"])
def test_pause_and_abort_stop_closing_doors_and_open_none(kind: str) -> None:
    s = Session(setup_for(PRETEST))
    s.tick("none", ask("empty"), reports=(door("left", "open"), door("right", "closed")))
    s.ticks_of("none", 21)
    assert s.commands[-1][2] == ("left",)
    s.tick("none", reports=(door("left", "closing"),))
    s.tick("none", ask(kind))
    # `stop`, not `open`: the door may have come to rest since its last report.
    stopped = [c[2] for c in s.commands if c[1] is CommandKind.STOP]
    assert stopped == [("left",)]
    assert not [c for c in s.commands if c[1] is CommandKind.OPEN]


def test_a_resting_door_that_moves_by_itself_is_a_fault() -> None:
    s = Session(setup_for(EXPLORE))
    s.tick("left", reports=both("closed"))
    s.tick("left", reports=(door("left", "unknown"),))
    assert s.event("door_fault").data["name"] == "left"
    assert s.state.ending is not None
    assert s.state.ending.status == "failed"


def test_a_plan_may_go_on_after_a_door_fault() -> None:
    s = Session(setup_for(EXPLORE, plan={"on_door_fault": "continue"}))
    s.tick("left", reports=both("closed"))
    s.tick("left", reports=(door("left", "jammed"),))
    assert "door_fault" in s.kinds()
    assert s.state.ending is None


def test_pause_stops_clock_and_scoring() -> None:
    s = Session(setup_for(EXPLORE))
    s.ticks_of("left", 10)
    s.tick("left", ask("pause"))
    s.ticks_of("left", 20)
    s.tick("left", ask("resume"))
    s.ticks_of("left", 30)
    assert s.state.ending is not None
    scored = s.times_s()
    assert len(scored) == 22  # 11 to the pause, 11 after it: 1 s each
    assert s.ticks[-1].t_ns - 0 > 4 * NS_PER_S


RULE: dict[str, object] = {
    "do": "explore",
    "duration_s": 60.0,
    "scored": True,
    "rule": [
        {
            "while_in": "left",
            "output": "laser",
            "train": {"hz": 20, "width_us": 5000},
            "dwell_s": 0.5,
            "max_on_s": 3.0,
            "rearm_s": 2.0,
            "total_on_s": 5.0,
        }
    ],
}


def edges(s: Session) -> list[tuple[str, float, str]]:
    return [
        (e.kind, e.t_ns / NS_PER_S, str(e.data.get("why", "")))
        for e in s.events
        if e.kind in ("output_on", "output_off")
    ]


def test_rule_dwell_cap_rearm_and_total() -> None:
    s = Session(setup_for([RULE], drive="none"))
    s.ticks_of("left", 200)
    assert edges(s) == [
        ("output_on", 0.5, ""),
        ("output_off", 3.5, "cap"),
        ("output_on", 5.5, ""),
        ("output_off", 7.5, "total cap"),
    ]


def test_an_output_is_extended_while_it_is_on_and_goes_off_on_leaving() -> None:
    s = Session(setup_for([RULE], drive="none"))
    s.ticks_of("left", 20)
    s.ticks_of("centre", 10)
    trains = [c[0] for c in s.commands if c[1] is CommandKind.TRAIN]
    assert all(b - a == 300_000_000 for a, b in pairwise(trains))
    assert edges(s)[1][0] == "output_off"
    assert edges(s)[1][2] == "left"
    assert edges(s)[1][1] == pytest.approx(2.2)  # 0.2 s dwell in the centre


def test_a_lost_animal_switches_off_after_six_frames_and_on_only_by_a_new_entry() -> None:
    steps = [{"do": "place", "until": "confirmed"}, RULE]
    s = Session(setup_for(steps, drive="none"))
    s.tick("left")
    s.tick("left", ask("confirm"))
    s.ticks_of("left", 10)
    s.ticks_of("none", 5)
    assert len(edges(s)) == 1
    s.ticks_of("none", 3)
    assert edges(s)[-1][0] == "output_off"
    assert "track_lost" in s.kinds()
    s.ticks_of("left", 20)
    assert len(edges(s)) == 2  # still in there: no new entry
    s.ticks_of("centre", 5)
    s.ticks_of("left", 12)
    assert edges(s)[-1][0] == "output_on"


def test_an_animal_that_escapes_switches_off_though_its_zone_stays() -> None:
    steps = [{"do": "place", "until": "confirmed"}, RULE]
    s = Session(setup_for(steps, drive="none"))
    s.tick("left")
    s.tick("left", ask("confirm"))
    s.ticks_of("left", 10)
    assert edges(s)[-1][0] == "output_on"
    s.ticks_of(replace(at("left"), y_px=10.0), 12)  # 12 cm above the box
    assert s.kinds().count("escape") == 1
    assert edges(s)[-1][0] == "output_off"
    assert s.samples[-1].zone == "left"
    s.ticks_of("left", 20)
    assert edges(s)[-1][0] == "output_off", "it comes back only by a new entry"


def test_a_second_animal_is_told_also_where_none_was_seen_before() -> None:
    steps = [{"do": "place", "until": "confirmed"}, RULE]
    s = Session(setup_for(steps, drive="none"))
    s.tick("left")
    s.tick("left", ask("confirm"))
    s.ticks_of("left", 10)
    s.ticks_of("none", 8)
    s.ticks_of("two", 30)
    s.ticks_of("none", 5)
    told = [kind for kind in s.kinds() if kind in ("track_lost", "two_animals", "hand_in_view")]
    assert told == ["track_lost", "two_animals"]


def test_a_silent_camera_switches_off_and_fails_after_the_limit() -> None:
    s = Session(setup_for([RULE], drive="none", plan={"stall_limit_s": 1.0}))
    s.ticks_of("left", 10)
    s.tick(None)
    assert edges(s)[-1][0] == "output_off"
    s.ticks_of(None, 15)
    assert s.state.ending is not None
    assert s.state.ending.status == "failed"


def test_a_camera_that_comes_back_is_told_with_its_silence() -> None:
    s = Session(setup_for(EXPLORE, drive="none"))
    s.ticks_of("left", 5)
    s.ticks_of(None, 5)
    s.tick("left")
    assert s.event("camera_back").data["silent_s"] == pytest.approx(0.6)


def test_dropped_frames_are_counted() -> None:
    s = Session(setup_for(EXPLORE, drive="none"))
    s.ticks_of("left", 5)
    s.tick("left", skip=3)
    assert s.event("frames_dropped").data["frames"] == 3
    assert s.state.dropped == 3


def test_condition_entries_for_and_total() -> None:
    for condition, places, seconds in (
        ({"in": "left", "for_s": 1.0}, ["left"] * 40, 1.0),
        ({"in": "left", "total_s": 2.0}, (["left"] * 10 + ["centre"] * 10) * 5, 3.0),
        ({"in": "left", "entries": 2}, (["left"] * 10 + ["centre"] * 10) * 5, 4.2),
    ):
        step: dict[str, object] = {"do": "explore", "until": "condition", "condition": condition}
        s = Session(setup_for([step], drive="none"))
        for place in places:
            if s.tick(place).state.ending is not None:
                break
        assert s.state.ending is not None
        assert s.ticks[-1].t_ns / NS_PER_S == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("on_limit", "status"), [("abort", "aborted"), ("next", "completed"), ("alarm", None)]
)
def test_limit(on_limit: str, status: str | None) -> None:
    step = {"do": "wait", "until": "confirmed", "limit_s": 1.0, "on_limit": on_limit}
    s = Session(setup_for([step], drive="none"))
    s.ticks_of("none", 12)
    ending = s.state.ending
    assert (ending and str(ending.status)) == status
    assert "limit" in s.kinds()


def test_input_that_ends_completes_only_where_the_step_says_so() -> None:
    for say, status in (("completed", "completed"), ("aborted", "aborted")):
        step = {"do": "explore", "duration_s": 60.0, "scored": True, "on_input_end": say}
        s = Session(setup_for([step], drive="none"))
        s.ticks_of("left", 5)
        s.tick(None, Request(RequestKind.INPUT_ENDED, who="program"))
        assert s.state.ending is not None
        assert s.state.ending.status == status


def test_the_stop_record_comes_last_with_the_figures_of_the_run() -> None:
    s = Session(setup_for(EXPLORE, drive="none"))
    s.ticks_of("left", 5)
    s.tick("left", ask("abort"))
    s.tick(None, Request(RequestKind.CLOSING, who="program", data={"latency_p50_ms": 0.5}))
    assert s.kinds()[-2:] == ["checkpoint", "stop"]
    assert s.events[-1].data["status"] == "aborted"
    assert s.events[-1].data["latency_p50_ms"] == 0.5
    with pytest.raises(ValueError, match="stopped"):
        s.tick("left")


def test_a_writer_that_fails_ends_the_session_as_failed() -> None:
    s = Session(setup_for([RULE], drive="none"))
    s.ticks_of("left", 10)
    s.tick("left", reports=(DoorReport(0, ReportKind.STORAGE, "", "error", cause="disk full"),))
    assert s.state.ending is not None
    assert s.state.ending.status == "failed"
    assert "disk full" in s.state.ending.reason
    assert edges(s)[-1][0] == "output_off"


def test_a_lost_board_goes_by_the_plan() -> None:
    down = DoorReport(0, ReportKind.LINK, "board-1", "down")
    for say, goes_on in (("continue", True), ("abort", False)):
        s = Session(setup_for(EXPLORE, plan={"on_controller_lost": say}))
        s.tick("left", reports=both("open"))
        s.tick("left", reports=(down,))
        assert (s.state.ending is None) is goes_on
        assert "controller_lost" in s.kinds()


def test_confined_animal_in_the_wrong_chamber_is_told_once() -> None:
    steps = [
        {"do": "place", "chamber": "left", "until": "confirmed"},
        {"do": "confine", "chamber": "left", "duration_s": 60.0, "scored": True},
    ]
    s = Session(setup_for(steps, drive="none"))
    s.tick("left")
    s.tick("left", ask("confirm"))
    s.ticks_of("left", 5)
    s.ticks_of("centre", 10)
    assert s.kinds().count("wrong_chamber") == 1


def test_replay_of_the_ticks_gives_the_same_again() -> None:
    setup = setup_for(PRETEST, drive="none")
    s = Session(setup)
    s.ticks_of("none", 3)
    s.ticks_of("hand", 5)
    s.ticks_of("centre", 20)
    s.ticks_of("left", 20)
    state: State = begin(setup)
    samples, events = [], []
    for tick in s.ticks:
        outcome = advance(setup, state, tick)
        state = outcome.state
        samples += outcome.samples
        events += outcome.events
    assert samples == s.samples
    assert events == s.events


def test_an_animal_that_is_there_already_is_scored_from_the_first_picture() -> None:
    s = Session(setup_for(PRETEST[:1] + EXPLORE, drive="none"))
    s.ticks_of("centre", 30)
    assert s.times_s()[0] == 0.0
    assert s.times_s()[-1] == pytest.approx(2.0)


def test_a_pause_while_hands_out_is_settled_starts_it_anew() -> None:
    s = Session(setup_for(PRETEST, drive="none"))
    s.ticks_of("hand", 3)
    s.ticks_of("centre", 5)
    s.tick("centre", ask("pause"))
    s.ticks_of("centre", 50)
    assert "hands_out" not in s.kinds()
    assert len(s.state.held) <= 10
    s.tick("centre", ask("resume"))
    resumed_ns = s.ticks[-1].t_ns
    s.ticks_of("centre", 40)
    assert s.event("scoring_started").t_ns >= resumed_ns
    times = s.times_s()
    assert times[-1] - times[0] == pytest.approx(2.0)


def resumed(s: Session, gap_s: float = 60.0) -> None:
    s.t_ns += round(gap_s * NS_PER_S)
    s.tick("none", Request(RequestKind.RESUMED, who="program", data={"gap_s": gap_s}))


def test_nothing_seen_or_said_before_a_crash_closes_a_door_after_it() -> None:
    s = Session(setup_for(PRETEST))
    s.tick("none", ask("empty"), reports=both("open"))
    s.ticks_of("none", 5)
    asked = s.kinds().count("prompt")
    resumed(s)
    s.ticks_of("none", 40)
    assert not [c for c in s.commands if c[1] is CommandKind.CLOSE]
    assert s.kinds().count("prompt") == asked + 1  # asked again
    s.tick("none", ask("empty"))
    assert s.commands[-1][1] is CommandKind.CLOSE


def test_hands_out_is_never_dated_before_a_crash() -> None:
    s = Session(setup_for(PRETEST, drive="none"))
    s.ticks_of("hand", 2)
    s.ticks_of("centre", 5)
    resumed(s)
    after_ns = s.ticks[-1].t_ns
    s.ticks_of("centre", 40)
    assert s.event("scoring_started").t_ns > after_ns
    times = s.times_s()
    assert times[-1] - times[0] == pytest.approx(2.0)


def test_the_word_that_the_box_is_empty_dies_with_the_first_sight_of_an_animal() -> None:
    s = Session(setup_for(PRETEST))
    s.tick("none", ask("empty"), reports=both("open"))
    s.ticks_of("none", 5)
    s.tick("centre")
    s.ticks_of("none", 40)
    assert not [c for c in s.commands if c[1] is CommandKind.CLOSE]
    s.tick("none", ask("empty"))
    assert s.commands[-1][1] is CommandKind.CLOSE


def test_an_animal_that_explored_is_in_until_it_was_taken_out() -> None:
    steps = [
        {"do": "explore", "duration_s": 1.0},
        {"do": "close", "name": "shut", "limit_s": 10, "on_limit": "next"},
        {"do": "record", "until": "condition", "condition": {"empty": True, "for_s": 1}},
        {"do": "close", "name": "shut-again", "limit_s": 60},
    ]
    s = Session(setup_for(steps))
    s.tick("left", reports=both("open"))
    s.ticks_of("left", 10)
    s.tick("none", ask("empty"))
    s.ticks_of("none", 60)
    assert not [c for c in s.commands if c[1] is CommandKind.CLOSE]
    s.ticks_of("none", 60)
    assert s.state.step == 3
    s.tick("none", ask("empty"))
    assert s.commands[-1][1] is CommandKind.CLOSE


def test_a_plan_without_placing_still_watches_its_animal() -> None:
    s = Session(setup_for([RULE], drive="none"))
    s.ticks_of("left", 10)
    s.ticks_of("none", 8)
    assert "track_lost" in s.kinds()
    s.ticks_of("left", 20)
    assert len(edges(s)) == 2  # not on again without a new entry


def test_a_write_error_in_the_last_tick_is_not_called_completed() -> None:
    s = Session(setup_for(EXPLORE, drive="none"))
    s.ticks_of("left", 25)
    assert s.state.ending is not None
    assert s.state.ending.status == "completed"
    full = DoorReport(0, ReportKind.STORAGE, "", "error", cause="disk full")
    s.tick(None, Request(RequestKind.CLOSING, who="program"), reports=(full,))
    assert s.events[-1].data["status"] == "failed"


def test_rules_wait_for_the_clock_of_their_step() -> None:
    rule = {**RULE, "start": "opened", "rule": [{"while_in": "left", "output": "laser"}]}
    s = Session(setup_for([rule]))
    s.tick("left", reports=both("closed"))
    s.ticks_of("left", 10)
    assert edges(s) == []
    s.tick("left", reports=both("open"))
    assert edges(s)[0][0] == "output_on"


def test_a_dwell_counts_anew_after_a_pause_and_a_latched_output_comes_back() -> None:
    steps = [{"do": "output", "output": "laser"}, *EXPLORE]
    s = Session(setup_for(steps, drive="none"))
    s.ticks_of("left", 5)
    s.tick("left", ask("pause"))
    assert edges(s)[-1][0] == "output_off"
    s.ticks_of("left", 5)
    s.tick("left", ask("resume"))
    assert edges(s)[-1][0] == "output_on"
    s = Session(setup_for([RULE], drive="none"))
    s.ticks_of("left", 10)
    s.tick("left", ask("pause"))
    s.tick("left", ask("resume"))
    s.ticks_of("left", 4)
    assert edges(s)[-1][0] == "output_off"
    s.ticks_of("left", 3)
    assert edges(s)[-1][0] == "output_on"


def test_a_cap_without_rearm_holds_until_a_new_entry() -> None:
    rule = {**RULE, "rule": [{"while_in": "left", "output": "laser", "max_on_s": 1.0}]}
    s = Session(setup_for([rule], drive="none"))
    s.ticks_of("left", 50)
    assert [edge[1] for edge in edges(s)] == [0.0, 1.0]
    s.ticks_of("centre", 5)
    s.ticks_of("left", 5)
    assert len(edges(s)) == 3


def test_a_pause_in_a_silence_is_not_scored() -> None:
    s = Session(setup_for(EXPLORE, drive="none"))
    s.ticks_of("left", 10)
    s.tick(None, ask("pause"))
    s.ticks_of(None, 50)
    s.tick(None, ask("resume"))
    s.ticks_of("left", 15)
    scored = [row.scored for row in s.samples]
    assert False in scored[9:12]  # a row without score between the two runs


def test_a_confirmation_before_it_was_asked_for_starts_nothing() -> None:
    steps = [{"do": "place", "until": "confirmed", "doors": "closed"}, *EXPLORE]
    s = Session(setup_for(steps, plan={"on_door_fault": "continue"}))
    s.tick("none", reports=both("open"))
    s.tick("none", ask("confirm"))
    s.tick("none", reports=both("closed"))
    s.ticks_of("none", 3)
    assert "scoring_started" not in s.kinds()
    s.tick("none", ask("confirm"))
    assert "scoring_started" in s.kinds()


@pytest.mark.parametrize(
    "step",
    [
        {"do": "close", "start": "opened"},
        {"do": "confine", "chamber": "left", "doors": "closed", "start": "opened", "duration_s": 1},
        {"do": "close", "until": "opened"},
        {"do": "place", "scored": True},
        {"do": "explore"},
        {"do": "explore", "duration_s": float("inf")},
    ],
    ids=["close opened", "closed opened", "close until opened", "scored place", "no end", "inf"],
)
def test_contradictions_are_refused(step: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="step"):
        SessionPlan.model_validate({"protocol": "x", "step": [step]})


def test_a_box_that_is_not_empty_is_not_asked_about_at_every_picture() -> None:
    s = Session(setup_for(PRETEST))
    s.tick("centre", reports=both("open"))
    s.ticks_of("centre", 50)
    assert "prompt" not in s.kinds()  # it is plainly not empty
    assert "something is in the box" in s.event("door_held").data["reasons"]
    s.ticks_of("none", 20)
    assert s.kinds().count("prompt") == 1


def test_an_output_cannot_be_switched_on_in_a_pause() -> None:
    s = Session(setup_for(EXPLORE, drive="none"))
    s.ticks_of("left", 5)
    s.tick("left", ask("pause"))
    s.tick("left", ask("output", "laser", "on"))
    assert s.event("refused").data["what"] == "output laser"
    s.tick("left", ask("resume"))
    assert edges(s) == []


@pytest.mark.parametrize(
    ("figures", "over"),
    [
        pytest.param({"latency_written_p99_ms": 6.01}, 6.01, id="written"),
        pytest.param({"latency_written_p99_ms": 6.0}, None, id="as planned"),
        pytest.param({"latency_decided_p99_ms": 7.0}, 7.0, id="nothing was commanded"),
        pytest.param(
            {"latency_decided_p99_ms": 7.0, "latency_written_p99_ms": 1.0}, None, id="both"
        ),
        pytest.param({}, None, id="virtual time"),
    ],
)
def test_a_session_slower_than_its_plan_allows_says_so(
    figures: dict[str, float], over: float | None
) -> None:
    s = Session(setup_for(EXPLORE, plan={"latency_budget_ms": 6.0}))
    s.tick("centre", ask("abort"))
    s.tick(None, Request(RequestKind.CLOSING, who="program", data=figures))
    told = [e.data for e in s.events if e.kind == "latency_over_budget"]
    assert told == ([] if over is None else [{"p99_ms": over, "budget_ms": 6.0}])
