"""A session that ended is filed: its folder and sums, and what follows from it."""

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from protocols.day.extinction import Outcome
from protocols.store import tables as t
from protocols.study.deciding import decide
from protocols.study.doing.reasons import deviate, iso
from protocols.study.folder import Study
from rig.errors import ConfigError, StorageError
from rig.storage import SessionRecord
from rig.storage.folder import SETUP, SUMS

ENDINGS = {"completed": "done", "aborted": "aborted"}


def finish_session(
    study: Study, uid: str, folder: Path, status: str, person: str, now: datetime
) -> Outcome | None:
    """File a session that ended: its folder and sums; what is decided of extinction by it.

    Raises StorageError where the folder has no sums, or is another session's, as of a practice.
    """
    sums = folder / SUMS
    if not sums.is_file():
        raise StorageError(f"{folder}: it has no {SUMS}: resume or close it, then file it")
    if uid_in(folder) != uid or not folder.resolve().is_relative_to(study.folder.resolve()):
        raise StorageError(f"{folder}: it is not of this session; nothing was filed")
    with study.store.change(person) as change:
        change.update(
            t.session,
            {"uid": uid},
            status=ENDINGS.get(status, "failed"),
            ended=iso(now),
            folder=folder.resolve().relative_to(study.folder.resolve()).as_posix(),
            sums_sha256=hashlib.sha256(sums.read_bytes()).hexdigest(),
        )
        asked = select(t.session).where(t.session.c.uid == uid)
        row = change.connection.execute(asked).mappings().one()
        for kind, what in _seen(folder):
            deviate(change, uid, kind, what, "seen by the program")
        return decide(study, change, row, now) if row["status"] == "done" else None


def give_up(study: Study, uid: str, person: str, why: str) -> None:
    """Say that a session did not begin: it is planned again."""
    with study.store.change(person, why) as change:
        change.update(
            t.session, {"uid": uid}, status="planned", started=None, rig=None, person=None
        )


def file_session(
    study: Study, animal: str, person: str, now: datetime | None
) -> tuple[str, str, Outcome | None]:
    """File a session whose program ended before it could; phase, status, what is decided by it.

    `now`: when it ended; None: by its own record.

    Raises ConfigError where none is running, StorageError where it has no end yet.
    """
    with study.store.read() as connection:
        asked = select(t.session).where(
            t.session.c.animal == animal, t.session.c.status == "running"
        )
        row = connection.execute(asked).mappings().first()
    if row is None:
        raise ConfigError("--subject", "", f"{animal!r}: no session of it is running")
    folder = folder_of(study, animal, row["uid"])
    if folder is None:
        give_up(study, row["uid"], person, "no folder was made")
        return row["phase"], "planned", None
    stop = _stop(folder)
    if stop is None:
        message = "has no end: placepref resume or close it, then file it"
        raise StorageError(f"{folder}: {message}")
    ended = now or after(datetime.fromisoformat(row["started"]), folder)
    decided = finish_session(study, row["uid"], folder, stop, person, ended)
    return row["phase"], ENDINGS.get(stop, "failed"), decided


def folder_of(study: Study, animal: str, uid: str) -> Path | None:
    """The folder of a planned session; None where none was made."""
    for setup in sorted(
        (study.folder / "rawdata" / f"sub-{animal}").glob("ses-*/behav/setup.json")
    ):
        if uid_in(setup.parent) == uid:
            return setup.parent
    return None


def uid_in(folder: Path) -> str:
    """The uid that a session's setup.json has; "" where it has none, or cannot be read."""
    try:
        return str(json.loads((folder / SETUP).read_text(encoding="utf-8")).get("uid", ""))
    except (OSError, ValueError, RecursionError, AttributeError):
        return ""  # a power cut may leave zeros: one such folder keeps no other from being filed


def rig_of(study: Study, animal: str) -> str:
    """The rig of the box that an animal is in. Raises ConfigError where none is known."""
    with study.store.read() as connection:
        asked = (
            select(t.box.c.name, t.box.c.rig)
            .join(t.animal, t.animal.c.box == t.box.c.name)
            .where(t.animal.c.id == animal)
        )
        row = connection.execute(asked).first()
    if row is None or not row.rig:
        where = f"box {row.name}" if row is not None else f"{animal}'s box"
        message = f"missing: {where} has no rig; give one, or placepref study add --box --rig"
        raise ConfigError("--rig", "", message)
    return str(row.rig)


def after(began: datetime, folder: Path) -> datetime:
    """When a session ended that began then, by the time of its last picture."""
    times = SessionRecord.open(folder).text_columns()["t_s"]
    return began + timedelta(seconds=float(times[-1]) if len(times) else 0.0)


def _seen(folder: Path) -> list[tuple[str, str]]:
    """What the session's own events say went otherwise."""
    found = {}
    for event in SessionRecord.open(folder).events():
        kind, data = event["kind"], event["data"]
        if kind == "wrong_chamber":
            found["side"] = f"the animal was in {data.get('found')}, not in {data.get('expected')}"
        elif kind in ("escape", "door_fault"):
            found[kind] = kind.replace("_", " ")
    return list(found.items())


def _stop(folder: Path) -> str | None:
    """The status of the stop record; None where there is none."""
    stop = SessionRecord.open(folder).stop
    return str(stop["status"]) if stop else None
