import gc
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from rig import scheduling
from rig.station import serve

T = TypeVar("T")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has classes of threads")


def in_a_thread(what: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(what).result()


def test_short_turns_end_with_the_block() -> None:
    before = sys.getswitchinterval()
    with scheduling.quick_turns():
        assert sys.getswitchinterval() == pytest.approx(scheduling.SWITCH_S, abs=1e-6)
    assert sys.getswitchinterval() == before


def test_collections_are_rare_within_the_block_only() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with scheduling.few_collections():
        assert gc.get_threshold()[0] == scheduling.COLLECTED_AT
        assert gc.get_freeze_count() > frozen
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, frozen)


@linux_only
def test_a_thread_that_yields_is_in_the_batch_class_and_can_be_taken_out_of_it() -> None:
    def classes() -> list[int]:
        scheduling.yield_to_others()
        yields = os.sched_getscheduler(threading.get_native_id())
        child = in_a_thread(lambda: os.sched_getscheduler(threading.get_native_id()))
        scheduling.yield_no_more()
        return [yields, child, os.sched_getscheduler(threading.get_native_id())]

    assert in_a_thread(classes) == [os.SCHED_BATCH, os.SCHED_BATCH, os.SCHED_OTHER]


@linux_only
def test_a_thread_that_decides_asks_for_a_short_slice() -> None:
    version = tuple(int(part) for part in os.uname().release.split(".")[:2])
    if version < (6, 12):
        pytest.skip("this kernel gives all threads one slice")

    assert in_a_thread(slice_ns) != scheduling.DECIDES_NS
    assert in_a_thread(lambda: (scheduling.decide_at_once(), slice_ns())[1]) == 100_000


@linux_only
def test_a_thread_that_decides_is_woken_when_it_is_due() -> None:
    assert in_a_thread(slack_ns) == 50_000
    assert in_a_thread(lambda: (scheduling.decide_at_once(), slack_ns())[1]) == 1


def slack_ns() -> int:
    """How late this thread may be woken, by prctl(PR_GET_TIMERSLACK)."""
    import ctypes

    return int(ctypes.CDLL(None).prctl(30, 0, 0, 0, 0))


def slice_ns() -> int:
    """This thread's slice as the system knows it, by sched_getattr(2)."""
    import ctypes

    number = {"x86_64": 315, "aarch64": 275}[os.uname().machine]
    told = ctypes.create_string_buffer(48)
    assert ctypes.CDLL(None).syscall(number, 0, told, 48, 0) == 0
    return int(struct.unpack("IIQiIQQQ", told.raw)[5])


def test_a_station_takes_short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sys.getswitchinterval()
    seen: list[float] = []
    monkeypatch.setenv("OPENCV_FOR_THREADS_NUM", "1")

    def own_and_answer(source: str, **rest: object) -> None:
        seen.append(sys.getswitchinterval())

    monkeypatch.setattr("rig.station.serving.own_and_answer", own_and_answer)
    try:
        assert serve("sim") == 0
    finally:
        sys.setswitchinterval(before)
    assert seen == [pytest.approx(scheduling.SWITCH_S, abs=1e-6)]


@linux_only
def test_a_process_that_stands_back_gets_what_is_left_over() -> None:
    said = "os.sched_getscheduler(0), os.nice(0), os.getsid(0) == os.getpid()"
    code = f"import os; from rig.scheduling import stand_back; stand_back(); print({said})"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert told.split() == [str(int(os.SCHED_BATCH)), str(scheduling.LEFT_OVER), "True"]
