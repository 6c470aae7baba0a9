"""What this tick's picture (or its absence) means: place, losses, alarms, the empty box."""

from dataclasses import replace

from rig.engine.company import ALONE
from rig.engine.draft import Draft, without
from rig.engine.hearing import door_key
from rig.engine.moving import rests
from rig.engine.state import End, Stage
from rig.engine.stimulation import bar_all
from rig.interlock import Look, alike, bears_out, stands_out
from rig.model import NS_PER_S, DoorState, Reason, RequestKind, Swept
from rig.steps import Do
from rig.zones import Flag
from rig.zones import advance as advance_zones
from rig.zones import begin as begin_zones

SETTLED_NS = 300_000_000
"""A sweep that has looked the same for so long, without hand or animal, is at rest."""
LOOK_NS = 1_500_000_000
"""For so long after a person's word the picture is asked; then hand or animal are in the way."""
TWO = "two_animals"
PROGRAM = (RequestKind.INPUT_ENDED, RequestKind.FAILED, RequestKind.CLOSING, RequestKind.RESUMED)


def see(d: Draft) -> None:
    """Take this tick's picture in."""
    if d.tick.frame is None:
        if not any(request.kind in PROGRAM for request in d.tick.requests):
            _silence(d)
            _weigh_words(d)
        return
    _count(d)
    s, seen = d.s, d.tick.detection
    if seen is None or seen.blob_px >= d.setup.empty_px:
        s.empty_ns = None
    elif s.empty_ns is None:
        s.empty_ns = d.t_ns
    _keep_company(d)
    s.found = seen is not None and seen.found and not s.company.sure
    if s.found and s.word and not s.placed:
        # The operator's word was about a box without an animal: it must be given again.
        s.word, s.asked = False, s.asked - {"empty"}
    _look_at_doors(d)
    _weigh_words(d)
    if s.stage is Stage.HANDS:
        _watch_hands(d)
    _place(d)
    if s.placed:
        _losses(d)


def begin_hands(d: Draft) -> None:
    """The place of the animal counts from this picture on: it was armed just now."""
    if d.zoned is not None:
        _watch_hands(d)
        _place(d)


def _keep_company(d: Draft) -> None:
    """See whether the animal that is in has company; of what is seen before, nothing is said."""
    s, before = d.s, d.s.company
    if not s.placed and d.setup.windows is None:
        s.company = ALONE
        return
    s.company = before.seen(d.t_ns, d.tick.detection, d.setup.apparatus.px_per_cm_mean)
    if before.sure and before.t_ns is not None:
        s.company_ns += d.t_ns - before.t_ns


def _place(d: Draft) -> None:
    s = d.s
    s.zones, zoned = advance_zones(d.setup.layout, s.zones, d.t_ns, d.detection, s.doors)
    if s.company.sure and d.detection is not None and d.detection.found:
        zoned = replace(zoned, flag="+".join(filter(None, (zoned.flag, Flag.TWO))))
    d.zoned, s.zone, s.in_zones = zoned, zoned.zone, zoned.in_zones
    if s.alone_ns == d.t_ns:
        s.alone_zone, s.wrong = zoned.zone, False


def _count(d: Draft) -> None:
    s, frame, interval_ns = d.s, d.tick.frame, NS_PER_S / d.setup.rate_hz
    assert frame is not None
    if s.stalled_ns is not None:
        d.tell("camera_back", silent_s=round((d.t_ns - s.stalled_ns) / NS_PER_S, 3))
        s.stalled_ns = None
    if s.last_frame is not None and frame > s.last_frame + 1:
        gone = frame - s.last_frame - 1
        s.dropped += gone
        d.tell("frames_dropped", frames=gone, frame=frame)
    elif s.last_frame_ns is not None and d.t_ns - s.last_frame_ns > 1.5 * interval_ns:
        s.late += 1
    s.frames += 1
    s.last_frame, s.last_frame_ns = frame, d.t_ns


