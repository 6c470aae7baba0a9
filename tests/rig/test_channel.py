"""Messages, clients that misbehave, and stations that are found, claimed and forgotten."""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Client, Connection, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.channel import (
    ChannelClient,
    ChannelServer,
    Entry,
    Message,
    claim,
    connect,
    entries,
    find,
    runtime_folder,
    spell_source,
)
from rig.channel.entries import is_claimed, name_of, write_key
from rig.channel.messages import MAX_REQUEST_BYTES, parse, to_bytes
from rig.channel.system import address_for
from rig.errors import ConfigError, StationError

KEY = b"k" * 32

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="these clients speak to a socket file below the channel"
)


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run"
    monkeypatch.setenv("PLACEPREF_RUNTIME", str(folder))
    return folder


def answer(request: Message) -> Message:
    if request.kind == "echo":
        return Message("echo", dict(request.data), bytes(int(request.data.get("size", 0))))
    if request.kind == "wrong file":
        raise ConfigError("box.toml", "chamber[1].name", "'x': no such thing")
    if request.kind == "wrong value":
        raise ValueError("box 'Z': there is no such box")
    if request.kind == "not json":
        return Message("ok", {"it": object()})
    raise RuntimeError("broken")


@pytest.fixture
def server(runtime: Path) -> Iterator[ChannelServer]:
    server = ChannelServer(answer, address_for(runtime_folder(), "test"), KEY)
    yield server
    server.close()
    left = [t.name for t in threading.enumerate() if t.name.startswith("channel")]
    assert left == []


def raw(server: ChannelServer) -> "Connection[Any, Any]":
    """A client that has shown its key and can send what it likes."""
    connection = Client(server.address)
    answer_challenge(connection, KEY)
    deliver_challenge(connection, KEY)
    return connection


def until(reached: Callable[[], bool], limit_s: float = 5.0) -> None:
    event = threading.Event()
    for _ in range(int(limit_s / 0.01)):
        if reached():
            return
        event.wait(0.01)
    raise AssertionError("not reached in time")


# messages


@given(
    kind=st.text(),
    data=st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.none(), st.booleans())),
    body=st.binary(),
    number=st.integers(0, 2**53),
)
def test_a_message_comes_back_as_it_was(
    kind: str, data: dict[str, Any], body: bytes, number: int
) -> None:
    message = Message(kind, data, body, number)
    assert parse(to_bytes(message)) == message


@given(st.binary(max_size=200))
def test_random_bytes_are_no_message(blob: bytes) -> None:
    with pytest.raises(ValueError, match=r"message|header|version"):
        parse(blob)


@given(cut=st.integers(0, 10_000), change=st.integers(1, 255))
def test_a_damaged_message_is_refused_or_another_message(cut: int, change: int) -> None:
    blob = bytearray(to_bytes(Message("status", {"box": "A"}, b"", 7)))
    blob[cut % len(blob)] ^= change
    with suppress(ValueError):
        parse(bytes(blob))


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"v": 2, "kind": "hello", "id": 1, "data": {}}, id="version-to-come"),
        pytest.param({"kind": "hello", "id": 1, "data": {}}, id="no-version"),
        pytest.param({"v": 1, "id": 1, "data": {}}, id="no-kind"),
        pytest.param({"v": 1, "kind": "hello", "id": "1", "data": {}}, id="id-as-text"),
        pytest.param({"v": 1, "kind": "hello", "id": 1, "data": []}, id="data-a-list"),
        pytest.param([1], id="a-list"),
    ],
)
def test_a_header_of_another_kind_is_refused(header: object) -> None:
    text = json.dumps(header).encode()
    with pytest.raises(ValueError, match=r"version|header"):
        parse(struct.pack(">I", len(text)) + text)


def test_deeply_nested_json_is_refused() -> None:
    text = b"[" * 200_000
    with pytest.raises(ValueError, match="not JSON"):
        parse(struct.pack(">I", len(text)) + text)


# asking


