from typing import Any

import pytest

from gui.happened import TOLD, told
from gui.run.live import Deed, LiveBox, Standing, next_to_answer, scanned


def event(kind: str, t_s: float = 1.0, **data: Any) -> dict[str, Any]:
    return {"kind": kind, "t_s": t_s, "data": data}


def prompt(ask: str, t_s: float = 1.0, **data: Any) -> dict[str, Any]:
    return event("prompt", t_s, ask=ask, text=f"{ask} please", **data)


def box(name: str = "A", uid: str = "u", **status: Any) -> LiveBox:
    live = LiveBox("sim", name)
    stands = {"state": "running", "uid": uid, "subject": "M01", "step": 1, "steps": 3, **status}
    live.stand(stands, 0.0)
    return live


@pytest.mark.parametrize(
    ("asked", "over"),
    [
        (prompt("arm"), event("armed")),
        (prompt("empty"), event("requested", request="empty")),
        (prompt("empty"), event("closing_permitted", doors=["left"], contrast={})),
        (prompt("confirm"), event("requested", request="confirm")),
        (prompt("door", door="left", value="open"),
         event("door", name="left", state="open", source="operator")),
        (prompt("take"), event("step_ended", step=1, name="x", why="condition")),
        (prompt("arm"), event("ending", status="aborted", reason="x")),
    ],
)  # fmt: skip
def test_a_prompt_waits_until_its_event(asked: dict[str, Any], over: dict[str, Any]) -> None:
    live = box()
    live.hear([asked])
    live.hear([event("track_found", frames=1)])
    assert live.prompt is not None
    live.hear([over])
    assert live.prompt is None


def test_doors_are_confirmed_one_after_the_other() -> None:
    live = box()
    live.hear([prompt("door", door=d, value="closed") for d in ("left", "right")])
    assert live.answer() == [Deed("confirm", {"name": "left", "value": "closed"})]
    live.hear([event("door", name="left", state="closed", source="operator")])
    assert live.answer() == [Deed("confirm", {"name": "right", "value": "closed"})]


def test_a_question_asked_again_stands_once() -> None:
    live = box()
    live.hear([prompt("empty"), prompt("empty", 4.0)])
    assert [p.t_s for p in live.prompts] == [4.0]


def test_what_only_the_camera_ends_has_no_answer_at_a_real_rig() -> None:
    live = box()
    live.hear([prompt("place", chamber="centre")])
    assert live.prompt is not None
    assert live.answer() == []


def test_another_session_forgets_the_last_one() -> None:
    live = box()
    live.hear([prompt("arm"), event("escape", x_px=1, y_px=1)])
    live.stand({"state": "preparing", "uid": "v"}, 1.0)
    assert (live.prompts, live.history, live.alarms.standing) == ([], [], {})


def test_a_session_that_broke_off_stays_until_it_is_put_away() -> None:
    live = box(folder="/s/ses-01")
    live.lose()
    live.lose()
    assert list(live.alarms.standing) == ["station_lost"]
    live.stand({"state": "idle"}, 1.0)
    assert live.lost
    assert live.shown
    live.put_it_away()
    live.stand({"state": "idle"}, 2.0)
    assert not live.shown
    assert not live.alarms.standing


def test_a_station_that_comes_back_with_the_session_is_no_loss() -> None:
    live = box()
    live.lose()
    live.stand({"state": "running", "uid": "u"}, 1.0)
    live.find()
    assert not live.lost
    assert not live.alarms.standing


def test_a_stop_record_says_that_it_had_ended() -> None:
    live = box()
    live.lose()
    live.close({"status": "aborted", "reason": "the station was told to end"})
    assert live.state is Standing.ENDED
    assert live.ended == {"status": "aborted", "reason": "the station was told to end"}


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ({"stage": "run", "clock_s": 5.0, "duration_s": 30.0}, (5.4, 30.0)),
        ({"stage": "run", "clock_s": 29.9, "duration_s": 30.0}, (30.0, 30.0)),
        ({"stage": "run", "clock_s": 5.0, "duration_s": 30.0, "paused": True}, (5.0, 30.0)),
        ({"stage": "arm", "clock_s": 5.0, "duration_s": None}, (5.0, None)),
        ({}, (0.0, None)),
    ],
    ids=["runs", "not-past-its-end", "paused", "waits", "before"],
)
def test_the_clock_goes_on_between_two_statuses(
    status: dict[str, Any], shown: tuple[float, float | None]
) -> None:
    clock_s, duration_s = box(**status).clock_s(0.4)
    assert (round(clock_s, 6), duration_s) == shown


def test_the_foot_switch_serves_the_chosen_box_then_who_waits_longest() -> None:
    one, two, three = box("A"), box("B"), box("C")
    assert next_to_answer([one, two, three], one) is None
    two.hear([prompt("arm", 9.0)])
    three.hear([prompt("arm", 3.0)])
    assert next_to_answer([one, two, three], one) is three
    assert next_to_answer([one, two, three], two) is two


def test_a_tag_arms_only_the_session_of_that_animal() -> None:
    one, two = box("A"), box("B", subject="M02")
    assert scanned([one, two], one, "M01") is None
    one.hear([prompt("arm")])
    two.hear([prompt("arm")])
    assert scanned([one, two], one, "M02") is two
    assert scanned([one, two], one, "M03") is None


@pytest.mark.parametrize("folder", ["/x/study-practice/rawdata/sub-1", r"C:\x-practice\rawdata"])
def test_practice_is_told_by_the_folder(folder: str) -> None:
    assert box(folder=folder).practice
    assert not box(folder=folder.replace("-practice", "")).practice


def test_events_are_told_in_words() -> None:
    data = {
        "said": "open", "output": "laser",
        "zone": "left", "step": 1, "name": "left", "state": "open", "reasons": ["x"], "why": "y",
        "text": "t", "what": "w", "silent_s": 1, "found": "left", "expected": "right",
        "shift_cm": 1, "shift_px": 7,
        "board": "b", "frames": 1, "limit_s": 600, "status": "completed", "reason": "r",
    }  # fmt: skip
    for kind in TOLD:
        assert told(event(kind, **data)).startswith("1.0 s  ")
    assert told(event("beam", name="left", state="clear")) == ""
