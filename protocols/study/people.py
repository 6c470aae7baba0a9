"""A person proves who he is, by PIN or badge where he has one; wrong ones are counted."""

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


def _refused(study: Study, person: str) -> int:
    """Write a refusal into the trail; how many there were."""
    with study.store.change(person) as change:
        change.note("pin_refused")
        counted = select(func.count()).where(
            t.audit.c.action == "pin_refused", t.audit.c.person == person
        )
        return int(change.connection.execute(counted).scalar() or 0)
