"""A rig file: one camera, its boards, and the boxes in its picture. Pure: opens no path."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from pydantic import Field

from rig.config import Strict, check, parse_toml
from rig.errors import ConfigError
from rig.model import WIDEST_PX

NUMBERS = {"doors": 4, "outputs": 4, "beams": 8}
"""The highest number of each kind on a board; the lowest is 1 (the wire)."""


class CameraSource(Strict):
    """Where pictures come from: stable identity, device path, URL, video file, or "sim".

    `repeat`: a video file is played again and again, from memory.
    `settings` are set when it is opened, in the camera's own units: exposure, gain, auto_exposure
    (0 locks it, 1 frees it) and others, as `rig.hardware.camera.Webcam.set` takes them.
    """

    source: str = Field(min_length=1)
    repeat: bool = False
    frame_size_px: tuple[int, int] | None = None
    rate_hz: float = Field(30.0, ge=0.01, le=1000)
    stall_ms: int = Field(200, ge=50, le=3_600_000)
    settings: dict[str, float] = Field(default_factory=dict)


class Video(Strict):
    """How sessions are recorded."""

    codec: Literal["h264", "lossless"] = "h264"


class BoardSource(Strict):
    """A controller board by the name it says in `hello`, and its port ("sim": a simulated one)."""

    name: str = Field(min_length=1, max_length=16)  # it must fit into one line of the wire
    port: str = Field(min_length=1)


class Box(Strict):
    """One box: its crop of the camera's picture, its apparatus, and what it is wired to.

    `doors`, `beams` and `outputs` map the apparatus's names to "board-name/number". `unseen`:
    outputs whose light no camera sees, so that nobody looks for it before a session.
    """

    name: str = "A"
    crop_px: tuple[int, int, int, int] | None = None
    apparatus: str
    background: str = "live"  # a picture file, "live", or "median" for a video file
    doors: dict[str, str] = Field(default_factory=dict)
    beams: dict[str, str] = Field(default_factory=dict)
    outputs: dict[str, str] = Field(default_factory=dict)
    unseen: tuple[str, ...] = ()


class RigFile(Strict):
    """Everything one station owns."""

    name: str
    camera: CameraSource
    video: Video = Video()
    board: tuple[BoardSource, ...] = ()
    box: tuple[Box, ...] = Field(min_length=1)


class Doorway(Protocol):
    """What the wiring has to know of a doorway."""

    @property
    def name(self) -> str:
        """Its name, which is its door's."""

    @property
    def drive(self) -> str:
        """What moves its door: "board", "manual" or "none"."""


