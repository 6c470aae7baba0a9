"""OpenCV in a process that tracks."""

import cv2

from rig.scheduling import take_short_turns


def use_one_thread() -> None:
    """Keep OpenCV on the calling thread, and let Python's threads take turns quickly.

    For processes of our own (a worker): pictures are small, so threads inside one cost more than
    they gain; a thread that waits for a frame must not wait 5 ms for its turn.
    """
    cv2.setNumThreads(1)
    take_short_turns()
