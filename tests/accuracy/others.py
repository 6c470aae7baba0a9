"""Recordings of other boxes, coats, cameras and recorders than those of simulated.py.

python tests/accuracy/others.py [NAME ...] [--seconds S]

The mouse is the simulated one, but only its shape is taken from there: floor, coat, light, lens,
recorder and file are drawn here, as they are met in other laboratories. Each recording is scored by
`rescore` with default settings and compared with the truth through the same entry rule, as there;
the limits are the same, but for the scenes that say how much wider theirs are, and why.
"""

import csv
import math
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rig.apparatus import Apparatus, TrackingSettings
from rig.hardware.simulated.boxes import Truth
from rig.hardware.simulated.builtin import builtin
from rig.hardware.simulated.camera import SimulatedCamera
from rig.hardware.simulated.mouse import MouseSettings, Preset
from rig.hardware.simulated.scene import Look
from rig.hardware.simulated.world import World
from rig.model import Frame, Gray
from rig.session.rescoring import rescore
from rig.tracking.masks import fill, union
from rig.video import Codec, VideoWriter
from tests.accuracy.simulated import BODY_CM, MEDIAN, P99, WRONG, option, print_table, scored, toml

Picture = NDArray[np.float32]
Dice = np.random.Generator
FLAT, MOUSE = 208, 8
MATTE = Look(
    floor_luma=FLAT, wall_luma=FLAT, door_luma=FLAT, table_luma=FLAT, mouse_luma=MOUSE,
    tail_luma=MOUSE, texture=0.0, noise=0.0,
)  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """What a scene may change at one picture. `at`: where the mouse is; `share`: of the film."""

    t_s: float
    share: float
    at: Truth
    scale: float
    dice: Dice


Floor = Callable[[Apparatus, Dice], Picture]
View = Callable[[Picture, Moment], Picture]


@dataclass(frozen=True)
class Other:
    """One recording.

    `coat`: grey level. `dig`: changes the floor in place. `view`: what light, lens and people make
    of the picture. `cut`: only the chambers are in the picture. `cm`: so many times as large an
    animal. `smear`: pictures averaged for one. `film`: FFmpeg's options to write it anew. `away`:
    from and to which share of the time a hand is in it: no position is asked for, none is wrong.
    """

    name: str
    floor: Floor
    coat: float = 40.0
    noise: float = 2.0
    view: View = lambda picture, moment: picture
    dig: Callable[[Picture, Moment], None] = lambda floor, moment: None
    size_px: tuple[int, int] = (320, 240)
    rate_hz: float = 15.0
    seconds: float = 60.0
    preset: Preset = Preset.COCAINE
    smear: int = 1
    cut: bool = False
    cm: float = 1.0
    dropped: float = 0.0
    film: Sequence[str] = ()
    suffix: str = "mkv"
    away: Sequence[tuple[float, float]] = ()
    seed: int = 5
    median: float = MEDIAN
    p99: float = P99
    wrong: float = WRONG
    lost: int = 0
    entries: int = 0


# floors


def room(
    luma: float | Mapping[str, float] = 190.0, wall: float = 95.0, table: float = 140.0,
    texture: float = 1.5,
) -> Floor:  # fmt: skip
    """Chambers of these grey levels, walls around them with gaps where the doorways are."""

    def paint(apparatus: Apparatus, dice: Dice) -> Picture:
        width, height = apparatus.frame_size_px
        picture = np.full((height, width), table, np.float32)
        thick = max(1, round(0.4 * apparatus.px_per_cm_mean))
        for chamber in apparatus.chamber:
            own = luma[chamber.name] if isinstance(luma, Mapping) else luma
            picture[fill(chamber.outline_px, (height, width)) > 0] = own
        for chamber in apparatus.chamber:
            outline = np.rint(np.array(chamber.outline_px)).astype(np.int32)
            cv2.polylines(picture, [outline], True, wall, thick, cv2.LINE_AA)
        for door in apparatus.doorway:
            a, b = (tuple(int(v) for v in np.rint(end)) for end in door.line_px)
            own = luma[door.between[0]] if isinstance(luma, Mapping) else luma
            cv2.line(picture, a, b, own, thick + 2)
        grain = dice.standard_normal((height, width)).astype(np.float32)
        return picture + grain * texture

    return paint


