"""The step machine: brings doors about, waits for the animal, runs clocks, goes to the next."""

from rig.engine.closing import evidence, on_animal, permitted, wait
from rig.engine.draft import Draft, without
from rig.engine.hearing import door_fault, door_key
from rig.engine.sight import begin_hands
from rig.engine.state import End, RuleState, Stage
from rig.engine.stimulation import is_in
from rig.interlock import may_close
from rig.model import NS_PER_S, CommandKind, DoorState
from rig.steps import Do, OnLimit, Start, Step, Until
from rig.zones import begin as begin_zones

PERMIT_MS = 300
RENEW_NS = 100_000_000
DOOR_NS = 5 * NS_PER_S
"""A motor door that was told to move has arrived after this, or has a fault."""
TRIES = 3
PATIENCE_NS = 3 * NS_PER_S
"""So long a box may take to be seen and said to be empty before it is told that doors wait."""


def follow_plan(d: Draft) -> None:
    """Take the plan as far as this tick allows; several steps may pass in one tick."""
    if d.s.step < 0:
        _enter(d, 0)
    while d.s.ending is None and _step_on(d):
        pass


def _step_on(d: Draft) -> bool:
    """One move of the machine; whether another may follow at once."""
    s = d.s
    step = d.setup.plan.step[s.step]
    if s.paused_ns is not None:
        return False
    if s.stage is Stage.DOORS:
        return _doors(d, step)
    if s.stage is Stage.ARM:
        return _arm(d, step)
    if s.stage is Stage.HANDS:
        return _hands(d, step)
    if s.stage is Stage.CROSS:
        return _cross(d, step)
    return _run(d, step)


def _enter(d: Draft, index: int) -> None:
    s, plan = d.s, d.setup.plan
    if index >= len(plan.step):
        d.finish(End.COMPLETED, "the plan was carried out")
        return
    step = plan.step[index]
    s.step, s.step_ns, s.clock_ns = index, d.work_ns, d.work_ns
    s.asked, s.confirmed, s.limit_told, s.wrong = frozenset(), False, False, False
    s.cond_ns, s.cond_total_ns, s.cond_entries = None, 0, 0
    s.tries, s.order_ns, s.held_why = 0, None, ""
    s.words, s.doubted, s.arrived_ns = {}, frozenset(), None
    s.rules = tuple(RuleState() for _ in step.rule)
    d.tell("step_started", step=index + 1, do=str(step.do), name=plan.step_name(index))
    if s.scored and not step.scored:
        s.scored = False
        d.tell("scoring_ended")
    doors = step.doors is not None or step.start is Start.OPENED or step.do in (Do.OPEN, Do.CLOSE)
    if doors and _target(d, step)[1]:
        _stage(d, Stage.DOORS)
    else:
        _after_doors(d, step)


def _stage(d: Draft, stage: Stage) -> None:
    d.s.stage, d.s.stage_ns = stage, d.work_ns
    if stage is not Stage.RUN and d.s.scored:  # waiting is not scored
        d.s.scored = False
        d.tell("scoring_ended")


def _next(d: Draft, why: str) -> None:
    plan, index = d.setup.plan, d.s.step
    d.tell("step_ended", step=index + 1, name=plan.step_name(index), why=why)
    _enter(d, index + 1)


def _limit(d: Draft, step: Step) -> bool:
    """Whether the step's limit was reached and has moved the plan on."""
    s = d.s
    if d.work_ns - s.step_ns < step.limit_s * NS_PER_S or s.limit_told:
        return False
    s.limit_told = True
    name = d.setup.plan.step_name(s.step)
    waiting = {
        Stage.DOORS: "for its doors",
        Stage.ARM: "to be armed",
        Stage.HANDS: "for hands out",
        Stage.CROSS: "for the first crossing",
        Stage.RUN: "for its end",
    }[s.stage]
    d.tell("limit", step=s.step + 1, name=name, limit_s=step.limit_s, waiting=waiting)
    if step.on_limit is OnLimit.ABORT:
        d.finish(End.ABORTED, f"step {name} waited {waiting} for {step.limit_s:g} s")
    elif step.on_limit is OnLimit.NEXT:
        if step.do is Do.PLACE:
            _placed(d)
        _next(d, "limit")
        return True
    return False


# doors


def _target(d: Draft, step: Step) -> tuple[str, tuple[str, ...]]:
    """What the step wants of which doors."""
    opened = step.do is Do.OPEN or step.start is Start.OPENED or step.doors == "open"
    names = tuple(n for n in d.setup.doors if not step.door or n in step.door)
    return (DoorState.OPEN if opened else DoorState.CLOSED), names


