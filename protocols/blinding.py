"""The sealed key: what is put in can be read only by a holder's passphrase, or a printed sheet.

Open facts stand in the database, withheld ones (which cue set is paired) in a table that no screen
shows. Sealed are the allocation and its seed, which session was which, what each label holds. To
seal takes no passphrase: parts are encrypted to the key's public half, so nobody need open it
when a cohort is allocated. Its private half is wrapped for each holder by scrypt.
"""

import hashlib
import hmac
import json
import secrets
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import Field

from rig.config import Strict, check
from rig.errors import ConfigError, InputError

RECOVERY = "recovery"
SHORTEST = 12
"""Characters of a passphrase; the sheet's has 144 bits of the system's dice."""
_N, _R, _P = 2**16, 8, 1
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ23456789"
"""No vowels, so that no code is a word; nothing that looks like something else."""
_PAGE = 4096
"""What is sealed is filled up to whole pages, so that its length tells little."""
_TAG = 16
ANIMAL = "animal "
"""The kind of a part of one animal, before its id."""


class WrongPassphraseError(InputError):
    """The key stayed closed. It says no more: neither which holder nor how near."""


Hex = Annotated[str, Field(pattern="^([0-9a-f]{2})*$")]


class Holder(Strict):
    """The private half wrapped for one person; all but the name in hex."""

    name: str
    n: int = Field(ge=2**14, le=2**20)
    salt: Hex
    box: Hex


class Part(Strict):
    """Something sealed: `proof` shows that it is whole to whoever has the key, unread."""

    kind: str
    at: str
    ephemeral: Hex
    box: Hex
    proof: Hex


class Key(Strict):
    """What `key.sealed` holds."""

    version: int = Field(1, ge=1, le=1)
    public: Hex
    holder: tuple[Holder, ...] = Field(min_length=1)
    part: tuple[Part, ...] = ()

    def text(self) -> str:
        """As it is written."""
        return self.model_dump_json(indent=1) + "\n"


class Opened(NamedTuple):
    """One part in clear."""

    kind: str
    at: str
    content: Any


def read_key(text: str, file: str) -> Key:
    """The key in `text`. Raises ConfigError where it is damaged or of a newer program."""
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigError(file, "", "is damaged: no JSON; put back a copy of it") from None
    return check(table, Key, file)


def new_key(passphrases: Mapping[str, str], *, sheet: bool) -> tuple[Key, str | None]:
    """A new key for these holders, and the words of its recovery sheet if one is asked for.

    Raises ConfigError for fewer than two ways to open it, or a passphrase that is too short or
    another's too.
    """
    if len(passphrases) + sheet < 2:
        message = "one holder alone: name two, or one and a printed recovery sheet"
        raise ConfigError("--holder", "", message)
    if RECOVERY in passphrases:
        raise ConfigError("--holder", "", f"{RECOVERY!r}: is the name of the sheet")
    for name, words in passphrases.items():
        if len(_spelled(name, words)) < SHORTEST:
            message = f"{name}'s passphrase is shorter than {SHORTEST} characters"
            raise ConfigError("--holder", "", message)
    if len(set(passphrases.values())) < len(passphrases):
        raise ConfigError("--holder", "", "two holders with one passphrase are one holder")
    printed = None
    ways = dict(passphrases)
    if sheet:
        code = "".join(secrets.choice(_LETTERS) for _ in range(30))
        printed = ways[RECOVERY] = "-".join(code[i : i + 5] for i in range(0, 30, 5))
    private = X25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    raw = private.private_bytes_raw()
    holders = tuple(_wrap(name, words, raw, public) for name, words in ways.items())
    return Key(version=1, public=public.hex(), holder=holders), printed


def seal(key: Key, kind: str, content: object, at: str, at_least: int = 0) -> Key:
    """The key with one more part; no passphrase is needed. `content` is anything JSON can say.

    It is filled up to `at_least` bytes, and to a page, two, four, eight ... of them.
    """
    clear = _json(content)
    size = _PAGE
    while size < max(len(clear), at_least):
        size *= 2
    clear = clear.ljust(size)
    once = X25519PrivateKey.generate()
    ephemeral = once.public_key().public_bytes_raw()
    public = bytes.fromhex(key.public)
    shared = once.exchange(X25519PublicKey.from_public_bytes(public))
    secret, prover = _secrets_of(shared, ephemeral, public)
    box = ChaCha20Poly1305(secret).encrypt(bytes(12), clear, _coded(f"{kind}\n{at}"))
    part = Part(
        kind=kind,
        at=at,
        ephemeral=ephemeral.hex(),
        box=box.hex(),
        proof=_proof(prover, kind, at, box).hex(),
    )
    return key.model_copy(update={"part": (*key.part, part)})


