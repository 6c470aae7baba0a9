"""Small studies for the window: begun, filled, planned from today on."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from protocols import blinding
from protocols.study import add_animals, add_box, add_person, new, open_study, scheduling

OWNER = "ann"
WORDS = {"ann": "a horse by the river", "bob": "two boats on the lake"}
RULES = """name = "S1"
[parameters]
test_s = 3
conditioning_s = 2
between_sessions_s = 60
[gate]
band = 0.49
[day]
begins = "00:00"
starts = "00:00"
ends = "23:59"
closed = []
"""
PROTOCOL = """name = "short"
version = 1
extends = "cocaine-cpp"
source = "made for a test"
without = ["conditioning2a", "conditioning2b"]
[[phase]]
name = "posttest"
day = 3
"""
TELLING = ("cocaine", "saline", "vehicle", "paired", "drug_first", "vehicle_first")
"""Words of this study that nobody may read beside an animal."""


def quick(patch: pytest.MonkeyPatch) -> None:
    """Passphrases that are stretched less."""
    patch.setattr(blinding, "_N", 2**14)


def animals_csv(path: Path, ids: Sequence[str]) -> Path:
    """A table of animals, all in box A."""
    rows = [f"{id},{'FM'[k % 2]},C{k // 2},A,24" for k, id in enumerate(ids)]
    path.write_text("\n".join(["id,sex,cage,box,weight_g", *rows]) + "\n", encoding="utf-8")
    return path


def short_study(
    folder: Path, rig: str, ids: Sequence[str] = ("M1", "M2", "M3", "M4"), *, start: int = 0
) -> Path:
    """A study whose pre-tests are due today; ann owns it, tom is a technician, eve has a PIN."""
    new(folder, PROTOCOL, RULES, OWNER, WORDS, sheet=False)
    table = animals_csv(folder.parent / f"{folder.name}.csv", ids)
    with open_study(folder) as study:
        add_box(study, "A", rig, OWNER)
        add_animals(study, table, OWNER)
        add_person(study, "tom", ["technician"], None, OWNER)
        add_person(study, "eve", ["technician", "scorer"], "4711", OWNER, badge="BADGE-EVE")
        scheduling.set_start(study, date.today() + timedelta(days=start), OWNER)
    return folder


def now() -> datetime:
    """The time of this computer, as the window has it."""
    return datetime.now().astimezone()
