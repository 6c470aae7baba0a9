"""What was measured again: which results count in place of a session's own, by its folder."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, select

from protocols.store import tables as t
from protocols.study.folder import Study
from rig.storage.folder import check_below

KIND = t.MEASURED
"""Of the amendments that file a measurement."""
CORRECTED = "corrections"


@dataclass(frozen=True)
class Remeasured:
    """One session measured again.

    `of`: the session's folder, `folder`: the results', both from the study's. `changed`: what was
    ("zones", "entry rule", "threshold", "corrections"). `not_blind`: why it does not
    count; "": it does. `sums_sha256`: of the results' SHA256SUMS.
    """

    of: str
    folder: str
    changed: tuple[str, ...]
    not_blind: str
    sums_sha256: str
    reason: str
    person: str
    at: str


class Standing(NamedTuple):
    """Of a session's measurements the one that counts, and a later one that was not made blind."""

    counts: Remeasured | None
    beside: Remeasured | None


def remeasurements(study: Study) -> list[Remeasured]:
    """All that were filed, in order."""
    with study.store.read() as connection:
        return list(filed_in(connection))


def standing(study: Study) -> dict[str, Standing]:
    """By session's folder: the measurement that counts in place of the session's own."""
    with study.store.read() as connection:
        return standing_in(connection)


def filed_in(connection: Connection) -> Iterator[Remeasured]:
    """All that were filed, in order."""
    asked = select(t.amendment).where(t.amendment.c.kind == KIND).order_by(t.amendment.c.id)
    for row in connection.execute(asked).mappings():
        told = json.loads(row["after"])
        yield Remeasured(
            of=check_below(told["of"], "amendment"),
            folder=check_below(told["folder"], "amendment"),
            changed=tuple(told["changed"]),
            not_blind=told["not_blind"],
            sums_sha256=told["sums_sha256"],
            reason=row["reason"],
            person=row["person"],
            at=row["at"],
        )


def standing_in(connection: Connection) -> dict[str, Standing]:
    """By session's folder: the measurement that counts in place of the session's own."""
    found: dict[str, Standing] = {}
    for one in filed_in(connection):
        now = found.get(one.of, Standing(None, None))
        found[one.of] = now._replace(beside=one) if one.not_blind else Standing(one, None)
    return found
