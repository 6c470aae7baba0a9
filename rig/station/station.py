"""The station: one camera's pictures to every box in turn, and the answers to whoever asks."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import rig
from rig.channel import ChannelServer, Message
from rig.config import check
from rig.engine import Loop
from rig.errors import ConfigError, StationError
from rig.hardware.wiring import wiring
from rig.model import NS_PER_S, Frame, Gray, Request, RequestKind
from rig.scheduling import decide_at_once
from rig.session import preflight
from rig.session.load import LoadedRig
from rig.session.opened import is_video_file, open_rig
from rig.session.recording import silence_s
from rig.setup import Worked
from rig.station.awake import Awake
from rig.station.drawn import as_drawn
from rig.station.emptied import emptied, file_median, keep
from rig.station.hosted import Hosted, Order, Phase
from rig.station.rehearsing import Rehearsing
from rig.station.trial import Trial, Try
from rig.station.views import Changes, look, preview
from rig.station.working import Working

log = logging.getLogger(__name__)

FILE_WAITS_S = 0.02
"""How soon a file begins to play once a session runs."""
LEAVE_S = 30.0
"""How long a station that was told to end waits for its sessions to be completed."""
WAIT_S = 5.0
"""Longest that a watcher's question is held until there is something new."""
WORKED_S = 1800.0
"""For so long what came of working a box holds, and for the next session in it only."""
TRIED_S = 0.1
"""How often boards that are tried by hand are looked after."""
EMPTY_PICTURES = 15
EMPTY_S = 6.0
"""So many pictures make one of the empty box, or as many as come in this time."""
STAMPS, LEAST_STAMPS, RATE_OVER_NS = 512, 8, 2_000_000_000
"""The camera's rate is told by the pictures of the last two seconds, eight at least."""
FRESH_S = 3.0
"""Longest that they are waited for."""
READY_S = 120.0
"""So long after somebody asked whether all is ready the system is kept awake for a session."""
LONGEST_WAVE_S = 600.0
"""So long a simulated hand stays over a box, at most."""
LARGEST = 2.0**53
"""Beyond it a number in a request is a mistake."""
PERSONAL = frozenset(
    {
        RequestKind.ARM,
        RequestKind.CONFIRM,
        RequestKind.EMPTY,
        RequestKind.PAUSE,
        RequestKind.RESUME,
        RequestKind.END,
        RequestKind.ABORT,
        RequestKind.NOTE,
        RequestKind.DOOR,
        RequestKind.OUTPUT,
    }
)
"""What may be asked over the channel; the rest is for the program itself."""


def _number(data: dict[str, Any], key: str, usual: float, least: float = 0.0) -> float:
    """A number of a request. Raises ValueError for what is none, or out of all bounds."""
    value = data.get(key, usual)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} = {value!r:.60}: a number is wanted")
    if not least <= value <= LARGEST:
        raise ValueError(f"{key} = {value!r:.60}: from {least:g} to {LARGEST:g}")
    return value


