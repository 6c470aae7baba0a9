"""Everything animal-sized in one picture. Pure, without memory: any order, any thread or process.

The picture is compared with its limits at full size (one pass), gathered into blocks and outlined
there; only what could be an animal is measured, at full size, in its own small window.

Windows are so small that what is called counts, not how many pixels it goes through: each step
into OpenCV or numpy costs some microseconds, whatever it does.
"""

from typing import NamedTuple

import cv2
import numpy as np

from rig.geometry import to_segment
from rig.model import Gray, Swept
from rig.tracking.bodies import Body, bodies
from rig.tracking.light import cells, scaled
from rig.tracking.masks import Region
from rig.tracking.places import Window, places_in, window
from rig.tracking.pose import Pose, pose
from rig.tracking.preparing import Coarse, Prepared
from rig.tracking.sweeps import swept

MOST_WINDOWS = 8
"""More things than this are not measured, largest first: they are a picture gone wrong."""


class Candidate(NamedTuple):
    """One animal-sized thing: what a Detection would hold if this were the animal."""

    x_px: float
    y_px: float
    area_px: int
    sum_x_px: int
    sum_y_px: int
    pose: Pose | None
    strength: float  # 0 to 1
    inside: tuple[int, ...]
    clear_px: tuple[tuple[float, float], ...]


class Found(NamedTuple):
    """What one picture shows, before it is decided which of it is the animal.

    `candidates` are animal-sized things, the largest first. `blob_px` is the
    largest foreground thing outside the doors' sweeps, in px (0: nothing but noise). `large` says
    that something larger than an animal is there, `hand` that it reaches the picture's edge.
    `sweep` is as in a Detection. `chambers` is how many of a candidate's `inside` are of chambers;
    None: all of them.
    """

    candidates: tuple[Candidate, ...]
    blob_px: int
    large: bool
    hand: bool
    px_per_cm: float
    rate_hz: float
    sweep: tuple[Swept | None, ...] = ()
    chambers: int | None = None