def seal_each(key: Key, contents: Mapping[str, object], at: str) -> Key:
    """The key with a part of each animal alone, so that one is opened without the others.

    All are as long as the longest that there is: what an animal gets would show in the length.
    """
    there = [len(part.box) // 2 - _TAG for part in key.part if part.kind.startswith(ANIMAL)]
    longest = max([*there, *(len(_json(content)) for content in contents.values())], default=0)
    for animal in sorted(contents):
        key = seal(key, f"{ANIMAL}{animal}", contents[animal], at, longest)
    return key


def prove(key: Key, holder: str, passphrase: str) -> None:
    """Show that this holder can open the key and that each part is whole; no part is read.

    Raises WrongPassphraseError, or ConfigError naming a part that was altered.
    """
    private = _unwrap(key, holder, passphrase)
    for number, part in enumerate(key.part, 1):
        _, prover = _keys_of(private, part, key)
        proof = _proof(prover, part.kind, part.at, bytes.fromhex(part.box))
        if not hmac.compare_digest(proof, bytes.fromhex(part.proof)):
            raise ConfigError("key.sealed", f"part {number}", "was altered since it was sealed")


def unseal(key: Key, holder: str, passphrase: str, kind: str | None = None) -> tuple[Opened, ...]:
    """All parts in clear, in the order they were sealed, or those of one kind alone.

    Raises as `prove` does.
    """
    private = _unwrap(key, holder, passphrase)
    out = []
    for number, part in enumerate(key.part, 1):
        if kind is not None and part.kind != kind:
            continue
        secret, _ = _keys_of(private, part, key)
        about = _coded(f"{part.kind}\n{part.at}")
        try:
            clear = ChaCha20Poly1305(secret).decrypt(bytes(12), bytes.fromhex(part.box), about)
        except InvalidTag:
            message = "was altered since it was sealed"
            raise ConfigError("key.sealed", f"part {number}", message) from None
        out.append(Opened(part.kind, part.at, json.loads(clear)))
    return tuple(out)


def label_codes(count: int, taken: set[str]) -> list[str]:
    """New labels, none of which is in `taken`: five letters and digits from the system's dice."""
    out: list[str] = []
    known = set(taken)
    while len(out) < count:
        code = "".join(secrets.choice(_LETTERS) for _ in range(5))
        if code not in known:
            known.add(code)
            out.append(code)
    return out


def _json(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, ensure_ascii=False).encode()


def _wrap(name: str, words: str, private: bytes, public: bytes) -> Holder:
    salt = secrets.token_bytes(16)
    secret = _stretched(_spelled(name, words), salt, _N)
    box = ChaCha20Poly1305(secret).encrypt(bytes(12), private, public + _coded(name))
    return Holder(name=name, n=_N, salt=salt.hex(), box=box.hex())


def _unwrap(key: Key, holder: str, words: str) -> X25519PrivateKey:
    """The private half. A wrong name takes the same way and time as a wrong passphrase."""
    found = next((one for one in key.holder if one.name == holder), None)
    tried = found or Holder(name=holder, n=_N, salt="00" * 16, box="00" * 48)
    secret = _stretched(_spelled(holder, words), bytes.fromhex(tried.salt), tried.n)
    about = bytes.fromhex(key.public) + _coded(holder)
    try:
        raw = ChaCha20Poly1305(secret).decrypt(bytes(12), bytes.fromhex(tried.box), about)
    except InvalidTag:
        raise WrongPassphraseError("the key stayed closed: wrong holder or passphrase") from None
    return X25519PrivateKey.from_private_bytes(raw)


def _spelled(name: str, words: str) -> str:
    """A passphrase as its letters mean it, whichever keyboard; a sheet's without its hyphens."""
    if name == RECOVERY:
        return "".join(c for c in words.upper() if c in _LETTERS)
    return unicodedata.normalize("NFC", words)


def _coded(text: str) -> bytes:
    """As UTF-8; what is no text in a damaged key or on a command line comes to fit nothing."""
    return text.encode("utf-8", "backslashreplace")


def _stretched(words: str, salt: bytes, n: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=n, r=_R, p=_P).derive(_coded(words))


def _keys_of(private: X25519PrivateKey, part: Part, key: Key) -> tuple[bytes, bytes]:
    ephemeral = bytes.fromhex(part.ephemeral)
    shared = private.exchange(X25519PublicKey.from_public_bytes(ephemeral))
    return _secrets_of(shared, ephemeral, bytes.fromhex(key.public))


def _secrets_of(shared: bytes, ephemeral: bytes, public: bytes) -> tuple[bytes, bytes]:
    """One key to encrypt by and another to prove by; both are used once, with the ephemeral."""
    made = HKDF(SHA256(), 64, ephemeral + public, b"placepref key.sealed 1").derive(shared)
    return made[:32], made[32:]


def _proof(prover: bytes, kind: str, at: str, box: bytes) -> bytes:
    return hmac.digest(prover, _coded(f"{kind}\n{at}\n") + box, hashlib.sha256)
