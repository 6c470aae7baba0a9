"""Pictures for whoever watches: the newest one made small, and one with all that was seen in it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rig import tracking
from rig.errors import StationError
from rig.model import Detection, Frame, Gray, to_json
from rig.station.hosted import Hosted
from rig.tracking import Prepared


def preview(hosted: Hosted, most_px: tuple[int, int]) -> tuple[dict[str, Any], bytes]:
    """The box's newest picture at most so wide and high (every k-th pixel), and what to draw on it.

    The bytes are 8-bit luma, row by row. Positions are in pixels of the whole picture; divide by
    `step`.
    """
    frame = _newest(hosted)
    height, width = frame.image.shape
    step = max(1, -(-width // most_px[0]), -(-height // most_px[1]))
    small = np.ascontiguousarray(frame.image[::step, ::step])
    tick = hosted.tick
    data: dict[str, Any] = {
        "frame": frame.index,
        "t_ns": frame.t_ns,
        "width": small.shape[1],
        "height": small.shape[0],
        "step": step,
    }
    loop = hosted.loop
    if tick is not None and tick.detection is not None and loop is not None:
        data["detection"] = _detection(tick.detection)
        data["zone"] = loop.state.zone
    return data, small.tobytes()


def look(hosted: Hosted, rate_hz: float) -> tuple[dict[str, Any], bytes]:
    """One picture of the box with silhouette and verdict.

    The bytes are the picture's luma, then a bit a pixel (packed, row by row) for what stands out
    from the background. `contrast` is the headroom in grey levels of each chamber, `good` the
    verdict on it. Without an empty-box picture, and without a session, there is only the picture.
    """
    frame = _newest(hosted)
    image = np.ascontiguousarray(frame.image)
    data: dict[str, Any] = {
        "frame": frame.index,
        "t_ns": frame.t_ns,
        "width": image.shape[1],
        "height": image.shape[0],
        "silhouette": False,
    }
    prepared = _prepared(hosted, image, rate_hz)
    if prepared is None:
        return data, image.tobytes()
    seen = tracking.choose(tracking.find(image, prepared), None, frame.t_ns)
    contrast = tracking.contrast(prepared)
    data |= {
        "silhouette": True,
        "detection": _detection(seen),
        "contrast": contrast,
        "good": {name: headroom > 0 for name, headroom in contrast.items()},
        "tracker": prepared.settings.model_dump(mode="json"),
    }
    return data, image.tobytes() + np.packbits(_standing_out(image, prepared)).tobytes()


def _newest(hosted: Hosted) -> Frame:
    frame = hosted.frame
    if frame is None:
        raise StationError(f"box {hosted.name}: there has been no picture yet")
    return frame


def _prepared(hosted: Hosted, image: Gray, rate_hz: float) -> Prepared | None:
    if hosted.loop is not None and hosted.busy:
        return hosted.loop.prepared
    if hosted.box.empty is None:
        return None
    return tracking.prepare(hosted.box.loaded.apparatus, hosted.box.empty, rate_hz, [image])


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
