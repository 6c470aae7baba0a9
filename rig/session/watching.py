"""Who watches during a session that the camera stands still; in a thread where time is real."""

import logging
import zlib
from concurrent.futures import Future, ThreadPoolExecutor

from rig.model import Frame, Gray
from rig.tracking.standing import LOOK_NS, Stand, Standing

_log = logging.getLogger(__name__)


class CameraWatch:
    """Gives pictures of one box to `Standing` when it wants one.

    Args:
        reference: the background, height x width.
        camera: how the camera stands at first, as in `State`.
        real: time is real: nothing may wait for a look, so it is taken in a thread of its own and
            what it tells comes when it is known. In virtual time it comes with the next picture.
        box: several boxes do not look at the same moment, but each at its own by its name.
    """

    def __init__(
        self, reference: Gray, camera: tuple[float, ...] | None, *, real: bool, box: str = ""
    ) -> None:
        self._standing = Standing(reference, camera)
        self._pool = ThreadPoolExecutor(1, "camera watch") if real else None
        self._after_ns = zlib.crc32(box.encode()) % LOOK_NS if real else 0
        self._first_ns: int | None = None
        self._looking: Future[Stand | None] | None = None
        self._news: Stand | None = None

    def news(self) -> Stand | None:
        """What the last look told, once."""
        if self._looking is not None and self._looking.done():
            self._news, self._looking = self._looking.result(), None
        news, self._news = self._news, None
        return news

    def see(self, frame: Frame) -> None:
        """Look at the picture if it is time; do nothing while another is being looked at."""
        if self._looking is not None or frame.t_ns < self._standing.next_ns:
            return
        if self._first_ns is None:
            self._first_ns = frame.t_ns + self._after_ns
        if frame.t_ns < self._first_ns:
            return
        if self._pool is None:
            self._news = self._look(frame)
        else:
            self._looking = self._pool.submit(self._look, frame)

    def _look(self, frame: Frame) -> Stand | None:
        try:
            return self._standing.look(frame.image, frame.index, frame.t_ns)
        except Exception:
            _log.exception("whether the camera stands still cannot be seen; the session goes on")
            return None

    def close(self) -> None:
        """No look is begun any more; one that is going on is not waited for."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
