"""The rig being made: plain data, turned into the tables of its files and made from them again.

What a file holds and the window cannot edit is carried along in `rest` and written back.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gui.setup.drawing import Chamber, Doorway, Drawing, Points, Zone
from gui.setup.scale import Scale
from rig import apparatus as apparatuses
from rig import rigfile
from rig.apparatus import Apparatus
from rig.errors import ConfigError
from rig.rigfile import RigFile

SIM = "sim"
RATE_HZ = 30.0
WHOLE = "picture"
"""The one chamber of an apparatus that is only there to have a picture."""


@dataclass(frozen=True)
class BoxDraft:
    """One box: its part of the picture, what is drawn on it, and how it is seen and wired.

    `background` is "live", "median", "sim", or "picture" with the PNG file's bytes in `picture`.
    `apparatus_file` and `picture_file` are as they were read; "" for a box that is new.
    """

    name: str
    drawing: Drawing
    crop_px: tuple[int, int, int, int] | None = None
    scale: Scale = field(default_factory=Scale)
    animal: str = ""
    threshold: int | None = None
    background: str = "live"
    picture: bytes = b""
    doors: Mapping[str, str] = field(default_factory=dict)
    beams: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    apparatus_name: str = ""
    apparatus_file: str = ""
    picture_file: str = ""
    rest: Mapping[str, Any] = field(default_factory=dict)
    tracking_rest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BoardDraft:
    """A controller board by the name it says, and its port."""

    name: str
    port: str


@dataclass(frozen=True)
class RigDraft:
    """A rig. `source` is "" until a camera is chosen, "sim" for the simulated one."""

    name: str = "rig"
    source: str = ""
    size_px: tuple[int, int] | None = None
    rate_hz: float = RATE_HZ
    settings: Mapping[str, float] = field(default_factory=dict)
    boards: tuple[BoardDraft, ...] = ()
    boxes: tuple[BoxDraft, ...] = ()
    rest: Mapping[str, Any] = field(default_factory=dict)
    camera_rest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def simulated(self) -> bool:
        """Whether a simulated world stands in for camera and animal."""
        return self.source == SIM

    def with_box(self, k: int, box: BoxDraft) -> "RigDraft":
        """The rig with another box at place `k`."""
        return replace(self, boxes=(*self.boxes[:k], box, *self.boxes[k + 1 :]))


# --- to tables


def apparatus_table(box: BoxDraft) -> dict[str, Any]:
    """The box's apparatus file."""
    drawing = box.drawing
    table: dict[str, Any] = {
        "name": box.apparatus_name or f"box {box.name}",
        "frame_size_px": list(drawing.size_px),
        **box.scale.table(),
        "chamber": [_chamber_table(chamber) for chamber in drawing.chambers],
    }
    if drawing.doorways:
        table["doorway"] = [_doorway_table(doorway) for doorway in drawing.doorways]
    if drawing.zones:
        table["zone"] = [
            {"name": z.name, "outline_px": _listed(z.points), **z.rest} for z in drawing.zones
        ]
    said = {"animal": box.animal or None, "threshold": box.threshold}
    tracking = {**{k: v for k, v in said.items() if v is not None}, **box.tracking_rest}
    if tracking:
        table["tracking"] = tracking
    return table | dict(box.rest)


def _chamber_table(chamber: Chamber) -> dict[str, Any]:
    role = {"role": chamber.role} if chamber.role else {}
    outline = {"outline_px": _listed(chamber.points)}
    return {"name": chamber.name, **role, **outline, **chamber.rest}


def _doorway_table(doorway: Doorway) -> dict[str, Any]:
    sweep = {"sweep_px": _listed(doorway.sweep)} if doorway.sweep else {}
    return {
        "name": doorway.name,
        "between": list(doorway.between),
        "line_px": _listed(doorway.points),
        **sweep,
        "drive": doorway.drive,
        **doorway.rest,
    }


def _listed(points: Points) -> list[list[float]]:
    return [[x, y] for x, y in points]


