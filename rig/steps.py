"""A session plan as data: steps and rules, checked and described. Pure.

A plan knows chambers, doors and outputs by the apparatus's names; roles such as "paired" are
resolved before a plan is made. It knows nothing of the engine that runs it.
"""

from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rig.apparatus import Apparatus, Drive
from rig.config import Strict
from rig.model import LONGEST_S

Seconds = Annotated[float, Field(gt=0, le=LONGEST_S)]
Wait = Annotated[float, Field(ge=0, le=LONGEST_S)]


class Do(StrEnum):
    """What a step is."""

    WAIT = "wait"  # nothing but the end
    PLACE = "place"  # the animal is brought into a chamber
    CONFINE = "confine"  # the animal stays in a chamber
    OPEN = "open"  # doors open
    CLOSE = "close"  # doors close
    EXPLORE = "explore"  # the animal goes where it likes
    RECORD = "record"  # picture and track are kept, nothing is scored
    OUTPUT = "output"  # an output is switched and stays


class Until(StrEnum):
    """What ends a step."""

    CONFIRMED = "confirmed"  # the operator's word
    HANDS_OUT = "hands_out"  # the hand has left, one animal alone for 1 s
    OPENED = "opened"  # the doors' open switches or the hand's confirmation
    CLOSED = "closed"  # likewise
    TIME = "time"  # duration_s of the step's own clock
    CONDITION = "condition"


class Start(StrEnum):
    """What must have happened before a step's clock (and its scoring) starts."""

    NOW = "now"  # the step before it has ended (hands out, back-dated, if that was its end)
    OPENED = "opened"  # all doors are open: the step opens them
    CROSSING = "crossing"  # the animal has gone into another chamber for the first time


_DOORS = (Do.OPEN, Do.CLOSE, Do.PLACE, Do.OUTPUT)


class OnLimit(StrEnum):
    """What happens when a step does not end within limit_s."""

    ABORT = "abort"
    NEXT = "next"
    ALARM = "alarm"


class Train(Strict):
    """Pulses made on the board."""

    hz: int = Field(ge=1, le=100)
    width_us: int = Field(ge=10)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.width_us >= 1_000_000 // self.hz:
            raise ValueError(
                f"width_us = {self.width_us}: a pulse at {self.hz} Hz must be shorter than its"
                f" period of {1_000_000 // self.hz} us"
            )
        return self


class Rule(Strict, allow_inf_nan=False):
    """While the animal is in a chamber or zone, an output is on.

    `dwell_s`: in there at least so long first. `refractory_s`: so long after any off.
    `max_on_s`: longest stretch on; then off until `rearm_s` have passed, or without it until
    the animal enters anew. `total_on_s`: most in this step altogether. `sham`: each edge is
    decided and recorded in the same way, and nothing is switched.
    """

    while_in: str
    output: str
    train: Train | None = None
    dwell_s: Wait = 0.0
    refractory_s: Wait = 0.0
    max_on_s: Seconds | None = None
    rearm_s: Wait | None = None
    total_on_s: Seconds | None = None
    sham: bool = False


class Condition(Strict, allow_inf_nan=False):
    """An end by what the animal does: `for_s` at a stretch, `total_s` in all, or `entries`.

    `empty = true` with `for_s`: the box is empty that long (the animal was taken out).
    """

    in_: str | None = Field(None, alias="in")
    for_s: Seconds | None = None
    total_s: Seconds | None = None
    entries: int | None = Field(None, ge=1)
    empty: bool = False

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if self.empty == (self.in_ is not None):
            raise ValueError('a condition has either in = "CHAMBER" or empty = true')
        if (self.for_s, self.total_s, self.entries).count(None) != 2:
            raise ValueError("a condition has exactly one of for_s, total_s, entries")
        if self.empty and self.for_s is None:
            raise ValueError("empty = true needs for_s")
        return self


