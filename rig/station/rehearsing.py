"""A decision gone through shortly before the next picture is due, and thrown away.

A station sleeps from picture to picture. After some ms code and data of a decision are out of the
processor's caches, and a decision takes three times as long as right after another one. So the
decision on the last picture is gone through once more, and again, until just before the next one
comes; then the part of it that still fits; and that picture is looked for so often that nothing
goes to sleep. Nothing follows from it, and it is left out where it could be in the way: where a
picture is late or the machine has other things to do.
"""

import logging
from collections import deque
from collections.abc import Callable

import psutil

from rig.engine import Camera, Loop
from rig.model import NS_PER_S, Frame, Silence

log = logging.getLogger(__name__)

LEAD_NS = 9_000_000
"""So long before the next picture is due at most: the longer, the warmer."""
LEAD_SHARE = 0.4
"""Of the time between two at most, but as long as a first rehearsal and a second take."""
FIRST_NS, AGAIN_NS, PART_NS = 1_500_000, 1_000_000, 300_000
"""What a first one, the next and its last part are thought to take, until it is known."""
LEARNS = 0.25
"""How much one that was timed counts against those before."""
LONGER = 1.2
"""None is begun that would not be over in time if it took so much longer than usual."""
LATE_NS = 1_000_000
"""So long after its time a picture is looked for all the time; then it is waited for."""
LOOK_S = 0.00002
CLOSE_NS = 300_000
"""So near to its time the processor is not let go between two looks."""
LEAST_NS = 6_000_000
"""Pictures that come sooner after one another find everything as the last one left it."""
MOST_BUSY = 0.5
"""Share of the machine's processors in use, rehearsals with it, above which there are none."""
ASKED_NS = 5 * NS_PER_S
"""How often that share is asked for: it is then the mean over this time."""
OVER = 9
"""The time from picture to picture is the mean over so many, one after the other."""


class Rehearsing:
    """When the next picture is due, and whether there is room for a rehearsal before it.

    `clock` is the frame clock. `busy` gives the share (0 to 1) of the machine's processors that
    were in use since it was last called.
    """

    def __init__(self, clock: Callable[[], int], busy: Callable[[], float] | None = None) -> None:
        self._clock, self._busy = clock, busy or _busy
        self._index = -1  # of the last picture
        # Of the last ones, none between missing: their times, and how much later they were here.
        self._times_ns: deque[tuple[int, int]] = deque(maxlen=OVER)
        self._first_ns, self._again_ns, self._part_ns = map(float, (FIRST_NS, AGAIN_NS, PART_NS))
        self._interval_ns = 0
        self._asked_ns: int | None = None
        self._room = False

    def next(self, camera: Camera, loop: Loop | None, wait_s: float) -> Frame | Silence | None:
        """What the camera gives within `wait_s`, with rehearsals of `loop` before it, or none."""
        due_ns = None if loop is None else self._due_ns()
        early_s = 0.0
        if due_ns is not None:
            early_s = (due_ns - self._lead_ns() - self._clock()) / NS_PER_S
        if loop is None or due_ns is None or not 0 < early_s < wait_s:
            seen = camera.next(wait_s)
        else:
            until_ns = self._clock() + round(wait_s * NS_PER_S)
            seen = camera.next(early_s)
            if isinstance(seen, Silence):
                seen = self._keep_ready(camera, loop, seen, due_ns, until_ns)
            if isinstance(seen, Silence):
                seen = camera.next(max(0, until_ns - self._clock()) / NS_PER_S)
        if isinstance(seen, Frame):
            self._came(seen)
        return seen

    def _keep_ready(
        self, camera: Camera, loop: Loop, seen: Silence, due_ns: int, until_ns: int
    ) -> Frame | Silence | None:
        """Rehearse as often as there is time for, and look for the picture all the time."""
        found: Frame | Silence | None = seen
        times, last_ns = 0, min(due_ns + LATE_NS, until_ns)
        while isinstance(found, Silence) and (now_ns := self._clock()) < last_ns:
            left_ns = due_ns - now_ns
            if left_ns > LONGER * (self._again_ns if times else self._first_ns):
                took_ns = self._rehearse(loop, whole=True)
                if times:
                    self._again_ns += LEARNS * (took_ns - self._again_ns)
                else:
                    self._first_ns += LEARNS * (took_ns - self._first_ns)
                times += 1
            elif times and left_ns > LONGER * self._part_ns:
                took_ns = self._rehearse(loop, whole=False)
                self._part_ns += LEARNS * (took_ns - self._part_ns)
            found = camera.next(0.0 if abs(left_ns) < CLOSE_NS else LOOK_S)
        # One that took too long once would never be timed again: it is tried after a while.
        if times < 1:
            self._first_ns *= 0.9
        if times < 2:
            self._again_ns *= 0.9
            self._part_ns *= 0.9
        return found

    def _lead_ns(self) -> float:
        """How long before a picture is due the first rehearsal begins."""
        needed_ns = LONGER * (self._first_ns + self._again_ns)
        return min(LEAD_NS, max(needed_ns, LEAD_SHARE * self._interval_ns))

    def _came(self, seen: Frame) -> None:
        if seen.index != self._index + 1:
            self._times_ns.clear()
        self._index = seen.index
        self._times_ns.append((seen.t_ns, self._clock() - seen.t_ns))

    def _due_ns(self) -> int | None:
        """When the next picture is here; None: not known, or there is to be no rehearsal.

        A webcam's picture is decoded after it was stamped, which takes some ms.
        """
        times_ns = self._times_ns
        if len(times_ns) < 2:
            return None
        interval_ns = (times_ns[-1][0] - times_ns[0][0]) // (len(times_ns) - 1)
        self._interval_ns = interval_ns
        if interval_ns < LEAST_NS:
            return None
        now_ns = self._clock()
        if self._asked_ns is None or now_ns - self._asked_ns >= ASKED_NS:
            first, self._asked_ns = self._asked_ns is None, now_ns
            busy = self._busy()
            self._room = not first and busy <= MOST_BUSY
        if not self._room:
            return None
        return times_ns[-1][0] + interval_ns + min(late_ns for _, late_ns in times_ns)

    def _rehearse(self, loop: Loop, *, whole: bool) -> int:
        """How long it took, ns."""
        began_ns = self._clock()
        try:
            loop.rehearse(whole)
        except Exception:
            log.exception("a rehearsal failed; the session goes on")
        return self._clock() - began_ns


def _busy() -> float:
    return float(psutil.cpu_percent()) / 100
