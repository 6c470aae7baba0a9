"""A small session to write: ticks, what follows from them, and its pictures."""

from collections.abc import Iterator, Sequence

import numpy as np

from rig.model import NS_PER_S, Detection, Event, Gray, Reason, Sample, Tick

Followed = tuple[Tick, Sequence[Sample], Sequence[Event]]


def tick(k: int) -> Tick:
    """Every fourth tick is a silence."""
    t_ns = 5 * NS_PER_S + k * NS_PER_S // 10
    if k % 4 == 3:
        return Tick(k, t_ns)
    return Tick(k, t_ns, k, Detection(Reason.FOUND, 10.0 + k % 9, 12.0, 30, confidence=0.9))


def follow(tick: Tick) -> Followed:
    """What "the engine" makes of a tick: a row a picture, a checkpoint and a note now and then."""
    samples = []
    if tick.frame is not None and tick.detection is not None:
        x, y = tick.detection.x_px, tick.detection.y_px
        samples.append(
            Sample(
                tick.frame, tick.t_ns, x, y, x, y, None, None, None, None, None,
                tick.detection.area_px, 0.9, "left", "explore", True, "", (tick.k % 2 == 0,),
            )
        )  # fmt: skip
    events = [Event(tick.t_ns, "note", {"text": f"µ{tick.k}"})] if tick.k % 5 == 0 else []
    if tick.k % 8 == 7:
        events.append(Event(tick.t_ns, "checkpoint"))
    return tick, samples, events


def stopped(tick: Tick) -> Followed:
    """The last tick of a session."""
    events = [
        Event(tick.t_ns, "checkpoint"),
        Event(tick.t_ns, "stop", {"status": "completed", "reason": "time", "frames": 3}),
    ]
    return Tick(tick.k, tick.t_ns), [], events


def picture(k: int) -> Gray:
    return np.full((24, 32), 40 + k % 100, np.uint8)


def session(ticks: int) -> Iterator[tuple[Tick, Gray | None, Sequence[Sample], Sequence[Event]]]:
    """A session with its stop record, as `append` takes it."""
    for k in range(ticks):
        seen, samples, events = follow(tick(k))
        yield seen, None if seen.frame is None else picture(k), samples, events
    seen, samples, events = stopped(tick(ticks))
    yield seen, None, samples, events
