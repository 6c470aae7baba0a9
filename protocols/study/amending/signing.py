"""Who signs an amendment, and the words that stand in the open with it."""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from protocols.store import Change, is_pin
from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.folder import Study
from rig.errors import ConfigError


def sign(change: Change, person: str, pin: str | None, roles: Sequence[str]) -> None:
    """Raise ConfigError unless `person` has one of `roles`, and the PIN is right where one is."""
    allowed(change, person, roles)
    stored = change.connection.execute(select(t.person.c.pin).where(t.person.c.name == person))
    kept = stored.scalar()
    if kept is not None and not is_pin(pin or "", kept):
        raise ConfigError("--by", "", f"{person} signs with a PIN, and this is not it")


def has_pin(study: Study, person: str) -> bool:
    """Whether this person signs with a PIN."""
    with study.store.read() as connection:
        asked = select(t.person.c.pin).where(t.person.c.name == person)
        return connection.execute(asked).scalar() is not None


def in_open(study: Study, words: str, option: str) -> str:
    """`words`, which anybody may read. Raises ConfigError for none, or a group's or drug's name."""
    if not words.strip():
        raise ConfigError(option, "", "missing: say it in words; it is kept")
    plan = study.plan
    telling = {group.name for group in plan.group} | {drug.name for drug in plan.drug}
    for word in sorted(telling):
        if re.search(rf"(?i)(?<!\w){re.escape(word)}(?!\w)", words):
            message = f"{word!r} stands in it, and everybody can read it; say it without"
            raise ConfigError(option, "", message)
    return words.strip()


def moment(text: str, option: str) -> datetime:
    """A time as a person wrote it, with the offset of this computer if it has none.

    Raises ConfigError for one that is none, or that is still to come.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r}: write it as 2026-01-31T14:05"
        raise ConfigError(option, "", message) from None
    at = at.astimezone()
    if at > datetime.now().astimezone():
        raise ConfigError(option, "", f"{text!r}: is still to come")
    return at
