"""The part that acts: pictures in, ticks made, decisions written, then commanded, then told.

Nothing in here decides. `Camera`, `Doors` and `Sink` are what it needs of the world; hardware
and storage satisfy them by shape.
"""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rig.engine.advance import Outcome, advance
from rig.engine.state import End, Ending, State, begin
from rig.model import (
    Command,
    CommandKind,
    Detection,
    DoorReport,
    Event,
    Frame,
    Gray,
    ReportKind,
    Request,
    RequestKind,
    Sample,
    Silence,
    Tick,
)
from rig.setup import Setup
from rig.tracking import Prepared, Prior, choose, find, next_prior
from rig.tracking.registration import righted
from rig.tracking.standing import How, Stand

log = logging.getLogger(__name__)


class Camera(Protocol):
    """Where pictures come from.

    Leaves room for cameras with a clock of their own: they set `Frame.t_ns` from it, mapped to
    `monotonic_ns` once at the start.
    """

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of its picture."""

    @property
    def rate_hz(self) -> float:
        """Nominal pictures a second."""

    def next(self, timeout_s: float) -> Frame | Silence | None:
        """The next picture; Silence when none came in time; None at the end of a file."""

    def close(self) -> None:
        """Let the device go."""


class Doors(Protocol):
    """The doors, beams and outputs of one box, by the apparatus's names."""

    def send(self, commands: Sequence[Command], now_ns: int) -> None:
        """Hand commands over; never blocks, never raises for a line that is down."""

    def rehearse(self) -> None:
        """Go through `send` and let nothing come of it."""

    def reports(self) -> Sequence[DoorReport]:
        """What was reported since the last call, in order."""

    def timings(self) -> Sequence[tuple[int, int, int]]:
        """When each command was asked for (its picture's time), written to the port, acknowledged.

        Since the last call, in ns.
        """

    def alive(self, now_ns: int) -> None:
        """The session's loop is alive: the board's watchdog may be fed."""


class Sink(Protocol):
    """Where ticks and what followed from them are written, in order."""

    @property
    def error(self) -> Exception | None:
        """What stopped the writing, if anything."""

    def wait_room(self, timeout_s: float) -> bool:
        """Whether a further picture can be taken, waiting for it so long; True after an error."""

    def append(
        self,
        tick: Tick,
        image: Gray | None,
        samples: Sequence[Sample],
        events: Sequence[Event],
    ) -> None:
        """Queue one tick's rows and picture; they are written after `wake`, if not before."""

    def wake(self) -> None:
        """Nothing is to be decided until the next picture: now is the time to write."""

    def close(self) -> None:
        """Write and fsync all that waits; the folder is complete."""


class NoDoors:
    """The doors of a box that no board moves: nothing to command, nothing to hear."""

    def send(self, commands: Sequence[Command], now_ns: int) -> None:
        """Ignore what makes safe; there is nothing else to send."""

    def rehearse(self) -> None:
        """Nothing to send."""

    def reports(self) -> Sequence[DoorReport]:
        """Nothing."""
        return ()

    def timings(self) -> Sequence[tuple[int, int, int]]:
        """Nothing."""
        return ()

    def alive(self, now_ns: int) -> None:
        """Nothing to feed."""


class Watch(Protocol):
    """Who looks now and then whether the camera still stands where it stood."""

    def news(self) -> Stand | None:
        """How it stands otherwise than was told before; None: as it was told. Never waits."""

    def see(self, frame: Frame) -> None:
        """A picture as it was taken, after it was decided on. Never waits in real time."""

    def close(self) -> None:
        """Nothing more comes."""


Listener = Callable[[Tick, Outcome], None]


