"""Which program wrote a file, and its track."""

from collections.abc import Collection, Mapping
from itertools import chain, islice
from pathlib import Path

import numpy as np

from rig.errors import ConfigError
from rig.session.sheet import each_line, names_in, sheet
from rig.session.tracks.commercial import (
    anymaze,
    ethovision,
    is_anymaze,
    is_ethovision,
    is_position,
)
from rig.session.tracks.following import choose_parts
from rig.session.tracks.hdf5 import SIGNATURE, read_hdf5
from rig.session.tracks.pose import deeplabcut, sleap
from rig.session.tracks.track import Part, Track, Wanted

MOST_HEAD = 200
"""Lines above a table in which it is told what the file is."""


def read_track(
    path: Path, individual: str | None = None, parts: Mapping[str, str] | None = None
) -> Track:
    """The track in a file, told by its content. Raises ConfigError naming file, line and value.

    Args:
        path: the file.
        individual: which animal, where the file has several.
        parts: our points and what they are called there, as in `Choice`; only those, or what is
            usually called so, are read. None: all points.
    """

    def wanted(names: Collection[str]) -> Collection[str]:
        return names if parts is None else choose_parts(names, str(path), parts).values()

    try:
        with path.open("rb") as file:
            head = file.read(len(SIGNATURE))
    except OSError as error:
        raise ConfigError(str(path), "", f"cannot be read: {error.strerror}") from None
    read = read_hdf5 if head == SIGNATURE else _text
    track = read(path, individual, wanted)
    if not track.parts:
        raise ConfigError(str(path), "", f"this {track.program} file holds no point with x and y")
    rows = track.frame if track.frame is not None else track.t_s
    assert rows is not None
    if not len(rows):
        raise ConfigError(str(path), "", "holds no rows")
    if not (np.diff(rows) > 0).all():
        raise ConfigError(str(path), "", "its frames do not rise")
    return track


def _text(path: Path, individual: str | None, wanted: Wanted) -> Track:
    source, file = each_line(path, "file of tracks"), str(path)
    head = list(islice(source, MOST_HEAD))
    if not head:
        raise ConfigError(file, "", "is empty")
    if names_in(head[0])[:1] == ["scorer"]:
        return deeplabcut(head, source, file, individual, wanted)
    if is_ethovision(head):
        return ethovision(head, source, file)
    lines, names = chain(head, source), names_in(head[0])
    if "frame_idx" in names:
        points = {name.removesuffix(".x") for name in names if name.endswith(".x")}
        read = {f"{point}.{end}" for point in wanted(points) for end in ("x", "y", "score")}
        kept = {"track", "frame_idx", *read}
        return sleap(sheet(lines, file, kept=kept.__contains__), individual)
    if is_anymaze(names):
        return anymaze(sheet(lines, file, kept=lambda name: name == "Time" or is_position(name)))
    table = sheet(lines, file)
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
