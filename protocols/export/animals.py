"""The table of animals that goes along with sessions: one line each, columns by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from protocols.sessions import Session
from rig.errors import ConfigError
from rig.session.sheet import BLANKS, read_lines, sheet

KNOWN = (
    "group", "sex", "species", "strain", "genotype", "date_of_birth", "age_d", "weight_g", "cage",
    "cohort", "litter", "vendor", "housing", "light_cycle",
)  # fmt: skip
"""What is taken of an animal; other columns of the table are left alone."""
SEXES = {"f": "F", "female": "F", "m": "M", "male": "M", "u": "U", "o": "O"}


@dataclass(frozen=True)
class Subjects:
    """The animals of a table by their ids; `file` for messages."""

    file: str
    animals: Mapping[str, Mapping[str, str]]

    def of(self, subject: str) -> Mapping[str, str]:
        """What is known of an animal; nothing of one that the table does not name."""
        return self.animals.get(subject, {})

    def age_d(self, subject: str, on: date) -> int | None:
        """Age in days: told, or from the date of birth. Raises ConfigError for what is neither."""
        known = self.of(subject)
        for column, read in (("age_d", int), ("date_of_birth", date.fromisoformat)):
            text = known.get(column, "")
            if not text:
                continue
            try:
                value = read(text)
            except ValueError:
                wanted = "whole days" if column == "age_d" else "a date as 2026-01-31"
                raise self.error(subject, column, f"{text!r}: {wanted} wanted") from None
            days = value if isinstance(value, int) else (on - value).days
            if days < 0:
                raise self.error(subject, column, f"{text!r}: not born by {on.isoformat()}")
            return days
        return None

    def sex(self, subject: str) -> str:
        """F, M, O or U (not known). Raises ConfigError for another word."""
        text = self.of(subject).get("sex", "")
        if text and text.casefold() not in SEXES:
            raise self.error(subject, "sex", f"{text!r}: F, M, O or U")
        return SEXES.get(text.casefold(), "U")

    def error(self, subject: str, column: str, message: str) -> ConfigError:
        """What is wrong with, or lacks, in an animal's line."""
        return ConfigError(self.file, f"{column} of {subject}", message)


NOBODY = Subjects("", {})


def read_subjects(path: Path) -> Subjects:
    """The animals in the table at `path`, which needs a column `subject`. Raises ConfigError."""
    table = sheet(read_lines(path), str(path), 1)
    animals: dict[str, dict[str, str]] = {}
    for k, subject in enumerate(table.texts("subject")):
        if subject.lower() in BLANKS:
            raise table.error(k, "column subject: is blank")
        if subject in animals:
            raise table.error(k, f"column subject: {subject!r} is there a second time")
        cells = {name: table.texts(name)[k] for name in KNOWN if name in table}
        animals[subject] = {n: c for n, c in cells.items() if c.lower() not in BLANKS}
    return Subjects(str(path), animals)


def began(session: Session) -> datetime:
    """When a session began, with its offset from UTC. Raises ConfigError."""
    try:
        moment = datetime.fromisoformat(session.began)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = f"{session.began!r}: a date and time with its offset from UTC wanted"
        raise ConfigError(str(session.folder), "anchor.wall", message)
    return moment
