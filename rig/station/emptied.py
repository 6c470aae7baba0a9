"""A picture of the empty box, from a camera that looks at it or from a file's own pictures."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rig import png
from rig.apparatus import from_table
from rig.errors import ConfigError
from rig.model import Gray
from rig.session.load import LoadedRig
from rig.session.seeing import SAMPLES, median
from rig.station.views import Changes, cut
from rig.video import VideoFile

MOVED_LEVELS = 25
"""A pixel that changes by more while nothing should move has seen something move."""


def emptied(pictures: Sequence[Gray], changes: Changes) -> tuple[dict[str, Any], bytes]:
    """The median of some pictures as a PNG file's bytes.

    `moved` is the share of its pixels that changed meanwhile: more than noise is, so somebody or
    something was in the picture. Raises ConfigError for a crop that reaches out of it.
    """
    if changes.crop_px is not None:
        pictures = [cut(picture, changes.crop_px) for picture in pictures]
    stack = np.stack(pictures)
    still = np.median(stack, axis=0).astype(np.uint8)
    spread = stack.max(axis=0).astype(np.int16) - stack.min(axis=0)
    moved = float(np.mean(spread > MOVED_LEVELS))
    return _told(still, len(pictures), round(moved, 6))


def file_median(loaded: LoadedRig, changes: Changes) -> tuple[dict[str, Any], bytes]:
    """What a session on the rig's video file would take as its background, as a PNG file's bytes.

    Raises ConfigError without an apparatus in `changes`, which says how the animal stands out.
    """
    if changes.apparatus is None:
        raise ConfigError("empty", "apparatus", "a file's background wants an apparatus")
    apparatus = from_table(changes.apparatus, "apparatus")
    video = VideoFile.open(loaded.folder / loaded.rig.camera.source)
    seen = median(video, apparatus, changes.crop_px)
    return _told(seen.background, min(SAMPLES, video.frames), 0.0)


def _told(image: Gray, count: int, moved: float) -> tuple[dict[str, Any], bytes]:
    height, width = image.shape
    told = {"width": width, "height": height, "pictures": count, "moved": moved}
    return told, png.write_gray(image)
