"""How far rescoring is from what is known to be true, with all that makes pictures hard to read.

python tests/accuracy/simulated.py [NAME ...] [--minutes M]

Records a simulated mouse in a three-chamber box (640x480, 15 frames/s, lossless) once for each
trouble, has `rescore` score the recording with default settings, and prints a line for each. The
reference is the true centroid, put through the same entry rule. Exits with 1 where a figure is
beyond its limit: error of the centroid 4 % of body length in the median, 12 % at the 99th
percentile; 0.2 % of the time in a wrong chamber; the same entries; no frame lost.
"""

import csv
import math
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from rig.apparatus import Apparatus, TrackingSettings
from rig.engine import advance, begin
from rig.hardware.simulated.boxes import Truth
from rig.hardware.simulated.builtin import builtin
from rig.hardware.simulated.camera import SimulatedCamera
from rig.hardware.simulated.mouse import MouseSettings, Preset
from rig.hardware.simulated.scene import Look
from rig.hardware.simulated.trouble import Trouble
from rig.hardware.simulated.world import World
from rig.ledger import Ledger
from rig.measures import Measures, measure
from rig.model import Detection, Frame, Reason, Request, RequestKind, Tick
from rig.session.rescoring import rescore
from rig.setup import Anchor, Setup, Window
from rig.steps import Do, SessionPlan, Step
from rig.table import TableBuilder
from rig.tracking.threads import use_one_thread
from rig.video import Codec, VideoWriter

SIZE_PX = (640, 480)
RATE_HZ = 15.0
BODY_CM = 9.4
MEDIAN, P99, WRONG = 0.04, 0.12, 0.002


@dataclass(frozen=True)
class Scene:
    """One recording. `there`: the share of it after which the animal is out of the box."""

    name: str
    troubles: Collection[Trouble] = ()
    look: Look = field(default_factory=Look)
    preset: Preset = Preset.COCAINE
    there: float = 1.0
    seed: int = 5


def floors(**luma: int) -> Mapping[str, int]:
    return MappingProxyType(luma)


SCENES = (
    Scene("plain"),
    Scene("hardly moves", preset=Preset.U50),
    Scene("light on dark", look=Look(floor_luma=45, wall_luma=110, mouse_luma=200, tail_luma=170)),
    Scene(
        "black and white chambers",
        look=Look(chamber_luma=floors(left=75, centre=130, right=215), mouse_luma=35, tail_luma=55),
    ),
    Scene(
        "piebald on grey",
        look=Look(floor_luma=125, mouse_luma=35, tail_luma=60, patch_luma=225, wall_luma=70),
    ),
    # a camera that is knocked far away shows two scenes, which are not scored as one
    *(Scene(str(one), (one,)) for one in Trouble if one is not Trouble.KNOCK),
    Scene("all of the floor", (Trouble.BEDDING, Trouble.BOLI, Trouble.URINE)),
    Scene("all of the light", (Trouble.DRIFT, Trouble.FLICKER, Trouble.SHADOW)),
    Scene("taken out half-way", there=0.5),
    Scene("an empty box", there=0.0),
    Scene("an empty box, everything", (Trouble.BOLI, Trouble.FLICKER, Trouble.DRIFT), there=0.0),
)


def record(
    scene: Scene, file: Path, minutes: float
) -> tuple[Apparatus, list[tuple[int, Truth | None]]]:
    """The recording, its apparatus as a person would write it, and the truth of each picture."""
    rig, apparatuses = builtin(frame_size_px=SIZE_PX, rate_hz=RATE_HZ, drive="none")
    apparatus = apparatuses["A"].model_copy(update={"tracking": TrackingSettings()})
    world = World(
        rig, apparatuses, scene.seed, animals={"A": MouseSettings(scene.preset)},
        look=scene.look, troubles=scene.troubles,
    )  # fmt: skip
    world.place("A", "centre")
    camera = SimulatedCamera(world)
    frames = round(minutes * 60 * RATE_HZ)
    truths: list[tuple[int, Truth | None]] = []
    with (
        file.open("xb") as whole,
        VideoWriter(whole, SIZE_PX, RATE_HZ, Codec.LOSSLESS) as writer,
    ):
        for k in range(frames):
            if k == round(scene.there * frames):
                world.remove("A")
            frame = camera.next(1.0)
            assert isinstance(frame, Frame)
            writer.write(frame.image, frame.t_ns)
            truths.append((frame.t_ns, camera.truth_at(frame.index, "A")))
    return apparatus, truths


def scored(
    apparatus: Apparatus, truths: list[tuple[int, Truth | None]], rate_hz: float = RATE_HZ
) -> Measures:
    """The true centroids through the entry rule."""
    plan = SessionPlan(
        protocol="rescore",
        step=(Step(do=Do.EXPLORE, name="explore", scored=True, on_input_end="completed"),),
    )
    end_ns = truths[-1][0] + 1
    setup = Setup(
        software="", uid="", subject="", phase="", anchor=Anchor(wall="", t_ns=0), camera="",
        rate_hz=rate_hz, plan=plan, apparatus=apparatus, tracker={}, tracker_version="",
        background="median",
        windows=(Window(start_ns=0, end_ns=end_ns, step="explore", scored=True),),
    )  # fmt: skip
    state, builder, ledger = begin(setup), TableBuilder(apparatus), Ledger.for_setup(setup)
    ledger.header()
    ticks = [Tick(k, t, k, _seen(truth)) for k, (t, truth) in enumerate(truths)]
    for kind in (RequestKind.INPUT_ENDED, RequestKind.CLOSING):
        ticks.append(Tick(len(ticks), end_ns, requests=(Request(kind, who="program"),)))
    for tick in ticks:
        outcome = advance(setup, state, tick)
        state = outcome.state
        for sample in outcome.samples:
            builder.append(sample, state.zero_ns or 0)
    return measure(builder.table(), apparatus, rate_hz)


