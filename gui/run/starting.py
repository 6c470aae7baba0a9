"""From a choice to its session: looked at behind the window, then asked of the rig's station."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from gui.behind import Behind
from gui.run.grid import Key
from gui.run.preflight import Checked, Wanted, check
from protocols.asking import pairing_of, ready, refuse, start, station, work
from rig.channel import find, spell_source
from rig.errors import RigError
from rig.session import load_rig
from rig.storage import note_pairing


class Starting(QObject):
    """`checked(Checked)`: the newest choice; `began(key)`; `failed(key, error)`."""

    checked = pyqtSignal(object)
    began = pyqtSignal(object)
    failed = pyqtSignal(object, object)

    def __init__(self, behind: Behind, parent: QObject) -> None:
        super().__init__(parent)
        self._behind = behind
        self._newest = 0
        self.under_way: set[Key] = set()

    def check(self, wanted: Wanted, status: Mapping[str, Any]) -> None:
        """Look at a choice; only the newest one's answer is told."""
        self._newest += 1
        number = self._newest

        def known(checked: Checked) -> None:
            if number == self._newest:
                self.checked.emit(checked)

        def failed(error: Exception) -> None:
            if number == self._newest:
                self.failed.emit(None, error)

        self._behind.do(lambda: check(wanted, status), known, failed)

    def look(self, rig: str, then: Callable[[], None], failed: Callable[[Exception], None]) -> None:
        """Have a rig's station run, with the rig's files as they are now."""

        def work() -> None:
            station(rig, load_rig(rig).digest).close()

        self._behind.do(work, lambda _: then(), failed)

    def work(
        self, checked: Checked, then: Callable[[], None], failed: Callable[[Exception], None]
    ) -> None:
        """Have each door and light of the box worked once: a person said that it is empty.

        The choice is looked at with what came of it before `then` is called.
        """
        loaded, box, source = checked.loaded, checked.box, checked.wanted.choice.rig
        if loaded is None or box is None:
            return

        def do() -> Mapping[str, Any]:
            with station(source, loaded.digest) as client:
                work(client, box.box.name)
                return client.request("status")

        def done(status: Mapping[str, Any]) -> None:
            self.check(checked.wanted, status)
            then()

        self._behind.do(do, done, failed)

    def note_pairing(
        self,
        checked: Checked,
        paired: str,
        then: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Have the paired chamber of the choice's animal written to its folder's pairing.csv."""
        choice, box = replace(checked.wanted.recorded, paired=paired), checked.box
        if not checked.pairing_open or box is None:
            return

        def work() -> None:
            pairing = pairing_of(choice, box)
            if pairing is not None:
                note_pairing(choice.out, *pairing)

        self._behind.do(work, lambda _: then(), failed)

    def start(self, checked: Checked) -> Key | None:
        """Ask for the session; None where it cannot be asked for, or is being asked for."""
        wish, loaded, box = checked.wish, checked.loaded, checked.box
        if not checked.ready or wish is None or loaded is None or box is None:
            return None
        choice, pairing = checked.wanted.recorded, checked.pairing
        name, digest, by_hand = box.box.name, loaded.digest, checked.wanted.by_hand
        source = spell_source(choice.rig)
        key = (source, name)
        if key in self.under_way:
            return None
        self.under_way.add(key)

        def work() -> Path:
            alone = find(source) is None
            with station(source, digest) as client:
                try:
                    refuse(ready(client, loaded, box, wish, choice.out))
                except RigError:
                    if alone:
                        with suppress(RigError):
                            client.request("quit")
                    raise
                return start(
                    client, name, wish, choice.out, pairing, alone=alone, experimenter=not by_hand
                )

        def began(_: Path) -> None:
            self.under_way.discard(key)
            self.began.emit(key)

        def failed(error: Exception) -> None:
            self.under_way.discard(key)
            self.failed.emit(key, error)

        self._behind.do(work, began, failed)
        return key
