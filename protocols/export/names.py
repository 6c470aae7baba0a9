"""Persons as roles, wherever data are handed on. Pure."""

from typing import Any

PERSONS = frozenset(("who", "operator", "person", "by"))
"""Keys under which the name of a person stands in what a session recorded."""


def nameless(value: Any, roles: dict[str, str]) -> Any:
    """The same data with every person's name replaced by a role; a new one gets a number."""
    if isinstance(value, dict):
        return {
            key: _role(item, roles) if key in PERSONS and isinstance(item, str) and item
            else nameless(item, roles)
            for key, item in value.items()
        }  # fmt: skip
    if isinstance(value, list):
        return [nameless(item, roles) for item in value]
    return roles[value] if isinstance(value, str) and value in roles else value


def _role(name: str, roles: dict[str, str]) -> str:
    if name in roles.values() or name == "simulated experimenter":
        return name
    return roles.setdefault(name, f"operator {len(roles) + 1}")
