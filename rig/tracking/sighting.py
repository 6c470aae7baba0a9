"""How well an animal of some coat would be seen, tried place by place. Pure.

Contrast tells grey levels; this tells what becomes of them: a body is drawn on the picture of the
empty box at many places of each chamber, and the tracker itself is asked for it.
"""

from typing import NamedTuple

import cv2
import numpy as np

from rig.apparatus import Animal
from rig.model import Gray
from rig.tracking.finding import find
from rig.tracking.preparing import Prepared

USUAL = {Animal.DARKER: 40, Animal.LIGHTER: 215}
"""Grey levels of a black and a white coat as cameras show them; none is 0 or 255."""
LONG_CM, WIDE_CM = 7.5, 3.2
"""A mouse's body without its tail, from above."""
PLACES = 12
OFF_CM = 2.0
"""So far from where it was drawn the middle of what is found may be."""
TURNS = (0, 90, 45, 135)


class Sighting(NamedTuple):
    """How an animal is seen in a chamber.

    `share` of the places tried at which it is found; `area_cm2` is found of it there (median), of
    `of_cm2` that were drawn. `coat`: the grey level that it was drawn with.
    """

    share: float
    area_cm2: float
    of_cm2: float
    coat: int


def sightings(prepared: Prepared, empty: Gray, coat: int | None = None) -> dict[str, Sighting]:
    """How an animal would be seen in each chamber, by name.

    Args:
        prepared: the tracker.
        empty: the picture of the empty box that it was made with, height x width.
        coat: the animal's grey level; None: as the tracker saw it, else as usual for its side.
            Chambers where it may be darker or lighter and no coat is known are left out.
    """
    coat = prepared.settings.coat if coat is None else coat
    told: dict[str, Sighting] = {}
    for k, (name, one) in enumerate(prepared.settings.chamber.items()):
        level = USUAL.get(one.animal) if coat is None else coat
        places = _places(prepared, k + 1)
        if level is not None and places:
            told[name] = _tried(prepared, empty, places, level)
    return told


def _tried(prepared: Prepared, empty: Gray, places: list[tuple[int, int]], coat: int) -> Sighting:
    per_cm = prepared.px_per_cm
    axes = (max(1, round(LONG_CM / 2 * per_cm)), max(1, round(WIDE_CM / 2 * per_cm)))
    drawn_px, areas = 0, []
    picture: Gray = np.ascontiguousarray(empty).copy()
    for n, (x, y) in enumerate(places):
        turn, reach = TURNS[n % len(TURNS)], max(axes)
        body: Gray = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
        cv2.ellipse(body, (reach, reach), axes, turn, 0, 360, 255, -1)
        drawn_px += cv2.countNonZero(body)
        part = picture[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
        before = part.copy()
        cv2.ellipse(picture, (x, y), axes, turn, 0, 360, coat, -1)
        seen = [
            one.area_px
            for one in find(picture, prepared).candidates
            if np.hypot(one.x_px - x, one.y_px - y) <= OFF_CM * per_cm
        ]
        part[:] = before
        areas += seen[:1]
    cm2 = per_cm * per_cm
    return Sighting(
        round(len(areas) / len(places), 3),
        round(float(np.median(areas)) / cm2, 1) if areas else 0.0,
        round(drawn_px / len(places) / cm2, 1),
        coat,
    )


def _places(prepared: Prepared, chamber: int) -> list[tuple[int, int]]:
    """Places of the camera's picture, spread over a chamber, at which a body lies inside of it."""
    inside = np.where(prepared.chambers == chamber, np.uint8(255), np.uint8(0))
    inside = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    away = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
    free = np.flatnonzero(away >= WIDE_CM / 2 * prepared.px_per_cm)
    # steps of the golden ratio: equal steps would walk down a few columns of the chamber
    spread = np.sort(np.arange(min(PLACES, len(free))) * 0.6180339887498949 % 1.0)
    rows, cols = np.unravel_index(free[(spread * len(free)).astype(np.intp)], away.shape)
    left, top = prepared.cols.start, prepared.rows.start
    return [(int(x) + left, int(y) + top) for x, y in zip(cols, rows, strict=True)]
