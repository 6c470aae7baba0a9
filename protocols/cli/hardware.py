"""`cameras` and `doors`: what the system knows of, and a simulated board."""

import json
import threading
import time
from dataclasses import asdict

from protocols.cli.table import lines
from rig.errors import ConfigError
from rig.hardware.camera import list_cameras
from rig.hardware.doors import list_ports
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.port import serve


def cameras(*, as_json: bool) -> None:
    """Print the cameras; opens none."""
    found = list_cameras()
    if as_json:
        print(json.dumps([asdict(camera) for camera in found]))
    elif found:
        print(lines([(c.identity, c.name) for c in found], ("identity", "name")))
    else:
        print("no camera is known to this system")


def doors(action: str, *, simulate: bool, as_json: bool) -> int:
    """Print the ports, or serve a simulated board until Ctrl-C."""
    if simulate:
        served = serve(Board("board-1"), time.monotonic_ns)
        print(json.dumps({"port": served.port}) if as_json else served.port, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
        finally:
            served.close()
    if action != "list":
        raise ConfigError("doors", "", f"{action!r}: only list and --simulate are there so far")
    found = list_ports()
    if as_json:
        print(json.dumps([port._asdict() for port in found]))
    elif found:
        print(
            lines(
                [(p.device, p.description, p.serial_number) for p in found],
                ("port", "what", "serial"),
            )
        )
    else:
        print("no serial port is known to this system")
    return 0
