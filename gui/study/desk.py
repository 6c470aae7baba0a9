"""The study that lies open in the window, and the person in front of it.

Nothing of it is held open: every question opens the study, asks, and lets it go, behind the window.
So another rig, a second window and the command line work on the same study at the same time, and
a share that went away is told by the next question, not by a window that hangs.

What was written here is copied to the study's second place soon after, whatever it was.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from gui.behind import Behind
from gui.names import learn, spoken
from gui.remembered import STUDIES, Remembered
from protocols.study import Study, open_study
from protocols.study.people import Person, people_of, who_is
from protocols.study.placing import boxes_of
from protocols.study.second import copy_in_background
from rig.errors import ConfigError, RigError

T = TypeVar("T")
COPIED_MS = 5000
"""From what was written last to the copying: what is written comes in bursts, copied as one."""


@dataclass(frozen=True)
class About:
    """What the window knows of the open study. `why`: what stands against writing; "" nothing.

    `boxes`: name to its rig, "" where none is known.
    """

    folder: Path
    name: str
    people: tuple[Person, ...]
    boxes: dict[str, str]
    why: str
    phases: tuple[str, ...]


class StudyDesk(QObject):
    """Opens a study and asks it.

    Signals: `opened()`: another study, or none; `person_changed()`; `changed()`: something was
    written; `trouble(text)`: what went wrong, "" for nothing.
    """

    opened = pyqtSignal()
    person_changed = pyqtSignal()
    changed = pyqtSignal()
    trouble = pyqtSignal(str)
    _wrote = pyqtSignal()

    def __init__(self, remembered: Remembered, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._remembered, self._behind = remembered, Behind(self)
        self._waiting: deque[Callable[[], None]] = deque()
        self._asking = False
        self._to_copy: set[Path] = set()
        self.copying = QTimer(self)
        self.copying.setSingleShot(True)
        self.copying.setInterval(COPIED_MS)
        self.copying.timeout.connect(self._copy)
        self._wrote.connect(self.copying.start)
        self.about: About | None = None
        self.person: Person | None = None

    @property
    def recent(self) -> list[str]:
        """Studies that were open before, the newest first."""
        return self._remembered.texts(STUDIES)

    @property
    def busy(self) -> bool:
        """Whether something is asked just now."""
        return self._behind.busy or self._asking or bool(self._waiting)

    def open(self, folder: Path) -> None:
        """Open a study; nobody is in front of it then."""

        def there(about: About) -> None:
            self.about, self.person = about, None
            learn(about.phases)
            self._remembered.put_first(STUDIES, str(folder))
            self.trouble.emit("")
            self.opened.emit()
            self.person_changed.emit()

        self._behind.do(lambda: _look(folder), there, self._failed)

    def look_again(self) -> None:
        """People or boxes are others now."""
        if self.about is None:
            return
        folder = self.about.folder

        def there(about: About) -> None:
            if self.about is not None and self.about.folder == folder:
                self.about = about
                learn(about.phases)
                self.changed.emit()

        self._behind.do(lambda: _look(folder), there, self._failed)

    def ask(
        self,
        work: Callable[[Study], T],
        then: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
        *,
        apart: bool = False,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Have the open study asked; answers for one that is not open any more are dropped.

        One question after the other, so that what was done first is written first. `apart`: what
        may take its minute, and nothing waits for it. `wanted`: whether an answer still is; one
        that is not is dropped, an error too.
        """
        if self.about is None:
            return
        folder = self.about.folder

        def opened() -> T:
            with open_study(folder) as study:
                try:
                    return work(study)
                finally:
                    if study.store.written:
                        self._to_copy.add(folder)
                        with suppress(RuntimeError):  # the window may be gone by now
                            self._wrote.emit()

        def still(call: Callable[[], None]) -> None:
            if self.about is not None and self.about.folder == folder and wanted():
                call()

        def wrong(error: Exception) -> None:
            still(lambda: (failed or self._failed)(error))

        def answered(given: T) -> None:
            still(lambda: then(given))

        if apart:
            self._behind.do(opened, answered, wrong)
            return

        def over(told: Callable[[Any], None]) -> Callable[[Any], None]:
            def call(value: Any) -> None:
                self._asking = False
                try:
                    told(value)
                finally:
                    self._go_on()

            return call

        self._waiting.append(lambda: self._behind.do(opened, over(answered), over(wrong)))
        self._go_on()

    def _go_on(self) -> None:
        if not self._asking and self._waiting:
            self._asking = True
            self._waiting.popleft()()

    def do(
        self,
        work: Callable[[], T],
        then: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Have something done that needs no open study."""
        self._behind.do(work, then, failed or self._failed)

    def kept(self, study: Path) -> None:
        """Something was written in a study's folder that no database knows of: it is copied too."""
        self._to_copy.add(study)
        self.copying.start()

    def tell(self, error: Exception) -> None:
        """Say what went wrong."""
        self._failed(error)

    def switch(self, told: str) -> None:
        """Another person: by badge, PIN, or name of who has neither."""

        def known(person: Person) -> None:
            self.person = person
            self.trouble.emit("")
            self.person_changed.emit()

        self.ask(lambda study: who_is(study, told), known)

    def leave(self) -> None:
        """Nobody is in front of it."""
        self.person = None
        self.person_changed.emit()

    def _copy(self) -> None:
        self._behind.do(self._begin_copies, lambda _: None, self._failed)

    def _begin_copies(self) -> None:
        while self._to_copy:
            copy_in_background(self._to_copy.pop())

    def close(self) -> None:
        """The window closes; what was written just now is copied all the same."""
        self.copying.stop()
        self._behind.close()
        with suppress(RigError, OSError):
            self._begin_copies()

    def _failed(self, error: Exception) -> None:
        self.trouble.emit(words_of(error))


def words_of(error: Exception) -> str:
    """An error for somebody at a window: options of the command line are fields here."""
    if isinstance(error, ConfigError) and error.file.startswith("--"):
        field = error.file.removeprefix("--").replace("-", " ")
        return f"{field}: {spoken(error.message)}"
    if isinstance(error, OSError):
        return f"{error.filename or 'file'}: {error.strerror or error}"
    return spoken(str(error))


def _look(folder: Path) -> About:
    with open_study(folder) as study:
        people, boxes = tuple(people_of(study)), boxes_of(study)
        phases = tuple(phase.name for phase in study.protocol.phase)
        return About(folder, study.plan.name, people, boxes, study.store.why, phases)