def _seen(truth: Truth | None) -> Detection:
    if truth is None:
        return Detection(Reason.NONE)
    return Detection(Reason.FOUND, round(truth.x_px, 2), round(truth.y_px, 2), 900, confidence=1.0)


def compare(scene: Scene, folder: Path, minutes: float) -> tuple[list[str], bool]:
    """The line of the table, and whether it is within all limits."""
    apparatus, truths = record(scene, folder / "video.mkv", minutes)
    (folder / "apparatus.toml").write_text(toml(apparatus), encoding="utf-8")
    got = rescore(
        folder / "video.mkv", out=folder / "out", apparatus=folder / "apparatus.toml", workers=1
    )
    with (got.folder / "frames.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    true = scored(apparatus, truths)
    body_px = BODY_CM * apparatus.px_per_cm_mean
    off, lost, invented = [], 0, 0
    for row, (_, truth) in zip(rows, truths, strict=True):
        if truth is None:
            invented += bool(row["x_px"])
        elif row["x_px"]:
            off.append(math.hypot(float(row["x_px"]) - truth.x_px, float(row["y_px"]) - truth.y_px))
        else:
            lost += 1
    off = off or [0.0]
    p50, p99 = (float(np.percentile(off, q)) / body_px for q in (50, 99))
    wrong = sum(
        abs(a + b - c - d)
        for a, b, c, d in zip(
            got.measures.seen_ns, got.measures.inferred_ns, true.seen_ns, true.inferred_ns,
            strict=True,
        )
    ) / 2 / max(1, true.scored_ns)  # fmt: skip
    entries = [sum(m.entries) for m in (got.measures, true)]
    good = (
        p50 <= MEDIAN and p99 <= P99 and wrong <= WRONG
        and got.measures.entries == true.entries and not lost and not invented
    )  # fmt: skip
    line = [
        scene.name, f"{100 * p50:.1f}", f"{100 * p99:.1f}", f"{100 * max(off) / body_px:.0f}",
        str(lost), str(invented), f"{100 * wrong:.2f}", "/".join(map(str, entries)),
        "" if good else "BEYOND",
    ]  # fmt: skip
    return line, good


def toml(apparatus: Apparatus) -> str:
    """The apparatus as a file."""
    lines = [
        'name = "simulated"',
        f"frame_size_px = {list(apparatus.frame_size_px)}",
        f"px_per_cm = {apparatus.px_per_cm}",
    ]
    for chamber in apparatus.chamber:
        lines += ["[[chamber]]", f'name = "{chamber.name}"', f'role = "{chamber.role}"']
        lines.append(f"outline_px = {[list(point) for point in chamber.outline_px]}")
    for door in apparatus.doorway:
        lines += ["[[doorway]]", f'name = "{door.name}"', f"between = {list(door.between)}"]
        lines.append(f"line_px = {[list(point) for point in door.line_px]}")
    return "\n".join(lines).replace("'", '"') + "\n"


class Named(Protocol):
    """A scene of a table."""

    @property
    def name(self) -> str:
        """What it is called in the table."""


Compare = Callable[[Any, Path], tuple[list[str], bool]]
"""A scene and an empty folder to the cells of its line, and whether it is within its limits."""


def option(arguments: list[str], name: str) -> tuple[float | None, list[str]]:
    """The number after an option, and all other arguments; None: it is not there."""
    if name not in arguments:
        return None, arguments
    at = arguments.index(name)
    return float(arguments[at + 1]), arguments[:at] + arguments[at + 2 :]


def print_table(
    scenes: Sequence[Named], names: Collection[str], wide: int, compare: Compare
) -> int:
    """Print a line for each scene, or for those of these names; 0 where all are within limits."""
    use_one_thread()
    print(f"{'':{wide}}   error, % of body           found   wrong")
    print(f"{'':{wide}} median    p99    max  lost   none  time %  entries")
    fine = True
    for scene in scenes:
        if names and scene.name not in names:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            cells, good = compare(scene, Path(scratch))
        name, *figures, verdict = cells
        print(
            f"{name:{wide}}" + "".join(f"{cell:>7}" for cell in figures[:3])
            + f"{figures[3]:>6}{figures[4]:>7}{figures[5]:>8}{figures[6]:>9}  {verdict}",
            flush=True,
        )  # fmt: skip
        fine &= good
    return 0 if fine else 1


def main(arguments: list[str]) -> int:
    """Print the table; 0 where everything is within its limits."""
    minutes, names = option(arguments, "--minutes")
    return print_table(
        SCENES, names, 26, lambda scene, folder: compare(scene, folder, minutes or 2.0)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
