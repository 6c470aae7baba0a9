"""A decision gone through shortly before the next picture is due, and thrown away.

A station sleeps from picture to picture. After 33 ms code and data of a decision are out of the
processor's caches, and finding the animal takes three times as long as it does right after another
picture. So the decision on the last picture is gone through once more just before the next one
comes. Nothing follows from it, and it is left out where it could be in the way: where a picture is
late or the machine has other things to do.
"""

import logging
from collections.abc import Callable

import psutil

from rig.engine import Camera, Loop
from rig.model import NS_PER_S, Frame, Silence

log = logging.getLogger(__name__)

LEAD_NS = 2_000_000
"""So long before the next picture is due; a rehearsal takes up to 1 ms of it."""
LEAST_NS = 6_000_000
"""Pictures that come sooner after one another find everything as the last one left it."""
MOST_BUSY = 0.35
"""Share of the machine's processors in use, rehearsals with it, above which there are none."""
ASKED_NS = 5 * NS_PER_S
"""How often that share is asked for: it is then the mean over this time."""


class Rehearsing:
    """When the next picture is due, and whether there is room for a rehearsal before it.

    `clock` is the frame clock. `busy` gives the share (0 to 1) of the machine's processors that
    were in use since it was last called.
    """

    def __init__(self, clock: Callable[[], int], busy: Callable[[], float] | None = None) -> None:
        self._clock, self._busy = clock, busy or _busy
        self._last: tuple[int, int] | None = None  # the last picture's index; when it came
        self._interval_ns = 0
        self._asked_ns: int | None = None
        self._room = False

    def next(self, camera: Camera, loop: Loop | None, wait_s: float) -> Frame | Silence | None:
        """What the camera gives within `wait_s`, with a rehearsal of `loop` before it, or none."""
        early_s = 0.0 if loop is None else self._early_ns() / NS_PER_S
        if loop is not None and 0 < early_s < wait_s:
            seen = camera.next(early_s)
            if isinstance(seen, Silence):
                self._rehearse(loop)
                seen = camera.next(wait_s - early_s)
        else:
            seen = camera.next(wait_s)
        if isinstance(seen, Frame):
            self._came(seen.index)
        return seen

    def _came(self, index: int) -> None:
        now_ns = self._clock()
        if self._last is not None and index == self._last[0] + 1:
            self._interval_ns = now_ns - self._last[1]
        self._last = (index, now_ns)

    def _early_ns(self) -> int:
        """For how long to wait before a rehearsal; 0 or less: there is none."""
        if self._last is None or self._interval_ns < LEAST_NS:
            return 0
        now_ns = self._clock()
        if self._asked_ns is None or now_ns - self._asked_ns >= ASKED_NS:
            first, self._asked_ns = self._asked_ns is None, now_ns
            busy = self._busy()
            self._room = not first and busy <= MOST_BUSY
        return self._last[1] + self._interval_ns - LEAD_NS - now_ns if self._room else 0

    def _rehearse(self, loop: Loop) -> None:
        try:
            loop.rehearse()
        except Exception:
            log.exception("a rehearsal failed; the session goes on")


def _busy() -> float:
    return float(psutil.cpu_percent()) / 100
