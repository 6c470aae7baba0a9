"""Every row of design section 10 that is not about the disk or the process, and the failures that
a simulated rig must offer, each put into running sessions in virtual time.

Beside each session the same one is played without its fault. Then: the session ended as it must,
the events are there that must be, the outputs were off where they must be, what was recorded
before the fault is the same byte for byte, seen and inferred and lost are the scored time, and
the folder verifies: replay gives its rows and events byte for byte, and its pictures say the same.
"""

import csv
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rig.hardware.simulated.camera import Dropped, Jitter, Stalled
from rig.hardware.simulated.trouble import Trouble
from rig.model import Gray, Request, RequestKind
from rig.session import verify
from rig.steps import SessionPlan
from rig.storage import SessionRecord
from tests.faults.row import Row
from tests.faults.stage import BOX, SIZE_PX, Deaf, Scene, Stage, play

SUM_S = 1e-6


def _plan(*steps: dict[str, Any], **more: Any) -> SessionPlan:
    return SessionPlan.model_validate({"protocol": "faults", "step": list(steps), **more})


RULE = {"while_in": "left", "output": "laser", "dwell_s": 0.2, "max_on_s": 10, "rearm_s": 0.1}
EXPLORE = {"do": "explore", "duration_s": 7, "scored": True, "rule": [RULE]}
PLACE = {"do": "place", "chamber": "left"}
FREE = _plan(PLACE, EXPLORE)
GOES_ON = _plan(PLACE, EXPLORE, on_door_fault="continue")
ABORTS = _plan(PLACE, EXPLORE, on_controller_lost="abort")
SHORT_STALL = _plan(PLACE, EXPLORE, stall_limit_s=1.0)
CONFINED = _plan(
    {"do": "place", "chamber": "left", "doors": "closed", "limit_s": 12},
    {"do": "confine", "chamber": "left", "duration_s": 6, "scored": True},
)


# what the camera gives


def _gone(image: Gray, empty: Gray, age_s: float) -> Gray:
    return empty.copy()


def _blob(image: Gray, at: tuple[int, int], axes: tuple[int, int], grey: int) -> Gray:
    painted = image.copy()
    cv2.ellipse(painted, at, axes, 0, 0, 360, grey, -1, cv2.LINE_AA)
    return painted


def _second(image: Gray, empty: Gray, age_s: float) -> Gray:
    if age_s < 2.3:  # whoever puts it in covers the first: for 2 s nobody is seen
        return empty.copy()
    return _blob(image, (118 + round(4 * np.sin(5 * age_s)), 60), (11, 5), 40)


def _beside(image: Gray, empty: Gray, age_s: float) -> Gray:
    at = 118 + round(12 * np.sin(2 * age_s)), 60 + round(8 * np.cos(1.3 * age_s))
    return _blob(image, at, (11, 5), 40)


def _meeting(image: Gray, empty: Gray, age_s: float) -> Gray:
    """It walks through the whole box, over the first one too."""
    return _blob(image, (80 + round(60 * np.sin(age_s)), 60), (11, 5), 40)


def _spot(image: Gray, empty: Gray, age_s: float) -> Gray:
    return _blob(image, (118, 60), (11, 5), 40)


def _escaped(image: Gray, empty: Gray, age_s: float) -> Gray:
    return _blob(empty, (40, 7), (11, 5), 40)


def _head(image: Gray, empty: Gray, age_s: float) -> Gray:
    return _blob(image, (50, 0), (45, 75), 60)


def _bar(image: Gray, empty: Gray, age_s: float) -> Gray:
    painted = image.copy()
    painted[76:] = 200
    return painted


def _frames(image: Gray, empty: Gray, age_s: float) -> Gray:
    """What holds the doors stands over both openings, a centimetre and a half wide."""
    painted = image.copy()
    for x in (67, 89):
        painted[50:70, x : x + 5] = 200
    return painted


def _dots(image: Gray, empty: Gray, age_s: float) -> Gray:
    painted = image
    for k in range(min(6, 1 + int(age_s))):
        painted = _blob(painted, (20 + 17 * k, 40 + 11 * k % 40), (2, 1), 50)
    return painted


