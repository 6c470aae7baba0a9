"""Which outputs are on: rules of the step, and what a step or the operator has latched."""

from dataclasses import replace

from rig.engine.draft import Draft, without
from rig.engine.state import RuleState, Stage
from rig.model import NS_PER_S, CommandKind
from rig.steps import Rule, Train

LEASE_MS = 1000
RENEW_NS = 300_000_000
CONFIRM_NS = 500_000_000
"""By then the board has said that an output is on; one that is silent may not be lit."""
"""An output stays on for LEASE_MS unless extended; it is extended well before that."""


def bar_all(d: Draft, why: str, output: str | None = None) -> None:
    """Outputs off now; rules come back only by a new entry. `output`: that one alone."""
    step = d.setup.plan.step[d.s.step] if d.s.step >= 0 else None
    if step is not None and d.s.rules:
        now = d.work_ns
        d.s.rules = tuple(
            _off(state, now, barred=True) if output in (None, rule.output) else state
            for rule, state in zip(step.rule, d.s.rules, strict=True)
        )
    d.s.latched = {k: v for k, v in d.s.latched.items() if output not in (None, k)}
    _switch(d, {k: v for k, v in d.s.on.items() if output not in (None, k)}, why)


def _unconfirmed(d: Draft) -> None:
    """Say which outputs were switched on and are not said to be on by their board."""
    s = d.s
    for name, at_ns in s.unconfirmed.items():
        if name not in s.on:
            s.unconfirmed = without(s.unconfirmed, name)
        elif d.t_ns - at_ns > CONFIRM_NS:
            s.unconfirmed = without(s.unconfirmed, name)
            d.tell("output_unconfirmed", output=name)


def stimulate(d: Draft) -> None:
    """Let the step's rules act on this tick, then make the outputs so."""
    s = d.s
    if s.unconfirmed:
        _unconfirmed(d)
    if not (s.rules or s.latched or s.on):
        return
    step = d.setup.plan.step[s.step]
    wanted: dict[str, Train | None] = dict(s.latched) if s.paused_ns is None else {}
    why = "rule"
    if s.rules:
        running = s.paused_ns is None and s.stage is Stage.RUN
        states = []
        for rule, state in zip(step.rule, s.rules, strict=True):
            new, reason = (
                _follow(d, rule, state) if running else (_outside(state, d.work_ns), "paused")
            )
            if state.on_ns is not None and new.on_ns is None:
                why = reason
            if new.on_ns is not None and not rule.sham:
                wanted[rule.output] = rule.train
            states.append(new)
        s.rules = tuple(states)
    for name in d.setup.unlit or ():
        wanted.pop(name, None)
    if wanted or s.on:
        _switch(d, wanted, why)


def tell_sham(d: Draft, step_before: int, before: tuple[RuleState, ...]) -> None:
    """Record the edges of sham rules in this tick, by what was so before it."""
    steps, s = d.setup.plan.step, d.s
    same = step_before == s.step and s.ending is None
    for k, was in enumerate(before):
        rule = steps[step_before].rule[k]
        if rule.sham and was.on_ns is not None and not (same and s.rules[k].on_ns is not None):
            d.tell("output_off", output=rule.output, why="rule", sham=True, **_sight(d))
    for k, now in enumerate(s.rules if s.ending is None else ()):
        rule = steps[s.step].rule[k]
        if rule.sham and now.on_ns is not None and not (same and before[k].on_ns is not None):
            pulses = {} if rule.train is None else rule.train.model_dump()
            d.tell("output_on", output=rule.output, sham=True, **pulses, **_sight(d))


