"""The one place where a station's channel meets Qt.

A `Watch` looks at one rig's station from threads of its own and tells the window by signals, all
in the window's thread. Asking never waits: the answer comes back by a call in the window's
thread, and a page changes when the event comes, not when the button is pressed.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QObject, pyqtSignal

from rig.channel import ChannelClient, Message, connect, ensure, find, spell_source
from rig.errors import RigError, StationError

log = logging.getLogger(__name__)

STATUS_S = 0.2
"""How often a station is asked how it stands."""
AGAIN_S = 1.0
"""How soon a station that does not answer is looked for again."""
TICK_S = 0.02
"""The shortest rest between two looks."""
SLOW = frozenset({"start", "empty", "board"})
"""Questions whose answer may take its minute: each has a thread of its own."""
SLOW_TIMEOUT_S = 90.0


@dataclass(frozen=True)
class Preview:
    """A box's newest picture, made small, and what to draw on it.

    `image` is height x width luma. Positions in `data` are pixels of the whole picture: divide
    by `data["step"]`.
    """

    box: str
    image: NDArray[np.uint8]
    data: dict[str, Any]


@dataclass
class _Wanted:
    """A box whose pictures are looked at."""

    size_px: tuple[int, int]
    every_s: float
    due_s: float = 0.0
    frame: int | None = None


@dataclass
class _Heard:
    """How far a box's events were told."""

    uid: str = ""
    n: int = 0
    over: bool = False


@dataclass
class _Asked:
    kind: str
    fields: dict[str, Any]
    then: Callable[[Message], None] | None
    failed: Callable[[RigError], None] | None


