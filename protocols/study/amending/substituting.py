"""A substitute in the place of an animal that left: its group, side, order and slot, unseen."""

import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy import select

from protocols import blinding
from protocols.allocation import Candidate, Place, exclude, freeze, substitute
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.allocating import outcome_of, seal_places
from protocols.study.amending.leaving import present
from protocols.study.excluding import leave, note_exclusions
from protocols.study.folder import KEY, Study
from protocols.study.opening import allocations, cohorts, opened, pairs_of
from protocols.study.sealing import seal_sessions
from protocols.study.signing import sign
from protocols.study.withheld import hide, secret_of
from rig.errors import ConfigError
from rig.storage.folder import replace

ALGORITHM = "substitute 1"


def take_place(
    study: Study,
    animal: str,
    person: str,
    pretests: Sequence[Mapping[str, str]],
    holder: tuple[str, str],
    *,
    pin: str | None = None,
) -> tuple[str, int]:
    """Give `animal` the free place of one that was withdrawn; whose, and how many new labels.

    `pretests` are lines as in a session's `summary.csv`, with the substitute's own among them;
    the exclusion rules hold for it too. Its sessions are planned if others' are. Nobody is shown
    the place. Raises ConfigError, WrongPassphraseError.
    """
    secret = secret_of(study)
    plan, scheme = study.plan, study.plan.scheme()
    pairs = _pairs(study, opened(study, person, *holder, f"{animal} is a substitute"))
    with study.store.change(person, f"{animal} is a substitute") as change:
        sign(change, person, pin, ("owner",))
        present(change, animal)
        read = change.connection.execute
        if read(select(t.withheld).where(t.withheld.c.animal == animal)).first():
            raise ConfigError("--animal", "", f"{animal}: has a place of its own already")
        row = dict(read(select(t.animal).where(t.animal.c.id == animal)).mappings().one())
        lines = {one.get("subject", ""): one for one in pretests}
        if animal not in lines:
            raise ConfigError("--pretest", "", f"no pre-test of {animal}: it has to have its own")
        outcome = outcome_of(plan, row, lines[animal])
        out = exclude(plan.exclusion_rules(), [outcome])
        note_exclusions(change, animal, out)
        if out:
            leave(change, animal, "excluded", "by the rules of the study")
        else:
            free = _free(change, pairs)
            seed, salt = secrets.token_hex(16), secrets.token_hex(16)
            try:
                place, taken = substitute(scheme, outcome.candidate, free, seed)
            except ValueError:
                message = "no place is free: withdraw the animal that left first"
                raise ConfigError("--animal", "", message) from None
            whose = free[taken][0].animal
            text, digest = freeze(scheme, [outcome.candidate], [place], [], seed, salt)
            key = blinding.seal(study.key, "allocation", text, change.at)
            key = seal_places(key, [place], change.at)
            replace(study.folder / KEY, key.text().encode())
            change.insert(
                t.allocation,
                cohort=cohorts(study) + 1,
                at=change.at,
                sha256=digest,
                algorithm=ALGORITHM,
                animals=1,
                unmet="",
                gate="",
                person=person,
            )
            hidden = hide(secret, f"paired {animal}", place.cue or place.side)
            change.insert(t.withheld, animal=animal, paired=hidden)
            change.update(
                t.animal,
                {"id": animal},
                status="substitute",
                status_since=change.at,
                status_reason=f"stands for {whose}",
                status_by=person,
                stands_for=whose,
                cohort=place.cohort,
            )
            planned = read(select(t.label.c.code).limit(1)).first() is not None
    if out:
        message = f"{animal}: is excluded by {out[0].rule} {out[0].value:.3g}; take another animal"
        raise ConfigError("--animal", "", message)
    return whose, seal_sessions(study, person, holder) if planned else 0


def _pairs(study: Study, parts: Sequence[blinding.Opened]) -> list[tuple[Candidate, Place]]:
    return [pair for one in allocations(study, parts) for pair in pairs_of(one)]


def _free(
    change: Change, pairs: Sequence[tuple[Candidate, Place]]
) -> list[tuple[Candidate, Place]]:
    """The places of animals that were withdrawn and for which nobody stands."""
    read = change.connection.execute
    gone = set(read(select(t.animal.c.id).where(t.animal.c.status == "withdrawn")).scalars())
    asked = select(t.animal.c.stands_for).where(t.animal.c.stands_for.is_not(None))
    taken = set(read(asked).scalars())
    return [pair for pair in pairs if pair[1].animal in gone - taken]
