"""Plain tables as TOML text that a person likes to read."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any


def toml_text(table: Mapping[str, Any]) -> str:
    """`table` as TOML: values first, then its tables, then its lists of tables.

    Numbers that are whole are written short; a key whose value is None is left out. Raises
    ValueError for a value that TOML does not have.
    """
    return "\n".join(_lines(table, "")) + "\n"


def _lines(table: Mapping[str, Any], path: str) -> list[str]:
    lines, below = [], []
    for key, value in table.items():
        whole = f"{path}.{_key(key)}" if path else _key(key)
        if value is None:
            continue
        if isinstance(value, Mapping) and not path:
            below += ["", f"[{whole}]", *_lines(value, whole)]
        elif _is_tables(value):
            for one in value:
                below += ["", f"[[{whole}]]", *_lines(one, whole)]
        else:
            lines.append(f"{_key(key)} = {_value(value)}")
    return lines + below


def _is_tables(value: object) -> bool:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return False
    return bool(value) and all(isinstance(one, Mapping) for one in value)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)  # inf and nan are TOML's own words
        return repr(int(value)) + ".0" if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    raise ValueError(f"{value!r}: TOML has no {type(value).__name__}")
