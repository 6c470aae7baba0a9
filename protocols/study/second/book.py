"""The book of what was copied to a second place, and what it says of each session. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

DATABASE = "database"
"""What stands in place of a session's folder for a snapshot of the database."""
AGAIN = "derivatives/"
"""How the folder of a session that was measured again begins."""
BY_HAND = "checks by eye and corrections"
"""What stands in place of a session's folder for what people made of recordings (`byhand`)."""


class Safety(StrEnum):
    """Where something of a study lies."""

    TWO = "safe in two places"
    WAITS = "waits for its second place"
    ONE = "in one place only"  # no second place is set


@dataclass(frozen=True)
class Entry:
    """One copy that was verified: of a session's `folder` (in the study), or of the database.

    What was measured again is a folder of its own, what people made of recordings is BY_HAND.

    `state`: what it held, as a hash of its sums; `at`: when, ISO 8601; `place`: where it lies.
    """

    folder: str
    state: str
    at: str
    place: str

    def line(self) -> str:
        """As it stands in the book."""
        return json.dumps(asdict(self), sort_keys=True) + "\n"


def read(text: str) -> list[Entry]:
    """The entries of a book. A line that is not whole is none: that copy is made again."""
    found = []
    for line in text.splitlines():
        try:
            found.append(Entry(**{name: str(value) for name, value in json.loads(line).items()}))
        except (ValueError, RecursionError, TypeError, AttributeError):
            continue
    return found


def safety(states: Mapping[str, str], book: Iterable[Entry], place: str) -> dict[str, Safety]:
    """Per session's folder (or DATABASE, or BY_HAND): where it lies.

    `states`: what each holds now; `place`: the second place, "" for none. A copy in another place
    than the one that is set, or of another state (amended since), does not count.
    """
    if not place:
        return dict.fromkeys(states, Safety.ONE)
    there = {(entry.folder, entry.state) for entry in book if entry.place == place}
    return {
        folder: Safety.TWO if (folder, state) in there else Safety.WAITS
        for folder, state in states.items()
    }


def lines_of(found: Mapping[str, Safety], place: str, *, away: bool) -> Sequence[str]:
    """Lines for a terminal or a window: how many are safe, and what waits."""
    if not place:
        return ["no second place is set: each session lies in one place only"]
    copied = {folder: one for folder, one in found.items() if folder != DATABASE}
    sessions = {
        folder: one
        for folder, one in copied.items()
        if folder != BY_HAND and not folder.startswith(AGAIN)
    }
    safe = sum(one is Safety.TWO for one in sessions.values())
    database = "the database too" if found.get(DATABASE) is Safety.TWO else "the database waits"
    lines = [f"{safe} of {len(sessions)} sessions are safe in two places; {database}"]
    if away:
        lines.append(f"{place} is not there; what waits is copied when it is back")
    waiting = [folder for folder, one in copied.items() if one is not Safety.TWO]
    return [*lines, *(f"waits for its second place: {folder}" for folder in sorted(waiting))]
