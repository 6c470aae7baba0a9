"""Which folder is whose session, by the database and its amendments, and which attempt counts."""

from typing import Any, NamedTuple

from sqlalchemy import select

from protocols.conduct import Attempt, counting
from protocols.store import tables as t
from protocols.study.amending.repeating import ended_as
from protocols.study.folder import Study


class Filed(NamedTuple):
    """A session that was run. `folder` is from the study's folder; None: run outside the program.

    `counts`: whether this attempt is the one that is scored, by the rule written before.
    """

    uid: str
    animal: str
    phase: str
    attempt: int
    box: str | None
    chamber: str | None
    folder: str | None
    status: str
    entered_afterwards: bool
    counts: bool


def filed(study: Study) -> list[Filed]:
    """All sessions that were run, by animal, in order of the plan."""
    with study.store.read() as connection:
        asked = select(t.session).order_by(
            t.session.c.animal, t.session.c.day, t.session.c.phase, t.session.c.attempt
        )
        rows = [dict(row) for row in connection.execute(asked).mappings()]
        said = ended_as(connection)
    by_session: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        by_session.setdefault((row["animal"], row["phase"]), []).append(row)
    out = []
    for attempts in by_session.values():
        which = counting(
            study.plan.attempts,
            [
                Attempt(one["uid"], one["attempt"], one["status"], said.get(one["uid"], ""))
                for one in attempts
            ],
        )
        out += [
            Filed(
                uid=one["uid"],
                animal=one["animal"],
                phase=one["phase"],
                attempt=one["attempt"],
                box=one["box"],
                chamber=one["chamber"],
                folder=one["folder"],
                status=one["status"],
                entered_afterwards=bool(one["entered_afterwards"]),
                counts=one["uid"] == which,
            )
            for one in attempts
            if one["status"] in ("done", "aborted", "failed")
        ]
    return out