def _follow(d: Draft, rule: Rule, state: RuleState) -> tuple[RuleState, str]:
    now = d.work_ns
    # Without a picture nothing is known to have changed but the time.
    inside = state.inside_ns is not None if d.zoned is None else is_in(d, rule.while_in)
    if not inside:
        left = _off(state, now)
        return (
            RuleState(
                off_ns=left.off_ns,
                capped=left.capped and rule.rearm_s is not None,
                total_ns=left.total_ns,
                # Only an animal that is seen outside can enter anew.
                barred=left.barred and not d.s.found,
            ),
            "left",
        )
    inside_ns = now if state.inside_ns is None else state.inside_ns
    if state.on_ns is not None:
        on_ns = now - state.on_ns
        if rule.total_on_s is not None and state.total_ns + on_ns >= rule.total_on_s * NS_PER_S:
            return _off(state, now, capped=True), "total cap"
        if rule.max_on_s is not None and on_ns >= rule.max_on_s * NS_PER_S:
            return _off(state, now, capped=True), "cap"
        return state, ""
    waited = now - state.off_ns if state.off_ns is not None else None
    ready = (
        d.zoned is not None
        and d.s.found
        and not state.barred
        and now - inside_ns >= rule.dwell_s * NS_PER_S
        and (waited is None or waited >= rule.refractory_s * NS_PER_S)
        and (waited is None or not state.capped or _rearmed(rule, waited))
        and (rule.total_on_s is None or state.total_ns < rule.total_on_s * NS_PER_S)
    )
    return (
        RuleState(
            inside_ns=inside_ns,
            on_ns=now if ready else None,
            off_ns=state.off_ns,
            capped=state.capped and not ready,
            total_ns=state.total_ns,
            barred=state.barred,
        ),
        "",
    )


def _rearmed(rule: Rule, waited_ns: int) -> bool:
    return rule.rearm_s is not None and waited_ns >= rule.rearm_s * NS_PER_S


def _outside(state: RuleState, now: int) -> RuleState:
    # Where the animal goes while rules do not act is not followed: its dwell counts anew.
    return replace(_off(state, now), inside_ns=None)


def _off(state: RuleState, now: int, *, capped: bool = False, barred: bool = False) -> RuleState:
    was_on = state.on_ns is not None
    return RuleState(
        inside_ns=state.inside_ns,
        off_ns=now if was_on else state.off_ns,
        capped=capped or (state.capped and not was_on),
        total_ns=state.total_ns + (now - state.on_ns if state.on_ns is not None else 0),
        barred=barred or state.barred,
    )


def is_in(d: Draft, name: str) -> bool:
    """Whether the animal counts as in this chamber or zone, by the entry rule."""
    zones = d.setup.layout.zone_names
    if name in zones:
        return bool(d.s.in_zones) and d.s.in_zones[zones.index(name)]
    return d.s.zone == name


def _switch(d: Draft, wanted: dict[str, Train | None], why: str) -> None:
    s = d.s
    dry = {"dry_run": True} if d.setup.dry_run else {}
    off = tuple(name for name in s.on if name not in wanted)
    if off:
        d.order(CommandKind.OFF, off)
        for name in off:
            d.tell("output_off", output=name, why=why, **dry, **_sight(d))
    for name, train in wanted.items():
        new = name not in s.on or s.on[name] != train
        if not new and d.t_ns - s.lease_ns[name] < RENEW_NS:
            continue
        if dry:
            pass  # decided, and not switched
        elif train is None:
            d.order(CommandKind.OUT, (name,), ms=LEASE_MS)
        else:
            d.order(CommandKind.TRAIN, (name,), ms=LEASE_MS, hz=train.hz, width_us=train.width_us)
        s.lease_ns = {**s.lease_ns, name: d.t_ns}
        if new and not dry:
            s.unconfirmed = {**s.unconfirmed, name: d.t_ns}
        if new:
            pulses = {} if train is None else {"hz": train.hz, "width_us": train.width_us}
            d.tell("output_on", output=name, **dry, **pulses, **_sight(d))
    s.on = wanted


def _sight(d: Draft) -> dict[str, object]:
    # The evidence on which an edge was decided.
    seen = d.detection
    return {
        "zone": d.s.zone,
        "frame": d.tick.frame,
        "x_px": None if seen is None else seen.x_px,
        "y_px": None if seen is None else seen.y_px,
    }
