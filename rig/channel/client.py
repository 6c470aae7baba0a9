"""The other end of the channel: find or start a rig's station, and ask it."""

import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, answer_challenge, deliver_challenge
from pathlib import Path
from subprocess import Popen
from typing import Any, Self

import rig
from rig.channel.entries import (
    Entry,
    find,
    is_claimed,
    name_of,
    runtime_folder,
    spell_source,
)
from rig.channel.messages import MAX_REPLY_BYTES, Message, parse, to_bytes
from rig.channel.system import limit_waits, spawn_detached
from rig.errors import ConfigError, StationError

LARGEST_LOG_BYTES = 1 << 20
WRONG_INPUT = 2
"""Exit code of a station that was given a rig that cannot be used."""
LAST_WORD = " ERROR rig.station: "
"""What stands in its log before the reason why it ends."""


class ChannelClient:
    """A connection to one station; any thread may ask, one after the other.

    Raises StationError where no station answers at the address, or the key is another.
    """

    def __init__(self, address: str, key: bytes, timeout_s: float = 5.0) -> None:
        self._lock = threading.Lock()
        self._id = 0
        try:
            self._connection = Client(address)
        except OSError as error:
            raise StationError(f"no station answers at {address}: {error}") from None
        try:
            limit_waits(self._connection, timeout_s)
            answer_challenge(self._connection, key)
            deliver_challenge(self._connection, key)
        except (OSError, EOFError, AssertionError, AuthenticationError) as error:
            self._connection.close()
            why = str(error) or type(error).__name__
            raise StationError(f"what answers at {address} is no station: {why}") from None

    def ask(
        self, kind: str, data: dict[str, Any] | None = None, *, timeout_s: float = 10.0
    ) -> Message:
        """The station's reply, with its body.

        Raises StationError with the station's own words, or when it does not answer in time or
        is gone; ConfigError where a person's file or option is at fault.
        """
        with self._lock:
            self._id += 1
            try:
                self._connection.send_bytes(to_bytes(Message(kind, data or {}, id=self._id)))
                reply = self._receive(kind, timeout_s)
            except (OSError, EOFError) as error:
                with suppress(OSError):
                    self._connection.close()
                why = str(error) or "it closed the connection"
                raise StationError(f"the station is gone: {why}") from None
        if reply.kind != "error":
            return reply
        text = str(reply.data.get("message", ""))
        if reply.data.get("error") == "config":
            file, key = str(reply.data.get("file", "")), str(reply.data.get("key", ""))
            raise ConfigError(file, key, text)
        raise StationError(text)

    def _receive(self, kind: str, timeout_s: float) -> Message:
        end_s = time.monotonic() + timeout_s
        while True:
            left_s = end_s - time.monotonic()
            if left_s <= 0 or not self._connection.poll(left_s):
                raise StationError(f"the station did not answer {kind!r} within {timeout_s:g} s")
            try:
                reply = parse(self._connection.recv_bytes(MAX_REPLY_BYTES))
            except ValueError as error:
                self._connection.close()
                message = f"the station does not speak as this program does: {error}"
                raise StationError(message) from None
            # The reply to a question that was given up comes late: it is not this one's.
            if reply.id == self._id:
                return reply

    def request(self, kind: str, /, *, timeout_s: float = 10.0, **fields: Any) -> dict[str, Any]:
        """The data of the station's reply; raises what `ask` raises."""
        return dict(self.ask(kind, fields, timeout_s=timeout_s).data)

    @property
    def is_open(self) -> bool:
        """Whether it may be asked again."""
        return not self._connection.closed

    def close(self) -> None:
        """Leave the station; it goes on."""
        with suppress(OSError):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(entry: Entry, timeout_s: float = 5.0) -> ChannelClient:
    """A connection to the station of this entry. Raises StationError when it does not answer."""
    return ChannelClient(entry.address, entry.key(), timeout_s)


def ensure(source: str, options: Sequence[str] = (), *, timeout_s: float = 30.0) -> ChannelClient:
    """A connection to the station of a rig, which is started, detached, if none runs.

    Args:
        source: the rig as on a command line: "sim", "sim:FILE" or a rig file's path.
        options: further arguments of `python -m rig.station RIG`, used only where it is started.
        timeout_s: how long a station may take to open its devices.

    Raises ConfigError or StationError with the station's own last word when it does not come up.
    """
    spelled = spell_source(source)
    process, log_file, already = None, Path(), 0
    why = "it does not answer"
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s:
        ended = process is not None and process.poll() is not None
        # Asked after: a station that someone else has started meanwhile is as good.
        entry = find(spelled)
        if entry is not None:
            try:
                return connect(entry)
            except StationError as error:
                why = str(error)  # it is just ending, or stuck: the time will tell
        elif not is_claimed(spelled):
            if process is not None and ended:
                said = _last_line(log_file, already)
                if process.returncode == WRONG_INPUT:
                    raise ConfigError("", "", said)
                raise StationError(f"the station of {source} did not start: {said}")
            if process is None:
                log_file, already = _log_file(spelled)
                process = _spawn(spelled, options, log_file)
        time.sleep(0.02)
    said = f"; see {log_file}" if process is not None else ""
    raise StationError(f"the station of {source} did not come up in {timeout_s:g} s: {why}{said}")


def _spawn(source: str, options: Sequence[str], log_file: Path) -> "Popen[bytes]":
    env = dict(os.environ)
    env["PYTHONPATH"] = os.pathsep.join(
        [str(Path(rig.__file__).parents[1]), *filter(None, [env.get("PYTHONPATH")])]
    )
    with log_file.open("ab") as out:
        process = spawn_detached([sys.executable, "-m", "rig.station", source, *options], out, env)
    # Waited for in the background, or the ended process would stay in the system's table.
    threading.Thread(target=process.wait, name="station", daemon=True).start()
    return process


def _log_file(source: str) -> tuple[Path, int]:
    """Where a station's log goes on, and how many bytes are in it already."""
    path = runtime_folder() / f"{name_of(source)}.log"
    size = path.stat().st_size if path.exists() else 0
    if size > LARGEST_LOG_BYTES:
        with suppress(OSError):
            path.unlink()
            size = 0
    return path, size


def _last_line(log_file: Path, already: int) -> str:
    text = log_file.read_bytes()[already:].decode(errors="replace")
    lines = text.strip().splitlines()
    if not lines:
        return f"it said nothing in {log_file}"
    return lines[-1].rpartition(LAST_WORD)[2]
