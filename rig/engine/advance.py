"""`advance`: one tick in; the new state, samples, events and commands out. Pure: no clock, no file.

The order inside a tick is the order in which things count: what was said, what is seen, where
that leaves the plan, which outputs are on, and last the row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rig.engine.company import ALONE
from rig.engine.draft import Draft
from rig.engine.hearing import hear_reports, hear_requests
from rig.engine.plan import follow_plan, permits
from rig.engine.sight import see
from rig.engine.state import State
from rig.engine.stimulation import stimulate, tell_sham
from rig.model import NS_PER_S, Command, Detection, Event, Reason, RequestKind, Sample, Tick
from rig.setup import Setup, Window
from rig.zones import begin as begin_zones

CHECKPOINT_NS = 10 * NS_PER_S
_UNSEEN = Detection(Reason.NONE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one tick led to.

    `samples` are usually one a picture. While "hands out" or a person's word about a door is
    being settled (1.5 s at most) they are held back, because only then is it known from which
    picture on scoring counts.
    """

    state: State
    samples: tuple[Sample, ...]
    events: tuple[Event, ...]
    commands: tuple[Command, ...]


def advance(setup: Setup, state: State, tick: Tick) -> Outcome:
    """The session after `tick`. `state` is not changed.

    Raises ValueError for a tick that comes before the last one or after the stop record.
    """
    if state.stopped:
        raise ValueError("the session has stopped; it takes no further tick")
    if state.last_tick_ns is not None and tick.t_ns < state.last_tick_ns:
        raise ValueError(f"tick {tick.k} at {tick.t_ns} ns comes before {state.last_tick_ns} ns")
    d = Draft(setup, tick, state.copy())
    s = d.s
    s.hands_out_ns = None
    lit = bool(s.on) and not setup.dry_run  # in this picture
    if s.zero_ns is None:
        s.zero_ns = tick.t_ns
        s.checkpoint_ns = tick.t_ns + CHECKPOINT_NS
        d.tell("started", subject=setup.subject, phase=setup.phase, uid=setup.uid)
        for name, why in (setup.unlit or {}).items():
            if name in setup.plan.outputs:
                d.tell("output_withheld", output=name, why=why)
    scored_before, step_before, rules_before = s.scored, s.step, s.rules
    hear_reports(d)
    if setup.windows is None:
        hear_requests(d)
        see(d)
        if setup.stimulation is not None and tick.frame is not None and s.placed:
            s.light = s.light.seen(tick.detection, lit, s.scored)
        if s.ending is None:
            follow_plan(d)
        if s.ending is None:
            permits(d)
            stimulate(d)
        if state.ending is None:
            tell_sham(d, step_before, rules_before)
    else:
        hear_requests(d)
        _renew(d, setup.windows)
        see(d)
    if s.ending is not None and s.scored:
        s.scored = False
        d.tell("scoring_ended")
    samples = _rows(d, scored_before, step_before)
    closing = next((r for r in tick.requests if r.kind is RequestKind.CLOSING), None)
    if closing is not None:
        samples = s.held + samples
        s.held = ()
        _stop(d, dict(closing.data))
    elif tick.t_ns >= s.checkpoint_ns:
        s.checkpoint_ns += CHECKPOINT_NS * (1 + (tick.t_ns - s.checkpoint_ns) // CHECKPOINT_NS)
        d.tell("checkpoint")
    s.last_tick_ns = tick.t_ns
    return Outcome(s, samples, tuple(d.events), tuple(d.commands))


def _renew(d: Draft, windows: tuple[Window, ...]) -> None:
    # Where the animal was put down in the recorded session, zones begin anew.
    s = d.s
    if d.tick.frame is None or s.zero_ns is None:
        return
    before_ns = -1 if s.last_frame_ns is None else s.last_frame_ns - s.zero_ns
    now_ns = d.t_ns - s.zero_ns
    for window in windows:
        if window.fresh and before_ns < window.start_ns <= now_ns:
            s.zones, s.company = begin_zones(d.setup.layout), ALONE


def _rows(d: Draft, scored_before: bool, step_before: int) -> tuple[Sample, ...]:
    s = d.s
    rows = () if d.zoned is None else (_row(d, scored_before, step_before),)
    began_ns = s.hands_out_ns if s.hands_out_ns is not None else d.doors_ns
    settling = (s.alone_ns is not None and not s.wrong) or s.words
    if began_ns is None and settling:
        s.held += rows
        return ()
    held, s.held = s.held, ()
    if began_ns is not None and s.scored and s.scoring_ns == began_ns:
        now = d.setup.plan.step_name(s.step)
        held = tuple(replace(h, step=now, scored=True) if h.t_ns >= began_ns else h for h in held)
    return held + rows


def _row(d: Draft, scored_before: bool, step_before: int) -> Sample:
    s = d.s
    if d.setup.windows is not None:
        return _sample(d, *_window(d.setup, d.t_ns - (s.zero_ns or 0)))
    # The picture at which a scored step ends still belongs to it: it closes the last
    # interval. The picture at which one starts belongs to it too.
    scored = (scored_before or s.scored) and s.paused_ns in (None, d.t_ns)
    if s.pause_unseen and s.paused_ns != d.t_ns:
        # A row without score must stand between two scored runs, also where the camera was
        # silent for the whole pause.
        s.pause_unseen, scored = False, False
    name = d.setup.plan.step_name(step_before if scored_before else s.step)
    return _sample(d, name, scored)


def _window(setup: Setup, since_ns: int) -> tuple[str, bool]:
    for window in setup.windows or ():
        if window.start_ns <= since_ns < window.end_ns:
            return window.step, window.scored
    return "", False


def _sample(d: Draft, step: str, scored: bool) -> Sample:
    seen, zoned = d.tick.detection, d.zoned
    assert zoned is not None
    assert d.tick.frame is not None
    if seen is None:
        seen = _UNSEEN
    return Sample(  # by place: to name nineteen costs half as much again
        d.tick.frame,
        d.tick.t_ns,
        seen.x_px,
        seen.y_px,
        zoned.x_cm,
        zoned.y_cm,
        seen.nose_x_px,
        seen.nose_y_px,
        seen.tail_x_px,
        seen.tail_y_px,
        seen.heading_deg,
        seen.area_px,
        seen.confidence,
        zoned.zone,
        step,
        scored,
        zoned.flag,
        zoned.in_zones,
        zoned.shares,
    )


def _stop(d: Draft, figures: Mapping[str, object]) -> None:
    s = d.s
    assert s.ending is not None, "closing comes after an end was decided"
    over = over_budget(d.setup.plan.latency_budget_ms, figures)
    if over is not None:
        d.tell("latency_over_budget", p99_ms=over, budget_ms=d.setup.plan.latency_budget_ms)
    light: dict[str, object] = {}
    if d.setup.stimulation is not None:
        differs = s.light.differs()
        light = {"light_differs": differs} if differs else {}
        d.tell(
            "light",
            **d.setup.stimulation.model_dump(exclude_none=True),
            rotations=s.light.rotations,
            on=s.light.on.figures(),
            off=s.light.off.figures(),
            differs=differs,
        )
    moved = {"camera_moved": s.camera_moves} if s.camera_moves else {}
    two = {"two_animals_s": round(s.company_ns / NS_PER_S, 3)} if s.company_ns else {}
    d.tell("checkpoint")
    d.tell(
        "stop",
        status=str(s.ending.status),
        reason=s.ending.reason,
        frames=s.frames,
        frames_dropped=s.dropped,
        frames_late=s.late,
        frames_untracked=s.untracked,
        **light,
        **moved,
        **two,
        **figures,
    )
    s.stopped = True


def over_budget(budget_ms: float, figures: Mapping[str, object]) -> float | None:
    """The 99th percentile (ms) that counts against the plan's budget, where it is above it.

    That of commands written to the port; of decisions where nothing was commanded.
    """
    p99_ms = figures.get("latency_written_p99_ms", figures.get("latency_decided_p99_ms"))
    return p99_ms if isinstance(p99_ms, int | float) and p99_ms > budget_ms else None
