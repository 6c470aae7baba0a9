import pytest

from gui.run.pace import TICKS, Pace


def run(pace: Pace, every_s: float, ticks: int, start_s: float = 0.0) -> float:
    for _ in range(ticks):
        start_s += every_s
        pace.tick(start_s)
    return start_s


@pytest.mark.parametrize(("boxes", "rate_hz"), [(0, 15), (1, 15), (4, 10), (5, 5), (16, 2.5)])
def test_many_boxes_are_shown_more_calmly(boxes: int, rate_hz: float) -> None:
    assert Pace(0.1).rate_hz(boxes) == rate_hz


def test_a_window_that_falls_behind_asks_for_less_and_recovers() -> None:
    pace = Pace(0.1)
    now_s = run(pace, 0.1, 5 * TICKS)
    assert pace.slower == 1
    now_s = run(pace, 0.2, 3 * TICKS + 1, now_s)
    assert pace.slower > 1
    run(pace, 0.2, 20 * TICKS, now_s)
    assert pace.rate_hz(1) >= 15 / 8
    run(pace, 0.1, 20 * TICKS, 1000.0)
    assert pace.slower == 1
