"""Pictures for whoever watches: the newest one made small, and one with all that was seen in it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rig import tracking
from rig.apparatus import Animal, from_table
from rig.config import Strict
from rig.errors import ConfigError, StationError
from rig.model import Detection, Frame, Gray, to_json
from rig.session.files import read_picture
from rig.session.seeing import known_contrast
from rig.station.hosted import Hosted
from rig.tracking import Prepared
from rig.tracking.registration import righted
from rig.tracking.sighting import sightings


class Changes(Strict):
    """What a look may have otherwise than the rig's files, for itself alone.

    `crop_px` is of the camera's picture, `apparatus` a table as its file holds it, `background`
    the whole path of a PNG picture of the empty box.
    """

    crop_px: tuple[int, int, int, int] | None = None
    apparatus: dict[str, Any] | None = None
    background: str | None = None
    animal: Animal | None = None
    threshold: int | None = Field(None, ge=1, le=254)


def preview(
    frame: Frame, hosted: Hosted | None, most_px: tuple[int, int], *, outlined: bool = False
) -> tuple[dict[str, Any], bytes]:
    """A picture at most so wide and high (every k-th pixel), and what to draw on it.

    The bytes are 8-bit luma, row by row. Positions are in pixels of the whole picture; divide by
    `step`. Without a box there is only the picture. `outlined`: with the corners of the animal's
    outline, where it is seen; computed here, for whoever asked, not by the session.
    """
    height, width = frame.image.shape
    step = max(1, -(-width // most_px[0]), -(-height // most_px[1]))
    tick, loop = (None, None) if hosted is None else (hosted.tick, hosted.loop)
    image = frame.image
    if loop is not None:
        image = righted(image, loop.state.camera)  # what is drawn on it lies as at the start
    small = np.ascontiguousarray(image[::step, ::step])
    data: dict[str, Any] = {
        "frame": frame.index,
        "t_ns": frame.t_ns,
        "width": small.shape[1],
        "height": small.shape[0],
        "step": step,
        "size_px": [width, height],
    }
    if tick is not None and tick.detection is not None and loop is not None:
        data["detection"] = _detection(tick.detection)
        data["zone"] = loop.state.zone
        if outlined:
            data["outline"] = tracking.outline(image, loop.prepared, tick.detection)
    return data, small.tobytes()


def look(
    frame: Frame, hosted: Hosted | None, rate_hz: float, changes: Changes | None = None
) -> tuple[dict[str, Any], bytes]:
    """One picture with silhouette and verdict.

    The bytes are the picture's luma, then a bit a pixel (packed, row by row) for what stands out
    from the background. `contrast` is the headroom in grey levels of each chamber, `good` the
    verdict on it, `known` whether the animal's side or coat is known, without which the verdict
    says little, `sighted` what is found of such an animal at places of each chamber (`Sighting`).
    Without an empty-box picture, and without a session, there is only the picture.

    Args:
        frame: of the box, or of the camera where there is no box.
        hosted: the box whose files hold where `changes` say nothing else.
        rate_hz: the camera's.
        changes: for this look alone.

    Raises ConfigError for changes that cannot be used, StationError while a session runs.
    """
    changes = changes or Changes()
    area = changes.crop_px
    if area is not None:
        frame = Frame(frame.index, frame.t_ns, cut(frame.image, area))
    image = np.ascontiguousarray(frame.image)
    data: dict[str, Any] = {
        "frame": frame.index,
        "t_ns": frame.t_ns,
        "width": image.shape[1],
        "height": image.shape[0],
        "silhouette": False,
    }
    prepared, empty = _prepared(hosted, image, rate_hz, changes)
    if prepared is None:
        return data, image.tobytes()
    seen = tracking.choose(tracking.find(image, prepared), None, frame.t_ns)
    contrast = tracking.contrast(prepared)
    data |= {
        "silhouette": True,
        "detection": _detection(seen),
        "contrast": contrast,
        "good": {name: headroom > 0 for name, headroom in contrast.items()},
        "known": bool(known_contrast(prepared)),
        "sighted": {} if empty is None else _sighted(prepared, empty),
        "tracker": prepared.settings.model_dump(mode="json"),
    }
    return data, image.tobytes() + np.packbits(_standing_out(image, prepared)).tobytes()


def cut(image: Gray, area: tuple[int, int, int, int]) -> Gray:
    """This part (x, y, width, height) of a picture. Raises ConfigError where it reaches out."""
    x, y, width, height = area
    inside = y + height <= image.shape[0] and x + width <= image.shape[1]
    if min(x, y) < 0 or min(width, height) < 1 or not inside:
        have = f"{image.shape[1]}x{image.shape[0]}"
        raise ConfigError("crop_px", "", f"{list(area)} is no part of a picture of {have} px")
    return image[y : y + height, x : x + width]


def _prepared(
    hosted: Hosted | None, image: Gray, rate_hz: float, changes: Changes
) -> tuple[Prepared | None, Gray | None]:
    """The tracker, and the picture of the empty box that it was made with where that is at hand."""
    if hosted is not None and hosted.loop is not None and hosted.busy:
        if changes != Changes():
            raise StationError(f"box {hosted.name}: its settings are frozen, a session runs in it")
        return hosted.loop.prepared, None
    apparatus = None if hosted is None else hosted.box.loaded.apparatus
    if changes.apparatus is not None:
        apparatus = from_table(changes.apparatus, "apparatus")
    if apparatus is None:
        return None, None
    empty = None if hosted is None else hosted.box.empty
    if changes.background is not None:
        file = Path(changes.background)
        empty = read_picture(file, apparatus, ("background", ""), repr(changes.background))
    if empty is None:
        return None, None
    height, width = image.shape
    if apparatus.frame_size_px != (width, height):
        message = f"{list(apparatus.frame_size_px)}: the picture is {width}x{height} px"
        raise ConfigError("apparatus", "frame_size_px", message)
    wanted = {"animal": changes.animal, "threshold": changes.threshold}
    said = {name: value for name, value in wanted.items() if value is not None}
    if said:
        settings = apparatus.tracking.model_copy(update=said)
        apparatus = apparatus.model_copy(update={"tracking": settings})
    return tracking.prepare(apparatus, empty, rate_hz, [image]), empty


def _sighted(prepared: Prepared, empty: Gray) -> dict[str, Any]:
    return {name: one._asdict() for name, one in sightings(prepared, empty).items()}


def _standing_out(image: Gray, prepared: Prepared) -> NDArray[np.bool_]:
    whole = np.zeros(image.shape, np.bool_)
    seen, there = image[prepared.rows, prepared.cols], whole[prepared.rows, prepared.cols]
    if prepared.low is not None:
        there |= seen < prepared.low
    if prepared.high is not None:
        there |= seen > prepared.high
    return whole


def _detection(seen: Detection) -> dict[str, Any]:
    return {"reason": str(seen.reason), **to_json(seen)}
