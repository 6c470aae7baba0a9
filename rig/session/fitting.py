"""Where a row's apparatus comes to lie in a picture: the one place where that is settled."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rig.apparatus import Apparatus, from_table
from rig.model import Gray
from rig.session.row import Nudge


class Settled(NamedTuple):
    """An apparatus as it lies in a picture, and how far off it may be (None: not measured)."""

    apparatus: Apparatus
    residual_cm: float | None


def settle(apparatus: Apparatus, picture: Gray, nudge: Nudge | None = None) -> Settled:
    """The apparatus as it lies in `picture` (height x width), moved as a person has said.

    Raises ConfigError for a nudge that moves it out of the picture.
    """
    if nudge is None or nudge == Nudge():
        return Settled(apparatus, None)
    return Settled(moved(apparatus, nudge), None)


def moved(apparatus: Apparatus, nudge: Nudge) -> Apparatus:
    """The apparatus shifted, then turned (clockwise as seen) about the middle of its chambers.

    What would leave the picture ends at its edge. Raises ConfigError where the apparatus cannot
    be used then.
    """
    corners = [point for chamber in apparatus.chamber for point in chamber.outline_px]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    cx, cy = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    width, height = apparatus.frame_size_px
    turn = math.radians(nudge.turn_deg)
    cos, sin = math.cos(turn), math.sin(turn)

    def move(point: Sequence[float]) -> list[float]:
        x, y = point[0] - cx, point[1] - cy
        x, y = cx + x * cos - y * sin + nudge.dx_px, cy + x * sin + y * cos + nudge.dy_px
        return [min(max(round(x, 3), 0), width), min(max(round(y, 3), 0), height)]

    table = apparatus.model_dump(mode="json", exclude_none=True)
    return from_table(_through(table, move), "nudge")


def scaled(apparatus: Apparatus, factor: float, name: str) -> Apparatus:
    """The apparatus for pictures that are `factor` times as large; `name` is told in errors.

    Raises ConfigError where it cannot be used then.
    """
    table = apparatus.model_dump(mode="json", exclude_none=True)
    table = _through(table, lambda point: [round(value * factor, 3) for value in point])
    table["frame_size_px"] = [round(side * factor) for side in apparatus.frame_size_px]
    if apparatus.px_per_cm is not None:
        table["px_per_cm"] = apparatus.px_per_cm * factor
    return from_table(table, name)


def _through(table: Any, move: Callable[[Sequence[float]], list[float]], key: str = "") -> Any:
    """A table of an apparatus with all that is in pixels moved."""
    if isinstance(table, dict):
        return {name: _through(value, move, name) for name, value in table.items()}
    if key in ("outline_px", "line_px", "sweep_px", "points_px"):
        return [move(point) for point in table]
    if key == "ignore_px":
        return [[move(point) for point in outline] for outline in table]
    return [_through(item, move) for item in table] if isinstance(table, list) else table
