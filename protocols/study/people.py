"""A person proves who he is, by PIN or badge where he has one; wrong ones are counted."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from protocols.store import is_pin
from protocols.store import tables as t
from protocols.study.folder import Study
from rig.errors import ConfigError, InputError


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

    "NAME PIN" tells apart two people who chose the same. Raises InputError, and counts it, for what
    is nobody's.
    """
    told = told.strip()
    known = {one.name: one for one in people_of(study)}
    if told in known:
        if known[told].has_pin:
            raise InputError(f"{told} has a PIN: type it, or scan the badge")
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
            raise InputError("more than one person has this PIN: type the name, a space, the PIN")
    if study.store.why == "":
        with study.store.change("nobody") as change:
            change.note("pin_refused")
    raise InputError("nobody of this study has this name, PIN or badge; it was counted")


def has_pin(study: Study, person: str) -> bool:
    """Whether a person has a PIN, and so is asked for it."""
    with study.store.read() as connection:
        asked = select(t.person.c.pin).where(t.person.c.name == person)
        return connection.execute(asked).scalar() is not None


def prove_pin(study: Study, person: str, pin: str) -> None:
    """Raise InputError, and count it, unless this is the person's PIN, or badge."""
    with study.store.read() as connection:
        asked = select(t.person.c.pin, t.person.c.scan).where(t.person.c.name == person)
        stored = connection.execute(asked).first()
    if stored is not None and any(is_pin(pin, one) for one in stored if one is not None):
        return
    count = _refused(study, person)
    raise InputError(f"not the PIN of {person} ({count} wrong so far); nothing was changed")


def whose_badge(study: Study, badge: str) -> str:
    """The person whose badge this is. Raises InputError, and counts it, where it is nobody's."""
    with study.store.read() as connection:
        asked = select(t.person).where(t.person.c.scan.is_not(None), t.person.c.active == 1)
        people = connection.execute(asked.order_by(t.person.c.name)).all()
    found = [one.name for one in people if is_pin(badge, one.scan)]
    if found:
        return str(found[0])
    count = _refused(study, "badge")
    raise InputError(f"nobody's badge in this study ({count} wrong so far); nothing was changed")


def knows(connection: Connection, animal: str, person: str) -> str:
    """How a person may know an animal's group, in words; "" for one who does not.

    Who opened its part of the key knows, who drew its labels, and who did what is not blind.
    """
    key = select(t.audit.c.after).where(
        t.audit.c.action == "key_opened", t.audit.c.person == person
    )
    told = [json.loads(text)["scope"] for text in connection.execute(key).scalars()]
    if "all" in told or animal in told:
        return "opened the key for it"
    asked = select(t.draw.c.id).where(t.draw.c.animal == animal, t.draw.c.person == person)
    if connection.execute(asked).first() is not None:
        return "drew its syringes"
    saw = connection.execute(
        select(t.procedure.c.slot)
        .join(t.session, t.session.c.uid == t.procedure.c.session)
        .where(
            t.session.c.animal == animal,
            t.procedure.c.blind == 0,
            t.procedure.c.person == person,
        )
    ).first()
    return f"saw its {saw.slot}" if saw is not None else ""


def known_to(study: Study, person: str) -> dict[str, str]:
    """The animals whose group a person may know, and how. Raises ConfigError for a stranger."""
    with study.store.read() as connection:
        there = select(t.person.c.name).where(t.person.c.name == person, t.person.c.active == 1)
        if connection.execute(there).first() is None:
            raise ConfigError("--by", "", f"{person!r}: is not a person of this study")
        animals = connection.execute(select(t.animal.c.id).order_by(t.animal.c.id)).scalars()
        found = {animal: knows(connection, animal, person) for animal in animals.all()}
    return {animal: how for animal, how in found.items() if how}


def _refused(study: Study, person: str) -> int:
    """Write a refusal into the trail; how many there were."""
    with study.store.change(person) as change:
        change.note("pin_refused")
        counted = select(func.count()).where(
            t.audit.c.action == "pin_refused", t.audit.c.person == person
        )
        return int(change.connection.execute(counted).scalar() or 0)
