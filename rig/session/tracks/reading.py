"""Which program wrote a file, and its track."""

from pathlib import Path

import numpy as np

from rig.errors import ConfigError
from rig.session.sheet import read_lines, sheet
from rig.session.tracks.commercial import anymaze, ethovision, is_anymaze, is_ethovision
from rig.session.tracks.hdf5 import SIGNATURE, read_hdf5
from rig.session.tracks.pose import deeplabcut, sleap
from rig.session.tracks.track import Part, Track


def read_track(path: Path, individual: str | None = None) -> Track:
    """The track in a file, told by its content. Raises ConfigError naming file, line and value.

    Args:
        path: the file.
        individual: which animal, where the file has several.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(SIGNATURE))
    except OSError as error:
        raise ConfigError(str(path), "", f"cannot be read: {error.strerror}") from None
    track = read_hdf5(path, individual) if head == SIGNATURE else _text(path, individual)
    if not track.parts:
        raise ConfigError(str(path), "", f"this {track.program} file holds no point with x and y")
    rows = track.frame if track.frame is not None else track.t_s
    assert rows is not None
    if not len(rows):
        raise ConfigError(str(path), "", "holds no rows")
    if not (np.diff(rows) > 0).all():
        raise ConfigError(str(path), "", "its frames do not rise")
    return track


def _text(path: Path, individual: str | None) -> Track:
    lines, file = read_lines(path, "file of tracks"), str(path)
    if not lines:
        raise ConfigError(file, "", "is empty")
    if lines[0].startswith("scorer,"):
        return deeplabcut(lines, file, individual)
    if is_ethovision(lines):
        return ethovision(lines, file)
    table = sheet(lines, file)
    if "frame_idx" in table:
        return sleap(table, individual)
    if is_anymaze(table):
        return anymaze(table)
    if "x_px" in table and "y_px" in table and ("frame" in table or "t_s" in table):
        parts = {"centre": Part(table.numbers("x_px"), table.numbers("y_px"))}
        for point in ("nose", "tail"):
            if f"{point}_x_px" in table and f"{point}_y_px" in table:
                x, y = table.numbers(f"{point}_x_px"), table.numbers(f"{point}_y_px")
                parts[point] = Part(x, y)
        if "frame" in table:
            return Track(file, "table", parts, table.wholes("frame"))
        return Track(file, "table", parts, t_s=table.numbers("t_s"))
    message = (
        "not a track of DeepLabCut, SLEAP, EthoVision or ANY-maze, nor a table with x_px, y_px and"
        " frame or t_s"
    )
    raise ConfigError(file, "", message)
