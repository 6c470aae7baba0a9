"""Protocol > phase > session plan for one animal. Pure: reading files is the edge's work.

In a protocol file a value that is the name of a parameter stands for it, and a chamber may be
a role: "paired" and "unpaired" (said by allocation or `--paired`), "neutral" (said by the
apparatus), or "first" and "second" (parameters that name one of those two, so that neither the
phase's name nor its folder tells which session was which). What a study needs beside the sessions
is `protocols.course`; `extends` is put in before a file is checked (`protocols.extending`).
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError

from protocols.contradictions import check as check_course
from protocols.course import Course, CueSet, Group, PhasePlan
from protocols.course import Value as Value
from protocols.extending import Base, extended
from protocols.filling import read_as, replaced, resolved
from protocols.neutral import check as check_names
from rig.apparatus import Apparatus
from rig.config import Strict, check, describe, parse_toml
from rig.errors import ConfigError
from rig.steps import SessionPlan
from rig.steps import check as check_plan

ROLES = ("paired", "unpaired", "neutral")
_OPTIONS = (
    "cues",
    "stall_limit_s",
    "on_door_fault",
    "on_controller_lost",
    "resume_gap_s",
    "lost_frames_off",
    "hands_out_s",
    "latency_budget_ms",
)
_COURSE = ("kind", "variant", "gap_s", "context", "layout", "blind", "lasts_s", "procedure")
_PLACED = ("day", "after", "days", "early_days", "late_days", "weekend")  # not taken by `like`
_NUMBERED = re.compile(r"([a-z]+)([0-9]+)([a-z]*)")


class Phase(Strict):
    """One phase: its steps as written, or `like` another with some words replaced.

    What `protocols.course.PhasePlan` has stands here as written, parameters and all. A phase
    without steps takes place outside the box.
    """

    name: str = Field(pattern=r"^[a-z0-9]+$")
    like: str | None = None
    replace: dict[str, str] = {}
    step: tuple[dict[str, Any], ...] = ()
    cues: dict[str, dict[str, str]] | None = None
    stall_limit_s: Value | None = None
    on_door_fault: str | None = None
    on_controller_lost: str | None = None
    resume_gap_s: Value | None = None
    lost_frames_off: Value | None = None
    hands_out_s: Value | None = None
    latency_budget_ms: Value | None = None
    kind: str | None = None
    variant: str | None = None
    day: Value | None = None
    after: str | None = None
    days: Value | None = None
    early_days: Value | None = None
    late_days: Value | None = None
    weekend: str | None = None
    gap_s: Value | None = None
    context: str | None = None
    layout: str | None = None
    blind: bool | None = None
    lasts_s: Value | None = None
    procedure: tuple[dict[str, Any], ...] | None = None


class Protocol(Strict):
    """A protocol as its file says it. `chambers` are the roles it needs; empty: any apparatus.

    `required` are parameters without a value, each with why it has to be given. What is after
    `phase` is the study's part, as written; `course_of` gives it with values.
    """

    name: str
    version: int = Field(1, ge=1)
    source: str = ""
    summary: str = ""
    chambers: tuple[str, ...] = ()
    extends: str = ""
    parameters: dict[str, Value] = {}
    required: dict[str, str] = {}
    phase: tuple[Phase, ...] = Field(min_length=1)
    study: dict[str, Any] | None = None
    treatment: dict[str, dict[str, Any]] = {}
    group: dict[str, dict[str, Any]] = {}
    cue_set: dict[str, dict[str, Any]] = {}
    extinction: tuple[dict[str, Any], ...] = ()
    exclusion: tuple[dict[str, Any], ...] = ()
    score: dict[str, Any] = {}

    @property
    def in_box(self) -> tuple[Phase, ...]:
        """The phases that are a session in a box."""
        return tuple(p for p in self.phase if _written(self, p, self.name, 0)["step"])

    def phase_named(
        self, name: str, file: str = "--phase", values: Mapping[str, Value] | None = None
    ) -> Phase:
        """The phase of this name, a later cycle of extinction too ("extinction3a").

        `values`: of the parameters, where they are not the file's; one may be how many cycles
        there are. Raises ConfigError naming the phases.
        """
        first = _first_cycle(self, name, self.parameters if values is None else values)
        for phase in self.phase:
            if phase.name in (name, first):
                return phase.model_copy(update={"name": name})
        have = ", ".join(phase.name for phase in self.phase)
        raise ConfigError(file, "", f"{name!r}: {self.name} has no such phase (it has: {have})")


def _first_cycle(protocol: Protocol, name: str, values: Mapping[str, Value]) -> str:
    """The name that a phase has in the first cycle of its block; "" where it is none."""
    asked = _NUMBERED.fullmatch(name)
    for block in protocol.extinction:
        most = block.get("most", 1)
        most = values.get(most, most) if isinstance(most, str) else most
        for first in block.get("cycle", ()):
            written = _NUMBERED.fullmatch(str(first))
            if not asked or not written or not isinstance(most, int):
                continue
            same = asked.group(1, 3) == written.group(1, 3)
            if same and 0 <= int(asked[2]) - int(written[2]) < most and asked[2][0] != "0":
                return str(first)
    return ""


def parse(text: str, file: str, base: Base | None = None) -> Protocol:
    """The protocol in `text`, every phase tried, and the study's part for every group.

    `base` gives the text of a protocol that this one extends. Raises ConfigError.
    """
    protocol = check(extended(parse_toml(text, file), file, base), Protocol, file)
    for i, phase in enumerate(protocol.phase):
        if [p.name for p in protocol.phase].count(phase.name) > 1:
            raise ConfigError(file, f"phase[{i}].name", f"{phase.name!r} stands twice")
        if _written(protocol, phase, file, 0)["step"]:
            _plan(protocol, phase, protocol.parameters, {}, file)
        elif phase.kind is None and phase.like is None:
            key = f"phase {phase.name}.step"
            raise ConfigError(file, key, "missing: a phase has steps, or like, or a kind")
    for key in protocol.required:
        if key in protocol.parameters:
            raise ConfigError(file, f"required.{key}", "has a value in parameters too")
    for fault in check_names(protocol):
        raise ConfigError(file, *fault)
    if protocol.study is not None:
        course_of(protocol, file=file)
        for group in protocol.group:
            course_of(protocol, group=group, file=file)
    return protocol


def course_of(
    protocol: Protocol,
    values: Mapping[str, Value] | None = None,
    group: str | None = None,
    file: str = "",
) -> Course:
    """The study's part with `values` put in; those that `group` sets for itself over them.

    A required parameter without a value is undecided, and blank in what it stands in. Raises
    ConfigError, for a protocol without a study's part too.
    """
    file = file or protocol.name
    if protocol.study is None:
        message = (
            "missing: the protocol says what happens in the box, not on which day to whom: "
            "placepref run records it by itself; for a study, extend it by [study], groups and days"
        )
        raise ConfigError(protocol.name, "study", message)
    told: dict[str, Any] = dict(protocol.parameters if values is None else values)
    if group is not None:
        told |= check(protocol.group[group], Group, file).set
    undecided = tuple(key for key in protocol.required if key not in told)
    told |= dict.fromkeys(undecided)
    phases = [_phase_table(protocol, phase, told, file) for phase in protocol.phase]
    table = {
        "protocol": protocol.name,
        "version": protocol.version,
        "source": protocol.source,
        "phase": phases,
        "undecided": undecided,
    }
    parts = ("study", "treatment", "group", "cue_set", "extinction", "exclusion", "score")
    table |= {key: resolved(getattr(protocol, key), told, {}) for key in parts}
    course = check(table, Course, file)
    for key, names in (("rotate", course.study.rotate), ("set", _set_by(course))):
        for name in (n for row in names for n in row if n not in told):
            message = f"{name!r}: the protocol has no such parameter"
            raise ConfigError(file, f"study.{key}" if key == "rotate" else "group.set", message)
    for row in course.study.rotate:
        if len({told[name] for name in row}) < len(row):
            have = ", ".join(f"{name} = {told[name]!r}" for name in row)
            message = f"{have}: what is exchanged between animals has different values"
            raise ConfigError(file, "study.rotate", message)
    for key, message in check_course(course):
        raise ConfigError(file, key, message)
    return course


def _set_by(course: Course) -> list[list[str]]:
    return [list(group.set) for group in course.group.values()]


def _phase_table(
    protocol: Protocol, phase: Phase, values: Mapping[str, Any], file: str
) -> dict[str, Any]:
    """A phase as its `PhasePlan` has it, checked by itself so that an error can name it."""
    written = _written(protocol, phase, file, 0)
    table = {key: written[key] for key in _COURSE if key in written}
    table |= {k: getattr(phase, k) for k in _PLACED if getattr(phase, k) is not None}
    table = {key: resolved(value, values, {}, key) for key, value in table.items()}
    table |= {"name": phase.name, "in_box": bool(written["step"])}
    try:
        check(table, PhasePlan, file)
    except ConfigError as error:
        key = f"phase {phase.name}" + (f".{error.key}" if error.key else "")
        raise ConfigError(file, key, error.message) from None
    return table


def settings(protocol: Protocol, assignments: list[str]) -> dict[str, Value]:
    """The protocol's parameters with "KEY=VALUE" words laid over them.

    Raises ConfigError for a word without "=", an unknown key or a value of another type.
    """
    values = dict(protocol.parameters)
    for word in assignments:
        key, sign, text = word.partition("=")
        if not sign:
            raise ConfigError("--set", "", f"{word!r}: write KEY=VALUE")
        if key in protocol.required and key not in values:
            values[key] = read_as(0.0, text, key)
            continue
        if key not in values:
            have = ", ".join([*values, *protocol.required]) or "none"
            raise ConfigError(
                "--set", key, f"{protocol.name} has no such parameter (it has: {have})"
            )
        values[key] = read_as(values[key], text, key)
    return values


def roles(apparatus: Apparatus, paired: str | None) -> dict[str, str]:
    """Role to chamber name. Raises ConfigError for a `paired` that is no paired chamber."""
    neutral = [c.name for c in apparatus.chamber if c.role == "neutral"]
    sides = [c.name for c in apparatus.chamber if c.role != "neutral"]
    out = {"neutral": neutral[0]} if len(neutral) == 1 else {}
    if paired is not None:
        if paired not in sides:
            have = ", ".join(sides)
            raise ConfigError("--paired", "", f"{paired!r}: not one of the chambers {have}")
        out["paired"] = paired
        if len(sides) == 2:
            out["unpaired"] = sides[1 - sides.index(paired)]
    return out


def plan_session(
    protocol: Protocol,
    phase: str,
    apparatus: Apparatus,
    paired: str | None = None,
    values: Mapping[str, Value] | None = None,
    outputs: frozenset[str] | None = None,
    file: str = "",
    apparatus_file: str = "",
    cues: Mapping[str, str] | None = None,
) -> SessionPlan:
    """What one session does, with chambers of `apparatus` in place of roles.

    `outputs` are those the box is wired to; None leaves them unjudged. `file` and
    `apparatus_file` are only named in errors. `cues` says which of the protocol's cue sets is in
    which chamber; None leaves those that the phase has.

    Raises ConfigError where a role is not known, the apparatus or box lacks what is named, or the
    phase takes place outside the box.
    """
    file = file or protocol.name
    values = protocol.parameters if values is None else values
    asked = protocol.phase_named(phase, values=values)
    if not _written(protocol, asked, file, 0)["step"]:
        message = f"{phase!r}: takes place outside the box; there is no session to run"
        raise ConfigError("--phase", "", message)
    plan = _plan(protocol, asked, values, roles(apparatus, paired), file)
    if cues is not None:
        plan = plan.model_copy(update={"cues": _cues(protocol, cues, file)})
    known = {c.name for c in apparatus.chamber} | {z.name for z in apparatus.zone}
    for step in plan.step:
        places = [step.chamber, *(r.while_in for r in step.rule)]
        places += [step.condition.in_] if step.condition else []
        for place in places:
            if place in ROLES and place not in known:
                _missing(place, protocol, phase, apparatus, apparatus_file or apparatus.name)
    faults = check_plan(plan, apparatus, outputs)
    if faults:
        key, message = faults[0]
        raise ConfigError(file, f"phase {phase}.{key}", message)
    return plan


def outline(protocol: Protocol, phase: str, values: Mapping[str, Value]) -> SessionPlan:
    """What a session does, with roles left as they are: to know how long it takes.

    Raises ConfigError as `plan_session` does.
    """
    asked = protocol.phase_named(phase, values=values)
    return _plan(protocol, asked, values, {}, protocol.name)


def _missing(role: str, protocol: Protocol, phase: str, apparatus: Apparatus, file: str) -> None:
    if role == "neutral":
        marked = [c.name for c in apparatus.chamber if c.role == "neutral"]
        have = f"is on {len(marked)} chambers" if marked else "is on no chamber"
        message = f'"neutral" {have}; {protocol.name} needs one such chamber'
        raise ConfigError(file, "chamber.role", message)
    sides = [c.name for c in apparatus.chamber if c.role != "neutral"]
    if role == "unpaired" and len(sides) != 2:
        have = f"{len(sides)} of them can be paired ({', '.join(sides)})"
        message = f"{have}; {protocol.name} needs two, one paired and one unpaired"
        raise ConfigError(file, "chamber", message)
    message = f"phase {phase} needs the paired chamber: one of {', '.join(sides)}"
    raise ConfigError("--paired", "", f"missing: {message}")


def _cues(protocol: Protocol, cues: Mapping[str, str], file: str) -> dict[str, dict[str, str]]:
    for chamber, name in cues.items():
        if name not in protocol.cue_set:
            have = ", ".join(protocol.cue_set) or "none"
            message = f"{name!r}: the protocol has no such cue set (it has: {have})"
            raise ConfigError(file, f"cues.{chamber}", message)
    return {
        chamber: check(protocol.cue_set[name], CueSet, file).words()
        for chamber, name in cues.items()
    }


def _plan(
    protocol: Protocol,
    phase: Phase,
    values: Mapping[str, Value],
    role_names: Mapping[str, str],
    file: str,
) -> SessionPlan:
    written = _written(protocol, phase, file, 0)
    table: dict[str, Any] = {
        "protocol": protocol.name,
        "protocol_version": protocol.version,
        "source": protocol.source,
        "phase": phase.name,
    }
    table |= {
        key: resolved(written[key], values, role_names)
        for key in ("step", *_OPTIONS)
        if key in written
    }
    try:
        return SessionPlan.model_validate(table)
    except ValidationError as error:
        key, message = describe(error)
        raise ConfigError(file, f"phase {phase.name}.{key}", message) from None


def _written(protocol: Protocol, phase: Phase, file: str, depth: int) -> dict[str, Any]:
    """A phase's steps and all else as written, of those it is like too."""
    own = {key: getattr(phase, key) for key in (*_OPTIONS, *_COURSE)}
    own = {key: value for key, value in own.items() if value is not None}
    if phase.like is None:
        return {"step": list(phase.step)} | own
    other = next((p for p in protocol.phase if p.name == phase.like), None)
    if other is None or depth > len(protocol.phase):
        raise ConfigError(file, f"phase {phase.name}.like", f"{phase.like!r}: no such phase")
    if phase.step:
        raise ConfigError(file, f"phase {phase.name}.step", "a phase has steps, or like, not both")
    written: dict[str, Any] = replaced(_written(protocol, other, file, depth + 1), phase.replace)
    return written | own