class Apparatus(Protocol):
    """What the wiring has to know of an apparatus; rig.apparatus.Apparatus is one."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def frame_size_px(self) -> tuple[int, int]:
        """Width and height of the picture it was drawn on."""

    @property
    def doorway(self) -> Sequence[Doorway]:
        """Its doorways."""


def parse(text: str, file: str) -> RigFile:
    """The rig described by the TOML `text`; `file` is only named in errors. Raises ConfigError."""
    return from_table(parse_toml(text, file), file)


def from_table(table: object, file: str) -> RigFile:
    """The rig in a table that was read already. Raises ConfigError as `parse` does."""
    rig = check(table, RigFile, file)
    for key, message in _faults(rig):
        raise ConfigError(file, key, message)
    return rig


def wired(place: str) -> tuple[str, int]:
    """Board and number of "board-1/2". Raises ValueError for anything else."""
    board, slash, number = place.rpartition("/")
    if not (slash and board and re.fullmatch(r"[0-9]{1,3}", number)):
        raise ValueError(f'{place!r}: write "board/number", such as "board-1/2"')
    return board, int(number)


def check_wiring(rig: RigFile, box: Box, apparatus: Apparatus, file: str) -> None:
    """Nothing, where the box in `rig` and the apparatus that stands in it fit together.

    Raises ConfigError where a motor door is not wired, a wired door or beam is not in the
    apparatus, or the box's picture has another size than the apparatus was drawn on.
    """
    key = f"box[{rig.box.index(box)}]"
    for name, message in _wiring_faults(rig, box, apparatus):
        raise ConfigError(file, f"{key}.{name}", message)


Faults = Iterator[tuple[str, str]]
"""Keys, and what is wrong with their values."""


def _faults(rig: RigFile) -> Faults:
    # Only the first is told.
    yield from _name_faults("board", [board.name for board in rig.board])
    yield from _name_faults("box", [box.name for box in rig.box])
    yield from _port_faults(rig)
    yield from _crop_faults(rig)
    yield from _number_faults(rig)
    drives = any(box.doors or box.outputs for box in rig.box)
    if drives and rig.camera.source.isdigit():
        yield (
            "camera.source",
            (
                f"{rig.camera.source!r}: a bare index may be another camera tomorrow; where doors"
                " or outputs are driven give the stable identity that `placepref cameras` shows"
            ),
        )


def _name_faults(kind: str, names: Sequence[str]) -> Faults:
    taken: dict[str, int] = {}
    for k, name in enumerate(names):
        if not _is_word(name):
            yield f"{kind}[{k}].name", f"{name!r}: only letters, digits, - and _ are safe in a name"
        if name.lower() in taken:
            message = f"{name!r}: {kind}[{taken[name.lower()]}] is called that already"
            yield f"{kind}[{k}].name", message
        taken[name.lower()] = k


def _is_word(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_-]+", name) is not None


def _port_faults(rig: RigFile) -> Faults:
    taken: dict[str, str] = {}
    for k, board in enumerate(rig.board):
        if board.port != "sim" and board.port in taken:
            yield f"board[{k}].port", f"{board.port!r}: {taken[board.port]} is on that port already"
        taken[board.port] = board.name


def _crop_faults(rig: RigFile) -> Faults:
    size = rig.camera.frame_size_px
    if size is not None and not (min(size) >= 1 and max(size) <= WIDEST_PX):
        yield "camera.frame_size_px", f"{list(size)}: width and height are 1 to {WIDEST_PX}"
    for k, box in enumerate(rig.box):
        if box.crop_px is None:
            continue
        x, y, width, height = box.crop_px
        key, crop = f"box[{k}].crop_px", list(box.crop_px)
        if width < 1 or height < 1:
            yield key, f"{crop}: width and height (the last two) are at least 1"
        if x < 0 or y < 0 or (size and (x + width > size[0] or y + height > size[1])):
            whole = f" of {size[0]} x {size[1]} px" if size else ""
            yield key, f"{crop}: reaches beyond the camera's picture{whole}"


def _number_faults(rig: RigFile) -> Faults:
    boards = {board.name for board in rig.board}
    taken: dict[tuple[str, str, int], str] = {}
    for k, box in enumerate(rig.box):
        for i, name in enumerate(box.unseen):
            if name not in box.outputs:
                have = ", ".join(box.outputs) or "none"
                yield f"box[{k}].unseen[{i}]", f"{name!r}: no output of this box (outputs: {have})"
        for kind, highest in NUMBERS.items():
            places: dict[str, str] = getattr(box, kind)
            for name, place in places.items():
                key = f"box[{k}].{kind}.{name}"
                if not _is_word(name):
                    yield key, f"{name!r}: only letters, digits, - and _ are safe in a name"
                try:
                    board, number = wired(place)
                except ValueError as error:
                    yield key, str(error)
                    continue
                if board not in boards:
                    have = ", ".join(sorted(boards)) or "none"
                    yield key, f"{place!r}: there is no board {board!r} (boards: {have})"
                if not 1 <= number <= highest:
                    yield key, f"{place!r}: a board has {kind} 1 to {highest}"
                if (kind, board, number) in taken:
                    yield key, f"{place!r}: is used by {taken[kind, board, number]} already"
                taken[kind, board, number] = key


def _wiring_faults(rig: RigFile, box: Box, apparatus: Apparatus) -> Faults:
    doorways = {doorway.name: doorway.drive for doorway in apparatus.doorway}
    have = ", ".join(doorways) or "none"
    for name, place in box.doors.items():
        if name not in doorways:
            message = (
                f"{place!r}: apparatus {apparatus.name!r} has no door {name!r} (doors: {have})"
            )
            yield f"doors.{name}", message
        elif doorways[name] != "board":
            drive = str(doorways[name])
            yield f"doors.{name}", f'{place!r}: the apparatus says drive = "{drive}", not "board"'
    for name, place in box.beams.items():
        if name not in doorways:
            message = f"{place!r}: apparatus {apparatus.name!r} has no doorway {name!r} ({have})"
            yield f"beams.{name}", message
    for name, drive in doorways.items():
        if drive == "board" and name not in box.doors:
            yield "doors", f'{name!r}: is a motor door (drive = "board") that no board is wired to'
    size = box.crop_px[2:] if box.crop_px else rig.camera.frame_size_px
    if size is not None and tuple(size) != apparatus.frame_size_px:
        width, height = apparatus.frame_size_px
        message = f"{list(size)}: apparatus {apparatus.name!r} was drawn on {width} x {height} px"
        yield "crop_px", message