def test_a_request_is_answered_with_data_and_body(server: ChannelServer) -> None:
    with ChannelClient(server.address, KEY) as client:
        assert client.request("echo", box="A", n=3) == {"box": "A", "n": 3}
        large = 20_000_000
        reply = client.ask("echo", {"size": large})
        assert len(reply.body) == large
        assert server.watchers == 1
    until(lambda: server.watchers == 0)
    assert server.unwatched_s < 5


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        pytest.param("wrong file", ConfigError, r"box\.toml: chamber\[1\]\.name: 'x'", id="config"),
        pytest.param("wrong value", StationError, "box 'Z': there is no such box", id="value"),
        pytest.param("what", StationError, "failed at 'what': RuntimeError: broken", id="a-fault"),
        pytest.param("not json", StationError, "failed at 'not json'", id="unserialisable"),
    ],
)
def test_a_refusal_is_one_line_and_the_connection_goes_on(
    server: ChannelServer, kind: str, error: type[Exception], words: str
) -> None:
    with ChannelClient(server.address, KEY) as client:
        with pytest.raises(error, match=words):
            client.request(kind)
        assert client.request("echo", n=1) == {"n": 1}


def test_a_late_reply_is_not_taken_for_the_next_ones(runtime: Path) -> None:
    gate = threading.Event()

    def slow(request: Message) -> Message:
        if request.data.get("wait"):
            gate.wait(10)
        return Message("ok", dict(request.data))

    server = ChannelServer(slow, address_for(runtime_folder(), "slow"), KEY)
    try:
        with ChannelClient(server.address, KEY) as client:
            with pytest.raises(StationError, match=r"did not answer 'x' within 0\.05 s"):
                client.request("x", wait=True, timeout_s=0.05)
            gate.set()
            assert client.request("x", n=2) == {"n": 2}
    finally:
        server.close()


def test_another_key_is_turned_away(server: ChannelServer) -> None:
    with pytest.raises(StationError, match="no station"):
        ChannelClient(server.address, b"another key")
    with ChannelClient(server.address, KEY) as client:
        assert client.request("echo") == {}


def test_no_one_at_the_address_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StationError, match="no station answers at"):
        ChannelClient(str(tmp_path / "nobody"), KEY)


def test_a_server_that_closes_is_gone_for_its_clients(server: ChannelServer) -> None:
    with ChannelClient(server.address, KEY) as client:
        server.close()
        with pytest.raises(StationError, match="the station is gone"):
            client.request("echo")


# clients that misbehave


def test_a_client_that_sends_no_message_is_dropped_and_no_other(server: ChannelServer) -> None:
    wrong_version = to_bytes(Message("echo")).replace(b'"v":1', b'"v":9')
    with ChannelClient(server.address, KEY) as good:
        for blob in (b"garbage", b"", wrong_version, bytes(MAX_REQUEST_BYTES + 1)):
            with raw(server) as bad:
                with suppress(BrokenPipeError):  # dropped before it had sent all of it
                    bad.send_bytes(blob)
                with pytest.raises((EOFError, ConnectionResetError)):
                    bad.recv_bytes()
            assert good.request("echo", n=1) == {"n": 1}


def test_bytes_below_the_channel_drop_that_client_only(server: ChannelServer) -> None:
    with ChannelClient(server.address, KEY) as good:
        for blob in (b"\xff\xff\xff\xff" + b"\x7f" * 8, b"\xff\xff\xff\x00", bytes(range(64))):
            with socket.socket(socket.AF_UNIX) as bad:
                bad.connect(server.address)
                bad.recv(100)  # the challenge
                bad.sendall(blob)
                bad.shutdown(socket.SHUT_WR)
                bad.settimeout(5)
                with suppress(ConnectionResetError):
                    while bad.recv(4096):
                        pass
        assert good.request("echo", n=1) == {"n": 1}
        assert server.watchers == 1