def striped(light: float, dark: float, every_cm: float, dark_cm: float, mesh: bool) -> Floor:
    """Rods in the left chamber; rods the other way, or a mesh, in the right one."""

    def paint(apparatus: Apparatus, dice: Dice) -> Picture:
        picture = room(light)(apparatus, dice)
        per_cm = apparatus.px_per_cm_mean
        height, width = picture.shape
        across = np.arange(width) % (every_cm * per_cm) < dark_cm * per_cm
        down = np.arange(height) % (every_cm * per_cm) < dark_cm * per_cm
        for chamber in apparatus.chamber:
            inside = fill(chamber.outline_px, picture.shape) > 0
            lines = np.zeros(picture.shape, np.bool_)
            if chamber.name != "centre":
                lines[down] = chamber.name == "left" or mesh
                if chamber.name == "right":
                    lines[:, across] = True
            picture[inside & lines] = dark
        return picture

    return paint


def bedding(apparatus: Apparatus, dice: Dice) -> Picture:
    """Wood shavings: light, coarse, with dark gaps."""
    picture = room(165)(apparatus, dice)
    inside = union([c.outline_px for c in apparatus.chamber], picture.shape) > 0
    picture[inside] += _shavings(picture.shape, apparatus.px_per_cm_mean, dice)[inside]
    return picture


def _shavings(shape: tuple[int, ...], per_cm: float, dice: Dice) -> Picture:
    height, width = shape
    grain = dice.standard_normal((height, width)).astype(np.float32)
    coarse = cv2.GaussianBlur(grain, (0, 0), 0.15 * per_cm)
    return np.asarray(18.0 * coarse / max(float(coarse.std()), 1e-6), np.float32)


