"""Text of a TOML file in, a checked model out, or one clear line. Pure: no file is opened here."""

import json
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rig.errors import ConfigError


class Strict(BaseModel):
    """Base of everything read from TOML or JSON: frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


Model = TypeVar("Model", bound=BaseModel)


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """The table in `text`. Raises ConfigError naming `file` and the line where TOML breaks."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError(file, "", "not valid TOML: nested too deeply") from None
    except ValueError as error:  # also for a number of thousands of digits
        raise ConfigError(file, "", f"not valid TOML: {error}") from None


def parse_json(text: str | bytes, file: str) -> Any:
    """The value in `text`. Raises ConfigError naming `file` for what is no JSON, however deep."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ConfigError(file, "", "not valid JSON: nested too deeply") from None
    except ValueError as error:
        raise ConfigError(file, "", f"not valid JSON: {error}") from None


def check(table: object, model: type[Model], file: str) -> Model:
    """`table` as a `model`. Raises ConfigError with file, key and value of the first fault."""
    try:
        made = model.model_validate(table)
    except ValidationError as error:
        raise ConfigError(file, *describe(error)) from None
    for loc, value in _not_numbers(table, made, ()):
        raise ConfigError(file, spell(loc), f"{value!r}: a number is wanted, without quotes")
    return made


def _not_numbers(
    raw: object, made: object, loc: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """Texts and yes-or-no that pydantic took for numbers: a typing slip, not a measure."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            inner = made.get(key) if isinstance(made, dict) else _field(made, str(key))
            yield from _not_numbers(value, inner, (*loc, str(key)))
    elif isinstance(raw, list | tuple) and isinstance(made, list | tuple):
        for k, (value, inner) in enumerate(zip(raw, made, strict=False)):
            yield from _not_numbers(value, inner, (*loc, k))
    elif (
        isinstance(raw, str | bool)
        and isinstance(made, int | float)
        and type(raw) is not type(made)
    ):
        yield loc, raw


def _field(made: object, key: str) -> object:
    if isinstance(made, BaseModel):
        for name, field in type(made).model_fields.items():
            if key in (name, field.alias):
                return getattr(made, name)
    return None


def describe(error: ValidationError) -> tuple[str, str]:
    """Key and message of a pydantic error's first fault; the rest are counted."""
    faults = error.errors(include_url=False)
    first = faults[0]
    key = spell(first["loc"])
    try:
        value = repr(first.get("input"))
    except RecursionError:
        value = "nested too deeply"
    value = value if len(value) <= 60 else value[:57] + "..."
    if first["type"] == "extra_forbidden":
        message = f"unknown key, set to {value}"
    elif first["type"] == "missing":
        message = "missing"
    elif first["type"] == "value_error":
        message = str(first["ctx"]["error"]) if "ctx" in first else first["msg"]
    else:
        message = f"{value}: {first['msg'][0].lower()}{first['msg'][1:]}"
    if len(faults) > 1:
        message += f" (and {len(faults) - 1} more)"
    return key, message


def spell(loc: Sequence[str | int]) -> str:
    """A pydantic location as a person writes it: ("chamber", 1, "name") -> "chamber[1].name"."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else ("." if text else "") + part
    return text
