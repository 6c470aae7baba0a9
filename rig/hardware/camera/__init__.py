"""Cameras: a webcam or network stream through OpenCV, and a video file played as a camera.

Each gives `next(timeout_s) -> Frame | Silence | None` (None: the input has ended), `size_px`,
`rate_hz`, `clock_source` and `close()`. A frame's `t_ns` is the time of capture by the clock that
`clock_source` names. A camera that stamps its pictures itself (a hardware clock) is another class
of this shape: it gives its own stamps, moved once at the start onto the clock of the program.

Frames are dropped here and nowhere else: what a slow consumer misses shows as a gap in `index`.
OpenCV opens cameras and streams, never files.
"""

from rig.hardware.camera.listing import CameraInfo, Kind, Target, list_cameras, resolve
from rig.hardware.camera.played import FileCamera, Pace
from rig.hardware.camera.webcam import Capture, Webcam, grey

__all__ = [
    "CameraInfo",
    "Capture",
    "FileCamera",
    "Kind",
    "Pace",
    "Target",
    "Webcam",
    "grey",
    "list_cameras",
    "resolve",
]