def find(image: Gray, prepared: Prepared) -> Found:
    """What `image` (height x width) shows.

    Raises ValueError for a picture of another size than the background.
    """
    if image.shape != prepared.shape:
        raise ValueError(f"the picture is {image.shape}, the background {prepared.shape}")
    seen = cells(image, prepared.light.step)
    levels = prepared.light.levels(seen)
    sweep = swept(image, levels, prepared.door_sweeps)
    image = image[prepared.rows, prepared.cols]
    hand = _hand(seen if levels is None else scaled(seen, levels), prepared.coarse)
    blob_px, large = 0, False
    candidates: list[Candidate] = []
    places = places_in(image, levels, prepared)
    for place in places[:MOST_WINDOWS]:
        most = place.width * place.height * prepared.block**2
        if most <= max(blob_px, prepared.speck_px) and 2 * most < prepared.least_px:
            break  # neither an animal nor larger than what was seen; nor are those that follow
        around = window(image, levels, place, places, prepared)
        blob, silhouette = _beside_sweeps(around, prepared)
        if blob < prepared.speck_px:
            continue
        blob_px = max(blob_px, blob)
        if hand or 2 * blob < prepared.least_px:
            continue
        for body in bodies(around, prepared):
            area = body.area_px
            x, y = int(body.sum_x // area), int(body.sum_y // area)
            near = prepared.nearest.item(around.rows.start + y, around.cols.start + x) - 1
            most_px = prepared.max_area_px[near]
            edge = 2 * area > most_px and _at_edge(around, prepared)
            if edge or area > most_px:
                # what lies wholly outside is no hand in this box, and no animal either
                if _reaches_in(around, prepared):
                    large, hand = True, hand or edge
            elif area >= prepared.min_area_px[near]:
                candidates.append(_measure(around, silhouette, body, near, prepared))
    if len(candidates) > 1:
        candidates.sort(key=lambda one: -one.area_px)
    scale, rate_hz = prepared.px_per_cm, prepared.rate_hz
    chambers = len(prepared.max_area_px)
    return Found(tuple(candidates), blob_px, large, hand, scale, rate_hz, sweep, chambers)


def _hand(seen: Gray, coarse: Coarse) -> bool:
    """Whether something large, darker or lighter, comes in from the edge to the chambers."""
    usual = cv2.inRange(seen, coarse.low, coarse.high)
    if seen.size - cv2.countNonZero(usual) < coarse.hand_cells:
        return False
    other = cv2.bitwise_not(usual)
    if not cv2.countNonZero(cv2.bitwise_and(other, coarse.edge)):
        return False
    _, labels, stats, _ = cv2.connectedComponentsWithStats(other, connectivity=4)
    height, width = seen.shape
    for i, (x, y, w, h, size) in enumerate(stats.tolist()):
        edge = x == 0 or y == 0 or x + w == width or y + h == height
        if i and edge and size >= coarse.hand_cells:  # 0 is what is usual
            inside = np.count_nonzero((labels == i) & (coarse.near > 0))
            if inside >= coarse.near_cells:
                return True
    return False


def _beside_sweeps(around: Window, prepared: Prepared) -> tuple[int, Gray]:
    """The thing's pixels outside the doors' sweeps, and the thing without what is only a door.

    A part inside a sweep that touches the rest is kept: it may be the animal in the doorway.
    """
    thing, sweeps = around.thing, prepared.sweeps
    whole_px = cv2.countNonZero(thing)
    if sweeps is None or not sweeps.size_px(around.rows, around.cols):
        return whole_px, thing
    beside = thing & ~sweeps.mask[around.rows, around.cols]
    blob_px = cv2.countNonZero(beside)
    if blob_px in (0, whole_px):
        return blob_px, thing
    n, labels = cv2.connectedComponents(thing, connectivity=8, ltype=cv2.CV_16U)
    if n == 2:  # one piece, as usual, and some of it is outside
        return blob_px, thing
    kept = np.zeros(n, np.uint8)
    kept[labels[beside > 0]] = 255
    return blob_px, kept[labels]


def _at_edge(around: Window, prepared: Prepared) -> bool:
    """Whether the thing touches the edge of the camera's picture."""
    thing, (height, width) = around.thing, prepared.shape
    top, left = prepared.rows.start, prepared.cols.start
    return bool(
        (top + around.rows.start == 0 and thing[0].any())
        or (left + around.cols.start == 0 and thing[:, 0].any())
        or (top + around.rows.stop >= height and thing[-1].any())
        or (left + around.cols.stop >= width and thing[:, -1].any())
    )


def _reaches_in(around: Window, prepared: Prepared) -> bool:
    """Whether a quarter of an animal's least area of the thing lies in the chambers."""
    inside = np.count_nonzero(prepared.chambers[around.rows, around.cols][around.thing > 0])
    return bool(4 * inside >= prepared.least_px)


def _inside(region: Region, around: Window, body: Body) -> int:
    """The body's pixels in a region."""
    size_px = region.size_px(around.rows, around.cols)
    if size_px in (0, around.thing.size):  # usual, and told without looking at the pixels
        return body.area_px if size_px else 0
    return cv2.countNonZero(region.mask[around.rows, around.cols] & body.pixels)


def _measure(
    around: Window, silhouette: Gray, body: Body, near: int, prepared: Prepared
) -> Candidate:
    """All that a detection tells of this body."""
    rows, cols, pixels, area = around.rows, around.cols, body.pixels, body.area_px
    # the window in the camera's picture, of which `rows` and `cols` of `prepared` are kept
    left, top = prepared.cols.start + cols.start, prepared.rows.start + rows.start
    sum_x, sum_y = int(body.sum_x) + area * left, int(body.sum_y) + area * top
    x_px, y_px = sum_x / area, sum_y / area
    change = cv2.norm(around.part, prepared.background[rows, cols], cv2.NORM_L1, pixels)
    strength = change * (1 / area) / (2 * prepared.threshold[near])
    inside = [_inside(region, around, body) for region in prepared.regions]
    clear = [
        (
            round(cv2.minMaxLoc(distance[rows, cols], silhouette)[0], 2),
            round(to_segment(line, x_px, y_px), 2),
        )
        for line, distance in prepared.lines
    ]
    return Candidate(
        round(x_px, 2),
        round(y_px, 2),
        area,
        sum_x,
        sum_y,
        pose(silhouette, body, prepared.px_per_cm, left, top),
        min(1.0, strength),
        tuple(inside),
        tuple(clear),
    )
