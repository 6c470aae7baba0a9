"""A protocol file that extends another one: the two tables become one. Pure.

What the file says stands over what the other says: parameters, required, treatments and cue sets
by their names, phases by theirs, all else whole. A phase of the other file is changed key by key;
a new one stands at the end, or behind the one that `follows` names ("": first). `without` leaves
out phases ("posttest") and entries of tables ("parameters.test_s").
"""

from collections.abc import Callable, Mapping
from typing import Any

import tomli_w

from rig.config import parse_toml
from rig.errors import ConfigError

Base = Callable[[str], str]
"""The text of the protocol of this name. Raises ConfigError, or FileNotFoundError."""

_BY_NAME = ("parameters", "required", "treatment", "cue_set", "study", "score")
_OWN = ("extends", "without")
_MOST = 8


def extended(table: Mapping[str, Any], file: str, base: Base | None) -> dict[str, Any]:
    """The table with everything that it extends in it. Raises ConfigError."""
    return _extended(table, file, base, 0)


def whole(text: str, file: str, base: Base | None) -> str:
    """The text of a protocol with all that it extends in it; as it is where it extends none.

    A study keeps this: what it was begun with does not change with the library. Raises ConfigError.
    """
    table = parse_toml(text, file)
    if "extends" not in table:
        return text
    made = extended(table, file, base)
    name = made.pop("extends")
    return f"# {file}, with all of {name}, which it extends.\n{tomli_w.dumps(made)}"


def _extended(table: Mapping[str, Any], file: str, base: Base | None, depth: int) -> dict[str, Any]:
    name = table.get("extends")
    if name is None:
        if "without" in table:
            raise ConfigError(file, "without", "belongs to a file that extends another one")
        return dict(table)
    if not isinstance(name, str) or base is None or depth == _MOST:
        why = "no file is read from here" if base is None else "protocols extend each other"
        why = "a protocol's name is wanted" if not isinstance(name, str) else why
        raise ConfigError(file, "extends", f"{name!r}: {why}")
    try:
        text = base(name)
    except FileNotFoundError:
        raise ConfigError(file, "extends", f"{name!r}: there is no such protocol") from None
    other = _extended(parse_toml(text, name), name, base, depth + 1)
    return _over(other, table, file)


def _over(other: dict[str, Any], table: Mapping[str, Any], file: str) -> dict[str, Any]:
    out = {key: value for key, value in other.items() if key not in ("name", "version")}
    for key, value in table.items():
        if key in _BY_NAME and isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = out[key] | value
        elif key not in (*_OWN, "phase"):
            out[key] = value
    given = set(table.get("parameters", {}))
    out["required"] = {k: v for k, v in out.get("required", {}).items() if k not in given}
    asked = table.get("required", {})
    if isinstance(asked, dict):
        for name in given & set(asked):
            raise ConfigError(file, f"required.{name}", "has a value in parameters too")
        out["parameters"] = {k: v for k, v in out.get("parameters", {}).items() if k not in asked}
    for path in table.get("without", ()):
        key, dot, name = str(path).partition(".")
        if dot and name not in out.get(key, {}):
            raise ConfigError(file, "without", f"{path!r}: {table['extends']} has no such entry")
        if dot:
            out[key] = {k: v for k, v in out[key].items() if k != name}
    out["phase"] = _phases(other.get("phase", []), table, file)
    return out | {"extends": table["extends"]}


def _phases(other: list[Any], table: Mapping[str, Any], file: str) -> list[Any]:
    phases = [dict(phase) for phase in other]
    for name in (str(path) for path in table.get("without", ()) if "." not in str(path)):
        if name not in [phase["name"] for phase in phases]:
            raise ConfigError(file, "without", f"{name!r}: {table['extends']} has no such phase")
        phases = [phase for phase in phases if phase["name"] != name]
    for i, own in enumerate(table.get("phase", ())):
        names = [phase.get("name") for phase in phases]
        if not isinstance(own, dict) or own.get("name") not in names:
            _put(phases, names, own, f"phase[{i}]", file)
            continue
        if "follows" in own:
            raise ConfigError(file, f"phase[{i}].follows", "belongs to a phase that is new here")
        k = names.index(own["name"])
        kept = {key: v for key, v in phases[k].items() if not _displaced(key, own)}
        phases[k] = kept | own
    return phases


def _displaced(key: str, own: Mapping[str, Any]) -> bool:
    """Whether what a phase had is of another kind than what it is given now."""
    return (
        (key in ("like", "replace") and "step" in own)
        or (key == "step" and "like" in own)
        or (key == "day" and "after" in own)
        or (key in ("after", "days", "early_days", "late_days") and "day" in own)
    )


def _put(phases: list[Any], names: list[Any], own: Any, at: str, file: str) -> None:
    if not isinstance(own, dict) or "follows" not in own:
        phases.append(own)
        return
    if own["follows"] not in ("", *names):
        message = f"{own['follows']!r}: there is no such phase to stand behind"
        raise ConfigError(file, f"{at}.follows", message)
    rest = {key: value for key, value in own.items() if key != "follows"}
    phases.insert(["", *names].index(own["follows"]), rest)
