"""A recording to be looked at: any of its pictures, by the number that its rows give it.

Going forward costs one decoding a picture, going back a stretch at a time: what was decoded on
the way is held, so that stepping to and fro costs nothing.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rig import tracking
from rig.errors import ConfigError, RigError
from rig.model import NS_PER_S, Detection, Gray, Reason
from rig.session.film import Film
from rig.session.kept import Kept, row_of
from rig.session.pieces import Crop
from rig.session.row import stamp
from rig.session.seeing import tracker
from rig.session.used import read_used
from rig.storage import SessionRecord
from rig.storage.folder import SUMS
from rig.tracking import Prepared
from rig.tracking.outlines import outline
from rig.tracking.registration import Move, steady
from rig.video import Picture, VideoFile

BACK = 24
"""So many pictures before one that is stepped back to are decoded with it."""
AHEAD = 64
"""A picture not farther on is reached by decoding on."""
HELD_BYTES = 96 << 20

Ints = NDArray[np.int64]


class Strip(NamedTuple):
    """One file and the frame numbers of its pictures, by their place in it, ascending."""

    video: VideoFile
    frames: Ints


class Look(NamedTuple):
    """One picture. `image` None: it is not there or breaks. `outline`: of the animal, in px."""

    frame: int
    image: Gray | None
    outline: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Whence:
    """Where a folder's pictures come from: a session's record, or files of a row.

    `why`: nothing tells where; "" something does.
    """

    record: SessionRecord | None
    files: tuple[Path, ...]
    crop: Crop | None = None
    fps: float | None = None
    true_duration_s: float | None = None
    kept: Kept | None = None
    why: str = ""


class Reel:
    """Pictures by frame number. Not for two threads at once.

    `prepared`: what the animal is found with, for its outline; None: no outline.
    """

    def __init__(
        self,
        strips: Sequence[Strip],
        prepared: Prepared | None = None,
        crop: Crop | None = None,
        moves: Sequence[Move] = (),
    ) -> None:
        self._strips, self._prepared = tuple(strips), prepared
        self._crop, self._moves = crop, tuple(moves)
        self._held: OrderedDict[tuple[int, int], Gray | None] = OrderedDict()
        width, height = self._strips[0].video.size_px
        if crop is not None:
            width, height = crop[2:]
        self._most = max(2 * BACK, HELD_BYTES // max(1, width * height))
        self._pictures: Iterator[Picture] | None = None
        self._at = (0, 0)  # the strip that is read, and the place that comes next

    def look(self, frame: int, at: tuple[float, float] | None = None) -> Look:
        """The picture of `frame`, and the animal's outline about `at` (px)."""
        image = self.picture(frame)
        rim: tuple[tuple[int, int], ...] = ()
        if image is not None and at is not None and self._prepared is not None:
            rim = tuple(outline(image, self._prepared, Detection(Reason.FOUND, *at)))
        return Look(frame, image, rim)

    def picture(self, frame: int) -> Gray | None:
        """The picture of `frame` (height x width, the box's part); None: it is not there."""
        spot = self._spot(frame)
        if spot is None:
            return None
        if spot not in self._held:
            self._decode(*spot)
        self._held.move_to_end(spot)
        return self._held[spot]

    def close(self) -> None:
        """Let go of files and pictures."""
        self._pictures = None
        self._held.clear()

    def _spot(self, frame: int) -> tuple[int, int] | None:
        for k, strip in enumerate(self._strips):
            place = int(np.searchsorted(strip.frames, frame))
            if place < len(strip.frames) and strip.frames[place] == frame:
                return (k, place) if place < strip.video.frames else None
        return None

    def _decode(self, k: int, place: int) -> None:
        """Read on, or from a little before where somebody steps back, until `place` is held."""
        strip, first = self._strips[k], place
        running = self._pictures is not None and self._at[0] == k
        if not (running and self._at[1] <= place <= self._at[1] + AHEAD):
            if (k, place + 1) in self._held:
                first = max(0, place - BACK)
            start_s = strip.video.times_ns[first] / NS_PER_S
            self._pictures = strip.video.read(start_s=start_s)
            self._at = (k, first)
        assert self._pictures is not None
        for picture in self._pictures:
            self._at = (k, picture.index + 1)
            self._hold((k, picture.index), self._cut(strip, picture))
            if picture.index >= place:
                break
        else:
            self._pictures = None
        if (k, place) not in self._held:  # it breaks
            self._hold((k, place), None)

    def _cut(self, strip: Strip, picture: Picture) -> Gray:
        image = picture.image
        if self._moves:
            image = steady(image, int(strip.frames[picture.index]), self._moves)
        if self._crop is not None:
            x, y, width, height = self._crop
            image = image[y : y + height, x : x + width]
        return image.copy()

    def _hold(self, spot: tuple[int, int], image: Gray | None) -> None:
        self._held[spot] = image
        while len(self._held) > self._most:
            self._held.popitem(last=False)


