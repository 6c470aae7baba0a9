"""A camera that was moved in a recording or a session: when, how, and pictures as before it."""

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rig.errors import ConfigError
from rig.model import NS_PER_S, Gray, RequestKind
from rig.session.film import Film
from rig.storage import SessionRecord
from rig.tracking.registration import (
    Matrix,
    Move,
    brought_back,
    first_moved,
    matrix_of,
    steady,
    stood,
    told,
    too_far,
)

_log = logging.getLogger(__name__)

AT_ONCE = 48
"""Pictures in which the moment of a move is looked for, before it is looked for more closely."""


def moves_in(film: Film, places: Sequence[int], stack: NDArray[np.uint8]) -> tuple[Move, ...]:
    """When the camera of a film was moved, to the picture, and how it stood from then on.

    Args:
        film: the recording.
        places: of the pictures in `stack`, ascending.
        stack: pictures spread over it (n, height, width).

    Raises ConfigError where it was moved so far that it shows another scene.
    """
    moves: list[Move] = []
    before = matrix_of(None)
    shape = stack.shape[1:]
    for last, first, after in stood(list(stack)):
        reference = brought_back(stack[last], before)
        place = _moment(film, places[last], places[first], reference, before, after)
        move = told(place, after, shape)
        at_s = film.time_ns(place) / NS_PER_S
        how = f"by {move.dx_px:g}, {move.dy_px:g} px, turned by {move.turn_deg:g} degrees"
        name = film.parts[0].path
        if too_far(move, shape):
            message = f"the camera was moved at {at_s:.3f} s {how}: score each part by itself"
            raise ConfigError(str(name), "", f"{message}, with --end and --start")
        _log.warning("%s: the camera was moved at %.3f s %s: put right", name, at_s, how)
        moves.append(move)
        before = after
    return tuple(moves)


class Told(NamedTuple):
    """How the camera was seen to move while a session ran.

    From which of its frames on, and from which picture of which part of its video (1: video.mkv,
    2: video-2.mkv).
    """

    by_frame: tuple[Move, ...]
    by_part: Mapping[int, tuple[Move, ...]]


def moves_told(record: SessionRecord) -> Told:
    """What a session's own ticks tell of its camera. Raises StorageError."""
    if not any(event["kind"].startswith("camera_") for event in record.events()):
        return Told((), {})
    by_frame: list[Move] = []
    by_part: dict[int, tuple[Move, ...]] = {}
    part, place = 1, 0
    for tick in record.ticks():
        for request in tick.requests:
            if request.kind is RequestKind.RESUMED:
                part, place = part + 1, 0
                last = [move._replace(first=0) for move in by_frame[-1:]]
                by_part[part] = tuple(last)
            elif request.kind is RequestKind.CAMERA:
                data = request.data
                way = (data["dx_px"], data["dy_px"], data["turn_deg"])
                by_frame.append(Move(tick.frame or 0, tuple(data["matrix"]), *way))
                here = by_frame[-1]._replace(first=place)
                by_part[part] = (*by_part.get(part, ()), here)
        place += tick.frame is not None
    return Told(tuple(by_frame), by_part)


def steadied(
    stack: NDArray[np.uint8], places: Sequence[int], moves: Sequence[Move]
) -> NDArray[np.uint8]:
    """The pictures as if the camera had stayed where it stood at the start."""
    if not moves:
        return stack
    return np.stack(
        [steady(image, place, moves) for image, place in zip(stack, places, strict=True)]
    )


def _moment(
    film: Film, last: int, first: int, reference: Gray, before: Matrix, after: Matrix
) -> int:
    """The place of the first picture after the move, which is after `last` and up to `first`."""
    while first - last > 1:
        step = max(1, (first - last) // AT_ONCE)
        wanted = list(range(last + step, first, step))
        pictures = film.pictures(wanted)
        if len(pictures) < len(wanted):
            return first  # not all of them can be decoded: the earliest that is sure
        n = first_moved(reference, pictures, before, after)
        last, first = wanted[n - 1] if n else last, wanted[n] if n < len(wanted) else first
        if step == 1:
            break
    return first