def _spots(image: Gray, empty: Gray, age_s: float) -> Gray:
    painted = image.astype(np.float32)
    for at, gain in (((30, 45), 0.82), ((45, 75), 1.12)):
        shade = np.ones_like(painted)
        cv2.circle(shade, at, 4, gain, -1)
        painted *= shade
    return np.clip(painted, 0, 255).astype(np.uint8)


def _tail(image: Gray, empty: Gray, age_s: float) -> Gray:
    return _blob(image, (46, 78), (3, 1), 60)


def _darker(image: Gray, empty: Gray, age_s: float) -> Gray:
    return np.asarray(image * 0.72, np.uint8)


def _shifted(image: Gray, empty: Gray, age_s: float) -> Gray:
    return np.ascontiguousarray(np.roll(image, (1, 2), (0, 1)))


# what is done to board, world and session


def _wave(stage: Stage, now_ns: int) -> None:
    stage.world.wave(BOX, 1.0)


def _elsewhere(stage: Stage, now_ns: int) -> None:
    stage.world.place(BOX, "right")


def _ask(kind: RequestKind, stage: Stage, now_ns: int) -> None:
    stage.asked.append(Request(kind, who="me"))


def _jam(on: bool, stage: Stage, now_ns: int) -> None:
    for door in (1, 2):
        stage.board.board.jam(door, on)


def _push(stage: Stage, now_ns: int) -> None:
    stage.board.board.push(2, 0.4)


def _beam(on: bool, stage: Stage, now_ns: int) -> None:
    stage.board.board.set_beam(1, on)


def _unplug(stage: Stage, now_ns: int) -> None:
    for report in stage.board.link.lost(now_ns):
        for listener in stage.board._listeners:
            listener(report)


def _plug(stage: Stage, now_ns: int) -> None:
    stage.board.link.found(now_ns)


def _deafen(stage: Stage, now_ns: int) -> None:
    stage.board.board = Deaf(stage.board.board)  # type: ignore[assignment]


def _hear_again(stage: Stage, now_ns: int) -> None:
    stage.board.board = stage.board.board._board  # type: ignore[attr-defined]


def _reset(stage: Stage, now_ns: int) -> None:
    stage.board.board.reset(now_ns, "brownout")


def _limit(stage: Stage, now_ns: int) -> None:
    for output in stage.board.board._outputs:
        output.limited = True


# what must hold besides


def _gap(stage: Stage) -> str:
    frames = SessionRecord.open(stage.folder).columns()["frame"]
    gone = int((np.diff(frames) - 1).sum())
    return "" if gone == 5 else f"{gone} frames lack, not 5"


def _doubled(stage: Stage) -> str:
    return "" if stage.stop["frames_duplicate"] > 10 else f"counted {stage.stop}"


def _in_its_chamber(stage: Stage) -> str:
    """Where the program has it is where the simulated world has it, but for the entry rule."""
    with (stage.folder / "truth.csv").open(encoding="utf-8", newline="") as read:
        truth = {int(row["frame"]): row["chamber"] for row in csv.DictReader(read)}
    rows = SessionRecord.open(stage.folder).columns()
    scored = [
        str(zone) == truth[int(frame)]
        for frame, zone, counts in zip(rows["frame"], rows["zone"], rows["scored"], strict=True)
        if int(counts)
    ]
    share = sum(scored) / len(scored)
    return "" if share > 0.9 else f"in its own chamber in {100 * share:.0f} % of the pictures"


def _doors_rest(stage: Stage) -> str:
    moved = [data for t_s, kind, data in stage.events if kind == "door" and t_s > 1.0]
    return "" if not moved else f"a door moved: {moved}"


def _two(stage: Stage) -> str:
    told = stage.stop.get("two_animals_s", 0.0), stage.summary["flags"]
    return "" if told[0] > 1 and "two_animals" in told[1] else f"the session says of it: {told}"


def _not_two(stage: Stage) -> str:
    kinds = [kind for _, kind, _ in stage.events if kind in ("two_animals", "track_lost")]
    return f"told: {kinds}" if kinds else ""


def _stalls(at_s: float, length_s: float) -> list[Stalled]:
    return [Stalled(at_s, length_s)]


