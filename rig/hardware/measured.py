"""The closing force of each door, measured with a spring gauge and kept by the board's name.

A file a board, `boards/NAME.json` in the user's data folder, because the force belongs to the
mechanism that hangs on this computer's board and not to a rig file, which is written by hand and
may be shared: `{"doors": {"1": {"newton": 0.31, "measured": "2026-01-05T09:00:00+01:00"}}}`.
"""

import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import platformdirs

from rig.errors import DoorError
from rig.hardware.orders import Hello

MOST_N = 0.5
"""A door's edge may press on an animal with so much."""
LEAST_N, LARGEST_N = 0.01, 50.0
"""A reading beyond these is a slip of the pen, or of the gauge."""
VALID = timedelta(days=90)
DATA_VARIABLE = "PLACEPREF_DATA"


def check_force(newton: float) -> None:
    """Raise DoorError for what no spring gauge at a door reads."""
    if not LEAST_N <= newton <= LARGEST_N:
        raise DoorError(
            f"{newton:g} N: no force of a door; read the gauge at the closing edge, in newtons"
            f" ({LEAST_N:g} to {LARGEST_N:g})"
        )


def note_forces(board: str, newtons: Mapping[int, float], now: datetime) -> Path:
    """Keep readings by door number, in place of older ones; the file. `now` is aware of its zone.

    Raises DoorError where the folder cannot be written; the older readings are still there then.
    """
    for newton in newtons.values():
        check_force(newton)
    path = _file(board)
    doors = dict(_read(path))
    for number, newton in newtons.items():
        doors[str(number)] = {"newton": newton, "measured": now.isoformat(timespec="seconds")}
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"doors": doors}, indent=1) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise DoorError(f"{path}: the readings are not kept: {error}") from None
    return path


def unmeasured(board: str, hello: Hello, now: datetime) -> dict[int, str]:
    """The doors of a board that may not close on an animal, each with why.

    A door may that pressed with at most 0.5 N when it was measured, less than 90 days ago. Those
    of a simulated board have no force.
    """
    if is_simulated(hello):
        return {}
    kept = _read(_file(board))
    told = {n: _against(kept.get(str(n)), now) for n in range(1, hello.doors + 1)}
    return {n: why for n, why in told.items() if why}


def is_simulated(hello: Hello) -> bool:
    """Whether a board is simulated, by what it says of its firmware."""
    return hello.firmware.startswith("sim")


def _against(reading: object, now: datetime) -> str:
    if not isinstance(reading, dict):
        return "its closing force was not measured"
    try:
        newton, at = float(reading["newton"]), datetime.fromisoformat(str(reading["measured"]))
        age = now - at
    except (KeyError, TypeError, ValueError, OverflowError):
        return "its closing force cannot be read"
    if age > VALID or age < -timedelta(days=1):
        return f"its closing force was measured on {at:%Y-%m-%d}, not in the last {VALID.days} days"
    if not newton <= MOST_N:
        return f"it presses with {newton:g} N; at most {MOST_N:g} N is allowed"
    return ""


def _file(board: str) -> Path:
    named = os.environ.get(DATA_VARIABLE)
    folder = Path(named) if named else platformdirs.user_data_path("placepref")
    return folder / "boards" / f"{board}.json"


def _read(path: Path) -> Mapping[str, object]:
    """What is kept; nothing where nothing is, or where it is damaged: unknown is unsafe."""
    try:
        doors = json.loads(path.read_text(encoding="utf-8"))["doors"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return {}
    return doors if isinstance(doors, dict) else {}
