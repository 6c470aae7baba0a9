"""Work that may wait for a disk or a process, done behind the window; its answer comes back in it.

Threads end with their work, and a closed window is told nothing.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from PyQt6.QtCore import QObject, pyqtSignal

from rig.errors import RigError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Behind(QObject):
    """Does one thing a call, in a thread of its own."""

    _call = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._call.connect(lambda done: done())

    def do(
        self,
        work: Callable[[], T],
        then: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Have `work` done; `then` gets what it gives, `failed` whatever went wrong in it."""
        if self._closed:
            return
        thread = threading.Thread(
            target=self._work, args=(work, then, failed), name="behind", daemon=True
        )
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def _work(
        self,
        work: Callable[[], T],
        then: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        try:
            given = work()
        except Exception as error:
            if not isinstance(error, RigError | OSError):
                log.exception("unforeseen")
            wrong = error
            self._tell(lambda: failed(wrong))
        else:
            self._tell(lambda: then(given))

    def _tell(self, call: Callable[[], None]) -> None:
        # The window may be gone before the work is done: then nobody is to be told.
        with suppress(RuntimeError):
            if not self._closed:
                self._call.emit(call)

    def close(self, wait_s: float = 0.5) -> None:
        """Tell nobody from now on. What is under way goes on by itself."""
        self._closed = True
        for thread in self._threads:
            thread.join(wait_s)