def rig_table(draft: RigDraft, files: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """The rig file. `files`: box to the names of its apparatus file and its picture ("": none)."""
    settings = {"settings": dict(draft.settings)} if draft.settings else {}
    size = {"frame_size_px": list(draft.size_px)} if draft.size_px else {}
    camera = {"source": draft.source, **size, "rate_hz": draft.rate_hz, **settings}
    table: dict[str, Any] = {
        "name": draft.name,
        "camera": {**camera, **draft.camera_rest},
        **draft.rest,
    }
    if draft.boards:
        table["board"] = [{"name": b.name, "port": b.port} for b in draft.boards]
    table["box"] = [_box_table(box, *files[box.name]) for box in draft.boxes]
    return table


def _box_table(box: BoxDraft, apparatus_file: str, picture_file: str) -> dict[str, Any]:
    crop = {"crop_px": list(box.crop_px)} if box.crop_px else {}
    wires = {"doors": box.doors, "beams": box.beams, "outputs": box.outputs}
    background = picture_file if box.background == "picture" else box.background
    return {
        "name": box.name,
        **crop,
        "apparatus": apparatus_file,
        "background": background,
        **{key: dict(table) for key, table in wires.items() if table},
    }


# --- from tables


def box_from(
    name: str, table: Mapping[str, Any], box: Mapping[str, Any], picture: bytes
) -> BoxDraft:
    """A box from its apparatus table and its table in the rig file, both checked already."""
    drawing = Drawing(
        (int(table["frame_size_px"][0]), int(table["frame_size_px"][1])),
        tuple(
            Chamber(c["name"], _points(c["outline_px"]), c.get("role", ""), _rest(c, "chamber"))
            for c in table["chamber"]
        ),
        tuple(
            Doorway(
                d["name"],
                (d["between"][0], d["between"][1]),
                _points(d["line_px"]),
                _points(d.get("sweep_px", ())),
                d.get("drive", "none"),
                _rest(d, "doorway"),
            )
            for d in table.get("doorway", ())
        ),
        tuple(
            Zone(z["name"], _points(z["outline_px"]), _rest(z, "zone"))
            for z in table.get("zone", ())
        ),
    )
    floor = table.get("floor")
    scale = Scale(table.get("px_per_cm"))
    if floor is not None:
        scale = Scale(None, _points(floor["points_px"]), _points(floor["points_cm"]))
    tracking = dict(table.get("tracking", {}))
    crop = box.get("crop_px")
    background = box.get("background", "live")
    named = background in ("live", "median", SIM)
    return BoxDraft(
        name=name,
        drawing=drawing,
        crop_px=None if crop is None else (crop[0], crop[1], crop[2], crop[3]),
        scale=scale,
        animal=str(tracking.pop("animal", "")),
        threshold=tracking.pop("threshold", None),
        background=background if named else "picture",
        picture=picture,
        doors=dict(box.get("doors", {})),
        beams=dict(box.get("beams", {})),
        outputs=dict(box.get("outputs", {})),
        apparatus_name=table["name"],
        apparatus_file=box["apparatus"],
        picture_file="" if named else background,
        rest=_rest(table, "apparatus"),
        tracking_rest=tracking,
    )


def rig_from(table: Mapping[str, Any], boxes: tuple[BoxDraft, ...], source: str) -> RigDraft:
    """A rig from its file's table, checked already. `source`: its camera, a file as whole path."""
    camera = table["camera"]
    size = camera.get("frame_size_px")
    known = {"source", "frame_size_px", "rate_hz", "settings"}
    return RigDraft(
        name=table["name"],
        source=source,
        size_px=None if size is None else (size[0], size[1]),
        rate_hz=float(camera.get("rate_hz", RATE_HZ)),
        settings=dict(camera.get("settings", {})),
        boards=tuple(BoardDraft(b["name"], b["port"]) for b in table.get("board", ())),
        boxes=boxes,
        rest={k: v for k, v in table.items() if k not in ("name", "camera", "board", "box")},
        camera_rest={k: v for k, v in camera.items() if k not in known},
    )


_KNOWN = {
    "chamber": {"name", "role", "outline_px"},
    "doorway": {"name", "between", "line_px", "sweep_px", "drive"},
    "zone": {"name", "outline_px"},
    "apparatus": {
        *("name", "frame_size_px", "px_per_cm", "floor"),
        *("chamber", "doorway", "zone", "tracking"),
    },
}


def _rest(table: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in _KNOWN[kind]}


def _points(listed: Any) -> Points:
    return tuple((float(x), float(y)) for x, y in listed)


# --- checked


def checked(draft: RigDraft) -> tuple[RigFile, dict[str, Apparatus]]:
    """The rig as the command line will read it. Raises ConfigError, its file being a box's name."""
    found = {box.name: check_box(box) for box in draft.boxes}
    files = {box.name: (f"{box.name}.toml", f"{box.name}.png") for box in draft.boxes}
    rig = rigfile.from_table(rig_table(draft, files), "rig")
    for box in rig.box:
        rigfile.check_wiring(rig, box, found[box.name], "rig")
    return rig, found


def check_box(box: BoxDraft) -> Apparatus:
    """The box's apparatus. Raises ConfigError, its file being the box's name."""
    return apparatuses.from_table(apparatus_table(box), f"box {box.name}")


def faults(draft: RigDraft) -> Iterator[str]:
    """What still keeps the rig from being saved, one line each."""
    for box in draft.boxes:
        try:
            check_box(box)
        except ConfigError as error:
            yield str(error)
            return
    try:
        checked(draft)
    except ConfigError as error:
        yield str(error)


def file_names(draft: RigDraft) -> dict[str, tuple[str, str]]:
    """The names of each box's apparatus file and picture beside the rig file.

    Boxes that came from one file keep one as long as they are alike; a single box has
    `apparatus.toml`, further ones `NAME-apparatus.toml`.
    """
    names: dict[str, tuple[str, str]] = {}
    taken: dict[str, dict[str, Any]] = {}
    for box in draft.boxes:
        table = apparatus_table(box)
        usual = "apparatus.toml" if len(draft.boxes) == 1 else f"{box.name}-apparatus.toml"
        name = box.apparatus_file or usual
        if name in taken and taken[name] != table:
            name = f"{box.name}-apparatus.toml"
        taken[name] = table
        picture = box.picture_file or f"{box.name}-empty.png"
        names[box.name] = (name, picture if box.background == "picture" else "")
    return names
