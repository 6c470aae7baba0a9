"""What put an animal out, written down: the rule, the value and the limit."""

from collections.abc import Iterable

from protocols.allocation import Exclusion
from protocols.conduct.exposed import Out
from protocols.store import Change
from protocols.store import tables as t


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
