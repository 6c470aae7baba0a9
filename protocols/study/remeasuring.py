"""Sessions measured again: other zones, entry rule or threshold, or a track that was put right.

    remeasure(study, "M01/posttest", "sam", "the lamp hid a corner", apparatus=Path("new.toml"))
    remeasure(study, folder, "sam", "it followed a reflection", corrections=Path("c.csv"))
    measured.standing(study)  # by session: the measurement that counts, and one that stands beside

From a command line `placepref study remeasure`. The session is named by its folder, its uid or
ANIMAL/PHASE[/ATTEMPT]; whoever works under codes names the folder.

What holds:

* Corrections (a file as `rig.session.correcting` reads it, all of a session's, not only the new
  ones) are of one session. An apparatus is of all sessions of its box at its camera position, which
  are those that were recorded with the same drawing (`drawn`): `sessions_of` tells which. Whoever
  made it saw one of them; the program applies it to all.
* The latest of both holds: a corrected session keeps its corrections under a new apparatus, and an
  apparatus keeps to a session that is corrected later. `corrections=NONE` takes corrections off.
* What the session saw is taken where that does; its pictures are tracked again only where something
  that the tracking uses has changed.
* Nothing is written over. Results go to `derivatives/remeasured/N/`, a folder as `rescore` writes
  it for each session, with its corrections and sums; an amendment of kind `measured` stands in the
  database, its trail, and the session's own amendments.jsonl: what, why, who, when, whether blind.
* It counts only if it was made blind: before the key was opened, by somebody who neither drew these
  animals' syringes nor saw what was not blind. What was not made blind stands beside the result.
* A test of extinction that counts anew is judged anew, and what follows from it follows, as after
  any amendment; for that the account needs the study's key (`study admit`).
* Called again after it was broken off it goes on where it stopped. To look before filing, score the
  session with `rig.session.rescoring.rescore` into a folder of your own.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from protocols import batch
from protocols.conduct.attempts import ENDED
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.amending.sessions import Row as Filed
from protocols.study.amending.sessions import dates_of, laid_out_anew, record, was_run
from protocols.study.deciding import is_judged
from protocols.study.folder import Study
from protocols.study.locking import opened_all
from protocols.study.measured import (
    CORRECTED,
    KIND,
    Remeasured,
    Standing,
    filed_in,
    remeasurements,
    standing_in,
)
from protocols.study.signing import in_open, sign
from protocols.study.withheld import secret_of
from protocols.times import phase_of
from rig.apparatus import Apparatus
from rig.errors import ConfigError, RigError, StorageError
from rig.session.again import Again
from rig.session.files import load_apparatus
from rig.session.row import Amend, Row
from rig.storage import SessionRecord
from rig.storage.folder import SETUP, SUMS, check_below, sums, write_sums

FOLDER = "derivatives/remeasured"
CORRECTIONS = "corrections.csv"
NONE = Path("none")
"""In place of a file of corrections: none any more."""
MAY = ("scorer", "owner")
BESIDE = {"name", "reference", "interlock"}
"""Of an apparatus, what measures nothing."""
CHANGES = {
    "zones": ("chamber", "doorway", "zone", "floor", "px_per_cm", "frame_size_px"),
    "entry rule": ("entry",),
    "threshold": ("tracking",),
}


class Done(NamedTuple):
    """What was filed, and what could not be measured: sessions that are no tests, and why."""

    made: list[Remeasured]
    left_out: list[str]


def remeasure(
    study: Study,
    session: str,
    person: str,
    reason: str,
    *,
    apparatus: Path | None = None,
    corrections: Path | None = None,
    pin: str | None = None,
    workers: int | None = None,
    tell: batch.Tell | None = None,
) -> Done:
    """Measure a session, or all of its box and camera position, again, and file that.

    Args:
        study: open for writing.
        session: which one; the one that was looked at.
        person: a scorer or owner of the study.
        reason: why; anybody can read it.
        apparatus: the file that holds from now on, for all sessions of box and camera position.
        corrections: all corrections of this session; `NONE`: none any more.
        pin: of the person, where there is one.
        workers: as of `batch.run`.
        tell: as of `batch.run`.

    Raises ConfigError for what cannot be used and where nothing would change, RigError where a test
    that is scored cannot be measured again. Nothing is filed then.
    """
    if (apparatus is None) == (corrections is None):
        raise ConfigError("study remeasure", "", "give one of --apparatus and --corrections")
    said = in_open(study, reason, "--reason")
    with study.store.change(person, said) as change:
        sign(change, person, pin, MAY)
        row = was_run(change, session)
        rows = [row] if apparatus is None else _alike(study, change.connection, row)
        why = _not_blind(change.connection, person, [one["animal"] for one in rows])
        if not why and any(is_judged(study, change, one["animal"]) for one in rows):
            secret_of(study)  # their extinction is judged again, by what is paired
        known = standing_in(change.connection)
    bases = {of: _base(one, blind=not why) for of, one in known.items()}
    new = None if apparatus is None else load_apparatus(apparatus)
    wanted = [
        _row(study, one, bases.get(one["folder"]), new, apparatus, corrections) for one in rows
    ]
    jobs = [(one, made) for one, made in zip(rows, wanted, strict=True) if made is not None]
    if not jobs:
        raise ConfigError("study remeasure", "", "this is how it is measured already; no change")
    part = study.folder / FOLDER / f".{_digest([made for _, made in jobs])}.part"
    results = batch.run([made for _, made in jobs], part, workers=workers, tell=tell)
    kept, left_out = _sorted_out(study, [one for one, _ in jobs], results)
    for one, made in jobs:
        if one in kept:
            _complete(part / made.id, made.amend.corrections)
    with study.store.change(person, said) as change:
        sign(change, person, pin, MAY)
        animals = [one["animal"] for one in rows]
        if standing_in(change.connection) != known or why != _not_blind(
            change.connection, person, animals
        ):
            message = "sessions were measured again or the key was opened meanwhile; once more"
            raise ConfigError("study remeasure", "", message)
        dates = dates_of(study, change, {row["animal"] for row in kept})
        made_now = _file(study, change, part, kept, bases, why, corrected=new is None)
        if not why:
            laid_out_anew(study, change, dates, None)
    return Done(made_now, left_out)


def sessions_of(study: Study, session: str) -> list[str]:
    """The folders of all sessions of the same box and camera position. Raises ConfigError."""
    with study.store.read() as connection:
        rows = _alike(study, connection, was_run(Change(connection, ""), session))
    return [str(one["folder"]) for one in rows]


def faults(study: Study) -> list[str]:
    """Results that are gone, or are not those that were filed."""
    found = []
    for one in remeasurements(study):
        folder = study.folder / one.folder
        try:
            listed = (folder / SUMS).read_bytes()
        except OSError:
            found.append(f"{one.folder}: is not there, and {one.of} was measured again by it")
            continue
        now = "".join(f"{digest}  {name}\n" for name, digest in sums(folder).items())
        if hashlib.sha256(listed).hexdigest() != one.sums_sha256 or now.encode() != listed:
            found.append(f"{one.folder}: is not as it was filed")
    return found


def drawn(apparatus: Mapping[str, Any]) -> str:
    """What decides where an animal is, as one text to compare: of a `setup.json`'s apparatus.

    Sessions of a box that were recorded with the same have the same camera position.
    """
    named = ("chamber", "doorway", "px_per_cm", "floor")
    told = {name: apparatus.get(name) for name in named}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _alike(study: Study, connection: Connection, row: Filed) -> list[Filed]:
    """The sessions that were run in the row's box, recorded with the same drawing."""
    asked = select(t.session).where(t.session.c.folder.is_not(None), t.session.c.status.in_(ENDED))
    rows = [dict(one) for one in connection.execute(asked.order_by(t.session.c.uid)).mappings()]
    own = _place(study, row)
    return [one for one in rows if one["uid"] == row["uid"] or _place(study, one) == own]


