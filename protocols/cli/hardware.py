"""`cameras` and `doors`: what the system knows of, doors tried by hand, a simulated board."""

import signal
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import median
from typing import Any

from protocols.cli.exits import DONE, FAILED
from protocols.cli.table import lines, print_json, progress
from rig.errors import ConfigError, DoorError
from rig.hardware.doors import SerialBoard, list_ports
from rig.hardware.measured import check_force, is_simulated, note_forces, unmeasured
from rig.hardware.simulated.board import Board
from rig.hardware.simulated.port import serve
from rig.hardware.trying import CLOCK, MOST_SKEW_MS, Trying

LOOK_S = 0.05
"""How often whoever serves a board looks whether it was told to end."""


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


@dataclass(frozen=True)
class Doors:
    """The command line of `doors`."""

    action: str
    port: str | None
    doors: tuple[int, ...]
    empty: bool
    times: int
    force: list[str]
    simulate: bool


def doors(asked: Doors, *, as_json: bool) -> int:
    """Print the ports, move or test a board's doors, or serve a simulated board until Ctrl-C."""
    if asked.simulate and asked.action == "list":
        return _serve(as_json=as_json)
    if asked.action not in ("list", "open", "close", "test"):
        raise ConfigError("doors", "", f"{asked.action!r}: list, open, close or test")
    if asked.action == "list":
        _list(as_json=as_json)
        return DONE
    if asked.simulate:
        raise ConfigError("--simulate", "", f"serves a board; {asked.action} it by its --port")
    if asked.port is None:
        raise ConfigError(
            "--port", "", "missing: the board's port; `placepref doors` lists those there are"
        )
    if asked.action in ("close", "test") and not asked.empty:
        message = "missing: no camera looks here; say with it that no animal is in the boxes"
        raise ConfigError("--empty", "", message)
    if not 1 <= asked.times <= 1000:
        raise ConfigError("--times", "", f"{asked.times}: 1 to 1000")
    forces = _forces(asked.force)
    try:
        board = SerialBoard("", asked.port, CLOCK)
    except DoorError as error:
        raise ConfigError("--port", "", str(error)) from None
    try:
        trying = Trying(board, asked.doors, CLOCK)
        try:
            return _move(asked, board, trying, forces, as_json=as_json)
        finally:
            trying.close()
    finally:
        board.close()


def _list(*, as_json: bool) -> None:
    found = list_ports()
    if as_json:
        print_json([port._asdict() for port in found])
    elif found:
        rows = [(p.device, p.description, p.serial_number) for p in found]
        print(lines(rows, ("port", "what", "serial")))
    else:
        print("no serial port is known to this system")


def _forces(words: list[str]) -> dict[int, float]:
    forces: dict[int, float] = {}
    for word in words:
        number, _, newton = word.partition("=")
        try:
            forces[int(number)] = float(newton)
        except ValueError:
            message = f"{word!r}: write DOOR=NEWTON, such as 1=0.3"
            raise ConfigError("--force", "", message) from None
        try:
            check_force(forces[int(number)])
        except DoorError as error:
            raise ConfigError("--force", number, str(error)) from None
    return forces


def _move(
    asked: Doors, board: SerialBoard, trying: Trying, forces: dict[int, float], *, as_json: bool
) -> int:
    for number in sorted(forces.keys() - set(trying.doors)):
        have = ", ".join(map(str, trying.doors))
        raise ConfigError("--force", "", f"{number}: the doors that are tested are {have}")
    hello, now = board.hello, datetime.now().astimezone()
    told: dict[str, Any] = {"board": hello.name, "firmware": hello.firmware, "port": asked.port}
    skew_ms: list[int] = []
    if asked.action == "test":
        with progress("testing") as bar:
            runs, skew_ms = trying.test(asked.times, bar)
        told["skew_ms"] = {"median": median(skew_ms), "max": max(skew_ms)} if skew_ms else None
    else:
        runs = trying.open() if asked.action == "open" else trying.shut()
    good = all(not run.failures for run in runs.values())
    if asked.action == "test":
        good = good and not any(run.reversals for run in runs.values())
        good = good and max(skew_ms, default=0) <= MOST_SKEW_MS
        if not is_simulated(hello):
            asked_for = forces or _ask_forces(trying.doors, as_json=as_json)
            if asked_for:
                told["kept_in"] = str(note_forces(hello.name, asked_for, now))
    against = unmeasured(hello.name, hello, now)
    told["doors"] = [
        run.told()
        | {"state": trying.states.get(n, "unknown"), "not_on_an_animal": against.get(n, "")}
        for n, run in runs.items()
    ]
    told["ok"] = good
    if as_json:
        print_json(told)
    else:
        _print(told)
    return DONE if good else FAILED


def _ask_forces(numbers: tuple[int, ...], *, as_json: bool) -> dict[int, float]:
    """What a person at a terminal reads off the spring gauge; nothing without one."""
    if as_json or not sys.stdin.isatty():
        return {}
    forces: dict[int, float] = {}
    for number in numbers:
        while True:
            word = input(f"door {number}: force at its closing edge in N (Enter: not measured) ")
            if not word.strip():
                break
            try:
                newton = float(word)
                check_force(newton)
            except (ValueError, DoorError) as error:
                print(error)
                continue
            forces[number] = newton
            break
    return forces


def _print(told: dict[str, Any]) -> None:
    print(f"board {told['board']}, firmware {told['firmware']}, on {told['port']}")
    rows = []
    for door in told["doors"]:
        opened, closed = door["open_ms"] or {}, door["close_ms"] or {}
        times = (closed.get("median"), closed.get("max"), opened.get("median"), opened.get("max"))
        rows.append((door["door"], door["state"], *times, len(door["reversals"])))
    head = ("door", "is", "close ms", "longest", "open ms", "longest", "reversals")
    print(lines(rows, head))
    if told.get("skew_ms"):
        skew = told["skew_ms"]
        print(f"opened together within {skew['median']:g} ms, at most {skew['max']:g} ms")
    for door in told["doors"]:
        for failure in door["failures"]:
            print(f"door {door['door']} {failure}")
        if door["reversals"]:
            print(f"door {door['door']} reversed: {', '.join(door['reversals'])}")
        if door["not_on_an_animal"]:
            print(f"door {door['door']} does not close on an animal: {door['not_on_an_animal']}")
    if told.get("kept_in"):
        print(f"forces kept in {told['kept_in']}")


def _serve(*, as_json: bool) -> int:
    """A board on a port of its own until Ctrl-C, or until the system ends the process."""
    told: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        # A list and no Event: whoever sets one takes its lock, and a handler that comes upon this
        # very thread while it holds that lock waits for ever.
        signal.signal(number, lambda number, _: told.append(number))
    served = serve(Board("board-1"), time.monotonic_ns)
    try:
        if as_json:
            print_json({"port": served.port})
        else:
            print(served.port, flush=True)
        while not told:
            time.sleep(LOOK_S)
    finally:
        served.close()
    return DONE
