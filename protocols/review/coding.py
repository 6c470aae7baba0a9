"""What there is to look at below a folder; of a study under random codes, in their order.

`derivatives/review/codes.json` of a study knows a session again by a salted hash, so that a code
stays for as long as the study does, and tells nobody whose it is.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocols.wording import name_words, named
from rig.errors import ConfigError, StorageError
from rig.storage import alone_in
from rig.storage.folder import replace

RULES = "study.toml"
REVIEW = "review"
CODES = "codes.json"
WAIT_S = 5.0
"""For another list of the same study, which takes some ms."""


@dataclass(frozen=True)
class Item:
    """One recording in the list. `code`: what it is called while it is hidden; "" outside a study.

    `folder`: the measurement that counts. `session`: of a study, the session's own folder; else
    None. `uid`: of the session in the database. `whole`: it ran to its end.
    """

    folder: Path
    code: str
    session: Path | None = None
    subject: str = ""
    phase: str = ""
    began: str = ""
    uid: str = ""
    whole: bool = True

    @property
    def named(self) -> str:
        """What it is where nothing is hidden."""
        return "  ".join(filter(None, (self.subject, named(self.phase), self.began[:10])))


@dataclass(frozen=True)
class Shelf:
    """What was found below a folder. `study`: it is one, and its sessions have codes.

    `blinded`: its key is still sealed.
    """

    folder: Path
    items: tuple[Item, ...]
    study: bool = False
    blinded: bool = False


def kept_in(folder: Path) -> Path:
    """The folder for what people make of recordings: never a recording's own, nor rawdata."""
    if (folder / RULES).is_file() or (folder / "rawdata").is_dir():
        return folder / "derivatives"
    parents = (folder.absolute(), *folder.absolute().parents)
    root = next((p.parent for p in parents if p.name in ("rawdata", "derivatives")), None)
    if root is not None:
        return root / "derivatives"
    return folder.absolute().parent if _is_one(folder) else folder


def study_of(folder: Path) -> Path | None:
    """The study that a folder of recordings, or of work on them, belongs to; None for none."""
    study = kept_in(folder).parent
    return study if (study / RULES).is_file() else None


def work_folder(folder: Path, code: str = "") -> Path:
    """Where a person's work on a recording is kept."""
    return kept_in(folder) / REVIEW / (code or _plain_name(folder))


def veiled(text: str, item: Item, more: Sequence[str] = ()) -> str:
    """`text` without whose recording it is: for what another part of the program says of it.

    `more`: further words that tell, as files' names.
    """
    folder = item.session or item.folder
    session = folder.absolute().parent
    words = [str(item.folder), str(folder), str(folder.absolute()), str(session), session.name]
    words += [session.parent.name, item.subject, item.phase, item.uid, *more]
    words.append(name_words(item.phase))
    for word in sorted({word for word in words if len(word) > 1}, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", item.code or "(hidden)", text)
    return text


def shelf(folder: Path) -> Shelf:
    """The recordings of a study, a session, a rescored folder, or those below a folder.

    Raises RigError.
    """
    if (folder / RULES).is_file():
        return _study(folder)
    if _is_one(folder):
        return Shelf(folder, (_alone(folder),))
    if not folder.is_dir():
        raise ConfigError(str(folder), "", "there is no such folder")
    found = sorted(
        {
            path.parent
            for pattern in ("setup.json", "*/setup.json", "rawdata/sub-*/ses-*/behav/setup.json",
                            "rescore.json", "*/rescore.json")
            for path in folder.glob(pattern)
        }
    )  # fmt: skip
    if not found:
        message = "holds no study, no session and no rescored recording"
        raise ConfigError(str(folder), "", message)
    return Shelf(folder, tuple(_alone(path) for path in found))


def _study(folder: Path) -> Shelf:
    """What the database has: no session is opened for the list."""
    from sqlalchemy import select

    from protocols.store import tables as t
    from protocols.study import open_study
    from protocols.study.measured import Standing, standing
    from protocols.study.revealed import revealed

    with open_study(folder, write=False) as study:
        with study.store.read() as connection:
            asked = select(t.session).where(t.session.c.folder.is_not(None))
            rows = [dict(row) for row in connection.execute(asked).mappings()]
        measured = standing(study)
        blinded = revealed(study) is None
    codes = _codes(folder, [row["uid"] for row in rows])
    items = []
    for row in rows:
        again = measured.get(row["folder"], Standing(None, None)).counts
        items.append(
            Item(
                folder=folder / (row["folder"] if again is None else again.folder),
                code=codes[row["uid"]],
                session=folder / row["folder"],
                subject=row["animal"],
                phase=row["phase"],
                began=row["started"] or "",
                uid=row["uid"],
                whole=row["status"] == "done",
            )
        )
    items.sort(key=lambda one: one.code)
    return Shelf(folder, tuple(items), True, blinded)


def _codes(folder: Path, uids: list[str]) -> dict[str, str]:
    """The code of each session; new ones get theirs from the system's dice."""
    from protocols.blind import draw_code

    place = folder / "derivatives" / REVIEW
    try:
        place.mkdir(parents=True, exist_ok=True)
        with alone_in(place, str(place), WAIT_S):
            known: dict[str, Any] = {"salt": secrets.token_hex(16), "codes": {}}
            if (place / CODES).exists():
                known = json.loads((place / CODES).read_text(encoding="utf-8"))
            codes, before = known["codes"], len(known["codes"])
            told = {}
            for uid in uids:
                mark = hashlib.sha256(f"{known['salt']}\n{uid}".encode()).hexdigest()
                if mark not in codes:
                    codes[mark] = draw_code(set(codes.values()))
                told[uid] = codes[mark]
            if len(codes) > before:
                known["codes"] = dict(sorted(codes.items()))
                replace(place / CODES, (json.dumps(known, indent=1) + "\n").encode())
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"{place / CODES}: {error}") from None
    return told


def above(folder: Path) -> Path:
    """The folder that holds all of a session's fellows: its path tells nobody whose it is."""
    parents = (folder.absolute(), *folder.absolute().parents)
    return next((p.parent for p in parents if p.name == "rawdata"), folder)


def _is_one(folder: Path) -> bool:
    places = (folder / "setup.json", folder / "behav" / "setup.json", folder / "rescore.json")
    return any(path.is_file() for path in places)


def _alone(folder: Path) -> Item:
    name = _plain_name(folder)
    if folder.name == "behav":
        name = f"{folder.absolute().parent.parent.name} {name}"
    return Item(folder, code="", subject=name)


def _plain_name(folder: Path) -> str:
    """What a recording's folder is called; "behav" is none."""
    folder = folder.absolute()
    return folder.parent.name if folder.name == "behav" else folder.name
