"""The door between a station and whoever is not its watcher, tried while a session runs.

    python -m tests.rig.attacks --seconds 60

A station of a simulated rig records a session in real time: half of the time in peace, half of it
under attack, by processes of the same user, which is the worst case: another user does not reach
the socket at all (tests/rig/test_attacks.py). Prints how often each attack was tried and what came
of it, then the session's pictures, drops and latencies in both halves, and verifies the folder.
Exits with 1 where an attack got an answer, executed something or hung, where a tick is missing, or
where the session does not verify.
"""

import argparse
import json
import os
import pickle
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Client, answer_challenge, deliver_challenge
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from rig.channel import ChannelClient, Entry, Message, ensure, entries, find
from rig.channel.messages import MAX_REQUEST_BYTES, to_bytes
from rig.errors import RigError, StationError
from rig.session import verify
from rig.storage import SessionRecord
from tests.fuzz.mutate import VALUES, in_message
from tests.small import tick_until, write_rig

LIMIT_S = 15.0
"""An attack that is not turned away by then hangs."""
KINDS = (
    "hello", "status", "events", "preview", "look", "empty", "play", "board", "try", "camera",
    "wave", "hand", "start",
)  # fmt: skip
"""All that a watcher may ask and that neither ends the station nor a session."""


class AnsweredError(Exception):
    """Somebody got in who should not."""


def dropped(connection: Any) -> None:
    """Wait for the station to let this connection go. Raises AnsweredError where it answers."""
    with suppress(EOFError, ConnectionError):
        if not connection.poll(LIMIT_S):
            raise TimeoutError
        said = connection.recv_bytes()
        raise AnsweredError(repr(said[:80]))


def known(entry: Entry) -> Any:
    """A connection that has shown its key and sends what it likes."""
    connection: Any = Client(entry.address)
    answer_challenge(connection, entry.key())
    deliver_challenge(connection, entry.key())
    return connection


def wrong_key(entry: Entry, dice: Random, marker: Path) -> None:
    for key in (b"", dice.randbytes(32), entry.key()[:-1], entry.key() + b"x"):
        with suppress(StationError), ChannelClient(entry.address, key):
            raise AnsweredError("another key was taken")


def no_key(entry: Entry, dice: Random, marker: Path) -> None:
    """A request in the place of the answer to the challenge."""
    with Client(entry.address) as connection:
        assert connection.recv_bytes(256)
        with suppress(ConnectionError):
            connection.send_bytes(to_bytes(Message("status"))[:250])
        with suppress(EOFError, ConnectionError):
            said = connection.recv_bytes()
            if said != b"#FAILURE#":
                raise AnsweredError(repr(said[:80]))
            dropped(connection)


def other_version(entry: Entry, dice: Random, marker: Path) -> None:
    for version in (0, 2, -1, "1", None, 1e9):
        header = json.dumps({"v": version, "kind": "status", "id": 1, "data": {}}).encode()
        with known(entry) as connection:
            connection.send_bytes(struct.pack(">I", len(header)) + header)
            dropped(connection)


def oversize(entry: Entry, dice: Random, marker: Path) -> None:
    with known(entry) as connection:
        with suppress(ConnectionError):
            connection.send_bytes(bytes(MAX_REQUEST_BYTES + 1))
        dropped(connection)
    with known(entry) as connection:  # a length alone, of 8 EB
        os.write(connection.fileno(), struct.pack("!i", -1) + struct.pack("!Q", 2**63))
        dropped(connection)


def truncated(entry: Entry, dice: Random, marker: Path) -> None:
    blob = to_bytes(Message("status"))
    with known(entry) as connection:
        connection.send_bytes(blob[: dice.randrange(len(blob))])
        dropped(connection)
    with known(entry) as connection:  # and one that stops in the middle, then leaves
        os.write(connection.fileno(), struct.pack("!i", len(blob)) + blob[:5])


def random_bytes(entry: Entry, dice: Random, marker: Path) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(LIMIT_S)
        raw.connect(entry.address)
        with suppress(ConnectionError):
            raw.sendall(dice.randbytes(dice.randrange(1, 5000)))
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(4096):
                pass
    with known(entry) as connection:
        connection.send_bytes(dice.randbytes(dice.randrange(0, 3000)))
        dropped(connection)