def _place(study: Study, row: Filed) -> tuple[str, str] | None:
    if row["folder"] is None:
        message = f"{row['animal']} {row['phase']}: was run outside the program: no recording"
        raise ConfigError("--session", "", message)
    try:
        setup = json.loads((study.folder / row["folder"] / SETUP).read_bytes())
        return str(setup.get("box", "")), drawn(setup["apparatus"])
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None  # placepref study check names it


def _row(
    study: Study,
    session: Filed,
    base: Remeasured | None,
    new: Apparatus | None,
    file: Path | None,
    corrections: Path | None,
) -> Row | None:
    """What is asked of a session; None where it is measured so already."""
    source = study.folder / session["folder"]
    again = None if base is None else study.folder / base.folder
    held = None if again is None else Again.open(again)
    own = None if held is None else held.apparatus.model_copy(update={"reference": None})
    mine = None if again is None else again / CORRECTIONS
    if mine is not None and not mine.is_file():
        mine = None
    if new is None:
        given = None if corrections == NONE else corrections
        if _bytes(given) == _bytes(mine):
            return None
    else:
        given = mine
        before = own or SessionRecord.open(source).setup.apparatus
        if sorted(before.chamber_names) != sorted(new.chamber_names):
            have = ", ".join(before.chamber_names)
            raise ConfigError(str(file), "chamber", f"has other chambers than {have}")
        if not new.reference and not _changed(before, new):
            return None
    return Row(
        (source,),
        id=check_below(session["uid"], study.store.name, deep=False),  # the results' folder
        apparatus=new or own,
        apparatus_file=str(file or ""),
        amend=Amend(corrections=given),
        again=again,
        as_seen=True,
    )


def _bytes(path: Path | None) -> bytes:
    if path is None:
        return b""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(str(path), "", f"cannot be read: {error.strerror}") from None


