"""A rig for the binary in real time: a film of a mouse that sits, repeated as a webcam goes on."""

from pathlib import Path

import numpy as np

from rig import png
from rig.model import NS_PER_S
from rig.video import VideoWriter

RATE_HZ, SIZE_PX, FRAMES = 20.0, (160, 120), 40

BOX = """name = "box"
frame_size_px = [160, 120]
px_per_cm = 4.0
tracking = { animal = "darker" }
chamber = [
  { name = "left", outline_px = [[0, 0], [80, 0], [80, 120], [0, 120]] },
  { name = "right", outline_px = [[80, 0], [160, 0], [160, 120], [80, 120]] },
]
[[doorway]]
name = "middle"
between = ["left", "right"]
line_px = [[80, 40], [80, 80]]
sweep_px = [[76, 36], [84, 36], [84, 84], [76, 84]]
drive = "board"
"""


def write_filmed_rig(folder: Path, port: Path) -> Path:
    """The rig file: one box, its animal in the left chamber, door and laser on the board."""
    rng = np.random.default_rng(1)
    empty = np.full(SIZE_PX[::-1], 200, np.uint8)
    (folder / "empty.png").write_bytes(png.write_gray(empty))
    with (
        (folder / "mouse.mkv").open("wb") as file,
        VideoWriter(file, SIZE_PX, RATE_HZ, "lossless") as video,
    ):
        for k in range(FRAMES):
            picture = empty.copy()
            at = 20 + abs(k - FRAMES // 2) // 4  # it sniffs to and fro
            picture[50:64, at : at + 24] = 20
            noise = rng.integers(-2, 3, picture.shape)
            picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
            video.write(picture, round(k * NS_PER_S / RATE_HZ))
    (folder / "box.toml").write_text(BOX, encoding="utf-8")
    path = folder / "filmed.rig.toml"
    path.write_text(
        'name = "filmed"\n[camera]\nsource = "mouse.mkv"\nrepeat = true\n'
        f'[[board]]\nname = "board-1"\nport = "{port}"\n'
        '[[box]]\nname = "A"\napparatus = "box.toml"\nbackground = "empty.png"\n'
        'doors = { middle = "board-1/1" }\nbeams = { middle = "board-1/1" }\n'
        'outputs = { laser = "board-1/1" }\nunseen = ["laser"]\n',
        encoding="utf-8",
    )
    return path
