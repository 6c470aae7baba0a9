"""One box of a station: its session from the start that was asked for to the end that is kept."""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import Field

from rig.config import Strict, check
from rig.engine import Camera, Ending, Loop, Outcome
from rig.errors import ConfigError, StationError
from rig.hardware.simulated.experimenter import Experimenter
from rig.hardware.simulated.mouse import MouseSettings
from rig.hardware.simulated.world import World
from rig.model import NS_PER_S, Event, Frame, Gray, Request, RequestKind, Silence, Tick
from rig.scheduling import yield_to_others
from rig.session.derive import derive
from rig.session.opened import OpenBox, OpenRig
from rig.session.prepare import Wish, going, look
from rig.session.recording import Operator, consent, start
from rig.setup import Worked
from rig.station.told import going_on, plain, state_of
from rig.storage.room import Going

log = logging.getLogger(__name__)

EVENTS_KEPT = 5000
LAST_EVENTS = 5
HAND_S = 5.0
"""Longest that a hand in a simulated box is waited for."""


class Phase(StrEnum):
    """Where a box of the station is."""

    IDLE = "idle"
    PREPARING = "preparing"  # background, boards, folder: before the first tick
    RUNNING = "running"
    FINISHING = "finishing"  # the end is decided, files are being completed
    ENDED = "ended"  # kept until the next start


class Order(Strict):
    """What `start` is asked with.

    `out` is the folder of the study. `yes`: every prompt is answered at once. `experimenter`:
    on a simulated rig the simulated person arms, places and answers, at a pace drawn by `seed`.
    `ready`: the background is the picture of the empty box that was kept for this session.
    `animal`: how the simulated animal behaves, as in `MouseSettings`; another one is brought.
    """

    wish: Wish
    out: str
    yes: bool = False
    experimenter: bool = True
    ready: bool = False
    animal: dict[str, Any] | None = None
    seed: int = Field(0, ge=0)


class _Animal(Strict):
    animal: MouseSettings


class Tap:
    """The station's camera as one box sees it while it prepares: what the deciding thread gives."""

    def __init__(self, camera: Camera) -> None:
        self.size_px, self.rate_hz = camera.size_px, camera.rate_hz
        self._frames: queue.Queue[Frame | None] = queue.Queue(maxsize=4)
        self._now_ns = 0
        self.closed = False

    def offer(self, seen: Frame | Silence | None) -> None:
        """Take a picture in, or drop it where nobody is ready for it. Never waits."""
        if isinstance(seen, Silence):
            self._now_ns = seen.t_ns
            return
        try:
            self._frames.put_nowait(seen)
        except queue.Full:
            log.debug("a picture was not needed for preparing")

    def next(self, timeout_s: float) -> Frame | Silence | None:
        """The next picture; Silence when none came in time; None when preparing was given up."""
        try:
            seen = None if self.closed else self._frames.get(timeout=timeout_s)
        except queue.Empty:
            return Silence(self._now_ns)
        return seen

    def close(self) -> None:
        """Give up: `next` gives None from now on."""
        self.closed = True
        self.offer(None)


