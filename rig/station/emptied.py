"""A picture of the empty box, from a camera that looks at it or from a file's own pictures."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rig import png, tracking
from rig.apparatus import from_table
from rig.errors import ConfigError
from rig.model import Gray
from rig.session.load import LoadedRig
from rig.session.pieces import SAMPLES
from rig.session.seeing import median
from rig.station.hosted import Hosted
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


def keep(
    hosted: Hosted, pictures: Sequence[Gray], rate_hz: float, *, sure: bool
) -> tuple[dict[str, Any], bytes]:
    """What `emptied` gives of one box, kept for its next session where the picture shows it empty.

    `sure`: a person says so of a box that looks otherwise than before (another floor); what moves
    is never kept. `kept`: whether it is. `known`: whether an earlier picture of the empty box was
    there to hold it against; without one, only something that moves can be seen, and `standing_px`
    is None: the pixels that stand out from it as an animal would.
    """
    told, body = emptied(pictures, Changes())
    still = png.read_gray(body, f"box {hosted.name}")
    standing = None
    if hosted.box.empty is not None:
        prepared = tracking.prepare(hosted.box.loaded.apparatus, hosted.box.empty, rate_hz, [still])
        standing = tracking.find(still, prepared).blob_px
    settings = hosted.box.loaded.apparatus.tracking
    least_px = hosted.box.loaded.apparatus.area_px(settings.min_area_cm2) / 4  # as Setup.empty_px
    quiet = told["moved"] * still.size < least_px
    kept = quiet and (sure or standing is None or standing < least_px)
    hosted.ready = still if kept else None
    seen = {"kept": kept, "quiet": quiet, "known": standing is not None, "standing_px": standing}
    return told | seen, body


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
