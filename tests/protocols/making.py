"""A study of many animals: real sessions of a few, written for the others in the same formats.

What is recorded of a donor (its ticks, rows and pictures) stays as it is; the heads say another
animal, day and phase, and the chain of events and the sums are made again, so that every session
verifies. Groups, labels and the key are the real ones.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from protocols import library
from protocols.store import tables as t
from protocols.study import (
    Study,
    add_animals,
    allocate_cohort,
    new,
    open_study,
    pairs_of,
    pretests_of,
    seal_sessions,
    unblind,
)
from protocols.study.adding import plan_session
from protocols.study.opening import allocations, opened
from rig.ledger import chain_hash, json_text, to_utf8
from rig.storage.folder import EVENTS, SETUP, SUMS, session_folder

OWNER, WORDS = "ann", {"ann": "a horse by the river", "bob": "two boats on the lake"}
RULES = """name = "Cocaine, 15 mg/kg"
sides = ["left", "right"]
pretest_limit = 0.05
[gate]
stop_when = "both"
band = 0.49
[day]
closed = []
[scoring]
primary = "cpp_score_s"
{window}
"""


@dataclass(frozen=True)
class Donors:
    """Recorded sessions to write others from: of nothing learned, of `left` or `right` learned."""

    naive: Sequence[Path]
    learned: Mapping[str, Sequence[Path]]
    confined: Sequence[Path]


def made_study(
    folder: Path,
    donors: Donors,
    animals: int,
    later: Sequence[str] = (),
    *,
    window_s: float | None = None,
    reveal: bool = True,
    protocol: str = "reinstatement-cocaine",
    design: str = "unbiased",
    link: bool = False,
    most: float = 0.95,
    more: str = "",
    phases: str = "",
) -> None:
    """A whole study: its animals, pre-tests, allocation, conditioning, post-tests, later tests."""
    window = "" if window_s is None else f"window_s = {window_s}"
    rules = RULES.format(window=window).replace("[gate]", f"{more}\n[gate]", 1)
    text = library.text(protocol).replace("limit = 0.80", f"limit = {most}")
    text = text.replace("cocaine-primed", "cocaine").replace("saline-primed", "vehicle")
    drug = 'control = true\ngives.injection = { paired = "'
    text = text.replace(drug + "drug", drug + "vehicle")
    text = text.replace("[parameters]", f'[study]\ndesign = "{design}"\n\n[parameters]', 1)
    text += phases
    new(folder, text, rules, OWNER, WORDS, sheet=False)
    table = folder.parent / f"{folder.name}-animals.csv"
    rows = ["id,sex,cage,box,strain,born,weight_g,vendor,genotype"]
    for i in range(animals):
        row = (f"M{i:02d}", "FM"[(i // 4) % 2], f"C{i // 4:02d}", f"box{i % 4 + 1}", "C57BL/6J",
               "2025-10-05", f"{22 + i % 7}.{i % 10}", "Jackson", "wild type")  # fmt: skip
        rows.append(",".join(row))
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    with open_study(folder) as study:
        add_animals(study, table, OWNER)
        planned = _planned(study)
        started = datetime.fromisoformat(_created(study)) + timedelta(days=1)
        for k, (animal, box) in enumerate(planned):
            donor = donors.naive[k % len(donors.naive)]
            when = started + timedelta(minutes=25 * k)
            written = transplant(donor, folder, animal, "pretest", when, box, link=link)
            file(study, animal, "pretest", written, when)
        allocate_cohort(study, OWNER, pretests_of(study), over_gate="a made study, not a real one")
        holder = (OWNER, WORDS[OWNER])
        seal_sessions(study, OWNER, holder)
        places = _places(study, holder)
        _fill(study, folder, donors, planned, places, later, started, link=link)
        if reveal:
            unblind(study, OWNER, "the analysis is locked", holder)


def transplant(
    donor: Path,
    study: Path,
    subject: str,
    phase: str,
    when: datetime,
    box: str,
    *,
    link: bool = False,
    uid: str = "",
) -> Path:
    """The donor's session as another animal's; gives its folder. `uid`: "" for one of its own."""
    target = session_folder(study, subject, phase, 1, when.date())
    target.mkdir()
    uid = uid or hashlib.sha256(f"{subject} {phase}".encode()).hexdigest()[:16]
    setup = json.loads((donor / SETUP).read_bytes())
    setup |= {"subject": subject, "phase": phase, "box": box, "uid": uid, "operator": "Doe, Jane"}
    setup["anchor"]["wall"] = when.isoformat()
    setup_bytes = (json.dumps(setup, indent=1) + "\n").encode()
    (target / SETUP).write_bytes(setup_bytes)
    (target / EVENTS).write_bytes(_chained(donor / EVENTS, setup_bytes, subject, phase, uid))
    lines = []
    for old in (donor / SUMS).read_text(encoding="utf-8").splitlines():
        digest, _, name = old.partition("  ")
        if name in (SETUP, EVENTS):
            digest = hashlib.sha256((target / name).read_bytes()).hexdigest()
        else:
            _put(donor / name, target / name, link=link or name.endswith(".mkv"))
        lines.append(f"{digest}  {name}")
    (target / SUMS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    summary = (donor / "summary.csv").read_text(encoding="utf-8").splitlines()
    head, cells = summary[0].split(","), summary[1].split(",")
    for name, value in (("subject", subject), ("phase", phase), ("id", target.parent.name)):
        cells[head.index(name)] = value
    (target / "summary.csv").write_text(f"{summary[0]}\n{','.join(cells)}\n", encoding="utf-8")
    _put(donor / "visits.csv", target / "visits.csv", link=link)
    return target


def file(study: Study, animal: str, phase: str, folder: Path, when: datetime) -> None:
    """Tell the database of a session, as it is filed after a run."""
    sums = hashlib.sha256((folder / SUMS).read_bytes()).hexdigest()
    with study.store.change(OWNER) as change:
        found = change.connection.execute(
            select(t.session.c.uid).where(t.session.c.animal == animal, t.session.c.phase == phase)
        ).scalar()
        uid = found or plan_session(change, animal, phase, 9, 0, None)
        change.update(
            t.session,
            {"uid": uid},
            status="done",
            started=when.isoformat(),
            folder=folder.relative_to(study.folder).as_posix(),
            sums_sha256=sums,
        )


def _fill(
    study: Study,
    folder: Path,
    donors: Donors,
    planned: Sequence[tuple[str, str]],
    places: Mapping[str, tuple[str, str]],
    later: Sequence[str],
    started: datetime,
    *,
    link: bool,
) -> None:
    conditioning = [phase for pair in study.plan.conditioning for phase in pair]
    for day, phase in enumerate([*conditioning, "posttest", *later], 1):
        for k, (animal, box) in enumerate(planned):
            if animal not in places:
                continue
            side, group = places[animal]
            if phase in conditioning:
                pool = donors.confined
            elif group == "vehicle" or phase.startswith("extinction"):
                pool = donors.naive
            else:
                pool = donors.learned[side]
            donor = pool[(7 * k + 3 * day) % len(pool)]
            when = started + timedelta(days=day, minutes=25 * k)
            written = transplant(donor, folder, animal, phase, when, box, link=link)
            file(study, animal, phase, written, when)


def _places(study: Study, holder: tuple[str, str]) -> dict[str, tuple[str, str]]:
    parts = opened(study, OWNER, *holder, "who learned what, for a made study")
    return {
        place.animal: (place.side, place.group)
        for text in allocations(study, parts)
        for _, place in pairs_of(text)
    }


def _planned(study: Study) -> list[tuple[str, str]]:
    with study.store.read() as connection:
        rows = connection.execute(select(t.animal.c.id, t.animal.c.box).order_by(t.animal.c.id))
        return [(row.id, row.box) for row in rows]


def _created(study: Study) -> str:
    with study.store.read() as connection:
        return str(connection.execute(select(t.study.c.created)).scalar_one())


def _chained(path: Path, setup: bytes, subject: str, phase: str, uid: str) -> bytes:
    previous, lines = hashlib.sha256(setup).hexdigest(), []
    for line in path.read_bytes().splitlines():
        event = json.loads(line)
        event.pop("hash")
        if event["kind"] == "started":
            event["data"] |= {"subject": subject, "phase": phase, "uid": uid}
        previous = chain_hash(previous, to_utf8(json_text(event)))
        lines.append(to_utf8(json_text({**event, "hash": previous}) + "\n"))
    return b"".join(lines)


def _put(source: Path, target: Path, *, link: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if link:
        os.link(source, target)
    else:
        shutil.copyfile(source, target)
