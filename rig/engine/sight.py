"""What this tick's picture (or its absence) means: place, losses, alarms, the empty box."""

from rig.engine.draft import Draft
from rig.engine.state import End, Stage
from rig.engine.stimulation import bar_all
from rig.model import NS_PER_S, Reason, RequestKind
from rig.steps import Do
from rig.zones import advance as advance_zones
from rig.zones import begin as begin_zones

PROGRAM = (RequestKind.INPUT_ENDED, RequestKind.FAILED, RequestKind.CLOSING, RequestKind.RESUMED)


def see(d: Draft) -> None:
    """Take this tick's picture in."""
    if d.tick.frame is None:
        if not any(request.kind in PROGRAM for request in d.tick.requests):
            _silence(d)
        return
    _count(d)
    s, seen = d.s, d.tick.detection
    if seen is None or seen.blob_px >= d.setup.empty_px:
        s.empty_ns = None
    elif s.empty_ns is None:
        s.empty_ns = d.t_ns
    s.found = seen is not None and seen.found
    if s.found and s.word and not s.placed:
        # The operator's word was about a box without an animal: it must be given again.
        s.word, s.asked = False, s.asked - {"empty"}
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


def _place(d: Draft) -> None:
    s = d.s
    s.zones, zoned = advance_zones(d.setup.layout, s.zones, d.t_ns, d.detection, s.doors)
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
    s.found, s.empty_ns, s.alone_ns = False, None, None
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
    else:
        s.untracked += s.scored
        s.lost_frames += 1
        if s.lost_frames == d.setup.plan.lost_frames_off:
            reason = seen.reason if seen is not None else Reason.NONE
            s.lost_told = {Reason.HAND: "hand_in_view", Reason.TWO: "two_animals"}.get(
                reason, "track_lost"
            )
            if not taking_out:
                d.tell(s.lost_told, reason=str(reason), zone=s.zone)
            bar_all(d, str(s.lost_told))
    assert d.zoned is not None
    escaped = "escape" in d.zoned.flag
    if escaped and not s.escaped and not taking_out:
        d.tell("escape", x_px=seen.x_px if seen else None, y_px=seen.y_px if seen else None)
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
