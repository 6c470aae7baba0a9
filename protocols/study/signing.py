"""Who signs, by PIN or badge, and the words that stand in the open with it."""

import re
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select

from protocols.planning import Planning
from protocols.store import Change, is_pin
from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.folder import Study
from rig.errors import ConfigError

FIRST_YEAR, LAST_YEAR = 1990, 2199
_LEAST = 4
"""Letters that a word of a drug's name has at least, to be looked for."""


def sign(change: Change, person: str, pin: str | None, roles: Sequence[str]) -> None:
    """Raise ConfigError unless `person` has one of `roles`, and PIN or badge is right if one is."""
    allowed(change, person, roles)
    stored = select(t.person.c.pin, t.person.c.scan).where(t.person.c.name == person)
    kept = change.connection.execute(stored).one()
    asked = [one for one in (kept.pin, kept.scan) if one is not None]
    if kept.pin is not None and not any(is_pin(pin or "", one) for one in asked):
        raise ConfigError("--by", "", f"{person} signs with a PIN, and this is not it")


def in_open(study: Study, words: str, option: str) -> str:
    """`words`, which anybody may read. Raises ConfigError for none, or a group's or drug's name."""
    if not words.strip():
        raise ConfigError(option, "", "missing: say it in words; it is kept")
    for word in sorted(_telling(study.plan), key=lambda one: (-len(one), one)):
        if re.search(rf"(?i)(?<!\w){re.escape(word)}(?!\w)", words):
            message = f"{word!r} stands in it, and everybody can read it; say it without"
            raise ConfigError(option, "", message)
    return words.strip()


def in_reach(day: date, option: str) -> None:
    """Raise ConfigError for a day of no study: with those near a calendar's ends none reckons."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        message = f"{day}: no study goes on then ({FIRST_YEAR} to {LAST_YEAR})"
        raise ConfigError(option, "", message)


def moment(text: str, option: str) -> datetime:
    """A time as a person wrote it, with the offset of this computer if it has none.

    Raises ConfigError for one that is none, or that is still to come.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r}: write it as 2026-01-31T14:05"
        raise ConfigError(option, "", message) from None
    in_reach(at.date(), option)
    at = at.astimezone()
    if at > datetime.now().astimezone():
        raise ConfigError(option, "", f"{text!r}: is still to come")
    return at


def _telling(plan: Planning) -> set[str]:
    """Groups and drugs by name, and each word of a drug's: "cocaine" of cocaine hydrochloride."""
    drugs = {drug.name for drug in plan.drug} | {g.drug for g in plan.group}
    drugs |= {group.vehicle for group in plan.group}
    words = {word for drug in drugs for word in re.findall(r"\w+", drug) if len(word) >= _LEAST}
    return {name for name in {group.name for group in plan.group} | drugs | words if name}