def whence(folder: Path) -> Whence:
    """Where the pictures of a session or a rescored folder come from. Raises ConfigError."""
    if not (folder / "rescore.json").is_file():
        record = SessionRecord.open(folder)
        return Whence(record, tuple(record.filmed))
    files, said = row_of(folder)
    kept = Kept.open(folder)
    if len(files) == 1 and files[0].is_dir():
        record = SessionRecord.open(files[0])
        return Whence(record, tuple(record.filmed), kept=kept)
    return Whence(None, files, said.get("crop"), said.get("fps"), said.get("true_duration_s"), kept)


def missing(found: Whence) -> str:
    """The name of a file that is gone; "" where all are there."""
    if not found.files:
        return "" if found.why else "video.mkv"
    return next((path.name for path in found.files if not path.is_file()), "")


def open_reel(found: Whence, frames: Ints, resumed: Sequence[int] = ()) -> Reel:
    """The reel of a folder's pictures. Raises ConfigError.

    Args:
        found: where they are.
        frames: the folder's frame numbers, in order.
        resumed: the numbers of the first frame after each time a session was resumed.
    """
    if found.why:
        raise ConfigError("", "", found.why)
    gone = missing(found)
    if gone:
        raise ConfigError(gone, "", "is not there any more")
    if found.record is None:
        film = Film.open(found.files, found.fps, found.true_duration_s)
        strips = [
            Strip(part, np.arange(first, first + part.frames, dtype=np.int64))
            for part, first in zip(film.parts, film.firsts, strict=True)
        ]
        moves = () if found.kept is None else found.kept.moves
        return Reel(strips, _prepared(found), found.crop, moves)
    cuts = [int(np.searchsorted(frames, frame)) for frame in resumed]
    pieces = np.split(frames, cuts)
    strips = [
        Strip(VideoFile.open(path), piece)
        for path, piece in zip(found.record.parts, pieces, strict=False)
        if path is not None and path in found.files and len(piece)
    ]
    if not strips:
        raise ConfigError(str(found.record.folder), "video.mkv", "holds no picture of these rows")
    return Reel(strips, _prepared(found))


def changed(folder: Path, found: Whence) -> str:
    """What is other than when the folder was written; "": nothing. Reads every file whole.

    A session's files are held against its SHA256SUMS, a row's against its rescore.json.
    """
    known = _known(folder, found)
    for path, digest in known.items():
        if not path.is_file():
            return f"{path.name} is gone"
        try:
            now = stamp(path)["sha256"]
        except RigError:
            return f"{path.name} cannot be read"
        if now != digest:
            return f"{path.name} is another"
    return ""


def _known(folder: Path, found: Whence) -> dict[Path, str]:
    if (folder / "rescore.json").is_file():
        files = read_used(folder).get("files", ())
        return {Path(one["path"]): one["sha256"] for one in files if "path" in one}
    assert found.record is not None
    sums = found.record.folder / SUMS
    if not sums.is_file():  # it was interrupted: nothing was summed yet
        return {}
    try:
        lines = (line.split("  ", 1) for line in sums.read_text(encoding="utf-8").splitlines())
        return {found.record.folder / name: digest for digest, name in lines}
    except (OSError, ValueError) as error:
        raise ConfigError(str(sums), "", f"cannot be read: {error}") from None


def _prepared(found: Whence) -> Prepared | None:
    """What the animal is found with; None where nothing tells."""
    try:
        if found.kept is not None:
            used = found.kept.used
            settings = tracking.Settings.model_validate(used["tracker"])
            from rig.apparatus import from_table

            apparatus = from_table({**used["apparatus"], "reference": None}, "rescore.json")
            background = found.kept.background
            rate_hz = float(used["rate_hz"])
            return tracking.prepare(apparatus, background, rate_hz, settings=settings)
        if found.record is not None:
            return tracker(found.record.setup, found.record.background())
    except (RigError, ValueError, KeyError):
        return None
    return None
