"""Work that reads files, in a thread of its own; its outcome comes back in the window's thread."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from PyQt6.QtCore import QObject, pyqtSignal

T = TypeVar("T")


class Background(QObject):
    """One piece of work at a time is wanted: what an older one gives is not told any more."""

    _over = pyqtSignal(int, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wanted = 0
        self._threads: list[threading.Thread] = []
        self._then: Callable[[Any], None] = lambda given: None
        self._failed: Callable[[Exception], None] = lambda error: None
        self._over.connect(self._tell)

    @property
    def busy(self) -> bool:
        """Whether something is on its way."""
        return any(thread.is_alive() for thread in self._threads)

    def do(
        self,
        work: Callable[[], T],
        then: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Do `work` in a thread; `then` gets what it gives, `failed` what it raises."""
        self._wanted += 1
        number = self._wanted
        self._then, self._failed = then, failed

        def run() -> None:
            try:
                given: object = work()
            except Exception as error:
                given = error
            with suppress(RuntimeError):  # the window may be gone by now
                self._over.emit(number, given)

        thread = threading.Thread(target=run, name="read", daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def close(self, wait_s: float = 5.0) -> None:
        """Nothing is told any more."""
        self._wanted += 1
        for thread in self._threads:
            thread.join(wait_s)

    def _tell(self, number: int, given: object) -> None:
        if number != self._wanted:
            return
        if isinstance(given, Exception):
            self._failed(given)
        else:
            self._then(given)
