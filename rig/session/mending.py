"""`close` and `resume`: what is done with a session that a crash or a power cut interrupted."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from rig.engine import Loop, State, begin, run
from rig.engine.loop import NoDoors
from rig.engine.replay import replay
from rig.engine.state import End, Ending
from rig.errors import ConfigError
from rig.model import NS_PER_S, Event, Frame, Request, RequestKind, Sample, Silence, Tick
from rig.session.clock import wall_now
from rig.session.derive import derive, has_tables
from rig.session.load import LoadedRig, load_rig
from rig.session.opened import OpenRig, is_video_file, open_rig
from rig.session.recording import Operator, Recorded, silence_s, simulated_operator
from rig.session.seeing import tracker
from rig.session.watching import CameraWatch
from rig.setup import Setup
from rig.storage import Mended, SessionRecord, SessionWriter, TruthRow
from rig.storage import resume as mend
from rig.storage.folder import CLOSED, TORN, replace
from rig.storage.truth import Truth


def close(folder: Path, reason: str) -> Recorded:
    """Give an interrupted session its stop record "failed: interrupted", its sums and tables.

    One that had its end already, and whose process died before all was written, keeps that end.

    Raises ConfigError for a session that has ended or is being recorded, StorageError for files
    that contradict each other.
    """
    record = SessionRecord.open(folder)
    stop = record.stop
    if stop is not None and record.complete and not has_tables(record.folder):
        ending = Ending(End(stop["status"]), str(stop["reason"]))
        return Recorded(record.folder, ending, derive(record.folder))
    finding = tracker(record.setup, record.background())  # what is damaged is told before a change
    state, sink, mended = _mended(record)
    _note_closed(record.folder, reason, mended)
    loop = Loop(
        record.setup,
        finding,
        NoDoors(),
        sink,
        state=state.last,
        next_k=state.next_k,
    )
    if state.last.ending is not None and state.last.stopped:
        sink.close()  # the last lines or the sums are missing: the ticks tell how it had ended
        return Recorded(record.folder, state.last.ending, derive(record.folder))
    ending = loop.finish(state.last.last_tick_ns or 0, f"interrupted: {reason}")
    return Recorded(record.folder, ending, derive(record.folder))


def _note_closed(folder: Path, reason: str, mended: Mended) -> None:
    """Keep what was done to the files of a session that is closed; `resumed` says it of others."""
    (folder / TORN).mkdir(exist_ok=True)
    told = {"wall": wall_now(), "reason": reason, **mended.to_json()}
    replace(folder / TORN / CLOSED, f"{json.dumps(told, indent=1)}\n".encode())


LEAST_GAP_NS = NS_PER_S // 10
"""A resumed session's first row never has the last one's time."""


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
    is still in the box is for the caller to know. `operator` answers what is asked (and what
    was asked before); on a simulated rig None lets the simulated person do it.

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
    camera = loaded.rig.camera
    if is_video_file(camera.source) and not camera.repeat:  # one that is repeated has no end
        raise ConfigError(str(folder), "", "a played video cannot be gone on with: close it")
    gap_ns = _gap_ns(record, loaded.simulated and speed == "max")
    last = begin(setup)
    for _, outcome in replay(setup, record.ticks()):
        last = outcome.state
    if last.stopped:
        how = "it cannot go on" if record.complete else "close it"
        raise ConfigError(str(folder), "", f"this session has ended; {how}")
    if gap_ns > setup.plan.resume_gap_s * NS_PER_S:
        raise ConfigError(
            str(folder),
            "",
            f"interrupted {gap_ns / NS_PER_S:.0f} s ago; its plan allows"
            f" {setup.plan.resume_gap_s:g} s: close it instead",
        )
    doors_at = {f"{setup.box}/{name}": state for name, state in last.doors.items()}
    opened = open_rig(loaded, speed=speed, seed=seed, doors_at=doors_at)
    try:
        return _resume(record, opened, operator)
    finally:
        opened.close()


def _gap_ns(record: SessionRecord, opened_virtually: bool) -> int:
    """Wall time since the last tick; 1 s for a virtual clock, which has none to go by.

    Never less than a tenth of a second, whatever was done to the system's clock meanwhile.
    """
    if opened_virtually:
        return NS_PER_S
    gap_ns = round(datetime.now().timestamp() * NS_PER_S) - _last_wall_ns(record)
    return max(gap_ns, LEAST_GAP_NS)


class _GoingOn:
    """A camera whose frames and clock go on from the recorded ones.

    The gap ends with its first picture (or silence), so that it is as long as it really was.
    """

    def __init__(self, opened: OpenRig, record: SessionRecord, last: State) -> None:
        self._camera, self._record, self._virtual = opened.camera, record, opened.clock is None
        self._last_ns = last.last_tick_ns or 0
        self._first_frame = 0 if last.last_frame is None else last.last_frame + 1
        self._shift_ns: int | None = None
        self.gap_ns = 0
        self.size_px, self.rate_hz = opened.camera.size_px, opened.camera.rate_hz

    def next(self, timeout_s: float) -> Frame | Silence | None:
        seen = self._camera.next(timeout_s)
        if seen is None:
            return None
        if isinstance(seen, Silence):
            return Silence(self.later(seen.t_ns))
        return Frame(seen.index + self._first_frame, self.later(seen.t_ns), seen.image)

    def later(self, t_ns: int) -> int:
        """A time of the camera's clock on the session's."""
        if self._shift_ns is None:
            self.gap_ns = _gap_ns(self._record, self._virtual)
            self._shift_ns = self._last_ns + self.gap_ns - t_ns
        return t_ns + self._shift_ns

    def close(self) -> None:
        self._camera.close()


def _resume(record: SessionRecord, opened: OpenRig, operator: Operator | None) -> Recorded:
    setup = record.setup
    box = opened.boxes[setup.box]
    doors = opened.doors(box, setup.plan, setup.dry_run)
    background = record.background()
    finding = tracker(setup, background)
    state, sink, mended = _mended(record, opened)
    last = state.last
    if opened.world is not None and last.placed and last.zone:
        opened.world.place(setup.box, last.zone)
    camera = _GoingOn(opened, record, last)
    heard: list[Event] = []
    answer = operator or simulated_operator(box)
    first = True

    def asks(now_ns: int) -> Sequence[Request]:
        nonlocal first
        events, heard[:] = list(heard), []
        mine: list[Request] = []
        if first:
            first = False
            data = {
                **mended.to_json(),
                "wall": wall_now(),
                "gap_s": camera.gap_ns / NS_PER_S,
            }
            mine.append(Request(RequestKind.RESUMED, who="program", data=data))
            if last.paused_ns is not None:  # whoever resumes wants it to go on
                mine.append(Request(RequestKind.RESUME, who="program"))
        return [*mine, *answer(now_ns, events)]

    own = opened.clock
    clock = None if own is None else lambda: camera.later(own())
    watch = CameraWatch(background, last.camera, real=own is not None, box=setup.box)
    loop = Loop(
        setup,
        finding,
        doors,
        sink,
        clock,
        state=last,
        next_k=state.next_k,
        listeners=(lambda tick, outcome: heard.extend(outcome.events),),
        watch=watch,
    )
    ending = run(loop, camera, asks, crop=box.crop, stall_s=silence_s(opened), clock=clock)
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
