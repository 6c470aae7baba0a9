"""Giving animals out to rigs: each planned session to one of them, however many ask at once."""

from typing import NamedTuple

from sqlalchemy import select

from protocols.store.opening import Store
from protocols.store.tables import animal, session


class Given(NamedTuple):
    """A planned session that is this rig's now."""

    uid: str
    animal: str
    phase: str
    attempt: int
    box: str | None


def give(store: Store, rig: str, person: str, box: str | None = None) -> Given | None:
    """The next planned session in running order, marked as running on `rig`; None when none is.

    An animal that is in a box already is not given, nor one that is withdrawn or excluded. `box`
    wants a session of that box. Writers take turns, and the database itself allows one running
    session an animal. Raises StorageError where the database cannot be written.
    """
    busy = select(session.c.animal).where(session.c.status == "running")
    asked = (
        select(session.c.uid, session.c.animal, session.c.phase, session.c.attempt, session.c.box)
        .join(animal, animal.c.id == session.c.animal)
        .where(
            session.c.status == "planned",
            animal.c.status.in_(("planned", "active", "substitute")),
            session.c.animal.not_in(busy),
        )
        .order_by(session.c.day, session.c.place, session.c.uid)
        .limit(1)
    )
    if box is not None:
        asked = asked.where(session.c.box == box)
    with store.change(person) as change:
        found = change.connection.execute(asked).first()
        if found is None:
            return None
        change.update(
            session,
            {"uid": found.uid},
            status="running",
            rig=rig,
            person=person,
            started=change.at,
        )
        return Given(*found)


def finish(
    store: Store,
    uid: str,
    person: str,
    status: str = "done",
    folder: str | None = None,
    sums_sha256: str | None = None,
) -> None:
    """Say that a session ended; `folder` is from the study's folder. Raises LookupError."""
    with store.change(person) as change:
        change.update(
            session,
            {"uid": uid},
            status=status,
            ended=change.at,
            folder=folder,
            sums_sha256=sums_sha256,
        )
