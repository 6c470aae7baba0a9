"""What boards and people said in this tick, taken into the state."""

from dataclasses import replace

from rig.engine.closing import evidence
from rig.engine.draft import Draft, without
from rig.engine.moving import arrives, leaves
from rig.engine.state import End, Stage, Word
from rig.engine.stimulation import bar_all
from rig.interlock import may_close
from rig.model import NS_PER_S, CommandKind, DoorReport, DoorState, ReportKind, Request, RequestKind
from rig.tracking.standing import How

RESTING = (DoorState.OPEN, DoorState.CLOSED)
MOVING_NS = 10 * NS_PER_S
"""A door that was told to move so long ago does not move because of that any more."""


def hear_reports(d: Draft) -> None:
    """Take in this tick's reports, in order."""
    for report in d.tick.reports:
        if report.kind is ReportKind.DOOR:
            _door(d, report)
        elif report.kind is ReportKind.BEAM:
            _beam(d, report)
            d.tell("beam", name=report.name, state=report.value, board_ms=report.board_ms)
        elif report.kind is ReportKind.OUTPUT:
            d.tell("output", output=report.name, state=report.value, board_ms=report.board_ms)
            if report.value == "on":
                d.s.unconfirmed = without(d.s.unconfirmed, report.name)
            if report.value == "limit":
                bar_all(d, "the board's own limit", report.name)
        elif report.kind is ReportKind.LINK:
            _link(d, report)
        elif report.kind in (ReportKind.RESET, ReportKind.WATCHDOG):
            d.tell(str(report.kind), board=report.name, cause=report.cause)
            bar_all(d, f"the board said {report.kind}")
        elif report.kind is ReportKind.SYNC:
            d.tell("sync", board=report.name, board_ms=report.board_ms)
        elif report.kind is ReportKind.REFUSED:
            d.tell("refused", what=report.name, why=report.value)
            for name in report.name.split(" ")[1:]:
                d.still(name)
        elif report.kind is ReportKind.STORAGE:
            d.fail(f"the recording cannot be written: {report.cause}")


def _door(d: Draft, report: DoorReport) -> None:
    before, state = d.s.door(report.name), report.value
    if state == before:
        return
    d.tell(
        "door",
        name=report.name,
        state=state,
        cause=report.cause,
        source=report.source,
        board_ms=report.board_ms,
    )
    if state == DoorState.REVERSED:
        state = DoorState.OPENING
    d.set_door(report.name, state)
    told_ns = d.s.moving.get(report.name)
    expected = report.source == "operator" or (
        told_ns is not None and d.t_ns - told_ns <= MOVING_NS
    )
    if before in RESTING and not expected:
        door_fault(d, report.name, f"was {before} and is {state} without having been told to move")
    elif state in (DoorState.JAMMED, DoorState.FAULT):
        door_fault(d, report.name, f"is {state}")
    if before in RESTING:
        leaves(d, report.name, before)
    if state in RESTING:
        d.still(report.name)
        d.s.arrived_ns = d.t_ns
        arrives(d, report.name, state)


def _beam(d: Draft, report: DoorReport) -> None:
    s = d.s
    s.beams = {**s.beams, report.name: report.value}
    if report.value != "clear":
        s.clear_ns = without(s.clear_ns, report.name)
    elif report.name not in s.clear_ns:
        s.clear_ns = {**s.clear_ns, report.name: d.t_ns}


def door_fault(d: Draft, name: str, why: str) -> None:
    """Say that a door did not do its work; the plan decides whether the session goes on."""
    d.tell("door_fault", name=name, why=why)
    if d.setup.plan.on_door_fault == "abort":
        d.finish(End.FAILED, f"door {name} {why}")


def _link(d: Draft, report: DoorReport) -> None:
    # Nobody knows what a beam was while the board was not heard.
    d.s.clear_ns = dict.fromkeys(d.s.clear_ns, d.t_ns)
    if report.value == "down":
        d.s.link_down |= {report.name}
        d.tell("controller_lost", board=report.name, why=report.cause)
        bar_all(d, "the board is not reached")
        if d.setup.plan.on_controller_lost == "abort":
            d.finish(End.FAILED, f"the board {report.name} is not reached")
    elif report.name in d.s.link_down:
        d.s.link_down -= {report.name}
        d.tell("controller_back", board=report.name)


def hear_requests(d: Draft) -> None:
    """Take in this tick's requests, in order."""
    for request in d.tick.requests:
        _request(d, request)


def _request(d: Draft, request: Request) -> None:
    kind, s = request.kind, d.s
    if kind is RequestKind.NOTE:
        d.tell("note", text=request.text, who=request.who)
        return
    if kind is RequestKind.INPUT_ENDED:
        d.tell("input_ended")
        step = d.setup.plan.step[s.step] if s.step >= 0 else None
        if d.setup.windows is not None or (step and step.on_input_end == "completed"):
            d.finish(End.COMPLETED, "the recording ended")
        else:
            d.finish(End.ABORTED, "the recording ended before the plan did")
        return
    if kind is RequestKind.FAILED:
        d.finish(End.FAILED, request.text)
        return
    if kind is RequestKind.RESUMED:
        _resumed(d, request)
        return
    if kind is RequestKind.CLOSING:
        return
    if kind is RequestKind.CAMERA:
        _camera(d, request)
        return
    d.tell(
        "requested",
        request=str(kind),
        name=request.name,
        value=request.value,
        text=request.text,
        who=request.who,
    )
    if kind is RequestKind.ABORT:
        d.finish(End.ABORTED, request.text or "aborted by the operator")
    elif kind is RequestKind.END:
        d.finish(End.COMPLETED, request.text or "ended by the operator")
    elif kind is RequestKind.PAUSE:
        pause(d)
    elif kind is RequestKind.RESUME:
        _unpause(d)
    elif kind is RequestKind.ARM:
        s.armed = True
    elif kind is RequestKind.EMPTY:
        s.word = True
    elif kind is RequestKind.CONFIRM:
        _confirm(d, request)
    elif kind is RequestKind.DOOR:
        _door_by_hand(d, request)
    elif kind is RequestKind.OUTPUT:
        _output_by_hand(d, request)


