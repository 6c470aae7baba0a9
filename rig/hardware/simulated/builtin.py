"""The rig that is built in: `sim`. One, two or three chambers a box, one or several boxes."""

import math
from typing import Any

from rig.apparatus import Apparatus
from rig.config import check
from rig.rigfile import RigFile

NAME = "sim"
FRAME_SIZE_PX = (320, 240)
RATE_HZ = 15.0
SIDE_CM = 20.0
CENTRE_CM = 7.0
DEEP_CM = 20.0
DOORWAY_CM = 5.0
_MARGIN_CM = 3.0
_BOX_NAMES = "ABCDEFGHIJKLMNOP"


def builtin(
    boxes: int = 1,
    chambers: int = 3,
    frame_size_px: tuple[int, int] = FRAME_SIZE_PX,
    rate_hz: float = RATE_HZ,
    drive: str = "board",
) -> tuple[RigFile, dict[str, Apparatus]]:
    """The simulated rig and each box's apparatus by the box's name.

    Three chambers are `left`, `centre` (neutral) and `right` with doors `left` and `right`; two
    are `left` and `right` with the door `middle`; one is `field`. `drive` is the doors': board,
    manual or none. Boxes are named A, B, ..., share the picture evenly, and have a board each.
    Raises ValueError for numbers it cannot build.
    """
    if not 1 <= boxes <= len(_BOX_NAMES):
        raise ValueError(f"the simulated rig has 1 to {len(_BOX_NAMES)} boxes, not {boxes}")
    across = math.ceil(math.sqrt(boxes))
    down = math.ceil(boxes / across)
    width, height = frame_size_px[0] // across, frame_size_px[1] // down
    apparatus = builtin_apparatus(chambers, (width, height), drive)
    doors = [doorway.name for doorway in apparatus.doorway] if drive == "board" else []
    table: dict[str, Any] = {
        "name": NAME,
        "camera": {"source": NAME, "frame_size_px": frame_size_px, "rate_hz": rate_hz},
        "board": [{"name": f"board-{number + 1}", "port": NAME} for number in range(boxes)],
        "box": [],
    }
    for index in range(boxes):
        board = f"board-{index + 1}"
        wiring = {door: f"{board}/{n + 1}" for n, door in enumerate(doors)}
        table["box"].append(
            {
                "name": _BOX_NAMES[index],
                "crop_px": [index % across * width, index // across * height, width, height],
                "apparatus": NAME,
                "background": NAME,
                "doors": wiring,
                "beams": wiring,
                "outputs": {"laser": f"{board}/1"},
            }
        )
    rig = check(table, RigFile, NAME)
    return rig, {box.name: apparatus for box in rig.box}


def builtin_apparatus(
    chambers: int = 3, frame_size_px: tuple[int, int] = FRAME_SIZE_PX, drive: str = "board"
) -> Apparatus:
    """The apparatus of one box of the simulated rig, filling a picture of the given size."""
    widths = {1: [2 * SIDE_CM], 2: [SIDE_CM, SIDE_CM], 3: [SIDE_CM, CENTRE_CM, SIDE_CM]}
    names = {1: ["field"], 2: ["left", "right"], 3: ["left", "centre", "right"]}
    doors = {1: [], 2: ["middle"], 3: ["left", "right"]}
    if chambers not in widths:
        raise ValueError(f"the simulated rig has 1, 2 or 3 chambers, not {chambers}")
    width, height = frame_size_px
    total_cm = sum(widths[chambers])
    scale = min(width / (total_cm + _MARGIN_CM), height / (DEEP_CM + _MARGIN_CM))
    scale = math.floor(scale * 10) / 10
    left = round((width - total_cm * scale) / 2)
    top = round((height - DEEP_CM * scale) / 2)
    bottom = top + DEEP_CM * scale
    middle = (top + bottom) / 2
    edges = [left + sum(widths[chambers][:n]) * scale for n in range(chambers + 1)]

    def rectangle(x0: float, y0: float, x1: float, y1: float) -> list[list[float]]:
        corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
        return [[round(x, 2), round(y, 2)] for x, y in corners]

    half, beside, before = DOORWAY_CM / 2 * scale, 0.5 * scale, 0.6 * scale
    table: dict[str, Any] = {
        "name": f"simulated, {chambers} chamber{'s' if chambers > 1 else ''}",
        "frame_size_px": frame_size_px,
        "px_per_cm": scale,
        "tracking": {"animal": "darker"},  # as it is drawn; a door closes only where that is known
        "chamber": [
            {
                "name": name,
                "role": "neutral" if name == "centre" else "",
                "outline_px": rectangle(edges[n], top, edges[n + 1], bottom),
            }
            for n, name in enumerate(names[chambers])
        ],
        "doorway": [
            {
                "name": door,
                "between": names[chambers][n : n + 2],
                "line_px": [[edges[n + 1], middle - half], [edges[n + 1], middle + half]],
                "sweep_px": rectangle(
                    edges[n + 1] - before,
                    middle - half - beside,
                    edges[n + 1] + before,
                    middle + half + beside,
                ),
                "drive": drive,
            }
            for n, door in enumerate(doors[chambers])
        ],
    }
    return check(table, Apparatus, NAME)
