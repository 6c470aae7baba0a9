"""The station's end of the channel: a thread that accepts, and a thread for each client."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import (
    Client,
    Connection,
    Listener,
    answer_challenge,
    deliver_challenge,
)
from typing import Any

from rig.channel.messages import MAX_REQUEST_BYTES, Message, parse, to_bytes
from rig.channel.system import limit_waits
from rig.errors import ConfigError, RigError

log = logging.getLogger(__name__)

Answer = Callable[[Message], Message]
"""Called in a client's own thread: one request in, its reply out."""

STALLED_S = 5.0
"""A client that stops in the middle of a message, or does not read, is dropped after this."""
MOST_CLIENTS = 64
GLANCE_S = 0.5


class ChannelServer:
    """Listens at an address from the moment it is made, and answers clients that have the key.

    Each client asks and is answered in a thread of its own, one request at a time: a client
    that does not read holds up itself alone, and nothing piles up for it. One that sends what
    is no message of this version is dropped.
    """

    def __init__(self, answer: Answer, address: str, key: bytes) -> None:
        self._answer, self._key, self.address = answer, key, address
        self._listener = Listener(address, backlog=16)
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._clients: set[threading.Thread] = set()
        self._watchers = 0
        self._left_s = time.monotonic()
        self._accepting = threading.Thread(target=self._accept, name="channel", daemon=True)
        self._accepting.start()

    @property
    def watchers(self) -> int:
        """How many clients with the key are connected."""
        with self._lock:
            return self._watchers

    @property
    def unwatched_s(self) -> float:
        """How long no client has been connected, in seconds; 0 while one is."""
        with self._lock:
            return 0.0 if self._watchers else time.monotonic() - self._left_s

    def close(self) -> None:
        """Stop listening and let every client go."""
        if self._closed.is_set():
            return
        self._closed.set()
        with suppress(OSError, EOFError):
            # accept() is woken by a call.
            Client(self.address).close()
        self._accepting.join(2.0)
        with suppress(FileNotFoundError):
            self._listener.close()
        with self._lock:
            clients = list(self._clients)
        for thread in clients:
            if thread is not threading.current_thread():
                thread.join(2 * GLANCE_S)

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection = self._listener.accept()
            except (OSError, EOFError):
                if not self._closed.is_set():
                    log.warning("a client could not be accepted", exc_info=True)
                    self._closed.wait(0.1)
                continue
            with self._lock:
                full = len(self._clients) >= MOST_CLIENTS
            if full or self._closed.is_set():
                connection.close()
                continue
            thread = threading.Thread(
                target=self._serve, args=(connection,), name="channel-client", daemon=True
            )
            with self._lock:
                self._clients.add(thread)
            thread.start()

    def _serve(self, connection: "Connection[Any, Any]") -> None:
        known = False
        try:
            limit_waits(connection, STALLED_S)
            deliver_challenge(connection, self._key)
            answer_challenge(connection, self._key)
            known = True
            self._count(+1)
            while not self._closed.is_set():
                if connection.poll(GLANCE_S):
                    request = parse(connection.recv_bytes(MAX_REQUEST_BYTES))
                    connection.send_bytes(self._reply(request))
        except EOFError:
            pass  # it left
        except Exception as error:
            # Whatever a client did, it concerns this client alone.
            log.info("a client was dropped: %s: %s", type(error).__name__, error)
        finally:
            if known:
                self._count(-1)
            with suppress(OSError):
                connection.close()
            with self._lock:
                self._clients.discard(threading.current_thread())

    def _count(self, change: int) -> None:
        with self._lock:
            self._watchers += change
            self._left_s = time.monotonic()

    def _reply(self, request: Message) -> bytes:
        number = request.id
        try:
            reply = self._answer(request)
            return to_bytes(Message(reply.kind, reply.data, reply.body, number))
        except ConfigError as error:
            data = {"error": "config", "file": error.file, "key": error.key}
            return to_bytes(Message("error", {**data, "message": error.message}, id=number))
        except (RigError, ValueError) as error:
            message = str(error)
        except Exception as error:
            log.exception("the request %r failed", request.kind)
            message = f"the station failed at {request.kind!r}: {type(error).__name__}: {error}"
        return to_bytes(Message("error", {"error": "", "message": message}, id=number))
