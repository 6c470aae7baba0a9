"""Pictures of a recording for the window, found and decoded in a thread of their own."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from PyQt6.QtCore import QObject, pyqtSignal

from rig.errors import RigError
from rig.session.viewing import Reel

log = logging.getLogger(__name__)

Open = Callable[[], Reel]


class Projector(QObject):
    """Shows the newest picture that was asked for; older wishes are dropped.

    Signals: shown(look, number), of the `number`-th reel that was put in; failed(error, number).
    """

    shown = pyqtSignal(object, int)
    failed = pyqtSignal(object, int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._turn = threading.Condition()
        self._thread: threading.Thread | None = None
        self._open: Open | None = None
        self._wanted: tuple[int, tuple[float, float] | None] | None = None
        self._number = 0
        self._closed = False

    def put_in(self, open_: Open | None) -> int:
        """Another recording, opened in the thread; None: none. Gives its number."""
        with self._turn:
            self._open, self._wanted = open_, None
            self._number += 1
            if self._thread is None and open_ is not None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="projector", daemon=True)
                self._thread.start()
            self._turn.notify()
            return self._number

    def ask(self, frame: int, at: tuple[float, float] | None) -> None:
        """Show the picture of `frame`; `at`: where the animal is in it, for its outline."""
        with self._turn:
            self._wanted = (frame, at)
            self._turn.notify()

    def close(self) -> None:
        """End the thread; nothing is told any more."""
        with self._turn:
            self._closed = True
            self._turn.notify()
        if self._thread is not None:
            self._thread.join(5.0)
            self._thread = None

    def _work(self) -> None:
        reel: Reel | None = None
        number = 0
        while True:
            with self._turn:
                while not self._closed and number == self._number and self._wanted is None:
                    self._turn.wait()
                if self._closed:
                    break
                wanted, self._wanted = self._wanted, None
                fresh = self._open if number != self._number else None
                changed, number = number != self._number, self._number
            if changed:
                reel = self._next(reel, fresh, number)
            if wanted is not None and reel is not None:
                try:
                    look = reel.look(*wanted)
                except Exception as error:  # told in the window
                    self._tell_failed(error, number)
                else:
                    with suppress(RuntimeError):  # the window may be gone
                        self.shown.emit(look, number)
        if reel is not None:
            reel.close()

    def _next(self, reel: Reel | None, open_: Open | None, number: int) -> Reel | None:
        if reel is not None:
            reel.close()
        if open_ is None:
            return None
        try:
            return open_()
        except Exception as error:
            self._tell_failed(error, number)
            return None

    def _tell_failed(self, error: Exception, number: int) -> None:
        if not isinstance(error, RigError | OSError):
            log.exception("unforeseen")
        with suppress(RuntimeError):
            self.failed.emit(error, number)
