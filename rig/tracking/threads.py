"""How a process that runs sessions shares the machine."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

SWITCH_S = 0.00002


def use_one_thread() -> None:
    """Keep OpenCV on the calling thread, and let Python's threads take turns quickly.

    For processes of our own (a station, a worker): pictures are small, so threads inside one
    cost more than they gain; a thread that waits for a frame must not wait 5 ms for its turn. The
    deciding thread gives the interpreter away at every call into OpenCV, some 150 times a picture
    of four boxes, and waits that long to have it back from an encoder.
    """
    cv2.setNumThreads(1)
    sys.setswitchinterval(SWITCH_S)


@contextmanager
def quick_turns() -> Iterator[None]:
    """Let Python's threads take turns quickly for a while, in a process that is not our own.

    A thread that decodes and one that detects want the interpreter some fifty times a picture.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH_S))
    try:
        yield
    finally:
        sys.setswitchinterval(before)
