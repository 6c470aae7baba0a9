"""What the program uses and nobody reads: which cue set is paired, sealed by a key of the study.

The key lies outside the study's folder and database, in the folder of this person's settings, one
file a study; it is sealed in `key.sealed` too, so that a holder hands it to another rig (`study
admit`) or gets it back. Each text has its own nonce and one length, whatever it says.
"""

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from sqlalchemy import select

from protocols.store import tables as t
from rig.errors import ConfigError, StorageError

if TYPE_CHECKING:
    from protocols.study.folder import Study

CONFIG_VARIABLE = "PLACEPREF_CONFIG"
PART = "withheld"
"""The kind of the sealed key's part that holds it."""
_PAGE = 256
_MARK = "w1:"


def pairing(study: "Study") -> Mapping[str, str]:
    """Animal to the cue set that is paired for it; its chamber where cue sets never move.

    Of every animal that has a place. It is for programs that score, on no screen before the key
    was opened. Raises ConfigError where this account has not the study's key.
    """
    with study.store.read() as connection:
        rows = connection.execute(select(t.withheld).order_by(t.withheld.c.animal)).all()
    if not rows:
        return {}
    secret = secret_of(study)
    return {row.animal: show(secret, f"paired {row.animal}", row.paired) for row in rows}


def hide(secret: bytes, about: str, text: str) -> str:
    """`text` sealed for those who have the study's key, for this row and no other."""
    nonce = secrets.token_bytes(12)
    clear = text.encode()
    clear += b"\0" * (-len(clear) % _PAGE or _PAGE * (not clear))
    return _MARK + (nonce + ChaCha20Poly1305(secret).encrypt(nonce, clear, about.encode())).hex()


def show(secret: bytes, about: str, hidden: str) -> str:
    """What `hide` was given. Raises ConfigError where it was altered or is another study's."""
    try:
        raw = bytes.fromhex(hidden.removeprefix(_MARK))
        if not hidden.startswith(_MARK):
            raise ValueError
        clear = ChaCha20Poly1305(secret).decrypt(raw[:12], raw[12:], about.encode())
    except (ValueError, InvalidTag):
        message = "cannot be read with this study's key: it was altered, or the key is another's"
        raise ConfigError("study.sqlite", about, message) from None
    return clear.rstrip(b"\0").decode()


def new_secret() -> bytes:
    """A study's key, from the system's dice."""
    return secrets.token_bytes(32)


def secret_file(uid: str) -> Path:
    """Where this account keeps the key of the study with this uid, whether it is there or not.

    The environment variable PLACEPREF_CONFIG names another folder of settings.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    folder = Path(named) if named else platformdirs.user_config_path("placepref")
    return folder / "studies" / f"{uid}.key"


def keep(uid: str, secret: bytes) -> Path:
    """Keep a study's key for this account, readable by it alone; where. Raises StorageError."""
    path = secret_file(uid)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        # Made private from the start; on Windows the folder of a person's settings is.
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror or error}"
        raise StorageError(message) from error
    return path


def secret_of(study: "Study") -> bytes:
    """The study's key, as this account has it. Raises ConfigError saying what to do."""
    path = secret_file(study.uid)
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        message = (
            "this account has no key for what is withheld; a holder lets it in: "
            f"placepref study admit {study.folder} --by OWNER --holder NAME"
        )
        raise ConfigError(str(study.folder), "", message) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "", f"cannot be read: {error}") from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        message = "others can read it; make it yours alone (chmod 600), then try again"
        raise ConfigError(str(path), "", message)
    try:
        secret = bytes.fromhex(text.strip())
    except ValueError:
        secret = b""
    if len(secret) != 32:
        message = "is damaged; remove it and let a holder admit this account again"
        raise ConfigError(str(path), "", message)
    return secret


def is_admitted(study: "Study") -> bool:
    """Whether this account can use what is withheld."""
    try:
        secret_of(study)
    except ConfigError:
        return False
    return True
