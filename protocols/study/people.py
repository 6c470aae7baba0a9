"""A person proves who he is, by PIN or badge where he has one; wrong ones are counted."""

from sqlalchemy import Connection, func, select

from protocols.store import is_pin
from protocols.store import tables as t
from protocols.study.folder import Study
from rig.errors import ConfigError, RigError


def has_pin(study: Study, person: str) -> bool:
    """Whether a person has a PIN, and so is asked for it."""
    with study.store.read() as connection:
        asked = select(t.person.c.pin).where(t.person.c.name == person)
        return connection.execute(asked).scalar() is not None


def prove_pin(study: Study, person: str, pin: str) -> None:
    """Raise RigError, and count it, unless this is the person's PIN, or badge."""
    with study.store.read() as connection:
        asked = select(t.person.c.pin, t.person.c.scan).where(t.person.c.name == person)
        stored = connection.execute(asked).first()
    if stored is not None and any(is_pin(pin, one) for one in stored if one is not None):
        return
    count = _refused(study, person)
    raise RigError(f"not the PIN of {person} ({count} wrong so far); nothing was changed")


def whose_badge(study: Study, badge: str) -> str:
    """The person whose badge this is. Raises RigError, and counts it, where it is nobody's."""
    with study.store.read() as connection:
        asked = select(t.person).where(t.person.c.scan.is_not(None), t.person.c.active == 1)
        people = connection.execute(asked.order_by(t.person.c.name)).all()
    found = [one.name for one in people if is_pin(badge, one.scan)]
    if found:
        return str(found[0])
    count = _refused(study, "badge")
    raise RigError(f"nobody's badge in this study ({count} wrong so far); nothing was changed")


def knows(connection: Connection, animal: str, person: str) -> str:
    """How a person may know an animal's group, in words; "" for one who does not.

    Who drew its labels knows, and who did what is not blind.
    """
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