def _silence(d: Draft) -> None:
    s = d.s
    s.found, s.empty_ns, s.alone_ns, s.still = False, None, None, {}
    since = s.last_frame_ns if s.last_frame_ns is not None else s.zero_ns
    assert since is not None
    if s.stalled_ns is None:
        s.stalled_ns = since
        d.tell("camera_stalled", silent_s=round((d.t_ns - since) / NS_PER_S, 3))
        bar_all(d, "camera silent")
    elif d.t_ns - s.stalled_ns > d.setup.plan.stall_limit_s * NS_PER_S:
        d.finish(End.FAILED, f"the camera was silent for {d.setup.plan.stall_limit_s:g} s")


def _watch_hands(d: Draft) -> None:
    # Hands out: one animal of plausible size, nothing else, for hands_out_s; back-dated to the
    # first such picture. Until then the place of what is seen (a hand, an animal carried over
    # walls) means nothing, so the zones start anew at each picture.
    seen, s = d.tick.detection, d.s
    alone = seen is not None and seen.found and seen.candidates == 1 and not seen.jump
    if alone and s.paused_ns is None:
        if s.alone_ns is None:
            s.alone_ns = d.t_ns
            s.zones = begin_zones(d.setup.layout)
    else:
        s.alone_ns = None
        s.zones = begin_zones(d.setup.layout)


def _losses(d: Draft) -> None:
    s, seen = d.s, d.tick.detection
    step = d.setup.plan.step[s.step]
    taking_out = step.condition is not None and step.condition.empty
    if s.found:
        if s.lost_told:
            d.tell("track_found", frames=s.lost_frames)
        s.lost_frames, s.lost_told = 0, ""
    elif seen is not None and seen.found:
        # It has a position, and a second animal is beside it: one may be taken for the other.
        s.lost_frames = 0
        if s.lost_told != TWO:
            _lose(d, TWO, Reason.TWO, quiet=taking_out)
    else:
        s.untracked += s.scored
        s.lost_frames += 1
        reason = seen.reason if seen is not None else Reason.NONE
        what = {Reason.HAND: "hand_in_view", Reason.TWO: TWO}.get(reason, "track_lost")
        # Said again where it shows later what it is: who hears "not seen" looks for no second one.
        clearer = s.lost_told == "track_lost" and what != s.lost_told
        known = s.lost_told == TWO and what == "track_lost"  # the two are one thing for a while
        if s.lost_frames == d.setup.plan.lost_frames_off or clearer:
            _lose(d, s.lost_told if known else what, reason, quiet=taking_out or known)
    assert d.zoned is not None
    escaped = "escape" in d.zoned.flag
    if escaped and not s.escaped and not taking_out:
        d.tell("escape", x_px=seen.x_px if seen else None, y_px=seen.y_px if seen else None)
    if escaped and not s.escaped:
        bar_all(d, "the animal may have escaped")  # its zone is the one that it was last in
    s.escaped = escaped
    wrong = (
        step.do is Do.CONFINE
        and s.stage is Stage.RUN
        and s.zone not in ("", step.chamber)
        and s.paused_ns is None
    )
    if wrong and not s.wrong:
        d.tell("wrong_chamber", expected=step.chamber, found=s.zone)
    s.wrong = wrong


def _lose(d: Draft, what: str, reason: Reason, *, quiet: bool) -> None:
    """Outputs off, until the animal alone enters anew."""
    d.s.lost_told = what
    if not quiet:
        d.tell(what, reason=str(reason), zone=d.s.zone)
    bar_all(d, what)


# doors, as they are seen


def _look_at_doors(d: Draft) -> None:
    """See since when each sweep looks as it does now, and how a door looks in its state."""
    s, seen = d.s, d.tick.detection
    for name, k, margin_px in d.setup.seen_doors:
        sweep = seen.sweep[k] if seen is not None and k < len(seen.sweep) else None
        if sweep is None or not _is_free(d, k, margin_px):
            if name in s.still:
                s.still = without(s.still, name)
            continue
        since_ns, before = s.still.get(name, (d.t_ns, sweep))
        if name not in s.still or not alike(before, sweep):
            since_ns, before = d.t_ns, sweep
            s.still = {**s.still, name: (since_ns, before)}
        if d.t_ns - since_ns < SETTLED_NS:
            continue
        if name in d.setup.board_doors:
            rests(d, name, since_ns, before, SETTLED_NS)
            continue
        if name not in s.told_apart and stands_out(before):
            s.told_apart |= {name}
        if name in s.unseen and name not in s.words:
            _see_late(d, name, before)
        elif name not in s.looks and name not in s.words:
            s.looks = {**s.looks, name: Look(s.door(name), before)}