class Station:
    """Owns the camera and boards of a rig while it lives; opens them when it is made.

    `answer` is called by the channel's threads, `run` takes the calling thread as the deciding
    one. Raises RigError or ConfigError where the rig cannot be opened.
    """

    def __init__(self, loaded: LoadedRig, *, seed: int = 0) -> None:
        self.loaded = loaded
        self._opened = open_rig(loaded, speed="1", seed=seed)
        clock = self._opened.clock
        assert clock is not None, "a station runs in real time"
        self._changed = threading.Condition()
        self._wake = threading.Event()
        opening = threading.Lock()
        self.boxes = {
            name: Hosted(self._opened, box, clock, self._changed, opening)
            for name, box in self._opened.boxes.items()
        }
        # One that is repeated has no end, so no beginning either: it runs on, as a webcam does.
        self._file = is_video_file(loaded.rig.camera.source) and not loaded.rig.camera.repeat
        self._played = False
        self._showing = False  # a file is played for whoever looks
        self._shown = False  # it was, since it was last rewound
        self._frame: Frame | None = None  # the newest, whole
        self._frames = 0
        self._silent = False
        self._stamps: deque[tuple[int, int]] = deque(maxlen=STAMPS)  # time, number at the camera
        self._awake = Awake()
        self._asked_s = -math.inf  # when somebody last asked whether all is ready
        self._quitting = ""
        self._trial = Trial(self._opened, clock)
        self._rehearsing = Rehearsing(clock)
        self._working = Working(self._opened, self.boxes, clock)
        self._worked: dict[str, tuple[int, Worked]] = {}  # when, and what came of it
        self._clock = clock
        self._starting = 0
        self._deciding = threading.Lock()  # between a session that starts and a try
        self._answers: dict[str, Callable[[dict[str, Any]], Message]] = {
            "hello": self._hello,
            "status": self._status,
            "start": self._start,
            "request": self._request,
            "events": self._events,
            "preview": self._preview,
            "look": self._look,
            "empty": self._empty,
            "play": self._play,
            "board": self._board,
            "try": self._try,
            "work": self._work,
            "camera": self._camera,
            "wave": self._wave,
            "hand": self._hand,
            "ready": self._ready,
            "quit": self._quit,
        }

    # --- deciding

    def run(self, server: ChannelServer, linger_s: float = 60.0) -> None:
        """Decide until told to quit, or until no session and no watcher was there for so long."""
        decide_at_once()
        stall_s = silence_s(self._opened)
        busy_s = time.monotonic()
        try:
            while True:
                busy = any(hosted.busy for hosted in self.boxes.values())
                self._awake.want(busy or time.monotonic() - self._asked_s < READY_S)
                if busy:
                    busy_s = time.monotonic()
                    if self._quitting:
                        self._abort(self._quitting)
                elif self._quitting or self._unwanted(server, busy_s, linger_s):
                    return
                self._step(stall_s)
        except BaseException as error:
            for hosted in self.boxes.values():
                hosted.fail(f"the station failed: {type(error).__name__}: {error}")
            raise
        finally:
            self._trial.end()
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
        self._trial.step(self._clock())
        self._working.step(self._clock())
        running = any(h.phase is Phase.RUNNING for h in self.boxes.values())
        if self._file and not self._plays(running):
            self._wake.wait(FILE_WAITS_S)
            self._wake.clear()
            return
        # Doors that are tried want to hear that somebody is here, though the camera be slow.
        wait_s = min(stall_s, TRIED_S) if self._trial.active or self._working.active else stall_s
        seen = self._rehearsing.next(self._opened.camera, self._foremost(), wait_s)
        if isinstance(seen, Frame):
            self._frames += 1
            self._frame = seen
            self._stamps.append((seen.t_ns, seen.index))
        elif seen is None and not self._file:
            raise StationError(f"camera {self.loaded.rig.camera.source!r} has ended")
        if isinstance(seen, Frame) or wait_s == stall_s:
            self._silent = not isinstance(seen, Frame)
        for hosted in self.boxes.values():
            if not self._shown:
                hosted.turn(seen)
            elif isinstance(seen, Frame):
                hosted.show(seen)
        for hosted in self.boxes.values():
            hosted.write()
        if self._shown and seen is None:
            self._rewind()
        with self._changed:
            self._changed.notify_all()

    def _foremost(self) -> Loop | None:
        """The running session whose turn comes first: what warms its decision warms the others'."""
        running = (h.loop for h in self.boxes.values() if h.phase is Phase.RUNNING)
        return next(running, None)

    def _plays(self, running: bool) -> bool:
        """Whether the file gives its next picture now; it begins anew where it has to.

        It plays from its beginning when the first session starts. Before that it waits, or is
        played over and over for whoever looks.
        """
        if self._shown and (running or not self._showing):
            self._rewind()
        if not running and not self._showing:
            if self._played:
                self._rewind()
            return False
        self._played = True
        self._shown = not running
        return True

    def _rewind(self) -> None:
        self._opened.camera.close()
        self._opened.camera = open_rig(self.loaded, speed="1").camera
        self._played = self._shown = False

    def leave(self, why: str) -> None:
        """End soon: sessions that run are aborted first. May be called from a signal's handler."""
        self._quitting = why

    def _abort(self, why: str) -> None:
        abort = Request(RequestKind.ABORT, who="program", text=why)
        for hosted in self.boxes.values():
            if hosted.phase in (Phase.PREPARING, Phase.RUNNING):
                # Between the two it is neither; it is asked again before the next picture.
                with suppress(StationError):
                    hosted.ask(abort)

    def close(self) -> None:
        """Let camera and boards go."""
        self._awake.close()
        self._opened.close()

    # --- answering

    def answer(self, message: Message) -> Message:
        """The reply to one request. Raises RigError or ValueError for one that is refused."""
        found = self._answers.get(message.kind)
        if found is None:
            have = ", ".join(self._answers)
            raise StationError(f"{message.kind!r}: a station is not asked that, but: {have}")
        return found(dict(message.data))

    def _box(self, data: dict[str, Any]) -> Hosted:
        name = data.get("box")
        if name is None and len(self.boxes) == 1:
            return next(iter(self.boxes.values()))
        hosted = self.boxes.get(name) if isinstance(name, str) else None
        if hosted is None:
            have = ", ".join(self.boxes)
            rig_name = self.loaded.rig.name
            raise ConfigError("--box", "", f"{name!r}: rig {rig_name!r} has the boxes {have}")
        return hosted

    def _hello(self, data: dict[str, Any]) -> Message:
        return Message(
            "hello",
            {
                "software": rig.__version__,
                "rig": self.loaded.rig.name,
                "source": self.loaded.source,
                "digest": self.loaded.digest,
                "boxes": list(self.boxes),
            },
        )

    def _status(self, data: dict[str, Any]) -> Message:
        camera = self._opened.camera
        return Message(
            "status",
            {
                "rig": self.loaded.rig.name,
                "source": self.loaded.source,
                "camera": {
                    "source": self.loaded.rig.camera.source,
                    "rate_hz": camera.rate_hz,
                    "size_px": list(camera.size_px),
                    "frames": self._frames,
                    "silent": self._silent,
                },
                "boxes": {
                    name: hosted.status() | self._told_worked(name)
                    for name, hosted in self.boxes.items()
                },
            },
        )

    def _ready(self, data: dict[str, Any]) -> Message:
        """What a station can find out before a session: camera, picture, boards, sleep."""
        hosted = self._box(data)
        self._asked_s = time.monotonic()
        findings = [] if self._file else self._seen_now(hosted)
        if data.get("boards"):
            findings += preflight.boards(self._answering(hosted))
        findings.append(preflight.sleep(*self._awake.told()))
        return Message("ready", {"findings": [one.to_json() for one in findings]})

    def _seen_now(self, hosted: Hosted) -> list[preflight.Finding]:
        asked_hz = self.loaded.rig.camera.rate_hz or self._opened.camera.rate_hz
        end_s = time.monotonic() + FRESH_S

        def fresh() -> list[tuple[int, int]]:
            """The pictures of the last two seconds."""
            stamps, now_ns = list(self._stamps), self._clock()
            return [one for one in stamps if now_ns - one[0] < RATE_OVER_NS]

        stamps = fresh()
        while len(stamps) < LEAST_STAMPS and time.monotonic() < end_s:
            with self._changed:
                self._changed.wait(0.1)
            stamps = fresh()
        times, numbers = [t_ns for t_ns, _ in stamps], [index for _, index in stamps]
        findings = [preflight.rate(asked_hz, times, numbers)]
        frame = hosted.frame
        if frame is not None and times:
            box = hosted.box
            findings += preflight.picture(box.loaded.apparatus, frame.image, box.empty)
            findings += as_drawn(box.loaded, frame.image)
            if box.empty is not None:
                before = None if hosted.loop is None else hosted.loop.prepared.settings
                animal = preflight.animal(box.loaded.apparatus, box.empty, asked_hz, before)
                findings += [] if animal is None else [animal]
        if self.loaded.simulated:  # a busy computer, or its own mouse in the picture: no fault
            return [one.softened() for one in findings]
        return findings

    def _answering(self, hosted: Hosted) -> dict[str, bool]:
        """Whether each board that a box is wired to answers; opens them where no session runs."""
        wanted = wiring(hosted.box.loaded.box).boards
        with self._deciding:
            if not (self._starting or any(one.busy for one in self.boxes.values())):
                self._trial.board()
            boards: dict[str, Any] = dict(self._opened.boards)
        return {name: bool(boards[name].up) for name in wanted if name in boards}

    def _start(self, data: dict[str, Any]) -> Message:
        if self._quitting:
            raise StationError("the station is about to end; start again in a moment")
        hosted = self._box(data)
        data.pop("box", None)
        order = check(data, Order, "start")
        if not Path(order.out).is_absolute():
            raise ConfigError("--out", "", f"{order.out!r}: a station needs the whole path")
        if self._working.works(hosted.name):
            raise StationError(f"box {hosted.name} is being worked; start when that is done")
        with self._deciding:
            self._starting += 1
            self._trial.end()
        try:
            folder = hosted.begin(order, self._worked_lately(hosted.name))
        finally:
            with self._deciding:
                self._starting -= 1
        self._wake.set()
        return Message("start", {"box": hosted.name, "folder": str(folder), "uid": order.wish.uid})

    def _request(self, data: dict[str, Any]) -> Message:
        hosted = self._box(data)
        asked = data.get("request")
        if not isinstance(asked, dict):
            raise ValueError(f"request = {asked!r}: kind, name, value, who, text")
        told = {key: str(value) for key, value in asked.items()}
        kind = told.pop("kind", "")
        if unknown := told.keys() - {"name", "value", "who", "text"}:
            raise ValueError(f"request.{min(unknown)}: unknown key")
        if kind not in PERSONAL:
            have = ", ".join(sorted(PERSONAL))
            raise ValueError(f"{kind!r}: a session is not asked that, but: {have}")
        name, value, who, text = (told.get(k, "") for k in ("name", "value", "who", "text"))
        hosted.ask(Request(RequestKind(kind), name, value, who, text))
        return Message("request", {"box": hosted.name})

    def _events(self, data: dict[str, Any]) -> Message:
        hosted = self._box(data)
        since, wait_s = int(_number(data, "since", 0)), _number(data, "wait_s", 0)
        self._wait(lambda: hosted.told > since or not hosted.busy, wait_s)
        # Asked first: whoever is told that it has ended is told of its last events too.
        state, ended = str(hosted.phase), hosted.ended()
        events = hosted.events_since(since)
        following = events[-1]["n"] + 1 if events else since
        reply = {"events": events, "next": following, "state": state, "ended": ended}
        return Message("events", reply)

    def _view(self, data: dict[str, Any]) -> Callable[[], Frame | None]:
        """The newest picture of a box, or of the camera where the box is named ""."""
        if data.get("box") == "":
            return lambda: self._frame
        hosted = self._box(data)
        return lambda: hosted.frame

    def _preview(self, data: dict[str, Any]) -> Message:
        view = self._view(data)
        most_px = (int(_number(data, "width_px", 640)), int(_number(data, "height_px", 480)))
        if min(most_px) < 1:
            raise ValueError(f"{list(most_px)}: a preview has at least 1 pixel each way")
        after = data.get("after")

        def fresh() -> Frame | None:
            frame = view()
            return None if frame is None or frame.index == after else frame

        self._wait(lambda: fresh() is not None, _number(data, "wait_s", 1.0))
        frame = fresh()
        if frame is None:
            return Message("preview", {"frame": after})  # nothing new: no picture
        hosted = None if data.get("box") == "" else self._box(data)
        outlined = bool(data.get("outline"))
        return Message("preview", *preview(frame, hosted, most_px, outlined=outlined))

    def _look(self, data: dict[str, Any]) -> Message:
        frame = self._view(data)()
        hosted = None if data.get("box") == "" else self._box(data)
        if frame is None:
            raise StationError("there has been no picture yet")
        data.pop("box", None)
        changes = check(data, Changes, "look")
        if changes.crop_px is not None and self._frame is not None:
            frame = self._frame
        return Message("look", *look(frame, hosted, self._opened.camera.rate_hz, changes))

    def _empty(self, data: dict[str, Any]) -> Message:
        """`keep`: of one box, for its next session, while others run; and whether it is empty.

        `sure`: it is, though it looks otherwise than before.
        """
        kept = self._box(data) if data.pop("keep", False) else None
        sure = bool(data.pop("sure", False))
        if kept is None:
            self._refuse_busy("a picture of the empty box is not taken")
        elif kept.busy:
            raise StationError(f"box {kept.name}: a session runs in it; end or abort it first")
        view = self._view(data)
        data.pop("box", None)
        changes = check(data, Changes, "empty")
        if self._file:
            if kept is not None:
                raise StationError("a film has no empty box to be looked at; start without it")
            return Message("empty", *file_median(self.loaded, changes))
        pictures: dict[int, Gray] = {}

        def enough() -> bool:
            frame = view()
            if frame is not None:
                pictures[frame.index] = frame.image
            return len(pictures) >= EMPTY_PICTURES

        end_s = time.monotonic() + EMPTY_S
        while not enough() and time.monotonic() < end_s:
            with self._changed:
                self._changed.wait(0.1)
        if not pictures:
            raise StationError("the camera gave no picture; is it connected?")
        taken = list(pictures.values())
        if kept is None:
            return Message("empty", *emptied(taken, changes))
        rate_hz = self._opened.camera.rate_hz
        return Message("empty", *keep(kept, taken, rate_hz, sure=sure))

    def _play(self, data: dict[str, Any]) -> Message:
        if not self._file:
            raise StationError("only a video file is played")
        self._showing = bool(data.get("on", True))
        self._wake.set()
        return Message("play", {"on": self._showing})

    def _board(self, data: dict[str, Any]) -> Message:
        with self._deciding:
            self._refuse_busy("boards are not tried")
            return Message("board", self._trial.board())

    def _try(self, data: dict[str, Any]) -> Message:
        hosted = self._box(data)
        data.pop("box", None)
        what = check(data, Try, "try")
        with self._deciding:
            self._refuse_busy("boards are not tried")
            self._trial.attempt(hosted.name, what)
            self._wake.set()
            return Message("try", {"box": hosted.name})

    def _work(self, data: dict[str, Any]) -> Message:
        """Work each door and output of a box once, on the word that it is empty."""
        hosted = self._box(data)
        if hosted.busy:
            raise StationError(f"box {hosted.name}: a session runs in it; nothing is worked")
        with self._deciding:
            self._trial.end()
        self._worked.pop(hosted.name, None)
        worked = self._working.work(hosted.name, empty=bool(data.get("empty")))
        self._worked[hosted.name] = (self._clock(), worked)
        return Message("work", {"box": hosted.name, **worked.model_dump()})

    def _told_worked(self, name: str) -> dict[str, Any]:
        """What came of working a box and is not used up yet, for a status."""
        at_ns, worked = self._worked.get(name, (0, None))
        fresh = worked is not None and self._clock() - at_ns <= WORKED_S * NS_PER_S
        return {"worked": worked.model_dump()} if worked is not None and fresh else {}

    def _worked_lately(self, name: str) -> Worked | None:
        """What came of working a box, for the one session that follows."""
        at_ns, worked = self._worked.pop(name, (0, None))
        return worked if worked and self._clock() - at_ns <= WORKED_S * NS_PER_S else None

    def _refuse_busy(self, what: str) -> None:
        busy = [name for name, hosted in self.boxes.items() if hosted.busy]
        if busy or self._starting:
            raise StationError(f"{what} while a session runs ({', '.join(busy) or 'it starts'})")

    def _wait(self, ready: Callable[[], bool], wait_s: float) -> None:
        if wait_s > 0 and not ready():
            with self._changed:
                self._changed.wait_for(ready, min(wait_s, WAIT_S))

    def _camera(self, data: dict[str, Any]) -> Message:
        camera: Any = self._opened.camera
        if not hasattr(camera, "settings"):
            raise StationError(f"camera {self.loaded.rig.camera.source!r} has no settings")
        changes = data.get("set")
        if changes:
            if any(hosted.busy for hosted in self.boxes.values()):
                raise StationError("camera settings are frozen while a session runs in any box")
            if not isinstance(changes, dict):
                raise ValueError(f"set = {changes!r}: names and numbers are wanted")
            camera.set(**{name: _number(changes, name, 0, -LARGEST) for name in changes})
        return Message("camera", {"settings": camera.settings()})

    def _wave(self, data: dict[str, Any]) -> Message:
        world = self._opened.world
        if world is None:
            raise StationError("only a simulated rig has a simulated hand")
        hosted = self._box(data)
        world.wave(hosted.name, min(_number(data, "hold_s", 1.0), LONGEST_WAVE_S))
        return Message("wave", {"box": hosted.name})

    def _hand(self, data: dict[str, Any]) -> Message:
        """What a person does in a simulated box: bring or take the animal, move a door."""
        world = self._opened.world
        if world is None:
            raise StationError("only a simulated rig has a simulated hand")
        box, do = self._box(data).name, data.get("do")
        if do == "bring":
            world.bring(box, str(data.get("chamber") or world.usual_chamber(box)))
        elif do == "take":
            world.take(box)
        elif do == "door":
            world.set_manual_door(box, str(data.get("door")), data.get("value") == "open")
        else:
            raise ValueError(f"{do!r}: a simulated hand does one of bring, take, door")
        return Message("hand", {"box": box})

    def _quit(self, data: dict[str, Any]) -> Message:
        busy = [name for name, hosted in self.boxes.items() if hosted.busy]
        if busy and not data.get("force"):
            raise StationError(f"a session runs in {', '.join(busy)}; end or abort it first")
        self.leave("the station was told to end")
        return Message("quit", {"aborted": busy})
