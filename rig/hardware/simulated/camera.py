"""A camera that looks into the simulated world, in virtual time or at the pace of a real clock."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rig.hardware.simulated.boxes import Truth
from rig.hardware.simulated.world import World
from rig.hardware.waiting import slots_for
from rig.model import NS_PER_S, Frame, Silence

STEP_NS = 10_000_000
"""Boards and world are stepped by at most this."""
REMEMBERED_FRAMES = 4096


@dataclass(frozen=True, slots=True)
class Dropped:
    """So many frames from a time on are captured and never delivered: the index shows a gap."""

    at_s: float
    frames: int


@dataclass(frozen=True, slots=True)
class Stalled:
    """The camera captures nothing for a while: silence, and no gap in the index."""

    at_s: float
    length_s: float


@dataclass(frozen=True, slots=True)
class Jitter:
    """Time stamps come late by a random time of this scale, at most 0.45 of a frame interval."""

    scale_ms: float
    at_s: float = 0.0
    length_s: float = float("inf")


Fault = Dropped | Stalled | Jitter


@dataclass(frozen=True, slots=True)
class Pace:
    """Real time: a clock in ns, and a way to wait for some seconds."""

    clock: Callable[[], int]
    wait: Callable[[float], None]


class SimulatedCamera:
    """Frames of a world at `start_ns` + round(k * 1e9 / rate_hz).

    Without a `pace`, time is virtual: each `next` moves it on to the next frame, stepping
    `steppers` (boards, links) and then the world in increments of at most 10 ms, those left out in
    which the world has nothing to do while all are `resting`; `now_ns` is that time. With a pace,
    the first `next` is the start if it comes later than `start_ns`; from then on `next` waits for
    the frame's time, which is the frame's stamp; of the frames that a late consumer finds waiting
    it gets the newest (those of 0.2 s), as from a camera.

    Args:
        world: what it looks at; the first frame is its zero.
        rate_hz: frames per second, if not the rig's.
        start_ns: time of the first frame on the session's clock.
        pace: None for virtual time.
        steppers: called with the time before the world is stepped to it.
        resting: whether a longer increment would be the same to all steppers; None: never.
        faults: what goes wrong when, in seconds from the first frame.
        seed: for the jitter.
    """

    def __init__(
        self,
        world: World,
        rate_hz: float | None = None,
        start_ns: int = 0,
        pace: Pace | None = None,
        steppers: Sequence[Callable[[int], object]] = (),
        resting: Callable[[], bool] | None = None,
        faults: Sequence[Fault] = (),
        seed: int = 0,
    ) -> None:
        self.world = world
        self.rate_hz = world.rate_hz if rate_hz is None else rate_hz
        if not self.rate_hz > 0:
            raise ValueError(f"a camera's rate must be above 0 frames/s, not {self.rate_hz}")
        self.now_ns = start_ns
        self._start_ns = start_ns
        self._pace = pace
        self._slots = slots_for(self.rate_hz)
        self._steppers = tuple(steppers)
        self._resting = resting
        self._faults = tuple(faults)
        self._rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
        self._k = 0
        self._index = 0
        self._truth: OrderedDict[int, dict[str, Truth | None]] = OrderedDict()
        self._closed = False
        self._begun = False

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return self.world.frame_size_px

    def next(self, timeout_s: float) -> Frame | Silence | None:
        """The next frame; a silence if none came within `timeout_s`; None once closed."""
        if self._closed:
            return None
        if self._pace is not None and not self._begun:
            # nobody looked until now: that is no frame dropped
            self._start_ns = self.now_ns = max(self._start_ns, self._pace.clock())
        self._begun = True
        self._skip()
        due_ns = self._time_ns(self._k)
        if self._pace is None:
            limit_ns = self.now_ns + round(timeout_s * NS_PER_S)
            if due_ns > limit_ns:
                self._step_to(limit_ns)
                return Silence(limit_ns)
        else:
            now_ns = self._wait(due_ns, self._pace, timeout_s)
            if now_ns < due_ns:
                self._step_to(now_ns)
                return Silence(now_ns)
            while self._time_ns(self._k + self._slots) <= now_ns:  # too slow: the oldest go
                self._k += 1
                self._index += 1
                before = self._k
                self._skip()
                if self._k != before and self._time_ns(self._k) > now_ns:
                    return Silence(now_ns)
            due_ns = self._time_ns(self._k)
        self._step_to(due_ns)
        frame = Frame(self._index, due_ns + self._late_ns(due_ns), self.world.picture(self._index))
        self._remember(self._index)
        self._k += 1
        self._index += 1
        self.now_ns = max(self.now_ns, frame.t_ns)
        return frame

    def truth_at(self, frame: int, box: str) -> Truth | None:
        """What was true in the picture of a delivered frame; None while no animal was in the box.

        The last 4096 frames are remembered. Raises KeyError for any other.
        """
        return self._truth[frame][box]

    def close(self) -> None:
        """No more frames."""
        self._closed = True

    # --- inside

    def _time_ns(self, k: int) -> int:
        return self._start_ns + round(k * NS_PER_S / self.rate_hz)

    def _skip(self) -> None:
        """Goes past frames that a fault swallows."""
        again = True
        while again:
            again = False
            at_s = (self._time_ns(self._k) - self._start_ns) / NS_PER_S
            for fault in self._faults:
                if isinstance(fault, Stalled) and fault.at_s <= at_s < fault.at_s + fault.length_s:
                    self._k += 1
                    again = True
                    break
                if isinstance(fault, Dropped):
                    first = int(np.ceil(fault.at_s * self.rate_hz - 1e-9))
                    if first <= self._k < first + fault.frames:
                        self._k += 1
                        self._index += 1
                        again = True
                        break

    def _late_ns(self, due_ns: int) -> int:
        at_s = (due_ns - self._start_ns) / NS_PER_S
        for fault in self._faults:
            if isinstance(fault, Jitter) and fault.at_s <= at_s < fault.at_s + fault.length_s:
                late_s = abs(float(self._rng.standard_normal())) * fault.scale_ms / 1e3
                return round(min(late_s, 0.45 / self.rate_hz) * NS_PER_S)
        return 0

    def _wait(self, due_ns: int, pace: Pace, timeout_s: float) -> int:
        now_ns = pace.clock()
        limit_ns = min(due_ns, now_ns + round(timeout_s * NS_PER_S))
        while now_ns < limit_ns:
            pace.wait((limit_ns - now_ns) / NS_PER_S)
            now_ns = pace.clock()
        return now_ns

    def _step_to(self, until_ns: int) -> None:
        now_ns = min(self.now_ns, until_ns)
        while True:
            for stepper in self._steppers:
                stepper(now_ns)
            self.world.step_to(now_ns)
            if now_ns >= until_ns:
                break
            steps = 1
            if self._resting is not None and self._resting():
                steps = max(1, -(-(self.world.due_ns - now_ns) // STEP_NS))
            now_ns = min(now_ns + steps * STEP_NS, until_ns)
        self.now_ns = until_ns

    def _remember(self, index: int) -> None:
        self._truth[index] = {box: self.world.truth(box) for box in self.world.boxes}
        if len(self._truth) > REMEMBERED_FRAMES:
            self._truth.popitem(last=False)
