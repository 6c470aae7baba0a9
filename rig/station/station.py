"""The station: one camera's pictures to every box in turn."""

import logging
import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rig.channel import ChannelServer
from rig.engine import Loop
from rig.errors import StationError
from rig.model import Frame, Request, RequestKind
from rig.scheduling import decide_at_once
from rig.session.derive import derive
from rig.session.deriving import Deriving
from rig.session.load import LoadedRig
from rig.session.opened import is_video_file, open_rig
from rig.session.recording import silence_s
from rig.station.awake import Awake
from rig.station.hosted import Hosted, Phase
from rig.station.rehearsing import Rehearsing
from rig.station.seen import Seen
from rig.station.trial import Trial
from rig.station.working import Working

log = logging.getLogger(__name__)

FILE_WAITS_S = 0.02
"""How soon a file begins to play once a session runs."""
LEAVE_S = 30.0
"""How long a station that was told to end waits for its sessions to be completed."""
TRIED_S = 0.1
"""How often boards that are tried by hand are looked after."""
READY_S = 120.0
"""So long after somebody asked whether all is ready the system is kept awake for a session."""


class Station:
    """Owns the camera and boards of a rig while it lives; opens them when it is made.

    `run` takes the calling thread as the deciding one; the channel's threads ask `Answers`, which
    uses what has a name without underscore here. Raises RigError or ConfigError where the rig
    cannot be opened.

    `changed` is told after each picture, `wake` has a file looked after at once; `showing`: a file
    is played for whoever looks.
    """

    def __init__(self, loaded: LoadedRig, *, seed: int = 0) -> None:
        self.loaded = loaded
        self.opened = open_rig(loaded, speed="1", seed=seed)
        clock = self.opened.clock
        assert clock is not None, "a station runs in real time"
        self.changed = threading.Condition()
        self.wake = threading.Event()
        opening = threading.Lock()
        self._deriving = Deriving()
        self.boxes = {
            name: Hosted(self.opened, box, clock, self.changed, opening, self._derive)
            for name, box in self.opened.boxes.items()
        }
        # One that is repeated has no end, so no beginning either: it runs on, as a webcam does.
        self.is_file = is_video_file(loaded.rig.camera.source) and not loaded.rig.camera.repeat
        self._played = False
        self.showing = False
        self._shown = False  # it was, since it was last rewound
        self.seen = Seen()
        self.awake = Awake()
        self._asked_s = -math.inf  # when somebody last asked whether all is ready
        self.quitting = ""
        self.trial = Trial(self.opened, clock)
        self._rehearsing = Rehearsing(clock)
        self.working = Working(self.opened, self.boxes, clock)
        self.clock = clock
        self.begun: list[str] = []
        """The boxes in which a session is being begun."""
        self._deciding = threading.Lock()  # between a session that starts and a try

    # --- deciding

    def run(self, server: ChannelServer, linger_s: float = 60.0) -> None:
        """Decide until told to quit, or until no session and no watcher was there for so long."""
        if len(self.boxes) > 1:
            self._deriving.prepare()
        decide_at_once()
        stall_s = silence_s(self.opened)
        busy_s = time.monotonic()
        try:
            while True:
                busy = any(hosted.busy for hosted in self.boxes.values())
                self.awake.want(busy or time.monotonic() - self._asked_s < READY_S)
                if busy:
                    busy_s = time.monotonic()
                    if self.quitting:
                        self._abort(self.quitting)
                elif self.quitting or self._unwanted(server, busy_s, linger_s):
                    return
                self._step(stall_s)
        except BaseException as error:
            for hosted in self.boxes.values():
                hosted.fail(f"the station failed: {type(error).__name__}: {error}")
            raise
        finally:
            self.trial.end()
            for hosted in self.boxes.values():
                hosted.wait(LEAVE_S)

    @staticmethod
    def _unwanted(server: ChannelServer, busy_s: float, linger_s: float) -> bool:
        idle_s = min(server.unwatched_s, time.monotonic() - busy_s)
        if idle_s < linger_s:
            return False
        log.info("no session and no watcher for %g s: the station ends", linger_s)
        return True

    def _step(self, stall_s: float) -> None:
        self.trial.step(self.clock())
        self.working.step(self.clock())
        running = self._goes_on()
        if self.is_file and not self._plays(running):
            self.wake.wait(FILE_WAITS_S)
            self.wake.clear()
            return
        # Doors that are tried want to hear that somebody is here, though the camera be slow.
        wait_s = min(stall_s, TRIED_S) if self.trial.active or self.working.active else stall_s
        seen = self._rehearsing.next(self.opened.camera, self._foremost(), wait_s)
        if isinstance(seen, Frame):
            self.seen.take(seen)
        elif seen is None and not self.is_file:
            raise StationError(f"camera {self.loaded.rig.camera.source!r} has ended")
        if isinstance(seen, Frame) or wait_s == stall_s:
            self.seen.silent = not isinstance(seen, Frame)
        for hosted in self.boxes.values():
            if not self._shown:
                hosted.turn(seen)
            elif isinstance(seen, Frame):
                hosted.show(seen)
        for hosted in self.boxes.values():
            hosted.write()
        if self._shown and seen is None:
            self._rewind()
        with self.changed:
            self.changed.notify_all()

    def _goes_on(self) -> bool:
        return any(h.phase is Phase.RUNNING for h in self.boxes.values())

    def _derive(self, folder: Path) -> Mapping[str, Any]:
        return self._deriving.derive(folder) if self._goes_on() else derive(folder)

    def _foremost(self) -> Loop | None:
        """The running session whose turn comes first: what warms its decision warms the others'."""
        running = (h.loop for h in self.boxes.values() if h.phase is Phase.RUNNING)
        return next(running, None)

    def _plays(self, running: bool) -> bool:
        """Whether the file gives its next picture now; it begins anew where it has to.

        It plays from its beginning when the first session starts. Before that it waits, or is
        played over and over for whoever looks.
        """
        if self._shown and (running or not self.showing):
            self._rewind()
        if not running and not self.showing:
            if self._played:
                self._rewind()
            return False
        self._played = True
        self._shown = not running
        return True

    def _rewind(self) -> None:
        self.opened.camera.close()
        self.opened.camera = open_rig(self.loaded, speed="1").camera
        self._played = self._shown = False

    def leave(self, why: str) -> None:
        """End soon: sessions that run are aborted first. May be called from a signal's handler."""
        self.quitting = why

    def _abort(self, why: str) -> None:
        abort = Request(RequestKind.ABORT, who="program", text=why)
        for hosted in self.boxes.values():
            if hosted.phase in (Phase.PREPARING, Phase.RUNNING):
                # Between the two it is neither; it is asked again before the next picture.
                with suppress(StationError):
                    hosted.ask(abort)

    # --- what stands against a session, and what a session stands against

    @contextmanager
    def starting(self, box: str) -> Iterator[None]:
        """A session is begun in this box while it lasts: no board is tried by hand any more."""
        with self._deciding:
            self.begun.append(box)
            self.trial.end()
        try:
            yield
        finally:
            with self._deciding:
                self.begun.remove(box)

    @contextmanager
    def unstarted(self) -> Iterator[None]:
        """No session begins while this lasts."""
        with self._deciding:
            yield

    def refuse_busy(self, what: str) -> None:
        """Raise StationError saying that `what`, where a session runs or begins."""
        busy = self.busy
        if busy or self.begun:
            raise StationError(f"{what} while a session runs ({', '.join(busy) or 'it starts'})")

    @property
    def idle(self) -> bool:
        """Whether no session runs or begins."""
        return not (self.busy or self.begun)

    @property
    def busy(self) -> list[str]:
        """The boxes in which a session runs."""
        return [name for name, hosted in self.boxes.items() if hosted.busy]

    def look_forward(self) -> None:
        """Somebody asked whether all is ready: the system stays awake for the session."""
        self._asked_s = time.monotonic()
        self.awake.want(True)  # now: what comes of it is told in the same answer

    def close(self) -> None:
        """Let camera and boards go."""
        self.awake.close()
        self._deriving.close()
        self.opened.close()
