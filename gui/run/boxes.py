"""Every box that this window knows of: its stations are watched, its sessions followed.

The one place where a box's plain model meets Qt. Whoever looks is told by `changed`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from gui.behind import Behind
from gui.remembered import Remembered
from gui.run.grid import Key
from gui.run.live import LiveBox, Standing
from gui.run.times import Following, Times, Turns
from gui.watch import Preview, Stations, Watch
from protocols.asking import study_of
from rig.channel import entries, spell_source
from rig.errors import RigError
from rig.setup import Setup
from rig.setup import parse as parse_setup
from rig.storage import SessionRecord
from rig.storage.room import Going, Room, room_of, spell_bytes

BLINDED_KEPT = 256


class Boxes(QObject):
    """Boxes by rig and name. `changed()`: how they stand; `pictured(key, Preview)`; `back(rig)`."""

    changed = pyqtSignal()
    pictured = pyqtSignal(object, object)
    back = pyqtSignal(str)

    def __init__(
        self, stations: Stations, remembered: Remembered, behind: Behind, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._stations, self._remembered, self._behind = stations, remembered, behind
        self.lives: dict[Key, LiveBox] = {}
        self.times: dict[Key, Times] = {}
        self._watches: dict[str, Watch] = {}
        self._following: dict[Key, Following] = {}
        self._turns = Turns(time.perf_counter)

    # --- stations

    def find(self) -> None:
        """Watch every station of this user: what runs is found again by any window."""
        with suppress(RigError, OSError):
            for entry in entries():
                self.watch(entry.source)

    def watch(self, source: str) -> Watch:
        """Watch a rig's station, now or as soon as it runs."""
        source = spell_source(source)
        if source not in self._watches:
            watch = self._watches[source] = self._stations.of(source)
            watch.changed.connect(lambda: self._stand(source))
            watch.heard.connect(lambda box, events: self.live((source, box)).hear(events))
            watch.pictured.connect(lambda seen: self._picture(source, seen))
            watch.over.connect(lambda box, ended: self.live((source, box)).end(ended))
            watch.lost.connect(lambda why: self._lose(source))
            watch.back.connect(lambda: self._find_again(source))
            watch.begin()
            if watch.connected and watch.status:
                self._stand(source)
        return self._watches[source]

    def status(self, source: str) -> Mapping[str, Any]:
        """What a rig's station said last; empty where none answers."""
        watch = self._watches.get(spell_source(source))
        return watch.status if watch is not None and watch.connected else {}

    def stations(self) -> dict[str, Mapping[str, Any]]:
        """What each station that answers said last, by its rig's source."""
        watches = self._watches.items()
        return {rig: one.status for rig, one in watches if one.connected and one.status}

    def end_station(self, source: str, failed: Callable[[RigError], None]) -> None:
        """Ask a rig's station to end; it refuses while a session runs."""
        self._watches[source].ask("quit", None, failed)

    def live(self, key: Key) -> LiveBox:
        """The box of this key, known from now on."""
        if key not in self.lives:
            self.lives[key] = LiveBox(*key)
        return self.lives[key]

    def _stand(self, source: str) -> None:
        for box, status in self._watches[source].status.get("boxes", {}).items():
            live = self.live((source, box))
            before = live.uid
            live.stand(status, time.monotonic())
            if live.uid != before:
                self._renew((source, box), live)
        self.changed.emit()

    def _renew(self, key: Key, live: LiveBox) -> None:
        """Another session is in the box: what was known of the last one goes."""
        self._following.pop(key, None)
        self.times.pop(key, None)
        self._turns.forget(str(key))
        live.blinded = live.uid in self._remembered.texts("blinded")
        folder, uid = Path(live.folder), live.uid

        def known(found: tuple[Setup, bool]) -> None:
            setup, of_study = found
            if live.uid == uid:
                live.blinded = live.blinded or of_study
                live.know(setup)
                self._following[key] = Following(folder, setup.apparatus, setup.rate_hz)
                self.changed.emit()

        def read() -> tuple[Setup, bool]:
            setup = parse_setup((folder / "setup.json").read_bytes(), str(folder))
            return setup, study_of(folder) is not None  # whoever looks at it, it stays blinded

        if live.folder:
            self._behind.do(read, known, partial(self._gone, live, uid))

    @staticmethod
    def _gone(live: LiveBox, uid: str, error: Exception) -> None:
        if live.uid == uid:
            live.alarms.raise_("folder_gone", folder=live.folder, why=str(error))

    def _picture(self, source: str, preview: Preview) -> None:
        self.pictured.emit((source, preview.box), preview)

    def _lose(self, source: str) -> None:
        for (rig, _), live in self.lives.items():
            if rig == source:
                live.lose()
                if live.lost and live.folder:
                    self._read_stop(live)
        self.changed.emit()

    def _read_stop(self, live: LiveBox) -> None:
        """A station that was told to end completes its sessions first: then that is known."""
        folder, uid = Path(live.folder), live.uid

        def known(stop: dict[str, Any] | None) -> None:
            if stop is not None and live.uid == uid and live.lost:
                live.close(stop)
                self.changed.emit()

        self._behind.do(
            lambda: SessionRecord.open(folder).stop, known, partial(self._gone, live, uid)
        )

    def _find_again(self, source: str) -> None:
        for (rig, _), live in self.lives.items():
            if rig == source:
                live.find()
        self.back.emit(source)

    def ask_pictures(self, keys: set[Key], size_px: tuple[int, int], rate_hz: float) -> None:
        """Pictures of these boxes are wanted, of no others."""
        for key in self.lives.keys() | keys:
            watch = self._watches.get(key[0])
            if watch is not None:
                watch.show(key[1], size_px if key in keys else None, rate_hz)

    # --- asking

    def request(self, live: LiveBox, kind: str, who: str, **fields: str) -> None:
        """Ask a box's session; it changes when its event comes. A refusal is said in the box."""

        def failed(error: RigError) -> None:
            live.alarms.raise_("not_asked", why=str(error))

        live.alarms.end("not_asked")
        self._watches[live.rig].request(live.name, kind, failed, who=who, **fields)

    def answer(self, live: LiveBox, who: str) -> None:
        """Do what its prompt asks."""
        for deed in live.answer():
            if not deed.hand:
                self.request(live, deed.kind, who, **deed.fields)
                continue
            told: Any = {"do": deed.kind, **deed.fields}
            self._watches[live.rig].ask("hand", box=live.name, **told)
            if deed.kind in ("bring", "take"):
                live.done_by_hand("place" if deed.kind == "bring" else "take")

    def blind(self, uid: str) -> None:
        """The session of this uid is blinded, in this window and later ones."""
        self._remembered.put_first("blinded", uid, BLINDED_KEPT)

    # --- following

    def trail(self, key: Key) -> list[tuple[float, float]]:
        """Where the animal was in the last seconds, in pixels; empty where that is hidden."""
        following = self._following.get(key)
        if following is None or self.lives[key].blinded or not self.lives[key].live:
            return []
        return [(x, y) for _, x, y in following.trail]

    def follow(self) -> None:
        """Read what the sessions have written, and measure one of them if it is its turn."""
        due = {}
        for key, following in self._following.items():
            live = self.lives[key]
            if live.state not in (Standing.RUNNING, Standing.FINISHING, Standing.ENDED):
                continue
            try:
                following.read()
            except (OSError, ValueError) as error:
                if live.state is Standing.RUNNING:
                    self._gone(live, live.uid, error)
                continue
            if following.fresh and not live.blinded:
                due[str(key)] = partial(self._measure, key, following)
        self._turns.take(due)

    def _measure(self, key: Key, following: Following) -> None:
        self.times[key] = following.times()

    def look_at_disks(self) -> None:
        """Whether the disk will hold each session to its end; asked behind."""
        now_s, going = time.monotonic(), {}
        for key, live in self.lives.items():
            if live.state is Standing.RUNNING and not live.lost:
                elapsed_s = float(live.status.get("t_s") or 0.0)
                going[key] = Going(Path(live.folder), elapsed_s, live.left_s(now_s))
        for key, own in going.items():
            beside = [other for of, other in going.items() if of != key]
            self._look_at_disk(key, self.lives[key], own, beside)

    def _look_at_disk(self, key: Key, live: LiveBox, own: Going, beside: Sequence[Going]) -> None:
        elapsed_s, uid = own.elapsed_s, live.uid

        def known(room: Room) -> None:
            if live.uid != uid:
                return
            if key in self._following:  # else its setup was never read: the folder alone is no good
                live.alarms.end("folder_gone")
            if not room.low:
                live.alarms.end("disk_low")
            elif "disk_low" not in live.alarms.standing:
                free, needed = spell_bytes(room.free), spell_bytes(room.needed)
                live.alarms.raise_("disk_low", elapsed_s, free=free, needed=needed)

        self._behind.do(lambda: room_of(own, beside), known, partial(self._gone, live, uid))