def digging(floor: Picture, moment: Moment) -> None:
    """The shavings around the animal come to lie otherwise, a little every second."""
    if round(moment.t_s * 15) % 15:
        return
    reach = round(4 * moment.scale)
    x, y = round(moment.at.x_px), round(moment.at.y_px)
    part = floor[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
    shavings = _shavings(part.shape, moment.scale, moment.dice)
    there = (part > 120) & (moment.dice.random(part.shape) < 0.5)
    part[there] = (165 + shavings)[there]


def nest(apparatus: Apparatus, dice: Dice) -> Picture:
    """A dark shelter's lid and a bottle stand in the box, as large as an animal."""
    picture = room()(apparatus, dice)
    per_cm = apparatus.px_per_cm_mean
    xs = [x for x, _ in apparatus.chamber[0].outline_px]
    ys = [y for _, y in apparatus.chamber[0].outline_px]
    middle = (round(min(xs) + 4 * per_cm), round(min(ys) + 4 * per_cm))
    cv2.circle(picture, middle, round(2.6 * per_cm), 55.0, -1, cv2.LINE_AA)
    return picture


def pushed(floor: Picture, moment: Moment) -> None:
    """In the middle of the film a dark clump lies elsewhere than before: it was pushed."""
    height, width = floor.shape
    radius = round(1.3 * moment.scale)
    places = ((width // 5, height // 3), (width // 4, 2 * height // 3))
    for k, place in enumerate(places):
        there = k == (moment.share > 0.5)
        cv2.circle(floor, place, radius, 60.0 if there else 190.0, -1, cv2.LINE_AA)


# light, lens, people


def vignette(picture: Picture, moment: Moment) -> Picture:
    height, width = picture.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    r2 = ((xs / width - 0.5) ** 2 + (ys / height - 0.5) ** 2) / 0.5
    return np.asarray(picture * (1 - 0.65 * r2), np.float32)


def side_light(picture: Picture, moment: Moment) -> Picture:
    slope = np.linspace(1.2, 0.45, picture.shape[1], dtype=np.float32)
    return np.asarray(picture * slope[None, :], np.float32)


def bands(picture: Picture, moment: Moment) -> Picture:
    ys = np.arange(picture.shape[0], dtype=np.float32) / picture.shape[0]
    wave = 1 + 0.07 * np.sin(2 * np.pi * (1.5 * ys + 3.1 * moment.t_s))
    return np.asarray(picture * wave[:, None].astype(np.float32), np.float32)


def exposure(picture: Picture, moment: Moment) -> Picture:
    """The camera's exposure follows what is in the picture: darker where a lamp shines."""
    return np.asarray(picture * (1 + 0.16 * math.sin(0.5 * moment.t_s)), np.float32)


def black_ends(picture: Picture, moment: Moment) -> Picture:
    return picture * 0.04 if moment.share < 0.03 or moment.share > 0.985 else picture


def white_start(picture: Picture, moment: Moment) -> Picture:
    return picture * 0 + 250 if moment.share < 0.03 else picture


def lights_out(picture: Picture, moment: Moment) -> Picture:
    return picture * 0.4 if 0.4 < moment.share < 0.6 else picture


def focus(picture: Picture, moment: Moment) -> Picture:
    if moment.t_s % 15 > 2:
        return picture
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.35 * moment.scale), np.float32)


def passing(picture: Picture, moment: Moment) -> Picture:
    """A person's soft shadow goes over the box."""
    width = picture.shape[1]
    at = (moment.t_s % 12) / 4 * 1.6 * width - 0.3 * width
    xs = np.arange(width, dtype=np.float32)
    shade = 1 - 0.28 * np.exp(-(((xs - at) / (0.22 * width)) ** 2))
    return np.asarray(picture * shade[None, :], np.float32)


def clock(picture: Picture, moment: Moment) -> Picture:
    """Date and time burnt in, over the corner of a chamber."""
    text = f"2026-11-28 10:{int(moment.t_s) // 60:02d}:{int(moment.t_s) % 60:02d}"
    size = picture.shape[1] / 900
    at = (round(0.08 * picture.shape[1]), round(0.26 * picture.shape[0]))
    drawn = np.zeros(picture.shape, np.uint8)
    cv2.putText(drawn, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_AA)
    return np.maximum(picture, drawn.astype(np.float32))


def creeping(picture: Picture, moment: Moment) -> Picture:
    """The stand gives way: 1 cm in all, slowly."""
    far = moment.share * moment.scale
    way = np.array(((1, 0, 0.8 * far), (0, 1, -0.6 * far)), np.float32)
    return np.asarray(
        cv2.warpAffine(picture, way, picture.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    )


def handed(first: float, last: float, skin: float) -> View:
    """A bare arm reaches in at the beginning and at the end."""

    def show(picture: Picture, moment: Moment) -> Picture:
        if first <= moment.share <= last:
            return picture
        width = picture.shape[1]
        at = (round(moment.at.x_px), round(moment.at.y_px))
        thick = round(5 * moment.scale)
        cv2.line(picture, (width // 2, -9), at, skin, thick, cv2.LINE_AA)
        cv2.circle(picture, at, round(3.6 * moment.scale), skin, -1, cv2.LINE_AA)
        return picture

    return show


def together(*views: View) -> View:
    def show(picture: Picture, moment: Moment) -> Picture:
        for view in views:
            picture = view(picture, moment)
        return picture

    return show


BOX = {"left": 40.0, "centre": 170.0, "right": 220.0}
WOVEN = ("-vf", "interlace=scan=tff", "-flags", "+ilme+ildct", "-c:v", "libx264", "-crf", "20")
SCENES = (
    Other("plain", room()),
    # its walls are of its own grey level
    Other("grey on black and white", room(BOX), coat=105, p99=0.25),
    Other("white on black and grey", room({**BOX, "right": 150.0, "centre": 110.0}), coat=225),
    Other("white on black and white", room({**BOX, "right": 200.0}), coat=240),
    Other("black on black and white", room({**BOX, "left": 75.0}), coat=38),
    Other("white on light grey", room(190), coat=230),
    Other("brown on brown", room(95, wall=60), coat=62),
    Other("light on dark, coarse codec", room(45, wall=110), coat=190, noise=4,
          film=("-c:v", "mpeg4", "-b:v", "120k", "-g", "250"), suffix="avi"),
    Other("dark rods over a light tray", striped(175, 60, 1.0, 0.3, mesh=False)),
    Other("light rods over a dark tray", striped(190, 55, 1.0, 0.6, mesh=False), coat=30),
    Other("mesh", striped(180, 70, 0.8, 0.3, mesh=True)),
    Other("shavings", bedding),
    Other("shavings, digging", bedding, dig=digging),
    # on a lid as dark as itself only its rim is seen
    Other("things as dark as the animal", nest, p99=0.35),
    Other("a clump that is pushed", room(), dig=pushed),
    Other("vignette", room(), view=vignette),
    Other("light from one side", room(), view=side_light),
    Other("vignette, white on black", room(60, wall=120), coat=215, view=vignette),
    Other("rolling bands", room(), view=bands),
    Other("exposure that hunts", room(), view=exposure),
    Other("exposure, black and white", room({**BOX, "left": 75.0}), coat=38, view=exposure),
    Other("night, strong noise", room(110, wall=70), coat=45, noise=9),
    Other("black at both ends", room(), view=black_ends, away=((0.0, 0.03), (0.985, 1.0))),
    Other("white at the start", room(), view=white_start, away=((0.0, 0.03),)),
    Other("lights out in the middle", room(), view=lights_out),
    Other("focus that hunts", room(), view=focus),
    Other("a person's shadow", room(), view=passing),
    Other("clock burnt in", room(), view=clock),
    Other("a stand that gives way", room(), view=creeping, seconds=90),
    Other("hand first and last", room(), view=handed(0.07, 0.94, 175.0),
          away=((0.0, 0.0699), (0.9401, 1.0))),
    Other("gloved hand first and last", room(), view=handed(0.07, 0.94, 60.0),
          away=((0.0, 0.0699), (0.9401, 1.0))),
    Other("smeared by its motion", room(), smear=4),
    Other("tiny picture", room(), size_px=(160, 120)),
    Other("1080p, 60 a second", room(), size_px=(1920, 1080), rate_hz=60, seconds=12),
    Other("5 a second", room(), rate_hz=5, seconds=120),
    Other("variable rate", room(), dropped=0.3),
    Other("nothing but the box", room(), cut=True),
    Other("a rat", room(), cm=2.2),
    Other("a rat, nothing but the box", room(), cm=2.2, cut=True),
    Other("very young", room(), cm=0.55),
    Other("woven, not said", room(), rate_hz=30, film=WOVEN, suffix="mp4"),
    Other("webcam, MJPEG", room(), noise=4, suffix="avi",
          film=("-c:v", "mjpeg", "-pix_fmt", "yuvj422p", "-q:v", "12")),
    Other("hardly moves, dim", room(120, wall=80), coat=60, preset=Preset.U50, seconds=120),
    Other("all at once", bedding, noise=4, dig=digging,
          view=together(vignette, exposure, passing, clock)),
)  # fmt: skip


def record(scene: Other, folder: Path) -> tuple[Path, Apparatus, list[tuple[int, Truth | None]]]:
    """The file, its apparatus as a person would write it, and the truth of each picture."""
    rig, apparatuses = builtin(
        frame_size_px=scene.size_px, rate_hz=scene.rate_hz * scene.smear, drive="none"
    )
    apparatus = apparatuses["A"].model_copy(update={"tracking": TrackingSettings()})
    world = World(
        rig, apparatuses, scene.seed, animals={"A": MouseSettings(scene.preset)}, look=MATTE
    )
    world.place("A", "centre")
    camera = SimulatedCamera(world)
    dice = np.random.default_rng(7)
    floor = scene.floor(apparatus, dice)
    grains = [dice.standard_normal(floor.shape).astype(np.float32) for _ in range(7)]
    if scene.cut:
        apparatus, part = _cut(apparatus)
    else:
        part = (slice(None), slice(None))
    height, width = floor[part].shape
    frames = round(scene.seconds * scene.rate_hz)
    truths: list[tuple[int, Truth | None]] = []
    file = folder / "raw.mkv"
    with (
        file.open("xb") as whole,
        VideoWriter(whole, (width, height), scene.rate_hz, Codec.LOSSLESS) as writer,
    ):
        first_ns = None
        for k in range(frames):
            mattes, at, t_ns = [], [], 0
            for _ in range(scene.smear):
                frame = camera.next(1.0)
                assert isinstance(frame, Frame)
                truth = camera.truth_at(frame.index, "A")
                assert truth is not None
                mattes.append((FLAT - frame.image.astype(np.float32)) / (FLAT - MOUSE))
                at.append(truth)
                t_ns = frame.t_ns
            first_ns = t_ns if first_ns is None else first_ns
            middle = replace(
                at[-1], x_px=float(np.mean([one.x_px for one in at])),
                y_px=float(np.mean([one.y_px for one in at])),
            )  # fmt: skip
            share = k / frames
            scale = apparatus.px_per_cm_mean
            moment = Moment((t_ns - first_ns) / 1e9, share, middle, scale, dice)
            if k and dice.random() < scene.dropped:
                continue
            scene.dig(floor, moment)
            matte = np.mean(mattes, axis=0)
            picture = np.asarray(floor * (1 - matte) + scene.coat * matte, np.float32)
            picture = scene.view(picture, moment) + scene.noise * grains[int(dice.integers(7))]
            image: Gray = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
            writer.write(np.ascontiguousarray(image[part]), t_ns)
            away = any(a <= share <= b for a, b in scene.away)
            truths.append((t_ns, None if away else _moved(middle, part)))
    if scene.film:
        raw, file = file, folder / f"video.{scene.suffix}"
        command = ["ffmpeg", "-v", "error", "-i", str(raw), *scene.film, str(file)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        if scene.film is WOVEN:  # two pictures are woven into one, of the time of the first
            truths = truths[::2]
    if scene.cm != 1:
        assert apparatus.px_per_cm is not None
        apparatus = apparatus.model_copy(update={"px_per_cm": apparatus.px_per_cm / scene.cm})
    return file, apparatus, truths


def _cut(apparatus: Apparatus) -> tuple[Apparatus, tuple[slice, slice]]:
    """Only the chambers, to the pixel."""
    points = [point for chamber in apparatus.chamber for point in chamber.outline_px]
    x0, y0 = (2 * math.floor(min(values) / 2) for values in zip(*points, strict=True))
    x1, y1 = (2 * math.ceil(max(values) / 2) for values in zip(*points, strict=True))

    def move(table: Any) -> Any:
        if isinstance(table, dict):
            return {key: move(value) for key, value in table.items()}
        if isinstance(table, list) and table and isinstance(table[0], list):
            return [[x - x0, y - y0] for x, y in table]
        return [move(one) for one in table] if isinstance(table, list) else table

    whole = apparatus.model_dump(mode="json", exclude_none=True)
    for key in ("chamber", "doorway"):
        whole[key] = move(whole[key])
    whole["frame_size_px"] = [x1 - x0, y1 - y0]
    return Apparatus.model_validate(whole), (slice(y0, y1), slice(x0, x1))


def _moved(truth: Truth, part: tuple[slice, slice]) -> Truth:
    rows, cols = part
    return replace(truth, x_px=truth.x_px - (cols.start or 0), y_px=truth.y_px - (rows.start or 0))


def compare(scene: Other, folder: Path) -> tuple[list[str], bool]:
    """The line of the table, and whether it is within all limits."""
    file, apparatus, truths = record(scene, folder)
    (folder / "apparatus.toml").write_text(toml(apparatus), encoding="utf-8")
    got = rescore(file, out=folder / "out", apparatus=folder / "apparatus.toml", workers=1)
    with (got.folder / "frames.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    true = scored(apparatus, truths, scene.rate_hz)
    body_px = BODY_CM * scene.cm * apparatus.px_per_cm_mean
    off, lost, invented = [], 0, 0
    for row, (_, truth) in zip(rows, truths, strict=False):
        if truth is None:
            invented += bool(row["x_px"])
        elif row["x_px"]:
            off.append(math.hypot(float(row["x_px"]) - truth.x_px, float(row["y_px"]) - truth.y_px))
        else:
            lost += 1
    off = off or [math.inf]
    p50, p99 = (float(np.percentile(off, q)) / body_px for q in (50, 99))
    wrong = sum(
        abs(a + b - c - d)
        for a, b, c, d in zip(
            got.measures.seen_ns, got.measures.inferred_ns, true.seen_ns, true.inferred_ns,
            strict=True,
        )
    ) / 2 / max(1, true.scored_ns)  # fmt: skip
    entries = [sum(m.entries) for m in (got.measures, true)]
    apart = sum(abs(a - b) for a, b in zip(got.measures.entries, true.entries, strict=True))
    whole = abs(len(rows) - len(truths)) <= 1
    good = (
        p50 <= scene.median and p99 <= scene.p99 and wrong <= max(scene.wrong, 1.1 / len(truths))
        and apart <= scene.entries and lost <= scene.lost and whole
    )  # fmt: skip
    line = [
        scene.name, f"{100 * p50:.1f}", f"{100 * p99:.1f}", f"{100 * max(off) / body_px:.0f}",
        str(lost), str(invented), f"{100 * wrong:.2f}", "/".join(map(str, entries)),
        "" if good else "BEYOND" if whole else f"{len(rows)} of {len(truths)} PICTURES",
    ]  # fmt: skip
    return line, good


def main(arguments: list[str]) -> int:
    """Print the table; 0 where everything is within its limits."""
    seconds, names = option(arguments, "--seconds")
    scenes = SCENES if seconds is None else [replace(one, seconds=seconds) for one in SCENES]
    return print_table(scenes, names, 30, compare)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