def _camera(d: Draft, request: Request) -> None:
    # What the pictures showed was put right, or left out, before anything was looked for in them.
    s, data = d.s, dict(request.data)
    how, matrix = data.pop("how"), data.pop("matrix")
    s.camera, s.away = tuple(matrix) if how == How.MOVED else None, how == How.AWAY
    s.camera_moves += how != How.STILL
    kind = {How.STILL: "camera_in_place", How.AWAY: "camera_away"}.get(how, "camera_moved")
    d.tell(kind, **data)
    if s.away:
        bar_all(d, "the camera shows another scene")


def pause(d: Draft) -> None:
    """Stop clocks and scoring; outputs off, closing doors reverse, others stay."""
    if d.s.paused_ns is None:
        latched = d.s.latched
        d.make_safe()
        d.s.latched = latched  # what a step switched comes back after the pause
        d.s.paused_ns, d.s.pause_unseen = d.t_ns, True
        d.tell("paused")


def _unpause(d: Draft) -> None:
    if d.s.paused_ns is not None:
        d.s.idle_ns += d.t_ns - d.s.paused_ns
        d.s.paused_ns = None
        d.s.order_ns = None  # doors that were stopped are told again
        # Nothing is dated back beyond a pause.
        d.s.words = {name: replace(word, t_ns=d.t_ns) for name, word in d.s.words.items()}
        d.tell("unpaused")


def _resumed(d: Draft, request: Request) -> None:
    # The gap since the last tick is lost time in which step clocks stand still; the animal's
    # place is unknown, and every output stays off until it was tracked and entered anew.
    s = d.s
    if s.paused_ns is None and s.last_tick_ns is not None:
        s.idle_ns += d.t_ns - s.last_tick_ns
    s.moving, s.order_ns = {}, None
    # Nothing that was seen or said before the gap is evidence now; who was asked is asked again.
    s.empty_ns, s.alone_ns, s.word, s.armed = None, None, False, False
    s.asked, s.held_why = s.asked & {"overdue"}, ""
    s.words, s.doubted, s.still = {}, frozenset(), {}
    s.clear_ns, s.rests, s.left, s.arrived, s.seen_moving = {}, {}, {}, {}, frozenset()
    if s.stage is Stage.HANDS:
        s.stage = Stage.ARM
    bar_all(d, "resumed")
    d.tell("resumed", **dict(request.data))


def _confirm(d: Draft, request: Request) -> None:
    name, s = request.name, d.s
    if name not in d.setup.manual_doors:
        s.confirmed = True
        return
    target = next((t for t in RESTING if door_key(name, t) in s.asked), None)
    if target is None:
        d.tell("refused", what=f"confirm {name}", why="no one asked for this door")
    elif s.door(name) == target or name in s.words:
        why = "it was confirmed already"
        d.tell("refused", what=f"confirm {name}", why=why)
    else:
        # Until the picture has been asked nobody knows where it is, and no wall is believed in.
        d.set_door(name, DoorState.UNKNOWN)
        s.words = {**s.words, name: Word(target, d.t_ns)}


def door_key(name: str, target: str) -> str:
    """Under which a door moved by hand is asked for, once a step."""
    return f"door {name} {target}"


def _door_by_hand(d: Draft, request: Request) -> None:
    if request.name not in d.setup.board_doors:
        d.tell("refused", what=f"door {request.name}", why="no motor moves a door of this name")
    elif request.value == "open":
        d.order(CommandKind.OPEN, (request.name,))
        d.expect((request.name,))
    elif request.value == "stop":
        d.order(CommandKind.STOP, (request.name,))
        d.expect((request.name,))
    elif d.s.paused_ns is not None:
        d.tell("refused", what=f"close {request.name}", why="the session is paused")
    elif request.value == "close":
        verdict = may_close(evidence(d, (request.name,)))
        if verdict.allowed:
            d.order(CommandKind.CLOSE, (request.name,), ms=300)
            d.expect((request.name,))
            d.s.permit_ns = d.t_ns
        else:
            d.tell("refused", what=f"close {request.name}", why="; ".join(verdict.reasons))


def _output_by_hand(d: Draft, request: Request) -> None:
    if request.name not in d.setup.outputs:
        d.tell("refused", what=f"output {request.name}", why="this box has no such output")
    elif request.value != "on":
        d.s.latched = without(d.s.latched, request.name)
    elif d.s.paused_ns is not None:
        d.tell("refused", what=f"output {request.name}", why="the session is paused")
    elif request.name in (d.setup.unlit or ()):
        why = (d.setup.unlit or {})[request.name]
        d.tell("refused", what=f"output {request.name}", why=why)
    else:
        d.s.latched = {**d.s.latched, request.name: None}
