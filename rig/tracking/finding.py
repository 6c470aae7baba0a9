"""Everything animal-sized in one picture. Pure, without memory: any order, any thread or process.

The picture is compared with its limits at full size (one pass), gathered into blocks and outlined
there; only what could be an animal is measured, at full size, in its own small window.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import pi, sqrt
from typing import NamedTuple

import cv2
import numpy as np
from cv2.typing import MatLike

from rig.geometry import to_segment
from rig.model import Gray, Swept
from rig.tracking.light import cells, scaled
from rig.tracking.pose import Pose, pose
from rig.tracking.preparing import Coarse, Prepared
from rig.tracking.sweeps import swept

MOST_WINDOWS = 8
"""More things than this are not measured, largest first: they are a picture gone wrong."""


SOLID = 0.85
"""Share of its moments' ellipse that one body fills; two side by side or apart fill less."""


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
    `sweep` is as in a Detection.
    """

    candidates: tuple[Candidate, ...]
    blob_px: int
    large: bool
    hand: bool
    px_per_cm: float
    rate_hz: float
    sweep: tuple[Swept | None, ...] = ()


class _Place(NamedTuple):
    """Where a thing is, in blocks: the box around it and its outline."""

    x: int
    y: int
    width: int
    height: int
    outline: MatLike


class _Window(NamedTuple):
    """A thing's surroundings: where they are, their picture, and the thing's pixels (255)."""

    rows: slice
    cols: slice
    part: Gray
    thing: Gray


class _Body(NamedTuple):
    """One body without tail: its pixels (255) in the window and their moments in it."""

    pixels: Gray
    moments: Mapping[str, float]
    area_px: int
    sum_x_px: int
    sum_y_px: int


def find(image: Gray, prepared: Prepared) -> Found:
    """What `image` (height x width) shows.

    Raises ValueError for a picture of another size than the background.
    """
    if image.shape != prepared.shape:
        raise ValueError(f"the picture is {image.shape}, the background {prepared.shape}")
    seen = cells(image, prepared.light.step)
    change = prepared.light.change(seen)
    sweep = swept(image, change, prepared.sweeps)
    image = image[prepared.rows, prepared.cols]
    hand = _hand(seen if change is None else scaled(seen, change), prepared.coarse)
    blob_px, large = 0, False
    candidates: list[Candidate] = []
    places = _places(image, change, prepared)
    for place in places[:MOST_WINDOWS]:
        most = place.width * place.height * prepared.block**2
        if most <= max(blob_px, prepared.speck_px) and 2 * most < prepared.least_px:
            break  # neither an animal nor larger than what was seen; nor are those that follow
        window = _window(image, change, place, places, prepared)
        blob, silhouette = _beside_sweeps(window, prepared)
        if blob < prepared.speck_px:
            continue
        blob_px = max(blob_px, blob)
        if hand or 2 * blob < prepared.least_px:
            continue
        for body in _bodies(window, prepared):
            x, y = body.sum_x_px // body.area_px, body.sum_y_px // body.area_px
            near = prepared.nearest.item(y, x) - 1
            most_px = prepared.max_area_px[near]
            edge = 2 * body.area_px > most_px and _at_edge(window, prepared)
            if edge or body.area_px > most_px:
                # what lies wholly outside is no hand in this box, and no animal either
                if _reaches_in(window, prepared):
                    large, hand = True, hand or edge
            elif body.area_px >= prepared.min_area_px[near]:
                candidates.append(_measure(window, silhouette, body, near, prepared))
    if len(candidates) > 1:
        candidates.sort(key=lambda one: -one.area_px)
    scale, rate_hz = prepared.px_per_cm, prepared.rate_hz
    return Found(tuple(candidates), blob_px, large, hand, scale, rate_hz, sweep)


def _foreground(image: Gray, low: Gray | None, high: Gray | None) -> Gray:
    """255 where the picture is beyond its limits."""
    if high is None:
        assert low is not None
        return np.asarray(cv2.compare(image, low, cv2.CMP_LT), np.uint8)
    above = cv2.compare(image, high, cv2.CMP_GT)
    if low is not None:
        cv2.bitwise_or(above, cv2.compare(image, low, cv2.CMP_LT), above)
    return np.asarray(above, np.uint8)


def _hand(seen: Gray, coarse: Coarse) -> bool:
    """Whether something large, darker or lighter, comes in from the edge to the chambers."""
    other = cv2.compare(cv2.absdiff(seen, coarse.middle), coarse.span, cv2.CMP_GT)
    if cv2.countNonZero(other) < coarse.hand_cells:
        return False
    if not (other[0].any() or other[-1].any() or other[:, 0].any() or other[:, -1].any()):
        return False
    n, labels, stats, _ = cv2.connectedComponentsWithStats(other, connectivity=4)
    height, width = seen.shape
    for i in range(1, n):
        x, y, w, h, size = (int(value) for value in stats[i])
        edge = x == 0 or y == 0 or x + w == width or y + h == height
        if edge and size >= coarse.hand_cells:
            inside = np.count_nonzero((labels == i) & (coarse.near > 0))
            if inside >= coarse.near_cells:
                return True
    return False


def _blocks(foreground: Gray, block: int) -> Gray:
    """Not 0 for each block x block pixels (1, 2 or 4) that hold any foreground.

    Blocks of 2 and 4 are made of every second row of the picture, which is all that
    `foreground` has then.
    """
    if block == 1:
        return foreground
    height, width = foreground.shape
    rows = block // 2
    if height % rows or width % block:
        padded = np.zeros((-(-height // rows) * rows, -(-width // block) * block), np.uint8)
        padded[:height, :width] = foreground
        foreground = padded
    if rows > 1:
        foreground = np.asarray(cv2.max(foreground[0::2], foreground[1::2]), np.uint8)
    # neighbours in a row are read as one number, so that "any of them" is one step: its size,
    # cut off at 255
    words = foreground.view(np.int32 if block == 4 else np.int16)
    return np.asarray(cv2.convertScaleAbs(words), np.uint8)  # type: ignore[arg-type]


def _places(image: Gray, change: tuple[float, float] | None, prepared: Prepared) -> list[_Place]:
    """Where anything is, the widest first."""
    # every second row shows it: half the memory to go through for each picture
    sparse = image[:: prepared.row_step]
    if change is not None:
        sparse = scaled(sparse, change)
    foreground = _foreground(sparse, prepared.sparse_low, prepared.sparse_high)
    outlines, _ = cv2.findContours(
        _blocks(foreground, prepared.block), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    places = []
    for outline in outlines:
        x, y, width, height = cv2.boundingRect(outline)
        places.append(_Place(x, y, width, height, outline))
    if len(places) > 1:
        places.sort(key=lambda place: -place.width * place.height)
    return places


def _window(
    image: Gray,
    change: tuple[float, float] | None,
    place: _Place,
    places: Sequence[_Place],
    prepared: Prepared,
) -> _Window:
    """The thing at `place`, at full size and without the other things near it."""
    block, low, high = prepared.block, prepared.low, prepared.high
    x, y, w, h, outline = place
    # the row above may belong to the thing and be one that was passed over
    above = min(y * block, prepared.row_step - 1)
    rows = slice(y * block - above, (y + h) * block)
    cols = slice(x * block, (x + w) * block)
    part = image[rows, cols]
    if change is not None:
        part = scaled(part, change)
    thing = _foreground(
        part,
        None if low is None else low[rows, cols],
        None if high is None else high[rows, cols],
    )
    if len(places) > 1 and _meet(place, places):
        filled = np.zeros((h, w), np.uint8)
        cv2.drawContours(filled, [outline], -1, 255, cv2.FILLED, offset=(-x, -y))
        own = filled.repeat(block, axis=0).repeat(block, axis=1)
        own = own[: thing.shape[0] - above, : thing.shape[1]]
        thing[above:] &= own
        thing[:above] &= own[:1]
    return _Window(rows, cols, part, thing)


def _meet(place: _Place, places: Sequence[_Place]) -> bool:
    """Whether another thing's box meets this one's."""
    x, y, w, h, _ = place
    meeting = sum(
        x < other.x + other.width
        and other.x < x + w
        and y < other.y + other.height
        and other.y < y + h
        for other in places
    )
    return meeting > 1


def _beside_sweeps(window: _Window, prepared: Prepared) -> tuple[int, Gray]:
    """The thing's pixels outside the doors' sweeps, and the thing without what is only a door.

    A part inside a sweep that touches the rest is kept: it may be the animal in the doorway.
    """
    thing = window.thing
    if prepared.not_sweep is None:
        return cv2.countNonZero(thing), thing
    beside = thing & prepared.not_sweep[window.rows, window.cols]
    blob_px = cv2.countNonZero(beside)
    if blob_px in (0, cv2.countNonZero(thing)):
        return blob_px, thing
    _, labels = cv2.connectedComponents(thing, connectivity=8, ltype=cv2.CV_16U)
    kept = np.zeros(int(labels.max()) + 1, np.uint8)
    kept[labels[beside > 0]] = 255
    return blob_px, kept[labels]


def _bodies(window: _Window, prepared: Prepared) -> Iterator[_Body]:
    """The thick parts of the thing: bodies without tails, legs and cables, each in one piece."""
    thing, step = window.thing, prepared.open_step
    if step > 1:
        thinned = np.ascontiguousarray(thing[step // 2 :: step, step // 2 :: step])
        thick = _opened(thinned, prepared.open_kernel)
        thick = thick.repeat(step, axis=0).repeat(step, axis=1)
        pad_y, pad_x = thing.shape[0] - thick.shape[0], thing.shape[1] - thick.shape[1]
        if pad_y > 0 or pad_x > 0:
            ends = (0, max(pad_y, 0), 0, max(pad_x, 0))
            # as np.pad with mode "edge", in a tenth of its time
            thick = np.asarray(cv2.copyMakeBorder(thick, *ends, cv2.BORDER_REPLICATE), np.uint8)
        thick = thick[: thing.shape[0], : thing.shape[1]] & thing
    else:
        thick = _opened(thing, prepared.open_kernel)
    whole = _body(thick, window)
    if whole.area_px and _solid(whole):
        yield whole
    elif whole.area_px:
        n, labels, stats, _ = cv2.connectedComponentsWithStats(
            thick, connectivity=8, ltype=cv2.CV_16U
        )
        for i in range(1, n):
            if stats[i, cv2.CC_STAT_AREA] >= prepared.least_px:
                yield _body((labels == i).view(np.uint8) * np.uint8(255), window)


def _solid(body: _Body) -> bool:
    """Whether the pixels fill the ellipse of their own moments, so are plainly one piece."""
    m = body.moments
    spread = (m["mu20"] * m["mu02"] - m["mu11"] ** 2) / m["m00"] ** 2
    return m["m00"] >= SOLID * 4 * pi * sqrt(max(spread, 0.0))


def _opened(mask: Gray, kernel: Gray) -> Gray:
    opened = cv2.morphologyEx(
        mask, cv2.MORPH_OPEN, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    return np.asarray(opened, np.uint8)


def _body(pixels: Gray, window: _Window) -> _Body:
    moments = cv2.moments(pixels, True)
    area = round(moments["m00"])
    return _Body(
        pixels,
        moments,
        area,
        round(moments["m10"]) + area * window.cols.start,
        round(moments["m01"]) + area * window.rows.start,
    )


def _at_edge(window: _Window, prepared: Prepared) -> bool:
    """Whether the thing touches the edge of the camera's picture."""
    thing, (height, width) = window.thing, prepared.shape
    top, left = prepared.rows.start, prepared.cols.start
    return bool(
        (top + window.rows.start == 0 and thing[0].any())
        or (left + window.cols.start == 0 and thing[:, 0].any())
        or (top + window.rows.stop >= height and thing[-1].any())
        or (left + window.cols.stop >= width and thing[:, -1].any())
    )


