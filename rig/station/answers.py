"""What a station answers to whoever asks over its channel, kind by kind."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rig
from rig.channel import Message
from rig.config import check
from rig.errors import ConfigError, StationError
from rig.hardware.wiring import wiring
from rig.model import Frame, Gray, Request, RequestKind
from rig.session import preflight
from rig.station.drawn import as_drawn
from rig.station.emptied import emptied, file_median, keep
from rig.station.hosted import Hosted, Order
from rig.station.station import Station
from rig.station.trial import Try
from rig.station.views import Changes, look, preview
from rig.station.working import TakenError

WAIT_S = 5.0
"""Longest that a watcher's question is held until there is something new."""
EMPTY_PICTURES = 15
EMPTY_S = 6.0
"""So many pictures make one of the empty box, or as many as come in this time."""
LEAST_STAMPS, FRESH_S = 8, 3.0
"""So many pictures tell the camera's rate; longest that they are waited for."""
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


class Answers:
    """Answers for one station; called by the channel's threads, never by the deciding one."""

    def __init__(self, station: Station) -> None:
        self._station = station
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

    def answer(self, message: Message) -> Message:
        """The reply to one request. Raises RigError or ValueError for one that is refused."""
        found = self._answers.get(message.kind)
        if found is None:
            have = ", ".join(self._answers)
            raise StationError(f"{message.kind!r}: a station is not asked that, but: {have}")
        return found(dict(message.data))

    def _box(self, data: dict[str, Any]) -> Hosted:
        name = data.get("box")
        if name is None and len(self._station.boxes) == 1:
            return next(iter(self._station.boxes.values()))
        hosted = self._station.boxes.get(name) if isinstance(name, str) else None
        if hosted is None:
            have = ", ".join(self._station.boxes)
            rig_name = self._station.loaded.rig.name
            raise ConfigError("--box", "", f"{name!r}: rig {rig_name!r} has the boxes {have}")
        return hosted

    def _hello(self, data: dict[str, Any]) -> Message:
        return Message(
            "hello",
            {
                "software": rig.__version__,
                "rig": self._station.loaded.rig.name,
                "source": self._station.loaded.source,
                "digest": self._station.loaded.digest,
                "boxes": list(self._station.boxes),
            },
        )

    def _status(self, data: dict[str, Any]) -> Message:
        camera = self._station.opened.camera
        return Message(
            "status",
            {
                "rig": self._station.loaded.rig.name,
                "source": self._station.loaded.source,
                "camera": {
                    "source": self._station.loaded.rig.camera.source,
                    "rate_hz": camera.rate_hz,
                    "size_px": list(camera.size_px),
                    "frames": self._station.seen.frames,
                    "silent": self._station.seen.silent,
                },
                "boxes": {
                    name: hosted.status() | self._worked(name)
                    for name, hosted in self._station.boxes.items()
                },
            },
        )

    def _worked(self, name: str) -> dict[str, Any]:
        worked = self._station.working.holds(name)
        return {} if worked is None else {"worked": worked.model_dump()}

    def _ready(self, data: dict[str, Any]) -> Message:
        """What a station can find out before a session: camera, picture, boards, sleep."""
        hosted = self._box(data)
        self._station.look_forward()
        findings = [] if self._station.is_file else self._seen_now(hosted)
        if data.get("boards"):
            findings += preflight.boards(self._answering(hosted))
        findings.append(preflight.sleep(*self._station.awake.told()))
        return Message("ready", {"findings": [one.to_json() for one in findings]})

    def _seen_now(self, hosted: Hosted) -> list[preflight.Finding]:
        asked_hz = self._station.loaded.rig.camera.rate_hz or self._station.opened.camera.rate_hz
        end_s = time.monotonic() + FRESH_S
        stamps = self._station.seen.lately(self._station.clock())
        while len(stamps) < LEAST_STAMPS and time.monotonic() < end_s:
            with self._station.changed:
                self._station.changed.wait(0.1)
            stamps = self._station.seen.lately(self._station.clock())
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
        # A busy computer, or its own mouse in the picture, is no fault of a simulated one.
        if self._station.loaded.simulated:
            return [one.softened() for one in findings]
        return findings

    def _answering(self, hosted: Hosted) -> dict[str, bool]:
        """Whether each board that a box is wired to answers; opens them where no session runs."""
        wanted = wiring(hosted.box.loaded.box).boards
        with self._station.unstarted():
            if self._station.idle:
                self._station.trial.board()
            boards: dict[str, Any] = dict(self._station.opened.boards)
        return {name: bool(boards[name].up) for name in wanted if name in boards}

    def _start(self, data: dict[str, Any]) -> Message:
        if self._station.quitting:
            raise StationError("the station is about to end; start again in a moment")
        hosted = self._box(data)
        data.pop("box", None)
        order = check(data, Order, "start")
        if not Path(order.out).is_absolute():
            raise ConfigError("--out", "", f"{order.out!r}: a station needs the whole path")
        with self._station.starting(hosted.name):
            if self._station.working.works(hosted.name):
                raise StationError(f"box {hosted.name} is being worked; start when that is done")
            folder = hosted.begin(order, self._station.working.use(hosted.name))
        self._station.wake.set()
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
            return lambda: self._station.seen.frame
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
        if changes.crop_px is not None and self._station.seen.frame is not None:
            frame = self._station.seen.frame
        return Message("look", *look(frame, hosted, self._station.opened.camera.rate_hz, changes))

    def _empty(self, data: dict[str, Any]) -> Message:
        """`keep`: of one box, for its next session, while others run; and whether it is empty.

        `sure`: it is, though it looks otherwise than before.
        """
        kept = self._box(data) if data.pop("keep", False) else None
        sure = bool(data.pop("sure", False))
        if kept is None:
            self._station.refuse_busy("a picture of the empty box is not taken")
        elif kept.busy:
            raise StationError(f"box {kept.name}: a session runs in it; end or abort it first")
        view = self._view(data)
        data.pop("box", None)
        changes = check(data, Changes, "empty")
        if self._station.is_file:
            if kept is not None:
                raise StationError("a film has no empty box to be looked at; start without it")
            return Message("empty", *file_median(self._station.loaded, changes))
        pictures: dict[int, Gray] = {}

        def enough() -> bool:
            frame = view()
            if frame is not None:
                pictures[frame.index] = frame.image
            return len(pictures) >= EMPTY_PICTURES

        end_s = time.monotonic() + EMPTY_S
        while not enough() and time.monotonic() < end_s:
            with self._station.changed:
                self._station.changed.wait(0.1)
        if not pictures:
            raise StationError("the camera gave no picture; is it connected?")
        taken = list(pictures.values())
        if kept is None:
            return Message("empty", *emptied(taken, changes))
        rate_hz = self._station.opened.camera.rate_hz
        return Message("empty", *keep(kept, taken, rate_hz, sure=sure))

    def _play(self, data: dict[str, Any]) -> Message:
        if not self._station.is_file:
            raise StationError("only a video file is played")
        self._station.showing = bool(data.get("on", True))
        self._station.wake.set()
        return Message("play", {"on": self._station.showing})

    def _board(self, data: dict[str, Any]) -> Message:
        with self._station.unstarted():
            self._station.refuse_busy("boards are not tried")
            return Message("board", self._station.trial.board())

    def _try(self, data: dict[str, Any]) -> Message:
        hosted = self._box(data)
        data.pop("box", None)
        what = check(data, Try, "try")
        with self._station.unstarted():
            self._station.refuse_busy("boards are not tried")
            self._station.trial.attempt(hosted.name, what)
            self._station.wake.set()
            return Message("try", {"box": hosted.name})

    def _work(self, data: dict[str, Any]) -> Message:
        """Work each door and output of a box once, on the word that it is empty.

        `taken` in the reply: why it is not its turn, and nothing was worked.
        """
        hosted = self._box(data)
        if hosted.busy:
            raise StationError(f"box {hosted.name}: a session runs in it; nothing is worked")
        with self._station.unstarted():
            self._station.trial.end()
        try:
            worked = self._station.working.work(
                hosted.name,
                empty=bool(data.get("empty")),
                begins=lambda: hosted.name in self._station.begun,
            )
        except TakenError as error:
            return Message("work", {"box": hosted.name, "taken": str(error)})
        return Message("work", {"box": hosted.name, **worked.model_dump()})

    def _wait(self, ready: Callable[[], bool], wait_s: float) -> None:
        if wait_s > 0 and not ready():
            with self._station.changed:
                self._station.changed.wait_for(ready, min(wait_s, WAIT_S))

    def _camera(self, data: dict[str, Any]) -> Message:
        camera: Any = self._station.opened.camera
        if not hasattr(camera, "settings"):
            raise StationError(f"camera {self._station.loaded.rig.camera.source!r} has no settings")
        changes = data.get("set")
        if changes:
            if self._station.busy:
                raise StationError("camera settings are frozen while a session runs in any box")
            if not isinstance(changes, dict):
                raise ValueError(f"set = {changes!r}: names and numbers are wanted")
            camera.set(**{name: _number(changes, name, 0, -LARGEST) for name in changes})
        return Message("camera", {"settings": camera.settings()})

    def _wave(self, data: dict[str, Any]) -> Message:
        world = self._station.opened.world
        if world is None:
            raise StationError("only a simulated rig has a simulated hand")
        hosted = self._box(data)
        world.wave(hosted.name, min(_number(data, "hold_s", 1.0), LONGEST_WAVE_S))
        return Message("wave", {"box": hosted.name})

    def _hand(self, data: dict[str, Any]) -> Message:
        """What a person does in a simulated box: bring or take the animal, move a door."""
        world = self._station.opened.world
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
        busy = self._station.busy
        if busy and not data.get("force"):
            raise StationError(f"a session runs in {', '.join(busy)}; end or abort it first")
        self._station.leave("the station was told to end")
        return Message("quit", {"aborted": busy})
