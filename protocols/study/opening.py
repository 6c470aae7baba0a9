"""The key opened for those who hold it; each wrong passphrase is counted."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from protocols import blinding
from protocols.allocation import Candidate, Place
from protocols.blinding import Opened, WrongPassphraseError
from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.folder import KEY, Study, sha256
from rig.errors import ConfigError, StorageError


def opened(
    study: Study, person: str, holder: str, words: str, purpose: str, kind: str | None = None
) -> tuple[Opened, ...]:
    """The key's parts in clear, or those of one kind; that it was used goes into the trail.

    Raises ConfigError for who is no owner, WrongPassphraseError, which is counted.
    """
    with study.store.change(person) as change:
        allowed(change, person, ("owner",))
    try:
        parts = blinding.unseal(study.key, holder, words, kind)
    except WrongPassphraseError as error:
        raise WrongPassphraseError(count_refusal(study, person, str(error))) from None
    with study.store.change(person, purpose) as change:
        change.note("key_used", holder=holder)
    return parts


def count_refusal(study: Study, person: str, said: str) -> str:
    """Write a refusal into the trail; `said` with how many there were."""
    try:
        with study.store.change(person) as change:
            change.note("key_refused")
            count = refused(change.connection)
    except StorageError as error:
        return f"{said}; it could not be counted: {error}"
    return f"{said} ({count} wrong so far)"


def refused(connection: Any) -> int:
    """How often the key was refused to somebody."""
    asked = select(func.count()).where(t.audit.c.action == "key_refused")
    return int(connection.execute(asked).scalar() or 0)


def allocations(study: Study, parts: Sequence[Opened]) -> list[str]:
    """The frozen texts that the database counts, by their hashes, in order of cohorts."""
    with study.store.read() as connection:
        asked = select(t.allocation.c.sha256).order_by(t.allocation.c.cohort)
        wanted = list(connection.execute(asked).scalars())
    texts = {sha256(part.content): part.content for part in parts if part.kind == "allocation"}
    for digest in wanted:
        if digest not in texts:
            message = f"does not hold the allocation {digest[:12]}...; put back a copy of it"
            raise ConfigError(str(study.folder / KEY), "", message)
    if not wanted:
        raise ConfigError(str(study.folder), "", "nothing is allocated yet: `study allocate`")
    return [texts[digest] for digest in wanted]


def cohorts(study: Study) -> int:
    """How many cohorts were allocated."""
    with study.store.read() as connection:
        return int(connection.execute(select(func.max(t.allocation.c.cohort))).scalar() or 0)


def pairs_of(text: str) -> list[tuple[Candidate, Place]]:
    """The animals of a frozen allocation with their places."""
    whole = json.loads(text)
    animals = [
        Candidate(**{**one, "sides_s": tuple(one["sides_s"])}) for one in whole["candidates"]
    ]
    return list(zip(animals, (Place(**one) for one in whole["places"]), strict=True))
