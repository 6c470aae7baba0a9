"""What the study's database says of its conduct, as plain rows; persons as roles."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from protocols.store import tables as t
from protocols.store import verify
from protocols.study.excluding import standing
from protocols.study.folder import Study
from protocols.study.measured import Remeasured, remeasurements

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Records:
    """Rows of the tables, as they are; `faults`: what does not agree in trail and tables.

    `measured`: sessions that were measured again; they stand among the amendments, too.
    `roles`: a person's name to what stands for it where the study is handed on.
    """

    animals: Sequence[Row]
    weights: Sequence[Row]
    sessions: Sequence[Row]
    allocations: Sequence[Row]
    exclusions: Sequence[Row]
    amendments: Sequence[Row]
    adverse: Sequence[Row]
    exposures: Sequence[Row]
    deviations: Sequence[Row]
    guesses: Sequence[Row]
    people: Sequence[Row]
    study: Row
    key_events: Sequence[Row]
    faults: Sequence[str]
    measured: Sequence[Remeasured] = ()

    @property
    def roles(self) -> dict[str, str]:
        """Each person's name with its role and a number, as "technician 2"."""
        counts: dict[str, int] = {}
        told = {}
        for person in self.people:
            role = (person["roles"].split() or ["person"])[0]
            counts[role] = counts.get(role, 0) + 1
            told[person["name"]] = f"{role} {counts[role]}"
        return told


def records_of(study: Study, *, verified: bool = True) -> Records:
    """All of a study's records in one look; `verified`: held against their trail, too."""
    with study.store.read() as connection:

        def rows(name: str) -> list[Row]:
            table = t.metadata.tables.get(name)
            if table is None:  # what an older program never kept
                return []
            order = list(table.primary_key.columns)
            return [dict(row) for row in connection.execute(
                select(table).order_by(*order)).mappings()]  # fmt: skip

        events = connection.execute(
            select(t.audit).where(t.audit.c.action.in_(("key_opened", "key_used", "key_refused")))
            .order_by(t.audit.c.n)
        ).mappings()  # fmt: skip
        return Records(
            animals=rows("animal"),
            weights=rows("weight"),
            sessions=rows("session"),
            allocations=rows("allocation"),
            exclusions=[dict(r) for r in connection.execute(standing(t.exclusion)).mappings()],
            amendments=rows("amendment"),
            adverse=rows("adverse_event"),
            exposures=rows("exposure"),
            deviations=rows("deviation"),
            guesses=rows("guess"),
            people=rows("person"),
            study=rows("study")[0],
            key_events=[_event(dict(row)) for row in events],
            measured=remeasurements(study),
            faults=[f"{one.where}: {one.what}" for one in (verify(connection) if verified else ())],
        )


def _event(row: Row) -> Row:
    told = json.loads(row["after"])
    return {
        "at": row["at"],
        "person": row["person"],
        "action": row["action"],
        "reason": row["reason"] or "",
        "scope": told.get("scope", ""),
    }