class Step(Strict, allow_inf_nan=False):
    """One step; see the enums. Its clock stands still while the session is paused."""

    do: Do
    name: str = Field("", pattern=r"^[A-Za-z0-9_-]*$")
    chamber: str | None = None
    doors: Literal["open", "closed"] | None = None  # brought about before the step goes on
    door: tuple[str, ...] = ()  # open, close: which; none named: all of the box
    until: Until | None = None
    start: Start = Start.NOW
    duration_s: Seconds | None = None
    condition: Condition | None = None
    limit_s: Seconds = 600.0
    on_limit: OnLimit = OnLimit.ABORT
    scored: bool = False
    on_input_end: Literal["completed", "aborted"] = "aborted"
    output: str | None = None
    value: Literal["on", "off"] = "on"
    train: Train | None = None
    rule: tuple[Rule, ...] = ()
    text: str = ""  # what the operator is told

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.do is Do.OUTPUT and self.output is None:
            raise ValueError("a step that switches an output names it: output = ...")
        if self.do is not Do.OUTPUT and self.output is not None:
            raise ValueError('output = ... belongs to do = "output" or to a rule')
        if self.do is Do.CONFINE and self.chamber is None:
            raise ValueError("confine names its chamber")
        if self.do not in (Do.OPEN, Do.CLOSE) and self.door:
            raise ValueError("door = [...] belongs to open and close")
        if (self.until is Until.CONDITION) != (self.condition is not None):
            raise ValueError('until = "condition" and a [condition] come together')
        if self.until is Until.TIME and self.duration_s is None:
            raise ValueError('until = "time" needs duration_s')
        if self.until is Until.HANDS_OUT and self.do is not Do.PLACE:
            raise ValueError('until = "hands_out" belongs to place')
        for until, do in ((Until.OPENED, Do.OPEN), (Until.CLOSED, Do.CLOSE)):
            if self.until is until and self.do is not do:
                raise ValueError(f'until = "{until}" belongs to {do}')
        if self.start is Start.OPENED and (self.do in _DOORS or self.doors == "closed"):
            raise ValueError('start = "opened" contradicts a step that closes or opens doors')
        if self.start is Start.CROSSING and self.do is not Do.EXPLORE:
            raise ValueError(f'start = "crossing" belongs to explore, not to {self.do}')
        if self.scored and self.do not in (Do.EXPLORE, Do.CONFINE):
            raise ValueError(f"scored = true belongs to explore and confine, not to {self.do}")
        if self.end is Until.TIME and self.duration_s is None and self.on_input_end == "aborted":
            raise ValueError("duration_s is missing")
        return self

    @cached_property
    def end(self) -> Until:
        """What ends this step, where it does not say so itself."""
        if self.until is not None:
            return self.until
        return {
            Do.PLACE: Until.HANDS_OUT,
            Do.OPEN: Until.OPENED,
            Do.CLOSE: Until.CLOSED,
            Do.OUTPUT: Until.CONFIRMED,  # it does not wait at all
            Do.WAIT: Until.TIME if self.duration_s is not None else Until.CONFIRMED,
        }.get(self.do, Until.TIME)

    @property
    def longest_s(self) -> float:
        """The longest that it takes, as far as it says: a person may have it wait longer."""
        return self.duration_s or self.limit_s


class SessionPlan(Strict, allow_inf_nan=False):
    """Everything one session does, in order, and what it does when the world fails.

    `cues` maps a chamber to its cue set (floor, wall, odour, light). `stall_limit_s`: camera
    silent that long fails the session. `resume_gap_s`: longest interruption that may be resumed.
    `latency_budget_ms`: 99 of 100 commands are in the port so soon after their picture was
    delivered (of 100 pictures decided, where nothing was commanded), else the session is flagged.
    """

    protocol: str
    protocol_version: int = 1
    source: str = ""
    phase: str = Field("", pattern=r"^[a-z0-9]*$")
    step: tuple[Step, ...] = Field(min_length=1)
    cues: dict[str, dict[str, str]] = {}
    stall_limit_s: Seconds = 30.0
    on_door_fault: Literal["abort", "continue"] = "abort"
    on_controller_lost: Literal["abort", "continue"] = "continue"
    resume_gap_s: Seconds = 60.0
    lost_frames_off: int = Field(6, ge=1)
    hands_out_s: Seconds = 1.0
    latency_budget_ms: float = Field(10.0, gt=0)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Each step's own name, or what it does and its number from 1: "explore-2"."""
        return tuple(s.name or f"{s.do}-{i + 1}" for i, s in enumerate(self.step))

    def step_name(self, index: int) -> str:
        """The name of a step."""
        return self.names[index]

    def longest_s(self, first: int = 0) -> float:
        """The longest that the steps from `first` on take, as far as the plan says."""
        return sum(step.longest_s for step in self.step[first:])

    @property
    def outputs(self) -> frozenset[str]:
        """Every output that the plan switches."""
        named = {rule.output for step in self.step for rule in step.rule}
        return frozenset(named | {step.output for step in self.step if step.output is not None})


def check(
    plan: SessionPlan, apparatus: Apparatus, outputs: frozenset[str] | None = None
) -> list[tuple[str, str]]:
    """What cannot run, each as (key, message); empty when all is well.

    `outputs` are those the box is wired to; None leaves them unjudged.
    """
    return list(_faults(plan, apparatus, outputs))


