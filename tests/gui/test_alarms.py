from typing import Any

import pytest

from gui.run.alarms import KINDS, Alarms, Severity, loudest
from gui.texts import say

DATA: dict[str, Any] = {
    "output": "laser",
    "said": "open",
    "name": "left", "why": "is jammed", "reasons": ["something is in the box"], "expected": "left",
    "found": "right", "board": "b", "waiting": "for hands out", "limit_s": 600, "frames": 3,
    "what": "close left", "free": "1 GB", "needed": "2 GB", "folder": "f", "text": "M02",
    "subject": "M01", "shift_cm": 0.6, "shift_px": 7.9,
}  # fmt: skip


def event(kind: str, t_s: float = 1.0, **data: Any) -> dict[str, Any]:
    return {"kind": kind, "t_s": t_s, "data": data}


@pytest.mark.parametrize("name", KINDS)
def test_every_alarm_has_words_and_says_what_to_do(name: str) -> None:
    assert say(f"alarm.{name}", **DATA)
    assert say(f"alarm.{name}_do")


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("track_lost", "track_found"),
        ("two_animals", "track_found"),
        ("camera_stalled", "camera_back"),
        ("controller_lost", "controller_back"),
        ("camera_moved", "camera_in_place"),
        ("camera_away", "camera_in_place"),
        ("wrong_chamber", "hands_out"),
        ("wrong_chamber", "step_ended"),
        ("limit", "step_ended"),
        ("door_held", "closing_permitted"),
        ("escape", "stop"),
    ],
)
def test_an_alarm_is_over_by_its_event(begins: str, ends: str) -> None:
    alarms = Alarms()
    alarms.hear(event(begins, **DATA))
    assert list(alarms.standing) == [begins]
    alarms.hear(event("door", name="left", state="open"))
    assert list(alarms.standing) == [begins]
    alarms.hear(event(ends, zone="left"))
    assert not alarms.standing


def test_the_animal_is_lost_for_one_reason_at_a_time() -> None:
    alarms = Alarms()
    alarms.hear(event("track_lost", reason="none"))
    alarms.hear(event("two_animals"))
    assert list(alarms.standing) == ["two_animals"]


def test_seen_is_not_over_where_something_else_ends_it() -> None:
    alarms = Alarms()
    alarms.hear(event("camera_stalled"))
    alarms.hear(event("door_fault", name="left", why="is jammed"))
    assert alarms.saw()
    assert [a.name for a in alarms.worst_first()] == ["camera_stalled"]
    assert not alarms.worst_first()[0].loud
    assert not alarms.saw()


def test_the_same_again_stays_seen_and_another_is_loud() -> None:
    alarms = Alarms()
    alarms.raise_("station_lost", folder="f")
    alarms.saw()
    alarms.raise_("station_lost", folder="f")
    assert not alarms.standing["station_lost"].loud
    alarms.raise_("station_lost", folder="g")
    assert alarms.standing["station_lost"].loud


def test_dropped_pictures_are_summed() -> None:
    alarms = Alarms()
    alarms.hear(event("frames_dropped", frames=2, frame=9))
    alarms.hear(event("frames_dropped", frames=3, frame=19))
    assert alarms.standing["frames_dropped"].values["frames"] == 5
    assert alarms.standing["frames_dropped"].severity is Severity.NOTE


def test_the_window_tells_the_oldest_loud_one_first() -> None:
    one, other = Alarms(), Alarms()
    one.hear(event("escape", 5.0, x_px=1, y_px=1))
    other.hear(event("camera_stalled", 2.0, silent_s=0.2))
    other.hear(event("refused", 1.0, what="close left", why="no"))
    told = [(box, alarm.name) for box, alarm in loudest([("A", one), ("B", other)])]
    assert told == [("B", "camera_stalled"), ("A", "escape")]