class Watch(QObject):
    """One station as the window sees it. `begin` starts looking, `close` ends it.

    Signals (all in the window's thread):
        changed(): `status` is new.
        heard(box, events): what happened in a box since, oldest first; from the session's start.
        pictured(Preview): a box's picture, where `show` wants it.
        over(box, dict): the box's session is complete: status, reason, summary.
        lost(str): the station does not answer, and why; it is looked for again.
        back(): it answers again, or for the first time.
    """

    changed = pyqtSignal()
    heard = pyqtSignal(str, object)
    pictured = pyqtSignal(object)
    over = pyqtSignal(str, object)
    lost = pyqtSignal(str)
    back = pyqtSignal()
    _call = pyqtSignal(object)

    def __init__(self, source: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.source = spell_source(source)
        self.status: dict[str, Any] = {}
        self.connected = False
        self._wanted: dict[str, _Wanted] = {}
        self._heard: dict[str, _Heard] = {}
        self._start = False
        self._ending = threading.Event()
        self._wake = threading.Event()
        self._spare: list[ChannelClient] = []
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="ask")
        self._slow: list[threading.Thread] = []
        self._poller: threading.Thread | None = None
        self._call.connect(lambda done: done())

    def begin(self, *, start: bool = False) -> None:
        """Look for the station, again and again; `start` it where none runs."""
        self._start = self._start or start
        if self._poller is None:
            self._poller = threading.Thread(target=self._poll, name="watch", daemon=True)
            self._poller.start()

    def show(self, box: str, size_px: tuple[int, int] | None, rate_hz: float = 15.0) -> None:
        """Have pictures of a box at most so large and so often; None: no more of them."""
        with self._lock:
            if size_px is None:
                self._wanted.pop(box, None)
            else:
                self._wanted[box] = _Wanted(size_px, 1.0 / rate_hz)
        self._wake.set()  # the poller may sleep until something older is due

    def ask(
        self,
        kind: str,
        then: Callable[[Message], None] | None = None,
        failed: Callable[[RigError], None] | None = None,
        **fields: Any,
    ) -> None:
        """Ask the station; `then` gets its reply, `failed` the error, both in the window's thread.

        An error without `failed` goes to the log.
        """
        asked = _Asked(kind, fields, then, failed)
        if self._ending.is_set():
            return
        if kind in SLOW:
            thread = threading.Thread(target=self._answer, args=(asked,), daemon=True)
            self._slow = [one for one in self._slow if one.is_alive()] + [thread]
            thread.start()
        else:
            self._pool.submit(self._answer, asked)

    def request(
        self,
        box: str,
        kind: str,
        failed: Callable[[RigError], None] | None = None,
        **fields: str,
    ) -> None:
        """Ask the session in a box: arm, confirm, empty, pause, resume, end, abort, note, door."""
        self.ask("request", None, failed, box=box, request={"kind": kind, **fields})

    def close(self, wait_s: float = 5.0) -> None:
        """Look no more. The station and its sessions go on."""
        self._ending.set()
        self._wake.set()
        if self._poller is not None:
            self._poller.join(wait_s)
        self._pool.shutdown(wait=True, cancel_futures=True)
        for thread in self._slow:
            thread.join(0.0)
        with self._lock:
            for client in self._spare:
                client.close()
            self._spare.clear()

    # --- in threads of its own

    def _poll(self) -> None:
        client: ChannelClient | None = None
        while not self._ending.is_set():
            try:
                if client is None:
                    client = self._connect()
                self._look(client)
            except RigError as error:
                if client is not None:
                    client.close()
                client = None
                self.connected = False
                self._tell(self.lost, str(error))
                self._ending.wait(AGAIN_S)
        if client is not None:
            client.close()

    def _connect(self) -> ChannelClient:
        if self._start:
            client = ensure(self.source)
            self._start = False  # one that was told to end is not started again
        else:
            entry = find(self.source)
            if entry is None:
                raise StationError("no station runs for this rig")
            client = connect(entry)
        self.connected = True
        self._tell(self.back)
        return client

    def _look(self, client: ChannelClient) -> None:
        """Until the station is gone or the window closes."""
        due_s = 0.0
        while not self._ending.is_set():
            now_s = time.monotonic()
            if now_s >= due_s:
                due_s = now_s + STATUS_S
                status = client.request("status")
                self.status = status
                self._tell(self.changed)  # first: whose events they are is known then
                for box, stands in status["boxes"].items():
                    self._follow(client, box, stands)
            with self._lock:
                due = [(box, w) for box, w in self._wanted.items() if w.due_s <= now_s]
            for box, wanted in due:
                self._picture(client, box, wanted, now_s)
            self._wake.wait(self._rest_s(due_s))
            self._wake.clear()

    def _rest_s(self, due_s: float) -> float:
        """How long nothing is to be asked: an idle window sleeps, it does not look at the clock."""
        with self._lock:
            next_s = min([due_s, *(wanted.due_s for wanted in self._wanted.values())])
        return max(TICK_S, next_s - time.monotonic())

    def _follow(self, client: ChannelClient, box: str, stands: dict[str, Any]) -> None:
        """Tell of what is new in a box since it was last asked."""
        heard = self._heard.setdefault(box, _Heard())
        uid = str(stands.get("uid", ""))
        if uid and uid != heard.uid:
            heard = self._heard[box] = _Heard(uid)
        ended = stands["state"] == "ended"
        if int(stands.get("events", 0)) > heard.n or (ended and not heard.over):
            told = client.request("events", box=box, since=heard.n)
            heard.n = int(told["next"])
            if told["events"]:
                self._tell(self.heard, box, told["events"])
            if told["ended"] is not None and not heard.over:
                heard.over = True
                self._tell(self.over, box, {**told["ended"], "folder": stands.get("folder", "")})

    def _picture(self, client: ChannelClient, box: str, wanted: _Wanted, now_s: float) -> None:
        wanted.due_s = now_s + wanted.every_s
        width, height = wanted.size_px
        size = {"width_px": width, "height_px": height, "outline": True}
        reply = client.ask("preview", {"box": box, **size, "after": wanted.frame, "wait_s": 0})
        if not reply.body:
            return  # nothing new
        data = dict(reply.data)
        wanted.frame = int(data["frame"])
        image = np.frombuffer(reply.body, np.uint8).reshape(data["height"], data["width"])
        self._tell(self.pictured, Preview(box, image, data))

    def _answer(self, asked: _Asked) -> None:
        try:
            client = self._borrow()
            timeout_s = SLOW_TIMEOUT_S if asked.kind in SLOW else 10.0
            try:
                reply = client.ask(asked.kind, asked.fields, timeout_s=timeout_s)
            finally:
                self._give_back(client)
        except RigError as error:
            failure = error
            if asked.failed is None:
                log.warning("%s: %s", asked.kind, error)
            else:
                failed = asked.failed
                self._tell(self._call, lambda: failed(failure))
        else:
            if asked.then is not None:
                then = asked.then
                self._tell(self._call, lambda: then(reply))

    def _borrow(self) -> ChannelClient:
        with self._lock:
            if self._spare:
                return self._spare.pop()
        entry = find(self.source)
        if entry is None:
            raise StationError("no station runs for this rig")
        return connect(entry)

    def _give_back(self, client: ChannelClient) -> None:
        with self._lock:
            if client.is_open and not self._ending.is_set():
                self._spare.append(client)
                return
        client.close()

    def _tell(self, signal: Any, *values: object) -> None:
        # The window may be gone before its threads are: then nobody is to be told.
        with suppress(RuntimeError):
            if not self._ending.is_set():
                signal.emit(*values)


@dataclass
class Stations:
    """The watches of a window, one a rig."""

    _watches: dict[str, Watch] = field(default_factory=dict)

    def of(self, source: str) -> Watch:
        """The watch of a rig, made at the first call."""
        spelled = spell_source(source)
        if spelled not in self._watches:
            self._watches[spelled] = Watch(spelled)
        return self._watches[spelled]

    def forget(self, source: str) -> None:
        """Close the watch of a rig, if there is one; its station goes on."""
        watch = self._watches.pop(spell_source(source), None)
        if watch is not None:
            watch.close()

    def close(self) -> None:
        """Close all of them."""
        for watch in self._watches.values():
            watch.close()
        self._watches.clear()
