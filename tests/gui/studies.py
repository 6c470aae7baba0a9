"""Small studies for the window: begun, filled, planned from today on."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from protocols.store import tables as t
from protocols.study import (
    add_animals,
    add_box,
    add_person,
    allocate_cohort,
    new,
    open_study,
    scheduling,
    seal_sessions,
)

OWNER = "ann"
WORDS = {"ann": "a horse by the river", "bob": "two boats on the lake"}
MORE = """[gate]
band = 0.49
[day]
begins = "00:00"
starts = "00:00"
ends = "23:59"
closed = []
"""
RULES = f"""name = "S1"
cues = ["a", "b"]
[parameters]
test_s = 2
conditioning_s = 2
between_sessions_s = 60
{MORE}"""
PROTOCOL = """name = "short"
version = 1
extends = "cocaine-cpp"
source = "made for a test"
without = ["conditioning2a", "conditioning2b"]
[parameters]
test_s = 2
conditioning_s = 2
between_sessions_s = 60
[[phase]]
name = "posttest"
day = 3
"""
TELLING = ("cocaine", "saline", "vehicle", "drug_first", "vehicle_first")
"""Words of this study that nobody may read beside an animal."""
IDS = ("M01", "M02", "M03", "M04")


def table(ids: Sequence[str], weight_g: str = "24", boxes: Sequence[str] = "A") -> str:
    """A table of animals in these boxes in turn; weighed today, or never."""
    rows = [
        f"{id},{'FM'[k // 2 % 2]},C{k // 2:02d},{boxes[k % len(boxes)]},{weight_g}"
        for k, id in enumerate(ids)
    ]
    return "\n".join(["id,sex,cage,box,weight_g", *rows]) + "\n"


def short_study(
    folder: Path,
    rig: str,
    ids: Sequence[str] = IDS,
    *,
    start: int = 0,
    weight_g: str = "24",
    boxes: Sequence[str] = "A",
    rules: str = RULES,
    protocol: str = PROTOCOL,
    preparers: Mapping[str, str] | None = None,
) -> Path:
    """A study whose pre-tests are due in `start` days.

    ann owns it, tom is a technician, eve has the PIN 4711 and a badge.
    """
    new(folder, protocol, rules, OWNER, WORDS, sheet=False, preparers=preparers)
    file = folder.parent / f"{folder.name}.csv"
    file.write_text(table(ids, weight_g, boxes), encoding="utf-8")
    with open_study(folder) as study:
        for box in boxes:
            add_box(study, box, rig, OWNER)
        add_animals(study, file, OWNER)
        add_person(study, "tom", ["technician"], None, OWNER)
        add_person(study, "eve", ["technician", "scorer"], "4711", OWNER, badge="BADGE-EVE")
        scheduling.set_start(study, date.today() + timedelta(days=start), OWNER)
    return folder


def pretests(ids: Sequence[str]) -> list[dict[str, str]]:
    """Pre-tests as their summaries say them, the sides liked alike."""
    return [
        {
            "subject": one,
            "test_s": "900",
            "time_left_s": str(400 + 10 * (k % 3)),
            "time_right_s": str(420 - 10 * (k % 3)),
            "time_lost_s": "0",
            "first_cue": "ab"[k % 2],
        }
        for k, one in enumerate(ids)
    ]


def sealed_study(
    folder: Path,
    rig: str,
    ids: Sequence[str] = IDS,
    *,
    boxes: Sequence[str] = "A",
    rules: str = RULES,
    protocol: str = PROTOCOL,
    preparers: Mapping[str, str] | None = None,
) -> Path:
    """A study whose animals are allocated, and whose first conditioning is due today."""
    short_study(
        folder, rig, ids, start=-1, weight_g="", boxes=boxes, rules=rules, protocol=protocol,
        preparers=preparers,
    )  # fmt: skip
    with open_study(folder) as study:
        with study.store.change(OWNER) as change:
            for animal in ids:
                uid = next(one["uid"] for one in scheduling.sessions_of(change, animal))
                change.update(t.session, {"uid": uid}, status="done")
        allocate_cohort(study, OWNER, pretests(ids), over_gate="a made study")
        seal_sessions(study, OWNER, (OWNER, WORDS[OWNER]))
    return folder
