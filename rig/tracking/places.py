"""Where anything is in a picture, in blocks, and each thing's pixels at full size. Pure."""

from collections.abc import Sequence
from typing import NamedTuple, cast

import cv2
import numpy as np
from cv2.typing import MatLike

from rig.model import Gray
from rig.tracking.light import scaled
from rig.tracking.preparing import Prepared


class Place(NamedTuple):
    """Where a thing is, in blocks: the box around it and its outline."""

    x: int
    y: int
    width: int
    height: int
    outline: MatLike


class Window(NamedTuple):
    """A thing's surroundings: where they are, their picture, and the thing's pixels (255)."""

    rows: slice
    cols: slice
    part: Gray
    thing: Gray


def places_in(image: Gray, levels: Gray | None, prepared: Prepared) -> list[Place]:
    """Where anything is, the widest first.

    Args:
        image: `rows` and `cols` of the camera's picture.
        levels: what each grey level becomes in the background's light; None: itself.
        prepared: the limits, and the blocks' size.
    """
    # every second row shows it: half the memory to go through for each picture
    sparse = image[:: prepared.row_step]
    if levels is not None:
        sparse = scaled(sparse, levels)
    beyond = _beyond(sparse, prepared.sparse_low, prepared.sparse_high)
    outlines, _ = cv2.findContours(
        _blocks(beyond, prepared.block), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    places = []
    for outline in outlines:
        x, y, w, h = cv2.boundingRect(outline)
        places.append(Place(x, y, w, h, outline))
    if len(places) > 1:
        places.sort(key=lambda place: -place.width * place.height)
    return places


def window(
    image: Gray, levels: Gray | None, place: Place, places: Sequence[Place], prepared: Prepared
) -> Window:
    """The thing at `place`, at full size and without the other things near it."""
    block, low, high = prepared.block, prepared.low, prepared.high
    x, y, w, h, outline = place
    # the row above may belong to the thing and be one that was passed over
    above = min(y * block, prepared.row_step - 1)
    height, width = image.shape
    rows = slice(y * block - above, min((y + h) * block, height))
    cols = slice(x * block, min((x + w) * block, width))
    part = image[rows, cols]
    if levels is not None:
        part = scaled(part, levels)
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
    return Window(rows, cols, part, thing)


def _beyond(image: Gray, low: Gray | None, high: Gray | None) -> Gray:
    """How far the picture is beyond its limits: not 0 where `_foreground` is, but told sooner."""
    if high is None:
        assert low is not None
        return cast(Gray, cv2.subtract(low, image))
    above = cv2.subtract(image, high)
    if low is not None:
        cv2.max(above, cv2.subtract(low, image), above)
    return cast(Gray, above)


def _foreground(image: Gray, low: Gray | None, high: Gray | None) -> Gray:
    """255 where the picture is beyond its limits."""
    if high is None:
        assert low is not None
        return cast(Gray, cv2.compare(image, low, cv2.CMP_LT))
    above = cv2.compare(image, high, cv2.CMP_GT)
    if low is not None:
        cv2.bitwise_or(above, cv2.compare(image, low, cv2.CMP_LT), above)
    return cast(Gray, above)


def _blocks(foreground: Gray, block: int) -> Gray:
    """Not 0 for each block x block pixels (1, 2 or 4) that hold any foreground (not 0).

    Blocks of 2 and 4 are made of every second row of the picture, which is all that
    `_foreground` has then.
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
        foreground = cast(Gray, cv2.max(foreground[0::2], foreground[1::2]))
    # neighbours in a row are read as one number, so that "any of them" is one step
    words = foreground.view(np.uint32 if block == 4 else np.uint16)
    return words.astype(np.bool_).view(np.uint8)


def _meet(place: Place, places: Sequence[Place]) -> bool:
    """Whether another thing's box meets this one's."""
    x, y, w, h, _ = place
    for other in places:
        left, top, width, height, _ = other
        across = left < x + w and x < left + width
        if across and top < y + h and y < top + height and other is not place:
            return True
    return False
