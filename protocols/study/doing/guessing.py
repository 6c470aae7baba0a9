"""Which group a person thinks that an animal was in."""

from sqlalchemy import Connection, select

from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.doing.due import animal_of
from protocols.study.folder import Study
from protocols.study.locking import opened_all
from protocols.study.people import knows
from protocols.study.scheduling import LIVING, Reading, sessions_of
from rig.errors import ConfigError

SUREST = 5
"""How sure one can be of a guess; 1: a coin would do."""


def is_asked(study: Study, animal: str, person: str) -> bool:
    """Whether a guess is wanted of this person now: the animal is in a group, and through.

    Of one that left before its end none is asked for: it is not compared.
    """
    if len(study.plan.group) < 2:
        return False
    with study.store.read() as connection:
        reads = Reading(connection)
        placed = (
            select(t.withheld.c.animal)
            .join(t.animal, t.animal.c.id == t.withheld.c.animal)
            .where(t.withheld.c.animal == animal, t.animal.c.status.in_(LIVING))
        )
        if connection.execute(placed).first() is None:
            return False  # in no group yet, or not any more
        left = [r for r in sessions_of(reads, animal) if r["status"] in ("planned", "running")]
        mine = select(t.guess.c.id).where(t.guess.c.animal == animal, t.guess.c.person == person)
        guessed = connection.execute(mine).first() is not None
        return not left and not guessed and not _no_guess(connection, animal, person)


def _no_guess(connection: Connection, animal: str, person: str) -> str:
    """Why what this person thinks of an animal is no guess; "" where it is one."""
    if opened_all(connection):
        return "the key was opened: what is guessed now tells nothing"
    how = knows(connection, animal, person)
    return f"{person} {how}: that is no guess" if how else ""


def guess(study: Study, animal: str, group: str, person: str, sure: int) -> None:
    """Keep which group a person thinks an animal was in, as its number in the rules.

    Raises ConfigError, also for one who may know, and once the key was opened.
    """
    names = [one.name for one in study.plan.group]
    if group not in names:
        raise ConfigError("--group", "", f"{group!r}: one of {', '.join(names)}")
    if not 1 <= sure <= SUREST:
        raise ConfigError("--sure", "", f"{sure}: 1 to {SUREST}")
    with study.store.change(person) as change:
        allowed(change, person, ("technician", "preparer", "scorer", "owner"))
        animal_of(change, animal)
        if why := _no_guess(change.connection, animal, person):
            raise ConfigError("--subject", "", f"{animal}: {why}")
        asked = select(t.guess.c.id).where(t.guess.c.animal == animal, t.guess.c.person == person)
        if change.connection.execute(asked).first() is not None:
            raise ConfigError("--subject", "", f"{person} has guessed the group of {animal} before")
        change.insert(
            t.guess,
            animal=animal,
            group_number=names.index(group) + 1,
            sure=sure,
            at=change.at,
            person=person,
        )
