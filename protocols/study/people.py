"""A person proves who he is by his PIN or badge, where he has one; wrong ones are counted."""

from dataclasses import dataclass

from sqlalchemy import func, select

from protocols.store import is_pin
from protocols.store import tables as t
from protocols.study.folder import Study
from rig.errors import RigError


@dataclass(frozen=True)
class Person:
    """Somebody of the study. `roles` of technician, preparer, scorer, owner."""

    name: str
    roles: tuple[str, ...]
    has_pin: bool

    def may(self, *roles: str) -> bool:
        """Whether one of these is a role of this person."""
        return bool(set(roles) & set(self.roles))


def people_of(study: Study) -> list[Person]:
    """Who is active in the study, by name."""
    asked = select(t.person).where(t.person.c.active == 1).order_by(t.person.c.name)
    with study.store.read() as connection:
        rows = connection.execute(asked).mappings().all()
    return [Person(r["name"], tuple(r["roles"].split()), r["pin"] is not None) for r in rows]


def who_is(study: Study, told: str) -> Person:
    """Who scanned this badge or typed this PIN; a name is enough for who has no PIN.

    "NAME PIN" tells apart two people who chose the same. Raises RigError, and counts it, for what
    is nobody's.
    """
    told = told.strip()
    known = {one.name: one for one in people_of(study)}
    if told in known:
        if known[told].has_pin:
            raise RigError(f"{told} has a PIN: type it, or scan the badge")
        return known[told]
    name, _, pin = told.rpartition(" ")
    if name.strip() in known:
        prove_pin(study, name.strip(), pin)
        return known[name.strip()]
    asked = select(t.person.c.name, t.person.c.scan, t.person.c.pin).where(t.person.c.active == 1)
    with study.store.read() as connection:
        rows = connection.execute(asked).all()
    for kept in ("scan", "pin"):
        found = [r.name for r in rows if getattr(r, kept) and is_pin(told, getattr(r, kept))]
        if len(found) == 1:
            return known[found[0]]
        if found:
            raise RigError("more than one person has this PIN: type the name, a space, the PIN")
    if study.store.why == "":
        with study.store.change("nobody") as change:
            change.note("pin_refused")
    raise RigError("nobody of this study has this name, PIN or badge; it was counted")


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