TWO = "two_animals"
LOST = ("track_lost", "hand_in_view", TWO)
SCENES = (
    Scene("camera silent for 1.5 s", FREE, ("camera_stalled", "camera_back"),
          camera=lambda at_s: _stalls(at_s, 1.5), dark_s=1.5, check=_doors_rest),
    Scene("camera silent beyond the plan's limit", SHORT_STALL, ("camera_stalled", "stop"),
          "failed", camera=lambda at_s: _stalls(at_s, 99.0), dark_s=9.0),
    Scene("5 frames dropped", FREE, ("frames_dropped",),
          camera=lambda at_s: [Dropped(at_s, 5)], check=_gap),
    Scene("frames twice", FREE, doubled=True, check=_doubled),
    Scene("time stamps jitter by 15 ms", FREE, camera=lambda at_s: [Jitter(15.0, at_s)]),
    Scene("animal not seen for 2 s", FREE, ("track_lost", "track_found"),
          paint=_gone, lasts_s=2.0, dark_s=2.0),
    Scene("a second mouse", FREE, ("track_lost", "two_animals"), paint=_second,
          dark_s=9.0),
    Scene("a second mouse beside the first", FREE, ("two_animals",), paint=_beside, dark_s=9.0,
          off_s=1.5, check=_two),
    Scene("a second mouse that meets the first", FREE, ("two_animals",), paint=_meeting,
          dark_s=9.0, off_s=2.5, check=_two),
    Scene("a thing of a mouse's size that lies there", FREE, paint=_spot, check=_not_two),
    Scene("a hand comes in", FREE, (("hand_in_view", "track_lost"), "track_found"),
          acts=((0.0, _wave),)),
    Scene("a head over the box", FREE, (LOST,), paint=_head, dark_s=9.0),
    Scene("escape over the wall", FREE, ("escape",), paint=_escaped, dark_s=9.0),
    Scene("hidden at a wall", FREE, paint=_bar),
    Scene("hidden under the door frames", FREE, paint=_frames, check=_in_its_chamber),
    Scene("light falls to 0.72", FREE, paint=_darker),
    Scene("camera shifted", FREE, paint=_shifted),
    Scene("faecal boli", FREE, paint=_dots),
    Scene("urine spots, dark and bright", FREE, paint=_spots),
    Scene("a piece of tail apart", FREE, paint=_tail),
    Scene("flicker", FREE, troubles=(Trouble.FLICKER,)),
    Scene("reflections in the walls", FREE, troubles=(Trouble.REFLECTION,)),
    Scene("tether over the body", FREE, troubles=(Trouble.CABLE,)),
    Scene("door jams while it closes", CONFINED, ("door_fault",), "failed",
          acts=((0.0, partial(_jam, True)),), anchor="closing_permitted", after_s=0.2),
    Scene("door moved that was not told to", GOES_ON, ("door_fault",), acts=((0.0, _push),)),
    Scene("beam stuck when doors are to close", CONFINED, ("door_held", "scoring_started"),
          acts=((0.0, partial(_beam, True)), (6.0, partial(_beam, False))), anchor="",
          after_s=0.1),
    Scene("serial cable out for 1 s", FREE, ("controller_lost", "controller_back"),
          acts=((0.0, _unplug), (1.0, _plug)), dark_s=1.0, check=_doors_rest),
    Scene("serial cable out, plan says abort", ABORTS, ("controller_lost", "stop"), "failed",
          acts=((0.0, _unplug),), dark_s=9.0),
    Scene("board silent for 2 s", FREE, ("controller_lost", "controller_back"),
          acts=((0.0, _deafen), (2.0, _hear_again)), dark_s=1.8, check=_doors_rest),
    Scene("board resets", FREE, ("reset",), acts=((0.0, _reset),), check=_doors_rest),
    Scene("board refuses the laser", FREE, ("refused",),
          acts=((0.0, _limit),), anchor="scoring_started", after_s=-0.5),
    Scene("animal in another chamber, confined", CONFINED, ("wrong_chamber",),
          acts=((0.0, _elsewhere),)),
    Scene("animal put into the wrong chamber", CONFINED, ("wrong_chamber",), "aborted",
          mistaken=True, anchor="", after_s=0.0),
    Scene("operator pauses for 1 s", FREE, ("requested", "paused", "unpaused"),
          acts=((0.0, partial(_ask, RequestKind.PAUSE)),
                (1.0, partial(_ask, RequestKind.RESUME))), dark_s=1.0, check=_doors_rest),
)  # fmt: skip


