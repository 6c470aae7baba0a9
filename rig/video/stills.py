"""Single pictures as small files."""

from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from rig.model import Gray


def jpeg(image: Gray, quality: int = 5) -> bytes:
    """A JPEG file's bytes of a picture (height x width); `quality` 2 (best) to 31."""
    height, width = image.shape
    frame = VideoFrame(width, height, "yuvj444p")
    for k, plane in enumerate(frame.planes):
        rows = np.full((height, plane.line_size), 128, np.uint8)
        if k == 0:
            rows[:, :width] = image
        plane.update(rows.tobytes()[: plane.buffer_size])
    context = av.CodecContext.create("mjpeg", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, "yuvj444p"
    context.time_base = Fraction(1, 25)
    context.qmin = context.qmax = quality
    return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))
