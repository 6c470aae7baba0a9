"""A station while it lives: claims what it owns, opens it, is found, and cleans up after."""

import gc
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType

from rig.channel import ChannelServer, Entry, claim, runtime_folder, spell_source
from rig.channel.entries import name_of, write_key
from rig.channel.system import address_for
from rig.errors import CameraError
from rig.hardware.camera import resolve
from rig.session.load import LoadedRig, load_rig
from rig.session.opened import is_video_file
from rig.station.answers import Answers
from rig.station.station import Station

log = logging.getLogger(__name__)


def own_and_answer(source: str, *, seed: int, linger_s: float) -> None:
    """Own a rig and answer for it until told to quit. Raises RigError."""
    loaded = load_rig(source)
    with owning(source, loaded) as ports:
        station = Station(loaded, seed=seed)
        try:
            _listen(station, spell_source(source), ports, linger_s)
        finally:
            station.close()


@contextmanager
def owning(source: str, loaded: LoadedRig) -> Iterator[list[str]]:
    """Own a rig, its camera and its ports while this lasts; gives the ports.

    Raises StationError naming whoever owns one of them already.
    """
    camera, ports = _owned(loaded)
    claims = claim([spell_source(source), *camera, *ports], loaded.rig.name)
    try:
        yield ports
    finally:
        for one in claims:
            one.release()


def _owned(loaded: LoadedRig) -> tuple[list[str], list[str]]:
    """What no second station may use: the camera (no file, nothing simulated), and real ports."""
    camera = []
    source = loaded.rig.camera.source
    if not (loaded.simulated or is_video_file(source) or (loaded.folder / source).is_file()):
        try:
            camera = [f"camera {resolve(source).address}"]
        except CameraError as error:
            raise CameraError(f"{loaded.source}: camera.source: {error}") from None
    ports = [board.port for board in loaded.rig.board if board.port != "sim"]
    return camera, [f"port {os.path.realpath(p) if p.startswith('/') else p}" for p in ports]


def _listen(station: Station, spelled: str, ports: list[str], linger_s: float) -> None:
    folder, name = runtime_folder(), name_of(spelled)
    key_file, key = write_key(folder, name)
    server = ChannelServer(Answers(station).answer, address_for(folder, name), key)
    entry = Entry(
        rig=station.loaded.rig.name,
        source=spelled,
        camera=station.loaded.rig.camera.source,
        ports=tuple(ports),
        pid=os.getpid(),
        address=server.address,
        key_file=str(key_file),
        started=datetime.now().astimezone().isoformat(timespec="seconds"),
    )
    _obey_signals(station)
    # What is there by now stays: the collector need not walk through it between two pictures.
    gc.collect()
    gc.freeze()
    try:
        entry.write()
        log.info("the station of rig %r answers", entry.rig)
        station.run(server, linger_s)
    finally:
        server.close()
        entry.remove()


def _obey_signals(station: Station) -> None:
    """The first Ctrl-C ends a station in which nothing runs; a second aborts what does."""
    asked = 0

    def interrupted(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked += 1
        busy = station.busy
        if busy and asked == 1:
            log.warning("a session runs in %s: once more aborts it", ", ".join(busy))
        else:
            station.leave("the station was interrupted")

    def told(number: int, frame: FrameType | None) -> None:
        station.leave("the system ended the station")

    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, told)
