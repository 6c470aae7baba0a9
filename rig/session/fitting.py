"""Where a row's apparatus comes to lie in a picture: the one place where that is settled."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rig.apparatus import Apparatus, from_table
from rig.errors import ConfigError
from rig.model import Gray
from rig.session.files import read_picture
from rig.session.row import Nudge, Row
from rig.tracking.laying import lay, resized


class Settled(NamedTuple):
    """An apparatus as it lies in a picture, and how far off it may be (None: not measured)."""

    apparatus: Apparatus
    residual_cm: float | None


WORST_CM = 1.5
"""A reference that lies farther off than this is not taken: a person has to say how it lies."""


def read_reference(row: Row) -> Gray | None:
    """The picture that the row's apparatus was drawn on; None where its file names none.

    Raises ConfigError for a picture that cannot be used.
    """
    if row.apparatus is None:
        return None
    return reference_of(row.apparatus, row.apparatus_file, row.drawn_px)


def reference_of(
    apparatus: Apparatus, file: str, drawn_px: tuple[int, int] | None = None
) -> Gray | None:
    """The picture that an apparatus was drawn on, of its size; None where its `file` names none.

    `drawn_px`: its size as it was drawn, if that is another. Raises ConfigError for a picture that
    cannot be used.
    """
    if apparatus.reference is None:
        return None
    path, where = Path(file).parent / apparatus.reference, (file, "reference")
    drawn = apparatus.model_copy(update={"frame_size_px": drawn_px or apparatus.frame_size_px})
    picture = read_picture(path, drawn, where, apparatus.reference)
    return resized(picture, apparatus.frame_size_px)


def settle(
    apparatus: Apparatus,
    picture: Gray,
    nudge: Nudge | None = None,
    reference: Gray | None = None,
) -> Settled:
    """The apparatus as it lies in `picture` (height x width).

    A `reference` picture is laid over `picture`; then it is moved as a person has said. Raises
    ConfigError for a reference that cannot be laid over it, unless a person said how it lies, and
    for what moves the apparatus out of the picture.
    """
    residual_cm = None
    if reference is not None:
        laid = lay(reference, picture)
        per_cm = apparatus.px_per_cm_mean
        if laid is not None and laid.residual_px <= WORST_CM * per_cm:
            apparatus = through(apparatus, laid.point, laid.scale, "reference")
            residual_cm = round(laid.residual_px / per_cm, 2)
        elif nudge is None:
            how = "" if laid is None else f", it is {laid.residual_px / per_cm:.1f} cm off"
            message = (
                f"{apparatus.reference}: cannot be laid over this recording{how}; was the box"
                " turned or changed? Say how it lies in decisions.csv, or leave `reference` out"
            )
            raise ConfigError("reference", "", message)
    if nudge is None or nudge == Nudge():
        return Settled(apparatus, residual_cm)
    return Settled(moved(apparatus, nudge), residual_cm)


def moved(apparatus: Apparatus, nudge: Nudge) -> Apparatus:
    """The apparatus shifted, then turned (clockwise as seen) about the middle of its chambers.

    What would leave the picture ends at its edge. Raises ConfigError where the apparatus cannot
    be used then.
    """
    corners = [point for chamber in apparatus.chamber for point in chamber.outline_px]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    cx, cy = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    turn = math.radians(nudge.turn_deg)
    cos, sin = math.cos(turn), math.sin(turn)

    def move(x: float, y: float) -> tuple[float, float]:
        x, y = x - cx, y - cy
        return cx + x * cos - y * sin + nudge.dx_px, cy + x * sin + y * cos + nudge.dy_px

    return through(apparatus, move, 1.0, "nudge")


def through(
    apparatus: Apparatus,
    move: Callable[[float, float], tuple[float, float]],
    scale: float,
    what: str,
) -> Apparatus:
    """The apparatus with every point where `move` puts it; `what` did, for an error's words.

    What would leave the picture ends at its edge. Raises ConfigError where the apparatus cannot
    be used then.
    """
    width, height = apparatus.frame_size_px

    def put(point: Sequence[float]) -> list[float]:
        x, y = move(point[0], point[1])
        return [min(max(round(x, 3), 0), width), min(max(round(y, 3), 0), height)]

    table = _through(apparatus.model_dump(mode="json", exclude_none=True), put)
    if apparatus.px_per_cm is not None:
        table["px_per_cm"] = apparatus.px_per_cm * scale
    return from_table(table, what)


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