def _is_free(d: Draft, k: int, margin_px: float) -> bool:
    """Whether neither animal nor hand is in the sweep of doorway `k`."""
    seen = d.tick.detection
    assert seen is not None
    if seen.found:
        clear_px = seen.clear_px if seen.candidates == 1 else None
        return clear_px is not None and clear_px[k][0] > margin_px
    # An animal that is in the box and not found may be anywhere.
    nothing = seen.reason in (Reason.NONE, Reason.SMALL) and seen.blob_px < d.setup.empty_px
    return nothing and not d.s.placed


def _weigh_words(d: Draft) -> None:
    """Believe a person's word about a door, unless the picture plainly contradicts it."""
    s = d.s
    if s.ending is not None:
        return
    for name, word in s.words.items():
        since_ns, sweep = s.still.get(name, (d.t_ns, None))
        after = sweep if d.t_ns - since_ns >= SETTLED_NS else None
        before = s.looks.get(name)
        verdict = bears_out(before, word.state, after, name in s.told_apart)
        if not verdict and before is not None and d.t_ns - word.t_ns < LOOK_NS:
            continue  # the hand may still be leaving, or the door still be on its way
        s.words = without(s.words, name)
        if verdict is False and name not in s.doubted:
            _doubt(d, name, word.state, after)
            continue
        # Also against the picture, where it is said once more: a person has looked.
        d.tell(
            "door",
            word.t_ns,
            name=name,
            state=word.state,
            cause="",
            source="operator",
            board_ms=None,
            seen=verdict,
            **_sweeps(before, after),
        )
        d.set_door(name, word.state)
        d.believed = True
        s.arrived_ns = word.t_ns if s.arrived_ns is None else max(s.arrived_ns, word.t_ns)
        if after is None:
            s.unseen |= {name}
        else:
            _keep(d, name, verdict, after)


def _see_late(d: Draft, name: str, sweep: Swept) -> None:
    """The sweep of a door is free at last; its word was believed in the meantime."""
    s = d.s
    before, said = s.looks.get(name), s.door(name)
    verdict = bears_out(before, said, sweep, name in s.told_apart)
    if verdict is False and name not in s.doubted and s.ending is None:
        _doubt(d, name, said, sweep)
        s.unseen -= {name}
        return
    if verdict is not None and s.ending is None:
        d.tell("door_seen", name=name, state=said, seen=verdict, **_sweeps(before, sweep))
    _keep(d, name, verdict, sweep)


def _keep(d: Draft, name: str, verdict: bool | None, sweep: Swept) -> None:
    # Where word and picture disagree, nobody knows in which state the picture shows the door.
    state = DoorState.UNKNOWN if verdict is False else d.s.door(name)
    d.s.looks, d.s.unseen = {**d.s.looks, name: Look(state, sweep)}, d.s.unseen - {name}


def _doubt(d: Draft, name: str, said: str, after: Swept | None) -> None:
    s = d.s
    d.set_door(name, DoorState.UNKNOWN)
    s.doubted |= {name}
    text = f"look at door {name}: it was said to be {said}, but looks as before"
    sweeps = _sweeps(s.looks.get(name), after)
    d.tell(
        "door_doubted", name=name, said=said, state=s.door(name), seen=False, text=text, **sweeps
    )
    opening = said == DoorState.OPEN
    if door_key(name, DoorState.CLOSED if opening else DoorState.OPEN) in s.asked:
        return  # another state is asked for by now
    s.asked |= {door_key(name, said)}
    verb = "open" if opening else "close"
    text = f"{verb} door {name} by hand, then confirm; if it is {said} as it is, confirm again"
    d.tell("prompt", ask="door", door=name, value=said, text=text, again=True)


def _sweeps(before: Look | None, after: Swept | None) -> dict[str, list[float] | None]:
    return {
        "before": None if before is None else list(before.sweep),
        "after": None if after is None else list(after),
    }