class _Runs:
    """What is executed by whoever unpickles it."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self._marker}",)


def pickled(entry: Entry, dice: Random, marker: Path) -> None:
    with known(entry) as connection:
        connection.send_bytes(pickle.dumps(_Runs(marker)))
        dropped(connection)
    with Client(entry.address) as connection:
        connection.recv_bytes(256)
        with suppress(ConnectionError):
            connection.send_bytes(pickle.dumps(_Runs(marker)))
        with suppress(EOFError, ConnectionError):
            assert connection.recv_bytes() == b"#FAILURE#"


def replayed(entry: Entry, dice: Random, marker: Path) -> None:
    """What a watcher said to show its key, said again."""
    spoken: list[bytes] = []

    class Tapped:
        """A connection that keeps what goes out."""

        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def send_bytes(self, blob: bytes) -> None:
            spoken.append(bytes(blob))
            self._inner.send_bytes(blob)

        def recv_bytes(self, most: int | None = None) -> bytes:
            said: bytes = self._inner.recv_bytes(most)
            return said

    with Client(entry.address) as connection:
        tapped: Any = Tapped(connection)
        answer_challenge(tapped, entry.key())
        deliver_challenge(tapped, entry.key())
        tapped.send_bytes(to_bytes(Message("status", {}, b"", 1)))
        assert connection.recv_bytes()
    with Client(entry.address) as connection:
        connection.recv_bytes(256)
        with suppress(ConnectionError):
            for blob in spoken:
                connection.send_bytes(blob)
        with suppress(EOFError, ConnectionError):
            said = connection.recv_bytes()
            if said != b"#FAILURE#":
                raise AnsweredError(repr(said[:80]))


def never_reads(entry: Entry, dice: Random, marker: Path) -> None:
    """Asks for pictures and never reads one; left by the station after its 5 s."""
    connection = known(entry)
    _LEFT.append(connection)
    ask = to_bytes(Message("preview", {"box": "A", "width_px": 4096, "height_px": 4096}))
    with suppress(OSError):
        for _ in range(20):
            connection.send_bytes(ask)
    if len(_LEFT) > 8:
        _LEFT.pop(0).close()


_LEFT: list[Any] = []


def nonsense(entry: Entry, dice: Random, marker: Path) -> None:
    """A watcher with the key whose program has lost its mind: answered, or refused."""
    with ChannelClient(entry.address, entry.key()) as client:
        for _ in range(10):
            words = ("box", "since", "wait_s", "width_px", "height_px", "after", "outline", "set",
                     "crop_px", "threshold", "apparatus", "background", "do", "door", "output",
                     "on_ms", "hold_s", "chamber", "value", "wish", "out", "seed",
                     "animal")  # fmt: skip
            data = {dice.choice(words): dice.choice(VALUES) for _ in range(dice.randrange(5))}
            data.setdefault("box", "A")
            try:
                client.request(dice.choice(KINDS), **data)
            except ValueError:
                continue  # no JSON: it was not sent
            except RigError as error:
                if "the station failed" in str(error):
                    raise
    good = to_bytes(Message("events", {"box": "A", "since": 2, "wait_s": 0}, b"", 1))
    with known(entry) as connection:
        with suppress(ConnectionError):
            connection.send_bytes(in_message(good, dice))
        with suppress(EOFError, ConnectionError):
            connection.poll(LIMIT_S)


Attack = Callable[[Entry, Random, Path], None]
ATTACKS: dict[str, Attack] = {
    "wrong key": wrong_key,
    "no key": no_key,
    "another version": other_version,
    "oversize": oversize,
    "truncated": truncated,
    "random bytes": random_bytes,
    "pickled": pickled,
    "replayed": replayed,
    "never reads": never_reads,
    "nonsense": nonsense,
}


class Siege:
    """All attacks in turn, in a thread, until it is ended."""

    def __init__(self, entry: Entry, marker: Path, seed: int = 1) -> None:
        self.tried: Counter[str] = Counter()
        self.faults: list[str] = []
        self._entry, self._marker, self._dice = entry, marker, Random(seed)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        """Attack from now on."""
        self._thread.start()

    def end(self) -> None:
        """Stop after the attack that runs."""
        self._end.set()
        self._thread.join(LIMIT_S + 10)
        if self._thread.is_alive():
            self.faults.append("an attack hangs")
        self.end_quietly()

    @staticmethod
    def end_quietly() -> None:
        """Let go of connections that were never read."""
        while _LEFT:
            _LEFT.pop().close()

    def once(self, name: str) -> None:
        """One attack, judged."""
        try:
            ATTACKS[name](self._entry, self._dice, self._marker)
        except Exception as error:
            self.faults.append(f"{name}: {type(error).__name__}: {error}")
        self.tried[name] += 1
        if self._marker.exists():
            self.faults.append(f"{name}: something was executed")

    def _run(self) -> None:
        while True:
            for name in ATTACKS:
                if self._end.is_set():
                    return
                self.once(name)


def begun(client: ChannelClient, out: Path, seconds: float) -> Path:
    """A session of box A, its simulated animal placed, scored for so long."""
    steps = [{"do": "place", "chamber": "centre", "limit_s": 30},
             {"do": "explore", "duration_s": seconds, "scored": True}]  # fmt: skip
    plan = {"protocol": "short", "phase": "pretest", "step": steps}
    wish = {"plan": plan, "subject": "M01", "phase": "pretest"}
    folder = Path(client.request("start", box="A", wish=wish, out=str(out))["folder"])
    tick_until(lambda: client.request("status")["boxes"]["A"].get("step", 0) >= 2)
    return folder


def ended(client: ChannelClient, limit_s: float) -> dict[str, Any]:
    """The session's end, once its files are complete."""

    def told() -> Any:
        box = client.request("status")["boxes"]["A"]
        return box if box["state"] == "ended" else None

    found: dict[str, Any] = tick_until(told, limit_s)
    return found


