"""A study looked over: how far it is, and whether all of it agrees."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from protocols import blinding
from protocols.blinding import WrongPassphraseError
from protocols.store import tables as t
from protocols.store import verify
from protocols.store.opening import FOR_READING
from protocols.study import remeasuring
from protocols.study.amending import chain
from protocols.study.deciding import extinction
from protocols.study.doing import folder_of
from protocols.study.excluding import standing
from protocols.study.folder import KEY, Study
from protocols.study.interrupted import interrupted
from protocols.study.opening import cohorts, count_refusal, refused
from protocols.study.ruling import by_events
from protocols.study.shifting import broken_intervals
from rig.errors import ConfigError, RigError
from rig.storage import is_being_recorded
from rig.storage.folder import SUMS, TICKS

PREPARING = timedelta(minutes=3)
"""A session that began so recently may still be prepared: its folder is made after that."""


def status(study: Study) -> dict[str, Any]:
    """What is open of the study, as numbers and words; nothing of it is withheld or sealed."""
    with study.store.read() as connection:

        def count(column: Any) -> dict[str, int]:
            found = connection.execute(select(column, func.count()).group_by(column)).all()
            return {str(value): int(number) for value, number in found}

        kept = connection.execute(select(t.study)).mappings().one()
        allocations = connection.execute(select(t.allocation)).mappings().all()
        unblinded = connection.execute(
            select(func.count()).where(t.audit.c.action == "key_opened")
        ).scalar()
        return {
            "name": kept["name"],
            "protocol": f"{kept['protocol']} {kept['protocol_version']}",
            "design": str(study.plan.design),
            "animals": count(t.animal.c.status),
            "sessions": count(t.session.c.status),
            "people": sum(count(t.person.c.name).values()),
            "holders": [one.name for one in study.key.holder],
            "allocations": [
                {
                    "cohort": one["cohort"],
                    "animals": one["animals"],
                    "sha256": one["sha256"],
                    "substitute": one["algorithm"].startswith("substitute"),
                }
                for one in allocations
            ],
            "excluded": list(
                dict.fromkeys(connection.execute(standing(t.exclusion.c.animal)).scalars())
            ),
            "key_opened": int(unblinded or 0),
            "wrong_passphrases": refused(connection),
            "why_read_only": "" if study.store.why == FOR_READING else study.store.why,
            "deviations": count(t.deviation.c.kind),
            "not_as_planned": [
                dict(one)
                for one in connection.execute(
                    select(
                        t.session.c.animal,
                        t.session.c.phase,
                        t.deviation.c.kind,
                        t.deviation.c.what,
                        t.deviation.c.reason,
                        t.deviation.c.person,
                    )
                    .join(t.session, t.session.c.uid == t.deviation.c.session)
                    .order_by(t.deviation.c.id)
                ).mappings()
            ],
            "extinction": extinction(study),
            "out_by_rules": by_events(study),
            "intervals": broken_intervals(study),
        }


def check(study: Study, holders: Mapping[str, str], person: str) -> list[str]:
    """What is wrong with the study, a line each: trail, tables, key, folders. Empty: nothing.

    `holders`: name to passphrase of those who prove that they can open the key; it stays closed.
    """
    faults = []
    with study.store.read() as connection:
        faults += [f"{one.where}: {one.what}" for one in verify(connection)]
        filed = dict(
            connection.execute(
                select(t.session.c.folder, t.session.c.sums_sha256).where(
                    t.session.c.folder.is_not(None)
                )
            ).all()
        )
    for folder, expected in sorted(filed.items()):
        sums = study.folder / folder / SUMS
        if not sums.is_file():
            faults.append(f"{folder}: its {SUMS} is not there")
        elif hashlib.sha256(sums.read_bytes()).hexdigest() != expected:
            faults.append(f"{folder}: its {SUMS} is not the one that was filed")
    faults += _amendments(study, filed)
    faults += remeasuring.faults(study)
    faults += interrupted(study.folder)
    faults += _left_running(study)
    for sums in sorted((study.folder / "rawdata").glob(f"sub-*/ses-*/behav/{SUMS}")):
        name = sums.parent.relative_to(study.folder).as_posix()
        if name not in filed:
            faults.append(f"{name}: the database does not know this session")
    try:
        key = study.key
    except ConfigError as error:
        return [*faults, str(error)]
    sealed = sum(part.kind == "allocation" for part in key.part)
    if sealed < cohorts(study):
        faults.append(f"{KEY}: holds {sealed} allocations of {cohorts(study)}")
    for name, words in holders.items():
        try:
            blinding.prove(key, name, words)
        except WrongPassphraseError as error:
            faults.append(f"{KEY}: {name}: {count_refusal(study, person, str(error))}")
        except ConfigError as error:
            faults.append(str(error))
    return faults


def _left_running(study: Study) -> list[str]:
    """Sessions that the database has as running, though no program records them."""
    with study.store.read() as connection:
        asked = select(t.session).where(t.session.c.status == "running")
        rows = connection.execute(asked.order_by(t.session.c.animal)).mappings().all()
    faults = []
    for row in rows:
        folder = folder_of(study, row["animal"], row["uid"])
        began = datetime.fromisoformat(row["started"])
        if folder is None and datetime.now(began.tzinfo) - began < PREPARING:
            continue
        if folder is None or not is_being_recorded(folder / TICKS):
            made = "no folder was made" if folder is None else "its program has ended"
            remedy = f"placepref study file {study.folder} --subject {row['animal']}"
            faults.append(
                f"{row['animal']} {row['phase']}: running since {row['started']}, but {made}: "
                f"{remedy}"
            )
    return faults


def _amendments(study: Study, folders: Mapping[str, str | None]) -> list[str]:
    """What is wrong with the amendments in the folders, against those of the database."""
    with study.store.read() as connection:
        told = [
            json.loads(text) for text in connection.execute(select(t.amendment.c.after)).scalars()
        ]
    known = {one["line_sha256"] for one in told if "line_sha256" in one}
    faults, found = [], set()
    for folder in sorted(folders):
        try:
            lines = chain.read(study.folder / folder)
        except RigError as error:
            faults.append(str(error))
            continue
        found |= {line["hash"] for line in lines}
        faults += [
            f"{folder}: {chain.FILE}: the database does not know line {line['n'] + 1}"
            for line in lines
            if line["hash"] not in known
        ]
    if lost := known - found:
        faults.append(f"{len(lost)} amendments of the database are in no session's folder")
    return faults
