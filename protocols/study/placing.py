"""A session of the study handed to a rig, and filed when it has ended, whoever watched it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from protocols.asking import (
    Choice,
    make_wish,
    refuse,
    seen_working,
    start,
    station,
    work,
    works,
)
from protocols.asking import ready as look
from protocols.day.extinction import Outcome
from protocols.store import tables as t
from protocols.study.doing import ENDINGS, Begun, finish_session, folder_of, give_up, practise
from protocols.study.folder import PROTOCOL, Study
from protocols.study.second import copy_in_background
from rig.channel import ChannelClient, find, spell_source
from rig.errors import ConfigError, RigError
from rig.session import LoadedRig, Wish, load_rig
from rig.session.load import LoadedBox
from rig.session.preflight import Finding
from rig.storage import SessionRecord
from rig.storage.folder import SUMS

PRACTICE = "-practice"
"""What a study's folder is called further where nothing of it is the study's."""


@dataclass(frozen=True)
class Filed:
    """A session that was filed. `decided`: what follows of extinction."""

    animal: str
    phase: str
    status: str
    decided: Outcome | None


@dataclass(frozen=True)
class Placed:
    """A session that a station runs now."""

    uid: str
    rig: str
    box: str
    folder: Path


@dataclass(frozen=True)
class Running:
    """A session that the study has running."""

    uid: str
    animal: str
    phase: str
    rig: str
    box: str


def choice_of(
    folder: Path,
    begun: Begun,
    rig: str,
    boxes: Sequence[str],
    operator: str,
    *,
    practice: bool = False,
) -> Choice:
    """The session as any other is chosen, with what the study knows of it; `boxes` of the rig.

    In practice it is recorded beside the study, never in it.
    """
    box = begun.box if begun.box in boxes or len(boxes) != 1 else boxes[0]
    return Choice(
        name=str(folder / PROTOCOL),
        subject=begun.animal,
        rig=rig,
        out=folder.with_name(folder.name + PRACTICE) if practice else folder,
        phase=begun.phase,
        box=box,
        paired=begun.paired,
        assigned=begun.assigned,
        operator=operator,
        uid=begun.uid,
        attempt=begun.attempt,
        cues=begun.cues,
        withheld=True,
    )


def running_of(study: Study) -> list[Running]:
    """What the study has running."""
    asked = select(t.session).where(t.session.c.status == "running").order_by(t.session.c.started)
    with study.store.read() as connection:
        rows = connection.execute(asked).mappings().all()
    return [Running(r["uid"], r["animal"], r["phase"], r["rig"], r["box"] or "") for r in rows]


def file_ended(study: Study, now: datetime) -> list[Filed]:
    """File every running session that is complete on the disk, by the person who ran it.

    One without its sums and summary is left: it runs, is being completed, or waits for `resume`.
    """
    asked = select(t.session).where(t.session.c.status == "running").order_by(t.session.c.started)
    with study.store.read() as connection:
        rows = connection.execute(asked).mappings().all()
    filed = []
    for row in rows:
        folder = folder_of(study, row["animal"], row["uid"])
        if folder is None or not all((folder / one).is_file() for one in (SUMS, "summary.csv")):
            continue
        stop = SessionRecord.open(folder).stop
        if stop is None:
            continue
        status = str(stop["status"])
        decided = finish_session(study, row["uid"], folder, status, row["person"], now)
        filed.append(Filed(row["animal"], row["phase"], ENDINGS.get(status, "failed"), decided))
    if filed:
        copy_in_background(study.folder)
    return filed


def look_before(
    study: Study, animal: str, phase: str, rig: str, operator: str, now: datetime
) -> list[Finding]:
    """All that is looked at before a session of an animal, on the word that its box is empty.

    Each door and light of the box that the session wants is worked once; what came of it holds for
    that session, if it begins within half an hour. Raises RigError, and what moved was made safe.
    """
    begun = practise(study, animal, operator, now, phase)
    loaded = load_rig(rig)
    choice = choice_of(study.folder, begun, rig, list(loaded.boxes), operator)
    wish, box = _wished(choice, loaded, by_hand=True)
    with station(spell_source(rig), loaded.digest) as client:
        worked = []
        if works(loaded, box, wish):
            worked = seen_working(work(client, box.box.name))
        return [*worked, *look(client, loaded, box, wish, choice.out)]


def _wished(choice: Choice, loaded: LoadedRig, *, by_hand: bool) -> tuple[Wish, LoadedBox]:
    operated = by_hand or not loaded.simulated
    try:
        return make_wish(choice, loaded, "operator" if operated else "auto")
    except ConfigError as error:
        if error.file == "--paired":  # its words may name the chamber
            message = "what is withheld does not fit the chambers of this box"
            raise ConfigError(f"box {choice.box}", "", message) from None
        raise


def place(
    study: Study,
    begun: Begun,
    rig: str,
    operator: str,
    *,
    practice: bool = False,
    ready: bool = False,
    by_hand: bool = True,
) -> Placed:
    """Have the rig's station run a session that was begun; one that cannot start is given up again.

    `ready`: the station has kept a picture of the empty box for it. `by_hand`: at a simulated rig,
    a person answers. Raises RigError, and no session runs then.
    """
    try:
        loaded = load_rig(rig)
        boxes = list(loaded.boxes)
        choice = choice_of(study.folder, begun, rig, boxes, operator, practice=practice)
        wish, box = _wished(choice, loaded, by_hand=by_hand)
        source, name = spell_source(rig), box.box.name
        alone = find(source) is None
        with station(source, loaded.digest) as client:
            _refuse_unready(client, loaded, box, wish, choice.out, alone=alone)
            folder = start(
                client, name, wish, choice.out, None, alone=alone,
                experimenter=not by_hand, ready=ready,
            )  # fmt: skip
    except BaseException as error:
        if not practice and not has_folder(study, begun):
            give_up(study, begun.uid, operator, f"did not begin: {error}"[:200])
        raise
    return Placed(wish.uid, source, name, folder)


def _refuse_unready(
    client: ChannelClient,
    loaded: LoadedRig,
    box: LoadedBox,
    wish: Wish,
    out: Path,
    *,
    alone: bool,
) -> None:
    """Look at all that is looked at before a session; a station that nobody else wants ends."""
    try:
        refuse(look(client, loaded, box, wish, out))
    except RigError:
        if alone:
            with suppress(RigError):
                client.request("quit")
        raise


def has_folder(study: Study, begun: Begun) -> bool:
    """Whether a session that was begun left something on the disk."""
    try:
        return folder_of(study, begun.animal, begun.uid) is not None
    except (OSError, ValueError, RigError):
        return True  # it cannot be told: the session stays as it is


def boxes_of(study: Study) -> dict[str, str]:
    """The study's boxes, each with its rig; "" where none was said."""
    with study.store.read() as connection:
        rows = connection.execute(select(t.box.c.name, t.box.c.rig).order_by(t.box.c.name)).all()
    return {row.name: row.rig or "" for row in rows}
