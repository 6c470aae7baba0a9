"""Every row of design section 10 that is not about the disk or the process, and the failures that
a simulated rig must offer, each put into running sessions in virtual time.

Beside each session the same one is played without its fault. Then: the session ended as it must,
the events are there that must be, the outputs were off where they must be, what was recorded
before the fault is the same byte for byte, seen and inferred and lost are the scored time, and
the folder verifies: replay gives its rows and events byte for byte, and its pictures say the same.
What only makes pictures hard to read is held against the simulated world's truth: the fault was in
the pictures, and the animal is where it was. The seconds are the longest stretch without a row.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rig.hardware.simulated.camera import Dropped, Jitter, Stalled
from rig.hardware.simulated.mouse import MANNERS, Preset
from rig.hardware.simulated.trouble import Trouble
from rig.model import Gray, Request, RequestKind
from rig.steps import SessionPlan
from rig.storage import SessionRecord
from tests.faults import held
from tests.faults.folder import untold_s
from tests.faults.row import Row
from tests.faults.stage import BOX, RATE_HZ, SIZE_PX, Deaf, Scene, Stage, play


def _plan(*steps: dict[str, Any], **more: Any) -> SessionPlan:
    return SessionPlan.model_validate({"protocol": "faults", "step": list(steps), **more})


RULE = {"while_in": "left", "output": "laser", "dwell_s": 0.2, "max_on_s": 10, "rearm_s": 0.1}
EXPLORE = {"do": "explore", "duration_s": held.SCORED_S, "scored": True, "rule": [RULE]}
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


def _stalls(at_s: float, length_s: float) -> list[Stalled]:
    return [Stalled(at_s, length_s)]


REARING = replace(MANNERS[Preset.PRETEST], stop_median_s=2.5, rear_wall_per_min=300.0)
LOST = ("track_lost", "hand_in_view", held.TWO)
SCENES = (
    Scene("camera silent for 1.5 s", FREE, ("camera_stalled", "camera_back"),
          camera=lambda at_s: _stalls(at_s, 1.5), dark_s=1.5,
          check=partial(held.both, held.doors_rest, partial(held.time_lost, 1.2))),
    Scene("camera silent beyond the plan's limit", SHORT_STALL, ("camera_stalled", "stop"),
          "failed", camera=lambda at_s: _stalls(at_s, 99.0), dark_s=9.0),
    Scene("5 frames dropped", FREE, ("frames_dropped",),
          camera=lambda at_s: [Dropped(at_s, 5)], check=held.gap),
    Scene("frames twice", FREE, doubled=True, check=held.doubled),
    Scene("time stamps jitter by 15 ms", FREE, camera=lambda at_s: [Jitter(15.0, at_s)],
          check=held.followed),
    Scene("animal not seen for 2 s", FREE, ("track_lost", "track_found"),
          paint=_gone, lasts_s=2.0, dark_s=2.0,
          check=partial(held.both, held.blank, partial(held.time_lost, 1.5))),
    Scene("a second mouse", FREE, ("track_lost", "two_animals"), paint=_second,
          dark_s=9.0),
    Scene("a second mouse beside the first", FREE, ("two_animals",), paint=_beside, dark_s=9.0,
          off_s=1.5, check=held.two),
    Scene("a second mouse that meets the first", FREE, ("two_animals",), paint=_meeting,
          dark_s=9.0, off_s=2.5, check=held.two),
    Scene("a thing of a mouse's size that lies there", FREE, paint=_spot,
          check=partial(held.both, held.not_two, held.followed)),
    Scene("a hand comes in", FREE, (("hand_in_view", "track_lost"), "track_found"),
          acts=((0.0, _wave),)),
    Scene("a head over the box", FREE, (LOST,), paint=_head, dark_s=9.0),
    Scene("escape over the wall", FREE, ("escape",), paint=_escaped, dark_s=9.0),
    Scene("hidden at a wall", FREE, paint=_bar, check=held.timed),
    Scene("hidden under the door frames", FREE, paint=_frames, check=held.in_its_chamber),
    Scene("rears at the walls again and again", FREE, manner=REARING, check=held.rears),
    Scene("light falls to 0.72", FREE, paint=_darker, check=held.followed),
    Scene("camera shifted", FREE, paint=_shifted, check=held.followed),
    Scene("faecal boli", FREE, paint=_dots, check=held.followed),
    Scene("urine spots, dark and bright", FREE, paint=_spots, check=held.followed),
    Scene("a piece of tail apart", FREE, paint=_tail, check=held.followed),
    Scene("flicker", FREE, troubles=(Trouble.FLICKER,), check=held.followed),
    Scene("reflections in the walls", FREE, troubles=(Trouble.REFLECTION,), check=held.followed),
    Scene("tether over the body", FREE, troubles=(Trouble.CABLE,), check=held.followed),
    Scene("door jams while it closes", CONFINED, ("door_fault",), "failed",
          acts=((0.0, partial(_jam, True)),), anchor="closing_permitted", after_s=0.2),
    Scene("door moved that was not told to", GOES_ON, ("door_fault",), acts=((0.0, _push),)),
    Scene("beam stuck when doors are to close", CONFINED, ("door_held", "scoring_started"),
          acts=((0.0, partial(_beam, True)), (6.0, partial(_beam, False))), anchor="",
          after_s=0.1),
    Scene("serial cable out for 1 s", FREE, ("controller_lost", "controller_back"),
          acts=((0.0, _unplug), (1.0, _plug)), dark_s=1.0, check=held.doors_rest),
    Scene("serial cable out, plan says abort", ABORTS, ("controller_lost", "stop"), "failed",
          acts=((0.0, _unplug),), dark_s=9.0),
    Scene("board silent for 2 s", FREE, ("controller_lost", "controller_back"),
          acts=((0.0, _deafen), (2.0, _hear_again)), dark_s=1.8, check=held.doors_rest),
    Scene("board resets", FREE, ("reset",), acts=((0.0, _reset),), check=held.doors_rest),
    Scene("board refuses the laser", FREE, ("refused",),
          acts=((0.0, _limit),), anchor="scoring_started", after_s=-0.5),
    Scene("animal in another chamber, confined", CONFINED, ("wrong_chamber",),
          acts=((0.0, _elsewhere),)),
    Scene("animal put into the wrong chamber", CONFINED, ("wrong_chamber",), "aborted",
          mistaken=True, anchor="", after_s=0.0),
    Scene("operator pauses for 1 s", FREE, ("requested", "paused", "unpaused"),
          acts=((0.0, partial(_ask, RequestKind.PAUSE)),
                (1.0, partial(_ask, RequestKind.RESUME))), dark_s=1.0, check=held.paused),
)  # fmt: skip


def rows(short: bool) -> Iterator[Row]:
    """A row a fault."""
    times = 1 if short else 10
    twins: dict[tuple[int, int], Stage] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for n, scene in enumerate(SCENES):
            told = []
            for seed in range(times):
                key = id(scene.plan), seed
                if key not in twins:
                    twins[key] = play(Path(scratch) / f"twin{len(twins)}", scene, seed, None)
                told.append(judge(Path(scratch) / f"{n}-{seed}", scene, seed, twins[key]))
            bad = [wrong for _, wrong in told if wrong]
            note = f"wrong: {bad[0]}" if bad else _note(scene)
            yield Row(scene.fault, times, times - len(bad), max(lost_s for lost_s, _ in told), note)


def _note(scene: Scene) -> str:
    kinds = ["/".join(kind) if isinstance(kind, tuple) else kind for kind in scene.events]
    told = ", ".join(kind for kind in kinds if kind != "stop")
    return told if scene.status == "completed" else f"{told}; {scene.status}"


def judge(out: Path, scene: Scene, seed: int, twin: Stage) -> tuple[float, str]:
    """Seconds lost, and what is wrong first of one session with the fault, "" for nothing."""
    at_s = scene.after_s + (twin.time_of(scene.anchor) if scene.anchor else 0.0)
    stage = play(out, scene, seed, at_s)
    checks: list[Callable[[], str]] = [
        lambda: held.ended(stage, scene),
        lambda: held.recorded(stage, scene, at_s),
        lambda: held.alone(stage, scene),
        lambda: held.dark(stage, scene, at_s),
        lambda: held.injected(stage, twin),
        lambda: "" if scene.throughout else held.same_before(stage, twin, at_s),
        lambda: held.sums(stage),
        lambda: scene.check(stage) if scene.check else "",
        lambda: held.verified(stage),
    ]
    wrong = next((f"seed {seed}: {wrong}" for check in checks if (wrong := check())), "")
    return untold_s(SessionRecord.open(stage.folder), RATE_HZ), wrong


assert SIZE_PX == (160, 120), "what is painted is painted in these pixels"
