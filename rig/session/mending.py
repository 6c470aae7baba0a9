"""`close` and `resume`: what is done with a session that a crash or a power cut interrupted."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from rig.engine import Loop, State, begin, run
from rig.engine.loop import NoDoors
from rig.engine.replay import replay
from rig.errors import ConfigError
from rig.model import NS_PER_S, Event, Frame, Request, RequestKind, Sample, Silence, Tick
from rig.session.derive import derive
from rig.session.load import LoadedRig, load_rig
from rig.session.opened import OpenRig, open_rig
from rig.session.prepare import tracker, wall_now
from rig.session.recording import Operator, Recorded, consent, simulated_operator
from rig.setup import Setup
from rig.storage import Mended, SessionRecord, SessionWriter, TruthRow
from rig.storage import resume as mend
from rig.storage.truth import Truth


def close(folder: Path, reason: str) -> Recorded:
    """Give an interrupted session its stop record "failed: interrupted", its sums and tables.

    Raises ConfigError for a session that has ended or is being recorded, StorageError for files
    that contradict each other.
    """
    record = SessionRecord.open(folder)
    state, sink, _ = _mended(record)
    loop = Loop(
        record.setup,
        tracker(record.setup, record.background()),
        NoDoors(),
        sink,
        state=state.last,
        next_k=state.next_k,
    )
    ending = loop.finish(state.last.last_tick_ns or 0, f"interrupted: {reason}")
    return Recorded(record.folder, ending, derive(record.folder))


def resume(
    folder: Path,
    rig: str | LoadedRig,
    *,
    speed: str = "1",
    seed: int = 0,
    operator: Operator | None = None,
) -> Recorded:
    """Go on with an interrupted session in its own folder, on the rig it ran on.

    The gap since its last tick is lost time in which step clocks stand still; doors are read,
    not moved; outputs stay off until the animal is tracked and enters anew. Whether the animal
    is still in the box is for the caller to know.

    Raises ConfigError for a session that has ended, runs, was interrupted for longer than its
    plan allows, or belongs to another rig or box.
    """
    record = SessionRecord.open(folder)
    setup = record.setup
    loaded = load_rig(rig) if isinstance(rig, str) else rig
    if loaded.rig.name != setup.rig:
        raise ConfigError("--rig", "", f"{loaded.rig.name!r}: the session ran on {setup.rig!r}")
    if loaded.box_named(setup.box or None).apparatus != setup.apparatus:
        raise ConfigError("--rig", "", f"the apparatus of box {setup.box!r} is another now")
    last_ns = _last_wall_ns(record)
    gap_ns = max(0, round(datetime.now().timestamp() * NS_PER_S) - last_ns)
    if loaded.simulated and speed == "max":
        gap_ns = min(gap_ns, NS_PER_S)  # a virtual clock has no wall time to go by
    if gap_ns > setup.plan.resume_gap_s * NS_PER_S:
        raise ConfigError(
            str(folder),
            "",
            f"interrupted {gap_ns / NS_PER_S:.0f} s ago; its plan allows"
            f" {setup.plan.resume_gap_s:g} s: close it instead",
        )
    opened = open_rig(loaded, speed=speed, seed=seed)
    try:
        return _resume(record, opened, gap_ns, operator)
    finally:
        opened.close()


def _resume(
    record: SessionRecord, opened: OpenRig, gap_ns: int, operator: Operator | None
) -> Recorded:
    setup = record.setup
    box = opened.boxes[setup.box]
    doors = opened.doors(box, setup.plan)
    state, sink, mended = _mended(record, opened)
    last = state.last
    if opened.world is not None and last.placed and last.zone:
        opened.world.place(setup.box, last.zone)
    start_ns = (last.last_tick_ns or 0) + gap_ns
    first_frame = 0 if last.last_frame is None else last.last_frame + 1
    # The camera counts from its own zero: its clock and its frames go on from the recorded ones.
    shift: list[int] = []

    def later(t_ns: int) -> int:
        if not shift:
            shift.append(start_ns - t_ns)
        return t_ns + shift[0]

    class Shifted:
        size_px, rate_hz = opened.camera.size_px, opened.camera.rate_hz

        def next(self, timeout_s: float) -> Frame | Silence | None:
            seen = opened.camera.next(timeout_s)
            if isinstance(seen, Frame):
                return Frame(seen.index + first_frame, later(seen.t_ns), seen.image)
            return Silence(later(seen.t_ns)) if seen is not None else None

        def close(self) -> None:
            opened.camera.close()

    heard: list[Event] = []
    answer = operator or (simulated_operator(box) if box.experimenter else consent())
    resumed = Request(
        RequestKind.RESUMED,
        who="program",
        data={**mended.to_json(), "wall": wall_now(), "gap_s": gap_ns / NS_PER_S},
    )
    waiting: list[Request] = [resumed]

    def asks(now_ns: int) -> Sequence[Request]:
        events, heard[:] = list(heard), []
        mine, waiting[:] = list(waiting), []
        return [*mine, *answer(now_ns, events)]

    loop = Loop(
        setup,
        tracker(setup, record.background()),
        doors,
        sink,
        opened.clock and (lambda: later(opened.clock())),  # type: ignore[misc]
        state=last,
        next_k=state.next_k,
        listeners=(lambda tick, outcome: heard.extend(outcome.events),),
    )
    ending = run(loop, Shifted(), asks, crop=box.crop, clock=None)
    return Recorded(record.folder, ending, derive(record.folder))


class _Replaying:
    """The recorded ticks through the engine once more, for storage to compare; keeps the end."""

    def __init__(self, setup: Setup, ticks: Iterator[Tick]) -> None:
        self.last: State = begin(setup)
        self.next_k = 0
        self._setup, self._ticks = setup, ticks

    def __iter__(self) -> Iterator[tuple[Tick, Sequence[Sample], Sequence[Event]]]:
        for tick, outcome in replay(self._setup, self._ticks):
            self.last, self.next_k = outcome.state, tick.k + 1
            yield tick, outcome.samples, outcome.events


def _mended(
    record: SessionRecord, opened: OpenRig | None = None
) -> tuple[_Replaying, SessionWriter, Mended]:
    replaying = _Replaying(record.setup, record.ticks())
    truth = opened.truth(opened.boxes[record.setup.box]) if opened is not None else None
    sink, mended = mend(record, replaying, truth=truth and _counting_on(truth, replaying))
    return replaying, sink, mended


def _counting_on(truth: Truth, replaying: _Replaying) -> Truth:
    # The camera counts its frames from 0 again; the session's go on.
    # `replaying` is asked late: it has its last state only once storage has gone through it.
    first: list[int] = []

    def later(frame: int) -> TruthRow | None:
        if not first:
            last = replaying.last.last_frame
            first.append(0 if last is None else last + 1)
        return truth(frame - first[0])

    return later


def _last_wall_ns(record: SessionRecord) -> int:
    """Wall time of the last tick, from the anchors."""
    anchor = record.setup.anchor
    wall_ns = round(datetime.fromisoformat(anchor.wall).timestamp() * NS_PER_S)
    at_ns, last_ns = anchor.t_ns, anchor.t_ns
    for tick in record.ticks():
        last_ns = tick.t_ns
        for request in tick.requests:
            if request.kind is RequestKind.RESUMED:
                wall = datetime.fromisoformat(str(request.data["wall"]))
                wall_ns, at_ns = round(wall.timestamp() * NS_PER_S), tick.t_ns
    return wall_ns + last_ns - at_ns