@dataclass(slots=True)
class Latency:
    """A histogram of delays in steps of 10 us up to 1 s."""

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(100_001, np.int64))
    n: int = 0
    max_ns: int = 0

    def add(self, ns: int) -> None:
        """Count one."""
        self.counts[min(max(ns, 0) // 10_000, 100_000)] += 1
        self.n += 1
        self.max_ns = max(self.max_ns, ns)

    def figures(self, of: str = "") -> dict[str, float]:
        """p50, p95, p99 and worst in milliseconds; empty when nothing was counted.

        Named latency_p50_ms and so on, or latency_OF_p50_ms.
        """
        if not self.n:
            return {}
        out = {}
        # Watchers ask while it runs: adding up step by step took ms, the longer the later it was.
        so_far = np.cumsum(self.counts[: min(max(self.max_ns, 0) // 10_000, 100_000) + 1])
        for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99")):
            # a whole number: for another one all that was added up is turned into floats first
            step = int(np.searchsorted(so_far, math.ceil(share * self.n)))
            out[f"latency_{of}{'_' if of else ''}{name}_ms"] = (step + 1) / 100
        out[f"latency_{of}{'_' if of else ''}max_ms"] = round(self.max_ns / 1e6, 2)
        return out


@dataclass(slots=True)
class Latencies:
    """From the time at which a frame was delivered, in a session in real time.

    `handed`: each frame, to its commands handed over, if it had any, and rows queued. `decided`:
    each frame, to its decision. `written` and `acknowledged`: each command, to its bytes in the
    port, and to the board's answer.
    """

    handed: Latency = field(default_factory=Latency)
    decided: Latency = field(default_factory=Latency)
    written: Latency = field(default_factory=Latency)
    acknowledged: Latency = field(default_factory=Latency)

    def add_commands(self, timings: Sequence[tuple[int, int, int]]) -> None:
        """Count commands: asked for, written, acknowledged."""
        for asked_ns, written_ns, acknowledged_ns in timings:
            self.written.add(written_ns - asked_ns)
            self.acknowledged.add(acknowledged_ns - asked_ns)

    def figures(self) -> dict[str, float]:
        """All that was counted, by name, in milliseconds."""
        told = self.handed.figures() | self.decided.figures("decided")
        return told | self.written.figures("written") | self.acknowledged.figures("acknowledged")


class Loop:
    """One box's session while it runs: give it each picture or silence of its camera.

    `clock` is the frame clock (`monotonic_ns`, or the virtual one) for latency; None: not
    measured. A listener that fails is logged and changes nothing. Where the `watch` says that the
    camera was bumped, pictures are put right before anything is looked for in them; where it shows
    another scene nothing is looked for.
    """

    def __init__(
        self,
        setup: Setup,
        prepared: Prepared,
        doors: Doors,
        sink: Sink,
        clock: Callable[[], int] | None = None,
        state: State | None = None,
        next_k: int = 0,
        listeners: Sequence[Listener] = (),
        watch: Watch | None = None,
    ) -> None:
        self.setup, self.prepared, self.doors, self.sink = setup, prepared, doors, sink
        self.state = begin(setup) if state is None else state
        self.latency = Latencies()
        self._k, self._clock = next_k, clock
        self._prior: Prior | None = None
        self._listeners = tuple(listeners)
        self._watch = watch
        self._failed = False
        self._last: Frame | None = None
        self._rehearsed: Detection | None = None
        self._thinned = b""  # of the last picture
        self._duplicates = 0

    @property
    def ending(self) -> Ending | None:
        """The end that was decided, if any; then call `finish`."""
        return self.state.ending

    def turn(self, seen: Frame | Silence, requests: Sequence[Request] = ()) -> Outcome:
        """One tick. A frame's image is this box's crop."""
        if isinstance(seen, Silence):
            return self._tick(seen.t_ns, None, None, requests)
        stand = None if self._watch is None else self._watch.news()
        camera, away = self.state.camera, self.state.away
        if stand is not None:
            told = stand.told(self.setup.apparatus.px_per_cm_mean)
            requests = (Request(RequestKind.CAMERA, who="program", data=told), *requests)
            camera, away = stand.matrix, stand.how is How.AWAY
        detection = None
        if not away:
            found = find(righted(seen.image, camera), self.prepared)
            detection = choose(found, self._prior, seen.t_ns)
            self._prior = next_prior(self._prior, detection, seen.t_ns)
        outcome = self._tick(seen.t_ns, seen, detection, requests)
        if self._clock is not None:
            self.latency.handed.add(self._clock() - seen.t_ns)
            self.latency.add_commands(self.doors.timings())
        self._count_duplicate(seen)
        if self._watch is not None:
            self._watch.see(seen)
        return outcome

    def rehearse(self, whole: bool = True) -> None:
        """Go through the decision on the last picture once more, and let nothing follow from it.

        What the next decision needs is then in the processor's caches. The session does not notice.
        Not `whole`: only what follows once the animal is found, with what was last found.
        """
        last, t_ns = self._last, self.state.last_tick_ns
        if last is None or t_ns is None or self.state.stopped:
            return
        if whole:
            self._rehearsed = None
            if not self.state.away:
                found = find(righted(last.image, self.state.camera), self.prepared)
                self._rehearsed = choose(found, self._prior, t_ns)
        tick = Tick(self._k, t_ns, last.index, self._rehearsed, (), ())
        advance(self.setup, self.state, tick)
        self.doors.rehearse()

    def _count_duplicate(self, seen: Frame) -> None:
        # A camera's noise makes no two pictures equal; a driver that repeats one does.
        last, self._last = self._last, seen
        before, self._thinned = self._thinned, seen.image[::16, ::16].tobytes()
        if last is not None and before == self._thinned:
            self._duplicates += bool((last.image == seen.image).all())

    def _tick(
        self, t_ns: int, frame: Frame | None, detection: Any, requests: Sequence[Request]
    ) -> Outcome:
        reports = tuple(self.doors.reports())
        error = self.sink.error
        if error is not None and not self._failed:
            self._failed = True
            reports += (DoorReport(t_ns, ReportKind.STORAGE, "", "error", cause=str(error)),)
        # A report may carry a time read after the picture's: the tick's time never runs back.
        if self.state.last_tick_ns is not None:
            t_ns = max(t_ns, self.state.last_tick_ns)
        index = None if frame is None else frame.index
        tick = Tick(self._k, t_ns, index, detection, reports, tuple(requests))
        self._k += 1
        outcome = advance(self.setup, self.state, tick)
        self.state = outcome.state
        if self._clock is not None and frame is not None:
            self.latency.decided.add(self._clock() - frame.t_ns)
        image = None if frame is None else frame.image
        self.sink.append(tick, image, outcome.samples, outcome.events)
        commands = outcome.commands
        if self._failed:
            commands = tuple(c for c in commands if c.kind in _SAFE)
        if commands:
            self.doors.send(commands, t_ns)
        self.doors.alive(t_ns)
        for listener in self._listeners:
            try:
                listener(tick, outcome)
            except Exception:
                log.exception("a listener failed; the session goes on")
        return outcome

    def finish(self, t_ns: int, failure: str = "", figures: dict[str, Any] | None = None) -> Ending:
        """Make safe, write the stop record, close the sink. Each part guarded; returns the end.

        `failure`: why the session fails, where no end was decided yet.
        """
        if self.state.ending is None:
            self._guarded(self._tick, t_ns, None, None, (_program(RequestKind.FAILED, failure),))
        outputs = self.setup.outputs
        if outputs:
            self._guarded(self.doors.send, (Command(CommandKind.OFF, outputs),), t_ns)
        if self._clock is not None:
            self._guarded(lambda: self.latency.add_commands(self.doors.timings()))
        closing = Request(
            RequestKind.CLOSING,
            who="program",
            data={
                "frames_duplicate": self._duplicates,
                **self.latency.figures(),
                **(figures or {}),
            },
        )
        self._guarded(self._tick, t_ns, None, None, (closing,))
        if self._watch is not None:
            self._guarded(self._watch.close)
        self._guarded(self.sink.close)
        ending = self.state.ending
        assert ending is not None
        if self.sink.error is not None:  # then the stop record may not be on the disk either
            return Ending(End.FAILED, f"the recording cannot be written: {self.sink.error}")
        return ending

    @staticmethod
    def _guarded(action: Callable[..., object], *args: object) -> None:
        try:
            action(*args)
        except Exception:
            log.exception("a part of the clean-up failed; the rest goes on")


LUMP = 8
"""In virtual time so many pictures are written in one go: to change turns takes as long as one."""
_SAFE = (CommandKind.OPEN, CommandKind.STOP, CommandKind.OFF)


def _program(kind: RequestKind, text: str = "") -> Request:
    return Request(kind, who="program", text=text)


Asks = Callable[[int], Sequence[Request]]


def run(
    loop: Loop,
    camera: Camera,
    asks: Asks = lambda now_ns: (),
    *,
    crop: Callable[[Frame], Frame] = lambda frame: frame,
    stall_s: float = 0.2,
    clock: Callable[[], int] | None = None,
) -> Ending:
    """Run one box under one camera to its end.

    `asks` is called once a tick and gives the requests made since. While the writer is full no
    picture is taken: with a `clock` (real time) ticks without one go on, without one (virtual
    time) time itself waits. The clean-up runs whatever happened; an exception fails the
    session, is recorded, and is raised again.
    """
    t_ns = turns = 0
    try:
        while loop.ending is None:
            if not loop.sink.wait_room(stall_s):
                if clock is not None:
                    t_ns = clock()
                    loop.turn(Silence(t_ns), asks(t_ns))
                    loop.sink.wake()
                continue
            seen = camera.next(stall_s)
            if seen is None:
                loop.turn(Silence(t_ns), (_program(RequestKind.INPUT_ENDED), *asks(t_ns)))
                continue
            t_ns = seen.t_ns
            loop.turn(crop(seen) if isinstance(seen, Frame) else seen, asks(t_ns))
            turns += 1
            if clock is not None or not turns % LUMP:
                loop.sink.wake()
    except KeyboardInterrupt:
        abort = Request(RequestKind.ABORT, who="program", text="stopped by Ctrl-C")
        loop.turn(Silence(t_ns), (abort,))
        loop.finish(t_ns)
        raise
    except BaseException as error:
        loop.finish(t_ns, f"{type(error).__name__}: {error}")
        raise
    return loop.finish(t_ns)
