"""A study's folder: begun, and opened.

study.toml protocol.toml study.sqlite key.sealed rawdata/ derivatives/ backup/
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from sqlalchemy import select

from protocols import blinding, joining, library, planning, protocol
from protocols.blinding import Key
from protocols.extending import Base, whole
from protocols.joining import Joined
from protocols.planning import Planning
from protocols.store import Store, create, open_store, places, to_url, verify
from protocols.store import tables as t
from protocols.store.opening import DatabaseError, backup
from protocols.study import withheld
from rig.config import parse_toml
from rig.errors import ConfigError
from rig.storage.folder import PRIVATE, make_private, replace

_OF_VALUES = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip
"""What comes of a value in the database that we never wrote there, wherever it is used."""
_UID = re.compile(r"[0-9a-f]{16}")
RULES, PROTOCOL, KEY = "study.toml", "protocol.toml", "key.sealed"
DRAW = "draw.sealed"
"""What labels hold, for who prepares them; nothing else can be opened with it."""


@dataclass(frozen=True)
class Study(AbstractContextManager["Study"]):
    """An open study; leaving it lets the database go. `plan`: rules and protocol as one."""

    folder: Path
    plan: Planning
    protocol: protocol.Protocol
    store: Store
    joined: Joined
    uid: str

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raises DatabaseError in place of an error that comes of values that we never wrote."""
        try:
            if isinstance(error, _OF_VALUES):
                self._judge(error)
        finally:
            self.store.close()

    def _judge(self, error: Exception) -> None:
        try:
            with self.store.read() as connection:
                faults = verify(connection)
        except _OF_VALUES as other:
            raise self._changed(str(other) or repr(other)) from error
        if faults:
            raise self._changed(f"{faults[0].where}: {faults[0].what}") from error

    def _changed(self, what: str) -> DatabaseError:
        said = f"was changed by another program, and cannot be used like that ({what})"
        return DatabaseError(f"{self.store.name} {said}; placepref study restore puts a copy back")

    @property
    def key(self) -> Key:
        """The sealed key as it is now. Raises ConfigError."""
        return self.key_named(KEY)

    def key_named(self, name: str) -> Key:
        """One of the study's two keys as it is now. Raises ConfigError."""
        path = self.folder / name
        if not path.is_file():
            message = "is not there: without it the study cannot be unblinded; put back a copy"
            raise ConfigError(str(path), "", message)
        try:
            text = path.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            message = f"cannot be read ({error}); without it the study cannot be unblinded"
            raise ConfigError(str(path), "", f"{message}; put back a copy") from None
        return blinding.read_key(text, str(path))


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
    base: Base = library.text,
    preparers: Mapping[str, str] | None = None,
) -> str | None:
    """Begin a study in `folder`, which is made; the recovery sheet's words, if one was asked for.

    A protocol that extends others (`base` gives their texts) is kept whole. `preparers` open what
    labels hold, and nothing else.

    Raises ConfigError for a folder that holds a study, rules that cannot be used, or a key that one
    person alone could open; nothing is left half-made then.
    """
    protocol_text = whole(protocol_text, protocol_file, base)
    made = protocol.parse(protocol_text, protocol_file)
    plan = planning.parse(rules_text, rules_file, [phase.name for phase in made.phase])
    plan = joining.join(plan, made, rules_file).plan
    for name in (RULES, PROTOCOL, KEY, DRAW, "study.sqlite", places.POINTER):
        if (folder / name).exists():
            raise ConfigError(str(folder), "", f"holds a study already: {name}")
    key, words = blinding.new_key(passphrases, sheet=sheet)
    texts = {RULES: rules_text, PROTOCOL: protocol_text}
    if preparers:
        both = {**passphrases, **preparers}
        texts[DRAW] = blinding.new_key(both, sheet=False)[0].text()
    uid, secret = secrets.token_hex(8), withheld.new_secret()
    _make_own(folder)
    written: list[Path] = []
    url = to_url(folder, plan.database or None)
    if not plan.database and places.shared(folder):
        live = places.keep_local(folder, uid)
        written += [folder / places.POINTER, live]
        url = f"sqlite:///{live.absolute()}"
    try:
        with (
            create(url) as store,
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
            for name in preparers or {}:
                if name != owner:
                    change.insert(t.person, name=name, roles="preparer", active=1)
            key = blinding.seal(key, withheld.PART, {"secret": secret.hex()}, change.at)
            written.append(withheld.keep(uid, secret))
            texts[KEY] = key.text()
            for name, text in texts.items():
                written.append(folder / name)
                replace(folder / name, text.encode(), private=True)
        for name in ("rawdata", "derivatives", "backup"):
            make_private(folder / name)
    except BaseException:
        for path in (*written, *folder.glob("study.sqlite*")):
            path.unlink(missing_ok=True)
        raise
    return words


def _make_own(folder: Path) -> None:
    """Make a study's folder without access for others; an empty one that is there is closed too.

    One with something in it may be shared on purpose: it stays, and what is made in it is private.
    """
    make_private(folder)
    if not any(folder.iterdir()):
        with suppress(PermissionError):  # another's folder, in which we may write
            folder.chmod(PRIVATE)


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
    database = str(parse_toml(texts[RULES], str(folder / RULES)).get("database", ""))
    live = None if database else places.local_of(folder)
    url = f"sqlite:///{live}" if live is not None else to_url(folder, database or None)
    share = "" if database or live is not None else places.shared(folder)
    store = open_store(url, write=write and not share)
    if share and write:
        store.why = (
            f"it lies on {share}, where a live database can be torn; nothing was changed; to keep "
            f"it on this computer: placepref study move {folder} --by OWNER"
        )
    try:
        with store.read() as connection:
            kept = connection.execute(select(t.study)).mappings().first()
        if kept is None:
            raise ConfigError(store.name, "", "holds no study")
        if not _UID.fullmatch(str(kept["uid"])):  # files outside of the study are named by it
            raise ConfigError(store.name, "study.uid", f"{kept['uid']!r}: is no uid of a study")
        for name, column in ((RULES, "rules_sha256"), (PROTOCOL, "protocol_sha256")):
            if sha256(texts[name]) != kept[column]:
                message = (
                    "was edited after the study began; put back the text of then "
                    f"(SHA-256 {kept[column][:12]}...)"
                )
                if name == PROTOCOL:
                    message += "; a new version is given with a reason: placepref study revise"
                raise ConfigError(str(folder / name), "", message)
        made, joined = _read(
            texts[PROTOCOL], str(folder / PROTOCOL), texts[RULES], str(folder / RULES)
        )
        if write and not store.why:
            backup(folder, f"{date.today():%Y%m%d}", live)
    except BaseException:
        store.close()
        raise
    return Study(folder, joined.plan, made, store, joined, str(kept["uid"]))


@lru_cache(maxsize=8)  # a window, or a day's script, opens the same study many times
def _read(
    protocol_text: str, protocol_file: str, rules_text: str, rules_file: str
) -> tuple[protocol.Protocol, Joined]:
    made = protocol.parse(protocol_text, protocol_file)
    plan = planning.parse(rules_text, rules_file, [phase.name for phase in made.phase])
    return made, joining.join(plan, made, rules_file)


def sha256(text: str) -> str:
    """SHA-256 of a text, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def lives_elsewhere(folder: Path) -> str:
    """What to know about a study on a share: where its live database is; "" for a local disk."""
    live = places.local_of(folder)
    if live is None:
        return ""
    return (
        f"{folder} lies on {places.shared(folder)}: its live database is on this computer, at "
        f"{live}, and only this computer runs the study; for several rigs take PostgreSQL"
    )
