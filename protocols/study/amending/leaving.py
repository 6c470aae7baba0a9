"""Animals that leave: withdrawn or excluded. Nothing is deleted, sessions to come are cancelled."""

from enum import StrEnum

from sqlalchemy import select

from protocols.store import Change
from protocols.store import tables as t
from protocols.study.excluding import Left, leave
from protocols.study.folder import Study
from protocols.study.signing import in_open, moment, sign
from rig.errors import ConfigError

PRESENT = ("planned", "active", "substitute")
"""Statuses of animals that go on."""


class Why(StrEnum):
    """Why an animal was withdrawn."""

    DEAD = "dead"
    ILL = "ill"
    DROPPED = "dropped"


def withdraw(
    study: Study,
    animal: str,
    why: Why,
    reason: str,
    person: str,
    *,
    on: str = "",
    pin: str | None = None,
) -> Left:
    """Withdraw an animal. `on`: when it happened, if not now. Raises ConfigError."""
    said = in_open(study, reason, "--reason")
    since = moment(on, "--on").isoformat(timespec="seconds") if on else ""
    with study.store.change(person, said) as change:
        sign(change, person, pin, ("technician", "owner"))
        present(change, animal)
        return leave(change, animal, "withdrawn", f"{why}: {said}", since)


def exclude_animal(
    study: Study, animal: str, rule: str, reason: str, person: str, *, pin: str | None = None
) -> Left:
    """Exclude an animal by a rule that was written before. Raises ConfigError."""
    said = in_open(study, reason, "--reason")
    in_open(study, rule, "--rule")
    with study.store.change(person, said) as change:
        sign(change, person, pin, ("owner",))
        present(change, animal)
        change.insert(t.exclusion, animal=animal, rule=rule, at=change.at)
        return leave(change, animal, "excluded", f"{rule}: {said}")


def present(change: Change, animal: str) -> None:
    """Raise ConfigError unless this animal is of the study and goes on."""
    asked = select(t.animal.c.status, t.animal.c.status_since).where(t.animal.c.id == animal)
    found = change.connection.execute(asked).first()
    if found is None:
        raise ConfigError("--animal", "", f"{animal!r}: is not in the study")
    if found.status not in PRESENT:
        message = f"{animal}: is {found.status} already, since {found.status_since}"
        raise ConfigError("--animal", "", message)
