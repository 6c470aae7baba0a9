"""How a picture differs from the background where a door that moves is seen. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from rig.apparatus import Apparatus, Drive
from rig.model import Gray, Swept
from rig.tracking import masks
from rig.tracking.light import scaled

LEAST = 25
"""Grey levels from the background: more than a person's shadow, less than most doors."""


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """One door's sweep: where it is in the picture, its limits (0 and 255 beside it), its area."""

    rows: slice
    cols: slice
    low: Gray
    high: Gray
    area_px: int


def door_sweeps(apparatus: Apparatus, background: Gray, noise: float) -> tuple[Sweep | None, ...]:
    """The sweeps of the doors, by doorway; None where none is known or moves; empty without any.

    `noise`: standard deviation of a still pixel, grey levels.
    """
    threshold = np.full_like(background, min(255, max(LEAST, int(np.ceil(5 * noise + 2)))))
    low, high = masks.limits(background, threshold)
    found: list[Sweep | None] = []
    for door in apparatus.doorway:
        one = None
        if door.drive is not Drive.NONE and door.sweep_px is not None:
            inside = masks.fill(door.sweep_px, background.shape)
            x, y, width, height = cv2.boundingRect(inside)
            if width and height:
                rows, cols = slice(y, y + height), slice(x, x + width)
                within = inside[rows, cols] > 0
                one = Sweep(
                    rows,
                    cols,
                    np.where(within, low[rows, cols], 0).astype(np.uint8),
                    np.where(within, high[rows, cols], 255).astype(np.uint8),
                    int(np.count_nonzero(within)),
                )
        found.append(one)
    return tuple(found) if any(one is not None for one in found) else ()


def swept(
    image: Gray, levels: Gray | None, sweeps: Sequence[Sweep | None]
) -> tuple[Swept | None, ...]:
    """How the whole picture `image` differs in each sweep, its light matched by `levels`."""
    return tuple(None if one is None else _differs(image, levels, one) for one in sweeps)


def _differs(image: Gray, levels: Gray | None, sweep: Sweep) -> Swept:
    part = image[sweep.rows, sweep.cols]
    if levels is not None:
        part = scaled(part, levels)
    if cv2.countNonZero(cv2.inRange(part, sweep.low, sweep.high)) == part.size:
        return 0.0, 0.0  # usual, and sooner told of both at once
    darker = cv2.countNonZero(cv2.compare(part, sweep.low, cv2.CMP_LT))
    lighter = cv2.countNonZero(cv2.compare(part, sweep.high, cv2.CMP_GT))
    return round(darker / sweep.area_px, 3), round(lighter / sweep.area_px, 3)
