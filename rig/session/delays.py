"""How long the chain takes on the rig at hand: picture to decision, to the port, to the answer.

And, where a light that an output switches is in the camera's view, from the picture on which it
was decided to the first picture that shows the light: the whole loop, the camera's part in it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from rig import tracking
from rig.engine.loop import Doors, Latency
from rig.errors import CameraError
from rig.model import Command, CommandKind, Frame, Gray
from rig.session.opened import OpenBox, OpenRig
from rig.session.prepare import look
from rig.steps import SessionPlan

EVERY = 5
"""Pictures from order to order where no light is switched."""
LEARN = 20
"""Pictures of the dark and of the light from which it is learnt where the light is seen."""
SETTLE = 15
"""Pictures after a switch that are not learnt from; the longest that a light is waited for."""
LIT_LEVELS = 20.0
LEAST_PX = 4
LEASE_MS = 2000


@dataclass
class Delays:
    """What was measured, in real time; `seen` is None where no output was named.

    `seen`: from the picture that an output was switched on at to the first that shows the light.
    `missed`: switches that no picture showed within SETTLE pictures; `spot_px`: how large the
    light is in the picture, 0 where none is.
    """

    decided: Latency = field(default_factory=Latency)
    written: Latency = field(default_factory=Latency)
    acknowledged: Latency = field(default_factory=Latency)
    seen: Latency | None = None
    missed: int = 0
    spot_px: int = 0


def measure_delays(
    opened: OpenRig,
    box: OpenBox,
    output: str | None,
    pictures: int,
    told: Callable[[int], None] = lambda done: None,
) -> Delays:
    """Take so many pictures of a box, decide on each, and order; every output is off at the end.

    Without an `output` only "off" is ordered, which switches nothing; on a rig without outputs
    nothing is. Raises RigError where the camera or a board fails.
    """
    assert opened.clock is not None, "delays are measured in real time"
    names = tuple(box.loaded.box.outputs)
    step = {"do": "output", "output": output or names[0], "value": "off"} if names else None
    plan = SessionPlan.model_validate(
        {"protocol": "delays", "step": [step or {"do": "wait", "until": "confirmed"}]}
    )
    background = look(opened.loaded, box, opened.camera)
    apparatus, rate_hz = box.loaded.apparatus, opened.camera.rate_hz
    prepared = tracking.prepare(apparatus, background.background, rate_hz, background.samples)
    chain = _Chain(opened, box, opened.doors(box, plan), prepared, opened.clock)
    try:
        if output is None:
            for k in range(pictures):
                order = (Command(CommandKind.OFF, names),) if names and k % EVERY == 0 else ()
                chain.turn(order)
                told(k + 1)
        else:
            _switch(chain, output, pictures, told)
    finally:
        chain.off(names)
    return chain.delays


class _Chain:
    """One picture after the other: decided on, ordered on, timed."""

    def __init__(
        self,
        opened: OpenRig,
        box: OpenBox,
        doors: Doors,
        prepared: tracking.Prepared,
        clock: Callable[[], int],
    ) -> None:
        self.delays = Delays()
        self._opened, self._box, self._doors = opened, box, doors
        self._prepared, self._clock = prepared, clock
        self._prior: tracking.Prior | None = None

    def turn(self, orders: tuple[Command, ...] = ()) -> Frame:
        """The next picture, after `orders` were given on it."""
        for _ in range(20):
            seen = self._opened.camera.next(0.5)
            if isinstance(seen, Frame):
                break
        else:
            raise CameraError(f"{self._opened.loaded.source}: the camera gives no pictures")
        frame = self._box.crop(seen)
        found = tracking.find(frame.image, self._prepared)
        detection = tracking.choose(found, self._prior, frame.t_ns)
        self._prior = tracking.next_prior(self._prior, detection, frame.t_ns)
        self.delays.decided.add(self._clock() - frame.t_ns)
        if orders:
            self._doors.send(orders, frame.t_ns)
        self._doors.alive(frame.t_ns)
        self._time()
        return frame

    def off(self, names: tuple[str, ...]) -> None:
        """Everything off."""
        if names:
            self._doors.send((Command(CommandKind.OFF, names),), self._clock())
        self._time()

    def _time(self) -> None:
        for asked_ns, written_ns, answered_ns in self._doors.timings():
            self.delays.written.add(written_ns - asked_ns)
            self.delays.acknowledged.add(answered_ns - asked_ns)


def _switch(chain: _Chain, output: str, pictures: int, told: Callable[[int], None]) -> None:
    """Learn where the light is seen, then switch it and wait for it, again and again."""
    on = (Command(CommandKind.OUT, (output,), ms=LEASE_MS),)
    off = (Command(CommandKind.OFF, (output,)),)
    dark, lit = _mean(chain, off), _mean(chain, on)
    spot = lit - dark > LIT_LEVELS
    delays = chain.delays
    delays.seen, delays.spot_px = Latency(), int(np.count_nonzero(spot))
    done = 2 * (SETTLE + LEARN)
    if delays.spot_px < LEAST_PX:
        delays.spot_px = 0
        return
    middle = float((dark[spot].mean() + lit[spot].mean()) / 2)
    while done < pictures:
        chain.turn(off)
        for _ in range(SETTLE):
            frame = chain.turn()
        asked_ns = chain.turn(on).t_ns
        done += SETTLE + 2
        for _ in range(SETTLE):
            frame = chain.turn()
            done += 1
            if float(frame.image[spot].mean()) > middle:
                delays.seen.add(frame.t_ns - asked_ns)
                break
        else:
            delays.missed += 1
        told(min(done, pictures))


def _mean(chain: _Chain, orders: tuple[Command, ...]) -> "np.typing.NDArray[np.float64]":
    """The mean picture, once the outputs are as ordered."""
    chain.turn(orders)
    for _ in range(SETTLE):
        chain.turn()
    images: list[Gray] = [chain.turn().image.copy() for _ in range(LEARN)]
    return np.asarray(np.mean(images, axis=0))
