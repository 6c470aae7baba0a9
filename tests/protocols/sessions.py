"""Sessions that were never recorded: a walk between two halves, frame by frame, known exactly."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from protocols.sessions import Session
from rig.apparatus import Apparatus, parse

TWO_HALVES = """name = "two halves"
frame_size_px = [200, 100]
px_per_cm = 5.0
[[chamber]]
name = "left"
outline_px = [[0, 0], [100, 0], [100, 100], [0, 100]]
[[chamber]]
name = "right"
outline_px = [[100, 0], [200, 0], [200, 100], [100, 100]]
"""
RATE_HZ = 10.0
Stay = tuple[str, float]
"""A chamber, or "" for lost, and seconds in it."""


def walk(stays: Sequence[Stay]) -> dict[str, list[str]]:
    """The columns of a frames.csv: where each stay is, a little walked to and fro."""
    apparatus = two_halves()
    columns: dict[str, list[str]] = {
        name: [] for name in ("frame", "t_s", "x_cm", "y_cm", "zone", "step", "scored", "flag")
    }
    k = 0
    for chamber, duration_s in stays:
        for _ in range(round(duration_s * RATE_HZ)):
            _row(columns, apparatus, k, chamber)
            k += 1
    _row(columns, apparatus, k, stays[-1][0])  # the last row holds no time
    return columns


def session(stays: Sequence[Stay], **known: Any) -> Session:
    """One session of these stays; `known` says more of it."""
    facts: dict[str, Any] = {
        "folder": Path("nowhere"),
        "id": "",
        "subject": "M01",
        "phase": "pretest",
        "attempt": "1",
        "began": "2026-01-05T09:00:00+01:00",
        "box": "A",
        "operator": "",
        "software": "",
        "apparatus": two_halves(),
        "rate_hz": RATE_HZ,
        "columns": walk(stays),
        "summary": {},
        "stop": {},
        "contrast": {},
        "roles": {"left": "paired", "right": "unpaired"},
    }
    return Session(**{**facts, **known})


def two_halves() -> Apparatus:
    """20 x 20 cm, a half each, without a wall."""
    return parse(TWO_HALVES, "two.toml")


def _row(columns: dict[str, list[str]], apparatus: Apparatus, k: int, chamber: str) -> None:
    middle = {"left": 10.0, "right": 30.0}.get(chamber)
    x, y = ("", "") if middle is None else (f"{middle + k % 7 - 3:.2f}", f"{5 + k % 9:.2f}")
    flag = "none" if middle is None else ""
    cells = (str(k), f"{k / RATE_HZ:.9f}", x, y, chamber, "explore", "1", flag)
    for name, cell in zip(columns, cells, strict=True):
        columns[name].append(cell)
