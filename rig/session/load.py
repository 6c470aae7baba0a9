"""A rig as it lies on the disk: rig file, apparatus files, backgrounds. Opens no device."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from os.path import isfile  # pathlib's raises for a name that no file can have
from pathlib import Path

from rig import rigfile
from rig.apparatus import Apparatus
from rig.errors import ConfigError
from rig.hardware.simulated import builtin
from rig.model import Gray
from rig.rigfile import Box, RigFile, check_wiring
from rig.session.files import load_apparatus, read_picture, read_text


@dataclass(frozen=True)
class LoadedBox:
    """One box of a rig: what its file says, its apparatus, its empty-box picture if it has one."""

    box: Box
    apparatus: Apparatus
    apparatus_file: str
    picture: Gray | None


@dataclass(frozen=True)
class LoadedRig:
    """A rig read and checked. `source` is what the person gave: "sim", "sim:FILE" or a path."""

    source: str
    rig: RigFile
    boxes: dict[str, LoadedBox]
    folder: Path

    @cached_property
    def digest(self) -> str:
        """SHA-256, hex, of what was read: another one where a file was changed since."""
        found = hashlib.sha256(self.rig.model_dump_json().encode())
        for box in self.boxes.values():
            found.update(box.apparatus.model_dump_json().encode())
            if box.picture is not None:
                found.update(box.picture.tobytes())
        return found.hexdigest()

    @property
    def simulated(self) -> bool:
        """Whether a simulated world stands in for camera and animal."""
        return self.rig.camera.source == "sim"

    def box_named(self, name: str | None) -> LoadedBox:
        """The box of this name, or the only one. Raises ConfigError."""
        if name is None:
            if len(self.boxes) == 1:
                return next(iter(self.boxes.values()))
            have = ", ".join(self.boxes)
            raise ConfigError(
                "--box", "", f"rig {self.rig.name!r} has several boxes: one of {have}"
            )
        if name not in self.boxes:
            have = ", ".join(self.boxes)
            raise ConfigError(
                "--box", "", f"{name!r}: rig {self.rig.name!r} has no such box ({have})"
            )
        return self.boxes[name]


def load_rig(source: str) -> LoadedRig:
    """The rig named on a command line. Raises ConfigError for anything that cannot be used."""
    if source == "sim":
        rig, built_in = builtin.builtin()
        boxes = {b.name: LoadedBox(b, built_in[b.name], "sim", None) for b in rig.box}
        return LoadedRig(source, rig, boxes, Path())
    path = Path(source.removeprefix("sim:"))
    rig = rigfile.parse(read_text(path, "rig file"), str(path))
    if source.startswith("sim:") and rig.camera.source != "sim":
        message = f'{rig.camera.source!r}: a rig named with sim: has source = "sim"'
        raise ConfigError(str(path), "camera.source", message)
    for k, board in enumerate(rig.board):
        if rig.camera.source == "sim" and board.port != "sim":
            message = f'{board.port!r}: a simulated rig moves simulated doors: port = "sim"'
            raise ConfigError(str(path), f"board[{k}].port", message)
    boxes = {}
    for k, box in enumerate(rig.box):
        file = path.parent / box.apparatus
        if not isfile(file):
            message = f"{box.apparatus!r}: there is no such apparatus file"
            raise ConfigError(str(path), f"box[{k}].apparatus", message)
        apparatus = load_apparatus(file)
        check_wiring(rig, box, apparatus, str(path))
        picture = _picture(path, k, box, apparatus)
        boxes[box.name] = LoadedBox(box, apparatus, str(file), picture)
    return LoadedRig(source, rig, boxes, path.parent)


def _picture(path: Path, k: int, box: Box, apparatus: Apparatus) -> Gray | None:
    if box.background in ("live", "median", "sim"):
        return None
    file = path.parent / box.background
    return read_picture(
        file, apparatus, where=(str(path), f"box[{k}].background"), said=repr(box.background)
    )
