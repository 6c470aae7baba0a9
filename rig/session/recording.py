"""`record`: one session in this process, on a simulated rig or a rig of one's own."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.engine import Loop, Outcome, run
from rig.engine.loop import Listener
from rig.engine.state import Ending
from rig.errors import ConfigError
from rig.hardware.simulated.mouse import MouseSettings
from rig.hardware.wiring import BoxDoors
from rig.model import Event, Request, RequestKind, Tick
from rig.session.derive import derive
from rig.session.load import LoadedRig, load_rig
from rig.session.opened import OpenBox, OpenRig, open_rig
from rig.session.prepare import Wish, check_size, look, make_setup
from rig.session.seeing import Seen
from rig.session.watching import CameraWatch
from rig.setup import Worked
from rig.steps import check
from rig.storage import SessionWriter, session_folder

log = logging.getLogger(__name__)

Operator = Callable[[int, Sequence[Event]], Sequence[Request]]
"""Called once a tick with its time and the last tick's events; gives the requests made since."""


@dataclass(frozen=True)
class Recorded:
    """A session that has ended."""

    folder: Path
    ending: Ending
    summary: Mapping[str, Any]


def record(
    wish: Wish,
    rig: str | LoadedRig = "sim",
    *,
    out: Path,
    box: str | None = None,
    speed: str = "max",
    seed: int = 0,
    animal: MouseSettings | None = None,
    operator: Operator | None = None,
    listeners: Sequence[Listener] = (),
    worked: Worked | None = None,
) -> Recorded:
    """Run one session from its first picture to its stop record, in this process.

    Args:
        wish: the plan, the animal and the phase.
        rig: "sim", "sim:FILE", a rig file's path, or one already loaded.
        out: the study's folder; the session's own is made below it.
        box: which box of the rig, where it has several.
        speed: "max" (simulated rigs and video files) or "1", real time.
        seed: of the simulated world.
        animal: how the simulated animal behaves.
        operator: answers prompts; on a simulated rig None lets the simulated person do it.
        listeners: told after each tick; one that fails changes nothing.
        worked: a person's word, for a board that is not simulated, on which doors and outputs
            were worked and seen in this box's picture; None: on none, and they stay off.

    Raises ConfigError for what cannot be used, RigError when the world fails. The devices are
    open before the folder is made; the folder has a stop record whatever happens after.
    """
    loaded = load_rig(rig) if isinstance(rig, str) else rig
    name = loaded.box_named(box).box.name
    animals = {name: animal} if animal is not None else None
    opened = open_rig(loaded, speed=speed, seed=seed, animals=animals)
    try:
        return _record(wish, opened, opened.boxes[name], out, operator, listeners, worked)
    finally:
        opened.close()


def _record(
    wish: Wish,
    opened: OpenRig,
    box: OpenBox,
    out: Path,
    operator: Operator | None,
    listeners: Sequence[Listener],
    worked: Worked | None,
) -> Recorded:
    asked: list[Event] = []

    def hear(tick: Tick, outcome: Outcome) -> None:
        asked.extend(outcome.events)

    seen = look(opened.loaded, box, opened.camera)
    folder, loop = start(wish, opened, box, seen, out, (hear, *listeners), worked)
    answer = operator or simulated_operator(box)

    def asks(now_ns: int) -> Sequence[Request]:
        events, asked[:] = list(asked), []
        return answer(now_ns, events)

    stall_s = silence_s(opened)
    try:
        ending = run(loop, opened.camera, asks, crop=box.crop, stall_s=stall_s, clock=opened.clock)
    except KeyboardInterrupt:
        derive(folder)  # the session was ended as aborted, and is whole
        raise
    return Recorded(folder, ending, derive(folder))


def silence_s(opened: OpenRig) -> float:
    """After how long without a picture the camera counts as silent: never between two pictures."""
    return max(opened.loaded.rig.camera.stall_ms / 1000, 3 / opened.camera.rate_hz)


def start(
    wish: Wish,
    opened: OpenRig,
    box: OpenBox,
    seen: Seen,
    out: Path,
    listeners: Sequence[Listener] = (),
    worked: Worked | None = None,
) -> tuple[Path, Loop]:
    """A session's folder and its loop, before the first tick; `seen` as `look` gave it.

    `worked`: what came of working the box's doors and outputs; None: they were not.

    Raises ConfigError or RigError, and leaves nothing behind then.
    """
    camera = opened.camera
    check_size(box.loaded, camera.size_px, opened.loaded.rig.camera.source)
    for key, message in check(wish.plan, box.loaded.apparatus, frozenset(box.loaded.box.outputs)):
        raise ConfigError("plan", key, message)
    now_ns = opened.clock() if opened.clock is not None else 0
    doors = opened.doors(box, wish.plan, wish.stimulation.dry_run)
    try:
        unfit, unlit = opened.unfit(box, worked), opened.unlit(box, worked)
        rate_hz = camera.rate_hz
        setup, prepared = make_setup(wish, opened.loaded, box, seen, rate_hz, now_ns, unfit, unlit)
        folder = session_folder(out, setup.subject, setup.phase, setup.attempt)
        sink = SessionWriter(folder, setup, seen.background, truth=opened.truth(box))
    except BaseException:
        if isinstance(doors, BoxDoors):
            doors.close()
        raise
    watch = CameraWatch(seen.background, None, real=opened.clock is not None, box=setup.box)
    loop = Loop(setup, prepared, doors, sink, opened.clock, listeners=listeners, watch=watch)
    return folder, loop


def simulated_operator(box: OpenBox) -> Operator:
    """The simulated person of a simulated box; nobody in a real one."""
    person = box.experimenter
    if person is None:
        return lambda now_ns, events: ()

    def answer(now_ns: int, events: Sequence[Event]) -> Sequence[Request]:
        person.hear(events)
        return person.requests(now_ns)

    return answer


def consent(who: str = "") -> Operator:
    """An operator who says yes to every prompt at once (`--yes`).

    But not to one that is given again because the picture contradicted the first yes: that is
    for a person who has looked.
    """

    def answer(now_ns: int, events: Sequence[Event]) -> Sequence[Request]:
        prompts = [e for e in events if e.kind == "prompt" and not e.data.get("again")]
        return [request for prompt in prompts for request in yes(prompt, who)]

    return answer


def yes(prompt: Event, who: str = "") -> list[Request]:
    """The answer to a prompt, if it is one that words can answer."""
    ask = prompt.data["ask"]
    if ask == "empty":
        return [Request(RequestKind.EMPTY, who=who)]
    if ask == "arm":
        return [Request(RequestKind.ARM, who=who)]
    if ask in ("door", "confirm"):
        return [Request(RequestKind.CONFIRM, name=str(prompt.data.get("door", "")), who=who)]
    return []
