"""The protocols that ship, one readable TOML file each."""

from functools import cache
from importlib import resources

from protocols.protocol import Protocol, parse


def names() -> list[str]:
    """Names of the shipped protocols, in order."""
    files = resources.files(__name__).iterdir()
    return sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml"))


def text(name: str) -> str:
    """The text of a shipped protocol. Raises FileNotFoundError."""
    return (resources.files(__name__) / f"{name}.toml").read_text(encoding="utf-8")


@cache
def read(name: str) -> Protocol:
    """A shipped protocol, with what it extends in it. Raises FileNotFoundError."""
    return parse(text(name), name, text)
