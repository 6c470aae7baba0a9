"""What stands open in the trail since the key was opened for all animals."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from protocols.store import tables as t
from protocols.study.folder import Study


@dataclass(frozen=True)
class Revealed:
    """Who opened the key, when and why, and each animal's place: group, side, cue, order ..."""

    at: str
    person: str
    reason: str
    places: Mapping[str, Mapping[str, Any]]


def revealed(study: Study) -> Revealed | None:
    """The first opening of the key for all animals; None while the study is blinded.

    Animals that were allocated later are in it once it was opened again; the emergency opening for
    one animal does not count.
    """
    asked = (
        select(t.audit.c.at, t.audit.c.person, t.audit.c.reason, t.audit.c.after)
        .where(t.audit.c.action == "key_opened")
        .order_by(t.audit.c.n)
    )
    first: Revealed | None = None
    places: dict[str, Mapping[str, Any]] = {}
    with study.store.read() as connection:
        rows = connection.execute(asked).all()
    for row in rows:
        told = json.loads(row.after)
        if told.get("scope") != "all" or "allocation" not in told:
            continue
        if first is None:
            first = Revealed(row.at, row.person, row.reason or "", places)
        places |= {one["animal"]: one for one in told["allocation"]}
    return first
