"""Which group a person thinks that an animal was in."""

from sqlalchemy import select

from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.doing.due import animal_of
from protocols.study.folder import Study
from rig.errors import ConfigError


def guess(study: Study, animal: str, group: str, person: str, sure: int) -> None:
    """Keep which group a person thinks an animal was in, as its number in the rules."""
    names = [one.name for one in study.plan.group]
    if group not in names:
        raise ConfigError("--group", "", f"{group!r}: one of {', '.join(names)}")
    if not 1 <= sure <= 5:
        raise ConfigError("--sure", "", f"{sure}: 1 to 5")
    with study.store.change(person) as change:
        allowed(change, person, ("technician", "preparer", "scorer", "owner"))
        animal_of(change, animal)
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
