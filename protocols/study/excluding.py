"""What puts an animal out, written down: the rule, the value and the limit; and what follows."""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from protocols.allocation import Exclusion
from protocols.conduct.exposed import Out
from protocols.store import Change
from protocols.store import tables as t


class Left(NamedTuple):
    """How many sessions were cancelled, and whether the animal is in a box still."""

    cancelled: int
    running: bool


def note_exclusions(change: Change, animal: str, broken: Iterable[Exclusion | Out]) -> None:
    """A row for each rule that put this animal out; its status is set by who calls.

    Value and limit are in the rule's own unit: shares of 1, minutes, or a count.
    """
    for one in broken:
        change.insert(
            t.exclusion,
            animal=animal,
            rule=one.rule,
            value=one.value,
            rule_limit=one.limit,
            at=change.at,
        )


def standing(*what: Any) -> Select[Any]:
    """The exclusions that hold: an animal that is in again leaves its row behind."""
    joined = select(*what).select_from(t.exclusion).join(t.animal)
    return joined.where(t.animal.c.status == "excluded").order_by(t.exclusion.c.id)


def leave(
    change: Change,
    animal: str,
    status: str,
    reason: str,
    since: str = "",
    phases: Collection[str] | None = None,
) -> Left:
    """Set an animal's status and cancel its sessions to come, in this transaction.

    `phases`: only of these; None: all.
    """
    change.update(
        t.animal,
        {"id": animal},
        status=status,
        status_since=since or change.at,
        status_reason=reason,
        status_by=change.person,
    )
    asked = select(t.session.c.uid, t.session.c.status, t.session.c.phase).where(
        t.session.c.animal == animal, t.session.c.status.in_(("planned", "running"))
    )
    rows = change.connection.execute(asked.order_by(t.session.c.uid)).all()
    planned = [row.uid for row in rows if row.status == "planned"]
    cancelled = [r.uid for r in rows if r.uid in planned and (phases is None or r.phase in phases)]
    for uid in cancelled:
        change.update(t.session, {"uid": uid}, status="cancelled")
    return Left(len(cancelled), len(planned) < len(rows))
