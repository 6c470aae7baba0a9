"""A board's doors moved and tested by hand, over a real port; the forces that are kept of them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rig.errors import ConfigError, DoorError
from rig.hardware.doors import SerialBoard
from rig.hardware.measured import note_forces, unmeasured
from rig.hardware.orders import Hello
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.panel import DoorPins
from rig.hardware.simulated.port import serve
from rig.hardware.trying import Trying


def clock() -> int:
    """Real time, twice as slow: a busy machine trips no watchdog."""
    return time.monotonic_ns() // 2


@contextmanager
def trying(board: Board, *doors: int) -> Iterator[Trying]:
    served = serve(board, clock)
    driver = SerialBoard("", served.port, clock)
    try:
        one = Trying(driver, doors, clock)
        yield one
        one.close()
    finally:
        driver.close()
        served.close()


def test_each_run_is_timed_and_doors_open_together() -> None:
    board = Board(doors=[DoorPins(travel_ms=40), DoorPins(travel_ms=60, start=0.0)])
    with trying(board) as doors:
        runs, skew_ms = doors.test(3)
        assert doors.states == {1: "open", 2: "open"}
    assert [len(skew_ms), *(len(r.open_ms) for r in runs.values())] == [3, 3, 3]
    assert not any(r.failures or r.reversals for r in runs.values())
    assert all(40 <= ms <= 100 for ms in runs[1].open_ms + runs[1].close_ms)
    assert all(60 <= ms <= 120 for ms in runs[2].open_ms + runs[2].close_ms)
    assert all(0 <= ms <= 50 for ms in skew_ms)  # one is 20 ms slower


def test_a_door_with_something_in_it_is_told_and_left_open() -> None:
    board = Board(doors=[DoorPins(travel_ms=40, limit_ms=200), DoorPins(travel_ms=40)])
    board.block(1, True)
    with trying(board) as doors:
        runs, skew_ms = doors.test(3)
        assert doors.states == {1: "open", 2: "open"}
    assert "stall" in runs[1].reversals
    assert runs[1].failures == ["is open"]
    assert runs[2].failures == []
    assert len(skew_ms) <= 1


def test_a_jammed_door_and_one_that_is_not_there() -> None:
    board = Board(doors=[DoorPins(travel_ms=40, limit_ms=200, start=0.5)])
    board.jam(1, True)
    with trying(board, 1) as doors:
        assert doors.open()[1].failures == ["is jammed"]
    with (
        pytest.raises(ConfigError, match="--door: 2: board board-1 has doors 1 to 1"),
        trying(board, 2),
    ):
        pass


def test_what_the_board_refuses_is_a_failure() -> None:
    board = Board(doors=[DoorPins(travel_ms=40, start=0.5)])
    with trying(board) as doors:
        assert doors.shut()[1].failures == ["close was refused: not-open"]


# forces

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REAL = Hello("rack-1", "1.0", 1, 0, "power", 2, 4, 2)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLACEPREF_DATA", str(tmp_path))
    return tmp_path


def test_only_a_fresh_reading_of_at_most_half_a_newton_lets_a_door_close_on_an_animal() -> None:
    assert unmeasured("rack-1", REAL, NOW) == dict.fromkeys(
        (1, 2), "its closing force was not measured"
    )
    note_forces("rack-1", {1: 0.5}, NOW - timedelta(days=90))
    note_forces("rack-1", {2: 0.51}, NOW)
    assert unmeasured("rack-1", REAL, NOW) == {
        2: "it presses with 0.51 N; at most 0.5 N is allowed"
    }
    later = unmeasured("rack-1", REAL, NOW + timedelta(seconds=1))
    assert later[1] == "its closing force was measured on 2025-12-01, not in the last 90 days"
    assert unmeasured("rack-2", REAL, NOW).keys() == {1, 2}  # of another board


def test_a_simulated_board_counts_as_measured() -> None:
    assert unmeasured("b", Hello("b", "sim-1", 1, 0, "power", 2, 4, 2), NOW) == {}


@pytest.mark.parametrize("text", ["", "{", '{"doors": 3}', '{"doors": {"1": {"newton": "x"}}}'])
def test_a_damaged_file_is_no_reading(text: str, data: Path) -> None:
    path = note_forces("rack-1", {1: 0.2}, NOW)
    path.write_text(text)
    assert 1 in unmeasured("rack-1", REAL, NOW)


@pytest.mark.parametrize("newton", [0.0, -1.0, 51.0, float("nan")])
def test_a_slip_of_the_pen_is_not_kept(newton: float, data: Path) -> None:
    with pytest.raises(DoorError, match="no force of a door"):
        note_forces("rack-1", {1: newton}, NOW)
    assert list(data.iterdir()) == []
