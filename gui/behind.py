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
    """Does one thing a call, in a thread of its own.

    `newest_only`: what an older call gives is not told once there is a newer one.
    """

    _call = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None, *, newest_only: bool = False) -> None:
        super().__init__(parent)
        self._closed = False
        self._newest_only, self._calls = newest_only, 0
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
        self._calls += 1
        thread = threading.Thread(
            target=self._work, args=(self._calls, work, then, failed), name="behind", daemon=True
        )
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return any(thread.is_alive() for thread in self._threads)

    def _work(
        self,
        number: int,
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
            self._tell(number, lambda: failed(wrong))
        else:
            self._tell(number, lambda: then(given))

    def _tell(self, number: int, call: Callable[[], None]) -> None:
        def tell() -> None:  # in the window's thread, where newer calls are made
            if not self._closed and not (self._newest_only and number != self._calls):
                call()

        # The window may be gone before the work is done: then nobody is to be told.
        with suppress(RuntimeError):
            if not self._closed:
                self._call.emit(tell)

    def close(self, wait_s: float = 0.5) -> None:
        """Tell nobody from now on. What is under way goes on by itself."""
        self._closed = True
        for thread in self._threads:
            thread.join(wait_s)
