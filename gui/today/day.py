"""A day as the page shows it, read in one go; and a box as its rig's files have it. Plain."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gui.names import spoken
from gui.study.rows import Cell
from gui.texts import say
from protocols.study import Study, doing
from protocols.study.cards import Card, Countdown, card, countdowns
from protocols.study.placing import Filed, Running, file_ended, running_of
from protocols.study.today import Today, today
from protocols.wording import named
from rig.apparatus import Apparatus
from rig.channel import spell_source
from rig.errors import RigError
from rig.session import load_rig

HEADS = ("time", "person", "animal", "what", "box", "session", "note")


@dataclass(frozen=True)
class Day:
    """What is due, what runs, what runs out, and what was filed just now."""

    made: Today
    countdowns: tuple[Countdown, ...]
    running: tuple[Running, ...]
    filed: tuple[Filed, ...]


@dataclass(frozen=True)
class Shown:
    """A card with its box. `why`: what stands against using the rig for it; "" nothing.

    `groups`: what a guess of who is in front of the window is chosen from; none where none is asked
    for.
    """

    card: Card
    key: tuple[str, str]
    apparatus: Apparatus | None
    why: str
    groups: tuple[str, ...] = ()


def read_day(study: Study, people: int, now: datetime) -> Day:
    """The day from now on; what has ended meanwhile is filed first."""
    filed = file_ended(study, now) if not study.store.why else []
    made = today(study, people, now)
    return Day(made, tuple(countdowns(study, now)), tuple(running_of(study)), tuple(filed))


def read_card(study: Study, animal: str, rig: str, person: str, now: datetime) -> Shown:
    """An animal's card, and its box in this rig; `person`: who is in front of the window, or ""."""
    made = card(study, animal, now)
    if person and not made.phase and doing.is_asked(study, animal, person):
        groups = tuple(one.name for one in study.plan.group)
        return replace(_with_box(made, rig), groups=groups)
    return _with_box(made, rig)


def _with_box(made: Card, rig: str) -> Shown:
    if not rig:
        return Shown(made, ("", made.box), None, say("today.no_rig"))
    try:
        loaded = load_rig(rig)
        name = made.box if made.box in loaded.boxes or len(loaded.boxes) != 1 else ""
        box = loaded.box_named(name or None)
    except (RigError, OSError) as error:
        return Shown(made, (spell_source(rig), made.box), None, str(error))
    return Shown(made, (spell_source(rig), box.box.name), box.apparatus, "")


def lines_of(day: Day, boxes: Sequence[str]) -> list[tuple[str, list[Cell]]]:
    """Each line of the running order with its animal; `boxes`: of these alone, where some are."""
    inside = {line.animal for line in day.made.lines if not boxes or line.box in boxes}
    running = {one.animal for one in day.running}
    out = []
    for line in day.made.lines:
        if line.animal not in inside:
            continue
        role = "muted" if line.animal in running else ""
        who = str(line.person) if line.person else ""
        told = (line.time, who, line.animal, line.what, line.box, named(line.phase), line.note)
        out.append((line.animal, [Cell(text, role, line.note) for text in told]))
    return out


def warnings_of(day: Day) -> list[str]:
    """What does not hold, has to be looked at, or was missed; a sentence each."""
    made = day.made
    told = (("broken", made.broken), ("asks", made.asks), ("missed", made.missed))
    return [say(f"today.{key}", what=spoken(line)) for key, lines in told for line in lines]