class Hosted:
    """One box and the session in it, if there is one.

    `turn`, `write` and `fail` are the deciding thread's; `begin` and `ask` may be called from any
    other. `changed` is notified after every tick. `opening` is held while boards are opened.
    `deriving` writes a session's summary and gives it.
    """

    def __init__(
        self,
        opened: OpenRig,
        box: OpenBox,
        clock: Callable[[], int],
        changed: threading.Condition,
        opening: threading.Lock,
        deriving: Callable[[Path], Mapping[str, Any]] = derive,
    ) -> None:
        self.name = box.loaded.box.name
        self.box = box
        self.phase = Phase.IDLE
        self.frame: Frame | None = None
        self.tick: Tick | None = None
        self.loop: Loop | None = None
        self.folder: Path | None = None
        self.ending: Ending | None = None
        self.summary: dict[str, Any] | None = None
        self.error = ""
        self.ready: Gray | None = None  # the empty box as it was shown to be, for the next session
        self.events: deque[dict[str, Any]] = deque(maxlen=EVENTS_KEPT)
        self.told = 0
        self._opened, self._clock = opened, clock
        self._changed, self._opening, self._derive = changed, opening, deriving
        self._lock, self._telling = threading.Lock(), threading.Lock()
        self._requests: deque[Request] = deque()
        self._fresh: list[Event] = []
        self._operator: Operator | None = None
        self._tap: Tap | None = None
        self._begun: Going | None = None  # what a session that is being prepared will write
        self._finishing: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether a session is being prepared, runs, or is being completed."""
        return self.phase in (Phase.PREPARING, Phase.RUNNING, Phase.FINISHING)

    # --- asked from the channel

    def begin(self, order: Order, worked: Worked | None = None) -> Path:
        """The folder of the session that now runs; returns when its first tick can come.

        `worked`: what came of working the box before it.

        Raises StationError when one is in the way, ConfigError and other RigErrors for what
        cannot be carried out; then nothing runs and nothing is left behind.
        """
        with self._lock:
            if self.busy:
                raise StationError(f"box {self.name}: {self._occupied()}")
            if order.ready and self.ready is None:
                message = "no picture of the empty box is kept; say that it is ready once more"
                raise StationError(f"box {self.name}: {message}")
            box = replace(self.box, empty=self.ready) if order.ready else self.box
            self.ready = None  # one picture, one session
            self.phase = Phase.PREPARING
            self.loop, self.folder, self.ending, self.error = None, None, None, ""
            self.summary, self.tick, self.told = None, None, 0
            self.events.clear()
            self._requests.clear()
            self._fresh = []
            self._tap = Tap(self._opened.camera)
            loaded, out = self._opened.loaded, Path(order.out)
            self._begun = going(order.wish, loaded, box.loaded, out)
        try:
            self._operator = self._who_answers(order)
            # A live background may take its minute; boards are opened one box after the other.
            seen = look(self._opened.loaded, box, self._tap)
            with self._opening:
                self.folder, self.loop = start(
                    order.wish, self._opened, box, seen, out, [self._hear], worked
                )
        except BaseException as error:
            given_up = self._tap.closed
            with self._lock:
                self.phase, self.error, self._tap = Phase.IDLE, str(error), None
            if given_up:
                raise StationError(f"box {self.name}: aborted while it was prepared") from None
            raise
        self._freeze("freeze")
        with self._lock:
            self._tap, self.phase = None, Phase.RUNNING
        log.info("box %s: session in %s", self.name, self.folder)
        return self.folder

    def ask(self, request: Request) -> None:
        """Hand a request to the session, for its next tick. Raises StationError without one."""
        tap = self._tap
        if self.phase is Phase.PREPARING and tap is not None:
            if request.kind is not RequestKind.ABORT:
                raise StationError(f"box {self.name}: the session is still being prepared")
            # If it is too late to stop the preparing, the session's first tick aborts it.
            self._requests.append(request)
            tap.close()
        elif self.phase is Phase.RUNNING:
            self._requests.append(request)
        else:
            raise StationError(f"box {self.name}: no session runs ({self.phase})")

    def _occupied(self) -> str:
        loop = self.loop
        if loop is None:
            return "a session is being prepared"
        setup = loop.setup
        return (
            f"the session {setup.phase} of {setup.subject} is {self.phase}; end or abort it first"
        )

    def _who_answers(self, order: Order) -> Operator | None:
        world = self._opened.world
        if world is None:
            if order.animal is not None:
                raise ConfigError("animal", "", "only a simulated rig has a simulated animal")
        else:
            self._empty(world)
            if order.animal is not None:
                world.set_animal(self.name, self._animal(order.animal))
        if order.yes:
            return consent(order.wish.operator)
        if world is None or not order.experimenter:
            return None
        # A fresh person: nothing that an aborted session left half done is finished in this one.
        person = Experimenter(world, self.name, order.seed)

        def answer(now_ns: int, events: Sequence[Event]) -> Sequence[Request]:
            person.hear(events)
            return person.requests(now_ns)

        return answer

    def _empty(self, world: World) -> None:
        """Have the simulated box as a session finds it: no animal from the last one, no hand."""
        with self._changed:
            self._changed.wait_for(lambda: not world.hand_in(self.name), HAND_S)
            world.remove(self.name)
            self._changed.wait_for(lambda: not world.animal_in(self.name), HAND_S)

    def _animal(self, table: dict[str, Any]) -> MouseSettings:
        settings = check({"animal": table}, _Animal, "start").animal
        chambers = self.box.loaded.apparatus.chamber_names
        if settings.preferred and settings.preferred not in chambers:
            have = ", ".join(chambers)
            message = f"{settings.preferred!r}: the box has the chambers {have}"
            raise ConfigError("start", "animal.preferred", message)
        return settings

    # --- the deciding thread

    def turn(self, seen: Frame | Silence | None) -> None:
        """Take the camera's picture (whole), silence, or end (None). Never raises, never waits."""
        tap = self._tap
        if tap is not None:
            tap.offer(seen)
        if isinstance(seen, Frame):
            seen = self.box.crop(seen)
            self.frame = seen
        loop = self.loop
        if self.phase is not Phase.RUNNING or loop is None:
            return
        try:
            self._turn(loop, seen)
        except Exception as error:
            log.exception("box %s: the session fails", self.name)
            self.fail(f"{type(error).__name__}: {error}")
            return
        if loop.ending is not None:
            self._finish("")

    def write(self) -> None:
        """Have what the turns left written; asked when every box has had its turn."""
        if self.loop is not None:
            self.loop.sink.wake()

    def show(self, frame: Frame) -> None:
        """Take a picture in for whoever watches; it is no session's."""
        self.frame = self.box.crop(frame)

    def _turn(self, loop: Loop, seen: Frame | Silence | None) -> None:
        t_ns = self._clock() if seen is None else seen.t_ns
        requests = [self._requests.popleft() for _ in range(len(self._requests))]
        if self._operator is not None:
            fresh, self._fresh = self._fresh, []
            requests += self._operator(t_ns, fresh)
        if seen is None:
            requests.insert(0, Request(RequestKind.INPUT_ENDED, who="program"))
        if isinstance(seen, Frame) and loop.sink.wait_room(0.0):
            loop.turn(seen, requests)
        else:
            # Its writer is full: this box takes no picture, and the others do not wait for it.
            loop.turn(Silence(t_ns), requests)

    def fail(self, why: str) -> None:
        """End the running session as failed, if there is one."""
        if self.phase is Phase.RUNNING:
            self._finish(why)

    def _hear(self, tick: Tick, outcome: Outcome) -> None:
        self.tick = tick
        if outcome.events:
            zero_ns = outcome.state.zero_ns or 0
            for event in outcome.events:
                t_s = (event.t_ns - zero_ns) / NS_PER_S
                told = {"n": self.told, "t_s": t_s, "kind": event.kind, "data": dict(event.data)}
                with self._telling:
                    self.events.append(told)
                    self.told += 1
            if self._operator is not None:
                self._fresh.extend(outcome.events)

    # --- the end

    def _finish(self, failure: str) -> None:
        # Completing the files takes its time; the other boxes' pictures do not wait for it.
        self.phase = Phase.FINISHING
        self._finishing = threading.Thread(
            target=self._complete, args=(failure,), name=f"finish {self.name}"
        )
        self._finishing.start()

    def _complete(self, failure: str) -> None:
        loop, folder = self.loop, self.folder
        assert loop is not None
        assert folder is not None
        yield_to_others()  # begun by the deciding thread, it would push others aside as that does
        try:
            self.ending = loop.finish(self._clock(), failure)
            self.summary = plain(self._derive(folder))
        except Exception as error:
            log.exception("box %s: the session's files were not completed", self.name)
            self.error = f"{type(error).__name__}: {error}"
        finally:
            self._let_go(loop.doors)
            self._freeze("thaw")
            with self._lock:
                self.phase = Phase.ENDED
            with self._changed:
                self._changed.notify_all()
            log.info("box %s: %s", self.name, self.ending)

    def wait(self, timeout_s: float) -> None:
        """Wait for the files of a session that has ended."""
        if self._finishing is not None:
            self._finishing.join(timeout_s)

    @staticmethod
    def _let_go(doors: object) -> None:
        close = getattr(doors, "close", None)
        if close is not None:
            close()

    def _freeze(self, what: str) -> None:
        change = getattr(self._opened.camera, what, None)
        if change is not None:
            change()

    # --- what is known

    def status(self) -> dict[str, Any]:
        """The box as plain JSON, for a screen or a script."""
        out: dict[str, Any] = {"box": self.name, "state": str(self.phase)}
        if self.error:
            out["error"] = self.error
        loop, ending, begun = self.loop, self.ending, self._begun
        if self.phase is Phase.PREPARING and begun is not None:
            out["writes"] = begun.to_json()
        if loop is None:
            return out
        setup = loop.setup
        if self.phase is Phase.RUNNING and self.folder is not None:
            out["writes"] = going_on(loop.state, setup, self.folder).to_json()
        out |= {
            "folder": str(self.folder),
            "subject": setup.subject,
            "phase": setup.phase,
            "attempt": setup.attempt,
            "uid": setup.uid,
            "contrast": setup.contrast,
            **state_of(loop.state, setup),
            "latency": loop.latency.figures(),
            "events": self.told,
            "last_events": self.events_since(self.told - LAST_EVENTS),
        }
        if ending is not None:
            out["ending"] = {"status": str(ending.status), "reason": ending.reason}
        return out

    def ended(self) -> dict[str, Any] | None:
        """Status, reason and summary of the session that has ended and is complete, else None."""
        if self.phase is not Phase.ENDED:
            return None
        ending = self.ending
        if ending is None:
            return {"status": "failed", "reason": self.error, "summary": self.summary}
        return {
            "status": str(ending.status),
            "reason": ending.reason,
            "summary": self.summary,
        }

    def events_since(self, n: int) -> list[dict[str, Any]]:
        """Events from number `n` on, as far as they are still kept."""
        with self._telling:
            return [event for event in self.events if event["n"] >= n]