def main() -> int:
    """The command line; gives the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="both halves")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="placepref-attacks-") as name:
        folder = Path(name)
        os.environ["PLACEPREF_RUNTIME"] = str(folder / "run")
        source = write_rig(folder, drive="none")
        with ensure(source) as client:
            session = begun(client, folder / "study", seconds)
            entry = find(source)
            assert entry is not None
            began_s = time.monotonic()
            first_k = _last_tick(session)
            time.sleep(seconds / 2)
            siege = Siege(entry, folder / "executed")
            attacked_k = _last_tick(session)
            siege.begin()
            time.sleep(max(0.0, seconds - (time.monotonic() - began_s) - 1.0))
            siege.end()
            last_k = _last_tick(session)
            ending = ended(client, seconds + 60)
            client.request("quit")
        tick_until(lambda: not entries())
        return _told(session, ending, siege, (first_k, attacked_k, last_k))


def _last_tick(session: Path) -> int:
    return (session / "ticks.jsonl").read_bytes().count(b"\n")


def _told(session: Path, ending: dict[str, Any], siege: Siege, ks: tuple[int, int, int]) -> int:
    faults = list(siege.faults)
    for name, count in siege.tried.items():
        print(f"{name:<18}{count:>7}")
    record = SessionRecord.open(session)
    ticks = list(record.ticks())
    first, middle, last = ks
    for word, part in (("in peace", ticks[first:middle]), ("attacked", ticks[middle:last])):
        t = np.array([tick.t_ns for tick in part if tick.frame is not None])
        frames = np.array([tick.frame for tick in part if tick.frame is not None])
        gaps = int((np.diff(frames) - 1).sum())
        late_ms = np.diff(t) / 1e6
        print(f"{word:<18}{len(part):>7} ticks, {gaps} dropped, between pictures p50 "
              f"{np.median(late_ms):.1f} ms, p99 {np.percentile(late_ms, 99):.1f} ms")  # fmt: skip
    row = record.stop or {}
    print("latency " + ", ".join(f"{q} {row.get(f'latency_{q}_ms')} ms" for q in
                                 ("p50", "p95", "p99", "max")))  # fmt: skip
    if [tick.k for tick in ticks] != list(range(len(ticks))):
        faults.append("a tick is missing")
    if ending["ending"]["status"] != "completed":
        faults.append(f"the session ended {ending['ending']}")
    if not verify(session).ok:
        faults.append("the session does not verify")
    for fault in dict.fromkeys(faults):
        print(f"FAULT: {fault}")
    print(f"{siege.tried.total()} attacks, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