def _faults(
    plan: SessionPlan, apparatus: Apparatus, outputs: frozenset[str] | None
) -> Iterator[tuple[str, str]]:
    chambers = {chamber.name for chamber in apparatus.chamber}
    places = chambers | {zone.name for zone in apparatus.zone}
    doors = {doorway.name for doorway in apparatus.doorway}

    def unknown(key: str, name: str, kind: str, known: set[str]) -> Iterator[tuple[str, str]]:
        if name not in known:
            have = ", ".join(sorted(known)) or "none"
            yield (
                key,
                f"{name!r}: the apparatus {apparatus.name!r} has no such {kind} (it has: {have})",
            )

    names: set[str] = set()
    for i, step in enumerate(plan.step):
        at = f"step[{i}]"
        name = plan.step_name(i)
        if name in names:
            yield f"{at}.name", f"{name!r}: two steps of one session share this name"
        names.add(name)
        if step.scored and step.duration_s is not None and step.duration_s <= plan.hands_out_s:
            settles = f"hands out takes {plan.hands_out_s:g} s to settle"
            yield f"{at}.duration_s", f"{step.duration_s:g} s: {settles}; score longer than that"
        if step.chamber is not None:
            yield from unknown(f"{at}.chamber", step.chamber, "chamber", chambers)
        for j, door in enumerate(step.door):
            yield from unknown(f"{at}.door[{j}]", door, "doorway", doors)
        if step.condition is not None and step.condition.in_ is not None:
            yield from unknown(f"{at}.condition.in", step.condition.in_, "chamber or zone", places)
        for j, rule in enumerate(step.rule):
            yield from unknown(f"{at}.rule[{j}].while_in", rule.while_in, "chamber or zone", places)
    if outputs is not None:
        for output in sorted(plan.outputs - outputs):
            have = ", ".join(sorted(outputs)) or "none"
            yield "output", f"{output!r}: the box is not wired to such an output (it has: {have})"
    for chamber in sorted(set(plan.cues) - chambers):
        yield (
            f"cues.{chamber}",
            f"{chamber!r}: the apparatus {apparatus.name!r} has no such chamber",
        )


def needs_board(plan: SessionPlan, apparatus: Apparatus, dry_run: bool = False) -> bool:
    """Whether anything is driven: a motor door of the apparatus, or an output of the plan.

    In a dry run no output is.
    """
    outputs = bool(plan.outputs) and not dry_run
    return outputs or any(d.drive is Drive.BOARD for d in apparatus.doorway)


def describe(plan: SessionPlan) -> list[str]:
    """The plan in plain words, a line a step."""
    return [_sentence(plan, i) for i in range(len(plan.step))]


def _sentence(plan: SessionPlan, i: int) -> str:
    step = plan.step[i]
    first = f"with the doors {step.doors}, " if step.doors else ""
    where = f" {step.chamber}" if step.chamber else ""
    doors = " and ".join(step.door) if step.door else "all doors"
    what = {
        Do.WAIT: "wait",
        Do.PLACE: f"the animal is placed{' in' + where if where else ''}",
        Do.CONFINE: f"the animal is confined to{where}",
        Do.OPEN: f"open {doors}",
        Do.CLOSE: f"close {doors}",
        Do.EXPLORE: "the animal explores freely",
        Do.RECORD: "the recording goes on without scoring",
        Do.OUTPUT: f"output {step.output} is switched {step.value}",
    }[step.do]
    if step.start is Start.OPENED:
        what += " from the moment all doors are open"
    if step.start is Start.CROSSING:
        what += " from its first crossing into another chamber"
    end = {
        Until.CONFIRMED: "until the operator confirms",
        Until.HANDS_OUT: "until the hand has left",
        Until.OPENED: "until they are open",
        Until.CLOSED: "until they are closed",
        Until.TIME: f"for {spell_s(step.duration_s)}"
        if step.duration_s
        else "until the recording ends",
        Until.CONDITION: f"until {_spell_condition(step.condition)}" if step.condition else "",
    }[step.end]
    text = first + what
    if step.do is not Do.OUTPUT:
        text += f" {end}"
        if step.end is not Until.TIME:
            text += f", at most {spell_s(step.limit_s)} ({_LIMIT_WORDS[step.on_limit]})"
    text = text[0].upper() + text[1:]
    if step.scored:
        text += "; scored"
    for rule in step.rule:
        text += f"; while in {rule.while_in}: output {rule.output}"
        text += " as sham, not switched," if rule.sham else ""
        if rule.train:
            text += f" at {rule.train.hz} Hz, {rule.train.width_us} us"
        if rule.dwell_s:
            text += f", after {spell_s(rule.dwell_s)} there"
        if rule.max_on_s:
            text += f", at most {spell_s(rule.max_on_s)} at a stretch"
            text += f" and again after {spell_s(rule.rearm_s)}" if rule.rearm_s else ""
        if rule.total_on_s:
            text += f", at most {spell_s(rule.total_on_s)} in all"
    return f"{i + 1}. {plan.step_name(i)}: {text}."


_LIMIT_WORDS = {
    OnLimit.ABORT: "then the session is aborted",
    OnLimit.NEXT: "then the next step",
    OnLimit.ALARM: "then an alarm",
}


def _spell_condition(condition: Condition) -> str:
    where = "the box is empty" if condition.empty else f"the animal is in {condition.in_}"
    if condition.for_s is not None:
        return f"{where} for {spell_s(condition.for_s)}"
    if condition.total_s is not None:
        return f"{where} for {spell_s(condition.total_s)} in all"
    return f"the animal has entered {condition.in_} {condition.entries} times"


def spell_s(seconds: float | None) -> str:
    """Seconds for a person: 90 -> "1 min 30 s", 0.5 -> "0.5 s"."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:g} min" + (f" {rest:g} s" if rest else "")
