"""The process that owns one camera and its boards, opens them once, and hosts a session per box.

`python -m rig.station RIG` runs it; `rig.channel.ensure(RIG)` finds or starts it and asks it.
"""

import os

from rig.scheduling import take_short_turns, yield_no_more

LINGER_S = 60.0
"""A station without session and watcher ends after this."""


def serve(source: str, *, seed: int = 0, linger_s: float = LINGER_S) -> int:
    """Own a rig and answer for it until told to quit; gives 0, the exit code of a process.

    Takes the process for itself: how its threads take turns, how many OpenCV uses, its signals.
    `seed` is of the simulated world. Raises RigError or ConfigError.
    """
    take_short_turns()  # a picture's decision does not wait for an encoder, nor for a watcher
    yield_no_more()  # the window that started it does
    # Read when OpenCV is imported: pictures this small are found faster by one thread.
    os.environ["OPENCV_FOR_THREADS_NUM"] = "1"
    from rig.station.serving import own_and_answer

    own_and_answer(source, seed=seed, linger_s=linger_s)
    return 0
