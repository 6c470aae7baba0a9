"""A person proves who he is by his PIN, where he has one; wrong ones are counted."""

from sqlalchemy import func, select

from protocols.store import is_pin
from protocols.store import tables as t
from protocols.study.folder import Study
from rig.errors import RigError


def has_pin(study: Study, person: str) -> bool:
    """Whether a person has a PIN, and so is asked for it."""
    with study.store.read() as connection:
        asked = select(t.person.c.pin).where(t.person.c.name == person)
        return connection.execute(asked).scalar() is not None


def prove_pin(study: Study, person: str, pin: str) -> None:
    """Raise RigError, and count it, unless this is the person's PIN."""
    with study.store.read() as connection:
        asked = select(t.person.c.pin).where(t.person.c.name == person)
        stored = connection.execute(asked).scalar()
    if is_pin(pin, stored):
        return
    with study.store.change(person) as change:
        change.note("pin_refused")
        counted = select(func.count()).where(
            t.audit.c.action == "pin_refused", t.audit.c.person == person
        )
        count = change.connection.execute(counted).scalar() or 0
    raise RigError(f"not the PIN of {person} ({count} wrong so far); nothing was changed")
