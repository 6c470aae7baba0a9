"""Protocol > phase > session plan for one animal. Pure: reading files is the edge's work.

In a protocol file a value that is the name of a parameter stands for it, and a chamber may be
a role: "paired" and "unpaired" (said by allocation or `--paired`), "neutral" (said by the
apparatus), or "first" and "second" (parameters that name one of those two, so that neither the
phase's name nor its folder tells which session was which).
"""

import math
from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError

from rig.apparatus import Apparatus
from rig.config import Strict, check, describe, parse_toml
from rig.errors import ConfigError
from rig.steps import SessionPlan
from rig.steps import check as check_plan

Value = bool | int | float | str
ROLES = ("paired", "unpaired", "neutral")
_PLACES = ("chamber", "while_in", "in")
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


class Phase(Strict):
    """One phase: its steps as written, or `like` another with some words replaced."""

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


class Protocol(Strict):
    """A protocol as its file says it. `chambers` are the roles it needs; empty: any apparatus."""

    name: str
    version: int = Field(1, ge=1)
    source: str = ""
    summary: str = ""
    chambers: tuple[str, ...] = ()
    parameters: dict[str, Value] = {}
    phase: tuple[Phase, ...] = Field(min_length=1)

    def phase_named(self, name: str, file: str = "--phase") -> Phase:
        """The phase of this name. Raises ConfigError naming those there are."""
        for phase in self.phase:
            if phase.name == name:
                return phase
        have = ", ".join(phase.name for phase in self.phase)
        raise ConfigError(file, "", f"{name!r}: {self.name} has no such phase (it has: {have})")


def parse(text: str, file: str) -> Protocol:
    """The protocol in `text`, every phase tried. Raises ConfigError."""
    protocol = check(parse_toml(text, file), Protocol, file)
    for i, phase in enumerate(protocol.phase):
        if [p.name for p in protocol.phase].count(phase.name) > 1:
            raise ConfigError(file, f"phase[{i}].name", f"{phase.name!r} stands twice")
        _plan(protocol, phase, protocol.parameters, {}, file)
    return protocol


def settings(protocol: Protocol, assignments: list[str]) -> dict[str, Value]:
    """The protocol's parameters with "KEY=VALUE" words laid over them.

    Raises ConfigError for a word without "=", an unknown key or a value of another type.
    """
    values = dict(protocol.parameters)
    for word in assignments:
        key, sign, text = word.partition("=")
        if not sign:
            raise ConfigError("--set", "", f"{word!r}: write KEY=VALUE")
        if key not in values:
            have = ", ".join(values) or "none"
            raise ConfigError(
                "--set", key, f"{protocol.name} has no such parameter (it has: {have})"
            )
        values[key] = _like(values[key], text, key)
    return values


def _like(old: Value, text: str, key: str) -> Value:
    if isinstance(old, str):
        return text
    if isinstance(old, bool):
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise ConfigError("--set", key, f"{text!r}: write true or false")
    try:
        value = float(text) if not text.lstrip("-").isdigit() else int(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError("--set", key, f"{text!r}: a number is wanted")
    return value


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
) -> SessionPlan:
    """What one session does, with chambers of `apparatus` in place of roles.

    `outputs` are those the box is wired to; None leaves them unjudged. `file` and
    `apparatus_file` are only named in errors.

    Raises ConfigError where a role is not known, or the apparatus or box lacks what is named.
    """
    file = file or protocol.name
    values = protocol.parameters if values is None else values
    plan = _plan(protocol, protocol.phase_named(phase), values, roles(apparatus, paired), file)
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


def _plan(
    protocol: Protocol,
    phase: Phase,
    values: Mapping[str, Value],
    role_names: Mapping[str, str],
    file: str,
) -> SessionPlan:
    steps, options = _written(protocol, phase, file, 0)
    table: dict[str, Any] = {
        "protocol": protocol.name,
        "protocol_version": protocol.version,
        "source": protocol.source,
        "phase": phase.name,
        "step": [_resolve(step, values, role_names) for step in steps],
    }
    table |= {k: _resolve(v, values, role_names) for k, v in options.items()}
    try:
        return SessionPlan.model_validate(table)
    except ValidationError as error:
        key, message = describe(error)
        raise ConfigError(file, f"phase {phase.name}.{key}", message) from None


def _written(
    protocol: Protocol, phase: Phase, file: str, depth: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A phase's steps and options as written, those it is like included."""
    own = {k: getattr(phase, k) for k in _OPTIONS if getattr(phase, k) is not None}
    if phase.like is None:
        if not phase.step:
            raise ConfigError(
                file, f"phase {phase.name}.step", "missing: a phase has steps, or like"
            )
        return list(phase.step), own
    other = next((p for p in protocol.phase if p.name == phase.like), None)
    if other is None or depth > len(protocol.phase):
        raise ConfigError(file, f"phase {phase.name}.like", f"{phase.like!r}: no such phase")
    if phase.step:
        raise ConfigError(file, f"phase {phase.name}.step", "a phase has steps, or like, not both")
    steps, options = _written(protocol, other, file, depth + 1)
    return [_replace(step, phase.replace) for step in steps], options | own


def _replace(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _replace(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace(item, words) for item in value]
    return words.get(value, value) if isinstance(value, str) else value


def _resolve(
    value: Any, values: Mapping[str, Value], role_names: Mapping[str, str], key: str = ""
) -> Any:
    """Parameters and roles put in; a duration of 0, a train of 0 Hz, a rule of no output: none."""
    if isinstance(value, dict):
        out = {k: _resolve(v, values, role_names, k) for k, v in value.items()}
        if "rule" in out:
            out["rule"] = [rule for rule in out["rule"] if rule.get("output") != ""]
        if isinstance(out.get("train"), dict) and out["train"].get("hz") == 0:
            del out["train"]
        if out.get("duration_s") == 0:
            del out["duration_s"]
        return out
    if isinstance(value, list | tuple):
        return [_resolve(item, values, role_names, key) for item in value]
    if isinstance(value, str):
        if value in values and key not in ("name", "text", "do"):
            value = values[value]
        if key in _PLACES and isinstance(value, str):
            value = role_names.get(value, value)
    return value
