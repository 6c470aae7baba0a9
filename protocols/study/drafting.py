"""A study before it is begun: its rules out of a form, and what they come to in plain words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import tomli_w

from protocols import joining, planning
from protocols import protocol as reading
from protocols.asking import find_protocol, protocol_text
from protocols.extending import whole
from protocols.study.folder import RULES, new
from protocols.wording import describe
from rig.errors import ConfigError


@dataclass(frozen=True)
class Draft:
    """A study as it stands in the form.

    `values`: parameters that are not the protocol's own; `more`: further rules, as `study.toml`
    has them. `holders`: name to passphrase.
    """

    folder: Path
    name: str
    protocol: str
    owner: str
    values: Mapping[str, str] = field(default_factory=dict)
    more: str = ""
    holders: Mapping[str, str] = field(default_factory=dict)
    preparers: Mapping[str, str] = field(default_factory=dict)
    sheet: bool = False


def rules_text(draft: Draft) -> str:
    """The text of `study.toml`. Raises ConfigError without a name."""
    if not draft.name.strip():
        raise ConfigError("name", "", "missing: what is the study called?")
    head = tomli_w.dumps({"name": draft.name.strip()})
    more = draft.more.strip()
    if not draft.values:
        return head + (f"{more}\n" if more else "")
    values = {key: _value(text) for key, text in draft.values.items()}
    return "\n".join([head + more, tomli_w.dumps({"parameters": values})])


def in_words(draft: Draft) -> list[tuple[str, list[str]]]:
    """What the study would be, as headings with sentences. Raises ConfigError saying what lacks.

    Groups and drugs are in it: it is for who begins the study, before anything is drawn.
    """
    text, file, base = protocol_text(draft.protocol)
    made = reading.parse(whole(text, file, base), file)
    named = draft if draft.name else replace(draft, name="study")
    rules = planning.parse(rules_text(named), RULES, [phase.name for phase in made.phase])
    return describe(joining.join(rules, made, RULES).course)


def folder_name(name: str) -> str:
    """A study's name as every system can have it for a folder."""
    return re.sub(r"[^\w-]+", "-", name).strip("-") or "study"


class Wanted(NamedTuple):
    """What a protocol is; which of its parameters have to be decided before a study, and why.

    `phases`: their names.
    """

    summary: str
    required: dict[str, str]
    phases: tuple[str, ...]


def lacking(protocol: str) -> Wanted:
    """What has to be decided. Raises ConfigError for no such protocol."""
    made = find_protocol(protocol)[0]
    phases = tuple(phase.name for phase in made.phase)
    return Wanted(made.summary, dict(made.required), phases)


def begin(draft: Draft) -> str | None:
    """Begin the study; the recovery sheet's words where one was asked for. Raises ConfigError."""
    if not draft.owner:
        raise ConfigError("owner", "", "missing: whose study is it?")
    lacks = [name for name, words in {**draft.holders, **draft.preparers}.items() if not words]
    if lacks:
        raise ConfigError("passphrase", "", f"missing: that of {', '.join(lacks)}")
    if len(draft.holders) + draft.sheet < 2:
        message = "one holder alone: name two, or one and a recovery sheet"
        raise ConfigError("holders", "", message)
    if both := set(draft.holders) & set(draft.preparers):
        message = f"{', '.join(sorted(both))}: holds the key, and so opens what labels hold too"
        raise ConfigError("preparer", "", message)
    text, file, base = protocol_text(draft.protocol)
    return new(
        draft.folder,
        text,
        rules_text(draft),
        draft.owner,
        draft.holders,
        sheet=draft.sheet,
        protocol_file=file,
        base=base,
        preparers=draft.preparers,
    )


def _value(text: str) -> bool | int | float | str:
    """A parameter as TOML has it."""
    told = text.strip()
    if told in ("true", "false"):
        return told == "true"
    for kind in (int, float):
        try:
            return kind(told)
        except ValueError:
            continue
    return told
