"""`cameras` and `doors`: what the system knows of, and a simulated board."""

import signal
import threading
import time
from dataclasses import asdict

from protocols.cli.exits import DONE
from protocols.cli.table import lines, print_json
from rig.errors import ConfigError
from rig.hardware.doors import list_ports
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.port import serve


def cameras(*, as_json: bool) -> None:
    """Print the cameras; opens none."""
    from rig.hardware.camera import list_cameras  # OpenCV, which a port need not wait for

    found = list_cameras()
    if as_json:
        print_json([asdict(camera) for camera in found])
    elif found:
        print(lines([(c.identity, c.name) for c in found], ("identity", "name")))
    else:
        print("no camera is known to this system")


def doors(action: str, *, simulate: bool, as_json: bool) -> int:
    """Print the ports, or serve a simulated board until Ctrl-C."""
    if simulate and action == "list":
        return _serve(as_json=as_json)
    if action != "list":
        raise ConfigError("doors", "", f"{action!r}: only list, or --simulate, is there so far")
    found = list_ports()
    if as_json:
        print_json([port._asdict() for port in found])
    elif found:
        print(
            lines(
                [(p.device, p.description, p.serial_number) for p in found],
                ("port", "what", "serial"),
            )
        )
    else:
        print("no serial port is known to this system")
    return DONE


def _serve(*, as_json: bool) -> int:
    """A board on a port of its own until Ctrl-C, or until the system ends the process."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    served = serve(Board("board-1"), time.monotonic_ns)
    try:
        if as_json:
            print_json({"port": served.port})
        else:
            print(served.port, flush=True)
        while not ended.wait(0.5):  # on Windows a wait without an end hears no Ctrl-C
            pass
    finally:
        served.close()
    return DONE
