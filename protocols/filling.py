"""Values put in where a protocol file has names: parameters, roles, replaced words. Pure."""

import math
from collections.abc import Mapping
from typing import Any

from protocols.course import Value
from rig.errors import ConfigError

_PLACES = ("chamber", "while_in", "in")
_AS_WRITTEN = (
    *("name", "text", "do", "kind", "means", "drug", "note", "source", "by", "rotate"),
    *("after", "to", "phase", "from_phase", "cycle", "test"),
)  # no parameter stands for these


def read_as(old: Value, text: str, key: str) -> Value:
    """The text of a setting as a value of the same type as `old`. Raises ConfigError."""
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


def replaced(value: Any, words: Mapping[str, str]) -> Any:
    """`value` with whole texts replaced, all through it."""
    if isinstance(value, dict):
        return {key: replaced(item, words) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [replaced(item, words) for item in value]
    return words.get(value, value) if isinstance(value, str) else value


def resolved(
    value: Any, values: Mapping[str, Value], role_names: Mapping[str, str], key: str = ""
) -> Any:
    """Parameters and roles put in; a duration of 0, a train of 0 Hz, a rule of no output: none."""
    if isinstance(value, dict):
        out = {k: resolved(v, values, role_names, k) for k, v in value.items()}
        if "rule" in out:
            out["rule"] = [rule for rule in out["rule"] if rule.get("output") != ""]
        if isinstance(out.get("train"), dict) and out["train"].get("hz") == 0:
            del out["train"]
        if out.get("duration_s") == 0:
            del out["duration_s"]
        return out
    if isinstance(value, list | tuple):
        return [resolved(item, values, role_names, key) for item in value]
    if isinstance(value, str):
        if value in values and key not in _AS_WRITTEN:
            value = values[value]
        if key in _PLACES and isinstance(value, str):
            value = role_names.get(value, value)
    return value