def test_a_message_that_stops_in_the_middle_is_dropped_in_time(
    server: ChannelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rig.channel.server.STALLED_S", 0.2)
    with raw(server) as bad, ChannelClient(server.address, KEY) as good:
        os.write(bad.fileno(), struct.pack("!i", 100) + b"only the beginning")
        assert good.request("echo", n=1) == {"n": 1}
        assert bad.poll(5)
        with pytest.raises(EOFError):
            bad.recv_bytes()


def test_a_client_that_never_reads_holds_up_no_one(
    server: ChannelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rig.channel.server.STALLED_S", 0.2)
    with raw(server) as bad, ChannelClient(server.address, KEY) as good:
        until(lambda: server.watchers == 2)
        bad.send_bytes(to_bytes(Message("echo", {"size": 30_000_000})))
        assert good.request("echo", n=1) == {"n": 1}
        until(lambda: server.watchers == 1)
        assert good.request("echo", n=2) == {"n": 2}


# claims and entries


def an_entry(source: str) -> Entry:
    folder = runtime_folder()
    key_file, _ = write_key(folder, name_of(source))
    return Entry("rack A", source, "cam", ("p",), 1, str(folder / "s"), str(key_file), "now")


def test_a_claim_is_exclusive_named_and_given_back() -> None:
    held = claim(["camera one", "port two"], "rack A")
    words = r"port two is in use by the station of rig 'rack A' \(process \d+\)"
    with pytest.raises(StationError, match=words):
        claim(["camera three", "port two"], "rack B")
    assert not is_claimed("camera three"), "all or nothing"
    for one in held:
        one.release()
        one.release()
    for one in claim(["port two"], "rack B"):
        one.release()


def test_a_crashed_owner_leaves_nothing_in_the_way() -> None:
    code = (
        "import os; from rig.channel import claim; held = claim(['camera one'], 'rack A');"
        "print('held', flush=True); input()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child, child.stdin, child.stdout:
        assert child.stdout.readline().strip() == b"held"
        with pytest.raises(StationError, match=f"process {child.pid}"):
            claim(["camera one"], "rack B")
        child.kill()
    for one in claim(["camera one"], "rack B"):
        one.release()


def test_a_living_station_is_found_and_a_dead_one_forgotten(runtime: Path) -> None:
    source = spell_source("sim")
    entry = an_entry(source)
    (held,) = claim([source], "rack A")
    entry.write()
    assert find("sim") == entry
    assert entry.key() == (runtime / f"{name_of(source)}.key").read_bytes()
    held.release()
    assert entries() == []
    assert sorted(p.suffix for p in runtime.iterdir()) == [".lock"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"rig": 1, "ports": null}'],
    ids=["empty", "cut", "a-list", "no-fields", "wrong-types"],
)
def test_a_damaged_entry_is_removed(runtime: Path, text: str) -> None:
    path = runtime_folder() / f"{name_of('sim')}.json"
    path.write_text(text)
    assert find("sim") is None
    assert not path.exists()


def test_an_entry_whose_station_does_not_listen_is_one_line() -> None:
    (held,) = claim(["sim"], "rack A")
    entry = an_entry("sim")
    entry.write()
    with pytest.raises(StationError, match="no station answers"):
        connect(entry)
    held.release()


def test_the_key_is_for_this_user_alone(runtime: Path) -> None:
    path, key = write_key(runtime_folder(), "k")
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert runtime.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_write_in_is_refused(runtime: Path) -> None:
    runtime.mkdir(mode=0o777)
    runtime.chmod(0o777)
    with pytest.raises(StationError, match="others may write in it"):
        runtime_folder()


def test_a_folder_that_another_can_exchange_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where somebody made a folder of the name below the temporary one before."""
    if sys.platform == "win32" or os.geteuid() != 0:
        pytest.skip("only root can give a folder to another user")
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 65534, 65534)
    monkeypatch.setenv("PLACEPREF_RUNTIME", str(tmp_path / "theirs" / "run"))
    with pytest.raises(StationError, match="others may write in it"):
        runtime_folder()


def test_a_rig_is_named_the_same_from_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert spell_source("sim") == "sim"
    assert spell_source("a.rig.toml") == str(tmp_path / "a.rig.toml")
    assert spell_source("sim:sub/../a.toml") == str(tmp_path / "a.toml")


def test_a_long_path_still_gives_an_address(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    server = ChannelServer(answer, address_for(folder, "test"), KEY)
    try:
        with ChannelClient(server.address, KEY) as client:
            assert client.request("echo") == {}
    finally:
        server.close()
        Path(server.address).parent.rmdir()
