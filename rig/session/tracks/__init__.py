"""Tracks of other programs, read from their files and made into detections.

`read_track` tells by the file itself which program wrote it: DeepLabCut (CSV, HDF5), SLEAP
(analysis CSV, analysis HDF5), EthoVision (raw data as text), ANY-maze (test data as CSV), or a
plain table with `x_px`, `y_px` and `frame` or `t_s`.
"""

from rig.session.tracks.following import Choice, Following, choose_parts
from rig.session.tracks.reading import read_track
from rig.session.tracks.track import Part, Track

__all__ = ["Choice", "Following", "Part", "Track", "choose_parts", "read_track"]
