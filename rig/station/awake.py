"""The system kept from going to sleep while a session runs, in a thread of its own.

Asking the system may take a while (a message bus, another process), and who decides cannot wait.
"""

import logging
import threading

log = logging.getLogger(__name__)

TRIES_S = 3.0


class Awake:
    """`want` says whether to stay awake from now on; `told` gives what came of it."""

    def __init__(self) -> None:
        self._wanted, self._asking = threading.Event(), threading.Lock()
        self._changed, self._settled = threading.Event(), threading.Event()
        self._closed = False
        self._held, self._why = False, "not asked for yet"
        self._thread: threading.Thread | None = None

    def want(self, awake: bool) -> None:
        """Stay awake, or let the system sleep when it likes. Never waits for the system."""
        with self._asking:
            if awake == self._wanted.is_set():
                return
            # Before the word itself: who is told waits until it is settled anew.
            self._settled.clear()
            if awake:
                self._wanted.set()
            else:
                self._wanted.clear()
            self._changed.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="awake", daemon=True)
                self._thread.start()

    def told(self, wait_s: float = TRIES_S) -> tuple[bool, str]:
        """Whether the system is kept awake, and if not, why; waits until that is known."""
        if self._wanted.is_set() and not self._settled.wait(wait_s):
            return False, "the system does not answer"
        return self._held, self._why

    def close(self) -> None:
        """Let the system sleep."""
        self._closed = True
        self._wanted.clear()
        self._changed.set()
        if self._thread is not None:
            self._thread.join(TRIES_S)

    def _run(self) -> None:
        while not self._closed:
            self._changed.wait()
            self._changed.clear()
            if self._wanted.is_set():
                self._hold()

    def _hold(self) -> None:
        try:
            from wakepy import keep

            logging.getLogger("wakepy").setLevel(logging.WARNING)  # it tells each way it tried
            with keep.running(on_fail="pass") as mode:
                self._held = bool(mode.active)
                self._why = "" if self._held else "this system offers no way to"
                while self._wanted.is_set():
                    self._settled.set()  # each time: it may have been let go and wanted again
                    self._changed.wait()
                    self._changed.clear()
        except Exception as error:  # whatever the system's services make of it, the session runs
            log.info("the system is not kept awake", exc_info=True)
            self._why = f"{type(error).__name__}: {error}"
        self._held = False
        self._settled.set()
