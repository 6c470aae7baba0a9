"""Who is in front of the program, proved by PIN or badge; and what time it is."""

import getpass
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

from protocols.study import Study
from protocols.study.adding import SCAN
from protocols.study.care import apart
from protocols.study.people import has_pin, people_of, prove_pin, whose_badge
from protocols.study.signing import in_reach
from rig.errors import ConfigError


def signed(study: Study, person: str, file: Path | None) -> str:
    """Who it is. One who has a PIN is asked for it or for the badge, in the terminal or in `file`.

    `file` has lines "NAME: PIN". "scan" in place of a name is whoever's badge is scanned: a line
    of the keyboard that ends with Enter. Raises ConfigError where nobody can be asked, InputError
    for a wrong one, which is counted.
    """
    return signer(study, person, file)[0]


def witnessed(study: Study, person: str, witness: str | None, file: Path | None) -> str | None:
    """Who stood beside `person` and saw it, proved as `signed` says; None where nobody did.

    Raises ConfigError for who is nobody of the study, or is `person`; InputError as `signed` does.
    """
    if witness is None:
        return None
    apart(person, witness)
    if witness != SCAN and witness not in {one.name for one in people_of(study)}:
        raise ConfigError("--witness", "", f"{witness!r}: is not a person of this study")
    name, _ = signer(study, witness, file, "--witness")
    apart(person, name)
    return name


def signer(
    study: Study, person: str, file: Path | None, option: str = "--by"
) -> tuple[str, str | None]:
    """As `signed`, with the PIN or badge that was given; None where none is asked for.

    `option`: which one `person` was named by.
    """
    if person == SCAN:
        badge = scanned(option)
        return whose_badge(study, badge), badge
    if not has_pin(study, person):
        return person, None
    if file is not None:
        pin = _line(file, person)
    elif sys.stdin.isatty():
        beside = ", the witness" if option == "--witness" else ""
        pin = getpass.getpass(f"PIN or badge of {person}{beside}: ")
    else:
        message = f"{person} has a PIN, and nobody can be asked here; give a file"
        raise ConfigError("--pin-file", "", message)
    prove_pin(study, person, pin)
    return person, pin


def scanned(option: str = "--by") -> str:
    """A badge's line, unseen in a terminal. Raises ConfigError where none comes."""
    what = "Badge of the witness: " if option == "--witness" else "Badge: "
    line = getpass.getpass(what) if sys.stdin.isatty() else sys.stdin.readline()
    if not line.strip():
        raise ConfigError(option, "", "no badge was scanned")
    return line.strip()


def day_of(text: str, option: str) -> date:
    """A day as a person wrote it, 2026-01-05. Raises ConfigError for what is none of a study."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise ConfigError(option, "", f"{text!r}: write 2026-01-05") from None
    in_reach(found, option)
    return found


def _line(file: Path, person: str) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(file), "", f"cannot be read: {error}") from None
    for line in text.splitlines():
        name, colon, pin = line.partition(":")
        if colon and name.strip() == person:
            return pin.strip()
    raise ConfigError(str(file), person, 'has no line "NAME: PIN"')


def moment(text: str | None, *, ahead: bool = False) -> datetime:
    """Now, or the time given as 09:05 (today) or 2026-01-05T09:05, with its offset.

    Raises ConfigError for what is no time, and for one that is still to come unless `ahead`.
    """
    now = datetime.now().astimezone()
    if text is None:
        return now
    try:
        told = text if "T" in text or " " in text else f"{now:%Y-%m-%d}T{text}"
        found = datetime.fromisoformat(told)
    except ValueError:
        message = f"{text!r}: write 09:05, or 2026-01-05T09:05"
        raise ConfigError("--at", "", message) from None
    in_reach(found.date(), "--at")
    found = found.astimezone() if found.tzinfo is None else found
    if not ahead and found > now + timedelta(minutes=1):
        raise ConfigError("--at", "", f"{text!r}: is still to come")
    return found