def _changed(before: Apparatus, after: Apparatus) -> tuple[str, ...]:
    """In what two apparatuses differ, their names apart."""
    one, other = (a.model_dump(mode="json", exclude=BESIDE) for a in (before, after))
    differ = {key for key in one | other if one.get(key) != other.get(key)}
    return tuple(what for what, keys in CHANGES.items() if differ & set(keys))


def _digest(rows: Sequence[Row]) -> str:
    """A name for what is asked, the same when it is asked again."""
    told = [
        [one.id, str(one.again), one.apparatus and one.apparatus.model_dump_json(),
         one.amend.to_json()]
        for one in rows
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _sorted_out(
    study: Study, rows: Sequence[Filed], results: Sequence[Any]
) -> tuple[list[Filed], list[str]]:
    """The sessions that were measured, and those that could not be, with the reason.

    Raises RigError where one of these is a test: a part of a box's tests by other zones than the
    rest is no measurement.
    """
    kept: list[Filed] = []
    left_out: list[str] = []
    tests: list[str] = []
    for row, result in zip(rows, results, strict=True):
        if result.error is None:
            kept.append(row)
            continue
        is_test = row["phase"] == study.plan.pretest or phase_of(row["phase"])
        told = f"{row['folder']}: {result.error}"
        (tests if is_test else left_out).append(told)
    if tests:
        more = f" (and {len(tests) - 1} more)" if len(tests) > 1 else ""
        raise RigError(f"{tests[0]}{more}; nothing was filed")
    if not kept:
        raise RigError(f"{left_out[0]}; nothing was filed")
    return kept, left_out


def _complete(folder: Path, corrections: Path | None) -> None:
    try:
        if corrections is not None and not (folder / CORRECTIONS).exists():
            shutil.copyfile(corrections, folder / CORRECTIONS)
        write_sums(folder)
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror or error}") from error


def _file(
    study: Study,
    change: Change,
    part: Path,
    rows: Sequence[Filed],
    bases: Mapping[str, Remeasured | None],
    why: str,
    *,
    corrected: bool,
) -> list[Remeasured]:
    for row in rows:  # all of them are there, before the first is told of it
        if not (study.folder / row["folder"]).is_dir():
            raise StorageError(f"{row['folder']}: is not there; nothing was filed")
    above = study.folder / FOLDER
    number = 1 + max((int(p.name) for p in above.iterdir() if p.name.isdigit()), default=0)
    final = above / f"{number:03d}"
    part.rename(final)
    try:
        for row in rows:
            base = bases.get(row["folder"])
            told = _told(study, row, final / row["uid"], base, why, corrected=corrected)
            before = {"uid": row["uid"], "folder": None if base is None else base.folder}
            record(study, change, row["uid"], row["folder"], KIND, before, told, change.reason)
    except BaseException:
        final.rename(part)
        raise
    newest = {one.of: one for one in filed_in(change.connection)}
    return [newest[row["folder"]] for row in rows]


def _told(
    study: Study, row: Filed, folder: Path, base: Remeasured | None, why: str, *, corrected: bool
) -> dict[str, Any]:
    changed: tuple[str, ...] = (CORRECTED,)
    if not corrected:
        before = (
            SessionRecord.open(study.folder / row["folder"]).setup.apparatus
            if base is None
            else Again.open(study.folder / base.folder).apparatus
        )
        changed = _changed(before, Again.open(folder).apparatus)
    return {
        "uid": row["uid"],
        "of": row["folder"],
        "folder": folder.relative_to(study.folder).as_posix(),
        "changed": list(changed),
        "not_blind": why,
        "sums_sha256": hashlib.sha256((folder / SUMS).read_bytes()).hexdigest(),
    }


def _base(one: Standing, *, blind: bool) -> Remeasured | None:
    """What is measured on from: who is blind builds on nothing that was not made so."""
    return one.counts if blind else one.beside or one.counts


def _not_blind(connection: Connection, person: str, animals: Sequence[str]) -> str:
    """Why this person, now, is not blind to these animals; "": is."""
    read = connection.execute
    if opened_all(connection):
        return "the key was open"
    opened = select(t.audit.c.after).where(t.audit.c.action == "key_opened")
    scopes = {json.loads(text).get("scope") for text in read(opened).scalars()}
    if told := sorted(scopes & set(animals)):
        return f"the key was opened for {', '.join(told)}"
    drew = select(t.draw.c.animal).where(t.draw.c.person == person, t.draw.c.animal.in_(animals))
    if told := sorted(set(read(drew).scalars())):
        return f"who did it had drawn syringes of {', '.join(told)}"
    saw = (
        select(t.session.c.animal)
        .join(t.procedure, t.session.c.uid == t.procedure.c.session)
        .where(
            t.session.c.animal.in_(animals),
            t.procedure.c.blind == 0,
            t.procedure.c.person == person,
        )
    )
    if told := sorted(set(read(saw).scalars())):
        return f"who did it had seen what was not blind of {', '.join(told)}"
    return ""
