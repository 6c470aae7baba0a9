"""A study's folder: begun, and opened.

study.toml protocol.toml study.sqlite key.sealed rawdata/ derivatives/ backup/
"""

import hashlib
import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import select

from protocols import blinding, library, planning, protocol
from protocols.blinding import Key
from protocols.planning import Planning
from protocols.store import Store, create, open_store, to_url
from protocols.store import tables as t
from protocols.store.opening import backup
from protocols.study import withheld
from rig.errors import ConfigError
from rig.storage.folder import replace

RULES, PROTOCOL, KEY = "study.toml", "protocol.toml", "key.sealed"


@dataclass(frozen=True)
class Study(AbstractContextManager["Study"]):
    """An open study; leaving it lets the database go."""

    folder: Path
    plan: Planning
    protocol: protocol.Protocol
    store: Store
    uid: str

    def __exit__(self, *_: object) -> None:
        self.store.close()

    @property
    def key(self) -> Key:
        """The sealed key as it is now. Raises ConfigError."""
        path = self.folder / KEY
        if not path.is_file():
            message = "is not there: without it the study cannot be unblinded; put back a copy"
            raise ConfigError(str(path), "", message)
        return blinding.read_key(path.read_text(encoding="utf-8"), str(path))


def new(
    folder: Path,
    protocol_text: str,
    rules_text: str,
    owner: str,
    passphrases: Mapping[str, str],
    *,
    sheet: bool,
    rules_file: str = RULES,
    protocol_file: str = PROTOCOL,
) -> str | None:
    """Begin a study in `folder`, which is made; the recovery sheet's words, if one was asked for.

    Raises ConfigError for a folder that holds a study, rules that cannot be used, or a key that one
    person alone could open; nothing is left half-made then.
    """
    made = protocol.parse(protocol_text, protocol_file, library.text)
    plan = planning.parse(rules_text, rules_file, [phase.name for phase in made.phase])
    for name in (RULES, PROTOCOL, KEY, "study.sqlite"):
        if (folder / name).exists():
            raise ConfigError(str(folder), "", f"holds a study already: {name}")
    key, words = blinding.new_key(passphrases, sheet=sheet)
    uid, secret = secrets.token_hex(8), withheld.new_secret()
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    try:
        with (
            create(to_url(folder, plan.database or None)) as store,
            store.change(owner, "a new study") as change,
        ):
            change.insert(
                t.study,
                uid=uid,
                name=plan.name,
                protocol=made.name,
                protocol_version=made.version,
                protocol_sha256=sha256(protocol_text),
                rules_sha256=sha256(rules_text),
                created=change.at,
            )
            change.insert(t.person, name=owner, roles="owner", active=1)
            key = blinding.seal(key, withheld.PART, {"secret": secret.hex()}, change.at)
            written.append(withheld.keep(uid, secret))
            for name, text in (
                (RULES, rules_text),
                (PROTOCOL, protocol_text),
                (KEY, key.text()),
            ):
                written.append(folder / name)
                replace(folder / name, text.encode())
        for name in ("rawdata", "derivatives", "backup"):
            (folder / name).mkdir(exist_ok=True)
    except BaseException:
        for path in (*written, *folder.glob("study.sqlite*")):
            path.unlink(missing_ok=True)
        raise
    return words


def open_study(folder: Path, *, write: bool = True) -> Study:
    """The study in `folder`. Raises ConfigError, also for rules that were edited since it began."""
    texts = {}
    for name in (RULES, PROTOCOL):
        try:
            texts[name] = (folder / name).read_bytes().decode()
        except FileNotFoundError:
            raise ConfigError(str(folder), "", f"is no study: it holds no {name}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(str(folder / name), "", f"cannot be read: {error}") from None
    made = protocol.parse(texts[PROTOCOL], str(folder / PROTOCOL), library.text)
    phases = [phase.name for phase in made.phase]
    plan = planning.parse(texts[RULES], str(folder / RULES), phases)
    store = open_store(to_url(folder, plan.database or None), write=write)
    try:
        with store.read() as connection:
            kept = connection.execute(select(t.study)).mappings().first()
        if kept is None:
            raise ConfigError(store.name, "", "holds no study")
        for name, column in ((RULES, "rules_sha256"), (PROTOCOL, "protocol_sha256")):
            if sha256(texts[name]) != kept[column]:
                message = (
                    "was edited after the study began; put back the text of then "
                    f"(SHA-256 {kept[column][:12]}...)"
                )
                raise ConfigError(str(folder / name), "", message)
        if write and not store.why:
            backup(folder, f"{date.today():%Y%m%d}")
    except BaseException:
        store.close()
        raise
    return Study(folder, plan, made, store, str(kept["uid"]))


def sha256(text: str) -> str:
    """SHA-256 of a text, hex."""
    return hashlib.sha256(text.encode()).hexdigest()