def _reaches_in(window: _Window, prepared: Prepared) -> bool:
    """Whether a quarter of an animal's least area of the thing lies in the chambers."""
    inside = np.count_nonzero(prepared.chambers[window.rows, window.cols][window.thing > 0])
    return bool(4 * inside >= prepared.least_px)


def _measure(
    window: _Window, silhouette: Gray, body: _Body, near: int, prepared: Prepared
) -> Candidate:
    """All that a detection tells of this body."""
    rows, cols = window.rows, window.cols
    # sums in the camera's picture, of which `rows` and `cols` of `prepared` are kept
    sum_x = body.sum_x_px + body.area_px * prepared.cols.start
    sum_y = body.sum_y_px + body.area_px * prepared.rows.start
    x_px, y_px = sum_x / body.area_px, sum_y / body.area_px
    difference = cv2.absdiff(window.part, prepared.background[rows, cols])
    strength = cv2.mean(difference, body.pixels)[0] / (2 * prepared.threshold[near])
    inside = _in_chambers(body, near, prepared.chambers[rows, cols], len(prepared.min_area_px))
    for mask, (x0, y0, x1, y1) in prepared.zones:
        apart = x0 >= cols.stop or cols.start >= x1 or y0 >= rows.stop or rows.start >= y1
        inside.append(0 if apart else cv2.countNonZero(mask[rows, cols] & body.pixels))
    clear = tuple(
        (
            round(cv2.minMaxLoc(distance[rows, cols], silhouette)[0], 2),
            round(to_segment(line, x_px, y_px), 2),
        )
        for line, distance in zip(prepared.lines_px, prepared.line_distance_px, strict=True)
    )
    return Candidate(
        x_px=round(x_px, 2),
        y_px=round(y_px, 2),
        area_px=body.area_px,
        sum_x_px=sum_x,
        sum_y_px=sum_y,
        pose=pose(
            silhouette,
            body.moments,
            prepared.px_per_cm,
            prepared.cols.start + cols.start,
            prepared.rows.start + rows.start,
        ),
        strength=min(1.0, strength),
        inside=tuple(inside),
        clear_px=clear,
    )


def _in_chambers(body: _Body, near: int, chambers: Gray, n: int) -> list[int]:
    """The body's pixels in each of `n` chambers."""
    # nearly always all that is in any chamber is in the one nearest to its middle
    labels = chambers & body.pixels
    own = cv2.countNonZero(cv2.compare(labels, near + 1, cv2.CMP_EQ))  # type: ignore[call-overload]
    inside = [0] * n
    inside[near] = own
    if own < cv2.countNonZero(labels):
        counts = cv2.calcHist([chambers], [0], body.pixels, [n + 1], [0, n + 1])
        inside = [int(count) for count in counts.ravel()[1:].tolist()]
    return inside
