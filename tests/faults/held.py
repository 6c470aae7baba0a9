"""What must hold of a session with a fault in it: each check says what does not, "" for nothing."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rig.session import verify
from rig.storage import SessionRecord
from rig.storage.folder import TICKS
from tests.faults.stage import BOX, RATE_HZ, Scene, Stage

SUM_S = 1e-6
MOST, NEAR_CM = 0.9, 1.0
"""An animal is followed that is seen in so many pictures, and so near to where it is in half."""
SCORED_S = 7
RULE_S = 0.7
"""The entry rule has it in a chamber later than the truth, at each end of a visit."""
TWO = "two_animals"

# of any scene


def ended(stage: Stage, scene: Scene) -> str:
    good = stage.status == scene.status
    return "" if good else f"ended as {stage.status}: {stage.reason}"


def recorded(stage: Stage, scene: Scene, at_s: float) -> str:
    kinds = [kind for t_s, kind, _ in stage.events if t_s >= at_s - 0.1]
    for wanted in scene.events:
        group = (wanted,) if isinstance(wanted, str) else wanted
        places = [kinds.index(kind) for kind in group if kind in kinds]
        if not places:
            return f"{'/'.join(group)} is not recorded; what is: {kinds}"
        kinds = kinds[min(places) + 1 :]
    return ""


def alone(stage: Stage, scene: Scene) -> str:
    """No second animal is seen where there is none."""
    named = any(TWO in ((kind,) if isinstance(kind, str) else kind) for kind in scene.events)
    seen = any(kind == TWO for _, kind, _ in stage.events)
    return "a second animal was seen" if seen and not named else ""


def dark(stage: Stage, scene: Scene, at_s: float) -> str:
    on = [t_s for t_s, lit in stage.lit if lit and at_s + scene.off_s <= t_s <= at_s + scene.dark_s]
    return f"an output was on {on[0] - at_s:.2f} s after the fault" if on else ""


def injected(stage: Stage, twin: Stage) -> str:
    """The fault was in what came in."""
    mine, its = ((one.folder / TICKS).read_bytes() for one in (stage, twin))
    return "" if stage.changed or mine != its else "it is the session without the fault"


def same_before(stage: Stage, twin: Stage, at_s: float) -> str:
    mine, its = (_rows_before(one.folder, at_s) for one in (stage, twin))
    return "" if mine == its else "what was recorded before the fault is not as without it"


def _rows_before(folder: Path, at_s: float) -> list[Sequence[str]]:
    # Rows wait while hands out is settled: those of its last 2 s may say another thing.
    found = list(SessionRecord.open(folder).rows())
    return [row for row in found[1:] if float(row[1]) < at_s - 0.1]


def sums(stage: Stage) -> str:
    summary = stage.summary
    named = [summary[f"time_{name}_s"] for name in ("left", "centre", "right")]
    total = sum(float(one or 0) for one in (*named, summary["time_lost_s"]))
    scored = float(summary["test_s"] or 0)
    return "" if abs(total - scored) < SUM_S else f"{total} s in chambers and lost of {scored} s"


def verified(stage: Stage) -> str:
    verdict = verify(stage.folder)
    if verdict.problems:
        return verdict.problems[0]
    return "" if verdict.ok else f"{verdict.differing} pictures are found otherwise"


# of some


def gap(stage: Stage) -> str:
    frames = SessionRecord.open(stage.folder).columns()["frame"]
    gone = int((np.diff(frames) - 1).sum())
    return "" if gone == 5 else f"{gone} frames lack, not 5"


def doubled(stage: Stage) -> str:
    return "" if stage.stop["frames_duplicate"] > 10 else f"counted {stage.stop}"


def _truth(stage: Stage) -> dict[int, dict[str, str]]:
    """Where the simulated world had the animal, by picture."""
    with (stage.folder / "truth.csv").open(encoding="utf-8", newline="") as read:
        return {int(row["frame"]): row for row in csv.DictReader(read)}


def in_its_chamber(stage: Stage) -> str:
    """It is where the simulated world has it, or had it less than an entry rule takes ago."""
    truth, rows = _truth(stage), SessionRecord.open(stage.folder).columns()
    back = round(RULE_S * RATE_HZ)
    for frame, t_s, zone, counts in zip(
        rows["frame"], rows["t_s"], rows["zone"], rows["scored"], strict=True
    ):
        lately = {
            truth[k]["chamber"] for k in range(int(frame) - back, int(frame) + 1) if k in truth
        }
        if int(counts) and str(zone) not in lately:
            return f"in {zone or 'no chamber'} at {t_s:.2f} s, where it is in {'/'.join(lately)}"
    return ""


def followed(stage: Stage) -> str:
    """It is in its chamber, seen in nearly all pictures, and where it really is in most."""
    truth, rows = _truth(stage), SessionRecord.open(stage.folder).columns()
    far_px = [
        float(np.hypot(x - float(truth[int(frame)]["x_px"]), y - float(truth[int(frame)]["y_px"])))
        for frame, x, y, counts in zip(
            rows["frame"], rows["x_px"], rows["y_px"], rows["scored"], strict=True
        )
        if int(counts)
    ]
    px_per_cm = stage.opened.boxes[BOX].loaded.apparatus.px_per_cm_mean
    seen = [px for px in far_px if px == px]
    share, middle_cm = len(seen) / len(far_px), float(np.median(seen)) / px_per_cm
    if share < MOST or middle_cm > NEAR_CM:
        return f"seen in {100 * share:.0f} % of the pictures, {middle_cm:.2f} cm off"
    return in_its_chamber(stage) or timed(stage)


def blank(stage: Stage) -> str:
    """While it is not seen its rows have no position, and say why."""
    rows = SessionRecord.open(stage.folder).columns()
    gone = [
        (x, flag)
        for t_s, x, flag in zip(rows["t_s"], rows["x_px"], rows["flag"], strict=True)
        if stage.at_s + 0.2 < t_s < stage.at_s + 1.8
    ]
    good = gone and all(x != x and flag for x, flag in gone)
    return "" if good else f"rows while it is not seen: {gone[:3]}"


def time_lost(least_s: float, stage: Stage) -> str:
    """What was not seen is told as lost, or as inferred where walls leave no other place."""
    named = ("time_lost_s", *(f"time_inferred_{name}_s" for name in ("left", "centre", "right")))
    lost_s = sum(float(stage.summary.get(name) or 0) for name in named)
    return "" if lost_s >= least_s else f"{lost_s:.2f} s are lost or inferred"


def timed(stage: Stage) -> str:
    """Each chamber has the time that the animal really was in it, but for what is told as lost."""
    truth, rows = _truth(stage), SessionRecord.open(stage.folder).columns()
    counts = [int(f) for f, one in zip(rows["frame"], rows["scored"], strict=True) if int(one)]
    lost_s = float(stage.summary["time_lost_s"] or 0)
    for name in ("left", "centre", "right"):
        true_s = sum(truth[frame]["chamber"] == name for frame in counts) / RATE_HZ
        told_s = float(stage.summary[f"time_{name}_s"] or 0)
        if abs(told_s - true_s) > lost_s + RULE_S:
            return f"{told_s:.2f} s in {name}, where it was for {true_s:.2f} s; {lost_s:.2f} lost"
    return ""


def paused(stage: Stage) -> str:
    """The step's clock stood still: it is scored for as long as it was to be."""
    scored_s = float(stage.summary["test_s"])
    good = abs(scored_s - SCORED_S) < 0.2
    return doors_rest(stage) if good else f"{scored_s:.2f} s were scored, not {SCORED_S}"


def rears(stage: Stage) -> str:
    """It rears in the pictures, by their area; and no chamber changes for that."""
    rows = SessionRecord.open(stage.folder).columns()
    areas = [
        int(area)
        for area, x, counts in zip(rows["area_px"], rows["x_px"], rows["scored"], strict=True)
        if int(counts) and x == x
    ]
    small = np.percentile(areas, 5) / np.percentile(areas, 90)
    return f"its least area is {small:.2f} of its most" if small > 0.75 else followed(stage)


def both(one: Callable[[Stage], str], other: Callable[[Stage], str], stage: Stage) -> str:
    return one(stage) or other(stage)


def doors_rest(stage: Stage) -> str:
    moved = [data for t_s, kind, data in stage.events if kind == "door" and t_s > 1.0]
    return "" if not moved else f"a door moved: {moved}"


def two(stage: Stage) -> str:
    told = stage.stop.get("two_animals_s", 0.0), stage.summary["flags"]
    return "" if told[0] > 1 and "two_animals" in told[1] else f"the session says of it: {told}"


def not_two(stage: Stage) -> str:
    kinds = [kind for _, kind, _ in stage.events if kind in ("two_animals", "track_lost")]
    return f"told: {kinds}" if kinds else ""