def _doors(d: Draft, step: Step) -> bool:
    target, names = _target(d, step)
    s = d.s
    missing = [name for name in names if s.door(name) != target]
    if not missing:
        if d.believed:
            d.doors_ns = s.arrived_ns
        _after_doors(d, step)
        return True
    motor = tuple(name for name in missing if name in d.setup.board_doors)
    by_hand = [name for name in missing if name in d.setup.manual_doors]
    verb = "open" if target == DoorState.OPEN else "close"
    for name in by_hand:
        text = f"{verb} door {name} by hand, then confirm"
        d.ask("door", door_key(name, target), door=name, value=str(target), text=text)
    if motor:
        if target == DoorState.OPEN:
            _open(d, motor)
        else:
            _close(d, motor)
    return _limit(d, step)


def _open(d: Draft, names: tuple[str, ...]) -> None:
    s = d.s
    if s.order_ns is None:
        if not s.link_down:
            d.order(CommandKind.OPEN, names)
            d.expect(names)
            s.order_ns = d.t_ns
    elif d.t_ns - s.order_ns > DOOR_NS:
        _overdue(d, names)


def _close(d: Draft, names: tuple[str, ...]) -> None:
    s = d.s
    animal = on_animal(d)
    if s.empty_ns is not None and not animal:  # nobody is asked about a box plainly not empty
        d.ask("empty", "empty", text="say that the box is empty, then the doors close")
    if s.order_ns is None:
        if animal and (s.link_down or DoorState.OPENING in map(s.door, names)):
            return  # a board closes doors from their open switch only
        known = evidence(d, names)
        verdict = may_close(known)
        if not verdict.allowed:
            if animal or d.work_ns - s.stage_ns > PATIENCE_NS:
                wait(d, names, verdict)
            return
        permitted(d, names, known)
        d.order(CommandKind.CLOSE, names, ms=PERMIT_MS)
        d.expect(names)
        s.order_ns = s.permit_ns = d.t_ns
    elif any(s.door(name) in (DoorState.OPENING, DoorState.OPEN) for name in names) and (
        d.t_ns - s.order_ns > NS_PER_S
    ):
        # It reversed: wait for it to be open and for the evidence, then once more.
        if all(s.door(name) in (DoorState.OPEN, DoorState.CLOSED) for name in names):
            s.order_ns, s.tries = None, s.tries + 1
            if s.tries >= TRIES:
                s.order_ns = d.t_ns
                door_fault(d, ", ".join(names), f"did not close in {TRIES} tries")
                s.tries = 0
    elif d.t_ns - s.order_ns > DOOR_NS:
        _overdue(d, names)


def _overdue(d: Draft, names: tuple[str, ...]) -> None:
    # Said once a step: whether the session goes on is the plan's word.
    if "overdue" not in d.s.asked:
        d.s.asked |= {"overdue"}
        for name in names:
            door_fault(d, name, f"did not arrive within {DOOR_NS // NS_PER_S} s: {d.s.door(name)}")


def permits(d: Draft) -> None:
    """Renew the permit of every closing door while its evidence holds; without, it lapses.

    With an animal in the box it is not waited for that: the doors are told to reverse at once.
    """
    s = d.s
    if DoorState.CLOSING not in s.doors.values():
        return
    closing = tuple(n for n in d.setup.board_doors if s.door(n) == DoorState.CLOSING)
    due = d.t_ns - s.permit_ns >= RENEW_NS
    if not closing or s.paused_ns is not None or not (due or on_animal(d)):
        return
    verdict = may_close(evidence(d, closing))
    if not verdict.allowed:
        wait(d, closing, verdict)
        if on_animal(d):
            d.order(CommandKind.STOP, closing)
            d.expect(closing)
            s.order_ns = None  # what the animal has held up is no try that failed
    elif due:
        d.order(CommandKind.PERMIT, closing, ms=PERMIT_MS)
        s.permit_ns = d.t_ns


def _after_doors(d: Draft, step: Step) -> None:
    if step.do is Do.PLACE and step.end is Until.HANDS_OUT:
        d.s.armed = False
        _stage(d, Stage.ARM)
        return
    if step.do in (Do.OPEN, Do.CLOSE) and step.end in (Until.OPENED, Until.CLOSED):
        _next(d, str(step.end))
        return
    if step.do is Do.OUTPUT:
        assert step.output is not None
        latched = without(d.s.latched, step.output)
        d.s.latched = {**latched, step.output: step.train} if step.value == "on" else latched
        _next(d, "done")
        return
    if step.start is Start.CROSSING:
        d.s.placed = True
        _stage(d, Stage.CROSS)
        return
    _start_clock(d, step)


# placing


