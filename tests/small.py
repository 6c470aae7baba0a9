"""Small files to work on: rigs of the simulated kind, a recording, and how to write TOML."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rig.hardware.simulated.builtin import builtin
from rig.model import NS_PER_S
from rig.video import VideoWriter

SIZE_PX = (160, 120)
RATE_HZ = 20.0
FRAMES = 60

ARENA = """name = "arena"
frame_size_px = [160, 120]
px_per_cm = 4.0
[[chamber]]
name = "left"
outline_px = [[0, 0], [80, 0], [80, 120], [0, 120]]
[[chamber]]
name = "right"
outline_px = [[80, 0], [160, 0], [160, 120], [80, 120]]
"""
"""Two halves without a wall between them, as the recording shows them."""

CLIP_RIG = """name = "clip"
[camera]
source = "mouse.mkv"
[[box]]
apparatus = "arena.toml"
background = "median"
"""
"""The recording played as a camera."""


def tick_until(reached: Callable[[], Any], limit_s: float = 30.0) -> Any:
    """What `reached` gives once it is true, asked again and again."""
    pause, end_s = threading.Event(), time.monotonic() + limit_s
    while time.monotonic() < end_s:
        found = reached()
        if found:
            return found
        pause.wait(0.02)
    raise AssertionError(f"not reached within {limit_s} s")


def tree(folder: Path) -> dict[str, tuple[int, int] | None]:
    """Everything below a folder: size and time of each file."""
    found: dict[str, tuple[int, int] | None] = {}
    for path in sorted(folder.rglob("*")):
        facts = path.stat()
        is_file = path.is_file()
        found[path.as_posix()] = (facts.st_size, facts.st_mtime_ns) if is_file else None
    return found


def toml(value: object) -> str:
    """A value as TOML, tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    return json.dumps(value)


def write_table(path: Path, table: dict[str, Any]) -> Path:
    """`table` as a TOML file."""
    path.write_text("".join(f"{k} = {toml(v)}\n" for k, v in table.items()), encoding="utf-8")
    return path


def rig_tables(**options: Any) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The built-in simulated rig as its file says it, and the apparatus of each box by name."""
    rig, apparatuses = builtin(**options)
    table = rig.model_dump(mode="json", exclude_none=True)
    for box in table["box"]:
        box["apparatus"] = f"{box['name']}.toml"
    boxes = {
        name: a.model_dump(mode="json", exclude_defaults=True) for name, a in apparatuses.items()
    }
    return table, boxes


def write_rig(folder: Path, name: str = "own.rig.toml", **options: Any) -> str:
    """A simulated rig's files; gives what names it on a command line."""
    table, boxes = rig_tables(**options)
    for box, apparatus in boxes.items():
        write_table(folder / f"{box}.toml", apparatus)
    return f"sim:{write_table(folder / name, table)}"


def write_clip(folder: Path, frames: int = FRAMES, name: str = "mouse.mkv") -> Path:
    """A dark animal that walks from left to right over a light floor, and back, and on."""
    path = folder / name
    with path.open("wb") as file, VideoWriter(file, SIZE_PX, RATE_HZ, "lossless") as video:
        for k in range(frames):
            picture = np.full(SIZE_PX[::-1], 200, np.uint8)
            x = 8 + abs((k + FRAMES) % (2 * FRAMES) - FRAMES) * 120 // FRAMES
            picture[50:64, x : x + 20] = 20
            video.write(picture, round(k * NS_PER_S / RATE_HZ))
    return path
