"""How a process that runs sessions shares the machine: whose turn it is, by the system's means.

What only Linux has is asked for there; elsewhere, and where it is refused, the rest still holds.
"""

import ctypes
import gc
import logging
import os
import platform
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

SWITCH_S = 0.00002
"""How long a thread of Python keeps the interpreter while another wants it."""
DECIDES_NS = 100_000
"""The slice that a deciding thread asks the system for."""
LEFT_OVER = 19
"""How nice a process is that gets what is left over: a seventieth of what one beside it gets."""
COLLECTED_AT = 50_000
"""Objects more than before at which Python looks for circles, where a picture makes some fifty."""
_SET_TIMER_SLACK, _LEAST_SLACK_NS = 29, 1
"""PR_SET_TIMERSLACK of prctl(2); 0 would mean the 50 us that a thread has unless it asks."""
_SET_ATTRIBUTES = {"x86_64": 314, "aarch64": 274}
"""Number of the call sched_setattr(2), for which neither Python nor all C libraries have a name."""


def take_short_turns() -> None:
    """Let this process's Python threads hand over to one another quickly.

    The deciding thread gives the interpreter away at every call into OpenCV, some 150 times a
    picture of four boxes, and waits one turn to have it back from an encoder.
    """
    sys.setswitchinterval(SWITCH_S)


@contextmanager
def quick_turns() -> Iterator[None]:
    """Short turns for a while, in a process that is not our own.

    A thread that decodes and one that detects want the interpreter some fifty times a picture.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH_S))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def few_collections() -> Iterator[None]:
    """Look for objects in circles rarely for a while: what counts pictures makes none.

    What is there already (modules, a thousand classes) is not gone through again and again.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(COLLECTED_AT, before[1], before[2])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def decide_at_once() -> None:
    """Have this thread wake when it is due, and run as soon as it wakes, for a little (Linux).

    A thread that waits for a time is woken up to 50 us after it, so that several can be woken at
    once; this one asks for no such favour.

    It asks for a slice of 100 us (Linux 6.12 and later). A thread that wants little is due earlier
    than one that runs and wants more, and pushes it aside; its share of the processor is no larger
    for it. Neither needs a right that a user lacks, unlike a real-time class.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_SET_TIMER_SLACK, ctypes.c_ulong(_LEAST_SLACK_NS), 0, 0, 0):
        log.info("a deciding thread wakes late: %s", os.strerror(ctypes.get_errno()))
    number = _SET_ATTRIBUTES.get(platform.machine())
    if number is None:
        return
    # struct sched_attr, its first version: size, policy, flags, nice, priority, runtime ...
    wish = struct.pack("IIQiIQQQ", 48, 0, 0, 0, 0, DECIDES_NS, 0, 0)
    if library.syscall(number, 0, ctypes.create_string_buffer(wish, len(wish)), 0):
        log.info("a deciding thread keeps its slice: %s", os.strerror(ctypes.get_errno()))


def yield_to_others() -> None:
    """Have this thread, and those it starts, never push another one aside (Linux).

    Their share stays whole: one that got little of the processor while it has the interpreter
    would hold up the deciding thread, which waits for that.
    """
    _choose("SCHED_BATCH")


def stand_back() -> None:
    """Have this process get what is left over: nobody waits for it, and it holds nothing up.

    To be called before anything is loaded, which takes a second: what a deciding thread starts
    would push others aside as that thread does. Linux may share the processor out by sessions of
    processes first, and between the processes of one only then; so it gets one of its own.
    """
    yield_to_others()
    if hasattr(os, "nice"):
        os.nice(LEFT_OVER)
    if sys.platform == "linux":
        try:
            os.setsid()
            Path("/proc/self/autogroup").write_text(str(LEFT_OVER))
        except OSError as error:
            log.info("a process keeps its share: %s", error)


def yield_no_more() -> None:
    """Have this thread, and those it starts, be as any other again: a window's children yield."""
    _choose("SCHED_OTHER")


def _choose(policy: str) -> None:
    if sys.platform == "linux":
        try:
            number = getattr(os, policy)
            os.sched_setscheduler(threading.get_native_id(), number, os.sched_param(0))
        except OSError as error:
            log.info("a thread keeps its class: %s", error)
