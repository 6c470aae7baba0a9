"""What is not as planned stops once, and goes on with a reason from a short list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from protocols.store import Change
from protocols.store import tables as t
from rig.errors import ConfigError, RigError

REASONS = {
    "rig": "a fault of the rig or a box",
    "animal": "the animal's state",
    "staff": "nobody was there",
    "mistake": "a mistake was made",
    "late": "the day ran late",
    "owner": "decided by the owner",
}
"""The short list; the words after --override."""
HUMANE = "humane"
"""The kind of what only the owner goes over."""


@dataclass(frozen=True)
class Wrong:
    """One thing that is not as planned; `kind` in one word."""

    kind: str
    what: str


class DeviationError(RigError):
    """Something is not as planned: it goes on with a reason."""

    def __init__(self, found: Sequence[Wrong]) -> None:
        self.found = tuple(found)
        told = "; ".join(one.what for one in found)
        words = ", ".join(REASONS)
        super().__init__(f"{told}. Nothing was begun; to go on: --override REASON ({words})")


def check_reason(override: str) -> None:
    """Raise ConfigError for a reason that is not one of the list."""
    if override and override not in REASONS:
        have = ", ".join(f"{word} ({what})" for word, what in REASONS.items())
        raise ConfigError("--override", "", f"{override!r}: one of {have}")


def go_on(change: Change, uid: str, wrong: Sequence[Wrong], override: str) -> None:
    """Write what is wrong to the session. Raises DeviationError where no reason was given.

    Raises RigError for an animal at its humane end point, unless the owner decided that it goes on.
    """
    if wrong and not override:
        raise DeviationError(wrong)
    for one in wrong:
        if one.kind == HUMANE and override != "owner":
            raise RigError(f"{one.what}. It goes on only as the owner decides: --override owner")
    for one in wrong:
        deviate(change, uid, one.kind, one.what, override)


def deviate(change: Change, uid: str, kind: str, what: str, reason: str) -> None:
    """Write one thing that went otherwise to a session."""
    change.insert(
        t.deviation,
        session=uid,
        at=change.at,
        kind=kind,
        what=what,
        reason=reason,
        person=change.person,
    )


def iso(moment: datetime) -> str:
    """A time as the database has it."""
    return moment.isoformat(timespec="milliseconds")
