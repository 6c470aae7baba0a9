"""Video files, read and written: 8-bit luma in one way, times from the container's own stamps.

Reading. Plane 0 is the picture as it is for grey and for 8-bit planar YUV (no colour conversion,
no change of range); for anything else (palette, RGB, packed or 10-bit YUV) it is FFmpeg's `gray`.
A rotation written in the file is applied. A picture's `index` is its place in the file: one that
cannot be decoded leaves a gap and is counted in `VideoFile.broken`. A file torn off while it was
written gives every whole picture before the tear.

Writing. Matroska through a file object that the caller opened, so that every byte handed over so
far is readable after a crash. H.264 is coded monochrome and flagged full range; lossless is FFV1
with a checksum a slice.

This is the only room that knows PyAV.
"""

from rig.video.reading import Picture, Piece, ReadPiece, VideoFile, count_frames
from rig.video.stills import jpeg
from rig.video.times import Times
from rig.video.writing import NOISE, Codec, Stamps, VideoWriter, WriterAhead

__all__ = [
    "NOISE",
    "Codec",
    "Picture",
    "Piece",
    "ReadPiece",
    "Stamps",
    "Times",
    "VideoFile",
    "VideoWriter",
    "WriterAhead",
    "count_frames",
    "jpeg",
]