def _arm(d: Draft, step: Step) -> bool:
    s = d.s
    if d.setup.arming == "auto":
        s.armed = True
    else:
        d.ask("arm", "arm", chamber=step.chamber, text="press the key, then bring the animal")
    if not s.armed:
        return _limit(d, step)
    where = f" in {step.chamber}" if step.chamber else ""
    d.tell("armed")
    d.ask("place", "place", chamber=step.chamber, text=step.text or f"place the animal{where}")
    s.alone_ns = None
    _stage(d, Stage.HANDS)
    begin_hands(d)
    return False


def _hands(d: Draft, step: Step) -> bool:
    s = d.s
    if s.alone_ns is None or d.t_ns - s.alone_ns < d.setup.plan.hands_out_s * NS_PER_S:
        return _limit(d, step)
    if step.chamber is not None and s.alone_zone != step.chamber:
        if not s.wrong:
            s.wrong = True
            d.tell("wrong_chamber", expected=step.chamber, found=s.alone_zone)
        return _limit(d, step)
    s.hands_out_ns = s.alone_ns
    d.tell("hands_out", s.alone_ns, zone=s.alone_zone)
    _placed(d)
    _next(d, "hands out")
    return True


def _placed(d: Draft) -> None:
    s = d.s
    s.placed, s.word, s.alone_ns = True, False, None
    if s.hands_out_ns is None:  # by somebody's word: what was seen so far may have been a hand
        d.tell("placed", zone=s.zone)
        s.zones = begin_zones(d.setup.layout)


# running


def _cross(d: Draft, step: Step) -> bool:
    if d.zoned is None or not d.zoned.entered:
        return _limit(d, step)
    d.tell("first_crossing", zone=d.zoned.entered)
    _start_clock(d, step)
    return True


def _start_clock(d: Draft, step: Step) -> None:
    s = d.s
    back_ns = next((t for t in (s.hands_out_ns, d.doors_ns) if t is not None), d.t_ns)
    s.clock_ns = s.work_ns(back_ns)
    s.confirmed = False  # a word given before it was asked for is about something else
    if step.do in (Do.EXPLORE, Do.CONFINE):
        s.placed = True
    _stage(d, Stage.RUN)
    _prompt(d, step)
    if step.scored and not s.scored:
        s.scored, s.scoring_ns = True, back_ns
        d.tell("scoring_started", back_ns, zone=s.zone)


def _prompt(d: Draft, step: Step) -> None:
    if step.end is Until.CONFIRMED:
        if step.do is Do.PLACE:
            where = f" in {step.chamber}" if step.chamber else ""
            d.ask("place", "place", chamber=step.chamber, text=f"place the animal{where}")
        text = step.text or f"confirm to end {d.setup.plan.step_name(d.s.step)}"
        d.ask("confirm", "confirm", text=text)
    if step.condition is not None and step.condition.empty:
        d.ask("take", "take", text=step.text or "take the animal out")


def _run(d: Draft, step: Step) -> bool:
    _prompt(d, step)
    ran_ns = d.work_ns - d.s.clock_ns
    if step.end is Until.TIME:
        # A time is an end of its own; no other limit is looked at.
        if step.duration_s is not None and ran_ns >= round(step.duration_s * NS_PER_S):
            _next(d, "time")
            return True
        return False
    if step.end is Until.CONFIRMED and d.s.confirmed:
        if step.do is Do.PLACE:
            _placed(d)
        _next(d, "confirmed")
        return True
    if step.end is Until.CONDITION and _met(d, step):
        if step.condition is not None and step.condition.empty:
            d.s.placed = False
        _next(d, "condition")
        return True
    return _limit(d, step)


def _met(d: Draft, step: Step) -> bool:
    condition, s = step.condition, d.s
    assert condition is not None
    if condition.empty:
        assert condition.for_s is not None
        since = max(s.empty_ns, s.clock_ns + s.idle_ns) if s.empty_ns is not None else None
        return since is not None and d.t_ns - since >= condition.for_s * NS_PER_S
    assert condition.in_ is not None
    if d.zoned is None:
        return False
    inside, now = is_in(d, condition.in_), d.work_ns
    if condition.entries is not None:
        if condition.in_ in d.setup.layout.zone_names:
            s.cond_entries += inside and s.cond_ns is None and now > s.clock_ns
            s.cond_ns = now if inside else None
        else:
            s.cond_entries += d.zoned.entered == condition.in_ and now > s.clock_ns
        return s.cond_entries >= condition.entries
    so_far = 0
    if inside:
        s.cond_ns = now if s.cond_ns is None else s.cond_ns
        so_far = now - s.cond_ns
    elif s.cond_ns is not None:
        s.cond_total_ns += now - s.cond_ns
        s.cond_ns = None
    if condition.for_s is not None:
        return inside and so_far >= condition.for_s * NS_PER_S
    assert condition.total_s is not None
    return s.cond_total_ns + so_far >= condition.total_s * NS_PER_S