def rows(short: bool) -> Iterator[Row]:
    """A row a fault."""
    times = 1 if short else 10
    twins: dict[tuple[int, int], Stage] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for n, scene in enumerate(SCENES):
            wrong = []
            for seed in range(times):
                key = id(scene.plan), seed
                if key not in twins:
                    twins[key] = play(Path(scratch) / f"twin{len(twins)}", scene, seed, None)
                wrong.append(judge(Path(scratch) / f"{n}-{seed}", scene, seed, twins[key]))
            bad = [one for one in wrong if one]
            note = f"wrong: {bad[0]}" if bad else _note(scene)
            yield Row(scene.fault, times, times - len(bad), 0.0, note)


def _note(scene: Scene) -> str:
    kinds = ["/".join(kind) if isinstance(kind, tuple) else kind for kind in scene.events]
    told = ", ".join(kind for kind in kinds if kind != "stop")
    return told if scene.status == "completed" else f"{told}; {scene.status}"


def judge(out: Path, scene: Scene, seed: int, twin: Stage) -> str:
    """What is wrong first of one session with the fault, "" for nothing."""
    at_s = scene.after_s + (twin.time_of(scene.anchor) if scene.anchor else 0.0)
    stage = play(out, scene, seed, at_s)
    checks: list[Callable[[], str]] = [
        lambda: _ended(stage, scene),
        lambda: _recorded(stage, scene, at_s),
        lambda: _alone(stage, scene),
        lambda: _dark(stage, scene, at_s),
        lambda: "" if scene.troubles else _same_before(stage, twin, at_s),
        lambda: _sums(stage),
        lambda: scene.check(stage) if scene.check else "",
        lambda: _verified(stage),
    ]
    return next((f"seed {seed}: {wrong}" for check in checks if (wrong := check())), "")


def _ended(stage: Stage, scene: Scene) -> str:
    good = stage.status == scene.status
    return "" if good else f"ended as {stage.status}: {stage.reason}"


def _recorded(stage: Stage, scene: Scene, at_s: float) -> str:
    kinds = [kind for t_s, kind, _ in stage.events if t_s >= at_s - 0.1]
    for wanted in scene.events:
        group = (wanted,) if isinstance(wanted, str) else wanted
        places = [kinds.index(kind) for kind in group if kind in kinds]
        if not places:
            return f"{'/'.join(group)} is not recorded; what is: {kinds}"
        kinds = kinds[min(places) + 1 :]
    return ""


def _alone(stage: Stage, scene: Scene) -> str:
    """No second animal is seen where there is none."""
    named = any(TWO in ((kind,) if isinstance(kind, str) else kind) for kind in scene.events)
    seen = any(kind == TWO for _, kind, _ in stage.events)
    return "a second animal was seen" if seen and not named else ""


def _dark(stage: Stage, scene: Scene, at_s: float) -> str:
    on = [t_s for t_s, lit in stage.lit if lit and at_s + scene.off_s <= t_s <= at_s + scene.dark_s]
    return f"an output was on {on[0] - at_s:.2f} s after the fault" if on else ""


def _same_before(stage: Stage, twin: Stage, at_s: float) -> str:
    mine, its = (_rows_before(one.folder, at_s) for one in (stage, twin))
    return "" if mine == its else "what was recorded before the fault is not as without it"


def _rows_before(folder: Path, at_s: float) -> list[Sequence[str]]:
    # Rows wait while hands out is settled: those of its last 2 s may say another thing.
    found = list(SessionRecord.open(folder).rows())
    return [row for row in found[1:] if float(row[1]) < at_s - 0.1]


def _sums(stage: Stage) -> str:
    summary = stage.summary
    named = [summary[f"time_{name}_s"] for name in ("left", "centre", "right")]
    total = sum(float(one or 0) for one in (*named, summary["time_lost_s"]))
    scored = float(summary["test_s"] or 0)
    return "" if abs(total - scored) < SUM_S else f"{total} s in chambers and lost of {scored} s"


def _verified(stage: Stage) -> str:
    verdict = verify(stage.folder)
    if verdict.problems:
        return verdict.problems[0]
    return "" if verdict.ok else f"{verdict.differing} pictures are found otherwise"


assert SIZE_PX == (160, 120), "what is painted is painted in these pixels"
